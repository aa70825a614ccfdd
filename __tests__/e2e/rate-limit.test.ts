import { describe, expect, it } from 'vitest';
import type { LoggedRequest } from '../../simulator/api.ts';
import type { Fault } from '../../simulator/faults.ts';
import { expectAdded, expectFailure, expectSuccess } from './expectations.ts';
import {
  accounts,
  bodyOf,
  faultOn,
  LIST,
  type Run,
  runScenario,
  runWithFault,
} from './scenario.ts';

function rateLimited(after: string): Fault {
  return {
    kind: 'response',
    status: 429,
    code: 971,
    message: 'Please wait and consider throttling your request speed',
    headers: { 'retry-after': after },
  };
}

/** `Sun Nov  6 08:49:37 1994`: RFC 9110, section 5.6.7. */
function asctime(ms: number): string {
  const [day, date, month, year, time] = new Date(ms)
    .toUTCString()
    .replace(',', '')
    .split(' ');
  return `${day} ${month} ${date?.replace(/^0/, ' ')} ${time} ${year}`;
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
    expect(waitsOf(run)).toEqual(['Rate limit reached. Waiting 4 s.']);
  });

  it('is sent again at the date in Retry-After, which is no local time', async () => {
    let isFirst = true;
    const run = await runScenario({
      api: {
        fault: ({ path }) => {
          if (!isFirst || !LIST.test(path)) return undefined;
          isFirst = false;
          return rateLimited(asctime(Date.now() + 5000));
        },
      },
      // Read as local time, the date would be over.
      env: { TZ: 'Asia/Tokyo' },
    });
    expectAdded(run);
    // A date has no parts of a second.
    expect(gapMs(run.lists)).toBeGreaterThanOrEqual(3900);
  });

  it('fails the step at once when Retry-After is longer than the timeout', async () => {
    const run = await runWithFault(rateLimited('600'), {
      inputs: { timeout: '30s' },
    });
    expectFailure(
      run,
      'Rate limit reached',
      /^Please wait.*\(code 971\); the response asks to wait 10 m, with \d+ s left.*HTTP 429/,
    );
    expect(run).toMatchObject({
      posts: [],
      outputs: { status: 'unknown', changed: 'false' },
    });
    expect(run.ms).toBeLessThan(28_000);
    expect(run.lists).toHaveLength(1);
  });
});

// Other waits are in cloudflare/client.test.ts and reconcile/promises.test.ts.
describe.concurrent('writes', () => {
  it('that wait for a limit that is used up are announced once, when the wait begins, with its real length', async () => {
    const used: Fault = {
      kind: 'response',
      status: 200,
      headers: { ratelimit: '"default";r=0;t=4' },
      body: { text: bodyOf([]) },
    };
    const run = await runWithFault(used, { times: 1, targets: accounts(4) });
    expectSuccess(run);
    expect(run.posts).toHaveLength(4);
    // Part of the time may have passed when the request is due.
    expect(waitsOf(run)).toEqual([
      expect.stringMatching(/^Rate limit reached\. Waiting [1-4] s\.$/),
    ]);
  });

  it('that meet the rate limit are decided again after the next list, not before the end of Retry-After', async () => {
    const run = await runScenario({
      faults: [faultOn('POST', rateLimited('3'), { nth: 1 })],
    });
    expectAdded(run, 2);
    expect(gapMs(run.posts)).toBeGreaterThanOrEqual(2900);
    const [first, second] = run.posts.map(({ at }) => at) as [number, number];
    const between = run.lists.filter(({ at }) => at > first && at <= second);
    expect(between.length).toBeGreaterThan(0);
    expect(run.stdout.match(/Rate limit reached/g)).toHaveLength(1);
  });
});
