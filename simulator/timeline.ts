/**
 * How one recipient's association goes. What follows from a change is written
 * down when the change is made: as an event with its date, or as one that waits
 * until reads have shown the record often enough. How things stand at a moment
 * is what the dated events up to then say.
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

/** What a step sets. */
interface State {
  /** Published or not; without it the status stays. */
  status?: string;
  /** They stay until another step sets them. */
  resources?: ResourceEntry[] | null;
}

/** A step that the clock brings. */
interface TimedStep extends State {
  /** Milliseconds after the change that starts the timeline. */
  afterMs: number;
}

/** A step that reads bring. */
interface CountedStep extends State {
  /** So many reads show the record without it; the next one shows it. */
  afterReads: number;
}

/** An error that appears and, unless it is permanent, clears again. */
interface TimelineError extends ResourceEntry {
  /** Milliseconds until it appears; default 0. */
  afterMs?: number;
  /** Instead: so many reads show the record without it. */
  afterReads?: number;
  /** Milliseconds until it clears, from the same start; default never. */
  clearsMs?: number;
  /** Instead: so many reads, from the same start, come before it clears. */
  clearsReads?: number;
}

/**
 * How one recipient's association goes after the change that starts it: a POST,
 * a DELETE, or its seed. With reads instead of milliseconds, it does not depend
 * on how fast the machine is. A read counts if it shows the record, in the list
 * or by its ID, with that change, and if no fault spoils the response; one that
 * is only late counts. Of a pair of `…Ms` and `…Reads`, only one may be given.
 */
export interface Timeline {
  /** Until `associated`; default 2000, or never when `steps` are given. */
  associateMs?: number | 'never';
  /** Instead: so many reads come before the first that shows `associated`. */
  associateReads?: number;
  /** Until `disassociated`; default 2000. */
  disassociateMs?: number | 'never';
  /**
   * Instead: so many reads come before the first that shows `disassociated`.
   */
  disassociateReads?: number;
  /** States on the way. */
  steps?: Array<TimedStep | CountedStep>;
  /** Errors on the way. */
  errors?: TimelineError[];
  /**
   * Only a write changes `modified`, not what follows from it; whether it does
   * is not published.
   */
  keepsModified?: boolean;
}

/** A timeline whose steps all have a time. */
export interface TimedTimeline extends Timeline {
  steps?: TimedStep[];
}

/** When something happens. */
type Moment =
  | { by: 'clock'; afterMs: number }
  | { by: 'reads'; afterReads: number }
  | { by: 'nothing' };

interface Event extends State {
  /** Milliseconds since the epoch. */
  at: number;
  keepsModified?: boolean;
}

/** Something that happens when reads have shown the record often enough. */
interface Awaited {
  /** Reads of an earlier moment do not count. */
  since: number;
  readsLeft: number;
  happen: (at: number) => void;
}

interface ErrorPeriod {
  entry: ResourceEntry;
  /** Milliseconds since the epoch; infinite while reads are awaited. */
  from: number;
  until: number;
}

export interface Association {
  /** Milliseconds since the epoch. */
  created: number;
  timeline: Timeline;
  /** In the order of their dates. */
  events: Event[];
  errors: ErrorPeriod[];
  awaited: Awaited[];
}

/** How a record stands at a moment. */
export interface Standing {
  status: string;
  /** Milliseconds since the epoch. */
  modified: number;
  resources: ResourceEntry[] | null;
}

const DEFAULT_MS = 2000;

/** An association in which nothing has happened yet. */
export function newAssociation(
  created: number,
  timeline: Timeline,
): Association {
  return {
    created,
    timeline,
    events: [],
    errors: [],
    awaited: [],
  };
}

/**
 * The timeline of one record. A record that says anything about associating
 * says all about it: with the time of other records, its own steps would be
 * mixed with one that its author never wrote. The same holds for
 * disassociating.
 */
export function combine(general: Timeline, ofRecord: Timeline = {}): Timeline {
  const combined: Timeline = { ...general, ...ofRecord };
  const { associateMs, associateReads, steps, errors } = ofRecord;
  const saysHow = [associateMs, associateReads, steps, errors].some(
    (option) => option !== undefined,
  );
  if (saysHow) {
    for (const option of [
      'associateMs',
      'associateReads',
      'steps',
      'errors',
    ] as const) {
      if (ofRecord[option] === undefined) delete combined[option];
    }
  }
  if (ofRecord.disassociateMs !== undefined) delete combined.disassociateReads;
  if (ofRecord.disassociateReads !== undefined) delete combined.disassociateMs;
  return combined;
}

