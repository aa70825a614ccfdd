import type { RecipientGetResponse } from 'cloudflare/resources/resource-sharing/recipients';
import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { ApiError } from '../../src/cloudflare/api-error.ts';
import type { Envelope } from '../../src/cloudflare/client.ts';
import { RecipientPages } from '../../src/cloudflare/recipient-pages.ts';
import {
  decodeCreated,
  decodeRecipient,
  decodeShare,
  decodeShareNames,
  isActiveStatus,
  isId,
  isSameRecipient,
} from '../../src/cloudflare/records.ts';
import { STATUSES } from '../../src/domain.ts';
import {
  ACCOUNT,
  AN_ACCOUNT,
  AN_ORGANIZATION,
  account,
  clean,
  OWNER,
} from '../builders.ts';
import { readPage } from './scripted-api.ts';

const REQUEST = {
  kind: 'recipient',
  method: 'GET',
  text: 'GET …/recipients/r1',
} as const;

/** A record as the API sends it. */
const wire = (more: object = {}) => ({
  id: 'r1',
  account_id: ACCOUNT,
  association_status: 'associated',
  ...more,
});

const LONG = 'x'.repeat(900);
const cutTo = (length: number) => `${'x'.repeat(length - 1)}…`;

const decode = (value: unknown) =>
  decodeRecipient(value, REQUEST, 'result', clean);

const envelopeOf = (result: unknown): Envelope => ({
  request: REQUEST,
  sentMs: 0,
  receivedMs: 0,
  result,
  resultInfo: {},
});

