import type { ResourceError, ShareRecipient } from './cloudflare/shares.ts';
import type { Failure } from './failure.ts';

/** What one answer about one row means for somebody who waits for it. */
export type Verdict =
  | { readonly kind: 'settled' }
  | { readonly kind: 'pending' }
  | { readonly kind: 'failed'; readonly failure: Failure };

const PENDING: Verdict = { kind: 'pending' };
const SETTLED: Verdict = { kind: 'settled' };

/** Cloudflare's only documented resource error; see `resource-sharing_recipient_resource_error` in its API description. */
const ENTITLEMENT = /entitlement/i;

/**
 * Decides whether a recipient can use the share. `row` must come from an answer that was asked with
 * `include_resources=true`: without the resources, `associated` proves nothing.
 * Terminal resource errors are looked at first, whatever the status says.
 */
export function judgePresent(row: ShareRecipient): Verdict {
  const terminal = terminalFailure(row);
  if (terminal) return { kind: 'failed', failure: terminal };
  if (row.status === 'disassociating' || row.status === 'disassociated') {
    const message = `the recipient is ${row.status}: somebody removed it while it was being waited for`;
    return { kind: 'failed', failure: { cause: 'removed', message } };
  }
  return row.status === 'associated' && row.resources.length === 0 ? SETTLED : PENDING;
}

/** Decides whether a recipient has lost the share. A row that is gone counts as `disassociated`. */
export function judgeAbsent(row: ShareRecipient | null): Verdict {
  return row === null || row.status === 'disassociated' ? SETTLED : PENDING;
}

/** The failure that the terminal resource errors of a row amount to, or null when it has none. */
export function terminalFailure(row: ShareRecipient): Failure | null {
  const terminal = row.resources.filter((resource) => resource.terminal);
  const [first] = terminal;
  if (!first) return null;
  return {
    cause: ENTITLEMENT.test(first.error) ? 'entitlement' : 'terminal',
    message: describeErrors(terminal),
  };
}

/** More would make a message that nobody reads to its end. */
const MAX_DESCRIBED = 3;

/** `gateway-policy f174…: Recipient is missing necessary entitlement; … (and 4 more resources)`. */
export function describeErrors(resources: readonly ResourceError[]): string {
  const said = resources
    .slice(0, MAX_DESCRIBED)
    .map(({ type, id, error }) => `${type ?? 'resource'} ${id}: ${error}`);
  const more = resources.length - said.length;
  return `${said.join('; ')}${more > 0 ? ` (and ${more} more resource${more > 1 ? 's' : ''})` : ''}`;
}

const SHORTEST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;
/** A list costs a request a page, so a long one is read less often. */
const WAIT_PER_PAGE_MS = 400;

/**
 * When to look again: a fifth of the time already waited, between 1 s and 15 s, with ±10 % of jitter so that
 * jobs that were started together do not ask together. At the shortest wait the jitter only shortens: with a
 * round trip of 80 ms the end is then noticed within a second.
 * @param waitedMs milliseconds from the change that is being waited for to the look before
 * @param random a number from 0 to 1
 * @param pages how many requests a look costs
 * @returns milliseconds from the look before to the next one
 */
export function nextLookMs(waitedMs: number, random: number, pages = 1): number {
  const shortestMs = Math.max(SHORTEST_WAIT_MS, pages * WAIT_PER_PAGE_MS);
  const baseMs = Math.min(Math.max(waitedMs / 5, shortestMs), LONGEST_WAIT_MS);
  const spread = baseMs === SHORTEST_WAIT_MS ? 0.06 : 0.2;
  return Math.round(baseMs * (0.9 + spread * random));
}
