import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  account,
  accountIn,
  accounts,
  OWNER,
  type Run,
  runScenario,
} from './scenario.ts';

function runWithList(
  list: string,
  more: Record<string, string> = {},
): Promise<Run> {
  return runScenario({ inputs: { 'recipient-account-id': list, ...more } });
}

/** Runs with a list in a file of the workspace. */
function runWithFile(list: string): Promise<Run> {
  const workspace = mkdtempSync(join(tmpdir(), 'workspace-'));
  onTestFinished(() => rmSync(workspace, { recursive: true }));
  writeFileSync(join(workspace, 'accounts.txt'), list);
  return runScenario({
    inputs: {
      'recipient-account-id': '',
      'recipient-account-file': 'accounts.txt',
      'dry-run': 'true',
    },
    env: { GITHUB_WORKSPACE: workspace },
  });
}

/** The message of a run that must end before anything is sent. */
async function expectRejected(list: string): Promise<string> {
  const run = await runWithList(list);
  expect(run).toMatchObject({ exitCode: 1, connections: 0, stderr: '' });
  expect(run.annotations).toMatchObject([
    { level: 'error', title: 'Invalid inputs: no request was sent' },
  ]);
  // Advice for the whole run may follow in lines of its own.
  const [line = ''] = (run.errors[0]?.message ?? '').split('\n');
  expect(line).toMatch(/^recipient-account-id: expected /);
  return line.slice('recipient-account-id: '.length);
}

/** Exactly these accounts were added, in this order, each with one POST. */
function expectExactly(run: Run, ids: readonly string[]): void {
  expect(run).toMatchObject({
    exitCode: 0,
    stderr: '',
    annotations: [],
    deletes: [],
  });
  expect(run.recipients.map((one) => one['account_id'])).toEqual(ids);
  expect(run.recipients.every(({ status }) => status === 'associated')).toBe(
    true,
  );
  expect(run.posts.map(accountIn).sort()).toEqual([...ids].sort());
  expect(run.records.map((record) => record.account_id).sort()).toEqual(
    [...ids].sort(),
  );
}

const [A, B, C] = ['a1', 'b2', 'c3'].map(
  (start) => start + '0123456789abcdef'.repeat(2).slice(2),
) as [string, string, string];
/** Digits only, so that YAML could read it as a number. */
const DIGITS = '12345678901234567890123456789012';

// Every form of a list is in inputs/recipient-list.test.ts.
describe.concurrent('a list of recipients that is invalid', () => {
  it.concurrent.each<[string, string, string]>([
    [
      'a word',
      'null',
      'expected 32 hexadecimal digits, got "null". This is a word, not an ID: check where it comes from.',
    ],
    [
      'a number that YAML made of an ID',
      DIGITS.slice(4),
      `expected 32 hexadecimal digits, got "${DIGITS.slice(4)}". YAML turned the ID into a number: put it in quotes.`,
    ],
    [
      'lines that YAML joined',
      `${A} # emea ${B} # asia`,
      `expected no account ID in a comment, got "${B}". The lines were joined: in YAML, use \`|\` instead of \`>\`; in a shell, keep them apart.`,
    ],
  ])(
    '%s: the message says what was expected, what was given and how to fix it',
    async (_, list, problem) => {
      expect(await expectRejected(list)).toBe(problem);
    },
  );

  it('every wrong ID of many is reported with its line', async () => {
    const lines = ['', '# Europe', ...accounts(50)];
    lines[8] = 'not.an.id';
    lines[32] = `${account(30)}0`;
    lines[51] = OWNER;
    const message = await expectRejected(lines.join('\n'));
    expect(message).toMatch(
      /got 3 problems: "not\.an\.id" on line 9 .*on line 33 \(length 33\).*on line 52 \(the owner\)/,
    );
  });

  it('20,001 accounts are too many, which a file can hold', async () => {
    const run = await runWithFile(accounts(20_001).join('\n'));
    expect(run).toMatchObject({ exitCode: 1, connections: 0, stderr: '' });
    expect(run.errors[0]?.message).toBe(
      'recipient-account-file: expected at most 20,000 account IDs, got 20,001. No organization has more: check where the list comes from.',
    );
  });
});

describe.concurrent('a list of recipients that is valid gives access to exactly these accounts', () => {
  it.concurrent.each<[string, string, string[]]>([
    ['a JSON array over several lines', `[\n  "${A}",\n  "${B}"\n]\n`, [A, B]],
    ['a JSON object', `{"emea": "${A}", "asia": "${B}"}`, [A, B]],
    ['a YAML-style list', `\n  - ${A}\n  - "${B}"\n`, [A, B]],
    [
      'a list with comments',
      `# Europe\n${A} # prod\n#${B}\n${C}# staging\n# end`,
      [A, C],
    ],
    [
      'all separators, quotes and capitals',
      `${A}, "${DIGITS}"\r\n${account(2)}\t${B.toUpperCase()},,${A}`,
      [A, DIGITS, account(2), B],
    ],
  ])('%s', async (_, list, ids) => {
    expectExactly(await runWithList(list), ids);
  });

  it('in a file of the workspace', async () => {
    const run = await runWithFile(`\ufeff# Europe\r\n${A} # emea\r\n${B}\r\n`);
    expect(run).toMatchObject({ exitCode: 0, annotations: [] });
    expect(
      run.recipients.map((one) => [one['account_id'], one['label']]),
    ).toEqual([
      [A, 'emea'],
      [B, null],
    ]);
  });

  it('even for a removal', async () => {
    const run = await runScenario({
      recipients: [A, B, C].map((accountId) => ({
        accountId,
        id: accountId,
        status: 'associated',
      })),
      inputs: {
        'recipient-account-id': `${A} # Europe\n# ${C}\n${B}`,
        state: 'absent',
      },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: { status: 'disassociated' },
    });
    expect(run.records.map((record) => record.association_status)).toEqual([
      'disassociated',
      'disassociated',
      'associated',
    ]);
  });
});
