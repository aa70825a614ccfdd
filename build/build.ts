/*
 * Makes dist/ from src/: tsc compiles to .build/, ncc bundles that, and the
 * licenses of what is in the bundle are written beside it. The same sources and
 * lockfile give the same bytes.
 */
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type BundledPackage,
  bundledPackages,
  heading,
  separator,
  statsFile,
} from './sbom.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');

function node(cwd: string, script: string, ...args: string[]): void {
  execFileSync(
    process.execPath,
    [join(root, 'node_modules', script), ...args],
    {
      cwd,
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
}

/** The license texts of packages. */
function licenses(packages: readonly BundledPackage[]): string {
  const texts = packages.map((one) => {
    const file = readdirSync(one.folder).find((entry) =>
      /^licen[cs]e/i.test(entry),
    );
    const text = file
      ? readFileSync(join(one.folder, file), 'utf8').trim()
      : `License: ${one.license}`;
    return `${heading(one)}\n\n${text.replaceAll('\r\n', '\n')}\n`;
  });
  return texts.join(separator);
}

rmSync(dist, { recursive: true, force: true });
rmSync(join(root, '.build'), { recursive: true, force: true });
mkdirSync(dist);
node(root, 'typescript/bin/tsc', '--project', 'tsconfig.build.json');
// ncc takes `paths` from the tsconfig.json of its working folder; there the
// stand-in is named.
node(
  join(root, 'build'),
  '@vercel/ncc/dist/ncc/cli.js',
  'build',
  '../.build/index.js',
  '--out',
  dist,
  '--stats-out',
  statsFile,
  '--quiet',
);
writeFileSync(
  join(dist, 'LICENSES.txt'),
  licenses(bundledPackages(JSON.parse(readFileSync(statsFile, 'utf8')))),
);
