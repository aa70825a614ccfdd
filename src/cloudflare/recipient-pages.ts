import type { Clean, RecipientList, ShareRecipient } from '../domain.ts';
import { asApiError, fromUnreadable } from './api-error.ts';
import type { Envelope } from './client.ts';
import { asObject } from './json.ts';
import {
  decodeRecipient,
  hasTerminalError,
  isActiveStatus,
  isId,
} from './records.ts';

/** Which records of a list are kept. Of the others, accounts are counted. */
export interface RecipientFilter {
  /** IDs of the targets of the run. */
  readonly targetIds: ReadonlySet<string>;
  /** Records that the run has created, or seen as those of a target. */
  readonly knownIds: ReadonlySet<string>;
  /**
   * Are records of other accounts needed, too? With `state: exact`, they may
   * have to go; the record of an organization may name any account.
   */
  readonly keepsAll: boolean;
  /** Sanitizes what a server sent. */
  readonly clean: Clean;
}

/** When a reading of the list began and ended. */
type ListTimes = Pick<RecipientList, 'sentMs' | 'receivedMs'>;

/** What a page says about the pages after it. */
export interface Page extends ListTimes {
  /** How many records it has, those that are skipped included. */
  readonly count: number;
  /** `result_info.per_page`; null where the server did not paginate. */
  readonly size: number | null;
  /** Did it have a record that no page before it had? */
  readonly addedAny: boolean;
}

/** What a record of a page is to the run. */
type Entry =
  /** Of a target, or known to the run. */
  | { readonly type: 'own'; readonly record: ShareRecipient }
  /** Of another account that may have to go, or of none. */
  | { readonly type: 'other'; readonly record: ShareRecipient }
  /** Of another account that is only counted: without its record. */
  | {
      readonly type: 'counted';
      readonly id: string;
      readonly accountId: string;
      readonly isActive: boolean;
    }
  /** Of another account, and could not be decoded. */
  | { readonly type: 'skipped'; readonly id: string | null };

/**
 * Collects the pages of one reading of the list. Records of other accounts are
 * counted and not kept, so that 100,000 of them do not fill the memory.
 */
export class RecipientPages {
  readonly #filter: RecipientFilter;
  readonly #records: ShareRecipient[] = [];
  readonly #seenIds = new Set<string>();
  readonly #otherAccounts = new Set<string>();
  readonly #withoutAccount = new Set<string>();
  #skipped = 0;
  /** Was the last response a null? */
  #wasNull = false;

  constructor(filter: RecipientFilter) {
    this.#filter = filter;
  }

