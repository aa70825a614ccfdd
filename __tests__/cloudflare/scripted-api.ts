/**
 * A client on an HTTP client that is a plain function, and on a clock that
 * jumps from one event to the next.
 */
import { startDeadline } from '../../src/clock.ts';
import type { Clean } from '../../src/cloudflare/api-error.ts';
import { createClient } from '../../src/cloudflare/client.ts';
import type {
  HttpRequest,
  HttpResponse,
} from '../../src/cloudflare/http-client.ts';
import { openShares } from '../../src/cloudflare/shares.ts';
import type { Inputs } from '../../src/inputs.ts';
import { INPUTS, clean as plainClean } from '../builders.ts';
import { VirtualClock } from '../virtual-clock.ts';

/**
 * What a request is responded with; `hang` lets it wait until it is aborted or
 * out of time.
 */
export type Reply = Partial<HttpResponse> | 'hang';

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
  readonly tookMs?: number;
  readonly random?: number;
  readonly credentials?: Record<string, string>;
  readonly clean?: Clean;
  readonly inputs?: Partial<Inputs>;
}

/** The body of a success. */
export function ok(result: unknown, more: object = {}): Partial<HttpResponse> {
  return {
    body: JSON.stringify({
      success: true,
      errors: [],
      messages: [],
      result,
      ...more,
    }),
  };
}

/** The response to a request that Cloudflare rejects. */
export function rejection(
  status: number,
  code = 1,
  headers: Record<string, string> = {},
): Partial<HttpResponse> {
  return {
    status,
    headers,
    body: JSON.stringify({
      success: false,
      errors: [{ code, message: 'said' }],
    }),
  };
}

/** No response: the connection failed. */
export function noResponse(
  code = 'ECONNRESET',
  isSent = true,
): Partial<HttpResponse> {
  return { status: 0, error: { code, message: code, isSent } };
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
    credentials = {},
    clean = plainClean,
    inputs,
  }: ScriptedOptions = {},
) {
  const clock = new VirtualClock();
  const cancel = new AbortController();
  const deadline = startDeadline(clock, timeoutMs, cancel.signal);
  const requests: Sent[] = [];
  const delays: [reason: string, waitMs: number][] = [];

  async function http(request: HttpRequest): Promise<HttpResponse> {
    const path = request.url.replace(/^.*\/recipients/, '');
    const sent = { ...request, atMs: clock.now(), path };
    requests.push(sent);
    const reply = respond(sent, requests.length);
    if (reply !== 'hang') {
      await clock.sleep(tookMs, request.signal);
      return { status: 200, headers: {}, body: '', ...reply };
    }
    await clock.sleep(request.timeoutMs, request.signal);
    await clock.sleep(tookMs);
    const [code, message] = request.signal.aborted
      ? ['ABORTED', 'no response before the step ended']
      : ['TIMEOUT', 'no response'];
    return {
      status: 0,
      headers: {},
      body: '',
      error: { code, message, isSent: true },
    };
  }

  const client = createClient({
    apiUrl: 'https://api.test/v4',
    credentials,
    userAgent: 'test',
    http,
    clock,
    deadline,
    random: () => random,
    clean,
    onDelay: (reason, waitMs) =>
      delays.push([
        typeof reason === 'string' ? reason : reason.message,
        waitMs,
      ]),
  });
  const shares = openShares(client, { ...INPUTS, ...inputs }, clean);
  return { clock, cancel, deadline, client, shares, requests, delays };
}
