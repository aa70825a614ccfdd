/**
 * What the responses of a run show, without the code under test: the outcome
 * of every write, and the observations. These are merged: a record never
 * disappears, and of two observations of it the later `modified` wins; where
 * that is equal, the one further on its way from active to `disassociated`.
 */
import {
  type Exchange,
  RECIPIENTS,
  type SentReply,
  type Trace,
} from './world.ts';

/** Bad credentials, whatever the status. */
const AUTHENTICATION = new Set([
  1001, 6003, 6103, 6111, 9103, 9106, 9109, 10000, 10001, 10405,
]);
/** It comes with passing errors too, so it stops one target and not the run. */
const UNSTABLE = 10001;
const NO_ROUTE = [7000, 7003];
const UNSUPPORTED = [501, 505];
/** The edge did not reach the API. */
const ORIGIN_NOT_REACHED = [525, 526];
const OUTCOME_UNKNOWN = new Set([408, 425]);

export const isWrite = ({ method }: Exchange): boolean => method !== 'GET';
export const isList = ({ method, path }: Exchange): boolean =>
  method === 'GET' && path === RECIPIENTS;
/** A read of the share itself. */
export const isShareRead = ({ method, path }: Exchange): boolean =>
  method === 'GET' && `${path}/recipients` === RECIPIENTS;
export const recordIdOf = ({ path }: Exchange): string =>
  path.slice(RECIPIENTS.length + 1);
export const byEnd = (
  a: { endedSeq: number },
  b: { endedSeq: number },
): number => a.endedSeq - b.endedSeq;

/** The account or organization that a POST names. */
export function targetOf(exchange: Exchange): string {
  return remembered(targets, exchange, () => {
    const { recipient_account_id: account, organization_id: organization } =
      parse(exchange.body ?? '') ?? {};
    return `${account ?? organization}`;
  });
}

/** The invariants ask for these many times, and a finished run is constant. */
const targets = new WeakMap<Exchange, string>();
const outcomes = new WeakMap<SentReply, Outcome>();
const histories = new WeakMap<readonly Observation[], readonly Known[]>();

function remembered<K extends WeakKey, V>(
  values: WeakMap<K, V>,
  key: K,
  compute: () => V,
): V {
  const known = values.get(key);
  if (known !== undefined) return known;
  const value = compute();
  values.set(key, value);
  return value;
}

/** 0 active, 1 being removed, 2 `disassociated`. */
export function stage({ status }: { status: string }): number {
  return ['disassociating', 'disassociated'].indexOf(status) + 1;
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9_-]{1,32}$/.test(value);
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
}: Pick<Exchange, 'method' | 'response'>): Outcome | null {
  if (!response) return null;
  return remembered(outcomes, response, () => outcomeIn(method, response));
}

function outcomeIn(method: string, response: SentReply): Outcome {
  const body = response.type === 'response' ? parse(response.body) : null;
  if (isAccepted(method, response, body)) return 'accepted';
  const outcome = failedOutcomeOf(response, body);
  const isFinal = body?.['retryable'] === false;
  return outcome === 'not-sent' && isFinal ? 'rejected' : outcome;
}

/** A reply that names the new record proves that it exists. */
function isAccepted(
  method: string,
  response: SentReply,
  body: Record<string, unknown> | null,
): boolean {
  if (response.type === 'failure') return false;
  if (response.status < 200 || response.status >= 300) return false;
  if (method !== 'POST') return body?.['success'] === true;
  return isId(Object(body?.['result']).id);
}

