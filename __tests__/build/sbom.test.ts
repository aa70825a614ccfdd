import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  bundledPackages,
  createSbom,
  heading,
  headingsIn,
} from '../../build/sbom.ts';

const ROOT = join(import.meta.dirname, '../..');
const DIST = join(ROOT, 'dist');
const ACTION = {
  name: 'cloudflare-share-recipient',
  version: '1.2.3',
  license: 'MIT',
};
const licensed = headingsIn(readFileSync(join(DIST, 'LICENSES.txt'), 'utf8'));

/** Names of the packages whose modules ncc marks in the bundle. */
function packagesInCode(): string[] {
  const code = readdirSync(DIST)
    .filter((name) => name.endsWith('.js'))
    .map((name) => readFileSync(join(DIST, name), 'utf8'));
  const found = code
    .join('\n')
    .matchAll(
      /^;\/\/ CONCATENATED MODULE: \S*node_modules\/((?:@[^/]+\/)?[^/]+)\//gm,
    );
  return [...new Set([...found].map(([, name]) => name ?? ''))].sort();
}

const modulesOf = (files: string[]) => ({
  modules: files.map((nameForCondition) => ({ nameForCondition })),
});

describe('the bill of materials', () => {
  const files = licensed.map((line) =>
    join(ROOT, 'node_modules', line.split(' ')[0] ?? '', 'index.js'),
  );
  const packages = bundledPackages(modulesOf(files));
  const { components } = createSbom(ACTION, packages);

  it('lists every package that has code in dist/, and no other', () => {
    const names = components.map(({ group, name }) =>
      group ? `${group}/${name}` : name,
    );
    expect(packagesInCode().length).toBeGreaterThan(10);
    expect(names).toEqual(packagesInCode());
  });

  it('lists the versions and licenses in dist/LICENSES.txt, which are those of the lockfile', () => {
    expect(packages.map(heading)).toEqual(licensed);
    const lock = JSON.parse(
      readFileSync(join(ROOT, 'package-lock.json'), 'utf8'),
    ) as {
      packages: Record<string, { version: string; license: string }>;
    };
    const locked = packages.map(({ name, folder }) => {
      const { version = '', license = '' } =
        lock.packages[`node_modules/${name}`] ?? {};
      return heading({ name, version, license, folder });
    });
    expect(packages.map(heading)).toEqual(locked);
  });

  it('has a package URL for each package, and what actions/attest recognizes CycloneDX by', () => {
    const sbom = createSbom(ACTION, packages);
    const versionOf = (name: string) =>
      packages.find((one) => one.name === name)?.version;
    expect(components.map(({ purl }) => purl)).toEqual(
      expect.arrayContaining([
        `pkg:npm/%40actions/core@${versionOf('@actions/core')}`,
        `pkg:npm/node-fetch@${versionOf('node-fetch')}`,
      ]),
    );
    expect(sbom).toMatchObject({
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
      serialNumber: expect.stringMatching(
        /^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
      ),
      metadata: {
        component: { type: 'application', name: ACTION.name, version: '1.2.3' },
      },
    });
  });

  it('is the same text for the same bundle, and has another serial number for another one', () => {
    expect(createSbom(ACTION, packages)).toEqual(
      createSbom(ACTION, bundledPackages(modulesOf(files))),
    );
    const other = createSbom(ACTION, packages.slice(1));
    expect(other.serialNumber).not.toBe(
      createSbom(ACTION, packages).serialNumber,
    );
  });
});

describe('the packages of a bundle', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sbom-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function install(path: string, name: string, version: string): string {
    const file = join(folder, path, 'package.json');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify({ name, version, license: 'ISC' }));
    return join(folder, path, 'lib/index.js');
  }

  it('are found in nested modules and nested folders, once for each version, without our own files', () => {
    const one = install('node_modules/one', 'one', '1.0.0');
    const scoped = install('node_modules/@scope/two', '@scope/two', '2.0.0');
    const nested = install(
      'node_modules/one/node_modules/@scope/two',
      '@scope/two',
      '3.0.0',
    );
    const twice = install(
      'node_modules/@scope/two/node_modules/one',
      'one',
      '1.0.0',
    );
    const stats = {
      modules: [
        { nameForCondition: join(folder, '.build/index.js') },
        {
          nameForCondition: twice,
          modules: [{ nameForCondition: one }, { nameForCondition: nested }],
        },
        { nameForCondition: scoped.replaceAll('/', '\\') },
        {},
      ],
    };
    expect(bundledPackages(stats).map(heading)).toEqual([
      '@scope/two 2.0.0 (ISC)',
      '@scope/two 3.0.0 (ISC)',
      'one 1.0.0 (ISC)',
    ]);
  });
});
