import { describe, expect, it } from 'vitest';
import type { ApiError } from '../../src/cloudflare/api-error.ts';
import type { Inputs } from '../../src/inputs.ts';
import {
  ACCOUNT,
  account,
  accounts,
  ORGANIZATION,
  OTHER,
} from '../builders.ts';
import {
  noResponse,
  ok,
  openApi,
  type Reply,
  rejection,
} from './scripted-api.ts';

const wire = (n: number) => ({
  id: `r${n}`,
  account_id: account(n),
  association_status: 'associated',
});
const records = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => wire(from + index));
/** Of these accounts, the list keeps the records. */
const ALL_ACCOUNTS = accounts(
  ...Array.from({ length: 250 }, (_, n) => account(n)),
);
const TOO_LARGE = noResponse('TOO_LARGE');

/**
 * Reads the list from a server that is asked for pages, or for everything where
 * `page` is null.
 */
async function list(
  respond: (
    page: number | null,
    perPage: number | null,
    number: number,
  ) => Reply,
  times = 1,
) {
  const api = openApi(
    ({ path }, number) => {
      const query = new URLSearchParams(path.slice(1));
      const value = (name: string) =>
        query.has(name) ? Number(query.get(name)) : null;
      return respond(value('page'), value('per_page'), number);
    },
    { tookMs: 100, inputs: { targets: ALL_ACCOUNTS } },
  );
  let outcome: { ids?: string[]; sentMs?: number; error?: ApiError } = {};
  for (let n = 0; n < times; n++) {
    outcome = await api.clock.run(
      api.shares.list().then(
        (seen) => ({
          ids: seen.records.map(({ id }) => id),
          sentMs: seen.sentMs,
        }),
        (error: ApiError) => ({ error }),
      ),
    );
  }
  return { ...outcome, asked: api.requests.map(({ path }) => path) };
}

const ids = (from: number, to: number) => records(from, to).map(({ id }) => id);
const ALL = '?include_resources=true';
const page = (number: number, perPage: number) =>
  `${ALL}&page=${number}&per_page=${perPage}`;

describe('the list of recipients', () => {
  it.each<[string, object | undefined]>([
    ['nothing', undefined],
    ['an empty object', {}],
    ['nothing of pages', { count: 250 }],
    [
      'what counts other things',
      { total_count: 2000, total_pages: 20, page: 1 },
    ],
    ['a page that is larger', { per_page: 251, total_count: 2000 }],
    ['a page of no size', { per_page: 0 }],
    ['a page of less than no size', { per_page: -1 }],
    ['a page whose size is no number', { per_page: '250' }],
  ])(
    'is one request without pages, where the response says %s of them',
    async (_, info) => {
      const { ids: seen, asked } = await list(() =>
        ok(records(0, 250), { result_info: info }),
      );
      expect([seen, asked]).toEqual([ids(0, 250), [ALL]]);
    },
  );

  it('is read on where the server has divided it into pages all the same', async () => {
    const { ids: seen, asked } = await list((number, perPage) => {
      const from = ((number ?? 1) - 1) * 20;
      return ok(records(from, Math.min(from + (perPage ?? 20), 50)), {
        result_info: { per_page: 20 },
      });
    });
    expect([seen, asked]).toEqual([
      ids(0, 50),
      [ALL, page(2, 20), page(3, 20)],
    ]);
  });

  it('is read on with the size of the first page, whatever the others say', async () => {
    const { asked } = await list((number) =>
      ok(
        number === 3
          ? []
          : records(((number ?? 1) - 1) * 20, (number ?? 1) * 20),
        {
          result_info: { per_page: number ? 5 : 20 },
        },
      ),
    );
    expect(asked).toEqual([ALL, page(2, 20), page(3, 20)]);
  });

  it('ends with a page that adds nothing, as of a server that knows no pages', async () => {
    const { ids: seen, asked } = await list(() =>
      ok(records(0, 20), { result_info: { per_page: 20 } }),
    );
    expect([seen, asked]).toEqual([ids(0, 20), [ALL, page(2, 20)]]);
  });

  it('has each record once, as the last page shows it', async () => {
    const newer = { ...wire(1), association_status: 'disassociating' };
    const api = openApi(
      ({ path }) =>
        ok(path.includes('page=2') ? [newer] : records(0, 2), {
          result_info: { per_page: 2 },
        }),
      { inputs: { targets: ALL_ACCOUNTS } },
    );
    const { records: seen } = await api.clock.run(api.shares.list());
    expect(seen.map(({ id, status }) => `${id} ${status}`)).toEqual([
      'r0 associated',
      'r1 disassociating',
    ]);
  });

  it('was sent when its first page was', async () => {
    const { sentMs } = await list((number) =>
      ok(number ? [] : records(0, 20), { result_info: { per_page: 20 } }),
    );
    expect(sentMs).toBe(0);
  });

  it('was sent with the attempt that succeeded', async () => {
    const { sentMs } = await list((_, __, number) =>
      number === 1 ? rejection(503) : ok([]),
    );
    expect(sentMs).toBe(600);
  });

  it('is read once more where the result is null, and then empty', async () => {
    expect(await list(() => ok(null))).toMatchObject({
      ids: [],
      asked: [ALL, ALL],
    });
    expect(
      await list((_, __, number) => ok(number === 1 ? null : records(0, 1))),
    ).toMatchObject({
      ids: ['r0'],
    });
  });

  it.each<[string, unknown, string]>([
    ['an object', {}, '`result` is not a list'],
    ['text', 'x', '`result` is not a list'],
    ['a list with something else', [wire(0), 5], 'result[1] is not an object'],
    [
      'a list with a record that is none',
      [wire(0), { id: 'x' }],
      'result[1]: `association_status` is not a status',
    ],
  ])('is rejected as %s', async (_, result, what) => {
    const { error, asked } = await list(() => ok(result));
    expect(error?.reason).toBe(
      `the response is not one of the Shares API: ${what}`,
    );
    expect(asked).toHaveLength(3);
  });

  it('fails with the request', async () => {
    const { error, asked } = await list(() => rejection(403, 10000));
    expect([error?.is.failure, asked]).toEqual(['authentication', [ALL]]);
  });
});

