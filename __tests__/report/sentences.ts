/** Texts that are reviewed in a file of `texts/`, each behind its case. */
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
