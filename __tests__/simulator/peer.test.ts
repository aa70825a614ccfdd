import { Agent, request } from 'node:http';
import Cloudflare, { type APIError } from 'cloudflare';
import { afterEach, describe, expect, it } from 'vitest';
import {
  createSharesApi,
  type SharesApi,
  type SharesApiOptions,
} from '../../simulator/api.ts';
import type { Fault, FaultRule } from '../../simulator/faults.ts';
import { type RunningServer, startServer } from '../../simulator/server.ts';

const OWNER = '023e105f4ecef8ad9ca31a8372d0c353';
const ORGANIZATION = '0aa1b2c3d4e5f60718293a4b5c6d7e8f';
const RECIPIENT = '11111111111111111111111111111111';
const SHARE = '3fd85f74b32742f1bff64a85009dda07';
const MISSING = 'ffffffffffffffffffffffffffffffff';
const ENTITLEMENT = {
  error: 'Recipient is missing necessary entitlement',
  resource_id: '0f8b6c0f7d9e4f5ab1c2d3e4f5061728',
  resource_version: 0,
  terminal: true,
};
const ofAccount = { account_id: OWNER };
const ofShare = { account_id: OWNER, share_id: SHARE };
const withResources = { include_resources: true };
const BASELINE = { accountId: OWNER, shareId: SHARE, name: 'Baseline' };

let server: RunningServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

/**
 * The API on a socket and on a clock that only a test moves, with the official
 * client in front of it.
 */
async function open(options: Omit<SharesApiOptions, 'now'> = {}) {
  const clock = { ms: Date.UTC(2026, 10, 23) };
  const api: SharesApi = createSharesApi({
    shares: [
      { ...BASELINE, organizationId: ORGANIZATION, resources: [{}, {}] },
    ],
    ...options,
    now: () => clock.ms,
  });
  server = await startServer(api);
  const { url } = server;
  const clientWith = (credentials: object) =>
    new Cloudflare({
      ...{ apiToken: null, apiEmail: null, apiKey: null },
      ...credentials,
      baseURL: url,
      maxRetries: 0,
    });
  const client = clientWith({ apiToken: 'token' });
  const { recipients } = client.resourceSharing;
  return {
    api,
    client,
    clientWith,
    clock,
    recipients,
    url,
    /** The recipients of the share, in one response or in a page. */
    list: (query: object = {}) =>
      recipients.list(SHARE, { ...ofAccount, ...query }),
    create: (id: string) =>
      recipients.create(SHARE, {
        path_account_id: OWNER,
        recipient_account_id: id,
      }),
  };
}

/** Every request, or some, meet this fault. */
const failing = (fault: Fault, when: FaultRule['when'] = {}) => ({
  faults: [{ when, do: fault }],
});

/** The errors that the official client makes of rejections. */
async function rejectionsOf(
  ...requests: PromiseLike<unknown>[]
): Promise<APIError[]> {
  const settled = await Promise.allSettled(requests);
  return settled.map((attempt) => {
    expect(attempt).toMatchObject({ reason: expect.any(Cloudflare.APIError) });
    return (attempt as PromiseRejectedResult).reason;
  });
}

