import type { ApiError, ApiFailure } from '../cloudflare/api-error.ts';
import type { ShareRecipient } from '../cloudflare/shares.ts';
import type { Inputs, Target } from '../inputs.ts';
import {
  type Observations,
  oldestFirst,
  STALE_READ_MS,
} from './observations.ts';
import {
  describeErrors,
  hasTerminalError,
  isActive,
  isReady,
  stage,
} from './readiness.ts';

/** Why a target failed. `report/failure-guide.ts` says for each what to do. */
export type Cause =
  | Exclude<ApiFailure, 'interrupted'>
  | 'resource-error'
  | 'removed'
  | 'inconclusive'
  | 'stopped'
  | 'timeout'
  | 'cancelled';

export interface Failure {
  readonly cause: Cause;
  /** What a reader has to know first. */
  readonly reason: string;
  /** The request, its status and its `cf-ray`, where a request failed. */
  readonly detail?: string | undefined;
}

/**
 * A POST or DELETE that was sent. What was certainly not processed is not
 * recorded.
 */
export interface Write {
  /** The record of a DELETE; null for a POST. */
  readonly recipientId: string | null;
  /** Milliseconds since the epoch. */
  readonly endedMs: number;
  /** Null where it was accepted. */
  readonly error: ApiError | null;
  /**
   * False for a DELETE that was rejected while its record was still
   * `associating`.
   */
  readonly isCounted: boolean;
  /** The records that were known before it was sent. */
  readonly known: Observations['records'];
}

/** Where one target stands. */
export interface TargetState {
  readonly target: Target;
  readonly writes: readonly Write[];
  /**
   * Why the last write was certainly not processed; null where it may have
   * been.
   */
  readonly unsent: ApiError | null;
  /**
   * The record in use: adopted, named by the reply to a POST, or seen first
   * after a POST without a clear reply.
   */
  readonly inUse: string | null;
  /** What is due. Only `fail` is final. */
  readonly action: 'create' | 'delete' | 'wait' | 'done' | 'fail';
  /** The record in use, or the one that shows where the target stands. */
  readonly recipient: ShareRecipient | null;
  /** Was anything created or removed by this run? In a dry run: would it be? */
  readonly changed: boolean;
  /** Records to delete. */
  readonly deletions: readonly string[];
  readonly failure: Failure | null;
  /** Milliseconds since the epoch; `endedMs` is null while something is due. */
  readonly startedMs: number;
  readonly endedMs: number | null;
}

/** What a decision depends on, besides the observations. */
type History = Pick<TargetState, 'target' | 'writes' | 'inUse'>;
export type Decision = Omit<
  TargetState,
  'target' | 'writes' | 'unsent' | 'startedMs' | 'endedMs'
>;
type Desired = Pick<Inputs, 'state' | 'wait' | 'dryRun'>;

const MAX_WRITES = 3;

/**
 * Compares the desired with the observed state of a target. Evaluated after
 * every poll, from scratch; the letters refer to the decision tables in
 * docs/how-it-works.md.
 */
export function decide(
  history: History,
  desired: Desired,
  observed: Observations,
): Decision {
  const decideState =
    desired.state === 'present' ? decidePresent : decideAbsent;
  return decideState(history, desired, observed);
}

function decidePresent(
  history: History,
  { wait, dryRun }: Desired,
  observed: Observations,
): Decision {
  const { target, writes } = history;
  const { share } = observed;
  const own = recordsOf(history, observed);
  const active = own.find(isActive);
  const uncertain = writes.find(isUnknown);
  const appeared = own.find(({ id }) => uncertain && !uncertain.known.has(id));
  const inUse = active?.id ?? history.inUse ?? appeared?.id ?? null;
  const recipient =
    active ?? observed.records.get(inUse ?? '') ?? own.at(-1) ?? null;
  const isAdded = writes.some(isAccepted) || Boolean(uncertain && inUse);
  const changed = dryRun ? !active : isAdded;
  const known = { inUse, recipient, changed, deletions: [], failure: null };
  const act = (action: Decision['action']): Decision => ({ ...known, action });
  const fail = (failure: Failure): Decision => ({
    ...act('fail'),
    changed: changed && !dryRun,
    failure,
  });

  if (active && hasTerminalError(active)) {
    return fail({
      cause: 'resource-error',
      reason: describeErrors(active, share?.resourceTypes),
    }); // P1
  }
  if (active) return act(isReady(active) || !wait ? 'done' : 'wait'); // P2, P3
  if (inUse)
    return fail({
      cause: 'removed',
      reason: `recipient ${inUse} is ${recipient?.status}`,
    }); // P4
  const ending = own.find((record) => stage(record) === 1);
  if (ending) return { ...act('wait'), recipient: ending }; // P5
  const last = writes.at(-1);
  if (!last?.error) return act('create'); // P6
  const graceMs = isOpen(last) ? STALE_READ_MS : 0;
  if (observed.listSentMs - last.endedMs < graceMs) return act('wait'); // P7
  const mayRepeat =
    isOpen(last) && last.error.is.retryable && writes.length < MAX_WRITES;
  if (target.type === 'account' && mayRepeat) return act('create'); // P8
  if (target.type === 'account' || !isUnknown(last))
    return fail(failureOf(last.error)); // P9
  const reason = `the list does not show whether the organization was added after ${last.error.reason}`;
  return fail({ cause: 'inconclusive', reason, detail: last.error.detail });
}

