/**
 * What the API knows: shares, the records of their recipients, and how each is
 * shown.
 */
import { randomBytes } from 'node:crypto';
import type { RecipientSeed, ShareSeed, SharesApiOptions } from './options.ts';
import {
  type Association,
  associate,
  combine,
  disassociate,
  newAssociation,
  type ResourceEntry,
  readAt,
  type Standing,
  settleRemoval,
  stateAt,
} from './timeline.ts';

/** Who gets access: one account, or all of an organization. */
export interface Target {
  kind: 'account' | 'organization';
  id: string;
}

/** A recipient as the API shows it. */
export interface Recipient {
  id: string;
  account_id: string;
  organization_id?: string;
  association_status: string;
  created: string;
  modified: string;
  resources?: ResourceEntry[] | null;
}

/** An item of a share's `resources` as the API shows it. */
interface ShareResource {
  id: string;
  created: string;
  modified: string;
  meta: Record<string, unknown>;
  resource_account_id: string;
  resource_id: string;
  resource_type: string;
  resource_version: number;
  status: string;
}

export interface RecipientRecord extends Association {
  id: string;
  target: Target;
  /**
   * Shown as `account_id` of an organization recipient whose ID is in neither
   * member.
   */
  memberId: string;
  /** Merged over what is shown, for odd data. */
  shown: Record<string, unknown> | undefined;
}

export interface Share extends ShareSeed {
  /** Milliseconds since the epoch. */
  created: number;
  /** In the order in which they were made. */
  records: RecipientRecord[];
  /** The same records by their ID; of an ID used twice, the first. */
  byId: Map<string, RecipientRecord>;
  /** The same records by the ID of their account or organization. */
  byTarget: Map<string, RecipientRecord[]>;
  items: ShareResource[];
}

export interface Store {
  options: SharesApiOptions;
  newId: () => string;
  /** By their ID. */
  shares: Map<string, Share>;
}

const DAY_MS = 86_400_000;
const SOME_ORGANIZATION = 'a0000000000000000000000000000001';

const iso = (ms: number): string => new Date(ms).toISOString();

/** A store with nothing in it. */
export function createStore(options: SharesApiOptions): Store {
  return {
    options,
    newId: options.newId ?? (() => randomBytes(16).toString('hex')),
    shares: new Map(),
  };
}

/** The organization of the share's owner. */
export function organizationOf({ organizationId }: Share): string {
  return organizationId ?? SOME_ORGANIZATION;
}

/** The `n`th of the records that `others` asks for. */
function otherId(n: number): string {
  return `f${n.toString(16).padStart(31, '0')}`;
}

function addOthers(store: Store, share: Share, count: number): void {
  for (let n = 0; n < count; n += 1) {
    const id = otherId(n);
    const record = addRecord(
      store,
      share,
      { kind: 'account', id },
      { id, created: share.created },
    );
    record.events.push({ at: share.created, status: 'associated' });
  }
}

/** Adds a share. */
export function addShare(store: Store, seed: ShareSeed): void {
  const created = seed.created ?? store.options.now() - 30 * DAY_MS;
  const items = (seed.resources ?? []).map((item) => ({
    id: store.newId(),
    created: iso(created),
    modified: iso(created),
    meta: {},
    resource_account_id: seed.accountId,
    resource_id: item.resourceId ?? store.newId(),
    resource_type: item.type ?? 'gateway-policy',
    resource_version: 1,
    status: 'active',
  }));
  const share: Share = {
    ...seed,
    created,
    records: [],
    byId: new Map(),
    byTarget: new Map(),
    items,
  };
  store.shares.set(seed.shareId, share);
  addOthers(store, share, seed.others ?? 0);
}

interface NewRecord {
  id: string;
  /** Milliseconds since the epoch. */
  created: number;
  shown?: Record<string, unknown> | undefined;
}

function addRecord(
  store: Store,
  share: Share,
  target: Target,
  { id, created, shown }: NewRecord,
): RecipientRecord {
  const { timeline = {}, timelines, organizationRecords } = store.options;
  const odd = { ...store.options.shown?.[target.id], ...shown };
  const record: RecipientRecord = {
    ...newAssociation(created, combine(timeline, timelines?.[target.id])),
    id,
    target,
    memberId: organizationRecords === 'neither' ? store.newId() : '',
    shown: Object.keys(odd).length > 0 ? odd : undefined,
  };

  share.records.push(record);
  for (const recordId of [id, odd['id']]) {
    if (typeof recordId === 'string' && !share.byId.has(recordId))
      share.byId.set(recordId, record);
  }
  const ofTarget = share.byTarget.get(target.id);
  if (ofTarget) ofTarget.push(record);
  else share.byTarget.set(target.id, [record]);
  return record;
}

