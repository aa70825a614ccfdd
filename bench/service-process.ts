/** The process behind `service.ts`: the simulator on a socket, with an HTTP proxy beside it, and a count of both. */
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { createSharesApi, type SharesApi } from '../simulator/api.ts';
import { startServer } from '../simulator/server.ts';
import { ACCOUNT, SHARE } from './workload.ts';

export interface ServiceOptions {
  /** Milliseconds added to every answer. */
  latencyMs: number;
  /** Milliseconds from a POST until its row is associated. */
  associateMs: number;
  /** Accounts that have the share from the start. */
  associated?: readonly string[];
  tls?: { key: string; cert: string };
}

export interface ServiceStarted {
  /** Base address of the API. */
  url: string;
  /** An HTTP proxy that connects every host to the API. */
  proxyUrl: string;
}

export interface Seen {
  requests: number;
  /** POSTs that made a row. */
  created: number;
  /** Answers with status 429. */
  refused: number;
  /** Times that somebody looked at recipients, however many requests that took. */
  rounds: number;
  /** Connections accepted; with TLS each is a handshake. */
  connections: number;
  /** CONNECT requests to the proxy. */
  tunnels: number;
  /** When the first request was there, in the machine's monotonic nanoseconds; null when there was none. */
  firstNs: string | null;
}

const { latencyMs, associateMs, associated = [], tls } = JSON.parse(process.argv[2] ?? '') as ServiceOptions;

const ROUND_MS = 500;

let firstNs: bigint | null = null;
let tunnels = 0;
let connectionsBefore = 0;

const api = createSharesApi({
  now: Date.now,
  timeline: { associateMs },
  shares: [
    {
      accountId: ACCOUNT,
      shareId: SHARE,
      name: 'Baseline policies',
      resources: [{}, {}, {}],
      recipients: associated.map((accountId) => ({ accountId, status: 'associated' })),
    },
  ],
});
const watched: SharesApi = {
  ...api,
  respond(request) {
    firstNs ??= process.hrtime.bigint();
    return api.respond(request);
  },
};
const server = await startServer(watched, { latencyMs, ...(tls ? { tls } : {}) });

const proxy = createServer();
proxy.on('connect', (_request, client, head) => {
  tunnels += 1;
  const upstream = connect(Number(new URL(server.url).port), '127.0.0.1', () => {
    client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    upstream.write(head);
    upstream.pipe(client).pipe(upstream);
  });
  for (const socket of [client, upstream]) socket.on('error', () => client.destroy());
});
await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));

function seen(): Seen {
  const { requests } = api;
  // Requests belong to one look when they begin within half a second: no schedule here looks more often.
  let lookedMs = Number.NEGATIVE_INFINITY;
  let rounds = 0;
  for (const { method, path, at } of requests) {
    if (method !== 'GET' || !path.includes('/recipients') || at - lookedMs < ROUND_MS) continue;
    lookedMs = at;
    rounds += 1;
  }
  const result: Seen = {
    requests: requests.length,
    created: requests.filter((request) => request.method === 'POST' && request.status === 201).length,
    refused: requests.filter((request) => request.status === 429).length,
    rounds,
    connections: server.connections - connectionsBefore,
    tunnels,
    firstNs: firstNs === null ? null : String(firstNs),
  };
  requests.splice(0);
  connectionsBefore = server.connections;
  tunnels = 0;
  firstNs = null;
  return result;
}

process.on('message', () => process.send?.(seen()));
process.on('disconnect', () => process.exit());
process.send?.({
  url: server.url,
  proxyUrl: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
} satisfies ServiceStarted);
