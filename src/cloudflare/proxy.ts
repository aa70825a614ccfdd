/*
 * The proxy of the runner: which one, its password, and the way through it.
 */
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP, isIPv6, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { checkBypass } from '@actions/http-client/lib/proxy';
import type { Environment } from '../domain.ts';
import {
  CONNECTION_OPTIONS,
  ConnectionError,
  type ConnectionFailure,
  explainConnectionError,
  isNotHttp,
  isNotTls,
} from './connection.ts';

/** A proxy for https, and where its address came from. */
export interface ProxyServer {
  /** With user and password, if it has them. */
  readonly url: URL;
  /** The variable that names it, for messages. */
  readonly variable: 'https_proxy' | 'HTTPS_PROXY';
}

/** For a request through a `TunnelAgent`. */
export interface TunnelOptions extends https.RequestOptions {
  /**
   * Ends a CONNECT that is under way. An agent does not learn from Node
   * that a request was destroyed before it had a socket.
   */
  readonly connectSignal: AbortSignal;
}

/** Those for https are used; the others may hold the same password. */
const VARIABLES = ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY'];
const SCHEME = /^[a-z][a-z\d+.-]*:\/\//i;
const MAX_SCHEMES = 4;

/**
 * Chooses the proxy as the runner does: `https_proxy` or `HTTPS_PROXY`, but
 * none for http, for loopback and for the hosts of `NO_PROXY`, which the
 * runner's own `checkBypass` reads from the environment of the process.
 *
 * @throws TypeError or URIError where the variable holds no address of a proxy
 */
export function proxyFor(url: URL, env: Environment): ProxyServer | null {
  const variable = proxyVariable(env);
  const address = env[variable]?.trim() ?? '';
  if (!address || url.protocol !== 'https:' || checkBypass(url)) return null;

  const proxy = parseProxy(address);
  if (proxy === null) throw new TypeError('not the address of a proxy');

  // Throws where it is not encoded, before the first request rather than at it.
  basicCredentials(proxy);
  return { url: proxy, variable };
}

/** The variable that counts, as in the runner. */
export function proxyVariable(env: Environment): ProxyServer['variable'] {
  return env['https_proxy'] ? 'https_proxy' : 'HTTPS_PROXY';
}

/** @returns null where the text is not the address of a proxy */
function parseProxy(address: string): URL | null {
  const text = SCHEME.test(address) ? address : `http://${address}`;
  if (!URL.canParse(text)) return null;

  const url = new URL(text);
  // A password that is not URL-encoded can end the host too early; the rest of
  // it then looks like a path.
  const isBare = `${url.pathname}${url.search}${url.hash}` === '/';
  return isBare && /^https?:$/.test(url.protocol) ? url : null;
}

/**
 * The passwords of all proxies in the environment, each in every form in which
 * it may appear: as it was written, as the URL parser writes it, and decoded.
 * Never a user name: GitHub drops an output that contains a masked word.
 */
export function proxyPasswords(env: Environment): string[] {
  const forms = VARIABLES.flatMap((name) =>
    passwordForms(env[name]?.trim() ?? ''),
  );
  return [...new Set(forms)].filter((form) => form !== '');
}

