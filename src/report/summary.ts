/*
 * The job summary: one block of HTML without empty lines, so that nothing in it
 * is read as Markdown.
 */

import { cutWithCount, formatCount, formatSeconds, plural } from '../format.ts';
import { VERSION } from '../github/context.ts';
import type { InputError } from '../inputs/reading.ts';
import type { TargetState } from '../reconcile/target-state.ts';
import { helpUrl, OTHER_HINTS, TITLES } from './failure-guide.ts';
import { type FailureGroup, failureIn, groupFailures } from './failures.ts';
import {
  accountsNotRemoved,
  byKind,
  durationMs,
  isSuccess,
  type Kind,
  kindOf,
  type Result,
  statusOf,
} from './result.ts';
import {
  costParts,
  emptyInputAdvice,
  headline,
  lateWords,
  listEntry,
  notRemovedTitle,
  nounOf,
  othersLine,
  planOf,
  sharesSentence,
  wordOf,
} from './wording.ts';

/** Makes text fit between tags; see `Sanitizer.html`. */
type ToHtml = (text: string) => string;

/** Below GitHub's 1 MiB, with room for what is always there. */
const MAX_BYTES = 1_000_000;
/** So many lines of each kind are shown without a click; the rest is folded. */
const MAX_UNFOLDED = 100;
const MAX_REASONS = 3;
const MAX_REASON = 300;
const MAX_INPUT_MESSAGE = 2_000;

// -------- of a run

/**
 * Creates the job summary of a run.
 * @param areOutputsWritten without them, the step fails
 */
export function createSummary(
  result: Result,
  areOutputsWritten: boolean,
  toHtml: ToHtml,
): string {
  const isGreen = areOutputsWritten && isSuccess(result);
  const head = [
    heading(result, isGreen, toHtml),
    areOutputsWritten ? '' : OUTPUTS_PARAGRAPH,
    shareParagraph(result, toHtml),
    causeTable(result, toHtml),
  ];
  const foot = [footer(result, toHtml)];
  const usedBytes = byteLength([...head, ...foot].join('\n'));
  const budget = { leftBytes: MAX_BYTES - usedBytes };
  const sections = [
    ...targetSections(result, toHtml, budget),
    notRemovedSection(result, toHtml, budget),
  ];

  const parts = [...head, ...sections, ...foot];
  return `${parts.filter((part) => part !== '').join('\n')}\n\n`;
}

const OUTPUTS_PARAGRAPH = `<p><strong>${TITLES.outputs}.</strong> ${OTHER_HINTS.outputs}</p>`;

function heading(result: Result, isGreen: boolean, toHtml: ToHtml): string {
  const { inputs, outcome } = result;
  const name = outcome.share?.name;
  const share = code(name ? `"${name}"` : inputs.shareId, toHtml);
  const mark = markOf(result, isGreen);
  return `<h3>${mark} Cloudflare share ${share}: ${headline(result)}</h3>`;
}

function markOf(result: Result, isGreen: boolean): string {
  if (result.outcome.ending.type === 'cancelled') return '🚫';
  if (!isGreen) return '❌';
  return result.inputs.dryRun ? '📋' : '✅';
}

/** Which share, whose, and how many others have access to it. */
function shareParagraph(result: Result, toHtml: ToHtml): string {
  const { inputs, outcome } = result;
  const share = `Share ${code(inputs.shareId, toHtml)}`;
  const owner = `owner ${code(inputs.accountId, toHtml)}`;
  const others = outcome.observed ? othersLine(outcome.observed.others) : '';
  const isWhole = inputs.state === 'exact' || others === '';
  const parts = [
    `${share}, ${owner}.`,
    isWhole ? '' : `${others}.`,
    toHtml(sharesSentence(result)),
  ];
  return `<p>${parts.filter((part) => part !== '').join(' ')}</p>`;
}

