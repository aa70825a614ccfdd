import { describe, expect, it } from 'vitest';
import type {
  Failure,
  Inputs,
  MaxRemovals,
  Share,
  ShareRecipient,
} from '../../src/domain.ts';
import { allowedRemovals } from '../../src/reconcile/exact.ts';
import {
  firstObservations,
  type ShareReading,
} from '../../src/reconcile/observations.ts';
import { planTargets } from '../../src/reconcile/plan.ts';
import type { Refusal } from '../../src/reconcile/target-state.ts';
import {
  A_SHARE,
  AN_UNREAD_SHARE,
  account,
  apiError,
  firstAccounts,
  INPUTS,
  listOf,
  ORGANIZATION,
  OWNER,
  record,
} from '../builders.ts';
import { rejection } from '../cloudflare/scripted-api.ts';
import { inWords } from './cases.ts';
import {
  associatedAt,
  becomes,
  inTurn,
  plan,
  type Respond,
  type RunCase,
  recordsOf,
  replyTo,
  run,
  several,
  together,
  turns,
  wire,
} from './run.ts';

const percent = (value: number): MaxRemovals => ({
  unit: 'percent',
  percent: value,
});
const atMost = (count: number): MaxRemovals => ({ unit: 'accounts', count });

/** The first account is listed, and removals have no limit that matters. */
const EXACT: Partial<Inputs> = {
  ...several(1),
  state: 'exact',
  maxRemovals: atMost(100),
};

/** Active records of accounts, by their numbers. */
const having = (...numbers: number[]) =>
  numbers.map((n) => record(`r${n}`, 'associated', { accountId: account(n) }));

interface PlanCase {
  readonly inputs?: Partial<Inputs>;
  readonly records?: readonly ShareRecipient[];
  readonly share?: Share;
  readonly shareFailure?: Failure;
  readonly skipped?: number;
}

function planned({
  inputs = {},
  records = having(0),
  share = A_SHARE,
  shareFailure,
  skipped = 0,
}: PlanCase) {
  const shareReading: ShareReading = shareFailure
    ? { type: 'failed', failure: shareFailure }
    : { type: 'read', share };
  const { targets, refusal } = planTargets(
    { ...INPUTS, ...EXACT, ...inputs },
    firstObservations(listOf(records, { skipped }), shareReading),
  );
  const removals = targets
    .filter(({ desired }) => desired === 'absent')
    .map(({ target, unlistedRecords }) => {
      const ids = unlistedRecords?.map(({ id }) => id) ?? [];
      return `${target.id} ${ids.join(' ')}`;
    });
  return { targets, removals, refusal };
}

