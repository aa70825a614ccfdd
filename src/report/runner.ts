import { stat } from 'node:fs/promises';
import {
  debug,
  error,
  info,
  setOutput,
  setSecret,
  summary,
  warning,
} from '@actions/core';
import type { Sanitizer } from './sanitize.ts';

export type Level = 'warning' | 'error';

/**
 * What the runner takes in. Everything that a person or a later step sees goes
 * through here.
 */
export interface Runner {
  /** Makes the runner hide a text from here on. */
  mask(secret: string): void;
  info(text: string): void;
  /** Shown only with debug logging. */
  debug(text: string): void;
  annotate(level: Level, title: string, message: string): void;
  output(name: string, value: string): void;
  /** Appends HTML to the job summary. Rejects when it cannot be written. */
  summary(html: string): Promise<void>;
}

/**
 * The runner of GitHub Actions. `summaryPath` is the value of
 * GITHUB_STEP_SUMMARY.
 */
export function githubRunner(summaryPath: string): Runner {
  return {
    mask: setSecret,
    info,
    debug,
    annotate: (level, title, message) =>
      ({ warning, error })[level](message, { title }),
    output: setOutput,
    async summary(html) {
      // Opening a FIFO that nobody reads would never end.
      if ((await stat(summaryPath)).isFIFO())
        throw new Error('GITHUB_STEP_SUMMARY is a FIFO');
      await summary.addRaw(html).write();
    },
  };
}

/** The outputs could not be written, so a later step would have none. */
export class OutputError extends Error {}

/**
 * GitHub shows ten annotations of a level for a step, of 4,096 characters each.
 */
const MAX_ANNOTATIONS = 10;
const MAX_ANNOTATION = 4_000;

/**
 * Masks all secrets, then opens the sink: what passes is on one line, is no
 * workflow command and shows no secret.
 */
export function openSink(runner: Runner, { secrets, redact, line }: Sanitizer) {
  for (const secret of secrets) runner.mask(secret);
  const lines = (text: string) => text.split('\n').map(line).join('\n');
  const annotations = { warning: 0, error: 0 };
  // Only values are redacted: a secret that is also a word of the keys must not
  // break the JSON.
  const redactValue = (_: string, value: unknown) =>
    typeof value === 'string' ? line(value) : value;
  return {
    info: (text: string) => runner.info(line(text)),
    debug: (text: string) => runner.debug(line(text)),
    annotate(
      level: Level,
      title: string,
      ...messages: readonly string[]
    ): void {
      const text = messages
        .map(line)
        .join('\n')
        .slice(0, MAX_ANNOTATION)
        .toWellFormed();
      if (++annotations[level] > MAX_ANNOTATIONS)
        runner.info(line(`${title}: ${messages.join(' ')}`));
      else runner.annotate(level, line(title), text);
    },
    /** Sets an output; a list of objects as JSON. Throws OutputError. */
    output(name: string, value: string | readonly object[]): void {
      const text =
        typeof value === 'string'
          ? lines(value)
          : JSON.stringify(value, redactValue);
      try {
        runner.output(name, text);
      } catch (error) {
        throw new OutputError(`output ${name}: ${(error as Error).message}`);
      }
    },
    summary: (html: string) => runner.summary(redact(html)),
  };
}
