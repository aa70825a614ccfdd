/**
 * `npm run test:act`: real workflow files, run by act (https://nektosact.com) on this machine, without containers and
 * with the simulator in the place of Cloudflare. Arguments name the cases to run; default all of them.
 */
import assert from 'node:assert/strict';
import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { cases, TOKEN } from './cases.ts';
import { type Case, play, type Run } from './play.ts';

const AT_A_TIME = 2;

function findAct(): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  for (const folder of [...folders, join(cache, 'cloudflare-share-recipient-tools', 'bin')]) {
    const file = join(folder, 'act');
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not there: look on
    }
  }
  throw new Error(
    'act is neither on the PATH nor installed: run `bash .ci/tools.sh`, which needs Go and Python.',
  );
}
/** What a person, or another step, gets to see in a log. act's own record of `::add-mask::` is not part of it. */
function shown({ entries }: Run): string {
  return entries
    .map(({ command, msg, arg, content }) => [msg, command === 'add-mask' ? '' : arg, content].join('\n'))
    .join('\n');
}

function holdsNoSecret(run: Run): void {
  for (const form of [TOKEN, Buffer.from(TOKEN).toString('base64')]) {
    assert.ok(!shown(run).includes(form), `a secret is in the log: ${form.slice(0, 8)}…`);
  }
}

async function judge(act: string, one: Case): Promise<boolean> {
  const began = performance.now();
  const told = () => `${one.name} (${((performance.now() - began) / 1000).toFixed(1)} s)`;
  let run: Run | undefined;
  try {
    run = await play(act, one);
    one.check(run);
    holdsNoSecret(run);
    process.stdout.write(`ok      ${told()}\n`);
    return true;
  } catch (error) {
    const log = (run?.entries ?? []).map(({ jobID, msg }) => `  | ${jobID ?? ''} ${(msg ?? '').trimEnd()}\n`);
    process.stdout.write(
      `FAILED  ${told()}\n${error instanceof Error ? error.message : error}\n${log.join('')}`,
    );
    return false;
  }
}

async function main(words: string[]): Promise<number> {
  const act = findAct();
  const chosen = cases.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
  const waiting = [...chosen];
  const verdicts: boolean[] = [];
  async function work(): Promise<void> {
    for (let one = waiting.shift(); one; one = waiting.shift()) verdicts.push(await judge(act, one));
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  const passed = verdicts.filter(Boolean).length;
  const failed = verdicts.length - passed;
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 2;
}
