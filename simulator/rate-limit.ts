/**
 * The published rate limit: over the quota, everything that a credential sends
 * is blocked for a while.
 */
import type { RateLimit } from './options.ts';

interface Meter {
  /** Requests since the window was opened. */
  count: number;
  /** All times are milliseconds since the epoch. */
  openedAt: number;
  /** Undefined as long as the quota was enough. */
  blockedUntil: number | undefined;
}

export interface Metered {
  /** `ratelimit`, `ratelimit-policy`, and `retry-after` while blocked. */
  headers: Record<string, string>;
  isBlocked: boolean;
}

const PUBLISHED: RateLimit = {
  quota: 1200,
  windowMs: 300_000,
  blockMs: 300_000,
};

/** Returns the function that counts a request of a credential. */
export function createRateLimit(
  limit: RateLimit = PUBLISHED,
): (credential: string, at: number) => Metered {
  const meters = new Map<string, Meter>();

  function endOf({ blockedUntil, openedAt }: Meter): number {
    return blockedUntil ?? openedAt + limit.windowMs;
  }

  function meterOf(credential: string, at: number): Meter {
    const current = meters.get(credential);
    if (current && at < endOf(current)) return current;

    const meter: Meter = {
      count: 0,
      openedAt: at,
      blockedUntil: undefined,
    };
    meters.set(credential, meter);
    return meter;
  }

  return (credential, at) => {
    const meter = meterOf(credential, at);
    meter.count += 1;
    if (meter.count > limit.quota) meter.blockedUntil ??= at + limit.blockMs;

    const isBlocked = meter.blockedUntil !== undefined;
    const left = Math.max(0, limit.quota - meter.count);
    const seconds = Math.ceil((endOf(meter) - at) / 1000);
    const window = Math.round(limit.windowMs / 1000);
    const headers: Record<string, string> = {
      ratelimit: `"default";r=${left};t=${seconds}`,
      'ratelimit-policy': `"default";q=${limit.quota};w=${window}`,
    };
    if (isBlocked) headers['retry-after'] = String(seconds);
    return { headers, isBlocked };
  };
}
