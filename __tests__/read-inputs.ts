import { type Inputs, readInputs } from '../src/inputs.ts';
import { ENV } from './builders.ts';

/** Reads the smallest environment with a change. Throws where it is invalid. */
export function inputsOf(
  change: Record<string, string | undefined> = {},
): Inputs {
  const { inputs, errors } = readInputs({ ...ENV, ...change });
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  return inputs;
}
