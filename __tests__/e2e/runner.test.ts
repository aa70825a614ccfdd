/** What the runner lacks, cuts or reads slowly. */
import type { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { expectFailure } from './expectations.ts';
import {
  accounts,
  faultOn,
  rejection,
  runWithFault,
  startScenario,
} from './scenario.ts';

const DOCS = 'https://github.com/octo-org/share/blob/v1/docs/';
const REJECTION = rejection(400, 1010, 'No');

// Where there is no link is in github/context.test.ts.
it.concurrent('annotation and summary link to the documentation of the action on github.com', async () => {
  const run = await runWithFault(REJECTION, {
    env: {
      GITHUB_ACTION_REPOSITORY: 'octo-org/share',
      GITHUB_ACTION_REF: 'v1',
    },
  });
  expect(run.errors[0]?.message).toContain(`\n${DOCS}troubleshooting.md#`);
  expect(run.summary).toContain(`<a href="${DOCS}troubleshooting.md#`);
});

/** Lets a stream flow at so many bytes per second. */
function readSlowly(stream: Readable, bytesPerSecond: number): void {
  stream.on('data', (chunk: string) => {
    stream.pause();
    setTimeout(() => stream.resume(), (chunk.length / bytesPerSecond) * 1000);
  });
}

it.concurrent('a log that is read slowly has its end', async () => {
  const started = await startScenario({
    targets: accounts(984),
    faults: [faultOn('POST', REJECTION)],
  });
  const { stdout } = started.child;
  if (stdout) readSlowly(stdout, 200 * 1024);
  const run = await started.finished;
  expectFailure(run, 'Request rejected by Cloudflare');
  expect(run.signal).toBeNull();
  expect(run.stdout.slice(-200)).toMatch(
    /\nResult: 984 accounts failed; .*\n$/,
  );
});
