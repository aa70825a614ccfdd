import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSanitizer, secretsIn } from '../../src/report/sanitizer.ts';
import { anyCharacter, hostileText } from '../hostile-text.ts';

const SECRET = `k+y/1="quo\\te<&>'~(x)`;
/** As in a header `Basic`, for each offset into a group of three bytes. */
const PREFIXES = ['', 'x', 'me', 'user:'];

/** The forms in which an API or a proxy may repeat what it was sent. */
const forms = (secret: string) => [
  secret,
  encodeURIComponent(secret.toWellFormed()),
  JSON.stringify(secret).slice(1, -1),
  Buffer.from(secret).toString('base64'),
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  Buffer.from(secret).toString('base64url'),
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
    };
    expect(secretsIn(env, ['pass-1', 'token-1', 'pass-2'])).toEqual([
      'token-1',
      'key-1',
      'ghs-1',
      'token-2',
      'key-2',
      'pass-1',
      'pass-2',
    ]);
  });

  it('are none where nothing is given', () => {
    const env = { 'INPUT_API-TOKEN': '', 'INPUT_API-KEY': ' \n' };
    expect(secretsIn(env, ['', ' '])).toEqual([]);
  });
});

describe('a text', () => {
  it.each(forms(SECRET))('shows no secret: %s', (form) => {
    const { clean, line, html } = createSanitizer([SECRET]);
    expect(clean(`<${form}>`, 100)).not.toContain(form);
    expect(line(`<${form}>`)).toMatch(/^<\*\*\*.?>$/);
    expect(html(form)).toMatch(/^(&#42;){3}.?$/);
  });

  it('shows no secret in HTML whose characters HTML escapes', () => {
    const secret = 'v1.0+mNq8Zt/w5Rb=Yc7';
    expect(createSanitizer([secret]).html(`"${secret}" & x`)).toBe(
      '&#34;&#42;&#42;&#42;&#34; &#38; x',
    );
  });

  it('shows no secret that holds what is taken out of a line', () => {
    const { line, html } = createSanitizer(['ab##[cd::ef']);
    expect(line('ab##[cd::ef')).toBe('***');
    expect(html('ab##[cd::ef')).toBe('&#42;&#42;&#42;');
  });

  it.each(PREFIXES)('shows no secret in base64 behind %j', (prefix) => {
    const secret = 'v1.0-3mNq8ZtXw5RbYc7Kd2H';
    for (const alphabet of ['base64', 'base64url'] as const) {
      const text = Buffer.from(`${prefix}${secret}:`).toString(alphabet);
      expect(createSanitizer([secret]).line(text)).toMatch(
        /^[\w=+/-]{0,8}\*\*\*[\w=+/-]{0,4}$/,
      );
    }
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
        fc.nat(5),
        (secret, before, after, index) => {
          const sanitizer = createSanitizer([secret]);
          const form = forms(secret)[index] ?? '';
          const text = `${before}${form}${after}`;
          expect(sanitizer.line(text)).not.toContain(form);
          expect(sanitizer.clean(text, 10_000)).not.toContain(form);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('shows no secret that cleaning completes', () => {
    const { clean, line } = createSanitizer(['my secret word']);
    expect(line('my\u200bsecret word')).toBe('***');
    expect(line(clean('my  secret\u200bword', 100))).toBe('***');
  });

  it('shows no part of a secret that was cut', () => {
    const { clean } = createSanitizer(['secret-token']);
    expect(clean('x secret-token', 8)).toBe('x ***');
  });

  it('shows no rest of a secret that begins like another', () => {
    const { line } = createSanitizer(['secret-token', 'secret-token-long']);
    expect(line('secret-token-long and secret-token')).toBe('*** and ***');
  });

  it('keeps words that are as short as a secret of fewer than six characters', () => {
    const sanitizer = createSanitizer(['share']);
    expect(sanitizer.secrets).toEqual(['share']);
    expect(sanitizer.line('the share')).toBe('the share');
    expect(createSanitizer(['shared']).line('shared')).toBe('***');
  });
});
