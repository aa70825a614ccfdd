import { describe, expect, it } from 'vitest';
import type { LoggedRequest } from '../../simulator/api.ts';
import { expectOutputs } from './expectations.ts';
import {
  account,
  accountIn,
  accounts,
  activeRecords,
  bodyOf,
  ENTITLEMENT,
  LIST,
  LIST_QUERY,
  ONE_RECORD,
  OTHER_ACCOUNT,
  OWNER,
  POLICY,
  RECIPIENT,
  RECORD,
  respondWith,
  runScenario,
  SHARE,
  SHARE_ONLY,
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
      api: { timeline: { associateReads: 1 } },
      // Not used, because the inputs are not empty.
      env: {
        CLOUDFLARE_ACCOUNT_ID: OTHER_ACCOUNT,
        CLOUDFLARE_API_TOKEN: 'another-token',
      },
    });
    const [record] = activeRecords(run);
    expect(run).toMatchObject({ exitCode: 0, stderr: '', annotations: [] });
    expect(run.stdout).not.toContain('CLOUDFLARE_');
    expect(run.outputs).toMatchObject({
      'recipient-id': record?.id,
      status: 'associated',
      changed: 'true',
    });
    expect(run.recipients).toEqual([
      {
        account_id: RECIPIENT,
        organization_id: null,
        label: null,
        desired: 'present',
        recipient_id: record?.id,
        status: 'associated',
        changed: true,
        cause: null,
        error: null,
        resources: [],
        resource_errors: 0,
        created: record?.created,
        modified: expect.stringMatching(/^20/),
        seconds: expect.any(Number),
      },
    ]);
    expectOutputs(run);
    expect(run.summary).toContain('1 account added');
    expect(run.stdout).toContain('Result: 1 account added; ');

    const kinds = run.requests.map(kindOf);
    // The share is read at the same time as the list, so either may come first.
    expect(kinds.slice(0, 2)).toContain('GET share');
    const others = kinds.filter((kind) => kind !== 'GET share');
    expect(others.slice(0, 2)).toEqual(['GET /recipients', 'POST /recipients']);
    expect(others.slice(2)).toEqual([
      'GET /recipients/ID',
      'GET /recipients/ID',
    ]);
    expect(run.lists.map(({ query }) => query)).toEqual([LIST_QUERY]);
    expect(run.posts.map(({ body }) => body)).toEqual([
      { recipient_account_id: RECIPIENT },
    ]);
    for (const poll of run.polls) {
      expect(poll.path).toBe(`${SHARE_PATH}/recipients/${record?.id}`);
      expect(poll.query).toEqual(LIST_QUERY);
    }
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

  it('uses owner and token of the environment, the token before the key, and logs where they came from', async () => {
    const run = await runScenario({
      inputs: { 'account-id': '', 'api-token': '' },
      env: {
        CLOUDFLARE_ACCOUNT_ID: OWNER,
        CLOUDFLARE_API_TOKEN: TOKEN,
        CLOUDFLARE_EMAIL: EMAIL,
        CLOUDFLARE_API_KEY: KEY,
      },
    });
    expect(run.exitCode).toBe(0);
    for (const { headers } of run.requests)
      expect(headers['authorization']).toBe(`Bearer ${TOKEN}`);
    expect(run.stdout).toContain('account-id from CLOUDFLARE_ACCOUNT_ID');
    expect(run.stdout).toContain('api-token from CLOUDFLARE_API_TOKEN');
  });

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
    expect(run.exitCode).toBe(0);
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

  it('is added although the share itself cannot be read', async () => {
    const fault = {
      when: { pathIncludes: SHARE_ONLY },
      do: { kind: 'response', status: 403 },
    } as const;
    const run = await runScenario({ api: { faults: [fault] } });
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: { status: 'associated' },
      annotations: [],
    });
    expect(run.stdout).toContain(SHARE);
    expect(run.stdout).not.toContain('Baseline policies');
  });

  it('is posted and not polled with wait: false', async () => {
    const run = await runScenario({
      api: { timeline: { associateMs: 'never' } },
      inputs: { wait: 'false' },
    });
    expect(run.exitCode).toBe(0);
    expect(run.outputs).toMatchObject({
      status: 'associating',
      changed: 'true',
    });
    expect(run.outputs['recipient-id']).toBe(activeRecords(run)[0]?.id);
    expect(run.posts).toHaveLength(1);
    expect(run.polls).toEqual([]);
    expect(run.lists).toHaveLength(1);
  });

  it('that never gets access fails the step at the timeout, and nothing is undone', async () => {
    const run = await runScenario({
      api: { timeline: { associateMs: 'never' } },
      inputs: { timeout: '10s' },
    });
    expect(run.exitCode).toBe(1);
    // The last poll begins two seconds before the timeout.
    expect(run.ms).toBeGreaterThanOrEqual(8000);
    const [record] = activeRecords(run);
    expect(run.outputs).toMatchObject({
      'recipient-id': record?.id,
      status: 'associating',
      changed: 'true',
    });
    expect(run.recipients).toMatchObject([
      {
        recipient_id: record?.id,
        cause: 'timeout',
        error: expect.stringMatching(
          /not done before the timeout of 10s; \d+ polls?, last status `associating` for \d+ s$/,
        ),
      },
    ]);
    expect(run.deletes).toEqual([]);
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.message).toMatch(
      /last status `associating`.*Nothing was undone/,
    );
    expect(run.summary).toContain('❌');
  });

  it('is found with the list when a poll by ID does not find it, although lists are stale at first', async () => {
    const run = await runScenario({
      api: {
        timeline: { associateReads: 2 },
        faults: [
          {
            when: { pathIncludes: ONE_RECORD, times: 2 },
            do: { kind: 'response', status: 404, code: 1004 },
          },
          {
            when: { pathIncludes: LIST, nth: 2, times: 2 },
            do: respondWith(bodyOf([])),
          },
        ],
      },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: { status: 'associated', changed: 'true' },
    });
    expect(activeRecords(run)).toHaveLength(1);
    expect(run.polls.slice(0, 2).map(({ status }) => status)).toEqual([
      404, 404,
    ]);
    for (const poll of run.polls.slice(0, 2)) {
      const next = run.requests[run.requests.indexOf(poll) + 1];
      expect(next && kindOf(next)).toBe('GET /recipients');
    }
    expect(run.posts).toHaveLength(1);
  });

  it('does not count as done because the reply to the POST says associated', async () => {
    const reply = {
      id: RECORD,
      account_id: RECIPIENT,
      association_status: 'associated',
      created: '2026-01-01T00:00:00Z',
      modified: '2026-01-01T00:00:00Z',
    };
    const run = await runScenario({
      api: {
        newId: () => RECORD,
        timeline: { associateMs: 'never', errors: [{ ...ENTITLEMENT }] },
        faults: [
          {
            when: { method: 'POST' },
            do: { ...respondWith(bodyOf(reply), 201), commit: true },
          },
        ],
      },
    });
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { 'recipient-id': RECORD },
    });
    expect(run.errors[0]?.message).toContain(ENTITLEMENT.error);
    expect(run.polls.length).toBeGreaterThan(0);
  });
});

