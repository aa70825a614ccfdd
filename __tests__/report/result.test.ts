import { describe, expect, it } from 'vitest';
import { refusedBecause } from '../../src/reconcile/reasons.ts';
import type { TargetState } from '../../src/reconcile/target-state.ts';
import { isSuccess } from '../../src/report/result.ts';
import {
  added,
  failed,
  failureOf,
  type RunCase,
  resultOf,
  stateOf,
  unchanged,
  WAIT,
} from './results.ts';

const inputs = { dryRun: true };
const refusal = refusedBecause('too many', 'removals');
const cancelled = { type: 'cancelled' } as const;
const crashed = { type: 'crashed', error: new Error('odd') } as const;
const timeout: RunCase = { outcome: { ending: { type: 'timeout' } } };
const toAdd = stateOf(0, { next: { do: 'create' }, changed: true });
const pending = stateOf(0, { next: WAIT });

describe('a run is a success', () => {
  it.each<[string, TargetState[], RunCase]>([
    ['every target is as it should be', [added(0), unchanged(1)], {}],
    ['a dry run leaves to a run what is due', [toAdd], { inputs }],
    ['the last target was done as the time was over', [added(0)], timeout],
  ])('where %s', (_, states, run) => {
    expect(isSuccess(resultOf(states, run))).toBe(true);
  });
});

describe('a run is a failure', () => {
  it.each<[string, TargetState[], RunCase]>([
    ['one target failed', [added(0), failed(1, failureOf('server'))], {}],
    ['one target is still due', [toAdd], {}],
    ['one target was not done when the time was over', [pending], timeout],
    ['it was refused as a whole', [unchanged(0)], { outcome: { refusal } }],
    [
      'a dry run was refused as a whole',
      [unchanged(0)],
      { inputs, outcome: { refusal } },
    ],
    ['it was cancelled', [added(0)], { outcome: { ending: cancelled } }],
    ['it crashed', [added(0)], { outcome: { ending: crashed } }],
  ])('where %s', (_, states, run) => {
    expect(isSuccess(resultOf(states, run))).toBe(false);
  });
});
