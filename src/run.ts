import type { Clock } from './clock.ts';
import type { Shares } from './cloudflare/shares.ts';
import type { Report } from './report/report.ts';

/** What the changing and the waiting need: the API, time, and somebody to tell. */
export interface Run {
  readonly shares: Shares;
  readonly clock: Clock;
  /** A number from 0 to 1, for jitter. */
  readonly random: () => number;
  /** When the budget of the step is used up, milliseconds since the epoch. */
  readonly endMs: number;
  readonly timeoutMs: number;
  readonly cancel: AbortSignal;
  readonly report: Report;
  /** Has the run been cancelled, or is its time up? */
  isOver(): boolean;
}
