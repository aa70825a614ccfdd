import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { idsIn } from '../../src/inputs/ids.ts';
import { parseRecipientList } from '../../src/inputs/recipient-list.ts';
import { ACCOUNT, account, clean, OTHER, OWNER } from '../builders.ts';
import { anyCharacter, hostileText } from '../hostile-text.ts';
import { expectSentences } from '../sentences.ts';

const THIRD = account(3);

const EMPTY = {
  'expected account IDs, got an empty list. Add the ID of an account.': false,
  'expected account IDs, got only comments. Add the ID of an account.': true,
};

/** Lines of a list, for properties. */
const anyId = fc.constantFrom(ACCOUNT, OTHER, THIRD, OTHER.toUpperCase());
const labeled = anyId.map((id) => `${id} # EMEA`);
const switchedOff = anyId.map((id) => `# ${id}`);
const heading = fc.constant('# Europe');
const nothing = fc.constant('');

function parse(text: string) {
  const options = { input: 'list', ownerId: OWNER, clean };
  const read = parseRecipientList(text, options);
  if (read.type === 'valid')
    return { type: 'valid', list: read.value } as const;
  const { message = '', details = [] } = read.errors[0] ?? {};
  const hasComments = EMPTY[message as keyof typeof EMPTY];
  return hasComments === undefined
    ? ({ type: 'invalid', message, details } as const)
    : ({ type: 'empty', hasComments } as const);
}

/** The list that is read of a text. */
function listOf(text: string) {
  const parsed = parse(text);
  if (parsed.type !== 'valid') throw new Error(JSON.stringify(parsed));
  return parsed.list;
}

function idsOf(text: string): string[] {
  return listOf(text).targets.map(({ id }) => id);
}

function labelsOf(text: string): (string | null)[] {
  return listOf(text).targets.map(({ label }) => label);
}

/** What is wrong with a text. */
function wrongList(text: string) {
  const parsed = parse(text);
  if (parsed.type !== 'invalid') throw new Error(JSON.stringify(parsed));
  return parsed;
}

function messageOf(text: string): string {
  return wrongList(text).message;
}

/** Reviews what each of these lists is told: its message, then its details. */
const expectProblems = (file: string, lists: Record<string, string>) =>
  expectSentences(file, lists, (text) => {
    const { message, details } = wrongList(text);
    return [message, ...details].join('\n');
  });

