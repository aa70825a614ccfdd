import { hasTerminalError } from '../cloudflare/records.ts';
import type { Inputs, ShareRecipient, Target } from '../domain.ts';
import {
  type Observations,
  oldestFirst,
  STALE_READ_MS,
  shareIn,
} from './observations.ts';
import {
  compareStages,
  isActive,
  isDisassociated,
  isDisassociating,
  isReady,
} from './readiness.ts';
import {
  inconclusiveAbsence,
  inconclusivePost,
  namesOtherAccount,
  possiblyOrganization,
  recipientRemoved,
  stillActive,
} from './reasons.ts';
import { describeErrors } from './resource-errors.ts';
import {
  type Decision,
  type Delete,
  deletesOf,
  type History,
  type Post,
  type SentWrite,
  type Step,
  type Waiting,
} from './target-state.ts';

/** What is asked for all targets alike. */
export type Mode = Pick<Inputs, 'wait' | 'dryRun'>;

/** More would not help: three lost replies are no coincidence. */
const MAX_WRITES = 3;

const CREATE: Step = { do: 'create' };
const DONE: Step = { do: 'done' };

/**
 * Compares the desired with the observed state of a target, from scratch,
 * after every poll. The rules are tables P and A in docs/how-it-works.md: the
 * first one that matches decides.
 */
export function decide(
  history: History,
  mode: Mode,
  observed: Observations,
): Decision {
  return history.planned.desired === 'present'
    ? decidePresent(history, mode, observed)
    : decideAbsent(history, mode, observed);
}

/** A rule of a table: what to do, or null where it does not match. */
type Rule<Situation> = (situation: Situation) => Step | null;

function firstMatch<Situation>(
  rules: readonly Rule<Situation>[],
  situation: Situation,
): Step {
  for (const rule of rules) {
    const step = rule(situation);
    if (step) return step;
  }
  throw new Error('the last rule of a table always matches');
}

function waitFor(what: Waiting): Step {
  return { do: 'wait', for: what };
}

// -------- present

/** One target that should have access, as its rules see it. */
interface PresentSituation {
  readonly target: Target;
  readonly wait: boolean;
  readonly observed: Observations;
  /** The oldest record that gives access, or will. */
  readonly activeRecord: ShareRecipient | null;
  /** A record whose removal has begun. */
  readonly endingRecord: ShareRecipient | null;
  readonly inUse: string | null;
  readonly posts: readonly Post[];
  readonly lastPost: Post | null;
  /**
   * Milliseconds from the end of the last POST to the sending of the newest
   * list; negative when no list has followed it.
   */
  readonly ageMs: number;
}

const PRESENT_RULES: readonly Rule<PresentSituation>[] = [
  resourceFailedPermanently, // P1
  recipientIsReady, // P2
  accessIsComing, // P3
  removedDuringRun, // P4
  removalIsUnderWay, // P5
  organizationMayBeRecipient, // P6
  nothingWasSentYet, // P6
  effectOfLastPostMayShow, // P7
  lastPostMayBeRepeated, // P8
  lastPostFailed, // P9
];

function resourceFailedPermanently({
  activeRecord,
  observed,
}: PresentSituation): Step | null {
  if (!activeRecord || !hasTerminalError(activeRecord)) return null;

  const reason = describeErrors(activeRecord, shareIn(observed));
  const failure = { cause: 'resource-error', reason, request: null } as const;
  return { do: 'fail', failure };
}

function recipientIsReady({ activeRecord }: PresentSituation): Step | null {
  return activeRecord && isReady(activeRecord) ? DONE : null;
}

function accessIsComing({ activeRecord, wait }: PresentSituation): Step | null {
  if (!activeRecord) return null;
  return wait ? waitFor('status') : DONE;
}

function removedDuringRun({
  inUse,
  observed,
  target,
}: PresentSituation): Step | null {
  const record = inUse === null ? null : observed.records.get(inUse);
  if (!record) return null;

  const failure = isActive(record)
    ? namesOtherAccount(record, target)
    : recipientRemoved(record);
  return { do: 'fail', failure };
}

function removalIsUnderWay({ endingRecord }: PresentSituation): Step | null {
  return endingRecord ? waitFor('removal') : null;
}

/** A POST would add one more record at every run. */
function organizationMayBeRecipient({
  target,
  observed,
  lastPost,
}: PresentSituation): Step | null {
  if (target.type !== 'organization' || lastPost) return null;

  const unnamed = [...observed.records.values()]
    .filter((record) => isActive(record) && record.accountId === null)
    .sort(oldestFirst);
  if (unnamed.length === 0) return null;
  return { do: 'fail', failure: possiblyOrganization(unnamed) };
}

