import { describe, expect, it } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { expectAdded } from './expectations.ts';
import {
  account,
  accounts,
  activeRecords,
  LIST,
  ONE_RECORD,
  RECIPIENT,
  respondWith,
  runScenario,
  runWithFault,
  SHARE_ONLY,
  TOKEN,
} from './scenario.ts';

const POST = { method: 'POST' };
/** Node hands the connection over, and with it the request. */
const UPGRADE: Fault = {
  kind: 'response',
  status: 101,
  body: 'empty',
  headers: { connection: 'upgrade', upgrade: 'websocket' },
};

/** As a public report has it: it looks like an authentication failure. */
const UNSTABLE: Fault = {
  kind: 'response',
  status: 403,
  code: 10001,
  message: 'internal error, please try again',
};

describe.concurrent('a response that a retry cannot change is not requested again', () => {
  it.concurrent.each<[string, Fault]>([
    ['400', { kind: 'response', status: 400 }],
    [
      '403',
      {
        kind: 'response',
        status: 403,
        code: 10000,
        message: 'Authentication error',
      },
    ],
    [
      '404',
      { kind: 'response', status: 404, code: 1004, message: 'Not found' },
    ],
    ['501', { kind: 'response', status: 501, body: 'json' }],
    [
      '429 that says retryable: false',
      {
        kind: 'response',
        status: 429,
        body: 'rfc9457',
        problem: { retryable: false },
      },
    ],
    [
      '525 that says retryable: false',
      { kind: 'response', status: 525, body: 'rfc9457' },
    ],
  ])('%s', async (name, fault) => {
    const run = await runWithFault(fault);
    expect(run).toMatchObject({
      exitCode: 1,
      posts: [],
      outputs: { 'recipient-id': '', status: 'unknown', changed: 'false' },
    });
    expect(run.lists).toHaveLength(1);
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.message).toMatch(
      new RegExp(
        `GET …/recipients, HTTP ${name.slice(0, 3)}, cf-ray 8f1e[0-9a-f]{12}-SIM\\.`,
      ),
    );
    expect(run.stdout).not.toContain('retrying');
  });

  it('403 for a POST after a list was read: the credentials can only read', async () => {
    const run = await runScenario({
      api: { tokens: [], readOnlyTokens: [TOKEN] },
    });
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { status: 'disassociated', changed: 'false' },
    });
    expect(run.posts).toHaveLength(1);
    expect(run.errors).toMatchObject([
      {
        title: 'Credentials can only read',
        message: expect.stringMatching(
          /^Authentication error \(code 10000\)\..*api-email.*HTTP 403/,
        ),
      },
    ]);
  });

  it('501 for a POST', async () => {
    const run = await runScenario({
      api: { faults: [{ when: POST, do: { kind: 'response', status: 501 } }] },
    });
    expect(run.exitCode).toBe(1);
    expect(run.posts).toHaveLength(1);
  });

  it('a POST that is rejected, shown with what Cloudflare said', async () => {
    const rejected = {
      status: 400,
      code: 1017,
      message: 'Recipient is not in the organization of the share',
    };
    const run = await runScenario({
      api: { rejectAccounts: { [RECIPIENT]: rejected } },
    });
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { status: 'disassociated', changed: 'false' },
    });
    expect(run.posts).toHaveLength(1);
    expect(run.errors[0]?.message).toMatch(
      /^Recipient is not in the organization of the share \(code 1017\)\..*POST …\/recipients, HTTP 400/,
    );
  });
});

