import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MaxRemovals } from '../../src/domain.ts';
import { loadInputs } from '../../src/inputs/load-inputs.ts';
import { workspaceFiles } from '../../src/inputs/recipient-file.ts';
import {
  ACCOUNT,
  AN_ORGANIZATION,
  clean,
  INPUTS,
  ORGANIZATION,
  OTHER,
  OWNER,
  TOKEN,
} from '../builders.ts';
import { expectSentences } from '../sentences.ts';
import {
  ACTION,
  type Change,
  ENV,
  errorsIn,
  inputsOf,
  load,
  messagesIn,
  notesOf,
  problemsIn,
} from './environment.ts';

/** An environment with another text for one input. */
function given(input: string, text: string | undefined): Change {
  return { [`INPUT_${input.toUpperCase()}`]: text };
}

const ORGANIZATION_ONLY: Change = {
  'INPUT_RECIPIENT-ACCOUNT-ID': '',
  'INPUT_ORGANIZATION-ID': ORGANIZATION,
};

describe('the inputs', () => {
  it('of the smallest step are filled in with the defaults of action.yml', () => {
    expect(load()).toEqual({
      type: 'valid',
      inputs: INPUTS,
      notes: { fallbacks: [], disabledIds: 0, repeatedIds: 0 },
    });
  });

  it('are all read as given, without spaces around them', () => {
    const change = {
      'INPUT_ACCOUNT-ID': ` ${OWNER.toUpperCase()}\n`,
      'INPUT_SHARE-ID': ' Share_1-x ',
      'INPUT_RECIPIENT-ACCOUNT-ID': `\n ${OTHER} # EMEA\n ${ACCOUNT}\n`,
      'INPUT_API-TOKEN': ` ${TOKEN}\n`,
      INPUT_STATE: ' exact ',
      'INPUT_MAX-REMOVALS': ' 10 ',
      INPUT_WAIT: ' False ',
      INPUT_TIMEOUT: ' 90s ',
      'INPUT_DRY-RUN': 'TRUE',
      INPUT_SUMMARY: 'false',
      'INPUT_GITHUB-TOKEN': ' ghs_0123456789 ',
      INPUT_ENVIRONMENT: ' production ',
      'INPUT_API-URL': ' https://api.example.com/v4/ ',
    };
    expect(inputsOf(change)).toEqual({
      accountId: OWNER,
      shareId: 'Share_1-x',
      targets: [
        { type: 'account', id: OTHER, label: 'EMEA' },
        { type: 'account', id: ACCOUNT, label: null },
      ],
      credentials: { type: 'token', token: TOKEN },
      state: 'exact',
      maxRemovals: { unit: 'accounts', count: 10 },
      wait: false,
      timeout: '90s',
      timeoutMs: 90_000,
      dryRun: true,
      summary: false,
      githubToken: 'ghs_0123456789',
      environment: 'production',
      apiUrl: 'https://api.example.com/v4',
    });
  });

  it.each([
    ['timeout', 'timeout'],
    ['environment', 'environment'],
    ['api-url', 'apiUrl'],
  ] as const)(
    'have the default of action.yml where %s is empty',
    (input, name) => {
      for (const text of ['', ' \n', undefined]) {
        const value = inputsOf(given(input, text))[name];
        expect(value).toBe(ACTION.inputs[input]?.default);
      }
    },
  );

  it('may name an organization, in lower case and without a label', () => {
    const change = {
      ...ORGANIZATION_ONLY,
      'INPUT_ORGANIZATION-ID': ` ${ORGANIZATION.toUpperCase()} `,
    };
    expect(inputsOf(change).targets).toEqual([AN_ORGANIZATION]);
  });

  it('may take the account ID from a variable, which a note names', () => {
    const change = {
      'INPUT_ACCOUNT-ID': ' ',
      CLOUDFLARE_ACCOUNT_ID: ` ${OWNER} `,
    };
    expect(inputsOf(change).accountId).toBe(OWNER);
    expect(notesOf(change).fallbacks).toEqual([
      'account-id from CLOUDFLARE_ACCOUNT_ID',
    ]);
    expect(notesOf({ CLOUDFLARE_ACCOUNT_ID: ACCOUNT }).fallbacks).toEqual([]);
  });

  it('have notes on IDs that are switched off or repeated', () => {
    const list = `${ACCOUNT}\n${ACCOUNT}\n# ${OTHER}`;
    expect(notesOf({ 'INPUT_RECIPIENT-ACCOUNT-ID': list })).toEqual({
      fallbacks: [],
      disabledIds: 1,
      repeatedIds: 1,
    });
  });
});

describe('an empty input', () => {
  const REQUIRED = [
    ...['account-id', 'share-id', 'recipient-account-id', 'state'],
    ...['max-removals', 'wait', 'dry-run', 'summary'],
  ];

  it.each(REQUIRED)('is an error, and not the default: %s', (input) => {
    const errors = ['', ' \n', undefined].map((text) =>
      errorsIn(given(input, text)),
    );
    const message = expect.stringContaining('got nothing');
    const error = { input, message, details: [], isEmpty: true };
    expect(errors).toEqual([[error], [error], [error]]);
  });

  it('is told what it needs', async () => {
    const changes = REQUIRED.map((input) => [input, given(input, '')]);
    await expectSentences(
      'empty-inputs',
      Object.fromEntries(changes),
      problemsIn,
    );
  });
});

