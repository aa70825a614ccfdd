/**
 * The deployment record of a run of the bundle. What it holds, and what else
 * GitHub may respond, is shown in `__tests__/github/deployment.test.ts`.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'vitest';
import { expectSuccess } from './expectations.ts';
import { leaks } from './leaks.ts';
import {
  mine,
  NEVER,
  RECIPIENT,
  REJECTED,
  type Run,
  runScenario,
  type Scenario,
  startScenario,
  TOKEN,
} from './scenario.ts';

const GITHUB_TOKEN = 'ghs_tokenOfTheDeploymentTest0123456789';
const UNWRITTEN = 'Deployment record could not be written';

interface Call {
  readonly path: string;
  readonly body: Record<string, unknown>;
}
type Respond = (call: Call, response: ServerResponse) => boolean;

/**
 * GitHub's REST API as far as deployments go. `respond` returns true where it
 * has responded itself.
 */
async function startGitHub({ onTestFinished }: TestContext, respond?: Respond) {
  const calls: Call[] = [];
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const call = { path: request.url ?? '', body: JSON.parse(text || '{}') };
    calls.push(call);
    if (respond?.(call, response)) return;
    response.writeHead(201, {
      'content-type': 'application/json; charset=utf-8',
    });
    response.end(JSON.stringify({ id: 77, state: call.body['state'] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const states = () => calls.slice(1).map(({ body }) => body['state']);
  const { port } = server.address() as AddressInfo;
  return { calls, states, url: `http://127.0.0.1:${port}` };
}

/** Starts GitHub, and returns it with a scenario that uses it. */
async function prepare(
  context: TestContext,
  { env, ...scenario }: Scenario = {},
  respond?: Respond,
) {
  const github = await startGitHub(context, respond);
  return {
    github,
    scenario: {
      ...scenario,
      inputs: { 'github-token': GITHUB_TOKEN, ...scenario.inputs },
      env: {
        GITHUB_API_URL: github.url,
        GITHUB_REPOSITORY: 'octo/policies',
        ...(typeof env === 'object' ? env : {}),
      },
    },
  };
}

/** The messages of the warnings. */
function warningsOf({ annotations }: Run): string[] {
  return annotations
    .filter(({ level }) => level === 'warning')
    .map(({ title, message }) => `${title}: ${message}`);
}

describe.concurrent('the deployment record', () => {
  it('is in progress, then a success with the run, without a word of an event whose file is missing', async (context) => {
    const { expect } = context;
    const path = '/nowhere\n::error title=pwned::pwned';
    const env = { GITHUB_EVENT_PATH: path };
    const { github, scenario } = await prepare(context, { env });
    const run = await runScenario(scenario);
    expectSuccess(run);
    expect(github.states()).toEqual(['in_progress', 'success']);
    expect(github.calls[2]?.path).toBe(
      '/repos/octo/policies/deployments/77/statuses',
    );
    expect(run.annotations).toEqual([]);
    expect(run.stdout).not.toMatch(/nowhere|pwned|does not exist/);
    expect(JSON.stringify(github.calls)).not.toContain(TOKEN);
  });

  it.for<[string, Scenario]>([
    ['the run', { api: { rejectAccounts: { [RECIPIENT]: REJECTED } } }],
    [
      'the step, whose outputs cannot be written',
      { env: { GITHUB_OUTPUT: '/nowhere/output' } },
    ],
  ])('is a failure with %s', async ([_name, differs], context) => {
    const { expect } = context;
    const { github, scenario } = await prepare(context, differs);
    expect((await runScenario(scenario)).exitCode).toBe(1);
    expect(github.states()).toEqual(['in_progress', 'failure']);
  });

  it('is an error when the run is cancelled', async (context) => {
    const { expect } = context;
    const { github, scenario } = await prepare(
      context,
      { timeline: NEVER },
      ({ body }) => {
        if (body['state'] === 'in_progress') started.cancel();
        return false;
      },
    );
    const started = await startScenario(scenario);
    expect((await started.finished).exitCode).toBe(1);
    expect(github.states()).toEqual(['in_progress', 'error']);
  });

  it.for<[string, Scenario]>([
    ['nothing changes', { recipients: [mine()] }],
    ['no token is given', { inputs: { 'github-token': '' } }],
  ])('is not made when %s', async ([_name, differs], context) => {
    const { expect } = context;
    const { github, scenario } = await prepare(context, differs);
    expectSuccess(await runScenario(scenario));
    expect(github.calls).toEqual([]);
  });

  it('is best effort: a rejection is one warning, without a command in it and without the token', async (context) => {
    const { expect } = context;
    const { scenario } = await prepare(
      context,
      { env: { RUNNER_DEBUG: '1' } },
      (_call, response) => {
        const headers = {
          'content-type': 'application/json',
          deprecation: '@1',
          sunset: '::error::x',
        };
        const message = `no\n::error::for ${GITHUB_TOKEN} ##[error]`;
        response.writeHead(403, headers).end(JSON.stringify({ message }));
        return true;
      },
    );
    const run = await runScenario(scenario);
    expectSuccess(run);
    expect(warningsOf(run)).toEqual([expect.stringContaining(UNWRITTEN)]);
    for (const text of [run.stdout, run.summary]) {
      expect(text).not.toMatch(/^\s*::error/m);
      expect(text).not.toContain('##[');
    }
    expect(leaks(run, [GITHUB_TOKEN])).toEqual([]);
  });

  it('does not hold a run that is cancelled while GitHub hangs, and everything is reported', async (context) => {
    const { expect } = context;
    let cancelledMs = 0;
    const { scenario } = await prepare(
      context,
      {},
      ({ body }) => body['state'] === 'success',
    );
    const started = await startScenario({
      ...scenario,
      onOutput: (chunk) => {
        if (cancelledMs > 0 || !chunk.includes('Result: ')) return;
        cancelledMs = performance.now();
        started.cancel();
      },
    });
    const run = await started.finished;
    // Later, the runner would have sent a second signal.
    expect(performance.now() - cancelledMs).toBeLessThan(7_500);
    expect(run).toMatchObject({
      signal: null,
      outputs: { status: 'associated', changed: 'true' },
    });
    expect(run.summary).toContain('1 account added');
  });

  it('is not sent where others can read the token', async (context) => {
    const { expect } = context;
    const { github, scenario } = await prepare(context, {
      env: { GITHUB_API_URL: 'http://localhost.github.example:8080' },
    });
    const run = await runScenario(scenario);
    expectSuccess(run);
    expect(warningsOf(run)).toEqual([
      expect.stringContaining('GITHUB_API_URL is not https'),
    ]);
    expect(github.calls).toEqual([]);
  });

  it('reads no response of more than 1 MiB', async (context) => {
    const { expect } = context;
    const { scenario } = await prepare(context, {}, (_call, response) => {
      response.writeHead(201).write(Buffer.alloc(2 * 1024 * 1024, ' '));
      return true;
    });
    const run = await runScenario(scenario);
    expectSuccess(run);
    expect(warningsOf(run)).toEqual([
      expect.stringContaining(`${UNWRITTEN}: more than 1 MiB`),
    ]);
  });
});
