import { isActiveStatus } from '../cloudflare/records.ts';
import type { ShareRecipient } from '../domain.ts';

/** Unknown statuses are active: the recipient has access, or will. */
export function isActive({ status }: ShareRecipient): boolean {
  return isActiveStatus(status);
}

export function isDisassociating({ status }: ShareRecipient): boolean {
  return status === 'disassociating';
}

export function isDisassociated({ status }: ShareRecipient): boolean {
  return status === 'disassociated';
}

/** The order in which a record passes through its stages. */
const STAGES = [isActive, isDisassociating, isDisassociated];

/** Below 0 where `b` is further along to its removal than `a`. */
export function compareStages(a: ShareRecipient, b: ShareRecipient): number {
  const stageA = STAGES.findIndex((isAtStage) => isAtStage(a));
  const stageB = STAGES.findIndex((isAtStage) => isAtStage(b));
  return stageA - stageB;
}

/**
 * Can the recipient use everything in the share?
 * @param record from a response to a request with `include_resources=true`;
 *   otherwise `associated` proves nothing
 */
export function isReady({ status, errors }: ShareRecipient): boolean {
  return status === 'associated' && errors.length === 0;
}
