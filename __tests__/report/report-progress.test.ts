import { describe, expect, it } from 'vitest';
import type { TargetState } from '../../src/reconcile/decide.ts';
import {
  ACCOUNT,
  account,
  apiError,
  OTHER,
  OWNER,
  resourceError,
  SHARE,
} from '../builders.ts';
import { inputsOf } from '../read-inputs.ts';
import { accepted, conflict, rejected, unknown } from '../reconcile/cases.ts';
import { openRecorded } from './open-report.ts';
import { failWith, type ResultCase, recordOf, resultOf } from './results.ts';

/**
 * Opens a report that has shown the start and the plan of a case, and what came
 * after them.
 */
function planned(one: ResultCase) {
  const opened = openRecorded();
  const result = resultOf(one);
  opened.report.start(result.inputs);
  opened.report.plan(result.states, one.share ?? null, result.inputs);
  opened.seen.length = 0;
  return { ...opened, result, states: result.states };
}

describe('the start of a run', () => {
  const started = (change: Record<string, string | undefined>) => {
    const { report, seen } = openRecorded();
    report.start(inputsOf(change));
    return seen.slice(1);
  };
  it.each([
    [{}, `Sharing ${SHARE} with 1 account; timeout 10m`],
    [
      {
        'INPUT_RECIPIENT-ACCOUNT-ID': `${ACCOUNT} ${OTHER}`,
        INPUT_TIMEOUT: '90s',
      },
      `Sharing ${SHARE} with 2 accounts; timeout 90s`,
    ],
    [
      { 'INPUT_RECIPIENT-ACCOUNT-ID': '', 'INPUT_ORGANIZATION-ID': OTHER },
      `Sharing ${SHARE} with 1 organization; timeout 10m`,
    ],
    [
      { INPUT_STATE: 'absent', 'INPUT_DRY-RUN': 'true' },
      `Removing 1 account from ${SHARE}; timeout 10m; dry run`,
    ],
    [
      {
        'INPUT_API-TOKEN': '',
        CLOUDFLARE_API_TOKEN: 't',
        'INPUT_ACCOUNT-ID': '',
        CLOUDFLARE_ACCOUNT_ID: OWNER,
      },
      `Sharing ${SHARE} with 1 account; timeout 10m; account-id from CLOUDFLARE_ACCOUNT_ID; api-token from CLOUDFLARE_API_TOKEN`,
    ],
  ])('is one line: %j', (change, text) => {
    expect(started(change)).toEqual([`info|${text}`]);
  });

  it('warns of a Global API key, and of a variable that has no effect', () => {
    const pair = {
      'INPUT_API-TOKEN': '',
      'INPUT_API-EMAIL': 'a@b.c',
      'INPUT_API-KEY': 'k',
    };
    expect(started(pair)[1]).toMatch(/^warning\|Legacy API key\|/);
    expect(started({ NODE_TLS_REJECT_UNAUTHORIZED: '0' })[1]).toMatch(
      /^warning\|TLS verification stays on\|/,
    );
  });
});

describe('the plan', () => {
  const shown = (one: ResultCase) => {
    const { report, seen } = openRecorded();
    const { states, inputs } = resultOf(one);
    report.start(inputs);
    seen.length = 0;
    report.plan(states, one.share ?? null, inputs);
    return seen;
  };

  it('names the share, and shows a line for each of ten targets', () => {
    const share = { name: 'Baseline', resourceTypes: new Map() };
    expect(
      shown({ targets: 2, records: [recordOf(0, 'associated')], share }),
    ).toEqual([
      'info|Share name: "Baseline"',
      `info|${account(0)} = already associated: no change`,
      `info|${account(1)} + add`,
    ]);
    expect(
      shown({ targets: 10 }).every((text) => text.startsWith('info|')),
    ).toBe(true);
  });

  it('shows the lines of more targets in the debug log only, unless it is all that is done', () => {
    expect(
      shown({ targets: 11 }).every((text) => text.startsWith('debug|')),
    ).toBe(true);
    expect(
      shown({ targets: 11, inputs: { 'INPUT_DRY-RUN': 'true' } }).every(
        (text) => text.startsWith('info|'),
      ),
    ).toBe(true);
  });
});

