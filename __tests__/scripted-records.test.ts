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
  EXACT,
  LIST,
  POST,
  playRun,
  type Request,
  record,
  type ScriptedRun,
  TWO,
  targetOf,
} from './scripted-run.ts';

const SHARE = 'GET';
const FAILED = {
  resources: [{ resource_id: 'p', error: 'no', terminal: true }],
};
const readOf = (id: string) => `${LIST}/${id}`;

describe('a list that is old because the share took long to read', () => {
  it.each<[string, Reply]>([
    ['a block', rejection(429, 971, { 'retry-after': '60' })],
    ['retries', rejection(503)],
  ])('is read again before the first POST: %s', async (_, reply) => {
    const { requests } = await playRun({
      env: { ...TWO, ...EXACT },
      respond: ({ name, atMs }) => {
        if (name === SHARE) return atMs < 14_500 ? reply : undefined;
        if (name === POST) return ok(record('new', ACCOUNT, 'associating'));
        if (name !== LIST) return undefined;
        const added = record('r1', ACCOUNT, 'associated');
        const records = [record('r2', OTHER, 'associated')];
        // A parallel run adds the account after the first list.
        return ok(atMs > 1_000 ? [...records, added] : records);
      },
    });
    expect(requests).not.toContain(POST);
  });
});

describe('a server whose pages are smaller than asked for', () => {
  const others = Array.from({ length: 60 }, (_, n) =>
    record(`x${n}`, account(n), 'associated'),
  );
  const all = [...others, record('r1', ACCOUNT, 'associated')];
  const inPages = ({ name, url }: Request): Reply | undefined => {
    if (name === POST) return ok(record('new', ACCOUNT, 'associating'));
    if (name !== LIST) return undefined;
    const page = Number(/page=(\d+)&/.exec(url)?.[1] ?? 0);
    if (page === 0) {
      return noResponse({ cause: 'too-large', isRetryable: false });
    }
    const records = all.slice((page - 1) * 50, page * 50);
    return ok(records, { result_info: { per_page: 50 } });
  };

  it('is read to its end', async () => {
    const { success, requests } = await playRun({ respond: inPages });
    expect(success).toBe(true);
    expect(requests).not.toContain(POST);
  });
});

it('a copy of a record that names no account has the account of the other', async () => {
  const { requests, recipients } = await playRun({
    respond: ({ name }) => {
      if (name === POST) return ok(record('new', ACCOUNT, 'associating'));
      if (name !== LIST) return undefined;
      return ok([
        record('r1', ACCOUNT, 'associated'),
        record('r1', null, 'associated', FAILED),
      ]);
    },
  });
  expect(requests).not.toContain(POST);
  expect(recipients).toMatchObject([{ cause: 'resource-error' }]);
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
      env: { INPUT_STATE: 'absent' },
      cancelMs,
      respond: ({ name, atMs }) => {
        if (name === 'DELETE /recipients/r1') return noResponse();
        if (name === 'DELETE /recipients/r2') return reply;
        if (name !== LIST) return undefined;
        return atMs === 0 ? ok(both) : poll;
      },
    });
    expect(recipients[0].error).toMatch(/may have been carried out/);
  });
});

describe('a target that has failed has the status that was observed last', () => {
  const other = (atMs: number) =>
    record('r2', OTHER, atMs < 30_000 ? 'associating' : 'associated');
  const play = (post: Reply, first: (atMs: number) => object[]) =>
    playRun({
      env: TWO,
      respond: ({ name, atMs }) => {
        if (name === POST) return post;
        if (name === readOf('r2')) return ok(other(atMs));
        return name === LIST ? ok([...first(atMs), other(atMs)]) : undefined;
      },
    });

  it('after a permanent error', async () => {
    const { recipients } = await play(rejection(400), (atMs) => [
      record(
        'r1',
        ACCOUNT,
        atMs < 5_000 ? 'associating' : 'disassociated',
        FAILED,
      ),
    ]);
    expect(recipients[0]).toMatchObject({
      cause: 'resource-error',
      status: 'disassociated',
    });
  });

  it('after a rejection, where a parallel run adds it', async () => {
    const { recipients } = await play(rejection(400, 1099), (atMs) =>
      atMs < 5_000 ? [] : [record('r1', ACCOUNT, 'associated')],
    );
    expect(recipients[0]).toMatchObject({
      cause: 'rejected',
      status: 'associated',
      recipient_id: 'r1',
      changed: false,
    });
  });
});

