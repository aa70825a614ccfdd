import { describe, expect, it } from 'vitest';
import type {
  DesiredState,
  Failure,
  Share,
  ShareRecipient,
} from '../../src/domain.ts';
import type { ShareReading } from '../../src/reconcile/observations.ts';
import {
  additionsOf,
  endedByPoll,
  type Obstacles,
  obstacleTo,
  planTargets,
  unrecognizable,
} from '../../src/reconcile/plan.ts';
import {
  failureOf,
  type TargetState,
} from '../../src/reconcile/target-state.ts';
import {
  A_SHARE,
  ACCOUNT,
  AN_ACCOUNT,
  AN_ORGANIZATION,
  AN_UNREAD_SHARE,
  accounts,
  INPUTS,
  OTHER,
  record,
} from '../builders.ts';
import { observe, stateOf } from '../report/results.ts';
import {
  associated,
  deleted,
  inWords,
  posted,
  type Result,
  removed,
} from './cases.ts';
import { plan, type RunCase, wire } from './run.ts';

/** What is planned, in words, and whether it would change something. */
async function planned(one: RunCase) {
  const opened = await plan(one);
  const states = opened.reconciler.targets;
  const words = states.map((state) => `${inWords(state)}, ${state.changed}`);
  return { ...opened, states, words };
}

describe('a plan', () => {
  it.each(['present', 'absent'] as const)(
    'gives every target the state that is asked for: %s',
    async (state) => {
      const { reconciler } = await plan({ inputs: { state } });
      const { observed } = reconciler.outcome();
      if (!observed) throw new Error('nothing was observed');
      expect(planTargets({ ...INPUTS, state }, observed)).toEqual({
        targets: [
          { target: AN_ACCOUNT, desired: state, unlistedRecords: null },
        ],
        refusal: null,
      });
    },
  );

  it('is made from the first list, and writes nothing', async () => {
    const { words, states, requests, changes, reconciler } = await planned({
      inputs: { targets: accounts(ACCOUNT, OTHER) },
      records: [wire('r1', 'associated')],
    });
    expect(words).toEqual(['done, false', 'create, false']);
    expect(states.map(failureOf)).toEqual([null, null]);
    expect(states[0]).toMatchObject({ inUse: 'r1', startedMs: 0 });
    expect([requests.length, changes]).toEqual([1, []]);
    expect(reconciler.isPending()).toBe(true);
    expect(reconciler.outcome()).toMatchObject({
      ending: { type: 'complete' },
      refusal: null,
      polls: { polls: 0, failedPolls: 0 },
    });
  });

  it('that was cancelled before it was carried out says so', async () => {
    const { reconciler, cancel } = await plan({});
    cancel.abort();
    expect(reconciler.outcome().ending).toEqual({ type: 'cancelled' });
  });
});

