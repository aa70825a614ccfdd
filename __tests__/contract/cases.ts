/** The runs against Prism and their expected results. */
import assert from 'node:assert/strict';
import type { RunResult } from '../../simulator/runner.ts';

/**
 * Published values: the recipient's account is the organization too, the
 * share's ID is also the recipient's.
 */
const ACCOUNT = '023e105f4ecef8ad9ca31a8372d0c353';
export const SHARE = '3fd85f74b32742f1bff64a85009dda07';
/**
 * An account cannot be its own recipient, so the owner has an ID of its own.
 */
export const OWNER = '699d98642c564d2e855e9661899b7252';
const OTHER = 'a7b9c1d24e8f4063b5d7e9f1a3c5b7d9';
const LIST = 'GET /recipients?include_resources=true';
const GET = `GET /recipients/${SHARE}?include_resources=true`;
const POST = `POST /recipients {"recipient_account_id":"${ACCOUNT}"}`;
const ENTITLEMENT = 'Recipient is missing necessary entitlement';

/** Nobody is a recipient, and a POST is accepted. */
const NEW = {
  'GET /recipients': ['example=empty'],
  'POST /recipients': ['example=accepted'],
};
const ASSOCIATED = {
  ...NEW,
  [`GET /recipients/${SHARE}`]: ['example=associated'],
};

export type CaseRun = RunResult & { recipients: Record<string, unknown>[] };

export interface Case {
  name: string;
  /** Besides owner, share and token. */
  inputs: Record<string, string>;
  /**
   * What Prism is asked to prefer, by method and request path, for each request
   * in turn; the last one stays.
   */
  prefer: Record<string, string[]>;
  /** All requests in their order, except the one for the share. */
  requests: string[];
  check(run: CaseRun): void;
}

const endsWith =
  (exitCode: number, status: string, changed: string) => (run: RunResult) => {
    assert.equal(run.exitCode, exitCode, run.stdout);
    assert.deepEqual(
      [run.outputs['status'], run.outputs['changed']],
      [status, changed],
    );
  };
const succeeds = (status: string, changed: string) =>
  endsWith(0, status, changed);

function failsForEntitlement(run: CaseRun): void {
  endsWith(1, 'associating', 'true')(run);
  const error = String(run.recipients[0]?.['error']);
  assert.match(error, new RegExp(`${ENTITLEMENT}$`));
}

export const CASES: Case[] = [
  {
    name: 'present: the published record is adopted and fails with its terminal error',
    inputs: { 'recipient-account-id': ACCOUNT },
    prefer: {},
    requests: [LIST],
    check(run) {
      endsWith(1, 'associating', 'false')(run);
      assert.equal(run.outputs['recipient-id'], SHARE);
      assert.match(
        String(run.recipients[0]?.['error']),
        // The share knows the type, and is not waited for longer than two
        // seconds.
        new RegExp(`^(custom-ruleset|resource) ${ACCOUNT}: ${ENTITLEMENT}$`),
      );
      assert.match(
        run.stdout,
        /^::error title=Shared resource failed permanently::/m,
      );
    },
  },
  {
    name: 'present: a new recipient is added and polled by its ID until it is associated',
    inputs: { 'recipient-account-id': ACCOUNT },
    prefer: ASSOCIATED,
    requests: [LIST, POST, GET],
    check: succeeds('associated', 'true'),
  },
  {
    name: 'present: a new recipient whose resource fails permanently fails the step',
    inputs: { 'recipient-account-id': ACCOUNT },
    prefer: NEW,
    requests: [LIST, POST, GET],
    check: failsForEntitlement,
  },
  {
    name: 'present: the published reply to the POST ends the step with its terminal error',
    inputs: { 'recipient-account-id': ACCOUNT },
    prefer: { 'GET /recipients': ['example=empty'] },
    requests: [LIST, POST],
    check: failsForEntitlement,
  },
  {
    name: 'present: an associated recipient is left as it is, with an e-mail address and a key',
    inputs: {
      'recipient-account-id': ACCOUNT,
      'api-email': 'user@example.com',
      'api-key': 'f'.repeat(37),
    },
    prefer: { 'GET /recipients': ['example=associated'] },
    requests: [LIST],
    check: succeeds('associated', 'false'),
  },
  {
    name: 'absent: the published record is removed',
    inputs: { 'recipient-account-id': ACCOUNT, state: 'absent' },
    prefer: {
      'GET /recipients': ['example=published', 'example=disassociated'],
    },
    requests: [LIST, `DELETE /recipients/${SHARE}`, LIST],
    check: succeeds('disassociated', 'true'),
  },
  {
    name: 'dry run: the list is read and nothing is written',
    inputs: { 'recipient-account-id': OTHER, 'dry-run': 'true' },
    prefer: {},
    requests: [LIST],
    check: succeeds('disassociated', 'true'),
  },
  {
    name: 'dry run: a list that says it is paginated is read on with page and per_page',
    inputs: { 'recipient-account-id': OTHER, 'dry-run': 'true' },
    prefer: { 'GET /recipients': ['example=full_page', 'example=empty'] },
    requests: [LIST, `${LIST}&page=2&per_page=1`],
    check: succeeds('disassociated', 'true'),
  },
  {
    name: 'wait: false returns after the POST',
    inputs: { 'recipient-account-id': ACCOUNT, wait: 'false' },
    prefer: NEW,
    requests: [LIST, POST],
    check: succeeds('associating', 'true'),
  },
  {
    name: 'organization: it is added and polled by its ID until it is associated',
    inputs: { 'organization-id': ACCOUNT },
    prefer: ASSOCIATED,
    requests: [LIST, `POST /recipients {"organization_id":"${ACCOUNT}"}`, GET],
    check(run) {
      succeeds('associated', 'true')(run);
      assert.deepEqual(
        [
          run.recipients[0]?.['account_id'],
          run.recipients[0]?.['organization_id'],
        ],
        [null, ACCOUNT],
      );
    },
  },
  {
    name: 'a share that does not exist: the published failure is reported',
    inputs: { 'recipient-account-id': ACCOUNT },
    prefer: { 'GET /recipients': ['code=404'] },
    requests: [LIST],
    check({ exitCode, stdout }) {
      assert.equal(exitCode, 1);
      assert.match(
        stdout,
        /^::error title=Account or API address not found::No route for the URI \(code 7003\)\./m,
      );
    },
  },
];

/**
 * Requests that the description does not allow: proof that a violation is
 * found.
 */
export const INVALID: Record<string, { path: string; init?: RequestInit }> = {
  'an unknown query parameter': {
    path: '/recipients?include_resources=true&order=created',
  },
  'a query parameter of another type': {
    path: '/recipients?include_resources=yes',
  },
  'a page that is too large': { path: '/recipients?page=1&per_page=101' },
  'an unknown member of the body': {
    path: '/recipients',
    init: { method: 'POST', body: '{"account":"a"}' },
  },
  'another content type': {
    path: '/recipients',
    init: {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'text/plain' },
    },
  },
  'no credentials': {
    path: '/recipients',
    init: { headers: { authorization: '' } },
  },
  'an unknown path': { path: '/members' },
  'an unknown method': { path: '/recipients', init: { method: 'PATCH' } },
};
