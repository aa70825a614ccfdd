import '@actions/github';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../src/clock.ts';
import type { World } from '../src/main.ts';
import { OUTPUT_NAMES } from '../src/report/outputs.ts';
import { ACCOUNT, OTHER, TOKEN } from './builders.ts';
import {
  noResponse,
  ok,
  type Reply,
  rejection,
} from './cloudflare/scripted-api.ts';
import { A_SHARE, playRun, record, type ScriptedRun } from './scripted-run.ts';

interface Case extends Omit<ScriptedRun, 'respond'> {
  /** By the name of the request; a list is empty by default. */
  readonly respond?: (request: string, atMs: number) => Reply | undefined;
}

/** Plays a whole run on a share of which only the name is known. */
function play({ respond, env, ...runCase }: Case = {}) {
  return playRun({
    ...runCase,
    env: { 'INPUT_GITHUB-TOKEN': 'ghs_a-token-of-the-test', ...env },
    respond: ({ name, atMs }) =>
      respond?.(name, atMs) ??
      (name === 'GET' ? ok({ name: 'Baseline' }) : undefined),
  });
}

const wire = (status: string) => record('r1', ACCOUNT, status);
const DRY_RUN = { 'INPUT_DRY-RUN': 'true' };
const LIST = 'GET /recipients';
const RECIPIENT = 'GET /recipients/r1';

/** Responds to the requests of one name. */
const on =
  (name: string, reply: Reply) =>
  (request: string): Reply | undefined =>
    request === name ? reply : undefined;

