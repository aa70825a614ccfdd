/** What the docs say about the action and about this repository. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type ActionFile, withTables } from '../../docs/build.ts';
import { VERSION } from '../../src/github/context.ts';
import { LONGEST_INTERVAL_MS } from '../../src/reconcile/polling.ts';
import { TITLES } from '../../src/report/failure-guide.ts';
import { WARNING_TITLES } from '../../src/report/wording.ts';
import {
  blocks,
  files,
  headings,
  PAGES,
  root,
  section,
  tableRows,
  text,
} from './pages.ts';

const action = parse(text('action.yml')) as ActionFile;
const readme = text('README.md');
const packageFile = JSON.parse(text('package.json')) as {
  version: string;
  dependencies: Record<string, string>;
};

describe('the README', () => {
  it('has the tables that action.yml gives', () => {
    expect(withTables(readme, action)).toBe(readme);
  });

  it('would get a new line after a change of action.yml, and only once', () => {
    const description = 'What\n|is new: api-url, "x" and associated';
    const changed: ActionFile = {
      ...action,
      outputs: { ...action.outputs, extra: { description } },
    };
    const written = withTables(readme, changed);
    expect(written).toContain(
      '| `extra` | What \\|is new: `api-url`, `x` and `associated` |',
    );
    expect(withTables(written, changed)).toBe(written);
  });

  it('cannot lose a table, or an input in it, without an error', () => {
    expect(() =>
      withTables(readme.replace('<!-- outputs -->', ''), action),
    ).toThrow(/<!-- outputs -->/);
    const inputs = { ...action.inputs, extra: { description: 'x' } };
    expect(() => withTables(readme, { ...action, inputs })).toThrow(/GROUPS/);
  });

  it('can be read in three minutes', () => {
    // Tables are looked up, not read.
    const lines = readme.split('\n').filter((line) => !line.startsWith('|'));
    expect(lines.length).toBeLessThanOrEqual(170);
  });
});

describe('docs/troubleshooting.md', () => {
  const page = text('docs/troubleshooting.md');

  it('has one heading for each title, verbatim, in the order of the guide, and one for warnings', () => {
    expect(headings(page, 2)).toEqual([...Object.values(TITLES), 'Warnings']);
  });

  it.each(Object.values(TITLES))(
    'has symptom, cause, a check and a fix for "%s"',
    (title) => {
      const parts = [
        ...section(page, title).matchAll(/^- \*\*(.+?)\*\*: .{10}/gm),
      ].map(([, part]) => part);
      expect(parts).toEqual(['Symptom', 'Likely cause', 'Check', 'Fix']);
    },
  );

  it('lists the warnings of the report, with their verbatim titles', () => {
    const listed = tableRows(section(page, 'Warnings')).map(([title]) => title);
    expect(listed.sort()).toEqual(Object.values(WARNING_TITLES).sort());
  });
});

describe('docs/how-it-works.md', () => {
  it('has the longest interval between two polls', () => {
    const seconds = LONGEST_INTERVAL_MS / 1_000;
    expect(text('docs/how-it-works.md')).toContain(
      `at most ${seconds} seconds, ±10 %`,
    );
  });

  it('has the decisions that comments in src/reconcile/decide.ts refer to', () => {
    const letters = [
      ...text('src/reconcile/decide.ts').matchAll(
        /\/\/ ((?:[AP]\d(?:, )?)+)$/gm,
      ),
    ];
    const used = letters.flatMap(([, list = '']) => list.split(', '));
    const rows = tableRows(text('docs/how-it-works.md')).map(
      ([letter = '']) => letter,
    );
    const described = rows.filter((letter) => /^[AP]\d$/.test(letter));
    expect(described).toEqual(
      [...'123456789']
        .flatMap((n) => `P${n}`)
        .concat([...'123456789'].map((n) => `A${n}`)),
    );
    expect([...new Set(used)].sort()).toEqual([...described].sort());
  });

  it('has every section that comments refer to', () => {
    const sources = files('src/', /\.ts$/).map(text).join('');
    const named = [
      ...sources.matchAll(/"([^"]+)"[\s*/]+in[\s*/]+docs\/how-it-works\.md/g),
    ].map(([, name]) => name);
    expect(named.length).toBeGreaterThan(0);
    expect(headings(text('docs/how-it-works.md'), 2)).toEqual(
      expect.arrayContaining(named),
    );
  });
});

