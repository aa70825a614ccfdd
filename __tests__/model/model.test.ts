/**
 * Searches for a schedule that makes a run break a promise; `npm run soak`
 * searches longer.
 */
import { expect, it } from 'vitest';
import { violations } from './invariants.ts';
import { describeFinding, searchOne, seedOf } from './search.ts';
import { CALM, play } from './world.ts';

const RUNS = Number(process.env['MODEL_RUNS'] ?? 1000);
const SEED = Number(process.env['MODEL_SEED'] ?? 20261123);

it(`keeps every promise in ${RUNS} schedules`, async () => {
  for (let index = 0; index < RUNS; index++) {
    const finding = await searchOne(seedOf(SEED, index));
    expect(finding && describeFinding(finding)).toBeNull();
  }
});

it.each([
  { latencyMs: 2500, quota: 1200 },
  { latencyMs: 2500, quota: 12 },
  { latencyMs: 20, quota: 12 },
])(
  'makes progress, whatever the list costs: %j',
  async ({ latencyMs, quota }) => {
    const trace = await play({
      ...CALM,
      timeoutMs: 3_600_000,
      targets: 3,
      wait: false,
      filler: 12,
      pageSize: 2,
      latencyMs,
      quota,
    });
    expect(violations(trace)).toEqual([]);
    expect(trace.success).toBe(true);
    const posts = trace.exchanges.filter(({ method }) => method === 'POST');
    expect(posts).toHaveLength(3);
  },
);
