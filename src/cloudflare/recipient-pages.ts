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
  /** Are records of other accounts needed, too? With `state: exact`. */
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

/** A record of a page, before it is decoded. */
interface RawRecord {
  readonly value: Readonly<Record<string, unknown>>;
  readonly envelope: Envelope;
  /** `result[3]`, for messages. */
  readonly at: string;
}

/** What a record of a page is to the run. */
type Entry =
  /** Of a target, or known to the run. */
  | { readonly type: 'own'; readonly record: ShareRecipient }
  /** It names no account: it may be the organization's. */
  | { readonly type: 'unnamed'; readonly record: ShareRecipient }
  | {
      readonly type: 'other';
      readonly id: string;
      readonly accountId: string;
      readonly isActive: boolean;
      /** Null where the run does not need it. */
      readonly record: ShareRecipient | null;
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

  #decodeEntry(entry: unknown, envelope: Envelope, at: string): Entry {
    const value = asObject(entry);
    if (!value)
      throw fromUnreadable(envelope.request, `${at} is not an object`);

    const raw = { value, envelope, at };
    const accountId = accountIdIn(value);
    if (this.#isOwn(value['id'], accountId)) {
      return { type: 'own', record: this.#decode(raw) };
    }
    // It may be the organization's, or a target's: an odd one fails the read.
    if (accountId === null) {
      return { type: 'unnamed', record: this.#decode(raw) };
    }
    return this.#decodeOther(raw, accountId);
  }

  #isOwn(id: unknown, accountId: string | null): boolean {
    const { targetIds, knownIds } = this.#filter;
    const isKnown = isId(id) && knownIds.has(id);
    return isKnown || (accountId !== null && targetIds.has(accountId));
  }

  /** Somebody else's odd record must not make every run fail. */
  #decodeOther(raw: RawRecord, accountId: string): Entry {
    const { id, association_status: status } = raw.value;
    if (!isId(id)) return { type: 'skipped', id: null };
    if (typeof status !== 'string' || status === '') {
      return { type: 'skipped', id };
    }

    const record = this.#filter.keepsAll ? this.#decodeOrSkip(raw) : null;
    if (record === 'skipped') return { type: 'skipped', id };
    const isActive = isActiveStatus(status);
    return { type: 'other', id, accountId, isActive, record };
  }

  #decode({ value, envelope, at }: RawRecord): ShareRecipient {
    return decodeRecipient(value, envelope.request, at, this.#filter.clean);
  }

  #decodeOrSkip(raw: RawRecord): ShareRecipient | 'skipped' {
    try {
      return this.#decode(raw);
    } catch (error) {
      asApiError(error);
      return 'skipped';
    }
  }

  #addEntry(entry: Entry, failedIds: ReadonlySet<string>): void {
    switch (entry.type) {
      case 'own':
        this.#keep(entry.record, failedIds);
        break;
      case 'unnamed':
        this.#addUnnamed(entry.record, failedIds);
        break;
      case 'other':
        this.#seenIds.add(entry.id);
        this.#withoutAccount.delete(entry.id);
        if (entry.isActive) this.#otherAccounts.add(entry.accountId);
        if (entry.record) this.#keep(entry.record, failedIds);
        break;
      case 'skipped':
        if (entry.id !== null) this.#seenIds.add(entry.id);
        this.#skipped++;
    }
  }

  #addUnnamed(record: ShareRecipient, failedIds: ReadonlySet<string>): void {
    // Another copy of it may name an account.
    const isFirstCopy = !this.#seenIds.has(record.id);
    this.#seenIds.add(record.id);
    if (isFirstCopy && isActiveStatus(record.status)) {
      this.#withoutAccount.add(record.id);
    }
    if (this.#filter.keepsAll) this.#keep(record, failedIds);
  }

  /**
   * Keeps each copy of a record, because pages may be of different age. Of two
   * copies in one response, only one with a terminal error counts: the other
   * would hide it.
   */
  #keep(record: ShareRecipient, failedIds: ReadonlySet<string>): void {
    this.#seenIds.add(record.id);
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
  const record = entry.type === 'skipped' ? null : entry.record;
  return record && hasTerminalError(record) ? [record.id] : [];
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
    if (entry.type !== 'unnamed') return entry;
    const accountId = accountIds.get(entry.record.id);
    return accountId === undefined
      ? entry
      : { type: 'own', record: { ...entry.record, accountId } };
  });
}
