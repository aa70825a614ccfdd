import { describe, expect, it } from 'vitest';
import { startDeadline, systemClock } from '../src/clock.ts';
import { VirtualClock } from './virtual-clock.ts';

/** A step that started at 5 s on the clock, and what it can still do. */
function start(timeoutMs: number) {
  const clock = new VirtualClock(5_000);
  const cancel = new AbortController();
  const deadline = startDeadline(clock, timeoutMs, cancel.signal);
  const aborted = () =>
    (['closing', 'writes', 'end'] as const)
      .filter((name) => deadline[name].aborted)
      .join(' ');
  return { clock, cancel, deadline, aborted };
}

describe('the deadline of a step', () => {
  it('closes for new work and ends writes one second before the end', async () => {
    const { clock, deadline, aborted } = start(60_000);
    expect(deadline.endMs()).toBe(65_000);
    await clock.pass(58_999);
    expect(aborted()).toBe('');
    await clock.pass(1);
    expect(aborted()).toBe('closing writes');
    await clock.pass(999);
    expect(aborted()).toBe('closing writes');
    await clock.pass(1);
    expect(aborted()).toBe('closing writes end');
    expect([deadline.endMs(), deadline.isCancelled()]).toEqual([65_000, false]);
  });

  it('moves to 1.8 s from a cancellation, closes at once, and still ends writes one second before it', async () => {
    const { clock, cancel, deadline, aborted } = start(60_000);
    await clock.pass(10_000);
    cancel.abort();
    await clock.pass(0);
    expect([deadline.endMs(), deadline.isCancelled(), aborted()]).toEqual([
      16_800,
      true,
      'closing',
    ]);
    await clock.pass(799);
    expect(aborted()).toBe('closing');
    await clock.pass(1);
    expect(aborted()).toBe('closing writes');
    await clock.pass(999);
    expect(aborted()).toBe('closing writes');
    await clock.pass(1);
    expect(aborted()).toBe('closing writes end');
  });

  it('does not become later by a cancellation', async () => {
    const { clock, cancel, deadline, aborted } = start(60_000);
    await clock.pass(58_500);
    cancel.abort();
    await clock.pass(500);
    expect([deadline.endMs(), deadline.isCancelled(), aborted()]).toEqual([
      65_000,
      true,
      'closing writes',
    ]);
    await clock.pass(1_000);
    expect(aborted()).toBe('closing writes end');
  });

  it('stays where it is for a cancellation in the last second', async () => {
    const { clock, cancel, deadline, aborted } = start(60_000);
    await clock.pass(59_500);
    cancel.abort();
    await clock.pass(500);
    expect([deadline.endMs(), deadline.isCancelled(), aborted()]).toEqual([
      65_000,
      true,
      'closing writes end',
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
    const { clock, deadline } = start(60_000);
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
