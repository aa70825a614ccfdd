import dns from 'node:dns';
import { getEventListeners, once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createHttpClient } from '../../src/cloudflare/http-client.ts';
import {
  HAS_IPV6,
  send,
  startRaw,
  startServer,
  startTcp,
} from './local-servers.ts';

const MIB = 1024 * 1024;
const direct = () => createHttpClient(() => null);

/** The body of a response; fails where there is none. */
async function bodyOf(url: string, maxMiB = 16): Promise<string> {
  const response = await send(direct(), url, { maxMiB });
  if (response.type === 'failure') expect.fail(response.message);
  return response.body;
}

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

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

  it.each(['DELETE', 'PUT'])('has its body with %s too', async (method) => {
    let text = '';
    const { url } = await startServer(async (request, response) => {
      for await (const chunk of request) text += chunk;
      response.end();
    });
    await send(direct(), url, { method, body: 'ü' });
    expect(text).toBe('ü');
  });

  it('uses the connection of the one before', async () => {
    const { url, connections } = await startServer((_, response) =>
      response.end('x'),
    );
    const client = direct();
    for (let n = 0; n < 3; n++)
      expect(await send(client, url)).toMatchObject({ body: 'x' });
    expect(connections()).toBe(1);
  });

  it('leaves no listener on the signal of the run, nor on its connection', async () => {
    const { signal } = new AbortController();
    const warnings: Error[] = [];
    const warn = (warning: Error) => warnings.push(warning);
    process.on('warning', warn);
    const { url } = await startServer((_, response) => response.end('x'));
    const client = direct();

    for (let n = 0; n < 20; n++) await send(client, url, { signal });
    await send(client, 'http://127.0.0.1:1', { signal });

    expect(getEventListeners(signal, 'abort')).toEqual([]);
    process.off('warning', warn);
    expect(warnings).toEqual([]);
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
    expect(response).toEqual({
      type: 'response',
      status: 503,
      headers: expect.objectContaining({
        'cf-ray': '8f1e-FRA',
        'retry-after': '5',
      }),
      body: '{"ü":1}',
    });
  });

  it('has headers that are text, even those that came twice', async () => {
    const { url } = await startServer((_, response) =>
      response
        .writeHead(200, ['set-cookie', 'a=1', 'set-cookie', 'b=2', 'x', 'y'])
        .end(),
    );
    expect(await send(direct(), url)).toMatchObject({
      headers: { 'set-cookie': 'a=1, b=2', x: 'y' },
    });
  });

  it('that redirects is not followed', async () => {
    const paths: unknown[] = [];
    const { url } = await startServer((request, response) => {
      paths.push(request.url);
      response.writeHead(302, { location: '/there' }).end('moved');
    });
    expect(await send(direct(), `${url}/here`)).toMatchObject({
      status: 302,
      headers: { location: '/there' },
      body: 'moved',
    });
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
        .writeHead(200, { 'content-encoding': encoding.toUpperCase() })
        .end(compress('{"a":1}'));
    });
    expect(await bodyOf(url)).toBe('{"a":1}');
  });

  it.each(['gzip', 'constructor', '__proto__'])(
    'may be empty, or not compressed at all, where it says %s',
    async (encoding) => {
      const { url } = await startServer((request, response) =>
        response
          .writeHead(200, { 'content-encoding': encoding })
          .end(encoding === 'gzip' ? '' : request.url),
      );
      expect(await bodyOf(`${url}/a`)).toBe(encoding === 'gzip' ? '' : '/a');
    },
  );

  it('is read without a byte order mark', async () => {
    const { url } = await startServer((_, response) =>
      response.end('\ufeff{"a":1}'),
    );
    expect(await bodyOf(url)).toBe('{"a":1}');
  });

  it('may be empty', async () => {
    const { url } = await startServer((_, response) =>
      response.writeHead(204).end(),
    );
    expect(await send(direct(), url)).toMatchObject({ status: 204, body: '' });
  });
});

