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
  OWNER,
  type Run,
  runScenario,
  type Scenario,
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

  it.each([
    ['array', JSON.stringify([account(0), account(1)])],
    ['object', JSON.stringify({ EMEA: account(0), APAC: account(1) })],
  ])('holds a JSON %s', async (_, json) => {
    const run = await runWithFile(`${json}\n`);
    expect(run).toMatchObject({ exitCode: 0, errors: [] });
    expect(run.posts.map(accountIn).sort()).toEqual([0, 1].map(account));
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

  it('may be in a folder, and have an absolute path', async () => {
    await inWorkspace(async (folder) => {
      mkdirSync(join(folder, 'lists'));
      const path = join(folder, 'lists', LIST_FILE);
      writeFileSync(path, account(0));
      for (const given of [
        path,
        `lists/${LIST_FILE}`,
        `./x/../lists/${LIST_FILE}`,
      ]) {
        const run = await runScenario(readingFile(folder, {}, given));
        expect(run).toMatchObject({ exitCode: 0, errors: [] });
        expect(run.posts.map(accountIn)).toEqual([account(0)]);
      }
    });
  });

  onPosix('may be a link to a file of the workspace', async () => {
    await inWorkspace(async (folder) => {
      writeFileSync(join(folder, 'real.txt'), account(0));
      symlinkSync('real.txt', join(folder, LIST_FILE));
      const run = await runScenario(readingFile(folder));
      expect(run).toMatchObject({ exitCode: 0, errors: [] });
    });
  });
});

describe.concurrent('recipient-account-file fails without a request where it', () => {
  it('does not exist', async () => {
    await inWorkspace(async (folder) => {
      expectRejected(
        await runScenario(readingFile(folder)),
        `${INPUT}: expected a file in the workspace, got "${LIST_FILE}" (which does not exist). Check the path`,
      );
    });
  });

  it('is a folder', async () => {
    await inWorkspace(async (folder) => {
      mkdirSync(join(folder, LIST_FILE));
      expectRejected(
        await runScenario(readingFile(folder)),
        `${INPUT}: expected a file, got "${LIST_FILE}" (a folder). Set the path of the file itself.`,
      );
    });
  });

  it('is outside of the workspace', async () => {
    await inWorkspace(async (folder) => {
      const workspace = join(folder, 'workspace');
      mkdirSync(workspace);
      writeFileSync(join(folder, LIST_FILE), account(0));
      for (const path of [`../${LIST_FILE}`, join(folder, LIST_FILE)]) {
        const run = await runScenario(readingFile(workspace, {}, path));
        expectRejected(
          run,
          `${INPUT}: expected a file in the workspace, got "${path}" (outside of it). Copy the file itself into the workspace.`,
        );
        // What it holds is nobody's business.
        expect(run.stdout).not.toContain(account(0));
      }
    });
  });

  onPosix('is outside by a link', async () => {
    await inWorkspace(async (folder) => {
      const workspace = join(folder, 'workspace');
      mkdirSync(workspace);
      writeFileSync(join(folder, 'secret.txt'), account(0));
      symlinkSync('../secret.txt', join(workspace, LIST_FILE));
      symlinkSync('..', join(workspace, 'up'));
      for (const path of [LIST_FILE, 'up/secret.txt']) {
        const run = await runScenario(readingFile(workspace, {}, path));
        expectRejected(run, `got "${path}" (outside of it)`);
        expect(run.stdout).not.toContain(account(0));
      }
    });
  });

  it('is in a run without a workspace', async () => {
    await inWorkspace(async (folder) => {
      writeFileSync(join(folder, LIST_FILE), account(0));
      const path = join(folder, LIST_FILE);
      const scenario = readingFile(folder, {}, path);
      const run = await runScenario({
        ...scenario,
        env: { GITHUB_WORKSPACE: undefined },
      });
      expectRejected(
        run,
        `${INPUT}: expected the variable GITHUB_WORKSPACE with a folder, got nothing.`,
      );
    });
  });

  const CONTENTS: Array<[string, string | Uint8Array, string]> = [
    [
      'has 5 MiB',
      new Uint8Array(5 * 1024 * 1024).fill(0x20),
      'expected a file of at most 4 MiB, got 5.0 MiB.',
    ],
    [
      'is no UTF-8',
      Buffer.from(`${account(0)} # Zürich`, 'latin1'),
      'expected a file in UTF-8, got other bytes. Save the file as UTF-8.',
    ],
    ['is empty', '', 'expected account IDs, got an empty file. Add'],
    [
      'holds only comments',
      `# ${account(0)}\n# ${account(1)}\n`,
      'expected account IDs, got only comments.',
    ],
    [
      'holds an empty array',
      '[]\n',
      'expected account IDs, got an empty list.',
    ],
    [
      'has a word in place of an ID',
      `${account(0)}\nundefined\n`,
      'got "undefined"',
    ],
    ['has the owner', `${account(0)}\n${OWNER}\n`, `got "${OWNER}"`],
    [
      'is an object with a key twice',
      `{"EMEA": "${account(0)}", "EMEA": "${account(1)}"}`,
      'expected each label once, got "EMEA" more than once.',
    ],
    [
      'has more than 20,000 IDs',
      Array.from({ length: 20_001 }, (_, n) => account(n)).join('\n'),
      'expected at most 20,000 account IDs, got 20,001.',
    ],
  ];
  for (const state of ['present', 'exact']) {
    it.concurrent.each(CONTENTS)(
      `%s, with ${state}`,
      async (_, content, message) => {
        const run = await runWithFile(content, { inputs: { state } });
        expectRejected(run, `${INPUT}: expected `);
        expectRejected(run, message);
      },
    );
  }

  const OTHERS: Array<[string, Scenario['inputs']]> = [
    ['recipient-account-id', { 'recipient-account-id': account(1) }],
    ['organization-id', { 'organization-id': account(1) }],
  ];
  it.concurrent.each(OTHERS)('is given with %s', async (name, inputs) => {
    const run = await runWithFile(account(0), { ...(inputs && { inputs }) });
    expect(run).toMatchObject({ exitCode: 1, requests: [] });
    expect(run.errors[0]?.message).toContain(
      'expected one kind of target, got',
    );
    expect(run.errors[0]?.message).toContain(`\`${name}\``);
    expect(run.errors[0]?.message).toContain(`\`${INPUT}\``);
  });
});
