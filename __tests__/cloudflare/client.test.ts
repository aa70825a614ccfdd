import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ApiError, fromUnreadable } from '../../src/cloudflare/api-error.ts';
import {
  backoffMs,
  type Envelope,
  type ReadOptions,
  type ReadRequest,
  type WriteReply,
  type WriteTurn,
} from '../../src/cloudflare/client.ts';
import {
  noResponse,
  ok,
  openApi,
  type Reply,
  rejection,
  type ScriptedOptions,
  type Sent,
} from './scripted-api.ts';

const PATH = '/accounts/owner/shares/share/recipients';
const LIST: ReadRequest = { kind: 'list', path: PATH };
const RECORD: ReadRequest = { kind: 'recipient', path: `${PATH}/r1` };
const resultOf = ({ result }: Envelope) => result;
const now: WriteTurn = () => null;

const DELETE = {
  kind: 'delete',
  method: 'DELETE',
  path: `${PATH}/r1`,
  body: null,
} as const;
const POST = {
  kind: 'create',
  method: 'POST',
  path: PATH,
  body: { recipient_account_id: 'a' },
} as const;

/** A client whose requests are responded with this. */
function open(
  respond: (request: Sent, number: number) => Reply,
  options: ScriptedOptions = {},
) {
  const api = openApi(respond, options);
  const { client, clock } = api;
  return {
    ...api,
    read: (options: ReadOptions = {}) =>
      clock.run(client.read(LIST, resultOf, options)),
    write: (turn = now) => clock.run(client.write(DELETE, turn)),
    /** When requests were sent. */
    sentAt: () => api.requests.map(({ atMs }) => atMs),
  };
}

/**
 * Reads with a client whose requests are responded with one reply after the
 * other, the last one for all others.
 */
async function read(
  replies: Reply[],
  { maxAttempts, ...options }: ScriptedOptions & { maxAttempts?: number } = {},
) {
  const api = open(
    (_, number) => replies[number - 1] ?? (replies.at(-1) as Reply),
    options,
  );
  const outcome = await api
    .read(maxAttempts === undefined ? {} : { maxAttempts })
    .then(String, (error) => error as ApiError);
  const sent = api.requests.length;
  return { ...api, outcome, sent, tookMs: api.clock.now() };
}

/** A success that says how much is left of the rate limit. */
const leaving = (remaining: number, seconds: number) => ({
  ...ok('x'),
  headers: { ratelimit: `"default";r=${remaining};t=${seconds}` },
});
const waitFor = (status: number, seconds: number) =>
  rejection(status, 1, { 'retry-after': String(seconds) });

const failed = (cause: string) => ({ failure: { cause } });

