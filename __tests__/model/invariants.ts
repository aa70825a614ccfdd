/** What must hold in every story, whatever the schedule. */
import { MARK } from './schedule.ts';
import { type Exchange, formsOf, OWNER, type Schedule, SHARE, type Story } from './world.ts';

const REQUEST_DEADLINE_MS = 10_000;
const CANCEL_MS = 2_000;
/** Nobody is asked again sooner, whatever a server says of when it may be. */
const HURRY_MS = 300;
const SETTLES_MS = 120_000;
/** Reads lag less than this, so what a later one shows is no longer the past. */
const LAG_MS = 10_000;
const RECIPIENTS = `/accounts/${OWNER}/shares/${SHARE}/recipients`;
const MEMBERS = 'recipient,type,id,status,changed,error,resources,created,modified,seconds';

interface Seen {
  readonly id: string;
  readonly owner: string;
  readonly status: string;
  readonly created: string;
  readonly errors: readonly { readonly terminal: boolean }[];
}

interface Recipient {
  readonly recipient: string;
  readonly id: string | null;
  readonly status: string;
  readonly changed: boolean;
  readonly error: string | null;
}

/** @returns one sentence for each promise that the story breaks; none when all is well */
export function violations(story: Story): string[] {
  if (story.trouble) return [story.trouble];
  return [...sinks(story), ...outcome(story), ...time(story), ...requests(story), ...effects(story)];
}

const ID = /^[\w-]{1,32}$/;
const isLive = (status: string) => status !== 'disassociating' && status !== 'disassociated';
const isWrite = ({ method }: Exchange) => method !== 'GET';
const isList = ({ method, path }: Exchange) => method === 'GET' && path === RECIPIENTS;
const ok = ({ answer }: Exchange) => answer !== null && answer.status >= 200 && answer.status < 300;
const rowId = ({ path }: Exchange) => path.slice(RECIPIENTS.length + 1);
const oldestFirst = (a: Exchange, b: Exchange) => a.endedSeq - b.endedSeq;

function isSame(one: Exchange, other: Exchange): boolean {
  const names = ['method', 'path', 'body'] as const;
  return names.every((name) => one[name] === other[name]) && String(one.query) === String(other.query);
}

/** The rows that an answer shows; none where it is not an ordinary answer of the API. */
function rowsIn(exchange: Exchange): Seen[] {
  return exchange.spoiled ? [] : rowsTold(exchange);
}

/** The rows that an answer tells of, also where one of its members was changed. */
function rowsTold(exchange: Exchange): Seen[] {
  if (!ok(exchange)) return [];
  try {
    const { success, result } = JSON.parse(exchange.answer?.body ?? '');
    if (success !== true) return [];
    return [result].flat().flatMap((row) => {
      if (!ID.test(row?.id) || typeof row.association_status !== 'string') return [];
      const errors = [row.resources ?? []].flat().filter((one) => one?.error);
      return [
        {
          id: row.id,
          owner: row.organization_id ?? row.account_id,
          status: row.association_status,
          created: row.created,
          errors,
        },
      ];
    });
  } catch {
    return []; // what is no JSON shows no rows
  }
}

function* sinks({ told, masks, toldBeforeMask, schedule }: Story): Generator<string> {
  const forms = Object.values(formsOf(schedule));
  for (const form of forms) if (!masks.includes(form)) yield `not masked: ${form}`;
  if (toldBeforeMask) yield 'something was told before everything was masked';
  const counts = { notice: 0, warning: 0, error: 0 };
  // A cut can leave a part of a secret, so both ends count as the secret.
  const ends = forms.flatMap((form) => [form.slice(0, 8), form.slice(-8)]);
  for (const { sink, text } of told) {
    if (sink === 'notice' || sink === 'warning' || sink === 'error') counts[sink]++;
    // The next step reads an output with fromJSON, which takes the escapes away.
    const read = sink === 'output' ? text.replace(/\\(["\\])/g, '$1') : text;
    if (ends.some((end) => read.includes(end))) yield `secret in ${sink}: ${read}`;
    if (sink === 'summary') yield* page(text);
    else yield* lines(sink, sink === 'output' ? text.split('\n') : [text]);
  }
  for (const [level, n] of Object.entries(counts)) if (n > 10) yield `${n} annotations of level ${level}`;
  if (told.some(({ sink, text }) => sink === 'title' && text === 'The action has a bug')) {
    yield `crashed: ${told.filter(({ sink }) => sink === 'error' || sink === 'debug').map(({ text }) => text)}`;
  }
}

function* lines(sink: string, texts: readonly string[]): Generator<string> {
  for (const text of texts) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that must not be there
    if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u200b]/.test(text))
      yield `control character in ${sink}: ${JSON.stringify(text)}`;
    if (/^\s*::/.test(text) || text.includes('##[')) yield `workflow command in ${sink}: ${text}`;
    if (!text.isWellFormed()) yield `half a character in ${sink}: ${JSON.stringify(text)}`;
  }
}

