import { describe, expect, it } from 'vitest';
import { toApiError } from '../../src/cloudflare/api-error.ts';
import { clean } from '../builders.ts';

const RAY = 'cf-ray 8f1e-FRA';

function errorOf(
  body: unknown,
  headers: Record<string, string> = { 'cf-ray': '8f1e-FRA' },
  status = 400,
) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return toApiError(
    'POST …/recipients',
    { status, headers, body: text },
    0,
    clean,
  );
}

describe('what Cloudflare said', () => {
  it.each<[string, unknown, string]>([
    [
      'code and message',
      { errors: [{ code: 1017, message: 'Recipient is not in it' }] },
      '1017 Recipient is not in it',
    ],
    ['a message without a code', { errors: [{ message: 'no' }] }, 'no'],
    ['a code without a message', { errors: [{ code: 7 }] }, '7'],
    [
      'what is no text as nothing',
      { errors: [{ code: {}, message: ['x'] }, null, 5, true] },
      'HTTP 400 without a reason',
    ],
    [
      'several errors',
      {
        errors: [
          { code: 1, message: 'a' },
          { code: 2, message: 'b' },
        ],
      },
      '1 a; 2 b',
    ],
    [
      'five errors at most',
      { errors: [1, 2, 3, 4, 5, 6].map((code) => ({ code })) },
      '1; 2; 3; 4; 5',
    ],
    ['errors that are only text', { errors: ['no', 'never'] }, 'no; never'],
    [
      'the causes of an error',
      {
        errors: [
          {
            code: 6003,
            message: 'Invalid headers',
            error_chain: [
              { code: 6111, message: 'Bad format' },
              { code: 6103 },
            ],
          },
        ],
      },
      '6003 Invalid headers (6111 Bad format) (6103)',
    ],
    [
      'what an error points to',
      {
        errors: [
          {
            code: 1001,
            message: 'bad ID',
            source: { pointer: '/recipient_account_id' },
          },
        ],
      },
      '1001 bad ID (/recipient_account_id)',
    ],
    [
      'messages',
      {
        errors: [{ code: 1, message: 'a' }],
        messages: [{ code: 2, message: 'b' }, 'c', {}],
      },
      '1 a; 2 b; c',
    ],
    ['messages alone', { errors: [], messages: ['c'] }, 'c'],
    [
      'a problem',
      { title: 'Bad gateway', detail: 'origin', error_code: 1020 },
      '1020 Bad gateway origin',
    ],
    [
      'errors that are no list',
      { errors: { code: 1 } },
      'HTTP 400 without a reason',
    ],
    ['an empty object', {}, 'HTTP 400 without a reason'],
    [
      'the title of a page',
      '<html><TITLE lang="en">Attention\n Required!</title>',
      'page "Attention Required!"',
    ],
    [
      'a page without a title',
      '<html><body>no</body>',
      'HTTP 400 without a reason',
    ],
    [
      'a page with a title of spaces',
      '<title> \n </title>',
      'HTTP 400 without a reason',
    ],
    [
      'a page with an empty title',
      '<title></title>',
      'HTTP 400 without a reason',
    ],
    [
      'text that is on several lines',
      { errors: [{ message: 'a\n::error::b' }] },
      'a ::error::b',
    ],
  ])('is shown: %s', (_, body, reason) => {
    expect(errorOf(body)).toMatchObject({
      reason,
      detail: `POST …/recipients, HTTP 400, ${RAY}`,
    });
  });

  it('is nothing in a success that is none, which says what that means', () => {
    const reason = 'the response is not one of the Shares API';
    for (const status of [200, 299])
      expect(errorOf({}, {}, status).reason).toBe(reason);
    expect(errorOf({}, {}, 300).reason).toBe('HTTP 300 without a reason');
    expect(errorOf({ messages: ['no'] }, {}, 200).reason).toBe('no');
  });

  it('is cut where it is long', () => {
    const long = 'x'.repeat(2_000);
    expect(errorOf({ errors: [{ message: long }] }).reason).toBe(
      `${'x'.repeat(299)}…`,
    );
    expect(errorOf(`<title>${long}</title>`).reason).toBe(
      `page "${'x'.repeat(199)}…"`,
    );
    expect(errorOf('', { location: long }, 302).reason).toBe(
      `redirect to ${'x'.repeat(199)}…`,
    );
    expect(errorOf('', { 'cf-ray': long }).detail).toMatch(/cf-ray x{63}…$/);
  });

  it('is where a redirect points to, unless the body says more', () => {
    const location = 'https://evil.example/\n';
    expect(errorOf('', { location }, 302).reason).toBe(
      'redirect to https://evil.example/',
    );
    expect(errorOf('<title>Moved</title>', { location }, 302).reason).toBe(
      'page "Moved"',
    );
    expect(
      errorOf({ errors: [{ message: 'no' }] }, { location }, 302).reason,
    ).toBe('no');
  });

  it('is shown with the request, and whether Cloudflare said it', () => {
    const error = errorOf({ errors: [{ code: 1, message: 'a' }] }, {}, 404);
    expect(error.detail).toBe(
      'POST …/recipients, HTTP 404, not from Cloudflare (no cf-ray)',
    );
    expect(error.message).toBe(`1 a (${error.detail})`);
    expect(error).toBeInstanceOf(Error);
  });

  it('is found in a page of many megabytes at once', { timeout: 5_000 }, () => {
    // Tags that never end would make a search from each of them go through all
    // of the page.
    expect(errorOf('<title'.repeat(500_000)).reason).toBe(
      'HTTP 400 without a reason',
    );
  });
});
