import { describe, expect, it } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { expectFailure, expectSuccess } from './expectations.ts';
import {
  accounts,
  faultOn,
  HANG,
  LIST,
  RECIPIENT,
  rejection,
  respondWith,
  runScenario,
  runWithFault,
} from './scenario.ts';

// What is permanent, and what is not, is in cloudflare/api-error.test.ts.
it.concurrent('a list is not requested again where a retry cannot change the response', async () => {
  // It says retryable: false.
  const permanent = { kind: 'response', status: 525, body: 'rfc9457' } as const;
  const run = await runWithFault(permanent);
  expectFailure(
    run,
    'Cloudflare API error',
    /GET …\/recipients, HTTP 525, cf-ray 8f1e[0-9a-f]{12}-SIM\./,
  );
  expect(run).toMatchObject({
    posts: [],
    outputs: { 'recipient-id': '', status: 'unknown', changed: 'false' },
  });
  expect(run.lists).toHaveLength(1);
  expect(run.stdout).not.toContain('retrying');
});

it.concurrent('a read that fails for a moment is retried, and logged once, whatever was wrong', async () => {
  const failures: Fault[] = [
    { kind: 'response', status: 408 },
    { kind: 'response', status: 409 },
    { kind: 'response', status: 500, body: 'json' },
    { kind: 'response', status: 403, body: 'html' },
    { kind: 'response', status: 525, body: 'html' },
    { kind: 'response', status: 503, body: 'empty' },
    { kind: 'unreadable' },
    // As a public report has it: it looks like an authentication failure.
    rejection(403, 10001, 'internal error, please try again'),
    { kind: 'reset' },
    { kind: 'truncate' },
  ];
  const run = await runScenario({
    // Two accounts, whose polls are lists.
    targets: accounts(2),
    timeline: { associateReads: failures.length },
    // Two reads fail with one of these each, the third succeeds, and so on.
    faults: failures.map((fault, n) =>
      faultOn(LIST, fault, { nth: Math.floor(n / 2) * 3 + (n % 2) + 1 }),
    ),
  });
  expectSuccess(run);
  expect(run.posts).toHaveLength(2);
  // One line for each of the five reads that failed twice.
  expect(run.stdout.match(/retrying in/g)).toHaveLength(5);
  expect(run.stdout).toMatch(/Result: .*, 10 of them retries/);
  expect(run.stdout).not.toContain('<');
});

describe.concurrent('a read that fails to the end', () => {
  it('names the cause of a connection that is rejected', async () => {
    const run = await runScenario({
      inputs: { 'api-url': 'http://127.0.0.1:9/client/v4', timeout: '10s' },
    });
    expectFailure(
      run,
      'Connection to Cloudflare failed',
      /^connect ECONNREFUSED 127\.0\.0\.1:9\..*GET …\/recipients/,
    );
    expect(run).toMatchObject({
      outputs: { 'recipient-id': '', status: 'unknown', changed: 'false' },
      recipients: [
        {
          account_id: RECIPIENT,
          error: expect.stringContaining('ECONNREFUSED'),
        },
      ],
    });
    expect(run.stdout.match(/retrying in/g)).toHaveLength(1);
  });

  it('ends at the timeout of the step when the list hangs, and does not speak of writes', async () => {
    const run = await runWithFault(HANG, { inputs: { timeout: '10s' } });
    expectFailure(run, 'Timed out', 'no response before the step ended');
    expect(run.posts).toEqual([]);
    expect(run.stdout).not.toMatch(/may have been carried out|last write/);
    expect(run.ms).toBeLessThan(40_000);
  });
});

describe.concurrent('a redirect is not followed', () => {
  it.concurrent.each<[string, RegExp | 'POST', number, number]>([
    ['301 of a list', LIST, 301, 0],
    ['307 of a POST', 'POST', 307, 1],
  ])('%s', async (_, requests, status, posts) => {
    const to = '/client/v4/elsewhere';
    const run = await runScenario({
      faults: [faultOn(requests, { kind: 'redirect', to, status })],
    });
    expect(run).toMatchObject({ exitCode: 1, outputs: { changed: 'false' } });
    expect(run.posts).toHaveLength(posts);
    expect(run.lists).toHaveLength(1 + posts);
    for (const { path } of run.requests) expect(path).not.toContain(to);
    expect(run.errors[0]?.message).toContain(`redirect to ${to}`);
  });
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
