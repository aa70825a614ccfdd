/*
 * Makes dist/ from src/: tsc compiles to .build/, ncc bundles that, and the
 * licenses of what is in the bundle are written beside it. The same sources and
 * lockfile give the same bytes. dist/ is replaced only when all of it is ready.
 */
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
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
const scratch = join(root, '.build');
const compiled = join(scratch, 'src');
const bundle = join(scratch, 'dist');
const dist = join(root, 'dist');

/** Runs a program of a package. Where it fails, its own message is enough. */
function run(cwd: string, script: string, ...args: string[]): void {
  const program = join(root, 'node_modules', script);
  const { status } = spawnSync(process.execPath, [program, ...args], {
    cwd,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}

/** The license texts of packages. */
function licenses(packages: readonly BundledPackage[]): string {
  const texts = packages.map((bundled) => {
    const file = readdirSync(bundled.folder).find((entry) =>
      /^licen[cs]e/i.test(entry),
    );
    const text = file
      ? readFileSync(join(bundled.folder, file), 'utf8').trim()
      : `License: ${bundled.license}`;
    return `${heading(bundled)}\n\n${text.replaceAll('\r\n', '\n')}\n`;
  });
  return texts.join(separator);
}

rmSync(scratch, { recursive: true, force: true });
mkdirSync(bundle, { recursive: true });
run(root, 'typescript/bin/tsc', '--project', 'tsconfig.build.json');
// ncc takes `paths` from the tsconfig.json of its working folder; there the
// stand-in is named.
run(
  join(root, 'build'),
  '@vercel/ncc/dist/ncc/cli.js',
  'build',
  join(compiled, 'index.js'),
  '--out',
  bundle,
  '--stats-out',
  statsFile,
  '--quiet',
);
const packages = bundledPackages(JSON.parse(readFileSync(statsFile, 'utf8')));
writeFileSync(join(bundle, 'LICENSES.txt'), licenses(packages));
rmSync(dist, { recursive: true, force: true });
renameSync(bundle, dist);
