/* Where inputs come from: `INPUT_…` variables, or others in their place. */
import type { Clean, Environment } from '../domain.ts';

/** What is at a path. */
export interface FileStatus {
  /** Only a file can be read. */
  readonly type: 'file' | 'folder' | 'other';
  /** In bytes. */
  readonly size: number;
}

/** Reads files. Each function throws as those of `node:fs` do. */
export interface FileReader {
  /** The absolute path with its symbolic links resolved. */
  realPath(path: string): string;
  /** Throws where nothing is there. */
  status(path: string): FileStatus;
  /** The whole content. */
  read(path: string): Uint8Array;
}

/** What the inputs are read from. */
export interface InputSources {
  /** The inputs (`INPUT_…`) and their defaults. */
  readonly env: Environment;
  /** Reads the file of `recipient-account-file`. */
  readonly files: FileReader;
  /**
   * Makes text from outside one sanitized line of at most `max` code units,
   * without secrets.
   */
  readonly clean: Clean;
}

/** The variables that are used where an input is empty. */
const VARIABLES = {
  'account-id': 'CLOUDFLARE_ACCOUNT_ID',
  'api-token': 'CLOUDFLARE_API_TOKEN',
  'api-email': 'CLOUDFLARE_EMAIL',
  'api-key': 'CLOUDFLARE_API_KEY',
} as const;

/** An input that a variable can replace. */
export type ReplaceableInput = keyof typeof VARIABLES;

/** An input as it was given. The runner sets an empty text where it was not. */
export function rawInput(env: Environment, input: string): string {
  return env[`INPUT_${input.toUpperCase()}`] ?? '';
}

/** An input without the spaces around it. */
export function givenInput(env: Environment, input: string): string {
  return rawInput(env, input).trim();
}

/** An input, or where it is empty its variable. */
export function inputOrVariable(
  env: Environment,
  input: ReplaceableInput,
): string {
  return givenInput(env, input) || variableOf(env, input);
}

/** Which of these inputs were replaced, with the variables. */
export function fallbacksOf(
  env: Environment,
  inputs: readonly ReplaceableInput[],
): string[] {
  return inputs
    .filter((input) => isReplaced(env, input))
    .map((input) => nameOfInput(env, input));
}

/**
 * `api-token`, or `api-token from CLOUDFLARE_API_TOKEN` where that variable is
 * used in its place.
 */
export function nameOfInput(env: Environment, input: ReplaceableInput): string {
  return isReplaced(env, input) ? `${input} from ${VARIABLES[input]}` : input;
}

function isReplaced(env: Environment, input: ReplaceableInput): boolean {
  return givenInput(env, input) === '' && variableOf(env, input) !== '';
}

function variableOf(env: Environment, input: ReplaceableInput): string {
  return env[VARIABLES[input]]?.trim() ?? '';
}
