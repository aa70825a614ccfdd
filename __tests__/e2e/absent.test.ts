import { describe, expect, it } from 'vitest';
import { expectFailure, expectRemoved, expectSuccess } from './expectations.ts';
import {
  account,
  accounts,
  activeRecords,
  bodyOf,
  faultOn,
  mine,
  NEVER,
  OTHER_ACCOUNT,
  OTHER_RECORD,
  RECORD,
  record,
  recordIn,
  rejection,
  respondWith,
  runScenario,
  SHARE,
  seed,
  seeds,
  shown,
} from './scenario.ts';

const inputs = { state: 'absent' };
/**
 * How long reads may be stale, which a run waits before it trusts that there is
 * nothing to remove.
 */
const STALE_READ_MS = 10_000;

describe.concurrent('state: absent', () => {
  it('removes an associated record with one DELETE, and waits until a list shows that it is removed', async () => {
    const run = await runScenario({
      recipients: [mine()],
      inputs,
      timeline: { disassociateReads: 1 },
    });
    expectRemoved(run);
    expect(run.recipients).toMatchObject([
      {
        recipient_id: RECORD,
        status: 'disassociated',
        changed: true,
        error: null,
      },
    ]);
    expect(run.deletes[0]).toMatchObject({
      path: expect.stringMatching(`/shares/${SHARE}/recipients/${RECORD}$`),
      query: {},
      body: '',
    });
    expect(run.polls.length).toBeGreaterThan(0);
    expect(run.requests.at(-1)).toBe(run.lists.at(-1));
    expect(run.summary).toContain('1 account removed');
  });

  it('removes nothing where there is nothing to remove, once a second list has confirmed it', async () => {
    const run = await runScenario({
      targets: accounts(2),
      recipients: [
        seed(1, { status: 'disassociated' }),
        seed(2, { accountId: OTHER_ACCOUNT }),
      ],
      inputs,
    });
    expectSuccess(run, { status: 'disassociated', changed: 'false' });
    expect(run).toMatchObject({ posts: [], deletes: [], annotations: [] });
    expect(run.stdout).toContain(
      `${account(0)} = not a recipient: confirming for 10 s`,
    );
    // The run waits since it sent the first list, which may arrive seconds
    // later. Without the wait, the lists would be one second apart.
    const at = run.lists.map((list) => list.at);
    expect((at.at(-1) ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(
      STALE_READ_MS / 2,
    );
    expect(activeRecords(run, OTHER_ACCOUNT)).toHaveLength(1);
  });

  it('returns while the record is disassociating with wait: false', async () => {
    const run = await runScenario({
      recipients: [mine()],
      timeline: NEVER,
      inputs: { ...inputs, wait: 'false' },
    });
    // The last observed status: the reply to a DELETE proves nothing, and no
    // list follows it.
    expectSuccess(run, { status: 'associated', changed: 'true' });
    expect(run.deletes).toHaveLength(1);
    expect(run.lists).toHaveLength(1);
    expect(run.polls).toEqual([]);
  });

  it('of several accounts removes no record of another', async () => {
    const statuses = [
      'associated',
      'associating',
      'disassociated',
      'associated',
      'validating',
    ];
    const all = Array.from({ length: 130 }, (_, n) =>
      seed(n, { status: statuses[n % 5] ?? '' }),
    );
    const second = seed(0, { id: 'second' });
    const going = seed(130, {
      status: 'disassociating',
      settle: { disassociateReads: 1 },
    });
    const given = [...all.filter((_, n) => n % 4 === 0), second, going];
    const run = await runScenario({
      recipients: [...all, second, going],
      targets: [...new Set(given.map((one) => one.accountId ?? ''))],
      inputs,
    });
    expectSuccess(run, { status: 'disassociated', changed: 'true' });
    expect(run.posts).toEqual([]);
    const active = given.filter(({ status }) => !/^disassoc/.test(status));
    expect(run.deletes.map(recordIn).sort()).toEqual(
      active.map(({ id }) => id).sort(),
    );
    const left = run.records.filter(
      (one) => one.association_status !== 'disassociated',
    );
    expect(left.map(({ id }) => id)).toEqual(
      all
        .filter((one) => one.status !== 'disassociated' && !given.includes(one))
        .map(({ id }) => id),
    );
  });
});

describe.concurrent('a DELETE', () => {
  it('is not trusted when its reply contradicts the list, and not repeated', async () => {
    const gone = (more: object) =>
      respondWith(
        bodyOf(shown({ association_status: 'disassociated', ...more })),
      );
    const replies = [
      gone({ id: record(0), account_id: account(0) }),
      gone({ id: OTHER_RECORD, account_id: account(1) }),
      rejection(404, 1004),
      rejection(400, 1021, 'Recipient cannot be removed'),
    ];
    const run = await runScenario({
      recipients: seeds(4),
      targets: accounts(4),
      faults: replies.map((reply, n) =>
        faultOn('DELETE', reply, { pathIncludes: record(n) }),
      ),
      inputs: { ...inputs, timeout: '10s' },
    });
    expect(run.exitCode).toBe(1);
    expect(run.deletes.map(recordIn).sort()).toEqual([0, 1, 2, 3].map(record));
    for (const id of accounts(4))
      expect(activeRecords(run, id)).toHaveLength(1);
    // A rejection is final once lists have shown the record for ten seconds.
    const failed = { status: 'associated', cause: 'timeout' };
    expect(run.recipients).toMatchObject([
      failed,
      failed,
      {
        ...failed,
        changed: false,
        error: expect.stringMatching(
          /last status `associated` for .*; the last write .*\(code 1004\)/,
        ),
      },
      {
        ...failed,
        changed: false,
        error: expect.stringMatching(
          /last status `associated` for .*; the last write .*Recipient cannot be removed \(code 1021\)/,
        ),
      },
    ]);
  });

  it('that meets a lock each time is sent three times, ten seconds apart, and the step fails with what Cloudflare said', async () => {
    const lock = rejection(409, 1020, 'The share is locked');
    const run = await runScenario({
      recipients: [mine()],
      inputs,
      faults: [faultOn('DELETE', lock)],
    });
    expectFailure(
      run,
      'Another change under way',
      /^The share is locked \(code 1020\)\..*HTTP 409/,
    );
    expect(run.errors[0]?.message).not.toMatch(/recipient exists/);
    expect(run.outputs).toMatchObject({
      status: 'associated',
      changed: 'false',
    });
    expect(run.stdout).toMatch(
      /^\w+: another change is under way: The share is locked \(code 1020\) .*HTTP 409/m,
    );
    expect(run.deletes).toHaveLength(3);
    const [first, second] = run.deletes;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(
      STALE_READ_MS - 1000,
    );
    expect(activeRecords(run)).toHaveLength(1);
  });
});
