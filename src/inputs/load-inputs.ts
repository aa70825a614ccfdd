/* Reads and validates all inputs at once. */
import type { Clean, Environment, Inputs } from '../domain.ts';
import { readApiUrl } from './api-url.ts';
import { readBoolean, readState } from './choices.ts';
import {
  credentialFallbacks,
  readCredentials,
  readGithubToken,
} from './credentials.ts';
import { ACCOUNT_ID, type IdKind, idProblem, SHARE_ID } from './ids.ts';
import { readMaxRemovals } from './max-removals.ts';
import {
  allOf,
  emptyInput,
  type InputError,
  invalid,
  type Reading,
  valid,
  valueOr,
  wrongInput,
} from './reading.ts';
import { readRecipients } from './recipients.ts';
import {
  fallbacksOf,
  givenInput,
  type InputSources,
  inputOrVariable,
  nameOfInput,
} from './sources.ts';
import { readTimeout } from './timeout.ts';

/** What a reader of the log should know of the inputs. */
export interface InputNotes {
  /** Variables in place of empty inputs: `api-token from …_API_TOKEN`. */
  readonly fallbacks: readonly string[];
  /** IDs in comments on lines of their own: accounts that are switched off. */
  readonly disabledIds: number;
  /** IDs that were given more than once. */
  readonly repeatedIds: number;
}

/** The inputs, or everything that is wrong with them. */
export type LoadedInputs =
  | {
      readonly type: 'valid';
      readonly inputs: Inputs;
      readonly notes: InputNotes;
    }
  | {
      readonly type: 'invalid';
      readonly errors: readonly InputError[];
      /** False only when the input `summary` is a valid false. */
      readonly summary: boolean;
    };

/** As in action.yml, for a run in which the input is empty. */
const DEFAULT_ENVIRONMENT = 'cloudflare-share';

/** Reads all inputs. Errors are in the order of action.yml. */
export function loadInputs(sources: InputSources): LoadedInputs {
  const { env, clean } = sources;
  const accountId = readAccountId(env, clean);
  const state = readState(env, clean);
  const summary = readBoolean(env, 'summary', clean);
  const context = {
    ownerId: valueOr(accountId, ''),
    state: valueOr<Inputs['state'] | null>(state, null),
  };

  const loaded = allOf({
    accountId,
    shareId: readShareId(env, clean),
    recipients: readRecipients(sources, context),
    credentials: readCredentials(env),
    state,
    maxRemovals: readMaxRemovals(env, context.state, clean),
    wait: readBoolean(env, 'wait', clean),
    timeout: readTimeout(env, clean),
    dryRun: readBoolean(env, 'dry-run', clean),
    summary,
    githubToken: readGithubToken(env),
    environment: readEnvironment(env),
    apiUrl: readApiUrl(env),
  });
  if (loaded.type === 'invalid') {
    const { errors } = loaded;
    return { type: 'invalid', errors, summary: valueOr(summary, true) };
  }

  const values = loaded.value;
  const inputs: Inputs = {
    accountId: values.accountId,
    shareId: values.shareId,
    targets: values.recipients.targets,
    credentials: values.credentials,
    state: values.state,
    maxRemovals: values.maxRemovals,
    wait: values.wait,
    timeout: values.timeout.text,
    timeoutMs: values.timeout.ms,
    dryRun: values.dryRun,
    summary: values.summary,
    githubToken: values.githubToken,
    environment: values.environment,
    apiUrl: values.apiUrl,
  };
  const notes: InputNotes = {
    fallbacks: [
      ...fallbacksOf(env, ['account-id']),
      ...credentialFallbacks(env, values.credentials),
    ],
    disabledIds: values.recipients.disabledIds,
    repeatedIds: values.recipients.repeatedIds,
  };
  return { type: 'valid', inputs, notes };
}

function readAccountId(env: Environment, clean: Clean): Reading<string> {
  const text = inputOrVariable(env, 'account-id');
  const fix = 'Set this input, or the variable CLOUDFLARE_ACCOUNT_ID.';
  const input = nameOfInput(env, 'account-id');
  const id = readId(input, ACCOUNT_ID, text, fix, clean);
  return id.type === 'valid' ? valid(id.value.toLowerCase()) : id;
}

function readShareId(env: Environment, clean: Clean): Reading<string> {
  const text = givenInput(env, 'share-id');
  return readId('share-id', SHARE_ID, text, 'Set this input.', clean);
}

function readEnvironment(env: Environment): Reading<string> {
  return valid(givenInput(env, 'environment') || DEFAULT_ENVIRONMENT);
}

function readId(
  input: string,
  kind: IdKind,
  text: string,
  fixOfEmpty: string,
  clean: Clean,
): Reading<string> {
  if (text === '') return invalid(emptyInput(input, kind.expected, fixOfEmpty));
  const wrong = idProblem(kind, text, clean);
  return wrong ? invalid(wrongInput(input, wrong)) : valid(text);
}
