/** What must hold in every run, whatever the schedule. */
import type { SharesApi } from '../../simulator/api.ts';
import type { Recipient as ServerRecord } from '../../simulator/records.ts';
import { OUTPUT_NAMES } from '../../src/report/outputs.ts';
import { type Allowance, allowanceOf } from './exact.ts';
import {
  byEnd,
  codesOf,
  isFinal,
  isList,
  isShareRead,
  isWrite,
  type Known,
  knownBefore,
  merge,
  nameOfResponse,
  type Observation,
  observationsOf,
  outcomeOf,
  recordIdOf,
  recordsIn,
  retryAfterMs,
  type Seen,
  stage,
  targetOf,
} from './responses.ts';
import { MARK } from './schedule.ts';
import {
  type Exchange,
  ORDINARY_CODE,
  OWNER,
  RECIPIENTS,
  type Schedule,
  type ScheduledFault,
  SHARE,
  STALE_READ_MS,
  secretForms,
  type Trace,
} from './world.ts';

/**
 * The step ends with its timeout; this much is for what happens in the same
 * moment.
 */
const ALLOWANCE_MS = 100;
const CANCEL_MS = 2_000;
/** Writes end this long before the deadline, and one last list may follow. */
const LAST_LIST_MS = 1_000;
const LAST_POLL_MS = 2_000;
/** The shortest wait before the same request is sent again. */
const SHORTEST_WAIT_MS = 300;
const MAX_WRITES = 3;
const CALM_MS = 120_000;
/** One after the other. */
const MAX_REQUESTS_OF_CALM_RUN = 200;
const STATUSES = [
  'associating',
  'associated',
  'disassociating',
  'disassociated',
  'unknown',
];
const MEMBERS =
  'account_id,organization_id,label,desired,recipient_id,status,changed,cause,error,resources,resource_errors,created,modified,seconds';

interface Recipient {
  readonly account_id: string | null;
  readonly organization_id: string | null;
  readonly desired: 'present' | 'absent';
  readonly recipient_id: string | null;
  readonly cause: string | null;
  readonly status: string;
  readonly changed: boolean;
  readonly error: string | null;
}

/** A trace, with what follows from it. */
interface Case extends Trace {
  readonly observations: readonly Observation[];
  readonly recipients: readonly Recipient[];
  /** Was a response corrupted? Then what the run could know is unclear. */
  readonly isCorrupted: boolean;
  /** Does no record show the ID of the organization that is the target? */
  readonly isUnidentifiable: boolean;
  /**
   * What the first list allows a run of `exact`; null where that is unclear,
   * and with another state.
   */
  readonly allowance: Allowance | null;
}

/**
 * @returns one sentence for each promise that the run breaks; none when all is
 * well
 */
export function violations(trace: Trace): string[] {
  if (trace.trouble) return [trace.trouble];
  const { schedule } = trace;
  const observations = observationsOf(trace);
  const isCorrupted = trace.exchanges.some((exchange) => exchange.isCorrupted);
  const first = observations.find(({ kind }) => kind === 'list');
  const isClear = schedule.state === 'exact' && !isCorrupted;
  const run: Case = {
    ...trace,
    observations,
    recipients: JSON.parse(trace.outputs['recipients'] ?? '[]'),
    isCorrupted,
    allowance: isClear ? allowanceOf(trace, first) : null,
    isUnidentifiable:
      schedule.targets === 'organization' &&
      schedule.organizationRecords !== 'account_id',
  };
  return [
    ...sinks(run),
    ...outputs(run),
    ...success(run),
    ...changes(run),
    ...time(run),
    ...requests(run),
    ...posts(run),
    ...deletions(run),
    ...progress(run),
    ...waits(run),
    ...terminalErrors(run),
    ...duplicates(run),
    ...exact(run),
  ];
}

const nameOf = ({
  account_id: account,
  organization_id: organization,
}: Recipient) => `${account ?? organization}`;

/**
 * Secrets are masked first and appear nowhere, and text of a server cannot run
 * a workflow command, forge an output, or become markup.
 */
