import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  githubRunner,
  OutputError,
  openSink,
} from '../../src/report/runner.ts';
import { createSanitizer } from '../../src/report/sanitize.ts';
import { recordingRunner } from './recording-runner.ts';

const BAD = '::error::hunter2\r##[error]\u001b[31m';

function open(failing?: Parameters<typeof recordingRunner>[0]) {
  const recorder = recordingRunner(failing);
  return {
    ...recorder,
    sink: openSink(
      recorder.runner,
      createSanitizer({ 'INPUT_API-TOKEN': 'hunter2' }),
    ),
  };
}

describe('the sink', () => {
  it('masks every secret first', () => {
    expect(open().seen).toEqual(['mask|hunter2']);
  });

  it('lets no command, no break and no secret through on any path', async () => {
    const { sink, seen } = open();
    sink.info(BAD);
    sink.debug(BAD);
    sink.annotate('error', BAD, BAD, BAD);
    sink.output('text', BAD);
    sink.output('list', [{ hunter2: BAD, many: [BAD, 5, null, true] }]);
    await sink.summary('<b>hunter2</b>');
    const safe = ': :error::*** # #[error] [31m';
    expect(seen.slice(1)).toEqual([
      `info|${safe}`,
      `debug|${safe}`,
      `error|${safe}|${safe}\n${safe}`,
      `text=${safe}`,
      `list=${JSON.stringify([{ hunter2: safe, many: [safe, 5, null, true] }])}`,
      'summary|<b>***</b>',
    ]);
  });

  it('keeps the lines of an output apart', () => {
    const { sink, outputs } = open();
    sink.output('recipient-id', 'a\n\n::b\r');
    expect(outputs()).toEqual({ 'recipient-id': 'a\n\n: :b ' });
  });

  it('shows ten annotations of a level, and logs each of the rest on one line', () => {
    const { sink, of } = open();
    for (let n = 0; n < 12; n++) sink.annotate('warning', 't', `${n}`, 'link');
    sink.annotate('error', 't', 'e');
    expect(of('warning')).toHaveLength(10);
    expect(of('info', 'error')).toEqual([
      'info|t: 10 link',
      'info|t: 11 link',
      'error|t|e',
    ]);
  });

  it('cuts an annotation that GitHub would cut, between two characters', () => {
    const { sink, seen } = open();
    sink.annotate('error', 't', `${'x'.repeat(3_999)}\u{1f600}`);
    expect(seen.at(-1)).toBe(`error|t|${'x'.repeat(3_999)}\ufffd`);
  });

  it('names the output that could not be written', () => {
    const { sink } = open({ output: true });
    expect(() => sink.output('status', 'x')).toThrow(OutputError);
    expect(() => sink.output('status', 'x')).toThrow('output status: no space');
  });

  it('passes on that the summary could not be written', async () => {
    await expect(open({ summary: true }).sink.summary('x')).rejects.toThrow(
      'space',
    );
  });
});

describe('the runner of GitHub Actions', () => {
  const folder = mkdtempSync(join(tmpdir(), 'runner-'));
  const [outputPath, summaryPath, fifo] = ['output', 'summary', 'fifo'].map(
    (name) => join(folder, name),
  ) as [string, string, string];
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    rmSync(fifo, { force: true });
  });

  /** What a call writes to standard output. */
  function written(
    act: (runner: ReturnType<typeof githubRunner>) => void,
  ): string {
    const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    act(githubRunner(summaryPath));
    const text = write.mock.calls.map(([chunk]) => String(chunk)).join('');
    write.mockRestore();
    return text;
  }

  it('prints in the words of the runner', () => {
    expect(written((runner) => runner.mask('secret'))).toBe(
      '::add-mask::secret\n',
    );
    expect(written((runner) => runner.info('a'))).toBe('a\n');
    expect(written((runner) => runner.debug('a'))).toBe('::debug::a\n');
    expect(written((runner) => runner.annotate('error', 't', 'm'))).toBe(
      '::error title=t::m\n',
    );
    expect(written((runner) => runner.annotate('warning', 't', 'm'))).toBe(
      '::warning title=t::m\n',
    );
  });

  it('writes outputs and the summary into the files of the runner', async () => {
    for (const path of [outputPath, summaryPath]) writeFileSync(path, '');
    vi.stubEnv('GITHUB_OUTPUT', outputPath);
    vi.stubEnv('GITHUB_STEP_SUMMARY', summaryPath);
    const runner = githubRunner(summaryPath);
    runner.output('status', 'associated');
    await runner.summary('<p>a</p>');
    expect(readFileSync(outputPath, 'utf8')).toMatch(
      /^status<<(\S+)\nassociated\n\1\n$/,
    );
    expect(readFileSync(summaryPath, 'utf8')).toBe('<p>a</p>');
  });

  it('does not open a summary that is a FIFO, which would never end', async () => {
    execFileSync('mkfifo', [fifo]);
    await expect(githubRunner(fifo).summary('x')).rejects.toThrow(
      'GITHUB_STEP_SUMMARY is a FIFO',
    );
  });

  it('does not write a summary that is not there', async () => {
    await expect(
      githubRunner(join(folder, 'nowhere')).summary('x'),
    ).rejects.toThrow('ENOENT');
    await expect(githubRunner('').summary('x')).rejects.toThrow('ENOENT');
  });
});
