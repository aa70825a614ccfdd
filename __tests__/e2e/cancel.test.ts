import { describe, expect, it } from 'vitest';
import type { Fault, FaultRule } from '../../simulator/faults.ts';
import {
  account,
  liveRows,
  type Played,
  RECIPIENT,
  ROW,
  type Scene,
  SHARE,
  type Started,
  start,
  TIMED,
} from './stage.ts';

/** Two seconds were promised; the third is for a machine that is busy with other tests. */
const SOON_MS = 3000;
const LIST = /recipients$/;
const POLL = /recipients\/./;

/** Waits until the run is where it is to be cancelled, cancels it, and gives what it did then. */
async function cancel(
  scene: Scene,
  ready: (run: Started) => Promise<unknown>,
  signal: NodeJS.Signals = 'SIGINT',
): Promise<Played & { tookMs: number }> {
  const run = await start(scene);
  await ready(run);
  const began = performance.now();
  run.cancel(signal);
  const played = await run.finished;
  return { ...played, tookMs: performance.now() - began };
}

function expectCancelled(run: Played & { tookMs: number }): void {
  expect(run.tookMs).toBeLessThan(SOON_MS);
  expect(run.exitCode).toBe(1);
  expect(run.signal).toBeNull();
  expect(run.stderr).toBe('');
  expect(run.errors).toHaveLength(1);
  expect(run.errors[0]).toMatchObject({ title: 'Cancelled', message: expect.stringContaining('cancelled') });
  expect(Object.keys(run.outputs).sort()).toEqual(['changed', 'recipient-id', 'recipients', 'status']);
  expect(run.recipients).toMatchObject([{ error: expect.stringContaining('cancelled') }]);
  expect(run.summary).toMatch(/<h3>❌ Cancelled/);
  expect(run.deletes).toEqual([]);
}

const faulty = (when: FaultRule['when'], fault: Fault): Scene => ({
  api: { timeline: { associateMs: 'never' }, faults: [{ when, do: fault }] },
});
const HANG: Fault = { kind: 'hang' };

