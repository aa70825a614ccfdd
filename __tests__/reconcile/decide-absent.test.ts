/**
 * Table A of docs/how-it-works.md, row by row. What holds for every decision is
 * in __tests__/model/invariants.ts.
 */
import { describe, expect, it } from 'vitest';
import { type Delete, failureOf } from '../../src/reconcile/target-state.ts';
import {
  ACCOUNT,
  AN_ORGANIZATION,
  account,
  ORGANIZATION,
  record,
} from '../builders.ts';
import {
  ANY_RESULT,
  associated,
  associating,
  type Case,
  type DeleteResult,
  decided as decidedCase,
  deleted,
  ending,
  failing,
  inWords,
  OLDER,
  odd,
  ofOther,
  r1Deleted,
  removed,
  rows,
  unnamed,
} from './cases.ts';

const decided = (one: Case) => decidedCase({ desired: 'absent', ...one });
const words = (one: Case) => inWords(decided(one));

/** Every last DELETE of r1 there can be. */
const LAST_DELETE = ANY_RESULT.map((result) => r1Deleted(result));
const NO_DELETE = [[]];
const ANY_DELETE = [...NO_DELETE, ...LAST_DELETE];
const r2Deleted = deleted('r2', 'accepted');

function decides(
  expected: string,
  histories: readonly (readonly Delete[])[],
  table: Record<string, Case>,
) {
  rows(`has the decision "${expected}"`, table, (one) => {
    for (const deletes of histories) {
      expect(words({ ...one, deletes })).toBe(expected);
    }
  });
}

describe('an account that should have no access', () => {
  const first = [associated];
  const anOdd = [{ ...failing, status: odd.status }];
  const others = [ofOther, { ...unnamed, id: 'r2' }];
  const goneOfOther = [{ ...ofOther, status: 'disassociated' as const }];

  decides('done', LAST_DELETE, {
    'once its record is removed': { later: [removed] },
  });
  decides('wait for status', ANY_DELETE, {
    'while its record is being removed': { first: [ending] },
  });
  decides('done', ANY_DELETE, {
    'with that where nobody waits': { first: [ending], wait: false },
  });
  decides('delete r1', [[], [r2Deleted]], {
    'where nothing was sent, whatever the status': { first: anOdd },
    'while associating': { first: [associating], wait: false },
  });
  decides('wait for status', LAST_DELETE, {
    'for ten seconds after any DELETE': { first, ageMs: 9_999 },
  });
  decides('wait for confirmation', NO_DELETE, {
    'without a record': { listMs: 9_999, wait: false },
    'with history only': { first: [removed], listMs: 9_999 },
  });
  decides('done', NO_DELETE, {
    'without a record after ten seconds': { listMs: 10_000 },
    'with history only after ten seconds': { first: [removed], listMs: 10_000 },
    'beside the records of others': { first: others, listMs: 10_000 },
    'without a record in a dry run': { dryRun: true },
    'where the record in use is of another, and removed': {
      inUse: 'r1',
      later: goneOfOther,
      listMs: 10_000,
    },
  });
  decides('done', [r1Deleted('accepted')], {
    'without a record after a DELETE': {},
  });
  decides('fail: inconclusive', [[], r1Deleted('accepted')], {
    'where the record in use is of another': {
      inUse: 'r1',
      later: [ofOther],
      listMs: 10_000,
    },
  });
  decides('fail: inconclusive', LAST_DELETE, {
    'where the record that it was sent for is of another': { later: [ofOther] },
  });
  decides('fail: inconclusive', NO_DELETE, {
    'where a record that the first list showed is of another': {
      unlistedRecords: [associated],
      later: [ofOther],
      listMs: 10_000,
    },
  });

  it.each<[DeleteResult[], string]>([
    [['accepted'], 'done'],
    [['lost', 'accepted'], 'done'],
    [['accepted', 'lost'], 'wait for status'],
    [['rejected'], 'wait for status'],
  ])('right after DELETEs %j, where nobody waits: %s', (results, expected) => {
    const deletes = r1Deleted(...results);
    expect(words({ first, deletes, wait: false, ageMs: 0 })).toBe(expected);
  });

  it.each<[DeleteResult[], string]>([
    [['accepted'], 'delete r1'],
    [['lost'], 'delete r1'],
    [['conflict'], 'delete r1'],
    [['lost', 'conflict'], 'delete r1'],
    [['accepted', 'accepted', 'accepted'], 'fail: server'],
    [['lost', 'rejected', 'accepted'], 'fail: server'],
    [['lost', 'lost', 'conflict'], 'fail: conflict'],
    [['accepted', 'accepted', 'conflict'], 'fail: conflict'],
    [['lostForGood'], 'fail: server'],
    [['rejected'], 'fail: rejected'],
    // However often a DELETE meets the association, it is sent again.
    [Array(4).fill('early conflict'), 'delete r1'],
    [['early conflict', 'early conflict', 'conflict'], 'delete r1'],
    [['lost', 'lost', 'early conflict'], 'delete r1'],
    [['early lost', 'early lost', 'early lost'], 'fail: network'],
    [['early rejected'], 'fail: rejected'],
  ])('ten seconds after DELETEs %j: %s', (results, expected) => {
    const deletes = r1Deleted(...results);
    expect(words({ first, deletes, ageMs: 10_000 })).toBe(expected);
  });

  it('is deleted again, however often another record was', () => {
    const deletes = [r2Deleted, r2Deleted, ...r1Deleted('accepted')];
    expect(words({ first, deletes, ageMs: 10_000 })).toBe('delete r1');
  });

  it('says that its record is still there, where each DELETE was accepted', () => {
    const deletes = r1Deleted('accepted', 'accepted', 'accepted');
    const decision = decided({ first: [odd], deletes, ageMs: 10_000 });
    expect(failureOf(decision)).toEqual({
      cause: 'server',
      reason: 'recipient r1 is still "odd" after 3 requests to remove it',
      request: null,
    });
  });
});

