import { describe, expect, it } from 'vitest';
import { RequestError } from '../src/cloudflare/errors.ts';
import type { ShareRecipient } from '../src/cloudflare/shares.ts';
import type { Target } from '../src/inputs.ts';
import { plan } from '../src/plan.ts';
import {
  accepted,
  looked,
  lookOf,
  MAX_WRITES,
  type Progress,
  sent,
  statusOf,
  UNSURE_MS,
  unanswered,
} from '../src/progress.ts';

const row = (
  id: string,
  status: string,
  accountId = 'a',
  more: Partial<ShareRecipient> = {},
): ShareRecipient => ({
  id,
  accountId,
  organizationId: null,
  status,
  created: '',
  modified: '',
  resources: [],
  ...more,
});
const retried = { resources: [{ id: 'x', error: 'later', terminal: false, type: null }] };
const terminal = { resources: [{ id: 'x', error: 'no', terminal: true, type: null }] };
const lost = new RequestError('POST …', 'read ECONNRESET', {
  cause: 'network',
  ambiguous: true,
  retryable: true,
});
const final = new RequestError('POST …', 'HTTP 502', { cause: 'server', ambiguous: true });
const refused = new RequestError('POST …', 'HTTP 400', { cause: 'refused', status: 400 });

function start(
  state: 'present' | 'absent',
  rows: ShareRecipient[] = [],
  more: { wait?: boolean; target?: Target } = {},
): Progress {
  const { wait = true, target = { type: 'account', id: 'a' } } = more;
  return plan({ targets: [target], state, wait }, { rows, share: null, nowMs: 0 })[0] as Progress;
}

function look(p: Progress, nowMs: number, ...rows: ShareRecipient[]): Progress {
  return looked(p, lookOf(rows, new Set(['h']), nowMs, nowMs));
}

describe('after a POST', () => {
  it('settles only by a look, never by the reply', () => {
    const p = accepted(sent(start('present'), 0), row('r', 'associated'), 1);
    expect([p.step, p.id, p.changed]).toEqual(['associate', 'r', true]);
    expect(look(p, 2, row('r', 'associated')).step).toBe('settled');
  });

  it('fails at once when the reply has a terminal error', () => {
    expect(accepted(sent(start('present'), 0), row('r', 'associating', 'a', terminal), 1)).toMatchObject({
      step: 'failed',
      id: 'r',
      changed: true,
    });
  });

  it('tolerates for half a minute that the row is not there yet', () => {
    const p = accepted(sent(start('present'), 0), row('r', 'associating'), 0);
    expect(look(p, 29_999).step).toBe('associate');
    expect(look(p, 30_000)).toMatchObject({ step: 'failed', failure: { cause: 'vanished' } });
  });

  it('does not tolerate it for a row that was there before', () => {
    const p = start('present', [row('r', 'associating')]);
    expect(look(p, 1_000)).toMatchObject({ step: 'failed', failure: { cause: 'vanished' } });
  });

  it('is done at once when nobody wants to wait', () => {
    expect(accepted(sent(start('present', [], { wait: false }), 0), row('r', 'associating'), 1).step).toBe(
      'accepted',
    );
  });
});

