import { describe, expect, it } from 'vitest';
import {
  type ExactScenario,
  outputOf,
  removed,
  runExact,
  warnings,
} from './exact-scenario.ts';
import {
  expectFailure,
  expectOnlyReads,
  expectSuccess,
} from './expectations.ts';
import {
  account,
  ENTITLEMENT,
  faultOn,
  LIST,
  ORGANIZATION,
  type Run,
  record,
  rejection,
  runScenario,
  SHARE_ONLY,
  seed,
} from './scenario.ts';

const TITLE = 'Plan rejected before any change';
const FORBIDDEN = rejection(403, 10000, 'Authentication error');

/** One annotation says why nothing was written. */
function expectRejected(run: Run, reason: string | RegExp): void {
  const text = typeof reason === 'string' ? `${reason}. ` : reason;
  expectFailure(run, TITLE, text, 'Nothing was changed.');
  expectOnlyReads(run);
  expect(run).toMatchObject({ stderr: '', outputs: { changed: 'false' } });
  expect(run.lists).toHaveLength(1);
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

// Every reason is in reconcile/exact.test.ts; these are one for each source.
const REFUSALS: Array<[string, Partial<ExactScenario>, string | RegExp]> = [
  [
    'too many accounts would lose access',
    { inputs: { 'max-removals': '0' } },
    '1 of 2 accounts would lose access, and max-removals allows 0',
  ],
  [
    'no listed account has access',
    { has: [2] },
    'the only account with access is not in the list: it may be the wrong share, or the wrong list',
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
    { recipients: [seed(3, { shown: { resources: 'none' } })] },
    '1 record of the list could not be read',
  ],
  [
    'the share targets an organization',
    { share: { targetType: 'organization' } },
    'the target_type of the share is "organization", not "account"',
  ],
  [
    'the share cannot be read',
    { faults: [faultOn(SHARE_ONLY, FORBIDDEN)] },
    /the share could not be read: Authentication error \(code 10000\) \(GET …\/shares\/3fd85f74b32742f1bff64a85009dda07, HTTP 403, cf-ray 8f1e\w{12}-SIM\)\. /,
  ],
];

describe.concurrent('exact writes nothing, and says why,', () => {
  it.concurrent.each(REFUSALS)('where %s', async (_, differs, reason) => {
    const run = await runExact({ ...CHANGES, ...differs });
    expectRejected(run, reason);
    expectUnchanged(run, [1, 2]);
    // Its warnings contradict nothing of it.
    expect(run.annotations).toHaveLength(1);
  });

  it('in a dry run, which shows the whole plan', async () => {
    const run = await runExact({
      ...CHANGES,
      inputs: { 'max-removals': '0', 'dry-run': 'true' },
    });
    expectRejected(
      run,
      '1 of 2 accounts would lose access, and max-removals allows 0',
    );
    expectUnchanged(run, [1, 2]);
    expect(run.stdout).toContain(`\n${account(1)} + add\n`);
    expect(run.stdout).toContain(
      `\n${account(2)} - remove recipient ${record(2)} (associated)`,
    );
    for (const n of [1, 2]) expect(run.summary).toContain(account(n));
  });

  it('also where nothing would change', async () => {
    const share = { status: 'deleting' } as const;
    const run = await runExact({ listed: [0], has: [0], share });
    expectRejected(run, 'the status of the share is "deleting", not "active"');
    expect(run.errors[0]?.message).not.toContain('would lose access');
    expect(outputOf(run, 0)).toMatchObject({
      status: 'associated',
      changed: false,
      cause: null,
    });
    expect(run.stdout).toContain('Result: plan rejected: 1 account unchanged;');
  });

  it('names the first twenty who would lose access, and counts the others', async () => {
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
    for (const n of range(1, 44))
      expect(run.stdout).toContain(`\n${account(n)} - remove `);
    expectUnchanged(run, range(1, 44));
    for (const text of [run.stdout, run.summary])
      expect(text).not.toContain('state: absent');
  });
});

// The limits are in reconcile/exact.test.ts.
describe.concurrent('max-removals', () => {
  it('is a percentage of the accounts with access, rounded down', async () => {
    const run = await runExact({
      listed: range(0, 6),
      has: range(0, 9),
      inputs: { 'max-removals': '39%' },
    });
    expectSuccess(run);
    expect(run.posts).toEqual([]);
    expect(removed(run)).toEqual([7, 8, 9].map(record));
  });

  it('is 25% by default', async () => {
    const run = await runScenario({
      recipients: range(0, 9).map((n) => seed(n)),
      targets: range(0, 6).map(account),
      inputs: { state: 'exact' },
    });
    expectRejected(
      run,
      '3 of 10 accounts would lose access, and max-removals allows 2',
    );
  });

  it('as a number counts accounts and not records, and allows to replace every account of a share', async () => {
    const run = await runExact({
      listed: [0],
      has: [1],
      recipients: [seed(1, { id: 'second' }), seed(1, { id: 'third' })],
      inputs: { 'max-removals': '1' },
    });
    expectSuccess(run);
    expect(removed(run)).toEqual([record(1), 'second', 'third']);
  });

  it('of 0% still fills a share that has no recipients', async () => {
    const run = await runExact({
      listed: [0],
      inputs: { 'max-removals': '0%' },
    });
    expectSuccess(run);
    expect(run.posts).toHaveLength(1);
  });
});

describe.concurrent('a share that cannot be read', () => {
  it('at first is read again by exact', async () => {
    const busy = { kind: 'response', status: 503, body: 'json' } as const;
    const run = await runExact({
      ...CHANGES,
      faults: [faultOn(SHARE_ONLY, busy, { times: 2 })],
    });
    expectSuccess(run);
    expect(
      run.requests.filter(({ path }) => SHARE_ONLY.test(path)),
    ).toHaveLength(3);
    expect(removed(run)).toEqual([record(2)]);
  });

  // With present, it is in present.test.ts.
  it('does not stop absent', async () => {
    const run = await runScenario({
      faults: [faultOn(SHARE_ONLY, FORBIDDEN)],
      recipients: [seed(0)],
      targets: [account(0)],
      inputs: { state: 'absent' },
    });
    expectSuccess(run);
    expect(run.deletes).toHaveLength(1);
  });
});

describe.concurrent('exact before it has a plan', () => {
  it('fails like every run where the list cannot be read', async () => {
    const run = await runExact({
      ...CHANGES,
      faults: [faultOn(LIST, FORBIDDEN)],
    });
    expectFailure(run, 'Authentication failed');
    expectOnlyReads(run);
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
