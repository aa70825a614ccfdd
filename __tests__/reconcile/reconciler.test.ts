/** The reconcile loop: what it sends, when, and how it ends. */
import { describe, expect, it } from 'vitest';
import {
  ACCOUNT,
  AN_ORGANIZATION,
  account,
  accounts,
  firstAccounts,
  OTHER,
} from '../builders.ts';
import {
  NO_CONNECTION,
  noResponse,
  ok,
  type Reply,
  rejection,
} from '../cloudflare/scripted-api.ts';
import { associatedAt, inTurn, run, type WireRecord, wire } from './run.ts';

const isPost = ({ method }: { method: string }) => method === 'POST';
const absent = { state: 'absent' } as const;

describe('one account', () => {
  it('is added, then polled by its ID at growing intervals until it is associated', async () => {
    const ended = await run({ respond: associatedAt(16_000) });
    const polls = [
      ...Array.from({ length: 12 }, (_, n) => (n + 1) * 1_000),
      13_000,
      14_083,
      15_257,
      16_528,
    ];
    expect(ended.traffic()).toEqual([
      '0 POST',
      ...polls.map((ms) => `${ms} GET /new1`),
    ]);
    expect(ended.polls).toEqual(polls);
    expect(ended.changes).toEqual([
      'create → wait for status',
      'wait for status → done',
    ]);
    expect(ended.state).toMatchObject({
      inUse: 'new1',
      changed: true,
      posts: [{ endedMs: 0, result: { outcome: 'accepted' } }],
      startedMs: 0,
      decidedMs: 16_528,
      statusSinceMs: 16_528,
      heldBack: null,
    });
    expect(ended.outcome).toMatchObject({
      ending: { type: 'complete' },
      polls: { polls: 16, failedPolls: 0 },
    });
  });

  it('that is there sends nothing more', async () => {
    const { requests, causes, outcome } = await run({
      records: [wire('r1', 'associated')],
    });
    expect([requests.length, causes]).toEqual([1, [null]]);
    expect(outcome.ending.type).toBe('complete');
  });

  it('is not done by a reply that says `associated`', async () => {
    const { traffic, causes } = await run({
      respond: ({ method }, records) => {
        if (method !== 'POST') return undefined;
        records.push(wire('new1', 'associated'));
        return ok(records[0]);
      },
    });
    expect(traffic()).toEqual(['0 POST', '1000 GET /new1']);
    expect(causes).toEqual([null]);
  });

  it('fails by a reply with a terminal resource error', async () => {
    const resources = [{ error: 'no', terminal: true }];
    const { traffic, causes } = await run({
      respond: ({ method }, records) => {
        if (method !== 'POST') return undefined;
        records.push(wire('new1', 'associating'));
        return ok({ ...records[0], resources });
      },
    });
    expect([traffic(), causes]).toEqual([['0 POST'], ['resource-error']]);
  });

  it('is done by the reply where nobody waits', async () => {
    const { traffic, state } = await run({ inputs: { wait: false } });
    expect(traffic()).toEqual(['0 POST']);
    expect(state).toMatchObject({ next: { do: 'done' }, changed: true });
  });

  it('is polled with the list after a poll by its ID that does not find it', async () => {
    const { traffic, causes } = await run({
      respond: (request, records) => {
        const isMissing = request.path.startsWith('/new1');
        if (isMissing && request.atMs < 2_000) return rejection(404);
        return associatedAt(2_000)(request, records);
      },
    });
    expect(traffic()).toEqual([
      '0 POST',
      '1000 GET /new1',
      '1000 GET',
      '2000 GET /new1',
    ]);
    expect(causes).toEqual([null]);
  });

  it('is polled with the list where its record is removed, as another may be there', async () => {
    const { traffic, state } = await run({
      records: [wire('r1', 'associating')],
      respond: ({ atMs }, records) => {
        const now = [wire('r1', 'disassociated'), wire('r2', 'associated')];
        if (atMs > 0) records.splice(0, 2, ...now);
        return undefined;
      },
    });
    expect(traffic()).toEqual(['1000 GET /r1', '1000 GET']);
    expect(state).toMatchObject({
      next: { do: 'done' },
      inUse: 'r2',
      changed: false,
    });
  });

  it('that is being removed is waited for with the list, then added anew', async () => {
    const { traffic, state } = await run({
      records: [wire('r1', 'disassociating')],
      respond: (request, records) => {
        const [old] = records;
        const isOver = request.atMs >= 2_000 && old;
        if (isOver) old.association_status = 'disassociated';
        return associatedAt(3_000)(request, records);
      },
    });
    expect(traffic()).toEqual([
      '1000 GET',
      '2000 GET',
      '2000 POST',
      '3000 GET /new1',
    ]);
    expect(state).toMatchObject({ inUse: 'new1', changed: true });
  });
});

