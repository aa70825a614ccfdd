import { describe, expect, it } from 'vitest';
import { createSanitizer } from '../../src/report/sanitizer.ts';
import { OutputError, openSink } from '../../src/report/sink.ts';
import { recordingRunner } from './recording-runner.ts';

const BAD = '::error::hunter2\r##[error]\u001b[31m';
const SAFE = ': :error::*** # #[error] [31m';
const LINK = 'https://example.com/help#topic';

function open(failing?: Parameters<typeof recordingRunner>[0]) {
  const recorder = recordingRunner(failing);
  const sink = openSink(recorder.runner, createSanitizer(['hunter2']));
  return { ...recorder, sink };
}

const annotation = (text: string, link: string | null = null) =>
  ({ level: 'error', title: 't', text, link }) as const;

describe('the sink', () => {
  it('masks every secret first', () => {
    expect(open().seen).toEqual(['mask|hunter2']);
  });

  it('lets no command, no break and no secret through on any path', () => {
    const { sink, seen } = open();
    sink.info(BAD);
    sink.debug(BAD);
    sink.group(BAD, [BAD, BAD]);
    sink.annotate({ level: 'error', title: BAD, text: BAD, link: BAD });
    sink.output('status', BAD);
    sink.output('recipients', [{ hunter2: BAD, many: [BAD, 5, null, true] }]);
    const json = [{ hunter2: SAFE, many: [SAFE, 5, null, true] }];
    expect(seen.slice(1)).toEqual([
      `info|${SAFE}`,
      `debug|${SAFE}`,
      `group|${SAFE}`,
      `grouped|${SAFE}`,
      `grouped|${SAFE}`,
      `error|${SAFE}|${SAFE}\n${SAFE}`,
      `status=${SAFE}`,
      `recipients=${JSON.stringify(json)}`,
    ]);
  });

  it('makes HTML of text, and passes HTML on as it is', async () => {
    const { sink, seen } = open();
    await sink.summary(`<b>${sink.html('<i>hunter2</i>')}</b>`);
    expect(seen.at(-1)).toBe(
      'summary|<b>&#60;i&#62;&#42;&#42;&#42;&#60;&#47;i&#62;</b>',
    );
  });

  it('keeps the lines of an output apart', () => {
    const { sink, outputs } = open();
    sink.output('recipient-id', 'a\n\n::b\r');
    expect(outputs()).toEqual({ 'recipient-id': 'a\n\n: :b ' });
  });

  it('shows ten annotations of a level, and logs each of the rest on one line', () => {
    const { sink, of } = open();
    for (let n = 0; n < 12; n++) {
      sink.annotate({ level: 'warning', title: 't', text: `${n}`, link: LINK });
    }
    sink.annotate(annotation('e'));
    expect(of('warning')).toHaveLength(10);
    expect(of('info', 'error')).toEqual([
      `info|t: 10 ${LINK}`,
      `info|t: 11 ${LINK}`,
      'error|t|e',
    ]);
  });

  it.each([4_096, 4_097, 100_000])(
    'cuts the text before a link so that %d characters fit, and logs all of it',
    (length) => {
      const { sink, seen, of } = open();
      const text = 'x'.repeat(length - LINK.length - 1);
      sink.annotate(annotation(text, LINK));
      const message = (seen[1] ?? '').slice('error|t|'.length);
      expect(message.length).toBe(4_096);
      expect(message.endsWith(`x\n${LINK}`)).toBe(length === 4_096);
      expect(message.endsWith(`…\n${LINK}`)).toBe(length > 4_096);
      expect(of('info')).toEqual(
        length > 4_096 ? [`info|t: ${text} ${LINK}`] : [],
      );
    },
  );

  it('cuts between two characters', () => {
    const { sink, seen } = open();
    sink.annotate(annotation(`${'x'.repeat(4_094)}\u{1f600}x`));
    expect(seen[1]).toBe(`error|t|${'x'.repeat(4_094)}…`);
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
