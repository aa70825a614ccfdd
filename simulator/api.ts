/**
 * Cloudflare's Resource Sharing API as it is published, in memory and on a
 * clock that is handed in.
 *
 * Covered: the shares of an account (GET), one of them (GET), its recipients
 * (GET, POST) and one of them (GET, DELETE). There are no timers: every record
 * carries its whole future as a list of events, and a request sees those up to
 * now. That is why a stale read is only the state of an earlier moment.
 */
import { credentialOf } from './credentials.ts';
import {
  chooseFault,
  type Fault,
  type FaultRule,
  faultResponse,
  isCommitted,
} from './faults.ts';
import type { RecipientSeed, ShareSeed, SharesApiOptions } from './options.ts';
import {
  type LoggedRequest,
  parseJson,
  type Reply,
  type Request,
  reject,
} from './protocol.ts';
import { createRateLimit } from './rate-limit.ts';
import {
  addRecipient,
  addShare,
  createStore,
  type Recipient,
  recipientAt,
  type Store,
} from './records.ts';
import { applyRequest } from './routes.ts';

export type { ShareSeed, SharesApiOptions } from './options.ts';
export type { LoggedRequest, Reply } from './protocol.ts';

export interface SharesApi {
  respond(request: Request): Reply;
  addShare(seed: ShareSeed): void;
  /** Returns the record's ID. */
  addRecipient(shareId: string, seed: RecipientSeed): string;
  /**
   * The records as they are now, or were at a time, with their resources,
   * whatever reads may show.
   */
  records(shareId: string, at?: number): Recipient[];
  readonly requests: LoggedRequest[];
  /** POSTs that named no target, and so shared with the whole organization. */
  readonly wholeOrganizationPosts: LoggedRequest[];
}

function logEntry(
  { method, headers, body }: Request,
  { pathname, searchParams }: URL,
  at: number,
): LoggedRequest {
  return {
    at,
    method,
    path: pathname,
    query: Object.fromEntries(searchParams),
    headers: { ...headers },
    body: parseJson(body) ?? body,
    status: 0,
    delivery: 'response',
    carriedOut: false,
  };
}

function rayOf(n: number): string {
  return `8f1e${n.toString(16).padStart(12, '0')}-SIM`;
}

function allRecords(store: Store, shareId: string, at: number): Recipient[] {
  const records = store.shares.get(shareId)?.records ?? [];
  return records
    .map((record) => recipientAt(record, at, store.options))
    .filter((recipient) => recipient !== undefined);
}

/**
 * A fresh API with nothing in it but `options.shares`. `now` gives milliseconds
 * since the epoch and is the only clock; randomness comes from `newId` alone.
 */
export function createSharesApi(options: SharesApiOptions): SharesApi {
  const { now, staleMs = 0 } = options;
  const store = createStore(options);
  const meter = createRateLimit(options.rateLimit);
  const matches = new Map<FaultRule, number>();
  const requests: LoggedRequest[] = [];
  const wholeOrganizationPosts: LoggedRequest[] = [];

  function faultOf(request: Request): Fault | undefined {
    return (
      options.fault?.(request, requests.length) ??
      chooseFault(options.faults ?? [], matches, request)
    );
  }

  function respond(request: Request): Reply {
    const at = now();
    const url = new URL(request.path, 'http://simulator');
    const entry = logEntry(request, url, at);
    requests.push(entry);

    const fault = faultOf(request);
    const { headers, isBlocked } = meter(
      credentialOf(request, options).key,
      at,
    );
    const ray = rayOf(requests.length);
    headers['cf-ray'] = ray;
    headers['date'] = new Date(at).toUTCString();

    entry.carriedOut = !isBlocked && (!fault || isCommitted(fault));
    const exchange = {
      request,
      entry,
      query: url.searchParams,
      at,
      writeAt: at + (fault?.commitAfterMs ?? 0),
      read: { at: at - staleMs, counts: !fault || fault.kind === 'slow' },
    };
    const response = entry.carriedOut
      ? applyRequest(store, exchange, wholeOrganizationPosts)
      : reject(isBlocked ? 'limited' : 'unavailable');
    const reply: Reply = fault
      ? faultResponse(fault, response, request, { ray, at })
      : { ...response, delivery: 'response', delayMs: 0 };

    entry.status = reply.status;
    entry.delivery = reply.delivery;
    if (fault?.withoutRay) delete headers['cf-ray'];
    return { ...reply, headers: { ...headers, ...reply.headers } };
  }

  for (const { recipients = [], ...share } of options.shares ?? []) {
    addShare(store, share);
    for (const recipient of recipients)
      addRecipient(store, share.shareId, recipient);
  }
  return {
    respond,
    addShare: (seed) => addShare(store, seed),
    addRecipient: (shareId, seed) => addRecipient(store, shareId, seed),
    records: (shareId, at = now()) => allRecords(store, shareId, at),
    requests,
    wholeOrganizationPosts,
  };
}
