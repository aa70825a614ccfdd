import { describe, expect, it } from 'vitest';
import type { ShareRecipient } from '../src/cloudflare/shares.ts';
import { inForce, LAG_MS, type Memory, openMemory, ownRows } from '../src/rows.ts';

const row = (id: string, status: string, more: Partial<ShareRecipient> = {}): ShareRecipient => ({
  id,
  accountId: 'a',
  organizationId: null,
  status,
  created: '2026-01-01T00:00:00Z',
  modified: '',
  resources: [],
  ...more,
});

describe('the rows of a target', () => {
  it('are those of the account, the oldest first', () => {
    const rows = [
      row('new', 'associated', { created: '2026-01-02T00:00:00Z' }),
      row('b', 'associated', { accountId: 'b' }),
      row('old', 'disassociated'),
    ];
    const own = ownRows(rows);
    expect(own({ type: 'account', id: 'a' }).map(({ id }) => id)).toEqual(['old', 'new']);
    expect(own({ type: 'account', id: 'nobody' })).toEqual([]);
  });

  it('of the same age, or of none, are in the order of their ids, so that all runs find the same one', () => {
    const rows = [row('c', 'associated'), row('b', 'associated'), row('a', 'associated')];
    const ids = (some: ShareRecipient[]) => ownRows(some)({ type: 'account', id: 'a' }).map(({ id }) => id);
    expect(ids(rows)).toEqual(['a', 'b', 'c']);
    expect(ids(rows.map((one) => ({ ...one, created: '' })).reverse())).toEqual(['a', 'b', 'c']);
  });

  it('of an organization name it in either member', () => {
    const rows = [
      row('x', 'associated', { accountId: 'org' }),
      row('y', 'associated', { organizationId: 'org' }),
      row('z', 'associated', { accountId: 'org', organizationId: 'other' }),
    ];
    expect(ownRows(rows)({ type: 'organization', id: 'org' }).map(({ id }) => id)).toEqual(['x', 'y']);
  });

  it.each([
    ['none of the past', ['disassociated', 'disassociating'], undefined],
    ['the oldest', ['disassociated', 'associating', 'associated'], 1],
    ['one with a known status before one without', ['odd', 'associated'], 1],
    ['one with an unknown status where there is no other', ['disassociated', 'odd'], 1],
  ])('in force: %s', (_, statuses, index) => {
    const own = statuses.map((status, n) => row(String(n), status));
    expect(inForce(own)?.id).toBe(index?.toString());
  });
});