describe.each([1, 2])('a limit of %i MiB', (maxMiB) => {
  const TOO_LARGE = {
    type: 'failure',
    cause: 'too-large',
    message: `more than ${maxMiB} MiB`,
    mayHaveBeenProcessed: true,
    isRetryable: false,
  };

  it('lets a response of that size through', async () => {
    const { url } = await startServer((_, response) =>
      response.end('x'.repeat(maxMiB * MIB)),
    );
    expect(await bodyOf(url, maxMiB)).toHaveLength(maxMiB * MIB);
  });

  it('lets a compressed response of that size through', async () => {
    const { url } = await startServer((_, response) =>
      response
        .writeHead(200, { 'content-encoding': 'gzip' })
        .end(gzipSync('x'.repeat(maxMiB * MIB))),
    );
    expect(await bodyOf(url, maxMiB)).toHaveLength(maxMiB * MIB);
  });

  it('stops one byte more', async () => {
    const { url } = await startServer((_, response) =>
      response.end('x'.repeat(maxMiB * MIB + 1)),
    );
    expect(await send(direct(), url, { maxMiB })).toEqual(TOO_LARGE);
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
    expect(await send(direct(), url, { maxMiB })).toEqual(TOO_LARGE);
    await closed;
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const)('counts what comes out of %s', async (encoding, compress) => {
    const { url } = await startServer((_, response) => {
      response
        .writeHead(200, { 'content-encoding': encoding })
        .end(compress(Buffer.alloc(maxMiB * MIB + 1)));
    });
    expect(await send(direct(), url, { maxMiB })).toEqual(TOO_LARGE);
  });
});

describe('a request without a usable response', () => {
  /** A server that received a request, and then does nothing more. */
  async function startHanging(part: 'before the headers' | 'in the body') {
    let arrive: () => void = () => {};
    const arrived = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    let close: () => void = () => {};
    const closed = new Promise<void>((resolve) => {
      close = resolve;
    });
    const { url } = await startServer(({ socket }, response) => {
      socket.once('close', close);
      if (part === 'in the body') response.writeHead(200).write('{');
      arrive();
    });
    return { url, arrived, closed };
  }

  describe.each(['before the headers', 'in the body'] as const)(
    'where the server hangs %s',
    (part) => {
      it('ends at its own timeout, and may have been processed', async () => {
        vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
        const { url, arrived, closed } = await startHanging(part);
        const sending = send(direct(), url, { timeoutMs: 10_000 });
        await arrived;
        vi.advanceTimersByTime(10_000);
        expect(await sending).toEqual({
          type: 'failure',
          cause: 'no-response',
          message: 'connected, but no complete response within 10 s',
          mayHaveBeenProcessed: true,
          isRetryable: true,
        });
        await closed;
      });

      it('ends when it is aborted', async () => {
        const { url, arrived, closed } = await startHanging(part);
        const abort = new AbortController();
        const sending = send(direct(), url, { signal: abort.signal });
        await arrived;
        abort.abort();
        expect(await sending).toEqual({
          type: 'failure',
          cause: 'timeout',
          message: 'no response before the step ended',
          mayHaveBeenProcessed: true,
          isRetryable: false,
        });
        await closed;
      });
    },
  );

  it('ends no timer but its own', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { url } = await startServer((_, response) => response.end('x'));
    await send(direct(), url);
    await send(direct(), 'http://127.0.0.1:1');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is not sent where it was aborted before', async () => {
    let count = 0;
    const { url } = await startServer((_, response) =>
      response.end(String(++count)),
    );
    expect(
      await send(direct(), url, { signal: AbortSignal.abort() }),
    ).toMatchObject({ cause: 'timeout', mayHaveBeenProcessed: false });
    expect(count).toBe(0);
  });

  it('that was reset may have been processed', async () => {
    const { url } = await startServer((request) =>
      request.socket.resetAndDestroy(),
    );
    expect(await send(direct(), url)).toEqual({
      type: 'failure',
      cause: 'no-response',
      message: expect.stringMatching(
        /^connected, but no complete response: .*(ECONNRESET|socket hang up)/,
      ),
      mayHaveBeenProcessed: true,
      isRetryable: true,
    });
  });

  it('that was cut on a connection that served another may have been processed', async () => {
    let requests = 0;
    const { url, connections } = await startServer((request, response) => {
      requests++;
      if (requests === 1) response.end('x');
      else request.socket.destroy();
    });
    const client = direct();
    await send(client, url);
    expect(await send(client, url)).toMatchObject({
      cause: 'no-response',
      mayHaveBeenProcessed: true,
    });
    expect(connections()).toBe(1);
  });

  it('that was cut in the body may have been processed', async () => {
    const { url } = await startServer((request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{', () => request.socket.destroy());
    });
    expect(await send(direct(), url)).toMatchObject({
      type: 'failure',
      cause: 'no-response',
      mayHaveBeenProcessed: true,
    });
  });

  it('that was changed to another protocol may have been processed', async () => {
    const { url } = await startServer(({ socket }) =>
      socket.write(
        'HTTP/1.1 101 No\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n',
      ),
    );
    expect(await send(direct(), url)).toEqual({
      type: 'failure',
      cause: 'no-response',
      message: 'connected, but no complete response: the connection was closed',
      mayHaveBeenProcessed: true,
      isRetryable: true,
    });
  });

  it('was not processed where no connection was made', async () => {
    // Port 1 is reserved, and nobody listens there.
    expect(await send(direct(), 'http://127.0.0.1:1')).toEqual({
      type: 'failure',
      cause: 'network',
      message: 'connect ECONNREFUSED 127.0.0.1:1',
      mayHaveBeenProcessed: false,
      isRetryable: true,
    });
  });

  it('names every address where no connection was made', async () => {
    const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({
      address,
      family: 4,
    }));
    vi.spyOn(dns, 'lookup').mockImplementation(((...args: unknown[]) =>
      process.nextTick(args.at(-1) as never, null, addresses)) as never);
    expect(await send(direct(), 'http://two.share.test:1')).toEqual({
      type: 'failure',
      cause: 'network',
      message:
        'connect ECONNREFUSED 127.0.0.1:1; connect ECONNREFUSED 127.0.0.2:1',
      mayHaveBeenProcessed: false,
      isRetryable: true,
    });
  });

  it('was not processed where the host has no address', async () => {
    expect(await send(direct(), 'http://no.such.host.invalid')).toMatchObject({
      cause: 'network',
      message: expect.stringMatching(
        /getaddrinfo (ENOTFOUND|EAI_AGAIN) no\.such\.host\.invalid/,
      ),
      mayHaveBeenProcessed: false,
      isRetryable: true,
    });
  });

  it.each([
    ['is not HTTP', 'SSH-2.0-OpenSSH\r\n', 'Expected HTTP'],
    [
      'has headers without end',
      `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(64 * 1024)}\r\n\r\n`,
      'Header overflow',
    ],
  ])('that %s says so', async (_, text, message) => {
    const { url } = await startRaw(text);
    expect(await send(direct(), url)).toEqual({
      type: 'failure',
      cause: 'invalid-response',
      message: expect.stringMatching(`^the response is not HTTP: .*${message}`),
      mayHaveBeenProcessed: true,
      isRetryable: true,
    });
  });

  it.each([
    ['gzip', 'is not compressed as it says', Buffer.from('{"a":1}')],
    ['br', 'is not compressed as it says', Buffer.from('{"a":1}')],
    ['deflate', 'ends too early', deflateSync('{"a":1}').subarray(0, 8)],
    ['br', 'ends too early', brotliCompressSync('{"a":1}').subarray(0, 8)],
  ])('that says %s and %s is invalid', async (coding, _, body) => {
    const { url } = await startServer((_, response) =>
      response.writeHead(200, { 'content-encoding': coding }).end(body),
    );
    expect(await send(direct(), url)).toEqual({
      type: 'failure',
      cause: 'invalid-response',
      message: expect.stringMatching(`^the response is not ${coding}: .`),
      mayHaveBeenProcessed: true,
      isRetryable: true,
    });
  });

  // As node-fetch and browsers do. No part of a JSON object is valid JSON.
  it('that says gzip and ends too early is read as far as it goes', async () => {
    const body = gzipSync('{"a":1}').subarray(0, 12);
    const { url } = await startServer((_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(body),
    );
    expect(await bodyOf(url)).toBe('{');
  });

  it.each([
    ['', {}],
    ['nonsense', {}],
    ['ftp://127.0.0.1/', {}],
    ['http://127.0.0.1:1', { 'x-a': 'a\nb' }],
  ])(
    'to the address %j with the headers %j does not reject either',
    async (url, headers) => {
      expect(await send(direct(), url, { headers })).toMatchObject({
        type: 'failure',
        mayHaveBeenProcessed: false,
        isRetryable: false,
      });
    },
  );
});

describe('a connection over http', () => {
  it('that is cut after it was made may have carried the request', async () => {
    const { url } = await startTcp((socket) => socket.destroy());
    expect(await send(direct(), url)).toMatchObject({
      cause: 'no-response',
      mayHaveBeenProcessed: true,
    });
  });
});
