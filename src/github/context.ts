import type { Environment } from '../domain.ts';

/**
 * The version that is being run. A test keeps it in step with package.json and
 * CHANGELOG.md.
 */
export const VERSION = '1.0.0';

/** What the runner says about the run. */
export interface GitHubContext {
  /** `release v1.2.0`, `workflow_dispatch`, …; empty outside of a workflow. */
  readonly event: string;
  /** Who started the run. */
  readonly actor: string;
  /** Of the repository whose workflow runs. */
  readonly owner: string;
  /** The name of that repository. */
  readonly repo: string;
  /** What a deployment names: the commit, otherwise the branch or tag. */
  readonly ref: string;
  /** The page of the workflow run. */
  readonly runUrl: string;
  /** Of GitHub, for the deployment record. */
  readonly apiUrl: string;
  /** Does the runner show a job summary? */
  readonly hasSummary: boolean;
  /** The folder of this action's documentation; null where it is not known. */
  readonly docsUrl: string | null;
  /**
   * `cloudflare-share-recipient/1.0.0 (owner/repo; run 42)`, which Cloudflare's
   * audit log shows.
   */
  readonly userAgent: string;
}

const GITHUB = 'https://github.com';

/** Reads the default variables of the runner. */
export function readGitHubContext(env: Environment): GitHubContext {
  const githubVariable = (name: string) => env[`GITHUB_${name}`] ?? '';
  const [owner = '', repo = ''] = githubVariable('REPOSITORY').split('/');
  const server = githubVariable('SERVER_URL') || GITHUB;
  const run = toHeader([
    githubVariable('REPOSITORY'),
    githubVariable('RUN_ID') && `run ${githubVariable('RUN_ID')}`,
  ]);
  const event = githubVariable('EVENT_NAME');

  return {
    event:
      event === 'release' ? `release ${githubVariable('REF_NAME')}` : event,
    actor: githubVariable('ACTOR'),
    owner,
    repo,
    ref: githubVariable('SHA') || githubVariable('REF'),
    runUrl: `${server}/${owner}/${repo}/actions/runs/${githubVariable('RUN_ID')}`,
    apiUrl: githubVariable('API_URL') || 'https://api.github.com',
    hasSummary: githubVariable('STEP_SUMMARY') !== '',
    docsUrl: docsFolderOf(
      server,
      githubVariable('ACTION_REPOSITORY'),
      githubVariable('ACTION_REF'),
    ),
    userAgent: `cloudflare-share-recipient/${VERSION}${run && ` (${run})`}`,
  };
}

/** Without the characters that a header must not have. */
function toHeader(parts: readonly string[]): string {
  const safe = parts.map((part) =>
    part.slice(0, 140).replace(/[^\w ./-]/g, ''),
  );
  return safe.filter(Boolean).join('; ');
}

/**
 * Where this action's documentation is. Null for an action that was checked out
 * (`uses: ./`), and on a server of its own: GitHub Enterprise Server runs
 * actions from github.com too, and does not say which ones.
 */
function docsFolderOf(
  server: string,
  repository: string,
  ref: string,
): string | null {
  const isValid = /^[\w.-]+\/[\w.-]+ [\w./-]+$/.test(`${repository} ${ref}`);
  if (server !== GITHUB || !isValid) return null;
  return `${GITHUB}/${repository}/blob/${ref}/docs`;
}
