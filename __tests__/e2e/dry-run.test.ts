import { describe, expect, it } from 'vitest';
import { account, ORGANIZATION, type Played, play, RECIPIENT, ROW } from './stage.ts';

const STATES = ['associated', 'associating', 'disassociated', 'disassociating'];
const recipients = STATES.map((status, n) => ({
  accountId: account(n),
  id: `row${n}`,
  status,
  ...(status.endsWith('ing') ? { settle: { associateMs: 'never', disassociateMs: 'never' } as const } : {}),
}));
const fleet = [0, 1, 2, 3, 4].map(account).join('\n');

function expectOnlyReads(run: Played): void {
  expect(run.requests.length).toBeGreaterThan(0);
  expect(run.requests.map(({ method }) => method)).toEqual(run.requests.map(() => 'GET'));
  expect(run.polls).toEqual([]);
}

describe.concurrent('dry-run: true', () => {
  it('plans who would be added, and waits for nobody', async () => {
    const run = await play({ recipients, inputs: { 'recipient-account-id': fleet, 'dry-run': 'true' } });
    expectOnlyReads(run);
    expect(run).toMatchObject({ exitCode: 0, annotations: [] });
    expect(run.outputs).toMatchObject({ status: 'mixed', changed: 'true' });
    expect(run.recipients.map(({ recipient, status, changed }) => [recipient, status, changed])).toEqual([
      [account(0), 'associated', false],
      [account(1), 'associating', false],
      [account(2), 'disassociated', true],
      [account(3), 'disassociating', true],
      [account(4), 'disassociated', true],
    ]);
    for (const line of [
      `= already associated account ${account(0)}`,
      `= already associating account ${account(1)}`,
      `+ share with account ${account(2)}`,
      `+ share with account ${account(3)}`,
      `+ share with account ${account(4)}`,
    ]) {
      expect(run.stdout).toContain(`\n${line}`);
      expect(run.summary.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code))).toContain(line);
    }
    expect(run.stdout).toContain('Plan: 3 of 5 accounts would be added');
    expect(run.summary).toContain('Plan: 3 of 5 accounts would be added');
  });

  it('plans who would be removed', async () => {
    const run = await play({
      recipients,
      inputs: { 'recipient-account-id': fleet, 'dry-run': 'true', state: 'absent' },
    });
    expectOnlyReads(run);
    expect(run).toMatchObject({ exitCode: 0, annotations: [] });
    expect(run.outputs).toMatchObject({ changed: 'true' });
    expect(run.recipients.map(({ changed }) => changed)).toEqual([true, true, false, false, false]);
    expect(run.stdout).toContain(`\n- remove account ${account(0)}`);
    expect(run.stdout).toContain(`\n- remove account ${account(1)}`);
    expect(run.stdout.match(/^- /gm)).toHaveLength(2);
    expect(run.stdout).toContain('Plan: 2 of 5 accounts would be removed');
  });

  it('says when nothing would be done', async () => {
    const run = await play({
      recipients: [{ accountId: RECIPIENT, id: ROW, status: 'associated' }],
      inputs: { 'dry-run': 'true' },
    });
    expectOnlyReads(run);
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: { 'recipient-id': ROW, status: 'associated', changed: 'false' },
    });
  });

  it('does not record a deployment, as nothing is deployed', async () => {
    const run = await play({
      inputs: { 'dry-run': 'true', 'github-token': 'ghs_Zk4Wq9Tn2Bv7Xr5Mc8Jd3Hf6Lp1Gs0YaZk4W' },
      env: (url) => ({ GITHUB_API_URL: url }),
    });
    expectOnlyReads(run);
    expect(run.exitCode).toBe(0);
  });

  it.concurrent.each<[string, object, RegExp]>([
    ['is being deleted', { status: 'deleting' }, /the share is deleting/],
    ['was deleted', { status: 'deleted' }, /the share is deleted/],
    ['is targeted at an organization', { targetType: 'organization' }, /targeted at an organization/],
  ])('finds in the plan that the share %s', async (_, share, why) => {
    const run = await play({ share, inputs: { 'dry-run': 'true' } });
    expectOnlyReads(run);
    expect(run).toMatchObject({ exitCode: 1, outputs: { status: 'disassociated', changed: 'false' } });
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.message).toMatch(why);
    expect(run.stdout).toMatch(/\n! cannot share with account/);
  });

  it('plans for an organization', async () => {
    const run = await play({
      inputs: { 'dry-run': 'true', 'recipient-account-id': '', 'organization-id': ORGANIZATION },
    });
    expectOnlyReads(run);
    expect(run).toMatchObject({ exitCode: 0, outputs: { changed: 'true' } });
    expect(run.stdout).toContain(`+ share with organization ${ORGANIZATION}`);
  });

  it('of a thousand accounts prints each once', async () => {
    const accounts = Array.from({ length: 1000 }, (_, n) => account(n));
    const run = await play({ inputs: { 'dry-run': 'true', 'recipient-account-id': accounts.join('\n') } });
    expectOnlyReads(run);
    expect(run.exitCode).toBe(0);
    expect(run.stdout.match(/^\+ share with /gm)).toHaveLength(1000);
    expect(run.stdout.split('\n').length).toBeLessThan(1020);
    expect(run.recipients).toHaveLength(1000);
    expect(Buffer.byteLength(run.summary)).toBeLessThan(1_048_576);
  });
});

describe.concurrent('without dry-run a share that cannot take the recipient is found before the POST', () => {
  it.concurrent.each([{ status: 'deleting' }, { targetType: 'organization' }] as const)(
    '%o',
    async (share) => {
      const run = await play({ share });
      expectOnlyReads(run);
      expect(run).toMatchObject({ exitCode: 1, outputs: { 'recipient-id': '', changed: 'false' } });
    },
  );
});
