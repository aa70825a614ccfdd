/**
 * What a run writes and reports where records, pages and responses are not
 * what one expects: whole runs on a virtual clock.
 */
import { describe, expect, it } from 'vitest';
import { ACCOUNT, account, ORGANIZATION, OTHER } from './builders.ts';
import {
  noResponse,
  ok,
  type Reply,
  rejection,
} from './cloudflare/scripted-api.ts';
import {
  deleteOf,
  EXACT,
  idsOf,
  LIST,
  POST,
  playRun,
  type Request,
  type Respond,
  readOf,
  record,
  several,
  TWO,
  targetOf,
} from './scripted-run.ts';

const ABSENT = { INPUT_STATE: 'absent' };
const FAILED = {
  resources: [{ resource_id: 'p', error: 'no', terminal: true }],
};

/** The list over time. */
const listAt =
  (records: (atMs: number) => object[]): Respond =>
  ({ atMs }) =>
    ok(records(atMs));

/** What a record is until a time, and from then on. */
const until = (endMs: number, before: string, after: string) => {
  return (atMs: number) => (atMs < endMs ? before : after);
};

describe('a list that is old because the share took long to read', () => {
  it.each<[string, Reply]>([
    ['a block', rejection(429, 971, { 'retry-after': '60' })],
    ['retries', rejection(503)],
  ])('is read again before the first POST: %s', async (_, reply) => {
    const added = record('r1', ACCOUNT, 'associated');
    const { requests } = await playRun({
      env: { ...TWO, ...EXACT },
      respond: {
        GET: ({ atMs }) => (atMs < 14_500 ? reply : undefined),
        [POST]: ok(record('new', ACCOUNT, 'associating')),
        // A parallel run adds the account after the first list.
        [LIST]: listAt((atMs) => [
          record('r2', OTHER, 'associated'),
          ...(atMs > 1_000 ? [added] : []),
        ]),
      },
    });
    expect(requests).not.toContain(POST);
  });
});

it('a server whose pages are smaller than asked for is read to its end', async () => {
  const all = [
    ...idsOf(60).map((id, n) => record(`x${n}`, id, 'associated')),
    record('r1', ACCOUNT, 'associated'),
  ];
  const { success, requests } = await playRun({
    respond: {
      [POST]: ok(record('new', ACCOUNT, 'associating')),
      [LIST]: ({ url }) => {
        const page = Number(/page=(\d+)&/.exec(url)?.[1] ?? 0);
        if (page === 0) {
          return noResponse({ cause: 'too-large', isRetryable: false });
        }
        const records = all.slice((page - 1) * 50, page * 50);
        return ok(records, { result_info: { per_page: 50 } });
      },
    },
  });
  expect(success).toBe(true);
  expect(requests).not.toContain(POST);
});

describe('a DELETE whose outcome is unknown', () => {
  const both = [
    record('r1', ACCOUNT, 'associated'),
    record('r2', ACCOUNT, 'associated'),
  ];
  const busy = rejection(429, 971, { 'retry-after': '5' });
  it.each<[string, Reply, number, Reply]>([
    ['another record is held back', busy, 1_500, ok(both)],
    ['another record was accepted', ok({}), 8_000, ok(both)],
    ['a poll fails', ok({}), 60_000, rejection(403, 10000)],
  ])('is reported although %s', async (_, reply, cancelMs, poll) => {
    const { recipients } = await playRun({
      env: ABSENT,
      cancelMs,
      respond: {
        [deleteOf('r1')]: noResponse(),
        [deleteOf('r2')]: reply,
        [LIST]: ({ atMs }) => (atMs === 0 ? ok(both) : poll),
      },
    });
    expect(recipients[0].error).toMatch(/may have been carried out/);
  });
});

