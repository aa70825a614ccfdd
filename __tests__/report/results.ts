/** Plain data for the tests of the report: targets, runs, failures. */
import { ApiError } from '../../src/cloudflare/api-error.ts';
import type {
  Cause,
  FailedRequest,
  Failure,
  Inputs,
  Share,
  ShareRecipient,
} from '../../src/domain.ts';
import { readGitHubContext } from '../../src/github/context.ts';
import {
  type Observations,
  shareIn,
} from '../../src/reconcile/observations.ts';
import { describeErrors } from '../../src/reconcile/resource-errors.ts';
import type {
  Delete,
  Outcome,
  Post,
  Step,
  TargetState,
  WriteResult,
} from '../../src/reconcile/target-state.ts';
import type { Result } from '../../src/report/result.ts';
import {
  A_SHARE,
  AN_ORGANIZATION,
  account,
  INPUTS,
  record,
} from '../builders.ts';

export const GITHUB = {
  GITHUB_EVENT_NAME: 'release',
  GITHUB_REF_NAME: 'v1',
  GITHUB_ACTOR: 'octocat',
  GITHUB_REPOSITORY: 'octo/policies',
  GITHUB_ACTION_REPOSITORY: 'octo/share-recipient',
  GITHUB_ACTION_REF: 'v1',
};

export const DOCS =
  'https://github.com/octo/share-recipient/blob/v1/docs/troubleshooting.md';

export const NOTES = { fallbacks: [], disabledIds: 0, repeatedIds: 0 };

export const POLICIES: Share = {
  ...A_SHARE,
  resourceTypes: new Map([['policy', 'gateway-policy']]),
};

/** The record of the `n`th account. */
export function recordOf(
  n: number,
  status: string,
  more: Partial<ShareRecipient> = {},
): ShareRecipient {
  return record(`r${n}`, status, { accountId: account(n), ...more });
}

/** What a test may say of a target. */
export interface StateCase extends Partial<TargetState> {
  readonly label?: string;
  readonly desired?: 'present' | 'absent';
  /** With `exact`: not a target of the list. */
  readonly isUnlisted?: boolean;
  /** The status of the record in use. */
  readonly status?: string;
}

/** The state of the `n`th account. Without a status it has no record. */
export function stateOf(n: number, stateCase: StateCase = {}): TargetState {
  const { label = null, isUnlisted = false, status, ...change } = stateCase;
  const recipient = status === undefined ? null : recordOf(n, status);
  const desired = stateCase.desired ?? (isUnlisted ? 'absent' : 'present');
  const { desired: _, ...rest } = change;
  const { posts = [], deletes = [] } = change;
  return {
    planned: {
      target: { type: 'account', id: account(n), label },
      desired,
      unlistedRecords: isUnlisted ? [recordOf(n, 'associated')] : null,
    },
    posts,
    deletes,
    inUse: recipient?.id ?? null,
    next: { do: 'done' },
    recipient,
    changed: false,
    wasAttempted: posts.length + deletes.length > 0,
    heldBack: null,
    startedMs: 0,
    decidedMs: 0,
    statusSinceMs: 0,
    ...rest,
  };
}

/** An account that was added in four seconds. */
export function added(n: number, stateCase: StateCase = {}): TargetState {
  const ending = { changed: true, decidedMs: 4_000 };
  return stateOf(n, { status: 'associated', ...ending, ...stateCase });
}

/** An account that has access already. */
export function unchanged(n: number, stateCase: StateCase = {}): TargetState {
  return stateOf(n, { status: 'associated', ...stateCase });
}

/** An account that failed. */
export function failed(
  n: number,
  failure: Failure,
  stateCase: StateCase = {},
): TargetState {
  return stateOf(n, { next: fail(failure), decidedMs: 1_000, ...stateCase });
}

export function fail(failure: Failure): Step {
  return { do: 'fail', failure };
}

export const WAIT: Step = { do: 'wait', for: 'status' };

