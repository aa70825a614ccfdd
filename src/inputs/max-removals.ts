import type { Clean, Environment, Inputs, MaxRemovals } from '../domain.ts';
import { emptyValue } from './choices.ts';
import { invalid, quoted, type Reading, valid, wrongInput } from './reading.ts';
import { givenInput } from './sources.ts';

const INPUT = 'max-removals';
const EXPECTED = 'an integer, or an integer percentage from 0% to 100%';

/** As in action.yml. Any other value requires `state: exact`. */
const DEFAULT_PERCENT = 25;

/**
 * Reads how many accounts a run may remove.
 * @param state null where it is invalid
 */
export function readMaxRemovals(
  env: Environment,
  state: Inputs['state'] | null,
  clean: Clean,
): Reading<MaxRemovals> {
  const text = givenInput(env, INPUT);
  if (text === '') return invalid(emptyValue(INPUT, EXPECTED));

  const limit = parseLimit(text);
  if (limit === null) return notALimit(text, clean);

  const isUsed = state === 'exact' || state === null;
  return isUsed || isDefault(limit) ? valid(limit) : notExact(text, clean);
}

function parseLimit(text: string): MaxRemovals | null {
  const [, digits, unit] = /^(\d+)(%?)$/.exec(text) ?? [];
  if (digits === undefined) return null;

  const number = Number(digits);
  if (unit === '') return { unit: 'accounts', count: number };
  return number <= 100 ? { unit: 'percent', percent: number } : null;
}

function isDefault(limit: MaxRemovals): boolean {
  return limit.unit === 'percent' && limit.percent === DEFAULT_PERCENT;
}

function notALimit(text: string, clean: Clean): Reading<never> {
  const fix = 'Write it like `10` or `25%`.';
  return invalid(
    wrongInput(INPUT, { expected: EXPECTED, got: quoted(text, clean), fix }),
  );
}

/** Somebody who limits removals expects some. */
function notExact(text: string, clean: Clean): Reading<never> {
  const fix = 'Remove this input: it applies only to `state: exact`.';
  const wrong = {
    expected: 'no value other than `25%` unless `state` is `exact`',
    got: quoted(text, clean),
    fix,
  };
  return invalid(wrongInput(INPUT, wrong));
}
