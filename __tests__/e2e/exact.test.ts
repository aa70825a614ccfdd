import { describe, expect, it } from 'vitest';
import {
  accountsWithAccess,
  type ExactScenario,
  exact,
  isWrite,
  outputOf,
  removed,
  runExact,
  runWhile,
  warnings,
} from './exact-scenario.ts';
import { expectFailure, expectOutputs, expectSuccess } from './expectations.ts';
import {
  account,
  accountIn,
  ENTITLEMENT,
  faultOn,
  HANG,
  NEVER,
  ONE_RECORD,
  OWNER,
  REJECTED,
  type Run,
  record,
  runScenario,
  SHARE,
  SHARE_ONLY,
  type StartedScenario,
  seed,
  startScenario,
} from './scenario.ts';

/** Method and last part of the path of each request, in order of arrival. */
function order({ requests }: Run): string[] {
  return requests.map(({ method, path }) => {
    const last = path.split('/').at(-1);
    return `${method} ${last === SHARE ? 'share' : last}`;
  });
}

/** The list behind `state: absent:` of a message, as somebody copies it. */
function copiedList({ errors }: Run): string {
  return (
    /with state: absent: (.*?)\. /.exec(errors[0]?.message ?? '')?.[1] ?? ''
  );
}

/** These removals were not begun, and have this cause and no change. */
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

describe.concurrent('state: exact', () => {
  it('adds who is missing, then removes who is not listed', async () => {
    const run = await runExact({
      listed: [0, 1],
      has: [0, 2],
      api: { timelines: { [account(1)]: { associateReads: 2 } } },
    });
    expectSuccess(run, {
      'recipient-id': `${record(0)}\n${run.records.at(-1)?.id}`,
      status: 'associated',
      changed: 'true',
    });
    expect(run.annotations).toEqual([]);
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
      targets: [account(0).toUpperCase(), account(1)],
      inputs: { 'max-removals': '0' },
    });
    expectSuccess(run, { changed: 'false' });
    expect(run).toMatchObject({ posts: [], deletes: [] });
    expect(run.recipients).toHaveLength(2);
    expect(warnings(run, 'Owner is a recipient')).toEqual([
      expect.stringContaining('owners'),
    ]);
  });

  it('removes each record of an account that the first list showed as active, and neither counts nor awaits others', async () => {
    const ending = { status: 'disassociating', settle: NEVER };
    const run = await runExact({
      listed: [0, 1],
      has: [0, 2],
      recipients: [
        seed(2, {
          id: 'second',
          status: 'associating',
          settle: { associateMs: 'never' },
        }),
        seed(2, { id: 'ending', ...ending }),
        seed(2, { id: 'over', status: 'disassociated' }),
        seed(3, ending),
        seed(4, { status: 'disassociated' }),
      ],
      // One of the two accounts that have access.
      inputs: { 'max-removals': '50%' },
    });
    expectSuccess(run);
    expect(removed(run)).toEqual([record(2), 'second']);
    expect(outputOf(run, 2)).toMatchObject({ changed: true, cause: null });
    expect(run.recipients).toHaveLength(3);
    expect(run.stdout).not.toContain(account(3));
  });

  it('neither removes nor awaits a record that appears during the run, whoever it is for, and a warning names it', async () => {
    const run = await runWhile(
      { listed: [0], has: [0, 1], timeline: { disassociateReads: 3 } },
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
    expectSuccess(run);
    expect(removed(run)).toEqual([record(1)]);
    expect(new Set(accountsWithAccess(run))).toEqual(
      new Set([0, 1, 2].map(account)),
    );
    expect(run.recipients).toHaveLength(2);
    const [late = '', ...more] = warnings(
      run,
      'Recipient appeared during the run',
    );
    expect(more).toEqual([]);
    expect(late).toContain(`again (account ${account(1)})`);
    expect(late).toContain(`other (account ${account(2)})`);
    // Not what is gone at the end, nor what is of a listed account.
    for (const id of ['gone', 'listed', record(1)])
      expect(late).not.toContain(id);
    expect(warnings(run, 'Account has more than one recipient')).toHaveLength(
      1,
    );
    // The account still has access, and its status says so.
    expect(outputOf(run, 1)).toMatchObject({
      status: 'associated',
      changed: true,
      cause: null,
    });
  });

  it('with dry-run shows each addition and each removal, and changes nothing', async () => {
    const run = await runExact({
      listed: [0, 1],
      has: [0, 2, 3],
      inputs: { 'dry-run': 'true' },
    });
    expectSuccess(run, { changed: 'true' });
    expect(run).toMatchObject({ posts: [], deletes: [] });
    expect(run.stdout).toContain(`
${account(0)} = already associated: no change
${account(1)} + add
${account(2)} - remove recipient ${record(2)} (associated) after the additions
${account(3)} - remove recipient ${record(3)} (associated) after the additions
Result: 1 of 4 accounts would be added, 2 would be removed, 1 unchanged; `);
    for (const n of [2, 3]) expect(run.summary).toContain(account(n));
    expect(run.recipients.map(({ changed }) => changed)).toEqual([
      false,
      true,
      true,
      true,
    ]);
  });
});

