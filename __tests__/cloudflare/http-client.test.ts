import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createHttpClient } from '../../src/cloudflare/http-client.ts';
import { HAS_IPV6, send, startRaw, startServer } from './local-servers.ts';

const MIB = 1024 * 1024;
const direct = () => createHttpClient(() => null);

describe('a request', () => {
  it('arrives as it was given', async () => {
    let seen: IncomingMessage | undefined;
    let text = '';
    const { url } = await startServer(async (request, response) => {
      seen = request;
      for await (const chunk of request) text += chunk;
      response.end();
    });
    const headers = {
      authorization: 'Bearer t',
      'user-agent': 'test',
      'content-type': 'application/json',
    };
    await send(direct(), `${url}/a?b=c`, {
      method: 'POST',
      headers,
      body: '{"ü":1}',
    });
    expect(seen).toMatchObject({ method: 'POST', url: '/a?b=c', headers });
    expect(text).toBe('{"ü":1}');
  });

  it('uses the connection of the one before', async () => {
    const { url, connections } = await startServer((_, response) =>
      response.end('x'),
    );
    const client = direct();
    for (let n = 0; n < 3; n++)
      expect((await send(client, url)).body).toBe('x');
    expect(connections()).toBe(1);
  });

  it.skipIf(!HAS_IPV6)('may be to an address of IPv6', async () => {
    const { url } = await startServer(
      (_, response) => response.end('x'),
      '::1',
    );
    expect(await send(direct(), url)).toMatchObject({ status: 200, body: 'x' });
  });
});

