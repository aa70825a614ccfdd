/**
 * `npm run docs` writes what several files share, so that each has one source:
 * - the tables in README.md, between markers such as `<!-- inputs -->` …
 *   `<!-- /inputs -->`, from action.yml;
 * - the owner of this repository, from `repository` in package.json, wherever a
 *   link or a workflow names it.
 *
 * `npm run docs -- --check` writes nothing and fails if a file is out of date.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';

/** The part of action.yml that the tables are made of. */
export interface ActionFile {
  readonly inputs: Readonly<
    Record<
      string,
      { description: string; required?: boolean; default?: string | undefined }
    >
  >;
  readonly outputs: Readonly<Record<string, { description: string }>>;
}

const root = new URL('../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const { repository } = JSON.parse(read('package.json')) as {
  repository: string;
};
const ACCOUNT = 'a7b9c1d24e8f4063b5d7e9f1a3c5b7d9';

/** `owner/name` of this repository on GitHub. */
export const SLUG = new URL(repository).pathname.slice(1);
const [OWNER = '', NAME = ''] = SLUG.split('/');

/**
 * An example value for each input, in the groups of the table and in the order
 * of action.yml.
 */
const GROUPS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'Share and recipients': {
    'account-id': expression('vars.CLOUDFLARE_ACCOUNT_ID'),
    'share-id': expression('vars.CLOUDFLARE_SHARE_ID'),
    'recipient-account-id': ACCOUNT,
    'recipient-account-file': 'share/accounts.txt',
    'organization-id': '023e105f4ecef8ad9ca31a8372d0c353',
  },
  Credentials: {
    'api-token': expression('secrets.CLOUDFLARE_API_TOKEN'),
    'api-email': expression('vars.CLOUDFLARE_EMAIL'),
    'api-key': expression('secrets.CLOUDFLARE_API_KEY'),
  },
  Behavior: {
    state: 'absent',
    'max-removals': '10',
    wait: 'false',
    timeout: '1h30m',
    'dry-run': 'true',
    summary: 'false',
  },
  'GitHub deployment record': {
    'github-token': expression('github.token'),
    environment: 'production',
  },
  API: { 'api-url': 'http://127.0.0.1:8787/client/v4' },
};

function expression(text: string): string {
  return `\${{ ${text} }}`;
}

