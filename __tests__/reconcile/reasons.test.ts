import { describe, expect, it } from 'vitest';
import { unobservedOutcome } from '../../src/reconcile/outcome.ts';
import {
  internalError,
  unreadRecipients,
} from '../../src/reconcile/reasons.ts';
import { A_SHARE, AN_ACCOUNT, AN_ORGANIZATION, apiError } from '../builders.ts';

const { failure } = apiError({}, 'no way');

describe('a failure', () => {
  it('that nothing expects says so', () => {
    expect(internalError()).toEqual({
      cause: 'internal',
      reason: 'an internal error ended the run',
      request: null,
    });
  });

  it('to read anything is that of the request, unless the run was cancelled', () => {
    expect(unreadRecipients(failure, false)).toBe(failure);
    expect(unreadRecipients(failure, true)).toEqual({
      cause: 'cancelled',
      reason: 'cancelled; no way',
      request: failure.request,
    });
  });
});

describe('a run that could read nothing', () => {
  const ending = { type: 'cancelled' } as const;
  const targets = [AN_ACCOUNT, AN_ORGANIZATION];

  it.each([
    ['present', 'present'],
    ['absent', 'absent'],
    ['exact', 'present'],
  ] as const)('has failed for every target: %s', (state, desired) => {
    const asked = { targets, state };
    const outcome = unobservedOutcome(asked, failure, A_SHARE, 5, ending);
    expect(outcome).toMatchObject({
      refusal: null,
      observed: null,
      share: A_SHARE,
      polls: { polls: 0, failedPolls: 0 },
      ending,
    });
    expect(outcome.targets).toEqual(
      targets.map((target) => ({
        planned: { target, desired, unlistedRecords: null },
        posts: [],
        deletes: [],
        inUse: null,
        next: { do: 'fail', failure },
        recipient: null,
        changed: false,
        wasAttempted: false,
        heldBack: null,
        startedMs: 5,
        decidedMs: 5,
        statusSinceMs: 5,
      })),
    );
  });
});
