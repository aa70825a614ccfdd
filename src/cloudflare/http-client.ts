import http, { type Agent, type ClientRequest } from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import fetch, { type Response } from 'node-fetch';
import { type Body, BodyReader, type TakeItem } from './body-reader.ts';
import {
  CONNECTION_OPTIONS,
  ConnectionError,
  type ConnectionFailure,
  codeOf,
  explainConnectionError,
  isNotHttp,
  textOf,
} from './connection.ts';
import {
  nameOf,
  type ProxyServer,
  TunnelAgent,
  type TunnelOptions,
} from './proxy.ts';

export interface HttpRequest {
  /** The HTTP method. */
  readonly method: string;
  /** Absolute, http or https. */
  readonly url: string;
  /** Credentials are in here. */
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as it is; null for none. */
  readonly body: string | null;
  /** For the whole exchange, the response body included. */
  readonly timeoutMs: number;
  /** A response with a larger body is a failure, `too-large`. */
  readonly maxMiB: number;
  /** Takes each element of the list `result`; null keeps them. */
  readonly takeItem: TakeItem | null;
  /** Ends the exchange as a failure, `timeout`. */
  readonly signal: AbortSignal;
}

/**
 * What came of a request: a response, or why there is none that may be used.
 */
export type HttpResponse = ReceivedResponse | FailedExchange;

export interface ReceivedResponse extends Body {
  /** Distinguishes it from a failure. */
  readonly type: 'response';
  /** The HTTP status, a redirect included. */
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface FailedExchange {
  /** Distinguishes it from a response. */
  readonly type: 'failure';
  /** Why there is no response: decides title and advice. */
  readonly cause: // The signal of the request was aborted.
    | 'timeout'
    | 'too-large'
    | 'invalid-response'
    // Connected, but no complete response came.
    | 'no-response'
    // No connection was made, with TLS where the address says https.
    | ConnectionFailure['cause'];
  /**
   * What happened, in words that a person can act on. It names hosts, never a
   * secret, and may hold text of a server: it is not sanitized.
   */
  readonly message: string;
  /**
   * False where the request certainly never reached a server that could
   * process it.
   */
  readonly mayHaveBeenProcessed: boolean;
  /** May the same request succeed later? */
  readonly isRetryable: boolean;
}

/**
 * Sends one request, once. Never rejects: what went wrong is a `failure`.
 */
export type HttpClient = (request: HttpRequest) => Promise<HttpResponse>;

/**
 * Creates the one HTTP client of a run. It keeps connections alive, follows no
 * redirect, repeats nothing, and limits time and size.
 *
 * @param proxyFor - the proxy for an address, or null; may throw where the
 *   environment names one that cannot be used
 * @param extraCaProblem - what `extraCaProblem` of `connection.ts` found, for
 *   the message about a certificate that is not trusted
 */
export function createHttpClient(
  proxyFor: (url: URL) => ProxyServer | null,
  extraCaProblem: string | null = null,
): HttpClient {
  const agents = new Map<string, Agent>();

  function agentFor(url: URL, proxy: ProxyServer | null): Agent {
    const key = proxy?.url.href ?? url.protocol;
    const agent = agents.get(key) ?? createAgent(url, proxy);
    agents.set(key, agent);
    return agent;
  }

  async function send(request: HttpRequest): Promise<HttpResponse> {
    const url = new URL(request.url);
    const proxy = proxyFor(url);
    const exchange = new Exchange(request, url, proxy);
    return exchange.run(agentFor(url, proxy));
  }

  return async (request) => {
    const response = await send(request).catch(invalidRequest);

    const isUntrusted =
      response.type === 'failure' && response.cause === 'certificate-untrusted';
    if (!isUntrusted || extraCaProblem === null) return response;
    return { ...response, message: `${response.message}; ${extraCaProblem}` };
  };
}

function createAgent({ protocol }: URL, proxy: ProxyServer | null): Agent {
  if (proxy !== null) return new TunnelAgent(proxy);
  const { Agent } = protocol === 'https:' ? https : http;
  return new Agent(CONNECTION_OPTIONS);
}

/** For an address, a header or a proxy that cannot be used. */
function invalidRequest(error: Error): FailedExchange {
  return notProcessed({
    cause: 'network',
    message: error.message,
    isRetryable: false,
  });
}

function notProcessed(failure: ConnectionFailure): FailedExchange {
  return { type: 'failure', mayHaveBeenProcessed: false, ...failure };
}

/** What `http.request` asks of an agent; `@types/node` leaves it out. */
interface RequestingAgent extends Agent {
  addRequest(request: ClientRequest, options: https.RequestOptions): void;
}

/**
 * One request and its response. node-fetch sends and reads them; beside it,
 * the exchange follows Node's request, because node-fetch does not say how far
 * it came, and passes on no more than the text of an error.
 */
class Exchange {
  readonly #request: HttpRequest;
  readonly #url: URL;
  readonly #proxy: ProxyServer | null;
  /** Aborted at the timeout of the request, and with its signal. */
  readonly #interruption = new AbortController();
  /**
   * `connected` when the TLS handshake is complete, over http when the TCP
   * connection is made: Node holds the request back until then.
   */
  #phase: 'preparing' | 'connecting' | 'connected' = 'preparing';
  /** Through a proxy, there is one as soon as the tunnel is open. */
  #socket: Socket | null = null;
  #response: Response | null = null;
  /** What Node reported first. */
  #error: Error | null = null;