describe('a share that does not fit', () => {
  const readShare = (more: Partial<Share>): ShareReading => ({
    type: 'read',
    share: { ...A_SHARE, ...more },
  });
  const having = (status: string): RunCase => ({
    records: [wire('r1', status)],
  });
  const active = having('associated');
  const ending = having('disassociating');
  const organization: RunCase = { inputs: { targets: [AN_ORGANIZATION] } };
  const deleting = { status: 'deleting' };
  const deleted = { status: 'deleted' };
  const derived = { targetType: 'organization' };
  const IS_DELETING =
    'the share is deleting, so its recipients cannot be changed';
  const IS_DELETED =
    'the share is deleted, so its recipients cannot be changed';
  const IS_DERIVED =
    'the share targets an organization, so its accounts cannot be added or removed one by one';

  it.each<[string, DesiredState, Partial<Share>, RunCase, string]>([
    ['a POST is due', 'present', deleting, {}, IS_DELETING],
    ['a DELETE is due', 'absent', deleting, active, IS_DELETING],
    ['a POST follows a removal', 'present', deleted, ending, IS_DELETED],
    ['an organization is due', 'present', deleting, organization, IS_DELETING],
    ['an account is to be added', 'present', derived, {}, IS_DERIVED],
    ['an account is to be removed', 'absent', derived, active, IS_DERIVED],
    [
      'both is wrong',
      'absent',
      { ...derived, ...deleting },
      active,
      IS_DELETING,
    ],
  ])(
    'fails before the first write, even in a dry run, where %s',
    async (_, state, more, one, reason) => {
      for (const dryRun of [false, true]) {
        const { states, reconciler } = await planned({
          ...one,
          inputs: { ...one.inputs, state, dryRun },
          shareReading: readShare(more),
        });
        const failure = { cause: 'share-state', reason, request: null };
        expect(states).toMatchObject([
          { next: { do: 'fail', failure }, changed: false },
        ]);
        expect(reconciler.isPending()).toBe(false);
      }
    },
  );

  const unread = null;
  const strange = { status: 'odd', targetType: null };
  const later = having('associating');
  it.each<[string, DesiredState, Partial<Share> | null, RunCase, string]>([
    ['nothing is active', 'absent', deleted, {}, 'wait for confirmation'],
    ['a removal is under way', 'absent', deleted, ending, 'wait for status'],
    ['the account has access', 'present', deleting, active, 'done'],
    ['the account gets access', 'present', derived, later, 'wait for status'],
    ['it could not be read', 'present', unread, {}, 'create'],
    ['its words are unknown', 'present', strange, {}, 'create'],
    ['it is for the organization', 'present', derived, organization, 'create'],
  ])('stops nothing where %s', async (_, state, more, one, expected) => {
    const { words } = await planned({
      ...one,
      inputs: { ...one.inputs, state },
      shareReading: more ? readShare(more) : AN_UNREAD_SHARE,
    });
    expect(words).toEqual([`${expected}, false`]);
  });
});

describe('a target that no further list can show', () => {
  const poll: Failure = {
    cause: 'authentication',
    reason: 'no list',
    request: null,
  };
  const posting = (...results: Result[]) => ({
    next: { do: 'wait', for: 'effect' } as const,
    posts: results.map((result) => posted(result)),
  });
  const removing = (...results: Result[]) => ({
    desired: 'absent' as const,
    next: { do: 'wait', for: 'status' } as const,
    deletes: results.map((result) => deleted('r1', result)),
    recipient: associated,
  });
  const waiting = { do: 'wait', for: 'status' } as const;

  const OPEN = 'no list; the last write may have been carried out: reason';

  it.each<[string, Partial<TargetState>, string]>([
    ['the poll, without a write', {}, 'no list'],
    [
      'the poll, after an accepted POST',
      posting('accepted'),
      'Cloudflare accepted the addition, but a poll failed: no list',
    ],
    ['the rejection of a POST', posting('lost', 'rejected'), 'reason'],
    ['that a POST may have been carried out', posting('lost'), OPEN],
    [
      'the poll, where the effect of a POST has shown',
      { ...posting('lost'), next: waiting },
      'no list',
    ],
    [
      'the poll, after an accepted DELETE',
      removing('accepted'),
      'Cloudflare accepted the removal, but a poll failed: no list',
    ],
    ['the rejection of a DELETE', removing('lost', 'rejected'), 'reason'],
    ['that a DELETE may have been carried out', removing('lost'), OPEN],
    ['the poll, before a DELETE', removing(), 'no list'],
    [
      'the poll, where the effect of a DELETE has shown',
      { ...removing('lost'), recipient: removed },
      'no list',
    ],
    [
      'the poll, where no record is left',
      { ...removing('lost'), recipient: null },
      'no list',
    ],
    [
      'the poll, where the DELETE of another record was rejected',
      { ...removing(), deletes: [deleted('r2', 'rejected')] },
      'no list',
    ],
  ])('fails with %s', (_, state, reason) => {
    const records = state.recipient ? [state.recipient] : [];
    const ended = endedByPoll(poll, stateOf(0, state), observe(records));
    expect(ended.reason).toBe(reason);
  });

  it('fails with an open DELETE, whatever was written last', () => {
    const shown = record('r2', 'associated');
    const state = stateOf(0, {
      ...removing(),
      deletes: [deleted('r1', 'lost'), deleted('r2', 'accepted')],
      recipient: shown,
    });
    const observed = observe([associated, shown]);
    expect(endedByPoll(poll, state, observed).reason).toBe(OPEN);
  });

  it('fails as inconclusive where an organization cannot be recognized', () => {
    const state = stateOf(0, posting('lost'));
    const organization = { ...state.planned, target: AN_ORGANIZATION };
    const ended = endedByPoll(
      poll,
      { ...state, planned: organization },
      observe([]),
    );
    expect(ended.cause).toBe('inconclusive');
  });
});

