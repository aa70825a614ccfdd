/**
 * A world in memory for `main`: a clock that jumps from event to event, a transport over the simulator, a runner
 * that writes everything down. One schedule is plain data and always plays the same way.
 *
 * What a schedule may not contain, because nobody could decide it from outside:
 * - A POST that becomes true so late that reads do not show it ten seconds after its failure was seen. Waiting
 *   ends some time, and a write that comes after that looks the same as one that never comes. With reads that lag
 *   5 s this allows commits until 5 s after the failure, but never after the deadline of the request.
 * - A committed POST whose answer is one that promises the opposite: a redirect, a 4xx but 408, 501, 505, 525, 526.
 * - A row that comes back once it is `disassociating`: a look that shows it alive cannot be told from one that lags.
 * - A live row without any id of an account, which may be anybody's, one with the id of another, and a list that
 *   says it is empty.
 */

import { createSharesApi, type Reply, type SharesApi } from '../../simulator/api.ts';
import { chooseFault, type Fault, type FaultRule, isCommitted } from '../../simulator/faults.ts';
import type { ResourceEntry, Timeline } from '../../simulator/timeline.ts';
import type { Clock } from '../../src/clock.ts';
import { TransportError, type WireAnswer, type WireRequest } from '../../src/cloudflare/transport.ts';
import { main } from '../../src/main.ts';
import type { Level, Runner } from '../../src/report/runner.ts';

export const OWNER = '0'.repeat(31).concat('1');
export const SHARE = 'share-3fd85f74b32742f1bff64a85';
export const ORGANIZATION = 'organization-6b1e';
export const EMAIL = 'ops@example.com';
const BASE = 'https://api.cloudflare.com/client/v4';
const START_MS = Date.UTC(2026, 10, 23, 12);
const REQUEST_DEADLINE_MS = 10_000;
/** So long after its failure a write is looked for. */
const LOOKED_FOR_MS = 10_000;
const MAX_EVENTS = 100_000;
/** Long enough for every commit that is late and every read that lags. */
const AFTERMATH_MS = 60_000;

/** Whose row: the index of a target, or nobody we were asked for. */
export type Who = number | 'organization' | 'other';

export interface ScheduledFault {
  readonly method: 'GET' | 'POST' | 'DELETE' | null;
  readonly part: 'share' | 'list' | 'row' | 'any';
  readonly nth: number;
  readonly times: number;
  readonly fault: Fault;
}

/** One member of an answer gets another value; see `spoil`. */
export interface Spoil {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly nth: number;
  readonly member: string;
  /** undefined takes the member away. */
  readonly value: unknown;
}

/** Everything that is not chance in one run. `{secret}`, `{url}` and `{base64}` in texts stand for the secret. */
export interface Schedule {
  readonly state: 'present' | 'absent';
  readonly wait: boolean;
  readonly dryRun: boolean;
  readonly timeoutMs: number;
  /** How many accounts, or the organization. */
  readonly targets: number | 'organization';
  readonly credentials: 'token' | 'pair';
  readonly secret: string;
  readonly mayWrite: boolean;
  readonly share: {
    readonly name: string;
    readonly status: 'active' | 'deleting' | 'deleted';
    readonly targetType: 'account' | 'organization';
  };
  readonly rows: readonly {
    readonly who: Who;
    readonly status: string;
    readonly ageMs: number;
    /** So long before the start somebody removed it; until then it had `status`. */
    readonly removedMs?: number | null;
    readonly resources: readonly ResourceEntry[] | null;
    readonly settle: Timeline | null;
  }[];
  /** Rows of the past of other accounts, before all others. */
  readonly filler: number;
  /** Of the targets, in order. */
  readonly timelines: readonly Timeline[];
  readonly duplicates: 'refuse' | 'accept';
  readonly refuseDeleteWhileAssociating: boolean;
  readonly organizationRows: 'account_id' | 'organization_id' | 'neither';
  /** Index of a target that Cloudflare refuses. */
  readonly refused: number | null;
  readonly quota: number;
  readonly latencyMs: number;
  readonly lagMs: number;
  /** Does every read lag by another time, up to `lagMs`? */
  readonly lagVaries: boolean;
  readonly faults: readonly ScheduledFault[];
  readonly spoils: readonly Spoil[];
  /** What other users of the share do meanwhile. */
  readonly others: readonly { readonly atMs: number; readonly what: 'add' | 'remove'; readonly who: Who }[];
  /** Somebody else who adds the account of this target just before, or just after, our first POST for it arrives. */
  readonly rival: { readonly who: number; readonly when: 'before' | 'after' } | null;
  readonly cancelAtMs: number | null;
  readonly chance: number;
}