function decideAbsent(
  history: History,
  desired: Desired,
  observed: Observations,
): Decision {
  const { target, writes } = history;
  const own = recordsOf(history, observed);
  const due = own.map((record) =>
    decideRemoval(record, writes, desired.wait, observed.listSentMs),
  );
  const isEnded = (id: string | null) =>
    own.some((record) => record.id === id && !isActive(record));
  const isRemoved = (write: Write) =>
    isAccepted(write) || (isUnknown(write) && isEnded(write.recipientId));
  const isWritten = ({ id }: ShareRecipient) =>
    writes.some(({ recipientId }) => recipientId === id);
  const byStage = [...own].sort(
    (a, b) =>
      stage(a) - stage(b) || Number(isWritten(b)) - Number(isWritten(a)),
  );
  const recipient = byStage[0] ?? null;
  const known = {
    inUse: recipient?.id ?? null,
    recipient,
    changed: desired.dryRun ? own.some(isActive) : writes.some(isRemoved),
    deletions: own
      .filter((_, index) => due[index] === 'delete')
      .map(({ id }) => id),
    failure: due.find((one) => typeof one === 'object') ?? null,
  };
  if (known.deletions.length > 0)
    return { ...known, action: 'delete', failure: null };
  const isListed = writes.every(
    ({ endedMs }) => endedMs <= observed.listSentMs,
  );
  if (known.failure && isListed) return { ...known, action: 'fail' };
  if (due.includes('wait')) return { ...known, action: 'wait', failure: null };
  const others = [...observed.records.values()]
    .filter(isActive)
    .sort(oldestFirst);
  if (target.type === 'organization' && own.length === 0 && others.length > 0) {
    const ids = others
      .slice(0, 5)
      .map(({ id, accountId }) => `${id} (account ${accountId || 'unknown'})`);
    const reason = `no recipient is known to be the organization; it may be one of ${ids.join(', ')}`;
    return {
      ...known,
      action: 'fail',
      failure: { cause: 'inconclusive', reason },
    }; // A8
  }
  const isConfirmed =
    observed.listSentMs - observed.firstSentMs >= STALE_READ_MS;
  const isStarted =
    writes.length > 0 || own.some((record) => stage(record) === 1);
  return {
    ...known,
    action: isStarted || isConfirmed || desired.dryRun ? 'done' : 'wait',
  }; // A1, A9
}

/** What is due for one record that has to go. */
function decideRemoval(
  record: ShareRecipient,
  writes: readonly Write[],
  wait: boolean,
  listSentMs: number,
) {
  const own = writes.filter(({ recipientId }) => recipientId === record.id);
  const last = own.at(-1);
  if (stage(record) === 2) return 'done'; // A1
  if (stage(record) === 1) return wait ? 'wait' : 'done'; // A2
  if (!last) return 'delete'; // A3
  if (isAccepted(last) && !wait) return 'done'; // A4
  if (listSentMs - last.endedMs < STALE_READ_MS) return 'wait'; // A5
  const mayRepeat =
    isAccepted(last) || (isOpen(last) && last.error?.is.retryable);
  if (mayRepeat && own.filter(({ isCounted }) => isCounted).length < MAX_WRITES)
    return 'delete'; // A6
  const reason = `recipient ${record.id} is still ${record.status} after ${own.length} requests to remove it`;
  return last.error
    ? failureOf(last.error)
    : ({ cause: 'rejected', reason } as const); // A7
}

function isAccepted({ error }: Write): boolean {
  return error === null;
}

/**
 * May the write have been carried out, although its response does not say so?
 */
export function isUnknown({ error }: Write): boolean {
  return error?.is.outcome === 'unknown';
}

/** May the effect of the write, or of a parallel one, still show? */
function isOpen(write: Write): boolean {
  return isUnknown(write) || write.error?.is.outcome === 'conflict';
}

/** Is something due, or waited for? */
export function isPending({ action }: Pick<Decision, 'action'>): boolean {
  return action !== 'done' && action !== 'fail';
}

/** `reason (detail)`, for the log and the outputs. */
export function formatFailure({ reason, detail }: Failure): string {
  return detail ? `${reason} (${detail})` : reason;
}

/**
 * The failure of a request. One that the end of the step cut short has timed
 * out.
 */
export function failureOf({
  is: { failure },
  reason,
  detail,
}: ApiError): Failure {
  return {
    cause: failure === 'interrupted' ? 'timeout' : failure,
    reason,
    detail,
  };
}

/**
 * The records of a target, oldest first. An organization's record may name no
 * account; then the POST's reply names it.
 */
function recordsOf(
  { target, inUse }: History,
  { records, byAccount }: Observations,
) {
  const own: readonly ShareRecipient[] = byAccount.get(target.id) ?? [];
  const used = records.get(inUse ?? '');
  return used && !own.includes(used) ? [...own, used].sort(oldestFirst) : own;
}
