import { isDone, type Progress, statusOf } from '../progress.ts';
import type { Say } from './text.ts';

/** What a later step gets; see `outputs` in action.yml. */
export interface Outputs {
  readonly 'recipient-id': string;
  readonly status: string;
  readonly changed: 'true' | 'false';
  readonly recipients: readonly object[];
}

/** GitHub takes 1 MB of outputs for a whole job, and counts two bytes for a UTF-16 code unit. */
const MAX_RECIPIENTS = 450_000;

/**
 * Makes the outputs. A target with several rows, which only a removal has, is told as one.
 * @param all every target, in the order given
 * @param nowMs the time now, for those that are not done
 */
export function outputsOf(all: readonly Progress[], nowMs: number, say: Say): Outputs {
  const groups = byTarget(all);
  const statuses = new Set(groups.map(groupStatus));
  return {
    'recipient-id': groups.map((group) => group[0]?.id ?? '').join('\n'),
    status: statuses.size > 1 ? 'mixed' : say([...statuses][0] ?? '', 64),
    changed: all.some((p) => p.changed) ? 'true' : 'false',
    recipients: recipients(groups, nowMs, say),
  };
}

/** The rows of each target, those that this run changed first; the targets in the order given. */
export function byTarget(all: readonly Progress[]): [Progress, ...Progress[]][] {
  const groups = new Map<string, [Progress, ...Progress[]]>();
  for (const p of all) {
    const group = groups.get(p.target.id);
    if (group) group.push(p);
    else groups.set(p.target.id, [p]);
  }
  for (const group of groups.values()) group.sort((a, b) => Number(b.changed) - Number(a.changed));
  return [...groups.values()];
}

/** The status of a target with several rows is that of the first which is not gone yet. */
export function groupStatus(group: readonly [Progress, ...Progress[]]): string {
  return statusOf(group.find((p) => statusOf(p) !== 'disassociated') ?? group[0]);
}

function recipients(groups: [Progress, ...Progress[]][], nowMs: number, say: Say): readonly object[] {
  // Long reasons of a thousand recipients are shortened rather than lost: the log has them whole.
  for (const limit of [400, 150, 60]) {
    const list = groups.map((group) => recipientOf(group, nowMs, limit, say));
    if (JSON.stringify(list).length <= MAX_RECIPIENTS) return list;
  }
  return groups.map((group) => ({ ...recipientOf(group, nowMs, 60, say), resources: [] }));
}

function recipientOf(group: [Progress, ...Progress[]], nowMs: number, limit: number, say: Say) {
  const [first] = group;
  const failure = group.find((p) => isDone(p) && p.failure)?.failure;
  const { target, id, row, startedMs } = first;
  const endMs = group.reduce((latest, p) => Math.max(latest, p.endedMs ?? nowMs), 0);
  return {
    recipient: target.id,
    type: target.type,
    id,
    status: say(groupStatus(group), 64),
    changed: group.some((p) => p.changed),
    error: failure ? say(failure.message, limit) : null,
    resources: (row?.resources ?? []).map((resource) => ({
      resource_id: say(resource.id, 64),
      resource_type: resource.type && say(resource.type, 64),
      error: say(resource.error, limit),
      terminal: resource.terminal,
    })),
    created: say(row?.created ?? '', 40) || null,
    modified: say(row?.modified ?? '', 40) || null,
    seconds: Math.round((endMs - startedMs) / 100) / 10,
  };
}
