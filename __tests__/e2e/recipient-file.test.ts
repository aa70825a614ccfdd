import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { record, removed, seed } from './exact-scenario.ts';
import { expectOutputs } from './expectations.ts';
import {
  inWorkspace,
  LIST_FILE,
  readingFile,
  runWithFile,
} from './list-file.ts';
import {
  account,
  accountIn,
  accounts,
  type Run,
  runScenario,
} from './scenario.ts';

const INPUT = 'recipient-account-file';
const onPosix = it.runIf(process.platform !== 'win32');

/** Nothing was sent, and one message says what is wrong with the file. */
function expectRejected(run: Run, message: string): void {
  expect(run).toMatchObject({ exitCode: 1, stderr: '', requests: [] });
  expectOutputs(run);
  expect(run.errors).toMatchObject([
    {
      title: 'Invalid inputs: no request was sent',
      message: expect.stringContaining(message),
    },
  ]);
  expect(run.summary).toContain(`<code>${INPUT}</code>: `);
}

describe.concurrent('recipient-account-file', () => {
  it('holds a list like recipient-account-id', async () => {
    const list = `\uFEFF# Customers\r\n- ${account(0)} # EMEA\r\n"${account(1).toUpperCase()}", ${account(2)}\r\n# ${account(3)}\r\n`;
    const run = await runWithFile(list);
    expect(run).toMatchObject({ exitCode: 0, errors: [] });
    expect(run.posts.map(accountIn).sort()).toEqual([0, 1, 2].map(account));
    expect(run.recipients.map(({ label }) => label)).toEqual([
      'EMEA',
      null,
      null,
    ]);
    expect(run.stdout).toContain('1 ID in comments not used');
  });

  it('is the whole truth with exact', async () => {
    const run = await runWithFile(`${account(0)}\n${account(1)}\n`, {
      recipients: [seed(0), seed(2)],
      inputs: { state: 'exact', 'max-removals': '1' },
    });
    expect(run).toMatchObject({ exitCode: 0, errors: [] });
    expect(run.posts.map(accountIn)).toEqual([account(1)]);
    expect(removed(run)).toEqual([record(2)]);
  });

  onPosix(
    'may have an absolute path, and be a link to a file of the workspace',
    async () => {
      await inWorkspace(async (folder) => {
        mkdirSync(join(folder, 'lists'));
        writeFileSync(join(folder, 'real.txt'), account(0));
        symlinkSync('../real.txt', join(folder, 'lists', LIST_FILE));
        const path = join(folder, 'lists', LIST_FILE);
        const run = await runScenario(readingFile(folder, {}, path));
        expect(run).toMatchObject({ exitCode: 0, errors: [] });
        expect(run.posts.map(accountIn)).toEqual([account(0)]);
      });
    },
  );
});

// What else is wrong with a file is in inputs/recipient-file.test.ts.
describe.concurrent('recipient-account-file fails without a request where it', () => {
  it('does not exist', async () => {
    await inWorkspace(async (folder) => {
      expectRejected(
        await runScenario(readingFile(folder)),
        `${INPUT}: expected a file in the workspace, got "${LIST_FILE}" (which does not exist). Check the path`,
      );
    });
  });

  it('is outside of the workspace', async () => {
    await inWorkspace(async (folder) => {
      const workspace = join(folder, 'workspace');
      mkdirSync(workspace);
      writeFileSync(join(folder, LIST_FILE), account(0));
      const path = `../${LIST_FILE}`;
      const run = await runScenario(readingFile(workspace, {}, path));
      expectRejected(
        run,
        `${INPUT}: expected a file in the workspace, got "${path}" (outside of it). Copy the file itself into the workspace.`,
      );
      // What it holds is nobody's business.
      expect(run.stdout).not.toContain(account(0));
    });
  });

  onPosix('is outside by a link', async () => {
    await inWorkspace(async (folder) => {
      const workspace = join(folder, 'workspace');
      mkdirSync(workspace);
      writeFileSync(join(folder, 'secret.txt'), account(0));
      symlinkSync('..', join(workspace, 'up'));
      const path = 'up/secret.txt';
      const run = await runScenario(readingFile(workspace, {}, path));
      expectRejected(run, `got "${path}" (outside of it)`);
      expect(run.stdout).not.toContain(account(0));
    });
  });

  it.concurrent.each<[string, string, string]>([
    ['is empty', '', 'expected account IDs, got an empty file. Add'],
    [
      'has more than 20,000 IDs',
      accounts(20_001).join('\n'),
      'expected at most 20,000 account IDs, got 20,001. No organization has more: check where the list comes from.',
    ],
  ])('%s, with exact', async (_, content, message) => {
    const run = await runWithFile(content, { inputs: { state: 'exact' } });
    expectRejected(run, `${INPUT}: ${message}`);
  });
});
