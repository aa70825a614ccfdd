/** Places in which a server can put text of its choice. */
import type { Fault } from '../../simulator/faults.ts';
import {
  bodyOf,
  faultOn,
  LIST,
  POLICY,
  respondWith,
  type Scenario,
  shown,
} from './scenario.ts';

/**
 * What a header may hold: no line breaks, but C1 controls, which some read as
 * line breaks or escapes.
 */
const EVIL_HEADER =
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
    headers: {
      'cf-ray': EVIL_HEADER,
      // With these, GitHub's client would log a warning of its own.
      deprecation: '@1',
      sunset: EVIL_HEADER,
    },
    body: { text },
  };
}

/** Scenarios, by name, in each of which a server says `text` somewhere. */
export function scenariosWith(text: string): Array<[string, Scenario]> {
  const dates = { created: text, modified: text };
  const list = (fault: Fault) => ({ faults: [faultOn(LIST, fault)] });
  const listed = (more: object) =>
    list(respondWith(bodyOf([shown({ ...dates, ...more })])));
  const failed = { error: text, resource_id: POLICY, resource_version: 1 };
  const ascii = text.replace(/[^ -~]+/g, ' ');
  const page = { text: `<html><title>${text}</title></html>` };
  const timedOut = { inputs: { timeout: '10s' } };
  return [
    [
      'the name and the resource types of the share',
      {
        share: { name: text, resources: [{ resourceId: POLICY, type: text }] },
        timeline: { errors: [{ ...failed, terminal: true }] },
      },
    ],
    ['dates of a record', listed({})],
    [
      'a status, to the timeout',
      { ...listed({ association_status: text }), ...timedOut },
    ],
    [
      'a terminal resource error',
      listed({
        resources: [{ error: text, resource_id: text, terminal: true }],
      }),
    ],
    [
      'a resource error that is retried',
      {
        timeline: {
          associateReads: 0,
          errors: [{ ...failed, resource_id: text, terminal: false }],
        },
        ...timedOut,
      },
    ],
    ['a rejection of the list', list(rejectWith(400, text))],
    [
      'the title of an HTML page',
      { ...list({ kind: 'response', status: 403, body: page }), ...timedOut },
    ],
    [
      'a redirect',
      list({
        kind: 'redirect',
        to: `https://evil.example/${ascii}${EVIL_HEADER}`,
      }),
    ],
    ['IDs', listed({ id: text })],
    ['no JSON', list(respondWith(text))],
  ];
}
