import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSanitizer } from '../../src/report/sanitize.ts';
import { anyCharacter, hostileText } from '../hostile-text.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const SECRET = `k+y/1="quo\\te<&>'~(x)`;

/** The forms in which an API or a proxy may repeat what it was sent. */
const forms = (secret: string) => [
  secret,
  encodeURIComponent(secret.toWellFormed()),
  JSON.stringify(secret).slice(1, -1),
  base64(secret),
];

describe('the secrets', () => {
  it('are the tokens and keys that are given, trimmed, each once, and the passwords of proxies', () => {
    const env = {
      'INPUT_API-TOKEN': ' token-1 ',
      'INPUT_API-KEY': 'key-1',
      'INPUT_GITHUB-TOKEN': 'ghs-1',
      CLOUDFLARE_API_TOKEN: 'token-2',
      CLOUDFLARE_API_KEY: 'key-2\n',
      'INPUT_API-EMAIL': 'a@b.c',
      CLOUDFLARE_EMAIL: 'd@e.f',
      https_proxy: 'http://user-1:pass-1@proxy',
      HTTPS_PROXY: ' http://user-2:pass%202@proxy ',
      http_proxy: 'user-3:pass-3@proxy',
      HTTP_PROXY: 'http://:pass-4@proxy',
    };
    expect(createSanitizer(env).secrets).toEqual([
      'token-1',
      'key-1',
      'ghs-1',
      'token-2',
      'key-2',
      'pass-1',
      'pass%202',
      'pass 2',
      'pass-3',
      'pass-4',
    ]);
  });

  it('are each given once to the runner', () => {
    const env = {
      'INPUT_API-TOKEN': 'token',
      CLOUDFLARE_API_TOKEN: 'token',
      HTTPS_PROXY: 'http://user:token@proxy',
    };
    expect(createSanitizer(env).secrets).toEqual(['token']);
  });

  it('are none where nothing is given', () => {
    const env = {
      'INPUT_API-TOKEN': '',
      'INPUT_API-KEY': ' \n',
      HTTPS_PROXY: 'http://proxy:3128',
    };
    expect(createSanitizer(env).secrets).toEqual([]);
    expect(createSanitizer({}).redact('a b c')).toBe('a b c');
  });
});

describe('the password of a proxy', () => {
  it.each([
    ['http://user:Pr0xy-Pass@127.0.0.1:1', 'Pr0xy-Pass'],
    ['https://user:Pr0xy-Pass@proxy', 'Pr0xy-Pass'],
    ['HTTP://user:Pr0xy-Pass@proxy', 'Pr0xy-Pass'],
    ['user:Pr0xy-Pass@proxy:3128', 'Pr0xy-Pass'],
    ['socks5+x.y-z://user:Pr0xy-Pass@proxy', 'Pr0xy-Pass'],
    ['http://user:Pr0xy@Pass@proxy', 'Pr0xy@Pass'],
    ['http://user:Pr0xy/Pass@proxy', 'Pr0xy/Pass'],
    ['http://user:Pr0xy:Pass@proxy', 'Pr0xy:Pass'],
    ['http://user:50%-Pass@proxy', '50%-Pass'],
    ['user:Pr0x://Pass@proxy', 'Pr0x://Pass'],
    ['http://user:Pr0xy-Pass@[no host', 'Pr0xy-Pass'],
  ])('is found in %s', (address, password) => {
    for (const name of [
      'https_proxy',
      'HTTPS_PROXY',
      'http_proxy',
      'HTTP_PROXY',
    ])
      expect(createSanitizer({ [name]: address }).secrets).toEqual([password]);
  });

  it('is found behind more slashes than there should be', () => {
    expect(
      createSanitizer({ HTTPS_PROXY: 'http:///user:Pr0xy-Pass@proxy' }).secrets,
    ).toEqual(['Pr0xy-Pass']);
  });

  it.each([
    'http://proxy:3128',
    'proxy:3128',
    'http://user@proxy',
    'user@proxy',
    'http://proxy/a:b@c',
    '@',
    ':@',
  ])('is not found in %s, as no other text may be masked', (address) => {
    expect(createSanitizer({ HTTPS_PROXY: address }).secrets).toEqual([]);
  });
});

describe('a text', () => {
  it.each(
    ['as given', 'URL-encoded', 'in JSON', 'in base64'].map((name, index) => [
      name,
      forms(SECRET)[index] ?? '',
    ]),
  )('shows no secret %s', (_, form) => {
    const { redact, clean, line } = createSanitizer({
      'INPUT_API-KEY': ` ${SECRET} `,
    });
    expect(redact(`<${form}> ${form}`)).toBe('<***> ***');
    expect(clean(`<${form}>`, 100)).toBe('<***>');
    expect(line(`<${form}>`)).toBe('<***>');
  });

  it('shows no secret in any of these forms, for any secret and any text around it', () => {
    const secrets = fc
      .string({ minLength: 6, maxLength: 40, unit: anyCharacter })
      .map((text) => text.trim())
      .filter((text) => text.length >= 6 && !text.includes('*'));
    fc.assert(
      fc.property(
        secrets,
        hostileText,
        hostileText,
        fc.nat(3),
        (secret, before, after, index) => {
          const sanitizer = createSanitizer({ 'INPUT_API-TOKEN': secret });
          const form = forms(secret)[index] ?? '';
          const text = `${before}${form}${after}`;
          expect(sanitizer.redact(text)).not.toContain(form);
          expect(sanitizer.line(text)).not.toContain(form);
          expect(sanitizer.clean(text, 10_000)).not.toContain(form);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('shows no secret that cleaning completes', () => {
    const sanitizer = createSanitizer({ 'INPUT_API-TOKEN': 'my secret word' });
    expect(sanitizer.line('my\u200bsecret word')).toBe('***');
    expect(sanitizer.line(sanitizer.clean('my  secret\u200bword', 100))).toBe(
      '***',
    );
  });

  it('shows no part of a secret that was cut', () => {
    const sanitizer = createSanitizer({ 'INPUT_API-TOKEN': 'secret-token' });
    expect(sanitizer.clean('x secret-token', 8)).toBe('x ***');
  });

  it('shows no rest of a secret that begins like another', () => {
    const sanitizer = createSanitizer({
      'INPUT_API-TOKEN': 'secret-token',
      'INPUT_API-KEY': 'secret-token-long',
    });
    expect(sanitizer.redact('secret-token-long and secret-token')).toBe(
      '*** and ***',
    );
  });

  it('keeps words that are as short as a secret of fewer than six characters', () => {
    const sanitizer = createSanitizer({ 'INPUT_API-TOKEN': 'share' });
    expect(sanitizer.secrets).toEqual(['share']);
    expect(sanitizer.redact('the share')).toBe('the share');
    expect(
      createSanitizer({ 'INPUT_API-TOKEN': 'shared' }).redact('shared'),
    ).toBe('***');
  });
});
