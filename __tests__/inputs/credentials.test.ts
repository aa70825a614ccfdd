import { describe, expect, it } from 'vitest';
import { TOKEN } from '../builders.ts';
import { expectSentences } from '../sentences.ts';
import {
  errorsIn,
  inputsOf,
  messagesIn,
  notesOf,
  problemsIn,
} from './environment.ts';

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

  it('are complete, and of one kind', async () => {
    const email = { 'INPUT_API-EMAIL': 'a@b.c' };
    const key = { 'INPUT_API-KEY': 'k' };
    const changes = {
      none: NO_TOKEN,
      'a key without an address': { ...NO_TOKEN, ...key },
      'an address without a key': { ...NO_TOKEN, ...email },
      'half a pair in the environment': {
        ...NO_TOKEN,
        CLOUDFLARE_EMAIL: 'a@b.c',
      },
      'half a pair and a token in the environment': {
        ...NO_TOKEN,
        ...email,
        CLOUDFLARE_API_TOKEN: 't',
      },
      'an address that fits no header': {
        ...NO_TOKEN,
        ...key,
        'INPUT_API-EMAIL': 'a b',
      },
      'a key that fits no header': {
        ...NO_TOKEN,
        ...email,
        'INPUT_API-KEY': 'a b',
      },
      'a token and an address': email,
      'a token and a key': key,
    };
    await expectSentences('credentials', changes, problemsIn);
  });
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
