/** Recipients that a run is not about. */
import { describe, expect, it } from 'vitest';
import { warnings } from './exact-scenario.ts';
import { expectFailure, expectSuccess } from './expectations.ts';
import {
  account,
  accountIn,
  accounts,
  ORGANIZATION,
  runScenario,
  seed,
} from './scenario.ts';

const targets = accounts(1);

// What is said of them otherwise is in report/wording.test.ts.
it.concurrent('others are counted where they have access, each account once, and apart where they name no account', async () => {
  const run = await runScenario({
    targets,
    recipients: [
      seed(1),
      seed(2, { status: 'associating' }),
      seed(2, { id: 'second' }),
      seed(3, { status: 'disassociated' }),
      seed(4, { status: 'disassociating' }),
      { organizationId: ORGANIZATION, status: 'associated' },
    ],
    api: { organizationRecords: 'organization_id' },
  });
  expectSuccess(run);
  const text =
    '2 other accounts have access, and 1 recipient without an account, possibly an organization';
  expect(run.stdout).toContain(`\n${text}\n`);
  expect(run.summary).toContain(`${text}.</p>`);
  expect(run.recipients).toHaveLength(1);
  for (const n of [1, 2, 3, 4]) {
    expect(run.stdout).not.toContain(account(n));
    expect(run.summary).not.toContain(account(n));
  }
});

it.concurrent('100,000 others in one response are counted', async () => {
  const run = await runScenario({ targets, share: { others: 100_000 } });
  expectSuccess(run);
  expect(run.posts.map(accountIn)).toEqual([account(0)]);
  expect(run.stdout).toContain('\n100,000 other accounts have access\n');
});

// What cannot be decoded is in cloudflare/recipient-pages.test.ts.
describe.concurrent('a record that cannot be decoded', () => {
  const odd = { shown: { association_status: null } };

  it('of another account is skipped, with one warning', async () => {
    const run = await runScenario({
      targets,
      recipients: [
        seed(1, odd),
        seed(2, { shown: { id: '../../x' } }),
        seed(3),
      ],
    });
    expectSuccess(run);
    expect(warnings(run, 'Recipients could not be read')).toEqual([
      expect.stringContaining('2 recipients of other accounts'),
    ]);
    expect(run.annotations).toHaveLength(1);
    expect(run.stdout).toContain('\n1 other account has access\n');
  });

  it('of a target fails the read', async () => {
    const run = await runScenario({ targets, recipients: [seed(0, odd)] });
    expectFailure(
      run,
      'Unexpected response from the API',
      'result[0]: `association_status`',
    );
    expect(run).toMatchObject({ posts: [], deletes: [] });
  });
});
