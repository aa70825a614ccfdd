/** The reconcile loop: what it sends, and when. */
import { describe, expect, it } from 'vitest';
import { AN_ORGANIZATION, account } from '../builders.ts';
import {
  NO_CONNECTION,
  noResponse,
  ok,
  type Reply,
  rejection,
} from '../cloudflare/scripted-api.ts';
import {
  appears,
  associatedAt,
  becomes,
  carriedOut,
  inTurn,
  type Respond,
  recordsOf,
  replyTo,
  run,
  several,
  together,
  turns,
  type WireRecord,
  wire,
} from './run.ts';

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
    const records = [wire('r1', 'associated')];
    const { requests, causes, outcome } = await run({ records });
    expect([requests.length, causes]).toEqual([1, [null]]);
    expect(outcome.ending.type).toBe('complete');
  });

  const added = wire('r1', 'associated');
  const resources = [{ error: 'no', terminal: true }];
  it.each<[string, WireRecord, string[], string | null]>([
    ['does not say when it is done', added, ['0 POST', '1000 GET /r1'], null],
    [
      'may say that it has failed',
      { ...added, resources },
      ['0 POST'],
      'resource-error',
    ],
  ])('has a reply that %s', async (_, reply, sent, cause) => {
    const { traffic, causes } = await run({
      respond: carriedOut(added, ok(reply)),
    });
    expect([traffic(), causes]).toEqual([sent, [cause]]);
  });

  it('is done by the reply where nobody waits', async () => {
    const { traffic, state } = await run({ inputs: { wait: false } });
    expect(traffic()).toEqual(['0 POST']);
    expect(state).toMatchObject({ next: { do: 'done' }, changed: true });
  });

  it('is polled with the list after a poll by its ID that does not find it', async () => {
    const { traffic, causes } = await run({
      respond: together(associatedAt(2_000), ({ path, atMs }) => {
        const isMissing = path.startsWith('/new1') && atMs < 2_000;
        return isMissing ? rejection(404) : undefined;
      }),
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
      respond: together(
        turns('r1', 'disassociated', 1_000),
        appears(wire('r2', 'associated'), 1_000),
      ),
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
      respond: together(
        turns('r1', 'disassociated', 2_000),
        associatedAt(3_000),
      ),
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
    const added = wire('r1', 'associating', null);
    const { traffic, state } = await run({
      inputs: { targets: [AN_ORGANIZATION] },
      respond: together(associatedAt(2_000), carriedOut(added, ok(added))),
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
      respond: turns('r1', 'disassociated', 3_000),
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

  it('is known to have been associating where a DELETE met that', async () => {
    const { state } = await run({
      inputs: absent,
      timeoutMs: 9_000,
      records: [wire('r1', 'associating'), wire('r2', 'odd')],
      respond: replyTo('DELETE', rejection(409)),
    });
    expect(state.deletes).toMatchObject([
      { recipientId: 'r1', wasAssociating: true },
      { recipientId: 'r2', wasAssociating: false },
    ]);
  });
});

describe('several accounts', () => {
  it('are written four at a time, and polled with the list', async () => {
    const { traffic, causes } = await run({
      inputs: several(9),
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
      inputs: several(9),
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
      inputs: several(9),
      tookMs: 5_001,
      respond: inTurn('POST', [NO_CONNECTION], associatedAt(0)),
    });
    expect(traffic()[8]).toBe('16003 GET');
  });

  it.each<[string, Reply, string]>([
    ['a rejection', rejection(400), 'rejected'],
    ['the unstable code 10001', rejection(403, 10001), 'authentication'],
  ])('end one by one: %s is about one of them', async (_, reply, cause) => {
    const { causes, writes } = await run({
      inputs: several(6),
      respond: inTurn('POST', [undefined, reply], associatedAt(0)),
    });
    expect(causes).toEqual([null, cause, ...Array(4).fill(null)]);
    expect(writes()).toHaveLength(6);
  });

  it('that failed stay failed, whatever a later list shows', async () => {
    const { causes, targets } = await run({
      inputs: several(2),
      records: recordsOf('associating', 'associating'),
      respond: together(
        turns('r0', 'disassociated', 1_000),
        appears(wire('r2', 'associated', account(0)), 2_000),
        turns('r1', 'associated', 3_000),
      ),
    });
    expect(causes).toEqual(['removed', null]);
    expect(targets[0]).toMatchObject({
      inUse: 'r2',
      recipient: { id: 'r2', status: 'associated' },
      decidedMs: 1_000,
    });
  });

  it('that are done are checked again with every list', async () => {
    const { targets, changes } = await run({
      inputs: several(3),
      records: recordsOf('associated', 'associating', 'associating'),
      respond: together(
        turns('r0', 'associating', 1_000),
        turns('r0', 'associated', 2_000),
        associatedAt(3_000),
      ),
    });
    expect(changes).toEqual([
      'done → wait for status',
      ...Array(3).fill('wait for status → done'),
    ]);
    const times = targets.map(({ decidedMs }) => decidedMs);
    expect(times).toEqual([2_000, 3_000, 3_000]);
  });

  const resources = [{ error: 'no', terminal: true }];
  it.each([
    ['it is associated', 'associated', {}, null],
    ['it failed permanently', 'associating', { resources }, 'resource-error'],
  ])(
    'are polled by ID once one is left, and end on a list: %s',
    async (_, status, more, cause) => {
      const { traffic, causes } = await run({
        inputs: several(2),
        records: recordsOf('associated', 'associating'),
        respond: turns('r1', status, 2_000, more),
      });
      expect(traffic()).toEqual(['1000 GET /r1', '2000 GET /r1', '2000 GET']);
      expect(causes).toEqual([null, cause]);
    },
  );

  const others = Array(8).fill('associated');
  it.each([
    ['POST', 'present', recordsOf('associating')],
    ['DELETE', 'absent', recordsOf('disassociating', ...others)],
  ] as const)(
    'are not written any more after bad credentials for a %s; what is read goes on',
    async (method, state, records) => {
      const { causes, writes, targets } = await run({
        inputs: { ...several(9), state },
        records,
        respond: together(
          associatedAt(2_000),
          becomes('disassociating', 'disassociated', 2_000),
          replyTo(method, rejection(403, 10000)),
        ),
      });
      expect(writes()).toHaveLength(4);
      expect(causes.slice(5)).toEqual(Array(4).fill('stopped'));
      expect(causes[0]).toBeNull();
      expect(targets[8]).toMatchObject({ changed: false });
    },
  );
});

describe('a write', () => {
  it('knows what was there before it: history does not become its record', async () => {
    const { causes, writes } = await run({
      records: [wire('r1', 'disassociated')],
      respond: inTurn('POST', [noResponse()], associatedAt(0)),
    });
    expect([causes, writes()]).toEqual([[null], ['0 POST', '10000 POST']]);
  });

  const replies: [string, Reply][] = [
    ['a lost reply', noResponse()],
    ['an unreadable reply', { body: '<html>' }],
    ['a conflict', rejection(409)],
  ];
  it.each(
    replies.flatMap(([what, reply]) => [
      [`a POST that met ${what}`, reply, [], 'present'] as const,
      [`a DELETE that met ${what}`, reply, ['odd'], 'absent'] as const,
    ]),
  )(
    'is sent again only after ten seconds, three times at most: %s',
    async (_, reply, statuses, state) => {
      const { writes, causes } = await run({
        inputs: { ...several(1), state },
        records: recordsOf(...statuses),
        respond: together(replyTo('POST', reply), replyTo('DELETE', reply)),
      });
      const times = writes().map((text) => text.split(' ')[0]);
      expect(times).toEqual(['0', '10000', '20000']);
      expect(causes[0]).not.toBeNull();
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

  const late = appears(wire('r1', 'associated'), 1_000);
  it.each<[string, Respond, object | null]>([
    ['keeps its reason until then', () => undefined, { why: 'not-processed' }],
    ['is forgotten, once it is superfluous', late, null],
  ])('that was not sent %s', async (_, respond, heldBack) => {
    const { state } = await run({
      timeoutMs: 9_000,
      respond: together(replyTo('POST', NO_CONNECTION), respond),
    });
    if (heldBack) expect(state.heldBack).toMatchObject(heldBack);
    else expect(state).toMatchObject({ next: { do: 'done' }, heldBack });
  });

  it('that removes and was not sent keeps its reason', async () => {
    const { state } = await run({
      timeoutMs: 9_000,
      inputs: absent,
      records: [wire('r1', 'associated')],
      respond: replyTo('DELETE', NO_CONNECTION),
    });
    expect(state.heldBack).toMatchObject({ why: 'not-processed' });
  });

  it('that was not sent is not sent again before a poll succeeds, and polls keep their interval', async () => {
    const { writes, polls } = await run({
      respond: together(
        replyTo('POST', NO_CONNECTION, 0, 20_000),
        replyTo('GET', { body: '<html>' }, 1, 20_000),
        associatedAt(0),
      ),
    });
    expect(writes()).toEqual(['0 POST', '20779 POST']);
    expect(polls.slice(0, 3)).toEqual([2_500, 5_000, 7_500]);
  });
});
