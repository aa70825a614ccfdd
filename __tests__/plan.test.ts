import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Share, ShareRecipient } from '../src/cloudflare/shares.ts';
import type { Target } from '../src/inputs.ts';
import { duplicates, plan } from '../src/plan.ts';

const account = (id: string): Target => ({ type: 'account', id });
const organization: Target = { type: 'organization', id: 'org' };
const row = (
  id: string,
  accountId: string,
  status: string,
  more: Partial<ShareRecipient> = {},
): ShareRecipient => ({
  id,
  accountId,
  organizationId: null,
  status,
  created: '2026-01-01T00:00:00Z',
  modified: '',
  resources: [],
  ...more,
});
const older = { created: '2025-01-01T00:00:00Z' };
const terminal = { resources: [{ id: 'x', error: 'no', terminal: true, type: null }] };
const retried = { resources: [{ id: 'x', error: 'later', terminal: false, type: null }] };

function planned(
  state: 'present' | 'absent',
  rows: ShareRecipient[],
  more: { targets?: Target[]; wait?: boolean; share?: Share } = {},
) {
  const { targets = [account('a')], wait = true, share = null } = more;
  return plan({ targets, state, wait }, { rows, share, nowMs: 0 }).map((p) => [
    p.step,
    p.id,
    p.failure?.cause ?? null,
  ]);
}

describe('a plan to add', () => {
  it.each([
    ['no row', [], 'create', null],
    ['only rows of others', [row('r', 'b', 'associated')], 'create', null],
    ['a healthy associated row', [row('r', 'a', 'associated')], 'settled', 'r'],
    [
      'an associated row with an error that is retried',
      [row('r', 'a', 'associated', retried)],
      'associate',
      'r',
    ],
    ['an associating row', [row('r', 'a', 'associating')], 'associate', 'r'],
    ['a row with an unknown status', [row('r', 'a', 'hibernating')], 'associate', 'r'],
    ['a terminal error', [row('r', 'a', 'associated', terminal)], 'failed', 'r'],
    ['history only', [row('r', 'a', 'disassociated')], 'create', null],
    ['a row that is being removed', [row('r', 'a', 'disassociating')], 'clear', 'r'],
    ['history and a live row', [row('h', 'a', 'disassociated'), row('r', 'a', 'associated')], 'settled', 'r'],
    [
      'a leaving and a live row',
      [row('l', 'a', 'disassociating'), row('r', 'a', 'associated')],
      'settled',
      'r',
    ],
    [
      'an unknown and a live row',
      [row('u', 'a', 'hibernating', older), row('r', 'a', 'associated')],
      'settled',
      'r',
    ],
    [
      'two live rows',
      [row('new', 'a', 'associated'), row('old', 'a', 'associated', older)],
      'settled',
      'old',
    ],
  ])('%s', (_name, rows, step, id) => {
    expect(planned('present', rows)).toEqual([[step, id, step === 'failed' ? 'terminal' : null]]);
  });

  it('does not wait for a row it found when nobody wants to wait', () => {
    expect(planned('present', [row('r', 'a', 'associating')], { wait: false })).toEqual([
      ['accepted', 'r', null],
    ]);
  });

  it.each([
    ['deleting', 'account', [account('a')], 'share-deleting'],
    ['deleted', 'account', [account('a')], 'share-deleting'],
    ['active', 'organization', [account('a')], 'share-organization'],
  ])(
    'fails before the POST when the share is %s and targeted at an %s',
    (status, targetType, targets, cause) => {
      expect(planned('present', [], { targets, share: { name: '', status, targetType } })).toEqual([
        ['failed', null, cause],
      ]);
    },
  );

  it('finds an organization by either field', () => {
    const targets = [organization];
    expect(planned('present', [row('r', '', 'associated', { organizationId: 'org' })], { targets })).toEqual([
      ['settled', 'r', null],
    ]);
    expect(planned('present', [row('r', 'org', 'associated')], { targets })).toEqual([
      ['settled', 'r', null],
    ]);
    expect(
      planned('present', [row('r', 'org', 'associated', { organizationId: 'other' })], { targets }),
    ).toEqual([['create', null, null]]);
  });
});

