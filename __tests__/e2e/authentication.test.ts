/** Credentials that Cloudflare rejects, or seems to. */
import { expect, it } from 'vitest';
import { expectFailure } from './expectations.ts';
import {
  accounts,
  faultOn,
  rejection,
  runScenario,
  runWithFault,
  TOKEN,
} from './scenario.ts';

// Every code is in cloudflare/api-error.test.ts, all advice in
// report/failure-guide.test.ts, many accounts in many-accounts.test.ts.
it.concurrent('credentials that Cloudflare rejects end the run with the first list', async () => {
  const run = await runWithFault(rejection(403, 9109, 'Invalid access token'));
  expectFailure(
    run,
    'Authentication failed',
    'Invalid access token (code 9109). ',
  );
  expect(run).toMatchObject({
    posts: [],
    outputs: { status: 'unknown', changed: 'false' },
  });
  expect(run.lists).toHaveLength(1);
  expect(run.stdout).not.toContain('retrying');
});

it.concurrent('credentials that can only read fail with the first POST, and the fix names the key', async () => {
  const run = await runScenario({
    api: { tokens: [], readOnlyTokens: [TOKEN] },
  });
  expectFailure(
    run,
    'Credentials can only read',
    /^Authentication error \(code 10000\)\..*api-email.*HTTP 403/,
  );
  expect(run.outputs).toMatchObject({
    status: 'disassociated',
    changed: 'false',
  });
  expect(run.posts).toHaveLength(1);
});

it.concurrent('code 10001, which is often temporary, on a write stops only its own account', async () => {
  const unstable = rejection(401, 10001, 'internal error, please try again');
  const run = await runScenario({
    targets: accounts(12),
    faults: [faultOn('POST', unstable, { times: 1 })],
  });
  expectFailure(run, 'Authentication failed', 'This code is often temporary');
  expect(run.posts).toHaveLength(12);
  expect(run.records).toHaveLength(11);
});
