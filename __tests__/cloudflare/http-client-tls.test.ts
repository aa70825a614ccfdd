import tls from 'node:tls';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { extraCaProblem } from '../../src/cloudflare/connection.ts';
import { createHttpClient } from '../../src/cloudflare/http-client.ts';
import {
  AUTHORITY,
  fixture,
  HAS_IPV6,
  identity,
  send,
  startProxy,
  startRaw,
  startTcp,
  startTlsServer,
} from './local-servers.ts';

const DEFAULTS = {
  authorities: tls.getCACertificates('default'),
  minVersion: tls.DEFAULT_MIN_VERSION,
  ciphers: tls.DEFAULT_CIPHERS,
};

/** As NODE_EXTRA_CA_CERTS does for a process that is started with it. */
const trust = (...certificates: string[]) =>
  tls.setDefaultCACertificates([...DEFAULTS.authorities, ...certificates]);

const direct = () => createHttpClient(() => null);

afterEach(() => {
  trust();
  tls.DEFAULT_MIN_VERSION = DEFAULTS.minVersion;
  tls.DEFAULT_CIPHERS = DEFAULTS.ciphers;
  vi.unstubAllEnvs();
  vi.useRealTimers();
});

describe('the certificate of a server', () => {
  // Node warns of the variable once; it is what this is about.
  beforeEach(() => void vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0'));

  const UNTRUSTED = {
    type: 'failure',
    cause: 'certificate-untrusted',
    message: 'unable to verify the first certificate',
    mayHaveBeenProcessed: false,
    isRetryable: false,
  };

  it('has to be of a trusted authority, whatever NODE_TLS_REJECT_UNAUTHORIZED says', async () => {
    let requests = 0;
    const { url } = await startTlsServer((_, response) =>
      response.end(String(++requests)),
    );
    expect(await send(direct(), url)).toEqual(UNTRUSTED);
    expect(requests).toBe(0);
  });

  it('has to be of a trusted authority through a proxy too', async () => {
    let requests = 0;
    const { url } = await startTlsServer((_, response) =>
      response.end(String(++requests)),
    );
    const { proxy, address } = await startProxy();
    expect(
      await send(
        createHttpClient(() => proxy),
        url,
      ),
    ).toEqual({
      ...UNTRUSTED,
      message: `unable to verify the first certificate, through the proxy ${address} (HTTPS_PROXY)`,
    });
    expect(requests).toBe(0);
  });

  it('is trusted with its authority', async () => {
    trust(AUTHORITY);
    const { url } = await startTlsServer();
    expect(await send(direct(), url)).toMatchObject({
      status: 200,
      body: 'hello',
    });
  });

  it.each([
    ['has a key that is too small', 'weak', 'key too weak'],
    ['is not for servers', 'clients-only', 'unsuitable certificate purpose'],
    ['is expired', 'expired', 'certificate has expired'],
    ['is for another name', 'api-name', "not in the cert's altnames"],
  ])('that %s is invalid, although it is trusted', async (_, name, text) => {
    trust(fixture(name));
    let requests = 0;
    const { url } = await startTlsServer(
      (_, response) => response.end(String(++requests)),
      identity(name),
    );
    expect(await send(direct(), url)).toEqual({
      type: 'failure',
      cause: 'certificate-invalid',
      message: expect.stringContaining(text),
      mayHaveBeenProcessed: false,
      isRetryable: false,
    });
    expect(requests).toBe(0);
  });

  it('that is self-signed is not trusted', async () => {
    const { url } = await startTlsServer(undefined, identity('proxy-name'));
    expect(await send(direct(), url)).toMatchObject({
      cause: 'certificate-untrusted',
      message: expect.stringMatching(/^self-signed certificate$/),
    });
  });

  it('has to be for the name behind a proxy', async () => {
    trust(AUTHORITY);
    const { port } = await startTlsServer();
    const { proxy } = await startProxy();
    const client = createHttpClient(() => proxy);
    expect(
      await send(client, `https://other.share.test:${port}`),
    ).toMatchObject({
      cause: 'certificate-invalid',
      message: expect.stringContaining('Host: other.share.test.'),
      mayHaveBeenProcessed: false,
    });
  });

  it.skipIf(!HAS_IPV6)('has to be for the address', async () => {
    trust(AUTHORITY);
    const { url } = await startTlsServer(undefined, { host: '::1' });
    expect(await send(direct(), url)).toMatchObject({
      cause: 'certificate-invalid',
    });
  });
});

describe('NODE_EXTRA_CA_CERTS', () => {
  const env = { NODE_EXTRA_CA_CERTS: '/etc/corp.pem' };

  it('that names a missing file is in the message about an authority', async () => {
    const problem = extraCaProblem(env, () => false);
    const { url } = await startTlsServer();
    const client = createHttpClient(() => null, problem);
    expect(await send(client, url)).toMatchObject({
      cause: 'certificate-untrusted',
      message:
        'unable to verify the first certificate; NODE_EXTRA_CA_CERTS names "/etc/corp.pem", which does not exist',
    });
  });

  it('is in no other message', async () => {
    const client = createHttpClient(() => null, 'a problem');
    expect(await send(client, 'https://127.0.0.1:1')).toMatchObject({
      cause: 'network',
      message: 'connect ECONNREFUSED 127.0.0.1:1',
    });
  });

  it('is no problem where the file exists, or none is named', () => {
    const names: string[] = [];
    const exists = (name: string) => names.push(name) > 0;
    expect(extraCaProblem(env, exists)).toBeNull();
    expect(names).toEqual(['/etc/corp.pem']);
    expect(extraCaProblem({}, () => false)).toBeNull();
    expect(extraCaProblem({ NODE_EXTRA_CA_CERTS: '' }, () => false)).toBeNull();
  });
});

describe('TLS before 1.2', () => {
  const OLD = {
    ciphers: 'DEFAULT@SECLEVEL=0',
    minVersion: 'TLSv1.1',
    maxVersion: 'TLSv1.1',
  } as const;

  // As NODE_OPTIONS=--tls-min-v1.1 does for a process.
  beforeEach(() => {
    trust(AUTHORITY);
    tls.DEFAULT_MIN_VERSION = 'TLSv1.1';
    tls.DEFAULT_CIPHERS = OLD.ciphers;
  });

  it('is not spoken to a server, whatever NODE_OPTIONS says', async () => {
    const { url } = await startTlsServer(undefined, OLD);
    expect(await send(direct(), url)).toEqual({
      type: 'failure',
      cause: 'network',
      message: 'TLS failed: tlsv1 alert protocol version',
      mayHaveBeenProcessed: false,
      isRetryable: true,
    });
  });

  it('is not spoken to a server behind a proxy', async () => {
    const { url } = await startTlsServer(undefined, OLD);
    const { proxy } = await startProxy();
    expect(
      await send(
        createHttpClient(() => proxy),
        url,
      ),
    ).toMatchObject({
      cause: 'network',
      message: expect.stringMatching(/^TLS failed: .*, through the proxy/),
      mayHaveBeenProcessed: false,
    });
  });

  it('is not spoken to a proxy', async () => {
    const { proxy, connects } = await startProxy({
      certificate: 'server',
      tls: OLD,
    });
    expect(
      await send(
        createHttpClient(() => proxy),
        'https://localhost:1',
      ),
    ).toMatchObject({
      cause: 'proxy',
      message: expect.stringContaining('TLS failed'),
    });
    expect(connects).toEqual([]);
  });
});

describe('a request over https was not processed', () => {
  beforeEach(() => trust(AUTHORITY));

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
  ])('where the connection was %s during the handshake', async (_, cut) => {
    const { httpsUrl } = await startTcp(cut);
    expect(await send(direct(), httpsUrl)).toEqual({
      ...NOT_PROCESSED,
      message: expect.stringMatching(
        /before secure TLS connection was established|ECONNRESET/,
      ),
    });
  });

  it('where the handshake hung until the timeout', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { httpsUrl, port, received } = await startTcp(() => {});
    const sending = send(direct(), httpsUrl, { timeoutMs: 10_000 });
    await received;
    vi.advanceTimersByTime(10_000);
    expect(await sending).toEqual({
      ...NOT_PROCESSED,
      message: `no connection within 10 s: localhost:${port} did not respond`,
    });
  });

  it('where the step ended during the handshake', async () => {
    const { httpsUrl, received } = await startTcp(() => {});
    const abort = new AbortController();
    const sending = send(direct(), httpsUrl, { signal: abort.signal });
    await received;
    abort.abort();
    expect(await sending).toMatchObject({
      cause: 'timeout',
      mayHaveBeenProcessed: false,
    });
  });

  it.each(['SSH-2.0-OpenSSH_9.9\r\n', 'HTTP/1.1 400 Bad Request\r\n\r\n'])(
    'where the server does not speak TLS but says %j',
    async (text) => {
      const { httpsUrl, port } = await startRaw(text);
      expect(await send(direct(), httpsUrl)).toEqual({
        ...NOT_PROCESSED,
        message: `localhost:${port} does not speak TLS`,
        isRetryable: false,
      });
    },
  );
});

