import { systemClock } from './clock.ts';
import { createHttpClient } from './cloudflare/http-client.ts';
import { readGitHubContext } from './github/context.ts';
import { proxyFor } from './inputs.ts';
import { main } from './main.ts';
import { githubRunner } from './report/runner.ts';

const cancel = new AbortController();
// On Windows the runner sends Ctrl+C, which is SIGINT to Node, and then
// Ctrl+Break.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] as const) {
  process.on(signal, () =>
    cancel.signal.aborted ? process.exit(1) : cancel.abort(),
  );
}
// A log that nobody reads any more must not end the run.
process.stdout.on('error', () => {});

const context = readGitHubContext(process.env);
const success = await main({
  env: process.env,
  context,
  http: createHttpClient((url) => proxyFor(url, process.env)),
  clock: systemClock,
  random: Math.random,
  runner: githubRunner(context.summaryPath),
  cancel: cancel.signal,
});
process.exitCode = success ? 0 : 1;
// A connection that hangs, such as one to a proxy, must not hold the step.
setTimeout(() => process.exit(), 300).unref();
