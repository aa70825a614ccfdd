import { describe, expect, it } from 'vitest';
import { account, accounts } from '../builders.ts';
import { noResponse, ok, rejection } from '../cloudflare/scripted-api.ts';
import { associatedAt, run, type WireRecord, wire } from './run.ts';

const first = (count: number) => ({
  targets: accounts(
    ...Array.from({ length: count }, (_, index) => account(index)),
  ),
});

describe('several accounts', () => {
  it('are written four at a time, and polled with the list', async () => {
    const { traffic, states } = await run({
      inputs: first(9),
      tookMs: 100,
      respond: associatedAt(0),
    });
    const posts = [
      ...Array(4).fill('100 POST'),
      ...Array(4).fill('200 POST'),
      '300 POST',
    ];
    expect(traffic()).toEqual([...posts, '1400 GET']);
    expect(states.every(({ action }) => action === 'done')).toBe(true);
  });

  it('are decided again after a new list where their turn came ten seconds after the old one', async () => {
    const { traffic, states } = await run({
      inputs: first(6),
      tookMs: 5_000,
      respond: associatedAt(0),
    });
    expect(traffic()).toEqual([
      ...Array(4).fill('5000 POST'),
      '10000 GET',
      ...Array(2).fill('15000 POST'),
      expect.stringMatching(/GET$/),
    ]);
    expect(
      states.map(({ action, writes }) => `${action} ${writes.length}`),
    ).toEqual(Array(6).fill('done 1'));
  });

  it('end one by one: a rejection of one is no failure of the others', async () => {
    const { states } = await run({
      inputs: first(3),
      respond: (request, records) =>
        request.body?.includes(account(1))
          ? rejection(400)
          : associatedAt(0)(request, records),
    });
    expect(states.map(({ action }) => action)).toEqual([
      'done',
      'fail',
      'done',
    ]);
    expect(states[1]?.failure).toMatchObject({
      cause: 'rejected',
      reason: '1 said',
    });
  });

  it('that failed stay failed, whatever a later list shows', async () => {
    const { states } = await run({
      inputs: first(2),
      records: [
        wire('r0', 'associating', account(0)),
        wire('r1', 'associating', account(1)),
      ],
      respond: ({ atMs }, records) => {
        const [one, two] = records as [WireRecord, WireRecord];
        if (atMs >= 1_000) one.association_status = 'disassociated';
        if (atMs >= 2_000 && records.length === 2)
          records.push(wire('r2', 'associated', account(0)));
        if (atMs >= 3_000) two.association_status = 'associated';
        return undefined;
      },
    });
    expect(states.map(({ action }) => action)).toEqual(['fail', 'done']);
    expect(states[0]).toMatchObject({
      failure: { cause: 'removed' },
      inUse: 'r0',
      endedMs: 1_000,
    });
  });

  it('that are done are checked again with every list, and keep their time while they stay so', async () => {
    const { states, changes } = await run({
      inputs: first(3),
      records: [0, 1, 2].map((n) =>
        wire(`r${n}`, n === 2 ? 'associating' : 'associated', account(n)),
      ),
      respond: ({ atMs }, records) => {
        const [one, , three] = records as [WireRecord, WireRecord, WireRecord];
        if (atMs === 1_000) one.association_status = 'associating';
        if (atMs === 2_000) one.association_status = 'associated';
        if (atMs === 3_000) three.association_status = 'associated';
        return undefined;
      },
    });
    expect(changes).toEqual(['done → wait', 'wait → done', 'wait → done']);
    expect(states.map(({ endedMs }) => endedMs)).toEqual([2_000, 0, 3_000]);
  });

  it('wait for each other where little of the rate limit is left', async () => {
    const { traffic } = await run({
      inputs: first(2),
      respond: (request, records) => {
        if (request.atMs > 0 || request.method === 'POST')
          return associatedAt(0)(request, records);
        return { ...ok([]), headers: { ratelimit: '"default";r=59;t=30' } };
      },
    });
    expect(traffic().slice(0, 2)).toEqual(['500 POST', '1000 POST']);
  });

  it('are not written any more after bad credentials; those that only need reading go on', async () => {
    const { states, traffic } = await run({
      inputs: first(9),
      records: [wire('r0', 'associating', account(0))],
      respond: (request, records) =>
        request.method === 'POST'
          ? rejection(403, 10000)
          : associatedAt(1_000)(request, records),
    });
    expect(traffic().filter((one) => one.endsWith('POST'))).toHaveLength(4);
    expect(states.map(({ failure }) => failure?.cause ?? null)).toEqual([
      null,
      ...Array(4).fill('authentication'),
      ...Array(4).fill('stopped'),
    ]);
    expect(states[8]).toMatchObject({
      action: 'fail',
      changed: false,
      failure: {
        reason:
          'not attempted, because authentication failed for another write: 10000 said',
        detail: expect.stringContaining('POST …/recipients, HTTP 403'),
      },
    });
    expect(states[0]?.action).toBe('done');
  });

  it('are not removed any more after bad credentials', async () => {
    const { states, traffic } = await run({
      inputs: { ...first(6), state: 'absent' },
      records: Array.from({ length: 6 }, (_, n) =>
        wire(`r${n}`, 'associated', account(n)),
      ),
      respond: ({ method }) =>
        method === 'DELETE' ? rejection(403, 10000) : undefined,
    });
    expect(traffic().filter((one) => one.includes('DELETE'))).toHaveLength(4);
    expect(states.map(({ failure }) => failure?.cause)).toEqual([
      ...Array(4).fill('authentication'),
      ...Array(2).fill('stopped'),
    ]);
  });
});

