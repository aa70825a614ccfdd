/** One to a thousand recipients, with the latency of a far API and the published rate limit. */
import { ACTION, type Contestant, type Ended, OFFICIAL, runWell, WRITERS } from './contestants.ts';
import { type Limit, type Section, shown, table } from './measure.ts';
import { startService } from './service.ts';
import type { Seen } from './service-process.ts';
import { accounts, stepEnvironment } from './workload.ts';

const LATENCY_MS = 80;
/** Fast, so that what is measured is the contestant and not the wait. */
const ASSOCIATE_MS = 1_000;
const PER_PAGE = 100;
const PUBLISHED_LIMIT = 1_200;
/** How many of the processes with one recipient each run at a time. */
const PROCESSES = 4;
const AT_MOST = { aboveWriters: 1.15, growthKiB: 10 };

interface Fleet {
  readonly recipients: number;
  readonly seconds: number;
  readonly requests: number;
  readonly peakKiB: number | null;
  readonly seen: Seen;
}

type Way = (apiUrl: string, ids: readonly string[]) => Promise<Ended[]>;

const inOneProcess =
  (contestant: Contestant): Way =>
  async (apiUrl, ids) => {
    const { env, dispose } = stepEnvironment(apiUrl, ids);
    return [await runWell(contestant, env, { memory: true }).finally(dispose)];
  };

const aProcessEach: Way = async (apiUrl, ids) => {
  const due = [...ids];
  const ended: Ended[] = [];
  async function worker(): Promise<void> {
    for (let id = due.shift(); id !== undefined; id = due.shift()) {
      ended.push(...(await inOneProcess(ACTION)(apiUrl, [id])));
    }
  }
  await Promise.all(Array.from({ length: PROCESSES }, worker));
  return ended;
};

async function measure(way: Way, recipients: number): Promise<Fleet> {
  const service = await startService({ latencyMs: LATENCY_MS, associateMs: ASSOCIATE_MS });
  try {
    const began = performance.now();
    const ended = await way(service.url, accounts(recipients));
    const seconds = (performance.now() - began) / 1000;
    const seen = await service.seen();
    const peaks = ended.flatMap(({ peakKiB }) => (peakKiB === null ? [] : [peakKiB]));
    const together = Math.min(PROCESSES, ended.length);
    const peakKiB = peaks.length > 0 ? Math.max(...peaks) * together : null;
    return { recipients, seconds, requests: seen.requests, peakKiB, seen };
  } finally {
    await service.stop();
  }
}

/** One page of the list is empty before anything is written, and the share is read once: the two of the promise. */
function mostRequests({ recipients, seen }: Fleet): number {
  return recipients + Math.ceil(recipients / PER_PAGE) * (seen.rounds - 1) + 2;
}

function row(name: string, { recipients, seconds, requests, peakKiB, seen }: Fleet): string[] {
  const refused = seen.refused > 0 ? ` (${seen.refused} refused)` : '';
  return [
    name,
    shown(recipients),
    shown(seconds, 1, 's'),
    `${shown(requests)}${refused}`,
    shown(peakKiB === null ? null : peakKiB / 1024, 0, 'MiB'),
  ];
}

/** What the two largest runs say about a larger one, when nothing gets in its way. */
function extrapolated(fleets: readonly Fleet[], recipients: number): string[] | null {
  const [small, large] = fleets.slice(-2);
  if (!small || !large) return null;
  const at = (value: (fleet: Fleet) => number) =>
    value(large) +
    ((recipients - large.recipients) * (value(large) - value(small))) / (large.recipients - small.recipients);
  const requests = Math.round(at((fleet) => fleet.requests));
  const over = requests > PUBLISHED_LIMIT ? ', over the rate limit' : '';
  return [
    '',
    shown(recipients),
    `*${shown(
      at((fleet) => fleet.seconds),
      0,
      's',
    )}, extrapolated${over}*`,
    `*${shown(requests)}*`,
    '–',
  ];
}

/**
 * @param sizes how many recipients
 * @param alternatives measure the others, too
 */
export async function fleet(sizes: readonly number[], { alternatives = true } = {}): Promise<Section> {
  const rows: string[][] = [];
  const limits: Limit[] = [];
  const own = new Map<number, Fleet>();
  for (const recipients of sizes) {
    const measured = await measure(inOneProcess(ACTION), recipients);
    own.set(recipients, measured);
    rows.push(row(ACTION.name, measured));
    const what = `for ${shown(recipients)} recipients`;
    limits.push(
      {
        what: `requests ${what}`,
        measured: measured.requests,
        atMost: mostRequests(measured),
        unit: '',
        kind: 'count',
      },
      {
        what: `rows made ${what}, less those asked for`,
        measured: measured.seen.created - recipients,
        atMost: 0,
        unit: '',
        kind: 'count',
      },
      {
        what: `requests refused ${what}`,
        measured: measured.seen.refused,
        atMost: 0,
        unit: '',
        kind: 'count',
      },
    );
  }
  const largest = Math.max(...sizes);
  const [one, most] = [own.get(1), own.get(largest)];
  if (alternatives) {
    const floor = await measure(inOneProcess(WRITERS), largest);
    rows.push(row(WRITERS.name, floor));
    if (most) {
      const ratio = most.seconds / floor.seconds;
      limits.push({
        what: `time for ${shown(largest)} against 4 bare writers`,
        measured: ratio,
        atMost: AT_MOST.aboveWriters,
        unit: '×',
        kind: 'time',
      });
    }
    for (const [name, way] of [
      [`${OFFICIAL.name}, in a loop`, inOneProcess(OFFICIAL)],
      [`this action, a process a recipient, ${PROCESSES} at a time`, aProcessEach],
    ] as const) {
      const fleets: Fleet[] = [];
      for (const recipients of sizes.filter((n) => n <= 100)) fleets.push(await measure(way, recipients));
      rows.push(...fleets.map((measured) => row(name, measured)));
      const guess = extrapolated(fleets, 1_000);
      if (guess) rows.push(guess.with(0, name));
    }
  }
  if (one?.peakKiB && most?.peakKiB && largest >= 1_000) {
    const growth = (most.peakKiB - one.peakKiB) / (most.recipients - 1);
    limits.push({
      what: `memory a recipient, 1 to ${shown(largest)}`,
      measured: growth,
      atMost: AT_MOST.growthKiB,
      unit: 'KiB',
      kind: 'time',
    });
  }
  return {
    title: 'Fleets',
    text: `${table(['program', 'recipients', 'time', 'requests', 'peak memory'], rows)}\n\nOne run each; the server answers after ${LATENCY_MS} ms, associates in ${ASSOCIATE_MS / 1000} s, and allows ${shown(PUBLISHED_LIMIT)} requests in 5 minutes. Memory of several processes is that of the largest, times those that run together. What is extrapolated was not run.`,
    limits,
  };
}
