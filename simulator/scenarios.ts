/**
 * What the demo can show: how the API behaves, what the workflow asks for, and
 * how it must end.
 */
import type { ShareSeed, SharesApiOptions } from './api.ts';

export interface Scenario {
  /** One line. */
  description: string;
  api: Omit<SharesApiOptions, 'now'>;
  /** As in `with:`, without `api-url`. */
  inputs: Record<string, string>;
  /** Cancels the step after so many milliseconds. */
  cancelAfterMs?: number;
  expect: {
    fails: boolean;
    /** Outputs that must be exactly so. */
    outputs: Record<string, string>;
    /**
     * How many recipients the API was asked to create and to remove,
     * repetitions counted.
     */
    posts: number;
    deletes: number;
  };
}

const ACCOUNT = '699d98642c564d2e855e9661899b7252';
const RECIPIENT = 'a7b9c1d24e8f4063b5d7e9f1a3c5b7d9';
const SHARE = '3fd85f74b32742f1bff64a85009dda07';
const RECORD = 'c41f0a9be3d24c7d8a6f5e2b1d0c9f83';
const TOKEN = 'v1.0-demo-6f1ed002ab5595859014ebf0951522d9';
const POLICIES = [
  'f174e90afafe4643bbbc4a0ed4fc8415',
  '0f8b6c0f7d9e4f5ab1c2d3e4f5061728',
  '5b3f9d2e8a7c41d6904e1f2a3b4c5d6e',
] as const;

const share: ShareSeed = {
  accountId: ACCOUNT,
  shareId: SHARE,
  name: 'Baseline policies',
  accountName: 'Security',
  organizationId: '023e105f4ecef8ad9ca31a8372d0c353',
  resources: [
    { resourceId: POLICIES[0], type: 'gateway-policy' },
    { resourceId: POLICIES[1], type: 'gateway-policy' },
    { resourceId: POLICIES[2], type: 'custom-ruleset' },
  ],
};
const inputs = {
  'account-id': ACCOUNT,
  'share-id': SHARE,
  'recipient-account-id': RECIPIENT,
  'api-token': TOKEN,
};
const api = {
  shares: [share],
  tokens: [TOKEN],
  timeline: { associateMs: 2500, disassociateMs: 2000 },
};

const FLEET = [
  '1f0c2b7d9e5a4836b4c8d0e2f6a19371',
  '2a8e4d6c0b1f4957a3e5c7d9f1b20482',
  '3b9f5e7d1c204a68b4f6d8eaf2c31593',
  '4caf6f8e2d315b79c5a7e9fbf3d426a4',
  '5db07a9f3e426c8ad6b8faacf4e537b5',
  '6ec18bafaf537d9be7c9abbdf5f648c6',
  '7fd29cb0a0648eacf8dabccef60759d7',
  '80e3adc1b1759fbd09ebcddff71860e8',
  '91f4bed2c286a0ce1afcdee0f82971f9',
  'a205cfe3d397b1df2b0deff1f93a820a',
  'b316d0f4e4a8c2e03c1ef002fa4b931b',
  'c427e105f5b9d3f14d2f0113fb5ca42c',
] as const;

