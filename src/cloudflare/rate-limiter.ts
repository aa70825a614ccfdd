import type { HttpResponse } from './http-client.ts';

type Headers = HttpResponse['headers'];
type Allowance = NonNullable<ReturnType<typeof parseAllowance>>;

/**
 * 5 % of the published 1,200 requests in 5 minutes; below it, requests are
 * spread over what is left of the window.
 */
const LITTLE = 60;
const WINDOW_S = 300;

/**
 * Keeps the requests of a run inside the rate limit, which everything with the
 * same token shares.
 */
export class RateLimiter {
  /**
   * Cloudflare rejects every request until then; milliseconds since the epoch.
   */
  blockedUntilMs = Number.NEGATIVE_INFINITY;
  #allowance: Allowance | null = null;
  #windowEndMs = Number.NEGATIVE_INFINITY;
  #lastMs = Number.NEGATIVE_INFINITY;

  /**
   * Asks to send a request now. @returns 0 if it may be sent, otherwise the
   * milliseconds to wait before asking again
   */
  request(nowMs: number, endMs: number): number {
    const waitMs =
      Math.max(
        this.blockedUntilMs,
        this.#lastMs + this.gapMs(nowMs, endMs - nowMs),
      ) - nowMs;
    if (waitMs <= 0) this.#lastMs = nowMs;
    return Math.max(0, waitMs);
  }

  /**
   * Milliseconds between two requests while little of the limit is left, with
   * `leftMs` until the step ends; otherwise 0.
   */
  gapMs(nowMs: number, leftMs: number): number {
    return this.#allowance && nowMs < this.#windowEndMs
      ? spacingMs(this.#allowance, leftMs)
      : 0;
  }

  /** Learns from a response how much of the limit is left. */
  recordResponse({ status, headers }: HttpResponse, nowMs: number): void {
    const allowance = parseAllowance(headers);
    if (allowance)
      [this.#allowance, this.#windowEndMs] = [
        allowance,
        nowMs + allowance.resetMs,
      ];
    const resetMs = allowance?.remaining === 0 ? allowance.resetMs : 0;
    const retryMs = status === 429 ? (parseRetryAfter(headers, nowMs) ?? 0) : 0;
    this.blockedUntilMs = Math.max(
      this.blockedUntilMs,
      nowMs + Math.max(resetMs, retryMs),
    );
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
export function parseAllowance(
  headers: Headers,
): { remaining: number; resetMs: number } | null {
  const members = (headers['ratelimit'] ?? '').matchAll(
    /;\s*r=(\d{1,9})\s*;\s*t=(\d{1,9})(?![\d.])/g,
  );
  const allowances = Array.from(members, ([, remaining, seconds]) => ({
    remaining: Number(remaining),
    resetMs: Math.min(Number(seconds), WINDOW_S) * 1000,
  }));
  return (
    allowances.sort(
      (a, b) => spacingMs(b) - spacingMs(a) || a.remaining - b.remaining,
    )[0] ?? null
  );
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
  const [exact = '', text = ''] = [
    headers['retry-after-ms'],
    headers['retry-after'],
  ];
  if (DECIMAL.test(exact)) return Number(exact);
  if (DECIMAL.test(text)) return Number(text) * 1000;
  const atMs = parseHttpDate(text);
  return atMs === null
    ? null
    : Math.max(0, atMs - (parseHttpDate(headers['date']) ?? nowMs));
}

const DECIMAL = /^\d{1,9}(\.\d+)?$/;

/**
 * All three forms of RFC 9110, section 5.6.7. One has no time zone, and
 * `Date.parse` would read it as local time.
 */
function parseHttpDate(text = ''): number | null {
  const atMs = Date.parse(
    /(GMT|UTC|[+-]\d{4})$/i.test(text) ? text : `${text} GMT`,
  );
  return /[a-z]{3}/i.test(text) && !Number.isNaN(atMs) ? atMs : null;
}
