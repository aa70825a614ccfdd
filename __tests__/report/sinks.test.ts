import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Runner, safely } from '../../src/report/runner.ts';

const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ file: file.replaceAll('\\', '/'), text: readFileSync(join('src', file), 'utf8') }));

describe('the ways out', () => {
  it('finds the sources', () => {
    expect(sources.length).toBeGreaterThan(15);
  });

  it.each([
    ['@actions/core', /from '@actions\/core'|import\('@actions\/core'\)/, ['report/runner.ts']],
    ['the console', /\bconsole\b/, []],
    [
      'the streams of the process',
      /process\s*\.\s*(stdout(?!\.on\('error')|stderr|emitWarning|_rawDebug)|process\s*\[/,
      [],
    ],
    ['files and child processes', /node:(fs|child_process)|['"](fs|child_process)['"]/, []],
    ['what writes and is not made safe', /\bgithubRunner\b/, ['report/runner.ts', 'index.ts']],
  ])('%s is used nowhere else', (_name, pattern, allowed) => {
    expect(
      sources
        .filter(({ text }) => pattern.test(text))
        .map(({ file }) => file)
        .sort(),
    ).toEqual(allowed.toSorted());
  });

  it('the report takes its runner through safely() only', () => {
    const report = sources.find(({ file }) => file === 'report/report.ts')?.text ?? '';
    expect(report.match(/\brunner[.,)](?!ts)/g)).toEqual(['runner,']);
    expect(report).toContain('safely(runner, redact)');
  });
});

describe('safely', () => {
  function recorded() {
    const seen: string[] = [];
    const runner: Runner = {
      mask: () => {},
      print: (text) => seen.push(text),
      debug: (text) => seen.push(text),
      annotate: (level, title, message) => seen.push(`${level}|${title}|${message}`),
      output: (name, value) => seen.push(`${name}=${value}`),
      summary: async (text) => void seen.push(text),
    };
    return { seen, out: safely(runner, (text) => text.replaceAll('hunter2', '***')) };
  }

  it('makes every way safe and free of secrets', async () => {
    const { seen, out } = recorded();
    const bad = '::error::hunter2\r##[error]';
    out.print(bad);
    out.debug(bad);
    out.annotate('error', bad, bad);
    out.output('x', bad);
    await out.summary('hunter2');
    expect(seen).toHaveLength(5);
    for (const text of seen) expect(text).not.toMatch(/hunter2|##\[|\r|^::/);
  });

  it('keeps the lines of an output apart, and shows ten annotations of a kind at most', () => {
    const { seen, out } = recorded();
    out.output('ids', 'a\n\nb');
    for (let i = 0; i < 12; i++) out.annotate('warning', 't', 'm');
    expect(seen[0]).toBe('ids=a\n\nb');
    expect(seen.filter((text) => text.startsWith('warning|'))).toHaveLength(10);
    expect(seen.slice(-2)).toEqual(['t: m', 't: m']);
  });
});
