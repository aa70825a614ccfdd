/*
 * What reading an input gives: its value, or what is wrong with it. All inputs
 * are read before anything is reported, so that one run shows all errors.
 */
import type { Clean } from '../domain.ts';

/** What is wrong with a text, as the parts of one sentence. */
export interface Problem {
  /** What belongs here: `32 hexadecimal digits`. */
  readonly expected: string;
  /** What is there instead: `"abc"`, `nothing`. */
  readonly got: string;
  /** Where it is, after a space: ` on line 2`. */
  readonly place?: string;
  /** What can be said of it: `length 3`. */
  readonly remark?: string;
  /** What to do, as whole sentences. */
  readonly fix: string;
}

/** What is wrong with one input. */
export interface InputError {
  /**
   * The name of the input, as in action.yml, with the variable that replaces it
   * where there is one.
   */
  readonly input: string;
  /** `expected X, got "Y". Fix.` */
  readonly message: string;
  /**
   * Where an input has several problems, of which `message` shows only the
   * first: all of them, each one line. Otherwise empty.
   */
  readonly details: readonly string[];
  /** The input was empty or missing. */
  readonly isEmpty: boolean;
}

/** One input: its value, or everything that is wrong with it. */
export type Reading<T> =
  | { readonly type: 'valid'; readonly value: T }
  | { readonly type: 'invalid'; readonly errors: readonly InputError[] };

/** Readings of several inputs by their names. */
export type Readings<T> = { readonly [Name in keyof T]: Reading<T[Name]> };

/** How much of a wrong text a message shows. */
const MAX_SHOWN = 60;

export function valid<T>(value: T): Reading<T> {
  return { type: 'valid', value };
}

export function invalid(...errors: readonly InputError[]): Reading<never> {
  return { type: 'invalid', errors };
}

export function errorsOf(reading: Reading<unknown>): readonly InputError[] {
  return reading.type === 'invalid' ? reading.errors : [];
}

/** The value that was read, or another one where it is invalid. */
export function valueOr<T>(reading: Reading<T>, otherwise: T): T {
  return reading.type === 'valid' ? reading.value : otherwise;
}

/** All values if all are valid, otherwise all errors in the order given. */
export function allOf<T extends object>(readings: Readings<T>): Reading<T> {
  const values: Record<string, unknown> = {};
  const errors: InputError[] = [];
  for (const [name, reading] of Object.entries<Reading<unknown>>(readings)) {
    if (reading.type === 'valid') values[name] = reading.value;
    else errors.push(...reading.errors);
  }
  return errors.length > 0 ? invalid(...errors) : valid(values as T);
}

/** Makes a wrong text fit into a message. */
export function quoted(text: string, clean: Clean): string {
  // A secret in the wrong input is removed before the text is cut.
  return `"${clean(text, MAX_SHOWN)}"`;
}

/** What is there instead, and where: `"abc" on line 2 (length 3)`. */
export function findingOf({ got, place = '', remark }: Problem): string {
  return `${got}${place}${remark ? ` (${remark})` : ''}`;
}

/** `expected X, got "Y". Fix.` */
export function sentenceOf(wrong: Problem): string {
  return `expected ${wrong.expected}, got ${findingOf(wrong)}. ${wrong.fix}`;
}

/** An error of an input that holds something. */
export function wrongInput(input: string, wrong: Problem): InputError {
  return { input, message: sentenceOf(wrong), details: [], isEmpty: false };
}

/** An error of an input that is empty or missing. */
export function emptyInput(
  input: string,
  expected: string,
  fix: string,
): InputError {
  const message = sentenceOf({ expected, got: 'nothing', fix });
  return { input, message, details: [], isEmpty: true };
}