/** Files that name this repository. */
export function filesWithOwner(): string[] {
  const list = (folder: string, name: RegExp) =>
    readdirSync(new URL(folder, root))
      .filter((file) => name.test(file))
      .map((file) => `${folder}${file}`);
  return [
    ...list('./', /\.md$/),
    ...list('docs/', /\.md$/),
    ...list('examples/', /\.yml$/),
    ...list('.github/', /^(CODEOWNERS|.*\.md|zizmor\.yml)$/),
    ...list('.github/ISSUE_TEMPLATE/', /\.yml$/),
  ].map((path) => path.replace(/^\.\//, ''));
}

/** Writes the owner into a text that names this repository. */
export function withOwner(text: string, path: string): string {
  if (path.endsWith('CODEOWNERS')) return text.replace(/@[\w-]+/g, `@${OWNER}`);
  const before = 'github\\.com/|/v/release/|uses: |--repo |^ +';
  return text.replace(
    new RegExp(`(?<=${before})[\\w-]+/${NAME}(?![\\w-])`, 'gm'),
    SLUG,
  );
}

/** Sets names with a hyphen, environment variables and values as code. */
function marked(description: string, names: readonly string[]): string {
  const text = description.replace(/\s+/g, ' ').trim().replaceAll('|', '\\|');
  const hyphenated = names
    .filter((name) => name.includes('-'))
    .sort((a, b) => b.length - a.length);
  const values = [
    'present',
    'absent',
    'exact',
    'true',
    'false',
    'mixed',
    'unknown',
    '"[^"]+"',
    '[a-z]+_[a-z]+',
  ];
  const statuses = [
    'associating',
    'associated',
    'disassociating',
    'disassociated',
  ];
  const code = [
    ...hyphenated,
    ...values,
    ...statuses,
    '[A-Z]+(?:_[A-Z]+)+',
  ].join('|');
  const list = /(?<=: )\w+(?:, \w+)+(?=\.$)/;
  const withList = text.replace(list, (names) =>
    names.replaceAll(/\w+/g, '`$&`'),
  );
  return withList.replace(
    new RegExp(`(?<![\\w\`-])(?:${code})(?![\\w-])`, 'g'),
    (word) => {
      return `\`${word.replaceAll('"', '')}\``;
    },
  );
}

function table(heads: readonly string[], rows: readonly string[][]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join(
    '\n',
  );
}

function inputRows({ inputs, outputs }: ActionFile): string[][] {
  const names = [...Object.keys(inputs), ...Object.keys(outputs)];
  const order = Object.values(GROUPS).flatMap((group) => Object.keys(group));
  if (`${order}` !== `${Object.keys(inputs)}`)
    throw new Error(
      'docs/build.ts: GROUPS and the inputs of action.yml differ',
    );
  return Object.entries(GROUPS).flatMap(([group, examples]) => [
    [`**${group}**`, '', '', ''],
    ...Object.entries(examples).map(([name, example]) => {
      const { description = '', required, default: value } = inputs[name] ?? {};
      const preset =
        value === undefined ? (required ? 'required' : '') : `\`${value}\``;
      return [
        `\`${name}\``,
        marked(description, names),
        preset,
        `\`${example}\``,
      ];
    }),
  ]);
}

/** The tables as Markdown, by the name of their markers. */
function tables(action: ActionFile): Record<string, string> {
  const names = [...Object.keys(action.inputs), ...Object.keys(action.outputs)];
  const outputs = Object.entries(action.outputs);
  return {
    inputs: table(
      ['Input', 'Meaning', 'Default', 'Example'],
      inputRows(action),
    ),
    outputs: table(
      ['Output', 'Meaning'],
      outputs.map(([name, { description }]) => [
        `\`${name}\``,
        marked(description, names),
      ]),
    ),
  };
}

/**
 * Writes the tables between their markers; all other text stays as it is.
 * @param readme the text of README.md
 * @param action the parsed action.yml
 */
export function withTables(readme: string, action: ActionFile): string {
  let text = readme;
  for (const [name, content] of Object.entries(tables(action))) {
    const between = new RegExp(
      `(<!-- ${name} -->\\n)[\\s\\S]*?(<!-- /${name} -->)`,
    );
    if (!between.test(text))
      throw new Error(`README.md has no <!-- ${name} --> … <!-- /${name} -->`);
    text = text.replace(
      between,
      (_all, begin: string, end: string) => `${begin}${content}\n${end}`,
    );
  }
  return text;
}

/** @returns the exit code */
function main(): number {
  const { values } = parseArgs({
    options: { check: { type: 'boolean', default: false } },
  });
  const action = parse(read('action.yml')) as ActionFile;
  const stale = filesWithOwner().flatMap((path) => {
    const text = read(path);
    const owned = withOwner(text, path);
    const fresh = path === 'README.md' ? withTables(owned, action) : owned;
    return fresh === text ? [] : [{ path, fresh }];
  });
  if (values.check && stale.length > 0) {
    const paths = stale.map(({ path }) => path).join(', ');
    process.stderr.write(
      `Out of step with action.yml or package.json: ${paths}. Run: npm run docs\n`,
    );
    return 1;
  }
  for (const { path, fresh } of stale) {
    writeFileSync(new URL(path, root), fresh);
    process.stdout.write(`${path}: updated\n`);
  }
  if (stale.length === 0)
    process.stdout.write('README, docs and templates are up to date\n');
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.exitCode = main();
