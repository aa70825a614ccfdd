import type { GitHubContext } from '../github/context.ts';
import type { Inputs } from '../inputs.ts';
import {
  type Failure,
  formatFailure,
  type TargetState,
} from '../reconcile/decide.ts';
import type { Observations } from '../reconcile/observations.ts';
import { isActive, stage } from '../reconcile/readiness.ts';

/**
 * A run that is over, as plain data: everything that outputs, annotations and
 * the summary are made of.
 */
export interface Result {
  readonly inputs: Inputs;
  readonly context: GitHubContext;
  readonly states: readonly TargetState[];
  /** Null where the recipients could not be read at all. */
  readonly observed: Observations | null;
  readonly isCancelled: boolean;
  readonly cost: {
    readonly requests: number;
    readonly retries: number;
    readonly tookMs: number;
  };
}

/**
 * Did every target reach the desired state? A dry run succeeds if a run could.
 */
export function isSuccess({ states, inputs, isCancelled }: Result): boolean {
  const isFine = ({ action }: TargetState) =>
    action === 'done' || (inputs.dryRun && action !== 'fail');
  return !isCancelled && states.every(isFine);
}

/** The failures of a run, each with all targets that it concerns. */
export function groupFailures(
  states: readonly TargetState[],
): { failure: Failure; states: TargetState[] }[] {
  const groups = new Map<string, { failure: Failure; states: TargetState[] }>();
  for (const state of states) {
    if (state.action !== 'fail' || !state.failure) continue;
    const key = `${state.failure.cause} ${state.failure.reason}`;
    groups.set(key, groups.get(key) ?? { failure: state.failure, states: [] });
    groups.get(key)?.states.push(state);
  }
  return [...groups.values()];
}

/** `1 of 3 accounts failed`: how the run ended. */
export function headline({ states, inputs, isCancelled }: Result): string {
  const noun = states[0]?.target.type ?? 'account';
  const all = plural(states.length, noun);
  const failed = states.filter(({ action }) => action === 'fail').length;
  const changed = states.filter((state) => state.changed).length;
  const verb = inputs.state === 'present' ? 'added' : 'removed';
  if (isCancelled)
    return `cancelled with ${states.length - failed} of ${all} done`;
  if (failed > 0)
    return `${failed} of ${all} ${inputs.dryRun ? 'would fail' : 'failed'}`;
  if (inputs.dryRun) return `${changed} of ${all} would be ${verb}`;
  const done =
    changed > 0 &&
    `${plural(changed, noun)} ${verb}${inputs.wait ? '' : ', not awaited'}`;
  const rest =
    changed < states.length &&
    `${plural(states.length - changed, noun)} unchanged`;
  return [done, rest].filter(Boolean).join(', ');
}

/**
 * What a run does for a target, from its first observation: a sign and a few
 * words.
 */
export function describePlan(
  state: TargetState,
  { state: desired, wait }: Inputs,
): string {
  const { action, recipient, failure, target } = state;
  const isEnding = recipient !== null && stage(recipient) === 1;
  if (failure) return `! not possible: ${formatFailure(failure)}`;
  if (action === 'delete')
    return `- remove recipient ${recipient?.id} (${recipient?.status})`;
  if (desired === 'absent')
    return isEnding
      ? '= already being removed'
      : '= not a recipient: no change';
  if (recipient && isActive(recipient)) {
    return `= already ${recipient.status}: ${action === 'wait' && wait ? 'wait' : 'no change'}`;
  }
  if (isEnding) return `+ add after recipient ${recipient.id} is removed`;
  if (recipient) return '+ add again (was a recipient before)';
  return target.type === 'account'
    ? '+ add'
    : '+ add (whether it is a recipient already cannot be observed)';
}

/** Milliseconds as a measured time: `0.4 s`, `12.3 s`, `245 s`. */
export function formatSeconds(ms: number): string {
  return `${(Math.max(0, ms) / 1000).toFixed(ms < 100_000 ? 1 : 0)} s`;
}

/** `1 account`, `3 accounts`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** `a, b, c and 4 more`. */
export function listOf(names: readonly string[], max: number): string {
  const more = names.length - max;
  return more > 0
    ? `${names.slice(0, max).join(', ')} and ${more} more`
    : names.join(', ');
}

/** What the run took: `3.2 s`, `5 requests`, `1 of them retries`. */
export function describeCost({
  cost: { requests, retries, tookMs },
}: Result): string[] {
  const retried = retries > 0 ? [`${retries} of them retries`] : [];
  return [formatSeconds(tookMs), plural(requests, 'request'), ...retried];
}