describe('the official client against the simulator', () => {
  it('creates a recipient, sees it associate, and removes it softly', async () => {
    const { clock, recipients, list, create } = await open({
      timeline: { associateMs: 5000, disassociateMs: 3000 },
    });
    const created = await create(RECIPIENT);
    expect(created).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      account_id: RECIPIENT,
      association_status: 'associating',
      created: '2026-11-23T00:00:00.000Z',
      modified: '2026-11-23T00:00:00.000Z',
    });
    const { id } = created;

    clock.ms += 5000;
    const settled = { ...ofShare, ...withResources };
    expect(await recipients.get(id, settled)).toMatchObject({
      association_status: 'associated',
      modified: '2026-11-23T00:00:05.000Z',
      resources: [],
    });

    expect(await recipients.delete(id, ofShare)).toMatchObject({
      association_status: 'disassociating',
    });
    clock.ms += 3000;
    expect((await list()).result).toEqual([
      expect.objectContaining({ id, association_status: 'disassociated' }),
    ]);
  });

  it('pages over 250 records', async () => {
    const { api, list } = await open();
    for (let n = 0; n < 250; n += 1)
      api.addRecipient(SHARE, {
        accountId: `account-${n}`,
        status: 'associated',
      });
    const seen: string[] = [];
    for await (const record of list({ page: 1, per_page: 100 }))
      seen.push(record.account_id);
    expect(seen).toHaveLength(250);
    expect(new Set(seen).size).toBe(250);

    const last = await list({ page: 3, per_page: 100 });
    expect(last.result_info).toEqual({
      count: 50,
      page: 3,
      per_page: 100,
      total_count: 250,
      total_pages: 3,
    });
    expect((await list({ page: 2 })).result).toHaveLength(20);
    expect((await list()).result).toHaveLength(250);
    await expect(list({ per_page: 101 })).rejects.toThrow(
      Cloudflare.BadRequestError,
    );
  });

  it('gives resources only to those who ask', async () => {
    const { client, recipients, list, create } = await open({
      timeline: { associateMs: 'never', errors: [ENTITLEMENT] },
    });
    const created = await create(RECIPIENT);
    const get = (query: object) =>
      recipients.get(created.id, { ...ofShare, ...query });
    const share = (query: object) =>
      client.resourceSharing.get(SHARE, { ...ofAccount, ...query });

    for (const reply of [created, await get({}), await share({})])
      expect(reply).not.toHaveProperty('resources');
    expect((await get(withResources)).resources).toEqual([ENTITLEMENT]);
    expect((await list(withResources)).result).toMatchObject([
      { resources: [ENTITLEMENT] },
    ]);
    expect((await share(withResources)).resources).toHaveLength(2);
  });

  it('shows the share, and odd data of it', async () => {
    const shown = { target_type: undefined, status: 'paused' };
    const { client, api } = await open();
    const get = (id: string) => client.resourceSharing.get(id, ofAccount);
    expect(await get(SHARE)).toMatchObject({
      name: 'Baseline',
      status: 'active',
      target_type: 'account',
      organization_id: ORGANIZATION,
    });
    api.addShare({ ...BASELINE, shareId: 'odd', shown });
    const odd = await get('odd');
    expect(odd).toMatchObject({ id: 'odd', kind: 'sent', status: 'paused' });
    expect(odd).not.toHaveProperty('target_type');
  });

  it('lists the shares that an account owns, and those that it gets', async () => {
    const second = 'b2c4d6e8f0a1b3c5d7e9f1a3b5c7d9e1';
    const share = { ...BASELINE, organizationId: ORGANIZATION };
    const { client } = await open({
      shares: [
        { ...share, created: 2000 },
        {
          ...share,
          shareId: second,
          name: 'All',
          created: 1000,
          targetType: 'organization',
          resources: [{}],
        },
        { ...share, shareId: MISSING, name: 'Gone', status: 'deleted' },
        {
          accountId: RECIPIENT,
          shareId: 'theirs',
          name: 'Theirs',
          recipients: [
            { accountId: OWNER, status: 'associated' },
            { accountId: MISSING, status: 'disassociated' },
          ],
        },
      ],
    });
    const list = async (query: object) => {
      const all = { ...ofAccount, ...query };
      return (await client.resourceSharing.list(all)).result;
    };
    const names = async (query: object) =>
      (await list(query)).map(({ name }) => name);
    const active = { kind: 'sent', status: 'active' };
    const whole = { target_type: 'organization' };

    expect(await list(active)).toEqual([
      expect.objectContaining({ id: second, target_type: 'organization' }),
      {
        id: SHARE,
        account_id: OWNER,
        account_name: 'Source account',
        organization_id: ORGANIZATION,
        name: 'Baseline',
        kind: 'sent',
        status: 'active',
        target_type: 'account',
        created: '1970-01-01T00:00:02.000Z',
        modified: '1970-01-01T00:00:02.000Z',
      },
    ]);
    expect(await names({ kind: 'received' })).toEqual(['Theirs']);
    const missing = { kind: 'received', account_id: MISSING };
    expect(await names(missing)).toEqual([]);
    expect(await names({ status: 'deleted' })).toEqual(['Gone']);
    expect(await names(whole)).toEqual(['All']);
    const backwards = { ...active, order: 'name', direction: 'desc' };
    expect(await names(backwards)).toEqual(['Baseline', 'All']);
    const [all] = await list({ ...whole, ...withResources });
    expect(all?.resources).toHaveLength(1);
  });

  it('pages over the shares of an account', async () => {
    const { client } = await open({
      shares: Array.from({ length: 45 }, (_, n) => ({
        ...BASELINE,
        shareId: `share-${n}`,
      })),
    });
    const last = await client.resourceSharing.list({ ...ofAccount, page: 3 });
    expect(last.result_info).toMatchObject({ count: 5, page: 3 });
    const ids = last.result.map(({ id }) => id);
    expect(ids).toEqual([40, 41, 42, 43, 44].map((n) => `share-${n}`));
  });

  it('shows odd data of single records in reads and replies, whatever is true of them', async () => {
    const odd = { account_id: RECIPIENT.toUpperCase(), id: 'odd' };
    const { api, recipients, list, create } = await open({
      shown: { [MISSING]: { association_status: null } },
    });
    const id = api.addRecipient(SHARE, {
      accountId: RECIPIENT,
      status: 'associated',
      shown: odd,
    });
    api.addRecipient(SHARE, {
      status: 'associated',
      shown: { account_id: undefined, resources: 7 },
    });
    expect((await create(MISSING)).association_status).toBeNull();

    const { result } = await list();
    expect(result).toMatchObject([
      { ...odd, association_status: 'associated' },
      { resources: 7 },
      { account_id: MISSING, association_status: null },
    ]);
    expect(result[1]).not.toHaveProperty('account_id');
    expect(await recipients.get('odd', ofShare)).toMatchObject(odd);
    expect(await recipients.get(id, ofShare)).toMatchObject(odd);
    expect(await recipients.delete('odd', ofShare)).toMatchObject({
      ...odd,
      association_status: 'disassociating',
    });
    expect(api.records(SHARE)).toMatchObject([
      { id, account_id: RECIPIENT, association_status: 'disassociating' },
      { association_status: 'associated', resources: [] },
      { account_id: MISSING, association_status: 'associating' },
    ]);
  });

  it('lists a hundred thousand other records in one response', async () => {
    const seeded = { accountId: RECIPIENT, status: 'associating' };
    const { list } = await open({
      shares: [{ ...BASELINE, others: 100_000, recipients: [seeded] }],
    });
    const { result } = await list(withResources);
    expect(result).toHaveLength(100_001);
    expect(new Set(result.map(({ id }) => id)).size).toBe(100_001);
    expect(result[0]).toMatchObject({
      id: expect.stringMatching(/^f0{31}$/),
      account_id: expect.stringMatching(/^f0{31}$/),
      association_status: 'associated',
      resources: [],
    });
    expect(result.at(-1)?.account_id).toBe(RECIPIENT);
  });

  it('delays a list, and nothing else', async () => {
    const delayMs = 300;
    const secondList = {
      method: 'GET',
      pathIncludes: /recipients(\?|$)/,
      nth: 2,
    };
    const { list, client } = await open(
      failing({ kind: 'slow', delayMs }, secondList),
    );
    const began = performance.now();
    await list();
    const slow = list(withResources).then(({ result }) => ({
      result,
      ms: performance.now() - began,
    }));
    const others = await Promise.all([
      client.resourceSharing.get(SHARE, ofAccount),
      list(),
    ]);
    expect(others).toHaveLength(2);
    expect(await slow).toMatchObject({ result: [] });
    expect((await slow).ms).toBeGreaterThanOrEqual(delayMs - 1);
  });

  it('plays a proxy, whose response has any text and no cf-ray', async () => {
    const text = '{"error":"blocked by policy"}';
    const { list } = await open(
      failing({
        kind: 'response',
        status: 403,
        body: { text },
        withoutRay: true,
      }),
    );
    const [rejection] = await rejectionsOf(list());
    expect(rejection?.status).toBe(403);
    expect(rejection?.headers?.has('cf-ray')).toBe(false);
    expect(rejection?.headers?.get('content-type')).toBe('application/json');
    expect(rejection?.error).toEqual(JSON.parse(text));
  });

  it('gets 404 for unknown shares, recipients and foreign owners', async () => {
    const { recipients, list } = await open();
    const rejections = await rejectionsOf(
      recipients.list(MISSING, ofAccount),
      list({ account_id: RECIPIENT }),
      recipients.get(MISSING, ofShare),
      recipients.delete(MISSING, ofShare),
    );
    const notFound = { status: 404, errors: [{ code: 1004 }] };
    expect(rejections).toMatchObject(Array(4).fill(notFound));
  });

  it('reads with a read-only token and with the legacy key pair, and nothing as anybody else', async () => {
    const pair = {
      email: 'ops@example.com',
      key: 'c2547eb745079dac9320b638f5e225cf483cc5cfdda41',
    };
    const { api, clientWith } = await open({
      tokens: ['token'],
      readOnlyTokens: ['reader'],
      keys: [pair],
    });
    const recipientsOf = (credentials: object) =>
      clientWith(credentials).resourceSharing.recipients;
    const { email: apiEmail, key: apiKey } = pair;

    for (const known of [{ apiToken: 'reader' }, { apiEmail, apiKey }]) {
      const page = await recipientsOf(known).list(SHARE, ofAccount);
      expect(page.result).toEqual([]);
    }
    expect(api.requests.at(-1)?.headers).toMatchObject({
      'x-auth-email': apiEmail,
      'x-auth-key': apiKey,
    });

    const target = { path_account_id: OWNER, recipient_account_id: RECIPIENT };
    const rejections = await rejectionsOf(
      recipientsOf({ apiToken: 'reader' }).create(SHARE, target),
      recipientsOf({ apiToken: 'other' }).list(SHARE, ofAccount),
      recipientsOf({ apiEmail, apiKey: 'guess' }).list(SHARE, ofAccount),
    );
    const errors = [{ code: 10000, message: 'Authentication error' }];
    const denied = { status: 403, errors };
    expect(rejections).toMatchObject(Array(3).fill(denied));
  });

  it('shares with the whole organization when the target is missing, and remembers it', async () => {
    const { api, recipients } = await open();
    const created = await recipients.create(SHARE, { path_account_id: OWNER });
    expect(created.account_id).toBe(ORGANIZATION);
    expect(api.wholeOrganizationPosts).toEqual([
      expect.objectContaining({ method: 'POST', body: {} }),
    ]);
    // The client's deprecated parameter goes out under a name the API does not
    // know.
    const deprecated = { path_account_id: OWNER, body_account_id: RECIPIENT };
    await expect(recipients.create(SHARE, deprecated)).rejects.toThrow(
      Cloudflare.ConflictError,
    );
    expect(api.wholeOrganizationPosts).toHaveLength(2);
    expect(api.records(SHARE)).toHaveLength(1);
  });

  it('is blocked over the rate limit of its credential, until the block is over', async () => {
    const { api, clock, list } = await open({
      rateLimit: { quota: 2, windowMs: 30_000, blockMs: 60_000 },
    });
    const { response } = await list().withResponse();
    expect(response.headers.get('ratelimit')).toBe('"default";r=1;t=30');
    expect(response.headers.get('ratelimit-policy')).toBe('"default";q=2;w=30');
    expect(response.headers.get('cf-ray')).toMatch(/^[0-9a-f]{16}-SIM$/);
    await list();
    const [blocked] = await rejectionsOf(list());
    expect(blocked?.headers?.get('retry-after')).toBe('60');

    // The window is over, and the block is not.
    clock.ms += 30_000;
    await rejectionsOf(list());
    clock.ms += 30_000;
    await list();
    await list();
    await rejectionsOf(list());
    expect(api.requests.map(({ status }) => status)).toEqual([
      200, 200, 429, 429, 200, 200, 429,
    ]);
  });
});

