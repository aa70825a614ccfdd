import { describe, expect, it } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import type { Request } from '../../simulator/protocol.ts';
import { expectAdded, expectRemoved } from './expectations.ts';
import {
  accounts,
  bodyOf,
  LIST,
  RECIPIENT,
  RECORD,
  respondWith,
  runScenario,
  runWithFault,
  type Scenario,
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
const inMs = (ms: number) => new Date(Date.now() + ms).toUTCString();

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

/**
 * Different from the time of the response by a number of seconds that nobody
 * waits.
 */
const TOO_LONG: Array<[string, () => string]> = [
  ['seconds', () => '600'],
  ['a date', () => inMs(600_000)],
];

describe.concurrent('a list that meets the rate limit', () => {
  it('is sent again after the seconds in Retry-After, on the same connection, with one line in the log', async () => {
    const run = await runWithFault(rateLimited('6'), { times: 1 });
    expectAdded(run);
    const [first, second] = run.lists;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(5900);
    expect(run.connections).toBeLessThanOrEqual(2);
    expect(run.stdout.match(/^.*(retrying|Waiting).*$/gm)).toEqual([
      'Rate limit reached. Waiting 6 s, as requested by Cloudflare.',
    ]);
  });

  it('is sent again at the date in Retry-After', async () => {
    const run = await runScenario({
      api: { fault: firstList(() => rateLimited(inMs(6000))) },
    });
    expectAdded(run);
    // A date has no parts of a second.
    const [first, second] = run.lists;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(4900);
  });

  // Read as local time, the first would be over, and the second hours away.
  it.concurrent.each(['Asia/Tokyo', 'America/New_York'])(
    'is sent again at the date in Retry-After in the form without a time zone: %s',
    async (TZ) => {
      const run = await runScenario({
        api: {
          fault: firstList(() => rateLimited(asctime(Date.now() + 5000))),
        },
        env: { TZ },
      });
      expectAdded(run);
      const [first, second] = run.lists;
      expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(3900);
    },
  );

  it.concurrent.each<[string, Record<string, string>]>([
    ['3.5', { 'retry-after': '3.5' }],
    ['retry-after-ms: 3500', { 'retry-after-ms': '3500', 'retry-after': '1' }],
  ])('is sent again after parts of a second: %s', async (_, headers) => {
    const run = await runWithFault(rateLimited('0', headers), { times: 1 });
    expectAdded(run);
    const [first, second] = run.lists.map(({ at }) => at);
    expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(3400);
  });

  it.concurrent.each([-3_600_000, 3_600_000])(
    'is sent again after three seconds where the clock of the server is %i ms off',
    async (offMs) => {
      const date = inMs(offMs);
      const after = new Date(Date.parse(date) + 3000).toUTCString();
      const run = await runWithFault(rateLimited(after, { date }), {
        times: 1,
      });
      expectAdded(run);
      const [first, second] = run.lists.map(({ at }) => at);
      expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(2900);
    },
  );

  it.concurrent.each<[string, () => string]>([
    ['no time', () => '0'],
    ['a date that is over', () => inMs(-60_000)],
  ])('is retried with backoff when Retry-After is %s', async (_, after) => {
    const run = await runWithFault(rateLimited(after()), {
      inputs: { timeout: '5s' },
    });
    expect(run).toMatchObject({ exitCode: 1, posts: [] });
    expect(run.lists.length).toBeGreaterThan(1);
    expect(run.lists.length).toBeLessThanOrEqual(6);
  });

  it.concurrent.each(TOO_LONG)(
    'fails the step at once when Retry-After is longer than the timeout, in %s',
    async (_, after) => {
      const run = await runWithFault(rateLimited(after()), {
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
            /^Please wait.*\(code 971\); the response asks to wait (10 m|9 m \d+ s), \d+ s are left.*HTTP 429/,
          ),
        },
      ]);
    },
  );
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
    expect(run.stdout.match(/^.*(retrying in|Waiting \d).*$/gm)).toEqual([
      expect.stringMatching(/HTTP 503.*; retrying in 3\.0 s$/),
    ]);
  });

  it.concurrent.each([200, 503])(
    'of a limit that is used up, with HTTP %i',
    async (status) => {
      const used: Fault = {
        kind: 'response',
        status,
        headers: { ratelimit: '"default";r=0;t=4' },
        body: { text: status === 200 ? bodyOf([]) : '{"success":false}' },
      };
      const run = await runWithFault(used, { times: 1 });
      expectAdded(run);
      // Part of the time may have passed when the request is due.
      expect(run.stdout.match(/^.*(retrying in|Waiting \d).*$/gm)).toEqual([
        expect.stringMatching(
          /^Rate limit reached\. Waiting [1-4] s, as requested by Cloudflare\.$/,
        ),
      ]);
    },
  );

  it('also where several writes wait for the same limit', async () => {
    const headers = { ratelimit: '"default";r=0;t=3' };
    const run = await runScenario({
      inputs: { 'recipient-account-id': accounts(4).join('\n') },
      api: {
        // The list says that nothing is left.
        faults: [
          {
            when: { pathIncludes: LIST, nth: 1 },
            do: {
              kind: 'response',
              status: 200,
              headers,
              body: { text: bodyOf([]) },
            },
          },
        ],
      },
    });
    expect(run).toMatchObject({ exitCode: 0, errors: [] });
    expect(run.posts).toHaveLength(4);
    expect(run.stdout.match(/Rate limit reached/g)).toHaveLength(1);
  });
});

