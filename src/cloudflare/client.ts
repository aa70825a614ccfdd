import type { Clock, Deadline } from '../clock.ts';
import type { Clean, Credentials, HeldBack, RequestKind } from '../domain.ts';
import { formatWait } from '../format.ts';
import {
  ApiError,
  type FailedOutcome,
  fromExchange,
  fromResponse,
  fromUnsent,
  type RequestName,
  withoutRetryInTime,
} from './api-error.ts';
import type { TakeItem } from './body-reader.ts';
import type { HttpClient, ReceivedResponse } from './http-client.ts';
import { asObject, type JsonObject } from './json.ts';
import {
  RATE_LIMIT_WINDOW_MS,
  RateLimiter,
  type RateLimitState,
} from './rate-limiter.ts';

/** A GET that may be repeated. */
export interface ReadRequest {
  /** What the request is for. */
  readonly kind: RequestKind;
  /** `/accounts/…?query`, below `apiUrl`. */
  readonly path: string;
}

/** A POST or DELETE, sent at most once. */
export interface WriteRequest {
  /** What the request is for. */
  readonly kind: RequestKind;
  /** POST adds a recipient, DELETE removes one. */
  readonly method: 'POST' | 'DELETE';
  /** `/accounts/…`, below `apiUrl`. */
  readonly path: string;
  /** Sent as JSON; null for a request without a body. */
  readonly body: Readonly<Record<string, string>> | null;
}

/** A successful response. */
export interface Envelope {
  /** The request that it responds to, for messages. */
  readonly request: RequestName;
  /** When the request was sent, milliseconds since the epoch. */
  readonly sentMs: number;
  /** When its response was complete, milliseconds since the epoch. */
  readonly receivedMs: number;
  /**
   * `result` of the response, not validated; empty where `takeItem` took its
   * elements.
   */
  readonly result: unknown;
  /** `result_info` of the response; empty where it has none. */
  readonly resultInfo: JsonObject;
}

/** Decodes one response; each attempt has its own. */
export interface Decoder<T> {
  /** Takes the elements of the list `result`; null keeps them. */
  readonly takeItem: TakeItem | null;
  /** Called when the response is complete, and was a success. */
  readonly decode: (envelope: Envelope) => T;
}

export interface ReadOptions {
  /** Ends the request and its retries; by default the closing of the step. */
  readonly signal?: AbortSignal;
  /** Default 8. */
  readonly maxAttempts?: number;
}

/** What came of a write. */
export type WriteReply =
  | { readonly outcome: 'accepted'; readonly envelope: Envelope }
  | FailedWrite
  | { readonly outcome: 'heldBack'; readonly heldBack: HeldBack };

/** A write that was sent, or nearly, and was not accepted. */
export type FailedWrite =
  | {
      readonly outcome: Exclude<FailedOutcome, 'notProcessed'>;
      readonly error: ApiError;
    }
  | { readonly outcome: 'notProcessed'; readonly error: ApiError };

/**
 * Asked just before a write is sent, and whenever it has to wait: why it must
 * not be sent, or null.
 */
export type WriteTurn = (rateLimit: RateLimitState) => HeldBack | null;

/** Why requests are slower than a reader of the log would expect. */
export type Delay =
  /** Cloudflare rejects every request for so long. */
  | { readonly why: 'rate-limit'; readonly waitMs: number }
  /** Little of the rate limit is left, so requests are spread out. */
  | { readonly why: 'spacing'; readonly waitMs: number }
  /** A read failed and is sent again. */
  | {
      readonly why: 'retry';
      readonly error: ApiError;
      readonly waitMs: number;
    };

/** What a run has sent so far. */
export interface RequestCounts {
  /** All requests to Cloudflare, repeated ones too. */
  readonly requests: number;
  /** How many of them repeated a read. */
  readonly retries: number;
}

