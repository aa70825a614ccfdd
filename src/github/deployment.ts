import type { Clock } from '../clock.ts';
import type { HttpClient, HttpRequest } from '../cloudflare/http-client.ts';
import { isSafeUrl } from '../cloudflare/safe-url.ts';
import type { Inputs } from '../domain.ts';
import { cut } from '../format.ts';
import type { GitHubContext } from './context.ts';

/** How a run ended, in GitHub's words. */
export type DeploymentState = 'success' | 'failure' | 'error';

/** Why the record could not be written. */
export interface DeploymentProblem {
  /** What GitHub, or the network, said. */
  readonly message: string;
  /** Did GitHub reject the token or its permissions? */
  readonly lacksPermission: boolean;
}

export interface DeploymentOptions {
  /** The token, the environment, and what the record describes. */
  readonly inputs: Inputs;
  /** The repository and the commit. */
  readonly context: GitHubContext;
  /** The client that Cloudflare's requests use. */
  readonly http: HttpClient;
  /** Limits how long the end of the record may take. */
  readonly clock: Clock;
}

/** Writes a state of a deployment that exists. */
type SetState = (
  state: DeploymentState | 'in_progress',
  description: string,
) => Promise<unknown>;

/** How long the record may delay the end of the step. */
const FINISH_MS = 2_000;
const REQUEST_TIMEOUT_MS = 5_000;
const MAX_RESPONSE_MIB = 1;
/** GitHub cuts no longer description; it rejects it. */
const MAX_DESCRIPTION = 140;
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * Records a run as a GitHub deployment (REST API, "Deployments"): best effort,
 * and only with a token.
 */
export class DeploymentRecord {
  readonly #options: DeploymentOptions;
  readonly #stop = new AbortController();
  /** Null before `start`, and without a token. */
  #started: Promise<SetState> | null = null;

  constructor(options: DeploymentOptions) {
    this.#options = options;
  }

  /** Creates the deployment, beside the run. Does nothing without a token. */
  start(): void {
    const { githubToken } = this.#options.inputs;
    if (githubToken === null) return;
    this.#started = this.#create(githubToken);
    // `finish` reports it.
    this.#started.catch(() => {});
  }

  /**
   * Writes the final state of a record that was started.
   * @returns after two seconds at the latest, with the reason where it could
   *   not be written
   */
  async finish(
    state: DeploymentState,
    description: string,
  ): Promise<DeploymentProblem | null> {
    if (!this.#started) return null;
    const { clock } = this.#options;
    void clock.sleep(FINISH_MS).then(() => this.#stop.abort());
    try {
      const setState = await this.#started;
      await setState(state, description);
      return null;
    } catch (error) {
      return problemOf(error);
    }
  }

  async #create(githubToken: string): Promise<SetState> {
    const { inputs, context } = this.#options;
    const { owner, repo, ref, runUrl, apiUrl } = context;
    const { accountId, shareId, state, targets, environment } = inputs;
    if (!isSafeUrl(new URL(apiUrl))) {
      throw new Error('GITHUB_API_URL is not https');
    }
    const { getOctokit } = await import('@actions/github');
    const request = { fetch: this.#fetch, log: SILENT };
    const options = { baseUrl: apiUrl, log: SILENT, request };
    const { rest } = getOctokit(githubToken, options);
    const { data } = await rest.repos.createDeployment({
      owner,
      repo,
      ref,
      task: state === 'absent' ? 'unshare' : 'share',
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
    const deploymentId = toDeploymentId(data);
    const setState: SetState = (newState, description) =>
      rest.repos.createDeploymentStatus({
        owner,
        repo,
        deployment_id: deploymentId,
        log_url: runUrl,
        environment,
        auto_inactive: false,
        state: newState,
        // A number that is cut would be another one: the end shows the cut.
        description: cut(description, MAX_DESCRIPTION),
      });
    await setState('in_progress', 'Waiting for Cloudflare');
    return setState;
  }

  /** The action's HTTP client, with its limits and proxies, for Octokit. */
  readonly #fetch = async (
    url: string,
    {
      method,
      headers,
      body = null,
    }: Pick<HttpRequest, 'method' | 'headers'> & {
      readonly body?: string | null;
    },
  ): Promise<Response> => {
    const response = await this.#options.http({
      method,
      url,
      headers,
      body,
      timeoutMs: REQUEST_TIMEOUT_MS,
      maxMiB: MAX_RESPONSE_MIB,
      takeItem: null,
      signal: this.#stop.signal,
    });
    if (response.type === 'failure') throw new Error(response.message);
    const { status, headers: received } = response;
    const text = response.json ? JSON.stringify(response.json) : response.text;
    return new Response(text || null, { status, headers: received });
  };
}

/** It becomes part of a path. */
function toDeploymentId(data: unknown): number {
  const { id } = Object(data);
  if (Number.isSafeInteger(id)) return id;
  throw new Error('GitHub did not respond with a deployment');
}

function problemOf(error: unknown): DeploymentProblem {
  const { message = String(error), status } = Object(error);
  return {
    message: String(message),
    lacksPermission: status === 401 || status === 403 || status === 404,
  };
}
