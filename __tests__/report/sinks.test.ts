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
    ['@actions/core', /['"]@actions\/core['"]/, ['github/github-runner.ts']],
    ['the console', /\bconsole\b/, []],
    [
      'the streams',
      /process\s*\.\s*(stdout(?!\.on\('error'|\.write\('',)|stderr|emitWarning|_rawDebug)|process\s*\[/,
      [],
    ],
    [
      'what writes without making text safe',
      /\bgithubRunner\b/,
      ['github/github-runner.ts', 'index.ts'],
    ],
    ['a sink', /\bopenSink\(/, ['main.ts', 'report/sink.ts']],
  ])('passes %s in one place only', (_, pattern, allowed) => {
    const users = SOURCES.filter(({ text }) => pattern.test(text)).map(
      ({ file }) => file,
    );
    expect(users.sort()).toEqual(allowed);
  });

  it('passes the sink, not the runner, in the report', () => {
    const users = SOURCES.filter(
      ({ file, text }) =>
        file.startsWith('report/') && /\brunner\.\w+\(/.test(text),
    );
    expect(users.map(({ file }) => file)).toEqual(['report/sink.ts']);
  });
});