/** Nothing special: one account, healthy, present. For tests that change one thing. */
export const CALM: Schedule = {
  state: 'present',
  wait: true,
  dryRun: false,
  timeoutMs: 600_000,
  targets: 1,
  credentials: 'token',
  secret: 'cf0aPlainTokenOfFortyCharacters_abcdefgh',
  mayWrite: true,
  share: { name: 'Baseline', status: 'active', targetType: 'account' },
  rows: [],
  filler: 0,
  timelines: [],
  duplicates: 'accept',
  refuseDeleteWhileAssociating: false,
  organizationRows: 'account_id',
  refused: null,
  quota: 1200,
  latencyMs: 20,
  lagMs: 0,
  lagVaries: false,
  faults: [],
  spoils: [],
  others: [],
  rival: null,
  cancelAtMs: null,
  chance: 1,
};

/** One request and what came of it. The sequence numbers order sends and ends of the same moment. */
export interface Exchange {
  readonly method: string;
  /** Below `/client/v4`, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly sentMs: number;
  readonly sentSeq: number;
  /** Was one member of the answer changed? Then it is no witness. */
  spoiled: boolean;
  endedMs: number;
  endedSeq: number;
  answer: WireAnswer | null;
}

/** One thing that was told, and how. */
export interface Told {
  readonly sink: 'print' | 'debug' | Level | 'title' | 'output' | 'summary';
  readonly text: string;
}

/** A run as it went. */
export interface Story {
  readonly schedule: Schedule;
  /** null: it never ended, or ended with an exception. */
  readonly success: boolean | null;
  readonly trouble: string | null;
  readonly startMs: number;
  readonly endMs: number;
  readonly endSeq: number;
  readonly exchanges: readonly Exchange[];
  readonly told: readonly Told[];
  readonly masks: readonly string[];
  /** Was anything told before the last mask? */
  readonly toldBeforeMask: boolean;
  readonly outputs: Readonly<Record<string, string>>;
  readonly targets: readonly string[];
  /** Ids of the rows that this run made, whatever it was told of them. */
  readonly made: ReadonlySet<string>;
  /** Ids of rows that were live all the time from 10 s before the start, with their owner. */
  readonly liveAllAlong: ReadonlyMap<string, string>;
  /** Most live rows that this run made, of any one target at the same time. */
  readonly mostMadeLive: number;
  readonly api: SharesApi;
}

/** The id of an account in a schedule. */
export function idOf(who: Who): string {
  if (who === 'organization') return ORGANIZATION;
  return who === 'other' ? 'other-account-77' : `account-${String(who).padStart(2, '0')}-9a1e57c3`;
}

