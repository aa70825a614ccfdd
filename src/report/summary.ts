import type { Duplicate } from '../plan.ts';
import type { Progress } from '../progress.ts';
import { describeErrors } from '../settle.ts';
import { HINTS } from './hints.ts';
import { byTarget, groupStatus } from './outputs.ts';
import { failuresOf, headline, type Outcome, outcomeOf, planned, planSign, type Result } from './result.ts';
import { count, html, type Say, seconds } from './text.ts';

type Group = [Progress, ...Progress[]];

/** GitHub takes 1 MiB for a step; what is over it would cost the whole summary. */
const MAX_SUMMARY = 1_000_000;
/** Up to here one table shows them all. */
const MAX_IN_ONE_TABLE = 50;
/** Different messages that are shown for one cause. */
const MAX_REASONS = 5;

const MARKS: Readonly<Record<Outcome, string>> = {
  settled: '✅ done',
  accepted: '⏳ accepted',
  planned: '⏳ planned',
  failed: '❌ failed',
};

/** A summary in the making. */
interface Page {
  readonly result: Result;
  readonly duplicates: readonly Duplicate[];
  /** Makes any text safe, and shows it as code: there GitHub looks for no links and no mentions. */
  readonly code: (text: unknown) => string;
}

/**
 * Makes the job summary: one block of HTML without blank lines, so that nothing in it is read as Markdown.
 * @param duplicates accounts with more than one live recipient, to be warned of
 * @returns HTML of less than 1 MiB
 */
export function summaryOf(result: Result, duplicates: readonly Duplicate[], say: Say): string {
  for (const limit of [300, 60]) {
    const code = (value: unknown) => `<code>${html(say(value, limit))}</code>`;
    const text = render({ result, duplicates, code });
    if (Buffer.byteLength(text) < MAX_SUMMARY) return text;
  }
  return `<h3>${headline(result)}</h3>\n\n`;
}

function render(page: Page): string {
  const { result, duplicates, code } = page;
  const groups = byTarget(result.all);
  const failed = groups.filter((group) => outcomeOf(group) === 'failed');
  const rest = groups.filter((group) => outcomeOf(group) !== 'failed');
  const open = rest.some((group) => outcomeOf(group) !== 'settled');
  const mark =
    failed.length > 0 || result.isCancelled ? '❌' : result.inputs.dryRun ? '📋' : open ? '⏳' : '✅';
  const parts = [`<h3>${mark} ${headline(result)}</h3>`, facts(page)];

  if (groups.length <= MAX_IN_ONE_TABLE) parts.push(table(groups, page));
  else {
    parts.push(`<p>${counts([...failed, ...rest], result)}</p>`);
    if (failed.length > 0) parts.push(table(failed, page));
    const title = failed.length > 0 ? `The other ${count(rest.length, 'recipient')}` : 'All recipients';
    if (rest.length > 0) parts.push(`<details><summary>${title}</summary>${table(rest, page)}</details>`);
  }
  for (const { target, used, others } of duplicates.slice(0, 10)) {
    const ids = others.map((row) => code(row.id)).join(', ');
    parts.push(
      `<p>⚠️ Warning: account ${code(target.id)} has more than one live recipient: ${code(used.id)} is the oldest and was used; also there: ${ids}.</p>`,
    );
  }
  parts.push(advice(page));
  return `${parts.filter(Boolean).join('\n')}\n\n`;
}

function facts({ result: { inputs, share, trigger, tookMs, requests }, code }: Page): string {
  const link = dashboard(inputs.apiUrl, inputs.accountId);
  const name = code(share?.name || inputs.shareId);
  const id = share?.name ? ` (${code(inputs.shareId)})` : '';
  const who = trigger.actor ? ` (${code(trigger.actor)})` : '';
  const run = [
    trigger.event ? `Triggered by ${code(trigger.event)}${who}` : '',
    seconds(tookMs),
    count(requests, 'request'),
  ];
  return `<p>Share ${link ? `<a href="${link}">${name}</a>` : name}${id} of account ${code(inputs.accountId)}<br>${run.filter(Boolean).join(' · ')}</p>`;
}