describe('a run', () => {
  it('reads the list and the share, adds what is missing, and waits', async () => {
    const { success, requests, seen, outputs } = await play({
      respond: adding(),
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
    expect(log[1]).toMatch(/^info\|Share "Baseline" \(/);
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
    const { success, requests, outputs } = await play({ env: DRY_RUN });
    expect([success, requests]).toEqual([true, ['GET /recipients', 'GET']]);
    expect(outputs()).toMatchObject({
      changed: 'true',
      status: 'disassociated',
    });
  });

  it('with nothing to do only reads, and says so without an annotation', async () => {
    const { success, requests, of } = await play({
      respond: on(LIST, ok([wire('associated')])),
    });
    expect([success, requests.length, of('warning', 'error')]).toEqual([
      true,
      2,
      [],
    ]);
  });

  it('goes on where the share cannot be read, which is asked for once', async () => {
    const { success, requests } = await play({
      env: DRY_RUN,
      respond: on('GET', rejection(503)),
    });
    expect([success, requests]).toEqual([true, ['GET /recipients', 'GET']]);
  });

  it('with `exact` asks for the share again, because its plan depends on it', async () => {
    let reads = 0;
    const { success, requests } = await play({
      env: { INPUT_STATE: 'exact' },
      respond: (name) => {
        if (name === LIST) return ok([wire('associated')]);
        return ++reads === 1 ? rejection(503) : ok(A_SHARE);
      },
    });
    expect([success, requests]).toEqual([true, [LIST, 'GET', 'GET']]);
  });

  it('fails all targets where the list cannot be read', async () => {
    const { success, outputs, of } = await play({
      env: { 'INPUT_RECIPIENT-ACCOUNT-ID': `${ACCOUNT} ${OTHER}` },
      respond: on(LIST, rejection(403, 10000)),
    });
    expect(success).toBe(false);
    expect(of('error')).toEqual([
      expect.stringMatching(
        /^error\|Authentication failed\|said \(code 10000\)\./,
      ),
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

  it('with `exact` that is cancelled before the share says so, and rejects no plan', async () => {
    const { of, requests } = await play({
      env: { INPUT_STATE: 'exact' },
      respond: on('GET', 'hang'),
      cancelMs: 500,
    });
    expect(requests).toEqual([LIST, 'GET']);
    expect(of('error')).toEqual([
      expect.stringMatching(/^error\|Run cancelled\|/),
    ]);
  });

  it('that is out of time before the list says so', async () => {
    const { tookMs, of } = await play({
      env: { INPUT_TIMEOUT: '5s' },
      respond: () => 'hang',
    });
    expect(tookMs).toBe(4_000);
    expect(of('error')).toEqual([
      expect.stringMatching(
        /^error\|Timed out\|no response before the request was ended/,
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
        /^info\|Result: .*, 3 requests, 1 of them a retry$/,
      ),
    );
  });

  it('fails where its outputs cannot be written', async () => {
    const { success, of } = await play({
      env: DRY_RUN,
      failing: { output: true },
    });
    expect(success).toBe(false);
    expect(of('error')).toEqual([
      expect.stringMatching(
        /^error\|Outputs could not be written\|output recipient-id: no space\./,
      ),
    ]);
  });

  it('warns where the deployment record could not be written', async () => {
    const { success, of } = await play({
      respond: adding(),
      github: { status: 403, body: JSON.stringify({ message: 'no' }) },
    });
    expect([success, of('warning')]).toEqual([
      true,
      [expect.stringMatching(/^warning\|Deployment record could not/)],
    ]);
  });
});

/** The API while the account is added, but for some of its responses. */
function adding(
  differently: (request: string) => Reply | undefined = () => undefined,
): (request: string, atMs: number) => Reply | undefined {
  return (request, atMs) => {
    const reply = differently(request);
    if (reply !== undefined) return reply;
    if (request === 'POST /recipients') return ok(wire('associating'));
    if (request !== 'GET /recipients/r1') return undefined;
    return ok(wire(atMs > 2_000 ? 'associated' : 'associating'));
  };
}

function throwBug(): never {
  throw new TypeError('a bug');
}

describe('every exit path sets all outputs once, and finishes a deployment record that was started', () => {
  const never = adding(on(RECIPIENT, ok(wire('associating'))));
  const onRequest = (name: string) =>
    adding((request) => (request === name ? throwBug() : undefined));
  /** The runner throws at the first line that matches. */
  const onLine =
    (method: 'info' | 'annotate' | 'summary', pattern: RegExp) =>
    ({ runner }: World) => {
      let hasThrown = false;
      const throwOnce = (...args: string[]) => {
        if (hasThrown || !args.some((text) => pattern.test(text))) return;
        hasThrown = true;
        throwBug();
      };
      const original = runner[method] as (...args: string[]) => unknown;
      return {
        runner: {
          ...runner,
          [method]: (...args: string[]) => {
            throwOnce(...args);
            return original(...args);
          },
        },
      };
    };
  const throwingEnv = ({ env }: World) => ({
    env: Object.defineProperty({ ...env }, 'INPUT_STATE', { get: throwBug }),
  });
  /** A pause between two polls is about a second. */
  const throwingClock = ({ clock }: World) => {
    const sleep: Clock['sleep'] = (ms, signal) =>
      ms > 500 && ms < 2_000 ? throwBug() : clock.sleep(ms, signal);
    return { clock: { now: clock.now, sleep } };
  };
  const withoutTime = ({ clock: { sleep } }: World) => ({
    clock: { now: throwBug, sleep },
  });
  const STARTED = 'in_progress: Waiting for Cloudflare';
  const ADDED = 'success: 1 account added';
  const FAILED = 'failure: 1 account failed';
  const CANCELLED = 'error: cancelled: 1 account not done';
  const BUG = 'failure: internal error';
  const CRASHED = `${BUG}: 1 account failed`;
  const ANY_BUG = expect.stringMatching(/^failure: internal error/);

  /** The outputs, and what became of the deployment record. */
  async function playExit(runCase: Case) {
    const { success, seen, of, deployment } = await play(runCase);
    const names = seen.flatMap((text) => /^([\w-]+)=/.exec(text)?.[1] ?? []);
    expect(names).toEqual([...OUTPUT_NAMES]);
    expect(of('error').length > 0).toBe(!success);
    return { success, record: deployment };
  }

  it.each<[string, Case, string[]]>([
    ['of its change', { respond: adding() }, [STARTED, ADDED]],
    ['with nothing to do', { respond: () => ok([wire('associated')]) }, []],
    ['of a dry run', { env: DRY_RUN }, []],
    [
      'whose summary cannot be written',
      { respond: adding(), failing: { summary: true } },
      [STARTED, ADDED],
    ],
  ])('after a success %s', async (_, runCase, record) => {
    expect(await playExit(runCase)).toEqual({ success: true, record });
  });

  it.each<[string, Case, string[]]>([
    ['invalid inputs', { env: { INPUT_STATE: 'x' } }, []],
    [
      'a list that cannot be read',
      { respond: () => rejection(403, 10000) },
      [],
    ],
    [
      'a write that was rejected',
      { respond: adding(on('POST /recipients', rejection(400))) },
      [STARTED, FAILED],
    ],
    [
      'a timeout',
      { env: { INPUT_TIMEOUT: '20s' }, respond: never },
      [STARTED, FAILED],
    ],
    [
      'a cancellation',
      { respond: never, cancelMs: 5_000 },
      [STARTED, CANCELLED],
    ],
    [
      'a cancellation before the list',
      { respond: () => 'hang', cancelMs: 500 },
      [],
    ],
    [
      'a refusal where nothing would change',
      {
        env: { INPUT_STATE: 'exact' },
        respond: on(LIST, ok([wire('associated')])),
      },
      [],
    ],
  ])('after %s', async (_, runCase, record) => {
    expect(await playExit(runCase)).toEqual({ success: false, record });
  });

  it.each<[string, Case, string[]]>([
    ['in the inputs', { change: throwingEnv }, []],
    ['at the start', { change: withoutTime }, []],
    ['at the first line', { change: onLine('info', /^Sharing/) }, []],
    ['in the list', { respond: onRequest(LIST) }, []],
    ['in the share', { respond: onRequest('GET') }, []],
    ['in the plan', { change: onLine('info', /\+ add/) }, []],
    [
      'in a write',
      { respond: onRequest('POST /recipients') },
      [STARTED, CRASHED],
    ],
    [
      'in the log of a write',
      { respond: adding(), change: onLine('info', /added as recipient/) },
      [STARTED, ANY_BUG],
    ],
    ['in a poll', { respond: onRequest(RECIPIENT) }, [STARTED, ANY_BUG]],
    [
      'in a pause',
      { respond: adding(), change: throwingClock },
      [STARTED, ANY_BUG],
    ],
    [
      'in the advice',
      {
        respond: (name) =>
          name === 'GET /shares' ? throwBug() : rejection(404, 1004),
      },
      [],
    ],
    [
      'in an annotation',
      {
        respond: () => rejection(403, 10000),
        change: onLine('annotate', /10000/),
      },
      [],
    ],
    [
      'in the last line',
      { respond: adding(), change: onLine('info', /^Result/) },
      [STARTED, BUG],
    ],
  ])('after an internal error %s', async (_, runCase, record) => {
    expect(await playExit(runCase)).toEqual({ success: false, record });
  });

  it('after outputs that could not be written', async () => {
    const { deployment } = await play({
      respond: adding(),
      failing: { output: true },
    });
    const ended = 'failure: the outputs could not be written; 1 account added';
    expect(deployment).toEqual([STARTED, ended]);
  });

  it('keeps what the list showed before an internal error in the plan', async () => {
    const { recipients } = await play({
      respond: () => ok([wire('associating')]),
      change: onLine('info', /associating/),
    });
    expect(recipients).toMatchObject([
      { recipient_id: 'r1', status: 'associating', cause: 'internal' },
    ]);
  });

  it('keeps what was done before an internal error', async () => {
    const { outputs } = await play({ respond: onRequest(RECIPIENT) });
    expect(outputs()).toMatchObject({ 'recipient-id': 'r1', changed: 'true' });
  });
});
