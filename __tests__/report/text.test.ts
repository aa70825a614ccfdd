import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { duration, html, line, plain, redactor, sayer, seconds } from '../../src/report/text.ts';

/** Strings in which the characters that matter are frequent. */
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '::',
        ':',
        '##[',
        '#',
        '[',
        ']',
        '\n',
        '\r',
        ' ',
        '\t',
        '\u2028',
        '\u2029',
        '\u001b[31m',
        '\u009b1m',
        '\u202e',
        '\u200b',
        '\u0085',
        '\ufeff',
        '<',
        '&',
        '@',
        '`',
        '|',
        '\ud800',
        'error',
        'set-output name=x::',
      ),
      fc.string({ maxLength: 3, unit: 'binary' }),
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join(''));

describe('line', () => {
  it.each([
    ['::error::x', ': :error::x'],
    ['  \t::warning::x', '   : :warning::x'],
    ['\ufeff::error::x', ' : :error::x'],
    ['a ##[error]b', 'a # #[error]b'],
    ['####[x', '### #[x'],
    ['a\r\n::error::b', 'a  ::error::b'],
    ['a\u2028b\u2029c\u0085d', 'a b c d'],
    ['\u001b[31mred\u001b[0m', ' red '],
    ['\u202egnp.exe', ' gnp.exe'],
    ['time 12:30 :: fine', 'time 12:30 :: fine'],
    ['lone \ud800 half', 'lone \ufffd half'],
  ])('%j', (text, safe) => {
    expect(line(text)).toBe(safe);
  });

  it('lets no command, no break and no half character through, and changes nothing twice', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const safe = line(text);
        expect(safe).not.toMatch(/^\s*::/);
        expect(safe).not.toContain('##[');
        expect(safe).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        expect(safe.isWellFormed()).toBe(true);
        expect(line(safe)).toBe(safe);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('plain', () => {
  it('is one line with single blanks, not longer than asked, whatever comes in', () => {
    fc.assert(
      fc.property(fc.oneof(hostile, fc.anything()), fc.integer({ min: 2, max: 50 }), (value, max) => {
        const text = typeof value === 'string' ? value : JSON.stringify(value);
        const safe = plain(text, max);
        expect(safe.length).toBeLessThanOrEqual(max);
        expect(safe).not.toMatch(/\s\s|^\s|\s$/);
      }),
    );
  });
});

describe('html', () => {
  it('leaves no character that HTML, Markdown or GitHub could act on', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const entities = /&#\d+;/g;
        expect(html(text).replace(entities, '')).not.toMatch(/[<>&"'`*[\]#@|~!:/\\{}$+=?;%^]/);
      }),
      { numRuns: 2_000 },
    );
  });

  it('keeps the text readable for a browser', () => {
    const decoded = html('<b>"x" & @y [z](http://w)</b>').replace(/&#(\d+);/g, (_, code) =>
      String.fromCharCode(Number(code)),
    );
    expect(decoded).toBe('<b>"x" & @y [z](http://w)</b>');
  });
});

describe('redactor', () => {
  it('takes every form out, longer ones first', () => {
    const redact = redactor(['secret-token-long', 'secret-token', 'abc']);
    expect(redact('secret-token-long and secret-token and abc')).toBe('*** and *** and abc');
  });

  it('leaves no secret whole, wherever it stands', () => {
    const secret = fc.stringMatching(/^[!-~]{6,40}$/).filter((text) => !text.includes('*'));
    fc.assert(
      fc.property(secret, fc.string(), fc.string(), (form, before, after) => {
        expect(redactor([form])(before + form + after)).not.toContain(form);
      }),
    );
  });
});

describe('redactor, where secrets overlap', () => {
  it('leaves no rest of either', () => {
    const redact = redactor(['AAAAbbbb1111', '1111CCCCdddd', 'bb1111CC']);
    expect(redact('x AAAAbbbb1111CCCCdddd y')).toBe('x *** y');
    expect(redact('AAAAbbbb1111AAAAbbbb1111')).toBe('******');
    expect(redactor(['ababab'])('xabababababx')).toBe('x***x');
  });
});

describe('sayer', () => {
  it.each([
    ['before it is cut', `${'x '.repeat(6)}secret-token`, 16],
    ['when its blanks have become single ones', 'my  secret\u200bword', 800],
  ])('takes a secret out %s', (_, text, max) => {
    const say = sayer(redactor(['secret-token', 'my secret word']));
    expect(say(text, max)).toMatch(/^(x )*\*{3}$/);
  });
});

describe('times', () => {
  it.each([
    [90_000, '1m30s'],
    [600_000, '10m'],
    [5_400_000, '1h30m'],
    [4_000, '4s'],
    [0, '0s'],
  ])('%d ms as a budget is %s', (ms, text) => expect(duration(ms)).toBe(text));

  it.each([
    [449, '0.4 s'],
    [12_340, '12.3 s'],
    [125_000, '2m5s'],
    [-5, '0.0 s'],
  ])('%d ms as a measured time is %s', (ms, text) => expect(seconds(ms)).toBe(text));
});
