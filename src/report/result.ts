import type { Share } from '../cloudflare/shares.ts';
import type { Failure } from '../failure.ts';
import type { Inputs } from '../inputs.ts';
import { isDone, type Progress, statusOf } from '../progress.ts';
import { HINTS } from './hints.ts';
import { byTarget } from './outputs.ts';
import { count } from './text.ts';

/** What started the workflow, as far as the runner tells. */
export interface Trigger {
  /** `release v1.2.0`, `workflow_dispatch`, … */
  readonly event: string;
  readonly actor: string;
}

/** A run that is over, as plain data: all that log, summary and annotations are made of. */
export interface Result {
  readonly inputs: Inputs;
  readonly share: Share | null;
  readonly all: readonly Progress[];
  readonly trigger: Trigger;
  readonly requests: number;
  readonly tookMs: number;
  /** Was the run cancelled before its end? It fails then, also where everything had been done. */
  readonly isCancelled: boolean;
}

/** How one target ended, in one word. */
export type Outcome = 'settled' | 'accepted' | 'planned' | 'failed';

/** How a target ended. A dry run leaves planned what is not done. */
export function outcomeOf(group: readonly Progress[]): Outcome {
  if (group.some((p) => p.step === 'failed')) return 'failed';
  if (group.some((p) => !isDone(p))) return 'planned';
  return group.some((p) => p.step === 'accepted') ? 'accepted' : 'settled';
}

/** `Baseline policies (3fd8…)`, or the id alone where the name is not known. */
export function shareName({ share, inputs }: Pick<Result, 'share' | 'inputs'>): string {
  return share?.name ? `"${share.name}" (${inputs.shareId})` : inputs.shareId;
}

/** What a plan means for one row, in a sign and a few words. */
export function planSign(p: Progress): string {
  if (p.step === 'create' || p.step === 'clear') return '+ to be added';
  if (p.step === 'remove') return '- to be removed';
  return p.step === 'failed' ? '! not possible' : `= no change`;
}

/**
 * What one row would become, for a plan: a sign and a sentence.
 * @param brief without the id of its row, its status and its failure, for where those stand beside it
 */
export function planned(p: Progress, brief = false): string {
  const who = `${p.target.type} ${p.target.id}`;
  const row = p.id && !brief ? `, recipient ${p.id}` : '';
  switch (p.step) {
    case 'create':
      if (p.row) return `+ share with ${who} (it had the share before)`;
      return p.target.type === 'account'
        ? `+ share with ${who}`
        : `+ share with ${who}; no row of it was recognised, so an earlier one could not be looked for`;
    case 'clear':
      return `+ share with ${who}, when its earlier recipient ${p.id} is disassociated`;
    case 'remove':
      return `- remove ${who}${row}${brief ? '' : `, ${statusOf(p)}`}`;
    case 'failed':
      return `! cannot ${p.want === 'present' ? 'share with' : 'remove'} ${who}${brief ? '' : `: ${p.failure?.message}`}`;
    default:
      return `= already ${statusOf(p)} ${who}${row}`;
  }
}

/** The failures of a run, those with the same reason together. */
export function failuresOf(all: readonly Progress[]): { failure: Failure; targets: string[] }[] {
  const groups = new Map<string, { failure: Failure; targets: string[] }>();
  for (const { failure, step, target } of all) {
    if (step !== 'failed' || !failure) continue;
    // Each answer has a ray and a time of its own, which must not keep equal reasons apart.
    const reason = `${failure.cause} ${failure.message.replace(/, cf-ray \S+/, '').replace(/(?<![\d.])[\d.]+ s\b/g, '')}`;
    const group = groups.get(reason) ?? { failure, targets: [] };
    if (!group.targets.includes(target.id)) group.targets.push(target.id);
    groups.set(reason, group);
  }
  return [...groups.values()];
}

/** A title in the middle of a sentence: only a name keeps its capital. */
function inSentence(title: string): string {
  return title.startsWith('Cloudflare') ? title : title.slice(0, 1).toLowerCase() + title.slice(1);
}

/** One sentence on how it ended, for the closing line and the heading of the summary. */
export function headline(result: Result): string {
  const groups = byTarget(result.all);
  const { state, dryRun } = result.inputs;
  const unit = result.inputs.targets[0]?.type ?? 'account';
  const bad = groups.filter((group) => outcomeOf(group) === 'failed');
  const of = groups.length === 1 ? `the ${unit}` : `${bad.length} of ${count(groups.length, unit)}`;
  if (bad.length > 0) {
    const cancelled = bad.some((group) => group.some((p) => p.failure?.cause === 'cancelled'));
    if (cancelled && groups.length === 1) return 'Cancelled';
    if (cancelled) return `Cancelled: ${groups.length - bad.length} of ${count(groups.length, unit)} done`;
    const titles = new Set(failuresOf(result.all).map(({ failure }) => HINTS[failure.cause].title));
    const why = titles.size === 1 ? `: ${inSentence([...titles][0] ?? '')}` : '';
    return dryRun ? `Plan: a run would fail for ${of}${why}` : `Failed for ${of}${why}`;
  }
  if (result.isCancelled) return `Cancelled when ${dryRun ? 'the plan was ready' : 'everything was done'}`;
  const changed = groups.filter((group) => group.some((p) => p.changed)).length;
  const verb = state === 'present' ? 'added' : 'removed';
  if (dryRun) return `Plan: ${changed} of ${count(groups.length, unit)} would be ${verb}`;
  const rest = groups.length - changed;
  const restText = state === 'present' ? `${rest} had it before` : `${rest} did not have it`;
  const parts = [changed > 0 ? `${changed} ${verb}` : '', rest > 0 ? restText : '']
    .filter(Boolean)
    .join(', ');
  const waiting = groups.some((group) => outcomeOf(group) === 'accepted');
  if (waiting) return `Accepted for ${count(groups.length, unit)}, not waited for (${parts})`;
  const can = groups.length === 1 ? 'has' : 'have';
  return state === 'present'
    ? `${count(groups.length, unit)} ${can} the share (${parts})`
    : `${count(groups.length, unit)} no longer ${can} the share (${parts})`;
}
