import { describe, expect, it } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { expectAdded, expectRemoved } from './expectations.ts';
import {
  account,
  accountIn,
  accounts,
  activeRecords,
  bodyOf,
  LIST,
  RECIPIENT,
  RECORD,
  recordIn,
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
const LOST: Fault[] = [
  RESET,
  { kind: 'response', status: 502, body: 'html', commit: true },
  { kind: 'unreadable' },
  { kind: 'truncate' },
  { kind: 'unreadable', text: 'null' },
  { kind: 'unreadable', text: bodyOf({ ...record, id: 7 }) },
  { kind: 'unreadable', text: bodyOf(null) },
  // A change of protocol.
  {
    kind: 'response',
    status: 101,
    body: 'empty',
    headers: { connection: 'upgrade', upgrade: 'websocket' },
    commit: true,
  },
  // Until the timeout of the request.
  { kind: 'hang', commit: true },
];
/** Without the wait that the edge's own 5xx ask for. */
const BAD_GATEWAY: Fault = { kind: 'response', status: 502, body: 'html' };
const POST = { method: 'POST' };
const DELETE = { method: 'DELETE' };

/** The second to fourth list show what was there before, as stale reads do. */
const stale = (records: object[]) => ({
  when: { pathIncludes: LIST, nth: 2, times: 3 },
  do: respondWith(bodyOf(records)),
});

/** Milliseconds between requests that follow each other. */
function gapsMs(requests: readonly { at: number }[]): number[] {
  return requests
    .slice(1)
    .map(({ at }, n) => at - (requests[n]?.at ?? Number.NaN));
}

describe.concurrent('after a lost reply to a POST', () => {
  it.concurrent.each<[string, Fault[]]>([
    ['a reset', [RESET]],
    ['each kind of loss, each for an account of its own', LOST],
  ])('the record is found and not added twice: %s', async (_, faults) => {
    const ids = accounts(faults.length);
    const run = await runScenario({
      inputs: { 'recipient-account-id': ids.join() },
      api: {
        fault: ({ method, body }) =>
          method === 'POST'
            ? faults.find((_, n) => body.includes(account(n)))
            : undefined,
      },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      stderr: '',
      errors: [],
      deletes: [],
      outputs: { status: 'associated', changed: 'true' },
    });
    expect(run.posts.map(accountIn).sort()).toEqual(ids);
    expect(run.recipients.map((one) => one['recipient_id'])).toEqual(
      ids.map((id) => activeRecords(run, id)[0]?.id),
    );
  });

  it('the record is found although the next lists are stale, and then fail', async () => {
    const failing = {
      when: { method: 'GET', pathIncludes: LIST, nth: 5, times: 2 },
      do: { kind: 'reset' } as const,
    };
    const run = await runScenario({
      api: { faults: [{ when: POST, do: RESET }, stale([]), failing] },
    });
    expectAdded(run);
    expect(run.lists.length).toBeGreaterThanOrEqual(7);
  });

  it('a POST that changed nothing is sent again, once lists have shown that for ten seconds', async () => {
    const run = await runScenario({
      api: { faults: [{ when: { ...POST, nth: 1 }, do: { kind: 'reset' } }] },
    });
    expectAdded(run, 2);
    const [first, second] = run.posts;
    expect(gapsMs(run.posts)[0]).toBeGreaterThanOrEqual(10_000);
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
    for (const gap of gapsMs(run.posts))
      expect(gap).toBeGreaterThanOrEqual(10_000);
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
      inputs: { timeout: '10s' },
    });
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { 'recipient-id': '', status: 'disassociated' },
    });
    expect(run.posts).toHaveLength(1);
    expect(run.errors[0]?.message).toMatch(
      /^not done before the timeout of 10s; .*may have been carried out: page "502 error"/,
    );
    // One last list has checked it.
    expect(run.requests.at(-1)).toBe(run.lists.at(-1));
  });
});

// What else rejects a POST is in reconcile/reconciler.test.ts.
it.concurrent('a POST that is rejected uses the record of another run that was faster', async () => {
  // The first list is empty, as it was for both runs; the POST meets the
  // record of the other.
  const run = await runScenario({
    api: {
      faults: [
        { when: { pathIncludes: LIST, nth: 1 }, do: respondWith(bodyOf([])) },
      ],
    },
    recipients: [mine],
  });
  expect(run).toMatchObject({
    exitCode: 0,
    outputs: { 'recipient-id': RECORD, changed: 'false' },
  });
  expect(run.posts.map(({ status }) => status)).toEqual([409]);
});

describe.concurrent('after a lost reply to a DELETE', () => {
  const scenario: Scenario = {
    inputs: { state: 'absent' },
    recipients: [mine],
  };

  it('the removal is observed and not sent twice, whatever was lost, and although reads are stale', async () => {
    const faults = LOST.slice(0, 3);
    const ids = accounts(faults.length);
    const records = ids.map((accountId, n) => ({
      accountId,
      id: `record${n}`,
      status: 'associated',
    }));
    const run = await runScenario({
      recipients: records,
      inputs: { state: 'absent', 'recipient-account-id': ids.join() },
      api: {
        faults: [
          ...faults.map((fault, n) => ({
            when: { ...DELETE, pathIncludes: `record${n}` },
            do: fault,
          })),
          stale(
            records.map(({ id, accountId, status }) => ({
              id,
              account_id: accountId,
              association_status: status,
            })),
          ),
        ],
      },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      errors: [],
      outputs: { status: 'disassociated', changed: 'true' },
    });
    expect(run.deletes.map(recordIn).sort()).toEqual(
      records.map(({ id }) => id),
    );
  });

  // That it is sent three times at most is in reconcile/reconciler.test.ts.
  it('a DELETE that changed nothing is sent again, once lists have shown that for ten seconds', async () => {
    const faults = [
      { when: { ...DELETE, nth: 1 }, do: { kind: 'reset' as const } },
    ];
    const run = await runScenario({ ...scenario, api: { faults } });
    expectRemoved(run, 2);
    expect(gapsMs(run.deletes)[0]).toBeGreaterThanOrEqual(10_000);
  });
});
