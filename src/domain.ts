/*
 * The nouns that all rooms share. Nothing here does anything: each room has
 * the functions that make and read these.
 */

/** The environment of the process, as the runner sets it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Makes text of at most `max` characters safe: see `report/sanitizer.ts`. */
export type Clean = (text: string, max: number) => string;

// -------- what is asked for

/** Who gets access, or loses it. */
export interface Target {
  /** What the request calls it. */
  readonly type: 'account' | 'organization';
  /** 32 hexadecimal digits in lower case. */
  readonly id: string;
  /** What the list calls it: sanitized text, never part of a request. */
  readonly label: string | null;
}

/** What one target should be: a recipient of the share, or none. */
export type DesiredState = 'present' | 'absent';

/** How the action identifies itself to Cloudflare. */
export type Credentials =
  | { readonly type: 'token'; readonly token: string }
  | { readonly type: 'key'; readonly email: string; readonly key: string };

/** How many accounts a run with `state: exact` may remove. */
export type MaxRemovals =
  | { readonly unit: 'accounts'; readonly count: number }
  | { readonly unit: 'percent'; readonly percent: number };

/** Everything that a run was asked to do, validated. */
export interface Inputs {
  /** The account that owns the share, in lower case. */
  readonly accountId: string;
  /** Validated: fit for a path. */
  readonly shareId: string;
  /** In the order given, each once. */
  readonly targets: readonly Target[];
  /** A token takes precedence over a key from the environment. */
  readonly credentials: Credentials;
  /** `exact` makes the list of targets the whole truth. */
  readonly state: DesiredState | 'exact';
  /** How many accounts `exact` may remove. */
  readonly maxRemovals: MaxRemovals;
  /** False: an accepted write is enough. */
  readonly wait: boolean;
  /** As it was given: `10m`. */
  readonly timeout: string;
  /** The same in milliseconds: the budget of the whole step. */
  readonly timeoutMs: number;
  /** True: reads only, and reports what would change. */
  readonly dryRun: boolean;
  /** True: writes a job summary. */
  readonly summary: boolean;
  /** Null: no deployment is recorded. */
  readonly githubToken: string | null;
  /** The GitHub environment that a deployment record names. */
  readonly environment: string;
  /** Without a slash at the end. */
  readonly apiUrl: string;
}

// -------- what Cloudflare shows

/**
 * The published statuses of a recipient; see
 * `resource-sharing_recipient_association_status` in Cloudflare's API
 * description.
 */
export const STATUSES = [
  'associating',
  'associated',
  'disassociating',
  'disassociated',
] as const;

export type PublishedStatus = (typeof STATUSES)[number];

/** A resource that Cloudflare could not apply to a recipient. */
export interface ResourceError {
  /** Validated text. */
  readonly resourceId: string;
  /** What Cloudflare says of it: sanitized. */
  readonly error: string;
  /** True: Cloudflare has given up. False: it keeps trying. */
  readonly terminal: boolean;
}

/**
 * A record in a share's recipient list; see
 * `GET /accounts/{account_id}/shares/{share_id}/recipients`.
 */
export interface ShareRecipient {
  /** Validated: fit for a path. */
  readonly id: string;
  /** In lower case; null where the record names no account. */
  readonly accountId: string | null;
  /**
   * A published status, or in quotes a word that is not published: sanitized
   * and without them, it could look like one that is.
   */
  readonly status: PublishedStatus | `"${string}"`;
  /** The date as it was sent; empty where it is missing or is no date. */
  readonly created: string;
  /** As `created`, for the last change. */
  readonly modified: string;
  /** Milliseconds since the epoch; null where the date is empty. */
  readonly createdMs: number | null;
  /** As `createdMs`, for the last change. */
  readonly modifiedMs: number | null;
  /** Resources with an outstanding error, terminal ones first, at most 20. */
  readonly errors: readonly ResourceError[];
  /** How many more resources have an outstanding error. */
  readonly moreErrors: number;
}

