import type { Clock } from '../clock.ts';
import type { Delay } from '../cloudflare/client.ts';
import type { Inputs, Share } from '../domain.ts';
import type { InputNotes } from '../inputs/load-inputs.ts';
import { type Observations, shareIn } from '../reconcile/observations.ts';
import type { Progress } from '../reconcile/reconciler.ts';
import { nameOfResource } from '../reconcile/resource-errors.ts';
import {
  failureOf,
  hasWritten,
  isPending,
  type TargetState,
} from '../reconcile/target-state.ts';
import { adviceFor, type Circumstances, TITLES } from './failure-guide.ts';
import { areMany } from './result.ts';
import type { Sink } from './sink.ts';
import {
  changeLine,
  changesTitle,
  delayLine,
  moreFailuresLine,
  nameOfState,
  othersLine,
  planCounts,
  planLine,
  planOf,
  progressLine,
  retriedErrors,
  retriedResourceWarning,
  shareAndOwner,
  slowPlanWarning,
  startLine,
  tlsVariableWarning,
  unreadShareLine,
  type WarningText,
  waitingLine,
} from './wording.ts';

/** What a run does, as it happens. */
export interface ProgressLog extends Progress {
  /** The first line, before any request. */
  start(notes: InputNotes, ignoresTlsVariable: boolean): void;
  /** What the first list shows; `remainingMs` is left of the timeout. */
  planned(
    targets: readonly TargetState[],
    observed: Observations,
    remainingMs: number,
  ): void;
  /** A request, or all of them, are delayed. */
  delayed(delay: Delay): void;
}

/** After so long without a line, the next poll writes one. */
const PROGRESS_MS = 15_000;
/** So many failures of a cause have a line of their own as they happen. */
const MAX_FAILURES = 20;
const MAX_HELD_BACK = 3;
/** So many resources that Cloudflare retries have an annotation. */
const MAX_RETRIED = 3;
/** Cloudflare's published rate limit. */
const LIMIT_REQUESTS = 1_200;
const LIMIT_WINDOW_MS = 300_000;

