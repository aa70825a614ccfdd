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

/**
 * Makes the job summary: one block of HTML without blank lines, so that nothing in it is read as Markdown.
 * @param redact takes the secrets out of what is not ours
 * @returns HTML of less than 1 MiB
 */
export function summaryOf(result: Result, redact: Redact): string {
  for (const limit of [300, 80, 0]) {
    const text = render(result, (value) => html(redact(String(value)), limit || 60), limit > 0);
    if (Buffer.byteLength(text) < MAX_SUMMARY) return text;
  }
  return render(
    { ...result, all: result.all.filter((p) => p.step === 'failed').slice(0, 500) },
    (value) => html(redact(String(value)), 60),
    false,
  );
}

function render(result: Result, cell: (value: unknown) => string, reasons: boolean): string {
  const code = (value: unknown) => `<code>${cell(value)}</code>`;
  const groups = byTarget(result.all);
  const failed = groups.filter((group) => outcomeOf(group) === 'failed');
  const mark =
    failed.length > 0
      ? '❌'
      : result.inputs.dryRun || groups.some((group) => outcomeOf(group) === 'accepted')
        ? '⏳'
        : '✅';
  const parts = [`<h3>${mark} ${headline(result)}</h3>`, `<p>${facts(result, code)}</p>`];

  const table = (some: readonly Group[]) => renderTable(some, result, code, cell, reasons);
  if (groups.length <= MAX_IN_ONE_TABLE) parts.push(table(groups));
  else {
    const rest = groups.filter((group) => outcomeOf(group) !== 'failed');
    parts.push(`<p>❌ ${failed.length} failed · ${rest.length} others of ${groups.length}</p>`);
    if (failed.length > 0) parts.push(table(failed));
    if (rest.length > 0)
      parts.push(`<details><summary>${rest.length} others</summary>${table(rest)}</details>`);
  }
  for (const { target, used, others } of result.duplicates.slice(0, 10)) {
    const ids = others.map((row) => code(row.id)).join(', ');
    parts.push(
      `<p>⚠️ Warning: account ${code(target.id)} has more than one live recipient: ${code(used.id)} is the oldest and was used; also there: ${ids}.</p>`,
    );
  }
  parts.push(advice(result, code));
  return `${parts.filter(Boolean).join('\n')}\n\n`;
}

function facts(
  { inputs, share, trigger, tookMs, requests }: Result,
  code: (value: unknown) => string,
): string {
  const link = dashboard(inputs.apiUrl, inputs.accountId);
  const name = code(share?.name || inputs.shareId);
  const started = trigger.actor ? `${code(trigger.event)} by ${code(trigger.actor)}` : code(trigger.event);
  return [
    `Share ${link ? `<a href="${link}">${name}</a>` : name}${share?.name ? ` (${code(inputs.shareId)})` : ''} of account ${code(inputs.accountId)}`,
    trigger.event ? `started by ${started}` : '',
    `${seconds(tookMs)}, ${requests} requests`,
  ]
    .filter(Boolean)
    .join(' · ');
}

/** Cloudflare publishes no address for a share's own page, so this is the page of the account that owns it. */
function dashboard(apiUrl: string, accountId: string): string {
  return apiUrl.startsWith('https://api.cloudflare.com/') ? `https://dash.cloudflare.com/${accountId}` : '';
}

function renderTable(
  groups: readonly Group[],
  { inputs }: Result,
  code: (value: unknown) => string,
  cell: (value: unknown) => string,
  reasons: boolean,
): string {
  const heads = ['Recipient', 'Outcome', 'Status', inputs.dryRun ? 'Plan' : 'Changed', 'Time', 'Reason'];
  const head = heads.map((text) => `<th>${text}</th>`).join('');
  const rows = groups.map((group) => {
    const [first] = group;
    const failure = group.find((p) => p.step === 'failed')?.failure;
    const endMs = Math.max(...group.map((p) => p.endedMs ?? p.startedMs));
    const reason =
      failure?.message ??
      first.row?.resources.map((resource) => `${resource.id}: ${resource.error}`).join('; ') ??
      '';
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

function advice({ all }: Result, code: (value: unknown) => string): string {
  const causes = new Map(failuresOf(all).map(({ failure, targets }) => [failure.cause, targets]));
  const items = [...causes].map(([cause, targets]) => {
    const { title, text, link } = HINTS[cause];
    const whose = targets.length > 3 ? `${targets.length} recipients` : targets.map(code).join(', ');
    return `<li><strong>${title}</strong> (${whose}): ${text} <a href="${link}">More</a></li>`;
  });
  return items.length > 0 ? `<h4>What to do</h4>\n<ul>\n${items.join('\n')}\n</ul>` : '';
}
