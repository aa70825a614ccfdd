import { describe, expect, it } from 'vitest';
import { outputOf, record, runExact, seed } from './exact-scenario.ts';
import { runWithFile } from './list-file.ts';
import {
  account,
  accountIn,
  commands,
  type Run,
  runScenario,
  startScenario,
  TOKEN,
} from './scenario.ts';

const REJECTED = {
  status: 400,
  code: 1017,
  message: 'Recipient is not in the organization of the share',
};

/** Two accounts, each with a comment that names it. */
const COMMENTS = `${account(0)} # Customer Zürich\n${account(1)} # Customer Graz\n`;
/** The same as Terraform writes a map. */
const KEYS = JSON.stringify({
  'Customer Zürich': account(0),
  'Customer Graz': account(1),
});
const ZURICH = `${account(0)} (Customer Zürich)`;
const GRAZ = `${account(1)} (Customer Graz)`;

const list = (text: string, inputs: Record<string, string> = {}) => ({
  inputs: { 'recipient-account-id': text, ...inputs },
});

/** The summary as people read it. */
function summaryText({ summary }: Run): string {
  return summary
    .replace(/<[^>]*>/g, ' ')
    .replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
    .replace(/\s+/g, ' ');
}

/** No request holds a text, in its path, body, or headers. */
function expectInNoRequest({ requests }: Run, text: RegExp): void {
  expect(requests.length).toBeGreaterThan(0);
  for (const { path, query, body, headers } of requests) {
    expect(JSON.stringify([path, query, body, headers])).not.toMatch(text);
  }
}

describe.concurrent('a label', () => {
  it.concurrent.each([
    ['a comment behind the ID', COMMENTS],
    ['the key of a JSON object', KEYS],
  ])(
    'from %s is in the log, the summary and the output, and in no request',
    async (_, text) => {
      const run = await runScenario(list(text));
      expect(run).toMatchObject({ exitCode: 0, annotations: [] });
      for (const name of [ZURICH, GRAZ]) {
        expect(run.stdout).toContain(`\n${name} + add\n`);
        expect(run.stdout).toContain(`\n${name}: added as recipient `);
        expect(run.stdout).toContain(`\n${name}: associated after `);
      }
      expect(summaryText(run)).toContain(`${account(0)} Customer Zürich `);
      expect(run.recipients.map(({ label }) => label)).toEqual([
        'Customer Zürich',
        'Customer Graz',
      ]);
      expect(run.posts.map(({ body }) => body)).toEqual(
        expect.arrayContaining([
          { recipient_account_id: account(0) },
          { recipient_account_id: account(1) },
        ]),
      );
      expectInNoRequest(run, /Customer/);
    },
  );

  it('is in the annotation of a failure', async () => {
    const run = await runScenario({
      ...list(COMMENTS),
      api: { rejectAccounts: { [account(1)]: REJECTED } },
    });
    expect(run.exitCode).toBe(1);
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.message).toContain(`account ${GRAZ}.`);
    expect(run.errors[0]?.message).not.toContain('Zürich');
    expect(run.stdout).toContain(`\n${GRAZ}: failed: `);
    expect(outputOf(run, 1)).toMatchObject({ label: 'Customer Graz' });
  });

  it('is in the plan of a dry run, and of a removal', async () => {
    const run = await runScenario({
      ...list(COMMENTS, { 'dry-run': 'true', state: 'absent' }),
      recipients: [seed(1)],
    });
    expect(run.exitCode).toBe(0);
    expect(run.stdout).toContain(
      `\n${GRAZ} - remove recipient ${record(1)} (associated)\n`,
    );
    expect(summaryText(run)).toContain(`${account(1)} Customer Graz `);
  });

  it('is of a listed account with exact, while others have none', async () => {
    const run = await runExact({
      listed: [],
      has: [0, 2],
      inputs: { 'recipient-account-id': COMMENTS },
    });
    expect(run).toMatchObject({ exitCode: 0, errors: [] });
    expect(run.recipients.map(({ label }) => label)).toEqual([
      'Customer Zürich',
      'Customer Graz',
      null,
    ]);
    expectInNoRequest(run, /Customer/);
  });
});

describe.concurrent('labels', () => {
  it('name what a warning is about', async () => {
    const run = await runScenario({
      ...list(COMMENTS),
      recipients: [seed(0), seed(0, { id: 'second' })],
    });
    expect(run.annotations).toMatchObject([
      { level: 'warning', message: expect.stringContaining(ZURICH) },
    ]);
  });

  it('name each of many accounts in the results of the log', async () => {
    const many = Array.from({ length: 12 }, (_, n) => n);
    const text = many.map((n) => `${account(n)} # Customer ${n}`).join('\n');
    const run = await runScenario(list(text));
    for (const n of many) {
      expect(run.stdout).toContain(
        `\n${account(n)} (Customer ${n}): added (associated)\n`,
      );
    }
  });

  it('name accounts that were not done when a run is cancelled', async () => {
    const started = await startScenario({
      ...list(COMMENTS),
      api: { timeline: { associateMs: 'never' } },
    });
    await started.waitForRequest('GET', /recipients$/, 2);
    started.cancel();
    const run = await started.finished;
    expect(run.errors[0]?.message).toContain(`accounts ${ZURICH}, ${GRAZ}.`);
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
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
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
  const few = EVIL.map((label, n) => `${account(n)} #${label}`).join('\n');
  const keys = JSON.stringify(
    Object.fromEntries(EVIL.map((label, n) => [`${label}\n${n}`, account(n)])),
  );

  it('does no harm where it is a comment', async () => {
    const run = await runWithFile(few);
    expect(run).toMatchObject({ exitCode: 0, errors: [] });
    expectHarmless(run);
  });

  it('does no harm where it is a key', async () => {
    const run = await runWithFile(keys);
    expect(run).toMatchObject({ exitCode: 0, errors: [] });
    expect(run.posts.map(accountIn).sort()).toEqual(
      EVIL.map((_, n) => account(n)),
    );
    expectHarmless(run);
  });

  it('does no harm in failures', async () => {
    const failed = await runWithFile(few, {
      api: {
        rejectAccounts: Object.fromEntries(
          EVIL.map((_, n) => [account(n), REJECTED]),
        ),
      },
    });
    expect(failed.exitCode).toBe(1);
    expectHarmless(failed);
  });

  it('is cut at sixty characters, and not shown where it is a secret', async () => {
    const long = `${'x'.repeat(59)}\u{1f600}${'y'.repeat(99)}`;
    const run = await runScenario(
      list(`${account(0)} # ${long}\n${account(1)} # ${TOKEN}`),
    );
    expect(run.recipients).toMatchObject([
      { label: `${'x'.repeat(59)}…` },
      { label: '***' },
    ]);
    expect(run.stdout).not.toContain('yy');
    expect(run.stdout.replace(/^::add-mask::.*$/m, '')).not.toContain(TOKEN);
    expect(run.summary).not.toContain(TOKEN);
  });
});
