/*
 * Makes dist/ from src/: tsc compiles to .build/, ncc bundles that, and the licences of what got in are written
 * beside it. The same sources and lockfile give the same bytes.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');

function node(cwd: string, script: string, ...args: string[]): void {
  execFileSync(process.execPath, [join(root, 'node_modules', script), ...args], {
    cwd,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

/** The licence text of every npm package with a file in the bundle, sorted by name. */
function licences(modules: readonly string[]): string {
  const folders = new Map<string, string>();
  for (const module of modules) {
    const match = /^(.*node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(module.replaceAll('\\', '/'));
    if (match?.[1] && match[2]) folders.set(match[1], match[2]);
  }
  const texts = [...folders].map(([folder, name]) => {
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      version: string;
      license: string;
    };
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file ? readFileSync(join(folder, file), 'utf8').trim() : `License: ${license}`;
    return `${name} ${version} (${license})\n\n${text.replaceAll('\r\n', '\n')}\n`;
  });
  return `${[...new Set(texts)].sort().join(`\n${'-'.repeat(72)}\n\n`)}`;
}

rmSync(dist, { recursive: true, force: true });
rmSync(join(root, '.build'), { recursive: true, force: true });
mkdirSync(dist);
node(root, 'typescript/bin/tsc', '--project', 'tsconfig.build.json');
// ncc takes `paths` from the tsconfig.json of its working folder; there the stand-in is named.
const stats = join(root, '.build', 'stats.json');
node(
  join(root, 'build'),
  '@vercel/ncc/dist/ncc/cli.js',
  'build',
  '../.build/index.js',
  '--out',
  dist,
  '--stats-out',
  stats,
  '--quiet',
);
interface StatsModule {
  nameForCondition?: string;
  modules?: StatsModule[];
}
const paths = (modules: StatsModule[]): string[] =>
  modules.flatMap((module) => [module.nameForCondition ?? '', ...paths(module.modules ?? [])]);
const { modules } = JSON.parse(readFileSync(stats, 'utf8')) as { modules: StatsModule[] };
writeFileSync(join(dist, 'LICENSES.txt'), licences(paths(modules)));
