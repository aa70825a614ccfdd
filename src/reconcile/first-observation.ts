import type { Clock, Deadline } from '../clock.ts';
import { ApiError, asApiError } from '../cloudflare/api-error.ts';
import type { ShareApi } from '../cloudflare/share.ts';
import type { Inputs, RecipientList, Share } from '../domain.ts';
import {
  firstObservations,
  type Observations,
  type ShareReading,
} from './observations.ts';

export interface FirstObservationOptions {
  /** Only `exact` depends on the share. */
  readonly inputs: Inputs;
  /** Reads the list and the share. */
  readonly share: ShareApi;
  /** Limits how much longer than the list the share may take. */
  readonly clock: Clock;
  /** Ends both reads. */
  readonly deadline: Deadline;
}

/** How much longer than the list the name of the share may take. */
const SHARE_GRACE_MS = 2_000;

/** What a run begins with. */
export type FirstObservation =
  | { readonly type: 'read'; readonly observed: Observations }
  | {
      readonly type: 'failed';
      readonly error: ApiError;
      /** Null where it could not be read either. */
      readonly share: Share | null;
    };

/**
 * Reads the recipients, and beside them the share with its name and what it
 * holds.
 * @returns the error of the list, or of a share that `exact` could not read
 *   before the end of the step
 */
export async function observeFirst(
  options: FirstObservationOptions,
): Promise<FirstObservation> {
  const { inputs, share, deadline } = options;
  const listing = share.listRecipients().catch(asApiError);
  const [list, readShare] = await Promise.all([
    listing,
    inputs.state === 'exact'
      ? readShareUnlessFailed(listing, options)
      : readShareBeside(listing, options),
  ]);
  const wasShareRead = !(readShare instanceof ApiError);
  if (list instanceof ApiError) {
    const knownShare = wasShareRead ? readShare : null;
    return { type: 'failed', error: list, share: knownShare };
  }
  if (wasShareRead) return read(list, { type: 'read', share: readShare });

  // The end of the step kept it from being read: that is no reason to reject
  // the plan.
  const isCutShort = inputs.state === 'exact' && deadline.closing.aborted;
  if (isCutShort) return { type: 'failed', error: readShare, share: null };

  return read(list, { type: 'failed', failure: readShare.failure });
}

function read(
  list: RecipientList,
  shareReading: ShareReading,
): FirstObservation {
  return { type: 'read', observed: firstObservations(list, shareReading) };
}

/** With its retries, unless the list has failed: then nothing is planned. */
async function readShareUnlessFailed(
  listing: Promise<unknown>,
  { share, deadline }: FirstObservationOptions,
): Promise<Share | ApiError> {
  const listFailed = new AbortController();
  const end = () => listFailed.abort('list failed');
  const endIfFailed = (list: unknown) => {
    if (list instanceof ApiError) end();
  };
  void listing.then(endIfFailed, end);
  const signal = AbortSignal.any([deadline.closing, listFailed.signal]);
  return await share.readShare({ signal }).catch(asApiError);
}

/** Only `exact` depends on the share, so a failure costs others no time. */
async function readShareBeside(
  listing: Promise<unknown>,
  { share, clock, deadline }: FirstObservationOptions,
): Promise<Share | ApiError> {
  const late = new AbortController();
  const isRead = new AbortController();
  // Whoever awaits the list reports its errors.
  void Promise.allSettled([listing])
    .then(() => clock.sleep(SHARE_GRACE_MS, isRead.signal))
    .then(() => late.abort('late'));
  const signal = AbortSignal.any([deadline.closing, late.signal]);
  const read = await share
    .readShare({ maxAttempts: 1, signal })
    .catch(asApiError);
  isRead.abort('read');
  return read;
}
