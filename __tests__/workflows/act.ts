/**
 * `npm run test:act`: runs real workflow files with act (https://nektosact.com)
 * on this machine, without containers and with the simulator in place of
 * Cloudflare. Arguments name the cases to run; default all of them.
 */
import assert from 'node:assert/strict';
import { findTool } from '../tools.ts';
import { cases, checkRun, TOKEN } from './cases.ts';
import { type Case, play, type Run } from './play.ts';

const AT_A_TIME = 2;

/**
 * What a person, or another step, can see in the log; without act's own record
 * of `::add-mask::`.
 */
function visibleText({ entries }: Run): string {
  return entries
    .map(({ command, msg, arg, content }) =>
      [msg, command === 'add-mask' ? '' : arg, content].join('\n'),
    )
    .join('\n');
}

function assertNoSecret(run: Run): void {
  for (const form of [TOKEN, Buffer.from(TOKEN).toString('base64')]) {
    assert.ok(
      !visibleText(run).includes(form),
      `a secret is in the log: ${form.slice(0, 8)}…`,
    );
  }
}

async function runCase(act: string, testCase: Case): Promise<boolean> {
  const began = performance.now();
  const label = () =>
    `${testCase.name} (${((performance.now() - began) / 1000).toFixed(1)} s)`;
  let run: Run | undefined;
  try {
    run = await play(act, testCase);
    checkRun(run, testCase);
    assertNoSecret(run);
    process.stdout.write(`ok      ${label()}\n`);
    return true;
  } catch (error) {
    const log = (run?.entries ?? []).map(
      ({ jobID, msg }) => `  | ${jobID ?? ''} ${(msg ?? '').trimEnd()}\n`,
    );
    process.stdout.write(
      `FAILED  ${label()}\n${error instanceof Error ? error.message : error}\n${log.join('')}`,
    );
    return false;
  }
}

async function main(words: string[]): Promise<number> {
  const act = findTool(
    'act',
    '`bash .ci/tools.sh`, which needs npm, Go and Python',
  );
  const chosen = cases.filter(
    ({ name }) =>
      words.length === 0 || words.some((word) => name.includes(word)),
  );
  const queue = [...chosen];
  const results: boolean[] = [];
  async function work(): Promise<void> {
    for (let testCase = queue.shift(); testCase; testCase = queue.shift())
      results.push(await runCase(act, testCase));
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  const passed = results.filter(Boolean).length;
  const failed = results.length - passed;
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed > 0 || passed === 0 ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 2;
}
