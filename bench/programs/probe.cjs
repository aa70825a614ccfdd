// Loaded before a program. When it exits, file descriptor 3 gets its peak resident memory in KiB and its phases, in
// milliseconds of the machine's monotonic clock. `ru_maxrss` would include the process that was forked to start it.
const { subscribe } = require('node:diagnostics_channel');
const { existsSync, readFileSync, writeSync } = require('node:fs');

const now = () => Number(process.hrtime.bigint()) / 1e6;
const phases = { loaded: now() };
subscribe('http.client.request.created', () => {
  phases.request ??= now();
});
subscribe('http.client.response.finish', () => {
  phases.response = now();
});
process.on('exit', () => {
  phases.exit = now();
  const status = existsSync('/proc/self/status')
    ? readFileSync('/proc/self/status', 'utf8')
    : '';
  const peakKiB = Number(
    /VmHWM:\s+(\d+)/.exec(status)?.[1] ?? process.resourceUsage().maxRSS,
  );
  writeSync(3, JSON.stringify({ peakKiB, phases }));
});
