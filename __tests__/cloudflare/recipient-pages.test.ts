import { describe, expect, it } from 'vitest';
import type { Envelope } from '../../src/cloudflare/client.ts';
import type { RecipientFilter } from '../../src/cloudflare/recipient-page.ts';
import { RecipientPages } from '../../src/cloudflare/recipient-pages.ts';
import { ACCOUNT, account, clean, OTHER } from '../builders.ts';
import { readPage } from './scripted-api.ts';

/** A record as the API sends it. */
const wire = (id: unknown, accountId: unknown, more: object = {}) => ({
  id,
  account_id: accountId,
  association_status: 'associated',
  ...more,
});

const page = (result: unknown, more: Partial<Envelope> = {}): Envelope => ({
  request: { kind: 'list', method: 'GET', text: 'GET …/recipients' },
  sentMs: 0,
  receivedMs: 0,
  result,
  resultInfo: {},
  ...more,
});

const TIMES = { sentMs: 1, receivedMs: 9 };

function open(filter: Partial<RecipientFilter> = {}) {
  return new RecipientPages({
    targetIds: new Set([ACCOUNT]),
    knownIds: new Set(),
    keepsAll: false,
    before: new Map(),
    clean,
    ...filter,
  });
}

/** Reads these pages, one after the other. */
function readAll(results: unknown[], filter: Partial<RecipientFilter> = {}) {
  const pages = open(filter);
  const added = results.map((result) => readPage(pages, page(result)).addedAny);
  return { ...pages.toList(TIMES), added };
}

function listOf(result: unknown, filter: Partial<RecipientFilter> = {}) {
  const { records, ...rest } = readAll([result], filter);
  return { ids: records.map(({ id }) => id), ...rest };
}

