import { expect, it } from 'vitest';
import { expectSuccess } from './expectations.ts';
import { account, accountIn, runScenario } from './scenario.ts';

const [A, B, C] = ['a1', 'b2', 'c3'].map(
  (start) => start + '0123456789abcdef'.repeat(2).slice(2),
) as [string, string, string];
/** Digits only, so that YAML could read it as a number. */
const DIGITS = '12345678901234567890123456789012';

// Every form of a list is in inputs/recipient-list.test.ts, an object is in
// labels.test.ts, a file in recipient-file.test.ts.
it.concurrent.each<[string, string, string[]]>([
  ['a JSON array over several lines', `[\n  "${A}",\n  "${B}"\n]\n`, [A, B]],
  [
    'a list as in YAML with comments, all separators, quotes and capitals',
    `# Europe\n- ${A} # prod\n#${C}\n"${DIGITS}"\r\n${account(2)}\t${B.toUpperCase()},,${A}\n# end`,
    [A, DIGITS, account(2), B],
  ],
])(
  'a list of recipients gives access to exactly these accounts: %s',
  async (_, list, ids) => {
    const run = await runScenario({ targets: [list] });
    expectSuccess(run, { status: 'associated' });
    expect(run).toMatchObject({ annotations: [], deletes: [] });
    expect(run.recipients.map((recipient) => recipient['account_id'])).toEqual(
      ids,
    );
    expect(run.posts.map(accountIn).sort()).toEqual([...ids].sort());
    expect(run.records.map((record) => record.account_id).sort()).toEqual(
      [...ids].sort(),
    );
  },
);