describe('the targets', () => {
  const list = (text: string) => given('recipient-account-id', text);
  const fromVariable = (id: string): Change => ({
    ...given('account-id', ''),
    CLOUDFLARE_ACCOUNT_ID: id,
  });

  it('are one list of accounts or one organization, and never the owner', async () => {
    const changes: Record<string, Change> = {
      'two inputs': given('organization-id', ORGANIZATION),
      'two inputs that are wrong as well': {
        ...list('x'),
        ...given('organization-id', 'y'),
      },
      'the owner': list(OWNER),
      'the owner, which comes from a variable': {
        ...fromVariable(OWNER.toUpperCase()),
        ...list(`${ACCOUNT} ${OWNER}`),
      },
      'an organization as the whole truth': {
        ...ORGANIZATION_ONLY,
        INPUT_STATE: 'exact',
      },
      'no account': list(', ,'),
      'no account as the whole truth': {
        ...list('# none\n# yet'),
        INPUT_STATE: 'exact',
      },
      'a word behind empty lines': list(`\n\n${ACCOUNT}\nx\n`),
      'an account that is none': given('account-id', 'a.b'),
      'a share that is none': given('share-id', 'a.b'),
      'an organization that is none': {
        ...ORGANIZATION_ONLY,
        ...given('organization-id', 'a.b'),
      },
      'a variable that is no account': fromVariable('a.b'),
    };
    await expectSentences('targets', changes, problemsIn);
  });
});

describe('the state', () => {
  it.each(['present', 'absent', 'exact'])('may be %s', (state) => {
    expect(inputsOf({ INPUT_STATE: state }).state).toBe(state);
  });
});

describe('max-removals', () => {
  it.each<[string, MaxRemovals]>([
    ['0', { unit: 'accounts', count: 0 }],
    ['1', { unit: 'accounts', count: 1 }],
    ['20000', { unit: 'accounts', count: 20_000 }],
    ['0%', { unit: 'percent', percent: 0 }],
    ['25%', { unit: 'percent', percent: 25 }],
    ['100%', { unit: 'percent', percent: 100 }],
    ['1000000000', { unit: 'accounts', count: 1_000_000_000 }],
  ])('may be %s with state: exact', (text, maxRemovals) => {
    const change = { INPUT_STATE: 'exact', 'INPUT_MAX-REMOVALS': text };
    expect(inputsOf(change).maxRemovals).toEqual(maxRemovals);
  });

  it.each(['present', 'absent'])('has its default with state: %s', (state) => {
    for (const text of ['0', '25', '24%']) {
      const change = { INPUT_STATE: state, 'INPUT_MAX-REMOVALS': text };
      expect(messagesIn(change)).toEqual([
        `max-removals: expected no value other than \`25%\` unless \`state\` is \`exact\`, got "${text}". Remove this input: it applies only to \`state: exact\`.`,
      ]);
    }
  });

  it('has the default of action.yml, which is valid with any state', () => {
    const text = ACTION.inputs['max-removals']?.default;
    for (const INPUT_STATE of ['present', 'absent', 'exact'])
      expect(errorsIn({ INPUT_STATE, 'INPUT_MAX-REMOVALS': text })).toEqual([]);
  });

  it('adds no error to a state that is misspelled', () => {
    const change = { INPUT_STATE: 'exat', 'INPUT_MAX-REMOVALS': '10' };
    expect(errorsIn(change).map(({ input }) => input)).toEqual(['state']);
  });
});

describe('the timeout', () => {
  it.each([
    ['3s', 3_000],
    ['90s', 90_000],
    ['10m', 600_000],
    ['2h', 7_200_000],
    ['1h30m', 5_400_000],
    ['0h10m', 600_000],
    ['1h1m1s', 3_661_000],
    ['24h', 86_400_000],
    ['86400s', 86_400_000],
  ])('may be %s', (text, ms) => {
    expect(inputsOf({ INPUT_TIMEOUT: text })).toMatchObject({
      timeout: text,
      timeoutMs: ms,
    });
  });
});

