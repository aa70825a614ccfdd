/**
 * Which file of src/ may import which, and what only one file of it may use:
 * nothing else enforces it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../src');

/** Text by path, such as `cloudflare/client.ts`. */
const sources = new Map(
  readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path): [string, string] => [
      path.replaceAll('\\', '/'),
      readFileSync(join(ROOT, path), 'utf8'),
    ])
    .sort(([a], [b]) => (a < b ? -1 : 1)),
);

const SINK = 'report/sink.ts';

function filesWith(pattern: RegExp): string[] {
  const found = [...sources].filter(([, text]) => pattern.test(text));
  return found.map(([path]) => path);
}

/** The files that a file imports, for types too. */
function importsOf(path: string, text: string): string[] {
  const found = text.matchAll(
    /(?:\bfrom|\bimport)\s*\(?\s*['"](\.[^'"]+)['"]/g,
  );
  return [...found].map(([, target = '']) =>
    posix.join(posix.dirname(path), target),
  );
}

/**
 * The first cycle in a graph, as a path that ends where it begins; empty if
 * there is none.
 */
function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  function visit(node: string, path: readonly string[]): string[] {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node];
    if (done.has(node)) return [];
    for (const next of graph.get(node) ?? []) {
      const cycle = visit(next, [...path, node]);
      if (cycle.length > 0) return cycle;
    }
    done.add(node);
    return [];
  }
  for (const node of graph.keys()) {
    const cycle = visit(node, []);
    if (cycle.length > 0) return cycle;
  }
  return [];
}

describe('src/', () => {
  const graph = new Map(
    [...sources].map(([path, text]) => [path, importsOf(path, text)]),
  );

  it('imports only files that exist', () => {
    const edges = [...graph.values()].flat();
    expect(edges.length).toBeGreaterThan(30);
    expect(edges.filter((path) => !sources.has(path))).toEqual([]);
  });

  it('has no import cycle, type imports included', () => {
    expect(findCycle(graph)).toEqual([]);
  });

  it.each([
    ['cloudflare', /^(report|inputs|reconcile|github)\//],
    ['reconcile', /^(report|inputs|github)\//],
    ['inputs', /^(report|reconcile|github)\//],
    // The adapter of GitHub's runner knows the port of the report.
    ['github', /^(report\/(?!runner\.ts$)|inputs\/|reconcile\/)/],
  ])('imports nothing into %s/ from the rooms above it', (room, above) => {
    const files = [...graph].filter(([path]) => path.startsWith(`${room}/`));
    expect(files.length).toBeGreaterThan(1);
    const wrong = files.filter(([, targets]) =>
      targets.some((target) => above.test(target) || target === 'main.ts'),
    );
    expect(wrong).toEqual([]);
  });

  it('imports nothing into domain.ts, which every room shares', () => {
    expect(graph.get('domain.ts')).toEqual([]);
    expect(sources.get('domain.ts')).not.toMatch(/\bimport\b/);
  });

  const readers = /process\.env|process\[|= process\b|from 'node:process'/;
  const streams =
    /process\s*\.\s*(stdout(?!\.on\('error'|\.write\('',)|stderr|emitWarning|_rawDebug)|process\s*\[/;
  // What the action prints or writes passes one place, which makes it safe.
  it.each([
    ['the environment of the process', readers, ['index.ts']],
    ['@actions/core', /['"]@actions\/core['"]/, ['github/github-runner.ts']],
    ['the console', /\bconsole\b/, []],
    ['the streams of the process', streams, []],
    [
      'what writes without making text safe',
      /\bgithubRunner\b/,
      ['github/github-runner.ts', 'index.ts'],
    ],
    ['a sink, which makes text safe', /\bopenSink\(/, ['main.ts', SINK]],
  ])('uses %s only where it may', (_, pattern, allowed) => {
    expect(filesWith(pattern)).toEqual(allowed);
  });

  it('uses the sink, not the runner, in the report', () => {
    const users = filesWith(/\brunner\.\w+\(/);
    expect(users.filter((path) => path.startsWith('report/'))).toEqual([SINK]);
  });
});

describe('the checks of src/', () => {
  it('find static, dynamic and type imports, and exports', () => {
    const text = [
      "import { a } from './a.ts';",
      "import type { B } from '../b.ts';",
      "import '../x/c.ts';",
      "const d = await import('./d.ts');",
      "export * from './e.ts';",
      "import fs from 'node:fs';",
    ];
    const found = ['x/a.ts', 'b.ts', 'x/c.ts', 'x/d.ts', 'x/e.ts'];
    expect(importsOf('x/main.ts', text.join('\n'))).toEqual(found);
  });

  it('find a cycle, and none where two files import a third', () => {
    const graph = new Map([
      ['a', ['b', 'c']],
      ['b', ['d']],
      ['c', ['d']],
      ['d', []],
    ]);
    expect(findCycle(graph)).toEqual([]);
    expect(findCycle(new Map([...graph, ['d', ['b']]]))).toEqual([
      'b',
      'd',
      'b',
    ]);
    expect(findCycle(new Map([['a', ['a']]]))).toEqual(['a', 'a']);
  });
});
