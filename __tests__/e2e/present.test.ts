import { describe, expect, it } from 'vitest';
import type { LoggedRequest } from '../../simulator/api.ts';
import type { FaultRule } from '../../simulator/faults.ts';
import {
  ACCOUNT,
  account,
  ENTITLEMENT,
  liveRows,
  ORGANIZATION,
  POLICY,
  play,
  RECIPIENT,
  RETRYING,
  ROW,
  SHARE,
  start,
  TIMED,
  TOKEN,
} from './stage.ts';

const SHARE_PATH = `/accounts/${ACCOUNT}/shares/${SHARE}`;
const LIST_QUERY = { include_resources: 'true', page: '1', per_page: '100' };
const kindOf = ({ method, path }: LoggedRequest): string =>
  `${method} ${path.replace(SHARE_PATH, '').replace(/\/[^/]{20,}$/, '/ID') || 'share'}`;

describe.concurrent('one recipient', () => {
  it('is listed, posted and polled until it is usable', TIMED, async () => {
    const run = await play({ api: { timeline: { associateMs: 1500 } } });
    const [row] = liveRows(run);
    expect(run).toMatchObject({ exitCode: 0, stderr: '', errors: [] });
    expect(run.outputs).toMatchObject({ 'recipient-id': row?.id, status: 'associated', changed: 'true' });
    expect(run.recipients).toEqual([
      {
        recipient: RECIPIENT,
        type: 'account',
        id: row?.id,
        status: 'associated',
        changed: true,
        error: null,
        resources: [],
        created: row?.created,
        modified: expect.stringMatching(/^20/),
        seconds: expect.any(Number),
      },
    ]);
    expect(Object.keys(run.outputs).sort()).toEqual(['changed', 'recipient-id', 'recipients', 'status']);
    expect(run.summary).toContain('1 account has the share (1 added)');

    const kinds = run.requests.map(kindOf);
    // The share is read at the same time as the list, so either may come first.
    expect(kinds.slice(0, 2)).toContain('GET share');
    const rest = kinds.filter((kind) => kind !== 'GET share');
    expect(rest.slice(0, 2)).toEqual(['GET /recipients', 'POST /recipients']);
    expect(new Set(rest.slice(2))).toEqual(new Set(['GET /recipients/ID']));
    expect(run.lists.map(({ query }) => query)).toEqual([LIST_QUERY]);
    expect(run.posts.map(({ body }) => body)).toEqual([{ recipient_account_id: RECIPIENT }]);
    for (const poll of run.polls) {
      expect(poll.path).toBe(`${SHARE_PATH}/recipients/${row?.id}`);
      expect(poll.query).toEqual({ include_resources: 'true' });
    }
    // The association took 1.5 s; five is what users were promised, start of the process included.
    expect(run.ms).toBeLessThan(5000);
    expect(run.connections).toBeLessThanOrEqual(2);
  });

  it('names itself and the run to Cloudflare, with a token', async () => {
    const run = await play();
    expect(run.requests.length).toBeGreaterThan(3);
    for (const { headers } of run.requests) {
      expect(headers['authorization']).toBe(`Bearer ${TOKEN}`);
      expect(headers).not.toHaveProperty('x-auth-email');
      expect(headers).not.toHaveProperty('x-auth-key');
      expect(headers['user-agent']).toMatch(
        /^cloudflare-share-recipient\/\d+\.\d+\.\d+ \(octo-org\/policies; run 1658821493\)$/,
      );
    }
  });

  it('takes the legacy pair, and says what is better', async () => {
    const [email, key] = ['ops@example.com', 'c2547eb745079dac9320b638f5e225cf483cc5cfdda41'];
    const run = await play({
      api: { keys: [{ email, key }], tokens: [] },
      inputs: { 'api-token': '', 'api-email': email, 'api-key': key },
    });
    expect(run.exitCode).toBe(0);
    for (const { headers } of run.requests) {
      expect(headers).toMatchObject({ 'x-auth-email': email, 'x-auth-key': key });
      expect(headers).not.toHaveProperty('authorization');
    }
    expect(run.annotations).toMatchObject([
      { level: 'warning', message: expect.stringContaining('api-token') },
    ]);
  });

  it('takes account and token from the environment, the token before the pair', async () => {
    const env = {
      CLOUDFLARE_ACCOUNT_ID: ACCOUNT,
      CLOUDFLARE_API_TOKEN: TOKEN,
      CLOUDFLARE_EMAIL: 'ops@example.com',
      CLOUDFLARE_API_KEY: 'c2547eb745079dac9320b638f5e225cf483cc5cfdda41',
    };
    const run = await play({ inputs: { 'account-id': '', 'api-token': '' }, env });
    expect(run.exitCode).toBe(0);
    for (const { headers } of run.requests) expect(headers['authorization']).toBe(`Bearer ${TOKEN}`);
  });

  it('tolerates blanks around inputs', async () => {
    const run = await play({
      inputs: {
        'share-id': ` ${SHARE}\n`,
        'api-token': `${TOKEN}\n`,
        'recipient-account-id': `\n${RECIPIENT}\n`,
      },
    });
    expect(run.exitCode).toBe(0);
    expect(run.posts.map(({ body }) => body)).toEqual([{ recipient_account_id: RECIPIENT }]);
    expect(run.posts[0]?.headers['authorization']).toBe(`Bearer ${TOKEN}`);
  });

  it('goes on when the share itself may not be read', async () => {
    const fault = {
      when: { pathIncludes: new RegExp(`${SHARE}(\\?|$)`) },
      do: { kind: 'answer', status: 403 },
    } as const;
    const run = await play({ api: { faults: [fault] } });
    expect(run).toMatchObject({ exitCode: 0, outputs: { status: 'associated' }, annotations: [] });
    expect(run.stdout).toContain(SHARE);
    expect(run.stdout).not.toContain('Baseline policies');
  });

  it('with wait: false is posted and not polled', async () => {
    const run = await play({ api: { timeline: { associateMs: 'never' } }, inputs: { wait: 'false' } });
    expect(run.exitCode).toBe(0);
    expect(run.outputs).toMatchObject({ status: 'associating', changed: 'true' });
    expect(run.outputs['recipient-id']).toBe(liveRows(run)[0]?.id);
    expect(run.posts).toHaveLength(1);
    expect(run.polls).toEqual([]);
    expect(run.lists).toHaveLength(1);
  });

  it('that never settles ends at the timeout, and nothing is undone', TIMED, async () => {
    const run = await play({ api: { timeline: { associateMs: 'never' } }, inputs: { timeout: '4s' } });
    expect(run.exitCode).toBe(1);
    expect(run.ms).toBeGreaterThanOrEqual(4000);
    expect(run.ms).toBeLessThan(9000);
    const [row] = liveRows(run);
    expect(run.outputs).toMatchObject({ 'recipient-id': row?.id, status: 'associating', changed: 'true' });
    expect(run.recipients).toMatchObject([{ id: row?.id, error: expect.stringContaining('within 4s') }]);
    expect(run.deletes).toEqual([]);
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.message).toMatch(/last seen associating.*Nothing was undone/);
    expect(run.summary).toContain('❌');
  });

  it('is looked for again while reads do not show it yet', async () => {
    const run = await play({
      api: {
        faults: [
          {
            when: { pathIncludes: /recipients\/./, times: 2 },
            do: { kind: 'answer', status: 404, code: 1004 },
          },
        ],
      },
    });
    expect(run).toMatchObject({ exitCode: 0, outputs: { status: 'associated', changed: 'true' } });
    expect(run.polls).toHaveLength(3);
    expect(run.posts).toHaveLength(1);
  });

  it('settles although reads lag writes by three seconds', async () => {
    const run = await play({ api: { listLagMs: 3000 } });
    expect(run).toMatchObject({ exitCode: 0, outputs: { status: 'associated', changed: 'true' } });
    expect(run.polls.some(({ status }) => status === 404)).toBe(true);
    expect(run.posts).toHaveLength(1);
    expect(liveRows(run)).toHaveLength(1);
  });

  it('is not believed to be usable because the reply to the POST says so', async () => {
    const reply = {
      id: ROW,
      account_id: RECIPIENT,
      association_status: 'associated',
      created: '2026-01-01T00:00:00Z',
      modified: '2026-01-01T00:00:00Z',
    };
    const text = JSON.stringify({ success: true, errors: [], messages: [], result: reply });
    const run = await play({
      api: {
        newId: () => ROW,
        timeline: { associateMs: 'never', errors: [{ ...ENTITLEMENT }] },
        faults: [{ when: { method: 'POST' }, do: { kind: 'unreadable', text } }],
      },
    });
    expect(run).toMatchObject({ exitCode: 1, outputs: { 'recipient-id': ROW } });
    expect(run.polls.length).toBeGreaterThan(0);
  });
});

