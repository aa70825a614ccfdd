import { describe, expect, it } from 'vitest';
import type { Cause, Failure } from '../../src/domain.ts';
import { formatCount } from '../../src/format.ts';
import { readGitHubContext } from '../../src/github/context.ts';
import { refusedBecause } from '../../src/reconcile/reasons.ts';
import type { Refusal, TargetState } from '../../src/reconcile/target-state.ts';
import { OUTPUT_NAMES } from '../../src/report/outputs.ts';
import {
  reportCrash,
  reportDeploymentProblem,
  reportInvalidInputs,
  reportResult,
} from '../../src/report/report.ts';
import { createSanitizer } from '../../src/report/sanitizer.ts';
import { openSink } from '../../src/report/sink.ts';
import {
  account,
  EMPTY_OUTPUTS,
  OWNER,
  resourceError,
  TOKEN,
} from '../builders.ts';
import { expectSentences } from '../sentences.ts';
import { recordingRunner } from './recording-runner.ts';
import {
  added,
  failed,
  failureOf,
  GITHUB,
  observe,
  type RunCase,
  range,
  recordOf,
  requestFailure,
  resultOf,
  stateOf,
  unchanged,
  WAIT,
} from './results.ts';

const CONTEXT = readGitHubContext(GITHUB);
const exact = { inputs: { state: 'exact' } } as const;

function open(failing?: Parameters<typeof recordingRunner>[0]) {
  const recorder = recordingRunner(failing);
  const sink = openSink(recorder.runner, createSanitizer([TOKEN]));
  recorder.seen.length = 0;
  return { ...recorder, sink };
}

async function report(
  states: readonly TargetState[],
  one?: RunCase,
  failing?: Parameters<typeof recordingRunner>[0],
) {
  const opened = open(failing);
  const reported = await reportResult(opened.sink, resultOf(states, one));
  return { ...opened, reported };
}

/** What people read in the log; the first and the last lines of a group. */
function shownOf(seen: readonly string[]): string {
  const isGrouped = (text = '') => text.startsWith('grouped|');
  return seen
    .filter((text) => /^(error|warning|info|group|grouped)\|/.test(text))
    .filter(
      (_, at, all) => ![-3, -2, -1, 0, 1].every((n) => isGrouped(all[at + n])),
    )
    .join('\n');
}

/** With `exact`: a target that fails, and 22 accounts that are not removed. */
function notRemoved(failure: Failure, cause: Cause): TargetState[] {
  const removals = range(1, 22).map((n) =>
    failed(n, failureOf(cause, 'too many'), {
      isUnlisted: true,
      status: 'associated',
      ...(n === 1 ? { label: 'EMEA' } : {}),
    }),
  );
  return [failed(0, failure), ...removals];
}