describe('a text that is none of what an input may be', () => {
  const INTEGER = 'an integer, or an integer percentage from 0% to 100%';
  const DURATION = 'a duration such as 90s, 10m or 1h30m';
  const NEITHER = ['yes', '1', 'true false', 'not true', 'truth', 'falsely'];
  const ONE_WORD = 'Use one of these words.';

  it.each([
    [
      'state',
      ['abscent', 'Present', 'true', 'present,absent'],
      '`present`, `absent` or `exact`',
      'Use `present` to add, `absent` to remove, `exact` for both.',
    ],
    [
      'max-removals',
      ['-1', 'abc', '101%', '150%', '2.5%', '2.5', '5 %', '%', '1e3'],
      INTEGER,
      'Write it like `10` or `25%`.',
    ],
    [
      'timeout',
      ['0s', '2s', '0h0m2s', '86401s', '24h1s', '48h', `${'9'.repeat(400)}h`],
      'a duration from 3s to 24h',
      'Choose a duration in this range.',
    ],
    ['timeout', ['0', '10', '600'], DURATION, 'Write it with units.'],
    [
      'timeout',
      ['soon', '-5m', '5m or so', '5m1h', '1m30', '10M', '1.5h', '10 m', 's'],
      DURATION,
      'Use whole numbers with h, m and s, in this order and without spaces.',
    ],
    ['wait', NEITHER, '`true` or `false`', ONE_WORD],
    ['dry-run', NEITHER, '`true` or `false`', ONE_WORD],
    ['summary', NEITHER, '`true` or `false`', ONE_WORD],
  ])('is an error of %s: %j', (input, texts, expected, fix) => {
    for (const text of texts) {
      const message = `${input}: expected ${expected}, got "${clean(text, 60)}". ${fix}`;
      for (const INPUT_STATE of ['present', 'exact']) {
        const change = { INPUT_STATE, ...given(input, text) };
        expect(messagesIn(change)).toEqual([message]);
      }
    }
  });
});

describe('invalid inputs', () => {
  it('are reported all at once, in the order of action.yml', () => {
    const change: Change = {
      GITHUB_WORKSPACE: '',
      ...Object.fromEntries(
        Object.keys(ENV)
          .filter((name) => name !== 'INPUT_ENVIRONMENT')
          .map((name) => [name, '; ;']),
      ),
    };
    const inputs = errorsIn(change).map(({ input }) => input);
    expect(inputs).toEqual([
      'account-id',
      'share-id',
      'organization-id',
      'recipient-account-id',
      'recipient-account-file',
      'organization-id',
      'api-token',
      'api-token',
      'state',
      'max-removals',
      'wait',
      'timeout',
      'dry-run',
      'summary',
      'github-token',
      'api-url',
    ]);
  });

  it.each<[string | undefined, boolean]>([
    ['false', false],
    [' FALSE ', false],
    ['true', true],
    ['no', true],
    ['', true],
    [undefined, true],
  ])('have a summary where the input is %j: %j', (text, summary) => {
    const change = { 'INPUT_SHARE-ID': '', INPUT_SUMMARY: text };
    expect(load(change)).toMatchObject({ type: 'invalid', summary });
  });

  it('show no secret, not even a part of one that is too long', () => {
    const secret = `ghs_${'Zk4Wq9Tn2Bv7Xr5Mc8Jd3Hf6Lp1Gs0Ya'.repeat(3)}`;
    const names = Object.keys(ENV).filter((name) => name.startsWith('INPUT_'));
    const change = Object.fromEntries(
      names.map((name) => [name, `${secret} `]),
    );
    const sources = {
      env: { ...change, GITHUB_WORKSPACE: '/' },
      files: workspaceFiles,
      clean: (text: string, max: number) =>
        clean(text.replaceAll(secret, '***'), max),
    };
    const loaded = loadInputs(sources);
    expect(loaded.type).toBe('invalid');
    expect(JSON.stringify(loaded)).not.toContain(secret.slice(0, 12));
  });

  it('have short messages, whatever their size', () => {
    const names = Object.keys(ENV).filter((name) => name.startsWith('INPUT_'));
    for (const text of ['x'.repeat(100_000), 'x, \n'.repeat(10_000)]) {
      const errors = errorsIn(
        Object.fromEntries(names.map((name) => [name, text])),
      );
      expect(errors.length).toBeGreaterThan(10);
      for (const { message } of errors)
        expect(message.length).toBeLessThan(2000);
    }
  });
});

describe('any environment', () => {
  it('ends in errors, or in inputs with one kind of target', () => {
    const text = fc.oneof(
      fc.string(),
      fc.constantFrom('', ' ', 'true', ACCOUNT, '5m', TOKEN, 'exact', '10%'),
    );
    const names = Object.keys(ENV);
    const changes = fc.record(
      Object.fromEntries(
        names.map((name) => [name, fc.option(text, { nil: undefined })]),
      ),
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(changes, fc.boolean(), (change, isBare) => {
        const env = isBare ? change : { ...ENV, ...change };
        const loaded = loadInputs({ env, files: workspaceFiles, clean });
        if (loaded.type === 'invalid') {
          expect(loaded.errors.length).toBeGreaterThan(0);
          for (const { message } of loaded.errors)
            expect(message).toMatch(/^expected .+, got .+\. .+\.$/s);
          return;
        }
        const { targets, timeoutMs } = loaded.inputs;
        expect(targets.length).toBeGreaterThan(0);
        expect(new Set(targets.map(({ type }) => type)).size).toBe(1);
        expect(timeoutMs).toBeGreaterThanOrEqual(3000);
      }),
    );
  });
});
