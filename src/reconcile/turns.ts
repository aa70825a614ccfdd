import type { RateLimitState } from '../cloudflare/rate-limiter.ts';
import type { Failure, HeldBack } from '../domain.ts';
import { STALE_READ_MS } from './observations.ts';

/** What decides whether a write may be sent now. */
export interface TurnSituation {
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  /** What the rate limit says of a request that would be sent now. */
  readonly rateLimit: RateLimitState;
  /** When the newest list was complete, milliseconds since the epoch. */
  readonly listReceivedMs: number;
  /** Has no other write been sent since that list? */
  readonly isFirstSinceList: boolean;
  /** Until when Cloudflare asked to send no write; null where it did not. */
  readonly notBeforeMs: number | null;
  /** When writes end, milliseconds since the epoch. */
  readonly endMs: number;
  /** Does the step end, or is it cancelled? */
  readonly isStepOver: boolean;
  /** Why no write can succeed any more, shown by another one. */
  readonly stopped: Failure | null;
}

/** Why the write is held back, or null where the rule does not match. */
type TurnRule = (situation: TurnSituation) => HeldBack | null;

/** Whose turn it is. The first rule that matches decides; without, it is. */
const TURN_RULES: readonly TurnRule[] = [
  stepIsOver,
  writesAreStopped,
  serverAskedToWait,
  everythingIsBlocked,
  stepEndsFirst,
  listIsStale,
];

/**
 * Says why a write must not be sent now, or wait for the rate limit.
 * @returns null where it may
 */
export function heldBackBy(situation: TurnSituation): HeldBack | null {
  for (const rule of TURN_RULES) {
    const heldBack = rule(situation);
    if (heldBack) return heldBack;
  }
  return null;
}

function stepIsOver({ isStepOver }: TurnSituation): HeldBack | null {
  return isStepOver ? { why: 'step-over' } : null;
}

function writesAreStopped({
  stopped: failure,
}: TurnSituation): HeldBack | null {
  return failure ? { why: 'stopped', failure } : null;
}

/** `Retry-After` of one write holds for the next: RFC 9110, section 10.2.3. */
function serverAskedToWait({
  notBeforeMs,
  nowMs,
}: TurnSituation): HeldBack | null {
  if (notBeforeMs === null || notBeforeMs <= nowMs) return null;
  return { why: 'retry-after', waitMs: notBeforeMs - nowMs };
}

/**
 * After a block of up to five minutes, the list is read again. One that ends
 * while the list is fresh is waited for: the list may have used up what was
 * left, and the next one would again.
 */
function everythingIsBlocked(situation: TurnSituation): HeldBack | null {
  const { isBlocked, waitMs } = situation.rateLimit;
  const isWaitedFor = situation.isFirstSinceList && isFreshAfter(situation);
  return isBlocked && !isWaitedFor ? { why: 'rate-limit', waitMs } : null;
}

function stepEndsFirst({
  nowMs,
  endMs,
  rateLimit: { waitMs },
}: TurnSituation): HeldBack | null {
  return nowMs + waitMs > endMs ? { why: 'rate-limit', waitMs } : null;
}

/**
 * A list serves writes as long as a read may be behind a write. The first write
 * is guaranteed, however long reading the list took, and however long the rate
 * limit makes it wait: a list that no write follows would be read forever.
 */
function listIsStale(situation: TurnSituation): HeldBack | null {
  const { waitMs } = situation.rateLimit;
  if (isFreshAfter(situation) || situation.isFirstSinceList) return null;
  return waitMs > 0 ? { why: 'rate-limit', waitMs } : { why: 'stale-list' };
}

/** Does the list still serve writes once the rate limit allows one? */
function isFreshAfter({
  nowMs,
  listReceivedMs,
  rateLimit: { waitMs },
}: TurnSituation): boolean {
  return nowMs + waitMs <= listReceivedMs + STALE_READ_MS;
}
