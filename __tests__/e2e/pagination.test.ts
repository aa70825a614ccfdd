import { expect, it } from 'vitest';
import { expectSuccess } from './expectations.ts';
import {
  account,
  accountIn,
  LIST_QUERY,
  runScenario,
  seeds,
} from './scenario.ts';

const PAGES = [undefined, ...Array.from({ length: 12 }, (_, n) => `${n + 2}`)];

// Where the pages end is in cloudflare/share.test.ts.
it('a server that paginates although it was not asked to is read to its end, and nobody is added twice', async () => {
  // Some of 250 records are on each page of 20, and the last ones are new.
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
  for (const [n, { query }] of run.lists.entries()) {
    const page = PAGES[n % PAGES.length];
    expect(query).toEqual(
      page === undefined ? LIST_QUERY : { ...LIST_QUERY, page, per_page: '20' },
    );
  }
  expect(run.lists.length % PAGES.length).toBe(0);
});
