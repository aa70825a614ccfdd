import { describe, expect, it } from 'vitest';
import {
  ACCOUNT_ID,
  type IdKind,
  idProblem,
  idsIn,
  ORGANIZATION_ID,
  SHARE_ID,
} from '../../src/inputs/ids.ts';
import { sentenceOf } from '../../src/inputs/reading.ts';
import { ACCOUNT, clean, OTHER, OWNER } from '../builders.ts';

const HEX = 'expected 32 hexadecimal digits, got';
const NUMBER =
  'The ID is incomplete, or YAML turned it into a number: copy the whole ID. In YAML, put it in quotes.';
const WORD = 'This is a word, not an ID: check where it comes from.';

/** Null for an ID. */
function messageOf(kind: IdKind, text: string): string | null {
  const wrong = idProblem(kind, text, clean);
  return wrong && sentenceOf(wrong);
}

/** What the inputs of IDs have in common. */
const KINDS: readonly (readonly [string, IdKind])[] = [
  ['account', ACCOUNT_ID],
  ['organization', ORGANIZATION_ID],
  ['share', SHARE_ID],
];

describe.each(KINDS)('the ID of an %s', (_, kind) => {
  it.each([
    OWNER,
    OWNER.toUpperCase(),
    '1'.repeat(32),
    // 32 digits with an exponent are what YAML would have spoiled.
    `${'1'.repeat(29)}e12`,
  ])('may be %s', (text) => {
    expect(messageOf(kind, text)).toBeNull();
  });

  it.each([
    '1.2345e+31',
    '1.23456789012346E+31',
    '12e-45',
    '1e31',
    'Infinity',
    '-Infinity',
    '-12345',
    '-1e5',
    '.inf',
    '7',
    '1'.repeat(31),
  ])('is not the number %s, which YAML made of it', (text) => {
    const message = messageOf(kind, text);
    expect(message).toMatch(`expected ${kind.expected}`);
    expect(message).toMatch(`, got "${text}". ${NUMBER}`);
  });

  it.each([
    'null',
    'NULL',
    'nil',
    'None',
    'undefined',
    'NaN',
    'true',
    'False',
    'Array',
    'Object',
  ])('is not the word %s', (text) => {
    expect(messageOf(kind, text)).toBe(
      `expected ${kind.expected}, got "${text}". ${WORD}`,
    );
  });

  it.each([
    ['\u200b', 'U+200B'],
    ['\u00ad', 'U+00AD'],
    ['\u00a0', 'U+00A0'],
    ['\ufeff', 'U+FEFF'],
    ['\u202e', 'U+202E'],
    ['\u3164', 'U+3164'],
    ['\u2028', 'U+2028'],
    ['\t', 'U+0009'],
    ['\u{e0041}', 'U+E0041'],
  ])('with the invisible character %j names it', (character, name) => {
    const text = `${OWNER.slice(0, 9)}${character}${OWNER.slice(9)}`;
    expect(messageOf(kind, text)).toMatch(
      `(with the invisible character ${name}). Remove that character`,
    );
  });

  it('that is wrong names where to copy it, and is cut', () => {
    expect(messageOf(kind, 'a.b')).toBe(
      `expected ${kind.expected}, got "a.b" (length 3). ${kind.source}`,
    );
    const long = messageOf(kind, '.'.repeat(100_000)) ?? '';
    expect(long).toContain('…" (length 100000).');
    expect(long.length).toBeLessThan(250);
  });
});

describe.each([
  ['account', ACCOUNT_ID],
  ['organization', ORGANIZATION_ID],
] as const)('the ID of an %s, which becomes a target', (_, kind) => {
  it.each([
    OWNER.slice(1),
    `${OWNER}a`,
    `g${OWNER.slice(1)}`,
    `${OWNER}\n`,
    '1'.repeat(33),
    'emea-prod',
    '1e5x',
    '-',
  ])('is not %j', (text) => {
    expect(messageOf(kind, text)).toMatch(HEX);
  });
});

describe('the ID of a share', () => {
  it('is not a number, although it may have digits', () => {
    expect(messageOf(SHARE_ID, '7')).toBe(
      `expected up to 32 letters, digits, "_" and "-", not a number, got "7". ${NUMBER}`,
    );
  });

  it.each(['a', '_a', '-9-', 'Z'.repeat(32), 'arrays', 'my-array', 'x1e5'])(
    'may be %s',
    (text) => {
      expect(messageOf(SHARE_ID, text)).toBeNull();
    },
  );

  it.each(['-', '__', 'a b', 'a\n', 'a/b', '..', 'a.b', 'x'.repeat(33), 'é'])(
    'is not %j',
    (text) => {
      expect(messageOf(SHARE_ID, text)).toMatch(
        'expected up to 32 letters, digits, "_" and "-", got',
      );
    },
  );
});

describe('the IDs in a text', () => {
  it.each<[string, string[]]>([
    ['', []],
    [ACCOUNT, [ACCOUNT]],
    [`see ${ACCOUNT.toUpperCase()}, and (${OTHER})`, [ACCOUNT, OTHER]],
    [`#${ACCOUNT}#${OTHER}-prod`, [ACCOUNT, OTHER]],
    // A longer hash is no ID, and neither is a part of it.
    [`${ACCOUNT}${OTHER}`, []],
    [`x${ACCOUNT} ${ACCOUNT}_1 ${ACCOUNT}g`, []],
  ])('%s', (text, ids) => {
    expect(idsIn(text)).toEqual(ids);
  });
});
