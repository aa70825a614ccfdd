import type { Share, ShareRecipient } from './cloudflare/shares.ts';
import type { Inputs, Target } from './inputs.ts';
import { associate, belongsTo, byAge, failed, isLive, type Progress } from './progress.ts';

/** What was found before anything is written. */
export interface Found {
  readonly rows: readonly ShareRecipient[];
  /** null when the share could not be read. */
  readonly share: Share | null;
  readonly nowMs: number;
}

/** More than one live row of one account, which nothing should have made. */
export interface Duplicate {
  readonly target: Target;
  readonly used: ShareRecipient;
  readonly others: readonly ShareRecipient[];
}

/**
 * Decides for every target what has to happen, from the rows that are there.
 * @returns the targets in the order given; one with several live rows to remove is there once a row
 */
export function plan(inputs: Pick<Inputs, 'targets' | 'state' | 'wait'>, found: Found): Progress[] {
  const byAccount = groupByAccount(found.rows);
  return inputs.targets.flatMap((target) => {
    const candidates = target.type === 'account' ? (byAccount.get(target.id) ?? []) : found.rows;
    const own = candidates.filter((row) => belongsTo(row, target)).sort(byAge);
    const start = { ...unplanned(inputs, target, found.nowMs), looked: true, row: own.at(-1) ?? null };
    return inputs.state === 'present' ? [planPresent(start, own, found)] : planAbsent(start, own, found);
  });
}

/** A target of which nothing is known yet. */
export function unplanned(inputs: Pick<Inputs, 'state' | 'wait'>, target: Target, nowMs: number): Progress {
  return {
    target,
    want: inputs.state,
    wait: inputs.wait,
    step: 'create',
    looked: false,
    id: null,
    row: null,
    changed: false,
    writes: 0,
    startedMs: nowMs,
    sinceMs: nowMs,
    acceptedMs: null,
    endedMs: null,
    failure: null,
    maybeWritten: false,
    patienceMs: 0,
    mayWriteAgain: false,
  };
}

function planPresent(start: Progress, own: ShareRecipient[], { share, nowMs }: Found): Progress {
  if (share?.status === 'deleting' || share?.status === 'deleted') {
    return failed(start, { cause: 'share-deleting', message: `the share is ${share.status}` }, nowMs);
  }
  // A published status says for sure that the share is in force, so it goes before one that nobody knows.
  const live = own.find((row) => isPublished(row) && isLive(row)) ?? own.find(isLive);
  if (live) return associate(start, live, nowMs);
  if (share?.targetType === 'organization' && start.target.type === 'account') {
    const message = 'the share is targeted at an organization, so no single account can be added to it';
    return failed(start, { cause: 'share-organization', message }, nowMs);
  }
  const leaving = own.findLast((row) => row.status === 'disassociating');
  return leaving ? { ...start, step: 'clear', id: leaving.id, row: leaving } : start;
}

function planAbsent(start: Progress, own: ShareRecipient[], { rows, nowMs }: Found): Progress[] {
  const live = own.filter(isLive);
  if (live.length > 0) return live.map((row) => ({ ...start, step: 'remove', id: row.id, row }));
  const leaving = own.find((row) => row.status === 'disassociating');
  if (leaving) {
    const step = start.wait ? 'disassociate' : 'accepted';
    return [{ ...start, step, id: leaving.id, row: leaving, endedMs: start.wait ? null : nowMs }];
  }
  const others = rows.filter(isLive);
  if (start.target.type === 'organization' && own.length === 0 && others.length > 0) {
    const saw = others
      .slice(0, 5)
      .map((row) => `${row.id} (account ${row.accountId || 'unknown'}, ${row.status})`);
    const more = others.length > 5 ? ` and ${others.length - 5} more` : '';
    const message = `no row of the organization was recognised, and ${saw.join(', ')}${more} may be it: nothing was removed`;
    return [failed(start, { cause: 'inconclusive', message }, nowMs)];
  }
  return [{ ...start, step: 'settled', id: start.row?.id ?? null, endedMs: nowMs }];
}

function groupByAccount(rows: readonly ShareRecipient[]): Map<string, ShareRecipient[]> {
  const groups = new Map<string, ShareRecipient[]>();
  for (const row of rows) {
    const group = groups.get(row.accountId);
    if (group) group.push(row);
    else groups.set(row.accountId, [row]);
  }
  return groups;
}

function isPublished({ status }: ShareRecipient): boolean {
  return status === 'associating' || status === 'associated';
}

/** The live rows that should not be: of every account with more than one, the oldest is the one in use. */
export function duplicates(targets: readonly Target[], rows: readonly ShareRecipient[]): Duplicate[] {
  const live = groupByAccount(rows.filter(isPublished));
  return targets.flatMap((target) => {
    const [used, ...others] = target.type === 'account' ? (live.get(target.id) ?? []).toSorted(byAge) : [];
    return used && others.length > 0 ? [{ target, used, others }] : [];
  });
}