function* sinks({
  shown,
  masks,
  shownBeforeMask,
  schedule,
}: Case): Generator<string> {
  const { secret } = schedule;
  // The runner masks each line of what it is given.
  if (!masks.some((mask) => mask.split('\n').includes(secret)))
    yield `not masked: ${secret}`;
  if (shownBeforeMask) yield 'something was shown before everything was masked';
  const counts = new Map<string, number>();
  // A cut can leave a part of a secret, so both ends count as the secret.
  const ends = Object.values(secretForms(schedule)).flatMap((form) => [
    form.slice(0, 8),
    form.slice(-8),
  ]);
  for (const { sink, text } of shown) {
    if (/^(notice|warning|error)$/.test(sink))
      counts.set(sink, (counts.get(sink) ?? 0) + 1);
    // The next step reads an output with fromJSON, which removes the escapes.
    const read = sink === 'output' ? text.replace(/\\(["\\])/g, '$1') : text;
    if (ends.some((end) => read.includes(end)))
      yield `secret in ${sink}: ${read}`;
    if (sink === 'summary') yield* page(text);
    else if (sink === 'output') yield* lines(sink, text.split('\n'));
    // The help link may be on a line of its own: the runner escapes what is in
    // an annotation.
    else
      yield* lines(sink, [
        /^(warning|error)$/.test(sink) ? text.replace(HELP_LINK, '') : text,
      ]);
  }
  for (const [level, n] of counts)
    if (n > 10) yield `${n} annotations of level ${level}`;
  if (
    shown.some(
      ({ sink, text }) => sink === 'title' && text === 'Internal error',
    )
  ) {
    yield `crashed: ${shown.filter(({ sink }) => sink === 'error' || sink === 'debug').map(({ text }) => text)}`;
  }
}

function* lines(sink: string, texts: readonly string[]): Generator<string> {
  for (const text of texts) {
    if (
      // biome-ignore lint/suspicious/noControlCharactersInRegex: not allowed
      /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u200b]/.test(text)
    )
      yield `control character in ${sink}: ${JSON.stringify(text)}`;
    if (/^\s*::/.test(text) || text.includes('##['))
      yield `workflow command in ${sink}: ${text}`;
    if (!text.isWellFormed())
      yield `half a character in ${sink}: ${JSON.stringify(text)}`;
  }
}

const HELP_LINK =
  /\nhttps:\/\/github\.com\/example\/share-recipient\/blob\/v1\/docs\/[\w.#-]+$/;
const TAG =
  /<(\/?)(h3|p|sub|br|a|code|pre|strong|table|thead|tbody|tr|th|td|ul|li|details|summary)( href="([^"<>]*)"| align="right")?>/g;
const OWN_LINKS =
  /^https:\/\/(github\.com\/example\/share-recipient\/blob\/v1\/docs\/|dash\.cloudflare\.com\/)/;

/** The summary is well-formed HTML, and foreign text in it is only text. */
function* page(html: string): Generator<string> {
  const text = html.replace(TAG, '\u0001');
  const markup = text.includes('<') && /.{0,60}<.{0,60}/.exec(text);
  if (markup) yield `foreign markup in the summary: ${markup[0]}`;
  const foreign =
    text.includes(MARK) &&
    new RegExp(`[^\u0001]{0,60}${MARK}[^\u0001]{0,60}`).exec(text);
  if (foreign && /[@`>|[\]*]|:\/\//.test(foreign[0]))
    yield `foreign markup in the summary: ${foreign[0]}`;
  if (/\n\s*\n(?!$)/.test(html))
    yield `an empty line ends the HTML of the summary early: ${html}`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: not allowed
  if (/[\r\u001b\u2028\u2029]/.test(html))
    yield `control character in summary: ${JSON.stringify(html)}`;
  const open: string[] = [];
  for (const [tag, close, name = '', , href] of html.matchAll(TAG)) {
    if (close && open.pop() !== name) {
      yield `the summary's tags do not match at ${tag}: ${html}`;
      break;
    }
    if (!close && name !== 'br') open.push(name);
    if (href && !OWN_LINKS.test(unescapeHtml(href)))
      yield `foreign link in the summary: ${href}`;
  }
}

function unescapeHtml(html: string): string {
  return html.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code));
}

/** All outputs are set at every end of a run, and fit together. */
function* outputs(run: Case): Generator<string> {
  const { outputs, schedule, targets, recipients, api, observations, endSeq } =
    run;
  for (const name of OUTPUT_NAMES) {
    if (outputs[name] === undefined) return yield `output ${name} is not set`;
  }
  const listed = recipients.slice(0, targets.length);
  const unlisted = recipients.slice(targets.length);
  if (listed.map(nameOf).join() !== targets.join())
    yield 'recipients are not the targets';
  const expected = [...(run.allowance?.unlisted.keys() ?? [])].filter(Boolean);
  // With `exact`, the end of the step may keep the share from being read; then
  // nothing is planned.
  const isPlanned = listed.some(({ status }) => status !== 'unknown');
  const isKnown = schedule.state !== 'exact' || (run.allowance && isPlanned);
  if (isKnown && unlisted.map(nameOf).sort().join() !== expected.sort().join())
    yield `recipients have ${unlisted.map(nameOf)} to remove`;
  if (recipients.some((recipient) => Object.keys(recipient).join() !== MEMBERS))
    yield 'recipients lack a member';
  if (
    listed.map(({ recipient_id: id }) => id ?? '').join('\n') !==
    outputs['recipient-id']
  )
    yield 'recipient-id is wrong';
  const statuses = new Set(listed.map(({ status }) => status));
  if (outputs['status'] !== (statuses.size > 1 ? 'mixed' : [...statuses][0]))
    yield 'output status is wrong';
  for (const status of statuses)
    if (!STATUSES.includes(status)) yield `output status is ${status}`;
  if (outputs['changed'] !== String(recipients.some(({ changed }) => changed)))
    yield 'output changed is wrong';
  const ids = new Set(api.records(SHARE).map(({ id }) => id));
  const known = knownBefore(observations, endSeq);
  // A record that appears later shows that an account still has access.
  for (const { recipient_id: id, status, error } of listed) {
    if (id !== null && !ids.has(id)) yield `the server does not know ${id}`;
    const last = known.get(id ?? '');
    // A failed target is not observed any more while others are.
    const isCurrent =
      !run.isCorrupted && (error === null || recipients.length === 1);
    // What a poll by ID shows of a change of stage counts once a list shows
    // what else there is.
    if (error !== null && observations.at(-1)?.kind === 'record') continue;
    const word =
      last && (STATUSES.includes(last.status) ? last.status : 'unknown');
    if (last && isCurrent && word !== status)
      yield `${id} was last observed ${last.status}, output ${status}`;
  }
}

/**
 * A run succeeds exactly when every target has what was asked for, and it does
 * not fail without a reason.
 */
function* success(run: Case): Generator<string> {
  const { schedule, success, recipients, startMs, endMs } = run;
  const isCancelled =
    schedule.cancelAtMs !== null && endMs - startMs >= schedule.cancelAtMs;
  if (isCancelled && success) yield 'succeeds, although it was cancelled';
  if (
    !isCancelled &&
    success !== recipients.every(({ error }) => error === null) &&
    !isRefusedForNothing(run)
  ) {
    yield `ends with ${success}, recipients: ${run.outputs['recipients']}`;
  }
  if (!success && isCalm(schedule) && !run.allowance?.isRefused)
    yield `fails without a reason: ${run.outputs['recipients']}`;
  for (const recipient of recipients) {
    const [, id] =
      /^recipient (\S+) is disassociat/.exec(recipient.error ?? '') ?? [];
    const isUsed = id && usedBefore(run, nameOf(recipient), run.endSeq).has(id);
    if (id && !isUsed && !run.isCorrupted && !run.isUnidentifiable)
      yield `${nameOf(recipient)} fails because ${id} was removed, which was never in use`;
  }
  if (schedule.dryRun) return;
  for (const recipient of recipients) {
    if (recipient.error !== null || (isCancelled && !success)) continue;
    if (recipient.desired === 'present') yield* isPresent(run, recipient);
    else if (schedule.state === 'exact') yield* isRemoved(run, recipient);
    else yield* isAbsent(run, recipient);
  }
}

