import type { Clock } from './clock.ts';
import { RequestError } from './cloudflare/errors.ts';
import { openHttp } from './cloudflare/http.ts';
import { openShares, type Share } from './cloudflare/shares.ts';
import type { Transport } from './cloudflare/transport.ts';
import { type Environment, readInputs, secretForms } from './inputs.ts';
import { plan, unplanned } from './plan.ts';
import { failed, foretold, isDone, type Progress } from './progress.ts';
import { openReport } from './report/report.ts';
import type { Runner } from './report/runner.ts';
import { readTrigger, userAgent } from './trigger.ts';
import { carryOut } from './wait.ts';

/** Everything outside, handed in. */
export interface World {
  readonly env: Environment;
  readonly transport: Transport;
  readonly clock: Clock;
  /** A number from 0 to 1. */
  readonly random: () => number;
  readonly runner: Runner;
  /** Aborted when the run is cancelled. */
  readonly cancel: AbortSignal;
}

/** The share's name is worth a moment, not a wait. */
const SHARE_READ = { tries: 2, deadlineMs: 5_000 } as const;

/**
 * One run: read the inputs, look, plan, change, wait, report. It does not throw.
 * @returns true when every target is as wanted, false when the step has to fail
 */
export async function main(world: World): Promise<boolean> {
  const { env, clock, random, cancel } = world;
  const startMs = clock.now();
  const report = openReport(world.runner, secretForms(env), clock);
  try {
    const read = readInputs(env);
    if ('problems' in read) {
      report.refuse(read.problems);
      return false;
    }
    const { inputs } = read;
    const endMs = startMs + inputs.timeoutMs;
    const isOver = () => cancel.aborted || clock.now() >= endMs;
    const http = openHttp({ ...world, ...inputs, userAgent: userAgent(env), endMs, listener: report });
    const shares = openShares(http, inputs.accountId, inputs.shareId);

    let share: Share | null = null;
    let all: readonly Progress[] = [];
    try {
      const [rows, known] = await Promise.all([shares.list(), shares.share(SHARE_READ).catch(() => null)]);
      share = known;
      report.opening(inputs, share);
      all = plan(inputs, { rows, share, nowMs: clock.now() });
      report.plan(all, inputs.dryRun);
      if (inputs.dryRun) all = all.map(foretold);
      else
        all = await carryOut(all, rows, { ...inputs, shares, clock, random, cancel, report, endMs, isOver });
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      report.opening(inputs, share);
      const failure = { cause: error.why, message: error.message };
      all = inputs.targets.map((target) => failed(unplanned(inputs, target, startMs), failure, clock.now()));
    }
    const { requests } = http;
    await report.finish({
      inputs,
      share,
      all,
      duplicates: [],
      trigger: readTrigger(env),
      requests,
      tookMs: clock.now() - startMs,
    });
    return all.every((p) => p.step !== 'failed' && (isDone(p) || inputs.dryRun));
  } catch (error) {
    report.crash(error);
    return false;
  }
}
