/** What many runs have in common. */
import { expect } from 'vitest';
import {
  activeRecords,
  RECIPIENT,
  RECORD,
  type Run,
  recordIn,
} from './scenario.ts';

const OUTPUTS = ['changed', 'recipient-id', 'recipients', 'status'];

/**
 * The one account was added, whatever went wrong in between: one active record,
 * and this many POSTs.
 */
export function expectAdded(run: Run, posts = 1): void {
  expect(run).toMatchObject({
    exitCode: 0,
    stderr: '',
    errors: [],
    deletes: [],
  });
  const records = activeRecords(run);
  expect(records).toHaveLength(1);
  expect(run.outputs).toMatchObject({
    'recipient-id': records[0]?.id,
    status: 'associated',
    changed: 'true',
  });
  expect(run.posts).toHaveLength(posts);
  for (const { body } of run.posts)
    expect(body).toEqual({ recipient_account_id: RECIPIENT });
}

/** The one recipient, `RECORD`, was removed with this many DELETEs. */
export function expectRemoved(run: Run, deletes = 1): void {
  expect(run).toMatchObject({
    exitCode: 0,
    posts: [],
    errors: [],
    outputs: {
      'recipient-id': RECORD,
      status: 'disassociated',
      changed: 'true',
    },
  });
  expect(run.deletes.map(recordIn)).toEqual(Array(deletes).fill(RECORD));
  expect(activeRecords(run)).toEqual([]);
}

/** All outputs are set. */
export function expectOutputs(run: Run): void {
  expect(Object.keys(run.outputs).sort()).toEqual(OUTPUTS);
}

const STACK_TRACE =
  /TypeError|RangeError|SyntaxError|\bat \S.*:\d+:\d+|\[object |undefined/;

/**
 * The run failed with one annotation that names the request, and shows nothing
 * of its own code.
 */
export function expectFailedRequest(
  run: Run,
  request: string,
  title = 'Unexpected response from the API',
): void {
  expect(run.exitCode).toBe(1);
  expect(run.errors).toHaveLength(1);
  expect(run.errors[0]?.title).toBe(title);
  expect(run.errors[0]?.message).toContain(request);
  expect(run.stdout).not.toMatch(STACK_TRACE);
  expect(run.stderr).toBe('');
  expectOutputs(run);
  expect(run.recipients).toMatchObject([
    { account_id: RECIPIENT, error: expect.stringContaining(request) },
  ]);
}

/** Nothing was written. */
export function expectOnlyReads(run: Run): void {
  expect(run.requests.length).toBeGreaterThan(0);
  expect(new Set(run.requests.map(({ method }) => method))).toEqual(
    new Set(['GET']),
  );
}