describe('a record', () => {
  const dates = {
    created: '2026-01-01T00:00:00Z',
    modified: '2026-01-02T00:00:00.5+00:00',
  };
  it('has its dates and, terminal ones first, the errors of its resources', () => {
    const resources = [
      { resource_id: 'p1', error: 'later', terminal: false },
      { resource_id: 'p2', error: '', terminal: true },
      { error: 'no entitlement', terminal: true },
      { resource_id: 'p3', error: null },
      { resource_id: 'p4' },
      { resource_id: 'p5', error: 'soon', terminal: null },
    ];
    expect(decode(wire({ ...dates, resources, brand: { new: [1] } }))).toEqual({
      id: 'r1',
      accountId: ACCOUNT,
      status: 'associated',
      ...dates,
      createdMs: Date.UTC(2026, 0, 1),
      modifiedMs: Date.UTC(2026, 0, 2) + 500,
      errors: [
        {
          resourceId: 'without an ID',
          error: 'no entitlement',
          terminal: true,
        },
        { resourceId: 'p1', error: 'later', terminal: false },
        { resourceId: 'p5', error: 'soon', terminal: false },
      ],
      moreErrors: 0,
    });
  });

  it('keeps twenty errors, terminal ones first, and counts the rest', () => {
    const resources = Array.from({ length: 1_025 }, (_, index) => ({
      error: `e${index}`,
      terminal: index >= 1_000,
    }));
    const { errors, moreErrors } = decode(wire({ resources }));
    expect(errors.map(({ error }) => error)).toEqual(
      Array.from({ length: 20 }, (_, n) => `e${1_000 + n}`),
    );
    expect(errors.every(({ terminal }) => terminal)).toBe(true);
    expect(moreErrors).toBe(1_005);
  });

  const NO_DATES = { created: '', modified: '' };
  it.each<[object, object]>([
    [{ resources: null }, { errors: [], moreErrors: 0 }],
    [{ account_id: null }, { accountId: null }],
    [{ account_id: '' }, { accountId: null }],
    [{ account_id: ACCOUNT.toUpperCase() }, { accountId: ACCOUNT }],
    [{}, { ...NO_DATES, createdMs: null, modifiedMs: null }],
    [
      { created: '2026-01-01 x', modified: 5 },
      { ...NO_DATES, createdMs: null },
    ],
    [{ created: 'x2026-01-01', modified: '1'.repeat(41) }, NO_DATES],
    // What only looks like a date.
    [{ created: '99-99' }, { created: '99-99', createdMs: null }],
    [{ association_status: 'odd\nstatus' }, { status: '"odd status"' }],
    // Only cleaning makes it a published one.
    [{ association_status: ' associated\n' }, { status: '"associated"' }],
  ])('may have %j, which is read as %j', (more, expected) => {
    expect(decode(wire(more))).toMatchObject(expected);
  });

  it('has long texts cut', () => {
    const resources = [{ error: LONG, resource_id: 'r' }];
    const seen = decode(wire({ association_status: LONG, resources }));
    expect(seen).toMatchObject({
      status: `"${cutTo(64)}"`,
      errors: [{ error: cutTo(300), resourceId: 'r', terminal: false }],
    });
  });

  it.each(['$(id)', 'a b', 'x'.repeat(65), 7, null])(
    'has no ID of a resource that a shell could run, or that is none: %j',
    (id) => {
      const seen = decode(
        wire({ resources: [{ error: 'e', resource_id: id }] }),
      );
      expect(seen.errors[0]?.resourceId).toBe('without an ID');
    },
  );

  const STATUS = 'result: `association_status` is not a status';
  it.each<[string, unknown]>([
    // A path, two lines, and a number.
    ['result: `id` is not an ID', wire({ id: '../x' })],
    ['result: `id` is not an ID', wire({ id: 'r1\nx' })],
    ['result: `id` is not an ID', wire({ id: 7 })],
    // It would be two.
    ['result: `account_id` is not an ID', wire({ account_id: 'a,b' })],
    ['result: `account_id` is not an ID', wire({ account_id: {} })],
    [STATUS, wire({ association_status: null })],
    [STATUS, wire({ association_status: '' })],
    ['result: `resources` is not a list', wire({ resources: {} })],
    [
      'result.resources: an entry is not an object',
      wire({ resources: [null] }),
    ],
    [
      'result.resources: an error is malformed',
      wire({ resources: [{ error: {} }] }),
    ],
    [
      'result.resources: an error is malformed',
      wire({ resources: [{ error: 'x', terminal: 'true' }] }),
    ],
    ['result is not an object', null],
    ['result is not an object', [wire()]],
    ['result is not an object', 'r1'],
  ])('is not read: %s, %j', (what, value) => {
    expect(() => decode(value)).toThrow(
      `the response is not one of the Shares API: ${what} (GET …/recipients/r1)`,
    );
  });

  it.each([...STATUSES])(
    'keeps a published status, whatever cleaning does: %s',
    (status) => {
      const value = wire({ association_status: status });
      const seen = decodeRecipient(value, REQUEST, 'result', () => '***');
      expect(seen.status).toBe(status);
    },
  );

  it('is read as the official client describes it', () => {
    expectTypeOf<(typeof STATUSES)[number]>().toEqualTypeOf<
      RecipientGetResponse['association_status']
    >();
    const official: RecipientGetResponse = {
      id: 'r1',
      account_id: account(1),
      association_status: 'associating',
      created: '2026-01-01T00:00:00Z',
      modified: '2026-01-01T00:00:00Z',
      resources: [
        {
          error: 'later',
          resource_id: 'p',
          resource_version: 1,
          terminal: false,
        },
      ],
    };
    expect(decode(official)).toMatchObject({
      accountId: account(1),
      status: 'associating',
      errors: [{ resourceId: 'p', error: 'later', terminal: false }],
    });
  });
});

describe('the record in the reply to a POST', () => {
  const created = (result: unknown, target = AN_ACCOUNT) =>
    decodeCreated(envelopeOf(result), target, clean);

  it.each([
    [wire({ created: '2026-01-01T00:00:00Z' })],
    [{ id: 'r1' }],
    [wire({ account_id: account(9) })],
    [wire({ account_id: {}, resources: 5, created: {} })],
  ])('belongs to the target and is `associating`: %j', (result) => {
    expect(created(result)).toMatchObject({
      id: 'r1',
      accountId: ACCOUNT,
      status: 'associating',
      errors: [],
      moreErrors: 0,
    });
  });

  it('has a terminal resource error, as in the published example', () => {
    const entry = { error: 'no entitlement', resource_id: 'p', terminal: true };
    expect(created(wire({ resources: [entry] })).errors).toEqual([
      { resourceId: 'p', error: 'no entitlement', terminal: true },
    ]);
  });

  it('keeps twenty errors, and counts the rest', () => {
    const resources = Array(25).fill({ error: 'later' });
    const { errors, moreErrors } = created(wire({ resources }));
    expect([errors.length, moreErrors]).toEqual([20, 5]);
  });

  it('has its dates, and of an organization no account', () => {
    const result = wire({ created: '2026-01-01T00:00:00Z' });
    expect(created(result, AN_ORGANIZATION)).toMatchObject({
      accountId: null,
      createdMs: Date.UTC(2026, 0, 1),
    });
  });
});

