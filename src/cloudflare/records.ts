/* Decodes what the Shares API responds with, each member by its type. */
import {
  type Clean,
  type PublishedStatus,
  type ResourceError,
  type Share,
  type ShareRecipient,
  STATUSES,
  type Target,
} from '../domain.ts';
import { fromUnreadable, type RequestName } from './api-error.ts';
import type { Envelope } from './client.ts';
import { asObject, type JsonObject, toText } from './json.ts';

/** A share as a list of shares names it. */
export interface ShareName {
  /** Validated: fit for a path. */
  readonly id: string;
  /** Sanitized; need not be unique. */
  readonly name: string;
}

const MAX_ERRORS = 20;
const MAX_TEXT = 300;
const MAX_STATUS = 64;

/**
 * Is `value` an ID as the Shares API writes them (`maxLength: 32`)? Checked
 * before it becomes part of a path or of an output.
 */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9_-]{1,32}$/.test(value);
}

/**
 * Has Cloudflare given up on a resource? Checked before the status; the API
 * description calls it `terminal`.
 */
export function hasTerminalError({ errors }: ShareRecipient): boolean {
  return errors.some(({ terminal }) => terminal);
}

/**
 * Does a record with this status give access, or will it? Unknown statuses are
 * treated as active, so that no second recipient is created beside them.
 */
export function isActiveStatus(status: string): boolean {
  return status !== 'disassociating' && status !== 'disassociated';
}

/** @throws ApiError where the response is not a share */
export function decodeShare(
  { request, result }: Envelope,
  clean: Clean,
): Share {
  const share = asObject(result);
  if (!share) throw fromUnreadable(request, '`result` is not an object');
  return {
    name: clean(toText(share['name']), MAX_TEXT),
    status: toWord(share['status'], clean),
    targetType: toWord(share['target_type'], clean),
    kind: toWord(share['kind'], clean),
    accountId: toId(share['account_id']),
    organizationId: toId(share['organization_id']),
    resourceTypes: decodeResourceTypes(share['resources'], clean),
  };
}

function decodeResourceTypes(
  value: unknown,
  clean: Clean,
): ReadonlyMap<string, string> {
  const types = new Map<string, string>();
  for (const entry of Array.isArray(value) ? value : []) {
    const resource = asObject(entry);
    const id = clean(toText(resource?.['resource_id']), MAX_TEXT);
    types.set(id, clean(toText(resource?.['resource_type']), MAX_TEXT));
  }
  return types;
}

/** The shares of a list of shares; what is odd is left out. */
export function decodeShareNames(
  { result }: Envelope,
  clean: Clean,
): readonly ShareName[] {
  const shares = Array.isArray(result) ? result : [];
  return shares.flatMap((entry): ShareName[] => {
    const { id, name } = asObject(entry) ?? {};
    return isId(id) ? [{ id, name: clean(toText(name), MAX_TEXT) }] : [];
  });
}

/**
 * The record in the reply to a POST. Only its ID is required, which the client
 * has checked: a reply that names the record is never repeated, whatever else
 * it lacks. `associated` in it would prove nothing; a resource error counts.
 */
export function decodeCreated(
  { request, result }: Envelope,
  target: Target,
  clean: Clean,
): ShareRecipient {
  const record = asObject(result) ?? {};
  const errors = knownErrors(record['resources'], request, clean);
  return {
    id: toText(record['id']),
    accountId: target.type === 'account' ? target.id : null,
    status: 'associating',
    ...decodeDates(record),
    ...firstErrors(errors),
  };
}

/** None where they cannot be decoded: the next poll shows them again. */
function knownErrors(
  value: unknown,
  request: RequestName,
  clean: Clean,
): readonly ResourceError[] {
  try {
    return decodeErrors(value, request, 'result', clean);
  } catch {
    return [];
  }
}

/**
 * Decodes one record.
 * @param at where it is in the response, for messages: `result[3]`
 * @throws ApiError where a member that decisions depend on is malformed
 */
