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

/** A row of a table: what it shows, what is decided, and of what. */
const row = <Cells extends readonly unknown[]>(
  title: string,
  expected: string | boolean | null,
  ...cells: Cells
) => [title, expected, ...cells] as const;

describe('table P: an account that should have access', () => {
  const rows = [
    row(
      'fails where a resource failed permanently, before its status counts',
      'fail: resource-error',
      ANY_POST,
      { later: [record('r1', 'associated', terminal)] },
    ),
    row('fails so while associating', 'fail: resource-error', ANY_POST, {
      later: [record('r1', 'associating', terminal)],
      wait: false,
    }),
    row(
      'fails so with an unknown status, and beside errors that are retried',
      'fail: resource-error',
      ANY_POST,
      {
        later: [
          record('r1', 'odd', {
            errors: [...retried.errors, ...terminal.errors],
          }),
        ],
      },
    ),
    row('is done once associated without an error', 'done', ANY_POST, {
      later: [associated],
    }),
    row('waits for the status while associating', 'wait for status', ANY_POST, {
      later: [record('r1', 'associating')],
    }),
    row(
      'waits for the status while Cloudflare retries a resource',
      'wait for status',
      ANY_POST,
      { later: [record('r1', 'associated', retried)] },
    ),
    row(
      'waits for the status where it is unknown',
      'wait for status',
      ANY_POST,
      { later: [record('r1', 'odd')] },
    ),
    row('is done with any active record where nobody waits', 'done', ANY_POST, {
      later: [record('r1', 'associating', retried)],
      wait: false,
    }),
    row(
      'fails where the record in use is being removed',
      'fail: removed',
      ANY_POST,
      { inUse: 'r1', later: [ending] },
    ),
    row(
      'fails where the record in use was removed',
      'fail: removed',
      ANY_POST,
      { inUse: 'r1', later: [removed] },
    ),
    row(
      'fails so where a record appeared after a lost reply, and is removed',
      'fail: removed',
      [[unknown], [unknown, rejected]],
      { later: [removed] },
    ),
    row(
      'fails where the record in use comes back with another account',
      'fail: inconclusive',
      ANY_POST,
      {
        inUse: 'r1',
        later: [record('r1', 'associated', { accountId: OTHER })],
      },
    ),
    row(
      'is done with the record in use, even where that names no account',
      'done',
      ANY_POST,
      { inUse: 'r1', later: [unnamed] },
    ),
    row('waits for a removal that is under way', 'wait for removal', ANY_POST, {
      first: [ending],
    }),
    row(
      'waits so where other records are history',
      'wait for removal',
      ANY_POST,
      { first: [removed, record('r2', 'disassociating')], wait: false },
    ),
    row('is created where nothing was sent', 'create', [[]], {}),
    row('is created beside history', 'create', [[]], { first: [removed] }),
    row('is created beside the records of others', 'create', [[]], {
      first: [record('r1', 'associated', { accountId: OTHER }), unnamed],
    }),
    row(
      'waits ten seconds for the effect of a POST whose outcome is unknown, or that met another',
      'wait for effect',
      [[unknown], [lastUnknown], [conflict], [unknown, unknown, unknown]],
      { ageMs: 9_999 },
    ),
    row(
      'waits for one list after a rejection',
      'wait for effect',
      [[rejected]],
      { ageMs: -1 },
    ),
    row(
      'is created again ten seconds after a lost reply or a conflict, up to three times',
      'create',
      [[unknown], [conflict], [unknown, conflict]],
      { ageMs: 10_000 },
    ),
    row(
      'fails after three POSTs, with the reason of the last',
      'fail: network',
      [
        [conflict, conflict, unknown],
        [rejected, rejected, rejected, unknown],
      ],
      { ageMs: 10_000 },
    ),
    row(
      'fails where the last POST cannot succeed',
      'fail: server',
      [[lastUnknown], [conflict, lastUnknown]],
      { ageMs: 10_000 },
    ),
    row(
      'fails with a rejection once a list has followed it',
      'fail: rejected',
      [[rejected], [unknown, rejected]],
      { ageMs: 0 },
    ),
    row(
      'waits for the record that an accepted POST named, should it be missing',
      'wait for effect',
      [[accepted]],
      { ageMs: 10_000 },
    ),
  ];

  it.each(rows)('%s', (_, expected, histories, one) => {
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
  it.each([
    row('is the oldest active one, even of unknown status', 'r2', {
      first: [associated, record('r2', 'odd', OLDER)],
    }),
    row('is no history and none that is being removed, however old', 'r1', {
      first: [
        associated,
        record('r2', 'disassociated', OLDER),
        record('r3', 'disassociating', OLDER),
      ],
    }),
    row('is replaced by another active one where it was removed', 'r2', {
      inUse: 'r1',
      first: [ending, record('r2', 'associated')],
    }),
    row('is replaced by an older one from a parallel run', 'r2', {
      inUse: 'r1',
      first: [associated, record('r2', 'associating', OLDER)],
    }),
    row('is kept where it was removed', 'r1', { inUse: 'r1', first: [ending] }),
    row('is none of the first list after a lost reply', null, {
      first: [removed],
      ageMs: 0,
      posts: [unknown],
    }),
    row('is none that appears after a rejection', null, {
      later: [removed],
      ageMs: 0,
      posts: [rejected],
    }),
    row('is the active one, not the one that appeared', 'r1', {
      later: [record('r2', 'disassociated', OLDER), associated],
      posts: [unknown],
    }),
  ])('%s', (_, inUse, one) => {
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
  it.each([
    row('nothing, where the account was there', false, { first: [associated] }),
    row('nothing, where nothing was sent', false, {}),
    row('nothing after a rejection', false, { ageMs: 0, posts: [rejected] }),
    row('nothing, where a parallel run was faster', false, {
      later: [associated],
      posts: [rejected],
    }),
    row('nothing, where a conflict was a parallel run', false, {
      later: [associated],
      posts: [conflict],
    }),
    row('what was accepted, even if it was removed', true, {
      later: [removed],
      inUse: 'r1',
      posts: [accepted],
    }),
    row('what appeared after a lost reply', true, {
      later: [associated],
      posts: [unknown],
    }),
    row('what appeared after an earlier lost reply', true, {
      later: [associated],
      posts: [unknown, rejected],
    }),
    row('history that became active after a lost reply', true, {
      first: [{ ...removed, modifiedMs: 1 }],
      later: [{ ...associated, modifiedMs: 2 }],
      posts: [unknown],
    }),
    row('nothing after a lost reply, where nothing appeared', false, {
      ageMs: 0,
      posts: [unknown],
    }),
    row('in a dry run, a missing account', true, { dryRun: true }),
    row('in a dry run, history', true, { dryRun: true, first: [removed] }),
    row('in a dry run, a removal', true, { dryRun: true, first: [ending] }),
    row('in a dry run, no active account', false, {
      dryRun: true,
      first: [record('r1', 'associating')],
    }),
    row('in a dry run, nothing that fails', false, {
      dryRun: true,
      first: [record('r1', 'associated', terminal)],
    }),
    row('in a dry run, nothing that was removed by somebody', false, {
      dryRun: true,
      inUse: 'r1',
      first: [removed],
    }),
  ])('%s', (_, changed, one) => {
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

describe('table A: an account that should have no access', () => {
  const rows = [
    row('is done once its record is removed', 'done', LAST_DELETES, {
      later: [removed],
    }),
    row(
      'waits while its record is being removed',
      'wait for status',
      ANY_DELETE,
      { first: [ending] },
    ),
    row('is done with that where nobody waits', 'done', ANY_DELETE, {
      first: [ending],
      wait: false,
    }),
    row(
      'is deleted where nothing was sent, whatever its status',
      'delete r1',
      [[], [deleted('r2', accepted)]],
      { first: [record('r1', 'odd', terminal)] },
    ),
    row('is deleted while associating', 'delete r1', [[]], {
      first: [record('r1', 'associating')],
      wait: false,
    }),
    row(
      'is done with an accepted DELETE where nobody waits',
      'done',
      [r1(accepted), r1(unknown, accepted)],
      { first: [associated], wait: false, ageMs: 0 },
    ),
    row(
      'waits where nobody waits, but the last DELETE was not accepted',
      'wait for status',
      [r1(accepted, unknown), r1(rejected)],
      { first: [associated], wait: false, ageMs: 0 },
    ),
    row(
      'waits ten seconds for the effect of any DELETE',
      'wait for status',
      LAST_DELETES,
      { first: [associated], ageMs: 9_999 },
    ),
    row(
      'is deleted again after ten seconds, up to three times',
      'delete r1',
      [r1(accepted), r1(unknown), r1(conflict), r1(unknown, conflict)],
      { first: [associated], ageMs: 10_000 },
    ),
    row(
      'is deleted again after any number of conflicts while it was associating',
      'delete r1',
      [
        [early, early, early, early],
        [early, early, ...r1(conflict)],
        r1(unknown, unknown).concat(early),
      ],
      { first: [associated], ageMs: 10_000 },
    ),
    row(
      'is deleted again after any number of DELETEs of other records',
      'delete r1',
      [[deleted('r2', accepted), deleted('r2', accepted), ...r1(accepted)]],
      { first: [associated], ageMs: 10_000 },
    ),
    row(
      'fails after three DELETEs that were accepted',
      'fail: server',
      [r1(accepted, accepted, accepted), r1(unknown, rejected, accepted)],
      { first: [associated], ageMs: 10_000 },
    ),
    row(
      'fails with the reason of the third DELETE',
      'fail: conflict',
      [r1(unknown, unknown, conflict), r1(accepted, accepted, conflict)],
      { first: [associated], ageMs: 10_000 },
    ),
    row(
      'fails so where a DELETE met an association, but was not a conflict',
      'fail: network',
      [Array(3).fill(deleted('r1', unknown, { wasAssociating: true }))],
      { first: [associated], ageMs: 10_000 },
    ),
    row(
      'fails where the last DELETE cannot succeed',
      'fail: server',
      [r1(lastUnknown)],
      { first: [associated], ageMs: 10_000 },
    ),
    row(
      'fails where the last DELETE was rejected',
      'fail: rejected',
      [r1(rejected), [deleted('r1', rejected, { wasAssociating: true })]],
      { first: [associated], ageMs: 10_000 },
    ),
    row(
      'has no record: that is confirmed by a list ten seconds after the first',
      'wait for confirmation',
      [[]],
      { listMs: 9_999, wait: false },
    ),
    row(
      'has no record in a list ten seconds after the first: done',
      'done',
      [[]],
      { listMs: 10_000 },
    ),
    row(
      'has only history: confirmed in the same way',
      'wait for confirmation',
      [[]],
      { first: [removed], listMs: 9_999 },
    ),
    row(
      'has only history in a list ten seconds after the first: done',
      'done',
      [[]],
      { first: [removed], listMs: 10_000 },
    ),
    row(
      'fails where its record comes back with another account',
      'fail: inconclusive',
      [[], r1(accepted)],
      {
        inUse: 'r1',
        later: [record('r1', 'associated', { accountId: OTHER })],
        listMs: 10_000,
      },
    ),
    row('does not fail so once that record is removed', 'done', [[]], {
      inUse: 'r1',
      later: [record('r1', 'disassociated', { accountId: OTHER })],
      listMs: 10_000,
    }),
    row('has no record in a dry run: done', 'done', [[]], { dryRun: true }),
    row('has no record after a DELETE: done', 'done', [r1(accepted)], {}),
    row('is not concerned by the records of others', 'done', [[]], {
      first: [record('r1', 'associated', { accountId: OTHER }), unnamed],
      listMs: 10_000,
    }),
  ];

  it.each(rows)('%s', (_, expected, histories, one) => {
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
      cause: 'server',
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
  it.each([
    row('nothing, where nothing was there', false, { listMs: 10_000 }),
    row('nothing, where a removal was under way', false, { first: [ending] }),
    row('nothing after a rejection', false, {
      first: [associated],
      deletes: r1(rejected),
      ageMs: 0,
    }),
    row('nothing, where somebody else was faster', false, {
      first: [associated],
      later: [removed],
      deletes: r1(rejected),
    }),
    row('what was accepted', true, {
      first: [associated],
      deletes: r1(accepted),
      ageMs: 0,
    }),
    row(
      'what is removed after a lost reply, even beside an active record',
      true,
      {
        first: [associated, record('r2', 'associated')],
        later: [removed],
        deletes: r1(unknown),
      },
    ),
    row('what is being removed after a lost reply', true, {
      first: [associated],
      later: [ending],
      deletes: r1(unknown),
    }),
    row('nothing after a lost reply, where the record is active', false, {
      first: [associated],
      deletes: r1(unknown),
      ageMs: 0,
    }),
    row(
      'nothing after a lost reply, where only another record is removed',
      false,
      {
        first: [associated],
        later: [record('r2', 'disassociated')],
        deletes: r1(unknown),
        ageMs: 0,
      },
    ),
    row('in a dry run, an active record', true, {
      dryRun: true,
      first: [record('r0', 'disassociated'), associated],
    }),
    row('in a dry run, no removal', false, { dryRun: true, first: [ending] }),
    row('in a dry run, no history', false, { dryRun: true, first: [removed] }),
    row('in a dry run, nothing that fails', false, {
      dryRun: true,
      first: [associated],
      deletes: r1(rejected),
      ageMs: 10_000,
    }),
  ])('%s', (_, changed, one) => {
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
      reason: `the organization may still be a recipient: it may be one of r3 (account unknown), r2 (account ${ACCOUNT})`,
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
