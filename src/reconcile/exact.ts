/*
 * `state: exact`: the list is the whole truth. Additions come first; then the
 * accounts go that the first list showed with access and that are not listed.
 * A plan that could remove the wrong accounts is rejected before its first
 * write.
 */
import type { Inputs, MaxRemovals, Share, ShareRecipient } from '../domain.ts';
import { formatCount, plural } from '../format.ts';
import { type Observations, shareIn } from './observations.ts';
import { isActive } from './readiness.ts';
import { formatFailure, refusedBecause } from './reasons.ts';
import {
  listedTargets,
  type Plan,
  type PlannedTarget,
  type Refusal,
} from './target-state.ts';

/** What a refusal depends on. */
interface ExactSituation {
  readonly inputs: Inputs;
  readonly observed: Observations;
  /** Accounts, the owner apart, that the first list shows with access. */
  readonly withAccess: ReadonlyMap<string, readonly ShareRecipient[]>;
  /** Those of them that are not listed. */
  readonly unlisted: readonly string[];
}

/** Plans a run with `state: exact` from the first list. */
export function planExact(inputs: Inputs, observed: Observations): Plan {
  const withAccess = accountsWithAccess(inputs, observed);
  const ids = new Set(inputs.targets.map(({ id }) => id));
  const unlisted = [...withAccess.keys()].filter((id) => !ids.has(id));
  const removals = unlisted.map((id): PlannedTarget => {
    const target = { type: 'account', id, label: null } as const;
    const unlistedRecords = withAccess.get(id) ?? [];
    return { target, desired: 'absent', unlistedRecords };
  });
  const situation = { inputs, observed, withAccess, unlisted };
  return {
    targets: [...listedTargets(inputs), ...removals],
    refusal: refusalOf(situation),
  };
}

/** The owner of the share is never counted nor removed. */
function accountsWithAccess(
  { accountId: owner }: Inputs,
  { byAccount }: Observations,
): ReadonlyMap<string, readonly ShareRecipient[]> {
  const withAccess = new Map<string, readonly ShareRecipient[]>();
  for (const [accountId, records] of byAccount) {
    const active = records.filter(isActive);
    if (active.length === 0 || accountId === owner) continue;
    withAccess.set(accountId, active);
  }
  return withAccess;
}

interface RefusalRule {
  readonly about: Refusal['about'];
  /** Why a run must not write; null where the rule does not match. */
  readonly reasonOf: (situation: ExactSituation) => string | null;
}

/** The first rule that matches decides. */
const REFUSAL_RULES: readonly RefusalRule[] = [
  { about: 'unread-share', reasonOf: shareIsUnreadable },
  { about: 'share', reasonOf: shareIsNotActive },
  { about: 'share', reasonOf: shareTargetsNoAccounts },
  { about: 'share', reasonOf: shareBelongsToAnother },
  { about: 'share', reasonOf: shareIsNotSent },
  { about: 'record', reasonOf: recordWasSkipped },
  { about: 'record', reasonOf: recordMayBeTheOrganization },
  { about: 'list', reasonOf: nothingListedHasAccess },
  { about: 'removals', reasonOf: tooManyRemovals },
];

function refusalOf(situation: ExactSituation): Refusal | null {
  for (const { about, reasonOf } of REFUSAL_RULES) {
    const reason = reasonOf(situation);
    if (reason) return refusedBecause(reason, about);
  }
  return null;
}

function shareIsUnreadable({ observed }: ExactSituation): string | null {
  const { shareReading } = observed;
  if (shareReading.type === 'read') return null;
  return `the share could not be read: ${formatFailure(shareReading.failure)}`;
}

function shareIsNotActive({ observed }: ExactSituation): string | null {
  return unless(shareIn(observed), 'status', 'active');
}

function shareTargetsNoAccounts({ observed }: ExactSituation): string | null {
  return unless(shareIn(observed), 'targetType', 'account');
}

function shareBelongsToAnother({
  observed,
  inputs,
}: ExactSituation): string | null {
  const owner = shareIn(observed)?.accountId ?? 'unknown';
  if (owner === inputs.accountId) return null;
  return `the owner of the share is ${owner}, not account-id`;
}

/** The API does not promise `kind`; who owns the share is another rule. */
function shareIsNotSent({ observed }: ExactSituation): string | null {
  if (shareIn(observed)?.kind === null) return null;
  return unless(shareIn(observed), 'kind', 'sent');
}

function unless(
  share: Share | null,
  member: 'status' | 'targetType' | 'kind',
  expected: string,
): string | null {
  const word = share?.[member] ?? 'unknown';
  if (word === expected) return null;
  const name = member === 'targetType' ? 'target_type' : member;
  return `the ${name} of the share is "${word}", not "${expected}"`;
}

function recordWasSkipped({ observed }: ExactSituation): string | null {
  const { skipped } = observed;
  if (skipped === 0) return null;
  const records = skipped === 1 ? 'record' : 'records';
  return `${skipped} ${records} of the list could not be read`;
}

/** Removing it could remove a whole organization. */
function recordMayBeTheOrganization({
  observed,
}: ExactSituation): string | null {
  const organizationId = shareIn(observed)?.organizationId ?? null;
  const record = [...observed.records.values()]
    .filter(isActive)
    .find(
      ({ accountId }) => accountId === null || accountId === organizationId,
    );
  if (!record) return null;
  const what =
    record.accountId === null ? 'names no account' : 'names an organization';
  return `recipient ${record.id} ${what}, so it may give access to all accounts of the organization`;
}

/** A wrong share, or a wrong list. */
function nothingListedHasAccess({
  inputs,
  withAccess,
  unlisted,
}: ExactSituation): string | null {
  const isPercentage = inputs.maxRemovals.unit === 'percent';
  const hasOnlyOthers =
    withAccess.size > 0 && unlisted.length === withAccess.size;
  if (!isPercentage || !hasOnlyOthers) return null;
  const whose =
    withAccess.size === 1
      ? 'the only account with access is not in the list'
      : `none of the ${formatCount(withAccess.size)} accounts with access is in the list`;
  return `${whose}: it may be the wrong share, or the wrong list`;
}

function tooManyRemovals({
  inputs,
  withAccess,
  unlisted,
}: ExactSituation): string | null {
  const allowed = allowedRemovals(inputs.maxRemovals, withAccess.size);
  if (unlisted.length <= allowed) return null;

  const all = plural(withAccess.size, 'account');
  const removals = `${formatCount(unlisted.length)} of ${all} would lose access`;
  return `${removals}, and max-removals allows ${formatCount(allowed)}`;
}

/**
 * How many accounts may lose access.
 * @param accounts how many have access, the owner apart
 */
export function allowedRemovals(
  maxRemovals: MaxRemovals,
  accounts: number,
): number {
  if (maxRemovals.unit === 'accounts') return maxRemovals.count;
  if (maxRemovals.percent === 0) return 0;
  return Math.max(1, Math.floor((accounts * maxRemovals.percent) / 100));
}
