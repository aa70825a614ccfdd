const SHORTEST_INTERVAL_MS = 1_000;
/** docs/how-it-works.md names it. */
export const LONGEST_INTERVAL_MS = 15_000;
/** A twelfth of the time waited: a mean delay of about 4 %. */
const INTERVAL_SHARE = 12;
/** The last poll begins so long before the deadline that it can end. */
const LAST_POLL_MS = 2_000;

/** What decides how long to wait before the next poll. */
export interface PauseSituation {
  /** Since the last write, in milliseconds. */
  readonly waitedMs: number;
  /** From 0 to 1. */
  readonly random: number;
  /** Until the deadline, in milliseconds. */
  readonly leftMs: number;
  /** How long Cloudflare asked to wait after a failed poll; 0 otherwise. */
  readonly retryAfterMs: number;
  /**
   * How long the newest list took, where no write has followed it; otherwise
   * 0.
   */
  readonly lastListMs: number;
}

/** Milliseconds to wait before the next poll. */
export function pauseMs(situation: PauseSituation): number {
  const { leftMs, retryAfterMs, lastListMs } = situation;
  const intervalMs = pollIntervalMs(situation.waitedMs, situation.random);
  // A large list would otherwise be read all the time.
  const wantedMs = Math.max(intervalMs, lastListMs);
  const lastPollMs = leftMs - LAST_POLL_MS;
  const beforeEndMs = lastPollMs > 0 ? Math.min(wantedMs, lastPollMs) : leftMs;
  return Math.max(beforeEndMs, retryAfterMs);
}

/**
 * Milliseconds between two polls: a share of the time waited so far, within
 * limits, ±10 %. `random` is from 0 to 1.
 */
export function pollIntervalMs(waitedMs: number, random: number): number {
  const shareMs = Math.max(waitedMs / INTERVAL_SHARE, SHORTEST_INTERVAL_MS);
  const baseMs = Math.min(shareMs, LONGEST_INTERVAL_MS);
  return Math.round(baseMs * (0.9 + 0.2 * random));
}