export interface ClientOptions {
  /** The input `api-url`, without a slash at the end. */
  readonly apiUrl: string;
  /** Sent with every request. */
  readonly credentials: Credentials;
  /** Sent with every request; Cloudflare's audit log shows it. */
  readonly userAgent: string;
  /** Sends one request, and repeats nothing. */
  readonly http: HttpClient;
  /** The time, and pauses between attempts. */
  readonly clock: Clock;
  /** Ends attempts and pauses. */
  readonly deadline: Deadline;
  /** A number from 0 to 1, for jitter. */
  readonly random: () => number;
  /** Sanitizes what a server sent, for messages. */
  readonly clean: Clean;
  /** Called when requests begin to be delayed. */
  readonly onDelay: (delay: Delay) => void;
}

const REQUEST_TIMEOUT_MS = 10_000;
/** A list of 20,000 records may take longer to produce. */
const LIST_TIMEOUT_MS = 30_000;
const MAX_RESPONSE_MIB = 16;
/** 20,000 records with their resources. */
const MAX_LIST_MIB = 64;
/** With the waits between them, about 30 seconds. */
const MAX_ATTEMPTS = 8;
/**
 * A response that cannot be read may come from something in between that is
 * about to disappear; three one after the other do not.
 */
const MAX_INVALID_RESPONSES = 3;
const FIRST_BACKOFF_MS = 500;
const LONGEST_BACKOFF_MS = 8_000;

/** A request that is about to be sent. */
interface Outgoing {
  readonly name: RequestName;
  readonly path: string;
  readonly body: Readonly<Record<string, string>> | null;
  readonly takeItem: TakeItem | null;
  readonly signal: AbortSignal;
}

/** A response: when its request was sent, and when it was complete. */
interface TimedResponse {
  readonly response: ReceivedResponse;
  readonly sentMs: number;
  readonly receivedMs: number;
}

/** An attempt to read that may be followed by another one. */
interface FailedAttempt {
  /** From 1. */
  readonly number: number;
  readonly maxAttempts: number;
  readonly error: ApiError;
  /** What the attempt before it met; null for the first one. */
  readonly last: ApiError | null;
  readonly signal: AbortSignal;
}

/** Talks to Cloudflare's API. Sends nothing before the first call. */
export class CloudflareClient {
  readonly #options: ClientOptions;
  readonly #limiter = new RateLimiter();
  /** Until when a delay of a kind needs no further line in the log. */
  readonly #announcedUntilMs = new Map<Delay['why'], number>();
  #requests = 0;
  #retries = 0;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  get sent(): RequestCounts {
    return { requests: this.#requests, retries: this.#retries };
  }

  /**
   * Sends a GET and retries it with backoff while that may help. An ApiError
   * that `decode` throws is retried like any other.
   * @throws ApiError
   */
  read<T>(
    request: ReadRequest,
    decode: (envelope: Envelope) => T,
    options: ReadOptions = {},
  ): Promise<T> {
    return this.readList(request, () => ({ takeItem: null, decode }), options);
  }

