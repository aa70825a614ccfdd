/**
 * Runs one case: a repository for act, the simulator as Cloudflare, and nothing
 * from the network.
 */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import packageFile from '../../package.json' with { type: 'json' };
import { createSharesApi, type LoggedRequest } from '../../simulator/api.ts';
import type { Scenario } from '../../simulator/scenarios.ts';
import { startServer } from '../../simulator/server.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** `owner/name` of this action, as the examples write it. */
const ACTION = new URL(packageFile.repository).pathname.slice(1);
const CHECKOUT = 'actions/checkout';
const KILL_AFTER_MS = 120_000;

/** One line of `act --json`. */
export interface Entry {
  msg?: string;
  jobID?: string;
  stepID?: string[];
  stepResult?: string;
  jobResult?: string;
  raw_output?: boolean;
  command?: string;
  name?: string;
  arg?: string;
  content?: string;
}

export interface Run {
  exitCode: number | null;
  entries: Entry[];
  /** The requests to Cloudflare. */
  requests: readonly LoggedRequest[];
  /** The requests to GitHub: method, path and body. */
  github: Array<{ request: string; body: Record<string, unknown> }>;
}

export interface Case {
  name: string;
  /** Path in this repository. */
  workflow: string;
  event: string;
  payload?: object | undefined;
  scenario: Scenario;
  vars?: Record<string, string>;
  secrets?: Record<string, string>;
  /** Values of the form of a `workflow_dispatch`. */
  inputs?: Record<string, string>;
  /** More arguments for act. */
  args?: readonly string[];
  /** Files of the repository: path and text. */
  files?: Record<string, string>;
  /** What GitHub's API has, by its path: the JSON of a GET. */
  gitHub?: Record<string, unknown>;
  /**
   * Shell scripts in place of commands and of other actions, by name;
   * `$INPUT_PATH` is the input `path` of an action.
   */
  standIns?: Record<string, string>;
  /** Does the workflow fail? */
  fails?: boolean;
  /** The results of some jobs: several of a matrix, none of a skipped job. */
  jobs?: Record<string, readonly string[]>;
  /** Does no request go to Cloudflare, not even one that reads? */
  sendsNothing?: boolean;
  /** The requests that write to Cloudflare, in any order; default none. */
  writes?: readonly string[];
  /** What deploy.sh is called with, in any order; default never. */
  deploys?: readonly string[];
  /** Everything else. */
  check?: (run: Run) => void;
}

/**
 * The text of a workflow. An example is directed to the simulator, and loses a
 * key that act does not know.
 */
function readWorkflow(workflow: string): string {
  const text = readFileSync(join(ROOT, workflow), 'utf8');
  if (!workflow.startsWith('examples/')) return text;
  const step = new RegExp(`^( +)uses: ${ACTION}@v1\n +with:\n`, 'gm');
  const uses = text.match(new RegExp(`uses: ${ACTION}@`, 'g'))?.length;
  assert.ok(uses, `${workflow} uses the action`);
  assert.equal(text.match(step)?.length, uses, 'each with inputs');
  return text
    .replace(
      step,
      (found, indent) => `${found}${indent}  api-url: \${{ vars.API_URL }}\n`,
    )
    .replaceAll(/^ +queue: max\n/gm, '');
}

/**
 * Creates the repository that act sees: the action, and the workflows where
 * GitHub expects them.
 */
function createRepository(
  folder: string,
  workflows: readonly string[],
  files: Record<string, string>,
): void {
  for (const part of ['action.yml', 'dist', 'simulator']) {
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  }
  mkdirSync(join(folder, '.github/workflows'), { recursive: true });
  for (const workflow of workflows)
    writeFileSync(
      join(folder, '.github/workflows', basename(workflow)),
      readWorkflow(workflow),
    );
  writeFileSync(join(folder, 'deploy.sh'), '#!/bin/sh\necho deploy.sh "$@"\n', {
    mode: 0o755,
  });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: folder, stdio: 'ignore' });
  git('init', '--initial-branch', 'main');
  git('remote', 'add', 'origin', 'https://github.com/octo-org/policies');
  git('add', '--all', '--force');
  git('config', 'user.name', 'Octocat');
  git('config', 'user.email', 'octocat@example.com');
  git('commit', '--no-gpg-sign', '-m', 'Policies');
  git('update-ref', 'refs/remotes/origin/main', 'HEAD');
}

/**
 * Creates stand-ins for commands (in `folder`/bin) and for other actions, so
 * that nothing is downloaded.
 * @returns arguments for act
 */
