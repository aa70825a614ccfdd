import { describe, expect, it } from 'vitest';
import {
  type PauseSituation,
  pauseMs,
  pollIntervalMs,
} from '../../src/reconcile/polling.ts';

describe('the interval of polls', () => {
  it.each([
    [0, 1_000],
    [12_000, 1_000],
    [24_000, 2_000],
    [180_000, 15_000],
    [1e9, 15_000],
  ])(
    'after %d ms is a twelfth of that, from 1 s to 15 s, a tenth shorter or longer',
    (waitedMs, ms) => {
      const intervals = [0, 0.5, 1].map((by) => pollIntervalMs(waitedMs, by));
      expect(intervals).toEqual([0.9 * ms, ms, 1.1 * ms].map(Math.round));
    },
  );
});

describe('the pause before a poll', () => {
  const usual: PauseSituation = {
    waitedMs: 24_000,
    random: 0.5,
    leftMs: 60_000,
    retryAfterMs: 0,
    lastListMs: 0,
  };
  it.each<[string, Partial<PauseSituation>, number]>([
    ['is the interval', {}, 2_000],
    ['is as long as the last list took', { lastListMs: 9_000 }, 9_000],
    ['is longer than the last list took', { lastListMs: 1_000 }, 2_000],
    ['ends two seconds before the deadline', { leftMs: 3_500 }, 1_500],
    [
      'ends so after a long list, too',
      { leftMs: 8_000, lastListMs: 9_000 },
      6_000,
    ],
    ['lasts to the end in the last two seconds', { leftMs: 2_000 }, 2_000],
    ['lasts to the very end', { leftMs: 1_500 }, 1_500],
    ['is as long as Cloudflare asks', { retryAfterMs: 7_000 }, 7_000],
    [
      'is as long as Cloudflare asks, even past the end',
      { retryAfterMs: 7_000, leftMs: 3_000 },
      7_000,
    ],
    ['is longer than Cloudflare asks', { retryAfterMs: 500 }, 2_000],
  ])('%s', (_, situation, ms) => {
    expect(pauseMs({ ...usual, ...situation })).toBe(ms);
  });
});
