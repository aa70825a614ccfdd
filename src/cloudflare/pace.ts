import type { Clock } from '../clock.ts';
import { parseRetryAfter, RequestError } from './errors.ts';
import type { WireAnswer } from './transport.ts';

/** Keeps all requests of a run inside the rate limit that they share with everything else that uses the token. */
export interface Pace {
  /** Resolves when a request may be sent, or at once when `cancel` is aborted; throws RequestError when that would be after `endMs`. */
  turn(request: string, endMs: number, cancel?: AbortSignal): Promise<void>;
  /** Learns from an answer how much of the limit is left. */
  heed(answer: WireAnswer): void;
  /** Until when Cloudflare has refused, or would refuse, all requests; in the past when it does not (epoch, milliseconds). */
  readonly blockedUntilMs: number;
}

/** What `Ratelimit` says is left; see Cloudflare's page on API rate limits (IETF draft ratelimit-headers). */
export interface Allowance {
  readonly remaining: number;
  readonly resetMs: number;
  /** Requests in a whole window. */
  readonly quota: number;
}

/** Published for user and account tokens: 1,200 requests in 5 minutes. */
const PUBLISHED_QUOTA = 1200;
const PUBLISHED_WINDOW_S = 300;
/** Below this share of the quota the requests are spread over what is left of the window. */
const LITTLE = 0.05;

/**
 * Reads `Ratelimit: "default";r=50;t=30` and `Ratelimit-Policy: "default";q=1200;w=300`.
 * @returns the tightest of the limits that are named, or null when none is
 */
export function parseAllowance(headers: Readonly<Record<string, string>>): Allowance | null {
  const policies = new Map<string, { quota: number; windowS: number }>();
  for (const member of (headers['ratelimit-policy'] ?? '').split(',')) {
    const quota = parameter(member, 'q') ?? PUBLISHED_QUOTA;
    policies.set(policyName(member), { quota, windowS: parameter(member, 'w') ?? PUBLISHED_WINDOW_S });
  }
  const allowances = (headers['ratelimit'] ?? '').split(',').flatMap((member) => {
    const remaining = parameter(member, 'r');
    const reset = parameter(member, 't');
    if (remaining === null || reset === null) return [];
    const { quota = PUBLISHED_QUOTA, windowS = PUBLISHED_WINDOW_S } = policies.get(policyName(member)) ?? {};
    return [{ remaining, resetMs: Math.min(reset, windowS) * 1000, quota }];
  });
  return allowances.sort((a, b) => gapMs(b) - gapMs(a) || a.remaining - b.remaining)[0] ?? null;
}

function parameter(member: string, name: string): number | null {
  const digits = new RegExp(`;\\s*${name}=(\\d{1,9})(?![\\d.])`).exec(member)?.[1];
  return digits === undefined ? null : Number(digits);
}

function policyName(member: string): string {
  return member.split(';')[0]?.trim() ?? '';
}

/**
 * How long to keep between two requests: nothing while plenty is left, else the rest spread evenly.
 * @param leftMs milliseconds until nobody needs a request any more
 * @returns milliseconds
 */
export function gapMs({ remaining, resetMs, quota }: Allowance, leftMs = Number.POSITIVE_INFINITY): number {
  if (remaining > quota * LITTLE) return 0;
  return Math.min(resetMs, leftMs) / (remaining + 1);
}

/**
 * Opens the pace of a run; all its requests must take their turn here.
 * @param slowing told once, when the requests begin to be spread
 */
export function openPace(clock: Clock, slowing: (gapMs: number) => void): Pace {
  let allowance: Allowance | null = null;
  let told = false;
  let lastMs = Number.NEGATIVE_INFINITY;
  let blockedUntilMs = Number.NEGATIVE_INFINITY;

  return {
    async turn(request, endMs, cancel) {
      for (;;) {
        const now = clock.now();
        const gap = allowance ? gapMs(allowance, endMs - now) : 0;
        const atMs = Math.max(blockedUntilMs, lastMs + gap);
        if (atMs <= now || cancel?.aborted) {
          lastMs = now;
          return;
        }
        if (atMs >= endMs) {
          throw new RequestError(
            request,
            `not sent: Cloudflare's rate limit leaves no request for ${Math.ceil((atMs - now) / 1000)} s, longer than what is left of the timeout`,
            { cause: 'rate-limit' },
          );
        }
        await clock.sleep(atMs - now, cancel);
      }
    },
    heed(answer) {
      const now = clock.now();
      allowance = parseAllowance(answer.headers) ?? allowance;
      if (allowance) {
        const gap = gapMs(allowance);
        if (gap > 0 && !told) slowing(gap);
        told ||= gap > 0;
        if (allowance.remaining === 0) blockedUntilMs = Math.max(blockedUntilMs, now + allowance.resetMs);
      }
      if (answer.status === 429) {
        const askedMs = parseRetryAfter(answer.headers, now) ?? 0;
        blockedUntilMs = Math.max(blockedUntilMs, now + askedMs);
      }
    },
    get blockedUntilMs() {
      return blockedUntilMs;
    },
  };
}
