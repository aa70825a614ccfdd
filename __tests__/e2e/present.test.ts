import { describe, expect, it } from 'vitest';
import type { LoggedRequest } from '../../simulator/api.ts';
import { expectFailure, expectOutputs, expectSuccess } from './expectations.ts';
import {
  account,
  accountIn,
  accounts,
  activeRecords,
  bodyOf,
  ENTITLEMENT,
  faultOn,
  LIST,
  LIST_QUERY,
  LOST_REPLY,
  mine,
  NEVER,
  ONE_RECORD,
  OTHER_ACCOUNT,
  OWNER,
  POLICY,
  RECIPIENT,
  RECORD,
  record,
  rejection,
  respondWith,
  runScenario,
  runWithFault,
  SHARE,
  SHARE_ONLY,
  seed,
  seeds,
  shown,
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

  it('uses the token of the environment before the key, and logs where it came from', async () => {
    const run = await runScenario({
      inputs: { 'api-token': '' },
      env: {
        CLOUDFLARE_API_TOKEN: TOKEN,
        CLOUDFLARE_EMAIL: EMAIL,
        CLOUDFLARE_API_KEY: KEY,
      },
    });
    expectSuccess(run);
    for (const { headers } of run.requests)
      expect(headers['authorization']).toBe(`Bearer ${TOKEN}`);
    expect(run.stdout).toContain('api-token from CLOUDFLARE_API_TOKEN');
  });

  it('is added although the share itself cannot be read', async () => {
    const run = await runWithFault(rejection(403, 1000), { path: SHARE_ONLY });
    expectSuccess(run, { status: 'associated' });
    expect(run.annotations).toEqual([]);
    expect(run.stdout).toContain(SHARE);
    expect(run.stdout).not.toContain('Baseline policies');
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

  it('is found with the list when a poll by ID does not find it, although lists are stale at first', async () => {
    const run = await runScenario({
      timeline: { associateReads: 2 },
      faults: [
        faultOn(ONE_RECORD, rejection(404, 1004), { times: 2 }),
        faultOn(LIST, respondWith(bodyOf([])), { nth: 2, times: 2 }),
      ],
    });
    expectSuccess(run, { status: 'associated', changed: 'true' });
    expect(activeRecords(run)).toHaveLength(1);
    expect(run.posts).toHaveLength(1);
    const notFound = run.polls.slice(0, 2);
    expect(notFound.map(({ status }) => status)).toEqual([404, 404]);
    for (const poll of notFound) {
      const next = run.requests[run.requests.indexOf(poll) + 1];
      expect(next && kindOf(next)).toBe('GET /recipients');
    }
  });

  it('does not count as done because the reply to the POST says associated', async () => {
    const reply = { ...respondWith(bodyOf(shown()), 201), commit: true };
    const run = await runScenario({
      api: { newId: () => RECORD },
      timeline: { associateMs: 'never', errors: [ENTITLEMENT] },
      faults: [faultOn('POST', reply)],
    });
    expectFailure(run, 'Shared resource failed permanently', ENTITLEMENT.error);
    expect(run.outputs).toMatchObject({ 'recipient-id': RECORD });
    expect(run.polls.length).toBeGreaterThan(0);
  });
});

// What else may be there is in many-accounts.test.ts.
describe.concurrent('an account that is in the list already', () => {
  it('is adopted with one request and without an annotation, as the last of 250 records', async () => {
    const run = await runScenario({ recipients: [...seeds(249), mine()] });
    expectSuccess(run, {
      'recipient-id': RECORD,
      status: 'associated',
      changed: 'false',
    });
    expect(run).toMatchObject({
      posts: [],
      deletes: [],
      polls: [],
      annotations: [],
    });
    expect(run.lists.map(({ query }) => query)).toEqual([LIST_QUERY]);
    expect(run.stdout).toContain(
      `${RECIPIENT} = already associated: no change`,
    );
  });

  it('may get access again under the ID of its removed record, with stale reads and a lost reply', async () => {
    const before = shown({
      association_status: 'disassociated',
      created: '2026-01-01T00:00:00Z',
      modified: '2026-01-02T00:00:00Z',
    });
    const run = await runScenario({
      api: { reuseRecords: true },
      faults: [
        faultOn('POST', LOST_REPLY),
        faultOn(LIST, respondWith(bodyOf([before])), { times: 4 }),
      ],
      recipients: [mine({ status: 'disassociated' })],
    });
    expectSuccess(run, {
      'recipient-id': RECORD,
      status: 'associated',
      changed: 'true',
    });
    expect(run.posts).toHaveLength(1);
    expect(run.records).toHaveLength(1);
  });

  it('is added after its removal has ended when it is being removed', async () => {
    const run = await runScenario({
      recipients: [
        mine({ status: 'disassociating', settle: { disassociateReads: 1 } }),
      ],
    });
    expectSuccess(run, { status: 'associated', changed: 'true' });
    expect(run.posts).toHaveLength(1);
    const removed = run.records.find(({ id }) => id === RECORD);
    expect(run.posts[0]?.at).toBeGreaterThanOrEqual(
      Date.parse(removed?.modified ?? ''),
    );
    expect(run.outputs['recipient-id']).not.toBe(RECORD);
  });

  it('fails with a terminal resource error although it is associated', async () => {
    const run = await runScenario({
      recipients: [mine({ resources: [ENTITLEMENT] })],
    });
    expectFailure(
      run,
      'Shared resource failed permanently',
      `gateway-policy ${POLICY}: ${ENTITLEMENT.error}`,
    );
    expect(run).toMatchObject({
      posts: [],
      outputs: { 'recipient-id': RECORD, changed: 'false' },
    });
  });

  it('uses the older of two active records, with one warning that names the other', async () => {
    const newer = mine({ id: 'newer', created: Date.now() - 80_000_000 });
    const older = mine({ id: 'older', created: Date.now() - 90_000_000 });
    const run = await runScenario({ recipients: [newer, older] });
    expectSuccess(run, { 'recipient-id': 'older' });
    expect(run).toMatchObject({ posts: [], deletes: [] });
    expect(run.annotations).toMatchObject([
      {
        level: 'warning',
        message: expect.stringMatching(
          /^Remove recipient newer: older is older/,
        ),
      },
    ]);
  });
});

describe.concurrent('several accounts', () => {
  it('are posted at most four at a time, and polled with one list', async () => {
    const nine = accounts(9);
    const delayMs = 600;
    const run = await runScenario({
      targets: nine,
      faults: [faultOn('POST', { kind: 'slow', delayMs })],
    });
    const ids = nine.map((id) => activeRecords(run, id)[0]?.id);
    expectSuccess(run, {
      'recipient-id': ids.join('\n'),
      status: 'associated',
      changed: 'true',
    });
    expect(run.recipients.map((one) => one['recipient_id'])).toEqual(ids);
    expect(run.posts.map(accountIn).sort()).toEqual(nine);
    const at = run.posts.map((post) => post.at);
    expect(at.slice(4).every((ms, n) => ms - (at[n] ?? 0) >= delayMs - 5)).toBe(
      true,
    );
    expect(run.polls).toEqual([]);
    expect(run.lists.length).toBeLessThanOrEqual(4);
    for (const list of run.lists) expect(list.query).toEqual(LIST_QUERY);
    expect(run.connections).toBeLessThanOrEqual(4);
  });

  it('with different statuses have the status mixed', async () => {
    const run = await runScenario({
      targets: accounts(3),
      recipients: [seed(0)],
      api: { timelines: { [account(1)]: NEVER } },
      inputs: { timeout: '10s' },
    });
    expectFailure(run, 'Timed out', account(1));
    expect(run.errors[0]?.message).not.toContain(account(2));
    expect(run.outputs).toMatchObject({ status: 'mixed', changed: 'true' });
    expect(run.recipients).toMatchObject([
      {
        account_id: account(0),
        recipient_id: record(0),
        status: 'associated',
        changed: false,
        error: null,
      },
      {
        account_id: account(1),
        status: 'associating',
        changed: true,
        error: expect.stringContaining('10s'),
      },
      {
        account_id: account(2),
        status: 'associated',
        changed: true,
        error: null,
      },
    ]);
  });
});
