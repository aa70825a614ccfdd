/**
 * Things that go wrong between a client and the API. A scenario asks for them;
 * the API itself never fails.
 */
import { type ApiResponse, failure, type Reply, type Request } from './api.ts';

/**
 * What goes wrong. `commit` says whether the change asked for is made all the
 * same (each kind has its own default), `commitAfterMs` how much later it
 * becomes true, `delayMs` how long the response takes.
 */
export type Fault = {
  commit?: boolean;
  commitAfterMs?: number;
  delayMs?: number;
} & (
  | {
      /**
       * Another response, by default before any change. A 5xx is an edge error
       * unless `body` says otherwise.
       */
      kind: 'response';
      status: number;
      body?:
        | 'json'
        | 'html'
        | 'rfc9457'
        | 'edge'
        | 'empty'
        | { text: string; type?: string };
      code?: number;
      message?: string;
      headers?: Record<string, string>;
      /** Further members of an RFC 9457 body, such as `retryable`. */
      problem?: Record<string, unknown>;
    }
  /** By default before the change. */
  | { kind: 'reset' }
  | { kind: 'hang' }
  | { kind: 'redirect'; to: string; status?: number }
  /**
   * The real response, after the change: cut in half, not JSON, late, with
   * `bytes` of spaces, without end.
   */
  | { kind: 'truncate' }
  | { kind: 'unreadable'; text?: string }
  | { kind: 'slow' }
  | { kind: 'huge'; bytes: number }
  | { kind: 'endless' }
);

/**
 * Which requests it befalls: the `nth` that matches (from 1) and the `times -
 * 1` after it. Without either all that match, with `nth` alone just that one,
 * with `times` alone the first so many.
 */
export interface FaultRule {
  when: {
    method?: string;
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

/** Whether the request is carried out in spite of the fault. */
export function isCommitted(fault: Fault): boolean {
  return fault.commit ?? COMMITTED.has(fault.kind);
}

/**
 * The first rule that strikes; every rule counts every request that matches it,
 * also one struck by another.
 */
export function chooseFault(
  rules: readonly FaultRule[],
  counts: Map<FaultRule, number>,
  { method, path }: Request,
): Fault | undefined {
  let chosen: Fault | undefined;
  for (const rule of rules) {
    const { when } = rule;
    if (when.method !== undefined && when.method !== method) continue;
    const part = when.pathIncludes ?? '';
    if (typeof part === 'string' ? !path.includes(part) : path.search(part) < 0)
      continue;
    const count = (counts.get(rule) ?? 0) + 1;
    counts.set(rule, count);
    const times =
      when.times ?? (when.nth === undefined ? Number.POSITIVE_INFINITY : 1);
    const first = when.nth ?? 1;
    if (count >= first && count < first + times) chosen ??= rule.do;
  }
  return chosen;
}

function problem(
  status: number,
  ray: string,
  at: number,
  more: Record<string, unknown> = {},
): string {
  return JSON.stringify({
    type: `https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/error-${status}/`,
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
    retryable: RETRYABLE.includes(status),
    retry_after: RETRYABLE.includes(status) ? 60 : null,
    owner_action_required: !RETRYABLE.includes(status),
    ...more,
  });
}

function otherResponse(
  fault: Fault & { kind: 'response' },
  { headers: asked }: Request,
  { ray, at }: { ray: string; at: number },
): ApiResponse {
  const { status, headers = {} } = fault;
  let body = fault.body ?? (status >= 500 ? 'edge' : 'json');
  if (body === 'edge')
    body = /json/.test(asked['accept'] ?? '') ? 'rfc9457' : 'html';
  if (body === 'rfc9457') {
    const text = problem(status, ray, at, fault.problem);
    return {
      status,
      headers: { 'content-type': 'application/problem+json', ...headers },
      body: text,
    };
  }
  if (body === 'html') {
    const page = `<html>\r\n<head><title>${status} error</title></head>\r\n<body>\r\n<center><h1>${status} error</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n`;
    return {
      status,
      headers: { 'content-type': 'text/html; charset=UTF-8', ...headers },
      body: page,
    };
  }
  if (body === 'empty') return { status, headers, body: '' };
  if (typeof body === 'object') {
    return {
      status,
      headers: { 'content-type': body.type ?? 'application/json', ...headers },
      body: body.text,
    };
  }
  const rejection = failure(
    status,
    fault.code ?? 1000,
    fault.message ?? 'message',
  );
  return { ...rejection, headers: { ...rejection.headers, ...headers } };
}

/**
 * What the client gets when `fault` befalls a request whose `response` would
 * have been this one. `context.at` is milliseconds since the epoch.
 */
export function faultResponse(
  fault: Fault,
  response: ApiResponse,
  request: Request,
  context: { ray: string; at: number },
): Reply {
  const plain: Reply = {
    ...response,
    delivery: 'response',
    delayMs: fault.delayMs ?? 0,
  };
  switch (fault.kind) {
    case 'response':
      return { ...plain, ...otherResponse(fault, request, context) };
    case 'reset':
      return {
        ...plain,
        delivery: isCommitted(fault) ? 'reset-after' : 'reset-before',
      };
    case 'hang':
      return { ...plain, delivery: 'hang' };
    case 'redirect':
      return {
        ...plain,
        status: fault.status ?? 307,
        headers: { location: fault.to },
        body: '',
      };
    case 'truncate': {
      const headers = {
        ...response.headers,
        'content-length': String(Buffer.byteLength(response.body)),
      };
      return {
        ...plain,
        delivery: 'truncate',
        headers,
        body: response.body.slice(0, response.body.length >> 1),
      };
    }
    case 'unreadable':
      return {
        ...plain,
        body: fault.text ?? '<html>upstream said something else</html>',
      };
    case 'slow':
      return plain;
    case 'huge':
      return { ...plain, body: response.body + ' '.repeat(fault.bytes) };
    case 'endless':
      return {
        ...plain,
        delivery: 'endless',
        body: `${response.body.slice(0, -1)},"more":"${'x'.repeat(65_536)}`,
      };
  }
}
