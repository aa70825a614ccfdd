/**
 * Table P of docs/how-it-works.md, row by row. What holds for every decision is
 * in __tests__/model/invariants.ts.
 */
import { describe, expect, it } from 'vitest';
import { failureOf } from '../../src/reconcile/target-state.ts';
import {
  A_SHARE,
  ACCOUNT,
  AN_ORGANIZATION,
  ORGANIZATION,
  OTHER,
  record,
  resourceError,
} from '../builders.ts';
import {
  ANY_RESULT,
  associated,
  associating,
  type Case,
  decided,
  ending,
  failing,
  OLDER,
  odd,
  ofOther,
  type Result,
  removed,
  retried,
  rows,
  unnamed,
  words,
} from './cases.ts';

/** No POST, and every last POST there can be. */
const ANY_POST: Result[][] = [[], ...ANY_RESULT.map((result) => [result])];

/** A record that is older than r1. */
const old = (status: string, id = 'r2') => record(id, status, OLDER);

function decides(
  expected: string,
  table: Record<string, Case>,
  histories = ANY_POST,
) {
  rows(`has the decision "${expected}"`, table, (one) => {
    for (const posts of histories) {
      expect(words({ ...one, posts })).toBe(expected);
    }
  });
}

describe('an account that should have access', () => {
  const bothErrors = [resourceError(false), resourceError(true)];
  const inUse = 'r1';

  decides('fail: resource-error', {
    'before its status counts': { later: [failing] },
    'while associating': {
      later: [{ ...failing, status: 'associating' }],
      wait: false,
    },
    'beside an error that is retried, with an unknown status': {
      later: [{ ...odd, errors: bothErrors }],
    },
  });

  decides('done', {
    'once associated without an error': { later: [associated] },
    'beside an older removal': { later: [associated, old('disassociating')] },
    'with any active record where nobody waits': {
      later: [{ ...retried, status: 'associating' }],
      wait: false,
    },
    'with the record in use, unnamed now': { inUse, later: [unnamed] },
  });

  decides('wait for status', {
    'while associating': { later: [associating] },
    'while Cloudflare retries a resource': { later: [retried] },
    'where the status is unknown': { later: [odd] },
  });

  decides('fail: removed', {
    'where the record in use is going': { inUse, later: [ending] },
    'where the record in use is gone': { inUse, later: [removed] },
  });

  decides('fail: inconclusive', {
    'where the record in use is of another': { inUse, later: [ofOther] },
  });

  decides('wait for removal', {
    'while that is under way': { first: [ending] },
    'beside history, although nobody waits': {
      first: [removed, record('r2', 'disassociating')],
      wait: false,
    },
  });

  const others = [ofOther, { ...unnamed, id: 'r2' }];
  const beforePost = {
    'where nothing was sent': {},
    'beside history': { first: [removed] },
    'beside the records of others': { first: others },
  };
  decides('create', beforePost, [[]]);

  const appeared = { 'where its record appeared later': { later: [removed] } };
  decides('fail: removed', appeared, [['lost'], ['lost', 'rejected']]);

  it.each<[Result[], number, string]>([
    [['lost'], 9_999, 'wait for effect'],
    [['lost'], 10_000, 'create'],
    [['lostForGood'], 9_999, 'wait for effect'],
    [['lostForGood'], 10_000, 'fail: server'],
    [['conflict'], 9_999, 'wait for effect'],
    [['conflict'], 10_000, 'create'],
    [['rejected'], -1, 'wait for effect'],
    [['rejected'], 0, 'fail: rejected'],
    [['lost', 'rejected'], 0, 'fail: rejected'],
    [['lost', 'conflict'], 10_000, 'create'],
    [['conflict', 'lostForGood'], 10_000, 'fail: server'],
    [['lost', 'lost', 'lost'], 9_999, 'wait for effect'],
    [['conflict', 'conflict', 'lost'], 10_000, 'fail: network'],
    [['rejected', 'rejected', 'rejected', 'lost'], 10_000, 'fail: network'],
    // The record that the reply named is missing.
    [['accepted'], 10_000, 'wait for effect'],
  ])('after POSTs %j, without a record %d ms later: %s', (...row) => {
    const [posts, ageMs, expected] = row;
    expect(words({ posts, ageMs })).toBe(expected);
  });

  const resourceTypes = new Map([['policy', 'gateway-policy']]);
  const share = { ...A_SHARE, resourceTypes };
  const isOfOther = `recipient r1 names account ${OTHER} instead of ${ACCOUNT}`;
  it.each<[string, string, Case]>([
    [
      'resource-error',
      'gateway-policy policy: no entitlement',
      { first: [failing], share },
    ],
    ['removed', 'recipient r1 is disassociating', { inUse, first: [ending] }],
    ['inconclusive', isOfOther, { inUse, first: [ofOther] }],
  ])('fails as %s: %s', (cause, reason, one) => {
    expect(failureOf(decided(one))).toEqual({ cause, reason, request: null });
  });
});

