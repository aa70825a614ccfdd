import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ApiError } from '../../src/cloudflare/api-error.ts';
import { backoffMs, type Envelope } from '../../src/cloudflare/client.ts';
import {
  noResponse,
  ok,
  openApi,
  type Reply,
  rejection,
  type ScriptedOptions,
} from './scripted-api.ts';

const PATH = '/accounts/owner/shares/share/recipients';
const resultOf = ({ result }: Envelope) => result;

/**
 * Reads with a client whose requests are responded with one reply after the
 * other, the last one for all others.
 */
async function read(
  replies: Reply[],
  options: ScriptedOptions & { maxAttempts?: number } = {},
) {
  const api = openApi(
    (_, number) => replies[number - 1] ?? (replies.at(-1) as Reply),
    options,
  );
  const { maxAttempts = 8 } = options;
  const outcome = await api.clock
    .run(api.client.read(PATH, resultOf, { maxAttempts }))
    .then(String, (error) => error as ApiError);
  return {
    ...api,
    outcome,
    sent: api.requests.length,
    tookMs: api.clock.now(),
  };
}

describe('a request', () => {
  it('has the credentials, no more than ten seconds, and no body where there is none', async () => {
    const { requests, client, outcome } = await read([ok('x')], {
      credentials: { authorization: 'Bearer t' },
    });
    expect(outcome).toBe('x');
    expect(client.sent).toEqual({ requests: 1, retries: 0 });
    expect(requests).toMatchObject([
      {
        method: 'GET',
        url: `https://api.test/v4${PATH}`,
        body: null,
        timeoutMs: 10_000,
      },
    ]);
    expect(requests[0]?.headers).toEqual({
      accept: 'application/json',
      'user-agent': 'test',
      authorization: 'Bearer t',
    });
  });

  it('that writes has its body as JSON', async () => {
    const { client, requests, clock } = openApi(() => ok({}));
    await clock.run(
      client.write('POST', PATH, { recipient_account_id: 'a' }, () => 1_000),
    );
    expect(requests[0]).toMatchObject({
      method: 'POST',
      body: '{"recipient_account_id":"a"}',
    });
    expect(requests[0]?.headers).toMatchObject({
      'content-type': 'application/json',
    });
  });

  it.each([
    [PATH, '…/recipients'],
    [`${PATH}/r?include_resources=true`, '…/recipients/r'],
    ['/accounts/owner/shares/share?include_resources=true', '…/shares/share'],
  ])('to %s is named %s in messages', async (path, name) => {
    const { client, clock } = openApi(() => rejection(400));
    await expect(clock.run(client.read(path, resultOf))).rejects.toMatchObject({
      detail: `GET ${name}, HTTP 400, not from Cloudflare (no cf-ray)`,
    });
  });

  it('succeeds with any 2xx, and shows when it was sent', async () => {
    for (const status of [200, 201, 202, 299]) {
      const { client, clock } = openApi(() => ({
        ...ok('x', { result_info: { per_page: 2 } }),
        status,
      }));
      await clock.pass(5);
      const envelope = {
        request: 'GET …/recipients',
        sentMs: 5,
        result: 'x',
        resultInfo: { per_page: 2 },
      };
      expect(await clock.run(client.read(PATH, (seen) => seen))).toEqual(
        envelope,
      );
    }
  });

  it('does not succeed with a status that is none, an error, or a success that is not true', async () => {
    const body = JSON.stringify({ success: 'true', result: 'x' });
    const replies = [
      { ...ok('x'), status: 300 },
      { ...ok('x'), status: 199 },
      { ...ok('x'), ...noResponse(), status: 200 },
      { body },
    ];
    for (const reply of replies)
      expect((await read([reply], { maxAttempts: 1 })).outcome).toBeInstanceOf(
        ApiError,
      );
  });
});