describe.concurrent('a recipient that is there already', () => {
  const others = Array.from({ length: 249 }, (_, n) => ({ accountId: account(n), status: 'associated' }));

  it.concurrent.each<[string, number]>([
    ['first of all', 0],
    ['on page 3 of 250 rows', 220],
  ])('is adopted, %s', async (_, at) => {
    const mine = { accountId: RECIPIENT, id: ROW, status: 'associated' };
    const run = await play({ recipients: others.toSpliced(at, 0, mine) });
    expect(run).toMatchObject({
      exitCode: 0,
      posts: [],
      deletes: [],
      polls: [],
      outputs: { 'recipient-id': ROW, status: 'associated', changed: 'false' },
    });
    expect(run.lists.map(({ query }) => query)).toEqual(
      ['1', '2', '3'].map((page) => ({ ...LIST_QUERY, page })),
    );
    expect(run.annotations).toMatchObject([{ level: 'notice', message: expect.stringContaining(ROW) }]);
  });

  it('and still associating is waited for', async () => {
    const run = await play({
      recipients: [{ accountId: RECIPIENT, id: ROW, status: 'associating', settle: { associateMs: 1200 } }],
    });
    expect(run).toMatchObject({
      exitCode: 0,
      posts: [],
      outputs: { 'recipient-id': ROW, status: 'associated', changed: 'false' },
    });
  });

  it('and was removed long ago is history', async () => {
    const run = await play({
      recipients: [
        { accountId: RECIPIENT, status: 'disassociated' },
        { accountId: RECIPIENT, id: ROW, status: 'disassociated' },
      ],
    });
    expect(run).toMatchObject({ exitCode: 0, outputs: { status: 'associated', changed: 'true' } });
    expect(run.posts).toHaveLength(1);
    expect(run.outputs['recipient-id']).toBe(liveRows(run)[0]?.id);
    expect(run.outputs['recipient-id']).not.toBe(ROW);
  });

  it.concurrent.each<[string, number, FaultRule[]]>([
    ['', 0, []],
    [', and reads lag', 3000, []],
    [
      ', the reply is lost, and reads lag',
      3000,
      [{ when: { method: 'POST' }, do: { kind: 'reset', commit: true } }],
    ],
  ])('and was removed long ago may be taken up again under its id%s', async (_, listLagMs, faults) => {
    const run = await play({
      api: { reuseRows: true, listLagMs, faults },
      recipients: [{ accountId: RECIPIENT, id: ROW, status: 'disassociated' }],
    });
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: { 'recipient-id': ROW, status: 'associated', changed: 'true' },
    });
    expect(run.posts).toHaveLength(1);
    expect(run.api.rows(SHARE)).toHaveLength(1);
  });

  it('and is being removed is waited out, then added anew', async () => {
    const run = await play({
      recipients: [
        { accountId: RECIPIENT, id: ROW, status: 'disassociating', settle: { disassociateMs: 1500 } },
      ],
    });
    expect(run).toMatchObject({ exitCode: 0, outputs: { status: 'associated', changed: 'true' } });
    expect(run.posts).toHaveLength(1);
    const gone = run.api.rows(SHARE).find(({ id }) => id === ROW);
    expect(run.posts[0]?.at).toBeGreaterThanOrEqual(Date.parse(gone?.modified ?? ''));
    expect(run.outputs['recipient-id']).not.toBe(ROW);
  });

  it('and has a terminal error is a failure although it says associated', async () => {
    const run = await play({
      recipients: [{ accountId: RECIPIENT, id: ROW, status: 'associated', resources: [{ ...ENTITLEMENT }] }],
    });
    expect(run).toMatchObject({ exitCode: 1, posts: [], outputs: { 'recipient-id': ROW, changed: 'false' } });
    expect(run.errors[0]?.message).toContain(`gateway-policy ${POLICY}: ${ENTITLEMENT.error}`);
  });

  it('twice is a warning, and the older one is used', async () => {
    const [older, newer] = [Date.now() - 90_000_000, Date.now() - 80_000_000];
    const run = await play({
      recipients: [
        { accountId: RECIPIENT, id: 'newer', status: 'associated', created: newer },
        { accountId: RECIPIENT, id: 'older', status: 'associated', created: older },
      ],
    });
    expect(run).toMatchObject({ exitCode: 0, posts: [], deletes: [], outputs: { 'recipient-id': 'older' } });
    const warnings = run.annotations.filter(({ level }) => level === 'warning');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]?.message).toMatch(/older.*newer/);
    expect(run.summary).toContain('more than one live recipient');
  });
});