describe('an organization', () => {
  it('is known by the ID in the reply to its POST, as its record names no account', async () => {
    const { traffic, state } = await run({
      inputs: { targets: [AN_ORGANIZATION] },
      respond: (request, records) => {
        associatedAt(2_000)(request, records);
        if (isPost(request)) records.push(wire('r1', 'associating', null));
        return isPost(request) ? ok(records[0]) : undefined;
      },
    });
    expect(traffic()).toEqual(['0 POST', '1000 GET /r1', '2000 GET /r1']);
    expect(state).toMatchObject({ next: { do: 'done' }, inUse: 'r1' });
  });
});

describe('an account to remove', () => {
  it('is deleted, polled by its ID while that goes on, and done by a list', async () => {
    const { traffic, state } = await run({
      inputs: absent,
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
      next: { do: 'done' },
      changed: true,
      deletes: [
        {
          recipientId: 'r1',
          endedMs: 0,
          result: { outcome: 'accepted' },
          wasAssociating: false,
        },
      ],
    });
  });

  it('that is not there is confirmed by a list ten seconds after the first', async () => {
    const { traffic, state } = await run({ inputs: absent });
    expect(traffic().at(-1)).toBe('10000 GET');
    expect(state).toMatchObject({ next: { do: 'done' }, changed: false });
  });

  it('that appears within these ten seconds is deleted', async () => {
    const { writes } = await run({
      inputs: absent,
      respond: ({ atMs }, records) => {
        const [only] = records;
        if (atMs === 5_000 && !only) records.push(wire('r1', 'associated'));
        if (atMs >= 6_000 && only) only.association_status = 'disassociated';
        return undefined;
      },
    });
    expect(writes()).toEqual(['5000 DELETE /r1']);
  });

  it('is known to have been associating where a DELETE met that', async () => {
    const { state } = await run({
      inputs: absent,
      timeoutMs: 9_000,
      records: [wire('r1', 'associating'), wire('r2', 'odd')],
      respond: ({ method }) =>
        method === 'DELETE' ? rejection(409) : undefined,
    });
    expect(
      state.deletes.map(({ recipientId, wasAssociating }) => [
        recipientId,
        wasAssociating,
      ]),
    ).toEqual([
      ['r1', true],
      ['r2', false],
    ]);
  });

  it('that is missing from the reply to a DELETE is decided by the next list', async () => {
    const { causes, writes } = await run({
      inputs: absent,
      records: [wire('r1', 'associated')],
      respond: ({ method }, [only]) => {
        if (method !== 'DELETE') return undefined;
        if (only) only.association_status = 'disassociated';
        return rejection(404);
      },
    });
    expect([causes, writes()]).toEqual([[null], ['0 DELETE /r1']]);
  });
});

