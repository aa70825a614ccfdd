import type { Clock } from './clock.ts';
import { RequestError } from './cloudflare/errors.ts';
import { openHttp } from './cloudflare/http.ts';
import { openShares, type Share } from './cloudflare/shares.ts';
import type { Transport } from './cloudflare/transport.ts';
import type { Cause, Failure } from './failure.ts';
import { type Deployment, type DeploymentState, recordDeployment } from './github/deployment.ts';
import { type Environment, type Inputs, readInputs } from './inputs.ts';
import { duplicates, plan, unplanned } from './plan.ts';
import { failed, foretold, isDone, type Progress, willChange } from './progress.ts';
import { openReport, type Report } from './report/report.ts';
import { headline } from './report/result.ts';
import type { Runner } from './report/runner.ts';
import { secretForms } from './secrets.ts';
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

/** The share's name is worth a moment, not a wait: the list that was read at the same time grows old. */
const SHARE_MS = 3_000;
/** For the last word to GitHub: the runner kills 10 s after a cancel, and users expect less than two. */
const RECORD_DEADLINE_MS = { over: 300, done: 5_000 } as const;

/**
 * One run: read the inputs, look, plan, change, wait, report. It does not throw.
 * @returns true when every target is as wanted, false when the step has to fail
 */
export async function main(world: World): Promise<boolean> {
  const report = openReport(world.runner, secretForms(world.env), world.clock);
  try {
    const read = readInputs(world.env);
    if ('inputs' in read) return await run(read.inputs, world, report);
    report.refuse(read.problems);
  } catch (error) {
    report.crash(error);
  }
  return false;
}

async function run(inputs: Inputs, world: World, report: Report): Promise<boolean> {
  const { env, clock, cancel } = world;
  const startMs = clock.now();
  const endMs = startMs + inputs.timeoutMs;
  const isOver = () => cancel.aborted || clock.now() >= endMs;
  const http = openHttp({ ...world, ...inputs, userAgent: userAgent(env), endMs, listener: report });
  const shares = openShares(http, inputs.accountId, inputs.shareId);

  report.opening(inputs);
  let share: Share | null = null;
  let all: readonly Progress[];
  let record: Deployment | null = null;
  try {
    const named = shares.share({ tries: 2, untilMs: startMs + SHARE_MS }).catch(notTold);
    const look = await Promise.all([shares.list(), named]);
    share = look[1];
    const planned = plan(inputs, { rows: look[0], share, nowMs: clock.now() });
    report.plan(planned, share, inputs.dryRun);
    if (inputs.state === 'present') report.duplicates(duplicates(inputs.targets, look[0]));
    if (inputs.dryRun) all = planned.map(foretold);
    else {
      if (planned.some(willChange))
        record = recordDeployment({ ...world, inputs, failed: report.notRecorded });
      all = await carryOut(planned, look[0], { ...world, ...inputs, shares, report, endMs, isOver });
    }
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    const late = isOver() && error.why === 'deadline' ? 'timeout' : error.why;
    const failure = failureOf(error, cancel.aborted ? 'cancelled' : late);
    all = inputs.targets.map((target) => failed(unplanned(inputs, target, startMs), failure, clock.now()));
  }

  const isCancelled = cancel.aborted;
  const success = !isCancelled && all.every((p) => p.step !== 'failed' && (isDone(p) || inputs.dryRun));
  const tookMs = clock.now() - startMs;
  const trigger = readTrigger(env);
  const result = { inputs, share, all, trigger, requests: http.requests, tookMs, isCancelled };
  let state: DeploymentState = isCancelled ? 'error' : 'failure';
  try {
    await report.finish(result);
    if (success) state = 'success';
  } finally {
    await record?.finish(state, headline(result), RECORD_DEADLINE_MS[isOver() ? 'over' : 'done']);
  }
  return success && !cancel.aborted;
}

/** The share could not be read, which only means that it is told by its id. */
function notTold(error: unknown): null {
  if (error instanceof RequestError) return null;
  throw error;
}

function failureOf(error: RequestError, cause: Cause): Failure {
  const { message } = error;
  return {
    cause,
    message: cause === error.why ? message : `${cause === 'timeout' ? 'the time was up' : cause}: ${message}`,
  };
}
