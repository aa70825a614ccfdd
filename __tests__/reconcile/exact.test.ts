import { describe, expect, it } from 'vitest';
import type { Failure, Inputs, MaxRemovals, Share } from '../../src/domain.ts';
import { allowedRemovals } from '../../src/reconcile/exact.ts';
import { firstObservations } from '../../src/reconcile/observations.ts';
import { planTargets } from '../../src/reconcile/plan.ts';
import {
  A_SHARE,
  account,
  apiError,
  firstAccounts,
  INPUTS,
  listOf,
  ORGANIZATION,
  OWNER,
  record,
} from '../builders.ts';
import { NO_CONNECTION, rejection } from '../cloudflare/scripted-api.ts';
import { inWords } from './cases.ts';
import { associatedAt, inTurn, plan, type RunCase, run, wire } from './run.ts';

const EXACT: Partial<Inputs> = {
  state: 'exact',
  maxRemovals: { unit: 'accounts', count: 100 },
};
const percent = (value: number): MaxRemovals => ({
  unit: 'percent',
  percent: value,
});

/** Active records of accounts, by their numbers. */
const having = (...numbers: number[]) =>
  numbers.map((n) => record(`r${n}`, 'associated', { accountId: account(n) }));

interface PlanCase {
  readonly inputs?: Partial<Inputs>;
  readonly records?: ReturnType<typeof having>;
  readonly share?: Share | null;
  readonly shareFailure?: Failure;
  readonly skipped?: number;
}

/** Plans a run for the first account. */
function planned(one: PlanCase) {
  const { records = having(0), share = A_SHARE, skipped = 0 } = one;
  const { shareFailure = null } = one;
  const inputs = {
    ...INPUTS,
    ...EXACT,
    targets: firstAccounts(1),
    ...one.inputs,
  };
  const observed = firstObservations(
    listOf(records, { skipped }),
    share,
    shareFailure,
  );
  const { targets, refusal } = planTargets(inputs, observed);
  const removals = targets
    .filter(({ desired }) => desired === 'absent')
    .map(({ target, unlistedRecords }) => {
      const ids = unlistedRecords?.map(({ id }) => id) ?? [];
      return `${target.id} ${ids.join(' ')}`;
    });
  return { targets, removals, refusal, reason: refusal?.reason ?? null };
}

describe('a plan with `exact`', () => {
  it('adds what is listed, then removes what has access and is not', () => {
    const { targets, removals, refusal } = planned({
      inputs: { targets: firstAccounts(2) },
      records: having(0, 5, 7),
    });
    expect(targets.slice(0, 2)).toEqual(
      firstAccounts(2).map((target) => ({
        target,
        desired: 'present',
        unlistedRecords: null,
      })),
    );
    expect(targets[2]?.target).toEqual({
      type: 'account',
      id: account(5),
      label: null,
    });
    expect(removals).toEqual([`${account(5)} r5`, `${account(7)} r7`]);
    expect(refusal).toBeNull();
  });

  it('removes exactly the active records of an account', () => {
    const accountId = account(5);
    const more = ['associating', 'disassociating', 'disassociated', 'odd'].map(
      (status, n) => record(`s${n}`, status, { accountId }),
    );
    const { removals } = planned({ records: [...having(0, 5), ...more] });
    expect(removals).toEqual([`${accountId} r5 s0 s3`]);
  });

  it('neither counts nor removes a removal, history or the owner', () => {
    const gone = [
      record('s1', 'disassociating', { accountId: account(5) }),
      record('s2', 'disassociated', { accountId: account(6) }),
      record('s3', 'associated', { accountId: OWNER }),
    ];
    const inputs = { maxRemovals: percent(0) };
    expect(planned({ inputs, records: [...having(0), ...gone] })).toMatchObject(
      { removals: [], refusal: null },
    );
  });
});

