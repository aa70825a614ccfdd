/**
 * A world in memory for `main`: a clock that jumps from event to event, an HTTP
 * client over the simulator, and a runner that records everything. A schedule
 * is plain data and always plays the same way.
 *
 * Reads may be up to ten seconds behind writes, and come from replicas of
 * different age. That is all that a run defends against, so no schedule
 * contains:
 * - A write that takes effect so late that reads do not show it ten seconds
 *   after its request ended.
 * - A write that takes effect although its response says that it was rejected:
 *   a redirect, a 4xx of the API but 408 and 425, 501, 505, 525, 526.
 * - A record that becomes active again without a write that changes `modified`.
 * - An active record without the ID of an account, or with the ID of another,
 *   except with `state: exact`; and a list that leaves records out.
 * - A list in pages in another order than that of creation, where a page of an
 *   older replica begins elsewhere.
 */

import {
  createSharesApi,
  type Reply,
  type SharesApi,
} from '../../simulator/api.ts';
import {
  chooseFault,
  type Fault,
  type FaultRule,
  faultResponse,
  isCommitted,
} from '../../simulator/faults.ts';
import { failure } from '../../simulator/protocol.ts';
import type { Recipient } from '../../simulator/records.ts';
import type {
  ResourceEntry,
  TimedTimeline as Timeline,
} from '../../simulator/timeline.ts';
import type {
  FailedExchange,
  HttpClient,
  HttpRequest,
} from '../../src/cloudflare/http-client.ts';
import { readGitHubContext } from '../../src/github/context.ts';
import { workspaceFiles } from '../../src/inputs/recipient-file.ts';
import { main } from '../../src/main.ts';
import type { Level, Runner } from '../../src/report/runner.ts';
import { receivedOrFailed, type SentResponse } from '../builders.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { outcomeOf, stage } from './responses.ts';

export const OWNER = '0'.repeat(31).concat('1');
export const SHARE = 'share-3fd85f74b32742f1bff64a85';
export const RECIPIENTS = `/accounts/${OWNER}/shares/${SHARE}/recipients`;
export const ORGANIZATION = '0f6b1e'.padEnd(32, '0');
const EMAIL = 'ops@example.com';
const BASE = 'https://api.cloudflare.com/client/v4';
const START_MS = Date.UTC(2026, 10, 23, 12);
const REQUEST_TIMEOUT_MS = 10_000;
/** A read is at most this far behind a write. */
export const STALE_READ_MS = 10_000;
/** Long enough for every write that takes effect late. */
const AFTERMATH_MS = 60_000;

/**
 * Whose record: the account with this index, which is a target where the
 * schedule has so many; the organization; an account that is no target; the
 * account that owns the share; or an account that the record does not name.
 */
export type Who = number | 'organization' | 'other' | 'owner' | 'nobody';

/**
 * No response of the server, but an error of the connection. Nothing has taken
 * effect.
 */
export interface ConnectionFault extends Broken {
  readonly kind: 'connection';
  readonly delayMs: number;
}

/** An exchange without a usable response. */
type Broken = Omit<FailedExchange, 'type' | 'message'>;

export interface ScheduledFault {
  readonly method: 'GET' | 'POST' | 'DELETE' | null;
  readonly part: 'share' | 'list' | 'record' | 'any';
  readonly nth: number;
  readonly times: number;
  readonly fault: Fault | ConnectionFault;
}

/** One member of a response gets another value. */
export interface Corruption {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly nth: number;
  readonly member: string;
  /** undefined removes the member. */
  readonly value: unknown;
}

/**
 * Everything that is not chance in one run. `{secret}`, `{url}` and `{base64}`
 * in texts stand for the secret.
 */
