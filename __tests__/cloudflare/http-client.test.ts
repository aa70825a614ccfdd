import dns from 'node:dns';
import { getEventListeners, once } from 'node:events';
import type { IncomingMessage, RequestListener } from 'node:http';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ReceivedResponse } from '../../src/cloudflare/http-client.ts';
import {
  direct,
  HAS_IPV6,
  hello,
  send,
  sendUntilAborted,
  sendUntilTimeout,
  startRaw,
  startServer,
} from './local-servers.ts';

const MIB = 1024 * 1024;
const CODINGS: [string, (text: string) => Buffer][] = [
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
];

/** Responds with this body in this coding. */
const encoded =
  (coding: string, body: string | Buffer): RequestListener =>
  (_, response) =>
    response.writeHead(200, { 'content-encoding': coding }).end(body);

/** What this server responds with; fails where it is no response. */
async function responseFrom(
  listener: RequestListener,
  maxMiB = 16,
): Promise<ReceivedResponse> {
  const { url } = await startServer(listener);
  const response = await send(url, { maxMiB });
  if (response.type === 'failure') expect.fail(response.message);
  return response;
}

describe('a request', () => {
  it.each(['POST', 'DELETE', 'PUT'])(
    'arrives as it was given: %s',
    async (method) => {
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
      await send(`${url}/a?b=c`, { method, headers, body: '{"ü":1}' });
      expect(seen).toMatchObject({ method, url: '/a?b=c', headers });
      expect(text).toBe('{"ü":1}');
    },
  );

  it('uses the connection of the one before', async () => {
    const { url, connections } = await startServer();
    const sendIt = direct();
    for (let n = 0; n < 3; n++)
      expect(await sendIt(url)).toMatchObject({ text: 'hello' });
    expect(connections()).toBe(1);
  });

  it('leaves no listener on the signal of the run, nor on its connection', async () => {
    const { signal } = new AbortController();
    const warnings: Error[] = [];
    const warn = (warning: Error) => warnings.push(warning);
    process.on('warning', warn);
    const { url } = await startServer();
    const sendIt = direct();

    for (let n = 0; n < 20; n++) await sendIt(url, { signal });
    await sendIt('http://127.0.0.1:1', { signal });

    expect(getEventListeners(signal, 'abort')).toEqual([]);
    process.off('warning', warn);
    expect(warnings).toEqual([]);
  });

  it('leaves no timer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { url } = await startServer();
    await send(url);
    await send('http://127.0.0.1:1');
    expect(vi.getTimerCount()).toBe(0);
  });

  it.skipIf(!HAS_IPV6)('may be to an address of IPv6', async () => {
    const { url } = await startServer(hello, '::1');
    expect(await send(url)).toMatchObject({ status: 200, text: 'hello' });
  });
});

