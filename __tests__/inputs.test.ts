import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { DEFAULTS, MAX_TARGETS, readInputs } from '../src/inputs.ts';

const OWNER = '699d98642c564d2e855e9661899b7252';
const ACCOUNT = '023e105f4ecef8ad9ca31a8372d0c353';
const good = {
  'INPUT_ACCOUNT-ID': OWNER,
  'INPUT_SHARE-ID': '3fd85f74b32742f1bff64a85009dda07',
  'INPUT_RECIPIENT-ACCOUNT-ID': ACCOUNT,
  'INPUT_API-TOKEN': 'token-of-forty-characters-or-thereabouts',
};

function problems(change: Record<string, string | undefined>): string[] {
  const read = readInputs({ ...good, ...change });
  return 'problems' in read ? read.problems.map(({ input, message }) => `${input} ${message}`) : [];
}

function inputs(change: Record<string, string | undefined> = {}) {
  const read = readInputs({ ...good, ...change });
  if ('problems' in read) throw new Error(JSON.stringify(read.problems));
  return read.inputs;
}

describe('readInputs', () => {
  it('takes the smallest environment and fills in the defaults', () => {
    expect(inputs()).toEqual({
      accountId: OWNER,
      shareId: good['INPUT_SHARE-ID'],
      targets: [{ type: 'account', id: ACCOUNT }],
      repeated: [],
      credentials: { kind: 'token', token: good['INPUT_API-TOKEN'] },
      state: 'present',
      wait: true,
      timeoutMs: 600_000,
      dryRun: false,
      summary: true,
      githubToken: null,
      environment: 'cloudflare-share',
      apiUrl: 'https://api.cloudflare.com/client/v4',
    });
  });

  it('has the defaults of action.yml', () => {
    const action = parse(readFileSync('action.yml', 'utf8')) as {
      inputs: Record<string, { default?: string }>;
    };
    const declared = Object.entries(action.inputs).flatMap(([name, input]) =>
      input.default === undefined ? [] : [[name, input.default]],
    );
    expect(DEFAULTS).toEqual(Object.fromEntries(declared));
  });

  it.each([
    [{ 'INPUT_ACCOUNT-ID': '  ' }, /^account-id is missing or blank.*CLOUDFLARE_ACCOUNT_ID.*fork/],
    [{ 'INPUT_SHARE-ID': undefined }, /^share-id is missing or blank/],
    [{ 'INPUT_SHARE-ID': 'a/b' }, /^share-id is not a Cloudflare id: "a\/b"/],
    [{ 'INPUT_SHARE-ID': '..' }, /^share-id is not a Cloudflare id/],
    [{ 'INPUT_SHARE-ID': 'x'.repeat(33) }, /33 characters/],
    [
      { 'INPUT_RECIPIENT-ACCOUNT-ID': ' \n,, ' },
      /^recipient-account-id is missing or blank.*whole organization/,
    ],
    [{ 'INPUT_RECIPIENT-ACCOUNT-ID': OWNER }, /cannot be its own recipient/],
    [{ 'INPUT_RECIPIENT-ACCOUNT-ID': `${ACCOUNT}\nb.d` }, /\(line 2\) is not a Cloudflare id: "b\.d"/],
    [{ 'INPUT_ORGANIZATION-ID': ACCOUNT }, /`organization-id` are both given/],
    [{ 'INPUT_API-TOKEN': '' }, /^api-token is missing or blank.*CLOUDFLARE_API_TOKEN/],
    [{ 'INPUT_API-TOKEN': '"abcdefgh"' }, /^api-token has a blank, a line break, quotes around it/],
    [{ 'INPUT_API-TOKEN': "'abcdefgh'" }, /^api-token has .*quotes around it/],
    [{ INPUT_ENVIRONMENT: `prod ${good['INPUT_API-TOKEN']}` }, /^environment has a secret in it, and/],
    [{ 'INPUT_API-TOKEN': 'Bearer abc' }, /^api-token has a blank/],
    [{ 'INPUT_API-TOKEN': 'abc\ndef' }, /^api-token has a blank, a line break/],
    [{ 'INPUT_API-KEY': 'key' }, /^api-token and the legacy pair .* are both given/],
    [{ 'INPUT_API-TOKEN': '', 'INPUT_API-KEY': 'key' }, /^api-email is missing or blank while `api-key`/],
    [{ 'INPUT_API-TOKEN': '', 'INPUT_API-EMAIL': 'a@b.c' }, /^api-key is missing or blank while `api-email`/],
    [{ 'INPUT_API-TOKEN': '', CLOUDFLARE_EMAIL: 'a@b.c' }, /^api-key is missing or blank/],
    [{ INPUT_STATE: 'abscent' }, /^state is neither present nor absent: "abscent"/],
    [{ INPUT_WAIT: 'yes' }, /^wait is neither true nor false: "yes"/],
    [{ INPUT_SUMMARY: '1' }, /^summary is neither/],
    [{ 'INPUT_DRY-RUN': 'on' }, /^dry-run is neither/],
    [{ INPUT_TIMEOUT: 'soon' }, /^timeout is not a duration: "soon".*10m/],
    [{ INPUT_TIMEOUT: '0' }, /^timeout is not a duration/],
    [{ INPUT_TIMEOUT: '10' }, /^timeout is not a duration/],
    [{ INPUT_TIMEOUT: '0s' }, /^timeout is not a duration/],
    [{ INPUT_TIMEOUT: '-5m' }, /^timeout is not a duration/],
    [{ INPUT_TIMEOUT: '25h' }, /^timeout is longer than a day/],
    [{ 'INPUT_API-URL': 'http://api.example.com/v4' }, /^api-url is http on another host than loopback/],
    [{ 'INPUT_API-URL': 'http://127.0.0.1.evil.example' }, /^api-url is http on/],
    [{ 'INPUT_API-URL': 'https://user:pass@example.com' }, /^api-url has credentials/],
    [{ 'INPUT_API-URL': 'https://example.com/v4?x=1' }, /^api-url has a query/],
    [{ 'INPUT_API-URL': 'ftp://example.com' }, /^api-url is not an https address/],
    [{ 'INPUT_API-URL': 'api' }, /^api-url is not an address/],
    [{ INPUT_ENVIRONMENT: 'x'.repeat(256) }, /^environment is not the name/],
  ])('refuses %j', (change, message) => {
    expect(problems(change)).toEqual([expect.stringMatching(message)]);
  });

  it('reports all problems at once', () => {
    const all = problems({
      'INPUT_ACCOUNT-ID': '',
      'INPUT_SHARE-ID': '/',
      'INPUT_API-TOKEN': '',
      INPUT_TIMEOUT: '5',
    });
    expect(all.map((text) => text.split(' ')[0]).sort()).toEqual([
      'account-id',
      'api-token',
      'share-id',
      'timeout',
    ]);
  });

  it('never echoes an address that could hold a password', () => {
    expect(
      problems({ 'INPUT_API-URL': 'https://user:hunter2secret@example.com?token=hunter2secret' }).join(),
    ).not.toContain('hunter2');
  });

  it.each([
    ['90s', 90_000],
    ['10m', 600_000],
    ['1h30m', 5_400_000],
    ['1h1m1s', 3_661_000],
    ['24h', 86_400_000],
  ])('reads the timeout %s', (text, ms) => {
    expect(inputs({ INPUT_TIMEOUT: text }).timeoutMs).toBe(ms);
  });

  it.each([
    ['http://127.0.0.1:8080/client/v4/', 'http://127.0.0.1:8080/client/v4'],
    ['http://[::1]:1/', 'http://[::1]:1'],
    ['http://localhost', 'http://localhost'],
    ['https://api.example.com/client/v4', 'https://api.example.com/client/v4'],
  ])('takes the api-url %s', (text, url) => {
    expect(inputs({ 'INPUT_API-URL': text }).apiUrl).toBe(url);
  });

  it('prefers what is given over the environment, and the token of the environment over its pair', () => {
    const env = {
      CLOUDFLARE_API_TOKEN: 'from-the-environment',
      CLOUDFLARE_EMAIL: 'e@x.y',
      CLOUDFLARE_API_KEY: 'k'.repeat(37),
    };
    expect(inputs(env).credentials).toEqual({ kind: 'token', token: good['INPUT_API-TOKEN'] });
    expect(inputs({ ...env, 'INPUT_API-TOKEN': '' }).credentials).toEqual({
      kind: 'token',
      token: 'from-the-environment',
    });
    expect(inputs({ ...env, 'INPUT_API-TOKEN': '', CLOUDFLARE_API_TOKEN: ' ' }).credentials).toMatchObject({
      kind: 'key',
      email: 'e@x.y',
    });
    expect(
      inputs({ ...env, 'INPUT_API-TOKEN': '', 'INPUT_API-EMAIL': 'me@x.y', 'INPUT_API-KEY': 'own' })
        .credentials,
    ).toEqual({ kind: 'key', email: 'me@x.y', key: 'own' });
    expect(inputs({ 'INPUT_ACCOUNT-ID': '', CLOUDFLARE_ACCOUNT_ID: OWNER }).accountId).toBe(OWNER);
  });

  it('takes accounts with any mix of separators, each once, in order', () => {
    const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,32}$/).filter((text) => text !== OWNER);
    const separator = fc.constantFrom(',', ' ', '\n', '\r\n', ', ', ',\n  ', '\t');
    fc.assert(
      fc.property(fc.array(fc.tuple(id, separator), { minLength: 1, maxLength: 30 }), (words) => {
        const read = inputs({ 'INPUT_RECIPIENT-ACCOUNT-ID': words.flat().join('') });
        expect(read.targets.map((target) => target.id)).toEqual([...new Set(words.map(([word]) => word))]);
      }),
    );
  });

  it('takes ids of 32 hexadecimal digits in capitals for what they are', () => {
    const read = inputs({
      'INPUT_ACCOUNT-ID': OWNER.toUpperCase(),
      'INPUT_RECIPIENT-ACCOUNT-ID': `${ACCOUNT.toUpperCase()} ${ACCOUNT} Account-B`,
    });
    expect(read.accountId).toBe(OWNER);
    expect(read.targets.map(({ id }) => id)).toEqual([ACCOUNT, 'Account-B']);
    expect(problems({ 'INPUT_RECIPIENT-ACCOUNT-ID': OWNER.toUpperCase() })).toEqual([
      expect.stringContaining('owns the share'),
    ]);
  });

  it.each([
    'http://user:60@@@',
    'http://user:50%off@proxy.example:3128',
    'http://user:p@ss/word@proxy.example',
    'http://user:5?x@proxy.example',
    'http://user:5#x@proxy.example',
    'proxy.example:3128',
    'user:word@proxy.example:3128',
    'socks5://proxy.example:1080',
    'http://proxy.example:99999',
  ])('refuses the proxy %s, without showing it', (address) => {
    for (const name of ['HTTPS_PROXY', 'https_proxy']) {
      const all = problems({ [name]: address });
      expect(all).toEqual([expect.stringMatching(new RegExp(`^${name} .*not the address of a proxy`))]);
      expect(all.join()).not.toContain(address);
    }
    // It is not used for a server on this machine.
    expect(inputs({ HTTPS_PROXY: address, 'INPUT_API-URL': 'http://127.0.0.1:1' }).apiUrl).toBeTruthy();
  });

  it.each(['http://proxy.example:3128', 'https://user:p%40ss@10.0.0.1', '10.0.0.1:3128', ''])(
    'takes the proxy %s',
    (address) => {
      expect(inputs({ HTTPS_PROXY: address }).apiUrl).toBeTruthy();
    },
  );

  it('takes a thousand accounts and not one more', () => {
    const ids = (n: number) => Array.from({ length: n }, (_, i) => `a${i}`).join('\n');
    expect(inputs({ 'INPUT_RECIPIENT-ACCOUNT-ID': ids(MAX_TARGETS) }).targets).toHaveLength(MAX_TARGETS);
    expect(problems({ 'INPUT_RECIPIENT-ACCOUNT-ID': ids(MAX_TARGETS + 1) })).toEqual([
      expect.stringMatching(/has 1001 accounts/),
    ]);
  });

  it('ends any environment in inputs or problems, and inputs have exactly one kind of target', () => {
    const value = fc.option(fc.oneof(fc.string(), fc.constantFrom('', ' ', 'true', ACCOUNT, '5m')), {
      nil: undefined,
    });
    const names = [
      'ACCOUNT-ID',
      'SHARE-ID',
      'RECIPIENT-ACCOUNT-ID',
      'ORGANIZATION-ID',
      'API-TOKEN',
      'API-EMAIL',
      'API-KEY',
      'WAIT',
      'TIMEOUT',
      'API-URL',
      'GITHUB-TOKEN',
    ];
    fc.assert(
      fc.property(fc.record(Object.fromEntries(names.map((name) => [`INPUT_${name}`, value]))), (env) => {
        const read = readInputs(env);
        if ('problems' in read) expect(read.problems.length).toBeGreaterThan(0);
        else expect(new Set(read.inputs.targets.map((target) => target.type)).size).toBe(1);
      }),
    );
  });
});
