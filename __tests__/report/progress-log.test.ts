import { describe, expect, it } from 'vitest';
import type { Cause, Inputs } from '../../src/domain.ts';
import type { TargetState } from '../../src/reconcile/target-state.ts';
import { createProgressLog } from '../../src/report/progress-log.ts';
import { createSanitizer } from '../../src/report/sanitizer.ts';
import { openSink } from '../../src/report/sink.ts';
import { account, OWNER, resourceError, SHARE } from '../builders.ts';
import { expectSentences } from '../sentences.ts';
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
  post,
  range,
  recordOf,
  requestFailure,
  stateOf,
  unchanged,
  WAIT,
} from './results.ts';

const CREATE = { next: { do: 'create' } } as const;
const toAdd = (n: number) => stateOf(n, CREATE);
/** The `n`th account before and after it fails. */
const failure = (n: number, cause: Cause): [TargetState, TargetState] => [
  toAdd(n),
  failed(n, failureOf(cause)),
];

function open(states: readonly TargetState[], more: Partial<Inputs> = {}) {
  const recorder = recordingRunner();
  const clock = new VirtualClock();
  const sink = openSink(recorder.runner, createSanitizer([]));
  const log = createProgressLog(sink, inputsOf(states, more), clock);
  return { ...recorder, clock, log };
}

/** A log that has shown the plan of these targets, and what came after it. */
function planned(
  states: readonly TargetState[],
  more: Partial<Inputs> = {},
  observed = observe([]),
  remainingMs = 600_000,
) {
  const opened = open(states, more);
  opened.log.planned(states, observed, remainingMs);
  const plan = opened.seen.splice(0);
  return { ...opened, plan };
}

describe('the start', () => {
  it('is one line, and a warning of a variable that has no effect', () => {
    const credentials = { type: 'key', email: 'a@b.c', key: 'k' } as const;
    const { log, seen } = open([stateOf(0)], { credentials });
    log.start(NOTES, false);
    log.start(NOTES, true);
    const line = `info|Sharing ${SHARE} of account ${OWNER} with 1 account; timeout 10m`;
    expect(seen.slice(0, 2)).toEqual([line, line]);
    expect(seen[2]).toMatch(/^warning\|TLS verification stays on\|/);
    expect(seen).toHaveLength(3);
  });
});

describe('the plan', () => {
  const others = { accounts: 12, withoutAccount: 1 };
  const withOthers = observe([], { others });
  const few = [stateOf(0, { ...CREATE, label: 'EMEA' }), unchanged(1)];
  const manyWithExact = [
    ...range(1, 10).map((n) => unchanged(n)),
    toAdd(0),
    stateOf(11, { isUnlisted: true, status: 'associated', next: WAIT }),
  ];
  const cases: Record<string, Parameters<typeof planned>> = {
    'a few targets': [few, {}, withOthers],
    'a list that is the whole truth': [few, { state: 'exact' }, withOthers],
    'more than ten targets': [[...range(1, 10).map(toAdd), unchanged(0)]],
    'more than ten targets with exact': [manyWithExact, { state: 'exact' }],
    // It reports each change at its end.
    'more than ten targets with exact, in a dry run': [
      manyWithExact,
      { state: 'exact', dryRun: true },
    ],
    'more writes than the time allows': [
      range(1, 2_400).map(toAdd),
      {},
      observe([]),
      299_000,
    ],
    'as many writes as the time allows': [
      range(1, 2_400).map(toAdd),
      {},
      observe([]),
      300_000,
    ],
    'writes that may go at once': [
      range(1, 1_200).map(toAdd),
      {},
      observe([]),
      0,
    ],
  };

  it('has a line for each of a few targets or a count of many, and all changes of exact', async () => {
    await expectSentences('plans', cases, (one) =>
      planned(...one).plan.join('\n'),
    );
  });
});

