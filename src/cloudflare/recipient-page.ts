import type { Clean, ShareRecipient } from '../domain.ts';
import { ApiError, fromUnreadable, type RequestName } from './api-error.ts';
import { asObject, type JsonObject, toText } from './json.ts';
import {
  decodeRecipient,
  isActiveStatus,
  isId,
  isSameRecipient,
} from './records.ts';

/** Which records of a list are kept. Of the others, accounts are counted. */
export interface RecipientFilter {
  /** IDs of the targets of the run. */
  readonly targetIds: ReadonlySet<string>;
  /**
   * Records of the run: that the reply to a POST named, that a list showed as
   * a target's, or that a DELETE is sent for.
   */
  readonly knownIds: ReadonlySet<string>;
  /**
   * Are records of other accounts needed, too? With `state: exact`, they may
   * have to go; the record of an organization may name any account.
   */
  readonly keepsAll: boolean;
  /**
   * The last copy of each record that was kept of a list, by its ID. One that
   * is as it was is taken from here: copies of 20,000 records for each poll
   * would fill the memory.
   */
  readonly before: ReadonlyMap<string, ShareRecipient>;
  /** Sanitizes what a server sent. */
  readonly clean: Clean;
}

/** A record of a page that matters to the run. */
export interface Entry {
  /** Of a target, or known to the run? Others may have to go, or name nobody. */
  readonly isOwn: boolean;
  readonly record: ShareRecipient;
}

/**
 * What a page has, as far as it has been read. Records of other accounts are
 * counted while they come in. Unless the filter keeps all, they are not kept:
 * there may be 100,000 of them.
 */
export class RecipientPage {
  readonly #filter: RecipientFilter;
  readonly #request: RequestName;
  readonly #entries: Entry[] = [];
  /** IDs of the records of other accounts, as far as they have one. */
  readonly otherIds = new Set<string>();
  /** The other accounts that have access, or will have it. */
  readonly otherAccounts = new Set<string>();
  /** How many records there are in all. */
  count = 0;
  /** How many records of other accounts could not be decoded. */
  skipped = 0;
  #error: unknown = null;

  /** @param request for messages about odd records */
  constructor(filter: RecipientFilter, request: RequestName) {
    this.#filter = filter;
    this.#request = request;
  }

  /** Takes the next record. Never throws: see `entries`. */
  take(value: unknown): void {
    const at = `result[${this.count++}]`;
    try {
      this.#decode(value, at);
    } catch (error) {
      this.#error ??= error;
    }
  }

  /**
   * The records that matter. A copy that names no account belongs to the
   * account that another one names.
   * @throws ApiError where a record that may be of a target is odd
   */
  entries(): readonly Entry[] {
    if (this.#error !== null) throw this.#error;
    const isNobodys = ({ isOwn, record }: Entry) => !isOwn && !record.accountId;
    return this.#entries.some(isNobodys)
      ? withAccounts(this.#entries)
      : this.#entries;
  }

  #decode(entry: unknown, at: string): void {
    const value = asObject(entry);
    if (!value) throw fromUnreadable(this.#request, `${at} is not an object`);

    const { id } = value;
    const accountId = accountIdIn(value);
    const isOwn = this.#isOwn(id, accountId);
    try {
      this.#add(this.#decodeRecord(value, at), isOwn);
    } catch (error) {
      // Somebody else's odd record must not make every run fail. One that names
      // nobody may be the organization's, or a target's.
      const isOthers = !isOwn && accountId !== null;
      if (!isOthers || !(error instanceof ApiError)) throw error;
      if (isId(id)) this.otherIds.add(id);
      this.skipped++;
    }
  }

  #decodeRecord(value: JsonObject, at: string): ShareRecipient {
    const { before, clean } = this.#filter;
    const known = before.get(toText(value['id']));
    return known && isSameRecipient(value, known)
      ? known
      : decodeRecipient(value, this.#request, at, clean);
  }

  #isOwn(id: unknown, accountId: string | null): boolean {
    const { targetIds, knownIds } = this.#filter;
    const isKnown = isId(id) && knownIds.has(id);
    return isKnown || (accountId !== null && targetIds.has(accountId));
  }

  #add(record: ShareRecipient, isOwn: boolean): void {
    const { id, accountId, status } = record;
    if (isOwn || accountId === null) {
      this.#entries.push({ isOwn, record });
      return;
    }
    this.otherIds.add(id);
    if (isActiveStatus(status)) this.otherAccounts.add(accountId);
    if (this.#filter.keepsAll) this.#entries.push({ isOwn, record });
  }
}

/** In lower case; null where the record names no account, or an odd one. */
function accountIdIn(value: JsonObject): string | null {
  const { account_id: accountId } = value;
  return isId(accountId) ? accountId.toLowerCase() : null;
}

function withAccounts(entries: readonly Entry[]): readonly Entry[] {
  const own = entries.filter(({ isOwn }) => isOwn);
  const accountIds = new Map(
    own.map(({ record }) => [record.id, record.accountId]),
  );
  return entries.map((entry) => {
    if (entry.isOwn || entry.record.accountId) return entry;
    const accountId = accountIds.get(entry.record.id);
    return accountId === undefined
      ? entry
      : { isOwn: true, record: { ...entry.record, accountId } };
  });
}
