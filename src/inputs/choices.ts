/*
 * Inputs with a few words to choose from. An empty one is an error and not its
 * default: `dry-run: ${{ inputs.dry-run }}` is empty in a run that has no such
 * input, and must not write.
 */
import type { Clean, Environment, Inputs } from '../domain.ts';
import {
  emptyInput,
  type InputError,
  invalid,
  quoted,
  type Reading,
  valid,
  wrongInput,
} from './reading.ts';
import { givenInput } from './sources.ts';

const STATES = ['present', 'absent', 'exact'] as const;

/** Reads what the targets should be. */
export function readState(
  env: Environment,
  clean: Clean,
): Reading<Inputs['state']> {
  const expected = '`present`, `absent` or `exact`';
  const text = givenInput(env, 'state');
  if (text === '') return invalid(emptyValue('state', expected));

  const state = STATES.find((word) => word === text);
  if (state) return valid(state);
  const fix = 'Use `present` to add, `absent` to remove, `exact` for both.';
  const wrong = { expected, got: quoted(text, clean), fix };
  return invalid(wrongInput('state', wrong));
}

/** Reads an input that is `true` or `false`. */
export function readBoolean(
  env: Environment,
  input: 'wait' | 'dry-run' | 'summary',
  clean: Clean,
): Reading<boolean> {
  const expected = '`true` or `false`';
  const text = givenInput(env, input);
  if (text === '') return invalid(emptyValue(input, expected));

  if (/^true$/i.test(text)) return valid(true);
  if (/^false$/i.test(text)) return valid(false);
  const fix = 'Use one of these words.';
  const wrong = { expected, got: quoted(text, clean), fix };
  return invalid(wrongInput(input, wrong));
}

/** The error of an input that has a default, and yet is empty. */
export function emptyValue(input: string, expected: string): InputError {
  const fix = 'Give it a value, or remove the input.';
  return emptyInput(input, expected, fix);
}
