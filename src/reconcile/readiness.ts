import type { ShareRecipient } from '../domain.ts';

/**
 * 0 while the recipient has access or will, unknown statuses included; 1
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
 * Can the recipient use everything in the share?
 * @param record from a response to a request with `include_resources=true`;
 *   otherwise `associated` proves nothing
 */
export function isReady({ status, errors }: ShareRecipient): boolean {
  return status === 'associated' && errors.length === 0;
}
