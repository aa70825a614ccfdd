import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accountIdProblem, parseRecipientList } from '../src/recipient-list.ts';
import { ACCOUNT, account, OTHER, OWNER } from './builders.ts';
import { anyCharacter } from './hostile-text.ts';

const THIRD = account(3);
const parse = (text: string) => parseRecipientList(text, OWNER);

describe('a list of accounts', () => {
  it.each([
    ['one ID', ACCOUNT, [ACCOUNT]],
    ['IDs on lines', `${ACCOUNT}\n${OTHER}`, [ACCOUNT, OTHER]],
    ['IDs on lines of Windows', `${ACCOUNT}\r\n${OTHER}\r\n`, [ACCOUNT, OTHER]],
    ['IDs on lines that end with CR', `${ACCOUNT}\r${OTHER}`, [ACCOUNT, OTHER]],
    [
      'IDs with commas',
      `${ACCOUNT}, ${OTHER},${THIRD},`,
      [ACCOUNT, OTHER, THIRD],
    ],
    ['IDs with spaces and tabs', `${ACCOUNT} \t ${OTHER}`, [ACCOUNT, OTHER]],
    [
      'IDs in quotes of both kinds',
      `"${ACCOUNT}", '${OTHER}'`,
      [ACCOUNT, OTHER],
    ],
    [
      'a YAML list',
      `- ${ACCOUNT}\n  -   "${OTHER}"\n-\t${THIRD}`,
      [ACCOUNT, OTHER, THIRD],
    ],
    [
      'a YAML list with several IDs on a line',
      `- ${ACCOUNT}, ${OTHER}`,
      [ACCOUNT, OTHER],
    ],
    [
      'comments after IDs and on lines of their own',
      `# all\n${ACCOUNT} # first\n${OTHER}#2`,
      [ACCOUNT, OTHER],
    ],
    [
      'an ID that is commented out',
      `${ACCOUNT}\n# ${OTHER}\n${THIRD}`,
      [ACCOUNT, THIRD],
    ],
    ['a JSON array', `["${ACCOUNT}","${OTHER}"]`, [ACCOUNT, OTHER]],
    [
      'a JSON array of several lines',
      ` [\n  "${ACCOUNT}",\n  " ${OTHER} "\n]\n`,
      [ACCOUNT, OTHER],
    ],
    ['capitals', `${ACCOUNT.toUpperCase()} ${OTHER}`, [ACCOUNT, OTHER]],
    [
      'an ID twice, in the order of the first',
      `${OTHER} ${ACCOUNT} "${OTHER}"`,
      [OTHER, ACCOUNT],
    ],
    [
      'an ID twice, in capitals and not',
      `["${ACCOUNT}","${ACCOUNT.toUpperCase()}"]`,
      [ACCOUNT],
    ],
  ])('may be %s', (_, text, ids) => {
    expect(parse(text)).toEqual({ ids, problems: [] });
  });

  it('gives the same IDs whatever stands between them', () => {
    const ids = fc.uniqueArray(fc.stringMatching(/^[0-9a-f]{32}$/), {
      minLength: 1,
      maxLength: 20,
    });
    const separator = fc.constantFrom(
      ',',
      ' ',
      '\n',
      '\r\n',
      ', ',
      ',\n  ',
      '\t',
      '\n- ',
      ' # x\n',
      '\n#\n',
    );
    const quote = fc.constantFrom('', '"', "'");
    const words = ids.chain((list) =>
      fc.tuple(
        fc.constant(list),
        fc.array(fc.tuple(separator, quote), {
          minLength: list.length,
          maxLength: list.length,
        }),
      ),
    );
    fc.assert(
      fc.property(words, ([list, between]) => {
        const text = list.map((id, index) => {
          const [after, mark] = between[index] ?? [',', ''];
          return `${mark}${id}${mark}${after}`;
        });
        // A dash at the very end is no item of a list.
        expect(parse(text.join('').replace(/- $/, ''))).toEqual({
          ids: list,
          problems: [],
        });
        expect(parse(JSON.stringify(list))).toEqual({
          ids: list,
          problems: [],
        });
      }),
    );
  });

  it('may have a thousand IDs, and not one more', () => {
    const ids = Array.from({ length: 1001 }, (_, index) => account(index));
    expect(parse(ids.slice(1).join('\n'))).toEqual({
      ids: ids.slice(1),
      problems: [],
    });
    expect(parse([...ids.slice(1), account(1)].join('\n')).problems).toEqual(
      [],
    );
    expect(parse(ids.join('\n'))).toEqual({
      ids: [],
      problems: [
        'expected at most 1,000 account IDs, got 1001. Split them with `strategy.matrix`.',
      ],
    });
  });
});

describe('a list that gives no accounts', () => {
  const EMPTY =
    'expected account IDs, got an empty list. Set this input, or `organization-id`.';
  const INVALID =
    'expected a JSON array of account IDs, got invalid JSON. Check quotes and commas.';
  it.each([
    [
      '',
      'expected account IDs, got nothing. Set this input, or `organization-id`.',
    ],
    [
      ' \n ',
      'expected account IDs, got nothing. Set this input, or `organization-id`.',
    ],
    [' \n,, ', EMPTY],
    ['[]', EMPTY],
    [`# ${ACCOUNT}\n  # ${OTHER}`, EMPTY],
    ['""', EMPTY],
    [`["${ACCOUNT}"`, INVALID],
    [`[${ACCOUNT}]`, INVALID],
    [`["${ACCOUNT}",]`, INVALID],
    [`['${ACCOUNT}']`, INVALID],
  ])('%j', (text, problem) => {
    expect(parse(text)).toEqual({ ids: [], problems: [problem] });
  });
});

