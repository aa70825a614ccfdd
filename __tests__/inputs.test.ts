import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { DEFAULTS, isId, readInputs } from '../src/inputs.ts';
import {
  ACCOUNT,
  ENV,
  INPUTS,
  ORGANIZATION,
  OTHER,
  OWNER,
  TOKEN,
} from './builders.ts';
import { inputsOf } from './read-inputs.ts';

function errorsOf(change: Record<string, string | undefined>) {
  return readInputs({ ...ENV, ...change }).errors;
}

describe('the inputs', () => {
  it('of the smallest environment are filled in with the defaults', () => {
    expect(inputsOf()).toEqual(INPUTS);
  });

  it('are all taken as given, without spaces around them', () => {
    const change = {
      'INPUT_ACCOUNT-ID': ` ${OWNER.toUpperCase()}\n`,
      'INPUT_SHARE-ID': ' Share_1-x ',
      'INPUT_RECIPIENT-ACCOUNT-ID': '',
      'INPUT_ORGANIZATION-ID': ` ${ORGANIZATION} `,
      'INPUT_API-TOKEN': ` ${TOKEN}\n`,
      INPUT_STATE: ' absent ',
      INPUT_WAIT: ' False ',
      INPUT_TIMEOUT: ' 90s ',
      'INPUT_DRY-RUN': 'TRUE',
      INPUT_SUMMARY: 'false',
      'INPUT_GITHUB-TOKEN': ' ghs_0123456789 ',
      INPUT_ENVIRONMENT: ' production ',
      'INPUT_API-URL': ' https://api.example.com/v4/ ',
      NODE_TLS_REJECT_UNAUTHORIZED: '0',
    };
    expect(inputsOf(change)).toEqual({
      accountId: OWNER,
      shareId: 'Share_1-x',
      targets: [{ type: 'organization', id: ORGANIZATION }],
      credentials: { authorization: `Bearer ${TOKEN}` },
      state: 'absent',
      wait: false,
      timeout: '90s',
      timeoutMs: 90_000,
      dryRun: true,
      summary: false,
      githubToken: 'ghs_0123456789',
      environment: 'production',
      apiUrl: 'https://api.example.com/v4',
      fallbacks: [],
      ignoresTlsVariable: true,
    });
  });

  it('have the defaults of action.yml', () => {
    const action = parse(readFileSync('action.yml', 'utf8')) as {
      inputs: Record<string, { default?: string }>;
    };
    const declared = Object.entries(action.inputs).flatMap(([name, input]) =>
      input.default === undefined ? [] : [[name, input.default]],
    );
    expect(DEFAULTS).toEqual(Object.fromEntries(declared));
  });

  it('have their default where they are empty, as in a workflow that passes an unset variable', () => {
    const empty = Object.fromEntries(
      Object.keys(DEFAULTS).map((name) => [`INPUT_${name.toUpperCase()}`, ' ']),
    );
    expect(inputsOf(empty)).toEqual(inputsOf());
  });

  it('have targets in the order given, each once', () => {
    const { targets } = inputsOf({
      'INPUT_RECIPIENT-ACCOUNT-ID': `["${OTHER}","${ACCOUNT}","${OTHER}"]`,
    });
    expect(targets).toEqual([
      { type: 'account', id: OTHER },
      { type: 'account', id: ACCOUNT },
    ]);
  });

  it.each([
    ['1s', 1_000],
    ['90s', 90_000],
    ['10m', 600_000],
    ['2h', 7_200_000],
    ['1h30m', 5_400_000],
    ['1h1m1s', 3_661_000],
    ['24h', 86_400_000],
    ['86400s', 86_400_000],
  ])('have %s of time in milliseconds', (text, ms) => {
    expect(inputsOf({ INPUT_TIMEOUT: text })).toMatchObject({
      timeout: text,
      timeoutMs: ms,
    });
  });
});

