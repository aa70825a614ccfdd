import { describe, expect, it } from 'vitest';
import {
  type ExactScenario,
  outputOf,
  record,
  removed,
  runExact,
  seed,
  warnings,
} from './exact-scenario.ts';
import { expectOnlyReads, expectOutputs } from './expectations.ts';
import {
  account,
  ENTITLEMENT,
  LIST,
  ORGANIZATION,
  OTHER_ACCOUNT,
  type Run,
  runScenario,
  SHARE_ONLY,
} from './scenario.ts';

const TITLE = 'Plan rejected before any change';
const FORBIDDEN = {
  kind: 'response',
  status: 403,
  code: 10000,
  message: 'Authentication error',
} as const;
const UNAVAILABLE = { kind: 'response', status: 503, body: 'json' } as const;

/** One annotation says why nothing was written. */
function expectRejected(run: Run, reason: string): void {
  expect(run).toMatchObject({ exitCode: 1, stderr: '' });
  expectOnlyReads(run);
  expect(run.lists).toHaveLength(1);
  expectOutputs(run);
  expect(run.outputs).toMatchObject({ changed: 'false' });
  expect(run.errors).toMatchObject([
    { title: TITLE, message: expect.stringContaining(`${reason}. `) },
  ]);
  expect(run.errors[0]?.message).toContain('Nothing was changed.');
  expect(run.summary).toContain(TITLE);
  expect(run.summary).toMatch(/^<h3>❌ /);
}

/** Each of these accounts would have changed, and did not. */
function expectUnchanged(run: Run, ns: readonly number[]): void {
  for (const n of ns) {
    expect(outputOf(run, n)).toMatchObject({
      changed: false,
      cause: 'refused',
    });
  }
}

/** The first account has access, the second would be added, the third go. */
const CHANGES: ExactScenario = { listed: [0, 1], has: [0, 2] };
const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, n) => first + n);

const REFUSALS: Array<[string, Partial<ExactScenario>, string]> = [
  [
    'too many accounts would lose access',
    { inputs: { 'max-removals': '0' } },
    '1 of 2 accounts would lose access, and max-removals allows 0',
  ],
  [
    'none may lose access',
    { inputs: { 'max-removals': '0%' } },
    '1 of 2 accounts would lose access, and max-removals allows 0',
  ],
  [
    'no listed account has access',
    { has: [2] },
    'none of the 1 accounts with access is in the list: is it the right share, and the right list?',
  ],
  [
    'a record names no account',
    {
      recipients: [
        { organizationId: ORGANIZATION, id: 'unnamed', status: 'associated' },
      ],
      api: { organizationRecords: 'organization_id' },
    },
    'recipient unnamed names no account, so it may give access to all accounts of the organization',
  ],
  [
    "a record names the share's organization",
    {
      recipients: [
        { organizationId: ORGANIZATION, id: 'whole', status: 'associating' },
      ],
    },
    'recipient whole names an organization, so it may give access to all accounts of the organization',
  ],
  [
    'a record of another account cannot be decoded',
    { recipients: [seed(3, { shown: { association_status: 7 } })] },
    '1 record of the list could not be read',
  ],
  [
    'the resources of a record cannot be decoded',
    { recipients: [seed(3, { shown: { resources: 'none' } })] },
    '1 record of the list could not be read',
  ],
  [
    'the share is being deleted',
    { share: { status: 'deleting' } },
    'the status of the share is "deleting", not "active"',
  ],
  [
    'the share is deleted',
    { share: { status: 'deleted' } },
    'the status of the share is "deleted", not "active"',
  ],
  [
    'the status of the share is not published',
    { share: { shown: { status: 'paused' } } },
    'the status of the share is "paused", not "active"',
  ],
  [
    'the share has no status',
    { share: { shown: { status: undefined } } },
    'the status of the share is "unknown", not "active"',
  ],
  [
    'the share targets an organization',
    { share: { targetType: 'organization' } },
    'the target_type of the share is "organization", not "account"',
  ],
  [
    'it is unknown what the share targets',
    { share: { shown: { target_type: null } } },
    'the target_type of the share is "unknown", not "account"',
  ],
  [
    'the share has another owner',
    { share: { shown: { account_id: OTHER_ACCOUNT } } },
    `the owner of the share is ${OTHER_ACCOUNT}, not account-id`,
  ],
  [
    'the owner of the share is unknown',
    { share: { shown: { account_id: 'an account' } } },
    'the owner of the share is unknown, not account-id',
  ],
  [
    'the share was received',
    { share: { shown: { kind: 'received' } } },
    'the kind of the share is "received", not "sent"',
  ],
  [
    'the share has no kind',
    { share: { shown: { kind: undefined } } },
    'the kind of the share is "unknown", not "sent"',
  ],
];

