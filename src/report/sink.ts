import { cut } from '../format.ts';
import type { OutputName, OutputValue } from './outputs.ts';
import type { Level, Runner } from './runner.ts';
import type { Sanitizer } from './sanitizer.ts';

/** Something that GitHub shows on the page of the run. */
export interface Annotation {
  /** How GitHub shows it. */
  readonly level: Level;
  /** At most six words. */
  readonly title: string;
  /** Several texts have a line each. */
  readonly text: string | readonly string[];
  /** Where the reader finds more. It is never cut. */
  readonly link: string | null;
}

/**
 * The exit for everything that people and later steps see: what passes is
 * on one line, is no workflow command and shows no secret.
 */
export interface Sink {
  /** A line of the log. */
  info(text: string): void;
  /** Shown only with debug logging. */
  debug(text: string): void;
  /** Lines behind a title that people open. */
  group(title: string, lines: readonly string[]): void;
  /** A warning or an error on the page of the run. */
  annotate(annotation: Annotation): void;
  /** Sets an output; a list of objects as JSON. Throws OutputError. */
  output(name: OutputName, value: OutputValue): void;
  /** Makes text fit between the tags that `summary` gets. */
  html(text: string): string;
  /** Rejects when the summary cannot be written. */
  summary(html: string): Promise<void>;
}

/** An output could not be written, so a later step would have none. */
export class OutputError extends Error {}

/**
 * GitHub shows ten annotations of a level for a step, of 4,096 characters each.
 */
const MAX_ANNOTATIONS = 10;
const MAX_ANNOTATION = 4_096;

/** Masks all secrets, then opens the sink. */
export function openSink(runner: Runner, sanitizer: Sanitizer): Sink {
  const { line, html } = sanitizer;
  for (const secret of sanitizer.secrets) runner.mask(secret);

  const shown = { warning: 0, error: 0 };

  function info(text: string): void {
    runner.info(line(text));
  }

  function annotate(annotation: Annotation): void {
    const { level, title, text, link } = annotation;
    shown[level] += 1;

    const isShown = shown[level] <= MAX_ANNOTATIONS;
    const lines = [text].flat().map(line);
    const message = fit(lines.join('\n'), link, line);
    if (isShown) runner.annotate(level, line(title), message.text);
    // What GitHub does not show stands in the log.
    if (!isShown || message.isCut) info(oneLine(annotation));
  }

  function output(name: OutputName, value: OutputValue): void {
    try {
      runner.output(name, outputText(value, line));
    } catch (error) {
      throw new OutputError(`output ${name}: ${messageOf(error)}`);
    }
  }

  return {
    info,
    debug: (text) => runner.debug(line(text)),
    group: (title, lines) => runner.group(line(title), lines.map(line)),
    annotate,
    output,
    html,
    summary: (text) => runner.summary(text),
  };
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Shortens what is before the link, never the link. */
function fit(
  text: string,
  link: string | null,
  line: Sanitizer['line'],
): { text: string; isCut: boolean } {
  const end = link === null ? '' : `\n${line(link)}`;
  const max = MAX_ANNOTATION - end.length;

  return { text: `${cut(text, max)}${end}`, isCut: text.length > max };
}

function oneLine({ title, text, link }: Annotation): string {
  const whole = [text].flat().join(' ');
  return [`${title}: ${whole}`, link].filter(Boolean).join(' ');
}

/**
 * Only values are made safe: a secret that is also a word of the keys must not
 * break the JSON.
 */
function outputText(value: OutputValue, line: Sanitizer['line']): string {
  if (typeof value === 'string') return value.split('\n').map(line).join('\n');

  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'string' ? line(member) : member,
  );
}
