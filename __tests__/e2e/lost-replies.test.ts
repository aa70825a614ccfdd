import { describe, expect, it } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { expectAdded, expectRemoved } from './expectations.ts';
import {
  activeRecords,
  bodyOf,
  LIST,
  RECIPIENT,
  RECORD,
  respondWith,
  runScenario,
  type Scenario,
} from './scenario.ts';

const record = {
  id: RECORD,
  account_id: RECIPIENT,
  association_status: 'associated',
};
const mine = { accountId: RECIPIENT, id: RECORD, status: 'associated' };
/** The change is made, and the connection is reset before the reply. */
const RESET: Fault = { kind: 'reset', commit: true };
/**
 * The change is made, and what arrives instead of the reply does not say so.
 */
const LOST: Array<[string, Fault]> = [
  ['a reset', RESET],
  ['a 502', { kind: 'response', status: 502, commit: true }],
  ['an HTML page', { kind: 'unreadable' }],
  ['half of the reply', { kind: 'truncate' }],
  ['null', { kind: 'unreadable', text: 'null' }],
  [
    'a record without an ID',
    { kind: 'unreadable', text: bodyOf({ ...record, id: 7 }) },
  ],
  ['no record', { kind: 'unreadable', text: bodyOf(null) }],
  [
    'a change of protocol',
    {
      kind: 'response',
      status: 101,
      body: 'empty',
      headers: { connection: 'upgrade', upgrade: 'websocket' },
      commit: true,
    },
  ],
];
/** Without the wait that the edge's own 5xx ask for. */
const BAD_GATEWAY: Fault = { kind: 'response', status: 502, body: 'html' };
const POST = { method: 'POST' };
const DELETE = { method: 'DELETE' };

/** Milliseconds between two requests. */
function between(first?: { at: number }, second?: { at: number }): number {
  return (second?.at ?? Number.NaN) - (first?.at ?? Number.NaN);
}

describe.concurrent('after a lost reply to a POST', () => {
  it.concurrent.each(LOST)(
    'the record is found and not added twice: %s',
    async (_, fault) => {
      expectAdded(
        await runScenario({ api: { faults: [{ when: POST, do: fault }] } }),
      );
    },
  );

  it('the record is found when no reply arrives before the timeout of the request', async () => {
    const run = await runScenario({
      api: { faults: [{ when: POST, do: { kind: 'hang', commit: true } }] },
    });
    expectAdded(run);
  });

  it.concurrent.each([3000, 5000])(
    'the record is found although reads are %i ms behind',
    async (staleMs) => {
      expectAdded(
        await runScenario({
          api: { staleMs, faults: [{ when: POST, do: RESET }] },
        }),
      );
    },
  );

  it('the record is found when it appears only four seconds later', async () => {
    const late: Fault = { kind: 'reset', commit: true, commitAfterMs: 4000 };
    expectAdded(
      await runScenario({ api: { faults: [{ when: POST, do: late }] } }),
    );
  });

  it('the record is found although the next lists fail too', async () => {
    const run = await runScenario({
      api: {
        faults: [
          { when: POST, do: RESET },
          {
            when: { method: 'GET', pathIncludes: LIST, nth: 2, times: 2 },
            do: { kind: 'reset' },
          },
        ],
      },
    });
    expectAdded(run);
  });

  it('a POST that changed nothing is sent again, once lists have shown that for ten seconds', async () => {
    const run = await runScenario({
      api: { faults: [{ when: { ...POST, nth: 1 }, do: { kind: 'reset' } }] },
    });
    expectAdded(run, 2);
    const [first, second] = run.posts;
    expect(between(first, second)).toBeGreaterThanOrEqual(10_000);
    const lists = run.lists.filter(
      ({ at }) => at > (first?.at ?? 0) && at < (second?.at ?? 0),
    );
    expect(lists.length).toBeGreaterThan(0);
  });

  it('at most three POSTs are sent, and the step fails with the last error', async () => {
    const run = await runScenario({
      api: { faults: [{ when: POST, do: BAD_GATEWAY }] },
    });
    expect(run).toMatchObject({
      exitCode: 1,
      records: [],
      outputs: { 'recipient-id': '', changed: 'false' },
    });
    expect(run.posts).toHaveLength(3);
    for (const n of [0, 1])
      expect(between(run.posts[n], run.posts[n + 1])).toBeGreaterThanOrEqual(
        10_000,
      );
    expect(run.errors).toMatchObject([
      {
        title: 'Cloudflare API error',
        message: expect.stringContaining('POST …/recipients, HTTP 502'),
      },
    ]);
  });

  it('the step says at its timeout that the POST may have been carried out', async () => {
    const run = await runScenario({
      api: { faults: [{ when: POST, do: BAD_GATEWAY }] },
      inputs: { timeout: '8s' },
    });
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { 'recipient-id': '', status: 'disassociated' },
    });
    expect(run.posts).toHaveLength(1);
    expect(run.errors[0]?.message).toMatch(
      /^not done before the timeout of 8s; .*may have been carried out: page "502 error"/,
    );
    // One last list has checked it.
    expect(run.requests.at(-1)).toBe(run.lists.at(-1));
  });
});

