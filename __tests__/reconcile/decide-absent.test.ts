/**
 * The table for `state: absent` in docs/how-it-works.md, line by line, then
 * what follows from it.
 */
import { describe, expect, it } from 'vitest';
import type { Write } from '../../src/reconcile/decide.ts';
import { OTHER, record, resourceError } from '../builders.ts';
import {
  accepted,
  type Case,
  conflict,
  decided,
  lastUnknown,
  rejected,
  unknown,
} from './cases.ts';

const active = record('r1', 'associated');
const ending = record('r1', 'disassociating');
const removed = record('r1', 'disassociated');

/** Every last DELETE of r1 there can be. */
const LASTS = [
  accepted('r1'),
  unknown('r1'),
  lastUnknown('r1'),
  conflict('r1'),
  rejected('r1'),
];
const ANY: Write[][] = [[], ...LASTS.map((last) => [last])];
const uncounted = (write: Write): Write => ({ ...write, isCounted: false });

describe('what is decided to remove an account', () => {
  it.each<[string, Case & { lasts?: Write[][] }, string]>([
    [
      'A1 `disassociated` after a DELETE: done',
      { later: [removed], lasts: ANY.slice(1) },
      'done',
    ],
    ['A2 `disassociating`: wait', { first: [ending], lasts: ANY }, 'wait'],
    [
      'A2 `wait: false`: done',
      { first: [ending], lasts: ANY, wait: false },
      'done',
    ],
    ['A3 active, no DELETE: delete', { first: [active] }, 'delete'],
    [
      'A3 also while associating',
      { first: [record('r1', 'associating')] },
      'delete',
    ],
    [
      'A3 also with an unknown status',
      { first: [record('r1', 'odd')] },
      'delete',
    ],
    [
      'A3 also with a terminal error',
      {
        first: [record('r1', 'associating', { errors: [resourceError(true)] })],
      },
      'delete',
    ],
    [
      'A3 also where another record was deleted',
      { first: [active], lasts: [[accepted('r2')]] },
      'delete',
    ],
    [
      'A4 accepted, `wait: false`: done',
      {
        first: [active],
        lasts: [[accepted('r1')], [unknown('r1'), accepted('r1')]],
        wait: false,
        ageMs: 0,
      },
      'done',
    ],
    [
      'A4 not where the last was not accepted',
      {
        first: [active],
        lasts: [[accepted('r1'), unknown('r1')]],
        wait: false,
        ageMs: 0,
      },
      'wait',
    ],
    [
      'A5 age < 10 s: wait',
      { first: [active], lasts: ANY.slice(1), ageMs: 9_999 },
      'wait',
    ],
    [
      'A5 also before the next list',
      { first: [active], lasts: ANY.slice(1), ageMs: -1 },
      'wait',
    ],
    [
      'A6 accepted, retryable unknown, or 409, age 10 s: delete',
      {
        first: [active],
        lasts: [[accepted('r1')], [unknown('r1')], [conflict('r1')]],
        ageMs: 10_000,
      },
      'delete',
    ],
    [
      'A6 fewer than 3 DELETEs: delete',
      {
        first: [active],
        lasts: [[unknown('r1'), conflict('r1')]],
        ageMs: 10_000,
      },
      'delete',
    ],
    [
      'A6 not counting a rejection while `associating`: delete',
      {
        first: [active],
        lasts: [
          [
            uncounted(conflict('r1')),
            uncounted(conflict('r1')),
            conflict('r1'),
          ],
        ],
        ageMs: 10_000,
      },
      'delete',
    ],
    [
      'A6 not counting the DELETEs of other records: delete',
      {
        first: [active],
        lasts: [[accepted('r2'), accepted('r2'), accepted('r1')]],
        ageMs: 10_000,
      },
      'delete',
    ],
    [
      'A7 three DELETEs: fail',
      {
        first: [active],
        lasts: [
          [accepted('r1'), accepted('r1'), accepted('r1')],
          [unknown('r1'), unknown('r1'), conflict('r1')],
        ],
        ageMs: 10_000,
      },
      'fail',
    ],
    [
      'A7 an unknown outcome that cannot be repeated: fail',
      { first: [active], lasts: [[lastUnknown('r1')]], ageMs: 10_000 },
      'fail',
    ],
    [
      'A7 rejected: fail',
      {
        first: [active],
        lasts: [[rejected('r1')], [uncounted(rejected('r1'))]],
        ageMs: 10_000,
      },
      'fail',
    ],
    [
      'A9 no record, no list 10 s after the first: wait',
      { listMs: 9_999 },
      'wait',
    ],
    [
      'A9 no record, and a list sent 10 s after the first agrees: done',
      { listMs: 10_000 },
      'done',
    ],
    ['A9 only history: wait', { first: [removed], listMs: 9_999 }, 'wait'],
    [
      'A9 only history, and a list sent 10 s after the first agrees: done',
      { first: [removed], listMs: 10_000 },
      'done',
    ],
    ['A9 `wait: false` is confirmed too', { wait: false }, 'wait'],
    ['A9 dry run: done at once', { dryRun: true }, 'done'],
    [
      'A9 only records of others',
      {
        first: [record('r1', 'associated', { accountId: OTHER })],
        listMs: 10_000,
      },
      'done',
    ],
    ['A9 after a DELETE: done at once', { lasts: [[accepted('r1')]] }, 'done'],
  ])('%s', (_, { lasts = [[]], ...one }, action) => {
    for (const writes of lasts)
      expect(decided({ ...one, state: 'absent', writes }).action).toBe(action);
  });
});