describe.concurrent('a read that fails for a moment is retried, and logged once', () => {
  it.concurrent.each<[string, Fault]>([
    ['408', { kind: 'response', status: 408 }],
    ['409', { kind: 'response', status: 409 }],
    ['500', { kind: 'response', status: 500, body: 'json' }],
    [
      '403 in HTML, as from a firewall',
      { kind: 'response', status: 403, body: 'html' },
    ],
    [
      '520 as a problem object',
      {
        kind: 'response',
        status: 520,
        body: 'rfc9457',
        problem: { retry_after: 1 },
      },
    ],
    ['525 in HTML', { kind: 'response', status: 525, body: 'html' }],
    ['503 without a body', { kind: 'response', status: 503, body: 'empty' }],
    ['200 that cannot be read', { kind: 'unreadable' }],
    ['code 10001', UNSTABLE],
    ['a reset', { kind: 'reset' }],
    ['a truncated response', { kind: 'truncate' }],
    ['a change of protocol', UPGRADE],
  ])('%s', async (_, fault) => {
    const run = await runWithFault(fault, { times: 2 });
    expectAdded(run);
    expect(run.lists).toHaveLength(3);
    expect(run.stdout.match(/retrying in/g)).toHaveLength(1);
    expect(run.stdout).toMatch(/Result: .*, 2 of them retries/);
    expect(run.stdout).not.toContain('<');
  });

  it.concurrent.each<[string, Fault]>([
    ['400 in HTML', { kind: 'response', status: 400, body: 'html' }],
    ['500', { kind: 'response', status: 500, body: 'json' }],
    ['525', { kind: 'response', status: 525, body: 'html' }],
    ['code 10001', UNSTABLE],
  ])('even a poll: %s', async (_, fault) => {
    const run = await runWithFault(fault, { path: ONE_RECORD, times: 2 });
    expectAdded(run);
    expect(run.stdout.match(/retrying in/g)).toHaveLength(1);
  });

  it('but not the read of the share, which only shows its name', async () => {
    const busy: Fault = {
      kind: 'response',
      status: 503,
      headers: { 'retry-after': '25' },
    };
    const run = await runWithFault(busy, { path: SHARE_ONLY });
    expectAdded(run);
    // It did not wait for what the share asked for.
    expect(run.ms).toBeLessThan(25_000);
    expect(run.stdout).not.toContain('retrying');
    expect(
      run.requests.filter(({ path }) => SHARE_ONLY.test(path)),
    ).toHaveLength(1);
  });
});

