/** The files that users and contributors read. */
import { readdirSync, readFileSync } from 'node:fs';

export const root = new URL('../../', import.meta.url);

export function text(path: string): string {
  return readFileSync(new URL(path, root), 'utf8');
}

export function files(folder: string, name: RegExp): string[] {
  const found = readdirSync(new URL(folder, root), {
    recursive: true,
    encoding: 'utf8',
  });
  return found
    .filter((path) => name.test(path))
    .map((path) => `${folder}${path.replaceAll('\\', '/')}`);
}

export const PAGES = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...files('docs/', /\.md$/),
  'bench/README.md',
  '__tests__/README.md',
];

/**
 * The contents of the fenced blocks of one language, without the indentation of
 * a list.
 */
export function blocks(markdown: string, language: string): string[] {
  const fence = new RegExp(
    `^( *)\`\`\`${language}\\n([\\s\\S]*?)^ *\`\`\`$`,
    'gm',
  );
  return [...markdown.matchAll(fence)].map(([, indent = '', block = '']) =>
    block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
}

export function withoutBlocks(markdown: string): string {
  return markdown.replaceAll(/^ *```[\s\S]*?^ *```$/gm, '');
}

/** The headings of one level, `2` for `##`. */
export function headings(markdown: string, level: number): string[] {
  const heading = new RegExp(`^#{${level}} (.+)$`, 'gm');
  return [...withoutBlocks(markdown).matchAll(heading)].map(
    ([, title = '']) => title,
  );
}

/** The anchors that GitHub gives to the headings of a page. */
export function anchors(markdown: string): string[] {
  return [1, 2, 3, 4].flatMap((level) =>
    headings(markdown, level).map((title) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N}_\- ]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** The cells of the table rows in a text, without the head. */
export function tableRows(markdown: string): string[][] {
  const lines = withoutBlocks(markdown).split('\n');
  const rows = lines.filter(
    (line, at) => line.startsWith('| ') && !/^\| ---/.test(lines[at + 1] ?? ''),
  );
  return rows
    .filter((line) => !/^\| ---/.test(line))
    .map((line) =>
      line
        .slice(2, -2)
        .split(/ \| /)
        .map((cell) => cell.trim()),
    );
}

/** The text of a `## ` section, with its heading. */
export function section(markdown: string, heading: string): string {
  return (
    markdown.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ??
    ''
  );
}
