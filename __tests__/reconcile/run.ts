/**
 * Runs the reconciler against a share that is a plain list of records, on a
 * clock that jumps.
 */
import type { Inputs } from '../../src/domain.ts';
import { readGitHubContext } from '../../src/github/context.ts';
import {
  firstObservations,
  type ShareReading,
} from '../../src/reconcile/observations.ts';
import { planTargets } from '../../src/reconcile/plan.ts';
import { type Progress, Reconciler } from '../../src/reconcile/reconciler.ts';
import type { Outcome, TargetState } from '../../src/reconcile/target-state.ts';
import { failureIn } from '../../src/report/failures.ts';
import {
  A_SHARE_READING,
  ACCOUNT,
  account,
  firstAccounts,
  INPUTS,
} from '../builders.ts';
import {
  ok,
  openApi,
  type Reply,
  rejection,
  type ScriptedOptions,
  type Sent,
} from '../cloudflare/scripted-api.ts';
import { inWords } from './cases.ts';

export interface WireRecord {
  id: string;
  account_id: string | null;
  association_status: string;
  modified?: string;
  resources?: object[];
}

export function wire(
  id: string,
  status: string,
  accountId: string | null = ACCOUNT,
): WireRecord {
  return { id, account_id: accountId, association_status: status };
}

/** Records of the first accounts, with these statuses. */
export function recordsOf(...statuses: string[]): WireRecord[] {
  return statuses.map((status, n) => wire(`r${n}`, status, account(n)));
}

/** Inputs with that many targets. */
export function several(count: number): Partial<Inputs> {
  return { targets: firstAccounts(count) };
}

/** Responds in place of the share, and may change it; or lets it respond. */
export type Respond = (
  request: Sent,
  records: WireRecord[],
) => Reply | undefined;

export interface RunCase extends ScriptedOptions {
  /**
   * The share; changed by writes. A POST adds `new1`, `new2`, … that are
   * `associating`.
   */
  readonly records?: WireRecord[];
  readonly respond?: Respond;
  /** The share itself, or why it could not be read. */
  readonly shareReading?: ShareReading;
  readonly progress?: Partial<Progress>;
  /** When the run is cancelled. */
  readonly cancelMs?: number;
}

/** What the share itself responds with. */
export function serve(
  { method, path, body }: Sent,
  records: WireRecord[],
): Reply {
  const id = /^\/(\w+)/.exec(path)?.[1];
  const known = records.find((record) => record.id === id);
  if (method === 'POST') {
    const isNew = (record: WireRecord) => record.id.startsWith('new');
    const number = records.filter(isNew).length + 1;
    const accountId = JSON.parse(body ?? '').recipient_account_id;
    const added = wire(`new${number}`, 'associating', accountId);
    records.push(added);
    return ok(added);
  }
  if (id && !known) return rejection(404);
  if (method === 'DELETE' && known) known.association_status = 'disassociating';
  return ok(known ?? records);
}

/** Opens the share and plans. Nothing is written yet. */
export async function plan(runCase: RunCase) {
  const {
    records = [],
    respond,
    shareReading = A_SHARE_READING,
    progress,
    ...more
  } = runCase;
  const api = openApi(
    (request) => respond?.(request, records) ?? serve(request, records),
    more,
  );
  const inputs: Inputs = {
    ...INPUTS,
    timeout: `${(runCase.timeoutMs ?? 600_000) / 1_000}s`,
    ...runCase.inputs,
  };
  const changes: string[] = [];
  const polls: number[] = [];
  const list = await api.clock.run(api.share.listRecipients());
  const observed = firstObservations(list, shareReading);
  const reconciler = new Reconciler({
    ...api,
    plan: planTargets(inputs, observed),
    observed,
    inputs,
    random: () => runCase.random ?? 0.5,
    progress: {
      changed: (from, to) => {
        const [before, after] = [inWords(from), inWords(to)];
        if (before !== after) changes.push(`${before} → ${after}`);
        progress?.changed?.(from, to);
      },
      polled: (targets, leftMs) => {
        polls.push(api.clock.now());
        progress?.polled?.(targets, leftMs);
      },
    },
  });
  /**
   * `POST`, `DELETE /id`, `GET` for the list, `GET /id`, each with its time,
   * from the first write or poll on.
   */
  const traffic = () =>
    api.requests
      .slice(1)
      .map(({ method, path, atMs }) =>
        `${atMs} ${method} ${path.replace(/\?.*/, '')}`.trim(),
      );
  const writes = () => traffic().filter((text) => !text.includes('GET'));
  return {
    ...api,
    inputs,
    reconciler,
    records,
    changes,
    polls,
    traffic,
    writes,
  };
}

