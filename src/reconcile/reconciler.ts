import type { Clock, Deadline } from '../clock.ts';
import {
  ApiError,
  provesBadCredentials,
  withoutRetryInTime,
} from '../cloudflare/api-error.ts';
import type { FailedWrite, ReadOptions } from '../cloudflare/client.ts';
import type { RateLimitState } from '../cloudflare/rate-limiter.ts';
import { hasTerminalError } from '../cloudflare/records.ts';
import type { ShareApi, ShareWrite } from '../cloudflare/share.ts';
import type { Failure, HeldBack, Inputs, ShareRecipient } from '../domain.ts';
import { decide, isBeingRemoved, isUnknown } from './decide.ts';
import {
  type Observations,
  observeList,
  observeRecords,
  STALE_READ_MS,
  shareIn,
} from './observations.ts';
import {
  type Additions,
  additionsOf,
  endedByPoll,
  obstacleTo,
  unrecognizable,
} from './plan.ts';
import { pauseMs } from './polling.ts';
import { isActive, isDisassociating, isReady } from './readiness.ts';
import { heldBackToTheEnd, notBegunAfterPoll, stoppedBy } from './reasons.ts';
import {
  type Decision,
  type Delete,
  type Ending,
  failureOf,
  initialState,
  isListed,
  isPending,
  isUnbegunRemoval,
  type Outcome,
  type Plan,
  type Post,
  type SentWrite,
  type TargetState,
} from './target-state.ts';
import { heldBackBy } from './turns.ts';

/** More would not be faster under the rate limit. */
const MAX_CONCURRENT_WRITES = 4;

/** Called while the run goes on. */
export interface Progress {
  /** Something has happened to a target. */
  changed(from: TargetState, to: TargetState): void;
  /** A poll is over; `leftMs` until the deadline. */
  polled(targets: readonly TargetState[], leftMs: number): void;
}

export interface ReconcilerOptions {
  /** The targets, each with its desired state. */
  readonly plan: Plan;
  /** What the first list, and the share, have shown. */
  readonly observed: Observations;
  /** `wait`, `dry-run`, `state` and `timeout` decide. */
  readonly inputs: Inputs;
  /** Reads and writes recipients. */
  readonly share: ShareApi;
  /** The time, and pauses between polls. */
  readonly clock: Clock;
  /** The end of the step, and of its writes. */
  readonly deadline: Deadline;
  /** A number from 0 to 1, for jitter. */
  readonly random: () => number;
  /** Called after each change and each poll. */
  readonly progress: Progress;
}

const ACCEPTED = { outcome: 'accepted' } as const;

/** What came of a write that was sent, or nearly. */
type SentReply = Exclude<ShareWrite, { outcome: 'heldBack' }>;

/** A write that a decision asks for. */
interface DueWrite {
  /** The place of its target. */
  readonly index: number;
  /** The record of a DELETE; null for a POST. */
  readonly recipientId: string | null;
}