describe('a list of accounts', () => {
  it.each([
    ['on lines', `${ACCOUNT}\n${OTHER}`],
    ['on lines of Windows', `${ACCOUNT}\r\n${OTHER}\r\n`],
    ['on lines that end with CR', `${ACCOUNT}\r${OTHER}`],
    ['with commas', `${ACCOUNT},${OTHER},`],
    ['with a comma and a space', `${ACCOUNT}, ${OTHER}`],
    ['with spaces and tabs', `${ACCOUNT} \t ${OTHER}`],
    ['with a space that does not break', `${ACCOUNT}\u00a0${OTHER}`],
    ['in quotes of both kinds', `"${ACCOUNT}", '${OTHER}'`],
    ['in a YAML list', `- ${ACCOUNT}\n  -   "${OTHER}"`],
    ['in a YAML list with a tab', `-\t${ACCOUNT}\n-\t${OTHER}`],
    ['on one line of a YAML list', `- ${ACCOUNT}, ${OTHER}`],
    ['with comments', `# all\n${ACCOUNT} # first\n${OTHER}#2`],
    ['around one in a comment', `${ACCOUNT}\n# ${THIRD}\n${OTHER}`],
    ['in a JSON array', `["${ACCOUNT}","${OTHER}"]`],
    ['in JSON of several lines', ` [\n  "${ACCOUNT}",\n  " ${OTHER} "\n]\n`],
    ['in a JSON object', `{"2": "${ACCOUNT}", "1": "${OTHER}"}`],
    ['in capitals', `${ACCOUNT.toUpperCase()} ${OTHER}`],
    ['after a byte order mark', `\ufeff${ACCOUNT}\n${OTHER}`],
    ['in JSON after a byte order mark', `\ufeff["${ACCOUNT}", "${OTHER}"]`],
  ])('has its IDs in the order given: %s', (_, text) => {
    expect(idsOf(text)).toEqual([ACCOUNT, OTHER]);
  });

  it('may be a single ID, or a JSON object from it to itself', () => {
    expect(idsOf(ACCOUNT)).toEqual([ACCOUNT]);
    const json = `{"${OTHER}": "${OTHER.toUpperCase()}"}`;
    expect(idsOf(json)).toEqual([OTHER]);
  });

  it('has each ID once, at its first place, and counts the others', () => {
    const list = `${OTHER} ${ACCOUNT} "${OTHER.toUpperCase()}" ${OTHER}`;
    expect(idsOf(list)).toEqual([OTHER, ACCOUNT]);
    expect(listOf(list).repeatedIds).toBe(1);
    expect(listOf(`${OTHER}\n${ACCOUNT}`).repeatedIds).toBe(0);
  });

  it('counts the accounts that are switched off', () => {
    const list = `# - ${OTHER}\n${ACCOUNT}\n#${THIRD}\n# ${ACCOUNT}`;
    expect(idsOf(list)).toEqual([ACCOUNT]);
    expect(listOf(list).disabledIds).toBe(2);
    expect(listOf(`# Europe\n${ACCOUNT}`).disabledIds).toBe(0);
  });

  it.each(['#', '##', '# - ', '# -  ', '# "', '\t# \t'])(
    'has a switch to turn an account off: %j',
    (text) => {
      const list = listOf(`${OTHER}\n${text}${ACCOUNT}`);
      expect(list).toMatchObject({ disabledIds: 1 });
    },
  );

  it.each(['###', '# -----', '# =====', '# '.repeat(3)])(
    'does not take a banner for a switch: %s',
    (banner) => {
      const list = `${OTHER}\n${banner}${ACCOUNT}`;
      expect(messageOf(list)).toContain('no account ID in a comment');
    },
  );

  it.each([';', '|', '/', ':'])('has no separator %s', (character) => {
    const list = `${ACCOUNT}${character}${OTHER}`;
    expect(messageOf(list)).toMatch('expected');
  });

  it('gives the same IDs whatever is between them', () => {
    const ids = fc.uniqueArray(fc.stringMatching(/^[0-9a-f]{32}$/), {
      minLength: 1,
      maxLength: 20,
    });
    const separator = fc.constantFrom(
      ...[',', ' ', '\n', '\r\n', ', ', ',\n  ', '\t', '\n- ', '\n#\n'],
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
        expect(idsOf(text.join('').replace(/- $/, ''))).toEqual(list);
        expect(idsOf(JSON.stringify(list))).toEqual(list);
      }),
    );
  });
});

describe('a label', () => {
  it.each<[string, string, (string | null)[]]>([
    [
      'is the comment behind an ID',
      `${ACCOUNT} # EMEA # x\n- "${OTHER}"  ###  Asia, prod # x \n${THIRD}`,
      ['EMEA # x', 'Asia, prod # x', null],
    ],
    ['is the comment behind the only ID', `${ACCOUNT} # EMEA`, ['EMEA']],
    [
      'is nothing where a line has two IDs',
      `${ACCOUNT} ${OTHER} # EMEA\n${THIRD} #`,
      [null, null, null],
    ],
    ['is no heading', `# EMEA\n${ACCOUNT}\n`, [null]],
    [
      'is the name in a JSON object',
      `{"EMEA": "${ACCOUNT}", "": "${OTHER}", "a\\nb": "${THIRD}"}`,
      ['EMEA', null, 'a b'],
    ],
    ['is no ID', `{"${ACCOUNT}": "${ACCOUNT}"}`, [null]],
    [
      'is the first one of an ID given twice',
      `${ACCOUNT}\n${ACCOUNT} # first\n${ACCOUNT} # second`,
      ['first'],
    ],
    [
      'is at most 60 characters long',
      `${ACCOUNT} # ${'x'.repeat(61)}\n${OTHER} # ${'y'.repeat(60)}`,
      [`${'x'.repeat(59)}…`, 'y'.repeat(60)],
    ],
    ['has no invisible characters', `${ACCOUNT} # a\u202eb\u2028c`, ['a b c']],
  ])('%s', (_, text, labels) => {
    expect(labelsOf(text)).toEqual(labels);
  });
});

describe('a list without accounts', () => {
  it.each(['', ' \n ', ' \n,, ', ',', '[]', ' { } '])('%j is empty', (text) => {
    expect(parse(text)).toEqual({ type: 'empty', hasComments: false });
  });

  it.each(['#', '# EMEA', `# ${ACCOUNT}\n  # ${OTHER}`])(
    '%j has only comments',
    (text) => {
      expect(parse(text)).toEqual({ type: 'empty', hasComments: true });
    },
  );
});

