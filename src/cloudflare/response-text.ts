/* What Cloudflare, or something in between, says in a response. */
import type { Clean } from '../domain.ts';
import type { ReceivedResponse } from './http-client.ts';
import { asObject, type JsonObject, toText } from './json.ts';

const MAX_ENTRIES = 5;
const MAX_TEXT = 300;
const MAX_TITLE = 200;

/**
 * The reason in a response: of Cloudflare's envelope, of a problem object (RFC
 * 9457), of `{"error": …}` or `{"message": …}`, of a page, of a short text, or
 * the target of a redirect. Secrets are removed before it is cut.
 */
export function describeResponse(
  response: ReceivedResponse,
  clean: Clean,
): string {
  const { json, text } = response;
  const said = json ? describeBody(json, clean) : describePage(text, clean);
  return said || describeRedirect(response, clean) || describeSilence(response);
}

function describeRedirect(
  { status, headers }: ReceivedResponse,
  clean: Clean,
): string {
  const location = headers['location'];
  const isRedirect = status >= 300 && status < 400;
  if (!isRedirect || !location) return '';
  return `redirect to ${clean(location, MAX_TITLE)}`;
}

function describeSilence({ status }: ReceivedResponse): string {
  return status < 300
    ? 'the response is not one of the Shares API'
    : `HTTP ${status} without a reason`;
}

function describeBody(body: JsonObject, clean: Clean): string {
  const errors = entriesOf(body['errors']).map((error) =>
    describeEntry(error, clean),
  );
  const messages = entriesOf(body['messages']).map((message) =>
    describeEntry(message, clean),
  );
  const all = [...errors, ...messages, describeProblem(body, clean)];
  const said = all.filter(Boolean).join('; ');
  return said || describePlainBody(body, clean);
}

/** `{"error": "…"}`, `{"error": {"message": "…"}}` or `{"message": "…"}`. */
function describePlainBody(body: JsonObject, clean: Clean): string {
  const { error, message } = body;
  const inner = asObject(error)?.['message'];
  const text = toText(error) || toText(inner) || toText(message);
  return clean(text, MAX_TEXT);
}

/** The first entries of a list; `messages` may hold plain text. */
function entriesOf(value: unknown): readonly JsonObject[] {
  if (!Array.isArray(value)) return [];
  return value
    .slice(0, MAX_ENTRIES)
    .map((entry) =>
      typeof entry === 'string' ? { message: entry } : (asObject(entry) ?? {}),
    );
}

/** `Invalid headers (code 6003): Invalid format (code 6111) at /account`. */
function describeEntry(entry: JsonObject, clean: Clean): string {
  const causes = entriesOf(entry['error_chain']).map((cause) =>
    describeMessage(cause, clean),
  );
  const pointer = toText(asObject(entry['source'])?.['pointer']);
  const said = [describeMessage(entry, clean), ...causes].filter(Boolean);
  const place = pointer ? ` at ${clean(pointer, MAX_TEXT)}` : '';
  return `${said.join(': ')}${place}`;
}

/** The message first, because it is what a reader understands. */
function describeMessage({ message, code }: JsonObject, clean: Clean): string {
  const text = clean(toText(message), MAX_TEXT);
  if (typeof code !== 'number') return text;
  return text ? `${text} (code ${code})` : `code ${code}`;
}

function describeProblem(body: JsonObject, clean: Clean): string {
  const { title, detail, error_code: code } = body;
  const parts = [title, detail].map((part) => clean(toText(part), MAX_TEXT));
  const said = parts.filter(Boolean).join(': ');
  if (typeof code !== 'number') return said;
  return said ? `${said} (code ${code})` : `code ${code}`;
}

/** The title or heading of a page, or a text that is short enough to be one. */
function describePage(text: string, clean: Clean): string {
  // Without secrets first: a tag in the middle of one would hide it.
  const start = clean(text, text.length);
  const title = elementIn(start, 'title') || elementIn(start, 'h1');
  if (title) return `page "${clean(title, MAX_TITLE)}"`;

  const isShort = text.length <= MAX_TITLE && !/[<{]/.test(text);
  return isShort ? clean(text, MAX_TITLE) : '';
}

function elementIn(page: string, name: string): string {
  const element = new RegExp(`<${name}[^>]*>(.*?)</${name}`, 'is');
  const content = element.exec(page)?.[1] ?? '';
  return content.replace(/<[^>]*>/g, ' ').trim();
}
