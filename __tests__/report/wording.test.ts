import { describe, expect, it } from 'vitest';
import type { Delay } from '../../src/cloudflare/client.ts';
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
import { refusedBecause } from '../../src/reconcile/reasons.ts';
import { describeErrors } from '../../src/reconcile/resource-errors.ts';
import type {
  Step,
  TargetState,
  Waiting,
  WriteResult,
} from '../../src/reconcile/target-state.ts';
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
import { AN_ORGANIZATION, firstAccounts, resourceError } from '../builders.ts';
import { expectSentences } from '../sentences.ts';
import {
  added,
  apiError,
  fail,
  failed,
  failureOf,
  inputsOf,
  NOTES,
  observe,
  organization,
  POLICIES,
  post,
  type RunCase,
  range,
  recordOf,
  removal,
  requestFailure,
  resultOf,
  type StateCase,
  stateOf,
  unchanged,
  WAIT,
} from './results.ts';

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
    [formatSeconds(100_450), '100 s'],
    [formatSeconds(1_150), '1.2 s'],
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
  const targets = firstAccounts(3);
  const start = (inputs: Partial<Inputs>, notes: Partial<typeof NOTES> = {}) =>
    startLine(inputsOf([], inputs), { ...NOTES, ...notes });

  it('is one line', async () => {
    await expectSentences('sentences-start', {
      'one account': start({ targets: firstAccounts(1) }),
      'without waiting': start({ targets, timeout: '90s', wait: false }),
      'an organization': start({ targets: [AN_ORGANIZATION] }),
      'a removal that is a dry run': start({
        targets,
        state: 'absent',
        dryRun: true,
      }),
      'exact, with IDs that are not used': start(
        { targets, state: 'exact' },
        { disabledIds: 1, repeatedIds: 2 },
      ),
      'with a variable in place of an input': start(
        { targets },
        { fallbacks: ['api-token from CLOUDFLARE_API_TOKEN'] as never[] },
      ),
    });
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
  const waitFor = (what: Waiting): Step => ({ do: 'wait', for: what });
  const unlisted = { isUnlisted: true, status: 'associated' } as const;
  const cases: Record<string, StateCase> = {
    'a new account': present,
    'a former one': { ...present, status: 'disassociated' },
    'one that is being removed': {
      next: waitFor('removal'),
      status: 'disassociating',
    },
    'one that is done': { status: 'associated' },
    'one on its way in a plan that was rejected': {
      status: 'associating',
      next: fail(failureOf('refused')),
    },
    'one on its way': { status: 'associating', next: WAIT },
    'one to remove': {
      ...absent,
      status: 'associated',
      next: { do: 'delete', recipientIds: [] },
    },
    'one to remove, with two records': {
      ...absent,
      status: 'associated',
      next: { do: 'delete', recipientIds: ['r9', 'r0'] },
    },
    'one that exact removes': { ...unlisted, next: WAIT },
    'one whose removal is under way': {
      ...absent,
      status: 'disassociating',
      next: WAIT,
    },
    'no recipient, as the first list says': {
      ...absent,
      next: waitFor('confirmation'),
    },
    'no recipient': absent,
    'one that is not possible': {
      next: fail(failureOf('inconclusive', 'unclear')),
    },
    'one in a plan that was rejected': {
      ...unlisted,
      next: fail(failureOf('refused')),
    },
  };

  it('is one line', async () => {
    await expectSentences('sentences-plan', cases, (change) =>
      planLine(stateOf(0, change), inputsOf([])),
    );
  });

  it('says that no recipient names an organization, and that nobody waits', () => {
    expect(planLine(organization(present), inputsOf([]))).toBe(
      '+ add (no recipient names it)',
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
  const posted = (result: WriteResult) => ({ posts: [post(result)] });
  const associated = { status: 'associated' } as const;
  const associating = { status: 'associating' } as const;
  const heldBack = { why: 'retry-after', waitMs: 20_000 } as const;
  const heldBackAgain = { heldBack: { ...heldBack, waitMs: 9_000 } };
  const failure = requestFailure('network', 'no route');
  const notProcessed = { heldBack: { why: 'not-processed', failure } } as const;
  const gone = { next: fail(failureOf('removed', 'it is away')) };
  const cases: Record<string, readonly [from: StateCase, to: StateCase]> = {
    'a POST that was accepted': [{}, { ...associating, posts: [post()] }],
    'a DELETE that was accepted': [
      associated,
      { ...associated, deletes: [removal('r0')] },
    ],
    'a write without a response': [{}, posted({ outcome: 'unknown', error })],
    'a conflict': [{}, posted({ outcome: 'conflict', error })],
    'a write that was rejected': [
      {},
      { ...posted({ outcome: 'rejected', error }), status: 'odd' },
    ],
    'a write that was held back': [{}, { heldBack }],
    'a new status': [associating, associated],
    'the end with the same status': [
      associated,
      { ...associated, next: { do: 'done' } },
    ],
    'the end without a record': [{}, { next: { do: 'done' } }],
    'a failure': [{}, gone],
    // Is not repeated.
    'the same failure': [gone, gone],
    'a write that is held back again': [{ heldBack }, heldBackAgain],
    'a write that is still not processed': [notProcessed, notProcessed],
    nothing: [associating, associating],
  };

  it('is one line', async () => {
    await expectSentences('sentences-change', cases, ([from, to]) =>
      changeLine(
        stateOf(0, { ...before, ...from }),
        stateOf(0, { ...before, ...to }),
        0,
      ),
    );
  });
});

describe('a write that is held back', () => {
  const cases: Record<string, HeldBack> = {
    'by a request that was not processed': {
      why: 'not-processed',
      failure: requestFailure('network', 'no route'),
    },
    'by the rate limit': { why: 'rate-limit', waitMs: 300_000 },
    'by an old list': { why: 'stale-list' },
    'by another failure': {
      why: 'stopped',
      failure: failureOf('stopped', 'its reason'),
    },
    'by the end of the step': { why: 'step-over' },
  };

  it('says why and for how long', async () => {
    await expectSentences('sentences-held-back', cases, describeHeldBack);
  });
});

describe('a delay', () => {
  const cases: Record<string, Delay> = {
    'the rate limit': { why: 'rate-limit', waitMs: 1_001 },
    'little of the rate limit': { why: 'spacing', waitMs: 900 },
    'a retry': { why: 'retry', error: apiError(), waitMs: 500 },
  };

  it('is one line', async () => {
    await expectSentences('sentences-delay', cases, delayLine);
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
      'gateway-policy policy: no entitlement (and 1 that Cloudflare is retrying)',
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
  ])('of a single account says what it waits for: %j', (change, text) => {
    expect(waitingLine(stateOf(0, change), 35_000, 85_000)).toBe(
      `${text} after 35 s, 1 m 25 s left`,
    );
  });
});

describe('the headline', () => {
  const cancelled = { outcome: { ending: { type: 'cancelled' } } } as const;
  const crashed: RunCase = {
    outcome: { ending: { type: 'crashed', error: new Error('x') } },
  };
  const withoutWaiting = { inputs: { wait: false } };
  const exact: RunCase = { inputs: { state: 'exact' } };
  const toAdd = stateOf(0, { changed: true, next: { do: 'create' } });
  const associating = stateOf(0, { status: 'associating' });
  const pending = stateOf(1, { next: WAIT });
  const removed = stateOf(1, { isUnlisted: true, changed: true });
  const fleet = [
    ...range(1, 39).map((n) => failed(n, failureOf('server'))),
    ...range(40, 950).map((n) => added(n)),
    ...range(951, 1_000).map((n) => unchanged(n)),
  ];
  const cases: Record<string, readonly [TargetState[], RunCase?]> = {
    'one added': [[added(0)]],
    'nothing to do': [[unchanged(0), unchanged(1)]],
    'one failed': [[failed(0, failureOf('server'))]],
    'a fleet': [fleet],
    'a dry run': [[toAdd, unchanged(1)], { inputs: { dryRun: true } }],
    'without waiting': [[added(0)], withoutWaiting],
    'without waiting for one on its way': [[associating], withoutWaiting],
    exact: [[added(0), removed], exact],
    'cancelled when all was done': [[added(0)], cancelled],
    cancelled: [[added(0), pending], cancelled],
    'an internal error': [[added(0), pending], crashed],
    'a plan that was rejected beside another failure': [
      [failed(0, failureOf('inconclusive')), unchanged(1)],
      { outcome: { refusal: refusedBecause('too many', 'removals') } },
    ],
  };

  it('counts all of them', async () => {
    await expectSentences('sentences-headline', cases, ([states, change]) =>
      headline(resultOf(states, change)),
    );
  });
});

describe('a target that is still pending at the end', () => {
  const ending = { type: 'timeout' } as const;
  const timeout: RunCase = { outcome: { ending } };
  const failedPolls: RunCase = {
    outcome: { ending, polls: { polls: 1, failedPolls: 1 } },
  };
  const cancelled: RunCase = { outcome: { ending: { type: 'cancelled' } } };
  const unobserved: RunCase = {
    observed: null,
    outcome: { ending: { type: 'crashed', error: '' } },
  };
  const unknown = post({ outcome: 'unknown', error: apiError() });
  const heldBack = { why: 'rate-limit', waitMs: 9_000 } as const;
  const notProcessed = {
    why: 'not-processed',
    failure: requestFailure('rate-limit'),
  } as const;
  const active = observe([
    recordOf(0, 'associated'),
    recordOf(0, 'associated', { id: 'r9' }),
  ]);
  const accepted: StateCase = {
    desired: 'absent',
    status: 'associated',
    deletes: [removal('r0')],
  };
  const recipient = recordOf(0, 'associated', {
    errors: [resourceError(false)],
  });
  const cases: Record<string, readonly [StateCase, RunCase]> = {
    'a status': [{ status: 'associating', statusSinceMs: -520_000 }, timeout],
    'polls that failed': [{}, failedPolls],
    'a write whose outcome is unknown': [{ posts: [unknown] }, cancelled],
    'a write that was held back': [{ heldBack }, timeout],
    'a write that was not processed': [{ heldBack: notProcessed }, timeout],
    'a removal that was accepted': [accepted, { ...timeout, observed: active }],
    'two removals of one account that were accepted': [
      { ...accepted, deletes: [removal('r0'), removal('r9')] },
      { ...timeout, observed: active },
    ],
    'a removal that was accepted, and shows': [
      { ...accepted, status: 'disassociating' },
      { ...timeout, observed: observe([recordOf(0, 'disassociating')]) },
    ],
    'a resource that is retried': [{ recipient }, timeout],
    'nothing that was observed': [{}, unobserved],
  };

  it('has a reason', async () => {
    await expectSentences('sentences-pending', cases, ([change, run]) => {
      const state = stateOf(0, { next: WAIT, ...change });
      return describePending(state, resultOf([state], run));
    });
  });
});
