/*
 * Every sentence that people read in the log, in annotations and in the
 * summary, but for the titles and the advice of failures, which are in
 * failure-guide.ts.
 */
import type { Delay } from '../cloudflare/client.ts';
import type {
  Failure,
  HeldBack,
  Inputs,
  OtherRecipients,
  ResourceError,
  Share,
  ShareRecipient,
  Target,
} from '../domain.ts';
import {
  asSentence,
  formatCount,
  formatDuration,
  formatSeconds,
  formatWait,
  listOf,
  plural,
} from '../format.ts';
import type { DeploymentProblem } from '../github/deployment.ts';
import type { InputNotes } from '../inputs/load-inputs.ts';
import type { Observations } from '../reconcile/observations.ts';
import { isActive, isDisassociating } from '../reconcile/readiness.ts';
import { formatFailure, nameOfRecord } from '../reconcile/reasons.ts';
import { describeErrors } from '../reconcile/resource-errors.ts';
import {
  failureOf,
  isPending,
  lastDeletes,
  lastResultOf,
  type Outcome,
  openDeleteOf,
  type PlannedTarget,
  type PollCounts,
  type TargetState,
  type Waiting,
  type WriteResult,
} from '../reconcile/target-state.ts';
import {
  byKind,
  type Cost,
  isShareListed,
  type Kind,
  type LeftOut,
  lateRecord,
  type Result,
} from './result.ts';

/** A warning: it does not fail the step. */
export interface WarningText {
  /** At most six words. */
  readonly title: string;
  /** What happened, and what follows from it. */
  readonly text: string;
}

/** The titles of warnings: docs/troubleshooting.md lists them. */
export const WARNING_TITLES = {
  tls: 'TLS verification stays on',
  slowPlan: 'Timeout too short for the plan',
  retried: 'Cloudflare is retrying a resource',
  duplicate: 'Account has more than one recipient',
  skipped: 'Recipients could not be read',
  late: 'Recipient appeared during the run',
  owner: 'Owner is a recipient',
  deployment: 'Deployment record could not be written',
  summary: 'Job summary could not be written',
} as const;

// -------- names

/** `023e… (EMEA)`: an ID and, where the list has one, its label. */
export function nameOf({ id, label }: Target): string {
  return label === null ? id : `${id} (${label})`;
}

export function nameOfState({ planned }: TargetState): string {
  return nameOf(planned.target);
}

/** `account` or `organization`; a run has targets of one type. */
export function nounOf(targets: readonly TargetState[]): string {
  return targets[0]?.planned.target.type ?? 'account';
}

/** `Share "Baseline" (3fd8…), owner 699d…`. */
export function shareAndOwner(share: Share | null, inputs: Inputs): string {
  return `Share ${nameOfShare(share, inputs)}, owner ${inputs.accountId}`;
}

function nameOfShare(share: Share | null, { shareId }: Inputs): string {
  return share?.name ? `"${share.name}" (${shareId})` : shareId;
}

// -------- the start of a run

/** `Sharing 3fd8… of account 699d… with 3 accounts; timeout 10m`. */
export function startLine(inputs: Inputs, notes: InputNotes): string {
  const parts = [task(inputs), `timeout ${inputs.timeout}`];
  if (inputs.dryRun) parts.push('dry run');
  if (!inputs.wait) parts.push('without waiting');
  parts.push(...notes.fallbacks, ...describeNotes(notes));
  return parts.join('; ');
}

function task({ state, targets, shareId, accountId }: Inputs): string {
  const noun = targets[0]?.type ?? 'account';
  const who = plural(targets.length, noun);
  const share = `${shareId} of account ${accountId}`;

  if (state === 'absent') return `Removing ${who} from ${share}`;
  if (state === 'exact') return `Sharing ${share} with exactly ${who}`;
  return `Sharing ${share} with ${who}`;
}

function describeNotes({ disabledIds, repeatedIds }: InputNotes): string[] {
  const notes: string[] = [];
  if (disabledIds > 0) {
    notes.push(`${plural(disabledIds, 'ID')} in comments not used`);
  }
  if (repeatedIds > 0) {
    notes.push(`${plural(repeatedIds, 'repeated ID')} used once`);
  }
  return notes;
}

export const tlsVariableWarning: WarningText = {
  title: WARNING_TITLES.tls,
  text:
    'NODE_TLS_REJECT_UNAUTHORIZED=0 is ignored: the action always ' +
    'verifies certificates.',
};

export const emptyInputAdvice =
  'An empty input often comes from a secret or variable that does ' +
  'not reach the job: check its name, the ' +
  "job's environment, and whether a fork or Dependabot started the workflow.";

