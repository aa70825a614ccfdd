import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ApiError,
  asApiError,
  fromExchange,
  fromResponse,
  fromUnreadable,
  provesBadCredentials,
  type RequestName,
} from '../../src/cloudflare/api-error.ts';
import type { ReceivedResponse } from '../../src/cloudflare/http-client.ts';
import { clean } from '../builders.ts';
import { NO_CONNECTION, noResponse } from './scripted-api.ts';

const NOW = Date.parse('2026-11-23T10:00:00Z');
const RAY = { 'cf-ray': '8f1e-FRA' };
const PAGE = '<html>';

const POST: RequestName = {
  kind: 'create',
  method: 'POST',
  text: 'POST …/recipients',
};
const GET: RequestName = {
  kind: 'list',
  method: 'GET',
  text: 'GET …/recipients',
};

/** A response of Cloudflare, unless its headers say otherwise. */
function errorOf(
  response: Partial<ReceivedResponse>,
  request = POST,
): ApiError {
  const complete = {
    type: 'response',
    status: 400,
    headers: RAY,
    body: '',
    ...response,
  } as const;
  return fromResponse(request, complete, NOW, clean);
}

/** `cause outcome`, and `retryable` where it is. */
function meaning({ failure, isRetryable, outcome }: ApiError): string {
  return `${failure.cause} ${outcome}${isRetryable ? ' retryable' : ''}`;
}

const json = (status: number, value: unknown, headers = RAY) => ({
  status,
  headers,
  body: JSON.stringify(value),
});
const coded = (status: number, code: unknown, more: object = {}) =>
  json(status, { success: false, errors: [{ code, ...more }] });
/** What Cloudflare did not send. */
const foreign = (status: number, value?: unknown) => ({
  status,
  headers: {} as typeof RAY,
  body: value === undefined ? PAGE : JSON.stringify(value),
});

describe('a request without a response', () => {
  it.each([
    [
      'that may have been processed has an unknown outcome',
      noResponse(),
      'no-response unknown retryable',
    ],
    [
      'that may have been processed, and cannot succeed later',
      noResponse({ cause: 'too-large', isRetryable: false }),
      'too-large unknown',
    ],
    [
      'that never reached a server was not processed',
      NO_CONNECTION,
      'network notProcessed retryable',
    ],
    [
      'that can never reach one is rejected',
      { ...NO_CONNECTION, cause: 'proxy', isRetryable: false },
      'proxy rejected',
    ],
  ] as const)('%s', (_, exchange, expected) => {
    expect(meaning(fromExchange(POST, exchange, clean))).toBe(expected);
  });

  it('is described by what happened, on one line, and names the request', () => {
    const message = `cut\noff${' x'.repeat(600)}`;
    const error = fromExchange(POST, noResponse({ message }), clean);
    expect(error.failure.reason).toMatch(/^cut off x/);
    expect(error.failure.reason).toHaveLength(1_000);
    expect(error.failure.request).toEqual({
      kind: 'create',
      detail: 'POST …/recipients',
      code: null,
      documentationUrl: null,
    });
    expect(error.retryAfterMs).toBe(0);
  });
});

