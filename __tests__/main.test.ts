import { describe, expect, it } from 'vitest';
import { readGitHubContext } from '../src/github/context.ts';
import { main } from '../src/main.ts';
import { ACCOUNT, ENV, OTHER, TOKEN } from './builders.ts';
import {
  noResponse,
  ok,
  type Reply,
  rejection,
} from './cloudflare/scripted-api.ts';
import { recordingRunner } from './report/recording-runner.ts';
import { VirtualClock } from './virtual-clock.ts';

const START_MS = 1_000_000;

interface Case {
  readonly env?: Record<string, string>;
  /**
   * What a request is responded with, by its method and what follows
   * `/shares/…`; a list is empty by default.
   */
  readonly respond?: (request: string, atMs: number) => Reply | undefined;
  readonly cancelMs?: number;
  readonly failing?: Parameters<typeof recordingRunner>[0];
}

/**
 * Plays a whole run on plain functions in place of the network, the time and
 * the runner.
 */
async function play({ env = {}, respond, cancelMs, failing }: Case = {}) {
  const clock = new VirtualClock(START_MS);
  const cancel = new AbortController();
  const recorder = recordingRunner(failing);
  const requests: string[] = [];
  const running = main({
    env: { ...ENV, ...env },
    context: readGitHubContext({}),
    http: async ({ method, url, signal, timeoutMs }) => {
      const request =
        `${method} ${url.replace(/^.*\/shares\/\w+/, '').replace(/\?.*/, '')}`.trim();
      requests.push(request);
      const reply =
        respond?.(request, clock.now() - START_MS) ??
        (request === 'GET' ? ok({ name: 'Baseline' }) : ok([]));
      await clock.sleep(reply === 'hang' ? timeoutMs : 1, signal);
      const error = {
        code: 'ABORTED',
        message: 'no response before the step ended',
        isSent: true,
      };
      return {
        status: 200,
        headers: {},
        body: '',
        ...(reply === 'hang' ? { status: 0, error } : reply),
      };
    },
    clock,
    random: () => 0.5,
    runner: recorder.runner,
    cancel: cancel.signal,
  });
  if (cancelMs !== undefined)
    void clock.sleep(cancelMs).then(() => cancel.abort());
  return {
    success: await clock.run(running),
    requests,
    tookMs: clock.now() - START_MS,
    ...recorder,
  };
}

const wire = (status: string) => ({
  id: 'r1',
  account_id: ACCOUNT,
  association_status: status,
});