/** What failed, how often, and what to do about it: each advice once. */
function causeTable(result: Result, toHtml: ToHtml): string {
  const groups = groupFailures(result);
  if (groups.length === 0) return '';

  const lines = byAdvice(groups).map((all) => {
    const { topic, hint } = (all[0] as FailureGroup).advice;
    const count = all.reduce((sum, { states }) => sum + states.length, 0);
    const what = `<strong>${TITLES[topic]}</strong>${reasons(all, toHtml)}`;
    const fix = [
      // The guide's own text, with an address that people copy.
      hint ?? '',
      ...pagesOf(all).map((page) => link(page, 'Cloudflare documentation')),
      link(helpUrl(topic, result.context.docsUrl), 'Troubleshooting'),
    ];
    const who = count === 0 ? 'none' : formatCount(count);
    const whatToDo = fix.filter((part) => part !== '').join(' ');
    return tableRow([what, number(who), whatToDo]);
  });
  const noun = nounOf(result.outcome.targets);
  const heads = ['What failed', `${capitalize(noun)}s`, 'What to do'];
  return table(heads, lines);
}

/** Groups with the same title and the same hint. */
function byAdvice(groups: readonly FailureGroup[]): FailureGroup[][] {
  const alike = new Map<string, FailureGroup[]>();
  for (const group of groups) {
    const { topic, hint } = group.advice;
    const key = `${topic} ${hint}`;
    const same = alike.get(key);
    if (same) same.push(group);
    else alike.set(key, [group]);
  }
  return [...alike.values()];
}

function reasons(groups: readonly FailureGroup[], toHtml: ToHtml): string {
  const shown = groups.slice(0, MAX_REASONS).map(({ reason }) => {
    return `<br>${toHtml(cutWithCount(reason, MAX_REASON))}`;
  });
  const more = groups.length - shown.length;
  const rest = more > 0 ? `<br>and ${plural(more, 'more reason')}` : '';
  return `${shown.join('')}${rest}`;
}

/** Pages that Cloudflare names for the reasons that are shown. */
function pagesOf(groups: readonly FailureGroup[]): string[] {
  const pages = groups
    .slice(0, MAX_REASONS)
    .map(({ failure }) => failure.request?.documentationUrl ?? null);
  return [...new Set(pages)].filter((page) => page !== null);
}

// -------- targets

/** How many bytes may still be written: what follows has to fit. */
interface Budget {
  leftBytes: number;
}

function targetSections(
  result: Result,
  toHtml: ToHtml,
  budget: Budget,
): string[] {
  const kinds = byKind(result);
  const of = (...wanted: Kind[]) =>
    wanted.flatMap((kind) => kinds.get(kind) ?? []);
  const section = (title: string, states: readonly TargetState[]) =>
    targetTable(title, states, result, toHtml, budget);
  const sections = (
    states: readonly TargetState[],
    titleOfRest: (count: number) => string,
  ) => {
    const rest = states.slice(MAX_UNFOLDED);
    return [
      section('', states.slice(0, MAX_UNFOLDED)),
      section(titleOfRest(rest.length), rest),
    ];
  };

  const failed = byCause(of('failed', 'cancelled'), result);
  const changed = of('added', 'removed');
  const waiting = of('waiting');
  const more = (all: readonly TargetState[], kind: Kind) => (count: number) =>
    `${plural(count, `more ${nounOf(all)}`)} ${wordOf(kind, result.inputs)}`;
  const failedTitle =
    of('failed').length === 0
      ? more(failed, 'cancelled')
      : (count: number) => plural(count, 'more failure');
  return [
    ...sections(failed, failedTitle),
    ...sections(changed, (count) => plural(count, 'more change')),
    ...sections(waiting, more(waiting, 'waiting')),
    section(foldedTitle(of('unchanged'), result), of('unchanged')),
  ];
}

function foldedTitle(states: readonly TargetState[], { inputs }: Result) {
  const who = plural(states.length, nounOf(states));
  return `${who} ${wordOf('unchanged', inputs)}`;
}

