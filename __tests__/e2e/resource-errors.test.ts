/** What a record says on its way, of its resources and of itself. */
import { describe, expect, it } from 'vitest';
import { expectFailure, expectSuccess } from './expectations.ts';
import {
  activeRecords,
  ENTITLEMENT,
  POLICY,
  RETRYING,
  runScenario,
} from './scenario.ts';

describe.concurrent('resource errors', () => {
  it('fail the step at once when terminal, whatever the status is', async () => {
    const run = await runScenario({
      timeline: {
        steps: [{ afterReads: 0, status: 'associating' }],
        errors: [{ ...ENTITLEMENT, afterReads: 0 }],
      },
    });
    expectFailure(
      run,
      'Shared resource failed permanently',
      `gateway-policy ${POLICY}: ${ENTITLEMENT.error}`,
    );
    expect(run.outputs).toMatchObject({
      'recipient-id': activeRecords(run)[0]?.id,
      status: 'associating',
      changed: 'true',
    });
    expect(run.recipients).toMatchObject([
      {
        error: expect.stringContaining(ENTITLEMENT.error),
        resources: [
          {
            resource_id: POLICY,
            resource_type: 'gateway-policy',
            terminal: true,
            error: ENTITLEMENT.error,
          },
        ],
      },
    ]);
    expect(run.polls).toHaveLength(1);
    expect(run.deletes).toEqual([]);
  });

  it('that Cloudflare retries are shown once and waited out', async () => {
    const run = await runScenario({
      timeline: {
        associateReads: 0,
        errors: [{ ...RETRYING, clearsReads: 2 }],
      },
    });
    expectSuccess(run, { status: 'associated' });
    expect(run.recipients).toMatchObject([{ resources: [] }]);
    // Two with the error, and two without: one alone may be stale.
    expect(run.polls).toHaveLength(4);
    expect(run.annotations).toMatchObject([
      { level: 'warning', message: expect.stringContaining(RETRYING.error) },
    ]);
  });

  it('that Cloudflare still retries at the timeout are named', async () => {
    const run = await runScenario({
      timeline: { associateReads: 0, errors: [RETRYING] },
      inputs: { timeout: '10s' },
    });
    expectFailure(
      run,
      'Timed out',
      `Cloudflare is retrying gateway-policy ${POLICY}: ${RETRYING.error}`,
    );
    expect(run.outputs).toMatchObject({
      status: 'associated',
      changed: 'true',
    });
  });
});

describe.concurrent('statuses on the way', () => {
  it('that are not published are shown in the log and waited out', async () => {
    const run = await runScenario({
      timeline: {
        steps: [
          { afterReads: 0, status: 'validating' },
          { afterReads: 1, status: 'associated' },
        ],
      },
    });
    expectSuccess(run, { status: 'associated', changed: 'true' });
    expect(run.stdout).toMatch(/"validating" after/);
  });

  it('fail the step when somebody removed the recipient', async () => {
    const run = await runScenario({
      timeline: { steps: [{ afterReads: 0, status: 'disassociated' }] },
    });
    expectFailure(run, 'Recipient removed during the run', 'is disassociated');
    expect(run.outputs).toMatchObject({
      status: 'disassociated',
      changed: 'true',
    });
    expect(run.posts).toHaveLength(1);
    expect(run.deletes).toEqual([]);
  });
});
