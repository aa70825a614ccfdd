/**
 * A proxy as companies have it: it knows one host name, which only it can
 * resolve.
 */
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { AUTHORITY, HOST, tls } from './certificate.ts';
import { type Run, type Scenario, startScenario } from './scenario.ts';

export interface Connect {
  /** `host:port`. */
  target: string;
  authorization: string | undefined;
}

interface Proxy {
  /** Without credentials. */
  address: string;
  connects: Connect[];
  /** Resolves when the first CONNECT has arrived. */
  asked: Promise<void>;
  close(): Promise<void>;
}

/**
 * What the proxy responds to CONNECT instead of a tunnel; null for nothing at
 * all.
 */
export type ConnectResponse = string | null;

async function startProxy(response?: ConnectResponse): Promise<Proxy> {
  const connects: Connect[] = [];
  const sockets = new Set<Socket>();
  let ask: () => void = () => {};
  const asked = new Promise<void>((resolve) => {
    ask = resolve;
  });
  const server = createServer((_, reply) => reply.writeHead(400).end());
  server.on('connection', (socket: Socket) =>
    sockets.add(socket.on('error', () => {})),
  );
  server.on('connect', ({ url = '', headers }, socket: Socket) => {
    connects.push({
      target: url,
      authorization: headers['proxy-authorization'],
    });
    ask();
    if (response === null) return;
    if (response !== undefined) {
      socket.end(response);
      return;
    }
    const [name, port] = url.split(':');
    if (name !== HOST) {
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      return;
    }
    const peer = connect(Number(port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      peer.pipe(socket).pipe(peer);
    });
    sockets.add(peer.on('error', () => socket.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    connects,
    asked,
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

export interface ProxyScenario extends Scenario {
  /** The response to every CONNECT; a tunnel by default. */
  response?: ConnectResponse;
  /** Cancels the run as soon as the proxy was asked for a connection. */
  cancelWhenAsked?: boolean;
}

/**
 * Runs a scenario against a simulator with TLS, beside a proxy that `env` may
 * name.
 */
export async function runWithProxy(
  env: (proxy: string) => Record<string, string>,
  { response, cancelWhenAsked = false, ...scenario }: ProxyScenario = {},
): Promise<{ run: Run; connects: Connect[] }> {
  const proxy = await startProxy(response);
  try {
    const started = await startScenario({
      host: HOST,
      server: { tls },
      ...scenario,
      env: { NODE_EXTRA_CA_CERTS: AUTHORITY, ...env(proxy.address) },
    });
    if (cancelWhenAsked) proxy.asked.then(() => started.cancel());
    return { run: await started.finished, connects: proxy.connects };
  } finally {
    await proxy.close();
  }
}
