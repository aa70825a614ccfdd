/**
 * Bugs that the search of model.test.ts found, each shrunk to what shows it.
 */
import { expect, it } from 'vitest';
import { violations } from './invariants.ts';
import { CALM, type Corruption, play, type Schedule, SHARE } from './world.ts';

const LIST = { method: 'GET', part: 'list' } as const;
const POST = { method: 'POST', part: 'list' } as const;
const DELETE = { method: 'DELETE', part: 'record' } as const;
const DAY_MS = 86_400_000;
const associated = {
  status: 'associated',
  ageMs: DAY_MS,
  resources: [],
  settle: null,
} as const;
const disassociating = {
  status: 'disassociating',
  ageMs: DAY_MS,
  resources: [],
} as const;
const DUPLICATE = 'Account has more than one recipient';

/** Plays a calm run with some changes. */
async function run(change: Partial<Schedule>) {
  const trace = await play({ ...CALM, ...change });
  const [first] = JSON.parse(trace.outputs['recipients'] ?? '[]');
  const count = (method: string) =>
    trace.exchanges.filter((one) => one.method === method).length;
  const created = trace.creations
    .filter(({ isOurs }) => isOurs)
    .map(({ recipientId }) => recipientId);
  return {
    trace,
    broken: violations(trace),
    first,
    created,
    posts: count('POST'),
    deletions: count('DELETE'),
    text: trace.shown.map((one) => one.text).join('\n'),
    statuses: trace.api
      .records(SHARE)
      .map((record) => record.association_status),
  };
}

it('does not treat a response without a list as an empty list', async () => {
  const fault = { kind: 'unreadable', text: '{"success":true}' } as const;
  const { broken, posts, first } = await run({
    records: [{ who: 0, ...associated }],
    faults: [{ ...LIST, nth: 1, times: 10_000, fault }],
  });
  expect(broken).toEqual([]);
  expect(posts).toBe(0);
  expect(first.error).toContain('not one of the Shares API');
});

it('polls again when the list that ends the ten seconds was sent before they were over', async () => {
  const { broken, trace } = await run({
    staleMs: 5000,
    faults: [
      {
        ...POST,
        nth: 1,
        times: 1,
        fault: { kind: 'hang', commit: true, commitAfterMs: 10_000 },
      },
      { ...LIST, nth: 2, times: 1, fault: { kind: 'slow', delayMs: 9900 } },
    ],
  });
  expect(broken).toEqual([]);
  expect(trace.success).toBe(true);
});

it('waits for every record that is being removed before it adds the account again', async () => {
  const { broken, trace } = await run({
    records: [
      { who: 0, ...disassociating, settle: { disassociateMs: 3000 } },
      { who: 0, ...disassociating, settle: { disassociateMs: 30_000 } },
    ],
  });
  expect(broken).toEqual([]);
  expect(trace.success).toBe(true);
});

it('uses a record that somebody adds while an older one is being removed', async () => {
  const { broken, trace, posts } = await run({
    records: [
      { who: 0, ...disassociating, settle: { disassociateMs: 20_000 } },
    ],
    others: [{ atMs: 5000, what: 'add', who: 0 }],
  });
  expect(broken).toEqual([]);
  expect([trace.success, posts]).toEqual([true, 0]);
});

it('does not treat a record as removed that a stale read does not show yet', async () => {
  const { broken, trace } = await run({
    records: [
      { who: 0, ...disassociating, ageMs: 32, settle: null },
      { who: 0, ...associated, status: 'disassociated' },
    ],
    staleMs: 1169,
    staleVaries: true,
    chance: 1370413821,
    targets: 3,
  });
  expect(broken).toEqual([]);
  expect(trace.success).toBe(true);
});

it('keeps an adopted record that a stale read does not show', async () => {
  for (let chance = 0; chance < 40; chance++) {
    const { broken } = await run({
      records: [{ who: 0, ...associated, status: 'associating', ageMs: 0 }],
      duplicates: 'conflict',
      staleMs: 4000,
      staleVaries: true,
      chance,
    });
    expect(broken).toEqual([]);
  }
});

it('finds the record behind a 409 although reads are stale', async () => {
  const { broken, first } = await run({
    records: [{ who: 0, ...associated, ageMs: 0 }],
    duplicates: 'conflict',
    staleMs: 3000,
  });
  expect(broken).toEqual([]);
  expect(first).toMatchObject({
    status: 'associated',
    changed: false,
    error: null,
  });
});

