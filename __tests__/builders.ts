/**
 * Small pieces that the unit tests are made of. They import only types, so that
 * a broken module fails its own tests and those of its users, and `npm run
 * mutation` has few tests to run for a module.
 */
import type {
  ApiError,
  Classification,
  Clean,
} from '../src/cloudflare/api-error.ts';
import type { ShareRecipient } from '../src/cloudflare/shares.ts';
import type { Inputs } from '../src/inputs.ts';

export const OWNER = '699d98642c564d2e855e9661899b7252';
export const SHARE = '3fd85f74b32742f1bff64a85009dda07';
export const ACCOUNT = '023e105f4ecef8ad9ca31a8372d0c353';
export const OTHER = 'a7b9c1d24e8f4063b5d7e9f1a3c5b7d9';
export const ORGANIZATION = 'c41f0a9be3d24c7d8a6f5e2b1d0c9f83';
export const TOKEN = 'v1.0-3mNq8ZtXw5RbYc7Kd2Hs9Lf4Gj6Pv1Qa0';

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
  targets: [{ type: 'account', id: ACCOUNT }],
  credentials: { authorization: `Bearer ${TOKEN}` },
  state: 'present',
  wait: true,
  timeout: '10m',
  timeoutMs: 600_000,
  dryRun: false,
  summary: true,
  githubToken: '',
  environment: 'cloudflare-share',
  apiUrl: 'https://api.cloudflare.com/client/v4',
  fallbacks: [],
  ignoresTlsVariable: false,
};

/** The ID of the `n`th account. */
export function account(n: number): string {
  return `ac${String(n).padStart(30, '0')}`;
}

/** Targets that are accounts. */
export function accounts(...ids: string[]): Inputs['targets'] {
  return ids.map((id) => ({ type: 'account', id }));
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
    modifiedMs: Date.parse(modified),
    errors: [],
    moreErrors: 0,
    ...more,
  };
}

/** An error of a resource of a record. */
export function resourceError(
  terminal: boolean,
  error = terminal ? 'no entitlement' : 'later',
) {
  return { resourceId: 'policy', error, terminal };
}

/**
 * Fits a text into a line. The tests of the sanitizer show what it does beyond
 * that.
 */
export const clean: Clean = (text, max) => {
  const flat = text.replace(/\s+/g, ' ').trim();
  return flat.length <= max ? flat : `${flat.slice(0, max - 1)}…`;
};

/** The failure of a request. */
export function apiError(
  is: Partial<Classification> = {},
  reason = 'reason',
  detail = 'detail',
): ApiError {
  const all = {
    failure: 'rejected',
    retryable: false,
    outcome: 'rejected',
    retryAfterMs: 0,
    ...is,
  } as const;
  return Object.assign(new Error(`${reason} (${detail})`), {
    reason,
    detail,
    is: all,
  });
}
