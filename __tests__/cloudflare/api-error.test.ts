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
import { clean, received, type SentResponse } from '../builders.ts';
import { NO_CONNECTION, noResponse } from './scripted-api.ts';

const NOW = Date.parse('2026-11-23T10:00:00Z');
const RAY: Record<string, string> = { 'cf-ray': '8f1e-FRA' };
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
function errorOf(response: Partial<SentResponse>, request = POST): ApiError {
  const complete = {
    type: 'response',
    status: 400,
    headers: RAY,
    body: '',
    ...response,
  } as const;
  return fromResponse(request, received(complete), NOW, clean);
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
const page = (status: number, body = PAGE) => ({ status, headers: RAY, body });
const empty = (status: number) => page(status, '');

// What Cloudflare did not send.
const NO_RAY = {};
const foreign = (status: number, value: unknown) => json(status, value, NO_RAY);
const foreignPage = (status: number) => ({ ...page(status), headers: NO_RAY });

describe('a request without a response', () => {
  const NEVER = { isRetryable: false };

  it.each([
    ['no-response unknown retryable', noResponse()],
    ['too-large unknown', noResponse({ ...NEVER, cause: 'too-large' })],
    ['network notProcessed retryable', NO_CONNECTION],
    ['proxy rejected', { ...NO_CONNECTION, ...NEVER, cause: 'proxy' }],
    ['timeout notProcessed', { ...NO_CONNECTION, ...NEVER, cause: 'timeout' }],
  ] as const)('means %s: %j', (expected, exchange) => {
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
  const chain = { error_chain: [{ code: 7003 }] };

  it.each<[string, Partial<SentResponse>]>([
    ['rate-limit notProcessed retryable', empty(429)],
    ['rate-limit notProcessed retryable', coded(429, 10000)],
    ['rate-limit rejected', json(429, { retryable: false })],
    ['blocked notProcessed retryable', foreignPage(429)],

    ['invalid-response unknown retryable', json(200, { success: false })],
    ['invalid-response unknown retryable', page(299)],
    ['invalid-response rejected', empty(300)],
    ['invalid-response rejected', page(399)],

    // Codes count before any status below 500; that of a route counts first.
    ['authentication rejected', coded(200, 10000)],
    ['route rejected', coded(200, 7003)],
    ['route rejected', coded(400, 7000)],
    ['route rejected', coded(404, 1, chain)],
    [
      'route rejected',
      json(400, { errors: [{ code: 10000 }, { code: 7003 }] }),
    ],

    ['conflict conflict retryable', coded(409, 1)],
    ['server unknown retryable', coded(408, 1)],
    ['server unknown retryable', coded(425, 1)],
    ['rejected rejected', coded(400, 1017)],
    ['rejected rejected', coded(403, 1017)],
    ['rejected rejected', coded(404, 1004)],

    // Both are about the caller, where Cloudflare sent them: 401 with any code,
    // and 403 without one.
    ['authentication rejected', coded(401, 1234)],
    ['authentication rejected', json(401, { error: 'no' })],
    ['authentication rejected', json(403, { success: false, errors: [] })],
    ['rejected rejected', foreign(403, { errors: [] })],
    ['rejected rejected', foreign(401, { errors: [{ code: 5 }] })],
    ['authentication rejected', json(403, { message: 'no' })],

    // Something in between: no envelope, and no cf-ray or no plain JSON.
    ['blocked unknown retryable', foreign(403, { message: 'no' })],
    ['blocked unknown retryable', foreign(401, {})],
    ['blocked unknown retryable', page(403)],
    ['blocked unknown retryable', page(409)],
    ['blocked unknown retryable', empty(404)],
    ['blocked unknown retryable', json(404, [])],
    // The edge sends an `error_code`.
    ['blocked unknown retryable', json(403, { title: 'no', error_code: 1020 })],
    ['blocked unknown', json(403, { error_code: 1, retryable: false })],
    ['rejected rejected', json(400, { success: false, error_code: 1 })],
    ['rejected rejected', foreign(400, { errors: [{ code: 1 }] })],
    ['rejected rejected', json(400, {})],

    ['server unknown retryable', page(500)],
    ['server unknown retryable', foreign(500, { success: false })],
    ['server unknown retryable', coded(500, 10000)],
    ['blocked unknown retryable', foreignPage(500)],
    ['server rejected', empty(501)],
    ['server rejected', empty(505)],
    ['server unknown retryable', empty(524)],
    ['server unknown', json(502, { retryable: false })],
    ['server unknown retryable', json(502, { retryable: true })],
    // These never reached the origin.
    ['server notProcessed retryable', empty(525)],
    ['server notProcessed retryable', empty(526)],
    ['server rejected', json(525, { retryable: false })],
    ['blocked unknown retryable', foreignPage(526)],
  ])('means %s: %j', (expected, response) => {
    expect(meaning(errorOf(response))).toBe(expected);
  });

  it.each([1001, 6003, 6103, 6111, 9103, 9106, 9109, 10000, 10001, 10405])(
    'with code %d, even as a cause, means that authentication failed',
    (code) => {
      const chain = { error_chain: [{ code: 2 }, { code }] };
      for (const status of [400, 401, 403, 404, 499]) {
        for (const response of [coded(status, code), coded(status, 1, chain)]) {
          expect(meaning(errorOf(response))).toBe('authentication rejected');
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

  it.each([
    [true, coded(403, 10000)],
    [false, coded(403, 10001)],
    [false, coded(401, 10001)],
    [true, coded(401, 5)],
    [true, json(401, { error: 'no' })],
    [false, coded(403, 1017)],
  ])(
    'proves that no write can succeed, unless its code is the unstable 10001: %j, %j',
    (isProof, response) => {
      expect(provesBadCredentials(errorOf(response))).toBe(isProof);
    },
  );
});

describe('a response to a read', () => {
  const errors = [{ code: 10001 }];
  const chain = { error_chain: errors };

  it.each<[string, Partial<SentResponse>]>([
    ['not-found rejected', coded(404, 1004)],
    ['rejected rejected', coded(405, 1004)],
    ['authentication rejected', coded(403, 10000)],
    // 10001 comes with failures of the server too.
    ['authentication rejected retryable', coded(403, 10001)],
    ['authentication rejected retryable', coded(401, 10001)],
    ['authentication rejected', coded(400, 6003, chain)],
    ['authentication rejected', json(403, { errors, retryable: false })],
  ])('means %s: %j', (expected, response) => {
    expect(meaning(errorOf(response, GET))).toBe(expected);
  });

  it.each([
    408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 525, 526, 530,
  ])('with HTTP %d may be read again, unless it says otherwise', (status) => {
    expect(errorOf(coded(status, 1), GET).isRetryable).toBe(true);
    expect(errorOf(page(status), GET).isRetryable).toBe(true);
    const final = json(status, { retryable: false });
    expect(errorOf(final, GET).isRetryable).toBe(false);
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
        title: value,
        error: value,
      },
      { requiredKeys: [] },
    );
    const text = fc.oneof(
      fc.string(),
      body.map((said) => JSON.stringify(said)),
    );
    const status = fc.integer({ min: 100, max: 599 });
    const request = fc.constantFrom(POST, GET);
    fc.assert(
      fc.property(status, text, request, (code, said, sent) => {
        const error = errorOf(page(code, said), sent);
        expect(error).toBeInstanceOf(ApiError);
        expect(error.failure.reason).toMatch(/^[^\r\n]+$/);
        expect(error.message).toMatch(/^[^\r\n]+$/);
        expect(error.retryAfterMs).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('says that a response without a cf-ray is not from Cloudflare', () => {
    expect(errorOf(foreignPage(502)).failure.request.detail).toBe(
      'POST …/recipients, HTTP 502, not from Cloudflare (no cf-ray)',
    );
    // It is taken for one of the API.
    expect(errorOf(foreign(403, { errors: [] })).failure.request.detail).toBe(
      'POST …/recipients, HTTP 403, no cf-ray',
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

  const after = (value: string) => ({ ...RAY, 'retry-after': value });
  it.each<[number, Partial<SentResponse>]>([
    [7_000, { status: 429, headers: after('7') }],
    [30_000, { headers: after('Mon, 23 Nov 2026 10:00:30 GMT') }],
    [3_000, json(503, { retry_after: 3 })],
    [0, json(503, { retry_after: 3 }, after('0'))],
    [0, json(503, { retry_after: 'soon' })],
    [0, json(503, { retry_after: [3] })],
    [0, json(503, { retry_after: -1 })],
    [0, json(503, { retry_after: 1e9 })],
    [0, empty(503)],
  ])(
    'asks to wait %d ms, in a header or else in a member: %j',
    (ms, response) => {
      expect(errorOf(response).retryAfterMs).toBe(ms);
    },
  );

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
