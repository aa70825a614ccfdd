/**
 * Things that go wrong between a client and the API. A scenario asks for them;
 * the API itself never fails.
 */
import {
  type ApiResponse,
  failure,
  type Reply,
  type Request,
} from './protocol.ts';

/** What every kind of fault can say besides. */
interface FaultBase {
  /** Whether the change asked for is made; each kind has its own default. */
  commit?: boolean;
  /** How much later the change becomes true. */
  commitAfterMs?: number;
  /** How long the response takes. */
  delayMs?: number;
  /** The response has no `cf-ray`, so it came from something else. */
  withoutRay?: boolean;
}

/**
 * Another response, by default before any change. A 5xx is an edge error unless
 * `body` says otherwise.
 */
interface OtherResponse extends FaultBase {
  kind: 'response';
  /** The HTTP status. */
  status: number;
  /**
   * `json` is the failure envelope (default below 500). `edge` (default from
   * 500) is `rfc9457` for a client that accepts JSON, otherwise `html`.
   */
  body?:
    | 'json'
    | 'html'
    | 'rfc9457'
    | 'edge'
    | 'empty'
    | { text: string; type?: string };
  /** The code and message of the failure envelope. */
  code?: number;
  message?: string;
  /** Added to the response, names in lower case. */
  headers?: Record<string, string>;
  /** Further members of an RFC 9457 body, such as `retryable`. */
  problem?: Record<string, unknown>;
}

/** The connection is reset, by default before the change. */
interface Reset extends FaultBase {
  kind: 'reset';
}

/** Nothing is ever sent; by default nothing is changed. */
interface Hang extends FaultBase {
  kind: 'hang';
}

/** A redirect, by default before the change. */
interface Redirect extends FaultBase {
  kind: 'redirect';
  /** The `location`. */
  to: string;
  /** Default 307. */
  status?: number;
}

/** The real response, after the change, cut in half. */
interface Truncate extends FaultBase {
  kind: 'truncate';
}

/** The real status, after the change, with a text that is not JSON. */
interface Unreadable extends FaultBase {
  kind: 'unreadable';
  /** Default an HTML page. */
  text?: string;
}

/** The real response, after the change, `delayMs` late. */
interface Slow extends FaultBase {
  kind: 'slow';
}

/** The real response, after the change, with so many spaces behind it. */
interface Huge extends FaultBase {
  kind: 'huge';
  bytes: number;
}

/** A response, after the change, that never ends. */
interface Endless extends FaultBase {
  kind: 'endless';
}

export type Fault =
  | OtherResponse
  | Reset
  | Hang
  | Redirect
  | Truncate
  | Unreadable
  | Slow
  | Huge
  | Endless;

/**
 * Which requests a fault strikes: the `nth` that matches (from 1) and the
 * `times - 1` after it. Without either all that match, with `nth` alone just
 * that one, with `times` alone the first so many.
 */
export interface FaultRule {
  when: {
    /** In upper case. */
    method?: string;
    /** Sought in path and query. */
    pathIncludes?: string | RegExp;
    nth?: number;
    times?: number;
  };
  do: Fault;
}

const COMMITTED: ReadonlySet<Fault['kind']> = new Set([
  'truncate',
  'unreadable',
  'slow',
  'huge',
  'endless',
]);
// Published for the edge's own 5xx responses, 2026-04-27.
const RETRYABLE = [500, 502, 504, 520, 521, 522, 523, 524];
const ENDLESS_PART = 65_536;

/** Whether the request is carried out in spite of the fault. */
export function isCommitted(fault: Fault): boolean {
  return fault.commit ?? COMMITTED.has(fault.kind);
}

function isMatch({ when }: FaultRule, { method, path }: Request): boolean {
  if (when.method !== undefined && when.method !== method) return false;
  const part = when.pathIncludes ?? '';
  return typeof part === 'string'
    ? path.includes(part)
    : path.search(part) >= 0;
}

/** Whether a rule strikes the request that it counted as this one. */
function strikes({ when }: FaultRule, count: number): boolean {
  const first = when.nth ?? 1;
  const defaultTimes = when.nth === undefined ? Number.POSITIVE_INFINITY : 1;
  const times = when.times ?? defaultTimes;
  return first <= count && count < first + times;
}

/**
 * The first rule that strikes. Every rule counts every request that matches it,
 * even one struck by another.
 */
export function chooseFault(
  rules: readonly FaultRule[],
  counts: Map<FaultRule, number>,
  request: Request,
): Fault | undefined {
  let chosen: Fault | undefined;
  for (const rule of rules) {
    if (!isMatch(rule, request)) continue;
    const count = (counts.get(rule) ?? 0) + 1;
    counts.set(rule, count);
    if (strikes(rule, count)) chosen ??= rule.do;
  }
  return chosen;
}

