import { describe, expect, it } from 'vitest';
import type { DesiredState, Share } from '../../src/domain.ts';
import { planTargets } from '../../src/reconcile/plan.ts';
import {
  A_SHARE,
  ACCOUNT,
  AN_ACCOUNT,
  AN_ORGANIZATION,
  accounts,
  INPUTS,
  OTHER,
} from '../builders.ts';
import { inWords } from './cases.ts';
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
  const fit = (more: Partial<Share>): Share => ({ ...A_SHARE, ...more });
  const gone = 'so its recipients cannot be changed';
  const derived =
    'the share targets an organization, so its accounts cannot be added or removed one by one';
  const active = [wire('r1', 'associated')];
  const ending = [wire('r1', 'disassociating')];
  const fails: [string, DesiredState, Partial<Share>, RunCase, string][] = [
    [
      'a POST is due',
      'present',
      { status: 'deleting' },
      {},
      `the share is deleting, ${gone}`,
    ],
    [
      'a DELETE is due',
      'absent',
      { status: 'deleting', targetType: 'organization' },
      { records: active },
      `the share is deleting, ${gone}`,
    ],
    [
      'a POST may be due after a removal',
      'present',
      { status: 'deleted' },
      { records: ending },
      `the share is deleted, ${gone}`,
    ],
    [
      'an account would be added to what an organization derives',
      'present',
      { targetType: 'organization' },
      {},
      derived,
    ],
    [
      'an account would be removed from what an organization derives',
      'absent',
      { targetType: 'organization' },
      { records: active },
      derived,
    ],
    [
      'an organization is due',
      'present',
      { status: 'deleting' },
      { inputs: { targets: [AN_ORGANIZATION] } },
      `the share is deleting, ${gone}`,
    ],
  ];

  it.each(fails)(
    'fails before the first write, even in a dry run, where %s',
    async (_, state, share, one, reason) => {
      for (const dryRun of [false, true]) {
        const { states, reconciler } = await planned({
          ...one,
          inputs: { ...one.inputs, state, dryRun },
          share: fit(share),
        });
        const failure = { cause: 'share-state', reason, request: null };
        expect(states).toMatchObject([
          { next: { do: 'fail', failure }, changed: false },
        ]);
        expect(reconciler.isPending()).toBe(false);
      }
    },
  );

  it.each<[string, DesiredState, Share | null, RunCase, string]>([
    [
      'nothing is active',
      'absent',
      fit({ status: 'deleted' }),
      {},
      'wait for confirmation, false',
    ],
    [
      'a removal is under way',
      'absent',
      fit({ status: 'deleted' }),
      { records: ending },
      'wait for status, false',
    ],
    [
      'the account has access',
      'present',
      fit({ status: 'deleting' }),
      { records: active },
      'done, false',
    ],
    [
      'the account gets access',
      'present',
      fit({ targetType: 'organization' }),
      { records: [wire('r1', 'associating')] },
      'wait for status, false',
    ],
    ['it could not be read', 'present', null, {}, 'create, false'],
    [
      'its words are unknown',
      'present',
      fit({ status: 'odd', targetType: null }),
      {},
      'create, false',
    ],
    [
      'it targets organizations, and one is due',
      'present',
      fit({ targetType: 'organization' }),
      { inputs: { targets: [AN_ORGANIZATION] } },
      'create, false',
    ],
  ])('stops nothing where %s', async (_, state, share, one, expected) => {
    const inputs = { ...one.inputs, state };
    const { words } = await planned({ ...one, inputs, share });
    expect(words).toEqual([expected]);
  });
});