/** `12 other accounts have access`; empty where there are none. */
export function othersLine({ accounts, withoutAccount }: OtherRecipients) {
  const parts: string[] = [];
  if (accounts > 0) {
    const verb = accounts === 1 ? 'has' : 'have';
    parts.push(`${plural(accounts, 'other account')} ${verb} access`);
  }
  if (withoutAccount > 0) {
    const who = plural(withoutAccount, 'recipient');
    parts.push(`${who} without an account, possibly an organization`);
  }
  return parts.join(', and ');
}

/** Without the share, its status and its type have not been checked. */
export function unreadShareLine(failure: Failure): string {
  // It has two seconds more than the list: the step goes on.
  if (failure.cause === 'timeout')
    return 'The share could not be read in time.';
  return `The share could not be read: ${formatFailure(failure)}`;
}

// -------- the plan

/** What a run does for one target, from its first observation. */
export interface PlanLine {
  /** Added, removed, nothing to do, not possible. */
  readonly sign: '+' | '-' | '=' | '!';
  /** `add`, `remove`, or why nothing is done. */
  readonly text: string;
  /** What follows in the log: records, and why. The summary has columns. */
  readonly detail?: string;
  /** What the plan of many targets counts: `to add`. */
  readonly group: string;
}

export function planOf(state: TargetState, inputs: Inputs): PlanLine {
  const failure = failureOf(state);
  // A plan that was rejected as a whole still shows each change.
  if (failure && failure.cause !== 'refused') {
    const isCancelled = failure.cause === 'cancelled';
    const text = isCancelled ? 'not planned' : 'not possible';
    const detail = `: ${formatFailure(failure)}`;
    return { sign: '!', text, detail, group: text };
  }
  if (state.planned.desired === 'absent') return planRemoval(state);
  return planAddition(state, inputs);
}

/** `+ add`. */
export function planLine(state: TargetState, inputs: Inputs): string {
  const { sign, text, detail = '' } = planOf(state, inputs);
  return `${sign} ${text}${detail}`;
}

function planAddition(state: TargetState, inputs: Inputs): PlanLine {
  const { recipient, planned } = state;
  if (recipient && isActive(recipient)) return planKept(state, inputs);
  if (recipient && isDisassociating(recipient)) {
    const detail = ` after recipient ${recipient.id} is removed`;
    return { sign: '+', text: 'add', detail, group: 'to add' };
  }
  if (recipient) {
    const text = 'add again (was a recipient before)';
    return { sign: '+', text, group: 'to add' };
  }
  const text =
    planned.target.type === 'account' ? 'add' : 'add (no recipient names it)';
  return { sign: '+', text, group: 'to add' };
}

function planKept(state: TargetState, { wait }: Inputs): PlanLine {
  const { recipient, next } = state;
  const retried = countRetried(state);
  const detail =
    retried > 0
      ? ` (Cloudflare is retrying ${plural(retried, 'resource')})`
      : '';
  const group = `already ${recipient?.status}`;
  // A plan that was rejected fails what it would have waited for.
  const isWaiting = next.do === 'wait' || next.do === 'fail';
  const rest = isWaiting && wait ? 'wait' : 'no change';
  return { sign: '=', text: `${group}: ${rest}`, detail, group };
}

function planRemoval({ recipient, next, planned }: TargetState): PlanLine {
  if (recipient && isActive(recipient)) {
    const when = planned.unlistedRecords ? ' after the additions' : '';
    const ids = next.do === 'delete' ? next.recipientIds : unlistedIds(planned);
    const who = nameRecipients([...new Set([recipient.id, ...ids])]);
    const detail = ` ${who} (${recipient.status})${when}`;
    return { sign: '-', text: 'remove', detail, group: 'to remove' };
  }
  if (recipient && isDisassociating(recipient)) {
    const group = 'already being removed';
    return { sign: '=', text: group, group };
  }
  const isConfirming = next.do === 'wait' && next.for === 'confirmation';
  const rest = isConfirming ? 'confirming for 10 s' : 'no change';
  return {
    sign: '=',
    text: `not a recipient: ${rest}`,
    group: 'without a recipient',
  };
}

/** `recipient c41f…`, or `recipients c41f…, 9b02…`. */
function nameRecipients(ids: readonly string[]): string {
  const noun = ids.length === 1 ? 'recipient' : 'recipients';
  return `${noun} ${listOf(ids, 20)}`;
}

function unlistedIds({ unlistedRecords }: PlannedTarget): readonly string[] {
  return (unlistedRecords ?? []).map(({ id }) => id);
}

/** `950 to add, 50 already associated`: the plan of many targets. */
export function planCounts(
  targets: readonly TargetState[],
  inputs: Inputs,
): string {
  const counts = new Map<string, number>();
  for (const state of targets) {
    const { group } = planOf(state, inputs);
    counts.set(group, (counts.get(group) ?? 0) + 1);
  }
  return [...counts]
    .map(([group, count]) => `${formatCount(count)} ${group}`)
    .join(', ');
}

/** The title of the plan of many targets, without what stays as it is. */
export function changesTitle(count: number): string {
  return count === 1 ? 'The change' : `All ${plural(count, 'change')}`;
}