const TAG =
  /<(\/?)(h3|h4|p|br|a|code|table|thead|tbody|tr|th|td|ul|li|strong|details|summary)( href="[^"<>]*")?>/g;
const OUR_LINKS = /^https:\/\/(github\.com\/OWNER\/|developers\.cloudflare\.com\/|dash\.cloudflare\.com\/)/;

function* page(html: string): Generator<string> {
  if (html.replace(TAG, '').includes('<')) yield `markup that is not ours in the summary: ${html}`;
  if (/\n\s*\n(?!$)/.test(html)) yield `a blank line ends the HTML of the summary early: ${html}`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that must not be there
  if (/[\r\u001b\u2028\u2029]/.test(html)) yield `control character in summary: ${JSON.stringify(html)}`;
  const open: string[] = [];
  for (const [, close, name = '', href] of html.matchAll(TAG)) {
    if (close && open.pop() !== name) yield `the summary's tags do not match at </${name}>: ${html}`;
    if (!close && name !== 'br') open.push(name);
    if (href && !OUR_LINKS.test(href.slice(7, -1))) yield `a link that is not ours in the summary: ${href}`;
  }
  const bare = new RegExp(`.{0,60}${MARK}.{0,60}`).exec(html.replace(/<code>.*?<\/code>/gs, ''));
  if (bare) yield `foreign text outside <code> in the summary: ${bare[0]}`;
}

function recipientsOf({ outputs }: Story): Recipient[] {
  return JSON.parse(outputs['recipients'] ?? '[]');
}

function* outcome(story: Story): Generator<string> {
  const { outputs, schedule, success, targets, made, api } = story;
  for (const name of ['recipient-id', 'status', 'changed', 'recipients']) {
    if (outputs[name] === undefined) return yield `output ${name} is not set`;
  }
  const recipients = recipientsOf(story);
  if (recipients.map(({ recipient }) => recipient).join() !== targets.join())
    yield 'recipients are not the targets';
  if (recipients.some((one) => Object.keys(one).join() !== MEMBERS)) yield 'recipients lack a member';
  if (recipients.map(({ id }) => id ?? '').join('\n') !== outputs['recipient-id'])
    yield 'recipient-id is wrong';
  const statuses = new Set(recipients.map(({ status }) => status));
  if (outputs['status'] !== (statuses.size > 1 ? 'mixed' : [...statuses][0])) yield 'output status is wrong';
  if (outputs['changed'] !== String(recipients.some(({ changed }) => changed)))
    yield 'output changed is wrong';
  const isCancelled = schedule.cancelAtMs !== null && story.endMs - story.startMs >= schedule.cancelAtMs;
  if (isCancelled && success) yield 'succeeds, although it was cancelled';
  if (!isCancelled && success !== recipients.every(({ error }) => error === null)) {
    yield `ends with ${success}, recipients: ${outputs['recipients']}`;
  }
  const known = new Set(api.rows(SHARE).map((row) => row.id));
  for (const { id, changed } of recipients) {
    if (id !== null && !known.has(id)) yield `id ${id} is not known to the server`;
    if (id !== null && made.has(id) && !changed) yield `${id} was made by this run, but changed is false`;
  }
  if (success && !schedule.dryRun) {
    if (schedule.wait) yield* usable(story, recipients);
    else if (schedule.state === 'present' && recipients.some(({ id }) => id === null))
      yield 'accepted without an id';
  }
  if (!success && mustSucceed(schedule)) yield `fails without a reason: ${outputs['recipients']}`;
}

