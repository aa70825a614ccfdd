/** What every contestant is asked to do, as data and as the environment that a step would get. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULTS } from '../src/inputs.ts';

export const ACCOUNT = '699d98642c564d2e855e9661899b7252';
export const SHARE = '3fd85f74b32742f1bff64a85009dda07';
const TOKEN = 'v1.0-bench-6f1ed002ab5595859014ebf095152';

/** So many different account ids, always the same. */
export function accounts(count: number): string[] {
  return Array.from({ length: count }, (_, index) => (index + 1).toString(16).padStart(32, '0'));
}

export interface StepEnvironment {
  readonly env: Record<string, string>;
  /** Removes the runner's files. */
  dispose(): void;
}

/**
 * The environment of one step: what the runner sets for the action, and the same under the names that the
 * scripts of the alternatives read.
 * @param apiUrl where the API is
 * @param recipients the accounts that shall have the share
 * @param more added last
 */
export function stepEnvironment(
  apiUrl: string,
  recipients: readonly string[],
  more: Record<string, string> = {},
): StepEnvironment {
  const folder = mkdtempSync(join(tmpdir(), 'share-bench-'));
  const [output, summary] = [join(folder, 'output'), join(folder, 'summary.md')];
  for (const file of [output, summary]) writeFileSync(file, '');
  const inputs: Record<string, string> = {
    ...DEFAULTS,
    'account-id': ACCOUNT,
    'share-id': SHARE,
    'recipient-account-id': recipients.join('\n'),
    'api-token': TOKEN,
    'api-url': apiUrl,
  };
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: folder,
    GITHUB_ACTIONS: 'true',
    GITHUB_ACTOR: 'octocat',
    GITHUB_EVENT_NAME: 'workflow_dispatch',
    GITHUB_OUTPUT: output,
    GITHUB_REPOSITORY: 'octo-org/policies',
    GITHUB_RUN_ID: '1658821493',
    GITHUB_STEP_SUMMARY: summary,
    ...Object.fromEntries(
      Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]),
    ),
    API_URL: apiUrl,
    CLOUDFLARE_ACCOUNT_ID: ACCOUNT,
    CLOUDFLARE_API_TOKEN: TOKEN,
    SHARE_ID: SHARE,
    RECIPIENTS: recipients.join('\n'),
    ...more,
  };
  return { env, dispose: () => rmSync(folder, { recursive: true, force: true }) };
}
