import type { RecipientList, ShareRecipient } from '../domain.ts';
import { fromUnreadable, type RequestName } from './api-error.ts';
import type { Decoder, Envelope } from './client.ts';
import {
  type Entry,
  type RecipientFilter,
  RecipientPage,
} from './recipient-page.ts';
import { hasTerminalError, isActiveStatus } from './records.ts';

/** When a reading of the list began and ended. */
type ListTimes = Pick<RecipientList, 'sentMs' | 'receivedMs'>;

/** What a page says about the pages after it. */
export interface PageInfo extends ListTimes {
  /** How many records it has, those that are skipped included. */
  readonly count: number;
  /** `result_info.per_page`; null where the server did not paginate. */
  readonly size: number | null;
  /** Did it have a record that no page before it had? */
  readonly addedAny: boolean;
}

/** Collects the pages of one reading of the list. */
export class RecipientPages {
  readonly #filter: RecipientFilter;
  readonly #records: ShareRecipient[] = [];
  #seenIds = new Set<string>();
  #otherAccounts = new Set<string>();
  readonly #withoutAccount = new Set<string>();
  #skipped = 0;
  /** Was the last response a null? */
  #wasNull = false;

  constructor(filter: RecipientFilter) {
    this.#filter = filter;
  }

  /**
   * Reads one page, and adds it when it is complete; after an error, nothing of
   * it is added, and it is read again.
   */
  newPage(request: RequestName): Decoder<PageInfo> {
    const page = new RecipientPage(this.#filter, request);
    return {
      takeItem: (item) => page.take(item),
      decode: (envelope) => this.#add(page, envelope),
    };
  }

  /** The list, after its last page. */
  toList({ sentMs, receivedMs }: ListTimes): RecipientList {
    return {
      sentMs,
      receivedMs,
      records: this.#records,
      others: {
        accounts: this.#otherAccounts.size,
        withoutAccount: this.#withoutAccount.size,
      },
      skipped: this.#skipped,
    };
  }

  /** @throws ApiError where the page is not one of the Shares API */
  #add(page: RecipientPage, envelope: Envelope): PageInfo {
    this.#checkList(envelope);
    const entries = page.entries();
    const { count, otherIds } = page;
    const size = toSize(envelope.resultInfo['per_page'], envelope.request);
    const isWithoutIds = entries.length === 0 && otherIds.size === 0;
    // It would look like a page that repeats another, and end the reading.
    if (isFull(count, size) && isWithoutIds) {
      throw fromUnreadable(
        envelope.request,
        'no record of a full page has an ID',
      );
    }
    const seenBefore = this.#seenIds.size;
    this.#addOthers(page);
    const failed = entries.filter(({ record }) => hasTerminalError(record));
    const failedIds = new Set(failed.map(({ record }) => record.id));
    for (const entry of entries) this.#addEntry(entry, failedIds);
    return {
      sentMs: envelope.sentMs,
      receivedMs: envelope.receivedMs,
      count,
      size,
      addedAny: this.#seenIds.size > seenBefore,
    };
  }

  /**
   * `result` is published as nullable. It is read once more, because a null by
   * mistake would hide a recipient.
   */
  #checkList({ request, result }: Envelope): void {
    const isSecondNull = result === null && this.#wasNull;
    this.#wasNull = result === null;
    if (Array.isArray(result) || isSecondNull) return;
    const what =
      result === null ? '`result` is null' : '`result` is not a list';
    throw fromUnreadable(request, what);
  }

  #addOthers({ otherIds, otherAccounts, skipped }: RecipientPage): void {
    for (const id of this.#withoutAccount) {
      if (otherIds.has(id)) this.#withoutAccount.delete(id);
    }
    this.#seenIds = withAll(this.#seenIds, otherIds);
    this.#otherAccounts = withAll(this.#otherAccounts, otherAccounts);
    this.#skipped += skipped;
  }

  #addEntry({ isOwn, record }: Entry, failedIds: ReadonlySet<string>): void {
    if (isOwn) {
      this.#seenIds.add(record.id);
      // Another page may have shown it without its account.
      this.#withoutAccount.delete(record.id);
    } else if (record.accountId === null) {
      this.#countNobodys(record);
    }
    if (isOwn || this.#filter.keepsAll) this.#keep(record, failedIds);
  }

  /** Of several copies of a record, one that names an account counts. */
  #countNobodys({ id, status }: ShareRecipient): void {
    const isFirstCopy = !this.#seenIds.has(id);
    this.#seenIds.add(id);
    if (isFirstCopy && isActiveStatus(status)) this.#withoutAccount.add(id);
  }

  /**
   * Keeps each copy of a record, because pages may be of different age. Of two
   * copies in one response, only one with a terminal error counts: the other
   * would hide it.
   */
  #keep(record: ShareRecipient, failedIds: ReadonlySet<string>): void {
    if (failedIds.has(record.id) && !hasTerminalError(record)) return;
    this.#records.push(record);
  }
}

/**
 * Does a page have as many records as it may have? Then there may be more.
 * @param size null where the server does not paginate
 */
export function isFull(count: number, size: number | null): boolean {
  return size !== null && count >= size;
}

/**
 * Adds `more` to `seen`. The first set is used as it is, and not copied: as a
 * rule, there is only one page.
 */
function withAll(seen: Set<string>, more: Set<string>): Set<string> {
  if (seen.size === 0) return more;
  for (const value of more) seen.add(value);
  return seen;
}

/**
 * The size of a page; null where there is none. With another value, nobody
 * knows whether there are more pages.
 */
function toSize(value: unknown, request: RequestName): number | null {
  if (value === undefined || value === null || value === 0) return null;
  if (typeof value === 'number' && Number.isInteger(value) && value > 0) {
    return value;
  }
  throw fromUnreadable(request, '`result_info.per_page` is not a size');
}