describe('a change of a target', () => {
  it('has no line of its own where it is the failure of a single target', () => {
    const { log, seen } = planned([toAdd(0)]);
    log.changed(...failure(0, 'server'));
    expect(seen).toEqual([]);
  });

  it('of several targets shows how many are over', () => {
    const { log, seen } = planned([
      unchanged(0),
      toAdd(1),
      stateOf(2, { ...CREATE, label: 'EMEA' }),
    ]);
    log.changed(toAdd(1), failed(1, requestFailure('server')));
    log.changed(toAdd(2), stateOf(2, { label: 'EMEA', status: 'associated' }));
    expect(seen).toEqual([
      `info|${account(1)}: failed: no (POST …/recipients, HTTP 400, cf-ray 8f1e) (2 of 3)`,
      `info|${account(2)} (EMEA): associated after 0.0 s (3 of 3)`,
    ]);
  });

  it('is one warning for each resource that is retried, not for each account', () => {
    const { log, of } = planned([toAdd(0), toAdd(1)]);
    const errors = [resourceError(false)];
    const more = [...errors, resourceError(false, 'later', 'other')];
    const waiting = (n: number, all = errors) =>
      stateOf(n, {
        next: WAIT,
        recipient: recordOf(n, 'associating', { errors: all }),
      });
    log.changed(toAdd(0), waiting(0));
    log.changed(waiting(0), waiting(0));
    log.changed(toAdd(1), waiting(1));
    log.changed(waiting(1), waiting(1, more));
    expect(of('warning')).toEqual([
      `warning|Cloudflare is retrying a resource|gateway-policy policy: later. The run keeps waiting. First observed for account ${account(0)}.`,
      `warning|Cloudflare is retrying a resource|resource other: later. The run keeps waiting. First observed for account ${account(1)}.`,
    ]);
  });

  it('is a line, and no warning, for the fourth resource that is retried', () => {
    const { log, of } = planned([toAdd(0)]);
    const errors = range(1, 4).map((n) =>
      resourceError(false, 'later', `p${n}`),
    );
    const recipient = recordOf(0, 'associating', { errors });
    log.changed(toAdd(0), stateOf(0, { next: WAIT, recipient }));
    expect(of('warning')).toHaveLength(3);
    expect(of('info')).toContain(
      `info|Cloudflare is retrying a resource: resource p4: later. The run keeps waiting. First observed for account ${account(0)}.`,
    );
  });

  it('to a terminal error is a failure and not a warning', () => {
    const { log, of } = planned([toAdd(0)]);
    const recipient = recordOf(0, 'associating', {
      errors: [resourceError(true)],
    });
    log.changed(
      toAdd(0),
      failed(0, failureOf('resource-error'), { recipient }),
    );
    expect(of('warning')).toEqual([]);
  });
});

describe('many targets', () => {
  const all = range(0, 999).map(toAdd);

  it('have no line for each that is added', () => {
    const { log, seen } = planned(all);
    log.changed(toAdd(0), added(0, { posts: [post()] }));
    expect(seen).toEqual([`debug|${account(0)}: added as recipient r0`]);
  });

  it('have a line for the first twenty failures of a cause', () => {
    const { log, of } = planned(all);
    for (const n of range(0, 29)) log.changed(...failure(n, 'rejected'));
    log.changed(...failure(30, 'server'));
    const lines = of('info');
    expect(lines).toHaveLength(22);
    expect(lines[19]).toBe(`info|${account(19)}: failed: no`);
    expect(lines[20]).toBe(
      'info|Request rejected by Cloudflare: 20 shown. The end of the log counts and lists all of them.',
    );
    expect(lines[21]).toBe(`info|${account(30)}: failed: no`);
    expect(of('debug')).toHaveLength(10);
  });

  it.each(['stopped', 'timeout', 'cancelled', 'refused'] as const)(
    'have no line for each where one cause ends all of them: %s',
    (cause) => {
      const { log, of } = planned(all);
      for (const n of range(0, 995)) log.changed(...failure(n, cause));
      expect(of('info')).toEqual([]);
    },
  );

  it('have one line for an authentication failure of four writes', () => {
    const { log, of } = planned(all);
    for (const n of range(0, 3)) log.changed(...failure(n, 'authentication'));
    expect(of('info')).toHaveLength(2);
  });

  it('have a line for the first three writes that are held back', () => {
    const { log, of } = planned(all);
    for (const n of range(0, 9)) {
      const heldBack = { why: 'rate-limit', waitMs: 9_000 } as const;
      const held = stateOf(n, { ...CREATE, heldBack });
      log.changed(toAdd(n), held);
      log.changed(held, { ...held });
    }
    expect(of('info')).toHaveLength(3);
    expect(of('info')[0]).toBe(
      `info|${account(0)}: held back for 9 s, to stay within the rate limit`,
    );
  });
});

describe('a poll', () => {
  it('is shown after fifteen seconds without another line, while something is pending', async () => {
    const states = [toAdd(0), toAdd(1), unchanged(2)];
    const { log, seen, clock } = planned(states);
    await clock.pass(14_999);
    log.polled(states, 585_000);
    expect(seen).toEqual([]);
    await clock.pass(1);
    log.polled([toAdd(0), added(1), unchanged(2)], 585_000);
    // What was done before the run is no progress.
    expect(seen).toEqual(['info|1 of 2 associated, 9 m 45 s left']);
    await clock.pass(14_999);
    log.polled(states, 570_000);
    expect(seen).toHaveLength(1);
    await clock.pass(1);
    log.polled([added(0), added(1)], 570_000);
    expect(seen).toHaveLength(1);
  });

  it('of a single target says what it waits for', async () => {
    const state = stateOf(0, { status: 'associating', next: WAIT });
    const { log, seen, clock } = planned([state]);
    await clock.pass(35_000);
    log.polled([state], 85_000);
    expect(seen).toEqual(['info|still associating after 35 s, 1 m 25 s left']);
  });
});

describe('a delay', () => {
  it('of one request is a line each time', () => {
    const { log, seen } = planned([toAdd(0)]);
    const delay = { why: 'retry', error: apiError(), waitMs: 500 } as const;
    log.delayed(delay);
    log.delayed(delay);
    expect(seen).toHaveLength(2);
  });
});
