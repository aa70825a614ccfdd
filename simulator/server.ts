/**
 * Puts the API on a loopback socket and does to the socket what a reply asks
 * for.
 */
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { SharesApi } from './api.ts';
import type { Reply } from './protocol.ts';

const BASE_PATH = '/client/v4';

export interface ServerOptions {
  /** Default 0: any that is free. */
  port?: number;
  host?: string;
  /**
   * Before the base path, such as `/1f0c`. It keeps out a client of an earlier
   * server, whose port this one may have got.
   */
  prefix?: string;
  /** Milliseconds added to every response. */
  latencyMs?: number;
  tls?: { key: string; cert: string };
}

export interface RunningServer {
  /** With the base path, without a slash at the end. */
  url: string;
  /**
   * Sockets accepted so far, without those of a client of another server: their
   * first request is for another base path.
   */
  readonly connections: number;
  /** Cuts every socket, hanging ones as well. */
  close(): Promise<void>;
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function reset(socket: Socket): void {
  // Node cannot send a reset through TLS; a cut without a close_notify is as
  // near as it gets.
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}

function writeForEver(response: ServerResponse, chunk: string): void {
  while (!response.destroyed && response.write(chunk)) {
    // until the peer's window is full
  }
  if (!response.destroyed)
    response.once('drain', () => setImmediate(writeForEver, response, chunk));
}

const PADDING = Buffer.alloc(65_536, ' ');

function writePadding(response: ServerResponse, bytes: number): void {
  let left = bytes;
  while (left > 0 && !response.destroyed) {
    const part = PADDING.subarray(0, Math.min(left, PADDING.length));
    left -= part.length;
    if (response.write(part)) continue;
    // The peer's window is full.
    response.once('drain', () => writePadding(response, left));
    return;
  }
  response.end();
}

function deliver(
  reply: Reply,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (request.socket.destroyed) return;
  const { status, headers, body, delivery, paddingBytes } = reply;
  if (delivery === 'hang') return;
  if (delivery === 'reset-before' || delivery === 'reset-after') {
    reset(request.socket);
    return;
  }
  response.writeHead(status, headers);
  if (delivery === 'response' && paddingBytes !== undefined) {
    response.write(body);
    writePadding(response, paddingBytes);
  } else if (delivery === 'response') {
    response.end(body);
  } else if (delivery === 'truncate') {
    response.write(body, () => request.socket.destroy());
  } else {
    writeForEver(response, body);
  }
}

/** The request log without what a log must not hold. */
export function requestsAsJson(api: SharesApi): string {
  const secret = /^(authorization|x-auth-key)$/;
  return JSON.stringify(api.requests, (key, value) =>
    secret.test(key) ? '***' : value,
  );
}

/**
 * Serves `api` under `/client/v4` until `close()`; `GET /__requests` beside it
 * gives the request log as JSON.
 */
export async function startServer(
  api: SharesApi,
  options: ServerOptions = {},
): Promise<RunningServer> {
  const { port = 0, host = '127.0.0.1', latencyMs = 0, tls } = options;
  const basePath = `${options.prefix ?? ''}${BASE_PATH}`;
  const timers = new Set<NodeJS.Timeout>();
  const sockets = new Set<Socket>();
  const known = new WeakSet<Socket>();
  let connections = 0;

  /** Takes back the count of a socket whose first request is not for us. */
  function recount(socket: Socket, isOurs: boolean): void {
    if (known.has(socket)) return;
    known.add(socket);
    if (!isOurs) connections -= 1;
  }

  async function handle(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { method = 'GET', url = '/' } = request;
    const isOurs = url.startsWith(`${basePath}/`);
    recount(request.socket, isOurs);
    const body = await readText(request);
    if (url === '/__requests') {
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(requestsAsJson(api));
      return;
    }
    if (!isOurs) {
      response
        .writeHead(404, { 'content-type': 'text/html' })
        .end('<html><h1>404 Not Found</h1></html>');
      return;
    }
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(request.headers))
      headers[name] = String(value);
    const reply = api.respond({
      method,
      path: url.slice(basePath.length),
      headers,
      body,
    });
    const delayMs = latencyMs + reply.delayMs;
    if (delayMs > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          timers.delete(timer);
          resolve();
        }, delayMs);
        timers.add(timer);
      });
    }
    deliver(reply, request, response);
  }

  // A peer that goes away in the middle of its request is no reason to fall
  // over.
  const listener = (
    request: IncomingMessage,
    response: ServerResponse,
  ): void => {
    handle(request, response).catch(() => request.socket.destroy());
  };
  const server = tls
    ? createHttpsServer(tls, listener)
    : createHttpServer(listener);
  // Longer than any pause of a client, so that a reused connection is never cut
  // by the server's own timer.
  server.keepAliveTimeout = 75_000;
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    url: `${tls ? 'https' : 'http'}://${host}:${address.port}${basePath}`,
    get connections() {
      return connections;
    },
    close() {
      for (const timer of timers) clearTimeout(timer);
      const closed = new Promise<void>((resolve) =>
        server.close(() => resolve()),
      );
      for (const socket of sockets) socket.destroy();
      return closed;
    },
  };
}
