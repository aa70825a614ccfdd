/** What people read, and what was sent, after odd responses of the API. */
import { describe, expect, it } from 'vitest';
import {
  ACCOUNT,
  account,
  ORGANIZATION,
  OTHER,
  SHARE,
  TOKEN,
} from './builders.ts';
import {
  noResponse,
  ok,
  type Reply,
  rejection,
} from './cloudflare/scripted-api.ts';
import {
  A_SHARE,
  byTarget,
  deleteOf,
  EXACT,
  idsOf,
  LIST,
  POST,
  playRun,
  type Respond,
  readOf,
  record,
  several,
  TWO,
  targetOf,
} from './scripted-run.ts';

/** The record of a target that has access. */
const THERE = record('r1', ACCOUNT, 'associated');

const unlisted = (count: number) =>
  idsOf(count).map((id, n) => record(`x${n}`, id, 'associated'));

/** The first list has these records, and the later ones those. */
const lists = (first: object[], later: Reply): Respond => {
  return ({ atMs }) => (atMs === 0 ? ok(first) : later);
};

it('a secret in a documentation URL reaches nobody', async () => {
  const url = `https://developers.cloudflare.com/${TOKEN}`;
  const errors = [{ code: 1099, message: 'said', documentation_url: url }];
  const body = JSON.stringify({ success: false, errors });
  const run = await playRun({ respond: { [POST]: { status: 400, body } } });
  expect(run.success).toBe(false);
  expect(run.text).not.toContain(TOKEN);
});

describe('accounts not removed', () => {
  const tooLate = rejection(429, 971, { 'retry-after': '999' });
  it.each([
    ['rejected', rejection(403, 10000)],
    ['asked to wait past the end', tooLate],
  ])('include those whose DELETE was %s', async (_, reply) => {
    const run = await playRun({
      env: EXACT,
      respond: { DELETE: reply, [LIST]: ok([THERE, ...unlisted(8)]) },
    });
    const ids = idsOf(8).join(', ');
    expect(run.of('error|')[0]).toContain(
      `Not removed, as a list for a run with state: absent: ${ids}. `,
    );
  });

  it('are a list in one annotation only', async () => {
    const run = await playRun({
      env: { ...EXACT, ...TWO },
      respond: {
        [POST]: byTarget({
          [ACCOUNT]: rejection(400, 1099),
          [OTHER]: rejection(403, 10000),
        }),
        [LIST]: ok(unlisted(2)),
      },
    });
    const errors = run.of('error|');
    expect(errors.length).toBeGreaterThan(1);
    expect(
      errors.filter((text) => text.includes('Not removed, as a list')),
    ).toEqual(errors.slice(0, 1));
  });

  it('are a list in an annotation after an internal error, too', async () => {
    const failed = { resource_id: 'p', error: 'gave up', terminal: true };
    const listed = (more: object) => [
      record('r0', account(0), 'associating'),
      record('r1', account(1), 'associating'),
      record('r2', account(2), 'associating', more),
      record('r9', OTHER, 'associated'),
    ];
    const replies = [listed({}), listed({ resources: [failed] })].map((list) =>
      ok(list),
    );
    const run = await playRun({
      env: { ...EXACT, ...several(3) },
      respond: {
        [LIST]: () => {
          const reply = replies.shift();
          if (!reply) throw new Error('surprise');
          return reply;
        },
      },
    });
    expect(run.of('error|').join('')).toContain(
      `Not removed, as a list for a run with state: absent: ${OTHER}`,
    );
  });
});

it('writes that were not carried out have one line each', async () => {
  const run = await playRun({
    env: several(7),
    respond: { [POST]: rejection(403, 10000) },
  });
  const lines = run
    .of('info|')
    .filter((text) => text.includes('not carried out'));
  expect(lines).toHaveLength(3);
});