describe('what happens to the socket', () => {
  const list = `/accounts/${OWNER}/shares/${SHARE}/recipients`;
  const headers = { authorization: 'Bearer token' };
  const get = (url: string, init: RequestInit = {}) =>
    fetch(`${url}${list}`, { ...init, headers });
  /** Sends on a connection of its own, or on one of the agent. */
  const statusOf = (to: string, agent: Agent | false = false) =>
    new Promise<number | undefined>((resolve, reject) => {
      request(to, { agent, headers }, (response) => {
        response.resume().on('close', () => resolve(response.statusCode));
      })
        .on('error', reject)
        .end();
    });

  it('resets after the change was made', async () => {
    const { api, url } = await open(failing({ kind: 'reset', commit: true }));
    const body = JSON.stringify({ recipient_account_id: RECIPIENT });
    await expect(get(url, { method: 'POST', body })).rejects.toMatchObject({
      cause: { code: 'ECONNRESET' },
    });
    expect(api.records(SHARE)).toHaveLength(1);
    expect(api.requests[0]).toMatchObject({
      delivery: 'reset-after',
      status: 201,
      carriedOut: true,
    });
  });

  it('truncates a body that its length promised whole', async () => {
    const { url } = await open(failing({ kind: 'truncate' }));
    const response = await get(url);
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
  });

  it('sends as many spaces behind the response as it was asked to', async () => {
    const bytes = 3_000_001;
    const { url } = await open(failing({ kind: 'huge', bytes }, { nth: 1 }));
    const padded = await get(url);
    const text = await padded.text();
    expect(padded.headers.get('content-length')).toBe(String(text.length));
    const plain = await (await get(url)).text();
    expect(text).toBe(plain + ' '.repeat(bytes));
  });

  it('streams without end until the peer has enough', async () => {
    const { url } = await open(failing({ kind: 'endless' }));
    const reader = (await get(url)).body?.getReader();
    let bytes = 0;
    while (bytes < 1_000_000)
      bytes += (await reader?.read())?.value?.length ?? 0;
    await reader?.cancel();
    expect(bytes).toBeGreaterThanOrEqual(1_000_000);
  });

  it('hangs, and closes all the same', async () => {
    const { api, url } = await open(failing({ kind: 'hang' }));
    const asked = get(url).catch((error: unknown) => error);
    await expect.poll(() => api.requests.length).toBe(1);
    await server?.close();
    expect(await asked).toBeInstanceOf(Error);
  });

  it('keeps one connection for many requests and shows what it received, without the secrets', async () => {
    const { url } = await open();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let n = 0; n < 3; n += 1) await statusOf(`${url}${list}`, agent);
    expect(server?.connections).toBe(1);
    agent.destroy();
    const log = await (await fetch(new URL('/__requests', url))).text();
    expect(JSON.parse(log)).toHaveLength(3);
    expect(log).not.toContain('Bearer');
  });

  it('does not count the connections of a client of another server', async () => {
    const { url } = await open();
    expect(await statusOf(String(new URL('/elsewhere', url)))).toBe(404);
    expect(server?.connections).toBe(0);
    expect(await statusOf(`${url}${list}`)).toBe(200);
    expect(server?.connections).toBe(1);
  });
});
