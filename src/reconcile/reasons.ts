/* The failures that the reconciler finds itself, in words. */
import type {
  DesiredState,
  Failure,
  Share,
  ShareRecipient,
  Target,
} from '../domain.ts';
import { listOf, plural } from '../format.ts';
import type { Refusal } from './target-state.ts';

const MAX_NAMED = 5;

/** `reason (request)`: a failure on one line. */
export function formatFailure({ reason, request }: Failure): string {
  return request ? `${reason} (${request.detail})` : reason;
}

/** `c41f… (account 023e…)`. */
export function nameOfRecord({ id, accountId }: ShareRecipient): string {
  return `${id} (account ${accountId ?? 'unknown'})`;
}

/** Somebody removed the record in use. */
export function recipientRemoved({ id, status }: ShareRecipient): Failure {
  const reason = `recipient ${id} is ${status}`;
  return { cause: 'removed', reason, request: null };
}

/** The record in use has come back with another account. */
export function namesOtherAccount(
  { id, accountId }: ShareRecipient,
  target: Target,
): Failure {
  const reason = `recipient ${id} names account ${accountId} instead of ${target.id}`;
  return { cause: 'inconclusive', reason, request: null };
}

/** An organization's record cannot be recognized after a lost reply. */
export function inconclusivePost(failure: Failure): Failure {
  const reason = `the list does not show whether the organization was added: ${failure.reason}`;
  return { ...failure, cause: 'inconclusive', reason };
}

/** None of the active records is known to be the organization's. */
export function inconclusiveAbsence(
  others: readonly ShareRecipient[],
): Failure {
  const reason = `the organization may still be a recipient: it may be ${oneOf(others)}`;
  return { cause: 'inconclusive', reason, request: null };
}

/** An active record that names no account may be the organization's. */
export function possiblyOrganization(
  records: readonly ShareRecipient[],
): Failure {
  const reason = `the organization may be a recipient already: it may be ${oneOf(records)}`;
  return { cause: 'inconclusive', reason, request: null };
}

function oneOf(records: readonly ShareRecipient[]): string {
  const names = listOf(records.map(nameOfRecord), MAX_NAMED);
  return records.length === 1 ? names : `one of ${names}`;
}

/**
 * DELETEs were accepted, not rejected, and the record is there all the same.
 */
export function stillActive(
  { id, status }: ShareRecipient,
  deletes: number,
): Failure {
  const reason = `recipient ${id} is still ${status} after ${plural(deletes, 'request')} to remove it`;
  return { cause: 'server', reason, request: null };
}

/** Credentials that failed for one write fail for all. */
export function stoppedBy({ reason, request }: Failure): Failure {
  return {
    cause: 'stopped',
    reason: `not carried out, because authentication failed for another write: ${reason}`,
    request,
  };
}

/** Cloudflare asked to wait longer than the step lasts. */
export function heldBackToTheEnd({ reason, request }: Failure): Failure {
  return {
    cause: 'stopped',
    reason: `not carried out, because of the response to another write: ${reason}`,
    request,
  };
}

/**
 * Why the share cannot be changed for this target (Cloudflare's page on adding
 * a recipient); null where it can.
 */
export function shareProblem(
  { status, targetType }: Share,
  target: Target,
): Failure | null {
  if (status === 'deleting' || status === 'deleted') {
    const reason = `the share is ${status}, so its recipients cannot be changed`;
    return { cause: 'share-state', reason, request: null };
  }
  if (targetType === 'organization' && target.type === 'account') {
    const reason =
      'the share targets an organization, so its accounts cannot be added or removed one by one';
    return { cause: 'share-state', reason, request: null };
  }
  return null;
}

/**
 * Nothing is written with `exact`. The reason holds no IDs, so that all targets
 * share one reason and one annotation; the report names who would lose access.
 */
export function refusedBecause(
  reason: string,
  about: Refusal['about'],
): Refusal {
  return { cause: 'refused', reason, request: null, about };
}

/** A removal of `exact` that has not begun when an addition failed. */
export function notBegun(): Failure {
  const reason = 'not removed, because a listed account failed';
  return { cause: 'stopped', reason, request: null };
}

/** The same where a poll failed permanently. */
export function notBegunAfterPoll({ reason, request }: Failure): Failure {
  return {
    cause: 'stopped',
    reason: `not removed, because a poll failed: ${reason}`,
    request,
  };
}

/** The list cannot be read any more that would show the effect of a write. */
export function withOpenWrite(poll: Failure, write: Failure): Failure {
  const reason = `${poll.reason}; the last write may have been carried out: ${write.reason}`;
  return { ...poll, reason };
}

/** The same for a write that Cloudflare accepted. */
export function withAcceptedWrite(
  poll: Failure,
  desired: DesiredState,
): Failure {
  const write = desired === 'present' ? 'addition' : 'removal';
  const reason = `Cloudflare accepted the ${write}, but a poll failed: ${poll.reason}`;
  return { ...poll, reason };
}

/** Nothing is known of any target. */
export function unreadRecipients(
  failure: Failure,
  isCancelled: boolean,
): Failure {
  if (!isCancelled) return failure;
  const reason = `cancelled; ${failure.reason}`;
  return { ...failure, cause: 'cancelled', reason };
}

/** An exception that nothing expects; the log has it. */
export function internalError(): Failure {
  const reason = 'an internal error ended the run';
  return { cause: 'internal', reason, request: null };
}
