/* What the reconciler knows of one target, as data that the report reads. */
import type { FailedWrite } from '../cloudflare/client.ts';
import type {
  DesiredState,
  Failure,
  HeldBack,
  Inputs,
  Share,
  ShareRecipient,
  Target,
} from '../domain.ts';
import type { Observations } from './observations.ts';
import { isActive } from './readiness.ts';

/** One target with what is asked for it. */
export interface PlannedTarget {
  /** Who gets access, or loses it. */
  readonly target: Target;
  /** Which rules decide: those of `present` or `absent`. */
  readonly desired: DesiredState;
  /**
   * With `state: exact`, the records of an account that is not listed, as the
   * first list showed them: only these are removed. Null for a target of the
   * list, whose records are all its own.
   */
  readonly unlistedRecords: readonly ShareRecipient[] | null;
}

/** The targets of the list, in the order given. */
export function listedTargets({
  targets,
  state,
}: Pick<Inputs, 'targets' | 'state'>): PlannedTarget[] {
  const desired = state === 'absent' ? 'absent' : 'present';
  return targets.map((target) => ({ target, desired, unlistedRecords: null }));
}

/** What a run is about to do. */
export interface Plan {
  /** The listed targets in the order given, then accounts that have to go. */
  readonly targets: readonly PlannedTarget[];
  /** Why nothing may be written at all; null where it may. */
  readonly refusal: Refusal | null;
}

/** What is known of a write that may have been processed. */
export type WriteResult =
  | { readonly outcome: 'accepted' }
  | Exclude<FailedWrite, { outcome: 'notProcessed' }>;

/** A write that was sent. */
export interface SentWrite {
  /** When its result was known, milliseconds since the epoch. */
  readonly endedMs: number;
  /** What its response proved. */
  readonly result: WriteResult;
}

/** A POST that was sent. */
export interface Post extends SentWrite {
  /** Records of its target that were known before it was sent. */
  readonly knownIds: ReadonlySet<string>;
}

/** A DELETE that was sent. */
export interface Delete extends SentWrite {
  /** The record that it removes. */
  readonly recipientId: string;
  /** Was the record `associating` when it was sent? */
  readonly wasAssociating: boolean;
}

/** What a target waits for. */
export type Waiting =
  /** The association, or the removal, is under way. */
  | 'status'
  /** A removal by somebody else has to end before the target is added. */
  | 'removal'
  /** The effect of the last write, or of a parallel one, may still show. */
  | 'effect'
  /** A second list has to confirm that there is no record. */
  | 'confirmation'
  /** With `exact`: additions come first. */
  | 'additions';

/** What to do next for one target. Only `fail` is final. */
export type Step =
  | { readonly do: 'create' }
  | { readonly do: 'delete'; readonly recipientIds: readonly string[] }
  | { readonly do: 'wait'; readonly for: Waiting }
  | { readonly do: 'done' }
  | { readonly do: 'fail'; readonly failure: Failure };

/** What the run has done for one target so far. */
export interface History {
  /** The target, and the state that it should reach. */
  readonly planned: PlannedTarget;
  /** In the order in which they ended. */
  readonly posts: readonly Post[];
  /** As `posts`, for all records of the target. */
  readonly deletes: readonly Delete[];
  /**
   * The ID of the record in use: adopted, named by the reply to a POST, or
   * seen first after a POST whose outcome is unknown.
   */
  readonly inUse: string | null;
}

/** What follows from the history of a target and from the observations. */
export interface Decision {
  /** What to do now. */
  readonly next: Step;
  /** As in `History`, with what the newest observations add. */
  readonly inUse: string | null;
  /** The record in use, or the one that shows where the target stands. */
  readonly recipient: ShareRecipient | null;
  /** Did this run add or remove anything? In a dry run: would it? */
  readonly changed: boolean;
}

/** Where one target stands. */
export interface TargetState extends History, Decision {
  /** Has a write of it got its turn? It may not have been sent or processed. */
  readonly wasAttempted: boolean;
  /** Why the last write that was due was not carried out. */
  readonly heldBack: HeldBack | null;
  /** When the first list was sent, milliseconds since the epoch. */
  readonly startedMs: number;
  /** When `next.do` last changed; for a finished target, when it ended. */
  readonly decidedMs: number;
  /** Since when the record has been observed with its status. */
  readonly statusSinceMs: number;
}

