import { expect, it } from 'vitest';
import { expectSuccess } from './expectations.ts';
import {
  account,
  accountIn,
  LIST_QUERY,
  runScenario,
  seeds,
} from './scenario.ts';

const pages = (first: number, last: number, size: number) =>
  Array.from({ length: last - first + 1 }, (_, n) => ({
    ...LIST_QUERY,
    page: `${first + n}`,
    per_page: `${size}`,
  }));

// Where the pages end is in cloudflare/share.test.ts.
it.concurrent.each([
  // The first response is the first page.
  { pageSize: 20, once: [], always: [LIST_QUERY, ...pages(2, 13, 20)] },
  // Nobody may ask for more than 100.
  { pageSize: 200, once: [LIST_QUERY], always: pages(1, 3, 100) },
])(
  'a server that paginates by $pageSize although it was not asked to is read to its end, and nobody is added twice',
  async ({ pageSize, once, always }) => {
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
    const queries = run.lists.map(({ query }) => query);
    expect(queries.slice(0, once.length)).toEqual(once);
    const lists = queries.slice(once.length);
    expect(lists.length % always.length).toBe(0);
    for (const [n, query] of lists.entries()) {
      expect(query).toEqual(always[n % always.length]);
    }
  },
);
