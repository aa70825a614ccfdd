/** Places in which a server can put text of its choice. */
import type { Fault } from '../../simulator/faults.ts';
import {
  bodyOf,
  LIST,
  POLICY,
  RECIPIENT,
  RECORD,
  respondWith,
  type Scenario,
} from './scenario.ts';

/**
 * What a header may hold: no line breaks, but C1 controls, which some read as
 * line breaks or escapes.
 */
export const EVIL_HEADER =
  ' ::error title=pwned::pwned ##[error]pwned \u0085::pwned \u009b1m <b>pwned</b> @octocat `pwned`';

/** A rejection that says `message` wherever it can. */
export function rejectWith(status: number, message: string): Fault {
  const error = {
    code: message,
    message,
    error_chain: [{ code: message, message }],
    source: { pointer: message },
    documentation_url: message,
  };
  const text = JSON.stringify({
    success: false,
    errors: [error],
    messages: [message, { message }],
  });
  return {
    kind: 'response',
    status,
    headers: { 'cf-ray': EVIL_HEADER },
    body: { text },
  };
}

/** Scenarios, by name, in each of which a server says `text` somewhere. */
export function scenariosWith(text: string): Array<[string, Scenario]> {
  const record = {
    id: RECORD,
    account_id: RECIPIENT,
    created: text,
    modified: text,
  };
  const list = (fault: Fault) => ({
    api: { faults: [{ when: { pathIncludes: LIST }, do: fault }] },
  });
  const listed = (more: object) =>
    list(respondWith(bodyOf([{ ...record, ...more }])));
  const failed = { error: text, resource_id: POLICY, resource_version: 1 };
  return [
    [
      'the name and the resource types of the share',
      {
        share: { name: text, resources: [{ resourceId: POLICY, type: text }] },
        api: { timeline: { errors: [{ ...failed, terminal: true }] } },
      },
    ],
    ['dates of a record', listed({ association_status: 'associated' })],
    [
      'a status, to the timeout',
      { ...listed({ association_status: text }), inputs: { timeout: '10s' } },
    ],
    [
      'a terminal resource error',
      listed({
        association_status: 'associated',
        resources: [{ error: text, resource_id: text, terminal: true }],
      }),
    ],
    [
      'a resource error that is retried',
      {
        api: {
          timeline: {
            associateReads: 0,
            errors: [{ ...failed, resource_id: text, terminal: false }],
          },
        },
        inputs: { timeout: '10s' },
      },
    ],
    ['a rejection of the list', list(rejectWith(400, text))],
    [
      'the title of an HTML page',
      {
        ...list({
          kind: 'response',
          status: 403,
          body: {
            text: `<html><title>${text}</title></html>`,
            type: 'text/html',
          },
        }),
        inputs: { timeout: '10s' },
      },
    ],
    [
      'a redirect',
      list({
        kind: 'redirect',
        to: `https://evil.example/${text.replace(/[^ -~]+/g, ' ')}${EVIL_HEADER}`,
      }),
    ],
    ['IDs', listed({ id: text, association_status: 'associated' })],
    ['no JSON', list(respondWith(text))],
  ];
}