it('a removal that was accepted is not called "not removed" where a listed account fails', async () => {
  const { recipients, text } = await playRun({
    env: EXACT,
    respond: ({ name, atMs }) => {
      if (name.startsWith('DELETE')) return ok({});
      if (name !== LIST) return undefined;
      const listed = atMs < 5_000 ? 'associated' : 'disassociated';
      const unlisted = atMs < 14_000 ? 'associated' : 'disassociating';
      return ok([
        record('r1', ACCOUNT, atMs === 0 ? 'associated' : listed),
        record('r2', ACCOUNT, 'disassociated'),
        record('x0', OTHER, unlisted),
      ]);
    },
  });
  expect(text).not.toMatch(/Not removed, as a list/);
  expect(recipients[1].cause).not.toBe('stopped');
});

it('an account that is removed by somebody meanwhile is not listed as not removed', async () => {
  const ids = [0, 1, 2, 3, 4, 5];
  const { text } = await playRun({
    env: EXACT,
    respond: ({ name, atMs }) => {
      if (name === 'DELETE /recipients/x0') return ok({});
      if (name.startsWith('DELETE')) return rejection(403, 10000);
      const own = atMs < 30_000 ? 'disassociating' : 'disassociated';
      if (name === readOf('x0')) return ok(record('x0', account(0), own));
      if (name !== LIST) return undefined;
      const ofOthers = atMs < 5_000 ? 'associated' : 'disassociated';
      const ofFirst = atMs === 0 ? 'associated' : own;
      return ok([
        record('r1', ACCOUNT, 'associated'),
        ...ids.map((n) =>
          record(`x${n}`, account(n), n === 0 ? ofFirst : ofOthers),
        ),
      ]);
    },
  });
  expect(text).not.toMatch(/Not removed, as a list/);
});

it('code 10001 in an error_chain stops no other account', async () => {
  const ids = [0, 1, 2, 3, 4, 5].map((n) => account(n));
  const errors = [{ code: 1099, error_chain: [{ code: 10001 }] }];
  const { recipients } = await playRun({
    env: { 'INPUT_RECIPIENT-ACCOUNT-ID': ids.join(' '), INPUT_WAIT: 'false' },
    respond: (request) => {
      if (request.name !== POST) return undefined;
      const target = targetOf(request);
      return target === account(0)
        ? { status: 400, body: JSON.stringify({ success: false, errors }) }
        : ok(record(`n${target.slice(-1)}`, target, 'associating'));
    },
  });
  const causes = recipients.map(({ cause }: { cause: string }) => cause);
  expect(causes).toEqual(['authentication', null, null, null, null, null]);
});

it('records of the same age: none is called older', async () => {
  const created = '2026-01-01T00:00:00Z';
  const { text } = await playRun({
    respond: ({ name }) =>
      name === LIST
        ? ok([
            record('r1', ACCOUNT, 'associated', { created }),
            record('r2', ACCOUNT, 'associated', { created }),
          ])
        : undefined,
  });
  expect(text).toContain('Remove recipient r2: r1 is in use.');
});

it('a record that is skipped has its warning, even if a later list can decode it', async () => {
  const { text } = await playRun({
    respond: ({ name, atMs }) => {
      if (name === POST) return ok(record('r1', ACCOUNT, 'associating'));
      if (name === readOf('r1')) return rejection(404);
      if (name !== LIST) return undefined;
      const other = record('x1', OTHER, 'associated');
      const odd = { ...other, association_status: 5 };
      return ok(
        atMs === 0 ? [odd] : [other, record('r1', ACCOUNT, 'associated')],
      );
    },
  });
  expect(text).toMatch(/1 recipient of another account could not be decoded/);
});

