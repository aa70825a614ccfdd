import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cut } from '../../src/format.ts';
import { createSanitizer } from '../../src/report/sanitizer.ts';
import { hostileText } from '../hostile-text.ts';

const { line, clean, html } = createSanitizer([]);

describe('a line', () => {
  it.each([
    ['::error::x', ': :error::x'],
    ['  \t::warning::x', '   : :warning::x'],
    ['\ufeff::error::x', ' : :error::x'],
    ['a::error::b', 'a::error::b'],
    [':error', ':error'],
    ['a ##[error]b', 'a # #[error]b'],
    ['##[a]##[b]', '# #[a]# #[b]'],
    ['####[x', '### #[x'],
    ['# #[x', '# #[x'],
    ['## x', '## x'],
    ['a\r\n::error::b', 'a  ::error::b'],
    ['a\u2028b\u2029c\u0085d', 'a b c d'],
    ['\u001b[31mred\u001b[0m', ' [31mred [0m'],
    ['\u202egnp.exe', ' gnp.exe'],
    ['time 12:30 :: fine', 'time 12:30 :: fine'],
    ['lone \ud800 half', 'lone \ufffd half'],
    ['', ''],
  ])('of %j is %j', (text, safe) => {
    expect(line(text)).toBe(safe);
  });

  it('is no command, has no break and no half character, and does not change again, for any text', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const safe = line(text);
        expect(safe).not.toMatch(/^\s*::/);
        expect(safe).not.toContain('##[');
        expect(safe).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        expect(safe.isWellFormed()).toBe(true);
        expect(line(safe)).toBe(safe);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('clean text', () => {
  it.each([
    ['  a \n\t b ', 10, 'a b'],
    ['abcdef', 6, 'abcdef'],
    ['abcdefg', 6, 'abcde…'],
    ['abcd\u{1f600}', 5, 'abcd\ufffd…'.slice(0, 4).concat('…')],
    ['::error::x', 20, ': :error::x'],
    ['', 5, ''],
  ])('of %j, %d long at most, is %j', (text, max, safe) => {
    expect(clean(text, max)).toBe(safe);
  });

  it('is one line with single spaces, and not longer than asked, for any text', () => {
    fc.assert(
      fc.property(hostileText, fc.integer({ min: 2, max: 50 }), (text, max) => {
        const safe = clean(text, max);
        expect(safe.length).toBeLessThanOrEqual(max);
        expect(safe).not.toMatch(/\s\s|^\s|\s$|[\n\r]|##\[|^::/);
        expect(safe.isWellFormed()).toBe(true);
      }),
    );
  });
});

describe('HTML', () => {
  const decode = (text: string) =>
    text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));

  it('has no character that HTML, Markdown or GitHub could act on, for any text', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const safe = html(text);
        expect(safe.replace(/&#\d+;/g, '')).not.toMatch(
          /[<>&"'`*[\]#@|~!:/\\{}$+=?;%^\n\r]/,
        );
        expect(decode(safe).replaceAll('\u200b', '')).toBe(line(text));
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ['@octocat', '@|octocat'],
    ['fixes #1', 'fixes #|1'],
    ['http://evil', 'http:|//evil'],
    ['WWW.evil', 'WWW|.evil'],
    ['a # b', 'a # b'],
  ])('breaks what GitHub makes a link of: %s', (text, broken) => {
    expect(decode(html(text))).toBe(broken.replace('|', '\u200b'));
  });

  it('is readable in a browser', () => {
    const text = '<b>"x" & [z](w)</b> a-b_c.d, 5';
    expect(decode(html(text))).toBe(text);
    expect(html('a-b_c.d, (5)')).toBe('a-b_c.d, (5)');
  });
});

describe('cut text', () => {
  it.each([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'ab…'],
    ['abcd', 0, '…'],
    ['a😀cd', 3, 'a…'],
    ['a😀cd', 4, 'a😀…'],
  ])('of %j to %d is %j', (text, max, short) => {
    expect(cut(text, max)).toBe(short);
  });
});
