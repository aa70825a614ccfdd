import { describe, expect, it } from 'vitest';
import { EMPTY_OUTPUTS } from '../builders.ts';
import { expectFailure } from './expectations.ts';
import { leaks } from './leaks.ts';
import {
  ORGANIZATION,
  OTHER_ACCOUNT,
  RECIPIENT,
  type Run,
  runScenario,
  TOKEN,
} from './scenario.ts';

const TITLE = 'Invalid inputs: no request was sent';
const KEY = 'c2547eb745079dac9320b638f5e225cf483cc5cfdda41';
const DEBUG = { RUNNER_DEBUG: '1' };

/**
 * The message of a run that must end before anything is sent, which its one
 * annotation has.
 */
async function expectInvalid(
  inputs: Record<string, string>,
  env: Record<string, string> = {},
): Promise<{ run: Run; message: string }> {
  // The simulator is the proxy too, so that a request for a public host would
  // show as a connection.
  const proxies = (url: string) => ({
    HTTPS_PROXY: new URL(url).origin,
    HTTP_PROXY: new URL(url).origin,
  });
  const run = await runScenario({
    inputs,
    env: (url) => ({ ...proxies(url), ...env }),
  });
  expectFailure(run, TITLE);
  expect(run).toMatchObject({ connections: 0, requests: [], stderr: '' });
  expect(run.annotations).toHaveLength(1);
  expect(run.outputs).toEqual(EMPTY_OUTPUTS);
  return { run, message: run.errors[0]?.message ?? '' };
}

const list = (text: string, state = 'present') => ({
  'recipient-account-id': text,
  state,
});

// What else is invalid is in `__tests__/inputs/`.
const TAKEN_FOR_MORE_OR_LESS: Array<
  [name: string, inputs: Record<string, string>, message: RegExp]
> = [
  [
    'no target',
    list(' \n'),
    /^recipient-account-id: expected account IDs, got nothing/,
  ],
  [
    'two kinds of target',
    { 'organization-id': ORGANIZATION },
    /^organization-id: expected one kind of target, got `recipient-account-id` and `organization-id`/,
  ],
  [
    'a list of removals whose comments YAML joined',
    list(`${RECIPIENT} # EMEA,${OTHER_ACCOUNT} # APAC`, 'absent'),
    /^recipient-account-id: expected no account ID in a comment.*in YAML, use `\|` instead of `>`/,
  ],
  [
    'a word in place of an organization',
    { 'recipient-account-id': '', 'organization-id': 'null' },
    /^organization-id: expected .*This is a word, not an ID/,
  ],
];

describe.concurrent('an invalid input ends the run before the first request', () => {
  it.concurrent.each(TAKEN_FOR_MORE_OR_LESS)(
    'rather than change something else: %s',
    async (_, inputs, what) => {
      const { run, message } = await expectInvalid(inputs);
      expect(message).toMatch(what);
      // There is one problem, so only that one is shown.
      expect(message.match(/expected /g)).toHaveLength(1);
      expect(run.summary).toContain('<code>');
    },
  );

  it('everything that is wrong is reported at once, in one annotation and in the summary', async () => {
    const wrong = {
      'account-id': '',
      'share-id': 'a/b',
      'recipient-account-id': 'x'.repeat(40),
      'organization-id': ORGANIZATION,
      'api-token': TOKEN,
      state: 'gone',
      wait: 'no',
      timeout: '5',
      'dry-run': '0',
      summary: 'off',
      'github-token': 'a b',
      'api-url': 'https://admin:hunter2-Xy7Zw9Kq@api.example.com/client/v4',
    };
    const { run, message } = await expectInvalid(
      { ...wrong, 'api-key': KEY },
      DEBUG,
    );
    for (const input of Object.keys(wrong)) {
      expect(message).toContain(`${input}: expected `);
      expect(run.summary).toContain(`<code>${input}</code>`);
    }
    // Nor is a password in an address shown.
    expect(leaks(run, [TOKEN, KEY, 'hunter2-Xy7Zw9Kq'])).toEqual([]);
  });

  it('variables of the job are used where an input is empty, and are checked as well', async () => {
    const { message } = await expectInvalid(
      { 'account-id': '', 'api-token': '' },
      { CLOUDFLARE_ACCOUNT_ID: 'a.b', CLOUDFLARE_API_KEY: KEY },
    );
    expect(message).toMatch(
      /^account-id from CLOUDFLARE_ACCOUNT_ID: expected 32 hexadecimal digits, got "a\.b".*api-email: expected .*got nothing/s,
    );
  });

  it('a secret in the wrong input is not shown, also where it is too long to be shown whole', async () => {
    const secret = `ghs_${'Zk4Wq9Tn2Bv7Xr5Mc8Jd3Hf6Lp1Gs0Ya'.repeat(3)}`;
    const { run } = await expectInvalid(
      {
        'account-id': TOKEN,
        'share-id': secret,
        'recipient-account-id': secret,
        state: secret,
        'github-token': secret,
      },
      DEBUG,
    );
    expect(run.stdout).toContain(`::add-mask::${secret}`);
    expect(leaks(run, [TOKEN, secret])).toEqual([]);
  });
});
