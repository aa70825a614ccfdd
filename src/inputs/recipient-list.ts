/*
 * Makes targets of a list of accounts. The formats of the list are in
 * list-entries.ts.
 */
import type { Clean, Target } from '../domain.ts';
import { formatCount } from '../format.ts';
import {
  ACCOUNT_ID,
  ACCOUNT_ID_OR_NAME,
  idProblem,
  idsIn,
  isAccountId,
} from './ids.ts';
import { type Entries, type Entry, entriesOf } from './list-entries.ts';
import {
  findingOf,
  invalid,
  type Problem,
  quoted,
  type Reading,
  sentenceOf,
  valid,
  wrongInput,
} from './reading.ts';

/** The accounts of a list. */
export interface RequestedTargets {
  /** In the order given, each once. */
  readonly targets: readonly Target[];
  /** IDs that are switched off, and not given on another line. */
  readonly disabledIds: number;
  /** IDs that were given more than once. */
  readonly repeatedIds: number;
}

/** What a list is read with. */
export interface ListOptions {
  /** The input that holds it, for messages. */
  readonly input: string;
  /** The account that owns the share, in lower case. */
  readonly ownerId: string;
  /** Sanitizes labels and what is quoted in messages. */
  readonly clean: Clean;
}

/** The size of the largest organization. */
const MAX_ACCOUNTS = 20_000;
/** How many problems a message shows. */
const MAX_FINDINGS = 10;
const MAX_LABEL = 60;

/** Reads a list of accounts. The owner of the share cannot be one of them. */
export function parseRecipientList(
  text: string,
  options: ListOptions,
): Reading<RequestedTargets> {
  const { input } = options;
  const found = entriesOf(text, options.clean);
  const isRecipient = (entry: Entry) => isRecipientId(entry.text, options);
  const accounts = accountsOf(found.entries.filter(isRecipient));
  const wrongEntries = found.entries.filter((entry) => !isRecipient(entry));

  // Checked before there is a sentence for each of a million wrong entries.
  const count = accounts.size + wrongEntries.length;
  if (count > MAX_ACCOUNTS) return wrongList(input, tooManyAccounts(count));
  const problems = [
    ...found.problems,
    ...wrongEntries.map((entry) => entryProblem(entry, options)),
  ];
  if (problems.length > 0) return invalidList(input, problems);
  if (accounts.size === 0) return wrongList(input, noAccounts(text));

  return valid({
    targets: targetsOf(accounts, options.clean),
    disabledIds: countDisabled(found, accounts),
    repeatedIds: countRepeated(accounts),
  });
}

function isRecipientId(text: string, { ownerId }: ListOptions): boolean {
  return isAccountId(text) && text.toLowerCase() !== ownerId;
}

/** All entries of each account, by its ID in lower case. */
function accountsOf(entries: readonly Entry[]): Map<string, Entry[]> {
  const accounts = new Map<string, Entry[]>();
  for (const entry of entries) {
    const id = entry.text.toLowerCase();
    const sameAccount = accounts.get(id);
    if (sameAccount) sameAccount.push(entry);
    else accounts.set(id, [entry]);
  }
  return accounts;
}

function targetsOf(
  accounts: ReadonlyMap<string, readonly Entry[]>,
  clean: Clean,
): Target[] {
  return [...accounts].map(([id, entries]) => {
    const labels = entries.map(({ label }) => clean(label ?? '', MAX_LABEL));
    const label = labels.find((text) => text !== '') ?? null;
    return { type: 'account', id, label };
  });
}

function countDisabled(
  { disabledIds }: Entries,
  accounts: ReadonlyMap<string, unknown>,
): number {
  const distinct = [...new Set(disabledIds)];
  return distinct.filter((id) => !accounts.has(id)).length;
}

function countRepeated(
  accounts: ReadonlyMap<string, readonly Entry[]>,
): number {
  return [...accounts.values()].filter(({ length }) => length > 1).length;
}

// -------- problems

function wrongList(input: string, wrong: Problem): Reading<never> {
  return invalid(wrongInput(input, wrong));
}

function tooManyAccounts(count: number): Problem {
  return {
    expected: 'at most 20,000 account IDs',
    got: formatCount(count),
    fix: 'No organization has more: check where the list comes from.',
  };
}

function noAccounts(text: string): Problem {
  return {
    expected: 'account IDs',
    got: text.includes('#') ? 'only comments' : 'an empty list',
    fix: 'Add the ID of an account.',
  };
}

function entryProblem(entry: Entry, options: ListOptions): Problem {
  const { text, place, context } = entry;
  const mayBeName = context === 'beside-id' && !/^[\da-f]*$/i.test(text);
  const kind = mayBeName ? ACCOUNT_ID_OR_NAME : ACCOUNT_ID;
  const wrong =
    emptyProblem(text) ??
    mixedProblem(entry, options.clean) ??
    idProblem(kind, text, options.clean) ??
    ownerProblem(text, options.clean);
  return { ...wrong, place };
}

function emptyProblem(text: string): Problem | null {
  if (text !== '') return null;
  return {
    expected: ACCOUNT_ID.expected,
    got: 'an empty text',
    fix: 'Remove the empty entry, or check the expression that it comes from.',
  };
}

const BARE_ID_IN_JSON =
  'Write each ID as a text of its own: `["ID"]`, or with its name as the ' +
  'key, `{"EMEA": "ID"}`.';
const BARE_ID_ON_A_LINE =
  'Remove what is around the ID: IDs are separated by commas, spaces or ' +
  'newlines, and a name follows its ID in a comment (`ID # name`).';

/** Another separator, or a name in front of the ID. */
function mixedProblem({ text, context }: Entry, clean: Clean): Problem | null {
  const isPrintable = /^[ -~]*$/.test(text);
  if (!isPrintable || isAccountId(text) || idsIn(text).length === 0) {
    return null;
  }
  return {
    expected: ACCOUNT_ID.expected,
    got: quoted(text, clean),
    remark: `length ${text.length}`,
    fix: context === 'json' ? BARE_ID_IN_JSON : BARE_ID_ON_A_LINE,
  };
}

function ownerProblem(text: string, clean: Clean): Problem {
  return {
    expected: 'accounts other than the owner',
    got: quoted(text, clean),
    remark: 'the owner',
    fix: 'Remove the owner of the share from the list.',
  };
}

/** One sentence, however many problems there are. */
function invalidList(
  input: string,
  problems: readonly Problem[],
): Reading<never> {
  const [only, ...more] = problems;
  if (only && more.length === 0) return wrongList(input, only);

  const all = {
    expected: expectedOf(problems),
    got: gotOf(problems),
    fix: fixOf(problems),
  };
  const details = problems.map(sentenceOf);
  return invalid({ ...wrongInput(input, all), details });
}

function expectedOf(problems: readonly Problem[]): string {
  const [first = '', ...others] = distinct(
    problems.map(({ expected }) => expected),
  );
  return others.length === 0 ? first : 'account IDs';
}

/** `12 problems: "a" on line 1 (length 1), …, and 2 more`. */
function gotOf(problems: readonly Problem[]): string {
  const findings = problems.slice(0, MAX_FINDINGS).map(findingOf);
  const rest = problems.length - findings.length;
  const end = rest > 0 ? `, and ${formatCount(rest)} more` : '';
  return `${formatCount(problems.length)} problems: ${findings.join(', ')}${end}`;
}

/** How to fix each kind of problem, also those that are not shown. */
function fixOf(problems: readonly Problem[]): string {
  return distinct(problems.map(({ fix }) => fix)).join(' ');
}

function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
