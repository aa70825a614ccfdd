/** What a run promises in trouble, each in one story on the virtual clock. */
import { describe, expect, it } from 'vitest';
import {
  A_SHARE,
  ACCOUNT,
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
import {
  associatedAt,
  inTurn,
  run,
  serve,
  type WireRecord,
  wire,
} from './run.ts';

const unreadable = { body: '<html>' };
const edge = (status: number, body = '') => ({
  status,
  headers: { 'cf-ray': 'x' },
  body,
});
const little = (remaining: number, seconds: number) => ({
  ratelimit: `"default";r=${remaining};t=${seconds}`,
});

/** `POST`, `GET`: what was sent, without its time and its path. */
const methodsOf = (traffic: string[]) =>
  traffic.map((text) => text.split(' ')[1]);

/** The most reads between two writes. */
function mostReads(traffic: string[]) {
  const runs = methodsOf(traffic)
    .join(' ')
    .split(/POST|DELETE/)
    .slice(0, -1);
  return Math.max(...runs.map((text) => text.split('GET').length - 1));
}

describe('a write follows every list that made one due', () => {
  const inputs = { targets: firstAccounts(6) };

  it('where a list takes longer than ten seconds', async () => {
    const { traffic, causes } = await run({
      inputs,
      tookMs: ({ method }) => (method === 'GET' ? 12_000 : 100),
      respond: associatedAt(0),
    });
    expect(causes).toEqual(Array(6).fill(null));
    expect(methodsOf(traffic())).toEqual([...Array(6).fill('POST'), 'GET']);
  });

  it('where its pages take longer than ten seconds, and so does each write', async () => {
    const size = 40;
    const others = Array.from({ length: 1_640 }, (_, n) =>
      wire(`o${n}`, 'associated', account(100 + n)),
    );
    const { traffic, causes } = await run({
      inputs,
      timeoutMs: 1_200_000,
      tookMs: ({ method }) => (method === 'GET' ? 300 : 11_000),
      respond: (request, records) => {
        associatedAt(0)(request, records);
        if (request.method !== 'GET' || /^\/\w/.test(request.path)) return;
        const page = Number(/&page=(\d+)/.exec(request.path)?.[1] ?? 1);
        const all = [...others, ...records];
        return ok(all.slice((page - 1) * size, page * size), {
          result_info: { per_page: size },
        });
      },
    });
    expect(causes).toEqual(Array(6).fill(null));
    const posts = methodsOf(traffic()).filter((one) => one === 'POST');
    expect(posts).toHaveLength(6);
    // The four at a time, one list of 42 pages, and the two that are left.
    expect(mostReads(traffic())).toBe(42);
  });

  it('while little of the rate limit is left: polls do not use it up', async () => {
    let remaining = 24;
    const { traffic, causes } = await run({
      inputs: { targets: firstAccounts(5) },
      timeoutMs: 900_000,
      respond: (request, records) => {
        associatedAt(0)(request, records);
        const seconds = Math.max(1, 300 - request.atMs / 1_000);
        const headers = little(--remaining, Math.round(seconds));
        return { ...(serve(request, records) as object), headers };
      },
    });
    expect(causes).toEqual(Array(5).fill(null));
    expect(remaining).toBeGreaterThan(10);
    expect(mostReads(traffic())).toBe(1);
    expect(methodsOf(traffic())[0]).toBe('POST');
  });

  it.each([
    ['429', rejection(429, 1, { 'retry-after': '60' })],
    ['nothing left', { ...ok([]), headers: little(0, 60) }],
  ])('after a block, and one more list: %s', async (_, reply) => {
    const isPost = reply.status === 429;
    const { traffic, causes } = await run({
      respond: inTurn(isPost ? 'POST' : 'GET', [reply], associatedAt(0)),
    });
    expect(causes).toEqual([null]);
    const last = traffic().slice(isPost ? 1 : 0, isPost ? 3 : 2);
    expect(last).toEqual(['60000 GET', '60000 POST']);
  });
});

describe('a write that is held back', () => {
  it('by the rate limit reports that authentication failed, once another write shows it', async () => {
    const { targets, causes, reasons, writes } = await run({
      inputs: { targets: firstAccounts(6) },
      respond: ({ method }) => {
        const reply = method === 'POST' ? rejection(403, 10000) : ok([]);
        return { ...reply, headers: little(50, 300) };
      },
    });
    expect(writes()).toHaveLength(1);
    expect(causes).toEqual(['authentication', ...Array(5).fill('stopped')]);
    expect(reasons.slice(1)).toEqual(
      Array(5).fill(
        'not attempted, because authentication failed for another write: said (code 10000)',
      ),
    );
    expect(targets.map(({ posts }) => posts.length)).toEqual([
      1, 0, 0, 0, 0, 0,
    ]);
  });

  it.each([
    ['POST', 'present'],
    ['DELETE', 'absent'],
  ] as const)(
    'by Retry-After of a 503 to a %s waits for it, whatever its target',
    async (method, state) => {
      let writes = 0;
      const { traffic, causes } = await run({
        inputs: { state, targets: firstAccounts(5) },
        records:
          state === 'present'
            ? []
            : firstAccounts(5).map(({ id }, n) =>
                wire(`r${n}`, 'associated', id),
              ),
        respond: (request, records) => {
          associatedAt(0)(request, records);
          for (const one of records) {
            const isGoing = one.association_status === 'disassociating';
            if (isGoing) one.association_status = 'disassociated';
          }
          if (request.method !== method || ++writes > 2) return undefined;
          // The second asks for nothing, which changes nothing.
          const headers = { 'retry-after': '20' };
          return rejection(503, 1, writes === 1 ? headers : {});
        },
      });
      expect(causes).toEqual(Array(5).fill(null));
      const times = traffic()
        .filter((text) => text.includes(method))
        .map((text) => Number(text.split(' ')[0]));
      // Four were sent at once; the fifth, and two again, came after.
      expect(times.slice(0, 4)).toEqual([0, 0, 0, 0]);
      expect(times).toHaveLength(7);
      expect(Math.min(...times.slice(4))).toBeGreaterThanOrEqual(20_000);
    },
  );

  it.each([
    ['POST', 503, 'present', 14_000],
    ['DELETE', 503, 'absent', 14_000],
    ['POST', 525, 'present', 4_000],
  ] as const)(
    'by Retry-After past the deadline fails, and says so: %s, %d',
    async (method, status, state, endMs) => {
      const headers = { 'retry-after': '900', 'cf-ray': 'x' };
      const ended = await run({
        inputs: { state },
        tookMs: 1_000,
        records: state === 'absent' ? [wire('r1', 'associated')] : [],
        respond: (request) =>
          request.method === method ? rejection(status, 1, headers) : undefined,
      });
      expect(ended.reasons).toEqual([
        'said (code 1); the response asks to wait 15 m, 9 m 57 s are left',
      ]);
      expect(ended.causes).toEqual(['server']);
      expect(ended.writes()).toHaveLength(1);
      expect(ended.endMs).toBe(endMs);
    },
  );
});

describe('a poll', () => {
  it('that cannot be read, three times in a row, does not end the wait', async () => {
    const { causes, polls } = await run({
      respond: (request, records) => {
        const isOdd = request.atMs >= 1_000 && request.atMs < 30_000;
        if (request.method === 'GET' && isOdd) return unreadable;
        return associatedAt(30_000)(request, records);
      },
    });
    expect(causes).toEqual([null]);
    expect(polls.length).toBeGreaterThan(3);
  });

  it('with code 10001, however long, does not end the wait', async () => {
    const { causes, outcome } = await run({
      respond: (request, records) => {
        const isOdd = request.atMs >= 1_000 && request.atMs < 90_000;
        if (request.method === 'GET' && isOdd) return rejection(403, 10001);
        return associatedAt(90_000)(request, records);
      },
    });
    expect(causes).toEqual([null]);
    expect(outcome.polls.failedPolls).toBeGreaterThan(1);
  });

  it.each([
    ['bad credentials', rejection(403, 10000), 'authentication', 10000],
    ['any 401', rejection(401, 5), 'authentication', 5],
    [
      '200 without a success, for bad credentials',
      { ...rejection(403, 10000), status: 200 },
      'authentication',
      10000,
    ],
    ['a missing header', rejection(400, 1001), 'authentication', 1001],
    ['code 7000', rejection(400, 7000), 'route', 7000],
    ['code 7003', rejection(404, 7003), 'route', 7003],
  ] as const)(
    'that fails permanently ends the wait, and names its request: %s',
    async (_, reply, cause, code) => {
      const { state, polls } = await run({
        records: [wire('r1', 'associating')],
        respond: ({ atMs }) => (atMs > 0 ? reply : undefined),
      });
      expect(polls).toEqual([1_000]);
      expect(state.next).toMatchObject({
        do: 'fail',
        failure: {
          cause,
          reason: `said (code ${code})`,
          request: { kind: 'recipient', code },
        },
      });
    },
  );
});

describe('code 10001 on a write', () => {
  it('rejects its target only', async () => {
    const { causes, writes } = await run({
      inputs: { targets: firstAccounts(6) },
      respond: inTurn('POST', [rejection(403, 10001)], associatedAt(0)),
    });
    expect(causes).toEqual(['authentication', ...Array(5).fill(null)]);
    expect(writes()).toHaveLength(6);
  });
});

describe('an internal error', () => {
  const boom = () => {
    throw new TypeError('a bug');
  };

  it('keeps what was done: a callback that throws whenever it is called', async () => {
    const { outcome, targets, causes, reasons } = await run({
      inputs: { targets: firstAccounts(2) },
      records: [wire('r0', 'associating', account(0))],
      progress: { changed: boom },
    });
    expect(outcome.ending).toMatchObject({
      type: 'crashed',
      error: new TypeError('a bug'),
    });
    expect(causes).toEqual(['internal', 'internal']);
    expect(reasons[1]).toBe(
      'not done because of an internal error; 0 polls, last status `associating` for 0 s',
    );
    expect(targets[1]).toMatchObject({
      inUse: 'new1',
      changed: true,
      posts: [{ result: { outcome: 'accepted' } }],
      recipient: { id: 'new1', status: 'associating' },
    });
    expect(outcome.observed?.records.size).toBe(2);
  });

  it('keeps what was done: a poll that throws', async () => {
    const { outcome, targets } = await run({
      respond: ({ method, atMs }) =>
        method === 'GET' && atMs > 0 ? boom() : undefined,
    });
    expect(outcome.ending).toEqual({
      type: 'crashed',
      error: new TypeError('a bug'),
    });
    expect(targets).toMatchObject([{ inUse: 'new1', changed: true }]);
  });

  it('keeps what was done: a decision that throws', async () => {
    const resourceTypes = { get: boom } as never;
    const { outcome, targets } = await run({
      share: { ...A_SHARE, resourceTypes },
      respond: ({ atMs }, [record]) => {
        const resources = [{ error: 'no', terminal: true }];
        return atMs > 0 ? ok({ ...record, resources }) : undefined;
      },
    });
    expect(outcome.ending.type).toBe('crashed');
    expect(targets).toMatchObject([
      { inUse: 'new1', changed: true, next: { do: 'wait' } },
    ]);
  });

  it('sends no other write than those that are under way', async () => {
    const { outcome, targets, writes } = await run({
      inputs: { targets: firstAccounts(9) },
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

  it('leaves what is done or failed', async () => {
    const { causes } = await run({
      inputs: { targets: accounts(ACCOUNT, OTHER) },
      records: [wire('r1', 'associated'), wire('r2', 'associating', OTHER)],
      progress: { polled: boom },
    });
    expect(causes).toEqual([null, 'internal']);
  });
});

describe('a POST', () => {
  const id = 'r1';
  it.each<[string, object]>([
    ['an account in upper case', { id, account_id: ACCOUNT.toUpperCase() }],
    ['an empty account', { id, account_id: '' }],
    ['no account', { id }],
  ])('whose reply has %s is never repeated', async (_, result) => {
    for (const success of [true, false, undefined]) {
      const { causes, writes, state } = await run({
        respond: ({ method, atMs }, records) => {
          if (method !== 'POST') {
            return associatedAt(15_000)({ atMs } as never, records);
          }
          records.push(wire(id, 'associating'));
          return { body: JSON.stringify({ success, result }) };
        },
      });
      expect([causes, writes()]).toEqual([[null], ['0 POST']]);
      expect(state).toMatchObject({ inUse: id, changed: true });
    }
  });

  it('is not sent where the list has the account in upper case', async () => {
    const { causes, writes } = await run({
      records: [wire('r1', 'associating', ACCOUNT.toUpperCase())],
      respond: associatedAt(5_000),
    });
    expect([causes, writes()]).toEqual([[null], []]);
  });

  it.each<[string, Reply, number]>([
    ['525', edge(525), 2],
    ['526', edge(526), 2],
    ['no connection', NO_CONNECTION, 2],
    ['525 that is final', edge(525, '{"retryable":false}'), 1],
  ])('that met %s is sent %3$d times', async (_, reply, times) => {
    const { writes, state, causes } = await run({
      respond: inTurn('POST', [reply], associatedAt(0)),
    });
    expect(writes()).toHaveLength(times);
    expect(causes).toEqual([times === 2 ? null : 'server']);
    // What was not processed is no POST.
    expect(state.posts).toHaveLength(1);
  });
});

describe('a resource with an error', () => {
  const failing = { resource_id: 'p', error: 'later', terminal: false };
  const modified = '2026-01-01T00:00:00Z';
  const story = (...seen: Partial<WireRecord>[]) =>
    run({
      timeoutMs: 30_000,
      records: [
        { ...wire('r1', 'associated'), modified, resources: [failing] },
      ],
      respond: ({ atMs }, [record]) => {
        if (!record || atMs === 0) return undefined;
        const shown = seen[Math.min(atMs / 1_000, seen.length) - 1];
        return ok({ ...record, ...shown });
      },
    });
  const healthy = { resources: [] };

  it('is not healthy because of one poll, which may be stale', async () => {
    const { polls, causes } = await story(healthy, {}, healthy, {}, {});
    expect(polls.length).toBeGreaterThan(5);
    expect(causes).toEqual(['timeout']);
  });
});

describe('the last list', () => {
  const lost = (reply: Reply) =>
    run({
      cancelMs: 500,
      respond: ({ method, atMs }) => {
        if (method === 'POST') return noResponse();
        return atMs > 0 ? reply : undefined;
      },
    });

  it('that is rejected does not hide that the run was cancelled', async () => {
    const { causes, reasons, outcome } = await lost(rejection(403, 10000));
    expect(outcome.ending.type).toBe('cancelled');
    expect(causes).toEqual(['cancelled']);
    expect(reasons[0]).toMatch(
      /may have been carried out: connection cut; the last poll failed: said \(code 10000\)/,
    );
  });
});