/** `exact` is refused even where there is nothing to change. */
function isRefusedForNothing(run: Case): boolean {
  const { schedule, success, isCorrupted, allowance } = run;
  if (schedule.state !== 'exact' || success) return false;
  return isCorrupted || allowance?.isRefused === true;
}

/** The records that the first list showed as active are removed. */
function* isRemoved(run: Case, recipient: Recipient): Generator<string> {
  const { observations, endSeq, allowance } = run;
  const account = nameOf(recipient);
  const known = knownBefore(observations, endSeq);
  for (const { id } of allowance?.unlisted.get(account) ?? []) {
    const status = known.get(id)?.status ?? 'unknown';
    if (!isRemovalDone(run, id, status))
      yield `${account} succeeds, but ${id} was last observed ${status}`;
  }
}

/** Without waiting, it is enough that the DELETE was accepted. */
function isRemovalDone(
  { schedule, exchanges }: Case,
  id: string,
  status: string,
): boolean {
  if (schedule.wait) return status === 'disassociated';
  const isAccepted = (sent: Exchange) =>
    sent.method === 'DELETE' &&
    recordIdOf(sent) === id &&
    outcomeOf(sent) === 'accepted';
  return stage({ status }) > 0 || exchanges.some(isAccepted);
}

/**
 * `associated` without a resource error in the last observation, or with `wait:
 * false` active.
 */
function* isPresent(run: Case, recipient: Recipient): Generator<string> {
  const { schedule, observations, endSeq, exchanges, isCorrupted } = run;
  const id = recipient.recipient_id ?? '';
  const name = `${nameOf(recipient)} succeeds, but ${id || 'no record'}`;
  const isUsable = ({ status, errors }: Seen) =>
    status === 'associated' && errors.length === 0;
  if (isCorrupted) {
    // A corrupted response may be one that the run cannot read, but some
    // response must have shown it.
    const seen = exchanges
      .flatMap((exchange) => recordsIn(exchange))
      .filter((record) => record.id === id);
    if (!seen.some((record) => isUsable(record) || !schedule.wait))
      yield `${name} was never observed usable`;
    return;
  }
  const last = knownBefore(observations, endSeq).get(id);
  if (!last || stage(last) > 0)
    return yield `${name} was last observed ${last?.status}`;
  if (!schedule.wait) return;
  if (!isUsable(last))
    yield `${name} was last observed ${last.status} with ${last.errors.length} errors`;
  const isPoll = ({ kind, records }: Observation) =>
    kind !== 'reply' && records.some((record) => record.id === id);
  const poll = observations.findLast(isPoll);
  if (!poll) return yield `${name} is not in any poll`;
  const wasUsable = (ms: number) => {
    const record = run.api
      .records(SHARE, ms)
      .find((record) => record.id === id);
    return (
      record?.association_status === 'associated' &&
      !record.resources?.some(({ error }) => error)
    );
  };
  const isShown = poll.records.some(
    (record) => record.id === id && isUsable(record),
  );
  if (!isShown && !isEver(poll.sentMs - STALE_READ_MS, poll.endedMs, wasUsable))
    yield `${name} was never usable`;
}

/**
 * Every record is `disassociated`, or no record is confirmed by a list ten
 * seconds after the first.
 */
function* isAbsent(run: Case, recipient: Recipient): Generator<string> {
  const { schedule, observations, endSeq, exchanges, isCorrupted } = run;
  const target = nameOf(recipient);
  if (isCorrupted) return;
  const lists = observations.filter(({ kind }) => kind === 'list');
  const [first, last] = [lists[0], lists.at(-1)];
  if (!first || !last) return yield `${target} succeeds without a list`;
  const own = recordsOf(knownBefore(observations, endSeq), target);
  for (const { id, status } of own) {
    if (!isRemovalDone(run, id, status))
      yield `${target} succeeds, but ${id} was last observed ${status}`;
  }
  // Then the run has found a record, and followed it to its end.
  const isTried = exchanges.some(
    (sent) =>
      sent.method === 'DELETE' && own.some(({ id }) => id === recordIdOf(sent)),
  );
  const isBeingRemoved = own.some(({ status }) => status === 'disassociating');
  if (!isTried && !isBeingRemoved && last.sentMs - first.sentMs < STALE_READ_MS)
    yield `${target} succeeds with no record, which no second list confirms`;
  if (!schedule.wait) return;
  const isLeft = (status: string) =>
    // The active records of others are not removed for an organization; a
    // record that names no account and is being removed is nobody's.
    run.isUnidentifiable ? stage({ status }) === 0 : status !== 'disassociated';
  for (const id of lasting(run, target, last, isLeft))
    yield `${target} succeeds, but ${id} is left`;
}

/**
 * The records of a target that had such a status all the time in which a list
 * can show them, from a replica of any age.
 */
function lasting(
  { api, creations, isUnidentifiable }: Case,
  target: string,
  list: Pick<Observation, 'sentMs' | 'endedMs' | 'records'>,
  matches: (status: string) => boolean,
): string[] {
  const [fromMs, toMs] = [list.sentMs - STALE_READ_MS, list.endedMs];
  const at = (ms: number) =>
    api
      .records(SHARE, ms)
      .filter((record) => isUnidentifiable || ownerOf(record) === target)
      .filter((record) => matches(record.association_status))
      .map(({ id }) => id);
  // A record leaves such a status only to be `disassociated`, and only a POST
  // brings it back from there.
  const returns = creations.filter(({ atMs }) => atMs > fromMs && atMs <= toMs);
  return at(fromMs)
    .filter((id) => at(toMs).includes(id))
    .filter((id) =>
      returns.every(
        (creation) =>
          creation.recipientId !== id || at(creation.atMs - 0.01).includes(id),
      ),
    )
    .filter((id) =>
      list.records.every(
        (record) => record.id !== id || matches(record.status),
      ),
    );
}

