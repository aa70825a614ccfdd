import { setFlagsFromString } from 'node:v8';
import { realClock } from './clock.ts';
import { openTransport } from './cloudflare/transport.ts';
import { main } from './main.ts';
import { githubRunner } from './report/runner.ts';

/** Nothing that is left over may hold the step once the story is told. */
const LEFTOVER_MS = 300;

// A run waits, it does not compute: optimised code and a nursery that grows would double the memory of a large fleet.
for (const flag of ['--no-opt', '--no-maglev', '--semi-space-growth-factor=1']) setFlagsFromString(flag);

const cancel = new AbortController();
// On Windows the runner sends Ctrl+C, which is SIGINT to Node, and then Ctrl+Break.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGBREAK'] as const) {
  process.on(signal, () => {
    if (cancel.signal.aborted) process.exit(1);
    cancel.abort();
  });
}

const { transport, close } = openTransport();
const success = await main({
  env: process.env,
  transport,
  clock: realClock,
  random: Math.random,
  runner: githubRunner,
  cancel: cancel.signal,
});
if (!success) process.exitCode = 1;
close();
setTimeout(() => process.exit(), LEFTOVER_MS).unref();