describe('a request', () => {
  const KEY = { 'x-auth-email': 'e', 'x-auth-key': 'k' };
  it.each([
    [{ type: 'token', token: 't' }, { authorization: 'Bearer t' }],
    [{ type: 'key', email: 'e', key: 'k' }, KEY],
  ] as const)('has its credentials and a limit: %j', async (given, headers) => {
    const { requests, client, outcome } = await read([ok('x')], {
      credentials: given,
    });
    expect(outcome).toBe('x');
    expect(client.sent).toEqual({ requests: 1, retries: 0 });
    expect(requests).toMatchObject([
      {
        method: 'GET',
        url: `https://api.test/v4${PATH}`,
        body: null,
        timeoutMs: 30_000,
        maxMiB: 64,
      },
    ]);
    expect(requests[0]?.headers).toEqual({
      accept: 'application/json',
      'user-agent': 'test',
      ...headers,
    });
  });

  it('has less time and fewer bytes where it is not for the list', async () => {
    const { client, clock, requests } = openApi(() => ok({}));
    await clock.run(client.read(RECORD, resultOf));
    await clock.run(client.write(POST, now));
    const less = { timeoutMs: 10_000, maxMiB: 16 };
    expect(requests).toMatchObject([
      less,
      {
        ...less,
        method: 'POST',
        body: '{"recipient_account_id":"a"}',
        headers: { 'content-type': 'application/json' },
      },
    ]);
  });

  it.each([
    [PATH, '…/recipients'],
    [`${PATH}/r?include_resources=true`, '…/recipients/r'],
    ['/accounts/owner/shares/share?include_resources=true', '…/shares/share'],
    ['/accounts/owner/shares?kind=sent', '…/shares'],
  ])('to %s is named %s in messages', async (path, name) => {
    const { client, clock } = openApi(() => rejection(400));
    const reading = client.read({ kind: 'list', path }, resultOf);
    await expect(clock.run(reading)).rejects.toMatchObject({
      failure: {
        request: {
          kind: 'list',
          detail: `GET ${name}, HTTP 400, no cf-ray`,
        },
      },
    });
  });

  it('succeeds with any 2xx, and shows when it was sent and received', async () => {
    for (const status of [200, 201, 299]) {
      const reply = ok('x', { result_info: { per_page: 2 } });
      const { client, clock } = openApi(() => ({ ...reply, status }), {
        tookMs: 3,
      });
      await clock.pass(5);
      expect(await clock.run(client.read(LIST, (seen) => seen))).toEqual({
        request: { kind: 'list', method: 'GET', text: 'GET …/recipients' },
        sentMs: 5,
        receivedMs: 8,
        result: 'x',
        resultInfo: { per_page: 2 },
      });
    }
  });

  it.each<[string, Reply]>([
    ['a redirect', { ...ok('x'), status: 300 }],
    ['an early hint', { ...ok('x'), status: 199 }],
    ['a text for a success', { body: '{"success":"true","result":"x"}' }],
  ])('does not succeed with %s', async (_, reply) => {
    const { outcome } = await read([reply], { maxAttempts: 1 });
    expect(outcome).toBeInstanceOf(ApiError);
  });
});