function nothingWasSentYet({ lastPost }: PresentSituation): Step | null {
  return lastPost ? null : CREATE;
}

function effectOfLastPostMayShow({
  lastPost,
  ageMs,
}: PresentSituation): Step | null {
  const graceMs = lastPost && effectMayShow(lastPost) ? STALE_READ_MS : 0;
  return ageMs < graceMs ? waitFor('effect') : null;
}

function lastPostMayBeRepeated({
  target,
  posts,
  lastPost,
}: PresentSituation): Step | null {
  // After a lost reply, the record of an organization looks like any other
  // that names no account.
  if (target.type === 'organization') return null;
  const mayRepeat = lastPost !== null && isRepeatable(lastPost);
  return mayRepeat && posts.length < MAX_WRITES ? CREATE : null;
}

function lastPostFailed({ target, lastPost }: PresentSituation): Step {
  const result = lastPost?.result;
  // An accepted POST names the record in use, which rule P4 has decided.
  if (!result || result.outcome === 'accepted') return waitFor('effect');

  const { failure } = result.error;
  const isUnclear =
    target.type === 'organization' && result.outcome === 'unknown';
  return {
    do: 'fail',
    failure: isUnclear ? inconclusivePost(failure) : failure,
  };
}

function decidePresent(
  history: History,
  { wait, dryRun }: Mode,
  observed: Observations,
): Decision {
  const { target } = history.planned;
  const { posts } = history;
  const records = recordsOf(history, observed);
  const activeRecord = records.find(isActive) ?? null;
  const endingRecord = records.find(isDisassociating) ?? null;
  const lostPost = posts.find(isUnknown);
  const appearedRecord = records.find(
    ({ id }) => lostPost && !lostPost.knownIds.has(id),
  );
  const inUse = activeRecord?.id ?? history.inUse ?? appearedRecord?.id ?? null;
  const lastPost = posts.at(-1) ?? null;

  const next = firstMatch(PRESENT_RULES, {
    target,
    wait,
    observed,
    activeRecord,
    endingRecord,
    inUse,
    posts,
    lastPost,
    ageMs: ageOf(lastPost, observed),
  });

  const wasAdded = posts.some(isAccepted) || Boolean(lostPost && inUse);
  const wouldAdd = dryRun && !activeRecord && next.do !== 'fail';
  const recordInUse = inUse === null ? null : observed.records.get(inUse);
  const recipient =
    activeRecord ?? recordInUse ?? endingRecord ?? records.at(-1) ?? null;
  return { next, inUse, recipient, changed: dryRun ? wouldAdd : wasAdded };
}

// -------- absent

/** One record that has to be removed, as its rules see it. */
interface RemovalSituation {
  readonly record: ShareRecipient;
  readonly wait: boolean;
  readonly deletes: readonly Delete[];
  readonly lastDelete: Delete | null;
  /** As in `PresentSituation`, for the last DELETE. */
  readonly ageMs: number;
}

const REMOVAL_RULES: readonly Rule<RemovalSituation>[] = [
  recordIsRemoved, // A1
  recordIsBeingRemoved, // A2
  nothingWasDeletedYet, // A3
  acceptedDeleteIsEnough, // A4
  effectOfLastDeleteMayShow, // A5
  lastDeleteMayBeRepeated, // A6
  lastDeleteFailed, // A7
];

function recordIsRemoved({ record }: RemovalSituation): Step | null {
  return isDisassociated(record) ? DONE : null;
}

function recordIsBeingRemoved({ record, wait }: RemovalSituation): Step | null {
  if (!isDisassociating(record)) return null;
  return wait ? waitFor('status') : DONE;
}

function nothingWasDeletedYet({
  record,
  lastDelete,
}: RemovalSituation): Step | null {
  return lastDelete ? null : { do: 'delete', recipientIds: [record.id] };
}

function acceptedDeleteIsEnough({
  lastDelete,
  wait,
}: RemovalSituation): Step | null {
  return lastDelete && isAccepted(lastDelete) && !wait ? DONE : null;
}

function effectOfLastDeleteMayShow({ ageMs }: RemovalSituation): Step | null {
  return ageMs < STALE_READ_MS ? waitFor('effect') : null;
}