describe('what is decided to remove an account with several records', () => {
  const records = (...statuses: string[]) =>
    statuses.map((status, index) => record(`r${index + 1}`, status));
  it.each<[string, string[], Write[], string, string[]]>([
    [
      'each active one is deleted',
      ['associated', 'associating', 'disassociated', 'odd'],
      [],
      'delete',
      ['r1', 'r2', 'r4'],
    ],
    [
      'delete before fail',
      ['associated', 'associated'],
      [rejected('r1')],
      'delete',
      ['r2'],
    ],
    [
      'delete before wait',
      ['disassociating', 'associated'],
      [],
      'delete',
      ['r2'],
    ],
    [
      'fail before wait',
      ['disassociating', 'associated'],
      [rejected('r2')],
      'fail',
      [],
    ],
    ['wait before done', ['disassociated', 'disassociating'], [], 'wait', []],
    [
      'done where all are removed',
      ['disassociated', 'disassociated'],
      [accepted('r1')],
      'done',
      [],
    ],
  ])('%s', (_, statuses, writes, action, deletions) => {
    const decision = decided({
      state: 'absent',
      first: records(...statuses),
      writes,
      ageMs: 10_000,
    });
    expect(decision).toMatchObject({ action, deletions });
    expect(decision.failure !== null).toBe(action === 'fail');
  });

  it.each<[string, string[], Write[], string]>([
    [
      'an active one',
      ['disassociated', 'disassociating', 'associated'],
      [],
      'r3',
    ],
    [
      'one that is being removed',
      ['disassociated', 'disassociating'],
      [],
      'r2',
    ],
    [
      'the one that this run deletes',
      ['disassociated', 'disassociated', 'disassociated'],
      [accepted('r2')],
      'r2',
    ],
    [
      'the first that this run deletes',
      ['disassociated', 'disassociated', 'disassociated'],
      [accepted('r3'), accepted('r2')],
      'r2',
    ],
    ['the oldest', ['associated', 'associated'], [], 'r1'],
    [
      'an active one before one that this run deleted',
      ['disassociated', 'associated'],
      [accepted('r1')],
      'r2',
    ],
  ])('and it is shown as %s', (_, statuses, writes, id) => {
    const decision = decided({
      state: 'absent',
      first: records(...statuses),
      writes,
    });
    expect([decision.inUse, decision.recipient?.id]).toEqual([id, id]);
  });

  it('and as nothing where there is none', () => {
    expect(decided({ state: 'absent' })).toMatchObject({
      inUse: null,
      recipient: null,
      deletions: [],
    });
  });
});