// What a response means, and whether it is retryable, is in api-error.test.ts.
describe('a read', () => {
  it.each<[string, Reply]>([
    ['a connection that fails', noResponse()],
    ['an error of the server', rejection(503)],
    ['a response that cannot be read', { body: '<html>' }],
  ])('is repeated after %s', async (_, reply) => {
    const { outcome, sent, client, delays } = await read([reply, ok('x')]);
    expect([outcome, sent]).toEqual(['x', 2]);
    expect(client.sent).toEqual({ requests: 2, retries: 1 });
    expect(delays).toMatchObject([{ why: 'retry', waitMs: 500 }]);
  });

  it('is repeated after a response that takes too long', async () => {
    const { outcome, tookMs } = await read(['hang', ok('x')]);
    expect([outcome, tookMs]).toEqual(['x', 30_500]);
  });

  it.each<[string, Reply]>([
    ['a rejection', rejection(404)],
    ['what says so', { status: 503, body: '{"retryable":false}' }],
  ])('is not repeated after %s', async (_, reply) => {
    const { sent, tookMs, delays } = await read([reply, ok('x')]);
    expect([sent, tookMs, delays]).toEqual([1, 0, []]);
  });

  it('is repeated eight times in about half a minute, and reports that once', async () => {
    const { outcome, sentAt, delays } = await read([rejection(503)]);
    expect(outcome).toMatchObject(failed('server'));
    expect(sentAt()).toEqual([
      0, 500, 1_500, 3_500, 7_500, 15_500, 23_500, 31_500,
    ]);
    expect(delays).toHaveLength(1);
  });

  it('reports each time that it is repeated for another reason', async () => {
    const { delays } = await read([
      rejection(503),
      rejection(500),
      noResponse(),
      noResponse(),
      rejection(503),
      ok('x'),
    ]);
    expect(delays).toMatchObject([
      { error: failed('server') },
      { error: failed('no-response') },
      { error: failed('server') },
    ]);
  });

  it('is given up after three responses that cannot be read, even where the caller reads them', async () => {
    expect((await read([{ body: '<html>' }])).sent).toBe(3);
    expect((await read([{ body: '<html>' }], { maxAttempts: 2 })).sent).toBe(2);

    const { client, clock, requests } = open(() => ok('x'));
    const decode = ({ request }: Envelope) => {
      throw fromUnreadable(request, 'no list');
    };
    const reading = client.read(LIST, decode);
    await expect(clock.run(reading)).rejects.toThrow('no list (GET');
    expect(requests).toHaveLength(3);
  });

  it('fails at once with an error that is no failure of a request', async () => {
    const { client, clock, requests } = openApi(() => ok('x'));
    const decode = () => {
      throw new TypeError('a bug');
    };
    await expect(clock.run(client.read(LIST, decode))).rejects.toThrow('a bug');
    expect(requests).toHaveLength(1);
  });

  it('is repeated after 429 for as long as the step has time', async () => {
    const { sent, tookMs } = await read([rejection(429)], {
      timeoutMs: 300_000,
    });
    expect(sent).toBeGreaterThan(30);
    expect(tookMs).toBeLessThan(300_000);
    expect((await read([rejection(429)], { maxAttempts: 1 })).sent).toBe(1);
  });

  it.each([
    [429, 'rate-limit'],
    [503, 'retry'],
  ])(
    'waits as long as Cloudflare asks, and reports why: %d, %s',
    async (status, why) => {
      const { outcome, tookMs, delays } = await read([
        waitFor(status, 60),
        ok('x'),
      ]);
      expect([outcome, tookMs]).toEqual(['x', 60_000]);
      expect(delays).toMatchObject([{ why, waitMs: 60_000 }]);
    },
  );

  it.each([429, 503])(
    'fails at once where it would have to wait past the end: %d',
    async (status) => {
      const { outcome, sent } = await read([waitFor(status, 60)], {
        timeoutMs: 50_000,
      });
      expect(sent).toBe(1);
      expect(outcome).toMatchObject({
        isRetryable: false,
        retryAfterMs: 60_000,
        failure: {
          reason:
            'said (code 1); the response asks to wait 1 m, with 49 s left',
        },
      });
    },
  );

  it('is not repeated where the wait would not fit', async () => {
    const { outcome, sent, tookMs } = await read([rejection(503)], {
      timeoutMs: 10_000,
    });
    expect(outcome).toMatchObject({ failure: { reason: 'said (code 1)' } });
    expect([sent, tookMs]).toEqual([5, 7_500]);
  });

  it('ends with the step, with the cause of the attempt before', async () => {
    const { outcome, tookMs } = await read([rejection(503), 'hang'], {
      timeoutMs: 5_000,
    });
    expect(outcome).toMatchObject(failed('server'));
    expect(tookMs).toBe(4_000);
  });

  it('ends with the step between two attempts, too', async () => {
    const { client, clock, cancel, sentAt } = open(() => rejection(503));
    const reading = client.read(LIST, resultOf).catch((error) => error);
    await clock.pass(600);
    cancel.abort();
    expect(await clock.run(reading)).toMatchObject(failed('server'));
    expect([sentAt(), clock.now()]).toEqual([[0, 500], 600]);
  });

  it('is not sent when the step is over, unless the caller says so', async () => {
    const api = open(() => ok('x'));
    api.cancel.abort();
    await api.clock.pass(0);
    await expect(api.read()).rejects.toMatchObject({
      message: 'the step is over (GET …/recipients, not sent)',
      failure: { cause: 'timeout' },
      outcome: 'notProcessed',
    });
    expect(api.requests).toEqual([]);

    const signal = api.deadline.end;
    expect(await api.read({ signal, maxAttempts: 1 })).toBe('x');
  });
});