describe('the share', () => {
  it('has its name, its state, its owner and the kinds of its resources', () => {
    const resources = [
      { resource_id: 'p1', resource_type: 'gateway-policy' },
      { resource_id: 'p2', resource_type: 5 },
      null,
      'x',
    ];
    const result = {
      name: ' Baseline\npolicies ',
      status: 'active',
      target_type: 'account',
      kind: 'sent',
      account_id: OWNER.toUpperCase(),
      organization_id: 'ORG',
      resources,
    };
    expect(decodeShare(envelopeOf(result), clean)).toEqual({
      name: 'Baseline policies',
      status: 'active',
      targetType: 'account',
      kind: 'sent',
      accountId: OWNER,
      organizationId: 'org',
      resourceTypes: new Map(
        Object.entries({ p1: 'gateway-policy', p2: '', '': '' }),
      ),
    });
  });

  it.each([
    [{}],
    [{ name: 5, status: {}, kind: 1, account_id: '', resources: null }],
  ])('may lack everything: %j', (result) => {
    expect(decodeShare(envelopeOf(result), clean)).toEqual({
      name: '',
      status: null,
      targetType: null,
      kind: null,
      accountId: null,
      organizationId: null,
      resourceTypes: new Map(),
    });
  });

  it('has long words cut', () => {
    const result = { name: LONG, status: LONG };
    expect(decodeShare(envelopeOf(result), clean)).toMatchObject({
      name: cutTo(300),
      status: cutTo(64),
    });
  });

  it.each([[null], [[]], ['x']])('is not read as %j', (result) => {
    expect(() => decodeShare(envelopeOf(result), clean)).toThrow(
      '`result` is not an object',
    );
  });
});

describe('a list of shares', () => {
  const named = (result: unknown) =>
    decodeShareNames(envelopeOf(result), clean);

  it('names those with an ID', () => {
    const shares = Array.from({ length: 6 }, (_, n) => ({
      id: `s${n}`,
      name: `N\n${n}`,
    }));
    const odd = [null, { id: '../x' }, 'x', { name: 'no ID' }];
    const names = named([...odd, ...shares]);
    expect(names).toHaveLength(6);
    expect(names[0]).toEqual({ id: 's0', name: 'N 0' });
    expect(named([{ id: 's', name: 5 }])).toEqual([{ id: 's', name: '' }]);
    expect(named(null)).toEqual([]);
  });
});

describe('an ID', () => {
  it.each<[unknown, boolean]>([
    ['a-Z_9', true],
    ['x'.repeat(32), true],
    ['x'.repeat(33), false],
    ['', false],
    ['a b', false],
    ['a/b', false],
    ['a\n', false],
    [['a'], false],
    [7, false],
    [null, false],
  ])('%j: %j', (value, is) => {
    expect(isId(value)).toBe(is);
  });
});

describe('a status', () => {
  it('gives access, or will, unless it is that of a removal', () => {
    const words = [...STATUSES, 'odd', ''];
    expect(words.filter(isActiveStatus)).toEqual([
      'associating',
      'associated',
      'odd',
      '',
    ]);
  });
});