describe('a change of a target', () => {
  const associating = {
    recipient: recordOf(0, 'associating'),
    inUse: 'r0',
    action: 'wait',
  } as const;
  const [addedTo, removed] = [
    { ...associating, writes: [accepted()] },
    { writes: [accepted('r0')], action: 'wait' },
  ] as const;
  const lost = {
    ...unknown(),
    error: apiError({ outcome: 'unknown' }, 'reset', 'POST …/recipients'),
  };
  it.each<[string, Partial<TargetState>, Partial<TargetState>, string[]]>([
    ['a POST that was accepted', {}, addedTo, ['added as recipient r0']],
    ['a DELETE that was accepted', {}, removed, ['removing recipient r0']],
    [
      'a write without a response',
      {},
      { writes: [lost] },
      [
        'reset (POST …/recipients); checking the recipients before another attempt',
      ],
    ],
    [
      'a write that was rejected',
      {},
      { writes: [rejected()], recipient: recordOf(0, 'odd') },
      [],
    ],
    ['a conflict', {}, { writes: [conflict()] }, []],
    [
      'a write that was not processed',
      {},
      { unsent: lost.error },
      ['not processed: reset (POST …/recipients)'],
    ],
    [
      'the end of that',
      { unsent: lost.error },
      { writes: [accepted()], unsent: null, inUse: 'r0' },
      ['added as recipient r0'],
    ],
    [
      'a new status after it',
      { ...associating, unsent: lost.error },
      { recipient: recordOf(0, 'odd') },
      ['"odd" after 3.0 s'],
    ],
    [
      'a new status',
      associating,
      { recipient: recordOf(0, 'odd') },
      ['"odd" after 3.0 s'],
    ],
    [
      'the first record',
      { recipient: null },
      associating,
      ['associating after 3.0 s'],
    ],
    [
      'the end',
      associating,
      { recipient: recordOf(0, 'associating'), action: 'done' },
      ['associating after 3.0 s'],
    ],
    [
      'the end without a record',
      { recipient: null, action: 'wait' },
      { action: 'done' },
      ['not a recipient after 3.0 s'],
    ],
    ['nothing', associating, {}, []],
    ['a target that stays done', { ...associating, action: 'done' }, {}, []],
  ])('is one line: %s', (_, before, after, texts) => {
    const { report, states, seen } = planned({});
    const from = { ...(states[0] as TargetState), ...before };
    report.onChange(from, { ...from, startedMs: -3_000, ...after });
    expect(seen).toEqual(texts.map((text) => `info|${account(0)}: ${text}`));
  });

  it('to a failure is not logged for a single target, as its annotation shows it', () => {
    const { report, states, seen } = planned({});
    const from = states[0] as TargetState;
    report.onChange(from, { ...from, ...failWith('server') });
    expect(seen).toEqual([]);
  });

  it('of several targets shows how many are over', () => {
    const { report, states, seen } = planned({
      targets: 3,
      records: [recordOf(0, 'associated')],
    });
    const [, second, third] = states as [TargetState, TargetState, TargetState];
    report.onChange(second, {
      ...second,
      ...failWith('server', 'no', 'HTTP 500'),
    });
    report.onChange(third, {
      ...third,
      action: 'done',
      recipient: recordOf(2, 'associated'),
    });
    expect(seen).toEqual([
      `info|${account(1)}: failed: no (HTTP 500) (2 of 3)`,
      `info|${account(2)}: associated after 0.0 s (3 of 3)`,
    ]);
  });

  it('of many targets is logged at the end of each only', () => {
    const { report, states, seen } = planned({ targets: 11 });
    const [first] = states as [TargetState];
    const added = { ...first, ...associating, writes: [accepted()] };
    report.onChange(first, added);
    report.onChange(added, {
      ...added,
      action: 'done',
      recipient: recordOf(0, 'associated'),
    });
    expect(seen).toEqual([
      `debug|${account(0)}: added as recipient r0`,
      `info|${account(0)}: associated after 0.0 s (1 of 11)`,
    ]);
  });

  it('to a resource error that is retried is a warning, once for each error', () => {
    const share = {
      name: '',
      resourceTypes: new Map([['policy', 'gateway-policy']]),
    };
    const { report, states, of } = planned({ share });
    const from = { ...(states[0] as TargetState), ...associating };
    const to = {
      ...from,
      recipient: recordOf(0, 'associating', { errors: [resourceError(false)] }),
    };
    report.onChange(from, to);
    expect(of('warning')).toHaveLength(1);
    report.onChange(to, to);
    report.onChange(from, { ...to, ...failWith('resource-error') });
    expect(of('warning')).toEqual([
      `warning|Cloudflare is retrying a resource|gateway-policy policy: later. The run keeps waiting. Account ${account(0)}.`,
    ]);
  });
});

describe('a delay', () => {
  it('is one line', () => {
    const { report, seen } = openRecorded();
    report.onDelay('rate-limit', 1_001);
    report.onDelay(apiError({}, 'no', 'GET …/recipients'), 500);
    expect(seen.slice(1)).toEqual([
      'info|Rate limit reached. Waiting 2 s, as requested by Cloudflare.',
      'info|no (GET …/recipients); retrying in 0.5 s',
    ]);
  });
});

describe('a poll', () => {
  it('is shown after half a minute without another line, while something is pending', async () => {
    const { report, states, seen, clock } = planned({ targets: 3 });
    const [first, second, third] = states as [
      TargetState,
      TargetState,
      TargetState,
    ];
    await clock.pass(29_999);
    report.onPoll(states);
    expect(seen).toEqual([]);
    await clock.pass(1);
    report.onPoll([
      first,
      { ...second, ...failWith('server') },
      { ...third, action: 'done' },
    ]);
    expect(seen).toEqual(['info|Waiting for 1 of 3 targets, 1 failed']);
    await clock.pass(29_999);
    report.onPoll(states);
    expect(seen).toHaveLength(1);
    await clock.pass(1);
    report.onPoll(states.map((state) => ({ ...state, action: 'done' })));
    expect(seen).toHaveLength(1);
  });
});