/**
 * Brings the recipients of a share to the desired state: observes, decides for
 * every target from scratch, writes what is due, waits, and repeats.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #targets: TargetState[];
  #observed: Observations;
  /** How far the listed targets are. */
  #additions: Additions = 'pending';
  /**
   * False while the plan is made, which is reported as a whole, and after an
   * internal error, which may come from the report.
   */
  #reportsProgress = false;
  #polls = 0;
  #failedPolls = 0;
  /** Why the last poll failed; null where it did not. */
  #pollError: ApiError | null = null;
  /** Why no write can succeed any more: one of them has shown it. */
  #stopped: Failure | null = null;
  /** When a write, or the first list, was last sent. */
  #lastWriteMs: number;
  /** Until when Cloudflare asked to send no write. */
  #notBeforeMs: number | null = null;
  /** Has a write begun to wait for its turn since the newest list? */
  #hasWriteBegun = false;
  /** Has a write been sent, or nearly, since the newest list? */
  #hasWriteEnded = false;
  /** How often each write was sent, or nearly. */
  readonly #attempts = new Map<string, number>();

  /** Plans from the first list. Nothing is written before `run`. */
  constructor(options: ReconcilerOptions) {
    const { plan, observed, clock } = options;
    this.#options = options;
    this.#observed = observed;
    this.#lastWriteMs = observed.firstSentMs;
    // Reading the share may have taken long: no write is guaranteed by a list
    // of that age.
    const nowMs = clock.now();
    this.#hasWriteBegun = nowMs > observed.listReceivedMs + STALE_READ_MS;
    this.#targets = plan.targets.map((planned) =>
      initialState(planned, observed.firstSentMs, nowMs),
    );
    this.#decideAll();
  }

  /** Where each target stands now. */
  get targets(): readonly TargetState[] {
    return this.#targets;
  }

  isPending(): boolean {
    return this.#targets.some(isPending);
  }

  /**
   * Writes and polls until every target is done or failed, or the step is
   * over. Never rejects: what is known is reported after an internal error
   * too.
   */
  async run(): Promise<Outcome> {
    this.#reportsProgress = true;
    try {
      await this.#reconcile();
      return this.outcome();
    } catch (error) {
      return this.crashed(error);
    }
  }

  /** What is known after an internal error. What was done is in it. */
  crashed(error: unknown): Outcome {
    this.#reportsProgress = false;
    try {
      this.#decideAll();
    } catch {
      // The first error is the one to report.
    }
    return this.outcome({ type: 'crashed', error });
  }

  /** What is known now, as data. */
  outcome(ending: Ending = this.#endingNow()): Outcome {
    return {
      targets: [...this.#targets],
      refusal: this.#options.plan.refusal,
      observed: this.#observed,
      share: shareIn(this.#observed),
      polls: { polls: this.#polls, failedPolls: this.#failedPolls },
      lastPollFailure: this.#pollError?.failure ?? null,
      ending,
    };
  }

  #endingNow(): Ending {
    const { deadline } = this.#options;
    if (deadline.isCancelled()) return { type: 'cancelled' };
    const isOver = deadline.closing.aborted && this.isPending();
    return { type: isOver ? 'timeout' : 'complete' };
  }

  async #reconcile(): Promise<void> {
    const { deadline } = this.#options;
    while (this.isPending() && !deadline.closing.aborted) {
      const isBehind = await this.#writeDue();
      if (!this.isPending()) return;
      if (!isBehind) await this.#pause();
      if (!deadline.closing.aborted) await this.#poll();
    }
    if (this.#isUnclear()) {
      await this.#pollOnceMore();
    }
    this.#failUnrecognizable();
  }

  /** Could a last list show what became of a write? */
  #isUnclear(): boolean {
    return this.#targets.some(
      (state) =>
        isPending(state) &&
        (state.posts.some(isUnknown) || state.deletes.some(isUnknown)),
    );
  }

  // -------- deciding

  #decide(state: TargetState): Decision {
    const { inputs, plan } = this.#options;
    const decision = decide(state, inputs, this.#observed);
    return obstacleTo(decision, {
      state,
      refusal: plan.refusal,
      share: shareIn(this.#observed),
      stopped: this.#stopped,
      additions: this.#additions,
      isBeingRemoved: isBeingRemoved(state, inputs, this.#observed),
    });
  }

  /** Decides the listed targets first, because removals depend on them. */
  #decideAll(): void {
    this.#decideWhere(isListed);
    this.#additions = additionsOf(this.#targets);
    this.#decideWhere((state) => !isListed(state));
  }

  #decideWhere(isIncluded: (state: TargetState) => boolean): void {
    for (const [index, state] of this.#targets.entries()) {
      if (!isIncluded(state)) continue;
      const decision = this.#decide(state);
      if (state.next.do === 'fail') {
        // The failure is final; what is observed of its record is not.
        const { recipient, inUse, changed } = decision;
        this.#update(index, { recipient, inUse, changed });
        continue;
      }
      const heldBack = isWriteDue(decision) ? state.heldBack : null;
      this.#update(index, { ...decision, heldBack });
    }
  }

  #update(index: number, change: Partial<TargetState>): void {
    const from = this.#stateOf(index);
    const to = this.#withTimes(from, { ...from, ...change });
    this.#targets[index] = to;
    if (this.#reportsProgress) this.#options.progress.changed(from, to);
  }

  #withTimes(from: TargetState, to: TargetState): TargetState {
    const nowMs = this.#options.clock.now();
    const hasMoved = to.next.do !== from.next.do;
    const isOtherStatus = to.recipient?.status !== from.recipient?.status;
    return {
      ...to,
      decidedMs: hasMoved ? nowMs : from.decidedMs,
      statusSinceMs: isOtherStatus ? nowMs : from.statusSinceMs,
    };
  }

  #stateOf(index: number): TargetState {
    return this.#targets[index] as TargetState;
  }

  #failPending(failure: Failure): void {
    // A removal that was not begun follows from the failure of another target.
    const isExplained = this.#targets.some(
      (state) => isPending(state) && !isUnbegunRemoval(state),
    );
    for (const [index, state] of this.#targets.entries()) {
      if (!isPending(state)) continue;
      const failureOfTarget =
        isExplained && isUnbegunRemoval(state)
          ? notBegunAfterPoll(failure)
          : endedByPoll(failure, state, this.#observed);
      this.#update(index, { next: { do: 'fail', failure: failureOfTarget } });
    }
  }

  /**
   * An organization whose record may be there is not called "timed out": to run
   * again could add a second one.
   */
  #failUnrecognizable(): void {
    for (const [index, state] of this.#targets.entries()) {
      const failure = isPending(state) ? unrecognizable(state) : null;
      if (failure) this.#update(index, { next: { do: 'fail', failure } });
    }
  }

  // -------- writing

  /**
   * Sends the writes that are due. After a poll that failed, nothing is
   * decided or written before one succeeds.
   * @returns true when some could not be sent before their list was stale: the
   *   next list follows at once, and then they are sent
   */
  async #writeDue(): Promise<boolean> {
    const writes = this.#pollError ? [] : this.#dueWrites();
    if (writes.length === 0) return false;

    const replies: ShareRecipient[] = [];
    const workers = Array.from({ length: MAX_CONCURRENT_WRITES }, () =>
      this.#sendFrom(writes, replies),
    );
    const ends = await Promise.allSettled(workers);
    this.#observed = observeRecords(this.#observed, replies);
    const failed = ends.find(({ status }) => status === 'rejected');
    if (failed) throw (failed as PromiseRejectedResult).reason;

    // First, because only this forgets why writes that were sent now had been
    // held back before.
    this.#decideAll();
    return isListTooOld(this.#targets) && this.#hasWriteEnded;
  }

  /**
   * Those that were sent least come first: near the rate limit, a list may
   * allow one write only, and one that never succeeds would be all of them.
   */
  #dueWrites(): DueWrite[] {
    const writes = this.#targets.flatMap(({ next }, index): DueWrite[] => {
      if (next.do === 'create') return [{ index, recipientId: null }];
      if (next.do !== 'delete') return [];
      return next.recipientIds.map((recipientId) => ({ index, recipientId }));
    });
    return writes.sort((a, b) => this.#attemptsOf(a) - this.#attemptsOf(b));
  }

  #attemptsOf(write: DueWrite): number {
    return this.#attempts.get(keyOf(write)) ?? 0;
  }

  /**
   * Sends one write after the other, until one is held back. An internal error
   * ends the other workers, too.
   */
  async #sendFrom(
    writes: DueWrite[],
    replies: ShareRecipient[],
  ): Promise<void> {
    try {
      for (let write = writes.shift(); write; write = writes.shift()) {
        const reply = await this.#send(write);
        if (reply.outcome === 'heldBack') {
          const { heldBack } = reply;
          for (const { index } of [write, ...writes.splice(0)]) {
            this.#update(index, { heldBack });
          }
        } else {
          this.#record(write, reply, replies);
        }
      }
    } catch (error) {
      writes.length = 0;
      throw error;
    }
  }

  #send({ index, recipientId }: DueWrite): Promise<ShareWrite> {
    const { share } = this.#options;
    const isFirstSinceList = !this.#hasWriteBegun;
    this.#hasWriteBegun = true;
    const turn = (rateLimit: RateLimitState) =>
      heldBackBy(this.#turnOf(isFirstSinceList, rateLimit));
    return recipientId === null
      ? share.createRecipient(this.#stateOf(index).planned.target, turn)
      : share.deleteRecipient(recipientId, turn);
  }

  #turnOf(isFirstSinceList: boolean, rateLimit: RateLimitState) {
    const { clock, deadline } = this.#options;
    return {
      nowMs: clock.now(),
      rateLimit,
      listReceivedMs: this.#observed.listReceivedMs,
      isFirstSinceList,
      notBeforeMs: this.#notBeforeMs,
      endMs: deadline.writesEndMs(),
      isStepOver: deadline.closing.aborted,
      stopped: this.#stopped,
    };
  }

  /** Records what is known of a write that was sent, or nearly. */
  #record(write: DueWrite, reply: SentReply, replies: ShareRecipient[]): void {
    const { index, recipientId } = write;
    const nowMs = this.#options.clock.now();
    this.#hasWriteEnded = true;
    this.#attempts.set(keyOf(write), this.#attemptsOf(write) + 1);
    const result =
      reply.outcome === 'accepted' ? ACCEPTED : this.#learnFrom(reply.error);
    if (result.outcome === 'notProcessed') {
      const { failure } = result.error;
      const heldBack: HeldBack = { why: 'not-processed', failure };
      this.#update(index, { wasAttempted: true, heldBack });
      return;
    }
    this.#lastWriteMs = nowMs;
    const written = { endedMs: nowMs, result };
    const state = this.#stateOf(index);
    if (recipientId !== null) {
      // Another DELETE of the target may have been held back meanwhile.
      const deletes = [...state.deletes, this.#toDelete(recipientId, written)];
      this.#update(index, { wasAttempted: true, deletes });
      return;
    }
    const posts = [...state.posts, this.#toPost(state, written)];
    const recipient = reply.outcome === 'accepted' ? reply.recipient : null;
    if (recipient) replies.push(recipient);
    const inUse = recipient?.id ?? state.inUse;
    this.#update(index, { wasAttempted: true, posts, inUse });
  }

  #toPost({ planned }: TargetState, written: SentWrite): Post {
    const records = this.#observed.byAccount.get(planned.target.id) ?? [];
    return { ...written, knownIds: new Set(records.map(({ id }) => id)) };
  }

  #toDelete(recipientId: string, written: SentWrite): Delete {
    const status = this.#observed.records.get(recipientId)?.status;
    return {
      recipientId,
      ...written,
      wasAssociating: status === 'associating',
    };
  }

  /**
   * What a write that was not accepted means for the writes that follow it. One
   * that was not processed is rejected where Cloudflare asks to wait past the
   * end of the step.
   */
  #learnFrom(failed: ApiError): FailedWrite {
    const { clock, deadline } = this.#options;
    const nowMs = clock.now();
    const leftMs = Math.max(0, deadline.writesEndMs() - nowMs);
    // It is a cancellation that leaves no time then, not the response.
    const isCancelled = deadline.isCancelled();
    const error = isCancelled ? failed : withoutRetryInTime(failed, leftMs);
    const notBeforeMs = nowMs + error.retryAfterMs;
    this.#notBeforeMs = Math.max(this.#notBeforeMs ?? 0, notBeforeMs);
    if (provesBadCredentials(error)) {
      this.#stopped ??= stoppedBy(error.failure);
    } else if (error.retryAfterMs > leftMs && !isCancelled) {
      this.#stopped ??= heldBackToTheEnd(error.failure);
    }
    return { outcome: error.outcome, error };
  }

  // -------- polling

  async #pause(): Promise<void> {
    const { clock, deadline, random } = this.#options;
    const nowMs = clock.now();
    const { listSentMs, listReceivedMs } = this.#observed;
    const ms = pauseMs({
      waitedMs: nowMs - this.#lastWriteMs,
      random: random(),
      leftMs: deadline.endMs() - nowMs,
      retryAfterMs: this.#pollError?.retryAfterMs ?? 0,
      lastListMs: this.#hasWriteEnded ? 0 : listReceivedMs - listSentMs,
    });
    await clock.sleep(ms, deadline.closing);
  }

  #poll(): Promise<void> {
    return this.#observeAndDecide(async () => {
      const isEnough = await this.#observeRecord();
      if (!isEnough) await this.#observeList();
    });
  }

  /** A last list, at the end of the step, which is not retried. */
  #pollOnceMore(): Promise<void> {
    const { end } = this.#options.deadline;
    return this.#observeAndDecide(() =>
      this.#observeList({ signal: end, maxAttempts: 1 }),
    );
  }

  async #observeAndDecide(observe: () => Promise<void>): Promise<void> {
    const { clock, deadline, progress } = this.#options;
    try {
      await observe();
      this.#polls++;
      this.#pollError = null;
      this.#decideAll();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#adoptRecord();
      this.#recordFailedPoll(error);
    }
    progress.polled(this.#targets, deadline.endMs() - clock.now());
  }

  /**
   * A record may have been read by its ID before the list failed. What it shows
   * is reported, and may be that the target has failed permanently. Only a list
   * shows that several targets are done, or that no other record is active.
   */
  #adoptRecord(): void {
    for (const [index, state] of this.#targets.entries()) {
      if (!isPending(state)) continue;
      const decision = this.#decide(state);
      const { next, recipient, inUse } = decision;
      const isPermanent = failureOf(decision)?.cause === 'resource-error';
      const observed = { recipient, inUse };
      this.#update(index, isPermanent ? { ...observed, next } : observed);
    }
  }

  /**
   * Something readable was there before, so that a response that cannot be
   * read is a failed poll like any other.
   */
  #recordFailedPoll(error: ApiError): void {
    const { closing } = this.#options.deadline;
    // The end of the step has cut it short: that says nothing.
    if (error.failure.cause === 'timeout') return;

    this.#polls++;
    this.#failedPolls++;
    if (error.isRetryable || closing.aborted) this.#pollError = error;
    else this.#failPending(error.failure);
  }

  async #observeList(options?: ReadOptions): Promise<void> {
    const list = await this.#options.share.listRecipients(options);
    this.#observed = observeList(this.#observed, list);
    this.#hasWriteBegun = false;
    this.#hasWriteEnded = false;
  }

  /**
   * Polls the one record that is waited for.
   * @returns false where only a list can show what comes next
   */
  async #observeRecord(): Promise<boolean> {
    const pending = this.#targets.filter(isPending);
    const [only] = pending;
    const recipient = only?.recipient;
    if (pending.length !== 1 || !only || !recipient) return false;
    const isOnTheWay =
      only.planned.desired === 'present' ? isActive : isDisassociating;
    if (!isOnTheWay(recipient)) return false;

    const record = await this.#readRecord(recipient.id);
    if (!record) return false;
    this.#observed = observeRecords(this.#observed, [record]);
    // Several targets end on a list, however they end.
    const isOver = isReady(record) || hasTerminalError(record);
    return isOnTheWay(record) && !(isOver && this.#endsOnList());
  }

  #endsOnList(): boolean {
    return this.#targets.length > 1 || this.#options.inputs.state === 'exact';
  }

  /** @returns null after a 404: a stale read, for a record never disappears */
  async #readRecord(id: string): Promise<ShareRecipient | null> {
    try {
      return await this.#options.share.getRecipient(id);
    } catch (error) {
      const isMissing =
        error instanceof ApiError && error.failure.cause === 'not-found';
      if (isMissing) return null;
      throw error;
    }
  }
}

function keyOf({ index, recipientId }: DueWrite): string {
  return `${index} ${recipientId ?? ''}`;
}

function isWriteDue({ next }: Decision): boolean {
  return next.do === 'create' || next.do === 'delete';
}

/**
 * Do writes wait only for a newer list? One that was not processed has to wait
 * longer than that, or it would be repeated at once.
 */
function isListTooOld(targets: readonly TargetState[]): boolean {
  return targets.some(isWaitingForList) && !targets.some(wasNotProcessed);
}

function wasNotProcessed(state: TargetState): boolean {
  return isWriteDue(state) && state.heldBack?.why === 'not-processed';
}

/**
 * Was a write held back because its list is too old, or would be in its turn?
 */
function isWaitingForList(state: TargetState): boolean {
  const why = isWriteDue(state) ? state.heldBack?.why : null;
  return why === 'stale-list' || why === 'rate-limit';
}
