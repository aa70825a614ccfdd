/** Faults that the search of model.test.ts found, each as small as it gets. */
import { expect, it } from 'vitest';
import { violations } from './invariants.ts';
import { CALM, ORGANIZATION, play, type Schedule, type ScheduledFault, SHARE } from './world.ts';

const LIST = { method: 'GET', part: 'list' } as const;
const POST = { method: 'POST', part: 'list' } as const;
const associated = { status: 'associated', ageMs: 86_400_000, resources: [], settle: null } as const;
const leaving = { status: 'disassociating', ageMs: 86_400_000, resources: [] } as const;

async function run(change: Partial<Schedule>) {
  const story = await play({ ...CALM, ...change });
  const [first] = JSON.parse(story.outputs['recipients'] ?? '[]');
  const posts = story.exchanges.filter(({ method }) => method === 'POST').length;
  return { story, first, posts, said: story.told.map(({ text }) => text).join('\n') };
}

it.each([
  ['{"success":true}', /^GET .*not the Shares API/],
  [
    '{"success":true,"result":null,"result_info":{"total_count":1,"total_pages":1}}',
    /^GET .*1 recipients are counted, and 0 are shown/,
  ],
])('takes no list for an empty one: %s', async (text, said) => {
  const faults: ScheduledFault[] = [{ ...LIST, nth: 1, times: 10_000, fault: { kind: 'unreadable', text } }];
  const { story, first, posts } = await run({ rows: [{ who: 0, ...associated }], faults });
  expect(violations(story)).toEqual([]);
  expect(posts).toBe(0);
  expect(first.error).toMatch(said);
});

it('looks again after the ten seconds when the answer that ended them had been asked for before', async () => {
  const { story } = await run({
    lagMs: 5000,
    faults: [
      { ...POST, nth: 1, times: 1, fault: { kind: 'hang', commit: true, commitAfterMs: 10_000 } },
      { ...LIST, nth: 2, times: 1, fault: { kind: 'slow', delayMs: 9900 } },
    ],
  });
  expect(violations(story)).toEqual([]);
  expect(story.success).toBe(true);
});

it('waits for every row that is on its way out before it adds the account anew', async () => {
  const { story } = await run({
    rows: [
      { who: 0, ...leaving, settle: { disassociateMs: 3000 } },
      { who: 0, ...leaving, settle: { disassociateMs: 30_000 } },
    ],
  });
  expect(violations(story)).toEqual([]);
  expect(story.success).toBe(true);
});

it('takes a row that somebody else added while an older one was on its way out', async () => {
  const { story, posts } = await run({
    rows: [{ who: 0, ...leaving, settle: { disassociateMs: 20_000 } }],
    others: [{ atMs: 5000, what: 'add', who: 0 }],
  });
  expect(violations(story)).toEqual([]);
  expect([story.success, posts]).toEqual([true, 0]);
});

it('does not take a row for gone that a lagging read cannot show yet', async () => {
  const { story } = await run({
    rows: [
      { who: 0, ...leaving, ageMs: 32, settle: null },
      { who: 0, ...associated, status: 'disassociated' },
    ],
    lagMs: 1169,
    lagVaries: true,
    chance: 1370413821,
    targets: 3,
  });
  expect(violations(story)).toEqual([]);
  expect(story.success).toBe(true);
});

it('does not take an adopted row for vanished that a lagging read cannot show yet', async () => {
  for (let chance = 0; chance < 40; chance++) {
    const { story } = await run({
      rows: [{ who: 0, ...associated, status: 'associating', ageMs: 0 }],
      duplicates: 'refuse',
      lagMs: 4000,
      lagVaries: true,
      chance,
    });
    expect(violations(story)).toEqual([]);
  }
});

it('finds the row that made Cloudflare refuse a duplicate also when reads lag', async () => {
  const { story, first } = await run({
    rows: [{ who: 0, ...associated, ageMs: 0 }],
    duplicates: 'refuse',
    lagMs: 3000,
  });
  expect(violations(story)).toEqual([]);
  expect(first).toMatchObject({ status: 'associated', changed: false, error: null });
});

