/** Searches everything that a run shows for secrets. */
import type { RunResult } from '../../simulator/runner.ts';

/**
 * Everything that a person, a later step or the runner sees, without the lines
 * that only mask.
 */
function sinksOf(run: RunResult): Record<string, string> {
  const shown = (text: string) =>
    text
      .split(/\r\n|\r|\n/)
      .filter((line) => !line.startsWith('::add-mask::'))
      .join('\n')
      .replace(/%(0D|0A|3A|2C|25)/g, (code) => decodeURIComponent(code));
  return {
    stdout: shown(run.stdout),
    stderr: shown(run.stderr),
    summary: run.summary.replace(/&#(\d+);/g, (_, code) =>
      String.fromCharCode(Number(code)),
    ),
    ...run.outputs,
  };
}

/** This many characters of a secret do not appear by chance. */
const FRAGMENT = 12;

/**
 * Where a secret shows: as given, URL-encoded, JSON-escaped, in base64 or
 * base64url, and even a part of it: the runner masks only whole secrets.
 * @returns `sink: text` for each place; empty when nothing leaked
 */
export function leaks(run: RunResult, secrets: readonly string[]): string[] {
  const forms = secrets.flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    Buffer.from(secret).toString('base64url'),
    JSON.stringify(secret).slice(1, -1),
  ]);
  const parts = new Set(
    forms.flatMap((form) =>
      Array.from({ length: Math.max(1, form.length - FRAGMENT + 1) }, (_, at) =>
        form.slice(at, at + FRAGMENT),
      ),
    ),
  );
  return Object.entries(sinksOf(run)).flatMap(([sink, text]) => {
    const part = [...parts].find((fragment) => text.includes(fragment));
    const at = part === undefined ? 0 : text.indexOf(part);
    return part === undefined
      ? []
      : [`${sink}: …${text.slice(Math.max(0, at - 60), at + 60)}…`];
  });
}