describe('a target that is done', () => {
  const added = accepted(sent(start('present'), 0), row('r', 'associating'), 0);
  const settled = look(added, 1_000, row('r', 'associated'));

  it('keeps its time and its state while it stays usable', () => {
    expect(look(settled, 9_000, row('r', 'associated'))).toMatchObject({ step: 'settled', endedMs: 1_000 });
    expect(look(settled, 9_000)).toBe(settled);
  });

  it('fails when it is no longer there, once its row is too old for a lagging read', () => {
    expect(look(settled, 29_999)).toBe(settled);
    expect(look(settled, 30_000)).toMatchObject({ step: 'failed', failure: { cause: 'vanished' } });
    const adopted = start('present', [row('r', 'associated')]);
    expect(look(adopted, 1)).toMatchObject({ step: 'failed', failure: { cause: 'vanished' } });
  });

  it.each<[string, ShareRecipient, Partial<Progress>]>([
    ['is pushed to again', row('r', 'associating'), { step: 'associate', endedMs: null, sinceMs: 9_000 }],
    ['has an error', row('r', 'associated', 'a', retried), { step: 'associate', endedMs: null }],
    ['has failed for good', row('r', 'associated', 'a', terminal), { step: 'failed', endedMs: 9_000 }],
    ['is being removed', row('r', 'disassociating'), { step: 'failed' }],
  ])('is not done any more when it %s', (_, seen, expected) => {
    expect(look(settled, 9_000, seen)).toMatchObject(expected);
  });

  it('and was not waited for goes on as accepted, unless a look says more', () => {
    const p = accepted(sent(start('present', [], { wait: false }), 0), row('r', 'associating'), 1);
    expect(look(p, 2, row('r', 'associating'))).toMatchObject({ step: 'accepted', endedMs: 1 });
    expect(look(p, 2, row('r', 'associated')).step).toBe('settled');
    expect(look(p, 2, row('r', 'associating', 'a', terminal)).step).toBe('failed');
    expect(look(look(p, 2, row('r', 'associated')), 3, row('r', 'associating')).step).toBe('accepted');
  });

  it('stays removed', () => {
    const gone = look(accepted(sent(start('absent', [row('r', 'associated')]), 0), null, 1), 2);
    expect(look(gone, 3, row('n', 'associated'))).toBe(gone);
  });
});

describe('an account that somebody else added at the same time', () => {
  const [early, late] = [{ created: '2026-01-01T00:00:01Z' }, { created: '2026-01-01T00:00:02Z' }];
  const ours = accepted(sent(start('present'), 0), row('r', 'associating', 'a', late), 0);

  it.each<[string, ShareRecipient[], string]>([
    ['the older', [row('r', 'associating', 'a', late), row('o', 'associating', 'a', early)], 'o'],
    ['the older, before ours shows', [row('o', 'associating', 'a', early)], 'o'],
    [
      'ours, when it is the older',
      [row('r', 'associating', 'a', late), row('o', 'associating', 'a', { created: '2026-01-01T00:00:03Z' })],
      'r',
    ],
    [
      'the first of the same age',
      [row('o', 'associating', 'a', late), row('r', 'associating', 'a', late)],
      'o',
    ],
    [
      'ours, when the older is leaving',
      [row('o', 'disassociating', 'a', early), row('r', 'associating', 'a', late)],
      'r',
    ],
    [
      'ours, when the older has a status that nobody knows',
      [row('o', 'odd', 'a', early), row('r', 'associating', 'a', late)],
      'r',
    ],
    [
      'ours, when the other account is another',
      [row('o', 'associating', 'b', early), row('r', 'associating', 'a', late)],
      'r',
    ],
  ])('uses %s', (_, rows, id) => {
    expect(look(ours, 1_000, ...rows)).toMatchObject({ step: 'associate', id, changed: true });
  });
});

