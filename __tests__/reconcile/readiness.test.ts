import { describe, expect, it } from 'vitest';
import { hasTerminalError } from '../../src/cloudflare/records.ts';
import {
  isActive,
  isDisassociated,
  isDisassociating,
  isReady,
} from '../../src/reconcile/readiness.ts';
import { record, resourceError } from '../builders.ts';

describe('a record', () => {
  it.each([
    ['associating', 'active', false],
    ['associated', 'active', true],
    ['disassociating', 'disassociating', false],
    ['disassociated', 'disassociated', false],
    ['hibernating', 'active', false],
    ['Disassociated', 'active', false],
    ['', 'active', false],
  ])('that is %j: %s, usable %j', (status, stage, isUsable) => {
    const seen = record('r1', status);
    expect(isActive(seen)).toBe(stage === 'active');
    expect(isDisassociating(seen)).toBe(stage === 'disassociating');
    expect(isDisassociated(seen)).toBe(stage === 'disassociated');
    expect(isReady(seen)).toBe(isUsable);
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