describe.runIf(process.platform !== 'win32')('cancel', () => {
  describe.concurrent.each(['SIGINT', 'SIGTERM'] as const)('with %s', TIMED, (signal) => {
    it('during the list', async () => {
      const run = await cancel(
        faulty({ pathIncludes: /recipients\?/ }, HANG),
        ({ saw }) => saw('GET', LIST),
        signal,
      );
      expectCancelled(run);
      expect(run).toMatchObject({ posts: [], outputs: { 'recipient-id': '', status: '', changed: 'false' } });
    });

    it('during a POST that is answered in time: its id is kept', async () => {
      const slow: Fault = { kind: 'slow', delayMs: 400 };
      const run = await cancel(faulty({ method: 'POST' }, slow), ({ saw }) => saw('POST', LIST), signal);
      expectCancelled(run);
      expect(run.posts).toHaveLength(1);
      expect(run.outputs).toMatchObject({ status: 'associating', changed: 'true' });
      expect(run.outputs['recipient-id']).toBe(liveRows(run)[0]?.id);
    });

    it('during a POST that is not answered: it is looked up once, so its id is kept', async () => {
      const hang: Fault = { kind: 'hang', commit: true };
      const run = await cancel(faulty({ method: 'POST' }, hang), ({ saw }) => saw('POST', LIST), signal);
      expectCancelled(run);
      expect(run.posts).toHaveLength(1);
      expect(run.lists).toHaveLength(2);
      expect(run.outputs).toMatchObject({ status: 'associating', changed: 'true' });
      expect(run.outputs['recipient-id']).toBe(liveRows(run)[0]?.id);
    });

    it('during a POST when nothing answers any more: it says what may have been done', async () => {
      const scene: Scene = {
        api: {
          faults: [
            { when: { method: 'POST' }, do: HANG },
            { when: { pathIncludes: /recipients\?/, nth: 2, times: 9 }, do: HANG },
          ],
        },
      };
      const run = await cancel(scene, ({ saw }) => saw('POST', LIST), signal);
      expectCancelled(run);
      expect(run.posts).toHaveLength(1);
      expect(run.outputs['recipient-id']).toBe('');
      expect(run.errors[0]?.message).toContain('may have been carried out');
    });

    it('during a poll that hangs', async () => {
      const run = await cancel(faulty({ pathIncludes: POLL }, HANG), ({ saw }) => saw('GET', POLL), signal);
      expectCancelled(run);
      expect(run.outputs).toMatchObject({ status: 'associating', changed: 'true' });
      expect(run.outputs['recipient-id']).toBe(liveRows(run)[0]?.id);
    });

    it('during a wait between polls', async () => {
      const scene: Scene = { api: { timeline: { associateMs: 'never' } } };
      const run = await cancel(scene, ({ saw }) => saw('GET', POLL), signal);
      expectCancelled(run);
      expect(run.outputs['recipient-id']).toBe(liveRows(run)[0]?.id);
      expect(run.polls.length).toBeLessThanOrEqual(2);
    });

    it('during a back-off', async () => {
      const busy: Fault = { kind: 'answer', status: 429, headers: { 'retry-after': '60' } };
      const run = await cancel(
        faulty({ pathIncludes: /recipients\?/ }, busy),
        ({ saw }) => saw('GET', LIST),
        signal,
      );
      expectCancelled(run);
      expect(run.lists).toHaveLength(1);
      expect(run.posts).toEqual([]);
    });

    it('during a back-off of a POST', async () => {
      const busy: Fault = { kind: 'answer', status: 429, headers: { 'retry-after': '60' } };
      const run = await cancel(faulty({ method: 'POST' }, busy), ({ saw }) => saw('POST', LIST), signal);
      expectCancelled(run);
      expect(run).toMatchObject({
        outputs: { 'recipient-id': '', status: 'disassociated', changed: 'false' },
      });
      expect(run.posts).toHaveLength(1);
      expect(liveRows(run)).toEqual([]);
    });
  });

  describe.concurrent('what is left undone', TIMED, () => {
    it('a removal keeps what it knows', async () => {
      const run = await cancel(
        {
          api: { timeline: { disassociateMs: 'never' } },
          recipients: [{ accountId: RECIPIENT, id: ROW, status: 'associated' }],
          inputs: { state: 'absent' },
        },
        ({ saw }) => saw('GET', POLL),
      );
      expect(run).toMatchObject({
        exitCode: 1,
        outputs: { 'recipient-id': ROW, status: 'disassociating', changed: 'true' },
      });
      expect(run.deletes).toHaveLength(1);
      expect(run.tookMs).toBeLessThan(SOON_MS);
    });

    it('of a fleet, those that were not posted yet are not posted, and each is told', async () => {
      const accounts = Array.from({ length: 40 }, (_, n) => account(n));
      const run = await cancel(
        {
          api: { faults: [{ when: { method: 'POST' }, do: { kind: 'slow', delayMs: 300 } }] },
          inputs: { 'recipient-account-id': accounts.join('\n') },
        },
        ({ saw }) => saw('POST', LIST, 5),
      );
      expect(run.exitCode).toBe(1);
      expect(run.tookMs).toBeLessThan(SOON_MS);
      expect(run.posts.length).toBeLessThanOrEqual(8);
      expect(run.recipients.map((one) => one['recipient'])).toEqual(accounts);
      const known = run.recipients.filter((one) => one['id'] !== null);
      expect(known.map((one) => one['id'])).toEqual(run.api.rows(SHARE).map(({ id }) => id));
      expect(run.recipients.every((one) => String(one['error']).includes('cancelled'))).toBe(true);
    });

    it('a second signal ends the run at once, and leaves what was written before', async () => {
      const run = await start(faulty({ pathIncludes: /recipients\?/, nth: 1, times: 9 }, HANG));
      await run.saw('GET', LIST);
      run.child.kill('SIGINT');
      run.child.kill('SIGTERM');
      const played = await run.finished;
      expect(played).toMatchObject({ exitCode: 1, signal: null });
    });

    it('a second signal does not wait for a POST that hangs', async () => {
      const run = await start(faulty({ method: 'POST' }, HANG));
      await run.saw('POST', LIST);
      run.child.kill('SIGINT');
      run.child.kill('SIGTERM');
      const played = await run.finished;
      expect(played).toMatchObject({ exitCode: 1, signal: null });
      // With one signal the POST would have been looked up.
      expect(played.lists).toHaveLength(1);
      expect(played.summary).toBe('');
    });
  });
});
