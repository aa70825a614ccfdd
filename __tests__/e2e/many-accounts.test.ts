import { describe, expect, it } from 'vitest';
import type { LoggedRequest } from '../../simulator/api.ts';
import {
  account,
  accountIn,
  accounts,
  activeRecords,
  LIST_QUERY,
  RECORD,
  type Run,
  runScenario,
} from './scenario.ts';

const POST = { method: 'POST' };
const REJECTED = {
  status: 400,
  code: 1017,
  message: 'Recipient is not in the organization of the share',
};
const withAccounts = (count: number) => ({
  'recipient-account-id': accounts(count).join('\n'),
});
const readsOf = ({ requests }: Run) =>
  requests.filter(({ method }) => method === 'GET').length;
/** The lines that people see without debug logging. */
const logOf = ({ stdout }: Run) =>
  stdout.split('\n').filter((line) => !/^::(debug|add-mask)::/.test(line));
const limited = (requests: readonly LoggedRequest[]) =>
  requests.filter(({ status }) => status === 429);

/**
 * Every account has one active record made by one POST, and the outputs have
 * its ID, in the order given.
 */
function expectAll(run: Run, count: number): void {
  expect(run).toMatchObject({
    exitCode: 0,
    stderr: '',
    errors: [],
    deletes: [],
  });
  expect(run.outputs).toMatchObject({ status: 'associated', changed: 'true' });
  expect(run.posts.filter(({ carriedOut }) => carriedOut)).toHaveLength(count);
  expect(run.records).toHaveLength(count);
  const ids = new Map(
    run.records.map((record) => [record.account_id, record.id]),
  );
  const expected = accounts(count).map((id) => ids.get(id));
  expect(run.recipients.map((one) => one['account_id'])).toEqual(
    accounts(count),
  );
  expect(run.recipients.map((one) => one['recipient_id'])).toEqual(expected);
  expect(run.outputs['recipient-id']?.split('\n')).toEqual(expected);
  // Every poll is one request.
  expect(new Set(run.lists.map(({ query }) => JSON.stringify(query)))).toEqual(
    new Set([JSON.stringify(LIST_QUERY)]),
  );
}

