import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { TargetState } from '../../src/reconcile/target-state.ts';
import {
  createOutputs,
  emptyOutputs,
  OUTPUT_NAMES,
} from '../../src/report/outputs.ts';
import { resourceError } from '../builders.ts';
import { expectSentences } from '../sentences.ts';
import {
  added,
  failed,
  failureOf,
  organization,
  type RunCase,
  range,
  recordOf,
  requestFailure,
  resourceFailure,
  resultOf,
  type StateCase,
  stateOf,
  unchanged,
  WAIT,
} from './results.ts';

const outputsOf = (targets: readonly TargetState[], runCase?: RunCase) =>
  createOutputs(resultOf(targets, runCase)).outputs;
const recipientsOf = (targets: readonly TargetState[], runCase?: RunCase) =>
  outputsOf(targets, runCase).recipients;

describe('the names of the outputs', () => {
  const declared = Object.keys(
    parse(readFileSync('action.yml', 'utf8')).outputs,
  );

  it('are those of action.yml', () => {
    expect([...OUTPUT_NAMES]).toEqual(declared);
  });

  it('are all there, whatever the run has come to', () => {
    expect(Object.keys(emptyOutputs)).toEqual(declared);
    expect(Object.keys(outputsOf([added(0)]))).toEqual(declared);
  });
});

describe('the output recipients', () => {
  const dates = {
    created: '2026-01-01T00:00:00Z',
    modified: '2026-01-02T00:00:00Z',
  };
  const errors = [resourceError(true), resourceError(false, 'later', 'other')];
  const broken = recordOf(0, 'associated', { errors, moreErrors: 3 });
  const timeout: RunCase = { outcome: { ending: { type: 'timeout' } } };
  const cases: Record<string, readonly [TargetState[], RunCase?]> = {
    'an account that is done': [
      [
        added(0, {
          label: 'EMEA',
          recipient: recordOf(0, 'associated', dates),
          startedMs: 1_000,
          decidedMs: 4_260,
        }),
      ],
    ],
    'an organization that is not done': [
      [organization({ status: 'associating', next: WAIT })],
      timeout,
    ],
    'an account that is no recipient': [[stateOf(0)]],
    'resources with an error, and their kinds where the share shows them': [
      [failed(0, resourceFailure(broken), { recipient: broken })],
    ],
    'the reason of a failure, with its request': [
      [failed(0, requestFailure('rejected', 'no (code 1017)'))],
    ],
    'an account that exact removes, behind a listed one': [
      [added(1), stateOf(0, { isUnlisted: true, changed: true })],
    ],
  };

  it('has an object for each target', async () => {
    await expectSentences('recipients', cases, ([states, run]) =>
      recipientsOf(states, run)
        .map((recipient) => JSON.stringify(recipient))
        .join('\n'),
    );
  });
});