describe('several accounts', () => {
  const first = (count: number) => ({ targets: firstAccounts(count) });

  it('are written four at a time, and polled with the list', async () => {
    const { traffic, causes } = await run({
      inputs: first(9),
      tookMs: 100,
      respond: associatedAt(0),
    });
    expect(traffic()).toEqual([
      ...Array(4).fill('100 POST'),
      ...Array(4).fill('200 POST'),
      '300 POST',
      '1400 GET',
    ]);
    expect(causes).toEqual(Array(9).fill(null));
  });

  it('are decided again after a new list, at once, where theirs is ten seconds old', async () => {
    const { traffic, targets } = await run({
      inputs: first(9),
      tookMs: 5_001,
      respond: associatedAt(0),
    });
    expect(traffic().slice(0, 10)).toEqual([
      ...Array(4).fill('5001 POST'),
      ...Array(4).fill('10002 POST'),
      '15003 GET',
      '20004 POST',
    ]);
    expect(targets.map(({ posts }) => posts.length)).toEqual(Array(9).fill(1));
  });

  it('do not hurry the next list where a write was not sent, although others wait for it', async () => {
    const { traffic } = await run({
      inputs: first(9),
      tookMs: 5_001,
      respond: inTurn('POST', [NO_CONNECTION], associatedAt(0)),
    });
    expect(traffic()[8]).toBe('16003 GET');
  });

  it('end one by one: a rejection of one is no failure of the others', async () => {
    const { causes } = await run({
      inputs: first(3),
      respond: inTurn('POST', [undefined, rejection(400)], associatedAt(0)),
    });
    expect(causes).toEqual([null, 'rejected', null]);
  });

  it('that failed stay failed, whatever a later list shows', async () => {
    const { causes, targets } = await run({
      inputs: first(2),
      records: [0, 1].map((n) => wire(`r${n}`, 'associating', account(n))),
      respond: ({ atMs }, records) => {
        const [one, two] = records as [WireRecord, WireRecord];
        if (atMs >= 1_000) one.association_status = 'disassociated';
        const isLate = atMs >= 2_000 && records.length === 2;
        if (isLate) records.push(wire('r2', 'associated', account(0)));
        if (atMs >= 3_000) two.association_status = 'associated';
        return undefined;
      },
    });
    expect(causes).toEqual(['removed', null]);
    expect(targets[0]).toMatchObject({ inUse: 'r0', decidedMs: 1_000 });
  });

  it('that are done are checked again with every list', async () => {
    const { targets, changes } = await run({
      inputs: first(3),
      records: [0, 1, 2].map((n) =>
        wire(`r${n}`, n > 0 ? 'associating' : 'associated', account(n)),
      ),
      respond: (request, records) => {
        const [one] = records as [WireRecord];
        if (request.atMs === 1_000) one.association_status = 'associating';
        if (request.atMs === 2_000) one.association_status = 'associated';
        return associatedAt(3_000)(request, records);
      },
    });
    expect(changes).toEqual([
      'done → wait for status',
      ...Array(3).fill('wait for status → done'),
    ]);
    const times = targets.map(({ decidedMs }) => decidedMs);
    expect(times).toEqual([2_000, 3_000, 3_000]);
  });

  it.each([
    ['it is associated', 'associated', [], null],
    [
      'it has failed permanently',
      'associating',
      [{ error: 'no', terminal: true }],
      'resource-error',
    ],
  ] as const)(
    'are polled by ID once one is left, and end on a list: %s',
    async (_, status, resources, cause) => {
      const { traffic, causes } = await run({
        inputs: first(2),
        records: [
          wire('r0', 'associated', account(0)),
          wire('r1', 'associating', account(1)),
        ],
        respond: ({ atMs }, records) => {
          const [, left] = records as [WireRecord, WireRecord];
          if (atMs < 2_000) return undefined;
          left.association_status = status;
          left.resources = [...resources];
          return undefined;
        },
      });
      expect(traffic()).toEqual(['1000 GET /r1', '2000 GET /r1', '2000 GET']);
      expect(causes).toEqual([null, cause]);
    },
  );

  it.each([
    ['POST', 'present'],
    ['DELETE', 'absent'],
  ] as const)(
    'are not written any more after bad credentials for a %s; what is read goes on',
    async (method, state) => {
      const { causes, writes, targets } = await run({
        inputs: { ...first(9), state },
        records: Array.from({ length: 9 }, (_, n) => n)
          .filter((n) => n === 0 || state === 'absent')
          .map((n) =>
            wire(
              `r${n}`,
              state === 'absent' && n === 0 ? 'disassociating' : 'associating',
              account(n),
            ),
          ),
        respond: (request, records) => {
          if (request.method === method) return rejection(403, 10000);
          const [only] = records;
          if (request.atMs < 2_000 || !only) return undefined;
          only.association_status =
            state === 'absent' ? 'disassociated' : 'associated';
          return undefined;
        },
      });
      expect(writes()).toHaveLength(4);
      expect(causes.slice(5)).toEqual(Array(4).fill('stopped'));
      expect(causes[0]).toBeNull();
      expect(targets[8]).toMatchObject({ changed: false });
    },
  );
});

