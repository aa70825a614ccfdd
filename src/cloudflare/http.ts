import type { Clock } from '../clock.ts';
import type { Credentials } from '../inputs.ts';
import { describeNetworkError, excerpt, isRead, parseRetryAfter, RequestError } from './errors.ts';
import { openPace } from './pace.ts';
import { type Transport, TransportError, type WireAnswer } from './transport.ts';

/** A successful answer, its envelope opened. */
export interface Envelope {
  /** The request, for messages: `GET …/recipients`. */
  readonly request: string;
  readonly result: unknown;
  readonly resultInfo: Record<string, unknown>;
}

/** What a read may cost. */
export interface ReadOptions {
  /** How often to try, the first time included. */
  readonly tries?: number;
  /** Have it done by then, pauses included (epoch, milliseconds), also when the run is cancelled or over already. */
  readonly untilMs?: number;
}

/** One HTTP conversation with Cloudflare. All methods throw RequestError. */
export interface Http {
  /** GET, tried again where that can help. */
  read(path: string, options?: ReadOptions): Promise<Envelope>;
  /** Several reads that make one whole; all of them again, after a pause, where the whole is `incomplete`. */
  whole<T>(reads: () => Promise<T>, options?: ReadOptions): Promise<T>;
  /**
   * POST or DELETE, sent once; only after a 429, which Cloudflare gives before it does anything, again.
   * Once a write was refused with 401 or 403, no other is sent; nor is a POST that the rate limit has held back for
   * more than ten seconds, as the look before it is too old by then (`stale`).
   */
  write(method: 'POST' | 'DELETE', path: string, body?: object): Promise<Envelope>;
  /** Requests sent so far. */
  readonly requests: number;
}

/** What is told while requests fail and are tried again: once when it begins, once when it is over. */
export interface RetryListener {
  retrying(error: RequestError, waitMs: number): void;
  recovered(tries: number, tookMs: number): void;
  /** Requests are spread from now on, because little of the rate limit is left. */
  slowing(gapMs: number): void;
}

/** What a conversation needs from its surroundings. */
export interface HttpOptions {
  readonly apiUrl: string;
  readonly credentials: Credentials;
  readonly userAgent: string;
  readonly transport: Transport;
  readonly clock: Clock;
  /** A number from 0 to 1, for jitter. */
  readonly random: () => number;
  /** When the budget of the step is used up, milliseconds since the epoch. */
  readonly endMs: number;
  /** Aborted when the run is cancelled. */
  readonly cancel: AbortSignal;
  readonly listener: RetryListener;
}

/** One request may take this long, its answer included. */
export const REQUEST_DEADLINE_MS = 10_000;
/** A write that is under way when the run is cancelled may still be answered for this long. */
const CANCEL_GRACE_MS = 600;
/** With the waits between them about half a minute, if the failures themselves come quickly. */
const READ_TRIES = 8;
/** The pauses between them last longer than reads lag. */
const WHOLE_TRIES = 6;
const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 8_000;
/** So old may the look be that a POST goes by. */
const LOOK_LASTS_MS = 10_000;

/** HTTP statuses of 500 and above that another try cannot change (design of Cloudflare's edge errors: 525, 526). */
const FINAL_SERVER_ERRORS = new Set([501, 505, 525, 526]);

