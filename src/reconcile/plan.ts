/* What a run is about to do, and what keeps it from doing it. */
import type { Failure, Inputs, Share, ShareRecipient } from '../domain.ts';
import { planExact } from './exact.ts';
import type { Observations } from './observations.ts';
import { isActive } from './readiness.ts';
import {
  inconclusivePost,
  notBegun,
  shareProblem,
  stillActive,
  withAcceptedWrite,
  withOpenWrite,
} from './reasons.ts';
import {
  type Decision,
  deletesOf,
  type History,
  isListed,
  isPending,
  listedTargets,
  openDeleteOf,
  type Plan,
  type SentWrite,
  type Step,
  type TargetState,
} from './target-state.ts';

/** Gives each target its own desired state. */
export function planTargets(inputs: Inputs, observed: Observations): Plan {
  if (inputs.state === 'exact') return planExact(inputs, observed);
  return { targets: listedTargets(inputs), refusal: null };
}

/** How far the listed targets are. Removals of `exact` come after them. */
export type Additions = 'pending' | 'done' | 'failed';

export function additionsOf(targets: readonly TargetState[]): Additions {
  const listed = targets.filter(isListed);
  if (listed.some(({ next }) => next.do === 'fail')) return 'failed';
  return listed.some(isPending) ? 'pending' : 'done';
}

/** What may keep a run from doing what a decision asks for. */
export interface Obstacles {
  /** The target with what the run has done for it. */
  readonly state: TargetState;
  /** Why the plan writes nothing at all; null where it may. */
  readonly refusal: Failure | null;
  /** Null where it could not be read. */
  readonly share: Share | null;
  /** Why no write can succeed any more, shown by another one. */
  readonly stopped: Failure | null;
  /** How far the listed targets are, which removals wait for. */
  readonly additions: Additions;
  /** Is the end of a DELETE awaited that the run has sent for the target? */
  readonly isBeingRemoved: boolean;
}

/**
 * An account can have several records: a DELETE that was sent is observed to
 * its end, even if the next one cannot be sent.
 */
const AWAIT_REMOVAL: Step = { do: 'wait', for: 'status' };

/**
 * Replaces a decision that cannot be carried out. The first obstacle counts: a
 * plan of `exact` that is rejected, a share that cannot be changed (only where
 * a write is due), another write that shows that none can succeed, and with
 * `exact` an addition that is not done.
 */
export function obstacleTo(decision: Decision, obstacles: Obstacles): Decision {
  const step =
    refusedStep(decision, obstacles) ??
    misfitStep(decision, obstacles) ??
    stoppedStep(decision, obstacles) ??
    additionsFirst(decision, obstacles);
  if (!step) return decision;

  return {
    ...decision,
    next: step,
    changed: decision.changed && mayHaveChanged(step, obstacles.state),
  };
}

/** A target that fails before its first write is not changed. */
function mayHaveChanged(step: Step, { posts, deletes }: TargetState): boolean {
  return step.do !== 'fail' || posts.length + deletes.length > 0;
}

function refusedStep(decision: Decision, { refusal }: Obstacles): Step | null {
  if (!refusal || !isPending(decision)) return null;
  return { do: 'fail', failure: refusal };
}

/** A share that cannot be changed fails the target before its first write. */
function misfitStep(
  { next }: Decision,
  { share, state }: Obstacles,
): Step | null {
  const failure = share && shareProblem(share, state.planned.target);
  return failure && mayNeedWrite(next) ? { do: 'fail', failure } : null;
}

function mayNeedWrite(next: Step): boolean {
  if (next.do === 'wait') return next.for === 'removal';
  return next.do === 'create' || next.do === 'delete';
}

function stoppedStep(
  { next, recipient }: Decision,
  { stopped, state, isBeingRemoved }: Obstacles,
): Step | null {
  if (!stopped || !mayNeedWrite(next)) return null;
  if (isBeingRemoved) return AWAIT_REMOVAL;
  return {
    do: 'fail',
    failure: failureOfWrites(state, recipient) ?? stopped,
  };
}

/**
 * What came of the writes of the target itself, where another one is due and
 * cannot be sent; null where none was sent.
 */
function failureOfWrites(
  history: History,
  recipient: ShareRecipient | null,
): Failure | null {
  const writes = writesFor(history, recipient);
  const last = writes.at(-1)?.result;
  if (last && last.outcome !== 'accepted') return last.error.failure;

  const isRemoval = history.planned.desired === 'absent';
  return isRemoval && last && recipient
    ? stillActive(recipient, writes.length)
    : null;
}

/**
 * The writes for the record that shows where a target stands. An account can
 * have several, and a DELETE of one that was removed explains nothing.
 */
function writesFor(
  { planned, posts, deletes }: History,
  recipient: ShareRecipient | null,
): readonly SentWrite[] {
  if (planned.desired === 'present') return posts;
  return recipient ? deletesOf(recipient.id, deletes) : [];
}

/**
 * Why nobody can say whether an organization is a recipient: the reply to a
 * POST was lost, so its record cannot be recognized. Null otherwise.
 */
export function unrecognizable({
  planned,
  posts,
  inUse,
}: TargetState): Failure | null {
  if (planned.target.type !== 'organization' || inUse !== null) return null;
  for (const { result } of posts) {
    if (result.outcome === 'unknown') {
      return inconclusivePost(result.error.failure);
    }
  }
  return null;
}

/**
 * Why a target fails where no further list can be read. What came of its last
 * write is part of that: the list that would have shown it is missing.
 */
export function endedByPoll(
  poll: Failure,
  state: TargetState,
  observed: Observations,
): Failure {
  const inconclusive = unrecognizable(state);
  if (inconclusive) return inconclusive;
  if (!isEffectOpen(state)) return poll;

  const openDelete = openDeleteOf(state, observed);
  if (openDelete) return withOpenWrite(poll, openDelete);

  const last = writesFor(state, state.recipient).at(-1)?.result;
  switch (last?.outcome) {
    case 'rejected':
      return last.error.failure;
    case 'unknown':
      return withOpenWrite(poll, last.error.failure);
    case 'accepted':
      return withAcceptedWrite(poll, state.planned.desired);
    default:
      return poll;
  }
}

/** Has no list shown yet what came of the last write? */
function isEffectOpen({
  planned,
  next,
  deletes,
  recipient,
}: TargetState): boolean {
  if (planned.desired === 'present') {
    return next.do === 'wait' && next.for === 'effect';
  }
  return deletes.length > 0 && recipient !== null && isActive(recipient);
}

/** With `exact`, nothing is removed while an addition is due or has failed. */
function additionsFirst(
  decision: Decision,
  { state, additions, isBeingRemoved }: Obstacles,
): Step | null {
  if (isListed(state) || decision.next.do !== 'delete') return null;
  if (additions === 'done') return null;
  if (additions === 'pending') return { do: 'wait', for: 'additions' };
  if (isBeingRemoved) return AWAIT_REMOVAL;
  const failure = failureOfWrites(state, decision.recipient) ?? notBegun();
  return { do: 'fail', failure };
}