export interface Schedule {
  readonly state: 'present' | 'absent' | 'exact';
  /** Only `exact` reads it. */
  readonly maxRemovals: string;
  readonly wait: boolean;
  readonly dryRun: boolean;
  readonly timeoutMs: number;
  /** How many accounts, or the organization. */
  readonly targets: number | 'organization';
  readonly credentials: 'token' | 'pair';
  readonly secret: string;
  /**
   * Status and code with which Cloudflare rejects every write of this token.
   */
  readonly denial: readonly [status: number, code: number] | null;
  readonly share: {
    readonly name: string;
    readonly status: 'active' | 'deleting' | 'deleted';
    readonly targetType: 'account' | 'organization';
    /** What reads of the share show instead; undefined removes a member. */
    readonly shown?: Readonly<Record<string, unknown>>;
  };
  readonly records: readonly {
    readonly who: Who;
    readonly status: string;
    readonly ageMs: number;
    /**
     * So long before the start somebody removed it; until then it had `status`.
     */
    readonly removedMs?: number | null;
    readonly resources: readonly ResourceEntry[] | null;
    readonly settle: Timeline | null;
  }[];
  /** `disassociated` records of other accounts, before all others. */
  readonly filler: number;
  /**
   * The server gives pages of this many records although nobody asked for
   * pages.
   */
  readonly pageSize: number | null;
  /** Of the targets, in order. */
  readonly timelines: readonly Timeline[];
  /**
   * What a POST for an account with an active record does: 409, 400, or a
   * second record.
   */
  readonly duplicates: 'accept' | 'conflict' | 'reject';
  /**
   * What a DELETE of a record that is not active does: 200 without an effect,
   * or 404.
   */
  readonly repeatedDelete: 'accept' | 'missing';
  /** Does a POST take up the `disassociated` record of the account again? */
  readonly reuseRecords: boolean;
  /** Do only writes change `modified`? */
  readonly keepsModified: boolean;
  readonly rejectDeleteWhileAssociating: boolean;
  readonly organizationRecords: 'account_id' | 'organization_id' | 'neither';
  /** Index of a target that Cloudflare rejects. */
  readonly rejected: number | null;
  readonly quota: number;
  readonly latencyMs: number;
  /** How far reads are behind, at most `STALE_READ_MS`. */
  readonly staleMs: number;
  /** Does every read come from a replica of another age, up to `staleMs`? */
  readonly staleVaries: boolean;
  readonly faults: readonly ScheduledFault[];
  readonly corruptions: readonly Corruption[];
  /** What other users of the share do meanwhile. */
  readonly others: readonly {
    readonly atMs: number;
    readonly what: 'add' | 'remove';
    readonly who: Who;
  }[];
  /**
   * A parallel run that adds this target just before, or just after, our first
   * POST for it arrives.
   */
  readonly rival: {
    readonly who: number;
    readonly when: 'before' | 'after';
  } | null;
  readonly cancelAtMs: number | null;
  readonly chance: number;
}

/**
 * Nothing special: one account, healthy, present. For tests that change one
 * thing.
 */
export const CALM: Schedule = {
  state: 'present',
  maxRemovals: '25%',
  wait: true,
  dryRun: false,
  timeoutMs: 600_000,
  targets: 1,
  credentials: 'token',
  secret: 'cf0aPlainTokenOfFortyCharacters_abcdefgh',
  denial: null,
  share: { name: 'Baseline', status: 'active', targetType: 'account' },
  records: [],
  filler: 0,
  pageSize: null,
  timelines: [],
  duplicates: 'accept',
  repeatedDelete: 'accept',
  reuseRecords: false,
  keepsModified: false,
  rejectDeleteWhileAssociating: false,
  organizationRecords: 'account_id',
  rejected: null,
  quota: 1200,
  latencyMs: 20,
  staleMs: 0,
  staleVaries: false,
  faults: [],
  corruptions: [],
  others: [],
  rival: null,
  cancelAtMs: null,
  chance: 1,
};

/**
 * One request and its response. The sequence numbers order what happens in the
 * same millisecond.
 */
