/*
 * What is the same for a connection to the API and for one to a proxy: its
 * options, and what it means that it was not made.
 */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Environment } from '../domain.ts';

/** For every agent and every connection, those to a proxy included. */
export const CONNECTION_OPTIONS = {
  keepAlive: true,
  /**
   * Explicit, because NODE_TLS_REJECT_UNAUTHORIZED=0 would otherwise switch
   * verification off.
   */
  rejectUnauthorized: true,
  /**
   * Explicit, because NODE_OPTIONS=--tls-min-v1.0 would otherwise allow TLS
   * that is known to be broken.
   */
  minVersion: 'TLSv1.2',
  /**
   * A TCP handshake may take longer than Node's default of 250 ms, after which
   * Node gives up an address, even the last one.
   */
  autoSelectFamilyAttemptTimeout: 5_000,
} as const;

/** Why no connection was made. */
export interface ConnectionFailure {
  /** Why there is no connection: decides title and advice. */
  readonly cause:
    | 'network'
    | 'proxy'
    | 'certificate-untrusted'
    | 'certificate-invalid'
    | 'proxy-certificate-invalid';
  /** What happened, with the host that it happened to. */
  readonly message: string;
  /** May the next attempt succeed? */
  readonly isRetryable: boolean;
}

/** An exception for where Node passes on nothing but an error. */
export class ConnectionError extends Error {
  readonly failure: ConnectionFailure;

  constructor(failure: ConnectionFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/**
 * Certificates that would be valid with another set of authorities: codes of
 * https://nodejs.org/api/tls.html#x509-certificate-error-codes.
 */
const UNTRUSTED = new Set([
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Newer versions of Node add it: an option that an action cannot set. */
const NODE_ADVICE = /; if the root CA is installed locally, .*/;

/** OpenSSL's words for a first record that is not one of TLS. */
const NOT_TLS = /^(wrong version number|packet length too long)$/;

/**
 * Says why a connection was not made.
 *
 * @param error - what the socket, or the request on it, reported
 * @param socket - null where there was none yet
 * @param host - the peer, `host:port`
 */
export function explainConnectionError(
  error: Error,
  socket: Socket | null,
  host: string,
): ConnectionFailure {
  if (isCertificateRejected(socket))
    return {
      cause: UNTRUSTED.has(codeOf(error))
        ? 'certificate-untrusted'
        : 'certificate-invalid',
      message: error.message.replace(NODE_ADVICE, ''),
      isRetryable: false,
    };

  if (isNotTls(error))
    return {
      cause: 'network',
      message: `${host} does not speak TLS`,
      isRetryable: false,
    };

  return { cause: 'network', message: textOf(error), isRetryable: true };
}

/** Did the peer send something other than TLS? */
export function isNotTls(error: Error): boolean {
  return NOT_TLS.test(tlsReason(error) ?? '');
}

/** Did the peer send something other than HTTP, or too much of it? */
export function isNotHttp(error: Error): boolean {
  return codeOf(error).startsWith('HPE_');
}

/**
 * The text of an error. Node's AggregateError has one error for each address
 * of a host, and no message; OpenSSL's message is an address in memory and
 * lines of its source.
 */
export function textOf(error: Error): string {
  if (error instanceof AggregateError && error.errors.length > 0)
    return error.errors.map((attempt: Error) => attempt.message).join('; ');

  const reason = tlsReason(error);
  return reason === null ? error.message : `TLS failed: ${reason}`;
}

/**
 * What is wrong with NODE_EXTRA_CA_CERTS, which Node reads when it starts:
 * without a file, it goes on without these authorities. Null where nothing is.
 */
export function extraCaProblem(
  env: Environment,
  fileExists: (path: string) => boolean,
): string | null {
  const path = env['NODE_EXTRA_CA_CERTS'];
  if (!path || fileExists(path)) return null;

  return `NODE_EXTRA_CA_CERTS names "${path}", which does not exist`;
}

/**
 * Node sets `authorizationError` for every way in which a certificate can
 * fail. A list of codes would miss some: those that Node does not know, such
 * as a key that is too small, all have the code `UNSPECIFIED`.
 */
function isCertificateRejected(socket: Socket | null): boolean {
  return socket instanceof TLSSocket && Boolean(socket.authorizationError);
}

/**
 * `wrong version number` in `…:error:0A00010B:SSL routines:f:wrong version
 * number:file.c:77:`. The code is no help: it is `EPROTO` where a write fails.
 */
function tlsReason(error: Error): string | null {
  return /:SSL routines:[^:]*:([^:]+)/.exec(error.message)?.[1] ?? null;
}

/** Node's word for what happened; empty where an error has none. */
export function codeOf(error: Error): string {
  return String((error as NodeJS.ErrnoException).code ?? '');
}