describe('a write', () => {
  it('that was rejected fails after one more list', async () => {
    const { traffic, causes } = await run({
      tookMs: 100,
      respond: inTurn('POST', [rejection(400)]),
    });
    expect(traffic()).toEqual(['100 POST', '1200 GET']);
    expect(causes).toEqual(['rejected']);
  });

  it('that a parallel run made superfluous is no failure', async () => {
    const { causes, state } = await run({
      tookMs: 100,
      respond: (request, records) => {
        if (!isPost(request)) return undefined;
        records.push(wire('r1', 'associated'));
        return rejection(400);
      },
    });
    expect(causes).toEqual([null]);
    expect(state).toMatchObject({ inUse: 'r1', changed: false });
  });

  it('whose outcome is unknown is observed, and its record adopted', async () => {
    const { traffic, state } = await run({
      respond: (request, records) => {
        const isLate = request.atMs === 4_000 && records.length === 0;
        if (isLate) records.push(wire('r1', 'associated'));
        return isPost(request) ? noResponse() : undefined;
      },
    });
    expect(traffic().slice(-2)).toEqual(['3000 GET', '4000 GET']);
    expect(state).toMatchObject({
      next: { do: 'done' },
      inUse: 'r1',
      changed: true,
    });
  });

  it('knows what was there before it: history does not become its record', async () => {
    const { causes, writes } = await run({
      records: [wire('r1', 'disassociated')],
      respond: inTurn('POST', [noResponse()], associatedAt(0)),
    });
    expect([causes, writes()]).toEqual([[null], ['0 POST', '10000 POST']]);
  });

  it.each<[string, Reply]>([
    ['a lost reply', noResponse()],
    ['an unreadable reply', { body: '<html>' }],
    ['a conflict', rejection(409)],
  ])(
    'is sent again only after ten seconds, three times at most: %s',
    async (_, reply) => {
      for (const state of ['present', 'absent'] as const) {
        const { writes, causes } = await run({
          inputs: { state },
          records: state === 'absent' ? [wire('r1', 'odd')] : [],
          respond: ({ method }) => (method === 'GET' ? undefined : reply),
        });
        const times = writes().map((text) => text.split(' ')[0]);
        expect(times).toEqual(['0', '10000', '20000']);
        expect(causes[0]).not.toBeNull();
      }
    },
  );

  it.each<[string, Reply]>([
    ['a rate limit', rejection(429)],
    ['no connection', NO_CONNECTION],
  ])(
    'that was not sent because of %s is decided again after the next list, and does not count',
    async (_, reply) => {
      const { traffic, state } = await run({
        respond: inTurn('POST', Array(5).fill(reply), associatedAt(0)),
      });
      expect(traffic().slice(0, 4)).toEqual([
        '0 POST',
        '1000 GET',
        '1000 POST',
        '2000 GET',
      ]);
      expect(state).toMatchObject({ next: { do: 'done' }, inUse: 'new1' });
      expect(state.posts).toHaveLength(1);
    },
  );

  it('that was not sent until the timeout is shown with its reason', async () => {
    const { state, causes, reasons } = await run({
      timeoutMs: 30_000,
      respond: (request) => {
        if (!isPost(request)) return undefined;
        return request.atMs === 0 ? noResponse() : NO_CONNECTION;
      },
    });
    expect([state.posts.length, causes]).toEqual([1, ['timeout']]);
    expect(reasons[0]).toMatch(
      /; the last write was held back until the next list: not processed: no connection/,
    );
  });

  it('that became superfluous is forgotten with its reason', async () => {
    const { state, causes } = await run({
      respond: (request, records) => {
        const isLate = request.atMs > 0 && records.length === 0;
        if (isLate) records.push(wire('r1', 'associated'));
        return isPost(request) ? NO_CONNECTION : undefined;
      },
    });
    expect([causes, state.heldBack]).toEqual([[null], null]);
  });

  it('that removes and was not sent keeps its reason', async () => {
    const { state } = await run({
      timeoutMs: 9_000,
      inputs: absent,
      records: [wire('r1', 'associated')],
      respond: ({ method }) =>
        method === 'DELETE' ? NO_CONNECTION : undefined,
    });
    expect(state.heldBack).toMatchObject({ why: 'not-processed' });
  });

  it('that was not sent is not sent again before a poll succeeds, and polls keep their interval', async () => {
    const { writes, polls } = await run({
      respond: (request, records) => {
        if (request.atMs >= 20_000) return associatedAt(0)(request, records);
        if (isPost(request)) return NO_CONNECTION;
        return request.atMs > 0 ? { body: '<html>' } : undefined;
      },
    });
    expect(writes()).toEqual(['0 POST', '20779 POST']);
    expect(polls.slice(0, 3)).toEqual([2_500, 5_000, 7_500]);
  });

  it('is not sent after a poll that failed, but after the next one', async () => {
    const { traffic } = await run({
      timeoutMs: 120_000,
      records: [wire('r1', 'disassociating')],
      respond: (request, records) => {
        const [old] = records;
        if (request.atMs === 0 || !old) return undefined;
        if (request.atMs < 35_000 && !isPost(request)) return rejection(503);
        old.association_status = 'disassociated';
        return associatedAt(0)(request, records);
      },
    });
    const index = traffic().findIndex((text) => text.endsWith('POST'));
    expect(traffic()[index - 1]).toMatch(/GET$/);
    expect(Number.parseInt(traffic()[index] ?? '', 10)).toBeGreaterThan(35_000);
  });
});