describe('a write', () => {
  it.each<[string, Reply, WriteReply['outcome']]>([
    ['an error of the server', rejection(503), 'unknown'],
    ['a conflict', rejection(409), 'conflict'],
    ['a rejection', rejection(400), 'rejected'],
    ['a rate limit', rejection(429), 'notProcessed'],
    ['a connection that fails', noResponse(), 'unknown'],
    ['a response that cannot be read', { body: '<html>' }, 'unknown'],
    ['a response that takes too long', 'hang', 'unknown'],
    ['a success', ok({}), 'accepted'],
  ])('is sent once: %s', async (_, reply, outcome) => {
    const { requests, write } = open(() => reply);
    expect(await write()).toMatchObject({ outcome });
    expect(requests).toHaveLength(1);
  });

  it('ends one second before the step does, not when the step closes', async () => {
    const { client, clock, cancel } = open(() => 'hang');
    const writing = client.write(DELETE, now);
    await clock.pass(100);
    cancel.abort();
    expect(await clock.run(writing)).toMatchObject({
      outcome: 'unknown',
      error: failed('timeout'),
    });
    expect(clock.now()).toBe(900);
  });

  it('waits for the rate limit as long as its turn lets it', async () => {
    const { write, sentAt } = open(() => leaving(1, 20));
    await write();
    const seen: number[] = [];
    await write(({ waitMs, isBlocked }) => {
      seen.push(waitMs);
      expect(isBlocked).toBe(false);
      return null;
    });
    expect(seen).toEqual([10_000, 0]);
    expect(sentAt()).toEqual([0, 10_000]);
  });

  it('is held back where its turn says so, even after it has waited', async () => {
    const { write, clock, sentAt } = open(() => waitFor(429, 3));
    await write();
    const heldBack = { why: 'stale-list' } as const;
    const written = await write(() => (clock.now() < 3_000 ? null : heldBack));
    expect(written).toEqual({ outcome: 'heldBack', heldBack });
    expect([sentAt(), clock.now()]).toEqual([[0], 3_000]);
  });

  it('is held back when its time is over', async () => {
    const { write, clock, cancel, requests } = open(() => ok({}));
    cancel.abort();
    await clock.pass(800);
    expect(await write()).toEqual({
      outcome: 'heldBack',
      heldBack: { why: 'step-over' },
    });
    expect(requests).toEqual([]);
  });
});

describe('the rate limit', () => {
  it('spreads reads when little of it is left, and reports that once', async () => {
    const { read, sentAt, delays } = open(() => leaving(9, 100));
    for (let n = 0; n < 3; n++) await read();
    expect(sentAt()).toEqual([0, 10_000, 20_000]);
    expect(delays).toEqual([{ why: 'spacing', waitMs: 10_000 }]);
  });

  it('reports a block once, however many requests wait for it', async () => {
    const { read, sentAt, delays } = open((_, number) =>
      number === 1 ? leaving(0, 30) : ok('x'),
    );
    await read();
    await Promise.all([read(), read(), read()]);
    expect(delays).toEqual([{ why: 'rate-limit', waitMs: 30_000 }]);
    expect(sentAt()).toEqual([0, 30_000, 30_000, 30_000]);
  });

  it('that lasts past the end fails a read at once', async () => {
    const { read, clock, sentAt } = open(() => leaving(0, 30), {
      timeoutMs: 20_000,
    });
    await read();
    await expect(read()).rejects.toMatchObject({
      message:
        'the rate limit allows no request for another 30 s (GET …/recipients, not sent)',
      failure: { cause: 'rate-limit' },
      isRetryable: false,
    });
    expect([sentAt(), clock.now()]).toEqual([[0], 0]);
  });
});

describe('the wait before another attempt', () => {
  it('doubles from half a second to eight, a quarter shorter or longer', () => {
    expect(
      [1, 2, 3, 4, 5, 6, 99].map((attempt) => backoffMs(attempt, 0.5)),
    ).toEqual([500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
    const random = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_000 }), random, (attempt, by) => {
        const middleMs = Math.min(500 * 2 ** (attempt - 1), 8_000);
        const awayMs = Math.abs(backoffMs(attempt, by) - middleMs);
        expect(awayMs).toBeLessThanOrEqual(middleMs / 4);
      }),
    );
  });
});
