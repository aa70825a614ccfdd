/* For each way to fail: what it is called, and what to do about it. */
import type { Cause, Credentials, Failure, RequestKind } from '../domain.ts';
import type { Refusal } from '../reconcile/target-state.ts';

/** A section of docs/troubleshooting.md. */
export type Topic = Cause | 'inputs' | 'read-only' | 'outputs';

/** Titles of annotations, and of the sections in docs/troubleshooting.md. */
export const TITLES: Readonly<Record<Topic, string>> = {
  inputs: 'Invalid inputs: no request was sent',
  authentication: 'Authentication failed',
  'read-only': 'Credentials can only read',
  route: 'Account or API address not found',
  'not-found': 'Share not found',
  'share-state': 'Share does not allow this change',
  rejected: 'Request rejected by Cloudflare',
  conflict: 'Another change under way',
  'rate-limit': 'Rate limit reached',
  server: 'Cloudflare API error',
  blocked: 'Request blocked before the API',
  'invalid-response': 'Unexpected response from the API',
  'too-large': 'Response too large',
  'no-response': 'No complete response from Cloudflare',
  network: 'Connection to Cloudflare failed',
  proxy: 'Connection through the proxy failed',
  'certificate-untrusted': 'TLS certificate not trusted',
  'certificate-invalid': 'TLS certificate not valid',
  'proxy-certificate-invalid': 'Certificate of the proxy not valid',
  'resource-error': 'Shared resource failed permanently',
  removed: 'Recipient removed during the run',
  inconclusive: 'Recipient cannot be identified',
  refused: 'Plan rejected before any change',
  stopped: 'Stopped after another failure',
  timeout: 'Timed out',
  cancelled: 'Run cancelled',
  outputs: 'Outputs could not be written',
  internal: 'Internal error',
};

/** What a run has shown, so that no advice contradicts it. */
export interface Circumstances {
  /** The most that the run has read with its credentials: `list` is most. */
  readonly wasRead: 'nothing' | 'share' | 'list';
  /** The credentials have changed the share in this run. */
  readonly writeWasAccepted: boolean;
  /** The kind that was used. */
  readonly credentials: Credentials['type'];
  /** What a plan was rejected for; null where none was. */
  readonly refusedFor: Refusal['about'] | null;
  /** Cloudflare does not find the share, but lists it as active. */
  readonly isShareListed: boolean;
  /** The run changes nothing, so nothing is there to be kept or continued. */
  readonly dryRun: boolean;
}

/** What to call a failure, and what to do about it. */
export interface Advice {
  /** Decides the title and the section of the docs. */
  readonly topic: Topic;
  /** Null where the guide knows nothing that is true for certain. */
  readonly hint: string | null;
}

/**
 * When a hint is given: every member that is there has to match. The first rule
 * that matches decides, so a special one stands before a general one.
 */
interface Rule {
  readonly cause: Cause;
  /** What the request was for. */
  readonly kinds?: readonly RequestKind[];
  /** Without it, the hint holds for every code, and where there is none. */
  readonly codes?: readonly number[];
  readonly wasRead?: Circumstances['wasRead'];
  readonly writeWasAccepted?: boolean;
  readonly credentials?: Credentials['type'];
  readonly refusedFor?: Refusal['about'];
  readonly isShareListed?: boolean;
  readonly dryRun?: boolean;
  /** Where it differs from the cause. */
  readonly topic?: Topic;
  readonly hint: string;
}

/** A run that writes has read the list. */
const WRITES: readonly RequestKind[] = ['create', 'delete'];

/**
 * The credentials, or their headers, are wrong: nothing was read with them.
 * 1000 is "Invalid API Token" (with HTTP 401).
 */
const WRONG_CREDENTIALS = [1000, 6003, 6103, 6111, 9103, 9106, 9109, 10000];
/** Nothing of this kind may do it. */
const KIND_NOT_ACCEPTED = [1001, 10405];

/** Two rules: a dry run has changed nothing that could be kept. */
function runAgain(when: Omit<Rule, 'hint'>, before: string): Rule[] {
  return [
    { ...when, dryRun: true, hint: `${before} Run again.` },
    { ...when, hint: `${before} Run again: completed changes are kept.` },
  ];
}

export const INTERNAL_HINT =
  'Report it with the debug log: set the secret ACTIONS_STEP_DEBUG to true ' +
  'and run again. The log has what was done by then.';