describe('a write', () => {
  it('that was rejected fails after one more list', async () => {
    const { traffic, state, reconciler } = await run({
      tookMs: 100,
      respond: ({ method }) => (method === 'POST' ? rejection(400) : undefined),
    });
    expect(reconciler.observed().records.size).toBe(0);
    expect(traffic()).toEqual(['100 POST', '1200 GET']);
    expect(state).toMatchObject({
      action: 'fail',
      failure: { cause: 'rejected' },
      endedMs: 1_300,
    });
  });

  it('that a parallel run made superfluous is no failure', async () => {
    const { state } = await run({
      tookMs: 100,
      respond: ({ method }, records) => {
        if (method !== 'POST') return undefined;
        records.push(wire('r1', 'associated'));
        return rejection(400);
      },
    });
    expect(state).toMatchObject({
      action: 'done',
      inUse: 'r1',
      changed: false,
    });
  });

  it('whose outcome is unknown is observed for a while, and its record adopted', async () => {
    const { traffic, state } = await run({
      respond: ({ method, atMs }, records) => {
        if (atMs === 4_000 && method === 'GET')
          records.push(wire('r1', 'associated'));
        return method === 'POST' ? noResponse() : undefined;
      },
    });
    expect(traffic()).toEqual([
      '0 POST',
      '1000 GET',
      '2000 GET',
      '3000 GET',
      '4000 GET',
    ]);
    expect(state).toMatchObject({ action: 'done', inUse: 'r1', changed: true });
  });

  it('whose outcome is unknown is sent again only after ten seconds, three times at most', async () => {
    const { traffic, state } = await run({
      respond: ({ method }) => (method === 'POST' ? noResponse() : undefined),
    });
    expect(traffic().filter((one) => one.endsWith('POST'))).toEqual([
      '0 POST',
      '10368 POST',
      '20736 POST',
    ]);
    expect(state).toMatchObject({
      action: 'fail',
      failure: { cause: 'network' },
      changed: false,
    });
  });

  it.each([
    ['a rate limit', rejection(429)],
    ['a connection that was not made', noResponse('ECONNREFUSED', false)],
  ])(
    'that was not sent because of %s is decided again after the next list, and does not count',
    async (_, reply) => {
      let posts = 0;
      const { traffic, state, reconciler } = await run({
        respond: (request, records) => {
          if (request.method === 'POST' && ++posts <= 5) return reply;
          return associatedAt(0)(request, records);
        },
      });
      expect(traffic().slice(0, 4)).toEqual([
        '0 POST',
        '1000 GET',
        '1000 POST',
        '2000 GET',
      ]);
      expect(state).toMatchObject({ action: 'done', inUse: 'new1' });
      expect(state.writes).toHaveLength(1);
      expect([...reconciler.observed().records.keys()]).toEqual(['new1']);
    },
  );

  it('that was not sent until the timeout is shown with its reason, and no earlier write is', async () => {
    let posts = 0;
    const { state } = await run({
      timeoutMs: 30_000,
      respond: ({ method }) => {
        if (method !== 'POST') return undefined;
        return ++posts === 1 ? noResponse() : noResponse('ECONNREFUSED', false);
      },
    });
    expect(state.writes).toHaveLength(1);
    expect(state.failure).toMatchObject({
      cause: 'timeout',
      reason:
        'not associated before the timeout of 30s; last observed status: no record; ' +
        'the last write was not processed: ECONNREFUSED',
      detail: 'POST …/recipients',
    });
  });

  it('that was not sent is forgotten when the next one is sent', async () => {
    let posts = 0;
    const { state } = await run({
      timeoutMs: 30_000,
      respond: ({ method }) => {
        if (method !== 'POST' || ++posts > 1) return undefined;
        return noResponse('ECONNREFUSED', false);
      },
    });
    expect(state.failure?.reason).toBe(
      'not associated before the timeout of 30s; last observed status: associating',
    );
  });

  it('is not sent before Retry-After', async () => {
    let posts = 0;
    const { traffic } = await run({
      respond: (request, records) => {
        if (request.method === 'POST' && ++posts === 1)
          return rejection(429, 1, { 'retry-after': '25' });
        return associatedAt(0)(request, records);
      },
    });
    expect(traffic().filter((one) => one.endsWith('POST'))).toEqual([
      '0 POST',
      '25000 POST',
    ]);
  });

  it('that removes, whose outcome is unknown, is sent three times at most', async () => {
    const { traffic, state } = await run({
      inputs: { state: 'absent' },
      records: [wire('r1', 'associating')],
      respond: ({ method }) => (method === 'DELETE' ? noResponse() : undefined),
    });
    expect(traffic().filter((one) => one.includes('DELETE'))).toHaveLength(3);
    expect(state).toMatchObject({
      action: 'fail',
      failure: { cause: 'network' },
    });
  });

  it('ends the run with an error that is no failure of a request', async () => {
    const failing = run({
      respond: ({ method }) => {
        if (method === 'POST') throw new TypeError('a bug');
        return undefined;
      },
    });
    await expect(failing).rejects.toThrow('a bug');
  });
});
