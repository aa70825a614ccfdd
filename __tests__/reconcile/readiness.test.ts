import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
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