function lastDeleteMayBeRepeated({
  record,
  deletes,
  lastDelete,
}: RemovalSituation): Step | null {
  if (!lastDelete) return null;
  const mayRepeat = isAccepted(lastDelete) || isRepeatable(lastDelete);
  const counted = deletes.filter((write) => !isTooEarly(write));
  return mayRepeat && counted.length < MAX_WRITES
    ? { do: 'delete', recipientIds: [record.id] }
    : null;
}

function lastDeleteFailed({
  record,
  deletes,
  lastDelete,
}: RemovalSituation): Step {
  const result = lastDelete?.result;
  const failure =
    result && result.outcome !== 'accepted'
      ? result.error.failure
      : stillActive(record, deletes.length);
  return { do: 'fail', failure };
}

/**
 * A conflict while the record is `associating`: the association has to end
 * before it can be removed, however often that is observed.
 */
function isTooEarly({ result, wasAssociating }: Delete): boolean {
  return wasAssociating && result.outcome === 'conflict';
}

function decideRemoval(
  record: ShareRecipient,
  { deletes: all }: History,
  wait: boolean,
  observed: Observations,
): Step {
  const deletes = deletesOf(record.id, all);
  const lastDelete = deletes.at(-1) ?? null;
  const ageMs = ageOf(lastDelete, observed);
  return firstMatch(REMOVAL_RULES, {
    record,
    wait,
    deletes,
    lastDelete,
    ageMs,
  });
}

/** Is the end of a DELETE awaited that the run has sent for the target? */
export function isBeingRemoved(
  history: History,
  { wait }: Mode,
  observed: Observations,
): boolean {
  const sentFor = new Set(
    history.deletes.map(({ recipientId }) => recipientId),
  );
  return recordsOf(history, observed)
    .filter(({ id }) => sentFor.has(id))
    .map((record) => decideRemoval(record, history, wait, observed))
    .some((step) => step.do === 'wait');
}

/** One target that should have no access, as its rules see it. */
interface AbsentSituation {
  readonly history: History;
  readonly dryRun: boolean;
  readonly observed: Observations;
  /** Oldest first. */
  readonly records: readonly ShareRecipient[];
  /** What is due for each of the records. */
  readonly steps: readonly Step[];
}

const ABSENT_RULES: readonly Rule<AbsentSituation>[] = [
  someRecordIsToBeDeleted,
  someRemovalFailed,
  someRemovalIsAwaited,
  recordNamesOtherAccount, // A8
  organizationCannotBeIdentified, // A8
  absenceIsConfirmed, // A9
  absenceIsNotConfirmedYet, // A9
];

function someRecordIsToBeDeleted({ steps }: AbsentSituation): Step | null {
  const recipientIds = steps.flatMap((step) =>
    step.do === 'delete' ? step.recipientIds : [],
  );
  return recipientIds.length > 0 ? { do: 'delete', recipientIds } : null;
}

function someRemovalFailed({
  steps,
  history,
  observed,
}: AbsentSituation): Step | null {
  // A list must show what came of every DELETE, so that the report is true for
  // every record.
  const isShown = history.deletes.every((write) => {
    const graceMs = isUnknown(write) ? STALE_READ_MS : 0;
    return ageOf(write, observed) >= graceMs;
  });
  return isShown ? (steps.find((step) => step.do === 'fail') ?? null) : null;
}

function someRemovalIsAwaited({ steps }: AbsentSituation): Step | null {
  const isAwaited = steps.some(
    (step) => step.do === 'wait' || step.do === 'fail',
  );
  return isAwaited ? waitFor('status') : null;
}

/** It was the target's before, so that nothing proves its removal. */
function recordNamesOtherAccount({
  history,
  observed,
}: AbsentSituation): Step | null {
  const { target } = history.planned;
  for (const id of formerRecordIds(history)) {
    const record = observed.records.get(id);
    if (record && isActive(record) && isOfAnother(record, target)) {
      return { do: 'fail', failure: namesOtherAccount(record, target) };
    }
  }
  return null;
}

/** Of an account with several records, one may be in use after another. */
function formerRecordIds({ planned, inUse, deletes }: History): string[] {
  return [
    ...(inUse === null ? [] : [inUse]),
    ...deletes.map(({ recipientId }) => recipientId),
    ...(planned.unlistedRecords ?? []).map(({ id }) => id),
  ];
}

