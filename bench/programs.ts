/**
 * The programs that are measured, and the environment of a step that they run
 * in.
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

import { parseOutputs } from '../simulator/runner.ts';

export interface Program {
  readonly name: string;
  /** Arguments of `node`. */
  readonly args: readonly string[];
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const file = (name: string) => join(ROOT, 'bench/programs', name);
/** A key or certificate of the server. */
export const fixture = (name: string): string =>
  join(ROOT, '__tests__/e2e/fixtures', name);

export const ACCOUNT = '699d98642c564d2e855e9661899b7252';
export const SHARE = '3fd85f74b32742f1bff64a85009dda07';
const LIST_FILE = 'accounts.txt';
const TOKEN = 'v1.0-bench-6f1ed002ab5595859014ebf095152';

export const RUNTIME: Program = { name: '`node -e 0`', args: ['-e', '0'] };
export const BARE: Program = {
  name: 'bare program on `node:https`',
  args: [file('bare-https.cjs')],
};
export const ACTION: Program = {
  name: '**this action**',
  args: [join(ROOT, 'dist/index.js')],
};
export const WRITERS: Program = {
  name: '4 bare writers',
  args: [file('four-writers.cjs')],
};
export const OFFICIAL: Program = {
  name: 'script on the `cloudflare` package',
  args: [file('official-client.mjs')],
};

/**
 * Bundles with ncc as users do, in `folder`, where no `tsconfig.json` names a
 * stand-in.
 */
export function bundleAlternatives(folder: string) {
  const node = (script: string, ...args: string[]) =>
    execFileSync(
      process.execPath,
      [join(ROOT, 'node_modules', script), ...args],
      { cwd: folder },
    );
  function bundled(name: string, entry: string): Program {
    const out = join(folder, `${basename(entry)}-dist`);
    node(
      '@vercel/ncc/dist/ncc/cli.js',
      'build',
      entry,
      '--out',
      out,
      '--quiet',
    );
    return {
      name,
      args: [join(out, entry.endsWith('.mjs') ? 'index.mjs' : 'index.js')],
    };
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'tsconfig.json'), '{}');
  for (const name of ['bare-node-fetch.mjs', 'official-client.mjs'])
    copyFileSync(file(name), join(folder, name));
  node(
    'typescript/bin/tsc',
    '--project',
    join(ROOT, 'tsconfig.build.json'),
    '--outDir',
    join(folder, 'src'),
  );
  return {
    onNodeFetch: bundled(
      'bare program on `node-fetch`, bundled',
      'bare-node-fetch.mjs',
    ),
    withoutStandIn: bundled(
      'the same sources, bundled without the stand-in',
      'src/index.js',
    ),
    official: bundled(`${OFFICIAL.name}, bundled`, 'official-client.mjs'),
  };
}

/** So many different account IDs, always the same. */
export function accounts(count: number): string[] {
  return Array.from({ length: count }, (_, index) =>
    (index + 1).toString(16).padStart(32, '0'),
  );
}

/** Calls `use` with a folder that exists until its promise is done. */
export async function inFolder<T>(
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'share-bench-'));
  return use(folder).finally(() =>
    rmSync(folder, { recursive: true, force: true }),
  );
}

/** The inputs that action.yml gives a default. */
function defaultInputs(): Record<string, string> {
  const action = parse(readFileSync(join(ROOT, 'action.yml'), 'utf8')) as {
    inputs: Record<string, { default?: string }>;
  };
  return Object.fromEntries(
    Object.entries(action.inputs).flatMap(([name, { default: value }]) =>
      value === undefined ? [] : [[name, value]],
    ),
  );
}

/**
 * What the runner sets for the action, and the same under the names that the
 * other programs read.
 */