describe('an account that `exact` removes is not called "not removed"', () => {
  it('where its removal was accepted, and a listed account fails', async () => {
    const listed = until(5_000, 'associated', 'disassociated');
    const unlisted = until(14_000, 'associated', 'disassociating');
    const { causes, text } = await playRun({
      env: EXACT,
      respond: {
        DELETE: ok({}),
        [LIST]: listAt((atMs) => [
          record('r1', ACCOUNT, listed(atMs)),
          record('r2', ACCOUNT, 'disassociated'),
          record('x0', OTHER, unlisted(atMs)),
        ]),
      },
    });
    expect(text).not.toMatch(/Not removed, as a list/);
    expect(causes[1]).not.toBe('stopped');
  });

  it('where somebody removes it meanwhile', async () => {
    const own = until(30_000, 'disassociating', 'disassociated');
    const ofOthers = until(5_000, 'associated', 'disassociated');
    const { text } = await playRun({
      env: EXACT,
      respond: {
        [deleteOf('x0')]: ok({}),
        DELETE: rejection(403, 10000),
        [readOf('x0')]: ({ atMs }) => ok(record('x0', account(0), own(atMs))),
        [LIST]: listAt((atMs) => {
          const statusOfFirst = atMs === 0 ? 'associated' : own(atMs);
          return [
            record('r1', ACCOUNT, 'associated'),
            ...idsOf(6).map((id, n) =>
              record(`x${n}`, id, n === 0 ? statusOfFirst : ofOthers(atMs)),
            ),
          ];
        }),
      },
    });
    expect(text).not.toMatch(/Not removed, as a list/);
  });

  it('where its record names another account now', async () => {
    const { text } = await playRun({
      env: EXACT,
      respond: {
        [readOf('r1')]: rejection(404),
        [LIST]: listAt((atMs) => [
          record('r1', ACCOUNT, until(1, 'associating', 'associated')(atMs)),
          record('x1', until(1, OTHER, account(5))(atMs), 'associated'),
        ]),
      },
    });
    expect(text).not.toContain(`state: absent: ${OTHER}`);
  });
});

describe('an account that `exact` removes is called "not removed"', () => {
  const NOT_REMOVED = `Not removed, as a list for a run with state: absent: ${OTHER}.`;
  /** Of its two records, one is removed, and the other one has to wait. */
  const respondWith = (listedLater: string) => ({
    [deleteOf('x1')]: ok({}),
    [deleteOf('x2')]: rejection(429, 971, { 'retry-after': '5' }),
    [LIST]: listAt((atMs) => {
      const ended = until(9_000, 'disassociating', 'disassociated')(atMs);
      return [
        record('r1', ACCOUNT, atMs === 0 ? 'associated' : listedLater),
        record('x1', OTHER, atMs === 0 ? 'associated' : ended),
        record('x2', OTHER, 'associated'),
      ];
    }),
  });

  it('where its second record was not, because a listed account failed', async () => {
    const { recipients, text } = await playRun({
      env: EXACT,
      respond: respondWith('disassociated'),
    });
    expect(recipients[1]).toMatchObject({
      cause: 'stopped',
      error: 'not removed, because a listed account failed',
    });
    expect(text).toContain(NOT_REMOVED);
  });

  it('where the run was cancelled between its two records', async () => {
    const { text } = await playRun({
      env: EXACT,
      cancelMs: 3_000,
      respond: respondWith('associated'),
    });
    expect(text).toContain(NOT_REMOVED);
  });

  it('where its removal met another change only', async () => {
    const listed = until(1, 'associated', 'disassociated');
    const { text } = await playRun({
      env: EXACT,
      respond: {
        DELETE: rejection(409, 1),
        [LIST]: listAt((atMs) => [
          record('r1', ACCOUNT, listed(atMs)),
          record('x1', OTHER, 'associated'),
        ]),
      },
    });
    expect(text).toContain(NOT_REMOVED);
  });
});

it('code 10001 in an error_chain stops no other account', async () => {
  const errors = [{ code: 1099, error_chain: [{ code: 10001 }] }];
  const body = JSON.stringify({ success: false, errors });
  const { causes } = await playRun({
    env: { ...several(6), INPUT_WAIT: 'false' },
    respond: {
      [POST]: (request) => {
        const target = targetOf(request);
        return target === account(0)
          ? { status: 400, body }
          : ok(record(`n${target.slice(-1)}`, target, 'associating'));
      },
    },
  });
  expect(causes).toEqual(['authentication', null, null, null, null, null]);
});

it('records of the same age: none is called older', async () => {
  const created = '2026-01-01T00:00:00Z';
  const { text } = await playRun({
    respond: {
      [LIST]: ok([
        record('r1', ACCOUNT, 'associated', { created }),
        record('r2', ACCOUNT, 'associated', { created }),
      ]),
    },
  });
  expect(text).toContain('Remove recipient r2: r1 is in use.');
});

it('a record that is skipped has its warning, even if a later list can decode it', async () => {
  const other = record('x1', OTHER, 'associated');
  const odd = { ...other, association_status: 5 };
  const { text } = await playRun({
    respond: {
      [POST]: ok(record('r1', ACCOUNT, 'associating')),
      [readOf('r1')]: rejection(404),
      [LIST]: listAt((atMs) =>
        atMs === 0 ? [odd] : [other, record('r1', ACCOUNT, 'associated')],
      ),
    },
  });
  expect(text).toMatch(/1 recipient of another account could not be decoded/);
});

