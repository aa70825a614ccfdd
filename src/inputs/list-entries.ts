/*
 * The formats of a list of accounts. Nothing that looks like an ID may be lost
 * here: it becomes an entry, is counted as switched off, or is a problem.
 */
import type { Clean } from '../domain.ts';
import { formatCount } from '../format.ts';
import { holdsId, idsIn, isAccountId } from './ids.ts';
import { isJson, type JsonItem, jsonItems } from './json-items.ts';
import { type Problem, quoted } from './reading.ts';

/** What should be the ID of an account. */
export interface Entry {
  /** The ID as it is written, without quotes. */
  readonly text: string;
  /** What the list calls it, as it is written; null where it has no name. */
  readonly label: string | null;
  /** ` on line 2`, ` in entry 2` or ` for "EMEA"`; empty for the only one. */
  readonly place: string;
  /** Where it stands: in JSON, or on a line, and there beside an ID. */
  readonly context: 'json' | 'line' | 'beside-id';
}

/** Everything that a list holds. */
export interface Entries {
  /** What should be IDs, in the order given. */
  readonly entries: readonly Entry[];
  /** IDs that comments on lines of their own begin with, in lower case. */
  readonly disabledIds: readonly string[];
  /** What is wrong with the list, apart from its entries. */
  readonly problems: readonly Problem[];
}

/** A line of a list that is no JSON. */
interface Line {
  /** From 1. */
  readonly number: number;
  /** Without separators and quotes. */
  readonly words: readonly string[];
  /** What follows the first `#`; null where there is none. */
  readonly comment: string | null;
}

/** What `terraform output -json` writes for each output. */
const OUTPUT_KEYS = ['sensitive', 'type', 'value'];

/**
 * A comma or a space of any kind, but not U+FEFF, which would split an ID that
 * contains it. One character without `+`: on a long run of spaces, V8 could run
 * out of stack.
 */
const SEPARATOR = /,|(?!\uFEFF)\s/;

/** Inside of an ID, each would hide it from the search of comments. */
const UNSEEN = /[\p{Cf}\p{DI}]|(?!\s)\p{Cc}/gu;

