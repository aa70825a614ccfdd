import type { RecipientCreateParams } from 'cloudflare/resources/resource-sharing/recipients';
import { describe, expect, it } from 'vitest';
import type { ApiError } from '../../src/cloudflare/api-error.ts';
import {
  ACCOUNT,
  AN_ACCOUNT,
  AN_ORGANIZATION,
  account,
  firstAccounts,
  ORGANIZATION,
  OTHER,
  OWNER,
  SHARE,
} from '../builders.ts';
import {
  noResponse,
  ok,
  openApi,
  type Reply,
  rejection,
  type ScriptedOptions,
  type Sent,
} from './scripted-api.ts';

const wire = (n: number, accountId: string | null = account(n)) => ({
  id: `r${n}`,
  account_id: accountId,
  association_status: 'associated',
});
const wires = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from) }, (_, n) => wire(from + n));
const ids = (from: number, to: number) => wires(from, to).map(({ id }) => id);

const ALL = '?include_resources=true';
const paged = (number: number, size: number) =>
  `${ALL}&page=${number}&per_page=${size}`;
const ACCOUNT_URL = `https://api.test/v4/accounts/${OWNER}`;
const TOO_LARGE = noResponse({ cause: 'too-large', isRetryable: false });
const now = () => null;

function open(
  respond: (request: Sent, number: number) => Reply,
  options: ScriptedOptions = {},
) {
  const api = openApi(respond, options);
  const run = <T>(work: Promise<T>) =>
    api.clock.run(work.catch((error: ApiError) => error));
  return { ...api, run };
}

/** Reads the list from a server that is asked for pages, or for everything. */
async function list(
  respond: (page: number | null, number: number) => Reply,
  times = 1,
) {
  const { share, run, requests } = open(
    ({ path }, number) => {
      const page = /[&]page=(\d+)/.exec(path)?.[1];
      return respond(page === undefined ? null : Number(page), number);
    },
    { tookMs: 100, inputs: { targets: firstAccounts(250) } },
  );
  let seen = await run(share.listRecipients());
  for (let n = 1; n < times; n++) seen = await run(share.listRecipients());
  const asked = requests.map(({ path }) => path);
  if (seen instanceof Error) return { error: seen, asked };
  const { records, sentMs, receivedMs } = seen;
  return { ids: records.map(({ id }) => id), sentMs, receivedMs, asked };
}

describe('the list of recipients', () => {
  it.each<[string, object | undefined]>([
    ['nothing', undefined],
    ['an empty object', {}],
    ['what counts other things', { total_count: 2000, total_pages: 20 }],
    ['a page that is larger', { per_page: 251 }],
    ['a page of no size', { per_page: 0 }],
  ])('is one request where the response says %s of pages', async (_, info) => {
    const all = ok(wires(0, 250), { result_info: info });
    const { ids: seen, asked } = await list(() => all);
    expect([seen, asked]).toEqual([ids(0, 250), [ALL]]);
  });

  it('is read on where the server paginates, with the size of its first page', async () => {
    const seen = await list((page) => {
      const from = ((page ?? 1) - 1) * 20;
      const result_info = { per_page: page === 2 ? 5 : 20 };
      return ok(wires(from, Math.min(from + 20, 50)), { result_info });
    });
    expect(seen).toMatchObject({
      ids: ids(0, 50),
      asked: [ALL, paged(2, 20), paged(3, 20)],
      sentMs: 0,
      receivedMs: 300,
    });
  });

  it('is read in pages of a hundred where those of the server are larger, which nobody may ask for', async () => {
    const pages = [paged(1, 100), paged(2, 100), paged(3, 100)];
    const { ids: seen, asked } = await list((page) => {
      const size = page === null ? 200 : 100;
      const from = ((page ?? 1) - 1) * size;
      const result_info = { per_page: size };
      return ok(wires(from, Math.min(from + size, 250)), { result_info });
    }, 2);
    expect([seen, asked]).toEqual([ids(0, 250), [ALL, ...pages, ...pages]]);
  });

  it('has the same object for a record that has not changed', async () => {
    const dates = { created: '2026-01-01T00:00:00Z', modified: '' };
    const kept = { ...wire(0), ...dates };
    const replies = ['associating', 'associated'].map((association_status) =>
      ok([kept, { ...wire(1), ...dates, association_status }]),
    );
    const { share, run } = open((_, number) => replies[number - 1] ?? 'hang', {
      inputs: { targets: firstAccounts(2) },
    });
    const before = await run(share.listRecipients());
    const after = await run(share.listRecipients());
    if (before instanceof Error || after instanceof Error) expect.fail();
    expect(after.records[0]).toBe(before.records[0]);
    expect(after.records.map(({ status }) => status)).toEqual([
      'associated',
      'associated',
    ]);
  });

  it('ends with a page that adds nothing, as of a server without pages', async () => {
    const all = ok(wires(0, 20), { result_info: { per_page: 20 } });
    const { ids: seen, asked } = await list(() => all);
    expect([new Set(seen), asked]).toEqual([
      new Set(ids(0, 20)),
      [ALL, paged(2, 20)],
    ]);
  });

  it('is read on after a full page whose last record could not be read at first', async () => {
    const result_info = { per_page: 2 };
    const { ids: seen, asked } = await list((page, number) => {
      if (number === 1) return ok([wire(0), { id: 'r1' }], { result_info });
      return ok(page === 2 ? [wire(2)] : wires(0, 2), { result_info });
    });
    expect([seen, asked]).toEqual([ids(0, 3), [ALL, ALL, paged(2, 2)]]);
  });

  it('was sent with the attempt that succeeded', async () => {
    const { sentMs } = await list((_, number) =>
      number === 1 ? rejection(503) : ok([]),
    );
    expect(sentMs).toBe(600);
  });

  it('is read once more where the result is null', async () => {
    const { ids: seen, asked } = await list(() => ok(null));
    expect([seen, asked]).toEqual([[], [ALL, ALL]]);
  });
});

