/**
 * Plays any number of schedules against the model, one on each processor, and
 * shrinks every one that breaks a promise.
 *
 *   npm run soak -- --runs 100000             from a new seed
 *   npm run soak -- --runs 100000 --seed 7    the same schedules again
 *   npm run soak -- --replay 123456789        one schedule, with its log
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import {
  isMainThread,
  parentPort,
  Worker,
  workerData,
} from 'node:worker_threads';
import {
  describeFinding,
  type Finding,
  searchOne,
  seedOf,
} from './model/search.ts';
import { CALM, play } from './model/world.ts';

const CHUNK = 500;
const REPORT_EVERY_MS = 10_000;
/** Enough to see what is wrong. */
const MAX_SHOWN = 20;

/**
 * What a worker reports: schedules played since its last report, and what they
 * broke.
 */
interface Progress {
  readonly played: number;
  readonly finding: Finding | null;
}

async function work(): Promise<void> {
  const { seed, from, to, step } = workerData as Record<
    'seed' | 'from' | 'to' | 'step',
    number
  >;
  const report = (progress: Progress) => parentPort?.postMessage(progress);
  let played = 0;
  for (let index = from; index < to; index += step) {
    const finding = await searchOne(seedOf(seed, index));
    played++;
    if (finding || played === CHUNK) {
      report({ played, finding });
      played = 0;
    }
  }
  report({ played, finding: null });
}

async function soak(runs: number, seed: number): Promise<number> {
  const startMs = performance.now();
  const seconds = () => ((performance.now() - startMs) / 1000).toFixed(0);
  console.log(`Searching ${runs} schedules, seed ${seed}`);
  let [played, broken, reportedMs] = [0, 0, startMs];
  const step = Math.max(1, availableParallelism());
  const workers = Array.from({ length: step }, (_, from) => {
    const worker = new Worker(new URL(import.meta.url), {
      workerData: { seed, from, to: runs, step },
    });
    worker.on('message', (progress: Progress) => {
      played += progress.played;
      if (progress.finding && ++broken <= MAX_SHOWN)
        console.log(describeFinding(progress.finding));
      if (performance.now() - reportedMs < REPORT_EVERY_MS) return;
      reportedMs = performance.now();
      console.log(`${played} of ${runs}, ${broken} violations, ${seconds()} s`);
    });
    return new Promise<void>((resolve, reject) =>
      worker.on('error', reject).on('exit', () => resolve()),
    );
  });
  await Promise.all(workers);
  console.log(
    `${played} schedules, ${broken} violations, seed ${seed}, ${seconds()} s`,
  );
  return played === runs ? broken : 1;
}

/** The requests and the log of one schedule, after it was made smaller. */
async function replay(seed: number): Promise<number> {
  const finding = await searchOne(seed);
  if (!finding) {
    console.log(`Seed ${seed} keeps every promise`);
    return 0;
  }
  const trace = await play({ ...CALM, ...finding.schedule });
  const at = (ms: number) => `${((ms - trace.startMs) / 1000).toFixed(3)} s`;
  for (const {
    sentMs,
    endedMs,
    method,
    path,
    query,
    body,
    response,
  } of trace.exchanges) {
    const request = [method, path, String(query), body]
      .filter(Boolean)
      .join(' ');
    const shown =
      response?.type === 'response'
        ? `${response.status} ${response.body}`
        : (response?.cause ?? 'nothing');
    console.log(`${at(sentMs)} to ${at(endedMs)}: ${request} → ${shown}`);
  }
  for (const { sink, text } of trace.shown)
    console.log(`${sink}: ${JSON.stringify(text)}`);
  console.log(describeFinding(finding));
  return 1;
}

if (isMainThread) {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '10000' },
      seed: { type: 'string' },
      replay: { type: 'string' },
    },
  });
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  const broken = values.replay
    ? await replay(Number(values.replay))
    : await soak(Number(values.runs), seed);
  if (broken > 0) process.exitCode = 1;
} else await work();