describe.concurrent.each(REFUSALS)(
  'exact writes nothing where %s',
  (...it3) => {
    const [, differs, reason] = it3;

    it('and says why', async () => {
      const run = await runExact({ ...CHANGES, ...differs });
      expectRejected(run, reason);
      expectUnchanged(run, [1, 2]);
      // Its warnings contradict nothing of it.
      expect(run.annotations).toHaveLength(1);
    });

    it('and a dry run shows the whole plan, then fails in the same way', async () => {
      const run = await runExact({
        ...CHANGES,
        ...differs,
        inputs: { ...differs.inputs, 'dry-run': 'true' },
      });
      expectRejected(run, reason);
      expectUnchanged(run, [1, 2]);
      expect(run.stdout).toContain(`\n${account(1)} + add\n`);
      expect(run.stdout).toContain(
        `\n${account(2)} - remove recipient ${record(2)} (associated)`,
      );
      for (const n of [1, 2]) expect(run.summary).toContain(account(n));
    });
  },
);

describe.concurrent('exact fails although nothing would change', () => {
  it.concurrent.each(REFUSALS.filter(([, { share }]) => share))(
    'where %s',
    async (_, differs, reason) => {
      const run = await runExact({ listed: [0], has: [0], ...differs });
      expectRejected(run, reason);
      expect(run.errors[0]?.message).not.toContain('would lose access');
      expect(outputOf(run, 0)).toMatchObject({
        status: 'associated',
        changed: false,
        cause: null,
      });
      expect(run.stdout).toContain(
        'Result: plan rejected: 1 account unchanged;',
      );
    },
  );
});

describe.concurrent('the message of a rejected plan', () => {
  it('names who would lose access', async () => {
    const run = await runExact({
      listed: [0],
      has: range(0, 5),
    });
    expect(run.exitCode).toBe(0);
    const rejected = await runExact({
      listed: [0],
      has: range(0, 5),
      inputs: { 'max-removals': '4' },
    });
    expectRejected(
      rejected,
      '5 of 6 accounts would lose access, and max-removals allows 4',
    );
    const names = range(1, 5).map(account).join(', ');
    expect(rejected.errors[0]?.message).toContain(
      `5 accounts would lose access: ${names}. `,
    );
    expectUnchanged(rejected, range(1, 5));
  });

  it('names the first twenty, and counts the others', async () => {
    const run = await runExact({
      listed: [0],
      has: range(0, 44),
      inputs: { 'max-removals': '25%' },
    });
    expectRejected(
      run,
      '44 of 45 accounts would lose access, and max-removals allows 11',
    );
    const names = range(1, 20).map(account).join(', ');
    expect(run.errors[0]?.message).toContain(
      `44 accounts would lose access: ${names} and 24 more. `,
    );
    // Each of them is in the log.
    for (const n of range(1, 44)) {
      expect(run.stdout).toContain(`\n${account(n)} - remove `);
    }
    expectUnchanged(run, range(1, 44));
    expect(run.summary).not.toContain('state: absent');
    expect(run.stdout).not.toContain('state: absent');
  });
});

/** Listed are the first accounts; the others of ten would lose access. */
const removing = (count: number, maxRemovals: string): ExactScenario => ({
  listed: range(0, 9 - count),
  has: range(0, 9),
  inputs: { 'max-removals': maxRemovals },
});

