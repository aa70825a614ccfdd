import { describe, expect, it } from 'vitest';
import { runExact, seed, warnings } from './exact-scenario.ts';
import {
  account,
  accountIn,
  ORGANIZATION,
  type Run,
  runScenario,
  type Scenario,
} from './scenario.ts';

const SKIPPED = 'Recipients could not be read';

const forOne = (inputs: Record<string, string> = {}): Scenario => ({
  inputs: { 'recipient-account-id': account(0), ...inputs },
});

function expectCounted(run: Run, text: string): void {
  expect(run).toMatchObject({ exitCode: 0, errors: [] });
  expect(run.stdout).toContain(`\n${text}\n`);
  expect(run.summary).toContain(`${text}.</p>`);
  expect(run.recipients).toHaveLength(1);
}

describe.concurrent.each(['present', 'absent'])('others with %s', (state) => {
  const recipients = [
    ...(state === 'absent' ? [seed(0)] : []),
    seed(1),
    seed(2, { status: 'associating' }),
    seed(2, { id: 'second' }),
    seed(3, { status: 'disassociated' }),
    seed(4, { status: 'disassociating' }),
    { organizationId: ORGANIZATION, status: 'associated' },
  ];

  it('are counted where they have access, each account once, and apart where they name no account', async () => {
    const run = await runScenario({
      ...forOne({ state }),
      recipients,
      api: { organizationRecords: 'organization_id' },
    });
    expectCounted(
      run,
      '2 other accounts have access, and 1 recipient without an account, possibly an organization',
    );
    for (const n of [1, 2, 3, 4]) {
      expect(run.stdout).not.toContain(account(n));
      expect(run.summary).not.toContain(account(n));
    }
  });
});

it.concurrent('others are not mentioned where there are none', async () => {
  const run = await runScenario({
    ...forOne(),
    recipients: [seed(3, { status: 'disassociated' })],
  });
  expect(run.exitCode).toBe(0);
  expect(run.stdout).not.toContain('other account');
  expect(run.summary).not.toContain('other account');
});

it.concurrent('others with exact are no others: they are in the plan', async () => {
  const run = await runExact({ listed: [0], has: [0, 1] });
  expect(run.exitCode).toBe(0);
  expect(run.stdout).not.toContain('other account');
  expect(run.summary).not.toContain('other account');
});

describe.concurrent('a record that cannot be decoded', () => {
  const odd = { shown: { association_status: null } };

  it('of another account is skipped, with one warning', async () => {
    const run = await runScenario({
      ...forOne(),
      recipients: [
        seed(1, odd),
        seed(2, { shown: { id: '../../x' } }),
        seed(3),
      ],
    });
    expect(run).toMatchObject({ exitCode: 0, errors: [] });
    expect(warnings(run, SKIPPED)).toEqual([
      expect.stringContaining('2 recipients of other accounts'),
    ]);
    expect(run.annotations).toHaveLength(1);
    expect(run.stdout).toContain('\n1 other account has access\n');
  });

  it('of a target fails the read', async () => {
    const run = await runScenario({
      ...forOne(),
      recipients: [seed(0, odd)],
    });
    expect(run).toMatchObject({ exitCode: 1, posts: [], deletes: [] });
    expect(run.errors).toMatchObject([
      { message: expect.stringContaining('result[0]: `association_status`') },
    ]);
  });

  it('that names nobody fails the read', async () => {
    const run = await runScenario({
      ...forOne(),
      recipients: [
        seed(1, { shown: { account_id: null, association_status: null } }),
      ],
    });
    expect(run).toMatchObject({ exitCode: 1, posts: [], deletes: [] });
    expect(run.errors).toHaveLength(1);
  });
});

describe('100,000 others', () => {
  it.concurrent('in one response are counted', async () => {
    const run = await runScenario({
      ...forOne(),
      share: { others: 100_000 },
      api: { timeline: { associateReads: 0 } },
    });
    expect(run).toMatchObject({ exitCode: 0, errors: [] });
    expect(run.posts.map(accountIn)).toEqual([account(0)]);
    expect(run.stdout).toContain('\n100,000 other accounts have access\n');
  });
});
