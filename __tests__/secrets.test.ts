import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactor } from '../src/report/text.ts';
import { secretForms } from '../src/secrets.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** What is left of a text that shows the secret of this environment in some way. */
function shown(env: Record<string, string>, text: string): string {
  return redactor(secretForms(env))(text);
}

describe('the forms of a secret', () => {
  const secret = `k+y/1="quo\\te<&>'~(x)`;
  const env = { 'INPUT_API-KEY': ` ${secret} `, 'INPUT_API-EMAIL': 'a@b.c', CLOUDFLARE_EMAIL: 'd@e.f' };

  it.each<[string, string]>([
    ['as given', ` ${secret} `],
    ['without the blanks', secret],
    ['URL-encoded', encodeURIComponent(secret)],
    ['URL-encoded in lower case', encodeURIComponent(secret).replace(/%../g, (hex) => hex.toLowerCase())],
    ['URL-encoded twice', encodeURIComponent(encodeURIComponent(secret))],
    ['URL-encoded but for what a URL may hold', encodeURI(secret)],
    ['in a form', new URLSearchParams([['', secret]]).toString().slice(1)],
    ['in JSON', JSON.stringify(secret).slice(1, -1)],
    ['in JSON that escapes slashes', JSON.stringify(secret).slice(1, -1).replaceAll('/', '\\/')],
    ['in JSON inside of JSON', JSON.stringify(JSON.stringify(secret)).slice(3, -3)],
    [
      'in JSON for HTML',
      JSON.stringify(secret)
        .slice(1, -1)
        .replace(/[<>&']/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`)
        .replaceAll('/', '\\u002f'),
    ],
    ['in HTML', 'k+y/1=&quot;quo\\te&lt;&amp;&gt;&#x27;~(x)'],
    ['in HTML by numbers', 'k+y/1=&#34;quo\\te&#60;&#38;&#62;&#39;~(x)'],
    ['in HTML text', `k+y/1="quo\\te&lt;&amp;&gt;'~(x)`],
    ['in base64', base64(secret)],
    ['in base64url', Buffer.from(secret).toString('base64url')],
    ['in base64 as the pair', base64(`a@b.c:${secret}`)],
    ['in base64 as the pair of the variable', base64(`d@e.f:${secret}`)],
    ['in lower case', secret.toLowerCase()],
  ])('%s', (_, form) => {
    expect(shown(env, `<${form}>`)).toBe('<***>');
  });

  it.each(['', 'B', 'Be', 'Bearer ', 'token='])('inside of the base64 of more, after %j', (before) => {
    const text = base64(`${before}${secret}, and more`);
    const left = shown(env, text);
    expect(left).toContain('***');
    // Characters that hold bits of the neighbours as well are left at both ends.
    expect(Buffer.from(left.split('***')[1] ?? '', 'base64').toString('latin1')).not.toMatch(/[(x)~]/);
    expect(text.length - left.length).toBeGreaterThan(secret.length);
  });

  it.each(['line-one-aaaa\nline-two-bbbb', 'line-one-aaaa line-two-bbbb', 'line-one-aaaa,line-two-bbbb'])(
    'each part of one that is several: %j',
    (value) => {
      expect(shown({ 'INPUT_API-TOKEN': value }, 'line-two-bbbb and line-one-aaaa')).toBe('*** and ***');
    },
  );

  it('what is inside of quotes, and after a word', () => {
    expect(shown({ 'INPUT_API-TOKEN': '"Xr5Mc8Jd3Hf6"' }, 'is Xr5Mc8Jd3Hf6')).toBe('is ***');
    expect(shown({ 'INPUT_API-TOKEN': 'Bearer Xr5Mc8Jd3Hf6' }, 'Bearer of Xr5Mc8Jd3Hf6')).toBe(
      'Bearer of ***',
    );
  });

  it('come the longest first, and none where nothing is given', () => {
    const lengths = secretForms(env).map((form) => form.length);
    expect(lengths).toEqual(lengths.toSorted((a, b) => b - a));
    expect(
      secretForms({ 'INPUT_API-TOKEN': '', 'INPUT_API-KEY': ' \n', HTTPS_PROXY: 'http://proxy:3128' }),
    ).toEqual([]);
  });

  it('are found for any secret', () => {
    const texts = fc
      .string({ minLength: 6, maxLength: 40, unit: 'binary' })
      .filter((text) => text.trim().length >= 6);
    fc.assert(
      fc.property(texts, (text) => {
        const value = text.trim();
        const seen = { 'INPUT_API-TOKEN': text };
        for (const form of [
          value,
          base64(value),
          encodeURIComponent(value.toWellFormed()),
          JSON.stringify(value.toWellFormed()).slice(1, -1),
        ])
          expect(shown(seen, `<<${form}>>`)).not.toContain(form);
      }),
    );
  });
});

describe('the secrets of a proxy', () => {
  it.each([
    'http://user:Pr0xy-Pass@127.0.0.1:1',
    'https://user:Pr0xy-Pass@proxy',
    ' http://user:Pr0xy-Pass@proxy ',
    'user:Pr0xy-Pass@proxy:3128',
    'socks5://user:Pr0xy-Pass@proxy',
    'http:user:Pr0xy-Pass@proxy',
    'http:\\\\user:Pr0xy-Pass@proxy',
    'http:///user:Pr0xy-Pass@proxy',
    'ht\ttp://user:Pr0xy-Pass@proxy',
    'http://user:Pr0xy-Pass@[no host',
  ])('in %j', (address) => {
    for (const name of ['https_proxy', 'HTTP_PROXY']) {
      expect(shown({ [name]: address }, 'bad Pr0xy-Pass')).toBe('bad ***');
      if (address.includes('[')) continue;
      expect(shown({ [name]: address }, `Basic ${base64('user:Pr0xy-Pass')}`)).toBe('Basic ***');
    }
  });

  it('are decoded, and the user where there is no password', () => {
    const env = { HTTPS_PROXY: 'http://me:p%40ss"w/rd@proxy:1' };
    expect(shown({ HTTPS_PROXY: 'http://me:p%40ssword@proxy' }, 'p%40ssword p@ssword')).toBe('*** ***');
    expect(shown(env, 'p%40ss"w/rd')).toBe('***');
    expect(shown({ HTTPS_PROXY: 'http://Pr0xy-Token@proxy' }, 'bad Pr0xy-Token')).toBe('bad ***');
  });
});
