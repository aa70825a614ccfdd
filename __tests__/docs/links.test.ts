/** Links, anchors and names of files in what users and contributors read. */
import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesWithOwner, SLUG, withOwner } from '../../docs/build.ts';
import { helpUrl, TITLES } from '../../src/report/failure-guide.ts';
import {
  anchors,
  blocks,
  files,
  PAGES,
  root,
  text,
  withoutBlocks,
} from './pages.ts';

const TEMPLATES = files('.github/', /\.(md|yml)$/).filter((path) =>
  /TEMPLATE/.test(path),
);

/**
 * What is wrong with a link to a path of this repository, seen from `page`;
 * null if it leads somewhere.
 */
function problem(page: string, link: string): string | null {
  const [path = '', anchor] = link.split('#');
  const target = path ? posix.join(posix.dirname(page), path) : page;
  if (!existsSync(new URL(target, root)))
    return `${page}: ${link}: no such file`;
  if (anchor && !anchors(text(target)).includes(anchor))
    return `${page}: ${link}: no such heading`;
  return null;
}

describe.each(PAGES)('%s', (page) => {
  const markdown = text(page);
  const prose = withoutBlocks(markdown);

  it('has relative links and pictures that resolve', () => {
    const links = [
      ...prose.matchAll(/\]\((?!https?:)([^)\s]+)\)/g),
      ...prose.matchAll(/src(?:set)?="([^"]+)"/g),
    ];
    expect(links.flatMap(([, link = '']) => problem(page, link) ?? [])).toEqual(
      [],
    );
  });

  /** From the root, or from the folder of the page. */
  const exists = (path: string) =>
    existsSync(new URL(path, root)) ||
    existsSync(new URL(path, new URL(page, root)));

  it('names only files that exist', () => {
    const named = [
      ...prose.matchAll(
        /`((?:\.ci|src|build|simulator|docs|bench|examples|__tests__)\/[\w./-]*)`/g,
      ),
    ];
    expect(
      named.map(([, path = '']) => path).filter((path) => !exists(path)),
    ).toEqual([]);
  });

  it('names only npm scripts that exist', () => {
    const { scripts } = JSON.parse(text('package.json')) as {
      scripts: Record<string, string>;
    };
    const named = [
      ...markdown.matchAll(/npm (?:run (?!-)([\w:-]+)|(test)\b)/g),
    ].map(([, run, test]) => run ?? test);
    expect(named.filter((name) => !Object.hasOwn(scripts, name ?? ''))).toEqual(
      [],
    );
  });
});

describe('the owner of the repository', () => {
  it('is that of package.json, wherever a file names it', () => {
    for (const path of filesWithOwner())
      expect(withOwner(text(path), path), path).toBe(text(path));
  });

  it('would be written by npm run docs after a change', () => {
    const other = text('README.md').replaceAll(
      SLUG,
      'somebody/cloudflare-share-recipient',
    );
    expect(withOwner(other, 'README.md')).toBe(text('README.md'));
    expect(withOwner('* @other/maintainers\n', '.github/CODEOWNERS')).toBe(
      text('.github/CODEOWNERS').replace(/^#.*\n/, ''),
    );
  });

  it('owns the code as a team, because an organization cannot', () => {
    expect(text('.github/CODEOWNERS')).toMatch(/^\* @[\w-]+\/[\w-]+$/m);
  });

  it('is in no link or workflow a placeholder', () => {
    for (const path of [
      ...PAGES,
      ...TEMPLATES,
      ...files('examples/', /\.yml$/),
    ]) {
      expect(text(path), path).not.toMatch(/\bOWNER\b/);
    }
  });

  it('is in links to files of this repository that exist', () => {
    const link = new RegExp(
      `https://github\\.com/${SLUG}/blob/main/([^\\s)]+)`,
      'g',
    );
    const linked = [...PAGES, ...TEMPLATES].flatMap((path) => [
      ...text(path).matchAll(link),
    ]);
    expect(linked.length).toBeGreaterThan(0);
    expect(
      linked.flatMap(([, path = '']) => problem('README.md', path) ?? []),
    ).toEqual([]);
  });
});

it.each(Object.keys(TITLES) as (keyof typeof TITLES)[])(
  'the help link of "%s" leads to its heading',
  (cause) => {
    const url = helpUrl(cause, `https://github.com/${SLUG}/blob/v1/docs`) ?? '';
    expect(
      problem(
        'a-help-link',
        url.replace(`https://github.com/${SLUG}/blob/v1/`, ''),
      ),
    ).toBeNull();
  },
);

it('every example is described in docs/examples.md', () => {
  const examples = files('examples/', /\.yml$/);
  expect(examples.length).toBeGreaterThan(7);
  for (const path of examples)
    expect(text('docs/examples.md')).toContain(`](../${path})`);
});

it('the pictures of the README are small, and there is one for each theme', () => {
  const pictures = files('docs/pictures/', /\.png$/);
  const names = ['failure', 'fleet', 'plan', 'success'].flatMap((name) => [
    `${name}-dark`,
    `${name}-light`,
  ]);
  expect(pictures.sort()).toEqual(
    names.map((name) => `docs/pictures/${name}.png`),
  );
  for (const path of pictures) {
    expect(readFileSync(new URL(path, root)).length, path).toBeLessThan(
      100_000,
    );
    expect(text('README.md')).toContain(`"${path}"`);
  }
});

it('the two commands for a clone are lines of their own in the README', () => {
  const commands = blocks(text('README.md'), 'sh').flatMap((block) =>
    block.split('\n'),
  );
  expect(commands).toEqual(
    expect.arrayContaining(['npm ci && npm run demo', 'npm ci && npm test']),
  );
});
