import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadInputs } from '../../src/inputs/load-inputs.ts';
import { workspaceFiles } from '../../src/inputs/recipient-file.ts';
import { runScenario } from './scenario.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const dist = join(root, 'dist');
const action = parse(readFileSync(join(root, 'action.yml'), 'utf8'));

/**
 * Another Node on the PATH, older than the one of the lockfile: what a
 * self-hosted runner may have.
 */
function olderNode(): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'node'))
    .filter((file) => existsSync(file))
    .find((file) =>
      /^v2[0-3]\./.test(
        execFileSync(file, ['--version'], { encoding: 'utf8' }),
      ),
    );
}
const node = olderNode();

describe.concurrent('the bundle', () => {
  it.skipIf(node === undefined)('runs on an older Node too', async () => {
    const run = await runScenario({ node: node ?? '' });
    expect(run).toMatchObject({
      exitCode: 0,
      stderr: '',
      outputs: { status: 'associated', changed: 'true' },
    });
  });

  it('is what action.yml starts', () => {
    expect(action.runs).toEqual({ using: 'node24', main: 'dist/index.js' });
    expect(existsSync(join(root, action.runs.main))).toBe(true);
  });

  it('reads every input that is declared, and no other', () => {
    const read = new Set<string>();
    const env = new Proxy<Record<string, string>>(
      {},
      { get: (_, name) => void read.add(String(name)) },
    );
    loadInputs({ env, files: workspaceFiles, clean: (text) => text });
    const inputs = [...read].filter((name) => name.startsWith('INPUT_')).sort();
    expect(inputs).toEqual(
      Object.keys(action.inputs)
        .map((name) => `INPUT_${name.toUpperCase()}`)
        .sort(),
    );
  });

  it('has one HTTP client, and nothing of packages that it does not use', () => {
    const names = readdirSync(dist).filter((name) => name.endsWith('.js'));
    expect(names).toContain('index.js');
    const code = names
      .map((name) => readFileSync(join(dist, name), 'utf8'))
      .join('\n');
    const has = (text: string) => code.includes(text);
    for (const text of ['node_modules/undici', 'lib/dispatcher/', 'llhttp'])
      expect(has(text)).toBe(false);
    // Of node-fetch, once.
    expect(code.split('maximum redirect reached at')).toHaveLength(2);
    // `@actions/core` is there, but what it would send requests with is the
    // stand-in.
    expect(has('This is not part of the bundle')).toBe(true);
    expect(has('class HttpClientResponse')).toBe(false);
  });

  it('includes the license of everything in it', () => {
    const licenses = readFileSync(join(dist, 'LICENSES.txt'), 'utf8');
    const { dependencies } = JSON.parse(
      readFileSync(join(root, 'package.json'), 'utf8'),
    );
    for (const name of Object.keys(dependencies)) {
      expect(licenses).toMatch(
        new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, 'm'),
      );
    }
    expect(licenses).not.toMatch(/^(undici|fetch-blob|formdata-polyfill) /m);
    const entries = licenses.split(/\n-{72}\n\n/);
    for (const entry of entries)
      expect(entry).toMatch(/^\S+ \d\S* \(\S+\)\n\n(License: \S|[\s\S]{200})/);
  });

  it('needs no file but its own', async () => {
    const run = await runScenario({
      env: { NODE_PATH: undefined, HOME: undefined },
      inputs: { 'dry-run': 'true' },
    });
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
  });
});