/** A small generator of numbers from 0 to 1 (mulberry32). */
export function seeded(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Time that stands still until `next` takes it to the next event. */
class VirtualClock implements Clock {
  ms = START_MS;
  seq = 0;
  private readonly queue: { atMs: number; run: () => void }[] = [];

  now = (): number => this.ms;

  sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        cancel();
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const cancel = this.at(ms, done);
      signal?.addEventListener('abort', done, { once: true });
    });

  /** @returns takes the event back */
  at(inMs: number, run: () => void): () => void {
    const event = { atMs: this.ms + Math.max(0, inMs || 0), run };
    let index = this.queue.length;
    while (index > 0 && (this.queue[index - 1]?.atMs ?? 0) > event.atMs) index--;
    this.queue.splice(index, 0, event);
    return () => {
      const where = this.queue.indexOf(event);
      if (where >= 0) this.queue.splice(where, 1);
    };
  }

  /** @returns false when nothing is waited for until `untilMs` */
  next(untilMs = Number.POSITIVE_INFINITY): boolean {
    const event = this.queue[0];
    if (!event || event.atMs > untilMs) return false;
    this.queue.shift();
    this.ms = event.atMs;
    event.run();
    return true;
  }
}

/** Everything in the run is a promise, so after one turn of the event loop all of it waits for the clock. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Plays one schedule to its end. */
export async function play(schedule: Schedule): Promise<Story> {
  const clock = new VirtualClock();
  const random = seeded(schedule.chance);
  const targets =
    schedule.targets === 'organization'
      ? [ORGANIZATION]
      : Array.from({ length: schedule.targets }, (_, index) => idOf(index));

  const fill = filler(schedule);
  const made = new Set<string>();
  const matches = new Map<FaultRule, number>();
  const rules = schedule.faults.map((one) => ruleOf(one, schedule, fill));
  let actor: 'us' | 'others' | 'seed' = 'seed';
  let readLagMs = 0;
  let ids = 0;
  const api = createSharesApi({
    now: () => clock.ms - readLagMs,
    newId: () => {
      const id = `row-${(++ids).toString(16).padStart(6, '0')}`;
      if (actor === 'us') made.add(id);
      return id;
    },
    timelines: Object.fromEntries(
      schedule.timelines.map((timeline, index) => [targets[index] ?? '', fill(possible(timeline))]),
    ),
    duplicates: schedule.duplicates,
    organizationRows: schedule.organizationRows,
    refuseDeleteWhileAssociating: schedule.refuseDeleteWhileAssociating,
    ...(schedule.refused === null
      ? {}
      : {
          refuseAccounts: {
            [targets[schedule.refused] ?? '']: {
              status: 400,
              code: 1099,
              message: 'not in the organization',
            },
          },
        }),
    ...(schedule.mayWrite ? {} : { readOnlyTokens: [schedule.secret] }),
    rateLimit: { quota: schedule.quota, windowMs: 300_000, blockMs: 300_000 },
    shares: [
      {
        accountId: OWNER,
        shareId: SHARE,
        ...fill(schedule.share),
        organizationId: ORGANIZATION,
        resources: [{ resourceId: 'resource-1', type: 'gateway-policy' }, { resourceId: 'resource-2' }],
      },
    ],
    fault: (request) => (actor === 'us' ? chooseFault(rules, matches, request) : undefined),
  });
  const liveAllAlong = seed(schedule, api, clock, fill);

  let rivalry = schedule.rival;
  const rivalOf = ({ method, body }: WireRequest) => {
    if (!rivalry || method !== 'POST' || !body?.includes(idOf(rivalry.who))) return null;
    const rival = rivalry;
    rivalry = null;
    return rival;
  };
  const exchanges: Exchange[] = [];
  const reads = new Map<Spoil, number>();
  const transport = (request: WireRequest): Promise<WireAnswer> =>
    new Promise((resolve, reject) => {
      if (request.signal.aborted) return reject(new TransportError('cancelled'));
      const url = new URL(request.url);
      const path = request.url.slice(BASE.length);
      const exchange: Exchange = {
        method: request.method,
        path: url.pathname.slice('/client/v4'.length),
        query: url.searchParams,
        body: request.body,
        headers: request.headers,
        sentMs: clock.ms,
        sentSeq: ++clock.seq,
        spoiled: false,
        endedMs: Number.POSITIVE_INFINITY,
        endedSeq: Number.POSITIVE_INFINITY,
        answer: null,
      };
      exchanges.push(exchange);
      const rival = rivalOf(request);
      if (rival?.when === 'before') act(api, 'add', rival.who);
      actor = 'us';
      readLagMs = request.method !== 'GET' ? 0 : schedule.lagMs * (schedule.lagVaries ? random() : 1);
      const reply = api.respond({
        method: request.method,
        path,
        headers: request.headers,
        body: request.body ?? '',
      });
      readLagMs = 0;
      actor = 'others';
      if (rival?.when === 'after') act(api, 'add', rival.who);
      spoilReply(reply, exchange, schedule, reads, fill);

      const end = (settle: () => void) => {
        stopDeadline();
        stopAnswer();
        request.signal.removeEventListener('abort', cancel);
        exchange.endedMs = clock.ms;
        exchange.endedSeq = ++clock.seq;
        settle();
      };
      const fail = (reason: TransportError['reason'], cause?: Error) =>
        end(() => reject(new TransportError(reason, cause)));
      const cancel = () => fail('cancelled', new Error('aborted'));
      const stopDeadline = clock.at(request.deadlineMs, () => fail('deadline', new Error('aborted')));
      let stopAnswer = () => {};
      if (reply.delivery !== 'hang') {
        const inMs = reply.delayMs + schedule.latencyMs * (0.5 + random());
        stopAnswer = clock.at(inMs, () => {
          if (reply.delivery === 'answer') {
            const { status, headers, body } = reply;
            exchange.answer = { status, headers, body };
            end(() => resolve({ status, headers, body }));
          } else if (reply.delivery === 'endless') fail('too-large', new Error('aborted'));
          else fail('network', Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
        });
      }
      request.signal.addEventListener('abort', cancel, { once: true });
    });

  const { runner, told, masks, outputs, state } = recorder();
  const cancel = new AbortController();
  let mostMadeLive = 0;
  const count = () => {
    const live = api
      .rows(SHARE)
      .filter((row) => made.has(row.id) && !row.association_status.startsWith('disassociat'));
    for (const target of targets) {
      const owner = live.filter(
        (row) => (row.organization_id ?? row.account_id) === target || targets.length === 1,
      );
      mostMadeLive = Math.max(mostMadeLive, owner.length);
    }
  };
  if (schedule.cancelAtMs !== null) clock.at(schedule.cancelAtMs, () => cancel.abort());
  for (const { atMs, what, who } of schedule.others) {
    clock.at(atMs, () => {
      count();
      actor = 'others';
      act(api, what, who);
    });
  }

  let success: boolean | null = null;
  let trouble: string | null = null;
  let over = false;
  main({ env: environment(schedule, targets), transport, clock, random, runner, cancel: cancel.signal }).then(
    (result) => {
      success = result;
      over = true;
    },
    (error: unknown) => {
      trouble = `main threw ${error}`;
      over = true;
    },
  );
  await settled();
  for (let events = 0; !over; events++) {
    if (!clock.next()) trouble = 'main waits for something that never comes';
    else if (events > MAX_EVENTS) trouble = `main goes on after ${MAX_EVENTS} events`;
    if (trouble) break;
    await settled();
  }
  const [endMs, endSeq] = [clock.ms, ++clock.seq];
  while (clock.next(endMs + AFTERMATH_MS)) await settled();
  clock.ms = endMs + AFTERMATH_MS;
  count();
  return {
    schedule,
    success,
    trouble,
    startMs: START_MS,
    endMs,
    endSeq,
    exchanges,
    told,
    masks,
    toldBeforeMask: state.toldBeforeMask,
    outputs,
    targets,
    made,
    liveAllAlong,
    mostMadeLive,
    api,
  };
}

/** The forms in which a server may send the secret back. */
export function formsOf({
  secret,
  credentials,
}: Pick<Schedule, 'secret' | 'credentials'>): Record<string, string> {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return {
    secret,
    url: encodeURIComponent(secret),
    base64: base64(credentials === 'pair' ? `${EMAIL}:${secret}` : secret),
  };
}

/** Puts the secret where the texts of a schedule ask for it. */
function filler(schedule: Schedule): <T>(value: T) => T {
  const forms = formsOf(schedule);
  const fill = (value: unknown): unknown => {
    if (typeof value === 'string') {
      return value.includes('{')
        ? value.replace(/\{(secret|url|base64)\}/g, (_, form) => forms[form] ?? '')
        : value;
    }
    if (Array.isArray(value)) return value.map(fill);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fill(inner)]));
  };
  return fill as <T>(value: T) => T;
}

