/** What a run promises in trouble: a rate limit, slow lists, failed polls. */
import { describe, expect, it } from 'vitest';
import {
  NO_CONNECTION,
  noResponse,
  ok,
  type Reply,
  rejection,
} from '../cloudflare/scripted-api.ts';
import {
  associatedAt,
  becomes,
  inTurn,
  recordsOf,
  replyTo,
  run,
  serve,
  several,
  together,
  wire,
} from './run.ts';

const little = (remaining: number, seconds: number) => ({
  ratelimit: `"default";r=${remaining};t=${seconds}`,
});

const timesOf = (traffic: string[]) =>
  traffic.map((text) => Number(text.split(' ')[0]));
/** `POST`, `GET`: what was sent, without its time and its path. */
const methodsOf = (traffic: string[]) =>
  traffic.map((text) => text.split(' ')[1]);

describe('a write follows every list that made one due', () => {
  it.each([
    [100, ['GET']],
    [11_000, ['GET', 'POST', 'POST', 'GET']],
  ])(
    'where a list takes longer than ten seconds, and a write %d ms',
    async (writeMs, then) => {
      const { traffic, causes } = await run({
        inputs: several(6),
        tookMs: ({ method }) => (method === 'GET' ? 12_000 : writeMs),
        respond: associatedAt(0),
      });
      expect(causes).toEqual(Array(6).fill(null));
      const posts = Array(writeMs > 10_000 ? 4 : 6).fill('POST');
      expect(methodsOf(traffic())).toEqual([...posts, ...then]);
    },
  );

  it('while little of the rate limit is left: polls do not use it up', async () => {
    let remaining = 24;
    const { traffic, causes } = await run({
      inputs: several(5),
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
    const methods = methodsOf(traffic());
    expect(methods[0]).toBe('POST');
    // Between two writes there is one list at most.
    expect(methods.join(' ')).not.toMatch(/GET GET.* POST/);
  });

  it.each([
    ['429', 'POST', rejection(429, 1, { 'retry-after': '60' })],
    ['nothing left', 'GET', { ...ok([]), headers: little(0, 60) }],
  ] as const)('after a block, and one more list: %s', async (_, of, reply) => {
    const { traffic, causes } = await run({
      respond: inTurn(of, [reply], associatedAt(0)),
    });
    expect(causes).toEqual([null]);
    const after = traffic().filter((text) => text !== '0 POST');
    expect(after.slice(0, 2)).toEqual(['60000 GET', '60000 POST']);
  });
});

describe('a write that is held back', () => {
  it('by the rate limit reports that authentication failed, once another write shows it', async () => {
    const headers = little(50, 300);
    const { targets, causes, reasons, writes } = await run({
      inputs: several(6),
      respond: together(
        replyTo('POST', { ...rejection(403, 10000), headers }),
        replyTo('GET', { ...ok([]), headers }),
      ),
    });
    expect(writes()).toHaveLength(1);
    expect(causes).toEqual(['authentication', ...Array(5).fill('stopped')]);
    expect(reasons[1]).toBe(
      'not carried out, because authentication failed for another write: said (code 10000)',
    );
    expect(targets[1]?.posts).toEqual([]);
  });

  it.each([
    ['POST', 'present', []],
    ['DELETE', 'absent', Array(5).fill('associated')],
  ] as const)(
    'by Retry-After of a 503 to a %s waits for it, whatever its target',
    async (method, state, statuses) => {
      const busy = rejection(503, 1, { 'retry-after': '20' });
      const { writes, causes } = await run({
        inputs: { ...several(5), state },
        records: recordsOf(...statuses),
        respond: together(
          associatedAt(0),
          becomes('disassociating', 'disassociated'),
          // The second asks for nothing, which changes nothing.
          inTurn(method, [busy, rejection(503)]),
        ),
      });
      expect(causes).toEqual(Array(5).fill(null));
      const times = timesOf(writes());
      // Four were sent at once; the fifth, and two again, came after.
      expect(times.slice(0, 4)).toEqual([0, 0, 0, 0]);
      expect(times).toHaveLength(7);
      expect(Math.min(...times.slice(4))).toBeGreaterThanOrEqual(20_000);
    },
  );

  it.each([
    ['POST', 503, 'present', [], 14_000],
    ['DELETE', 503, 'absent', Array(6).fill('associated'), 14_000],
    ['POST', 525, 'present', [], 4_000],
  ] as const)(
    'by Retry-After past the deadline fails, and stops all others: %s, %d',
    async (method, status, state, statuses, endMs) => {
      const headers = { 'retry-after': '900', 'cf-ray': 'x' };
      const ended = await run({
        inputs: { ...several(6), state },
        tookMs: 1_000,
        records: recordsOf(...statuses),
        respond: replyTo(method, rejection(status, 1, headers)),
      });
      const reason =
        'said (code 1); the response asks to wait 15 m, with 9 m 57 s left';
      const because =
        'not carried out, because of the response to another write: ';
      const { reasons, causes } = ended;
      expect(reasons).toEqual([
        ...Array(4).fill(reason),
        ...Array(2).fill(because + reason),
      ]);
      expect([causes[0], causes[5]]).toEqual(['server', 'stopped']);
      expect(ended.writes()).toHaveLength(4);
      expect(ended.endMs).toBe(endMs);
    },
  );
});

describe('a write that is due again after bad credentials for another', () => {
  const active = ['associated', 'associated'];
  it.each([
    ['a POST', 'POST', 'present', [], rejection(409), 'conflict'],
    ['a DELETE', 'DELETE', 'absent', active, rejection(409), 'conflict'],
    ['a DELETE without effect', 'DELETE', 'absent', active, ok({}), 'server'],
  ] as const)(
    'fails with its own last failure, if it has one: %s',
    async (_, method, state, statuses, first, cause) => {
      const replies = [first, NO_CONNECTION, rejection(403, 10000)];
      const { causes, writes } = await run({
        inputs: { ...several(2), state },
        records: recordsOf(...statuses),
        respond: inTurn(method, replies),
      });
      expect(causes).toEqual([cause, 'authentication']);
      expect(writes()).toHaveLength(3);
    },
  );
});

describe('a poll that fails', () => {
  it.each<[string, Reply]>([
    ['with a server error', rejection(503)],
    ['because its connection was cut', noResponse()],
    ['because it cannot be read', { body: '<html>' }],
    ['with the unstable code 10001', rejection(403, 10001)],
  ])('for a while %s does not end the wait', async (_, reply) => {
    const { causes, outcome } = await run({
      respond: together(
        associatedAt(60_000),
        replyTo('GET', reply, 1_000, 60_000),
      ),
    });
    expect(causes).toEqual([null]);
    const { polls, failedPolls } = outcome.polls;
    expect(failedPolls).toBeGreaterThan(0);
    expect(polls).toBe(failedPolls + 1);
  });

  it('is shown at the timeout, unless a later one succeeds', async () => {
    const until = (endMs: number) =>
      run({
        timeoutMs: 60_000,
        respond: replyTo('GET', rejection(503), 1_000, endMs),
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
    const busy = rejection(503, 1, { 'retry-after': '11' });
    const { traffic } = await run({
      timeoutMs: 120_000,
      records: [wire('r1', 'associating')],
      respond: together(associatedAt(80_000), replyTo('GET', busy, 1, 80_000)),
    });
    const times = timesOf(traffic());
    const gaps = times.slice(1).map((ms, n) => ms - (times[n] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(11_000);
  });

  it.each([
    ['the share is gone', rejection(404), 'not-found'],
    ['the credentials are bad', rejection(403, 10000), 'authentication'],
    ['the route is unknown', rejection(400, 7000), 'route'],
  ] as const)(
    'permanently ends the run for all that are not done: %s',
    async (_, reply, cause) => {
      const { causes, changes, polls, targets } = await run({
        inputs: several(2),
        records: recordsOf('associated', 'associating'),
        respond: replyTo('GET', reply, 1),
      });
      expect(causes).toEqual([null, cause]);
      expect(polls).toEqual([1_000]);
      expect(changes).toEqual([`wait for status → fail: ${cause}`]);
      expect(targets[1]?.next).toMatchObject({
        failure: { reason: /^said/, request: {} },
      });
    },
  );
});

describe('a poll', () => {
  it('comes no sooner than a slow list has lasted', async () => {
    const { traffic } = await run({
      inputs: several(2),
      records: recordsOf('associating', 'associating'),
      tookMs: 6_000,
      respond: associatedAt(30_000),
    });
    expect(traffic()).toEqual(['12000 GET', '24000 GET', '36000 GET']);
  });
});
