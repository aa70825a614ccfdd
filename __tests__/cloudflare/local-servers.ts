/**
 * Real servers on loopback for the tests of the HTTP client, and what sends to
 * them. All of it ends with the test that started it.
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
import tls, { type TLSSocket, type TlsOptions } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { onTestFinished, vi } from 'vitest';
import {
  createHttpClient,
  type HttpClient,
  type HttpRequest,
  type HttpResponse,
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

const AUTHORITIES = tls.getCACertificates('default');

/** As NODE_EXTRA_CA_CERTS does for a process that is started with it. */
export function trust(...certificates: string[]): void {
  tls.setDefaultCACertificates([...AUTHORITIES, ...certificates]);
  onTestFinished(() => tls.setDefaultCACertificates(AUTHORITIES));
}

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

/** `seen` resolves when it happens. */
function event() {
  let happen: () => void = () => {};
  const seen = new Promise<void>((resolve) => {
    happen = resolve;
  });
  return { happen, seen };
}

/**
 * Listens on loopback until the test is finished.
 *
 * @returns the port, the number of connections and requests so far, and what
 *   resolves when one of them `arrived`, or is `closed`
 */
async function listen(server: NetServer, host = '127.0.0.1') {
  const sockets = new Set<Socket>();
  let requests = 0;
  const arrival = event();
  const close = event();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => {}));
    socket.once('close', close.happen);
  });
  server.on('request', () => {
    requests++;
    arrival.happen();
  });
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
    requests: () => requests,
    arrived: arrival.seen,
    closed: close.seen,
  };
}

export const hello: RequestListener = (_, response) => response.end('hello');

export async function startServer(
  listener: RequestListener = hello,
  host?: string,
) {
  const listening = await listen(createServer(listener), host);
  const name = host ? `[${host}]` : '127.0.0.1';
  return { ...listening, url: `http://${name}:${listening.port}` };
}

/** A server for https; its certificate is `server.pem` by default. */
export async function startTlsServer(
  listener: RequestListener = hello,
  { host, ...options }: TlsOptions & { host?: string } = {},
) {
  const server = createTlsServer({ ...identity(), ...options }, listener);
  const listening = await listen(server, host);
  const name = host ? `[${host}]` : 'localhost';
  return { ...listening, url: `https://${name}:${listening.port}` };
}

/** Cuts the connection of every request but the first. */
export function cutSecond(): RequestListener {
  let requests = 0;
  return ({ socket }, response) => {
    requests++;
    if (requests === 1) response.end('hello');
    else socket.destroy();
  };
}

/** Ways in which a peer ends a connection. */
export const CUTS: [string, (socket: Socket) => void][] = [
  ['closed', (socket) => socket.end()],
  ['cut', (socket) => socket.destroy()],
  ['reset', (socket) => socket.resetAndDestroy()],
];

/**
 * Accepts TCP connections and does this when the first bytes have `arrived`,
 * which is before a TLS handshake can be complete.
 */
export async function startTcp(onData: (socket: Socket) => void = () => {}) {
  const arrival = event();
  const server = createTcpServer((socket) => {
    socket.once('data', () => {
      arrival.happen();
      onData(socket);
    });
  });
  const { port, closed } = await listen(server);
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    httpsUrl: `https://localhost:${port}`,
    proxy: proxyAt(`http://127.0.0.1:${port}`),
    arrived: arrival.seen,
    closed,
  };
}

/** Writes a text and closes the connection, whatever comes in. */
export const startRaw = (text: string | Uint8Array) =>
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
  const { port } = await listen(server);
  return {
    proxy: proxyAt(`${certificate ? 'https' : 'http'}://${host}:${port}`),
    address: `${host}:${port}`,
    connects,
    /** What clients named in TLS; false for nothing. */
    serverNames,
  };
}

export type Send = (
  url: string,
  more?: Partial<HttpRequest>,
) => Promise<HttpResponse>;

/** Sends a GET, or what is given, with this client. */
export const sendWith =
  (client: HttpClient): Send =>
  (url, more = {}) =>
    client({
      method: 'GET',
      url,
      headers: {},
      body: null,
      timeoutMs: 30_000,
      maxMiB: 16,
      takeItem: null,
      signal: new AbortController().signal,
      ...more,
    });

/** Sends with one client, through this proxy. */
export const through = (proxy: ProxyServer | null) =>
  sendWith(createHttpClient(() => proxy));

/** Sends with one client, and through no proxy. */
export const direct = () => through(null);

/** Sends with a client of its own, and through no proxy. */
export const send: Send = (url, more) => direct()(url, more);

/** Sends, and lets 10 seconds pass when the peer has heard of it. */
export async function sendUntilTimeout(
  sendIt: Send,
  url: string,
  arrived: Promise<unknown>,
): Promise<HttpResponse> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const response = sendIt(url, { timeoutMs: 10_000 });
  await arrived;
  vi.advanceTimersByTime(10_000);
  return response;
}

/** Sends, and aborts when the peer has heard of it. */
export async function sendUntilAborted(
  sendIt: Send,
  url: string,
  arrived: Promise<unknown>,
): Promise<HttpResponse> {
  const abort = new AbortController();
  const response = sendIt(url, { signal: abort.signal });
  await arrived;
  abort.abort();
  return response;
}
