import type { Cause } from '../failure.ts';

/** What a failure means for the reader of a red step. */
export interface Hint {
  /** What happened, in a few words; the title of the annotation. */
  readonly title: string;
  /** Why it is likely, and what to do; empty where the message says it all. */
  readonly text: string;
  /** Section of the README, or a page of Cloudflare's, that says more. */
  readonly link: string;
}

const README = 'https://github.com/OWNER/cloudflare-share-recipient#';
const DOCS = 'https://developers.cloudflare.com/';

/** One hint for each cause, in one place. */
export const HINTS: Readonly<Record<Cause, Hint>> = {
  credentials: {
    title: 'Cloudflare refused the credentials',
    text: 'The token is wrong, expired, or not allowed to edit shares of the account that owns the share. Check that the secret reaches this job, and give the token the permissions that the README names.',
    link: `${README}permissions`,
  },
  'not-found': {
    title: 'The share was not found',
    text: 'The account that owns the share, or the share itself, is not known under these ids, or the token may not see it. Compare account-id and share-id with the dashboard.',
    link: `${README}troubleshooting`,
  },
  refused: {
    title: 'Cloudflare refused the change',
    text: 'Often the recipient is not in the same Cloudflare Organization as the owner of the share, or its id is wrong. Correct the id, or add the account to the organization, and run again.',
    link: `${README}troubleshooting`,
  },
  'rate-limit': {
    title: 'The rate limit is used up',
    text: 'Cloudflare allows 1,200 requests in 5 minutes for everything that uses this token, then it blocks the token for 5 minutes. Raise timeout, run fewer jobs at a time, or use a token of its own for this workflow.',
    link: `${DOCS}fundamentals/api/reference/limits/`,
  },
  server: {
    title: 'Cloudflare has an error',
    text: 'The error is on the side of Cloudflare and lasted longer than the retries. Look at https://www.cloudflarestatus.com and run again: a run picks up what an earlier one began.',
    link: `${README}troubleshooting`,
  },
  network: {
    title: 'Cloudflare could not be reached',
    text: 'The connection failed, also when it was tried again. Check that the runner may connect to the host of api-url, directly or through HTTPS_PROXY.',
    link: `${README}self-hosted-runners-and-proxies`,
  },
  dns: {
    title: 'The host name could not be resolved',
    text: 'The runner does not find the host of api-url. Check its spelling and the DNS of the runner; behind a proxy, set HTTPS_PROXY.',
    link: `${README}self-hosted-runners-and-proxies`,
  },
  tls: {
    title: 'The certificate is not trusted',
    text: 'Something between the runner and Cloudflare shows a certificate that Node does not trust, as inspecting proxies do. Put the private authority into a file, and its path into NODE_EXTRA_CA_CERTS.',
    link: `${README}self-hosted-runners-and-proxies`,
  },
  proxy: {
    title: 'The proxy did not let the request through',
    text: 'Where it answered 407, put its user and password into HTTPS_PROXY (http://user:password@host:port); else allow the host of api-url in the proxy, or except it with NO_PROXY.',
    link: `${README}self-hosted-runners-and-proxies`,
  },
  deadline: {
    title: 'Cloudflare did not answer in time',
    text: 'A connection was made or tried, but the answer did not come, also when it was asked for again. Check the network of the runner and run again: a run picks up what an earlier one began.',
    link: `${README}troubleshooting`,
  },
  unreadable: {
    title: 'The answer is not one of the Shares API',
    text: 'Something else answered, such as a proxy or a captive portal, or api-url points to another service. Check api-url, then run again.',
    link: `${README}troubleshooting`,
  },
  incomplete: {
    title: 'The list of recipients is incomplete',
    text: 'Its pages did not fit together, also when they were read again, and what is not seen could be added twice. Somebody may be changing the share; run again.',
    link: `${README}troubleshooting`,
  },
  'too-large': {
    title: 'The answer is too large',
    text: 'It is larger than 4 MiB or has more than 200,000 values, also with ten recipients a page. Something else answered, such as a proxy or a captive portal; or recipients have more resources than this action can take, then open an issue.',
    link: `${README}limits`,
  },
  redirect: {
    title: 'The API answered with a redirect',
    text: 'A redirect is not followed, because the token would travel with it. Check api-url.',
    link: `${README}troubleshooting`,
  },
  terminal: {
    title: 'A shared resource failed for good',
    text: 'Cloudflare has given up on this resource in the account of the recipient and will not try again. Mend the cause there, remove the recipient (state: absent) and add it again.',
    link: `${README}troubleshooting`,
  },
  entitlement: {
    title: 'The recipient lacks an entitlement',
    text: 'The plan of the recipient account does not include what is shared. Have the product added to its contract, then remove the recipient (state: absent) and add it again.',
    link: `${README}troubleshooting`,
  },
  removed: {
    title: 'The recipient was removed meanwhile',
    text: 'Another workflow or person removed it while this run waited. Make sure that only one run works on a share at a time (concurrency:), then run again.',
    link: `${README}many-accounts`,
  },
  vanished: {
    title: 'The recipient is no longer listed',
    text: 'The row was there and then it was not. Look at the share in the dashboard, then run again.',
    link: `${README}troubleshooting`,
  },
  inconclusive: {
    title: 'It cannot be told whether the organization has the share',
    text: 'Cloudflare does not publish how the row of an organization looks, and a guess could add it twice or remove another. Look at the recipients of the share in the dashboard before you run again.',
    link: `${README}targets`,
  },
  'share-deleting': {
    title: 'The share is being deleted',
    text: 'Nobody can be added to a share that is going away. Use the id of the share that replaces it.',
    link: `${README}troubleshooting`,
  },
  'share-organization': {
    title: 'The share is targeted at an organization',
    text: 'All accounts of the organization have it already, unless they are excluded. Use a share with target type account for single accounts.',
    link: `${README}targets`,
  },
  stopped: {
    title: 'Not finished, because the credentials were refused',
    text: 'Another write of this run was refused with 401 or 403, which stops all. Mend the credentials and run again: what was done is found and kept.',
    link: `${README}permissions`,
  },
  timeout: {
    title: 'The time was up',
    text: 'Nothing was undone, so Cloudflare may still finish it. Run again to go on waiting, or raise timeout; a shared Gateway policy may take up to two minutes to appear.',
    link: `${README}how-it-decides`,
  },
  cancelled: {
    title: 'Cancelled',
    text: 'Nothing was undone. Run again to go on from here.',
    link: `${README}how-it-decides`,
  },
  runner: {
    title: 'The outputs could not be written',
    text: 'The runner names a file for them in GITHUB_OUTPUT, which is missing, not writable, or on a full disk. The log says what was done in the share; mend the runner and run again.',
    link: `${README}self-hosted-runners-and-proxies`,
  },
  internal: {
    title: 'The action has a bug',
    text: 'Please report it with the debug log (set the secret ACTIONS_STEP_DEBUG to true and run again).',
    link: `${README}support`,
  },
};
