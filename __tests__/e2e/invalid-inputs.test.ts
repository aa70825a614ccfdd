import { describe, expect, it } from 'vitest';
import { leaks } from './leaks.ts';
import {
  ORGANIZATION,
  OTHER_ACCOUNT,
  OWNER,
  RECIPIENT,
  type Run,
  runScenario,
  TOKEN,
} from './scenario.ts';

const KEY = 'c2547eb745079dac9320b638f5e225cf483cc5cfdda41';

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
  expect(run.connections).toBe(0);
  expect(run.requests).toEqual([]);
  expect(run.exitCode).toBe(1);
  expect(run.outputs).toEqual({
    'recipient-id': '',
    status: 'unknown',
    changed: 'false',
    recipients: '[]',
  });
  expect(run.annotations).toMatchObject([
    { level: 'error', title: 'Invalid inputs: no request was sent' },
  ]);
  expect(run.stderr).toBe('');
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

  it('and each has its own explanation', async () => {
    const { message } = await expectInvalid({
      'account-id': `${OWNER}\u200b`,
      'share-id': '4e17',
      'recipient-account-id': JSON.stringify({
        accounts: { sensitive: false, type: ['list'], value: [RECIPIENT] },
      }),
      'api-token': '',
      'api-email': 'ops@example.com',
      state: '',
      'dry-run': '',
      wait: '',
      summary: '',
      timeout: '48h',
      'api-url': 'https://api.example.com/v4?a=b',
    });
    for (const [input, what] of [
      ['account-id', 'the invisible character U\\+200B'],
      ['share-id', 'YAML turned the ID into a number: put it in quotes'],
      ['recipient-account-id', 'Pass `\\.value` of the output'],
      ['api-key', 'got nothing'],
      ['timeout', 'expected a duration from 3s to 24h, got "48h"'],
      ['api-url', 'got a query'],
      ...['state', 'dry-run', 'wait', 'summary'].map((one) => [
        one,
        'got nothing\\. An expression is empty for this event',
      ]),
    ]) {
      expect(message).toMatch(new RegExp(`\\b${input}: .*${what}`));
    }
    expect(message).toMatch(
      /An empty input often comes from a secret.*fork or Dependabot/s,
    );
  });

  it('a password in the address is not shown', async () => {
    const { run, message } = await expectInvalid({
      'api-url': 'https://admin:hunter2-Xy7Zw9Kq@api.example.com/client/v4',
    });
    expect(message).toMatch(/^api-url: expected https .*got credentials/);
    expect(leaks(run, ['hunter2-Xy7Zw9Kq'])).toEqual([]);
  });

  it('everything that is wrong is reported at once, in one annotation and in the summary', async () => {
    const { run, message } = await expectInvalid(
      {
        'account-id': '',
        'share-id': 'a/b',
        'recipient-account-id': 'x'.repeat(40),
        'organization-id': ORGANIZATION,
        'api-token': TOKEN,
        'api-key': KEY,
        state: 'gone',
        wait: 'no',
        timeout: '5',
        'dry-run': '0',
        summary: 'off',
        'github-token': 'a b',
        'api-url': 'http://api.example.com',
      },
      { RUNNER_DEBUG: '1' },
    );
    for (const input of [
      'account-id',
      'share-id',
      'recipient-account-id',
      'organization-id',
      'api-token',
      'state',
      'wait',
      'timeout',
      'dry-run',
      'summary',
      'github-token',
      'api-url',
    ]) {
      expect(message).toContain(`${input}: expected `);
      expect(run.summary).toContain(`<code>${input}</code>`);
    }
    expect(leaks(run, [TOKEN, KEY])).toEqual([]);
  });

  it('variables of the job are used where an input is empty, and are checked as well', async () => {
    const { message } = await expectInvalid(
      { 'account-id': '', 'api-token': '' },
      { CLOUDFLARE_ACCOUNT_ID: 'a.b', CLOUDFLARE_API_KEY: KEY },
    );
    expect(message).toMatch(
      /^account-id: expected 32 hexadecimal digits, got "a\.b".*api-email: expected .*got nothing/s,
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
      { RUNNER_DEBUG: '1' },
    );
    expect(run.stdout).toContain(`::add-mask::${secret}`);
    expect(leaks(run, [TOKEN, secret])).toEqual([]);
  });
});

it('invalid inputs are reported also when the outputs cannot be written', async () => {
  const { exitCode, signal, stderr, annotations } = await runScenario({
    inputs: { 'share-id': 'a/b' },
    env: { GITHUB_OUTPUT: '/nowhere/output' },
  });
  expect({ exitCode, signal, stderr }).toEqual({
    exitCode: 1,
    signal: null,
    stderr: '',
  });
  expect(annotations.map(({ title }) => title)).toEqual([
    'Invalid inputs: no request was sent',
    'Outputs could not be written',
  ]);
});

const DOCS =
  'https://github.com/octo-org/share/blob/v1/docs/troubleshooting.md';
const LINK = `${DOCS}#invalid-inputs-no-request-was-sent`;
const released = {
  GITHUB_ACTION_REPOSITORY: 'octo-org/share',
  GITHUB_ACTION_REF: 'v1',
};

describe.concurrent('a list with many wrong entries', () => {
  it('is one sentence with the first ten and a count, and all are in the log', async () => {
    const texts = Array.from({ length: 34 }, (_, n) => `account-${n + 1}`);
    const { run, message } = await expectInvalid(
      list(`# Europe\n${texts.join('\n')}`),
      released,
    );
    expect(message.match(/expected /g)).toHaveLength(1);
    expect(message).toContain('34 problems: "account-1" on line 2 (');
    expect(message).toContain('"account-10" on line 11 (');
    expect(message).not.toContain('"account-11"');
    expect(message).toContain(', and 24 more. ');
    expect(message.endsWith(`\n${LINK}`)).toBe(true);
    expect(run.stdout).toContain('::group::All entries of recipient-account');
    for (const text of texts) expect(run.stdout).toContain(`"${text}"`);
  });

  it('beside another input of 100 kB makes a summary that GitHub accepts', async () => {
    // Without a limit it would have 1.1 MB.
    const { run } = await expectInvalid({
      ...list(Array<string>(19_900).fill('<&>>').join('\n')),
      'share-id': '<&>'.repeat(33_000),
    });
    expect(Buffer.byteLength(run.summary)).toBeLessThan(1_048_576);
    expect(run.summary).toContain('got 19,900 problems');
    expect(run.summary).toContain('and 19,890 more');
    expect(run.summary).toContain('<code>share-id</code>');
  });
});
