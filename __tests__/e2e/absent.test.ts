import { describe, expect, it } from 'vitest';
import { expectSuccess } from './expectations.ts';
import {
  activeRecords,
  mine,
  RECORD,
  recordIn,
  runScenario,
  SHARE,
  seed,
} from './scenario.ts';

const inputs = { state: 'absent' };

describe.concurrent('state: absent', () => {
  it('removes an associated record with one DELETE, and waits until a list shows that it is removed', async () => {
    const run = await runScenario({
      recipients: [mine()],
      inputs,
      timeline: { disassociateReads: 1 },
    });
    expectSuccess(run, {
      'recipient-id': RECORD,
      status: 'disassociated',
      changed: 'true',
    });
    expect(run.recipients).toMatchObject([{ cause: null, error: null }]);
    expect(run.posts).toEqual([]);
    expect(run.deletes).toHaveLength(1);
    expect(activeRecords(run)).toEqual([]);
    expect(run.deletes[0]).toMatchObject({
      path: expect.stringMatching(`/shares/${SHARE}/recipients/${RECORD}$`),
      query: {},
      body: '',
    });
    expect(run.polls.length).toBeGreaterThan(0);
    expect(run.requests.at(-1)).toBe(run.lists.at(-1));
    expect(run.summary).toContain('1 account removed');
  });

  it('of several accounts removes no record of another', async () => {
    const statuses = [
      'associated',
      'associating',
      'disassociated',
      'associated',
      'validating',
    ];
    const all = Array.from({ length: 130 }, (_, n) =>
      seed(n, { status: statuses[n % 5] ?? '' }),
    );
    const second = seed(0, { id: 'second' });
    const going = seed(130, {
      status: 'disassociating',
      settle: { disassociateReads: 1 },
    });
    const given = [...all.filter((_, n) => n % 4 === 0), second, going];
    const run = await runScenario({
      recipients: [...all, second, going],
      targets: [...new Set(given.map((one) => one.accountId ?? ''))],
      inputs,
    });
    expectSuccess(run, { status: 'disassociated', changed: 'true' });
    expect(run.posts).toEqual([]);
    const active = given.filter(({ status }) => !/^disassoc/.test(status));
    expect(run.deletes.map(recordIn).sort()).toEqual(
      active.map(({ id }) => id).sort(),
    );
    const left = run.records.filter(
      (one) => one.association_status !== 'disassociated',
    );
    expect(left.map(({ id }) => id)).toEqual(
      all
        .filter((one) => one.status !== 'disassociated' && !given.includes(one))
        .map(({ id }) => id),
    );
  });
});
