import { setFlagsFromString } from 'node:v8';
import { realClock } from './clock.ts';
import { openTransport } from './cloudflare/transport.ts';
import { main } from './main.ts';
import { githubRunner } from './report/runner.ts';

/** Nothing that is left over may hold the step once the story is told. */
const LEFTOVER_MS = 300;

// A run waits, it does not compute: optimised code and a nursery that grows would double the memory of a large fleet.
for (const flag of ['--no-opt', '--no-maglev', '--semi-space-growth-factor=1']) setFlagsFromString(flag);

/**
 * Ends the process now. An exit waits for threads, and a name server that does not answer keeps one for up to a
 * minute; then another process takes the place of this one and only exits. (Windows has no such thing, and waits.)
 */
function end(code: number): never {
  const isResolving = process.getActiveResourcesInfo().includes('GetAddrInfoReqWrap');
  if (isResolving) process.execve?.(process.execPath, [process.execPath, '-e', `process.exit(${code})`], {});
  process.exit(code);
}

const cancel = new AbortController();
// On Windows the runner sends Ctrl+C, which is SIGINT to Node, and then Ctrl+Break.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGBREAK'] as const) {
  process.on(signal, () => {
    if (cancel.signal.aborted) end(1);
    cancel.abort();
  });
}
// The story goes on, and so do the outputs, when nobody reads the log any more.
process.stdout.on('error', () => {});

const { transport, close } = openTransport();
const success = await main({
  env: process.env,
  transport,
  clock: realClock,
  random: Math.random,
  runner: githubRunner,
  cancel: cancel.signal,
});
const code = success ? 0 : 1;
process.exitCode = code;
close();
setTimeout(() => end(code), LEFTOVER_MS).unref();
