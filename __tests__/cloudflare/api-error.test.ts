import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ApiError,
  parseObject,
  toApiError,
} from '../../src/cloudflare/api-error.ts';
import type {
  HttpError,
  HttpResponse,
} from '../../src/cloudflare/http-client.ts';
import { clean } from '../builders.ts';

const NOW = Date.parse('2026-11-23T10:00:00Z');

function errorOf(
  response: Partial<HttpResponse>,
  request = 'POST …/recipients',
): ApiError {
  return toApiError(
    request,
    { status: 200, headers: {}, body: '', ...response },
    NOW,
    clean,
  );
}

/** `failure outcome`, and `retryable` where it is. */
function classified(response: Partial<HttpResponse>, request?: string): string {
  const { failure, retryable, outcome } = errorOf(response, request).is;
  return `${failure} ${outcome}${retryable ? ' retryable' : ''}`;
}

const network = (code: string, more: Partial<HttpError> = {}) => ({
  status: 0,
  error: { code, message: 'it failed', isSent: true, ...more },
});
const json = (status: number, value: unknown) => ({
  status,
  body: JSON.stringify(value),
});
const coded = (status: number, code: number, more: object = {}) =>
  json(status, {
    success: false,
    errors: [{ code, message: 'said', ...more }],
  });

describe('a request without a response', () => {
  it.each<[string, Partial<HttpResponse>, string]>([
    [
      'cut short by the end of the step',
      network('ABORTED'),
      'interrupted unknown',
    ],
    [
      'with a response over the limit',
      network('TOO_LARGE'),
      'too-large unknown',
    ],
    ['that took too long', network('TIMEOUT'), 'network unknown retryable'],
    [
      'on a connection that was reset',
      network('ECONNRESET'),
      'network unknown retryable',
    ],
    ['for a reason without a code', network(''), 'network unknown retryable'],
    [
      'with a response that is not HTTP',
      network('HPE_INVALID_CONSTANT'),
      'invalid-response unknown retryable',
    ],
    [
      'to a host without an address',
      network('ENOTFOUND', { isSent: false }),
      'network not-sent retryable',
    ],
    [
      'to a port where nobody listens',
      network('ECONNREFUSED', { isSent: false }),
      'network not-sent retryable',
    ],
    [
      'through a proxy that has no route',
      { ...network('PROXY_REJECTED', { isSent: false }), status: 502 },
      'proxy not-sent retryable',
    ],
    [
      'through a proxy that requires a password',
      { ...network('PROXY_REJECTED', { isSent: false }), status: 407 },
      'proxy rejected',
    ],
    [
      'through a proxy with a rule against it',
      { ...network('PROXY_REJECTED', { isSent: false }), status: 499 },
      'proxy rejected',
    ],
    [
      'through a proxy that is down',
      { ...network('PROXY_REJECTED', { isSent: false }), status: 500 },
      'proxy not-sent retryable',
    ],
    [
      'to a server with an expired certificate',
      network('CERT_HAS_EXPIRED'),
      'certificate-invalid rejected',
    ],
    [
      'to a server with a certificate of tomorrow',
      network('CERT_NOT_YET_VALID'),
      'certificate-invalid rejected',
    ],
    [
      'to a server with another name',
      network('ERR_TLS_CERT_ALTNAME_INVALID'),
      'certificate-invalid rejected',
    ],
    [
      'to a server with its own authority',
      network('SELF_SIGNED_CERT_IN_CHAIN'),
      'certificate-untrusted rejected',
    ],
    [
      'to a server with its own certificate',
      network('DEPTH_ZERO_SELF_SIGNED_CERT'),
      'certificate-untrusted rejected',
    ],
    [
      'to a server of an unknown authority',
      network('UNABLE_TO_VERIFY_LEAF_SIGNATURE'),
      'certificate-untrusted rejected',
    ],
    [
      'to a server with a revoked certificate',
      network('CERT_REVOKED'),
      'certificate-untrusted rejected',
    ],
  ])('%s', (_, response, expected) => {
    expect(classified(response)).toBe(expected);
  });

  it('is described by what the network said', () => {
    const error = errorOf(
      network('ECONNRESET', { message: `read\nECONNRESET${' x'.repeat(600)}` }),
    );
    expect(error).toMatchObject({
      detail: 'POST …/recipients',
      is: { retryAfterMs: 0 },
    });
    expect(error.reason).toMatch(/^read ECONNRESET x/);
    expect(error.reason).toHaveLength(1_000);
  });
});