describe('the timeout', () => {
  it('ends the wait with a last poll two seconds before it', async () => {
    const ended = await run({ timeoutMs: 20_000 });
    expect(ended.traffic().at(-1)).toBe('18000 GET /new1');
    expect(ended.endMs).toBe(19_000);
    expect(ended.outcome.ending).toEqual({ type: 'timeout' });
    expect(ended.state).toMatchObject({ changed: true, next: { do: 'wait' } });
    expect([ended.causes, ended.reasons]).toEqual([
      ['timeout'],
      [
        'not done before the timeout of 20s; 18 polls, last status `associating` for 19 s',
      ],
    ]);
  });

  it('of a removal says what it waited for', async () => {
    const { reasons } = await run({
      timeoutMs: 9_000,
      inputs: absent,
      records: [wire('r1', 'disassociating')],
    });
    expect(reasons[0]).toMatch(
      /^not done before the timeout of 9s; .*`disassociating`/,
    );
  });

  it('fails what is left, and leaves what is done', async () => {
    const { causes } = await run({
      timeoutMs: 9_000,
      inputs: { targets: accounts(ACCOUNT, OTHER) },
      records: [wire('r1', 'associated')],
    });
    expect(causes).toEqual([null, 'timeout']);
  });

  it('is no failure of a target that is done by then', async () => {
    const { causes, endMs } = await run({
      timeoutMs: 9_000,
      respond: associatedAt(7_000),
    });
    expect([causes, endMs]).toEqual([[null], 7_000]);
  });

  it('tells the progress how much is left', async () => {
    const left: number[] = [];
    await run({
      timeoutMs: 5_000,
      progress: { polled: (_, leftMs) => left.push(leftMs) },
    });
    expect(left).toEqual([4_000, 3_000, 2_000]);
  });
});