describe('an entry that is no account', () => {
  const COPY = 'Copy the account ID from the Cloudflare dashboard.';
  const NUMBER = 'YAML turned the ID into a number: put it in quotes.';
  it.each([
    [
      '31 digits and letters',
      `${ACCOUNT.slice(1)}`,
      `"${ACCOUNT.slice(1)}" (length 31). ${COPY}`,
    ],
    [
      '33 digits and letters',
      `${ACCOUNT}a`,
      `"${ACCOUNT}a" (length 33). ${COPY}`,
    ],
    [
      'a letter that is no digit',
      `g${ACCOUNT.slice(1)}`,
      `"g${ACCOUNT.slice(1)}" (length 32). ${COPY}`,
    ],
    ['a dash alone', '-', `"-" (length 1). ${COPY}`],
    [
      'a dash between two IDs',
      `${OTHER} - ${ACCOUNT}`,
      `"-" (length 1). ${COPY}`,
    ],
    ['null', 'null', `"null" (length 4). ${COPY}`],
    ['a name', 'emea-prod', `"emea-prod" (length 9). ${COPY}`],
    ['half a quote', `"${ACCOUNT}`, `""${ACCOUNT}" (length 33). ${COPY}`],
    [
      'quotes after something',
      `x"${ACCOUNT}"`,
      `"x"${ACCOUNT}"" (length 35). ${COPY}`,
    ],
    [
      'quotes before something',
      `"${ACCOUNT}"x`,
      `""${ACCOUNT}"x" (length 35). ${COPY}`,
    ],
    [
      'two different quotes',
      `"${ACCOUNT}'`,
      `""${ACCOUNT}'" (length 34). ${COPY}`,
    ],
    ['a word like a number', 'x1e5', `"x1e5" (length 4). ${COPY}`],
    ['a word that begins like a number', '1e5x', `"1e5x" (length 4). ${COPY}`],
    ['a number that YAML rounded', '1.2345e+31', `"1.2345e+31". ${NUMBER}`],
    ['a number with many digits in front', '12.5e31', `"12.5e31". ${NUMBER}`],
    ['a number with an exponent only', '12e-45', `"12e-45". ${NUMBER}`],
    ['a number too large for YAML', 'Infinity', `"Infinity". ${NUMBER}`],
    ['the infinity of YAML', '.inf', `".inf". ${NUMBER}`],
    ['a number that lost its zeros', '7', `"7". ${NUMBER}`],
    ['31 digits', '1'.repeat(31), `"${'1'.repeat(31)}". ${NUMBER}`],
    ['33 digits', '1'.repeat(33), `"${'1'.repeat(33)}" (length 33). ${COPY}`],
  ])(
    '%s: the message shows it and its line, and how to fix it',
    (_, text, message) => {
      expect(parse(`${OTHER}\n\n${text}`).problems).toEqual([
        `line 3: expected 32 hexadecimal digits, got ${message}`,
      ]);
    },
  );

  it.each([
    ['[5]', '5'],
    ['[null]', 'null'],
    ['[true]', 'true'],
    ['[{}]', '{}'],
    ['[{"toString": 5}]', '{"toString":5}'],
    ['[""]', null],
    ['["- a"]', '- a'],
  ])('in the JSON array %s has no line', (text, shown) => {
    const expected = shown === null ? 'nothing' : `"${shown}"`;
    expect(parse(text).problems).toHaveLength(1);
    expect(parse(text).problems[0]).toMatch(
      /^expected 32 hexadecimal digits, got /,
    );
    expect(parse(text).problems[0]).toContain(`got ${expected}`);
  });

  it('in a list of one line has no line', () => {
    expect(parse(` - ${ACCOUNT} x\n`).problems).toEqual([
      expect.stringMatching(/^expected 32 .* got "x"/),
    ]);
  });

  it('among accounts is one problem for each, and none is dropped', () => {
    const { ids, problems } = parse(`["${ACCOUNT}", 5, "", "x"]`);
    expect(ids).toHaveLength(4);
    expect(problems).toHaveLength(3);
    expect(
      parse('a\na\nb').problems.map((problem) => problem.slice(0, 7)),
    ).toEqual(['line 1:', 'line 3:']);
  });

  it('may be the owner itself, in any writing', () => {
    const message = (text: string) =>
      `line 2: expected other accounts than the owner, got "${text}". Remove it.`;
    expect(parse(`${ACCOUNT}\n${OWNER}`).problems).toEqual([message(OWNER)]);
    expect(parse(`${ACCOUNT}\n${OWNER.toUpperCase()}`).problems).toEqual([
      message(OWNER.toUpperCase()),
    ]);
  });

  it('is never accepted, for any text', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.json(), fc.string({ unit: anyCharacter })),
        (text) => {
          const { ids, problems } = parse(text);
          expect(
            problems.length > 0 || ids.every((id) => /^[0-9a-f]{32}$/.test(id)),
          ).toBe(true);
          expect(problems.length + ids.length).toBeGreaterThan(0);
        },
      ),
    );
  });
});

describe('the ID of the owner', () => {
  it('is 32 hexadecimal digits in any writing', () => {
    expect(accountIdProblem(OWNER)).toBeNull();
    expect(accountIdProblem(OWNER.toUpperCase())).toBeNull();
    expect(accountIdProblem('')).toBe(
      'expected 32 hexadecimal digits, got nothing. Set this input.',
    );
  });
});
