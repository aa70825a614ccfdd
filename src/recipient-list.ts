const MAX_RECIPIENTS = 1000;

/**
 * What YAML makes of an unquoted ID that looks like a number: `1.2e+31`,
 * `Infinity`, or too few digits.
 */
const YAML_NUMBER = /^(\d+(\.\d+)?e[+-]?\d+|\.?inf(inity)?|\d{1,31})$/i;

/** An entry and its line in a list of several lines, from 1. */
type Entry = { readonly text: string; readonly line: number | null };

/**
 * Reads the input `recipient-account-id`: IDs separated by commas, spaces or
 * newlines, a JSON array, or a YAML-style list, with quotes around an ID and `#
 * comments`. The owner of the share cannot be its own recipient.
 * @returns the IDs in lower case and in the order given, each once, and what is
 *   wrong with them
 */
export function parseRecipientList(
  text: string,
  owner: string,
): { ids: string[]; problems: string[] } {
  const failed = (problem: string) => ({ ids: [], problems: [problem] });
  const entries = text.trim().startsWith('[')
    ? parseJson(text)
    : parseLines(text);
  if (!entries)
    return failed(
      'expected a JSON array of account IDs, got invalid JSON. Check quotes and commas.',
    );
  if (entries.length === 0) {
    const got = text.trim() ? 'an empty list' : 'nothing';
    return failed(
      `expected account IDs, got ${got}. Set this input, or \`organization-id\`.`,
    );
  }
  const byId = new Map<string, Entry>();
  for (const entry of entries)
    byId.set(
      entry.text.toLowerCase(),
      byId.get(entry.text.toLowerCase()) ?? entry,
    );
  const ids = [...byId.keys()];
  if (ids.length > MAX_RECIPIENTS) {
    return failed(
      `expected at most 1,000 account IDs, got ${ids.length}. Split them with \`strategy.matrix\`.`,
    );
  }
  const problems = ids.flatMap((id) => {
    const entry = byId.get(id) as Entry;
    const isOwner =
      id === owner &&
      `expected other accounts than the owner, got "${entry.text}". Remove it.`;
    const problem = isOwner || accountIdProblem(entry.text);
    return problem
      ? [entry.line ? `line ${entry.line}: ${problem}` : problem]
      : [];
  });
  return { ids, problems };
}

/**
 * Says why a text is not the ID of an account, 32 hexadecimal digits, and how
 * to fix it; null for an account ID.
 */
export function accountIdProblem(text: string): string | null {
  if (/^[0-9a-f]{32}$/i.test(text)) return null;
  if (!text)
    return 'expected 32 hexadecimal digits, got nothing. Set this input.';
  const got = `expected 32 hexadecimal digits, got "${text}"`;
  if (YAML_NUMBER.test(text))
    return `${got}. YAML turned the ID into a number: put it in quotes.`;
  return `${got} (length ${text.length}). Copy the account ID from the Cloudflare dashboard.`;
}

function parseJson(text: string): Entry[] | null {
  try {
    const values: unknown[] = JSON.parse(text);
    const toText = (value: unknown) =>
      typeof value === 'string' ? value.trim() : JSON.stringify(value);
    return values.map((value) => ({ text: toText(value), line: null }));
  } catch {
    return null;
  }
}

function parseLines(text: string): Entry[] {
  const lines = text.trim().split(/\r\n|\r|\n/);
  return lines.flatMap((line, index) =>
    line
      .replace(/#.*/, '')
      .replace(/^\s*-\s+(?=\S)/, '')
      .split(/[\s,]+/)
      .map((word) => ({
        text: word.replace(/^(["'])(.*)\1$/, '$2'),
        line: lines.length > 1 ? index + 1 : null,
      }))
      .filter((entry) => entry.text !== ''),
  );
}