export function slowPlanWarning(
  writes: number,
  requiredMs: number,
  remainingMs: number,
): WarningText {
  return {
    title: WARNING_TITLES.slowPlan,
    text:
      `${plural(writes, 'write')} take at least ` +
      `${formatDuration(requiredMs)} at Cloudflare's published rate ` +
      'limit, ' +
      `and ${formatDuration(remainingMs)} of timeout are left. Raise ` +
      'timeout, or run again to continue.',
  };
}

// -------- what happens to a target

/** What a change means for a reader; empty where it means nothing. */
export function changeLine(
  from: TargetState,
  to: TargetState,
  nowMs: number,
): string {
  if (to.heldBack && isHeldBackAnew(from, to)) {
    return describeHeldBack(to.heldBack);
  }
  const written = describeNewWrite(from, to);
  if (written !== null) return written;

  const failure = failureOf(to);
  if (failure) return failureOf(from) ? '' : failedLine(failure);
  return describeStatusChange(from, to, nowMs);
}

/** Each list holds a write back again: another attempt or reason is news. */
function isHeldBackAnew(from: TargetState, to: TargetState): boolean {
  if (to.heldBack === from.heldBack) return false;
  // What follows from it, a failure, has a line of its own.
  if (to.heldBack?.why === 'stopped') return false;
  const wasAttempted = to.heldBack?.why === 'not-processed';
  return wasAttempted || to.heldBack?.why !== from.heldBack?.why;
}

export function failedLine(failure: Failure): string {
  return `failed: ${formatFailure(failure)}`;
}

function describeStatusChange(
  from: TargetState,
  to: TargetState,
  nowMs: number,
): string {
  const isNew = statusWord(to) !== statusWord(from);
  const isDone = to.next.do === 'done' && isPending(from);
  if (!isNew && !isDone) return '';
  const after = `after ${formatSeconds(nowMs - to.startedMs)}`;
  const status = `${statusWord(to)} ${after}`;
  if (!isDone || !hasStillAccess(to)) return status;
  return isDeleted(to)
    ? `removal accepted, not awaited: still ${status}`
    : `removed, but recipient ${to.inUse}, which appeared later, is ${status}`;
}

function hasStillAccess({ planned, recipient }: TargetState): boolean {
  const isOver = planned.desired === 'absent' && recipient !== null;
  return isOver && isActive(recipient);
}

/** Did the run send a DELETE for the record that shows where it stands? */
function isDeleted({ recipient, deletes }: TargetState): boolean {
  return deletes.some(({ recipientId }) => recipientId === recipient?.id);
}

function statusWord({ recipient }: TargetState): string {
  return recipient?.status ?? 'not a recipient';
}

/** Null where nothing was written. */
function describeNewWrite(from: TargetState, to: TargetState): string | null {
  const post = to.posts.at(-1);
  if (post && to.posts.length > from.posts.length) {
    return describeWrite(post.result, `added as recipient ${to.inUse}`);
  }
  const removal = to.deletes.at(-1);
  if (removal && to.deletes.length > from.deletes.length) {
    const { result, recipientId } = removal;
    return describeWrite(result, `removing recipient ${recipientId}`);
  }
  return null;
}

function describeWrite(result: WriteResult, accepted: string): string {
  switch (result.outcome) {
    case 'accepted':
      return accepted;
    case 'unknown':
      return (
        'the request may have been carried out: ' +
        `${formatFailure(result.error.failure)}`
      );
    case 'conflict':
      return `another change is under way: ${formatFailure(result.error.failure)}`;
    case 'rejected':
      // What follows from it, a failure, has a line of its own.
      return '';
  }
}

/** Why a write was not carried out, and for how long. */
export function describeHeldBack(heldBack: HeldBack): string {
  switch (heldBack.why) {
    case 'not-processed':
      return `held back until the next list: ${describeNotProcessed(heldBack.failure)}`;
    case 'rate-limit':
      return (
        `held back for ${formatWait(heldBack.waitMs)}, to stay within the ` +
        'rate limit'
      );
    case 'retry-after':
      return (
        `held back for ${formatWait(heldBack.waitMs)}, as requested by the ` +
        'response to an earlier write'
      );
    case 'stale-list':
      return (
        'held back until the next list, because the last one is too old ' +
        'for a write'
      );
    case 'stopped':
      return heldBack.failure.reason;
    case 'step-over':
      return 'not sent, because the step is about to end';
  }
}

/** The same when the run is over, and no list follows. */
function describeHeldBackAtEnd(heldBack: HeldBack): string {
  return heldBack.why === 'not-processed'
    ? describeNotProcessed(heldBack.failure)
    : describeHeldBack(heldBack);
}

