import {
  debug,
  endGroup,
  error,
  info,
  setOutput,
  setSecret,
  startGroup,
  summary,
  warning,
} from '@actions/core';
import type { Runner } from '../report/runner.ts';

/**
 * The runner of GitHub Actions. `summaryPath` is the value of
 * GITHUB_STEP_SUMMARY: a runner without that variable shows no summary.
 */
export function githubRunner(summaryPath: string): Runner {
  return {
    mask: setSecret,
    info,
    debug,
    group(title, lines) {
      startGroup(title);
      for (const line of lines) info(line);
      endGroup();
    },
    annotate(level, title, message) {
      const annotate = level === 'error' ? error : warning;
      annotate(message, { title });
    },
    output: setOutput,
    async summary(html) {
      if (summaryPath) await summary.addRaw(html).write();
    },
  };
}
