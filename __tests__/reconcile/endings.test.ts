/** How a run ends before everything is done, and what is known of it then. */
import { describe, expect, it } from 'vitest';
import { A_SHARE, account } from '../builders.ts';
import {
  NO_CONNECTION,
  noResponse,
  ok,
  type Reply,
  rejection,
} from '../cloudflare/scripted-api.ts';
import {
  carriedOut,
  inTurn,
  type Respond,
  type RunCase,
  replyTo,
  run,
  several,
  together,
  wire,
} from './run.ts';

describe('the timeout', () => {
  it('ends the wait with a last poll two seconds before it', async () => {
    const left: number[] = [];
    const ended = await run({
      timeoutMs: 20_000,
      progress: { polled: (_, leftMs) => left.push(leftMs) },
    });
    expect(ended.traffic().at(-1)).toBe('18000 GET /new1');
    expect([left[0], left.at(-1)]).toEqual([19_000, 2_000]);
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

  it('says why a write was not sent until then', async () => {
    const { state, causes, reasons } = await run({
      timeoutMs: 30_000,
      respond: inTurn('POST', [noResponse()], replyTo('POST', NO_CONNECTION)),
    });
    expect([state.posts.length, causes]).toEqual([1, ['timeout']]);
    expect(reasons[0]).toMatch(
      /; the last write was not processed: no connection/,
    );
  });
});

describe('a cancellation', () => {
  const noPoll = replyTo('GET', 'hang', 1);
  const added = wire('r1', 'associating');
  const done = wire('r1', 'associated', account(1));
  const lostButAdded = carriedOut(done, noResponse());

  it.each<[string, RunCase, string[]]>([
    ['without another request', {}, ['0 POST', '1000 GET /new1']],
    [
      'although a poll has no response yet',
      { respond: noPoll },
      ['0 POST', '1000 GET /new1'],
    ],
  ])('ends the wait at once, %s', async (_, one, sent) => {
    const ended = await run({ ...one, cancelMs: 1_500 });
    expect([ended.endMs, ended.traffic()]).toEqual([1_500, sent]);
    expect(ended.outcome.ending).toEqual({ type: 'cancelled' });
    expect(ended.outcome.polls.failedPolls).toBe(0);
    expect(ended.reasons[0]).toMatch(
      /^cancelled; [01] polls?, last status `associating` for 2 s$/,
    );
  });

  it('lets a write end, and sends none after it', async () => {
    const { traffic, targets, causes } = await run({
      cancelMs: 600,
      inputs: several(6),
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

  const removal: RunCase = {
    inputs: { state: 'absent' },
    records: [wire('r1', 'associated')],
  };
  const posts = (...replies: (Reply | undefined)[]) => inTurn('POST', replies);
  const failing = replyTo('GET', rejection(503), 1);

  it.each<[string, number, Respond, RunCase, string[]]>([
    [
      'of an earlier POST is unknown',
      10_500,
      posts(noResponse(), rejection(409)),
      {},
      ['10000 POST', '10500 GET'],
    ],
    [
      'of a DELETE is unknown',
      500,
      inTurn('DELETE', [noResponse()]),
      removal,
      ['0 DELETE /r1', '500 GET'],
    ],
    [
      'of one of several POSTs is unknown',
      500,
      posts(undefined, noResponse()),
      { inputs: several(2) },
      ['0 POST', '500 GET'],
    ],
    [
      'is unknown, and with no second one, if that fails',
      500,
      together(posts(noResponse()), failing),
      {},
      ['0 POST', '500 GET'],
    ],
  ])('ends with one last list where the outcome %s', async (...row) => {
    const [, cancelMs, respond, more, sent] = row;
    const { traffic } = await run({ ...more, cancelMs, respond });
    expect(traffic().slice(-2)).toEqual(sent);
  });

  it.each<[string, Respond, string[]]>([
    [
      'no outcome is unknown',
      posts(undefined, rejection(409)),
      ['1000 GET', '2000 GET'],
    ],
    [
      'only that of a target that is done',
      (request, records) =>
        request.body?.includes(account(1))
          ? lostButAdded(request, records)
          : undefined,
      ['1000 GET', '2000 GET /new1'],
    ],
  ])('ends with no last list where %s', async (_, respond, sent) => {
    const inputs = several(2);
    const { traffic } = await run({ inputs, cancelMs: 2_500, respond });
    expect(traffic().slice(-2)).toEqual(sent);
  });

  it.each([
    ['pending', 'associating', 'cancelled'],
    ['done', 'associated', null],
  ])(
    'shows with the last list that the account is %s',
    async (_, status, cause) => {
      const ended = await run({
        cancelMs: 1_000,
        respond: carriedOut({ ...added, association_status: status }, 'hang'),
      });
      expect(ended.traffic()).toEqual(['0 POST', '1800 GET']);
      expect(ended.endMs).toBe(1_800);
      expect(ended.state).toMatchObject({ inUse: 'r1', changed: true });
      expect(ended.causes).toEqual([cause]);
      expect(ended.outcome.ending).toEqual({ type: 'cancelled' });
      const saysWhatWasSeen =
        /^cancelled; 1 poll, last status `associating` for [^;]*$/;
      if (cause) expect(ended.reasons[0]).toMatch(saysWhatWasSeen);
    },
  );

  it('does not wait for a last list that does not come', async () => {
    const { endMs, causes, traffic } = await run({
      cancelMs: 1_000,
      respond: together(noPoll, carriedOut(added, 'hang')),
    });
    expect([traffic().length, endMs]).toEqual([2, 2_800]);
    expect(causes).toEqual(['cancelled']);
  });

  it('is not hidden by a last list that is rejected', async () => {
    const { causes, reasons, outcome } = await run({
      cancelMs: 500,
      respond: together(
        replyTo('POST', noResponse()),
        replyTo('GET', rejection(403, 10000), 1),
      ),
    });
    expect(outcome.ending.type).toBe('cancelled');
    expect(causes).toEqual(['cancelled']);
    expect(reasons[0]).toMatch(
      /may have been carried out: connection cut; the last poll failed: said \(code 10000\)/,
    );
  });
});

describe('an internal error', () => {
  const error = new TypeError('a bug');
  const boom = () => {
    throw error;
  };

  it('keeps what was done: a callback that throws whenever it is called', async () => {
    const { outcome, targets, causes, reasons } = await run({
      inputs: several(3),
      records: [
        wire('r0', 'associating', account(0)),
        wire('r2', 'associated', account(2)),
      ],
      progress: { changed: boom },
    });
    expect(outcome.ending).toEqual({ type: 'crashed', error });
    expect(causes).toEqual(['internal', 'internal', null]);
    expect(reasons[1]).toBe(
      'not done because of an internal error; 0 polls, last status `associating` for 0 s',
    );
    expect(targets[1]).toMatchObject({
      inUse: 'new1',
      changed: true,
      posts: [{ result: { outcome: 'accepted' } }],
      recipient: { id: 'new1', status: 'associating' },
    });
    expect(outcome.observed?.records.size).toBe(3);
  });

  it('keeps what was done: a decision that throws', async () => {
    const resourceTypes = { get: boom } as never;
    const resources = [{ error: 'no', terminal: true }];
    const { outcome, state } = await run({
      shareReading: { type: 'read', share: { ...A_SHARE, resourceTypes } },
      respond: ({ atMs }, [record]) =>
        atMs > 0 ? ok({ ...record, resources }) : undefined,
    });
    expect(outcome.ending).toEqual({ type: 'crashed', error });
    expect(state).toMatchObject({
      inUse: 'new1',
      changed: true,
      next: { do: 'wait' },
    });
  });

  it('sends no other write than those that are under way', async () => {
    const { outcome, targets, writes } = await run({
      inputs: several(9),
      tookMs: 100,
      respond: ({ body }) => (body?.includes(account(1)) ? boom() : undefined),
    });
    expect(outcome.ending.type).toBe('crashed');
    expect(writes()).toHaveLength(4);
    expect(targets.map(({ changed }) => changed)).toEqual([
      true,
      false,
      true,
      true,
      ...Array(5).fill(false),
    ]);
  });
});
