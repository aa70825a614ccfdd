/**
 * Tables P and A of docs/how-it-works.md, row by row. What holds for every
 * decision is in __tests__/model/invariants.ts.
 */
import { describe, expect, it } from 'vitest';
import { isUnknown } from '../../src/reconcile/decide.ts';
import {
  failureOf,
  isPending,
  type WriteResult,
} from '../../src/reconcile/target-state.ts';
import {
  A_SHARE,
  ACCOUNT,
  AN_ORGANIZATION,
  account,
  ORGANIZATION,
  OTHER,
  record,
  resourceError,
} from '../builders.ts';
import {
  accepted,
  type Case,
  conflict,
  decided,
  deleted,
  inWords,
  lastUnknown,
  RESULTS,
  rejected,
  unknown,
} from './cases.ts';

const OLDER = { created: '2025-01-01T00:00:00Z' };
const terminal = { errors: [resourceError(true)] };
const retried = { errors: [resourceError(false)] };
const associated = record('r1', 'associated');
const ending = record('r1', 'disassociating');
const removed = record('r1', 'disassociated');
const unnamed = record('r1', 'associated', { accountId: null });

const words = (one: Case) => inWords(decided(one));

/** Every last POST there can be, and none. */
const ANY_POST = [[], ...RESULTS.map((result) => [result])];

type PresentRow = [string, Case, readonly WriteResult[][], string];

describe('table P: an account that should have access', () => {
  const rows: PresentRow[] = [
    [
      'fails where a resource failed permanently, before its status counts',
      { later: [record('r1', 'associated', terminal)] },
      ANY_POST,
      'fail: resource-error',
    ],
    [
      'fails so while associating',
      { later: [record('r1', 'associating', terminal)], wait: false },
      ANY_POST,
      'fail: resource-error',
    ],
    [
      'fails so with an unknown status, and beside errors that are retried',
      {
        later: [
          record('r1', 'odd', {
            errors: [...retried.errors, ...terminal.errors],
          }),
        ],
      },
      ANY_POST,
      'fail: resource-error',
    ],
    [
      'is done once associated without an error',
      { later: [associated] },
      ANY_POST,
      'done',
    ],
    [
      'waits for the status while associating',
      { later: [record('r1', 'associating')] },
      ANY_POST,
      'wait for status',
    ],
    [
      'waits for the status while Cloudflare retries a resource',
      { later: [record('r1', 'associated', retried)] },
      ANY_POST,
      'wait for status',
    ],
    [
      'waits for the status where it is unknown',
      { later: [record('r1', 'odd')] },
      ANY_POST,
      'wait for status',
    ],
    [
      'is done with any active record where nobody waits',
      { later: [record('r1', 'associating', retried)], wait: false },
      ANY_POST,
      'done',
    ],
    [
      'fails where the record in use is being removed',
      { inUse: 'r1', later: [ending] },
      ANY_POST,
      'fail: removed',
    ],
    [
      'fails where the record in use was removed',
      { inUse: 'r1', later: [removed] },
      ANY_POST,
      'fail: removed',
    ],
    [
      'fails so where a record appeared after a lost reply, and is removed',
      { later: [removed] },
      [[unknown], [unknown, rejected]],
      'fail: removed',
    ],
    [
      'fails where the record in use comes back with another account',
      {
        inUse: 'r1',
        later: [record('r1', 'associated', { accountId: OTHER })],
      },
      ANY_POST,
      'fail: inconclusive',
    ],
    [
      'is done with the record in use, even where that names no account',
      { inUse: 'r1', later: [unnamed] },
      ANY_POST,
      'done',
    ],
    [
      'waits for a removal that is under way',
      { first: [ending] },
      ANY_POST,
      'wait for removal',
    ],
    [
      'waits so where other records are history',
      { first: [removed, record('r2', 'disassociating')], wait: false },
      ANY_POST,
      'wait for removal',
    ],
    ['is created where nothing was sent', {}, [[]], 'create'],
    ['is created beside history', { first: [removed] }, [[]], 'create'],
    [
      'is created beside the records of others',
      { first: [record('r1', 'associated', { accountId: OTHER }), unnamed] },
      [[]],
      'create',
    ],
    [
      'waits ten seconds for the effect of a POST whose outcome is unknown, or that met another',
      { ageMs: 9_999 },
      [[unknown], [lastUnknown], [conflict], [unknown, unknown, unknown]],
      'wait for effect',
    ],
    [
      'waits for one list after a rejection',
      { ageMs: -1 },
      [[rejected]],
      'wait for effect',
    ],
    [
      'is created again ten seconds after a lost reply or a conflict, up to three times',
      { ageMs: 10_000 },
      [[unknown], [conflict], [unknown, conflict]],
      'create',
    ],
    [
      'fails after three POSTs, with the reason of the last',
      { ageMs: 10_000 },
      [
        [conflict, conflict, unknown],
        [rejected, rejected, rejected, unknown],
      ],
      'fail: network',
    ],
    [
      'fails where the last POST cannot succeed',
      { ageMs: 10_000 },
      [[lastUnknown], [conflict, lastUnknown]],
      'fail: server',
    ],
    [
      'fails with a rejection once a list has followed it',
      { ageMs: 0 },
      [[rejected], [unknown, rejected]],
      'fail: rejected',
    ],
    [
      'waits for the record that an accepted POST named, should it be missing',
      { ageMs: 10_000 },
      [[accepted]],
      'wait for effect',
    ],
  ];

  it.each(rows)('%s', (_, one, histories, expected) => {
    for (const posts of histories) {
      expect(words({ ...one, posts })).toBe(expected);
    }
  });

  it('fails with the errors of the resource, and its kind', () => {
    const resourceTypes = new Map([['policy', 'gateway-policy']]);
    const first = [record('r1', 'associated', terminal)];
    const share = { ...A_SHARE, resourceTypes };
    expect(failureOf(decided({ first, share }))).toEqual({
      cause: 'resource-error',
      reason: 'gateway-policy policy: no entitlement',
      request: null,
    });
  });

  it('fails with the record that was removed, and its status', () => {
    expect(failureOf(decided({ inUse: 'r1', first: [ending] }))).toEqual({
      cause: 'removed',
      reason: 'recipient r1 is disassociating',
      request: null,
    });
  });

  it('fails with the request of the last POST', () => {
    const { error } = rejected as { error: { failure: object } };
    const decision = decided({ ageMs: 0, posts: [unknown, rejected] });
    expect(failureOf(decision)).toBe(error.failure);
  });
});

