import { type Inputs, isId, type Target } from '../inputs.ts';
import { ApiError, type Clean } from './api-error.ts';
import type { CloudflareClient, Envelope, ReadOptions } from './client.ts';

/**
 * The published statuses; see `resource-sharing_recipient_association_status`
 * in Cloudflare's API description.
 */
export const STATUSES = [
  'associating',
  'associated',
  'disassociating',
  'disassociated',
] as const;

/**
 * A record in a share's recipient list; see `GET
 * /accounts/{account_id}/shares/{share_id}/recipients`.
 */
export type ShareRecipient = Readonly<ReturnType<typeof decodeRecipient>>;
export type Share = Readonly<ReturnType<typeof decodeShare>>;

/** All records, also those that are `disassociated`. */
export interface RecipientList {
  readonly records: readonly ShareRecipient[];
  /** When the request was sent, milliseconds since the epoch. */
  readonly sentMs: number;
}

/** One share and its recipients. Every method throws ApiError. */
export type Shares = ReturnType<typeof openShares>;

/** The most that the API gives in one page. */
const PER_PAGE = 100;
/** More are no share, and would not fit into memory. */
const MAX_RECORDS = 100_000;
const MAX_ERRORS = 20;
const MAX_TEXT = 300;

/**
 * Opens the recipients of one share. Lists leave out the accounts that the run
 * is not about.
 */
export function openShares(
  client: CloudflareClient,
  { accountId, shareId, targets }: Inputs,
  clean: Clean,
) {
  const ids = new Set(targets.map(({ id }) => id));
  // The record of an organization may name no account, so all are kept.
  const isRelevant = (id: string) =>
    targets[0]?.type === 'organization' || ids.has(id);
  const sharePath = `/accounts/${accountId}/shares/${shareId}`;
  const recipientsPath = `${sharePath}/recipients`;
  /**
   * Set once a whole list has turned out to be larger than a response may be.
   */
  let isPaged = false;

  async function list(options: ReadOptions): Promise<RecipientList> {
    const records = new Map<string, ShareRecipient>();
    const seen = new Set<string>();
    let pageSize = isPaged ? PER_PAGE : null;
    let firstSentMs: number | null = null;
    let nulls = 0;
    const decode = ({ request, sentMs, result, resultInfo }: Envelope) => {
      // Published as nullable. Read once more, because a null by mistake would
      // hide a recipient.
      if (result === null && ++nulls === 1)
        throw invalid(request, '`result` is null');
      if (result !== null && !Array.isArray(result))
        throw invalid(request, '`result` is not a list');
      const page = (result ?? []).map((value: unknown, index) =>
        decodeRecipient(value, request, `result[${index}]`, clean, isRelevant),
      );
      if (seen.size + page.length > MAX_RECORDS)
        throw invalid(request, 'the list does not end');
      return { sentMs, page, size: resultInfo['per_page'] };
    };
    for (let number = 1; ; number++) {
      const paging =
        pageSize === null ? '' : `&page=${number}&per_page=${pageSize}`;
      const path = `${recipientsPath}?include_resources=true${paging}`;
      const { sentMs, page, size } = await client.read(path, decode, options);
      firstSentMs ??= sentMs;
      const before = seen.size;
      for (const { id } of page) seen.add(id);
      for (const record of page)
        if (isRelevant(record.accountId)) records.set(record.id, record);
      // Asked without `page`, the server sends everything, unless it says how
      // large its page is and fills it.
      pageSize ??= typeof size === 'number' && size > 0 ? size : null;
      const isLast =
        pageSize === null || page.length < pageSize || seen.size === before;
      if (isLast)
        return { records: [...records.values()], sentMs: firstSentMs };
    }
  }

  return {
    list: (options: ReadOptions = {}): Promise<RecipientList> =>
      list(options).catch((error) => {
        if (
          !(error instanceof ApiError) ||
          error.is.failure !== 'too-large' ||
          isPaged
        )
          throw error;
        isPaged = true;
        return list(options);
      }),

    get: (recipientId: string): Promise<ShareRecipient> =>
      client.read(
        `${recipientsPath}/${recipientId}?include_resources=true`,
        ({ request, result }) => {
          const record = decodeRecipient(result, request, 'result', clean);
          if (record.id !== recipientId)
            throw invalid(
              request,
              '`result.id` is not the ID that was asked for',
            );
          return record;
        },
      ),

    /**
     * Adds one recipient. A body without a target would share with the caller's
     * whole organization.
     */
    async create(
      { type, id }: Target,
      sendByMs: () => number,
    ): Promise<ShareRecipient> {
      const body =
        type === 'account'
          ? { recipient_account_id: id }
          : { organization_id: id };
      const { request, result } = await client.write(
        'POST',
        recipientsPath,
        body,
        sendByMs,
      );
      const record = decodeRecipient(result, request, 'result', clean);
      const isOther = type === 'account' && record.accountId !== id;
      if (isOther)
        throw invalid(
          request,
          '`result.account_id` is not the account that was added',
        );
      return record;
    },

    /**
     * Starts to remove one recipient. The reply proves nothing: the next list
     * decides.
     */
    delete: (recipientId: string, sendByMs: () => number): Promise<null> =>
      client
        .write('DELETE', `${recipientsPath}/${recipientId}`, null, sendByMs)
        .then(() => null),

    share: (options: ReadOptions): Promise<Share> =>
      client.read(
        `${sharePath}?include_resources=true`,
        (envelope) => decodeShare(envelope, clean),
        options,
      ),
  };
}

