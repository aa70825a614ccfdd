import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type ActionFile, withTables } from '../docs/build.ts';
import { HINTS } from '../src/report/hints.ts';
import { VERSION } from '../src/version.ts';

const root = new URL('../', import.meta.url);
const text = (path: string) => readFileSync(new URL(path, root), 'utf8');
const PAGES = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'];
const action = parse(text('action.yml')) as ActionFile;
const readme = text('README.md');

/** The contents of the fenced blocks of one language. */
function blocks(markdown: string, language: string): string[] {
  return [...markdown.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    (match) => match[1] ?? '',
  );
}

/** The anchors that GitHub gives to the headings of a page. */
function anchors(markdown: string): string[] {
  const outside = markdown.replace(/^```[\s\S]*?^```$/gm, '');
  return [...outside.matchAll(/^#{1,6} (.+)$/gm)].map((match) =>
    (match[1] ?? '')
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

/** The text of one section, without its heading. */
function section(markdown: string, heading: string): string {
  return markdown.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
}

describe('the tables of the README', () => {
  it('agree with action.yml and the hints', () => {
    expect(withTables(readme, action)).toBe(readme);
  });

  it('would be written anew after a change of action.yml, and only once', () => {
    const changed: ActionFile = {
      ...action,
      inputs: { ...action.inputs, 'new-input': { description: 'What\n|is new' } },
    };
    const written = withTables(readme, changed);
    expect(written).toContain('| `new-input` | What \\|is new |  |');
    expect(withTables(written, changed)).toBe(written);
  });

  it('are missed when a marker is gone', () => {
    expect(() => withTables(readme.replace('<!-- outputs -->', ''), action)).toThrow(/<!-- outputs -->/);
  });
});

describe('the hints', () => {
  it.each(Object.entries(HINTS))('%s is told in the troubleshooting section', (_cause, { title }) => {
    expect(section(readme, 'Troubleshooting')).toContain(`| ${title} |`);
  });

  it.each(Object.entries(HINTS))(
    '%s links to a section that is there, or to Cloudflare',
    (_cause, { link }) => {
      const anchor = /^https:\/\/github\.com\/OWNER\/cloudflare-share-recipient#(.+)$/.exec(link)?.[1];
      if (anchor) expect(anchors(readme)).toContain(anchor);
      else expect(link).toMatch(/^https:\/\/developers\.cloudflare\.com\/./);
    },
  );

  it('and the warnings that the README names are those of the report', () => {
    const table = section(readme, 'Troubleshooting').split('<!-- /hints -->')[1] ?? '';
    const named = [...table.matchAll(/^\| ([A-Z][^|]*?) \|/gm)]
      .map((match) => match[1] ?? '')
      .filter((title) => title !== 'Warning or notice');
    const source = text('src/report/report.ts');
    const given = [...source.matchAll(/annotate\(\s*'(?:warning|notice)',\s*'([^']+)'/g)].map(
      (match) => match[1] ?? '',
    );
    expect(given.length).toBeGreaterThan(4);
    expect([...new Set(named)].sort()).toEqual([...new Set(given)].sort());
  });
});

describe('the YAML of the README', () => {
  interface Step {
    id?: string;
    uses?: string;
    with?: Record<string, unknown>;
  }
  const stepsOf = (value: unknown): Step[] => {
    if (Array.isArray(value)) return value.flatMap(stepsOf);
    if (typeof value !== 'object' || value === null) return [];
    return 'uses' in value ? [value as Step] : Object.values(value).flatMap(stepsOf);
  };
  const examples = blocks(readme, 'yaml');
  const uses = examples.flatMap((yaml) => stepsOf(parse(yaml)));

  it('is there, in ten lines for a start', () => {
    expect(examples.length).toBeGreaterThan(4);
    expect(examples[0]?.trimEnd().split('\n')).toHaveLength(10);
  });

  it('uses this action at its major version, with inputs that it has', () => {
    expect(uses.length).toBeGreaterThanOrEqual(examples.length);
    for (const step of uses) {
      expect(step.uses).toBe(`OWNER/cloudflare-share-recipient@v${VERSION.split('.')[0]}`);
      expect(Object.keys(action.inputs)).toEqual(expect.arrayContaining(Object.keys(step.with ?? {})));
      const required = Object.entries(action.inputs).filter(([, input]) => input.required);
      expect(Object.keys(step.with ?? {})).toEqual(expect.arrayContaining(required.map(([name]) => name)));
    }
  });

  it('reads outputs that the action has', () => {
    const read = examples.flatMap((yaml) => [
      ...yaml.matchAll(/(?:steps|needs)\.[\w-]+\.outputs\.([\w-]+)/g),
    ]);
    expect(read.length).toBeGreaterThan(2);
    for (const [, name] of read) expect(Object.keys(action.outputs)).toContain(name);
  });

  it('shows the members of the output recipients that action.yml names', () => {
    const [example] = blocks(readme, 'json').map((json) => JSON.parse(json) as object);
    const named = action.outputs['recipients']?.description.split(':')[1]?.match(/\w+/g);
    expect(Object.keys(example ?? {})).toEqual(named);
  });
});

describe('the versions', () => {
  const { version } = JSON.parse(text('package.json')) as { version: string };

  it('of package.json, src/version.ts and the newest release in CHANGELOG.md agree', () => {
    const [newest] = [...text('CHANGELOG.md').matchAll(/^## \[(\d[^\]]*)\] - \d{4}-\d\d-\d\d$/gm)];
    expect([version, newest?.[1]]).toEqual([VERSION, VERSION]);
  });

  it('in the CHANGELOG have links', () => {
    const changelog = text('CHANGELOG.md');
    for (const [, name] of changelog.matchAll(/^## \[([^\]]+)\]/gm)) {
      expect(changelog).toMatch(new RegExp(`^\\[${name}\\]: https://\\S+$`, 'm'));
    }
  });
});

describe.each(PAGES)('%s', (page) => {
  const markdown = text(page);

  it('names only npm scripts that exist', () => {
    const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> };
    const named = [...markdown.matchAll(/npm (?:run ([\w:-]+)|(test)\b)/g)].map(
      (match) => match[1] ?? match[2],
    );
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named));
  });

  it('has relative links that lead somewhere', () => {
    const broken = [...markdown.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)].filter(
      ([, path, anchor]) => {
        const target = path || page;
        if (!existsSync(new URL(target, root))) return true;
        return anchor !== undefined && !anchors(text(target)).includes(anchor);
      },
    );
    expect(broken.map(([link]) => link)).toEqual([]);
  });

  it('names only files that are there', () => {
    const named = [
      ...markdown.matchAll(/`((?:src|build|simulator|docs|bench|examples|__tests__)\/[\w./-]*)`/g),
    ];
    const missing = named.map((match) => match[1] ?? '').filter((path) => !existsSync(new URL(path, root)));
    expect(missing).toEqual([]);
  });
});

it('links to every example', () => {
  const examples = readdirSync(new URL('examples', root)).filter((name) => name.endsWith('.yml'));
  expect(examples.length).toBeGreaterThan(5);
  for (const name of examples) expect(readme).toContain(`[\`${name}\`](examples/${name})`);
});

it('shows a picture that is not too heavy', () => {
  expect(readFileSync(fileURLToPath(new URL('docs/summary.png', root))).length).toBeLessThan(150_000);
});

it('has nothing of undici in the bundle, as CONTRIBUTING.md says', () => {
  const packages = text('dist/LICENSES.txt').match(/^(?:@[\w-]+\/)?[\w.-]+ \d+\.\d+\.\d+\S* \(.+\)$/gm) ?? [];
  expect(packages.some((name) => name.startsWith('@actions/core '))).toBe(true);
  expect(packages.filter((name) => name.startsWith('undici '))).toEqual([]);
});