describe('a list that is larger than a response may be', () => {
  const inPages = (page: number | null) =>
    page === null
      ? TOO_LARGE
      : ok(wires((page - 1) * 100, Math.min(page * 100, 250)));

  it('is read in pages of a hundred, and stays so', async () => {
    const pages = [paged(1, 100), paged(2, 100), paged(3, 100)];
    const { ids: seen, asked } = await list(inPages, 2);
    expect([seen, asked]).toEqual([ids(0, 250), [ALL, ...pages, ...pages]]);
  });

  it('is given up where a page is too large as well', async () => {
    const { error, asked } = await list(() => TOO_LARGE, 2);
    expect(error?.failure.cause).toBe('too-large');
    expect(asked).toEqual([ALL, paged(1, 100), paged(1, 100)]);
  });

  it('is not read in pages where something else is wrong', async () => {
    const { error, asked } = await list(() => rejection(403, 10000), 2);
    expect(error?.failure.cause).toBe('authentication');
    expect(asked).toEqual([ALL, ALL]);
  });
});

describe('the records of other accounts', () => {
  const others = [wire(1, OTHER), wire(2, null), wire(3, ACCOUNT)];

  it.each<[string[], ScriptedOptions['inputs']]>([
    [['r3'], {}],
    [['r3'], { state: 'absent' }],
    [['r1', 'r2', 'r3'], { state: 'exact' }],
    [['r1', 'r2', 'r3'], { targets: [AN_ORGANIZATION] }],
  ])(
    'are kept only where they may be about the run: %j, %j',
    async (kept, inputs) => {
      const { share, clock } = openApi(() => ok(others), {
        inputs: { ...inputs },
      });
      const { records } = await clock.run(share.listRecipients());
      expect(records.map(({ id }) => id)).toEqual(kept);
    },
  );

  it('are kept where the reply to a POST named them', async () => {
    const { share, run } = open(({ method }) =>
      method === 'POST' ? ok({ id: 'r1' }) : ok([wire(1, OTHER)]),
    );
    await run(share.createRecipient(AN_ACCOUNT, now));
    const seen = await run(share.listRecipients());
    expect(seen).toMatchObject({ records: [{ id: 'r1', accountId: OTHER }] });
  });
});

describe('a record of a target', () => {
  it('is kept where a later list does not name its account', async () => {
    const { share, run } = open(
      (_, number) => ok([wire(1, number === 1 ? ACCOUNT : null)]),
      { inputs: { targets: [AN_ACCOUNT] } },
    );
    await run(share.listRecipients());
    const seen = await run(share.listRecipients());
    expect(seen).toMatchObject({
      records: [{ id: 'r1' }],
      others: { withoutAccount: 0 },
    });
  });
});

