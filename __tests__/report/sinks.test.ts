/**
 * Everything that the action prints or writes passes one place, which makes it
 * safe.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const SOURCES = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ file, text: readFileSync(join('src', file), 'utf8') }));

describe('what leaves the process', () => {
  it('is searched in all sources', () => {
    expect(SOURCES.length).toBeGreaterThan(15);
  });

  it.each([
    ['@actions/core', /['"]@actions\/core['"]/, ['report/runner.ts']],
    ['the console', /\bconsole\b/, []],
    [
      'the streams',
      /process\s*\.\s*(stdout(?!\.on\('error')|stderr|emitWarning|_rawDebug)|process\s*\[/,
      [],
    ],
    [
      'files',
      /['"](node:)?(fs|fs\/promises|child_process)['"]/,
      ['report/runner.ts'],
    ],
    [
      'what writes without making text safe',
      /\bgithubRunner\b/,
      ['index.ts', 'report/runner.ts'],
    ],
    ['a sink', /\bopenSink\b/, ['report/report.ts', 'report/runner.ts']],
  ])('passes %s in one place only', (_, pattern, allowed) => {
    const users = SOURCES.filter(({ text }) => pattern.test(text)).map(
      ({ file }) => file,
    );
    expect(users.sort()).toEqual(allowed);
  });

  it('passes the sink, not the runner, in the report', () => {
    const report =
      SOURCES.find(({ file }) => file === 'report/report.ts')?.text ?? '';
    expect(report.match(/\brunner\b(?!\.ts)[^:]/g)).toEqual(['runner,']);
    expect(report).toContain('openSink(runner, sanitizer)');
  });
});
