import { ApiError, asApiError } from '../cloudflare/api-error.ts';
import type { ClientOptions, ReadOptions } from '../cloudflare/client.ts';
import type {
  RecipientList,
  Share,
  ShareRecipient,
  Shares,
} from '../cloudflare/shares.ts';
import type { Inputs, Target } from '../inputs.ts';
import {
  decide,
  type Failure,
  failureOf,
  isPending,
  isUnknown,
  type TargetState,
} from './decide.ts';
import { firstObservations, observe, STALE_READ_MS } from './observations.ts';
import { describeErrors, stage } from './readiness.ts';

/** More would not be faster under the rate limit. */
const MAX_CONCURRENT_WRITES = 4;
const SHORTEST_INTERVAL_MS = 1_000;
const LONGEST_INTERVAL_MS = 15_000;
/**
 * The last poll begins this long before the deadline, so that a response can
 * still arrive.
 */
const LAST_POLL_MS = 2_000;

export interface ReconcilerOptions
  extends Pick<ClientOptions, 'clock' | 'deadline' | 'random'> {
  readonly inputs: Inputs;
  readonly shares: Shares;
  /** Called when something has happened to a target. */
  readonly onChange: (from: TargetState, to: TargetState) => void;
  /** Called after every poll. */
  readonly onPoll: (states: readonly TargetState[]) => void;
}

/**
 * Brings the recipients of a share to the desired state. It plans from the
 * first list and writes nothing before `run`.
 */
export function createReconciler(
  first: RecipientList,
  share: Share | null,
  options: ReconcilerOptions,
) {
  const { inputs, shares, clock, deadline, random, onChange, onPoll } = options;
  let observed = firstObservations(first, share);
  const states: TargetState[] = inputs.targets.map((target) => {
    const decision = decide(
      { target, inUse: null, writes: [] },
      inputs,
      observed,
    );
    const endedMs = isPending(decision) ? null : first.sentMs;
    return {
      target,
      writes: [],
      unsent: null,
      ...decision,
      startedMs: first.sentMs,
      endedMs,
    };
  });
  /** Set when the credentials were rejected: no other write can succeed. */
  let stopped: Failure | null = null;
  let lastWriteMs = first.sentMs;
  let pollError: ApiError | null = null;

  function update(index: number, next: Partial<TargetState>): void {
    const from = states[index] as TargetState;
    const to = { ...from, ...next };
    states[index] = {
      ...to,
      endedMs: isPending(to) ? null : (from.endedMs ?? clock.now()),
    };
    onChange(from, states[index]);
  }

  function decideAll(): void {
    for (const [index, state] of states.entries()) {
      if (state.action === 'fail') continue;
      const decision = decide(state, inputs, observed);
      const isStopped =
        stopped &&
        (decision.action === 'create' || decision.action === 'delete');
      update(
        index,
        isStopped
          ? { ...decision, action: 'fail', failure: stopped }
          : decision,
      );
    }
  }

  /**
   * Sends one write and records what is known of its outcome. Returns the
   * record in the reply to a POST.
   */
  async function write(
    index: number,
    recipientId: string | null,
  ): Promise<ShareRecipient[]> {
    const { target } = states[index] as TargetState;
    const sendByMs = () =>
      stopped ? Number.NEGATIVE_INFINITY : observed.listSentMs + STALE_READ_MS;
    const sending = recipientId
      ? shares.delete(recipientId, sendByMs)
      : shares.create(target, sendByMs);
    const result = await sending.catch(asApiError);
    const error = result instanceof ApiError ? result : null;
    const unsent = error?.is.outcome === 'not-sent' ? error : null;
    update(index, { unsent });
    if (unsent) return [];
    if (error?.is.failure === 'authentication') {
      const reason = `not attempted, because authentication failed for another write: ${error.reason}`;
      stopped ??= { cause: 'stopped', reason, detail: error.detail };
    }
    lastWriteMs = clock.now();
    const isMoving =
      observed.records.get(recipientId ?? '')?.status === 'associating';
    const isCounted = error?.is.outcome !== 'conflict' || !isMoving;
    const { writes, inUse } = states[index] as TargetState;
    const sent = {
      recipientId,
      endedMs: lastWriteMs,
      error,
      isCounted,
      known: observed.records,
    };
    const created = result instanceof ApiError ? null : result;
    update(index, { writes: [...writes, sent], inUse: created?.id ?? inUse });
    // The reply has no resources, so `associated` in it proves nothing.
    return created ? [{ ...created, status: 'associating' }] : [];
  }

  /**
   * @returns true when some writes have waited so long that their list is
   * stale: poll at once, then send them
   */
  async function writeDue(): Promise<boolean> {
    const due = states.flatMap(
      (
        { action, deletions },
        index,
      ): { index: number; id: string | null }[] => {
        if (action === 'create') return [{ index, id: null }];
        return action === 'delete'
          ? deletions.map((id) => ({ index, id }))
          : [];
      },
    );
    const replies: ShareRecipient[] = [];
    const isFresh = () => clock.now() < observed.listSentMs + STALE_READ_MS;
    async function worker(): Promise<void> {
      while (
        due.length > 0 &&
        !stopped &&
        !deadline.closing.aborted &&
        isFresh()
      ) {
        const { index, id } = due.shift() as (typeof due)[0];
        replies.push(...(await write(index, id)));
      }
    }
    await Promise.all(Array.from({ length: MAX_CONCURRENT_WRITES }, worker));
    observed = observe(observed, { records: replies });
    return due.length > 0 && !stopped && !states.some(({ unsent }) => unsent);
  }

  /**
   * Polls the one record that is waited for. Returns false where only the list
   * can show what comes next.
   */
  async function pollRecord(): Promise<boolean> {
    const [only] = states;
    const expected = inputs.state === 'present' ? 0 : 1;
    const known = observed.records.get(only?.recipient?.id ?? '');
    if (states.length > 1 || !known || stage(known) !== expected) return false;
    const record = await shares.get(known.id).catch((error) => {
      // A stale read, perhaps: a record never disappears.
      if (error instanceof ApiError && error.is.failure === 'not-found')
        return null;
      throw error;
    });
    if (!record) return false;
    observed = observe(observed, { records: [record] });
    return stage(record) === expected;
  }

  async function poll(options?: ReadOptions): Promise<void> {
    try {
      const isEnough = !options && (await pollRecord());
      if (!isEnough) observed = observe(observed, await shares.list(options));
      pollError = null;
      decideAll();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const { failure, retryable } = error.is;
      // The client has retried a response that it cannot read, so it is no
      // hiccup.
      const isLasting =
        failure !== 'interrupted' &&
        (!retryable || failure === 'invalid-response');
      if (isLasting) fail(failureOf(error));
      else if (failure !== 'interrupted') pollError = error;
    }
    onPoll(states);
  }

  /** Fails what is left, and says what is known of each target. */
  function fail({ reason, ...failure }: Failure): void {
    for (const [index, state] of states.entries()) {
      if (!isPending(state)) continue;
      const known = describePending(state, share, pollError);
      const detail =
        failure.detail ??
        (pollError ?? state.unsent ?? state.writes.at(-1)?.error)?.detail;
      update(index, {
        action: 'fail',
        failure: { ...failure, reason: `${reason}; ${known}`, detail },
      });
    }
  }

  return {
    /** One for each target, in the order given. */
    states: states as readonly TargetState[],
    observed: () => observed,
    isPending: () => states.some(isPending),

    /**
     * Writes and polls until every target is done or failed, or the step is
     * over.
     */
    async run(): Promise<void> {
      while (states.some(isPending) && !deadline.closing.aborted) {
        // After a poll that failed, nothing is decided or written before one
        // succeeds.
        const isBehind = !pollError && (await writeDue());
        if (!pollError) decideAll();
        if (!states.some(isPending)) return;
        const lastMs = deadline.endMs() - LAST_POLL_MS - clock.now();
        const intervalMs = pollIntervalMs(clock.now() - lastWriteMs, random());
        const waitMs =
          lastMs > 0
            ? Math.min(intervalMs, lastMs)
            : deadline.endMs() - clock.now();
        const retryMs = Math.max(waitMs, pollError?.is.retryAfterMs ?? 0);
        await clock.sleep(isBehind ? 0 : retryMs, deadline.closing);
        if (!deadline.closing.aborted) await poll();
      }
      // A list can still show what became of a write whose outcome is unknown.
      const isUnclear = states.some(
        (state) => isPending(state) && state.writes.some(isUnknown),
      );
      if (isUnclear) await poll({ signal: deadline.end, maxAttempts: 1 });
      const wanted =
        inputs.state === 'present' ? 'associated' : 'disassociated';
      if (deadline.isCancelled())
        fail({ cause: 'cancelled', reason: 'cancelled' });
      else
        fail({
          cause: 'timeout',
          reason: `not ${wanted} before the timeout of ${inputs.timeout}`,
        });
    },
  };
}