describe('a record that was decoded before', () => {
  const complete = wire({
    created: '2026-01-01T00:00:00Z',
    modified: '2026-01-01T00:00:00Z',
    resources: [{ resource_id: 'p1', error: '', terminal: false }],
  });

  it.each([
    complete,
    { ...complete, resources: [] },
    { ...complete, resources: undefined },
    { ...complete, name: 'ignored' },
  ])('is the same: %j', (value) => {
    expect(isSameRecipient(value, decode(complete))).toBe(true);
  });

  it.each<object>([
    { account_id: null },
    { account_id: account(1) },
    { association_status: 'associating' },
    { created: '2026-01-01T00:00:01Z' },
    { modified: '2026-01-01T00:00:01Z' },
    { modified: undefined },
    { resources: {} },
    { resources: [5] },
    { resources: [{ error: '' }, { error: 'no' }] },
  ])('is not certain to be the same with %j', (change) => {
    expect(isSameRecipient({ ...complete, ...change }, decode(complete))).toBe(
      false,
    );
  });

  it('is not certain to be the same with a status that is not published', () => {
    const odd = { ...complete, association_status: 'odd' };
    const quoted = { ...complete, association_status: '"odd"' };
    expect(isSameRecipient(quoted, decode(odd))).toBe(false);
    expect(isSameRecipient(odd, decode(odd))).toBe(false);
  });

  it('is never the same with an error, because that has a text', () => {
    const failed = { ...complete, resources: [{ error: 'no' }] };
    expect(isSameRecipient(failed, decode(failed))).toBe(false);
    expect(isSameRecipient(complete, decode(failed))).toBe(false);
  });

  it('is what would be decoded now, wherever it is called the same', () => {
    const date = fc.constantFrom('2026-01-01T00:00:00Z', '', 'x', undefined);
    const error = fc.constantFrom<unknown>('', 'no', null, undefined, 5);
    const value = fc.record({
      id: fc.constant('r1'),
      account_id: fc.constantFrom<unknown>(ACCOUNT, 'A', 'a', '', null),
      association_status: fc.constantFrom('associated', 'odd', '"odd"'),
      created: date,
      modified: date,
      resources: fc.oneof(
        fc.array(fc.record({ error }), { maxLength: 2 }),
        fc.constantFrom<unknown>(undefined, null, [5]),
      ),
    });
    const decodeIfReadable = (raw: unknown) => {
      try {
        return decode(raw);
      } catch {
        return null;
      }
    };
    fc.assert(
      fc.property(value, value, (first, second) => {
        const before = decodeIfReadable(first);
        if (before && isSameRecipient(second, before))
          expect(decode(second)).toEqual(before);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('a body that somebody has changed', () => {
  /** Objects that break whoever turns them into text, too. */
  const hostile = fc.oneof(
    fc.jsonValue({ maxDepth: 1 }),
    fc.constantFrom<unknown>(
      { toString: null, valueOf: null },
      { length: 1e9 },
      ['r1'],
      'r1',
      '\ud800',
    ),
  );
  const resource = fc.dictionary(
    fc.constantFrom('error', 'terminal', 'resource_id', 'resource_type'),
    hostile,
  );
  const members = fc.dictionary(
    fc.constantFrom(
      'id',
      'account_id',
      'association_status',
      'created',
      'modified',
      'resources',
      'name',
      'status',
      'organization_id',
      '__proto__',
    ),
    fc.oneof(hostile, fc.array(resource, { maxLength: 3 })),
  );
  const record = members.map((change) => wire(change));
  const result = fc.oneof(hostile, record, fc.array(record, { maxLength: 3 }));
  const filter = (keepsAll: boolean) => ({
    targetIds: new Set([ACCOUNT]),
    knownIds: new Set(['r1']),
    keepsAll,
    before: new Map(),
    clean,
  });

  it.each<[string, (envelope: Envelope) => unknown]>([
    ['a recipient', ({ result: value }) => decode(value)],
    ['a created one', (envelope) => decodeCreated(envelope, AN_ACCOUNT, clean)],
    ['a share', (envelope) => decodeShare(envelope, clean)],
    ['a list of shares', (envelope) => decodeShareNames(envelope, clean)],
    ['a list', (page) => readPage(new RecipientPages(filter(false)), page)],
    [
      'a whole list',
      (page) => readPage(new RecipientPages(filter(true)), page),
    ],
  ])('is read as %s, or fails as a response', (_, read) => {
    fc.assert(
      fc.property(result, (value) => {
        try {
          read(envelopeOf(value));
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError);
        }
      }),
      { numRuns: 100 },
    );
  });
});
