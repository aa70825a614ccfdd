import { describe, expect, it } from 'vitest';
import { outputOf } from './exact-scenario.ts';
import { expectFailure, expectSuccess } from './expectations.ts';
import {
  account,
  accountIn,
  commands,
  REJECTED,
  type Run,
  runScenario,
  TOKEN,
} from './scenario.ts';

/** Two accounts, each with a comment that names it. */
const COMMENTS = `${account(0)} # Customer Zürich\n${account(1)} # Customer Graz\n`;
/** The same as Terraform writes a map. */
const KEYS = JSON.stringify({
  'Customer Zürich': account(0),
  'Customer Graz': account(1),
});
const ZURICH = `${account(0)} (Customer Zürich)`;
const GRAZ = `${account(1)} (Customer Graz)`;

/** No request holds a text, in its path, body, or headers. */
function expectInNoRequest({ requests }: Run, text: RegExp): void {
  expect(requests.length).toBeGreaterThan(0);
  for (const { path, query, body, headers } of requests) {
    expect(JSON.stringify([path, query, body, headers])).not.toMatch(text);
  }
}

// Plans, warnings and results are in report/progress-log.test.ts.
describe.concurrent('a label', () => {
  it.concurrent.each([
    ['a comment behind the ID', COMMENTS],
    ['the key of a JSON object', KEYS],
  ])(
    'from %s is in the log, the summary and the output, and in no request',
    async (_, list) => {
      const run = await runScenario({ targets: [list] });
      expectSuccess(run);
      for (const name of [ZURICH, GRAZ]) {
        expect(run.stdout).toContain(`\n${name} + add\n`);
        expect(run.stdout).toContain(`\n${name}: added as recipient `);
        expect(run.stdout).toContain(`\n${name}: associated after `);
      }
      expect(run.summary).toContain(`${account(0)}</code> Customer Zürich<`);
      expect(run.recipients.map(({ label }) => label)).toEqual([
        'Customer Zürich',
        'Customer Graz',
      ]);
      expect(run.posts.map(accountIn).sort()).toEqual([0, 1].map(account));
      expectInNoRequest(run, /Customer/);
    },
  );

  it('is in the annotation of a failure', async () => {
    const run = await runScenario({
      targets: [COMMENTS],
      api: { rejectAccounts: { [account(1)]: REJECTED } },
    });
    expectFailure(run, 'Request rejected by Cloudflare', `account ${GRAZ}.`);
    expect(run.errors[0]?.message).not.toContain('Zürich');
    expect(run.stdout).toContain(`\n${GRAZ}: failed: `);
    expect(outputOf(run, 1)).toMatchObject({ label: 'Customer Graz' });
  });
});

// Each of these has done harm somewhere: commands of both kinds, terminals,
// markup, links, mentions.
const EVIL = [
  '::error title=pwned::pwned ##[error]pwned ###[group]pwned',
  '\u001b[2K\u001b[31m\u009b1m\u0000pwned \u202epwned',
  '\u2028::warning::pwned\u2029::stop-commands::pwned',
  '<img src=https://evil.example/x.png onerror=pwned()>',
  '</pre></details><h1>pwned</h1><!--',
  '`pwned` [pwned](https://evil.example) @octocat octo-org/policies#1',
  '| pwned |\\',
  '%0A::error::pwned',
];
const EVIL_ACCOUNTS = EVIL.map((_, n) => account(n));

function expectHarmless(run: Run): void {
  for (const [command, rest] of commands(run.stdout)) {
    expect(command).toMatch(
      /^(add-mask|debug|group|endgroup|(error|warning) title=[^:,]*)$/,
    );
    expect(command).not.toContain('pwned');
    for (const line of rest.split('%0A')) expect(line).not.toMatch(/^\s*::/);
  }
  expect(run.stdout).not.toMatch(/##\[/);
  expect(run.stderr).toBe('');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: not allowed
  const control = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202e]/;
  expect(run.stdout).not.toMatch(control);
  expect(run.summary).not.toMatch(control);
  // Nothing of a label is markup, and none begins a line of Markdown.
  expect(run.summary).not.toMatch(/<(img|h1|!--|a |\/pre)|`|\[|@octocat/);
  expect(run.summary.trimEnd()).not.toMatch(/\n\s*\n/);
  for (const { label } of run.recipients) {
    expect(String(label)).not.toMatch(control);
    expect(String(label)).not.toMatch(/^\s*::|##\[/);
    expect(String(label).length).toBeLessThanOrEqual(60);
  }
  expectInNoRequest(run, /pwned|evil|octocat/);
}

describe.concurrent('a hostile label', () => {
  it('does no harm where it is a key', async () => {
    const keys = Object.fromEntries(
      EVIL.map((label, n) => [`${label}\n${n}`, account(n)]),
    );
    const run = await runScenario({ targets: [JSON.stringify(keys)] });
    expectSuccess(run);
    expect(run.posts.map(accountIn).sort()).toEqual(EVIL_ACCOUNTS);
    expectHarmless(run);
  });

  it('does no harm where it is a comment, and in failures', async () => {
    const run = await runScenario({
      // A variable of the environment cannot hold a NUL.
      targets: EVIL.map((label, n) =>
        `${account(n)} #${label}`.replaceAll('\u0000', ''),
      ),
      api: {
        rejectAccounts: Object.fromEntries(
          EVIL_ACCOUNTS.map((id) => [id, REJECTED]),
        ),
      },
    });
    expect(run.exitCode).toBe(1);
    expect(run.posts.map(accountIn).sort()).toEqual(EVIL_ACCOUNTS);
    expectHarmless(run);
  });

  it('is cut at sixty characters, and not shown where it is a secret', async () => {
    const long = `${'x'.repeat(59)}\u{1f600}${'y'.repeat(99)}`;
    const run = await runScenario({
      targets: [`${account(0)} # ${long}`, `${account(1)} # ${TOKEN}`],
    });
    expect(run.recipients).toMatchObject([
      { label: `${'x'.repeat(59)}…` },
      { label: '***' },
    ]);
    expect(run.stdout).not.toContain('yy');
    expect(run.stdout.replace(/^::add-mask::.*$/m, '')).not.toContain(TOKEN);
    expect(run.summary).not.toContain(TOKEN);
  });
});
