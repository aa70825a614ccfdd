import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { failedState, pollIntervalMs } from '../../src/reconcile/reconciler.ts';
import { ACCOUNT, accounts, OTHER } from '../builders.ts';
import { ok, rejection } from '../cloudflare/scripted-api.ts';
import { AN_ACCOUNT, AN_ORGANIZATION } from './cases.ts';
import { associatedAt, plan, run, wire } from './run.ts';

describe('a plan', () => {
  it('is made from the first list, and writes nothing', async () => {
    const inputs = { targets: accounts(ACCOUNT, OTHER) };
    const { reconciler, requests } = await plan({
      inputs,
      records: [wire('r1', 'associated')],
      tookMs: 100,
    });
    expect(reconciler.states).toMatchObject([
      {
        action: 'done',
        inUse: 'r1',
        startedMs: 0,
        endedMs: 0,
        writes: [],
        changed: false,
      },
      {
        action: 'create',
        inUse: null,
        startedMs: 0,
        endedMs: null,
        writes: [],
        changed: false,
      },
    ]);
    expect(reconciler.isPending()).toBe(true);
    expect(reconciler.observed().records.size).toBe(1);
    expect(requests).toHaveLength(1);
  });

  it('of a run that has nothing to do sends nothing more', async () => {
    const { reconciler, requests, states } = await run({
      records: [wire('r1', 'associated')],
    });
    expect([
      states[0]?.action,
      reconciler.isPending(),
      requests.length,
    ]).toEqual(['done', false, 1]);
  });
});

describe('one account', () => {
  it('is added, then polled by its ID at growing intervals until it is associated', async () => {
    const { state, traffic, changes, polls } = await run({
      respond: associatedAt(15_000),
    });
    expect(traffic()).toEqual([
      '0 POST',
      ...[
        1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 7_200, 8_640, 10_368, 12_442,
        14_930, 17_916,
      ].map((ms) => `${ms} GET /new1`),
    ]);
    expect(state).toMatchObject({
      action: 'done',
      inUse: 'new1',
      changed: true,
      startedMs: 0,
      endedMs: 17_916,
      writes: [
        {
          recipientId: null,
          endedMs: 0,
          error: null,
          isCounted: true,
          known: expect.any(Map),
        },
      ],
    });
    expect(changes).toEqual(['create → wait', 'wait → done']);
    expect(polls).toHaveLength(12);
  });

  it('is not done by a reply to the POST that says `associated`', async () => {
    const { traffic } = await run({
      respond: ({ method }, records) => {
        if (method !== 'POST') return undefined;
        records.push(wire('new1', 'associated'));
        return ok(records[0]);
      },
    });
    expect(traffic()).toEqual(['0 POST', '1000 GET /new1']);
  });

  it('is done by the reply where nobody waits', async () => {
    const { traffic, state } = await run({ inputs: { wait: false } });
    expect(traffic()).toEqual(['0 POST']);
    expect(state).toMatchObject({
      action: 'done',
      inUse: 'new1',
      changed: true,
    });
  });

  it('fails with the reply where that has a terminal error', async () => {
    const resources = [{ error: 'no entitlement', terminal: true }];
    const { traffic, state } = await run({
      respond: ({ method }) =>
        method === 'POST'
          ? ok({ ...wire('new1', 'associating'), resources })
          : undefined,
    });
    expect(traffic()).toEqual(['0 POST']);
    expect(state).toMatchObject({
      action: 'fail',
      failure: { cause: 'resource-error' },
      inUse: 'new1',
      changed: true,
    });
  });

  it('is polled with the list after a poll by its ID that does not find it', async () => {
    const { traffic, state } = await run({
      respond: (request, records) => {
        if (request.path.startsWith('/new1') && request.atMs < 2_000)
          return rejection(404);
        return associatedAt(2_000)(request, records);
      },
    });
    expect(traffic()).toEqual([
      '0 POST',
      '1000 GET /new1',
      '1000 GET',
      '2000 GET /new1',
    ]);
    expect(state.action).toBe('done');
  });

  it('is polled with the list where its record is being removed, as another may be there', async () => {
    const { traffic, state } = await run({
      records: [wire('r1', 'associating')],
      respond: ({ atMs }, records) => {
        if (atMs === 0) return undefined;
        records.splice(
          0,
          2,
          wire('r1', 'disassociated'),
          wire('r2', 'associated'),
        );
        return undefined;
      },
    });
    expect(traffic()).toEqual(['1000 GET /r1', '1000 GET']);
    expect(state).toMatchObject({
      action: 'done',
      inUse: 'r2',
      changed: false,
    });
  });

  it('that is being removed is waited for with the list, then added anew', async () => {
    const { traffic, state } = await run({
      records: [wire('r1', 'disassociating')],
      respond: (request, records) => {
        const [old] = records;
        if (request.atMs >= 2_000 && old)
          old.association_status = 'disassociated';
        return associatedAt(3_000)(request, records);
      },
    });
    expect(traffic()).toEqual([
      '1000 GET',
      '2000 GET',
      '2000 POST',
      '3000 GET /new1',
    ]);
    expect(state).toMatchObject({
      action: 'done',
      inUse: 'new1',
      changed: true,
    });
  });
});