describe.concurrent('resources and statuses on the way', () => {
  it.concurrent.each(['associating', 'associated'])(
    'a terminal error counts at once while %s',
    TIMED,
    async (status) => {
      const run = await play({
        api: { timeline: { steps: [{ afterMs: 0, status }], errors: [{ ...ENTITLEMENT, afterMs: 300 }] } },
      });
      expect(run.exitCode).toBe(1);
      expect(run.ms).toBeLessThan(6000);
      expect(run.outputs).toMatchObject({ 'recipient-id': liveRows(run)[0]?.id, status, changed: 'true' });
      expect(run.errors).toHaveLength(1);
      expect(run.errors[0]?.message).toContain(`gateway-policy ${POLICY}: ${ENTITLEMENT.error}`);
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
      expect(run.deletes).toEqual([]);
    },
  );

  it('an error that Cloudflare retries is shown and waited out', async () => {
    const run = await play({
      api: { timeline: { associateMs: 0, errors: [{ ...RETRYING, clearsMs: 2500 }] } },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: { status: 'associated' },
      recipients: [{ resources: [] }],
    });
    expect(run.ms).toBeGreaterThan(2500);
    expect(run.annotations).toMatchObject([
      { level: 'warning', message: expect.stringContaining(RETRYING.error) },
    ]);
  });

  it('an error that Cloudflare still retries at the timeout is named', async () => {
    const run = await play({
      api: { timeline: { associateMs: 0, errors: [RETRYING] } },
      inputs: { timeout: '3s' },
    });
    expect(run).toMatchObject({ exitCode: 1, outputs: { status: 'associated', changed: 'true' } });
    expect(run.errors[0]?.message).toContain(`still retrying gateway-policy ${POLICY}: ${RETRYING.error}`);
  });

  it('entries without an error are healthy, and the list of them may be null', async () => {
    const healthy = [
      { resource_id: POLICY, resource_version: 1, terminal: true, error: '' },
      { resource_id: POLICY, resource_version: 1, terminal: null, error: null },
      { resource_id: POLICY, resource_version: 1 },
    ];
    const run = await play({
      api: {
        timeline: {
          steps: [
            { afterMs: 0, resources: null },
            { afterMs: 1300, status: 'associated', resources: healthy },
          ],
        },
      },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: { status: 'associated' },
      recipients: [{ resources: [] }],
    });
  });

  it('an unknown status is shown and waited out', async () => {
    const run = await play({
      api: {
        timeline: {
          steps: [
            { afterMs: 300, status: 'validating' },
            { afterMs: 1800, status: 'associated' },
          ],
        },
      },
    });
    expect(run).toMatchObject({ exitCode: 0, outputs: { status: 'associated', changed: 'true' } });
    expect(run.stdout).toMatch(/validating after/);
  });

  it.concurrent.each(['disassociating', 'disassociated'])('somebody removed it: %s', async (status) => {
    const run = await play({ api: { timeline: { steps: [{ afterMs: 300, status }] } } });
    expect(run).toMatchObject({ exitCode: 1, outputs: { status, changed: 'true' }, deletes: [] });
    expect(run.errors[0]?.message).toContain('somebody removed it');
    expect(run.posts).toHaveLength(1);
  });
});

