import type { Clock } from '../../src/clock.ts';
import { type Http, openHttp } from '../../src/cloudflare/http.ts';
import type { Transport } from '../../src/cloudflare/transport.ts';

/** Opens a conversation over `transport` in a world where a pause takes no time, and nobody listens. */
export function converse(transport: Transport, clock: Clock, endMs = 60_000): Http {
  return openHttp({
    apiUrl: 'http://127.0.0.1',
    credentials: { kind: 'token', token: 'token' },
    userAgent: 'test',
    transport,
    clock,
    random: () => 0.5,
    endMs,
    cancel: new AbortController().signal,
    listener: { retrying() {}, recovered() {}, slowing() {} },
  });
}

/** Time that only pauses, and `pass`, move. Where `tickMs` is given it goes on between any two looks at it, too. */
export class StillClock implements Clock {
  ms = 0;
  private readonly tickMs: number;

  constructor(tickMs = 0) {
    this.tickMs = tickMs;
  }

  now = (): number => (this.ms += this.tickMs);

  sleep = async (ms: number): Promise<void> => this.pass(ms);

  pass(ms: number): void {
    this.ms += ms;
  }
}