describe('a response to a write', () => {
  it.each<[string, Partial<ReceivedResponse>, string]>([
    ['429', { status: 429 }, 'rate-limit notProcessed retryable'],
    [
      '429 with a code of bad credentials',
      coded(429, 10000),
      'rate-limit notProcessed retryable',
    ],
    [
      '429 that must not be retried',
      json(429, { retryable: false }),
      'rate-limit rejected',
    ],
    [
      '200 without a success',
      json(200, { success: false, errors: [] }),
      'invalid-response unknown retryable',
    ],
    [
      '200 with a code of bad credentials',
      coded(200, 10000),
      'authentication rejected',
    ],
    ['200 with the code of a route', coded(200, 7003), 'route rejected'],
    [
      '299 that is a page',
      { status: 299, body: PAGE },
      'invalid-response unknown retryable',
    ],
    ['300', { status: 300 }, 'invalid-response rejected'],
    ['399', { status: 399, body: PAGE }, 'invalid-response rejected'],
    ['code 7000', coded(400, 7000), 'route rejected'],
    [
      'code 7003 as the cause of another',
      coded(404, 1, { error_chain: [{ code: 7003 }] }),
      'route rejected',
    ],
    [
      'a route, whatever else is wrong',
      json(400, { errors: [{ code: 10000 }, { code: 7003 }] }),
      'route rejected',
    ],
    ['409', coded(409, 1), 'conflict conflict retryable'],
    ['408', coded(408, 1), 'server unknown retryable'],
    ['425', coded(425, 1), 'server unknown retryable'],
    ['400 with another code', coded(400, 1017), 'rejected rejected'],
    ['403 with another code', coded(403, 1017), 'rejected rejected'],
    ['404 with another code', coded(404, 1004), 'rejected rejected'],
    ['401 with any code', coded(401, 1234), 'authentication rejected'],
    [
      '401 in plain JSON of Cloudflare',
      json(401, { error: 'no' }),
      'authentication rejected',
    ],
    [
      '403 without a code',
      json(403, { success: false, errors: [] }),
      'authentication rejected',
    ],
    [
      '403 without a code, an envelope without a cf-ray',
      foreign(403, { errors: [] }),
      'authentication rejected',
    ],
    [
      '403 in plain JSON of Cloudflare',
      json(403, { message: 'no' }),
      'authentication rejected',
    ],
    [
      '403 in plain JSON of something else',
      foreign(403, { message: 'no' }),
      'blocked unknown retryable',
    ],
    [
      '401 in plain JSON of something else',
      foreign(401, {}),
      'blocked unknown retryable',
    ],
    [
      '403 of the edge, with an error_code',
      json(403, { title: 'no', error_code: 1020 }),
      'blocked unknown retryable',
    ],
    [
      'the edge that must not be asked again',
      json(403, { error_code: 1, retryable: false }),
      'blocked unknown',
    ],
    [
      'an envelope that has an error_code too',
      json(400, { success: false, error_code: 1 }),
      'rejected rejected',
    ],
    [
      'only `errors`, which is an envelope',
      foreign(400, { errors: [{ code: 1 }] }),
      'rejected rejected',
    ],
    ['400 as plain JSON', json(400, {}), 'rejected rejected'],
    [
      '403 that is a page',
      { status: 403, body: PAGE },
      'blocked unknown retryable',
    ],
    [
      '409 that is a page',
      { status: 409, body: PAGE },
      'blocked unknown retryable',
    ],
    ['404 that is empty', { status: 404 }, 'blocked unknown retryable'],
    ['404 that is a list', json(404, []), 'blocked unknown retryable'],
    [
      '500 that is a page',
      { status: 500, body: PAGE },
      'server unknown retryable',
    ],
    ['500 of something else', foreign(500), 'blocked unknown retryable'],
    [
      '500 that is an envelope without a cf-ray',
      foreign(500, { success: false }),
      'server unknown retryable',
    ],
    [
      '500 with a code of bad credentials',
      coded(500, 10000),
      'server unknown retryable',
    ],
    ['501', { status: 501 }, 'server rejected'],
    ['505', { status: 505 }, 'server rejected'],
    ['524', { status: 524 }, 'server unknown retryable'],
    [
      '525, which never reached the origin',
      { status: 525 },
      'server notProcessed retryable',
    ],
    [
      '526, which never reached the origin',
      { status: 526 },
      'server notProcessed retryable',
    ],
    ['526 of something else', foreign(526), 'blocked unknown retryable'],
    [
      '525 that must not be retried',
      json(525, { retryable: false }),
      'server rejected',
    ],
    [
      '502 that must not be retried',
      json(502, { retryable: false }),
      'server unknown',
    ],
    [
      '502 that may be retried',
      json(502, { retryable: true }),
      'server unknown retryable',
    ],
  ])('%s', (_, response, expected) => {
    expect(meaning(errorOf(response))).toBe(expected);
  });

  it.each([1001, 6003, 6103, 6111, 9103, 9106, 9109, 10000, 10001, 10405])(
    'with code %d, even as a cause, means that authentication failed',
    (code) => {
      const chain = { error_chain: [{ code: 2 }, { code }] };
      for (const status of [400, 401, 403, 404, 499]) {
        for (const one of [coded(status, code), coded(status, 1, chain)]) {
          expect(meaning(errorOf(one))).toBe('authentication rejected');
        }
      }
    },
  );

  it.each([1002, 6004, 9104, 10002, '10000', null])(
    'with code %j says nothing of credentials',
    (code) => {
      expect(errorOf(coded(404, code)).failure.cause).toBe('rejected');
    },
  );

  it('proves that no write can succeed, unless its code is the unstable 10001', () => {
    const proves = (response: Partial<ReceivedResponse>) =>
      provesBadCredentials(errorOf(response));
    expect([10000, 10001].map((code) => proves(coded(403, code)))).toEqual([
      true,
      false,
    ]);
    expect(proves(coded(401, 10001))).toBe(false);
    expect(proves(coded(401, 5))).toBe(true);
    expect(proves(json(401, { error: 'no' }))).toBe(true);
    expect(proves(coded(403, 1017))).toBe(false);
  });
});

describe('a response to a read', () => {
  it.each<[string, Partial<ReceivedResponse>, string]>([
    ['404', coded(404, 1004), 'not-found rejected'],
    ['405', coded(405, 1004), 'rejected rejected'],
    ['10000', coded(403, 10000), 'authentication rejected'],
    [
      '10001, which comes with failures of the server too',
      coded(403, 10001),
      'authentication rejected retryable',
    ],
    ['10001 with 401', coded(401, 10001), 'authentication rejected retryable'],
    [
      '10001 as the cause of another code',
      coded(400, 6003, { error_chain: [{ code: 10001 }] }),
      'authentication rejected',
    ],
    [
      '10001 that must not be retried',
      json(403, { errors: [{ code: 10001 }], retryable: false }),
      'authentication rejected',
    ],
  ])('%s', (_, response, expected) => {
    expect(meaning(errorOf(response, GET))).toBe(expected);
  });
});

