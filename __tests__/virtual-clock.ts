import type { Clock } from '../src/clock.ts';

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/**
 * Time that a test moves. What is due at a moment happens in the order of its
 * time, and all of it before the next.
 */
export class VirtualClock implements Clock {
  #nowMs: number;
  readonly #sleepers = new Set<Sleeper>();

  constructor(nowMs = 0) {
    this.#nowMs = nowMs;
  }

  now = (): number => this.#nowMs;

  sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const wake = () => {
        this.#sleepers.delete(sleeper);
        resolve();
      };
      const sleeper = { atMs: this.#nowMs + Math.max(0, ms), wake };
      this.#sleepers.add(sleeper);
      if (signal?.aborted) wake();
      signal?.addEventListener('abort', wake, { once: true });
    });

  /** Moves the time on by `ms`. */
  async pass(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    for (
      let next = this.#next();
      next && next.atMs <= endMs;
      next = this.#next()
    ) {
      this.#nowMs = next.atMs;
      next.wake();
      await settle();
    }
    this.#nowMs = endMs;
  }

  /**
   * Lets `work` run to its end: whenever all of it waits, the time jumps to
   * what is due next.
   */
  async run<T>(work: Promise<T>): Promise<T> {
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    work.then(over, over);
    await settle();
    while (!isOver) {
      const next = this.#next();
      if (!next)
        throw new Error(
          'the work waits for nothing that the clock could bring',
        );
      this.#nowMs = next.atMs;
      next.wake();
      await settle();
    }
    return work;
  }

  #next(): Sleeper | undefined {
    return [...this.#sleepers].sort((a, b) => a.atMs - b.atMs)[0];
  }
}

/** Everything that follows without waiting has happened. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
