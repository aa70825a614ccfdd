import { isId, type Target } from '../inputs.ts';
import { excerpt, isRead, RequestError } from './errors.ts';
import type { Envelope, Http, ReadOptions } from './http.ts';

/** A row of a share's recipient list as it is used here; see `GET /accounts/{account_id}/shares/{share_id}/recipients`. */
export interface ShareRecipient {
  readonly id: string;
  readonly accountId: string;
  readonly organizationId: string | null;
  /** `associating`, `associated`, `disassociating`, `disassociated`, or one that is not published yet. */
  readonly status: string;
  readonly created: string;
  readonly modified: string;
  /** The resources with an outstanding error; healthy ones are left out. */
  readonly resources: readonly ResourceError[];
}

/** A resource that Cloudflare could not put into the recipient's account. */
export interface ResourceError {
  readonly id: string;
  readonly error: string;
  /** true: Cloudflare has given up; false: it keeps trying. */
  readonly terminal: boolean;
  /** Kind of resource, such as `gateway-policy`, where the share tells it. */
  readonly type: string | null;
}

/** What is known of the share itself. */
export interface Share {
  readonly name: string;
  readonly status: string;
  readonly targetType: string;
}

/** The wire form of a row, as published. */
export interface WireRecipient {
  id: string;
  account_id: string;
  association_status: 'associating' | 'associated' | 'disassociating' | 'disassociated';
  created: string;
  modified: string;
  resources?: { error: string; resource_id: string; resource_version: number; terminal: boolean }[];
}

/** The body of a POST: exactly one target. Without one, Cloudflare takes it for the whole organization. */
export type WireTarget = { recipient_account_id: string } | { organization_id: string };

/** The Shares API of one share. Every method throws RequestError. */
export interface Shares {
  /** All rows, `disassociated` ones too, over all pages. */
  list(options?: ReadOptions): Promise<ShareRecipient[]>;
  get(id: string, options?: ReadOptions): Promise<ShareRecipient>;
  /** Adds one recipient; sent once. The row in the reply has no resources and so proves nothing. */
  create(target: Target): Promise<ShareRecipient>;
  /** Begins to remove one recipient; sent once. The row in the reply, or null where there is none, proves nothing. */
  remove(id: string): Promise<ShareRecipient | null>;
  share(options?: ReadOptions): Promise<Share>;
}

/** The most that the API gives in one page. */
export const PER_PAGE = 100;
/** For rows with so many resources that a hundred of them are too large an answer. */
const FEW_PER_PAGE = 10;
const MAX_PAGES = 1000;
/** More are no share; and they would not fit into memory. */
const MAX_ROWS = MAX_PAGES * PER_PAGE;
/** Names, statuses and errors are far shorter. */
const MAX_TEXT = 1_000;

/**
 * Opens the recipients of one share.
 * @param http sends the requests
 * @param accountId the account that owns the share
 * @param shareId the share
 */
export function openShares(http: Http, accountId: string, shareId: string): Shares {
  const share = `/accounts/${accountId}/shares/${shareId}`;
  const recipients = `${share}/recipients`;
  const resourceTypes = new Map<string, string>();

  const decode = (value: unknown, envelope: Envelope, at: string) =>
    decodeRecipient(value, envelope.request, at, resourceTypes);

  /** Pages are read one after the other, so what they count is compared with what they show. */
  async function allPages(perPage: number, options?: ReadOptions): Promise<ShareRecipient[]> {
    const rows = new Map<string, ShareRecipient>();
    let counted = 0;
    for (let page = 1; page <= MAX_PAGES; page++) {
      const path = `${recipients}?include_resources=true&page=${page}&per_page=${perPage}`;
      const envelope = await http.read(path, options);
      const { request, resultInfo } = envelope;
      // Published as nullable, so null is an empty list; the count tells where it is not.
      const result = envelope.result === null ? [] : envelope.result;
      if (!Array.isArray(result)) throw unreadable(request, '`result` is not a list');
      const before = rows.size;
      for (const [index, value] of result.entries()) {
        const row = decode(value, envelope, `result[${index}]`);
        rows.set(row.id, row);
      }
      if (rows.size > MAX_ROWS) throw unreadable(request, `the list has more than ${MAX_ROWS} rows`);
      const { total_pages: pages, total_count: count, per_page: given } = resultInfo;
      if (typeof count === 'number') counted = Math.max(counted, count);
      // A page that is not read would cost a second recipient, so whichever number says that there is more is believed.
      const isPromised = (typeof pages === 'number' && pages > page) || counted > rows.size;
      // After a full page there may be another, unless it is certain that all were shown.
      const isFull = result.length >= Math.min(perPage, typeof given === 'number' ? given : perPage);
      const mayFollow = isFull && count !== rows.size;
      const hasNew = rows.size > before;
      if (isPromised && !hasNew) throw incomplete(request, rows.size, counted);
      if (!isPromised && !(mayFollow && hasNew)) return [...rows.values()];
    }
    throw unreadable('GET …/recipients', `the list does not end after ${MAX_PAGES} pages`);
  }

  return {
    async list(options) {
      try {
        return await http.whole(() => allPages(PER_PAGE, options), options);
      } catch (error) {
        if (!(error instanceof RequestError) || error.why !== 'too-large') throw error;
        return await http.whole(() => allPages(FEW_PER_PAGE, options), options);
      }
    },

    async get(id, options) {
      const envelope = await http.read(`${recipients}/${id}?include_resources=true`, options);
      const row = decode(envelope.result, envelope, 'result');
      if (row.id !== id)
        throw unreadable(envelope.request, '`result.id` is another id than the one asked for');
      return row;
    },

    async create(target) {
      const body: WireTarget =
        target.type === 'account' ? { recipient_account_id: target.id } : { organization_id: target.id };
      const envelope = await http.write('POST', recipients, body);
      const row = decode(envelope.result, envelope, 'result');
      if (target.type === 'account' && row.accountId !== target.id) {
        throw unreadable(
          envelope.request,
          '`result.account_id` is another account than the one that was added',
        );
      }
      return row;
    },

    async remove(id) {
      const envelope = await http.write('DELETE', `${recipients}/${id}`);
      const row = envelope.result == null ? null : decode(envelope.result, envelope, 'result');
      if (row && row.id !== id)
        throw unreadable(envelope.request, '`result.id` is another id than the one that was removed');
      return row;
    },

    async share(options) {
      const envelope = await http.read(`${share}?include_resources=true`, options);
      const value = record(envelope.result, envelope.request, 'result');
      for (const resource of Array.isArray(value['resources']) ? value['resources'] : []) {
        const { resource_id: id, resource_type: type } = Object(resource);
        if (typeof id === 'string' && typeof type === 'string') resourceTypes.set(text(id), text(type));
      }
      return {
        name: text(value['name']),
        status: text(value['status']),
        targetType: text(value['target_type']),
      };
    },
  };
}