it('sends no write again that a 429 held back once authentication failed for another', async () => {
  const fault = {
    kind: 'response',
    status: 403,
    code: 10000,
    delayMs: 1000,
  } as const;
  const { broken, posts } = await run({
    targets: 2,
    faults: [
      {
        ...POST,
        nth: 1,
        times: 1,
        fault: {
          kind: 'response',
          status: 429,
          headers: { 'retry-after': '20' },
        },
      },
      { ...POST, nth: 2, times: 1, fault },
    ],
  });
  expect(broken).toEqual([]);
  expect(posts).toBe(2);
});

it('sends no write that waits for the rate limit once authentication failed for another', async () => {
  const { broken, posts } = await run({
    targets: 5,
    faults: [
      {
        ...POST,
        nth: 1,
        times: 1,
        fault: {
          kind: 'response',
          status: 429,
          headers: { 'retry-after': '5' },
        },
      },
      {
        ...POST,
        nth: 2,
        times: 1,
        fault: { kind: 'response', status: 403, code: 10000, delayMs: 1000 },
      },
      { ...POST, nth: 3, times: 2, fault: { kind: 'slow', delayMs: 500 } },
    ],
  });
  expect(broken).toEqual([]);
  expect(posts).toBe(4);
});

it.each([
  [
    'cut in two',
    'cf0aPlainTokenOfFortyCharacters_abcdefgh',
    `${'x'.repeat(300)} {secret}`,
  ],
  [
    'escaped in JSON',
    'q"uote\\dTokenWithBackslash"es\\and"quotes',
    'bad token {secret}',
  ],
])(
  'keeps a secret out of the outputs that would be %s',
  async (_, secret, message) => {
    const { broken } = await run({
      secret,
      faults: [
        {
          ...POST,
          nth: 1,
          times: 1,
          fault: { kind: 'response', status: 400, message },
        },
      ],
    });
    expect(broken).toEqual([]);
  },
);

it.each([`${'x'.repeat(30)} {secret}`, '@EVIL', '<img src=EVIL>'])(
  'shows nothing of an unpublished status in outputs and summary: %j',
  async (status) => {
    const { broken, first } = await run({
      timeoutMs: 10_000,
      records: [{ who: 0, ...associated, status }],
    });
    expect(broken).toEqual([]);
    expect(first.status).toBe('unknown');
  },
);

it('shows nothing of an unpublished status in the summary of many accounts', async () => {
  const { broken } = await run({
    targets: 51,
    dryRun: true,
    records: [{ who: 0, ...associated, status: '<img src=EVIL>' }],
  });
  expect(broken).toEqual([]);
});

it('reads a list that the server gives in pages to its last page', async () => {
  const { broken, trace, posts } = await run({
    filler: 100,
    pageSize: 100,
    records: [{ who: 0, ...associated }],
  });
  expect(broken).toEqual([]);
  expect([trace.success, posts]).toEqual([true, 0]);
});

it('adds nobody twice whose record is on a second page from an older replica', async () => {
  for (let chance = 0; chance < 60; chance++) {
    const { broken, trace, posts } = await run({
      filler: 98,
      pageSize: 100,
      records: [
        { who: 'other', ...associated, ageMs: 100 },
        { who: 'other', ...associated },
        { who: 0, ...associated },
      ],
      staleMs: 500,
      staleVaries: true,
      chance,
    });
    expect(broken).toEqual([]);
    expect([trace.success, posts]).toEqual([true, 0]);
  }
});

it('reads the list in pages of 100 after a response over the limit', async () => {
  const { broken, trace } = await run({
    filler: 200,
    targets: 2,
    timelines: [{ associateMs: 20_000 }, {}],
    faults: [{ ...LIST, nth: 1, times: 1, fault: { kind: 'endless' } }],
  });
  expect(broken).toEqual([]);
  expect(trace.success).toBe(true);
  const lists = trace.exchanges.filter(
    ({ method, path }) => method === 'GET' && path.endsWith('/recipients'),
  );
  expect(lists.map(({ query }) => query.get('per_page'))).toEqual(
    lists.map((_, n) => (n === 0 ? null : '100')),
  );
});

it('trusts only a list that a recipient is removed, not a 404', async () => {
  const { trace, statuses } = await run({
    state: 'absent',
    records: [{ who: 0, ...associated }],
    faults: [
      { ...DELETE, nth: 1, times: 1, fault: { kind: 'response', status: 404 } },
    ],
  });
  expect(statuses).toEqual(['associated']);
  expect(trace.success).toBe(false);
});

