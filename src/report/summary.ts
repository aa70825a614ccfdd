import type { Duplicate } from '../plan.ts';
import type { Progress } from '../progress.ts';
import { HINTS } from './hints.ts';
import { byTarget, groupStatus } from './outputs.ts';
import { failuresOf, headline, type Outcome, outcomeOf, planned, type Result } from './result.ts';
import { html, type Redact, seconds } from './text.ts';

type Group = [Progress, ...Progress[]];

/** GitHub takes 1 MiB for a step; what is over it would cost the whole summary. */
const MAX_SUMMARY = 1_000_000;
/** Up to here one table shows them all. */
const MAX_IN_ONE_TABLE = 50;

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
  /** Makes any text safe for a cell. */
  readonly cell: (text: unknown) => string;
  /** Are there reasons, or only the titles of their hints? */
  readonly reasons: boolean;
}

/**
 * Makes the job summary: one block of HTML without blank lines, so that nothing in it is read as Markdown.
 * @param duplicates accounts with more than one live recipient, to be warned of
 * @param redact takes the secrets out of what is not ours
 * @returns HTML of less than 1 MiB
 */
export function summaryOf(result: Result, duplicates: readonly Duplicate[], redact: Redact): string {
  for (const [limit, reasons] of [
    [300, true],
    [80, true],
    [60, false],
  ] as const) {
    const text = render({ result, duplicates, cell: (value) => html(redact(String(value)), limit), reasons });
    if (Buffer.byteLength(text) < MAX_SUMMARY) return text;
  }
  return `<h3>${headline(result)}</h3>\n\n`;
}

function render(page: Page): string {
  const { result, duplicates, cell } = page;
  const groups = byTarget(result.all);
  const failed = groups.filter((group) => outcomeOf(group) === 'failed');
  const rest = groups.filter((group) => outcomeOf(group) !== 'failed');
  const open = rest.some((group) => outcomeOf(group) !== 'settled');
  const parts = [
    `<h3>${failed.length > 0 ? '❌' : open ? '⏳' : '✅'} ${headline(result)}</h3>`,
    facts(page),
  ];

  if (groups.length <= MAX_IN_ONE_TABLE) parts.push(table(groups, page));
  else {
    parts.push(`<p>❌ ${failed.length} failed · ${rest.length} others of ${groups.length}</p>`);
    if (failed.length > 0) parts.push(table(failed, page));
    if (rest.length > 0)
      parts.push(`<details><summary>${rest.length} others</summary>${table(rest, page)}</details>`);
  }
  for (const { target, used, others } of duplicates.slice(0, 10)) {
    const ids = others.map((row) => `<code>${cell(row.id)}</code>`).join(', ');
    parts.push(
      `<p>⚠️ Warning: account <code>${cell(target.id)}</code> has more than one live recipient: <code>${cell(used.id)}</code> is the oldest and was used; also there: ${ids}.</p>`,
    );
  }
  parts.push(advice(page));
  return `${parts.filter(Boolean).join('\n')}\n\n`;
}

function facts({ result: { inputs, share, trigger, tookMs, requests }, cell }: Page): string {
  const code = (text: unknown) => `<code>${cell(text)}</code>`;
  const link = dashboard(inputs.apiUrl, inputs.accountId);
  const name = code(share?.name || inputs.shareId);
  const id = share?.name ? ` (${code(inputs.shareId)})` : '';
  const started = trigger.actor ? `${code(trigger.event)} by ${code(trigger.actor)}` : code(trigger.event);
  const parts = [
    `Share ${link ? `<a href="${link}">${name}</a>` : name}${id} of account ${code(inputs.accountId)}`,
    trigger.event ? `started by ${started}` : '',
    `${seconds(tookMs)}, ${requests} requests`,
  ];
  return `<p>${parts.filter(Boolean).join(' · ')}</p>`;
}

/** Cloudflare publishes no address for a share's own page, so this is the page of the account that owns it. */
function dashboard(apiUrl: string, accountId: string): string {
  return apiUrl.startsWith('https://api.cloudflare.com/') ? `https://dash.cloudflare.com/${accountId}` : '';
}

function table(groups: readonly Group[], { result: { inputs }, cell, reasons }: Page): string {
  const code = (text: unknown) => `<code>${cell(text)}</code>`;
  const heads = ['Recipient', 'Outcome', 'Status', inputs.dryRun ? 'Plan' : 'Changed', 'Time', 'Reason'];
  const head = heads.map((text) => `<th>${text}</th>`).join('');
  const rows = groups.map((group) => {
    const [first] = group;
    const failure = group.find((p) => p.step === 'failed')?.failure;
    const endMs = Math.max(...group.map((p) => p.endedMs ?? p.startedMs));
    const retried = first.row?.resources.map((resource) => `${resource.id}: ${resource.error}`).join('; ');
    const reason = failure?.message ?? retried;
    const changed = group.some((p) => p.changed) ? (inputs.state === 'present' ? 'added' : 'removed') : 'no';
    const cells = [
      code(first.target.id),
      MARKS[outcomeOf(group)],
      cell(groupStatus(group) || 'not known'),
      inputs.dryRun ? code(planned(first)) : changed,
      seconds(endMs - first.startedMs),
      failure && !reasons ? cell(HINTS[failure.cause].title) : reason ? code(reason) : '',
    ];
    return `<tr>${cells.map((text) => `<td>${text}</td>`).join('')}</tr>`;
  });
  return `<table><thead><tr>${head}</tr></thead><tbody>\n${rows.join('\n')}\n</tbody></table>`;
}

function advice({ result, cell }: Page): string {
  const causes = new Map(failuresOf(result.all).map(({ failure, targets }) => [failure.cause, targets]));
  const items = [...causes].map(([cause, targets]) => {
    const { title, text, link } = HINTS[cause];
    const names = targets.map((id) => `<code>${cell(id)}</code>`);
    const whose = names.length > 3 ? `${names.length} recipients` : names.join(', ');
    return `<li><strong>${title}</strong> (${whose}): ${text} <a href="${link}">More</a></li>`;
  });
  return items.length > 0 ? `<h4>What to do</h4>\n<ul>\n${items.join('\n')}\n</ul>` : '';
}
