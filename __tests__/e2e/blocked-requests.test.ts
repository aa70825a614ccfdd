/**
 * Pages of a firewall or a proxy in place of the API's responses. Nothing shows
 * whether the API got the request.
 */
import { describe, expect, it } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { expectAdded } from './expectations.ts';
import {
  account,
  accounts,
  activeRecords,
  respondWith,
  runScenario,
  runWithFault,
} from './scenario.ts';

const POST = { method: 'POST' };
const page = (status: number, more?: Partial<Fault>): Fault =>
  ({
    kind: 'response',
    status,
    body: {
      text: '<!DOCTYPE html><title>Attention Required! | Cloudflare</title>',
      type: 'text/html',
    },
    ...more,
  }) as Fault;

describe.concurrent('a request that is blocked', () => {
  it('is read again', async () => {
    expectAdded(await runWithFault(page(400), { times: 2 }));
  });

  it('is reported with the title of the page and cf-ray', async () => {
    const run = await runWithFault(page(403), {
      inputs: { timeout: '10s' },
    });
    expect(run).toMatchObject({
      exitCode: 1,
      posts: [],
      outputs: { status: 'unknown' },
    });
    expect(run.errors).toMatchObject([
      {
        title: 'Request blocked before the API',
        message: expect.stringMatching(
          /^page "Attention Required! \| Cloudflare"\..*HTTP 403, cf-ray 8f1e/,
        ),
      },
    ]);
  });

  it('and was a POST is sent again once lists show that nothing came of it', async () => {
    const run = await runScenario({
      api: { faults: [{ when: { ...POST, nth: 1 }, do: page(403) }] },
    });
    expectAdded(run, 2);
  });

  it('and was a POST is not sent again where the API got it all the same', async () => {
    const run = await runScenario({
      api: {
        faults: [
          { when: { ...POST, nth: 1 }, do: page(403, { commit: true }) },
        ],
      },
    });
    expectAdded(run, 1);
  });

  it('for one account of many does not affect the others', async () => {
    const run = await runScenario({
      api: {
        fault: ({ method, body }) =>
          method === 'POST' && body.includes(account(1))
            ? page(403)
            : undefined,
      },
      inputs: { 'recipient-account-id': accounts(6).join(' '), timeout: '15s' },
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
      run.recipients.filter((one) => one['status'] === 'associated'),
    ).toHaveLength(5);
  });
});

/** As a proxy or firewall of a company sends it, not Cloudflare. */
const without = (status: number, text: string, type: string): Fault => ({
  kind: 'response',
  status,
  body: { text, type },
  withoutRay: true,
});

describe.concurrent('a response that is not from Cloudflare', () => {
  it.concurrent.each<[string, Fault, RegExp]>([
    [
      'a captive portal with HTTP 511',
      without(511, '<title>Sign in to the network</title>', 'text/html'),
      /^page "Sign in to the network"\. /,
    ],
    [
      'a gateway with JSON and HTTP 403',
      without(403, '{"message": "Forbidden"}', 'application/json'),
      /^Forbidden\. /,
    ],
  ])('is not reported as one: %s', async (_, fault, reason) => {
    const run = await runWithFault(fault, { inputs: { timeout: '10s' } });
    expect(run).toMatchObject({ exitCode: 1, posts: [] });
    expect(run.errors).toMatchObject([
      {
        title: 'Request blocked before the API',
        message: expect.stringMatching(reason),
      },
    ]);
    expect(run.errors[0]?.message).toContain('not from Cloudflare (no cf-ray)');
    expect(run.stdout + run.summary).not.toContain('cloudflarestatus');
  });
});

// Every form is in cloudflare/response-text.test.ts.
describe.concurrent('the reason of a response that is no envelope', () => {
  it.concurrent.each<[string, string, string]>([
    ['error code: 1010', 'text/plain', 'error code: 1010'],
    [
      '<body><h1>Sorry, you have been <b>blocked</b></h1></body>',
      'text/html',
      'page "Sorry, you have been blocked"',
    ],
  ])('is shown: %s', async (text, type, reason) => {
    const run = await runWithFault(
      { kind: 'response', status: 403, body: { text, type } },
      { inputs: { timeout: '10s' } },
    );
    expect(run.exitCode).toBe(1);
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.message.replace(/ +/g, ' ')).toContain(`${reason}. `);
    expect(run.errors[0]?.message).not.toContain('without a reason');
    expect(run.recipients).toMatchObject([
      { error: expect.stringContaining(reason.slice(0, 16)) },
    ]);
  });
});

it('a 403 that holds only a word is not treated as a rejection of the credentials', async () => {
  const run = await runWithFault(respondWith('"blocked"', 403), { times: 1 });
  expectAdded(run);
});
