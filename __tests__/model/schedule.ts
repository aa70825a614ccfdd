/**
 * Where schedules come from: fast-check generates them, and shrinks those that
 * fail.
 */
import fc from 'fast-check';
import type { Fault } from '../../simulator/faults.ts';
import type {
  ResourceEntry,
  TimedTimeline as Timeline,
} from '../../simulator/timeline.ts';
import {
  CALM,
  type ConnectionFault,
  type Corruption,
  idOf,
  ORDINARY_CODE,
  type Schedule,
  type ScheduledFault,
  STALE_READ_MS,
  type Who,
} from './world.ts';

/**
 * Every hostile text has this word in it, so that the summary can be searched
 * for it.
 */
export const MARK = 'EVIL';

const SECRETS = [
  'cf0aPlainTokenOfFortyCharacters_abcdefgh',
  'q"uote\\dTokenWithBackslash"es\\and"quotes',
  'p+er/cent=&T%ok%2Fen?with#odd<characters>',
];

type Choice<T> = readonly [weight: number, arbitrary: fc.Arbitrary<T>];

/** One of several, each as often as its weight says. */
function weighted<const Choices extends readonly Choice<unknown>[]>(
  ...choices: Choices
): fc.Arbitrary<Choices[number] extends Choice<infer T> ? T : never> {
  const weights = choices.map(([weight, arbitrary]) => ({ weight, arbitrary }));
  return fc.oneof(...weights) as never;
}

const seconds = (max: number) =>
  fc.oneof(fc.constant(0), fc.integer({ min: 1, max: max * 1000 }));

const hostile = fc
  .tuple(
    weighted([4, fc.constant(0)], [1, fc.integer({ min: 1, max: 900 })]),
    fc.constantFrom(
      'message',
      `\r\n::error::${MARK}`,
      ` \t ::add-mask::${MARK}`,
      `::set-output name=status::${MARK}`,
      `x ##[error]${MARK}`,
      `###[group]${MARK}`,
      `a\u2028::warning::${MARK}\u2029b\u0085c`,
      `\u001b[31m${MARK}\u001b]8;;https://evil.example\u0007`,
      `\u200b::notice::${MARK}\u202e`,
      `<img src=x onerror=${MARK}><script>${MARK}</script>`,
      `</code></td></table><a href="https://evil.example/${MARK}">${MARK}</a>`,
      `\n\n| ${MARK} | \`\`\` ![${MARK}](https://evil.example) @${MARK} #1 <!-- ${MARK}`,
      `\ud800${MARK}\udfff`,
      `recipient-id<<EOF\n${MARK}\nEOF`,
      'your token {secret} is not allowed',
      'Authorization: Bearer {secret}',
      '/path?token={url}',
      'Basic {base64}',
    ),
  )
  .map(([pad, text]) => 'x'.repeat(pad) + text);

const entry = (terminal: boolean): fc.Arbitrary<ResourceEntry> =>
  fc.record({
    error: fc.oneof(
      fc.constant('Recipient is missing necessary entitlement'),
      hostile,
    ),
    resource_id: fc.oneof(fc.constantFrom('resource-1', 'resource-2'), hostile),
    resource_version: fc.constant(0),
    terminal: fc.constant(terminal),
  });
const healthy: fc.Arbitrary<ResourceEntry> = fc.constantFrom(
  { error: '', resource_id: 'resource-1', resource_version: 1, terminal: true },
  {
    error: null,
    resource_id: 'resource-1',
    resource_version: 1,
    terminal: null,
  },
  { resource_id: 'resource-2', resource_version: 1 },
);
const resources: fc.Arbitrary<ResourceEntry[] | null> = weighted(
  [5, fc.constant<ResourceEntry[]>([])],
  [1, fc.constant(null)],
  [2, fc.array(healthy, { minLength: 1, maxLength: 2 })],
  [1, fc.array(entry(false), { minLength: 1, maxLength: 2 })],
  [1, fc.tuple(entry(true))],
);

const status = weighted(
  [
    8,
    fc.constantFrom(
      'associating',
      'associated',
      'disassociating',
      'disassociated',
    ),
  ],
  [1, fc.constantFrom('pending_review', 'ASSOCIATED', 'failed')],
  [1, hostile],
);