const PARTS: Record<ScheduledFault['part'], RegExp> = {
  share: /\/shares\/[\w-]+(?:\?|$)/,
  list: /\/recipients(?:\?|$)/,
  row: /\/recipients\/./,
  any: /./,
};
/** Answers that say for sure that nothing was done. */
const CERTAIN = new Set([501, 505, 525, 526]);

function ruleOf(
  { method, part, nth, times, fault }: ScheduledFault,
  { lagMs }: Schedule,
  fill: <T>(value: T) => T,
): FaultRule {
  const { commitAfterMs = 0, delayMs = 0, ...rest } = fill(fault);
  const failsMs = rest.kind === 'hang' ? REQUEST_DEADLINE_MS : Math.min(delayMs, REQUEST_DEADLINE_MS);
  const latestMs = Math.min(REQUEST_DEADLINE_MS, failsMs + LOOKED_FOR_MS - lagMs);
  const refuses =
    rest.kind === 'answer' && (CERTAIN.has(rest.status) || (rest.status < 500 && rest.status !== 408));
  const commit = isCommitted(rest) && !refuses && rest.kind !== 'redirect';
  return {
    when: { ...(method ? { method } : {}), pathIncludes: PARTS[part], nth, times },
    do: { ...rest, commit, delayMs, commitAfterMs: Math.min(commitAfterMs, latestMs) },
  };
}

