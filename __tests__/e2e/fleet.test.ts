import { describe, expect, it } from 'vitest';
import type { LoggedRequest } from '../../simulator/api.ts';
import { account, liveRows, type Played, play, ROW, SHARE, TIMED, TOKEN } from './stage.ts';

const fleet = (size: number) => Array.from({ length: size }, (_, n) => account(n));
const withAccounts = (size: number) => ({ 'recipient-account-id': fleet(size).join('\n') });
const reads = ({ requests }: Played) => requests.filter(({ method }) => method === 'GET').length;
const limited = (requests: readonly LoggedRequest[]) => requests.filter(({ status }) => status === 429);

/** Every account has one live row made by one POST, and the outputs tell its id, in the order given. */
function expectAll(run: Played, size: number): void {
  expect(run).toMatchObject({ exitCode: 0, stderr: '', errors: [], deletes: [], polls: [] });
  expect(run.outputs).toMatchObject({ status: 'associated', changed: 'true' });
  expect(run.posts.filter(({ carriedOut }) => carriedOut)).toHaveLength(size);
  expect(run.api.rows(SHARE)).toHaveLength(size);
  const ids = new Map(run.api.rows(SHARE).map((row) => [row.account_id, row.id]));
  expect(run.recipients.map((one) => one['recipient'])).toEqual(fleet(size));
  expect(run.recipients.map((one) => one['id'])).toEqual(fleet(size).map((id) => ids.get(id)));
  expect(run.outputs['recipient-id']?.split('\n')).toEqual(fleet(size).map((id) => ids.get(id)));
}

