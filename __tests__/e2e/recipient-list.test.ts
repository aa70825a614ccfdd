import { describe, expect, it } from 'vitest';
import {
  account,
  accountIn,
  accounts,
  OWNER,
  RECIPIENT,
  type Run,
  runScenario,
} from './scenario.ts';

function runWithList(
  list: string,
  more: Record<string, string> = {},
): Promise<Run> {
  return runScenario({ inputs: { 'recipient-account-id': list, ...more } });
}

/**
 * The messages, one for each problem, of a run that must end before anything is
 * sent.
 */
async function expectRejected(list: string): Promise<string[]> {
  const run = await runWithList(list);
  expect(run).toMatchObject({ exitCode: 1, connections: 0, stderr: '' });
  expect(run.annotations).toMatchObject([
    { level: 'error', title: 'Invalid inputs: no request was sent' },
  ]);
  const problems = (run.errors[0]?.message ?? '').split(
    'recipient-account-id: ',
  );
  expect(problems[0]).toBe('');
  return problems.slice(1).map((problem) => problem.trim());
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

describe.concurrent('a list of recipients that is invalid', () => {
  const copy = 'Copy the account ID from the Cloudflare dashboard.';
  const quote = 'YAML turned the ID into a number: put it in quotes.';

  it.concurrent.each<[string, string, string]>([
    [
      'an ID of 31 digits',
      RECIPIENT.slice(1),
      `expected 32 hexadecimal digits, got "${RECIPIENT.slice(1)}" (length 31). ${copy}`,
    ],
    [
      'a hyphen alone',
      '-',
      `expected 32 hexadecimal digits, got "-" (length 1). ${copy}`,
    ],
    [
      'null',
      'null',
      `expected 32 hexadecimal digits, got "null" (length 4). ${copy}`,
    ],
    [
      'a name',
      'emea-prod',
      `expected 32 hexadecimal digits, got "emea-prod" (length 9). ${copy}`,
    ],
    [
      'a number that YAML made of an ID',
      '1.2345e+31',
      `expected 32 hexadecimal digits, got "1.2345e+31". ${quote}`,
    ],
    [
      'an infinite number that YAML made of an ID',
      'Infinity',
      `expected 32 hexadecimal digits, got "Infinity". ${quote}`,
    ],
    [
      'an ID of digits that lost its leading zeros',
      DIGITS.slice(4),
      `expected 32 hexadecimal digits, got "${DIGITS.slice(4)}". ${quote}`,
    ],
    [
      'a JSON array with a number',
      `["${A}", 5]`,
      `expected 32 hexadecimal digits, got "5". ${quote}`,
    ],
    [
      'a JSON array with null',
      `["${A}", null]`,
      `expected 32 hexadecimal digits, got "null" (length 4). ${copy}`,
    ],
    [
      'a JSON array that is broken',
      `["${A}", "${B}"`,
      'expected a JSON array of account IDs, got invalid JSON. Check quotes and commas.',
    ],
    [
      'an empty JSON array',
      '[]',
      'expected account IDs, got an empty list. Set this input, or `organization-id`.',
    ],
    [
      '1,001 IDs',
      accounts(1001).join('\n'),
      'expected at most 1,000 account IDs, got 1001. Split them with `strategy.matrix`.',
    ],
    [
      'a list in which everything is commented out',
      `# ${A}\n  # ${B} # emea`,
      'expected account IDs, got an empty list. Set this input, or `organization-id`.',
    ],
    [
      'separators alone',
      ' ,\n, ',
      'expected account IDs, got an empty list. Set this input, or `organization-id`.',
    ],
    [
      'the owner, in quotes',
      `"${OWNER}"`,
      `expected other accounts than the owner, got "${OWNER}". Remove it.`,
    ],
  ])(
    '%s: the message says what was expected, what was given and how to fix it',
    async (_, list, problem) => {
      expect(await expectRejected(list)).toEqual([problem]);
    },
  );

  it('every wrong ID of many is reported with its line', async () => {
    const lines = accounts(50);
    lines[6] = 'not.an.id';
    lines[30] = `${account(30)}0`;
    lines[49] = OWNER;
    const problems = await expectRejected(lines.join('\n'));
    expect(problems).toHaveLength(3);
    expect(problems[0]).toMatch(/^line 7: expected .*"not\.an\.id"/);
    expect(problems[1]).toMatch(/^line 31: expected .*\(length 33\)/);
    expect(problems[2]).toMatch(/^line 50: expected other accounts/);
  });

  it('comments and empty lines count as lines', async () => {
    const problems = await expectRejected(
      `# Europe\n\n${A}\n- null # the new one`,
    );
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^line 4: expected .*got "null"/);
  });
});

describe.concurrent('a list of recipients that is valid gives access to exactly these accounts', () => {
  it.concurrent.each<[string, string, string[]]>([
    [
      'a JSON array, as from terraform output -json',
      `["${A}","${B}","${C}"]`,
      [A, B, C],
    ],
    ['a JSON array over several lines', `[\n  "${A}",\n  "${B}"\n]\n`, [A, B]],
    ['a YAML-style list', `- ${A}\n- "${B}"\n- '${DIGITS}'\n`, [A, B, DIGITS]],
    ['a YAML-style list with indentation', `\n  - ${A}\n  - ${B}\n`, [A, B]],
    [
      'a list with comments',
      `# Europe\n${A} # prod\n#${B}\n${C}# staging\n# end`,
      [A, C],
    ],
    [
      'all separators',
      `${A}, ${account(1)}\r\n${account(2)}\t${B},,${C}`,
      [A, account(1), account(2), B, C],
    ],
    ['an ID more than once', `${A} ${B}\n${A}`, [A, B]],
    [
      'the same ID with and without quotes',
      `${A}\n"${A}"\n'${A}'\n- "${A}"`,
      [A],
    ],
    ['the same ID in capitals', `${A.toUpperCase()}, ${A}`, [A]],
    ['the same ID twice in a JSON array', `["${A}", "${B}", "${A}"]`, [A, B]],
    ['an ID of digits in quotes', `"${DIGITS}"`, [DIGITS]],
  ])('%s', async (_, list, ids) => {
    expectExactly(await runWithList(list), ids);
  });

  it('1,000 accounts, although some are given twice', async () => {
    const list = [...accounts(1000), ...accounts(20)].join(',');
    const run = await runWithList(list, { 'dry-run': 'true' });
    expect(run).toMatchObject({ exitCode: 0, annotations: [] });
    expect(run.recipients.map((one) => one['account_id'])).toEqual(
      accounts(1000),
    );
  });

  it.concurrent.each<[string, string]>([
    ['a JSON array', `["${A}","${B}"]`],
    ['a YAML-style list', `- ${A}\n- "${B}"`],
    ['a list with comments', `${A} # Europe\n# ${C}\n${B}`],
  ])('also for a removal: %s', async (_, list) => {
    const run = await runScenario({
      recipients: [A, B, C].map((accountId) => ({
        accountId,
        id: accountId,
        status: 'associated',
      })),
      inputs: { 'recipient-account-id': list, state: 'absent' },
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
