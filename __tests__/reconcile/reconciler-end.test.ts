import { describe, expect, it } from 'vitest';
import { ACCOUNT, account, accounts, OTHER } from '../builders.ts';
import { noResponse, ok, rejection } from '../cloudflare/scripted-api.ts';
import { associatedAt, plan, type RunCase, run, wire } from './run.ts';

const retried = { resource_id: 'policy', error: 'later', terminal: false };
const isPost = ({ method }: { method: string }) => method === 'POST';

/** Runs a case that is cancelled at that time. */
async function cancelled(cancelMs: number, one: RunCase) {
  const opened = await plan(one);
  const running = opened.reconciler.run();
  await opened.clock.pass(cancelMs - opened.clock.now());
  opened.cancel.abort();
  await opened.clock.run(running);
  return {
    ...opened,
    state: opened.reconciler.states[0],
    states: opened.reconciler.states,
  };
}

describe('the timeout', () => {
  it('ends the wait with a last poll two seconds before it', async () => {
    const { traffic, clock, state } = await run({ timeoutMs: 20_000 });
    expect(traffic().slice(-2)).toEqual(['17916 GET /new1', '18000 GET /new1']);
    expect(clock.now()).toBe(19_000);
    expect(state).toMatchObject({
      action: 'fail',
      inUse: 'new1',
      changed: true,
      endedMs: 19_000,
    });
    expect(state.failure).toEqual({
      cause: 'timeout',
      reason:
        'not associated before the timeout of 20s; last observed status: associating',
    });
  });

  it('of a removal says what it waited for', async () => {
    const { state } = await run({
      timeoutMs: 9_000,
      inputs: { state: 'absent' } as const,
      records: [wire('r1', 'disassociating')],
    });
    expect(state.failure?.reason).toBe(
      'not disassociated before the timeout of 9s; last observed status: disassociating',
    );
  });

  it('says what Cloudflare is retrying', async () => {
    const records = [{ ...wire('r1', 'associated'), resources: [retried] }];
    const { state } = await run({ timeoutMs: 9_000, records });
    expect(state.failure?.reason).toMatch(
      /status: associated; Cloudflare is retrying resource policy: later$/,
    );
  });

  it('says that a record was never there, and why it could not be written', async () => {
    const { state } = await run({
      timeoutMs: 9_000,
      respond: (request) => (isPost(request) ? rejection(409) : undefined),
    });
    expect(state.failure).toEqual({
      cause: 'timeout',
      reason:
        'not associated before the timeout of 9s; last observed status: no record; the last write was rejected: 1 said',
      detail: 'POST …/recipients, HTTP 409, not from Cloudflare (no cf-ray)',
    });
  });

  it('fails what is left, and leaves what is done', async () => {
    const { states } = await run({
      timeoutMs: 9_000,
      inputs: { targets: accounts(ACCOUNT, OTHER) },
      records: [wire('r1', 'associated')],
    });
    expect(states.map(({ failure }) => failure?.cause)).toEqual([
      undefined,
      'timeout',
    ]);
    expect(states[0]).toMatchObject({ action: 'done', endedMs: 0 });
  });

  it('is no failure of a target that is done by then', async () => {
    const { state, clock } = await run({
      timeoutMs: 9_000,
      respond: associatedAt(7_000),
    });
    expect([state.action, clock.now()]).toEqual(['done', 7_000]);
  });
});

