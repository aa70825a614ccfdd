import type { Clock } from '../clock.ts';
import type { ApiError } from '../cloudflare/api-error.ts';
import type { Share } from '../cloudflare/shares.ts';
import type { GitHubContext } from '../github/context.ts';
import type { InputError, Inputs } from '../inputs.ts';
import {
  type Failure,
  formatFailure,
  isPending,
  isUnknown,
  type TargetState,
} from '../reconcile/decide.ts';
import { findDuplicates } from '../reconcile/observations.ts';
import { describeErrors } from '../reconcile/readiness.ts';
import { FIXES, helpUrl, TITLES } from './failure-guide.ts';
import { createOutputs, type Outputs } from './outputs.ts';
import * as words from './result.ts';
import { OutputError, openSink, type Runner } from './runner.ts';
import type { Sanitizer } from './sanitize.ts';
import { createInputSummary, createSummary } from './summary.ts';

const HEARTBEAT_MS = 30_000;
/**
 * Up to this many targets, every step of each is a line; above it, only the end
 * of each.
 */
const FEW = 10;
const NO_OUTPUTS = {
  'recipient-id': '',
  status: 'unknown',
  changed: 'false',
  recipients: [],
};
const EMPTY_ADVICE =
  'An empty input often comes from a secret or variable that does not reach the job: check its name, the ' +
  "job's environment, and whether a fork or Dependabot started the workflow.";
const TLS_WARNING =
  'NODE_TLS_REJECT_UNAUTHORIZED=0 is ignored: the action always verifies certificates.';
const KEY_WARNING =
  'A Global API key can do everything that its user can do. Use an api-token instead.';
const RECORD_FIX =
  'Check that the job has the permission "deployments: write".';

/** Reports to people and to later steps. */
export type Report = ReturnType<typeof openReport>;

/**
 * Opens the report of a run. Masks all secrets before anything else is printed.
 */
