import { describe, expect, it } from 'vitest';
import { FIXES, TITLES } from '../../src/report/failure-guide.ts';
import { OutputError } from '../../src/report/runner.ts';
import { account, INPUTS, SHARE, TOKEN } from '../builders.ts';
import { openRecorded } from './open-report.ts';
import { failWith, GITHUB, recordOf, resultOf, unreadable } from './results.ts';

const DOCS =
  'https://github.com/octo/share-recipient/blob/v1/docs/troubleshooting.md';

describe('the end of a run', () => {
  const finished = async (
    result: ReturnType<typeof resultOf>,
    failing = {},
    github = {},
  ) => {
    const opened = openRecorded(failing, github);
    await opened.report.finish(result);
    return opened;
  };

  it('is one line, the summary and the outputs, without an annotation where all is well', async () => {
    const { seen, outputs } = await finished(
      resultOf({ records: [recordOf(0, 'associated')] }),
    );
    const beginnings = seen.slice(1).map((text) => text.split(/[|=]/)[0]);
    const names = ['recipient-id', 'status', 'changed', 'recipients'];
    expect(beginnings).toEqual(['summary', 'info', ...names]);
    expect(seen[1]).toMatch(/^summary\|<h3>✅ /);
    expect(seen[2]).toBe('info|Result: 1 account unchanged; 1.2 s, 3 requests');
    expect(JSON.parse(outputs()['recipients'] ?? '')).toMatchObject([
      { account_id: account(0), status: 'associated' },
    ]);
  });

  it('has no summary where none is wanted', async () => {
    const { of } = await finished(
      resultOf({ inputs: { INPUT_SUMMARY: 'false' } }),
    );
    expect(of('summary')).toEqual([]);
  });

  it('has one annotation for each reason: reason, fix, share, targets, request, help', async () => {
    const change = (_: unknown, index: number) =>
      failWith('rejected', index < 2 ? 'no' : 'never', 'POST …, HTTP 400');
    const share = {
      name: 'Baseline',
      resourceTypes: new Map<string, string>(),
    };
    const { of } = await finished(
      resultOf({
        records: [0, 1, 2].map((n) => recordOf(n, 'associated')),
        change,
        share,
      }),
      {},
      GITHUB,
    );
    const where = `Share "Baseline" (${SHARE}), account`;
    const url = `${DOCS}#request-rejected-by-cloudflare`;
    const error = (reason: string, ids: string) =>
      `error|${TITLES.rejected}|${reason}. ${FIXES.rejected} ${where} ${ids}. POST …, HTTP 400.\n${url}`;
    expect(of('error')).toEqual([
      error('no', `${account(0)}, ${account(1)}`),
      error('never', `${account(2)}, recipient r2`),
    ]);
  });

  it('names the record of a single target, and the share by its ID where nothing could be read', async () => {
    const one = {
      records: [recordOf(0, 'associating')],
      change: () => failWith('timeout'),
    };
    expect((await finished(resultOf(one))).of('error')).toEqual([
      `error|${TITLES.timeout}|no. ${FIXES.timeout} Share ${SHARE}, account ${account(0)}, recipient r0.`,
    ]);
    const { of } = await finished(
      unreadable({ cause: 'network', reason: 'no' }),
    );
    expect(of('error')[0]).toContain(`Share ${SHARE}, account ${account(0)}.`);
  });

  it('of a cancellation that came too late says that everything was done', async () => {
    const { of } = await finished(
      resultOf({ records: [recordOf(0, 'associated')], isCancelled: true }),
    );
    expect(of('error')).toEqual([
      `error|${TITLES.cancelled}|Everything was done. ${FIXES.cancelled}`,
    ]);
  });

  it('warns of an account with several records', async () => {
    const older = { id: 'old', created: '2025-01-01T00:00:00Z' };
    const records = [
      recordOf(0, 'associated'),
      recordOf(0, 'associated', older),
      recordOf(0, 'associated', { id: 'x' }),
    ];
    const { of } = await finished(resultOf({ targets: 1, records }));
    expect(of('warning')).toEqual([
      `warning|Account has more than one recipient|Remove r0, x: old is older and in use. Account ${account(0)}.`,
    ]);
  });

  it('goes on where the summary cannot be written', async () => {
    const { of, outputs } = await finished(resultOf({}), { summary: true });
    expect(of('warning')).toEqual([
      'warning|Job summary could not be written|no ::error::space.',
    ]);
    expect(outputs()).toMatchObject({ status: 'disassociated' });
  });

  it('fails where the outputs cannot be written', async () => {
    await expect(finished(resultOf({}), { output: true })).rejects.toThrow(
      OutputError,
    );
  });

  it('warns where the deployment record could not be written', () => {
    const { report, seen } = openRecorded();
    report.onRecordError('no');
    expect(seen[1]).toBe(
      'warning|Deployment record could not be written|no. Check that the job has the permission "deployments: write".',
    );
  });
});

describe('a run without a result', () => {
  const NOTHING = {
    'recipient-id': '',
    status: 'unknown',
    changed: 'false',
    recipients: '[]',
  };

  it('because of invalid inputs shows all of them in one annotation, the summary and the outputs', async () => {
    const { report, of, outputs } = openRecorded({}, GITHUB);
    const errors = [
      { input: 'state', message: 'expected A.', isEmpty: false },
      { input: 'wait', message: 'expected B.', isEmpty: false },
    ];
    await report.invalidInputs(INPUTS, errors);
    const lines = [
      'state: expected A.',
      'wait: expected B.',
      `${DOCS}#invalid-inputs-no-request-was-sent`,
    ];
    expect(of('error')).toEqual([`error|${TITLES.inputs}|${lines.join('\n')}`]);
    expect(of('summary')[0]).toContain('<code>expected B.</code>');
    expect(outputs()).toEqual(NOTHING);
  });

  it('because of an empty input says where that often comes from', async () => {
    const { report, of } = openRecorded();
    await report.invalidInputs(INPUTS, [
      { input: 'api-token', message: 'expected a token.', isEmpty: true },
      { input: 'state', message: 'expected A.', isEmpty: false },
    ]);
    expect(of('error')[0]).toMatch(
      /expected a token\.\nstate: expected A\.\nAn empty input often comes from a secret/,
    );
    expect(of('summary')[0]).toContain(
      'An empty input often comes from a secret',
    );
  });

  it('because of invalid inputs has no summary where none is wanted', async () => {
    const { report, of, outputs } = openRecorded();
    const errors = [{ input: 'state', message: 'expected A.', isEmpty: false }];
    await report.invalidInputs({ ...INPUTS, summary: false }, errors);
    expect([of('summary'), outputs()]).toEqual([[], NOTHING]);
  });

  it('because of an exception shows it, its stack in the debug log, and outputs of nothing', () => {
    const { report, of, outputs } = openRecorded();
    report.crash(new Error(`a bug ${TOKEN}`));
    report.crash('text');
    expect(of('error')).toEqual([
      `error|${TITLES.internal}|a bug ***. ${FIXES.internal}`,
      `error|${TITLES.internal}|text. ${FIXES.internal}`,
    ]);
    expect(
      of('debug').some((text) => text.includes('report-end.test.ts')),
    ).toBe(true);
    expect(outputs()).toEqual(NOTHING);
  });

  it('because the outputs cannot be written does not write them again', () => {
    const { report, of, outputs } = openRecorded();
    report.crash(new OutputError('output status: no space'));
    expect(of('error')).toEqual([
      `error|${TITLES.outputs}|output status: no space. ${FIXES.outputs}`,
    ]);
    expect(outputs()).toEqual({});
  });
});
