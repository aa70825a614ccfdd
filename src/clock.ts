/** Time, handed in so that a test can run an hour of polling in a millisecond. */
export interface Clock {
  /** Milliseconds since the epoch that never run backwards. */
  now(): number;
  /** Resolves after `ms` milliseconds, never earlier, or as soon as `signal` is aborted; it never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** For a timer that must not be early: Node cuts fractions off, and counts from when its loop last looked at the time. */
export function wholeMs(ms: number): number {
  return Math.ceil(ms) + 1;
}

const startMs = Date.now();
const startNs = process.hrtime.bigint();

/** Real time: the epoch taken once and the monotonic clock added, so that a corrected wall clock cannot stretch a wait. */
export const realClock: Clock = {
  now: () => startMs + Number(process.hrtime.bigint() - startNs) / 1e6,
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, wholeMs(ms));
      signal?.addEventListener('abort', done, { once: true });
    }),
};
