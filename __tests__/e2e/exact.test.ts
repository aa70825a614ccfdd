import { describe, expect, it } from 'vitest';
import {
  accountsWithAccess,
  DELETE,
  exact,
  isWrite,
  outputOf,
  POST,
  record,
  removed,
  removeRecord,
  runExact,
  runWhile,
  SOMEBODY,
  seed,
  warnings,
} from './exact-scenario.ts';
import { expectOutputs } from './expectations.ts';
import {
  account,
  accountIn,
  ENTITLEMENT,
  ONE_RECORD,
  OWNER,
  type Run,
  runScenario,
  SHARE,
  startScenario,
} from './scenario.ts';

const LATE = 'Recipient appeared during the run';
const NEVER = { associateMs: 'never', disassociateMs: 'never' } as const;
const REJECTED = {
  status: 400,
  code: 1017,
  message: 'Recipient is not in the organization of the share',
};
const LIMITED = {
  kind: 'response',
  status: 429,
  code: 971,
  headers: { 'retry-after': '1' },
} as const;

/** Method and last part of the path of each request, in order of arrival. */
function order({ requests }: Run): string[] {
  return requests.map(({ method, path }) => {
    const last = path.split('/').at(-1);
    return `${method} ${last === SHARE ? 'share' : last}`;
  });
}

/** The list behind `state: absent:` of a message, as somebody copies it. */
function copiedList(message = ''): string {
  return /with state: absent: (.*?)\. /.exec(message)?.[1] ?? '';
}

describe.concurrent('state: exact', () => {
  it('adds who is missing, then removes who is not listed', async () => {
    const run = await runExact({
      listed: [0, 1],
      has: [0, 2],
      api: { timelines: { [account(1)]: { associateReads: 2 } } },
    });
    expect(run).toMatchObject({ exitCode: 0, stderr: '', annotations: [] });
    expect(run.posts.map(accountIn)).toEqual([account(1)]);
    expect(removed(run)).toEqual([record(2)]);
    expect(accountsWithAccess(run)).toEqual([account(0), account(1)]);
    // Two lists show that the new account cannot use the share yet, a third
    // one that it can.
    const requests = order(run);
    const post = requests.indexOf('POST recipients');
    const removal = requests.indexOf(`DELETE ${record(2)}`);
    expect(requests.slice(post + 1, removal)).toEqual(
      Array(3).fill('GET recipients'),
    );
    expect(run.outputs).toMatchObject({
      'recipient-id': `${record(0)}\n${run.records.at(-1)?.id}`,
      status: 'associated',
      changed: 'true',
    });
    expect(run.recipients).toMatchObject([
      { account_id: account(0), desired: 'present', changed: false },
      { account_id: account(1), desired: 'present', changed: true },
      {
        account_id: account(2),
        desired: 'absent',
        status: 'disassociated',
        changed: true,
        cause: null,
      },
    ]);
  });

  it('changes nothing where the list is true already, in upper or lower case, and leaves a record of the owner, with a warning', async () => {
    const run = await runExact({
      listed: [],
      recipients: [
        seed(0, { shown: { account_id: account(0).toUpperCase() } }),
        seed(1),
        { accountId: OWNER, id: 'owners', status: 'associated' },
      ],
      inputs: {
        'recipient-account-id': `${account(0).toUpperCase()} ${account(1)}`,
        'max-removals': '0',
      },
    });
    expect(run).toMatchObject({ exitCode: 0, errors: [] });
    expect(run).toMatchObject({ posts: [], deletes: [] });
    expect(run.outputs).toMatchObject({ changed: 'false' });
    expect(run.recipients).toHaveLength(2);
    expect(warnings(run, 'Owner is a recipient')).toEqual([
      expect.stringContaining('owners'),
    ]);
  });

  it('removes each record of an account that the first list showed as active, and neither counts nor awaits others', async () => {
    const run = await runExact({
      listed: [0, 1],
      has: [0, 2],
      recipients: [
        seed(2, {
          id: 'second',
          status: 'associating',
          settle: { associateMs: 'never' },
        }),
        // These removals never end.
        seed(2, { id: 'ending', status: 'disassociating', settle: NEVER }),
        seed(2, { id: 'over', status: 'disassociated' }),
        seed(3, { status: 'disassociating', settle: NEVER }),
        seed(4, { status: 'disassociated' }),
      ],
      // One of the two accounts that have access.
      inputs: { 'max-removals': '50%' },
    });
    expect(run).toMatchObject({ exitCode: 0, errors: [] });
    expect(removed(run)).toEqual([record(2), 'second']);
    expect(outputOf(run, 2)).toMatchObject({ changed: true, cause: null });
    expect(run.recipients).toHaveLength(3);
    expect(run.stdout).not.toContain(account(3));
  });

  it('ends on a list, though one recipient could be polled by its ID', async () => {
    const run = await runExact({
      listed: [0],
      has: [0, 1],
      api: { timeline: { disassociateReads: 3 } },
    });
    expect(run.exitCode).toBe(0);
    expect(run.polls.length).toBeGreaterThan(0);
    expect(order(run).at(-1)).toBe('GET recipients');
    expect(outputOf(run, 1)).toMatchObject({ status: 'disassociated' });
  });
});