function createStandIns(
  folder: string,
  workflows: readonly string[],
  standIns: Record<string, string>,
): string[] {
  mkdirSync(join(folder, 'bin'));
  // act itself copies the repository, unless the checkout names a ref.
  const checkout = `cp --recursive "${folder}/repository/." .`;
  for (const [name, text] of Object.entries(standIns)) {
    if (!name.includes('/'))
      writeFileSync(join(folder, 'bin', name), `#!/bin/bash\n${text}\n`, {
        mode: 0o755,
      });
  }
  const uses = workflows.flatMap(
    (workflow) =>
      readWorkflow(workflow).match(/[\w-]+\/[\w-]+@[0-9a-f]{40}/g) ?? [],
  );
  return [...new Set(uses)].flatMap((action, index) => {
    const path = join(folder, `action-${index}`);
    const name = action.split('@')[0] ?? '';
    const run = standIns[name] ?? (name === CHECKOUT ? checkout : 'true');
    const step = {
      run,
      shell: 'bash',
      env: { INPUT_PATH: `\${{ inputs.path }}` },
    };
    mkdirSync(path);
    const using = {
      name: action,
      inputs: { path: {} },
      runs: { using: 'composite', steps: [step] },
    };
    writeFileSync(join(path, 'action.yml'), JSON.stringify(using));
    return ['--local-repository', `${action}=${path}`];
  });
}

/**
 * Stands in for GitHub's REST API: a GET has what it is given, and everything
 * else is accepted.
 */
async function startGitHub(
  requests: Run['github'],
  found: Record<string, unknown>,
) {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    requests.push({
      request: `${request.method} ${request.url}`,
      body: JSON.parse(body || '{}'),
    });
    const isRead = request.method === 'GET';
    const path = (request.url ?? '').replace(/\?.*/, '');
    response
      .writeHead(isRead ? 200 : 201, { 'content-type': 'application/json' })
      .end(JSON.stringify(isRead ? (found[path] ?? []) : { id: 1 }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => server.close(),
  };
}

const keyed = (flag: string, values: Record<string, string>) =>
  Object.entries(values).flatMap(([name, value]) => [flag, `${name}=${value}`]);

const lines = (values: Record<string, string>) =>
  Object.entries(values)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}\n`)
    .join('');

/**
 * Runs one case.
 * @param act path of act
 */
export async function play(act: string, testCase: Case): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'act-'));
  const repository = join(folder, 'repository');
  const home = join(folder, 'home');
  for (const path of [repository, home]) mkdirSync(path);
  const workflows = [
    testCase.workflow,
    ...(testCase.workflow.endsWith('/caller.yml')
      ? ['examples/reusable.yml']
      : []),
  ];
  createRepository(repository, workflows, testCase.files ?? {});
  const standIns = createStandIns(folder, workflows, testCase.standIns ?? {});
  const api = createSharesApi({ ...testCase.scenario.api, now: Date.now });
  const cloudflare = await startServer(api);
  const github: Run['github'] = [];
  const gitHub = await startGitHub(github, testCase.gitHub ?? {});
  const { inputs } = testCase.scenario;
  const vars = {
    ACCOUNT_ID: inputs['account-id'] ?? '',
    SHARE_ID: inputs['share-id'] ?? '',
    RECIPIENT_ID: inputs['recipient-account-id'] ?? '',
    API_URL: cloudflare.url,
    ...testCase.vars,
  };
  const secrets = {
    GITHUB_TOKEN: 'ghs_actTestToken6f1ed002ab5595859014',
    ...(testCase.secrets ?? { API_TOKEN: inputs['api-token'] ?? '' }),
  };
  writeFileSync(join(folder, 'secrets'), lines(secrets));
  writeFileSync(join(folder, 'vars'), lines(vars));
  writeFileSync(
    join(folder, 'event.json'),
    JSON.stringify(testCase.payload ?? {}),
  );
  const args = [
    testCase.event,
    `--workflows=.github/workflows/${basename(testCase.workflow)}`,
    '--platform=ubuntu-latest=-self-hosted',
    '--json',
    '--no-cache-server',
    '--action-offline-mode',
    `--secret-file=${join(folder, 'secrets')}`,
    `--var-file=${join(folder, 'vars')}`,
    ...(testCase.payload ? [`--eventpath=${join(folder, 'event.json')}`] : []),
    `--env=GITHUB_API_URL=${gitHub.url}`,
    '--actor=octocat',
    `--local-repository=${ACTION}@v1=${repository}`,
    ...standIns,
    ...keyed('--input', testCase.inputs ?? {}),
    ...(testCase.args ?? []),
  ];
  try {
    const path = [
      join(folder, 'bin'),
      dirname(process.execPath),
      process.env['PATH'] ?? '',
    ];
    const { exitCode, text } = await execute(act, args, repository, {
      PATH: path.join(delimiter),
      HOME: home,
      TMPDIR: folder,
    });
    const entries = text.split('\n').filter(Boolean).map(asEntry);
    return { exitCode, entries, requests: api.requests, github };
  } finally {
    gitHub.close();
    await cloudflare.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs a program to its end, whatever its exit code is. */
function execute(
  program: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<{ exitCode: number | null; text: string }> {
  return new Promise((resolve, reject) => {
    const options = {
      cwd,
      env,
      timeout: KILL_AFTER_MS,
      killSignal: 'SIGKILL',
      maxBuffer: Number.POSITIVE_INFINITY,
    } as const;
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      // It did not start: an exit code would be a number.
      if (typeof error?.code === 'string') reject(error);
      else resolve({ exitCode: child.exitCode, text: stdout + stderr });
    });
    child.stdin?.end();
  });
}

function asEntry(line: string): Entry {
  try {
    return JSON.parse(line) as Entry;
  } catch {
    return { msg: line };
  }
}
