/*
 * Secrets. Cloudflare documents two kinds of credentials for shares: a token,
 * and an email address with a key. No message shows any of their text.
 */
import type { Credentials, Environment } from '../domain.ts';
import {
  emptyInput,
  type InputError,
  invalid,
  type Problem,
  type Reading,
  valid,
  wrongInput,
} from './reading.ts';
import {
  fallbacksOf,
  givenInput,
  inputOrVariable,
  nameOfInput,
  type ReplaceableInput,
} from './sources.ts';

/** Why a text cannot become an HTTP header. */
interface HeaderRule {
  readonly pattern: RegExp;
  readonly got: string;
}

const HEADER_RULES: readonly HeaderRule[] = [
  { pattern: /[\r\n]/, got: 'one with a line break' },
  { pattern: /^bearer\s/i, got: 'one with the prefix "Bearer"' },
  { pattern: /^(["']).*\1$/, got: 'one in quotes' },
  {
    pattern: /[^\x21-\x7e]/,
    got: 'one with a space, or a character outside of printable ASCII',
  },
];

const OR_TOKEN = ', or use `api-token` instead.';

/** Reads the credentials: a token, or an email address and a key. */
export function readCredentials(env: Environment): Reading<Credentials> {
  const isPair = hasPairInput(env);
  // A token takes precedence over a pair that comes from the environment.
  const token = isPair
    ? givenInput(env, 'api-token')
    : inputOrVariable(env, 'api-token');
  if (token === '') return readPair(env);

  const errors = [
    ...(isPair ? [twoKinds()] : []),
    ...secretErrors(nameOfInput(env, 'api-token'), token),
  ];
  return errors.length > 0
    ? invalid(...errors)
    : valid({ type: 'token', token });
}

/** The variables that hold credentials, where inputs are empty. */
export function credentialFallbacks(
  env: Environment,
  { type }: Credentials,
): string[] {
  const inputs: readonly ReplaceableInput[] =
    type === 'token' ? ['api-token'] : ['api-email', 'api-key'];
  return fallbacksOf(env, inputs);
}

/** Reads the token that records a deployment; null where there is none. */
export function readGithubToken(env: Environment): Reading<string | null> {
  const token = givenInput(env, 'github-token');
  const errors = secretErrors('github-token', token);
  return errors.length > 0 ? invalid(...errors) : valid(token || null);
}

function hasPairInput(env: Environment): boolean {
  const inputs = ['api-email', 'api-key'];
  return inputs.some((input) => givenInput(env, input) !== '');
}

function readPair(env: Environment): Reading<Credentials> {
  const email = inputOrVariable(env, 'api-email');
  const key = inputOrVariable(env, 'api-key');
  if (email === '' && key === '') return invalid(noCredentials());

  const errors = [
    ...missingHalf(env, email, key),
    ...emailErrors(nameOfInput(env, 'api-email'), email),
    ...secretErrors(nameOfInput(env, 'api-key'), key),
  ];
  return errors.length > 0
    ? invalid(...errors)
    : valid({ type: 'key', email, key });
}

function noCredentials(): InputError {
  return emptyInput(
    'api-token',
    'a token, or `api-email` and `api-key`',
    'Pass them from secrets.',
  );
}

function twoKinds(): InputError {
  return wrongInput('api-token', {
    expected: 'one kind of credentials',
    got: 'two',
    fix: 'Keep `api-token`, or `api-email` and `api-key`.',
  });
}

function missingHalf(
  env: Environment,
  email: string,
  key: string,
): InputError[] {
  if (email === '') {
    const source = nameOfInput(env, 'api-key');
    const expected = `the email address that ${source} belongs to`;
    return [emptyInput('api-email', expected, `Set this input${OR_TOKEN}`)];
  }
  if (key === '') {
    const source = nameOfInput(env, 'api-email');
    const expected = `the key that belongs to ${source}`;
    return [
      emptyInput('api-key', expected, `Pass it from a secret${OR_TOKEN}`),
    ];
  }
  return [];
}

function secretErrors(input: string, text: string): InputError[] {
  const expected = 'the bare secret';
  const fix = 'Store the secret again without that.';
  return headerErrors(input, text, { expected, fix });
}

/** An email address is often a variable. */
function emailErrors(input: string, text: string): InputError[] {
  const expected = 'the bare email address';
  return headerErrors(input, text, { expected, fix: 'Correct the value.' });
}

function headerErrors(
  input: string,
  text: string,
  advice: Pick<Problem, 'expected' | 'fix'>,
): InputError[] {
  const broken = HEADER_RULES.find(({ pattern }) => pattern.test(text));
  return broken ? [wrongInput(input, { ...advice, got: broken.got })] : [];
}