  /**
   * As `read`, for a list that may be so long that it must not be in memory as
   * a whole.
   * @throws ApiError
   */
  async readList<T>(
    { kind, path }: ReadRequest,
    newDecoder: (request: RequestName) => Decoder<T>,
    options: ReadOptions = {},
  ): Promise<T> {
    const { signal = this.#options.deadline.closing } = options;
    const { maxAttempts = MAX_ATTEMPTS } = options;
    const name = nameOf(kind, 'GET', path);
    let last: ApiError | null = null;
    for (let attempt = 1; ; attempt++) {
      try {
        const { takeItem, decode } = newDecoder(name);
        const outgoing = { name, path, body: null, takeItem, signal };
        return decode(await this.#attemptRead(outgoing, attempt));
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        // An attempt that the end of the step cut short says nothing; the one
        // before it does.
        if (last && error.failure.cause === 'timeout') throw last;
        const failed = { number: attempt, maxAttempts, error, last, signal };
        await this.#backOff(failed);
        last = error;
      }
    }
  }

  /**
   * Sends a POST or DELETE at most once, as soon as it is its turn.
   * @param acceptsReply whether a 2xx proves that the write was carried out;
   *   by default `success: true` does
   */
  async write(
    { kind, method, path, body }: WriteRequest,
    turn: WriteTurn,
    acceptsReply = isSuccess,
  ): Promise<WriteReply> {
    const { clock, clean, deadline } = this.#options;
    const name = nameOf(kind, method, path);
    const heldBack = await this.#waitForTurn(turn, deadline.writes);
    if (heldBack) return { outcome: 'heldBack', heldBack };

    const signal = deadline.writes;
    const outgoing = { name, path, body, takeItem: null, signal };
    const sent = await this.#send(outgoing);
    if (sent instanceof ApiError) return failed(sent);

    const { response } = sent;
    const reply = isOk(response) ? response.json : null;
    if (reply && acceptsReply(reply)) {
      return { outcome: 'accepted', envelope: toEnvelope(name, sent, reply) };
    }
    return failed(fromResponse(name, response, clock.now(), clean));
  }

  async #attemptRead(outgoing: Outgoing, attempt: number): Promise<Envelope> {
    const { name, signal } = outgoing;
    const { clock, clean, deadline } = this.#options;
    const heldBack = await this.#waitForTurn(
      ({ waitMs }) =>
        clock.now() + waitMs > deadline.endMs()
          ? { why: 'rate-limit', waitMs }
          : null,
      signal,
    );
    if (heldBack?.why === 'rate-limit') {
      throw limitedBeyondEnd(name, heldBack.waitMs);
    }
    if (heldBack) throw stepOver(name);

    if (attempt > 1) this.#retries++;
    const sent = await this.#send(outgoing);
    if (sent instanceof ApiError) throw sent;
    const body = isOk(sent.response) ? sent.response.json : null;
    if (body && isSuccess(body)) return toEnvelope(name, sent, body);
    throw fromResponse(name, sent.response, clock.now(), clean);
  }

  /** Waits until the rate limit allows a request, as long as `turn` lets it. */
  async #waitForTurn(
    turn: WriteTurn,
    signal: AbortSignal,
  ): Promise<HeldBack | null> {
    const { clock, deadline } = this.#options;
    for (;;) {
      if (signal.aborted) return { why: 'step-over' };
      const state = this.#limiter.stateAt(clock.now(), deadline.endMs());
      const heldBack = turn(state);
      if (heldBack || state.waitMs === 0) return heldBack;

      this.#announce(state);
      await clock.sleep(state.waitMs, signal);
    }
  }

  async #send(outgoing: Outgoing): Promise<TimedResponse | ApiError> {
    const { apiUrl, http, clock, clean } = this.#options;
    const { name, path, body, takeItem, signal } = outgoing;
    const isList = name.kind === 'list';
    const sentMs = clock.now();
    this.#requests++;
    this.#limiter.recordRequest(sentMs);
    const response = await http({
      method: name.method,
      url: apiUrl + path,
      headers: this.#headers(body !== null),
      body: body && JSON.stringify(body),
      timeoutMs: isList ? LIST_TIMEOUT_MS : REQUEST_TIMEOUT_MS,
      maxMiB: isList ? MAX_LIST_MIB : MAX_RESPONSE_MIB,
      takeItem,
      signal,
    });
    if (response.type === 'failure') return fromExchange(name, response, clean);

    const receivedMs = clock.now();
    this.#limiter.recordResponse(response, receivedMs);
    return { response, sentMs, receivedMs };
  }

  #headers(hasBody: boolean): Record<string, string> {
    const { credentials, userAgent } = this.#options;
    return {
      accept: 'application/json',
      'user-agent': userAgent,
      ...credentialHeaders(credentials),
      ...(hasBody && { 'content-type': 'application/json' }),
    };
  }

  /**
   * Waits before the next attempt.
   * @throws the error where no attempt can help, or fit
   */
  async #backOff(failed: FailedAttempt): Promise<void> {
    const { clock, deadline, random, onDelay } = this.#options;
    const { number, maxAttempts, error, last, signal } = failed;
    const nowMs = clock.now();
    const leftMs = Math.max(0, deadline.writesEndMs() - nowMs);
    const final = withoutRetryInTime(error, leftMs);
    if (!final.isRetryable || isLastAttempt(final, number, maxAttempts)) {
      throw final;
    }
    const state = this.#limiter.stateAt(nowMs, deadline.endMs());
    const backMs = Math.max(backoffMs(number, random()), final.retryAfterMs);
    const waitMs = Math.max(backMs, state.waitMs);
    if (waitMs > leftMs) throw final;

    // Something in between, such as a proxy, may limit requests as well.
    const { cause } = error.failure;
    const isLimit = state.isBlocked && cause === 'rate-limit';
    if (isLimit) this.#announce({ waitMs, isBlocked: true });
    else if (cause !== last?.failure.cause) {
      onDelay({ why: 'retry', error, waitMs });
    }
    await clock.sleep(waitMs, signal);
    if (signal.aborted) throw final;
  }

  /** Reports a block, or a slow-down, when it begins. */
  #announce({ waitMs, isBlocked }: RateLimitState): void {
    const { clock, onDelay } = this.#options;
    const why = isBlocked ? 'rate-limit' : 'spacing';
    const nowMs = clock.now();
    if (nowMs < (this.#announcedUntilMs.get(why) ?? nowMs)) return;

    const lastsMs = isBlocked ? waitMs : RATE_LIMIT_WINDOW_MS;
    this.#announcedUntilMs.set(why, nowMs + lastsMs);
    onDelay({ why, waitMs });
  }
}