describe('a plan to remove', () => {
  it.each([
    ['no row', [], [['settled', null, null]]],
    ['history', [row('r', 'a', 'disassociated')], [['settled', 'r', null]]],
    ['a live row', [row('r', 'a', 'associated')], [['remove', 'r', null]]],
    ['a live row that failed', [row('r', 'a', 'associating', terminal)], [['remove', 'r', null]]],
    [
      'two live rows',
      [row('r', 'a', 'associated'), row('s', 'a', 'associating')],
      [
        ['remove', 'r', null],
        ['remove', 's', null],
      ],
    ],
    ['a row that is leaving', [row('r', 'a', 'disassociating')], [['disassociate', 'r', null]]],
    [
      'a live row and two that are leaving',
      [row('q', 'a', 'disassociating'), row('r', 'a', 'associated'), row('s', 'a', 'disassociating')],
      [
        ['disassociate', 'q', null],
        ['remove', 'r', null],
        ['disassociate', 's', null],
      ],
    ],
  ])('%s', (_name, rows, steps) => {
    expect(planned('absent', rows)).toEqual(steps);
  });

  it('never touches a row of another account', () => {
    const statuses = fc.constantFrom(
      'associating',
      'associated',
      'disassociating',
      'disassociated',
      'hibernating',
    );
    const rows = fc.uniqueArray(
      fc.record({
        id: fc.stringMatching(/^r\d{1,4}$/),
        who: fc.constantFrom('a', 'b', 'c', ''),
        status: statuses,
      }),
      { selector: ({ id }) => id },
    );
    fc.assert(
      fc.property(rows, (seeds) => {
        const seen = seeds.map(({ id, who, status }) => row(id, who, status));
        const removed = planned('absent', seen)
          .filter(([step]) => step === 'remove')
          .map(([, id]) => id);
        const live = seen
          .filter((r) => r.accountId === 'a' && !r.status.startsWith('disassociat'))
          .map((r) => r.id);
        expect(removed.sort()).toEqual(live.sort());
      }),
    );
  });

  it('removes an organization only when its row is found without doubt', () => {
    const targets = [organization];
    expect(planned('absent', [row('r', '', 'associated', { organizationId: 'org' })], { targets })).toEqual([
      ['remove', 'r', null],
    ]);
    expect(planned('absent', [row('r', 'b', 'associated')], { targets })).toEqual([
      ['failed', null, 'inconclusive'],
    ]);
    expect(planned('absent', [], { targets })).toEqual([['settled', null, null]]);
    expect(planned('absent', [row('r', 'b', 'disassociated')], { targets })).toEqual([
      ['settled', null, null],
    ]);
    // The row of an account may tell the organization that the account belongs to.
    const members = [row('r', 'b', 'associated', { organizationId: 'org' })];
    expect(planned('absent', members, { targets })).toEqual([['failed', null, 'inconclusive']]);
    expect(planned('absent', [...members, row('s', 'org', 'associated')], { targets })).toEqual([
      ['failed', null, 'inconclusive'],
    ]);
    // And one that is leaving is somebody's, or the organization's own.
    expect(planned('absent', [row('r', 'b', 'disassociating')], { targets })).toEqual([
      ['failed', null, 'inconclusive'],
    ]);
  });
});

describe('duplicates', () => {
  it('names the oldest live row as the one in use', () => {
    const rows = [
      row('new', 'a', 'associating'),
      row('old', 'a', 'associated', older),
      row('h', 'a', 'disassociated'),
      row('b', 'b', 'associated'),
    ];
    expect(duplicates([account('a'), account('b')], rows)).toEqual([
      { target: account('a'), used: rows[1], others: [rows[0]] },
    ]);
  });
});
