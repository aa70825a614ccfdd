import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Inputs } from '../../src/inputs.ts';
import {
  findDuplicates,
  firstObservations,
  merge,
  observe,
  oldestFirst,
} from '../../src/reconcile/observations.ts';
import { stage } from '../../src/reconcile/readiness.ts';
import {
  ACCOUNT,
  accounts,
  INPUTS,
  ORGANIZATION,
  OTHER,
  record,
} from '../builders.ts';

const at = (status: string, modified?: string) =>
  record('r1', status, modified ? { modified } : {});
const [EARLY, LATE] = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'];
const statusAfter = (...seen: ReturnType<typeof at>[]) => {
  const known = seen
    .map((one) => [one])
    .reduce(
      (all, list) => merge(all, list).records,
      merge(new Map(), []).records,
    );
  return known.get('r1')?.status;
};

describe('two observations of a record', () => {
  it.each([
    [
      'the later read, while both are active',
      at('associating'),
      at('associated'),
      'associated',
    ],
    [
      'the later read, while both are active, backwards',
      at('associated'),
      at('associating'),
      'associating',
    ],
    [
      'the one that is being removed',
      at('associated'),
      at('disassociating'),
      'disassociating',
    ],
    [
      'the one that is being removed, read earlier',
      at('disassociating'),
      at('associated'),
      'disassociating',
    ],
    [
      'the one that was removed, read earlier',
      at('disassociated'),
      at('disassociating'),
      'disassociated',
    ],
    [
      'the one that was removed',
      at('disassociating'),
      at('disassociated'),
      'disassociated',
    ],
    [
      'the one that was changed later',
      at('associating', EARLY),
      at('associated', LATE),
      'associated',
    ],
    [
      'the one that was changed later, read earlier',
      at('associated', LATE),
      at('associating', EARLY),
      'associated',
    ],
    [
      'the one that was changed later, though less far along',
      at('disassociated', EARLY),
      at('associated', LATE),
      'associated',
    ],
    [
      'the one that was changed later, read earlier, though less far along',
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
      'the one further along, where one has no date',
      at('disassociated', LATE),
      at('associated'),
      'disassociated',
    ],
    [
      'the later read, where one has no date',
      at('associated', LATE),
      at('associating'),
      'associating',
    ],
  ])('show %s', (_, first, second, status) => {
    expect(statusAfter(first, second)).toBe(status);
  });
});

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
      accountId: fc.constantFrom(ACCOUNT, OTHER, ''),
      createdMs: fc.constantFrom(0, 1, 2, Number.NaN),
      modifiedMs: fc.constantFrom(0, 1, 2, Number.NaN),
    })
    .map(({ id, status, ...more }) => record(id, status, more)),
  { maxLength: 6 },
);
const merged = (...lists: ReturnType<typeof record>[][]) =>
  lists.reduce(
    (known, list) => merge(known.records, list),
    merge(new Map(), []),
  );

