import type { Clock } from '../clock.ts';
import type { RequestError } from '../cloudflare/errors.ts';
import type { RetryListener } from '../cloudflare/http.ts';
import type { Share } from '../cloudflare/shares.ts';
import type { Inputs, Problem } from '../inputs.ts';
import type { Duplicate } from '../plan.ts';
import { isDone, type Progress, statusOf } from '../progress.ts';
import { describeErrors } from '../settle.ts';
import { HINTS } from './hints.ts';
import { outputsOf } from './outputs.ts';
import { failuresOf, headline, planned, planSign, type Result, shareName } from './result.ts';
import { OutputError, type Runner, safely } from './runner.ts';
import { summaryOf } from './summary.ts';
import { count, duration, redactor, sayer, seconds } from './text.ts';

/** Tells people and later steps what happens. Nothing in it throws because of what it is told; only OutputError. */
export interface Report extends RetryListener {
  /** All that is wrong with the inputs; the outputs are set, to nothing. */
  refuse(problems: readonly Problem[]): void;
  opening(inputs: Inputs): void;
  /** What is to be done: a line for each target where `whole` is wanted or they are few, else how many. */
  plan(all: readonly Progress[], share: Share | null, whole: boolean): void;
  /** One target has moved. */
  moved(from: Progress, to: Progress, all: readonly Progress[]): void;
  /** While nothing moves, says every half minute what is pending. */
  heartbeat(all: readonly Progress[], endMs: number): void;
  duplicates(found: readonly Duplicate[]): void;
  /** The deployment record could not be written. */
  notRecorded(message: string): void;
  /** Outputs, annotations, summary and the closing line. */
  finish(result: Result): Promise<void>;
  /** Something that should not happen. */
  crash(error: unknown): void;
}

const HEARTBEAT_MS = 30_000;
/** Retries that took longer than this are worth a warning. */
const LONG_RETRY_MS = 30_000;
/** Up to so many targets every step of each is a line; above it only where each one ends. */
const FEW = 10;

/**
 * Opens the report, and masks every secret before anything else is printed.
 * @param runner the ways out
 * @param secrets every form of every secret, the longest first
 */