describe('joined lines, which would lose accounts', () => {
  it('are an error that shows them', async () => {
    const commented = `${OTHER} # EMEA ${ACCOUNT} # Asia`;
    await expectProblems('joined-lines', {
      'by YAML': commented,
      'by YAML, with a line break at the end': `${OTHER} # x ${ACCOUNT}\n`,
      'by paste': `${OTHER} # x,${ACCOUNT},${THIRD}`,
      'behind a heading': `# Europe ${ACCOUNT} ${OTHER}`,
      'behind a heading alone': `# Europe ${ACCOUNT}`,
      'behind one that is switched off': `# ${OTHER} ${ACCOUNT}`,
      'in part': `${THIRD}\n${OTHER} # x ${ACCOUNT}`,
      'on two lines': `${OTHER} # ${ACCOUNT}\n${THIRD} # ${ACCOUNT}`,
      'behind an entry that is wrong as well': `nobody # EMEA ${ACCOUNT}`,
      'by `tr -d`, behind a label': `${OTHER} # EMEA${ACCOUNT} # Asia`,
      'by `tr -d`, behind a date, as long as a commit': `${OTHER} # since 20260801${ACCOUNT}`,
      'by `tr -d`, two of them, as long as a hash': `${OTHER} # Asia\u00b7${ACCOUNT}${THIRD}`,
      'behind one that is switched off and a label': `${OTHER}\n# ${THIRD};EMEA${ACCOUNT}`,
      'by echo, which keeps \\n': `# Accounts\\n${ACCOUNT}\n${OTHER}`,
      'by %0A': `# Accounts%0A${ACCOUNT}\n${OTHER}`,
      'by cat, behind a heading': `${OTHER}\n# EMEA${ACCOUNT}\n${THIRD}`,
      'by cat, behind a date': `${OTHER}\n# 20260801${ACCOUNT}\n${THIRD}`,
      'by cat, behind a label': `${OTHER} # 20260801${ACCOUNT}\n${THIRD}`,
      'by cat, behind an ID': `${OTHER}\n# ${THIRD}${ACCOUNT}\n${account(4)}`,
      'many of them': `${OTHER} # x${` ${ACCOUNT}`.repeat(1_100)}`,
    });
    for (const character of '\u00ad\u200b\ufeff\u034f\u3164\u0001') {
      const id = `${ACCOUNT.slice(0, 9)}${character}${ACCOUNT.slice(9)}`;
      const invisible = commented.replace(ACCOUNT, id);
      expect(messageOf(invisible)).toBe(messageOf(commented));
    }
  });

  it('are shown without a secret that they hold', () => {
    const secret = `01234${ACCOUNT}`;
    const hideSecret = (text: string, max: number) =>
      clean(text.replaceAll(secret, '***'), max);
    const parsed = parseRecipientList(`${OTHER} # ${secret}`, {
      input: 'list',
      ownerId: OWNER,
      clean: hideSecret,
    });
    expect(JSON.stringify(parsed)).toContain('got \\"***\\"');
  });

  it('are no error where the comment is a heading of a list', () => {
    expect(idsOf(`# Europe\n${ACCOUNT}\n# Asia\n${OTHER}`)).toHaveLength(2);
  });

  it('lose no account, however YAML folds them', () => {
    const indented = anyId.map((text) => `  ${text}`);
    const item = anyId.map((text) => `- ${text}`);
    const lines = fc.array(
      fc.oneof(anyId, indented, item, labeled, switchedOff, heading, nothing),
      { minLength: 1, maxLength: 8 },
    );
    const style = fc.constantFrom('>', '>-', '>+');
    const found = (header: string, all: readonly string[]) => {
      const block = all.map((text) => `  ${text}`).join('\n');
      const yaml = `list: ${header}2\n${block}`;
      const parsed = parse((parseYaml(yaml) as { list: string }).list);
      if (parsed.type !== 'valid') return null;
      const { targets, disabledIds } = parsed.list;
      return [targets.map((target) => target.id), disabledIds];
    };
    fc.assert(
      fc.property(lines, style, (all, header) => {
        const folded = found(header, all);
        if (folded !== null) expect(folded).toEqual(found('|', all));
      }),
      { numRuns: 1_000 },
    );
  });

  it('lose no account where one line break is missing', () => {
    const dated = anyId.map((text) => `${text} # 20260801`);
    const lines = fc.array(
      fc.oneof(anyId, labeled, dated, switchedOff, heading),
      { minLength: 3, maxLength: 6 },
    );
    const countIn = (parsed: ReturnType<typeof parse>) =>
      parsed.type === 'valid'
        ? parsed.list.targets.length + parsed.list.disabledIds
        : null;
    fc.assert(
      fc.property(lines, fc.nat(), (all, at) => {
        const end = 1 + (at % (all.length - 1));
        const before = countIn(parse(all.join('\n')));
        const start = all.slice(0, end).join('\n');
        const after = countIn(parse(start + all.slice(end).join('\n')));
        if (before !== null && after !== null) expect(after).toBe(before);
      }),
    );
  });
});