it.concurrent('a record that appears during a run with exact is neither removed nor awaited, whoever it is for, and a warning names it', async () => {
  const run = await runWhile(
    {
      listed: [0],
      has: [0, 1],
      api: { timeline: { disassociateReads: 3 } },
    },
    isWrite,
    (api) => {
      const waiting = { status: 'associating', settle: NEVER };
      const gone = {
        status: 'associating',
        settle: { steps: [{ afterReads: 1, status: 'disassociated' }] },
      };
      api.addRecipient(SHARE, seed(0, { id: 'listed' }));
      api.addRecipient(SHARE, seed(1, { id: 'again' }));
      api.addRecipient(SHARE, seed(2, { id: 'other', ...waiting }));
      api.addRecipient(SHARE, seed(3, { id: 'gone', ...gone }));
    },
  );
  expect(run).toMatchObject({ exitCode: 0, errors: [] });
  expect(removed(run)).toEqual([record(1)]);
  expect(new Set(accountsWithAccess(run))).toEqual(
    new Set([0, 1, 2].map(account)),
  );
  const [late = '', ...more] = warnings(run, LATE);
  expect(more).toEqual([]);
  expect(late).toContain(`again (account ${account(1)})`);
  expect(late).toContain(`other (account ${account(2)})`);
  // Not what is gone at the end, nor what is of a listed account.
  for (const id of ['gone', 'listed', record(1)])
    expect(late).not.toContain(id);
  expect(warnings(run, 'Account has more than one recipient')).toHaveLength(1);
  // The account still has access, and its status says so.
  expect(outputOf(run, 1)).toMatchObject({
    status: 'associated',
    changed: true,
    cause: null,
  });
  expect(run.recipients).toHaveLength(2);
});

