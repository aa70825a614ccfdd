/** What a test, a demo or a benchmark can ask of the simulator. */
import type { Fault, FaultRule } from './faults.ts';
import type { Request } from './protocol.ts';
import type { ResourceEntry, Timeline } from './timeline.ts';

interface ShareResourceSeed {
  /** Default a new ID. */
  resourceId?: string;
  /** Default `gateway-policy`. */
  type?: string;
}

export interface ShareSeed {
  /** The owner. */
  accountId: string;
  shareId: string;
  name: string;
  /** The owner's name; default `Source account`. */
  accountName?: string;
  /** Default `account`. */
  targetType?: 'account' | 'organization';
  /** Default `active`. */
  status?: 'active' | 'deleting' | 'deleted';
  /** Milliseconds since the epoch; default a month ago. */
  created?: number;
  /** When given, a POST for any other organization is rejected. */
  organizationId?: string;
  /** What is shared; default nothing. */
  resources?: ShareResourceSeed[];
  /** Merged over what reads of the share show; undefined removes a member. */
  shown?: Record<string, unknown>;
  /**
   * So many further records, before all others: associated accounts without
   * resources, `f0…0` for the first. For lists of a hundred thousand.
   */
  others?: number;
}

/** A record that is there from the start. */
export interface RecipientSeed {
  /** Default a new ID. */
  accountId?: string;
  /** Makes it the record of an organization. */
  organizationId?: string;
  /** The record's own ID; default a new one. */
  id?: string;
  /** Its status at first, published or not. */
  status: string;
  /** Milliseconds since the epoch; default a day ago. */
  created?: number;
  /** When it was removed; until then it had `status`. */
  removed?: number;
  /** What it says about the resources; default an empty list. */
  resources?: ResourceEntry[] | null;
  /**
   * What follows from `status`, counted from now. Without it a transient status
   * ends as `timelines` say. One that says anything about associating says all.
   */
  settle?: Timeline;
  /**
   * Merged over what reads and replies show of it, for odd data; undefined
   * removes a member. A request finds it by either ID.
   */
  shown?: Record<string, unknown>;
}

/** How a POST for one account is rejected. */
interface AccountRejection {
  status: number;
  code: number;
  message: string;
}

export interface RateLimit {
  /** Requests of one credential in a window; then all are blocked. */
  quota: number;
  windowMs: number;
  blockMs: number;
}

export interface SharesApiOptions {
  /** Milliseconds since the epoch; the only clock. */
  now: () => number;
  /** IDs of new records; default 32 random hexadecimal digits. */
  newId?: () => string;
  /** What there is at the start. */
  shares?: Array<ShareSeed & { recipients?: RecipientSeed[] }>;
  /** How things go for every recipient. */
  timeline?: Timeline;
  /**
   * Per account or organization ID, what differs from `timeline`. One that says
   * anything about associating says all.
   */
  timelines?: Record<string, Timeline>;
  /**
   * What a POST for a live record does is not published: it is rejected with
   * 409, or makes a second record.
   */
  duplicates?: 'reject' | 'accept';
  /**
   * Whether a POST takes up the account's disassociated record again, with its
   * ID, is not published either; default a new record.
   */
  reuseRecords?: boolean;
  /**
   * Gives lists in pages of this many records although the request asks for
   * none; default one response for all.
   */
  pageSize?: number;
  /**
   * What `total_count` of a page says, as in the published example; default the
   * number of records.
   */
  totalCount?: number;
  /**
   * Per account or organization ID, what is merged over what reads and replies
   * show of its records, as `shown` of a seed.
   */
  shown?: Record<string, Record<string, unknown>>;
  /** Per account or organization ID, how a POST for it is rejected. */
  rejectAccounts?: Record<string, AccountRejection>;
  /** Rejects a DELETE with 409 until the record is associated. */
  rejectDeleteWhileAssociating?: boolean;
  /**
   * Which member carries the ID of an organization recipient; not published.
   */
  organizationRecords?: 'account_id' | 'organization_id' | 'neither';
  /** Accepted tokens; default any that is not empty. */
  tokens?: string[];
  /** Tokens with which every write is rejected. */
  readOnlyTokens?: string[];
  /** Accepted pairs; default any that is not empty. */
  keys?: Array<{ email: string; key: string }>;
  /** Default 1,200 requests in 300 s, then blocked for 300 s. */
  rateLimit?: RateLimit;
  /** Reads show the state of so many milliseconds ago. */
  staleMs?: number;
  /** What goes wrong; the first rule that matches a request counts. */
  faults?: FaultRule[];
  /** Asked before `faults`; `n` counts all requests from 1. */
  fault?: (request: Request, n: number) => Fault | undefined;
}
