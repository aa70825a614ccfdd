import { expect, it } from 'vitest';
import { realClock } from '../src/clock.ts';

it('sleeps for as long as it was asked to, and not a fraction of a millisecond less', async () => {
  const shortest = async (index: number) => {
    const ms = 0.3 + index * 0.37;
    const fromMs = realClock.now();
    await realClock.sleep(ms);
    return realClock.now() - fromMs - ms;
  };
  const over = await Promise.all(Array.from({ length: 200 }, (_, index) => shortest(index)));
  expect(Math.min(...over)).toBeGreaterThanOrEqual(0);
});

it('wakes as soon as it is aborted, also where that was before', async () => {
  const cancel = new AbortController();
  const sleeping = realClock.sleep(1e6, cancel.signal);
  cancel.abort();
  await sleeping;
  await realClock.sleep(1e6, cancel.signal);
  expect(cancel.signal.aborted).toBe(true);
});