/** The targets in the order of the groups of their failures. */
function byCause(
  states: readonly TargetState[],
  result: Result,
): TargetState[] {
  const inOrder = groupFailures(result).flatMap((group) => group.states);
  const wanted = new Set(states);
  return inOrder.filter((state) => wanted.has(state));
}

/** A table of targets, folded behind its title if it has one. */
function targetTable(
  title: string,
  states: readonly TargetState[],
  result: Result,
  toHtml: ToHtml,
  budget: Budget,
): string {
  if (states.length === 0) return '';

  const columns = columnsFor(states, result, toHtml);
  const toLine = (state: TargetState) =>
    tableRow(columns.map(({ cell }) => cell(state)));
  const lines = fitLines(states, toLine, budget);
  const heads = columns.map(({ head }) => head);
  const more = states.length - lines.length;
  const rest =
    more > 0 ? `<p>And ${formatCount(more)} more, in the log.</p>` : '';
  const body = `${lines.length > 0 ? table(heads, lines) : ''}${rest}`;
  if (title === '') return body;
  return details(title, body);
}

/** A column of a table of targets. */
interface Column {
  readonly head: string;
  readonly cell: (state: TargetState) => string;
}

/**
 * The columns for targets of one kind. Those that failed have their reason
 * where a narrow page shows it without scrolling, and no change.
 */
function columnsFor(
  [first]: readonly TargetState[],
  result: Result,
  toHtml: ToHtml,
): Column[] {
  if (!first) return [];
  const { dryRun } = result.inputs;
  const kind = kindOf(first, result);
  const hasReason = kind === 'failed' || kind === 'cancelled';
  const hasDuration = kind !== 'unchanged' && !dryRun;

  const change: Column = {
    head: 'Change',
    cell: (state) => changeCell(state, result, toHtml),
  };
  const who: Column = {
    head: capitalize(nounOf([first])),
    cell: (state) => whoCell(state, result, toHtml),
  };
  const why: Column = {
    head: 'Reason',
    cell: (state) => reasonCell(state, result, toHtml),
  };
  const status: Column = {
    head: 'Status',
    cell: (state) => statusCell(state, result),
  };
  const duration: Column = {
    head: 'Duration',
    cell: (state) => number(durationOf(state, result)),
  };
  return [
    ...(hasReason && !dryRun ? [] : [change]),
    who,
    ...(hasReason ? [why] : []),
    status,
    ...(hasDuration ? [duration] : []),
  ];
}

/** `+ added`, `= no change`; in a dry run, what the plan is. */
function changeCell(
  state: TargetState,
  result: Result,
  toHtml: ToHtml,
): string {
  if (result.inputs.dryRun) {
    const { sign, text } = planOf(state, result.inputs);
    return toHtml(`${sign} ${text}`);
  }
  if (state.changed) return changeWord(state, result);
  return kindOf(state, result) === 'waiting' ? '⏳ not awaited' : '= no change';
}

function reasonCell(
  state: TargetState,
  result: Result,
  toHtml: ToHtml,
): string {
  const reason = failureIn(state, result)?.reason ?? '';
  return toHtml(cutWithCount(reason, MAX_REASON));
}

function changeWord(state: TargetState, { inputs, outcome }: Result): string {
  const isAdded = state.planned.desired === 'present';
  const word = wordOf(isAdded ? 'added' : 'removed', inputs);
  const rest = lateWords(state, outcome.observed);
  return `${isAdded ? '+' : '-'} ${word}${rest}`;
}

/** An ID, linked to its dashboard where it is Cloudflare's, and its label. */
function whoCell(
  { planned: { target } }: TargetState,
  { inputs }: Result,
  toHtml: ToHtml,
): string {
  const id = code(target.id, toHtml);
  const isLinked =
    target.type === 'account' &&
    inputs.apiUrl.startsWith('https://api.cloudflare.com/');
  const name = isLinked
    ? `<a href="https://dash.cloudflare.com/${target.id}">${id}</a>`
    : id;
  return target.label === null ? name : `${name} ${toHtml(target.label)}`;
}

