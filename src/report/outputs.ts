import type { PublishedStatus } from '../domain.ts';
import { isListed, type TargetState } from '../reconcile/target-state.ts';
import {
  fitRecipients,
  hasNoRoomForResources,
  type RecipientOutput,
} from './recipient-outputs.ts';
import { type LeftOut, type Result, statusOf } from './result.ts';

/** The names of the outputs: a test compares them with action.yml. */
export const OUTPUT_NAMES = [
  'recipient-id',
  'status',
  'changed',
  'recipients',
] as const;

export type OutputName = (typeof OUTPUT_NAMES)[number];

/** A text, or objects that become JSON. */
export type OutputValue = string | readonly object[];

/** What later steps get. All of it is set, however a run ends. */
export interface Outputs extends Readonly<Record<OutputName, OutputValue>> {
  /** With several targets one per line, an empty line where there is none. */
  readonly 'recipient-id': string;
  /** `mixed` where the listed targets have different ones. */
  readonly status: PublishedStatus | 'unknown' | 'mixed';
  /** In a dry run: would anything change? */
  readonly changed: 'true' | 'false';
  /** One object for each target, as far as there is room. */
  readonly recipients: readonly RecipientOutput[];
}

/** The outputs of a run. */
export interface SizedOutputs {
  /** Small enough for GitHub. */
  readonly outputs: Outputs;
  /** What they are without, for the log. */
  readonly leftOut: LeftOut;
}

/**
 * GitHub drops the outputs of a job above 1 MB, counted as UTF-16: two bytes
 * for each code unit.
 */
const MAX_LENGTH = 900_000 / 2;
/** Above it, `recipient-id` is empty: `recipients` has the IDs. */
const MAX_RECIPIENT_IDS = 2_000;

/** Of a run that is over before it knows anything about its targets. */
export const emptyOutputs: Outputs = {
  'recipient-id': '',
  status: 'unknown',
  changed: 'false',
  recipients: [],
};

/** Creates the outputs that action.yml declares. */
export function createOutputs(result: Result): SizedOutputs {
  const { targets, observed } = result.outcome;
  const listed = targets.filter(isListed);
  const statuses = new Set(listed.map((state) => statusOf(state, observed)));
  const recipientId = recipientIds(listed);
  const recipients = fitRecipients(result, MAX_LENGTH - recipientId.length);

  return {
    outputs: {
      'recipient-id': recipientId,
      status: commonStatus([...statuses]),
      changed: targets.some(({ changed }) => changed) ? 'true' : 'false',
      recipients,
    },
    leftOut: {
      targets: targets.length - recipients.length,
      resources: recipients.filter(hasNoRoomForResources).length,
      recipientIds:
        recipientId === '' ? listed.filter(({ inUse }) => inUse).length : 0,
    },
  };
}

function recipientIds(listed: readonly TargetState[]): string {
  if (listed.length > MAX_RECIPIENT_IDS) return '';
  return listed.map(({ inUse }) => inUse ?? '').join('\n');
}

function commonStatus(statuses: readonly Outputs['status'][]) {
  return statuses.length > 1 ? 'mixed' : (statuses[0] ?? 'unknown');
}