describe.concurrent('several recipients', () => {
  const accounts = Array.from({ length: 9 }, (_, n) => account(n));

  it('are posted at most four at a time and looked up in one list a round', TIMED, async () => {
    const delayMs = 600;
    const run = await play({
      api: { faults: [{ when: { method: 'POST' }, do: { kind: 'slow', delayMs } }] },
      inputs: { 'recipient-account-id': accounts.join('\n') },
    });
    expect(run.exitCode).toBe(0);
    const posted = run.posts.map(({ body }) => (body as Record<string, unknown>)['recipient_account_id']);
    expect(posted.sort()).toEqual(accounts);
    const at = run.posts.map((post) => post.at);
    expect(at.slice(4).every((ms, n) => ms - (at[n] ?? 0) >= delayMs - 5)).toBe(true);
    expect((at[3] ?? 0) - (at[0] ?? 0)).toBeLessThan(delayMs);
    expect(run.polls).toEqual([]);
    expect(run.lists.length).toBeLessThanOrEqual(4);
    for (const list of run.lists) expect(list.query).toEqual(LIST_QUERY);
    expect(run.connections).toBeLessThanOrEqual(4);
    const ids = run.recipients.map((one) => one['id']);
    expect(run.outputs['recipient-id']).toBe(ids.join('\n'));
    expect(ids).toEqual(accounts.map((id) => liveRows(run, id)[0]?.id));
    expect(run.outputs).toMatchObject({ status: 'associated', changed: 'true' });
  });

  it('in several states have the status mixed', TIMED, async () => {
    const run = await play({
      api: { timelines: { [account(1)]: { associateMs: 'never' } } },
      recipients: [{ accountId: account(0), id: ROW, status: 'associated' }],
      inputs: { 'recipient-account-id': accounts.slice(0, 3).join(' '), timeout: '4s' },
    });
    expect(run).toMatchObject({ exitCode: 1, outputs: { status: 'mixed', changed: 'true' } });
    expect(run.recipients).toMatchObject([
      { recipient: account(0), id: ROW, status: 'associated', changed: false, error: null },
      { recipient: account(1), status: 'associating', changed: true, error: expect.stringContaining('4s') },
      { recipient: account(2), status: 'associated', changed: true, error: null },
    ]);
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.message).toContain(account(1));
    expect(run.errors[0]?.message).not.toContain(account(2));
  });
});

