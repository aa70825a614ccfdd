import { SHORTEST_SECRET } from '../secrets.ts';

/*
 * The one place that makes text safe. Whatever a server, a share or an input says is data: it must not run a
 * workflow command, forge a line, or become markup. `report/runner.ts` lets nothing out that has not been here.
 */

// A blank takes the place of each, so that what was apart is never joined to something new.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to take out
const ANSI = /[\u001b\u009b](?:\[?[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?)?/g;
/** Control, format (bidirectional overrides, zero width), line and paragraph separators. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Replaces secrets with `***`. */
export type Redact = (text: string) => string;

/**
 * Makes a function that replaces every form of every secret. Where two overlap, one `***` takes the place of both,
 * so that no rest of either remains.
 * @param forms see `secretForms` in `secrets.ts`
 */
export function redactor(forms: readonly string[]): Redact {
  const used = forms.filter((form) => form.length >= SHORTEST_SECRET);
  if (used.length === 0) return (text) => text;
  const any = new RegExp(used.map((form) => form.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|'));
  return (text) => {
    if (!any.test(text)) return text;
    const found = used.flatMap((form) => placesOf(form, text)).sort((a, b) => a.from - b.from);
    let [rest, done] = ['', 0];
    for (const { from, to } of found) {
      if (from >= done) rest += `${text.slice(done, from)}***`;
      done = Math.max(done, to);
    }
    return rest + text.slice(done);
  };
}

function placesOf(form: string, text: string): { from: number; to: number }[] {
  const places = [];
  for (let from = text.indexOf(form); from >= 0; from = text.indexOf(form, from + 1))
    places.push({ from, to: from + form.length });
  return places;
}

/** Makes foreign text fit into a sentence, without secrets and not longer than `max`; see `plain`. */
export type Say = (text: unknown, max?: number) => string;

/**
 * Makes the function that all foreign text goes through before it becomes part of ours. Secrets are taken out
 * before it is cut, which could leave half of one, and once more when its blanks have become single ones.
 */
export function sayer(redact: Redact): Say {
  return (text, max = 800) => plain(redact(plain(redact(String(text)), Number.POSITIVE_INFINITY)), max);
}

/**
 * Makes one line that the runner prints and does not act on: it takes `::command::` after leading blanks, and
 * `##[command]` anywhere in a line, and it splits lines at CR too.
 * @returns the text on one line, its inner spacing kept
 */
export function line(text: string): string {
  return text
    .toWellFormed()
    .replace(ANSI, ' ')
    .replace(INVISIBLE, ' ')
    .replace(/#(?=#\[)/g, '# ')
    .replace(/^(\s*):(?=:)/, '$1: ');
}

/**
 * Makes foreign text fit into a sentence of ours: one line, single blanks, not too long.
 * @param text anything; what is no text is shown as JavaScript would
 * @param max longest result, in UTF-16 code units
 */
export function plain(text: unknown, max = 400): string {
  const flat = line(String(text)).replace(/\s+/g, ' ').trim();
  return flat.length <= max ? flat : `${flat.slice(0, max - 1).toWellFormed()}…`;
}

/**
 * Makes foreign text fit into the HTML of a summary: nothing in it is markup, link, mention or emoji code.
 * GitHub looks for mentions and links in the text of a page too, but not inside `<code>`: put it there.
 */
export function html(text: unknown): string {
  return plain(text, Number.POSITIVE_INFINITY).replace(
    /[!-'*+/:-@[-^`{-~]/g,
    (character) => `&#${character.charCodeAt(0)};`,
  );
}

/** Milliseconds as people write a budget: `90s`, `10m`, `1h30m`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor((seconds % 3600) / 60), 'm'],
    [seconds % 60, 's'],
  ] as const;
  return (
    parts
      .filter(([count]) => count > 0)
      .map(([count, unit]) => `${count}${unit}`)
      .join('') || '0s'
  );
}

/** Milliseconds as a measured time: `0.4 s`, `12.3 s`, `4m5s`. */
export function seconds(ms: number): string {
  return ms < 100_000 ? `${(Math.max(0, ms) / 1000).toFixed(1)} s` : duration(ms);
}

/** `1 account`, `3 accounts`. */
export function count(n: number, one: string): string {
  return `${n} ${one}${n === 1 ? '' : 's'}`;
}