function decodeShare({ request, result }: Envelope, clean: Clean) {
  const { name, resources } = toObject(result, request, 'result');
  /** Kind of each resource, such as `gateway-policy`, by its ID. */
  const resourceTypes = new Map<string, string>();
  const entries = Array.isArray(resources) ? resources.map(Object) : [];
  for (const entry of entries)
    resourceTypes.set(
      text(entry.resource_id, clean),
      text(entry.resource_type, clean),
    );
  return { name: text(name, clean), resourceTypes };
}

function decodeRecipient(
  value: unknown,
  request: string,
  at: string,
  clean: Clean,
  isRelevant = (_: string) => true,
) {
  const check = (isValid: boolean, what: string) => {
    if (!isValid) throw invalid(request, `${at}: ${what}`);
  };
  const {
    id,
    account_id: accountId,
    association_status: status,
    ...record
  } = toObject(value, request, at);
  check(isId(id), '`id` is not an ID');
  check(!accountId || isId(accountId), '`account_id` is not an ID');
  check(
    typeof status === 'string' && status !== '',
    '`association_status` is not a status',
  );
  const resources = (isRelevant(`${accountId}`) && record['resources']) || [];
  check(Array.isArray(resources), '`resources` is not a list');
  const entries = (resources as unknown[]).map((entry) =>
    toObject(entry, request, `${at}.resources`),
  );
  const errors = entries.filter(({ error }) => (error ?? '') !== '');
  const isTyped = ({ error, terminal = false }: Record<string, unknown>) =>
    typeof error === 'string' &&
    (terminal === null || typeof terminal === 'boolean');
  check(
    errors.every(isTyped),
    'an entry of `resources` is not a resource error',
  );
  errors.sort(
    (a, b) => Number(b['terminal'] ?? 0) - Number(a['terminal'] ?? 0),
  );
  const dates = {
    created: toDate(record['created']),
    modified: toDate(record['modified']),
  };
  return {
    id: id as string,
    /** Empty where the record names no account. */
    accountId: `${accountId || ''}`,
    /**
     * One of `STATUSES`, or in quotes a word that is not published: cleaned, it
     * could look like one that is.
     */
    status:
      STATUSES.find((published) => published === status) ??
      `"${clean(status as string, 64)}"`,
    ...dates,
    /**
     * Milliseconds since the epoch; NaN where the date is missing or cannot be
     * read.
     */
    createdMs: Date.parse(dates.created),
    modifiedMs: Date.parse(dates.modified),
    /** Resources with an outstanding error, terminal ones first, at most 20. */
    errors: errors.slice(0, MAX_ERRORS).map((entry) => ({
      resourceId: text(entry['resource_id'], clean) || 'without an ID',
      error: text(entry['error'], clean),
      terminal: entry['terminal'] === true,
    })),
    /** Resources with an outstanding error beyond those. */
    moreErrors: Math.max(0, errors.length - MAX_ERRORS),
  };
}

/** Only what looks like a date; anything else could be text that does harm. */
function toDate(value: unknown): string {
  return typeof value === 'string' && /^[\d:.TZ+-]{1,40}$/.test(value)
    ? value
    : '';
}

function text(value: unknown, clean: Clean): string {
  return typeof value === 'string' ? clean(value, MAX_TEXT) : '';
}

function toObject(
  value: unknown,
  request: string,
  at: string,
): Record<string, unknown> {
  const isObject =
    typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject) throw invalid(request, `${at} is not an object`);
  return value as Record<string, unknown>;
}

/** A write may have been carried out although its response cannot be read. */
function invalid(request: string, what: string): ApiError {
  const is = {
    failure: 'invalid-response',
    retryable: true,
    outcome: 'unknown',
  } as const;
  return new ApiError(
    `the response is not one of the Shares API: ${what}`,
    request,
    is,
  );
}
