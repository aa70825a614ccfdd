import type { Environment } from './inputs.ts';

const VARIABLES = [
  'INPUT_API-TOKEN',
  'INPUT_API-KEY',
  'INPUT_GITHUB-TOKEN',
  'CLOUDFLARE_API_TOKEN',
  'CLOUDFLARE_API_KEY',
];
const EMAILS = ['INPUT_API-EMAIL', 'CLOUDFLARE_EMAIL'];
const PROXIES = ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY'];

/** Shorter forms would hit ordinary words; no token or key of Cloudflare or GitHub is that short. */
export const SHORTEST_SECRET = 6;
/** A part of a secret with blanks in it, such as "Bearer", may be an ordinary word too. */
const SHORTEST_WORD = 8;

/**
 * Collects everything that must never be shown, in the forms in which it could show: as it is, URL-encoded, in
 * base64, escaped for JSON or HTML. It works on any environment, so that even the report of a wrong input is free
 * of secrets.
 * @returns each form once, the longest first
 */
export function secretForms(env: Environment): readonly string[] {
  const given = VARIABLES.map((name) => env[name] ?? '').filter((text) => text.trim());
  const emails = EMAILS.map((name) => env[name]?.trim() ?? '').filter(Boolean);
  const pairs = given.flatMap((text) => emails.map((email) => base64(`${email}:${text.trim()}`)));
  const secrets = [...given, ...pairs, ...PROXIES.flatMap((name) => proxySecrets(env[name]?.trim() ?? ''))];
  const derived = secrets
    .flatMap(spellings)
    .flatMap((text) => [text, text.toLowerCase(), ...encodings(text)]);
  const forms = [...secrets.flatMap((text) => [text, text.trim()]), ...derived.filter(isLong)];
  return [...new Set(forms)].filter(Boolean).sort((a, b) => b.length - a.length);
}

function isLong(text: string): boolean {
  return text.length >= SHORTEST_SECRET;
}

/** The user and password of a proxy's address, read as `getProxyUrl` reads it, and the header that is made of them. */
function proxySecrets(address: string): string[] {
  // As it was written, which the URL may write in another way; and all there is where it is no URL.
  const written = /^(?:[a-z][\w+.-]*:[\\/]*)?[^:@]*:(.+)@[^@]*$/i.exec(address)?.[1] ?? '';
  const url = [address, `http://${address}`].find((text) => URL.canParse(text) && new URL(text).username);
  if (!url) return [written];
  const { username, password } = new URL(url);
  const secret = password || username;
  const header = `${decode(username)}:${decode(password)}`;
  return [written, secret, decode(secret), header, base64(header)];
}

/** Decodes what a URL holds; what is no such code stays as it is. */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What of a secret could stand alone: without blanks or quotes around it, a line, a word. */
function spellings(secret: string): string[] {
  const value = secret.trim();
  const lines = value.split(/[\r\n]+/).map((line) => line.trim());
  const words = value.split(/[\s,]+/).filter((word) => word.length >= SHORTEST_WORD);
  return [...new Set([value, value.replace(/^["'`]+|["'`]+$/g, ''), ...lines, ...words])];
}

function encodings(text: string): string[] {
  const whole = text.toWellFormed();
  const url = encodeURIComponent(whole);
  const strict = url.replace(/[!'()*~]/g, (character) => `%${hex(character).toUpperCase()}`);
  const form = new URLSearchParams([['', whole]]).toString().slice(1);
  const urls = [
    url,
    strict,
    form,
    encodeURI(whole),
    encodeURIComponent(url),
    encodeURIComponent(base64(whole)),
  ];
  const json = JSON.stringify(whole).slice(1, -1);
  const html = (escaped: (character: string) => string) => whole.replace(/[&<>"']/g, escaped);
  return [
    ...urls.flatMap((one) => [one, one.replace(/%../g, (code) => code.toLowerCase())]),
    json,
    json.replaceAll('/', '\\/'),
    JSON.stringify(json).slice(1, -1),
    ...[/[<>&]/g, /[<>&']/g, /[<>&'/]/g].map((some) => json.replace(some, (one) => `\\u00${hex(one)}`)),
    ...['#39', '#x27', 'apos'].map((quote) => html((one) => `&${NAMES[one] ?? quote};`)),
    html((one) => (one === "'" ? one : `&${NAMES[one]};`)),
    html((one) => (/["']/.test(one) ? one : `&${NAMES[one]};`)),
    html((one) => `&#${one.charCodeAt(0)};`),
    html((one) => `&#x${hex(one)};`),
    base64(whole),
    ...base64Parts(whole),
  ];
}

const NAMES: Record<string, string> = { '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot' };

function hex(character: string): string {
  return character.charCodeAt(0).toString(16);
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/**
 * What shows of a text inside the base64 of a longer one, such as `Bearer …`: three bytes make four characters, so
 * there are three ways to begin, and the characters at the ends that depend on its neighbours are left out.
 */
function base64Parts(text: string): string[] {
  const bytes = Buffer.from(text);
  return [0, 1, 2].flatMap((before) => {
    const all = Buffer.concat([Buffer.alloc(before), bytes]);
    const part = all
      .toString('base64url')
      .slice(Math.ceil((before * 8) / 6), Math.floor((all.length * 8) / 6));
    return [part, part.replaceAll('-', '+').replaceAll('_', '/')];
  });
}
