import { describe, expect, it } from 'vitest';
import type { LoggedRequest } from '../../simulator/api.ts';
import { expectAdded } from './expectations.ts';
import {
  account,
  accountIn,
  accounts,
  bodyOf,
  LIST_QUERY,
  ONE_RECORD,
  type Run,
  respondWith,
  runScenario,
  runWithFault,
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

const queries = (lists: readonly LoggedRequest[]) =>
  lists.map(({ query }) => query);

describe.concurrent('a server whose list always says total_count: 2000, as in the published example', () => {
  const api = { pageSize: 20, totalCount: 2000 };

  it('adds one account with one request per poll', async () => {
    const run = await runWithFault(
      { kind: 'response', status: 404, code: 1004 },
      { api, path: ONE_RECORD },
    );
    expectAdded(run);
    // Polls by ID find nothing, so that lists follow.
    expect(run.lists).toHaveLength(2);
    expect(
      new Set(queries(run.lists).map((query) => JSON.stringify(query))),
    ).toEqual(new Set([JSON.stringify(LIST_QUERY)]));
  });

  it('adds several accounts with one request per poll', async () => {
    const run = await runScenario({
      api: { ...api, timeline: { associateReads: 1 } },
      inputs: { 'recipient-account-id': accounts(3).join() },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: { status: 'associated' },
    });
    expect(queries(run.lists)).toEqual(Array(3).fill(LIST_QUERY));
  });
});

describe.concurrent('a server that paginates although it was not asked to', () => {
  const existing = accounts(250).map((accountId, n) => ({
    accountId,
    id: `record${n}`,
    status: 'associated',
  }));
  const all = Array.from({ length: 12 }, (_, n) => `${n + 2}`);

  it('adds nobody twice, with 20 per page and 250 records', async () => {
    // Some are on each page, and the last ones are new.
    const given = [0, 19, 20, 111, 239, 240, 249, 250, 251].map(account);
    const run = await runScenario({
      api: { pageSize: 20, duplicates: 'accept' },
      recipients: existing,
      inputs: { 'recipient-account-id': given.join() },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      errors: [],
      deletes: [],
      outputs: { status: 'associated' },
    });
    expect(run.posts.map(accountIn).sort()).toEqual([250, 251].map(account));
    expect(run.records).toHaveLength(252);
    expect(run.recipients.map(({ changed }) => changed)).toEqual([
      ...Array(7).fill(false),
      ...Array(2).fill(true),
    ]);
    for (const pages of pagesOf(run)) expect(pages).toEqual(['all', ...all]);
    for (const { query } of run.lists.filter(
      (list) => list.query['page'] !== undefined,
    )) {
      expect(query).toEqual({
        ...LIST_QUERY,
        page: query['page'],
        per_page: '20',
      });
    }
  });

  it('removes exactly the given accounts', async () => {
    const run = await runScenario({
      api: { pageSize: 20 },
      recipients: existing,
      inputs: {
        'recipient-account-id': [5, 245].map(account).join(),
        state: 'absent',
      },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: { status: 'disassociated', changed: 'true' },
    });
    const removed = run.records.filter(
      (record) => record.association_status === 'disassociated',
    );
    expect(removed.map((record) => record.account_id)).toEqual(
      [5, 245].map(account),
    );
  });

  it.concurrent.each([
    [19, ['all']],
    [20, ['all', '2']],
  ])('reads on until a page is shorter: %i records', async (count, pages) => {
    const run = await runScenario({
      api: { pageSize: 20 },
      recipients: existing.slice(0, count),
      inputs: { 'recipient-account-id': account(0) },
    });
    expect(run).toMatchObject({ exitCode: 0, posts: [] });
    expect(pagesOf(run)).toEqual([pages]);
  });

  it('ends when a page adds nothing, because the server ignores page', async () => {
    const page = existing.slice(0, 20).map(({ accountId, id, status }) => ({
      id,
      account_id: accountId,
      association_status: status,
    }));
    const info = { page: 1, per_page: 20, total_count: 250, total_pages: 13 };
    const run = await runWithFault(respondWith(bodyOf(page, info)), {
      inputs: { 'recipient-account-id': account(3) },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      posts: [],
      outputs: { 'recipient-id': 'record3' },
    });
    expect(pagesOf(run)).toEqual([['all', '2']]);
  });
});

it('a list that is larger than a response may be is read in pages of 100', async () => {
  const records = accounts(250).map((accountId, n) => ({
    accountId,
    id: `record${n}`,
    status: 'associated',
  }));
  const run = await runScenario({
    api: {
      faults: [
        {
          when: { pathIncludes: /recipients\?include_resources=true$/ },
          do: { kind: 'huge', bytes: 65 * 1024 * 1024 },
        },
      ],
    },
    recipients: records,
    inputs: { 'recipient-account-id': [0, 100, 249, 250].map(account).join() },
  });
  expect(run).toMatchObject({
    exitCode: 0,
    errors: [],
    outputs: { status: 'associated' },
  });
  expect(run.posts.map(accountIn)).toEqual([account(250)]);
  const [first, ...others] = pagesOf(run);
  expect(first).toEqual(['all']);
  // The whole list is not requested again.
  expect(others.length).toBeGreaterThan(1);
  for (const pages of others) expect(pages).toEqual(['1', '2', '3']);
  for (const { query } of run.lists.slice(1))
    expect(query['per_page']).toBe('100');
});
