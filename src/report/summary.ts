import { VERSION } from '../github/context.ts';
import type { InputError } from '../inputs.ts';
import { formatFailure, type TargetState } from '../reconcile/decide.ts';
import { FIXES, helpUrl, TITLES } from './failure-guide.ts';
import { statusOf } from './outputs.ts';
import * as words from './result.ts';
import { toHtml } from './sanitize.ts';

/**
 * Enough for a person; the output `recipients` has all. Keeps the summary far
 * below GitHub's limit of 1 MiB.
 */
const MAX_ROWS = 200;
const MAX_REASONS = 10;

const code = (text: string) => `<code>${toHtml(text)}</code>`;
const list = (items: readonly string[]) =>
  `<ul>\n${items.map((item) => `<li>${item}</li>`).join('\n')}\n</ul>`;

/**
 * Creates the job summary: one block of HTML without empty lines, so that
 * nothing in it is read as Markdown.
 */
export function createSummary(result: words.Result): string {
  const { inputs, observed, states } = result;
  const name = observed?.share?.name
    ? `"${observed.share.name}"`
    : inputs.shareId;
  const done = inputs.dryRun ? '📋' : '✅';
  const mark = result.isCancelled
    ? '🚫'
    : words.isSuccess(result)
      ? done
      : '❌';
  const failedFirst = [...states].sort(
    (a, b) => Number(b.action === 'fail') - Number(a.action === 'fail'),
  );
  const more = states.length - MAX_ROWS;
  const parts = [
    `<h3>${mark} Cloudflare share ${code(name)}: ${words.headline(result)}</h3>`,
    fixes(result),
    table(failedFirst.slice(0, MAX_ROWS), result),
    more > 0 && `<p>And ${more} more, see the output recipients.</p>`,
    footer(result),
  ];
  return `${parts.filter(Boolean).join('\n')}\n\n`;
}

/** Creates the job summary of a run with invalid inputs. */
export function createInputSummary(
  errors: readonly InputError[],
  advice: string,
): string {
  const items = errors.map(
    ({ input, message }) => `${code(input)}: ${code(message)}`,
  );
  return `<h3>❌ ${TITLES.inputs}</h3>\n${list(items)}\n<p>${advice || FIXES.inputs}</p>\n\n`;
}

/** How to fix what failed: each cause once, with its reasons. */
function fixes({ states, context }: words.Result): string {
  const all = words.groupFailures(states);
  const causes = [...new Set(all.map(({ failure }) => failure.cause))];
  const items = causes.map((cause) => {
    const groups = all.filter(({ failure }) => failure.cause === cause);
    const url = helpUrl(cause, context.docsUrl);
    const reasons = groups.slice(0, MAX_REASONS).map((group) => {
      const ids = group.states.map(({ target }) => target.id);
      return `<br>${code(formatFailure(group.failure))} for ${code(words.listOf(ids, 3))}`;
    });
    const more = groups.length - reasons.length;
    const rest =
      more > 0
        ? `<br>and ${words.plural(more, 'more reason')}, see the log`
        : '';
    const link = url ? ` <a href="${url}">Troubleshooting</a>` : '';
    return `<strong>${TITLES[cause]}.</strong> ${FIXES[cause]}${link}${reasons.join('')}${rest}`;
  });
  return items.length > 0 ? list(items) : '';
}

function table(states: readonly TargetState[], result: words.Result): string {
  const { inputs } = result;
  const type =
    states[0]?.target.type === 'organization' ? 'Organization' : 'Account';
  const heads = inputs.dryRun
    ? ['Action', type, 'Current status']
    : [type, 'Result', 'Status', 'Recipient ID', 'Duration'];
  const rows = states.map((state) => {
    const { target, inUse, changed, startedMs, endedMs } = state;
    const isLinked =
      target.type === 'account' &&
      inputs.apiUrl.startsWith('https://api.cloudflare.com/');
    const id = code(target.id);
    const who = isLinked
      ? `<a href="https://dash.cloudflare.com/${target.id}">${id}</a>`
      : id;
    const status = statusOf(state, result);
    const duration =
      changed && endedMs !== null
        ? words.formatSeconds(endedMs - startedMs)
        : '';
    return inputs.dryRun
      ? [code(words.describePlan(state, inputs)), who, status]
      : [
          who,
          outcome(state, result),
          status,
          inUse ? code(inUse) : '',
          duration,
        ];
  });
  const row = (tag: string, cells: readonly string[]) =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`;
  const body = rows.map((cells) => row('td', cells)).join('\n');
  return `<table><thead>${row('th', heads)}</thead><tbody>\n${body}\n</tbody></table>`;
}

function outcome(
  { action, failure, changed }: TargetState,
  { inputs }: words.Result,
): string {
  if (action === 'fail')
    return failure?.cause === 'cancelled'
      ? '🚫&nbsp;Cancelled'
      : '❌&nbsp;Failed';
  if (!changed) return '✅&nbsp;No&nbsp;change';
  const done = inputs.state === 'present' ? '✅&nbsp;Added' : '✅&nbsp;Removed';
  return inputs.wait ? done : '⏳&nbsp;Not&nbsp;awaited';
}

function footer(result: words.Result): string {
  const { event, actor } = result.context;
  const parts = [
    `cloudflare-share-recipient ${VERSION}`,
    event && `triggered by ${code(event)}${actor ? ` (${code(actor)})` : ''}`,
    ...words.describeCost(result),
  ];
  return `<p><sub>${parts.filter(Boolean).join(' · ')}</sub></p>`;
}
