import { describe, expect, it } from 'vitest';
import { leaks } from './leaks.ts';
import {
  ORGANIZATION,
  OWNER,
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

const EMPTY =
  /got nothing.*An empty input often comes from a secret.*fork or Dependabot/s;
const NOT_AN_ACCOUNT = /expected 32 hexadecimal digits/;
const NOT_AN_ID = /expected up to 32 letters, digits/;
const NOT_AN_ADDRESS =
  /expected https \(http only on loopback\), no credentials, query or fragment/;
const NOT_A_BOOLEAN = /expected true or false/;
const NOT_A_DURATION =
  /expected a duration up to 24h such as 90s, 10m or 1h30m/;

describe.concurrent('an invalid input ends the run before the first request', () => {
  it.concurrent.each<[string, string, Record<string, string>, RegExp]>([
    ['no owner', 'account-id', { 'account-id': '' }, EMPTY],
    ['spaces for an owner', 'account-id', { 'account-id': ' \t' }, EMPTY],
    ['no share', 'share-id', { 'share-id': '' }, EMPTY],
    ['a line break for a share', 'share-id', { 'share-id': '\n' }, EMPTY],
    [
      'no target',
      'recipient-account-id',
      { 'recipient-account-id': '' },
      EMPTY,
    ],
    [
      'both targets',
      'organization-id',
      { 'organization-id': ORGANIZATION },
      /this or `recipient-account-id`, got both/,
    ],
    ['no credentials', 'api-token', { 'api-token': '' }, EMPTY],
    ['spaces for a token', 'api-token', { 'api-token': '  ' }, EMPTY],
    [
      'a token with its prefix',
      'api-token',
      { 'api-token': `Bearer ${TOKEN}` },
      /the prefix "Bearer"/,
    ],
    [
      'a token in quotes',
      'api-token',
      { 'api-token': `"${TOKEN}"` },
      /got one in quotes/,
    ],
    [
      'a token of two words',
      'api-token',
      { 'api-token': `${TOKEN} x` },
      /that no HTTP header may hold/,
    ],
    [
      'an address alone',
      'api-key',
      { 'api-token': '', 'api-email': 'ops@example.com' },
      EMPTY,
    ],
    ['a key alone', 'api-email', { 'api-token': '', 'api-key': KEY }, EMPTY],
    [
      'both credentials',
      'api-token',
      { 'api-email': 'ops@example.com', 'api-key': KEY },
      /one kind of credentials/,
    ],
    [
      'a token and half of a key',
      'api-token',
      { 'api-key': KEY },
      /one kind of credentials/,
    ],
    [
      'an owner with a slash',
      'account-id',
      { 'account-id': '../699d98' },
      NOT_AN_ACCOUNT,
    ],
    [
      'an owner of 31 digits',
      'account-id',
      { 'account-id': OWNER.slice(1) },
      NOT_AN_ACCOUNT,
    ],
    ['a share with a dot', 'share-id', { 'share-id': 'my.share' }, NOT_AN_ID],
    ['a share with a query', 'share-id', { 'share-id': 'abc?x=1' }, NOT_AN_ID],
    [
      'a share without letters and digits',
      'share-id',
      { 'share-id': '--' },
      NOT_AN_ID,
    ],
    [
      'a share of 33 characters',
      'share-id',
      { 'share-id': 'a'.repeat(33) },
      NOT_AN_ID,
    ],
    [
      'an organization with a slash',
      'organization-id',
      { 'recipient-account-id': '', 'organization-id': 'a/b' },
      NOT_AN_ID,
    ],
    [
      'a recipient with a slash',
      'recipient-account-id',
      { 'recipient-account-id': 'abc/def' },
      NOT_AN_ACCOUNT,
    ],
    [
      'the owner as recipient',
      'recipient-account-id',
      { 'recipient-account-id': OWNER },
      /expected other accounts than the owner/,
    ],
    [
      'the owner as recipient, in capitals',
      'recipient-account-id',
      { 'recipient-account-id': OWNER.toUpperCase() },
      /expected other accounts than the owner/,
    ],
    [
      'another state',
      'state',
      { state: 'abscent' },
      /expected present or absent, got "abscent"/,
    ],
    ['wait: yes', 'wait', { wait: 'yes' }, NOT_A_BOOLEAN],
    ['dry-run: on', 'dry-run', { 'dry-run': 'on' }, NOT_A_BOOLEAN],
    ['summary: 1', 'summary', { summary: '1' }, NOT_A_BOOLEAN],
    ['timeout: soon', 'timeout', { timeout: 'soon' }, NOT_A_DURATION],
    ['timeout: 0', 'timeout', { timeout: '0' }, NOT_A_DURATION],
    [
      'timeout: 10',
      'timeout',
      { timeout: '10' },
      /got "10"\. Write it with units/,
    ],
    ['timeout: 0s', 'timeout', { timeout: '0s' }, NOT_A_DURATION],
    ['timeout: -5s', 'timeout', { timeout: '-5s' }, NOT_A_DURATION],
    ['timeout: 25h', 'timeout', { timeout: '25h' }, NOT_A_DURATION],
    [
      'http on a public host',
      'api-url',
      { 'api-url': 'http://api.example.com/client/v4' },
      NOT_AN_ADDRESS,
    ],
    [
      'an address with a query',
      'api-url',
      { 'api-url': 'https://api.example.com/v4?a=b' },
      NOT_AN_ADDRESS,
    ],
    [
      'no address',
      'api-url',
      { 'api-url': 'api.cloudflare.com' },
      NOT_AN_ADDRESS,
    ],
    [
      'the address of a file',
      'api-url',
      { 'api-url': 'file:///etc/passwd' },
      NOT_AN_ADDRESS,
    ],
  ])('%s', async (_, input, inputs, what) => {
    const { run, message } = await expectInvalid(inputs);
    expect(message).toMatch(new RegExp(`^${input}: expected `));
    expect(message).toMatch(what);
    // There is one problem, so only that one is shown.
    expect(message.match(/expected /g)).toHaveLength(1);
    expect(run.summary).toContain(`<code>${input}</code>`);
  });

  it('a password in the address is not shown', async () => {
    const { run, message } = await expectInvalid({
      'api-url': 'https://admin:hunter2-Xy7Zw9Kq@api.example.com/client/v4',
    });
    expect(message).toMatch(NOT_AN_ADDRESS);
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
