import type { Clock } from '../src/clock.ts';

/** More events than any run has that comes to an end. */
const MAX_EVENTS = 100_000;

interface Event {
  readonly atMs: number;
  readonly happen: () => void;
}

/**
 * Time that a test moves. What is due at a moment happens in the order of its
 * time, and all of it before the next.
 */
export class VirtualClock implements Clock {
  #nowMs: number;
  /** The next one first. */
  readonly #events: Event[] = [];

  constructor(nowMs = 0) {
    this.#nowMs = nowMs;
  }

  now = (): number => this.#nowMs;

  sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const wake = () => {
        cancel();
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const cancel = this.at(ms, wake);
      signal?.addEventListener('abort', wake, { once: true });
    });

  /**
   * Lets something happen later.
   * @returns cancels it
   */
  at(inMs: number, happen: () => void): () => void {
    // As timers of the system do: in whole milliseconds, never early.
    const event = { atMs: this.#nowMs + Math.max(0, Math.ceil(inMs)), happen };
    const later = this.#events.findLastIndex(({ atMs }) => atMs <= event.atMs);
    this.#events.splice(later + 1, 0, event);
    return () => {
      const index = this.#events.indexOf(event);
      if (index >= 0) this.#events.splice(index, 1);
    };
  }

  /** Moves the time on by `ms`. */
  async pass(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    while (this.#next(endMs)) await settle();
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
    for (let count = 0; !isOver; count++) {
      if (!this.#next()) {
        throw new Error(
          'the work waits for nothing that the clock could bring',
        );
      }
      if (count > MAX_EVENTS) throw new Error('the work does not end');
      await settle();
    }
    return work;
  }

  /** @returns false where nothing is due until `untilMs` */
  #next(untilMs = Number.POSITIVE_INFINITY): boolean {
    const [event] = this.#events;
    if (!event || event.atMs > untilMs) return false;
    this.#events.shift();
    this.#nowMs = event.atMs;
    event.happen();
    return true;
  }
}

/** Everything that follows without waiting has happened. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
