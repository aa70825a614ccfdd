import { type Clock, type Deadline, startDeadline } from './clock.ts';
import { ApiError, asApiError } from './cloudflare/api-error.ts';
import { CloudflareClient } from './cloudflare/client.ts';
import type { HttpClient } from './cloudflare/http-client.ts';
import { proxyPasswords } from './cloudflare/proxy.ts';
import type { ShareName } from './cloudflare/records.ts';
import { ShareApi } from './cloudflare/share.ts';
import type { Clean, Environment, Failure, Inputs } from './domain.ts';
import type { GitHubContext } from './github/context.ts';
import { DeploymentRecord } from './github/deployment.ts';
import { type InputNotes, loadInputs } from './inputs/load-inputs.ts';
import type { FileReader } from './inputs/sources.ts';
import { observeFirst } from './reconcile/first-observation.ts';
import type { Observations } from './reconcile/observations.ts';
import { unobservedOutcome } from './reconcile/outcome.ts';
import { planTargets } from './reconcile/plan.ts';
import { internalError, unreadRecipients } from './reconcile/reasons.ts';
import { Reconciler } from './reconcile/reconciler.ts';
import type { Outcome } from './reconcile/target-state.ts';
import { createProgressLog, type ProgressLog } from './report/progress-log.ts';
import {
  type Reported,
  reportCrash,
  reportDeploymentProblem,
  reportInvalidInputs,
  reportResult,
} from './report/report.ts';
import { isSuccess, type Result } from './report/result.ts';
import type { Runner } from './report/runner.ts';
import { createSanitizer, secretsIn } from './report/sanitizer.ts';
import { openSink, type Sink } from './report/sink.ts';
import { headline } from './report/wording.ts';

/** Everything outside, handed in. */
export interface World {
  /** All environment variables, read once. */
  readonly env: Environment;
  /** The workflow run. */
  readonly context: GitHubContext;
  /** Reads the file of `recipient-account-file`. */
  readonly files: FileReader;
  /** Sends requests to Cloudflare and GitHub. */
  readonly http: HttpClient;
  /** The time, and pauses. */
  readonly clock: Clock;
  /** A number from 0 to 1, for jitter. */
  readonly random: () => number;
  /** What people and later steps see. */
  readonly runner: Runner;
  /** Aborted when the run is cancelled. */
  readonly cancel: AbortSignal;
}

/** How long the names of shares for an advice may take. */
const ADVICE_MS = 2_000;

/** What the steps of one run work with. */
interface Run {
  readonly inputs: Inputs;
  readonly notes: InputNotes;
  readonly world: World;
  readonly sink: Sink;
  readonly deadline: Deadline;
  readonly progress: ProgressLog;
  readonly client: CloudflareClient;
  readonly share: ShareApi;
  readonly deployment: DeploymentRecord;
}

/**
 * One run: validate, observe, plan, reconcile, report.
 * @returns true when every target reached the desired state, false when the
 *   step has to fail
 */
export async function main(world: World): Promise<boolean> {
  const { env, context, files, runner } = world;
  const sanitizer = createSanitizer(secretsIn(env, proxyPasswords(env)));
  const sink = openSink(runner, sanitizer);
  const { clean } = sanitizer;
  try {
    const loaded = loadInputs({ env, files, clean });
    if (loaded.type === 'valid') {
      const { inputs, notes } = loaded;
      return await runStep(openRun(inputs, notes, world, sink, clean));
    }
    const { errors, summary } = loaded;
    await reportInvalidInputs(sink, context, errors, summary);
  } catch (error) {
    reportCrash(sink, context, error);
  }
  return false;
}

function openRun(
  inputs: Inputs,
  notes: InputNotes,
  world: World,
  sink: Sink,
  clean: Clean,
): Run {
  const { context, http, clock, random, cancel } = world;
  const deadline = startDeadline(clock, inputs.timeoutMs, cancel);
  const progress = createProgressLog(sink, inputs, clock);
  const client = new CloudflareClient({
    apiUrl: inputs.apiUrl,
    credentials: inputs.credentials,
    userAgent: context.userAgent,
    http,
    clock,
    deadline,
    random,
    clean,
    onDelay: progress.delayed,
  });
  return {
    inputs,
    notes,
    world,
    sink,
    deadline,
    progress,
    client,
    share: new ShareApi(client, inputs, clean),
    deployment: new DeploymentRecord({ inputs, context, http, clock }),
  };
}

