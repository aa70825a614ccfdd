/* A run that is over, as plain data, and what follows from it. */
import type { RequestCounts } from '../cloudflare/client.ts';
import type { ShareName } from '../cloudflare/records.ts';
import {
  type Cause,
  type Inputs,
  type PublishedStatus,
  type ShareRecipient,
  STATUSES,
} from '../domain.ts';
import type { GitHubContext } from '../github/context.ts';
import type { InputNotes } from '../inputs/load-inputs.ts';
import type { Observations } from '../reconcile/observations.ts';
import { isActive } from '../reconcile/readiness.ts';
import {
  type Delete,
  deletesOf,
  type Ending,
  failureOf,
  isListed,
  isPending,
  isUnbegunRemoval,
  type Outcome,
  type TargetState,
} from '../reconcile/target-state.ts';

/** What a run took. */
export interface Cost extends RequestCounts {
  /** From the start of the run, in milliseconds. */
  readonly tookMs: number;
}

/** What GitHub's limit of outputs leaves no room for. */
export interface LeftOut {
  /** Targets that `recipients` is without. */
  readonly targets: number;
  /** Targets in it whose `resources` are only counted. */
  readonly resources: number;
  /** Records that `recipient-id` is without. */
  readonly recipientIds: number;
}

/** Everything that outputs, annotations and the summary are made of. */
export interface Result {
  /** What the run was asked to do. */
  readonly inputs: Inputs;
  /** What is worth a line about valid inputs. */
  readonly notes: InputNotes;
  /** The workflow run, for links. */
  readonly context: GitHubContext;
  /** The targets, and what was observed. */
  readonly outcome: Outcome;
  /** Only where the share was not found. */
  readonly sharesOfOwner: readonly ShareName[];
  /** How much it took. */
  readonly cost: Cost;
  /** Ends the time of targets that are not done. */
  readonly nowMs: number;
}

/** What became of one target. */
export type Kind =
  | 'failed'
  | 'cancelled'
  | 'added'
  | 'removed'
  | 'waiting'
  | 'unchanged';

/** In the order in which people read them. */
export const KINDS: readonly Kind[] = [
  'failed',
  'cancelled',
  'added',
  'removed',
  'waiting',
  'unchanged',
];

/** Above this many targets, single steps of a target are not shown. */
const FEW = 10;

/**
 * Did every target reach the desired state? A dry run succeeds if a run could.
 */
export function isSuccess(result: Result): boolean {
  const { targets, ending, refusal } = result.outcome;
  const isOver = ending.type === 'complete' || ending.type === 'timeout';
  const isRefused = refusal !== null;
  const hasFailure = targets.some((state) => hasFailed(state, result.inputs));
  return isOver && !isRefused && !hasFailure;
}

/**
 * Is a target not where it should be, now that the run is over? A dry run
 * leaves pending what a run would do.
 */
export function hasFailed(state: TargetState, { dryRun }: Inputs): boolean {
  return state.next.do === 'fail' || (isPending(state) && !dryRun);
}

/** Are there so many targets that only a summary of each step is shown? */
export function areMany(targets: readonly unknown[]): boolean {
  return targets.length > FEW;
}

export function kindOf(state: TargetState, result: Result): Kind {
  if (hasFailed(state, result.inputs)) {
    const cause = causeOf(state, result.outcome.ending);
    return cause === 'cancelled' ? 'cancelled' : 'failed';
  }
  if (state.changed) {
    return state.planned.desired === 'present' ? 'added' : 'removed';
  }
  return isWaiting(state, result.inputs) ? 'waiting' : 'unchanged';
}

/** Why a target failed; what is still pending failed because the run ended. */
export function causeOf(state: TargetState, ending: Ending): Cause {
  const failure = failureOf(state);
  if (failure) return failure.cause;
  if (ending.type === 'cancelled') return 'cancelled';
  return ending.type === 'crashed' ? 'internal' : 'timeout';
}