it('reasons of writes that were not processed are all named', async () => {
  const noRoute = noResponse({
    cause: 'network',
    message: 'no route',
    mayHaveBeenProcessed: false,
    isRetryable: true,
  });
  const run = await playRun({
    env: TWO,
    cancelMs: 500,
    respond: {
      [POST]: byTarget({
        [ACCOUNT]: rejection(429, 971, { 'retry-after': '60' }),
        [OTHER]: noRoute,
      }),
    },
  });
  expect(run.of('error|')[0]).toMatch(
    /; 2 last writes not processed: said \(code 971\), no route\. /,
  );
});

it('a removal of `exact` at a timeout says that it waited for the additions', async () => {
  const run = await playRun({
    env: { ...EXACT, INPUT_TIMEOUT: '20s' },
    respond: {
      [LIST]: ok([record('r1', ACCOUNT, 'associating'), ...unlisted(2)]),
    },
  });
  expect(run.recipients[1].error).toContain(
    '; not removed, because the additions were not complete',
  );
  expect(run.of('summary|').join('')).toContain(
    'not removed, because the additions were not complete',
  );
});

it('writes that a response holds back have one line for each account', async () => {
  let posts = 0;
  const run = await playRun({
    env: { ...several(9), INPUT_TIMEOUT: '40s' },
    respond: {
      [POST]: () => {
        posts++;
        const wait = { 'retry-after': '20', 'cf-ray': 'ray' };
        return posts === 2 ? rejection(525, 1, wait) : 'hang';
      },
    },
  });
  const lines = run.of('info|').filter((text) => text.includes('held back'));
  expect(lines.length).toBeGreaterThan(2);
  expect(lines.length).toBeLessThan(12);
});

it.each([
  [
    'rejected',
    rejection(403, 10000),
    /^info\|The share could not be read: .+403/,
  ],
  ['not read in time', 'hang', /^info\|The share could not be read in time\.$/],
] as const)('a share that was %s is in the log', async (_, reply, line) => {
  const run = await playRun({
    env: { 'INPUT_DRY-RUN': 'true' },
    respond: { GET: reply },
  });
  expect(run.success).toBe(true);
  expect(run.of('info|The share')).toEqual([expect.stringMatching(line)]);
});

it('a share that is listed as active is not in doubt', async () => {
  const gone = rejection(404, 1004);
  const run = await playRun({
    respond: {
      'GET /shares': ok([{ id: SHARE, name: 'Baseline' }]),
      [LIST]: lists([record('r1', ACCOUNT, 'associating')], gone),
      [readOf('r1')]: gone,
    },
  });
  expect(run.of('error|')[0]).toContain(
    'Cloudflare lists this share as active, so this may be temporary.',
  );
});

it('a share that cannot be read costs two seconds', async () => {
  const run = await playRun({ respond: { GET: 'hang', [LIST]: ok([THERE]) } });
  expect(run).toMatchObject({ success: true, tookMs: 2_001 });
});