describe('the size of the outputs', () => {
  const label = 'l'.repeat(60);
  const errors = range(1, 20).map((n) =>
    resourceError(false, 'x'.repeat(300), `policy-${n}`),
  );
  /** Of five accounts one fails, one is added, and three are unchanged. */
  function fleet(count: number, more: StateCase = {}): TargetState[] {
    const failure = requestFailure('rejected', '"'.repeat(2_000));
    return range(0, count - 1).map((n) => {
      if (n % 5 === 0) return failed(n, failure, { label, ...more });
      return n % 5 === 1
        ? added(n, { label, ...more })
        : unchanged(n, { label, ...more });
    });
  }
  const COMPLETE = { targets: 0, resources: 0, recipientIds: 0 };
  const sizeOf = (states: readonly TargetState[]) => {
    const { outputs, leftOut } = createOutputs(resultOf(states));
    const recipients = JSON.stringify(outputs.recipients);
    const text = `${outputs['recipient-id']}${recipients}`;
    return { outputs, leftOut, bytes: Buffer.from(text, 'utf16le').length };
  };

  it('does not matter for a few accounts: texts and resources are complete', () => {
    const recipient = recordOf(0, 'associated', { errors });
    const { outputs, leftOut } = sizeOf([
      failed(0, failureOf('server', 'x'.repeat(501)), { recipient }),
    ]);
    expect(leftOut).toEqual(COMPLETE);
    expect(outputs.recipients[0]?.error).toBe(`${'x'.repeat(499)}…`);
    expect(outputs.recipients[0]?.resources).toHaveLength(20);
    expect(outputs.recipients[0]?.resources[0]?.error).toHaveLength(300);
  });

  it('shortens texts first', () => {
    const recipient = recordOf(0, 'associated', { errors });
    const { outputs, leftOut } = sizeOf(fleet(100, { recipient }));
    expect(leftOut).toEqual(COMPLETE);
    expect(outputs.recipients[0]?.error).toHaveLength(100);
    expect(outputs.recipients[0]?.resources[0]?.error).toHaveLength(100);
    expect(outputs.recipients[0]?.resources).toHaveLength(20);
  });

  it('then leaves out resources, and counts them', () => {
    const recipient = recordOf(0, 'associated', { errors, moreErrors: 2 });
    const { outputs, leftOut } = sizeOf(fleet(500, { recipient }));
    expect(leftOut).toEqual({ ...COMPLETE, resources: 500 });
    expect(outputs.recipients[0]?.resources).toEqual([]);
    expect(outputs.recipients[0]?.resource_errors).toBe(22);
  });

  it.each([2_000, 20_000])(
    'then leaves out whole entries of %d accounts, failed ones last',
    (count) => {
      const { outputs, leftOut, bytes } = sizeOf(fleet(count));
      expect(bytes).toBeLessThan(900_000);
      expect(bytes).toBeGreaterThan(890_000);
      expect(leftOut.targets).toBe(count - outputs.recipients.length);
      expect(leftOut.recipientIds > 0).toBe(count > 2_000);

      const kept = outputs.recipients;
      const counts = [
        kept.filter(({ cause }) => cause !== null).length,
        kept.filter(({ changed }) => changed).length,
        kept.filter(({ cause, changed }) => !cause && !changed).length,
      ];
      const fifth = count / 5;
      if (count === 2_000) expect(counts.slice(0, 2)).toEqual([fifth, fifth]);
      else expect(counts.slice(1)).toEqual([0, 0]);
      expect(counts.every((kind) => kind < 3 * fifth)).toBe(true);
      const ids = kept.map(({ account_id: id }) => id ?? '');
      expect(ids).toEqual([...ids].sort());
    },
  );

  it('leaves recipient-id empty above two thousand accounts', () => {
    const ids = (count: number) =>
      outputsOf(range(1, count).map((n) => unchanged(n)))['recipient-id'];
    expect(ids(2_000).split('\n')).toHaveLength(2_000);
    expect(ids(2_001)).toBe('');
  });
});

describe('the output status', () => {
  const odd = (status: string) => [stateOf(0, { status })];
  const removed = { isUnlisted: true, status: 'disassociated' } as const;
  const inconclusive = failed(0, failureOf('inconclusive'), {
    desired: 'absent',
  });

  it.each<[string, TargetState[], string]>([
    ['the last observed one', odd('associating'), 'associating'],
    ['the one that all share', [added(0), unchanged(1)], 'associated'],
    ['mixed', [added(0), stateOf(1, { status: 'associating' })], 'mixed'],
    ['`disassociated` where there is no record', [stateOf(0)], 'disassociated'],
    [
      '`unknown` for a word that is not published',
      odd('x; rm -rf /'),
      'unknown',
    ],
    ['`unknown` for a word that is nearly one', odd('Associated'), 'unknown'],
    [
      'mixed even with a word that is not published',
      [...odd('odd'), added(1)],
      'mixed',
    ],
    ['`unknown` for an inconclusive removal', [inconclusive], 'unknown'],
    [
      'that of the listed accounts with exact',
      [added(0), stateOf(1, removed)],
      'associated',
    ],
  ])('is %s', (_, states, status) => {
    expect(outputsOf(states).status).toBe(status);
  });

  it('is `unknown` where nothing could be observed', () => {
    const states = [failed(0, failureOf('network'), { decidedMs: 0 })];
    expect(outputsOf(states, { observed: null })).toMatchObject({
      status: 'unknown',
      changed: 'false',
      'recipient-id': '',
      recipients: [{ status: 'unknown', error: 'no', recipient_id: null }],
    });
  });
});

describe('the other outputs', () => {
  it('have an empty line where a target has no recipient', () => {
    const states = [unchanged(0), stateOf(1), unchanged(2), stateOf(3)];
    expect(outputsOf(states)['recipient-id']).toBe('r0\n\nr2\n');
  });

  it('have the recipients of listed accounts only', () => {
    const states = [
      added(0),
      stateOf(1, { isUnlisted: true, status: 'disassociated', changed: true }),
    ];
    expect(outputsOf(states)['recipient-id']).toBe('r0');
  });

  it.each<[string, TargetState[]]>([
    ['false', [unchanged(0), unchanged(1)]],
    ['true', [unchanged(0), added(1)]],
    ['true', [unchanged(0), stateOf(1, { isUnlisted: true, changed: true })]],
  ])('say whether something changed: %s', (changed, states) => {
    expect(outputsOf(states).changed).toBe(changed);
  });
});