/** Coarse first, because most are found soon, then every few milliseconds. */
function isEver(
  fromMs: number,
  toMs: number,
  holds: (ms: number) => boolean,
): boolean {
  for (const stepMs of [500, 3]) {
    for (let ms = toMs; ms >= fromMs; ms -= stepMs) if (holds(ms)) return true;
  }
  return holds(fromMs);
}

/**
 * A fault that another attempt, or ten seconds of observation, has to get over.
 */
function isMild({ fault, times }: ScheduledFault): boolean {
  if (times > 1) return false;
  if (fault.kind === 'connection') return fault.isRetryable;
  if (fault.kind !== 'response')
    return /^(reset|hang|slow|truncate|unreadable)$/.test(fault.kind);
  const { status, body = 'json', headers = {}, code = ORDINARY_CODE } = fault;
  const isRetried = [408, 409, 425, 429, 500, 502, 503, 520, 524].includes(
    status,
  );
  return (
    isRetried &&
    body === 'json' &&
    code === ORDINARY_CODE &&
    Object.keys(headers).length === 0
  );
}

/**
 * Little goes wrong, nobody removes what is added, and there is time enough:
 * then a failure is a bug.
 */
function isCalm(schedule: Schedule): boolean {
  const {
    state,
    faults,
    corruptions,
    others,
    rival,
    cancelAtMs,
    rejected,
    denial,
    share,
  } = schedule;
  const { targets, quota, timeoutMs, staleMs, timelines, duplicates } =
    schedule;
  if (rejected !== null || denial || quota < 1200 || cancelAtMs !== null)
    return false;
  if (corruptions.length > 0 || others.some(({ what }) => what === 'remove'))
    return false;
  if (faults.length > 2 || !faults.every(isMild)) return false;
  // After a lost reply an organization's record cannot be recognized, so the
  // run fails as inconclusive.
  if (faults.length > 0 && targets === 'organization') return false;
  if (share.status !== 'active' || share.targetType !== 'account') return false;
  // A record of an organization may not show that it is one: such a run fails
  // as inconclusive.
  const hasOrganization = [...schedule.records, ...others].some(
    ({ who }) => who === 'organization',
  );
  if (targets === 'organization' && (state === 'absent' || hasOrganization))
    return false;
  const times = timelines.flatMap((timeline) => {
    const errors = timeline.errors ?? [];
    if (timeline.steps || errors.some((error) => error.terminal))
      return ['never' as const];
    return [
      timeline.associateMs ?? 0,
      timeline.disassociateMs ?? 0,
      ...errors.map((error) => error.clearsMs ?? 0),
    ];
  });
  // With `exact`, everybody's records may have to go.
  const records = schedule.records.filter(
    ({ who }) => state === 'exact' || typeof who === 'number',
  );
  if (
    records.some(
      ({ settle, resources }) =>
        settle || !resources || resources.some(({ error }) => error),
    )
  )
    return false;
  // The first list may still show such a record active; then it is adopted, and
  // found to be removed, which is a failure.
  if (
    records.some(
      ({ removedMs }) => typeof removedMs === 'number' && removedMs <= staleMs,
    )
  )
    return false;
  if (records.some(({ status }) => !/^(dis)?associat(ed|ing)$/.test(status)))
    return false;
  // After a rejection the run waits for one list, not ten seconds: a stale one
  // may not show what caused it.
  const isYoung = records.some(({ ageMs }) => ageMs < staleMs);
  const isHidden = rival !== null || others.length > 0 || isYoung;
  if (duplicates === 'reject' && staleMs > 0 && isHidden) return false;
  // The first list may miss such a record; what is seen first after an unknown
  // POST counts as in use.
  if (faults.length > 0 && isYoung) return false;
  let sum = CALM_MS * (1 + faults.length + others.length);
  sum += MAX_REQUESTS_OF_CALM_RUN * schedule.latencyMs;
  for (const ms of times) sum += ms === 'never' ? Number.POSITIVE_INFINITY : ms;
  return sum < timeoutMs;
}

/** What the outputs say of what this run created and removed. */
function* changes(run: Case): Generator<string> {
  const {
    exchanges,
    schedule,
    recipients,
    creations,
    api,
    endSeq,
    observations,
  } = run;
  const created = new Set(
    creations
      .filter(({ isOurs }) => isOurs)
      .map(({ recipientId }) => recipientId),
  );
  const known = knownBefore(observations, endSeq);
  for (const recipient of recipients) {
    const { recipient_id: id, changed, error } = recipient;
    const target = nameOf(recipient);
    if (id !== null && created.has(id) && !changed)
      yield `${id} was created by this run, but changed is false`;
    const own = recordsOf(known, target);
    const isOurs = (write: Exchange) =>
      write.method === 'POST'
        ? targetOf(write) === target
        : own.some((record) => record.id === recordIdOf(write));
    const isEffective = exchanges
      .filter((write) => isWrite(write) && isOurs(write))
      .some((write) => /^(accepted|unknown)$/.test(`${outcomeOf(write)}`));
    if (changed && !schedule.dryRun && !isEffective && !run.isCorrupted)
      yield `${target} changed without a write`;
    const isActive = own.some((record) => stage(record) === 0);
    const isPlanned = recipient.desired === 'present' ? !isActive : isActive;
    if (
      schedule.dryRun &&
      error === null &&
      changed !== isPlanned &&
      !run.isCorrupted
    )
      yield `${target} would be changed: ${isPlanned}, output ${changed}`;
  }
  for (const exchange of exchanges.filter(
    (sent) => isWrite(sent) && sent.endedSeq < endSeq,
  )) {
    const [record] = recordsIn(exchange);
    if (outcomeOf(exchange) !== 'accepted' || !record) continue;
    const recipient = recipients.find(
      (candidate) => nameOf(candidate) === targetOf(exchange),
    );
    const records = api.records(SHARE);
    const inUse = records.find(({ id }) => id === recipient?.recipient_id);
    // Not what the reply says of it, which may be corrupted.
    const added = records.find(({ id }) => id === record.id);
    const isOlder =
      inUse?.account_id === targetOf(exchange) &&
      inUse.created <= (added?.created ?? '');
    // Where it was removed, another active record of the account is used
    // instead.
    const isRemoved = stage(known.get(record.id) ?? record) > 0;
    const isShown =
      recipient?.changed &&
      (recipient.recipient_id === record.id || isOlder || isRemoved);
    if (exchange.method === 'POST' && !isShown)
      yield `${record.id} was added, outputs show ${JSON.stringify(recipient)}`;
    if (
      exchange.method === 'DELETE' &&
      !recipients.some(({ changed }) => changed)
    )
      yield `${record.id} was removed, but changed is false`;
  }
}

