/**
 * What the tests of decisions are made of: observations, and writes that ended
 * at a moment.
 */
import { it } from 'vitest';
import type { ApiError } from '../../src/cloudflare/api-error.ts';
import type { Share, ShareRecipient, Target } from '../../src/domain.ts';
import { decide } from '../../src/reconcile/decide.ts';
import {
  firstObservations,
  type Observations,
  observeList,
} from '../../src/reconcile/observations.ts';
import type {
  Decision,
  Delete,
  Post,
  WriteResult,
} from '../../src/reconcile/target-state.ts';
import {
  A_SHARE,
  AN_ACCOUNT,
  apiError,
  listOf,
  OTHER,
  record,
  resourceError,
} from '../builders.ts';

const FIRST_MS = 100;
/** When the writes below ended. */
const WRITTEN_MS = 1_000;

const failed = (error: ApiError): WriteResult => {
  const { outcome } = error;
  if (outcome === 'notProcessed') throw new Error('that is no write');
  return { outcome, error };
};

/** Every result that a write can have. */
const RESULTS = {
  accepted: { outcome: 'accepted' },
  /** A reply was lost; the same request may succeed later. */
  lost: failed(
    apiError({ cause: 'network', isRetryable: true, outcome: 'unknown' }),
  ),
  /** A reply was lost, and the same request cannot succeed. */
  lostForGood: failed(apiError({ cause: 'server', outcome: 'unknown' })),
  conflict: failed(
    apiError({ cause: 'conflict', isRetryable: true, outcome: 'conflict' }),
  ),
  rejected: failed(apiError()),
} satisfies Record<string, WriteResult>;
export type Result = keyof typeof RESULTS;
export const ANY_RESULT = Object.keys(RESULTS) as Result[];

export function deleted(
  recipientId: string,
  result: Result,
  more: Partial<Delete> = {},
): Delete {
  return {
    recipientId,
    result: RESULTS[result],
    endedMs: WRITTEN_MS,
    wasAssociating: false,
    ...more,
  };
}

/** A POST before which these records were known. */
export function posted(
  result: Result,
  knownIds: ReadonlySet<string> = new Set(),
): Post {
  return { result: RESULTS[result], endedMs: WRITTEN_MS, knownIds };
}

/** `early`: the DELETE met an association, which has to end before. */
export type DeleteResult = Result | `early ${Result}`;

/** DELETEs of r1, one after the other. */
export function r1Deleted(...results: DeleteResult[]): Delete[] {
  return results.map((words) => {
    const result = words.replace('early ', '') as Result;
    return deleted('r1', result, { wasAssociating: words !== result });
  });
}

/** Older than every other record. */
export const OLDER = { created: '2025-01-01T00:00:00Z' };

/** The record r1 as it can be. */
export const associating = record('r1', 'associating');
export const associated = record('r1', 'associated');
export const ending = record('r1', 'disassociating');
export const removed = record('r1', 'disassociated');
export const odd = record('r1', 'odd');
export const failing = { ...associated, errors: [resourceError(true)] };
export const retried = { ...associated, errors: [resourceError(false)] };
export const unnamed = { ...associated, accountId: null };
export const ofOther = { ...associated, accountId: OTHER };

export interface Case {
  readonly target?: Target;
  readonly desired?: 'present' | 'absent';
  readonly unlistedRecords?: readonly ShareRecipient[] | null;
  readonly wait?: boolean;
  readonly dryRun?: boolean;
  /** Of the first list, which is all that was known before a write. */
  readonly first?: readonly ShareRecipient[];
  /** Of everything after it. */
  readonly later?: readonly ShareRecipient[];
  readonly posts?: readonly Result[];
  readonly deletes?: readonly Delete[];
  readonly inUse?: string | null;
  /** How long after the end of the last write the newest list was sent. */
  readonly ageMs?: number;
  /** How long after the first list the newest one was sent. */
  readonly listMs?: number;
  readonly share?: Share;
}

/** What was observed in a case. */
function observedIn(one: Case): Observations {
  const { first = [], later = [], listMs = 0, ageMs, share = A_SHARE } = one;
  const firstList = listOf(first, { sentMs: FIRST_MS });
  const known = firstObservations(firstList, { type: 'read', share });
  const sentMs = ageMs === undefined ? FIRST_MS + listMs : WRITTEN_MS + ageMs;
  return observeList(known, listOf(later, { sentMs }));
}

/** Decides a case. */
export function decided(one: Case): Decision {
  const {
    target = AN_ACCOUNT,
    desired = 'present',
    unlistedRecords = null,
    wait = true,
    dryRun = false,
    inUse = null,
    deletes = [],
  } = one;
  const knownIds = new Set((one.first ?? []).map(({ id }) => id));
  const posts = (one.posts ?? []).map((result) => posted(result, knownIds));
  const planned = { target, desired, unlistedRecords };
  const history = { planned, posts, deletes, inUse };
  return decide(history, { wait, dryRun }, observedIn(one));
}

/** A decision in a few words: `delete r1 r2`, `wait for status`. */
export function inWords({ next }: Pick<Decision, 'next'>): string {
  switch (next.do) {
    case 'delete':
      return `delete ${next.recipientIds.join(' ')}`;
    case 'wait':
      return `wait for ${next.for}`;
    case 'fail':
      return `fail: ${next.failure.cause}`;
    default:
      return next.do;
  }
}

/** The decision of a case in words. */
export function words(one: Case): string {
  return inWords(decided(one));
}

/** A test for each row of a table: its title goes on with the row's. */
export function rows<Row>(
  title: string,
  table: Readonly<Record<string, Row>>,
  check: (row: Row) => void,
): void {
  it.each(Object.entries(table))(`${title} %s`, (_, row) => check(row));
}