const duration = weighted(
  [4, seconds(20)],
  [2, seconds(150)],
  [1, fc.constant('never' as const)],
);

/** Removed by Cloudflare itself, so that no write changes `modified`. */
const removal: fc.Arbitrary<Timeline> = fc
  .array(seconds(30), { minLength: 3, maxLength: 3 })
  .map((times) => {
    const statuses = ['associated', 'disassociating', 'disassociated'];
    return {
      steps: times
        .sort((a, b) => a - b)
        .map((afterMs, n) => ({ afterMs, status: statuses[n] ?? '' })),
    };
  });

const timeline: fc.Arbitrary<Timeline> = weighted(
  [5, fc.record({ associateMs: duration, disassociateMs: duration })],
  [
    2,
    fc
      .tuple(duration, duration, entry(false), seconds(30), seconds(60))
      .map(([associateMs, disassociateMs, error, afterMs, lastsMs]) => ({
        associateMs,
        disassociateMs,
        errors: [{ ...error, afterMs, clearsMs: afterMs + lastsMs }],
      })),
  ],
  [
    2,
    fc
      .tuple(duration, entry(true), seconds(30))
      .map(([associateMs, error, afterMs]) => ({
        associateMs,
        errors: [{ ...error, afterMs }],
      })),
  ],
  [
    1,
    fc
      .array(fc.record({ afterMs: seconds(60), status, resources }), {
        minLength: 1,
        maxLength: 3,
      })
      .map((steps) => ({ steps })),
  ],
  [1, removal],
);

const retryAfter = fc.constantFrom(
  '0',
  '1',
  '7',
  '45',
  '900',
  'Mon, 23 Nov 2026 12:00:30 GMT',
  '-5',
  '1.5',
  'soon',
  '999999999',
);
const headers = weighted(
  [3, fc.constant({})],
  [2, retryAfter.map((text) => ({ 'retry-after': text }))],
  [1, hostile.map((text) => ({ 'cf-ray': text }))],
  [
    1,
    fc
      .constantFrom(
        '"default";r=0;t=20',
        '"default";r=3;t=30',
        'x;r=-1;t=NaN',
        '',
      )
      .map((text) => ({ ratelimit: text })),
  ],
);

const body = fc.oneof(
  fc.constantFrom(
    'json' as const,
    'html' as const,
    'rfc9457' as const,
    'edge' as const,
    'empty' as const,
  ),
  fc
    .oneof(hostile, fc.constant('{"success":false,"errors":[]}'))
    .map((text) => ({ text })),
);

const response: fc.Arbitrary<Fault> = fc
  .record({
    status: fc.constantFrom(
      ...[
        400, 401, 403, 404, 405, 407, 408, 409, 409, 410, 422, 425, 429, 429,
        500, 501, 502, 502,
      ],
      ...[503, 503, 504, 505, 520, 521, 522, 523, 524, 525, 526, 204, 100],
    ),
    body,
    message: hostile,
    code: fc.oneof(
      fc.constant(ORDINARY_CODE),
      fc.constantFrom(1001, 6003, 7000, 7003, 9109, 10000, 10001, 10405),
    ),
    headers,
    withoutRay: seldom(false, 5, fc.constant(true)),
    commit: fc.boolean(),
  })
  .map((members) => ({ kind: 'response', ...members }));

/** Bodies that are JSON or nearly, and nothing that the API would say. */
const WRONG = [
  'null',
  '[]',
  '42',
  '"text"',
  '{}',
  '{"success":true}',
  '{"success":"true","result":[]}',
  '{"success":true,"result":{}}',
  '{"success":true,"result":"text"}',
  '{"success":true,"result":[null]}',
  '{"success":true,"result":[[]]}',
  '{"success":true,"result":[{"id":"../../x","association_status":"associated"}]}',
  '{"success":false,"errors":"text"}',
  '{"success":false,"errors":[null,{"code":{},"message":[]}],"result":null}',
  '{"__proto__":{"success":true},"result":[]}',
];

