/**
 * The deployment record of a run of the bundle. What it holds is shown in
 * `__tests__/github/deployment.test.ts`.
 */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'vitest';
import { createSharesApi } from '../../simulator/api.ts';
import { runAction, startAction } from '../../simulator/runner.ts';
import { startServer } from '../../simulator/server.ts';
import { ACCOUNT, OWNER, SHARE } from '../builders.ts';

const TOKEN = 'cloudflare-token-of-the-deployment-test';
const GITHUB_TOKEN = 'ghs_tokenOfTheDeploymentTest0123456789';

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
  return {
    calls,
    states,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  };
}

function rejectWith(status: number, message: string): Respond {
  return (_call, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ message }));
    return true;
  };
}

interface Scenario {
  readonly associateMs?: number | 'never';
  readonly status?: 'associated';
  /** How the API responds to a POST. */
  readonly rejection?: { status: number; code: number; message: string };
  readonly inputs?: Record<string, string>;
  readonly respond?: Respond;
}

async function prepare(
  context: TestContext,
  { associateMs = 0, status, rejection, inputs, respond }: Scenario = {},
) {
  const api = createSharesApi({
    now: Date.now,
    tokens: [TOKEN],
    timeline: { associateMs },
    ...(rejection && { rejectAccounts: { [ACCOUNT]: rejection } }),
  });
  api.addShare({ accountId: OWNER, shareId: SHARE, name: 'Baseline policies' });
  if (status) api.addRecipient(SHARE, { accountId: ACCOUNT, status });
  const server = await startServer(api);
  context.onTestFinished(() => server.close());
  const github = await startGitHub(context, respond);
  const options = {
    inputs: {
      'api-url': server.url,
      'account-id': OWNER,
      'share-id': SHARE,
      'recipient-account-id': ACCOUNT,
      'api-token': TOKEN,
      'github-token': GITHUB_TOKEN,
      ...inputs,
    },
    env: {
      GITHUB_API_URL: github.url,
      GITHUB_REPOSITORY: 'octo/policies',
      GITHUB_SHA: 'c0ffee',
    },
  };
  return { github, options };
}

