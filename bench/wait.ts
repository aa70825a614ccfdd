/**
 * How late a change of the status is observed, and for how many requests: the
 * action's own reconciler, in simulated time.
 */
import { LAST_LIST_MS } from '../src/clock.ts';
import type { ShareRecipient, Shares } from '../src/cloudflare/shares.ts';
import type { Inputs } from '../src/inputs.ts';
import {
  createReconciler,
  type ReconcilerOptions,
} from '../src/reconcile/reconciler.ts';
import {
  countPromise,
  format,
  quantile,
  reportPromise,
  type Section,
  table,
} from './measure.ts';
import { accounts } from './programs.ts';

const ROUND_TRIP_MS = 80;
const TEN_MINUTES_MS = 600_000;
const AT_MOST = { mean: 10, p95: 20, polls: 60 };

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
 * @param endMs when to give up, in milliseconds after the start
 */
type Waiter = (
  associateMs: number,
  random: () => number,
  endMs: number,
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

const [ID = ''] = accounts(1);
const target = { type: 'account', id: ID } as const;
const inputs = {
  targets: [target],
  state: 'present',
  wait: true,
  dryRun: false,
} as unknown as Inputs;

/**
 * The action, with a clock that jumps and an API that responds after half a
 * round trip each way.
 */
const action: Waiter = async (associateMs, random, endMs) => {
  let nowMs = 0;
  let polls = 0;
  let postedMs = Number.POSITIVE_INFINITY;
  const closing = new AbortController();
  async function respond(): Promise<ShareRecipient> {
    nowMs += ROUND_TRIP_MS / 2;
    postedMs = Math.min(postedMs, nowMs);
    const status =
      nowMs - postedMs >= associateMs ? 'associated' : 'associating';
    nowMs += ROUND_TRIP_MS / 2;
    const dates = {
      created: '',
      modified: '',
      createdMs: Number.NaN,
      modifiedMs: Number.NaN,
    };
    return {
      id: ID,
      accountId: ID,
      status,
      ...dates,
      errors: [],
      moreErrors: 0,
    };
  }
  const shares: Partial<Shares> = {
    create: respond,
    get() {
      polls++;
      return respond();
    },
  };
  const reconciler = createReconciler({ records: [], sentMs: 0 }, null, {
    inputs,
    shares: shares as Shares,
    random,
    clock: {
      now: () => nowMs,
      async sleep(ms) {
        nowMs += Math.max(0, ms);
        if (nowMs >= endMs - LAST_LIST_MS) closing.abort();
      },
    },
    deadline: {
      endMs: () => endMs,
      isCancelled: () => false,
      closing: closing.signal,
    } as ReconcilerOptions['deadline'],
    onChange() {},
    onPoll() {},
  });
  await reconciler.run();
  return { delayMs: nowMs - postedMs - associateMs, polls };
};

/** A loop that sleeps, polls, and sleeps again. */
function loop(intervalMs: (polls: number, random: number) => number): Waiter {
  return (associateMs, random, endMs) => {
    let nowMs = ROUND_TRIP_MS / 2;
    for (let polls = 0; ; ) {
      nowMs += intervalMs(polls, random());
      if (nowMs >= endMs) return { delayMs: Number.NaN, polls };
      polls++;
      const isAssociated = nowMs + ROUND_TRIP_MS / 2 >= associateMs;
      nowMs += ROUND_TRIP_MS;
      if (isAssociated) return { delayMs: nowMs - associateMs, polls };
    }
  };
}

const WAITERS: Readonly<Record<string, Waiter>> = {
  '**this action**': action,
  'fixed 5 s': loop(() => 5_000),
  'fixed 10 s': loop(() => 10_000),
  'doubling from 2 s to 120 s, full jitter (waiters of the AWS SDK)': loop(
    (polls, random) =>
      2_000 + random * (Math.min(2_000 * 2 ** polls, 120_000) - 2_000),
  ),
};

async function measure(waiter: Waiter, draws: number) {
  const [times, jitter] = [seeded(1), seeded(2)];
  const [percents, seconds, polls]: [number[], number[], number[]] = [
    [],
    [],
    [],
  ];
  for (let draw = 0; draw < draws; draw++) {
    const associateMs = 5_000 * 120 ** times();
    const { delayMs } = await waiter(
      associateMs,
      jitter,
      Number.POSITIVE_INFINITY,
    );
    percents.push((100 * delayMs) / associateMs);
    seconds.push(delayMs / 1000);
    if (draw % 20 > 0) continue;
    polls.push(
      (await waiter(Number.POSITIVE_INFINITY, jitter, TEN_MINUTES_MS)).polls,
    );
  }
  const mean = percents.reduce((sum, value) => sum + value, 0) / draws;
  const p95 = quantile(percents, 0.95);
  return { mean, p95, worst: Math.max(...seconds), polls: Math.max(...polls) };
}

/** The same on every machine. */
export async function wait(draws: number): Promise<Section> {
  const results: [string, Awaited<ReturnType<typeof measure>>][] = [];
  for (const [name, waiter] of Object.entries(WAITERS))
    results.push([name, await measure(waiter, draws)]);
  const records = results.map(([name, { mean, p95, worst, polls }]) => [
    name,
    format(mean, 1, '%'),
    format(p95, 1, '%'),
    format(worst, 1, 's'),
    format(polls),
  ]);
  const { mean, p95, polls } = (results[0] as (typeof results)[0])[1];
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
    ],
  };
}