/** Hints in the order in which they are considered. */
export const RULES: readonly Rule[] = [
  {
    cause: 'authentication',
    kinds: WRITES,
    codes: [10000],
    writeWasAccepted: false,
    credentials: 'token',
    topic: 'read-only',
    hint:
      'The token can read this share but not change it. Use api-email and ' +
      'api-key, the only credentials that Cloudflare documents for this ' +
      'endpoint, or a token with edit permission.',
  },
  {
    cause: 'authentication',
    kinds: WRITES,
    codes: [10000],
    writeWasAccepted: false,
    topic: 'read-only',
    hint:
      'The user of the key can read this share but not change it. Use ' +
      'the key of a user who can edit the shares of account-id.',
  },
  {
    cause: 'authentication',
    codes: KIND_NOT_ACCEPTED,
    credentials: 'token',
    hint:
      'Cloudflare does not accept this kind of credentials here. Use a ' +
      'token of a user, or api-email and api-key.',
  },
  {
    cause: 'authentication',
    codes: KIND_NOT_ACCEPTED,
    hint:
      'Cloudflare does not accept this kind of credentials here. Use an ' +
      'api-token.',
  },
  {
    cause: 'authentication',
    codes: [10001],
    hint:
      'This code is often temporary. Run again, and check the ' +
      'credentials only if the error persists.',
  },
  {
    cause: 'authentication',
    kinds: WRITES,
    codes: WRONG_CREDENTIALS,
    writeWasAccepted: false,
    hint:
      'The credentials could read earlier in this run. Check whether they ' +
      'may change this share, and whether they have been revoked or have ' +
      'expired.',
  },
  {
    cause: 'authentication',
    codes: WRONG_CREDENTIALS,
    wasRead: 'list',
    hint:
      'The credentials worked earlier in this run. Check whether they have ' +
      'been revoked or have expired since.',
  },
  {
    cause: 'authentication',
    codes: WRONG_CREDENTIALS,
    wasRead: 'nothing',
    hint:
      'Check that the secret is the right one, has not expired, and can ' +
      'read the shares of account-id.',
  },
  {
    cause: 'route',
    codes: [7000, 7003],
    wasRead: 'nothing',
    hint:
      'Check account-id and api-url, and whether the credentials can see ' +
      'this account.',
  },
  ...runAgain(
    { cause: 'not-found', kinds: ['list'], codes: [1004], isShareListed: true },
    'Cloudflare lists this share as active, so this may be temporary.',
  ),
  {
    cause: 'not-found',
    kinds: ['share', 'list'],
    codes: [1004],
    wasRead: 'nothing',
    hint: 'Check share-id, and that account-id owns this share.',
  },
  {
    cause: 'not-found',
    kinds: ['list'],
    codes: [1004],
    wasRead: 'list',
    hint:
      'This run has read its list before. Check whether the share has been ' +
      'deleted since.',
  },
  {
    cause: 'share-state',
    hint: 'Check share-id: use an active share that targets accounts.',
  },
  {
    cause: 'conflict',
    kinds: WRITES,
    hint:
      'Wait until the other change is complete, then run again. Let only ' +
      'one workflow change the share at a time (concurrency).',
  },
  {
    cause: 'rate-limit',
    hint:
      'Raise timeout, or run fewer jobs at a time. The limit is per user: a ' +
      'separate token helps only if the account or another user owns it, ' +
      'such as a service user.',
  },
  ...runAgain({ cause: 'server' }, 'Check https://www.cloudflarestatus.com.'),
  {
    cause: 'blocked',
    hint:
      'A firewall or proxy responded, not the API. Check for a rule that ' +
      'blocks the runner, then run again.',
  },
  ...runAgain(
    { cause: 'invalid-response', wasRead: 'list' },
    'The API responded properly before, so this may be temporary.',
  ),
  {
    cause: 'invalid-response',
    wasRead: 'nothing',
    hint:
      'Check api-url, and whether a proxy or captive portal responds ' +
      'instead of Cloudflare.',
  },
  {
    cause: 'too-large',
    wasRead: 'nothing',
    hint: 'Check api-url, and whether something other than Cloudflare responds.',
  },
  ...runAgain(
    { cause: 'no-response' },
    'Cloudflare was reached but sent no complete response.',
  ),
  ...runAgain(
    { cause: 'network', wasRead: 'list' },
    'The connection worked before, so this may be temporary.',
  ),
  {
    cause: 'network',
    wasRead: 'nothing',
    hint:
      'Check that the runner can resolve and reach the host of api-url, ' +
      'or set HTTPS_PROXY.',
  },
  ...runAgain(
    { cause: 'proxy', wasRead: 'list' },
    'The connection worked before, so this may be temporary.',
  ),
  {
    cause: 'proxy',
    wasRead: 'nothing',
    hint:
      'Check the address and the rules of the proxy. If it requires a ' +
      'password, set HTTPS_PROXY to http://USERNAME:PASSWORD@HOST:PORT.',
  },
  {
    cause: 'certificate-untrusted',
    hint:
      'If you trust the CA that issued it, such as the CA of a proxy that ' +
      'inspects TLS, set NODE_EXTRA_CA_CERTS to the path of its file.',
  },
  {
    cause: 'certificate-invalid',
    hint:
      'Check the clock of the runner and api-url: the certificate is for ' +
      'another time, name or purpose.',
  },
  {
    cause: 'proxy-certificate-invalid',
    hint:
      'Check the clock of the runner and the host in HTTPS_PROXY: the ' +
      'certificate is for another time, name or purpose.',
  },
  {
    cause: 'resource-error',
    hint:
      'Fix the cause in the recipient account, then remove the recipient ' +
      'and add it again.',
  },
  {
    cause: 'removed',
    hint:
      'Manage the recipients in one place only, and let only one workflow ' +
      'change the share at a time (concurrency). Then run again.',
  },
  {
    cause: 'inconclusive',
    hint:
      'Check the recipients of the share in the Cloudflare dashboard ' +
      'before you run again.',
  },
  {
    cause: 'refused',
    refusedFor: 'unread-share',
    hint:
      'Nothing was changed. The reason says why the share could not be ' +
      'read: fix that, then run again.',
  },
  {
    cause: 'refused',
    refusedFor: 'share',
    hint:
      'Nothing was changed. Check share-id: use an active share that ' +
      'account-id owns and that targets accounts.',
  },
  {
    cause: 'refused',
    refusedFor: 'record',
    hint:
      'Nothing was changed. Check the recipients of the share in the ' +
      'Cloudflare dashboard.',
  },
  {
    cause: 'refused',
    refusedFor: 'list',
    hint:
      'Nothing was changed. Check share-id and the list. To remove every ' +
      'account that has access, set max-removals to a number instead of a ' +
      'percentage.',
  },
  {
    cause: 'refused',
    refusedFor: 'removals',
    hint:
      'Nothing was changed. Check the list and share-id; raise ' +
      'max-removals only if the removals are intended.',
  },
  {
    cause: 'stopped',
    dryRun: true,
    hint: 'Fix the other failure and run again.',
  },
  {
    cause: 'stopped',
    hint: 'Fix the other failure and run again: completed changes are kept.',
  },
  {
    cause: 'timeout',
    dryRun: true,
    hint: 'Raise timeout (and timeout-minutes of the job), or run again.',
  },
  {
    cause: 'timeout',
    hint:
      'Raise timeout (and timeout-minutes of the job), or run again to ' +
      'continue. Nothing was undone.',
  },
  {
    cause: 'cancelled',
    dryRun: true,
    hint: 'Run again.',
  },
  {
    cause: 'cancelled',
    hint: 'Run again to continue. Nothing was undone.',
  },
  {
    cause: 'internal',
    hint: INTERNAL_HINT,
  },
];

