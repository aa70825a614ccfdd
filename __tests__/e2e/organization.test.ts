import { describe, expect, it } from 'vitest';
import { expectFailure, expectSuccess } from './expectations.ts';
import {
  activeRecords,
  ORGANIZATION,
  OTHER_ACCOUNT,
  OTHER_RECORD,
  RECORD,
  recordIn,
  runScenario,
  type Scenario,
  seed,
} from './scenario.ts';

/**
 * What names an organization in its record is not published. Only `account_id`
 * lets the action recognize it.
 */
type Naming = 'account_id' | 'neither';

const inputs = { 'recipient-account-id': '', 'organization-id': ORGANIZATION };
const ours = { organizationId: ORGANIZATION, id: RECORD, status: 'associated' };

// What else may be observed is in decide-present.test.ts and
// decide-absent.test.ts of reconcile/.
describe.concurrent('an organization', () => {
  it.concurrent.each<Naming>(['account_id', 'neither'])(
    'is posted with exactly one member, whatever names it in the record: %s',
    async (organizationRecords) => {
      const run = await runScenario({ api: { organizationRecords }, inputs });
      expectSuccess(run, {
        'recipient-id': run.records[0]?.id,
        status: 'associated',
        changed: 'true',
      });
      expect(run.posts.map(({ body }) => body)).toEqual([
        { organization_id: ORGANIZATION },
      ]);
      expect(run.api.wholeOrganizationPosts).toEqual([]);
      expect(run.recipients).toMatchObject([
        { account_id: null, organization_id: ORGANIZATION },
      ]);
    },
  );
});

describe.concurrent('an organization with state: absent', () => {
  const scenario = (organizationRecords: Naming): Scenario => ({
    api: { organizationRecords },
    recipients: [ours, seed(0, { accountId: OTHER_ACCOUNT, id: OTHER_RECORD })],
    inputs: { ...inputs, state: 'absent' },
  });

  it('is removed when account_id names it', async () => {
    const run = await runScenario(scenario('account_id'));
    expectSuccess(run, {
      'recipient-id': RECORD,
      status: 'disassociated',
      changed: 'true',
    });
    expect(run.deletes.map(recordIn)).toEqual([RECORD]);
    expect(activeRecords(run, OTHER_ACCOUNT)).toHaveLength(1);
  });

  it('removes no other record where nothing names its own: the step fails and names the active ones', async () => {
    const run = await runScenario(scenario('neither'));
    expectFailure(run, 'Recipient cannot be identified', RECORD, OTHER_RECORD);
    expect(run).toMatchObject({ deletes: [], outputs: { changed: 'false' } });
  });
});
