/* Who gets access, or loses it: exactly one of three inputs names them. */
import type { Environment, Inputs } from '../domain.ts';
import { idProblem, ORGANIZATION_ID } from './ids.ts';
import {
  emptyInput,
  errorsOf,
  type InputError,
  invalid,
  type Reading,
  valid,
  wrongInput,
} from './reading.ts';
import { FILE_INPUT, readRecipientFile } from './recipient-file.ts';
import { parseRecipientList, type RequestedTargets } from './recipient-list.ts';
import { givenInput, type InputSources, rawInput } from './sources.ts';

/** What the inputs of the targets are checked against. */
export interface RecipientContext {
  /** The account that owns the share; empty where it is invalid. */
  readonly ownerId: string;
  /** Null where it is invalid. */
  readonly state: Inputs['state'] | null;
}

const LIST_INPUT = 'recipient-account-id';
const ORGANIZATION_INPUT = 'organization-id';
const TARGET_INPUTS = [LIST_INPUT, FILE_INPUT, ORGANIZATION_INPUT] as const;

type TargetInput = (typeof TARGET_INPUTS)[number];

/** Reads the targets from the one input that names them. */
export function readRecipients(
  sources: InputSources,
  context: RecipientContext,
): Reading<RequestedTargets> {
  const given = givenTargets(sources.env);
  const readings = given.map((input) => READERS[input](sources, context));
  const [reading] = readings;
  if (!reading) return invalid(noTarget());

  const errors = [
    ...severalTargets(given),
    ...exactOrganization(given, context),
    ...readings.flatMap(errorsOf),
  ];
  return errors.length > 0 ? invalid(...errors) : reading;
}

function givenTargets(env: Environment): TargetInput[] {
  return TARGET_INPUTS.filter((input) => givenInput(env, input) !== '');
}

// -------- the three inputs

const READERS: Record<
  TargetInput,
  (
    sources: InputSources,
    context: RecipientContext,
  ) => Reading<RequestedTargets>
> = {
  [LIST_INPUT]: readList,
  [FILE_INPUT]: readFile,
  [ORGANIZATION_INPUT]: readOrganization,
};

function readList(
  { env, clean }: InputSources,
  { ownerId }: RecipientContext,
): Reading<RequestedTargets> {
  // Not trimmed: the lines before the first ID count.
  const text = rawInput(env, LIST_INPUT);
  return parseRecipientList(text, { input: LIST_INPUT, ownerId, clean });
}

function readFile(
  sources: InputSources,
  { ownerId }: RecipientContext,
): Reading<RequestedTargets> {
  const { env, clean } = sources;
  const file = readRecipientFile(givenInput(env, FILE_INPUT), sources);
  if (file.type === 'invalid') return file;
  return parseRecipientList(file.value, { input: FILE_INPUT, ownerId, clean });
}

function readOrganization({
  env,
  clean,
}: InputSources): Reading<RequestedTargets> {
  const id = givenInput(env, ORGANIZATION_INPUT);
  const wrong = idProblem(ORGANIZATION_ID, id, clean);
  if (wrong) return invalid(wrongInput(ORGANIZATION_INPUT, wrong));

  const target = {
    type: 'organization',
    id: id.toLowerCase(),
    label: null,
  } as const;
  return valid({
    targets: [target],
    disabledIds: 0,
    repeatedIds: 0,
  });
}

// -------- rules about all of them

/** A request without a target would mean the whole organization. */
function noTarget(): InputError {
  return emptyInput(
    LIST_INPUT,
    'account IDs',
    'Set this input, `recipient-account-file` or `organization-id`.',
  );
}

function severalTargets(given: readonly TargetInput[]): InputError[] {
  if (given.length < 2) return [];
  const names = given.map((input) => `\`${input}\``);
  const wrong = {
    expected: 'one kind of target',
    got: `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`,
    fix: 'Keep only one of them.',
  };
  return [wrongInput(given.at(-1) ?? LIST_INPUT, wrong)];
}

/** An organization has no list of accounts that could be the whole truth. */
function exactOrganization(
  given: readonly TargetInput[],
  { state }: RecipientContext,
): InputError[] {
  if (state !== 'exact' || !given.includes(ORGANIZATION_INPUT)) return [];
  const expected = 'a list of accounts with `state: exact`';
  const fix = 'Set `recipient-account-id` or `recipient-account-file` instead.';
  const wrong = { expected, got: 'an organization', fix };
  return [wrongInput(ORGANIZATION_INPUT, wrong)];
}
