import type { Runner } from '../../src/report/runner.ts';

/**
 * A runner that writes down what it gets, one text for each:
 * `error|title|message`, `name=value`, `info|text`.
 */
export function recordingRunner(
  failing: { output?: boolean; summary?: boolean } = {},
) {
  const seen: string[] = [];
  const runner: Runner = {
    mask: (secret) => seen.push(`mask|${secret}`),
    info: (text) => seen.push(`info|${text}`),
    debug: (text) => seen.push(`debug|${text}`),
    group: (title, lines) =>
      seen.push(`group|${title}`, ...lines.map((line) => `grouped|${line}`)),
    annotate: (level, title, message) =>
      seen.push(`${level}|${title}|${message}`),
    output(name, value) {
      if (failing.output) throw new Error('no space');
      seen.push(`${name}=${value}`);
    },
    async summary(html) {
      if (failing.summary) throw new Error('no\n::error::space');
      seen.push(`summary|${html}`);
    },
  };
  /** What begins with that. */
  const of = (...starts: string[]) =>
    seen.filter((text) => starts.some((start) => text.startsWith(start)));
  const outputs = () =>
    Object.fromEntries(
      seen.flatMap((text) =>
        /^[\w-]+=/.test(text)
          ? [[text.split('=')[0], text.slice(text.indexOf('=') + 1)]]
          : [],
      ),
    );
  return { runner, seen, of, outputs };
}