describe('the end of a run', () => {
  const limited = requestFailure('rate-limit', 'Too many requests (code 971)', {
    documentationUrl: 'https://developers.cloudflare.com/x',
  });
  const notFound = requestFailure('not-found', 'Share not found (code 1004)', {
    kind: 'list',
    code: 1004,
    detail: 'GET …/recipients, HTTP 404',
  });
  const sharesOfOwner = [
    { id: 's1', name: 'Baseline' },
    { id: 's2', name: 'Extra' },
  ];
  const slow = stateOf(0, {
    next: WAIT,
    status: 'associating',
    statusSinceMs: -520_000,
  });
  const ended = (type: 'timeout' | 'cancelled') => ({
    outcome: { ending: { type } },
  });
  const crashed = {
    outcome: { ending: { type: 'crashed', error: new Error('odd') } },
  } as const;
  const refusal = refusedBecause('too many', 'removals');
  const many = [
    ...range(0, 11).map((n) => added(n)),
    failed(12, failureOf('server', 'down'), { label: 'EMEA' }),
    failed(13, failureOf('server', 'down')),
    stateOf(14, { isUnlisted: true, changed: true, status: 'disassociated' }),
  ];
  const cases: Record<string, Parameters<typeof report>> = {
    'nothing to do': [[unchanged(0)]],
    'one annotation for each reason: reason, fix, who, request, documentation, help':
      [
        [
          failed(0, limited, { label: 'EMEA' }),
          failed(1, limited),
          failed(2, failureOf('removed', 'recipient r2 is away'), {
            status: 'x',
          }),
        ],
      ],
    'nothing could be read, but which shares there are': [
      [failed(0, notFound)],
      { observed: null, result: { sharesOfOwner } },
    ],
    'a timeout': [[slow], ended('timeout')],
    'a cancellation that came too late': [[added(0)], ended('cancelled')],
    'an internal error': [[added(0), stateOf(1, { next: WAIT })], crashed],
    'no summary could be written': [[stateOf(0)], {}, { summary: true }],
    'no output could be written': [[added(0)], {}, { output: true }],
    'exact that failed': [notRemoved(failureOf('server'), 'stopped'), exact],
    'exact that was rejected': [
      notRemoved(refusal, 'refused'),
      { ...exact, outcome: { refusal } },
    ],
    'many accounts': [many],
  };

  it('has a few lines that say what was done, why not, and what to do', async () => {
    await expectSentences('ends', cases, async (run) =>
      shownOf((await report(...run)).seen),
    );
  });

  it('is the outputs, the summary and one line, in this order', async () => {
    const { seen, outputs, reported } = await report([unchanged(0)]);
    const beginnings = seen.map((text) => text.split(/[|=]/)[0]);
    expect(beginnings).toEqual([...OUTPUT_NAMES, 'summary', 'info']);
    expect(JSON.parse(outputs()['recipients'] ?? '')).toMatchObject([
      { account_id: account(0), status: 'associated' },
    ]);
    expect(reported).toBe('complete');
  });

  it('has no summary where none is asked for', async () => {
    const { of } = await report([added(0)], { inputs: { summary: false } });
    expect(of('summary')).toEqual([]);
  });

  it('has the shares that there are in the summary', async () => {
    const { of } = await report([failed(0, notFound)], {
      result: { sharesOfOwner },
    });
    expect(of('summary')[0]).toContain('Shares of this account&#58;');
  });

  it('after an internal error has the outputs, the summary, and its stack for debugging', async () => {
    const states = [added(0), stateOf(1, { next: WAIT })];
    const { of, outputs } = await report(states, crashed);
    expect(of('debug').length).toBeGreaterThan(1);
    expect(outputs()).toMatchObject({ status: 'mixed', changed: 'true' });
    expect(outputs()['recipients']).toContain('"cause":"internal"');
    expect(of('summary')).toHaveLength(1);
  });

  it('has all outputs, even where an internal error keeps them from being made', async () => {
    const { of, outputs, reported } = await report([], {
      outcome: { targets: [null as never] },
    });
    expect(reported).toBe('crashed');
    expect(of('error')).toEqual([expect.stringMatching(/^error\|Internal/)]);
    expect(outputs()).toEqual(EMPTY_OUTPUTS);
  });

  it('has a summary that says that the outputs could not be written', async () => {
    const { of, reported } = await report([added(0)], {}, { output: true });
    expect(reported).toBe('without-outputs');
    expect(of('summary')).toEqual([
      expect.stringMatching(/❌ .*\n<p><strong>Outputs could not be written\./),
    ]);
  });

  it('of exact lists the accounts that were not removed, but not those of a plan that was rejected', async () => {
    const after = await report(
      notRemoved(failureOf('server'), 'stopped'),
      exact,
    );
    expect(after.of('grouped|')).toHaveLength(23 + 22);
    const rejected = { ...exact, outcome: { refusal } };
    const { of } = await report(notRemoved(refusal, 'refused'), rejected);
    expect(of('summary')[0]).not.toContain('not removed');
  });

  it('counts what the outputs are without', async () => {
    const states = range(0, 2_000).map((n) =>
      unchanged(n, { label: 'x'.repeat(60), inUse: `r${n}` }),
    );
    const { of, outputs } = await report(states);
    const kept = JSON.parse(outputs()['recipients'] ?? '').length;
    expect(kept).toBeLessThan(2_000);
    const limit = 'GitHub accepts 1 MB of outputs for a job';
    expect(of('info')).toEqual(
      expect.arrayContaining([
        `info|The output recipients is without ${formatCount(2_001 - kept)} targets: ${limit}. The log has all of them.`,
        `info|The output recipient-id is empty, without 2,001 IDs: ${limit}.`,
      ]),
    );
  });

  it('counts the accounts whose resources the output recipients only counts', async () => {
    const errors = Array.from({ length: 20 }, () =>
      resourceError(true, 'x'.repeat(300)),
    );
    const recipient = recordOf(0, 'associated', { errors });
    const states = range(0, 499).map((n) => unchanged(n, { recipient }));
    const { of } = await report(states);
    expect(of('info')).toContain(
      'info|The output recipients only counts the resources of 500 targets, in resource_errors: GitHub accepts 1 MB of outputs for a job.',
    );
  });
});

