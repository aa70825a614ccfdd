import { expect, it } from 'vitest';
import { expectSuccess } from './expectations.ts';
import {
  account,
  accountIn,
  LIST_QUERY,
  runScenario,
  seeds,
} from './scenario.ts';

/** Nobody may ask for more than 100. */
const PAGES = ['1', '2', '3'].map((page) => ({
  ...LIST_QUERY,
  page,
  per_page: '100',
}));

// Where the pages end is in cloudflare/share.test.ts.
it.concurrent.each([20, 200])(
  'a server that paginates by %d although it was not asked to is read to its end, and nobody is added twice',
  async (pageSize) => {
    // Some of 250 records are on each page of 20, and the last ones are new.
    const run = await runScenario({
      targets: [0, 19, 20, 111, 239, 240, 249, 250, 251].map(account),
      api: { pageSize, duplicates: 'accept' },
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
    const [first, ...others] = run.lists.map(({ query }) => query);
    expect(first).toEqual(LIST_QUERY);
    expect(others.length % PAGES.length).toBe(0);
    for (const [n, query] of others.entries()) {
      expect(query).toEqual(PAGES[n % PAGES.length]);
    }
  },
);
