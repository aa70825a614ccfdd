/* What is wrong with the resources of a record, in words. */
import { hasTerminalError } from '../cloudflare/records.ts';
import type { Share, ShareRecipient } from '../domain.ts';
import { formatCount, plural } from '../format.ts';

/** What a message describes of a record's resources; the rest is counted. */
const MAX_DESCRIBED = 3;

/** `gateway-policy f174…`. */
export function nameOfResource(id: string, share: Share | null): string {
  return `${share?.resourceTypes.get(id) || 'resource'} ${id}`;
}

/**
 * `30 resources: Recipient is missing necessary entitlement; gateway-policy
 * f174…: … (and 4 more)`: equal errors once, terminal ones first.
 */
export function describeErrors(
  record: ShareRecipient,
  share: Share | null,
): string {
  const isTerminal = hasTerminalError(record);
  const alike = record.errors.filter(({ terminal }) => terminal === isTerminal);
  const byText = new Map<string, string[]>();
  for (const { resourceId, error } of alike) {
    const ids = byText.get(error) ?? [];
    byText.set(error, [...ids, resourceId]);
  }
  const shown = [...byText].slice(0, MAX_DESCRIBED);
  const texts = shown.map(([error, ids]) => {
    const [first = ''] = ids;
    const isOne = ids.length === 1;
    const who = isOne
      ? nameOfResource(first, share)
      : plural(ids.length, 'resource');
    return `${who}: ${error}`;
  });
  const described = shown.reduce((count, [, ids]) => count + ids.length, 0);

  // Terminal ones come first: those that were not kept are like the last one.
  const others = record.errors.length - alike.length;
  const retried = others > 0 ? others + record.moreErrors : 0;
  const all = record.errors.length + record.moreErrors;
  const more = all - described - retried;
  const rest = [
    ...(more > 0 ? [`and ${formatCount(more)} more`] : []),
    ...(retried > 0
      ? [`and ${formatCount(retried)} that Cloudflare is retrying`]
      : []),
  ];
  const end = rest.length > 0 ? ` (${rest.join(', ')})` : '';
  return `${texts.join('; ')}${end}`;
}