/** Cloudflare publishes no address for a share's own page, so this is the page of the account that owns it. */
function dashboard(apiUrl: string, accountId: string): string {
  return apiUrl.startsWith('https://api.cloudflare.com/') ? `https://dash.cloudflare.com/${accountId}` : '';
}

/** `❌ 4 failed · ✅ 47 done, added · ✅ 9 done, unchanged`, for those who will not count the rows. */
function counts(groups: readonly Group[], { inputs }: Result): string {
  const numbers = new Map<string, number>();
  for (const group of groups) {
    const what =
      outcomeOf(group) === 'failed'
        ? MARKS.failed
        : inputs.dryRun
          ? planSign(firstOf(group))
          : `${MARKS[outcomeOf(group)]}, ${changeOf(group)}`;
    numbers.set(what, (numbers.get(what) ?? 0) + 1);
  }
  return [...numbers].map(([what, n]) => what.replace(' ', ` ${n} `)).join(' · ');
}

function changeOf(group: Group): string {
  if (!group.some((p) => p.changed)) return 'unchanged';
  return group[0].want === 'present' ? 'added' : 'removed';
}

/** The row that stands for a target: the one that failed, if any. */
function firstOf(group: Group): Progress {
  return group.find((p) => p.step === 'failed') ?? group[0];
}

/** The whole reason would make the table wider than the page; it is under "What to do". */
function reasonOf(group: Group, code: Page['code']): string {
  const failure = group.find((p) => p.step === 'failed')?.failure;
  if (failure) return HINTS[failure.cause].title;
  const retried = group[0].row?.resources ?? [];
  return retried.length > 0 ? code(describeErrors(retried)) : '';
}

function table(groups: readonly Group[], { result: { inputs }, code }: Page): string {
  const withReasons = groups.some((group) => reasonOf(group, code));
  const heads = inputs.dryRun ? ['Plan', 'Status'] : ['Recipient', 'Outcome', 'Status', 'Change', 'Time'];
  if (withReasons) heads.push('Reason');
  const rows = groups.map((group) => {
    const [first] = group;
    const endMs = group.reduce((latest, p) => Math.max(latest, p.endedMs ?? p.startedMs), 0);
    const status = group.every((p) => p.row === null && p.looked)
      ? 'no record'
      : code(groupStatus(group) || 'not known');
    const cells = inputs.dryRun
      ? [code(planned(firstOf(group), true)), status]
      : [
          code(first.target.id),
          MARKS[outcomeOf(group)],
          status,
          changeOf(group),
          seconds(endMs - first.startedMs),
        ];
    if (withReasons) cells.push(reasonOf(group, code));
    return `<tr>${cells.map((text) => `<td>${text}</td>`).join('')}</tr>`;
  });
  const head = heads.map((text) => `<th>${text}</th>`).join('');
  return `<table><thead><tr>${head}</tr></thead><tbody>\n${rows.join('\n')}\n</tbody></table>`;
}

function advice({ result, code }: Page): string {
  const groups = failuresOf(result.all);
  const items = [...new Set(groups.map(({ failure }) => failure.cause))].map((cause) => {
    const { title, text, link } = HINTS[cause];
    const alike = groups.filter(({ failure }) => failure.cause === cause);
    const said = alike.slice(0, MAX_REASONS).map(({ failure, targets }) => {
      const whose = targets.length > 3 ? count(targets.length, 'recipient') : targets.map(code).join(', ');
      return `${whose}: ${code(failure.message)}<br>`;
    });
    if (alike.length > MAX_REASONS)
      said.push(`and ${count(alike.length - MAX_REASONS, 'more reason')}, see the log<br>`);
    return `<li><strong>${title}</strong><br>${said.join('')}${text} <a href="${link}">More</a></li>`;
  });
  return items.length > 0 ? `<h4>What to do</h4>\n<ul>\n${items.join('\n')}\n</ul>` : '';
}
