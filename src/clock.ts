import { setTimeout } from 'node:timers/promises';

/**
 * Time, handed in so that a test can run an hour of polling in a millisecond.
 */
export interface Clock {
  /** Milliseconds since the epoch; they never run backwards. */
  now(): number;
  /**
   * Resolves after `ms` milliseconds, or as soon as `signal` is aborted. Never
   * rejects.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Monotonic time: a corrected system clock cannot stretch or cut a wait. */
export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  sleep: (ms, signal) =>
    setTimeout(Math.max(0, Math.ceil(ms)), undefined, { signal }).catch(
      () => {},
    ),
};

/**
 * Writes end this long before the step does, so that a list can still show what
 * became of them.
 */
export const LAST_LIST_MS = 1_000;
/** What a cancellation leaves. Users expect less than two seconds. */
const CANCELLED_MS = 1_800;

/**
 * When the step must be over. A cancellation moves it closer, and everything
 * else follows from it.
 */
export type Deadline = ReturnType<typeof startDeadline>;

/**
 * Starts the budget of the step. `cancel` is aborted when the runner cancels
 * the step.
 */
export function startDeadline(
  clock: Clock,
  timeoutMs: number,
  cancel: AbortSignal,
) {
  const [closing, writes, end] = [
    new AbortController(),
    new AbortController(),
    new AbortController(),
  ];
  const cleared = new AbortController();
  let endMs = clock.now() + timeoutMs;
  const run = async () => {
    await clock.sleep(
      endMs - LAST_LIST_MS - clock.now(),
      AbortSignal.any([cancel, cleared.signal]),
    );
    if (cancel.aborted) endMs = Math.min(endMs, clock.now() + CANCELLED_MS);
    closing.abort();
    await clock.sleep(endMs - LAST_LIST_MS - clock.now(), cleared.signal);
    writes.abort();
    await clock.sleep(endMs - clock.now(), cleared.signal);
    end.abort();
  };
  void run();
  return {
    /** @returns milliseconds since the epoch */
    endMs: () => endMs,
    isCancelled: () => cancel.aborted,
    /**
     * Aborted by a cancellation, or one second before the end: nothing new
     * begins, and reads stop.
     */
    closing: closing.signal,
    /**
     * Aborted one second before the end: writes that still wait for a response
     * stop.
     */
    writes: writes.signal,
    /** Aborted at the end. */
    end: end.signal,
    /** Stops the timers. */
    clear: () => cleared.abort(),
  };
}