/** Every target must have been seen as wanted, in an answer that was asked with the resources. */
function* usable(
  { exchanges, schedule, endSeq }: Story,
  recipients: readonly Recipient[],
): Generator<string> {
  const answers = exchanges.filter((one) => one.endedSeq < endSeq).toSorted(oldestFirst);
  if (schedule.state === 'present') {
    const seen = lastSeenUsable(answers, schedule);
    for (const { recipient, id } of recipients) {
      if (!seen.get(id ?? '')) yield `${recipient} succeeds, but ${id} was not last seen usable`;
    }
    return;
  }
  const last = new Map<string, string>();
  const over = new Set<string>();
  const removed = new Set(exchanges.filter(({ method }) => method === 'DELETE').map(rowId));
  for (const one of answers) {
    if (one.answer?.status === 404 && rowId(one)) last.set(rowId(one), 'disassociated');
    for (const row of rowsTold(one)) {
      const isOurs = last.has(row.id) || recipients.some(({ recipient }) => recipient === row.owner);
      // What the run does not believe, a spoiled answer or a list whose second page is missing, asks nothing of it.
      const isBelieved = removed.has(row.id) || (!one.spoiled && schedule.filler === 0);
      if (isOurs && isBelieved) last.set(row.id, row.status);
      // It is for ever, so what a lagging read shows later is the past.
      if (row.status === 'disassociated') over.add(row.id);
    }
  }
  for (const [id, status] of last) {
    if (status !== 'disassociated' && !over.has(id))
      yield `${id} counts as removed, but was last seen ${status}`;
  }
}

/** For each id: was it usable when it was seen last? A row that left does not come back, so a lagging read that says so is the past. */
function lastSeenUsable(answers: readonly Exchange[], schedule: Schedule): Map<string, boolean> {
  const usable = new Map<string, boolean>();
  const leftMs = new Map<string, number>();
  for (const one of answers) {
    if (isWrite(one) || one.query.get('include_resources') !== 'true') continue;
    for (const row of rowsTold(one)) {
      const isPast = one.sentMs - (leftMs.get(row.id) ?? Number.NEGATIVE_INFINITY) < LAG_MS;
      const isUsable = row.status === 'associated' && row.errors.length === 0 && !isPast;
      // What the run does not believe, a spoiled answer or a list whose second page is missing, takes nothing back.
      if (isUsable || (!one.spoiled && schedule.filler === 0)) usable.set(row.id, isUsable);
      if (!isLive(row.status) && !one.spoiled) leftMs.set(row.id, one.endedMs);
    }
  }
  return usable;
}

/** Nothing goes wrong, nobody interferes, and there is time enough: then a failure needs no excuse, but a mending. */
function mustSucceed(schedule: Schedule): boolean {
  const { state, faults, spoils, others, cancelAtMs, refused, mayWrite, share, quota, timeoutMs } = schedule;
  if (typeof schedule.targets !== 'number' || refused !== null || !mayWrite || quota < 1200) return false;
  if (faults.length + spoils.length + others.length > 0 || cancelAtMs !== null) return false;
  if (share.status !== 'active' || (share.targetType !== 'account' && state === 'present')) return false;
  const times = schedule.timelines.flatMap((one) => {
    const errors = one.errors ?? [];
    if (one.steps || errors.some((error) => error.terminal)) return ['never' as const];
    return [one.associateMs ?? 0, one.disassociateMs ?? 0, ...errors.map((error) => error.clearsMs ?? 0)];
  });
  const rows = schedule.rows.filter((row) => typeof row.who === 'number');
  if (rows.some((row) => row.settle || row.resources === null || row.resources.some((one) => one.error)))
    return false;
  // A look that lags still shows such a row alive; then it is taken, and found to be removed.
  if (rows.some(({ removedMs }) => typeof removedMs === 'number' && removedMs <= schedule.lagMs))
    return false;
  if (rows.some((row) => !/^(dis)?associat(ed|ing)$/.test(row.status))) return false;
  let sum = SETTLES_MS;
  for (const ms of times) sum += ms === 'never' ? Number.POSITIVE_INFINITY : ms;
  return sum < timeoutMs;
}

function* time({ schedule, startMs, endMs }: Story): Generator<string> {
  const tookMs = endMs - startMs;
  if (tookMs > schedule.timeoutMs + REQUEST_DEADLINE_MS)
    yield `took ${tookMs} ms with ${schedule.timeoutMs} ms allowed`;
  const { cancelAtMs } = schedule;
  if (cancelAtMs !== null && tookMs > cancelAtMs + CANCEL_MS)
    yield `ended ${tookMs - cancelAtMs} ms after the cancel`;
}

/** An answer that another try cannot change. */
function isFinal({ method, answer, path }: Exchange): boolean {
  if (!answer) return false;
  const { status } = answer;
  if (status === 404 && method === 'GET' && path !== RECIPIENTS && path.startsWith(RECIPIENTS)) return false;
  return (
    (status >= 400 && status < 500 && status !== 408 && status !== 429) ||
    [501, 505, 525, 526].includes(status)
  );
}