describe.concurrent('a removal of exact', () => {
  it('waits for the last of several additions', async () => {
    const run = await runExact({
      listed: [0, 1, 2],
      has: [3, 4],
      api: {
        timelines: {
          [account(0)]: { associateReads: 1 },
          [account(2)]: { associateReads: 4 },
        },
      },
      inputs: { 'max-removals': '2' },
    });
    expect(run).toMatchObject({ exitCode: 0, errors: [] });
    const requests = order(run);
    const first = requests.findIndex((one) => one.startsWith('DELETE'));
    const last = requests.lastIndexOf('POST recipients');
    expect(
      requests.slice(last, first).filter((one) => one === 'GET recipients'),
    ).toHaveLength(5);
    expect(removed(run)).toEqual([record(3), record(4)]);
  });

  it('waits for a resource that Cloudflare is retrying in a listed account', async () => {
    const retrying = { ...ENTITLEMENT, terminal: false };
    const run = await runExact({
      listed: [0],
      has: [1],
      recipients: [
        seed(0, {
          settle: {
            associateReads: 0,
            errors: [{ ...retrying, clearsReads: 2 }],
          },
        }),
      ],
    });
    expect(run).toMatchObject({ exitCode: 0, errors: [], posts: [] });
    const requests = order(run);
    const before = requests.slice(0, requests.indexOf(`DELETE ${record(1)}`));
    // Two lists show the error, one shows none, and one confirms that.
    expect(before.filter((one) => one === 'GET recipients')).toHaveLength(4);
  });

  it('waits with wait: false until each addition is accepted', async () => {
    const run = await runExact({
      listed: [0, 1],
      has: [2],
      api: {
        timeline: NEVER,
        faults: [
          // Its outcome is unknown; it was not carried out.
          { when: { ...POST, nth: 1 }, do: { kind: 'reset', commit: false } },
        ],
      },
      inputs: { wait: 'false', 'max-removals': '1' },
    });
    expect(run).toMatchObject({ exitCode: 0, errors: [] });
    const writes = order(run).filter((one) => !one.startsWith('GET'));
    expect(writes).toEqual([
      ...Array(3).fill('POST recipients'),
      `DELETE ${record(2)}`,
    ]);
    expect(outputOf(run, 0)).toMatchObject({ status: 'associating' });
    expect(outputOf(run, 2)).toMatchObject({ changed: true, cause: null });
  });

  it('is not begun where a listed account fails, and can be made up for with the list from the message', async () => {
    const run = await runExact({
      listed: [0, 1],
      has: [0, 2, 3],
      api: { rejectAccounts: { [account(1)]: REJECTED } },
    });
    expect(run).toMatchObject({ exitCode: 1, deletes: [] });
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.title).toBe('Request rejected by Cloudflare');
    expect(copiedList(run.errors[0]?.message)).toBe(
      `${account(2)}, ${account(3)}`,
    );
    for (const n of [2, 3]) {
      expect(outputOf(run, n)).toMatchObject({
        desired: 'absent',
        status: 'associated',
        changed: false,
        cause: 'stopped',
      });
    }
    expect(run.outputs).toMatchObject({ status: 'mixed', changed: 'false' });
    expect(run.summary).toContain(`${account(2)}\n${account(3)}`);
    expectOutputs(run);

    const next = await runScenario({
      recipients: [seed(0), seed(2), seed(3)],
      inputs: {
        'recipient-account-id': copiedList(run.errors[0]?.message),
        state: 'absent',
      },
    });
    expect(next.exitCode).toBe(0);
    expect(removed(next)).toEqual([record(2), record(3)]);
  });

  it('that is not begun, as a resource of a listed account has failed permanently, is in the log even where the message has no room', async () => {
    const many = Array.from({ length: 30 }, (_, n) => n + 1);
    const run = await runExact({
      listed: [0],
      has: many,
      recipients: [seed(0, { resources: [ENTITLEMENT] })],
      inputs: { 'max-removals': '30' },
    });
    expect(run).toMatchObject({ exitCode: 1, posts: [], deletes: [] });
    expect(outputOf(run, 0)).toMatchObject({ cause: 'resource-error' });
    expect(copiedList(run.errors[0]?.message)).toMatch(/ and 10 more$/);
    for (const n of many) {
      expect(run.stdout).toContain(`\n${account(n)}\n`);
      expect(outputOf(run, n)).toMatchObject({ cause: 'stopped' });
    }
  });

  it('that is under way is observed to its end after a listed account failed, and no other begins', async () => {
    const settle = { steps: [{ afterReads: 1, status: 'disassociating' }] };
    const run = await runExact({
      listed: [0],
      has: [1, 2],
      recipients: [seed(0, { settle })],
      api: {
        timeline: { disassociateReads: 3 },
        // The second removal has to be decided again, on the next list.
        faults: [
          {
            when: { ...DELETE, pathIncludes: record(2), times: 1 },
            do: LIMITED,
          },
        ],
      },
    });
    expect(run).toMatchObject({ exitCode: 1, posts: [] });
    expect(outputOf(run, 0)).toMatchObject({ cause: 'removed' });
    expect(outputOf(run, 1)).toMatchObject({
      status: 'disassociated',
      changed: true,
      cause: null,
    });
    expect(outputOf(run, 2)).toMatchObject({
      status: 'associated',
      changed: false,
      cause: 'stopped',
    });
    expect(removed(run)).toEqual([record(1), record(2)]);
    expect(copiedList(run.errors[0]?.message)).toBe(account(2));
    expect(accountsWithAccess(run)).toEqual([account(2)]);
  });

  it('that somebody else has carried out is a success', async () => {
    const run = await runWhile(
      { listed: [0, 2], has: [0, 1] },
      isWrite,
      (api) => removeRecord(api, record(1)),
    );
    expect(run.exitCode).toBe(0);
    expect(run.posts.map(accountIn)).toEqual([account(2)]);
    expect(run.deletes.map(({ headers }) => headers['user-agent'])).toEqual([
      SOMEBODY,
    ]);
    expect(outputOf(run, 1)).toMatchObject({
      status: 'disassociated',
      changed: false,
      cause: null,
    });
  });

  it('that Cloudflare rejects fails that account alone, and one whose reply is lost is sent once', async () => {
    const run = await runExact({
      listed: [0],
      has: [0, 1, 2],
      api: {
        faults: [
          {
            when: { ...DELETE, pathIncludes: record(1) },
            do: { kind: 'response', status: 400, code: 1017, message: 'No' },
          },
          {
            when: { ...DELETE, pathIncludes: record(2) },
            do: { kind: 'reset', commit: true },
          },
        ],
      },
    });
    expect(run.exitCode).toBe(1);
    expect(outputOf(run, 1)).toMatchObject({
      status: 'associated',
      changed: false,
      cause: 'rejected',
    });
    expect(outputOf(run, 2)).toMatchObject({
      status: 'disassociated',
      changed: true,
      cause: null,
    });
    expect(removed(run).filter((id) => id === record(2))).toHaveLength(1);
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.message).toContain(account(1));
  });
});