describe('an organization', () => {
  it('is known by the ID in the reply to its POST, as its record names no account', async () => {
    const { traffic, state } = await run({
      inputs: { targets: [AN_ORGANIZATION] },
      respond: ({ method, atMs, path }, records) => {
        if (method === 'POST') records.push(wire('r1', 'associating', ''));
        if (atMs >= 2_000 && records[0])
          records[0].association_status = 'associated';
        return method === 'POST' || path.startsWith('/r1')
          ? ok(records[0])
          : undefined;
      },
    });
    expect(traffic()).toEqual(['0 POST', '1000 GET /r1', '2000 GET /r1']);
    expect(state).toMatchObject({ action: 'done', inUse: 'r1', changed: true });
  });
});

describe('an account to remove', () => {
  const inputs = { state: 'absent' } as const;

  it('is deleted, polled by its ID while that goes on, and done by a list', async () => {
    const { traffic, state } = await run({
      inputs,
      records: [wire('r1', 'associated')],
      respond: ({ atMs }, [only]) => {
        if (atMs >= 3_000 && only) only.association_status = 'disassociated';
        return undefined;
      },
    });
    expect(traffic()).toEqual([
      '0 DELETE /r1',
      '1000 GET',
      '2000 GET /r1',
      '3000 GET /r1',
      '3000 GET',
    ]);
    expect(state).toMatchObject({
      action: 'done',
      changed: true,
      writes: [
        {
          recipientId: 'r1',
          endedMs: 0,
          error: null,
          isCounted: true,
          known: expect.any(Map),
        },
      ],
    });
  });

  it('that is not there is confirmed by a list ten seconds after the first', async () => {
    const { traffic, state } = await run({ inputs });
    expect(traffic().at(-1)).toBe('10368 GET');
    expect(state).toMatchObject({
      action: 'done',
      changed: false,
      recipient: null,
    });
  });

  it('that appears within these ten seconds is deleted', async () => {
    const { traffic } = await run({
      inputs,
      respond: ({ atMs, method }, records) => {
        if (atMs === 5_000 && method === 'GET')
          records.push(wire('r1', 'associated'));
        if (atMs >= 6_000 && records[0])
          records[0].association_status = 'disassociated';
        return undefined;
      },
    });
    expect(traffic()).toContain('5000 DELETE /r1');
  });

  it('may be rejected while it is `associating`: that is not counted', async () => {
    const { state } = await run({
      inputs,
      timeoutMs: 30_000,
      records: [wire('r1', 'associating'), wire('r2', 'odd')],
      respond: ({ method }) =>
        method === 'DELETE' ? rejection(409) : undefined,
    });
    const counted = state.writes.map(
      ({ recipientId, isCounted }) => `${recipientId} ${isCounted}`,
    );
    expect(counted.slice(0, 2)).toEqual(['r1 false', 'r2 true']);
  });
});

describe('the interval of polls', () => {
  it('is a fifth of the time waited, from 1 s to 15 s, a tenth shorter or longer', () => {
    expect(
      [0, 5_000, 10_000, 75_000, 1e9].map((ms) => pollIntervalMs(ms, 0.5)),
    ).toEqual([1e3, 1e3, 2e3, 15e3, 15e3]);
    fc.assert(
      fc.property(
        fc.nat(3_600_000),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (waitedMs, random) => {
          const baseMs = Math.min(Math.max(waitedMs / 5, 1_000), 15_000);
          expect(
            Math.abs(pollIntervalMs(waitedMs, random) - baseMs),
          ).toBeLessThanOrEqual(baseMs / 10 + 1);
        },
      ),
    );
  });
});

describe('a target of a run that could read nothing', () => {
  it('has failed, and nothing is known of it', () => {
    const failure = { cause: 'network', reason: 'x' } as const;
    expect(failedState(AN_ACCOUNT, failure, 5)).toEqual({
      target: AN_ACCOUNT,
      action: 'fail',
      failure,
      writes: [],
      unsent: null,
      inUse: null,
      recipient: null,
      changed: false,
      deletions: [],
      startedMs: 5,
      endedMs: 5,
    });
  });
});
