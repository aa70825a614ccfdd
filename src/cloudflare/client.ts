import { type Clock, type Deadline, LAST_LIST_MS } from '../clock.ts';
import {
  ApiError,
  type ApiFailure,
  type Clean,
  parseObject,
  toApiError,
} from './api-error.ts';
import type { HttpClient } from './http-client.ts';
import { RateLimiter } from './rate-limiter.ts';

/** A successful response. */
export interface Envelope {
  /** `GET …/recipients`, for messages. */
  readonly request: string;
  /** When the request was sent, milliseconds since the epoch. */
  readonly sentMs: number;
  readonly result: unknown;
  readonly resultInfo: Record<string, unknown>;
}

export interface ReadOptions {
  /** Ends the request and its retries; by default the closing of the step. */
  readonly signal?: AbortSignal;
  /** Default 8. */
  readonly maxAttempts?: number;
}

type Body = Readonly<Record<string, string>> | null;

/** Talks to Cloudflare's API. Throws ApiError. */
export type CloudflareClient = ReturnType<typeof createClient>;

export interface ClientOptions {
  readonly apiUrl: string;
  /** Headers that identify the caller. */
  readonly credentials: Readonly<Record<string, string>>;
  readonly userAgent: string;
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly deadline: Deadline;
  /** A number from 0 to 1, for jitter. */
  readonly random: () => number;
  readonly clean: Clean;
  /**
   * Called once when requests are delayed, with the reason and the wait in
   * milliseconds.
   */
  readonly onDelay: (reason: 'rate-limit' | ApiError, waitMs: number) => void;
}

const REQUEST_TIMEOUT_MS = 10_000;
/** With the waits between them, about 30 seconds. */
const MAX_ATTEMPTS = 8;
/**
 * A response that cannot be read may be a hiccup of something in between; three
 * are not.
 */
const MAX_INVALID_RESPONSES = 3;
const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 8_000;

/**
 * Creates the client of a run. Sends nothing before the first `read` or
 * `write`.
 */