const serverFault: fc.Arbitrary<Fault> = fc
  .tuple(
    weighted(
      [6, response],
      [3, fc.boolean().map((commit): Fault => ({ kind: 'reset', commit }))],
      [3, fc.boolean().map((commit): Fault => ({ kind: 'hang', commit }))],
      [1, hostile.map((to): Fault => ({ kind: 'redirect', to }))],
      [2, fc.constant<Fault>({ kind: 'truncate' })],
      [
        2,
        fc
          .oneof(hostile, fc.constantFrom(...WRONG))
          .map((text): Fault => ({ kind: 'unreadable', text })),
      ],
      [3, fc.constant<Fault>({ kind: 'slow' })],
      [1, fc.constant<Fault>({ kind: 'endless' })],
    ),
    seconds(12),
    seconds(10),
  )
  .map(([fault, delayMs, commitAfterMs]) => ({
    ...fault,
    delayMs,
    commitAfterMs,
  }));

/** Connections that were not made, and one that ended without a response. */
const connectionFault: fc.Arbitrary<ConnectionFault> = fc
  .tuple(
    fc.constantFrom<Omit<ConnectionFault, 'kind' | 'delayMs'>>(
      { cause: 'network', mayHaveBeenProcessed: false, isRetryable: true },
      { cause: 'network', mayHaveBeenProcessed: false, isRetryable: true },
      { cause: 'proxy', mayHaveBeenProcessed: false, isRetryable: true },
      { cause: 'proxy', mayHaveBeenProcessed: false, isRetryable: false },
      {
        cause: 'certificate-invalid',
        mayHaveBeenProcessed: false,
        isRetryable: false,
      },
      { cause: 'no-response', mayHaveBeenProcessed: true, isRetryable: true },
    ),
    seconds(12),
  )
  .map(([failure, delayMs]) => ({ kind: 'connection', ...failure, delayMs }));

const fault: fc.Arbitrary<ScheduledFault['fault']> = weighted(
  [7, serverFault],
  [1, connectionFault],
);

const scheduledFault: fc.Arbitrary<ScheduledFault> = fc.record({
  method: fc.constantFrom('POST', 'DELETE', 'GET', 'GET', null),
  part: fc.constantFrom('any', 'list', 'record', 'share', 'any'),
  nth: fc.integer({ min: 1, max: 8 }),
  times: weighted(
    [4, fc.constant(1)],
    [2, fc.integer({ min: 2, max: 12 })],
    [1, fc.constant(10_000)],
  ),
  fault,
});

const odd = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    0,
    5,
    true,
    '',
    'a/b',
    'a\nb',
    '../..',
    [],
    {},
    [null],
    [[]],
  ),
  hostile,
);
const isId = (value: unknown) =>
  typeof value === 'string' && /^[\w-]{1,32}$/.test(value);

const nullList: fc.Arbitrary<Corruption> = fc.record({
  method: fc.constant('GET'),
  nth: fc.integer({ min: 1, max: 3 }),
  member: fc.constant('envelope.result'),
  value: fc.constant(null),
});

const oddMember: fc.Arbitrary<Corruption> = fc
  .record({
    method: fc.constantFrom('GET', 'GET', 'POST', 'DELETE'),
    nth: fc.integer({ min: 1, max: 5 }),
    member: fc.constantFrom(
      ...[
        'envelope.success',
        'envelope.result',
        'envelope.result_info',
        'envelope.errors',
      ],
      ...[
        'info.total_pages',
        'info.total_count',
        'info.count',
        'info.per_page',
      ],
      ...[
        'record.id',
        'record.account_id',
        'record.association_status',
        'record.resources',
      ],
      ...['record.created', 'record.modified'],
    ),
    value: odd,
  })
  .filter(({ member, value }) => {
    if (member === 'record.id')
      return typeof value !== 'string' || !isId(value);
    // Without an account the record may be anybody's, and is treated as
    // nobody's.
    if (member === 'record.account_id') return Boolean(value) && !isId(value);
    // A list that leaves all records out.
    return (
      member !== 'envelope.result' || !Array.isArray(value) || value.length > 0
    );
  });

