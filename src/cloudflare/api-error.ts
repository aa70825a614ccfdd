import type {
  Clean,
  FailedRequest,
  Failure,
  RequestCause,
  RequestKind,
} from '../domain.ts';
import { formatWait } from '../format.ts';
import type { FailedExchange, ReceivedResponse } from './http-client.ts';
import { type JsonObject, toText } from './json.ts';
import { parseRetryAfter } from './rate-limiter.ts';
import { describeResponse } from './response-text.ts';

/**
 * What a failed write may have done. `unknown`: perhaps what was asked for.
 * `conflict`: nothing, but another change is under way. `rejected`: nothing.
 * `notProcessed`: nothing, and it may be decided again.
 */
export type FailedOutcome =
  | 'unknown'
  | 'conflict'
  | 'rejected'
  | 'notProcessed';

/** What a response, or the lack of one, means. */
export interface Classification {
  /** Why it failed: decides title and advice. */
  readonly cause: RequestCause;
  /** May the same request succeed later? */
  readonly isRetryable: boolean;
  /** What it means for a write. */
  readonly outcome: FailedOutcome;
}

/** The failure of a request, which always names the request. */
export interface RequestFailure extends Failure {
  /** Why the request failed. */
  readonly cause: RequestCause;
  /** The request that failed, never null here. */
  readonly request: FailedRequest;
}

/** A request to Cloudflare that failed. */
export class ApiError extends Error {
  readonly failure: RequestFailure;
  readonly isRetryable: boolean;
  readonly outcome: FailedOutcome;
  /** How long the server asked to wait, in milliseconds; 0 where it did not. */
  readonly retryAfterMs: number;

  constructor(
    failure: RequestFailure,
    {
      isRetryable,
      outcome,
      retryAfterMs = 0,
    }: Omit<Classification, 'cause'> & { readonly retryAfterMs?: number },
  ) {
    super(`${failure.reason} (${failure.request.detail})`);
    this.failure = failure;
    this.isRetryable = isRetryable;
    this.outcome = outcome;
    this.retryAfterMs = retryAfterMs;
  }
}

/** For `catch`: makes an ApiError a value, and leaves all others exceptions. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  throw error;
}

/** A request as messages and advice need it. */
export interface RequestName {
  /** What the request was for. */
  readonly kind: RequestKind;
  /** The HTTP method. */
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** `POST …/recipients`. */
  readonly text: string;
}

/**
 * Code 10001 comes both as "Unable to authenticate request" and as "internal
 * error, please try again" (a public report), so it proves little.
 */
const UNSTABLE_AUTHENTICATION = 10001;

/**
 * Bad or insufficient credentials, whatever the status: observed codes of
 * Cloudflare's API gateway. 1001 is a missing header, or a kind of token that
 * the route does not support.
 */
const AUTHENTICATION: readonly number[] = [
  1001, 6003, 6103, 6111, 9103, 9106, 9109, 10000, 10405,
];

/** "No route for the URI": a wrong account or address. */
const NO_ROUTE: readonly number[] = [7000, 7003];

/** Codes that have a cause of their own, and reject what was asked for. */
interface CodeRule {
  readonly codes: readonly number[];
  readonly cause: RequestCause;
}

/** Where a response has several codes, the first rule that has one decides. */
const CODE_RULES: readonly CodeRule[] = [
  { codes: NO_ROUTE, cause: 'route' },
  { codes: AUTHENTICATION, cause: 'authentication' },
  { codes: [UNSTABLE_AUTHENTICATION], cause: 'authentication' },
];

/**
 * The TLS handshake between Cloudflare's edge and the API failed: certainly not
 * processed, so the run may send the write again. After any other 5xx, it first
 * observes. Reads are retried after any 5xx but `UNSUPPORTED`. `retryable:
 * false` in the body always wins: see `asFinal`.
 */
const ORIGIN_NOT_REACHED: readonly number[] = [525, 526];

/** Never retried: RFC 9110, sections 15.6.2 and 15.6.6. */
const UNSUPPORTED: readonly number[] = [501, 505];

/**
 * Does the error prove that no write can succeed? One with code 10001 rejects
 * only its own target.
 */
export function provesBadCredentials({ failure }: ApiError): boolean {
  return (
    failure.cause === 'authentication' &&
    failure.request.code !== UNSTABLE_AUTHENTICATION
  );
}

/** Says what it means that a request got no response that may be used. */
export function fromExchange(
  request: RequestName,
  exchange: FailedExchange,
  clean: Clean,
): ApiError {
  const { cause, message, isRetryable } = exchange;
  const reason = clean(message, 1_000);
  return new ApiError(
    { cause, reason, request: toFailedRequest(request) },
    { isRetryable, outcome: outcomeOf(exchange) },
  );
}

