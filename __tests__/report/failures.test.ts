import { describe, expect, it } from 'vitest';
import { refusedBecause } from '../../src/reconcile/reasons.ts';
import type { TargetState } from '../../src/reconcile/target-state.ts';
import {
  annotatedGroups,
  failureIn,
  groupFailures,
} from '../../src/report/failures.ts';
import { account, resourceError } from '../builders.ts';
import {
  added,
  failed,
  failureOf,
  type RunCase,
  range,
  recordOf,
  requestFailure,
  resourceFailure,
  resultOf,
  stateOf,
  unchanged,
  WAIT,
} from './results.ts';

const groupsOf = (states: readonly TargetState[], runCase?: RunCase) =>
  groupFailures(resultOf(states, runCase)).map(({ reason, states: all }) => [
    reason,
    all.length,
  ]);
const annotatedOf = (states: readonly TargetState[], runCase?: RunCase) => {
  const result = resultOf(states, runCase);
  const groups = annotatedGroups(groupFailures(result), result);
  return groups.map(({ failure }) => failure.cause);
};

describe('the failure of a target', () => {
  it('is none while a dry run leaves it pending', () => {
    const state = stateOf(0, { next: WAIT });
    const dryRun = resultOf([state], { inputs: { dryRun: true } });
    expect(failureIn(state, dryRun)).toBeNull();
    expect(failureIn(added(0), resultOf([added(0)]))).toBeNull();
  });

  it.each([
    [{ type: 'timeout' }, 'timeout'],
    [{ type: 'cancelled' }, 'cancelled'],
    [{ type: 'crashed', error: 'x' }, 'internal'],
  ] as const)('follows from the end of the run: %j', (ending, cause) => {
    const state = stateOf(0, { next: WAIT });
    const result = resultOf([state], { outcome: { ending } });
    expect(failureIn(state, result)?.cause).toBe(cause);
  });
});

describe('failures', () => {
  it('are one group where only the ID of the account differs', () => {
    const states = range(0, 2).map((n) =>
      failed(
        n,
        requestFailure(
          'rejected',
          `account ${account(n).toUpperCase()} is foreign`,
        ),
      ),
    );
    expect(groupsOf(states)).toEqual([['account ACCOUNT_ID is foreign', 3]]);
    expect(groupsOf(states.slice(0, 1))).toEqual([
      [`account ${account(0).toUpperCase()} is foreign`, 1],
    ]);
  });

  it('are one group where only the ID of the recipient differs', () => {
    const states = range(0, 1).map((n) =>
      failed(n, failureOf('removed', `recipient r${n} is disassociated`), {
        status: 'disassociated',
      }),
    );
    expect(groupsOf(states)).toEqual([
      ['recipient RECIPIENT_ID is disassociated', 2],
    ]);
  });

  it('are groups of their own where the reason, the code or the cause differs', () => {
    const states = [
      failed(0, requestFailure('rejected', 'no', { code: 1 })),
      failed(1, requestFailure('rejected', 'no', { code: 2 })),
      failed(2, requestFailure('rejected', 'never', { code: 2 })),
      failed(3, requestFailure('server', 'never', { code: 2 })),
    ];
    expect(groupsOf(states)).toHaveLength(4);
  });

  it('come in the order of how many targets they have', () => {
    const states = [
      failed(0, failureOf('server', 'one')),
      failed(1, failureOf('server', 'two')),
      failed(2, failureOf('server', 'two')),
    ];
    expect(groupsOf(states)).toEqual([
      ['two', 2],
      ['one', 1],
    ]);
  });

  it('come before what they stopped', () => {
    const states = [
      failed(0, failureOf('stopped', 'not attempted')),
      failed(1, failureOf('stopped', 'not attempted')),
      failed(2, failureOf('server', 'one')),
    ];
    expect(groupsOf(states)).toEqual([
      ['one', 1],
      ['not attempted', 2],
    ]);
  });

  it('of a timeout are one group that says what was seen', () => {
    const states = [
      stateOf(0, { next: WAIT, status: 'associating', statusSinceMs: 50_000 }),
      stateOf(1, { next: WAIT, status: 'associating' }),
      stateOf(2, { next: { do: 'create' } }),
    ];
    const ending = { type: 'timeout' } as const;
    expect(groupsOf(states, { outcome: { ending } })).toEqual([
      [
        '18 polls, last status 2 `associating` for up to 1 m, 1 not a recipient for up to 1 m',
        3,
      ],
    ]);
  });

  it('before the first list do not claim what was seen', () => {
    const failure = requestFailure('timeout', 'no response');
    const states = range(0, 1).map((n) => failed(n, failure));
    expect(groupsOf(states, { observed: null })).toEqual([['no response', 2]]);
  });

  it('of resources say equal errors once', () => {
    const errors = range(1, 20).map((n) =>
      resourceError(true, 'missing entitlement', `p${n}`),
    );
    const states = range(0, 1).map((n) => {
      const recipient = recordOf(n, 'associated', { errors });
      return failed(n, resourceFailure(recipient), { recipient });
    });
    expect(groupsOf(states)).toEqual([
      ['20 resources: missing entitlement', 2],
    ]);
  });
});

describe('a plan that was rejected as a whole', () => {
  const refusal = refusedBecause('too many', 'removals');

  it('is a failure even where no target would change', () => {
    const states = [unchanged(0), unchanged(1)];
    expect(groupsOf(states, { outcome: { refusal } })).toEqual([
      ['too many', 0],
    ]);
    expect(annotatedOf(states, { outcome: { refusal } })).toEqual(['refused']);
  });

  it('is one failure with all targets that would change', () => {
    const states = [
      unchanged(0),
      failed(1, refusal),
      failed(2, refusal, { isUnlisted: true, status: 'associated' }),
    ];
    expect(groupsOf(states, { outcome: { refusal } })).toEqual([
      ['too many', 2],
    ]);
  });
});

describe('an annotation', () => {
  const unlisted = { isUnlisted: true, status: 'associated' } as const;
  it('is not made for accounts that were not attempted', () => {
    const states = [
      failed(0, requestFailure('authentication')),
      ...range(1, 999).map((n) => failed(n, failureOf('stopped'))),
    ];
    expect(annotatedOf(states)).toEqual(['authentication']);
  });

  it.each(['timeout', 'cancelled', 'stopped'] as const)(
    'is not made for removals that were not begun: %s',
    (cause) => {
      const states = [
        failed(0, failureOf('server')),
        failed(1, failureOf(cause), unlisted),
      ];
      expect(annotatedOf(states)).toEqual(['server']);
    },
  );

  it('is made for removals that were not begun where nothing else failed', () => {
    const states = [added(0), failed(1, failureOf('timeout'), unlisted)];
    expect(annotatedOf(states)).toEqual(['timeout']);
  });

  it('is one for a plan that was rejected', () => {
    const states = [
      failed(0, failureOf('refused')),
      failed(1, failureOf('refused'), unlisted),
      unchanged(2),
    ];
    expect(annotatedOf(states)).toEqual(['refused']);
  });

  it('is none where nothing failed', () => {
    expect(annotatedOf([added(0)])).toEqual([]);
  });
});
