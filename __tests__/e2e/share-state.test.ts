/** Shares whose recipients cannot be changed one by one. */
import { describe, expect, it } from 'vitest';
import { expectOnlyReads } from './expectations.ts';
import { RECIPIENT, RECORD, runScenario, type Scenario } from './scenario.ts';

const ORGANIZATION_SHARE = { targetType: 'organization' } as const;
const DELETING = { status: 'deleting' } as const;
const DELETED = { status: 'deleted' } as const;
const recipients = [{ accountId: RECIPIENT, id: RECORD, status: 'associated' }];

// All states and changes are in reconcile/plan.test.ts.
describe.concurrent('a share that cannot be changed fails the step before the first write', () => {
  it.concurrent.each<[string, Scenario, RegExp]>([
    [
      'it targets an organization, and an account is to be added',
      { share: ORGANIZATION_SHARE },
      /the share targets an organization/,
    ],
    [
      'it is deleted, and an account is to be removed',
      { share: DELETED, recipients, inputs: { state: 'absent' } },
      /the share is deleted/,
    ],
    [
      'it is being deleted, in a dry run',
      { share: DELETING, inputs: { 'dry-run': 'true' } },
      /the share is deleting/,
    ],
  ])('%s', async (_, scenario, reason) => {
    const run = await runScenario(scenario);
    expect(run.exitCode).toBe(1);
    expectOnlyReads(run);
    expect(run.errors).toMatchObject([
      {
        title: 'Share does not allow this change',
        message: expect.stringMatching(reason),
      },
    ]);
    expect(run.recipients).toMatchObject([
      { cause: 'share-state', changed: false },
    ]);
  });
});

describe.concurrent('a share that cannot be changed needs no change', () => {
  it.concurrent.each<[string, Scenario]>([
    [
      'when a removal is under way',
      {
        share: DELETING,
        recipients: [
          {
            accountId: RECIPIENT,
            status: 'disassociating',
            settle: { disassociateReads: 1 },
          },
        ],
        inputs: { state: 'absent' },
      },
    ],
    ['when the account has access', { share: ORGANIZATION_SHARE, recipients }],
  ])('%s', async (_, scenario) => {
    const run = await runScenario(scenario);
    expect(run).toMatchObject({ exitCode: 0, errors: [] });
    expectOnlyReads(run);
  });
});
