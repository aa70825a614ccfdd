/**
 * Cloudflare's Resource Sharing API as it is published, in memory and on a
 * clock that is handed in.
 *
 * Covered: a share (GET), its recipients (GET, POST) and one of them (GET,
 * DELETE). There are no timers: every record carries its whole future as a list
 * of dated events, and a request sees the events up to now. That is why a stale
 * read is only the state of an earlier moment.
 */
import { randomBytes } from 'node:crypto';
import {
  chooseFault,
  type Fault,
  type FaultRule,
  faultResponse,
  isCommitted,
} from './faults.ts';
import {
  type Association,
  associate,
  combine,
  disassociate,
  type ResourceEntry,
  settleRemoval,
  stateAt,
  type Timeline,
} from './timeline.ts';

export interface Request {
  method: string;
  /** `/accounts/…?query`, without the base path `/client/v4`. */
  path: string;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
}

export interface ApiResponse {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/**
 * What is sent and how. `reset-…`: the connection is reset without a response,
 * before or after the change was made. `hang`: nothing is ever sent.
 * `truncate`: `body` is the part that arrives, `content-length` promises more.
 * `endless`: `body` is repeated until the peer goes away. `delayMs` passes
 * before any of it.
 */
export interface Reply extends ApiResponse {
  delivery:
    | 'response'
    | 'reset-before'
    | 'reset-after'
    | 'hang'
    | 'truncate'
    | 'endless';
  delayMs: number;
}

interface ShareResourceSeed {
  resourceId?: string;
  type?: string;
}

export interface ShareSeed {
  accountId: string;
  shareId: string;
  name: string;
  accountName?: string;
  targetType?: 'account' | 'organization';
  status?: 'active' | 'deleting' | 'deleted';
  /** When given, a POST for any other organization is rejected. */
  organizationId?: string;
  resources?: ShareResourceSeed[];
}

/**
 * A record that is there from the start. Without `settle` a transient status
 * settles as `timelines` say. A `settle` that says anything about associating
 * says all.
 */
interface RecipientSeed {
  accountId?: string;
  organizationId?: string;
  id?: string;
  status: string;
  /** Milliseconds since the epoch; default a day ago. */
  created?: number;
  /**
   * When it was removed, milliseconds since the epoch; until then it had
   * `status`.
   */
  removed?: number;
  resources?: ResourceEntry[] | null;
  settle?: Timeline;
}

interface Recipient {
  id: string;
  account_id: string;
  organization_id?: string;
  association_status: string;
  created: string;
  modified: string;
  resources?: ResourceEntry[] | null;
}

export interface LoggedRequest {
  at: number;
  method: string;
  path: string;
  query: Record<string, string>;
  headers: Record<string, string>;
  /** Parsed when it is JSON, else the text. */
  body: unknown;
  /** The status decided on, also where the delivery let nothing arrive. */
  status: number;
  delivery: Reply['delivery'];
  /** False where a fault or the rate limit came before the API. */
  carriedOut: boolean;
  /** The record that a POST made or took up again. */
  recipientId?: string;
}

export interface SharesApiOptions {
  now: () => number;
  /** Ids of new records; default 32 random hex digits. */
  newId?: () => string;
  shares?: Array<ShareSeed & { recipients?: RecipientSeed[] }>;
  /**
   * The timeline of every recipient, and per account or organization id what
   * differs from it. One that says anything about associating says all.
   */
  timeline?: Timeline;
  timelines?: Record<string, Timeline>;
  /**
   * What a POST for a live record does is not published: it is rejected with
   * 409, or makes a second record.
   */
  duplicates?: 'reject' | 'accept';
  /**
   * Whether a POST takes up the account's disassociated record again, with its
   * id, is not published either; default a new record.
   */
  reuseRecords?: boolean;
  /**
   * Gives lists in pages of this many records although the request asks for
   * none; default one response for all.
   */
  pageSize?: number;
  /**
   * What `total_count` of a page says, as in the published example; default the
   * number of records.
   */
  totalCount?: number;
  rejectAccounts?: Record<
    string,
    { status: number; code: number; message: string }
  >;
  rejectDeleteWhileAssociating?: boolean;
  /**
   * Which member carries the id of an organization recipient; not published.
   */
  organizationRecords?: 'account_id' | 'organization_id' | 'neither';
  /** Accepted credentials; default any that are not empty. */
  tokens?: string[];
  readOnlyTokens?: string[];
  keys?: Array<{ email: string; key: string }>;
  /**
   * Requests in a window for each credential; then all are blocked. Default
   * 1200 in 300 s, blocked 300 s.
   */
  rateLimit?: { quota: number; windowMs: number; blockMs: number };
  /** Reads show the state of so many milliseconds ago. */
  staleMs?: number;
  faults?: FaultRule[];
  /** Asked before `faults`; `n` counts all requests from 1. */
  fault?: (request: Request, n: number) => Fault | undefined;
}

export interface SharesApi {
  respond(request: Request): Reply;
  addShare(seed: ShareSeed): void;
  /** Returns the record's id. */
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

interface RecipientRecord extends Association {
  id: string;
  target: { accountId: string } | { organizationId: string };
  /**
   * Shown as `account_id` of an organization recipient whose id is in neither
   * member.
   */
  memberId: string;
}

interface Share extends ShareSeed {
  created: number;
  records: RecipientRecord[];
  items: Array<
    Record<string, unknown> & { status: string; resource_type: string }
  >;
}

/**
 * One request on its way through the API; `writeAt` is when its change, if any,
 * becomes true.
 */
interface Exchange {
  request: Request;
  entry: LoggedRequest;
  query: URLSearchParams;
  at: number;
  writeAt: number;
}

const DAY = 86_400_000;
const ROUTE =
  /^\/accounts\/([\w-]{1,32})\/shares\/([\w-]{1,32})(\/recipients(?:\/([\w-]{1,32}))?)?$/;

// Only 1004, 7003 and 10000 are known of this API; the others are made up so
// that nobody can rely on them.
const ERRORS = {
  body: [400, 1001, 'Request body is not valid JSON'],
  field: [400, 1002, 'Invalid request body'],
  paging: [400, 1003, 'page must be at least 1 and per_page between 1 and 100'],
  unknown: [404, 1004, 'Not found'],
  duplicate: [409, 1010, 'A recipient for this account already exists'],
  own: [400, 1011, 'The share owner cannot be a recipient'],
  shareGone: [409, 1012, 'The share is being deleted'],
  target: [
    400,
    1013,
    'Recipients of an organization-targeted share cannot be modified',
  ],
  foreign: [400, 1014, 'Not the organization of the share owner'],
  associating: [409, 1015, 'The recipient is still associating'],
  route: [404, 7003, 'No route for the URI'],
  method: [405, 10405, 'Method not allowed'],
  missing: [401, 10000, 'Authentication error'],
  denied: [403, 10000, 'Authentication error'],
  unavailable: [503, 1016, 'Not available'],
  limited: [429, 971, 'Please wait and consider throttling your request speed'],
} as const;

function ok(result: unknown, status = 200, resultInfo?: object): ApiResponse {
  const envelope = { success: true, errors: [], messages: [], result };
  const body = JSON.stringify(
    resultInfo ? { ...envelope, result_info: resultInfo } : envelope,
  );
  return { status, headers: { 'content-type': 'application/json' }, body };
}

/** The published failure envelope. */
export function failure(
  status: number,
  code: number,
  message: string,
): ApiResponse {
  const body = JSON.stringify({
    success: false,
    errors: [{ code, message }],
    messages: [],
    result: null,
  });
  return { status, headers: { 'content-type': 'application/json' }, body };
}

function reject(kind: keyof typeof ERRORS): ApiResponse {
  const [status, code, message] = ERRORS[kind];
  return failure(status, code, message);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const iso = (ms: number): string => new Date(ms).toISOString();
const isLive = (status: string | undefined): boolean =>
  status !== undefined && !status.startsWith('disassociat');
const targetId = ({ target }: RecipientRecord): string =>
  'accountId' in target ? target.accountId : target.organizationId;

/**
 * A fresh API with nothing in it but `options.shares`. `now` gives milliseconds
 * since the epoch and is the only clock; randomness comes from `newId` alone.
 */
export function createSharesApi(options: SharesApiOptions): SharesApi {
  const {
    now,
    newId = () => randomBytes(16).toString('hex'),
    staleMs = 0,
  } = options;
  const limit = options.rateLimit ?? {
    quota: 1200,
    windowMs: 300_000,
    blockMs: 300_000,
  };
  const shares = new Map<string, Share>();
  const meters = new Map<
    string,
    { count: number; opened: number; blockedUntil: number }
  >();
  const matches = new Map<FaultRule, number>();
  const requests: LoggedRequest[] = [];
  const wholeOrganizationPosts: LoggedRequest[] = [];

  function addShare(seed: ShareSeed): void {
    const created = now() - 30 * DAY;
    const items = (seed.resources ?? []).map((item) => ({
      id: newId(),
      created: iso(created),
      modified: iso(created),
      meta: {},
      resource_account_id: seed.accountId,
      resource_id: item.resourceId ?? newId(),
      resource_type: item.type ?? 'gateway-policy',
      resource_version: 1,
      status: 'active',
    }));
    shares.set(seed.shareId, { ...seed, created, records: [], items });
  }

  function newRecord(
    share: Share,
    target: RecipientRecord['target'],
    created: number,
    id = newId(),
  ): RecipientRecord {
    const key =
      'accountId' in target ? target.accountId : target.organizationId;
    const timeline = combine(options.timeline ?? {}, options.timelines?.[key]);
    const record: RecipientRecord = {
      id,
      target,
      memberId: '',
      created,
      timeline,
      events: [],
      errors: [],
    };
    if (options.organizationRecords === 'neither') record.memberId = newId();
    share.records.push(record);
    return record;
  }

  function addRecipient(shareId: string, seed: RecipientSeed): string {
    const share = shares.get(shareId);
    if (!share) throw new Error(`no such share: ${shareId}`);
    const { accountId = newId(), organizationId } = seed;
    const target =
      organizationId === undefined ? { accountId } : { organizationId };
    const record = newRecord(
      share,
      target,
      seed.created ?? now() - DAY,
      seed.id,
    );
    record.timeline = combine(record.timeline, seed.settle);
    record.events.push({
      at: record.created,
      status: seed.status,
      resources: seed.resources ?? [],
    });
    if (seed.status === 'disassociating') settleRemoval(record, now());
    else if (seed.status === 'associating' || seed.settle)
      associate(record, now());
    if (seed.removed !== undefined) disassociate(record, seed.removed);
    return record.id;
  }

  function show(
    record: RecipientRecord,
    t: number,
    withResources: boolean,
  ): Recipient | undefined {
    const state = stateAt(record, t);
    if (!state) return undefined;
    const shown: Recipient = {
      id: record.id,
      account_id: targetId(record),
      association_status: state.status,
      created: iso(record.created),
      modified: iso(state.modified),
    };
    if (
      'organizationId' in record.target &&
      options.organizationRecords !== undefined
    ) {
      shown.account_id =
        options.organizationRecords === 'account_id'
          ? targetId(record)
          : record.memberId;
      if (options.organizationRecords === 'organization_id')
        shown.organization_id = targetId(record);
    }
    if (withResources) shown.resources = state.resources;
    return shown;
  }

  /**
   * Who is asking: a key for the rate limit, and what this credential may do.
   */
  function credential({ headers }: Request): {
    key: string;
    may: 'nothing' | 'read' | 'write';
  } {
    const token = /^Bearer (\S+)$/.exec(headers['authorization'] ?? '')?.[1];
    if (token !== undefined) {
      const key = `token ${token}`;
      if (options.readOnlyTokens?.includes(token)) return { key, may: 'read' };
      return {
        key,
        may:
          !options.tokens || options.tokens.includes(token)
            ? 'write'
            : 'nothing',
      };
    }
    const email = headers['x-auth-email'];
    const secret = headers['x-auth-key'];
    if (!email || !secret) return { key: '', may: 'nothing' };
    const known =
      !options.keys ||
      options.keys.some((pair) => pair.email === email && pair.key === secret);
    return { key: `user ${email}`, may: known ? 'write' : 'nothing' };
  }

  /**
   * Counts the request; the published rule: over the quota, everything is
   * blocked for a while.
   */
  function meter(
    key: string,
    at: number,
  ): { headers: Record<string, string>; blocked: boolean } {
    const known = meters.get(key);
    const isOver =
      !known || at >= (known.blockedUntil || known.opened + limit.windowMs);
    const used = isOver ? { count: 0, opened: at, blockedUntil: 0 } : known;
    meters.set(key, used);
    used.count += 1;
    if (used.count > limit.quota) used.blockedUntil ||= at + limit.blockMs;
    const blocked = used.blockedUntil !== 0;
    const resets = used.blockedUntil || used.opened + limit.windowMs;
    const seconds = Math.ceil((resets - at) / 1000);
    const headers: Record<string, string> = {
      ratelimit: `"default";r=${Math.max(0, limit.quota - used.count)};t=${seconds}`,
      'ratelimit-policy': `"default";q=${limit.quota};w=${Math.round(limit.windowMs / 1000)}`,
    };
    if (blocked) headers['retry-after'] = String(seconds);
    return { headers, blocked };
  }

  function page(all: unknown[], query: URLSearchParams): ApiResponse {
    const { pageSize, totalCount: total = all.length } = options;
    // Published: both may be omitted for a response without pages.
    if (!pageSize && !query.has('page') && !query.has('per_page'))
      return ok(all);
    const number = Number(query.get('page') ?? 1);
    const size = Number(query.get('per_page') ?? pageSize ?? 20);
    if (!Number.isInteger(number) || number < 1) return reject('paging');
    if (!Number.isInteger(size) || size < 1 || size > 100)
      return reject('paging');
    const part = all.slice((number - 1) * size, number * size);
    const info = {
      count: part.length,
      page: number,
      per_page: size,
      total_count: total,
    };
    return ok(part, 200, { ...info, total_pages: Math.ceil(total / size) });
  }

  /**
   * What a create request means: a target, the error it gets, or null for the
   * caller's organization.
   */
  function readTarget(
    body: unknown,
  ): RecipientRecord['target'] | ApiResponse | null {
    if (typeof body !== 'object' || body === null || Array.isArray(body))
      return reject('field');
    const fields: Record<string, unknown> = { ...body };
    const {
      recipient_account_id: named,
      account_id: alias,
      organization_id: organization,
    } = fields;
    for (const value of [named, alias, organization]) {
      if (value !== undefined && value !== null && typeof value !== 'string')
        return reject('field');
      if (typeof value === 'string' && !/^[\w-]{0,32}$/.test(value))
        return reject('field');
    }
    // An empty string counts as missing, as it does for most servers; that is
    // what makes it dangerous.
    const account = String(named || alias || '');
    if (account && organization) return reject('field');
    if (account) return { accountId: account };
    return organization ? { organizationId: String(organization) } : null;
  }

  /**
   * Why the share rejects this target, or the target itself with the
   * organization filled in.
   */
  function admit(
    share: Share,
    body: unknown,
    exchange: Exchange,
  ): RecipientRecord['target'] | ApiResponse {
    const wanted = readTarget(body);
    if (wanted && 'status' in wanted) return wanted;
    if ((share.status ?? 'active') !== 'active') return reject('shareGone');
    const organization =
      share.organizationId ?? 'a0000000000000000000000000000001';
    const target = wanted ?? { organizationId: organization };
    const id = 'accountId' in target ? target.accountId : target.organizationId;
    if ('accountId' in target && share.targetType === 'organization')
      return reject('target');
    if (
      'organizationId' in target &&
      share.organizationId &&
      id !== organization
    )
      return reject('foreign');
    if (id === share.accountId) return reject('own');
    const error = options.rejectAccounts?.[id];
    if (error) return failure(error.status, error.code, error.message);
    if (!wanted) wholeOrganizationPosts.push(exchange.entry);
    return target;
  }

  function findLive(
    share: Share,
    target: RecipientRecord['target'],
    at: number,
  ): RecipientRecord | undefined {
    const id = Object.values(target)[0];
    return share.records.find(
      (record) =>
        targetId(record) === id && isLive(stateAt(record, at)?.status),
    );
  }

  function create(
    share: Share,
    target: RecipientRecord['target'],
    at: number,
  ): RecipientRecord {
    const id = Object.values(target)[0];
    // For a millisecond at least, so that `modified`, which has no smaller
    // unit, shows the change.
    const isPast = (record: RecipientRecord) =>
      [at, at - 1].every(
        (ms) => stateAt(record, ms)?.status === 'disassociated',
      );
    const past = share.records.find(
      (record) => targetId(record) === id && isPast(record),
    );
    const record =
      (options.reuseRecords && past) || newRecord(share, target, at);
    record.events.push({ at, status: 'associating', resources: [] });
    associate(record, at);
    return record;
  }

  function post(share: Share, exchange: Exchange): ApiResponse {
    const body = parsed(exchange.request.body);
    if (body === undefined) return reject('body');
    const target = admit(share, body, exchange);
    if ('status' in target) return target;
    if (options.duplicates !== 'accept' && findLive(share, target, exchange.at))
      return reject('duplicate');
    const record = create(share, target, exchange.writeAt);
    exchange.entry.recipientId = record.id;
    return ok(show(record, exchange.writeAt, false), 201);
  }

  function remove(
    record: RecipientRecord | undefined,
    exchange: Exchange,
  ): ApiResponse {
    const status = record && stateAt(record, exchange.at)?.status;
    if (!record || status === undefined) return reject('unknown');
    if (status === 'associating' && options.rejectDeleteWhileAssociating)
      return reject('associating');
    if (isLive(status)) disassociate(record, exchange.writeAt);
    return ok(show(record, exchange.writeAt, false));
  }

  function showShare(share: Share, query: URLSearchParams): ApiResponse {
    const {
      accountId,
      accountName,
      organizationId,
      name,
      shareId,
      status,
      targetType,
    } = share;
    const shown: Record<string, unknown> = {
      id: shareId,
      account_id: accountId,
      account_name: accountName ?? 'Source account',
      organization_id: organizationId ?? 'a0000000000000000000000000000001',
      name,
      kind: 'sent',
      status: status ?? 'active',
      target_type: targetType ?? 'account',
      created: iso(share.created),
      modified: iso(share.created),
    };
    if (query.get('include_resources') === 'true')
      shown['resources'] = share.items;
    return ok(shown);
  }

  function carryOut(exchange: Exchange): ApiResponse {
    const { request, query, at } = exchange;
    const { method } = request;
    const [, accountId, shareId = '', recipients, id] =
      ROUTE.exec(exchange.entry.path) ?? [];
    if (accountId === undefined) return reject('route');
    const { key, may } = credential(request);
    const isWrite = method !== 'GET';
    if (may === 'nothing')
      return reject(isWrite || key !== '' ? 'denied' : 'missing');
    if (isWrite && may === 'read') return reject('denied');
    const allowed =
      recipients === undefined
        ? 'GET'
        : id === undefined
          ? 'GET, POST'
          : 'GET, DELETE';
    if (!allowed.split(', ').includes(method)) {
      return {
        ...reject('method'),
        headers: { 'content-type': 'application/json', allow: allowed },
      };
    }
    const share = shares.get(shareId);
    if (!share || share.accountId !== accountId) return reject('unknown');
    const seen = at - staleMs;
    if (recipients === undefined) return showShare(share, query);
    if (method === 'POST') return post(share, exchange);
    const record = share.records.find((one) => one.id === id);
    if (method === 'DELETE') return remove(record, exchange);
    const withResources = query.get('include_resources') === 'true';
    if (id === undefined) {
      return page(
        share.records
          .map((one) => show(one, seen, withResources))
          .filter(Boolean),
        query,
      );
    }
    const shown = record && show(record, seen, withResources);
    return shown ? ok(shown) : reject('unknown');
  }

  function respond(request: Request): Reply {
    const at = now();
    const { pathname, searchParams: query } = new URL(
      request.path,
      'http://simulator',
    );
    const entry: LoggedRequest = {
      at,
      method: request.method,
      path: pathname,
      query: Object.fromEntries(query),
      headers: { ...request.headers },
      body: parsed(request.body) ?? request.body,
      status: 0,
      delivery: 'response',
      carriedOut: false,
    };
    requests.push(entry);
    const fault =
      options.fault?.(request, requests.length) ??
      chooseFault(options.faults ?? [], matches, request);
    const { headers, blocked } = meter(credential(request).key, at);
    headers['cf-ray'] =
      `8f1e${requests.length.toString(16).padStart(12, '0')}-SIM`;
    headers['date'] = new Date(at).toUTCString();
    const writeAt = at + (fault?.commitAfterMs ?? 0);
    entry.carriedOut = !blocked && (!fault || isCommitted(fault));
    const response = entry.carriedOut
      ? carryOut({ request, entry, query, at, writeAt })
      : reject(blocked ? 'limited' : 'unavailable');
    const reply: Reply = fault
      ? faultResponse(fault, response, request, { ray: headers['cf-ray'], at })
      : { ...response, delivery: 'response', delayMs: 0 };
    entry.status = reply.status;
    entry.delivery = reply.delivery;
    return { ...reply, headers: { ...headers, ...reply.headers } };
  }

  function records(shareId: string, at = now()): Recipient[] {
    const all =
      shares.get(shareId)?.records.map((record) => show(record, at, true)) ??
      [];
    return all.filter((record) => record !== undefined);
  }

  for (const { recipients = [], ...share } of options.shares ?? []) {
    addShare(share);
    for (const recipient of recipients) addRecipient(share.shareId, recipient);
  }
  return {
    respond,
    addShare,
    addRecipient,
    records,
    requests,
    wholeOrganizationPosts,
  };
}
