import { describe, expect, it } from 'vitest';
import { heldBackBy, type TurnSituation } from '../../src/reconcile/turns.ts';

const FREE = { waitMs: 0, isBlocked: false };
const failure = { cause: 'stopped', reason: 'no', request: null } as const;

/** A write that may be sent: nothing keeps it. */
const READY: TurnSituation = {
  nowMs: 20_000,
  rateLimit: FREE,
  listReceivedMs: 10_000,
  isFirstSinceList: false,
  notBeforeMs: null,
  endMs: 60_000,
  isStepOver: false,
  stopped: null,
};
const spaced = (waitMs: number) => ({ waitMs, isBlocked: false });

/** Everything that can keep a write, the strongest first. */
const OBSTACLES: [string, Partial<TurnSituation>, object][] = [
  ['the step is over', { isStepOver: true }, { why: 'step-over' }],
  [
    'authentication failed elsewhere',
    { stopped: failure },
    { why: 'stopped', failure },
  ],
  [
    'Cloudflare asked to wait',
    { notBeforeMs: 20_001 },
    { why: 'retry-after', waitMs: 1 },
  ],
  [
    'every request is blocked',
    { rateLimit: { waitMs: 5, isBlocked: true } },
    { why: 'rate-limit', waitMs: 5 },
  ],
  [
    'the rate limit makes it wait past the end',
    { rateLimit: spaced(40_001) },
    { why: 'rate-limit', waitMs: 40_001 },
  ],
  ['its list is too old', { listReceivedMs: 9_999 }, { why: 'stale-list' }],
  [
    'its list will be too old',
    { rateLimit: spaced(1) },
    { why: 'rate-limit', waitMs: 1 },
  ],
];
const STALE = OBSTACLES.slice(-2);

describe('a write', () => {
  it('is sent where nothing keeps it, to the last millisecond', () => {
    expect(heldBackBy(READY)).toBeNull();
    const waiting = { rateLimit: spaced(10_000), listReceivedMs: 20_000 };
    expect(heldBackBy({ ...READY, ...waiting })).toBeNull();
    expect(heldBackBy({ ...READY, notBeforeMs: 20_000 })).toBeNull();
    expect(heldBackBy({ ...READY, endMs: 20_000 })).toBeNull();
  });

  it.each(OBSTACLES)('is held back: %s', (_, situation, heldBack) => {
    expect(heldBackBy({ ...READY, ...situation })).toEqual(heldBack);
  });

  it.each(OBSTACLES.slice(0, -2))(
    'is held back even as the first after a list: %s',
    (_, situation, heldBack) => {
      const first = { ...READY, ...situation, isFirstSinceList: true };
      expect(heldBackBy(first)).toEqual(heldBack);
    },
  );

  it.each(STALE)('is sent as the first after a list, though %s', (_, more) => {
    const first = { ...READY, ...more, isFirstSinceList: true };
    expect(heldBackBy(first)).toBeNull();
  });

  it('is held back for the strongest reason', () => {
    // `rateLimit` of a later obstacle would replace that of an earlier one.
    const strong = OBSTACLES.slice(0, 4);
    for (const [index, [, , heldBack]] of strong.entries()) {
      const all = strong.slice(index).map(([, situation]) => situation);
      const situation = Object.assign({}, READY, ...all);
      expect(heldBackBy(situation)).toEqual(heldBack);
    }
  });
});