function failedOutcomeOf(
  response: SentReply,
  body: Record<string, unknown> | null,
): Outcome {
  if (response.type === 'failure') {
    if (response.mayHaveBeenProcessed) return 'unknown';
    return response.isRetryable ? 'not-sent' : 'rejected';
  }
  const { status, headers } = response;
  const hasRay = Boolean(headers['cf-ray']);
  const isEnvelope =
    typeof body?.['success'] === 'boolean' || Array.isArray(body?.['errors']);
  if (status === 429) return 'not-sent';
  if (UNSUPPORTED.includes(status)) return 'rejected';
  if (status >= 500) {
    const isNotReached = ORIGIN_NOT_REACHED.includes(status);
    return isNotReached && (isEnvelope || hasRay) ? 'not-sent' : 'unknown';
  }
  const codes = codesIn(body);
  if (codes.some((code) => NO_ROUTE.includes(code))) return 'rejected';
  const proofs = codes.filter((code) => AUTHENTICATION.has(code));
  if (proofs.some((code) => code !== UNSTABLE)) return 'authentication';
  if (proofs.length > 0) return 'rejected';
  if (status < 300) return 'unknown';
  if (status < 400) return 'rejected';
  // A firewall or a proxy, and not the API.
  const isApi = isEnvelope || (hasRay && body && !('error_code' in body));
  if (!isApi) return 'unknown';
  if (status === 409) return 'conflict';
  if (OUTCOME_UNKNOWN.has(status)) return 'unknown';
  const isAboutCaller =
    status === 401 || (status === 403 && codes.length === 0);
  // Without a `cf-ray`, Cloudflare did not send it.
  return isAboutCaller && hasRay ? 'authentication' : 'rejected';
}

/** The codes of an error response. */
export function codesOf({ response }: Exchange): number[] {
  return codesIn(parse(bodyOf(response)));
}

export function bodyOf(response: SentReply | null): string {
  return response?.type === 'response' ? response.body : '';
}

/** The HTTP status, or why there is none, for messages. */
export function nameOfResponse({ response }: Exchange): string {
  if (!response) return 'nothing';
  return response.type === 'response' ? `${response.status}` : response.cause;
}

function codesIn(body: Record<string, unknown> | null): number[] {
  const list = (value: unknown): Record<string, unknown>[] =>
    Array.isArray(value) ? value.map((entry) => Object(entry)) : [];
  const errors = list(body?.['errors']);
  const all = [
    ...errors,
    ...errors.flatMap((error) => list(error['error_chain'])),
  ];
  return all.map(({ code }) => code).filter((code) => typeof code === 'number');
}

/**
 * Can another attempt never help? `retryable: false`, what was rejected, a
 * response over the limit.
 */
export function isFinal(exchange: Exchange): boolean {
  const { method, response } = exchange;
  const outcome = outcomeOf(exchange);
  if (!response || outcome === 'accepted') return false;
  // This code passes on reads.
  if (method === 'GET' && codesOf(exchange)[0] === UNSTABLE) {
    return codesOf(exchange).some((code) => NO_ROUTE.includes(code));
  }
  if (outcome === 'rejected' || outcome === 'authentication') return true;
  // The end of the step cut it short: that says nothing of another attempt.
  if (response.type === 'failure')
    return !response.isRetryable && response.cause !== 'timeout';
  return parse(response.body)?.['retryable'] === false;
}

/**
 * How long a response asks to wait, in milliseconds; 0 where it does not say.
 */
export function retryAfterMs({ response }: Exchange): number {
  if (response?.type !== 'response') return 0;
  const { headers, body } = response;
  const text = headers['retry-after'] ?? '';
  if (/^\d{1,9}(\.\d+)?$/.test(text)) return Number(text) * 1000;
  if (/GMT$/.test(text)) {
    return Math.max(0, Date.parse(text) - Date.parse(headers['date'] ?? ''));
  }
  // A problem object of Cloudflare's edge has it in the body.
  const seconds = parse(body)?.['retry_after'];
  return typeof seconds === 'number' ? seconds * 1000 : 0;
}

