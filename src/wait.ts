import { change } from './change.ts';
import { RequestError } from './cloudflare/errors.ts';
import { PER_PAGE, type ShareRecipient } from './cloudflare/shares.ts';
import type { Failure } from './failure.ts';
import { duplicates, newcomers } from './plan.ts';
import { failed, isDone, type Look, looked, lookOf, type Progress, statusOf, UNSURE_MS } from './progress.ts';
import { duration } from './report/text.ts';
import { type Answer, openMemory } from './rows.ts';
import type { Run } from './run.ts';
import { describeErrors, nextLookMs } from './settle.ts';

/** An answer of the wrong shape may be a hiccup of something in between; more of them, over ten seconds, are not. */
const MISSHAPEN_TOLERATED = 2;
/** A look with less time than this would only end in a deadline that says nothing of Cloudflare. */
const SHORTEST_LOOK_MS = 250;
/** So long before the end of the step a last look begins, lest something that has just settled is not noticed. */
const LAST_MOMENT_MS = 2_000;
/** For the last look of a run: the runner kills 10 s after a cancel, and users expect less than two. */
const LAST_LOOK_CANCELLED_MS = 900;
const LAST_LOOK_MS = 3_000;

/**
 * Carries a plan out: writes what is due, looks until everything has settled, and writes again where a look
 * shows that it is needed.
 * @param planned the targets as planned
 * @param rows the rows that were there before anything was written
 * @returns the targets, all of them done
 */
export async function carryOut(
  planned: readonly Progress[],
  rows: readonly ShareRecipient[],
  run: Run,
): Promise<Progress[]> {
  const { clock, cancel, endMs, report } = run;
  const before = new Set(rows.map((row) => row.id));
  const memory = openMemory();
  memory.see({ rows, id: null, askedMs: clock.now(), nowMs: clock.now() });
  const all = [...planned];
  // A removal takes every row of an account, so there is nothing to warn of.
  const targets = [...new Set(all.filter((p) => p.want === 'present').map((p) => p.target))];
  const update = (index: number, next: Progress) => {
    const previous = all[index] as Progress;
    all[index] = next;
    if (previous.step === 'create' && next.row) memory.renew(next.row, !before.has(next.row.id), clock.now());
    if (next !== previous) report.moved(previous, next, all);
  };
  const lookAt = (seen: Pick<Answer, 'rows' | 'id'>, askedMs: number, judge = looked) => {
    const nowMs = clock.now();
    const look = lookOf(memory.see({ ...seen, askedMs, nowMs }), before, nowMs, askedMs);
    report.duplicates(duplicates(targets, look.rows));
    for (const [index, p] of all.entries()) update(index, judge(p, look));
    if (judge === looked) for (const p of newcomers(all, look)) all.push(p);
  };

  let stop: Failure | null = null;
  let lastError: RequestError | null = null;
  /** When answers of the wrong shape came, since the last good one. */
  let misshapenMs: number[] = [];
  let pages = 1;
  let lookedMs = 0;
  while (true) {
    stop = await change(all, run, update);
    const pending = all.filter((p) => !isDone(p));
    if (stop || pending.length === 0 || run.isOver()) break;
    const sinceMs = pending.reduce((latest, p) => Math.max(latest, p.sinceMs), 0);
    const fromMs = Math.max(lookedMs, sinceMs);
    const waitMs = nextLookMs(fromMs - sinceMs, run.random(), pages);
    // Looks are timed from start to start; a slow answer must not leave the server without a pause.
    const pauseMs = Math.max(fromMs + waitMs - clock.now(), waitMs / 2);
    await clock.sleep(fitted(pauseMs, endMs - clock.now()), cancel);
    if (run.isOver()) break;
    lookedMs = clock.now();
    try {
      const seen = await look(all, run);
      pages = Math.ceil(seen.rows.length / PER_PAGE);
      lookAt(seen, lookedMs);
      lastError = null;
      misshapenMs = [];
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      if (error.isMisshapen) misshapenMs.push(clock.now());
      const [firstMs = clock.now()] = misshapenMs;
      const isNoHiccup = misshapenMs.length > MISSHAPEN_TOLERATED && clock.now() - firstMs >= UNSURE_MS;
      if (!run.isOver() && (!error.retryable || isNoHiccup)) {
        stop = { cause: error.why, message: error.message };
        break;
      }
      lastError = error;
    }
    report.heartbeat(all, endMs);
  }

  // After a look that failed for good there is none; but a write that was refused says nothing of another one.
  if (all.some(isMaybeWritten) && (!stop || stop.cause === 'stopped')) {
    const askedMs = clock.now();
    const untilMs = askedMs + (cancel.aborted ? LAST_LOOK_CANCELLED_MS : LAST_LOOK_MS);
    try {
      lookAt({ rows: await run.shares.list({ tries: 1, untilMs }), id: null }, askedMs, lastLooked);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      lastError = error;
    }
  }
  for (const [index, p] of all.entries()) {
    if (!isDone(p)) update(index, failed(p, unfinished(p, run, stop, lastError), clock.now()));
  }
  return all;
}

