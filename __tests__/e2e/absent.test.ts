import { describe, expect, it } from 'vitest';
import { account, liveRows, ORGANIZATION, play, RECIPIENT, ROW, SHARE, TIMED } from './stage.ts';

const inputs = { state: 'absent' };
const mine = { accountId: RECIPIENT, id: ROW, status: 'associated' };
const OTHER = 'd5a1c3e9b7f24860a2c4e6f80b1d3f57';

describe.concurrent('state: absent', () => {
  it('removes an associated row with one DELETE and waits until it is gone', async () => {
    const run = await play({ recipients: [mine], inputs, api: { timeline: { disassociateMs: 1200 } } });
    expect(run).toMatchObject({
      exitCode: 0,
      posts: [],
      errors: [],
      outputs: { 'recipient-id': ROW, status: 'disassociated', changed: 'true' },
      recipients: [{ recipient: RECIPIENT, id: ROW, status: 'disassociated', changed: true, error: null }],
    });
    expect(run.deletes).toHaveLength(1);
    expect(run.deletes[0]).toMatchObject({ query: {}, body: '' });
    expect(run.deletes[0]?.path).toMatch(new RegExp(`/recipients/${ROW}$`));
    expect(run.polls.length).toBeGreaterThan(0);
    expect(run.summary).toContain('1 account no longer has the share (1 removed)');
  });

  it.concurrent.each<[string, object[]]>([
    ['there is no row', []],
    ['its row is history', [{ ...mine, status: 'disassociated' }]],
    ['there are only rows of others', [{ accountId: OTHER, status: 'associated' }]],
  ])('does nothing where %s', async (_, recipients) => {
    const run = await play({ recipients: recipients as Array<typeof mine>, inputs });
    expect(run).toMatchObject({
      exitCode: 0,
      posts: [],
      deletes: [],
      annotations: [],
      outputs: { status: 'disassociated', changed: 'false' },
    });
    expect(liveRows(run, OTHER)).toHaveLength(
      recipients.some((one) => 'accountId' in one && one.accountId === OTHER) ? 1 : 0,
    );
  });

  it('waits for a removal that is under way', async () => {
    const run = await play({
      recipients: [{ ...mine, status: 'disassociating', settle: { disassociateMs: 1500 } }],
      inputs,
    });
    expect(run).toMatchObject({
      exitCode: 0,
      deletes: [],
      outputs: { 'recipient-id': ROW, status: 'disassociated', changed: 'false' },
    });
  });

  it('removes a row whose status nobody knows', async () => {
    const run = await play({ recipients: [{ ...mine, status: 'validating' }], inputs });
    expect(run).toMatchObject({ exitCode: 0, outputs: { status: 'disassociated', changed: 'true' } });
    expect(run.deletes).toHaveLength(1);
  });

  it(
    'removes an associating row, also where the API refuses that until it has associated',
    TIMED,
    async () => {
      const run = await play({
        api: { refuseDeleteWhileAssociating: true },
        recipients: [{ ...mine, status: 'associating', settle: { associateMs: 2500 } }],
        inputs,
      });
      expect(run).toMatchObject({
        exitCode: 0,
        outputs: { 'recipient-id': ROW, status: 'disassociated', changed: 'true' },
      });
      expect(run.deletes.map(({ status }) => status)).toEqual([409, 200]);
    },
  );

  it('removes both of two live rows of one account, and tells them as one', async () => {
    const run = await play({ recipients: [mine, { ...mine, id: OTHER }], inputs });
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: { status: 'disassociated', changed: 'true' },
      annotations: [],
    });
    expect(run.deletes.map(({ path }) => path.split('/').at(-1)).sort()).toEqual([ROW, OTHER].sort());
    expect(run.recipients).toHaveLength(1);
    expect(liveRows(run)).toEqual([]);
  });

  it.concurrent.each<[string, object]>([
    ['is gone already', {}],
    ['is another one', { id: OTHER }],
  ])('does not believe the reply to a DELETE that its row %s', async (_, more) => {
    const reply = {
      id: ROW,
      account_id: RECIPIENT,
      association_status: 'disassociated',
      created: '',
      modified: '',
    };
    const text = JSON.stringify({ success: true, errors: [], messages: [], result: { ...reply, ...more } });
    const run = await play({
      api: { faults: [{ when: { method: 'DELETE' }, do: { kind: 'answer', status: 200, body: { text } } }] },
      recipients: [mine],
      inputs: { ...inputs, timeout: '4s' },
    });
    expect(run).toMatchObject({ exitCode: 1, outputs: { 'recipient-id': ROW, status: 'associated' } });
    expect(liveRows(run)).toHaveLength(1);
  });

  it('does not believe a DELETE that knows no row while the list shows it', async () => {
    const run = await play({
      api: { faults: [{ when: { method: 'DELETE' }, do: { kind: 'answer', status: 404, code: 1004 } }] },
      recipients: [mine],
      inputs: { ...inputs, timeout: '4s' },
    });
    expect(run.errors[0]?.message).toMatch(/last seen associated; a write was refused \(DELETE .*HTTP 404/);
    expect(run).toMatchObject({ exitCode: 1, outputs: { status: 'associated', changed: 'false' } });
    expect(run.deletes).toHaveLength(1);
  });

  it('with wait: false returns while it is disassociating', async () => {
    const run = await play({
      api: { timeline: { disassociateMs: 'never' } },
      recipients: [mine],
      inputs: { ...inputs, wait: 'false' },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      polls: [],
      outputs: { 'recipient-id': ROW, status: 'disassociating', changed: 'true' },
    });
    expect(run.deletes).toHaveLength(1);
  });

  it('fails at the timeout while it is still disassociating', async () => {
    const run = await play({
      api: { timeline: { disassociateMs: 'never' } },
      recipients: [mine],
      inputs: { ...inputs, timeout: '3s' },
    });
    expect(run).toMatchObject({ exitCode: 1, outputs: { status: 'disassociating', changed: 'true' } });
    expect(run.errors[0]?.message).toContain('not disassociated within 3s');
    expect(run.deletes).toHaveLength(1);
  });

  it('a refusal is told with what Cloudflare said', async () => {
    const fault = { kind: 'answer', status: 409, code: 1020, message: 'The share is locked' } as const;
    const run = await play({
      api: { faults: [{ when: { method: 'DELETE' }, do: fault }] },
      recipients: [mine],
      inputs,
    });
    expect(run).toMatchObject({ exitCode: 1, outputs: { status: 'associated', changed: 'false' } });
    expect(run.errors[0]?.message).toContain('HTTP 409, 1020 The share is locked');
    expect(run.deletes).toHaveLength(1);
    expect(liveRows(run)).toHaveLength(1);
  });

  it('of several accounts touches no row of another', async () => {
    const all = Array.from({ length: 130 }, (_, n) => ({
      accountId: account(n),
      id: `row${n}`,
      status: ['associated', 'associating', 'disassociated', 'associated', 'validating'][n % 5] ?? '',
    }));
    const wanted = all.filter((_, n) => n % 4 === 0);
    const run = await play({
      recipients: all,
      inputs: { ...inputs, 'recipient-account-id': wanted.map((one) => one.accountId).join('\n') },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      posts: [],
      outputs: { status: 'disassociated', changed: 'true' },
    });
    const live = wanted.filter(({ status }) => status !== 'disassociated').map(({ id }) => id);
    expect(run.deletes.map(({ path }) => path.split('/').at(-1)).sort()).toEqual(live.sort());
    const left = run.api.rows(SHARE).filter((row) => row.association_status !== 'disassociated');
    expect(left.map(({ id }) => id)).toEqual(
      all.filter((one) => one.status !== 'disassociated' && !wanted.includes(one)).map(({ id }) => id),
    );
  });

  it('asked for twice does something once', async () => {
    const first = await play({ recipients: [mine], inputs });
    const second = await play({ recipients: [{ ...mine, status: 'disassociated' }], inputs });
    expect([first, second].map(({ outputs }) => outputs['changed'])).toEqual(['true', 'false']);
    expect([first, second].map(({ deletes }) => deletes.length)).toEqual([1, 0]);
  });
});