describe('all observations', () => {
  it('never lose a record, and hold nothing that was not observed', () => {
    fc.assert(
      fc.property(records, records, (first, second) => {
        const { records: known } = merged(first, second);
        expect([...known.keys()].sort()).toEqual(
          [...new Set([...first, ...second].map(({ id }) => id))].sort(),
        );
        for (const one of known.values())
          expect([...first, ...second]).toContain(one);
      }),
    );
  });

  it('are the same after the same response again', () => {
    fc.assert(
      fc.property(records, records, (first, second) => {
        const once = merged(first, second);
        // Twice the same record in a response is two observations.
        const distinct = [
          ...new Map(second.map((one) => [one.id, one])).values(),
        ];
        expect(merged(first, second, [...once.records.values()])).toEqual(once);
        expect(merged(first, distinct, distinct)).toEqual(
          merged(first, distinct),
        );
      }),
    );
  });

  it('never go back behind a later change, or along the way to removed', () => {
    fc.assert(
      fc.property(records, records, (first, more) => {
        const second = more.slice(0, 1);
        const [before, after] = [
          merged(first).records,
          merged(first, second).records,
        ];
        return second.every(({ id }) => {
          const [old, now] = [before.get(id), after.get(id)];
          if (!old || !now || old === now) return now !== undefined;
          return (
            now.modifiedMs > old.modifiedMs ||
            (!(now.modifiedMs < old.modifiedMs) && stage(now) >= stage(old))
          );
        });
      }),
      { numRuns: 2_000 },
    );
  });

  it('list the records of every account, the oldest first', () => {
    fc.assert(
      fc.property(records, records, (first, second) => {
        const { records: known, byAccount } = merged(first, second);
        expect([...byAccount.values()].flat().length).toBe(known.size);
        for (const [accountId, group] of byAccount) {
          expect(
            group.every(
              (one) => one.accountId === accountId && known.get(one.id) === one,
            ),
          ).toBe(true);
          expect(new Set(group).size).toBe(group.length);
        }
      }),
    );
    const seen = ['2026-01-02', '2026-01-01', '2026-01-03'].map((day, index) =>
      record(`r${index}`, 'associated', { created: `${day}T00:00:00Z` }),
    );
    expect(
      merged(seen)
        .byAccount.get(ACCOUNT)
        ?.map(({ id }) => id),
    ).toEqual(['r1', 'r0', 'r2']);
    expect(
      merged([...seen].reverse())
        .byAccount.get(ACCOUNT)
        ?.map(({ id }) => id),
    ).toEqual(['r1', 'r0', 'r2']);
  });

  it('order records of the same age, or of none, by their IDs, so that parallel runs use the same one', () => {
    for (const createdMs of [0, Number.NaN]) {
      const seen = ['c', 'a', 'b'].map((id) =>
        record(id, 'associated', { createdMs }),
      );
      expect([...seen].sort(oldestFirst).map(({ id }) => id)).toEqual([
        'a',
        'b',
        'c',
      ]);
    }
  });
});

describe('what is known of a run', () => {
  const first = { records: [record('r1', 'associated')], sentMs: 5 };
  const known = firstObservations(first, {
    name: 'x',
    resourceTypes: new Map(),
  });

  it('begins with the first list', () => {
    expect(known).toMatchObject({
      firstSentMs: 5,
      listSentMs: 5,
      share: { name: 'x' },
    });
  });

  it('keeps the time of the first list and that of the newest, and changes nothing that was observed before', () => {
    const later = observe(known, {
      records: [record('r2', 'associated'), record('r1', 'disassociated')],
      sentMs: 9,
    });
    expect(later).toMatchObject({
      firstSentMs: 5,
      listSentMs: 9,
      share: { name: 'x' },
    });
    expect([...later.records.keys()]).toEqual(['r1', 'r2']);
    expect(known.records.get('r1')?.status).toBe('associated');
    expect([...known.records.keys()]).toEqual(['r1']);
  });

  it('is not newer after a response that shows only one record, or none', () => {
    expect(
      observe(known, { records: [record('r2', 'associated')] }).listSentMs,
    ).toBe(5);
    expect(observe(known, {}).records).toEqual(known.records);
  });
});

describe('an account with more than one active record', () => {
  const older = { created: '2025-01-01T00:00:00Z' };
  const seen = [
    record('new', 'associating'),
    record('old', 'odd', older),
    record('h', 'disassociated', older),
    record('l', 'disassociating', older),
    record('b', 'associated', { accountId: OTHER }),
    record('x', 'associated', { accountId: ORGANIZATION }),
    record('y', 'associated', { accountId: ORGANIZATION }),
  ];
  const observed = firstObservations({ records: seen, sentMs: 0 }, null);
  const targets = accounts(OTHER, ACCOUNT);
  const found = (change: Partial<Inputs>) =>
    findDuplicates({ ...INPUTS, ...change }, observed).map((group) =>
      group.map(({ id }) => id),
    );

  it('is found, with the record in use first', () => {
    expect(found({ targets })).toEqual([['old', 'new']]);
  });

  it('is no concern of a removal, of an organization, or where nothing was observed', () => {
    expect(found({ targets, state: 'absent' })).toEqual([]);
    expect(
      found({ targets: [{ type: 'organization', id: ORGANIZATION }] }),
    ).toEqual([]);
    expect(findDuplicates({ ...INPUTS, targets }, null)).toEqual([]);
  });
});