/** A failure that no request caused. */
export function failureOf(cause: Cause, reason = 'no'): Failure {
  return { cause, reason, request: null };
}

/** The failure of a target whose record has a terminal error. */
export function resourceFailure(record: ShareRecipient): Failure {
  return failureOf('resource-error', describeErrors(record, POLICIES));
}

/** The failure of a request, a POST unless a test says something different. */
export function requestFailure<C extends Cause>(
  cause: C,
  reason = 'no',
  request: Partial<FailedRequest> = {},
): Failure & { readonly cause: C; readonly request: FailedRequest } {
  return {
    cause,
    reason,
    request: {
      kind: 'create',
      detail: 'POST …/recipients, HTTP 400, cf-ray 8f1e',
      code: null,
      documentationUrl: null,
      ...request,
    },
  };
}

/** The failure of a POST that may have been carried out. */
export function apiError(): ApiError {
  return new ApiError(requestFailure('server', 'reset'), {
    isRetryable: true,
    outcome: 'unknown',
  });
}

export function post(result: WriteResult = { outcome: 'accepted' }): Post {
  return { endedMs: 0, result, knownIds: new Set() };
}

export function removal(
  recipientId: string,
  result: WriteResult = { outcome: 'accepted' },
): Delete {
  return { recipientId, endedMs: 0, result, wasAssociating: false };
}

export function observe(
  records: readonly ShareRecipient[],
  more: Partial<Observations> = {},
): Observations {
  const byAccount = new Map<string, ShareRecipient[]>();
  for (const record of records) {
    const id = record.accountId ?? '';
    byAccount.set(id, [...(byAccount.get(id) ?? []), record]);
  }
  return {
    shareReading: { type: 'read', share: POLICIES },
    records: new Map(records.map((record) => [record.id, record])),
    byAccount,
    recoveredOnce: new Set(),
    others: { accounts: 0, withoutAccount: 0 },
    skipped: 0,
    firstSentMs: 0,
    listSentMs: 0,
    listReceivedMs: 0,
    ...more,
  };
}

/** What a test may say of a run. */
export interface RunCase {
  readonly inputs?: Partial<Inputs>;
  readonly outcome?: Partial<Outcome>;
  readonly observed?: Partial<Observations> | null;
  readonly result?: Partial<Result>;
}

/** A run that is over, with these targets. */
export function resultOf(
  targets: readonly TargetState[],
  runCase: RunCase = {},
): Result {
  const records = targets.flatMap(({ recipient }) => recipient ?? []);
  const observed =
    runCase.observed === null ? null : observe(records, runCase.observed ?? {});
  return {
    inputs: inputsOf(targets, runCase.inputs),
    notes: NOTES,
    context: readGitHubContext(GITHUB),
    outcome: {
      targets,
      refusal: null,
      observed,
      share: observed && shareIn(observed),
      polls: { polls: 18, failedPolls: 0 },
      lastPollFailure: null,
      ending: { type: 'complete' },
      ...runCase.outcome,
    },
    sharesOfOwner: [],
    cost: { requests: 3, retries: 0, tookMs: 1_234 },
    nowMs: 60_000,
    ...runCase.result,
  };
}

/** The inputs that name the listed ones of these targets. */
export function inputsOf(
  targets: readonly TargetState[],
  more: Partial<Inputs> = {},
): Inputs {
  const listed = targets.filter(
    ({ planned }) => planned.unlistedRecords === null,
  );
  return {
    ...INPUTS,
    targets: listed.map(({ planned }) => planned.target),
    ...more,
  };
}

/** The state of a run with `organization-id`. */
export function organization(stateCase: StateCase = {}): TargetState {
  const state = stateOf(0, stateCase);
  const planned = { ...state.planned, target: AN_ORGANIZATION };
  return { ...state, planned };
}

/** Numbers from `first` to `last`, both included. */
export function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, n) => first + n);
}
