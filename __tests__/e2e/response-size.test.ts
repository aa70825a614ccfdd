import { readFileSync } from 'node:fs';
import { platform } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { expectFailedRequest, expectOutputs } from './expectations.ts';
import {
  accounts,
  bodyOf,
  LIST,
  type Run,
  respondWith,
  type Scenario,
  startScenario,
  TIMED,
} from './scenario.ts';

const MIB = 1024 * 1024;

/**
 * Runs a scenario and measures its largest memory in MiB, as Linux counts it.
 */
async function measure(
  scenario: Scenario,
): Promise<{ run: Run; peakMib: number }> {
  const started = await startScenario(scenario);
  let peakMib = 0;
  const timer = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${started.child.pid}/status`, 'utf8');
      peakMib =
        Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? peakMib * 1024) / 1024;
    } catch {
      // It has ended; what it had before counts.
    }
  }, 5);
  const run = await started.finished;
  clearInterval(timer);
  // A process of Node has at least this much, so that a broken measurement
  // shows.
  expect(peakMib).toBeGreaterThan(20);
  return { run, peakMib };
}

/** One page of records of other accounts, each with many resource errors. */
function page(number: number, records: number, errors: number): string {
  const all = Array.from({ length: records }, (_, n) => ({
    id: `p${number}-${n}`,
    account_id: `p${number}-${n}`,
    association_status: 'associated',
    created: '2026-01-01T00:00:00Z',
    modified: '2026-01-01T00:00:00Z',
    resources: Array.from({ length: errors }, (_, at) => ({
      resource_id: `p${number}-${n}-${at}`,
      error: `Error ${at} of page ${number}`,
      terminal: false,
    })),
  }));
  return bodyOf(all, { per_page: records });
}

// One after the other, because a machine that is busy with several of these
// would decide the outcome.
describe.runIf(platform() === 'linux')(
  'a response that is too large fails the step',
  () => {
    const list = (fault: Fault): Scenario => ({
      api: { faults: [{ when: { pathIncludes: LIST }, do: fault }] },
    });

    it.each<[string, Fault]>([
      ['300 MiB', { kind: 'huge', bytes: 300 * MIB }],
      ['a response without end', { kind: 'endless' }],
    ])('%s: it is not read to the end', async (_, fault) => {
      const { run, peakMib } = await measure(list(fault));
      expectFailedRequest(run, 'GET …/recipients', 'Response too large');
      expect(run.posts).toEqual([]);
      // The whole list, and its first page of 100.
      expect(run.lists.map(({ query }) => query['per_page'])).toEqual([
        undefined,
        '100',
      ]);
      expect(peakMib).toBeLessThan(200);
    });

    it.each<[string, string]>([
      [
        'a response that is larger once it is parsed',
        `{"success":true,"result":[${'{},'.repeat(1_300_000)}{}]}`,
      ],
      [
        'a response that is deep',
        `{"success":true,"result":${'['.repeat(2e6)}${']'.repeat(2e6)}}`,
      ],
    ])('%s', async (_, text) => {
      const { run } = await measure(list(respondWith(text)));
      expectFailedRequest(run, 'GET …/recipients');
      expect(run.posts).toEqual([]);
    });
  },
);

describe.runIf(platform() === 'linux')(
  'hundreds of pages with thousands of resource errors each',
  () => {
    const PAGES = 300;

    /**
     * Runs two accounts, so that every poll is a list, against a list of
     * foreign records that never ends well.
     */
    async function expectSmall(records: number, errors: number): Promise<void> {
      const { run, peakMib } = await measure({
        api: {
          timeline: { associateMs: 'never' },
          fault: ({ method, path }) => {
            if (method !== 'GET' || !LIST.test(path)) return undefined;
            const number = Number(/[?&]page=(\d+)/.exec(path)?.[1] ?? 1);
            return respondWith(
              number > PAGES ? bodyOf([]) : page(number, records, errors),
            );
          },
        },
        inputs: { 'recipient-account-id': accounts(2).join(), timeout: '30s' },
      });
      expect(run).toMatchObject({ exitCode: 1, signal: null, stderr: '' });
      expect(run.errors).toMatchObject([{ title: 'Timed out' }]);
      expectOutputs(run);
      expect(run.posts).toHaveLength(2);
      // The first list and the next ones.
      expect(run.lists.length).toBeGreaterThan(PAGES);
      expect(peakMib).toBeLessThan(200);
      expect(run.ms).toBeLessThan(33_000);
    }

    it(
      'stay below 200 MiB and end within the timeout: one record per page',
      TIMED,
      async () => {
        await expectSmall(1, 2000);
      },
    );

    it(
      'stay below 200 MiB and end within the timeout: a hundred records per page',
      TIMED,
      async () => {
        await expectSmall(100, 20);
      },
    );
  },
);
