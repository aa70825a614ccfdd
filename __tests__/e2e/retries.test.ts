import { describe, expect, it } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { expectFailure, expectSuccess } from './expectations.ts';
import {
  accounts,
  faultOn,
  HANG,
  LIST,
  rejection,
  runScenario,
  runWithFault,
} from './scenario.ts';

it.concurrent('a read that fails for a moment is retried, and logged for each reason, whatever was wrong', async () => {
  const failures: Fault[] = [
    { kind: 'response', status: 408 },
    { kind: 'response', status: 409 },
    { kind: 'response', status: 500, body: 'json' },
    { kind: 'response', status: 403, body: 'html' },
    { kind: 'response', status: 525, body: 'html' },
    { kind: 'response', status: 503, body: 'empty' },
    { kind: 'unreadable' },
    // As a public report has it: it looks like an authentication failure.
    rejection(403, 10001, 'internal error, please try again'),
    { kind: 'reset' },
    { kind: 'truncate' },
  ];
  const run = await runScenario({
    // Two accounts, whose polls are lists.
    targets: accounts(2),
    timeline: { associateReads: failures.length },
    // Two reads fail with one of these each, the third succeeds, and so on.
    faults: failures.map((fault, n) =>
      faultOn(LIST, fault, { nth: Math.floor(n / 2) * 3 + (n % 2) + 1 }),
    ),
  });
  expectSuccess(run);
  expect(run.posts).toHaveLength(2);
  // Two of the five reads failed twice for the same reason.
  expect(run.stdout.match(/retrying in/g)).toHaveLength(8);
  expect(run.stdout).toMatch(/Result: .*, 10 of them retries/);
  expect(run.stdout).not.toContain('<');
});

describe.concurrent('a read that fails to the end', () => {
  it('ends at the timeout of the step when the list hangs, and does not speak of writes', async () => {
    const run = await runWithFault(HANG, { inputs: { timeout: '10s' } });
    expectFailure(run, 'Timed out', 'no response before the request was ended');
    expect(run.posts).toEqual([]);
    expect(run.stdout).not.toMatch(/may have been carried out|last write/);
    expect(run.ms).toBeLessThan(40_000);
  });
});

describe.concurrent('a redirect is not followed', () => {
  it.concurrent.each<[string, RegExp | 'POST', number, number]>([
    ['301 of a list', LIST, 301, 0],
    ['307 of a POST', 'POST', 307, 1],
  ])('%s', async (_, requests, status, posts) => {
    const to = '/client/v4/elsewhere';
    const run = await runScenario({
      faults: [faultOn(requests, { kind: 'redirect', to, status })],
    });
    expect(run).toMatchObject({ exitCode: 1, outputs: { changed: 'false' } });
    expect(run.posts).toHaveLength(posts);
    expect(run.lists).toHaveLength(1 + posts);
    for (const { path } of run.requests) expect(path).not.toContain(to);
    expect(run.errors[0]?.message).toContain(`redirect to ${to}`);
  });
});