describe.concurrent('a write that meets the rate limit', () => {
  it('is decided again after the next list, not before the end of Retry-After', async () => {
    const run = await runScenario({
      api: { faults: [{ when: { ...POST, nth: 1 }, do: rateLimited('3') }] },
    });
    expectAdded(run, 2);
    const [first, second] = run.posts;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(2900);
    const lists = run.lists.filter(
      ({ at }) => at > (first?.at ?? 0) && at <= (second?.at ?? 0),
    );
    expect(lists.length).toBeGreaterThan(0);
    expect(run.stdout.match(/Rate limit reached/g)).toHaveLength(1);
  });

  it('until the timeout is reported with what Cloudflare said', async () => {
    const limited: Fault = {
      kind: 'response',
      status: 429,
      code: 971,
      message: 'Please wait',
    };
    const run = await runScenario({
      // Writes end at five seconds: after the third, at three, and before the
      // fourth, at seven.
      inputs: { timeout: '6s' },
      api: { faults: [{ when: POST, do: limited }] },
    });
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { status: 'disassociated', changed: 'false' },
    });
    expect(run.posts.length).toBeGreaterThan(1);
    expect(run.errors).toMatchObject([
      {
        title: 'Timed out',
        message: expect.stringMatching(
          /not processed: Please wait \(code 971\) \(POST …\/recipients, HTTP 429, cf-ray/,
        ),
      },
    ]);
    expect(run.stdout).toMatch(
      /^\w+: held back until the next list: not processed: Please wait \(code 971\) \(POST …\/recipients, HTTP 429/m,
    );
  });

  it('is not sent again when the next list shows that another run was faster', async () => {
    const run = await runScenario({
      api: {
        faults: [
          { when: { pathIncludes: LIST, nth: 1 }, do: respondWith(bodyOf([])) },
          { when: POST, do: rateLimited('1') },
        ],
      },
      recipients: [{ accountId: RECIPIENT, id: RECORD, status: 'associated' }],
    });
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: { 'recipient-id': RECORD, changed: 'false' },
    });
    expect(run.posts).toHaveLength(1);
  });

  it('is decided again after the next list when it is a DELETE', async () => {
    const run = await runScenario({
      api: {
        faults: [{ when: { method: 'DELETE', nth: 1 }, do: rateLimited('2') }],
      },
      recipients: [{ accountId: RECIPIENT, id: RECORD, status: 'associated' }],
      inputs: { state: 'absent' },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      errors: [],
      outputs: { status: 'disassociated', changed: 'true' },
    });
    expect(run.deletes.map(({ status }) => status)).toEqual([429, 200]);
  });

  it.concurrent.each(TOO_LONG)(
    'fails the step at once when Retry-After is longer than the timeout, in %s',
    async (_, after) => {
      const run = await runScenario({
        api: { faults: [{ when: POST, do: rateLimited(after()) }] },
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
    },
  );
});

