import { describe, expect, it } from 'vitest';
import { account, accountIn, type Run, runScenario } from './scenario.ts';

/** Exactly these accounts were added, in this order, each with one POST. */
function expectExactly(run: Run, ids: readonly string[]): void {
  expect(run).toMatchObject({
    exitCode: 0,
    stderr: '',
    annotations: [],
    deletes: [],
  });
  expect(run.recipients.map((one) => one['account_id'])).toEqual(ids);
  expect(run.recipients.every(({ status }) => status === 'associated')).toBe(
    true,
  );
  expect(run.posts.map(accountIn).sort()).toEqual([...ids].sort());
  expect(run.records.map((record) => record.account_id).sort()).toEqual(
    [...ids].sort(),
  );
}

const [A, B, C] = ['a1', 'b2', 'c3'].map(
  (start) => start + '0123456789abcdef'.repeat(2).slice(2),
) as [string, string, string];
/** Digits only, so that YAML could read it as a number. */
const DIGITS = '12345678901234567890123456789012';

// Every form of a list is in inputs/recipient-list.test.ts, an object is in
// labels.test.ts.
describe.concurrent('a list of recipients gives access to exactly these accounts', () => {
  it.concurrent.each<[string, string, string[]]>([
    ['a JSON array over several lines', `[\n  "${A}",\n  "${B}"\n]\n`, [A, B]],
    [
      'a list as in YAML with comments, all separators, quotes and capitals',
      `# Europe\n- ${A} # prod\n#${C}\n"${DIGITS}"\r\n${account(2)}\t${B.toUpperCase()},,${A}\n# end`,
      [A, DIGITS, account(2), B],
    ],
  ])('%s', async (_, list, ids) => {
    const run = await runScenario({ inputs: { 'recipient-account-id': list } });
    expectExactly(run, ids);
  });

  it('even for a removal', async () => {
    const run = await runScenario({
      recipients: [A, B, C].map((accountId) => ({
        accountId,
        id: accountId,
        status: 'associated',
      })),
      inputs: {
        'recipient-account-id': `${A} # Europe\n# ${C}\n${B}`,
        state: 'absent',
      },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: { status: 'disassociated' },
    });
    expect(run.records.map((record) => record.association_status)).toEqual([
      'disassociated',
      'disassociated',
      'associated',
    ]);
  });
});