/** Only a write that was not processed has been sent. */
function describeHeldBackWrite(heldBack: HeldBack): string {
  const which = heldBack.why === 'not-processed' ? 'last' : 'next';
  return `the ${which} write was ${describeHeldBackAtEnd(heldBack)}`;
}

function describeNotProcessed(failure: Failure): string {
  return `not processed: ${formatFailure(failure)}`;
}

export function delayLine(delay: Delay): string {
  const wait = formatWait(delay.waitMs);
  switch (delay.why) {
    case 'rate-limit':
      return `Rate limit reached. Waiting ${wait}.`;
    case 'spacing':
      return (
        'Little of the rate limit is left: the action spreads its requests. ' +
        `The next one waits ${wait}.`
      );
    case 'retry':
      return (
        `${formatFailure(delay.error.failure)}; retrying in ` +
        `${formatSeconds(delay.waitMs)}`
      );
  }
}

export function retriedResourceWarning(
  resource: string,
  state: TargetState,
): WarningText {
  const { target } = state.planned;
  return {
    title: WARNING_TITLES.retried,
    text:
      `${asSentence(resource)} The run keeps waiting. First observed for ` +
      `${target.type} ${nameOf(target)}.`,
  };
}

// -------- progress

/**
 * `412 of 950 associated, 12 failed, 9 m 29 s left`. Without waiting, what is
 * done is only accepted.
 */
export function progressLine(
  targets: readonly TargetState[],
  leftMs: number,
  { wait }: Pick<Inputs, 'wait'>,
): string {
  const failed = targets.filter(({ next }) => next.do === 'fail').length;
  const held = targets.filter(
    (state) => isPending(state) && state.heldBack,
  ).length;
  const parts = [
    ...progressOf(targets, 'present', wait ? 'associated' : 'added'),
    ...progressOf(targets, 'absent', 'removed'),
  ];
  if (failed > 0) parts.push(`${formatCount(failed)} failed`);
  if (held > 0) parts.push(`${formatCount(held)} held back`);
  parts.push(`${formatDuration(leftMs)} left`);
  const retried = targets.filter(isAwaitingResources);
  const retries =
    retried.length > 0
      ? `; Cloudflare is retrying ${resourcesOf(retried)}`
      : '';
  return `${parts.join(', ')}${retries}`;
}

/** Is it associated, and waited for only because of a resource? */
function isAwaitingResources(state: TargetState): boolean {
  return (
    isPending(state) &&
    retriedErrors(state).length > 0 &&
    state.recipient?.status === 'associated'
  );
}

function resourcesOf(states: readonly TargetState[]): string {
  return `resources of ${plural(states.length, nounOf(states))}`;
}

function progressOf(
  targets: readonly TargetState[],
  desired: 'present' | 'absent',
  word: string,
): string[] {
  const all = targets.filter(({ planned }) => planned.desired === desired);
  const done = all.filter(
    (state) => state.next.do === 'done' || isAwaitingResources(state),
  );
  if (all.length === 0) return [];
  return [`${formatCount(done.length)} of ${formatCount(all.length)} ${word}`];
}

/** `still associating after 35 s, 1 m 25 s left`: of a single target. */
export function waitingLine(
  state: TargetState,
  nowMs: number,
  leftMs: number,
): string {
  const after = formatDuration(nowMs - state.startedMs);
  const left = formatDuration(leftMs);
  const retries = isAwaitingResources(state)
    ? `; Cloudflare is retrying ${plural(countRetried(state), 'resource')}`
    : '';
  return `${stillWaiting(state)} after ${after}, ${left} left${retries}`;
}

function stillWaiting(state: TargetState): string {
  if (state.next.do === 'wait') return WAITING[state.next.for](state);
  return state.heldBack ? 'still held back' : 'still pending';
}

const WAITING: Readonly<Record<Waiting, (state: TargetState) => string>> = {
  status: (state) => `still ${statusWord(state)}`,
  removal: () => 'still waiting for an earlier removal',
  effect: () => 'still checking the effect of the last write',
  confirmation: () => 'still confirming that there is no recipient',
  additions: () => 'still waiting for the additions',
};

// -------- the end

/** `39 of 1,000 accounts failed, 911 added, 50 unchanged`. */
export function headline(result: Result): string {
  const { targets } = result.outcome;
  const all = plural(targets.length, nounOf(targets));
  const counts = [...byKind(result)]
    .map(([kind, states]) => ({ kind, count: states.length }))
    .filter(({ count }) => count > 0);
  const parts = counts.map(({ kind, count }, index) => {
    const word = wordOf(kind, result.inputs);
    if (counts.length === 1) return `${all} ${word}`;
    const total = index === 0 ? ` of ${all}` : '';
    return `${formatCount(count)}${total} ${word}`;
  });
  return `${prefixOf(result)}${parts.join(', ')}`;
}

function prefixOf({ outcome }: Result): string {
  const { targets, ending, refusal } = outcome;
  const isExplained = targets.some((state) => failureOf(state) === refusal);
  return refusal && !isExplained ? 'plan rejected: ' : PREFIXES[ending.type];
}

