import type {
  Failure,
  OtherRecipients,
  RecipientList,
  Share,
  ShareRecipient,
} from '../domain.ts';
import { compareStages } from './readiness.ts';

/**
 * How far a read may be behind a write, in milliseconds; see "Consistency" in
 * docs/how-it-works.md.
 */
export const STALE_READ_MS = 10_000;

/** Records by their IDs. */
export type Records = ReadonlyMap<string, ShareRecipient>;

/** The share, beside the first list. */
export type ShareReading =
  | { readonly type: 'read'; readonly share: Share }
  | { readonly type: 'failed'; readonly failure: Failure };

/** Everything that responses have shown so far. */
export interface Observations {
  /** The share, or why it could not be read. */
  readonly shareReading: ShareReading;
  /** All records that were kept of responses, of targets and others. */
  readonly records: Records;
  /** Oldest first. Records that name no account are not in it. */
  readonly byAccount: ReadonlyMap<string, readonly ShareRecipient[]>;
  /** Records whose newest read, but none before it, shows no error. */
  readonly recoveredOnce: ReadonlySet<string>;
  /** As the newest list shows them. */
  readonly others: OtherRecipients;
  /** The most records of other accounts that a list could not decode. */
  readonly skipped: number;
  /** When the first list was sent, milliseconds since the epoch. */
  readonly firstSentMs: number;
  /** When the newest list was sent, milliseconds since the epoch. */
  readonly listSentMs: number;
  /** When the newest list was complete, milliseconds since the epoch. */
  readonly listReceivedMs: number;
}

/** The share, or null where it could not be read. */
export function shareIn({ shareReading }: Observations): Share | null {
  return shareReading.type === 'read' ? shareReading.share : null;
}

/** What the first list shows, and the share beside it. */
export function firstObservations(
  list: RecipientList,
  shareReading: ShareReading,
): Observations {
  const nothing: Observations = {
    shareReading,
    records: new Map(),
    byAccount: new Map(),
    recoveredOnce: new Set(),
    others: list.others,
    skipped: list.skipped,
    firstSentMs: list.sentMs,
    listSentMs: list.sentMs,
    listReceivedMs: list.receivedMs,
  };
  return observeList(nothing, list);
}

/** Adds what a whole list shows. */
export function observeList(
  observed: Observations,
  list: RecipientList,
): Observations {
  return {
    ...observeRecords(observed, list.records),
    others: list.others,
    skipped: Math.max(observed.skipped, list.skipped),
    listSentMs: list.sentMs,
    listReceivedMs: list.receivedMs,
  };
}

/**
 * Adds single records. The merge is monotonic, because a read may be stale: a
 * record never disappears. Of two observations of one record the later
 * `modified` wins; where that is equal or missing, the one further along
 * active, `disassociating`, `disassociated`; where that is equal too, the later
 * read. An error of a resource stays until `modified` moves or a second read
 * shows none: the first may be older than the error.
 */
export function observeRecords(
  observed: Observations,
  seen: readonly ShareRecipient[],
): Observations {
  // Records that have not changed are the same objects.
  const isKnown = (record: ShareRecipient) =>
    observed.records.get(record.id) === record;
  return seen.every(isKnown) ? observed : mergeRecords(observed, seen);
}

function mergeRecords(
  observed: Observations,
  seen: readonly ShareRecipient[],
): Observations {
  const records = new Map(observed.records);
  const recoveredOnce = new Set(observed.recoveredOnce);
  for (const record of seen) {
    const old = records.get(record.id);
    if (!old) records.set(record.id, record);
    if (!old || isStale(record, old)) continue;

    const isUnconfirmed =
      mayHaveRecovered(record, old) &&
      !hasRecoveredBefore(record.id, observed.recoveredOnce, recoveredOnce);
    if (isUnconfirmed) recoveredOnce.add(record.id);
    else recoveredOnce.delete(record.id);
    records.set(record.id, mergeRecord(record, old, isUnconfirmed));
  }
  const byAccount = groupByAccount(records);
  return { ...observed, records, byAccount, recoveredOnce };
}

/** The record itself where `old` adds nothing. */
function mergeRecord(
  record: ShareRecipient,
  old: ShareRecipient,
  isUnconfirmed: boolean,
): ShareRecipient {
  // A read that leaves the account out does not make the record nobody's.
  const accountId = record.accountId ?? old.accountId;
  const isComplete = accountId === record.accountId && !isUnconfirmed;
  if (isComplete) return record;

  const { errors, moreErrors } = isUnconfirmed ? old : record;
  return { ...record, accountId, errors, moreErrors };
}

/**
 * Did a reading before this one show the record without its error? Two copies
 * in one reading are one read, and one with an error counts.
 */
function hasRecoveredBefore(
  id: string,
  before: ReadonlySet<string>,
  now: ReadonlySet<string>,
): boolean {
  return before.has(id) && now.has(id);
}

function isStale(seen: ShareRecipient, old: ShareRecipient): boolean {
  const laterMs = modifiedLaterMs(seen, old);
  return laterMs === 0 ? compareStages(seen, old) < 0 : laterMs < 0;
}

/** Does a read that may be stale show no error any more? */
function mayHaveRecovered(seen: ShareRecipient, old: ShareRecipient): boolean {
  const isHealthy = seen.errors.length === 0 && old.errors.length > 0;
  return isHealthy && modifiedLaterMs(seen, old) === 0;
}

/** 0 where a date is missing. */
function modifiedLaterMs(seen: ShareRecipient, old: ShareRecipient): number {
  if (seen.modifiedMs === null || old.modifiedMs === null) return 0;
  return seen.modifiedMs - old.modifiedMs;
}

function groupByAccount(records: Records): Observations['byAccount'] {
  const byAccount = new Map<string, ShareRecipient[]>();
  for (const record of [...records.values()].sort(oldestFirst)) {
    if (record.accountId === null) continue;
    const others = byAccount.get(record.accountId);
    if (others) others.push(record);
    else byAccount.set(record.accountId, [record]);
  }
  return byAccount;
}

/**
 * Records without a date come last; by ID where the age is equal, so that
 * parallel runs choose the same record.
 */
export function oldestFirst(a: ShareRecipient, b: ShareRecipient): number {
  const aMs = a.createdMs ?? Number.MAX_VALUE;
  const bMs = b.createdMs ?? Number.MAX_VALUE;
  if (aMs !== bMs) return aMs - bMs;
  return a.id < b.id ? -1 : 1;
}
