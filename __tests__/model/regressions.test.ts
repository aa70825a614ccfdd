/**
 * Bugs that the search of model.test.ts found and that only a whole run shows,
 * each shrunk to its schedule. A sentence says what holds since then. What one
 * module shows alone is a row of its unit test.
 */
import { expect, it } from 'vitest';
import { violations } from './invariants.ts';
import { CALM, play, type Schedule, type ScheduledFault } from './world.ts';

/** What a run ended with. */
async function end(schedule: Partial<Schedule>) {
  const trace = await play({ ...CALM, ...schedule });
  const { exchanges } = trace;
  const [first] = JSON.parse(trace.outputs['recipients'] ?? '[]');
  const ended = {
    success: trace.success,
    posts: exchanges.filter(({ method }) => method === 'POST').length,
    requests: exchanges.length,
    tookMs: trace.endMs - trace.startMs,
    /** Of the first target, as in the output `recipients`. */
    status: first?.status,
    changed: first?.changed,
    error: first?.error,
    /** Is the record of the first target one that the run added? */
    isAdded: trace.creations.some(
      (creation) =>
        creation.isOurs && creation.recipientId === first?.recipient_id,
    ),
    /** Everything that people see. */
    text: trace.shown.map((line) => line.text).join('\n'),
  };
  return { trace, ended };
}

type Ended = Awaited<ReturnType<typeof end>>['ended'];

interface Bug {
  /** What the run does since the bug was fixed. */
  readonly fixed: string;
  readonly schedule: Partial<Schedule>;
  readonly ends: { readonly [of in keyof Ended]?: unknown };
  /** How many seeds the schedule is played with; 1 without it. */
  readonly seeds?: number;
}

const DAY_MS = 86_400_000;
const has = (status: string, more: object = {}) =>
  ({
    who: 0,
    status,
    ageMs: DAY_MS,
    resources: [],
    settle: null,
    ...more,
  }) as const;
const associated = has('associated');
const removedAfter = (disassociateMs: number, more: object = {}) =>
  has('disassociating', { settle: { disassociateMs }, ...more });

const REQUESTS = {
  LIST: { method: 'GET', part: 'list' },
  POST: { method: 'POST', part: 'list' },
  SHARE: { method: 'GET', part: 'share' },
  DELETE: { method: 'DELETE', part: 'any' },
} as const;
/** A fault of the `nth` request of a kind, and of those after it. */
const to = (
  request: keyof typeof REQUESTS,
  nth: number,
  fault: ScheduledFault['fault'],
  times = 1,
): ScheduledFault => ({ ...REQUESTS[request], nth, times, fault });
const ALWAYS = 10_000;
const reset = { kind: 'reset' } as const;
const hang = { kind: 'hang' } as const;
const retryAfter = (seconds: number) =>
  ({
    kind: 'response',
    status: 429,
    headers: { 'retry-after': String(seconds) },
  }) as const;

const shows = (text: string) => expect.stringContaining(text);
const lessThan = (limit: number) =>
  expect.toSatisfy((value: number) => value < limit);
const moreThan = (limit: number) =>
  expect.toSatisfy((value: number) => value > limit);
const DUPLICATE = shows('Account has more than one recipient');