/** A target of which nothing has been decided yet. */
export function initialState(
  planned: PlannedTarget,
  startedMs: number,
  nowMs: number,
): TargetState {
  return {
    planned,
    posts: [],
    deletes: [],
    inUse: null,
    next: { do: 'wait', for: 'status' },
    recipient: null,
    changed: false,
    wasAttempted: false,
    heldBack: null,
    startedMs,
    decidedMs: startedMs,
    statusSinceMs: nowMs,
  };
}

/** Is it a target of the list, not an account that `exact` removes? */
export function isListed({ planned }: TargetState): boolean {
  return planned.unlistedRecords === null;
}

/**
 * Is it an account that `exact` removes, and no write for it got its turn?
 * Somebody else may have begun the removal: then there is none to send.
 */
export function isUnbegunRemoval(state: TargetState): boolean {
  if (isListed(state) || state.wasAttempted) return false;
  return !isPending(state) || isDeleteToCome(state);
}

function isDeleteToCome({ next }: Decision): boolean {
  const isDue = next.do === 'delete';
  return isDue || (next.do === 'wait' && next.for === 'additions');
}

/** Is something due, or waited for? */
export function isPending({ next }: Decision): boolean {
  return next.do !== 'done' && next.do !== 'fail';
}

/** The failure of a target; null for one that has not failed. */
export function failureOf({ next }: Decision): Failure | null {
  return next.do === 'fail' ? next.failure : null;
}

/** Counts of what was observed, so that a timeout says what was seen. */
export interface PollCounts {
  /** All, those that failed too. */
  readonly polls: number;
  /** Those without a response that could be read. */
  readonly failedPolls: number;
}

/** What is known of the last write of a target; undefined without one. */
export function lastResultOf({
  posts,
  deletes,
}: History): WriteResult | undefined {
  return [...posts, ...deletes].at(-1)?.result;
}

/** The DELETEs that were sent for one record. */
export function deletesOf(
  id: string,
  deletes: readonly Delete[],
): readonly Delete[] {
  return deletes.filter(({ recipientId }) => recipientId === id);
}

/** The last DELETE of each record of the target that still has access. */
export function lastDeletes(
  { deletes }: History,
  { records }: Observations,
): readonly Delete[] {
  const lastOfEach = new Map(
    deletes.map((one): [string, Delete] => [one.recipientId, one]),
  );
  return [...lastOfEach.values()].filter(({ recipientId }) => {
    const record = records.get(recipientId);
    return record !== undefined && isActive(record);
  });
}

/**
 * Why it is not known what came of a DELETE of the target: the first whose
 * outcome is unknown while its record still has access. Null without one.
 */
export function openDeleteOf(
  history: History,
  observed: Observations,
): Failure | null {
  for (const { result } of lastDeletes(history, observed)) {
    if (result.outcome === 'unknown') return result.error.failure;
  }
  return null;
}

/**
 * Has a write of the run for the target been carried out: was it accepted, or
 * has its effect been observed? In a dry run none was sent.
 */
export function hasWritten(state: TargetState): boolean {
  const writes = [...state.posts, ...state.deletes];
  const isAccepted = writes.some(({ result }) => result.outcome === 'accepted');
  return isAccepted || (writes.length > 0 && state.changed);
}

/** How the reconcile loop ended. */
export type Ending =
  /** Every target is done or failed. */
  | { readonly type: 'complete' }
  | { readonly type: 'timeout' }
  | { readonly type: 'cancelled' }
  /** An exception that nothing expects. What was known by then is reported. */
  | { readonly type: 'crashed'; readonly error: unknown };

/** Why `exact` writes nothing, and what it is about. */
export interface Refusal extends Failure {
  /** What has to be fixed: decides the advice. */
  readonly about: 'unread-share' | 'share' | 'record' | 'list' | 'removals';
}

/** A run that is over, as plain data: what the report is made of. */
export interface Outcome {
  /** In the order of the plan: the listed targets, then unlisted accounts. */
  readonly targets: readonly TargetState[];
  /** Why nothing was written at all; null where it was, or could be. */
  readonly refusal: Refusal | null;
  /** Null where the recipients could not be read at all. */
  readonly observed: Observations | null;
  /** Null where the share could not be read. */
  readonly share: Share | null;
  /** How often the run has polled. */
  readonly polls: PollCounts;
  /** Why the last poll failed; null where it did not. */
  readonly lastPollFailure: Failure | null;
  /** Why the run ended. */
  readonly ending: Ending;
}
