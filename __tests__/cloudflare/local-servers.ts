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
import type { TLSSocket, TlsOptions } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type {
  HttpClient,
  HttpRequest,
  HttpResponse,
} from '../../src/cloudflare/http-client.ts';
import type { ProxyServer } from '../../src/cloudflare/proxy.ts';

export const fixture = (name: string) =>
  readFileSync(
    fileURLToPath(new URL(`../e2e/fixtures/${name}.pem`, import.meta.url)),
    'utf8',
  );

/**
 * Signed `server.pem`, which is for `localhost` and `api.share.test`. Node does
 * not trust it by default.
 */
export const AUTHORITY = fixture('authority');

/** Some containers have none. */
export const HAS_IPV6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);

/** A server's certificate and key, by the name of its file. */
export function identity(name = 'server'): TlsOptions {
  const isWeak = name === 'weak';
  return {
    cert: fixture(name),
    key: fixture(isWeak ? 'weak-key' : 'server-key'),
    // OpenSSL would otherwise not even load the key.
    ...(isWeak && { ciphers: 'DEFAULT@SECLEVEL=0' }),
  };
}

/**
 * Listens on loopback until the test is finished. @returns the port, and the
 * number of connections so far
 */
async function listen(server: NetServer, host = '127.0.0.1') {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) =>
    sockets.add(socket.on('error', () => {})),
  );
  // A client that ends a handshake is none of a server's concern.
  server.on('tlsClientError', () => {});
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

/** A server for https; its certificate is `server.pem` by default. */
export async function startTlsServer(
  listener: RequestListener = (_, response) => response.end('hello'),
  { host, ...tls }: TlsOptions & { host?: string } = {},
) {
  const { port, connections } = await listen(
    createTlsServer({ ...identity(), ...tls }, listener),
    host,
  );
  return {
    url: `https://${host ? `[${host}]` : 'localhost'}:${port}`,
    port,
    connections,
  };
}

/**
 * Accepts TCP connections and does this when the first bytes arrive, which is
 * before a TLS handshake can be complete.
 *
 * @returns `received`, which resolves with those bytes
 */
export async function startTcp(onData: (socket: Socket) => void) {
  let receive: (bytes: string) => void = () => {};
  const received = new Promise<string>((resolve) => {
    receive = resolve;
  });
  const server = createTcpServer((socket) => {
    socket.once('data', (bytes) => {
      receive(bytes.toString());
      onData(socket);
    });
  });
  const { port } = await listen(server);
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    httpsUrl: `https://localhost:${port}`,
    proxy: proxyAt(`http://127.0.0.1:${port}`),
    received,
  };
}

/** Writes a text and closes the connection, whatever comes in. */
export const startRaw = (text: string) =>
  startTcp((socket) => socket.end(text));

export function proxyAt(url: string): ProxyServer {
  return { url: new URL(url), variable: 'HTTPS_PROXY' };
}

interface ProxyOptions {
  /** Instead of a tunnel. */
  reply?: string;
  /** What opens a tunnel. */
  established?: string;
  /** The certificate with which the proxy speaks TLS. */
  certificate?: string;
  tls?: TlsOptions;
  /** How a client finds it. */
  host?: string;
}

/** A proxy that tunnels everything to this machine, whatever its name is. */
export async function startProxy({
  reply,
  established = 'HTTP/1.1 200 Connection Established\r\n\r\n',
  certificate,
  tls,
  host = '127.0.0.1',
}: ProxyOptions = {}) {
  const connects: {
    target: string | undefined;
    headers: Record<string, unknown>;
  }[] = [];
  const server: Server = certificate
    ? (createTlsServer({
        ...identity(certificate),
        ...tls,
      }) as unknown as Server)
    : createServer();
  const serverNames: unknown[] = [];
  server.on('secureConnection', (socket: TLSSocket) =>
    // Node declares it, but leaves out that a client may send none.
    serverNames.push((socket as { servername?: unknown }).servername),
  );
  server.on('connect', ({ url, headers }, socket: Socket) => {
    connects.push({ target: url, headers });
    socket.on('error', () => {});
    if (reply !== undefined) return socket.end(reply);
    const there = connect(Number(url?.split(':').at(-1)), '127.0.0.1', () => {
      socket.write(established);
      there.pipe(socket).pipe(there);
    });
    there.on('close', () => socket.destroy());
    return there.on('error', () => socket.destroy());
  });
  const { port, connections } = await listen(server);
  return {
    proxy: proxyAt(`${certificate ? 'https' : 'http'}://${host}:${port}`),
    address: `${host}:${port}`,
    connects,
    connections,
    /** What clients named in TLS; false for nothing. */
    serverNames,
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
    maxMiB: 16,
    signal,
    ...more,
  });
}
