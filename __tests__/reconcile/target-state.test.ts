import { describe, expect, it } from 'vitest';
import {
  hasWritten,
  initialState,
  isUnbegunRemoval,
  lastDeletes,
  openDeleteOf,
  type Step,
  type TargetState,
} from '../../src/reconcile/target-state.ts';
import { AN_ACCOUNT, record } from '../builders.ts';
import { observe } from '../report/results.ts';
import { associated, deleted, posted, removed } from './cases.ts';

/** An account of the list; with `exact` one that has to go. */
function target(change: Partial<TargetState> = {}, isListed = true) {
  const planned = isListed
    ? ({ desired: 'present', unlistedRecords: null } as const)
    : ({ desired: 'absent', unlistedRecords: [associated] } as const);
  const state = initialState({ target: AN_ACCOUNT, ...planned }, 0, 0);
  return { ...state, ...change };
}

const waiting = (what: 'status' | 'additions'): Step => ({
  do: 'wait',
  for: what,
});

describe('a target of which nothing has been decided', () => {
  it('is waited for', () => {
    expect(target().next).toEqual(waiting('status'));
  });
});

describe('a run has written for a target', () => {
  it.each<[boolean, string, Partial<TargetState>]>([
    [false, 'without a write', {}],
    [false, 'of a dry run that would change it', { changed: true }],
    [true, 'where a POST was accepted', { posts: [posted('accepted')] }],
    [true, 'if a DELETE was', { deletes: [deleted('r1', 'accepted')] }],
    [false, 'where the reply was lost', { posts: [posted('lost')] }],
    [
      true,
      'where the reply was lost, and the effect has shown',
      { posts: [posted('lost')], changed: true },
    ],
  ])('%s: %s', (expected, _, change) => {
    expect(hasWritten(target(change))).toBe(expected);
  });
});

describe('the removal of an account that is not listed has not begun', () => {
  it.each<[boolean, string, Partial<TargetState>, boolean?]>([
    [true, 'where it is due', { next: { do: 'delete', recipientIds: ['r1'] } }],
    [true, 'where it waits for additions', { next: waiting('additions') }],
    [true, 'where it is over without a write', { next: { do: 'done' } }],
    [false, 'where somebody else has begun it', { next: waiting('status') }],
    [
      false,
      'where a write of it got its turn',
      { next: waiting('additions'), wasAttempted: true },
    ],
    [false, 'of an account that is listed', { next: { do: 'done' } }, true],
  ])('%s: %s', (expected, _, change, isListed = false) => {
    expect(isUnbegunRemoval(target(change, isListed))).toBe(expected);
  });
});

describe('the last DELETE of each record', () => {
  const observed = observe([associated, record('r2', 'associated')]);
  const rejected = deleted('r1', 'rejected');
  const lost = deleted('r2', 'lost');

  it('counts while the record gives access', () => {
    const deletes = [deleted('r1', 'lost'), lost, rejected];
    const state = target({ deletes });
    expect(lastDeletes(state, observed)).toEqual([rejected, lost]);
    expect(lastDeletes(state, observe([removed]))).toEqual([]);
  });

  it('says why it is not known what came of it', () => {
    const { result } = lost;
    if (result.outcome !== 'unknown') expect.fail();
    const open = target({ deletes: [rejected, lost] });
    expect(openDeleteOf(open, observed)).toBe(result.error.failure);
    expect(openDeleteOf(target({ deletes: [rejected] }), observed)).toBeNull();
  });
});
