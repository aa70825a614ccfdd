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

// Every code is in cloudflare/api-error.test.ts, all advice in
// report/failure-guide.test.ts.
describe.concurrent('credentials that Cloudflare rejects', () => {
  it.concurrent.each<[number, number, string]>([
    [403, 9109, 'Invalid access token'],
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
          message: expect.stringContaining(`${message} (code ${code}). `),
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
    expect(run.errors[0]?.message).toMatch(
      /^Invalid request headers \(code 6003\): Invalid format for Authorization header \(code 6111\); Use Bearer; See the docs \(code 1\)\. /,
    );
    expect(run.errors[0]?.message).not.toContain('Organization');
  });

  it.concurrent.each<[string, Fault]>([
    ['400 with code 6003', rejectedWith(400, [MALFORMED_TOKEN])],
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
    // What was not attempted has no annotation of its own, but a result.
    expect(run.errors.map(({ title }) => title)).toEqual([
      'Authentication failed',
    ]);
    const causes = run.recipients.map(({ cause }) => cause);
    expect(new Set(causes)).toEqual(new Set(['authentication', 'stopped']));
  });

  it.concurrent.each<[string, Fault, string, RegExp, RegExp]>([
    [
      'a token of an account',
      rejectedWith(403, [
        { code: 1001, message: 'account-owned token not supported' },
      ]),
      'Authentication failed',
      /^account-owned token not supported \(code 1001\)\. /,
      /Use a token of a user, or api-email and api-key/,
    ],
    [
      'no route',
      rejectedWith(400, [{ code: 7000, message: 'No route for that URI' }]),
      'Account or API address not found',
      /^No route for that URI \(code 7000\)\. /,
      /Check account-id and api-url/,
    ],
  ])(
    'are distinguished from a wrong address, each with its advice: %s',
    async (_, fault, title, reason, advice) => {
      const run = await runWithFault(fault);
      expect(run).toMatchObject({ exitCode: 1, posts: [] });
      expect(run.lists).toHaveLength(1);
      expect(run.errors).toMatchObject([
        { title, message: expect.stringMatching(reason) },
      ]);
      expect(run.errors[0]?.message).toMatch(advice);
    },
  );
});

// In base64url it has characters that base64 has not.
const SECRET = 'v1.0-?>~?>~?>~?>~mNq8ZtXw5RbYc7Kd';

it.concurrent('a token that Cloudflare repeats in base64 and base64url, without padding and behind other text, shows nowhere', async () => {
  const repeated = (['base64', 'base64url'] as const).flatMap((alphabet) =>
    ['', 'u', 'u:'].map((before) =>
      Buffer.from(before + SECRET)
        .toString(alphabet)
        .replace(/=+$/, ''),
    ),
  );
  const errors = repeated.map((message) => ({ code: 1010, message }));
  const run = await runWithFault(rejectedWith(400, errors), {
    inputs: { 'api-token': SECRET },
  });
  expect(run.errors[0]?.message).toContain('***');
  const shown = [run.stdout, run.summary, ...Object.values(run.outputs)];
  // Its first and last characters depend on the text around it.
  for (const form of repeated)
    expect(shown.join('\n')).not.toContain(form.slice(4, -2));
});

// For reads and removals, it is in retries.test.ts.
describe.concurrent('code 10001, which is often temporary', () => {
  const unstable = rejectedWith(401, [
    { code: 10001, message: 'internal error, please try again' },
  ]);

  it('on a write stops only its own account', async () => {
    const run = await runScenario({
      api: { faults: [{ when: { ...POST, times: 1 }, do: unstable }] },
      inputs: { 'recipient-account-id': accounts(12).join(' ') },
    });
    expect(run.exitCode).toBe(1);
    expect(run.posts).toHaveLength(12);
    expect(run.records).toHaveLength(11);
    expect(run.errors).toMatchObject([
      { message: expect.stringContaining('This code is often temporary') },
    ]);
  });
});