describe.concurrent('a read that fails to the end', () => {
  it('names the cause of a connection that is rejected', async () => {
    const run = await runScenario({
      inputs: { 'api-url': 'http://127.0.0.1:9/client/v4', timeout: '5s' },
    });
    expect(run.exitCode).toBe(1);
    expect(run.errors).toMatchObject([
      {
        title: 'Connection to Cloudflare failed',
        message: expect.stringMatching(
          /^connect ECONNREFUSED 127\.0\.0\.1:9\..*GET …\/recipients/,
        ),
      },
    ]);
    expect(run.stdout.match(/retrying in/g)).toHaveLength(1);
    expect(run.outputs).toMatchObject({
      'recipient-id': '',
      status: 'unknown',
      changed: 'false',
    });
    expect(run.recipients).toMatchObject([
      { account_id: RECIPIENT, error: expect.stringContaining('ECONNREFUSED') },
    ]);
  });

  it('ends at the timeout of the step when the list hangs, and does not speak of writes', async () => {
    const run = await runWithFault(
      { kind: 'hang' },
      { inputs: { timeout: '5s' } },
    );
    expect(run).toMatchObject({ exitCode: 1, posts: [] });
    expect(run.stdout).not.toMatch(/may have been carried out|last write/);
    expect(run.ms).toBeLessThan(40_000);
    expect(run.errors).toMatchObject([
      {
        title: 'Timed out',
        message: expect.stringContaining('no response before the step ended'),
      },
    ]);
  });

  it('ends at the timeout of the step when polls hang, with the recipient ID in the outputs', async () => {
    const run = await runWithFault(
      { kind: 'hang' },
      { path: ONE_RECORD, inputs: { timeout: '5s' } },
    );
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { status: 'associating', changed: 'true' },
    });
    expect(run.outputs['recipient-id']).toBe(activeRecords(run)[0]?.id);
    expect(run.ms).toBeLessThan(40_000);
    expect(run.errors).toMatchObject([{ title: 'Timed out' }]);
  });

  it.concurrent.each<[string, RegExp, Fault]>([
    ['list', LIST, { kind: 'response', status: 503 }],
    ['poll', ONE_RECORD, { kind: 'hang' }],
  ])(
    'does not claim that Cloudflare asked to wait when a %s ends at the timeout',
    async (_, path, fault) => {
      const run = await runWithFault(fault, {
        path,
        inputs: { timeout: '5s' },
      });
      expect(run.exitCode).toBe(1);
      expect(run.errors[0]?.message).not.toContain('asks to wait');
    },
  );

  it('shows the title of an HTML page and no markup', async () => {
    const run = await runWithFault(
      { kind: 'response', status: 502, body: 'html' },
      { inputs: { timeout: '5s' } },
    );
    expect(run.exitCode).toBe(1);
    expect(run.errors[0]?.message).toMatch(/^page "502 error"\..*HTTP 502/);
    expect(run.stdout).not.toContain('<');
  });

  it('shows what a problem object says', async () => {
    const run = await runWithFault(
      {
        kind: 'response',
        status: 504,
        body: 'rfc9457',
        problem: { retry_after: 0 },
      },
      { inputs: { timeout: '5s' } },
    );
    expect(run.exitCode).toBe(1);
    expect(run.errors[0]?.message).toMatch(
      /^Error 504: The origin web server did not give.*\(code 504\).*HTTP 504/,
    );
  });

  it('is reported as a blocked request when a firewall responds', async () => {
    const run = await runWithFault(
      { kind: 'response', status: 403, body: 'html' },
      { inputs: { timeout: '5s' } },
    );
    expect(run).toMatchObject({ exitCode: 1, posts: [] });
    expect(run.errors).toMatchObject([
      {
        title: 'Request blocked before the API',
        message: expect.stringMatching(/^page "403 error".*cf-ray 8f1e/),
      },
    ]);
    expect(run.lists.length).toBeGreaterThan(1);
  });
});

describe.concurrent('a redirect is not followed', () => {
  it.concurrent.each([301, 307])('%i of a list', async (status) => {
    const run = await runWithFault({
      kind: 'redirect',
      status,
      to: '/client/v4/elsewhere',
    });
    expect(run).toMatchObject({ exitCode: 1, posts: [] });
    expect(run.lists).toHaveLength(1);
    expect(
      run.requests.filter(({ path }) => path.includes('elsewhere')),
    ).toEqual([]);
    expect(run.errors[0]?.message).toContain(
      'redirect to /client/v4/elsewhere',
    );
  });

  it('307 of a POST', async () => {
    const fault: Fault = { kind: 'redirect', to: '/client/v4/elsewhere' };
    const run = await runScenario({
      api: { faults: [{ when: POST, do: fault }] },
    });
    expect(run).toMatchObject({ exitCode: 1, outputs: { changed: 'false' } });
    expect(run.posts).toHaveLength(1);
    expect(
      run.requests.filter(({ path }) => path.includes('elsewhere')),
    ).toEqual([]);
  });
});

