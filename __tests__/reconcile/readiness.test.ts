import { describe, expect, it } from 'vitest';
import { hasTerminalError } from '../../src/cloudflare/records.ts';
import { isActive, isReady, stage } from '../../src/reconcile/readiness.ts';
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

  it.each<[string, boolean[], boolean, boolean]>([
    ['associated', [], true, false],
    ['associated', [false], false, false],
    ['associated', [false, true], false, true],
    ['associating', [true], false, true],
  ])(
    'that is %s with errors, terminal or not, %j: usable %j, failed %j',
    (status, terminal, isUsable, hasFailed) => {
      const errors = terminal.map((is) => resourceError(is));
      const seen = record('r1', status, { errors });
      expect(isReady(seen)).toBe(isUsable);
      expect(hasTerminalError(seen)).toBe(hasFailed);
    },
  );
});