it('a write whose effect was observed shows that the credentials can write', async () => {
  let isAdded = false;
  const away = until(3_000, 'disassociating', 'disassociated');
  const { text } = await playRun({
    env: TWO,
    respond: {
      [POST]: (request) => {
        if (targetOf(request) !== ACCOUNT) return rejection(403, 10000);
        isAdded = true;
        return noResponse();
      },
      [LIST]: listAt((atMs) => [
        ...(isAdded ? [record('r1', ACCOUNT, 'associated')] : []),
        record('r2', OTHER, away(atMs)),
      ]),
    },
  });
  expect(text).not.toMatch(/can read this share but not change it/);
});

describe('where the share could be read, and its list could not', () => {
  it.each<[string, Reply]>([
    ['credentials', rejection(403, 10000)],
    ['the share', rejection(404, 1004)],
    ['a captive portal', ok([record('r1', ACCOUNT, '')])],
    ['the network', noResponse({ cause: 'network' })],
    ['api-url', noResponse({ cause: 'too-large', isRetryable: false })],
  ])('the advice does not doubt %s', async (_, reply) => {
    const { of } = await playRun({ respond: { [LIST]: reply } });
    const [error = ''] = of('error|');
    expect(error).toContain('Share "Baseline"');
    expect(error).not.toMatch(/Check (that|share-id|api-url|account-id)/);
  });
});

describe('a write that never succeeds leaves the others their turn', () => {
  // One write for each list.
  const headers = { ratelimit: '"default";r=3;t=300', 'cf-ray': 'ray' };

  it('a DELETE', async () => {
    const sentMs: number[] = [];
    await playRun({
      env: { ...TWO, ...ABSENT, INPUT_TIMEOUT: '30m' },
      respond: {
        [deleteOf('r1')]: { ...rejection(409, 1), headers },
        [deleteOf('r2')]: ({ atMs }) => {
          sentMs.push(atMs);
          return { ...ok({}), headers };
        },
        [LIST]: () => {
          const isSent = sentMs.length > 0;
          const records = [
            record('r1', ACCOUNT, 'associating'),
            record('r2', OTHER, isSent ? 'disassociated' : 'associated'),
          ];
          return { ...ok(records), headers };
        },
      },
    });
    expect(sentMs[0]).toBeLessThan(10 * 60_000);
  });

  it('a POST that is never processed', async () => {
    const posts: string[] = [];
    await playRun({
      env: { ...several(8), INPUT_TIMEOUT: '2h' },
      respond: {
        [POST]: (request) => {
          const target = targetOf(request);
          posts.push(target);
          if (target === account(0)) return { ...rejection(525), headers };
          const recipient = record(`r${target}`, target, 'associating');
          return { ...ok(recipient), headers };
        },
        [LIST]: () => {
          const added = posts
            .filter((id) => id !== account(0))
            .map((id) => record(`r${id}`, id, 'associated'));
          return { ...ok(added), headers };
        },
      },
    });
    const untilLast = posts.slice(0, posts.indexOf(account(7)));
    expect(untilLast.filter((id) => id === account(0))).toHaveLength(1);
  });
});

describe('an organization whose POST has no response', () => {
  it.each([
    ['timeout', { INPUT_TIMEOUT: '8s' }, {}],
    ['cancellation', {}, { cancelMs: 3_000 }],
  ])('cannot be identified at a %s either', async (_, env, options) => {
    const { recipients, text } = await playRun({
      ...options,
      env: {
        'INPUT_RECIPIENT-ACCOUNT-ID': '',
        'INPUT_ORGANIZATION-ID': ORGANIZATION,
        ...env,
      },
      respond: { [POST]: noResponse() },
    });
    expect(recipients).toMatchObject([
      { cause: 'inconclusive', status: 'unknown' },
    ]);
    expect(text).toContain('before you run again');
    expect(text).not.toContain('un again to continue');
  });
});

it('an odd record of an account that `exact` removes fails the read', async () => {
  const own = until(5_000, 'associating', 'associated');
  const { deletes, text } = await playRun({
    env: { ...EXACT, INPUT_TIMEOUT: '60s' },
    respond: {
      [POST]: ok(record('r1', ACCOUNT, 'associating')),
      DELETE: rejection(404, 1),
      [LIST]: listAt((atMs) => {
        if (atMs === 0) return [record('x1', OTHER, 'associated')];
        const resources = atMs < 20_000 ? 5 : [];
        return [
          record('r1', ACCOUNT, own(atMs)),
          // Somebody else has removed it.
          record('x1', OTHER, 'disassociated', { resources }),
        ];
      }),
    },
  });
  expect(deletes).toEqual([]);
  expect(text).not.toContain('had no effect on this run');
});

