import { describe, expect, it } from 'vitest';
import type { Fault, FaultRule } from '../../simulator/faults.ts';
import { expectOutputs } from './expectations.ts';
import {
  accounts,
  activeRecords,
  LIST,
  ONE_RECORD,
  RECIPIENT,
  RECORD,
  type Run,
  type Scenario,
  type StartedScenario,
  startScenario,
} from './scenario.ts';

/**
 * Two seconds were promised. After seven and a half, the runner sends a second
 * signal, and ten seconds after the first it kills the run; a machine may be
 * slow until then.
 */
const SOON_MS = 7500;
const LIST_PATH = /recipients$/;

type Ready = (started: StartedScenario) => Promise<unknown>;
const requested = (method: string, path: RegExp, times = 1): Ready => {
  return ({ waitForRequest }) => waitForRequest(method, path, times);
};

/**
 * Waits until the run is where it is to be cancelled, cancels it, and measures
 * how long it takes to end.
 */
async function cancel(
  scenario: Scenario,
  ready: Ready,
  signal: NodeJS.Signals = 'SIGINT',
): Promise<Run & { tookMs: number }> {
  const started = await startScenario(scenario);
  await ready(started);
  const signaledAt = performance.now();
  started.cancel(signal);
  const run = await started.finished;
  return { ...run, tookMs: performance.now() - signaledAt };
}

/** Different signals, because the system delivers equal ones once. */
function sendAll({ child }: StartedScenario, signals: NodeJS.Signals[]): void {
  for (const signal of signals) child.kill(signal);
}

/** The reason is the signal, which later steps can read in the outputs. */
function expectReason(run: Run): void {
  expect(run.errors).toMatchObject([
    { message: expect.stringContaining('cancelled') },
  ]);
  expect(run.recipients).toMatchObject([
    { error: expect.stringContaining('cancelled') },
  ]);
}

function expectCancelled(run: Run & { tookMs: number }): void {
  expect(run.tookMs).toBeLessThan(SOON_MS);
  expect(run.exitCode).toBe(1);
  expect(run.signal).toBeNull();
  expect(run.stderr).toBe('');
  expect(run.errors).toHaveLength(1);
  expect(run.errors[0]?.title).toBe('Run cancelled');
  expectOutputs(run);
  expect(run.summary).toMatch(
    /<h3>🚫 .*: cancelled: 1 of 1 account not done<|<h3>🚫 .*: cancelled: 1 account not done</,
  );
  expect(run.deletes).toEqual([]);
}

/**
 * A scenario in which nobody ever gets access, and some requests meet a fault.
 */
function faulty(when: FaultRule['when'], fault: Fault): Scenario {
  return {
    api: { timeline: { associateMs: 'never' }, faults: [{ when, do: fault }] },
  };
}

const HANG: Fault = { kind: 'hang' };
const RATE_LIMITED: Fault = {
  kind: 'response',
  status: 429,
  headers: { 'retry-after': '60' },
};

