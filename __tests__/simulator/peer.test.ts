import { Agent, request } from 'node:http';
import Cloudflare from 'cloudflare';
import { afterEach, describe, expect, it } from 'vitest';
import {
  createSharesApi,
  type SharesApi,
  type SharesApiOptions,
} from '../../simulator/api.ts';
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

let server: RunningServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

/**
 * The API on a socket and on a clock that only a test moves, with the official
 * client in front of it.
 */
async function open(
  options: Omit<SharesApiOptions, 'now'> = {},
  credentials: object = { apiToken: 'token' },
) {
  const clock = { ms: Date.UTC(2026, 10, 23) };
  const api: SharesApi = createSharesApi({
    shares: [
      {
        accountId: OWNER,
        shareId: SHARE,
        name: 'Baseline',
        organizationId: ORGANIZATION,
        resources: [{}, {}],
      },
    ],
    ...options,
    now: () => clock.ms,
  });
  server = await startServer(api);
  const none = { apiToken: null, apiEmail: null, apiKey: null };
  const client = new Cloudflare({
    ...none,
    ...credentials,
    baseURL: server.url,
    maxRetries: 0,
  });
  return {
    api,
    client,
    clock,
    recipients: client.resourceSharing.recipients,
    url: server.url,
  };
}

describe('the official client against the simulator', () => {
  it('creates a recipient, sees it associate, and removes it softly', async () => {
    const { clock, recipients } = await open({
      timeline: { associateMs: 5000, disassociateMs: 3000 },
    });
    const created = await recipients.create(SHARE, {
      path_account_id: OWNER,
      recipient_account_id: RECIPIENT,
    });
    expect(created).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      account_id: RECIPIENT,
      association_status: 'associating',
      created: '2026-11-23T00:00:00.000Z',
      modified: '2026-11-23T00:00:00.000Z',
    });
    clock.ms += 5000;
    const settled = await recipients.get(created.id, {
      ...ofShare,
      include_resources: true,
    });
    expect(settled).toMatchObject({
      association_status: 'associated',
      resources: [],
    });
    expect(settled.modified).toBe('2026-11-23T00:00:05.000Z');

    expect(await recipients.delete(created.id, ofShare)).toMatchObject({
      association_status: 'disassociating',
    });
    clock.ms += 3000;
    const [record, ...more] = (await recipients.list(SHARE, ofAccount)).result;
    expect(record).toMatchObject({
      id: created.id,
      association_status: 'disassociated',
    });
    expect(more).toEqual([]);
  });

  it('pages over 250 records', async () => {
    const { api, recipients } = await open();
    for (let n = 0; n < 250; n += 1)
      api.addRecipient(SHARE, {
        accountId: `account-${n}`,
        status: 'associated',
      });
    const seen: string[] = [];
    for await (const record of recipients.list(SHARE, {
      ...ofAccount,
      page: 1,
      per_page: 100,
    })) {
      seen.push(record.account_id);
    }
    expect(seen).toHaveLength(250);
    expect(new Set(seen).size).toBe(250);

    const last = await recipients.list(SHARE, {
      ...ofAccount,
      page: 3,
      per_page: 100,
    });
    expect(last.result_info).toEqual({
      count: 50,
      page: 3,
      per_page: 100,
      total_count: 250,
      total_pages: 3,
    });
    expect(
      (await recipients.list(SHARE, { ...ofAccount, page: 2 })).result,
    ).toHaveLength(20);
    expect((await recipients.list(SHARE, ofAccount)).result).toHaveLength(250);
    await expect(
      recipients.list(SHARE, { ...ofAccount, per_page: 101 }),
    ).rejects.toThrow(Cloudflare.BadRequestError);
  });

  it('gives resources only to those who ask', async () => {
    const { recipients } = await open({
      timeline: { associateMs: 'never', errors: [ENTITLEMENT] },
    });
    const created = await recipients.create(SHARE, {
      path_account_id: OWNER,
      recipient_account_id: RECIPIENT,
    });
    expect(created).not.toHaveProperty('resources');
    expect(await recipients.get(created.id, ofShare)).not.toHaveProperty(
      'resources',
    );
    const asked = await recipients.get(created.id, {
      ...ofShare,
      include_resources: true,
    });
    expect(asked.resources).toEqual([ENTITLEMENT]);
    const [listed] = (
      await recipients.list(SHARE, { ...ofAccount, include_resources: true })
    ).result;
    expect(listed?.resources).toEqual([ENTITLEMENT]);
  });

  it('shows the share with its resources', async () => {
    const { client } = await open();
    const plain = await client.resourceSharing.get(SHARE, ofAccount);
    expect(plain).toMatchObject({
      name: 'Baseline',
      status: 'active',
      target_type: 'account',
      organization_id: ORGANIZATION,
    });
    expect(plain).not.toHaveProperty('resources');
    const full = await client.resourceSharing.get(SHARE, {
      ...ofAccount,
      include_resources: true,
    });
    expect(full.resources).toHaveLength(2);
  });

  it('lists the shares that an account owns, and those that it gets', async () => {
    const second = 'b2c4d6e8f0a1b3c5d7e9f1a3b5c7d9e1';
    const share = { accountId: OWNER, organizationId: ORGANIZATION };
    const { client } = await open({
      shares: [
        { ...share, shareId: SHARE, name: 'Baseline', created: 2000 },
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
    const list = async (query: object, account_id = OWNER) => {
      const page = await client.resourceSharing.list({ account_id, ...query });
      return page.result.map(({ name }) => name);
    };
    const active = { kind: 'sent', status: 'active' } as const;
    const { result } = await client.resourceSharing.list({
      ...ofAccount,
      ...active,
    });
    expect(result).toEqual([
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
    expect(await list({ kind: 'received' })).toEqual(['Theirs']);
    expect(await list({ kind: 'received' }, MISSING)).toEqual([]);
    expect(await list({ status: 'deleted' })).toEqual(['Gone']);
    expect(await list({ target_type: 'organization' })).toEqual(['All']);
    expect(await list({ ...active, order: 'name', direction: 'desc' })).toEqual(
      ['Baseline', 'All'],
    );

    const [all] = (
      await client.resourceSharing.list({
        ...ofAccount,
        target_type: 'organization',
        include_resources: true,
      })
    ).result;
    expect(all?.resources).toHaveLength(1);
  });

  it('pages over the shares of an account', async () => {
    const { client } = await open({
      shares: Array.from({ length: 45 }, (_, n) => ({
        accountId: OWNER,
        shareId: `share-${n}`,
        name: `Share ${n}`,
      })),
    });
    const seen: string[] = [];
    for await (const share of client.resourceSharing.list({
      ...ofAccount,
      kind: 'sent',
      per_page: 20,
    }))
      seen.push(share.id);
    expect(new Set(seen).size).toBe(45);
    const last = await client.resourceSharing.list({ ...ofAccount, page: 3 });
    expect(last.result_info).toEqual({
      count: 5,
      page: 3,
      per_page: 20,
      total_count: 45,
      total_pages: 3,
    });
  });

  it('shows odd data of single records in reads and replies, whatever is true of them', async () => {
    const odd = { account_id: RECIPIENT.toUpperCase(), id: 'odd' };
    const { api, recipients } = await open({
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
    const created = await recipients.create(SHARE, {
      path_account_id: OWNER,
      recipient_account_id: MISSING,
    });
    expect(created.association_status).toBeNull();

    const { result } = await recipients.list(SHARE, ofAccount);
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

  it('shows odd data of a share', async () => {
    const { client } = await open({
      shares: [
        {
          accountId: OWNER,
          shareId: SHARE,
          name: 'Baseline',
          shown: { target_type: undefined, status: 'paused' },
        },
      ],
    });
    const share = await client.resourceSharing.get(SHARE, ofAccount);
    expect(share).toMatchObject({ id: SHARE, kind: 'sent', status: 'paused' });
    expect(share).not.toHaveProperty('target_type');
  });

  it('lists a hundred thousand other records in one response', async () => {
    const { recipients } = await open({
      shares: [
        {
          accountId: OWNER,
          shareId: SHARE,
          name: 'Baseline',
          others: 100_000,
          recipients: [{ accountId: RECIPIENT, status: 'associating' }],
        },
      ],
    });
    const { result } = await recipients.list(SHARE, {
      ...ofAccount,
      include_resources: true,
    });
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
    const { recipients, client } = await open({
      faults: [
        {
          when: { method: 'GET', pathIncludes: /recipients(\?|$)/, nth: 2 },
          do: { kind: 'slow', delayMs },
        },
      ],
    });
    const began = performance.now();
    await recipients.list(SHARE, ofAccount);
    const slow = recipients
      .list(SHARE, { ...ofAccount, include_resources: true })
      .then(({ result }) => ({ result, ms: performance.now() - began }));
    const others = await Promise.all([
      client.resourceSharing.get(SHARE, ofAccount),
      recipients.list(SHARE, ofAccount),
    ]);
    expect(others).toHaveLength(2);
    expect(await slow).toMatchObject({ result: [] });
    expect((await slow).ms).toBeGreaterThanOrEqual(delayMs - 1);
  });

  it('plays a proxy, whose response has any text and no cf-ray', async () => {
    const text = '{"error":"blocked by policy"}';
    const { recipients } = await open({
      faults: [
        {
          when: {},
          do: {
            kind: 'response',
            status: 403,
            body: { text },
            withoutRay: true,
          },
        },
      ],
    });
    const rejected = await recipients
      .list(SHARE, ofAccount)
      .catch((error: unknown) => error);
    expect(rejected).toBeInstanceOf(Cloudflare.PermissionDeniedError);
    const { headers, error } = rejected as InstanceType<
      typeof Cloudflare.PermissionDeniedError
    >;
    expect(headers.has('cf-ray')).toBe(false);
    expect(headers.get('content-type')).toBe('application/json');
    expect(error).toEqual(JSON.parse(text));
  });

  it('responds with 404 to unknown shares, recipients and foreign owners', async () => {
    const { recipients } = await open();
    const notFound = {
      status: 404,
      errors: [expect.objectContaining({ code: 1004 })],
    };
    await expect(recipients.list(MISSING, ofAccount)).rejects.toMatchObject(
      notFound,
    );
    await expect(
      recipients.list(SHARE, { account_id: RECIPIENT }),
    ).rejects.toMatchObject(notFound);
    await expect(recipients.get(MISSING, ofShare)).rejects.toThrow(
      Cloudflare.NotFoundError,
    );
    await expect(recipients.delete(MISSING, ofShare)).rejects.toThrow(
      Cloudflare.NotFoundError,
    );
  });

  it('lets a read-only token read, and shows nothing to anybody else', async () => {
    const options = { tokens: ['token'], readOnlyTokens: ['reader'] };
    const target = { path_account_id: OWNER, recipient_account_id: RECIPIENT };
    const reader = await open(options, { apiToken: 'reader' });
    expect((await reader.recipients.list(SHARE, ofAccount)).result).toEqual([]);
    await expect(reader.recipients.create(SHARE, target)).rejects.toMatchObject(
      {
        status: 403,
        errors: [
          expect.objectContaining({
            code: 10000,
            message: 'Authentication error',
          }),
        ],
      },
    );
    await server?.close();
    const stranger = await open(options, { apiToken: 'other' });
    await expect(stranger.recipients.list(SHARE, ofAccount)).rejects.toThrow(
      Cloudflare.PermissionDeniedError,
    );
  });

  it('accepts the legacy key pair', async () => {
    const pair = {
      email: 'ops@example.com',
      key: 'c2547eb745079dac9320b638f5e225cf483cc5cfdda41',
    };
    const options = { tokens: [], keys: [pair] };
    const known = await open(options, {
      apiEmail: pair.email,
      apiKey: pair.key,
    });
    expect((await known.recipients.list(SHARE, ofAccount)).result).toEqual([]);
    expect(known.api.requests[0]?.headers).toMatchObject({
      'x-auth-email': pair.email,
      'x-auth-key': pair.key,
    });
    await server?.close();
    const wrong = await open(options, {
      apiEmail: pair.email,
      apiKey: 'guess',
    });
    await expect(wrong.recipients.list(SHARE, ofAccount)).rejects.toThrow(
      Cloudflare.PermissionDeniedError,
    );
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
    await expect(
      recipients.create(SHARE, {
        path_account_id: OWNER,
        body_account_id: RECIPIENT,
      }),
    ).rejects.toThrow(Cloudflare.ConflictError);
    expect(api.wholeOrganizationPosts).toHaveLength(2);
    expect(api.records(SHARE)).toHaveLength(1);
  });

  it('limits the rate of a credential', async () => {
    const { api, clock, recipients } = await open({
      rateLimit: { quota: 2, windowMs: 300_000, blockMs: 60_000 },
    });
    const { response } = await recipients.list(SHARE, ofAccount).withResponse();
    expect(response.headers.get('ratelimit')).toBe('"default";r=1;t=300');
    expect(response.headers.get('ratelimit-policy')).toBe(
      '"default";q=2;w=300',
    );
    expect(response.headers.get('cf-ray')).toMatch(/^[0-9a-f]{16}-SIM$/);
    await recipients.list(SHARE, ofAccount);
    const rejected = await recipients
      .list(SHARE, ofAccount)
      .catch((error: unknown) => error);
    expect(rejected).toBeInstanceOf(Cloudflare.RateLimitError);
    expect(
      (rejected as InstanceType<typeof Cloudflare.RateLimitError>).headers.get(
        'retry-after',
      ),
    ).toBe('60');
    clock.ms += 60_000;
    expect((await recipients.list(SHARE, ofAccount)).result).toEqual([]);
    expect(api.requests.map(({ status }) => status)).toEqual([
      200, 200, 429, 200,
    ]);
  });
});

describe('what happens to the socket', () => {
  const list = `/accounts/${OWNER}/shares/${SHARE}/recipients`;
  const get = (url: string, init: RequestInit = {}) =>
    fetch(`${url}${list}`, {
      ...init,
      headers: { authorization: 'Bearer token', ...init.headers },
    });
  const post = {
    method: 'POST',
    body: JSON.stringify({ recipient_account_id: RECIPIENT }),
  };

  it('resets after the change was made', async () => {
    const { api, url } = await open({
      faults: [{ when: {}, do: { kind: 'reset', commit: true } }],
    });
    await expect(get(url, post)).rejects.toMatchObject({
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
    const { url } = await open({
      faults: [{ when: {}, do: { kind: 'truncate' } }],
    });
    const response = await get(url);
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow();
  });

  it('sends as many spaces behind the response as it was asked to', async () => {
    const bytes = 3_000_001;
    const { url } = await open({
      faults: [{ when: { nth: 1 }, do: { kind: 'huge', bytes } }],
    });
    const padded = await (await get(url)).text();
    const plain = await (await get(url)).text();
    expect(padded).toBe(plain + ' '.repeat(bytes));
  });

  it('streams without end until the peer has enough', async () => {
    const { url } = await open({
      faults: [{ when: {}, do: { kind: 'endless' } }],
    });
    const reader = (await get(url)).body?.getReader();
    let bytes = 0;
    while (bytes < 1_000_000)
      bytes += (await reader?.read())?.value?.length ?? 0;
    await reader?.cancel();
    expect(bytes).toBeGreaterThanOrEqual(1_000_000);
  });

  it('hangs, and closes all the same', async () => {
    const { api, url } = await open({
      faults: [{ when: {}, do: { kind: 'hang' } }],
    });
    const asked = get(url).catch((error: unknown) => error);
    await expect.poll(() => api.requests.length).toBe(1);
    await server?.close();
    expect(await asked).toBeInstanceOf(Error);
  });

  it('keeps one connection for many requests and shows what it received, without the secrets', async () => {
    const { url } = await open();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const headers = { authorization: 'Bearer token' };
    for (let n = 0; n < 3; n += 1) {
      await new Promise((resolve) => {
        request(`${url}${list}`, { agent, headers }, (response) =>
          response.resume().on('close', resolve),
        ).end();
      });
    }
    expect(server?.connections).toBe(1);
    agent.destroy();
    const log = await (await fetch(new URL('/__requests', url))).text();
    expect(JSON.parse(log)).toHaveLength(3);
    expect(log).not.toContain('Bearer');
    expect((await fetch(new URL('/elsewhere', url))).status).toBe(404);
  });
});
