import tls from 'node:tls';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { extraCaProblem } from '../../src/cloudflare/connection.ts';
import { createHttpClient } from '../../src/cloudflare/http-client.ts';
import {
  AUTHORITY,
  CUTS,
  cutSecond,
  direct,
  fixture,
  HAS_IPV6,
  hello,
  identity,
  type Send,
  send,
  sendUntilAborted,
  sendUntilTimeout,
  sendWith,
  startProxy,
  startRaw,
  startTcp,
  startTlsServer,
  through,
  trust,
} from './local-servers.ts';

/** A proxy that speaks https has this certificate. */
const PROXY_NAME = 'proxy-name';

const OLD_TLS = {
  ciphers: 'DEFAULT@SECLEVEL=0',
  minVersion: 'TLSv1.1',
  maxVersion: 'TLSv1.1',
} as const;

/** As NODE_OPTIONS=--tls-min-v1.1 does for a process. */
function allowOldTls(): void {
  const { DEFAULT_MIN_VERSION, DEFAULT_CIPHERS } = tls;
  tls.DEFAULT_MIN_VERSION = 'TLSv1.1';
  tls.DEFAULT_CIPHERS = OLD_TLS.ciphers;
  onTestFinished(() => {
    Object.assign(tls, { DEFAULT_MIN_VERSION, DEFAULT_CIPHERS });
  });
}

/** How a request goes, and what its messages say of that. */
interface Way {
  readonly send: Send;
  readonly via: string;
}

async function throughProxy(certificate?: string): Promise<Way> {
  const { proxy, address } = await startProxy(
    certificate ? { certificate, host: 'localhost' } : {},
  );
  return {
    send: through(proxy),
    via: `, through the proxy ${address} (HTTPS_PROXY)`,
  };
}

const NOT_PROCESSED = {
  type: 'failure',
  cause: 'network',
  mayHaveBeenProcessed: false,
  isRetryable: true,
};
const NO_RESPONSE = {
  type: 'failure',
  cause: 'no-response',
  mayHaveBeenProcessed: true,
  isRetryable: true,
};

describe.each<[string, () => Way | Promise<Way>]>([
  ['with no proxy', () => ({ send: direct(), via: '' })],
  ['through a proxy', () => throughProxy()],
  ['through a proxy that speaks https', () => throughProxy(PROXY_NAME)],
])('a request over https %s', (_, open) => {
  beforeEach(() => trust(AUTHORITY, fixture(PROXY_NAME)));

  it('is not sent without a trusted authority, whatever NODE_TLS_REJECT_UNAUTHORIZED says', async () => {
    trust(fixture(PROXY_NAME));
    // Node warns of the variable once; it is what this is about.
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    onTestFinished(() => void vi.unstubAllEnvs());
    const { url, requests } = await startTlsServer();
    const way = await open();
    expect(await way.send(url)).toEqual({
      ...NOT_PROCESSED,
      cause: 'certificate-untrusted',
      message: `unable to verify the first certificate${way.via}`,
      isRetryable: false,
    });
    expect(requests()).toBe(0);
  });

  it('is not sent with TLS before 1.2, whatever NODE_OPTIONS says', async () => {
    allowOldTls();
    const { url, requests } = await startTlsServer(hello, OLD_TLS);
    const way = await open();
    expect(await way.send(url)).toEqual({
      ...NOT_PROCESSED,
      message: `TLS failed: tlsv1 alert protocol version${way.via}`,
    });
    expect(requests()).toBe(0);
  });

  it.each(CUTS)(
    'was not processed where the connection was %s during the handshake',
    async (_name, cut) => {
      const { httpsUrl } = await startTcp(cut);
      const way = await open();
      const response = await way.send(httpsUrl);
      expect(response).toEqual({
        ...NOT_PROCESSED,
        message: expect.stringMatching(
          /before secure TLS connection was established|ECONNRESET/,
        ),
      });
      expect(response).toMatchObject({
        message: expect.stringContaining(way.via),
      });
    },
  );

  it('was not processed where the handshake hung until the timeout', async () => {
    const { httpsUrl, port, arrived } = await startTcp();
    const way = await open();
    expect(await sendUntilTimeout(way.send, httpsUrl, arrived)).toEqual({
      ...NOT_PROCESSED,
      message: `no connection within 10 s: localhost:${port} did not respond${way.via}`,
    });
  });

  it('was not processed where the step ended during the handshake', async () => {
    const { httpsUrl, arrived } = await startTcp();
    const way = await open();
    expect(await sendUntilAborted(way.send, httpsUrl, arrived)).toMatchObject({
      cause: 'timeout',
      mayHaveBeenProcessed: false,
    });
  });

  it.each(['SSH-2.0-OpenSSH_9.9\r\n', 'HTTP/1.1 400 Bad Request\r\n\r\n'])(
    'was not processed where the server does not speak TLS but says %j',
    async (text) => {
      const { httpsUrl, port } = await startRaw(text);
      const way = await open();
      expect(await way.send(httpsUrl)).toEqual({
        ...NOT_PROCESSED,
        message: `localhost:${port} does not speak TLS${way.via}`,
        isRetryable: false,
      });
    },
  );

  it('may have been processed where the connection was cut after the handshake', async () => {
    const { url } = await startTlsServer(({ socket }) => socket.destroy());
    const way = await open();
    expect(await way.send(url)).toEqual({
      ...NO_RESPONSE,
      message: 'connected, but no complete response: socket hang up',
    });
  });

  it('may have been processed where the server hung after the handshake', async () => {
    const { url, arrived } = await startTlsServer(() => {});
    const way = await open();
    expect(await sendUntilTimeout(way.send, url, arrived)).toEqual({
      ...NO_RESPONSE,
      message: 'connected, but no complete response within 10 s',
    });
  });

  it('may have been processed where a connection that served another was cut', async () => {
    const { url, connections } = await startTlsServer(cutSecond());
    const way = await open();
    await way.send(url);
    expect(await way.send(url)).toMatchObject(NO_RESPONSE);
    expect(connections()).toBe(1);
  });
});