  constructor(request: HttpRequest, url: URL, proxy: ProxyServer | null) {
    this.#request = request;
    this.#url = url;
    this.#proxy = proxy;
  }

  async run(agent: Agent): Promise<HttpResponse> {
    const { signal, timeoutMs } = this.#request;
    if (signal.aborted) return this.#interrupted();

    const interrupt = () => this.#interruption.abort();
    const timer = setTimeout(interrupt, timeoutMs);
    signal.addEventListener('abort', interrupt);
    try {
      return await this.#send(agent);
    } catch (error) {
      return this.#explain(this.#error ?? (error as Error));
    } finally {
      clearTimeout(timer);
      // The signal lives as long as the run, and would keep every exchange.
      signal.removeEventListener('abort', interrupt);
    }
  }

  async #send(agent: Agent): Promise<HttpResponse> {
    const { method, headers, body, maxMiB } = this.#request;
    const response = await fetch(this.#url, {
      method,
      headers,
      body,
      agent: this.#watchedAgent(agent as RequestingAgent),
      redirect: 'manual',
      signal: this.#interruption.signal,
    });
    this.#response = response;
    response.body?.on('error', this.#keepError);
    const received = await this.#readBody(response);
    if (received === null)
      return connectedBut('too-large', `more than ${maxMiB} MiB`);

    // With its listeners, V8 keeps every exchange until a major collection:
    // 50 MiB more after 1,000 requests.
    response.body?.removeAllListeners();
    return {
      type: 'response',
      status: response.status,
      headers: Object.fromEntries(response.headers),
      ...received,
    };
  }

