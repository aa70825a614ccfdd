import { describe, expect, it } from 'vitest';
import type { LoggedRequest } from '../../simulator/api.ts';
import { expectFailure, expectOutputs, expectSuccess } from './expectations.ts';
import {
  activeRecords,
  ENTITLEMENT,
  LIST_QUERY,
  NEVER,
  OTHER_ACCOUNT,
  OWNER,
  POLICY,
  RECIPIENT,
  runScenario,
  SHARE,
  TOKEN,
} from './scenario.ts';

const SHARE_PATH = `/accounts/${OWNER}/shares/${SHARE}`;
const EMAIL = 'ops@example.com';
const KEY = 'c2547eb745079dac9320b638f5e225cf483cc5cfdda41';
const kindOf = ({ method, path }: LoggedRequest): string =>
  `${method} ${path.replace(SHARE_PATH, '').replace(/\/[^/]{20,}$/, '/ID') || 'share'}`;

describe.concurrent('one account', () => {
  it('is listed, posted and polled until it has access', async () => {
    const run = await runScenario({
      timeline: { associateReads: 1 },
      // Not used, because the inputs are not empty.
      env: {
        CLOUDFLARE_ACCOUNT_ID: OTHER_ACCOUNT,
        CLOUDFLARE_API_TOKEN: 'another-token',
      },
    });
    const [added] = activeRecords(run);
    expectSuccess(run, {
      'recipient-id': added?.id,
      status: 'associated',
      changed: 'true',
    });
    expectOutputs(run);
    expect(run.annotations).toEqual([]);
    expect(run.recipients).toEqual([
      {
        account_id: RECIPIENT,
        organization_id: null,
        label: null,
        desired: 'present',
        recipient_id: added?.id,
        status: 'associated',
        changed: true,
        cause: null,
        error: null,
        resources: [],
        resource_errors: 0,
        created: added?.created,
        modified: expect.stringMatching(/^20/),
        seconds: expect.any(Number),
      },
    ]);
    expect(run.summary).toContain('1 account added');
    expect(run.stdout).toContain('Result: 1 account added; ');
    expect(run.stdout).not.toContain('CLOUDFLARE_');

    const kinds = run.requests.map(kindOf);
    // The share is read at the same time as the list, so either may come first.
    expect(kinds.slice(0, 2)).toContain('GET share');
    expect(kinds.filter((kind) => kind !== 'GET share')).toEqual([
      'GET /recipients',
      'POST /recipients',
      'GET /recipients/ID',
      'GET /recipients/ID',
    ]);
    for (const { query } of [...run.lists, ...run.polls])
      expect(query).toEqual(LIST_QUERY);
    expect(run.posts.map(({ body }) => body)).toEqual([
      { recipient_account_id: RECIPIENT },
    ]);
    for (const { path } of run.polls)
      expect(path).toBe(`${SHARE_PATH}/recipients/${added?.id}`);
    expect(run.connections).toBeLessThanOrEqual(2);
    for (const { headers } of run.requests) {
      expect(headers['authorization']).toBe(`Bearer ${TOKEN}`);
      expect(headers).not.toHaveProperty('x-auth-email');
      expect(headers).not.toHaveProperty('x-auth-key');
      expect(headers['user-agent']).toMatch(
        /^cloudflare-share-recipient\/\d+\.\d+\.\d+ \(octo-org\/policies; run 1658821493\)$/,
      );
    }
  });

  // Which credentials count before which is in inputs/credentials.test.ts.
  it('uses the key of the environment where the inputs are empty, and logs where it came from', async () => {
    const run = await runScenario({
      api: { keys: [{ email: EMAIL, key: KEY }], tokens: [] },
      inputs: { 'account-id': ' ', 'api-token': ' \n' },
      env: {
        CLOUDFLARE_ACCOUNT_ID: OWNER,
        CLOUDFLARE_EMAIL: EMAIL,
        CLOUDFLARE_API_KEY: KEY,
      },
    });
    expectSuccess(run);
    expect(run.stdout).toMatch(
      /^Sharing .*account-id from CLOUDFLARE_ACCOUNT_ID; api-email from CLOUDFLARE_EMAIL; api-key from CLOUDFLARE_API_KEY$/m,
    );
    for (const { headers } of run.requests) {
      expect(headers).toMatchObject({
        'x-auth-email': EMAIL,
        'x-auth-key': KEY,
      });
      expect(headers).not.toHaveProperty('authorization');
    }
    // No warning calls a key wrong.
    expect(run.annotations).toEqual([]);
  });

  it('is posted and not polled with wait: false', async () => {
    const run = await runScenario({
      timeline: NEVER,
      inputs: { wait: 'false' },
    });
    expectSuccess(run, {
      'recipient-id': activeRecords(run)[0]?.id,
      status: 'associating',
      changed: 'true',
    });
    expect(run.posts).toHaveLength(1);
    expect(run.polls).toEqual([]);
    expect(run.lists).toHaveLength(1);
  });

  it('that never gets access fails the step at the timeout, and nothing is undone', async () => {
    const run = await runScenario({
      timeline: NEVER,
      inputs: { timeout: '10s' },
    });
    expectFailure(
      run,
      'Timed out',
      /last status `associating`.*Nothing was undone/,
    );
    // The last poll begins two seconds before the timeout.
    expect(run.ms).toBeGreaterThanOrEqual(8000);
    const [added] = activeRecords(run);
    expect(run.outputs).toMatchObject({
      'recipient-id': added?.id,
      status: 'associating',
      changed: 'true',
    });
    expect(run.recipients).toMatchObject([
      {
        recipient_id: added?.id,
        cause: 'timeout',
        error: expect.stringMatching(
          /not done before the timeout of 10s; \d+ polls?, last status `associating` for \d+ s$/,
        ),
      },
    ]);
    expect(run.deletes).toEqual([]);
    expect(run.summary).toContain('❌');
  });

  it('that lacks an entitlement fails the step at once, with the reason, whatever its status is', async () => {
    const run = await runScenario({
      timeline: {
        steps: [{ afterReads: 0, status: 'associating' }],
        errors: [{ ...ENTITLEMENT, afterReads: 0 }],
      },
    });
    expectFailure(
      run,
      'Shared resource failed permanently',
      `gateway-policy ${POLICY}: ${ENTITLEMENT.error}`,
    );
    expect(run.outputs).toMatchObject({
      'recipient-id': activeRecords(run)[0]?.id,
      status: 'associating',
      changed: 'true',
    });
    expect(run.recipients).toMatchObject([
      {
        error: expect.stringContaining(ENTITLEMENT.error),
        resources: [
          {
            resource_id: POLICY,
            resource_type: 'gateway-policy',
            terminal: true,
            error: ENTITLEMENT.error,
          },
        ],
      },
    ]);
    expect(run.polls).toHaveLength(1);
    expect(run.deletes).toEqual([]);
  });

  // All advice is in report/failure-guide.test.ts.
  it('is posted once with credentials that can only read, and the fix names the key', async () => {
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
});