describe('an input error', () => {
  const RECIPIENTS = 'recipient-account-id';
  const EXPECTED_ID = 'expected up to 32 letters, digits, "_" and "-", got';
  const EXPECTED_DURATION =
    'expected a duration up to 24h such as 90s, 10m or 1h30m, got';
  const DURATION_FIX = 'Write it with units.';
  it.each([
    [
      'ACCOUNT-ID',
      '  ',
      'expected 32 hexadecimal digits, got nothing. Set this input.',
    ],
    [
      'ACCOUNT-ID',
      '1e31',
      'expected 32 hexadecimal digits, got "1e31". YAML turned the ID into a number: put it in quotes.',
    ],
    ['SHARE-ID', '', `${EXPECTED_ID} nothing. Copy the ID from Cloudflare.`],
    ['SHARE-ID', 'a/b', `${EXPECTED_ID} "a/b". Copy the ID from Cloudflare.`],
    [
      'STATE',
      'abscent',
      'expected present or absent, got "abscent". Use present to add, absent to remove.',
    ],
    [
      'STATE',
      'Present',
      'expected present or absent, got "Present". Use present to add, absent to remove.',
    ],
    ['WAIT', 'yes', 'expected true or false, got "yes". Correct this input.'],
    ['SUMMARY', '1', 'expected true or false, got "1". Correct this input.'],
    [
      'DRY-RUN',
      'true false',
      'expected true or false, got "true false". Correct this input.',
    ],
    [
      'DRY-RUN',
      'not true',
      'expected true or false, got "not true". Correct this input.',
    ],
    ['TIMEOUT', 'soon', `${EXPECTED_DURATION} "soon". ${DURATION_FIX}`],
    ['TIMEOUT', '10', `${EXPECTED_DURATION} "10". ${DURATION_FIX}`],
    ['TIMEOUT', '0s', `${EXPECTED_DURATION} "0s". ${DURATION_FIX}`],
    ['TIMEOUT', '-5m', `${EXPECTED_DURATION} "-5m". ${DURATION_FIX}`],
    ['TIMEOUT', '5m or so', `${EXPECTED_DURATION} "5m or so". ${DURATION_FIX}`],
    ['TIMEOUT', '5m1h', `${EXPECTED_DURATION} "5m1h". ${DURATION_FIX}`],
    ['TIMEOUT', '86401s', `${EXPECTED_DURATION} "86401s". ${DURATION_FIX}`],
    ['TIMEOUT', '100000h', `${EXPECTED_DURATION} "100000h". ${DURATION_FIX}`],
    [
      'ORGANIZATION-ID',
      ORGANIZATION,
      'expected this or `recipient-account-id`, got both. Remove one of them.',
    ],
    [
      RECIPIENTS,
      '',
      'expected account IDs, got nothing. Set this input, or `organization-id`.',
    ],
    [
      RECIPIENTS,
      '#',
      'expected account IDs, got an empty list. Set this input, or `organization-id`.',
    ],
    [
      RECIPIENTS,
      OWNER,
      `expected other accounts than the owner, got "${OWNER}". Remove it.`,
    ],
  ])('of %s: %j', (name, text, message) => {
    const input = name.toLowerCase();
    const errors = errorsOf({ [`INPUT_${name.toUpperCase()}`]: text });
    expect(errors).toEqual([{ input, message, isEmpty: text.trim() === '' }]);
  });

  it('of an organization names that input only', () => {
    expect(
      errorsOf({
        'INPUT_RECIPIENT-ACCOUNT-ID': '',
        'INPUT_ORGANIZATION-ID': '--',
      }),
    ).toEqual([
      expect.objectContaining({
        input: 'organization-id',
        message: expect.stringContaining('got "--"'),
      }),
    ]);
  });

  it('is reported together with all others', () => {
    const errors = errorsOf({
      'INPUT_ACCOUNT-ID': '',
      'INPUT_SHARE-ID': '/',
      'INPUT_RECIPIENT-ACCOUNT-ID': 'a b',
      'INPUT_API-TOKEN': '',
      INPUT_STATE: 'x',
      INPUT_TIMEOUT: '5',
      'INPUT_API-URL': 'x',
    });
    const expected = [
      'state',
      'account-id',
      'share-id',
      'recipient-account-id',
      'recipient-account-id',
    ];
    expect(errors.map(({ input }) => input)).toEqual([
      ...expected,
      'api-token',
      'timeout',
      'api-url',
    ]);
  });
});

describe('an ID of the API', () => {
  it.each(['a', '0', '_a', '-9-', 'Z'.repeat(32)])('%s is one', (text) =>
    expect(isId(text)).toBe(true),
  );
  it.each([
    '',
    '-',
    '__',
    ' a',
    'a\n',
    'a/b',
    '..',
    'a.b',
    'x'.repeat(33),
    'é',
    7,
    null,
    undefined,
    ['a'],
  ])('%j is none', (text) => expect(isId(text)).toBe(false));
});

describe('any environment', () => {
  it('ends in errors, or in inputs with one kind of target and one kind of credentials', () => {
    const value = fc.option(
      fc.oneof(
        fc.string(),
        fc.constantFrom('', ' ', 'true', ACCOUNT, '5m', TOKEN),
      ),
      {
        nil: undefined,
      },
    );
    const NAMES = [
      'ACCOUNT-ID',
      'SHARE-ID',
      'RECIPIENT-ACCOUNT-ID',
      'ORGANIZATION-ID',
      'API-TOKEN',
      'API-EMAIL',
    ];
    const names = [
      ...NAMES,
      'API-KEY',
      'STATE',
      'WAIT',
      'TIMEOUT',
      'API-URL',
      'GITHUB-TOKEN',
    ];
    const changes = fc.record(
      Object.fromEntries(names.map((name) => [`INPUT_${name}`, value])),
      {
        requiredKeys: [],
      },
    );
    fc.assert(
      fc.property(changes, fc.boolean(), (change, isBare) => {
        const { inputs, errors } = readInputs(
          isBare ? change : { ...ENV, ...change },
        );
        if (errors.length > 0) return;
        const { targets, credentials, timeoutMs } = inputs;
        expect(targets.length).toBeGreaterThan(0);
        expect(new Set(targets.map(({ type }) => type)).size).toBe(1);
        expect('authorization' in credentials).not.toBe(
          'x-auth-key' in credentials,
        );
        expect(timeoutMs).toBeGreaterThan(0);
      }),
    );
  });
});