describe('the record in use', () => {
  const history = ['r2', 'r3'].map((id) => record(id, 'disassociated'));

  it.each<[string, string | null, Case]>([
    ['the oldest active one', 'r2', { first: [associated, old('odd')] }],
    [
      'the active one, not an older one that is going or gone',
      'r1',
      {
        first: [associated, old('disassociated'), old('disassociating', 'r3')],
      },
    ],
    [
      'another active one where it was removed',
      'r2',
      { inUse: 'r1', first: [ending, record('r2', 'associated')] },
    ],
    [
      'an older one from a parallel run',
      'r2',
      { inUse: 'r1', first: [associated, old('associating')] },
    ],
    ['the same after its removal', 'r1', { inUse: 'r1', first: [ending] }],
    [
      'none of the first list after a lost reply',
      null,
      { first: [removed], posts: ['lost'] },
    ],
    [
      'none that appears after a rejection',
      null,
      { later: [removed], posts: ['rejected'] },
    ],
    [
      'the active one, not one that appeared after a lost reply',
      'r1',
      { later: [old('disassociated'), associated], posts: ['lost'] },
    ],
  ])('is %s', (_, id, one) => {
    expect(decided(one).inUse).toBe(id);
  });

  it.each<[string, string | null, Case]>([
    ['itself', 'r1', { first: [associated] }],
    ['itself, once gone', 'r1', { inUse: 'r1', first: [removed, ...history] }],
    ['the newest of history', 'r3', { first: [removed, ...history] }],
    ['one that is going', 'r2', { first: [removed, old('disassociating')] }],
    ['nothing', null, {}],
  ])('is shown, or what comes closest: %s', (_, id, one) => {
    expect(decided(one).recipient?.id ?? null).toBe(id);
  });
});

describe('a run', () => {
  const adds = (changed: boolean, verb: string, table: Record<string, Case>) =>
    rows(verb, table, (one) => expect(decided(one).changed).toBe(changed));
  const later = [associated];

  adds(false, 'has added nothing', {
    'where the account was there': { first: [associated] },
    'where nothing was sent': {},
    'after a rejection': { ageMs: 0, posts: ['rejected'] },
    'where a parallel run was faster': { later, posts: ['rejected'] },
    'where a conflict was a parallel run': { later, posts: ['conflict'] },
    'where nothing appeared after a lost reply': { ageMs: 0, posts: ['lost'] },
  });

  adds(true, 'has added', {
    'what was accepted, even if it was removed': {
      later: [removed],
      inUse: 'r1',
      posts: ['accepted'],
    },
    'what appeared after a lost reply': { later, posts: ['lost'] },
    'what appeared after an earlier one': {
      later,
      posts: ['lost', 'rejected'],
    },
    'history that became active after a lost reply': {
      first: [{ ...removed, modifiedMs: 1 }],
      later: [{ ...associated, modifiedMs: 2 }],
      posts: ['lost'],
    },
  });

  const dryRun = true;
  adds(true, 'that is dry would add an account', {
    'that is missing': { dryRun },
    'with history': { dryRun, first: [removed] },
    'that is being removed': { dryRun, first: [ending] },
  });

  adds(false, 'that is dry would not add an account', {
    'that is active': { dryRun, first: [associating] },
    'that fails': { dryRun, first: [failing] },
    'that somebody removed': { dryRun, inUse: 'r1', first: [removed] },
  });
});

describe('an organization that should have access', () => {
  const target = AN_ORGANIZATION;
  const named = { ...associated, accountId: ORGANIZATION };
  const replied: Case = { target, inUse: 'r1', posts: ['accepted'] };
  const older = { ...named, id: 'r0', createdMs: 1 };
  const newer = { ...named, id: 'r2', createdMs: Date.now() };

  it.each<[string, string, Case]>([
    ['a record that names it', 'done', { first: [named] }],
    ['a record of an account', 'create', { first: [associated] }],
    ['unnamed history', 'create', { first: [{ ...unnamed, ...removed }] }],
    ['the record of the reply', 'done', { ...replied, later: [unnamed] }],
    ['that of an account', 'done', { ...replied, later: [associated] }],
    ['that, once gone', 'fail: removed', { ...replied, later: [removed] }],
    [
      'an unnamed record in a dry run',
      'fail: inconclusive',
      { first: [unnamed], dryRun: true },
    ],
    [
      'an unnamed record after a lost reply',
      'wait for effect',
      { later: [unnamed], posts: ['lost'], ageMs: 0 },
    ],
  ])('with %s has the decision "%s"', (_, expected, one) => {
    expect(words({ target, ...one })).toBe(expected);
  });

  it('uses its oldest record, whether that is named or the reply was', () => {
    const isUsed = (...later: Case['later'] & object) =>
      decided({ ...replied, later }).inUse;
    expect(isUsed(unnamed)).toBe('r1');
    expect(isUsed(unnamed, older)).toBe('r0');
    expect(isUsed(unnamed, newer)).toBe('r1');
    expect(decided({ target, first: [named] }).inUse).toBe('r1');
  });

  it('may be an active record that names no account: inconclusive before a POST', () => {
    const oldest = record('r0', 'odd', { accountId: null, ...OLDER });
    const another = record('r2', 'associated');
    const decision = decided({ target, first: [unnamed, another, oldest] });
    expect(failureOf(decision)).toMatchObject({
      cause: 'inconclusive',
      reason:
        'the organization may be a recipient already: it may be one of r0 (account unknown), r1 (account unknown)',
      request: null,
    });
  });

  it.each<[Result, number, string]>([
    ['lost', 9_999, 'wait for effect'],
    ['lostForGood', 9_999, 'wait for effect'],
    ['lost', 10_000, 'fail: inconclusive'],
    ['lostForGood', 10_000, 'fail: inconclusive'],
    ['conflict', 10_000, 'fail: conflict'],
    ['rejected', 0, 'fail: rejected'],
  ])('is not added again %j, %d ms later: %s', (post, ageMs, expected) => {
    expect(words({ target, posts: [post], ageMs })).toBe(expected);
  });

  it('fails with the request whose reply was lost', () => {
    const decision = decided({ target, ageMs: 10_000, posts: ['lost'] });
    expect(failureOf(decision)).toMatchObject({
      reason:
        'the list does not show whether the organization was added: reason',
      request: { detail: 'detail' },
    });
  });
});
