/**
 * The simulator over TLS, with a proxy beside it, and a count of what they saw.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { createSharesApi, type SharesApiOptions } from '../simulator/api.ts';
import type { RecipientSeed } from '../simulator/options.ts';
import { startServer } from '../simulator/server.ts';
import { ACCOUNT, fixture, SHARE } from './programs.ts';

export interface ServiceOptions {
  /** Milliseconds added to every response. */
  readonly latencyMs: number;
  /** Milliseconds from a POST until its recipient is associated. */
  readonly associateMs: number;
  /** Accounts that are associated from the start. */
  readonly associated?: readonly string[];
  /** Records that there are from the start, besides those. */
  readonly records?: readonly RecipientSeed[];
  /** What differs for an account. */
  readonly timelines?: SharesApiOptions['timelines'];
}

/** Polls begin at least half a second apart: no schedule here is faster. */
const POLL_GAP_MS = 500;
const TLS = {
  key: readFileSync(fixture('server-key.pem'), 'utf8'),
  cert: readFileSync(fixture('server.pem'), 'utf8'),
};

export type Service = Awaited<ReturnType<typeof openService>>;
export type Seen = ReturnType<Service['seen']>;

async function openService({
  latencyMs,
  associateMs,
  associated = [],
  records = [],
  timelines = {},
}: ServiceOptions) {
  const recipients = associated.map((accountId) => ({
    accountId,
    status: 'associated',
  }));
  const share = {
    accountId: ACCOUNT,
    shareId: SHARE,
    name: 'Baseline policies',
    resources: [{}, {}, {}],
  };
  const shares = [{ ...share, recipients: [...recipients, ...records] }];
  const api = createSharesApi({
    now: Date.now,
    timeline: { associateMs },
    timelines,
    shares,
  });
  const server = await startServer(api, { latencyMs, tls: TLS });

  let tunnels = 0;
  const proxy = createServer().on('connect', (_request, client, head) => {
    tunnels += 1;
    const upstream = connect(
      Number(new URL(server.url).port),
      '127.0.0.1',
      () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n');
        upstream.write(head);
        upstream.pipe(client).pipe(upstream);
      },
    );
    for (const socket of [client, upstream])
      socket.on('error', () => client.destroy());
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');

  return {
    /** Base address of the API. */
    url: server.url,
    /** An HTTP proxy that connects every host to the API. */
    proxyUrl: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,

    seen() {
      const { requests } = api;
      const reads = requests.filter(
        ({ method, path }) => method === 'GET' && path.includes('/recipients'),
      );
      let [polls, pollMs] = [0, Number.NEGATIVE_INFINITY];
      for (const { at } of reads) {
        if (at - pollMs < POLL_GAP_MS) continue;
        polls += 1;
        pollMs = at;
      }
      return {
        requests: requests.length,
        polls,
        lists: reads.filter(({ path }) => path.endsWith('/recipients')).length,
        limited: requests.filter(({ status }) => status === 429).length,
        /** Each is a TLS handshake. */
        connections: server.connections,
        tunnels,
      };
    },

    async close(): Promise<void> {
      await server.close();
      proxy.close();
    },
  };
}

/**
 * Calls `use` with a fresh service, which is closed when its promise is done.
 */
export async function withService<T>(
  options: ServiceOptions,
  use: (service: Service) => Promise<T>,
) {
  const service = await openService(options);
  return use(service).finally(() => service.close());
}
