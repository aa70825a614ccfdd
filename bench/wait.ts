/** How late the end is noticed, and for how many requests: `carryOut` itself, in simulated time. */
import type { ShareRecipient, Shares } from '../src/cloudflare/shares.ts';
import { plan } from '../src/plan.ts';
import type { Report } from '../src/report/report.ts';
import { carryOut } from '../src/wait.ts';
import { mean, quantile, type Section, shown, table } from './measure.ts';
import { accounts } from './workload.ts';

const DRAWS = 10_000;
const ROUND_TRIP_MS = 80;
const TEN_MINUTES_MS = 600_000;
const AT_MOST = { mean: 10, p95: 20, requests: 60, early: 1 };

interface Waited {
  /** From the moment in which it settles to that in which the answer that shows it is there. */
  readonly lagMs: number;
  readonly looks: number;
}

/**
 * Waits for one recipient.
 * @param settleMs from the POST as Cloudflare sees it until the recipient is associated
 * @param untilMs when to give up, milliseconds after the start
 */
type Waiter = (settleMs: number, random: () => number, untilMs: number) => Waited | Promise<Waited>;

/** Numbers from 0 to 1 that are the same in every run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const SILENT = new Proxy({} as Report, { get: () => () => {} });
const [ID = ''] = accounts(1);

/** The code of the action, with a clock that jumps and an API that answers after half a round trip each way. */
const ours: Waiter = async (settleMs, random, untilMs) => {
  let nowMs = 0;
  let looks = 0;
  let postedMs = Number.POSITIVE_INFINITY;
  async function answer(): Promise<ShareRecipient> {
    nowMs += ROUND_TRIP_MS / 2;
    postedMs = Math.min(postedMs, nowMs);
    const status = nowMs - postedMs >= settleMs ? 'associated' : 'associating';
    nowMs += ROUND_TRIP_MS / 2;
    return { id: ID, accountId: ID, organizationId: null, status, created: '', modified: '', resources: [] };
  }
  const shares: Partial<Shares> = {
    create: answer,
    get() {
      looks++;
      return answer();
    },
  };
  const inputs = { targets: [{ type: 'account', id: ID }], state: 'present', wait: true } as const;
  await carryOut(plan(inputs, { rows: [], share: null, nowMs }), [], {
    shares: shares as Shares,
    clock: {
      now: () => nowMs,
      sleep: async (ms) => {
        nowMs += Math.max(0, ms);
      },
    },
    random,
    endMs: untilMs,
    timeoutMs: untilMs,
    cancel: new AbortController().signal,
    report: SILENT,
    isOver: () => nowMs >= untilMs,
  });
  return { lagMs: nowMs - postedMs - settleMs, looks };
};

/** A loop that sleeps, asks, and sleeps again. */
function loop(pauseMs: (looks: number, random: number) => number): Waiter {
  return (settleMs, random, untilMs) => {
    let nowMs = ROUND_TRIP_MS / 2;
    let looks = 0;
    for (;;) {
      nowMs += pauseMs(looks, random());
      if (nowMs >= untilMs) return { lagMs: Number.NaN, looks };
      looks++;
      const isSettled = nowMs + ROUND_TRIP_MS / 2 >= settleMs;
      nowMs += ROUND_TRIP_MS;
      if (isSettled) return { lagMs: nowMs - settleMs, looks };
    }
  };
}

/** What a schedule of the same form with other numbers would do: from the POST as it is sent, look to look. */
function growing(part: number, longestMs: number): Waiter {
  return (settleMs, random, untilMs) => {
    const sinceMs = -ROUND_TRIP_MS / 2;
    let fromMs = sinceMs;
    for (let looks = 1; ; looks++) {
      const baseMs = Math.min(Math.max((fromMs - sinceMs) / part, 1000), longestMs);
      fromMs += baseMs * (0.9 + (baseMs === 1000 ? 0.06 : 0.2) * random());
      if (fromMs >= untilMs) return { lagMs: Number.NaN, looks: looks - 1 };
      if (fromMs + ROUND_TRIP_MS / 2 >= settleMs) return { lagMs: fromMs + ROUND_TRIP_MS - settleMs, looks };
    }
  };
}

