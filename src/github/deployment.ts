import type { Clock } from '../clock.ts';
import type { HttpClient, HttpRequest } from '../cloudflare/http-client.ts';
import { type Inputs, isSafeUrl } from '../inputs.ts';
import type { GitHubContext } from './context.ts';

/** Everything after the deadline together takes at most three seconds. */
const FINISH_MS = 2_000;
const REQUEST_TIMEOUT_MS = 5_000;
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * Writes the final state. Resolves after two seconds at the latest, also when
 * that was not possible.
 */
export type FinishRecord = (
  status: 'success' | 'failure' | 'error',
  description: string,
) => Promise<void>;

export interface DeploymentOptions {
  readonly inputs: Inputs;
  readonly context: GitHubContext;
  readonly http: HttpClient;
  readonly clock: Clock;
  /** Called once when the record could not be written. */
  readonly onRecordError: (message: string) => void;
}

/**
 * Starts to record the run as a GitHub deployment (REST API, "Deployments"):
 * best effort, and only with a token.
 */
export function recordDeployment(
  options: DeploymentOptions,
): FinishRecord | null {
  const { inputs, context, http, clock, onRecordError } = options;
  const { owner, repo, ref, runUrl, apiUrl } = context;
  const { accountId, shareId, state, targets, environment, githubToken } =
    inputs;
  if (!githubToken) return null;
  const stop = new AbortController();

  /**
   * The action's HTTP client, with its limits and proxies, as Octokit calls it.
   */
  async function fetch(
    url: string,
    { method, headers, body = null }: Omit<HttpRequest, 'url'>,
  ) {
    const limits = { timeoutMs: REQUEST_TIMEOUT_MS, signal: stop.signal };
    const response = await http({ method, url, headers, body, ...limits });
    if (response.error) throw new Error(response.error.message);
    return new Response(response.body || null, response);
  }

  async function create() {
    if (!isSafeUrl(new URL(apiUrl)))
      throw new Error('GITHUB_API_URL is not https');
    const { getOctokit } = await import('@actions/github');
    const request = { fetch, log: SILENT };
    const { rest } = getOctokit(githubToken, {
      baseUrl: apiUrl,
      log: SILENT,
      request,
    });
    const { data } = await rest.repos.createDeployment({
      owner,
      repo,
      ref,
      task: state === 'present' ? 'share' : 'unshare',
      environment,
      description: `Cloudflare share ${shareId}`,
      auto_merge: false,
      required_contexts: [],
      payload: {
        account_id: accountId,
        share_id: shareId,
        state,
        recipients: targets.map(({ id }) => id),
      },
    });
    const id = Number(Object(data).id);
    // It becomes part of a path.
    if (!Number.isSafeInteger(id))
      throw new Error('GitHub did not respond with a deployment');
    const common = {
      owner,
      repo,
      deployment_id: id,
      log_url: runUrl,
      environment,
      auto_inactive: false,
    };
    return (
      status: 'in_progress' | 'success' | 'failure' | 'error',
      description: string,
    ) =>
      rest.repos.createDeploymentStatus({
        ...common,
        state: status,
        description,
      });
  }

  const started = create().then(async (setStatus) => {
    await setStatus('in_progress', 'Waiting for Cloudflare');
    return setStatus;
  });
  // `finish` reports it.
  started.catch(() => {});

  return async (status, description) => {
    void clock.sleep(FINISH_MS).then(() => stop.abort());
    await started
      .then((setStatus) => setStatus(status, description))
      .catch((error) => onRecordError(error.message));
  };
}
