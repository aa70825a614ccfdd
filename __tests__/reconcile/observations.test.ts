import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ShareRecipient } from '../../src/domain.ts';
import {
  firstObservations,
  observeList,
  observeRecords,
  oldestFirst,
} from '../../src/reconcile/observations.ts';
import { stage } from '../../src/reconcile/readiness.ts';
import {
  A_SHARE,
  ACCOUNT,
  listOf,
  OTHER,
  record,
  resourceError,
} from '../builders.ts';

const [EARLY, LATE] = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'];
const at = (status: string, modified = '') =>
  record('r1', status, { modified });

/** What is known after lists, one after the other. */
function after(...lists: (readonly ShareRecipient[])[]) {
  return lists.reduce(observeRecords, firstObservations(listOf([]), null));
}

/** The record that is known after reads of it. */
function merged(...reads: ShareRecipient[]) {
  return after(...reads.map((read) => [read])).records.get('r1');
}

describe('two reads of a record show', () => {
  const associating = at('associating');
  const associated = at('associated');
  const ending = at('disassociating');
  const removed = at('disassociated');
  it.each<[string, ShareRecipient, ShareRecipient, string]>([
    ['the later, while active', associating, associated, 'associated'],
    ['the later, even backwards', associated, associating, 'associating'],
    ['a removal', associated, ending, 'disassociating'],
    ['a removal that was read first', ending, associated, 'disassociating'],
    ['the end of a removal', ending, removed, 'disassociated'],
    ['the end that was read first', removed, ending, 'disassociated'],
    [
      'the later change',
      at('associating', EARLY),
      at('associated', LATE),
      'associated',
    ],
    [
      'the later change, read first',
      at('associated', LATE),
      at('associating', EARLY),
      'associated',
    ],
    [
      'the later change, though less far along',
      at('disassociated', EARLY),
      at('associated', LATE),
      'associated',
    ],
    [
      'the later change, read first, though less far along',
      at('associated', LATE),
      at('disassociated', EARLY),
      'associated',
    ],
    [
      'the one further along, changed at the same time',
      at('disassociated', LATE),
      at('associated', LATE),
      'disassociated',
    ],
    [
      'the one further along, where only the first has a date',
      at('disassociated', LATE),
      associated,
      'disassociated',
    ],
    [
      'the one further along, where only the second has a date',
      removed,
      at('associated', LATE),
      'disassociated',
    ],
    [
      'the later, where one has no date',
      at('associated', LATE),
      associating,
      'associating',
    ],
  ])('%s', (_, first, second, status) => {
    expect(merged(first, second)?.status).toBe(status);
  });

  it('its account, once one has named it, and the account that is named later', () => {
    const unnamed = record('r1', 'associated', { accountId: null });
    expect(merged(associating, unnamed)?.accountId).toBe(ACCOUNT);
    expect(merged(unnamed, associated)?.accountId).toBe(ACCOUNT);
    expect(merged(unnamed, unnamed)?.accountId).toBeNull();
    const other = { ...associated, accountId: OTHER };
    expect(merged(associating, other)?.accountId).toBe(OTHER);
  });
});

describe('an error of a resource', () => {
  const failing = (modified = '') => ({
    ...at('associated', modified),
    errors: [resourceError(false)],
    moreErrors: 2,
  });
  const healthy = (modified = '') => at('associated', modified);
  it.each<[string, ShareRecipient[], boolean]>([
    ['stays after one read without it', [failing(), healthy()], true],
    ['ends with a second', [failing(), healthy(), healthy()], false],
    [
      'stays where it is there again in between',
      [failing(), healthy(), failing(), healthy()],
      true,
    ],
    [
      'stays after one read of the same change',
      [failing(EARLY), healthy(EARLY)],
      true,
    ],
    [
      'stays where a date is missing',
      [failing(EARLY), healthy(), failing(), healthy(EARLY)],
      true,
    ],
    ['ends with a later change', [failing(EARLY), healthy(LATE)], false],
    [
      'stays after reads of an earlier change',
      [failing(LATE), healthy(EARLY), healthy(EARLY)],
      true,
    ],
    [
      'stays after one read, whatever was stale before it',
      [failing(LATE), healthy(EARLY), healthy(LATE)],
      true,
    ],
    ['appears with one read', [healthy(), failing()], true],
    [
      'stays after one read since it came back with a later change',
      [failing(EARLY), healthy(EARLY), failing(LATE), healthy(LATE)],
      true,
    ],
  ])('%s', (_, reads, isKept) => {
    const { errors, moreErrors } = merged(...reads) ?? {};
    expect([errors?.length, moreErrors]).toEqual(isKept ? [1, 2] : [0, 0]);
  });

  it('stays beside the newest status', () => {
    const associating = { ...failing(), status: 'associating' } as const;
    expect(merged(associating, healthy())).toMatchObject({
      status: 'associated',
      errors: [{ error: 'later' }],
    });
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
          if (isSame) expect(stage(now)).toBeGreaterThanOrEqual(stage(old));
        }
      }),
    );
  });

  it('list the records of every account, the oldest first', () => {
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
    const seen = ['2026-01-02', '2026-01-01', '2026-01-03'].map((day, n) =>
      record(`r${n}`, 'associated', { created: `${day}T00:00:00Z` }),
    );
    for (const list of [seen, [...seen].reverse()]) {
      const group = after(list).byAccount.get(ACCOUNT);
      expect(group?.map(({ id }) => id)).toEqual(['r1', 'r0', 'r2']);
    }
  });

  it('order records of the same age, or of none, by their IDs', () => {
    for (const createdMs of [0, null]) {
      const seen = ['c', 'a', 'b'].map((id) =>
        record(id, 'associated', { createdMs }),
      );
      if (createdMs === null) {
        const dated = record('0', 'associated');
        expect(seen.every((one) => oldestFirst(dated, one) < 0)).toBe(true);
        expect(seen.every((one) => oldestFirst(one, dated) > 0)).toBe(true);
      }
      expect(seen.sort(oldestFirst).map(({ id }) => id)).toEqual([
        'a',
        'b',
        'c',
      ]);
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
  const known = firstObservations(first, A_SHARE);

  it('begins with the first list and the share', () => {
    expect(known).toMatchObject({
      share: A_SHARE,
      others,
      skipped: 3,
      firstSentMs: 5,
      listSentMs: 5,
      listReceivedMs: 6,
    });
    expect([...known.records.keys()]).toEqual(['r1']);
  });

  it('has the newest list, and changes nothing that was observed before', () => {
    const none = { accounts: 0, withoutAccount: 0 };
    const list = listOf(
      [record('r2', 'associated'), record('r1', 'disassociated')],
      { sentMs: 9, receivedMs: 12 },
    );
    const later = observeList(known, list);
    expect(later).toMatchObject({
      share: A_SHARE,
      others: none,
      skipped: 0,
      firstSentMs: 5,
      listSentMs: 9,
      listReceivedMs: 12,
    });
    expect([...later.records.keys()]).toEqual(['r1', 'r2']);
    expect(known.records.get('r1')?.status).toBe('associated');
    expect(known.records.size).toBe(1);
  });

  it('is no newer list after single records', () => {
    const later = observeRecords(known, [record('r2', 'associated')]);
    expect(later).toMatchObject({ others, skipped: 3, listSentMs: 5 });
    expect(later.records.size).toBe(2);
  });
});