const BUGS: Bug[] = [
  {
    fixed:
      'adds nobody twice whose record is on a second page from an older replica',
    schedule: {
      filler: 98,
      pageSize: 100,
      records: [
        has('associated', { who: 'other', ageMs: 100 }),
        has('associated', { who: 'other' }),
        associated,
      ],
      staleMs: 500,
      staleVaries: true,
    },
    ends: { success: true, posts: 0 },
    seeds: 60,
  },
  {
    fixed:
      'does not treat a record as removed that a stale read does not show yet',
    schedule: {
      records: [has('disassociating', { ageMs: 32 }), has('disassociated')],
      staleMs: 1169,
      staleVaries: true,
      chance: 1370413821,
      targets: 3,
    },
    ends: { success: true },
  },
  {
    fixed:
      'does not fail because of a record that was removed before its POST got no response',
    schedule: {
      records: [removedAfter(3000), removedAfter(3000, { ageMs: 1 })],
      staleMs: 10_000,
      faults: [to('POST', 1, reset)],
    },
    ends: { success: true, changed: true },
  },
  {
    fixed:
      'waits for a record being removed that only the list after a 429 shows',
    schedule: {
      records: [removedAfter(230_000, { ageMs: 1 })],
      staleMs: 100,
      faults: [to('POST', 1, retryAfter(60))],
    },
    ends: { success: true, changed: true, tookMs: moreThan(230_000) },
  },
  ...[true, false].map(
    (wait): Bug => ({
      fixed: `uses the older of two records that were added at the same time (wait: ${wait})`,
      schedule: {
        targets: 2,
        timelines: [{}, { associateMs: 9000 }],
        records: [removedAfter(4000, { who: 1 })],
        rival: { who: 0, when: 'before' },
        wait,
      },
      ends: {
        status: 'associated',
        changed: true,
        error: null,
        isAdded: false,
        text: DUPLICATE,
      },
    }),
  ),
  {
    fixed: 'warns of a second record that only the last list shows',
    schedule: {
      timeoutMs: 5000,
      rival: { who: 0, when: 'before' },
      faults: [to('POST', 1, { ...hang, commit: true })],
    },
    ends: { text: DUPLICATE },
  },
  {
    fixed:
      'reports the record of a POST that was sent again after a 429 and then cut short by the timeout',
    schedule: {
      timeoutMs: 12_000,
      faults: [
        to('POST', 1, retryAfter(4)),
        to('POST', 2, { ...hang, commit: true }),
      ],
    },
    ends: { changed: true, isAdded: true },
  },
  ...(['LIST', 'POST'] as const).map(
    (request): Bug => ({
      fixed: `does not hurry because Retry-After is 0 (${request}): one list and three POSTs a second`,
      schedule: {
        timeoutMs: 10_000,
        targets: 3,
        faults: [to(request, 1, retryAfter(0), ALWAYS)],
      },
      ends: { requests: lessThan(40) },
    }),
  ),
  {
    fixed: 'does not report a removal that only a poll by ID has shown',
    schedule: {
      state: 'absent',
      records: [associated],
      faults: [to('LIST', 3, reset, ALWAYS)],
    },
    ends: { success: false },
  },
  ...[true, false].map(
    (wait): Bug => ({
      fixed: `observes a DELETE without a clear outcome although the next one of the account is held back to the end (wait: ${wait})`,
      schedule: {
        state: 'absent',
        wait,
        // One DELETE at a time.
        quota: 7,
        timeoutMs: 60_000,
        records: [associated, associated],
        faults: [
          to('DELETE', 1, {
            kind: 'response',
            status: 504,
            headers: { 'retry-after': '900' },
            commit: true,
          }),
        ],
      },
      ends: { success: false, status: 'associated', changed: true },
    }),
  ),
  ...[true, false].map(
    (dryRun): Bug => ({
      fixed: `fails when it is cancelled, also where nothing was left to do (dry run: ${dryRun})`,
      schedule: {
        dryRun,
        records: [associated],
        faults: [to('SHARE', 1, hang)],
        cancelAtMs: 1000,
      },
      ends: {
        success: false,
        status: 'associated',
        changed: false,
        error: null,
        text: shows('Run cancelled'),
      },
    }),
  ),
];

it.each(BUGS)('$fixed', async ({ schedule, ends, seeds = 1 }) => {
  const first = schedule.chance ?? CALM.chance;
  for (let seed = 0; seed < seeds; seed++) {
    const { trace, ended } = await end({ ...schedule, chance: first + seed });
    expect(violations(trace)).toEqual([]);
    expect(ended).toMatchObject(ends);
  }
});
