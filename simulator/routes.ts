/** Which operation a request asks for, and what each of them does. */
import { admit } from './admission.ts';
import { credentialOf } from './credentials.ts';
import { listed } from './pages.ts';
import {
  type ApiResponse,
  type LoggedRequest,
  parseJson,
  type Request,
  reject,
  success,
} from './protocol.ts';
import {
  createRecipient,
  findLive,
  isLiveAt,
  type RecipientRecord,
  readRecipient,
  replyRecipient,
  type Share,
  type Store,
  showShare,
} from './records.ts';
import { disassociate, stateAt } from './timeline.ts';

/** One request on its way through the API. */
export interface Exchange {
  request: Request;
  /** What the log says about it. */
  entry: LoggedRequest;
  query: URLSearchParams;
  /** When it arrived, in milliseconds since the epoch. */
  at: number;
  /** When its change, if any, becomes true. */
  writeAt: number;
  read: {
    /** The moment whose state a read shows. */
    at: number;
    /** Whether it reaches the client as it is. */
    counts: boolean;
  };
}

type Route =
  | { to: 'shares'; accountId: string }
  | { to: 'share'; accountId: string; shareId: string }
  | { to: 'recipients'; accountId: string; shareId: string }
  | {
      to: 'recipient';
      accountId: string;
      shareId: string;
      recipientId: string;
    };

const SHARES_PATH = /^\/accounts\/([\w-]{1,32})\/shares$/;
const SHARE_PATH =
  /^\/accounts\/([\w-]{1,32})\/shares\/([\w-]{1,32})(\/recipients(?:\/([\w-]{1,32}))?)?$/;

const METHODS: Record<Route['to'], string[]> = {
  shares: ['GET'],
  share: ['GET'],
  recipients: ['GET', 'POST'],
  recipient: ['GET', 'DELETE'],
};

function routeOf(path: string): Route | undefined {
  const [, owner] = SHARES_PATH.exec(path) ?? [];
  if (owner !== undefined) return { to: 'shares', accountId: owner };

  const [, accountId, shareId, recipients, recipientId] =
    SHARE_PATH.exec(path) ?? [];
  if (accountId === undefined || shareId === undefined) return undefined;
  if (recipients === undefined) return { to: 'share', accountId, shareId };
  if (recipientId === undefined)
    return { to: 'recipients', accountId, shareId };
  return { to: 'recipient', accountId, shareId, recipientId };
}

/** Why this credential may not do it, if so. */
function denial(request: Request, { options }: Store): ApiResponse | undefined {
  const { key, may } = credentialOf(request, options);
  const isWrite = request.method !== 'GET';
  const isAnonymousRead = !isWrite && key === '';
  if (may === 'nothing') return reject(isAnonymousRead ? 'missing' : 'denied');
  return isWrite && may === 'read' ? reject('denied') : undefined;
}

function wrongMethod(allowed: string[]): ApiResponse {
  const response = reject('method');
  response.headers['allow'] = allowed.join(', ');
  return response;
}

function asksForResources({ query }: Exchange): boolean {
  return query.get('include_resources') === 'true';
}

function isActiveRecipient(share: Share, id: string, at: number): boolean {
  return findLive(share, { kind: 'account', id }, at) !== undefined;
}

/**
 * The shares that an account owns (`sent`), or of which it is an active
 * recipient (`received`), as far as the query asks for them; the oldest first,
 * unless it asks for another order. `resource_types` and `tag` are ignored.
 */
function listShares(
  { options, shares }: Store,
  { accountId }: { accountId: string },
  exchange: Exchange,
): ApiResponse {
  const { query, at } = exchange;
  const withResources = asksForResources(exchange);
  const sent = [...shares.values()]
    .filter((share) => share.accountId === accountId)
    .map((share) => showShare(share, 'sent', withResources));
  const received = [...shares.values()]
    .filter((share) => isActiveRecipient(share, accountId, at))
    .map((share) => showShare(share, 'received', withResources));

  const filters = ['kind', 'status', 'target_type'] as const;
  const wanted = [...sent, ...received].filter((share) =>
    filters.every((name) => {
      const value = query.get(name);
      return value === null || share[name] === value;
    }),
  );
  const order = query.get('order') === 'name' ? 'name' : 'created';
  const sign = query.get('direction') === 'desc' ? -1 : 1;
  wanted.sort(
    (a, b) => sign * String(a[order]).localeCompare(String(b[order])),
  );
  return listed(wanted, query, options);
}

function listRecipients(
  { options }: Store,
  share: Share,
  exchange: Exchange,
): ApiResponse {
  const withResources = asksForResources(exchange);
  const shown = share.records
    .map((record) =>
      readRecipient(record, exchange.read, withResources, options),
    )
    .filter((recipient) => recipient !== undefined);
  return listed(shown, exchange.query, options);
}

function getRecipient(
  { options }: Store,
  record: RecipientRecord | undefined,
  exchange: Exchange,
): ApiResponse {
  if (!record) return reject('unknown');
  const withResources = asksForResources(exchange);
  const shown = readRecipient(record, exchange.read, withResources, options);
  return shown ? success(shown) : reject('unknown');
}

function postRecipient(
  store: Store,
  share: Share,
  exchange: Exchange,
  wholeOrganizationPosts: LoggedRequest[],
): ApiResponse {
  const { options } = store;
  const { request, entry, at, writeAt } = exchange;
  const body = parseJson(request.body);
  if (body === undefined) return reject('body');

  const admission = admit(share, body, options);
  if (!admission.isAdmitted) return admission.response;
  const { target, isWholeOrganization } = admission;
  if (isWholeOrganization) wholeOrganizationPosts.push(entry);

  const isDuplicate = findLive(share, target, at) !== undefined;
  if (isDuplicate && options.duplicates !== 'accept')
    return reject('duplicate');

  const record = createRecipient(store, share, target, writeAt);
  entry.recipientId = record.id;
  return success(replyRecipient(record, writeAt, options), 201);
}

function deleteRecipient(
  { options }: Store,
  record: RecipientRecord | undefined,
  { at, writeAt }: Exchange,
): ApiResponse {
  const status = record && stateAt(record, at)?.status;
  if (!record || status === undefined) return reject('unknown');
  if (status === 'associating' && options.rejectDeleteWhileAssociating)
    return reject('associating');

  if (isLiveAt(record, at)) disassociate(record, writeAt);
  return success(replyRecipient(record, writeAt, options));
}

/** Carries out a request that nothing kept from the API. */
export function applyRequest(
  store: Store,
  exchange: Exchange,
  wholeOrganizationPosts: LoggedRequest[],
): ApiResponse {
  const { request, entry } = exchange;
  const route = routeOf(entry.path);
  if (!route) return reject('route');

  const denied = denial(request, store);
  if (denied) return denied;

  const allowed = METHODS[route.to];
  if (!allowed.includes(request.method)) return wrongMethod(allowed);

  if (route.to === 'shares') return listShares(store, route, exchange);

  const share = store.shares.get(route.shareId);
  if (share?.accountId !== route.accountId) return reject('unknown');

  switch (route.to) {
    case 'share':
      return success(showShare(share, 'sent', asksForResources(exchange)));
    case 'recipients':
      return request.method === 'POST'
        ? postRecipient(store, share, exchange, wholeOrganizationPosts)
        : listRecipients(store, share, exchange);
    case 'recipient': {
      const record = share.byId.get(route.recipientId);
      return request.method === 'DELETE'
        ? deleteRecipient(store, record, exchange)
        : getRecipient(store, record, exchange);
    }
  }
}