describe('several records of an account', () => {
  const gone = 'disassociated';
  const going = 'disassociating';
  const active = 'associated';
  const records = (...statuses: string[]) =>
    statuses.map((status, index) => record(`r${index + 1}`, status));

  it.each<[string, string, string[], Delete[]]>([
    [
      'each active one',
      'delete r1 r2 r4',
      [active, 'associating', gone, 'odd'],
      [],
    ],
    [
      'a DELETE before a failure',
      'delete r2',
      [active, active],
      r1Deleted('rejected'),
    ],
    ['a DELETE before a wait', 'delete r2', [going, active], []],
    [
      'a failure before a wait',
      'fail: rejected',
      [going, active],
      [deleted('r2', 'rejected')],
    ],
    ['a wait before the end', 'wait for status', [gone, going], []],
    ['the end', 'done', [gone, gone], r1Deleted('accepted')],
  ])('are decided together, %s: %s', (_, expected, statuses, deletes) => {
    const first = records(...statuses);
    expect(words({ first, deletes, ageMs: 10_000 })).toBe(expected);
  });

  it.each([
    [29_999, active, 'wait for status'],
    [30_000, active, 'delete r2'],
    [29_999, gone, 'wait for status'],
    [30_000, gone, 'fail: rejected'],
  ])(
    'fail when what came of each DELETE is shown: at %d ms, %s, %s',
    (atMs, status, expected) => {
      const last = deleted('r2', 'lost', { endedMs: 20_000 });
      const deletes = [...r1Deleted('rejected'), last];
      const first = records(active, status);
      expect(words({ first, deletes, listMs: atMs - 100 })).toBe(expected);
    },
  );

  const r3Deleted = deleted('r3', 'accepted');
  it.each<[string, string, string[], Delete[]]>([
    ['the active one', 'r3', [gone, going, 'odd'], []],
    ['one being removed', 'r2', [gone, going], []],
    ['one that was written to', 'r2', [gone, gone], [r2Deleted, r3Deleted]],
    ['the active one before that', 'r2', [gone, active], r1Deleted('accepted')],
    ['the oldest', 'r1', [gone, gone], []],
  ])('are shown by %s', (_, id, statuses, deletes) => {
    const decision = decided({ first: records(...statuses), deletes });
    expect(decision).toMatchObject({ inUse: id, recipient: { id } });
  });
});

