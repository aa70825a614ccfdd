/**
 * The vocabulary of everything that users read. A pattern matches whole words
 * in any case. Code is not prose: code spans, fenced blocks and shell text are
 * left out, because `else` is a keyword there. Titles of tests may use any
 * word.
 */
import { describe, expect, it } from 'vitest';
import { parseDocument, visit } from 'yaml';
import { RULES, TITLES } from '../../src/report/failure-guide.ts';
import { files, PAGES, text, withoutBlocks } from './pages.ts';

/** What not to write, and what to write. */
const WORDS: readonly (readonly [avoid: string, write: string])[] = [
  ['mend(?:s|ed|ing)?', 'fix'],
  ['tells?|telling|told|untold|foretold', 'report, show, log'],
  ['rows?', 'record (code: recipient)'],
  ['(?:un)?answer(?:s|ed|ing)?', 'response'],
  ['blanks?', 'space, empty'],
  ['shall|ha(?:s|ve) the share', 'gets access, has access'],
  ['wants', 'requires'],
  ['taken for|believe[sd]?', 'treated as, trusted'],
  // "Anything else" and the like are no "otherwise".
  [
    '(?<!(?:thing|body|one|ever) )else|something else than',
    'otherwise, something other than',
  ],
  ['refus(?:e|es|ed|ing)', 'rejected; authentication failed'],
  ['look(?:s|ed|ing)?(?! like)', 'poll, observe, check'],
  ['tries', 'attempts'],
  ['lag(?:s|ged|ging)?', 'stale read'],
  ['for good', 'permanently'],
  ['leaving', 'being removed'],
  ['ways? out', 'exit path'],
  ['settle[sd]?|settling', 'done, complete'],
  ['heed(?:s|ed)?|gone|patience', 'see section "Rules" of CONTRIBUTING.md'],
];

const AVOID = new RegExp(
  `(?<![\\w-])(?:${WORDS.map(([avoid]) => avoid).join('|')})(?![\\w-])`,
  'gi',
);

/** The lines of a text that hold a word to avoid. */
function findings(prose: string): string[] {
  return prose.split('\n').flatMap((line) => {
    const words = line.match(AVOID) ?? [];
    return words.length > 0 ? [`${words.join(', ')}: ${line.trim()}`] : [];
  });
}

function withoutCode(markdown: string): string {
  return withoutBlocks(markdown).replaceAll(/`[^`\n]*`/g, '``');
}

/**
 * Comments and values of a YAML file, but of `run:` only the comments and what
 * `echo` prints.
 */
function proseOfYaml(source: string): string {
  const prose = source
    .split('\n')
    .flatMap((line) => /(?:^|\s)#(.*)$/.exec(line)?.[1] ?? []);
  visit(parseDocument(source), {
    Pair(_, { key, value }) {
      const name = String((key as { value?: unknown }).value);
      const content = (value as { value?: unknown } | null)?.value;
      if (typeof content !== 'string' || name === 'if') return;
      prose.push(
        name === 'run'
          ? (content.match(/(?<=echo )(["']).*?\1/g) ?? []).join('\n')
          : `${name}: ${content}`,
      );
    },
    Scalar(key, { value }) {
      if (typeof key === 'number' && typeof value === 'string')
        prose.push(value);
    },
  });
  return prose.join('\n');
}

/**
 * Texts in a TypeScript file: what stands in quotes or backticks, without what
 * is computed. A single word in quotes is a key, such as `'refused'`.
 */
function textsOf(source: string): string {
  const code = source
    .replaceAll(/^import .*$/gm, '')
    .replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const texts = code.match(/'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g) ?? [];
  return texts
    .filter((one) => !/^'[\w-]*'$/.test(one))
    .map((one) => one.replaceAll(/\$\{[^}]*\}/g, '…'))
    .join('\n');
}

/** The comments of a TypeScript file. */
function commentsOf(source: string): string {
  const comments = source.match(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm) ?? [];
  return withoutCode(comments.join('\n'));
}

const TEMPLATES = files('.github/', /\.(md|yml)$/).filter((path) =>
  /TEMPLATE/.test(path),
);
const WORKFLOWS = [
  ...files('examples/', /\.yml$/),
  ...files('.github/workflows/', /\.yml$/),
];

describe('no word to avoid is in', () => {
  it.each([...PAGES, ...TEMPLATES.filter((path) => path.endsWith('.md'))])(
    '%s',
    (path) => {
      expect(findings(withoutCode(text(path)))).toEqual([]);
    },
  );

  it.each([
    'action.yml',
    'action-types.yml',
    ...TEMPLATES.filter((path) => path.endsWith('.yml')),
    ...WORKFLOWS,
  ])('%s', (path) => {
    expect(findings(proseOfYaml(text(path)))).toEqual([]);
  });

  it('the titles and the hints of failures', () => {
    const hints = RULES.map(({ hint }) => hint);
    expect(findings([...Object.values(TITLES), ...hints].join('\n'))).toEqual(
      [],
    );
  });

  it.each(files('src/', /\.ts$/))('the messages of %s', (path) => {
    expect(findings(textsOf(text(path)))).toEqual([]);
  });

  it.each(files('src/', /\.ts$/))('the comments of %s', (path) => {
    expect(findings(commentsOf(text(path)))).toEqual([]);
  });

  it.each([
    'simulator/demo.ts',
    'simulator/scenarios.ts',
    'simulator/step-log.ts',
  ])('the texts of %s', (path) => {
    expect(findings(textsOf(text(path)))).toEqual([]);
  });
});

describe('a word to avoid would be found', () => {
  it.each([
    ['a page', withoutCode('It `else`\nwaits, or else fails.')],
    ['a comment of a workflow', proseOfYaml('a: 1 # wants a token\nb: 2')],
    [
      'a description',
      proseOfYaml(
        'inputs:\n  x:\n    description: >-\n      what was\n      refused',
      ),
    ],
    ['a comment', commentsOf('/** Is told\n * `told` */\n// `told`')],
    ['an option of a form', proseOfYaml('options:\n  - Look here')],
    [
      'what a script prints',
      proseOfYaml('run: |\n  if x; then echo "Tell me"; else exit 1; fi'),
    ],
    [
      'a message',
      textsOf(`const a = 'x'; // told\nlog(\`the \${answer} was settled\`);`),
    ],
  ])('in %s', (_, prose) => {
    expect(findings(prose)).toHaveLength(1);
  });

  it('but not in code or in a longer word', () => {
    const harmless =
      'blank_issues_enabled, retries, growing, `else` and total-answer';
    expect(
      findings(withoutCode(`${harmless}\n\n\`\`\`sh\nelse\n\`\`\`\n`)),
    ).toEqual([]);
    expect(findings(proseOfYaml('run: if x; then y; else z; fi'))).toEqual([]);
    expect(findings(textsOf("const cause = 'refused';"))).toEqual([]);
  });
});