it('observes after a POST whose 2xx says that it failed', async () => {
  const text = '{"success":false,"errors":[],"result":null}';
  const { broken, first } = await run({
    faults: [
      { ...POST, nth: 1, times: 1, fault: { kind: 'unreadable', text } },
    ],
  });
  expect(broken).toEqual([]);
  expect(first).toMatchObject({
    status: 'associated',
    changed: true,
    error: null,
  });
});

it('ends in time when it is cancelled during the last list', async () => {
  const { broken, trace } = await run({
    timeoutMs: 4000,
    cancelAtMs: 3500,
    faults: [
      { ...POST, nth: 1, times: 1, fault: { kind: 'hang' } },
      { ...LIST, nth: 2, times: 1, fault: { kind: 'hang' } },
    ],
  });
  expect(broken).toEqual([]);
  expect(trace.endMs - trace.startMs).toBeLessThanOrEqual(4000);
});

it('says that a write without a response may have been carried out when no list shows it', async () => {
  const { first, text } = await run({
    timeoutMs: 5000,
    faults: [{ ...POST, nth: 1, times: 1, fault: { kind: 'reset' } }],
  });
  expect(first).toMatchObject({
    recipient_id: null,
    changed: false,
    error: expect.stringContaining('may have been carried out'),
  });
  expect(text).not.toContain('recipient null');
});

it('does not use a record that it has seen removed, although a stale read shows it active', async () => {
  for (let chance = 0; chance < 60; chance++) {
    const { broken, first } = await run({
      records: [{ who: 0, ...associated, removedMs: 1000 }],
      timelines: [{ disassociateMs: 800 }],
      staleMs: 5000,
      staleVaries: true,
      chance,
    });
    expect(broken).toEqual([]);
    // Where the first list was stale, the record was adopted before anybody
    // could know.
    if (first.error === null && first.changed)
      expect(first.recipient_id).not.toBe('record-000003');
  }
});

it('does not use a record that a poll by ID has shown removed, although the next list is stale', async () => {
  const outcomes = new Set<boolean | null>();
  for (let chance = 0; chance < 40; chance++) {
    const { broken, trace } = await run({
      records: [
        {
          who: 0,
          ...associated,
          status: 'associating',
          settle: { associateMs: 5000 },
        },
      ],
      others: [{ atMs: 6000, what: 'remove', who: 0 }],
      staleMs: 8000,
      staleVaries: true,
      chance,
    });
    expect(broken).toEqual([]);
    outcomes.add(trace.success);
  }
  expect([...outcomes].sort()).toEqual([false, true]);
});

it('takes a success back when a later list shows a terminal error', async () => {
  const terminal = {
    error: 'no',
    resource_id: 'resource-1',
    resource_version: 1,
    terminal: true,
  };
  const { broken, trace, first } = await run({
    targets: 2,
    timelines: [
      { associateMs: 0, errors: [{ ...terminal, afterMs: 3000 }] },
      { associateMs: 20_000 },
    ],
  });
  expect(broken).toEqual([]);
  expect([trace.success, first.error]).toEqual([
    false,
    expect.stringContaining('resource-1: no'),
  ]);
});

it.each([true, false])(
  'uses the older of two records that were added at the same time (wait: %s)',
  async (wait) => {
    const { broken, first, created, text } = await run({
      targets: 2,
      timelines: [{}, { associateMs: 9000 }],
      records: [
        { who: 1, ...disassociating, settle: { disassociateMs: 4000 } },
      ],
      rival: { who: 0, when: 'before' },
      wait,
    });
    expect(broken).toEqual([]);
    expect(first).toMatchObject({
      status: 'associated',
      changed: true,
      error: null,
    });
    expect(created).not.toContain(first.recipient_id);
    expect(text).toContain(DUPLICATE);
  },
);

it('does not fail because of a record that was removed before its POST got no response', async () => {
  const { broken, trace, first } = await run({
    records: [
      { who: 0, ...disassociating, settle: { disassociateMs: 3000 } },
      { who: 0, ...disassociating, ageMs: 1, settle: { disassociateMs: 3000 } },
    ],
    staleMs: 10_000,
    faults: [{ ...POST, nth: 1, times: 1, fault: { kind: 'reset' } }],
  });
  expect(broken).toEqual([]);
  expect([trace.success, first.changed]).toEqual([true, true]);
});

