import { describe, expect, it } from 'vitest';
import { describeErrors } from '../../src/reconcile/resource-errors.ts';
import { A_SHARE, record, resourceError } from '../builders.ts';

describe('resource errors', () => {
  const no = resourceError(true);
  const later = resourceError(false);
  const other = { ...later, error: 'otherwise' };
  it.each([
    ['none', [], 0, ''],
    ['one', [later], 0, 'resource policy: later'],
    ['equal ones once', [later, later], 0, '2 resources: later'],
    [
      'different ones',
      [later, other],
      0,
      'resource policy: later; resource policy: otherwise',
    ],
    [
      'terminal ones only, with a count of the rest',
      [no, later],
      0,
      'resource policy: no entitlement (and 1 that Cloudflare is retrying)',
    ],
    [
      'three texts at most',
      ['a', 'b', 'c', 'd', 'e'].map((error) => ({ ...later, error })),
      0,
      'resource policy: a; resource policy: b; resource policy: c (and 2 more)',
    ],
    [
      'those that were not kept',
      [later],
      1_007,
      'resource policy: later (and 1,007 more)',
    ],
  ])('are described: %s', (_, errors, moreErrors, text) => {
    const seen = record('r1', 'associated', { errors, moreErrors });
    expect(describeErrors(seen, null)).toBe(text);
  });

  it('are described with the kind of the resource, where the share shows it', () => {
    const seen = record('r1', 'associated', {
      errors: [later, { ...other, resourceId: 'other' }],
    });
    const resourceTypes = new Map([
      ['policy', 'gateway-policy'],
      ['other', ''],
    ]);
    expect(describeErrors(seen, { ...A_SHARE, resourceTypes })).toBe(
      'gateway-policy policy: later; resource other: otherwise',
    );
  });
});
