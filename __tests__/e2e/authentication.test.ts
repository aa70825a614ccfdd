/** Credentials that Cloudflare rejects, or seems to. */
import { expect, it } from 'vitest';
import { expectFailure } from './expectations.ts';
import { runScenario, TOKEN } from './scenario.ts';

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