export function decodeRecipient(
  value: unknown,
  request: RequestName,
  at: string,
  clean: Clean,
): ShareRecipient {
  const record = asObject(value);
  if (!record) throw fromUnreadable(request, `${at} is not an object`);

  const { id, account_id: accountId, association_status: status } = record;
  if (!isId(id)) throw fromUnreadable(request, `${at}: \`id\` is not an ID`);
  if (!isEmpty(accountId) && !isId(accountId)) {
    throw fromUnreadable(request, `${at}: \`account_id\` is not an ID`);
  }
  if (typeof status !== 'string' || status === '') {
    const what = `${at}: \`association_status\` is not a status`;
    throw fromUnreadable(request, what);
  }
  const errors = decodeErrors(record['resources'], request, at, clean);
  return {
    id,
    accountId: toId(accountId),
    status: toStatus(status, clean),
    ...decodeDates(record),
    ...firstErrors(errors),
  };
}

/**
 * Would the value be decoded as `record`? False where that is not certain, as
 * with an error, or with a status that is not published.
 * @param value has the ID of the record
 */
export function isSameRecipient(
  value: JsonObject,
  record: ShareRecipient,
): boolean {
  return (
    value['account_id'] === record.accountId &&
    value['association_status'] === record.status &&
    STATUSES.some((word) => word === record.status) &&
    value['created'] === record.created &&
    value['modified'] === record.modified &&
    record.errors.length === 0 &&
    isHealthy(value['resources'])
  );
}

function isHealthy(resources: unknown): boolean {
  if (resources === undefined) return true;
  if (!Array.isArray(resources)) return false;
  return resources.every((resource) => asObject(resource)?.['error'] === '');
}

function firstErrors(
  errors: readonly ResourceError[],
): Pick<ShareRecipient, 'errors' | 'moreErrors'> {
  return {
    errors: errors.slice(0, MAX_ERRORS),
    moreErrors: Math.max(0, errors.length - MAX_ERRORS),
  };
}

/** Terminal errors first. Entries without an error are healthy. */
function decodeErrors(
  value: unknown,
  request: RequestName,
  at: string,
  clean: Clean,
): readonly ResourceError[] {
  if (isEmpty(value)) return [];
  if (!Array.isArray(value)) {
    throw fromUnreadable(request, `${at}: \`resources\` is not a list`);
  }
  const errors = value
    .map((entry) => decodeError(entry, request, at, clean))
    .filter((error) => error !== null);
  const isTerminal = (error: ResourceError) => error.terminal;
  const isRetried = (error: ResourceError) => !error.terminal;
  return [...errors.filter(isTerminal), ...errors.filter(isRetried)];
}

function decodeError(
  value: unknown,
  request: RequestName,
  at: string,
  clean: Clean,
): ResourceError | null {
  const entry = asObject(value);
  if (!entry)
    throw fromUnreadable(request, `${at}.resources: an entry is not an object`);

  const { error, terminal, resource_id: resourceId } = entry;
  if (isEmpty(error)) return null;
  const isTyped = isEmpty(terminal) || typeof terminal === 'boolean';
  if (typeof error !== 'string' || !isTyped) {
    throw fromUnreadable(request, `${at}.resources: an error is malformed`);
  }
  return {
    resourceId: isResourceId(resourceId) ? resourceId : 'without an ID',
    error: clean(error, MAX_TEXT),
    terminal: terminal === true,
  };
}

/** An ID of Cloudflare, or a UUID: later steps may use it in a shell. */
function isResourceId(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]{1,64}$/.test(value);
}

function decodeDates(
  record: JsonObject,
): Pick<ShareRecipient, 'created' | 'modified' | 'createdMs' | 'modifiedMs'> {
  const created = toDate(record['created']);
  const modified = toDate(record['modified']);
  return {
    created,
    modified,
    createdMs: toMs(created),
    modifiedMs: toMs(modified),
  };
}

/** Only what looks like a date; anything else could be text that does harm. */
function toDate(value: unknown): string {
  const text = toText(value);
  return /^[\d:.TZ+-]{1,40}$/.test(text) ? text : '';
}

function toMs(date: string): number | null {
  const ms = Date.parse(date);
  return Number.isNaN(ms) ? null : ms;
}

function toStatus(status: string, clean: Clean): ShareRecipient['status'] {
  const published: PublishedStatus | undefined = STATUSES.find(
    (word) => word === status,
  );
  return published ?? `"${clean(status, MAX_STATUS)}"`;
}

function toWord(value: unknown, clean: Clean): string | null {
  return typeof value === 'string' ? clean(value, MAX_STATUS) : null;
}

/** In lower case; null where it is missing or no ID. */
function toId(value: unknown): string | null {
  return isId(value) ? value.toLowerCase() : null;
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}
