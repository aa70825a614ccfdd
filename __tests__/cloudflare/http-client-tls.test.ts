import tls from 'node:tls';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createHttpClient } from '../../src/cloudflare/http-client.ts';
import {
  AUTHORITY,
  HAS_IPV6,
  send,
  startProxy,
  startRaw,
  startServer,
  startTlsServer,
} from './local-servers.ts';

const OK = { status: 200, body: 'hello' };
const TRUSTED = tls.getCACertificates('default');

/** Sends a request with a client of its own, through that proxy. */
const through = (proxy: URL | null, url: string) =>
  send(
    createHttpClient(() => proxy),
    url,
  );

/** As NODE_EXTRA_CA_CERTS does for a process that is started with it. */
const trustFixtures = () =>
  tls.setDefaultCACertificates([...TRUSTED, AUTHORITY]);

afterEach(() => {
  tls.setDefaultCACertificates(TRUSTED);
  vi.unstubAllEnvs();
});

describe('https', () => {
  // Node warns of the variable once; it is what this is about.
  beforeEach(() => void vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0'));

  it('needs an authority that is trusted, whatever NODE_TLS_REJECT_UNAUTHORIZED says', async () => {
    let requests = 0;
    const { url } = await startTlsServer((_, response) =>
      response.end(String(++requests)),
    );
    const { error } = await through(null, url);
    expect(error).toMatchObject({
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      message: expect.stringContaining(
        'unable to verify the first certificate',
      ),
    });
    expect(requests).toBe(0);
  });

  it('needs it through a proxy too', async () => {
    const { url } = await startTlsServer();
    const { proxy, connects } = await startProxy();
    const { error } = await through(proxy, url);
    expect(error?.code).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    expect(connects).toHaveLength(1);
  });

  it('needs it for a proxy that speaks https, which gets nothing before', async () => {
    const { proxy, connects } = await startProxy(undefined, true);
    const { error } = await through(proxy, 'https://localhost:1');
    expect(error).toMatchObject({
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      isSent: false,
    });
    expect(connects).toEqual([]);
  });

  it('needs a certificate for the name that was asked for, through a proxy too', async () => {
    trustFixtures();
    const { url } = await startTlsServer();
    const { proxy } = await startProxy();
    const { error } = await through(
      proxy,
      url.replace('localhost', 'other.share.test'),
    );
    expect(error?.code).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  });

  it.skipIf(!HAS_IPV6)(
    'needs a certificate for the address that was asked for',
    async () => {
      trustFixtures();
      const { url } = await startTlsServer(undefined, '::1');
      expect((await through(null, url)).error?.code).toBe(
        'ERR_TLS_CERT_ALTNAME_INVALID',
      );
    },
  );

  it('succeeds with an authority that is trusted', async () => {
    trustFixtures();
    const { url } = await startTlsServer();
    expect(await through(null, url)).toMatchObject(OK);
  });
});

describe('a proxy', () => {
  beforeEach(trustFixtures);

  it('tunnels all requests to a host through one connection', async () => {
    const { url, connections } = await startTlsServer();
    const { proxy, connects } = await startProxy();
    const client = createHttpClient(() => proxy);
    for (let n = 0; n < 3; n++)
      expect(await send(client, url)).toMatchObject(OK);
    const target = new URL(url).host;
    expect(connects).toMatchObject([{ target, headers: { host: target } }]);
    expect(connects[0]?.headers).not.toHaveProperty('proxy-authorization');
    expect(connections()).toBe(1);
  });

  it('knows a name that only it can resolve', async () => {
    const { url } = await startTlsServer();
    const { proxy, connects } = await startProxy();
    const { port } = new URL(url);
    expect(
      await through(proxy, `https://api.share.test:${port}`),
    ).toMatchObject(OK);
    expect(connects).toMatchObject([{ target: `api.share.test:${port}` }]);
  });

  it('may speak https', async () => {
    const { url } = await startTlsServer();
    const { proxy } = await startProxy(undefined, true);
    expect(await through(proxy, url)).toMatchObject(OK);
  });

  it('gets its credentials decoded, and the server does not get them', async () => {
    let seen: object = {};
    const { url } = await startTlsServer((request, response) => {
      seen = request.headers;
      response.end('hello');
    });
    const { proxy, connects } = await startProxy();
    Object.assign(proxy, { username: 'o:ps', password: 'p@ss/wörd' });
    expect(await through(proxy, url)).toMatchObject(OK);
    const basic = `Basic ${Buffer.from('o:ps:p@ss/wörd').toString('base64')}`;
    expect(connects).toMatchObject([
      { headers: { 'proxy-authorization': basic } },
    ]);
    expect(seen).not.toHaveProperty('proxy-authorization');
  });

  it('is chosen for every address', async () => {
    const { url } = await startTlsServer();
    const { url: plain } = await startServer((_, response) =>
      response.end('hello'),
    );
    const { proxy, connects } = await startProxy();
    const client = createHttpClient(({ protocol }) =>
      protocol === 'https:' ? proxy : null,
    );
    expect(await send(client, plain)).toMatchObject(OK);
    expect(connects).toHaveLength(0);
    expect(await send(client, url)).toMatchObject(OK);
    expect(connects).toHaveLength(1);
  });

  it('is not used where none is chosen, for http and https', async () => {
    const { url } = await startTlsServer();
    const { url: plain } = await startServer((_, response) =>
      response.end('hello'),
    );
    const client = createHttpClient(() => null);
    for (const address of [plain, url, plain])
      expect(await send(client, address)).toMatchObject(OK);
  });

  it.each([
    ['https://api.share.test/v4', 'api.share.test:443'],
    ['https://[::1]:8443/', '[::1]:8443'],
  ])('is asked for the host and port of %s', async (url, target) => {
    const { proxy, connects } = await startProxy(
      'HTTP/1.1 502 Bad Gateway\r\n\r\n',
    );
    await through(proxy, url);
    expect(connects).toMatchObject([{ target }]);
  });
});

describe('a proxy that makes no connection', () => {
  const URL_BEHIND = 'https://api.share.test';

  it.each([
    [
      '407, as it requires a password',
      407,
      'HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n',
    ],
    ['502', 502, 'HTTP/1.1 502 Bad Gateway\r\n\r\n'],
    [
      'a response in place of Cloudflare',
      201,
      'HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}',
    ],
  ])('responds with %s', async (_, status, reply) => {
    const { proxy } = await startProxy(reply);
    expect(await through(proxy, URL_BEHIND)).toEqual({
      status,
      headers: {},
      body: '',
      error: {
        code: 'PROXY_REJECTED',
        message: `the proxy rejected the connection with HTTP ${status}`,
        isSent: false,
      },
    });
  });

  it.each([
    [
      'has a header without end',
      `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(64 * 1024)}\r\n\r\n`,
      /^HPE_HEADER_OVERFLOW$/,
    ],
    ['does not speak HTTP', 'SSH-2.0-OpenSSH\r\n', /^HPE_/],
    ['closes the connection', '', /^ECONNRESET$/],
  ])('%s: nothing was sent', async (_, text, code) => {
    const { proxy } = await startRaw(text);
    expect(await through(proxy, URL_BEHIND)).toMatchObject({
      status: 0,
      error: { code: expect.stringMatching(code), isSent: false },
    });
  });

  it('is down: nothing was sent', async () => {
    const { error } = await through(new URL('http://127.0.0.1:1'), URL_BEHIND);
    expect(error).toEqual({
      code: 'ECONNREFUSED',
      message: 'connect ECONNREFUSED 127.0.0.1:1',
      isSent: false,
    });
  });

  it('never responds: the request ends at its timeout, or when it is aborted', async () => {
    const { proxy } = await startRaw(null);
    const client = createHttpClient(() => proxy);
    expect(
      (await send(client, URL_BEHIND, { timeoutMs: 100 })).error?.code,
    ).toBe('TIMEOUT');
    const signal = AbortSignal.timeout(100);
    expect((await send(client, URL_BEHIND, { signal })).error?.code).toBe(
      'ABORTED',
    );
  });

  it('cannot be chosen: nothing is sent past it', async () => {
    const { url, connections } = await startServer((_, response) =>
      response.end('hello'),
    );
    const client = createHttpClient(() => {
      throw new TypeError('not the address of a proxy');
    });
    expect((await send(client, url)).error?.message).toBe(
      'not the address of a proxy',
    );
    expect(connections()).toBe(0);
  });

  it('says too little for a tunnel before the host is asked', async () => {
    const { proxy } = await startRaw(
      'HTTP/1.1 200 Connection Established\r\n\r\n',
    );
    const { status, error } = await through(proxy, URL_BEHIND);
    expect([status, error?.code]).toEqual([0, 'ECONNRESET']);
  });
});