export interface Exchange {
  readonly method: string;
  /** Below `/client/v4`, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string | null;
  readonly sentMs: number;
  readonly sentSeq: number;
  /** Was one member of the response changed? */
  isCorrupted: boolean;
  /** Is the response what the API said, with nothing in between? */
  isGenuine: boolean;
  endedMs: number;
  endedSeq: number;
  /** Null until it ends. */
  response: SentReply | null;
}

/** What a server sends, or why no response comes. */
export type SentReply = SentResponse | FailedExchange;

/** One thing that the runner was given. */
export interface Shown {
  readonly sink: 'info' | 'debug' | Level | 'title' | 'output' | 'summary';
  readonly text: string;
}

/** A POST that took effect. */
export interface Creation {
  readonly recipientId: string;
  readonly atMs: number;
  readonly isOurs: boolean;
}

/** A run as it went. */
export interface Trace {
  readonly schedule: Schedule;
  /** null: it never ended, or ended with an exception. */
  readonly success: boolean | null;
  readonly trouble: string | null;
  readonly startMs: number;
  readonly endMs: number;
  readonly endSeq: number;
  readonly exchanges: readonly Exchange[];
  readonly shown: readonly Shown[];
  readonly masks: readonly string[];
  /** Was anything shown before the last mask? */
  readonly shownBeforeMask: boolean;
  readonly outputs: Readonly<Record<string, string>>;
  readonly targets: readonly string[];
  readonly creations: readonly Creation[];
  readonly api: SharesApi;
}

const hex = (text: string) =>
  Buffer.from(text).toString('hex').padEnd(32, '0').slice(0, 32);

/** The ID of an account in a schedule. */
export function idOf(who: Who): string {
  if (who === 'organization') return ORGANIZATION;
  if (who === 'owner') return OWNER;
  if (typeof who === 'string') return hex(`${who}-account`);
  return hex(`account-${String(who).padStart(2, '0')}`);
}

