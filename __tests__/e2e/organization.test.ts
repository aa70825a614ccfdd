import { describe, expect, it } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import {
  activeRecords,
  ORGANIZATION,
  OTHER_ACCOUNT,
  OTHER_RECORD,
  RECORD,
  recordIn,
  runScenario,
} from './scenario.ts';

const inputs = { 'recipient-account-id': '', 'organization-id': ORGANIZATION };
const mine = { organizationId: ORGANIZATION, id: RECORD, status: 'associated' };
describe.concurrent('an organization', () => {
  // What names it in its record is not published. Only `account_id` lets the
  // action recognize it.
  it.concurrent.each(['account_id', 'neither'] as const)(
    'is posted with exactly one member, whatever names it in the record: %s',
    async (organizationRecords) => {
      const run = await runScenario({ api: { organizationRecords }, inputs });
      expect(run).toMatchObject({
        exitCode: 0,
        outputs: { status: 'associated', changed: 'true' },
      });
      expect(run.posts.map(({ body }) => body)).toEqual([
        { organization_id: ORGANIZATION },
      ]);
      expect(run.api.wholeOrganizationPosts).toEqual([]);
      expect(run.outputs['recipient-id']).toBe(run.records[0]?.id);
      expect(run.recipients).toMatchObject([
        { account_id: null, organization_id: ORGANIZATION },
      ]);
    },
  );

  it('is adopted when account_id names it', async () => {
    const run = await runScenario({
      api: { organizationRecords: 'account_id' },
      recipients: [mine],
      inputs,
    });
    expect(run).toMatchObject({
      exitCode: 0,
      posts: [],
      outputs: { 'recipient-id': RECORD, changed: 'false' },
    });
  });

  it('is posted beside active records of accounts, and the log says that it could not be observed', async () => {
    // Nothing tells its record from that of some account.
    const run = await runScenario({
      api: { organizationRecords: 'neither', duplicates: 'accept' },
      recipients: [mine],
      inputs,
    });
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: { status: 'associated', changed: 'true' },
    });
    expect(run.posts).toHaveLength(1);
    expect(run.outputs['recipient-id']).not.toBe(RECORD);
    expect(run.stdout).toContain(
      'whether it is a recipient already cannot be observed',
    );
  });

  it('is not posted beside an active record that may be its own, because that names no account', async () => {
    const run = await runScenario({
      api: { duplicates: 'accept' },
      recipients: [{ ...mine, shown: { account_id: undefined } }],
      inputs,
    });
    expect(run).toMatchObject({
      exitCode: 1,
      posts: [],
      outputs: { 'recipient-id': '', changed: 'false' },
    });
    expect(run.errors).toMatchObject([
      {
        title: 'Recipient cannot be identified',
        message: expect.stringMatching(`may be a recipient already.*${RECORD}`),
      },
    ]);
  });
});

describe.concurrent('an organization after a lost reply to the POST', () => {
  const LOST = {
    when: { method: 'POST' },
    do: { kind: 'reset', commit: true } satisfies Fault,
  };

  it('is found when account_id names it', async () => {
    const run = await runScenario({
      api: { organizationRecords: 'account_id', faults: [LOST] },
      inputs,
    });
    expect(run).toMatchObject({
      exitCode: 0,
      errors: [],
      outputs: { changed: 'true', status: 'associated' },
    });
    expect(run.posts).toHaveLength(1);
    expect(run.outputs['recipient-id']).toBe(run.records[0]?.id);
  });

  it('is not posted again beside a new record that nothing names: the step fails as inconclusive', async () => {
    const run = await runScenario({
      api: { organizationRecords: 'neither', faults: [LOST] },
      inputs,
    });
    expect(run).toMatchObject({
      exitCode: 1,
      outputs: { 'recipient-id': '' },
      deletes: [],
    });
    expect(run.posts).toHaveLength(1);
    expect(run.errors).toMatchObject([
      {
        title: 'Recipient cannot be identified',
        message: expect.stringMatching(
          /does not show whether the organization was added.*Check the recipients.*dashboard/,
        ),
      },
    ]);
  });
});

describe.concurrent('an organization with state: absent', () => {
  const absent = { ...inputs, state: 'absent' };
  const other = {
    accountId: OTHER_ACCOUNT,
    id: OTHER_RECORD,
    status: 'associated',
  };

  it('is removed when account_id names it', async () => {
    const run = await runScenario({
      api: { organizationRecords: 'account_id' },
      recipients: [mine, other],
      inputs: absent,
    });
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: {
        'recipient-id': RECORD,
        status: 'disassociated',
        changed: 'true',
      },
    });
    expect(run.deletes.map(recordIn)).toEqual([RECORD]);
    expect(activeRecords(run, OTHER_ACCOUNT)).toHaveLength(1);
  });

  it('removes no other record where nothing names its own: the step fails and names the active ones', async () => {
    const run = await runScenario({
      api: { organizationRecords: 'neither' },
      recipients: [mine, other],
      inputs: absent,
    });
    expect(run).toMatchObject({
      exitCode: 1,
      deletes: [],
      outputs: { changed: 'false' },
    });
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.message).toContain(RECORD);
    expect(run.errors[0]?.message).toContain(OTHER_RECORD);
  });
});