function outcomeOf({
  cause,
  mayHaveBeenProcessed,
  isRetryable,
}: FailedExchange): FailedOutcome {
  if (mayHaveBeenProcessed) return 'unknown';
  // The end of the step cut it short: nobody has rejected it.
  return isRetryable || cause === 'timeout' ? 'notProcessed' : 'rejected';
}

/** Says what a response means that reports no success. */
export function fromResponse(
  request: RequestName,
  response: ReceivedResponse,
  nowMs: number,
  clean: Clean,
): ApiError {
  const parsed = parseResponse(response);
  const { body, code, isEnvelope } = parsed;
  const classification = asFinal(classify(request, parsed), body);
  const bodyMs = toSeconds(body?.['retry_after']) * 1000;

  return new ApiError(
    {
      cause: classification.cause,
      reason: describeResponse(response, clean),
      request: {
        kind: request.kind,
        detail: `${request.text}, ${describeOrigin(response, isEnvelope, clean)}`,
        code,
        documentationUrl: documentationUrl(body, clean),
      },
    },
    {
      ...classification,
      retryAfterMs: parseRetryAfter(response.headers, nowMs) ?? bodyMs,
    },
  );
}

/** A 2xx that is not what the Shares API is documented to send. */
export function fromUnreadable(request: RequestName, what: string): ApiError {
  const reason = `the response is not one of the Shares API: ${what}`;
  return new ApiError(
    { cause: 'invalid-response', reason, request: toFailedRequest(request) },
    // The write may have been carried out all the same.
    { isRetryable: true, outcome: 'unknown' },
  );
}

/** A request that its turn never came for. */
export function fromUnsent(
  request: RequestName,
  cause: 'rate-limit' | 'timeout',
  reason: string,
): ApiError {
  const detail = `${request.text}, not sent`;
  return new ApiError(
    { cause, reason, request: { ...toFailedRequest(request), detail } },
    { isRetryable: false, outcome: 'notProcessed' },
  );
}

/**
 * An error whose `Retry-After` is later than the end of the step cannot be
 * retried, and says so. One that is final says so too: it may hold back others.
 */
export function withoutRetryInTime(error: ApiError, leftMs: number): ApiError {
  const { failure, outcome, retryAfterMs } = error;
  if (retryAfterMs <= leftMs) return error;

  const asked = `the response asks to wait ${formatWait(retryAfterMs)}`;
  const reason = `${failure.reason}; ${asked}, with ${formatWait(leftMs)} left`;
  const final = { isRetryable: false, outcome: finalOutcome(outcome) };
  return new ApiError({ ...failure, reason }, { ...final, retryAfterMs });
}

/** What a write comes to that must not be sent again. */
function finalOutcome(outcome: FailedOutcome): FailedOutcome {
  return outcome === 'notProcessed' ? 'rejected' : outcome;
}

/** A request to which no response says more. */
function toFailedRequest({ kind, text }: RequestName): FailedRequest {
  return { kind, detail: text, code: null, documentationUrl: null };
}

// -------- what a response means

/** A response with what is in its body. */
interface ParsedResponse {
  readonly status: number;
  readonly body: JsonObject | null;
  /** The code that decides, otherwise the first; null without any. */
  readonly code: number | null;
  /** Is the body the envelope of Cloudflare's API? */
  readonly isEnvelope: boolean;
  /** Does it have a `cf-ray`, as everything that Cloudflare sent? */
  readonly hasRay: boolean;
}

function parseResponse(response: ReceivedResponse): ParsedResponse {
  const { json: body } = response;
  const isEnvelope =
    typeof body?.['success'] === 'boolean' || Array.isArray(body?.['errors']);
  return {
    status: response.status,
    body,
    code: decisiveCode(codesIn(body)),
    isEnvelope,
    hasRay: Boolean(response.headers['cf-ray']),
  };
}

/** The first rule that matches decides. */
function classify(
  request: RequestName,
  response: ParsedResponse,
): Classification {
  const { status } = response;
  if (status === 429) {
    return notProcessed(isCloudflares(response) ? 'rate-limit' : 'blocked');
  }
  if (status >= 500) return classifyServerError(response);

  const byCode = classifyCode(request, response.code);
  if (byCode) return byCode;
  if (status < 300) return unknown('invalid-response');
  if (status < 400) return rejected('invalid-response');
  return classifyClientError(request, response);
}

function classifyServerError(response: ParsedResponse): Classification {
  const { status } = response;
  const cause = isCloudflares(response) ? 'server' : 'blocked';
  if (UNSUPPORTED.includes(status)) return rejected(cause);
  if (cause === 'blocked') return unknown(cause);
  return ORIGIN_NOT_REACHED.includes(status)
    ? notProcessed('server')
    : unknown('server');
}

/** Everything that Cloudflare sends is its envelope, or has a `cf-ray`. */
function isCloudflares({ isEnvelope, hasRay }: ParsedResponse): boolean {
  return isEnvelope || hasRay;
}