/** A timeline on which nothing comes back from where it leaves for. */
function possible(timeline: Timeline): Timeline {
  const sorted = (timeline.steps ?? []).toSorted((a, b) => a.afterMs - b.afterMs);
  const stages = ['disassociating', 'disassociated'];
  let stage = -1;
  const steps = sorted.filter(({ status = '' }) => {
    const next = stages.indexOf(status);
    if (next < stage) return false;
    stage = next;
    return true;
  });
  return stage < 0 ? timeline : { ...timeline, steps, associateMs: 'never' };
}

/** @returns the rows that stay live all the time unless this run, or somebody in the schedule, removes them */
function seed(
  schedule: Schedule,
  api: SharesApi,
  clock: VirtualClock,
  fill: <T>(value: T) => T,
): Map<string, string> {
  const liveAllAlong = new Map<string, string>();
  const nowMs = clock.ms;
  for (let index = 0; index < schedule.filler; index++) {
    api.addRecipient(SHARE, { accountId: `past-${index}`, status: 'disassociated' });
  }
  for (const { who, status, ageMs, removedMs = null, resources, settle } of schedule.rows) {
    const owner = idOf(who);
    const removed = removedMs === null || status.startsWith('disassociat') ? null : nowMs - removedMs;
    const id = api.addRecipient(SHARE, {
      ...(who === 'organization' ? { organizationId: owner } : { accountId: owner }),
      status: fill(status),
      created: Math.min(nowMs - ageMs, (removed ?? nowMs) - 1),
      ...(removed === null ? {} : { removed }),
      resources: fill(resources) as ResourceEntry[] | null,
      ...(settle && removed === null && status !== 'disassociated'
        ? { settle: fill(possible({ ...(typeof who === 'number' && schedule.timelines[who]), ...settle })) }
        : {}),
    });
    const touched = schedule.others.some((other) => other.who === who) || settle !== null || removed !== null;
    if (status === 'associated' && !touched && ageMs >= 10_000) liveAllAlong.set(id, owner);
  }
  return liveAllAlong;
}