function* requests(story: Story): Generator<string> {
  const { exchanges, schedule, targets, api, endSeq } = story;
  const owners = new Map(api.rows(SHARE).map((row) => [row.id, row.organization_id ?? row.account_id]));
  for (const one of exchanges) {
    const { method, path, body } = one;
    const name = `${method} ${path}`;
    if (isWrite(one) && schedule.dryRun) yield `${name} in a dry run`;
    if (isWrite(one) && one.sentSeq > endSeq) yield `${name} after the end`;
    if (method === 'POST') {
      if (schedule.state === 'absent') yield `${name} to remove`;
      const key = schedule.targets === 'organization' ? 'organization_id' : 'recipient_account_id';
      const target = JSON.parse(body ?? 'null')?.[key];
      if (path !== RECIPIENTS || !targets.includes(target) || body !== JSON.stringify({ [key]: target })) {
        yield `${name} with ${body}`;
      } else yield* looked(story, one, target);
    }
    if (method === 'DELETE') {
      if (schedule.state === 'present') yield `${name} to add`;
      const owner = owners.get(rowId(one)) ?? '';
      const neither = schedule.targets === 'organization' && schedule.organizationRows === 'neither';
      if (!targets.includes(owner) && !neither) yield `${name}, which belongs to ${owner}`;
    }
    if (method !== 'GET' && method !== 'POST' && method !== 'DELETE') yield name;
  }
  if (api.wholeOrganizationPosts.length > 0) yield 'a POST without a target';
  yield* repeats(story);
  yield* patience(story);
}

/** A POST needs a look that shows no row of the target which is in force, or on its way out. */
function* looked(
  { exchanges, liveAllAlong, schedule }: Story,
  post: Exchange,
  target: string,
): Generator<string> {
  const earlier = exchanges.filter((one) => one.endedSeq < post.sentSeq).toSorted(oldestFirst);
  const last = new Map<string, string>();
  const over = new Map<string, number>();
  for (const one of earlier) {
    for (const row of rowsTold(one)) {
      const isPast = one.sentMs - (over.get(row.id) ?? Number.NEGATIVE_INFINITY) < LAG_MS;
      if (row.owner === target && !(isPast && row.status !== 'disassociated')) last.set(row.id, row.status);
      if (row.status === 'disassociated' && !one.spoiled) over.set(row.id, one.endedMs);
    }
  }
  for (const [id, status] of last) {
    if (status !== 'disassociated') yield `POST for ${target} although ${id} was last seen ${status}`;
  }
  const unknowable = schedule.targets === 'organization' && schedule.organizationRows === 'neither';
  const blind = schedule.spoils.length > 0 || unknowable;
  for (const [id, owner] of liveAllAlong) {
    if (owner === target && !blind) yield `POST for ${target} although ${id} was live all along`;
  }
}

function* repeats({ exchanges }: Story): Generator<string> {
  for (const one of exchanges.filter((write) => isWrite(write) && rowsIn(write).length > 0)) {
    const again = exchanges.find((other) => other.sentSeq > one.endedSeq && isSame(one, other));
    if (again) yield `${one.method} ${one.path} again after a success`;
  }
  for (const one of exchanges.filter(isFinal)) {
    const status = one.answer?.status ?? 0;
    const later = exchanges.filter((other) => other.sentSeq > one.endedSeq);
    if (isWrite(one) && (status === 401 || status === 403)) {
      // A run that is over may still look in the list for a write that got no answer.
      const other = later.find((candidate) => !isList(candidate));
      if (other) yield `${other.method} ${other.path} after a ${status} to ${one.method}`;
      continue;
    }
    const again = later.find((other) => isSame(one, other));
    // A DELETE that is refused while the row is associating may come again later: that is what the refusal means.
    const held = one.method === 'DELETE' && ![404, 407, 501, 505, 525, 526].includes(status);
    if (again && !held) yield `${one.method} ${one.path} again after a ${status}`;
  }
}