describe('a read', () => {
  it.each<[string, Reply]>([
    ['a connection that fails', noResponse()],
    ['an error of the server', rejection(503)],
    ['a firewall', { status: 403, body: '<html>' }],
    ['a response that cannot be read', { body: '<html>' }],
    ['a response that takes too long', 'hang'],
  ])('is repeated after %s', async (_, reply) => {
    const { outcome, sent, client, delays } = await read([reply, ok('x')]);
    expect([outcome, sent, client.sent]).toEqual([
      'x',
      2,
      { requests: 2, retries: 1 },
    ]);
    expect(delays).toEqual([
      [expect.stringContaining('GET …/recipients'), 500],
    ]);
  });

  it.each<[string, Reply]>([
    ['a rejection', rejection(404)],
    ['bad credentials', rejection(403, 10000)],
    ['a redirect', { status: 302 }],
    [
      'an error that must not be retried',
      { status: 503, body: '{"retryable":false}' },
    ],
  ])('is not repeated after %s', async (_, reply) => {
    const { sent, tookMs, delays } = await read([reply, ok('x')]);
    expect([sent, tookMs, delays]).toEqual([1, 0, []]);
  });

  it('is repeated eight times in about half a minute, and reports that once', async () => {
    const { outcome, requests, delays } = await read([rejection(503)]);
    expect(outcome).toMatchObject({ is: { failure: 'server' } });
    expect(requests.map(({ atMs }) => atMs)).toEqual([
      0, 500, 1500, 3500, 7500, 15_500, 23_500, 31_500,
    ]);
    expect(delays).toHaveLength(1);
  });

  it('is given up after three responses that cannot be read, also where the caller reads them', async () => {
    expect((await read([{ body: '<html>' }])).sent).toBe(3);
    const { client, clock, requests } = openApi(() => ok('x'));
    const is = {
      failure: 'invalid-response',
      retryable: true,
      outcome: 'unknown',
    } as const;
    const decode = () => {
      throw new ApiError('not a list', 'GET', is);
    };
    await expect(clock.run(client.read(PATH, decode))).rejects.toThrow(
      'not a list (GET)',
    );
    expect(requests).toHaveLength(3);
    expect((await read([{ body: '<html>' }], { maxAttempts: 2 })).sent).toBe(2);
  });

  it('fails at once with an error that is no failure of a request', async () => {
    const { client, clock, requests } = openApi(() => ok('x'));
    const decode = () => {
      throw new TypeError('a bug');
    };
    await expect(clock.run(client.read(PATH, decode))).rejects.toThrow(
      TypeError,
    );
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

  it('waits as long as the response asks for, and reports why', async () => {
    const { outcome, tookMs, delays } = await read([
      rejection(429, 1, { 'retry-after': '60' }),
      ok('x'),
    ]);
    expect([outcome, tookMs, delays]).toEqual([
      'x',
      60_000,
      [['rate-limit', 60_000]],
    ]);
  });

  it('fails at once where it would have to wait past the end', async () => {
    const { outcome, sent } = await read(
      [rejection(429, 1, { 'retry-after': '60' })],
      { timeoutMs: 50_000 },
    );
    expect(sent).toBe(1);
    expect(outcome).toMatchObject({
      reason: '1 said; Cloudflare asks to wait 60 s, 49 s are left',
      is: { failure: 'rate-limit', retryable: false },
    });
  });

  it('is not repeated where the wait would not fit', async () => {
    const { outcome, sent, tookMs } = await read([rejection(503)], {
      timeoutMs: 10_000,
    });
    expect(outcome).toMatchObject({
      reason: '1 said',
      is: { failure: 'server' },
    });
    expect([sent, tookMs]).toEqual([5, 7_500]);
  });

  it('ends with the step, with the cause of the attempt before', async () => {
    const { outcome, tookMs } = await read([rejection(503), 'hang'], {
      timeoutMs: 5_000,
    });
    expect(outcome).toMatchObject({
      reason: '1 said',
      is: { failure: 'server' },
    });
    expect(tookMs).toBe(4_000);
  });

  it('ends with the step also between two attempts', async () => {
    const { client, clock, cancel, requests } = openApi(() => rejection(503));
    const reading = client.read(PATH, resultOf).catch((error) => error.reason);
    await clock.pass(600);
    cancel.abort();
    expect(await clock.run(reading)).toBe('1 said');
    expect([requests.length, clock.now()]).toEqual([2, 600]);
  });

  it('is not sent when the step is over', async () => {
    const { client, clock, cancel, requests } = openApi(() => ok('x'));
    cancel.abort();
    await clock.pass(0);
    await expect(clock.run(client.read(PATH, resultOf))).rejects.toMatchObject({
      message: 'the step is over (GET …/recipients, not sent)',
      is: { failure: 'interrupted', outcome: 'not-sent' },
    });
    expect(requests).toEqual([]);
  });

  it('that the end of the step cuts short says so, and nothing of a wait', async () => {
    const { outcome } = await read(['hang'], { timeoutMs: 5_000, tookMs: 1 });
    expect(outcome).toMatchObject({
      reason: 'no response before the step ended',
      is: { failure: 'interrupted' },
    });
  });
});

describe('a write', () => {
  const write = async (
    reply: Reply,
    more: ScriptedOptions & { byMs?: number } = {},
  ) => {
    const api = openApi(() => reply, more);
    const writing = api.client.write(
      'DELETE',
      PATH,
      null,
      () => more.byMs ?? 10_000,
    );
    return {
      ...api,
      outcome: await api.clock.run(writing.catch((error) => error as ApiError)),
    };
  };

  it.each<[string, Reply]>([
    ['an error', rejection(503)],
    ['a rate limit', rejection(429)],
    ['a connection that fails', noResponse()],
    ['a connection that was not made', noResponse('ECONNREFUSED', false)],
    ['a response that cannot be read', { body: '<html>' }],
    ['a response that takes too long', 'hang'],
  ])('is never repeated: %s', async (_, reply) => {
    const { outcome, requests } = await write(reply);
    expect(outcome).toBeInstanceOf(ApiError);
    expect(requests).toHaveLength(1);
  });

  it('stops one second before the end, not when the step closes', async () => {
    const { client, clock, cancel } = openApi(() => 'hang');
    const writing = client
      .write('DELETE', PATH, null, () => 10_000)
      .catch((error) => error.is);
    await clock.pass(100);
    cancel.abort();
    expect(await clock.run(writing)).toMatchObject({
      failure: 'interrupted',
      outcome: 'unknown',
    });
    expect(clock.now()).toBe(900);
  });

  it('is not sent later than it may be', async () => {
    const { client, clock, requests } = openApi((_, number) =>
      number === 1 ? rejection(429, 1, { 'retry-after': '11' }) : ok({}),
    );
    await clock.run(
      client.write('POST', PATH, {}, () => 10_000).catch(() => {}),
    );
    await expect(
      clock.run(client.write('POST', PATH, {}, () => 10_000)),
    ).rejects.toMatchObject({
      message:
        'the rate limit allows no request for another 11 s (POST …/recipients, not sent)',
      is: { failure: 'rate-limit', outcome: 'not-sent', retryable: false },
    });
    expect(requests).toHaveLength(1);
    await clock.run(client.write('POST', PATH, {}, () => 11_000));
    expect(requests.map(({ atMs }) => atMs)).toEqual([0, 11_000]);
  });

  it('is not sent when that is over after it has waited for the rate limit', async () => {
    const { client, clock, requests } = openApi(() =>
      rejection(429, 1, { 'retry-after': '3' }),
    );
    await clock.run(
      client.write('POST', PATH, {}, () => 10_000).catch(() => {}),
    );
    let sendByMs = 10_000;
    const writing = client
      .write('POST', PATH, {}, () => sendByMs)
      .catch((error) => error);
    await clock.pass(1_000);
    sendByMs = 0;
    expect(await clock.run(writing)).toMatchObject({
      message:
        'the rate limit held it back too long (POST …/recipients, not sent)',
      is: { failure: 'rate-limit', outcome: 'not-sent' },
    });
    expect(requests).toHaveLength(1);
  });
});

describe('the rate limit', () => {
  it('spreads reads when little of it is left, without a word', async () => {
    const headers = { ratelimit: '"default";r=9;t=100' };
    const { client, clock, requests, delays } = openApi(() => ({
      ...ok('x'),
      headers,
    }));
    for (let n = 0; n < 3; n++) await clock.run(client.read(PATH, resultOf));
    expect(requests.map(({ atMs }) => atMs)).toEqual([0, 10_000, 20_000]);
    expect(delays).toEqual([]);
  });

  it('reports a block once, however many requests wait for it', async () => {
    const headers = { ratelimit: '"default";r=0;t=30' };
    const { client, clock, requests, delays } = openApi((_, number) =>
      number === 1 ? { ...ok('x'), headers } : ok('x'),
    );
    await clock.run(client.read(PATH, resultOf));
    await clock.run(
      Promise.all([1, 2, 3].map(() => client.read(PATH, resultOf))),
    );
    expect(delays).toEqual([['rate-limit', 30_000]]);
    expect(requests.slice(1).every(({ atMs }) => atMs >= 30_000)).toBe(true);
  });
});

describe('the wait before another attempt', () => {
  it('doubles from half a second to eight', () => {
    expect(
      [1, 2, 3, 4, 5, 6, 99].map((attempt) => backoffMs(attempt, 0.5)),
    ).toEqual([500, 1000, 2000, 4000, 8000, 8000, 8000]);
  });

  it('is a quarter shorter or longer at most, whatever chance says', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (attempt, random) => {
          const middleMs = Math.min(500 * 2 ** (attempt - 1), 8_000);
          expect(
            Math.abs(backoffMs(attempt, random) - middleMs),
          ).toBeLessThanOrEqual(middleMs / 4);
        },
      ),
    );
  });
});
