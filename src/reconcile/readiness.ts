import type { Share, ShareRecipient } from '../cloudflare/shares.ts';

/**
 * What a message describes of a record's resources, beyond which it only
 * counts.
 */
const MAX_DESCRIBED = 3;

/**
 * 0 while the share is in force or will be, unknown statuses included; 1
 * `disassociating`; 2 `disassociated`.
 */
export function stage({ status }: ShareRecipient): 0 | 1 | 2 {
  if (status === 'disassociated') return 2;
  return status === 'disassociating' ? 1 : 0;
}

export function isActive(record: ShareRecipient): boolean {
  return stage(record) === 0;
}

/**
 * Has Cloudflare given up on a resource? Checked before the status; the API
 * description calls it `terminal`.
 */
export function hasTerminalError({ errors }: ShareRecipient): boolean {
  return errors.some(({ terminal }) => terminal);
}

/**
 * Can the recipient use everything in the share?
 * @param record from a response to a request with `include_resources=true`;
 *   otherwise `associated` proves nothing
 */
export function isReady({ status, errors }: ShareRecipient): boolean {
  return status === 'associated' && errors.length === 0;
}

/**
 * `gateway-policy f174…: Recipient is missing necessary entitlement; … (and 4
 * more)`.
 */
export function describeErrors(
  record: ShareRecipient,
  types: Share['resourceTypes'] = new Map(),
): string {
  const relevant = record.errors.filter(
    ({ terminal }) => terminal === hasTerminalError(record),
  );
  const described = relevant
    .slice(0, MAX_DESCRIBED)
    .map(
      ({ resourceId, error }) =>
        `${types.get(resourceId) || 'resource'} ${resourceId}: ${error}`,
    );
  const more = record.errors.length + record.moreErrors - described.length;
  return `${described.join('; ')}${more > 0 ? ` (and ${more} more)` : ''}`;
}
