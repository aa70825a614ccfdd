import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  parseAllowance,
  parseRetryAfter,
  RateLimiter,
} from '../../src/cloudflare/rate-limiter.ts';

const response = (headers: Record<string, string>, status = 200) => ({
  status,
  headers,
  body: '',
});
const left = (remaining: number, seconds: number) => ({
  ratelimit: `"default";r=${remaining};t=${seconds}`,
});

describe('Retry-After', () => {
  const NOW = Date.parse('2026-11-23T10:00:00Z');
  it.each<[string | undefined, number | null]>([
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
    [undefined, null],
  ])('%j', (value, ms) => {
    expect(
      parseRetryAfter(value === undefined ? {} : { 'retry-after': value }, NOW),
    ).toBe(ms);
  });

  it('in milliseconds is more exact', () => {
    expect(
      parseRetryAfter({ 'retry-after-ms': '250', 'retry-after': '1' }, NOW),
    ).toBe(250);
    expect(
      parseRetryAfter({ 'retry-after-ms': 'x', 'retry-after': '1' }, NOW),
    ).toBe(1_000);
  });

  it('goes by the clock of the server, where the response shows it', () => {
    const at = 'Mon, 23 Nov 2026 10:00:30 GMT';
    const date = 'Mon, 23 Nov 2026 10:00:20 GMT';
    expect(parseRetryAfter({ 'retry-after': at, date }, NOW + 3_600_000)).toBe(
      10_000,
    );
    expect(parseRetryAfter({ 'retry-after': at, date: 'today' }, NOW)).toBe(
      30_000,
    );
  });

  it('is never negative, whatever the headers hold', () => {
    const at = fc
      .date({ noInvalidDate: true })
      .map((date) => date.toUTCString());
    const value = fc.option(
      fc.oneof(
        fc.string(),
        at,
        fc.integer().map(String),
        fc.float().map(String),
      ),
      {
        nil: undefined,
      },
    );
    const headers = fc.record({
      'retry-after': value,
      'retry-after-ms': value,
      date: value,
    });
    fc.assert(
      fc.property(headers, fc.integer(), (seen, nowMs) => {
        const given = Object.entries(seen).filter(
          ([, text]) => text !== undefined,
        );
        const ms = parseRetryAfter(
          Object.fromEntries(given) as Record<string, string>,
          nowMs,
        );
        expect(ms === null || ms >= 0).toBe(true);
      }),
    );
  });
});

describe('the Ratelimit header', () => {
  it.each<[string | undefined, [remaining: number, resetMs: number] | null]>([
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
    [undefined, null],
  ])('%j is what is left of the tightest limit', (value, expected) => {
    const allowance = parseAllowance(
      value === undefined ? {} : { ratelimit: value },
    );
    expect(allowance && [allowance.remaining, allowance.resetMs]).toEqual(
      expected,
    );
  });
});

describe('the rate limiter', () => {
  const learned = (...responses: ReturnType<typeof response>[]) => {
    const limiter = new RateLimiter();
    for (const one of responses) limiter.recordResponse(one, 0);
    return limiter;
  };

  it('lets every request through while nothing is known, or much is left', () => {
    for (const limiter of [learned(), learned(response(left(61, 300)))]) {
      expect([
        limiter.request(0, 1e6),
        limiter.request(0, 1e6),
        limiter.gapMs(0, 1e6),
      ]).toEqual([0, 0, 0]);
    }
  });

  it('spreads the requests over what is left of the window when little is left', () => {
    expect(learned(response(left(60, 61))).gapMs(0, 1e6)).toBe(1_000);
    const limiter = learned(response(left(59, 30)));
    expect(limiter.request(1_000, 1e6)).toBe(0);
    expect(limiter.request(1_000, 1e6)).toBe(500);
    expect(limiter.request(1_400, 1e6)).toBe(100);
    expect(limiter.request(1_500, 1e6)).toBe(0);
    expect(limiter.request(1_500, 1e6)).toBe(500);
  });

  it('spreads them over what is left of the step, if that is less', () => {
    expect(learned(response(left(2, 290))).gapMs(0, 120_000)).toBe(40_000);
    expect(learned(response(left(1, 290))).gapMs(0, 120_000)).toBeLessThan(
      120_000,
    );
  });

  it('sends nothing before the window ends when nothing is left', () => {
    const limiter = learned(response(left(0, 30)));
    expect(limiter.request(10_000, 1e6)).toBe(20_000);
    expect(limiter.request(30_000, 1e6)).toBe(0);
  });

  it('sends nothing before the moment that a 429 names', () => {
    const limiter = learned(response({ 'retry-after': '7' }, 429));
    expect(limiter.request(0, 1e6)).toBe(7_000);
    expect(limiter.request(7_000, 1e6)).toBe(0);
    expect(learned(response({ 'retry-after': '7' }, 503)).request(0, 1e6)).toBe(
      0,
    );
    expect(learned(response({}, 429)).request(0, 1e6)).toBe(0);
    expect(
      learned(response({ ...left(0, 30), 'retry-after': '7' }, 429)).request(
        0,
        1e6,
      ),
    ).toBe(30_000);
  });

  it('does not forget a block because of a later response', () => {
    const limiter = learned(
      response({ 'retry-after': '7' }, 429),
      response({}),
      response({ 'retry-after': '1' }, 429),
    );
    expect(limiter.request(0, 1e6)).toBe(7_000);
  });

  it('remembers what is left while responses do not say', () => {
    expect(learned(response(left(2, 30)), response({})).gapMs(0, 1e6)).toBe(
      10_000,
    );
    expect(
      learned(response(left(2, 30)), response(left(500, 30))).gapMs(0, 1e6),
    ).toBe(0);
  });

  it('forgets what was left when the window is over', () => {
    const limiter = learned(response(left(0, 30)));
    expect(limiter.request(30_000, 1e6)).toBe(0);
    limiter.recordResponse(response({}, 0), 31_000);
    expect(limiter.request(31_000, 1e6)).toBe(0);
  });
});
