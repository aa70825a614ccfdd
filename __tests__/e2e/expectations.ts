/** What many runs have in common. */
import { expect } from 'vitest';
import { OUTPUT_NAMES } from '../../src/report/outputs.ts';
import { activeRecords, RECIPIENT, type Run } from './scenario.ts';

const OUTPUTS = [...OUTPUT_NAMES].sort();

/**
 * The one account was added, whatever went wrong in between: one active record,
 * and this many POSTs.
 */
export function expectAdded(run: Run, posts = 1): void {
  const records = activeRecords(run);
  expect(records).toHaveLength(1);
  expectSuccess(run, {
    'recipient-id': records[0]?.id,
    status: 'associated',
    changed: 'true',
  });
  expect(run.deletes).toEqual([]);
  expect(run.posts).toHaveLength(posts);
  for (const { body } of run.posts)
    expect(body).toEqual({ recipient_account_id: RECIPIENT });
}

/** The run succeeded without an error, with these outputs. */
export function expectSuccess(
  run: Run,
  outputs: Record<string, unknown> = {},
): void {
  expect(run).toMatchObject({ exitCode: 0, stderr: '', errors: [], outputs });
}

/**
 * The run failed with one annotation, whose message has all of these texts, and
 * all outputs are set.
 */
export function expectFailure(
  run: Run,
  title: string,
  ...texts: Array<string | RegExp>
): void {
  expect(run).toMatchObject({ exitCode: 1, errors: [{ title }] });
  for (const text of texts) expect(run.errors[0]?.message).toMatch(text);
  expectOutputs(run);
}

/** All outputs are set. */
export function expectOutputs(run: Run): void {
  expect(Object.keys(run.outputs).sort()).toEqual(OUTPUTS);
}

/** Nothing was written. */
export function expectOnlyReads(run: Run): void {
  expect(run.requests.length).toBeGreaterThan(0);
  expect(new Set(run.requests.map(({ method }) => method))).toEqual(
    new Set(['GET']),
  );
}