/**
 * Milliseconds before the next poll: a fifth of the time waited so far, at
 * least 1 s, at most 15 s, ±10 %.
 */
export function pollIntervalMs(waitedMs: number, random: number): number {
  const baseMs = Math.min(
    Math.max(waitedMs / 5, SHORTEST_INTERVAL_MS),
    LONGEST_INTERVAL_MS,
  );
  return Math.round(baseMs * (0.9 + 0.2 * random));
}

/** The state of a target when the recipients could not be read at all. */
export function failedState(
  target: Target,
  failure: Failure,
  nowMs: number,
): TargetState {
  const nothing = {
    writes: [],
    unsent: null,
    inUse: null,
    recipient: null,
    changed: false,
    deletions: [],
  };
  return {
    target,
    ...nothing,
    action: 'fail',
    failure,
    startedMs: nowMs,
    endedMs: nowMs,
  };
}

/** Says what is known of a target that is not done. */
function describePending(
  state: TargetState,
  share: Share | null,
  pollError: ApiError | null,
) {
  const { recipient, writes, unsent } = state;
  const last = writes.at(-1);
  const parts = [`last observed status: ${recipient?.status ?? 'no record'}`];
  const errors = recipient
    ? describeErrors(recipient, share?.resourceTypes)
    : '';
  if (errors) parts.push(`Cloudflare is retrying ${errors}`);
  const what =
    last && isUnknown(last) ? 'may have been carried out' : 'was rejected';
  if (unsent) parts.push(`the last write was not processed: ${unsent.reason}`);
  else if (last?.error)
    parts.push(`the last write ${what}: ${last.error.reason}`);
  if (pollError) parts.push(`the last poll failed: ${pollError.reason}`);
  return parts.join('; ');
}
