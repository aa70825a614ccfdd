import { describe, expect, it } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import {
  accounts,
  respondWith,
  runScenario,
  runWithFault,
} from './scenario.ts';

const POST = { method: 'POST' };

function rejectedWith(
  status: number,
  errors: object[],
  messages: unknown[] = [],
): Fault {
  return respondWith(
    JSON.stringify({ success: false, errors, messages, result: null }),
    status,
  );
}

/** As published for a token that is not well formed. */
const MALFORMED_TOKEN = {
  code: 6003,
  message: 'Invalid request headers',
  error_chain: [
    { code: 6111, message: 'Invalid format for Authorization header' },
  ],
};

describe.concurrent('credentials that Cloudflare rejects', () => {
  it.concurrent.each<[number, number, string]>([
    [400, 9106, 'Missing X-Auth-Key, X-Auth-Email or Authorization headers'],
    [403, 9109, 'Invalid access token'],
    [400, 10000, 'Authentication error'],
    [401, 10001, 'Unable to authenticate request'],
    [403, 10405, 'Method not allowed for this authentication scheme'],
  ])(
    'end the run with the first list: HTTP %i with code %i',
    async (status, code, message) => {
      const run = await runWithFault(rejectedWith(status, [{ code, message }]));
      expect(run).toMatchObject({
        exitCode: 1,
        posts: [],
        outputs: { status: 'unknown', changed: 'false' },
      });
      expect(run.lists).toHaveLength(1);
      expect(run.errors).toMatchObject([
        {
          title: 'Authentication failed',
          message: expect.stringMatching(`^${code} ${message}\\.`),
        },
      ]);
    },
  );

  it('are explained by the chain of causes and by the messages', async () => {
    const run = await runWithFault(
      rejectedWith(
        400,
        [MALFORMED_TOKEN],
        ['Use Bearer', { code: 1, message: 'See the docs' }],
      ),
    );
    expect(run).toMatchObject({ exitCode: 1, posts: [] });
    expect(run.errors).toMatchObject([{ title: 'Authentication failed' }]);
    expect(run.errors[0]?.message).toContain(
      '6111 Invalid format for Authorization header',
    );
    expect(run.errors[0]?.message).toContain('Use Bearer; 1 See the docs');
    expect(run.errors[0]?.message).not.toContain('Organization');
  });

  it.concurrent.each<[string, Fault]>([
    ['400 with code 6003', rejectedWith(400, [MALFORMED_TOKEN])],
    [
      '403 with code 9109',
      rejectedWith(403, [{ code: 9109, message: 'Invalid access token' }]),
    ],
    ['403 without a code', respondWith('{"success":false,"errors":[]}', 403)],
  ])('for writes send no more of them: %s', async (_, fault) => {
    const run = await runScenario({
      api: { faults: [{ when: POST, do: fault }] },
      inputs: { 'recipient-account-id': accounts(12).join(' ') },
    });
    expect(run).toMatchObject({
      exitCode: 1,
      records: [],
      outputs: { changed: 'false' },
    });
    // Four are sent at a time.
    expect(run.posts.length).toBeLessThanOrEqual(4);
    expect(run.errors.map(({ title }) => title)).toEqual([
      'Authentication failed',
      'Stopped after authentication failure',
    ]);
  });
});

it.concurrent.each([400, 404])(
  'a wrong account or address is named as such: HTTP %i',
  async (status) => {
    const noRoute = {
      code: 7003,
      message:
        'Could not route to /accounts/1/shares, perhaps your ID is invalid?',
    };
    const run = await runWithFault(rejectedWith(status, [noRoute]));
    expect(run).toMatchObject({ exitCode: 1, posts: [] });
    expect(run.errors).toMatchObject([
      {
        title: 'Share or account not found',
        message: expect.stringContaining('7003 Could not route'),
      },
    ]);
  },
);
