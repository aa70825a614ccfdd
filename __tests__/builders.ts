/** Small pieces that the unit tests are made of. */
import { ApiError, type Classification } from '../src/cloudflare/api-error.ts';
import { BodyReader, type TakeItem } from '../src/cloudflare/body-reader.ts';
import type {
  FailedExchange,
  HttpResponse,
  ReceivedResponse,
} from '../src/cloudflare/http-client.ts';
import type {
  Clean,
  Inputs,
  RecipientList,
  ResourceError,
  Share,
  ShareRecipient,
  Target,
} from '../src/domain.ts';
import type { ShareReading } from '../src/reconcile/observations.ts';
import type { OutputName } from '../src/report/outputs.ts';

export const OWNER = '699d98642c564d2e855e9661899b7252';
export const SHARE = '3fd85f74b32742f1bff64a85009dda07';
export const ACCOUNT = '023e105f4ecef8ad9ca31a8372d0c353';
export const OTHER = 'a7b9c1d24e8f4063b5d7e9f1a3c5b7d9';
export const ORGANIZATION = 'c41f0a9be3d24c7d8a6f5e2b1d0c9f83';
export const TOKEN = 'v1.0-3mNq8ZtXw5RbYc7Kd2Hs9Lf4Gj6Pv1Qa0';

export const AN_ACCOUNT: Target = { type: 'account', id: ACCOUNT, label: null };
export const AN_ORGANIZATION: Target = {
  type: 'organization',
  id: ORGANIZATION,
  label: null,
};

/** The smallest environment that is valid. */
export const ENV = {
  'INPUT_ACCOUNT-ID': OWNER,
  'INPUT_SHARE-ID': SHARE,
  'INPUT_RECIPIENT-ACCOUNT-ID': ACCOUNT,
  'INPUT_API-TOKEN': TOKEN,
} as const;

/** What ENV is read as. */
export const INPUTS: Inputs = {
  accountId: OWNER,
  shareId: SHARE,
  targets: [AN_ACCOUNT],
  credentials: { type: 'token', token: TOKEN },
  state: 'present',
  maxRemovals: { unit: 'percent', percent: 25 },
  wait: true,
  timeout: '10m',
  timeoutMs: 600_000,
  dryRun: false,
  summary: true,
  githubToken: null,
  environment: 'cloudflare-share',
  apiUrl: 'https://api.cloudflare.com/client/v4',
};

/** What the runner gets from a run that knows nothing about its targets. */
export const EMPTY_OUTPUTS: Readonly<Record<OutputName, string>> = {
  'recipient-id': '',
  status: 'unknown',
  changed: 'false',
  recipients: '[]',
};

/** A share that fits every run. */
export const A_SHARE: Share = {
  name: 'Baseline',
  status: 'active',
  targetType: 'account',
  kind: 'sent',
  accountId: OWNER,
  organizationId: null,
  resourceTypes: new Map(),
};

export const A_SHARE_READING: ShareReading = { type: 'read', share: A_SHARE };

/** A share that could not be read. */
export const AN_UNREAD_SHARE: ShareReading = {
  type: 'failed',
  failure: { cause: 'server', reason: 'reason', request: null },
};

/** The ID of the `n`th account. */
export function account(n: number): string {
  return `ac${String(n).padStart(30, '0')}`;
}

/** Targets that are accounts. */
export function accounts(...ids: string[]): Inputs['targets'] {
  return ids.map((id) => ({ type: 'account', id, label: null }));
}

/** The first `count` accounts, as targets. */
export function firstAccounts(count: number): Inputs['targets'] {
  return accounts(...Array.from({ length: count }, (_, n) => account(n)));
}

const PUBLISHED = [
  'associating',
  'associated',
  'disassociating',
  'disassociated',
] as const;

/**
 * A record of ACCOUNT from 2026-01-01, without resource errors. A status that
 * is not published gets its quotes.
 */
export function record(
  id: string,
  status: string,
  more: Partial<ShareRecipient> = {},
): ShareRecipient {
  const created = more.created ?? '2026-01-01T00:00:00Z';
  const modified = more.modified ?? '';
  return {
    id,
    accountId: ACCOUNT,
    status:
      PUBLISHED.find((published) => published === status) ?? `"${status}"`,
    created,
    modified,
    createdMs: Date.parse(created),
    modifiedMs: modified ? Date.parse(modified) : null,
    errors: [],
    moreErrors: 0,
    ...more,
  };
}

/** An error of a resource of a record. */
export function resourceError(
  terminal: boolean,
  error = terminal ? 'no entitlement' : 'later',
  resourceId = 'policy',
): ResourceError {
  return { resourceId, error, terminal };
}

/** A reading of the list. */
export function listOf(
  records: readonly ShareRecipient[],
  more: Partial<RecipientList> = {},
): RecipientList {
  return {
    records,
    others: { accounts: 0, withoutAccount: 0 },
    skipped: 0,
    sentMs: 0,
    receivedMs: 0,
    ...more,
  };
}

/**
 * Fits a text into a line. The tests of the sanitizer show what it does beyond
 * that.
 */
export const clean: Clean = (text, max) => {
  const flat = text.replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim();
  return flat.length <= max ? flat : `${flat.slice(0, max - 1)}…`;
};

/** The failure of a POST. */
export function apiError(
  is: Partial<Classification> = {},
  reason = 'reason',
): ApiError {
  const { cause = 'rejected', isRetryable = false, outcome = 'rejected' } = is;
  const request = {
    kind: 'create',
    detail: 'detail',
    code: null,
    documentationUrl: null,
  } as const;
  return new ApiError({ cause, reason, request }, { isRetryable, outcome });
}

/** A response as a server sends it: its body is text. */
export interface SentResponse {
  readonly type: 'response';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a client makes of a response. */
export function received(
  { type, status, headers, body }: SentResponse,
  takeItem: TakeItem | null = null,
): ReceivedResponse {
  const reader = new BodyReader(takeItem);
  reader.write(Buffer.from(body));
  return { type, status, headers, ...reader.end() };
}

/** As `received`, where there may be no response. */
export function receivedOrFailed(
  reply: SentResponse | FailedExchange,
  takeItem: TakeItem | null,
): HttpResponse {
  return reply.type === 'failure' ? reply : received(reply, takeItem);
}
