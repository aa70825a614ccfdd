/* What is reported when a run is over, on every exit path. */

import { asSentence, plural } from '../format.ts';
import type { GitHubContext } from '../github/context.ts';
import type { DeploymentProblem } from '../github/deployment.ts';
import type { InputError } from '../inputs/reading.ts';
import type { TargetState } from '../reconcile/target-state.ts';
import {
  helpUrl,
  INTERNAL_HINT,
  OTHER_HINTS,
  TITLES,
  type Topic,
} from './failure-guide.ts';
import {
  annotatedGroups,
  type FailureGroup,
  failureIn,
  groupFailures,
} from './failures.ts';
import {
  createOutputs,
  emptyOutputs,
  OUTPUT_NAMES,
  type Outputs,
} from './outputs.ts';
import {
  accountsNotRemoved,
  accountsToRemove,
  areMany,
  byKind,
  type Kind,
  type Result,
} from './result.ts';
import { messageOf, OutputError, type Sink } from './sink.ts';
import { createInputSummary, createSummary } from './summary.ts';
import { warningsOf } from './warnings.ts';
import {
  causeCountLine,
  deploymentWarning,
  emptyInputAdvice,
  everythingDone,
  leftOutLines,
  listEntry,
  notRemovedSentence,
  notRemovedTitle,
  planComplete,
  resultLine,
  sharesSentence,
  summaryWarning,
  targetLine,
  type WarningText,
  whereSentence,
  wouldLoseAccessSentence,
} from './wording.ts';

/** Reports inputs that are not valid: nothing was sent. */
export async function reportInvalidInputs(
  sink: Sink,
  context: GitHubContext,
  errors: readonly InputError[],
  summary: boolean,
): Promise<void> {
  const isEmpty = errors.some((error) => error.isEmpty);
  const messages = errors.map(({ input, message }) => `${input}: ${message}`);
  const advice = isEmpty ? [emptyInputAdvice] : [];
  annotate(sink, context, 'inputs', [...messages, ...advice]);

  for (const { input, details } of errors) {
    if (details.length > 0) sink.group(`All problems of ${input}`, details);
  }
  if (summary) {
    await writeSummary(sink, () => createInputSummary(errors, sink.html));
  }
  setOutputs(sink, context, emptyOutputs);
}

/**
 * Reports an exception that nothing expects, where a run does not even have
 * targets.
 */
export function reportCrash(
  sink: Sink,
  context: GitHubContext,
  error: unknown,
): void {
  explainCrash(sink, context, error);
  setOutputs(sink, context, emptyOutputs);
}

/** What came of a report. */
export type Reported = 'complete' | 'without-outputs' | 'crashed';

/**
 * Reports a run that is over: outputs, annotations, summary, and the last line
 * of the log. Never rejects.
 */
export async function reportResult(
  sink: Sink,
  result: Result,
): Promise<Reported> {
  const { context, inputs } = result;
  let areWritten = false;
  try {
    // First, because nothing that comes later may lose them.
    const { outputs, leftOut } = createOutputs(result);
    areWritten = setOutputs(sink, context, outputs);

    annotateFailures(sink, result);
    for (const warning of warningsOf(result)) warn(sink, warning);
    logResults(sink, result);
    for (const text of leftOutLines(leftOut)) sink.info(text);
    if (inputs.summary) {
      const create = () => createSummary(result, areWritten, sink.html);
      await writeSummary(sink, create);
    }
    sink.info(resultLine(result));
    return areWritten ? 'complete' : 'without-outputs';
  } catch (error) {
    if (areWritten) explainCrash(sink, context, error);
    else reportCrash(sink, context, error);
    return 'crashed';
  }
}

/** Reports a deployment record that could not be written. */
export function reportDeploymentProblem(
  sink: Sink,
  problem: DeploymentProblem,
): void {
  warn(sink, deploymentWarning(problem));
}

// -------- annotations

function fail(
  sink: Sink,
  context: GitHubContext,
  topic: Topic,
  sentences: readonly string[],
): void {
  const text = sentences.filter((sentence) => sentence !== '').join(' ');
  annotate(sink, context, topic, text);
}

