import { describe, expect, it } from 'vitest';
import { leaks } from './leaks.ts';
import {
  accountIn,
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

const EMPTY =
  /got nothing.*An empty input often comes from a secret.*fork or Dependabot/s;
const NOT_AN_ID = /expected up to 32 letters, digits/;
const EMPTY_EXPRESSION = /got nothing\. An expression is empty for this event/;
const A_WORD = /This is a word, not an ID/;
const A_NUMBER = /YAML turned the ID into a number: put it in quotes/;

type Case = [
  name: string,
  input: string,
  inputs: Record<string, string>,
  message: RegExp,
];

/** For an organization, the accounts are not given. */
const organization = (id: string, state = 'present') => ({
  'recipient-account-id': '',
  'organization-id': id,
  state,
});
const list = (text: string, state = 'present') => ({
  'recipient-account-id': text,
  state,
});

// Each input once: what else is invalid is in `__tests__/inputs/`.
const ONE_OF_EACH: Case[] = [
  ['no owner', 'account-id', { 'account-id': ' \t' }, EMPTY],
  ['a share with a dot', 'share-id', { 'share-id': 'my.share' }, NOT_AN_ID],
  [
    'the owner as recipient',
    'recipient-account-id',
    list(OWNER.toUpperCase()),
    /expected accounts other than the owner/,
  ],
  [
    'both targets',
    'organization-id',
    { 'organization-id': ORGANIZATION },
    /got `recipient-account-id` and `organization-id`/,
  ],
  [
    'a file outside of the workspace',
    'recipient-account-file',
    { 'recipient-account-id': '', 'recipient-account-file': '/etc/passwd' },
    /got "\/etc\/passwd" \(outside of it\)/,
  ],
  ['no credentials', 'api-token', { 'api-token': '' }, EMPTY],
  [
    'an address alone',
    'api-key',
    { 'api-token': '', 'api-email': 'ops@example.com' },
    EMPTY,
  ],
  [
    'another state',
    'state',
    { state: 'abscent' },
    /expected `present`, `absent` or `exact`, got "abscent"/,
  ],
  [
    'a limit above all',
    'max-removals',
    { state: 'exact', 'max-removals': '150%' },
    /expected an integer, or an integer percentage from 0% to 100%/,
  ],
  ['dry-run: on', 'dry-run', { 'dry-run': 'on' }, /expected `true` or `false`/],
  [
    'a timeout without a unit',
    'timeout',
    { timeout: '10' },
    /got "10"\. Write it with units/,
  ],
];

// What would be taken for less than it is, without a word.
const LOST_ACCOUNTS: Case[] = [
  [
    'a list with comments, whose lines YAML joined',
    'recipient-account-id',
    list(`${RECIPIENT} # EMEA ${OTHER_ACCOUNT} # APAC`),
    /in YAML, use `\|` instead of `>`/,
  ],
  [
    'a list of removals with comments, joined by commas',
    'recipient-account-id',
    list(`${RECIPIENT} # EMEA,${OTHER_ACCOUNT} # APAC`, 'absent'),
    /in YAML, use `\|` instead of `>`/,
  ],
  [
    'a joined list that begins with its heading',
    'recipient-account-id',
    list(`# accounts ${RECIPIENT} ${OTHER_ACCOUNT}`),
    /in YAML, use `\|` instead of `>`/,
  ],
  ['null', 'organization-id', organization('null'), A_WORD],
  ['undefined', 'organization-id', organization('undefined', 'absent'), A_WORD],
  ['Array', 'organization-id', organization('Array'), A_WORD],
  ['Infinity', 'organization-id', organization('Infinity', 'absent'), A_NUMBER],
  ...['state', 'dry-run', 'wait', 'summary'].map(
    (input): Case => [
      `an expression that is empty for ${input}`,
      input,
      { [input]: '' },
      EMPTY_EXPRESSION,
    ],
  ),
];

// What has an explanation of its own.
const EXPLAINED: Case[] = [
  ['an owner', 'account-id', { 'account-id': '1.2e+31' }, A_NUMBER],
  ['a share', 'share-id', { 'share-id': '4e17' }, A_NUMBER],
  ['a recipient', 'recipient-account-id', list('12345678'), A_NUMBER],
  ['an organization', 'organization-id', organization('.inf'), A_NUMBER],
  [
    'a space without width',
    'account-id',
    { 'account-id': `${OWNER}\u200b` },
    /the invisible character U\+200B/,
  ],
  [
    'a byte order mark within a list',
    'recipient-account-id',
    list(`${RECIPIENT},\ufeff${OTHER_ACCOUNT}`),
    /the invisible character U\+FEFF/,
  ],
  [
    'one output of Terraform with its type',
    'recipient-account-id',
    list(
      JSON.stringify({ sensitive: false, type: 'string', value: RECIPIENT }),
    ),
    /Pass `\.value` of the output/,
  ],
  [
    'all outputs of Terraform',
    'recipient-account-id',
    list(
      JSON.stringify({
        accounts: { sensitive: false, type: ['list'], value: [RECIPIENT] },
      }),
    ),
    /Pass `\.value` of the output/,
  ],
  ...['0s', '48h'].map(
    (timeout): Case => [
      `a timeout of ${timeout}`,
      'timeout',
      { timeout },
      /expected a duration from 3s to 24h, got "\w+"\. Choose a duration in this range\./,
    ],
  ),
  [
    'http to another host',
    'api-url',
    { 'api-url': 'http://api.example.com/client/v4' },
    /got http on another host/,
  ],
  [
    'an address with a query',
    'api-url',
    { 'api-url': 'https://api.example.com/v4?a=b' },
    /got a query/,
  ],
];

async function expectOneError(
  input: string,
  inputs: Record<string, string>,
  what: RegExp,
): Promise<void> {
  const { run, message } = await expectInvalid(inputs);
  expect(message).toMatch(new RegExp(`^${input}: expected `));
  expect(message).toMatch(what);
  // There is one problem, so only that one is shown.
  expect(message.match(/expected /g)).toHaveLength(1);
  expect(run.summary).toContain(`<code>${input}</code>`);
}

describe.concurrent('an invalid input ends the run before the first request', () => {
  it.concurrent.each(ONE_OF_EACH)('%s', (_, input, inputs, what) =>
    expectOneError(input, inputs, what),
  );

  it.concurrent.each(LOST_ACCOUNTS)(
    'rather than change something else: %s',
    (_, input, inputs, what) => expectOneError(input, inputs, what),
  );

  it.concurrent.each(EXPLAINED)(
    'and is explained: %s',
    (_, input, inputs, what) => expectOneError(input, inputs, what),
  );

  it('unless the comment is a heading above a list', async () => {
    const run = await runScenario({
      inputs: list(`# EMEA and APAC\n${RECIPIENT} # EMEA\n${OTHER_ACCOUNT}\n`),
    });
    expect(run).toMatchObject({ exitCode: 0, annotations: [] });
    expect(run.posts.map(accountIn).sort()).toEqual(
      [RECIPIENT, OTHER_ACCOUNT].sort(),
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
  it.concurrent.each([
    ['on lines', (texts: string[]) => texts.join('\n'), 'on line'],
    ['in an array', (texts: string[]) => JSON.stringify(texts), 'in entry'],
  ])(
    'is one sentence with the first ten and a count, and all are in the log: %s',
    async (_, join, place) => {
      const texts = Array.from({ length: 34 }, (_, n) => `account-${n + 1}`);
      const { run, message } = await expectInvalid(list(join(texts)), released);
      expect(message.match(/expected /g)).toHaveLength(1);
      expect(message).toContain(`34 problems: "account-1" ${place} 1 (`);
      expect(message).toContain(`"account-10" ${place} 10 (`);
      expect(message).not.toContain('"account-11"');
      expect(message).toContain(', and 24 more. ');
      expect(message.endsWith(`\n${LINK}`)).toBe(true);
      expect(run.stdout).toContain('::group::All entries of recipient-account');
      for (const text of texts) expect(run.stdout).toContain(`"${text}"`);
    },
  );

  // Without a limit the first would have 1.1 MB.
  it.concurrent.each([
    ['on lines', 19_900, (texts: string[]) => texts.join('\n')],
    ['in an array', 16_000, (texts: string[]) => JSON.stringify(texts)],
  ])(
    'beside another input of 100 kB makes a summary that GitHub accepts: %s',
    async (_, count, join) => {
      const { run } = await expectInvalid({
        ...list(join(Array<string>(count).fill('<&>>'))),
        'share-id': '<&>'.repeat(33_000),
      });
      expect(Buffer.byteLength(run.summary)).toBeLessThan(1_048_576);
      const format = (number: number) => number.toLocaleString('en-US');
      expect(run.summary).toContain(`got ${format(count)} problems`);
      expect(run.summary).toContain(`and ${format(count - 10)} more`);
      expect(run.summary).toContain('<code>share-id</code>');
    },
  );
});