describe('the memory', () => {
  /** What is known after each list, all of them asked for and answered at the time given. */
  const seen = (...lists: [ShareRecipient[], number][]) => {
    const memory = openMemory();
    return lists.map(([rows, atMs]) => list(memory, rows, atMs));
  };
  const list = (memory: Memory, rows: ShareRecipient[], atMs: number, id: string | null = null) =>
    memory.see({ rows, id, askedMs: atMs, nowMs: atMs }).map((known) => `${known.id} ${known.status}`);
  const last = (...lists: [ShareRecipient[], number][]) => seen(...lists).at(-1);

  it('keeps a row until answers have missed it for ten seconds', () => {
    const associating = [row('r', 'associating')];
    expect(last([associating, 0], [[], 60_000])).toEqual(['r associating']);
    expect(last([associating, 0], [[], 60_000], [[], 60_000 + LAG_MS - 1])).toEqual(['r associating']);
    expect(last([associating, 0], [[], 60_000], [[], 60_000 + LAG_MS])).toEqual([]);
    // One that shows it again begins the count anew.
    expect(last([associating, 0], [[], 1], [associating, 2], [[], 3 + LAG_MS])).toEqual(['r associating']);
  });

  it('takes from an answer about one row nothing about the others', () => {
    const memory = openMemory();
    list(memory, [row('r', 'associated'), row('s', 'associated')], 0);
    list(memory, [], 1, 'r');
    expect(list(memory, [], 1 + LAG_MS, 'r')).toEqual(['s associated']);
  });

  it('believes for ten seconds that a row is leaving, or gone', () => {
    const [alive, leaving, gone] = [
      [row('r', 'associated')],
      [row('r', 'disassociating')],
      [row('r', 'disassociated')],
    ];
    expect(last([alive, 0], [leaving, 1])).toEqual(['r disassociating']);
    expect(last([leaving, 0], [alive, LAG_MS - 1])).toEqual(['r disassociating']);
    expect(last([leaving, 0], [gone, 1], [leaving, 2])).toEqual(['r disassociated']);
    // What was leaving ten seconds ago and is alive now has come back, however often it was seen leaving since.
    expect(last([leaving, 0], [leaving, LAG_MS - 1], [alive, LAG_MS])).toEqual(['r associated']);
  });

  it('does not go back for ten seconds behind a change that was seen', () => {
    const [early, late] = [
      [row('r', 'associating', { modified: '2026-01-01T00:00:00Z' })],
      [row('r', 'associated', { modified: '2026-01-01T00:00:09Z' })],
    ];
    expect(last([late, 0], [early, LAG_MS - 1])).toEqual(['r associated']);
    expect(last([late, 0], [early, LAG_MS])).toEqual(['r associating']);
  });

  it('believes what is worse than what was seen, whatever its date says', () => {
    const ahead = [row('r', 'associated', { modified: '2099-01-01T00:00:00Z' })];
    const terminal = [{ id: 'x', error: 'no', terminal: true, type: null }];
    const memory = openMemory();
    list(memory, ahead, 0);
    expect(
      memory.see({ rows: [row('r', 'associated', { resources: terminal })], id: null, askedMs: 1, nowMs: 1 }),
    ).toMatchObject([{ resources: terminal }]);
    expect(last([ahead, 0], [[row('r', 'disassociating', { modified: '2026-01-01T00:00:00Z' })], 1])).toEqual(
      ['r disassociating'],
    );
    // But not the error of a row that has left since.
    expect(
      last([[row('r', 'disassociated')], 0], [[row('r', 'associated', { resources: terminal })], 1]),
    ).toEqual(['r disassociated']);
  });

  it('ends what it knows of a row that a write took up again, and for ten seconds believes no past of it', () => {
    const memory = openMemory();
    const look = (status: string, atMs: number) => list(memory, [row('r', status)], atMs);
    look('disassociated', 0);
    memory.renew(row('r', 'associating'), false, 100);
    expect(look('disassociated', 200)).toEqual([]);
    expect(look('associating', 300)).toEqual(['r associating']);
    expect(look('disassociated', 10_099)).toEqual(['r associating']);
    expect(look('disassociating', 10_100)).toEqual(['r disassociating']);
  });

  it('believes that such a row is leaving where it was changed since', () => {
    const memory = openMemory();
    const [made, later] = ['2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z'];
    memory.renew(row('r', 'associating', { modified: made }), false, 0);
    expect(list(memory, [row('r', 'disassociating', { modified: made })], 1)).toEqual([]);
    expect(list(memory, [row('r', 'disassociating', { modified: later })], 2)).toEqual(['r disassociating']);
  });

  it('believes of a new one that it is leaving, unless that is older', () => {
    const memory = openMemory();
    memory.renew(row('r', 'associating', { modified: '2026-01-01T00:00:00Z' }), true, 0);
    expect(list(memory, [row('r', 'disassociated', { modified: '2025-01-01T00:00:00Z' })], 1)).toEqual([]);
    expect(list(memory, [row('r', 'disassociating')], 2)).toEqual(['r disassociating']);
  });

  it('believes no earlier life of such a row either', () => {
    const memory = openMemory();
    const [past, now] = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'];
    list(memory, [row('r', 'disassociated', { modified: now })], 0);
    memory.renew(row('r', 'associating', { modified: now }), false, 100);
    expect(list(memory, [row('r', 'associated', { modified: past })], 200)).toEqual([]);
  });

  it('takes over everything else that changes', () => {
    expect(last([[row('r', 'associated')], 0], [[row('r', 'associating'), row('s', 'odd')], 1])).toEqual([
      'r associating',
      's odd',
    ]);
  });
});
