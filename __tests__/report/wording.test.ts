import { describe, expect, it } from 'vitest';
import type { HeldBack, Inputs } from '../../src/domain.ts';
import {
  cutWithCount,
  formatCount,
  formatDuration,
  formatSeconds,
  formatWait,
  listOf,
  plural,
} from '../../src/format.ts';
import { describeErrors } from '../../src/reconcile/resource-errors.ts';
import type { TargetState } from '../../src/reconcile/target-state.ts';
import {
  changeLine,
  delayLine,
  describeHeldBack,
  describePending,
  headline,
  othersLine,
  planCounts,
  planLine,
  progressLine,
  startLine,
  waitingLine,
} from '../../src/report/wording.ts';
import { ACCOUNT, account, ORGANIZATION, OWNER, SHARE } from '../builders.ts';
import {
  added,
  apiError,
  failed,
  failureOf,
  inputsOf,
  NOTES,
  organization,
  POLICIES,
  post,
  type RunCase,
  range,
  recordOf,
  removal,
  requestFailure,
  resourceError,
  resultOf,
  type StateCase,
  stateOf,
  unchanged,
  WAIT,
} from './results.ts';

const target = (id: string, type: 'account' | 'organization' = 'account') =>
  ({ type, id, label: null }) as const;

describe('numbers and times', () => {
  it.each([
    [formatCount(999), '999'],
    [formatCount(1_000), '1,000'],
    [formatCount(1_234_567), '1,234,567'],
    [plural(1, 'account'), '1 account'],
    [plural(0, 'account'), '0 accounts'],
    [plural(20_000, 'account'), '20,000 accounts'],
    [formatSeconds(-1), '0.0 s'],
    [formatSeconds(12_345), '12.3 s'],
    [formatSeconds(245_000), '245 s'],
    [formatDuration(499), '0 s'],
    [formatDuration(59_499), '59 s'],
    [formatDuration(60_000), '1 m'],
    [formatDuration(569_000), '9 m 29 s'],
    [formatDuration(3_600_000), '1 h'],
    [formatDuration(3_900_000), '1 h 5 m'],
    [formatWait(1_001), '2 s'],
    [listOf(['a', 'b'], 2), 'a, b'],
    [listOf(['a', 'b', 'c'], 2), 'a, b and 1 more'],
    [cutWithCount('abc', 3), 'abc'],
    [cutWithCount('abcd', 3), 'abc… (and 1 more character)'],
    [cutWithCount('x'.repeat(2_003), 3), 'xxx… (and 2,000 more characters)'],
  ])('are written as people read them: %j', (text, expected) => {
    expect(text).toBe(expected);
  });
});

describe('the start of a run', () => {
  const three = [account(0), account(1), account(2)].map((id) => target(id));
  it.each<[Partial<Inputs>, Partial<typeof NOTES>, string]>([
    [
      { targets: [target(ACCOUNT)] },
      {},
      `Sharing ${SHARE} of account ${OWNER} with 1 account; timeout 10m`,
    ],
    [
      { targets: three, timeout: '90s', wait: false },
      {},
      `Sharing ${SHARE} of account ${OWNER} with 3 accounts; timeout 90s; without waiting`,
    ],
    [
      { targets: [target(ORGANIZATION, 'organization')] },
      {},
      `Sharing ${SHARE} of account ${OWNER} with 1 organization; timeout 10m`,
    ],
    [
      { targets: three, state: 'absent', dryRun: true },
      {},
      `Removing 3 accounts from ${SHARE} of account ${OWNER}; timeout 10m; dry run`,
    ],
    [
      { targets: three, state: 'exact' },
      { disabledIds: 1, repeatedIds: 2 },
      `Sharing ${SHARE} of account ${OWNER} with exactly 3 accounts; timeout 10m; 1 ID in comments not used; 2 repeated IDs used once`,
    ],
  ])('is one line: %j', (inputs, notes, text) => {
    expect(startLine(inputsOf([], inputs), { ...NOTES, ...notes })).toBe(text);
  });

  it('names the variables that are used in place of inputs', () => {
    const fallbacks = ['api-token from CLOUDFLARE_API_TOKEN'] as never[];
    expect(startLine(inputsOf([]), { ...NOTES, fallbacks })).toMatch(
      /; api-token from CLOUDFLARE_API_TOKEN$/,
    );
  });
});