it('lists once more at the end when one of several removals got no response', async () => {
  const { broken, trace } = await run({
    state: 'absent',
    timeoutMs: 3000,
    latencyMs: 2,
    records: [
      { who: 0, ...associated },
      { who: 0, ...associated },
    ],
    timelines: [{ disassociateMs: 'never' }],
    faults: [
      { ...DELETE, nth: 1, times: 1, fault: { kind: 'slow', delayMs: 500 } },
      { ...DELETE, nth: 2, times: 1, fault: { kind: 'reset' } },
    ],
  });
  expect(broken).toEqual([]);
  expect(trace.exchanges.at(-1)?.method).toBe('GET');
});

it('warns of a second record that only the last list shows', async () => {
  const { broken, text } = await run({
    timeoutMs: 5000,
    rival: { who: 0, when: 'before' },
    faults: [
      { ...POST, nth: 1, times: 1, fault: { kind: 'hang', commit: true } },
    ],
  });
  expect(broken).toEqual([]);
  expect(text).toContain(DUPLICATE);
});

it('waits for every record that is being removed before it reports an account as removed', async () => {
  const { broken, trace } = await run({
    state: 'absent',
    records: [
      { who: 0, ...disassociating, settle: { disassociateMs: 3000 } },
      { who: 0, ...associated },
      { who: 0, ...disassociating, settle: { disassociateMs: 30_000 } },
    ],
  });
  expect(broken).toEqual([]);
  expect(trace.success).toBe(true);
  expect(trace.endMs - trace.startMs).toBeGreaterThan(30_000);
});

it('records every removal of an account that has several records', async () => {
  const { broken, deletions, first } = await run({
    state: 'absent',
    records: [
      { who: 0, ...associated },
      { who: 0, ...associated },
    ],
    staleMs: 10_000,
  });
  expect(broken).toEqual([]);
  expect([deletions, first.changed, first.error]).toEqual([2, true, null]);
});

it('stops after three removals without a clear outcome, also of a record that is associating', async () => {
  const { broken, trace, deletions } = await run({
    state: 'absent',
    records: [
      {
        who: 0,
        ...associated,
        status: 'associating',
        settle: { associateMs: 'never' },
      },
    ],
    faults: [{ ...DELETE, nth: 1, times: 10_000, fault: { kind: 'reset' } }],
  });
  expect(broken).toEqual([]);
  expect([trace.success, deletions]).toEqual([false, 3]);
});

it.each([
  { ...LIST, nth: 1, times: 10_000 },
  { ...POST, nth: 1, times: 10_000 },
])('does not hurry because Retry-After is 0: %j', async (when) => {
  const fault = {
    kind: 'response',
    status: 429,
    headers: { 'retry-after': '0' },
  } as const;
  const { broken, trace } = await run({
    timeoutMs: 10_000,
    targets: 3,
    faults: [{ ...when, fault }],
  });
  expect(broken).toEqual([]);
  // One list and three POSTs a second.
  expect(trace.exchanges.length).toBeLessThan(40);
});

it('waits between lists that fail while a write is due', async () => {
  const fault = {
    kind: 'connection',
    cause: 'network',
    mayHaveBeenProcessed: false,
    isRetryable: true,
    delayMs: 0,
  } as const;
  const { broken, trace, posts } = await run({
    faults: [{ method: null, part: 'any', nth: 3, times: 10, fault }],
  });
  expect(broken).toEqual([]);
  expect([trace.success, posts]).toEqual([true, 2]);
});

it('respects Retry-After between two polls too', async () => {
  const fault = {
    kind: 'response',
    status: 522,
    body: 'json',
    headers: { 'retry-after': '45' },
  } as const;
  const { broken } = await run({
    targets: 2,
    timelines: [{ associateMs: 'never' }],
    faults: [{ ...LIST, nth: 2, times: 10_000, fault }],
  });
  expect(broken).toEqual([]);
});

it('sends no write again before a list succeeds', async () => {
  const fault = {
    kind: 'connection',
    cause: 'network',
    mayHaveBeenProcessed: false,
    isRetryable: true,
    delayMs: 0,
  } as const;
  const { broken, posts } = await run({
    timeoutMs: 3000,
    faults: [{ method: null, part: 'any', nth: 3, times: 10_000, fault }],
  });
  expect(broken).toEqual([]);
  expect(posts).toBe(1);
});