describe('warnings at the end', () => {
  const older = recordOf(0, 'associated', { id: 'old', createdMs: 1 });
  const newer = recordOf(0, 'associated', { id: 'new', createdMs: 2 });
  const owner = recordOf(0, 'associated', { id: 'mine', accountId: OWNER });
  const emea = unchanged(0, { label: 'EMEA' });
  const history = recordOf(0, 'disassociated', { id: 'x' });
  const both = { observed: observe([older, newer]) };
  const others = {
    observed: observe([older, owner, recordOf(7, 'associating')]),
  };
  const rejected = (about: Refusal['about']): RunCase => ({
    ...exact,
    observed: { skipped: 1 },
    outcome: { refusal: refusedBecause('no', about) },
  });
  const cases: Record<string, readonly [TargetState, RunCase]> = {
    'an account with several records': [emea, both],
    'an account whose other record is history': [
      emea,
      { observed: observe([older, history]) },
    ],
    'an account whose records are all removed': [
      stateOf(0, { desired: 'absent' }),
      both,
    ],
    'records that were skipped': [emea, { observed: { skipped: 2 } }],
    'a record that was skipped, where the plan was rejected for it': [
      emea,
      rejected('record'),
    ],
    'a record that was skipped, where the plan was rejected for the share': [
      emea,
      rejected('share'),
    ],
    'the owner, and a recipient that appeared during a run with exact': [
      emea,
      { ...exact, ...others },
    ],
    'a recipient that the first list of exact showed': [
      stateOf(7, { isUnlisted: true, status: 'disassociated' }),
      { ...exact, observed: observe([recordOf(7, 'associated')]) },
    ],
    'the owner, and a recipient that appeared, without exact': [emea, others],
  };

  it('name what somebody should look at', async () => {
    await expectSentences('warnings', cases, async ([state, run]) =>
      (await report([state], run)).of('warning').join('\n'),
    );
  });

  it('can be about the deployment record, after the result', () => {
    const { sink, of } = open();
    reportDeploymentProblem(sink, { message: 'no', lacksPermission: true });
    reportDeploymentProblem(sink, { message: 'no', lacksPermission: false });
    expect(of('')).toEqual([
      'warning|Deployment record could not be written|no. The share is not affected. Check that the job has the permission "deployments: write".',
      'warning|Deployment record could not be written|no. The share is not affected.',
    ]);
  });
});

describe('a run without targets', () => {
  const invalid = async (
    errors: Parameters<typeof reportInvalidInputs>[2],
    summary = true,
  ) => {
    const opened = open();
    await reportInvalidInputs(opened.sink, CONTEXT, errors, summary);
    return opened;
  };
  const error = {
    input: 'state',
    message: 'expected X.',
    isEmpty: false,
    details: [],
  };
  const crash = (thrown: unknown) => {
    const opened = open();
    reportCrash(opened.sink, CONTEXT, thrown);
    return opened;
  };
  const cases = {
    'invalid inputs': () => invalid([error, { ...error, input: 'timeout' }]),
    'an empty input': () => invalid([{ ...error, isEmpty: true }]),
    'many wrong entries': () =>
      invalid([{ ...error, details: ['line 1', 'line 2'] }]),
    'an exception': () => crash(new Error(`odd ${TOKEN}`)),
    'anything that was thrown': () => crash('text'),
  };

  it('says what is wrong', async () => {
    await expectSentences('ends-without-targets', cases, async (run) =>
      shownOf((await run()).seen),
    );
  });

  it.each(Object.entries(cases))('has all outputs: %s', async (_, run) => {
    expect((await run()).outputs()).toEqual(EMPTY_OUTPUTS);
  });

  it('has a summary of invalid inputs, unless none is asked for', async () => {
    expect((await invalid([error])).of('summary')).toHaveLength(1);
    expect((await invalid([error], false)).of('summary')).toEqual([]);
  });

  it('keeps the link where inputs are wrong by 100 kB', async () => {
    const long = { ...error, message: '<'.repeat(100_000) };
    const { of } = await invalid([long, long]);
    expect(of('error')[0]).toMatch(
      /…\nhttps:\/\/github\.com\/.*no-request-was-sent$/,
    );
  });
});
