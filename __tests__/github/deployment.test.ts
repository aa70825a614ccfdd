import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/clock.ts';
import { createHttpClient } from '../../src/cloudflare/http-client.ts';
import { readGitHubContext } from '../../src/github/context.ts';
import {
  type DeploymentOptions,
  DeploymentRecord,
} from '../../src/github/deployment.ts';
import { ACCOUNT, OTHER, OWNER, received, SHARE, TOKEN } from '../builders.ts';
import { startServer } from '../cloudflare/local-servers.ts';
import { inputsOf } from '../inputs/environment.ts';

const GITHUB_TOKEN = 'ghs_tokenOfTheDeploymentTest0123456789';

interface Call {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
}

type Respond = (call: Call, response: ServerResponse) => unknown;

/** Responds with JSON, as GitHub does. */
const json = (response: ServerResponse, status: number, value: unknown) =>
  response
    .writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
    .end(JSON.stringify(value));
const respondWith =
  (status: number, value: unknown): Respond =>
  (_, response) =>
    json(response, status, value);
const created: Respond = ({ body }, response) =>
  json(response, 201, { id: 77, state: body['state'] });

/** A clock on which no time passes until `wake` is called. */
function stillClock() {
  const sleeps: number[] = [];
  const wakes: (() => void)[] = [];
  const sleep = (ms: number) => {
    sleeps.push(ms);
    return new Promise<void>((resolve) => wakes.push(resolve));
  };
  const clock: Clock = { now: () => 0, sleep };
  return { clock, sleeps, wake: () => wakes.forEach((wake) => void wake()) };
}

/** Opens a record on GitHub's API, as `respond` plays it. */
async function open(
  respond: Respond = created,
  change: {
    inputs?: Record<string, string>;
    env?: Record<string, string>;
    http?: DeploymentOptions['http'];
  } = {},
) {
  const calls: Call[] = [];
  const { url } = await startServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const { method, url: path, headers } = request;
    const call = { method, path, headers, body: JSON.parse(text || '{}') };
    calls.push(call);
    respond(call, response);
  });
  const time = stillClock();
  const env = {
    GITHUB_API_URL: url,
    GITHUB_REPOSITORY: 'octo/policies',
    GITHUB_SHA: 'c0ffee',
    GITHUB_RUN_ID: '42',
    ...change.env,
  };
  const record = new DeploymentRecord({
    inputs: inputsOf({
      'INPUT_GITHUB-TOKEN': GITHUB_TOKEN,
      INPUT_ENVIRONMENT: 'production',
      ...change.inputs,
    }),
    context: readGitHubContext(env),
    http: change.http ?? createHttpClient(() => null),
    clock: time.clock,
  });
  return { record, calls, ...time };
}

/** As `open`, and the run has begun. */
async function start(...options: Parameters<typeof open>) {
  const opened = await open(...options);
  opened.record.start();
  return opened;
}

describe('the deployment record', () => {
  it('is created, set to in progress, and set to how the run ended', async () => {
    const { record, calls } = await start();
    const problem = await record.finish('success', '1 of 1 account added');
    const common = {
      environment: 'production',
      auto_inactive: false,
      log_url: 'https://github.com/octo/policies/actions/runs/42',
    };
    expect(calls.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /repos/octo/policies/deployments',
      ...Array(2).fill('POST /repos/octo/policies/deployments/77/statuses'),
    ]);
    expect(calls.map(({ body }) => body)).toEqual([
      {
        ref: 'c0ffee',
        task: 'share',
        environment: 'production',
        description: `Cloudflare share ${SHARE}`,
        auto_merge: false,
        required_contexts: [],
        payload: {
          account_id: OWNER,
          share_id: SHARE,
          state: 'present',
          recipients: [ACCOUNT],
        },
      },
      {
        ...common,
        state: 'in_progress',
        description: 'Waiting for Cloudflare',
      },
      { ...common, state: 'success', description: '1 of 1 account added' },
    ]);
    for (const { headers } of calls)
      expect(headers.authorization).toBe(`token ${GITHUB_TOKEN}`);
    expect(JSON.stringify(calls)).not.toContain(TOKEN);
    expect(problem).toBeNull();
  });

  it.each(['failure', 'error'] as const)(
    'may end in %s, with a description that GitHub accepts',
    async (state) => {
      const { record, calls } = await start();
      await record.finish(state, 'x'.repeat(141));
      const description = `${'x'.repeat(139)}…`;
      expect(calls.at(-1)?.body).toMatchObject({ state, description });
    },
  );

  it('of a removal has another task, and all of its targets', async () => {
    const inputs = {
      INPUT_STATE: 'absent',
      'INPUT_RECIPIENT-ACCOUNT-ID': `${ACCOUNT} ${OTHER}`,
    };
    const { record, calls } = await start(created, { inputs });
    await record.finish('success', 'x');
    const payload = { state: 'absent', recipients: [ACCOUNT, OTHER] };
    expect(calls[0]?.body).toMatchObject({ task: 'unshare', payload });
  });

  it('is not made without a token, or where the run ended before it began to write', async () => {
    const withoutToken = { inputs: { 'INPUT_GITHUB-TOKEN': '' } };
    for (const opened of [await start(created, withoutToken), await open()]) {
      const { record, calls, sleeps } = opened;
      expect(await record.finish('success', 'x')).toBeNull();
      expect([calls, sleeps]).toEqual([[], []]);
    }
  });
});

