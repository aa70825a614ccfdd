/**
 * The end of a run of 20,000 accounts comes after the last moment in which a
 * cancellation counts, so its work must not grow with the square of their
 * number. No clock can prove that. What is counted instead: how often anything
 * of a target is read, and how many characters are made safe. What is copied or
 * compared without being read is not counted.
 */
import { describe, expect, it } from 'vitest';
import type { TargetState } from '../../src/reconcile/target-state.ts';
import { reportResult } from '../../src/report/report.ts';
import { createSanitizer } from '../../src/report/sanitizer.ts';
import { openSink } from '../../src/report/sink.ts';
import { resourceError } from '../builders.ts';
import { recordingRunner } from './recording-runner.ts';
import {
  failed,
  failureOf,
  type RunCase,
  range,
  recordOf,
  requestFailure,
  resourceFailure,
  resultOf,
  stateOf,
  WAIT,
} from './results.ts';

interface Work {
  reads: number;
  characters: number;
}

/** The same data; each read of a member, at any depth, is counted. */
function counted<Data extends object>(data: Data, work: Work): Data {
  const seen = new WeakMap<object, object>();
  const wrap = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    const isPlain = Array.isArray(value) || value.constructor === Object;
    if (!isPlain) return value;
    const known = seen.get(value) ?? new Proxy(value, { get });
    seen.set(value, known);
    return known;
  };
  const get = (of: object, name: string | symbol) => {
    work.reads += 1;
    return wrap(Reflect.get(of, name));
  };
  return wrap(data) as Data;
}

/** What the report of a run takes. */
async function workOf(states: readonly TargetState[], run: RunCase) {
  const work: Work = { reads: 0, characters: 0 };
  const result = resultOf(
    states.map((state) => counted(state, work)),
    run,
  );
  const { line, html, ...others } = createSanitizer(['a-secret']);
  const counting = (makeSafe: (text: string) => string) => (text: string) => {
    work.characters += text.length;
    return makeSafe(text);
  };
  const sanitizer = { ...others, line: counting(line), html: counting(html) };
  const sink = openSink(recordingRunner().runner, sanitizer);
  work.reads = 0;
  expect(await reportResult(sink, result)).toBe('complete');
  return work;
}

const timeout: RunCase = { outcome: { ending: { type: 'timeout' } } };
const exact: RunCase = { ...timeout, inputs: { state: 'exact' } };

describe('the work of a report', () => {
  // So few that GitHub's limits leave nothing out, even of twice as many.
  const COUNT = 300;

  it.each<[string, (n: number) => TargetState, RunCase]>([
    [
      'fail for a reason of their own each',
      (n) => failed(n, requestFailure('rejected', `this is reason ${n}`)),
      {},
    ],
    [
      'have a resource of their own each that failed',
      (n) => {
        const errors = [resourceError(true, `this is error ${n}`)];
        const recipient = recordOf(n, 'associated', { errors });
        return failed(n, resourceFailure(recipient), { recipient });
      },
      {},
    ],
    [
      'are not done when the time is over',
      (n) => stateOf(n, { next: WAIT, status: 'associating' }),
      timeout,
    ],
    [
      'are half not added for a reason of their own each, and half not removed',
      (n) =>
        n % 2 === 0
          ? failed(n, failureOf('server', `this is reason ${n}`))
          : stateOf(n, {
              isUnlisted: true,
              status: 'associated',
              next: { do: 'wait', for: 'additions' },
            }),
      exact,
    ],
  ])('doubles with the number of accounts that %s', async (_, toState, run) => {
    const once = await workOf(range(1, COUNT).map(toState), run);
    const twice = await workOf(range(1, 2 * COUNT).map(toState), run);
    // Of a square, it would be four times as much.
    expect(twice.reads / once.reads).toBeLessThan(2.1);
    expect(twice.characters / once.characters).toBeLessThan(2.1);
  });
});
