import { change } from './change.ts';
import { RequestError } from './cloudflare/errors.ts';
import { PER_PAGE, type ShareRecipient } from './cloudflare/shares.ts';
import type { Failure } from './failure.ts';
import { duplicates } from './plan.ts';
import { failed, isDone, looked, type Progress, statusOf } from './progress.ts';
import { duration } from './report/text.ts';
import type { Run } from './run.ts';
import { nextLookMs } from './settle.ts';

/** An answer of the wrong shape may be a hiccup of something in between; so many in a row are not. */
const UNREADABLE_TOLERATED = 2;
/** A look with less time than this would only end in a deadline that says nothing of Cloudflare. */
const SHORTEST_LOOK_MS = 250;
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
  const all = [...planned];
  // A removal takes every row of an account, so there is nothing to warn of.
  const targets = [...new Set(all.filter((p) => p.want === 'present').map((p) => p.target))];
  const update = (index: number, next: Progress) => {
    const previous = all[index] as Progress;
    all[index] = next;
    if (next !== previous) report.moved(previous, next, all);
  };
  let lookedMs = 0;
  const lookAt = (seen: readonly ShareRecipient[]) => {
    report.duplicates(duplicates(targets, seen));
    const look = { rows: seen, before, nowMs: clock.now(), askedMs: lookedMs };
    for (const [index, p] of all.entries()) update(index, looked(p, look));
  };

  let stop: Failure | null = null;
  let lastError: RequestError | null = null;
  let unreadable = 0;
  let pages = 1;
  while (true) {
    stop = await change(all, run, update);
    const pending = all.filter((p) => !isDone(p));
    if (stop || pending.length === 0 || run.isOver()) break;
    const sinceMs = Math.max(...pending.map((p) => p.sinceMs));
    const fromMs = Math.max(lookedMs, sinceMs);
    const waitMs = nextLookMs(fromMs - sinceMs, run.random(), pages);
    // Looks are timed from start to start; a slow answer must not leave the server without a pause.
    const pauseMs = Math.max(fromMs + waitMs - clock.now(), waitMs / 2);
    const leftMs = endMs - clock.now();
    await clock.sleep(pauseMs + SHORTEST_LOOK_MS < leftMs ? pauseMs : leftMs, cancel);
    if (run.isOver()) break;
    lookedMs = clock.now();
    try {
      const seen = await look(pending, run);
      pages = Math.ceil(seen.length / PER_PAGE);
      lookAt(seen);
      lastError = null;
      unreadable = 0;
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      unreadable = error.why === 'unreadable' ? unreadable + 1 : 0;
      if (!run.isOver() && (!error.retryable || unreadable > UNREADABLE_TOLERATED)) {
        stop = { cause: error.why, message: error.message };
        break;
      }
      lastError = error;
    }
    report.heartbeat(all, endMs);
  }

  const unsure = all.flatMap((p, index) => (p.step === 'unsure' && p.maybeWritten ? [index] : []));
  if (unsure.length > 0 && !stop) {
    const askedMs = clock.now();
    const untilMs = askedMs + (cancel.aborted ? LAST_LOOK_CANCELLED_MS : LAST_LOOK_MS);
    try {
      const seen = await run.shares.list({ tries: 1, untilMs });
      const look = { rows: seen, before, nowMs: clock.now(), askedMs };
      for (const index of unsure) {
        const p = all[index] as Progress;
        update(index, lastSeen(p, looked(p, look)));
      }
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

/** What the last look finds is told, but a run that is over is neither made a success by it nor begun anew. */
function lastSeen(p: Progress, next: Progress): Progress {
  if (next.step === 'unsure' || next.step === 'create' || next.step === 'remove') return p;
  if (next.step === 'failed') return next;
  return { ...next, step: p.want === 'present' ? 'associate' : 'disassociate', endedMs: null };
}

/** One target is asked for by its id; several, and one whose row is not known for sure, are found in the list. */
async function look(pending: readonly Progress[], { shares }: Run): Promise<readonly ShareRecipient[]> {
  const [only] = pending;
  const inList = only?.step === 'unsure' || only?.step === 'clear';
  if (pending.length > 1 || !only?.id || inList) return await shares.list();
  try {
    return [await shares.get(only.id)];
  } catch (error) {
    if (!(error instanceof RequestError) || error.why !== 'not-found') throw error;
    // That a recipient has lost the share is relied on, so the list has to agree.
    return only.want === 'absent' ? await shares.list() : [];
  }
}

/** Why a target that is not done has failed: what ended the run, and what is known of the target. */
function unfinished(p: Progress, run: Run, stop: Failure | null, lastError: RequestError | null): Failure {
  const errors = p.row?.resources.map(
    (resource) => `${resource.type ?? 'resource'} ${resource.id}: ${resource.error}`,
  );
  const details = [
    `last seen ${statusOf(p)}`,
    errors?.length ? `Cloudflare was still retrying ${errors.join('; ')}` : '',
    p.step === 'unsure' && p.failure
      ? `a write got no clear answer and may have been carried out (${p.failure.message})`
      : '',
    lastError ? `the last look failed (${lastError.message})` : '',
  ];
  const known = details.filter(Boolean).join('; ');
  if (stop) return { cause: stop.cause, message: `${stop.message}; ${known}` };
  if (run.cancel.aborted) return { cause: 'cancelled', message: `cancelled: ${known}` };
  const wanted = p.want === 'present' ? 'associated' : 'disassociated';
  return { cause: 'timeout', message: `not ${wanted} within ${duration(run.timeoutMs)}: ${known}` };
}
