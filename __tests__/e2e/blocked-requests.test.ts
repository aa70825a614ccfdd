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
  RECIPIENT,
  RECORD,
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
  it.concurrent.each([400, 403, 404, 405])(
    'is read again: HTTP %i with a page',
    async (status) => {
      expectAdded(await runWithFault(page(status), { times: 2 }));
    },
  );

  it.concurrent.each([403, 404])(
    'is reported with the title of the page and cf-ray: HTTP %i',
    async (status) => {
      const run = await runWithFault(page(status), {
        inputs: { timeout: '8s' },
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
            new RegExp(
              `^page "Attention Required! \\| Cloudflare"\\..*HTTP ${status}, cf-ray 8f1e`,
            ),
          ),
        },
      ]);
    },
  );

  it('by something other than Cloudflare is reported so', async () => {
    const run = await runWithFault(
      {
        kind: 'response',
        status: 403,
        body: { text: 'Forbidden by policy' },
        headers: { 'cf-ray': '' },
      },
      { inputs: { timeout: '8s' } },
    );
    expect(run.errors).toMatchObject([
      {
        title: 'Request blocked before the API',
        message: expect.stringContaining('not from Cloudflare'),
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

  it('and was a DELETE is sent again', async () => {
    const run = await runScenario({
      api: { faults: [{ when: { method: 'DELETE', nth: 1 }, do: page(403) }] },
      recipients: [{ accountId: RECIPIENT, id: RECORD, status: 'associated' }],
      inputs: { state: 'absent' },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: { status: 'disassociated', changed: 'true' },
    });
    expect(run.deletes).toHaveLength(2);
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

it('a 403 that holds only a word is not treated as a rejection of the credentials', async () => {
  const run = await runWithFault(respondWith('"blocked"', 403), { times: 1 });
  expectAdded(run);
});