const corruption = weighted([9, oddMember], [1, nullList]);

/**
 * Leaves out what makes a list incomplete, which no run defends against.
 */
function isConsistent({
  corruptions,
  pageSize,
  reuseRecords,
}: Schedule): boolean {
  const members = corruptions.map(({ member }) => member);
  // `result: null` twice in a row means empty.
  const nulls = corruptions.filter(
    ({ member, value }) => member === 'envelope.result' && value === null,
  );
  const isPaged =
    pageSize !== null &&
    members.some((member) => /^info\.|result_info/.test(member));
  // Without `modified`, a record that is used again looks like a stale read of
  // its past.
  const isUndated = reuseRecords && members.includes('record.modified');
  return nulls.length < 2 && !isPaged && !isUndated;
}

/** Pages of two records would need hundreds of requests for one list. */
function isFast({ pageSize, filler }: Schedule): boolean {
  return filler === 0 || pageSize === null || pageSize >= 20;
}

const who = (max: number): fc.Arbitrary<Who> =>
  weighted(
    [6, fc.integer({ min: 0, max })],
    [1, fc.constant('other' as const)],
    [1, fc.constant('organization' as const)],
  );

/** Mostly none, sometimes one, seldom several. */
function few<T>(arbitrary: fc.Arbitrary<T>, max: number): fc.Arbitrary<T[]> {
  return weighted(
    [3, fc.constant<T[]>([])],
    [3, fc.array(arbitrary, { minLength: 1, maxLength: 1 })],
    [2, fc.array(arbitrary, { minLength: 2, maxLength: max })],
  );
}

function seldom<T>(
  usual: T,
  weight: number,
  other: fc.Arbitrary<T>,
): fc.Arbitrary<T> {
  return weighted([weight, fc.constant(usual)], [1, other]);
}

const record = (whose: fc.Arbitrary<Who>) =>
  fc.record({
    who: whose,
    status,
    ageMs: fc.oneof(fc.constant(86_400_000), seconds(20)),
    removedMs: seldom<number | null>(null, 3, seconds(8)),
    resources,
    settle: fc.option(timeline, { freq: 2 }),
  });

/** What turns a schedule into one of `state: exact`. */
const exactPart = fc.record({
  maxRemovals: weighted(
    [3, fc.constantFrom('100%', '9')],
    [2, fc.constantFrom('25%', '50%', '0', '1', '2', '0%')],
  ),
  targets: weighted([60, fc.integer({ min: 1, max: 4 })], [1, fc.constant(51)]),
  // Accounts from the number of targets on are not listed.
  unlisted: fc.array(record(fc.integer({ min: 0, max: 7 })), { maxLength: 5 }),
  calm: fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 8 }),
  odd: seldom<Who[]>([], 8, fc.constantFrom<Who[]>(['owner'], ['nobody'])),
  shown: seldom<Record<string, unknown>>(
    {},
    12,
    fc.constantFrom<Record<string, unknown>>(
      { kind: 'received' },
      { kind: undefined },
      { status: 'paused' },
      { status: undefined },
      { target_type: 'organization' },
      { target_type: undefined },
      { account_id: idOf('other') },
    ),
  ),
});

function toExact(
  schedule: Schedule,
  part: typeof exactPart extends fc.Arbitrary<infer Part> ? Part : never,
): Schedule {
  const accounts: Who[] = [...new Set<Who>([...part.calm, ...part.odd])];
  const calm = accounts.map((account) => ({
    who: account,
    status: 'associated',
    ageMs: 86_400_000,
    resources: [],
    settle: null,
  }));
  return {
    ...schedule,
    state: 'exact',
    maxRemovals: part.maxRemovals,
    targets: part.targets,
    share: { ...schedule.share, shown: part.shown },
    records: [...calm, ...part.unlisted, ...schedule.records.slice(0, 1)],
  };
}

