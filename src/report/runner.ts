/* What the action needs of the machine that runs the workflow: the port. */

/** How much an annotation matters. Only an error fails the step. */
export type Level = 'warning' | 'error';

/**
 * Takes in what people and later steps see. Nothing here makes text safe:
 * only the sink may call it.
 */
export interface Runner {
  /** Hides a text from here on. */
  mask(secret: string): void;
  /** A line of the log. */
  info(text: string): void;
  /** Shown only with debug logging. */
  debug(text: string): void;
  /** Lines behind a title that people open. */
  group(title: string, lines: readonly string[]): void;
  /** A warning or an error on the page of the run. */
  annotate(level: Level, title: string, message: string): void;
  /** Throws when it cannot be written. */
  output(name: string, value: string): void;
  /** Appends HTML to the job summary. Rejects when it cannot be written. */
  summary(html: string): Promise<void>;
}
