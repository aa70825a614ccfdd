import { describe, expect, it } from 'vitest';
import {
  activeRecords,
  ENTITLEMENT,
  POLICY,
  RECIPIENT,
  RETRYING,
  runScenario,
} from './scenario.ts';

describe.concurrent('resource errors', () => {
  it('fail the step at once when terminal, whatever the status is', async () => {
    const run = await runScenario({
      api: {
        timeline: {
          steps: [{ afterReads: 0, status: 'associating' }],
          errors: [{ ...ENTITLEMENT, afterReads: 0 }],
        },
      },
    });
    expect(run.exitCode).toBe(1);
    expect(run.polls).toHaveLength(1);
    expect(run.outputs).toMatchObject({
      'recipient-id': activeRecords(run)[0]?.id,
      status: 'associating',
      changed: 'true',
    });
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]).toMatchObject({
      title: 'Shared resource failed permanently',
      message: expect.stringContaining(
        `gateway-policy ${POLICY}: ${ENTITLEMENT.error}`,
      ),
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
    expect(run.deletes).toEqual([]);
  });

  it('that Cloudflare retries are shown once and waited out', async () => {
    const run = await runScenario({
      api: {
        timeline: {
          associateReads: 0,
          errors: [{ ...RETRYING, clearsReads: 2 }],
        },
      },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: { status: 'associated' },
      recipients: [{ resources: [] }],
    });
    // Two with the error, and two without: one alone may be stale.
    expect(run.polls).toHaveLength(4);
    expect(run.annotations).toMatchObject([
      { level: 'warning', message: expect.stringContaining(RETRYING.error) },
    ]);
  });

  it('that Cloudflare still retries at the timeout are named', async () => {
    const run = await runScenario({
      api: { timeline: { associateReads: 0, errors: [RETRYING] } },
      inputs: { timeout: '10s' },
    });
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { status: 'associated', changed: 'true' },
    });
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.message).toContain(
      `Cloudflare is retrying gateway-policy ${POLICY}: ${RETRYING.error}`,
    );
  });

  it('are not entries without an error, and resources may be null', async () => {
    const healthy = [
      { resource_id: POLICY, resource_version: 1, terminal: true, error: '' },
      { resource_id: POLICY, resource_version: 1, terminal: null, error: null },
      { resource_id: POLICY, resource_version: 1 },
    ];
    const run = await runScenario({
      api: {
        timeline: {
          steps: [
            { afterReads: 0, resources: null },
            { afterReads: 1, status: 'associated', resources: healthy },
          ],
        },
      },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      annotations: [],
      outputs: { status: 'associated' },
      recipients: [{ resources: [] }],
    });
  });
});

describe.concurrent('statuses on the way', () => {
  it('that are not published are shown in the log and waited out', async () => {
    const run = await runScenario({
      api: {
        timeline: {
          steps: [
            { afterReads: 0, status: 'validating' },
            { afterReads: 1, status: 'associated' },
          ],
        },
      },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: { status: 'associated', changed: 'true' },
    });
    expect(run.stdout).toMatch(/"validating" after/);
  });

  it('fail the step when somebody removed the recipient', async () => {
    const run = await runScenario({
      api: {
        timeline: { steps: [{ afterReads: 0, status: 'disassociated' }] },
      },
    });
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { status: 'disassociated', changed: 'true' },
      deletes: [],
    });
    expect(run.errors).toMatchObject([
      {
        title: 'Recipient removed during the run',
        message: expect.stringContaining('is disassociated'),
      },
    ]);
    expect(run.posts).toHaveLength(1);
  });

  it('use another active record of the account when the one in use is removed', async () => {
    const [older, newer] = ['older', 'newer'].map((id, n) => ({
      accountId: RECIPIENT,
      id,
      created: Date.now() - 90_000_000 + n,
    }));
    const run = await runScenario({
      recipients: [
        {
          ...older,
          status: 'associating',
          settle: { steps: [{ afterReads: 1, status: 'disassociated' }] },
        },
        { ...newer, status: 'associated' },
      ],
    });
    expect(run).toMatchObject({
      exitCode: 0,
      posts: [],
      outputs: {
        'recipient-id': 'newer',
        status: 'associated',
        changed: 'false',
      },
    });
  });
});