describe('the record in use', () => {
  it.each<[string, Case, string | null]>([
    [
      'is the oldest active one, even of unknown status',
      { first: [associated, record('r2', 'odd', OLDER)] },
      'r2',
    ],
    [
      'is no history and none that is being removed, however old',
      {
        first: [
          associated,
          record('r2', 'disassociated', OLDER),
          record('r3', 'disassociating', OLDER),
        ],
      },
      'r1',
    ],
    [
      'is replaced by another active one where it was removed',
      { inUse: 'r1', first: [ending, record('r2', 'associated')] },
      'r2',
    ],
    [
      'is replaced by an older one from a parallel run',
      { inUse: 'r1', first: [associated, record('r2', 'associating', OLDER)] },
      'r2',
    ],
    ['is kept where it was removed', { inUse: 'r1', first: [ending] }, 'r1'],
    [
      'is none of the first list after a lost reply',
      { first: [removed], ageMs: 0, posts: [unknown] },
      null,
    ],
    [
      'is none that appears after a rejection',
      { later: [removed], ageMs: 0, posts: [rejected] },
      null,
    ],
    [
      'is the active one, not the one that appeared',
      {
        later: [record('r2', 'disassociated', OLDER), associated],
        posts: [unknown],
      },
      'r1',
    ],
  ])('%s', (_, one, inUse) => {
    expect(decided(one).inUse).toBe(inUse);
  });

  it('shows where the target stands; without one, earlier records do', () => {
    const shown = (one: Case) => decided(one).recipient?.id ?? null;
    const more = ['r2', 'r3'].map((id) => record(id, 'disassociated'));
    expect(shown({ first: [associated] })).toBe('r1');
    expect(shown({ inUse: 'r1', first: [removed, ...more] })).toBe('r1');
    expect(shown({ first: [removed, ...more] })).toBe('r3');
    const old = record('r2', 'disassociating', OLDER);
    expect(shown({ first: [removed, old] })).toBe('r2');
    expect(shown({})).toBeNull();
  });
});