export function openReport(runner: Runner, secrets: readonly string[], clock: Clock): Report {
  const redact = redactor(secrets);
  const out = safely(runner, redact);
  for (const secret of secrets) out.mask(secret);
  const say = sayer(redact);
  let lastLineMs = clock.now();
  let savedIds = 0;
  let ids = 0;
  let done = 0;
  let last: readonly Progress[] = [];
  const seen: Duplicate[] = [];

  function print(text: string): void {
    out.print(text);
    lastLineMs = clock.now();
  }

  /** @returns why it was not possible */
  function setOutputs(all: readonly Progress[]): OutputError | null {
    try {
      for (const [name, value] of Object.entries(outputsOf(all, clock.now(), say))) out.output(name, value);
      return null;
    } catch (error) {
      if (error instanceof OutputError) return error;
      throw error;
    }
  }

  /** An id must not be lost when the runner dies; written at eight times as many each time, file and memory stay small. */
  function saveIds(all: readonly Progress[]): void {
    if (ids < Math.max(1, savedIds * 8)) return;
    savedIds = ids;
    setOutputs(all); // those at the end decide
  }

  return {
    refuse(problems) {
      const failed = setOutputs([]);
      const list = problems.map(({ input, message }) => say(`\`${input}\` ${message}`));
      for (const text of list) print(`- ${text}`);
      const title = `${count(problems.length, 'input')} to mend, nothing was sent`;
      out.annotate('error', title, list.map((text, index) => `(${index + 1}) ${text}`).join(' '));
      if (failed) throw failed;
    },

    opening(inputs) {
      const who = count(inputs.targets.length, inputs.targets[0]?.type ?? 'account');
      const { shareId, state, dryRun, timeoutMs } = inputs;
      const what =
        state === 'present' ? `Sharing ${shareId} with ${who}` : `Removing ${who} from share ${shareId}`;
      print(say(`${what}${dryRun ? ' (dry run, nothing is changed)' : ''}; timeout ${duration(timeoutMs)}.`));
      if (inputs.repeated.length > 0) {
        print(say(`Given more than once, done once: ${inputs.repeated.join(', ')}.`));
      }
      if (inputs.credentials.kind === 'key') {
        out.annotate(
          'warning',
          'Legacy API key',
          'A Global API key may do everything that its user may do. Use an api-token with the permissions that the README names.',
        );
      }
    },

    plan(all, share, whole) {
      if (share?.name) print(say(`The share is "${share.name}".`));
      if (whole || all.length <= FEW) for (const p of all) print(say(planned(p)));
      else {
        const counts = new Map<string, number>();
        for (const p of all) counts.set(planSign(p), (counts.get(planSign(p)) ?? 0) + 1);
        print([...counts].map(([what, n]) => `${what}: ${n}`).join(', '));
      }
      ids = all.filter((p) => p.id).length;
      done = all.filter(isDone).length;
      last = all;
      saveIds(all);
    },

    moved(from, to, all) {
      last = all;
      const after = seconds(clock.now() - to.startedMs);
      const text = movement(from, to, after);
      ids += Number(to.id !== null) - Number(from.id !== null);
      done += Number(isDone(to)) - Number(isDone(from));
      const howMany = all.length > 1 && isDone(to) ? ` (${done} of ${all.length} done)` : '';
      const few = all.length <= FEW || isDone(to) || to.step === 'unsure';
      // A single target that failed is told by its annotation.
      const told = all.length === 1 && to.step === 'failed';
      if (text && !told)
        (few ? print : out.debug)(say(`${to.target.type} ${to.target.id}: ${text}${howMany}`));
      const retried = newlyRetried(from, to);
      if (retried) {
        const message = `${to.target.type} ${to.target.id}: ${retried}. Cloudflare keeps trying, and so the run keeps waiting.`;
        out.annotate('warning', 'Cloudflare retries a resource', say(message));
      }
      saveIds(all);
    },

    heartbeat(all, endMs) {
      const now = clock.now();
      if (now - lastLineMs < HEARTBEAT_MS) return;
      const pending = all.filter((p) => !isDone(p));
      if (pending.length === 0) return;
      const oldest = Math.min(...pending.map((p) => p.startedMs));
      const failed = all.filter((p) => p.step === 'failed').length;
      const who =
        pending.length === 1
          ? `${pending[0]?.target.id} (${pending[0] && statusOf(pending[0])})`
          : `${pending.length} of ${all.length}`;
      print(
        say(
          `Still waiting for ${who}, for ${duration(now - oldest)}${failed ? `; ${failed} failed` : ''}; ${duration(endMs - now)} of the timeout left.`,
        ),
      );
    },

    duplicates(found) {
      for (const duplicate of found) {
        if (seen.some((known) => known.target.id === duplicate.target.id)) continue;
        seen.push(duplicate);
        const ids = duplicate.others.map((row) => row.id).join(', ');
        out.annotate(
          'warning',
          'More than one recipient for an account',
          say(
            `Account ${duplicate.target.id} has more than one live recipient in the share: ${duplicate.used.id} is the oldest and is used, also there: ${ids}. It was added more than once at the same time; remove the others by hand.`,
          ),
        );
      }
    },

    retrying(error: RequestError, waitMs: number) {
      print(say(`${error.message}; trying again in ${seconds(waitMs)}`));
    },
    recovered(tries, tookMs) {
      const text = `Answered again after ${count(tries, 'try').replace('trys', 'tries')} in ${seconds(tookMs)}`;
      if (tookMs > LONG_RETRY_MS) out.annotate('warning', 'Retries took long', text);
      else print(text);
    },
    slowing(gapMs) {
      print(`Little of Cloudflare's rate limit is left: going on with one request every ${seconds(gapMs)}.`);
    },

    notRecorded(message) {
      const text = `GitHub's deployment record could not be written: ${message}. If GitHub refused it, give the job the permission "deployments: write".`;
      out.annotate('warning', 'No deployment record', say(text));
    },

    async finish(result) {
      const failed = setOutputs(result.all);
      annotateFailures(result);
      adoptedNotice(result);
      if (result.inputs.summary) {
        try {
          await out.summary(summaryOf(result, seen, say));
        } catch (error) {
          out.annotate(
            'warning',
            'No job summary',
            say(`The job summary could not be written: ${(error as Error).message}`),
          );
        }
      }
      print(say(`${headline(result)}; ${seconds(result.tookMs)}, ${count(result.requests, 'request')}.`));
      if (failed) throw failed;
    },

    crash(error) {
      const { message, stack } = error instanceof Error ? error : new Error(String(error));
      const { title, text } = HINTS[error instanceof OutputError ? 'runner' : 'internal'];
      out.annotate('error', title, say(`${message}. ${text}`));
      for (const text of (stack ?? '').split('\n')) out.debug(text);
      try {
        setOutputs(last);
      } catch {
        // What went wrong is told; what comes of it is not told again.
      }
    },
  };

  function annotateFailures(result: Result): void {
    const groups = failuresOf(result.all);
    if (result.isCancelled && groups.length === 0) {
      const { title, link } = HINTS.cancelled;
      out.annotate('error', title, `${say(`Share ${shareName(result)}: ${headline(result)}.`)} ${link}`);
    }
    const shown = groups.length > 10 ? groups.slice(0, 9) : groups;
    for (const { failure, targets } of shown) {
      const { title, text, link } = HINTS[failure.cause];
      const names =
        targets.length > 20
          ? `${targets.slice(0, 20).join(', ')} and ${targets.length - 20} more`
          : targets.join(', ');
      const who = `${result.inputs.targets[0]?.type ?? 'account'}${targets.length > 1 ? 's' : ''} ${names}`;
      const ids = idsOf(result.all, targets);
      out.annotate(
        'error',
        title,
        `${say(`Share ${shareName(result)}, ${who}${ids}: ${failure.message}.`, 3000)} ${text} ${link}`,
      );
    }
    const hidden = groups.slice(shown.length);
    if (hidden.length > 0) {
      const names = hidden.flatMap((group) => group.targets);
      out.annotate(
        'error',
        `${count(hidden.length, 'more reason')}`,
        say(
          `These failed as well, for reasons that the log and the output recipients tell: ${names.join(', ')}`,
        ),
      );
    }
  }

  function adoptedNotice({ all, inputs }: Result): void {
    const adopted = all.filter(
      (p) => p.want === 'present' && p.id && !p.changed && (p.step === 'settled' || p.step === 'accepted'),
    );
    if (adopted.length === 0 || inputs.dryRun) return;
    const names = adopted
      .slice(0, 5)
      .map((p) => `${p.target.id} (recipient ${p.id})`)
      .join(', ');
    const more = adopted.length > 5 ? ` and ${adopted.length - 5} more` : '';
    out.annotate(
      'notice',
      'Had the share before',
      say(`Nothing was added for ${names}${more}: an earlier run or somebody else did it.`),
    );
  }
}