describe('the certificate of a server', () => {
  it('is trusted with its authority', async () => {
    trust(AUTHORITY);
    const { url } = await startTlsServer();
    expect(await send(url)).toMatchObject({ status: 200, text: 'hello' });
  });

  it.each([
    ['has a key that is too small', 'weak', 'key too weak'],
    ['is not for servers', 'clients-only', 'unsuitable certificate purpose'],
    ['is expired', 'expired', 'certificate has expired'],
    ['is not valid yet', 'not-yet-valid', 'certificate is not yet valid'],
    ['is for another name', 'api-name', "not in the cert's altnames"],
  ])('that %s is invalid, although it is trusted', async (_, name, text) => {
    trust(fixture(name));
    const { url, requests } = await startTlsServer(hello, identity(name));
    expect(await send(url)).toEqual({
      type: 'failure',
      cause: 'certificate-invalid',
      message: expect.stringContaining(text),
      mayHaveBeenProcessed: false,
      isRetryable: false,
    });
    expect(requests()).toBe(0);
  });

  it('that is self-signed is not trusted', async () => {
    const { url } = await startTlsServer(hello, identity(PROXY_NAME));
    expect(await send(url)).toMatchObject({
      cause: 'certificate-untrusted',
      message: expect.stringMatching(/^self-signed certificate$/),
    });
  });

  it('has to be for the name behind a proxy', async () => {
    trust(AUTHORITY);
    const { port } = await startTlsServer();
    const way = await throughProxy();
    const response = await way.send(`https://other.share.test:${port}`);
    expect(response).toMatchObject({
      cause: 'certificate-invalid',
      message: expect.stringContaining('Host: other.share.test.'),
      mayHaveBeenProcessed: false,
    });
  });

  it.skipIf(!HAS_IPV6)('has to be for the address', async () => {
    trust(AUTHORITY);
    const { url } = await startTlsServer(hello, { host: '::1' });
    expect(await send(url)).toMatchObject({ cause: 'certificate-invalid' });
  });
});

it('TLS before 1.2 is not spoken to a proxy', async () => {
  trust(AUTHORITY);
  allowOldTls();
  const { proxy, connects } = await startProxy({
    certificate: 'server',
    tls: OLD_TLS,
  });
  expect(await through(proxy)('https://localhost:1')).toMatchObject({
    cause: 'proxy',
    message: expect.stringContaining('TLS failed'),
  });
  expect(connects).toEqual([]);
});

describe('NODE_EXTRA_CA_CERTS', () => {
  const env = { NODE_EXTRA_CA_CERTS: '/etc/corp.pem' };

  it('that names a missing file is in the message about an authority, and in no other', async () => {
    const problem = extraCaProblem(env, () => false);
    const { url } = await startTlsServer();
    const sendIt = sendWith(createHttpClient(() => null, problem));
    expect(await sendIt(url)).toMatchObject({
      cause: 'certificate-untrusted',
      message:
        'unable to verify the first certificate; NODE_EXTRA_CA_CERTS names "/etc/corp.pem", which does not exist',
    });
    expect(await sendIt('https://127.0.0.1:1')).toMatchObject({
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