it('sends no write that waited for a 429 once another was refused with 403', async () => {
  const { story, posts } = await run({
    targets: 2,
    faults: [
      { ...POST, nth: 1, times: 1, fault: { kind: 'answer', status: 429, headers: { 'retry-after': '20' } } },
      { ...POST, nth: 2, times: 1, fault: { kind: 'answer', status: 403, delayMs: 1000 } },
    ],
  });
  expect(violations(story)).toEqual([]);
  expect(posts).toBe(2);
  expect(story.endMs - story.startMs).toBeLessThan(10_000);
});

it.each([
  ['cut in two', 'cf0aPlainTokenOfFortyCharacters_abcdefgh', `${'x'.repeat(300)} {secret}`],
  ['escaped in JSON', 'q"uote\\dTokenWithBackslash"es\\and"quotes', 'bad token {secret}'],
])('keeps a secret out of the outputs that would be %s', async (_, secret, message) => {
  const { story } = await run({
    secret,
    faults: [{ ...POST, nth: 1, times: 1, fault: { kind: 'answer', status: 400, message } }],
  });
  expect(violations(story)).toEqual([]);
});

it('keeps a secret out of the output status', async () => {
  const status = `${'x'.repeat(30)} {secret}`;
  const { story } = await run({ timeoutMs: 10_000, rows: [{ who: 0, ...associated, status }] });
  expect(violations(story)).toEqual([]);
});

it('shows a status that nobody knows as code in the summary', async () => {
  const { story } = await run({ timeoutMs: 10_000, rows: [{ who: 0, ...associated, status: '@EVIL' }] });
  expect(violations(story)).toEqual([]);
});

it('counts a status that nobody knows as text in the summary of many accounts', async () => {
  const { story } = await run({
    targets: 51,
    dryRun: true,
    rows: [{ who: 0, ...associated, status: '<img src=EVIL>' }],
  });
  expect(violations(story)).toEqual([]);
});

it('reads the list to its last page', async () => {
  const { story, posts } = await run({ filler: 100, rows: [{ who: 0, ...associated }] });
  expect(violations(story)).toEqual([]);
  expect([story.success, posts]).toEqual([true, 0]);
});

it('believes only a look that a recipient is gone', async () => {
  const { story } = await run({
    state: 'absent',
    rows: [{ who: 0, ...associated }],
    faults: [{ method: 'DELETE', part: 'row', nth: 1, times: 1, fault: { kind: 'answer', status: 404 } }],
  });
  expect(story.api.rows(SHARE).map((row) => row.association_status)).toEqual(['associated']);
  expect(story.success).toBe(false);
});

it('looks for a row when a POST is answered with a 2xx that says it failed', async () => {
  const text = '{"success":false,"errors":[],"result":null}';
  const { story, first } = await run({
    faults: [{ ...POST, nth: 1, times: 1, fault: { kind: 'unreadable', text } }],
  });
  expect(violations(story)).toEqual([]);
  expect(first).toMatchObject({ status: 'associated', changed: true, error: null });
});

it('takes no empty list for a whole one when it says itself that there is more', async () => {
  const { story, posts } = await run({
    rows: [{ who: 0, ...associated }],
    spoils: [{ method: 'GET', nth: 1, member: 'envelope.result', value: [] }],
  });
  expect(violations(story)).toEqual([]);
  expect(posts).toBe(0);
});

it('ends soon when it is cancelled in its last look after the timeout', async () => {
  const { story } = await run({
    timeoutMs: 4000,
    cancelAtMs: 4100,
    faults: [
      { ...POST, nth: 1, times: 1, fault: { kind: 'hang' } },
      { ...LIST, nth: 2, times: 1, fault: { kind: 'hang' } },
    ],
  });
  expect(violations(story)).toEqual([]);
});

it('says of a write without an answer that it may have been carried out, also when the last look finds nothing', async () => {
  const { first, said } = await run({
    timeoutMs: 5000,
    faults: [{ ...POST, nth: 1, times: 1, fault: { kind: 'reset' } }],
  });
  expect(first).toMatchObject({
    id: null,
    changed: false,
    error: expect.stringContaining('may have been carried out'),
  });
  expect(said).not.toMatch(/recipient null|adding it again/);
});

it('adds nobody twice whose row fell between two pages of servers that lag differently', async () => {
  for (let chance = 0; chance < 60; chance++) {
    const { story, posts } = await run({
      filler: 98,
      rows: [
        { who: 'other', ...associated, ageMs: 100 },
        { who: 'other', ...associated },
        { who: 0, ...associated },
      ],
      lagMs: 500,
      lagVaries: true,
      chance,
    });
    expect(violations(story)).toEqual([]);
    expect([story.success, posts]).toEqual([true, 0]);
  }
});