  /**
   * Adds a page, or nothing of it: after an error it is read again.
   * @throws ApiError where the page is not one of the Shares API
   */
  add(envelope: Envelope): Page {
    const decoded = this.#decodePage(envelope).map((value, index) =>
      this.#decodeEntry(value, envelope, `result[${index}]`),
    );
    const entries = withAccounts(decoded);
    const size = toSize(envelope.resultInfo['per_page']);
    const isFull = size !== null && entries.length >= size;
    // It would look like a page that repeats another, and end the reading.
    if (isFull && !entries.some(hasId)) {
      throw fromUnreadable(
        envelope.request,
        'no record of a full page has an ID',
      );
    }
    const seenBefore = this.#seenIds.size;
    const failedIds = new Set(entries.flatMap(failedIdsIn));
    for (const entry of entries) this.#addEntry(entry, failedIds);
    return {
      sentMs: envelope.sentMs,
      receivedMs: envelope.receivedMs,
      count: entries.length,
      size,
      addedAny: this.#seenIds.size > seenBefore,
    };
  }

  toList(times: ListTimes): RecipientList {
    return {
      ...times,
      records: this.#records,
      others: {
        accounts: this.#otherAccounts.size,
        withoutAccount: this.#withoutAccount.size,
      },
      skipped: this.#skipped,
    };
  }

  /**
   * `result` is published as nullable. It is read once more, because a null by
   * mistake would hide a recipient.
   */
  #decodePage({ request, result }: Envelope): readonly unknown[] {
    const isSecondNull = result === null && this.#wasNull;
    this.#wasNull = result === null;
    if (Array.isArray(result)) return result;
    if (isSecondNull) return [];
    const what =
      result === null ? '`result` is null' : '`result` is not a list';
    throw fromUnreadable(request, what);
  }

  #decodeEntry(entry: unknown, { request }: Envelope, at: string): Entry {
    const value = asObject(entry);
    if (!value) throw fromUnreadable(request, `${at} is not an object`);

    const { id } = value;
    const accountId = accountIdIn(value);
    const type = this.#isOwn(id, accountId) ? 'own' : 'other';
    try {
      const { clean, keepsAll } = this.#filter;
      const record = decodeRecipient(value, request, at, clean);
      if (type === 'own' || accountId === null || keepsAll)
        return { type, record };
      const isActive = isActiveStatus(record.status);
      return { type: 'counted', id: record.id, accountId, isActive };
    } catch (error) {
      // Somebody else's odd record must not make every run fail. One that names
      // nobody may be the organization's, or a target's.
      if (type === 'own' || accountId === null) throw error;
      asApiError(error);
      return { type: 'skipped', id: isId(id) ? id : null };
    }
  }

  #isOwn(id: unknown, accountId: string | null): boolean {
    const { targetIds, knownIds } = this.#filter;
    const isKnown = isId(id) && knownIds.has(id);
    return isKnown || (accountId !== null && targetIds.has(accountId));
  }

  #addEntry(entry: Entry, failedIds: ReadonlySet<string>): void {
    switch (entry.type) {
      case 'skipped':
        if (entry.id !== null) this.#seenIds.add(entry.id);
        this.#skipped++;
        return;
      case 'counted':
        this.#countOther(entry.id, entry.accountId, entry.isActive);
        return;
      case 'other': {
        const { id, accountId, status } = entry.record;
        this.#countOther(id, accountId, isActiveStatus(status));
        if (this.#filter.keepsAll) this.#keep(entry.record, failedIds);
        return;
      }
      case 'own':
        this.#seenIds.add(entry.record.id);
        // Another page may have shown it without its account.
        this.#withoutAccount.delete(entry.record.id);
        this.#keep(entry.record, failedIds);
    }
  }

  /** Of several copies of a record, one that names an account counts. */
  #countOther(id: string, accountId: string | null, isActive: boolean): void {
    const isFirstCopy = !this.#seenIds.has(id);
    this.#seenIds.add(id);
    if (accountId === null) {
      if (isFirstCopy && isActive) this.#withoutAccount.add(id);
      return;
    }
    this.#withoutAccount.delete(id);
    if (isActive) this.#otherAccounts.add(accountId);
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

/** In lower case; null where the record names no account, or an odd one. */
function accountIdIn(value: Readonly<Record<string, unknown>>): string | null {
  const { account_id: accountId } = value;
  return isId(accountId) ? accountId.toLowerCase() : null;
}

/** The ID of a record with a terminal error. */
function failedIdsIn(entry: Entry): string[] {
  if (entry.type === 'skipped' || entry.type === 'counted') return [];
  return hasTerminalError(entry.record) ? [entry.record.id] : [];
}

function hasId(entry: Entry): boolean {
  return entry.type !== 'skipped' || entry.id !== null;
}

function toSize(value: unknown): number | null {
  return typeof value === 'number' && value > 0 ? value : null;
}

/** A copy that names no account belongs to the account that another one names. */
function withAccounts(entries: readonly Entry[]): readonly Entry[] {
  const accountIds = new Map(
    entries.flatMap((entry) =>
      entry.type === 'own' ? [[entry.record.id, entry.record.accountId]] : [],
    ),
  );
  return entries.map((entry) => {
    if (entry.type !== 'other' || entry.record.accountId) return entry;
    const accountId = accountIds.get(entry.record.id);
    return accountId === undefined
      ? entry
      : { type: 'own', record: { ...entry.record, accountId } };
  });
}
