/**
 * How late a change of the status is observed, and for how many requests: the
 * action's own reconciler, in simulated time.
 */

import {
  countPromise,
  format,
  quantile,
  reportPromise,
  type Section,
  table,
} from './measure.ts';
import { ROUND_TRIP_MS, simulate } from './simulated.ts';

const TEN_MINUTES_MS = 600_000;
const SHORTEST_MS = 20_000;
const LONGEST_MS = TEN_MINUTES_MS;
/** Waits that end do so long before. */
const LONG_TIMEOUT_MS = 2 * TEN_MINUTES_MS;
const AT_MOST = { mean: 5, p95: 12, polls: 80, fleet: 1.08 };
const MANY = 1_000;

interface Waited {
  /**
   * From the moment in which the recipient is associated until the response
   * that shows it is there.
   */
  readonly delayMs: number;
  readonly polls: number;
}

/**
 * Waits for one recipient.
 * @param associateMs from the POST, as it reaches the server, until the
 *   recipient is associated
 * @param timeoutMs when to give up, in milliseconds after the start
 */
type Waiter = (
  associateMs: number,
  random: () => number,
  timeoutMs: number,
) => Waited | Promise<Waited>;

/**
 * Numbers from 0 to 1 that are the same in every run (a linear congruential
 * generator).
 */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const action: Waiter = async (associateMs, random, timeoutMs) => {
  const { associatedMs, endMs, polls } = await simulate({
    recipients: 1,
    associateMs: () => associateMs,
    timeoutMs,
    random,
  });
  return { delayMs: endMs - associatedMs, polls };
};

/** A loop that sleeps, polls, and sleeps again. */
function loop(intervalMs: (polls: number, random: number) => number): Waiter {
  return (associateMs, random, timeoutMs) => {
    let nowMs = ROUND_TRIP_MS / 2;
    for (let polls = 0; ; ) {
      nowMs += intervalMs(polls, random());
      if (nowMs >= timeoutMs) return { delayMs: Number.NaN, polls };
      polls++;
      const isAssociated = nowMs + ROUND_TRIP_MS / 2 >= associateMs;
      nowMs += ROUND_TRIP_MS;
      if (isAssociated) return { delayMs: nowMs - associateMs, polls };
    }
  };
}

const THIS_ACTION = '**this action**';

const WAITERS: Readonly<Record<string, Waiter>> = {
  [THIS_ACTION]: action,
  'fixed 5 s': loop(() => 5_000),
  'fixed 10 s': loop(() => 10_000),
  'doubling from 2 s to 120 s, full jitter (waiters of the AWS SDK)': loop(
    (polls, random) =>
      2_000 + random * (Math.min(2_000 * 2 ** polls, 120_000) - 2_000),
  ),
};

interface Measured {
  /** Of the delay, in percent of the time until the association. */
  readonly mean: number;
  readonly p95: number;
  /** The longest delay, in seconds. */
  readonly worst: number;
  /** At most, in a wait of ten minutes. */
  readonly polls: number;
}

/** Times from the shortest to the longest, evenly on a logarithmic scale. */
function associationMs(random: number): number {
  return SHORTEST_MS * (LONGEST_MS / SHORTEST_MS) ** random;
}

async function measure(waiter: Waiter, draws: number): Promise<Measured> {
  const [times, jitter] = [seeded(1), seeded(2)];
  const percents: number[] = [];
  const seconds: number[] = [];
  const polls: number[] = [];
  for (let draw = 0; draw < draws; draw++) {
    const associateMs = associationMs(times());
    const { delayMs } = await waiter(associateMs, jitter, LONG_TIMEOUT_MS);
    percents.push((100 * delayMs) / associateMs);
    seconds.push(delayMs / 1000);
    if (draw % 20 > 0) continue;
    const never = Number.POSITIVE_INFINITY;
    polls.push((await waiter(never, jitter, TEN_MINUTES_MS)).polls);
  }
  const mean = percents.reduce((sum, value) => sum + value, 0) / draws;
  const p95 = quantile(percents, 0.95);
  return { mean, p95, worst: Math.max(...seconds), polls: Math.max(...polls) };
}

/**
 * How much longer a run with many recipients takes than the last of them
 * requires, each of which is associated after 20 to 40 s: the worst of some
 * runs.
 */
async function measureMany(runs: number): Promise<number> {
  const [times, jitter] = [seeded(3), seeded(4)];
  const ratios: number[] = [];
  for (let run = 0; run < runs; run++) {
    const { associatedMs, endMs } = await simulate({
      recipients: MANY,
      associateMs: () => 20_000 * (1 + times()),
      timeoutMs: TEN_MINUTES_MS,
      random: jitter,
    });
    ratios.push(endMs / associatedMs);
  }
  return Math.max(...ratios);
}

/** The same on every machine. */
export async function wait(draws: number): Promise<Section> {
  const results = new Map<string, Measured>();
  for (const [name, waiter] of Object.entries(WAITERS)) {
    results.set(name, await measure(waiter, draws));
  }
  const records = [...results].map(([name, { mean, p95, worst, polls }]) => [
    name,
    format(mean, 1, '%'),
    format(p95, 1, '%'),
    format(worst, 1, 's'),
    format(polls),
  ]);
  const { mean, p95, polls } = results.get(THIS_ACTION) as Measured;
  const ratio = await measureMany(draws / 500);
  return {
    title: 'Wait',
    text: table(
      [
        'waits',
        'mean delay',
        '95th percentile',
        'worst',
        'polls in 10 minutes',
      ],
      records,
    ),
    promises: [
      reportPromise('mean delay', mean, AT_MOST.mean, '%'),
      reportPromise('95th percentile of the delay', p95, AT_MOST.p95, '%'),
      countPromise('polls in 10 minutes', polls, AT_MOST.polls),
      reportPromise(
        `${format(MANY)} recipients: time until the last is associated`,
        ratio,
        AT_MOST.fleet,
        '×',
      ),
    ],
  };
}