describe('a cancellation', () => {
  const hangAfter =
    (ms: number) =>
    ({ method, atMs }: { method: string; atMs: number }) =>
      method === 'GET' && atMs > ms ? ('hang' as const) : undefined;

  it('ends the wait at once, without another request', async () => {
    const { endMs, traffic, reasons, outcome } = await run({ cancelMs: 1_500 });
    expect([endMs, traffic()]).toEqual([1_500, ['0 POST', '1000 GET /new1']]);
    expect(outcome.ending).toEqual({ type: 'cancelled' });
    expect(reasons).toEqual([
      'cancelled; 1 poll, last status `associating` for 2 s',
    ]);
  });

  it('ends a poll that has no response yet, which is no failure to show', async () => {
    const { endMs, reasons, outcome } = await run({
      cancelMs: 1_500,
      respond: hangAfter(0),
    });
    expect(endMs).toBe(1_500);
    expect(reasons[0]).toMatch(/`associating` for 2 s$/);
    expect(outcome.polls.failedPolls).toBe(0);
  });

  it('lets a write end, and sends none after it', async () => {
    const { traffic, targets, causes } = await run({
      cancelMs: 600,
      inputs: { targets: firstAccounts(6) },
      tookMs: 500,
    });
    expect(traffic()).toEqual(Array(4).fill('500 POST'));
    expect(targets.map(({ changed }) => changed)).toEqual([
      ...Array(4).fill(true),
      ...Array(2).fill(false),
    ]);
    expect(causes).toEqual(Array(6).fill('cancelled'));
    expect(targets.slice(4).some(({ heldBack }) => heldBack?.why)).toBe(true);
  });

  it('is followed by one last list where the outcome of a write is unknown then', async () => {
    const { traffic, state, endMs, reasons } = await run({
      cancelMs: 1_000,
      respond: (request, records) => {
        if (!isPost(request)) return undefined;
        records.push(wire('r1', 'associating'));
        return 'hang';
      },
    });
    expect([traffic(), endMs]).toEqual([['0 POST', '1800 GET'], 1_800]);
    expect(state).toMatchObject({ inUse: 'r1', changed: true });
    expect(reasons[0]).toMatch(
      /^cancelled; 1 poll, last status `associating` for [^;]*$/,
    );
  });

  it('is followed by one last list where an earlier outcome is unknown, or a DELETE', async () => {
    const posts = await run({
      cancelMs: 10_500,
      respond: inTurn('POST', [noResponse(), rejection(409)]),
    });
    expect(posts.traffic().slice(-2)).toEqual(['10000 POST', '10500 GET']);
    const removal = await run({
      cancelMs: 500,
      inputs: absent,
      records: [wire('r1', 'associated')],
      respond: inTurn('DELETE', [noResponse()]),
    });
    expect(removal.traffic()).toEqual(['0 DELETE /r1', '500 GET']);
  });

  it('is followed by one last list where one of several outcomes is unknown', async () => {
    const { traffic, targets } = await run({
      cancelMs: 500,
      inputs: { targets: firstAccounts(2) },
      respond: (request, records) => {
        if (!request.body?.includes(account(1))) return undefined;
        records.push(wire('r1', 'associating', account(1)));
        return noResponse();
      },
    });
    expect(traffic()).toEqual(['0 POST', '0 POST', '500 GET']);
    expect(targets.map(({ inUse, changed }) => [inUse, changed])).toEqual([
      ['new1', true],
      ['r1', true],
    ]);
  });

  it('ends with a last list that shows the target to be done', async () => {
    const { state, causes, outcome } = await run({
      cancelMs: 1_000,
      respond: (request, records) => {
        if (!isPost(request)) return undefined;
        records.push(wire('r1', 'associated'));
        return 'hang';
      },
    });
    expect(causes).toEqual([null]);
    expect(state).toMatchObject({ inUse: 'r1', changed: true });
    expect(outcome.ending).toEqual({ type: 'cancelled' });
  });

  it('does not wait for a last list that does not come', async () => {
    const { endMs, causes, traffic } = await run({
      cancelMs: 1_000,
      respond: (request) => (isPost(request) ? 'hang' : hangAfter(0)(request)),
    });
    expect([traffic().length, endMs]).toEqual([2, 2_800]);
    expect(causes).toEqual(['cancelled']);
  });

  it('is followed by no list where every outcome is clear, or that target is done', async () => {
    const clear = await run({
      cancelMs: 2_500,
      respond: inTurn('POST', [rejection(409)]),
    });
    expect(clear.traffic()).toEqual(['0 POST', '1000 GET', '2000 GET']);
    const done = await run({
      cancelMs: 2_500,
      inputs: { targets: firstAccounts(2) },
      respond: (request, records) => {
        if (!request.body?.includes(account(0))) return undefined;
        records.push(wire('r0', 'associated', account(0)));
        return noResponse();
      },
    });
    expect(done.traffic().at(-1)).not.toMatch(/^2500/);
  });

  it('is followed by one attempt of a last list only', async () => {
    const { traffic, reasons } = await run({
      cancelMs: 1_000,
      tookMs: 10,
      respond: (request) => {
        if (isPost(request)) return 'hang';
        return request.atMs > 10 ? rejection(503) : undefined;
      },
    });
    expect(traffic()).toEqual(['10 POST', '1800 GET']);
    expect(reasons[0]).toMatch(/; the last poll failed: said \(code 1\)/);
  });
});

