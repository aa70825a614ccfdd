import type { Clean, Environment } from '../domain.ts';
import { invalid, quoted, type Reading, valid, wrongInput } from './reading.ts';
import { givenInput } from './sources.ts';

/** The time that a run may take. */
export interface Timeout {
  /** As it was given: `10m`. */
  readonly text: string;
  /** The same in milliseconds. */
  readonly ms: number;
}

/** As in action.yml, for a run in which the input is empty. */
const DEFAULT_TIMEOUT = '10m';
/** The last poll and the last write need time of their own. */
const MIN_MS = 3_000;
const MAX_MS = 24 * 3_600_000;

const EXPECTED = 'a duration such as 90s, 10m or 1h30m';
const ORDER =
  'Use whole numbers with h, m and s, in this order and without spaces.';
const RANGE = 'a duration from 3s to 24h';
const CHOOSE = 'Choose a duration in this range.';
const DURATION =
  /^(?=\d)(?:(?<hours>\d+)h)?(?:(?<minutes>\d+)m)?(?:(?<seconds>\d+)s)?$/;

/** Reads the time limit of the whole step. */
export function readTimeout(env: Environment, clean: Clean): Reading<Timeout> {
  const text = givenInput(env, 'timeout') || DEFAULT_TIMEOUT;
  const wrong = (fix: string, expected = EXPECTED) => {
    const got = quoted(text, clean);
    return invalid(wrongInput('timeout', { expected, got, fix }));
  };

  if (/^\d+$/.test(text)) return wrong('Write it with units.');
  const parts = DURATION.exec(text)?.groups;
  if (!parts) return wrong(ORDER);
  const ms = millisecondsOf(parts);
  const isInRange = ms >= MIN_MS && ms <= MAX_MS;
  return isInRange ? valid({ text, ms }) : wrong(CHOOSE, RANGE);
}

function millisecondsOf(parts: Record<string, string | undefined>): number {
  const { hours = '0', minutes = '0', seconds = '0' } = parts;
  const total = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  return total * 1000;
}