function organizationCannotBeIdentified({
  history,
  records,
  observed,
}: AbsentSituation): Step | null {
  const { target } = history.planned;
  if (target.type !== 'organization') return null;

  // A record with an account is another's where one of the organization's own
  // is known.
  const mayBeOwn = ({ accountId }: ShareRecipient) =>
    records.length === 0 || accountId === null;
  const others = [...observed.records.values()]
    .filter(isActive)
    .filter(mayBeOwn);
  if (others.length === 0) return null;
  const failure = inconclusiveAbsence(others.sort(oldestFirst));
  return { do: 'fail', failure };
}

function absenceIsConfirmed({
  history,
  records,
  observed,
  dryRun,
}: AbsentSituation): Step | null {
  const wasFound = history.deletes.length > 0 || records.some(isDisassociating);
  const isConfirmed =
    observed.listSentMs - observed.firstSentMs >= STALE_READ_MS;
  return wasFound || isConfirmed || dryRun ? DONE : null;
}

function absenceIsNotConfirmedYet(): Step {
  return waitFor('confirmation');
}

function decideAbsent(
  history: History,
  { wait, dryRun }: Mode,
  observed: Observations,
): Decision {
  const allRecords = recordsOf(history, observed);
  const records = allRecords.filter((record) => isInScope(record, history));
  const steps = records.map((record) =>
    decideRemoval(record, history, wait, observed),
  );
  const next = firstMatch(ABSENT_RULES, {
    history,
    dryRun,
    observed,
    records,
    steps,
  });

  const recipient = mostActive(allRecords, history.deletes);
  const wasRemoved = history.deletes.some((write) =>
    hasRemoved(write, records),
  );
  const wouldRemove = dryRun && records.some(isActive) && next.do !== 'fail';
  return {
    next,
    inUse: recipient?.id ?? null,
    recipient,
    changed: dryRun ? wouldRemove : wasRemoved,
  };
}

/** With `exact`, only what the first list showed is removed. */
function isInScope({ id }: ShareRecipient, { planned }: History): boolean {
  const { unlistedRecords } = planned;
  return !unlistedRecords || unlistedRecords.some((record) => record.id === id);
}

/**
 * Of several records the one with the most access, and among those one that
 * this run has written to.
 */
function mostActive(
  records: readonly ShareRecipient[],
  deletes: readonly Delete[],
): ShareRecipient | null {
  const isWritten = ({ id }: ShareRecipient) =>
    Number(deletes.some(({ recipientId }) => recipientId === id));
  const [first] = [...records].sort(
    (a, b) => compareStages(a, b) || isWritten(b) - isWritten(a),
  );
  return first ?? null;
}

function hasRemoved(
  write: Delete,
  records: readonly ShareRecipient[],
): boolean {
  const isEnded = records.some(
    (record) => record.id === write.recipientId && !isActive(record),
  );
  return isAccepted(write) || (isUnknown(write) && isEnded);
}

// -------- writes and records

function isAccepted({ result }: SentWrite): boolean {
  return result.outcome === 'accepted';
}

/**
 * May the write have been carried out, although its response does not say so?
 */
export function isUnknown({ result }: SentWrite): boolean {
  return result.outcome === 'unknown';
}

/**
 * May the effect of the write, or of a parallel one that it met, still show?
 */
function effectMayShow({ result }: SentWrite): boolean {
  return result.outcome === 'unknown' || result.outcome === 'conflict';
}

function isRepeatable({ result }: SentWrite): boolean {
  const { outcome } = result;
  if (outcome !== 'unknown' && outcome !== 'conflict') return false;
  return result.error.isRetryable;
}

/**
 * Milliseconds from the end of a write to the sending of the newest list; 0
 * without a write.
 */
function ageOf(write: SentWrite | null, { listSentMs }: Observations): number {
  return write ? listSentMs - write.endedMs : 0;
}

/**
 * The records of a target, oldest first. The reply to a POST may be all that
 * names the record of an organization.
 */
function recordsOf(
  { planned: { target }, inUse }: History,
  { records, byAccount }: Observations,
): readonly ShareRecipient[] {
  const named = byAccount.get(target.id) ?? [];
  const used = inUse === null ? undefined : records.get(inUse);
  if (!used || named.includes(used) || isOfAnother(used, target)) return named;
  return [...named, used].sort(oldestFirst);
}

/** An organization's record may name any account, or none. */
function isOfAnother({ accountId }: ShareRecipient, target: Target): boolean {
  const isNamed = accountId !== null && accountId !== target.id;
  return target.type === 'account' && isNamed;
}
