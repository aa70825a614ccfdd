import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ShareRecipient } from '../src/cloudflare/shares.ts';
import { judgeAbsent, judgePresent, nextLookMs } from '../src/settle.ts';

const row = (status: string, ...errors: [error: string, terminal: boolean][]): ShareRecipient => ({
  id: 'r1',
  accountId: 'a1',
  organizationId: null,
  status,
  created: '',
  modified: '',
  resources: errors.map(([error, terminal], index) => ({ id: `res${index}`, error, terminal, type: null })),
});

describe('judgePresent', () => {
  it.each([
    ['associated without errors', row('associated'), 'settled'],
    ['associating', row('associating'), 'pending'],
    ['associated with an error that is retried', row('associated', ['later', false]), 'pending'],
    ['associated with a terminal error', row('associated', ['no', true]), 'failed'],
    ['associating with a terminal error', row('associating', ['no', true]), 'failed'],
    [
      'a terminal error behind one that is retried',
      row('associating', ['later', false], ['no', true]),
      'failed',
    ],
    ['an unknown status with a terminal error', row('hibernating', ['no', true]), 'failed'],
    ['an unknown status', row('hibernating'), 'pending'],
    ['disassociating', row('disassociating'), 'failed'],
    ['disassociated', row('disassociated'), 'failed'],
  ])('%s', (_name, seen, kind) => {
    expect(judgePresent(seen).kind).toBe(kind);
  });

  it('looks at the resources before the status', () => {
    const verdict = judgePresent(row('disassociated', ['Recipient is missing necessary entitlement', true]));
    expect(verdict).toMatchObject({
      failure: { cause: 'entitlement', message: expect.stringContaining('res0') },
    });
  });

  it('settles nothing but a healthy associated row', () => {
    const resources = fc.array(fc.tuple(fc.string({ minLength: 1 }), fc.boolean()), { maxLength: 3 });
    const statuses = fc.oneof(
      fc.constantFrom('associating', 'associated', 'disassociating', 'disassociated'),
      fc.string(),
    );
    fc.assert(
      fc.property(statuses, resources, (status, errors) => {
        const settled = judgePresent(row(status, ...errors)).kind === 'settled';
        expect(settled).toBe(status === 'associated' && errors.length === 0);
      }),
    );
  });
});

describe('judgeAbsent', () => {
  it.each([
    [null, 'settled'],
    [row('disassociated'), 'settled'],
    [row('disassociating'), 'pending'],
    [row('associated'), 'pending'],
    [row('hibernating'), 'pending'],
  ])('%o is %s', (seen, kind) => {
    expect(judgeAbsent(seen).kind).toBe(kind);
  });
});

describe('nextLookMs', () => {
  it('never makes an end under 5 s be noticed more than a second late, with a round trip of 80 ms', () => {
    expect(nextLookMs(5_000, 1) + 80 / 2).toBeLessThanOrEqual(1_000);
  });

  it('is longer where a look costs many requests', () => {
    expect(nextLookMs(0, 0.5, 10)).toBe(4_000);
  });

  it('is a fifth of the time waited, between 1 s and 15 s, within ±10 %', () => {
    fc.assert(
      fc.property(fc.nat(3_600_000), fc.double({ min: 0, max: 1, noNaN: true }), (waitedMs, random) => {
        const base = Math.min(Math.max(waitedMs / 5, 1_000), 15_000);
        expect(Math.abs(nextLookMs(waitedMs, random) - base)).toBeLessThanOrEqual(base / 10 + 1);
      }),
    );
  });
});