/** A small generator of numbers from 0 to 1 (mulberry32). */
function seeded(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Plays one schedule to its end. */
export async function play(schedule: Schedule): Promise<Trace> {
  const clock = new VirtualClock(START_MS);
  let seq = 0;
  const random = seeded(schedule.chance);
  const targets =
    schedule.targets === 'organization'
      ? [ORGANIZATION]
      : Array.from({ length: schedule.targets }, (_, index) => idOf(index));

  const fill = filler(schedule);
  const matches = new Map<FaultRule, number>();
  const connectionFaults = new Map<Fault, ConnectionFault>();
  const rules = schedule.faults.map((fault) =>
    ruleOf(fault, schedule, fill, connectionFaults),
  );
  let fault: Fault | undefined;
  let staleMs = 0;
  let ids = 0;
  const api = createSharesApi({
    now: () => clock.now() - staleMs,
    newId: () => `record-${(++ids).toString(16).padStart(6, '0')}`,
    timeline: { keepsModified: schedule.keepsModified },
    timelines: Object.fromEntries(
      schedule.timelines.map((timeline, index) => [
        targets[index] ?? idOf(index),
        fill(possible(timeline)),
      ]),
    ),
    duplicates: schedule.duplicates === 'accept' ? 'accept' : 'reject',
    reuseRecords: schedule.reuseRecords,
    organizationRecords: schedule.organizationRecords,
    rejectDeleteWhileAssociating: schedule.rejectDeleteWhileAssociating,
    ...(schedule.pageSize === null ? {} : { pageSize: schedule.pageSize }),
    ...(schedule.rejected === null
      ? {}
      : {
          rejectAccounts: {
            [targets[schedule.rejected] ?? '']: {
              status: 400,
              code: 1099,
              message: 'not in the organization',
            },
          },
        }),
    ...(schedule.denial ? { readOnlyTokens: [schedule.secret] } : {}),
    rateLimit: { quota: schedule.quota, windowMs: 300_000, blockMs: 300_000 },
    shares: [
      {
        accountId: OWNER,
        shareId: SHARE,
        ...fill(schedule.share),
        organizationId: ORGANIZATION,
        resources: [
          { resourceId: 'resource-1', type: 'gateway-policy' },
          { resourceId: 'resource-2' },
        ],
      },
    ],
    fault: () => fault,
  });
  seed(schedule, api, fill);

  const creations: Creation[] = [];
  const recordCreation = (isOurs: boolean) => {
    const { recipientId } = api.requests.at(-1) ?? {};
    const atMs = clock.now() + (fault?.commitAfterMs ?? 0);
    if (recipientId) creations.push({ recipientId, atMs, isOurs });
  };
  const act = (what: 'add' | 'remove', who: Who) => {
    fault = undefined;
    actOfOthers(api, what, who);
    recordCreation(false);
  };
  let rivalry = schedule.rival;
  const rivalOf = ({ method, body }: HttpRequest) => {
    if (!rivalry || method !== 'POST' || !body?.includes(idOf(rivalry.who)))
      return null;
    const rival = rivalry;
    rivalry = null;
    return rival;
  };

  function respond(request: HttpRequest, exchange: Exchange): Reply {
    const { method } = request;
    const chosen = fault;
    const rival = rivalOf(request);
    if (rival?.when === 'before') act('add', rival.who);
    fault = chosen;
    const isMissing =
      method === 'DELETE' &&
      schedule.repeatedDelete === 'missing' &&
      !isActive(exchange.path);
    staleMs =
      method === 'GET'
        ? schedule.staleMs * (schedule.staleVaries ? random() : 1)
        : 0;
    const reply = api.respond(asReceived(request));
    staleMs = 0;
    exchange.isGenuine =
      reply.delivery === 'response' && (!fault || fault.kind === 'slow');
    recordCreation(true);
    if (rival?.when === 'after') act('add', rival.who);
    if (exchange.isGenuine && isMissing && reply.status === 200) {
      Object.assign(reply, failure(404, 1004, 'Not found'));
    }
    if (schedule.denial && reply.status === 403 && exchange.isGenuine) {
      Object.assign(reply, failure(...schedule.denial, 'Authentication error'));
    }
    if (
      schedule.duplicates === 'reject' &&
      reply.status === 409 &&
      reply.body.includes('1010')
    ) {
      reply.status = 400;
    }
    return reply;
  }

  const isActive = (path: string) => {
    const record = api.records(SHARE).find(({ id }) => path.endsWith(`/${id}`));
    return record !== undefined && hasAccess(record);
  };

  const exchanges: Exchange[] = [];
  const corrupted = new Map<Corruption, number>();
  const http: HttpClient = (request) =>
    new Promise((resolve) => {
      if (request.signal.aborted) return resolve(failed(ABORTED));
      const url = new URL(request.url);
      const exchange: Exchange = {
        method: request.method,
        path: url.pathname.slice('/client/v4'.length),
        query: url.searchParams,
        body: request.body,
        sentMs: clock.now(),
        sentSeq: ++seq,
        isCorrupted: false,
        isGenuine: false,
        endedMs: Number.POSITIVE_INFINITY,
        endedSeq: Number.POSITIVE_INFINITY,
        response: null,
      };
      exchanges.push(exchange);

      const end = (response: SentReply) => {
        stopTimeout();
        stopResponse();
        request.signal.removeEventListener('abort', abort);
        exchange.endedMs = clock.now();
        exchange.endedSeq = ++seq;
        exchange.response = response;
        exchange.isGenuine &&=
          response.type === 'response' && !exchange.isCorrupted;
        resolve(receivedOrFailed(response, request.takeItem));
      };
      const abort = () => end(failed(ABORTED));
      const stopTimeout = clock.at(request.timeoutMs, () =>
        end(failed(NO_RESPONSE)),
      );
      let stopResponse = () => {};
      const respondIn = (delayMs: number, response: SentReply) => {
        stopResponse = clock.at(
          delayMs + schedule.latencyMs * (0.5 + random()),
          () => end(response),
        );
      };
      request.signal.addEventListener('abort', abort, { once: true });

      fault = chooseFault(rules, matches, asReceived(request));
      const connection = fault && connectionFaults.get(fault);
      if (connection) return respondIn(connection.delayMs, failed(connection));
      const reply = respond(request, exchange);
      corrupt(reply, exchange, schedule, corrupted, fill);
      if (reply.delivery === 'response') {
        respondIn(reply.delayMs, {
          type: 'response',
          status: reply.status,
          headers: reply.headers,
          body: reply.body,
        });
      } else if (reply.delivery !== 'hang') {
        const isEndless = reply.delivery === 'endless';
        respondIn(reply.delayMs, failed(isEndless ? TOO_LARGE : NO_RESPONSE));
      }
    });

  const { runner, shown, masks, outputs, state } = recorder();
  const cancel = new AbortController();
  if (schedule.cancelAtMs !== null)
    clock.at(schedule.cancelAtMs, () => cancel.abort());
  for (const { atMs, what, who } of schedule.others)
    clock.at(atMs, () => act(what, who));

  let success: boolean | null = null;
  let trouble: string | null = null;
  const env = environment(schedule, targets);
  const running = main({
    env,
    context: readGitHubContext(env),
    files: workspaceFiles,
    http,
    clock,
    random,
    runner,
    cancel: cancel.signal,
  });
  try {
    success = await clock.run(running);
  } catch (error) {
    trouble = `main did not end: ${error}`;
  }
  const [endMs, endSeq] = [clock.now(), ++seq];
  await clock.pass(AFTERMATH_MS);
  return {
    schedule,
    success,
    trouble,
    startMs: START_MS,
    endMs,
    endSeq,
    exchanges,
    shown,
    masks,
    shownBeforeMask: state.shownBeforeMask,
    outputs,
    targets,
    creations,
    api,
  };
}

/** A request as the server sees it. */
function asReceived({ method, url, headers, body }: HttpRequest) {
  const path = url.slice(BASE.length);
  return { method, path, headers: { ...headers }, body: body ?? '' };
}

const ABORTED: Broken = {
  cause: 'timeout',
  mayHaveBeenProcessed: true,
  isRetryable: false,
};
const NO_RESPONSE: Broken = {
  cause: 'no-response',
  mayHaveBeenProcessed: true,
  isRetryable: true,
};
const TOO_LARGE: Broken = {
  cause: 'too-large',
  mayHaveBeenProcessed: true,
  isRetryable: false,
};

function failed({
  cause,
  mayHaveBeenProcessed,
  isRetryable,
}: Broken): FailedExchange {
  const message = `failed: ${cause}`;
  return { type: 'failure', cause, message, mayHaveBeenProcessed, isRetryable };
}

/** The forms in which a server may repeat the secret. */
export function secretForms({
  secret,
}: Pick<Schedule, 'secret'>): Record<string, string> {
  const base64 = Buffer.from(secret).toString('base64');
  return { secret, url: encodeURIComponent(secret), base64 };
}

/** Puts the secret where the texts of a schedule ask for it. */
function filler(schedule: Schedule): <T>(value: T) => T {
  const forms = secretForms(schedule);
  const fill = (value: unknown): unknown => {
    if (typeof value === 'string') {
      return value.includes('{')
        ? value.replace(
            /\{(secret|url|base64)\}/g,
            (_, form) => forms[form] ?? '',
          )
        : value;
    }
    if (Array.isArray(value)) return value.map(fill);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, fill(inner)]),
    );
  };
  return fill as <T>(value: T) => T;
}