/** Several texts have a line each. */
function annotate(
  sink: Sink,
  { docsUrl }: GitHubContext,
  topic: Topic,
  text: string | readonly string[],
): void {
  const link = helpUrl(topic, docsUrl);
  sink.annotate({ level: 'error', title: TITLES[topic], text, link });
}

function warn(sink: Sink, { title, text }: WarningText): void {
  sink.annotate({ level: 'warning', title, text, link: null });
}

function annotateFailures(sink: Sink, result: Result): void {
  const { context, outcome } = result;
  const groups = groupFailures(result);
  const { ending } = outcome;
  if (ending.type === 'crashed') explainCrash(sink, context, ending.error);

  // The exception itself has been reported.
  const explained = annotatedGroups(groups, result).filter(
    ({ failure }) => failure.cause !== 'internal',
  );
  const notRemoved = notRemovedSentence(accountsNotRemoved(result));
  for (const [index, group] of explained.entries()) {
    const sentences = explain(group, result, index === 0 ? notRemoved : '');
    fail(sink, context, group.advice.topic, sentences);
  }
  if (ending.type === 'cancelled' && groups.length === 0) {
    const done = result.inputs.dryRun
      ? planComplete(outcome.share)
      : everythingDone;
    fail(sink, context, 'cancelled', [done]);
  }
}

/** Reason and fix first; then who is concerned, and what Cloudflare said. */
function explain(
  group: FailureGroup,
  result: Result,
  notRemoved: string,
): string[] {
  const { advice, failure, reason, states } = group;
  const { request } = failure;
  const page = request?.documentationUrl ?? null;
  // Who would lose access is more than who would change.
  const isRejection = failure.cause === 'refused';
  return [
    asSentence(reason),
    advice.hint ?? '',
    isRejection
      ? wouldLoseAccessSentence(accountsToRemove(result))
      : notRemoved,
    failure.cause === 'not-found' ? sharesSentence(result) : '',
    whereSentence(isRejection ? [] : states, result),
    request ? `${request.detail}.` : '',
    page === null ? '' : `See ${page}`,
  ];
}

function explainCrash(
  sink: Sink,
  context: GitHubContext,
  error: unknown,
): void {
  fail(sink, context, 'internal', [
    asSentence(messageOf(error)),
    INTERNAL_HINT,
  ]);
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  for (const line of stack.split('\n')) sink.debug(line);
}

// -------- the log

function logResults(sink: Sink, result: Result): void {
  const { targets } = result.outcome;
  if (areMany(targets)) {
    for (const { advice, reason, states } of groupFailures(result)) {
      sink.info(causeCountLine(TITLES[advice.topic], states, reason));
    }
    const title = `All ${plural(targets.length, 'result')}`;
    sink.group(title, resultLines(result));
  }
  const notRemoved = accountsNotRemoved(result);
  if (notRemoved.length > 0) {
    sink.group(notRemovedTitle(notRemoved.length), notRemoved.map(listEntry));
  }
}

/** One line for each target, in the order of the summary. */
function resultLines(result: Result): string[] {
  const toLine = (kind: Kind, state: TargetState) =>
    targetLine(kind, state, failureIn(state, result), result);
  return [...byKind(result)].flatMap(([kind, states]) =>
    states.map((state) => toLine(kind, state)),
  );
}

// -------- outputs and summary

/** Sets every output; returns false where one could not be written. */
function setOutputs(
  sink: Sink,
  context: GitHubContext,
  outputs: Outputs,
): boolean {
  try {
    for (const name of OUTPUT_NAMES) sink.output(name, outputs[name]);
    return true;
  } catch (error) {
    if (!(error instanceof OutputError)) throw error;
    fail(sink, context, 'outputs', [`${error.message}.`, OTHER_HINTS.outputs]);
    return false;
  }
}

/** Best effort: neither its text nor its file may fail the run. */
async function writeSummary(sink: Sink, create: () => string): Promise<void> {
  try {
    await sink.summary(create());
  } catch (error) {
    warn(sink, summaryWarning(messageOf(error)));
  }
}
