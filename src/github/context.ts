import type { Environment } from '../inputs.ts';

/**
 * The version that is being run. A test keeps it in step with package.json and
 * CHANGELOG.md.
 */
export const VERSION = '1.0.0';

/** What the runner says about the run. */
export type GitHubContext = ReturnType<typeof readGitHubContext>;

/** Reads the default variables of the runner. */
export function readGitHubContext(env: Environment) {
  const variable = (name: string) => env[`GITHUB_${name}`] ?? '';
  const [owner = '', repo = ''] = variable('REPOSITORY').split('/');
  const server = variable('SERVER_URL') || 'https://github.com';
  const run = toHeader([
    variable('REPOSITORY'),
    variable('RUN_ID') && `run ${variable('RUN_ID')}`,
  ]);
  const event = variable('EVENT_NAME');
  return {
    /** `release v1.2.0`, `workflow_dispatch`, … */
    event: event === 'release' ? `release ${variable('REF_NAME')}` : event,
    actor: variable('ACTOR'),
    owner,
    repo,
    ref: variable('SHA') || variable('REF'),
    runUrl: `${server}/${owner}/${repo}/actions/runs/${variable('RUN_ID')}`,
    apiUrl: variable('API_URL') || 'https://api.github.com',
    summaryPath: variable('STEP_SUMMARY'),
    docsUrl: docsUrl(
      server,
      variable('ACTION_REPOSITORY'),
      variable('ACTION_REF'),
    ),
    /**
     * `cloudflare-share-recipient/1.0.0 (owner/repo; run 42)`, which
     * Cloudflare's audit log shows.
     */
    userAgent: `cloudflare-share-recipient/${VERSION}${run && ` (${run})`}`,
  };
}

function toHeader(parts: readonly string[]): string {
  const safe = parts.map((part) =>
    part.slice(0, 140).replace(/[^\w ./-]/g, ''),
  );
  return safe.filter(Boolean).join('; ');
}

/**
 * Where this action's documentation is; null for an action that was checked out
 * (`uses: ./`).
 */
function docsUrl(
  server: string,
  repository: string,
  ref: string,
): string | null {
  const isValid = /^https:\/\/[\w.:-]+ [\w.-]+\/[\w.-]+ [\w./-]+$/.test(
    `${server} ${repository} ${ref}`,
  );
  return isValid ? `${server}/${repository}/blob/${ref}/docs` : null;
}