describe('a list in JSON', () => {
  it.each([`["${ACCOUNT}"]`, `{"# EMEA": "${ACCOUNT}"}`])(
    'has no comments: %s',
    (text) => {
      expect(listOf(text)).toMatchObject({ disabledIds: 0 });
    },
  );

  it.each([
    ['array', `["${ACCOUNT}"`],
    ['array', `[${ACCOUNT}]`],
    ['array', `["${ACCOUNT}",]`],
    ['array', `['${ACCOUNT}']`],
    ['array', `["${ACCOUNT}"] # EMEA`],
    ['object', `{"a": "${ACCOUNT}"`],
    ['object', `{"a": "${ACCOUNT}",}`],
    ['object', `{a: "${ACCOUNT}"}`],
  ])('is not the invalid %s %s', (kind, text) => {
    expect(messageOf(text)).toBe(
      `expected a JSON ${kind} of account IDs, got invalid JSON. Check quotes and commas.`,
    );
  });

  const OUTPUT = {
    sensitive: false,
    type: ['map', 'string'],
    value: { EMEA: ACCOUNT },
  };
  it.each([
    ['one output', OUTPUT],
    ['all outputs', { accounts: OUTPUT }],
    ['all outputs, of which one is a list', { a: ACCOUNT, b: OUTPUT }],
    ['an array of outputs', [OUTPUT]],
  ])('is not %s of Terraform with its type', (_, json) => {
    expect(messageOf(JSON.stringify(json, null, 2))).toBe(
      'expected account IDs, got an output of Terraform with its type. Pass `.value` of the output, or use `terraform output -json NAME`.',
    );
  });

  it('may have labels that Terraform uses for its outputs', () => {
    const json = { type: ACCOUNT, value: OTHER };
    expect(labelsOf(JSON.stringify(json))).toEqual(['type', 'value']);
  });

  it.each([
    [
      'as written',
      `{"EMEA": "${ACCOUNT}", "x": "${THIRD}", "EMEA": "${OTHER}"}`,
    ],
    ['with an escape', `{"EMEA": "${ACCOUNT}", "\\u0045MEA": "${OTHER}"}`],
    ['with the same ID', `{"EMEA": "${ACCOUNT}", "EMEA": "${ACCOUNT}"}`],
    ['three times', `{"EMEA":"${ACCOUNT}","EMEA":"x","EMEA":"${ACCOUNT}"}`],
  ])('cannot repeat a label, which would lose an account: %s', (_, text) => {
    const { message, details } = wrongList(text);
    expect([message, ...details]).toContain(
      'expected each label once, got "EMEA" more than once. Give each account a label of its own.',
    );
  });

  it('may repeat a label inside of a text or another value', () => {
    const text = `{"a": "${ACCOUNT}", "b\\",\\"a": "${OTHER}"}`;
    expect(labelsOf(text)).toEqual(['a', 'b","a']);
    expect(messageOf('{"a": {"a": 1}}')).not.toContain('more than once');
  });
});