describe.concurrent('a dry run of exact', () => {
  it('shows each addition and each removal, and changes nothing', async () => {
    const run = await runExact({
      listed: [0, 1],
      has: [0, 2, 3],
      inputs: { 'dry-run': 'true' },
    });
    expect(run).toMatchObject({ exitCode: 0, errors: [] });
    expect(run).toMatchObject({ posts: [], deletes: [] });
    expect(run.stdout).toContain(`\n${account(1)} + add\n`);
    for (const n of [2, 3]) {
      expect(run.stdout).toMatch(
        new RegExp(`^${account(n)} - remove recipient ${record(n)} `, 'm'),
      );
      expect(run.summary).toContain(account(n));
    }
    expect(run.recipients.map(({ changed }) => changed)).toEqual([
      false,
      true,
      true,
      true,
    ]);
    expect(run.outputs).toMatchObject({ changed: 'true' });
    expect(run.stdout).toMatch(/Result: 1 of 4 accounts would be added, 2 /);
  });

  it('says that something would change where accounts would only be removed', async () => {
    const run = await runExact({
      listed: [0],
      has: [0, 2],
      inputs: { 'dry-run': 'true' },
    });
    expect(run.exitCode).toBe(0);
    expect(run.outputs).toMatchObject({ changed: 'true' });
    expect(outputOf(run, 2)).toMatchObject({ changed: true, cause: null });
  });
});

/** All removals that a run did not come to have this cause, and no change. */
function expectNotBegun(run: Run, ns: readonly number[], cause: string): void {
  for (const n of ns) {
    expect(outputOf(run, n)).toMatchObject({
      desired: 'absent',
      status: 'associated',
      changed: false,
      cause,
    });
  }
}

