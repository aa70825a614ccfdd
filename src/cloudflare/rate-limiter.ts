import type { ReceivedResponse } from './http-client.ts';

type Headers = ReceivedResponse['headers'];

/** What one of Cloudflare's limits still allows. */
export interface Allowance {
  /** Requests that are left. */
  readonly remaining: number;
  /** Until all are there again, in milliseconds. */
  readonly resetMs: number;
}

/** What the rate limit says of a request that would be sent now. */
export interface RateLimitState {
  /** Milliseconds to wait before asking again; 0 if it may be sent. */
  readonly waitMs: number;
  /** Would Cloudflare reject every request until then? */
  readonly isBlocked: boolean;
}

/**
 * 5 % of the published 1,200 requests in 5 minutes; below it, requests are
 * spread over what is left of the window.
 */
const LITTLE = 60;
/** The published window. */
export const RATE_LIMIT_WINDOW_MS = 300_000;

/**
 * Keeps the requests of a run inside the rate limit, which it shares with
 * everything else of the same user (Cloudflare's page "Rate limits").
 */
export class RateLimiter {
  /** Milliseconds since the epoch; null before the first block. */
  #blockedUntilMs: number | null = null;
  #allowance: Allowance | null = null;
  /** When the allowance is whole again, milliseconds since the epoch. */
  #windowEndMs = 0;
  /** When the last request was sent; null before the first. */
  #lastSentMs: number | null = null;

  /** What a request that would be sent now has to wait for. */
  stateAt(nowMs: number, endMs: number): RateLimitState {
    const blockedMs = Math.max(0, (this.#blockedUntilMs ?? nowMs) - nowMs);
    const gapMs = this.#gapMs(nowMs, endMs - nowMs);
    const nextMs = (this.#lastSentMs ?? 0) + gapMs;
    const spacedMs = Math.max(0, nextMs - nowMs);
    return {
      // Whole, because a part of a millisecond may be too short for a clock to
      // move, and would be waited for again and again.
      waitMs: Math.ceil(Math.max(blockedMs, spacedMs)),
      isBlocked: blockedMs > 0,
    };
  }

  /** Counts a request that is sent now. */
  recordRequest(nowMs: number): void {
    this.#lastSentMs = nowMs;
  }

  /** Learns from a response how much of the limit is left. */
  recordResponse({ status, headers }: ReceivedResponse, nowMs: number): void {
    const allowance = parseAllowance(headers);
    if (allowance) {
      this.#allowance = allowance;
      this.#windowEndMs = nowMs + allowance.resetMs;
      if (allowance.remaining === 0) this.#blockFor(allowance.resetMs, nowMs);
    }
    if (status === 429) {
      this.#blockFor(parseRetryAfter(headers, nowMs) ?? 0, nowMs);
    }
  }

  /**
   * Milliseconds between two requests while little of the limit is left, with
   * `leftMs` until the step ends; otherwise 0.
   */
  #gapMs(nowMs: number, leftMs: number): number {
    if (!this.#allowance || nowMs >= this.#windowEndMs) return 0;
    return spacingMs(this.#allowance, leftMs);
  }

  #blockFor(ms: number, nowMs: number): void {
    this.#blockedUntilMs = Math.max(this.#blockedUntilMs ?? 0, nowMs + ms);
  }
}

function spacingMs(
  { remaining, resetMs }: Allowance,
  leftMs = Number.POSITIVE_INFINITY,
): number {
  return remaining > LITTLE ? 0 : Math.min(resetMs, leftMs) / (remaining + 1);
}

/**
 * Reads `Ratelimit: "default";r=50;t=30` (Cloudflare's page "Rate limits"): the
 * tightest of the limits, or null.
 */
export function parseAllowance(headers: Headers): Allowance | null {
  const members = (headers['ratelimit'] ?? '').matchAll(
    /;\s*r=(\d{1,9})\s*;\s*t=(\d{1,9})(?![\d.])/g,
  );
  const allowances = Array.from(members, ([, remaining, seconds]) => ({
    remaining: Number(remaining),
    resetMs: Math.min(Number(seconds) * 1000, RATE_LIMIT_WINDOW_MS),
  }));
  const [tightest] = allowances.sort(
    (a, b) => spacingMs(b) - spacingMs(a) || a.remaining - b.remaining,
  );
  return tightest ?? null;
}

/**
 * Reads `Retry-After` (seconds or an HTTP date: RFC 9110, section 10.2.3) and
 * `retry-after-ms`, in milliseconds. A date is compared with the `Date` of the
 * same response, because the clock of the runner or of the server may be wrong.
 */
export function parseRetryAfter(
  headers: Headers,
  nowMs: number,
): number | null {
  const exact = headers['retry-after-ms'] ?? '';
  if (DECIMAL.test(exact)) return Number(exact);

  const text = headers['retry-after'] ?? '';
  if (DECIMAL.test(text)) return Number(text) * 1000;

  const atMs = parseHttpDate(text);
  if (atMs === null) return null;
  const sentMs = parseHttpDate(headers['date'] ?? '') ?? nowMs;
  return Math.max(0, atMs - sentMs);
}

const DECIMAL = /^\d{1,9}(\.\d+)?$/;

/**
 * All three forms of RFC 9110, section 5.6.7. One has no time zone, and
 * `Date.parse` would read it as local time.
 */
function parseHttpDate(text: string): number | null {
  const hasZone = /(GMT|UTC|[+-]\d{4})$/i.test(text);
  const atMs = Date.parse(hasZone ? text : `${text} GMT`);
  const isDate = /[a-z]{3}/i.test(text) && !Number.isNaN(atMs);
  return isDate ? atMs : null;
}