describe.concurrent('an organization', () => {
  const inputs = { 'recipient-account-id': '', 'organization-id': ORGANIZATION };

  it.concurrent.each(['account_id', 'organization_id', 'neither'] as const)(
    'is posted with exactly one member, its row showing it as %s',
    async (organizationRows) => {
      const run = await play({ api: { organizationRows }, inputs });
      expect(run).toMatchObject({ exitCode: 0, outputs: { status: 'associated', changed: 'true' } });
      expect(run.posts.map(({ body }) => body)).toEqual([{ organization_id: ORGANIZATION }]);
      expect(run.api.wholeOrganizationPosts).toEqual([]);
      expect(run.recipients).toMatchObject([{ recipient: ORGANIZATION, type: 'organization' }]);
    },
  );

  it.concurrent.each(['account_id', 'organization_id'] as const)(
    'is adopted, known by %s',
    async (organizationRows) => {
      const run = await play({
        api: { organizationRows },
        recipients: [{ organizationId: ORGANIZATION, id: ROW, status: 'associated' }],
        inputs,
      });
      expect(run).toMatchObject({
        exitCode: 0,
        posts: [],
        outputs: { 'recipient-id': ROW, changed: 'false' },
      });
    },
  );

  it('whose row cannot be recognised is posted, and the log says that an earlier one could not be looked for', async () => {
    const run = await play({
      api: { organizationRows: 'neither', duplicates: 'accept' },
      recipients: [{ organizationId: ORGANIZATION, id: ROW, status: 'associated' }],
      inputs,
    });
    expect(run.posts).toHaveLength(1);
    expect(run.stdout).toMatch(/organization.*could not be looked for/i);
  });
});

it('outputs that cannot be written fail the step, after everything else was done', async () => {
  const run = await play({ env: { GITHUB_OUTPUT: '/nowhere/output' } });
  expect(run).toMatchObject({ exitCode: 1, signal: null, stderr: '' });
  expect(run.errors).toMatchObject([
    {
      title: 'The outputs could not be written',
      message: expect.stringMatching(/recipient-id.*\/nowhere\/output/),
    },
  ]);
  expect(liveRows(run)).toMatchObject([{ association_status: 'associated' }]);
  expect(run.summary).toContain('1 account has the share');
});

it('a log that nobody reads any more does not end the run', async () => {
  const run = await start({ api: { timeline: { associateMs: 1500 } } });
  await run.saw('POST', /recipients$/);
  run.child.stdout?.destroy();
  const { exitCode, signal, outputs, summary } = await run.finished;
  expect({ exitCode, signal }).toEqual({ exitCode: 0, signal: null });
  expect(outputs).toMatchObject({ status: 'associated', changed: 'true' });
  expect(summary).toContain('1 account has the share');
});

it('an id is in the outputs as soon as it is known', async () => {
  const run = await start({ api: { timeline: { associateMs: 'never' } } });
  await run.saw('GET', /recipients\/./);
  // Nobody can catch this: what is in the file is what was written before.
  run.child.kill('SIGKILL');
  const { signal, outputs, api } = await run.finished;
  expect(signal).toBe('SIGKILL');
  expect(outputs['recipient-id']).toBe(api.rows(SHARE)[0]?.id);
  expect(outputs).toMatchObject({ status: 'associating', changed: 'true' });
});
