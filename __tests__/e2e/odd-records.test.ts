/**
 * Records as servers have shown them, or may. Those that cannot be decoded are
 * in others.test.ts.
 */
import { describe, expect, it } from 'vitest';
import { expectAdded, expectRemoved } from './expectations.ts';
import {
  bodyOf,
  ENTITLEMENT,
  LIST,
  ONE_RECORD,
  OTHER_ACCOUNT,
  RECIPIENT,
  RECORD,
  RETRYING,
  respondWith,
  runScenario,
  runWithFault,
} from './scenario.ts';

const mine = { accountId: RECIPIENT, id: RECORD, status: 'associated' };
type Shown = Record<string, unknown>;

describe.concurrent('an account ID that a record shows in another form', () => {
  const UPPER: Shown = { account_id: RECIPIENT.toUpperCase() };

  it.concurrent.each<[string, Shown]>([
    ['in upper case', UPPER],
    ['missing', { account_id: undefined }],
  ])('does not repeat a POST that was accepted: %s', async (_, shown) => {
    const run = await runScenario({
      api: { shown: { [RECIPIENT]: shown }, duplicates: 'accept' },
    });
    expectAdded(run);
    expect(run.records).toHaveLength(1);
  });

  it('does not hide the record from a run that adds it', async () => {
    const run = await runScenario({ recipients: [{ ...mine, shown: UPPER }] });
    expect(run).toMatchObject({
      exitCode: 0,
      posts: [],
      outputs: { 'recipient-id': RECORD, changed: 'false' },
    });
  });

  it('does not hide the record from a run that removes it', async () => {
    const run = await runScenario({
      recipients: [{ ...mine, shown: UPPER }],
      inputs: { state: 'absent' },
    });
    expectRemoved(run);
  });
});

describe.concurrent('a list that has one record twice', () => {
  const healthy = {
    id: RECORD,
    account_id: RECIPIENT,
    association_status: 'associated',
  };
  const failed = { ...healthy, resources: [ENTITLEMENT] };

  it('does not lose the terminal error of the first', async () => {
    const run = await runWithFault(respondWith(bodyOf([failed, healthy])));
    expect(run).toMatchObject({ exitCode: 1, posts: [] });
    expect(run.errors).toMatchObject([
      {
        title: 'Shared resource failed permanently',
        message: expect.stringContaining(ENTITLEMENT.error),
      },
    ]);
  });
});

describe.concurrent('a resource that failed', () => {
  it('is not healthy because of one read without its error', async () => {
    const failingReads = 2;
    // The first read after the errors is not enough; the second confirms it.
    const run = await runScenario({
      api: {
        timeline: {
          associateReads: 0,
          keepsModified: true,
          errors: [{ ...RETRYING, clearsReads: failingReads }],
        },
      },
    });
    expectAdded(run);
    expect(run.polls).toHaveLength(failingReads + 2);
  });
});

describe.concurrent('a record in use that comes back with another account', () => {
  const foreign = {
    id: RECORD,
    account_id: OTHER_ACCOUNT,
    association_status: 'associated',
  };

  it('is not trusted after a POST', async () => {
    const run = await runWithFault(respondWith(bodyOf(foreign)), {
      path: ONE_RECORD,
      api: { newId: () => RECORD },
    });
    expect(run).toMatchObject({ exitCode: 1, deletes: [] });
    expect(run.errors).toMatchObject([
      {
        title: 'Recipient cannot be identified',
        message: expect.stringMatching(
          `recipient ${RECORD} names account ${OTHER_ACCOUNT} instead of ${RECIPIENT}`,
        ),
      },
    ]);
    expect(run.posts).toHaveLength(1);
  });

  it('is not removed a second time', async () => {
    // The first DELETE is lost; then the list gives the ID to somebody else.
    const run = await runScenario({
      api: {
        faults: [
          { when: { method: 'DELETE' }, do: { kind: 'reset' } },
          {
            when: { pathIncludes: LIST, nth: 2, times: 99 },
            do: respondWith(bodyOf([foreign])),
          },
        ],
      },
      recipients: [mine],
      inputs: { state: 'absent' },
    });
    expect(run).toMatchObject({ exitCode: 1, outputs: { changed: 'false' } });
    expect(run.errors).toMatchObject([
      { message: expect.stringMatching(`names account ${OTHER_ACCOUNT}`) },
    ]);
    expect(run.deletes).toHaveLength(1);
  });
});
