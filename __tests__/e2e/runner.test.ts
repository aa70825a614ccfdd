/** What the runner lacks, cuts or reads slowly. */
import type { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { expectOutputs } from './expectations.ts';
import {
  accounts,
  respondWith,
  runScenario,
  runWithFault,
  startScenario,
} from './scenario.ts';

const MAX_ANNOTATION = 4096;
const released = {
  GITHUB_ACTION_REPOSITORY: 'octo-org/share',
  GITHUB_ACTION_REF: 'v1',
};
const DOCS = 'https://github.com/octo-org/share/blob/v1/docs/';

function rejection(message: string, times = 1) {
  const error = { code: 1010, message };
  const errors = Array(times).fill({ ...error, error_chain: [error, error] });
  return respondWith(JSON.stringify({ success: false, errors }), 400);
}

describe.concurrent('a runner without a job summary', () => {
  it('gets no warning', async () => {
    const run = await runScenario({ env: { GITHUB_STEP_SUMMARY: undefined } });
    expect(run).toMatchObject({
      exitCode: 0,
      stderr: '',
      annotations: [],
      summary: '',
      outputs: { status: 'associated' },
    });
  });
});

describe.concurrent('the link to the documentation', () => {
  it('leads to the action on github.com, from annotation and summary', async () => {
    const run = await runWithFault(rejection('No'), { env: released });
    expect(run.errors[0]?.message).toContain(`\n${DOCS}troubleshooting.md#`);
    expect(run.summary).toContain(`<a href="${DOCS}troubleshooting.md#`);
  });

  // A server of its own runs actions from github.com too, and does not say so.
  it.concurrent.each<[string, Record<string, string>]>([
    [
      'GitHub Enterprise Server',
      { ...released, GITHUB_SERVER_URL: 'https://github.corp.example' },
    ],
    ['an action that was checked out', {}],
  ])('is left out with %s', async (_, env) => {
    const run = await runWithFault(rejection('No'), { env });
    expect(run.exitCode).toBe(1);
    for (const text of [run.stdout, run.summary]) {
      expect(text).not.toContain('/blob/');
      expect(text).not.toContain('troubleshooting.md');
    }
  });

  it('is the end of an annotation whose text does not fit', async () => {
    const run = await runWithFault(
      rejection('Recipient rejected. '.repeat(50), 5),
      {
        env: released,
        inputs: { 'recipient-account-id': accounts(40).join(' ') },
      },
    );
    const [error] = run.errors;
    expect(run.errors).toHaveLength(1);
    expect(error?.message.length).toBeLessThanOrEqual(MAX_ANNOTATION);
    expect(error?.message).toMatch(
      /\nhttps:\/\/\S+troubleshooting\.md#request-rejected-by-cloudflare$/,
    );
    // What is cut stands in the log.
    expect(run.stdout).toContain('GET …/recipients, HTTP 400');
  });
});

/** Lets a stream flow at so many bytes per second. */
function readSlowly(stream: Readable, bytesPerSecond: number): void {
  stream.on('data', (chunk: string) => {
    stream.pause();
    setTimeout(() => stream.resume(), (chunk.length / bytesPerSecond) * 1000);
  });
}

describe.concurrent('a log that is read slowly', () => {
  it('has its end', async () => {
    const started = await startScenario({
      api: {
        faults: [
          {
            when: { method: 'POST' },
            do: rejection('Recipient must be in the same organization'),
          },
        ],
      },
      inputs: { 'recipient-account-id': accounts(984).join('\n') },
    });
    const { stdout } = started.child;
    if (stdout) readSlowly(stdout, 200 * 1024);
    const run = await started.finished;
    expect(run).toMatchObject({ exitCode: 1, signal: null });
    expect(run.errors).toMatchObject([
      { title: 'Request rejected by Cloudflare' },
    ]);
    expect(run.stdout.slice(-200)).toMatch(
      /\nResult: 984 accounts failed; .*\n$/,
    );
    expectOutputs(run);
  });
});
