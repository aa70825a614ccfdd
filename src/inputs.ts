import { decode, SHORTEST_SECRET, secretForms } from './secrets.ts';

/** What the step is given: the environment of the process, as the runner sets it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Who shall have the share. */
export interface Target {
  readonly type: 'account' | 'organization';
  readonly id: string;
}

/** How the requests identify themselves: an API token, or the legacy pair of e-mail and Global API key. */
export type Credentials =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'key'; readonly email: string; readonly key: string };

/** Everything that a run was asked to do, checked. */
export interface Inputs {
  readonly accountId: string;
  readonly shareId: string;
  /** In the order given, each once. */
  readonly targets: readonly Target[];
  /** Ids that were given more than once. */
  readonly repeated: readonly string[];
  readonly credentials: Credentials;
  readonly state: 'present' | 'absent';
  readonly wait: boolean;
  readonly timeoutMs: number;
  readonly dryRun: boolean;
  readonly summary: boolean;
  readonly githubToken: string | null;
  readonly environment: string;
  /** Without a slash at the end. */
  readonly apiUrl: string;
}

/** What is wrong with one input, and how to mend it. */
export interface Problem {
  readonly input: string;
  readonly message: string;
}

/** Defaults of action.yml once more, for whoever starts the bundle without the runner; a test keeps them in step. */
export const DEFAULTS: Readonly<Record<string, string>> = {
  state: 'present',
  wait: 'true',
  timeout: '10m',
  'dry-run': 'false',
  summary: 'true',
  environment: 'cloudflare-share',
  'api-url': 'https://api.cloudflare.com/client/v4',
};

/** More would not fit into the outputs of a job, and would take most of the rate limit of a token. */
export const MAX_TARGETS = 1000;

const MAX_TIMEOUT_MS = 24 * 3_600_000;
const ID = /^[A-Za-z0-9_-]{1,32}$/;
const MAY_BE_EMPTY =
  'If it comes from a secret or a variable: that is empty in a workflow started from a fork, ' +
  'and in a reusable workflow that is not called with `secrets: inherit`.';

/** Is `value` an id as Cloudflare writes them: 1 to 32 letters, digits, `_` or `-`? */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value);
}

/** Cloudflare's ids of 32 hexadecimal digits are in lower case; in capitals one would be taken for another account. */
function asWritten(id: string): string {
  return /^[0-9a-f]{32}$/i.test(id) ? id.toLowerCase() : id;
}

/** The value of an input as the runner hands it over, without blanks around it; empty where it is not given. */
function given(env: Environment, input: string): string {
  return env[`INPUT_${input.toUpperCase()}`]?.trim() ?? '';
}

/**
 * Reads and checks every input at once.
 * @param env the environment of the process
 * @returns the inputs, or everything that is wrong with them; never both
 */
export function readInputs(env: Environment): { inputs: Inputs } | { problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const wrong = (input: string, message: string) => problems.push({ input, message });
  const value = (input: string) => given(env, input) || (DEFAULTS[input] ?? '');

  function id(input: string, variable?: string): string {
    const text = given(env, input) || (variable ? (env[variable]?.trim() ?? '') : '');
    if (!text) {
      const or = variable ? ` (or the environment variable ${variable})` : '';
      wrong(input, `is missing or blank: set it${or}. ${MAY_BE_EMPTY}`);
    } else if (!isId(text)) wrong(input, notAnId(text));
    return asWritten(text);
  }

  function yes(input: string): boolean {
    const text = value(input);
    if (!/^(true|True|TRUE|false|False|FALSE)$/.test(text)) {
      wrong(
        input,
        `is neither true nor false: ${quote(text)}. Write \`${input}: true\` or \`${input}: false\`.`,
      );
    }
    return text.toLowerCase() === 'true';
  }

  const accountId = id('account-id', 'CLOUDFLARE_ACCOUNT_ID');
  const shareId = id('share-id');
  const { targets, repeated } = readTargets(env, accountId, wrong);
  const credentials = readCredentials(env, wrong);

  const state = value('state');
  if (state !== 'present' && state !== 'absent') {
    wrong(
      'state',
      `is neither present nor absent: ${quote(state)}. Use present to add recipients, absent to remove them.`,
    );
  }
  const wait = yes('wait');
  const dryRun = yes('dry-run');
  const summary = yes('summary');
  const timeoutMs = readTimeout(value('timeout'), wrong);
  const apiUrl = readApiUrl(value('api-url'), wrong);
  checkProxy(env, apiUrl, wrong);

  const environment = value('environment');
  if (environment.length > 255 || /\p{Cc}/u.test(environment)) {
    wrong('environment', 'is not the name of a GitHub environment: use at most 255 characters on one line.');
  }
  if (secretForms(env).some((form) => form.length >= SHORTEST_SECRET && environment.includes(form))) {
    wrong('environment', 'has a secret in it, and would be shown to everybody who can read the repository.');
  }
  const githubToken = given(env, 'github-token') || null;
  if (githubToken && !isHeaderValue(githubToken)) wrong('github-token', NOT_A_SECRET);

  if (problems.length > 0 || !credentials) return { problems };
  return {
    inputs: {
      accountId,
      shareId,
      targets,
      repeated,
      credentials,
      state: state as Inputs['state'],
      wait,
      timeoutMs,
      dryRun,
      summary,
      githubToken,
      environment,
      apiUrl,
    },
  };
}