const PARTS: Record<ScheduledFault['part'], RegExp> = {
  share: /\/shares\/[\w-]+(?:\?|$)/,
  list: /\/recipients(?:\?|$)/,
  record: /\/recipients\/./,
  any: /./,
};
/** A code that means nothing. */
export const ORDINARY_CODE = 1000;

function ruleOf(
  { method, part, nth, times, fault }: ScheduledFault,
  { staleMs }: Schedule,
  fill: <T>(value: T) => T,
  connectionFaults: Map<Fault, ConnectionFault>,
): FaultRule {
  const when = {
    ...(method ? { method } : {}),
    pathIncludes: PARTS[part],
    nth,
    times,
  };
  if (fault.kind === 'connection') {
    const placeholder: Fault = { kind: 'reset' };
    connectionFaults.set(placeholder, fault);
    return { when, do: placeholder };
  }
  const { commitAfterMs = 0, delayMs = 0, ...rest } = fill(fault);
  const endsMs =
    rest.kind === 'hang'
      ? REQUEST_TIMEOUT_MS
      : Math.min(delayMs, REQUEST_TIMEOUT_MS);
  const latestMs = Math.min(
    REQUEST_TIMEOUT_MS,
    endsMs + STALE_READ_MS - staleMs,
  );
  const commit = isCommitted(rest) && !isRejection(rest);
  return {
    when,
    do: {
      ...rest,
      commit,
      delayMs,
      commitAfterMs: Math.min(commitAfterMs, latestMs),
    },
  };
}