describe('a cancellation', () => {
  it('ends the wait at once, without another request', async () => {
    const { clock, traffic, state, polls } = await cancelled(1_500, {});
    expect([clock.now(), traffic()]).toEqual([
      1_500,
      ['0 POST', '1000 GET /new1'],
    ]);
    expect(polls).toEqual([1_000]);
    expect(state).toMatchObject({
      action: 'fail',
      changed: true,
      failure: {
        cause: 'cancelled',
        reason: 'cancelled; last observed status: associating',
      },
    });
  });

  it('ends a poll that has no response yet, which is no failure to show', async () => {
    const { clock, state } = await cancelled(1_500, {
      respond: ({ method, atMs }) =>
        method === 'GET' && atMs > 0 ? 'hang' : undefined,
    });
    expect(clock.now()).toBe(1_500);
    expect(state?.failure?.reason).toBe(
      'cancelled; last observed status: associating',
    );
  });

  it('lets a write end, sends none after it, and shows what became of it', async () => {
    const inputs = {
      targets: accounts(...Array.from({ length: 6 }, (_, n) => account(n))),
    };
    const { traffic, states } = await cancelled(600, { inputs, tookMs: 500 });
    expect(traffic()).toEqual(Array(4).fill('500 POST'));
    expect(states.map(({ changed }) => changed)).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(states.every(({ failure }) => failure?.cause === 'cancelled')).toBe(
      true,
    );
  });

  it('is followed by one last list where the outcome of a write is unknown then', async () => {
    const { traffic, state, clock } = await cancelled(1_000, {
      respond: (request, records) => {
        if (!isPost(request)) return undefined;
        records.push(wire('r1', 'associating'));
        return 'hang';
      },
    });
    expect(traffic()).toEqual(['0 POST', '1800 GET']);
    expect(clock.now()).toBe(1_800);
    expect(state).toMatchObject({
      action: 'fail',
      inUse: 'r1',
      changed: true,
      failure: {
        cause: 'cancelled',
        reason:
          'cancelled; last observed status: associating; the last write may have been carried out: ' +
          'no response before the step ended',
        detail: 'POST …/recipients',
      },
    });
  });

  it('is followed by one last list also where only one of several outcomes is unknown', async () => {
    const { traffic, states } = await cancelled(1_000, {
      inputs: { targets: accounts(ACCOUNT, OTHER) },
      respond: ({ body }, records) => {
        if (!body?.includes(OTHER)) return undefined;
        records.push(wire('r1', 'associating', OTHER));
        return 'hang';
      },
    });
    expect(traffic()).toEqual(['0 POST', '0 POST', '1800 GET']);
    expect(states.map(({ inUse, changed }) => `${inUse} ${changed}`)).toEqual([
      'new1 true',
      'r1 true',
    ]);
  });

  it('is followed by one last list also where only an earlier outcome is unknown', async () => {
    const { traffic } = await cancelled(11_000, {
      respond: (request) => {
        if (!isPost(request)) return undefined;
        return request.atMs === 0 ? noResponse() : rejection(409);
      },
    });
    expect(traffic().slice(-2)).toEqual(['10368 POST', '11000 GET']);
  });

  it('ends with a last list that shows the target to be done', async () => {
    const { state } = await cancelled(1_000, {
      respond: (request, records) => {
        if (!isPost(request)) return undefined;
        records.push(wire('r1', 'associated'));
        return 'hang';
      },
    });
    expect(state).toMatchObject({
      action: 'done',
      inUse: 'r1',
      changed: true,
      failure: null,
    });
  });

  it('does not wait for a last list that does not come', async () => {
    let lists = 0;
    const { clock, state, traffic } = await cancelled(1_000, {
      respond: (request) =>
        isPost(request) || ++lists > 1 ? 'hang' : undefined,
    });
    expect([traffic().length, clock.now()]).toEqual([2, 2_800]);
    expect(state).toMatchObject({
      action: 'fail',
      failure: { cause: 'cancelled' },
    });
  });

  it('is followed by no list where the last write has a clear outcome', async () => {
    const { traffic } = await cancelled(2_500, {
      respond: (request) => (isPost(request) ? rejection(409) : undefined),
    });
    expect(traffic()).toEqual(['0 POST', '1000 GET', '2000 GET']);
  });

  it('is followed by one attempt of a last list only, and its failure is not that of the run', async () => {
    const { traffic, state } = await cancelled(1_000, {
      tookMs: 10,
      respond: (request) => {
        if (isPost(request)) return 'hang';
        return request.atMs > 0 ? rejection(503) : undefined;
      },
    });
    expect(traffic()).toEqual(['10 POST', '1810 GET']);
    expect(state?.failure).toMatchObject({ cause: 'cancelled' });
    expect(state?.failure?.reason).toMatch(/; the last poll failed: 1 said$/);
    expect(state?.failure?.detail).toMatch(/^GET …\/recipients, HTTP 503/);
  });
});

describe('a poll that fails', () => {
  it.each([
    ['a server error', rejection(503)],
    ['a connection that was reset', noResponse()],
  ])('for a while because of %s, does not end the run', async (_, reply) => {
    const { state, polls } = await run({
      respond: (request, records) =>
        request.method === 'GET' &&
        request.atMs >= 1_000 &&
        request.atMs < 60_000
          ? reply
          : associatedAt(60_000)(request, records),
    });
    expect(state.action).toBe('done');
    expect(polls.length).toBeGreaterThan(1);
  });

  it('until the timeout is shown with it', async () => {
    const { state } = await run({
      timeoutMs: 60_000,
      respond: ({ method, atMs }) =>
        method === 'GET' && atMs >= 1_000 ? rejection(503) : undefined,
    });
    expect(state.failure).toEqual({
      cause: 'timeout',
      reason:
        'not associated before the timeout of 60s; last observed status: associating; the last poll failed: 1 said',
      detail:
        'GET …/recipients/new1, HTTP 503, not from Cloudflare (no cf-ray)',
    });
  });

  it('and later succeeds is not shown any more', async () => {
    const { state } = await run({
      timeoutMs: 60_000,
      respond: ({ method, atMs }) =>
        method === 'GET' && atMs >= 1_000 && atMs < 35_000
          ? rejection(503)
          : undefined,
    });
    expect(state.failure?.reason).toMatch(/last observed status: associating$/);
  });

  it.each([
    ['bad credentials', rejection(403, 10000), 'authentication', '10000 said'],
    ['a share that was deleted', rejection(404), 'not-found', '1 said'],
    [
      'responses that are none',
      ok({}),
      'invalid-response',
      'the response is not one of the Shares API: `result` is not a list',
    ],
  ])(
    'permanently because of %s ends the run for all that are not done',
    async (_, reply, cause, reason) => {
      const { states, polls, changes } = await run({
        inputs: { targets: accounts(ACCOUNT, OTHER) },
        records: [wire('r1', 'associated'), wire('r2', 'associating', OTHER)],
        respond: ({ atMs }) => (atMs > 0 ? reply : undefined),
      });
      expect(states[0]?.action).toBe('done');
      expect(states[1]?.failure).toMatchObject({
        cause,
        reason: `${reason}; last observed status: associating`,
        detail: expect.stringContaining('GET …/recipients'),
      });
      expect([polls.length, changes]).toEqual([1, ['wait → fail']]);
    },
  );

  it('with an error that is no failure of a request ends the run with it', async () => {
    const failing = run({
      respond: ({ method, atMs }) => {
        if (method === 'GET' && atMs > 0) throw new TypeError('a bug');
        return undefined;
      },
    });
    await expect(failing).rejects.toThrow('a bug');
  });
});
