import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  createHttpClient,
  type FailedExchange,
} from '../../src/cloudflare/http-client.ts';
import {
  type ProxyServer,
  proxyFor,
  proxyPasswords,
} from '../../src/cloudflare/proxy.ts';
import {
  AUTHORITY,
  CUTS,
  direct,
  fixture,
  proxyAt,
  sendUntilAborted,
  sendUntilTimeout,
  sendWith,
  startProxy,
  startRaw,
  startServer,
  startTcp,
  startTlsServer,
  through,
  trust,
} from './local-servers.ts';

const OK = { status: 200, text: 'hello' };
const CLOUDFLARE = new URL('https://api.cloudflare.com/client/v4');
/** No tunnel is opened to it, so that it need not exist. */
const URL_BEHIND = 'https://api.share.test';

const BASIC = `Basic ${Buffer.from('o:ps:p@ss/wörd').toString('base64')}`;
const withCredentials = ({ url, variable }: ProxyServer): ProxyServer => {
  const copy = new URL(url);
  copy.username = 'o:ps';
  copy.password = 'p@ss/wörd';
  return { url: copy, variable };
};

afterEach(() => void vi.unstubAllEnvs());

describe('the proxy of the environment', () => {
  it.each([
    ['http://proxy.example:3128', 'http://proxy.example:3128/'],
    [' https://user:p%40ss@10.0.0.1 ', 'https://user:p%40ss@10.0.0.1/'],
    ['HTTP://proxy.example', 'http://proxy.example/'],
    ['10.0.0.1:3128', 'http://10.0.0.1:3128/'],
    ['proxy.example:3128', 'http://proxy.example:3128/'],
    ['user:word@proxy.example:3128', 'http://user:word@proxy.example:3128/'],
    ['http://[::1]:3128/', 'http://[::1]:3128/'],
    ['http://u@corp:pa@ss@p.example', 'http://u%40corp:pa%40ss@p.example/'],
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

  const both = { https_proxy: 'http://lower', HTTPS_PROXY: 'http://upper' };
  it.each([
    [both, 'https_proxy'],
    [{ ...both, https_proxy: '' }, 'HTTPS_PROXY'],
    [{ https_proxy: ' ' }, undefined],
    [{ http_proxy: 'http://proxy', HTTP_PROXY: 'http://proxy' }, undefined],
  ])('that %j names is in %s', (env, variable) => {
    expect(proxyFor(CLOUDFLARE, env)?.variable).toBe(variable);
  });

  it('is not used for http, for this machine, and for the hosts of NO_PROXY', () => {
    const isUsed = (url: string | URL) =>
      proxyFor(new URL(url), { HTTPS_PROXY: 'http://proxy.example' }) !== null;
    expect(isUsed('http://api.example.com')).toBe(false);
    expect(isUsed('https://localhost:8443')).toBe(false);
    expect(isUsed(CLOUDFLARE)).toBe(true);
    vi.stubEnv('NO_PROXY', 'other.example, .cloudflare.com');
    expect(isUsed(CLOUDFLARE)).toBe(false);
    expect(isUsed('https://api.example.com')).toBe(true);
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
    // They are not invented, and a user is none.
    ['', []],
    ['proxy', []],
    ['http://proxy:3128', []],
    ['http://ci@proxy:3128', []],
    ['http://ci:@proxy:3128', []],
    ['ci@corp@proxy:3128', []],
    ['http://[::1]:3128', []],
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

// What comes of a request in a tunnel is in http-client-tls.test.ts.
describe('a proxy', () => {
  beforeEach(() => trust(AUTHORITY));

  it('tunnels all requests to a host through one connection', async () => {
    const { url, connections } = await startTlsServer();
    const { proxy, connects } = await startProxy();
    const send = through(proxy);
    for (let n = 0; n < 3; n++) expect(await send(url)).toMatchObject(OK);
    const target = new URL(url).host;
    expect(connects).toMatchObject([{ target, headers: { host: target } }]);
    expect(connects[0]?.headers).not.toHaveProperty('proxy-authorization');
    expect(connections()).toBe(1);
  });

  it('gets its credentials decoded, and the server does not get them', async () => {
    let seen: object = {};
    const { url } = await startTlsServer((request, response) => {
      seen = request.headers;
      response.end('hello');
    });
    const { proxy, connects } = await startProxy();
    expect(await through(withCredentials(proxy))(url)).toMatchObject(OK);
    expect(connects).toMatchObject([
      { headers: { 'proxy-authorization': BASIC } },
    ]);
    expect(seen).not.toHaveProperty('proxy-authorization');
  });

  it('is chosen for every address', async () => {
    const { url } = await startTlsServer();
    const { url: plain } = await startServer();
    const { proxy, connects } = await startProxy();
    const send = sendWith(
      createHttpClient(({ protocol }) =>
        protocol === 'https:' ? proxy : null,
      ),
    );
    expect(await send(plain)).toMatchObject(OK);
    expect(connects).toHaveLength(0);
    expect(await send(url)).toMatchObject(OK);
    expect(connects).toHaveLength(1);
  });

  it('is not used where none is chosen, for http and https', async () => {
    const { url } = await startTlsServer();
    const { url: plain } = await startServer();
    const send = direct();
    for (const address of [plain, url, plain])
      expect(await send(address)).toMatchObject(OK);
  });

  it('that cannot be chosen is not passed by', async () => {
    const { url, connections } = await startServer();
    const send = sendWith(
      createHttpClient(() => {
        throw new TypeError('not the address of a proxy');
      }),
    );
    expect(await send(url)).toMatchObject({
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
    await through(proxy)(url);
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
    expect(await through(proxy)(url)).toMatchObject(OK);
  });
});

describe('a proxy that speaks https', () => {
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
    const send = through(withCredentials(proxy));
    // Only the proxy can resolve this name.
    const target = `api.share.test:${port}`;
    expect(await send(`https://${target}`)).toMatchObject(OK);
    expect(connects).toMatchObject([
      { target, headers: { 'proxy-authorization': BASIC } },
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
      expect(await through(withCredentials(proxy))(URL_BEHIND)).toEqual({
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
    expect(await through(withCredentials(proxy))(URL_BEHIND)).toMatchObject({
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
      expect(await through(proxy)(URL_BEHIND)).toEqual({
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
  const NOT_PROCESSED = {
    type: 'failure',
    cause: 'proxy',
    mayHaveBeenProcessed: false,
  };

  const rejection = (status: number) =>
    `HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`;
  const PAGE = 'HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}';
  const ENDLESS = `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(64 * 1024)}\r\n\r\n`;
  it.each([
    ['rejected the connection with HTTP 403$', rejection(403), false],
    ['rejected the connection with HTTP 407$', rejection(407), false],
    ['rejected the connection with HTTP 302$', rejection(302), false],
    ['rejected the connection with HTTP 100$', rejection(100), false],
    ['rejected the connection with HTTP 500$', rejection(500), true],
    ['rejected the connection with HTTP 502$', rejection(502), true],
    [
      'responded to CONNECT with HTTP 201 and a body instead of a tunnel$',
      PAGE,
      false,
    ],
    ['sent no HTTP response to CONNECT: .*Header overflow', ENDLESS, false],
    ['sent no HTTP response to CONNECT: .*Expected HTTP', 'SSH-2.0\r\n', false],
    ['made no connection: socket hang up', '', true],
  ])('is reported: it %s', async (problem, text, isRetryable) => {
    const { proxy, port } = await startRaw(text);
    expect(await through(proxy)(URL_BEHIND)).toEqual({
      ...NOT_PROCESSED,
      message: expect.stringMatching(
        `^the proxy 127\\.0\\.0\\.1:${port} \\(HTTPS_PROXY\\) ${problem}`,
      ),
      isRetryable,
    });
  });

  const ONLY_BASIC = ', and the action supports only Basic';
  it.each([
    [['Basic realm="a"'], '; it offers Basic'],
    [['Negotiate', 'NTLM'], `; it offers Negotiate, NTLM${ONLY_BASIC}`],
    [
      ['Digest realm="x, Fake y", nonce = "\\"", BASIC realm=z', 'Digest'],
      '; it offers Digest, BASIC',
    ],
    [['A, B, C, D, E'], `; it offers A, B, C, D${ONLY_BASIC}`],
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
      const response = await through(withCredentials(proxy))(URL_BEHIND);
      expect(response).toMatchObject({ ...NOT_PROCESSED, isRetryable: false });
      const { message } = response as FailedExchange;
      expect(message.split(' HTTP 407')[1]).toBe(offer);
    },
  );

  it.each([
    ['http://127.0.0.1:1', '127.0.0.1:1', 'connect ECONNREFUSED 127.0.0.1:1'],
    ['http://no.such.host.invalid', 'no.such.host.invalid:80', 'getaddrinfo'],
    ['https://no.such.host.invalid', 'no.such.host.invalid:443', 'getaddrinfo'],
  ])('cannot be reached: %s', async (address, host, text) => {
    expect(await through(proxyAt(address))(URL_BEHIND)).toEqual({
      ...NOT_PROCESSED,
      message: expect.stringMatching(
        `^the proxy ${host} \\(HTTPS_PROXY\\) made no connection: ${text}`,
      ),
      isRetryable: true,
    });
  });

  it('never responds until the timeout, and its connection is closed', async () => {
    const { proxy, port, arrived, closed } = await startTcp();
    const send = through(proxy);
    expect(await sendUntilTimeout(send, URL_BEHIND, arrived)).toEqual({
      ...NOT_PROCESSED,
      message: `no connection within 10 s: the proxy 127.0.0.1:${port} (HTTPS_PROXY) opened no tunnel`,
      isRetryable: true,
    });
    await closed;
  });

  it('never responds until the step is over', async () => {
    const { proxy, arrived } = await startTcp();
    const send = through(proxy);
    expect(await sendUntilAborted(send, URL_BEHIND, arrived)).toMatchObject({
      cause: 'timeout',
      mayHaveBeenProcessed: false,
    });
  });

  it.each(CUTS)('opens a tunnel that is then %s', async (_, cut) => {
    const { proxy } = await startTcp((socket) => {
      // The next bytes are the start of a TLS handshake.
      socket.once('data', () => cut(socket));
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
    });
    expect(await through(proxy)(URL_BEHIND)).toMatchObject({
      ...NOT_PROCESSED,
      cause: 'network',
      isRetryable: true,
    });
  });
});