describe('a poll that fails', () => {
  it.each<[string, Reply]>([
    ['a server error', rejection(503)],
    ['a connection that was cut', noResponse()],
  ])('for a while because of %s does not end the run', async (_, reply) => {
    const { causes, outcome } = await run({
      respond: (request, records) => {
        const isOdd = request.atMs >= 1_000 && request.atMs < 60_000;
        if (request.method === 'GET' && isOdd) return reply;
        return associatedAt(60_000)(request, records);
      },
    });
    expect(causes).toEqual([null]);
    expect(outcome.polls).toEqual({ polls: 2, failedPolls: 1 });
  });

  it('is shown at the timeout, unless a later one succeeds', async () => {
    const until = (endMs: number) =>
      run({
        timeoutMs: 60_000,
        respond: ({ method, atMs }) =>
          method === 'GET' && atMs >= 1_000 && atMs < endMs
            ? rejection(503)
            : undefined,
      });
    const failing = await until(60_000);
    expect(failing.reasons[0]).toMatch(/; the last poll failed: said/);
    expect(failing.causes).toEqual(['timeout']);
    expect(failing.outcome.lastPollFailure).toMatchObject({
      request: { kind: 'recipient' },
    });
    const fine = await until(35_000);
    expect(fine.reasons[0]).toMatch(/last status `associating` for [^;]+$/);
  });

  it('is repeated no sooner than Cloudflare asks', async () => {
    const { traffic } = await run({
      timeoutMs: 120_000,
      records: [wire('r1', 'associating')],
      respond: (request, records) => {
        const headers = { 'retry-after': '11' };
        const isBusy = request.atMs > 0 && request.atMs < 80_000;
        if (isBusy) return rejection(503, 1, headers);
        return associatedAt(0)(request, records);
      },
    });
    const times = traffic().map((text) => Number(text.split(' ')[0]));
    const gaps = times.slice(1).map((ms, n) => ms - (times[n] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(11_000);
  });

  it('permanently ends the run for all that are not done', async () => {
    const { causes, changes, polls } = await run({
      inputs: { targets: accounts(ACCOUNT, OTHER) },
      records: [wire('r1', 'associated'), wire('r2', 'associating', OTHER)],
      respond: ({ atMs }) => (atMs > 0 ? rejection(404) : undefined),
    });
    expect(causes).toEqual([null, 'not-found']);
    expect(polls).toHaveLength(1);
    expect(changes).toEqual(['wait for status → fail: not-found']);
  });

  it('is followed by a pause that is as long as a slow list', async () => {
    const { traffic } = await run({
      inputs: { targets: firstAccounts(2) },
      records: [0, 1].map((n) => wire(`r${n}`, 'associating', account(n))),
      tookMs: 6_000,
      respond: associatedAt(30_000),
    });
    expect(traffic()).toEqual(['12000 GET', '24000 GET', '36000 GET']);
  });
});
