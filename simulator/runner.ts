/**
 * Runs the bundled action the way GitHub's runner does: its environment, its
 * files, its way to cancel.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
// What the runner leaves between SIGINT, SIGTERM and the end.
const CANCEL_MS = { terminate: 7500, kill: 2500 };

export interface RunOptions {
  /**
   * Values of declared inputs, as in `with:`; the others get their defaults.
   */
  inputs?: Record<string, string>;
  /**
   * Added to the runner's variables; undefined takes one away. Nothing of the
   * caller's is inherited.
   */
  env?: Record<string, string | undefined>;
  /** Default `dist/index.js` of this repository. */
  bundle?: string;
  /** Default `action.yml` of this repository. */
  actionFile?: string;
  /** Default the Node that runs this. */
  node?: string;
  /**
   * Cancels after `ms`: the signal (default SIGINT), then SIGTERM and SIGKILL
   * in the runner's own time.
   */
  signalAfter?: { ms: number; signal?: NodeJS.Signals };
  /** Kills the process after so many milliseconds; default 100,000. */
  killAfterMs?: number;
  /** Sees the raw output as it comes. */
  onOutput?: (chunk: string, stream: 'stdout' | 'stderr') => void;
}

export interface RunResult {
  /** Null when a signal ended the process. */
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  outputs: Record<string, string>;
  summary: string;
  /** From start to end, in milliseconds. */
  ms: number;
}

export interface StartedRun {
  child: ChildProcess;
  /** Signals as the runner does when somebody cancels. */
  cancel(signal?: NodeJS.Signals): void;
  finished: Promise<RunResult>;
}

/**
 * `INPUT_…` for every input `action.yml` declares: the value given, else the
 * default, else an empty string.
 */
function inputVariables(
  actionFile: string,
  given: Record<string, string>,
): Record<string, string> {
  const action = parse(readFileSync(actionFile, 'utf8')) as {
    inputs?: Record<string, { default?: unknown } | null>;
  };
  const declared = action.inputs ?? {};
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(declared, name))
      throw new Error(`${actionFile} declares no input ${name}`);
  }
  return Object.fromEntries(
    Object.entries(declared).map(([name, input]) => [
      `INPUT_${name.replaceAll(' ', '_').toUpperCase()}`,
      given[name] ?? String(input?.default ?? ''),
    ]),
  );
}

/**
 * Reads a `GITHUB_OUTPUT` file: `name<<delimiter` blocks and `name=value`
 * lines; the last of a name counts.
 */
export function parseOutputs(text: string): Record<string, string> {
  const outputs: Record<string, string> = {};
  const lines = text.split(/\r?\n/);
  for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
    if (line === '') continue;
    const [, name, operator, rest] = /^([^=<]+?)(<<|=)(.*)$/.exec(line) ?? [];
    if (name === undefined || rest === undefined)
      throw new Error(`not an output: ${line}`);
    if (operator === '=') {
      outputs[name] = rest;
      continue;
    }
    const end = lines.indexOf(rest);
    if (end < 0) throw new Error(`output ${name} has no end`);
    outputs[name] = lines
      .splice(0, end + 1)
      .slice(0, -1)
      .join('\n');
  }
  return outputs;
}

function runnerVariables(folder: string) {
  return {
    // The node of the lockfile may come first on the caller's PATH; nothing
    // else of it is needed.
    PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(
      delimiter,
    ),
    HOME: folder,
    CI: 'true',
    GITHUB_ACTIONS: 'true',
    GITHUB_ACTION: '__self',
    GITHUB_ACTOR: 'octocat',
    GITHUB_API_URL: 'https://api.github.com',
    GITHUB_ENV: join(folder, 'env'),
    GITHUB_EVENT_NAME: 'workflow_dispatch',
    GITHUB_EVENT_PATH: join(folder, 'event.json'),
    GITHUB_GRAPHQL_URL: 'https://api.github.com/graphql',
    GITHUB_JOB: 'share',
    GITHUB_OUTPUT: join(folder, 'output'),
    GITHUB_PATH: join(folder, 'path'),
    GITHUB_REF: 'refs/heads/main',
    GITHUB_REF_NAME: 'main',
    GITHUB_REF_TYPE: 'branch',
    GITHUB_REPOSITORY: 'octo-org/policies',
    GITHUB_REPOSITORY_OWNER: 'octo-org',
    GITHUB_RUN_ATTEMPT: '1',
    GITHUB_RUN_ID: '1658821493',
    GITHUB_RUN_NUMBER: '42',
    GITHUB_SERVER_URL: 'https://github.com',
    GITHUB_SHA: 'ffac537e6cbbf934b08745a378932722df287a53',
    GITHUB_STATE: join(folder, 'state'),
    GITHUB_STEP_SUMMARY: join(folder, 'summary.md'),
    GITHUB_WORKFLOW: 'Onboard an account',
    GITHUB_WORKSPACE: folder,
    RUNNER_ARCH: 'X64',
    RUNNER_NAME: 'simulated',
    RUNNER_OS: 'Linux',
    RUNNER_TEMP: folder,
    RUNNER_TOOL_CACHE: folder,
  };
}

/**
 * Starts the action and returns at once, with the process for those who want to
 * signal it.
 */
export function startAction(options: RunOptions = {}): StartedRun {
  const {
    inputs = {},
    bundle = join(ROOT, 'dist/index.js'),
    node = process.execPath,
  } = options;
  const variables = inputVariables(
    options.actionFile ?? join(ROOT, 'action.yml'),
    inputs,
  );
  const folder = mkdtempSync(join(tmpdir(), 'share-recipient-'));
  for (const name of ['env', 'output', 'path', 'state', 'summary.md'])
    writeFileSync(join(folder, name), '');
  writeFileSync(
    join(folder, 'event.json'),
    JSON.stringify({
      inputs: {},
      ref: 'refs/heads/main',
      repository: { full_name: 'octo-org/policies' },
    }),
  );
  const runner = runnerVariables(folder);
  const env = { ...runner, ...variables, ...options.env };
  const began = performance.now();
  const child = spawn(node, [bundle], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const timers: NodeJS.Timeout[] = [];
  const later = (ms: number, act: () => void): number =>
    timers.push(setTimeout(act, ms));

  function cancel(signal: NodeJS.Signals = 'SIGINT'): void {
    child.kill(signal);
    later(CANCEL_MS.terminate, () => child.kill('SIGTERM'));
    later(CANCEL_MS.terminate + CANCEL_MS.kill, () => child.kill('SIGKILL'));
  }

  const text = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (chunk: string) => {
      text[stream] += chunk;
      options.onOutput?.(chunk, stream);
    });
  }
  const { signalAfter, killAfterMs = 100_000 } = options;
  if (signalAfter) later(signalAfter.ms, () => cancel(signalAfter.signal));
  later(killAfterMs, () => child.kill('SIGKILL'));

  const finished = new Promise<RunResult>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) => {
      const ms = performance.now() - began;
      try {
        const outputs = parseOutputs(
          readFileSync(runner.GITHUB_OUTPUT, 'utf8'),
        );
        const summary = readFileSync(runner.GITHUB_STEP_SUMMARY, 'utf8');
        resolve({ exitCode, signal, ...text, outputs, summary, ms });
      } catch (error) {
        reject(error);
      }
    });
  }).finally(() => {
    for (const timer of timers) clearTimeout(timer);
    rmSync(folder, { recursive: true, force: true });
  });
  return { child, cancel, finished };
}

/** Runs the action to its end. */
export function runAction(options: RunOptions = {}): Promise<RunResult> {
  return startAction(options).finished;
}
