import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { githubRunner } from '../../src/github/github-runner.ts';

describe('the runner of GitHub Actions', () => {
  const folder = mkdtempSync(join(tmpdir(), 'runner-'));
  const outputPath = join(folder, 'output');
  const summaryPath = join(folder, 'summary');
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
  });

  /** What a call writes to standard output. */
  function written(
    act: (runner: ReturnType<typeof githubRunner>) => void,
  ): string {
    const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    act(githubRunner(true));
    const text = write.mock.calls.map(([chunk]) => String(chunk)).join('');
    write.mockRestore();
    return text;
  }

  it.each<[string, (runner: ReturnType<typeof githubRunner>) => void]>([
    ['::add-mask::secret\n', (runner) => runner.mask('secret')],
    ['a\n', (runner) => runner.info('a')],
    ['::debug::a\n', (runner) => runner.debug('a')],
    ['::error title=t::m\n', (runner) => runner.annotate('error', 't', 'm')],
    [
      '::warning title=t::m\n',
      (runner) => runner.annotate('warning', 't', 'm'),
    ],
    [
      '::group::t\na\nb\n::endgroup::\n',
      (runner) => runner.group('t', ['a', 'b']),
    ],
  ])('prints %j', (text, act) => {
    expect(written(act)).toBe(text);
  });

  it('writes outputs and the summary into the files of the runner', async () => {
    for (const path of [outputPath, summaryPath]) writeFileSync(path, '');
    vi.stubEnv('GITHUB_OUTPUT', outputPath);
    vi.stubEnv('GITHUB_STEP_SUMMARY', summaryPath);
    const runner = githubRunner(true);
    runner.output('status', 'associated');
    await runner.summary('<p>a</p>');
    expect(readFileSync(outputPath, 'utf8')).toMatch(
      /^status<<(\S+)\nassociated\n\1\n$/,
    );
    expect(readFileSync(summaryPath, 'utf8')).toBe('<p>a</p>');
  });

  it('writes no summary where the runner shows none', async () => {
    vi.stubEnv('GITHUB_STEP_SUMMARY', '');
    await expect(githubRunner(false).summary('x')).resolves.toBeUndefined();
  });
});
