/**
 * Texts that are reviewed in a file, each behind its case. The file is in the
 * folder `texts/` beside the test.
 */
import { expect } from 'vitest';

export async function expectSentences(
  file: string,
  sentences: Readonly<Record<string, string>>,
): Promise<void> {
  const lines = Object.entries(sentences).map(
    ([situation, text]) =>
      `${situation}:\n${(text || '(nothing)').replaceAll(/^/gm, '    ')}\n`,
  );
  await expect(lines.join('')).toMatchFileSnapshot(`texts/${file}.txt`);
}

/** The sentence of each case. */
export function sentencesOf<Case>(
  cases: Readonly<Record<string, Case>>,
  toSentence: (testCase: Case) => string,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(cases).map(([situation, testCase]) => [
      situation,
      toSentence(testCase),
    ]),
  );
}