function stepEnvironment(
  folder: string,
  { apiUrl, recipients, list, inputs: more }: RunOptions,
) {
  const [output, summary] = [
    join(folder, 'output'),
    join(folder, 'summary.md'),
  ];
  for (const path of [output, summary]) writeFileSync(path, '');
  if (list !== undefined) writeFileSync(join(folder, LIST_FILE), list);
  const inputs = {
    ...defaultInputs(),
    'account-id': ACCOUNT,
    'share-id': SHARE,
    'recipient-account-id': recipients.join('\n'),
    'recipient-account-file': list === undefined ? '' : LIST_FILE,
    'api-token': TOKEN,
    'api-url': apiUrl,
    ...more,
  };
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    NODE_EXTRA_CA_CERTS: fixture('authority.pem'),
    GITHUB_ACTIONS: 'true',
    GITHUB_ACTOR: 'octocat',
    GITHUB_EVENT_NAME: 'workflow_dispatch',
    GITHUB_OUTPUT: output,
    GITHUB_REPOSITORY: 'octo-org/policies',
    GITHUB_RUN_ID: '1658821493',
    GITHUB_STEP_SUMMARY: summary,
    GITHUB_WORKSPACE: folder,
    ...Object.fromEntries(
      Object.entries(inputs).map(([name, value]) => [
        `INPUT_${name.toUpperCase()}`,
        value,
      ]),
    ),
    API_URL: apiUrl,
    CLOUDFLARE_ACCOUNT_ID: ACCOUNT,
    CLOUDFLARE_API_TOKEN: TOKEN,
    SHARE_ID: SHARE,
    RECIPIENTS: recipients.join('\n'),
  };
}

export interface RunOptions {
  readonly apiUrl: string;
  readonly recipients: readonly string[];
  /** A list in a file, for the action: a variable has no room for it. */
  readonly list?: string;
  /** Added to the inputs of the action. */
  readonly inputs?: Readonly<Record<string, string>>;
  /** Whether the program is expected to fail. */
  readonly fails?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Loads probe.cjs before the program. */
  readonly probe?: boolean;
}

export interface Ended {
  /** From the start of the process to its end, in milliseconds. */
  readonly ms: number;
  /** Lines in the log, without those for debugging. */
  readonly lines: number;
  /** Peak resident memory; NaN without the probe. */
  readonly mebibytes: number;
  /**
   * When each phase ended, in milliseconds after the start of the process;
   * empty without the probe.
   */
  readonly phases: Readonly<Record<string, number>>;
  /** `recipient-id` and `recipients`, in bytes as UTF-16. */
  readonly outputBytes: number;
  readonly summaryBytes: number;
}

/** Runs a program to its end. Throws with what it printed when it fails. */
export function runProgram(
  { name, args }: Program,
  options: RunOptions,
): Promise<Ended> {
  const preload = options.probe ? ['--require', file('probe.cjs')] : [];
  return inFolder(async (folder) => {
    const env = {
      ...stepEnvironment(folder, options),
      ...options.env,
    };
    const startedNs = process.hrtime.bigint();
    const child = spawn(process.execPath, [...preload, ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    const text = ['', '', '', ''];
    for (const index of [1, 2, 3]) {
      child.stdio[index]?.on('data', (chunk: Buffer) => {
        text[index] += chunk.toString();
      });
    }
    let ms = 0;
    child.once('exit', () => {
      ms = Number(process.hrtime.bigint() - startedNs) / 1e6;
    });
    const exitCode = await new Promise((resolve, reject) => {
      child.once('error', reject).once('close', resolve);
    });
    if (exitCode !== (options.fails ? 1 : 0))
      throw new Error(`${name} failed (${exitCode}):\n${text[1]}${text[2]}`);
    const { peakKiB = Number.NaN, phases = {} } = JSON.parse(text[3] || '{}');
    const startedMs = Number(startedNs) / 1e6;
    for (const phase of Object.keys(phases)) phases[phase] -= startedMs;
    const lines = text[1]?.match(/^(?!::debug::).*\n/gm)?.length ?? 0;
    const outputs = parseOutputs(readFileSync(env.GITHUB_OUTPUT, 'utf8'));
    const { recipients = '', 'recipient-id': ids = '' } = outputs;
    return {
      ms,
      lines,
      mebibytes: peakKiB / 1024,
      phases,
      outputBytes: 2 * (recipients.length + ids.length),
      summaryBytes: statSync(env.GITHUB_STEP_SUMMARY).size,
    };
  });
}