/** Was the change accepted, or seen, but not awaited? */
function isWaiting({ next, recipient }: TargetState, inputs: Inputs): boolean {
  if (next.do === 'wait') return true;
  const isUnderWay =
    recipient?.status === 'associating' ||
    recipient?.status === 'disassociating';
  return isUnderWay && !inputs.wait;
}

/** The targets of each kind, in the order of the plan. */
export function byKind(result: Result): Map<Kind, TargetState[]> {
  const groups = new Map(
    KINDS.map((kind): [Kind, TargetState[]] => [kind, []]),
  );
  for (const state of result.outcome.targets) {
    groups.get(kindOf(state, result))?.push(state);
  }
  return groups;
}

/**
 * Did a run with `exact` not come to an account that it removes? Of an account
 * with several records, it may have come to some.
 */
export function isRemovalNotBegun(state: TargetState, inputs: Inputs): boolean {
  if (isListed(state) || !hasFailed(state, inputs)) return false;
  const isStopped = failureOf(state)?.cause === 'stopped';
  return isStopped || isUnbegunRemoval(state);
}

/** Cloudflare does not find the share, but lists it as active. */
export function isShareListed({ inputs, sharesOfOwner }: Result): boolean {
  return sharesOfOwner.some(({ id }) => id === inputs.shareId);
}

/**
 * Accounts that a run with `exact` certainly did not remove, because it ended,
 * or because Cloudflare carried out no request to remove a record of theirs.
 * Somebody may have removed them since.
 */
export function accountsNotRemoved({ inputs, outcome }: Result): TargetState[] {
  if (inputs.dryRun) return [];
  return outcome.targets.filter(
    (state) =>
      hasFailed(state, inputs) &&
      hasRecordNotRemoved(state, outcome.observed) &&
      causeOf(state, outcome.ending) !== 'refused',
  );
}

/** An account can have several records, of which some have been removed. */
function hasRecordNotRemoved(
  { planned, deletes }: TargetState,
  observed: Observations | null,
): boolean {
  const records = planned.unlistedRecords ?? [];
  return records.some(({ id }) => {
    const record = observed?.records.get(id);
    const hasAccess =
      record?.accountId === planned.target.id && isActive(record);
    return hasAccess && deletesOf(id, deletes).every(wasNotCarriedOut);
  });
}

function wasNotCarriedOut({ result }: Delete): boolean {
  return result.outcome === 'rejected' || result.outcome === 'conflict';
}

/** Accounts that a plan that was rejected as a whole would have removed. */
export function accountsToRemove({ outcome }: Result): TargetState[] {
  return outcome.targets.filter(
    (state) => !isListed(state) && causeOf(state, outcome.ending) === 'refused',
  );
}

/**
 * The last observed status: a published word, because people put outputs into
 * shell commands, or `unknown`.
 */
export function statusOf(
  state: TargetState,
  observed: Observations | null,
): PublishedStatus | 'unknown' {
  if (!observed || failureOf(state)?.cause === 'inconclusive') return 'unknown';

  const { recipient } = state;
  if (!recipient) return 'disassociated';
  return STATUSES.find((status) => status === recipient.status) ?? 'unknown';
}

/**
 * An active record of an account that `exact` removes, which the first list
 * did not show: it stays, so the account still has access.
 */
export function lateRecord(
  { planned }: TargetState,
  observed: Observations,
): ShareRecipient | null {
  const { unlistedRecords } = planned;
  if (!unlistedRecords) return null;

  const ids = new Set(unlistedRecords.map(({ id }) => id));
  const records = observed.byAccount.get(planned.target.id) ?? [];
  return (
    records.find((record) => isActive(record) && !ids.has(record.id)) ?? null
  );
}

/**
 * From the first list to the end of a target, in milliseconds, not rounded. A
 * target that failed, and one of a dry run, has a duration too.
 */
export function durationMs(state: TargetState, nowMs: number): number {
  const endMs = isPending(state) ? nowMs : state.decidedMs;
  return Math.max(0, endMs - state.startedMs);
}

/** The same in seconds, with one decimal. */
export function secondsOf(state: TargetState, nowMs: number): number {
  return Math.round(durationMs(state, nowMs) / 100) / 10;
}