/** Opens the conversation. Nothing is sent before the first `read` or `write`. */
export function openHttp(options: HttpOptions): Http {
  const { transport, clock, random, endMs, cancel, listener } = options;
  const pace = openPace(clock, listener.slowing);
  const headers = {
    accept: 'application/json',
    'user-agent': options.userAgent,
    ...(options.credentials.kind === 'token'
      ? { authorization: `Bearer ${options.credentials.token}` }
      : { 'x-auth-email': options.credentials.email, 'x-auth-key': options.credentials.key }),
  };
  const grace = new AbortController();
  /** Ends the waiting of writes: when the run is cancelled, and when Cloudflare has refused one of them. */
  const noWrites = new AbortController();
  const onCancel = () => {
    noWrites.abort();
    void clock.sleep(CANCEL_GRACE_MS).then(() => grace.abort());
  };
  cancel.addEventListener('abort', onCancel, { once: true });
  let requests = 0;
  let refused: RequestError | null = null;
  let episode: { sinceMs: number; tries: number } | null = null;

  async function send(
    method: string,
    path: string,
    body: object | undefined,
    { untilMs, sinceMs = Number.POSITIVE_INFINITY }: ReadOptions & { sinceMs?: number },
  ): Promise<Envelope> {
    const request = `${method} ${path.replace(/^\/accounts\/[^/]+(\/shares\/[^/]+(?=\/))?/, '…').replace(/\?.*/, '')}`;
    // The last look of a cancelled run must not be ended by that same cancel.
    const reads = untilMs !== undefined && cancel.aborted ? new AbortController().signal : cancel;
    await pace.turn(request, untilMs ?? endMs, method === 'GET' ? reads : noWrites.signal);
    if (method === 'POST' && pace.blockedUntilMs > sinceMs && clock.now() - sinceMs > LOOK_LASTS_MS) {
      const said = 'not sent, the rate limit has held it back for too long';
      throw new RequestError(request, said, { cause: 'rate-limit', stale: true });
    }
    if (refused && method !== 'GET') {
      throw notSent(
        request,
        'stopped',
        `not sent, because Cloudflare refused another write: ${refused.message}`,
      );
    }
    if (reads.aborted) throw notSent(request, 'cancelled', 'not sent, the run was cancelled');
    const leftMs = (untilMs ?? endMs) - clock.now();
    if (leftMs <= 0) throw notSent(request, 'timeout', 'not sent, the time of the step is up');
    requests++;
    const deadlineMs = Math.min(REQUEST_DEADLINE_MS, leftMs);
    try {
      const answer = await transport({
        method,
        url: options.apiUrl + path,
        headers: body ? { ...headers, 'content-type': 'application/json' } : headers,
        ...(body ? { body: JSON.stringify(body) } : {}),
        deadlineMs,
        signal: method === 'GET' ? reads : grace.signal,
      });
      pace.heed(answer);
      return openEnvelope(request, answer, clock.now());
    } catch (error) {
      if (error instanceof TransportError) throw fromTransport(request, error, deadlineMs);
      if (error instanceof RequestError && error.why === 'credentials' && method !== 'GET') {
        refused ??= error;
        noWrites.abort();
      }
      throw error;
    }
  }

  /** Sends, and sends again while `mayRetry` says so, the server does not object, and there is time. */
  async function persist<T>(
    attempt: () => Promise<T>,
    signal: AbortSignal,
    mayRetry: (error: RequestError, tries: number) => boolean,
    { untilMs = endMs, tries: most }: ReadOptions = {},
  ): Promise<T> {
    let last: RequestError | null = null;
    for (let tries = 1; ; tries++) {
      try {
        const result = await attempt();
        // Another request may have gone through meanwhile; that does not end what went wrong with this one.
        if (episode && tries > 1 && most === undefined) {
          listener.recovered(episode.tries, clock.now() - episode.sinceMs);
          episode = null;
        }
        return result;
      } catch (error) {
        if (!(error instanceof RequestError) || cancel.aborted) throw error;
        // A try that the end of the step cut short, or did not let begin, says nothing of the cause; the one before
        // does. But a write that was cut short may have been carried out.
        const isCut = error.why === 'deadline' && clock.now() >= untilMs && isRead(error.request);
        if (last && (isCut || error.why === 'timeout')) throw last;
        const leftMs = Math.max(untilMs - clock.now(), 0);
        const asked = error.retryAfterMs ?? 0;
        if (asked > 0 && asked >= leftMs) throw waitsTooLong(error, asked, leftMs);
        if (!mayRetry(error, tries)) throw error;
        last = error;
        // What is asked for may be over already, by the clock of the runner.
        const waitMs = Math.min(Math.max(asked, backoffMs(tries, random())), leftMs);
        // Nobody misses a read that may be tried a few times only.
        if (most === undefined && waitMs < leftMs) {
          if (!episode) listener.retrying(error, waitMs);
          episode = { sinceMs: episode?.sinceMs ?? clock.now(), tries: (episode?.tries ?? 1) + 1 };
        }
        await clock.sleep(waitMs, signal);
        if (cancel.aborted)
          throw notSent(error.request, 'cancelled', `cancelled before it was tried again: ${error.said}`);
        if (clock.now() >= untilMs) throw error;
      }
    }
  }

  return {
    read: (path, read = {}) =>
      persist(
        () => send('GET', path, undefined, read),
        cancel,
        (error, tries) => {
          if (!error.retryable || error.isMisshapen) return false;
          // A token that is over its limit is blocked for five minutes, so only the timeout ends this.
          if (error.why === 'rate-limit' && read.tries === undefined) return true;
          return tries < (read.tries ?? READ_TRIES);
        },
        read,
      ),
    whole: (reads, read = {}) =>
      persist(
        reads,
        cancel,
        (error, tries) => error.why === 'incomplete' && tries < (read.tries ?? WHOLE_TRIES),
        read,
      ),
    write(method, path, body) {
      const sinceMs = clock.now();
      return persist(
        () => send(method, path, body, { sinceMs }),
        noWrites.signal,
        (error) => error.why === 'rate-limit' && error.retryable,
      );
    },
    get requests() {
      return requests;
    },
  };
}