/** Opens the log of a run. */
export function createProgressLog(
  sink: Sink,
  inputs: Inputs,
  clock: Clock,
): ProgressLog {
  let share: Share | null = null;
  let targets: readonly unknown[] = inputs.targets;
  let overIds = new Set<string>();
  /** Over when the plan was made, and ever since. */
  let overAtPlan = new Set<string>();
  let writeWasAccepted = false;
  let lastLineMs = clock.now();
  const lineCounts = new Map<string, number>();
  const retriedResources = new Set<string>();

  function log(text: string): void {
    sink.info(text);
    lastLineMs = clock.now();
  }

  function warn({ title, text }: WarningText): void {
    sink.annotate({ level: 'warning', title, text, link: null });
  }

  /** How often it has been called with that key, this call included. */
  function countLine(key: string): number {
    const count = (lineCounts.get(key) ?? 0) + 1;
    lineCounts.set(key, count);
    return count;
  }

  function logPlan(all: readonly TargetState[]): void {
    const lines = all.map((state) => ({
      text: `${nameOfState(state)} ${planLine(state, inputs)}`,
      isChange: planOf(state, inputs).sign !== '=',
    }));
    if (!areMany(all)) {
      for (const { text } of lines) log(text);
      return;
    }
    log(`Plan: ${planCounts(all, inputs)}`);
    // A dry run ends with the same lines: the report has them.
    const isReviewed = inputs.state === 'exact' && !inputs.dryRun;
    const changes = lines.filter(({ isChange }) => isChange);
    if (!isReviewed || changes.length === 0) return;
    sink.group(
      changesTitle(changes.length),
      changes.map(({ text }) => text),
    );
  }

  function wasPending(state: TargetState): boolean {
    return !overAtPlan.has(keyOf(state));
  }

  /** One failure or write of a target, where there are few of them. */
  function logStep(to: TargetState, text: string): void {
    const progress =
      targets.length > 1 && !isPending(to)
        ? ` (${overIds.size} of ${targets.length})`
        : '';
    // The annotation shows the failure of a single target.
    const isShownLater = targets.length === 1 && to.next.do === 'fail';
    if (!isShownLater) log(`${nameOfState(to)}: ${text}${progress}`);
  }

  /** The same where there are many: only what needs attention. */
  function logExcerpt(from: TargetState, to: TargetState, text: string): void {
    const limit = excerptOf(from, to, {
      // Nothing changes before the list was read.
      wasRead: 'list',
      writeWasAccepted,
      credentials: inputs.credentials.type,
      refusedFor: null,
      isShareListed: false,
      dryRun: inputs.dryRun,
    });
    const line = `${nameOfState(to)}: ${text}`;
    const count = limit ? countLine(limit.key) : 0;
    if (!limit || count > limit.max) sink.debug(line);
    else log(line);
    if (limit && count === limit.max + 1 && limit.title) {
      log(moreFailuresLine(limit.title, limit.max));
    }
  }

  function warnOfRetriedResources(to: TargetState): void {
    if (to.next.do !== 'wait') return;

    const errors = retriedErrors(to).filter(
      ({ resourceId }) => !retriedResources.has(resourceId),
    );
    for (const { resourceId, error } of errors) {
      retriedResources.add(resourceId);
      const name = nameOfResource(resourceId, share);
      const warning = retriedResourceWarning(`${name}: ${error}`, to);
      // GitHub shows ten warnings: some are kept for what needs somebody.
      if (retriedResources.size <= MAX_RETRIED) warn(warning);
      else log(`${warning.title}: ${warning.text}`);
    }
  }

  return {
    start(notes, ignoresTlsVariable) {
      log(startLine(inputs, notes));
      if (ignoresTlsVariable) warn(tlsVariableWarning);
    },

    planned(all, observed, remainingMs) {
      share = shareIn(observed);
      targets = all;
      overIds = new Set(all.filter((state) => !isPending(state)).map(keyOf));
      overAtPlan = new Set(overIds);
      log(shareAndOwner(share, inputs));
      const { shareReading } = observed;
      // A plan with `exact` is rejected for it, and says so.
      if (shareReading.type === 'failed' && inputs.state !== 'exact') {
        log(unreadShareLine(shareReading.failure));
      }
      logPlan(all);
      const others = othersLine(observed.others);
      if (others && inputs.state !== 'exact') log(others);
      const slow = slowPlan(all, inputs, remainingMs);
      if (slow) warn(slow);
    },

    changed(from, to) {
      writeWasAccepted ||= hasWritten(to);
      if (isPending(to)) {
        overIds.delete(keyOf(to));
        overAtPlan.delete(keyOf(to));
      } else overIds.add(keyOf(to));
      const text = changeLine(from, to, clock.now());
      if (text && areMany(targets)) logExcerpt(from, to, text);
      else if (text) logStep(to, text);
      warnOfRetriedResources(to);
    },

    polled(all, leftMs) {
      const isDue = clock.now() - lastLineMs >= PROGRESS_MS;
      if (!isDue || !all.some(isPending)) return;
      const [only] = all;
      if (only && all.length === 1) log(waitingLine(only, clock.now(), leftMs));
      else log(progressLine(all.filter(wasPending), leftMs, inputs));
    },

    delayed(delay) {
      log(delayLine(delay));
    },
  };
}

/** A run has targets of one type, so an ID is enough. */
function keyOf({ planned }: TargetState): string {
  return planned.target.id;
}

/** Which changes of many targets have a line, and how many of a key. */
function excerptOf(
  from: TargetState,
  to: TargetState,
  circumstances: Circumstances,
): { key: string; max: number; title: string | null } | null {
  const failure = failureOf(to);
  if (!failure) {
    const heldBack = to.heldBack === from.heldBack ? null : to.heldBack;
    if (!heldBack) return null;
    return {
      key: `held back ${heldBack.why}`,
      max: MAX_HELD_BACK,
      title: null,
    };
  }
  // These end many targets at once: the report has one line with their count.
  const isOfRun = /^(stopped|timeout|cancelled|refused)$/.test(failure.cause);
  if (isOfRun) return null;
  const { topic } = adviceFor(failure, circumstances);
  return {
    key: failure.cause,
    // It says nothing about a single target.
    max: failure.cause === 'authentication' ? 1 : MAX_FAILURES,
    title: TITLES[topic],
  };
}

/** Null where the writes can fit into the time that is left. */
function slowPlan(
  targets: readonly TargetState[],
  inputs: Inputs,
  remainingMs: number,
): WarningText | null {
  const isRefused = targets.some(
    (state) => failureOf(state)?.cause === 'refused',
  );
  if (isRefused) return null;
  const writes = targets.filter((state) => {
    const { sign } = planOf(state, inputs);
    return sign === '+' || sign === '-';
  }).length;
  // The first ones may go at once, the others as fast as the window allows.
  const waiting = Math.max(0, writes - LIMIT_REQUESTS);
  const requiredMs = (waiting / LIMIT_REQUESTS) * LIMIT_WINDOW_MS;
  if (inputs.dryRun || requiredMs <= remainingMs) return null;
  return slowPlanWarning(writes, requiredMs, remainingMs);
}