describe('what a run has added', () => {
  it.each<[string, Case, boolean]>([
    ['nothing, where the account was there', { first: [associated] }, false],
    ['nothing, where nothing was sent', {}, false],
    ['nothing after a rejection', { ageMs: 0, posts: [rejected] }, false],
    [
      'nothing, where a parallel run was faster',
      { later: [associated], posts: [rejected] },
      false,
    ],
    [
      'nothing, where a conflict was a parallel run',
      { later: [associated], posts: [conflict] },
      false,
    ],
    [
      'what was accepted, even if it was removed',
      { later: [removed], inUse: 'r1', posts: [accepted] },
      true,
    ],
    [
      'what appeared after a lost reply',
      { later: [associated], posts: [unknown] },
      true,
    ],
    [
      'what appeared after an earlier lost reply',
      { later: [associated], posts: [unknown, rejected] },
      true,
    ],
    [
      'history that became active after a lost reply',
      {
        first: [{ ...removed, modifiedMs: 1 }],
        later: [{ ...associated, modifiedMs: 2 }],
        posts: [unknown],
      },
      true,
    ],
    [
      'nothing after a lost reply, where nothing appeared',
      { ageMs: 0, posts: [unknown] },
      false,
    ],
    ['in a dry run, a missing account', { dryRun: true }, true],
    ['in a dry run, history', { dryRun: true, first: [removed] }, true],
    ['in a dry run, a removal', { dryRun: true, first: [ending] }, true],
    [
      'in a dry run, no active account',
      { dryRun: true, first: [record('r1', 'associating')] },
      false,
    ],
    [
      'in a dry run, nothing that fails',
      { dryRun: true, first: [record('r1', 'associated', terminal)] },
      false,
    ],
    [
      'in a dry run, nothing that was removed by somebody',
      { dryRun: true, inUse: 'r1', first: [removed] },
      false,
    ],
  ])('%s', (_, one, changed) => {
    expect(decided(one).changed).toBe(changed);
  });
});

describe('an organization that should have access', () => {
  const target = AN_ORGANIZATION;
  const named = record('r1', 'associated', { accountId: ORGANIZATION });
  const reply = { target, inUse: 'r1', posts: [accepted] };

  it('is known by its own ID in place of an account', () => {
    expect(decided({ target, first: [named] })).toMatchObject({
      next: { do: 'done' },
      inUse: 'r1',
    });
    expect(words({ target, first: [associated] })).toBe('create');
    expect(words({ target, first: [{ ...unnamed, ...removed }] })).toBe(
      'create',
    );
  });

  it('is known by the ID in the reply to its POST, whatever account that names', () => {
    expect(decided({ ...reply, later: [unnamed] })).toMatchObject({
      next: { do: 'done' },
      inUse: 'r1',
      changed: true,
    });
    expect(words({ ...reply, later: [associated] })).toBe('done');
    expect(words({ ...reply, later: [removed] })).toBe('fail: removed');
    const older = { ...named, ...OLDER, id: 'r0', createdMs: 1 };
    expect(decided({ ...reply, later: [unnamed, older] }).inUse).toBe('r0');
    const newer = { ...older, createdMs: Date.now() };
    expect(decided({ ...reply, later: [unnamed, newer] }).inUse).toBe('r1');
  });

  it('may be an active record that names no account: inconclusive before a POST', () => {
    const odd = record('r0', 'odd', { accountId: null, ...OLDER });
    const another = record('r2', 'associated');
    const decision = decided({ target, first: [unnamed, another, odd] });
    expect(failureOf(decision)).toMatchObject({
      cause: 'inconclusive',
      reason:
        'the organization may be a recipient already: it may be one of r0 (account unknown), r1 (account unknown)',
      request: null,
    });
    expect(words({ target, first: [unnamed], dryRun: true })).toBe(
      'fail: inconclusive',
    );
    expect(
      words({ target, ageMs: 0, posts: [unknown], later: [unnamed] }),
    ).toBe('wait for effect');
    expect(words({ first: [unnamed] })).toBe('create');
  });

  it('is not added again after a lost reply: inconclusive', () => {
    for (const posts of [[unknown], [lastUnknown]]) {
      expect(words({ target, ageMs: 9_999, posts })).toBe('wait for effect');
      const decision = decided({ target, ageMs: 10_000, posts });
      expect(failureOf(decision)).toMatchObject({
        cause: 'inconclusive',
        reason:
          'the list does not show whether the organization was added after reason',
        request: { detail: 'detail' },
      });
    }
  });

  it('is not added again after a conflict or a rejection', () => {
    expect(words({ target, ageMs: 10_000, posts: [conflict] })).toBe(
      'fail: conflict',
    );
    expect(words({ target, ageMs: 0, posts: [rejected] })).toBe(
      'fail: rejected',
    );
  });
});

