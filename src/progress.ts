import type { RequestError } from './cloudflare/errors.ts';
import type { ShareRecipient } from './cloudflare/shares.ts';
import type { Failure } from './failure.ts';
import type { Target } from './inputs.ts';
import { byAge, inForce, isLive, isPublished, LAG_MS, ownRows } from './rows.ts';
import { judgeAbsent, judgePresent, terminalFailure, type Verdict } from './settle.ts';

/** Where one target stands. */
export type Step =
  /** To be posted as soon as possible. */
  | 'create'
  /** To be deleted as soon as possible. */
  | 'remove'
  /** A write got no clear answer, or was refused: look before anything is written again. */
  | 'unsure'
  /** An earlier row is being removed: wait until it is, then post. */
  | 'clear'
  /** Cloudflare would not delete the row while it is associating: wait, then delete. */
  | 'hold'
  /** Waits until the recipient can use the share. */
  | 'associate'
  /** Waits until the recipient has lost the share. */
  | 'disassociate'
  /** Done: seen in the wanted state. */
  | 'settled'
  /** Done: accepted by Cloudflare, and nobody wanted to wait. */
  | 'accepted'
  | 'failed';

/** One row of one target on its way. A target has more than one only when it has several live rows to remove. */
export interface Progress {
  readonly target: Target;
  readonly want: 'present' | 'absent';
  readonly wait: boolean;
  readonly step: Step;
  /** false until the list has been read: then nothing can be said about its status. */
  readonly looked: boolean;
  /** Id of the row in use, as soon as it is known. */
  readonly id: string | null;
  /** The row as it was last seen; a row of the past until there is a new one. */
  readonly row: ShareRecipient | null;
  readonly changed: boolean;
  /** POSTs or DELETEs sent for it. */
  readonly writes: number;
  readonly startedMs: number;
  /** When the step began, milliseconds since the epoch. */
  readonly sinceMs: number;
  /** When Cloudflare accepted our write; null for a row that was there before. */
  readonly acceptedMs: number | null;
  readonly endedMs: number | null;
  /** Why it failed; while it is unsure, what made it so. */
  readonly failure: Failure | null;
  /** Did a write of ours get no clear answer? Then a row that turns up is ours. */
  readonly maybeWritten: boolean;
  /** While it is unsure: for how long a row is looked for before the failure is believed, milliseconds. */
  readonly patienceMs: number;
  /** May the write be sent again once a look has shown that it was not carried out? */
  readonly mayWriteAgain: boolean;
}

/** What is known after an answer, and what it has to be compared with. */
export interface Look {
  readonly rows: readonly ShareRecipient[];
  readonly byId: ReadonlyMap<string, ShareRecipient>;
  /** The rows of a target, the oldest first. */
  readonly own: (target: Target) => readonly ShareRecipient[];
  /** Ids of all rows that were there before anything was written. */
  readonly before: ReadonlySet<string>;
  readonly nowMs: number;
  /** When it was asked for: what it shows may be that old. */
  readonly askedMs: number;
}

/** Makes a look of the rows that are known, see `Memory` in `rows.ts`. */
export function lookOf(
  rows: readonly ShareRecipient[],
  before: ReadonlySet<string>,
  nowMs: number,
  askedMs: number,
): Look {
  const byId = new Map(rows.map((row) => [row.id, row]));
  return { rows, byId, own: ownRows(rows), before, nowMs, askedMs };
}

/** For so long a row that was accepted may be missing from answers. */
export const MISSING_TOLERATED_MS = 30_000;
/** For so long a write without a clear answer is looked for before it is sent again. */
export const UNSURE_MS = LAG_MS;
/** So long a row that a DELETE does not know is looked for: a read may lag, and one that misses it is to be confirmed. */
const GONE_MS = 3 * LAG_MS;
/** A write is sent at most so often, each time after a look. */
export const MAX_WRITES = 3;
const HOLD_MS = 15_000;

/** Is nothing left to do or to wait for? */
export function isDone({ step }: Progress): boolean {
  return step === 'settled' || step === 'accepted' || step === 'failed';
}

/** The association status that was seen last; `disassociated` where there is no record, empty where nobody could look. */
export function statusOf({ row, looked }: Progress): string {
  return row?.status ?? (looked ? 'disassociated' : '');
}

function begin(p: Progress, step: Step, nowMs: number, more: Partial<Progress> = {}): Progress {
  const next = { ...p, failure: null, endedMs: null, ...more, step, sinceMs: nowMs };
  return isDone(next) ? { ...next, endedMs: nowMs } : next;
}

/** It failed for good. */
export function failed(p: Progress, failure: Failure, nowMs: number): Progress {
  return begin(p, 'failed', nowMs, { failure });
}