/** The deployment record is finished on every path. */
async function runStep(run: Run): Promise<boolean> {
  const startMs = run.world.clock.now();
  let result: Result | null = null;
  let reported: Reported = 'crashed';
  let isGreen = false;
  try {
    run.progress.start(run.notes, ignoresTlsVariable(run.world.env));
    const outcome = await observeAndReconcile(run);
    result = await toResult(run, outcome, startMs);
    reported = await reportResult(run.sink, result);
    isGreen = reported === 'complete' && isSuccess(result);
    return isGreen;
  } finally {
    run.deadline.clear();
    const failed = run.deadline.isCancelled() ? 'error' : 'failure';
    const description = describeDeployment(result, reported);
    await finishDeployment(run, isGreen ? 'success' : failed, description);
  }
}

/** Never rejects: every exit path reports the same data. */
async function observeAndReconcile(run: Run): Promise<Outcome> {
  const { inputs, share, deadline } = run;
  const { clock } = run.world;
  try {
    const first = await observeFirst({ inputs, share, clock, deadline });
    if (first.type === 'read') return await reconcile(run, first.observed);

    const isCancelled = deadline.isCancelled();
    const failure = unreadRecipients(first.error.failure, isCancelled);
    const type = isCancelled ? 'cancelled' : 'complete';
    return unobservedOutcome(inputs, failure, first.share, clock.now(), {
      type,
    });
  } catch (error) {
    return unobservedOutcome(inputs, internalError(), null, clock.now(), {
      type: 'crashed',
      error,
    });
  }
}

async function reconcile(run: Run, first: Observations): Promise<Outcome> {
  const { inputs, deadline, progress, share, deployment } = run;
  const { clock, random } = run.world;
  const plan = planTargets(inputs, first);
  share.addTargets(plan.targets.map(({ target }) => target));
  const reconciler = new Reconciler({
    plan,
    observed: first,
    inputs,
    share,
    clock,
    deadline,
    random,
    progress,
  });
  try {
    const leftMs = deadline.endMs() - clock.now();
    progress.planned(reconciler.targets, first, leftMs);
  } catch (error) {
    return reconciler.crashed(error);
  }
  if (inputs.dryRun || !reconciler.isPending()) return reconciler.outcome();
  deployment.start();
  return reconciler.run();
}

async function toResult(
  run: Run,
  outcome: Outcome,
  startMs: number,
): Promise<Result> {
  const { inputs, notes, world, client } = run;
  const sharesOfOwner = await sharesForAdvice(run, outcome);
  const nowMs = world.clock.now();
  return {
    inputs,
    notes,
    context: world.context,
    outcome,
    sharesOfOwner,
    cost: { ...client.sent, tookMs: nowMs - startMs },
    nowMs,
  };
}

/** Names shares of the owner where the share does not exist: best effort. */
async function sharesForAdvice(
  { share, deadline, world }: Run,
  { targets }: Outcome,
): Promise<readonly ShareName[]> {
  const isMissing = targets.some(
    ({ next }) => next.do === 'fail' && isShareNotFound(next.failure),
  );
  if (!isMissing) return [];
  const late = new AbortController();
  void world.clock.sleep(ADVICE_MS).then(() => late.abort('late'));
  const signal = AbortSignal.any([deadline.closing, late.signal]);
  const found = await share.listOwnShares({ signal }).catch(asApiError);
  return found instanceof ApiError ? [] : found;
}

/** Code 1004 of the list is "unknown share" (observed). */
function isShareNotFound({ cause, request }: Failure): boolean {
  return (
    cause === 'not-found' && request?.kind === 'list' && request.code === 1004
  );
}

/** Certificates are verified all the same. */
function ignoresTlsVariable(env: Environment): boolean {
  return env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0';
}

async function finishDeployment(
  { deployment, sink }: Run,
  state: 'success' | 'failure' | 'error',
  description: string,
): Promise<void> {
  const problem = await deployment.finish(state, description);
  if (problem) reportDeploymentProblem(sink, problem);
}

function describeDeployment(result: Result | null, reported: Reported): string {
  if (!result || reported === 'crashed') return 'internal error';
  return reported === 'complete'
    ? headline(result)
    : `the outputs could not be written; ${headline(result)}`;
}
