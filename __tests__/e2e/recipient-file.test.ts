import {
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { expectFailure, expectSuccess } from './expectations.ts';
import { account, accountIn, type Run, runScenario } from './scenario.ts';

const INPUT = 'recipient-account-file';
const LIST_FILE = 'accounts.txt';

/** A folder with a list, and the workspace in it, which may have another. */
const folder = mkdtempSync(join(tmpdir(), 'share-'));
const workspace = join(folder, 'workspace');
mkdirSync(workspace);
writeFileSync(join(folder, LIST_FILE), account(0));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the bundle with the list in this file. */
function runWithFile(path: string): Promise<Run> {
  return runScenario({
    env: { GITHUB_WORKSPACE: workspace },
    inputs: { 'recipient-account-id': '', [INPUT]: path },
  });
}

it.concurrent('recipient-account-file holds a list like recipient-account-id', async () => {
  writeFileSync(
    join(workspace, LIST_FILE),
    `\uFEFF# Customers\r\n- ${account(0)} # EMEA\r\n"${account(1).toUpperCase()}", ${account(2)}\r\n# ${account(3)}\r\n`,
  );
  const run = await runWithFile(LIST_FILE);
  expectSuccess(run);
  expect(run.posts.map(accountIn).sort()).toEqual([0, 1, 2].map(account));
  expect(run.recipients.map(({ label }) => label)).toEqual([
    'EMEA',
    null,
    null,
  ]);
  expect(run.stdout).toContain('1 ID in comments not used');
});

// What else is wrong with a file is in inputs/recipient-file.test.ts.
it.runIf(process.platform !== 'win32')(
  'recipient-account-file outside of the workspace, by a link, fails without a request',
  async () => {
    symlinkSync('..', join(workspace, 'up'));
    const path = `up/${LIST_FILE}`;
    const run = await runWithFile(path);
    expectFailure(
      run,
      'Invalid inputs: no request was sent',
      `${INPUT}: expected a file in the workspace, got "${path}" (outside of it). Copy the file itself into the workspace.`,
    );
    expect(run).toMatchObject({ stderr: '', requests: [] });
    expect(run.summary).toContain(`<code>${INPUT}</code>: `);
    // What it holds is nobody's business.
    expect(run.stdout).not.toContain(account(0));
  },
);