  /** @returns null where the body is larger than the request allows */
  async #readBody({ body }: Response): Promise<Body | null> {
    const { maxMiB, takeItem } = this.#request;
    const reader = new BodyReader(takeItem);
    let leftBytes = maxMiB * 1024 * 1024;
    for await (const piece of body ?? []) {
      leftBytes -= piece.length;
      if (leftBytes < 0) return null;
      reader.write(piece as Buffer);
    }
    return reader.end();
  }

  /** The agent that is kept, with a view of the request that it is given. */
  #watchedAgent(agent: RequestingAgent): Agent {
    const watched: RequestingAgent = Object.create(agent);
    watched.addRequest = (request, options) => {
      this.#watchRequest(request);
      const connectSignal = this.#interruption.signal;
      const tunnelOptions: TunnelOptions = { ...options, connectSignal };
      agent.addRequest(request, tunnelOptions);
    };
    return watched;
  }

  #watchRequest(request: ClientRequest): void {
    this.#phase = 'connecting';
    request.once('socket', (socket) =>
      this.#watchSocket(socket, request.reusedSocket),
    );
    request.on('error', this.#keepError);
    // node-fetch compares the last bytes with the end of a chunked body, and
    // rejects other valid ends as a premature close (its issue 1576). Node
    // itself reports a body that is cut.
    request.once('response', ({ headers }) => {
      delete headers['transfer-encoding'];
    });
    // HTTP 101. Without a listener, Node would close the connection and report
    // nothing.
    request.once('upgrade', (_response, socket) => {
      socket.destroy();
      request.emit('error', new Error('the connection was closed'));
    });
  }

  #watchSocket(socket: Socket, isReused: boolean): void {
    this.#socket = socket;
    if (isReused) {
      this.#phase = 'connected';
      return;
    }
    const event = socket instanceof TLSSocket ? 'secureConnect' : 'connect';
    socket.once(event, () => {
      this.#phase = 'connected';
    });
  }

  readonly #keepError = (error: Error): void => {
    this.#error ??= error;
  };

  #explain(error: Error): FailedExchange {
    if (this.#interruption.signal.aborted) return this.#interrupted();
    if (error instanceof ConnectionError) return notProcessed(error.failure);
    if (this.#phase === 'preparing') return invalidRequest(error);
    if (this.#phase === 'connecting') return this.#notConnected(error);
    return this.#unusable(error);
  }

  /** The signal was aborted, or the timeout of the request is over. */
  #interrupted(): FailedExchange {
    const { signal, timeoutMs } = this.#request;
    if (signal.aborted)
      return {
        type: 'failure',
        cause: 'timeout',
        message: 'no response before the request was ended',
        mayHaveBeenProcessed: this.#phase === 'connected',
        isRetryable: false,
      };

    const limit = `within ${timeoutMs / 1000} s`;
    if (this.#phase === 'connected')
      return connectedBut(
        'no-response',
        `connected, but no complete response ${limit}`,
      );

    const isTunnelMissing = this.#proxy !== null && this.#socket === null;
    const culprit = isTunnelMissing
      ? `the proxy ${nameOf(this.#proxy)} opened no tunnel`
      : `${this.#url.host} did not respond${this.#throughProxy()}`;
    return notProcessed({
      cause: isTunnelMissing ? 'proxy' : 'network',
      message: `no connection ${limit}: ${culprit}`,
      isRetryable: true,
    });
  }

  #notConnected(error: Error): FailedExchange {
    const failure = explainConnectionError(error, this.#socket, this.#url.host);
    const message = failure.message + this.#throughProxy();
    return notProcessed({ ...failure, message });
  }

  /** What came, if anything, is no response that may be used. */
  #unusable(error: Error): FailedExchange {
    if (isNotHttp(error))
      return connectedBut(
        'invalid-response',
        `the response is not HTTP: ${error.message}`,
      );

    if (isNotDecodable(error)) {
      const coding = this.#response?.headers.get('content-encoding');
      return connectedBut(
        'invalid-response',
        `the response is not ${coding}: ${error.message}`,
      );
    }

    return connectedBut(
      'no-response',
      `connected, but no complete response: ${textOf(error)}`,
    );
  }

  /** The end of a sentence about a connection. */
  #throughProxy(): string {
    return this.#proxy ? `, through the proxy ${nameOf(this.#proxy)}` : '';
  }
}

function connectedBut(
  cause: 'too-large' | 'invalid-response' | 'no-response',
  message: string,
): FailedExchange {
  return {
    type: 'failure',
    cause,
    message,
    mayHaveBeenProcessed: true,
    // A response that is too large is as large the next time.
    isRetryable: cause !== 'too-large',
  };
}

/** The codes of zlib start with `Z_`, and those of Brotli with `ERR__`. */
function isNotDecodable(error: Error): boolean {
  return /^(Z_|ERR__)/.test(codeOf(error));
}
