import { describe, expect, it } from 'vitest';
import { expectSuccess } from './expectations.ts';
import {
  account,
  accountIn,
  accounts,
  faultOn,
  LIST_QUERY,
  type Run,
  runScenario,
  seeds,
} from './scenario.ts';

/**
 * The pages that were requested, one array for each time that the list was
 * read.
 */
function pagesOf({ lists }: Run): string[][] {
  const reads: string[][] = [];
  for (const { query } of lists) {
    if (query['page'] === undefined || query['page'] === '1') reads.push([]);
    reads.at(-1)?.push(query['page'] ?? 'all');
  }
  return reads;
}

it.concurrent('a list that always says total_count: 2000, as in the published example, is one request', async () => {
  const run = await runScenario({
    targets: accounts(3),
    api: { pageSize: 20, totalCount: 2000 },
    timeline: { associateReads: 1 },
  });
  expectSuccess(run, { status: 'associated' });
  expect(run.lists.map(({ query }) => query)).toEqual(
    Array(3).fill(LIST_QUERY),
  );
});

// Where the pages end is in cloudflare/share.test.ts.
describe.concurrent('a server that paginates although it was not asked to', () => {
  const pages = ['all', ...Array.from({ length: 12 }, (_, n) => `${n + 2}`)];

  it('adds nobody twice, with 20 per page and 250 records', async () => {
    // Some are on each page, and the last ones are new.
    const run = await runScenario({
      targets: [0, 19, 20, 111, 239, 240, 249, 250, 251].map(account),
      api: { pageSize: 20, duplicates: 'accept' },
      recipients: seeds(250),
    });
    expectSuccess(run, { status: 'associated' });
    expect(run.deletes).toEqual([]);
    expect(run.posts.map(accountIn).sort()).toEqual([250, 251].map(account));
    expect(run.records).toHaveLength(252);
    expect(run.recipients.map(({ changed }) => changed)).toEqual([
      ...Array(7).fill(false),
      ...Array(2).fill(true),
    ]);
    for (const read of pagesOf(run)) expect(read).toEqual(pages);
    for (const { query } of run.lists) {
      const { page } = query;
      expect(query).toEqual(
        page === undefined
          ? LIST_QUERY
          : { ...LIST_QUERY, page, per_page: '20' },
      );
    }
  });

  it('removes exactly the given accounts', async () => {
    const run = await runScenario({
      targets: [5, 245].map(account),
      api: { pageSize: 20 },
      recipients: seeds(250),
      inputs: { state: 'absent' },
    });
    expectSuccess(run, { status: 'disassociated', changed: 'true' });
    const removed = run.records.filter(
      (one) => one.association_status === 'disassociated',
    );
    expect(removed.map((one) => one.account_id)).toEqual([5, 245].map(account));
  });
});

it.concurrent('a list that is larger than a response may be is read in pages of 100', async () => {
  const huge = { kind: 'huge', bytes: 65 * 1024 * 1024 } as const;
  const run = await runScenario({
    targets: [0, 100, 249, 250].map(account),
    recipients: seeds(250),
    faults: [faultOn(/recipients\?include_resources=true$/, huge)],
  });
  expectSuccess(run, { status: 'associated' });
  expect(run.posts.map(accountIn)).toEqual([account(250)]);
  const [first, ...others] = pagesOf(run);
  expect(first).toEqual(['all']);
  // The whole list is not requested again.
  expect(others.length).toBeGreaterThan(1);
  for (const read of others) expect(read).toEqual(['1', '2', '3']);
  for (const { query } of run.lists.slice(1))
    expect(query['per_page']).toBe('100');
});