it('uses no row that it has seen leave, although a lagging read shows it alive', async () => {
  for (let chance = 0; chance < 60; chance++) {
    const { story, first } = await run({
      rows: [{ who: 0, ...associated, removedMs: 1000 }],
      timelines: [{ disassociateMs: 800 }],
      lagMs: 5000,
      lagVaries: true,
      chance,
    });
    expect(violations(story)).toEqual([]);
    // Where the first look lagged, the row was taken before anybody could know.
    if (first.error === null && first.changed) expect(first.id).not.toBe('row-000003');
  }
});

it('takes a success back when a later look, for the others, shows that it is none any more', async () => {
  const terminal = { error: 'no', resource_id: 'resource-1', resource_version: 1, terminal: true };
  const { story, first } = await run({
    targets: 2,
    timelines: [{ associateMs: 0, errors: [{ ...terminal, afterMs: 3000 }] }, { associateMs: 20_000 }],
  });
  expect(violations(story)).toEqual([]);
  expect([story.success, first.error]).toEqual([false, expect.stringContaining('resource-1: no')]);
});

it.each([true, false])(
  'uses the older of two rows that were added at the same time (wait: %s)',
  async (wait) => {
    const { story, first, said } = await run({
      targets: 2,
      timelines: [{}, { associateMs: 9000 }],
      rows: [{ who: 1, ...leaving, settle: { disassociateMs: 4000 } }],
      rival: { who: 0, when: 'before' },
      wait,
    });
    expect(violations(story)).toEqual([]);
    expect(first).toMatchObject({ status: 'associated', changed: true, error: null });
    expect(story.made.has(first.id)).toBe(false);
    expect(said).toContain('More than one recipient for an account');
  },
);

it('tells of a second row also when only the last look shows it', async () => {
  const { story } = await run({
    timeoutMs: 1000,
    rival: { who: 0, when: 'before' },
    faults: [{ ...POST, nth: 1, times: 1, fault: { kind: 'hang', commit: true } }],
  });
  expect(violations(story)).toEqual([]);
  expect(story.told.map(({ text }) => text)).toContain('More than one recipient for an account');
});

it('waits for every row that is on its way out before it says that an account is removed', async () => {
  const { story } = await run({
    state: 'absent',
    rows: [
      { who: 0, ...leaving, settle: { disassociateMs: 3000 } },
      { who: 0, ...associated },
      { who: 0, ...leaving, settle: { disassociateMs: 30_000 } },
    ],
  });
  expect(violations(story)).toEqual([]);
  expect(story.success).toBe(true);
  expect(story.endMs - story.startMs).toBeGreaterThan(30_000);
});

it.each([
  { ...LIST, nth: 1, times: 10_000 },
  { ...POST, nth: 1, times: 10_000 },
])('does not hurry because it may ask again at once: %j', async (when) => {
  const fault = { kind: 'answer', status: 429, headers: { 'retry-after': '0' } } as const;
  const { story } = await run({ timeoutMs: 10_000, targets: 3, faults: [{ ...when, fault }] });
  expect(violations(story)).toEqual([]);
  expect(story.exchanges.length).toBeLessThan(30);
});

it.each([true, false])(
  'fails when it is cancelled, also where nothing was left to do (dry run: %s)',
  async (dryRun) => {
    const { story, first, said } = await run({
      dryRun,
      rows: [{ who: 0, ...associated }],
      faults: [{ method: 'GET', part: 'share', nth: 1, times: 1, fault: { kind: 'hang' } }],
      cancelAtMs: 1000,
    });
    expect(violations(story)).toEqual([]);
    expect(story.success).toBe(false);
    expect(first).toMatchObject({ status: 'associated', changed: false, error: null });
    expect(said).toContain(`Cancelled when ${dryRun ? 'the plan was ready' : 'everything was done'}`);
  },
);

/** From its nth on, the list shows only this. */
const showing = (nth: number, times: number, ...result: object[]): ScheduledFault => {
  const info = { total_count: result.length, total_pages: 1 };
  const text = JSON.stringify({ success: true, errors: [], messages: [], result, result_info: info });
  return { ...LIST, nth, times, fault: { kind: 'unreadable', text } };
};