it('an organization is not gone while a record without an account may be its own', async () => {
  const run = await playRun({
    env: {
      INPUT_STATE: 'absent',
      'INPUT_RECIPIENT-ACCOUNT-ID': '',
      'INPUT_ORGANIZATION-ID': OTHER,
    },
    respond: {
      [LIST]: ok([
        record('r1', OTHER, 'disassociated'),
        record('r2', null, 'associated'),
        record('r3', account(1), 'associated'),
      ]),
    },
  });
  expect(run).toMatchObject({ success: false, status: 'unknown' });
  expect(run.recipients[0].error).toMatch(/it may be r2 \(/);
  expect(run.deletes).toEqual([]);
});

it('an odd record of an account that is being removed fails the poll', async () => {
  let isDeleted = false;
  const run = await playRun({
    env: { ...EXACT, INPUT_TIMEOUT: '60s' },
    respond: {
      DELETE: () => {
        isDeleted = true;
        return ok([]);
      },
      [LIST]: () => {
        const odd = { resources: 5 };
        const gone = record('x0', account(0), 'disassociated', odd);
        return ok([THERE, ...(isDeleted ? [gone] : unlisted(1))]);
      },
    },
  });
  expect(run.deletes).toHaveLength(1);
  expect(run.text).not.toContain('had no effect on this run');
  expect(run.recipients[1].error).toMatch(/`resources`/);
});

describe('resources that failed', () => {
  const gone = {
    resources: [{ resource_id: 'policy', error: 'no', terminal: true }],
  };

  it('are not said to be retried where the account is being removed', async () => {
    const run = await playRun({
      env: { INPUT_STATE: 'absent', INPUT_TIMEOUT: '30s' },
      respond: {
        [LIST]: ok([record('r1', ACCOUNT, 'disassociating', gone)]),
      },
    });
    expect(run.recipients[0].cause).toBe('timeout');
    expect(run.text).not.toContain('Cloudflare is retrying');
  });

  it('of a former recipient are no reason for a warning', async () => {
    const former = { resources: [{ ...gone.resources[0], terminal: false }] };
    const run = await playRun({
      env: { INPUT_TIMEOUT: '30s' },
      respond: {
        [POST]: 'hang',
        [LIST]: ok([record('r1', ACCOUNT, 'disassociated', former)]),
      },
    });
    expect(run.of('warning|')).toEqual([]);
  });
});

describe('a timeout of several accounts', () => {
  it('says how many writes may have been carried out', async () => {
    const run = await playRun({
      env: { ...TWO, INPUT_TIMEOUT: '30s' },
      respond: { [POST]: 'hang' },
    });
    expect(run.of('error|')).toEqual([
      expect.stringContaining(
        '; 2 last writes may have been carried out: no response before the request was ended. ',
      ),
    ]);
  });

  it('says why the last poll failed', async () => {
    const busy = rejection(503, 1, { 'cf-ray': 'ray' });
    const both = [ACCOUNT, OTHER].map((id, n) =>
      record(`r${n}`, id, 'associating'),
    );
    const run = await playRun({
      env: { ...TWO, INPUT_TIMEOUT: '60s' },
      respond: { [LIST]: lists(both, busy) },
    });
    expect(run.of('error|')).toEqual([
      expect.stringMatching(/; the last poll failed: .*HTTP 503/),
    ]);
  });

  it.each([
    [409, 'met another change'],
    [404, 'met a rejection'],
  ])('says that writes met a %i', async (status, what) => {
    const both = [ACCOUNT, OTHER].map((id, n) =>
      record(`r${n}`, id, 'associated'),
    );
    const run = await playRun({
      env: { ...TWO, INPUT_STATE: 'absent', INPUT_TIMEOUT: '8s' },
      respond: { DELETE: rejection(status), [LIST]: ok(both) },
    });
    expect(run.of('error|')).toEqual([
      expect.stringContaining(`; 2 last writes ${what}: said (code 1). `),
    ]);
  });
});

describe('a plan that is rejected', () => {
  it('is not said to be too slow', async () => {
    const run = await playRun({
      env: { INPUT_STATE: 'exact', INPUT_TIMEOUT: '3s' },
      respond: { [LIST]: ok([THERE, ...unlisted(1_500)]) },
    });
    expect(run.of('warning|')).toEqual([]);
  });

  it('because of the share has no advice about removals', async () => {
    const run = await playRun({
      env: EXACT,
      respond: { GET: rejection(403, 5000) },
    });
    const [message] = run.of('error|');
    expect(message).toContain('Nothing was changed. The reason says why');
    expect(message).not.toContain('max-removals');
  });

  it('has no advice about a percentage where nothing listed has access', async () => {
    const run = await playRun({
      env: { INPUT_STATE: 'exact', 'INPUT_MAX-REMOVALS': '100%' },
      respond: { [LIST]: ok([record('x1', OTHER, 'associated')]) },
    });
    const [message] = run.of('error|');
    expect(message).toContain(
      'set max-removals to a number instead of a percentage',
    );
    expect(message).not.toContain('raise max-removals');
  });
});

describe('a dry run that is cancelled', () => {
  const env = { 'INPUT_DRY-RUN': 'true' };

  it('after its plan does not say that anything was done', async () => {
    const run = await playRun({ env, cancelMs: 500, respond: { GET: 'hang' } });
    expect(run.success).toBe(false);
    expect(run.of('error|')).toEqual([
      expect.stringMatching(
        /\|The plan is complete, but the share was not checked\./,
      ),
    ]);
  });

  it('before its plan has not planned anything', async () => {
    const respond = { [LIST]: 'hang' } as const;
    const run = await playRun({ env, cancelMs: 100, respond });
    expect(run.of('summary|')[0]).toMatch(/not planned<\/td>/);
  });
});

it.each([429, 501])(
  'a %i that did not come from Cloudflare is not blamed on it',
  async (status) => {
    const headers = { 'content-type': 'text/html', 'retry-after': '3600' };
    const body = '<title>Proxy</title>';
    const run = await playRun({
      respond: { [LIST]: { status, headers, body } },
    });
    const [message] = run.of('error|');
    expect(message).toMatch(/^error\|Request blocked before the API\|/);
    expect(message).not.toMatch(/Cloudflare asks|cloudflarestatus/);
  },
);

it('a removal that is not awaited is not logged as an association', async () => {
  const run = await playRun({
    env: { ...EXACT, INPUT_WAIT: 'false' },
    respond: { DELETE: ok({}), [LIST]: ok([THERE, ...unlisted(1)]) },
  });
  expect(run.text).toMatch(
    /: removal accepted, not awaited: still associated after /,
  );
});

describe('advice after the list was read', () => {
  const proxyFailure = noResponse({
    cause: 'proxy',
    message: 'rejected with HTTP 403',
    mayHaveBeenProcessed: false,
    isRetryable: false,
  });

  it.each<[string, Reply, Reply, RegExp]>([
    ['a wrong account', rejection(400, 7003), ok([]), /account-id and api-url/],
    [
      'a wrong share',
      ok([]),
      rejection(404, 1004),
      /Check share-id, and that account-id owns/,
    ],
    ['a wrong proxy', ok([]), proxyFailure, /Check the address/],
  ])('does not speak of %s', async (_, post, later, advice) => {
    const run = await playRun({
      env: TWO,
      respond: {
        [POST]: post,
        [LIST]: lists([record('r1', OTHER, 'associating')], later),
      },
    });
    expect(run.success).toBe(false);
    expect(run.text).not.toMatch(advice);
  });
});

it.each([
  ['present', 'associating'],
  ['absent', 'disassociating'],
])(
  'a dry run without waiting does not say that %s would be awaited',
  async (state, status) => {
    const run = await playRun({
      env: { INPUT_STATE: state, 'INPUT_DRY-RUN': 'true', INPUT_WAIT: 'false' },
      respond: { [LIST]: ok([record('r1', ACCOUNT, status)]) },
    });
    expect(run.text).toContain(
      'Result: 1 account under way, would not be awaited;',
    );
  },
);

it('progress without waiting does not say that an account is associated', async () => {
  const run = await playRun({
    env: { ...TWO, INPUT_WAIT: 'false', INPUT_TIMEOUT: '30s' },
    respond: {
      [POST]: ok(record('r1', ACCOUNT, 'associating')),
      [LIST]: ok([record('r2', OTHER, 'disassociating')]),
    },
  });
  expect(run.of('info|1 of 2')).toEqual([
    expect.stringMatching(/^info\|1 of 2 added, \d+ s left$/),
  ]);
});

it('what held back several accounts is counted for each reason', async () => {
  const run = await playRun({
    env: { ...several(6), INPUT_TIMEOUT: '9s' },
    cancelMs: 500,
    respond: { [POST]: rejection(429, 971, { 'retry-after': '4' }) },
  });
  const [message] = run.of('error|');
  expect(message).toMatch(/; 4 last writes not processed: /);
  expect(message).toMatch(/; 2 writes held back for 4 s, as requested/);
});

it('a rejection that asks to wait past the end says so', async () => {
  const run = await playRun({
    env: several(6),
    respond: { [POST]: rejection(400, 1, { 'retry-after': '3600' }) },
  });
  expect(run.recipients[5]).toMatchObject({
    cause: 'stopped',
    error: expect.stringMatching(/asks to wait 1 h, with 9 m 59 s left/),
  });
});

it('a write and a read with one code have advice of their own', async () => {
  const denied = rejection(403, 10000);
  const run = await playRun({
    env: TWO,
    respond: {
      [POST]: denied,
      [LIST]: lists([record('r1', ACCOUNT, 'associating')], denied),
      [readOf('r1')]: denied,
    },
  });
  const titles = run.of('error|').map((text) => text.split('|')[1]);
  expect(titles).toEqual([
    'Authentication failed',
    'Credentials can only read',
  ]);
});

describe('a limit of something in between', () => {
  const limit = (seconds: number) => ({
    status: 429,
    headers: { 'retry-after': String(seconds) },
    body: '<title>Proxy</title>',
  });

  it('is not said to be that of Cloudflare', async () => {
    const run = await playRun({
      respond: {
        [LIST]: ({ atMs }) => (atMs < 5_000 ? limit(5) : ok([THERE])),
      },
    });
    expect(run).toMatchObject({ success: true, tookMs: 5_002 });
    expect(run.text).toMatch(
      /HTTP 429, not from Cloudflare .*; retrying in 5.0 s/,
    );
    expect(run.text).not.toContain('Rate limit reached');
  });

  it('holds back every request', async () => {
    const times: number[] = [];
    await playRun({
      respond: ({ name, atMs }) => {
        times.push(atMs);
        return name === POST && atMs < 10_000 ? limit(20) : undefined;
      },
    });
    const [limited = 0, next = 0] = times.slice(2);
    expect(next - limited).toBeGreaterThanOrEqual(20_000);
  });
});

describe('`exact` removes an account, and meanwhile', () => {
  const play = (late: object) => {
    const gone = record('x0', account(0), 'disassociated');
    return playRun({
      env: EXACT,
      respond: {
        GET: ok({ ...A_SHARE, organization_id: ORGANIZATION }),
        DELETE: ok({}),
        [LIST]: lists([THERE, ...unlisted(1)], ok([THERE, gone, late])),
      },
    });
  };

  it.each([
    ['without an account', null, 'new (account unknown)'],
    ['of the organization', ORGANIZATION, `new (account ${ORGANIZATION})`],
  ])(
    'a recipient %s appears: it is not said to be removed next time',
    async (_, id, name) => {
      const run = await play(record('new', id, 'associated'));
      const [warning] = run.of('warning|');
      expect(warning).toContain(name);
      expect(warning).not.toContain('Run again');
    },
  );

  it('a later recipient of it appears: log and summary say that, and not that it was associated', async () => {
    const run = await play(record('new', account(0), 'associated'));
    expect(run.text).toContain(
      ': removed, but recipient new, which appeared later, is associated after ',
    );
    expect(run.of('summary|').join('')).toContain(
      '- removed, but another recipient appeared',
    );
  });
});

it('a lost reply is no news where the list shows what the write did', async () => {
  const run = await playRun({
    env: { ...TWO, INPUT_TIMEOUT: '30s' },
    respond: {
      [POST]: noResponse(),
      [LIST]: lists(
        [],
        ok([
          record('r1', ACCOUNT, 'associating'),
          record('r2', OTHER, 'associating'),
        ]),
      ),
    },
  });
  expect(run.recipients[0].cause).toBe('timeout');
  expect(run.of('error|')[0]).not.toContain('may have been carried out');
  expect(run.recipients[0].error).not.toContain('may have been carried out');
});

it('the reason of a server that ends with a period ends with one', async () => {
  const resources = [{ resource_id: 'p', error: 'No seat.', terminal: true }];
  const run = await playRun({
    respond: {
      [LIST]: ok([record('r1', ACCOUNT, 'associated', { resources })]),
    },
  });
  expect(run.of('error|')[0]).toContain('|resource p: No seat. Fix the cause');
});

it.each([{}, TWO])(
  'a timeout before an absence is confirmed says what is missing: %j',
  async (ids) => {
    const run = await playRun({
      env: { ...ids, INPUT_STATE: 'absent', INPUT_TIMEOUT: '5s' },
    });
    expect(run.of('error|')[0]).toMatch(
      /not a recipient for .*; a second list, ten seconds after the first, must confirm that\. /,
    );
  },
);

/** A list to which every POST adds a record with a status. */
function addable(status: string, more: object = {}): Respond {
  const records = new Map<string, object>();
  return (request) => {
    if (request.name === LIST) return ok([...records.values()]);
    if (request.name !== POST) {
      const known = records.get(request.name.replace(`${LIST}/`, ''));
      return known && ok(known);
    }
    const id = `r${records.size + 1}`;
    const added = record(id, targetOf(request), status, more);
    records.set(id, added);
    return ok(added);
  };
}

describe('credentials that fail for a write', () => {
  const denied = rejection(403, 10000);

  it('have not been read-only where a write was accepted before', async () => {
    const add = addable('associated');
    const run = await playRun({
      env: several(6),
      respond: (request) =>
        byTarget({ [account(5)]: denied })(request) ?? add(request),
    });
    expect(run.of('error|')).toEqual([
      expect.stringMatching(
        /^error\|Authentication failed\|.*The credentials worked earlier in this run\./,
      ),
    ]);
  });

  it('are not waited for with what a POST has to follow', async () => {
    const run = await playRun({
      env: TWO,
      respond: {
        [POST]: denied,
        [LIST]: ok([record('r2', OTHER, 'disassociating')]),
      },
    });
    expect(run.causes).toEqual(['authentication', 'stopped']);
    expect(run.tookMs).toBeLessThan(5_000);
  });
});

describe('resources that Cloudflare is retrying', () => {
  const retried = (count: number) => ({
    resources: Array.from({ length: count }, (_, n) => ({
      resource_id: `p${n}`,
      error: 'Temporary',
      terminal: false,
    })),
  });
  const env = { INPUT_TIMEOUT: '40s' };

  it('are the reason of several accounts in progress and at the timeout', async () => {
    const run = await playRun({
      env: { ...TWO, ...env },
      respond: addable('associated', retried(1)),
    });
    expect(run.of('info|')).toContainEqual(
      expect.stringMatching(
        /^info\|2 of 2 associated, \d+ s left; Cloudflare is retrying resources of 2 accounts$/,
      ),
    );
    expect(run.of('error|')).toEqual([
      expect.stringMatching(
        /Cloudflare is retrying resources of 2 accounts, such as resource p0: Temporary/,
      ),
    ]);
  });

  it('are the reason of a single account in progress', async () => {
    const respond = addable('associated', retried(1));
    const run = await playRun({ env, respond });
    expect(run.of('info|')).toContainEqual(
      expect.stringMatching(
        /^info\|still associated after \d+ s, \d+ s left; Cloudflare is retrying 1 resource$/,
      ),
    );
  });

  it('include those that a record only counts', async () => {
    const there = ok(record('r1', ACCOUNT, 'associated', retried(25)));
    const run = await playRun({
      env,
      respond: {
        [LIST]: ok([record('r1', ACCOUNT, 'associated', retried(25))]),
        [readOf('r1')]: there,
      },
    });
    const counted = run
      .of('info|')
      .filter((line) => line.includes('retrying 25 resources'));
    // In the plan, and in the progress.
    expect(counted.length).toBeGreaterThan(1);
  });
});

it('a share that is not found any more is one for which shares are named, whatever the first target is', async () => {
  const run = await playRun({
    env: TWO,
    respond: {
      'GET /shares': ok([{ ...A_SHARE, id: 's2', name: 'Extra' }]),
      [POST]: noResponse(),
      [LIST]: lists([THERE], rejection(404, 1004)),
    },
  });
  expect(run.recipients[0]).toMatchObject({ cause: null });
  expect(run.of('error|')[0]).toContain('Shares of this account: "Extra" (s2)');
});

it('a timeout says that one removal was rejected while it is not known what came of another', async () => {
  const run = await playRun({
    env: { INPUT_STATE: 'absent', INPUT_TIMEOUT: '20s' },
    respond: {
      [deleteOf('r1')]: rejection(404, 1004),
      [deleteOf('r2')]: noResponse(),
      [LIST]: ok([THERE, record('r2', ACCOUNT, 'associated')]),
    },
  });
  const [error] = run.of('error|');
  expect(error).toContain('a removal may have been carried out: ');
  expect(error).toContain('; 1 removal met a rejection: said (code 1004)');
});

it('an account that has to be associated again counts in the progress', async () => {
  const again = record('r1', ACCOUNT, 'associating');
  const other = record('r2', OTHER, 'associated');
  const run = await playRun({
    env: { ...TWO, INPUT_TIMEOUT: '40s' },
    respond: {
      [readOf('r1')]: ok(again),
      [readOf('r2')]: ok(other),
      [LIST]: lists(
        [THERE, record('r2', OTHER, 'associating')],
        ok([again, other]),
      ),
    },
  });
  expect(run.of('info|')).toContainEqual(
    expect.stringMatching(/^info\|1 of 2 associated, \d+ s left$/),
  );
});

it('advice is that of its own reason, with the page that Cloudflare names', async () => {
  const page = 'https://developers.cloudflare.com/two';
  const errors = [{ code: 1000, message: 'said', documentation_url: page }];
  const body = JSON.stringify({ success: false, errors });
  const run = await playRun({
    env: TWO,
    respond: {
      [POST]: byTarget({
        [ACCOUNT]: rejection(401, 10001),
        [OTHER]: { status: 401, body },
      }),
    },
  });
  const [summary = ''] = run.of('summary|');
  expect(summary).toMatch(/This code is often temporary/);
  expect(summary).toMatch(/have been revoked or have expired/);
  expect(summary).toContain(`<a href="${page}">`);
});

it('a retry that a cancellation prevents is not counted', async () => {
  const run = await playRun({
    cancelMs: 100,
    respond: { [LIST]: noResponse() },
  });
  expect(run.requests).toHaveLength(2);
  expect(run.of('info|').at(-1)).toMatch(/, 2 requests$/);
});

describe('a removal, where a poll fails for good,', () => {
  const denied = rejection(403, 10000);

  it('was not the reason, if it has not begun', async () => {
    const run = await playRun({
      env: EXACT,
      respond: {
        [POST]: ok(record('new', ACCOUNT, 'associating')),
        [LIST]: lists(unlisted(1), denied),
      },
    });
    expect(run.recipients).toMatchObject([
      { desired: 'present', cause: 'authentication' },
      { desired: 'absent', cause: 'stopped' },
    ]);
    expect(run.of('error|')).toHaveLength(1);
  });

  it('has begun, even if Cloudflare did not process it', async () => {
    const run = await playRun({
      env: { ...EXACT, 'INPUT_MAX-REMOVALS': '2' },
      respond: {
        [deleteOf('x0')]: ok(record('x0', account(0), 'disassociating')),
        [deleteOf('x1')]: rejection(429, 971),
        [LIST]: lists([THERE, ...unlisted(2)], denied),
      },
    });
    expect(run.recipients).toMatchObject([
      { desired: 'present', cause: null },
      { desired: 'absent', cause: 'authentication' },
      { desired: 'absent', cause: 'authentication' },
    ]);
  });
});

it('a removal that was attempted has an annotation, although its next turn was held back', async () => {
  const run = await playRun({
    env: { ...EXACT, 'INPUT_MAX-REMOVALS': '2' },
    cancelMs: 20_000,
    respond: {
      [deleteOf('x0')]: rejection(400, 1099),
      [deleteOf('x1')]: rejection(525, 971, { 'retry-after': '60' }),
      [LIST]: ok([THERE, ...unlisted(2)]),
    },
  });
  expect(run.of('error|')).toHaveLength(2);
});

it('a cancellation, not the response that was on its way, leaves no time for the next writes', async () => {
  const run = await playRun({
    env: several(6),
    cancelMs: 500,
    delayMs: ({ name }) => (name === POST ? 700 : 1),
    respond: { [POST]: rejection(429, 971, { 'retry-after': '5' }) },
  });
  expect(run.causes).toEqual(Array(6).fill('cancelled'));
  expect(run.of('error|')).toEqual([
    expect.stringContaining('4 last writes not processed'),
  ]);
});

it('a list whose line breaks were removed shows no part of a key that is in it', async () => {
  const key = '0123456789abcdef0123456789ABCDEF01234';
  const run = await playRun({
    env: {
      'INPUT_API-TOKEN': '',
      'INPUT_API-EMAIL': 'a@example.com',
      'INPUT_API-KEY': key,
      'INPUT_RECIPIENT-ACCOUNT-ID': `${ACCOUNT} # ${key}`,
    },
  });
  expect(run.requests).toEqual([]);
  expect(run.text).toContain('expected no account ID in a comment');
  for (const part of [key.slice(-32), key.slice(0, 32)]) {
    expect(run.text.toLowerCase()).not.toContain(part.toLowerCase());
  }
});

it('a share that was never listed was not "read before"', async () => {
  const run = await playRun({ respond: { [LIST]: rejection(404, 1004) } });
  expect(run.text).not.toContain('has read its list before');
});

it('shares of the owner that are not named are counted', async () => {
  const shares = Array.from({ length: 9 }, (_, n) => ({
    id: `s${n}`,
    name: `S${n}`,
  }));
  const gone = rejection(404, 1004);
  const run = await playRun({
    respond: { 'GET /shares': ok(shares), GET: gone, [LIST]: gone },
  });
  expect(run.text).toContain('"S4" (s4) and 4 more');
});

it('a list follows at once only where a write waits for it', async () => {
  const posted: string[] = [];
  const times: [string, number][] = [];
  await playRun({
    env: TWO,
    respond: (request) => {
      const { name, atMs } = request;
      times.push([name, atMs]);
      const status = atMs > 80_000 ? 'associated' : 'associating';
      if (name === LIST) {
        const left = posted.length === 0 ? 1 : 1_000;
        const ratelimit = `"default";r=${left};t=60`;
        const list = posted.map((id) => record(`r-${id}`, id, status));
        return { ...ok(list), headers: { 'cf-ray': 'ray', ratelimit } };
      }
      if (name !== POST) return undefined;
      posted.push(targetOf(request));
      return ok(record(`r-${targetOf(request)}`, targetOf(request), status));
    },
  });
  const last = times.findLastIndex(([name]) => name === POST);
  const [[, postMs], [, nextMs]] = times.slice(last) as [
    [string, number],
    [string, number],
  ];
  expect(nextMs - postMs).toBeGreaterThan(500);
});

it('removals that nothing explains come before fewer failures', async () => {
  const headers = { 'cf-ray': 'ray', ratelimit: '"default";r=3;t=290' };
  const run = await playRun({
    env: { ...EXACT, 'INPUT_MAX-REMOVALS': '20' },
    cancelMs: 170_000,
    respond: {
      DELETE: { ...rejection(400, 1234), headers },
      [LIST]: { ...ok([THERE, ...unlisted(14)]), headers },
    },
  });
  const counts = run.seen.filter((line) => /^info\|\d+ accounts?: /.test(line));
  expect(counts[0]).toMatch(/^info\|1\d accounts: Run cancelled/);
});

describe('a block of the rate limit', () => {
  it('that each list leads to does not keep writes from being sent', async () => {
    const headers = { ratelimit: '"burst";r=0;t=1', 'cf-ray': 'ray' };
    const one = (status: string) => ok(record('r1', ACCOUNT, status));
    const run = await playRun({
      respond: {
        [LIST]: { ...ok([]), headers },
        [POST]: { ...one('associating'), headers },
        [readOf('r1')]: { ...one('associated'), headers },
      },
    });
    expect(run.success).toBe(true);
  });

  it('is not waited for to name shares in an advice', async () => {
    const headers = { ratelimit: '"default";r=0;t=290', 'cf-ray': 'ray' };
    const run = await playRun({
      respond: { [LIST]: { ...rejection(404, 1004), headers } },
    });
    expect(run.tookMs).toBeLessThan(5_000);
  });

  it('for the share does not hide that the list was rejected', async () => {
    const run = await playRun({
      env: EXACT,
      respond: {
        GET: rejection(429, 971, { 'retry-after': '290' }),
        [LIST]: rejection(403, 10000),
      },
    });
    expect(run.tookMs).toBeLessThan(5_000);
    expect(run.causes[0]).toBe('authentication');
  });
});