describe('an entry that is no account', () => {
  it('is shown with its place, what is wrong, and what to do', async () => {
    const digits = '1'.repeat(32);
    await expectProblems('wrong-entries', {
      '31 digits': `${OTHER}\n\n${ACCOUNT.slice(1)}`,
      '33 digits': `${OTHER}\n\n${ACCOUNT}a`,
      'a dash': `${OTHER}\n\n-`,
      'a dash and a comment': `${OTHER}\n\n- # EMEA`,
      'a label before the ID': `${OTHER}\n\nEMEA:`,
      'a word behind empty lines': `\n\r\n\r${ACCOUNT}\nnobody\n`,
      'a word alone': 'x',
      'a word behind an empty text': `${ACCOUNT}, "", x`,
      'an empty text on a line': `${ACCOUNT}\n- ""`,
      'an empty text alone': '""',

      // What is around an ID.
      'half a quote': `"${ACCOUNT}`,
      'quotes after something': `x"${ACCOUNT}"`,
      'quotes before something': `"${ACCOUNT}"x`,
      'two different quotes': `"${ACCOUNT}'`,
      'another separator': `${ACCOUNT};${OTHER}`,
      'a name before it': `EMEA=${ACCOUNT}`,
      'a name before it, with a space': `EMEA: ${ACCOUNT}`,
      'the dash of a list that was folded': `- ${ACCOUNT} - ${OTHER}`,
      'a name behind it, without #': `${ACCOUNT} // EMEA`,
      '31 digits beside it': `${ACCOUNT} ${OTHER.slice(1)}`,
      'a list in a text': `["${ACCOUNT},${OTHER}"]`,
      'an object': `[{"id": "${ACCOUNT}"}]`,
      'an ID with a comment, in JSON': `["${ACCOUNT} # EMEA"]`,

      // What is in an ID.
      'what looks like a digit': `${ACCOUNT.slice(1)}\u0430`,
      'an invisible character': `${OTHER}\n${ACCOUNT.slice(2)}\ufeff${ACCOUNT.slice(0, 2)}`,
      'an invisible character before it': `\u200b${OTHER}`,

      // In JSON, whose tools may change the digits of a number.
      'an array with an ID as a number': `[${digits}]`,
      'an object with an ID as a number': `{"EMEA": ${digits}}`,
      'an array with a number': `["${ACCOUNT}", 5]`,
      'an array with null': `[null, "${ACCOUNT}"]`,
      'an array with an object': `["${ACCOUNT}", {"id": "x"}]`,
      'an array with an empty text': `["${ACCOUNT}", ""]`,
      'an array with a space': `["${ACCOUNT}", " "]`,
      'an array with a line of YAML': '["- a"]',
      'an object with an empty text': `{"a": "${ACCOUNT}", "b": ""}`,
      'an object with null': `{"a": "${ACCOUNT}", "b": null}`,
      // It would lose an account.
      'a label with an ID': `{"x ${ACCOUNT}": "${OTHER}"}`,
      'a label with an ID in a word': `{"acct_${ACCOUNT}": "${OTHER}"}`,

      'the owner, in any writing': `${ACCOUNT}\n${OWNER.toUpperCase()}`,
      'several kinds': `7\n${OWNER}\n${ACCOUNT}\nx\nx`,
    });
  });

  it('among many is counted, and only ten are in the message', () => {
    const wrong = Array.from({ length: 37 }, (_, index) => `x${index}`);
    const { message, details } = wrongList(wrong.join('\n'));
    expect(message).toMatch(
      /^expected 32 hexadecimal digits, got 37 problems:/,
    );
    expect(message.match(/on line/g)).toHaveLength(10);
    expect(message).toContain('"x9" on line 10 (length 2), and 27 more. Copy');
    expect(details).toHaveLength(37);
    expect(details[36]).toContain('"x36" on line 37 (length 3). Copy');
  });

  it('never makes a long message', () => {
    const words = Array.from({ length: 15_000 }, (_, n) => `${n}.`.repeat(9));
    for (const text of [
      words.join(' '),
      'y'.repeat(100_000),
      JSON.stringify(words),
      JSON.stringify(Object.fromEntries(words.map((word) => [word, word]))),
      `{${words.map(() => `"${'k'.repeat(99)}": 1`).join()}}`,
      words.map(() => `${ACCOUNT} # ${OTHER}`).join('\n'),
      `[${'['.repeat(4000)}${']'.repeat(4000)}]`,
    ]) {
      expect(messageOf(text).length).toBeLessThan(3000);
    }
  });
});