describe.concurrent('an organization with state: absent', () => {
  const organization = { ...inputs, 'recipient-account-id': '', 'organization-id': ORGANIZATION };

  it.concurrent.each(['account_id', 'organization_id'] as const)(
    'is removed where %s shows it',
    async (organizationRows) => {
      const run = await play({
        api: { organizationRows },
        recipients: [
          { organizationId: ORGANIZATION, id: ROW, status: 'associated' },
          { accountId: OTHER, status: 'associated' },
        ],
        inputs: organization,
      });
      expect(run).toMatchObject({
        exitCode: 0,
        outputs: { 'recipient-id': ROW, status: 'disassociated', changed: 'true' },
      });
      expect(run.deletes.map(({ path }) => path.split('/').at(-1))).toEqual([ROW]);
    },
  );

  it('is not guessed: it fails and says which rows it saw', async () => {
    const run = await play({
      api: { organizationRows: 'neither' },
      recipients: [
        { organizationId: ORGANIZATION, id: ROW, status: 'associated' },
        { accountId: OTHER, id: 'another', status: 'associated' },
      ],
      inputs: organization,
    });
    expect(run).toMatchObject({ exitCode: 1, deletes: [], outputs: { changed: 'false' } });
    expect(run.errors[0]?.message).toContain(ROW);
    expect(run.errors[0]?.message).toContain('another');
  });
});