describe('the failure of one of several records', () => {
  it('is that of the account once a list has followed the last DELETE', () => {
    const first = [active, record('r2', 'associated')];
    const last = { ...unknown('r2'), endedMs: 20_000 };
    const at = (listMs: number) =>
      decided({
        state: 'absent',
        first,
        writes: [rejected('r1'), last],
        listMs: listMs - 100,
      }).action;
    expect([at(19_999), at(20_000)]).toEqual(['wait', 'fail']);
  });
});

describe('why an account cannot be removed', () => {
  const fail = (writes: Write[], status = 'associated') =>
    decided({
      state: 'absent',
      first: [record('r1', status)],
      writes,
      ageMs: 10_000,
    }).failure;

  it('is what the last DELETE failed with', () => {
    expect(fail([accepted('r1'), rejected('r1')])).toEqual({
      cause: 'rejected',
      reason: 'reason',
      detail: 'detail',
    });
    expect(fail([lastUnknown('r1')])).toMatchObject({ cause: 'server' });
  });

  it('is that it is still there, where each was accepted', () => {
    expect(
      fail([accepted('r1'), accepted('r1'), accepted('r1')], 'odd'),
    ).toEqual({
      cause: 'rejected',
      reason: 'recipient r1 is still "odd" after 3 requests to remove it',
    });
  });
});

describe('whether something was removed', () => {
  it.each<[string, Case, boolean]>([
    ['nothing, where nothing was there', { listMs: 10_000 }, false],
    ['nothing, where it was being removed', { first: [ending] }, false],
    [
      'nothing, after a rejection',
      { first: [active], writes: [rejected('r1')], ageMs: 0 },
      false,
    ],
    [
      'nothing, where somebody else was faster',
      { first: [active], later: [removed], writes: [rejected('r1')] },
      false,
    ],
    [
      'a DELETE that was accepted',
      { first: [active], writes: [accepted('r1')], ageMs: 0 },
      true,
    ],
    [
      'a DELETE with an unknown outcome, where the record is removed',
      { first: [active], later: [removed], writes: [unknown('r1')] },
      true,
    ],
    [
      'a DELETE with an unknown outcome, where the record is going',
      { first: [active], later: [ending], writes: [unknown('r1')] },
      true,
    ],
    [
      'a DELETE with an unknown outcome, also where another record is active',
      {
        first: [active, record('r2', 'associated')],
        later: [removed],
        writes: [unknown('r1')],
      },
      true,
    ],
    [
      'nothing by a DELETE with an unknown outcome, where the record is active',
      { first: [active], writes: [unknown('r1')], ageMs: 0 },
      false,
    ],
    [
      'nothing by a DELETE with an unknown outcome, where only another record is removed',
      {
        first: [active],
        later: [record('r2', 'disassociated')],
        writes: [unknown('r1')],
        ageMs: 0,
      },
      false,
    ],
  ])('%s', (_, one, changed) => {
    expect(decided({ ...one, state: 'absent' }).changed).toBe(changed);
  });

  it('in a dry run would be what has an active record', () => {
    const dry = (...first: Case['first'] & object) =>
      decided({ state: 'absent', dryRun: true, first });
    expect(dry(active)).toMatchObject({
      action: 'delete',
      changed: true,
      deletions: ['r1'],
    });
    expect(dry(record('r0', 'disassociated'), active)).toMatchObject({
      changed: true,
      deletions: ['r1'],
    });
    expect(dry(ending)).toMatchObject({ action: 'wait', changed: false });
    expect(dry(removed)).toMatchObject({ action: 'done', changed: false });
  });
});
