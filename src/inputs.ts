import { checkBypass } from '@actions/http-client/lib/proxy';
import { accountIdProblem, parseRecipientList } from './recipient-list.ts';

/** The environment of the process, as the runner sets it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Who gets access. */
export interface Target {
  readonly type: 'account' | 'organization';
  readonly id: string;
}

/** Everything that a run was asked to do, validated. */
export type Inputs = Readonly<ReturnType<typeof readInputs>['inputs']>;

/** What is wrong with one input: `expected X, got "Y". Fix.` */
export interface InputError {
  readonly input: string;
  readonly message: string;
  readonly isEmpty: boolean;
}

/**
 * The defaults of action.yml, for a start of the bundle without the runner. A
 * test compares the two.
 */
export const DEFAULTS: Readonly<Record<string, string>> = {
  state: 'present',
  wait: 'true',
  timeout: '10m',
  'dry-run': 'false',
  summary: 'true',
  environment: 'cloudflare-share',
  'api-url': 'https://api.cloudflare.com/client/v4',
};

const PROXY = 'http://USERNAME:PASSWORD@HOST:PORT';
const MAX_TIMEOUT_MS = 24 * 3_600_000;
/** Why a secret cannot become an HTTP header. Its text is never shown. */
const SECRET_PROBLEMS: readonly (readonly [RegExp, string])[] = [
  [/[\r\n]/, 'one with a line break'],
  [/^bearer\s/i, 'one with the prefix "Bearer"'],
  [/^(["']).*\1$/, 'one in quotes'],
  [
    /[^\x21-\x7e]/,
    'one with a space or another character that no HTTP header may hold',
  ],
];

/**
 * Is `value` an ID as the Shares API writes them? Checked before it becomes
 * part of a path or an output.
 */
export function isId(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    /^(?=.*[A-Za-z0-9])[A-Za-z0-9_-]{1,32}$/.test(value)
  );
}

/**
 * Reads and validates all inputs at once. With any error, the inputs must not
 * be used.
 */
export function readInputs(env: Environment) {
  const errors: InputError[] = [];
  const fallbacks: string[] = [];
  const given = (input: string) =>
    env[`INPUT_${input.toUpperCase()}`]?.trim() ?? '';
  const value = (input: string) => given(input) || (DEFAULTS[input] ?? '');
  const add = (input: string, message: string, isEmpty = false) =>
    errors.push({ input, message, isEmpty });

  function check(
    isValid: boolean,
    input: string,
    expected: string,
    text: string,
    fix: string,
  ): void {
    const got = text ? `"${text}"` : 'nothing';
    if (!isValid)
      add(input, `expected ${expected}, got ${got}. ${fix}`, text === '');
  }

  function valueOrVariable(input: string, variable: string): string {
    const other = given(input) ? '' : (env[variable]?.trim() ?? '');
    if (other) fallbacks.push(`${input} from ${variable}`);
    return given(input) || other;
  }

  function boolean(input: string): boolean {
    const text = value(input);
    check(
      /^(true|false)$/i.test(text),
      input,
      'true or false',
      text,
      'Correct this input.',
    );
    return text.toLowerCase() !== 'false';
  }

  function id(input: string): string {
    const text = given(input);
    check(
      isId(text),
      input,
      'up to 32 letters, digits, "_" and "-"',
      text,
      'Copy the ID from Cloudflare.',
    );
    return text;
  }

  function owner(): string {
    const text = valueOrVariable('account-id', 'CLOUDFLARE_ACCOUNT_ID');
    const problem = accountIdProblem(text);
    if (problem) add('account-id', problem, text === '');
    return text.toLowerCase();
  }

  function targets(accountId: string): Target[] {
    const accounts = given('recipient-account-id');
    const organization = given('organization-id');
    const isOne = accounts === '' || organization === '';
    if (!isOne)
      add(
        'organization-id',
        'expected this or `recipient-account-id`, got both. Remove one of them.',
      );
    if (organization)
      return [{ type: 'organization', id: id('organization-id') }];
    const { ids, problems } = parseRecipientList(accounts, accountId);
    for (const problem of problems)
      add('recipient-account-id', problem, accounts === '');
    return ids.map((account) => ({ type: 'account', id: account }));
  }

  function secret(input: string, text: string): string {
    const problem = SECRET_PROBLEMS.find(([pattern]) =>
      pattern.test(text),
    )?.[1];
    if (problem)
      add(
        input,
        `expected the bare secret, got ${problem}. Store the secret again.`,
      );
    return text;
  }

  function credentials(): Record<string, string> {
    const isPair = given('api-email') !== '' || given('api-key') !== '';
    const isBoth = isPair && given('api-token') !== '';
    if (isBoth)
      add(
        'api-token',
        'expected one kind of credentials, got two. Remove `api-email` and `api-key`.',
      );
    // A token takes precedence over a pair that comes from the environment.
    const token = isPair
      ? given('api-token')
      : valueOrVariable('api-token', 'CLOUDFLARE_API_TOKEN');
    if (token) return { authorization: `Bearer ${secret('api-token', token)}` };
    const email = valueOrVariable('api-email', 'CLOUDFLARE_EMAIL');
    const key = valueOrVariable('api-key', 'CLOUDFLARE_API_KEY');
    if (!email && !key)
      check(false, 'api-token', 'a token', '', 'Pass it from a secret.');
    else if (!email)
      check(
        false,
        'api-email',
        'an address for `api-key`',
        '',
        'Better, use `api-token`.',
      );
    else if (!key)
      check(
        false,
        'api-key',
        'a key for `api-email`',
        '',
        'Better, use `api-token`.',
      );
    return {
      'x-auth-email': secret('api-email', email),
      'x-auth-key': secret('api-key', key),
    };
  }

  function timeoutMs(): number {
    const text = value('timeout');
    const [, h, m, s] =
      /^(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?$/.exec(text) ?? [];
    const ms =
      (Number(h ?? 0) * 3600 + Number(m ?? 0) * 60 + Number(s ?? 0)) * 1000;
    const isValid = ms > 0 && ms <= MAX_TIMEOUT_MS;
    check(
      isValid,
      'timeout',
      'a duration up to 24h such as 90s, 10m or 1h30m',
      text,
      'Write it with units.',
    );
    return ms;
  }

  function apiUrl(): string {
    const text = value('api-url');
    const url = URL.canParse(text) ? new URL(text) : null;
    const isBare =
      url !== null &&
      url.search + url.hash + url.username + url.password === '';
    // Neither address is shown, because it may hold a password.
    const expected =
      'expected https (http only on loopback), no credentials, query or fragment';
    if (!isBare || !isSafeUrl(url))
      add('api-url', `${expected}, got something else. Correct this input.`);
    else if (!canUseProxy(url))
      add(
        'HTTPS_PROXY',
        `expected ${PROXY}, got something else. URL-encode the password.`,
      );
    return `${url?.origin}${url?.pathname}`.replace(/\/+$/, '');
  }

  function canUseProxy(url: URL): boolean {
    try {
      proxyFor(url, env);
      return true;
    } catch {
      return false;
    }
  }

  const state = value('state');
  const isState = state === 'present' || state === 'absent';
  check(
    isState,
    'state',
    'present or absent',
    state,
    'Use present to add, absent to remove.',
  );
  const accountId = owner();
  const inputs = {
    accountId,
    shareId: id('share-id'),
    /** In the order given, each once. */
    targets: targets(accountId),
    /**
     * Headers with an API token, or with the legacy pair of e-mail address and
     * Global API key.
     */
    credentials: credentials(),
    state: state === 'absent' ? ('absent' as const) : ('present' as const),
    wait: boolean('wait'),
    /** As it was given. */
    timeout: value('timeout'),
    timeoutMs: timeoutMs(),
    dryRun: boolean('dry-run'),
    summary: boolean('summary'),
    githubToken: secret('github-token', given('github-token')),
    environment: value('environment'),
    /** Without a slash at the end. */
    apiUrl: apiUrl(),
    /**
     * Empty inputs and the variables used instead: `api-token from
     * CLOUDFLARE_API_TOKEN`.
     */
    fallbacks,
    ignoresTlsVariable: env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0',
  };
  return { inputs, errors };
}

/**
 * May a token be sent there? Only over https, or over http to the machine
 * itself.
 */
export function isSafeUrl({ protocol, hostname }: URL): boolean {
  const isLoopback = /^(localhost|\[::1\]|127(\.\d{1,3}){3})$/.test(hostname);
  return protocol === 'https:' || (protocol === 'http:' && isLoopback);
}

/**
 * Chooses the proxy as the runner does: `https_proxy` or `HTTPS_PROXY`, but
 * none for loopback and `NO_PROXY`. Throws TypeError or URIError where the
 * variable holds no address of a proxy.
 */
export function proxyFor(url: URL, env: Environment): URL | null {
  const address = (env['https_proxy'] || env['HTTPS_PROXY'] || '').trim();
  if (!address || url.protocol !== 'https:' || checkBypass(url)) return null;
  const proxy = new URL(
    /^[a-z][a-z\d+.-]*:\/\//i.test(address) ? address : `http://${address}`,
  );
  // A password that is not URL-encoded can end the host too early; the rest of
  // it then looks like a path.
  const isProxy =
    /^https?:$/.test(proxy.protocol) &&
    `${proxy.pathname}${proxy.search}${proxy.hash}` === '/';
  if (!isProxy) throw new TypeError('not the address of a proxy');
  decodeURIComponent(`${proxy.username}${proxy.password}`);
  return proxy;
}