describe.concurrent('the timeout of a run with exact', () => {
  it('during the additions leaves every removal out, and one message says so', async () => {
    const run = await runExact({
      listed: [0],
      has: [1, 2],
      api: { timeline: NEVER },
      inputs: { timeout: '10s', 'max-removals': '2' },
    });
    expect(run).toMatchObject({ exitCode: 1, deletes: [] });
    expect(outputOf(run, 0)).toMatchObject({
      status: 'associating',
      changed: true,
      cause: 'timeout',
    });
    expectNotBegun(run, [1, 2], 'timeout');
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.title).toBe('Timed out');
    expect(copiedList(run.errors[0]?.message)).toBe(
      `${account(1)}, ${account(2)}`,
    );
    // Nothing is undone.
    expect(accountsWithAccess(run)).toEqual([0, 1, 2].map(account));
    expectOutputs(run);
  });

  it('during the removals says which were begun, and which were not', async () => {
    const others = Array.from({ length: 40 }, (_, n) => n + 1);
    const run = await runExact({
      listed: [0],
      has: [0, ...others],
      api: {
        timeline: NEVER,
        faults: [{ when: DELETE, do: { kind: 'hang', commit: true } }],
      },
      inputs: { timeout: '10s' },
    });
    expect(run.exitCode).toBe(1);
    const begun = others.filter((n) => removed(run).includes(record(n)));
    const rest = others.filter((n) => !begun.includes(n));
    // Four are sent at a time.
    expect(begun).toHaveLength(4);
    for (const n of begun) {
      expect(outputOf(run, n)).toMatchObject({ cause: 'timeout' });
    }
    expectNotBegun(run, rest, 'timeout');
    expect(run.errors).toHaveLength(1);
    const message = run.errors[0]?.message ?? '';
    expect(message).toContain(`Not removed, as a list`);
    expect(message).toContain(`and ${rest.length - 20} more.`);
    for (const n of rest) {
      expect(message.split('Share ')[1]).not.toContain(account(n));
    }
    expect(outputOf(run, 0)).toMatchObject({ cause: null });
    expectOutputs(run);
  });

  it('while the share is read names the request, and no plan', async () => {
    const run = await runExact({
      listed: [0],
      has: [1],
      api: {
        faults: [
          {
            when: { pathIncludes: new RegExp(`${SHARE}\\?`) },
            do: { kind: 'hang' },
          },
        ],
      },
      inputs: { timeout: '10s', 'max-removals': '1' },
    });
    expect(run).toMatchObject({ exitCode: 1, posts: [], deletes: [] });
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.title).toBe('Timed out');
    expectOutputs(run);
  });
});

const onPosix = describe.runIf(process.platform !== 'win32');

onPosix.concurrent('a run with exact that is cancelled', () => {
  it('during the additions leaves every removal out', async () => {
    const started = await startScenario(
      exact({
        listed: [0],
        has: [1, 2],
        api: { timeline: NEVER },
        inputs: { 'max-removals': '2' },
      }),
    );
    await started.waitForRequest('GET', /recipients$/, 2);
    started.cancel();
    const run = await started.finished;
    expect(run).toMatchObject({ exitCode: 1, deletes: [] });
    expectNotBegun(run, [1, 2], 'cancelled');
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.title).toBe('Run cancelled');
    expect(copiedList(run.errors[0]?.message)).toBe(
      `${account(1)}, ${account(2)}`,
    );
    expect(accountsWithAccess(run)).toEqual([0, 1, 2].map(account));
    expectOutputs(run);
  });

  it('during the removals begins no other, and undoes none', async () => {
    const others = Array.from({ length: 40 }, (_, n) => n + 1);
    const started = await startScenario(
      exact({
        listed: [0],
        has: [0, ...others],
        api: {
          timeline: NEVER,
          faults: [{ when: DELETE, do: { kind: 'hang', commit: true } }],
        },
      }),
    );
    await started.waitForRequest('DELETE', ONE_RECORD, 4);
    started.cancel();
    const run = await started.finished;
    expect(run).toMatchObject({ exitCode: 1, posts: [] });
    const begun = others.filter((n) => removed(run).includes(record(n)));
    const rest = others.filter((n) => !begun.includes(n));
    expect(rest).toHaveLength(36);
    expectNotBegun(run, rest, 'cancelled');
    for (const n of begun) {
      expect(outputOf(run, n)).toMatchObject({ cause: 'cancelled' });
    }
    expect(new Set(run.errors.map(({ title }) => title))).toEqual(
      new Set(['Run cancelled']),
    );
    for (const n of rest) expect(run.stdout).toContain(`\n${account(n)}\n`);
    expectOutputs(run);
  });

  it('while the share is read says that it was cancelled', async () => {
    const started = await startScenario(
      exact({
        listed: [0],
        has: [1],
        api: {
          faults: [
            {
              when: { pathIncludes: new RegExp(`${SHARE}\\?`) },
              do: { kind: 'hang' },
            },
          ],
        },
        inputs: { 'max-removals': '1' },
      }),
    );
    await started.waitForRequest('GET', new RegExp(`${SHARE}$`));
    await started.waitForRequest('GET', /recipients$/);
    started.cancel();
    const run = await started.finished;
    expect(run).toMatchObject({ exitCode: 1, posts: [], deletes: [] });
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.title).toBe('Run cancelled');
    expect(outputOf(run, 0)).toMatchObject({ cause: 'cancelled' });
    expectOutputs(run);
  });
});
