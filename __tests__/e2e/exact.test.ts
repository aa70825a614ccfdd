import { describe, expect, it } from 'vitest';
import {
  expectFailure,
  expectOnlyReads,
  expectOutputs,
  expectSuccess,
} from './expectations.ts';
import {
  account,
  accountIn,
  faultOn,
  HANG,
  NEVER,
  ONE_RECORD,
  OWNER,
  outputOf,
  REJECTED,
  type Run,
  record,
  recordIn,
  runScenario,
  type Scenario,
  SHARE,
  seed,
  seeds,
  startScenario,
} from './scenario.ts';

interface ExactScenario extends Scenario {
  /** The accounts of the list. */
  listed: readonly number[];
  /** Accounts that have access at the start, besides `recipients`. */
  has?: readonly number[];
}

/**
 * A run with `state: exact`. Every removal is allowed unless `inputs` say
 * otherwise, and the first read after a write shows its effect.
 */
function exact({
  listed,
  has = [],
  recipients = [],
  inputs,
  ...more
}: ExactScenario): Scenario {
  return {
    targets: listed.map(account),
    ...more,
    recipients: [...has.map((n) => seed(n)), ...recipients],
    inputs: {
      state: 'exact',
      'max-removals': '100%',
      ...inputs,
    },
  };
}

/** Runs the bundle with `state: exact`. */
function runExact(scenario: ExactScenario): Promise<Run> {
  return runScenario(exact(scenario));
}

/** The records that the run asked to remove, in order of their IDs. */
function removed({ deletes }: Run): string[] {
  return deletes.map(recordIn).sort();
}

/** The messages of the warnings with this title. */
function warnings({ annotations }: Run, title: string): string[] {
  return annotations
    .filter((one) => one.level === 'warning' && one.title === title)
    .map(({ message }) => message);
}

/** Accounts that have a record in use, in the order of their IDs. */
function accountsWithAccess({ records }: Run): string[] {
  return records
    .filter((one) => /^associat/.test(one.association_status))
    .map((one) => one.account_id)
    .sort();
}

/** Accounts with access that are not listed, where only the first one is. */
const unlisted = Array.from({ length: 44 }, (_, n) => n + 1);

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
  it('adds who is missing, then removes each record that gives access to an account that is not listed, but not the owner', async () => {
    const run = await runExact({
      listed: [0, 1],
      has: [0, 2],
      recipients: [
        { accountId: OWNER, id: 'owners', status: 'associated' },
        seed(2, { id: 'second' }),
        seed(3, { status: 'disassociating', settle: NEVER }),
        seed(4, { status: 'disassociated' }),
      ],
      api: { timelines: { [account(1)]: { associateReads: 2 } } },
      // One of the two accounts that have access, the owner apart.
      inputs: { 'max-removals': '50%' },
    });
    expectSuccess(run, {
      'recipient-id': `${record(0)}\n${run.records.at(-1)?.id}`,
      status: 'associated',
      changed: 'true',
    });
    expect(run.posts.map(accountIn)).toEqual([account(1)]);
    expect(removed(run)).toEqual([record(2), 'second']);
    expect(accountsWithAccess(run)).toEqual([OWNER, account(0), account(1)]);
    expect(warnings(run, 'Owner is a recipient')).toEqual([
      expect.stringContaining('owners'),
    ]);
    expect(run.annotations).toHaveLength(1);
    expect(run.stdout).not.toContain(account(3));
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

  it('neither removes nor awaits a record that appears during the run, whoever it is for, and a warning names it', async () => {
    let addOthers = () => {};
    const started = await startScenario(
      exact({
        listed: [0],
        has: [0, 1],
        timeline: { disassociateReads: 3 },
        api: {
          fault: ({ method }) => {
            if (method === 'DELETE') addOthers();
            return undefined;
          },
        },
      }),
    );
    addOthers = () => {
      const waiting = { status: 'associating', settle: NEVER };
      const gone = {
        status: 'associating',
        settle: { steps: [{ afterReads: 1, status: 'disassociated' }] },
      };
      const { addRecipient } = started.api;
      addRecipient(SHARE, seed(0, { id: 'listed' }));
      addRecipient(SHARE, seed(1, { id: 'again' }));
      addRecipient(SHARE, seed(2, { id: 'other', ...waiting }));
      addRecipient(SHARE, seed(3, { id: 'gone', ...gone }));
    };
    const run = await started.finished;
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
});

// Every other reason is in reconcile/exact.test.ts.
describe.concurrent('a plan with more removals than max-removals allows, by default 25%', () => {
  it.concurrent.each([
    ['a run', 'false'],
    ['a dry run', 'true'],
  ])(
    'is rejected as a whole: %s writes nothing, and shows whom it would remove',
    async (_, dryRun) => {
      const run = await runScenario({
        targets: [0, 45].map(account),
        recipients: seeds(45),
        inputs: { state: 'exact', 'dry-run': dryRun },
      });
      // The message names twenty, and the log each of them.
      const names = unlisted.slice(0, 20).map(account).join(', ');
      expectFailure(
        run,
        'Plan rejected before any change',
        /^44 of 45 accounts would lose access, and max-removals allows 11\. /,
        `44 accounts would lose access: ${names} and 24 more. `,
        'Nothing was changed.',
      );
      expectOnlyReads(run);
      expect(run.lists).toHaveLength(1);
      expect(run.annotations).toHaveLength(1);
      expect(run.outputs).toMatchObject({ changed: 'false' });
      expect(run.stdout).toContain(`\n${account(45)} + add\n`);
      for (const n of unlisted)
        expect(run.stdout).toContain(`\n${account(n)} - remove `);
      for (const n of [...unlisted, 45]) {
        expect(outputOf(run, n)).toMatchObject({
          changed: false,
          cause: 'refused',
        });
      }
      expect(run.summary).toContain(account(44));
    },
  );
});

it.runIf(process.platform !== 'win32')(
  'a run with exact that is cancelled during the removals begins no other, and undoes none',
  async () => {
    const started = await startScenario(
      exact({
        listed: [0],
        has: [0, ...unlisted],
        timeline: NEVER,
        // They never get a reply; four are sent at a time.
        faults: [faultOn('DELETE', { ...HANG, commit: true })],
      }),
    );
    await started.waitForRequest('DELETE', ONE_RECORD, 4);
    started.cancel();
    const run = await started.finished;
    expect(run).toMatchObject({ exitCode: 1, posts: [] });
    const begun = unlisted.filter((n) => removed(run).includes(record(n)));
    const rest = unlisted.filter((n) => !begun.includes(n));
    expect(rest).toHaveLength(40);
    expectNotBegun(run, rest, 'cancelled');
    for (const n of begun)
      expect(outputOf(run, n)).toMatchObject({ cause: 'cancelled' });
    expect(new Set(run.errors.map(({ title }) => title))).toEqual(
      new Set(['Run cancelled']),
    );
    for (const n of rest) expect(run.stdout).toContain(`\n${account(n)}\n`);
    expectOutputs(run);
  },
);
