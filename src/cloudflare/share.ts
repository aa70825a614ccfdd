import type {
  Clean,
  Inputs,
  RecipientList,
  Share,
  ShareRecipient,
  Target,
} from '../domain.ts';
import { ApiError, fromUnreadable } from './api-error.ts';
import type {
  CloudflareClient,
  ReadOptions,
  WriteReply,
  WriteRequest,
  WriteTurn,
} from './client.ts';
import { asObject, type JsonObject } from './json.ts';
import { isFull, type PageInfo, RecipientPages } from './recipient-pages.ts';
import {
  decodeCreated,
  decodeRecipient,
  decodeShare,
  decodeShareNames,
  isId,
  type ShareName,
} from './records.ts';

/** What came of a POST or DELETE. */
export type ShareWrite =
  | { readonly outcome: 'accepted'; readonly recipient: ShareRecipient | null }
  | Exclude<WriteReply, { outcome: 'accepted' }>;

/** The most that the API gives in one page. */
const PER_PAGE = 100;

/** One share and its recipients. Reads throw ApiError; writes return it. */
export class ShareApi {
  readonly #client: CloudflareClient;
  readonly #clean: Clean;
  readonly #accountPath: string;
  readonly #sharePath: string;
  readonly #recipientsPath: string;
  readonly #keepsAll: boolean;
  readonly #targetIds: Set<string>;
  /** See `RecipientFilter`. */
  readonly #knownIds = new Set<string>();
  /** Is the list read in pages: was it, or a page of it, too large? */
  #isPaged = false;
  /** The last copy of each record that was kept of a list, by its ID. */
  readonly #lastKept = new Map<string, ShareRecipient>();

  constructor(
    client: CloudflareClient,
    inputs: Pick<Inputs, 'accountId' | 'shareId' | 'targets' | 'state'>,
    clean: Clean,
  ) {
    const { accountId, shareId, targets, state } = inputs;
    this.#client = client;
    this.#clean = clean;
    this.#accountPath = `/accounts/${accountId}`;
    this.#sharePath = `${this.#accountPath}/shares/${shareId}`;
    this.#recipientsPath = `${this.#sharePath}/recipients`;
    this.#targetIds = new Set(targets.map(({ id }) => id));
    // With `exact`, others may have to go; the record of an organization may
    // name no account.
    this.#keepsAll = state === 'exact' || targets[0]?.type === 'organization';
  }

  /**
   * Adds accounts that `exact` removes: a list that holds an odd record of one
   * is not accepted.
   */
  addTargets(targets: readonly Target[]): void {
    for (const { id } of targets) this.#targetIds.add(id);
  }

  /** Reads the share itself. */
  readShare(options: ReadOptions = {}): Promise<Share> {
    const path = `${this.#sharePath}?include_resources=true`;
    return this.#client.read(
      { kind: 'share', path },
      (envelope) => decodeShare(envelope, this.#clean),
      options,
    );
  }

  /** Names active shares that the account owns. One attempt. */
  listOwnShares(options: ReadOptions = {}): Promise<readonly ShareName[]> {
    const path = `${this.#accountPath}/shares?kind=sent&status=active`;
    return this.#client.read(
      { kind: 'shares', path },
      (envelope) => decodeShareNames(envelope, this.#clean),
      { ...options, maxAttempts: 1 },
    );
  }

  /** Reads all recipients, those that are `disassociated` too. */
  async listRecipients(options: ReadOptions = {}): Promise<RecipientList> {
    const list = await this.#readList(options);
    for (const record of list.records) {
      const { id, accountId } = record;
      this.#lastKept.set(id, record);
      if (accountId && this.#targetIds.has(accountId)) this.#knownIds.add(id);
    }
    return list;
  }

  async #readList(options: ReadOptions): Promise<RecipientList> {
    try {
      return await this.#readPages(options);
    } catch (error) {
      if (this.#isPaged || !isTooLarge(error)) throw error;
      this.#isPaged = true;
      return this.#readPages(options);
    }
  }

  /** Reads one recipient. */
  getRecipient(recipientId: string): Promise<ShareRecipient> {
    const path = `${this.#recipientsPath}/${recipientId}?include_resources=true`;
    return this.#client.read({ kind: 'recipient', path }, (envelope) => {
      const { request, result } = envelope;
      const record = decodeRecipient(result, request, 'result', this.#clean);
      if (record.id === recipientId) return record;
      throw fromUnreadable(request, '`result.id` is not the ID of the request');
    });
  }

