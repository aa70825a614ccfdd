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
 * @returns for any target its rows, the oldest first; see `byAge`
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

/** Oldest first; by their ids where the age is the same or not known, so that all runs find the same order. */
export function byAge(a: ShareRecipient, b: ShareRecipient): number {
  return Date.parse(a.created) - Date.parse(b.created) || (a.id < b.id ? -1 : 1);
}

/** One answer about rows. */
export interface Answer {
  readonly rows: readonly ShareRecipient[];
  /** The only row that it is about; null when it is the whole list. */
  readonly id: string | null;
  /** When it was asked for: what it shows may be that old. */
  readonly askedMs: number;
  /** When it came. */
  readonly nowMs: number;
}

/** What is known of the rows from all answers so far. */
export interface Memory {
  /**
   * Takes an answer in. What it shows may be ten seconds old, and rows are kept for ever and do not come back on
   * their own. So a row is there until answers miss it for ten seconds; one that was first seen leaving less than
   * ten seconds ago is leaving, also where it is shown alive; and no answer goes back behind a change that was seen
   * less than ten seconds ago, unless it shows something worse.
   * @returns what is known now
   */
  see(answer: Answer): readonly ShareRecipient[];
  /**
   * Cloudflare made a row, or took up an old one again, as the answer to a write says. What was known of it is the
   * past, and for ten seconds so is what is older than that answer. A row that was there before is not believed to
   * leave either, unless it was changed since; of a new one there is no such past.
   */
  renew(row: ShareRecipient, isNew: boolean, nowMs: number): void;
}

interface Sighting {
  readonly row: ShareRecipient;
  readonly seenMs: number;
  /** When it was first seen to be as far gone as it is. */
  readonly sinceMs: number;
  /** When the first answer was asked for that missed it, after the last that showed it. */
  readonly missedMs: number | null;
}

/** Opens an empty memory. */
export function openMemory(): Memory {
  const sightings = new Map<string, Sighting>();
  const renewals = new Map<string, { row: ShareRecipient; isNew: boolean; atMs: number }>();

  function isPast(row: ShareRecipient, known: Sighting | undefined, askedMs: number): boolean {
    const renewal = renewals.get(row.id);
    if (renewal && askedMs - renewal.atMs < LAG_MS) {
      const isBefore = isLive(row) || renewal.isNew ? isOlder(row, renewal.row) : !isOlder(renewal.row, row);
      if (isBefore) return true;
    }
    if (!known) return false;
    const further = howFarGone(row) - howFarGone(known.row);
    if (further < 0 && askedMs - known.sinceMs < LAG_MS) return true;
    // What is worse than what was seen is believed, whatever its date says.
    if (further > 0 || row.resources.some(({ terminal }) => terminal)) return false;
    return askedMs - known.seenMs < LAG_MS && isOlder(row, known.row);
  }

  return {
    see({ rows, id, askedMs, nowMs }) {
      const shown = new Set(rows.map((row) => row.id));
      for (const [known, sighting] of sightings) {
        if (shown.has(known) || (id !== null && id !== known)) continue;
        const missedMs = sighting.missedMs ?? askedMs;
        if (askedMs - missedMs >= LAG_MS) sightings.delete(known);
        else sightings.set(known, { ...sighting, missedMs });
      }
      for (const row of rows) {
        const known = sightings.get(row.id);
        if (isPast(row, known, askedMs)) continue;
        const isSame = known !== undefined && howFarGone(known.row) === howFarGone(row);
        const sinceMs = isSame ? known.sinceMs : nowMs;
        sightings.set(row.id, { row, seenMs: nowMs, sinceMs, missedMs: null });
      }
      return Array.from(sightings.values(), ({ row }) => row);
    },
    renew(row, isNew, nowMs) {
      sightings.delete(row.id);
      renewals.set(row.id, { row, isNew, atMs: nowMs });
    },
  };
}

/** Was it changed before the other was? False where that is not known. */
function isOlder(row: ShareRecipient, other: ShareRecipient): boolean {
  return Date.parse(row.modified) < Date.parse(other.modified);
}

function howFarGone({ status }: ShareRecipient): number {
  return ['disassociating', 'disassociated'].indexOf(status);
}