/** Adds a record that is there already. Returns its ID. */
export function addRecipient(
  store: Store,
  shareId: string,
  seed: RecipientSeed,
): string {
  const share = store.shares.get(shareId);
  if (!share) throw new Error(`no such share: ${shareId}`);

  const now = store.options.now();
  const target: Target =
    seed.organizationId === undefined
      ? { kind: 'account', id: seed.accountId ?? store.newId() }
      : { kind: 'organization', id: seed.organizationId };
  const record = addRecord(store, share, target, {
    id: seed.id ?? store.newId(),
    created: seed.created ?? now - DAY_MS,
    shown: seed.shown,
  });
  record.timeline = combine(record.timeline, seed.settle);
  record.events.push({
    at: record.created,
    status: seed.status,
    resources: seed.resources ?? [],
  });

  if (seed.status === 'disassociating') settleRemoval(record, now);
  else if (seed.status === 'associating' || seed.settle) associate(record, now);
  if (seed.removed !== undefined) disassociate(record, seed.removed);
  return record.id;
}

/** Whether it has access, or is about to get it. */
export function isLiveAt(record: RecipientRecord, at: number): boolean {
  const status = stateAt(record, at)?.status;
  return status !== undefined && !status.startsWith('disassociat');
}

function recordsOf(share: Share, target: Target): RecipientRecord[] {
  return share.byTarget.get(target.id) ?? [];
}

/** The target's record that has access, or is about to get it. */
export function findLive(
  share: Share,
  target: Target,
  at: number,
): RecipientRecord | undefined {
  return recordsOf(share, target).find((record) => isLiveAt(record, at));
}

/**
 * The target's record that is over. For a millisecond at least, so that
 * `modified`, which has no smaller unit, shows the change.
 */
function findPast(
  share: Share,
  target: Target,
  at: number,
): RecipientRecord | undefined {
  return recordsOf(share, target).find((record) =>
    [at, at - 1].every((ms) => stateAt(record, ms)?.status === 'disassociated'),
  );
}

/** Makes a record, or takes up one that is over. */
export function createRecipient(
  store: Store,
  share: Share,
  target: Target,
  at: number,
): RecipientRecord {
  const past = store.options.reuseRecords
    ? findPast(share, target, at)
    : undefined;
  const record =
    past ?? addRecord(store, share, target, { id: store.newId(), created: at });
  record.events.push({ at, status: 'associating', resources: [] });
  associate(record, at);
  return record;
}

/** The members that say whose record it is. */
function membersOf(
  { target, memberId }: RecipientRecord,
  { organizationRecords }: SharesApiOptions,
): Pick<Recipient, 'account_id' | 'organization_id'> {
  if (target.kind === 'account') return { account_id: target.id };
  if (organizationRecords === 'neither') return { account_id: memberId };
  if (organizationRecords === 'organization_id')
    return { account_id: memberId, organization_id: target.id };
  return { account_id: target.id };
}

/** The record as it was at a time, without `shown`. */
export function recipientAt(
  record: RecipientRecord,
  at: number,
  options: SharesApiOptions,
): Recipient | undefined {
  const state = stateAt(record, at);
  return state && recipient(record, state, true, options);
}

/** The record as the reply to a write at that time shows it. */
export function replyRecipient(
  record: RecipientRecord,
  at: number,
  options: SharesApiOptions,
): object | undefined {
  const state = stateAt(record, at);
  return (
    state && withOddities(record, recipient(record, state, false, options))
  );
}

/** The record as a read finds it; a read that `counts` moves it on. */
export function readRecipient(
  record: RecipientRecord,
  read: { at: number; counts: boolean },
  withResources: boolean,
  options: SharesApiOptions,
): object | undefined {
  const state = readAt(record, read.at, read.counts);
  return (
    state &&
    withOddities(record, recipient(record, state, withResources, options))
  );
}

function withOddities(record: RecipientRecord, shown: Recipient): object {
  return record.shown ? { ...shown, ...record.shown } : shown;
}

function recipient(
  record: RecipientRecord,
  state: Standing,
  withResources: boolean,
  options: SharesApiOptions,
): Recipient {
  const shown: Recipient = {
    id: record.id,
    ...membersOf(record, options),
    association_status: state.status,
    created: iso(record.created),
    modified: iso(state.modified),
  };
  if (withResources) shown.resources = state.resources;
  return shown;
}

/** The share as its owner, or an account that gets it, sees it. */
export function showShare(
  share: Share,
  kind: 'sent' | 'received',
  withResources: boolean,
): Record<string, unknown> {
  return {
    id: share.shareId,
    account_id: share.accountId,
    account_name: share.accountName ?? 'Source account',
    organization_id: organizationOf(share),
    name: share.name,
    kind,
    status: share.status ?? 'active',
    target_type: share.targetType ?? 'account',
    created: iso(share.created),
    modified: iso(share.created),
    ...(withResources ? { resources: share.items } : {}),
    ...share.shown,
  };
}