describe('a list that is larger than a response may be', () => {
  const paged = (number: number | null, perPage: number | null) =>
    number === null
      ? TOO_LARGE
      : ok(records((number - 1) * 100, Math.min(number * (perPage ?? 0), 250)));

  it('is read in pages of a hundred', async () => {
    const { ids: seen, asked } = await list(paged);
    expect([seen, asked]).toEqual([
      ids(0, 250),
      [ALL, page(1, 100), page(2, 100), page(3, 100)],
    ]);
  });

  it('is read in pages from then on', async () => {
    const { ids: seen, asked } = await list(paged, 2);
    expect(seen).toEqual(ids(0, 250));
    expect(asked.filter((path) => path === ALL)).toHaveLength(1);
  });

  it('is given up where a page is too large as well', async () => {
    const { error, asked } = await list(() => TOO_LARGE, 2);
    expect([error?.is.failure, asked]).toEqual([
      'too-large',
      [ALL, page(1, 100), page(1, 100)],
    ]);
  });

  it('is given up where it does not end', async () => {
    const { error, asked } = await list((number) =>
      ok(records((number ?? 1) * 10_000, (number ?? 1) * 10_000 + 10_000), {
        result_info: { per_page: 10_000 },
      }),
    );
    expect(error?.reason).toContain('the list does not end');
    expect(asked.length).toBeLessThan(20);
  });

  it('fails with the request where it is not too large', async () => {
    const { error } = await list((number) =>
      number === null ? TOO_LARGE : rejection(404),
    );
    expect(error?.is.failure).toBe('not-found');
  });
});

describe('the records of other accounts', () => {
  const withResources = (resources: unknown) => [
    { ...wire(1), account_id: OTHER, resources },
    { ...wire(2), account_id: null },
    { ...wire(3), account_id: ACCOUNT },
  ];
  const listed = async (
    inputs: Partial<Inputs>,
    resources: unknown = [],
    more: object[] = [],
  ) => {
    const others = withResources(resources);
    const api = openApi(
      ({ path }) =>
        ok(path.includes('page=') ? more : others, {
          result_info: { per_page: 3 },
        }),
      { inputs },
    );
    const { records: seen } = await api.clock.run(api.shares.list());
    return { ids: seen.map(({ id }) => id), requests: api.requests.length };
  };

  it('are left out, and their resources are not read', async () => {
    expect(await listed({}, 'not a list')).toEqual({
      ids: ['r3'],
      requests: 2,
    });
  });

  it('count for the pages', async () => {
    expect(
      await listed({ targets: accounts(account(9)) }, [], [wire(9)]),
    ).toEqual({
      ids: ['r9'],
      requests: 2,
    });
  });

  it('are kept where an organization is the target, as its record may name any of them', async () => {
    const targets = [{ type: 'organization', id: ORGANIZATION }] as const;
    expect((await listed({ targets: [...targets] })).ids).toEqual([
      'r1',
      'r2',
      'r3',
    ]);
  });
});
