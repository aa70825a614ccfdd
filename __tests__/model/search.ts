/** Plays the schedule of a seed, and shrinks it when it breaks a promise. */
import fc from 'fast-check';
import { violations } from './invariants.ts';
import { schedules } from './schedule.ts';
import { CALM, play, type Schedule } from './world.ts';

/** A schedule that breaks a promise. */
export interface Finding {
  readonly seed: number;
  readonly violations: readonly string[];
  /** Shrunk: what differs from a calm run. */
  readonly schedule: Partial<Schedule>;
}

/**
 * The seed of the `index`th schedule of a search that began with `seed`;
 * neighbors have nothing in common.
 */
export function seedOf(seed: number, index: number): number {
  let h = Math.imul(seed ^ (index * 0x9e3779b1), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
  return (h ^ (h >>> 13)) >>> 1;
}

/** @returns null when every promise was kept */
export async function searchOne(seed: number): Promise<Finding | null> {
  const property = fc.asyncProperty(
    schedules,
    async (schedule) => violations(await play(schedule)).length === 0,
  );
  const { failed, counterexample } = await fc.check(property, {
    seed,
    numRuns: 1,
  });
  const schedule = counterexample?.[0];
  if (!failed || !schedule) return null;
  return {
    seed,
    violations: violations(await play(schedule)),
    schedule: fromCalm(schedule),
  };
}

function fromCalm(schedule: Schedule): Partial<Schedule> {
  const calm: Record<string, unknown> = { ...CALM };
  const differs = ([name, value]: [string, unknown]) =>
    JSON.stringify(value) !== JSON.stringify(calm[name]);
  return Object.fromEntries(Object.entries(schedule).filter(differs));
}

/** A finding as text, with the command that plays it again. */
export function describeFinding({
  seed,
  violations: broken,
  schedule,
}: Finding): string {
  const shorten = (text: string) =>
    text.length > 500 ? `${text.slice(0, 500)}…` : text;
  return [
    ...new Set(broken.map((sentence) => `- ${shorten(sentence)}`)),
    `  with ${JSON.stringify(schedule)}`,
    `  again with: npm run soak -- --replay ${seed}`,
  ].join('\n');
}
