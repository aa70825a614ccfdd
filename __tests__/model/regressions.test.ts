/**
 * Bugs that the search of model.test.ts found, each shrunk to the schedule that
 * shows it. A sentence says what holds since then.
 */
import { expect, it } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { violations } from './invariants.ts';
import {
  CALM,
  type ConnectionFault,
  play,
  type Schedule,
  type ScheduledFault,
  SHARE,
} from './world.ts';

/** What a run ended with. */
interface Ended {
  readonly success: boolean | null;
  readonly posts: number;
  readonly deletions: number;
  readonly requests: number;
  readonly lastMethod: string | undefined;
  readonly tookMs: number;
  /** Of the first target, as in the output `recipients`. */
  readonly status: string | null;
  readonly changed: boolean;
  readonly error: unknown;
  /** Is the record of the first target one that the run added? */
  readonly isAdded: boolean;
  /** Of all records, in the order of their creation. */
  readonly statuses: readonly string[];
  /** Everything that people see. */
  readonly text: unknown;
}

interface Bug {
  /** What the run does since the bug was fixed. */
  readonly fixed: string;
  readonly schedule: Partial<Schedule>;
  readonly ends?: Partial<Ended>;
  /** Inclusive limits, where no exact number matters. */
  readonly limits?: {
    readonly [of in 'requests' | 'tookMs']?: [number, number];
  };
  /** How many seeds the schedule is played with; 1 without it. */
  readonly seeds?: number;
  /** The API breaks its own promises, so that invariants say nothing. */
  readonly isApiWrong?: boolean;
}

async function end(schedule: Partial<Schedule>) {
  const trace = await play({ ...CALM, ...schedule });
  const { exchanges } = trace;
  const [first] = JSON.parse(trace.outputs['recipients'] ?? '[]');
  const count = (method: string) =>
    exchanges.filter((one) => one.method === method).length;
  const ended: Ended = {
    success: trace.success,
    posts: count('POST'),
    deletions: count('DELETE'),
    requests: exchanges.length,
    lastMethod: exchanges.at(-1)?.method,
    tookMs: trace.endMs - trace.startMs,
    status: first?.status,
    changed: first?.changed,
    error: first?.error,
    isAdded: trace.creations.some(
      (one) => one.isOurs && one.recipientId === first?.recipient_id,
    ),
    statuses: trace.api
      .records(SHARE)
      .map((record) => record.association_status),
    text: trace.shown.map((one) => one.text).join('\n'),
  };
  return { trace, ended };
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
  DELETE: { method: 'DELETE', part: 'record' },
  SHARE: { method: 'GET', part: 'share' },
} as const;
/** A fault of the `nth` request of a kind, and of those after it. */
const to = (
  request: keyof typeof REQUESTS,
  nth: number,
  fault: Fault | ConnectionFault,
  times = 1,
): ScheduledFault => ({ ...REQUESTS[request], nth, times, fault });
const ALWAYS = 10_000;
const reset = { kind: 'reset' } as const;
const hang = { kind: 'hang' } as const;
const slow = (delayMs: number) => ({ kind: 'slow', delayMs }) as const;
const unreadable = (text: string) => ({ kind: 'unreadable', text }) as const;
const response = (status: number, more: object = {}) =>
  ({ kind: 'response', status, ...more }) as const;
const retryAfter = (seconds: number, status = 429) =>
  response(status, { headers: { 'retry-after': String(seconds) } });
const badCredentials = (delayMs = 0) => response(403, { code: 10000, delayMs });
const invalidCertificate = {
  kind: 'connection',
  cause: 'certificate-invalid',
  mayHaveBeenProcessed: false,
  isRetryable: false,
  delayMs: 0,
} as const;
const DUPLICATE = expect.stringContaining(
  'Account has more than one recipient',
);
const ADDED = { success: true, changed: true, error: null } as const;

