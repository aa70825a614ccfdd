/**
 * A client on an HTTP client that is a plain function, and on a clock that
 * jumps from one event to the next.
 */
import { startDeadline } from '../../src/clock.ts';
import {
  CloudflareClient,
  type Delay,
  type Envelope,
} from '../../src/cloudflare/client.ts';
import type {
  FailedExchange,
  HttpRequest,
  HttpResponse,
} from '../../src/cloudflare/http-client.ts';
import type {
  PageInfo,
  RecipientPages,
} from '../../src/cloudflare/recipient-pages.ts';
import { ShareApi } from '../../src/cloudflare/share.ts';
import type { Clean, Credentials, Inputs } from '../../src/domain.ts';
import {
  INPUTS,
  clean as plainClean,
  received,
  type SentResponse,
} from '../builders.ts';
import { VirtualClock } from '../virtual-clock.ts';

/**
 * What a request is responded with; `hang` lets it wait until it is aborted or
 * out of time.
 */
export type Reply = Partial<SentResponse> | FailedExchange | 'hang';

/** A request as the API sees it. */
export interface Sent extends HttpRequest {
  readonly atMs: number;
  /**
   * Below the recipients of the share, with the query:
   * `?include_resources=true`, `/id`.
   */
  readonly path: string;
}

export interface ScriptedOptions {
  readonly timeoutMs?: number;
  /** How long every exchange takes. */
  readonly tookMs?: number | ((request: Sent) => number);
  readonly random?: number;
  readonly credentials?: Credentials;
  readonly clean?: Clean;
  readonly inputs?: Partial<Inputs>;
}

/** The body of a success. */
export function ok(result: unknown, more: object = {}): Partial<SentResponse> {
  const body = { success: true, errors: [], messages: [], result, ...more };
  return { body: JSON.stringify(body) };
}

/** The response to a request that Cloudflare rejects. */
export function rejection(
  status: number,
  code = 1,
  headers: Record<string, string> = {},
): Partial<SentResponse> {
  const errors = [{ code, message: 'said' }];
  const body = JSON.stringify({ success: false, errors });
  return { status, headers, body };
}

/** No response: the connection was cut after the request was sent. */
export function noResponse(more: Partial<FailedExchange> = {}): FailedExchange {
  return {
    type: 'failure',
    cause: 'no-response',
    message: 'connection cut',
    mayHaveBeenProcessed: true,
    isRetryable: true,
    ...more,
  };
}

/** No connection: nothing was sent. */
export const NO_CONNECTION = noResponse({
  cause: 'network',
  message: 'no connection',
  mayHaveBeenProcessed: false,
});

/** What comes of a request that is never responded to. */
export function hung({ timeoutMs, signal }: HttpRequest): FailedExchange {
  if (!signal.aborted) {
    return noResponse({ message: `no response within ${timeoutMs} ms` });
  }
  const message = 'no response before the request was ended';
  return noResponse({ cause: 'timeout', message, isRetryable: false });
}

/**
 * Opens the API of one run. `respond` is asked for every request, with its
 * number from 1.
 */
export function openApi(
  respond: (request: Sent, number: number) => Reply,
  {
    timeoutMs = 600_000,
    tookMs = 0,
    random = 0.5,
    credentials = INPUTS.credentials,
    clean = plainClean,
    inputs,
  }: ScriptedOptions = {},
) {
  const clock = new VirtualClock();
  const cancel = new AbortController();
  const deadline = startDeadline(clock, timeoutMs, cancel.signal);
  const requests: Sent[] = [];
  const delays: Delay[] = [];

  async function http(request: HttpRequest): Promise<HttpResponse> {
    const path = request.url.replace(/^.*\/recipients/, '');
    const sent = { ...request, atMs: clock.now(), path };
    requests.push(sent);
    const reply = respond(sent, requests.length);
    if (reply === 'hang') {
      await clock.sleep(request.timeoutMs, request.signal);
      return hung(request);
    }
    const ms = typeof tookMs === 'number' ? tookMs : tookMs(sent);
    await clock.sleep(ms, request.signal);
    if (request.signal.aborted && ms > 0) return hung(request);
    if (reply.type === 'failure') return reply;
    const response = { status: 200, headers: {}, body: '', ...reply } as const;
    return received({ ...response, type: 'response' }, request.takeItem);
  }

  const client = new CloudflareClient({
    apiUrl: 'https://api.test/v4',
    credentials,
    userAgent: 'test',
    http,
    clock,
    deadline,
    random: () => random,
    clean,
    onDelay: (delay) => delays.push(delay),
  });
  const share = new ShareApi(client, { ...INPUTS, ...inputs }, clean);
  return { clock, cancel, deadline, client, share, requests, delays };
}

/** Reads a page as the client does. */
export function readPage(pages: RecipientPages, envelope: Envelope): PageInfo {
  const { request, result } = envelope;
  const { takeItem, decode } = pages.newPage(request);
  for (const item of Array.isArray(result) ? result : []) takeItem?.(item);
  return decode(envelope);
}
