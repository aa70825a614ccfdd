import { type Clock, startDeadline } from './clock.ts';
import { ApiError, asApiError } from './cloudflare/api-error.ts';
import { createClient } from './cloudflare/client.ts';
import type { HttpClient } from './cloudflare/http-client.ts';
import { openShares } from './cloudflare/shares.ts';
import type { GitHubContext } from './github/context.ts';
import { type FinishRecord, recordDeployment } from './github/deployment.ts';
import { type Environment, type Inputs, readInputs } from './inputs.ts';
import { failureOf, type TargetState } from './reconcile/decide.ts';
import type { Observations } from './reconcile/observations.ts';
import { createReconciler, failedState } from './reconcile/reconciler.ts';
import { openReport, type Report } from './report/report.ts';
import { headline, isSuccess } from './report/result.ts';
import type { Runner } from './report/runner.ts';
import { createSanitizer, type Sanitizer } from './report/sanitize.ts';

/** Everything outside, handed in. */
export interface World {
  readonly env: Environment;
  readonly context: GitHubContext;
  readonly http: HttpClient;
  readonly clock: Clock;
  /** A number from 0 to 1, for jitter. */
  readonly random: () => number;
  readonly runner: Runner;
  /** Aborted when the run is cancelled. */
  readonly cancel: AbortSignal;
}

/**
 * One run: validate, observe, plan, reconcile, report.
 * @returns true when every target reached the desired state, false when the
 *   step has to fail
 */
export async function main(world: World): Promise<boolean> {
  const sanitizer = createSanitizer(world.env);
  const report = openReport(
    world.runner,
    sanitizer,
    world.context,
    world.clock,
  );
  try {
    const { inputs, errors } = readInputs(world.env);
    if (errors.length === 0) return await run(inputs, report, sanitizer, world);
    await report.invalidInputs(inputs, errors);
  } catch (error) {
    report.crash(error);
  }
  return false;
}

async function run(
  inputs: Inputs,
  report: Report,
  { clean }: Sanitizer,
  world: World,
): Promise<boolean> {
  const { context, clock } = world;
  const startMs = clock.now();
  const deadline = startDeadline(clock, inputs.timeoutMs, world.cancel);
  const options = {
    ...world,
    ...inputs,
    inputs,
    clean,
    deadline,
    userAgent: context.userAgent,
  };
  const client = createClient({ ...options, ...report });
  const shares = openShares(client, inputs, clean);
  let states: readonly TargetState[];
  let observed: Observations | null = null;
  let finishRecord: FinishRecord | null = null;

  report.start(inputs);
  try {
    // The share adds its name and the kinds of its resources. It is read once,
    // and can be missing.
    const [list, result] = await Promise.all([
      shares.list(),
      shares.share({ maxAttempts: 1 }).catch(asApiError),
    ]);
    const share = result instanceof ApiError ? null : result;
    const reconciler = createReconciler(list, share, {
      ...options,
      ...report,
      shares,
    });
    report.plan(reconciler.states, share, inputs);
    if (!inputs.dryRun && reconciler.isPending()) {
      finishRecord = recordDeployment({ ...options, ...report });
      await reconciler.run();
    }
    states = reconciler.states;
    observed = reconciler.observed();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const cancelled = {
      cause: 'cancelled',
      reason: `cancelled; ${error.reason}`,
    } as const;
    const failure = {
      ...failureOf(error),
      ...(deadline.isCancelled() ? cancelled : {}),
    };
    states = inputs.targets.map((target) =>
      failedState(target, failure, clock.now()),
    );
  }
  deadline.clear();

  const isCancelled = deadline.isCancelled();
  const cost = { ...client.sent, tookMs: clock.now() - startMs };
  const result = { inputs, context, states, observed, isCancelled, cost };
  const failed = isCancelled ? 'error' : 'failure';
  let outcome: 'success' | 'failure' | 'error' = failed;
  try {
    await report.finish(result);
    outcome = isSuccess(result) ? 'success' : failed;
  } finally {
    await finishRecord?.(outcome, headline(result));
  }
  return outcome === 'success';
}