it.each([true, false])(
  'fails when it is cancelled, also where nothing was left to do (dry run: %s)',
  async (dryRun) => {
    const { broken, trace, first, text } = await run({
      dryRun,
      records: [{ who: 0, ...associated }],
      faults: [
        {
          method: 'GET',
          part: 'share',
          nth: 1,
          times: 1,
          fault: { kind: 'hang' },
        },
      ],
      cancelAtMs: 1000,
    });
    expect(broken).toEqual([]);
    expect(trace.success).toBe(false);
    expect(first).toMatchObject({
      status: 'associated',
      changed: false,
      error: null,
    });
    expect(text).toContain('Run cancelled');
  },
);

it('keeps records that a later list leaves out', async () => {
  const text = JSON.stringify({
    success: true,
    errors: [],
    messages: [],
    result: [],
  });
  const { trace, posts } = await run({
    targets: 2,
    records: [{ who: 0, ...associated }],
    timelines: [{}, { associateMs: 100_000 }],
    faults: [
      { ...LIST, nth: 14, times: 1, fault: { kind: 'unreadable', text } },
    ],
  });
  expect([trace.success, posts]).toEqual([true, 1]);
  expect(trace.exchanges.length).toBeGreaterThan(15);
});

it('removes a record too that somebody adds while the only other one is being removed', async () => {
  const { broken, trace, statuses } = await run({
    state: 'absent',
    records: [{ who: 0, ...associated }],
    timelines: [{ disassociateMs: 3000 }],
    others: [{ atMs: 2000, what: 'add', who: 0 }],
  });
  expect(broken).toEqual([]);
  expect(trace.success).toBe(true);
  expect(statuses).toEqual(['disassociated', 'disassociated']);
});

it.each(['reset', 'hang'] as const)(
  'observes a write without a response for ten seconds although lists fail meanwhile (%s)',
  async (kind) => {
    const { broken, trace, first, posts } = await run({
      faults: [
        { ...POST, nth: 1, times: 1, fault: { kind, commit: true } },
        { ...LIST, nth: 2, times: 5, fault: { kind: 'response', status: 502 } },
      ],
    });
    expect(broken).toEqual([]);
    expect([trace.success, posts, first.changed]).toEqual([true, 1, true]);
  },
);

it('observes a write without a response to its end after authentication failed for another', async () => {
  const { broken, trace, first, created } = await run({
    targets: 2,
    faults: [
      { ...POST, nth: 1, times: 1, fault: { kind: 'hang', commit: true } },
      {
        ...POST,
        nth: 2,
        times: 1,
        fault: { kind: 'response', status: 403, code: 10000 },
      },
    ],
  });
  expect(broken).toEqual([]);
  expect([trace.success, first.changed, first.error]).toEqual([
    false,
    true,
    null,
  ]);
  expect(created).toContain(first.recipient_id);
});

it('reports the record of a POST that was sent again after a 429 and then cut short by the timeout', async () => {
  const { broken, first, created } = await run({
    timeoutMs: 12_000,
    faults: [
      {
        ...POST,
        nth: 1,
        times: 1,
        fault: {
          kind: 'response',
          status: 429,
          headers: { 'retry-after': '4' },
        },
      },
      { ...POST, nth: 2, times: 1, fault: { kind: 'hang', commit: true } },
    ],
  });
  expect(broken).toEqual([]);
  expect(created).toContain(first.recipient_id);
  expect(first.changed).toBe(true);
});

it('removes nobody where no record can be recognized as that of the organization', async () => {
  const { broken, trace, deletions, text } = await run({
    state: 'absent',
    targets: 'organization',
    organizationRecords: 'neither',
    records: [{ who: 'organization', ...associated }],
    others: [{ atMs: 500, what: 'add', who: 'other' }],
  });
  expect(broken).toEqual([]);
  expect([trace.success, deletions]).toEqual([false, 0]);
  expect(text).toContain('Recipient cannot be identified');
});

it.each([30, 60, 600])(
  'observes what is done three seconds before a timeout of %d s',
  async (seconds) => {
    const { broken, trace } = await run({
      timeoutMs: seconds * 1000,
      timelines: [{ associateMs: (seconds - 3) * 1000 }],
    });
    expect(broken).toEqual([]);
    expect(trace.success).toBe(true);
  },
);

it.each([1, 3])(
  'reads the list again before it sends what a 429 held back for long (%d accounts)',
  async (targets) => {
    const { broken, trace, first, created, posts } = await run({
      targets,
      faults: [
        {
          ...POST,
          nth: 1,
          times: 1,
          fault: {
            kind: 'response',
            status: 429,
            headers: { 'retry-after': '200' },
          },
        },
      ],
      others: [{ atMs: 50_000, what: 'add', who: 0 }],
    });
    expect(broken).toEqual([]);
    expect([
      trace.success,
      first.changed,
      created.includes(first.recipient_id),
    ]).toEqual([true, false, false]);
    expect(posts).toBe(targets);
  },
);

