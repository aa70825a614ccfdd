/* The address of the API, and the proxy on the way to it. */
import { proxyFor, proxyVariable } from '../cloudflare/proxy.ts';
import { isSafeUrl } from '../cloudflare/safe-url.ts';
import type { Environment } from '../domain.ts';
import { invalid, type Reading, valid, wrongInput } from './reading.ts';
import { givenInput } from './sources.ts';

/** As in action.yml, for a run in which the input is empty. */
const DEFAULT_API_URL = 'https://api.cloudflare.com/client/v4';

/** What a URL may not be or have. */
interface UrlRule {
  readonly isBroken: (url: URL) => boolean;
  readonly got: string;
}

const URL_RULES: readonly UrlRule[] = [
  {
    isBroken: (url) => url.protocol === 'http:' && !isSafeUrl(url),
    got: 'http on another host',
  },
  {
    isBroken: (url) => url.protocol !== 'http:' && !isSafeUrl(url),
    got: 'another protocol',
  },
  {
    isBroken: ({ username, password }) => username + password !== '',
    got: 'credentials',
  },
  { isBroken: ({ search }) => search !== '', got: 'a query' },
  { isBroken: ({ hash }) => hash !== '', got: 'a fragment' },
];

/**
 * Reads the base URL of the API, without a slash at the end. Neither it nor
 * the address of a proxy is shown, because it may hold a password.
 */
export function readApiUrl(env: Environment): Reading<string> {
  const text = givenInput(env, 'api-url') || DEFAULT_API_URL;
  if (!URL.canParse(text)) return wrongUrl(['no URL']);

  const url = new URL(text);
  const broken = URL_RULES.filter(({ isBroken }) => isBroken(url));
  if (broken.length > 0) return wrongUrl(broken.map(({ got }) => got));
  if (!canUseProxy(url, env)) return wrongProxy(proxyVariable(env));
  return valid(`${url.origin}${url.pathname}`.replace(/\/+$/, ''));
}

function wrongUrl(got: readonly string[]): Reading<never> {
  const expected =
    'https (http only on loopback), no credentials, query or fragment';
  const fix = 'Correct this input.';
  const wrong = { expected, got: got.join(' and '), fix };
  return invalid(wrongInput('api-url', wrong));
}

function canUseProxy(url: URL, env: Environment): boolean {
  try {
    proxyFor(url, env);
    return true;
  } catch {
    return false;
  }
}

function wrongProxy(variable: string): Reading<never> {
  const wrong = {
    expected: 'http://HOST:PORT or http://USERNAME:PASSWORD@HOST:PORT',
    got: 'another form of address',
    fix:
      'Use http or https without a path, and URL-encode the username and ' +
      'the password.',
  };
  return invalid(wrongInput(variable, wrong));
}
