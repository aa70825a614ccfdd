import { describe, expect, it } from 'vitest';
import { expectFailure } from './expectations.ts';
import {
  accounts,
  activeRecords,
  faultOn,
  HANG,
  mine,
  NEVER,
  ONE_RECORD,
  RECORD,
  type Run,
  type Scenario,
  startScenario,
} from './scenario.ts';

/**
 * Two seconds were promised. After seven and a half, the runner sends a second
 * signal, and ten seconds after the first it kills the run; a machine may be
 * slow until then.
 */
const SOON_MS = 7500;
const LIST_PATH = /recipients$/;
const HANG_AFTER = { ...HANG, commit: true };

/** How often the API receives a request before the run is cancelled. */
type Moment = [method: string, path: RegExp, times?: number];
const ADDED: Moment = ['POST', LIST_PATH];
const POLLED: Moment = ['GET', ONE_RECORD];

/** Cancels a run in which no write shows its effect. */
async function cancel(
  scenario: Scenario,
  moment: Moment,
  signal: NodeJS.Signals = 'SIGINT',
): Promise<Run> {
  const started = await startScenario({ timeline: NEVER, ...scenario });
  await started.waitForRequest(...moment);
  const signaledAt = performance.now();
  started.cancel(signal);
  const run = await started.finished;
  expect(performance.now() - signaledAt).toBeLessThan(SOON_MS);
  expect(run).toMatchObject({ exitCode: 1, signal: null, stderr: '' });
  return run;
}

/**
 * The reason is the signal, which later steps can read in the outputs; so is
 * what was added, although nothing shows that it has access.
 */
function expectAddedBefore(run: Run): void {
  expectFailure(run, 'Run cancelled', 'cancelled');
  expect(run.outputs).toMatchObject({
    'recipient-id': activeRecords(run)[0]?.id,
    status: 'associating',
    changed: 'true',
  });
  expect(run.recipients).toMatchObject([
    { error: expect.stringContaining('cancelled') },
  ]);
  expect(run.summary).toMatch(/<h3>🚫 .*: cancelled: 1 account not done</);
  expect(run.posts).toHaveLength(1);
  expect(run.deletes).toEqual([]);
}

/** Different signals, because the system delivers equal ones once. */
async function sendAll(signals: NodeJS.Signals[]): Promise<Run> {
  const started = await startScenario({
    timeline: NEVER,
    faults: [faultOn('POST', HANG_AFTER)],
  });
  await started.waitForRequest(...ADDED);
  for (const signal of signals) started.child.kill(signal);
  const run = await started.finished;
  expect(run).toMatchObject({ exitCode: 1, signal: null });
  return run;
}

// All that may be under way then is in reconcile/endings.test.ts.
describe
  .runIf(process.platform !== 'win32')
  .concurrent('a cancelled run', () => {
    it('finds the ID with one last list when no reply to a POST arrives', async () => {
      const faults = [faultOn('POST', HANG_AFTER)];
      const run = await cancel({ faults }, ADDED);
      expectAddedBefore(run);
      expect(run.lists).toHaveLength(2);
    });

    it('ends during a poll that hangs', async () => {
      const faults = [faultOn(ONE_RECORD, HANG)];
      expectAddedBefore(await cancel({ faults }, POLLED));
    });

    it('ends in the same way with SIGTERM', async () => {
      expectAddedBefore(await cancel({}, POLLED, 'SIGTERM'));
    });

    it('does not undo a removal, and reports what is known', async () => {
      const run = await cancel(
        { recipients: [mine()], inputs: { state: 'absent' } },
        POLLED,
      );
      expect(run.posts).toEqual([]);
      expect(run.deletes).toHaveLength(1);
      expect(run.outputs).toMatchObject({
        'recipient-id': RECORD,
        status: 'disassociating',
        changed: 'true',
      });
    });

    it('posts no more of many accounts, and reports each', async () => {
      const forty = accounts(40);
      const run = await cancel(
        {
          targets: forty,
          faults: [faultOn('POST', HANG_AFTER, { nth: 5, times: 99 })],
        },
        // Four are sent at a time, so the second four hang together.
        ['POST', LIST_PATH, 8],
      );
      expect(run.posts).toHaveLength(8);
      expect(run.recipients.map((one) => one['account_id'])).toEqual(forty);
      const known = run.recipients.filter(
        (one) => one['recipient_id'] !== null,
      );
      expect(known.map((one) => one['recipient_id']).sort()).toEqual(
        run.records.map(({ id }) => id).sort(),
      );
      expect(known).toHaveLength(8);
      for (const { error } of run.recipients)
        expect(error).toContain('cancelled');
      expect(new Set(run.errors.map(({ title }) => title))).toEqual(
        new Set(['Run cancelled']),
      );
    });

    // Some runners send two signals together.
    it('reports as much after two signals as after one', async () => {
      expectAddedBefore(await sendAll(['SIGTERM', 'SIGHUP']));
    });

    it('ends at once with a third signal', async () => {
      const run = await sendAll(['SIGINT', 'SIGTERM', 'SIGHUP']);
      expect(run.summary).toBe('');
      // With two, a last list would have followed the POST.
      expect(run.lists).toHaveLength(1);
    });
  });