const PREFIXES: Readonly<Record<Outcome['ending']['type'], string>> = {
  complete: '',
  timeout: '',
  cancelled: 'cancelled: ',
  crashed: 'internal error: ',
};

/** `added`, `would be added`, `added, not awaited`. */
export function wordOf(kind: Kind, inputs: Inputs): string {
  if (inputs.dryRun) {
    const isNotAwaited = kind === 'waiting' && !inputs.wait;
    return isNotAwaited
      ? 'under way, would not be awaited'
      : DRY_RUN_WORDS[kind];
  }
  const isAwaited = inputs.wait || (kind !== 'added' && kind !== 'removed');
  return isAwaited ? WORDS[kind] : `${WORDS[kind]} without waiting`;
}

const WORDS: Readonly<Record<Kind, string>> = {
  failed: 'failed',
  cancelled: 'not done',
  added: 'added',
  removed: 'removed',
  waiting: 'under way, not awaited',
  unchanged: 'unchanged',
};

const DRY_RUN_WORDS: Readonly<Record<Kind, string>> = {
  failed: 'would fail',
  cancelled: 'not planned',
  added: 'would be added',
  removed: 'would be removed',
  waiting: 'under way, would be awaited',
  unchanged: 'unchanged',
};

/** `3.2 s`, `5 requests`, `2 of them retries`. */
export function costParts({ requests, retries, tookMs }: Cost): string[] {
  const parts = [formatSeconds(tookMs), plural(requests, 'request')];
  if (retries === 1) parts.push('1 of them a retry');
  if (retries > 1) parts.push(`${formatCount(retries)} of them retries`);
  return parts;
}

export function resultLine(result: Result): string {
  return `Result: ${headline(result)}; ${costParts(result.cost).join(', ')}`;
}

/**
 * What one target has come to, for the list at the end of the log; in a dry
 * run, its plan.
 */
export function targetLine(
  kind: Kind,
  state: TargetState,
  failure: Failure | null,
  { inputs, outcome }: Result,
): string {
  if (inputs.dryRun) return `${nameOfState(state)} ${planLine(state, inputs)}`;
  const word = failure ? failedLine(failure) : wordOf(kind, inputs);
  const late = lateWords(state, outcome.observed);
  const rest = failure ? '' : `${late} (${statusWord(state)})`;
  return `${nameOfState(state)}: ${word}${rest}`;
}

/** With `exact`: why the status of a removed account shows access. */
export function lateWords(
  state: TargetState,
  observed: Observations | null,
): string {
  const late = observed && lateRecord(state, observed);
  return late ? ', but another recipient appeared' : '';
}

export function causeCountLine(
  title: string,
  states: readonly TargetState[],
  reason: string,
): string {
  // A plan can be rejected although no target would change.
  const who =
    states.length === 0 ? [] : [plural(states.length, nounOf(states))];
  return [...who, title, reason].join(': ');
}

/** What the outputs are without; nothing where they are complete. */
export function leftOutLines(leftOut: LeftOut): string[] {
  const { targets, resources, recipientIds } = leftOut;
  const limit = 'GitHub accepts 1 MB of outputs for a job';
  const lines: string[] = [];
  if (targets > 0) {
    const count = plural(targets, 'target');
    lines.push(
      `The output recipients is without ${count}: ${limit}. The log has all of them.`,
    );
  }
  if (resources > 0) {
    const count = plural(resources, 'target');
    lines.push(
      `The output recipients only counts the resources of ${count}, in resource_errors: ${limit}.`,
    );
  }
  if (recipientIds > 0) {
    const count = plural(recipientIds, 'ID');
    lines.push(`The output recipient-id is empty, without ${count}: ${limit}.`);
  }
  return lines;
}

export function moreFailuresLine(title: string, shown: number): string {
  return (
    `${title}: ${shown} shown. The end of the log counts and lists all ` +
    'of them.'
  );
}

// -------- the end of a target that is not done

/** Why a target that is still pending has failed. */
export function describePending(state: TargetState, result: Result): string {
  const { inputs, outcome } = result;
  return [
    END_WORDS[outcome.ending.type](inputs),
    ...describeSeen([state], result),
    ...describeConfirmation([state]),
    ...describeUnbegunRemovals([state]),
    ...describeAcceptedRemovals([state], outcome.observed),
    ...describeLastWrite(state, outcome.observed),
    ...describeRejections([state], outcome.observed),
    ...describeRetries(state, outcome.share),
    ...describeLastPoll(outcome),
  ].join('; ');
}

