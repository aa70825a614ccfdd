/** What holds for every decision, whatever was observed and written. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ShareRecipient } from '../../src/cloudflare/shares.ts';
import {
  failureOf,
  formatFailure,
  isPending,
  isUnknown,
  type Write,
} from '../../src/reconcile/decide.ts';
import {
  hasTerminalError,
  isActive,
  isReady,
  stage,
} from '../../src/reconcile/readiness.ts';
import {
  ACCOUNT,
  apiError,
  ORGANIZATION,
  OTHER,
  record,
  resourceError,
} from '../builders.ts';
import {
  AN_ACCOUNT,
  AN_ORGANIZATION,
  accepted,
  type Case,
  conflict,
  decided,
  lastUnknown,
  observedIn,
  rejected,
  unknown,
} from './cases.ts';

const statuses = fc.constantFrom(
  'associating',
  'associated',
  'disassociating',
  'disassociated',
  'odd',
);
const ids = fc.constantFrom('r1', 'r2', 'r3');
const records = fc.array(
  fc
    .record({
      id: ids,
      status: statuses,
      accountId: fc.constantFrom(ACCOUNT, OTHER, ORGANIZATION, ''),
      errors: fc.constantFrom<ShareRecipient['errors']>(
        [],
        [resourceError(true)],
        [resourceError(false)],
      ),
      createdMs: fc.constantFrom(0, 1, Number.NaN),
      modifiedMs: fc.constantFrom(0, 1, Number.NaN),
    })
    .map(({ id, status, ...more }) => record(id, status, more)),
  { maxLength: 4 },
);
const writes = (id: fc.Arbitrary<string | undefined>) =>
  fc.array(
    fc
      .tuple(
        fc.constantFrom(accepted, unknown, lastUnknown, conflict, rejected),
        id,
      )
      .map(([make, recipientId]) => make(recipientId)),
    { maxLength: 4 },
  );
const common = {
  target: fc.constantFrom(AN_ACCOUNT, AN_ORGANIZATION),
  wait: fc.boolean(),
  first: records,
  later: records,
  ageMs: fc.constantFrom(-1, 0, 9_999, 10_000),
};
const present = fc.record({
  ...common,
  inUse: fc.option(ids),
  writes: writes(fc.constant(undefined)),
}) as fc.Arbitrary<Case>;
const absent = fc
  .record({ ...common, writes: writes(ids) })
  .map((one) => ({ ...one, state: 'absent' }) as Case);

function ownOf(one: Case) {
  const { records: all } = observedIn(one);
  return [...all.values()].filter(
    ({ id, accountId }) => accountId === one.target?.id || id === one.inUse,
  );
}

const last = (list: readonly Write[] = []) => list.at(-1);

describe('every decision to add', () => {
  it('creates only what has no active record, none that is being removed and none in use', () => {
    fc.assert(
      fc.property(present, (one) => {
        const { action, inUse } = decided(one);
        if (action !== 'create') return true;
        // P6, or P8: never again for an organization, after a rejection, within
        // ten seconds, or after three.
        const error = last(one.writes)?.error;
        const isRepeatable =
          !error ||
          (error.is.retryable &&
            one.target?.type === 'account' &&
            one.ageMs === 10_000 &&
            (one.writes?.length ?? 0) < 3);
        return (
          inUse === null &&
          ownOf(one).every((own) => stage(own) === 2) &&
          isRepeatable
        );
      }),
      { numRuns: 2_000 },
    );
  });

  it('succeeds only with a record that is usable, or one that is active where nobody waits', () => {
    fc.assert(
      fc.property(present, (one) => {
        const { action, recipient } = decided(one);
        if (action !== 'done') return true;
        const isFine =
          recipient && isActive(recipient) && !hasTerminalError(recipient);
        return Boolean(
          isFine &&
            (isReady(recipient) || !one.wait) &&
            ownOf(one).some(({ id }) => id === recipient.id),
        );
      }),
      { numRuns: 2_000 },
    );
  });

  it('fails with a reason, and deletes nothing', () => {
    fc.assert(
      fc.property(present, (one) => {
        const { action, failure, deletions } = decided(one);
        return (
          (action === 'fail') === (failure !== null) &&
          action !== 'delete' &&
          deletions.length === 0
        );
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('every decision to remove', () => {
  it('deletes only active records of the target, and never creates', () => {
    fc.assert(
      fc.property(absent, (one) => {
        const { action, deletions } = decided(one);
        const active = ownOf(one)
          .filter(isActive)
          .map(({ id }) => id);
        const isFew = (id: string) =>
          (one.writes ?? []).filter(({ recipientId }) => recipientId === id)
            .length < 3;
        const isRight = deletions.every(
          (id) => active.includes(id) && isFew(id),
        );
        return (
          action !== 'create' &&
          (action === 'delete') === deletions.length > 0 &&
          isRight
        );
      }),
      { numRuns: 2_000 },
    );
  });

  it('is done only where no record is active any more, or nobody waits for what was accepted', () => {
    fc.assert(
      fc.property(absent, (one) => {
        const { action, failure } = decided(one);
        if (action !== 'done')
          return (action === 'fail') === (failure !== null);
        const isAccepted = (id: string) =>
          last(
            (one.writes ?? []).filter(({ recipientId }) => recipientId === id),
          )?.error === null;
        return ownOf(one).every(
          (own) =>
            stage(own) === 2 ||
            (!one.wait && (stage(own) === 1 || isAccepted(own.id))),
        );
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a failure', () => {
  it('that the end of the step caused is a timeout', () => {
    expect(failureOf(apiError({ failure: 'interrupted' }))).toEqual({
      cause: 'timeout',
      reason: 'reason',
      detail: 'detail',
    });
    expect(failureOf(apiError({ failure: 'server' })).cause).toBe('server');
  });

  it('is described with its detail, where it has one', () => {
    expect(formatFailure({ cause: 'server', reason: 'a', detail: 'b' })).toBe(
      'a (b)',
    );
    expect(formatFailure({ cause: 'server', reason: 'a' })).toBe('a');
  });
});

describe('a target', () => {
  it.each([
    ['create', true],
    ['delete', true],
    ['wait', true],
    ['done', false],
    ['fail', false],
  ] as const)('with the action %s is pending: %j', (action, pending) => {
    expect(isPending({ action })).toBe(pending);
  });

  it('may have been changed by a write with an unknown outcome only', () => {
    expect(
      [accepted(), unknown(), lastUnknown(), conflict(), rejected()].map(
        isUnknown,
      ),
    ).toEqual([false, true, true, false, false]);
  });
});