describe('one recipient', () => {
  it('is read with its resources', async () => {
    const { share, run, requests } = open(() => ok(wire(1)));
    expect(await run(share.getRecipient('r1'))).toMatchObject({ id: 'r1' });
    expect(requests).toMatchObject([
      { method: 'GET', path: '/r1?include_resources=true' },
    ]);
  });

  it('is not another one', async () => {
    const { share, run } = open(() => ok(wire(2)));
    expect(await run(share.getRecipient('r1'))).toMatchObject({
      failure: {
        cause: 'invalid-response',
        reason: expect.stringContaining('`result.id` is not the ID'),
      },
    });
  });
});

describe('a POST', () => {
  it.each([
    ['account', ACCOUNT, { recipient_account_id: ACCOUNT }],
    ['organization', ORGANIZATION, { organization_id: ORGANIZATION }],
  ] as const)('names only its target: %s', async (type, id, body) => {
    const { share, run, requests } = open(() => ok(wire(1)));
    await run(share.createRecipient({ type, id, label: 'x' }, now));
    expect(requests).toMatchObject([{ method: 'POST', path: '' }]);
    // The type is that of the official client.
    const official: Omit<RecipientCreateParams, 'path_account_id'> = body;
    expect(JSON.parse(requests[0]?.body ?? '')).toEqual(official);
  });

  const named = { id: 'r1', account_id: ACCOUNT };
  const bare = (body: object) => ({ body: JSON.stringify(body) });
  const created = async (reply: Reply) => {
    const { share, run, requests } = open(() => reply);
    const written = await run(share.createRecipient(AN_ACCOUNT, now));
    expect(requests).toHaveLength(1);
    return written;
  };

  it.each<Reply>([
    ok(named),
    bare({ result: { id: 'r1' } }),
    bare({ success: false, result: named }),
    { ...ok(named), status: 299 },
  ])('is accepted with %j', async (reply) => {
    expect(await created(reply)).toMatchObject({
      outcome: 'accepted',
      recipient: { id: 'r1', accountId: ACCOUNT, status: 'associating' },
    });
  });

  it.each<[string, Reply]>([
    ['unknown', ok(null)],
    ['unknown', ok({ id: '../x' })],
    ['unknown', ok([named])],
    ['rejected', { ...ok(named), status: 400 }],
  ])('is %s with %j', async (outcome, reply) => {
    expect(await created(reply)).toMatchObject({ outcome });
  });
});

describe('a DELETE', () => {
  it.each<[object, Reply]>([
    [{ outcome: 'accepted', recipient: null }, ok({ surprise: true })],
    [{ outcome: 'unknown' }, { body: '{"result":{"id":"r1"}}' }],
  ])('comes to %j with %j', async (written, reply) => {
    const { share, run, requests } = open(() => reply);
    const seen = await run(share.deleteRecipient('r1', now));
    expect(seen).toMatchObject(written);
    expect(requests).toMatchObject([
      { method: 'DELETE', path: '/r1', body: null },
    ]);
  });

  it('is not sent where it is not its turn', async () => {
    const { share, run, requests } = open(() => ok({}));
    const heldBack = { why: 'stale-list' } as const;
    expect(await run(share.deleteRecipient('r1', () => heldBack))).toEqual({
      outcome: 'heldBack',
      heldBack,
    });
    expect(requests).toEqual([]);
  });
});

describe('the share', () => {
  it('is read with its resources, as often as the caller allows', async () => {
    const { share, run, requests } = open((_, number) =>
      number === 1 ? ok({ name: 'Baseline' }) : rejection(503),
    );
    expect(await run(share.readShare())).toMatchObject({ name: 'Baseline' });
    await run(share.readShare({ maxAttempts: 1 }));
    const url = `${ACCOUNT_URL}/shares/${SHARE}?include_resources=true`;
    expect(requests.map((request) => request.url)).toEqual([url, url]);
  });

  it('is looked up among those of its owner with one attempt', async () => {
    const { share, run, requests } = open((_, number) =>
      number === 1 ? ok([{ id: 's1', name: 'One' }]) : rejection(503),
    );
    const named = { id: 's1', name: 'One' };
    expect(await run(share.listOwnShares())).toEqual([named]);
    await run(share.listOwnShares());
    const url = `${ACCOUNT_URL}/shares?kind=sent&status=active`;
    expect(requests.map((request) => request.url)).toEqual([url, url]);
  });
});
