import type { Failure, Inputs, Share } from '../domain.ts';
import type {
  Ending,
  Outcome,
  PlannedTarget,
  TargetState,
} from './target-state.ts';

/** The outcome of a run that could not read the recipients at all. */
export function unobservedOutcome(
  { targets, state }: Pick<Inputs, 'targets' | 'state'>,
  failure: Failure,
  share: Share | null,
  nowMs: number,
  ending: Ending,
): Outcome {
  const desired = state === 'absent' ? 'absent' : 'present';
  return {
    targets: targets.map((target) =>
      unobservedTarget(
        { target, desired, unlistedRecords: null },
        failure,
        nowMs,
      ),
    ),
    refusal: null,
    observed: null,
    share,
    polls: { polls: 0, failedPolls: 0 },
    lastPollFailure: null,
    ending,
  };
}

function unobservedTarget(
  planned: PlannedTarget,
  failure: Failure,
  nowMs: number,
): TargetState {
  return {
    planned,
    posts: [],
    deletes: [],
    inUse: null,
    next: { do: 'fail', failure },
    recipient: null,
    changed: false,
    heldBack: null,
    startedMs: nowMs,
    decidedMs: nowMs,
    statusSinceMs: nowMs,
  };
}