const BUGS: Bug[] = [
  // -------- lists
  {
    fixed:
      'polls again when the list that ends the ten seconds was sent before they were over',
    schedule: {
      staleMs: 5000,
      faults: [
        to('POST', 1, { kind: 'hang', commit: true, commitAfterMs: 10_000 }),
        to('LIST', 2, slow(9900)),
      ],
    },
    ends: { success: true },
  },
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
    fixed: 'keeps records that a later list leaves out',
    schedule: {
      targets: 2,
      records: [associated],
      timelines: [{}, { associateMs: 100_000 }],
      faults: [
        to(
          'LIST',
          14,
          unreadable('{"success":true,"errors":[],"messages":[],"result":[]}'),
        ),
      ],
    },
    ends: { success: true, posts: 1 },
    limits: { requests: [16, Infinity] },
    isApiWrong: true,
  },

  // -------- stale reads
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
    fixed: 'keeps an adopted record that a stale read does not show',
    schedule: {
      records: [has('associating', { ageMs: 0 })],
      duplicates: 'conflict',
      staleMs: 4000,
      staleVaries: true,
    },
    seeds: 40,
  },
  {
    fixed: 'finds the record behind a 409 although reads are stale',
    schedule: {
      records: [has('associated', { ageMs: 0 })],
      duplicates: 'conflict',
      staleMs: 3000,
    },
    ends: { status: 'associated', changed: false, error: null },
  },
  {
    fixed:
      'does not use a record that it has seen removed, although a stale read shows it active',
    schedule: {
      records: [has('associated', { removedMs: 1000 })],
      timelines: [{ disassociateMs: 800 }],
      staleMs: 5000,
      staleVaries: true,
    },
    seeds: 60,
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
    ends: { success: true, changed: true },
    limits: { tookMs: [230_001, Infinity] },
  },

  // -------- other runs, and several records of one account
  {
    fixed:
      'waits for every record that is being removed before it adds the account again',
    schedule: { records: [removedAfter(3000), removedAfter(30_000)] },
    ends: { success: true },
  },
  {
    fixed:
      'uses a record that somebody adds while an older one is being removed',
    schedule: {
      records: [removedAfter(20_000)],
      others: [{ atMs: 5000, what: 'add', who: 0 }],
    },
    ends: { success: true, posts: 0 },
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
      'fails a recipient that was removed also when no record shows a date',
    schedule: {
      targets: 2,
      timelines: [{ disassociateMs: 100 }, { associateMs: 8000 }],
      corruptions: Array.from({ length: 20 }, (_, n) => ({
        method: 'GET',
        nth: n + 1,
        member: 'record.modified',
        value: undefined,
      })),
      others: [{ atMs: 4000, what: 'remove', who: 0 }],
    },
    ends: {
      success: false,
      error: expect.stringContaining('is disassociated'),
    },
  },

  // -------- writes without a clear outcome
  {
    fixed:
      'says that a write without a response may have been carried out when no list shows it',
    schedule: { timeoutMs: 5000, faults: [to('POST', 1, reset)] },
    ends: {
      changed: false,
      isAdded: false,
      error: expect.stringContaining('may have been carried out'),
      text: expect.not.stringContaining('recipient null'),
    },
  },
  ...(['reset', 'hang'] as const).map(
    (kind): Bug => ({
      fixed: `observes a write without a response for ten seconds although lists fail meanwhile (${kind})`,
      schedule: {
        faults: [
          to('POST', 1, { kind, commit: true }),
          to('LIST', 2, response(502), 5),
        ],
      },
      ends: { ...ADDED, posts: 1 },
    }),
  ),
  {
    fixed:
      'observes a write without a response to its end after authentication failed for another',
    schedule: {
      targets: 2,
      faults: [
        to('POST', 1, { ...hang, commit: true }),
        to('POST', 2, badCredentials()),
      ],
    },
    ends: { ...ADDED, success: false, isAdded: true },
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

  // -------- writes that are held back
  {
    fixed:
      'sends no write again that a 429 held back once authentication failed for another',
    schedule: {
      targets: 2,
      faults: [
        to('POST', 1, retryAfter(20)),
        to('POST', 2, badCredentials(1000)),
      ],
    },
    ends: { posts: 2 },
  },
  ...([1, 3] as const).map(
    (targets): Bug => ({
      fixed: `reads the list again before it sends what a 429 held back for long (${targets} accounts)`,
      schedule: {
        targets,
        faults: [to('POST', 1, retryAfter(200))],
        others: [{ atMs: 50_000, what: 'add', who: 0 }],
      },
      ends: { success: true, changed: false, isAdded: false, posts: targets },
    }),
  ),
  ...(['LIST', 'POST'] as const).map(
    (request): Bug => ({
      fixed: `does not hurry because Retry-After is 0 (${request}): one list and three POSTs a second`,
      schedule: {
        timeoutMs: 10_000,
        targets: 3,
        faults: [to(request, 1, retryAfter(0), ALWAYS)],
      },
      limits: { requests: [0, 39] },
    }),
  ),
  {
    fixed:
      'uses the requests that are left, although the window is longer than the run',
    schedule: {
      timeoutMs: 120_000,
      faults: [
        to(
          'LIST',
          1,
          response(500, {
            body: 'json',
            headers: { ratelimit: '"default";r=3;t=290' },
          }),
        ),
      ],
    },
    ends: { success: true },
  },

  // -------- removals
  {
    fixed: 'trusts only a list that a recipient is removed, not a 404',
    schedule: {
      state: 'absent',
      records: [associated],
      faults: [to('DELETE', 1, response(404))],
    },
    ends: { success: false, statuses: ['associated'] },
  },
  {
    fixed:
      'waits for every record that is being removed before it reports an account as removed',
    schedule: {
      state: 'absent',
      records: [removedAfter(3000), associated, removedAfter(30_000)],
    },
    ends: { success: true },
    limits: { tookMs: [30_001, Infinity] },
  },
  {
    fixed:
      'removes a record too that somebody adds while the only other one is being removed',
    schedule: {
      state: 'absent',
      records: [associated],
      timelines: [{ disassociateMs: 3000 }],
      others: [{ atMs: 2000, what: 'add', who: 0 }],
    },
    ends: { success: true, statuses: ['disassociated', 'disassociated'] },
  },
  {
    fixed: 'does not report a removal that only a poll by ID has shown',
    schedule: {
      state: 'absent',
      records: [associated],
      faults: [to('LIST', 3, reset, ALWAYS)],
    },
    ends: { success: false },
  },
  {
    fixed:
      'lists once more after the last DELETE, although the removal of another record has failed',
    schedule: {
      state: 'absent',
      records: [associated, has('associated', { ageMs: 1 })],
      staleMs: 10_000,
      faults: [to('DELETE', 1, reset, ALWAYS)],
    },
    ends: { success: false, lastMethod: 'GET' },
  },
  {
    fixed:
      'reports a removal that another run made, although its own DELETE could not be sent',
    schedule: {
      state: 'absent',
      records: [has('associated', { removedMs: 1 })],
      staleMs: 2,
      faults: [to('DELETE', 1, invalidCertificate)],
    },
    ends: { success: true },
  },

  // -------- the end of a run
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
        text: expect.stringContaining('Run cancelled'),
      },
    }),
  ),
  ...[30, 60, 600].map(
    (seconds): Bug => ({
      fixed: `observes what is done three seconds before a timeout of ${seconds} s`,
      schedule: {
        timeoutMs: seconds * 1000,
        timelines: [{ associateMs: (seconds - 3) * 1000 }],
      },
      ends: { success: true },
    }),
  ),

  // -------- what people see
  {
    fixed: 'keeps a secret out of the outputs that would be cut in two',
    schedule: {
      faults: [
        to(
          'POST',
          1,
          response(400, { message: `${'x'.repeat(300)} {secret}` }),
        ),
      ],
    },
  },
  {
    fixed: 'keeps a secret out of the outputs that would be escaped in JSON',
    schedule: {
      secret: 'q"uote\\dTokenWithBackslash"es\\and"quotes',
      faults: [to('POST', 1, response(400, { message: 'bad token {secret}' }))],
    },
  },
  ...[`${'x'.repeat(30)} {secret}`, '@EVIL', '<img src=EVIL>'].map(
    (status): Bug => ({
      fixed: `shows nothing of an unpublished status in outputs and summary: ${status}`,
      schedule: { timeoutMs: 10_000, records: [has(status)] },
      ends: { status: 'unknown' },
    }),
  ),
];

