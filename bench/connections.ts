/**
 * How many connections a run opens; each is a TLS handshake, and behind a proxy
 * a tunnel as well.
 */
import { countPromise, format, type Section, table } from './measure.ts';
import { ACTION, accounts, runProgram } from './programs.ts';
import { type Seen, withService } from './service.ts';

/**
 * Only the proxy and the certificate know it: no proxy is used for a loopback
 * address.
 */
const HOST = 'api.share.test';
const AT_MOST = { one: 2, fleet: 5 };

interface Case {
  readonly name: string;
  readonly recipients: number;
  readonly associateMs: number;
}

const CASES: readonly Case[] = [
  { name: 'one recipient', recipients: 1, associateMs: 3_000 },
  { name: '40 recipients', recipients: 40, associateMs: 1_500 },
];
/** Long enough for the longest interval between two polls. */
const SLOW: Case = {
  name: 'one recipient, 2 minutes',
  recipients: 1,
  associateMs: 120_000,
};

function measure(
  { recipients, associateMs }: Case,
  isProxied: boolean,
): Promise<Seen> {
  return withService(
    { latencyMs: 80, associateMs },
    async ({ url, proxyUrl, seen }) => {
      const proxied = {
        apiUrl: url.replace('127.0.0.1', HOST),
        env: { HTTPS_PROXY: proxyUrl },
      };
      const where = isProxied ? proxied : { apiUrl: url };
      await runProgram(ACTION, { ...where, recipients: accounts(recipients) });
      return seen();
    },
  );
}

/**
 * @param slow also runs in which the interval between two polls becomes as long
 * as it can
 */
export async function connections({ slow = true } = {}): Promise<Section> {
  const cases = [...CASES, ...(slow ? [SLOW] : [])].flatMap((fleet) => [
    { fleet, name: fleet.name, isProxied: false },
    { fleet, name: `${fleet.name}, through a proxy`, isProxied: true },
  ]);
  const runs = await Promise.all(
    cases.map(async (run) => ({
      ...run,
      seen: await measure(run.fleet, run.isProxied),
    })),
  );
  const records = runs.map(({ name, isProxied, seen }) => [
    name,
    format(seen.requests),
    format(seen.connections),
    format(isProxied ? seen.tunnels : null),
  ]);
  const promises = runs.map(({ name, fleet, isProxied, seen }) => {
    const isBypassed = isProxied && seen.tunnels !== seen.connections;
    const measured = isBypassed ? Number.NaN : seen.connections;
    return countPromise(
      `connections, ${name}`,
      measured,
      fleet.recipients === 1 ? AT_MOST.one : AT_MOST.fleet,
    );
  });
  const head = ['run', 'requests', 'connections', 'of them through the proxy'];
  return { title: 'Connections', text: table(head, records), promises };
}