describe('`exact` refuses', () => {
  const share = (more: Partial<Share>) => ({ share: { ...A_SHARE, ...more } });
  const { failure } = apiError();
  const unnamed = record('s1', 'associated', { accountId: null });
  it.each<[string, PlanCase, string]>([
    [
      'a share that could not be read',
      { share: null },
      'the share could not be read',
    ],
    [
      'a share that could not be read, with the response',
      { share: null, shareFailure: failure },
      'the share could not be read: reason (detail)',
    ],
    [
      'a share that could not be read, without one',
      { share: null, shareFailure: { ...failure, request: null } },
      'the share could not be read: reason',
    ],
    [
      'a share that is being deleted',
      share({ status: 'deleting' }),
      'the status of the share is "deleting", not "active"',
    ],
    [
      'a share without a status',
      share({ status: null }),
      'the status of the share is "unknown", not "active"',
    ],
    [
      'a share that targets an organization',
      share({ targetType: 'organization' }),
      'the target_type of the share is "organization", not "account"',
    ],
    [
      'a share with an unknown word',
      share({ targetType: 'galaxy' }),
      'the target_type of the share is "galaxy", not "account"',
    ],
    [
      'the share of another account',
      share({ accountId: account(9) }),
      `the owner of the share is ${account(9)}, not account-id`,
    ],
    [
      'the share of nobody',
      share({ accountId: null }),
      'the owner of the share is unknown, not account-id',
    ],
    [
      'a share that was received',
      share({ kind: 'received' }),
      'the kind of the share is "received", not "sent"',
    ],
    [
      'a share without a kind',
      share({ kind: null }),
      'the kind of the share is "unknown", not "sent"',
    ],
    [
      'a record that was skipped',
      { skipped: 1 },
      '1 record of the list could not be read',
    ],
    [
      'records that were skipped',
      { skipped: 2 },
      '2 records of the list could not be read',
    ],
    [
      'an active record that names no account',
      { records: [...having(0), unnamed] },
      'recipient s1 names no account, so it may give access to all accounts of the organization',
    ],
    [
      'one that names no account, where the organization is known',
      {
        ...share({ organizationId: ORGANIZATION }),
        records: [...having(0), unnamed],
      },
      'recipient s1 names no account, so it may give access to all accounts of the organization',
    ],
    [
      'an active record that names the organization of the share',
      {
        ...share({ organizationId: ORGANIZATION }),
        records: [{ ...unnamed, accountId: ORGANIZATION }, ...having(0)],
        inputs: { maxRemovals: percent(100) },
      },
      'recipient s1 names an organization, so it may give access to all accounts of the organization',
    ],
    [
      'more removals than a number',
      {
        inputs: { maxRemovals: { unit: 'accounts', count: 1 } },
        records: having(0, 5, 6),
      },
      `2 of 3 accounts would lose access, and max-removals allows 1`,
    ],
    [
      'more removals than a percentage',
      {
        inputs: { maxRemovals: percent(33) },
        records: having(0, 5, 6),
      },
      `2 of 3 accounts would lose access, and max-removals allows 1`,
    ],
    [
      'a list that has nothing of those with access, with a percentage',
      { inputs: { maxRemovals: percent(100) }, records: having(5) },
      `none of 1 account with access is in the list: it may be the wrong share, or the wrong list`,
    ],
  ])('%s', (_, one, reason) => {
    expect(planned(one).refusal).toMatchObject({
      cause: 'refused',
      reason,
      request: null,
    });
  });

  it('with one reason for all, without the accounts, which the report names', () => {
    const records = having(0, ...Array.from({ length: 22 }, (_, n) => 10 + n));
    const inputs = { maxRemovals: percent(0) };
    expect(planned({ inputs, records }).reason).toBe(
      '22 of 23 accounts would lose access, and max-removals allows 0',
    );
  });

  it('for the first reason there is', () => {
    const one = { skipped: 1, share: null, records: having(5) };
    expect(planned(one).reason).toMatch(/^the share could not be read/);
  });

  it.each<[string, PlanCase]>([
    [
      'removals as many as allowed',
      {
        inputs: { maxRemovals: { unit: 'accounts', count: 2 } },
        records: having(0, 5, 6),
      },
    ],
    [
      'a list that has nothing of those with access, with a number',
      { records: having(5) },
    ],
    [
      'a first run, where nobody has access',
      { inputs: { maxRemovals: percent(0) }, records: [] },
    ],
    [
      'records of a removal that name no account, or the organization',
      {
        ...share({ organizationId: ORGANIZATION }),
        records: [
          ...having(0),
          record('s1', 'disassociated', { accountId: null }),
          record('s2', 'disassociating', { accountId: ORGANIZATION }),
        ],
      },
    ],
    ['a share of an organization', share({ organizationId: ORGANIZATION })],
  ])('nothing: %s', (_, one) => {
    expect(planned(one).refusal).toBeNull();
  });
});

