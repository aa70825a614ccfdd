import { describe, expect, it } from 'vitest';
import { ACCOUNT, account, leaks, ORGANIZATION, play, RECIPIENT, TOKEN } from './stage.ts';

const KEY = 'c2547eb745079dac9320b638f5e225cf483cc5cfdda41';

/** Plays a run that must end before anything is sent, and gives its one annotation. */
async function refused(inputs: Record<string, string>, env: Record<string, string> = {}) {
  // The simulator is the proxy too, so a request for a public host would show as a connection.
  const proxies = (url: string) => ({ HTTPS_PROXY: new URL(url).origin, HTTP_PROXY: new URL(url).origin });
  const run = await play({ inputs, env: (url) => ({ ...proxies(url), ...env }) });
  expect(run.connections).toBe(0);
  expect(run.requests).toEqual([]);
  expect(run.exitCode).toBe(1);
  expect(run.outputs).toEqual({ 'recipient-id': '', status: '', changed: 'false', recipients: '[]' });
  expect(run.annotations).toHaveLength(1);
  expect(run.stderr).toBe('');
  return { run, message: run.errors[0]?.message ?? '' };
}

const MISSING = /missing or blank.*fork.*reusable workflow/;
const NOT_AN_ID = /not a Cloudflare id/;

describe.concurrent('a wrong input ends the run before the first request', () => {
  it.concurrent.each<[string, string, Record<string, string>, RegExp]>([
    ['no account', 'account-id', { 'account-id': '' }, MISSING],
    ['a blank account', 'account-id', { 'account-id': ' \t' }, MISSING],
    ['no share', 'share-id', { 'share-id': '' }, MISSING],
    ['a blank share', 'share-id', { 'share-id': '\n' }, MISSING],
    [
      'no target',
      'recipient-account-id',
      { 'recipient-account-id': '' },
      /organization-id.*exactly one.*fork/,
    ],
    ['blanks for a target', 'recipient-account-id', { 'recipient-account-id': ' ,\n, ' }, /exactly one/],
    [
      'both targets',
      'recipient-account-id',
      { 'organization-id': ORGANIZATION },
      /organization-id.*both given/,
    ],
    ['no credentials', 'api-token', { 'api-token': '' }, MISSING],
    ['a blank token', 'api-token', { 'api-token': '  ' }, MISSING],
    ['a token of two words', 'api-token', { 'api-token': `Bearer ${TOKEN}` }, /no HTTP header may hold/],
    ['an e-mail alone', 'api-key', { 'api-token': '', 'api-email': 'ops@example.com' }, /api-email.*both/],
    ['a key alone', 'api-email', { 'api-token': '', 'api-key': KEY }, /api-key.*both/],
    ['both credentials', 'api-token', { 'api-email': 'ops@example.com', 'api-key': KEY }, /both given/],
    ['a token and half the pair', 'api-token', { 'api-key': KEY }, /both given/],
    ['an account with a slash', 'account-id', { 'account-id': '../699d98' }, NOT_AN_ID],
    ['a share with a dot', 'share-id', { 'share-id': 'my.share' }, NOT_AN_ID],
    ['a share with a query', 'share-id', { 'share-id': 'abc?x=1' }, NOT_AN_ID],
    ['33 characters', 'share-id', { 'share-id': 'a'.repeat(33) }, /not a Cloudflare id.*33 characters/],
    ['a recipient with a slash', 'recipient-account-id', { 'recipient-account-id': 'abc/def' }, NOT_AN_ID],
    ['the owner', 'recipient-account-id', { 'recipient-account-id': ACCOUNT }, /own recipient/],
    ['a state that is none', 'state', { state: 'abscent' }, /present nor absent: "abscent"/],
    ['wait: yes', 'wait', { wait: 'yes' }, /neither true nor false: "yes"/],
    ['dry-run: on', 'dry-run', { 'dry-run': 'on' }, /neither true nor false/],
    ['summary: 1', 'summary', { summary: '1' }, /neither true nor false/],
    ['timeout: soon', 'timeout', { timeout: 'soon' }, /not a duration: "soon".*10m/],
    ['timeout: 0', 'timeout', { timeout: '0' }, /not a duration/],
    ['timeout: 10', 'timeout', { timeout: '10' }, /not a duration: "10".*unit/],
    ['timeout: 0s', 'timeout', { timeout: '0s' }, /not a duration/],
    ['timeout: -5s', 'timeout', { timeout: '-5s' }, /not a duration/],
    ['timeout: 25h', 'timeout', { timeout: '25h' }, /longer than a day/],
    ['http on a public host', 'api-url', { 'api-url': 'http://api.example.com/client/v4' }, /http on.*https/],
    ['an address with a query', 'api-url', { 'api-url': 'https://api.example.com/v4?a=b' }, /query/],
    ['an address that is none', 'api-url', { 'api-url': 'api.cloudflare.com' }, /not an/],
    ['an address of a file', 'api-url', { 'api-url': 'file:///etc/passwd' }, /not an https address/],
  ])('%s', async (_, input, inputs, what) => {
    const { message } = await refused(inputs);
    expect(message).toContain(`\`${input}\``);
    expect(message).toMatch(what);
    // One problem, so only that one is told.
    expect(message).not.toContain('(2)');
  });

  it('a password in the address is not told', async () => {
    const { run, message } = await refused({
      'api-url': 'https://admin:hunter2-Xy7Zw9Kq@api.example.com/client/v4',
    });
    expect(message).toMatch(/`api-url` has credentials in it/);
    expect(leaks(run, ['hunter2-Xy7Zw9Kq'])).toEqual([]);
  });

  it('everything that is wrong is told at once, in the log and in one annotation', async () => {
    const { run, message } = await refused(
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
        environment: 'a\nb',
        'api-url': 'http://api.example.com',
      },
      { RUNNER_DEBUG: '1' },
    );
    for (const input of [
      'account-id',
      'share-id',
      'recipient-account-id',
      'api-token',
      'state',
      'wait',
      'timeout',
      'dry-run',
      'summary',
      'environment',
      'api-url',
    ]) {
      expect(message).toContain(`\`${input}\``);
      expect(run.stdout).toContain(`\n- \`${input}\` `);
    }
    expect(leaks(run, [TOKEN, KEY])).toEqual([]);
  });

  it('every bad account among many is told with its line', async () => {
    const lines = Array.from({ length: 50 }, (_, n) => account(n));
    lines[6] = 'not.an.id';
    lines[30] = `${account(30)}0`;
    lines[49] = ACCOUNT;
    const { message } = await refused({ 'recipient-account-id': lines.join('\n') });
    expect(message).toMatch(/\(line 7\).*"not\.an\.id".*\(line 31\).*\(line 50\).*own recipient/);
    expect(message.match(/\(line /g)).toHaveLength(3);
  });

  it('1,001 accounts are too many', async () => {
    const accounts = Array.from({ length: 1001 }, (_, n) => account(n)).join(',');
    const { message } = await refused({ 'recipient-account-id': accounts });
    expect(message).toMatch(/`recipient-account-id` has 1001 accounts.*at most 1000.*matrix/);
  });

  it('variables of the job count where an input is empty, and are checked as well', async () => {
    const { message } = await refused(
      { 'account-id': '', 'api-token': '' },
      { CLOUDFLARE_ACCOUNT_ID: 'a.b', CLOUDFLARE_API_KEY: KEY },
    );
    expect(message).toMatch(/`account-id` is not a Cloudflare id.*`api-email` is missing or blank/);
  });

  it('a secret in the wrong place is not told, also where it is too long to be shown whole', async () => {
    const secret = `ghs_${'Zk4Wq9Tn2Bv7Xr5Mc8Jd3Hf6Lp1Gs0Ya'.repeat(3)}`;
    const { run } = await refused(
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

it('is told also when there is nowhere to put the outputs', async () => {
  const { exitCode, signal, stderr, annotations } = await play({
    inputs: { 'share-id': 'a/b' },
    env: { GITHUB_OUTPUT: '/nowhere/output' },
  });
  expect({ exitCode, signal, stderr }).toEqual({ exitCode: 1, signal: null, stderr: '' });
  expect(annotations.map(({ title }) => title)).toEqual([
    '1 input to mend, nothing was sent',
    'The outputs could not be written',
  ]);
});

it('repeats and all kinds of separators are one list', async () => {
  const run = await play({
    inputs: {
      'recipient-account-id': `${RECIPIENT}, ${account(1)}\r\n${account(2)}\t${RECIPIENT},,${account(1)}`,
    },
  });
  expect(run.exitCode).toBe(0);
  expect(run.recipients.map((one) => one['recipient'])).toEqual([RECIPIENT, account(1), account(2)]);
  expect(run.posts).toHaveLength(3);
  expect(run.stdout).toContain(`Given more than once, done once: ${RECIPIENT}, ${account(1)}.`);
});
