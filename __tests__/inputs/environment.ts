/** The environment that the runner makes of a step, and what is read of it. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Inputs } from '../../src/domain.ts';
import {
  type InputNotes,
  type LoadedInputs,
  loadInputs,
} from '../../src/inputs/load-inputs.ts';
import type { InputError } from '../../src/inputs/reading.ts';
import { workspaceFiles } from '../../src/inputs/recipient-file.ts';
import type { FileReader } from '../../src/inputs/sources.ts';
import { clean, ENV as GIVEN } from '../builders.ts';

/** A change of the environment; undefined removes a variable. */
export type Change = Record<string, string | undefined>;

interface Action {
  readonly inputs: Record<string, { readonly default?: string }>;
}

export const ACTION = parse(readFileSync('action.yml', 'utf8')) as Action;

/** The smallest valid set of inputs, and the defaults of all others. */
export const ENV: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    Object.entries(ACTION.inputs).map(([name, { default: value = '' }]) => [
      `INPUT_${name.toUpperCase()}`,
      value,
    ]),
  ),
  ...GIVEN,
};

export function load(
  change: Change = {},
  files: FileReader = workspaceFiles,
): LoadedInputs {
  return loadInputs({ env: { ...ENV, ...change }, files, clean });
}

function loadValid(change: Change) {
  const loaded = load(change);
  if (loaded.type === 'invalid') throw new Error(JSON.stringify(loaded.errors));
  return loaded;
}

/** The inputs of an environment that is valid. */
export function inputsOf(change: Change = {}): Inputs {
  return loadValid(change).inputs;
}

/** The notes on an environment that is valid. */
export function notesOf(change: Change = {}): InputNotes {
  return loadValid(change).notes;
}

/** The errors of an environment; none where it is valid. */
export function errorsIn(change: Change): readonly InputError[] {
  const loaded = load(change);
  return loaded.type === 'invalid' ? loaded.errors : [];
}

/** `input: message` of each error. */
export function messagesIn(change: Change): string[] {
  return errorsIn(change).map(({ input, message }) => `${input}: ${message}`);
}

/** The same as one text, which says too what is empty. */
export function problemsIn(change: Change): string {
  const lines = errorsIn(change).map(
    ({ input, message, isEmpty }) =>
      `${input}${isEmpty ? ' (empty)' : ''}: ${message}`,
  );
  return lines.join('\n');
}