describe('the length of a list', () => {
  it('may have 4 MiB of spaces between two accounts', () => {
    const spaces = ' '.repeat(4 * 1024 * 1024);
    expect(idsOf(`${ACCOUNT}${spaces}${OTHER}`)).toEqual([ACCOUNT, OTHER]);
  });

  const ids = Array.from({ length: 20_001 }, (_, index) => account(index));
  const TOO_MANY =
    'expected at most 20,000 account IDs, got 20,001. No organization has more: check where the list comes from.';

  it('may be 20,000 different accounts', () => {
    const list = [...ids.slice(1), ...ids.slice(1, 20)];
    expect(idsOf(list.join('\n'))).toEqual(ids.slice(1));
    expect(idsOf(JSON.stringify(list))).toEqual(ids.slice(1));
  });

  it('may not be one more, with wrong entries or without them', () => {
    expect(wrongList(ids.join('\n'))).toEqual({
      type: 'invalid',
      message: TOO_MANY,
      details: [],
    });
    const words = [...ids.slice(1), 'x'];
    expect(messageOf(words.join('\n'))).toBe(TOO_MANY);
  });

  it('may be many wrong entries, without a sentence for each', () => {
    expect(messageOf('a,'.repeat(100_000))).toContain('got 100,000.');
  });
});

describe('any text', () => {
  const part = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(ACCOUNT, OTHER, THIRD, OWNER) },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        ...['#', '\n', ' ', ',', '"', '- ', '[', ']', '{', '}', ':', '\u2028'],
        ...['\r', 'x', '\ufeff', '", "', '": "', '\\', 'EMEA'],
      ),
    },
    { weight: 1, arbitrary: fc.string({ maxLength: 2, unit: anyCharacter }) },
  );
  const listText = fc
    .array(part, { maxLength: 12 })
    .map((parts) => parts.join(''));
  const line = fc.oneof(anyId, labeled, switchedOff, heading, nothing);
  const lines = fc
    .tuple(
      fc.array(line, { maxLength: 5 }),
      fc.constantFrom('\n', '\r\n', ' ', ',', '\n- '),
    )
    .map(([list, separator]) => list.join(separator));
  const json = fc
    .oneof(fc.array(part), fc.dictionary(part, part))
    .map((value) => JSON.stringify(value));
  const object = fc
    .array(fc.tuple(fc.oneof(anyId, fc.constantFrom('EMEA', '')), anyId), {
      maxLength: 4,
    })
    .map((all) => all.map(([key, value]) => `"${key}": "${value}"`))
    .map((members) => `{${members.join(', ')}}`);
  const text = fc.oneof(
    ...[listText, lines, json, object, fc.string(), fc.json(), hostileText],
  );

  /** Each ID is a target, is switched off, or there is an error. */
  function expectNothingLost(list: string): void {
    const parsed = parse(list);
    const found = new Set(idsIn(list));
    if (parsed.type === 'empty' && found.size > 0)
      expect(parsed.hasComments).toBe(true);
    if (parsed.type !== 'valid') return;

    const { targets, disabledIds } = parsed.list;
    expect([...found]).toEqual(
      expect.arrayContaining(targets.map(({ id }) => id)),
    );
    expect(targets.length + disabledIds).toBe(found.size);
  }

  it('loses no ID: it is a target, switched off, or there is an error', () => {
    fc.assert(fc.property(text, expectNothingLost), { numRuns: 2000 });
  });

  /** The accounts of a list that is valid or empty. */
  function accountsIn(parsed: ReturnType<typeof parse>) {
    return parsed.type === 'valid' && parsed.list.targets.map(({ id }) => id);
  }

  it('gives an error or the same accounts where its lines are joined', () => {
    const list = fc.array(fc.oneof(anyId, labeled, heading), { maxLength: 5 });
    const separator = fc.constantFrom(' ', ',');
    fc.assert(
      fc.property(list, separator, (all, between) => {
        const joined = parse(all.join(between));
        if (joined.type === 'invalid') return;
        // Labels may differ.
        expect(accountsIn(joined)).toEqual(accountsIn(parse(all.join('\n'))));
      }),
    );
  });

  it('gives targets that are accounts, or one short message', () => {
    fc.assert(
      fc.property(text, (list) => {
        const parsed = parse(list);
        if (parsed.type === 'invalid')
          expect(parsed.message).toMatch(/^expected .+, got .+\. .+\.$/s);
        if (parsed.type !== 'valid') return;
        expect(parsed.list.targets.length).toBeGreaterThan(0);
        for (const { id, label } of parsed.list.targets) {
          expect(id).toMatch(/^[0-9a-f]{32}$/);
          expect(id).not.toBe(OWNER);
          expect(label === null || /^.{1,60}$/su.test(label)).toBe(true);
        }
      }),
    );
  });
});
