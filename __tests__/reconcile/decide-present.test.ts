/**
 * The table for `state: present` in docs/how-it-works.md, line by line, then
 * what follows from it.
 */
import { describe, expect, it } from 'vitest';
import type { Write } from '../../src/reconcile/decide.ts';
import { OTHER, record, resourceError } from '../builders.ts';
import {
  AN_ACCOUNT,
  accepted,
  type Case,
  conflict,
  decided,
  lastUnknown,
  rejected,
  unknown,
} from './cases.ts';

const terminal = { errors: [resourceError(true)] };
const retried = { errors: [resourceError(false)] };
const associated = record('r1', 'associated');
const ending = record('r1', 'disassociating');
const removed = record('r1', 'disassociated');

/** Every last POST there can be. */
const ANY: Write[][] = [
  [],
  [accepted()],
  [unknown()],
  [lastUnknown()],
  [conflict()],
  [rejected()],
];

describe('what is decided to add an account', () => {
  it.each<[string, Case & { lasts?: Write[][] }, string, string | null]>([
    [
      'P1 active, terminal resource error: fail',
      { later: [record('r1', 'associated', terminal)], lasts: ANY },
      'fail',
      'r1',
    ],
    [
      'P1 also while associating',
      { later: [record('r1', 'associating', terminal)], lasts: ANY },
      'fail',
      'r1',
    ],
    [
      'P1 also with an unknown status',
      { later: [record('r1', 'odd', terminal)], lasts: ANY },
      'fail',
      'r1',
    ],
    [
      'P1 also with an error that is retried',
      {
        later: [
          record('r1', 'associated', {
            errors: [resourceError(false), resourceError(true)],
          }),
        ],
        lasts: ANY,
      },
      'fail',
      'r1',
    ],
    [
      'P1 also without waiting',
      { later: [record('r1', 'associating', terminal)], wait: false },
      'fail',
      'r1',
    ],
    [
      'P2 active, `associated`, no resource error: done',
      { later: [associated], lasts: ANY },
      'done',
      'r1',
    ],
    [
      'P3 active, `associating`: wait',
      { later: [record('r1', 'associating')], lasts: ANY },
      'wait',
      'r1',
    ],
    [
      'P3 active, `associated` with an error that is retried: wait',
      { later: [record('r1', 'associated', retried)], lasts: ANY },
      'wait',
      'r1',
    ],
    [
      'P3 active, an unknown status: wait',
      { later: [record('r1', 'odd')], lasts: ANY },
      'wait',
      'r1',
    ],
    [
      'P3 `wait: false`: done',
      { later: [record('r1', 'associating')], lasts: ANY, wait: false },
      'done',
      'r1',
    ],
    [
      'P4 none active, the ID in use is being removed: fail',
      { inUse: 'r1', later: [ending], lasts: ANY },
      'fail',
      'r1',
    ],
    [
      'P4 none active, the ID in use was removed: fail',
      { inUse: 'r1', later: [removed], lasts: ANY },
      'fail',
      'r1',
    ],
    [
      'P4 a record that was seen first after an unknown POST is in use',
      { later: [removed], lasts: [[unknown()], [unknown(), rejected()]] },
      'fail',
      'r1',
    ],
    [
      'P5 none active, one `disassociating`: wait',
      { first: [ending], lasts: ANY },
      'wait',
      null,
    ],
    [
      'P5 also where others are history',
      { first: [removed, record('r2', 'disassociating')], lasts: ANY },
      'wait',
      null,
    ],
    ['P6 none active, no POST: create', {}, 'create', null],
    [
      'P6 none active, but history: create',
      { first: [removed] },
      'create',
      null,
    ],
    [
      'P6 only records of others: create',
      { first: [record('r1', 'associated', { accountId: OTHER })] },
      'create',
      null,
    ],
    [
      'P7 unknown or 409, age < 10 s: wait',
      { ageMs: 9_999, lasts: [[unknown()], [lastUnknown()], [conflict()]] },
      'wait',
      null,
    ],
    [
      'P7 rejected and no list since: wait',
      { ageMs: -1, lasts: [[rejected()]] },
      'wait',
      null,
    ],
    [
      'P7 also after three POSTs',
      { ageMs: 9_999, lasts: [[unknown(), unknown(), unknown()]] },
      'wait',
      null,
    ],
    [
      'P8 retryable unknown, or 409, age 10 s: create',
      { ageMs: 10_000, lasts: [[unknown()], [conflict()]] },
      'create',
      null,
    ],
    [
      'P8 fewer than 3 POSTs: create',
      { ageMs: 10_000, lasts: [[unknown(), conflict()]] },
      'create',
      null,
    ],
    [
      'P9 three POSTs: fail',
      {
        ageMs: 10_000,
        lasts: [
          [unknown(), unknown(), unknown()],
          [conflict(), conflict(), conflict()],
        ],
      },
      'fail',
      null,
    ],
    [
      'P9 an unknown outcome that cannot be repeated: fail',
      { ageMs: 10_000, lasts: [[lastUnknown()]] },
      'fail',
      null,
    ],
    [
      'P9 rejected, and a list since: fail',
      { ageMs: 0, lasts: [[rejected()], [unknown(), rejected()]] },
      'fail',
      null,
    ],
  ])('%s', (_, { lasts = [[]], ...one }, action, inUse) => {
    for (const writes of lasts)
      expect(decided({ ...one, writes })).toMatchObject({ action, inUse });
  });
});

