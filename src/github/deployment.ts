import type { Clock } from '../clock.ts';
import { describeNetworkError } from '../cloudflare/errors.ts';
import type { Transport } from '../cloudflare/transport.ts';
import type { Environment, Inputs } from '../inputs.ts';

/** How a run ended, in the words of GitHub's deployment statuses. */
export type DeploymentState = 'success' | 'failure' | 'error';

/** The record of one run. */
export interface Deployment {
  /** Writes the final state; it resolves also when that was not possible, after `deadlineMs` at the latest. */
  finish(state: DeploymentState, description: string, deadlineMs: number): Promise<void>;
}

/** What is recorded, and with what. */
export interface DeploymentOptions {
  readonly env: Environment;
  readonly inputs: Inputs;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly cancel: AbortSignal;
  /** Told once, when the record could not be written. */
  readonly failed: (message: string) => void;
}

const REQUEST_DEADLINE_MS = 5_000;
/** What is left for the last word once the run is cancelled. */
const HURRY_MS = 300;
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * Begins to record the run as a GitHub deployment (REST API, "Deployments"), while the run goes on. It is best
 * effort: whatever fails is told through `failed` and changes nothing else. `@actions/github` is loaded only here.
 * @returns the record, or null where no `github-token` is given
 */
export function recordDeployment(options: DeploymentOptions): Deployment | null {
  const { env, inputs, transport, clock, cancel } = options;
  const { environment, githubToken } = inputs;
  if (!githubToken) return null;
  const token: string = githubToken;
  const [owner = '', repo = ''] = (env['GITHUB_REPOSITORY'] ?? '').split('/');
  const log_url = `${env['GITHUB_SERVER_URL'] ?? 'https://github.com'}/${owner}/${repo}/actions/runs/${env['GITHUB_RUN_ID']}`;

  async function create() {
    // The package reads the event, which is not used here, and prints the name of a file that is missing.
    delete process.env['GITHUB_EVENT_PATH'];
    const { getOctokit } = await import('@actions/github');
    const octokit = getOctokit(token, {
      baseUrl: env['GITHUB_API_URL'] ?? 'https://api.github.com',
      log: SILENT,
      request: { fetch: fetchThrough(transport, cancel), log: SILENT },
    });
    const { data } = await octokit.rest.repos.createDeployment({
      owner,
      repo,
      ref: env['GITHUB_SHA'] ?? env['GITHUB_REF'] ?? '',
      task: inputs.state === 'present' ? 'share' : 'unshare',
      environment,
      description: `Cloudflare share ${inputs.shareId}`,
      auto_merge: false,
      required_contexts: [],
      payload: {
        account_id: inputs.accountId,
        share_id: inputs.shareId,
        state: inputs.state,
        recipients: inputs.targets.map((target) => target.id),
      },
    });
    const id = Object(data)['id'];
    // It becomes part of a path.
    if (!Number.isSafeInteger(id)) throw new Error('GitHub answered with something that is not a deployment');
    return { rest: octokit.rest.repos, deployment_id: id as number };
  }

  async function report(
    state: DeploymentState | 'in_progress',
    description: string,
    request = {},
  ): Promise<void> {
    const { rest, deployment_id } = await created;
    const status = {
      state,
      description: description.slice(0, 140),
      log_url,
      environment,
      auto_inactive: false,
    };
    await rest.createDeploymentStatus({ owner, repo, deployment_id, ...status, request });
  }

  let told = false;
  const tell = (error: unknown) => {
    if (!told) options.failed(describeNetworkError(error).said);
    told = true;
  };
  const created = create();
  const begun = report('in_progress', 'Waiting for Cloudflare').catch(tell);

  return {
    async finish(state, description, deadlineMs) {
      const [late, done] = [new AbortController(), new AbortController()];
      const endIn = (ms: number) => void clock.sleep(ms, done.signal).then(() => late.abort());
      const hurry = () => endIn(HURRY_MS);
      cancel.addEventListener('abort', hurry, { once: true });
      endIn(deadlineMs);
      const isLate = new Promise((resolve) => late.signal.addEventListener('abort', resolve));
      const request = { fetch: fetchThrough(transport, late.signal), log: SILENT };
      await Promise.race([begun.then(() => report(state, description, request)).catch(tell), isLate]);
      if (late.signal.aborted) tell(new Error('GitHub did not answer in time'));
      cancel.removeEventListener('abort', hurry);
      done.abort();
    },
  };
}

/** Lets Octokit use the one HTTP client of this action, with its deadlines, limits and proxies. */
function fetchThrough(transport: Transport, signal: AbortSignal) {
  return async (url: string, init: { method: string; headers: Record<string, string>; body?: string }) => {
    const { method, headers, body } = init;
    const request = { method, url, headers, deadlineMs: REQUEST_DEADLINE_MS, signal };
    const answer = await transport(body === undefined ? request : { ...request, body });
    return new Response(answer.body || null, { status: answer.status, headers: answer.headers });
  };
}
