import { describe, expect, it } from 'vitest';
import { readInputs } from '../src/inputs.ts';
import { ENV, OWNER, TOKEN } from './builders.ts';
import { inputsOf } from './read-inputs.ts';

const NO_TOKEN = { 'INPUT_API-TOKEN': undefined };

function errorsOf(change: Record<string, string | undefined>) {
  return readInputs({ ...ENV, ...change }).errors;
}

describe('the credentials', () => {
  const PAIR = {
    CLOUDFLARE_EMAIL: ' e@x.y ',
    CLOUDFLARE_API_KEY: ' k0123456789 ',
  };
  it.each([
    ['a token', {}, { authorization: `Bearer ${TOKEN}` }, []],
    [
      'a token, whatever the environment holds',
      { ...PAIR, CLOUDFLARE_API_TOKEN: 'other' },
      { authorization: `Bearer ${TOKEN}` },
      [],
    ],
    [
      'a token from the environment before a pair from there',
      { ...NO_TOKEN, ...PAIR, CLOUDFLARE_API_TOKEN: ' other ' },
      { authorization: 'Bearer other' },
      ['api-token from CLOUDFLARE_API_TOKEN'],
    ],
    [
      'a pair from the environment',
      { ...NO_TOKEN, ...PAIR, CLOUDFLARE_API_TOKEN: ' ' },
      { 'x-auth-email': 'e@x.y', 'x-auth-key': 'k0123456789' },
      ['api-email from CLOUDFLARE_EMAIL', 'api-key from CLOUDFLARE_API_KEY'],
    ],
    [
      'a pair before a token from the environment',
      {
        ...NO_TOKEN,
        ...PAIR,
        CLOUDFLARE_API_TOKEN: 'other',
        'INPUT_API-EMAIL': 'me@x.y',
        'INPUT_API-KEY': 'own',
      },
      { 'x-auth-email': 'me@x.y', 'x-auth-key': 'own' },
      [],
    ],
    [
      'a pair, one half of it from the environment',
      {
        ...NO_TOKEN,
        ...PAIR,
        CLOUDFLARE_API_TOKEN: 'other',
        'INPUT_API-KEY': 'own',
      },
      { 'x-auth-email': 'e@x.y', 'x-auth-key': 'own' },
      ['api-email from CLOUDFLARE_EMAIL'],
    ],
  ])('are %s', (_, change, credentials, fallbacks) => {
    expect(inputsOf(change)).toMatchObject({ credentials, fallbacks });
  });

  it('do not need the account ID as an input', () => {
    const change = {
      'INPUT_ACCOUNT-ID': '',
      CLOUDFLARE_ACCOUNT_ID: ` ${OWNER} `,
    };
    const fallbacks = ['account-id from CLOUDFLARE_ACCOUNT_ID'];
    expect(inputsOf(change)).toMatchObject({ accountId: OWNER, fallbacks });
  });

  it.each([
    [
      'none',
      {},
      ['api-token', 'expected a token, got nothing. Pass it from a secret.'],
    ],
    [
      'a key without an address',
      { 'INPUT_API-KEY': 'k' },
      [
        'api-email',
        'expected an address for `api-key`, got nothing. Better, use `api-token`.',
      ],
    ],
    [
      'an address without a key',
      { 'INPUT_API-EMAIL': 'a@b.c' },
      [
        'api-key',
        'expected a key for `api-email`, got nothing. Better, use `api-token`.',
      ],
    ],
    [
      'half a pair in the environment',
      { CLOUDFLARE_EMAIL: 'a@b.c' },
      [
        'api-key',
        'expected a key for `api-email`, got nothing. Better, use `api-token`.',
      ],
    ],
    [
      'half a pair and a token in the environment',
      { 'INPUT_API-EMAIL': 'a@b.c', CLOUDFLARE_API_TOKEN: 't' },
      [
        'api-key',
        'expected a key for `api-email`, got nothing. Better, use `api-token`.',
      ],
    ],
  ])('are missing: %s', (_, change, [input, message]) => {
    expect(errorsOf({ ...NO_TOKEN, ...change })).toEqual([
      { input, message, isEmpty: true },
    ]);
  });

  it.each(['api-email', 'api-key'])(
    'have an %s that fits into a header',
    (input) => {
      const pair = { 'INPUT_API-EMAIL': 'a@b.c', 'INPUT_API-KEY': 'k' };
      const errors = errorsOf({
        ...NO_TOKEN,
        ...pair,
        [`INPUT_${input.toUpperCase()}`]: 'a b',
      });
      expect(errors).toEqual([
        expect.objectContaining({ input, isEmpty: false }),
      ]);
    },
  );

  it.each(['API-EMAIL', 'API-KEY'])(
    'are of one kind: a token and %s are an error',
    (name) => {
      expect(errorsOf({ [`INPUT_${name}`]: 'x' })).toEqual([
        {
          input: 'api-token',
          message:
            'expected one kind of credentials, got two. Remove `api-email` and `api-key`.',
          isEmpty: false,
        },
      ]);
    },
  );
});

describe('a secret', () => {
  const HEADER =
    'one with a space or another character that no HTTP header may hold';
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
    expect(errorsOf({ [`INPUT_${name}`]: text })).toEqual([
      {
        input: name.toLowerCase(),
        message: `expected the bare secret, got ${got}. Store the secret again.`,
        isEmpty: false,
      },
    ]);
  });

  it.each(['"abc', 'abc"', '"abc\'', '"a"bc', 'a"bc"', 'abearer-x', '!~'])(
    'may be %j',
    (text) => {
      expect(inputsOf({ 'INPUT_API-TOKEN': text }).credentials).toEqual({
        authorization: `Bearer ${text}`,
      });
    },
  );

  it('never shows a secret', () => {
    const secrets = {
      'INPUT_API-TOKEN': 'Bearer hunter2',
      'INPUT_GITHUB-TOKEN': '"hunter2"',
    };
    expect(errorsOf(secrets)).toHaveLength(2);
    expect(JSON.stringify(errorsOf(secrets))).not.toContain('hunter2');
  });
});