/** The step ends with its timeout, and two seconds after a cancellation. */
function* time({ schedule, startMs, endMs }: Case): Generator<string> {
  const tookMs = endMs - startMs;
  if (tookMs > schedule.timeoutMs + ALLOWANCE_MS)
    yield `took ${tookMs} ms with a timeout of ${schedule.timeoutMs} ms`;
  const { cancelAtMs } = schedule;
  if (cancelAtMs !== null && tookMs > cancelAtMs + CANCEL_MS)
    yield `ended ${tookMs - cancelAtMs} ms after the cancellation`;
}

/** The account or organization whose record it is. */
function ownerOf({
  organization_id: organization,
  account_id: account,
}: ServerRecord): string | null {
  return organization ?? account;
}

function ownersIn(api: SharesApi): ReadonlyMap<string, string | null> {
  const records = api.records(SHARE);
  return new Map(records.map((record) => [record.id, ownerOf(record)]));
}

/** Each request by itself. */
function* requests({
  exchanges,
  schedule,
  targets,
  api,
  endSeq,
}: Case): Generator<string> {
  const owners = ownersIn(api);
  for (const exchange of exchanges) {
    const { method, path, body, query } = exchange;
    const name = `${method} ${path}`;
    if (isWrite(exchange) && schedule.dryRun) yield `${name} in a dry run`;
    if (exchange.sentSeq > endSeq) yield `${name} after the end`;
    if (method === 'POST') {
      if (schedule.state === 'absent') yield `${name} to remove`;
      const key =
        schedule.targets === 'organization'
          ? 'organization_id'
          : 'recipient_account_id';
      const isExact = body === JSON.stringify({ [key]: targetOf(exchange) });
      if (
        path !== RECIPIENTS ||
        !targets.includes(targetOf(exchange)) ||
        !isExact
      )
        yield `${name} with ${body}`;
    } else if (method === 'DELETE') {
      if (schedule.state === 'present') yield `${name} to add`;
      const owner = owners.get(recordIdOf(exchange)) ?? '';
      const isListed = targets.includes(owner);
      const isExact = schedule.state === 'exact';
      if (isListed === isExact || owner === OWNER)
        yield `${name}, which belongs to ${owner}`;
    } else if (method !== 'GET') yield name;
    else if (query.get('include_resources') !== 'true')
      yield `${name} without resources`;
  }
  if (api.wholeOrganizationPosts.length > 0) yield 'a POST without a target';
}

/**
 * A POST names one target that has no record, never undoes a removal, and is
 * never repeated blindly.
 */
function* posts(run: Case): Generator<string> {
  const {
    exchanges,
    observations,
    creations,
    api,
    isCorrupted,
    isUnidentifiable,
  } = run;
  const all = exchanges.filter(({ method }) => method === 'POST');
  for (const post of all) {
    const target = targetOf(post);
    const name = `POST for ${target}`;
    const earlier = all.filter(
      (other) => targetOf(other) === target && other.sentSeq < post.sentSeq,
    );
    yield* fresh(run, post, name);
    yield* repeated(run, post, earlier, name);
    if (
      earlier.filter((other) => outcomeOf(other) !== 'not-sent').length >=
      MAX_WRITES
    )
      yield `${name} after ${MAX_WRITES} attempts`;
    // The list before it, from a replica of any age, has to show such a record.
    const list = isCorrupted
      ? lastReadOfList(exchanges, post)
      : observations.findLast(
          ({ kind, endedSeq }) => kind === 'list' && endedSeq < post.sentSeq,
        );
    const { sentMs } = post;
    const shows = list ?? {
      sentMs: sentMs - STALE_READ_MS,
      endedMs: sentMs,
      records: [],
    };
    const isLeft = (status: string) => status !== 'disassociated';
    for (const id of isUnidentifiable
      ? []
      : lasting(run, target, shows, isLeft))
      yield `${name} although ${id} was a recipient all the time`;
    if (isCorrupted) continue;
    yield* removed(run, post, name);
    const known = knownBefore(observations, post.sentSeq);
    for (const { id, status } of recordsOf(known, target)) {
      if (stage({ status }) < 2)
        yield `${name} although ${id} was last observed ${status}`;
    }
  }
  const own = creations.filter(({ isOurs }) => isOurs);
  const owners = ownersIn(api);
  for (const { recipientId, atMs } of own) {
    const active = api
      .records(SHARE, atMs)
      .filter(({ association_status: status }) => stage({ status }) === 0);
    const ours = active.filter(({ id }) => {
      // A record that was removed may be used again by somebody else's POST:
      // the last one counts.
      const last = creations.findLast(
        (creation) => creation.recipientId === id && creation.atMs <= atMs,
      );
      return last?.isOurs && owners.get(id) === owners.get(recipientId);
    });
    if (ours.length > 1)
      yield `a second recipient: ${ours.map(({ id }) => id)}`;
  }
}