/** The share itself. */
export interface Share {
  /** Sanitized; empty where the share has none. */
  readonly name: string;
  /** `active`, `deleting`, `deleted`, another word, or null. */
  readonly status: string | null;
  /** `account`, `organization`, another word, or null. */
  readonly targetType: string | null;
  /** `sent`, `received`, another word, or null. */
  readonly kind: string | null;
  /** The account that owns it, in lower case, or null. */
  readonly accountId: string | null;
  /** The organization that the share names, or null. */
  readonly organizationId: string | null;
  /** Kind of each resource, such as `gateway-policy`, by its ID. */
  readonly resourceTypes: ReadonlyMap<string, string>;
}

/**
 * Active records of accounts that a run is not about. They are only counted.
 */
export interface OtherRecipients {
  /** Accounts that have access, each counted once. */
  readonly accounts: number;
  /** Active records that name no account: possibly an organization. */
  readonly withoutAccount: number;
}

/** One reading of the recipient list. */
export interface RecipientList {
  /** The records that the run is about, those being removed and removed too. */
  readonly records: readonly ShareRecipient[];
  /** How many recipients there are beside the targets. */
  readonly others: OtherRecipients;
  /** Records of other accounts that could not be decoded. */
  readonly skipped: number;
  /** When its first page was requested, milliseconds since the epoch. */
  readonly sentMs: number;
  /** When its last page was received, milliseconds since the epoch. */
  readonly receivedMs: number;
}

// -------- what goes wrong

/** What a request to Cloudflare was for. */
export type RequestKind =
  | 'share'
  | 'shares'
  | 'list'
  | 'recipient'
  | 'create'
  | 'delete';

/** Why a request to Cloudflare failed. */
export type RequestCause =
  // Cloudflare's API said no.
  | 'authentication'
  | 'route'
  | 'not-found'
  | 'rejected'
  | 'conflict'
  | 'rate-limit'
  | 'server'
  // Something in between responded, or nothing did.
  | 'blocked'
  | 'invalid-response'
  | 'too-large'
  | 'no-response'
  | 'network'
  | 'proxy'
  | 'certificate-untrusted'
  | 'certificate-invalid'
  | 'proxy-certificate-invalid'
  // The step ended while the request was under way.
  | 'timeout';

/** Why a target failed: the key of a failure in outputs and in the guide. */
export type Cause =
  | RequestCause
  // What Cloudflare's records show.
  | 'resource-error'
  | 'removed'
  | 'inconclusive'
  | 'share-state'
  // What the run decided.
  | 'refused'
  | 'stopped'
  | 'cancelled'
  | 'internal';

/** The request that failed, for advice and for messages. */
export interface FailedRequest {
  /** What the request was for. */
  readonly kind: RequestKind;
  /** `POST …/recipients, HTTP 400, cf-ray 8f1e…`. */
  readonly detail: string;
  /** The code that decided, otherwise the first; null where there is none. */
  readonly code: number | null;
  /** Cloudflare's page about this error: https, on its documentation site. */
  readonly documentationUrl: string | null;
}

/** Why a target failed, as people and later steps see it. */
export interface Failure {
  /** Decides title and advice, and is an output. */
  readonly cause: Cause;
  /**
   * What a reader has to know first. Sanitized, without a period at the end.
   */
  readonly reason: string;
  /** Null where no request failed. */
  readonly request: FailedRequest | null;
}

/** Why a write that was due was not carried out, and certainly so. */
export type HeldBack =
  /** It was sent, or nearly, but not processed: a 429, no connection. */
  | { readonly why: 'not-processed'; readonly failure: Failure }
  /** The rate limit allows no request for so long. */
  | { readonly why: 'rate-limit'; readonly waitMs: number }
  /** Cloudflare asked to wait after an earlier write. */
  | { readonly why: 'retry-after'; readonly waitMs: number }
  /** The list that made it due is too old. */
  | { readonly why: 'stale-list' }
  /** Another write showed that none can succeed any more. */
  | { readonly why: 'stopped'; readonly failure: Failure }
  /** The run is about to end. */
  | { readonly why: 'step-over' };