/** Every last DELETE of r1 there can be. */
const LAST_DELETES = RESULTS.map((result) => [deleted('r1', result)]);
const ANY_DELETE = [[], ...LAST_DELETES];
const early = deleted('r1', conflict, { wasAssociating: true });
const r1 = (...results: WriteResult[]) =>
  results.map((result) => deleted('r1', result));

type AbsentRow = [string, Case, readonly Case['deletes'][], string];

describe('table A: an account that should have no access', () => {
  const rows: AbsentRow[] = [
    [
      'is done once its record is removed',
      { later: [removed] },
      LAST_DELETES,
      'done',
    ],
    [
      'waits while its record is being removed',
      { first: [ending] },
      ANY_DELETE,
      'wait for status',
    ],
    [
      'is done with that where nobody waits',
      { first: [ending], wait: false },
      ANY_DELETE,
      'done',
    ],
    [
      'is deleted where nothing was sent, whatever its status',
      { first: [record('r1', 'odd', terminal)] },
      [[], [deleted('r2', accepted)]],
      'delete r1',
    ],
    [
      'is deleted while associating',
      { first: [record('r1', 'associating')], wait: false },
      [[]],
      'delete r1',
    ],
    [
      'is done with an accepted DELETE where nobody waits',
      { first: [associated], wait: false, ageMs: 0 },
      [r1(accepted), r1(unknown, accepted)],
      'done',
    ],
    [
      'waits where nobody waits, but the last DELETE was not accepted',
      { first: [associated], wait: false, ageMs: 0 },
      [r1(accepted, unknown), r1(rejected)],
      'wait for status',
    ],
    [
      'waits ten seconds for the effect of any DELETE',
      { first: [associated], ageMs: 9_999 },
      LAST_DELETES,
      'wait for status',
    ],
    [
      'is deleted again after ten seconds, up to three times',
      { first: [associated], ageMs: 10_000 },
      [r1(accepted), r1(unknown), r1(conflict), r1(unknown, conflict)],
      'delete r1',
    ],
    [
      'is deleted again after any number of conflicts while it was associating',
      { first: [associated], ageMs: 10_000 },
      [
        [early, early, early, early],
        [early, early, ...r1(conflict)],
        r1(unknown, unknown).concat(early),
      ],
      'delete r1',
    ],
    [
      'is deleted again after any number of DELETEs of other records',
      { first: [associated], ageMs: 10_000 },
      [[deleted('r2', accepted), deleted('r2', accepted), ...r1(accepted)]],
      'delete r1',
    ],
    [
      'fails after three DELETEs that were accepted',
      { first: [associated], ageMs: 10_000 },
      [r1(accepted, accepted, accepted), r1(unknown, rejected, accepted)],
      'fail: rejected',
    ],
    [
      'fails with the reason of the third DELETE',
      { first: [associated], ageMs: 10_000 },
      [r1(unknown, unknown, conflict), r1(accepted, accepted, conflict)],
      'fail: conflict',
    ],
    [
      'fails so where a DELETE met an association, but was not a conflict',
      { first: [associated], ageMs: 10_000 },
      [Array(3).fill(deleted('r1', unknown, { wasAssociating: true }))],
      'fail: network',
    ],
    [
      'fails where the last DELETE cannot succeed',
      { first: [associated], ageMs: 10_000 },
      [r1(lastUnknown)],
      'fail: server',
    ],
    [
      'fails where the last DELETE was rejected',
      { first: [associated], ageMs: 10_000 },
      [r1(rejected), [deleted('r1', rejected, { wasAssociating: true })]],
      'fail: rejected',
    ],
    [
      'has no record: that is confirmed by a list ten seconds after the first',
      { listMs: 9_999, wait: false },
      [[]],
      'wait for confirmation',
    ],
    [
      'has no record in a list ten seconds after the first: done',
      { listMs: 10_000 },
      [[]],
      'done',
    ],
    [
      'has only history: confirmed in the same way',
      { first: [removed], listMs: 9_999 },
      [[]],
      'wait for confirmation',
    ],
    [
      'has only history in a list ten seconds after the first: done',
      { first: [removed], listMs: 10_000 },
      [[]],
      'done',
    ],
    ['has no record in a dry run: done', { dryRun: true }, [[]], 'done'],
    ['has no record after a DELETE: done', {}, [r1(accepted)], 'done'],
    [
      'is not concerned by the records of others',
      {
        first: [record('r1', 'associated', { accountId: OTHER }), unnamed],
        listMs: 10_000,
      },
      [[]],
      'done',
    ],
  ];

  it.each(rows)('%s', (_, one, histories, expected) => {
    for (const deletes of histories) {
      const more = deletes ? { deletes } : {};
      expect(words({ ...one, ...more, desired: 'absent' })).toBe(expected);
    }
  });

  const records = (...statuses: string[]) =>
    statuses.map((status, index) => record(`r${index + 1}`, status));

  it.each<[string, string[], Case['deletes'], string]>([
    [
      'deletes each active one',
      ['associated', 'associating', 'disassociated', 'odd'],
      [],
      'delete r1 r2 r4',
    ],
    [
      'deletes before it fails',
      ['associated', 'associated'],
      r1(rejected),
      'delete r2',
    ],
    [
      'deletes before it waits',
      ['disassociating', 'associated'],
      [],
      'delete r2',
    ],
    [
      'fails before it waits',
      ['disassociating', 'associated'],
      [deleted('r2', rejected)],
      'fail: rejected',
    ],
    [
      'waits before it is done',
      ['disassociated', 'disassociating'],
      [],
      'wait for status',
    ],
    [
      'is done where all are removed',
      ['disassociated', 'disassociated'],
      r1(accepted),
      'done',
    ],
  ])('with several records %s', (_, statuses, deletes, expected) => {
    const one = { desired: 'absent', first: records(...statuses) } as const;
    expect(words({ ...one, deletes: deletes ?? [], ageMs: 10_000 })).toBe(
      expected,
    );
  });

  it('fails only once a list has followed the last DELETE of any record', () => {
    const last = deleted('r2', unknown, { endedMs: 20_000 });
    const at = (listMs: number) =>
      words({
        desired: 'absent',
        first: records('associated', 'associated'),
        deletes: [...r1(rejected), last],
        listMs: listMs - 100,
      });
    expect([at(19_999), at(20_000)]).toEqual([
      'wait for status',
      'fail: rejected',
    ]);
    const ended = decided({
      desired: 'absent',
      first: records('associated', 'disassociated'),
      deletes: [...r1(rejected), last],
      ageMs: 10_000,
    });
    expect(inWords(ended)).toBe('wait for status');
  });

  it('says that its record is still there, where each DELETE was accepted', () => {
    const decision = decided({
      desired: 'absent',
      first: [record('r1', 'odd')],
      deletes: r1(accepted, accepted, accepted),
      ageMs: 10_000,
    });
    expect(failureOf(decision)).toEqual({
      cause: 'rejected',
      reason: 'recipient r1 is still "odd" after 3 requests to remove it',
      request: null,
    });
  });

  it.each<[string, string[], Case['deletes'], string]>([
    ['the active one', ['disassociated', 'disassociating', 'odd'], [], 'r3'],
    ['one being removed', ['disassociated', 'disassociating'], [], 'r2'],
    [
      'one that was written to',
      ['disassociated', 'disassociated'],
      [deleted('r2', accepted), deleted('r3', accepted)],
      'r2',
    ],
    [
      'the active one, not one that was written to',
      ['disassociated', 'associated'],
      r1(accepted),
      'r2',
    ],
    ['the oldest', ['disassociated', 'disassociated'], [], 'r1'],
  ])('is shown by %s', (_, statuses, deletes, id) => {
    const first = records(...statuses);
    const one = { desired: 'absent', first, deletes: deletes ?? [] } as const;
    expect(decided(one)).toMatchObject({ inUse: id, recipient: { id } });
  });
});