/** Runs a case to its end. */
export async function run(one: RunCase) {
  const opened = await plan(one);
  const running = opened.reconciler.run();
  if (one.cancelMs !== undefined) {
    await opened.clock.pass(one.cancelMs - opened.clock.now());
    opened.cancel.abort();
  }
  const outcome: Outcome = await opened.clock.run(running);
  const { targets } = outcome;
  const [state] = targets as [TargetState];
  const endMs = opened.clock.now();
  const failures = failuresOf(outcome, opened.inputs, endMs);
  const causes = failures.map((failure) => failure?.cause ?? null);
  const reasons = failures.map((failure) => failure?.reason ?? null);
  return { ...opened, outcome, targets, state, causes, reasons, endMs };
}

/**
 * Why each target has failed, as the report says it: what is pending at the end
 * has failed because the run ended.
 */
function failuresOf(outcome: Outcome, inputs: Inputs, nowMs: number) {
  const result = {
    inputs,
    notes: { fallbacks: [], disabledIds: 0, repeatedIds: 0 },
    context: readGitHubContext({}),
    outcome,
    sharesOfOwner: [],
    cost: { requests: 0, retries: 0, tookMs: nowMs },
    nowMs,
  };
  return outcome.targets.map((state) => failureIn(state, result));
}

/** Lets each of them change the share; the first reply counts. */
export function together(...all: readonly Respond[]): Respond {
  return (request, records) => {
    const replies = all.map((respond) => respond(request, records));
    return replies.find((reply) => reply !== undefined);
  };
}

/** From that time on, new records are `associated`. */
export function associatedAt(ms: number): Respond {
  return becomes('associating', 'associated', ms);
}

/** From that time on, records with one status have another. */
export function becomes(before: string, after: string, ms = 0): Respond {
  return ({ atMs }, records) => {
    for (const record of records) {
      const isDue = atMs >= ms && record.association_status === before;
      if (isDue) record.association_status = after;
    }
    return undefined;
  };
}

/** From that time on, the record has this status, and more that is given. */
export function turns(
  id: string,
  status: string,
  ms: number,
  more: Partial<WireRecord> = {},
): Respond {
  return ({ atMs }, records) => {
    const one = records.find((known) => known.id === id);
    const now = { association_status: status, ...more };
    if (one && atMs >= ms) Object.assign(one, now);
    return undefined;
  };
}

/** From that time on, the share has this record, too. */
export function appears(added: WireRecord, ms: number): Respond {
  return ({ atMs }, records) => {
    const isNew = records.every(({ id }) => id !== added.id);
    if (atMs >= ms && isNew) records.push({ ...added });
    return undefined;
  };
}

type Method = 'GET' | 'POST' | 'DELETE';

/** The reply to each request of a method, from one time to another. */
export function replyTo(
  method: Method,
  reply: Reply,
  fromMs = 0,
  toMs = Number.POSITIVE_INFINITY,
): Respond {
  return ({ method: sent, atMs }) =>
    sent === method && atMs >= fromMs && atMs < toMs ? reply : undefined;
}

/** Every POST adds this record, and gets that reply. */
export function carriedOut(added: WireRecord, reply: Reply): Respond {
  return ({ method }, records) => {
    if (method !== 'POST') return undefined;
    records.push({ ...added });
    return reply;
  };
}

/**
 * Responds to each request of a method in turn; then lets the share respond.
 */
export function inTurn(
  method: Method,
  replies: readonly (Reply | undefined)[],
  then: Respond = () => undefined,
): Respond {
  let number = 0;
  return (request, records) => {
    const reply = request.method === method ? replies[number++] : undefined;
    return reply ?? then(request, records);
  };
}