/** Any schedule of one run with `present` or `absent`. */
const simpleSchedules: fc.Arbitrary<Schedule> = fc
  .record({
    state: fc.constantFrom('present', 'present', 'absent'),
    maxRemovals: fc.constant(CALM.maxRemovals),
    wait: seldom(true, 4, fc.constant(false)),
    dryRun: seldom(false, 8, fc.constant(true)),
    timeoutMs: weighted(
      [2, fc.constantFrom(300_000, 600_000)],
      [1, fc.integer({ min: 3, max: 60 }).map((s) => s * 1000)],
      [1, fc.integer({ min: 60, max: 1200 }).map((s) => s * 1000)],
    ),
    targets: weighted(
      [40, fc.constant(1)],
      [30, fc.integer({ min: 2, max: 5 })],
      [10, fc.constant('organization' as const)],
      // From here on the log shows counts instead of names.
      [1, fc.integer({ min: 51, max: 54 })],
    ),
    credentials: seldom<'token' | 'pair'>('token', 3, fc.constant('pair')),
    secret: fc.constantFrom(...SECRETS),
    denial: seldom<Schedule['denial']>(
      null,
      20,
      fc.constantFrom<[number, number][]>(
        [403, 10000],
        [401, 10001],
        [400, 6003],
        [400, 9106],
        [400, 9109],
      ),
    ),
    share: fc.record({
      name: weighted([2, fc.constant('Baseline')], [1, hostile]),
      status: seldom<'active' | 'deleting' | 'deleted'>(
        'active',
        20,
        fc.constantFrom('deleting', 'deleted'),
      ),
      targetType: seldom<'account' | 'organization'>(
        'account',
        20,
        fc.constant('organization'),
      ),
    }),
    records: few(record(who(4)), 7),
    filler: weighted(
      [20, fc.constant(0)],
      [2, fc.integer({ min: 95, max: 102 })],
      [1, fc.integer({ min: 103, max: 230 })],
    ),
    pageSize: seldom<number | null>(null, 5, fc.constantFrom(2, 3, 20, 100)),
    timelines: fc.array(timeline, { maxLength: 5 }),
    duplicates: fc.constantFrom(
      'accept',
      'accept',
      'conflict',
      'conflict',
      'reject',
    ),
    repeatedDelete: fc.constantFrom('accept', 'missing'),
    reuseRecords: seldom(false, 2, fc.constant(true)),
    keepsModified: fc.boolean(),
    rejectDeleteWhileAssociating: fc.boolean(),
    organizationRecords: fc.constantFrom(
      'account_id',
      'organization_id',
      'neither',
    ),
    rejected: seldom<number | null>(null, 15, fc.integer({ min: 0, max: 4 })),
    quota: seldom(1200, 15, fc.integer({ min: 3, max: 80 })),
    // A list of several pages takes longer than a read may be stale.
    latencyMs: seldom(20, 1, fc.constantFrom(2, 200, 200, 3000)),
    staleMs: weighted(
      [2, fc.constant(0)],
      [1, fc.integer({ min: 1, max: STALE_READ_MS })],
      [1, fc.constant(STALE_READ_MS)],
    ),
    staleVaries: fc.boolean(),
    faults: few(scheduledFault, 6),
    corruptions: seldom<Corruption[]>(
      [],
      4,
      fc.array(corruption, { minLength: 1, maxLength: 3 }),
    ),
    others: seldom<Schedule['others'][number][]>(
      [],
      4,
      fc.array(
        fc.record({
          atMs: seconds(60),
          what: fc.constantFrom('add' as const, 'remove' as const),
          who: who(4),
        }),
        { minLength: 1, maxLength: 3 },
      ),
    ),
    rival: seldom<Schedule['rival']>(
      null,
      4,
      fc.record({
        who: fc.integer({ min: 0, max: 4 }),
        when: fc.constantFrom('before', 'after'),
      }),
    ),
    cancelAtMs: seldom<number | null>(null, 5, seconds(60)),
    chance: fc.nat(),
  })
  .filter(isConsistent)
  .filter(isFast);

/** Any schedule of one run; half of them are of `exact`. */
export const schedules: fc.Arbitrary<Schedule> = fc
  .tuple(simpleSchedules, fc.oneof(fc.constant(null), exactPart))
  .map(([schedule, part]) => (part ? toExact(schedule, part) : schedule));
