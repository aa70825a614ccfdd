import tls from 'node:tls';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createHttpClient } from '../../src/cloudflare/http-client.ts';
import {
  type ProxyServer,
  proxyFor,
  proxyPasswords,
} from '../../src/cloudflare/proxy.ts';
import {
  AUTHORITY,
  fixture,
  proxyAt,
  send,
  startProxy,
  startRaw,
  startServer,
  startTcp,
  startTlsServer,
} from './local-servers.ts';

const OK = { status: 200, body: 'hello' };
const AUTHORITIES = tls.getCACertificates('default');

/** As NODE_EXTRA_CA_CERTS does for a process that is started with it. */
const trust = (...certificates: string[]) =>
  tls.setDefaultCACertificates([...AUTHORITIES, ...certificates]);

/** Sends a request with a client of its own, through that proxy. */
const through = (proxy: ProxyServer, url: string) =>
  send(
    createHttpClient(() => proxy),
    url,
  );

const withCredentials = ({ url, variable }: ProxyServer): ProxyServer => {
  const copy = new URL(url);
  copy.username = 'o:ps';
  copy.password = 'p@ss/wörd';
  return { url: copy, variable };
};
const BASIC = `Basic ${Buffer.from('o:ps:p@ss/wörd').toString('base64')}`;

