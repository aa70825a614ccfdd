/**
 * What the tests of decisions are made of: observations, and writes that ended
 * at a moment.
 */
import type { Classification } from '../../src/cloudflare/api-error.ts';
import type { ShareRecipient } from '../../src/cloudflare/shares.ts';
import type { Target } from '../../src/inputs.ts';
import {
  type Decision,
  decide,
  type Write,
} from '../../src/reconcile/decide.ts';
import {
  firstObservations,
  type Observations,
  observe,
} from '../../src/reconcile/observations.ts';
import { ACCOUNT, apiError, ORGANIZATION } from '../builders.ts';

export const AN_ACCOUNT: Target = { type: 'account', id: ACCOUNT };
export const AN_ORGANIZATION: Target = {
  type: 'organization',
  id: ORGANIZATION,
};

const FIRST_MS = 100;
/** When the writes below ended. */
const WRITTEN_MS = 1_000;

const write = (
  is: Partial<Classification> | null,
  recipientId: string | null = null,
): Write => ({
  recipientId,
  endedMs: WRITTEN_MS,
  error: is && apiError(is),
  isCounted: true,
  known: new Map(),
});

export const accepted = (id?: string) => write(null, id);
/** A response was lost; the same request may succeed later. */
export const unknown = (id?: string) =>
  write({ failure: 'network', retryable: true, outcome: 'unknown' }, id);
/** A response was lost, and the same request cannot succeed. */
export const lastUnknown = (id?: string) =>
  write({ failure: 'server', outcome: 'unknown' }, id);
export const conflict = (id?: string) =>
  write({ retryable: true, outcome: 'conflict' }, id);
export const rejected = (id?: string) => write({ outcome: 'rejected' }, id);

export interface Case {
  readonly target?: Target;
  readonly state?: 'present' | 'absent';
  readonly wait?: boolean;
  readonly dryRun?: boolean;
  /** Of the first list, which is all that was known before a write. */
  readonly first?: readonly ShareRecipient[];
  /** Of everything after it. */
  readonly later?: readonly ShareRecipient[];
  readonly writes?: readonly Write[];
  readonly inUse?: string | null;
  /** How long after the end of the last write the newest list was sent. */
  readonly ageMs?: number;
  /** How long after the first list the newest one was sent. */
  readonly listMs?: number;
  readonly types?: ReadonlyMap<string, string>;
}

/** What was observed in a case. */
export function observedIn({
  first = [],
  later = [],
  listMs = 0,
  ageMs,
  types,
}: Case): Observations {
  const share = types ? { name: '', resourceTypes: new Map(types) } : null;
  const known = firstObservations({ records: first, sentMs: FIRST_MS }, share);
  const sentMs = ageMs === undefined ? FIRST_MS + listMs : WRITTEN_MS + ageMs;
  return observe(known, { records: later, sentMs });
}

/** Decides a case. */
export function decided(one: Case): Decision {
  const {
    target = AN_ACCOUNT,
    state = 'present',
    wait = true,
    dryRun = false,
    writes = [],
    inUse = null,
  } = one;
  const { records: known } = firstObservations(
    { records: one.first ?? [], sentMs: FIRST_MS },
    null,
  );
  const sent = writes.map((write) => ({ ...write, known }));
  return decide(
    { target, writes: sent, inUse },
    { state, wait, dryRun },
    observedIn(one),
  );
}