describe('the others', () => {
  it.each([
    [0, 0, ''],
    [1, 0, '1 other account has access'],
    [12, 0, '12 other accounts have access'],
    [0, 1, '1 recipient without an account, possibly an organization'],
    [
      1_200,
      2,
      '1,200 other accounts have access, and 2 recipients without an account, possibly an organization',
    ],
  ])('are counted: %d and %d', (accounts, withoutAccount, text) => {
    expect(othersLine({ accounts, withoutAccount })).toBe(text);
  });
});

describe('the plan of a target', () => {
  const present = { next: { do: 'create' } } as const;
  const absent = { desired: 'absent' } as const;
  it.each<[string, StateCase, string]>([
    ['a new account', present, '+ add'],
    [
      'a former one',
      { ...present, status: 'disassociated' },
      '+ add again (was a recipient before)',
    ],
    [
      'one that is being removed',
      { next: { do: 'wait', for: 'removal' }, status: 'disassociating' },
      '+ add after recipient r0 is removed',
    ],
    [
      'one that is done',
      { status: 'associated' },
      '= already associated: no change',
    ],
    [
      'one on its way',
      { status: 'associating', next: WAIT },
      '= already associating: wait',
    ],
    [
      'one to remove',
      {
        ...absent,
        status: 'associated',
        next: { do: 'delete', recipientIds: [] },
      },
      '- remove recipient r0 (associated)',
    ],
    [
      'one that exact removes',
      { isUnlisted: true, status: 'associated', next: WAIT },
      '- remove recipient r0 (associated) after the additions',
    ],
    [
      'one whose removal is under way',
      { ...absent, status: 'disassociating', next: WAIT },
      '= already being removed',
    ],
    [
      'no recipient, as the first list says',
      { ...absent, next: { do: 'wait', for: 'confirmation' } },
      '= not a recipient: confirming for 10 s',
    ],
    ['no recipient', absent, '= not a recipient: no change'],
    [
      'one that is not possible',
      { next: { do: 'fail', failure: failureOf('inconclusive', 'unclear') } },
      '! not possible: unclear',
    ],
    [
      'one in a plan that was rejected',
      {
        isUnlisted: true,
        status: 'associated',
        next: { do: 'fail', failure: failureOf('refused') },
      },
      '- remove recipient r0 (associated) after the additions',
    ],
  ])('is one line: %s', (_, one, text) => {
    expect(planLine(stateOf(0, one), inputsOf([]))).toBe(text);
  });

  it('says that an organization cannot be observed, and that nobody waits', () => {
    expect(planLine(organization(present), inputsOf([]))).toMatch(
      /^\+ add \(whether it is a recipient/,
    );
    const state = stateOf(0, { status: 'associating' });
    expect(planLine(state, inputsOf([], { wait: false }))).toBe(
      '= already associating: no change',
    );
  });

  it('of many is a count of each', () => {
    const states = [
      ...range(1, 950).map((n) => stateOf(n, present)),
      ...range(951, 1_000).map((n) => unchanged(n)),
    ];
    expect(planCounts(states, inputsOf(states))).toBe(
      '950 to add, 50 already associated',
    );
  });
});

describe('a change of a target', () => {
  const error = apiError();
  const before: StateCase = { next: WAIT, startedMs: -3_000 };
  it.each<[string, StateCase, StateCase, string]>([
    [
      'a POST that was accepted',
      {},
      { status: 'associating', posts: [post()] },
      'added as recipient r0',
    ],
    [
      'a DELETE that was accepted',
      { status: 'associated' },
      { status: 'associated', deletes: [removal('r0')] },
      'removing recipient r0',
    ],
    [
      'a write without a response',
      {},
      { posts: [post({ outcome: 'unknown', error })] },
      'the request may have been carried out: reset (POST …/recipients, HTTP 400, cf-ray 8f1e)',
    ],
    [
      'a conflict',
      {},
      { posts: [post({ outcome: 'conflict', error })] },
      'another change is under way: reset (POST …/recipients, HTTP 400, cf-ray 8f1e)',
    ],
    [
      'a write that was rejected',
      {},
      { posts: [post({ outcome: 'rejected', error })], status: 'odd' },
      '',
    ],
    [
      'a write that was held back',
      {},
      { heldBack: { why: 'retry-after', waitMs: 20_000 } },
      'held back for 20 s, as requested by the response to an earlier write',
    ],
    [
      'a new status',
      { status: 'associating' },
      { status: 'associated' },
      'associated after 3.0 s',
    ],
    [
      'the end with the same status',
      { status: 'associated' },
      { status: 'associated', next: { do: 'done' } },
      'associated after 3.0 s',
    ],
    [
      'the end without a record',
      {},
      { next: { do: 'done' } },
      'not a recipient after 3.0 s',
    ],
    [
      'a failure',
      {},
      { next: { do: 'fail', failure: failureOf('removed', 'it is away') } },
      'failed: it is away',
    ],
    ['nothing', { status: 'associating' }, { status: 'associating' }, ''],
  ])('is one line: %s', (_, from, to, text) => {
    expect(
      changeLine(
        stateOf(0, { ...before, ...from }),
        stateOf(0, { ...before, ...to }),
        0,
      ),
    ).toBe(text);
  });

  it('is not repeated while a write is held back', () => {
    const heldBack = { why: 'stale-list' } as const;
    const state = stateOf(0, { ...before, heldBack });
    expect(changeLine(state, { ...state }, 0)).toBe('');
  });

  it('to a failure is not repeated', () => {
    const state = failed(0, failureOf('server'));
    expect(changeLine(state, { ...state }, 0)).toBe('');
  });
});

describe('a write that is held back', () => {
  it.each<[HeldBack, string]>([
    [
      {
        why: 'not-processed',
        failure: requestFailure('network', 'no route'),
      },
      'held back until the next list: not processed: no route (POST …/recipients, HTTP 400, cf-ray 8f1e)',
    ],
    [
      { why: 'rate-limit', waitMs: 300_000 },
      'held back for 5 m: the rate limit allows no request before',
    ],
    [
      { why: 'stale-list' },
      'held back until the next list, because the last one is too old for a write',
    ],
    [
      { why: 'stopped', failure: failureOf('stopped') },
      failureOf('stopped').reason,
    ],
    [{ why: 'step-over' }, 'not sent, because the step is about to end'],
  ])('says why and for how long: %j', (heldBack, text) => {
    expect(describeHeldBack(heldBack)).toBe(text);
  });
});

describe('a delay', () => {
  it.each([
    [
      delayLine({ why: 'rate-limit', waitMs: 1_001 }),
      'Rate limit reached. Waiting 2 s, as requested by Cloudflare.',
    ],
    [
      delayLine({ why: 'spacing', waitMs: 900 }),
      'Little of the rate limit is left: the action spreads its requests. The next one waits 1 s.',
    ],
    [
      delayLine({ why: 'retry', error: apiError(), waitMs: 500 }),
      'reset (POST …/recipients, HTTP 400, cf-ray 8f1e); retrying in 0.5 s',
    ],
  ])('is one line: %s', (line, text) => {
    expect(line).toBe(text);
  });
});

describe('the errors of resources', () => {
  const many = range(1, 20).map((n) => resourceError(true, 'no plan', `p${n}`));
  it.each([
    [[resourceError(true)], 0, 'gateway-policy policy: no entitlement'],
    [many, 0, '20 resources: no plan'],
    [many, 10, '20 resources: no plan (and 10 more)'],
    [
      [resourceError(true), resourceError(false, 'later', 'x')],
      0,
      'gateway-policy policy: no entitlement (and 1 more)',
    ],
    [
      ['a', 'b', 'c', 'd'].map((text) => resourceError(false, text, text)),
      0,
      'resource a: a; resource b: b; resource c: c (and 1 more)',
    ],
  ])('are merged where they are equal', (errors, moreErrors, text) => {
    const record = recordOf(0, 'associating', { errors, moreErrors });
    expect(describeErrors(record, POLICIES)).toBe(text);
  });
});

describe('progress', () => {
  it('counts what is done, failed and held back', () => {
    const heldBack = { why: 'stale-list' } as const;
    const states = [
      ...range(1, 412).map((n) => added(n)),
      ...range(413, 424).map((n) => failed(n, failureOf('server'))),
      ...range(425, 950).map((n) => stateOf(n, { next: WAIT })),
    ];
    expect(progressLine(states, 569_000, { wait: true })).toBe(
      '412 of 950 associated, 12 failed, 9 m 29 s left',
    );
    const both = [
      added(0),
      stateOf(1, { isUnlisted: true, next: { do: 'create' }, heldBack }),
    ];
    expect(progressLine(both, 1_000, { wait: true })).toBe(
      '1 of 1 associated, 0 of 1 removed, 1 held back, 1 s left',
    );
  });

  it.each<[StateCase, string]>([
    [{ status: 'associating', next: WAIT }, 'still associating'],
    [
      { next: { do: 'wait', for: 'confirmation' } },
      'still confirming that there is no recipient',
    ],
    [
      { next: { do: 'create' }, heldBack: { why: 'stale-list' } },
      'still held back',
    ],
  ])('of a single account says what it waits for: %j', (one, text) => {
    expect(waitingLine(stateOf(0, one), 35_000, 85_000)).toBe(
      `${text} after 35 s, 1 m 25 s left`,
    );
  });
});

describe('the headline', () => {
  const cancelled = { outcome: { ending: { type: 'cancelled' } } } as const;
  const fleet = [
    ...range(1, 39).map((n) => failed(n, failureOf('server'))),
    ...range(40, 950).map((n) => added(n)),
    ...range(951, 1_000).map((n) => unchanged(n)),
  ];
  it.each<[TargetState[], RunCase, string]>([
    [[added(0)], {}, '1 account added'],
    [[unchanged(0), unchanged(1)], {}, '2 accounts unchanged'],
    [[failed(0, failureOf('server'))], {}, '1 account failed'],
    [fleet, {}, '39 of 1,000 accounts failed, 911 added, 50 unchanged'],
    [
      [stateOf(0, { changed: true, next: { do: 'create' } }), unchanged(1)],
      { inputs: { dryRun: true } },
      '1 of 2 accounts would be added, 1 unchanged',
    ],
    [
      [added(0)],
      { inputs: { wait: false } },
      '1 account added without waiting',
    ],
    [
      [stateOf(0, { status: 'associating' })],
      { inputs: { wait: false } },
      '1 account not awaited',
    ],
    [
      [added(0), stateOf(1, { isUnlisted: true, changed: true })],
      { inputs: { state: 'exact' } },
      '1 of 2 accounts added, 1 removed',
    ],
    [[added(0)], cancelled, 'cancelled: 1 account added'],
    [
      [added(0), stateOf(1, { next: WAIT })],
      cancelled,
      'cancelled: 1 of 2 accounts not done, 1 added',
    ],
    [
      [added(0), stateOf(1, { next: WAIT })],
      { outcome: { ending: { type: 'crashed', error: new Error('x') } } },
      'internal error: 1 of 2 accounts failed, 1 added',
    ],
  ])('counts all of them', (states, one, text) => {
    expect(headline(resultOf(states, one))).toBe(text);
  });
});

describe('a target that is still pending at the end', () => {
  const timeout = { outcome: { ending: { type: 'timeout' } } } as const;
  const errors = [resourceError(false)];
  it.each<[string, StateCase, RunCase, string]>([
    [
      'what was seen',
      { status: 'associating', statusSinceMs: -520_000 },
      timeout,
      'not done before the timeout of 10m; 18 polls, last status `associating` for 9 m 40 s',
    ],
    [
      'polls that failed',
      {},
      { outcome: { ...timeout.outcome, polls: { polls: 1, failedPolls: 1 } } },
      'not done before the timeout of 10m; 1 poll (1 of them failed), last status not a recipient for 1 m',
    ],
    [
      'a write whose outcome is unknown',
      { posts: [post({ outcome: 'unknown', error: apiError() })] },
      { outcome: { ending: { type: 'cancelled' } } },
      'cancelled; 18 polls, last status not a recipient for 1 m; the last write may have been carried out: reset',
    ],
    [
      'a write that was held back',
      { heldBack: { why: 'rate-limit', waitMs: 9_000 } },
      timeout,
      'not done before the timeout of 10m; 18 polls, last status not a recipient for 1 m; the last write was held back for 9 s: the rate limit allows no request before',
    ],
    [
      'a resource that is retried',
      { recipient: recordOf(0, 'associated', { errors }) },
      timeout,
      'not done before the timeout of 10m; 18 polls, last status `associated` for 1 m; Cloudflare is retrying gateway-policy policy: later',
    ],
    [
      'nothing that was not observed',
      {},
      { observed: null, outcome: { ending: { type: 'crashed', error: '' } } },
      'not done because of an internal error',
    ],
  ])('has a reason with %s', (_, one, run, text) => {
    const state = stateOf(0, { next: WAIT, ...one });
    expect(describePending(state, resultOf([state], run))).toBe(text);
  });
});