describe('after a POST without a clear answer', () => {
  const unsure = unanswered(sent(start('present'), 0), lost, 0);

  it('looks, and takes the row that it finds for its own', () => {
    expect(unsure.step).toBe('unsure');
    expect(look(unsure, 1_000, row('r', 'associating'))).toMatchObject({
      step: 'associate',
      id: 'r',
      changed: true,
    });
    expect(look(unsure, 1_000, row('r', 'associated'))).toMatchObject({ step: 'settled', changed: true });
  });

  it('takes a new row that is leaving for its own only when no other has shown for ten seconds', () => {
    const leaving = row('n', 'disassociating');
    expect(look(unsure, 1_000, leaving).step).toBe('unsure');
    expect(look(unsure, 2_000, leaving, row('r', 'associating'))).toMatchObject({
      step: 'associate',
      id: 'r',
    });
    expect(look(unsure, UNSURE_MS, leaving)).toMatchObject({ step: 'failed', failure: { cause: 'removed' } });
  });

  it('posts again only after ten seconds of looking, and not for ever', () => {
    expect(look(unsure, UNSURE_MS - 1).step).toBe('unsure');
    expect(look(unsure, UNSURE_MS).step).toBe('create');
    const last = { ...unsure, writes: MAX_WRITES };
    expect(look(last, UNSURE_MS)).toMatchObject({ step: 'failed', failure: { cause: 'network' } });
  });

  it('does not post again when the server said that it must not be', () => {
    const p = unanswered(sent(start('present'), 0), final, 0);
    expect(look(p, UNSURE_MS)).toMatchObject({ step: 'failed', failure: { cause: 'server' } });
  });

  it('is not taken in by rows of others or of the past', () => {
    expect(look(unsure, 1_000, row('x', 'associated', 'b'), row('h', 'disassociated')).step).toBe('unsure');
  });

  it('takes the only new row for the organization, and gives up on two or none', () => {
    const target: Target = { type: 'organization', id: 'org' };
    const p = unanswered(sent(start('present', [], { target }), 0), lost, 0);
    const [old, one, two] = [
      row('h', 'associated', 'z'),
      row('r', 'associating', 'q'),
      row('s', 'associating', 'w'),
    ];
    expect(look(p, UNSURE_MS, old, one)).toMatchObject({ step: 'associate', id: 'r', changed: true });
    expect(look(p, UNSURE_MS, one, two)).toMatchObject({ failure: { cause: 'inconclusive' } });
    // The second may be somebody else's, and may be seen before ours is.
    expect(look(p, UNSURE_MS - 1, old, one).step).toBe('unsure');
    const others = row('s', 'associating', 'w', { organizationId: 'another' });
    expect(look(p, UNSURE_MS, one, others)).toMatchObject({ step: 'associate', id: 'r' });
    expect(look(p, UNSURE_MS, others)).toMatchObject({ failure: { cause: 'inconclusive' } });
    expect(look(p, UNSURE_MS)).toMatchObject({ step: 'failed', failure: { cause: 'inconclusive' } });
  });
});

describe('after a refused POST', () => {
  const p = unanswered(sent(start('present'), 0), refused, 0);

  it('looks once whether another run was faster', () => {
    expect(look(p, 1_000, row('r', 'associating'))).toMatchObject({
      step: 'associate',
      id: 'r',
      changed: false,
    });
    expect(look(p, 1_000)).toMatchObject({ step: 'failed', failure: { cause: 'refused' } });
  });

  it('says that it changed something when an earlier POST may have been the faster one', () => {
    const again = unanswered(
      sent(look(unanswered(sent(start('present'), 0), lost, 0), UNSURE_MS), UNSURE_MS),
      refused,
      UNSURE_MS,
    );
    expect(look(again, UNSURE_MS + 1_000, row('r', 'associated'))).toMatchObject({
      step: 'settled',
      changed: true,
    });
    expect(look(again, UNSURE_MS + 1_000).step).toBe('unsure');
  });
});

describe('a look', () => {
  it('that was asked for before the ten seconds were over does not end them, however late its answer', () => {
    const p = unanswered(sent(start('present'), 0), lost, 0);
    expect(looked(p, lookOf([], new Set(), 19_000, 9_999)).step).toBe('unsure');
    expect(looked(p, lookOf([], new Set(), 19_000, 10_000)).step).toBe('create');
  });

  it('after a conflict goes on for ten seconds, as reads may lag', () => {
    const conflict = new RequestError('POST …', 'HTTP 409', { cause: 'refused', status: 409 });
    const p = unanswered(sent(start('present'), 0), conflict, 0);
    expect(look(p, 9_999).step).toBe('unsure');
    expect(look(p, 9_999, row('r', 'associating'))).toMatchObject({ step: 'associate', changed: false });
    expect(look(p, 10_000)).toMatchObject({ step: 'failed', failure: { cause: 'refused' } });
  });
});

describe('a row that is being removed', () => {
  const p = start('present', [row('h', 'disassociating')]);

  it('is waited out, then posted anew', () => {
    expect(look(p, 1, row('h', 'disassociating')).step).toBe('clear');
    expect(look(p, 1, row('h', 'disassociated'))).toMatchObject({ step: 'create', id: null });
    expect(look(p, 1)).toMatchObject({ step: 'create', id: null });
  });

  it('is waited out also when it is not the only one', () => {
    const [one, two] = [row('h', 'disassociating'), row('y', 'disassociating')];
    const waiting = start('present', [one, two]);
    expect(look(waiting, 1_000, { ...one, status: 'disassociated' }, two).step).toBe('clear');
    expect(look(waiting, 1_000, one, { ...two, status: 'disassociated' }).step).toBe('clear');
  });

  it('is used when it comes back', () => {
    expect(look(p, 1, row('h', 'associated'))).toMatchObject({ step: 'settled', id: 'h', changed: false });
  });
});

