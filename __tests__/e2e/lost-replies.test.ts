import { describe, expect, it } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { expectAdded, expectSuccess } from './expectations.ts';
import {
  account,
  accountIn,
  accounts,
  activeRecords,
  bodyOf,
  faultOn,
  LIST,
  LOST_REPLY,
  record,
  recordIn,
  respondWith,
  runScenario,
  seeds,
  shown,
} from './scenario.ts';

/**
 * The change is made, and what arrives instead of the reply does not say so.
 */
const LOST: Fault[] = [
  LOST_REPLY,
  { kind: 'response', status: 502, body: 'html', commit: true },
  { kind: 'unreadable' },
  { kind: 'truncate' },
  { kind: 'unreadable', text: 'null' },
  { kind: 'unreadable', text: bodyOf(shown({ id: 7 })) },
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

/** The second to fourth list show what was there before, as stale reads do. */
const stale = (records: object[]) =>
  faultOn(LIST, respondWith(bodyOf(records)), { nth: 2, times: 3 });

describe.concurrent('after a lost reply to a POST', () => {
  it.concurrent.each<[string, Fault[]]>([
    ['a reset', [LOST_REPLY]],
    ['each kind of loss, each for an account of its own', LOST],
  ])('the record is found and not added twice: %s', async (_, faults) => {
    const ids = accounts(faults.length);
    const run = await runScenario({
      targets: ids,
      api: {
        fault: ({ method, body }) =>
          method === 'POST'
            ? faults.find((_, n) => body.includes(account(n)))
            : undefined,
      },
    });
    expectSuccess(run, { status: 'associated', changed: 'true' });
    expect(run.deletes).toEqual([]);
    expect(run.posts.map(accountIn).sort()).toEqual(ids);
    expect(run.recipients.map((one) => one['recipient_id'])).toEqual(
      ids.map((id) => activeRecords(run, id)[0]?.id),
    );
  });

  it('the record is found although the next lists are stale, and then fail', async () => {
    const run = await runScenario({
      faults: [
        faultOn('POST', LOST_REPLY),
        stale([]),
        faultOn(LIST, { kind: 'reset' }, { method: 'GET', nth: 5, times: 2 }),
      ],
    });
    expectAdded(run);
    expect(run.lists.length).toBeGreaterThanOrEqual(7);
  });
});

// A DELETE that changed nothing is in reconcile/decide-absent.test.ts.
it.concurrent('after a lost reply to a DELETE, the removal is observed and not sent twice, whatever was lost, and although reads are stale', async () => {
  const before = [0, 1, 2].map((n) =>
    shown({ id: record(n), account_id: account(n) }),
  );
  const run = await runScenario({
    targets: accounts(3),
    recipients: seeds(3),
    inputs: { state: 'absent' },
    faults: [
      ...LOST.slice(0, 3).map((fault, n) =>
        faultOn('DELETE', fault, { pathIncludes: record(n) }),
      ),
      stale(before),
    ],
  });
  expectSuccess(run, { status: 'disassociated', changed: 'true' });
  expect(run.deletes.map(recordIn).sort()).toEqual([0, 1, 2].map(record));
});
