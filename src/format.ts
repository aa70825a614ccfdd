/* Numbers, times and lists as people read them. */

/** `1,000`. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 account`, `1,000 accounts`. */
export function plural(count: number, noun: string): string {
  const ending = count === 1 ? '' : 's';
  return `${formatCount(count)} ${noun}${ending}`;
}

/** Milliseconds as a measured time: `0.4 s`, `12.3 s`, `245 s`. */
export function formatSeconds(ms: number): string {
  if (ms >= 100_000) return `${Math.round(ms / 1000)} s`;
  // As in the outputs: of 1.15, `toFixed` makes 1.1.
  const tenths = Math.round(Math.max(0, ms) / 100);
  return `${(tenths / 10).toFixed(1)} s`;
}

/** Milliseconds as people say them: `35 s`, `9 m 29 s`, `1 h 5 m`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);

  if (minutes === 0) return `${seconds} s`;
  if (hours === 0) return withRest(`${minutes} m`, seconds % 60, 's');
  return withRest(`${hours} h`, minutes % 60, 'm');
}

function withRest(text: string, rest: number, unit: string): string {
  return rest === 0 ? text : `${text} ${rest} ${unit}`;
}

/** A time to wait, never less than it is: `2 s` for 1,001 milliseconds. */
export function formatWait(ms: number): string {
  return formatDuration(Math.ceil(ms / 1000) * 1000);
}

/** `a, b, c and 4 more`. */
export function listOf(names: readonly string[], max: number): string {
  const more = names.length - max;
  if (more <= 0) return names.join(', ');
  return `${names.slice(0, max).join(', ')} and ${formatCount(more)} more`;
}

/**
 * Ends a text of somebody else like a sentence, if it does not end like one.
 */
export function asSentence(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

/** The beginning of a text, without half of a character at its end. */
export function headOf(text: string, max: number): string {
  return text
    .slice(0, max)
    .replace(/[\uD800-\uDBFF]$/, '')
    .toWellFormed();
}

/**
 * Shortens a text to `max` UTF-16 code units, with an ellipsis for what is
 * missing.
 */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${headOf(text, Math.max(0, max - 1))}…`;
}

/** Shortens a text, and says how much of it is missing. */
export function cutWithCount(text: string, max: number): string {
  const more = text.length - max;
  if (more <= 0) return text;
  return `${headOf(text, max)}… (and ${plural(more, 'more character')})`;
}
