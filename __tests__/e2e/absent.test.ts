import { describe, expect, it } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { expectRemoved } from './expectations.ts';
import {
  account,
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

  it.concurrent.each<[string, object[]]>([
    ['there is no record', []],
    ['the record is disassociated', [{ ...mine, status: 'disassociated' }]],
    [
      'there are only records of others',
      [{ accountId: OTHER_ACCOUNT, status: 'associated' }],
    ],
  ])(
    'removes nothing where %s, once a second list has confirmed it',
    async (_, recipients) => {
      const run = await runScenario({
        recipients: recipients as Array<typeof mine>,
        inputs,
      });
      expectNothingToRemove(run);
      expect(run.stdout).toContain(
        `${RECIPIENT} = not a recipient: confirming for 10 s`,
      );
      const isOther = recipients.some(
        (one) => 'accountId' in one && one.accountId === OTHER_ACCOUNT,
      );
      expect(activeRecords(run, OTHER_ACCOUNT)).toHaveLength(isOther ? 1 : 0);
    },
  );

  it.concurrent.each<[string, number]>([
    ['once', 1],
    ['several times', 3],
  ])(
    'removes a record that the first list does not show yet, because reads are stale %s',
    async (_, times) => {
      const stale = {
        when: { pathIncludes: LIST, times },
        do: respondWith(bodyOf([])),
      };
      expectRemoved(
        await runScenario({
          recipients: [mine],
          inputs,
          api: { faults: [stale] },
        }),
      );
    },
  );

  it('removes a record although the first list has the result null', async () => {
    const missing = {
      when: { pathIncludes: LIST, times: 1 },
      do: respondWith(bodyOf(null)),
    };
    expectRemoved(
      await runScenario({
        recipients: [mine],
        inputs,
        api: { faults: [missing] },
      }),
    );
  });

  it('waits for a removal that was under way', async () => {
    const run = await runScenario({
      recipients: [
        { ...mine, status: 'disassociating', settle: { disassociateReads: 1 } },
      ],
      inputs,
    });
    expect(run).toMatchObject({
      exitCode: 0,
      deletes: [],
      outputs: {
        'recipient-id': RECORD,
        status: 'disassociated',
        changed: 'false',
      },
    });
  });

  it('removes a record with a status that is not published', async () => {
    expectRemoved(
      await runScenario({
        recipients: [{ ...mine, status: 'validating' }],
        inputs,
      }),
    );
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

  it('removes both active records of an account, and reports them as one', async () => {
    const run = await runScenario({
      recipients: [mine, { ...mine, id: OTHER_RECORD }],
      inputs,
    });
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: { status: 'disassociated', changed: 'true' },
      annotations: [],
    });
    expect(run.deletes.map(recordIn).sort()).toEqual(
      [RECORD, OTHER_RECORD].sort(),
    );
    expect(run.recipients).toHaveLength(1);
    expect(activeRecords(run)).toEqual([]);
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
      inputs: { ...inputs, timeout: '8s' },
    });
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { status: 'disassociating', changed: 'true' },
    });
    expect(run.errors).toMatchObject([
      {
        title: 'Timed out',
        message: expect.stringMatching(
          /^not done before the timeout of 8s; .*last status `disassociating` for/,
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

  it('removes something once when it is asked twice', async () => {
    const first = await runScenario({ recipients: [mine], inputs });
    const second = await runScenario({
      recipients: [{ ...mine, status: 'disassociated' }],
      inputs,
    });
    expectRemoved(first);
    expectNothingToRemove(second);
  });
});

describe.concurrent('a DELETE', () => {
  const scenario = (fault: Fault, more: object = {}) => ({
    api: { faults: [{ when: { method: 'DELETE', ...more }, do: fault }] },
    recipients: [mine],
    inputs,
  });
  const locked = {
    kind: 'response',
    status: 409,
    code: 1020,
    message: 'The share is locked',
  } as const;

  it.concurrent.each<[string, object]>([
    ['is removed already', {}],
    ['is another one', { id: OTHER_RECORD }],
  ])(
    'is not trusted when its reply says that the record %s',
    async (_, more) => {
      const reply = {
        id: RECORD,
        account_id: RECIPIENT,
        association_status: 'disassociated',
        ...more,
      };
      const run = await runScenario({
        ...scenario(respondWith(bodyOf(reply))),
        inputs: { ...inputs, timeout: '8s' },
      });
      expect(run).toMatchObject({
        exitCode: 1,
        outputs: { 'recipient-id': RECORD, status: 'associated' },
      });
      expect(activeRecords(run)).toHaveLength(1);
    },
  );

  it('is not trusted when it does not find a record that the list shows', async () => {
    const run = await runScenario({
      ...scenario({ kind: 'response', status: 404, code: 1004 }),
      inputs: { ...inputs, timeout: '8s' },
    });
    expect(run.errors[0]?.message).toMatch(
      /last status `associated` for .*; the last write was rejected: .*\(code 1004\)/,
    );
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { status: 'associated', changed: 'false' },
    });
    expect(run.deletes).toHaveLength(1);
  });

  it('that meets a lock is sent again after ten seconds', async () => {
    const run = await runScenario(scenario(locked, { times: 1 }));
    expectRemoved(run, 2);
    const [first, second] = run.deletes;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(
      STALE_READ_MS - 1000,
    );
  });

  it('that meets a lock each time is sent three times, and the step fails with what Cloudflare said', async () => {
    const run = await runScenario(scenario(locked));
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
    expect(run.deletes).toHaveLength(3);
    expect(activeRecords(run)).toHaveLength(1);
  });

  it('that is rejected is not sent again, and the step fails with what Cloudflare said', async () => {
    const run = await runScenario(
      scenario({
        kind: 'response',
        status: 400,
        code: 1021,
        message: 'Recipient cannot be removed',
      }),
    );
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { status: 'associated', changed: 'false' },
    });
    expect(run.errors).toMatchObject([
      {
        title: 'Request rejected by Cloudflare',
        message: expect.stringMatching(
          /^Recipient cannot be removed \(code 1021\)\./,
        ),
      },
    ]);
    expect(run.deletes).toHaveLength(1);
    expect(activeRecords(run)).toHaveLength(1);
  });
});