// The other reasons to wait, and not to begin, are in reconcile/exact.test.ts.
describe.concurrent('a removal of exact', () => {
  it('waits with wait: false until each addition is accepted', async () => {
    const run = await runExact({
      listed: [0, 1],
      has: [2],
      timeline: NEVER,
      // The outcome of the first one is unknown; it was not carried out.
      faults: [faultOn('POST', { kind: 'reset' }, { nth: 1 })],
      inputs: { wait: 'false', 'max-removals': '1' },
    });
    expectSuccess(run);
    const writes = order(run).filter((request) => !request.startsWith('GET'));
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
    expectFailure(run, 'Request rejected by Cloudflare');
    expect(run).toMatchObject({
      deletes: [],
      outputs: { status: 'mixed', changed: 'false' },
    });
    expect(copiedList(run)).toBe(`${account(2)}, ${account(3)}`);
    expectNotBegun(run, [2, 3], 'stopped');
    expect(run.summary).toContain(`${account(2)}\n${account(3)}`);

    const next = await runScenario({
      recipients: [seed(0), seed(2), seed(3)],
      targets: [copiedList(run)],
      inputs: { state: 'absent' },
    });
    expectSuccess(next);
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
    expect(copiedList(run)).toMatch(/ and 10 more$/);
    expectNotBegun(run, many, 'stopped');
    for (const n of many) expect(run.stdout).toContain(`\n${account(n)}\n`);
  });

  it('that Cloudflare rejects fails that account alone, and one whose reply is lost is sent once', async () => {
    const lost = { kind: 'reset', commit: true } as const;
    const rejected = { kind: 'response', ...REJECTED } as const;
    const run = await runExact({
      listed: [0],
      has: [0, 1, 2],
      faults: [
        faultOn('DELETE', rejected, { pathIncludes: record(1) }),
        faultOn('DELETE', lost, { pathIncludes: record(2) }),
      ],
    });
    expectFailure(run, 'Request rejected by Cloudflare', account(1));
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
  });
});

/** Nobody ever gets access, so that no removal may begin. */
const ADDING: ExactScenario = {
  listed: [0],
  has: [1, 2],
  timeline: NEVER,
  inputs: { 'max-removals': '2' },
};
const OTHERS = Array.from({ length: 40 }, (_, n) => n + 1);
/** The removals never get a reply; four are sent at a time. */
const REMOVING: ExactScenario = {
  listed: [0],
  has: [0, ...OTHERS],
  timeline: NEVER,
  faults: [faultOn('DELETE', { ...HANG, commit: true })],
};

/** The removals were left out, one message says so, and nothing is undone. */
function expectLeftOut(run: Run, title: string, cause: string): void {
  expectFailure(run, title);
  expect(run.deletes).toEqual([]);
  expect(outputOf(run, 0)).toMatchObject({
    status: 'associating',
    changed: true,
    cause,
  });
  expectNotBegun(run, [1, 2], cause);
  expect(copiedList(run)).toBe(`${account(1)}, ${account(2)}`);
  expect(accountsWithAccess(run)).toEqual([0, 1, 2].map(account));
}

describe.concurrent('the timeout of a run with exact', () => {
  it('during the additions leaves every removal out, and one message says so', async () => {
    const run = await runExact({
      ...ADDING,
      inputs: { ...ADDING.inputs, timeout: '10s' },
    });
    expectLeftOut(run, 'Timed out', 'timeout');
  });

  it('during the removals says which were begun, and which were not', async () => {
    const run = await runExact({ ...REMOVING, inputs: { timeout: '10s' } });
    const begun = OTHERS.filter((n) => removed(run).includes(record(n)));
    const rest = OTHERS.filter((n) => !begun.includes(n));
    expect(begun).toHaveLength(4);
    for (const n of begun)
      expect(outputOf(run, n)).toMatchObject({ cause: 'timeout' });
    expectNotBegun(run, rest, 'timeout');
    expectFailure(run, 'Timed out', 'Not removed, as a list', 'and 16 more.');
    const [, after] = run.errors[0]?.message.split('Share ') ?? [];
    for (const n of rest) expect(after).not.toContain(account(n));
    expect(outputOf(run, 0)).toMatchObject({ cause: null });
  });
});

const onPosix = describe.runIf(process.platform !== 'win32');

onPosix.concurrent('a run with exact that is cancelled', () => {
  async function cancel(
    scenario: ExactScenario,
    ready: (started: StartedScenario) => Promise<unknown>,
  ): Promise<Run> {
    const started = await startScenario(exact(scenario));
    await ready(started);
    started.cancel();
    return started.finished;
  }

  it('during the additions leaves every removal out', async () => {
    const run = await cancel(ADDING, ({ waitForRequest }) =>
      waitForRequest('GET', /recipients$/, 2),
    );
    expectLeftOut(run, 'Run cancelled', 'cancelled');
  });

  it('during the removals begins no other, and undoes none', async () => {
    const run = await cancel(REMOVING, ({ waitForRequest }) =>
      waitForRequest('DELETE', ONE_RECORD, 4),
    );
    expect(run).toMatchObject({ exitCode: 1, posts: [] });
    const begun = OTHERS.filter((n) => removed(run).includes(record(n)));
    const rest = OTHERS.filter((n) => !begun.includes(n));
    expect(rest).toHaveLength(36);
    expectNotBegun(run, rest, 'cancelled');
    for (const n of begun)
      expect(outputOf(run, n)).toMatchObject({ cause: 'cancelled' });
    expect(new Set(run.errors.map(({ title }) => title))).toEqual(
      new Set(['Run cancelled']),
    );
    for (const n of rest) expect(run.stdout).toContain(`\n${account(n)}\n`);
    expectOutputs(run);
  });

  it('while the share is read says that it was cancelled', async () => {
    const run = await cancel(
      { listed: [0], has: [1], faults: [faultOn(SHARE_ONLY, HANG)] },
      async ({ waitForRequest }) => {
        await waitForRequest('GET', new RegExp(`${SHARE}$`));
        await waitForRequest('GET', /recipients$/);
      },
    );
    expectFailure(run, 'Run cancelled');
    expect(run).toMatchObject({ posts: [], deletes: [] });
    expect(outputOf(run, 0)).toMatchObject({ cause: 'cancelled' });
  });
});