function passwordForms(address: string): string[] {
  // As the URL parser does: the user ends at the first colon, and the password
  // at the last `@`. An address that it rejects may hold a password too.
  const afterScheme = address.replace(SCHEME, '');
  const written = /^[^:]*:(.+)@/s.exec(afterScheme)?.[1] ?? '';

  const parsed = parseProxy(address)?.password ?? '';

  return [written, decode(written), parsed, decode(parsed)];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The value of `Proxy-Authorization` (RFC 7617); null without a user. */
function basicCredentials({ username, password }: URL): string | null {
  if (username === '') return null;

  const pair = decodeURIComponent(`${username}:${password}`);
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

/** What messages call a proxy: `proxy.corp.example:3128 (HTTPS_PROXY)`. */
export function nameOf({ url, variable }: ProxyServer): string {
  return `${url.hostname}:${portOf(url)} (${variable})`;
}

function portOf({ protocol, port }: URL): number {
  return Number(port) || (protocol === 'https:' ? 443 : 80);
}

type Connected = (error: Error | null, socket: Duplex) => void;

/**
 * Connects to https servers through a proxy, with CONNECT (RFC 9110, section
 * 9.3.6), and keeps the connections alive. What it reports as `ConnectionError`
 * failed before the server could see anything of a request.
 */
export class TunnelAgent extends https.Agent {
  readonly #proxy: ProxyServer;

  constructor(proxy: ProxyServer) {
    super(CONNECTION_OPTIONS);
    this.#proxy = proxy;
  }

  /** Called by Node for a request that finds no free connection. */
  override createConnection(
    options: TunnelOptions,
    connected: Connected,
  ): undefined {
    this.#openTunnel(options)
      .then((socket) => startTls(socket, options))
      .then(
        (socket) => connected(null, socket),
        (error) => connected(error, undefined as never),
      );
  }

  /** @throws ConnectionError */
  #openTunnel(options: TunnelOptions): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const request = this.#createRequest(options);

      request.once('connect', (response, socket, head) => {
        const rejection = this.#explainRejection(response, head);
        if (rejection === null) {
          resolve(socket);
          return;
        }
        socket.destroy();
        reject(new ConnectionError(rejection));
      });
      request.on('error', (error) =>
        reject(new ConnectionError(this.#explainError(error, request.socket))),
      );
      request.end();
    });
  }

  #createRequest(options: TunnelOptions): ClientRequest {
    const { url } = this.#proxy;
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const target = authorityOf(options);
    const credentials = basicCredentials(url);

    return (url.protocol === 'https:' ? https : http).request({
      ...CONNECTION_OPTIONS,
      agent: false,
      host,
      port: portOf(url),
      // Node would otherwise verify the proxy by the header `host`, and send
      // the password to anyone with a certificate of the target. An IP address
      // is no server name (RFC 6066, section 3); Node then verifies `host`.
      servername: isIP(host) ? '' : host,
      method: 'CONNECT',
      path: target,
      headers: {
        host: target,
        ...(credentials && { 'proxy-authorization': credentials }),
      },
      signal: options.connectSignal,
    });
  }

  /** @returns null where the proxy opened a tunnel: any 2xx does */
  #explainRejection(
    response: IncomingMessage,
    head: Buffer,
  ): ConnectionFailure | null {
    const status = Number(response.statusCode);
    const isOpen = status >= 200 && status < 300;
    const name = nameOf(this.#proxy);

    // A server with TLS waits for the client, so that this is no tunnel but a
    // page, such as the one of a captive portal.
    if (isOpen && head.length > 0)
      return {
        cause: 'proxy',
        message: `the proxy ${name} responded to CONNECT with HTTP ${status} and a body instead of a tunnel`,
        isRetryable: false,
      };
    if (isOpen) return null;

    // Without TLS, nothing shows that a response is Cloudflare's, so that only
    // its status is used.
    const credentials = basicCredentials(this.#proxy.url) ?? '';
    const challenges = response.headersDistinct['proxy-authenticate'] ?? [];
    const offer = status === 407 ? describeOffer(challenges, credentials) : '';
    return {
      cause: 'proxy',
      message: `the proxy ${name} rejected the connection with HTTP ${status}${offer}`,
      // A proxy that requires a password, or has a rule against the host, says
      // the same the next time.
      isRetryable: status >= 500,
    };
  }

  #explainError(error: Error, socket: Socket | null): ConnectionFailure {
    const { url, variable } = this.#proxy;
    const host = `${url.hostname}:${portOf(url)}`;

    if (isNotTls(error))
      return {
        cause: 'proxy',
        message: `${variable} says https://, but ${host} does not speak TLS; write http://`,
        isRetryable: false,
      };

    const failure = explainConnectionError(error, socket, host);
    if (failure.cause !== 'network')
      return {
        ...failure,
        cause:
          failure.cause === 'certificate-invalid'
            ? 'proxy-certificate-invalid'
            : failure.cause,
        message: `the certificate of the proxy ${host} (${variable}): ${failure.message}`,
      };

    // Something other than a proxy listens there, such as a SOCKS server.
    const isOther = isNotHttp(error);
    const problem = isOther
      ? 'sent no HTTP response to CONNECT'
      : 'made no connection';
    return {
      cause: 'proxy',
      message: `the proxy ${host} (${variable}) ${problem}: ${failure.message}`,
      isRetryable: !isOther,
    };
  }
}

/** `host:port` of the server behind a proxy (RFC 9112, section 3.2.3). */
function authorityOf({ host, port }: TunnelOptions): string {
  const name = isIPv6(`${host}`) ? `[${host}]` : host;
  return `${name}:${port}`;
}

function startTls(socket: Socket, options: TunnelOptions): Duplex {
  return tls.connect({ ...options, socket } as tls.ConnectionOptions);
}

/**
 * The schemes that the headers `Proxy-Authenticate` offer (RFC 9110, section
 * 11.7.1), as the end of a sentence; empty where they offer none.
 *
 * @param credentials - what a header may repeat, and a message must not
 */
function describeOffer(
  challenges: readonly string[],
  credentials: string,
): string {
  const secret = credentials.replace(/^Basic /, '');
  const schemes = challenges
    .flatMap(schemesIn)
    .filter((scheme) => scheme !== secret);
  if (schemes.length === 0) return '';

  const named = [...new Set(schemes)].slice(0, MAX_SCHEMES).join(', ');
  const isSupported = schemes.some((scheme) => /^basic$/i.test(scheme));
  return isSupported
    ? `; it offers ${named}`
    : `; it offers ${named}, and the action supports only Basic`;
}

/** The schemes of a list of challenges: `Digest realm="x, y", Basic`. */
function schemesIn(challenges: string): string[] {
  const parts = challenges.replace(/"(\\.|[^"\\])*"/g, '').split(',');
  // A scheme is followed by a space or by nothing, a parameter by `=`.
  const scheme = /^\s*([a-z][a-z\d-]{0,19})(?!\s*=)(?=\s|$)/i;
  return parts.flatMap((part) => scheme.exec(part)?.[1] ?? []);
}
