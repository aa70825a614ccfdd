import { readGitHubContext } from '../../src/github/context.ts';
import { openReport } from '../../src/report/report.ts';
import { createSanitizer } from '../../src/report/sanitize.ts';
import { TOKEN } from '../builders.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { recordingRunner } from './recording-runner.ts';

/**
 * Opens a report on a runner that writes everything down, in a world where
 * TOKEN is a secret.
 */
export function openRecorded(
  failing?: Parameters<typeof recordingRunner>[0],
  github: Record<string, string> = {},
) {
  const recorder = recordingRunner(failing);
  const clock = new VirtualClock();
  const sanitizer = createSanitizer({ 'INPUT_API-TOKEN': TOKEN });
  const report = openReport(
    recorder.runner,
    sanitizer,
    readGitHubContext(github),
    clock,
  );
  return { ...recorder, clock, report };
}
