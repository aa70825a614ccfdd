import { existsSync } from 'node:fs';
import { systemClock } from './clock.ts';
import { extraCaProblem } from './cloudflare/connection.ts';
import { createHttpClient } from './cloudflare/http-client.ts';
import { proxyFor } from './cloudflare/proxy.ts';
import { readGitHubContext } from './github/context.ts';
import { githubRunner } from './github/github-runner.ts';
import { workspaceFiles } from './inputs/recipient-file.ts';
import { main } from './main.ts';

/** On Windows the runner sends Ctrl+C (SIGINT), and then Ctrl+Break. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] as const;
/** Some runners send two signals at once, so only a third one exits at once. */
const SIGNALS_TO_EXIT = 3;
/** How long the exit waits for a slow reader of the log. */
const DRAIN_MS = 5_000;
/** Open connections may delay the exit by this much; the result is complete. */
const LINGER_MS = 300;

const cancel = new AbortController();
let signals = 0;
for (const signal of SIGNALS) {
  process.on(signal, () => {
    signals += 1;
    if (signals >= SIGNALS_TO_EXIT) process.exit(1);
    cancel.abort();
  });
}
// @actions/github would read the event, which the action does not need, and
// print the path of a missing file without making it safe.
delete process.env['GITHUB_EVENT_PATH'];
// A log that nobody reads any more must not end the run.
process.stdout.on('error', () => {});

const context = readGitHubContext(process.env);
const success = await main({
  env: process.env,
  context,
  files: workspaceFiles,
  http: createHttpClient(
    (url) => proxyFor(url, process.env),
    extraCaProblem(process.env, existsSync),
  ),
  clock: systemClock,
  random: Math.random,
  runner: githubRunner(context.hasSummary),
  cancel: cancel.signal,
});
process.exitCode = success ? 0 : 1;
exitWhenDrained();

/** A connection that hangs, such as one to a proxy, must not hold the step. */
function exitWhenDrained(): void {
  const exit = () => process.exit();
  setTimeout(exit, DRAIN_MS).unref();
  // Called when everything written before it has been handed to the reader.
  process.stdout.write('', () => setTimeout(exit, LINGER_MS).unref());
}
