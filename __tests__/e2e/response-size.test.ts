import { readFileSync } from 'node:fs';
import { platform } from 'node:os';
import { describe, expect, it } from 'vitest';
import { expectFailure, expectSuccess } from './expectations.ts';
import {
  accounts,
  bodyOf,
  faultOn,
  LIST,
  type Run,
  respondWith,
  type Scenario,
  shown,
  startScenario,
} from './scenario.ts';

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
  const all = Array.from({ length: records }, (_, n) =>
    shown({
      id: `p${number}-${n}`,
      account_id: `p${number}-${n}`,
      created: '2026-01-01T00:00:00Z',
      modified: '2026-01-01T00:00:00Z',
      resources: Array.from({ length: errors }, (_, at) => ({
        resource_id: `p${number}-${n}-${at}`,
        error: `Error ${at} of page ${number}`,
        terminal: false,
      })),
    }),
  );
  return bodyOf(all, { per_page: records });
}

/** The record of an account that was added. */
function recordOf(accountId: string, index: number): object {
  return shown({
    id: `record${index + 1}`,
    account_id: accountId,
    created: '2026-01-01T00:00:00Z',
    modified: new Date().toISOString(),
  });
}

const onLinux = it.runIf(platform() === 'linux');

describe.concurrent('a response that is too large', () => {
  onLinux('fails the step, and is not read to its end', async () => {
    const { run, peakMib } = await measure({
      faults: [faultOn(LIST, { kind: 'endless' })],
    });
    expectFailure(
      run,
      'Response too large',
      /^more than 64 MiB\..*GET …\/recipients/,
    );
    expect(run.posts).toEqual([]);
    // The whole list, and its first page of 100.
    expect(run.lists.map(({ query }) => query['per_page'])).toEqual([
      undefined,
      '100',
    ]);
    expect(peakMib).toBeLessThan(400);
  });
});

onLinux('100,000 records of other accounts stay below 200 MiB', async () => {
  const [target = ''] = accounts(1);
  const others = Array.from({ length: 100_000 }, (_, n) =>
    shown({
      id: `record${n}`,
      account_id: String(n).padStart(32, 'f'),
      created: '2026-01-01T00:00:00.000000Z',
      modified: '2026-01-01T00:00:00.000000Z',
    }),
  );
  const { run, peakMib } = await measure({
    targets: [target],
    api: {
      fault: ({ method, path }) =>
        method === 'GET' && LIST.test(path)
          ? respondWith(bodyOf([...others, recordOf(target, others.length)]))
          : undefined,
    },
  });
  expectSuccess(run, { status: 'associated', changed: 'false' });
  expect(run.stdout).toContain('100,000 other accounts have access');
  expect(peakMib).toBeLessThan(200);
});

onLinux(
  'twenty pages with ten thousand resource errors each, before two writes and after them, stay below 200 MiB',
  async () => {
    const PAGES = 20;
    const added: string[] = [];
    const { run, peakMib } = await measure({
      targets: accounts(2),
      api: {
        fault: ({ method, path, body }) => {
          if (method === 'POST')
            added.push(JSON.parse(body)['recipient_account_id']);
          if (method !== 'GET' || !LIST.test(path)) return undefined;
          const number = Number(/[?&]page=(\d+)/.exec(path)?.[1] ?? 1);
          return respondWith(
            number > PAGES
              ? bodyOf(added.map(recordOf))
              : page(number, 100, 100),
          );
        },
        newId: () => `record${added.length}`,
      },
    });
    expectSuccess(run, { status: 'associated', changed: 'true' });
    expect(run.posts).toHaveLength(2);
    // Both times, all pages and one that ends the list.
    expect(run.lists.length).toBeGreaterThanOrEqual(2 * (PAGES + 1));
    expect(peakMib).toBeLessThan(200);
  },
);
