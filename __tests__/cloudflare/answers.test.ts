import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeNetworkError, excerpt, parseRetryAfter, RequestError } from '../../src/cloudflare/errors.ts';
import { backoffMs, openEnvelope } from '../../src/cloudflare/http.ts';
import { gapMs, parseAllowance } from '../../src/cloudflare/pace.ts';
import { TransportError } from '../../src/cloudflare/transport.ts';
import { converse, StillClock } from './conversation.ts';

function failure(
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
  method = 'POST',
): RequestError {
  try {
    openEnvelope(
      `${method} …/x`,
      { status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) },
      0,
    );
  } catch (error) {
    if (error instanceof RequestError) return error;
    throw error;
  }
  throw new Error('it was taken for a success');
}

const refusal = { success: false, errors: [{ code: 10000, message: 'Authentication error' }], result: null };

describe('openEnvelope', () => {
  it('opens a success, whatever 2xx it is', () => {
    for (const status of [200, 201, 202]) {
      const body = JSON.stringify({
        success: true,
        errors: [],
        result: { id: 'x' },
        result_info: { total_pages: 2 },
      });
      expect(openEnvelope('GET …', { status, headers: {}, body }, 0)).toMatchObject({
        result: { id: 'x' },
        resultInfo: { total_pages: 2 },
      });
    }
  });

  it.each([
    ['refused credentials', 403, refusal, {}, { why: 'credentials', retryable: false, ambiguous: false }],
    ['no credentials', 401, refusal, {}, { why: 'credentials', retryable: false, ambiguous: false }],
    ['an unknown recipient', 404, refusal, {}, { why: 'refused', retryable: false, ambiguous: false }],
    ['a bad request', 400, refusal, {}, { why: 'refused', retryable: false, ambiguous: false }],
    ['a conflict', 409, refusal, {}, { why: 'refused', retryable: false, ambiguous: false }],
    ['a 200 that says false', 200, refusal, {}, { why: 'refused', retryable: false, ambiguous: true }],
    ['a request timeout', 408, '', {}, { why: 'server', retryable: true, ambiguous: true }],
    [
      'too many requests',
      429,
      refusal,
      { 'retry-after': '7' },
      { why: 'rate-limit', retryable: true, ambiguous: false, retryAfterMs: 7000 },
    ],
    ['an error', 500, '<html>', {}, { why: 'server', retryable: true, ambiguous: true }],
    ['not implemented', 501, '', {}, { why: 'server', retryable: false, ambiguous: false }],
    ['a version that is not spoken', 505, '', {}, { why: 'server', retryable: false, ambiguous: false }],
    ['a failed handshake at the edge', 525, '', {}, { why: 'server', retryable: false, ambiguous: false }],
    ['a wrong certificate at the edge', 526, '', {}, { why: 'server', retryable: false, ambiguous: false }],
    [
      'an edge error that must not be retried',
      502,
      { title: 'no', retryable: false },
      {},
      { why: 'server', retryable: false, ambiguous: true },
    ],
    [
      'an edge error with a wait',
      503,
      { title: 'x', retry_after: 3 },
      {},
      { why: 'server', retryable: true, retryAfterMs: 3000 },
    ],
    [
      'a redirect',
      302,
      '',
      { location: 'https://evil.example/' },
      { why: 'redirect', retryable: false, ambiguous: false },
    ],
    ['a proxy', 407, '', {}, { why: 'proxy', retryable: false, ambiguous: false }],
    ['HTML with a 200', 200, '<html>', {}, { why: 'unreadable', ambiguous: true }],
    ['an array with a 200', 200, [], {}, { why: 'unreadable', ambiguous: true }],
    ['null with a 200', 200, 'null', {}, { why: 'unreadable', ambiguous: true }],
    ['success that is not true', 200, { success: 'true' }, {}, { why: 'unreadable', ambiguous: true }],
  ])('%s', (_name, status, body, headers, fields) => {
    expect(failure(status, body, headers as Record<string, string>)).toMatchObject(fields);
  });

  it('takes only what is read for not found, as the share of a write was read before', () => {
    expect(failure(404, refusal, {}, 'GET').why).toBe('not-found');
    expect(failure(404, refusal, {}, 'DELETE').why).toBe('refused');
  });

  it('says what Cloudflare said: code, message, pointer, ray', () => {
    const body = {
      success: false,
      errors: [{ code: 1001, message: 'bad id', source: { pointer: '/recipient_account_id' } }],
    };
    expect(failure(400, body, { 'cf-ray': '8f1e-FRA' }).message).toBe(
      'POST …/x: HTTP 400, 1001 bad id (/recipient_account_id), cf-ray 8f1e-FRA',
    );
    expect(failure(502, { title: 'Bad gateway', detail: 'origin', error_code: 1020 }).message).toBe(
      'POST …/x: HTTP 502, 1020 Bad gateway origin',
    );
  });

  it('ends any answer in an envelope or a RequestError that names the request', () => {
    const status = fc.oneof(
      fc.constantFrom(200, 201, 204, 301, 400, 403, 404, 407, 429, 500, 503),
      fc.integer({ min: 100, max: 599 }),
    );
    const body = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .record({ success: fc.anything(), errors: fc.anything(), result: fc.anything() })
        .map((value) => JSON.stringify(value) ?? ''),
    );
    fc.assert(
      fc.property(status, body, (code, text) => {
        try {
          openEnvelope('GET …/x', { status: code, headers: {}, body: text }, 0);
        } catch (error) {
          expect(error).toBeInstanceOf(RequestError);
          expect((error as RequestError).message).toMatch(/^GET …\/x: /);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a conversation whose time is up', () => {
  it.each([2_900, 3_000, 3_100])('tells the last cause, with %d ms of time', async (endMs) => {
    const clock = new StillClock(0.1);
    const http = converse(
      async ({ deadlineMs }) => {
        clock.pass(Math.min(deadlineMs, 700));
        throw deadlineMs < 700
          ? new TransportError('deadline')
          : new TransportError('network', new Error('no'));
      },
      clock,
      endMs,
    );
    await expect(http.read('/x')).rejects.toMatchObject({ why: 'network', said: 'no' });
    expect(clock.ms).toBeLessThan(endMs + 1);
  });
});

describe('parseRetryAfter', () => {
  const now = Date.parse('2026-11-23T10:00:00Z');
  it.each([
    ['120', 120_000],
    ['0', 0],
    [' 5 ', 5_000],
    ['Mon, 23 Nov 2026 10:00:30 GMT', 30_000],
    ['Mon, 23 Nov 2026 09:00:00 GMT', 0],
    ['soon', null],
    ['-5', null],
    ['1.5', null],
    ['', null],
    [undefined, null],
  ])('%j', (value, ms) => {
    expect(parseRetryAfter(value === undefined ? {} : { 'retry-after': value }, now)).toBe(ms);
  });

  it('goes by the clock of the server, where the answer tells it', () => {
    const at = 'Mon, 23 Nov 2026 10:00:30 GMT';
    const date = 'Mon, 23 Nov 2026 10:00:20 GMT';
    expect(parseRetryAfter({ 'retry-after': at, date }, now + 3_600_000)).toBe(10_000);
    expect(parseRetryAfter({ 'retry-after': at, date: 'today' }, now)).toBe(30_000);
  });
});

describe('the allowance', () => {
  it.each([
    [
      { ratelimit: '"default";r=50;t=30', 'ratelimit-policy': '"default";q=1200;w=300' },
      { remaining: 50, resetMs: 30_000, quota: 1200 },
    ],
    [
      {
        ratelimit: '"default";r=900;t=30, "burst";r=2;t=10',
        'ratelimit-policy': '"default";q=1200;w=300, "burst";q=100;w=60',
      },
      { remaining: 2, resetMs: 10_000, quota: 100 },
    ],
    [{ ratelimit: '"default"; r=7; t=3' }, { remaining: 7, resetMs: 3_000, quota: 1200 }],
    [{ ratelimit: 'nonsense' }, null],
    [{}, null],
  ])('%j', (headers, allowance) => {
    expect(parseAllowance(headers as Record<string, string>)).toEqual(allowance);
  });

  it('spreads what is left over what is left of the window, once it is little', () => {
    expect(gapMs({ remaining: 61, resetMs: 30_000, quota: 1200 })).toBe(0);
    expect(gapMs({ remaining: 59, resetMs: 30_000, quota: 1200 })).toBe(500);
    expect(gapMs({ remaining: 0, resetMs: 30_000, quota: 1200 })).toBe(30_000);
  });

  it('or over what is left of the run, if that is less', () => {
    expect(gapMs({ remaining: 2, resetMs: 290_000, quota: 1200 }, 120_000)).toBe(40_000);
    expect(gapMs({ remaining: 1, resetMs: 290_000, quota: 1200 }, 120_000)).toBeLessThan(120_000);
  });

  it('ends with its window, whatever else it says', () => {
    expect(parseAllowance({ ratelimit: 'x;r=1;t=999999999' })?.resetMs).toBe(300_000);
    expect(parseAllowance({ ratelimit: 'x;r=1;t=999', 'ratelimit-policy': 'x;q=9;w=60' })?.resetMs).toBe(
      60_000,
    );
  });
});

describe('describeNetworkError', () => {
  it('tells the whole chain of causes', () => {
    const inner = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9'), { code: 'ECONNREFUSED' });
    expect(describeNetworkError(new Error('request failed', { cause: inner }))).toEqual({
      cause: 'network',
      said: 'request failed: connect ECONNREFUSED 127.0.0.1:9',
    });
  });

  it.each([
    ['ENOTFOUND', 'dns'],
    ['EAI_AGAIN', 'dns'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'tls'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'tls'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls'],
    ['ECONNRESET', 'network'],
  ])('%s is %s', (code, cause) => {
    expect(describeNetworkError(Object.assign(new Error('x'), { code })).cause).toBe(cause);
  });

  it('looks into errors that stand for several, as for a host with two addresses', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED ::1:9'), { code: 'ECONNREFUSED' });
    const both = Object.assign(new AggregateError([refused]), { code: 'ECONNREFUSED' });
    expect(describeNetworkError(both).said).toContain('ECONNREFUSED ::1:9');
  });
});

describe('excerpt', () => {
  it.each([
    ['short enough', 12, 'short enough'],
    ['cut between words', 12, 'cut between…'],
    ['cut between words', 11, 'cut between…'],
    ['cut between words', 10, 'cut…'],
    ['onewordthatistoolong', 10, '…'],
  ])('%s, to %d', (text, max, short) => {
    expect(excerpt(text, max)).toBe(short);
  });

  it('leaves no part of a word', () => {
    const words = fc.array(fc.stringMatching(/^[a-z]{1,20}$/), { maxLength: 20 });
    fc.assert(
      fc.property(words, fc.nat({ max: 100 }), (all, max) => {
        const left = excerpt(all.join(' '), max).replace(/…$/, '').split(' ').filter(Boolean);
        expect(left).toEqual(all.slice(0, left.length));
      }),
    );
  });
});

describe('backoffMs', () => {
  it('doubles from half a second to eight', () => {
    expect([1, 2, 3, 4, 5, 6, 99].map((tries) => backoffMs(tries, 0.5))).toEqual([
      500, 1000, 2000, 4000, 8000, 8000, 8000,
    ]);
  });
});
