import { describe, expect, it } from 'vitest';
import type { LoggedRequest } from '../../simulator/api.ts';
import { expectFailure, expectSuccess } from './expectations.ts';
import {
  account,
  accountIn,
  accounts,
  activeRecords,
  faultOn,
  LIST_QUERY,
  REJECTED,
  type Run,
  runScenario,
  seed,
  seeds,
} from './scenario.ts';

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
  expectSuccess(run, { status: 'associated', changed: 'true' });
  expect(run.deletes).toEqual([]);
  expect(run.posts.filter(({ carriedOut }) => carriedOut)).toHaveLength(count);
  expect(run.records).toHaveLength(count);
  const ids = new Map(run.records.map((one) => [one.account_id, one.id]));
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
  it('are added although one is rejected', async () => {
    const run = await runScenario({
      targets: accounts(5),
      api: { rejectAccounts: { [account(2)]: REJECTED } },
    });
    expectFailure(
      run,
      'Request rejected by Cloudflare',
      account(2),
      `${REJECTED.message} (code 1017)`,
    );
    for (const n of [0, 1, 3, 4])
      expect(run.errors[0]?.message).not.toContain(account(n));
    expect(run.outputs).toMatchObject({ status: 'mixed', changed: 'true' });
    expect(run.outputs['recipient-id']?.split('\n')[2]).toBe('');
    expect(run.summary).toContain('1 of 5 accounts failed');
    expect(run.posts).toHaveLength(5);
    expect(run.records).toHaveLength(4);
    const added = (n: number) => ({
      account_id: account(n),
      recipient_id: activeRecords(run, account(n))[0]?.id,
      status: 'associated',
      changed: true,
      error: null,
    });
    expect(run.recipients).toMatchObject([
      added(0),
      added(1),
      {
        account_id: account(2),
        recipient_id: null,
        status: 'disassociated',
        changed: false,
        error: expect.stringContaining('1017'),
      },
      added(3),
      added(4),
    ]);
  });

  it('are all held back by a 429, and none is lost', async () => {
    const limit = {
      kind: 'response',
      status: 429,
      code: 971,
      headers: { 'retry-after': '2' },
    } as const;
    const run = await runScenario({
      targets: accounts(25),
      faults: [faultOn('POST', limit, { nth: 8, times: 3 })],
    });
    expectAll(run, 25);
    expect(run.posts).toHaveLength(25 + 3);
    // Those that were on their way arrive, and the others wait.
    const since = limited(run.requests)[0]?.at ?? 0;
    expect(
      run.requests.filter(({ at }) => at > since && at < since + 1900).length,
    ).toBeLessThanOrEqual(7);
  });

  it('are handled each on its own: some are there, some are being removed, and some are new', async () => {
    const run = await runScenario({
      targets: accounts(5),
      recipients: [
        seed(0),
        seed(1, {
          status: 'disassociating',
          settle: { disassociateReads: 1 },
        }),
        seed(2, { status: 'disassociated' }),
        seed(3, { status: 'associating', settle: { associateReads: 1 } }),
      ],
    });
    expectSuccess(run, { status: 'associated', changed: 'true' });
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

/** A run for a thousand accounts, each with one write. */
function expectFrugal(run: Run): void {
  expect(limited(run.requests)).toEqual([]);
  expect(readsOf(run)).toBeLessThanOrEqual(150);
  expect(run.connections).toBeLessThanOrEqual(4);
  // One line for each at the end, and not one for each poll of each.
  expect(logOf(run).length).toBeLessThan(1100);
  expect(Buffer.byteLength(Object.values(run.outputs).join(''))).toBeLessThan(
    1_000_000,
  );
  expect(Buffer.byteLength(run.summary)).toBeLessThan(1_048_576);
}

describe.concurrent('a thousand accounts', () => {
  it('are added within the published limit, with a log that people can read', async () => {
    const run = await runScenario({
      targets: accounts(1000),
      timeline: { associateReads: 1 },
    });
    expectAll(run, 1000);
    expect(run.posts).toHaveLength(1000);
    expectFrugal(run);
    const log = new Set(logOf(run));
    for (const id of accounts(1000))
      expect(log).toContain(`${id}: added (associated)`);
    expect(run.stdout).toContain('Result: 1,000 accounts added; ');
  });

  it('are removed within the published limit, with a log that people can read', async () => {
    const run = await runScenario({
      targets: accounts(1000),
      recipients: seeds(1000),
      inputs: { state: 'absent' },
    });
    expectSuccess(run, { status: 'disassociated', changed: 'true' });
    expect(run.posts).toEqual([]);
    expect(run.deletes).toHaveLength(1000);
    expectFrugal(run);
  });
});