describe('`max-removals`', () => {
  it.each([
    [percent(25), 100, 25],
    [percent(25), 7, 1],
    [percent(25), 1, 1],
    [percent(1), 20_000, 200],
    [percent(100), 3, 3],
    [percent(0), 100, 0],
    [{ unit: 'accounts', count: 5 }, 1, 5],
    [{ unit: 'accounts', count: 0 }, 100, 0],
  ] as const)('%j of %d accounts allows %d', (maxRemovals, of, allowed) => {
    expect(allowedRemovals(maxRemovals, of)).toBe(allowed);
  });
});

describe('a run with `exact`', () => {
  /** The account 5 has access and is not listed; removals end at once. */
  const five = () => wire('r5', 'associated', account(5));
  const exact = ({ inputs, respond, ...more }: RunCase = {}) =>
    run({
      records: [five()],
      inputs: { ...EXACT, targets: firstAccounts(1), ...inputs },
      ...more,
      respond: (request, records) => {
        for (const one of records) {
          const isGoing = one.association_status === 'disassociating';
          if (isGoing) one.association_status = 'disassociated';
        }
        return respond?.(request, records);
      },
    });

  it('removes once every listed account is done, and ends on a list', async () => {
    const { traffic, causes, targets, changes } = await exact({
      respond: associatedAt(3_000),
    });
    expect(traffic()).toEqual([
      '0 POST',
      '1000 GET',
      '2000 GET',
      '3000 GET',
      '3000 DELETE /r5',
      '4000 GET',
    ]);
    expect(causes).toEqual([null, null]);
    expect(targets.map(({ changed }) => changed)).toEqual([true, true]);
    expect(changes).toContain('wait for additions → delete r5');
  });

  it('ends on a list where one listed account is all that is waited for', async () => {
    const { traffic, causes } = await exact({
      records: [wire('r0', 'associating', account(0))],
      respond: associatedAt(2_000),
    });
    expect(traffic()).toEqual(['1000 GET /r0', '2000 GET /r0', '2000 GET']);
    expect(causes).toEqual([null]);
  });

  it('removes once a POST was accepted where nobody waits', async () => {
    const { traffic, causes } = await exact({ inputs: { wait: false } });
    expect(traffic()).toEqual(['0 POST', '1000 GET', '1000 DELETE /r5']);
    expect(causes).toEqual([null, null]);
  });

  it('removes nothing while only some of the listed accounts are done, or one failed', async () => {
    const records = () => [
      wire('r0', 'associated', account(0)),
      wire('r1', 'associating', account(1)),
      five(),
    ];
    const inputs = { targets: firstAccounts(2) };
    const waiting = await exact({
      inputs,
      records: records(),
      cancelMs: 9_500,
    });
    expect(waiting.writes()).toEqual([]);
    const failing = await exact({
      inputs,
      records: records(),
      respond: ({ atMs }, [, second]) => {
        const isGone = second && atMs >= 2_000;
        if (isGone) second.association_status = 'disassociated';
        return undefined;
      },
    });
    expect(failing.writes()).toEqual([]);
    expect(failing.causes).toEqual([null, 'removed', 'stopped']);
  });

  it('has changed an account whose second removal was not begun', async () => {
    const { writes, causes, targets } = await exact({
      records: [
        wire('r0', 'associated', account(0)),
        five(),
        wire('s5', 'associated', account(5)),
      ],
      respond: ({ method, path, atMs }, [listed]) => {
        const isGone = listed && atMs > 0;
        if (isGone) listed.association_status = 'disassociated';
        const isBusy = method === 'DELETE' && path === '/s5';
        return isBusy ? NO_CONNECTION : undefined;
      },
    });
    expect(writes()).toEqual(['0 DELETE /r5', '0 DELETE /s5']);
    expect(causes).toEqual(['removed', 'stopped']);
    expect(targets[1]?.changed).toBe(true);
  });

  it('removes nothing further where a listed account fails, and says so', async () => {
    const { writes, causes, reasons, targets } = await exact({
      respond: inTurn('POST', [rejection(400)]),
    });
    expect(writes()).toEqual(['0 POST']);
    expect(causes).toEqual(['rejected', 'stopped']);
    expect(reasons[1]).toBe('not removed, because a listed account failed');
    expect(targets[1]?.changed).toBe(false);
  });

  it('removes nothing further where a listed account fails later, and observes what it has sent', async () => {
    const { writes, causes, targets } = await run({
      inputs: { ...EXACT, targets: firstAccounts(1) },
      records: [
        wire('r0', 'associated', account(0)),
        ...[5, 6, 7].map((n) => wire(`r${n}`, 'associated', account(n))),
        wire('s5', 'associated', account(5)),
      ],
      respond: ({ method, path, atMs }, [listed, first, second]) => {
        // The removals of r5 and r6 are under way, the others have to wait.
        if (method === 'DELETE' && (path === '/r7' || path === '/s5')) {
          return rejection(503, 1, { 'retry-after': '2' });
        }
        if (listed && atMs >= 3_000)
          listed.association_status = 'disassociated';
        for (const one of [first, second]) {
          if (one && atMs >= 12_000) one.association_status = 'disassociated';
        }
        return undefined;
      },
    });
    expect(writes()).toEqual(
      ['r5', 's5', 'r6', 'r7'].map((id) => `0 DELETE /${id}`),
    );
    expect(causes).toEqual(['removed', 'stopped', null, 'stopped']);
    const ended = targets.map(({ decidedMs }) => decidedMs);
    expect(ended).toEqual([3_000, 12_000, 12_000, 10_000]);
  });

  it.each([
    ['timeout', { timeoutMs: 9_000 }],
    ['cancelled', { cancelMs: 1_500 }],
  ])('that ends before its removals: %s', async (cause, more) => {
    const { writes, causes, reasons } = await exact(more);
    expect(writes()).toEqual(['0 POST']);
    expect(causes).toEqual([cause, cause]);
    expect(reasons[1]).toMatch(/last status `associated` for/);
  });

  it('neither removes nor waits for a record that appears later', async () => {
    const { writes, causes, targets } = await exact({
      respond: (request, records) => {
        const isNew = records.every(({ id }) => id !== 'late');
        if (request.atMs >= 1_000 && isNew) {
          records.push(wire('late', 'associating', account(5)));
          records.push(wire('else', 'associated', account(6)));
        }
        return associatedAt(2_000)(request, records);
      },
    });
    expect(writes()).toEqual(['0 POST', '2000 DELETE /r5']);
    expect(causes).toEqual([null, null]);
    expect(targets[1]?.recipient).toMatchObject({ id: 'late' });
  });

  it.each([
    ['additions too', false],
    ['a dry run too', true],
  ])('that is refused writes nothing: %s', async (_, dryRun) => {
    const { requests, causes, targets, outcome } = await exact({
      inputs: { dryRun, maxRemovals: percent(0) },
      records: [wire('r1', 'associated', account(1)), five()],
    });
    expect(requests).toHaveLength(1);
    expect(outcome.refusal?.cause).toBe('refused');
    expect(causes).toEqual(['refused', 'refused', 'refused']);
    expect(targets.map(({ changed }) => changed)).toEqual([
      false,
      false,
      false,
    ]);
  });

  it('that is refused leaves what is done, and is refused all the same', async () => {
    const { causes, outcome } = await exact({
      share: null,
      records: [wire('r0', 'associated', account(0))],
    });
    expect(causes).toEqual([null]);
    expect(outcome.refusal?.reason).toMatch(/^the share could not be read/);
  });

  it('in a dry run shows every removal after the additions', async () => {
    const { reconciler } = await plan({
      records: [five()],
      inputs: { ...EXACT, targets: firstAccounts(1), dryRun: true },
    });
    expect(
      reconciler.targets.map((state) => `${inWords(state)}, ${state.changed}`),
    ).toEqual(['create, true', 'wait for additions, true']);
  });
});