describe('a reading of the list', () => {
  it('has the times of each page, and of the whole', () => {
    const pages = open();
    const times = { sentMs: 5, receivedMs: 7 };
    expect(readPage(pages, page([], times))).toMatchObject(times);
    expect(pages.toList(TIMES)).toMatchObject(TIMES);
  });

  it('counts what a page has, what it may have and whether it adds something', () => {
    const pages = open();
    const first = [wire('r1', ACCOUNT), wire('r2', OTHER)];
    const resultInfo = { per_page: 2 };
    const more = { count: 2, size: 2 };
    expect(readPage(pages, page(first, { resultInfo }))).toMatchObject({
      ...more,
      addedAny: true,
    });
    expect(readPage(pages, page(first, { resultInfo }))).toMatchObject({
      ...more,
      addedAny: false,
    });
    const odd = [wire({}, OTHER), wire({}, OTHER)];
    expect(readPage(pages, page(odd)).addedAny).toBe(false);
    for (const size of [0, null, undefined]) {
      const sized = page([], { resultInfo: { per_page: size } });
      expect(readPage(pages, sized).size).toBeNull();
    }
    // Nobody knows whether there are more pages.
    for (const size of [-1, 0.5, '2', true]) {
      const sized = page([], { resultInfo: { per_page: size } });
      expect(() => readPage(pages, sized)).toThrow('per_page` is not a size');
    }
  });

  it.each([
    ['a target', ACCOUNT],
    ['another account', OTHER],
    ['nobody', null],
  ])('adds something with a record of %s, once', (_, accountId) => {
    const result = [wire('r1', accountId)];
    expect(readAll([result, result]).added).toEqual([true, false]);
  });

  it('has each copy of a record, because pages may be of different age', () => {
    const ended = { association_status: 'disassociating' };
    const { records } = readAll([
      [wire('r1', ACCOUNT, ended), wire('r2', ACCOUNT)],
      [wire('r1', ACCOUNT)],
    ]);
    expect(records.map(({ id, status }) => `${id} ${status}`)).toEqual([
      'r1 disassociating',
      'r2 associated',
      'r1 associated',
    ]);
  });

  it.each([
    [
      { modified: '2026-01-01T00:00:00Z' },
      { modified: '2026-01-02T00:00:00Z' },
    ],
    [{}, {}],
    [{}, { association_status: 'disassociating' }],
  ])(
    'has a terminal error whatever another copy in the response shows: %j, %j',
    (failed, healthy) => {
      const resources = [{ resource_id: 'p', error: 'no', terminal: true }];
      const one = wire('r1', ACCOUNT, { ...failed, resources });
      const other = wire('r1', ACCOUNT, healthy);
      for (const copies of [
        [one, other],
        [other, one],
      ]) {
        const { records } = readAll([copies]);
        expect(records.map(({ errors }) => errors.length)).toEqual([1]);
      }
    },
  );

  it('gives a copy that names no account that of another one', () => {
    const copies = [wire('r1', null), wire('r1', ACCOUNT), wire('r2', OTHER)];
    for (const result of [copies, copies.toReversed()]) {
      const { records, others } = readAll([result]);
      expect(records).toMatchObject([
        { id: 'r1', accountId: ACCOUNT },
        { id: 'r1', accountId: ACCOUNT },
      ]);
      expect(others).toEqual({ accounts: 1, withoutAccount: 0 });
    }
  });

  it.each([
    [{}, {}, 1],
    [{ id: 5 }, { id: 6 }, null],
  ])(
    'may not be full of records without an ID: %j, %j',
    (first, second, added) => {
      const result = [
        { ...wire('r1', OTHER), ...first },
        { ...wire('r2', OTHER), ...second },
      ];
      const read = (size: number) =>
        readPage(open(), page(result, { resultInfo: { per_page: size } }));
      if (added === null) {
        expect(() => read(2)).toThrow('no record of a full page has an ID');
      } else {
        expect(read(2).addedAny).toBe(true);
      }
      expect(read(3).count).toBe(2);
    },
  );

  it('may be full where one of its records has an ID', () => {
    const resultInfo = { per_page: 2 };
    const odd = { association_status: '' };
    const oneOdd = [wire(5, OTHER), wire('r2', OTHER, odd)];
    expect(readPage(open(), page(oneOdd, { resultInfo })).addedAny).toBe(true);
    const healthy = [wire(5, OTHER), wire('r2', ACCOUNT)];
    expect(readPage(open(), page(healthy, { resultInfo })).addedAny).toBe(true);
  });

  it('compares accounts in lower case', () => {
    const { ids, others } = listOf([
      wire('r1', ACCOUNT.toUpperCase()),
      wire('r2', OTHER),
      wire('r3', OTHER.toUpperCase()),
    ]);
    expect([ids, others.accounts]).toEqual([['r1'], 1]);
  });

  it('counts accounts and records without one that are active and not about the run', () => {
    const result = [
      wire('r1', OTHER),
      wire('r2', account(1), { association_status: 'odd' }),
      wire('r3', account(2), { association_status: 'disassociating' }),
      wire('r4', null),
      wire('r5', ''),
      wire('r6', null, { association_status: 'disassociated' }),
      wire('r7', ACCOUNT),
    ];
    const others = { accounts: 2, withoutAccount: 2 };
    const skipped = 0;
    expect(listOf(result)).toMatchObject({ ids: ['r7'], others, skipped });
    expect(listOf(result, { keepsAll: true })).toMatchObject({
      ids: result.map(({ id }) => id),
      others,
      skipped,
    });
  });

  it('counts a record once, under the account that any copy of it names', () => {
    const copies = [wire('r1', null), wire('r1', OTHER)];
    for (const [first, second] of [copies, copies.toReversed()]) {
      const others = { accounts: 1, withoutAccount: 0 };
      expect(readAll([[first, second]])).toMatchObject({ others });
      expect(readAll([[first], [second]])).toMatchObject({ others });
    }
  });

  it.each([false, true])('counts what all pages show: %s', (keepsAll) => {
    const shown = [
      [wire('r1', OTHER), wire('r2', null), wire('r3', null), wire('r4', null)],
      [wire('r5', account(1)), wire('r2', account(2)), wire('r3', ACCOUNT)],
    ];
    expect(readAll([...shown, ...shown], { keepsAll })).toMatchObject({
      added: [true, true, false, false],
      others: { accounts: 3, withoutAccount: 1 },
    });
  });

  it('counts a record once that one copy leaves unreadable', () => {
    const copies = [wire('r1', null), wire('r1', OTHER, { resources: 5 })];
    expect(listOf(copies)).toMatchObject({
      others: { accounts: 0, withoutAccount: 0 },
      skipped: 1,
    });
  });

  it('is of the account that it names, whatever another copy names', () => {
    const copies = [wire('r1', OTHER), wire('r1', ACCOUNT), wire('r1', null)];
    const { records } = readAll([copies], { keepsAll: true });
    expect(records.map(({ accountId }) => accountId)).toEqual([
      OTHER,
      ACCOUNT,
      ACCOUNT,
    ]);
  });

  it('keeps a record that the run has created, whatever account it names', () => {
    const knownIds = new Set(['r1']);
    const result = [wire('r1', OTHER), wire('r2', OTHER)];
    expect(listOf(result, { knownIds }).ids).toEqual(['r1']);
    expect(listOf([wire('r1', null)], { knownIds }).ids).toEqual(['r1']);
  });
});