describe('a removal', () => {
  const live = start('absent', [row('r', 'associated')]);

  it('waits until the row is disassociated or gone', () => {
    const p = accepted(sent(live, 0), row('r', 'disassociating'), 1);
    expect(look(p, 2, row('r', 'associated')).step).toBe('disassociate');
    expect(look(p, 2, row('r', 'disassociated'))).toMatchObject({ step: 'settled', changed: true });
    expect(statusOf(look(p, 2))).toBe('disassociated');
  });

  it('is over only when a look says so, never by the reply', () => {
    const p = accepted(sent(live, 0), row('r', 'disassociated'), 1);
    expect(p).toMatchObject({ step: 'disassociate', changed: true });
    expect(look(p, 2, row('r', 'associated')).step).toBe('disassociate');
  });

  it('says disassociating when nobody wants to wait, also when the reply has no row', () => {
    const p = accepted(sent(start('absent', [row('r', 'associated')], { wait: false }), 0), null, 1);
    expect([p.step, statusOf(p)]).toEqual(['accepted', 'disassociating']);
  });

  it('deletes again only after ten seconds of looking', () => {
    const p = unanswered(sent(live, 0), lost, 0);
    expect(look(p, 9_999, row('r', 'associated')).step).toBe('unsure');
    expect(look(p, UNSURE_MS, row('r', 'associated')).step).toBe('remove');
    expect(look(p, 1, row('r', 'disassociating'))).toMatchObject({ step: 'disassociate', changed: true });
    expect(look(p, 1)).toMatchObject({ step: 'settled', changed: true });
  });

  it('waits out associating where Cloudflare does not delete it yet', () => {
    const p = unanswered(sent(start('absent', [row('r', 'associating')]), 0), refused, 0);
    expect(p.step).toBe('hold');
    expect(look(p, 1_000, row('r', 'associating')).step).toBe('hold');
    expect(look(p, 1_000, row('r', 'associated')).step).toBe('remove');
    expect(look(p, 15_000, row('r', 'associating')).step).toBe('remove');
  });

  it('is done when neither the reply nor the list knows the row', () => {
    const gone = new RequestError('DELETE …', 'HTTP 404', { cause: 'refused', status: 404 });
    const p = unanswered(sent(live, 0), gone, 0);
    expect(p.step).toBe('unsure');
    expect(look(p, 1)).toMatchObject({ step: 'settled', changed: false });
    expect(look(p, 1, row('r', 'disassociated'))).toMatchObject({ step: 'settled', changed: false });
    // The list may lag, and then has to miss it for ten seconds.
    expect(look(p, 29_999, row('r', 'associated')).step).toBe('unsure');
    expect(look(p, 30_000, row('r', 'associated'))).toMatchObject({
      step: 'failed',
      failure: { cause: 'refused' },
    });
  });

  it('is not held by a 404, which is no refusal of a row that is associating', () => {
    const gone = new RequestError('DELETE …', 'HTTP 404', { cause: 'refused', status: 404 });
    expect(unanswered(sent(start('absent', [row('r', 'associating')]), 0), gone, 0).step).toBe('unsure');
  });

  it('begins again when the row is alive once more', () => {
    const p = look(accepted(sent(live, 0), null, 1), 2, row('r', 'disassociated'));
    expect(p.step).toBe('settled');
    expect(look(p, 20_000, row('r', 'disassociated'))).toBe(p);
    expect(look(p, 20_000)).toBe(p);
    expect(look(p, 20_000, row('r', 'associating'))).toMatchObject({ step: 'remove', changed: true });
  });

  it('that was only accepted is not sent again for a lagging read', () => {
    const p = accepted(sent(start('absent', [row('r', 'associated')], { wait: false }), 0), null, 1);
    expect(look(p, 2, row('r', 'associated'))).toBe(p);
  });
});
