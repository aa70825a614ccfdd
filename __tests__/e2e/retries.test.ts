import { describe, expect, it } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { expectAdded } from './expectations.ts';
import {
  account,
  accountIn,
  accounts,
  activeRecords,
  LIST,
  ONE_RECORD,
  RECIPIENT,
  respondWith,
  runScenario,
  runWithFault,
  type Scenario,
  SHARE_ONLY,
  TOKEN,
} from './scenario.ts';

const POST = { method: 'POST' };
/** As a public report has it: it looks like an authentication failure. */
const UNSTABLE: Fault = {
  kind: 'response',
  status: 403,
  code: 10001,
  message: 'internal error, please try again',
};

/** Two reads fail with one of these each, the third succeeds, and so on. */
function everyThirdSucceeds(path: RegExp, failures: readonly Fault[]) {
  return failures.map((fault, n) => ({
    when: { pathIncludes: path, nth: Math.floor(n / 2) * 3 + (n % 2) + 1 },
    do: fault,
  }));
}

// What is permanent, and what is not, is in cloudflare/api-error.test.ts.
describe.concurrent('a response that a retry cannot change is not requested again', () => {
  it.concurrent.each<[number, Fault]>([
    [
      403,
      {
        kind: 'response',
        status: 403,
        code: 10000,
        message: 'Authentication error',
      },
    ],
    // It says retryable: false.
    [525, { kind: 'response', status: 525, body: 'rfc9457' }],
  ])('%i for a list', async (status, fault) => {
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
        `GET …/recipients, HTTP ${status}, cf-ray 8f1e[0-9a-f]{12}-SIM\\.`,
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
});

describe.concurrent('a read that fails for a moment is retried, and logged once', () => {
  it('a list, whatever was wrong', async () => {
    const failures: Fault[] = [
      { kind: 'response', status: 408 },
      { kind: 'response', status: 409 },
      { kind: 'response', status: 500, body: 'json' },
      { kind: 'response', status: 403, body: 'html' },
      { kind: 'response', status: 525, body: 'html' },
      { kind: 'response', status: 503, body: 'empty' },
      { kind: 'unreadable' },
      UNSTABLE,
      { kind: 'reset' },
      { kind: 'truncate' },
    ];
    const run = await runScenario({
      // Two accounts, whose polls are lists.
      inputs: { 'recipient-account-id': accounts(2).join() },
      api: {
        timeline: { associateReads: failures.length },
        faults: everyThirdSucceeds(LIST, failures),
      },
    });
    expect(run).toMatchObject({ exitCode: 0, stderr: '', errors: [] });
    expect(run.posts).toHaveLength(2);
    // One line for each of the five reads that failed twice.
    expect(run.stdout.match(/retrying in/g)).toHaveLength(5);
    expect(run.stdout).toMatch(/Result: .*, 10 of them retries/);
    expect(run.stdout).not.toContain('<');
  });

  it('a poll, whatever was wrong', async () => {
    const failures: Fault[] = [
      { kind: 'response', status: 400, body: 'html' },
      { kind: 'response', status: 500, body: 'json' },
      { kind: 'response', status: 525, body: 'html' },
      UNSTABLE,
    ];
    const run = await runScenario({
      api: {
        timeline: { associateReads: 1 },
        faults: everyThirdSucceeds(ONE_RECORD, failures),
      },
    });
    expectAdded(run);
    expect(run.polls).toHaveLength(6);
    expect(run.stdout.match(/retrying in/g)).toHaveLength(2);
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
      inputs: { 'api-url': 'http://127.0.0.1:9/client/v4', timeout: '10s' },
    });
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { 'recipient-id': '', status: 'unknown', changed: 'false' },
      recipients: [
        {
          account_id: RECIPIENT,
          error: expect.stringContaining('ECONNREFUSED'),
        },
      ],
    });
    expect(run.errors).toMatchObject([
      {
        title: 'Connection to Cloudflare failed',
        message: expect.stringMatching(
          /^connect ECONNREFUSED 127\.0\.0\.1:9\..*GET …\/recipients/,
        ),
      },
    ]);
    expect(run.stdout.match(/retrying in/g)).toHaveLength(1);
  });

  it('ends at the timeout of the step when the list hangs, and does not speak of writes', async () => {
    const run = await runWithFault(
      { kind: 'hang' },
      { inputs: { timeout: '10s' } },
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
      { path: ONE_RECORD, inputs: { timeout: '20s' } },
    );
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { status: 'associating', changed: 'true' },
    });
    expect(run.outputs['recipient-id']).toBe(activeRecords(run)[0]?.id);
    expect(run.ms).toBeLessThan(50_000);
    // Not that nothing was reached, or that Cloudflare asked for it.
    expect(run.errors).toMatchObject([
      {
        title: 'Timed out',
        message: expect.stringMatching(
          /the last poll failed: connected, but no complete response.*GET …\/recipients\//,
        ),
      },
    ]);
    expect(run.errors[0]?.message).not.toContain('asks to wait');
  });

  it('shows the title of an HTML page and no markup, and claims nothing of Cloudflare', async () => {
    const run = await runWithFault(
      { kind: 'response', status: 502, body: 'html' },
      { inputs: { timeout: '10s' } },
    );
    expect(run.exitCode).toBe(1);
    expect(run.errors[0]?.message).toMatch(/^page "502 error"\..*HTTP 502/);
    expect(run.errors[0]?.message).not.toContain('asks to wait');
    expect(run.stdout).not.toContain('<');
  });
});

