import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const COPIED = [
  'build',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
];

/** Builds a copy of the project whose only source is this text. */
function build(source: string) {
  const copy = mkdtempSync(join(tmpdir(), 'build-'));
  onTestFinished(() => rmSync(copy, { recursive: true }));
  for (const name of COPIED) {
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  for (const folder of ['src', 'dist']) mkdirSync(join(copy, folder));
  writeFileSync(join(copy, 'src', 'index.ts'), source);
  writeFileSync(join(copy, 'dist', 'index.js'), 'the last build');
  writeFileSync(join(copy, 'dist', 'old.js'), 'a file of the last build');

  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(copy, 'build', 'build.ts')],
    { cwd: copy, encoding: 'utf8' },
  );
  const bundle = readFileSync(join(copy, 'dist', 'index.js'), 'utf8');
  const files = readdirSync(join(copy, 'dist'));
  return { status, stdout, stderr, bundle, files };
}

describe('a build', () => {
  it('replaces dist/', () => {
    const { status, stdout, stderr, bundle, files } = build(
      `export const answer: number = 'to build'.length;`,
    );
    expect([status, stdout, stderr]).toEqual([0, '', '']);
    expect(bundle).toContain("'to build'.length");
    expect(files).not.toContain('old.js');
  });

  it('prints what tsc says of a type error and nothing else, and leaves dist/ as it was', () => {
    const { status, stdout, stderr, bundle, files } = build(
      `export const answer: number = 'x';`,
    );
    expect(status).toBeGreaterThan(0);
    expect(`${stdout}${stderr}`.trim()).toBe(
      "src/index.ts(1,14): error TS2322: Type 'string' is not assignable to type 'number'.",
    );
    expect([bundle, files]).toEqual(['the last build', ['index.js', 'old.js']]);
  });
});
