/* Which failures a run has, each with all targets that it concerns. */
import type { Failure } from '../domain.ts';
import {
  failureOf,
  hasWritten,
  isListed,
  isUnbegunRemoval,
  type Outcome,
  type TargetState,
} from '../reconcile/target-state.ts';
import { type Advice, adviceFor, type Circumstances } from './failure-guide.ts';
import {
  causeOf,
  hasFailed,
  isRemovalNotBegun,
  isShareListed,
  type Result,
} from './result.ts';
import { describeManyPending, describePending } from './wording.ts';

/** Targets that failed for one reason. */
export interface FailureGroup {
  /** What to do, the same for all of them. */
  readonly advice: Advice;
  /** That of the first target. */
  readonly failure: Failure;
  /** Without the ID of a single target where there are several. */
  readonly reason: string;
  /** Empty where the whole run failed, and no target of it. */
  readonly states: readonly TargetState[];
}

/** Stands for the ID of the target in the reason of a group. */
const OWN_ID = 'ACCOUNT_ID';
const OWN_RECIPIENT = 'RECIPIENT_ID';

/**
 * Why a target has failed, and null where it has not. What is still pending at
 * the end of a run has failed because the run ended.
 */
export function failureIn(state: TargetState, result: Result): Failure | null {
  if (!hasFailed(state, result.inputs)) return null;

  const failure = failureOf(state);
  if (failure) return failure;

  const cause = causeOf(state, result.outcome.ending);
  return { cause, reason: describePending(state, result), request: null };
}

/** The failures of a run: those of most targets first, what follows last. */
export function groupFailures(result: Result): FailureGroup[] {
  const { refusal } = result.outcome;
  const groups = groupTargets(result);
  const isExplained = groups.some(({ failure }) => failure === refusal);
  // A plan is rejected as a whole, even where no target would change.
  if (refusal && !isExplained) {
    groups.push(...describeGroups([{ failure: refusal, states: [] }], result));
  }
  // Found once for each group, because it takes all targets to find.
  const consequences = new Set(
    groups.filter((group) => isConsequence(group, result)),
  );
  const rankOf = (group: FailureGroup) => Number(consequences.has(group));
  return groups.sort(
    (a, b) => rankOf(a) - rankOf(b) || b.states.length - a.states.length,
  );
}

function groupTargets(result: Result): FailureGroup[] {
  const groups = new Map<string, { failure: Failure; states: TargetState[] }>();
  for (const state of result.outcome.targets) {
    const failure = failureIn(state, result);
    if (!failure) continue;
    const key = groupKey(failure, state);
    const group = groups.get(key) ?? { failure, states: [] };
    group.states.push(state);
    groups.set(key, group);
  }
  return describeGroups([...groups.values()], result);
}

/** Does another failure explain it? Removals of `exact` wait for additions. */
function isConsequence(group: FailureGroup, result: Result): boolean {
  if (group.failure.cause === 'stopped') return true;
  const { inputs, outcome } = result;
  return (
    isUnbegun(group, result) &&
    outcome.targets.some((state) => isListed(state) && hasFailed(state, inputs))
  );
}

/** Did the run end before it came to these removals? */
function isUnbegun(
  { failure, states }: FailureGroup,
  { inputs }: Result,
): boolean {
  return (
    isEndOfRun(failure) &&
    states.every((state) => isRemovalNotBegun(state, inputs))
  );
}

/** The groups that get an annotation. What was not attempted has none. */
export function annotatedGroups(
  groups: readonly FailureGroup[],
  result: Result,
): readonly FailureGroup[] {
  const attempted = groups.filter(
    (group) => group.failure.cause !== 'stopped' && !isUnbegun(group, result),
  );
  return attempted.length > 0 ? attempted : groups.slice(0, 1);
}

type Group = Pick<FailureGroup, 'failure' | 'states'>;

/** What advice depends on is the same for all: 20,000 groups ask once. */
function describeGroups(
  groups: readonly Group[],
  result: Result,
): FailureGroup[] {
  const circumstances: Circumstances = {
    wasRead: wasReadIn(result.outcome),
    writeWasAccepted: result.outcome.targets.some(hasWritten),
    credentials: result.inputs.credentials.type,
    refusedFor: result.outcome.refusal?.about ?? null,
    isShareListed: isShareListed(result),
    dryRun: result.inputs.dryRun,
  };
  return groups.map((group) => describeGroup(group, result, circumstances));
}

function describeGroup(
  { failure, states }: Group,
  result: Result,
  circumstances: Circumstances,
): FailureGroup {
  const [first] = states;
  const isSingle = states.length === 1 || !first;
  const advice = adviceFor(failure, circumstances);
  const reason = isSingle
    ? failure.reason
    : reasonOfSeveral(failure, states, result);
  return { advice, failure, reason, states };
}

function wasReadIn({ observed, share }: Outcome): Circumstances['wasRead'] {
  if (observed) return 'list';
  return share ? 'share' : 'nothing';
}

function reasonOfSeveral(
  failure: Failure,
  states: readonly TargetState[],
  result: Result,
): string {
  if (isEndOfRun(failure) && result.outcome.observed) {
    return describeManyPending(states, result);
  }
  const [first] = states;
  const isAboutFirst =
    first && failure.cause !== 'refused' && failure.cause !== 'stopped';
  return isAboutFirst ? withoutOwnIds(failure.reason, first) : failure.reason;
}

function groupKey(failure: Failure, state: TargetState): string {
  if (failure.cause === 'refused') return failure.cause;
  if (failure.cause === 'stopped') return `stopped ${failure.reason}`;
  if (isEndOfRun(failure)) {
    // A removal that was not begun gets no annotation.
    const { desired } = state.planned;
    return `${failure.cause} ${desired} ${isUnbegunRemoval(state)}`;
  }
  const reason = withoutOwnIds(failure.reason, state);
  const { kind = '', code = '' } = failure.request ?? {};
  return `${failure.cause} ${kind} ${code} ${reason}`;
}

/**
 * Is the target only not done? Then its reason says what was observed of it.
 */
function isEndOfRun({ cause }: Failure): boolean {
  return cause === 'timeout' || cause === 'cancelled' || cause === 'internal';
}

function withoutOwnIds(reason: string, state: TargetState): string {
  const { target } = state.planned;
  const targetId = new RegExp(target.id, 'gi');
  const recipientId = state.inUse ?? state.recipient?.id;
  const neutral = reason.replace(targetId, OWN_ID);
  if (!recipientId) return neutral;
  const ownRecipient = new RegExp(`(?<![\\w-])${recipientId}(?![\\w-])`, 'g');
  return neutral.replace(ownRecipient, OWN_RECIPIENT);
}