/** What a fault may need to know of the request. */
interface Context {
  /** The `cf-ray` of the response. */
  ray: string;
  /** Milliseconds since the epoch. */
  at: number;
}

const HELP =
  'https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors';

function problem(
  { status, problem: more, headers }: OtherResponse,
  { ray, at }: Context,
): ApiResponse {
  const isRetryable = RETRYABLE.includes(status);
  const members = {
    type: `${HELP}/error-${status}/`,
    title: `Error ${status}`,
    status,
    detail: 'The origin web server did not give a usable response.',
    instance: ray,
    error_code: status,
    error_name: 'origin_error',
    error_category: 'origin',
    ray_id: ray.split('-')[0],
    timestamp: new Date(at).toISOString(),
    zone: 'api.cloudflare.com',
    cloudflare_error: true,
    retryable: isRetryable,
    retry_after: isRetryable ? 60 : null,
    owner_action_required: !isRetryable,
    ...more,
  };
  return {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
    body: JSON.stringify(members),
  };
}

function htmlPage({ status, headers }: OtherResponse): ApiResponse {
  const lines = [
    '<html>',
    `<head><title>${status} error</title></head>`,
    '<body>',
    `<center><h1>${status} error</h1></center>`,
    '<hr><center>cloudflare</center>',
    '</body>',
    '</html>',
    '',
  ];
  return {
    status,
    headers: { 'content-type': 'text/html; charset=UTF-8', ...headers },
    body: lines.join('\r\n'),
  };
}

function edgeError(
  fault: OtherResponse,
  request: Request,
  context: Context,
): ApiResponse {
  const acceptsJson = /json/.test(request.headers['accept'] ?? '');
  return acceptsJson ? problem(fault, context) : htmlPage(fault);
}

function envelope(fault: OtherResponse): ApiResponse {
  const { status, code = 1000, message = 'message' } = fault;
  const rejection = failure(status, code, message);
  return { ...rejection, headers: { ...rejection.headers, ...fault.headers } };
}

function otherResponse(
  fault: OtherResponse,
  request: Request,
  context: Context,
): ApiResponse {
  const { status, headers = {} } = fault;
  const body = fault.body ?? (status >= 500 ? 'edge' : 'json');
  switch (body) {
    case 'edge':
      return edgeError(fault, request, context);
    case 'rfc9457':
      return problem(fault, context);
    case 'html':
      return htmlPage(fault);
    case 'empty':
      return { status, headers, body: '' };
    case 'json':
      return envelope(fault);
    default: {
      const { text, type = 'application/json' } = body;
      return {
        status,
        headers: { 'content-type': type, ...headers },
        body: text,
      };
    }
  }
}

function truncated({ status, headers, body }: ApiResponse): ApiResponse {
  const promised = String(Buffer.byteLength(body));
  return {
    status,
    headers: { ...headers, 'content-length': promised },
    body: body.slice(0, body.length >> 1),
  };
}

/** The padding is no part of the body: as one text, it would take seconds. */
function padded(reply: Reply, bytes: number): Reply {
  const promised = String(Buffer.byteLength(reply.body) + bytes);
  return {
    ...reply,
    headers: { ...reply.headers, 'content-length': promised },
    paddingBytes: bytes,
  };
}

/**
 * What the client gets when `fault` strikes a request whose `response` would
 * have been this one.
 */
export function faultResponse(
  fault: Fault,
  response: ApiResponse,
  request: Request,
  context: Context,
): Reply {
  const plain: Reply = {
    ...response,
    delivery: 'response',
    delayMs: fault.delayMs ?? 0,
  };
  switch (fault.kind) {
    case 'response':
      return { ...plain, ...otherResponse(fault, request, context) };
    case 'reset': {
      const delivery = isCommitted(fault) ? 'reset-after' : 'reset-before';
      return { ...plain, delivery };
    }
    case 'hang':
      return { ...plain, delivery: 'hang' };
    case 'redirect':
      return {
        ...plain,
        status: fault.status ?? 307,
        headers: { location: fault.to },
        body: '',
      };
    case 'truncate':
      return { ...plain, ...truncated(response), delivery: 'truncate' };
    case 'unreadable':
      return {
        ...plain,
        body: fault.text ?? '<html>upstream said something else</html>',
      };
    case 'slow':
      return plain;
    case 'huge':
      return padded(plain, fault.bytes);
    case 'endless':
      return {
        ...plain,
        delivery: 'endless',
        body: `${response.body.slice(0, -1)},"more":"${'x'.repeat(ENDLESS_PART)}`,
      };
  }
}