describe('an account of `exact` that is not listed', () => {
  const late = record('r2', 'associated', OLDER);
  const scope: Case = { first: [associated], unlistedRecords: [associated] };

  it('loses the records that the first list showed as active, and no others', () => {
    expect(words({ ...scope, later: [late] })).toBe('delete r1');
    const both = [associated, late];
    expect(words({ first: both, unlistedRecords: both })).toBe('delete r2 r1');
  });

  it('is done without a record that appeared later, which its status shows', () => {
    const deletes = r1Deleted('accepted');
    const decision = decided({ ...scope, later: [removed, late], deletes });
    expect(decision).toMatchObject({
      next: { do: 'done' },
      recipient: { id: 'r2', status: 'associated' },
      changed: true,
    });
  });
});

describe('a run', () => {
  const removes = (
    changed: boolean,
    verb: string,
    table: Record<string, Case>,
  ) => rows(verb, table, (one) => expect(decided(one).changed).toBe(changed));
  const first = [associated];
  const accepted = r1Deleted('accepted');
  const lost = r1Deleted('lost');
  const rejected = r1Deleted('rejected');
  const another = record('r2', 'disassociated');

  removes(false, 'has removed nothing', {
    'where nothing was there': { listMs: 10_000 },
    'where a removal was under way': { first: [ending] },
    'after a rejection': { first, deletes: rejected },
    'where another was faster': { first, later: [removed], deletes: rejected },
    'after a lost reply that changed nothing': { first, deletes: lost },
    'after it, where another record is removed': {
      first,
      later: [another],
      deletes: lost,
    },
  });

  removes(true, 'has removed', {
    'what was accepted': { first, deletes: accepted },
    'what is removed after a lost reply, even beside an active record': {
      first: [associated, record('r2', 'associated')],
      later: [removed],
      deletes: lost,
    },
    'what is going after a lost reply': {
      first,
      later: [ending],
      deletes: lost,
    },
  });

  const dryRun = true;
  removes(true, 'that is dry would remove', {
    'an active record': {
      dryRun,
      first: [record('r0', 'disassociated'), associated],
    },
  });

  removes(false, 'that is dry would not remove', {
    'what is going': { dryRun, first: [ending] },
    history: { dryRun, first: [removed] },
    'what fails': { dryRun, first, deletes: rejected, ageMs: 10_000 },
  });
});

describe('an organization that should have no access', () => {
  const own = { ...associated, accountId: ORGANIZATION };
  const ownGone = { ...own, status: 'disassociated' as const };
  const other = record('r2', 'associated');
  const absent = (one: Case): Case => ({
    target: AN_ORGANIZATION,
    listMs: 10_000,
    ...one,
  });

  it.each<[string, string, Case]>([
    ['a record that names it', 'delete r1', { first: [own, other] }],
    [
      'another, in a dry run',
      'fail: inconclusive',
      { first: [other], dryRun: true },
    ],
    ['no record', 'done', {}],
    ['history', 'done', { first: [record('r2', 'disassociated')] }],
    ['a removal', 'done', { first: [record('r2', 'disassociating')] }],
    ['its own history beside another', 'done', { first: [ownGone, other] }],
  ])('with %s has the decision "%s"', (_, expected, one) => {
    expect(words(absent(one))).toBe(expected);
  });

  it('may be any active record where none names it: inconclusive, naming them', () => {
    const unknown = record('r3', 'odd', { accountId: null, ...OLDER });
    const gone = record('r4', 'disassociated');
    const decision = decided(absent({ first: [other, unknown, gone] }));
    expect(failureOf(decision)).toEqual({
      cause: 'inconclusive',
      reason: `the organization may still be a recipient: it may be one of r3 (account unknown), r2 (account ${ACCOUNT})`,
      request: null,
    });
  });

  it('is named with five others at most', () => {
    const first = Array.from({ length: 7 }, (_, index) =>
      record(`r${index}`, 'associated', { accountId: account(index) }),
    );
    const { reason } = failureOf(decided(absent({ first }))) ?? {};
    expect(reason).toMatch(/r4 \(account \w+\) and 2 more$/);
  });
});
