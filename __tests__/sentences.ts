/** Texts that are reviewed in a file, each behind its case. */
import { expect } from 'vitest';

/** Compares them with a file in the folder `texts/` beside the test. */
export async function expectSentences<Case>(
  file: string,
  cases: Readonly<Record<string, Case>>,
  toSentence: (testCase: Case) => string | Promise<string> = String,
): Promise<void> {
  let all = '';
  for (const [situation, testCase] of Object.entries(cases)) {
    const text = (await toSentence(testCase)) || '(nothing)';
    all += `${situation}:\n${text.replaceAll(/^/gm, '    ')}\n`;
  }
  await expect(all).toMatchFileSnapshot(`texts/${file}.txt`);
}
