import { describe, expect, it } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { expectRemoved } from './expectations.ts';
import {
  account,
  accounts,
  activeRecords,
  bodyOf,
  LIST,
  OTHER_ACCOUNT,
  OTHER_RECORD,
  RECIPIENT,
  RECORD,
  type Run,
  recordIn,
  respondWith,
  runScenario,
  SHARE,
  startScenario,
} from './scenario.ts';

const inputs = { state: 'absent' };
const mine = { accountId: RECIPIENT, id: RECORD, status: 'associated' };
/**
 * How long reads may be stale, which a run waits before it trusts that there is
 * nothing to remove.
 */
const STALE_READ_MS = 10_000;

/**
 * Nothing was removed, which a list sent ten seconds after the first has
 * confirmed.
 */
function expectNothingToRemove(run: Run): void {
  expect(run).toMatchObject({
    exitCode: 0,
    posts: [],
    deletes: [],
    annotations: [],
    outputs: { status: 'disassociated', changed: 'false' },
  });
  // The run waits since it sent the first list, which may arrive seconds later.
  // Without the wait, the lists would be one second apart.
  const at = run.lists.map((list) => list.at);
  expect((at.at(-1) ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(
    STALE_READ_MS / 2,
  );
}

describe.concurrent('state: absent', () => {
  it('removes an associated record with one DELETE, and waits until a list shows that it is removed', async () => {
    const run = await runScenario({
      recipients: [mine],
      inputs,
      api: { timeline: { disassociateReads: 1 } },
    });
    expectRemoved(run);
    expect(run.recipients).toMatchObject([
      {
        account_id: RECIPIENT,
        recipient_id: RECORD,
        status: 'disassociated',
        changed: true,
        error: null,
      },
    ]);
    expect(run.deletes[0]).toMatchObject({ query: {}, body: '' });
    expect(run.deletes[0]?.path).toMatch(
      new RegExp(`/shares/${SHARE}/recipients/${RECORD}$`),
    );
    expect(run.polls.length).toBeGreaterThan(0);
    expect(run.requests.at(-1)).toBe(run.lists.at(-1));
    expect(run.summary).toContain('1 account removed');
  });

  it('removes nothing where there is nothing to remove, once a second list has confirmed it', async () => {
    const run = await runScenario({
      recipients: [
        { accountId: account(1), status: 'disassociated' },
        { accountId: OTHER_ACCOUNT, status: 'associated' },
      ],
      inputs: { ...inputs, 'recipient-account-id': accounts(2).join() },
    });
    expectNothingToRemove(run);
    expect(run.stdout).toContain(
      `${account(0)} = not a recipient: confirming for 10 s`,
    );
    expect(activeRecords(run, OTHER_ACCOUNT)).toHaveLength(1);
  });

  it('removes a record that the first lists do not show yet, because reads are stale', async () => {
    const stale = {
      when: { pathIncludes: LIST, times: 3 },
      do: respondWith(bodyOf([])),
    };
    expectRemoved(
      await runScenario({
        recipients: [mine],
        inputs,
        api: { faults: [stale] },
      }),
    );
  });

  it('waits for a removal that was under way, and removes a status that is not published, and two records of one account', async () => {
    const run = await runScenario({
      recipients: [
        {
          accountId: account(0),
          id: 'going',
          status: 'disassociating',
          settle: { disassociateReads: 1 },
        },
        { accountId: account(1), id: 'validating', status: 'validating' },
        { accountId: account(2), id: 'one', status: 'associated' },
        { accountId: account(2), id: 'two', status: 'associated' },
      ],
      inputs: { ...inputs, 'recipient-account-id': accounts(3).join() },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      annotations: [],
      outputs: { status: 'disassociated', changed: 'true' },
    });
    expect(run.deletes.map(recordIn).sort()).toEqual([
      'one',
      'two',
      'validating',
    ]);
    expect(run.recipients.map(({ changed }) => changed)).toEqual([
      false,
      true,
      true,
    ]);
    for (const id of accounts(3)) expect(activeRecords(run, id)).toEqual([]);
  });

  it('removes an associating record, also where the API rejects that until it is associated', async () => {
    const run = await runScenario({
      api: { rejectDeleteWhileAssociating: true },
      recipients: [
        { ...mine, status: 'associating', settle: { associateReads: 2 } },
      ],
      inputs,
    });
    expectRemoved(run, 2);
    expect(run.deletes.map(({ status }) => status)).toEqual([409, 200]);
  });

  it('removes a record that another run adds meanwhile', async () => {
    let removals = 0;
    const started = await startScenario({
      api: {
        timeline: { disassociateReads: 1 },
        fault: ({ method }) => {
          if (method === 'DELETE') removals += 1;
          if (method === 'DELETE' && removals === 1) addOther();
          return undefined;
        },
      },
      recipients: [mine],
      inputs,
    });
    const addOther = () =>
      started.api.addRecipient(SHARE, {
        accountId: RECIPIENT,
        id: OTHER_RECORD,
        status: 'associated',
      });
    const run = await started.finished;
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: { status: 'disassociated', changed: 'true' },
    });
    expect(run.deletes.map(recordIn)).toEqual([RECORD, OTHER_RECORD]);
    expect(activeRecords(run)).toEqual([]);
  });

  it('returns while the record is disassociating with wait: false', async () => {
    const run = await runScenario({
      api: { timeline: { disassociateMs: 'never' } },
      recipients: [mine],
      inputs: { ...inputs, wait: 'false' },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      polls: [],
      // The last observed status: the reply to a DELETE proves nothing, and no
      // list follows it.
      outputs: {
        'recipient-id': RECORD,
        status: 'associated',
        changed: 'true',
      },
    });
    expect(run.lists).toHaveLength(1);
    expect(run.deletes).toHaveLength(1);
    expect(run.records).toMatchObject([
      { association_status: 'disassociating' },
    ]);
  });

  it('fails at the timeout while the record is still disassociating', async () => {
    const run = await runScenario({
      api: { timeline: { disassociateMs: 'never' } },
      recipients: [mine],
      inputs: { ...inputs, timeout: '10s' },
    });
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { status: 'disassociating', changed: 'true' },
    });
    expect(run.errors).toMatchObject([
      {
        title: 'Timed out',
        message: expect.stringMatching(
          /^not done before the timeout of 10s; .*last status `disassociating` for/,
        ),
      },
    ]);
    expect(run.deletes).toHaveLength(1);
  });

  it('of several accounts removes no record of another', async () => {
    const all = Array.from({ length: 130 }, (_, n) => ({
      accountId: account(n),
      id: `record${n}`,
      status:
        [
          'associated',
          'associating',
          'disassociated',
          'associated',
          'validating',
        ][n % 5] ?? '',
    }));
    const given = all.filter((_, n) => n % 4 === 0);
    const run = await runScenario({
      recipients: all,
      inputs: {
        ...inputs,
        'recipient-account-id': given.map((one) => one.accountId).join('\n'),
      },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      posts: [],
      outputs: { status: 'disassociated', changed: 'true' },
    });
    const active = given
      .filter(({ status }) => status !== 'disassociated')
      .map(({ id }) => id);
    expect(run.deletes.map(recordIn).sort()).toEqual(active.sort());
    const left = run.records.filter(
      (record) => record.association_status !== 'disassociated',
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
    const reply = (id: string, accountId: string) =>
      respondWith(
        bodyOf({
          id,
          account_id: accountId,
          association_status: 'disassociated',
        }),
      );
    const [gone, another, missing, kept] = accounts(4) as [
      string,
      string,
      string,
      string,
    ];
    const replies: Array<[string, Fault]> = [
      [gone, reply(gone, gone)],
      [another, reply(OTHER_RECORD, another)],
      [missing, { kind: 'response', status: 404, code: 1004 }],
      [
        kept,
        {
          kind: 'response',
          status: 400,
          code: 1021,
          message: 'Recipient cannot be removed',
        },
      ],
    ];
    const run = await runScenario({
      // The ID of each record is that of its account.
      recipients: accounts(4).map((id) => ({ ...mine, accountId: id, id })),
      api: {
        faults: replies.map(([id, fault]) => ({
          when: { method: 'DELETE', pathIncludes: `recipients/${id}` },
          do: fault,
        })),
      },
      inputs: {
        ...inputs,
        'recipient-account-id': accounts(4).join(),
        timeout: '10s',
      },
    });
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { status: 'associated' },
    });
    expect(run.deletes.map(recordIn).sort()).toEqual(accounts(4));
    for (const id of accounts(4))
      expect(activeRecords(run, id)).toHaveLength(1);
    for (const one of run.recipients)
      expect(one).toMatchObject({ status: 'associated', cause: 'timeout' });
    // A rejection is final once lists have shown the record for ten seconds:
    // see exact.test.ts.
    for (const [at, said] of [
      [2, '(code 1004)'],
      [3, 'Recipient cannot be removed (code 1021)'],
    ] as const) {
      expect(run.recipients[at]).toMatchObject({ changed: false });
      const error = String(run.recipients[at]?.['error']);
      expect(error).toMatch(/last status `associated` for .*; the last write/);
      expect(error).toContain(said);
    }
  });

  it('that meets a lock each time is sent three times, ten seconds apart, and the step fails with what Cloudflare said', async () => {
    const run = await runScenario({
      api: {
        faults: [
          {
            when: { method: 'DELETE' },
            do: {
              kind: 'response',
              status: 409,
              code: 1020,
              message: 'The share is locked',
            },
          },
        ],
      },
      recipients: [mine],
      inputs,
    });
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { status: 'associated', changed: 'false' },
    });
    expect(run.errors).toMatchObject([
      {
        title: 'Another change under way',
        message: expect.stringMatching(
          /^The share is locked \(code 1020\)\..*HTTP 409/,
        ),
      },
    ]);
    expect(run.errors[0]?.message).not.toMatch(/recipient exists/);
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
