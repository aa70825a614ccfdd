import { describe, expect, it } from 'vitest';
import { describeResponse } from '../../src/cloudflare/response-text.ts';
import { createSanitizer } from '../../src/report/sanitizer.ts';
import { clean, received } from '../builders.ts';

interface Said {
  readonly status?: number;
  readonly headers?: Record<string, string>;
}

/** What a response is shown as. A body that is no text is sent as JSON. */
function described(body: unknown, { status = 400, headers = {} }: Said = {}) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = { type: 'response', status, headers, body: text } as const;
  return describeResponse(received(response), clean);
}

const SILENT = 'HTTP 400 without a reason';
const long = 'x'.repeat(900);
const cut = (length: number) => `${'x'.repeat(length - 1)}…`;

const errors = (...entries: unknown[]) => ({ errors: entries });
const pointingTo = (pointer: unknown) =>
  errors({ code: 1, source: { pointer } });

// Of any body whatever it is one line: see api-error.test.ts.
describe('the reason in a response', () => {
  it.each<[string, unknown]>([
    ['not in it (code 1017)', errors({ code: 1017, message: 'not in it' })],
    ['no', errors({ message: 'no' })],
    ['code 7', errors({ code: 7 })],
    [SILENT, errors({ code: {}, message: ['x'] }, null, 5, true, [])],
    ['no; never', errors('no', 'never')],
    ['code 1', pointingTo({})],
    ['c', { errors: [], messages: ['c'] }],
    [
      'a (code 1); b (code 2); c',
      {
        errors: [{ code: 1, message: 'a' }],
        messages: [{ code: 2, message: 'b' }, 'c', {}],
      },
    ],
    [SILENT, { errors: { code: 1 } }],
    [SILENT, {}],

    // A problem of the edge.
    [
      'Bad gateway: origin (code 1020)',
      { title: 'Bad gateway', detail: 'origin', error_code: 1020 },
    ],
    ['code 1020', { error_code: 1020 }],
    ['Bad', { title: 'Bad', error_code: 'x' }],

    // Plain members count only without others.
    ['no way', { error: 'no\nway' }],
    ['no', { error: { message: 'no' } }],
    ['no', { message: 'no' }],
    ['Bad', { title: 'Bad', error: 'worse', message: 'worst' }],

    // What is no object: a page, or a short text.
    [SILENT, ''],
    ['page "Blocked"', '<TITLE x="1">\n Blocked </TITLE>'],
    ['page "Just a moment"', '<title>Just<br>a<b>moment</b></title>'],
    [
      'page "Access denied"',
      '<title> </title><h1 class="x">Access\ndenied</h1>',
    ],
    [SILENT, '<html><body>hi'],
    ['error code: 1010', 'error code: 1010'],
    [SILENT, '{"error"'],
    ['[1]', [1]],
  ])('is %j in %j', (reason, body) => {
    expect(described(body)).toBe(reason);
  });

  it('is a text of up to 200 characters', () => {
    const text = 'x'.repeat(200);
    expect(described(text)).toBe(text);
  });

  it('shows five errors', () => {
    const codes = [1, 2, 3, 4, 5, 6].map((code) => ({ code }));
    const reason = 'code 1; code 2; code 3; code 4; code 5';
    expect(described(errors(...codes))).toBe(reason);
  });

  it('has the causes of an error, and what it points to', () => {
    const error = {
      code: 6003,
      message: 'Invalid headers',
      error_chain: [{ code: 6111, message: 'Bad format' }, {}, { code: 6103 }],
      source: { pointer: '/recipient_account_id' },
    };
    expect(described(errors(error))).toBe(
      'Invalid headers (code 6003): Bad format (code 6111): code 6103 at /recipient_account_id',
    );
  });

  it.each<[string, unknown, string]>([
    ['message', errors({ message: long }), cut(300)],
    ['pointer', pointingTo(long), `code 1 at ${cut(300)}`],
    ['title of a problem', { title: long }, cut(300)],
    ['plain message', { message: long }, cut(300)],
    ['title of a page', `<title>${long}</title>`, `page "${cut(200)}"`],
    ['text', 'x'.repeat(201), SILENT],
    ['way to a title', `${' '.repeat(16_384)}<title>x</title>`, SILENT],
  ])('is not too long with a long %s', (_, body, reason) => {
    expect(described(body)).toBe(reason);
  });

  it('is where a redirect points to, unless the body says more', () => {
    const to = (location: string) => ({ status: 302, headers: { location } });
    expect(described('', to('https://evil.example/\n'))).toBe(
      'redirect to https://evil.example/',
    );
    expect(described('', to(long))).toBe(`redirect to ${cut(200)}`);
    expect(described('<title>Moved</title>', to('/x'))).toBe('page "Moved"');
    // It points to what was created.
    expect(described('', { ...to('/x'), status: 201 })).toBe(
      'the response is not one of the Shares API',
    );
    expect(described({ message: 'no' }, to('/x'))).toBe('no');
  });

  it('of a 2xx is that it is none of the Shares API', () => {
    const status = 299;
    expect(described({}, { status })).toBe(
      'the response is not one of the Shares API',
    );
    expect(described('', { status: 300 })).toBe('HTTP 300 without a reason');
  });

  it('is found in a page of megabytes at once', { timeout: 5_000 }, () => {
    // Tags that never end would make a search from each of them go through
    // the whole page.
    expect(described('<title'.repeat(500_000))).toBe(SILENT);
  });
});

it('shows no secret with a tag in it, in the title of a page', () => {
  const secret = 'y&u<i>o%p;A';
  const text = `<title>key ${secret}</title>`;
  const response = { type: 'response', status: 403, headers: {} } as const;
  const { clean: cleanSecret } = createSanitizer([secret]);
  expect(
    describeResponse(received({ ...response, body: text }), cleanSecret),
  ).toBe('page "key ***"');
});