describe.runIf(process.platform !== 'win32')('a cancelled run', () => {
  describe.concurrent('at any moment', () => {
    it('ends during the list', async () => {
      const run = await cancel(
        faulty({ pathIncludes: LIST }, HANG),
        requested('GET', LIST_PATH),
      );
      expectCancelled(run);
      expect(run).toMatchObject({
        posts: [],
        outputs: { 'recipient-id': '', status: 'unknown', changed: 'false' },
      });
    });

    it('keeps the ID from the reply to a POST that arrives in time', async () => {
      const slow: Fault = { kind: 'slow', delayMs: 100 };
      const run = await cancel(
        faulty({ method: 'POST' }, slow),
        requested('POST', LIST_PATH),
      );
      expectCancelled(run);
      expectReason(run);
      expect(run.posts).toHaveLength(1);
      expect(run.outputs).toMatchObject({
        status: 'associating',
        changed: 'true',
      });
      expect(run.outputs['recipient-id']).toBe(activeRecords(run)[0]?.id);
    });

    it('finds the ID with one last list when no reply to a POST arrives', async () => {
      const hang: Fault = { kind: 'hang', commit: true };
      const run = await cancel(
        faulty({ method: 'POST' }, hang),
        requested('POST', LIST_PATH),
      );
      expectCancelled(run);
      expectReason(run);
      expect(run.posts).toHaveLength(1);
      expect(run.lists).toHaveLength(2);
      expect(run.outputs).toMatchObject({
        status: 'associating',
        changed: 'true',
      });
      expect(run.outputs['recipient-id']).toBe(activeRecords(run)[0]?.id);
    });

    it('says that the POST may have been carried out when the last list hangs too', async () => {
      const scenario: Scenario = {
        api: {
          faults: [
            { when: { method: 'POST' }, do: HANG },
            { when: { pathIncludes: LIST, nth: 2, times: 9 }, do: HANG },
          ],
        },
      };
      const run = await cancel(scenario, requested('POST', LIST_PATH));
      expectCancelled(run);
      expectReason(run);
      expect(run.posts).toHaveLength(1);
      expect(run.outputs['recipient-id']).toBe('');
      expect(run.errors[0]?.message).toContain('may have been carried out');
    });

    it('ends during a poll that hangs', async () => {
      const run = await cancel(
        faulty({ pathIncludes: ONE_RECORD }, HANG),
        requested('GET', ONE_RECORD),
      );
      expectCancelled(run);
      expectReason(run);
      expect(run.outputs).toMatchObject({
        status: 'associating',
        changed: 'true',
      });
      expect(run.outputs['recipient-id']).toBe(activeRecords(run)[0]?.id);
    });

    it('ends between two polls', async () => {
      const scenario: Scenario = {
        api: { timeline: { associateMs: 'never' } },
      };
      const run = await cancel(scenario, requested('GET', ONE_RECORD));
      expectCancelled(run);
      expectReason(run);
      expect(run.errors[0]?.message).toContain('last status `associating` for');
      expect(run.outputs['recipient-id']).toBe(activeRecords(run)[0]?.id);
      expect(run.polls.length).toBeLessThanOrEqual(2);
    });

    it('ends while a POST waits for the rate limit', async () => {
      const run = await cancel(
        faulty({ method: 'POST' }, RATE_LIMITED),
        requested('POST', LIST_PATH),
      );
      expectCancelled(run);
      expectReason(run);
      expect(run).toMatchObject({
        outputs: {
          'recipient-id': '',
          status: 'disassociated',
          changed: 'false',
        },
      });
      expect(run.posts).toHaveLength(1);
      expect(activeRecords(run)).toEqual([]);
      expect(run.errors[0]?.message).not.toContain('may have been carried out');
    });
  });

  it.concurrent('ends in the same way with SIGTERM', async () => {
    const run = await cancel(
      { api: { timeline: { associateMs: 'never' } } },
      requested('GET', ONE_RECORD),
      'SIGTERM',
    );
    expectCancelled(run);
    expectReason(run);
    expect(run.outputs['recipient-id']).toBe(activeRecords(run)[0]?.id);
  });

  describe.concurrent('undoes nothing', () => {
    it('of a removal, and reports what is known', async () => {
      const run = await cancel(
        {
          api: { timeline: { disassociateMs: 'never' } },
          recipients: [
            { accountId: RECIPIENT, id: RECORD, status: 'associated' },
          ],
          inputs: { state: 'absent' },
        },
        requested('GET', ONE_RECORD),
      );
      expect(run).toMatchObject({
        exitCode: 1,
        posts: [],
        outputs: {
          'recipient-id': RECORD,
          status: 'disassociating',
          changed: 'true',
        },
      });
      expect(run.deletes).toHaveLength(1);
      expect(run.tookMs).toBeLessThan(SOON_MS);
    });

    it('of a removal whose reply is lost, and finds the result with one last list', async () => {
      const run = await cancel(
        {
          api: {
            timeline: { disassociateMs: 'never' },
            faults: [
              {
                when: { method: 'DELETE' },
                do: { kind: 'hang', commit: true },
              },
            ],
          },
          recipients: [
            { accountId: RECIPIENT, id: RECORD, status: 'associated' },
          ],
          inputs: { state: 'absent' },
        },
        requested('DELETE', ONE_RECORD),
      );
      expect(run).toMatchObject({
        exitCode: 1,
        outputs: {
          'recipient-id': RECORD,
          status: 'disassociating',
          changed: 'true',
        },
      });
      expect(run.tookMs).toBeLessThan(SOON_MS);
    });

    it('of many accounts, posts no more of them, and reports each', async () => {
      const forty = accounts(40);
      const run = await cancel(
        {
          api: {
            timeline: { associateMs: 'never' },
            faults: [
              {
                when: { method: 'POST', nth: 5, times: 99 },
                do: { kind: 'hang', commit: true },
              },
            ],
          },
          inputs: { 'recipient-account-id': forty.join('\n') },
        },
        // Four are sent at a time, so the second four hang together.
        requested('POST', LIST_PATH, 8),
      );
      expect(run.exitCode).toBe(1);
      expect(run.tookMs).toBeLessThan(SOON_MS);
      expect(run.posts).toHaveLength(8);
      expect(run.recipients.map((one) => one['account_id'])).toEqual(forty);
      const known = run.recipients.filter(
        (one) => one['recipient_id'] !== null,
      );
      expect(known.map((one) => one['recipient_id']).sort()).toEqual(
        run.records.map(({ id }) => id).sort(),
      );
      expect(known).toHaveLength(8);
      expect(
        run.recipients.every((one) =>
          String(one['error']).includes('cancelled'),
        ),
      ).toBe(true);
      expect(new Set(run.errors.map(({ title }) => title))).toEqual(
        new Set(['Run cancelled']),
      );
    });
  });

  // Some runners send two signals together.
  describe.concurrent('reports as much after two signals as after one', () => {
    it('while a POST hangs, whose record it finds', async () => {
      const hang: Fault = { kind: 'hang', commit: true };
      const started = await startScenario(faulty({ method: 'POST' }, hang));
      await started.waitForRequest('POST', LIST_PATH);
      sendAll(started, ['SIGTERM', 'SIGHUP']);
      const run = await started.finished;
      expect(run).toMatchObject({ exitCode: 1, signal: null });
      expect(run.errors).toMatchObject([{ title: 'Run cancelled' }]);
      expect(run.outputs).toMatchObject({
        'recipient-id': activeRecords(run)[0]?.id,
        status: 'associating',
        changed: 'true',
      });
      expect(run.summary).toContain('cancelled: 1 account not done');
    });
  });

  it('ends at once with a third signal', async () => {
    const started = await startScenario(faulty({ method: 'POST' }, HANG));
    await started.waitForRequest('POST', LIST_PATH);
    sendAll(started, ['SIGINT', 'SIGTERM', 'SIGHUP']);
    const run = await started.finished;
    expect(run).toMatchObject({ exitCode: 1, signal: null, summary: '' });
    // With two, a last list would have followed the POST.
    expect(run.lists).toHaveLength(1);
  });
});
