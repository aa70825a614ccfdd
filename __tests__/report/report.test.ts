import { describe, expect, it } from 'vitest';
import { formatCount } from '../../src/format.ts';
import { readGitHubContext } from '../../src/github/context.ts';
import { refusedBecause } from '../../src/reconcile/reasons.ts';
import type { TargetState } from '../../src/reconcile/target-state.ts';
import { TITLES } from '../../src/report/failure-guide.ts';
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
  SHARE,
  TOKEN,
} from '../builders.ts';
import { recordingRunner } from './recording-runner.ts';
import {
  added,
  DOCS,
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
const WHERE = `Share "Baseline" (${SHARE}), owner ${OWNER}`;

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

describe('the end of a run', () => {
  it('is the outputs, the summary and one line, without an annotation where all is well', async () => {
    const { seen, outputs, reported } = await report([unchanged(0)]);
    const beginnings = seen.map((text) => text.split(/[|=]/)[0]);
    expect(beginnings).toEqual([...OUTPUT_NAMES, 'summary', 'info']);
    expect(seen.at(-1)).toBe(
      'info|Result: 1 account unchanged; 1.2 s, 3 requests',
    );
    expect(JSON.parse(outputs()['recipients'] ?? '')).toMatchObject([
      { account_id: account(0), status: 'associated' },
    ]);
    expect(reported).toBe('complete');
  });

  it('has no summary where none is asked for', async () => {
    const { of } = await report([added(0)], { inputs: { summary: false } });
    expect(of('summary')).toEqual([]);
  });

  it('has one annotation for each reason: reason, fix, who, request, documentation, help', async () => {
    const failure = requestFailure(
      'rate-limit',
      'Too many requests (code 971)',
      {
        documentationUrl: 'https://developers.cloudflare.com/x',
      },
    );
    const { of } = await report([
      failed(0, failure, { label: 'EMEA' }),
      failed(1, failure),
      failed(2, failureOf('removed', 'recipient r2 is away'), { status: 'x' }),
    ]);
    expect(of('error')).toEqual([
      `error|${TITLES['rate-limit']}|Too many requests (code 971). Raise timeout, or run fewer jobs at a time. The limit is per user: a separate token helps only if the account or another user owns it, such as a service user. ${WHERE}; accounts ${account(0)} (EMEA), ${account(1)}. POST …/recipients, HTTP 400, cf-ray 8f1e. See https://developers.cloudflare.com/x\n${DOCS}#rate-limit-reached`,
      `error|${TITLES.removed}|recipient r2 is away. Manage the recipients in one place only, and let only one workflow change the share at a time (concurrency). Then run again. ${WHERE}; account ${account(2)}, recipient r2.\n${DOCS}#recipient-removed-during-the-run`,
    ]);
  });

  it('names the share by its ID where nothing could be read, and the shares that there are', async () => {
    const failure = requestFailure('not-found', 'Share not found (code 1004)', {
      kind: 'list',
      code: 1004,
      detail: 'GET …/recipients, HTTP 404',
    });
    const sharesOfOwner = [
      { id: 's1', name: 'Baseline' },
      { id: 's2', name: 'Extra' },
    ];
    const { of } = await report([failed(0, failure)], {
      observed: null,
      result: { sharesOfOwner },
    });
    expect(of('error')).toEqual([
      `error|${TITLES['not-found']}|Share not found (code 1004). Check share-id, and that account-id owns this share. Shares of this account: "Baseline" (s1), "Extra" (s2). Share ${SHARE}, owner ${OWNER}; account ${account(0)}. GET …/recipients, HTTP 404.\n${DOCS}#share-not-found`,
    ]);
    expect(of('summary')[0]).toContain('Shares of this account&#58;');
  });

  it('of a timeout says what was seen', async () => {
    const state = stateOf(0, {
      next: WAIT,
      status: 'associating',
      statusSinceMs: -520_000,
    });
    const ending = { type: 'timeout' } as const;
    const { of, outputs } = await report([state], { outcome: { ending } });
    expect(of('error')[0]).toContain(
      '18 polls, last status `associating` for 9 m 40 s. Raise timeout',
    );
    expect(outputs()['recipients']).toContain('"cause":"timeout"');
  });

  it('of a cancellation that came too late says that everything was done', async () => {
    const outcome = { ending: { type: 'cancelled' } } as const;
    const { of } = await report([added(0)], { outcome });
    expect(of('error')).toEqual([
      `error|${TITLES.cancelled}|Everything was done, and nothing was undone.\n${DOCS}#run-cancelled`,
    ]);
  });

  it('after an internal error reports what is known, once', async () => {
    const error = new Error('odd');
    const ending = { type: 'crashed', error } as const;
    const states = [added(0), stateOf(1, { next: WAIT })];
    const { of, outputs } = await report(states, { outcome: { ending } });
    expect(of('error')).toHaveLength(1);
    expect(of('error')[0]).toMatch(/^error\|Internal error\|odd\. Report it/);
    expect(of('debug').length).toBeGreaterThan(1);
    expect(outputs()).toMatchObject({ status: 'mixed', changed: 'true' });
    expect(outputs()['recipients']).toContain('"cause":"internal"');
    expect(of('summary')).toHaveLength(1);
    expect(of('info')).toEqual([
      'info|Result: internal error: 1 of 2 accounts failed, 1 added; 1.2 s, 3 requests',
    ]);
  });

  it('has all outputs, even where an internal error keeps them from being made', async () => {
    const { of, outputs, reported } = await report([], {
      outcome: { targets: [null as never] },
    });
    expect(reported).toBe('crashed');
    expect(of('error')).toEqual([expect.stringMatching(/^error\|Internal/)]);
    expect(outputs()).toEqual(EMPTY_OUTPUTS);
  });

  it('goes on where the summary cannot be written', async () => {
    const { of, outputs } = await report([stateOf(0)], {}, { summary: true });
    expect(of('warning')).toEqual([
      'warning|Job summary could not be written|no ::error::space.',
    ]);
    expect(outputs()).toMatchObject({ status: 'disassociated' });
    expect(of('info')).toHaveLength(1);
  });

  it('says that the outputs could not be written, and reports everything besides', async () => {
    const { of, reported } = await report([added(0)], {}, { output: true });
    expect(reported).toBe('without-outputs');
    expect(of('error')).toEqual([
      `error|${TITLES.outputs}|output recipient-id: no space. Check that GITHUB_OUTPUT names a writable file. The log has what was done.\n${DOCS}#outputs-could-not-be-written`,
    ]);
    expect(of('summary')).toEqual([
      expect.stringMatching(/❌ .*\n<p><strong>Outputs could not be written\./),
    ]);
    expect(of('info')).toHaveLength(1);
  });
});

describe('a run with exact', () => {
  const exact = { inputs: { state: 'exact' } } as const;
  const toRemove = (cause: 'stopped' | 'refused') =>
    range(1, 22).map((n) =>
      failed(n, failureOf(cause, 'too many'), {
        isUnlisted: true,
        status: 'associated',
        ...(n === 1 ? { label: 'EMEA' } : {}),
      }),
    );

  it('that failed has the accounts that were not removed as a list', async () => {
    const states = [failed(0, failureOf('server')), ...toRemove('stopped')];
    const { of, seen } = await report(states, exact);
    const ids = range(1, 20).map((n) => account(n));
    expect(of('error')).toHaveLength(1);
    expect(of('error')[0]).toContain(
      `Not removed, as a list for a run with state: absent: ${ids.join(', ')} and 2 more. ${WHERE}`,
    );
    const title =
      '22 accounts not removed, as a list for a run with state: absent';
    const start = seen.indexOf(`group|${title}`);
    expect(seen.slice(start + 1, start + 3)).toEqual([
      `grouped|${account(1)}`,
      `grouped|${account(2)}`,
    ]);
    expect(seen.filter((text) => text.startsWith('grouped|ac'))).toHaveLength(
      23 + 22,
    );
  });

  it('that was rejected has one annotation with who would lose access', async () => {
    const refusal = refusedBecause('too many', 'removals');
    const states = [failed(0, refusal), ...toRemove('refused')];
    const { of } = await report(states, { ...exact, outcome: { refusal } });
    expect(of('error')).toHaveLength(1);
    expect(of('error')[0]).toContain(
      `too many. Nothing was changed. Check the list and share-id; raise max-removals only if the removals are intended. 22 accounts would lose access: ${account(1)} (EMEA), ${account(2)}, `,
    );
    expect(of('error')[0]).toContain(`${account(20)} and 2 more. `);
    expect(of('group|')).toEqual(['group|All 23 results']);
    expect(of('summary')[0]).not.toContain('not removed');
  });
});

describe('the log of many accounts', () => {
  it('has a count for each cause, and each result in a group', async () => {
    const states = [
      ...range(0, 11).map((n) => added(n)),
      failed(12, failureOf('server', 'down'), { label: 'EMEA' }),
      failed(13, failureOf('server', 'down')),
      stateOf(14, { isUnlisted: true, changed: true, status: 'disassociated' }),
    ];
    const { seen } = await report(states);
    const lines = seen.filter((text) => /^(info|group)/.test(text));
    expect(lines.slice(0, 4)).toEqual([
      'info|2 accounts: Cloudflare API error: down',
      'group|All 15 results',
      `grouped|${account(12)} (EMEA): failed: down`,
      `grouped|${account(13)}: failed: down`,
    ]);
    expect(lines.at(-2)).toBe(
      `grouped|${account(14)}: removed (disassociated)`,
    );
    expect(lines).toHaveLength(1 + 1 + 15 + 1);
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
  const exact = { inputs: { state: 'exact' } } as const;
  const SEVERAL = `Account has more than one recipient|Remove recipient new: old is older and in use. Account ${account(0)} (EMEA).`;
  const SKIPPED =
    'Recipients could not be read|2 recipients of other accounts could not be decoded and had no effect on this run.';
  const OWNED =
    'Owner is a recipient|The account that owns the share is a recipient of it. The action does not remove recipient mine.';
  const APPEARED = `Recipient appeared during the run|1 recipient that the first list did not show with access still has access: r7 (account ${account(7)}). Run again to remove it.`;
  const emea = unchanged(0, { label: 'EMEA' });
  const history = recordOf(0, 'disassociated', { id: 'x' });
  const both = { observed: observe([older, newer]) };
  const others = {
    observed: observe([older, owner, recordOf(7, 'associating')]),
  };

  it.each<[string, TargetState, RunCase, string[]]>([
    ['an account with several records', emea, both, [SEVERAL]],
    [
      'no account whose other record is history',
      emea,
      { observed: observe([older, history]) },
      [],
    ],
    [
      'no account whose records are all removed',
      stateOf(0, { desired: 'absent' }),
      both,
      [],
    ],
    [
      'records that were skipped',
      emea,
      { observed: { skipped: 2 } },
      [SKIPPED],
    ],
    [
      'the owner, and a recipient that appeared during a run with exact',
      emea,
      { ...exact, ...others },
      [OWNED, APPEARED],
    ],
    [
      'no recipient that the first list showed',
      stateOf(7, { isUnlisted: true, status: 'disassociated' }),
      { ...exact, observed: observe([recordOf(7, 'associated')]) },
      [],
    ],
    ['none of these without exact', emea, others, []],
  ])('name %s', async (_, state, one, texts) => {
    const { of } = await report([state], one);
    expect(of('warning')).toEqual(texts.map((text) => `warning|${text}`));
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

describe('invalid inputs', () => {
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

  it('are one annotation, the summary and all outputs', async () => {
    const { of, outputs } = await invalid([
      error,
      { ...error, input: 'timeout' },
    ]);
    expect(of('error')).toEqual([
      `error|${TITLES.inputs}|state: expected X.\ntimeout: expected X.\n${DOCS}#invalid-inputs-no-request-was-sent`,
    ]);
    expect(of('summary')).toHaveLength(1);
    expect(outputs()).toEqual(EMPTY_OUTPUTS);
  });

  it('have advice where one is empty', async () => {
    const { of } = await invalid([{ ...error, isEmpty: true }]);
    expect(of('error')[0]).toContain('does not reach the job');
  });

  it('have every wrong entry in the log', async () => {
    const { seen } = await invalid([
      { ...error, details: ['line 1', 'line 2'] },
    ]);
    expect(seen.slice(1, 4)).toEqual([
      'group|All problems of state',
      'grouped|line 1',
      'grouped|line 2',
    ]);
  });

  it('have no summary where none is asked for', async () => {
    expect((await invalid([error], false)).of('summary')).toEqual([]);
  });

  it('of 100 kB keep the link', async () => {
    const long = { ...error, message: '<'.repeat(100_000) };
    const { of } = await invalid([long, long]);
    expect(of('error')[0]).toMatch(
      /…\nhttps:\/\/github\.com\/.*no-request-was-sent$/,
    );
  });
});

describe('an exception before there are targets', () => {
  it('is one annotation with all outputs', () => {
    const { sink, of, outputs } = open();
    reportCrash(sink, CONTEXT, new Error(`odd ${TOKEN}`));
    expect(of('error')).toEqual([
      `error|${TITLES.internal}|odd ***. Report it with the debug log: set the secret ACTIONS_STEP_DEBUG to true and run again. The log has what was done by then.\n${DOCS}#internal-error`,
    ]);
    expect(outputs()).toEqual(EMPTY_OUTPUTS);
  });

  it('may be anything that was thrown', () => {
    const { sink, of } = open();
    reportCrash(sink, CONTEXT, 'text');
    expect(of('error')[0]).toContain('|text. ');
  });
});