type Wrong = (input: string, message: string) => void;

const NOT_A_SECRET =
  'has a blank, a line break, quotes around it, or a character that no HTTP header may hold: store the secret again, without quotes or a prefix.';

function isHeaderValue(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text) && !/^(["']).*\1$/.test(text);
}

function quote(text: string): string {
  return `"${text}"`; // whole: a secret in the wrong input is taken out where it is printed, half of one is not
}

function notAnId(text: string): string {
  const length = text.length > 32 ? ` It has ${text.length} characters.` : '';
  return `is not a Cloudflare id: ${quote(text)}. An id is 1 to 32 letters, digits, "_" or "-".${length}`;
}

function readTargets(env: Environment, owner: string, wrong: Wrong): Pick<Inputs, 'targets' | 'repeated'> {
  const organization = given(env, 'organization-id');
  const accounts = given(env, 'recipient-account-id');
  const none = { targets: [], repeated: [] };
  if (organization && accounts) {
    wrong(
      'recipient-account-id',
      'and `organization-id` are both given: a run has one kind of target, so remove one of them.',
    );
    return none;
  }
  if (organization) {
    if (!isId(organization)) wrong('organization-id', notAnId(organization));
    return { targets: [{ type: 'organization', id: asWritten(organization) }], repeated: [] };
  }
  const words = accounts
    .split(/\r\n|\r|\n/)
    .flatMap((line, index) => line.split(/[\s,]+/).map((id) => ({ id: asWritten(id), line: index + 1 })))
    .filter((word) => word.id);
  if (words.length === 0) {
    wrong(
      'recipient-account-id',
      `is missing or blank, and so is \`organization-id\`: give exactly one of them. ${MAY_BE_EMPTY} ` +
        'Nothing is sent without a target, because Cloudflare would take that for the whole organization.',
    );
    return none;
  }
  const lines = words[words.length - 1]?.line ?? 1;
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const { id, line } of words) {
    if (seen.has(id)) {
      repeated.add(id);
      continue;
    }
    seen.add(id);
    const where = lines > 1 ? `(line ${line}) ` : '';
    if (!isId(id)) wrong('recipient-account-id', where + notAnId(id));
    else if (id === owner) {
      wrong(
        'recipient-account-id',
        `${where}is the account that owns the share, ${id}: it cannot be its own recipient.`,
      );
    }
  }
  if (seen.size > MAX_TARGETS) {
    wrong(
      'recipient-account-id',
      `has ${seen.size} accounts; one step takes at most ${MAX_TARGETS}. Split the list over several jobs with \`strategy.matrix\`.`,
    );
  }
  return { targets: [...seen].map((id) => ({ type: 'account', id })), repeated: [...repeated] };
}

