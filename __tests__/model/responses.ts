/**
 * What the responses of a run show, read from the design and without the code
 * under test: the outcome of every write (rules 7, 10 and 15) and the merged
 * observations (section 4, "Consistency model").
 */
import { type Exchange, OWNER, SHARE, type Trace } from './world.ts';

export const RECIPIENTS = `/accounts/${OWNER}/shares/${SHARE}/recipients`;

const AUTHENTICATION = new Set([
  6003, 6103, 6111, 9103, 9106, 9109, 10000, 10001, 10405,
]);
const NOT_PROCESSED = new Set([501, 505, 525, 526]);
const OUTCOME_UNKNOWN = new Set([408, 425]);

export const isWrite = ({ method }: Exchange): boolean => method !== 'GET';
export const isList = ({ method, path }: Exchange): boolean =>
  method === 'GET' && path === RECIPIENTS;
export const recordIdOf = ({ path }: Exchange): string =>
  path.slice(RECIPIENTS.length + 1);
export const byEnd = (
  a: { endedSeq: number },
  b: { endedSeq: number },
): number => a.endedSeq - b.endedSeq;

/** The account or organization that a POST names. */
export function targetOf({ body }: Exchange): string {
  const { recipient_account_id: account, organization_id: organization } =
    parse(body ?? '') ?? {};
  return `${account ?? organization}`;
}

/** 0 active, 1 being removed, 2 `disassociated`. */
export function stage({ status }: { status: string }): number {
  return ['disassociating', 'disassociated'].indexOf(status) + 1;
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && !Array.isArray(value)
      ? (value as Record<string, unknown> | null)
      : null;
  } catch {
    return null;
  }
}

/**
 * What is known of a write from its response. `not-sent`: nothing was
 * processed, and it may be decided again. `conflict`: 409. `unknown`: it may
 * have been carried out.
 */
export type Outcome =
  | 'accepted'
  | 'not-sent'
  | 'unknown'
  | 'conflict'
  | 'rejected'
  | 'authentication';

/** @returns null while there is no response */
export function outcomeOf({
  method,
  response,
  isGenuine,
}: Exchange): Outcome | null {
  if (!response) return null;
  const { status, error } = response;
  if (error)
    return /^PROXY|CERT/.test(error.code) || !error.isSent
      ? 'not-sent'
      : 'unknown';
  if (status === 429) return 'not-sent';
  // The result of a DELETE proves nothing, so it may say anything.
  const isDeleted =
    method === 'DELETE' && parse(response.body)?.['success'] === true;
  if (status < 300) return isGenuine || isDeleted ? 'accepted' : 'unknown';
  if (status < 400) return 'rejected';
  if (status >= 500) return NOT_PROCESSED.has(status) ? 'rejected' : 'unknown';
  const body = parse(response.body);
  const codes = codesIn(body);
  if (codes.some((code) => AUTHENTICATION.has(code))) return 'authentication';
  if (codes.includes(7003)) return 'rejected';
  if (status === 409) return 'conflict';
  if (OUTCOME_UNKNOWN.has(status)) return 'unknown';
  if (body && codes.length === 0)
    return status === 401 || status === 403 ? 'authentication' : 'rejected';
  // A page of HTML or an edge error: not the API.
  return Array.isArray(body?.['errors']) ? 'rejected' : 'unknown';
}

/** The codes of an error response. */
export function codesOf({ response }: Exchange): number[] {
  return codesIn(parse(response?.body ?? ''));
}

function codesIn(body: Record<string, unknown> | null): number[] {
  const list = (value: unknown): Record<string, unknown>[] =>
    Array.isArray(value) ? value.map((one) => Object(one)) : [];
  const errors = list(body?.['errors']);
  const all = [
    ...errors,
    ...errors.flatMap((error) => list(error['error_chain'])),
  ];
  return [...all.map(({ code }) => code), body?.['error_code']].filter(
    (code) => typeof code === 'number',
  );
}

/**
 * Can another attempt never help? `retryable: false`, what was rejected, a
 * response over the limit.
 */
export function isFinal(exchange: Exchange): boolean {
  const { response } = exchange;
  const outcome = outcomeOf(exchange);
  if (!response || outcome === 'accepted') return false;
  if (outcome === 'rejected' || outcome === 'authentication') return true;
  const { error, status } = response;
  if (error) {
    const isProxyRule = error.code === 'PROXY_REJECTED' && status < 500;
    return (
      isProxyRule || error.code === 'TOO_LARGE' || error.code.includes('CERT')
    );
  }
  return status >= 300 && parse(response.body)?.['retryable'] === false;
}

