/**
 * `npm run test:repeat -- 20`: clones the last commit into an empty folder so
 * many times and runs the README's test command there, every second time beside
 * busy loops. It shows what a test does that passes only mostly, or only on an
 * idle machine. `--load 10` sets the number of loops (default 4).
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, stripVTControlCharacters } from 'node:util';

interface Options {
  /** How many clones are tested. */
  times: number;
  /** How many busy loops run beside every second one. */
  load: number;
}

interface Result {
  passed: boolean;
  seconds: number;
  /** The file with all output. */
  log: string;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const USAGE = 'npm run test:repeat -- TIMES [--load LOOPS]';
const BUSY_LOOP = 'for (;;) {}';
const LAST_LINES = 20;

function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!/^\d{1,4}$/.test(text) || value < least)
    throw new Error(`${name}: expected a number from ${least}, got "${text}".`);
  return value;
}

function readArguments(): Options {
  const { values, positionals } = parseArgs({
    options: { load: { type: 'string', default: '4' } },
    allowPositionals: true,
  });
  const [times = '20', ...others] = positionals;
  if (others.length > 0) throw new Error(`Unexpected ${others.join(' ')}.`);
  return {
    times: wholeNumber('TIMES', times, 1),
    load: wholeNumber('--load', values.load, 0),
  };
}

/** The one line of the README that installs and tests. */
function testCommand(clone: string): string {
  const readme = readFileSync(join(clone, 'README.md'), 'utf8');
  const command = /^npm ci && npm test$/m.exec(readme)?.[0];
  if (command === undefined) throw new Error('README: no test command.');
  return command;
}

/**
 * The environment of the caller, without what npm added for this script: a
 * nested npm would take this repository for its own, and find its programs.
 */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_(?!config_(registry|cache)$)|INIT_CWD$)/.test(name),
  );
  const path = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => !folder.startsWith(join(ROOT, 'node_modules')));
  return { ...Object.fromEntries(kept), PATH: path.join(delimiter) };
}

function startLoad(loops: number): ChildProcess[] {
  return Array.from({ length: loops }, () =>
    spawn(process.execPath, ['-e', BUSY_LOOP], { stdio: 'ignore' }),
  );
}

/** Kills the leader of a process group, and whatever it has left behind. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing of the group is left.
  }
}

/**
 * Runs the command, with all its output in a file. It gets a process group of
 * its own, which ends with it: a bundle that outlives the test that started it
 * would send its requests to a later test.
 */
function run(command: string, cwd: string, log: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const output = createWriteStream(log);
    const child = spawn('bash', ['-c', command], {
      cwd,
      detached: true,
      env: cleanEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const stop = (): void => killGroup(child);
    process.once('exit', stop);
    child.stdout.pipe(output, { end: false });
    child.stderr.pipe(output, { end: false });
    child.once('error', reject);
    child.once('exit', stop);
    child.once('close', (code) => {
      process.off('exit', stop);
      output.end(() => resolve(code === 0));
    });
  });
}

async function testClone(
  folder: string,
  name: string,
  loops: number,
): Promise<Result> {
  const clone = join(folder, name);
  const log = join(folder, `${name}.log`);
  execFileSync('git', ['clone', '--quiet', ROOT, clone]);
  const command = testCommand(clone);

  const load = startLoad(loops);
  const stop = (): void => {
    for (const child of load) child.kill('SIGKILL');
  };
  process.once('exit', stop);
  const beganMs = performance.now();
  try {
    const passed = await run(command, clone, log);
    const seconds = (performance.now() - beganMs) / 1000;
    return { passed, seconds, log };
  } finally {
    stop();
    process.off('exit', stop);
    rmSync(clone, { recursive: true, force: true });
  }
}

/** The names of the tests that failed, or the end of a log without any. */
function failuresIn(log: string): string[] {
  const lines = stripVTControlCharacters(readFileSync(log, 'utf8')).split('\n');
  const names = lines.flatMap(
    (line) => /^\s*FAIL\s+(.*)$/.exec(line)?.[1] ?? [],
  );
  return names.length > 0 ? [...new Set(names)] : lines.slice(-LAST_LINES);
}

function report(name: string, loops: number, result: Result): void {
  const { passed, seconds, log } = result;
  const beside = loops > 0 ? ` beside ${loops} busy loops` : '';
  const outcome = passed ? 'passed' : 'FAILED';
  console.log(`${name}${beside}: ${outcome} after ${seconds.toFixed(1)} s`);
  if (passed) return;
  for (const failure of failuresIn(log)) console.log(`  ${failure}`);
  console.log(`  log: ${log}`);
}

async function repeat({ times, load }: Options): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'share-recipient-repeat-'));
  console.log(`Logs in ${folder}`);

  let failed = 0;
  for (let n = 1; n <= times; n += 1) {
    const name = `run-${n}`;
    const loops = n % 2 === 0 ? load : 0;
    const result = await testClone(folder, name, loops);
    report(name, loops, result);
    if (!result.passed) failed += 1;
  }
  console.log(`${times - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

// Without a listener, a signal ends Node without the event `exit`.
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

try {
  process.exitCode = await repeat(readArguments());
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.error(USAGE);
  process.exitCode = 2;
}
