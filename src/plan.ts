import type { Share, ShareRecipient } from './cloudflare/shares.ts';
import type { Inputs, Target } from './inputs.ts';
import { associate, failed, type Look, type Progress } from './progress.ts';
import { inForce, isLive, isPublished, ownRows } from './rows.ts';

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
  const rowsOf = ownRows(found.rows);
  return inputs.targets.flatMap((target) => {
    const own = rowsOf(target);
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

function planPresent(start: Progress, own: readonly ShareRecipient[], { share, nowMs }: Found): Progress {
  if (share?.status === 'deleting' || share?.status === 'deleted') {
    return failed(start, { cause: 'share-deleting', message: `the share is ${share.status}` }, nowMs);
  }
  const live = inForce(own);
  if (live) return associate(start, live, nowMs);
  if (share?.targetType === 'organization' && start.target.type === 'account') {
    const message = 'the share is targeted at an organization, so no single account can be added to it';
    return failed(start, { cause: 'share-organization', message }, nowMs);
  }
  const leaving = own.find((row) => row.status === 'disassociating');
  return leaving ? { ...start, step: 'clear', id: leaving.id, row: leaving } : start;
}

function planAbsent(start: Progress, own: readonly ShareRecipient[], { rows, nowMs }: Found): Progress[] {
  const isOrganization = start.target.type === 'organization';
  const due = own.some((row) => isDoubtful(start.target, row)) ? [] : removals(start, own, nowMs);
  if (due.length > 0) return due;
  const others = rows.filter((row) => row.status !== 'disassociated');
  if (isOrganization && others.length > 0) {
    const saw = others
      .slice(0, 5)
      .map((row) => `${row.id} (account ${row.accountId || 'unknown'}, ${row.status})`);
    const more = others.length > 5 ? ` and ${others.length - 5} more` : '';
    const message = `no row of the organization was recognised without doubt, and ${saw.join(', ')}${more} may be it: nothing was removed`;
    return [failed(start, { cause: 'inconclusive', message }, nowMs)];
  }
  return [{ ...start, step: 'settled', id: start.row?.id ?? null, endedMs: nowMs }];
}

/** Should the row of an account tell the organization that it belongs to, it is not the organization's own. */
function isDoubtful({ type, id }: Target, { accountId }: ShareRecipient): boolean {
  return type === 'organization' && accountId !== '' && accountId !== id;
}

/** One for each row that is in the share still: a live one is removed, one that is leaving is waited for. */
function removals(start: Progress, own: readonly ShareRecipient[], nowMs: number): Progress[] {
  return own
    .filter((row) => row.status !== 'disassociated')
    .map((row) => {
      if (isLive(row)) return { ...start, step: 'remove', id: row.id, row };
      const step = start.wait ? 'disassociate' : 'accepted';
      return { ...start, step, id: row.id, row, endedMs: start.wait ? null : nowMs };
    });
}

/**
 * What there is to remove besides `all`: rows that an earlier look did not show because it lagged, or because
 * somebody has added them since.
 */
export function newcomers(all: readonly Progress[], { own, nowMs }: Look): Progress[] {
  const known = new Set(all.map(({ id }) => id));
  const targets = new Map(all.map((p) => [p.target, p]));
  return [...targets].flatMap(([target, { want, wait, startedMs }]) => {
    if (want === 'present') return [];
    const start = { ...unplanned({ state: want, wait }, target, startedMs), looked: true, sinceMs: nowMs };
    return removals(
      start,
      own(target).filter((row) => !known.has(row.id) && !isDoubtful(target, row)),
      nowMs,
    );
  });
}

/** The live rows that should not be: of every account with more than one, the oldest is the one in use. */
export function duplicates(targets: readonly Target[], rows: readonly ShareRecipient[]): Duplicate[] {
  const rowsOf = ownRows(rows.filter(isPublished));
  return targets.flatMap((target) => {
    const [used, ...others] = target.type === 'account' ? rowsOf(target) : [];
    return used && others.length > 0 ? [{ target, used, others }] : [];
  });
}
