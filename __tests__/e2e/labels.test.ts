import { expect, it } from 'vitest';
import { expectFailure } from './expectations.ts';
import {
  account,
  accountIn,
  outputOf,
  REJECTED,
  runScenario,
} from './scenario.ts';

/** As Terraform writes a map. A comment is in recipient-file.test.ts. */
const KEYS = JSON.stringify({
  'Customer Zürich': account(0),
  'Customer Graz': account(1),
});
const ZURICH = `${account(0)} (Customer Zürich)`;
const GRAZ = `${account(1)} (Customer Graz)`;

// Plans, warnings and results are in report/progress-log.test.ts.
it('a label from the key of a JSON object is in the log, the summary, the output and the annotation of a failure, and in no request', async () => {
  const run = await runScenario({
    targets: [KEYS],
    api: { rejectAccounts: { [account(1)]: REJECTED } },
  });
  for (const name of [ZURICH, GRAZ])
    expect(run.stdout).toContain(`\n${name} + add\n`);
  expect(run.stdout).toContain(`\n${ZURICH}: added as recipient `);
  expect(run.stdout).toContain(`\n${ZURICH}: associated after `);
  expect(run.stdout).toContain(`\n${GRAZ}: failed: `);
  expectFailure(run, 'Request rejected by Cloudflare', `account ${GRAZ}.`);
  expect(run.errors[0]?.message).not.toContain('Zürich');
  expect(run.summary).toContain(`${account(0)}</code> Customer Zürich<`);
  expect(outputOf(run, 0)).toMatchObject({ label: 'Customer Zürich' });
  expect(outputOf(run, 1)).toMatchObject({ label: 'Customer Graz' });
  expect(run.posts.map(accountIn).sort()).toEqual([0, 1].map(account));
  for (const { path, query, body, headers } of run.requests)
    expect(JSON.stringify([path, query, body, headers])).not.toMatch(
      /Customer/,
    );
});