describe('why an account cannot be added', () => {
  it('is the error of the resource, with its kind', () => {
    const types = new Map([['policy', 'gateway-policy']]);
    expect(
      decided({ first: [record('r1', 'associated', terminal)], types }).failure,
    ).toEqual({
      cause: 'resource-error',
      reason: 'gateway-policy policy: no entitlement',
    });
    expect(
      decided({ first: [record('r1', 'associated', terminal)] }).failure
        ?.reason,
    ).toMatch(/^resource policy/);
  });

  it('is that the recipient was removed', () => {
    expect(decided({ inUse: 'r1', first: [ending] }).failure).toEqual({
      cause: 'removed',
      reason: 'recipient r1 is disassociating',
    });
  });

  it('is what the last POST failed with', () => {
    expect(
      decided({ ageMs: 0, writes: [unknown(), rejected()] }).failure,
    ).toEqual({
      cause: 'rejected',
      reason: 'reason',
      detail: 'detail',
    });
    expect(
      decided({ ageMs: 10_000, writes: [lastUnknown()] }).failure?.cause,
    ).toBe('server');
  });

  it('is nothing while it is not decided', () => {
    for (const one of [
      {},
      { first: [associated] },
      { ageMs: 0, writes: [unknown()] },
    ])
      expect(decided(one).failure).toBeNull();
  });
});