/** The same of several targets: what they have in common, and counts. */
export function describeManyPending(
  states: readonly TargetState[],
  result: Result,
): string {
  return [
    ...describeSeen(states, result),
    ...describeConfirmation(states),
    ...describeUnbegunRemovals(states),
    ...describeAcceptedRemovals(states, result.outcome.observed),
    ...describeLastWrites(states, result.outcome.observed),
    ...describeRejections(states, result.outcome.observed),
    ...describeManyRetries(states, result.outcome.share),
    ...describeLastPoll(result.outcome),
  ].join('; ');
}

function describeRetries(state: TargetState, share: Share | null): string[] {
  const { recipient } = state;
  if (!recipient || retriedErrors(state).length === 0) return [];
  return [`Cloudflare is retrying ${describeErrors(recipient, share)}`];
}

function describeManyRetries(
  states: readonly TargetState[],
  share: Share | null,
): string[] {
  const retried = states.filter((state) => retriedErrors(state).length > 0);
  const first = retried[0]?.recipient;
  if (!first) return [];
  const example = describeErrors(first, share);
  return [`Cloudflare is retrying ${resourcesOf(retried)}, such as ${example}`];
}

/**
 * Errors of resources that keep a target waiting: Cloudflare retries those of
 * an active recipient that are not terminal.
 */
export function retriedErrors({
  planned,
  recipient,
}: TargetState): readonly ResourceError[] {
  const isAwaited = planned.desired === 'present' && recipient !== null;
  if (!isAwaited || !isActive(recipient)) return [];
  return recipient.errors.filter(({ terminal }) => !terminal);
}

/** Those that the record only counts are retried too, if the others are. */
function countRetried(state: TargetState): number {
  const { length } = retriedErrors(state);
  return length === 0 ? 0 : length + (state.recipient?.moreErrors ?? 0);
}

function describeLastPoll({ lastPollFailure }: Outcome): string[] {
  if (!lastPollFailure) return [];
  return [`the last poll failed: ${formatFailure(lastPollFailure)}`];
}

const END_WORDS: Readonly<
  Record<Outcome['ending']['type'], (inputs: Inputs) => string>
> = {
  complete: () => 'not done',
  timeout: ({ timeout }) => `not done before the timeout of ${timeout}`,
  cancelled: () => 'cancelled',
  crashed: () => 'not done because of an internal error',
};

/**
 * `18 polls, last status associating for 9 m 40 s`. Without a list, nothing is
 * known of a target.
 */
function describeSeen(
  states: readonly TargetState[],
  { outcome, nowMs }: Result,
): string[] {
  if (!outcome.observed) return [];
  const statuses = describeStatuses(states, nowMs);
  return [`${describePolls(outcome.polls)}, ${statuses}`];
}

function describePolls({ polls, failedPolls }: PollCounts): string {
  if (failedPolls === 0) return plural(polls, 'poll');
  if (failedPolls === polls) return plural(polls, 'failed poll');
  return `${plural(polls, 'poll')} (${formatCount(failedPolls)} of them failed)`;
}

function describeStatuses(
  states: readonly TargetState[],
  nowMs: number,
): string {
  const groups = new Map<string, TargetState[]>();
  for (const state of states) {
    const word = statusWord(state);
    const group = groups.get(word) ?? [];
    group.push(state);
    groups.set(word, group);
  }
  const texts = [...groups].map(([word, all]) => {
    const sinceMs = Math.min(...all.map(({ statusSinceMs }) => statusSinceMs));
    const time = formatDuration(nowMs - sinceMs);
    if (states.length === 1) return `${quoteStatus(word)} for ${time}`;
    return `${formatCount(all.length)} ${quoteStatus(word)} for up to ${time}`;
  });
  return `last status ${texts.join(', ')}`;
}

function quoteStatus(word: string): string {
  return word === 'not a recipient' ? word : `\`${word}\``;
}

/**
 * The status is the one that is wanted: that it is not enough has to be said.
 */
function describeConfirmation(states: readonly TargetState[]): string[] {
  const isAwaited = ({ next }: TargetState) =>
    next.do === 'wait' && next.for === 'confirmation';
  return states.some(isAwaited)
    ? ['a second list, ten seconds after the first, must confirm that']
    : [];
}

/** With `exact`: the status says nothing about why it was not removed. */
function describeUnbegunRemovals(states: readonly TargetState[]): string[] {
  const { length } = states.filter(
    ({ next }) => next.do === 'wait' && next.for === 'additions',
  );
  if (length === 0) return [];
  const who = states.length === 1 ? '' : `${plural(length, 'account')} `;
  return [`${who}not removed, because the additions were not complete`];
}

/** Their statuses do not show yet that Cloudflare has accepted them. */
function describeAcceptedRemovals(
  states: readonly TargetState[],
  observed: Observations | null,
): string[] {
  if (!observed) return [];
  const accepted = states
    .flatMap((state) => lastDeletes(state, observed))
    .filter(({ result }) => result.outcome === 'accepted');
  if (accepted.length === 0) return [];
  const what =
    states.length === 1
      ? `the removal of ${nameRecipients(accepted.map(({ recipientId }) => recipientId))}`
      : plural(accepted.length, 'removal');
  return [`Cloudflare accepted ${what}`];
}

