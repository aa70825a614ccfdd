/*
 * The one text boundary. Text from a server, a share or an input is data: it
 * must not run a workflow command, forge a line, become markup or show a
 * secret. It passes here on its way into a message (`clean`) and once more on
 * its way out (`line`).
 */
import type { Environment } from '../inputs.ts';

const INPUTS = ['INPUT_API-TOKEN', 'INPUT_API-KEY', 'INPUT_GITHUB-TOKEN'];
const VARIABLES = ['CLOUDFLARE_API_TOKEN', 'CLOUDFLARE_API_KEY'];
const PROXIES = ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY'];
/**
 * Replacing a shorter secret would hit ordinary words. The runner masks it all
 * the same.
 */
const SHORTEST_SECRET = 6;

/**
 * Control and format characters (bidirectional overrides, zero width), line and
 * paragraph separators.
 */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Removes secrets from text and makes it safe to print. */
export type Sanitizer = ReturnType<typeof createSanitizer>;

/** Works on any environment, so that a report of invalid inputs is safe too. */
export function createSanitizer(env: Environment) {
  const given = [...INPUTS, ...VARIABLES].map(
    (name) => env[name]?.trim() ?? '',
  );
  const passwords = PROXIES.flatMap((name) =>
    proxyPasswords(env[name]?.trim() ?? ''),
  );
  const secrets = [...new Set([...given, ...passwords])].filter(Boolean);
  const forms = [...new Set(secrets.flatMap(formsOf))]
    .filter((form) => form.length >= SHORTEST_SECRET)
    .sort((a, b) => b.length - a.length);
  const redact = (text: string) =>
    forms.reduce((rest, form) => rest.replaceAll(form, '***'), text);
  return {
    /** For the runner to mask. */
    secrets,
    /** Replaces secrets with `***`. */
    redact,
    /**
     * Makes text from outside fit into a sentence: one line of at most `max`
     * UTF-16 code units, without secrets.
     */
    clean(text: string, max: number): string {
      const flat = toLine(redact(text)).replace(/\s+/g, ' ').trim();
      return flat.length <= max
        ? flat
        : `${flat.slice(0, max - 1).toWellFormed()}…`;
    },
    /**
     * Makes one line that the runner prints and does not act on. Removing a
     * character can complete a secret.
     */
    line: (text: string): string => redact(toLine(text)),
  };
}

/**
 * The runner masks more encodings; these are the ones in which an API or a
 * proxy repeats what it was sent.
 */
function formsOf(secret: string): string[] {
  const [json, base64] = [
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString('base64'),
  ];
  return [secret, encodeURIComponent(secret.toWellFormed()), json, base64];
}

/**
 * The password of a proxy, as written and decoded. A user name is no secret.
 */
function proxyPasswords(address: string): string[] {
  const authority = address.replace(/^[a-z][\w+.-]*:\/\/+/i, '');
  const written = /^[^:@/]*:(.+)@/.exec(authority)?.[1] ?? '';
  try {
    return [written, decodeURIComponent(written)];
  } catch {
    return [written];
  }
}

/**
 * The runner acts on `::command::` after leading spaces, on `##[command]`
 * anywhere, and splits lines at CR too.
 */
function toLine(text: string): string {
  return text
    .toWellFormed()
    .replace(INVISIBLE, ' ')
    .replace(/#(?=#\[)/g, '# ')
    .replace(/^(\s*):(?=:)/, '$1: ');
}

/**
 * Makes text fit into `<code>` in HTML: nothing in it is markup, and GitHub
 * makes no link or mention of it.
 */
export function toHtml(text: string): string {
  return toLine(text).replace(
    /[!-'*+/:-@[-^`{-~]/g,
    (character) => `&#${character.charCodeAt(0)};`,
  );
}
