import { describe, expect, it } from 'vitest';
import { startDeadline, systemClock } from '../src/clock.ts';
import { VirtualClock } from './virtual-clock.ts';

/** A step that started at 5 s on the clock and may take a minute. */
function start() {
  const clock = new VirtualClock(5_000);
  const cancel = new AbortController();
  const deadline = startDeadline(clock, 60_000, cancel.signal);
  const aborted = () =>
    (['closing', 'writes', 'end'] as const)
      .filter((name) => deadline[name].aborted)
      .join(' ');
  return { clock, cancel, deadline, aborted };
}

describe('the deadline of a step', () => {
  it.each<[string, number | null, number, [atMs: number, aborted: string][]]>([
    [
      'closes for new work and ends writes one second before the end',
      null,
      65_000,
      [
        [63_999, ''],
        [64_000, 'closing writes'],
        [64_999, 'closing writes'],
        [65_000, 'closing writes end'],
      ],
    ],
    [
      'moves to 1.8 s from a cancellation, closes at once, and still ends writes one second before it',
      15_000,
      16_800,
      [
        [15_000, 'closing'],
        [15_799, 'closing'],
        [15_800, 'closing writes'],
        [16_799, 'closing writes'],
        [16_800, 'closing writes end'],
      ],
    ],
    [
      'does not become later by a cancellation',
      63_500,
      65_000,
      [
        [64_000, 'closing writes'],
        [65_000, 'closing writes end'],
      ],
    ],
    [
      'stays where it is for a cancellation in the last second',
      64_500,
      65_000,
      [[65_000, 'closing writes end']],
    ],
  ])('%s', async (_, cancelMs, endMs, expected) => {
    const { clock, cancel, deadline, aborted } = start();
    if (cancelMs !== null) {
      await clock.pass(cancelMs - clock.now());
      cancel.abort();
    }
    for (const [atMs, names] of expected) {
      await clock.pass(atMs - clock.now());
      expect([atMs, aborted()]).toEqual([atMs, names]);
    }
    expect([deadline.endMs(), deadline.isCancelled()]).toEqual([
      endMs,
      cancelMs !== null,
    ]);
  });

  it('knows of a cancellation that came before the start', async () => {
    const clock = new VirtualClock();
    const deadline = startDeadline(clock, 60_000, AbortSignal.abort());
    await clock.pass(0);
    expect([
      deadline.endMs(),
      deadline.closing.aborted,
      deadline.writes.aborted,
    ]).toEqual([1_800, true, false]);
  });

  it('leaves no timer behind when it is cleared', async () => {
    const { clock, deadline } = start();
    deadline.clear();
    await clock.pass(0);
    await expect(clock.run(new Promise(() => {}))).rejects.toThrow(
      'waits for nothing',
    );
    // There was nothing to jump to.
    expect(clock.now()).toBe(5_000);
  });
});

describe('the clock of the system', () => {
  it('sleeps for as long as it was asked to, to the millisecond of a timer', async () => {
    const oversleptMs = async (index: number) => {
      const ms = 0.3 + index * 0.37;
      const fromMs = systemClock.now();
      await systemClock.sleep(ms);
      return systemClock.now() - fromMs - ms;
    };
    const overslept = await Promise.all(
      Array.from({ length: 200 }, (_, index) => oversleptMs(index)),
    );
    expect(Math.min(...overslept)).toBeGreaterThan(-2);
  });

  it('wakes as soon as it is aborted, also where that was before', async () => {
    const cancel = new AbortController();
    const sleeping = systemClock.sleep(1e6, cancel.signal);
    cancel.abort();
    await sleeping;
    await systemClock.sleep(1e6, cancel.signal);
    expect(cancel.signal.aborted).toBe(true);
  });

  it('does not wait for a moment that has passed', async () => {
    await systemClock.sleep(-1e6);
  });

  it('is in step with the time of day', () => {
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(60_000);
  });
});
