import { describe, expect, it } from 'vitest';
import { expectOnlyReads, expectSuccess } from './expectations.ts';
import {
  account,
  accounts,
  NEVER,
  type Run,
  record,
  runScenario,
  type Scenario,
  seed,
} from './scenario.ts';

/** One record of each status; the fifth account has none. */
const scenario: Scenario = {
  targets: accounts(5),
  recipients: [
    seed(0),
    seed(1, { status: 'associating', settle: NEVER }),
    seed(2, { status: 'disassociated' }),
    seed(3, { status: 'disassociating', settle: NEVER }),
  ],
};

/**
 * The plan and the result as the log has them; the summary repeats both,
 * without record IDs.
 */
function expectPlan(run: Run, lines: readonly string[], result: string): void {
  const log = lines.map((line, n) => `${account(n)} ${line}`).join('\n');
  expect(run.stdout).toContain(`\n${log}\nResult: ${result}`);
  const summary = run.summary.replace(/&#(\d+);/g, (_, code) =>
    String.fromCharCode(code),
  );
  for (const [n, line] of lines.entries()) {
    const change = line.replace(/ (after )?recipient \w+ .*/, '');
    expect(summary).toContain(
      `<td>${change}</td><td><code>${account(n)}</code></td>`,
    );
  }
  expect(summary).toContain(result);
}

describe.concurrent('dry-run: true', () => {
  async function dryRun({ inputs, ...more }: Scenario = {}): Promise<Run> {
    const run = await runScenario({
      ...more,
      inputs: { ...inputs, 'dry-run': 'true' },
    });
    expectSuccess(run, { changed: 'true' });
    expectOnlyReads(run);
    expect(run).toMatchObject({ annotations: [], polls: [] });
    // A real removal confirms with a second list that there is nothing to
    // remove.
    expect(run.lists).toHaveLength(1);
    return run;
  }

  it('shows who would be added, and waits for nobody', async () => {
    const run = await dryRun(scenario);
    expect(run.outputs).toMatchObject({ status: 'mixed' });
    expect(
      run.recipients.map((one) => [one['status'], one['changed']]),
    ).toEqual([
      ['associated', false],
      ['associating', false],
      ['disassociated', true],
      ['disassociating', true],
      ['disassociated', true],
    ]);
    const plan = [
      '= already associated: no change',
      '= already associating: wait',
      '+ add again (was a recipient before)',
      `+ add after recipient ${record(3)} is removed`,
      '+ add',
    ];
    expectPlan(
      run,
      plan,
      '3 of 5 accounts would be added, 1 under way, would be awaited, 1 unchanged',
    );
  });

  it('shows who would be removed', async () => {
    const run = await dryRun({ ...scenario, inputs: { state: 'absent' } });
    expect(run.recipients.map(({ changed }) => changed)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    const plan = [
      `- remove recipient ${record(0)} (associated)`,
      `- remove recipient ${record(1)} (associating)`,
      '= not a recipient: no change',
      '= already being removed',
      '= not a recipient: no change',
    ];
    expectPlan(
      run,
      plan,
      '2 of 5 accounts would be removed, 1 under way, would be awaited, 2 unchanged',
    );
  });
});