/**
 * The last reading of the list that ended before a write, from its first page
 * to its last. What the run made of corrupted pages is not known.
 */
function lastReadOfList(
  exchanges: readonly Exchange[],
  write: Exchange,
): Pick<Observation, 'sentMs' | 'endedMs' | 'records'> | undefined {
  const pages = exchanges.filter(
    (page) => isList(page) && page.endedSeq < write.sentSeq,
  );
  const last = pages.at(-1);
  const first = pages.findLast(
    ({ query }) => (query.get('page') ?? '1') === '1',
  );
  if (!first || !last) return undefined;
  return { sentMs: first.sentMs, endedMs: last.endedMs, records: [] };
}

/** A removal that was observed is never undone. */
function* removed(run: Case, post: Exchange, name: string): Generator<string> {
  const known = knownBefore(run.observations, post.sentSeq);
  for (const id of usedBefore(run, targetOf(post), post.sentSeq)) {
    const { status = 'unknown' } = known.get(id) ?? {};
    if (stage({ status }) > 0)
      yield `${name} undoes the removal of ${id}, which is ${status}`;
  }
}

/**
 * The records of a target that were in use: seen active, named by a
 * reply, or seen first after an unknown POST.
 */
function usedBefore(
  { observations, exchanges }: Case,
  target: string,
  seq: number,
): Set<string> {
  const isUnclear = (write: Exchange) =>
    write.method === 'POST' &&
    targetOf(write) === target &&
    outcomeOf(write) === 'unknown';
  const unclear = exchanges.find(
    (write) => isUnclear(write) && write.endedSeq < seq,
  );
  const seenSeq = new Map<string, number>();
  const used = new Set<string>();
  let known: Known = new Map();
  for (const observation of observations.filter(
    ({ endedSeq }) => endedSeq < seq,
  )) {
    known = merge(known, observation);
    for (const record of known.values()) {
      const firstSeq = seenSeq.get(record.id) ?? observation.endedSeq;
      seenSeq.set(record.id, firstSeq);
      // Known limit: a disassociated record that an unclear POST used again
      // cannot be told from history.
      const isNew = unclear !== undefined && firstSeq > unclear.endedSeq;
      if (record.accountId === target && (stage(record) === 0 || isNew))
        used.add(record.id);
    }
  }
  return used;
}

/** A DELETE is for an active record, and is never repeated blindly. */
function* deletions(run: Case): Generator<string> {
  const { exchanges, observations, isCorrupted } = run;
  const all = exchanges.filter(({ method }) => method === 'DELETE');
  const statusOf = (sent: Exchange) =>
    knownBefore(observations, sent.sentSeq).get(recordIdOf(sent))?.status;
  for (const sent of all) {
    const id = recordIdOf(sent);
    const name = `DELETE of ${id}`;
    const earlier = all.filter(
      (other) => recordIdOf(other) === id && other.sentSeq < sent.sentSeq,
    );
    yield* fresh(run, sent, name);
    yield* repeated(run, sent, earlier, name);
    if (isCorrupted) continue;
    const status = statusOf(sent);
    if (status === undefined || stage({ status }) > 0)
      yield `${name}, which was last observed ${status}`;
    const counted = earlier.filter((other) => {
      const isRejection = /^(conflict|rejected)$/.test(`${outcomeOf(other)}`);
      return (
        outcomeOf(other) !== 'not-sent' &&
        !(isRejection && statusOf(other) === 'associating')
      );
    });
    if (counted.length >= MAX_WRITES)
      yield `${name} after ${MAX_WRITES} attempts`;
  }
}

/** In the order in which they ended. */
function listsBefore(
  { exchanges, observations }: Case,
  write: Exchange,
): (Observation | Exchange)[] {
  const lists = observations.filter(({ kind }) => kind === 'list');
  // A corrupted list may still be one that the run can read.
  const corrupted = exchanges.filter(
    (exchange) => isList(exchange) && exchange.isCorrupted,
  );
  return [...lists, ...corrupted]
    .filter(({ endedSeq }) => endedSeq < write.sentSeq)
    .toSorted(byEnd);
}

/**
 * A write that has waited more than ten seconds since its list is
 * decided again.
 */
function* fresh(run: Case, write: Exchange, name: string): Generator<string> {
  const { exchanges } = run;
  const received = listsBefore(run, write).at(-1);
  if (!received) return yield `${name} without a list`;
  const since = exchanges.filter(
    ({ endedSeq }) => endedSeq > received.endedSeq && endedSeq < write.sentSeq,
  );
  // One write follows every list, however late, unless the run had to wait for
  // the share.
  const isGuaranteed =
    !exchanges.some(
      (other) =>
        isWrite(other) &&
        other.sentSeq > received.endedSeq &&
        other.sentSeq < write.sentSeq,
    ) &&
    !since.some(
      (other) =>
        isShareRead(other) && other.endedMs > received.endedMs + STALE_READ_MS,
    );
  const ageMs = write.sentMs - received.endedMs;
  if (ageMs > STALE_READ_MS && !isGuaranteed)
    yield `${name} ${ageMs} ms after the list`;
}

/**
 * A write is sent again only after a list, and where it may have had an effect
 * only after ten seconds of observation.
 */
function* repeated(
  run: Case,
  write: Exchange,
  earlier: readonly Exchange[],
  name: string,
): Generator<string> {
  const { schedule } = run;
  const before = listsBefore(run, write);
  for (const other of earlier) {
    const outcome = outcomeOf(other);
    const again = `${name} again after ${nameOfResponse(other)} (${outcome})`;
    const isListed = before.some(({ sentSeq }) => sentSeq > other.endedSeq);
    const isObserved = before.some(
      ({ sentMs }) => sentMs - other.endedMs >= STALE_READ_MS,
    );
    if (other.endedSeq > write.sentSeq)
      yield `${name} while another is under way`;
    if (isFinal(other)) yield again;
    if (!isListed) yield `${again} without a list`;
    if (outcome === 'not-sent') continue;
    if (write.method === 'POST' && outcome === 'accepted') yield again;
    if (schedule.targets === 'organization' && write.method === 'POST')
      yield again;
    if (!isObserved) yield `${again} without ten seconds of observation`;
  }
}