export function createClient(options: ClientOptions) {
  const { http, clock, deadline, random, clean, onDelay } = options;
  const limiter = new RateLimiter();
  const sent = { requests: 0, retries: 0 };
  let announcedMs = Number.NEGATIVE_INFINITY;

  /** @returns true while Cloudflare rejects every request */
  function announceBlock(waitMs: number): boolean {
    if (limiter.blockedUntilMs <= clock.now()) return false;
    if (limiter.blockedUntilMs > announcedMs) onDelay('rate-limit', waitMs);
    announcedMs = limiter.blockedUntilMs;
    return true;
  }

  /** Waits until the rate limit allows a request. */
  async function waitForTurn(
    request: string,
    byMs: () => number,
    signal: AbortSignal,
  ): Promise<void> {
    for (;;) {
      const waitMs = limiter.request(clock.now(), deadline.endMs());
      if (signal.aborted)
        throw notSent('interrupted', request, 'the step is over');
      const held =
        waitMs > 0
          ? `allows no request for another ${seconds(waitMs)}`
          : 'held it back too long';
      if (clock.now() + waitMs > byMs())
        throw notSent('rate-limit', request, `the rate limit ${held}`);
      if (waitMs === 0) return;
      announceBlock(waitMs);
      await clock.sleep(waitMs, signal);
    }
  }

  async function send(
    method: string,
    path: string,
    body: Body,
    byMs: () => number,
    signal: AbortSignal,
  ) {
    const request = `${method} ${shorten(path)}`;
    await waitForTurn(request, byMs, signal);
    sent.requests++;
    const sentMs = clock.now();
    const response = await http({
      method,
      url: options.apiUrl + path,
      headers: {
        accept: 'application/json',
        'user-agent': options.userAgent,
        ...options.credentials,
        ...(body && { 'content-type': 'application/json' }),
      },
      body: body && JSON.stringify(body),
      timeoutMs: REQUEST_TIMEOUT_MS,
      signal,
    });
    limiter.recordResponse(response, clock.now());
    const isSuccess =
      response.status >= 200 && response.status < 300 && !response.error;
    const envelope = isSuccess ? parseObject(response.body) : null;
    if (envelope?.['success'] !== true)
      throw toApiError(request, response, clock.now(), clean);
    return {
      request,
      sentMs,
      result: envelope['result'],
      resultInfo: Object(envelope['result_info']),
    };
  }

  /**
   * Waits before the next attempt. Throws the error where no attempt can help,
   * or fit.
   */
  async function backOff(
    error: ApiError,
    attempt: number,
    maxAttempts: number,
    signal: AbortSignal,
  ) {
    const nowMs = clock.now();
    const leftMs = deadline.endMs() - LAST_LIST_MS - nowMs;
    const { failure, retryable, retryAfterMs } = error.is;
    if (retryAfterMs > Math.max(0, leftMs)) {
      const reason = `${error.reason}; Cloudflare asks to wait ${seconds(retryAfterMs)}, ${seconds(leftMs)} are left`;
      throw new ApiError(reason, error.detail, {
        ...error.is,
        retryable: false,
      });
    }
    const most =
      failure === 'invalid-response'
        ? Math.min(maxAttempts, MAX_INVALID_RESPONSES)
        : maxAttempts;
    // A token over its limit is blocked for five minutes, so only the timeout
    // ends this.
    const isLast =
      attempt >= most && (failure !== 'rate-limit' || maxAttempts === 1);
    const limitedMs = Math.max(
      limiter.blockedUntilMs - nowMs,
      limiter.gapMs(nowMs, leftMs),
    );
    const waitMs = Math.max(
      backoffMs(attempt, random()),
      retryAfterMs,
      limitedMs,
    );
    if (!retryable || isLast || waitMs > leftMs) throw error;
    if (!announceBlock(waitMs) && attempt === 1) onDelay(error, waitMs);
    sent.retries++;
    await clock.sleep(waitMs, signal);
    if (signal.aborted) throw error;
  }

  return {
    /** Counts what was sent so far. */
    sent: sent as Readonly<typeof sent>,

    /**
     * GET, retried with backoff while that may help. An ApiError that `decode`
     * throws is retried like any other.
     */
    async read<T>(
      path: string,
      decode: (envelope: Envelope) => T,
      options: ReadOptions = {},
    ): Promise<T> {
      const { signal = deadline.closing, maxAttempts = MAX_ATTEMPTS } = options;
      let last: ApiError | null = null;
      for (let attempt = 1; ; attempt++) {
        try {
          return decode(await send('GET', path, null, deadline.endMs, signal));
        } catch (error) {
          if (!(error instanceof ApiError)) throw error;
          // An attempt that the end of the step cut short says nothing; the one
          // before it does.
          if (last && error.is.failure === 'interrupted') throw last;
          await backOff(error, attempt, maxAttempts, signal);
          last = error;
        }
      }
    },

    /**
     * POST or DELETE, sent at most once, and not later than `sendByMs`
     * (milliseconds since the epoch) says just before.
     */
    write: (
      method: string,
      path: string,
      body: Body,
      sendByMs: () => number,
    ): Promise<Envelope> => send(method, path, body, sendByMs, deadline.writes),
  };
}

/** `/accounts/A/shares/S/recipients/R?x=y` becomes `…/recipients/R`. */
function shorten(path: string): string {
  return path
    .replace(/^\/accounts\/[^/]+(\/shares\/[^/]+(?=\/))?/, '…')
    .replace(/\?.*/, '');
}

/**
 * Milliseconds before the next attempt: doubling from half a second to eight,
 * ±25 %. `random` is from 0 to 1.
 */
export function backoffMs(attempt: number, random: number): number {
  const baseMs = Math.min(
    FIRST_BACKOFF_MS * 2 ** (attempt - 1),
    LONGEST_BACKOFF_MS,
  );
  return Math.round(baseMs * (0.75 + 0.5 * random));
}

function seconds(ms: number): string {
  return `${Math.max(0, Math.ceil(ms / 1000))} s`;
}

function notSent(
  failure: ApiFailure,
  request: string,
  reason: string,
): ApiError {
  return new ApiError(reason, `${request}, not sent`, {
    failure,
    retryable: false,
    outcome: 'not-sent',
  });
}