describe('an account of `exact` that is not listed', () => {
  const scope = { desired: 'absent', unlistedRecords: [associated] } as const;
  const another = record('r2', 'associated', OLDER);

  it('loses only the records that the first list showed as active', () => {
    expect(words({ ...scope, first: [associated], later: [another] })).toBe(
      'delete r1',
    );
  });

  it('loses all of these', () => {
    const unlistedRecords = [associated, another];
    expect(words({ ...scope, unlistedRecords, first: unlistedRecords })).toBe(
      'delete r2 r1',
    );
  });

  it('is done without a record that appeared later, which its status shows', () => {
    const decision = decided({
      ...scope,
      first: [associated],
      later: [removed, another],
      deletes: r1(accepted),
    });
    expect(decision).toMatchObject({
      next: { do: 'done' },
      recipient: { id: 'r2', status: 'associated' },
      changed: true,
    });
  });
});

describe('what a run has removed', () => {
  it.each<[string, Case, boolean]>([
    ['nothing, where nothing was there', { listMs: 10_000 }, false],
    ['nothing, where a removal was under way', { first: [ending] }, false],
    [
      'nothing after a rejection',
      { first: [associated], deletes: r1(rejected), ageMs: 0 },
      false,
    ],
    [
      'nothing, where somebody else was faster',
      { first: [associated], later: [removed], deletes: r1(rejected) },
      false,
    ],
    [
      'what was accepted',
      { first: [associated], deletes: r1(accepted), ageMs: 0 },
      true,
    ],
    [
      'what is removed after a lost reply, even beside an active record',
      {
        first: [associated, record('r2', 'associated')],
        later: [removed],
        deletes: r1(unknown),
      },
      true,
    ],
    [
      'what is being removed after a lost reply',
      { first: [associated], later: [ending], deletes: r1(unknown) },
      true,
    ],
    [
      'nothing after a lost reply, where the record is active',
      { first: [associated], deletes: r1(unknown), ageMs: 0 },
      false,
    ],
    [
      'nothing after a lost reply, where only another record is removed',
      {
        first: [associated],
        later: [record('r2', 'disassociated')],
        deletes: r1(unknown),
        ageMs: 0,
      },
      false,
    ],
    [
      'in a dry run, an active record',
      { dryRun: true, first: [record('r0', 'disassociated'), associated] },
      true,
    ],
    ['in a dry run, no removal', { dryRun: true, first: [ending] }, false],
    ['in a dry run, no history', { dryRun: true, first: [removed] }, false],
    [
      'in a dry run, nothing that fails',
      {
        dryRun: true,
        first: [associated],
        deletes: r1(rejected),
        ageMs: 10_000,
      },
      false,
    ],
  ])('%s', (_, one, changed) => {
    expect(decided({ ...one, desired: 'absent' }).changed).toBe(changed);
  });
});