/** The codes that mean the same with every status but 429 and 5xx. */
function classifyCode(
  { method }: RequestName,
  code: number | null,
): Classification | null {
  if (code === null) return null;
  const rule = CODE_RULES.find(({ codes }) => codes.includes(code));
  if (!rule) return null;
  // 10001 comes with failures of the server too.
  const isRetryable = code === UNSTABLE_AUTHENTICATION && method === 'GET';
  return { ...rejected(rule.cause), isRetryable };
}

/** Of several codes, one that a rule has; otherwise the first. */
function decisiveCode(found: readonly number[]): number | null {
  const inOrder = CODE_RULES.flatMap(({ codes }) =>
    found.filter((code) => codes.includes(code)),
  );
  return inOrder[0] ?? found[0] ?? null;
}

function classifyClientError(
  { method }: RequestName,
  response: ParsedResponse,
): Classification {
  const { status } = response;
  if (isFromSomethingElse(response)) return unknown('blocked');
  if (status === 409) return conflict();
  if (status === 408 || status === 425) return unknown('server');
  if (isAuthenticationFailure(response)) return rejected('authentication');
  // A write is about a recipient: the share is known by then.
  const isMissing = status === 404 && method === 'GET';
  return rejected(isMissing ? 'not-found' : 'rejected');
}

/**
 * 401 whatever its code, and 403 without one: both are about the caller, where
 * Cloudflare sent them.
 */
function isAuthenticationFailure({
  status,
  code,
  hasRay,
}: ParsedResponse): boolean {
  const isAboutCaller = status === 401 || (status === 403 && code === null);
  return isAboutCaller && hasRay;
}

/**
 * A firewall or a proxy: no envelope, and either no `cf-ray` or no JSON that a
 * person could call an API's.
 */
function isFromSomethingElse(response: ParsedResponse): boolean {
  const { body, isEnvelope, hasRay } = response;
  if (isEnvelope) return false;
  // A problem object (RFC 9457) of Cloudflare's edge has `error_code`.
  return !hasRay || body === null || 'error_code' in body;
}

function unknown(cause: RequestCause): Classification {
  return { cause, isRetryable: true, outcome: 'unknown' };
}

function rejected(cause: RequestCause): Classification {
  return { cause, isRetryable: false, outcome: 'rejected' };
}

function notProcessed(cause: RequestCause): Classification {
  return { cause, isRetryable: true, outcome: 'notProcessed' };
}

function conflict(): Classification {
  return { cause: 'conflict', isRetryable: true, outcome: 'conflict' };
}

/** Honors `retryable: false` of a problem object (RFC 9457). */
function asFinal(
  classification: Classification,
  body: JsonObject | null,
): Classification {
  if (body?.['retryable'] !== false) return classification;
  const outcome = finalOutcome(classification.outcome);
  return { ...classification, isRetryable: false, outcome };
}

// -------- what is in a body

/** All codes of the errors and of their `error_chain`, in that order. */
function codesIn(body: JsonObject | null): readonly number[] {
  const errors = objectsIn(body?.['errors']);
  const causes = errors.flatMap((error) => objectsIn(error['error_chain']));
  return [...errors, ...causes]
    .map(({ code }) => code)
    .filter((code) => typeof code === 'number');
}

function objectsIn(value: unknown): readonly JsonObject[] {
  if (!Array.isArray(value)) return [];
  return value.filter((entry) => typeof entry === 'object' && entry !== null);
}

/** A number of seconds; 0 for anything else. */
function toSeconds(value: unknown): number {
  return typeof value === 'number' && value > 0 && value < 1e9 ? value : 0;
}

/**
 * Part of the published error since 2026-08; shown only for Cloudflare's docs.
 */
function documentationUrl(
  body: JsonObject | null,
  clean: Clean,
): string | null {
  const pages = objectsIn(body?.['errors']).map((error) =>
    // A secret that the server repeats is replaced, and then it is no URL.
    clean(toText(error['documentation_url']), 300),
  );
  return pages.find((page) => DOCUMENTATION.test(page)) ?? null;
}

const DOCUMENTATION =
  /^https:\/\/developers\.cloudflare\.com\/[\w./#?=&%-]{0,200}$/;

/** `HTTP 400, cf-ray 8f1e…`. */
function describeOrigin(
  { status, headers }: ReceivedResponse,
  isEnvelope: boolean,
  clean: Clean,
): string {
  const ray = headers['cf-ray'];
  // An envelope counts as a response of the API, wherever it came from.
  const withoutRay = isEnvelope
    ? 'no cf-ray'
    : 'not from Cloudflare (no cf-ray)';
  return `HTTP ${status}, ${ray ? `cf-ray ${clean(ray, 64)}` : withoutRay}`;
}