/**
 * How long to wait before the next try when the server does not say: doubling from half a second to eight.
 * @param tries tries so far, 1 or more
 * @param random a number from 0 to 1
 * @returns milliseconds
 */
export function backoffMs(tries: number, random: number): number {
  return Math.round(
    Math.min(FIRST_BACKOFF_MS * 2 ** (tries - 1), LONGEST_BACKOFF_MS) * (0.75 + 0.5 * random),
  );
}

/**
 * Opens the envelope of an answer: `{success, errors, result, result_info}`, or at the edge a problem object
 * (RFC 9457) or a page of HTML.
 * @param request the request, for messages
 * @param nowMs the time now, for a `Retry-After` that is a date
 * @throws RequestError unless the answer is a 2xx that says `success: true`
 */
export function openEnvelope(request: string, answer: WireAnswer, nowMs: number): Envelope {
  const { status, headers } = answer;
  const ok = status >= 200 && status < 300;
  const isTooLarge = hasTooManyValues(answer.body);
  if (ok && isTooLarge) throw tooLarge(request);
  const body = isTooLarge ? null : parseObject(answer.body);
  if (ok && body?.['success'] === true) {
    const info = body['result_info'];
    return { request, result: body['result'], resultInfo: Object(info) as Record<string, unknown> };
  }

  const ray = headers['cf-ray'] ? `, cf-ray ${headers['cf-ray']}` : '';
  const said = `HTTP ${status}${saidByCloudflare(body)}${ray}`;
  if (status === 407) {
    return fail(request, `the proxy wants credentials, ${said}`, { cause: 'proxy', status });
  }
  if (status >= 300 && status < 400) {
    const to = headers['location'] ? ` to ${headers['location']}` : '';
    return fail(request, `answered with a redirect${to}, which is not followed, ${said}`, {
      cause: 'redirect',
      status,
    });
  }
  if (ok && body?.['success'] !== false) {
    const what = body ? 'an object that says nothing of success' : 'no JSON object';
    return fail(request, `answered with ${what}, ${said}`, {
      cause: 'unreadable',
      status,
      ambiguous: true,
      retryable: true,
    });
  }
  // A success by its status and a failure by its words may be either.
  if (ok) return fail(request, said, { cause: 'refused', status, ambiguous: true });
  const retryAfterMs = parseRetryAfter(headers, nowMs) ?? problemRetryAfterMs(body);
  const retryable = body?.['retryable'] !== false;
  if (status === 429) return fail(request, said, { cause: 'rate-limit', status, retryable, retryAfterMs });
  if (status === 408 || status >= 500) {
    const final = FINAL_SERVER_ERRORS.has(status);
    return fail(request, said, {
      cause: 'server',
      status,
      retryable: retryable && !final,
      ambiguous: !final,
      retryAfterMs,
    });
  }
  if (status === 401 || status === 403) return fail(request, said, { cause: 'credentials', status });
  // Of a write it is about the recipient: the list of the share was read before.
  if (status === 404 && isRead(request)) return fail(request, said, { cause: 'not-found', status });
  return fail(request, said, { cause: 'refused', status });
}