function failed(error: ApiError): FailedWrite {
  return { outcome: error.outcome, error };
}

function isOk({ status }: ReceivedResponse): boolean {
  return status >= 200 && status < 300;
}

function isSuccess(body: JsonObject): boolean {
  return body['success'] === true;
}

function toEnvelope(
  request: RequestName,
  { sentMs, receivedMs }: TimedResponse,
  body: JsonObject,
): Envelope {
  const resultInfo = asObject(body['result_info']) ?? {};
  return { request, sentMs, receivedMs, result: body['result'], resultInfo };
}

function credentialHeaders(credentials: Credentials): Record<string, string> {
  return credentials.type === 'token'
    ? { authorization: `Bearer ${credentials.token}` }
    : { 'x-auth-email': credentials.email, 'x-auth-key': credentials.key };
}

/** `/accounts/A/shares/S/recipients/R?x=y` becomes `…/recipients/R`. */
function nameOf(
  kind: RequestKind,
  method: RequestName['method'],
  path: string,
): RequestName {
  const short = path
    .replace(/^\/accounts\/[^/]+(\/shares\/[^/?]+(?=\/))?/, '…')
    .replace(/\?.*/, '');
  return { kind, method, text: `${method} ${short}` };
}

/**
 * Is this the last attempt? A user over the limit is blocked for five minutes,
 * so only the timeout ends that.
 */
function isLastAttempt(
  { failure }: ApiError,
  attempt: number,
  maxAttempts: number,
): boolean {
  if (failure.cause === 'rate-limit') return maxAttempts === 1;
  if (failure.cause === 'invalid-response') {
    return attempt >= Math.min(maxAttempts, MAX_INVALID_RESPONSES);
  }
  return attempt >= maxAttempts;
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

function limitedBeyondEnd(name: RequestName, waitMs: number): ApiError {
  const wait = formatWait(waitMs);
  const reason = `the rate limit allows no request for another ${wait}`;
  return fromUnsent(name, 'rate-limit', reason);
}

function stepOver(name: RequestName): ApiError {
  return fromUnsent(name, 'timeout', 'the step is over');
}
