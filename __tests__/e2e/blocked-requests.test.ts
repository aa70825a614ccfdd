/**
 * Pages of a firewall or a proxy in place of the API's responses. Nothing shows
 * whether the API got the request.
 */
import { describe, expect, it } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { expectAdded, expectFailure } from './expectations.ts';
import {
  account,
  accounts,
  activeRecords,
  faultOn,
  runScenario,
  runWithFault,
} from './scenario.ts';

const TITLE = 'Request blocked before the API';
const BLOCKED: Fault = {
  kind: 'response',
  status: 403,
  body: {
    text: '<!DOCTYPE html><title>Attention Required! | Cloudflare</title>',
    type: 'text/html',
  },
};

// Every form of a page is in cloudflare/response-text.test.ts.
describe.concurrent('a request that is blocked', () => {
  it('is reported with the title of the page and cf-ray', async () => {
    const run = await runWithFault(BLOCKED, { inputs: { timeout: '10s' } });
    expectFailure(
      run,
      TITLE,
      /^page "Attention Required! \| Cloudflare"\..*HTTP 403, cf-ray 8f1e/,
    );
    expect(run).toMatchObject({ posts: [], outputs: { status: 'unknown' } });
  });

  it('is not reported as a response of Cloudflare where it has no cf-ray', async () => {
    const portal: Fault = {
      kind: 'response',
      status: 511,
      body: { text: '<title>Sign in to the network</title>' },
      withoutRay: true,
    };
    const run = await runWithFault(portal, { inputs: { timeout: '10s' } });
    expectFailure(
      run,
      TITLE,
      /^page "Sign in to the network"\. /,
      'not from Cloudflare (no cf-ray)',
    );
    expect(run.stdout + run.summary).not.toContain('cloudflarestatus');
  });

  it('and was a POST is sent again once lists show that nothing came of it', async () => {
    const faults = [faultOn('POST', BLOCKED, { nth: 1 })];
    expectAdded(await runScenario({ faults }), 2);
  });

  it('and was a POST is not sent again where the API got it all the same', async () => {
    const blocked = { ...BLOCKED, commit: true };
    const faults = [faultOn('POST', blocked, { nth: 1 })];
    expectAdded(await runScenario({ faults }), 1);
  });

  it('for one account of many does not affect the others', async () => {
    const run = await runScenario({
      targets: accounts(6),
      api: {
        fault: ({ method, body }) =>
          method === 'POST' && body.includes(account(1)) ? BLOCKED : undefined,
      },
      inputs: { timeout: '15s' },
    });
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { status: 'mixed', changed: 'true' },
    });
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.message).toContain(account(1));
    for (const n of [0, 2, 3, 4, 5])
      expect(activeRecords(run, account(n))).toHaveLength(1);
    expect(
      run.recipients.filter(
        (recipient) => recipient['status'] === 'associated',
      ),
    ).toHaveLength(5);
  });
});