describe('an error', () => {
  const code = { code: 1017, message: 'said' };

  it('names the request, the status, the ray and the first code', () => {
    const { failure, message } = errorOf(json(403, { errors: [code] }));
    expect(failure).toEqual({
      cause: 'rejected',
      reason: 'said (code 1017)',
      request: {
        kind: 'create',
        detail: 'POST …/recipients, HTTP 403, cf-ray 8f1e-FRA',
        code: 1017,
        documentationUrl: null,
      },
    });
    expect(message).toBe(
      'said (code 1017) (POST …/recipients, HTTP 403, cf-ray 8f1e-FRA)',
    );
  });

  it('has the first code that is a number, even of a cause', () => {
    const codeOf = (errors: unknown) =>
      errorOf(json(400, { errors })).failure.request.code;
    expect(codeOf([null, 'x', 5, { code: '9' }, { code: 7 }])).toBe(7);
    expect(codeOf([{ error_chain: [null, { code: 8 }] }])).toBe(8);
    expect(codeOf({ code: 7 })).toBeNull();
    expect(codeOf([{ error_chain: { code: 8 } }])).toBeNull();
  });

  it('comes of any response, whatever somebody has made of its body', () => {
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constant({ toString: null }),
    );
    const entry = fc.record({
      code: fc.oneof(value, fc.constantFrom(10000, 7003)),
      message: value,
      source: value,
      error_chain: fc.oneof(value, fc.array(value, { maxLength: 3 })),
      documentation_url: value,
    });
    const body = fc.record(
      {
        success: value,
        errors: fc.array(fc.oneof(entry, value), { maxLength: 3 }),
        messages: value,
        retryable: value,
        retry_after: value,
        error_code: value,
      },
      { requiredKeys: [] },
    );
    const status = fc.integer({ min: 100, max: 599 });
    const request = fc.constantFrom(POST, GET);
    fc.assert(
      fc.property(status, body, request, (code, said, sent) => {
        const error = errorOf(json(code, said), sent);
        expect(error).toBeInstanceOf(ApiError);
        expect(error.message).toMatch(/^[^\r\n]+$/);
        expect(error.retryAfterMs).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('says that a response without a cf-ray is not from Cloudflare', () => {
    expect(errorOf(foreign(502)).failure.request.detail).toBe(
      'POST …/recipients, HTTP 502, not from Cloudflare (no cf-ray)',
    );
    const headers = { 'cf-ray': `x\n${'y'.repeat(99)}` };
    const { detail } = errorOf({ status: 502, headers }).failure.request;
    expect(detail).toMatch(/cf-ray x y{61}…$/);
  });

  it.each([
    ['https://developers.cloudflare.com/fundamentals/api/?x=1#y', true],
    ['http://developers.cloudflare.com/x', false],
    ['https://developers.cloudflare.com.evil.example/', false],
    ['https://evil.example/https://developers.cloudflare.com/', false],
    ['https://developers.cloudflare.com/a b', false],
    ['https://developers.cloudflare.com/"><img', false],
    [`https://developers.cloudflare.com/${'x'.repeat(201)}`, false],
    [5, false],
  ])('shows documentation only of Cloudflare: %s', (url, isShown) => {
    const error = errorOf(coded(400, 1, { documentation_url: url }));
    const shown = error.failure.request.documentationUrl;
    expect(shown).toBe(isShown ? url : null);
  });

  it.each<[string, Partial<ReceivedResponse>, number]>([
    ['a header', { status: 429, headers: { 'retry-after': '7' } }, 7_000],
    ['a member', json(503, { retry_after: 3 }), 3_000],
    [
      'a header, which counts before a member',
      { ...json(503, { retry_after: 3 }), headers: { 'retry-after': '0' } },
      0,
    ],
    ['no number', json(503, { retry_after: 'soon' }), 0],
    ['a list with a number', json(503, { retry_after: [3] }), 0],
    ['a negative number', json(503, { retry_after: -1 }), 0],
    ['no sensible number', json(503, { retry_after: 1e9 }), 0],
    ['nothing', { status: 503 }, 0],
    [
      'a date',
      {
        status: 503,
        headers: { 'retry-after': 'Mon, 23 Nov 2026 10:00:30 GMT' },
      },
      30_000,
    ],
  ])('asks to wait with %s', (_, response, ms) => {
    expect(errorOf(response).retryAfterMs).toBe(ms);
  });

  it('of a 2xx that cannot be read leaves the outcome open', () => {
    const error = fromUnreadable(POST, '`result` is null');
    expect(meaning(error)).toBe('invalid-response unknown retryable');
    expect(error.message).toBe(
      'the response is not one of the Shares API: `result` is null (POST …/recipients)',
    );
    const { kind, code, documentationUrl } = error.failure.request;
    expect([kind, code, documentationUrl]).toEqual(['create', null, null]);
  });

  it('becomes a value, and no other exception does', () => {
    const error = errorOf({});
    expect(asApiError(error)).toBe(error);
    expect(() => asApiError(new TypeError('a bug'))).toThrow('a bug');
  });
});
