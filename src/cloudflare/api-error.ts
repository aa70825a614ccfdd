import type { HttpResponse } from './http-client.ts';
import { parseRetryAfter } from './rate-limiter.ts';

/**
 * What a failed write may have done. `not-sent`: nothing, and it may be decided
 * again. `unknown`: perhaps what was asked for. `conflict`: nothing, but
 * another change is under way. `rejected`: nothing.
 */
export type WriteOutcome = 'not-sent' | 'unknown' | 'conflict' | 'rejected';

/**
 * A failure matches a row if it matches every member that the row has: `error`
 * is the code of an `HttpError`.
 */
interface Row {
  readonly error?: RegExp;
  readonly status?: readonly number[];
  readonly below?: number;
  readonly codes?: readonly number[];
  readonly body?: Body;
  readonly method?: string;
  readonly is: readonly [
    failure: string,
    retryable: boolean,
    outcome: WriteOutcome,
  ];
}

/**
 * `unexplained`: JSON without any code. `foreign`: no envelope of the API, as
 * from a firewall or a proxy.
 */
type Body = 'unexplained' | 'foreign';

/**
 * Bad or insufficient credentials, whatever the status: observed codes of
 * Cloudflare's API gateway.
 */
const AUTHENTICATION = [
  6003, 6103, 6111, 9103, 9106, 9109, 10000, 10001, 10405,
];

const INVALID_CERTIFICATE =
  /^(CERT_(HAS_EXPIRED|NOT_YET_VALID)|ERR_TLS_CERT_ALTNAME_INVALID)$/;

const MAX_PAGE = 16_384;

/** The first row that matches decides. */
const TABLE = [
  { error: /^ABORTED$/, is: ['interrupted', false, 'unknown'] },
  { error: /^TOO_LARGE$/, is: ['too-large', false, 'unknown'] },
  // A proxy that requires a password, or has a rule against the host, says the
  // same the next time.
  { error: /^PROXY_REJECTED$/, below: 500, is: ['proxy', false, 'rejected'] },
  { error: /^PROXY_REJECTED$/, is: ['proxy', true, 'not-sent'] },
  {
    error: INVALID_CERTIFICATE,
    is: ['certificate-invalid', false, 'rejected'],
  },
  {
    error: /CERT|SELF_SIGNED|UNABLE_TO_/,
    is: ['certificate-untrusted', false, 'rejected'],
  },
  { error: /^HPE_/, is: ['invalid-response', true, 'unknown'] },
  { error: /./, is: ['network', true, 'unknown'] },
  { status: [429], is: ['rate-limit', true, 'not-sent'] },
  { below: 300, is: ['invalid-response', true, 'unknown'] },
  { below: 400, is: ['invalid-response', false, 'rejected'] },
  {
    below: 500,
    codes: AUTHENTICATION,
    is: ['authentication', false, 'rejected'],
  },
  // "No route for the URI": a wrong account or address.
  { below: 500, codes: [7003], is: ['not-found', false, 'rejected'] },
  { status: [409], is: ['rejected', true, 'conflict'] },
  { status: [408, 425], is: ['server', true, 'unknown'] },
  {
    status: [401, 403],
    body: 'unexplained',
    is: ['authentication', false, 'rejected'],
  },
  { below: 500, body: 'foreign', is: ['blocked', true, 'unknown'] },
  // A write is about a recipient: the share is known by then.
  { status: [404], method: 'GET', is: ['not-found', false, 'rejected'] },
  { below: 500, is: ['rejected', false, 'rejected'] },
  { status: [501, 505, 525, 526], is: ['server', false, 'rejected'] },
  { is: ['server', true, 'unknown'] },
] as const satisfies readonly Row[];

/**
 * Why a request to Cloudflare failed. `report/failure-guide.ts` says for each
 * what to do.
 */
export type ApiFailure = (typeof TABLE)[number]['is'][0];

/** Makes text from a server safe to show: see `report/sanitize.ts`. */
export type Clean = (text: string, max: number) => string;

export interface Classification {
  readonly failure: ApiFailure;
  /** May the same request succeed later? */
  readonly retryable: boolean;
  readonly outcome: WriteOutcome;
  /** How long the server asked to wait, in milliseconds. */
  readonly retryAfterMs?: number;
}

/** A request to Cloudflare that failed. */
export class ApiError extends Error {
  /**
   * What Cloudflare, or the network, said: `1017 Recipient is not in the
   * organization`.
   */
  readonly reason: string;
  /**
   * The request, its status and its `cf-ray`: `POST …/recipients, HTTP 400,
   * cf-ray 8f1e…`.
   */
  readonly detail: string;
  readonly is: Required<Classification>;

  constructor(reason: string, detail: string, classification: Classification) {
    super(`${reason} (${detail})`);
    this.reason = reason;
    this.detail = detail;
    this.is = { retryAfterMs: 0, ...classification };
  }
}

