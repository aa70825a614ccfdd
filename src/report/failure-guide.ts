import type { Cause } from '../reconcile/decide.ts';

/** Titles of annotations, and of the sections in docs/troubleshooting.md. */
export const TITLES = {
  inputs: 'Invalid inputs: no request was sent',
  authentication: 'Authentication failed',
  'not-found': 'Share or account not found',
  rejected: 'Request rejected by Cloudflare',
  'rate-limit': 'Rate limit reached',
  server: 'Cloudflare API error',
  blocked: 'Request blocked before the API',
  'invalid-response': 'Unexpected response from the API',
  'too-large': 'Response too large',
  network: 'Connection to Cloudflare failed',
  proxy: 'Proxy rejected the connection',
  'certificate-untrusted': 'TLS certificate not trusted',
  'certificate-invalid': 'TLS certificate not valid',
  'resource-error': 'Shared resource failed permanently',
  removed: 'Recipient removed during the run',
  inconclusive: 'Organization cannot be identified',
  stopped: 'Stopped after authentication failure',
  timeout: 'Timed out',
  cancelled: 'Run cancelled',
  outputs: 'Outputs could not be written',
  internal: 'Internal error',
} as const satisfies Record<Cause | 'inputs' | 'outputs' | 'internal', string>;

/** How to fix each of them. */
export const FIXES: Readonly<Record<keyof typeof TITLES, string>> = {
  inputs: 'Correct the inputs.',
  authentication:
    'Check that the secret reaches this job, and can edit the shares of account-id.',
  'not-found':
    'Compare account-id and share-id with the dashboard, and check that the token can see them.',
  rejected:
    'Check that the recipient exists, in the same Cloudflare Organization as account-id.',
  'rate-limit':
    'Raise timeout, run fewer jobs at a time, or use a dedicated token for this workflow.',
  server:
    'Check https://www.cloudflarestatus.com and run again: completed changes are kept.',
  blocked:
    'A firewall or proxy responded. Check for rules that block the runner, then run again.',
  'invalid-response':
    'Check api-url, and whether a proxy or captive portal responds instead of Cloudflare.',
  'too-large':
    'Check api-url, and whether something other than Cloudflare responds.',
  network:
    'Check that the runner can resolve and reach the host of api-url, or set HTTPS_PROXY.',
  proxy:
    'Allow the host of api-url in the proxy. For HTTP 407, use http://USERNAME:PASSWORD@HOST:PORT.',
  'certificate-untrusted':
    'If a proxy inspects TLS, set NODE_EXTRA_CA_CERTS to the path of its CA file.',
  'certificate-invalid':
    'It is expired, not yet valid or for another name. Check the clock and api-url.',
  'resource-error':
    'Fix the cause in the recipient account, then remove the recipient and add it again.',
  removed:
    'Let only one workflow change the share at a time (concurrency), then run again.',
  inconclusive:
    'Check the recipients of the share in the Cloudflare dashboard before you run again.',
  stopped: 'Fix the credentials and run again: completed changes are kept.',
  timeout:
    'Run again to continue waiting, or raise timeout. Nothing was undone.',
  cancelled: 'Run again to continue. Nothing was undone.',
  outputs:
    'Check that GITHUB_OUTPUT names a writable file. The log shows what was done.',
  internal:
    'Report it with the debug log: set the secret ACTIONS_STEP_DEBUG to true and run again.',
};

/**
 * The section of docs/troubleshooting.md for a failure; null where the runner
 * does not say where the action came from.
 */
export function helpUrl(
  cause: keyof typeof TITLES,
  docsUrl: string | null,
): string | null {
  return docsUrl && `${docsUrl}/troubleshooting.md#${slug(TITLES[cause])}`;
}

/** The anchor that GitHub gives a heading. */
export function slug(heading: string): string {
  const words = heading.toLowerCase().replace(/[^\w\s-]/g, '');
  return words.replaceAll(' ', '-');
}