describe.concurrent('code 10001 for a write', () => {
  it('rejects that account, and stops no other', async () => {
    const run = await runScenario({
      api: {
        rejectAccounts: {
          [account(0)]: {
            status: 403,
            code: 10001,
            message: 'internal error, please try again',
          },
        },
      },
      inputs: { 'recipient-account-id': accounts(9).join() },
    });
    expect(run).toMatchObject({ exitCode: 1, outputs: { status: 'mixed' } });
    expect(run.posts).toHaveLength(9);
    expect(run.records).toHaveLength(8);
    expect(run.recipients.map(({ error }) => error !== null)).toEqual([
      true,
      ...Array(8).fill(false),
    ]);
    expect(run.errors[0]?.message).toMatch(/code 10001.*often temporary/);
  });

  it('rejects a removal, and stops no other', async () => {
    const run = await runScenario({
      recipients: accounts(6).map((accountId) => ({
        accountId,
        id: accountId,
        status: 'associated',
      })),
      api: {
        faults: [
          {
            when: { method: 'DELETE', pathIncludes: account(0) },
            do: UNSTABLE,
          },
        ],
      },
      inputs: {
        'recipient-account-id': accounts(6).join(),
        state: 'absent',
      },
    });
    expect(run.exitCode).toBe(1);
    expect(run.recipients.map(({ status }) => status)).toEqual([
      'associated',
      ...Array(5).fill('disassociated'),
    ]);
  });
});

describe.concurrent('a write that the edge could not hand on', () => {
  it.concurrent.each([525, 526])(
    'was not processed, and is sent again after the next list: %i',
    async (status) => {
      const run = await runScenario({
        api: {
          faults: [
            {
              when: { ...POST, times: 1 },
              do: { kind: 'response', status, body: 'html' },
            },
          ],
        },
      });
      expectAdded(run, 2);
      expect(run.stdout).toMatch(
        /held back until the next list: not processed: .*HTTP 52[56]/,
      );
      // Nothing has to be observed for ten seconds before.
      const [first, second] = run.posts.map(({ at }) => at);
      const between = run.lists.filter(
        ({ at }) => at > (first ?? 0) && at < (second ?? 0),
      );
      expect(between).toHaveLength(1);
    },
  );
});

describe.concurrent('a list that takes longer than other requests may', () => {
  it.concurrent.each([
    ['first', 1],
    ['second', 2],
  ])('is waited for: the %s', async (_, nth) => {
    const run = await runScenario({
      api: {
        faults: [
          {
            when: { pathIncludes: LIST, nth },
            do: { kind: 'slow', delayMs: 11_000 },
          },
        ],
      },
      inputs: { 'recipient-account-id': accounts(2).join() },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      errors: [],
      outputs: { status: 'associated' },
    });
    expect(run.lists).toHaveLength(2);
    expect(run.stdout).not.toContain('retrying');
  });

  it('at a poll says that no complete response came, not that nothing was reached', async () => {
    const run = await runWithFault(
      { kind: 'hang' },
      { path: ONE_RECORD, inputs: { timeout: '16s' } },
    );
    expect(run.exitCode).toBe(1);
    expect(run.errors[0]?.message).toMatch(
      /the last poll failed: connected, but no complete response.*GET …\/recipients\//,
    );
  });
});

describe.concurrent('the page that Cloudflare names for an error', () => {
  function rejectionWith(documentation_url: string): Fault {
    const error = { code: 1017, message: 'No', documentation_url };
    return respondWith(
      JSON.stringify({ success: false, errors: [error], result: null }),
      403,
    );
  }
  const PAGE = 'https://developers.cloudflare.com/organizations/limits/';

  it.concurrent.each([LIST, /recipients$/])(
    'is shown in the annotation and in the summary: %s',
    async (path) => {
      const run = await runWithFault(rejectionWith(PAGE), { path });
      expect(run.exitCode).toBe(1);
      expect(run.errors[0]?.message).toContain(PAGE);
      expect(run.summary).toContain(`<a href="${PAGE}">`);
    },
  );

  it.concurrent.each([
    'https://developers.cloudflare.com.evil.example/x',
    'http://developers.cloudflare.com/x',
    'https://developers.cloudflare.com/"><script>',
  ])('is not shown when it is another one: %s', async (url) => {
    const run = await runWithFault(rejectionWith(url));
    expect(run.exitCode).toBe(1);
    expect(run.errors[0]?.message).not.toContain(url);
    expect(run.summary).not.toMatch(/evil\.example|http:|script/);
  });
});
