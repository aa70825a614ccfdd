/*
 * `npm run docs`: writes the tables of inputs and outputs from action.yml, and that of the hints from
 * src/report/hints.ts, into README.md, between markers such as `<!-- inputs -->` … `<!-- /inputs -->`.
 * `npm run docs -- --check` writes nothing and fails when it would.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { HINTS } from '../src/report/hints.ts';

/** The part of action.yml that the tables are made of. */
export interface ActionFile {
  readonly inputs: Readonly<
    Record<string, { description: string; required?: boolean; default?: string | undefined }>
  >;
  readonly outputs: Readonly<Record<string, { description: string }>>;
}

const root = new URL('../', import.meta.url);

/** Names with a hyphen and environment variables can be no ordinary words, so they are set as code. */
function marked(description: string, names: readonly string[]): string {
  const text = description.replace(/\s+/g, ' ').trim().replaceAll('|', '\\|');
  const hyphenated = names.filter((name) => name.includes('-')).sort((a, b) => b.length - a.length);
  return text.replace(
    new RegExp(`(?<![\\w-])(?:${hyphenated.join('|')}|[A-Z]+(?:_[A-Z]+)+)(?![\\w-])`, 'g'),
    '`$&`',
  );
}

function table(heads: readonly string[], rows: readonly string[][]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

/** The tables as Markdown, by the name of their markers. */
function tables({ inputs, outputs }: ActionFile): Record<string, string> {
  const names = [...Object.keys(inputs), ...Object.keys(outputs)];
  return {
    inputs: table(
      ['Input', 'Meaning', 'Default'],
      Object.entries(inputs).map(([name, input]) => [
        `\`${name}\``,
        marked(input.description, names),
        input.default === undefined ? (input.required ? 'required' : '') : `\`${input.default}\``,
      ]),
    ),
    outputs: table(
      ['Output', 'Meaning'],
      Object.entries(outputs).map(([name, output]) => [`\`${name}\``, marked(output.description, names)]),
    ),
    hints: table(
      ['Title', 'Why, and what to do'],
      Object.values(HINTS).map(({ title, text }) => [title, marked(text, names)]),
    ),
  };
}

/**
 * Puts the tables between their markers; all other text stays as it is.
 * @param readme the text of README.md
 * @param action the parsed action.yml
 */
export function withTables(readme: string, action: ActionFile): string {
  let text = readme;
  for (const [name, content] of Object.entries(tables(action))) {
    const between = new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(<!-- /${name} -->)`);
    if (!between.test(text)) throw new Error(`README.md has no <!-- ${name} --> … <!-- /${name} -->`);
    text = text.replace(between, (_all, begin: string, end: string) => `${begin}\n${content}\n\n${end}`);
  }
  return text;
}

/** @returns the exit code */
function main(): number {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
  const readme = readFileSync(new URL('README.md', root), 'utf8');
  const fresh = withTables(readme, parse(readFileSync(new URL('action.yml', root), 'utf8')) as ActionFile);
  if (fresh === readme) {
    process.stdout.write('README.md agrees with action.yml and src/report/hints.ts\n');
    return 0;
  }
  if (values.check) {
    process.stderr.write(
      'The tables in README.md do not agree with action.yml and src/report/hints.ts. Run: npm run docs\n',
    );
    return 1;
  }
  writeFileSync(new URL('README.md', root), fresh);
  process.stdout.write('README.md: the tables were written anew\n');
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main();