it('README, docs and examples use the variables and secrets that docs/examples.md lists, and no others', () => {
  const kinds: Record<string, string> = { Variable: 'vars', Secret: 'secrets' };
  const listed = tableRows(
    section(text('docs/examples.md'), 'Names that they use'),
  )
    .filter(([kind = '']) => kind in kinds)
    .map(
      ([kind = '', name = '']) => `${kinds[kind]}.${name.replaceAll('`', '')}`,
    );
  const sources = [
    'README.md',
    ...files('docs/', /\.md$/),
    ...files('examples/', /\.yml$/),
  ].map(text);
  const used = sources.flatMap(
    (source) => source.match(/\b(?:vars|secrets)\.[A-Z_]+/g) ?? [],
  );
  expect([...new Set(used)].sort()).toEqual(listed.sort());
});

it('docs/examples.md says what each cause of a failure means', () => {
  const topics = ['inputs', 'read-only', 'outputs'];
  const causes = Object.keys(TITLES).filter((key) => !topics.includes(key));
  const page = section(text('docs/examples.md'), 'After a partial failure');
  const listed = tableRows(page).flatMap(([names = '']) =>
    names.replaceAll('`', '').split(', '),
  );
  expect(listed.sort()).toEqual(causes.sort());
});

describe('SECURITY.md', () => {
  const promises = tableRows(
    text('SECURITY.md').split(/<!-- \/?promises -->/)[1] ?? '',
  );
  const tests = promises.flatMap(([promise = '', shownBy = '']) =>
    [...shownBy.matchAll(/\[`([^`]+)`\]\(([^)]+)\): "([^"]+)"/g)].map(
      ([, name = '', path = '', title = '']) => ({
        promise,
        name,
        path,
        title,
      }),
    ),
  );

  it('names a test for each promise', () => {
    expect(promises.length).toBeGreaterThan(10);
    for (const [promise] of promises)
      expect(tests.map((test) => test.promise)).toContain(promise);
  });

  it.each(tests)('$name has a test "$title"', ({ name, path, title }) => {
    expect(path.endsWith(`/${name}`)).toBe(true);
    expect(existsSync(new URL(path, root))).toBe(true);
    expect(text(path)).toContain(`'${title}'`);
  });
});

describe('CONTRIBUTING.md', () => {
  const page = text('CONTRIBUTING.md');

  it('says for each source file what it is for', () => {
    const sources = files('src/', /\.ts$/);
    expect(sources.filter((path) => !page.includes(`\`${path}\``))).toEqual([]);
  });

  it('has one line for each runtime dependency', () => {
    const listed = tableRows(section(page, 'Dependencies')).map(([name = '']) =>
      name.replaceAll('`', ''),
    );
    expect(listed.sort()).toEqual(Object.keys(packageFile.dependencies).sort());
  });

  it('says truly that nothing of undici is in the bundle', () => {
    const licenses = readFileSync(new URL('dist/LICENSES.txt', root), 'utf8');
    const packages =
      licenses.match(/^(?:@[\w-]+\/)?[\w.-]+ \d+\.\d+\.\d+\S* \(.+\)$/gm) ?? [];
    expect(packages.some((name) => name.startsWith('@actions/core '))).toBe(
      true,
    );
    expect(packages.filter((name) => name.startsWith('undici '))).toEqual([]);
  });
});

describe('the versions', () => {
  it('of package.json and src/github/context.ts agree', () => {
    expect(VERSION).toBe(packageFile.version);
  });

  it('in CHANGELOG.md are that version at the top, or nothing is released yet', () => {
    const [newest] = [
      ...text('CHANGELOG.md').matchAll(
        /^## \[(\d[^\]]*)\] - \d{4}-\d\d-\d\d$/gm,
      ),
    ];
    expect(newest?.[1] ?? VERSION).toBe(VERSION);
  });

  it('in CHANGELOG.md have links', () => {
    const changelog = text('CHANGELOG.md');
    for (const [, name] of changelog.matchAll(/^## \[([^\]]+)\]/gm)) {
      expect(changelog).toMatch(
        new RegExp(`^\\[${name}\\]: https://\\S+$`, 'm'),
      );
    }
  });

  it('in README, docs and examples have the major version of package.json', () => {
    const major = `v${packageFile.version.split('.')[0]}`;
    const sources = [...PAGES, ...files('examples/', /\.yml$/)].map(text);
    const used = sources.flatMap(
      (source) => source.match(/\/cloudflare-share-recipient@v\d+/g) ?? [],
    );
    expect(used.length).toBeGreaterThan(10);
    expect(used.filter((name) => !name.endsWith(`@${major}`))).toEqual([]);
  });
});

it('the JSON of the docs can be parsed', () => {
  for (const page of PAGES) {
    for (const json of blocks(text(page), 'json'))
      expect(() => JSON.parse(json), page).not.toThrow();
  }
});