it('takes nothing from a list that shows no rows for once, however long they were seen before', async () => {
  const { story, posts } = await run({
    targets: 2,
    rows: [{ who: 0, ...associated }],
    timelines: [{}, { associateMs: 100_000 }],
    faults: [showing(14, 1)],
  });
  expect([story.success, posts]).toEqual([true, 1]);
  expect(story.exchanges.length).toBeGreaterThan(15);
});

it('takes a success back when its row is no longer there', async () => {
  const { story, first } = await run({
    targets: 2,
    rows: [{ who: 0, ...associated }],
    timelines: [{}, { associateMs: 100_000 }],
    faults: [showing(3, 10_000)],
  });
  expect([story.success, first.error]).toEqual([false, expect.stringContaining('no longer')]);
});

it('removes also a row that somebody else adds while the only other one is removed', async () => {
  const { story } = await run({
    state: 'absent',
    rows: [{ who: 0, ...associated }],
    timelines: [{ disassociateMs: 3000 }],
    others: [{ atMs: 2000, what: 'add', who: 0 }],
  });
  expect(violations(story)).toEqual([]);
  expect(story.success).toBe(true);
  const statuses = story.api.rows(SHARE).map((row) => row.association_status);
  expect(statuses).toEqual(['disassociated', 'disassociated']);
});

it('believes a DELETE that knows no row once lists that lag do not show it either', async () => {
  const { story, first } = await run({
    state: 'absent',
    rows: [{ who: 0, ...associated }],
    faults: [
      { method: 'DELETE', part: 'row', nth: 1, times: 1, fault: { kind: 'answer', status: 404 } },
      showing(5, 10_000),
    ],
  });
  expect(story.exchanges.filter(({ method }) => method === 'DELETE')).toHaveLength(1);
  expect([story.success, first.status, first.changed]).toEqual([true, 'disassociated', false]);
});

it('does not send a write again that says itself that it was a success, whatever else it says', async () => {
  const body = { text: '{"success":true,"result":null}' };
  const { story, posts, first } = await run({
    faults: [{ ...POST, nth: 1, times: 1, fault: { kind: 'answer', status: 200, body } }],
  });
  expect(violations(story)).toEqual([]);
  expect([story.success, posts, first.changed]).toEqual([false, 1, false]);
  expect(first.error).toContain('`result` is not an object');
});

// From the first failed look on, so however long the write itself hung.
it.each(['reset', 'hang'] as const)(
  'looks for a write without an answer for ten seconds also while the looks are answered by something else (%s)',
  async (kind) => {
    const { story, first, posts } = await run({
      faults: [
        { ...POST, nth: 1, times: 1, fault: { kind, commit: true } },
        { ...LIST, nth: 2, times: 5, fault: { kind: 'unreadable', text: '<html>busy</html>' } },
      ],
    });
    expect(violations(story)).toEqual([]);
    expect([story.success, posts, first.changed]).toEqual([true, 1, true]);
  },
);

it('keeps the id of a write without an answer when another is refused with 403', async () => {
  const { story, first } = await run({
    targets: 2,
    faults: [
      { ...POST, nth: 1, times: 1, fault: { kind: 'hang', commit: true } },
      { ...POST, nth: 2, times: 1, fault: { kind: 'answer', status: 403 } },
    ],
  });
  expect(violations(story)).toEqual([]);
  expect(first).toMatchObject({ changed: true, error: expect.stringContaining('refused another write') });
  expect(story.made.has(first.id)).toBe(true);
});

it('keeps the id of a POST that was sent again after a 429 and then cut short by the timeout', async () => {
  const { story, first } = await run({
    timeoutMs: 12_000,
    faults: [
      { ...POST, nth: 1, times: 1, fault: { kind: 'answer', status: 429, headers: { 'retry-after': '4' } } },
      { ...POST, nth: 2, times: 1, fault: { kind: 'hang', commit: true } },
    ],
  });
  expect(violations(story)).toEqual([]);
  expect(story.made.has(first.id)).toBe(true);
  expect(first.changed).toBe(true);
});

