/** Results for the tests of reports, made by the real planning from records. */
import type { ApiError } from '../../src/cloudflare/api-error.ts';
import type { ShareRecipient } from '../../src/cloudflare/shares.ts';
import { readGitHubContext } from '../../src/github/context.ts';
import {
  decide,
  type Failure,
  type TargetState,
  type Write,
} from '../../src/reconcile/decide.ts';
import { firstObservations } from '../../src/reconcile/observations.ts';
import { failedState } from '../../src/reconcile/reconciler.ts';
import type { Result } from '../../src/report/result.ts';
import { account, record } from '../builders.ts';
import { inputsOf } from '../read-inputs.ts';

export const GITHUB = {
  GITHUB_EVENT_NAME: 'release',
  GITHUB_REF_NAME: 'v1',
  GITHUB_ACTOR: 'octocat',
  GITHUB_REPOSITORY: 'octo/policies',
  GITHUB_ACTION_REPOSITORY: 'octo/share-recipient',
  GITHUB_ACTION_REF: 'v1',
};

export interface ResultCase {
  /**
   * How many accounts are the targets; default as many as there are records.
   */
  readonly targets?: number;
  readonly records?: readonly ShareRecipient[];
  readonly inputs?: Record<string, string>;
  /** Writes of all targets. */
  readonly writes?: readonly Write[];
  /** Ends the state of each target. */
  readonly change?: (state: TargetState, index: number) => Partial<TargetState>;
  readonly share?: { name: string; resourceTypes: Map<string, string> } | null;
  readonly isCancelled?: boolean;
}

/** The record of the `n`th account. */
export function recordOf(
  n: number,
  status: string,
  more: Partial<ShareRecipient> = {},
): ShareRecipient {
  return record(`r${n}`, status, { accountId: account(n), ...more });
}

/** Everything that can be asked of one result. The first list was sent at 0. */
export function resultOf(one: ResultCase): Result {
  const {
    records = [],
    targets = records.length || 1,
    writes = [],
    change = () => ({}),
    share = null,
  } = one;
  const ids = Array.from({ length: targets }, (_, n) => account(n)).join();
  const inputs = inputsOf({ 'INPUT_RECIPIENT-ACCOUNT-ID': ids, ...one.inputs });
  const observed = firstObservations({ records, sentMs: 0 }, share);
  const states = inputs.targets.map((target, index) => {
    const decision = decide({ target, writes, inUse: null }, inputs, observed);
    const endedMs =
      decision.action === 'done' || decision.action === 'fail' ? 0 : null;
    const state = {
      target,
      writes,
      unsent: null,
      ...decision,
      startedMs: 0,
      endedMs,
    };
    return { ...state, ...change(state, index) };
  });
  return {
    inputs,
    context: readGitHubContext(GITHUB),
    states,
    observed,
    isCancelled: one.isCancelled ?? false,
    cost: { requests: 3, retries: 0, tookMs: 1_234 },
  };
}

/** A result of a run that could read nothing. */
export function unreadable(failure: Failure, one: ResultCase = {}): Result {
  const result = resultOf(one);
  return {
    ...result,
    observed: null,
    states: result.inputs.targets.map((target) =>
      failedState(target, failure, 0),
    ),
  };
}

/** Fails a target like a request did. */
export const failWith = (
  cause: Failure['cause'],
  reason = 'no',
  detail?: ApiError['detail'],
): Partial<TargetState> => ({
  action: 'fail',
  failure: { cause, reason, ...(detail && { detail }) },
  endedMs: 1,
});