describe.concurrent('max-removals', () => {
  it.concurrent.each<[string, number]>([
    ['3', 3],
    ['30%', 3],
    // Rounded down.
    ['39%', 3],
    // At least one.
    ['1%', 1],
    ['9%', 1],
    ['100%', 9],
  ])('%s of ten accounts allows %i removals', async (limit, count) => {
    const run = await runExact(removing(count, limit));
    expect(run).toMatchObject({ exitCode: 0, errors: [], posts: [] });
    expect(removed(run)).toHaveLength(count);
  });

  it.concurrent.each<[string, number, number]>([
    ['3', 4, 3],
    ['39%', 4, 3],
    ['9%', 2, 1],
    ['0', 1, 0],
    ['0%', 1, 0],
  ])('%s of ten accounts does not allow %i', async (limit, count, allowed) => {
    const run = await runExact(removing(count, limit));
    const who = `${count} of 10 accounts would lose access`;
    expectRejected(run, `${who}, and max-removals allows ${allowed}`);
  });

  it('is 25% by default', async () => {
    const scenario = removing(3, '');
    const run = await runExact({
      ...scenario,
      inputs: { 'max-removals': '25%' },
    });
    expectRejected(
      run,
      '3 of 10 accounts would lose access, and max-removals allows 2',
    );
  });

  it.concurrent.each(['0', '0%'])(
    '%s still allows additions',
    async (limit) => {
      const run = await runExact({
        listed: [0, 1],
        has: [0],
        inputs: { 'max-removals': limit },
      });
      expect(run).toMatchObject({ exitCode: 0, deletes: [] });
      expect(run.posts).toHaveLength(1);
    },
  );

  it('as a number allows to replace every account of a share', async () => {
    const run = await runExact({
      listed: [0],
      has: [1],
      inputs: { 'max-removals': '1' },
    });
    expect(run).toMatchObject({ exitCode: 0, errors: [] });
    expect(removed(run)).toEqual([record(1)]);
  });

  it('as a percentage fills a share that has no recipients', async () => {
    const run = await runExact({
      listed: [0],
      inputs: { 'max-removals': '25%' },
    });
    expect(run).toMatchObject({ exitCode: 0, errors: [] });
    expect(run.posts).toHaveLength(1);
  });

  it('counts accounts and not records', async () => {
    const run = await runExact({
      listed: [0],
      has: [0, 1],
      recipients: [seed(1, { id: 'second' }), seed(1, { id: 'third' })],
      inputs: { 'max-removals': '1' },
    });
    expect(run).toMatchObject({ exitCode: 0, errors: [] });
    expect(removed(run)).toEqual([record(1), 'second', 'third']);
  });
});

describe.concurrent('a share that cannot be read', () => {
  const unreadable = (times?: number): ExactScenario => ({
    ...CHANGES,
    api: {
      faults: [
        {
          when: {
            pathIncludes: SHARE_ONLY,
            ...(times === undefined ? {} : { times }),
          },
          do: times === undefined ? FORBIDDEN : UNAVAILABLE,
        },
      ],
    },
  });

  it('at first is read again by exact', async () => {
    const run = await runExact(unreadable(2));
    expect(run).toMatchObject({ exitCode: 0, errors: [] });
    expect(
      run.requests.filter(({ path }) => SHARE_ONLY.test(path)),
    ).toHaveLength(3);
    expect(removed(run)).toEqual([record(2)]);
  });

  it('stops exact, and the message says why it could not be read', async () => {
    const run = await runExact(unreadable());
    expectRejected(
      run,
      'the share could not be read: Authentication error (code 10000) (GET …/shares/3fd85f74b32742f1bff64a85009dda07, HTTP 403, cf-ray 8f1e000000000002-SIM)',
    );
    expectUnchanged(run, [1, 2]);
  });

  it('does not stop present and absent', async () => {
    const { api } = unreadable();
    const present = await runScenario({ ...(api && { api }) });
    expect(present).toMatchObject({ exitCode: 0, errors: [] });
    expect(present.posts).toHaveLength(1);
    const absent = await runScenario({
      ...(api && { api }),
      recipients: [seed(0)],
      inputs: { 'recipient-account-id': account(0), state: 'absent' },
    });
    expect(absent).toMatchObject({ exitCode: 0, errors: [] });
    expect(absent.deletes).toHaveLength(1);
  });
});

describe.concurrent('exact before it has a plan', () => {
  it('fails like every run where the list cannot be read', async () => {
    const run = await runExact({
      ...CHANGES,
      api: {
        faults: [{ when: { pathIncludes: LIST }, do: FORBIDDEN }],
      },
    });
    expectOnlyReads(run);
    expect(run.errors).toMatchObject([{ title: 'Authentication failed' }]);
  });

  it('shows what a listed account keeps from being removed', async () => {
    const run = await runExact({
      listed: [0],
      has: [1],
      recipients: [seed(0, { resources: [ENTITLEMENT] })],
      inputs: { 'max-removals': '1', 'dry-run': 'true' },
    });
    expectOnlyReads(run);
    expect(run.exitCode).toBe(1);
    expect(run.stdout).toContain(
      `\n${account(1)} ! not possible: not removed, because a listed account failed\n`,
    );
    expect(warnings(run, 'Owner is a recipient')).toEqual([]);
  });
});