function idsOf(all: readonly Progress[], targets: readonly string[]): string {
  const id = targets.length === 1 ? all.find((p) => p.target.id === targets[0])?.id : null;
  return id ? ` (recipient ${id})` : '';
}

/** What a move means, for the log; null where the reader could not use it. */
function movement(from: Progress, to: Progress, after: string): string | null {
  if (to.step !== from.step) {
    switch (to.step) {
      case 'failed':
        return `failed after ${after}: ${to.failure?.message}`;
      case 'settled':
        return `${statusOf(to)} after ${after}`;
      case 'accepted':
        return `accepted, ${statusOf(to)}, not waited for`;
      case 'associate':
        if (from.step === 'settled') return `not usable any more, ${statusOf(to)}`;
        return `${to.changed ? 'added' : 'found'} as recipient ${to.id}, ${statusOf(to)}`;
      case 'clear':
        return `has an earlier recipient ${to.id}, ${statusOf(to)}; waiting before it is added`;
      case 'disassociate':
        return `removal of recipient ${to.id} accepted, ${statusOf(to)}`;
      case 'unsure':
        return `${to.failure?.message}; looking whether it was done before anything is sent again`;
      case 'hold':
        return `not removed while it is associating (${to.failure?.message}); waiting`;
      case 'create':
        return from.step === 'clear'
          ? 'the earlier recipient is disassociated, adding the account anew'
          : 'not in the list, adding it again';
      default:
        return 'still there, removing it again';
    }
  }
  if (statusOf(to) === statusOf(from)) return null;
  const failing = to.row?.resources.length ?? 0;
  return `${statusOf(to)} after ${after}${failing > 0 ? `, but ${count(failing, 'resource')} not yet usable` : ''}`;
}

/** The resources that Cloudflare has begun to retry since `from`; empty when there is none. */
function newlyRetried(from: Progress, to: Progress): string {
  if (to.step !== 'associate') return '';
  const known = new Set(from.row?.resources.map(({ id }) => id));
  return describeErrors((to.row?.resources ?? []).filter(({ id, terminal }) => !terminal && !known.has(id)));
}