export const scenarios = {
  associate: {
    description:
      'One account is added to a share of three policies; it can use them after two and a half seconds.',
    api,
    inputs,
    expect: {
      fails: false,
      outputs: { status: 'associated', changed: 'true' },
      posts: 1,
      deletes: 0,
    },
  },
  'terminal-error': {
    description:
      'The recipient lacks an entitlement; one policy fails permanently, and so does the step.',
    api: {
      ...api,
      timeline: {
        associateMs: 'never',
        errors: [
          {
            error: 'Recipient is missing necessary entitlement',
            resource_id: POLICIES[2],
            resource_version: 0,
            terminal: true,
            afterMs: 800,
          },
        ],
      },
    },
    inputs,
    expect: {
      fails: true,
      outputs: { status: 'associating', changed: 'true' },
      posts: 1,
      deletes: 0,
    },
  },
  timeout: {
    description:
      'The association never completes; the step fails after its four seconds and undoes nothing.',
    api: { ...api, timeline: { associateMs: 'never' } },
    inputs: { ...inputs, timeout: '4s' },
    expect: {
      fails: true,
      outputs: { status: 'associating', changed: 'true' },
      posts: 1,
      deletes: 0,
    },
  },
  'already-shared': {
    description: 'The account has access already; nothing is changed.',
    api: {
      ...api,
      shares: [
        {
          ...share,
          recipients: [
            { accountId: RECIPIENT, id: RECORD, status: 'associated' },
          ],
        },
      ],
    },
    inputs,
    expect: {
      fails: false,
      outputs: {
        status: 'associated',
        changed: 'false',
        'recipient-id': RECORD,
      },
      posts: 0,
      deletes: 0,
    },
  },
  'lost-reply': {
    description:
      'The recipient is created but the response is lost; it is found again, not created twice.',
    api: {
      ...api,
      faults: [
        {
          when: { method: 'POST', nth: 1 },
          do: { kind: 'reset', commit: true },
        },
      ],
    },
    inputs,
    expect: {
      fails: false,
      outputs: { status: 'associated', changed: 'true' },
      posts: 1,
      deletes: 0,
    },
  },
  'retrying-resource': {
    description:
      'One policy fails at first, Cloudflare retries it, and the step waits until it is applied.',
    api: {
      ...api,
      timeline: {
        associateMs: 1500,
        errors: [
          {
            error: 'Resource could not be applied',
            resource_id: POLICIES[1],
            resource_version: 1,
            terminal: false,
            afterMs: 500,
            clearsMs: 3500,
          },
        ],
      },
    },
    inputs,
    expect: {
      fails: false,
      outputs: { status: 'associated', changed: 'true' },
      posts: 1,
      deletes: 0,
    },
  },
  'rate-limited': {
    description:
      'The first request reaches the rate limit; Cloudflare asks to wait two seconds.',
    api: {
      ...api,
      faults: [
        {
          when: { nth: 1 },
          do: {
            kind: 'response',
            status: 429,
            code: 971,
            message: 'Please wait and consider throttling your request speed',
            headers: { 'retry-after': '2' },
          },
        },
      ],
    },
    inputs,
    expect: {
      fails: false,
      outputs: { status: 'associated', changed: 'true' },
      posts: 1,
      deletes: 0,
    },
  },
  forbidden: {
    description: 'The token can read but not write.',
    api: { ...api, readOnlyTokens: [TOKEN] },
    inputs,
    expect: {
      fails: true,
      outputs: { changed: 'false' },
      posts: 1,
      deletes: 0,
    },
  },
  fleet: {
    description:
      'Twelve accounts at different speeds; one is in another organization and is rejected.',
    api: {
      ...api,
      timelines: Object.fromEntries(
        FLEET.map((id, index) => [id, { associateMs: 800 + 350 * index }]),
      ),
      rejectAccounts: {
        [FLEET[7]]: {
          status: 400,
          code: 1017,
          message: 'Recipient is not in the organization of the share',
        },
      },
      shares: [
        {
          ...share,
          recipients: [
            { accountId: FLEET[3], id: RECORD, status: 'associated' },
          ],
        },
      ],
    },
    inputs: { ...inputs, 'recipient-account-id': FLEET.join('\n') },
    expect: {
      fails: true,
      outputs: { status: 'mixed', changed: 'true' },
      posts: 11,
      deletes: 0,
    },
  },
  onboarding: {
    description:
      'Three accounts at once; each can use the share after a different time.',
    api: {
      ...api,
      timelines: Object.fromEntries(
        FLEET.slice(0, 3).map((id, index) => [
          id,
          { associateMs: 600 * (index + 1) },
        ]),
      ),
    },
    inputs: { ...inputs, 'recipient-account-id': FLEET.slice(0, 3).join('\n') },
    expect: {
      fails: false,
      outputs: { status: 'associated', changed: 'true' },
      posts: 3,
      deletes: 0,
    },
  },
  remove: {
    description:
      'A recipient is removed; the step waits until the account no longer has access.',
    api: {
      ...api,
      shares: [
        {
          ...share,
          recipients: [
            { accountId: RECIPIENT, id: RECORD, status: 'associated' },
          ],
        },
      ],
    },
    inputs: { ...inputs, state: 'absent' },
    expect: {
      fails: false,
      outputs: {
        status: 'disassociated',
        changed: 'true',
        'recipient-id': RECORD,
      },
      posts: 0,
      deletes: 1,
    },
  },
  plan: {
    description:
      'A dry run over four accounts with four statuses; nothing is changed.',
    api: {
      ...api,
      timeline: { associateMs: 'never' },
      shares: [
        {
          ...share,
          recipients: [
            { accountId: FLEET[0], id: RECORD, status: 'associated' },
            { accountId: FLEET[1], status: 'associating' },
            { accountId: FLEET[2], status: 'disassociated' },
          ],
        },
      ],
    },
    inputs: {
      ...inputs,
      'recipient-account-id': FLEET.slice(0, 4).join(', '),
      'dry-run': 'true',
    },
    expect: {
      fails: false,
      outputs: { status: 'mixed', changed: 'true' },
      posts: 0,
      deletes: 0,
    },
  },
  cancelled: {
    description:
      'The workflow is cancelled while the step waits; it stops at once and reports the last status.',
    api: { ...api, timeline: { associateMs: 'never' } },
    inputs,
    cancelAfterMs: 2500,
    expect: {
      fails: true,
      outputs: { status: 'associating', changed: 'true' },
      posts: 1,
      deletes: 0,
    },
  },
} satisfies Record<string, Scenario>;

/** The scenario of that name, if there is one. */
export function findScenario(name: string): Scenario | undefined {
  return Object.hasOwn(scenarios, name)
    ? scenarios[name as keyof typeof scenarios]
    : undefined;
}