describe.concurrent('a redirect is not followed', () => {
  const redirect: Fault = { kind: 'redirect', to: '/client/v4/elsewhere' };
  it.concurrent.each<[string, Scenario['api'], number]>([
    [
      '301 of a list',
      {
        faults: [
          { when: { pathIncludes: LIST }, do: { ...redirect, status: 301 } },
        ],
      },
      0,
    ],
    ['307 of a POST', { faults: [{ when: POST, do: redirect }] }, 1],
  ])('%s', async (_, api, posts) => {
    const run = await runScenario({ ...(api && { api }) });
    expect(run).toMatchObject({ exitCode: 1, outputs: { changed: 'false' } });
    expect(run.posts).toHaveLength(posts);
    expect(run.lists).toHaveLength(1 + posts);
    expect(
      run.requests.filter(({ path }) => path.includes('elsewhere')),
    ).toEqual([]);
    expect(run.errors[0]?.message).toContain(
      'redirect to /client/v4/elsewhere',
    );
  });
});

// For a POST, it is in authentication.test.ts.
it.concurrent('code 10001 rejects a removal, and stops no other', async () => {
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
    inputs: { 'recipient-account-id': accounts(6).join(), state: 'absent' },
  });
  expect(run.exitCode).toBe(1);
  expect(run.recipients.map(({ status }) => status)).toEqual([
    'associated',
    ...Array(5).fill('disassociated'),
  ]);
});

it.concurrent('a write that the edge could not hand on was not processed, and is sent again after the next list', async () => {
  const handedBack = [525, 526].map((status, n) => ({
    when: { ...POST, nth: n + 1 },
    do: { kind: 'response', status, body: 'html' } as const,
  }));
  const run = await runScenario({
    api: { faults: handedBack },
    inputs: { 'recipient-account-id': accounts(2).join() },
  });
  expect(run).toMatchObject({ exitCode: 0, errors: [] });
  expect(run.posts.map(accountIn).sort()).toEqual(
    [0, 0, 1, 1].map((n) => account(n)),
  );
  for (const status of [525, 526]) {
    expect(run.stdout).toMatch(
      new RegExp(
        `held back until the next list: not processed: .*HTTP ${status}`,
      ),
    );
  }
  // Nothing has to be observed for ten seconds before.
  const [, second, third] = run.posts.map(({ at }) => at);
  const between = run.lists.filter(
    ({ at }) => at > (second ?? 0) && at < (third ?? 0),
  );
  expect(between).toHaveLength(1);
});

it.concurrent('lists that take longer than other requests may are waited for', async () => {
  const run = await runScenario({
    api: {
      faults: [
        {
          when: { pathIncludes: LIST, times: 2 },
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

// Other addresses are in cloudflare/api-error.test.ts.
it.concurrent('the page that Cloudflare names for an error is in the annotation and in the summary', async () => {
  const page = 'https://developers.cloudflare.com/organizations/limits/';
  const error = { code: 1017, message: 'No', documentation_url: page };
  const body = { success: false, errors: [error], result: null };
  const run = await runWithFault(respondWith(JSON.stringify(body), 403), {
    path: /recipients$/,
  });
  expect(run.exitCode).toBe(1);
  expect(run.errors[0]?.message).toContain(page);
  expect(run.summary).toContain(`<a href="${page}">`);
});