/** A record as a response shows it. */
export interface Seen {
  readonly id: string;
  /** In lower case; null where the record names no account. */
  readonly accountId: string | null;
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
export function recordsIn({ method, response }: Exchange): Seen[] {
  if (
    response?.type !== 'response' ||
    response.status < 200 ||
    response.status >= 300
  )
    return [];
  const { success, result } = parse(response.body) ?? {};
  // A reply that names the new record proves that it exists.
  if (success !== true && method !== 'POST') return [];
  return [result].flat().flatMap((value) => {
    const record = Object(value);
    if (
      typeof record.id !== 'string' ||
      (typeof record.association_status !== 'string' && method !== 'POST')
    )
      return [];
    return {
      id: record.id,
      accountId: isId(record.account_id)
        ? record.account_id.toLowerCase()
        : null,
      status: record.association_status ?? 'unknown',
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
  for (const exchange of exchanges
    .filter(({ endedSeq }) => endedSeq < endSeq)
    .toSorted(byEnd)) {
    if (
      !exchange.isGenuine ||
      outcomeOf(exchange) !== 'accepted' ||
      !exchange.path.startsWith(RECIPIENTS)
    )
      continue;
    const { sentMs, sentSeq, endedMs, endedSeq } = exchange;
    const records = recordsIn(exchange);
    const times = { sentMs, sentSeq, endedMs, endedSeq };
    if (exchange.method === 'POST') {
      // The reply carries no resources and proves nothing.
      const shown = records.map((record) => ({
        ...record,
        status: 'associating',
        errors: [],
      }));
      observations.push({ kind: 'reply', ...times, records: shown });
    } else if (isList(exchange)) {
      const page = Number(exchange.query.get('page') ?? 1);
      const earlier: Observation | undefined = page > 1 ? list : undefined;
      const ids = new Set(earlier?.records.map(({ id }) => id));
      list = {
        kind: 'list',
        ...times,
        sentMs: earlier?.sentMs ?? sentMs,
        sentSeq: earlier?.sentSeq ?? sentSeq,
        records: [...(earlier?.records ?? []), ...records],
      };
      const size = Number(
        exchange.query.get('per_page') ?? pageSizeOf(exchange),
      );
      if (
        !size ||
        records.length < size ||
        records.every(({ id }) => ids.has(id))
      )
        observations.push(list);
    } else if (exchange.method === 'GET') {
      observations.push({ kind: 'record', ...times, records });
    }
  }
  return observations;
}

function pageSizeOf({ response }: Exchange): unknown {
  return Object(parse(bodyOf(response))?.['result_info']).per_page;
}

/** What is known after some observations: of each record the later state. */
export type Known = ReadonlyMap<string, Seen>;

/** Merges what an observation shows. */
export function merge(known: Known, { records }: Observation): Known {
  const merged = new Map(known);
  for (const next of records) {
    const old = merged.get(next.id);
    if (!old) merged.set(next.id, next);
    else if (isNewer(next, old))
      merged.set(next.id, {
        ...next,
        accountId: next.accountId ?? old.accountId,
      });
  }
  return merged;
}

function isNewer(next: Seen, old: Seen): boolean {
  if (next.modifiedMs > old.modifiedMs) return true;
  if (next.modifiedMs < old.modifiedMs) return false;
  return stage(next) >= stage(old);
}

/**
 * What was known when something with this number happened.
 *
 * @param observations in the order in which they ended
 */
export function knownBefore(
  observations: readonly Observation[],
  seq: number,
): Known {
  const history = remembered(histories, observations, () =>
    historyOf(observations),
  );
  const isLater = ({ endedSeq }: Observation) => endedSeq >= seq;
  const earlier = observations.length - observations.filter(isLater).length;
  return history[earlier] ?? new Map();
}

/** What was known after 0, 1, 2, … observations. */
function historyOf(observations: readonly Observation[]): Known[] {
  const history: Known[] = [new Map()];
  for (const observation of observations)
    history.push(merge(history.at(-1) ?? new Map(), observation));
  return history;
}
