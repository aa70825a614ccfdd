/** Who is measured: the action, what users would write instead, and the floor that Node itself sets. */
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface Contestant {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const onNode = (name: string, ...args: string[]): Contestant => ({ name, command: process.execPath, args });

export const BUNDLE = file('../dist/index.js');

export const RUNTIME = onNode('`node -e 0`', '-e', '0');
export const BARE = onNode('bare program on `node:http`: one read, no outputs', file('bare.cjs'));
export const ACTION = onNode('**this action**', BUNDLE);
export const OFFICIAL = onNode('script on the `cloudflare` package', file('official-client.mjs'));
export const WRITERS = onNode('4 bare writers: POSTs only', file('four-writers.cjs'));
export const CURL: Contestant = { name: '`curl` + `jq` loop', command: 'bash', args: [file('curl-loop.sh')] };

/** Another bundle of the action. */
export function bundleOf(name: string, path: string): Contestant {
  return onNode(name, path);
}

/** Are these programs installed? */
export function isInstalled(...programs: string[]): boolean {
  return programs.every((program) => spawnSync(program, ['--help'], { stdio: 'ignore' }).error === undefined);
}

export interface Ended {
  readonly exitCode: number | null;
  /** When it was started, in the machine's monotonic nanoseconds. */
  readonly startedNs: bigint;
  /** From start to exit, in milliseconds. */
  readonly ms: number;
  /** Peak resident memory in KiB, where it was asked for and Node runs. */
  readonly peakKiB: number | null;
  readonly output: string;
}

const PEAK = file('peak-memory.cjs');

/**
 * Runs one contestant to its end.
 * @param memory loads a few lines into it that tell its peak memory when it exits
 */
export async function runToEnd(
  { command, args }: Contestant,
  env: Record<string, string>,
  { memory = false } = {},
): Promise<Ended> {
  const preload = memory && command === process.execPath ? ['--require', PEAK] : [];
  const startedNs = process.hrtime.bigint();
  const child = spawn(command, [...preload, ...args], { env, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  let [output, peak] = ['', ''];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk;
    });
  }
  child.stdio[3]?.on('data', (chunk: Buffer) => {
    peak += chunk;
  });
  let endedNs = startedNs;
  child.once('exit', () => {
    endedNs = process.hrtime.bigint();
  });
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  const ms = Number(endedNs - startedNs) / 1e6;
  return { exitCode, startedNs, ms, peakKiB: peak ? Number(peak) : null, output };
}

/** Runs it, and throws with what it printed when it fails. */
export async function runWell(...args: Parameters<typeof runToEnd>): Promise<Ended> {
  const ended = await runToEnd(...args);
  if (ended.exitCode !== 0) throw new Error(`${args[0].name} failed (${ended.exitCode}):\n${ended.output}`);
  return ended;
}
