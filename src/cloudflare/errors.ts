import type { Cause } from '../failure.ts';

/** What is known of a request that did not succeed. */
export interface RequestErrorFields {
  readonly cause: Cause;
  /** HTTP status; 0 when no answer arrived. */
  readonly status?: number;
  /** May the same request succeed if it is sent again? */
  readonly retryable?: boolean;
  /** Might a write have been carried out all the same? */
  readonly ambiguous?: boolean;
  /** How long the server asked to be left alone, in milliseconds. */
  readonly retryAfterMs?: number | null;
  /** Was it not sent because the look before it is too old? */
  readonly stale?: boolean;
}

/** A request to Cloudflare that failed. The message names the request, and what Cloudflare said of it. */
export class RequestError extends Error {
  /** The request, as messages name it. */
  readonly request: string;
  /** What was said of it, by Cloudflare or the network. */
  readonly said: string;
  readonly why: Cause;
  readonly status: number;
  readonly retryable: boolean;
  readonly ambiguous: boolean;
  readonly retryAfterMs: number | null;
  readonly stale: boolean;

  constructor(request: string, said: string, fields: RequestErrorFields) {
    const short = excerpt(said, MAX_SAID);
    super(`${request}: ${short}`);
    this.name = 'RequestError';
    this.request = request;
    this.said = short;
    this.why = fields.cause;
    this.status = fields.status ?? 0;
    this.retryable = fields.retryable ?? false;
    this.ambiguous = fields.ambiguous ?? false;
    this.retryAfterMs = fields.retryAfterMs ?? null;
    this.stale = fields.stale ?? false;
  }

  /** Was the answer no usable one of the API? Asking again at once would bring the same. */
  get isMisshapen(): boolean {
    return this.why === 'unreadable' || this.why === 'too-large';
  }
}

/** Does the request change nothing? It is told by how messages name it: `GET …/recipients`. */
export function isRead(request: string): boolean {
  return request.startsWith('GET ');
}

/** What is longer is no message; and a thousand targets may have to tell it. */
const MAX_SAID = 4_000;

/**
 * Cuts what a server said, before anybody works on it. It is cut between two words: secrets have no blanks, so that
 * half of one never remains where it could not be recognised any more.
 * @param max longest result, in UTF-16 code units, the ellipsis not counted
 */
export function excerpt(text: string, max: number): string {
  if (text.length <= max) return text;
  let end = max;
  while (end > 0 && /\S/.test(text.charAt(end))) end--;
  // A copy, because a slice would keep the whole text in memory.
  return `${Buffer.from(text.slice(0, end).trimEnd()).toString()}…`;
}

const CERTIFICATE_CODE = /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)/;

/**
 * Says why a request that got no answer failed.
 * @param error whatever the HTTP client threw
 * @returns the cause and one sentence made of the messages along the `cause` chain
 */
export function describeNetworkError(error: unknown): { cause: Cause; said: string } {
  const messages: string[] = [];
  let code = '';
  for (let e: unknown = error, depth = 0; e instanceof Error && depth < 5; depth++) {
    const own = e as Error & { code?: unknown; errors?: unknown };
    if (typeof own.code === 'string') code ||= own.code;
    const inner = Array.isArray(own.errors) ? own.errors.find((one) => one instanceof Error) : undefined;
    const message = e.message || code;
    if (message && !messages.some((known) => known.includes(message))) messages.push(message);
    e = e.cause ?? inner;
  }
  const said = messages.join(': ') || String(error);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return { cause: 'dns', said };
  if (CERTIFICATE_CODE.test(code)) return { cause: 'tls', said };
  return { cause: 'network', said };
}

/**
 * Reads `Retry-After`: whole seconds or an HTTP date (RFC 9110, section 10.2.3), which is compared with the `Date` of
 * the same answer where it has one, because the clock of a runner may be wrong.
 * @param headers of the answer, their names in lower case
 * @param nowMs the time now, milliseconds since the epoch
 * @returns milliseconds to wait, or null when there is nothing usable
 */
export function parseRetryAfter(headers: Readonly<Record<string, string>>, nowMs: number): number | null {
  const text = headers['retry-after']?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const atMs = parseDate(text);
  return atMs === null ? null : Math.max(0, atMs - (parseDate(headers['date']) ?? nowMs));
}

function parseDate(text = ''): number | null {
  const atMs = /[a-z]{3}/i.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? null : atMs;
}