/** Nothing is sent while a 429 asks for peace, but the one last look of a run that is over. */
function* patience({ exchanges, schedule, startMs }: Story): Generator<string> {
  const overMs = startMs + Math.min(schedule.timeoutMs, schedule.cancelAtMs ?? Number.POSITIVE_INFINITY);
  for (const one of exchanges) {
    const asked =
      one.answer?.status === 429 && /^\d{1,9}$/.exec(one.answer.headers['retry-after'] ?? '')?.[0];
    if (!asked) continue;
    const untilMs = one.endedMs + Number(asked) * 1000;
    const early = exchanges.find(
      (other) => other.sentSeq > one.endedSeq && other.sentMs < untilMs && other.sentMs < overMs,
    );
    if (early) yield `${early.method} ${early.path} ${untilMs - early.sentMs} ms before a 429 allows it`;
  }
  for (const one of exchanges.filter(({ answer }) => answer && answer.status >= 400)) {
    const hurried = exchanges.find(
      (other) =>
        other.sentSeq > one.endedSeq &&
        other.sentMs < Math.min(one.endedMs + HURRY_MS, overMs) &&
        isSame(one, other),
    );
    if (hurried)
      yield `${one.method} ${one.path} again ${hurried.sentMs - one.endedMs} ms after a ${one.answer?.status}`;
  }
}

function* effects(story: Story): Generator<string> {
  const { exchanges, mostMadeLive, endSeq, schedule, api } = story;
  if (mostMadeLive > 1) yield `${mostMadeLive} live recipients were made for one target`;
  const recipients = recipientsOf(story);
  yield* duplicates(story, recipients);
  for (const one of exchanges) {
    if (one.endedSeq > endSeq) continue;
    const rows = rowsIn(one);
    const [row] = rows;
    if (one.method === 'POST' && row) {
      const told = recipients.find(({ recipient }) => recipient === row.owner);
      const inUse = api.rows(SHARE).find(({ id }) => id === told?.id);
      const isOlder = inUse && inUse.account_id === row.owner && inUse.created <= row.created;
      if (told && ((told.id !== row.id && !isOlder) || !told.changed))
        yield `${row.id} was added, outputs say ${JSON.stringify(told)}`;
    }
    if (one.method === 'DELETE' && ok(one) && row && !recipients.some(({ changed }) => changed)) {
      yield `${row.id} was removed, but changed is false`;
    }
    // A page of a list that turned out to be incomplete is read again, and what it said with it.
    const isWhole = !isWrite(one) && !(isList(one) && schedule.filler > 0);
    if (schedule.targets === 1 && schedule.state === 'present' && !schedule.dryRun && isWhole) {
      const failed = rows.find(
        (seen) =>
          seen.id === recipients[0]?.id && isLive(seen.status) && seen.errors.some((error) => error.terminal),
      );
      const later = exchanges.find((other) => other.sentSeq > one.endedSeq);
      if (failed && recipients[0]?.error === null)
        yield `${failed.id} has failed for good, but the run succeeds`;
      if (failed && later && isList(later) && later.query.get('page') === '1')
        yield `looks again after ${failed.id} has failed for good`;
      if (failed && later && rowId(later) === failed.id)
        yield `looks again after ${failed.id} has failed for good`;
    }
  }
}

/** Of two live rows of one account the older is used, and somebody is told. */
function* duplicates(
  { exchanges, schedule, success, told, endSeq }: Story,
  recipients: readonly Recipient[],
): Generator<string> {
  if (schedule.state === 'absent' || schedule.targets === 'organization') return;
  // Pages that do not fit together are read again, and a spoiled date makes another row the oldest.
  if (schedule.filler > 0 || schedule.spoils.length > 0) return;
  const lists = exchanges.filter((one) => isList(one) && one.endedSeq < endSeq).toSorted(oldestFirst);
  const left = new Map<string, number>();
  for (const list of lists) {
    const rows = rowsIn(list);
    for (const { recipient, id } of recipients) {
      const live = rows.filter(
        (row) =>
          row.owner === recipient &&
          /^associat(ing|ed)$/.test(row.status) &&
          !(list.sentMs - (left.get(row.id) ?? Number.NEGATIVE_INFINITY) < LAG_MS),
      );
      const [oldest, ...others] = live.toSorted((a, b) => Date.parse(a.created) - Date.parse(b.created));
      if (!oldest || others.length === 0) continue;
      if (!told.some(({ text }) => text.includes(`${recipient} has more than one live recipient`)))
        yield `nobody is told that ${recipient} has ${live.map((row) => row.id)}`;
      if (success && list === lists.at(-1) && id !== oldest.id)
        yield `${recipient} succeeds with ${id}, although ${oldest.id} is older`;
    }
    for (const row of rows) if (!isLive(row.status)) left.set(row.id, list.endedMs);
  }
}