describe('an organization that should have no access', () => {
  const target = AN_ORGANIZATION;
  const own = record('r1', 'associated', { accountId: ORGANIZATION });
  const other = record('r2', 'associated');
  const absent = (one: Case): Case => ({
    target,
    desired: 'absent',
    listMs: 10_000,
    ...one,
  });

  it('is deleted where its record names it', () => {
    expect(words(absent({ first: [own, other] }))).toBe('delete r1');
  });

  it('may be any active record where none names it: inconclusive, naming them', () => {
    const odd = record('r3', 'odd', { accountId: null, ...OLDER });
    const gone = record('r4', 'disassociated');
    const decision = decided(absent({ first: [other, odd, gone] }));
    expect(failureOf(decision)).toEqual({
      cause: 'inconclusive',
      reason: `no recipient is known to be the organization; it may be one of r3 (account unknown), r2 (account ${ACCOUNT})`,
      request: null,
    });
    expect(words(absent({ first: [other], dryRun: true }))).toBe(
      'fail: inconclusive',
    );
  });

  it('is named with five others at most', () => {
    const first = Array.from({ length: 7 }, (_, index) =>
      record(`r${index}`, 'associated', { accountId: account(index) }),
    );
    const { reason } = failureOf(decided(absent({ first }))) ?? {};
    expect(reason).toMatch(/r4 \(account \w+\) and 2 more$/);
  });

  it('is done where others are history or being removed, or its own is', () => {
    const history = { ...own, status: 'disassociated' } as const;
    for (const first of [
      [],
      [record('r2', 'disassociated')],
      [record('r2', 'disassociating')],
      [history, other],
    ]) {
      expect(words(absent({ first }))).toBe('done');
    }
  });

  it('does not concern an account', () => {
    expect(words({ desired: 'absent', first: [unnamed], listMs: 10_000 })).toBe(
      'done',
    );
  });
});

describe('a target', () => {
  it.each([
    [{ do: 'create' }, true],
    [{ do: 'delete', recipientIds: ['r1'] }, true],
    [{ do: 'wait', for: 'status' }, true],
    [{ do: 'done' }, false],
    [
      {
        do: 'fail',
        failure: { cause: 'stopped', reason: '', request: null },
      },
      false,
    ],
  ] as const)('that has to %j is pending: %j', (next, pending) => {
    const decision = { ...decided({}), next };
    expect(isPending(decision)).toBe(pending);
    expect(failureOf(decision)).toBe(next.do === 'fail' ? next.failure : null);
  });

  it('may have been changed by a write with an unknown outcome only', () => {
    expect(RESULTS.filter((result) => isUnknown({ result }))).toEqual([
      unknown,
      lastUnknown,
    ]);
  });
});