// What else may be there is in many-accounts.test.ts.
describe.concurrent('an account that is in the list already', () => {
  const others = accounts(249).map((accountId) => ({
    accountId,
    status: 'associated',
  }));
  const mine = { accountId: RECIPIENT, id: RECORD, status: 'associated' };

  it('is adopted with one request and without an annotation, as the last of 250 records', async () => {
    const run = await runScenario({ recipients: [...others, mine] });
    expect(run).toMatchObject({
      exitCode: 0,
      posts: [],
      deletes: [],
      polls: [],
      annotations: [],
      outputs: {
        'recipient-id': RECORD,
        status: 'associated',
        changed: 'false',
      },
    });
    expect(run.lists.map(({ query }) => query)).toEqual([LIST_QUERY]);
    expect(run.stdout).toContain(
      `${RECIPIENT} = already associated: no change`,
    );
  });

  it('may get access again under the ID of its removed record, with stale reads and a lost reply', async () => {
    const before = {
      id: RECORD,
      account_id: RECIPIENT,
      association_status: 'disassociated',
      created: '2026-01-01T00:00:00Z',
      modified: '2026-01-02T00:00:00Z',
    };
    const run = await runScenario({
      api: {
        reuseRecords: true,
        faults: [
          { when: { method: 'POST' }, do: { kind: 'reset', commit: true } },
          {
            when: { pathIncludes: LIST, times: 4 },
            do: respondWith(bodyOf([before])),
          },
        ],
      },
      recipients: [{ ...mine, status: 'disassociated' }],
    });
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: {
        'recipient-id': RECORD,
        status: 'associated',
        changed: 'true',
      },
    });
    expect(run.posts).toHaveLength(1);
    expect(run.records).toHaveLength(1);
  });

  it('is added after its removal has ended when it is being removed', async () => {
    const run = await runScenario({
      recipients: [
        { ...mine, status: 'disassociating', settle: { disassociateReads: 1 } },
      ],
    });
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: { status: 'associated', changed: 'true' },
    });
    expect(run.posts).toHaveLength(1);
    const removed = run.records.find(({ id }) => id === RECORD);
    expect(run.posts[0]?.at).toBeGreaterThanOrEqual(
      Date.parse(removed?.modified ?? ''),
    );
    expect(run.outputs['recipient-id']).not.toBe(RECORD);
  });

  it('fails with a terminal resource error although it is associated', async () => {
    const run = await runScenario({
      recipients: [{ ...mine, resources: [{ ...ENTITLEMENT }] }],
    });
    expect(run).toMatchObject({
      exitCode: 1,
      posts: [],
      outputs: { 'recipient-id': RECORD, changed: 'false' },
    });
    expect(run.errors[0]?.message).toContain(
      `gateway-policy ${POLICY}: ${ENTITLEMENT.error}`,
    );
  });

  it('uses the older of two active records, with one warning that names the other', async () => {
    const [older, newer] = [Date.now() - 90_000_000, Date.now() - 80_000_000];
    const run = await runScenario({
      recipients: [
        {
          accountId: RECIPIENT,
          id: 'newer',
          status: 'associated',
          created: newer,
        },
        {
          accountId: RECIPIENT,
          id: 'older',
          status: 'associated',
          created: older,
        },
      ],
    });
    expect(run).toMatchObject({
      exitCode: 0,
      posts: [],
      deletes: [],
      outputs: { 'recipient-id': 'older' },
    });
    expect(run.annotations).toHaveLength(1);
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
  const nine = accounts(9);

  it('are posted at most four at a time, and polled with one list', async () => {
    const delayMs = 600;
    const run = await runScenario({
      api: {
        faults: [{ when: { method: 'POST' }, do: { kind: 'slow', delayMs } }],
      },
      inputs: { 'recipient-account-id': nine.join('\n') },
    });
    expect(run.exitCode).toBe(0);
    expect(run.posts.map(accountIn).sort()).toEqual(nine);
    const at = run.posts.map((post) => post.at);
    expect(at.slice(4).every((ms, n) => ms - (at[n] ?? 0) >= delayMs - 5)).toBe(
      true,
    );
    expect(run.polls).toEqual([]);
    expect(run.lists.length).toBeLessThanOrEqual(4);
    for (const list of run.lists) expect(list.query).toEqual(LIST_QUERY);
    expect(run.connections).toBeLessThanOrEqual(4);
    const ids = run.recipients.map((one) => one['recipient_id']);
    expect(run.outputs['recipient-id']).toBe(ids.join('\n'));
    expect(ids).toEqual(nine.map((id) => activeRecords(run, id)[0]?.id));
    expect(run.outputs).toMatchObject({
      status: 'associated',
      changed: 'true',
    });
  });

  it('with different statuses have the status mixed', async () => {
    const run = await runScenario({
      api: { timelines: { [account(1)]: { associateMs: 'never' } } },
      recipients: [{ accountId: account(0), id: RECORD, status: 'associated' }],
      inputs: {
        'recipient-account-id': nine.slice(0, 3).join(' '),
        timeout: '10s',
      },
    });
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { status: 'mixed', changed: 'true' },
    });
    expect(run.recipients).toMatchObject([
      {
        account_id: account(0),
        recipient_id: RECORD,
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
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.message).toContain(account(1));
    expect(run.errors[0]?.message).not.toContain(account(2));
  });
});