describe.concurrent('Retry-After of a write that may have been carried out', () => {
  const busy = (seconds: number): Fault => ({
    kind: 'response',
    status: 503,
    body: 'json',
    headers: { 'retry-after': String(seconds) },
  });
  const gapMs = ([first, second]: Array<{ at: number }>) =>
    (second?.at ?? 0) - (first?.at ?? 0);

  it('holds for the next POST', async () => {
    const run = await runScenario({
      api: { faults: [{ when: { ...POST, times: 1 }, do: busy(15) }] },
    });
    expectAdded(run, 2);
    expect(gapMs(run.posts)).toBeGreaterThanOrEqual(14_900);
    expect(run.stdout).toMatch(
      /held back for \d+ s, as requested by Cloudflare/,
    );
  });

  it('holds for the next DELETE', async () => {
    const run = await runScenario({
      api: {
        faults: [{ when: { method: 'DELETE', times: 1 }, do: busy(15) }],
      },
      recipients: [{ accountId: RECIPIENT, id: RECORD, status: 'associated' }],
      inputs: { state: 'absent' },
    });
    expectRemoved(run, 2);
    expect(gapMs(run.deletes)).toBeGreaterThanOrEqual(14_900);
  });

  it('holds for writes of other accounts', async () => {
    // Four are sent at a time; the first reply comes while the others wait.
    const run = await runScenario({
      api: {
        faults: [
          { when: { ...POST, nth: 1 }, do: { ...busy(5), commit: true } },
          { when: POST, do: { kind: 'slow', delayMs: 1500 } },
        ],
      },
      inputs: { 'recipient-account-id': accounts(6).join() },
    });
    expect(run).toMatchObject({ exitCode: 0, errors: [] });
    expect(run.posts).toHaveLength(6);
    expect(gapMs(run.posts.toSpliced(1, 3))).toBeGreaterThanOrEqual(4900);
  });
});

describe.concurrent('a write that meets another change', () => {
  const conflict: Fault = {
    kind: 'response',
    status: 409,
    code: 1020,
    message: 'Recipient is locked',
  };
  const mine = { accountId: RECIPIENT, id: RECORD, status: 'associated' };
  const removal = { recipients: [mine], inputs: { state: 'absent' } };

  it.concurrent.each<[string, Scenario]>([
    ['POST', {}],
    ['DELETE', removal],
  ])('has a line in the log with its reason: %s', async (method, scenario) => {
    const run = await runScenario({
      ...scenario,
      api: { faults: [{ when: { method, times: 1 }, do: conflict }] },
    });
    expect(run).toMatchObject({ exitCode: 0, errors: [] });
    expect(run.stdout).toMatch(
      /^\w+: another change is under way: Recipient is locked \(code 1020\) .*HTTP 409/m,
    );
  });

  it.concurrent.each<[string, Scenario]>([
    ['POST', {}],
    ['DELETE', removal],
  ])(
    'three times fails, and says that another change is under way: %s',
    async (method, scenario) => {
      const run = await runScenario({
        ...scenario,
        api: { faults: [{ when: { method }, do: conflict }] },
      });
      expect(run.exitCode).toBe(1);
      expect([...run.posts, ...run.deletes]).toHaveLength(3);
      expect(run.errors).toMatchObject([
        {
          title: 'Another change under way',
          message: expect.stringMatching(/^Recipient is locked \(code 1020\)/),
        },
      ]);
      expect(run.errors[0]?.message).not.toMatch(/recipient exists/);
    },
  );
});