function fail(...args: ConstructorParameters<typeof RequestError>): never {
  throw new RequestError(...args);
}

/** More are no answer of the API. A parser may need fifty times as much memory for them as for their text. */
const MAX_VALUES = 200_000;

function hasTooManyValues(text: string): boolean {
  let values = 0;
  for (const sign of ',[{') {
    for (let at = text.indexOf(sign); at >= 0; at = text.indexOf(sign, at + 1))
      if (++values > MAX_VALUES) return true;
  }
  return false;
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null; // an answer that is not JSON is told apart by its status
  }
}

/** ` 10000 Authentication error` from the envelope, or ` bad gateway` from a problem object; empty where nothing was said. */
function saidByCloudflare(body: Record<string, unknown> | null): string {
  if (!body) return '';
  const errors = Array.isArray(body['errors']) ? body['errors'].slice(0, 3) : [];
  const parts = errors.map((entry) => {
    const { code, message, source } = Object(entry);
    const pointer = Object(source).pointer;
    return [code, short(message), typeof pointer === 'string' ? `(${pointer})` : '']
      .filter(isShown)
      .join(' ');
  });
  if (parts.length === 0)
    parts.push([body['error_code'], short(body['title']), short(body['detail'])].filter(isShown).join(' '));
  const text = parts.filter(Boolean).join('; ');
  return text ? `, ${text}` : '';
}

/** So that what comes after it, the ray above all, is not cut away. */
function short(value: unknown): unknown {
  return typeof value === 'string' ? excerpt(value, 1_000) : value;
}

function isShown(value: unknown): value is string | number {
  return (typeof value === 'string' && value !== '') || typeof value === 'number';
}

function problemRetryAfterMs(body: Record<string, unknown> | null): number | null {
  const seconds = body?.['retry_after'];
  return typeof seconds === 'number' && seconds >= 0 ? seconds * 1000 : null;
}

function fromTransport(request: string, error: TransportError, deadlineMs: number): RequestError {
  const again = { retryable: true, ambiguous: true };
  switch (error.reason) {
    case 'cancelled':
      return new RequestError(request, 'cancelled before it was answered', {
        cause: 'cancelled',
        ambiguous: true,
      });
    case 'deadline':
      return new RequestError(request, `no answer within ${(deadlineMs / 1000).toFixed(1)} s`, {
        cause: 'deadline',
        ...again,
      });
    case 'too-large':
      return tooLarge(request);
    case 'proxy': {
      const { status } = error;
      const said = status === 407 ? 'wants credentials' : 'did not let the request through';
      return new RequestError(request, `the proxy ${said}, HTTP ${status}`, {
        cause: 'proxy',
        status,
        retryable: status >= 500,
      });
    }
    case 'network': {
      const { cause, said } = describeNetworkError(error.cause);
      // A certificate that is not trusted ended it before anything was sent, and will be no other the next time.
      return new RequestError(request, said, cause === 'tls' ? { cause } : { cause, ...again });
    }
  }
}

function tooLarge(request: string): RequestError {
  return new RequestError(request, 'the answer is too large to be one of the Shares API', {
    cause: 'too-large',
    ambiguous: true,
    retryable: true,
  });
}

function notSent(request: string, cause: 'cancelled' | 'timeout' | 'stopped', said: string): RequestError {
  return new RequestError(request, said, { cause });
}

function waitsTooLong(error: RequestError, askedMs: number, leftMs: number): RequestError {
  const left = Math.floor(leftMs / 1000);
  return new RequestError(
    error.request,
    `${error.said}; it asks to wait ${Math.ceil(askedMs / 1000)} s, and only ${left} s of the timeout are left`,
    { cause: error.why, status: error.status, ambiguous: error.ambiguous },
  );
}