/** A pause that leaves time for the look after it: shorter where that would come too late, all the rest where none can. */
function fitted(pauseMs: number, leftMs: number): number {
  const lastMs = leftMs - LAST_MOMENT_MS;
  if (pauseMs > lastMs && lastMs > 2 * SHORTEST_LOOK_MS) return lastMs;
  return pauseMs + SHORTEST_LOOK_MS < leftMs ? pauseMs : leftMs;
}

function isMaybeWritten({ step, maybeWritten }: Progress): boolean {
  return step === 'unsure' && maybeWritten;
}

/** What the last look finds of a write is told, but a run that is over is neither made a success by it nor begun anew. */
function lastLooked(p: Progress, look: Look): Progress {
  if (!isMaybeWritten(p)) return p;
  const next = looked(p, look);
  if (next.step === 'unsure' || next.step === 'create' || next.step === 'remove') return p;
  if (next.step === 'failed') return next;
  return { ...next, step: p.want === 'present' ? 'associate' : 'disassociate', endedMs: null };
}

/**
 * One target is asked for by its id. Several, those that are done among them, and one whose row is not known for
 * sure, are found in the list.
 */
async function look(all: readonly Progress[], { shares }: Run): Promise<Pick<Answer, 'rows' | 'id'>> {
  const [only] = all;
  const inList = only?.step === 'unsure' || only?.step === 'clear';
  if (all.length === 1 && only?.id && !inList) {
    const row = await shares.get(only.id).catch(missing);
    // That an account has lost the share is relied on, so the list has to agree, and to show no other row of it.
    const isOver = only.want === 'absent' && (!row || row.status === 'disassociated');
    if (!isOver) return { rows: row ? [row] : [], id: only.id };
  }
  return { rows: await shares.list(), id: null };
}

function missing(error: unknown): null {
  if (error instanceof RequestError && error.why === 'not-found') return null;
  throw error;
}

/** Why a target that is not done has failed: what ended the run, and what is known of the target. */
function unfinished(p: Progress, run: Run, stop: Failure | null, lastError: RequestError | null): Failure {
  const errors = p.row?.resources ?? [];
  const details = [
    `last seen ${statusOf(p)}`,
    errors.length > 0 ? `Cloudflare was still retrying ${describeErrors(errors)}` : '',
    p.step === 'unsure' && p.failure
      ? `${p.maybeWritten ? 'a write got no clear answer and may have been carried out' : 'a write was refused'} (${p.failure.message})`
      : '',
    lastError ? `the last look failed (${lastError.message})` : '',
  ];
  const known = details.filter(Boolean).join('; ');
  if (stop) return { cause: stop.cause, message: `${stop.message}; ${known}` };
  if (run.cancel.aborted) return { cause: 'cancelled', message: `cancelled: ${known}` };
  const wanted = p.want === 'present' ? 'associated' : 'disassociated';
  return { cause: 'timeout', message: `not ${wanted} within ${duration(run.timeoutMs)}: ${known}` };
}
