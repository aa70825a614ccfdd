/** What goes over the wire: requests, responses, and Cloudflare's envelope. */

export interface Request {
  /** In upper case. */
  method: string;
  /** `/accounts/…?query`, without the base path `/client/v4`. */
  path: string;
  /** Names in lower case. */
  headers: Record<string, string>;
  /** The text as it arrived; empty when there was none. */
  body: string;
}

export interface ApiResponse {
  /** The HTTP status. */
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  /** The text. */
  body: string;
}

/**
 * What happens on the socket. `reset-before` and `reset-after`: the connection
 * is reset without a response, before or after the change was made. `hang`:
 * nothing is ever sent. `truncate`: `body` is the part that arrives, and
 * `content-length` promises more. `endless`: `body` is repeated until the peer
 * goes away.
 */
export type Delivery =
  | 'response'
  | 'reset-before'
  | 'reset-after'
  | 'hang'
  | 'truncate'
  | 'endless';

export interface Reply extends ApiResponse {
  /** How the response reaches the peer, if it does. */
  delivery: Delivery;
  /** Milliseconds that pass before any of it. */
  delayMs: number;
  /** Spaces that follow the body; default none. */
  paddingBytes?: number;
}

export interface LoggedRequest {
  /** When it arrived, in milliseconds since the epoch. */
  at: number;
  /** In upper case. */
  method: string;
  /** Without the query. */
  path: string;
  /** Of a name given twice, the last value. */
  query: Record<string, string>;
  /** Names in lower case, secrets included. */
  headers: Record<string, string>;
  /** Parsed when it is JSON, otherwise the text. */
  body: unknown;
  /** The status decided on, even where the delivery let nothing arrive. */
  status: number;
  /** How the response was sent, if it was. */
  delivery: Delivery;
  /** False where a fault or the rate limit came before the API. */
  carriedOut: boolean;
  /** The record that a POST made or took up again. */
  recipientId?: string;
}

interface Rejection {
  status: number;
  code: number;
  message: string;
}

// Only 1004, 7003 and 10000 are known of this API; the others are made up so
// that nobody can rely on them.
const REJECTIONS = {
  body: {
    status: 400,
    code: 1001,
    message: 'Request body is not valid JSON',
  },
  field: {
    status: 400,
    code: 1002,
    message: 'Invalid request body',
  },
  paging: {
    status: 400,
    code: 1003,
    message: 'page must be at least 1 and per_page between 1 and 100',
  },
  unknown: {
    status: 404,
    code: 1004,
    message: 'Not found',
  },
  duplicate: {
    status: 409,
    code: 1010,
    message: 'A recipient for this account already exists',
  },
  owner: {
    status: 400,
    code: 1011,
    message: 'The share owner cannot be a recipient',
  },
  shareDeleted: {
    status: 409,
    code: 1012,
    message: 'The share is being deleted',
  },
  target: {
    status: 400,
    code: 1013,
    message: 'Recipients of an organization-targeted share cannot be modified',
  },
  foreign: {
    status: 400,
    code: 1014,
    message: 'Not the organization of the share owner',
  },
  associating: {
    status: 409,
    code: 1015,
    message: 'The recipient is still associating',
  },
  unavailable: {
    status: 503,
    code: 1016,
    message: 'Not available',
  },
  limited: {
    status: 429,
    code: 971,
    message: 'Please wait and consider throttling your request speed',
  },
  route: {
    status: 404,
    code: 7003,
    message: 'No route for the URI',
  },
  missing: {
    status: 401,
    code: 10000,
    message: 'Authentication error',
  },
  denied: {
    status: 403,
    code: 10000,
    message: 'Authentication error',
  },
  method: {
    status: 405,
    code: 10405,
    message: 'Method not allowed',
  },
} as const satisfies Record<string, Rejection>;

const JSON_TYPE = { 'content-type': 'application/json' };

/** The published success envelope. */
export function success(
  result: unknown,
  status = 200,
  resultInfo?: object,
): ApiResponse {
  const envelope = {
    success: true,
    errors: [],
    messages: [],
    result,
    result_info: resultInfo,
  };
  return {
    status,
    headers: { ...JSON_TYPE },
    body: JSON.stringify(envelope),
  };
}

/** The published failure envelope. */
export function failure(
  status: number,
  code: number,
  message: string,
): ApiResponse {
  const envelope = {
    success: false,
    errors: [{ code, message }],
    messages: [],
    result: null,
  };
  return {
    status,
    headers: { ...JSON_TYPE },
    body: JSON.stringify(envelope),
  };
}

/** One of the simulator's own rejections. */
export function reject(kind: keyof typeof REJECTIONS): ApiResponse {
  const { status, code, message } = REJECTIONS[kind];
  return failure(status, code, message);
}

/** The value, or undefined for a text that is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