/**
 * How long a response asks to wait, in milliseconds; 0 where it does not say.
 */
export function retryAfterMs({ response }: Exchange): number {
  const headers = response?.headers ?? {};
  const text = headers['retry-after'] ?? '';
  if (/^\d{1,9}(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const ms = /GMT$/.test(text)
    ? Date.parse(text) - Date.parse(headers['date'] ?? '')
    : 0;
  return Math.max(0, ms || 0);
}

/** A record as a response shows it. */
export interface Seen {
  readonly id: string;
  readonly accountId: string;
  readonly status: string;
  readonly created: string;
  readonly modifiedMs: number;
  readonly errors: readonly { readonly terminal: boolean }[];
}

/**
 * What one genuine response shows: a whole list, one record, or the reply to a
 * POST.
 */
export interface Observation {
  readonly kind: 'list' | 'record' | 'reply';
  readonly sentMs: number;
  readonly sentSeq: number;
  readonly endedMs: number;
  readonly endedSeq: number;
  readonly records: readonly Seen[];
}

/** The records in a successful response, whatever was done to it. */
export function recordsIn({ response }: Exchange): Seen[] {
  if (
    !response ||
    response.error ||
    response.status < 200 ||
    response.status >= 300
  )
    return [];
  const { success, result } = parse(response.body) ?? {};
  if (success !== true) return [];
  return [result].flat().flatMap((value) => {
    const record = Object(value);
    if (
      typeof record.id !== 'string' ||
      typeof record.association_status !== 'string'
    )
      return [];
    return {
      id: record.id,
      accountId: record.account_id,
      status: record.association_status,
      created: record.created,
      modifiedMs: Date.parse(record.modified),
      errors: [record.resources ?? []].flat().filter((entry) => entry?.error),
    };
  });
}

/**
 * All genuine observations, in the order in which they ended. Lists that were
 * not read to their end are none.
 */
export function observationsOf({ exchanges, endSeq }: Trace): Observation[] {
  const observations: Observation[] = [];
  let list: Observation | undefined;
  for (const one of exchanges
    .filter(({ endedSeq }) => endedSeq < endSeq)
    .toSorted(byEnd)) {
    if (
      !one.isGenuine ||
      outcomeOf(one) !== 'accepted' ||
      !one.path.startsWith(RECIPIENTS)
    )
      continue;
    const { sentMs, sentSeq, endedMs, endedSeq } = one;
    const records = recordsIn(one);
    const times = { sentMs, sentSeq, endedMs, endedSeq };
    if (one.method === 'POST') {
      // The reply carries no resources and proves nothing.
      const shown = records.map((record) => ({
        ...record,
        status: 'associating',
        errors: [],
      }));
      observations.push({ kind: 'reply', ...times, records: shown });
    } else if (isList(one)) {
      const page = Number(one.query.get('page') ?? 1);
      const earlier: Observation | undefined = page > 1 ? list : undefined;
      const ids = new Set(earlier?.records.map(({ id }) => id));
      list = {
        kind: 'list',
        ...times,
        sentMs: earlier?.sentMs ?? sentMs,
        sentSeq: earlier?.sentSeq ?? sentSeq,
        records: [...(earlier?.records ?? []), ...records],
      };
      const size = Number(one.query.get('per_page') ?? pageSizeOf(one));
      if (
        !size ||
        records.length < size ||
        records.every(({ id }) => ids.has(id))
      )
        observations.push(list);
    } else if (one.method === 'GET') {
      observations.push({ kind: 'record', ...times, records });
    }
  }
  return observations;
}

function pageSizeOf({ response }: Exchange): unknown {
  return Object(parse(response?.body ?? '')?.['result_info']).per_page;
}

/** What is known after some observations: of each record the later state. */
export type Known = ReadonlyMap<string, Seen>;

/** Merges what an observation shows. */
export function merge(known: Known, { records }: Observation): Known {
  const merged = new Map(known);
  for (const next of records) {
    const old = merged.get(next.id);
    const isLater = !old || isNewer(next, old);
    if (isLater) merged.set(next.id, next);
  }
  return merged;
}

function isNewer(next: Seen, old: Seen): boolean {
  if (next.modifiedMs > old.modifiedMs) return true;
  if (next.modifiedMs < old.modifiedMs) return false;
  return stage(next) >= stage(old);
}

/** What was known when something with this number happened. */
export function knownBefore(
  observations: readonly Observation[],
  seq: number,
): Known {
  const earlier = observations.filter(({ endedSeq }) => endedSeq < seq);
  return earlier.reduce<Known>(merge, new Map());
}
