import { describe, expect, it } from 'vitest';
import { openShares } from '../../src/cloudflare/shares.ts';
import { TransportError } from '../../src/cloudflare/transport.ts';
import { converse, StillClock } from './conversation.ts';

const row = (n: number) => ({ id: `row-${n}`, account_id: `account-${n}`, association_status: 'associated' });
const rows = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => row(from + n));

/** Reads the list of a server that answers its pages like this, in a world where pauses take no time. */
async function read(
  answer: (
    page: number,
    request: number,
    perPage: number,
  ) => { result: unknown; info?: object | undefined } | 'too-large',
) {
  const asked: number[] = [];
  const clock = new StillClock();
  const http = converse(async ({ url }) => {
    const query = new URL(url).searchParams;
    const page = Number(query.get('page'));
    asked.push(page);
    const told = answer(page, asked.length, Number(query.get('per_page')));
    if (told === 'too-large') throw new TransportError(told);
    const { result, info } = told;
    const body = JSON.stringify({ success: true, result, ...(info && { result_info: info }) });
    return { status: 200, headers: {}, body };
  }, clock);
  const outcome = await openShares(http, 'owner', 'share')
    .list()
    .then(
      (list) => ({ ids: list.map(({ id }) => id), why: null }),
      (error) => ({ ids: [], why: error.why as string }),
    );
  return { ...outcome, asked, tookMs: clock.ms };
}

const ids = (from: number, to: number) => rows(from, to).map(({ id }) => id);

describe('the pages of the list', () => {
  it.each<[string, object | undefined, object | undefined]>([
    ['total_pages', { total_pages: 2 }, { total_pages: 2 }],
    ['total_count', { total_count: 150 }, { total_count: 150 }],
    ['both', { total_pages: 2, total_count: 150 }, { total_pages: 2, total_count: 150 }],
    ['neither, as a page that is full may not be the last', undefined, undefined],
  ])('are read to the last, known by %s', async (_, first, second) => {
    const { ids: seen, asked } = await read((page) =>
      page === 1 ? { result: rows(0, 100), info: first } : { result: rows(100, 150), info: second },
    );
    expect(seen).toEqual(ids(0, 150));
    expect(asked).toEqual([1, 2]);
  });

  it('are read on after one that is full, when what is counted are live rows only', async () => {
    const { ids: seen, asked } = await read((page) => ({
      result: page === 1 ? rows(0, 100) : rows(100, 103),
      info: { total_count: 90 },
    }));
    expect(seen).toEqual(ids(0, 103));
    expect(asked).toEqual([1, 2]);
  });

  it('are read on after one that is as full as the server makes them', async () => {
    const { ids: seen, asked } = await read((page) => ({
      result: page === 1 ? rows(0, 20) : rows(20, 25),
      info: { per_page: 20 },
    }));
    expect(seen).toEqual(ids(0, 25));
    expect(asked).toEqual([1, 2]);
  });

  it('end with a full one when all that are counted were shown', async () => {
    const { asked } = await read(() => ({ result: rows(0, 100), info: { total_count: 100 } }));
    expect(asked).toEqual([1]);
  });

  it('are made shorter where a hundred rows are too large an answer', async () => {
    const { ids: seen, asked } = await read((page, _, perPage) =>
      perPage === 10
        ? { result: rows((page - 1) * 10, Math.min(page * 10, 25)), info: { total_count: 25 } }
        : 'too-large',
    );
    expect(seen).toEqual(ids(0, 25));
    expect(asked).toEqual([1, 1, 2, 3]);
  });

  it('are given up where ten rows are too large as well', async () => {
    const { why, asked } = await read(() => 'too-large');
    expect([why, asked]).toEqual(['too-large', [1, 1]]);
  });

  it.each([null, []])('may be one without rows: %j', async (result) => {
    const { ids: seen, asked } = await read(() => ({ result, info: { total_pages: 0, total_count: 0 } }));
    expect([seen, asked]).toEqual([[], [1]]);
  });

  it('end with a server that knows no pages and shows all rows each time', async () => {
    const { ids: seen, asked } = await read(() => ({ result: rows(0, 150) }));
    expect(seen).toEqual(ids(0, 150));
    expect(asked).toEqual([1, 2]);
  });

  it('are read again when a row fell between two of them', async () => {
    // The second page comes from a server that does not know one of the first hundred rows yet, so row 100 is skipped.
    const {
      ids: seen,
      asked,
      tookMs,
    } = await read((page, request) => {
      const info = { total_pages: 2, total_count: request === 2 ? 101 : 102 };
      if (page === 1) return { result: rows(0, 100), info };
      if (page === 3) return { result: [], info };
      return { result: request === 2 ? rows(101, 102) : rows(100, 102), info };
    });
    expect(seen).toEqual(ids(0, 102));
    expect(asked).toEqual([1, 2, 3, 1, 2]);
    expect(tookMs).toBeGreaterThan(0);
  });

  it('are taken as they are when a row was added between two of them', async () => {
    const { ids: seen, asked } = await read((page) =>
      page === 1
        ? { result: rows(0, 100), info: { total_pages: 2, total_count: 101 } }
        : { result: rows(100, 102), info: { total_pages: 2, total_count: 102 } },
    );
    expect(seen).toEqual(ids(0, 102));
    expect(asked).toEqual([1, 2]);
  });

  it('that never fit together are given up after some more than ten seconds', async () => {
    const { why, tookMs } = await read(() => ({ result: rows(0, 1), info: { total_count: 2 } }));
    expect(why).toBe('incomplete');
    expect(tookMs).toBeGreaterThan(10_000);
    expect(tookMs).toBeLessThan(20_000);
  });

  it('that never end are given up', async () => {
    const { why, asked } = await read((page) => ({
      result: [row(page)],
      info: { total_pages: 1e9 },
    }));
    expect(why).toBe('unreadable');
    expect(asked).toHaveLength(1000);
  });
});

describe('a row', () => {
  const one = async (more: object) =>
    read(() => ({ result: [{ ...row(0), resources: [], ...more }], info: { total_count: 1 } }));

  it.each<[string, object]>([
    ['an id that would reach another path', { id: '../../x' }],
    ['an id of two lines', { id: 'row-0\nx' }],
    ['an id that is a number', { id: 7 }],
    ['an account that would be two', { account_id: 'a,b' }],
    ['an organization with a line break', { organization_id: 'o\n' }],
    ['no status', { association_status: null }],
    ['resources that are no list', { resources: { error: 'x' } }],
    ['a resource that is null', { resources: [null] }],
    ['an error that is no text', { resources: [{ error: { message: 'x' } }] }],
    ['an error that may be final', { resources: [{ error: 'x', terminal: 'true' }] }],
  ])('with %s is not taken', async (_, more) => {
    expect((await one(more)).why).toBe('unreadable');
  });

  it.each<[string, object]>([
    ['members that nobody knows', { brand: { new: [1] } }],
    ['no resources', { resources: null }],
    ['a healthy resource', { resources: [{ error: '', terminal: true }, { error: null }, {}] }],
    ['no account', { account_id: null }],
  ])('with %s is', async (_, more) => {
    expect((await one(more)).ids).toEqual(['row-0']);
  });
});