describe('a plan with `exact`', () => {
  it('adds what is listed, then removes what has access and is not', () => {
    const { targets, removals, refusal } = planned({
      inputs: several(2),
      records: having(0, 5, 7),
    });
    const [unlisted] = firstAccounts(6).slice(-1);
    expect(targets.slice(0, 3)).toEqual([
      ...firstAccounts(2).map((target) => ({
        target,
        desired: 'present',
        unlistedRecords: null,
      })),
      { target: unlisted, desired: 'absent', unlistedRecords: having(5) },
    ]);
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
  const refuses = (one: PlanCase, about: Refusal['about'], reason: string) =>
    expect(planned(one).refusal).toEqual({
      cause: 'refused',
      about,
      reason,
      request: null,
    });

  it.each<[Partial<Share>, string]>([
    [{ status: 'deleting' }, 'status of the share is "deleting", not "active"'],
    [{ status: null }, 'status of the share is "unknown", not "active"'],
    [
      { targetType: 'organization' },
      'target_type of the share is "organization", not "account"',
    ],
    [
      { targetType: 'galaxy' },
      'target_type of the share is "galaxy", not "account"',
    ],
    [
      { accountId: account(9) },
      `owner of the share is ${account(9)}, not account-id`,
    ],
    [{ accountId: null }, 'owner of the share is unknown, not account-id'],
    [{ kind: 'received' }, 'kind of the share is "received", not "sent"'],
  ])('a share with %j: the %s', (more, reason) => {
    refuses({ share: { ...A_SHARE, ...more } }, 'share', `the ${reason}`);
  });

  it('no share because its kind is not shown', () => {
    const share = { ...A_SHARE, kind: null };
    expect(planned({ share }).refusal?.about).not.toBe('share');
  });

  const { failure } = apiError();
  it.each<[string, Failure]>([
    ['the share could not be read: reason (detail)', failure],
    ['the share could not be read: reason', { ...failure, request: null }],
  ])('where %s', (reason, shareFailure) => {
    refuses({ shareFailure }, 'unread-share', reason);
  });

  it.each([
    [1, '1 record of the list could not be read'],
    [2, '2 records of the list could not be read'],
  ])('%d records that were skipped', (skipped, reason) => {
    refuses({ skipped }, 'record', reason);
  });

  it.each([
    ['names no account', null, null],
    ['names no account', null, ORGANIZATION],
    ['names an organization', ORGANIZATION, ORGANIZATION],
  ])(
    'an active record that %s: %s, where the organization is %s',
    (what, accountId, organizationId) => {
      const maybe = record('r9', 'associated', { accountId });
      const one = {
        records: [maybe, ...having(0)],
        share: { ...A_SHARE, organizationId },
        inputs: { maxRemovals: percent(100) },
      };
      refuses(
        one,
        'record',
        `recipient r9 ${what}, so it may give access to all accounts of the organization`,
      );
    },
  );

  const tooMany = (removals: number, of: number, allowed: number) =>
    `${removals} of ${of} accounts would lose access, and max-removals allows ${allowed}`;
  const many = Array.from({ length: 22 }, (_, n) => 10 + n);
  it.each<[string, MaxRemovals, number[], string]>([
    ['more removals than a number', atMost(1), [0, 5, 6], tooMany(2, 3, 1)],
    ['more than a percentage', percent(33), [0, 5, 6], tooMany(2, 3, 1)],
    ['many, without their names', percent(0), [0, ...many], tooMany(22, 23, 0)],
  ])('%s', (_, maxRemovals, numbers, reason) => {
    const one = { inputs: { maxRemovals }, records: having(...numbers) };
    refuses(one, 'removals', reason);
  });

  it('a list that has nothing of those with access, with a percentage', () => {
    refuses(
      { inputs: { maxRemovals: percent(100) }, records: having(5) },
      'list',
      'the only account with access is not in the list: it may be the wrong share, or the wrong list',
    );
    refuses(
      { inputs: { maxRemovals: percent(100) }, records: having(5, 6) },
      'list',
      'none of the 2 accounts with access is in the list: it may be the wrong share, or the wrong list',
    );
  });

  it('for the first reason there is', () => {
    const one = { skipped: 1, shareFailure: failure, records: having(5) };
    refuses(
      one,
      'unread-share',
      'the share could not be read: reason (detail)',
    );
  });

  const share = { ...A_SHARE, organizationId: ORGANIZATION };
  it.each<[string, PlanCase]>([
    [
      'removals as many as allowed',
      { inputs: { maxRemovals: atMost(2) }, records: having(0, 5, 6) },
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
        share,
        records: [
          ...having(0),
          record('s1', 'disassociated', { accountId: null }),
          record('s2', 'disassociating', { accountId: ORGANIZATION }),
        ],
      },
    ],
    ['a share of an organization', { share }],
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
    [atMost(5), 1, 5],
    [atMost(0), 100, 0],
  ])('%j of %d accounts allows %d', (maxRemovals, of, allowed) => {
    expect(allowedRemovals(maxRemovals, of)).toBe(allowed);
  });
});

describe('a run with `exact`', () => {
  /** The account 5 has access and is not listed. */
  const five = () => wire('r5', 'associated', account(5));
  const removalsEnd = becomes('disassociating', 'disassociated');
  const exact = (respond: Respond, { inputs, ...more }: RunCase = {}) =>
    run({
      records: [five()],
      ...more,
      inputs: { ...EXACT, ...inputs },
      respond: together(removalsEnd, respond),
    });
  const nothing: Respond = () => undefined;

  it('removes once every listed account is done, and ends on a list', async () => {
    const { traffic, causes, targets, changes } = await exact(
      associatedAt(3_000),
    );
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
    const { traffic, causes } = await exact(associatedAt(2_000), {
      records: recordsOf('associating'),
    });
    expect(traffic()).toEqual(['1000 GET /r0', '2000 GET /r0', '2000 GET']);
    expect(causes).toEqual([null]);
  });

  it('removes once a POST was accepted where nobody waits', async () => {
    const inputs = { wait: false };
    const { traffic, causes } = await exact(nothing, { inputs });
    expect(traffic()).toEqual(['0 POST', '1000 GET', '1000 DELETE /r5']);
    expect(causes).toEqual([null, null]);
  });

  it.each<[string, Respond, (string | null)[]]>([
    ['are done', nothing, [null, 'cancelled', 'cancelled']],
    [
      'are done, and one failed',
      turns('r1', 'disassociated', 2_000),
      [null, 'removed', 'stopped'],
    ],
  ])(
    'removes nothing while only some of the listed accounts %s',
    async (_, respond, expected) => {
      const { writes, causes } = await exact(respond, {
        inputs: several(2),
        records: [...recordsOf('associated', 'associating'), five()],
        cancelMs: 9_500,
      });
      expect(writes()).toEqual([]);
      expect(causes).toEqual(expected);
    },
  );

  it('removes nothing further where a listed account fails, and says so', async () => {
    const { writes, causes, reasons, targets } = await exact(
      inTurn('POST', [rejection(400)]),
    );
    expect(writes()).toEqual(['0 POST']);
    expect(causes).toEqual(['rejected', 'stopped']);
    expect(reasons[1]).toBe('not removed, because a listed account failed');
    expect(targets[1]?.changed).toBe(false);
  });

  it('removes nothing further where a listed account fails later, and observes what it has sent', async () => {
    const busy = rejection(503, 1, { 'retry-after': '2' });
    const { writes, causes, targets } = await run({
      inputs: EXACT,
      records: [
        ...recordsOf('associated'),
        ...[5, 6, 7].map((n) => wire(`r${n}`, 'associated', account(n))),
        wire('s5', 'associated', account(5)),
      ],
      respond: together(
        turns('r0', 'disassociated', 3_000),
        turns('r5', 'disassociated', 12_000),
        turns('r6', 'disassociated', 12_000),
        // The removals of r5 and r6 are under way, the others have to wait.
        inTurn('DELETE', [undefined, busy, undefined, busy]),
        replyTo('DELETE', busy, 1),
      ),
    });
    expect(writes()).toEqual(
      ['r5', 's5', 'r6', 'r7'].map((id) => `0 DELETE /${id}`),
    );
    expect(causes).toEqual(['removed', 'server', null, 'server']);
    const ended = targets.map(({ decidedMs }) => decidedMs);
    expect(ended).toEqual([3_000, 12_000, 12_000, 10_000]);
    // Of the account 5, one removal was carried out; the other had not begun.
    const changed = targets.map((state) => state.changed);
    expect(changed).toEqual([false, true, true, false]);
  });

  it.each<[string, RunCase]>([
    ['timeout', { timeoutMs: 9_000 }],
    ['cancelled', { cancelMs: 1_500 }],
  ])('that ends before its removals: %s', async (cause, more) => {
    const { writes, causes, reasons } = await exact(nothing, more);
    expect(writes()).toEqual(['0 POST']);
    expect(causes).toEqual([cause, cause]);
    expect(reasons[1]).toMatch(/last status `associated` for/);
  });

  it.each([
    ['additions too', false],
    ['a dry run too', true],
  ])('that is refused writes nothing: %s', async (_, dryRun) => {
    const { requests, causes, targets, outcome } = await exact(nothing, {
      inputs: { dryRun, maxRemovals: percent(0) },
      records: [wire('r1', 'associated', account(1)), five()],
    });
    expect(requests).toHaveLength(1);
    expect(outcome.refusal?.cause).toBe('refused');
    expect(causes).toEqual(Array(3).fill('refused'));
    const changed = targets.map((state) => state.changed);
    expect(changed).toEqual(Array(3).fill(false));
  });

  it('that is refused leaves what is done, and is refused all the same', async () => {
    const { causes, outcome } = await exact(nothing, {
      shareReading: AN_UNREAD_SHARE,
      records: recordsOf('associated'),
    });
    expect(causes).toEqual([null]);
    expect(outcome.refusal?.reason).toMatch(/^the share could not be read/);
  });

  it('in a dry run shows every removal after the additions', async () => {
    const { reconciler } = await plan({
      records: [five()],
      inputs: { ...EXACT, dryRun: true },
    });
    expect(
      reconciler.targets.map((state) => `${inWords(state)}, ${state.changed}`),
    ).toEqual(['create, true', 'wait for additions, true']);
  });
});
