import http, {
  type Agent,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import https from 'node:https';
import { isIPv6, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import fetch from 'node-fetch';

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** For the whole exchange, the response body included. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface HttpResponse {
  /** 0 without a response. */
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Why there is no response from the server, or none that may be used. */
  readonly error?: HttpError;
}

export interface HttpError {
  /**
   * A code of Node's, or `TIMEOUT`, `ABORTED`, `TOO_LARGE`, `PROXY_REJECTED`.
   */
  readonly code: string;
  readonly message: string;
  /** False where the request certainly never left: no connection was made. */
  readonly isSent: boolean;
}

/** Sends one request. Never rejects: what went wrong is in `error`. */
export type HttpClient = (request: HttpRequest) => Promise<HttpResponse>;

/** A list that is larger is read in pages; see `shares.ts`. */
const MAX_RESPONSE_MIB = 16;

const CONNECTION_OPTIONS = {
  keepAlive: true,
  /**
   * Explicit, because NODE_TLS_REJECT_UNAUTHORIZED=0 would otherwise switch
   * verification off.
   */
  rejectUnauthorized: true,
  /** A TCP handshake may take longer than Node's default of 250 ms. */
  autoSelectFamilyAttemptTimeout: 5_000,
};

/**
 * Creates the one HTTP client of a run. It keeps connections alive, follows no
 * redirect and limits time and size.
 */
export function createHttpClient(
  proxyFor: (url: URL) => URL | null,
): HttpClient {
  const agents = new Map<string, Agent>();

  function agentFor(url: URL): Agent {
    const proxy = proxyFor(url);
    const key = proxy?.href ?? url.protocol;
    const { Agent } = url.protocol === 'https:' ? https : http;
    const agent =
      agents.get(key) ??
      (proxy ? new TunnelAgent(proxy) : new Agent(CONNECTION_OPTIONS));
    agents.set(key, agent);
    return agent;
  }

  return async ({ url, timeoutMs, signal, ...init }) => {
    const timeout = AbortSignal.timeout(timeoutMs);
    const recorded: { error?: Error } = {};
    try {
      const response = await fetch(url, {
        ...init,
        agent: recordErrors(agentFor(new URL(url)), recorded),
        redirect: 'manual',
        size: MAX_RESPONSE_MIB * 1024 * 1024,
        signal: AbortSignal.any([signal, timeout]),
      });
      const body = await response.text();
      // With its listeners, V8 keeps every exchange until a major collection:
      // 40 MiB more after 1,000 requests.
      response.body?.removeAllListeners();
      return {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        body,
      };
    } catch (error) {
      const cause = (recorded.error ?? error) as SystemError;
      const over = {
        code: 'ABORTED',
        message: 'no response before the step ended',
        isSent: true,
      };
      const late = {
        code: 'TIMEOUT',
        message: `no response within ${timeoutMs / 1000} s`,
        isSent: true,
      };
      const reported = signal.aborted
        ? over
        : timeout.aborted
          ? late
          : describe(cause);
      return {
        status: cause.status ?? 0,
        headers: {},
        body: '',
        error: reported,
      };
    }
  };
}

/**
 * `errors` has one for each address that was tried, `type` is set by
 * node-fetch, `status` for a rejected CONNECT.
 */
interface SystemError extends Error {
  readonly code?: string;
  readonly syscall?: string;
  readonly errors?: readonly SystemError[];
  readonly type?: string;
  readonly status?: number;
}

function describe(error: SystemError): HttpError {
  const { code = '', errors = [error], type } = error;
  const tooLarge = {
    code: 'TOO_LARGE',
    message: `more than ${MAX_RESPONSE_MIB} MiB`,
    isSent: true,
  };
  if (type === 'max-size') return tooLarge;
  const message = errors.map((attempt) => attempt.message).join('; ');
  const isConnected = errors.every(
    ({ syscall }) => syscall !== 'connect' && syscall !== 'getaddrinfo',
  );
  return { code, message, isSent: isConnected };
}

/**
 * node-fetch keeps only a message; the error itself names every address and
 * carries the proxy's status.
 */
function recordErrors(agent: Agent, recorded: { error?: Error }): Agent {
  const addRequest = (request: ClientRequest, ...rest: unknown[]) => {
    request.once('error', (error) => Object.assign(recorded, { error }));
    (agent as Agent & { addRequest(...args: unknown[]): void }).addRequest(
      request,
      ...rest,
    );
  };
  return Object.assign(Object.create(agent), { addRequest });
}

type Connected = (error: Error | null, socket: Duplex) => void;

/**
 * Connects through a proxy with CONNECT (RFC 9110, section 9.3.6). Node limits
 * the size of the proxy's response.
 */
class TunnelAgent extends https.Agent {
  readonly #proxy: URL;

  constructor(proxy: URL) {
    super(CONNECTION_OPTIONS);
    this.#proxy = proxy;
  }

  override createConnection(
    options: RequestOptions,
    connected: Connected,
  ): undefined {
    const { protocol, hostname, port, username, password } = this.#proxy;
    const authority = `${isIPv6(`${options.host}`) ? `[${options.host}]` : options.host}:${options.port}`;
    const credentials = Buffer.from(
      decodeURIComponent(`${username}:${password}`),
    ).toString('base64');
    const request = (protocol === 'https:' ? https : http).request({
      ...CONNECTION_OPTIONS,
      agent: false,
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port || (protocol === 'https:' ? 443 : 80),
      method: 'CONNECT',
      path: authority,
      headers: {
        host: authority,
        ...(username ? { 'proxy-authorization': `Basic ${credentials}` } : {}),
      },
    });
    const fail = (error: Error, more: Partial<SystemError> = {}) =>
      connected(
        Object.assign(error, { syscall: 'connect', ...more }),
        undefined as never,
      );
    request.once('error', fail);
    request.once(
      'connect',
      ({ statusCode: status = 0 }: IncomingMessage, socket: Socket) => {
        if (status === 200)
          return connected(
            null,
            tls.connect({ ...options, socket } as tls.ConnectionOptions),
          );
        socket.destroy();
        // Without TLS, nothing shows that a response is Cloudflare's.
        const more = { code: 'PROXY_REJECTED', status };
        fail(
          new Error(`the proxy rejected the connection with HTTP ${status}`),
          more,
        );
      },
    );
    request.end();
  }
}