describe('a response', () => {
  it('has its status, headers with names in lower case, and body, whatever the status is', async () => {
    const { url } = await startServer((_, response) => {
      response
        .writeHead(503, { 'CF-Ray': '8f1e-FRA', 'Retry-After': '5' })
        .end('{"ü":1}');
    });
    const response = await send(direct(), url);
    expect(response).toMatchObject({ status: 503, body: '{"ü":1}' });
    expect(response.headers).toMatchObject({
      'cf-ray': '8f1e-FRA',
      'retry-after': '5',
    });
    expect(response).not.toHaveProperty('error');
  });

  it('that redirects is not followed', async () => {
    const paths: unknown[] = [];
    const { url } = await startServer((request, response) => {
      paths.push(request.url);
      response.writeHead(302, { location: '/there' }).end('moved');
    });
    const response = await send(direct(), `${url}/here`);
    expect(response).toMatchObject({ status: 302, body: 'moved' });
    expect(new URL(response.headers['location'] ?? '', url).pathname).toBe(
      '/there',
    );
    expect(paths).toEqual(['/here']);
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const)('may be compressed with %s', async (encoding, compress) => {
    const { url } = await startServer((request, response) => {
      expect(request.headers['accept-encoding']).toContain(encoding);
      response
        .writeHead(200, { 'content-encoding': encoding })
        .end(compress('{"a":1}'));
    });
    expect((await send(direct(), url)).body).toBe('{"a":1}');
  });

  it('is read without a byte order mark', async () => {
    const { url } = await startServer((_, response) =>
      response.end('\ufeff{"a":1}'),
    );
    expect((await send(direct(), url)).body).toBe('{"a":1}');
  });

  it('may be empty', async () => {
    const { url } = await startServer((_, response) =>
      response.writeHead(204).end(),
    );
    expect(await send(direct(), url)).toMatchObject({ status: 204, body: '' });
  });
});

describe('the limit of 16 MiB', () => {
  const TOO_LARGE = {
    status: 0,
    body: '',
    error: { code: 'TOO_LARGE', message: 'more than 16 MiB', isSent: true },
  };

  it('lets a response of that size through', async () => {
    const { url } = await startServer((_, response) =>
      response.end('x'.repeat(16 * MIB)),
    );
    expect((await send(direct(), url)).body).toHaveLength(16 * MIB);
  });

  it('stops one byte more', async () => {
    const { url } = await startServer((_, response) =>
      response.end('x'.repeat(16 * MIB + 1)),
    );
    expect(await send(direct(), url)).toMatchObject(TOO_LARGE);
  });

  it('stops one that never ends, and the connection with it', async () => {
    let closed: Promise<unknown> | undefined;
    const { url } = await startServer((_, response) => {
      closed = once(response, 'close');
      const chunk = Buffer.alloc(MIB);
      const write = () => {
        while (!response.destroyed && response.write(chunk));
        response.once('drain', write);
      };
      write();
    });
    expect(await send(direct(), url)).toMatchObject(TOO_LARGE);
    await closed;
  });

  it('counts what comes out of a compressed one', async () => {
    const { url } = await startServer((_, response) => {
      response
        .writeHead(200, { 'content-encoding': 'gzip' })
        .end(gzipSync(Buffer.alloc(64 * MIB)));
    });
    expect(await send(direct(), url)).toMatchObject(TOO_LARGE);
  });
});

describe('a request without a usable response', () => {
  type Arrived = () => void;
  const hanging = (arrived: Arrived = () => {}) => startServer(arrived);
  const hangingBody = (arrived: Arrived = () => {}) =>
    startServer((_, response) => {
      response.writeHead(200).write('{', arrived);
    });

  it.each([
    ['before the headers', hanging],
    ['in the body', hangingBody],
  ])('ends at its own timeout where the server hangs %s', async (_, start) => {
    const { url } = await start();
    expect(await send(direct(), url, { timeoutMs: 1000 })).toEqual({
      status: 0,
      headers: {},
      body: '',
      error: {
        code: 'TIMEOUT',
        message: 'no response within 1 s',
        isSent: true,
      },
    });
  });

  it.each([
    ['before the headers', hanging],
    ['in the body', hangingBody],
  ])('ends when it is aborted while the server hangs %s', async (_, start) => {
    const abort = new AbortController();
    const { url } = await start(() => abort.abort());
    const { error } = await send(direct(), url, { signal: abort.signal });
    expect(error).toEqual({
      code: 'ABORTED',
      message: 'no response before the step ended',
      isSent: true,
    });
  });

  it('is not sent where it was aborted before', async () => {
    let count = 0;
    const { url } = await startServer((_, response) =>
      response.end(String(++count)),
    );
    expect(
      await send(direct(), url, { signal: AbortSignal.abort() }),
    ).toMatchObject({
      error: { code: 'ABORTED' },
    });
    expect(count).toBe(0);
  });

  it('that was reset may have arrived', async () => {
    const { url } = await startServer((request) =>
      request.socket.resetAndDestroy(),
    );
    expect(await send(direct(), url)).toMatchObject({
      status: 0,
      error: { code: 'ECONNRESET', isSent: true },
    });
  });

  it('that was cut off may have arrived', async () => {
    const { url } = await startServer((request, response) => {
      response
        .writeHead(200, { 'content-length': '100' })
        .write('{', () => request.socket.destroy());
    });
    expect(await send(direct(), url)).toMatchObject({
      status: 0,
      body: '',
      error: { isSent: true },
    });
  });

  it('was not sent where no connection was made', async () => {
    // Port 1 is reserved, and nobody listens there.
    const { error } = await send(direct(), 'http://127.0.0.1:1');
    expect(error).toEqual({
      code: 'ECONNREFUSED',
      message: 'connect ECONNREFUSED 127.0.0.1:1',
      isSent: false,
    });
  });

  it('names every address where no connection was made', async () => {
    const { error } = await send(direct(), 'http://localhost:1');
    expect(error).toMatchObject({ code: 'ECONNREFUSED', isSent: false });
    expect(error?.message).toContain('connect ECONNREFUSED 127.0.0.1:1');
  });

  it('was not sent where the host has no address', async () => {
    const { error } = await send(direct(), 'http://no.such.host.invalid');
    expect(error).toMatchObject({
      code: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/),
      isSent: false,
    });
    expect(error?.message).toContain('no.such.host.invalid');
  });

  it.each([
    ['is not HTTP', 'SSH-2.0-OpenSSH\r\n', /^HPE_/],
    [
      'has headers without end',
      `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(64 * 1024)}\r\n\r\n`,
      /^HPE_HEADER_OVERFLOW$/,
    ],
  ])('that %s says so', async (_, text, code) => {
    const { url } = await startRaw(text);
    expect(await send(direct(), url)).toMatchObject({
      status: 0,
      error: { code: expect.stringMatching(code), isSent: true },
    });
  });

  it.each(['', 'nonsense', 'ftp://127.0.0.1/'])(
    'to the address %j does not reject either',
    async (url) => {
      expect((await send(direct(), url)).error).toBeDefined();
    },
  );
});