beforeEach(() => trust(AUTHORITY));
afterEach(() => {
  trust();
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

const CLOUDFLARE = new URL('https://api.cloudflare.com/client/v4');

describe('the proxy of the environment', () => {
  it.each([
    ['http://proxy.example:3128', 'http://proxy.example:3128/'],
    [' https://user:p%40ss@10.0.0.1 ', 'https://user:p%40ss@10.0.0.1/'],
    ['HTTP://proxy.example', 'http://proxy.example/'],
    ['10.0.0.1:3128', 'http://10.0.0.1:3128/'],
    ['proxy.example:3128', 'http://proxy.example:3128/'],
    ['user:word@proxy.example:3128', 'http://user:word@proxy.example:3128/'],
    ['http://[::1]:3128/', 'http://[::1]:3128/'],
    [
      'http://user@corp:pa@ss@proxy.example',
      'http://user%40corp:pa%40ss@proxy.example/',
    ],
  ])('may be %s', (address, href) => {
    for (const variable of ['HTTPS_PROXY', 'https_proxy']) {
      const proxy = proxyFor(CLOUDFLARE, { [variable]: address });
      expect(proxy?.url.href).toBe(href);
      expect(proxy?.variable).toBe(variable);
    }
  });

  it.each([
    'http://user:60@@@',
    'http://user:50%off@proxy.example:3128',
    'http://50%off:word@proxy.example:3128',
    'http://user:p@ss/word@proxy.example',
    'http://user:5?x@proxy.example',
    'http://user:5#x@proxy.example',
    'http://proxy.example/path',
    'http://proxy.example?query',
    'http://proxy.example#hash',
    'socks5://proxy.example:1080',
    'xhttp://proxy.example/',
    'httpx://proxy.example/',
    'http://proxy.example:99999',
  ])('may not be %s', (address) => {
    for (const variable of ['HTTPS_PROXY', 'https_proxy'])
      expect(() => proxyFor(CLOUDFLARE, { [variable]: address })).toThrow();
    const local = new URL('http://127.0.0.1:1');
    expect(proxyFor(local, { HTTPS_PROXY: address })).toBeNull();
  });

  it('is the one in lower case where both are set, and none where they are empty', () => {
    const both = { https_proxy: 'http://lower', HTTPS_PROXY: 'http://upper' };
    expect(proxyFor(CLOUDFLARE, both)?.variable).toBe('https_proxy');
    expect(proxyFor(CLOUDFLARE, { ...both, https_proxy: '' })?.variable).toBe(
      'HTTPS_PROXY',
    );
    expect(proxyFor(CLOUDFLARE, { https_proxy: ' ' })).toBeNull();
    const others = { http_proxy: 'http://proxy', HTTP_PROXY: 'http://proxy' };
    expect(proxyFor(CLOUDFLARE, others)).toBeNull();
  });

  it('is not used for http, for this machine, and for the hosts of NO_PROXY', () => {
    const env = { HTTPS_PROXY: 'http://proxy.example' };
    expect(proxyFor(new URL('http://api.example.com'), env)).toBeNull();
    expect(proxyFor(new URL('https://localhost:8443'), env)).toBeNull();
    expect(proxyFor(CLOUDFLARE, env)).not.toBeNull();
    vi.stubEnv('NO_PROXY', 'other.example, .cloudflare.com');
    expect(proxyFor(CLOUDFLARE, env)).toBeNull();
    expect(proxyFor(new URL('https://api.example.com'), env)).not.toBeNull();
  });
});

describe('the passwords of proxies', () => {
  it.each([
    ['http://user:pass-word@proxy:3128', ['pass-word']],
    ['user:pass-word@proxy:3128', ['pass-word']],
    ['http://user:p%40ss@proxy', ['p%40ss', 'p@ss']],
    ['http://user@corp:pa@ss@proxy:3128', ['pa@ss', 'pa%40ss']],
    ['user@corp:pa@ss@proxy:3128', ['pa@ss', 'pa%40ss']],
    ['http://user:a:b@proxy', ['a:b', 'a%3Ab']],
    // The URL parser rejects these, or reads another host.
    ['http://user:p@ss/word@proxy', ['p@ss/word']],
    ['http://user@corp:p@ss/word@proxy', ['p@ss/word']],
    ['http://user:34#@proxy', ['34#']],
    ['http://user:50%off@proxy', ['50%off']],
    ['http://user:60@@@', ['60@@']],
    ['http://:only-password@proxy', ['only-password']],
  ])('are found in every form in %s', (address, forms) => {
    for (const name of [
      'https_proxy',
      'HTTPS_PROXY',
      'http_proxy',
      'HTTP_PROXY',
    ])
      expect(proxyPasswords({ [name]: ` ${address}\n` }).sort()).toEqual(
        forms.sort(),
      );
  });

  it.each([
    '',
    'proxy',
    'http://proxy:3128',
    'http://ci@proxy:3128',
    'http://ci:@proxy:3128',
    'ci@corp@proxy:3128',
    'http://[::1]:3128',
  ])('are not invented, and a user is none: %s', (address) => {
    expect(proxyPasswords({ HTTPS_PROXY: address })).toEqual([]);
  });

  it('are those of all variables, each once', () => {
    const env = {
      https_proxy: 'http://u:one@proxy',
      HTTPS_PROXY: 'http://u:two@proxy',
      http_proxy: 'http://u:one@proxy',
      NO_PROXY: 'u:three@proxy',
    };
    expect(proxyPasswords(env)).toEqual(['one', 'two']);
  });
});

describe('a proxy', () => {
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
    const { port } = await startTlsServer();
    const { proxy, connects } = await startProxy();
    expect(
      await through(proxy, `https://api.share.test:${port}`),
    ).toMatchObject(OK);
    expect(connects).toMatchObject([{ target: `api.share.test:${port}` }]);
  });

  it('gets its credentials decoded, and the server does not get them', async () => {
    let seen: object = {};
    const { url } = await startTlsServer((request, response) => {
      seen = request.headers;
      response.end('hello');
    });
    const { proxy, connects } = await startProxy();
    expect(await through(withCredentials(proxy), url)).toMatchObject(OK);
    expect(connects).toMatchObject([
      { headers: { 'proxy-authorization': BASIC } },
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

  it('that cannot be chosen is not passed by', async () => {
    const { url, connections } = await startServer((_, response) =>
      response.end('hello'),
    );
    const client = createHttpClient(() => {
      throw new TypeError('not the address of a proxy');
    });
    expect(await send(client, url)).toMatchObject({
      type: 'failure',
      message: 'not the address of a proxy',
      mayHaveBeenProcessed: false,
    });
    expect(connections()).toBe(0);
  });

  it.each([
    ['https://api.share.test/v4', 'api.share.test:443'],
    ['https://[::1]:8443/', '[::1]:8443'],
  ])('is asked for the host and port of %s', async (url, target) => {
    const { proxy, connects } = await startProxy({
      reply: 'HTTP/1.1 502 Bad Gateway\r\n\r\n',
    });
    await through(proxy, url);
    expect(connects).toMatchObject([{ target }]);
  });

  it.each([
    '200 OK\r\nContent-Length: 5',
    '201 Created\r\nTransfer-Encoding: chunked',
    '204 No Content',
    '299 Tunnel',
  ])('opens a tunnel with any 2xx: %j', async (line) => {
    const { url } = await startTlsServer();
    const { proxy } = await startProxy({
      established: `HTTP/1.1 ${line}\r\n\r\n`,
    });
    expect(await through(proxy, url)).toMatchObject(OK);
  });
});

describe('a proxy that speaks https', () => {
  const URL_BEHIND = 'https://api.share.test';
  /** Opens no tunnel, so that the API behind it does not matter. */
  const startRejecting = (certificate: string, host: string) =>
    startProxy({ certificate, host, reply: 'HTTP/1.1 502 No\r\n\r\n' });

  it.each([
    ['name', 'proxy-name', 'localhost', 'localhost'],
    ['address', 'proxy-address', '127.0.0.1', false],
  ])('is verified by its own %s', async (_, certificate, host, name) => {
    trust(AUTHORITY, fixture(certificate));
    const { port } = await startTlsServer();
    const { proxy, connects, serverNames } = await startProxy({
      certificate,
      host,
    });
    const url = `https://api.share.test:${port}`;
    expect(await through(withCredentials(proxy), url)).toMatchObject(OK);
    expect(connects).toMatchObject([
      { headers: { 'proxy-authorization': BASIC } },
    ]);
    expect(serverNames).toEqual([name]);
  });

  it.each([
    ['the API', 'api-name', 'localhost'],
    ['the API', 'api-name', '127.0.0.1'],
    ['a name', 'proxy-name', '127.0.0.1'],
    ['an address', 'proxy-address', 'localhost'],
  ])(
    'does not get the password with a certificate for %s only: %s at %s',
    async (_, certificate, host) => {
      trust(fixture(certificate));
      const { proxy, address, connects } = await startRejecting(
        certificate,
        host,
      );
      expect(await through(withCredentials(proxy), URL_BEHIND)).toEqual({
        type: 'failure',
        cause: 'proxy-certificate-invalid',
        message: expect.stringMatching(
          `^the certificate of the proxy ${address} \\(HTTPS_PROXY\\): Hostname/IP does not match`,
        ),
        mayHaveBeenProcessed: false,
        isRetryable: false,
      });
      expect(connects).toEqual([]);
    },
  );

  it('does not get the password without a trusted authority, whatever NODE_TLS_REJECT_UNAUTHORIZED says', async () => {
    trust();
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const { proxy, connects } = await startRejecting('server', 'localhost');
    expect(await through(withCredentials(proxy), URL_BEHIND)).toMatchObject({
      cause: 'certificate-untrusted',
      message: expect.stringContaining('the certificate of the proxy'),
      mayHaveBeenProcessed: false,
      isRetryable: false,
    });
    expect(connects).toEqual([]);
  });

  it.each(['HTTP/1.1 400 Bad Request\r\n\r\n', 'SSH-2.0-OpenSSH_9.9\r\n'])(
    'only in the variable gets http:// as advice: %j',
    async (text) => {
      const { port } = await startRaw(text);
      const proxy = proxyAt(`https://localhost:${port}`);
      expect(await through(proxy, URL_BEHIND)).toEqual({
        type: 'failure',
        cause: 'proxy',
        message: `HTTPS_PROXY says https://, but localhost:${port} does not speak TLS; write http://`,
        mayHaveBeenProcessed: false,
        isRetryable: false,
      });
    },
  );
});

describe('a proxy that makes no connection', () => {
  const URL_BEHIND = 'https://api.share.test';
  const NOT_PROCESSED = {
    type: 'failure',
    cause: 'proxy',
    mayHaveBeenProcessed: false,
  };

  it.each([
    [403, false],
    [407, false],
    [302, false],
    [100, false],
    [500, true],
    [502, true],
  ])('responds with %i', async (status, isRetryable) => {
    const { proxy, address } = await startProxy({
      reply: `HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`,
    });
    expect(await through(proxy, URL_BEHIND)).toEqual({
      ...NOT_PROCESSED,
      message: `the proxy ${address} (HTTPS_PROXY) rejected the connection with HTTP ${status}`,
      isRetryable,
    });
  });

  it.each([
    [['Basic realm="a"'], '; it offers Basic'],
    [
      ['Negotiate', 'NTLM'],
      '; it offers Negotiate, NTLM, and the action supports only Basic',
    ],
    [
      ['Digest realm="x, Fake y", nonce = "\\"", BASIC realm=z', 'Digest'],
      '; it offers Digest, BASIC',
    ],
    [
      ['A, B, C, D, E'],
      '; it offers A, B, C, D, and the action supports only Basic',
    ],
    // Text that might be a secret, or a workflow command.
    [[BASIC.slice('Basic '.length)], ''],
    [['##[error]x, ::error::y'], ''],
    [[''], ''],
  ])(
    'responds with 407, and the message names the schemes of %j',
    async (challenges, offer) => {
      const headers = challenges
        .map((challenge) => `Proxy-Authenticate: ${challenge}\r\n`)
        .join('');
      const { proxy } = await startProxy({
        reply: `HTTP/1.1 407 No\r\n${headers}Content-Length: 0\r\n\r\n`,
      });
      const response = await through(withCredentials(proxy), URL_BEHIND);
      expect(response).toMatchObject({
        ...NOT_PROCESSED,
        message: expect.stringMatching(/ HTTP 407/),
        isRetryable: false,
      });
      const { message = '' } = response as { message?: string };
      expect(message.split(' HTTP 407')[1]).toBe(offer);
    },
  );

  it('responds with a page instead of a tunnel', async () => {
    const { proxy, address } = await startProxy({
      reply: 'HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}',
    });
    expect(await through(proxy, URL_BEHIND)).toEqual({
      ...NOT_PROCESSED,
      message: `the proxy ${address} (HTTPS_PROXY) responded to CONNECT with HTTP 201 and a body instead of a tunnel`,
      isRetryable: false,
    });
  });

  it.each([
    [
      'has a header without end',
      `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(64 * 1024)}\r\n\r\n`,
      'sent no HTTP response to CONNECT: .*Header overflow',
      false,
    ],
    [
      'does not speak HTTP',
      'SSH-2.0-OpenSSH\r\n',
      'sent no HTTP response to CONNECT: .*Expected HTTP',
      false,
    ],
    ['closes the connection', '', 'made no connection: socket hang up', true],
  ])('%s', async (_, text, problem, isRetryable) => {
    const { proxy, port } = await startRaw(text);
    expect(await through(proxy, URL_BEHIND)).toEqual({
      ...NOT_PROCESSED,
      message: expect.stringMatching(
        `^the proxy 127\\.0\\.0\\.1:${port} \\(HTTPS_PROXY\\) ${problem}`,
      ),
      isRetryable,
    });
  });

  it.each([
    ['http://127.0.0.1:1', '127.0.0.1:1', 'connect ECONNREFUSED 127.0.0.1:1'],
    ['http://no.such.host.invalid', 'no.such.host.invalid:80', 'getaddrinfo'],
    ['https://no.such.host.invalid', 'no.such.host.invalid:443', 'getaddrinfo'],
  ])('cannot be reached: %s', async (address, host, text) => {
    expect(await through(proxyAt(address), URL_BEHIND)).toEqual({
      ...NOT_PROCESSED,
      message: expect.stringMatching(
        `^the proxy ${host} \\(HTTPS_PROXY\\) made no connection: ${text}`,
      ),
      isRetryable: true,
    });
  });

  it('never responds until the timeout, and its connection is closed', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    let close: () => void = () => {};
    const closed = new Promise<void>((resolve) => {
      close = resolve;
    });
    const { proxy, port, received } = await startTcp((socket) =>
      socket.once('close', close),
    );
    const sending = send(
      createHttpClient(() => proxy),
      URL_BEHIND,
      { timeoutMs: 10_000 },
    );
    await received;
    vi.advanceTimersByTime(10_000);
    expect(await sending).toEqual({
      ...NOT_PROCESSED,
      message: `no connection within 10 s: the proxy 127.0.0.1:${port} (HTTPS_PROXY) opened no tunnel`,
      isRetryable: true,
    });
    await closed;
  });

  it('never responds until the step is over', async () => {
    const { proxy, received } = await startTcp(() => {});
    const abort = new AbortController();
    const sending = send(
      createHttpClient(() => proxy),
      URL_BEHIND,
      { signal: abort.signal },
    );
    await received;
    abort.abort();
    expect(await sending).toMatchObject({
      cause: 'timeout',
      mayHaveBeenProcessed: false,
    });
  });
});

describe('a tunnel', () => {
  const NOT_PROCESSED = {
    type: 'failure',
    cause: 'network',
    mayHaveBeenProcessed: false,
    isRetryable: true,
  };

  it.each([
    ['closed', (socket: { end(): void }) => socket.end()],
    ['cut', (socket: { destroy(): void }) => socket.destroy()],
    [
      'reset',
      (socket: { resetAndDestroy(): void }) => socket.resetAndDestroy(),
    ],
  ])('that is %s before TLS is complete carried nothing', async (_, cut) => {
    const { httpsUrl } = await startTcp(cut);
    const { proxy, address } = await startProxy();
    expect(await through(proxy, httpsUrl)).toEqual({
      ...NOT_PROCESSED,
      message: expect.stringMatching(
        `, through the proxy ${address} \\(HTTPS_PROXY\\)$`,
      ),
    });
  });

  it.each([
    ['closed', (socket: { end(): void }) => socket.end()],
    [
      'reset',
      (socket: { resetAndDestroy(): void }) => socket.resetAndDestroy(),
    ],
  ])('that the proxy opens and then has %s carried nothing', async (_, cut) => {
    const { proxy } = await startTcp((socket) => {
      // The next bytes are the start of a TLS handshake.
      socket.once('data', () => cut(socket));
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
    });
    expect(await through(proxy, 'https://api.share.test')).toMatchObject(
      NOT_PROCESSED,
    );
  });

  it('whose TLS handshake hangs carried nothing', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { httpsUrl, port, received } = await startTcp(() => {});
    const { proxy, address } = await startProxy();
    const sending = send(
      createHttpClient(() => proxy),
      httpsUrl,
      { timeoutMs: 10_000 },
    );
    await received;
    vi.advanceTimersByTime(10_000);
    expect(await sending).toEqual({
      ...NOT_PROCESSED,
      message: `no connection within 10 s: localhost:${port} did not respond, through the proxy ${address} (HTTPS_PROXY)`,
    });
  });

  it('to a server without TLS says so', async () => {
    const { httpsUrl, port } = await startRaw('HTTP/1.1 400 Bad\r\n\r\n');
    const { proxy, address } = await startProxy();
    expect(await through(proxy, httpsUrl)).toEqual({
      ...NOT_PROCESSED,
      message: `localhost:${port} does not speak TLS, through the proxy ${address} (HTTPS_PROXY)`,
      isRetryable: false,
    });
  });

  it.each([undefined, 'proxy-name'])(
    'that is cut after TLS is complete may have carried the request: %s',
    async (certificate) => {
      trust(AUTHORITY, fixture('proxy-name'));
      const { url } = await startTlsServer(({ socket }) => socket.destroy());
      const { proxy } = await startProxy({
        host: 'localhost',
        ...(certificate && { certificate }),
      });
      expect(await through(proxy, url)).toMatchObject({
        cause: 'no-response',
        mayHaveBeenProcessed: true,
      });
    },
  );

  it('that served another request and is then cut may have carried the next', async () => {
    let requests = 0;
    const { url } = await startTlsServer((request, response) => {
      requests++;
      if (requests === 1) response.end('x');
      else request.socket.destroy();
    });
    const { proxy, connects } = await startProxy();
    const client = createHttpClient(() => proxy);
    await send(client, url);
    expect(await send(client, url)).toMatchObject({
      cause: 'no-response',
      mayHaveBeenProcessed: true,
    });
    expect(connects).toHaveLength(1);
  });
});