function judged(p: Progress, verdict: Verdict, nowMs: number): Progress {
  if (verdict.kind === 'failed') return failed(p, verdict.failure, nowMs);
  return verdict.kind === 'settled' ? begin(p, 'settled', nowMs) : p;
}

/** Does the plan write anything for it? */
export function willChange({ step }: Progress): boolean {
  return step === 'create' || step === 'clear' || step === 'remove';
}

/** For a dry run: what would be changed counts as changed. */
export function foretold(p: Progress): Progress {
  return { ...p, changed: willChange(p) };
}

/** A write is about to be sent. */
export function sent(p: Progress, nowMs: number): Progress {
  return { ...p, writes: p.writes + 1, sinceMs: nowMs };
}

/**
 * Cloudflare accepted the write. What it began is waited for from when the write was sent.
 * @param row the row in its reply, where it has one; it was answered without resources, so it settles nothing
 */
export function accepted(p: Progress, row: ShareRecipient | null, nowMs: number): Progress {
  const known = { row, id: row?.id ?? p.id, changed: true, acceptedMs: nowMs };
  if (p.want === 'present') {
    const failure = row && terminalFailure(row);
    if (failure) return begin(p, 'failed', nowMs, { ...known, failure });
    const next = begin(p, p.wait ? 'associate' : 'accepted', nowMs, known);
    return { ...next, sinceMs: p.sinceMs };
  }
  // A DELETE is soft: what it leaves is a row that is disassociating, also when the reply does not show it.
  const left = row ?? (p.row && { ...p.row, status: 'disassociating' });
  const next = begin(p, p.wait ? 'disassociate' : 'accepted', nowMs, { ...known, row: left });
  return { ...next, sinceMs: p.sinceMs };
}

function leaving(p: Progress, nowMs: number): Progress {
  const next = judged(p, judgeAbsent(p.row), nowMs);
  return isDone(next) || p.wait ? next : begin(next, 'accepted', nowMs);
}

/** The write failed: unless that is certain, what is to be believed is told by the next look. */
export function unanswered(p: Progress, error: RequestError, nowMs: number): Progress {
  const failure = { cause: error.why, message: error.message };
  const isUnsent = !error.ambiguous && (error.why === 'timeout' || error.why === 'cancelled' || error.stale);
  if (isUnsent) return { ...p, writes: p.writes - 1 };
  if (error.ambiguous) {
    const patienceMs = Math.max(UNSURE_MS, error.retryAfterMs ?? 0);
    return begin(p, 'unsure', nowMs, {
      failure,
      maybeWritten: true,
      mayWriteAgain: error.retryable,
      patienceMs,
    });
  }
  if (error.why !== 'refused') return failed(p, failure, nowMs);
  const isMissing = error.status === 404 && p.want === 'absent';
  if (p.want === 'absent' && p.row?.status === 'associating' && !isMissing) {
    return begin(p, 'hold', nowMs, { failure });
  }
  // What Cloudflare answers to a duplicate is not published, so a refusal may mean that another run was faster;
  // a conflict does for sure, though reads may lag. And a row that is not found may not be there any more.
  const patienceMs = isMissing ? GONE_MS : p.maybeWritten || error.status === 409 ? UNSURE_MS : 0;
  return begin(p, 'unsure', nowMs, { failure, mayWriteAgain: false, patienceMs });
}

function gone(p: Progress, nowMs: number): Progress {
  const row = p.row && { ...p.row, status: 'disassociated' };
  return begin(p, 'settled', nowMs, { changed: p.changed || p.maybeWritten, row });
}

/** What a look says about one target. */
export function looked(p: Progress, look: Look): Progress {
  const { nowMs } = look;
  const row = rowInUse(p, look);
  switch (p.step) {
    case 'associate':
      return row ? lookedAt(p, row, look) : lookedInVain(p, look);
    case 'settled':
    case 'accepted':
      // Cloudflare pushes again what is added to a share later, so what was usable may not be any more; and what
      // was removed may be there again.
      if (p.want === 'present') return row ? lookedAt(p, row, look) : lookedInVain(p, look);
      return row && isLive(row) && p.step === 'settled' ? begin(p, 'remove', nowMs, { row }) : p;
    case 'disassociate':
      return row ? leaving({ ...p, row }, nowMs) : gone(p, nowMs);
    case 'create': // held back for long by the rate limit
    case 'clear':
      return cleared(p, look);
    case 'hold':
      if (!row) return gone(p, nowMs);
      if (!isLive(row)) return leaving(begin(p, 'disassociate', nowMs, { row }), nowMs);
      if (row.status === 'associating' && nowMs - p.sinceMs < HOLD_MS) return { ...p, row };
      return begin(p, 'remove', nowMs, { row });
    case 'unsure':
      return p.want === 'present' ? lookedForPost(p, look) : lookedForDelete(p, row, look);
    default:
      return p;
  }
}

