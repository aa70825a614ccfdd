import { describe, expect, it } from 'vitest';
import { TOKEN } from '../builders.ts';
import { errorsIn, inputsOf, messagesIn, notesOf } from './environment.ts';

const NO_TOKEN = { 'INPUT_API-TOKEN': '' };

describe('the credentials', () => {
  const PAIR = {
    CLOUDFLARE_EMAIL: ' e@x.y ',
    CLOUDFLARE_API_KEY: ' k0123456789 ',
  };
  it.each([
    ['a token', {}, { type: 'token', token: TOKEN }, []],
    [
      'a token, whatever the environment holds',
      { ...PAIR, CLOUDFLARE_API_TOKEN: 'other' },
      { type: 'token', token: TOKEN },
      [],
    ],
    [
      'a token from the environment before a pair from there',
      { ...NO_TOKEN, ...PAIR, CLOUDFLARE_API_TOKEN: ' other ' },
      { type: 'token', token: 'other' },
      ['api-token from CLOUDFLARE_API_TOKEN'],
    ],
    [
      'a pair from the environment',
      { ...NO_TOKEN, ...PAIR, CLOUDFLARE_API_TOKEN: ' ' },
      { type: 'key', email: 'e@x.y', key: 'k0123456789' },
      ['api-email from CLOUDFLARE_EMAIL', 'api-key from CLOUDFLARE_API_KEY'],
    ],
    [
      'a pair before a token from the environment',
      {
        ...NO_TOKEN,
        ...PAIR,
        CLOUDFLARE_API_TOKEN: 'other',
        'INPUT_API-EMAIL': 'me@x.y',
        'INPUT_API-KEY': 'mine',
      },
      { type: 'key', email: 'me@x.y', key: 'mine' },
      [],
    ],
    [
      'a pair, one half of it from the environment',
      {
        ...NO_TOKEN,
        ...PAIR,
        CLOUDFLARE_API_TOKEN: 'other',
        'INPUT_API-KEY': 'mine',
      },
      { type: 'key', email: 'e@x.y', key: 'mine' },
      ['api-email from CLOUDFLARE_EMAIL'],
    ],
  ])('are %s', (_, change, credentials, fallbacks) => {
    expect(inputsOf(change).credentials).toEqual(credentials);
    expect(notesOf(change).fallbacks).toEqual(fallbacks);
  });

  const NO_KEY =
    'expected the key that belongs to api-email, got nothing. Pass it from a secret, or use `api-token` instead.';
  it.each([
    [
      'none',
      {},
      'api-token',
      'expected a token, or `api-email` and `api-key`, got nothing. Pass them from secrets.',
    ],
    [
      'a key without an address',
      { 'INPUT_API-KEY': 'k' },
      'api-email',
      'expected the email address that api-key belongs to, got nothing. Set this input, or use `api-token` instead.',
    ],
    [
      'an address without a key',
      { 'INPUT_API-EMAIL': 'a@b.c' },
      'api-key',
      NO_KEY,
    ],
    [
      'half a pair in the environment',
      { CLOUDFLARE_EMAIL: 'a@b.c' },
      'api-key',
      NO_KEY.replace('api-email', 'api-email from CLOUDFLARE_EMAIL'),
    ],
    [
      'half a pair and a token in the environment',
      { 'INPUT_API-EMAIL': 'a@b.c', CLOUDFLARE_API_TOKEN: 't' },
      'api-key',
      NO_KEY,
    ],
  ])('are missing: %s', (_, change, input, message) => {
    expect(errorsIn({ ...NO_TOKEN, ...change })).toEqual([
      { input, message, details: [], isEmpty: true },
    ]);
  });

  it.each(['api-email', 'api-key'])(
    'have an %s that fits a header',
    (input) => {
      const pair = { 'INPUT_API-EMAIL': 'a@b.c', 'INPUT_API-KEY': 'k' };
      const broken = { [`INPUT_${input.toUpperCase()}`]: 'a b' };
      expect(errorsIn({ ...NO_TOKEN, ...pair, ...broken })).toEqual([
        expect.objectContaining({ input, isEmpty: false }),
      ]);
    },
  );

  it.each(['API-EMAIL', 'API-KEY'])(
    'are of one kind: a token and %s are an error',
    (name) => {
      expect(messagesIn({ [`INPUT_${name}`]: 'x' })).toEqual([
        'api-token: expected one kind of credentials, got two. Keep `api-token`, or `api-email` and `api-key`.',
      ]);
    },
  );
});

describe('a secret', () => {
  const HEADER = 'one with a space, or a character outside of printable ASCII';
  it.each([
    ['API-TOKEN', 'Bearer abc', 'one with the prefix "Bearer"'],
    ['API-TOKEN', 'bearer\tabc', 'one with the prefix "Bearer"'],
    ['API-TOKEN', 'abc\ndef', 'one with a line break'],
    ['API-TOKEN', 'abc\rdef', 'one with a line break'],
    ['API-TOKEN', '"abcdefgh"', 'one in quotes'],
    ['API-TOKEN', "'abcdefgh'", 'one in quotes'],
    ['API-TOKEN', 'abc def', HEADER],
    ['API-TOKEN', 'abearer def', HEADER],
    ['API-TOKEN', 'abcdéf', HEADER],
    ['API-TOKEN', 'abc\u007f', HEADER],
    ['GITHUB-TOKEN', 'ghs 01', HEADER],
  ])('in %s cannot be %j, which a header could not hold', (name, text, got) => {
    expect(messagesIn({ [`INPUT_${name}`]: text })).toEqual([
      `${name.toLowerCase()}: expected the bare secret, got ${got}. Store the secret again without that.`,
    ]);
  });

  it.each(['"abc', 'abc"', '"abc\'', '"a"bc', 'a"bc"', 'abearer-x', '!~'])(
    'may be %j',
    (token) => {
      expect(inputsOf({ 'INPUT_API-TOKEN': token }).credentials).toEqual({
        type: 'token',
        token,
      });
    },
  );

  it('never appears in a message', () => {
    const secrets = {
      'INPUT_API-TOKEN': 'Bearer hunter2',
      'INPUT_GITHUB-TOKEN': '"hunter2"',
    };
    expect(errorsIn(secrets)).toHaveLength(2);
    expect(JSON.stringify(errorsIn(secrets))).not.toContain('hunter2');
  });
});