export function openReport(
  runner: Runner,
  sanitizer: Sanitizer,
  context: GitHubContext,
  clock: Clock,
) {
  const sink = openSink(runner, sanitizer);
  let lastLineMs = clock.now();
  let share: Share | null = null;
  let total = 0;
  let over = 0;

  function log(text: string): void {
    sink.info(text);
    lastLineMs = clock.now();
  }

  function warn(title: string, message: string): void {
    sink.annotate('warning', title, message);
  }

  function fail(
    cause: keyof typeof TITLES,
    ...messages: readonly string[]
  ): void {
    const url = helpUrl(cause, context.docsUrl) ?? [];
    sink.annotate('error', TITLES[cause], ...messages.concat(url));
  }

  function setOutputs(outputs: Outputs): void {
    for (const [name, value] of Object.entries(outputs))
      sink.output(name, value);
  }

  async function writeSummary(html: string): Promise<void> {
    await sink
      .summary(html)
      .catch((error) =>
        warn('Job summary could not be written', `${error.message}.`),
      );
  }

  return {
    async invalidInputs(
      { summary }: Inputs,
      errors: readonly InputError[],
    ): Promise<void> {
      const advice = errors.some(({ isEmpty }) => isEmpty) ? EMPTY_ADVICE : '';
      const lines = errors.map(({ input, message }) => `${input}: ${message}`);
      fail('inputs', ...lines.concat(advice || []));
      if (summary) await writeSummary(createInputSummary(errors, advice));
      setOutputs(NO_OUTPUTS);
    },

    start({
      targets,
      shareId,
      state,
      timeout,
      dryRun,
      fallbacks,
      ...inputs
    }: Inputs): void {
      total = targets.length;
      const who = words.plural(total, targets[0]?.type ?? 'account');
      const what =
        state === 'present'
          ? `Sharing ${shareId} with ${who}`
          : `Removing ${who} from ${shareId}`;
      log(
        [what, `timeout ${timeout}`, dryRun && 'dry run', ...fallbacks]
          .filter(Boolean)
          .join('; '),
      );
      if (inputs.ignoresTlsVariable)
        warn('TLS verification stays on', TLS_WARNING);
      if ('x-auth-key' in inputs.credentials)
        warn('Legacy API key', KEY_WARNING);
    },

    plan(
      states: readonly TargetState[],
      observedShare: Share | null,
      inputs: Inputs,
    ): void {
      share = observedShare;
      over = states.filter((state) => !isPending(state)).length;
      if (share?.name) log(`Share name: "${share.name}"`);
      const print = total <= FEW || inputs.dryRun ? log : sink.debug;
      for (const state of states)
        print(`${state.target.id} ${words.describePlan(state, inputs)}`);
    },

    onDelay(reason: 'rate-limit' | ApiError, waitMs: number): void {
      const wait = `Waiting ${Math.ceil(waitMs / 1000)} s, as requested by Cloudflare.`;
      if (reason === 'rate-limit') log(`Rate limit reached. ${wait}`);
      else log(`${reason.message}; retrying in ${words.formatSeconds(waitMs)}`);
    },

    onChange(from: TargetState, to: TargetState): void {
      over += Number(isPending(from)) - Number(isPending(to));
      const text = describeChange(from, to, clock.now());
      const progress =
        total > 1 && !isPending(to) ? ` (${over} of ${total})` : '';
      const print = total <= FEW || !isPending(to) ? log : sink.debug;
      // The annotation shows the failure of a single target.
      if (text && (total > 1 || to.action !== 'fail'))
        print(`${to.target.id}: ${text}${progress}`);
      const isRetried =
        to.recipient &&
        to.recipient.errors.length > (from.recipient?.errors.length ?? 0);
      if (!isRetried || to.action !== 'wait') return;
      const errors = describeErrors(to.recipient, share?.resourceTypes);
      warn(
        'Cloudflare is retrying a resource',
        `${errors}. The run keeps waiting. Account ${to.target.id}.`,
      );
    },

    onPoll(states: readonly TargetState[]): void {
      const pending = states.filter(isPending).length;
      if (clock.now() - lastLineMs < HEARTBEAT_MS || pending === 0) return;
      const failed = states.filter(({ action }) => action === 'fail').length;
      log(
        `Waiting for ${pending} of ${words.plural(total, 'target')}, ${failed} failed`,
      );
    },

    onRecordError: (message: string) =>
      warn(
        'Deployment record could not be written',
        `${message}. ${RECORD_FIX}`,
      ),

    /** Annotations, summary, the last line and the outputs. */
    async finish(result: words.Result): Promise<void> {
      const groups = words.groupFailures(result.states);
      for (const { failure, states } of groups)
        fail(failure.cause, explain(failure, states, result));
      if (result.isCancelled && groups.length === 0)
        fail('cancelled', `Everything was done. ${FIXES.cancelled}`);
      for (const [used, ...others] of findDuplicates(
        result.inputs,
        result.observed,
      )) {
        const ids = others.map(({ id }) => id).join(', ');
        const message = `Remove ${ids}: ${used?.id} is older and in use. Account ${used?.accountId}.`;
        warn('Account has more than one recipient', message);
      }
      if (result.inputs.summary) await writeSummary(createSummary(result));
      log(
        `Result: ${words.headline(result)}; ${words.describeCost(result).join(', ')}`,
      );
      setOutputs(createOutputs(result, clock.now()));
    },

    /** An exception that nothing expects, or outputs that cannot be written. */
    crash(error: unknown): void {
      const { message, stack = '' } =
        error instanceof Error ? error : new Error(`${error}`);
      const cause = error instanceof OutputError ? 'outputs' : 'internal';
      fail(cause, `${message}. ${FIXES[cause]}`);
      for (const line of stack.split('\n')) sink.debug(line);
      if (cause === 'internal') setOutputs(NO_OUTPUTS);
    },
  };
}

/** Reason and fix first; then the share, the recipients and the request. */
function explain(
  failure: Failure,
  states: readonly TargetState[],
  { observed, inputs }: words.Result,
) {
  const { cause, reason, detail } = failure;
  const ids = states.map(({ target }) => target.id);
  const recipient =
    states.length === 1 && states[0]?.inUse
      ? `, recipient ${states[0].inUse}`
      : '';
  const share = observed?.share?.name
    ? `"${observed.share.name}" (${inputs.shareId})`
    : inputs.shareId;
  const where = `Share ${share}, ${states[0]?.target.type} ${words.listOf(ids, 20)}${recipient}.`;
  return [`${reason}.`, FIXES[cause], where, detail && `${detail}.`]
    .filter(Boolean)
    .join(' ');
}

/**
 * What a change means for a reader of the log; empty where it means nothing.
 */
function describeChange(
  from: TargetState,
  to: TargetState,
  nowMs: number,
): string {
  const after = `after ${words.formatSeconds(nowMs - to.startedMs)}`;
  const [status, before] = [to, from].map(
    ({ recipient }) => recipient?.status ?? 'not a recipient',
  );
  const write = to.writes.at(-1);
  if (to.unsent && to.unsent !== from.unsent)
    return `not processed: ${to.unsent.message}`;
  if (write && to.writes.length > from.writes.length) {
    if (isUnknown(write))
      return `${write.error?.message}; checking the recipients before another attempt`;
    if (write.error) return '';
    return write.recipientId
      ? `removing recipient ${write.recipientId}`
      : `added as recipient ${to.inUse}`;
  }
  if (to.action === 'fail')
    return to.failure && !from.failure
      ? `failed: ${formatFailure(to.failure)}`
      : '';
  return status !== before || (to.action === 'done' && isPending(from))
    ? `${status} ${after}`
    : '';
}