describe('the record in use', () => {
  const older = { created: '2025-01-01T00:00:00Z' };
  it.each<[string, Case, string | null]>([
    [
      'is the oldest active one',
      {
        first: [record('r1', 'associated'), record('r2', 'associated', older)],
      },
      'r2',
    ],
    [
      'is an unknown one where it is older',
      { first: [record('r1', 'associated'), record('r2', 'odd', older)] },
      'r2',
    ],
    [
      'is no history, however old',
      {
        first: [
          record('r1', 'associated'),
          record('r2', 'disassociated', older),
        ],
      },
      'r1',
    ],
    [
      'is none that is being removed',
      {
        first: [
          record('r1', 'associated'),
          record('r2', 'disassociating', older),
        ],
      },
      'r1',
    ],
    [
      'is replaced by another active one where it was removed',
      { inUse: 'r1', first: [ending, record('r2', 'associated')] },
      'r2',
    ],
    [
      'is replaced by an older one of a parallel run',
      {
        inUse: 'r1',
        first: [record('r1', 'associated'), record('r2', 'associating', older)],
      },
      'r2',
    ],
    [
      'is kept where it is not active any more',
      { inUse: 'r1', first: [ending] },
      'r1',
    ],
    [
      'is none of the first list after a POST with an unknown outcome',
      { first: [removed], ageMs: 0, writes: [unknown()] },
      null,
    ],
    [
      'is none that appears after a rejection',
      { later: [removed], ageMs: 0, writes: [rejected()] },
      null,
    ],
    [
      'is the one that is active, not the one that appeared',
      {
        later: [
          record('r2', 'disassociated', older),
          record('r1', 'associated'),
        ],
        writes: [unknown()],
      },
      'r1',
    ],
  ])('%s', (_, one, inUse) => {
    expect(decided(one).inUse).toBe(inUse);
  });

  it('also shows where the target stands; otherwise what is left of earlier ones does', () => {
    expect(decided({ first: [associated] }).recipient?.id).toBe('r1');
    const more = ['r2', 'r3'].map((id) => record(id, 'disassociated'));
    expect(
      decided({ inUse: 'r1', first: [removed, ...more] }).recipient?.id,
    ).toBe('r1');
    expect(decided({ first: [removed, ...more] }).recipient?.id).toBe('r3');
    expect(
      decided({ first: [removed, record('r2', 'disassociated', older)] })
        .recipient?.id,
    ).toBe('r1');
    expect(
      decided({ first: [removed, record('r2', 'disassociating', older)] })
        .recipient?.id,
    ).toBe('r2');
    expect(decided({}).recipient).toBeNull();
  });
});

describe('whether something changed', () => {
  it.each<[string, Case, boolean]>([
    ['nothing, where the account was there', { first: [associated] }, false],
    ['nothing, where nothing was sent', {}, false],
    ['nothing, after a rejection', { ageMs: 0, writes: [rejected()] }, false],
    [
      'nothing, where a parallel run was faster',
      { later: [associated], writes: [rejected()] },
      false,
    ],
    [
      'nothing, where a conflict was a parallel run',
      { later: [associated], writes: [conflict()] },
      false,
    ],
    [
      'a POST that was accepted',
      { later: [associated], inUse: 'r1', writes: [accepted()] },
      true,
    ],
    [
      'a POST that was accepted, also where its record was removed',
      { later: [removed], inUse: 'r1', writes: [accepted()] },
      true,
    ],
    [
      'a POST with an unknown outcome, where a record appeared',
      { later: [associated], writes: [unknown()] },
      true,
    ],
    [
      'a POST with an unknown outcome, where a record of history became active',
      {
        first: [{ ...removed, modifiedMs: 1 }],
        later: [{ ...associated, modifiedMs: 2 }],
        writes: [unknown()],
      },
      true,
    ],
    [
      'nothing by a POST with an unknown outcome, where no record appeared',
      { ageMs: 0, writes: [unknown()] },
      false,
    ],
    [
      'an earlier POST with an unknown outcome',
      { later: [associated], writes: [unknown(), rejected()] },
      true,
    ],
  ])('%s', (_, one, changed) => {
    expect(decided(one).changed).toBe(changed);
  });

  it('in a dry run would be what has no active record', () => {
    expect(decided({ dryRun: true })).toMatchObject({
      action: 'create',
      changed: true,
    });
    expect(decided({ dryRun: true, first: [removed] })).toMatchObject({
      action: 'create',
      changed: true,
    });
    expect(decided({ dryRun: true, first: [ending] })).toMatchObject({
      action: 'wait',
      changed: true,
    });
    expect(
      decided({ dryRun: true, first: [record('r1', 'associating')] }),
    ).toMatchObject({
      action: 'wait',
      changed: false,
    });
    expect(
      decided({ dryRun: true, first: [record('r1', 'associated', terminal)] }),
    ).toMatchObject({
      action: 'fail',
      changed: false,
    });
    expect(
      decided({ dryRun: true, inUse: 'r1', first: [removed] }),
    ).toMatchObject({
      action: 'fail',
      changed: false,
    });
  });

  it('is never shown as a record to delete', () => {
    expect(
      decided({ target: AN_ACCOUNT, first: [associated] }).deletions,
    ).toEqual([]);
  });
});
