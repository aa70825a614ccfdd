import { debug, error, info, notice, setOutput, setSecret, summary, warning } from '@actions/core';
import { line, type Redact } from './text.ts';

/** How prominent a message is shown. */
export type Level = 'notice' | 'warning' | 'error';

/** The ways out of the action. Everything a person or a later step gets to see goes through here. */
export interface Runner {
  /** Makes the runner hide a text from here on. */
  mask(secret: string): void;
  print(text: string): void;
  /** Shown only when the run is being debugged. */
  debug(text: string): void;
  annotate(level: Level, title: string, message: string): void;
  output(name: string, value: string): void;
  /** Appends HTML to the job summary; rejects when it cannot be written. */
  summary(html: string): Promise<void>;
}

/** A runner that takes any text. */
export interface SafeRunner extends Omit<Runner, 'output'> {
  /** Sets an output, a list of objects as JSON. Throws OutputError. */
  output(name: string, value: string | readonly object[]): void;
}

/** The runner of GitHub Actions, as `@actions/core` speaks with it. */
export const githubRunner: Runner = {
  mask: setSecret,
  print: info,
  debug,
  annotate: (level, title, message) => ({ notice, warning, error })[level](message, { title }),
  output: setOutput,
  summary: async (html) => {
    await summary.addRaw(html).write();
  },
};

/** The outputs could not be written, so that a later step would go by none. */
export class OutputError extends Error {}

/** GitHub shows ten annotations of a kind for a step, of 4,096 characters each. */
const MAX_ANNOTATIONS = 10;
const MAX_ANNOTATION = 4000;

/**
 * Puts the safety in front of a runner: what passes is on one line, is no workflow command, and has no secret.
 * @param runner what writes
 * @param redact takes the secrets out
 */
export function safely(runner: Runner, redact: Redact): SafeRunner {
  const annotations = { notice: 0, warning: 0, error: 0 };
  // Taking a control character out may complete a secret.
  const safe = (text: string) => redact(line(redact(text)));
  const safeOutput = (value: string | readonly object[]) => {
    if (typeof value === 'string') return value.split('\n').map(safe).join('\n');
    // Only values are redacted: what hits a name or a quote would leave something that is no JSON.
    return line(JSON.stringify(value, (_, inner) => (typeof inner === 'string' ? redact(inner) : inner)));
  };
  return {
    mask: (secret) => runner.mask(secret),
    print: (text) => runner.print(safe(text)),
    debug: (text) => runner.debug(safe(text)),
    annotate(level, title, message) {
      const text = safe(message).slice(0, MAX_ANNOTATION).toWellFormed();
      if (++annotations[level] <= MAX_ANNOTATIONS) runner.annotate(level, safe(title), text);
      else runner.print(safe(`${title}: ${message}`));
    },
    output(name, value) {
      const text = safeOutput(value);
      try {
        runner.output(name, text);
      } catch (error) {
        throw new OutputError(`The output ${name} could not be set: ${(error as Error).message}`);
      }
    },
    summary: (html) => runner.summary(redact(html)),
  };
}