const OTHERS = { authorization: 'Bearer somebody-else', accept: 'application/json' };

function act(api: SharesApi, what: 'add' | 'remove', who: Who): void {
  const path = `/accounts/${OWNER}/shares/${SHARE}/recipients`;
  const id = idOf(who);
  if (what === 'add') {
    const body = who === 'organization' ? { organization_id: id } : { recipient_account_id: id };
    api.respond({ method: 'POST', path, headers: OTHERS, body: JSON.stringify(body) });
    return;
  }
  const row = api.rows(SHARE).find((one) => one.account_id === id || one.organization_id === id);
  if (row) api.respond({ method: 'DELETE', path: `${path}/${row.id}`, headers: OTHERS, body: '' });
}

/** Changes a member of the answer, of its first or of every row, if its turn has come. */
function spoilReply(
  reply: Reply,
  exchange: Exchange,
  schedule: Schedule,
  counts: Map<Spoil, number>,
  fill: <T>(value: T) => T,
): void {
  for (const spoil of schedule.spoils) {
    if (spoil.method !== exchange.method || !exchange.path.includes('/recipients')) continue;
    const count = (counts.get(spoil) ?? 0) + 1;
    counts.set(spoil, count);
    if (count !== spoil.nth || reply.delivery !== 'answer' || !reply.body.startsWith('{')) continue;
    const body: Record<string, unknown> = JSON.parse(reply.body);
    if (body['success'] !== true) continue;
    const [where, name = ''] = spoil.member.split('.');
    const candidates =
      where === 'envelope' ? [body] : [where === 'row' ? body['result'] : body['result_info']].flat();
    const holders = candidates.filter((one) => typeof one === 'object' && one !== null);
    for (const holder of holders as Record<string, unknown>[]) {
      if (spoil.value === undefined) delete holder[name];
      else holder[name] = fill(spoil.value);
    }
    exchange.spoiled = true;
    reply.body = JSON.stringify(body);
  }
}

function environment(schedule: Schedule, targets: readonly string[]): Record<string, string> {
  const { credentials, secret } = schedule;
  return {
    'INPUT_ACCOUNT-ID': OWNER,
    'INPUT_SHARE-ID': SHARE,
    [schedule.targets === 'organization' ? 'INPUT_ORGANIZATION-ID' : 'INPUT_RECIPIENT-ACCOUNT-ID']:
      targets.join(', '),
    ...(credentials === 'token'
      ? { 'INPUT_API-TOKEN': secret }
      : { 'INPUT_API-EMAIL': EMAIL, 'INPUT_API-KEY': `${secret}\n` }),
    INPUT_STATE: schedule.state,
    INPUT_WAIT: String(schedule.wait),
    INPUT_TIMEOUT: `${schedule.timeoutMs / 1000}s`,
    'INPUT_DRY-RUN': String(schedule.dryRun),
    GITHUB_EVENT_NAME: 'release',
    GITHUB_REF_NAME: 'v1</code><img src=EVIL>',
    GITHUB_ACTOR: 'octocat',
    GITHUB_REPOSITORY: 'example/policies',
    GITHUB_RUN_ID: '42',
  };
}

function recorder() {
  const told: Told[] = [];
  const masks: string[] = [];
  const outputs: Record<string, string> = {};
  const state = { toldBeforeMask: false };
  const tell = (sink: Told['sink'], text: string) => void told.push({ sink, text });
  const runner: Runner = {
    mask(secret) {
      if (told.length > 0) state.toldBeforeMask = true;
      masks.push(secret);
    },
    print: (text) => tell('print', text),
    debug: (text) => tell('debug', text),
    annotate(level, title, message) {
      tell('title', title);
      tell(level, message);
    },
    output(name, value) {
      outputs[name] = value;
      tell('output', value);
    },
    async summary(html) {
      tell('summary', html);
    },
  };
  return { runner, told, masks, outputs, state };
}