describe('a response', () => {
  it.each<[string, Partial<HttpResponse>, string]>([
    [
      '429, whatever it holds',
      { status: 429, body: '<html>' },
      'rate-limit not-sent retryable',
    ],
    [
      '429 with a code of bad credentials',
      coded(429, 10000),
      'rate-limit not-sent retryable',
    ],
    [
      '200 without a success',
      json(200, { success: false, errors: [] }),
      'invalid-response unknown retryable',
    ],
    [
      '200 with a code of bad credentials',
      coded(200, 10000),
      'invalid-response unknown retryable',
    ],
    [
      '200 that is a page',
      { status: 200, body: '<html>' },
      'invalid-response unknown retryable',
    ],
    [
      '201 that is empty',
      { status: 201 },
      'invalid-response unknown retryable',
    ],
    ['299 that is a list', json(299, []), 'invalid-response unknown retryable'],
    ['300', { status: 300 }, 'invalid-response rejected'],
    [
      'a redirect',
      { status: 302, body: '<html>' },
      'invalid-response rejected',
    ],
    ['399', { status: 399 }, 'invalid-response rejected'],
    ['a wrong account or address', coded(400, 7003), 'not-found rejected'],
    [
      'a wrong account or address as the cause',
      coded(404, 1, { error_chain: [{ code: 7003 }] }),
      'not-found rejected',
    ],
    ['a conflict', coded(409, 1), 'rejected conflict retryable'],
    [
      'a conflict that is a page',
      { status: 409, body: '<html>' },
      'rejected conflict retryable',
    ],
    ['a timeout of the server', { status: 408 }, 'server unknown retryable'],
    [
      'a request that came too early',
      coded(425, 1),
      'server unknown retryable',
    ],
    ['401 as JSON without a code', json(401, {}), 'authentication rejected'],
    [
      '403 as JSON without a code',
      json(403, { success: false, errors: [] }),
      'authentication rejected',
    ],
    ['403 with another code', coded(403, 1017), 'rejected rejected'],
    ['400 as JSON without a code', json(400, {}), 'rejected rejected'],
    ['400 with an envelope', coded(400, 1001), 'rejected rejected'],
    [
      '400 that says only that it is no success',
      json(400, { success: false, error_code: 1 }),
      'rejected rejected',
    ],
    [
      '400 that says only what is wrong',
      json(400, { errors: [{ code: 1 }] }),
      'rejected rejected',
    ],
    [
      '401 that is a page',
      { status: 401, body: '<html>' },
      'blocked unknown retryable',
    ],
    [
      '403 of a firewall',
      json(403, { title: 'no', error_code: 1020 }),
      'blocked unknown retryable',
    ],
    ['403 that is empty', { status: 403 }, 'blocked unknown retryable'],
    ['404 that is a list', json(404, []), 'blocked unknown retryable'],
    [
      '400 that is the text null',
      { status: 400, body: 'null' },
      'blocked unknown retryable',
    ],
    ['400 that is the text "x"', json(400, 'x'), 'blocked unknown retryable'],
    [
      '499 that is a page',
      { status: 499, body: '<html>' },
      'blocked unknown retryable',
    ],
    ['404 to a write', coded(404, 1004), 'rejected rejected'],
    ['500', { status: 500, body: '<html>' }, 'server unknown retryable'],
    [
      '500 with a code of bad credentials',
      coded(500, 10000),
      'server unknown retryable',
    ],
    [
      '500 with the code of a wrong account',
      coded(500, 7003),
      'server unknown retryable',
    ],
    ['not implemented', { status: 501 }, 'server rejected'],
    [
      'a version of HTTP that is not spoken',
      { status: 505 },
      'server rejected',
    ],
    ['a failed handshake at the edge', { status: 525 }, 'server rejected'],
    ['a wrong certificate at the edge', { status: 526 }, 'server rejected'],
    ['another error at the edge', { status: 524 }, 'server unknown retryable'],
    [
      'an edge error that must not be retried',
      json(502, { retryable: false }),
      'server unknown',
    ],
    [
      'an edge error that may be retried',
      json(502, { retryable: true }),
      'server unknown retryable',
    ],
    [
      '429 that must not be retried',
      json(429, { retryable: false }),
      'rate-limit rejected',
    ],
    [
      'a firewall that must not be asked again',
      json(403, { error_code: 1, retryable: false }),
      'blocked unknown',
    ],
  ])('%s', (_, response, expected) => {
    expect(classified(response)).toBe(expected);
  });

  it.each([6003, 6103, 6111, 9103, 9106, 9109, 10000, 10001, 10405])(
    'with the code %d of bad credentials says so with any 4xx, also as a cause',
    (code) => {
      for (const status of [400, 401, 403, 404, 499]) {
        expect(classified(coded(status, code))).toBe('authentication rejected');
        expect(
          classified(
            coded(status, 1, { error_chain: [{ code: 2 }, { code }] }),
          ),
        ).toBe('authentication rejected');
      }
    },
  );

  it.each([6004, 9104, 10002, '10000', null])(
    'with the code %j says nothing of credentials',
    (code) => {
      expect(errorOf(json(404, { errors: [{ code }] })).is.failure).toBe(
        'rejected',
      );
    },
  );

  it('404 to a read means that the share is not there', () => {
    expect(classified(coded(404, 1004), 'GET …/recipients')).toBe(
      'not-found rejected',
    );
    expect(classified(coded(404, 1004), 'GETX …/recipients')).toBe(
      'rejected rejected',
    );
    expect(classified(coded(404, 1004), 'DELETE …/recipients/r')).toBe(
      'rejected rejected',
    );
    expect(classified(coded(405, 1004), 'GET …/recipients')).toBe(
      'rejected rejected',
    );
  });
});