describe.concurrent('many accounts', () => {
  it('are added with one POST each, few reads and about one line each', async () => {
    const run = await runScenario({
      api: {
        timeline: {},
        timelines: Object.fromEntries(
          accounts(60).map((id, n) => [id, { associateReads: n % 4 }]),
        ),
      },
      inputs: withAccounts(60),
    });
    expectAll(run, 60);
    expect(run.posts).toHaveLength(60);
    expect(readsOf(run)).toBeLessThanOrEqual(30);
    expect(run.connections).toBeLessThanOrEqual(4);
    // One line for each at the end, and not one for each poll of each.
    for (const id of accounts(60))
      expect(logOf(run)).toContain(`${id}: added (associated)`);
    expect(logOf(run).length).toBeLessThan(60 + 30);
    expect(run.stdout).toContain('Result: 60 accounts added; ');
  });

  it('are added although one is rejected', async () => {
    const run = await runScenario({
      api: { rejectAccounts: { [account(2)]: REJECTED } },
      inputs: withAccounts(5),
    });
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { status: 'mixed', changed: 'true' },
    });
    expect(run.posts).toHaveLength(5);
    expect(run.records).toHaveLength(4);
    expect(run.recipients).toHaveLength(5);
    for (const [n, one] of run.recipients.entries()) {
      if (n === 2) {
        expect(one).toMatchObject({
          account_id: account(2),
          recipient_id: null,
          status: 'disassociated',
          changed: false,
          error: expect.stringContaining('1017'),
        });
      } else {
        expect(one).toMatchObject({
          account_id: account(n),
          recipient_id: activeRecords(run, account(n))[0]?.id,
          status: 'associated',
          changed: true,
          error: null,
        });
      }
    }
    expect(run.outputs['recipient-id']?.split('\n')[2]).toBe('');
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.message).toContain(account(2));
    expect(run.errors[0]?.message).toContain(`${REJECTED.message} (code 1017)`);
    for (const n of [0, 1, 3, 4])
      expect(run.errors[0]?.message).not.toContain(account(n));
    expect(run.summary).toContain('1 of 5 accounts failed');
  });

  it('are added although one is rejected with a 403 that is no authentication failure', async () => {
    const foreign = {
      status: 403,
      code: 1018,
      message: 'The account is not yours',
    };
    const run = await runScenario({
      api: { rejectAccounts: { [account(0)]: foreign } },
      inputs: withAccounts(12),
    });
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { status: 'mixed', changed: 'true' },
    });
    expect(run.posts).toHaveLength(12);
    expect(run.records).toHaveLength(11);
    expect(run.errors).toMatchObject([
      {
        title: 'Request rejected by Cloudflare',
        message: expect.stringContaining('1018'),
      },
    ]);
  });

  it('that fail for twelve reasons are all reported', async () => {
    const reasons = accounts(12).map((id, n) => [
      id,
      { status: 400, code: 2000 + n, message: `Reason ${'abcdefghijkl'[n]}` },
    ]);
    const run = await runScenario({
      api: { rejectAccounts: Object.fromEntries(reasons) },
      inputs: withAccounts(12),
    });
    expect(run.exitCode).toBe(1);
    // GitHub shows ten of a step. The others are lines of the log.
    expect(run.errors.length).toBeLessThanOrEqual(10);
    const lines = run.stdout
      .split('\n')
      .filter((line) => line.includes('Request rejected by Cloudflare'));
    for (const id of accounts(12))
      expect(lines.join('\n')).toContain(`account ${id}.`);
    expect(
      run.recipients.every((one) =>
        /Reason \w \(code 20\d\d\)/.test(String(one['error'])),
      ),
    ).toBe(true);
  });

  it('are not posted after an authentication failure', async () => {
    const run = await runScenario({
      api: {
        faults: [
          {
            when: { ...POST, nth: 3, times: 99 },
            do: {
              kind: 'response',
              status: 403,
              code: 10000,
              message: 'Authentication error',
            },
          },
        ],
      },
      inputs: withAccounts(30),
    });
    expect(run.exitCode).toBe(1);
    // Two succeeded, then one was rejected; three more may have been on their
    // way.
    expect(run.posts.length).toBeLessThanOrEqual(2 + 4);
    expect(run.records.length).toBe(2);
    expect(run.recipients).toHaveLength(30);
    expect(
      run.recipients.every(
        (one) => one['error'] !== null || one['status'] === 'associated',
      ),
    ).toBe(true);
    expect(
      run.recipients.filter((one) => String(one['error']).includes('10000')),
    ).toHaveLength(28);
    // What was added before is reported, and waited for.
    const known = run.recipients.filter((one) => one['recipient_id'] !== null);
    expect(known.map((one) => one['recipient_id']).sort()).toEqual(
      run.records.map(({ id }) => id).sort(),
    );
    expect(known.map((one) => one['status'])).toEqual([
      'associated',
      'associated',
    ]);
  });

  it('are all held back by a 429, and none is lost', async () => {
    const run = await runScenario({
      api: {
        faults: [
          {
            when: { ...POST, nth: 8, times: 3 },
            do: {
              kind: 'response',
              status: 429,
              code: 971,
              headers: { 'retry-after': '2' },
            },
          },
        ],
      },
      inputs: withAccounts(25),
    });
    expectAll(run, 25);
    expect(run.posts).toHaveLength(25 + 3);
    // Those that were on their way arrive, and the others wait.
    const since = limited(run.requests)[0]?.at ?? 0;
    expect(
      run.requests.filter(({ at }) => at > since && at < since + 1900).length,
    ).toBeLessThanOrEqual(7);
  });

  it('stay within a limit that the server announces, without one 429', async () => {
    const run = await runScenario({
      api: { rateLimit: { quota: 100, windowMs: 5000, blockMs: 5000 } },
      inputs: withAccounts(110),
    });
    expectAll(run, 110);
    expect(limited(run.requests)).toEqual([]);
  });

  it('are handled each on its own: some are there, some are being removed, and some are new', async () => {
    const run = await runScenario({
      recipients: [
        { accountId: account(0), id: RECORD, status: 'associated' },
        {
          accountId: account(1),
          status: 'disassociating',
          settle: { disassociateReads: 1 },
        },
        { accountId: account(2), status: 'disassociated' },
        {
          accountId: account(3),
          status: 'associating',
          settle: { associateReads: 1 },
        },
      ],
      inputs: withAccounts(5),
    });
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: { status: 'associated', changed: 'true' },
    });
    expect(run.posts.map(accountIn).sort()).toEqual([1, 2, 4].map(account));
    expect(run.recipients.map(({ changed }) => changed)).toEqual([
      false,
      true,
      true,
      false,
      true,
    ]);
  });
});

describe.concurrent('a thousand accounts', () => {
  it('are added within the published limit, with a log that people can read', async () => {
    const run = await runScenario({
      api: { timeline: { associateReads: 1 } },
      inputs: withAccounts(1000),
    });
    expectAll(run, 1000);
    expect(limited(run.requests)).toEqual([]);
    expect(run.posts).toHaveLength(1000);
    expect(readsOf(run)).toBeLessThanOrEqual(150);
    expect(logOf(run).length).toBeLessThan(1100);
    expect(Buffer.byteLength(Object.values(run.outputs).join(''))).toBeLessThan(
      1_000_000,
    );
    expect(Buffer.byteLength(run.summary)).toBeLessThan(1_048_576);
  });

  it('are removed within the published limit, with a log that people can read', async () => {
    const run = await runScenario({
      recipients: accounts(1000).map((accountId, n) => ({
        accountId,
        id: `record${n}`,
        status: 'associated',
      })),
      inputs: { ...withAccounts(1000), state: 'absent' },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      posts: [],
      outputs: { status: 'disassociated', changed: 'true' },
    });
    expect(run.deletes).toHaveLength(1000);
    expect(limited(run.requests)).toEqual([]);
    expect(readsOf(run)).toBeLessThanOrEqual(150);
    expect(logOf(run).length).toBeLessThan(1100);
  });
});
