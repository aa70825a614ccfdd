import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  parseAllowance,
  parseRetryAfter,
  RateLimiter,
} from '../../src/cloudflare/rate-limiter.ts';

const response = (headers: Record<string, string>, status = 200) =>
  ({ type: 'response', status, headers, json: null, text: '' }) as const;
const left = (remaining: number, seconds: number) => ({
  ratelimit: `"default";r=${remaining};t=${seconds}`,
});

describe('Retry-After', () => {
  const NOW = Date.parse('2026-11-23T10:00:00Z');
  it.each<[string, number | null]>([
    ['120', 120_000],
    ['0', 0],
    ['1.5', 1_500],
    ['Mon, 23 Nov 2026 10:00:30 GMT', 30_000],
    ['Mon, 23 Nov 2026 10:00:30 +0000', 30_000],
    ['Monday, 23-Nov-26 10:00:30 GMT', 30_000],
    ['Mon Nov 23 10:00:30 2026', 30_000],
    ['Mon, 23 Nov 2026 09:00:00 GMT', 0],
    ['soon', null],
    ['-5', null],
    ['1.', null],
    ['5 s', null],
    ['2026-11-23T10:00:30Z', null],
    ['', null],
  ])('%j is %j ms from now', (value, ms) => {
    expect(parseRetryAfter({ 'retry-after': value }, NOW)).toBe(ms);
  });

  it('is no local time where its form has no zone', () => {
    vi.stubEnv('TZ', 'Asia/Tokyo');
    onTestFinished(() => void vi.unstubAllEnvs());
    const asctime = { 'retry-after': 'Mon Nov 23 10:00:30 2026' };
    expect(parseRetryAfter(asctime, NOW)).toBe(30_000);
  });

  const IN_30_S = 'Mon, 23 Nov 2026 10:00:30 GMT';
  const AFTER_20_S = 'Mon, 23 Nov 2026 10:00:20 GMT';
  it.each<[string, Record<string, string>, number | null]>([
    ['is nothing where it is missing', {}, null],
    [
      'in ms is more exact',
      { 'retry-after-ms': '250', 'retry-after': '1' },
      250,
    ],
    ['in ms may be odd', { 'retry-after-ms': 'x', 'retry-after': '1' }, 1_000],
    [
      'goes by the clock of the server',
      { 'retry-after': IN_30_S, date: AFTER_20_S },
      10_000,
    ],
    ['goes by no odd clock', { 'retry-after': IN_30_S, date: 'today' }, 30_000],
  ])('%s', (_, headers, ms) => {
    expect(parseRetryAfter(headers, NOW)).toBe(ms);
  });

  it('is never negative, whatever the headers hold', () => {
    const value = fc.oneof(
      fc.string(),
      fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
      fc.integer().map(String),
      fc.float().map(String),
    );
    const headers = fc.record(
      { 'retry-after': value, 'retry-after-ms': value, date: value },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(headers, fc.integer(), (seen, nowMs) => {
        const ms = parseRetryAfter(seen as Record<string, string>, nowMs);
        expect(ms === null || ms >= 0).toBe(true);
      }),
    );
  });
});

describe('the Ratelimit header', () => {
  it.each<[string, [remaining: number, resetMs: number] | null]>([
    ['"default";r=50;t=30', [50, 30_000]],
    ['"default"; r=7 ; t=3', [7, 3_000]],
    ['"default";r=900;t=30, "burst";r=2;t=10', [2, 10_000]],
    ['"burst";r=2;t=10, "default";r=900;t=30', [2, 10_000]],
    ['"a";r=900;t=30, "b";r=100;t=10', [100, 10_000]],
    ['"a";r=9;t=10, "b";r=9;t=100', [9, 100_000]],
    ['"default";r=1;t=999999999', [1, 300_000]],
    ['"default";r=1;t=1.5', null],
    ['"default";r=-1;t=5', null],
    ['"default";q=1200;w=300', null],
    ['nonsense', null],
  ])('%j is what is left of the tightest limit', (value, expected) => {
    const allowance = parseAllowance({ ratelimit: value });
    expect(allowance && [allowance.remaining, allowance.resetMs]).toEqual(
      expected,
    );
  });

  it('may be missing', () => {
    expect(parseAllowance({})).toBeNull();
  });
});

