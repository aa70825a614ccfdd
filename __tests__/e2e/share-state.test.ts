/** Shares whose recipients cannot be changed one by one. */
import { expect, it } from 'vitest';
import {
  expectFailure,
  expectOnlyReads,
  expectSuccess,
} from './expectations.ts';
import { mine, runScenario } from './scenario.ts';

const share = { targetType: 'organization' } as const;

// All states and changes are in reconcile/plan.test.ts.
it.concurrent('a share that targets an organization fails the step before the first write', async () => {
  const run = await runScenario({ share });
  expectFailure(
    run,
    'Share does not allow this change',
    /the share targets an organization/,
  );
  expectOnlyReads(run);
  expect(run.recipients).toMatchObject([
    { cause: 'share-state', changed: false },
  ]);
});

it.concurrent('a share that targets an organization needs no change when the account has access', async () => {
  const run = await runScenario({ share, recipients: [mine()] });
  expectSuccess(run);
  expectOnlyReads(run);
});

it.concurrent('a share that is being deleted needs no change when a removal is under way', async () => {
  const run = await runScenario({
    share: { status: 'deleting' },
    recipients: [
      mine({ status: 'disassociating', settle: { disassociateReads: 1 } }),
    ],
    inputs: { state: 'absent' },
  });
  expectSuccess(run);
  expectOnlyReads(run);
});
