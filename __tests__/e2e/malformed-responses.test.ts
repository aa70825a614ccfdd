/** Responses that servers have sent, or may, and that say nothing certain. */
import { describe, expect, it } from 'vitest';
import {
  expectFailedRequest,
  expectFailure,
  expectSuccess,
} from './expectations.ts';
import {
  bodyOf,
  faultOn,
  LIST,
  mine,
  ONE_RECORD,
  OTHER_ACCOUNT,
  OTHER_RECORD,
  RECIPIENT,
  RECORD,
  respondWith,
  runScenario,
  runWithFault,
  shown,
} from './scenario.ts';

// The members one by one are in cloudflare/records.test.ts.
describe.concurrent('a malformed list fails the step after three attempts', () => {
  it.concurrent.each<[string, string]>([
    ['a very deep list', '['.repeat(200_000)],
    ['an ID with a line break', bodyOf([shown({ id: `${RECORD}\nx` })])],
  ])('%s', async (_, body) => {
    const run = await runWithFault(respondWith(body));
    expectFailedRequest(run, 'GET …/recipients');
    expect(run.posts).toEqual([]);
    expect(run.lists).toHaveLength(3);
  });
});

it.concurrent('a list whose result is null once hides nobody', async () => {
  const run = await runWithFault(respondWith(bodyOf(null)), {
    times: 1,
    recipients: [mine()],
  });
  expectSuccess(run, { 'recipient-id': RECORD });
  expect(run.posts).toEqual([]);
});

it.concurrent('a poll that shows another record never ends the wait before the timeout', async () => {
  const another = respondWith(bodyOf(shown({ id: OTHER_RECORD })));
  const run = await runWithFault(another, {
    path: ONE_RECORD,
    api: { newId: () => RECORD },
    inputs: { timeout: '10s' },
  });
  expectFailure(
    run,
    'Timed out',
    /the last poll failed: .*GET …\/recipients\//,
  );
  expect(run.outputs).toMatchObject({
    'recipient-id': RECORD,
    status: 'associating',
    changed: 'true',
  });
  expect(run.polls.length).toBeGreaterThan(1);
});

describe.concurrent('a record in use that comes back with another account', () => {
  const TITLE = 'Recipient cannot be identified';
  const foreign = shown({ account_id: OTHER_ACCOUNT });

  it('is not trusted after a POST', async () => {
    const run = await runWithFault(respondWith(bodyOf(foreign)), {
      path: ONE_RECORD,
      api: { newId: () => RECORD },
    });
    expectFailure(
      run,
      TITLE,
      `recipient ${RECORD} names account ${OTHER_ACCOUNT} instead of ${RECIPIENT}`,
    );
    expect(run.posts).toHaveLength(1);
    expect(run.deletes).toEqual([]);
  });

  it('is not removed a second time', async () => {
    // The first DELETE is lost; then the list gives the ID to somebody else.
    const run = await runScenario({
      recipients: [mine()],
      inputs: { state: 'absent' },
      faults: [
        faultOn('DELETE', { kind: 'reset' }),
        faultOn(LIST, respondWith(bodyOf([foreign])), { nth: 2, times: 99 }),
      ],
    });
    expectFailure(run, TITLE, `names account ${OTHER_ACCOUNT}`);
    expect(run.outputs).toMatchObject({ changed: 'false' });
    expect(run.deletes).toHaveLength(1);
  });
});