/** Milliseconds between a request that is sent now and the next one. */
function gapOf(limiter: RateLimiter, nowMs: number, leftMs: number): number {
  limiter.recordRequest(nowMs);
  return limiter.stateAt(nowMs, nowMs + leftMs).waitMs;
}

describe('the rate limiter', () => {
  const FAR = 1e6;
  const FREE = { waitMs: 0, isBlocked: false };
  const learned = (...responses: ReturnType<typeof response>[]) => {
    const limiter = new RateLimiter();
    for (const response of responses) limiter.recordResponse(response, 0);
    return limiter;
  };
  const waitMs = (limiter: RateLimiter, nowMs: number) =>
    limiter.stateAt(nowMs, FAR).waitMs;
  const isBlocked = (limiter: RateLimiter, nowMs: number) =>
    limiter.stateAt(nowMs, FAR).isBlocked;

  it('lets every request through while nothing is known, or much is left', () => {
    for (const limiter of [learned(), learned(response(left(61, 300)))]) {
      limiter.recordRequest(0);
      expect(limiter.stateAt(0, FAR)).toEqual(FREE);
      expect(gapOf(limiter, 0, FAR)).toBe(0);
    }
  });

  it('spreads requests over what is left of the window when little is left', () => {
    expect(gapOf(learned(response(left(60, 61))), 0, FAR)).toBe(1_000);
    const limiter = learned(response(left(59, 30)));
    expect(waitMs(limiter, 1_000)).toBe(0);
    limiter.recordRequest(1_000);
    const waits = [1_000, 1_400, 1_500].map((ms) => waitMs(limiter, ms));
    expect(waits).toEqual([500, 100, 0]);
    expect(isBlocked(limiter, 1_000)).toBe(false);
  });

  it('spreads them over what is left of the step, if that is less', () => {
    expect(gapOf(learned(response(left(2, 290))), 9, 120_000)).toBe(40_000);
  });

  it('is blocked until the window ends when nothing is left', () => {
    const limiter = learned(response(left(0, 30)));
    const blocked = { waitMs: 20_000, isBlocked: true };
    expect(limiter.stateAt(10_000, FAR)).toEqual(blocked);
    expect(limiter.stateAt(30_000, FAR)).toEqual(FREE);
  });

  it('is blocked until the moment that a 429 names', () => {
    const limiter = learned(response({ 'retry-after': '7' }, 429));
    expect(isBlocked(limiter, 6_999)).toBe(true);
    expect([0, 7_000].map((ms) => waitMs(limiter, ms))).toEqual([7_000, 0]);
    const busy = learned(response({ 'retry-after': '7' }, 503));
    expect(waitMs(busy, 0)).toBe(0);
    expect(waitMs(learned(response({}, 429)), 0)).toBe(0);
    const both = { ...left(0, 30), 'retry-after': '7' };
    expect(waitMs(learned(response(both, 429)), 0)).toBe(30_000);
  });

  it('waits for whole milliseconds, so that time moves on', () => {
    const limiter = learned(response(left(6, 30)));
    limiter.recordRequest(0);
    const ms = 30_000 / 7;
    expect(waitMs(limiter, 0)).toBe(Math.ceil(ms));
    expect(waitMs(limiter, ms - 1e-9)).toBe(1);
    expect(waitMs(limiter, Math.ceil(ms))).toBe(0);
  });

  it('does not forget a block because of a later response', () => {
    const limiter = learned(
      response({ 'retry-after': '7' }, 429),
      response({}),
      response({ 'retry-after': '1' }, 429),
    );
    expect(waitMs(limiter, 0)).toBe(7_000);
  });

  it('remembers what is left until a response says more', () => {
    const little = response(left(2, 30));
    expect(gapOf(learned(little, response({})), 0, FAR)).toBe(10_000);
    expect(gapOf(learned(little, response(left(500, 30))), 0, FAR)).toBe(0);
  });

  it('forgets what was left when the window is over', () => {
    const limiter = learned(response(left(2, 30)));
    expect(gapOf(limiter, 29_999, FAR)).toBe(10_000);
    expect(gapOf(limiter, 30_000, FAR)).toBe(0);
  });
});