it('waits for a record being removed that only the list after a 429 shows', async () => {
  const { broken, trace, first } = await run({
    records: [
      {
        who: 0,
        ...disassociating,
        ageMs: 1,
        settle: { disassociateMs: 230_000 },
      },
    ],
    staleMs: 100,
    faults: [
      {
        ...POST,
        nth: 1,
        times: 1,
        fault: {
          kind: 'response',
          status: 429,
          headers: { 'retry-after': '60' },
        },
      },
    ],
  });
  expect(broken).toEqual([]);
  expect([trace.success, first.changed]).toEqual([true, true]);
  expect(trace.endMs - trace.startMs).toBeGreaterThan(230_000);
});

it('fails a recipient that was removed also when no record shows a date', async () => {
  const corruptions = Array.from({ length: 20 }, (_, index): Corruption => {
    return {
      method: 'GET',
      nth: index + 1,
      member: 'record.modified',
      value: undefined,
    };
  });
  const { broken, trace, first } = await run({
    targets: 2,
    timelines: [{ disassociateMs: 100 }, { associateMs: 8000 }],
    corruptions,
    others: [{ atMs: 4000, what: 'remove', who: 0 }],
  });
  expect(broken).toEqual([]);
  expect([trace.success, first.error]).toEqual([
    false,
    expect.stringContaining('is disassociated'),
  ]);
});

it('uses the requests that are left, although the window is longer than the run', async () => {
  const few = {
    kind: 'response',
    status: 500,
    body: 'json',
    headers: { ratelimit: '"default";r=3;t=290' },
  } as const;
  const { broken, trace } = await run({
    timeoutMs: 120_000,
    faults: [{ ...LIST, nth: 1, times: 1, fault: few }],
  });
  expect(broken).toEqual([]);
  expect(trace.success).toBe(true);
});

it('logs each failure beyond ten annotations on one line', async () => {
  const timelines = Array.from({ length: 12 }, (_, index) => {
    return {
      errors: [
        {
          error: `reason ${index}`,
          resource_id: 'r',
          resource_version: 1,
          terminal: true,
        },
      ],
    };
  });
  const { broken, text } = await run({ targets: 12, timelines });
  expect(broken).toEqual([]);
  expect(text).toContain('Shared resource failed permanently: ');
});

it('does not report a removal that only a poll by ID has shown', async () => {
  const { broken, trace } = await run({
    state: 'absent',
    records: [{ who: 0, ...associated }],
    faults: [{ ...LIST, nth: 3, times: 10_000, fault: { kind: 'reset' } }],
  });
  expect(broken).toEqual([]);
  expect(trace.success).toBe(false);
});

it('lists once more after the last DELETE, although the removal of another record has failed', async () => {
  const { broken, trace } = await run({
    state: 'absent',
    records: [
      { who: 0, ...associated },
      { who: 0, ...associated, ageMs: 1 },
    ],
    staleMs: 10_000,
    faults: [{ ...DELETE, nth: 1, times: 10_000, fault: { kind: 'reset' } }],
  });
  expect(broken).toEqual([]);
  expect([trace.success, trace.exchanges.at(-1)?.method]).toEqual([
    false,
    'GET',
  ]);
});

it('does not hurry after a write that was not sent, although others have waited for ten seconds', async () => {
  const fault = {
    kind: 'connection',
    cause: 'network',
    mayHaveBeenProcessed: false,
    isRetryable: true,
    delayMs: 4931,
  } as const;
  const { broken, trace } = await run({
    targets: 51,
    faults: [{ ...POST, nth: 1, times: 8, fault }],
  });
  expect(broken).toEqual([]);
  expect(trace.success).toBe(true);
});

it('reports a removal that another run made, although its own DELETE could not be sent', async () => {
  const fault = {
    kind: 'connection',
    cause: 'certificate-invalid',
    mayHaveBeenProcessed: false,
    isRetryable: false,
    delayMs: 0,
  } as const;
  const { broken, trace } = await run({
    state: 'absent',
    records: [{ who: 0, ...associated, removedMs: 1 }],
    staleMs: 2,
    faults: [{ ...DELETE, nth: 1, times: 1, fault }],
  });
  expect(broken).toEqual([]);
  expect(trace.success).toBe(true);
});
