import { STATUSES } from '../cloudflare/shares.ts';
import { formatFailure, type TargetState } from '../reconcile/decide.ts';
import type { Result } from './result.ts';

/**
 * GitHub accepts 1 MB of outputs for a whole job; the log has what does not
 * fit.
 */
const MAX_RESOURCES = 200;
const MANY = 100;

/** Values of outputs by their names; a list of objects becomes JSON. */
export type Outputs = Readonly<Record<string, string | readonly object[]>>;

/**
 * Creates the outputs that action.yml declares. `nowMs` ends the time of
 * targets that are not done.
 */
export function createOutputs(result: Result, nowMs: number): Outputs {
  const { states } = result;
  const statuses = new Set(states.map((state) => statusOf(state, result)));
  return {
    'recipient-id': states.map(({ inUse }) => inUse ?? '').join('\n'),
    status: statuses.size > 1 ? 'mixed' : ([...statuses][0] ?? 'unknown'),
    changed: String(states.some(({ changed }) => changed)),
    recipients: states.map((state) => toRecipient(state, result, nowMs)),
  };
}

/**
 * The last observed status: a published word, because people put outputs into
 * shell commands, or `unknown`.
 */
export function statusOf(
  { recipient }: TargetState,
  { observed }: Pick<Result, 'observed'>,
): string {
  if (!recipient) return observed ? 'disassociated' : 'unknown';
  return STATUSES.find((status) => status === recipient.status) ?? 'unknown';
}

function toRecipient(
  state: TargetState,
  result: Result,
  nowMs: number,
): object {
  const { target, inUse, recipient, changed, failure, startedMs, endedMs } =
    state;
  const maxText = result.states.length > MANY ? 100 : 500;
  const errors =
    recipient?.errors.slice(
      0,
      Math.floor(MAX_RESOURCES / result.states.length),
    ) ?? [];
  const shorten = (text: string) =>
    text.length > maxText ? `${text.slice(0, maxText - 1)}…` : text;
  return {
    account_id: target.type === 'account' ? target.id : null,
    organization_id: target.type === 'organization' ? target.id : null,
    recipient_id: inUse,
    status: statusOf(state, result),
    changed,
    error: failure && shorten(formatFailure(failure)),
    resources: errors.map(({ resourceId, error, terminal }) => ({
      resource_id: resourceId,
      resource_type:
        result.observed?.share?.resourceTypes.get(resourceId) ?? null,
      error: shorten(error),
      terminal,
    })),
    created: recipient?.created || null,
    modified: recipient?.modified || null,
    seconds: Math.round(((endedMs ?? nowMs) - startedMs) / 100) / 10,
  };
}
