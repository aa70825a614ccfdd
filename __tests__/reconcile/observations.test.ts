import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ShareRecipient } from '../../src/domain.ts';
import {
  firstObservations,
  observeList,
  observeRecords,
  shareIn,
} from '../../src/reconcile/observations.ts';
import { compareStages } from '../../src/reconcile/readiness.ts';
import {
  A_SHARE,
  A_SHARE_READING,
  ACCOUNT,
  AN_UNREAD_SHARE,
  listOf,
  OTHER,
  record,
  resourceError,
} from '../builders.ts';

const DATES: Record<string, string> = {
  early: '2026-01-01T00:00:00Z',
  late: '2026-01-02T00:00:00Z',
};

/** What is known after lists, one after the other. */
function after(...lists: (readonly ShareRecipient[])[]) {
  return lists.reduce(
    observeRecords,
    firstObservations(listOf([]), A_SHARE_READING),
  );
}

/** The record that is known after reads of it. */
function merged(...reads: ShareRecipient[]) {
  return after(...reads.map((read) => [read])).records.get('r1');
}

/** `late associated`: when the record was modified, if that is known. */
function read(words: string, more: Partial<ShareRecipient> = {}) {
  const [status = '', when = ''] = words.split(' ').reverse();
  return record('r1', status, { modified: DATES[when] ?? '', ...more });
}

describe('a record', () => {
  it.each([
    ['associating', 'associated', 'associated'],
    ['associated', 'associating', 'associating'],
    ['associated', 'disassociating', 'disassociating'],
    ['disassociating', 'associated', 'disassociating'],
    ['disassociating', 'disassociated', 'disassociated'],
    ['disassociated', 'disassociating', 'disassociated'],
    ['early associating', 'late associated', 'associated'],
    ['late associated', 'early associating', 'associated'],
    ['early disassociated', 'late associated', 'associated'],
    ['late associated', 'early disassociated', 'associated'],
    ['late disassociated', 'late associated', 'disassociated'],
    ['late disassociated', 'associated', 'disassociated'],
    ['disassociated', 'late associated', 'disassociated'],
    ['late associated', 'associating', 'associating'],
  ])('that is read as %s, then as %s, is %s', (first, second, status) => {
    expect(merged(read(first), read(second))?.status).toBe(status);
  });

  it.each([
    [ACCOUNT, null, ACCOUNT],
    [null, ACCOUNT, ACCOUNT],
    [null, null, null],
    [ACCOUNT, OTHER, OTHER],
  ])('that names %s, then %s, is of %s', (first, second, accountId) => {
    const naming = (id: string | null) => read('associated', { accountId: id });
    const known = merged(naming(first), naming(second));
    expect(known?.accountId).toBe(accountId);
  });
});

describe('an error of a resource', () => {
  const failing = { errors: [resourceError(false)], moreErrors: 2 };
  /** `late failing`: when the record was modified, and whether it had one. */
  const readOf = (words: string) =>
    words.endsWith('failing')
      ? read(words.replace('failing', 'associated'), failing)
      : read(words.replace('healthy', 'associated'));

  it.each([
    ['healthy, failing'],
    ['failing, healthy'],
    ['failing, healthy, failing, healthy'],
    ['early failing, early healthy'],
    ['early failing, healthy, failing, early healthy'],
    ['late failing, early healthy, early healthy'],
    ['late failing, early healthy, late healthy'],
    ['early failing, early healthy, late failing, late healthy'],
  ])('is known after these reads: %s', (reads) => {
    expect(merged(...reads.split(', ').map(readOf))).toMatchObject(failing);
  });

  it.each([['failing, healthy, healthy'], ['early failing, late healthy']])(
    'is over after these reads: %s',
    (reads) => {
      const none = { errors: [], moreErrors: 0 };
      expect(merged(...reads.split(', ').map(readOf))).toMatchObject(none);
    },
  );

  it('is replaced by the one that a later read shows', () => {
    const terminal = { errors: [resourceError(true)], moreErrors: 0 };
    const known = merged(
      read('associated', failing),
      read('associated', terminal),
    );
    expect(known).toMatchObject(terminal);
  });

  it.each([
    ['two copies without it are one read', [[{}, {}]], true],
    ['a read that shows both is none without it', [[{}], [failing, {}]], true],
    ['two reads without it are enough', [[{}], [{}]], false],
  ])('in reads of several copies: %s', (_, reads, stays) => {
    const copies = reads.map((all) =>
      all.map((more) => record('r1', 'associated', more)),
    );
    const first = [record('r1', 'associated', failing)];
    const known = after(first, ...copies).records.get('r1');
    expect(known?.errors.length).toBe(stays ? 1 : 0);
  });

  it('stays beside the newest status', () => {
    const known = merged(read('associating', failing), read('associated'));
    expect(known).toMatchObject({ ...failing, status: 'associated' });
  });
});