  /**
   * Adds one recipient. A body without a target would share with the caller's
   * whole organization. The reply has no resources and proves nothing beyond
   * the ID of the record.
   */
  async createRecipient(target: Target, turn: WriteTurn): Promise<ShareWrite> {
    const request: WriteRequest = {
      kind: 'create',
      method: 'POST',
      path: this.#recipientsPath,
      body: bodyFor(target),
    };
    const reply = await this.#client.write(request, turn, namesRecord);
    if (reply.outcome !== 'accepted') return reply;

    const recipient = decodeCreated(reply.envelope, target, this.#clean);
    this.#knownIds.add(recipient.id);
    return { outcome: 'accepted', recipient };
  }

  /** Starts to remove one recipient. The reply proves nothing. */
  async deleteRecipient(
    recipientId: string,
    turn: WriteTurn,
  ): Promise<ShareWrite> {
    this.#knownIds.add(recipientId);
    const path = `${this.#recipientsPath}/${recipientId}`;
    const request: WriteRequest = {
      kind: 'delete',
      method: 'DELETE',
      path,
      body: null,
    };
    const reply = await this.#client.write(request, turn);
    if (reply.outcome !== 'accepted') return reply;
    return { outcome: 'accepted', recipient: null };
  }

  /**
   * Without `page` and `per_page` the API sends everything in one response
   * (published). Only if the response says how large its page is, and fills
   * it, did the server paginate after all.
   */
  async #readPages(options: ReadOptions): Promise<RecipientList> {
    const pages = new RecipientPages({
      targetIds: this.#targetIds,
      knownIds: this.#knownIds,
      keepsAll: this.#keepsAll,
      before: this.#lastKept,
      clean: this.#clean,
    });
    let pageSize = this.#isPaged ? PER_PAGE : null;
    let sentMs: number | null = null;
    for (let number = 1; ; number++) {
      const page = await this.#readPage(pages, number, pageSize, options);
      // A server may send smaller pages than it was asked for.
      if (number === 1) pageSize = smallerOf(pageSize, page.size);
      sentMs ??= page.sentMs;
      if (!isFull(page.count, pageSize) || !page.addedAny) {
        return pages.toList({ sentMs, receivedMs: page.receivedMs });
      }
      if (pageSize !== null && pageSize > PER_PAGE) {
        // The next page could not be as large as the first.
        this.#isPaged = true;
        return this.#readPages(options);
      }
    }
  }

  #readPage(
    pages: RecipientPages,
    number: number,
    pageSize: number | null,
    options: ReadOptions,
  ): Promise<PageInfo> {
    const paging =
      pageSize === null ? '' : `&page=${number}&per_page=${pageSize}`;
    const path = `${this.#recipientsPath}?include_resources=true${paging}`;
    return this.#client.readList(
      { kind: 'list', path },
      (request) => pages.newPage(request),
      options,
    );
  }
}

/** Null where neither is known. */
function smallerOf(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}

/** The body is exactly one of these; see the first promise in SECURITY.md. */
function bodyFor({ type, id }: Target): Record<string, string> {
  return type === 'account'
    ? { recipient_account_id: id }
    : { organization_id: id };
}

/** A reply that names the new record proves that it exists. */
function namesRecord(body: JsonObject): boolean {
  return isId(asObject(body['result'])?.['id']);
}

function isTooLarge(error: unknown): boolean {
  return error instanceof ApiError && error.failure.cause === 'too-large';
}