/** Does the response say for sure that nothing was done? */
function isRejection(fault: Fault): boolean {
  if (fault.kind !== 'response') return fault.kind === 'redirect';
  const request = { method: 'POST', path: '/', headers: {}, body: '' };
  request.headers = { accept: 'application/json' };
  const { status, headers, body } = faultResponse(
    fault,
    failure(503, 0, ''),
    request,
    { ray: 'ray', at: START_MS },
  );
  const ray = fault.withoutRay ? {} : { 'cf-ray': 'ray' };
  const outcome = outcomeOf({
    method: 'POST',
    response: {
      type: 'response',
      status,
      headers: { ...ray, ...headers },
      body,
    },
  });
  return outcome !== 'unknown' && outcome !== 'accepted';
}

/** A timeline on which no record becomes active again by itself. */
function possible(timeline: Timeline): Timeline {
  const sorted = (timeline.steps ?? []).toSorted(
    (a, b) => a.afterMs - b.afterMs,
  );
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

function seed(
  schedule: Schedule,
  api: SharesApi,
  fill: <T>(value: T) => T,
): void {
  for (let index = 0; index < schedule.filler; index++) {
    api.addRecipient(SHARE, {
      accountId: hex(`past-${index}`),
      status: 'disassociated',
    });
  }
  const seeds = schedule.records.map(
    ({ who, status, ageMs, removedMs = null, resources, settle }) => {
      const owner = idOf(who);
      const removed =
        removedMs === null || status.startsWith('disassociat')
          ? null
          : START_MS - removedMs;
      return {
        ...(who === 'organization'
          ? { organizationId: owner }
          : { accountId: owner }),
        ...(who === 'nobody' ? { shown: { account_id: undefined } } : {}),
        status: fill(status),
        created: Math.min(START_MS - ageMs, (removed ?? START_MS) - 1),
        ...(removed === null ? {} : { removed }),
        resources: fill(resources) as ResourceEntry[] | null,
        ...(settle && removed === null && status !== 'disassociated'
          ? {
              settle: fill(
                possible({
                  ...(typeof who === 'number' && schedule.timelines[who]),
                  ...settle,
                }),
              ),
            }
          : {}),
      };
    },
  );
  // Oldest first, as records that are added later.
  seeds.sort((a, b) => a.created - b.created);
  for (const seed of seeds) api.addRecipient(SHARE, seed);
}

const OTHERS = {
  authorization: 'Bearer somebody-else',
  accept: 'application/json',
};

function actOfOthers(api: SharesApi, what: 'add' | 'remove', who: Who): void {
  const id = idOf(who);
  const send = (method: string, path: string, body = '') =>
    api.respond({ method, path, headers: OTHERS, body });
  if (what === 'add') {
    const key =
      who === 'organization' ? 'organization_id' : 'recipient_account_id';
    send('POST', RECIPIENTS, JSON.stringify({ [key]: id }));
    return;
  }
  const record = api
    .records(SHARE)
    .filter((one) => one.account_id === id || one.organization_id === id)
    .find(hasAccess);
  if (record) send('DELETE', `${RECIPIENTS}/${record.id}`);
}

/** Of the simulator, whatever a read shows. */
function hasAccess({ association_status: status }: Recipient): boolean {
  return stage({ status }) === 0;
}

/**
 * Changes a member of the response, of its first or of every record, if its
 * turn has come.
 */
function corrupt(
  reply: Reply,
  exchange: Exchange,
  schedule: Schedule,
  counts: Map<Corruption, number>,
  fill: <T>(value: T) => T,
): void {
  for (const corruption of schedule.corruptions) {
    if (
      corruption.method !== exchange.method ||
      !exchange.path.includes('/recipients')
    )
      continue;
    const count = (counts.get(corruption) ?? 0) + 1;
    counts.set(corruption, count);
    if (
      count !== corruption.nth ||
      reply.delivery !== 'response' ||
      !reply.body.startsWith('{')
    )
      continue;
    const body: Record<string, unknown> = JSON.parse(reply.body);
    if (body['success'] !== true) continue;
    const [where, name = ''] = corruption.member.split('.');
    if (where === 'info') body['result_info'] ??= {};
    const candidates =
      where === 'envelope'
        ? [body]
        : [where === 'record' ? body['result'] : body['result_info']].flat();
    const holders = candidates.filter(
      (holder) => typeof holder === 'object' && holder !== null,
    );
    for (const holder of holders as Record<string, unknown>[]) {
      if (corruption.value === undefined) delete holder[name];
      else holder[name] = fill(corruption.value);
    }
    exchange.isCorrupted = true;
    reply.body = JSON.stringify(body);
  }
}

function environment(
  schedule: Schedule,
  targets: readonly string[],
): Record<string, string> {
  const { credentials, secret } = schedule;
  return {
    'INPUT_ACCOUNT-ID': OWNER,
    'INPUT_SHARE-ID': SHARE,
    [schedule.targets === 'organization'
      ? 'INPUT_ORGANIZATION-ID'
      : 'INPUT_RECIPIENT-ACCOUNT-ID']: targets.join(', '),
    ...(credentials === 'token'
      ? { 'INPUT_API-TOKEN': secret }
      : { 'INPUT_API-EMAIL': EMAIL, 'INPUT_API-KEY': `${secret}\n` }),
    INPUT_STATE: schedule.state,
    INPUT_WAIT: String(schedule.wait),
    'INPUT_MAX-REMOVALS': schedule.maxRemovals,
    INPUT_SUMMARY: 'true',
    INPUT_TIMEOUT: `${schedule.timeoutMs / 1000}s`,
    'INPUT_DRY-RUN': String(schedule.dryRun),
    GITHUB_EVENT_NAME: 'release',
    GITHUB_REF_NAME: 'v1</code><img src=EVIL>',
    GITHUB_ACTOR: 'octocat',
    GITHUB_REPOSITORY: 'example/policies',
    GITHUB_RUN_ID: '42',
    GITHUB_ACTION_REPOSITORY: 'example/share-recipient',
    GITHUB_ACTION_REF: 'v1',
  };
}

function recorder() {
  const shown: Shown[] = [];
  const masks: string[] = [];
  const outputs: Record<string, string> = {};
  const state = { shownBeforeMask: false };
  const show = (sink: Shown['sink'], text: string) =>
    void shown.push({ sink, text });
  const runner: Runner = {
    mask(secret) {
      if (shown.length > 0) state.shownBeforeMask = true;
      masks.push(secret);
    },
    info: (text) => show('info', text),
    debug: (text) => show('debug', text),
    group(title, lines) {
      show('info', title);
      for (const line of lines) show('info', line);
    },
    annotate(level, title, message) {
      show('title', title);
      show(level, message);
    },
    output(name, value) {
      outputs[name] = value;
      show('output', value);
    },
    async summary(html) {
      show('summary', html);
    },
  };
  return { runner, shown, masks, outputs, state };
}
