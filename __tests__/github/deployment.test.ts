import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'vitest';
import { createSharesApi } from '../../simulator/api.ts';
import { runAction, startAction } from '../../simulator/runner.ts';
import { startServer } from '../../simulator/server.ts';

const OWNER = '699d98642c564d2e855e9661899b7252';
const SHARE = '3fd85f74b32742f1bff64a85009dda07';
const ACCOUNT = '023e105f4ecef8ad9ca31a8372d0c353';
const TOKEN = 'cloudflare-token-of-the-deployment-test';
const GITHUB_TOKEN = 'ghs_tokenOfTheDeploymentTest0123456789';

interface Call {
  readonly path: string;
  readonly body: Record<string, unknown>;
  readonly authorization: string | undefined;
}

/** A stand-in for GitHub's REST API that knows deployments and keeps what it was told. */
async function startGitHub(
  { onTestFinished }: TestContext,
  answer?: (call: Call, response: ServerResponse) => boolean,
) {
  const calls: Call[] = [];
  const server: Server = createServer(async (request: IncomingMessage, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const call = {
      path: request.url ?? '',
      body: JSON.parse(text || '{}'),
      authorization: request.headers.authorization,
    };
    calls.push(call);
    if (answer?.(call, response)) return;
    response.writeHead(201, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ id: 77, state: call.body['state'] }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { calls, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function stage(
  context: TestContext,
  more: {
    associateMs?: number | 'never';
    status?: string;
    inputs?: Record<string, string>;
    github?: Parameters<typeof startGitHub>[1];
  } = {},
) {
  const api = createSharesApi({
    now: Date.now,
    tokens: [TOKEN],
    timeline: { associateMs: more.associateMs ?? 0 },
  });
  api.addShare({ accountId: OWNER, shareId: SHARE, name: 'Baseline policies' });
  if (more.status) api.addRecipient(SHARE, { accountId: ACCOUNT, status: more.status as 'associated' });
  const server = await startServer(api);
  context.onTestFinished(() => server.close());
  const github = await startGitHub(context, more.github);
  const options = {
    inputs: {
      'api-url': server.url,
      'account-id': OWNER,
      'share-id': SHARE,
      'recipient-account-id': ACCOUNT,
      'api-token': TOKEN,
      'github-token': GITHUB_TOKEN,
      environment: 'production',
      ...more.inputs,
    },
    env: {
      GITHUB_API_URL: github.url,
      GITHUB_REPOSITORY: 'octo/policies',
      GITHUB_RUN_ID: '42',
      GITHUB_SHA: 'c0ffee',
    },
  };
  return { api, github, options };
}

const states = (calls: readonly Call[]) => calls.slice(1).map((call) => call.body['state']);

describe.concurrent('the deployment record', () => {
  it('tells GitHub of a run that changes something', async (context) => {
    const { expect } = context;
    const { github, options } = await stage(context);
    const run = await runAction(options);
    expect(run.exitCode).toBe(0);
    expect(github.calls[0]).toMatchObject({
      path: '/repos/octo/policies/deployments',
      authorization: `token ${GITHUB_TOKEN}`,
      body: {
        ref: 'c0ffee',
        environment: 'production',
        auto_merge: false,
        required_contexts: [],
        payload: { account_id: OWNER, share_id: SHARE, state: 'present', recipients: [ACCOUNT] },
      },
    });
    expect(github.calls.slice(1).map((call) => call.path)).toEqual(
      Array(2).fill('/repos/octo/policies/deployments/77/statuses'),
    );
    expect(states(github.calls)).toEqual(['in_progress', 'success']);
    expect(github.calls[2]?.body).toMatchObject({
      auto_inactive: false,
      environment: 'production',
      log_url: expect.stringMatching(/\/octo\/policies\/actions\/runs\/42$/),
    });
    expect(JSON.stringify(github.calls.map((call) => call.body))).not.toContain(TOKEN);
    expect(run.stdout).not.toContain('::warning');
  });

  it('ends in failure with the run', async (context) => {
    const { expect } = context;
    const { github, options } = await stage(context, { associateMs: 'never', inputs: { timeout: '2s' } });
    expect((await runAction(options)).exitCode).toBe(1);
    expect(states(github.calls)).toEqual(['in_progress', 'failure']);
  });

  it('ends in error when the run is cancelled', async (context) => {
    const { expect } = context;
    const { github, options } = await stage(context, { associateMs: 'never' });
    const { cancel, finished, child } = startAction(options);
    child.stdout?.on(
      'data',
      (chunk) => String(chunk).includes('added as recipient') && setTimeout(cancel, 500),
    );
    expect((await finished).exitCode).toBe(1);
    expect(states(github.calls)).toEqual(['in_progress', 'error']);
  });

  it.for<[string, object]>([
    ['nothing changes', { status: 'associated' }],
    ['it is a dry run', { inputs: { 'dry-run': 'true' } }],
    ['no token is given', { inputs: { 'github-token': '' } }],
  ])('is not made when %s', async ([_name, more], context) => {
    const { expect } = context;
    const { github, options } = await stage(context, more);
    expect((await runAction(options)).exitCode).toBe(0);
    expect(github.calls).toEqual([]);
  });

  it('is best effort: a refusal is one warning, without the text acting as a command or showing the token', async (context) => {
    const { expect } = context;
    const { options } = await stage(context, {
      github: (_call, response) => {
        response.writeHead(403, {
          'content-type': 'application/json',
          deprecation: '@1',
          sunset: '::error::x',
        });
        return Boolean(
          response.end(JSON.stringify({ message: `no\n::error::for ${GITHUB_TOKEN} ##[error]` })),
        );
      },
    });
    const run = await runAction({ ...options, env: { ...options.env, RUNNER_DEBUG: '1' } });
    expect(run.exitCode).toBe(0);
    expect(run.stdout.match(/^::warning .*$/gm)).toEqual([expect.stringContaining('No deployment record')]);
    const shown = run.stdout.replace(/^::add-mask::.*$/gm, '') + run.stderr + run.summary;
    expect(shown).not.toMatch(/^\s*::error/m);
    expect(shown).not.toContain('##[');
    expect(shown).not.toContain(GITHUB_TOKEN);
    expect(run.stderr).toBe('');
  });

  it('reaches no path with an id that is none', async (context) => {
    const { expect } = context;
    const { github, options } = await stage(context, {
      github: (_call, response) => Boolean(response.writeHead(201).end('{"id":"../../../../user"}')),
    });
    const run = await runAction(options);
    expect(run.exitCode).toBe(0);
    expect(github.calls.map(({ path }) => path)).toEqual(['/repos/octo/policies/deployments']);
    expect(run.stdout).toMatch(/No deployment record.*something that is not a deployment/);
  });

  it('ends in failure where the outputs cannot be written, as the step does', async (context) => {
    const { expect } = context;
    const { github, options } = await stage(context);
    const env = { ...options.env, GITHUB_OUTPUT: '/nowhere/output' };
    expect((await runAction({ ...options, env })).exitCode).toBe(1);
    expect(states(github.calls)).toEqual(['in_progress', 'failure']);
  });

  it('a cancel during its last word ends the run soon, with everything else told', async (context) => {
    const { expect } = context;
    const { options } = await stage(context, { github: ({ body }) => body['state'] === 'success' });
    const { cancel, finished, child } = startAction(options);
    let cancelledMs = 0;
    child.stdout?.on('data', (chunk) => {
      if (!String(chunk).includes('has the share')) return;
      cancelledMs = performance.now();
      cancel();
    });
    const run = await finished;
    expect(performance.now() - cancelledMs).toBeLessThan(3_000);
    expect(run).toMatchObject({
      // A cancel fails the step, whenever it comes.
      exitCode: 1,
      signal: null,
      outputs: { status: 'associated', changed: 'true' },
    });
    expect(run.summary).toContain('1 account has the share');
  });

  it('does not hold the run when GitHub does not answer', async (context) => {
    const { expect } = context;
    const { options } = await stage(context, { github: () => true });
    const run = await runAction(options);
    expect(run.exitCode).toBe(0);
    expect(run.ms).toBeLessThan(9_000);
    expect(run.stdout).toContain('No deployment record');
  });
});
