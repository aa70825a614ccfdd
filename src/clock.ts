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

const monotonicMs = () => Number(process.hrtime.bigint()) / 1e6;
const ORIGIN_MS = Date.now() - monotonicMs();

/**
 * Monotonic time: a corrected system clock cannot stretch or cut a wait.
 * `process.hrtime` is there already, where `performance` has to be loaded.
 */
export const systemClock: Clock = {
  now: () => ORIGIN_MS + monotonicMs(),
  sleep: (ms, signal) =>
    setTimeout(Math.max(0, Math.ceil(ms)), undefined, { signal }).catch(
      () => {},
    ),
};

/**
 * Writes end this long before the step does, so that a list can still show
 * what became of them.
 */
const LAST_LIST_MS = 1_000;
/** What a cancellation leaves. Users expect less than two seconds. */
const CANCELLED_MS = 1_800;

/**
 * When the step must be over. A cancellation moves it closer; reads, writes and
 * pauses end by it.
 */
export interface Deadline {
  /** The end of the step, milliseconds since the epoch. */
  endMs(): number;
  /** When writes end, milliseconds since the epoch. */
  writesEndMs(): number;
  /** Has a signal cancelled the step? */
  isCancelled(): boolean;
  /**
   * Aborted by a cancellation, or one second before the end: nothing new
   * begins, and reads stop.
   */
  readonly closing: AbortSignal;
  /**
   * Aborted one second before the end: writes that still wait for a response
   * stop.
   */
  readonly writes: AbortSignal;
  /** Aborted at the end. */
  readonly end: AbortSignal;
  /** Stops the timers. All signals are aborted then. */
  clear(): void;
}

/**
 * Starts the budget of the step.
 * @param cancel aborted when the runner cancels the step
 */
export function startDeadline(
  clock: Clock,
  timeoutMs: number,
  cancel: AbortSignal,
): Deadline {
  const closing = new AbortController();
  const writes = new AbortController();
  const end = new AbortController();
  const cleared = new AbortController();
  let endMs = clock.now() + timeoutMs;
  const writesEndMs = () => endMs - LAST_LIST_MS;

  async function run(): Promise<void> {
    const isOver = AbortSignal.any([cancel, cleared.signal]);
    await clock.sleep(writesEndMs() - clock.now(), isOver);
    if (cancel.aborted) endMs = Math.min(endMs, clock.now() + CANCELLED_MS);
    // Without a reason, Node loads DOMException to make one.
    closing.abort('closing');
    await clock.sleep(writesEndMs() - clock.now(), cleared.signal);
    writes.abort('writes end');
    await clock.sleep(endMs - clock.now(), cleared.signal);
    end.abort('end');
  }

  void run();
  return {
    endMs: () => endMs,
    writesEndMs,
    isCancelled: () => cancel.aborted,
    closing: closing.signal,
    writes: writes.signal,
    end: end.signal,
    clear: () => cleared.abort('cleared'),
  };
}