describe('where a record was read by its ID, and the next list failed,', () => {
  const respondWith = (read: object, list: Reply) => ({
    [readOf('r1')]: ok(read),
    [LIST]: ({ atMs }: Request) => {
      if (atMs > 0) return list;
      return ok([
        record('r1', ACCOUNT, 'associating'),
        record('r2', OTHER, 'associated'),
      ]);
    },
  });

  it('the status that it was read with is reported', async () => {
    const { recipients } = await playRun({
      env: TWO,
      cancelMs: 3_000,
      respond: respondWith(record('r1', ACCOUNT, 'associated'), 'hang'),
    });
    expect(recipients[0]).toMatchObject({
      status: 'associated',
      cause: 'cancelled',
    });
  });

  it('a permanent error that it was read with fails its target', async () => {
    const failed = record('r1', ACCOUNT, 'associated', FAILED);
    const { causes, tookMs } = await playRun({
      env: TWO,
      respond: respondWith(failed, rejection(503)),
    });
    expect(causes[0]).toBe('resource-error');
    expect(tookMs).toBeLessThan(60_000);
  });

  it('the ID and the status in the outputs are of one record', async () => {
    const status = until(1, 'associated', 'disassociating');
    const { recipients } = await playRun({
      env: ABSENT,
      respond: {
        DELETE: ok({}),
        [readOf('r1')]: ok(record('r1', ACCOUNT, 'disassociated')),
        [LIST]: ({ atMs }) => {
          if (atMs > 1_500) return rejection(403, 10000);
          const ids = ['r1', 'r2'];
          return ok(ids.map((id) => record(id, ACCOUNT, status(atMs))));
        },
      },
    });
    expect(recipients).toMatchObject([
      { recipient_id: 'r2', status: 'disassociating' },
    ]);
  });
});

describe('a removal that a read by ID shows, before the list fails', () => {
  const removed = record('r1', ACCOUNT, 'disassociating');
  const another = record('r2', ACCOUNT, 'associated');
  const respondWith = (failure: Reply) => ({
    [readOf('r1')]: ok(removed),
    [readOf('r2')]: ok(another),
    [LIST]: ({ atMs }: Request) => {
      if (atMs === 0) return ok([record('r1', ACCOUNT, 'associating')]);
      return atMs < 60_000 ? failure : ok([removed, another]);
    },
  });

  it.each([{}, EXACT])('is not the end: %j', async (env) => {
    const respond = respondWith(rejection(503));
    const { success, requests } = await playRun({ env, respond });
    expect(success).toBe(true);
    expect(requests).not.toContain(POST);
  });

  it('does not take the place of a timeout', async () => {
    const { causes } = await playRun({
      env: { INPUT_TIMEOUT: '20s' },
      respond: respondWith('hang'),
    });
    expect(causes[0]).toBe('timeout');
  });
});

it('a removal that somebody else has begun does not follow from a failed addition', async () => {
  let lists = 0;
  const added = record('r1', ACCOUNT, 'associating');
  const { causes } = await playRun({
    env: { ...EXACT, 'INPUT_MAX-REMOVALS': '1' },
    respond: {
      [POST]: ok(added),
      [LIST]: () => {
        if (++lists > 2) return rejection(403, 10000);
        return lists === 1
          ? ok([record('y', OTHER, 'associated')])
          : ok([added, record('y', OTHER, 'disassociating')]);
      },
    },
  });
  expect(causes[1]).toBe('authentication');
});

it('a DELETE that was not sent is not forgotten when another one of its account was', async () => {
  const headers = { 'cf-ray': 'ray', ratelimit: '"default";r=1;t=60' };
  const both = ['r1', 'r2'].map((id) => record(id, ACCOUNT, 'associated'));
  let isDeleted = false;
  const { recipients } = await playRun({
    env: { ...ABSENT, INPUT_TIMEOUT: '90s' },
    respond: {
      DELETE: () => {
        isDeleted = true;
        return { ...ok({}), headers };
      },
      [LIST]: () => (isDeleted ? rejection(503) : { ...ok(both), headers }),
    },
  });
  expect(recipients[0].error).toContain('the next write was held back');
});

it('a failed target is changed by a POST whose record appears late', async () => {
  const third = account(3);
  const status = until(25_001, 'associating', 'associated');
  const errors = [{ code: 1, message: 'said' }];
  const body = JSON.stringify({ success: false, retryable: false, errors });
  let isPosted = false;
  const { recipients } = await playRun({
    env: { 'INPUT_RECIPIENT-ACCOUNT-ID': `${ACCOUNT} ${OTHER} ${third}` },
    respond: {
      [POST]: () => {
        isPosted = true;
        return { status: 500, body };
      },
      [LIST]: listAt((atMs) => {
        const isShown = isPosted && atMs > 15_000;
        return [
          record('r2', OTHER, status(atMs)),
          record('r3', third, status(atMs)),
          ...(isShown ? [record('r1', ACCOUNT, 'associated')] : []),
        ];
      }),
    },
  });
  expect(recipients[0]).toMatchObject({
    recipient_id: 'r1',
    status: 'associated',
    changed: true,
  });
});
