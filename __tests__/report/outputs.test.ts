import { describe, expect, it } from 'vitest';
import { createOutputs } from '../../src/report/outputs.ts';
import { account, ORGANIZATION, record, resourceError } from '../builders.ts';
import {
  failWith,
  type ResultCase,
  recordOf,
  resultOf,
  unreadable,
} from './results.ts';

const outputsOf = (one: ResultCase, nowMs = 5_000) =>
  createOutputs(resultOf(one), nowMs);
const recipientsOf = (one: ResultCase, nowMs?: number) =>
  outputsOf(one, nowMs)['recipients'] as Record<string, unknown>[];

describe('the output recipients', () => {
  it('has an object for an account that is done', () => {
    const dates = {
      created: '2026-01-01T00:00:00Z',
      modified: '2026-01-02T00:00:00Z',
    };
    const change = () => ({ startedMs: 1_000, endedMs: 4_260, changed: true });
    expect(
      recipientsOf({ records: [recordOf(0, 'associated', dates)], change }),
    ).toEqual([
      {
        account_id: account(0),
        organization_id: null,
        recipient_id: 'r0',
        status: 'associated',
        changed: true,
        error: null,
        resources: [],
        ...dates,
        seconds: 3.3,
      },
    ]);
  });

  it('has an object for an organization', () => {
    const inputs = {
      'INPUT_RECIPIENT-ACCOUNT-ID': '',
      'INPUT_ORGANIZATION-ID': ORGANIZATION,
    };
    const records = [record('r1', 'associating', { accountId: ORGANIZATION })];
    expect(recipientsOf({ inputs, records })).toMatchObject([
      {
        account_id: null,
        organization_id: ORGANIZATION,
        recipient_id: 'r1',
        seconds: 5,
      },
    ]);
  });

  it('has null for what there is not', () => {
    expect(recipientsOf({})).toMatchObject([
      { recipient_id: null, error: null, created: null, modified: null },
    ]);
  });

  it('has the resources with an error, and their kinds where the share shows them', () => {
    const errors = [
      resourceError(true),
      { ...resourceError(false), resourceId: 'other' },
    ];
    const share = {
      name: '',
      resourceTypes: new Map([['policy', 'gateway-policy']]),
    };
    expect(
      recipientsOf({ records: [recordOf(0, 'associated', { errors })], share }),
    ).toMatchObject([
      {
        error: 'gateway-policy policy: no entitlement (and 1 more)',
        resources: [
          {
            resource_id: 'policy',
            resource_type: 'gateway-policy',
            error: 'no entitlement',
            terminal: true,
          },
          {
            resource_id: 'other',
            resource_type: null,
            error: 'later',
            terminal: false,
          },
        ],
      },
    ]);
  });

  it('has the reason of a failure, with its detail', () => {
    const change = () =>
      failWith('rejected', '1017 no', 'POST …/recipients, HTTP 400');
    expect(recipientsOf({ change })).toMatchObject([
      { error: '1017 no (POST …/recipients, HTTP 400)' },
    ]);
  });

  it('keeps the order of the targets', () => {
    const records = [2, 0, 1].map((n) => recordOf(n, 'associated'));
    expect(recipientsOf({ records }).map((one) => one['recipient_id'])).toEqual(
      ['r0', 'r1', 'r2'],
    );
  });

  it('stays below the limit of GitHub for a thousand failures with the longest reasons', () => {
    const errors = Array.from({ length: 20 }, () =>
      resourceError(true, 'x'.repeat(300)),
    );
    const records = Array.from({ length: 1_000 }, (_, n) =>
      recordOf(n, 'associated', { errors }),
    );
    const recipients = recipientsOf({
      records,
      change: () => failWith('resource-error', '"'.repeat(2_000)),
    });
    expect(JSON.stringify(recipients).length).toBeLessThan(1_000_000);
    expect(recipients).toHaveLength(1_000);
    expect(
      recipients.every(({ error }) => /^"{99}…$/.test(String(error))),
    ).toBe(true);
    expect(
      recipientsOf({ change: () => failWith('server', 'x'.repeat(501)) })[0]?.[
        'error'
      ],
    ).toBe(`${'x'.repeat(499)}…`);
  });

  it('has fewer resources of each where there are many targets', () => {
    const errors = Array.from({ length: 20 }, () => resourceError(false));
    const count = (targets: number) => {
      const [first] = recipientsOf({
        targets,
        records: [recordOf(0, 'associated', { errors })],
      });
      return Object(first)['resources'].length;
    };
    expect([1, 10, 100, 200, 201].map(count)).toEqual([20, 20, 2, 1, 0]);
  });
});

describe('the output status', () => {
  const statuses = (...given: string[]) => ({
    records: given.map((status, n) => recordOf(n, status)),
  });
  it.each<[string, ResultCase, string]>([
    ['the last observed one', statuses('associating'), 'associating'],
    [
      'the one that all share',
      statuses('associated', 'associated'),
      'associated',
    ],
    ['mixed', statuses('associated', 'associating'), 'mixed'],
    ['`disassociated` where there is no record', {}, 'disassociated'],
    [
      '`disassociated` where a record shows it',
      { ...statuses('disassociated'), inputs: { INPUT_STATE: 'absent' } },
      'disassociated',
    ],
    [
      '`disassociating`',
      { ...statuses('disassociating'), inputs: { INPUT_STATE: 'absent' } },
      'disassociating',
    ],
    [
      '`unknown` for a word that is not published',
      statuses('x; rm -rf /'),
      'unknown',
    ],
    [
      '`unknown` for a word that is nearly one',
      statuses('Associated'),
      'unknown',
    ],
    [
      'mixed also with a word that is not published',
      statuses('odd', 'associated'),
      'mixed',
    ],
  ])('is %s', (_, one, status) => {
    expect(outputsOf(one)['status']).toBe(status);
  });

  it('is `unknown` where nothing could be observed', () => {
    const outputs = createOutputs(
      unreadable({ cause: 'network', reason: 'no' }),
      0,
    );
    expect(outputs).toMatchObject({
      status: 'unknown',
      changed: 'false',
      'recipient-id': '',
    });
    expect(outputs['recipients']).toMatchObject([
      { status: 'unknown', error: 'no', recipient_id: null, seconds: 0 },
    ]);
  });
});

describe('the other outputs', () => {
  it('have an empty line where a target has no recipient', () => {
    const records = [recordOf(0, 'associated'), recordOf(2, 'associated')];
    expect(outputsOf({ targets: 4, records })['recipient-id']).toBe(
      'r0\n\nr2\n',
    );
  });

  it('say that something changed where one target did', () => {
    const records = [recordOf(0, 'associated'), recordOf(1, 'associated')];
    expect(outputsOf({ records })['changed']).toBe('false');
    expect(
      outputsOf({ records, change: (_, index) => ({ changed: index === 1 }) })[
        'changed'
      ],
    ).toBe('true');
  });

  it('are those of action.yml', () => {
    expect(Object.keys(outputsOf({}))).toEqual([
      'recipient-id',
      'status',
      'changed',
      'recipients',
    ]);
  });

  it('show an account with several records as one', () => {
    const records = [
      recordOf(0, 'disassociating'),
      recordOf(0, 'associated', { id: 'second' }),
    ];
    const outputs = outputsOf({
      targets: 1,
      records,
      inputs: { INPUT_STATE: 'absent' },
    });
    expect(outputs['recipients']).toHaveLength(1);
    expect(outputs['recipient-id']).toBe('second');
  });
});