it('a write whose effect was observed shows that the credentials can write', async () => {
  let isAdded = false;
  const { text } = await playRun({
    env: TWO,
    respond: (request) => {
      if (request.name === POST && targetOf(request) === ACCOUNT) {
        isAdded = true;
        return noResponse();
      }
      if (request.name === POST) return rejection(403, 10000);
      if (request.name !== LIST) return undefined;
      const away = request.atMs < 3_000 ? 'disassociating' : 'disassociated';
      const other = record('r2', OTHER, away);
      return ok(
        isAdded ? [record('r1', ACCOUNT, 'associated'), other] : [other],
      );
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
    const { of } = await playRun({
      respond: ({ name }) => (name === LIST ? reply : undefined),
    });
    const [error = ''] = of('error|');
    expect(error).toContain('Share "Baseline"');
    expect(error).not.toMatch(/Check (that|share-id|api-url|account-id)/);
  });
});

it.each([525, 526])(
  'a POST that met %d did not reach the API: it is sent again after the next list',
  async (status) => {
    let posts = 0;
    const { requests, success } = await playRun({
      respond: ({ name }) => {
        if (name === POST) {
          posts += 1;
          return posts === 1
            ? rejection(status)
            : ok(record('r1', ACCOUNT, 'associating'));
        }
        if (name === readOf('r1'))
          return ok(record('r1', ACCOUNT, 'associated'));
        return undefined;
      },
    });
    expect(success).toBe(true);
    expect(requests.filter((name) => name !== SHARE)).toEqual([
      LIST,
      POST,
      LIST,
      POST,
      readOf('r1'),
    ]);
  },
);

describe('an account that `exact` removes, with two records', () => {
  const respond =
    (listedLater: string) =>
    ({ name, atMs }: Request): Reply | undefined => {
      if (name === 'DELETE /recipients/x1') return ok({});
      if (name === 'DELETE /recipients/x2') {
        return rejection(429, 971, { 'retry-after': '5' });
      }
      if (name !== LIST) return undefined;
      const ended = atMs < 9_000 ? 'disassociating' : 'disassociated';
      return ok([
        record('r1', ACCOUNT, atMs === 0 ? 'associated' : listedLater),
        record('x1', OTHER, atMs === 0 ? 'associated' : ended),
        record('x2', OTHER, 'associated'),
      ]);
    };
  const NOT_REMOVED = `Not removed, as a list for a run with state: absent: ${OTHER}.`;

  it('is not removed where the second one was not, because a listed account failed', async () => {
    const { recipients, text } = await playRun({
      env: EXACT,
      respond: respond('disassociated'),
    });
    expect(recipients[1]).toMatchObject({
      cause: 'stopped',
      error: 'not removed, because a listed account failed',
    });
    expect(text).toContain(NOT_REMOVED);
  });

  it('is not removed where the run was cancelled between them', async () => {
    const { text } = await playRun({
      env: EXACT,
      cancelMs: 3_000,
      respond: respond('associated'),
    });
    expect(text).toContain(NOT_REMOVED);
  });
});

it('an account whose removal met another change only is not removed', async () => {
  const { text } = await playRun({
    env: EXACT,
    respond: ({ name, atMs }) => {
      if (name.startsWith('DELETE')) return rejection(409, 1);
      if (name !== LIST) return undefined;
      return ok([
        record('r1', ACCOUNT, atMs === 0 ? 'associated' : 'disassociated'),
        record('x1', OTHER, 'associated'),
      ]);
    },
  });
  expect(text).toContain(`state: absent: ${OTHER}.`);
});

it('a DELETE that never succeeds leaves the other ones their turn', async () => {
  // One write for each list.
  const headers = { ratelimit: '"default";r=3;t=300', 'cf-ray': 'ray' };
  const sentMs: number[] = [];
  await playRun({
    env: { ...TWO, INPUT_STATE: 'absent', INPUT_TIMEOUT: '30m' },
    respond: ({ name, atMs }) => {
      if (name === 'DELETE /recipients/r1') {
        return { ...rejection(409, 1), headers };
      }
      if (name === 'DELETE /recipients/r2') {
        sentMs.push(atMs);
        return { ...ok({}), headers };
      }
      if (name !== LIST) return undefined;
      const isSent = sentMs.length > 0;
      const records = [
        record('r1', ACCOUNT, 'associating'),
        record('r2', OTHER, isSent ? 'disassociated' : 'associated'),
      ];
      return { ...ok(records), headers };
    },
  });
  expect(sentMs[0]).toBeLessThan(10 * 60_000);
});

describe('an organization whose POST has no response', () => {
  it.each([
    ['timeout', { env: { INPUT_TIMEOUT: '8s' } }],
    ['cancellation', { cancelMs: 3_000 }],
  ])('cannot be identified at a %s either', async (_, options) => {
    const env = {
      'INPUT_RECIPIENT-ACCOUNT-ID': '',
      'INPUT_ORGANIZATION-ID': ORGANIZATION,
    };
    const { recipients, text } = await playRun({
      ...options,
      env: { ...env, ...('env' in options ? options.env : {}) },
      respond: ({ name }) => (name === POST ? noResponse() : undefined),
    });
    expect(recipients).toMatchObject([
      { cause: 'inconclusive', status: 'unknown' },
    ]);
    expect(text).toContain('before you run again');
    expect(text).not.toContain('un again to continue');
  });
});

it('two copies of a record in one list are one read of its error', async () => {
  const failing = {
    resources: [{ resource_id: 'p', error: 'later', terminal: false }],
  };
  const healthy = record('r1', ACCOUNT, 'associated');
  const { success } = await playRun({
    env: { ...TWO, INPUT_TIMEOUT: '30s' },
    respond: ({ name, atMs }) => {
      if (name !== LIST) return undefined;
      const isStale = atMs > 500 && atMs < 1_500;
      return ok(
        isStale
          ? [healthy, healthy, record('r2', OTHER, 'associated')]
          : [
              record('r1', ACCOUNT, 'associated', failing),
              record('r2', OTHER, 'associating'),
            ],
      );
    },
  });
  expect(success).toBe(false);
});

it('an odd record of an account that `exact` removes fails the read', async () => {
  const { requests, text } = await playRun({
    env: { ...EXACT, INPUT_TIMEOUT: '60s' },
    respond: ({ name, atMs }) => {
      if (name === POST) return ok(record('r1', ACCOUNT, 'associating'));
      if (name.startsWith('DELETE')) return rejection(404, 1);
      if (name !== LIST) return undefined;
      if (atMs === 0) return ok([record('x1', OTHER, 'associated')]);
      const resources = atMs < 20_000 ? 5 : [];
      return ok([
        record('r1', ACCOUNT, atMs < 5_000 ? 'associating' : 'associated'),
        // Somebody else has removed it.
        record('x1', OTHER, 'disassociated', { resources }),
      ]);
    },
  });
  expect(requests).not.toContain('DELETE /recipients/x1');
  expect(text).not.toContain('had no effect on this run');
});

it('the oldest record is in use, whatever the order of the list', async () => {
  const records = [
    record('aa', ACCOUNT, 'associated', { created: '2026-01-02T00:00:00Z' }),
    record('mm', ACCOUNT, 'associated'),
    record('zz', ACCOUNT, 'associated', { created: '2026-01-01T00:00:00Z' }),
  ];
  for (const list of [records, records.toReversed()]) {
    const { outputs } = await playRun({
      respond: ({ name }) => (name === LIST ? ok(list) : undefined),
    });
    expect(outputs()['recipient-id']).toBe('zz');
  }
});

it.each([
  ['before', [null, OTHER]],
  ['after', [OTHER, null]],
])(
  'a copy that names no account, %s one that does, is no recipient of its own',
  async (_, accounts) => {
    const { text } = await playRun({
      respond: ({ name }) => {
        if (name !== LIST) return undefined;
        const copies = accounts.map((id) => record('x1', id, 'associated'));
        return ok([record('r1', ACCOUNT, 'associated'), ...copies]);
      },
    });
    expect(text).toContain('1 other account has access');
    expect(text).not.toContain('possibly an organization');
  },
);

it('a POST that is never processed leaves the others their turn', async () => {
  // One write for each list.
  const headers = { ratelimit: '"default";r=3;t=300', 'cf-ray': 'ray' };
  const ids = Array.from({ length: 8 }, (_, n) => account(n));
  const posts: string[] = [];
  await playRun({
    env: {
      'INPUT_RECIPIENT-ACCOUNT-ID': ids.join('\n'),
      INPUT_TIMEOUT: '2h',
    },
    respond: (request) => {
      const { name } = request;
      if (name === POST) {
        const target = targetOf(request);
        posts.push(target);
        if (target === account(0)) return { ...rejection(525), headers };
        const recipient = record(`r${target}`, target, 'associating');
        return { ...ok(recipient), headers };
      }
      if (name !== LIST) return undefined;
      const added = posts
        .filter((id) => id !== account(0))
        .map((id) => record(`r${id}`, id, 'associated'));
      return { ...ok(added), headers };
    },
  });
  const untilLast = posts.slice(0, posts.indexOf(account(7)));
  expect(untilLast.filter((id) => id === account(0))).toHaveLength(1);
});

it('a list that shows a record with its error and without is no second read without', async () => {
  const failing = record('r1', ACCOUNT, 'associated', {
    resources: [{ resource_id: 'p', error: 'later', terminal: false }],
  });
  const healthy = record('r1', ACCOUNT, 'associated');
  const lists = [[failing], [healthy], [failing, healthy]];
  let reads = 0;
  const { success } = await playRun({
    env: { ...TWO, INPUT_TIMEOUT: '30s' },
    respond: ({ name }) => {
      if (name !== LIST) return undefined;
      const copies = lists[reads] ?? [failing];
      reads += 1;
      const status = reads < 3 ? 'associating' : 'associated';
      return ok([...copies, record('r2', OTHER, status)]);
    },
  });
  expect(success).toBe(false);
});

it('the status that a record was read with is reported, although the next list failed', async () => {
  const { recipients } = await playRun({
    env: TWO,
    cancelMs: 3_000,
    respond: ({ name, atMs }) => {
      if (name === readOf('r1')) return ok(record('r1', ACCOUNT, 'associated'));
      if (name !== LIST) return undefined;
      if (atMs > 0) return 'hang';
      return ok([
        record('r1', ACCOUNT, 'associating'),
        record('r2', OTHER, 'associated'),
      ]);
    },
  });
  expect(recipients[0]).toMatchObject({
    status: 'associated',
    cause: 'cancelled',
  });
});

it('a permanent error that a record was read with fails its target, although the next list failed', async () => {
  const { recipients, tookMs } = await playRun({
    env: TWO,
    respond: ({ name, atMs }) => {
      if (name === readOf('r1')) {
        return ok(record('r1', ACCOUNT, 'associated', FAILED));
      }
      if (name !== LIST) return undefined;
      if (atMs > 0) return rejection(503);
      return ok([
        record('r1', ACCOUNT, 'associating'),
        record('r2', OTHER, 'associated'),
      ]);
    },
  });
  expect(recipients).toMatchObject([{ cause: 'resource-error' }, {}]);
  expect(tookMs).toBeLessThan(60_000);
});

it('an account whose record names another one now is not called "not removed"', async () => {
  const { text } = await playRun({
    env: EXACT,
    respond: ({ name, atMs }) => {
      if (name !== LIST && name.startsWith(LIST)) return rejection(404);
      if (name !== LIST) return undefined;
      const isFirst = atMs === 0;
      return ok([
        record('r1', ACCOUNT, isFirst ? 'associating' : 'associated'),
        record('x1', isFirst ? OTHER : account(5), 'associated'),
      ]);
    },
  });
  expect(text).not.toContain(`state: absent: ${OTHER}`);
});

describe('a removal that a read by ID shows, before the list fails', () => {
  const removed = record('r1', ACCOUNT, 'disassociating');
  const lists =
    (failure: Reply) =>
    ({ name, atMs }: Request): Reply | undefined => {
      if (name === readOf('r1')) return ok(removed);
      if (name === readOf('r2')) return ok(record('r2', ACCOUNT, 'associated'));
      if (name !== LIST) return undefined;
      if (atMs === 0) return ok([record('r1', ACCOUNT, 'associating')]);
      if (atMs < 60_000) return failure;
      return ok([removed, record('r2', ACCOUNT, 'associated')]);
    };

  it.each([{}, EXACT])('is not the end: %j', async (env) => {
    const { success, requests } = await playRun({
      env,
      respond: lists(rejection(503)),
    });
    expect(success).toBe(true);
    expect(requests).not.toContain(POST);
  });

  it('does not take the place of a timeout', async () => {
    const { recipients } = await playRun({
      env: { INPUT_TIMEOUT: '20s' },
      respond: lists('hang'),
    });
    expect(recipients[0].cause).toBe('timeout');
  });
});

describe('a record of an account that names another one now', () => {
  it.each([
    ['absent', {}, ACCOUNT, OTHER],
    ['exact', EXACT, OTHER, account(5)],
  ])(
    'fails the target while another record is removed: %s',
    async (state, env, id, another) => {
      let lists = 0;
      const { recipients } = await playRun({
        env: { ...env, INPUT_STATE: state },
        respond: ({ name }) => {
          if (name.startsWith('DELETE')) return ok({ id: 'x' });
          if (name === readOf('b')) return ok(record('b', id, 'disassociated'));
          if (name !== LIST) return undefined;
          const kept =
            state === 'exact' ? [record('r1', ACCOUNT, 'associated')] : [];
          const [a, b] =
            ++lists === 1
              ? [id, 'associated']
              : [another, lists === 2 ? 'disassociating' : 'disassociated'];
          return ok([
            ...kept,
            record('a', a, 'associated'),
            record('b', id, b),
          ]);
        },
      });
      expect(recipients.at(-1)).toMatchObject({ cause: 'inconclusive' });
    },
  );
});

it('a removal that somebody else has begun does not follow from a failed addition', async () => {
  let lists = 0;
  const added = record('r1', ACCOUNT, 'associating');
  const { recipients } = await playRun({
    env: { ...EXACT, 'INPUT_MAX-REMOVALS': '1' },
    respond: ({ name }) => {
      if (name === POST) return ok(added);
      if (name !== LIST) return undefined;
      if (++lists > 2) return rejection(403, 10000);
      return lists === 1
        ? ok([record('y', OTHER, 'associated')])
        : ok([added, record('y', OTHER, 'disassociating')]);
    },
  });
  expect(recipients[1]).toMatchObject({ cause: 'authentication' });
});

describe('a DELETE without a response, where that of another record was rejected', () => {
  /** The first DELETE of r1 waits for eleven seconds; then its reply is lost. */
  async function play(env: Record<string, string>) {
    let deletedMs = Number.POSITIVE_INFINITY;
    return await playRun({
      env: { ...env, INPUT_STATE: 'absent' },
      respond: ({ name, atMs }) => {
        if (name === 'DELETE /recipients/r1') {
          if (atMs < 1_000) return rejection(429, 971, { 'retry-after': '11' });
          deletedMs = atMs;
          return noResponse();
        }
        if (name === 'DELETE /recipients/r2') return rejection(400, 1099);
        if (name !== LIST) return undefined;
        const isThere = atMs < deletedMs + 5_000;
        return ok([
          record('r1', ACCOUNT, isThere ? 'associated' : 'disassociated'),
          record('r2', ACCOUNT, 'associated'),
        ]);
      },
    });
  }

  it.each([{}, TWO])('is observed for ten seconds: %j', async (env) => {
    const { recipients } = await play(env);
    expect(recipients[0]).toMatchObject({ cause: 'rejected', changed: true });
  });
});

describe('a DELETE of a record that is gone was rejected. The cause', () => {
  const respond = ({ name, atMs }: Request): Reply | undefined => {
    if (name === 'DELETE /recipients/r1') return rejection(404, 1004);
    if (name === 'DELETE /recipients/r2') return rejection(525);
    if (name !== LIST) return undefined;
    return ok([
      record('r1', ACCOUNT, atMs < 500 ? 'associated' : 'disassociated'),
      record('r2', ACCOUNT, 'associated'),
      record('r3', OTHER, 'associated'),
    ]);
  };

  it('is `stopped` where the DELETE of the other record may not be sent', async () => {
    const { recipients } = await playRun({
      env: { ...TWO, INPUT_STATE: 'absent' },
      respond: (request) =>
        request.name === 'DELETE /recipients/r3'
          ? rejection(403, 10000)
          : respond(request),
    });
    expect(recipients[0].cause).toBe('stopped');
  });

  it('is that of a list that cannot be read', async () => {
    const { recipients } = await playRun({
      env: { INPUT_STATE: 'absent' },
      respond: (request) =>
        request.name === LIST && request.atMs > 1_500
          ? rejection(403, 10000)
          : respond(request),
    });
    expect(recipients[0].cause).toBe('authentication');
  });
});

describe('the ID and the status in the outputs are of one record', () => {
  const lastOf = async (run: ScriptedRun, index = 0) => {
    const { recipients } = await playRun(run);
    const { recipient_id: id, status } = recipients[index];
    return `${id} ${status}`;
  };

  it('where a target that failed has another record now', async () => {
    const last = await lastOf({
      env: TWO,
      respond: ({ name, atMs }) => {
        const status = atMs < 30_000 ? 'associating' : 'associated';
        const other = record('r9', OTHER, status);
        if (name === readOf('r9')) return ok(other);
        if (name !== LIST) return undefined;
        return atMs < 5_000
          ? ok([record('r1', ACCOUNT, 'associated', FAILED), other])
          : ok([
              record('r1', ACCOUNT, 'disassociated'),
              record('r2', ACCOUNT, 'associated'),
              other,
            ]);
      },
    });
    expect(last).toBe('r2 associated');
  });

  it('where a record was read by its ID, and the list failed', async () => {
    const last = await lastOf({
      env: { INPUT_STATE: 'absent' },
      respond: ({ name, atMs }) => {
        if (name.startsWith('DELETE')) return ok({});
        if (name === readOf('r1'))
          return ok(record('r1', ACCOUNT, 'disassociated'));
        if (name !== LIST) return undefined;
        if (atMs > 1_500) return rejection(403, 10000);
        const status = atMs === 0 ? 'associated' : 'disassociating';
        const ids = ['r1', 'r2'];
        return ok(ids.map((id) => record(id, ACCOUNT, status)));
      },
    });
    expect(last).toBe('r2 disassociating');
  });

  it.each<[string, Reply, string, string]>([
    ['was', ok({}), 'disassociated', 'x2 associating'],
    ['could not be', rejection(400, 1099), 'associated', 'x1 associated'],
  ])(
    'where an account has a later record, and its first one %s removed',
    async (_, reply, status, expected) => {
      const respond = ({ name, atMs }: Request): Reply | undefined => {
        if (name.startsWith('DELETE')) return reply;
        if (name !== LIST) return undefined;
        const listed = record('r1', ACCOUNT, 'associated');
        if (atMs === 0) return ok([listed, record('x1', OTHER, 'associated')]);
        const later = record('x2', OTHER, 'associating');
        return ok([listed, record('x1', OTHER, status), later]);
      };
      expect(await lastOf({ env: EXACT, respond }, 1)).toBe(expected);
    },
  );
});

it('a DELETE that was not sent is not forgotten when another one of its account was', async () => {
  const headers = { 'cf-ray': 'ray', ratelimit: '"default";r=1;t=60' };
  let isDeleted = false;
  const { recipients } = await playRun({
    env: { INPUT_STATE: 'absent', INPUT_TIMEOUT: '90s' },
    respond: ({ name }) => {
      if (name === LIST) {
        const ids = ['r1', 'r2'];
        const list = ids.map((id) => record(id, ACCOUNT, 'associated'));
        return isDeleted ? rejection(503) : { ...ok(list), headers };
      }
      if (!name.startsWith('DELETE')) return undefined;
      isDeleted = true;
      return { ...ok({}), headers };
    },
  });
  expect(recipients[0].error).toContain('the last write was held back');
});

it('a failed target is changed by a POST whose record appears late', async () => {
  const third = account(3);
  let isPosted = false;
  const { recipients } = await playRun({
    env: { 'INPUT_RECIPIENT-ACCOUNT-ID': `${ACCOUNT} ${OTHER} ${third}` },
    respond: ({ name, atMs }) => {
      if (name === LIST) {
        const status = atMs > 25_000 ? 'associated' : 'associating';
        const isShown = isPosted && atMs > 15_000;
        return ok([
          record('r2', OTHER, status),
          record('r3', third, status),
          ...(isShown ? [record('r1', ACCOUNT, 'associated')] : []),
        ]);
      }
      if (name !== POST) return undefined;
      isPosted = true;
      const errors = [{ code: 1, message: 'said' }];
      const body = { success: false, retryable: false, errors };
      return { status: 500, body: JSON.stringify(body) };
    },
  });
  expect(recipients[0]).toMatchObject({
    recipient_id: 'r1',
    status: 'associated',
    changed: true,
  });
});
