/*
 * IDs: which texts are one, and why the others are none. An ID passes through
 * YAML, expressions and copied text on its way here. Each can change it in
 * another way, so each has its own message.
 */
import type { Clean } from '../domain.ts';
import { type Problem, quoted } from './reading.ts';

/** A kind of ID that is an input. */
export interface IdKind {
  /** What a message expects. */
  readonly expected: string;
  /** What the whole ID matches. */
  readonly pattern: RegExp;
  /** Where to find one, as a whole sentence. */
  readonly source: string;
}

/** Every ID that becomes a target, and every published example. */
const TARGET_ID = /^[0-9a-f]{32}$/i;

export const ACCOUNT_ID: IdKind = {
  expected: '32 hexadecimal digits',
  pattern: TARGET_ID,
  source: 'Copy the account ID from the Cloudflare dashboard.',
};

/** An account ID, where another one is on the same line. */
export const ACCOUNT_ID_OR_NAME: IdKind = {
  ...ACCOUNT_ID,
  source:
    'A name follows its ID in a comment (`ID # name`). If it is not a name, ' +
    'copy the account ID from the Cloudflare dashboard.',
};

export const ORGANIZATION_ID: IdKind = {
  expected: '32 hexadecimal digits',
  pattern: TARGET_ID,
  source: 'Copy the organization ID from the Cloudflare dashboard.',
};

/** The API documents no more than a length of at most 32 characters. */
export const SHARE_ID: IdKind = {
  expected: 'up to 32 letters, digits, "_" and "-"',
  pattern: /^(?=.*[A-Za-z0-9])[A-Za-z0-9_-]{1,32}$/,
  source: 'Copy the share ID from the list that step 2 of the README prints.',
};

/**
 * What YAML makes of an ID that looks like a number and is not in quotes:
 * `1.2e+31`, `Infinity`, or too few digits.
 */
const YAML_NUMBER = /^[+-]?(\d+(\.\d+)?e[+-]?\d+|\.?inf(inity)?|\d{1,31})$/i;

/** What an expression gives for something that is no text. */
const WORD = /^(null|nil|none|undefined|nan|true|false|array|object)$/i;

/** Characters that nobody sees in a message, other than the space. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{DI}]|[^\S ]/u;

/** A character that is not printable ASCII. */
const NOT_ASCII = /[^ -~]/u;

/** An ID in free text, such as a comment: no part of a longer word. */
const ID_IN_TEXT = /(?<![0-9a-z_])[0-9a-f]{32}(?![0-9a-z_])/gi;

/**
 * A word that may hold an ID: where line breaks are lost, it has the end of a
 * comment, a date or another ID before it.
 */
const HOLDS_ID = /[0-9a-f]{32}/i;

export function isAccountId(text: string): boolean {
  return TARGET_ID.test(text);
}

/** The IDs of accounts in free text, in lower case. */
export function idsIn(text: string): string[] {
  return (text.match(ID_IN_TEXT) ?? []).map((id) => id.toLowerCase());
}

/** May a word hold the ID of an account, whatever else it holds? */
export function holdsId(word: string): boolean {
  return HOLDS_ID.test(word);
}

/**
 * Why a text is no ID of this kind.
 * @returns null for an ID
 */
export function idProblem(
  kind: IdKind,
  text: string,
  clean: Clean,
): Problem | null {
  if (TARGET_ID.test(text)) return null;
  const flaw =
    numberFlaw(kind, text) ??
    wordFlaw(text) ??
    invisibleFlaw(text) ??
    foreignFlaw(text) ??
    patternFlaw(kind, text);
  return flaw && { expected: kind.expected, got: quoted(text, clean), ...flaw };
}

/** What is special about a text that is no ID. */
type Flaw = Pick<Problem, 'fix'> & Partial<Problem>;

function numberFlaw({ pattern, expected }: IdKind, text: string): Flaw | null {
  if (!YAML_NUMBER.test(text)) return null;
  const fix =
    'The ID is incomplete, or YAML turned it into a number: copy the whole ' +
    'ID. In YAML, put it in quotes.';
  const isAllowed = pattern.test(text);
  return isAllowed ? { expected: `${expected}, not a number`, fix } : { fix };
}

function wordFlaw(text: string): Flaw | null {
  if (!WORD.test(text)) return null;
  return { fix: 'This is a word, not an ID: check where it comes from.' };
}

function invisibleFlaw(text: string): Flaw | null {
  const [character] = INVISIBLE.exec(text) ?? [];
  if (character === undefined) return null;
  const remark = `with the invisible character ${nameOfCharacter(character)}`;
  return { remark, fix: 'Remove that character, or type the ID.' };
}

/** Such as a Cyrillic letter, which looks like a Latin one. */
function foreignFlaw(text: string): Flaw | null {
  const [character] = NOT_ASCII.exec(text) ?? [];
  if (character === undefined) return null;
  const remark = `with the character ${nameOfCharacter(character)}`;
  return { remark, fix: 'Replace that character, or type the ID.' };
}

/** `U+0430`. */
function nameOfCharacter(character: string): string {
  const code = character.codePointAt(0)?.toString(16).toUpperCase();
  return `U+${code?.padStart(4, '0')}`;
}

function patternFlaw({ pattern, source }: IdKind, text: string): Flaw | null {
  if (pattern.test(text)) return null;
  return { remark: `length ${text.length}`, fix: source };
}
