/** A share with a list of accounts that is meant to be the whole truth. */
import { expect } from 'vitest';
import type { SharesApi, SharesApiOptions } from '../../simulator/api.ts';
import {
  account,
  type Run,
  recordIn,
  type Scenario,
  seed,
  startScenario,
} from './scenario.ts';

type Hook = NonNullable<SharesApiOptions['fault']>;
type Request = Parameters<Hook>[0];

export interface ExactScenario extends Scenario {
  /** The accounts of the list. */
  listed: readonly number[];
  /** Accounts that have access at the start, besides `recipients`. */
  has?: readonly number[];
}

/**
 * A run with `state: exact`. Every removal is allowed unless `inputs` say
 * otherwise, and the first read after a write shows its effect.
 */
export function exact({
  listed,
  has = [],
  recipients = [],
  inputs,
  ...more
}: ExactScenario): Scenario {
  return {
    targets: listed.map(account),
    ...more,
    recipients: [...has.map((n) => seed(n)), ...recipients],
    inputs: {
      state: 'exact',
      'max-removals': '100%',
      ...inputs,
    },
  };
}

/** Runs the bundle with `state: exact`. */
export async function runExact(scenario: ExactScenario): Promise<Run> {
  const { finished } = await startScenario(exact(scenario));
  return finished;
}

/**
 * Runs the bundle while somebody else does something to the share, once, when
 * the API receives a request like this.
 */
export async function runWhile(
  scenario: ExactScenario,
  isMoment: (request: Request) => boolean,
  act: (api: SharesApi) => void,
): Promise<Run> {
  let api: SharesApi | null = null;
  let isDone = false;
  const fault: Hook = (request) => {
    if (!isDone && api && isMoment(request)) {
      isDone = true;
      act(api);
    }
    return undefined;
  };
  const started = await startScenario(
    exact({ ...scenario, api: { ...scenario.api, fault } }),
  );
  api = started.api;
  const run = await started.finished;
  expect(isDone).toBe(true);
  return run;
}

export function isWrite({ method }: Request): boolean {
  return method !== 'GET';
}

/** The records that the run asked to remove, in order of their IDs. */
export function removed({ deletes }: Run): string[] {
  return deletes.map(recordIn).sort();
}

/** What the output `recipients` says of the `n`th account. */
export function outputOf(run: Run, n: number): Record<string, unknown> {
  const found = run.recipients.find((one) => one['account_id'] === account(n));
  expect(found).toBeDefined();
  return found ?? {};
}

/** The messages of the warnings with this title. */
export function warnings({ annotations }: Run, title: string): string[] {
  return annotations
    .filter((one) => one.level === 'warning' && one.title === title)
    .map(({ message }) => message);
}

/** Accounts that have a record in use, in the order of their IDs. */
export function accountsWithAccess({ records }: Run): string[] {
  return records
    .filter((one) => /^associat/.test(one.association_status))
    .map((one) => one.account_id)
    .sort();
}
