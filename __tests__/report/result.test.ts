import { describe, expect, it } from 'vitest';
import { refusedBecause } from '../../src/reconcile/reasons.ts';
import type { Ending, TargetState } from '../../src/reconcile/target-state.ts';
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

const isGreen = (states: readonly TargetState[], runCase?: RunCase) =>
  isSuccess(resultOf(states, runCase));
const dryRun = { inputs: { dryRun: true } } as const;

describe('a run is a success', () => {
  it('where every target is as it should be', () => {
    expect(isGreen([added(0), unchanged(1)])).toBe(true);
  });

  it('where a dry run leaves to a run what is due', () => {
    const toAdd = stateOf(0, { next: { do: 'create' }, changed: true });
    expect(isGreen([toAdd], dryRun)).toBe(true);
    expect(isGreen([toAdd])).toBe(false);
  });

  it('where the last target was done as the time was over', () => {
    const outcome = { ending: { type: 'timeout' } } as const;
    expect(isGreen([added(0)], { outcome })).toBe(true);
    expect(isGreen([stateOf(0, { next: WAIT })], { outcome })).toBe(false);
  });
});

describe('a run is a failure', () => {
  it('where one target failed', () => {
    expect(isGreen([added(0), failed(1, failureOf('server'))])).toBe(false);
  });

  it.each([{}, dryRun])(
    'where it was refused as a whole, even with nothing to change: %j',
    (runCase) => {
      const outcome = { refusal: refusedBecause('too many', 'removals') };
      expect(isGreen([unchanged(0)], { ...runCase, outcome })).toBe(false);
    },
  );

  it.each<Ending>([
    { type: 'cancelled' },
    { type: 'crashed', error: new Error('odd') },
  ])('where it did not come to its own end: %j', (ending) => {
    expect(isGreen([added(0)], { outcome: { ending } })).toBe(false);
  });
});