/** How it stood at `t`, or undefined before its first event. */
export function stateAt(
  association: Association,
  t: number,
): Standing | undefined {
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
  if (errors.length > 0) resources = [...(resources ?? []), ...errors];
  return { status, modified, resources };
}

/**
 * How a read at `t` finds it, after what was waiting for this read. Only a read
 * that `counts` brings nearer what waits for more of them.
 */
export function readAt(
  association: Association,
  t: number,
  counts: boolean,
): Standing | undefined {
  if (association.awaited.length > 0) {
    const reached = association.awaited.filter(({ since }) => since <= t);
    for (const { readsLeft, happen } of reached) {
      if (readsLeft === 0) happen(t);
    }
    association.awaited = association.awaited.filter(
      ({ since, readsLeft }) => since > t || readsLeft > 0,
    );
    if (counts) {
      for (const change of reached) change.readsLeft -= 1;
    }
  }
  return stateAt(association, t);
}

function addEvent({ events }: Association, event: Event): void {
  events.push(event);
  events.sort((a, b) => a.at - b.at);
}

/** Does it when its moment has come, counted from `from`. */
function when(
  association: Association,
  from: number,
  moment: Moment,
  happen: (at: number) => void,
): void {
  switch (moment.by) {
    case 'clock':
      happen(from + moment.afterMs);
      return;
    case 'reads':
      association.awaited.push({
        since: from,
        readsLeft: moment.afterReads,
        happen,
      });
      return;
    case 'nothing':
      return;
  }
}

function momentOf(
  ms: number | 'never' | undefined,
  reads: number | undefined,
  defaultMs: number | 'never',
): Moment {
  if (ms !== undefined && reads !== undefined)
    throw new Error('a time and a number of reads exclude each other');
  if (reads !== undefined) return { by: 'reads', afterReads: reads };
  const afterMs = ms ?? defaultMs;
  return afterMs === 'never' ? { by: 'nothing' } : { by: 'clock', afterMs };
}

function stepMoment(step: TimedStep | CountedStep): Moment {
  return 'afterReads' in step
    ? { by: 'reads', afterReads: step.afterReads }
    : { by: 'clock', afterMs: step.afterMs };
}

function planError(
  association: Association,
  from: number,
  error: TimelineError,
): void {
  const { afterMs, afterReads, clearsMs, clearsReads, ...entry } = error;
  const period: ErrorPeriod = {
    entry,
    from: Number.POSITIVE_INFINITY,
    until: Number.POSITIVE_INFINITY,
  };
  association.errors.push(period);
  when(association, from, momentOf(afterMs, afterReads, 0), (at) => {
    period.from = at;
  });
  when(association, from, momentOf(clearsMs, clearsReads, 'never'), (at) => {
    period.until = at;
  });
}

/** Plans everything that follows from associating at `from`. */
export function associate(association: Association, from: number): void {
  const {
    steps = [],
    errors = [],
    associateMs,
    associateReads,
    keepsModified = false,
  } = association.timeline;
  for (const step of steps) {
    const { status, resources } = step;
    when(association, from, stepMoment(step), (at) =>
      addEvent(association, {
        at,
        keepsModified,
        ...(status === undefined ? {} : { status }),
        ...(resources === undefined ? {} : { resources }),
      }),
    );
  }

  const associated = momentOf(
    associateMs,
    associateReads,
    steps.length > 0 ? 'never' : DEFAULT_MS,
  );
  when(association, from, associated, (at) =>
    addEvent(association, { at, keepsModified, status: 'associated' }),
  );
  for (const error of errors) planError(association, from, error);
}

/** The soft delete: what was still to come is dropped, the record stays. */
export function disassociate(association: Association, at: number): void {
  association.events = association.events.filter((event) => event.at <= at);
  association.awaited = [];
  for (const error of association.errors)
    error.until = Math.min(error.until, at);
  association.events.push({ at, status: 'disassociating', resources: [] });
  settleRemoval(association, at);
}

/** Plans the end of a removal under way since `from`. */
export function settleRemoval(association: Association, from: number): void {
  const {
    disassociateMs,
    disassociateReads,
    keepsModified = false,
  } = association.timeline;
  const end = momentOf(disassociateMs, disassociateReads, DEFAULT_MS);
  when(association, from, end, (at) =>
    addEvent(association, { at, keepsModified, status: 'disassociated' }),
  );
}
