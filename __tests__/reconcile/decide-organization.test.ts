/**
 * An organization is known only by its own ID in place of an account, or by the
 * ID in the reply to its POST.
 */
import { describe, expect, it } from 'vitest';
import { ACCOUNT, account, record } from '../builders.ts';
import {
  AN_ORGANIZATION,
  accepted,
  type Case,
  conflict,
  decided,
  lastUnknown,
  rejected,
  unknown,
} from './cases.ts';

describe('an organization that gets access', () => {
  const target = AN_ORGANIZATION;
  const own = record('r1', 'associated', { accountId: target.id });

  it('is known by its own ID in place of the account, and by no other member', () => {
    expect(decided({ target, first: [own] })).toMatchObject({
      action: 'done',
      inUse: 'r1',
    });
    expect(
      decided({
        target,
        first: [record('r1', 'associated', { accountId: '' })],
      }).action,
    ).toBe('create');
    expect(
      decided({ target, first: [record('r1', 'associated')] }).action,
    ).toBe('create');
  });

  it('is known by the ID in the reply to its POST', () => {
    const unnamed = record('r1', 'associated', { accountId: '' });
    const one = { target, inUse: 'r1', writes: [accepted()] };
    expect(decided({ ...one, later: [unnamed] })).toMatchObject({
      action: 'done',
      inUse: 'r1',
      changed: true,
    });
    expect(
      decided({
        ...one,
        later: [record('r1', 'disassociated', { accountId: ACCOUNT })],
      }).action,
    ).toBe('fail');
    const older = record('r0', 'associated', {
      accountId: target.id,
      created: '2025-01-01T00:00:00Z',
    });
    expect(decided({ ...one, later: [unnamed, older] }).inUse).toBe('r0');
    const newer = { ...older, createdMs: Date.now() };
    expect(decided({ ...one, later: [unnamed, newer] }).inUse).toBe('r1');
  });

  it('P9 is not added again after a POST with an unknown outcome: inconclusive', () => {
    for (const writes of [[unknown()], [lastUnknown()]]) {
      expect(decided({ target, ageMs: 9_999, writes }).action).toBe('wait');
      expect(
        decided({
          target,
          ageMs: 10_000,
          writes,
          later: [record('r9', 'associated', { accountId: '' })],
        }),
      ).toMatchObject({
        action: 'fail',
        failure: {
          cause: 'inconclusive',
          reason:
            'the list does not show whether the organization was added after reason',
          detail: 'detail',
        },
      });
    }
  });

  it('P9 is not added again after a conflict or a rejection, whose reason is shown', () => {
    expect(
      decided({ target, ageMs: 10_000, writes: [conflict()] }).failure,
    ).toMatchObject({
      cause: 'rejected',
    });
    expect(
      decided({ target, ageMs: 0, writes: [rejected()] }).failure,
    ).toMatchObject({ cause: 'rejected' });
  });
});

describe('an organization that has to go', () => {
  const target = AN_ORGANIZATION;
  const own = record('r1', 'associated', { accountId: target.id });
  const other = record('r2', 'associated');
  const absent = (one: Case) =>
    decided({ target, state: 'absent', listMs: 10_000, ...one });

  it('is deleted where its record names it', () => {
    expect(absent({ first: [own, other] })).toMatchObject({
      action: 'delete',
      deletions: ['r1'],
    });
  });

  it('A8 has no matching record, other active records: fail, inconclusive, naming them', () => {
    const first = [
      other,
      record('r3', 'odd', { accountId: '', created: '2025-01-01T00:00:00Z' }),
    ];
    expect(absent({ first })).toMatchObject({
      action: 'fail',
      failure: {
        cause: 'inconclusive',
        reason: `no recipient is known to be the organization; it may be one of r3 (account unknown), r2 (account ${ACCOUNT})`,
      },
    });
    expect(absent({ first, dryRun: true }).action).toBe('fail');
  });

  it('A8 names five at most', () => {
    const first = Array.from({ length: 6 }, (_, index) =>
      record(`r${index}`, 'associated', { accountId: account(index) }),
    );
    expect(absent({ first }).failure?.reason).toMatch(/r4 \(account \w+\)$/);
  });

  it('A9 has no record, and others are history or being removed: done', () => {
    expect(absent({ first: [record('r2', 'disassociated')] }).action).toBe(
      'done',
    );
    expect(absent({ first: [record('r2', 'disassociating')] }).action).toBe(
      'done',
    );
    expect(absent({}).action).toBe('done');
  });

  it('that is history is done, whatever else is active', () => {
    expect(
      absent({ first: [{ ...own, status: 'disassociated' }, other] }).action,
    ).toBe('done');
  });
});