function statusCell(state: TargetState, { outcome }: Result): string {
  const status = statusOf(state, outcome.observed);
  const hasNone = state.recipient === null && status === 'disassociated';
  return hasNone ? 'not a recipient' : status;
}

function durationOf(state: TargetState, { nowMs }: Result): string {
  const ms = durationMs(state, nowMs);
  return ms > 0 ? formatSeconds(ms) : '';
}

/** The accounts that a failed run with `exact` did not remove. */
function notRemovedSection(
  result: Result,
  toHtml: ToHtml,
  budget: Budget,
): string {
  const states = accountsNotRemoved(result);
  if (states.length === 0) return '';

  const lines = fitLines(states, (state) => toHtml(listEntry(state)), budget);
  const more = states.length - lines.length;
  const rest =
    more > 0 ? `\n<p>And ${formatCount(more)} more, in the log.</p>` : '';
  const title = notRemovedTitle(states.length);
  const list = `<pre>${lines.join('\n')}</pre>`;
  return details(toHtml(title), `${list}${rest}`);
}

/** As many lines as fit. The rest stands in the log. */
function fitLines(
  states: readonly TargetState[],
  toLine: (state: TargetState) => string,
  budget: Budget,
): string[] {
  const lines: string[] = [];
  for (const state of states) {
    const text = toLine(state);
    const bytes = byteLength(text) + 1;
    if (bytes > budget.leftBytes) break;
    budget.leftBytes -= bytes;
    lines.push(text);
  }
  return lines;
}

function footer(result: Result, toHtml: ToHtml): string {
  const { event, actor } = result.context;
  const parts = [`cloudflare-share-recipient ${VERSION}`];
  const who = actor ? ` (${code(actor, toHtml)})` : '';
  if (event) parts.push(`triggered by ${code(event, toHtml)}${who}`);
  parts.push(...costParts(result.cost));
  return `<p><sub>${parts.join(' · ')}</sub></p>`;
}

// -------- of invalid inputs

/** Creates the job summary of a run with invalid inputs. */
export function createInputSummary(
  errors: readonly InputError[],
  toHtml: ToHtml,
): string {
  const items = errors.map(({ input, message }) => {
    const text = cutWithCount(message, MAX_INPUT_MESSAGE);
    return `<li>${code(input, toHtml)}: ${toHtml(text)}</li>`;
  });
  const isEmpty = errors.some((error) => error.isEmpty);
  const advice = isEmpty ? emptyInputAdvice : OTHER_HINTS.inputs;

  const list = `<ul>\n${items.join('\n')}\n</ul>`;
  return `<h3>❌ ${TITLES.inputs}</h3>\n${list}\n<p>${toHtml(advice)}</p>\n\n`;
}

// -------- HTML

function code(text: string, toHtml: ToHtml): string {
  return `<code>${toHtml(text)}</code>`;
}

/** A link to an address that cannot hold markup; otherwise nothing. */
function link(url: string | null, text: string): string {
  const isPlain = url !== null && /^https:\/\/[\w./#?=&%-]+$/.test(url);
  return isPlain ? `<a href="${url.replaceAll('&', '&amp;')}">${text}</a>` : '';
}

/** A cell that is aligned to the right, as numbers are. */
function number(text: string): string {
  return `<td align="right">${text}</td>`;
}

function table(heads: readonly string[], lines: readonly string[]): string {
  const head = heads.map((text) => `<th>${text}</th>`).join('');
  const body = lines.join('\n');
  return `<table><thead><tr>${head}</tr></thead><tbody>\n${body}\n</tbody></table>`;
}

/** What people open with a click. */
function details(title: string, body: string): string {
  return `<details><summary>${title}</summary>\n${body}\n</details>`;
}

function tableRow(cells: readonly string[]): string {
  const all = cells.map((text) =>
    text.startsWith('<td') ? text : `<td>${text}</td>`,
  );
  return `<tr>${all.join('')}</tr>`;
}

function capitalize(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

function byteLength(text: string): number {
  return Buffer.byteLength(text);
}