function readCredentials(env: Environment, wrong: Wrong): Credentials | null {
  const token = given(env, 'api-token');
  const own = { email: given(env, 'api-email'), key: given(env, 'api-key') };
  const envToken = env['CLOUDFLARE_API_TOKEN']?.trim() ?? '';
  const email = own.email || (env['CLOUDFLARE_EMAIL']?.trim() ?? '');
  const key = own.key || (env['CLOUDFLARE_API_KEY']?.trim() ?? '');
  const pairGiven = own.email !== '' || own.key !== '';

  if (token && pairGiven) {
    wrong(
      'api-token',
      'and the legacy pair `api-email` / `api-key` are both given: use one kind of credentials, best the token.',
    );
    return null;
  }
  if (token || (envToken && !pairGiven)) {
    if (isHeaderValue(token || envToken)) return { kind: 'token', token: token || envToken };
    wrong('api-token', NOT_A_SECRET);
    return null;
  }
  if (!email && !key) {
    wrong(
      'api-token',
      `is missing or blank: pass it from a secret (or set the environment variable CLOUDFLARE_API_TOKEN). ${MAY_BE_EMPTY}`,
    );
    return null;
  }
  if (!email || !key) {
    const [missing, there, variable] = email
      ? (['api-key', 'api-email', 'CLOUDFLARE_API_KEY'] as const)
      : (['api-email', 'api-key', 'CLOUDFLARE_EMAIL'] as const);
    wrong(
      missing,
      `is missing or blank while \`${there}\` is there (or its environment variable): give both (${variable} works too), or better an \`api-token\`. ${MAY_BE_EMPTY}`,
    );
    return null;
  }
  if (!isHeaderValue(email)) wrong('api-email', 'is not an e-mail address that an HTTP header may hold.');
  if (!isHeaderValue(key)) wrong('api-key', NOT_A_SECRET);
  return { kind: 'key', email, key };
}

function readTimeout(text: string, wrong: Wrong): number {
  const match = /^(?:(\d{1,5})h)?(?:(\d{1,5})m)?(?:(\d{1,6})s)?$/.exec(text);
  const [, h, m, s] = match ?? [];
  const ms = (Number(h ?? 0) * 3600 + Number(m ?? 0) * 60 + Number(s ?? 0)) * 1000;
  if (!match || ms === 0) {
    wrong('timeout', `is not a duration: ${quote(text)}. Write it with its unit, such as 90s, 10m or 1h30m.`);
  } else if (ms > MAX_TIMEOUT_MS) wrong('timeout', `is longer than a day: ${quote(text)}. Use 24h at most.`);
  return ms;
}

function readApiUrl(text: string, wrong: Wrong): string {
  const hint = 'Leave it out to use https://api.cloudflare.com/client/v4.';
  if (!URL.canParse(text)) {
    wrong('api-url', `is not an address. ${hint}`);
    return text;
  }
  const url = new URL(text);
  // An address is shown only where it can hold no password.
  if (url.username || url.password) wrong('api-url', `has credentials in it. Remove them. ${hint}`);
  else if (url.search || url.hash)
    wrong('api-url', `has a query or a fragment in it. Remove what follows the path. ${hint}`);
  else if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    wrong(
      'api-url',
      `is http on another host than loopback: your token would travel in the clear. Use https. ${hint}`,
    );
  } else if (url.protocol !== 'https:' && url.protocol !== 'http:')
    wrong('api-url', `is not an https address. ${hint}`);
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

/** A proxy that cannot be used would be gone past by the library that reads its address, which nobody expects. */
function checkProxy(env: Environment, apiUrl: string, wrong: Wrong): void {
  const name = ['https_proxy', 'HTTPS_PROXY'].find((variable) => env[variable]);
  if (!name || !apiUrl.startsWith('https:') || isProxy(env[name] ?? '')) return;
  const how = 'Write it as http://host:port or http://user:password@host:port, the password URL-encoded';
  wrong(name, `(environment variable) is not the address of a proxy. ${how}; or unset it.`);
}

function isProxy(address: string): boolean {
  const text = URL.canParse(address) || /^https?:\/\//.test(address) ? address : `http://${address}`;
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, pathname, search, hash } = new URL(text);
  // A password that is not URL-encoded may end the host too early, and the rest of it is then taken for a path.
  const isHost = pathname + search + hash === '/';
  return /^https?:$/.test(protocol) && isHost && isEncoded(username) && isEncoded(password);
}

/** Does every percent sign begin a character? */
function isEncoded(text: string): boolean {
  return !text.includes('%') || decode(text) !== text;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}