/** What to do about problems that are no failure of a target. */
export const OTHER_HINTS = {
  inputs: 'Correct the inputs.',
  outputs:
    'Check that GITHUB_OUTPUT names a writable file. The log has what ' +
    'was done.',
} as const;

/** Chooses the title and the hint for a failure of this run. */
export function adviceFor(
  failure: Failure,
  circumstances: Circumstances,
): Advice {
  const rule = RULES.find((candidate) =>
    matches(candidate, failure, circumstances),
  );
  return {
    topic: rule?.topic ?? failure.cause,
    hint: rule?.hint ?? null,
  };
}

function matches(
  rule: Rule,
  { cause, request }: Failure,
  circumstances: Circumstances,
): boolean {
  return (
    rule.cause === cause &&
    accepts(rule.kinds, request?.kind) &&
    accepts(rule.codes, request?.code) &&
    equalsIfGiven(rule.wasRead, circumstances.wasRead) &&
    equalsIfGiven(rule.writeWasAccepted, circumstances.writeWasAccepted) &&
    equalsIfGiven(rule.credentials, circumstances.credentials) &&
    equalsIfGiven(rule.refusedFor, circumstances.refusedFor) &&
    equalsIfGiven(rule.isShareListed, circumstances.isShareListed) &&
    equalsIfGiven(rule.dryRun, circumstances.dryRun)
  );
}

/** A rule that names no values accepts all of them, and their absence. */
function accepts<Value>(
  values: readonly Value[] | undefined,
  value: Value | null | undefined,
): boolean {
  if (values === undefined) return true;
  return value !== null && value !== undefined && values.includes(value);
}

function equalsIfGiven<Value>(expected: Value | undefined, value: Value) {
  return expected === undefined || expected === value;
}

/**
 * The section of docs/troubleshooting.md for a topic; null where the runner
 * does not say where the action came from.
 */
export function helpUrl(topic: Topic, docsUrl: string | null): string | null {
  return docsUrl && `${docsUrl}/troubleshooting.md#${slug(TITLES[topic])}`;
}

/** The anchor that GitHub gives a heading. */
export function slug(heading: string): string {
  const words = heading.toLowerCase().replace(/[^\w\s-]/g, '');
  return words.replaceAll(' ', '-');
}
