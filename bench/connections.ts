/** How many connections a run opens; over TLS each is a handshake, and behind a proxy a tunnel as well. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ACTION, runWell } from './contestants.ts';
import { type Section, shown, table } from './measure.ts';
import { startService } from './service.ts';
import type { Seen } from './service-process.ts';
import { accounts, stepEnvironment } from './workload.ts';

/** Known to the proxy and the certificate only: a loopback address would never go through a proxy. */
const HOST = 'api.share.test';
const AT_MOST = { one: 2, fleet: 4 };

interface Case {
  readonly name: string;
  readonly recipients: number;
  readonly associateMs: number;
  readonly tls?: boolean;
  readonly proxy?: boolean;
}

const QUICK: readonly Case[] = [
  { name: 'one recipient, http', recipients: 1, associateMs: 3_000 },
  { name: 'one recipient, TLS', recipients: 1, associateMs: 3_000, tls: true },
  { name: 'one recipient, TLS through a proxy', recipients: 1, associateMs: 3_000, tls: true, proxy: true },
  { name: '40 recipients, TLS', recipients: 40, associateMs: 1_500, tls: true },
  { name: '40 recipients, TLS through a proxy', recipients: 40, associateMs: 1_500, tls: true, proxy: true },
];
/** Long enough for the longest pause between two looks. */
const SLOW: readonly Case[] = [
  { name: 'one recipient, TLS, 2 minutes', recipients: 1, associateMs: 120_000, tls: true },
  {
    name: 'one recipient, TLS through a proxy, 2 minutes',
    recipients: 1,
    associateMs: 120_000,
    tls: true,
    proxy: true,
  },
];

const fixture = (name: string) =>
  fileURLToPath(new URL(`../__tests__/e2e/fixtures/${name}`, import.meta.url));
const TLS = {
  key: readFileSync(fixture('server-key.pem'), 'utf8'),
  cert: readFileSync(fixture('server.pem'), 'utf8'),
};

async function measure({ recipients, associateMs, tls = false, proxy = false }: Case): Promise<Seen> {
  const service = await startService({ latencyMs: 80, associateMs, ...(tls ? { tls: TLS } : {}) });
  const apiUrl = proxy ? service.url.replace('127.0.0.1', HOST) : service.url;
  const { env, dispose } = stepEnvironment(apiUrl, accounts(recipients), {
    ...(tls ? { NODE_EXTRA_CA_CERTS: fixture('authority.pem') } : {}),
    ...(proxy ? { HTTPS_PROXY: service.proxyUrl } : {}),
  });
  try {
    await runWell(ACTION, env);
    return await service.seen();
  } finally {
    dispose();
    await service.stop();
  }
}

/** @param slow also runs in which minutes pass, and the pauses between two looks are as long as they get */
export async function connections({ slow = true } = {}): Promise<Section> {
  const cases = [...QUICK, ...(slow ? SLOW : [])];
  const measured = await Promise.all(cases.map(async (one) => ({ one, seen: await measure(one) })));
  const rows = measured.map(({ one, seen }) => [
    one.name,
    shown(seen.requests),
    shown(seen.connections),
    one.proxy ? shown(seen.tunnels) : '–',
  ]);
  return {
    title: 'Connections',
    text: `${table(['run', 'requests', 'connections', 'of them through the proxy'], rows)}\n\nThe server counts what it accepts; with TLS each is a handshake.`,
    limits: measured.map(({ one, seen }) => ({
      what: `connections, ${one.name}`,
      measured: one.proxy && seen.tunnels !== seen.connections ? Number.NaN : seen.connections,
      atMost: one.recipients === 1 ? AT_MOST.one : AT_MOST.fleet,
      unit: '',
      kind: 'count',
    })),
  };
}