/**
 * For `catch`: makes an ApiError a value, and leaves everything else an
 * exception.
 */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  throw error;
}

/**
 * Says what it means that a request, such as `POST …/recipients`, did not
 * succeed.
 */
export function toApiError(
  request: string,
  response: HttpResponse,
  nowMs: number,
  clean: Clean,
): ApiError {
  const { status, headers, error } = response;
  const body = parseObject(response.body);
  const [failure, mayRetry, outcome] = classify(request, response, body);
  const retryable = mayRetry && body?.['retryable'] !== false;
  const retryAfterMs =
    parseRetryAfter(headers, nowMs) ??
    (Number(body?.['retry_after']) || 0) * 1000;
  // What was not sent is decided again, if that can help.
  const unsent = retryable ? 'not-sent' : 'rejected';
  const isSent = outcome !== 'not-sent' && error?.isSent !== false;
  const is = {
    failure,
    retryable,
    outcome: isSent ? outcome : unsent,
    retryAfterMs,
  } as const;
  if (error) return new ApiError(clean(error.message, 1_000), request, is);
  const said = body
    ? describeBody(body, clean)
    : describePage(response.body, clean);
  const location =
    headers['location'] && `redirect to ${clean(headers['location'], 200)}`;
  const silent =
    status < 300
      ? 'the response is not one of the Shares API'
      : `HTTP ${status} without a reason`;
  const reason = said || location || silent;
  const ray = headers['cf-ray']
    ? `cf-ray ${clean(headers['cf-ray'], 64)}`
    : 'not from Cloudflare (no cf-ray)';
  return new ApiError(reason, `${request}, HTTP ${status}, ${ray}`, is);
}

function classify(
  request: string,
  response: HttpResponse,
  body: Record<string, unknown> | null,
) {
  const codes = codesIn(body);
  const isEnvelope =
    typeof body?.['success'] === 'boolean' || Array.isArray(body?.['errors']);
  const kind =
    body && codes.length === 0 ? 'unexplained' : isEnvelope ? null : 'foreign';
  const row = (TABLE as readonly Row[]).find(
    ({ error, status, below, method, ...row }) =>
      (!error
        ? !response.error
        : error.test(response.error?.code || 'NETWORK') && response.error) &&
      (!status || status.includes(response.status)) &&
      (!below || response.status < below) &&
      (!row.codes || row.codes.some((code) => codes.includes(code))) &&
      (!row.body || row.body === kind) &&
      (!method || request.startsWith(`${method} `)),
  );
  return (row as Row).is as readonly [ApiFailure, boolean, WriteOutcome];
}

/** @returns the object, or null where the text is not a JSON object */
export function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/**
 * The first entries of a list in a body. `messages` may hold plain text; what
 * is no object becomes an empty one.
 */
function entries(value: unknown): Record<string, unknown>[] {
  if (!Array.isArray(value)) return [];
  return value
    .slice(0, 5)
    .map((entry) =>
      typeof entry === 'string' ? { message: entry } : Object(entry),
    );
}

/**
 * All codes of the errors and of their `error_chain`, and that of a problem
 * object (RFC 9457).
 */
function codesIn(body: Record<string, unknown> | null): number[] {
  const errors = entries(body?.['errors']);
  const all = [
    ...errors,
    ...errors.flatMap(({ error_chain: chain }) => entries(chain)),
  ];
  return [...all.map(({ code }) => code), body?.['error_code']].filter(
    (code) => typeof code === 'number',
  );
}

function describeBody(body: Record<string, unknown>, clean: Clean): string {
  const part = (value: unknown) =>
    /string|number/.test(typeof value) ? clean(`${value}`, 300) : '';
  const sentence = (...values: unknown[]) =>
    values.map(part).filter(Boolean).join(' ');
  const errors = entries(body['errors']).map(
    ({ code, message, source, error_chain: chain }) => {
      const causes = entries(chain).map((cause) =>
        sentence(cause['code'], cause['message']),
      );
      const details = [...causes, part(Object(source).pointer)].filter(Boolean);
      return [
        sentence(code, message),
        ...details.map((detail) => `(${detail})`),
      ].join(' ');
    },
  );
  const messages = entries(body['messages']).map(({ code, message }) =>
    sentence(code, message),
  );
  const problem = sentence(body['error_code'], body['title'], body['detail']);
  return [...errors, ...messages, problem].filter(Boolean).join('; ');
}

/**
 * The title of an HTML page: what a firewall or a proxy says. It is cut by
 * `clean`, after secrets are removed.
 */
function describePage(text: string, clean: Clean): string {
  const title = /<title[^>]*>(.*?)<\/title/is
    .exec(text.slice(0, MAX_PAGE))?.[1]
    ?.trim();
  return title ? `page "${clean(title, 200)}"` : '';
}
