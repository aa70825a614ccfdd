import type { Failure, Inputs, Share } from '../domain.ts';
import {
  type Ending,
  initialState,
  listedTargets,
  type Outcome,
} from './target-state.ts';

/** The outcome of a run that could not read the recipients at all. */
export function unobservedOutcome(
  inputs: Pick<Inputs, 'targets' | 'state'>,
  failure: Failure,
  share: Share | null,
  nowMs: number,
  ending: Ending,
): Outcome {
  const next = { do: 'fail', failure } as const;
  return {
    targets: listedTargets(inputs).map((planned) => ({
      ...initialState(planned, nowMs, nowMs),
      next,
    })),
    refusal: null,
    observed: null,
    share,
    polls: { polls: 0, failedPolls: 0 },
    lastPollFailure: null,
    ending,
  };
}