/** `# 023e…`, `# - "023e…"`: an account that is switched off. */
const SWITCHED_OFF = /^\s*(?:#\s*)?(?:-\s+)?["']?[0-9a-f]{32}(?![0-9a-z_])/i;

/** Finds what a list holds, in any of its formats. */
export function entriesOf(text: string, clean: Clean): Entries {
  // This removes a byte order mark as well.
  const trimmed = text.trim();
  if (trimmed.startsWith('[')) return entriesOfArray(trimmed);
  if (trimmed.startsWith('{')) return entriesOfObject(trimmed, clean);
  // Not trimmed: empty lines at the start count as lines.
  return entriesOfLines(text.replace(/^\uFEFF/, ''), clean);
}

// -------- JSON

function entriesOfArray(json: string): Entries {
  if (!isJson(json)) return only(invalidJson('array'));
  const items = jsonItems(json);
  if (items.some(isTerraformOutput)) return only(wholeTerraformOutput());

  const place = (index: number) => ` in entry ${index + 1}`;
  const entries = items.map((item, index) => ({
    text: textOf(item),
    label: null,
    place: place(index),
    context: 'json' as const,
  }));
  const problems = items.flatMap((item, index) =>
    numberAsId(item, place(index)),
  );
  return { entries, disabledIds: [], problems };
}

function entriesOfObject(json: string, clean: Clean): Entries {
  if (!isJson(json)) return only(invalidJson('object'));
  const items = jsonItems(json);
  const isOutput = isTerraformOutput({ key: null, source: json });
  if (isOutput || items.some(isTerraformOutput))
    return only(wholeTerraformOutput());

  const place = ({ key }: JsonItem) => ` for ${quoted(key ?? '', clean)}`;
  const entries = items.map((item) => ({
    text: textOf(item),
    label: labelOf(item),
    place: place(item),
    context: 'json' as const,
  }));
  const problems = [
    ...items.flatMap((item) => numberAsId(item, place(item))),
    ...repeatedLabels(items, clean),
    ...idsAsLabels(items, clean),
  ];
  return { entries, disabledIds: [], problems };
}

/** A list that cannot be read has one problem, whatever else is in it. */
function only(wrong: Problem): Entries {
  return { entries: [], disabledIds: [], problems: [wrong] };
}

function invalidJson(type: 'array' | 'object'): Problem {
  return {
    expected: `a JSON ${type} of account IDs`,
    got: 'invalid JSON',
    fix: 'Check quotes and commas.',
  };
}

function isTerraformOutput({ source }: JsonItem): boolean {
  if (!source.startsWith('{')) return false;
  const keys = new Set(jsonItems(source).map(({ key }) => key));
  return OUTPUT_KEYS.every((key) => keys.has(key));
}

function wholeTerraformOutput(): Problem {
  return {
    expected: 'account IDs',
    got: 'an output of Terraform with its type',
    fix: 'Pass `.value` of the output, or use `terraform output -json NAME`.',
  };
}

/** A text without its quotes; anything else as it is written. */
function textOf({ source }: JsonItem): string {
  if (!source.startsWith('"')) return source;
  return (JSON.parse(source) as string).trim();
}

/** 32 digits without quotes. jq 1.6 changes all but the first 17 of them. */
function numberAsId({ source }: JsonItem, place: string): Problem[] {
  if (!isAccountId(source)) return [];
  const fix = 'Put it in quotes: JSON tools may have changed its digits.';
  return [{ expected: 'account IDs in quotes', got: source, place, fix }];
}

/** A map from each ID to itself has no labels. */
function labelOf(item: JsonItem): string | null {
  const isOwnId = item.key?.toLowerCase() === textOf(item).toLowerCase();
  return isOwnId ? null : item.key;
}

/** One of two members with the same name would be lost. */
function repeatedLabels(items: readonly JsonItem[], clean: Clean): Problem[] {
  const seen = new Set<string | null>();
  const repeated = new Set<string | null>();
  for (const { key } of items) {
    if (seen.has(key)) repeated.add(key);
    seen.add(key);
  }

  return [...repeated].map((key) => {
    const got = `${quoted(key ?? '', clean)} more than once`;
    const fix = 'Give each account a label of its own.';
    return { expected: 'each label once', got, fix };
  });
}

/** In a map from ID to name, the IDs are on the wrong side. */
function idsAsLabels(items: readonly JsonItem[], clean: Clean): Problem[] {
  const wrong = items.filter((item) => holdsId(labelOf(item) ?? ''));
  return wrong.map(({ key }) => {
    const got = `an ID in the label ${quoted(key ?? '', clean)}`;
    const fix = 'Write the label before the ID: `{"EMEA": "ID"}`.';
    return { expected: 'labels without IDs', got, fix };
  });
}

// -------- lines

function entriesOfLines(text: string, clean: Clean): Entries {
  const lines = text.split(/\r\n|\r|\n/).map(toLine);
  const isOneLine = !/[\r\n]/.test(text.trim());
  const entries = lines.flatMap((line) => entriesOfLine(line, isOneLine));

  const problems = lines.flatMap((line): Problem[] => {
    const joined = joinedIdsIn(line);
    const place = isOneLine ? '' : placeOf(line);
    return joined.length > 0 ? [{ ...idsInComment(joined, clean), place }] : [];
  });
  return { entries, disabledIds: lines.flatMap(disabledIdOf), problems };
}

function toLine(text: string, index: number): Line {
  const hash = text.indexOf('#');
  const content = hash < 0 ? text : text.slice(0, hash);
  const comment = hash < 0 ? null : text.slice(hash + 1);
  const words = content
    // The dash of a YAML list.
    .replace(/^\s*-\s+(?=\S)/, '')
    .split(SEPARATOR)
    .filter((word) => word !== '')
    .map(withoutQuotes);
  return { number: index + 1, words, comment };
}

function withoutQuotes(word: string): string {
  return word.replace(/^(["'])(.*)\1$/, '$2');
}

function placeOf({ number }: Line): string {
  return ` on line ${number}`;
}

function entriesOfLine(line: Line, isOnlyLine: boolean): Entry[] {
  const label = labelOfLine(line);
  const isOnlyWord = isOnlyLine && line.words.length === 1;
  const placeOfWord = (index: number) =>
    isOnlyLine ? ` in entry ${index + 1}` : placeOf(line);
  const context = line.words.some(isAccountId) ? 'beside-id' : 'line';
  return line.words.map((text, index) => {
    const place = isOnlyWord ? '' : placeOfWord(index);
    return { text, label, place, context };
  });
}

/** With two IDs on a line nobody knows which one the comment names. */
function labelOfLine({ words, comment }: Line): string | null {
  return words.length === 1 && comment ? comment.replace(/^#+/, '') : null;
}

/**
 * Words with IDs that may have had lines of their own, and are in a comment
 * now. `>` in YAML, `paste`, `tr`, an unquoted `echo`, and `cat` of a file
 * without a line break at its end join lines; what follows a `#` would be lost.
 * `>` keeps some lines apart, so a list of several lines may be joined, too. A
 * hash is no exception: the end of it may be an ID.
 */
function joinedIdsIn(line: Line): string[] {
  const text = seenComment(line);
  const isOwnLine = line.words.length === 0;
  return wordsWithIds(isOwnLine ? text.replace(SWITCHED_OFF, '') : text);
}

/** The account that a comment switches off. Behind an entry, it is a problem. */
function disabledIdOf(line: Line): string[] {
  const [start = ''] = SWITCHED_OFF.exec(seenComment(line)) ?? [];
  return idsIn(start);
}

/** A comment as people see it. */
function seenComment({ comment }: Line): string {
  return (comment ?? '').replace(UNSEEN, '');
}

/** Whole words: a secret in one can only be recognized as a whole. */
function wordsWithIds(text: string): string[] {
  return text.split(SEPARATOR).filter(holdsId);
}

function idsInComment(joined: readonly string[], clean: Clean): Problem {
  const [first = '', ...more] = joined;
  const rest = more.length > 0 ? ` and ${formatCount(more.length)} more` : '';
  const got = `${quoted(first, clean)}${rest}`;
  const inYaml = 'in YAML, use `|` instead of `>`';
  const fix =
    'Move the ID to a line of its own (as `# ID`, if the account is switched ' +
    'off), or remove it; shorten a hash to less than 32 digits. If lines were ' +
    `joined: ${inYaml}; in a shell, keep them apart.`;
  return { expected: 'no account ID in a comment', got, fix };
}
