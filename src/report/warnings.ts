/* What did not fail a run, and what a person has to know all the same. */
import type { ShareRecipient } from '../domain.ts';
import type { Observations } from '../reconcile/observations.ts';
import { isActive } from '../reconcile/readiness.ts';
import { isListed } from '../reconcile/target-state.ts';
import type { Result } from './result.ts';
import {
  duplicateWarning,
  lateWarning,
  nameOf,
  ownerWarning,
  skippedWarning,
  type WarningText,
} from './wording.ts';

/** All warnings at the end of a run. */
export function warningsOf(result: Result): WarningText[] {
  const { observed } = result.outcome;
  if (!observed) return [];

  return [
    ...duplicates(result, observed),
    ...skippedRecords(result, observed),
    ...ownerRecords(result, observed),
    ...lateRecords(result, observed),
  ];
}

/**
 * Accounts with more than one active record, which parallel runs can cause. The
 * oldest is in use.
 */
function duplicates(
  { outcome }: Result,
  { byAccount }: Observations,
): WarningText[] {
  return outcome.targets.flatMap(({ planned }) => {
    const { target, desired } = planned;
    if (target.type !== 'account' || desired !== 'present') return [];

    const records = byAccount.get(target.id) ?? [];
    const [used, ...others] = records.filter(isActive);
    if (!used || others.length === 0) return [];
    return [duplicateWarning(used, others, nameOf(target))];
  });
}

function skippedRecords(
  { outcome }: Result,
  { skipped }: Observations,
): WarningText[] {
  // The reason of the refusal says so.
  const isReason = outcome.refusal?.about === 'record';
  return skipped > 0 && !isReason ? [skippedWarning(skipped)] : [];
}

function ownerRecords(
  { inputs }: Result,
  { byAccount }: Observations,
): WarningText[] {
  if (inputs.state !== 'exact') return [];
  const active = (byAccount.get(inputs.accountId) ?? []).filter(isActive);
  return active.length > 0 ? [ownerWarning(active)] : [];
}

/** With `exact`: active records that the first list did not show. */
function lateRecords(
  { inputs, outcome }: Result,
  { records }: Observations,
): WarningText[] {
  // A run that was rejected has read no list but the first.
  if (inputs.state !== 'exact' || outcome.refusal) return [];

  const { targets } = outcome;
  const listed = new Set(
    targets.filter(isListed).map(({ planned }) => planned.target.id),
  );
  const firstSeen = new Set(
    targets.flatMap(({ planned }) =>
      (planned.unlistedRecords ?? []).map(({ id }) => id),
    ),
  );
  const isLate = (record: ShareRecipient) =>
    isActive(record) &&
    !firstSeen.has(record.id) &&
    record.accountId !== inputs.accountId &&
    !listed.has(record.accountId ?? '');
  const late = [...records.values()].filter(isLate);
  return late.length > 0
    ? [lateWarning(late, outcome.share?.organizationId ?? null)]
    : [];
}
