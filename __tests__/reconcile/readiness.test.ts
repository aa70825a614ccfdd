import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  describeErrors,
  hasTerminalError,
  isActive,
  isReady,
  stage,
} from '../../src/reconcile/readiness.ts';
import { record, resourceError } from '../builders.ts';

describe('a record', () => {
  it.each([
    ['associating', 0, false],
    ['associated', 0, true],
    ['disassociating', 1, false],
    ['disassociated', 2, false],
    ['hibernating', 0, false],
    ['Disassociated', 0, false],
    ['', 0, false],
  ])('that is %j: stage %d, usable %j', (status, at, isUsable) => {
    const seen = record('r1', status);
    expect([stage(seen), isActive(seen), isReady(seen)]).toEqual([
      at,
      at === 0,
      isUsable,
    ]);
  });

  it('is usable only where it is associated and no resource has an error', () => {
    const errors = fc.array(
      fc.boolean().map((terminal) => resourceError(terminal)),
      { maxLength: 3 },
    );
    const statuses = fc.oneof(
      fc.constantFrom('associating', 'associated', 'disassociating'),
      fc.string(),
    );
    fc.assert(
      fc.property(statuses, errors, (status, list) => {
        const seen = record('r1', status, { errors: list });
        expect(isReady(seen)).toBe(
          status === 'associated' && list.length === 0,
        );
        expect(hasTerminalError(seen)).toBe(
          list.some(({ terminal }) => terminal),
        );
      }),
    );
  });
});

describe('resource errors', () => {
  const [no, later] = [resourceError(true), resourceError(false)];
  it.each([
    ['one', [later], 0, 'resource policy: later'],
    [
      'several',
      [later, later],
      0,
      'resource policy: later; resource policy: later',
    ],
    [
      'terminal ones only, with a count of the rest',
      [no, later],
      0,
      'resource policy: no entitlement (and 1 more)',
    ],
    [
      'three of them',
      Array(5).fill(later),
      0,
      `${Array(3).fill('resource policy: later').join('; ')} (and 2 more)`,
    ],
    [
      'those that were not kept',
      [later],
      7,
      'resource policy: later (and 7 more)',
    ],
    ['none', [], 0, ''],
  ])('are described: %s', (_, errors, moreErrors, text) => {
    expect(
      describeErrors(record('r1', 'associated', { errors, moreErrors })),
    ).toBe(text);
  });

  it('are described with the kind of the resource, where the share shows it', () => {
    const seen = record('r1', 'associated', {
      errors: [later, { ...later, resourceId: 'other' }],
    });
    expect(
      describeErrors(
        seen,
        new Map([
          ['policy', 'gateway-policy'],
          ['other', ''],
        ]),
      ),
    ).toBe('gateway-policy policy: later; resource other: later');
  });
});
