import { describe, expect, it } from 'vitest';
import * as words from '../../src/report/result.ts';
import { ORGANIZATION, record, resourceError } from '../builders.ts';
import { accepted } from '../reconcile/cases.ts';
import { failWith, type ResultCase, recordOf, resultOf } from './results.ts';

const ABSENT = { INPUT_STATE: 'absent' };
const DRY = { 'INPUT_DRY-RUN': 'true' };
const records = (...statuses: string[]) =>
  statuses.map((status, n) => recordOf(n, status));
const changed =
  (...indexes: number[]) =>
  (_: unknown, index: number) => ({ changed: indexes.includes(index) });
const failed =
  (...indexes: number[]) =>
  (_: unknown, index: number) =>
    indexes.includes(index) ? failWith('rejected') : {};

describe('a run', () => {
  it.each<[string, ResultCase, boolean]>([
    [
      'with all targets done',
      { records: records('associated', 'associated') },
      true,
    ],
    [
      'with one failure',
      { records: records('associated', 'associated'), change: failed(1) },
      false,
    ],
    [
      'with a target that is pending',
      { records: records('associated', 'associating') },
      false,
    ],
    [
      'that was cancelled, also with all targets done',
      { records: records('associated'), isCancelled: true },
      false,
    ],
    [
      'that is dry and could succeed',
      { targets: 2, records: records('associating'), inputs: DRY },
      true,
    ],
    [
      'that is dry and would fail',
      { records: records('associated'), inputs: DRY, change: failed(0) },
      false,
    ],
    [
      'that is dry and was cancelled',
      { records: records('associated'), inputs: DRY, isCancelled: true },
      false,
    ],
  ])('%s succeeds: %j', (_, one, expected) => {
    expect(words.isSuccess(resultOf(one))).toBe(expected);
  });
});

describe('the headline', () => {
  const three = { records: records('associated', 'associated', 'associated') };
  it.each<[string, ResultCase]>([
    ['1 account added', { records: records('associated'), change: changed(0) }],
    ['3 accounts unchanged', three],
    [
      '2 accounts added, 1 account unchanged',
      { ...three, change: changed(0, 1) },
    ],
    [
      '1 account added, not awaited, 2 accounts unchanged',
      { ...three, change: changed(2), inputs: { INPUT_WAIT: 'false' } },
    ],
    ['1 of 3 accounts failed', { ...three, change: failed(2) }],
    [
      '3 accounts removed',
      { ...three, change: changed(0, 1, 2), inputs: ABSENT },
    ],
    [
      '2 of 3 accounts would be added',
      { targets: 3, records: records('associated'), inputs: DRY },
    ],
    [
      '1 of 3 accounts would be removed',
      {
        targets: 3,
        records: records('associated'),
        inputs: { ...DRY, ...ABSENT },
      },
    ],
    [
      '1 of 3 accounts would fail',
      { ...three, inputs: DRY, change: failed(0) },
    ],
    [
      'cancelled with 2 of 3 accounts done',
      { ...three, change: failed(0), isCancelled: true },
    ],
    [
      '1 organization unchanged',
      {
        inputs: {
          'INPUT_RECIPIENT-ACCOUNT-ID': '',
          'INPUT_ORGANIZATION-ID': ORGANIZATION,
        },
      },
    ],
  ])('%s', (text, one) => {
    expect(words.headline(resultOf(one))).toBe(text);
  });
});

describe('the plan of a target', () => {
  const retried = { errors: [resourceError(false)] };
  it.each<[string, ResultCase]>([
    ['+ add', {}],
    [
      '+ add again (was a recipient before)',
      { records: records('disassociated') },
    ],
    [
      '+ add after recipient r0 is removed',
      { records: records('disassociating') },
    ],
    ['= already associated: no change', { records: records('associated') }],
    ['= already associating: wait', { records: records('associating') }],
    [
      '= already associated: wait',
      { records: [recordOf(0, 'associated', retried)] },
    ],
    [
      '= already associating: no change',
      { records: records('associating'), inputs: { INPUT_WAIT: 'false' } },
    ],
    [
      '= already associating: wait',
      { records: records('associating'), inputs: DRY },
    ],
    [
      '! not possible: resource policy: no entitlement',
      {
        records: [recordOf(0, 'associated', { errors: [resourceError(true)] })],
      },
    ],
    [
      '- remove recipient r0 (associating)',
      { records: records('associating'), inputs: ABSENT },
    ],
    [
      '= already being removed',
      { records: records('disassociating'), inputs: ABSENT },
    ],
    [
      '= not a recipient: no change',
      { records: records('disassociated'), inputs: ABSENT },
    ],
    ['= not a recipient: no change', { inputs: ABSENT }],
    [
      '+ add (whether it is a recipient already cannot be observed)',
      {
        inputs: {
          'INPUT_RECIPIENT-ACCOUNT-ID': '',
          'INPUT_ORGANIZATION-ID': ORGANIZATION,
        },
      },
    ],
    [
      '= already associated: no change',
      {
        records: [record('r1', 'associated', { accountId: ORGANIZATION })],
        inputs: {
          'INPUT_RECIPIENT-ACCOUNT-ID': '',
          'INPUT_ORGANIZATION-ID': ORGANIZATION,
        },
      },
    ],
  ])('%s', (text, one) => {
    const { states, inputs } = resultOf(one);
    expect(words.describePlan(states[0] as (typeof states)[0], inputs)).toBe(
      text,
    );
  });
});

describe('failures', () => {
  it('are grouped by cause and reason, in the order of the targets', () => {
    const failures = [
      failWith('server', 'a'),
      {},
      failWith('server', 'b'),
      failWith('server', 'a', 'other'),
      failWith('network', 'a'),
    ];
    const { states } = resultOf({
      records: records(...Array(5).fill('associated')),
      change: (_, index) => failures[index] ?? {},
    });
    const groups = words.groupFailures(states);
    expect(
      groups.map(({ failure, states: all }) => [
        failure.cause,
        failure.reason,
        all.map(({ inUse }) => inUse),
      ]),
    ).toEqual([
      ['server', 'a', ['r0', 'r3']],
      ['server', 'b', ['r2']],
      ['network', 'a', ['r4']],
    ]);
    expect(
      words.groupFailures(
        resultOf({ records: records('associated'), writes: [accepted()] })
          .states,
      ),
    ).toEqual([]);
  });
});

describe('words and numbers', () => {
  it.each([
    [449, '0.4 s'],
    [12_340, '12.3 s'],
    [99_999, '100.0 s'],
    [100_000, '100 s'],
    [245_400, '245 s'],
    [-5, '0.0 s'],
  ])('%d ms is %s', (ms, text) => expect(words.formatSeconds(ms)).toBe(text));

  it.each([
    [0, '0 accounts'],
    [1, '1 account'],
    [2, '2 accounts'],
  ])('%d of something is %s', (count, text) =>
    expect(words.plural(count, 'account')).toBe(text),
  );

  it.each([
    [['a'], 2, 'a'],
    [['a', 'b'], 2, 'a, b'],
    [['a', 'b', 'c', 'd'], 2, 'a, b and 2 more'],
  ])('%j, %d at most, is a list', (names, max, text) =>
    expect(words.listOf(names, max)).toBe(text),
  );

  it('the cost of a run is its time, its requests, and how many of them were retries', () => {
    const result = resultOf({});
    expect(words.describeCost(result)).toEqual(['1.2 s', '3 requests']);
    expect(
      words.describeCost({ ...result, cost: { ...result.cost, retries: 2 } }),
    ).toEqual(['1.2 s', '3 requests', '2 of them retries']);
  });
});
