import http, { type Agent, type AgentOptions, type ClientRequest, type IncomingMessage } from 'node:http';
import { getProxyUrl } from '@actions/http-client/lib/proxy';
import { wholeMs } from '../clock.ts';

/** One HTTP request as data. */
export interface WireRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** When to give the answer up, body included, in milliseconds from now. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
}

/** One HTTP answer as data; header names are in lower case. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const REASONS = {
  deadline: 'no answer in time',
  cancelled: 'cancelled before it was answered',
  'too-large': 'the answer is too large',
  network: 'the connection failed',
  proxy: 'the proxy did not let the request through',
} as const;

/** No answer, or none that may be used: `reason` says which limit was hit, `cause` what the network said. */
export class TransportError extends Error {
  readonly reason: keyof typeof REASONS;
  /** HTTP status with which a proxy refused to connect; else 0. */
  readonly status: number;
  constructor(reason: TransportError['reason'], cause?: unknown, status = 0) {
    super(REASONS[reason], { cause });
    this.reason = reason;
    this.status = status;
  }
}

/** Sends one request and resolves with the whole answer, whatever its status. Throws TransportError only. */
export type Transport = (request: WireRequest) => Promise<WireAnswer>;

/** A page of 100 recipients is far below this; what is above it is no answer of the API. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const MAX_SOCKETS = 4;

/**
 * Opens the one HTTP client of a run: one keep-alive agent for each proxy or direct route (no keep-alive any more once
 * a connection that was kept turned out to be dead), no redirects, a limit on time and size of every answer. Proxies
 * are chosen as the runner chooses them, from HTTPS_PROXY, HTTP_PROXY and NO_PROXY; loopback is always direct.
 * @returns the transport, and `close` to drop idle connections
 */
export function openTransport(): { transport: Transport; close: () => void } {
  const routes = new Map<string, Promise<Route>>();
  let keepAlive = true;

  function routeTo(url: URL): { key: string; route: Promise<Route> } {
    const proxy = getProxyUrl(url)?.href;
    const key = `${url.protocol} ${proxy ?? ''} ${keepAlive}`;
    const route = routes.get(key) ?? openRoute(url, proxy, { keepAlive, maxSockets: MAX_SOCKETS });
    routes.set(key, route);
    return { key, route };
  }

  const transport: Transport = async ({ method, url, headers, body, deadlineMs, signal }) => {
    let request: ClientRequest | undefined;
    let giveUp = (_: Error) => {};
    let ended: TransportError['reason'] | undefined;
    let proxyStatus = 0;
    const end = (reason: TransportError['reason']) => {
      ended ??= reason;
      // While an agent still looks for a socket, or when an upgrade was answered, it does not say that it is destroyed.
      request?.destroy();
      giveUp(new Error(reason));
    };
    const cancel = () => end('cancelled');
    const timer = setTimeout(end, wholeMs(deadlineMs), 'deadline');
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
    const { key, route } = routeTo(new URL(url));
    try {
      const { agent, send } = await route;
      if (ended) throw new Error(ended);
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        giveUp = reject;
        request = send(url, { method, headers, agent }, resolve).on('error', reject);
        request.on('close', () => reject(new Error('the connection was closed before an answer')));
        request.on('proxyConnect', ({ statusCode }: { statusCode: number }) => {
          proxyStatus = statusCode;
        });
        request.end(body);
      });
      // Without a tunnel there was no TLS: what was said is the proxy's, also where it looks like an answer.
      if (proxyStatus !== 0 && proxyStatus !== 200) end('proxy');
      const text = await read(answer, () => end('too-large'));
      if (ended) throw new Error(ended);
      return { status: answer.statusCode ?? 0, headers: flat(answer), body: text };
    } catch (error) {
      // An agent never learns that it got no socket from a proxy, and after four of them waits for ever.
      if (!request?.socket && routes.get(key) === route) routes.delete(key);
      // Some servers close connections without a word; then a request that soon follows another is lost every time.
      if (request?.reusedSocket && !ended) keepAlive = false;
      request?.destroy();
      throw new TransportError(ended ?? 'network', ended ? undefined : error, proxyStatus);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', cancel);
    }
  };

  const close = () => {
    for (const route of routes.values()) route.then(({ agent }) => agent.destroy()).catch(() => {});
  };
  return { transport, close };
}

interface Route {
  readonly agent: Agent;
  readonly send: typeof http.request;
}

/** TLS and the proxy agent are loaded only where they are needed. */
async function openRoute(url: URL, proxy: string | undefined, options: AgentOptions): Promise<Route> {
  const { default: https } = url.protocol === 'https:' ? await import('node:https') : { default: null };
  const send = https?.request ?? http.request;
  if (proxy) {
    // Its debug output would show the password of the proxy.
    delete process.env['DEBUG'];
    const { HttpsProxyAgent } = await import('https-proxy-agent');
    return { agent: new HttpsProxyAgent(proxy, options), send };
  }
  return { agent: https ? new https.Agent(options) : new http.Agent(options), send };
}

/** Takes an answer in by its events: to iterate over it would load several more modules at every start. */
function read(answer: IncomingMessage, tooLarge: () => void): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  if (Number(answer.headers['content-length']) > MAX_ANSWER_BYTES) tooLarge();
  return new Promise((resolve, reject) => {
    answer.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MAX_ANSWER_BYTES) chunks.push(chunk);
      else tooLarge();
    });
    answer.on('end', () => resolve(Buffer.concat(chunks).toString()));
    answer.on('error', reject).on('close', () => reject(new Error('the answer was cut short')));
  });
}

function flat(answer: IncomingMessage): Record<string, string> {
  const pairs = Object.entries(answer.headers);
  return Object.fromEntries(pairs.map(([name, value]) => [name, [value].flat().join(', ')]));
}
