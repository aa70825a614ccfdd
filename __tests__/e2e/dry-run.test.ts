import { describe, expect, it } from 'vitest';
import { expectOnlyReads } from './expectations.ts';
import {
  account,
  accounts,
  ORGANIZATION,
  type Run,
  runScenario,
} from './scenario.ts';

const STATUSES = [
  'associated',
  'associating',
  'disassociated',
  'disassociating',
];
const recipients = STATUSES.map((status, n) => ({
  accountId: account(n),
  id: `record${n}`,
  status,
  ...(status.endsWith('ing')
    ? { settle: { associateMs: 'never', disassociateMs: 'never' } as const }
    : {}),
}));
const five = accounts(5).join('\n');

/** The plan as the log has it, which the summary repeats without record IDs. */
function expectPlan(run: Run, lines: readonly string[], result: string): void {
  const summary = run.summary.replace(/&#(\d+);/g, (_, code) =>
    String.fromCharCode(code),
  );
  for (const [n, line] of lines.entries()) {
    expect(run.stdout).toContain(`\n${account(n)} ${line}\n`);
    const change = line.replace(/ (after )?recipient \w+ .*/, '');
    expect(summary).toContain(
      `<td>${change}</td><td><code>${account(n)}</code></td>`,
    );
  }
  expect(run.stdout).toContain(`Result: ${result}`);
  expect(run.summary).toContain(result);
}

describe.concurrent('dry-run: true', () => {
  it('shows who would be added, and waits for nobody', async () => {
    const run = await runScenario({
      recipients,
      inputs: { 'recipient-account-id': five, 'dry-run': 'true' },
    });
    expectOnlyReads(run);
    expect(run).toMatchObject({ exitCode: 0, annotations: [], polls: [] });
    expect(run.lists).toHaveLength(1);
    expect(run.outputs).toMatchObject({ status: 'mixed', changed: 'true' });
    expect(
      run.recipients.map((one) => [
        one['account_id'],
        one['status'],
        one['changed'],
      ]),
    ).toEqual([
      [account(0), 'associated', false],
      [account(1), 'associating', false],
      [account(2), 'disassociated', true],
      [account(3), 'disassociating', true],
      [account(4), 'disassociated', true],
    ]);
    const plan = [
      '= already associated: no change',
      '= already associating: wait',
      '+ add again (was a recipient before)',
      '+ add after recipient record3 is removed',
      '+ add',
    ];
    expectPlan(
      run,
      plan,
      '3 of 5 accounts would be added, 1 would be awaited, 1 unchanged',
    );
  });

  it('shows who would be removed', async () => {
    const run = await runScenario({
      recipients,
      inputs: {
        'recipient-account-id': five,
        'dry-run': 'true',
        state: 'absent',
      },
    });
    expectOnlyReads(run);
    expect(run).toMatchObject({ exitCode: 0, annotations: [], polls: [] });
    // A real removal confirms with a second list that there is nothing to
    // remove.
    expect(run.lists).toHaveLength(1);
    expect(run.outputs).toMatchObject({ changed: 'true' });
    expect(run.recipients.map(({ changed }) => changed)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    const plan = [
      '- remove recipient record0 (associated)',
      '- remove recipient record1 (associating)',
      '= not a recipient: no change',
      '= already being removed',
      '= not a recipient: no change',
    ];
    expectPlan(
      run,
      plan,
      '2 of 5 accounts would be removed, 1 would be awaited, 2 unchanged',
    );
  });

  it('ends at once for a removal with nothing to remove', async () => {
    const run = await runScenario({
      inputs: { 'dry-run': 'true', state: 'absent' },
    });
    expectOnlyReads(run);
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: { status: 'disassociated', changed: 'false' },
    });
    // Without the list that a removal would wait ten seconds for.
    expect(run.lists).toHaveLength(1);
  });

  it('records no deployment, because nothing is deployed', async () => {
    const run = await runScenario({
      inputs: {
        'dry-run': 'true',
        'github-token': 'ghs_Zk4Wq9Tn2Bv7Xr5Mc8Jd3Hf6Lp1Gs0YaZk4W',
      },
      env: (url) => ({ GITHUB_API_URL: url }),
    });
    expectOnlyReads(run);
    expect(run.exitCode).toBe(0);
    expect(run.requests.filter(({ path }) => path.includes('/repos/'))).toEqual(
      [],
    );
  });

  it('shows what would be done for an organization', async () => {
    const run = await runScenario({
      inputs: {
        'dry-run': 'true',
        'recipient-account-id': '',
        'organization-id': ORGANIZATION,
      },
    });
    expectOnlyReads(run);
    expect(run).toMatchObject({ exitCode: 0, outputs: { changed: 'true' } });
    expect(run.stdout).toContain(`\n${ORGANIZATION} + add`);
  });

  it('logs each of a thousand accounts once', async () => {
    const run = await runScenario({
      inputs: {
        'dry-run': 'true',
        'recipient-account-id': accounts(1000).join('\n'),
      },
    });
    expectOnlyReads(run);
    expect(run.exitCode).toBe(0);
    expect(run.stdout.match(/^\w{32} \+ add$/gm)).toHaveLength(1000);
    expect(run.stdout.match(/^\w{32}\b/gm)).toHaveLength(1000);
    expect(run.recipients).toHaveLength(1000);
    expect(Buffer.byteLength(run.summary)).toBeLessThan(1_048_576);
  });
});
