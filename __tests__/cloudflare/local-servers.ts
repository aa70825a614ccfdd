/**
 * Real servers on loopback for the tests of the HTTP client. Each closes with
 * the test that started it.
 */
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server as NetServer,
  type Socket,
} from 'node:net';
import { networkInterfaces } from 'node:os';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type {
  HttpClient,
  HttpRequest,
  HttpResponse,
} from '../../src/cloudflare/http-client.ts';

const fixture = (name: string) =>
  readFileSync(
    fileURLToPath(new URL(`../e2e/fixtures/${name}`, import.meta.url)),
    'utf8',
  );

/**
 * Signed `server.pem`, which is for `localhost` and `api.share.test`. Node does
 * not trust it by default.
 */
export const AUTHORITY = fixture('authority.pem');
const CERTIFICATE = {
  key: fixture('server-key.pem'),
  cert: fixture('server.pem'),
};

/** Some containers have none. */
export const HAS_IPV6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);

/**
 * Listens on loopback until the test is finished. @returns the port, and the
 * number of connections so far
 */
async function listen(server: NetServer, host = '127.0.0.1') {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) =>
    sockets.add(socket.on('error', () => {})),
  );
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  onTestFinished(
    () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  );
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => sockets.size,
  };
}

export async function startServer(listener: RequestListener, host?: string) {
  const { port, connections } = await listen(createServer(listener), host);
  return {
    url: `http://${host ? `[${host}]` : '127.0.0.1'}:${port}`,
    connections,
  };
}

/** A server for https with the certificate of the fixtures. */
export async function startTlsServer(
  listener: RequestListener = (_, response) => response.end('hello'),
  host?: string,
) {
  const { port, connections } = await listen(
    createTlsServer(CERTIFICATE, listener),
    host,
  );
  return {
    url: `https://${host ? `[${host}]` : 'localhost'}:${port}`,
    connections,
  };
}

/**
 * Something that writes a text and closes the connection, whatever comes in; it
 * says nothing where there is none.
 */
export async function startRaw(text: string | null) {
  const server = createTcpServer((socket) => {
    socket.once('data', () => text !== null && socket.end(text));
  });
  const { port } = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    proxy: new URL(`http://127.0.0.1:${port}`),
  };
}

/**
 * A proxy that tunnels everything to this machine; with `reply` it gives that
 * instead of a tunnel.
 */
export async function startProxy(reply?: string, isTls = false) {
  const connects: {
    target: string | undefined;
    headers: Record<string, unknown>;
  }[] = [];
  const server: Server = isTls
    ? (createTlsServer(CERTIFICATE) as unknown as Server)
    : createServer();
  server.on('connect', ({ url, headers }, socket: Socket) => {
    connects.push({ target: url, headers });
    if (reply !== undefined) return socket.end(reply);
    const there = connect(Number(url?.split(':').at(-1)), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      there.pipe(socket).pipe(there);
    });
    return there.on('error', () => socket.destroy());
  });
  const { port } = await listen(server);
  return {
    proxy: new URL(`${isTls ? 'https' : 'http'}://127.0.0.1:${port}`),
    connects,
  };
}

/** Sends a GET, or what is given. */
export function send(
  client: HttpClient,
  url: string,
  more: Partial<HttpRequest> = {},
): Promise<HttpResponse> {
  const { signal } = new AbortController();
  return client({
    method: 'GET',
    url,
    headers: {},
    body: null,
    timeoutMs: 30_000,
    signal,
    ...more,
  });
}
