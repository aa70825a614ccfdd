/*
 * Prints what is in dist/ as a CycloneDX bill of materials, for the attestation
 * of a release. It is made from ncc's statistics of the last build, so it lists
 * the packages with a file in the bundle and not what npm installs.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Where build.ts has ncc write its statistics. */
export const statsFile: string = join(root, '.build', 'stats.json');

export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly folder: string;
}

interface StatsModule {
  nameForCondition?: string;
  modules?: StatsModule[];
}

/**
 * Lists every npm package with a file in the bundle, sorted by name and
 * version.
 */
export function bundledPackages(stats: {
  modules: StatsModule[];
}): BundledPackage[] {
  const filesOf = (modules: StatsModule[]): string[] =>
    modules.flatMap((module) => [
      module.nameForCondition ?? '',
      ...filesOf(module.modules ?? []),
    ]);
  const folders = filesOf(stats.modules).map(
    (file) =>
      /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(
        file.replaceAll('\\', '/'),
      )?.[0] ?? '',
  );
  const packages = [...new Set(folders)]
    .filter(Boolean)
    .map((folder): [string, BundledPackage] => {
      const text = readFileSync(join(folder, 'package.json'), 'utf8');
      const { name, version, license } = JSON.parse(text) as BundledPackage;
      return [`${name} ${version}`, { name, version, license, folder }];
    });
  // npm may install one version in two places.
  return [...new Map(packages)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, one]) => one);
}

/** Separates the packages in LICENSES.txt. */
export const separator: string = `\n${'-'.repeat(72)}\n\n`;

/** `name version (license)`: how LICENSES.txt names a package. */
export function heading({ name, version, license }: BundledPackage): string {
  return `${name} ${version} (${license})`;
}

/** The headings in LICENSES.txt. */
export function headingsIn(licenses: string): string[] {
  return licenses.split(separator).map((text) => text.split('\n', 1)[0] ?? '');
}

/** Creates the bill of materials. The same bundle gives the same text. */
export function createSbom(
  action: Omit<BundledPackage, 'folder'>,
  packages: readonly BundledPackage[],
) {
  const component = (
    { name, version, license }: Omit<BundledPackage, 'folder'>,
    type: string,
  ) => {
    const [, group, base] = /^(?:(@[^/]+)\/)?(.+)$/.exec(name) ?? [];
    const purl = `pkg:npm/${group ? `${encodeURIComponent(group)}/` : ''}${base}@${version}`;
    const licenses = [{ expression: license }];
    return {
      type,
      'bom-ref': purl,
      ...(group && { group }),
      name: base,
      version,
      licenses,
      purl,
    };
  };
  const metadata = { component: component(action, 'application') };
  const components = packages.map((bundled) => component(bundled, 'library'));
  const hash = createHash('sha256')
    .update(JSON.stringify({ metadata, components }))
    .digest('hex');
  const [, ...groups] = /^(.{8})(.{4})(.{4})(.{4})(.{12})/.exec(hash) ?? [];
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    // actions/attest recognizes the format by this member too.
    serialNumber: `urn:uuid:${groups.join('-')}`,
    version: 1,
    metadata,
    components,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const packages = bundledPackages(JSON.parse(readFileSync(statsFile, 'utf8')));
  const licenses = headingsIn(
    readFileSync(join(root, 'dist', 'LICENSES.txt'), 'utf8'),
  );
  if (`${licenses}` !== `${packages.map(heading)}`)
    throw new Error('dist/ is from another build than .build/');
  const action = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  console.log(JSON.stringify(createSbom(action, packages), null, 2));
}