it.each(BUGS)(
  '$fixed',
  async ({ schedule, ends = {}, limits = {}, ...bug }) => {
    const first = schedule.chance ?? CALM.chance;
    for (let seed = 0; seed < (bug.seeds ?? 1); seed++) {
      const { trace, ended } = await end({ ...schedule, chance: first + seed });
      if (!bug.isApiWrong) expect(violations(trace)).toEqual([]);
      expect(ended).toMatchObject(ends);
      for (const [of, [least, most]] of Object.entries(limits)) {
        expect(ended[of as keyof typeof limits]).toBeGreaterThanOrEqual(least);
        expect(ended[of as keyof typeof limits]).toBeLessThanOrEqual(most);
      }
    }
  },
);

it('does not use a record that a poll by ID has shown removed, although the next list is stale', async () => {
  const outcomes = new Set<boolean | null>();
  for (let chance = 0; chance < 40; chance++) {
    const { trace } = await end({
      records: [has('associating', { settle: { associateMs: 5000 } })],
      others: [{ atMs: 6000, what: 'remove', who: 0 }],
      staleMs: 8000,
      staleVaries: true,
      chance,
    });
    expect(violations(trace)).toEqual([]);
    outcomes.add(trace.success);
  }
  expect([...outcomes].sort()).toEqual([false, true]);
});
