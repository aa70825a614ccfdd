import { describe, expect, it } from 'vitest';
import type { LoggedRequest } from '../../simulator/api.ts';
import type { Fault } from '../../simulator/faults.ts';
import type { Request } from '../../simulator/protocol.ts';
import { expectAdded } from './expectations.ts';
import {
  accounts,
  bodyOf,
  LIST,
  type Run,
  runScenario,
  runWithFault,
} from './scenario.ts';

function rateLimited(
  after: string,
  headers: Record<string, string> = {},
): Fault {
  return {
    kind: 'response',
    status: 429,
    code: 971,
    message: 'Please wait and consider throttling your request speed',
    headers: { 'retry-after': after, ...headers },
  };
}

const POST = { method: 'POST' };

/** `Sun Nov  6 08:49:37 1994`: RFC 9110, section 5.6.7. */
function asctime(ms: number): string {
  const [day, date, month, year, time] = new Date(ms)
    .toUTCString()
    .replace(',', '')
    .split(' ');
  return `${day} ${month} ${date?.replace(/^0/, ' ')} ${time} ${year}`;
}

/** A fault of the first list, made when it is sent. */
function firstList(
  fault: () => Fault,
): (request: Request) => Fault | undefined {
  let isFirst = true;
  return ({ path }) => {
    if (!isFirst || !LIST.test(path)) return undefined;
    isFirst = false;
    return fault();
  };
}

/** Milliseconds between the first two requests. */
function gapMs([first, second]: readonly LoggedRequest[]): number {
  return (second?.at ?? Number.NaN) - (first?.at ?? Number.NaN);
}

/** The lines that announce a wait. */
function waitsOf({ stdout }: Run): string[] | null {
  return stdout.match(/^.*(retrying in|Waiting \d).*$/gm);
}

// Every form of Retry-After is in cloudflare/rate-limiter.test.ts.
describe.concurrent('a list that meets the rate limit', () => {
  it('is sent again after the seconds in Retry-After, on the same connection, with one line in the log', async () => {
    const run = await runWithFault(rateLimited('4'), { times: 1 });
    expectAdded(run);
    expect(gapMs(run.lists)).toBeGreaterThanOrEqual(3900);
    expect(run.connections).toBeLessThanOrEqual(2);
    expect(waitsOf(run)).toEqual([
      'Rate limit reached. Waiting 4 s, as requested by Cloudflare.',
    ]);
  });

  it('is sent again at the date in Retry-After, which is no local time', async () => {
    const run = await runScenario({
      api: { fault: firstList(() => rateLimited(asctime(Date.now() + 5000))) },
      // Read as local time, the date would be over.
      env: { TZ: 'Asia/Tokyo' },
    });
    expectAdded(run);
    // A date has no parts of a second.
    expect(gapMs(run.lists)).toBeGreaterThanOrEqual(3900);
  });

  it('is sent again after three seconds where the clock of the server is an hour off', async () => {
    const date = new Date(Date.now() - 3_600_000).toUTCString();
    const after = new Date(Date.parse(date) + 3000).toUTCString();
    const run = await runWithFault(rateLimited(after, { date }), { times: 1 });
    expectAdded(run);
    expect(gapMs(run.lists)).toBeGreaterThanOrEqual(2900);
  });

  it('fails the step at once when Retry-After is longer than the timeout', async () => {
    const run = await runWithFault(rateLimited('600'), {
      inputs: { timeout: '30s' },
    });
    expect(run).toMatchObject({
      exitCode: 1,
      posts: [],
      outputs: { status: 'unknown', changed: 'false' },
    });
    expect(run.ms).toBeLessThan(28_000);
    expect(run.lists).toHaveLength(1);
    expect(run.errors).toMatchObject([
      {
        title: 'Rate limit reached',
        message: expect.stringMatching(
          /^Please wait.*\(code 971\); the response asks to wait 10 m, \d+ s are left.*HTTP 429/,
        ),
      },
    ]);
  });
});

describe.concurrent('a wait is announced once, when it begins, with its real length', () => {
  it('of a server that is busy', async () => {
    const busy: Fault = {
      kind: 'response',
      status: 503,
      body: 'json',
      headers: { 'retry-after': '3' },
    };
    const run = await runWithFault(busy, { times: 1 });
    expectAdded(run);
    expect(waitsOf(run)).toEqual([
      expect.stringMatching(/HTTP 503.*; retrying in 3\.0 s$/),
    ]);
  });

  it.concurrent.each([
    ['a list waits', 503, 1],
    ['several writes wait', 200, 4],
  ])('of a limit that is used up: %s', async (_, status, count) => {
    const used: Fault = {
      kind: 'response',
      status,
      headers: { ratelimit: '"default";r=0;t=4' },
      body: { text: status === 200 ? bodyOf([]) : '{"success":false}' },
    };
    const run = await runWithFault(used, {
      times: 1,
      inputs: { 'recipient-account-id': accounts(count).join('\n') },
    });
    expect(run).toMatchObject({ exitCode: 0, errors: [] });
    expect(run.posts).toHaveLength(count);
    // Part of the time may have passed when the request is due.
    expect(waitsOf(run)).toEqual([
      expect.stringMatching(
        /^Rate limit reached\. Waiting [1-4] s, as requested by Cloudflare\.$/,
      ),
    ]);
  });
});

describe.concurrent('a write that meets the rate limit', () => {
  it('is decided again after the next list, not before the end of Retry-After', async () => {
    const run = await runScenario({
      api: { faults: [{ when: { ...POST, nth: 1 }, do: rateLimited('3') }] },
    });
    expectAdded(run, 2);
    expect(gapMs(run.posts)).toBeGreaterThanOrEqual(2900);
    const [first, second] = run.posts;
    const lists = run.lists.filter(
      ({ at }) => at > (first?.at ?? 0) && at <= (second?.at ?? 0),
    );
    expect(lists.length).toBeGreaterThan(0);
    expect(run.stdout.match(/Rate limit reached/g)).toHaveLength(1);
  });

  it('fails the step at once when Retry-After is longer than the timeout', async () => {
    const run = await runScenario({
      api: { faults: [{ when: POST, do: rateLimited('600') }] },
      inputs: { timeout: '40s' },
    });
    expect(run).toMatchObject({
      exitCode: 1,
      records: [],
      outputs: { status: 'disassociated', changed: 'false' },
    });
    expect(run.ms).toBeLessThan(38_000);
    expect(run.posts).toHaveLength(1);
    expect(run.errors).toMatchObject([
      {
        title: 'Rate limit reached',
        message: expect.stringMatching(/10 m|9 m \d+ s/),
      },
    ]);
    expect(run.errors[0]?.message).not.toContain('may have been carried out');
  });

  // For removals, and other accounts, it is in reconcile/promises.test.ts.
  it('is sent again after Retry-After, too, where it may have been carried out', async () => {
    const busy: Fault = {
      kind: 'response',
      status: 503,
      body: 'json',
      headers: { 'retry-after': '13' },
    };
    const run = await runScenario({
      api: { faults: [{ when: { ...POST, times: 1 }, do: busy }] },
    });
    expectAdded(run, 2);
    expect(gapMs(run.posts)).toBeGreaterThanOrEqual(12_900);
    expect(run.stdout).toMatch(
      /held back for \d+ s, as requested by the response to an earlier write/,
    );
  });
});