it('removes no row of an account that is added, and names the organization, while the organization is removed', async () => {
  const { story } = await run({
    state: 'absent',
    targets: 'organization',
    spoils: Array.from({ length: 20 }, (_, index) => ({
      method: 'GET',
      nth: index + 1,
      member: 'row.organization_id',
      value: ORGANIZATION,
    })),
    rows: [{ who: 'organization', ...associated }],
    others: [{ atMs: 500, what: 'add', who: 'other' }],
    timelines: [{ disassociateMs: 4000 }],
  });
  expect(violations(story)).toEqual([]);
  expect(story.exchanges.filter(({ method }) => method === 'DELETE')).toHaveLength(1);
});

it.each([30, 60, 600])('notices what settles three seconds before a timeout of %d s', async (seconds) => {
  const { story } = await run({
    timeoutMs: seconds * 1000,
    timelines: [{ associateMs: (seconds - 3) * 1000 }],
  });
  expect(violations(story)).toEqual([]);
  expect(story.success).toBe(true);
});

it('reads large pages again after one answer that was too large', async () => {
  const { story } = await run({
    targets: 2,
    filler: 200,
    timelines: [{ associateMs: 20_000 }, {}],
    faults: [{ ...LIST, nth: 1, times: 1, fault: { kind: 'endless' } }],
  });
  expect(violations(story)).toEqual([]);
  const lists = story.exchanges.filter(
    ({ method, path }) => method === 'GET' && path.endsWith('/recipients'),
  );
  expect(lists.map(({ query }) => query.get('per_page'))).toEqual(
    lists.map((_, index) => (index > 0 && index < 21 ? '10' : '100')),
  );
});

it.each([1, 3])(
  'looks again before it sends what a 429 held back for long (%d accounts)',
  async (targets) => {
    const { story, first, posts } = await run({
      targets,
      faults: [
        {
          ...POST,
          nth: 1,
          times: 1,
          fault: { kind: 'answer', status: 429, headers: { 'retry-after': '200' } },
        },
      ],
      others: [{ atMs: 50_000, what: 'add', who: 0 }],
    });
    expect(violations(story)).toEqual([]);
    expect([story.success, first.changed, story.made.has(first.id)]).toEqual([true, false, false]);
    expect(posts).toBe(targets);
  },
);

it('waits for a leaving row that only such a look shows', async () => {
  const { story, first, said } = await run({
    rows: [{ who: 0, ...leaving, ageMs: 1, settle: { disassociateMs: 230_000 } }],
    lagMs: 100,
    faults: [
      { ...POST, nth: 1, times: 1, fault: { kind: 'answer', status: 429, headers: { 'retry-after': '60' } } },
    ],
  });
  expect(violations(story)).toEqual([]);
  expect([story.success, first.changed]).toEqual([true, true]);
  expect(said).toContain('has an earlier recipient');
});

it('takes no row for usable that it has seen leave, whatever date a lagging read gives it', async () => {
  for (let chance = 0; chance < 40; chance++) {
    const { story } = await run({
      rows: [{ who: 0, ...associated, removedMs: 1000 }],
      timelines: [{ disassociateMs: 500 }],
      lagMs: 5000,
      lagVaries: true,
      spoils: [{ method: 'GET', nth: 2, member: 'row.modified', value: '2099-01-01T00:00:00Z' }],
      chance,
    });
    expect(violations(story)).toEqual([]);
  }
});

it('believes that a row it has made is leaving, also where no date says so', async () => {
  const spoils = Array.from({ length: 20 }, (_, index) => {
    return { method: 'GET' as const, nth: index + 1, member: 'row.modified', value: undefined };
  });
  const { story, first } = await run({
    targets: 2,
    timelines: [{ disassociateMs: 100 }, { associateMs: 8000 }],
    spoils,
    others: [{ atMs: 4000, what: 'remove', who: 0 }],
  });
  expect(violations(story)).toEqual([]);
  expect([story.success, first.error]).toEqual([false, expect.stringContaining('somebody removed it')]);
});

it('uses the requests that are left, although the window is longer than the run', async () => {
  const few = {
    kind: 'answer',
    status: 500,
    body: 'json',
    headers: { ratelimit: '"default";r=3;t=290' },
  } as const;
  const { story } = await run({ timeoutMs: 120_000, faults: [{ ...LIST, nth: 1, times: 1, fault: few }] });
  expect(violations(story)).toEqual([]);
  expect(story.success).toBe(true);
});
