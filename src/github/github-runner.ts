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
 * The runner of GitHub Actions.
 * @param hasSummary false for a runner that shows no job summary: it sets no
 *   GITHUB_STEP_SUMMARY, which `@actions/core` reads
 */
export function githubRunner(hasSummary: boolean): Runner {
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
      if (hasSummary) await summary.addRaw(html).write();
    },
  };
}