describe('an organization whose record may be there', () => {
  const state = stateOf(0);
  const organization: TargetState = {
    ...state,
    planned: { ...state.planned, target: AN_ORGANIZATION },
  };

  it.each<[string, TargetState, boolean]>([
    ['a lost reply', { ...organization, posts: [posted('lost')] }, true],
    [
      'a lost reply before a rejection',
      { ...organization, posts: [posted('lost'), posted('rejected')] },
      true,
    ],
    ['no POST', organization, false],
    [
      'an accepted POST',
      { ...organization, posts: [posted('accepted')] },
      false,
    ],
    ['a conflict', { ...organization, posts: [posted('conflict')] }, false],
    [
      'a lost reply, and a record that appeared',
      { ...organization, posts: [posted('lost')], inUse: 'r1' },
      false,
    ],
    [
      'a lost reply of an account, whose record names it',
      { ...state, posts: [posted('lost')] },
      false,
    ],
  ])('cannot be recognized after %s: %#', (_, after, isUnclear) => {
    expect(unrecognizable(after)?.cause).toBe(
      isUnclear ? 'inconclusive' : undefined,
    );
  });
});

describe('another DELETE of a target that cannot be sent', () => {
  const stopped: Failure = {
    cause: 'stopped',
    reason: 'not attempted',
    request: null,
  };
  const state = stateOf(0, { isUnlisted: true, status: 'associated' });
  const recipientId = String(state.recipient?.id);
  const due = { do: 'delete', recipientIds: [recipientId] } as const;
  const obstacles: Obstacles = {
    state,
    refusal: null,
    share: A_SHARE,
    stopped,
    additions: 'done',
    isBeingRemoved: false,
  };
  const stepOf = (
    more: Partial<Obstacles>,
    recipient: ShareRecipient | null = state.recipient,
  ) =>
    obstacleTo({ ...state, recipient, next: due }, { ...obstacles, ...more })
      .next;

  it.each<[string, Partial<Obstacles>]>([
    ['nothing can be written', {}],
    ['a listed account failed', { stopped: null, additions: 'failed' }],
  ])('waits for the end of the one before it: %s', (_, more) => {
    expect(stepOf({ ...more, isBeingRemoved: true })).toEqual({
      do: 'wait',
      for: 'status',
    });
  });

  it.each<[string, TargetState['deletes'], string]>([
    ['without a DELETE', [], 'not attempted'],
    [
      'after one of another record',
      [deleted('other', 'accepted')],
      'not attempted',
    ],
    [
      'after one that had no effect',
      [deleted('other', 'accepted'), deleted(recipientId, 'accepted')],
      `recipient ${recipientId} is still associated after 1 request to remove it`,
    ],
    [
      'after one of another record that was rejected',
      [deleted('other', 'rejected')],
      'not attempted',
    ],
    [
      'after one that was rejected',
      [deleted(recipientId, 'rejected')],
      'reason',
    ],
  ])('fails with its own reason %s', (_, deletes, reason) => {
    const step = stepOf({ state: { ...state, deletes } });
    expect(step.do === 'fail' && step.failure.reason).toBe(reason);
  });

  it('fails with the common reason where no record is left', () => {
    const deletes = [deleted(recipientId, 'accepted')];
    const step = stepOf({ state: { ...state, deletes } }, null);
    expect(step.do === 'fail' && step.failure.reason).toBe('not attempted');
  });
});

describe('the additions of `exact`', () => {
  const done = stateOf(0);
  const pending = stateOf(1, { next: { do: 'create' } });
  const failure: Failure = { cause: 'server', reason: 'no', request: null };
  const failed = stateOf(2, { next: { do: 'fail', failure } });
  const unlisted = {
    ...failed,
    planned: stateOf(3, { isUnlisted: true }).planned,
  };

  it.each([
    ['done', [done, unlisted]],
    ['pending', [done, pending]],
    ['failed', [done, pending, failed]],
  ])('are %s', (additions, targets) => {
    expect(additionsOf(targets)).toBe(additions);
  });
});
