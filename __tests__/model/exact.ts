/**
 * What `state: exact` may remove, read from the first list and without the code
 * under test.
 */
import { type Observation, type Seen, stage } from './responses.ts';
import { ORGANIZATION, OWNER, SHARE, type Trace } from './world.ts';

/** What the first list allows. */
export interface Allowance {
  /** The active records of the accounts that have to go, by account. */
  readonly unlisted: ReadonlyMap<string, readonly Seen[]>;
  /** How many accounts the run may remove. */
  readonly maxRemovals: number;
  /** Must the run write nothing at all? */
  readonly isRefused: boolean;
}

/** @returns null without a list that could be read */
export function allowanceOf(
  trace: Trace,
  first: Observation | undefined,
): Allowance | null {
  if (!first) return null;
  const { targets, schedule } = trace;
  const active = first.records.filter((record) => stage(record) === 0);
  const withAccess = new Map<string, Seen[]>();
  for (const record of active) {
    const { accountId } = record;
    if (accountId === OWNER || accountId === null) continue;
    withAccess.set(accountId, [...(withAccess.get(accountId) ?? []), record]);
  }
  const unlisted = new Map(
    [...withAccess].filter(([id]) => !targets.includes(id)),
  );
  const maxRemovals = numberOf(schedule.maxRemovals, withAccess.size);
  const hasOnlyOthers =
    withAccess.size > 0 && withAccess.size === unlisted.size;
  const mayBeOrganization = ({ accountId }: Seen) =>
    accountId === null || accountId === ORGANIZATION;
  const isRefused =
    !isShareFit(trace) ||
    active.some(mayBeOrganization) ||
    (schedule.maxRemovals.endsWith('%') && hasOnlyOthers) ||
    unlisted.size > maxRemovals;
  return { unlisted, maxRemovals, isRefused };
}

/** A percentage is rounded down, and only `0%` allows no account. */
function numberOf(maxRemovals: string, accounts: number): number {
  const number = Number.parseInt(maxRemovals, 10);
  if (!maxRemovals.endsWith('%') || number === 0) return number;
  return Math.max(1, Math.floor((number / 100) * accounts));
}

/** Was the share read, and is it active, ours, and for single accounts? */
function isShareFit({ schedule, exchanges }: Trace): boolean {
  const { status, targetType, shown } = schedule.share;
  const share = {
    status,
    target_type: targetType,
    kind: 'sent',
    account_id: OWNER,
    ...shown,
  };
  const isRead = exchanges.some(
    ({ path, isGenuine, response }) =>
      path.endsWith(`/shares/${SHARE}`) &&
      isGenuine &&
      response?.type === 'response' &&
      response.status === 200,
  );
  return (
    isRead &&
    share.status === 'active' &&
    share.target_type === 'account' &&
    // The API does not promise `kind`.
    (typeof share.kind !== 'string' || share.kind === 'sent') &&
    share.account_id === OWNER
  );
}