describe('a run', () => {
  it('reads the list and the share, adds what is missing, and waits', async () => {
    const { success, requests, seen, outputs } = await play({
      respond: (request, atMs) => {
        if (request === 'POST /recipients') return ok(wire('associating'));
        return request === 'GET /recipients/r1'
          ? ok(wire(atMs > 2_000 ? 'associated' : 'associating'))
          : undefined;
      },
    });
    expect(requests).toEqual([
      'GET /recipients',
      'GET',
      'POST /recipients',
      'GET /recipients/r1',
      'GET /recipients/r1',
    ]);
    expect([success, outputs()['status'], outputs()['changed']]).toEqual([
      true,
      'associated',
      'true',
    ]);
    expect(seen[0]).toBe(`mask|${TOKEN}`);
    const log = seen.filter((text) => text.startsWith('info'));
    expect(log[0]).toMatch(/^info\|Sharing /);
    expect(log[1]).toBe('info|Share name: "Baseline"');
    expect(log.at(-1)).toMatch(
      /^info\|Result: 1 account added; 2\.\d s, 5 requests$/,
    );
  });

  it('with invalid inputs sends nothing and fails', async () => {
    const { success, requests, outputs, of } = await play({
      env: { INPUT_WAIT: 'x', INPUT_STATE: 'y' },
    });
    expect([success, requests, outputs()['recipients']]).toEqual([
      false,
      [],
      '[]',
    ]);
    expect(of('error')).toEqual([
      expect.stringMatching(/^error\|Invalid inputs.*\|state: .*\nwait: /),
    ]);
  });

  it('that is dry only reads', async () => {
    const { success, requests, outputs } = await play({
      env: { 'INPUT_DRY-RUN': 'true' },
    });
    expect([success, requests]).toEqual([true, ['GET /recipients', 'GET']]);
    expect(outputs()).toMatchObject({
      changed: 'true',
      status: 'disassociated',
    });
  });

  it('with nothing to do only reads, and says so without an annotation', async () => {
    const { success, requests, of } = await play({
      respond: (request) =>
        request === 'GET /recipients' ? ok([wire('associated')]) : undefined,
    });
    expect([success, requests.length, of('warning', 'error')]).toEqual([
      true,
      2,
      [],
    ]);
  });

  it('goes on where the share cannot be read, which is asked for once', async () => {
    const { success, requests } = await play({
      env: { 'INPUT_DRY-RUN': 'true' },
      respond: (request) => (request === 'GET' ? rejection(503) : undefined),
    });
    expect([success, requests]).toEqual([true, ['GET /recipients', 'GET']]);
  });

  it('fails all targets where the list cannot be read', async () => {
    const { success, outputs, of } = await play({
      env: { 'INPUT_RECIPIENT-ACCOUNT-ID': `${ACCOUNT} ${OTHER}` },
      respond: (request) =>
        request === 'GET /recipients' ? rejection(403, 10000) : undefined,
    });
    expect(success).toBe(false);
    expect(of('error')).toEqual([
      expect.stringMatching(/^error\|Authentication failed\|10000 said\./),
    ]);
    expect(outputs()).toMatchObject({
      status: 'unknown',
      changed: 'false',
      'recipient-id': '\n',
    });
    expect(JSON.parse(outputs()['recipients'] ?? '')).toHaveLength(2);
  });

  it('that is cancelled before the list says so', async () => {
    const { success, tookMs, of, outputs } = await play({
      respond: () => 'hang',
      cancelMs: 500,
    });
    expect([success, tookMs]).toEqual([false, 500]);
    expect(of('error')).toEqual([
      expect.stringMatching(/^error\|Run cancelled\|/),
    ]);
    expect(outputs()['status']).toBe('unknown');
  });

  it('that is out of time before the list says so', async () => {
    const { tookMs, of } = await play({
      env: { INPUT_TIMEOUT: '5s' },
      respond: () => 'hang',
    });
    expect(tookMs).toBe(4_000);
    expect(of('error')).toEqual([
      expect.stringMatching(
        /^error\|Timed out\|no response before the step ended/,
      ),
    ]);
  });

  it('counts its requests and its retries', async () => {
    let lists = 0;
    const { seen } = await play({
      respond: (request) => {
        if (request !== 'GET /recipients') return undefined;
        return ++lists === 1 ? noResponse() : ok([wire('associated')]);
      },
    });
    expect(seen).toContainEqual(
      expect.stringMatching(
        /^info\|Result: .*, 3 requests, 1 of them retries$/,
      ),
    );
  });

  it('fails with its outputs where something unexpected happens', async () => {
    const { success, of, outputs } = await play({
      respond: () => {
        throw new TypeError('a bug');
      },
    });
    expect(success).toBe(false);
    expect(of('error')).toEqual([
      expect.stringMatching(/^error\|Internal error\|a bug\./),
    ]);
    expect(outputs()).toMatchObject({ status: 'unknown' });
  });

  it('fails where its outputs cannot be written', async () => {
    const { success, of } = await play({
      env: { 'INPUT_DRY-RUN': 'true' },
      failing: { output: true },
    });
    expect(success).toBe(false);
    expect(of('error')).toEqual([
      expect.stringMatching(
        /^error\|Outputs could not be written\|output recipient-id: no space\./,
      ),
    ]);
  });
});