const CONTESTANTS: Readonly<Record<string, Waiter>> = {
  '**this action**': ours,
  'fixed 5 s': loop(() => 5_000),
  'fixed 10 s': loop(() => 10_000),
  'doubling from 2 s to 120 s, full jitter (waiters of the AWS SDK)': loop(
    (looks, random) => 2_000 + random * (Math.min(2_000 * 2 ** looks, 120_000) - 2_000),
  ),
  'considered: a fifth, up to 15 s': growing(5, 15_000),
  'considered: a sixth, up to 15 s': growing(6, 15_000),
  'considered: a sixth, up to 20 s': growing(6, 20_000),
  'considered: a seventh, up to 20 s': growing(7, 20_000),
  'considered: an eighth, up to 30 s': growing(8, 30_000),
};

async function measure(waiter: Waiter, draws: number) {
  const [times, jitter] = [seeded(1), seeded(2)];
  const lags: { share: number; ms: number }[] = [];
  const early: number[] = [];
  const requests: number[] = [];
  for (let draw = 0; draw < draws; draw++) {
    const settleMs = 5_000 * 120 ** times();
    const { lagMs } = await waiter(settleMs, jitter, Number.POSITIVE_INFINITY);
    lags.push({ share: (100 * lagMs) / settleMs, ms: lagMs });
    early.push((await waiter(5_000 * times(), jitter, Number.POSITIVE_INFINITY)).lagMs);
    if (draw % 20 === 0)
      requests.push((await waiter(Number.POSITIVE_INFINITY, jitter, TEN_MINUTES_MS)).looks);
  }
  const shares = lags.map(({ share }) => share);
  return {
    mean: mean(shares),
    p95: quantile(shares, 0.95),
    meanSeconds: mean(lags.map(({ ms }) => ms)) / 1000,
    worstSeconds: Math.max(...lags.map(({ ms }) => ms)) / 1000,
    requests: Math.max(...requests),
    earlySeconds: Math.max(...early) / 1000,
  };
}

/** The simulation is the same on every machine, whatever the number of draws. */
export async function wait(draws = DRAWS): Promise<Section> {
  const results = new Map<string, Awaited<ReturnType<typeof measure>>>();
  for (const [name, waiter] of Object.entries(CONTESTANTS)) results.set(name, await measure(waiter, draws));
  const own = results.get('**this action**') as Awaited<ReturnType<typeof measure>>;
  const head = [
    'waits',
    'mean lag',
    '95th percentile',
    'mean',
    'worst',
    'requests in 10 min',
    'worst under 5 s',
  ];
  const rows = [...results].map(([name, result]) => [
    name,
    shown(result.mean, 1, '%'),
    shown(result.p95, 1, '%'),
    shown(result.meanSeconds, 1, 's'),
    shown(result.worstSeconds, 1, 's'),
    shown(result.requests),
    shown(result.earlySeconds, 2, 's'),
  ]);
  return {
    title: 'The wait',
    text: `${table(head, rows)}\n\nLag is the time from the end of the association to the answer that shows it, in percent of the settle time and in seconds: ${shown(draws)} settle times between 5 s and 10 min (log-uniform), round trips of ${ROUND_TRIP_MS} ms. The last column: as many settle times under 5 s.`,
    limits: [
      { what: 'mean lag', measured: own.mean, atMost: AT_MOST.mean, unit: '%', kind: 'time' },
      { what: '95th percentile of the lag', measured: own.p95, atMost: AT_MOST.p95, unit: '%', kind: 'time' },
      {
        what: 'looks in 10 minutes',
        measured: own.requests,
        atMost: AT_MOST.requests,
        unit: '',
        kind: 'count',
      },
      { what: 'lag under 5 s', measured: own.earlySeconds, atMost: AT_MOST.early, unit: 's', kind: 'time' },
    ],
  };
}