/**
 * A write follows every list that made one due, however long the list took and
 * however little of the rate limit is left: otherwise lists would be read until
 * the step ends. Only runs in which nothing else keeps a write back.
 */
function* progress(run: Case): Generator<string> {
  const { schedule, exchanges, observations, startMs } = run;
  if (!isUndisturbed(run)) return;
  // Polls and lists may have used up the rate limit, which is full again after
  // its window.
  const roomMs = schedule.quota < 1200 ? 330_000 : 30_000;
  const lastMs = startMs + schedule.timeoutMs - LAST_LIST_MS - roomMs;
  const lists = observations.filter(({ kind }) => kind === 'list');
  for (const [index, list] of lists.entries()) {
    const next = lists[index + 1];
    if (!next || list.endedMs > lastMs) continue;
    const isFollowed = exchanges.some(
      (sent) =>
        isWrite(sent) &&
        sent.sentSeq > list.endedSeq &&
        sent.sentSeq < next.endedSeq,
    );
    if (isFollowed || isBlockedBetween(run, list, next)) continue;
    const due = firstDue(run, list);
    if (due)
      yield `no write for ${due} followed the list at ${list.endedMs - startMs} ms`;
  }
}

/** Does nothing but time and the rate limit decide when a write is sent? */
function isUndisturbed({ schedule, exchanges, allowance }: Case): boolean {
  const { state, dryRun, denial, share } = schedule;
  if (state === 'absent' || dryRun || denial) return false;
  if (share.status !== 'active' || share.targetType !== 'account') return false;
  if (state === 'exact' && allowance?.isRefused !== false) return false;
  const { faults, corruptions, others, rival, cancelAtMs } = schedule;
  if (faults.length + corruptions.length + others.length > 0) return false;
  if (rival || cancelAtMs !== null) return false;
  return !exchanges.some((sent) => nameOfResponse(sent) === '429');
}

/** After a block, the list is read again before a write. */
function isBlockedBetween(
  { exchanges }: Case,
  list: Observation,
  next: Observation,
): boolean {
  return exchanges
    .filter(
      ({ endedSeq }) => endedSeq >= list.sentSeq && endedSeq < next.endedSeq,
    )
    .some(({ response }) =>
      /\br=0\b/.test(
        response?.type === 'response'
          ? (response.headers['ratelimit'] ?? '')
          : '',
      ),
    );
}

/** A listed account without any record, for which nothing was sent before. */
function firstDue(run: Case, list: Observation): string | undefined {
  const known = knownBefore(run.observations, list.endedSeq + 1);
  return run.targets.find((target) => {
    const isKnown = recordsOf(known, target).length > 0;
    const isSent = run.exchanges.some(
      (sent) =>
        sent.method === 'POST' &&
        targetOf(sent) === target &&
        sent.sentSeq < list.endedSeq,
    );
    return !isKnown && !isSent;
  });
}

/**
 * A request waits as long as a server asks, is not repeated in a hurry or
 * after a final response, and none but reads follow proof of bad credentials.
 */
function* waits(run: Case): Generator<string> {
  const { exchanges, schedule, startMs, endSeq, recipients } = run;
  const closingMs =
    startMs +
    Math.min(
      schedule.timeoutMs - LAST_LIST_MS,
      schedule.cancelAtMs ?? Number.POSITIVE_INFINITY,
    );
  const later = ({ endedSeq }: Exchange) =>
    exchanges.filter(({ sentSeq }) => sentSeq > endedSeq);
  const isSame = (a: Exchange, b: Exchange) =>
    a.method === b.method &&
    a.path === b.path &&
    a.body === b.body &&
    String(a.query) === String(b.query);
  for (const ended of exchanges.filter(({ response }) => response)) {
    const { method, path, endedMs } = ended;
    const status = nameOfResponse(ended);
    const name = (other: Exchange) =>
      `${other.method} ${other.path} ${other.sentMs - endedMs} ms after ${status} to ${method} ${path}`;
    const outcome = outcomeOf(ended);
    if (isWrite(ended) && outcome === 'authentication') {
      const write = later(ended).find(isWrite);
      if (write) yield `${name(write)}: authentication failed`;
    }
    // A record that is not found by ID shows nothing: the next poll is a list.
    const isRecordMissing =
      recordIdOf(ended) !== '' &&
      (status === '404' || codesOf(ended).includes(7003));
    const isTooLarge = status === 'too-large';
    if (!isWrite(ended) && isFinal(ended) && !isRecordMissing && !isTooLarge) {
      const again = later(ended).find((other) => isSame(ended, other));
      if (again) yield `${name(again)}: it is final`;
    }
    if (outcome === 'accepted') continue;
    const untilMs = endedMs + retryAfterMs(ended);
    const early = later(ended).find(
      (other) =>
        other.sentMs < untilMs &&
        // A 429 is about every request, any other response about the same read.
        (status === '429' ||
          (!isWrite(ended) &&
            isSame(ended, other) &&
            other.sentMs < closingMs)),
    );
    if (early && !isRecordMissing)
      yield `${name(early)}: Retry-After is ${retryAfterMs(ended)} ms`;
    // The last poll is due two seconds before the deadline, whatever came
    // before it.
    const hurriedMs = Math.min(
      endedMs + SHORTEST_WAIT_MS,
      closingMs,
      startMs + schedule.timeoutMs - LAST_POLL_MS,
    );
    const hurried = later(ended).find(
      (other) => other.sentMs < hurriedMs && isSame(ended, other),
    );
    if (hurried && !isRecordMissing && !isTooLarge)
      yield `${name(hurried)}: in a hurry`;
  }
  // One last list follows a write whose outcome is unknown, unless the rate
  // limit forbids it.
  const isBlocked = exchanges.some(
    ({ response }) =>
      response?.type === 'response' &&
      (response.status === 429 ||
        /r=[0-3];/.test(response.headers['ratelimit'] ?? '')),
  );
  if (isBlocked || recipients.every(({ error }) => error === null)) return;
  for (const write of exchanges.filter(
    (sent) => isWrite(sent) && sent.endedSeq < endSeq,
  )) {
    if (
      outcomeOf(write) === 'unknown' &&
      !write.isCorrupted &&
      !later(write).some(isList)
    )
      yield `no list after ${write.method} ${write.path} without a clear outcome`;
  }
}