/** A record that has not changed is the same object, list after list. */
describe('copies of a record in one list', () => {
  const was = read('associated');
  const waiting = read('associating');
  const failed = read('associated', { errors: [resourceError(false)] });

  it('are merged as if each were a new object', () => {
    const copies = fc.array(fc.constantFrom(was, waiting, failed), {
      maxLength: 3,
    });
    fc.assert(
      fc.property(fc.array(copies, { maxLength: 4 }), (lists) => {
        const { records, recoveredOnce } = after(...lists);
        const copied = after(
          ...lists.map((list) => list.map((copy) => ({ ...copy }))),
        );
        expect({ records, recoveredOnce }).toEqual({
          records: copied.records,
          recoveredOnce: copied.recoveredOnce,
        });
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('all observations', () => {
  const ms = fc.constantFrom(0, 1, 2, null);
  const records = fc.array(
    fc
      .record({
        id: fc.constantFrom('r1', 'r2', 'r3'),
        status: fc.constantFrom(
          'associating',
          'associated',
          'disassociating',
          'disassociated',
          'odd',
        ),
        accountId: fc.constantFrom(ACCOUNT, OTHER, null),
        errors: fc.constantFrom([], [resourceError(false)]),
        createdMs: ms,
        modifiedMs: ms,
      })
      .map(({ id, status, ...more }) => record(id, status, more)),
    { maxLength: 6 },
  );
  const idsOf = (list: readonly ShareRecipient[]) =>
    [...new Set(list.map(({ id }) => id))].sort();

  it('never lose a record, and never go back', () => {
    fc.assert(
      fc.property(records, records, (first, second) => {
        const before = after(first);
        const { records: known } = after(first, second);
        expect([...known.keys()].sort()).toEqual(idsOf([...first, ...second]));
        for (const [id, old] of before.records) {
          const now = known.get(id) as ShareRecipient;
          if (second.filter((one) => one.id === id).length > 1) continue;
          const isDated = now.modifiedMs !== null && old.modifiedMs !== null;
          const byMs = Number(now.modifiedMs) - Number(old.modifiedMs);
          if (isDated) expect(byMs).toBeGreaterThanOrEqual(0);
          const isSame = !isDated || byMs === 0;
          if (isSame) expect(compareStages(now, old)).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  it('list the records of every account', () => {
    fc.assert(
      fc.property(records, records, (first, second) => {
        const { records: known, byAccount } = after(first, second);
        const named = [...known.values()].filter((one) => one.accountId);
        expect(new Set([...byAccount.values()].flat())).toEqual(new Set(named));
        for (const [accountId, group] of byAccount) {
          expect(group.every((one) => one.accountId === accountId)).toBe(true);
        }
      }),
    );
  });

  it.each([
    [[2, 1, 3], 'the oldest first', ['r1', 'r0', 'r2']],
    [[1, 1, 1], 'by their IDs', ['r0', 'r1', 'r2']],
    [[null, null, null], 'by their IDs', ['r0', 'r1', 'r2']],
    [[5, null], 'with a date first', ['r0', 'r1']],
    [[null, 5], 'with a date first', ['r1', 'r0']],
  ])('list records that were created at %j %s', (dates, _, ids) => {
    const seen = dates.map((createdMs, n) =>
      record(`r${n}`, 'associated', { createdMs }),
    );
    for (const list of [seen, seen.toReversed()]) {
      const group = after(list).byAccount.get(ACCOUNT);
      expect(group?.map(({ id }) => id)).toEqual(ids);
    }
  });
});

describe('what is known of a run', () => {
  const others = { accounts: 1, withoutAccount: 2 };
  const first = listOf([record('r1', 'associated')], {
    others,
    skipped: 3,
    sentMs: 5,
    receivedMs: 6,
  });
  const known = firstObservations(first, A_SHARE_READING);

  it('begins with the first list and the share', () => {
    expect(known).toMatchObject({
      shareReading: A_SHARE_READING,
      others,
      skipped: 3,
      firstSentMs: 5,
      listSentMs: 5,
      listReceivedMs: 6,
    });
    expect([...known.records.keys()]).toEqual(['r1']);
  });

  it('has a share only if that could be read', () => {
    expect(shareIn(known)).toBe(A_SHARE);
    expect(shareIn(firstObservations(first, AN_UNREAD_SHARE))).toBeNull();
  });

  it('has the newest list, and changes nothing that was observed before', () => {
    const none = { accounts: 0, withoutAccount: 0 };
    const list = listOf(
      [record('r2', 'associated'), record('r1', 'disassociated')],
      { sentMs: 9, receivedMs: 12 },
    );
    const later = observeList(known, list);
    expect(later).toMatchObject({
      shareReading: A_SHARE_READING,
      others: none,
      skipped: 3,
      firstSentMs: 5,
      listSentMs: 9,
      listReceivedMs: 12,
    });
    expect([...later.records.keys()]).toEqual(['r1', 'r2']);
    expect(known.records.get('r1')?.status).toBe('associated');
    expect(known.records.size).toBe(1);
  });

  it('is the same where a read shows the records that are known', () => {
    expect(observeRecords(known, first.records)).toBe(known);
    const again = observeList(known, { ...first, sentMs: 9 });
    expect(again).toEqual({ ...known, listSentMs: 9 });
    expect(again.byAccount).toBe(known.byAccount);
    const changed = record('r1', 'disassociated');
    const later = observeRecords(known, [changed]);
    expect(later.records.get('r1')).toBe(changed);
  });

  it('is no newer list after single records', () => {
    const later = observeRecords(known, [record('r2', 'associated')]);
    expect(later).toMatchObject({ others, skipped: 3, listSentMs: 5 });
    expect(later.records.size).toBe(2);
  });
});