describe.concurrent('the deployment record', () => {
  it('is in progress, then a success with the run, without a warning', async (context) => {
    const { expect } = context;
    const { github, options } = await prepare(context);
    const run = await runAction(options);
    expect(run.exitCode).toBe(0);
    expect(github.states()).toEqual(['in_progress', 'success']);
    expect(github.calls[2]?.path).toBe(
      '/repos/octo/policies/deployments/77/statuses',
    );
    expect(run.stdout).not.toContain('::warning');
    expect(JSON.stringify(github.calls)).not.toContain(TOKEN);
  });

  it('is a failure with the run', async (context) => {
    const { expect } = context;
    const { github, options } = await prepare(context, {
      rejection: { status: 400, code: 1017, message: 'No' },
    });
    expect((await runAction(options)).exitCode).toBe(1);
    expect(github.states()).toEqual(['in_progress', 'failure']);
  });

  it('is an error when the run is cancelled', async (context) => {
    const { expect } = context;
    const { github, options } = await prepare(context, {
      associateMs: 'never',
      respond: ({ body }) => {
        if (body['state'] === 'in_progress') cancel();
        return false;
      },
    });
    const { cancel, finished } = startAction(options);
    expect((await finished).exitCode).toBe(1);
    expect(github.states()).toEqual(['in_progress', 'error']);
  });

  it.for<[string, Scenario]>([
    ['nothing changes', { status: 'associated' }],
    ['no token is given', { inputs: { 'github-token': '' } }],
  ])('is not made when %s', async ([_name, scenario], context) => {
    const { expect } = context;
    const { github, options } = await prepare(context, scenario);
    expect((await runAction(options)).exitCode).toBe(0);
    expect(github.calls).toEqual([]);
  });

  it('is best effort: a rejection is one warning, without a command in it and without the token', async (context) => {
    const { expect } = context;
    const { options } = await prepare(context, {
      respond: (_call, response) => {
        const headers = {
          'content-type': 'application/json',
          deprecation: '@1',
          sunset: '::error::x',
        };
        const message = `no\n::error::for ${GITHUB_TOKEN} ##[error]`;
        response.writeHead(403, headers).end(JSON.stringify({ message }));
        return true;
      },
    });
    const run = await runAction({
      ...options,
      env: { ...options.env, RUNNER_DEBUG: '1' },
    });
    expect(run.exitCode).toBe(0);
    expect(run.stdout.match(/^::warning .*$/gm)).toEqual([
      expect.stringContaining('Deployment record could not be written'),
    ]);
    const shown =
      run.stdout.replace(/^::add-mask::.*$/gm, '') + run.stderr + run.summary;
    expect(shown).not.toMatch(/^\s*::error/m);
    expect(shown).not.toContain('##[');
    expect(shown).not.toContain(GITHUB_TOKEN);
    expect(run.stderr).toBe('');
  });

  it.for<[string, Respond, boolean]>([
    ['404', rejectWith(404, 'Not Found'), true],
    ['422', rejectWith(422, 'Validation Failed'), false],
  ])(
    'is explained by permissions only where GitHub may mean them: HTTP %s',
    async ([_name, respond, lacksPermission], context) => {
      const { expect } = context;
      const { options } = await prepare(context, { respond });
      const run = await runAction(options);
      expect(run.exitCode).toBe(0);
      const [warning = '', ...more] =
        run.stdout.match(/^::warning .*$/gm) ?? [];
      expect(more).toEqual([]);
      expect(warning).toContain('Deployment record could not be written');
      expect(warning.includes('deployments: write')).toBe(lacksPermission);
    },
  );

  it('is made without a word of an event whose file is missing', async (context) => {
    const { expect } = context;
    const { github, options } = await prepare(context);
    const path = '/nowhere\n::error title=pwned::pwned';
    const env = { ...options.env, GITHUB_EVENT_PATH: path };
    const run = await runAction({ ...options, env });
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(github.states()).toEqual(['in_progress', 'success']);
    expect(run.stdout).not.toMatch(/nowhere|pwned|does not exist/);
  });

  it('is a failure where the outputs cannot be written, as the step is', async (context) => {
    const { expect } = context;
    const { github, options } = await prepare(context);
    const env = { ...options.env, GITHUB_OUTPUT: '/nowhere/output' };
    expect((await runAction({ ...options, env })).exitCode).toBe(1);
    expect(github.states()).toEqual(['in_progress', 'failure']);
  });

  it('does not hold a run that is cancelled while GitHub hangs, and everything is reported', async (context) => {
    const { expect } = context;
    const { options } = await prepare(context, {
      respond: ({ body }) => body['state'] === 'success',
    });
    const { cancel, finished, child } = startAction(options);
    let cancelledMs = 0;
    child.stdout?.on('data', (chunk) => {
      if (cancelledMs > 0 || !String(chunk).includes('Result: ')) return;
      cancelledMs = performance.now();
      cancel();
    });
    const run = await finished;
    // Later, the runner would have sent a second signal.
    expect(performance.now() - cancelledMs).toBeLessThan(7_500);
    expect(run).toMatchObject({
      signal: null,
      outputs: { status: 'associated', changed: 'true' },
    });
    expect(run.summary).toContain('1 account added');
  });

  it('does not hold a run that has reached its timeout while GitHub hangs', async (context) => {
    const { expect } = context;
    const inputs = { timeout: '10s' };
    const { options } = await prepare(context, {
      associateMs: 'never',
      inputs,
      respond: ({ body }) => body['state'] === 'failure',
    });
    const run = await runAction(options);
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { status: 'associating', changed: 'true' },
    });
    expect(run.stdout).toContain('Deployment record could not be written');
    expect(run.ms).toBeLessThan(40_000);
  });

  it('is not sent where others can read the token', async (context) => {
    const { expect } = context;
    const { github, options } = await prepare(context);
    const run = await runAction({
      ...options,
      env: {
        ...options.env,
        GITHUB_API_URL: 'http://localhost.github.example:8080',
      },
    });
    expect(run.exitCode).toBe(0);
    expect(run.stdout).toMatch(/^::warning .*GITHUB_API_URL is not https/m);
    expect(github.calls).toEqual([]);
  });

  it('reads no response of more than 1 MiB', async (context) => {
    const { expect } = context;
    const { options } = await prepare(context, {
      respond: (_call, response) => {
        const body = Buffer.alloc(2 * 1024 * 1024, ' ');
        response.writeHead(201).write(body);
        return true;
      },
    });
    const run = await runAction(options);
    expect(run.exitCode).toBe(0);
    expect(run.stdout).toMatch(
      /^::warning .*could not be written::more than 1 MiB/m,
    );
  });

  it('does not hold a run while GitHub hangs', async (context) => {
    const { expect } = context;
    const { options } = await prepare(context, { respond: () => true });
    const run = await runAction(options);
    expect(run.exitCode).toBe(0);
    expect(run.ms).toBeLessThan(40_000);
    expect(run.stdout).toContain('Deployment record could not be written');
  });
});