/** A terminal error of a resource fails its target at once. */
function* terminalErrors(run: Case): Generator<string> {
  const { observations, exchanges, schedule, targets, recipients } = run;
  const [target = ''] = targets;
  if (schedule.targets !== 1 || schedule.state === 'absent' || run.isCorrupted)
    return;
  // Removals that were sent are observed to their end.
  if (recipients.length > 1) return;
  let known: Known = new Map();
  for (const observation of observations) {
    known = merge(known, observation);
    const [used] = activeOf(known, target);
    // A change of stage that a poll by ID shows counts once a list shows what
    // else there is. A run of `exact` ends on a list.
    const isCounted =
      observation.kind !== 'record' ||
      (schedule.state !== 'exact' &&
        observation.records.every((record) => stage(record) === 0));
    if (!used?.errors.some(({ terminal }) => terminal) || !isCounted) continue;
    if (recipients[0]?.error === null)
      yield `${used.id} has failed permanently, but the run succeeds`;
    // `exact` makes its plan once it has read the share too.
    const later = exchanges.find(
      ({ sentSeq, path }) =>
        sentSeq > observation.endedSeq &&
        (schedule.state !== 'exact' || path.startsWith(RECIPIENTS)),
    );
    if (later && !schedule.dryRun)
      yield `${later.method} ${later.path} after ${used.id} has failed permanently`;
  }
}

function recordsOf(known: Known, target: string): Seen[] {
  return [...known.values()].filter(({ accountId }) => accountId === target);
}

/** The active records of an account, the one in use first. */
function activeOf(known: Known, target: string): Seen[] {
  return recordsOf(known, target)
    .filter((record) => stage(record) === 0)
    .toSorted(
      (a, b) =>
        Date.parse(a.created) - Date.parse(b.created) || (a.id < b.id ? -1 : 1),
    );
}

/**
 * Of two active records of one account the older is used, and one
 * warning names the other.
 */
function* duplicates(run: Case): Generator<string> {
  const { observations, schedule, recipients, shown, endSeq, isCorrupted } =
    run;
  if (
    schedule.state === 'absent' ||
    schedule.targets === 'organization' ||
    isCorrupted
  )
    return;
  const known = knownBefore(observations, endSeq);
  for (const recipient of recipients.filter(
    ({ desired }) => desired === 'present',
  )) {
    const target = nameOf(recipient);
    const [oldest, ...others] = activeOf(known, target);
    if (!oldest || others.length === 0) continue;
    // With `exact`, the end of the step kept the share from being read, and
    // nothing was planned.
    const isUnplanned =
      schedule.state === 'exact' && recipient.recipient_id === null;
    if (isUnplanned) continue;
    const ids = others.map(({ id }) => id).join(', ');
    const noun = others.length === 1 ? 'recipient' : 'recipients';
    if (
      !shown.some(
        ({ text }) =>
          text.includes(`Remove ${noun} ${ids}:`) && text.includes(target),
      )
    )
      yield `no warning names ${ids} of ${target}`;
    if (recipient.error === null && recipient.recipient_id !== oldest.id)
      yield `${target} succeeds with ${recipient.recipient_id}, although ${oldest.id} is older`;
  }
}

/**
 * `exact` writes nothing where it is refused, is not refused without a reason,
 * and removes only what the first list showed as active, within
 * `max-removals`, and after the last listed account is done.
 */
function* exact(run: Case): Generator<string> {
  const { schedule, exchanges, observations, recipients, allowance } = run;
  if (schedule.state !== 'exact') return;
  const writes = exchanges.filter(isWrite);
  if (!allowance) return;

  const { unlisted, maxRemovals, isRefused } = allowance;
  for (const { method, path } of isRefused ? writes : [])
    yield `${method} ${path} in a run that must not write`;
  if (isRefused && run.success) yield 'succeeds, although it must be refused';
  const refused = recipients.find(({ cause }) => cause === 'refused');
  if (refused && !isRefused) yield `refused without a reason: ${refused.error}`;

  const firstSeen = new Map(
    [...unlisted].flatMap(([account, records]) =>
      records.map(({ id }) => [id, account] as const),
    ),
  );
  const removedAccounts = new Set<string>();
  for (const sent of writes.filter(({ method }) => method === 'DELETE')) {
    const id = recordIdOf(sent);
    const account = firstSeen.get(id);
    if (account === undefined)
      yield `DELETE of ${id}, which the first list did not show as active`;
    else removedAccounts.add(account);
    const known = knownBefore(observations, sent.sentSeq);
    for (const target of run.targets) {
      if (!hasAccess(run, known, target))
        yield `DELETE of ${id} before ${target} is done`;
    }
  }
  if (removedAccounts.size > maxRemovals)
    yield `removes ${removedAccounts.size} accounts of ${maxRemovals}`;
}

/** Is a listed account done, as far as the run can know? */
function hasAccess({ schedule }: Case, known: Known, target: string): boolean {
  const [used] = activeOf(known, target);
  if (!used || used.errors.some(({ terminal }) => terminal)) return false;
  const isUsable = used.status === 'associated' && used.errors.length === 0;
  return isUsable || !schedule.wait;
}
