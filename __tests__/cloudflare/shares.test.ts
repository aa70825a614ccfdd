import type {
  RecipientCreateParams,
  RecipientGetResponse,
} from 'cloudflare/resources/resource-sharing/recipients';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { ApiError } from '../../src/cloudflare/api-error.ts';
import { STATUSES } from '../../src/cloudflare/shares.ts';
import {
  ACCOUNT,
  account,
  ORGANIZATION,
  OTHER,
  OWNER,
  SHARE,
} from '../builders.ts';
import {
  ok,
  openApi,
  type Reply,
  rejection,
  type Sent,
} from './scripted-api.ts';

/** A record as the API sends it. */
const wire = (id: string, more: object = {}) => ({
  id,
  account_id: ACCOUNT,
  association_status: 'associated',
  ...more,
});

function open(respond: (request: Sent, number: number) => Reply) {
  const api = openApi(respond);
  const run = <T>(work: Promise<T>) =>
    api.clock.run(work.catch((error: ApiError) => error));
  return { ...api, run };
}

describe('one recipient', () => {
  const get = async (...replies: Reply[]) => {
    const api = open(
      (_, number) => replies[number - 1] ?? (replies.at(-1) as Reply),
    );
    return { ...api, record: await api.run(api.shares.get('r1')) };
  };

  it('is read with its resources', async () => {
    const resources = [
      { resource_id: 'p1', error: 'later', terminal: false },
      { resource_id: 'p2', error: '', terminal: true },
      { error: 'no entitlement', terminal: true },
      { resource_id: 'p3', error: null },
      { resource_id: 'p4' },
      { resource_id: 'p5', error: 'soon', terminal: null },
    ];
    const dates = {
      created: '2026-01-01T00:00:00Z',
      modified: '2026-01-02T00:00:00Z',
    };
    const { record, requests } = await get(
      ok(wire('r1', { ...dates, resources, brand: { new: [1] } })),
    );
    expect(requests).toMatchObject([
      { method: 'GET', path: '/r1?include_resources=true' },
    ]);
    expect(record).toEqual({
      id: 'r1',
      accountId: ACCOUNT,
      status: 'associated',
      ...dates,
      createdMs: Date.UTC(2026, 0, 1),
      modifiedMs: Date.UTC(2026, 0, 2),
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

  it('keeps twenty resource errors, terminal ones first, and counts the rest', async () => {
    const resources = Array.from({ length: 1_025 }, (_, index) => ({
      error: `e${index}`,
      terminal: index >= 1_000,
    }));
    const { record } = await get(ok(wire('r1', { resources })));
    expect(record).toMatchObject({
      moreErrors: 1_005,
      errors: Array(20).fill({ terminal: true }),
    });
    expect(record).toMatchObject({
      errors: expect.arrayContaining([
        expect.objectContaining({ error: 'e1019' }),
      ]),
    });
  });

  it.each<[string, object, object]>([
    ['no resources', { resources: null }, { errors: [], moreErrors: 0 }],
    ['no account', { account_id: null }, { accountId: '' }],
    ['an empty account', { account_id: '' }, { accountId: '' }],
    [
      'no dates',
      {},
      {
        created: '',
        modified: '',
        createdMs: Number.NaN,
        modifiedMs: Number.NaN,
      },
    ],
    [
      'dates that are none',
      { created: '2026-01-01 x', modified: 5 },
      { created: '', modified: '', createdMs: Number.NaN },
    ],
    [
      'dates behind something',
      { created: 'x 2026-01-01', modified: {} },
      { created: '', modified: '' },
    ],
    [
      'a status of several lines',
      { association_status: 'odd\nstatus' },
      { status: '"odd status"' },
    ],
    [
      'a status that only cleaning makes one',
      { association_status: ' associated\n' },
      { status: '"associated"' },
    ],
    [
      'a long status',
      { association_status: 'x'.repeat(100) },
      { status: `"${'x'.repeat(63)}…"` },
    ],
    [
      'a long error',
      { resources: [{ error: 'x'.repeat(900) }] },
      { errors: [{ error: `${'x'.repeat(299)}…` }] },
    ],
  ])('may have %s', async (_, more, expected) => {
    expect((await get(ok(wire('r1', more)))).record).toMatchObject(expected);
  });

  it.each<[string, unknown, string]>([
    [
      'an ID that would reach another path',
      wire('../../x'),
      'result: `id` is not an ID',
    ],
    ['an ID of two lines', wire('r1\nx'), 'result: `id` is not an ID'],
    ['an ID that is a number', wire(7 as never), 'result: `id` is not an ID'],
    [
      'an account that would be two',
      wire('r1', { account_id: 'a,b' }),
      'result: `account_id` is not an ID',
    ],
    [
      'an account that is an object',
      wire('r1', { account_id: {} }),
      'result: `account_id` is not an ID',
    ],
    [
      'no status',
      wire('r1', { association_status: null }),
      'result: `association_status` is not a status',
    ],
    [
      'an empty status',
      wire('r1', { association_status: '' }),
      'result: `association_status` is not a status',
    ],
    [
      'resources that are no list',
      wire('r1', { resources: {} }),
      'result: `resources` is not a list',
    ],
    [
      'a resource that is null',
      wire('r1', { resources: [null] }),
      'result.resources is not an object',
    ],
    [
      'an error that is no text',
      wire('r1', { resources: [{ error: {} }] }),
      'result: an entry of `resources` is not a resource error',
    ],
    [
      'an error that may be final',
      wire('r1', { resources: [{ error: 'x', terminal: 'true' }] }),
      'result: an entry of `resources` is not a resource error',
    ],
    ['another ID', wire('r2'), '`result.id` is not the ID that was asked for'],
    ['nothing', null, 'result is not an object'],
    ['a list', [wire('r1')], 'result is not an object'],
    ['text', 'r1', 'result is not an object'],
  ])('is rejected with %s, after three attempts', async (_, result, what) => {
    const { record, requests } = await get(ok(result));
    expect(record).toMatchObject({
      reason: `the response is not one of the Shares API: ${what}`,
      detail: 'GET …/recipients/r1',
      is: { failure: 'invalid-response' },
    });
    expect(requests).toHaveLength(3);
  });
});

describe('a status', () => {
  it.each([...STATUSES])(
    'that is published is kept, whatever cleaning does: %s',
    async (status) => {
      const { shares, clock } = openApi(
        () => ok(wire('r1', { association_status: status })),
        {
          clean: () => '***',
        },
      );
      expect((await clock.run(shares.get('r1'))).status).toBe(status);
    },
  );
});

describe('a write', () => {
  it.each([
    [
      'account',
      ACCOUNT,
      { recipient_account_id: ACCOUNT },
      { account_id: ACCOUNT },
    ],
    [
      'organization',
      ORGANIZATION,
      { organization_id: ORGANIZATION },
      { account_id: OTHER },
    ],
  ] as const)(
    'adds an %s with a body that names only it',
    async (type, id, body, named) => {
      const { shares, run, requests } = open(() => ok(wire('r1', named)));
      expect(await run(shares.create({ type, id }, () => 1_000))).toMatchObject(
        { id: 'r1' },
      );
      expect(requests).toMatchObject([{ method: 'POST', path: '' }]);
      // The type is that of the official client.
      const official: Omit<RecipientCreateParams, 'path_account_id'> = body;
      expect(JSON.parse(requests[0]?.body ?? '')).toEqual(official);
    },
  );

  it.each<[string, unknown, string]>([
    [
      'of another account',
      wire('r1', { account_id: OTHER }),
      '`result.account_id` is not the account that was added',
    ],
    [
      'of no account',
      wire('r1', { account_id: null }),
      '`result.account_id` is not the account that was added',
    ],
    ['that is none', null, 'result is not an object'],
  ])(
    'has an unknown outcome with a reply %s, and is not repeated',
    async (_, result, what) => {
      const { shares, run, requests } = open(() => ok(result));
      expect(
        await run(shares.create({ type: 'account', id: ACCOUNT }, () => 1_000)),
      ).toMatchObject({
        reason: `the response is not one of the Shares API: ${what}`,
        detail: 'POST …/recipients',
        is: {
          failure: 'invalid-response',
          retryable: true,
          outcome: 'unknown',
        },
      });
      expect(requests).toHaveLength(1);
    },
  );

  it('removes a recipient, whatever the reply holds', async () => {
    const { shares, run, requests } = open(() => ok({ surprise: true }));
    expect(await run(shares.delete('r1', () => 1_000))).toBeNull();
    expect(requests).toMatchObject([
      { method: 'DELETE', path: '/r1', body: null },
    ]);
  });

  it('is not sent later than it may be', async () => {
    const { shares, run, requests } = open(() =>
      rejection(429, 1, { 'retry-after': '9' }),
    );
    const add = () =>
      run(shares.create({ type: 'account', id: ACCOUNT }, () => 1_000));
    await add();
    expect(await add()).toMatchObject({ is: { outcome: 'not-sent' } });
    expect(await run(shares.delete('r1', () => 1_000))).toMatchObject({
      is: { outcome: 'not-sent' },
    });
    expect(requests).toHaveLength(1);
  });
});

describe('the share', () => {
  it('shows its name and the kinds of its resources', async () => {
    const resources = [
      { resource_id: 'p1', resource_type: 'gateway-policy' },
      { resource_id: 'p2', resource_type: 5 },
      null,
      'x',
    ];
    const { shares, run, requests } = open(() =>
      ok({ name: ' Baseline\npolicies ', resources }),
    );
    const resourceTypes = new Map(
      Object.entries({ p1: 'gateway-policy', p2: '', '': '' }),
    );
    expect(await run(shares.share({}))).toEqual({
      name: 'Baseline policies',
      resourceTypes,
    });
    expect(requests[0]?.url).toBe(
      `https://api.test/v4/accounts/${OWNER}/shares/${SHARE}?include_resources=true`,
    );
  });

  it.each([[{}], [{ name: 5, resources: null }]])(
    'may be %j',
    async (result) => {
      const { shares, run } = open(() => ok(result));
      expect(await run(shares.share({}))).toEqual({
        name: '',
        resourceTypes: new Map(),
      });
    },
  );

  it('is asked for as often as the caller allows', async () => {
    const { shares, run, requests } = open(() => rejection(503));
    await run(shares.share({ maxAttempts: 1 }));
    expect(requests).toHaveLength(1);
  });
});

describe('the published statuses', () => {
  it('are those of the official client', () => {
    expectTypeOf<(typeof STATUSES)[number]>().toEqualTypeOf<
      RecipientGetResponse['association_status']
    >();
    expect(STATUSES).toHaveLength(4);
  });

  it('come in records that are read as the official client describes them', async () => {
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
    const { shares, run } = open(() => ok(official));
    expect(await run(shares.get('r1'))).toMatchObject({
      id: 'r1',
      accountId: account(1),
      status: 'associating',
      errors: [{ resourceId: 'p', error: 'later', terminal: false }],
    });
  });
});