describe('a deployment record that cannot be written', () => {
  const NO_DEPLOYMENT = /^GitHub did not respond with a deployment$/;
  const REJECTED = { message: 'no' };
  const destroy: Respond = (_, response) => response.destroy();
  const STEP_OVER = {
    message: expect.stringContaining(
      'no response before the request was ended',
    ),
    lacksPermission: false,
  };
  it.each<[string, Respond, RegExp]>([
    ['GitHub is down', respondWith(503, {}), /./],
    ['the connection fails', destroy, /socket hang up|ECONNRESET/],
    [
      'the ID would reach another path',
      respondWith(201, { id: '../../../../user' }),
      NO_DEPLOYMENT,
    ],
    ['the ID is no whole number', respondWith(201, { id: 7.5 }), NO_DEPLOYMENT],
    ['the ID is a text', respondWith(201, { id: '77' }), NO_DEPLOYMENT],
    ['the ID is null', respondWith(201, { id: null }), NO_DEPLOYMENT],
    [
      'there is no ID',
      respondWith(202, { message: 'Auto-merged' }),
      NO_DEPLOYMENT,
    ],
    ['the response is null', respondWith(201, null), NO_DEPLOYMENT],
    [
      'the response is a page',
      (_, response) => response.writeHead(201).end('{"id":77}'),
      NO_DEPLOYMENT,
    ],
    [
      'the response is empty',
      (_, response) => response.writeHead(204).end(),
      NO_DEPLOYMENT,
    ],
    [
      'the response is larger than 1 MiB',
      (_, response) => response.writeHead(201).end(' '.repeat(1024 * 1024 + 1)),
      /^more than 1 MiB$/,
    ],
    [
      'GitHub redirects',
      (_, response) =>
        response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(),
      /./,
    ],
  ])('is reported once, at the end: %s', async (_, respond, message) => {
    const { record, calls } = await start(respond);
    expect(await record.finish('success', 'x')).toEqual({
      message: expect.stringMatching(message),
      lacksPermission: false,
    });
    expect(calls).toHaveLength(1);
  });

  it('is reported once where GitHub rejects a status', async () => {
    const { record, calls } = await start((call, response) => {
      const respond = call.body['state'] ? respondWith(422, REJECTED) : created;
      return respond(call, response);
    });
    expect(await record.finish('success', 'x')).toMatchObject({
      message: expect.stringMatching(/^no/),
    });
    expect(calls).toHaveLength(2);
  });

  it.each([
    [401, true],
    [403, true],
    [404, true],
    [400, false],
    [409, false],
    [422, false],
    [500, false],
  ])('because of HTTP %i lacks the permission: %s', async (status, lacks) => {
    const { record, calls } = await start(respondWith(status, REJECTED));
    expect(await record.finish('success', 'x')).toEqual({
      message: expect.stringMatching(/^no/),
      lacksPermission: lacks,
    });
    expect(calls).toHaveLength(1);
  });

  it('because GitHub hangs ends two seconds after the run', async () => {
    let receive = () => {};
    const received = new Promise<void>((resolve) => {
      receive = resolve;
    });
    const { record, calls, sleeps, wake } = await start(() => receive());
    const finishing = record.finish('success', 'x');
    expect(sleeps).toEqual([2_000]);
    let isOver = false;
    void finishing.then(() => {
      isOver = true;
    });
    await received;
    expect(isOver).toBe(false);
    wake();
    expect(await finishing).toEqual(STEP_OVER);
    expect(calls).toHaveLength(1);
  });

  it('because GitHub hangs at the last status ends two seconds after the run', async () => {
    const { record, wake } = await start((call, response) => {
      if (call.body['state'] === 'success') wake();
      else created(call, response);
    });
    expect(await record.finish('success', 'x')).toEqual(STEP_OVER);
  });

  it.each([
    [
      'http on another host',
      'http://github.example.com',
      'GITHUB_API_URL is not https',
    ],
    ['no address', 'nonsense', 'Invalid URL'],
  ])('because GITHUB_API_URL is %s gets no token', async (_, url, message) => {
    const requests: string[] = [];
    const http: DeploymentOptions['http'] = async (request) => {
      requests.push(request.url);
      return received({ type: 'response', status: 201, headers: {}, body: '' });
    };
    const env = { GITHUB_API_URL: url };
    const { record } = await start(created, { env, http });
    const problem = await record.finish('success', 'x');
    expect([requests, problem]).toEqual([
      [],
      { message, lacksPermission: false },
    ]);
  });
});
