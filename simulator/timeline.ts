/**
 * How one recipient's association goes, as a list of dated events: the future
 * is written down when it begins, and how things stand at a moment is what the
 * events up to then say.
 */

/**
 * An entry of a recipient's `resources`; `error` may be empty, null or missing
 * in a healthy one.
 */
export interface ResourceEntry {
  error?: string | null;
  resource_id: string;
  resource_version: number;
  terminal?: boolean | null;
}

/**
 * How one recipient's association goes. Times are milliseconds after the change
 * that starts it.
 */
export interface Timeline {
  /** Until `associated`; default 2000, or never when `steps` are given. */
  associateMs?: number | 'never';
  /** Until `disassociated`; default 2000. */
  disassociateMs?: number | 'never';
  /**
   * States on the way, known to the published list or not; `resources` stay
   * until another step sets them.
   */
  steps?: Array<{
    afterMs: number;
    status?: string;
    resources?: ResourceEntry[] | null;
  }>;
  /**
   * Errors that appear (`afterMs`, default 0) and, unless they are for ever,
   * clear again (`clearsMs`).
   */
  errors?: Array<ResourceEntry & { afterMs?: number; clearsMs?: number }>;
  /**
   * Only a write changes `modified`, not what follows from it; whether it does
   * is not published.
   */
  keepsModified?: boolean;
}

const DEFAULT_MS = 2000;

/**
 * The timeline of one record. A record that says anything about associating
 * says all about it: with the `associateMs` of other records, its own steps
 * would be mixed with one that its author never wrote.
 */
export function combine(general: Timeline, own: Timeline = {}): Timeline {
  const { associateMs, steps, errors, ...others } = general;
  const saysHow =
    own.associateMs !== undefined ||
    own.steps !== undefined ||
    own.errors !== undefined;
  return saysHow ? { ...others, ...own } : { ...general, ...own };
}

interface Event {
  at: number;
  status?: string;
  resources?: ResourceEntry[] | null;
  keepsModified?: boolean;
}

/** All times are milliseconds since the epoch. */
export interface Association {
  created: number;
  timeline: Timeline;
  events: Event[];
  errors: Array<{ entry: ResourceEntry; from: number; until: number }>;
}

/** How it stood at `t`, or undefined before its first event. */
export function stateAt(
  association: Association,
  t: number,
):
  | { status: string; modified: number; resources: ResourceEntry[] | null }
  | undefined {
  let status: string | undefined;
  let modified = association.created;
  let resources: ResourceEntry[] | null = [];
  for (const event of association.events) {
    if (event.at > t) break;
    status = event.status ?? status;
    if (event.resources !== undefined) resources = event.resources;
    if (!event.keepsModified) modified = event.at;
  }
  if (status === undefined) return undefined;
  const errors = association.errors
    .filter(({ from, until }) => from <= t && t < until)
    .map(({ entry }) => entry);
  return {
    status,
    modified,
    resources:
      errors.length > 0 ? [...(resources ?? []), ...errors] : resources,
  };
}

/** Dates everything that follows from associating at `from`. */
export function associate(association: Association, from: number): void {
  const {
    steps = [],
    errors = [],
    associateMs = steps.length > 0 ? 'never' : DEFAULT_MS,
    keepsModified = false,
  } = association.timeline;
  for (const { afterMs, ...step } of steps) {
    association.events.push({ at: from + afterMs, keepsModified, ...step });
  }
  if (associateMs !== 'never') {
    association.events.push({
      at: from + associateMs,
      keepsModified,
      status: 'associated',
    });
  }
  association.events.sort((a, b) => a.at - b.at);
  for (const {
    afterMs = 0,
    clearsMs = Number.POSITIVE_INFINITY,
    ...entry
  } of errors) {
    association.errors.push({
      entry,
      from: from + afterMs,
      until: from + clearsMs,
    });
  }
}

/** The soft delete: what was still to come is dropped, the record stays. */
export function disassociate(association: Association, at: number): void {
  association.events = association.events.filter((event) => event.at <= at);
  for (const error of association.errors)
    error.until = Math.min(error.until, at);
  association.events.push({ at, status: 'disassociating', resources: [] });
  settleRemoval(association, at);
}

/** Dates the end of a removal under way since `from`. */
export function settleRemoval(association: Association, from: number): void {
  const { disassociateMs = DEFAULT_MS, keepsModified = false } =
    association.timeline;
  if (disassociateMs !== 'never') {
    association.events.push({
      at: from + disassociateMs,
      keepsModified,
      status: 'disassociated',
    });
  }
}