/** Goes on with a row that was found; whatever found it was asked with resources, so it may settle at once. */
export function associate(p: Progress, row: ShareRecipient, nowMs: number, ours = false): Progress {
  const changed = p.changed || ours;
  const next = begin(p, 'associate', nowMs, { id: row.id, row, changed, acceptedMs: ours ? nowMs : null });
  const verdict = judgePresent(row);
  if (verdict.kind === 'pending' && !p.wait) return begin(next, 'accepted', nowMs);
  return judged(next, verdict, nowMs);
}

/**
 * The row to go by. Where somebody else added the same account at the same time there are two, and everybody uses
 * the older.
 */
function rowInUse(p: Progress, { byId, own }: Look): ShareRecipient | null {
  const used = byId.get(p.id ?? '') ?? null;
  const current = used ?? p.row;
  if (p.want === 'absent' || p.target.type !== 'account' || !current) return used;
  const mine = own(p.target);
  const all = mine.includes(current) ? mine : [...mine, current].sort(byAge);
  const oldest = all.find((row) => row === current || isPublished(row));
  return oldest === current ? used : (oldest ?? null);
}

function lookedAt(p: Progress, row: ShareRecipient, { nowMs }: Look): Progress {
  const verdict = judgePresent(row);
  const next = { ...p, id: row.id, row };
  if (verdict.kind === 'pending' && p.step === 'settled') {
    return begin(next, p.wait ? 'associate' : 'accepted', nowMs);
  }
  const isAsBefore = verdict.kind === p.step || (verdict.kind === 'pending' && p.step === 'accepted');
  return isAsBefore ? next : judged(next, verdict, nowMs);
}

function lookedInVain(p: Progress, { nowMs, askedMs }: Look): Progress {
  if (p.acceptedMs !== null && askedMs - p.acceptedMs < MISSING_TOLERATED_MS) return p;
  const message = `recipient ${p.id} is no longer in Cloudflare's answers`;
  return failed(p, { cause: 'vanished', message }, nowMs);
}

/** An account may have several rows of the past, and somebody may have added a new one: all of them are looked at. */
function cleared(p: Progress, look: Look): Progress {
  const { nowMs } = look;
  const own = look.own(p.target);
  const live = inForce(own);
  if (live) return associate(p, live, nowMs);
  const leaving = own.find((row) => row.status === 'disassociating');
  if (leaving) return { ...p, step: 'clear', id: leaving.id, row: leaving };
  return begin(p, 'create', nowMs, { id: null, row: own.at(-1) ?? p.row });
}

function lookedForPost(p: Progress, look: Look): Progress {
  const { rows, before, nowMs } = look;
  const own = look.own(p.target);
  const isLate = isPatienceOver(p, look);
  // A new row that is leaving may be somebody else's, and ours may show later.
  const found = inForce(own) ?? own.find((row) => isLate && !before.has(row.id));
  if (found) return associate(p, found, nowMs, p.maybeWritten);
  if (p.target.type === 'account' || !p.maybeWritten) return notFound(p, look);

  // Somebody else may have added a row at the same time, so all that turn up in that time are looked at together.
  if (!isLate) return p;
  const fresh = rows.filter((row) => !before.has(row.id) && row.organizationId === null);
  const [only] = fresh;
  if (only && fresh.length === 1) return associate(p, only, nowMs, true);
  const saw =
    fresh.length === 0 ? 'no new row' : `${fresh.length} new rows (${fresh.map((row) => row.id).join(', ')})`;
  const message = `${p.failure?.message}; the list shows ${saw}, which does not tell whether the organization was added`;
  return failed(p, { cause: 'inconclusive', message }, nowMs);
}

function lookedForDelete(p: Progress, row: ShareRecipient | null, look: Look): Progress {
  const { nowMs } = look;
  if (!row) return gone(p, nowMs);
  if (isLive(row)) return notFound({ ...p, row }, look);
  return leaving(begin(p, 'disassociate', nowMs, { row, changed: p.changed || p.maybeWritten }), nowMs);
}

/** The write has not shown its effect: go on looking, then send it again or give up. */
function notFound(p: Progress, look: Look): Progress {
  const failure = p.failure ?? { cause: 'internal', message: 'a write failed without a reason' };
  if (!isPatienceOver(p, look)) return p;
  if (!p.mayWriteAgain || p.writes >= MAX_WRITES) return failed(p, failure, look.nowMs);
  return begin(p, p.want === 'present' ? 'create' : 'remove', look.nowMs);
}

/** Was the look asked for when the write had been looked for long enough? An answer that is late shows no more for it. */
function isPatienceOver(p: Progress, { askedMs }: Look): boolean {
  return askedMs - p.sinceMs >= p.patienceMs;
}