function describeLastWrite(
  state: TargetState,
  observed: Observations | null,
): string[] {
  const openDelete = observed && openDeleteOf(state, observed);
  const heldBack = state.heldBack
    ? [describeHeldBackWrite(state.heldBack)]
    : [];
  if (openDelete) {
    const { reason } = openDelete;
    return [`a removal may have been carried out: ${reason}`, ...heldBack];
  }
  return state.heldBack ? heldBack : describeLastResult(state);
}

function describeLastResult(state: TargetState): string[] {
  const last = lastResultOf(state);
  if (!last || last.outcome === 'accepted' || hasShownEffect(state)) return [];
  const { reason } = last.error.failure;
  if (last.outcome === 'unknown') {
    return [`the last write may have been carried out: ${reason}`];
  }
  if (last.outcome === 'conflict') {
    return [`the last write met another change: ${reason}`];
  }
  return [`the last write was rejected: ${reason}`];
}

/** Is what the last write was for there: a record, or the end of it? */
function hasShownEffect({ planned, inUse, recipient }: TargetState): boolean {
  if (planned.desired === 'present') return inUse !== null;
  return recipient !== null && !isActive(recipient);
}

/** What a write that was not accepted did, or met. */
const WRITE_ENDS = {
  unknown: 'may have been carried out',
  conflict: 'met another change',
  rejected: 'met a rejection',
} as const;

const MAX_REASONS = 3;

function describeLastWrites(
  states: readonly TargetState[],
  observed: Observations | null,
): string[] {
  const all = states.flatMap((state) => endOfLastWrite(state, observed) ?? []);
  const parts = Object.entries(WRITE_ENDS).flatMap(([outcome, words]) => {
    const alike = all.filter((end) => end.outcome === outcome);
    if (alike.length === 0) return [];
    const reasons = new Set(alike.map(({ reason }) => reason));
    const named = listOf([...reasons], MAX_REASONS);
    return [`${plural(alike.length, 'last write')} ${words}: ${named}`];
  });
  return [...parts, ...describeHeldBackWrites(states)];
}

/** What the last write that was sent met, where no effect of it has shown. */
interface WriteEnd {
  readonly outcome: keyof typeof WRITE_ENDS;
  readonly reason: string;
}

function endOfLastWrite(
  state: TargetState,
  observed: Observations | null,
): WriteEnd | null {
  const openDelete = observed && openDeleteOf(state, observed);
  if (openDelete) return { outcome: 'unknown', reason: openDelete.reason };
  if (state.heldBack || hasShownEffect(state)) return null;

  const last = lastResultOf(state);
  if (!last || last.outcome === 'accepted') return null;
  return { outcome: last.outcome, reason: last.error.failure.reason };
}

/**
 * An account can have several records: the DELETE of one may have been
 * rejected while it is not known what came of another.
 */
function describeRejections(
  states: readonly TargetState[],
  observed: Observations | null,
): string[] {
  if (!observed) return [];
  const reasons = states
    .filter((state) => openDeleteOf(state, observed) !== null)
    .flatMap((state) => lastDeletes(state, observed))
    .flatMap(({ result }) =>
      result.outcome === 'rejected' ? [result.error.failure.reason] : [],
    );
  if (reasons.length === 0) return [];
  const named = listOf([...new Set(reasons)], MAX_REASONS);
  return [`${plural(reasons.length, 'removal')} met a rejection: ${named}`];
}

/**
 * How many were held back for each reason. What was not processed has reasons
 * of its own; of the others, the first one has its words.
 */
function describeHeldBackWrites(states: readonly TargetState[]): string[] {
  const groups = new Map<HeldBack['why'], HeldBack[]>();
  for (const { heldBack } of states) {
    if (!heldBack) continue;
    const group = groups.get(heldBack.why) ?? [];
    group.push(heldBack);
    groups.set(heldBack.why, group);
  }
  return [...groups].map(([why, group]) => {
    const noun = why === 'not-processed' ? 'last write' : 'write';
    const writes = plural(group.length, noun);
    return `${writes} ${describeHeldBackGroup(group)}`;
  });
}

/** All of the group were held back for the same `why`. */
function describeHeldBackGroup(group: readonly HeldBack[]): string {
  const reasons = group.flatMap((heldBack) =>
    heldBack.why === 'not-processed' ? [heldBack.failure.reason] : [],
  );
  const [first] = group;
  const isOne = new Set(reasons).size < 2;
  if (first && isOne) return describeHeldBackAtEnd(first);
  return `not processed: ${listOf([...new Set(reasons)], MAX_REASONS)}`;
}

// -------- what an annotation adds to a reason