describe.concurrent('a rejected POST', () => {
  const stale = {
    when: { pathIncludes: LIST, nth: 1 },
    do: respondWith(bodyOf([])),
  };
  const rejected: Fault = {
    kind: 'response',
    status: 400,
    code: 1010,
    message: 'Already a recipient',
  };

  it.concurrent.each<[string, Scenario['api'], number]>([
    ['a conflict', { faults: [stale] }, 409],
    ['another code', { faults: [stale, { when: POST, do: rejected }] }, 400],
  ])(
    'uses the record of another run that was faster, with %s',
    async (_, api, status) => {
      // The first list is empty, as it was for both runs; the POST meets the
      // record of the other.
      const run = await runScenario({ api: api ?? {}, recipients: [mine] });
      expect(run).toMatchObject({
        exitCode: 0,
        outputs: { 'recipient-id': RECORD, changed: 'false' },
      });
      expect(run.posts.map((post) => post.status)).toEqual([status]);
    },
  );

  it('fails after one more list, and is not sent again', async () => {
    const run = await runScenario({
      api: { faults: [{ when: POST, do: rejected }] },
    });
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { 'recipient-id': '', changed: 'false' },
    });
    expect(run.posts).toHaveLength(1);
    expect(run.lists).toHaveLength(2);
    expect(run.errors).toMatchObject([
      {
        title: 'Request rejected by Cloudflare',
        message: expect.stringContaining('Already a recipient'),
      },
    ]);
  });

  it('is sent again after ten seconds when it met a lock', async () => {
    const locked: Fault = {
      kind: 'response',
      status: 409,
      code: 1020,
      message: 'The share is locked',
    };
    const run = await runScenario({
      api: { faults: [{ when: { ...POST, times: 1 }, do: locked }] },
    });
    expectAdded(run, 2);
    expect(between(run.posts[0], run.posts[1])).toBeGreaterThanOrEqual(10_000);
  });
});

describe.concurrent('after a lost reply to a DELETE', () => {
  const scenario: Scenario = {
    inputs: { state: 'absent' },
    recipients: [mine],
  };

  // Each way to lose a reply is the same for both writes.
  it.concurrent.each(LOST.slice(0, 3))(
    'the removal is observed and not sent twice: %s',
    async (_, fault) => {
      expectRemoved(
        await runScenario({
          ...scenario,
          api: { faults: [{ when: DELETE, do: fault }] },
        }),
      );
    },
  );

  it('the removal is observed although reads are three seconds behind', async () => {
    const faults = [{ when: DELETE, do: RESET }];
    expectRemoved(
      await runScenario({ ...scenario, api: { staleMs: 3000, faults } }),
    );
  });

  it('a DELETE that changed nothing is sent again, once lists have shown that for ten seconds', async () => {
    const faults = [
      { when: { ...DELETE, nth: 1 }, do: { kind: 'reset' as const } },
    ];
    const run = await runScenario({ ...scenario, api: { faults } });
    expectRemoved(run, 2);
    expect(between(run.deletes[0], run.deletes[1])).toBeGreaterThanOrEqual(
      10_000,
    );
  });

  it('a DELETE whose reply was lost, but that has no effect, is sent at most three times', async () => {
    const run = await runScenario({
      ...scenario,
      api: {
        faults: [{ when: DELETE, do: BAD_GATEWAY }],
      },
    });
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { status: 'associated', changed: 'false' },
    });
    expect(run.deletes).toHaveLength(3);
    expect(activeRecords(run)).toHaveLength(1);
  });
});
