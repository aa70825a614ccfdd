import type {
  RecipientList,
  Share,
  ShareRecipient,
} from '../cloudflare/shares.ts';
import type { Inputs } from '../inputs.ts';
import { isActive, stage } from './readiness.ts';

/**
 * How far a read may be behind a write, in milliseconds; see "Consistency" in
 * docs/how-it-works.md.
 */
export const STALE_READ_MS = 10_000;

/** Everything that responses have shown so far. */
export type Observations = Readonly<ReturnType<typeof firstObservations>>;

/** @param share null where it could not be read */
export function firstObservations(
  { records, sentMs }: RecipientList,
  share: Share | null,
) {
  return {
    share,
    ...merge(new Map(), records),
    /** When the first list was sent, milliseconds since the epoch. */
    firstSentMs: sentMs,
    /** When the newest list was sent, milliseconds since the epoch. */
    listSentMs: sentMs,
  };
}

/** Adds what a response shows; a whole list also says when it was sent. */
export function observe(
  known: Observations,
  seen: Partial<RecipientList>,
): Observations {
  const { records = [], sentMs = known.listSentMs } = seen;
  return { ...known, ...merge(known.records, records), listSentMs: sentMs };
}

/**
 * Merges monotonically, because a read may be stale: a record never disappears.
 * Of two observations of one record the later `modified` wins; where that is
 * equal or missing, the one further along active, `disassociating`,
 * `disassociated`; where that is equal too, the later read.
 */
export function merge(
  known: ReadonlyMap<string, ShareRecipient>,
  seen: readonly ShareRecipient[],
) {
  const records = new Map(known);
  for (const record of seen) {
    const old = records.get(record.id);
    if (!old || !isStale(record, old)) records.set(record.id, record);
  }
  const byAccount = new Map<string, ShareRecipient[]>();
  for (const record of [...records.values()].sort(oldestFirst)) {
    byAccount.set(record.accountId, byAccount.get(record.accountId) ?? []);
    byAccount.get(record.accountId)?.push(record);
  }
  return { records: records as ReadonlyMap<string, ShareRecipient>, byAccount };
}

function isStale(record: ShareRecipient, known: ShareRecipient): boolean {
  const laterMs = record.modifiedMs - known.modifiedMs;
  return laterMs ? laterMs < 0 : stage(record) < stage(known);
}

/**
 * By ID where the age is equal or unknown, so that parallel runs choose the
 * same record.
 */
export function oldestFirst(a: ShareRecipient, b: ShareRecipient): number {
  return a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1);
}

/**
 * Accounts with more than one active record, which parallel runs can cause; the
 * oldest, which is in use, first.
 */
export function findDuplicates(
  { targets, state }: Inputs,
  observed: Observations | null,
) {
  const accounts = targets.filter(
    ({ type }) => type === 'account' && state === 'present',
  );
  const active = accounts.map(({ id }) =>
    (observed?.byAccount.get(id) ?? []).filter(isActive),
  );
  return active.filter(({ length }) => length > 1);
}