/** `Share "Baseline" (3fd8…), owner 699d…; account 023e…, recipient c41f….` */
export function whereSentence(
  states: readonly TargetState[],
  result: Result,
): string {
  const { inputs, outcome } = result;
  const share = shareAndOwner(outcome.share, inputs);
  if (states.length === 0) return `${share}.`;
  const noun = nounOf(states);
  const who = states.length === 1 ? noun : `${noun}s`;
  const only = states.length === 1 ? (states[0]?.inUse ?? null) : null;
  const recipient = only === null ? '' : `, recipient ${only}`;
  return `${share}; ${who} ${listOf(states.map(nameOfState), 20)}${recipient}.`;
}

/** `Shares of this account: "Baseline" (3fd8…), …`. */
export function sharesSentence(result: Result): string {
  const { sharesOfOwner } = result;
  // The hint says that this share is among them.
  if (sharesOfOwner.length === 0 || isShareListed(result)) return '';
  const names = sharesOfOwner.map(({ id, name }) => `"${name}" (${id})`);
  return `Shares of this account: ${listOf(names, 5)}.`;
}

/** Which accounts a run with `exact` did not remove. */
export function notRemovedSentence(states: readonly TargetState[]): string {
  if (states.length === 0) return '';
  const ids = states.map(({ planned }) => planned.target.id);
  return (
    'Not removed, as a list for a run with state: absent: ' +
    `${listOf(ids, 20)}.`
  );
}

export function notRemovedTitle(count: number): string {
  const who = plural(count, 'account');
  return `${who} not removed, as a list for a run with state: absent`;
}

/** As `recipient-account-id` accepts it. */
export function listEntry({ planned }: TargetState): string {
  return planned.target.id;
}

/** Which accounts a plan that was rejected would have removed. */
export function wouldLoseAccessSentence(
  states: readonly TargetState[],
): string {
  if (states.length === 0) return '';
  const names = listOf(states.map(nameOfState), 20);
  const who = plural(states.length, 'account');
  return `${who} would lose access: ${names}.`;
}

export const everythingDone = 'Everything was done, and nothing was undone.';
/** Of a dry run. */
export function planComplete(share: Share | null): string {
  return share
    ? 'The plan is complete.'
    : 'The plan is complete, but the share was not checked.';
}

// -------- warnings at the end

export function duplicateWarning(
  used: ShareRecipient,
  others: readonly ShareRecipient[],
  name: string,
): WarningText {
  const who = nameRecipients(others.map(({ id }) => id));
  const isOlder = others.every((other) => isCreatedBefore(used, other));
  const why = isOlder ? 'is older and in use' : 'is in use';
  return {
    title: WARNING_TITLES.duplicate,
    text: `Remove ${who}: ${used.id} ${why}. Account ${name}.`,
  };
}

function isCreatedBefore(a: ShareRecipient, b: ShareRecipient): boolean {
  const areDated = a.createdMs !== null && b.createdMs !== null;
  return areDated && Number(a.createdMs) < Number(b.createdMs);
}

export function skippedWarning(count: number): WarningText {
  return {
    title: WARNING_TITLES.skipped,
    text:
      `${plural(count, 'recipient')} of ` +
      `${count === 1 ? 'another account' : 'other accounts'} could not be ` +
      'decoded and had no effect on this run.',
  };
}

/** `organizationId` as the share names it. */
export function lateWarning(
  records: readonly ShareRecipient[],
  organizationId: string | null,
): WarningText {
  const isOne = records.length === 1;
  const who = plural(records.length, 'recipient');
  const names = listOf(records.map(nameOfRecord), 20);
  // The next plan is rejected because of a record that may be an organization.
  const unclear = records.filter(
    ({ accountId }) => accountId === null || accountId === organizationId,
  );
  const ids = unclear.map(({ id }) => id);
  const fix =
    unclear.length === 0
      ? `Run again to remove ${isOne ? 'it' : 'them'}.`
      : `An organization may have access through ${nameRecipients(ids)}: check the Cloudflare dashboard.`;
  return {
    title: WARNING_TITLES.late,
    text:
      `${who} that the first list did not show with access still ` +
      `${isOne ? 'has' : 'have'} access: ${names}. ${fix}`,
  };
}

export function ownerWarning(records: readonly ShareRecipient[]): WarningText {
  const who = nameRecipients(records.map(({ id }) => id));
  return {
    title: WARNING_TITLES.owner,
    text:
      'The account that owns the share is a recipient of it. The action ' +
      `does not remove ${who}.`,
  };
}

export function deploymentWarning(problem: DeploymentProblem): WarningText {
  const fix = problem.lacksPermission
    ? ' Check that the job has the permission "deployments: write".'
    : '';
  return {
    title: WARNING_TITLES.deployment,
    text: `${asSentence(problem.message)} The share is not affected.${fix}`,
  };
}

export function summaryWarning(message: string): WarningText {
  return { title: WARNING_TITLES.summary, text: asSentence(message) };
}
