import { describe, expect, it } from 'vitest';
import type { ShareRecipient } from '../src/cloudflare/shares.ts';
import { inForce, LAG_MS, openMemory, ownRows } from '../src/rows.ts';

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
  const seen = (...looks: [ShareRecipient[], number][]) => {
    const memory = openMemory();
    return looks.map(([rows, atMs]) =>
      memory.see(rows, atMs, atMs).map(({ id, status }) => `${id} ${status}`),
    );
  };

  it('keeps for ten seconds what an answer does not show', () => {
    const [, ...later] = seen([[row('r', 'associating')], 0], [[], LAG_MS - 1], [[], LAG_MS]);
    expect(later).toEqual([['r associating'], []]);
  });

  it('believes for ten seconds that a row is leaving, or gone', () => {
    const [alive, leaving, gone] = [
      [row('r', 'associated')],
      [row('r', 'disassociating')],
      [row('r', 'disassociated')],
    ];
    const last = (...looks: [ShareRecipient[], number][]) => seen(...looks).at(-1);
    expect(last([alive, 0], [leaving, 1])).toEqual(['r disassociating']);
    expect(last([leaving, 0], [alive, LAG_MS - 1])).toEqual(['r disassociating']);
    expect(last([leaving, 0], [gone, 1], [leaving, 2])).toEqual(['r disassociated']);
    // What was leaving ten seconds ago and is alive now has come back, however often it was seen leaving since.
    expect(last([leaving, 0], [leaving, LAG_MS - 1], [alive, LAG_MS])).toEqual(['r associated']);
  });

  it('ends what it knows of a row that a write took up again, and for ten seconds believes no past of it', () => {
    const memory = openMemory();
    const look = (status: string, atMs: number) =>
      memory.see([row('r', status)], atMs, atMs).map((known) => known.status);
    look('disassociated', 0);
    memory.renew('r', 100);
    expect(look('disassociated', 200)).toEqual([]);
    expect(look('associating', 300)).toEqual(['associating']);
    expect(look('disassociated', 10_099)).toEqual(['associating']);
    expect(look('disassociating', 10_100)).toEqual(['disassociating']);
  });

  it('takes over everything else that changes', () => {
    expect(
      seen([[row('r', 'associated')], 0], [[row('r', 'associating'), row('s', 'odd')], 1]).at(-1),
    ).toEqual(['r associating', 's odd']);
  });
});
