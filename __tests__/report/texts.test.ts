/**
 * Whole texts, as people read them: review a change of these snapshots like a
 * change of the documentation.
 */
import { describe, expect, it } from 'vitest';
import type { TargetState } from '../../src/reconcile/target-state.ts';
import { createProgressLog } from '../../src/report/progress-log.ts';
import { reportResult } from '../../src/report/report.ts';
import { createSanitizer } from '../../src/report/sanitizer.ts';
import { openSink } from '../../src/report/sink.ts';
import { createSummary } from '../../src/report/summary.ts';
import { resourceError } from '../builders.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { recordingRunner } from './recording-runner.ts';
import {
  added,
  apiError,
  failed,
  failureOf,
  inputsOf,
  NOTES,
  observe,
  type RunCase,
  range,
  recordOf,
  requestFailure,
  resourceFailure,
  resultOf,
  stateOf,
  unchanged,
  WAIT,
} from './results.ts';

const { html } = createSanitizer([]);
const foreign = requestFailure(
  'rejected',
  'Recipient is not in the organization of the share (code 1017)',
  { code: 1017 },
);
const lacking = (n: number) =>
  recordOf(n, 'associating', {
    errors: [resourceError(true, 'Recipient is missing necessary entitlement')],
  });
const toAdd = (n: number) => stateOf(n, { next: { do: 'create' } });

/** 1,000 accounts: 911 are added, 50 had access, and 39 fail in two ways. */
const FLEET: readonly TargetState[] = range(0, 999).map((n) => {
  if (n < 50) return unchanged(n);
  if (n < 74) {
    const recipient = lacking(n);
    return failed(n, resourceFailure(recipient), { recipient, changed: true });
  }
  return n < 89 ? failed(n, foreign) : added(n);
});

/**
 * The log of a run, without its debug lines. Every ten accounts take `stepMs`.
 */
async function logOf(
  states: readonly TargetState[],
  stepMs: number,
): Promise<string[]> {
  const { runner, seen } = recordingRunner();
  const clock = new VirtualClock();
  const sink = openSink(runner, createSanitizer([]));
  const inputs = inputsOf(states);
  const log = createProgressLog(sink, inputs, clock);
  const current = states.map((state, n) =>
    state.changed || state.next.do === 'fail' ? toAdd(n) : state,
  );
  log.start(NOTES, false);
  log.planned(current, observe([]), 600_000);
  for (const [n, to] of states.entries()) {
    const from = current[n] as TargetState;
    current[n] = to;
    if (from !== to) log.changed(from, to);
    if (n % 10 === 9) {
      await clock.pass(stepMs);
      log.polled(current, 600_000 - clock.now());
    }
    if (n === 710) log.delayed({ why: 'spacing', waitMs: 250 });
    if (n === 500) {
      log.delayed({ why: 'retry', error: apiError(), waitMs: 800 });
    }
  }
  await reportResult(sink, resultOf(states));
  return seen.filter((text) => !/^(debug|summary|[\w-]+=)/.test(text));
}

describe('the log of 1,000 accounts of which 39 fail', () => {
  it('has at most sixty lines outside of the group', async () => {
    const lines = await logOf(FLEET, 1_500);
    const outside = lines.filter((line) => !line.startsWith('grouped|'));
    expect(outside.length).toBeLessThanOrEqual(60);
    expect(lines.length - outside.length).toBe(1_000);
    const excerpt = [...outside, '', 'The group begins with:'].concat(
      lines.filter((line) => line.startsWith('grouped|')).slice(0, 5),
    );
    await expect(`${excerpt.join('\n')}\n`).toMatchFileSnapshot(
      'texts/log-of-1000.txt',
    );
  });

  it('is as short where the credentials stop all of them', async () => {
    const failure = requestFailure(
      'authentication',
      'Authentication error (code 10000)',
      { code: 10000 },
    );
    const stopped = failureOf('stopped', 'not attempted');
    const states = range(0, 999).map((n) =>
      failed(n, n < 4 ? failure : stopped),
    );
    const lines = await logOf(states, 0);
    const outside = lines.filter((line) => !line.startsWith('grouped|'));
    await expect(`${outside.join('\n')}\n`).toMatchFileSnapshot(
      'texts/log-of-1000-stopped.txt',
    );
    expect(outside.length).toBeLessThanOrEqual(12);
  });
});

describe('the summary', () => {
  const others = { accounts: 12, withoutAccount: 1 };
  const unlisted = { isUnlisted: true, status: 'associated' } as const;
  const exact = { state: 'exact' } as const;
  const changing = (n: number) => ({ ...toAdd(n), changed: true });
  const notAttempted = failureOf('stopped', 'not attempted');
  const refused = failureOf('refused', 'too many');
  const conflict = (n: number, reason: string) =>
    failed(
      n,
      requestFailure('conflict', reason, {
        documentationUrl: 'https://developers.cloudflare.com/x',
      }),
    );
  const away = failureOf('removed', 'away');

  it.each<[string, TargetState[], RunCase]>([
    ['one-added', [added(0, { label: 'EMEA' })], { observed: { others } }],
    [
      'three-with-one-failure',
      [added(0, { label: 'EMEA' }), unchanged(1), failed(2, foreign)],
      {},
    ],
    [
      'many-causes',
      [
        ...range(1, 5).map((n) => failed(n, failureOf('server', `${n}x`))),
        conflict(6, 'one'),
        conflict(7, 'two'),
        failed(8, away),
        failed(9, away),
      ],
      {},
    ],
    [
      'plan-of-exact',
      [
        changing(0),
        unchanged(1, { label: 'APAC' }),
        stateOf(2, { ...unlisted, next: WAIT, changed: true }),
      ],
      { inputs: { ...exact, dryRun: true } },
    ],
    [
      'plan-that-was-rejected',
      [failed(0, refused), failed(1, refused, unlisted)],
      { inputs: { ...exact, dryRun: true } },
    ],
    [
      'plan-that-is-not-possible',
      [failed(0, failureOf('inconclusive', 'unclear')), changing(1)],
      { inputs: { dryRun: true } },
    ],
    [
      'exact-that-failed',
      [
        failed(0, foreign),
        failed(1, notAttempted, { ...unlisted, label: 'APAC' }),
        failed(2, notAttempted, unlisted),
      ],
      // The list is the whole truth: others are not counted.
      { inputs: exact, observed: { others } },
    ],
  ])('of %s', async (name, states, runCase) => {
    await expect(
      createSummary(resultOf(states, runCase), true, html),
    ).toMatchFileSnapshot(`texts/summary-${name}.txt`);
  });

  it('of 1,000 accounts, without what is alike', async () => {
    const lines = createSummary(resultOf(FLEET), true, html).split('\n');
    const shape = (line: string) => line.replace(/ac\d{30}/g, 'ID');
    const excerpt = lines.filter(
      (line, n) => shape(line) !== shape(lines[n - 1] ?? ''),
    );
    await expect(excerpt.join('\n')).toMatchFileSnapshot(
      'texts/summary-of-1000.txt',
    );
  });
});