describe('the wait that a response asks for', () => {
  it.each<[string, Partial<HttpResponse>, number]>([
    ['by a header', { status: 429, headers: { 'retry-after': '7' } }, 7_000],
    ['by a member', json(503, { retry_after: 3 }), 3_000],
    [
      'by both, where the header counts',
      { ...json(503, { retry_after: 3 }), headers: { 'retry-after': '0' } },
      0,
    ],
    ['by a member that is no number', json(503, { retry_after: 'soon' }), 0],
    ['by none', { status: 503 }, 0],
    [
      'by a header with a date',
      {
        status: 503,
        headers: { 'retry-after': 'Mon, 23 Nov 2026 10:00:30 GMT' },
      },
      30_000,
    ],
  ])('%s', (_, response, retryAfterMs) => {
    expect(errorOf(response).is.retryAfterMs).toBe(retryAfterMs);
  });
});

describe('any response', () => {
  it('ends in an error that names the request, on one line', () => {
    const status = fc.oneof(
      fc.constantFrom(200, 301, 400, 401, 403, 404, 429, 500),
      fc.integer({ min: 100, max: 599 }),
    );
    const object = fc.record({
      success: fc.anything(),
      errors: fc.oneof(
        fc.anything(),
        fc.array(
          fc.record({
            code: fc.anything(),
            message: fc.anything(),
            source: fc.anything(),
            error_chain: fc.anything(),
          }),
        ),
      ),
      messages: fc.anything(),
      retryable: fc.anything(),
      retry_after: fc.anything(),
      error_code: fc.anything(),
    });
    const stringify = (value: unknown) => {
      try {
        return JSON.stringify(value) ?? '';
      } catch {
        return '';
      }
    };
    const body = fc.oneof(fc.string(), fc.json(), object.map(stringify));
    fc.assert(
      fc.property(status, body, (code, text) => {
        const error = errorOf({ status: code, body: text });
        expect(error).toBeInstanceOf(ApiError);
        expect(error.message).toMatch(
          /^[^\n\r]+ \(POST …\/recipients, HTTP \d+, not from Cloudflare \(no cf-ray\)\)$/,
        );
        expect(typeof error.is.retryable).toBe('boolean');
      }),
    );
  });
});

describe('a body', () => {
  it.each([
    ['{"a":1}', { a: 1 }],
    ['{}', {}],
    ['[]', null],
    ['null', null],
    ['"x"', null],
    ['1', null],
    ['', null],
    ['{', null],
  ])('%s is an object or nothing', (text, value) => {
    expect(parseObject(text)).toEqual(value);
  });
});