describe('an odd record', () => {
  const oddities: [string, object][] = [
    ['ID', { id: '../x' }],
    ['ID that no text can be made of', { id: { toString: null } }],
    ['status', { association_status: 5 }],
    ['empty status', { association_status: '' }],
    ['resources', { resources: 5 }],
  ];

  it.each(oddities)(
    'of another account is skipped and counted: %s',
    (_, odd) => {
      const result = [wire('r1', OTHER, odd), wire('r2', ACCOUNT)];
      for (const keepsAll of [false, true]) {
        expect(listOf(result, { keepsAll })).toMatchObject({
          ids: ['r2'],
          skipped: 1,
          others: { accounts: 0 },
        });
      }
    },
  );

  it.each(oddities)(
    'of a target, or of nobody, fails the read: %s',
    (_, odd) => {
      for (const accountId of [ACCOUNT, null, 'a,b']) {
        expect(() => listOf([wire('r1', accountId, odd)])).toThrow(
          'the response is not one of the Shares API: result[0]',
        );
      }
    },
  );

  it('is none where the fault is our own', () => {
    const failing = () => {
      throw new RangeError('a fault of our own');
    };
    const unpublished = wire('r1', OTHER, { association_status: 'odd' });
    expect(() => listOf([unpublished], { clean: failing })).toThrow(RangeError);
  });

  it.each<[string, unknown, string]>([
    ['an object', {}, '`result` is not a list'],
    ['a text', 'x', '`result` is not a list'],
    ['nothing', undefined, '`result` is not a list'],
    [
      'a list with a number',
      [wire('r1', ACCOUNT), 5],
      'result[1] is not an object',
    ],
  ])('is no list: %s', (_, result, what) => {
    expect(() => listOf(result)).toThrow(what);
  });
});

describe('a page that is read again', () => {
  const broken = [wire('r1', OTHER, { id: 5 }), wire('r2', ACCOUNT), 5];
  const whole = [wire('r1', OTHER), wire('r2', ACCOUNT)];

  it('counts as if it had been read once', () => {
    const pages = open();
    expect(() => readPage(pages, page(broken))).toThrow('result[2]');
    expect(readPage(pages, page(whole)).addedAny).toBe(true);
    expect(pages.toList(TIMES)).toMatchObject({ skipped: 0 });
  });

  it('after a null is empty only if it is null again', () => {
    const pages = open();
    expect(() => readPage(pages, page(null))).toThrow('`result` is null');
    expect(() => readPage(pages, page({}))).toThrow('`result` is not a list');
    expect(() => readPage(pages, page(null))).toThrow('`result` is null');
    expect(readPage(pages, page(null)).count).toBe(0);
  });

  it('is read again after each null that follows a list', () => {
    const pages = open();
    expect(() => readPage(pages, page(null))).toThrow('`result` is null');
    expect(readPage(pages, page(whole)).count).toBe(2);
    expect(() => readPage(pages, page(null))).toThrow('`result` is null');
  });
});