describe.concurrent('a fleet', () => {
  it('of 60 needs 60 POSTs and few reads', TIMED, async () => {
    const run = await play({
      api: {
        timeline: {},
        timelines: Object.fromEntries(fleet(60).map((id, n) => [id, { associateMs: 500 + 50 * n }])),
      },
      inputs: withAccounts(60),
    });
    expectAll(run, 60);
    expect(run.posts).toHaveLength(60);
    expect(reads(run)).toBeLessThanOrEqual(30);
    expect(run.ms).toBeLessThan(20_000);
    expect(run.connections).toBeLessThanOrEqual(4);
    // One line for each that is done, and not one for each look at each.
    for (const id of fleet(60)) expect(run.stdout).toContain(id);
    expect(run.stdout.split('\n').length).toBeLessThan(60 * 2 + 30);
    expect(run.stdout).toContain('(60 of 60 done)');
  });

  it('in which one is refused finishes the others', async () => {
    const refused = { status: 400, code: 1017, message: 'Recipient is not in the organization of the share' };
    const run = await play({ api: { refuseAccounts: { [account(2)]: refused } }, inputs: withAccounts(5) });
    expect(run).toMatchObject({ exitCode: 1, outputs: { status: 'mixed', changed: 'true' } });
    expect(run.posts).toHaveLength(5);
    expect(run.api.rows(SHARE)).toHaveLength(4);
    expect(run.recipients).toHaveLength(5);
    for (const [n, one] of run.recipients.entries()) {
      if (n === 2) {
        expect(one).toMatchObject({
          recipient: account(2),
          id: null,
          status: 'disassociated',
          changed: false,
        });
        expect(one['error']).toContain('1017');
      } else {
        expect(one).toMatchObject({
          recipient: account(n),
          id: liveRows(run, account(n))[0]?.id,
          status: 'associated',
          changed: true,
          error: null,
        });
      }
    }
    expect(run.outputs['recipient-id']?.split('\n')[2]).toBe('');
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.message).toContain(account(2));
    expect(run.errors[0]?.message).toContain(`1017 ${refused.message}`);
    for (const n of [0, 1, 3, 4]) expect(run.errors[0]?.message).not.toContain(account(n));
    expect(run.summary).toContain('Failed for 1 of 5 accounts');
  });

  it('in which many are refused for one reason has one annotation', async () => {
    const refused = { status: 400, code: 1017, message: 'Recipient is not in the organization of the share' };
    const run = await play({
      api: { refuseAccounts: Object.fromEntries(fleet(6).map((id) => [id, refused])) },
      inputs: withAccounts(8),
    });
    expect(run.exitCode).toBe(1);
    expect(run.errors).toHaveLength(1);
    for (const id of fleet(6)) expect(run.errors[0]?.message).toContain(id);
    expect(run.posts).toHaveLength(8);
  });

  it('in which twelve fail for twelve reasons drops none of them', async () => {
    const refuseAccounts = Object.fromEntries(
      fleet(12).map((id, n) => [id, { status: 400, code: 2000 + n, message: `Reason ${'abcdefghijkl'[n]}` }]),
    );
    const run = await play({ api: { refuseAccounts }, inputs: withAccounts(12) });
    expect(run.exitCode).toBe(1);
    // GitHub shows ten of a step.
    expect(run.errors.length).toBeLessThanOrEqual(10);
    const told = run.errors.map(({ message }) => message).join('\n');
    for (const id of fleet(12)) expect(told).toContain(id);
    expect(run.recipients.every((one) => /20\d\d Reason \w/.test(String(one['error'])))).toBe(true);
  });

  it.concurrent.each([401, 403])('stops writing at a %i', async (status) => {
    const run = await play({
      api: {
        faults: [
          {
            when: { method: 'POST', nth: 3, times: 99 },
            do: { kind: 'answer', status, code: 10000, message: 'Authentication error' },
          },
        ],
      },
      inputs: withAccounts(30),
    });
    expect(run.exitCode).toBe(1);
    // Two went through, then one was refused; three more may have been on their way.
    expect(run.posts.length).toBeLessThanOrEqual(2 + 4);
    expect(run.api.rows(SHARE).length).toBeLessThanOrEqual(2);
    expect(run.recipients).toHaveLength(30);
    expect(run.recipients.every((one) => one['error'] !== null || one['status'] === 'associated')).toBe(true);
    expect(run.recipients.filter((one) => String(one['error']).includes('10000')).length).toBeGreaterThan(27);
    // What was made before is told.
    const ids = run.recipients.flatMap((one) => (one['id'] === null ? [] : [one['id']]));
    expect(ids.sort()).toEqual(
      run.api
        .rows(SHARE)
        .map(({ id }) => id)
        .sort(),
    );
  });

  it('with lost replies makes each row once', async () => {
    const run = await play({
      api: {
        faults: [2, 3, 7, 11, 12].map((nth) => ({
          when: { method: 'POST', nth },
          do: { kind: 'reset' as const, commit: true },
        })),
      },
      inputs: withAccounts(15),
    });
    expectAll(run, 15);
    expect(run.posts).toHaveLength(15);
  });

  it('with a 429 in the middle holds all of them back and loses none', TIMED, async () => {
    const run = await play({
      api: {
        faults: [
          {
            when: { method: 'POST', nth: 8, times: 3 },
            do: { kind: 'answer', status: 429, code: 971, headers: { 'retry-after': '2' } },
          },
        ],
      },
      inputs: withAccounts(25),
    });
    expectAll(run, 25);
    expect(run.posts).toHaveLength(25 + 3);
    // Those that were on their way are in before half a second is over.
    const since = limited(run.requests)[0]?.at ?? 0;
    expect(run.requests.filter(({ at }) => at > since + 500 && at < since + 1900)).toEqual([]);
  });

  it('keeps inside a limit that it is told of, without one 429', async () => {
    const run = await play({
      api: { rateLimit: { quota: 100, windowMs: 5000, blockMs: 5000 } },
      inputs: withAccounts(110),
    });
    expectAll(run, 110);
    expect(limited(run.requests)).toEqual([]);
    expect(run.stdout.match(/Little of Cloudflare's rate limit/g)).toHaveLength(1);
  });

  it('of which some are there, some are leaving and some are new', async () => {
    const run = await play({
      recipients: [
        { accountId: account(0), id: ROW, status: 'associated' },
        { accountId: account(1), status: 'disassociating', settle: { disassociateMs: 1200 } },
        { accountId: account(2), status: 'disassociated' },
        { accountId: account(3), status: 'associating', settle: { associateMs: 1500 } },
      ],
      inputs: withAccounts(5),
    });
    expect(run).toMatchObject({ exitCode: 0, outputs: { status: 'associated', changed: 'true' } });
    expect(
      run.posts.map(({ body }) => (body as Record<string, string>)['recipient_account_id']).sort(),
    ).toEqual([1, 2, 4].map(account));
    expect(run.recipients.map(({ changed }) => changed)).toEqual([false, true, true, false, true]);
  });
});

describe('a thousand accounts', () => {
  it('finish inside the published limit, and print what a person can read', async () => {
    const run = await play({
      api: { tokens: [TOKEN], timeline: { associateMs: 1000 } },
      inputs: withAccounts(1000),
    });
    expectAll(run, 1000);
    expect(limited(run.requests)).toEqual([]);
    expect(run.posts).toHaveLength(1000);
    expect(reads(run)).toBeLessThanOrEqual(150);
    expect(run.stdout.split('\n').length).toBeLessThan(2500);
    expect(Buffer.byteLength(Object.values(run.outputs).join(''))).toBeLessThan(1_000_000);
    expect(Buffer.byteLength(run.summary)).toBeLessThan(1_048_576);
  });

  it('are removed as well', async () => {
    const run = await play({
      recipients: fleet(1000).map((accountId, n) => ({ accountId, id: `row${n}`, status: 'associated' })),
      inputs: { ...withAccounts(1000), state: 'absent' },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      posts: [],
      outputs: { status: 'disassociated', changed: 'true' },
    });
    expect(run.deletes).toHaveLength(1000);
    expect(limited(run.requests)).toEqual([]);
    expect(reads(run)).toBeLessThanOrEqual(150);
  });
});