describe('a response', () => {
  it('has its status, headers that are text with names in lower case, and body', async () => {
    const { url } = await startServer((_, response) => {
      const cookies = ['set-cookie', 'a=1', 'set-cookie', 'b=2'];
      response.writeHead(503, ['CF-Ray', '8f1e-FRA', ...cookies]);
      response.end('{"ü":1}');
    });
    expect(await send(url)).toEqual({
      type: 'response',
      status: 503,
      headers: expect.objectContaining({
        'cf-ray': '8f1e-FRA',
        'set-cookie': 'a=1, b=2',
      }),
      json: { ü: 1 },
      text: '{"ü":1}',
    });
  });

  it('that redirects is not followed', async () => {
    const { url, requests } = await startServer((_, response) =>
      response.writeHead(302, { location: '/there' }).end('moved'),
    );
    expect(await send(`${url}/here`)).toMatchObject({
      status: 302,
      headers: { location: '/there' },
      json: null,
      text: 'moved',
    });
    expect(requests()).toBe(1);
  });

  it.each(CODINGS)('may be compressed with %s', async (coding, compress) => {
    const body = compress('{"a":1}');
    const { url } = await startServer((request, response) => {
      expect(request.headers['accept-encoding']).toContain(coding);
      encoded(coding.toUpperCase(), body)(request, response);
    });
    expect(await send(url)).toMatchObject({ json: { a: 1 } });
  });

  // Node-fetch compares the last bytes of such a body with the usual ones.
  it.each<[string, string, object]>([
    ['as usual', '0\r\n\r\n', { json: { a: 1 } }],
    ['with an extension', '0;x=y\r\n\r\n', { json: { a: 1 } }],
    ['with several zeros', '000\r\n\r\n', { json: { a: 1 } }],
    ['with a trailer', '0\r\nx: y\r\n\r\n', { json: { a: 1 } }],
    ['without its last chunk', '', { type: 'failure', cause: 'no-response' }],
  ])(
    'in chunks and compressed, on a connection that is closed, may end %s',
    async (_, end, expected) => {
      const body = gzipSync('{"a":1}');
      const head =
        'HTTP/1.1 200 OK\r\nconnection: close\r\n' +
        'transfer-encoding: chunked\r\ncontent-encoding: gzip\r\n\r\n' +
        `${body.length.toString(16)}\r\n`;
      const parts = [Buffer.from(head), body, Buffer.from(`\r\n${end}`)];
      const { url } = await startRaw(Buffer.concat(parts));
      expect(await send(url)).toMatchObject(expected);
    },
  );

  it.each<[string, RequestListener, string]>([
    ['empty', (_, response) => response.writeHead(204).end(), ''],
    ['empty where it says gzip', encoded('gzip', ''), ''],
    ['plain where it says constructor', encoded('constructor', '/a'), '/a'],
    ['plain where it says __proto__', encoded('__proto__', '/a'), '/a'],
    [
      'read without a byte order mark',
      (_, response) => response.end('\ufeff{"a":1}'),
      '{"a":1}',
    ],
    // As node-fetch and browsers do. No part of a JSON object is valid JSON.
    [
      'cut short where it says gzip, and is read as far as it goes',
      encoded('gzip', gzipSync('{"a":1}').subarray(0, 12)),
      '{',
    ],
  ])('may be %s', async (_, listener, body) => {
    expect(await responseFrom(listener)).toMatchObject({ text: body });
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
  const value = 'x'.repeat(maxMiB * MIB - 8);
  const most = `{"a":"${value}"}`;

  it.each<[string, RequestListener]>([
    ['a response', (_, response) => response.end(most)],
    ['a compressed response', encoded('gzip', gzipSync(most))],
  ])('lets %s of that size through', async (_, listener) => {
    const { json } = await responseFrom(listener, maxMiB);
    expect(json).toEqual({ a: value });
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
    expect(await send(url, { maxMiB })).toEqual(TOO_LARGE);
    await closed;
  });

  it.each([
    ['identity', (text: string) => Buffer.from(text)] as const,
    ...CODINGS,
  ])(
    'stops one byte more of what comes out of %s',
    async (coding, compress) => {
      const { url } = await startServer(encoded(coding, compress(`${most}x`)));
      expect(await send(url, { maxMiB })).toEqual(TOO_LARGE);
    },
  );
});

describe('a request without a usable response', () => {
  const MAY_BE_PROCESSED = {
    type: 'failure',
    mayHaveBeenProcessed: true,
    isRetryable: true,
  };
  const NOT_CONNECTED = {
    type: 'failure',
    cause: 'network',
    mayHaveBeenProcessed: false,
    isRetryable: true,
  };

  describe.each<[string, RequestListener]>([
    ['before the headers', () => {}],
    ['in the body', (_, response) => void response.writeHead(200).write('{')],
  ])('where the server hangs %s', (_, hang) => {
    it('ends at its own timeout, and may have been processed', async () => {
      const { url, arrived, closed } = await startServer(hang);
      expect(await sendUntilTimeout(send, url, arrived)).toEqual({
        ...MAY_BE_PROCESSED,
        cause: 'no-response',
        message: 'connected, but no complete response within 10 s',
      });
      await closed;
    });

    it('ends when it is aborted', async () => {
      const { url, arrived, closed } = await startServer(hang);
      expect(await sendUntilAborted(send, url, arrived)).toEqual({
        ...MAY_BE_PROCESSED,
        cause: 'timeout',
        message: 'no response before the request was ended',
        isRetryable: false,
      });
      await closed;
    });
  });

  it('is not sent where it was aborted before', async () => {
    const { url, requests } = await startServer();
    expect(await send(url, { signal: AbortSignal.abort() })).toMatchObject({
      cause: 'timeout',
      mayHaveBeenProcessed: false,
    });
    expect(requests()).toBe(0);
  });

  it.each<[string, RequestListener, string]>([
    [
      'was reset',
      ({ socket }) => socket.resetAndDestroy(),
      '.*(ECONNRESET|socket hang up)',
    ],
    [
      'was cut in the body',
      ({ socket }, response) => {
        response.writeHead(200, { 'content-length': '100' });
        response.write('{', () => socket.destroy());
      },
      '.',
    ],
    [
      'was changed to another protocol',
      ({ socket }) =>
        socket.write(
          'HTTP/1.1 101 No\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n',
        ),
      'the connection was closed$',
    ],
  ])('that %s may have been processed', async (_, listener, reason) => {
    const { url } = await startServer(listener);
    expect(await send(url)).toEqual({
      ...MAY_BE_PROCESSED,
      cause: 'no-response',
      message: expect.stringMatching(
        `^connected, but no complete response: ${reason}`,
      ),
    });
  });

  it.each([
    // Port 1 is reserved, and nobody listens there.
    ['http://127.0.0.1:1', /^connect ECONNREFUSED 127\.0\.0\.1:1$/],
    [
      'http://no.such.host.invalid',
      /^getaddrinfo (ENOTFOUND|EAI_AGAIN) no\.such\.host\.invalid$/,
    ],
  ])('was not processed where nobody is at %s', async (url, message) => {
    expect(await send(url)).toEqual({
      ...NOT_CONNECTED,
      message: expect.stringMatching(message),
    });
  });

  it('names every address where no connection was made', async () => {
    const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({
      address,
      family: 4,
    }));
    const lookup = vi.spyOn(dns, 'lookup');
    onTestFinished(() => lookup.mockRestore());
    lookup.mockImplementation(((...args: unknown[]) =>
      process.nextTick(args.at(-1) as never, null, addresses)) as never);
    expect(await send('http://two.share.test:1')).toEqual({
      ...NOT_CONNECTED,
      message:
        'connect ECONNREFUSED 127.0.0.1:1; connect ECONNREFUSED 127.0.0.2:1',
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
    expect(await send(url)).toEqual({
      ...MAY_BE_PROCESSED,
      cause: 'invalid-response',
      message: expect.stringMatching(`^the response is not HTTP: .*${message}`),
    });
  });

  it.each([
    ['gzip', 'is not compressed as it says', '{"a":1}'],
    ['br', 'is not compressed as it says', '{"a":1}'],
    ['deflate', 'ends too early', deflateSync('{"a":1}').subarray(0, 8)],
    ['br', 'ends too early', brotliCompressSync('{"a":1}').subarray(0, 8)],
  ])('that says %s and %s is invalid', async (coding, _, body) => {
    const { url } = await startServer(encoded(coding, body));
    expect(await send(url)).toEqual({
      ...MAY_BE_PROCESSED,
      cause: 'invalid-response',
      // Node's own words, without the address.
      message: expect.stringMatching(`^the response is not ${coding}: [^:]+$`),
    });
  });

  it.each([
    ['', {}],
    ['nonsense', {}],
    ['ftp://127.0.0.1/', {}],
    ['http://127.0.0.1:1', { 'x-a': 'a\nb' }],
  ])(
    'to the address %j with the headers %j does not reject either',
    async (url, headers) => {
      expect(await send(url, { headers })).toMatchObject({
        type: 'failure',
        mayHaveBeenProcessed: false,
        isRetryable: false,
      });
    },
  );
});
