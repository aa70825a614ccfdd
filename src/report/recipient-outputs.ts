/* The output `recipients`: one object for each target, as far as there is room. */
import type { Cause, DesiredState, PublishedStatus } from '../domain.ts';
import { cut } from '../format.ts';
import { formatFailure } from '../reconcile/reasons.ts';
import type { TargetState } from '../reconcile/target-state.ts';
import { failureIn } from './failures.ts';
import { hasFailed, type Result, secondsOf, statusOf } from './result.ts';

/** One target, as the output `recipients` shows it. */
export interface RecipientOutput {
  /** One of the two is null. */
  readonly account_id: string | null;
  /** Null for an account. */
  readonly organization_id: string | null;
  /** What the list calls it; null where it has no name. */
  readonly label: string | null;
  /** `absent` with `state: absent`, and for what `exact` removes. */
  readonly desired: DesiredState;
  /** Null where there is no record. */
  readonly recipient_id: string | null;
  /** The last that was observed. */
  readonly status: PublishedStatus | 'unknown';
  /** In a dry run: would it change? */
  readonly changed: boolean;
  /** Null where the target did not fail. */
  readonly cause: Cause | null;
  /** What the annotation says; null where the target did not fail. */
  readonly error: string | null;
  /** Those with an outstanding error; empty where there is no room for them. */
  readonly resources: readonly ResourceOutput[];
  /** How many resources have an outstanding error. */
  readonly resource_errors: number;
  /** As Cloudflare sent it. */
  readonly created: string | null;
  /** As Cloudflare sent it. */
  readonly modified: string | null;
  /** From the first list to the end of the target. */
  readonly seconds: number;
}

/** A resource with an outstanding error. */
export interface ResourceOutput {
  /** The resource that could not be applied. */
  readonly resource_id: string;
  /** Null where the share does not show it. */
  readonly resource_type: string | null;
  /** What Cloudflare says of it: sanitized. */
  readonly error: string;
  /** True: Cloudflare has given up. */
  readonly terminal: boolean;
}

const LONG_TEXT = 500;
const SHORT_TEXT = 100;

/**
 * The targets of a run, in the order of the plan. Shortens texts first, then
 * leaves out resources, then whole targets.
 * @param maxLength of all of them as JSON, in UTF-16 code units
 */
export function fitRecipients(
  result: Result,
  maxLength: number,
): readonly RecipientOutput[] {
  const levels = [
    { maxText: LONG_TEXT, withResources: true },
    { maxText: SHORT_TEXT, withResources: true },
    { maxText: SHORT_TEXT, withResources: false },
  ];
  let recipients: RecipientOutput[] = [];
  for (const level of levels) {
    recipients = result.outcome.targets.map((state) =>
      toRecipient(state, result, level),
    );
    if (JSON.stringify(recipients).length <= maxLength) return recipients;
  }
  return leaveOut(recipients, result, maxLength);
}

/** Are its resources left out? */
export function hasNoRoomForResources(recipient: RecipientOutput): boolean {
  return recipient.resource_errors > 0 && recipient.resources.length === 0;
}

/** Keeps failed targets longest, then changed ones, each in the order given. */
function leaveOut(
  recipients: readonly RecipientOutput[],
  { outcome, inputs }: Result,
  maxLength: number,
): readonly RecipientOutput[] {
  const entries = outcome.targets.map((state, index) => ({
    recipient: recipients[index] as RecipientOutput,
    index,
    rank: hasFailed(state, inputs) ? 0 : 1 + Number(!state.changed),
  }));
  const byRank = [...entries].sort((a, b) => a.rank - b.rank);

  // The brackets, and a comma behind each.
  let length = 2;
  const kept: typeof entries = [];
  for (const entry of byRank) {
    length += JSON.stringify(entry.recipient).length + 1;
    if (length > maxLength) break;
    kept.push(entry);
  }
  return kept
    .sort((a, b) => a.index - b.index)
    .map(({ recipient }) => recipient);
}

function toRecipient(
  state: TargetState,
  result: Result,
  level: { maxText: number; withResources: boolean },
): RecipientOutput {
  const { planned, inUse, recipient, changed } = state;
  const { target } = planned;
  const failure = failureIn(state, result);
  const errors = recipient?.errors.length ?? 0;

  return {
    account_id: target.type === 'account' ? target.id : null,
    organization_id: target.type === 'organization' ? target.id : null,
    label: target.label,
    desired: planned.desired,
    recipient_id: inUse,
    status: statusOf(state, result.outcome.observed),
    changed,
    cause: failure?.cause ?? null,
    error: failure && cut(formatFailure(failure), level.maxText),
    resources: level.withResources
      ? resourcesOf(state, result, level.maxText)
      : [],
    resource_errors: errors + (recipient?.moreErrors ?? 0),
    created: recipient?.created || null,
    modified: recipient?.modified || null,
    seconds: secondsOf(state, result.nowMs),
  };
}

function resourcesOf(
  { recipient }: TargetState,
  { outcome }: Result,
  maxText: number,
): ResourceOutput[] {
  const types = outcome.share?.resourceTypes;
  const errors = recipient?.errors ?? [];
  return errors.map(({ resourceId, error, terminal }) => ({
    resource_id: resourceId,
    resource_type: types?.get(resourceId) ?? null,
    error: cut(error, maxText),
    terminal,
  }));
}