function decodeRecipient(
  value: unknown,
  request: string,
  at: string,
  types: ReadonlyMap<string, string>,
): ShareRecipient {
  const row = record(value, request, at);
  const { id, account_id: accountId, organization_id: organizationId, association_status: status } = row;
  if (!isId(id)) throw unreadable(request, `\`${at}.id\` is not an id`);
  if (typeof status !== 'string' || status === '') {
    throw unreadable(request, `\`${at}.association_status\` is not a status`);
  }
  const resources = row['resources'] ?? [];
  if (!Array.isArray(resources)) throw unreadable(request, `\`${at}.resources\` is not a list`);
  return {
    id,
    accountId: optionalId(accountId, request, `${at}.account_id`) ?? '',
    organizationId: optionalId(organizationId, request, `${at}.organization_id`),
    status: text(status),
    created: text(row['created']),
    modified: text(row['modified']),
    resources: resources.flatMap((entry, index) =>
      decodeResource(entry, request, `${at}.resources[${index}]`, types),
    ),
  };
}

function decodeResource(
  value: unknown,
  request: string,
  at: string,
  types: ReadonlyMap<string, string>,
): ResourceError[] {
  const { error, terminal, resource_id: id } = record(value, request, at);
  if (error === undefined || error === null || error === '') return [];
  if (typeof error !== 'string') throw unreadable(request, `\`${at}.error\` is not a text`);
  if (terminal !== undefined && terminal !== null && typeof terminal !== 'boolean') {
    throw unreadable(request, `\`${at}.terminal\` is neither true nor false`);
  }
  const name = text(id) || '(without an id)';
  return [
    {
      id: name,
      error: text(error),
      terminal: terminal === true,
      // Asked late: the share is read at the same time as the list, and may tell its types after it.
      get type() {
        return types.get(name) ?? null;
      },
    },
  ];
}

function optionalId(value: unknown, request: string, at: string): string | null {
  if (value === undefined || value === null || value === '') return null;
  if (!isId(value)) throw unreadable(request, `\`${at}\` is not an id`);
  return value;
}

function record(value: unknown, request: string, at: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw unreadable(request, `\`${at}\` is not an object`);
  }
  return value as Record<string, unknown>;
}

function text(value: unknown): string {
  return typeof value === 'string' ? excerpt(value, MAX_TEXT) : '';
}

/** Rows move between pages when one is added, or when a page comes from a server that lags; another try may fit together. */
function incomplete(request: string, shown: number, counted: number): RequestError {
  const said = counted > shown ? `${counted} recipients are counted` : 'more pages are announced';
  return new RequestError(request, `the pages do not fit together: ${said}, and ${shown} are shown`, {
    cause: 'incomplete',
    retryable: true,
  });
}

/**
 * The answer to a write may be garbled although the write was carried out, hence `ambiguous`; and as it says that it
 * was a success, the write is not sent again.
 */
function unreadable(request: string, what: string): RequestError {
  return new RequestError(request, `answered with something that is not the Shares API: ${what}`, {
    cause: 'unreadable',
    ambiguous: true,
    retryable: isRead(request),
  });
}
