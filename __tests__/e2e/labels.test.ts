import { describe, expect, it } from 'vitest';
import { outputOf } from './exact-scenario.ts';
import { expectFailure, expectSuccess } from './expectations.ts';
import {
  account,
  accountIn,
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

// Plans, warnings and results are in report/progress-log.test.ts, hostile labels
// in hostile-text.test.ts.
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
