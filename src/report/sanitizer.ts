/*
 * The one text boundary. Text from a server, a share or an input is data: it
 * must not run a workflow command, forge a line, become markup or show a
 * secret. It passes here once when it arrives (`clean`), and leaves by one of
 * two exits: `line` for the log and outputs, `html` for the job summary.
 */
import type { Environment } from '../domain.ts';
import { cut } from '../format.ts';

/** Removes secrets from text and makes it safe to print. */
export interface Sanitizer {
  /** For the runner to mask. */
  readonly secrets: readonly string[];
  /**
   * For text that arrives from outside: without secrets, on one line, and at
   * most `max` UTF-16 code units long.
   */
  clean(text: string, max: number): string;
  /** Makes one line that the runner prints and does not act on. */
  line(text: string): string;
  /**
   * Makes text fit between the tags of the job summary: nothing in it is
   * markup, and GitHub makes no link or mention of it.
   */
  html(text: string): string;
}

const INPUTS = ['INPUT_API-TOKEN', 'INPUT_API-KEY', 'INPUT_GITHUB-TOKEN'];
const VARIABLES = ['CLOUDFLARE_API_TOKEN', 'CLOUDFLARE_API_KEY'];

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

/** Everything that HTML or Markdown could act on. */
const MARKUP = /[!-'*+/:-@[-^`{-~]/g;

/** What GitHub makes a link of, even where it is escaped. */
const AUTOLINK = /[@#](?=\w)|:(?=\/\/)|\bwww(?=\.)/gi;
/** Breaks such a link, and takes no room. */
const ZERO_WIDTH_SPACE = '\u200b';

/**
 * All secrets of a run, each once. It reads the environment and not the inputs,
 * so that a report of invalid inputs is safe too.
 */
export function secretsIn(
  env: Environment,
  proxyPasswords: readonly string[],
): string[] {
  const given = [...INPUTS, ...VARIABLES].map((name) => env[name] ?? '');
  const trimmed = [...given, ...proxyPasswords].map((text) => text.trim());

  return [...new Set(trimmed)].filter((text) => text !== '');
}

/** Creates the boundary for a run that has these secrets. */
export function createSanitizer(secrets: readonly string[]): Sanitizer {
  const forms = [...new Set(secrets.flatMap(formsOf))]
    .filter((form) => form.length >= SHORTEST_SECRET)
    // The longest first: the rest of a longer secret must not stay.
    .sort((a, b) => b.length - a.length);

  function redact(text: string): string {
    return forms.reduce((rest, form) => rest.replaceAll(form, '***'), text);
  }

  // Flattened first, because replacing a character can complete a secret.
  function line(text: string): string {
    return redact(flatten(text));
  }

  return {
    secrets,
    line,
    html: (text) => escapeMarkup(line(text)),
    clean(text, max) {
      const flat = flatten(redact(text)).replace(/\s+/g, ' ').trim();
      return cut(flat, max);
    },
  };
}

/**
 * The forms in which an API or a proxy repeats what it was sent. The runner
 * masks more of them.
 */
function formsOf(secret: string): string[] {
  return [
    secret,
    flatten(secret),
    encodeURIComponent(secret.toWellFormed()),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString('base64'),
    ...[0, 1, 2].flatMap((offset) => base64Within(secret, offset)),
  ];
}

/**
 * What base64 makes of a secret that begins `offset` bytes into a group of
 * three, as in `user:secret`: the characters that depend on the secret alone,
 * in both alphabets.
 */
function base64Within(secret: string, offset: number): string[] {
  const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(secret)]);
  const first = Math.ceil((offset * 8) / 6);
  const end = Math.floor((bytes.length * 8) / 6);

  return (['base64', 'base64url'] as const).map((alphabet) =>
    bytes.toString(alphabet).slice(first, end),
  );
}

/**
 * The runner acts on `::command::` after leading spaces, on `##[command]`
 * anywhere, and splits lines at CR too.
 */
function flatten(text: string): string {
  return text
    .toWellFormed()
    .replace(INVISIBLE, ' ')
    .replace(/#(?=#\[)/g, '# ')
    .replace(/^(\s*):(?=:)/, '$1: ');
}

function escapeMarkup(text: string): string {
  return text
    .replace(AUTOLINK, `$&${ZERO_WIDTH_SPACE}`)
    .replace(MARKUP, (character) => `&#${character.charCodeAt(0)};`);
}
