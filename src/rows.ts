import type { ShareRecipient } from './cloudflare/shares.ts';
import type { Target } from './inputs.ts';

/** Reads may lag writes, each by another time: what an answer shows may be that old, never older. Milliseconds. */
export const LAG_MS = 10_000;

/** Does this row stand for a share in force, or one that may be? Statuses that are not published are taken for one. */
export function isLive({ status }: ShareRecipient): boolean {
  return status !== 'disassociating' && status !== 'disassociated';
}

/** Does its status say for sure that the share is in force, or will be? */
export function isPublished({ status }: ShareRecipient): boolean {
  return status === 'associating' || status === 'associated';
}

/** Of the rows of one target, the oldest that is live; one with a published status goes before one that nobody knows. */
export function inForce(own: readonly ShareRecipient[]): ShareRecipient | undefined {
  return own.find(isPublished) ?? own.find(isLive);
}

/**
 * Finds the rows of a target. Cloudflare does not publish how an organization's row looks, so both fields are tried.
 * @returns for any target its rows, the oldest first; those of the same age keep their order
 */
export function ownRows(rows: readonly ShareRecipient[]): (target: Target) => readonly ShareRecipient[] {
  const groups = new Map<string, ShareRecipient[]>();
  for (const row of rows) {
    const group = groups.get(row.accountId);
    if (group) group.push(row);
    else groups.set(row.accountId, [row]);
  }
  for (const group of groups.values()) if (group.length > 1) group.sort(byAge);
  return ({ type, id }) =>
    type === 'account'
      ? (groups.get(id) ?? [])
      : rows.filter((row) => (row.organizationId ?? row.accountId) === id).sort(byAge);
}

/** Oldest first; 0 where an age is not known. */
export function byAge(a: ShareRecipient, b: ShareRecipient): number {
  const [x, y] = [Date.parse(a.created), Date.parse(b.created)];
  return Number.isNaN(x) || Number.isNaN(y) ? 0 : x - y;
}

/** What is known of the rows from all answers so far. */
export interface Memory {
  /**
   * Takes an answer in. What it shows may be ten seconds old, and rows are kept for ever and do not come back on
   * their own. So a row that was seen less than ten seconds ago is there, shown or not, and one that was first seen
   * leaving less than ten seconds ago is leaving, also where it is shown alive.
   * @param askedMs when the answer was asked for
   * @param nowMs when it came
   * @returns what is known now
   */
  see(rows: readonly ShareRecipient[], askedMs: number, nowMs: number): readonly ShareRecipient[];
  /** Cloudflare took an old row up again, as the answer to a write says: what was known of it is the past. */
  renew(id: string, nowMs: number): void;
}

interface Sighting {
  readonly row: ShareRecipient;
  readonly seenMs: number;
  /** When it was first seen to be as far gone as it is. */
  readonly sinceMs: number;
}

/** Opens an empty memory. */
export function openMemory(): Memory {
  const sightings = new Map<string, Sighting>();
  const renewedMs = new Map<string, number>();

  function isPast(row: ShareRecipient, known: Sighting | undefined, askedMs: number): boolean {
    const atMs = renewedMs.get(row.id);
    if (atMs !== undefined && !isLive(row) && askedMs - atMs < LAG_MS) return true;
    return known !== undefined && askedMs - known.sinceMs < LAG_MS && howFarGone(row) < howFarGone(known.row);
  }

  return {
    see(rows, askedMs, nowMs) {
      for (const [id, { seenMs }] of sightings) if (askedMs - seenMs >= LAG_MS) sightings.delete(id);
      for (const row of rows) {
        const known = sightings.get(row.id);
        if (isPast(row, known, askedMs)) continue;
        const isSame = known !== undefined && howFarGone(known.row) === howFarGone(row);
        sightings.set(row.id, { row, seenMs: nowMs, sinceMs: isSame ? known.sinceMs : nowMs });
      }
      return Array.from(sightings.values(), ({ row }) => row);
    },
    renew(id, nowMs) {
      sightings.delete(id);
      renewedMs.set(id, nowMs);
    },
  };
}

function howFarGone({ status }: ShareRecipient): number {
  return ['disassociating', 'disassociated'].indexOf(status);
}