describe('a request over https may have been processed', () => {
  beforeEach(() => trust(AUTHORITY));

  const NO_RESPONSE = {
    type: 'failure',
    cause: 'no-response',
    mayHaveBeenProcessed: true,
    isRetryable: true,
  };

  it('where the connection was cut after the handshake', async () => {
    const { url } = await startTlsServer(({ socket }) => socket.destroy());
    expect(await send(direct(), url)).toEqual({
      ...NO_RESPONSE,
      message: 'connected, but no complete response: socket hang up',
    });
  });

  it('where the server hung after the handshake', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    let arrive: () => void = () => {};
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const { url } = await startTlsServer(() => arrive());
    const sending = send(direct(), url, { timeoutMs: 10_000 });
    await arrived;
    vi.advanceTimersByTime(10_000);
    expect(await sending).toEqual({
      ...NO_RESPONSE,
      message: 'connected, but no complete response within 10 s',
    });
  });

  it('where a connection that served another request was cut', async () => {
    let requests = 0;
    const { url, connections } = await startTlsServer((request, response) => {
      requests++;
      if (requests === 1) response.end('x');
      else request.socket.destroy();
    });
    const client = direct();
    await send(client, url);
    expect(await send(client, url)).toMatchObject(NO_RESPONSE);
    expect(connections()).toBe(1);
  });
});
