/*
 * `recipient-account-file`: a list of accounts in a file of the workspace. A
 * file outside of it is not read: its text would appear in messages.
 */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { isAbsolute, relative, sep } from 'node:path';
import type { Environment } from '../domain.ts';
import { isAccountId } from './ids.ts';
import {
  invalid,
  type Problem,
  quoted,
  type Reading,
  valid,
  wrongInput,
} from './reading.ts';
import type { FileReader, FileStatus, InputSources } from './sources.ts';

/** The files of the machine. */
export const workspaceFiles: FileReader = {
  // Not `realpathSync` itself, which drops `link/..` before it reads the link.
  realPath: (path) => realpathSync.native(path),
  status(path) {
    const found = statSync(path);
    const other = found.isDirectory() ? 'folder' : 'other';
    return { type: found.isFile() ? 'file' : other, size: found.size };
  },
  read: (path) => readFileSync(path),
};

export const FILE_INPUT = 'recipient-account-file';

const MIB = 1024 * 1024;
const MAX_BYTES = 4 * MIB;

/** Codes of `node:fs` for a path that leads nowhere. */
const MISSING = ['ENOENT', 'ENOTDIR'];
const CHECK_PATH =
  'Check the path, and that an earlier step checks out or writes the file.';
const LIST_AS_PATH =
  'This is no path: pass a list of IDs as `recipient-account-id`.';
/** What to do, by the code of `node:fs`. */
const FIXES: Readonly<Record<string, string>> = {
  ENOENT: CHECK_PATH,
  ENOTDIR: CHECK_PATH,
  ELOOP: 'Correct its symbolic link, which leads to itself.',
  ENAMETOOLONG: LIST_AS_PATH,
};

/** A path for messages. */
interface NamedPath {
  /** In quotes. */
  readonly shown: string;
  /** Is it nothing but IDs of accounts? */
  readonly isList: boolean;
}

/** A file that cannot be used. */
class FileProblem extends Error {
  readonly problem: Problem;

  constructor(wrong: Problem) {
    super(wrong.got);
    this.problem = wrong;
  }
}

/**
 * Reads the text of the file. What could replace it between the checks and the
 * reading could also write the list itself: the job owns the workspace.
 * @param path as it was given; not empty
 */
export function readRecipientFile(
  path: string,
  sources: InputSources,
): Reading<string> {
  try {
    return valid(readText(path, sources));
  } catch (error) {
    if (!(error instanceof FileProblem)) throw error;
    return invalid(wrongInput(FILE_INPUT, error.problem));
  }
}

function readText(path: string, { env, files, clean }: InputSources): string {
  const shown = quoted(path, clean);
  const named = { shown, isList: path.split(/[\s,]+/).every(isAccountId) };
  const workspace = realWorkspace(env, files);
  const absolute = isAbsolute(path) ? path : `${workspace}${sep}${path}`;
  const file = attempt(() => files.realPath(absolute), named);
  requireInside(workspace, file, shown);

  const status = attempt(() => files.status(file), named);
  requireFile(status, shown);
  requireSize(status);

  const bytes = attempt(() => files.read(file), named);
  return decode(bytes);
}

function realWorkspace(env: Environment, files: FileReader): string {
  const expected = 'the variable GITHUB_WORKSPACE with a folder';
  const fix = 'Run the action in a job of GitHub Actions, or set the variable.';
  const workspace = env['GITHUB_WORKSPACE'] ?? '';
  if (workspace === '')
    throw new FileProblem({ expected, got: 'nothing', fix });

  try {
    return files.realPath(workspace);
  } catch (error) {
    const remark = codeOf(error);
    throw new FileProblem({ expected, got: 'another path', remark, fix });
  }
}

function requireInside(workspace: string, file: string, shown: string): void {
  const inside = relative(workspace, file);
  const isOutside =
    inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside);
  if (!isOutside) return;

  const expected = 'a file in the workspace';
  const fix = 'Copy the file itself into the workspace.';
  throw new FileProblem({ expected, got: shown, remark: 'outside of it', fix });
}

/** Reading a pipe or a device might never end. */
function requireFile({ type }: FileStatus, shown: string): void {
  if (type === 'file') return;

  const fix = 'Set the path of the file itself.';
  const remark = type === 'folder' ? 'a folder' : 'not a regular file';
  throw new FileProblem({ expected: 'a file', got: shown, remark, fix });
}

function requireSize({ size }: FileStatus): void {
  if (size <= MAX_BYTES) return;

  // Rounded up: one byte too many is not 4.0 MiB.
  const tenths = Math.ceil((size / MIB) * 10);
  const got = `${(tenths / 10).toFixed(1)} MiB`;
  const fix = 'The largest list of IDs is smaller: check the path.';
  throw new FileProblem({ expected: 'a file of at most 4 MiB', got, fix });
}

/** A byte order mark at the start is left out. */
function decode(bytes: Uint8Array): string {
  try {
    // A list has none, but UTF-16 without a byte order mark does.
    if (bytes.includes(0)) throw new TypeError('not text in UTF-8');
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const fix = 'Save the file as UTF-8.';
    throw new FileProblem({
      expected: 'a file in UTF-8',
      got: 'other bytes',
      fix,
    });
  }
}

/** Does something with the file that may fail. */
function attempt<T>(action: () => T, named: NamedPath): T {
  try {
    return action();
  } catch (error) {
    throw unreadable(codeOf(error), named);
  }
}

function unreadable(code: string, { shown, isList }: NamedPath): FileProblem {
  const isMissing = MISSING.includes(code);
  const fix = FIXES[code] ?? 'Check the permissions of the file.';
  return new FileProblem({
    expected: 'a file in the workspace',
    got: shown,
    remark: isMissing ? 'which does not exist' : code,
    fix: isMissing && isList ? LIST_AS_PATH : fix,
  });
}

function codeOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return code ?? String(error);
}
