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
  EXACT,
  LIST,
  POST,
  playRun,
  type Request,
  record,
  TWO,
  targetOf,
} from './scripted-run.ts';

const DELETE = /^DELETE/;
/** The record of a target that has access. */
const THERE = record('r1', ACCOUNT, 'associated');

type Respond = NonNullable<Parameters<typeof playRun>[0]['respond']>;

/** Responds to the requests of one name. */
const on =
  (name: string, reply: ReturnType<Respond>): Respond =>
  (request) =>
    request.name === name ? reply : undefined;

/** The list has these records. */
const listing = (...records: object[]): Respond => on(LIST, ok(records));

const unlisted = (count: number) =>
  Array.from({ length: count }, (_, n) =>
    record(`x${n}`, account(n), 'associated'),
  );

it('a secret in a documentation URL reaches nobody', async () => {
  const url = `https://developers.cloudflare.com/${TOKEN}`;
  const errors = [{ code: 1099, message: 'said', documentation_url: url }];
  const body = JSON.stringify({ success: false, errors });
  const run = await playRun({
    respond: on(POST, { status: 400, body }),
  });
  expect(run.success).toBe(false);
  expect(run.text).not.toContain(TOKEN);
});

describe('accounts not removed', () => {
  it.each([
    ['rejected', rejection(403, 10000)],
    [
      'asked to wait past the end',
      rejection(429, 971, { 'retry-after': '999' }),
    ],
  ])('include those whose DELETE was %s', async (_, reply) => {
    const run = await playRun({
      env: EXACT,
      respond: (request) =>
        DELETE.test(request.name)
          ? reply
          : listing(THERE, ...unlisted(8))(request),
    });
    const ids = Array.from({ length: 8 }, (_, n) => account(n));
    expect(run.of('error|')[0]).toContain(
      `Not removed, as a list for a run with state: absent: ${ids.join(', ')}. `,
    );
  });
});

it('accounts that were not removed are a list in one annotation only', async () => {
  const run = await playRun({
    env: { ...EXACT, ...TWO },
    respond: (request) => {
      const isFirst = request.name === POST && targetOf(request) === ACCOUNT;
      if (isFirst) return rejection(400, 1099);
      if (request.name === POST) return rejection(403, 10000);
      return listing(...unlisted(2))(request);
    },
  });
  const lists = run
    .of('error|')
    .filter((text) => text.includes('Not removed, as a list'));
  expect(run.of('error|').length).toBeGreaterThan(1);
  expect(lists).toEqual(run.of('error|').slice(0, 1));
});

it('accounts that were not removed are a list in an annotation after an internal error, too', async () => {
  const listed = [account(1), account(2), account(3)];
  let lists = 0;
  const run = await playRun({
    env: { ...EXACT, 'INPUT_RECIPIENT-ACCOUNT-ID': listed.join(' ') },
    respond: ({ name }) => {
      if (name !== LIST) return undefined;
      lists++;
      if (lists > 2) throw new Error('surprise');
      const failed = { resource_id: 'p', error: 'gave up', terminal: true };
      const more = lists > 1 ? { resources: [failed] } : {};
      return ok([
        record('r1', account(1), 'associating'),
        record('r2', account(2), 'associating'),
        record('r3', account(3), 'associating', more),
        record('r9', OTHER, 'associated'),
      ]);
    },
  });
  expect(run.of('error|').join('')).toContain(
    `Not removed, as a list for a run with state: absent: ${OTHER}`,
  );
});

it('writes that were not carried out have one line each', async () => {
  const ids = Array.from({ length: 7 }, (_, n) => account(n));
  const run = await playRun({
    env: { 'INPUT_RECIPIENT-ACCOUNT-ID': ids.join(' ') },
    respond: on(POST, rejection(403, 10000)),
  });
  const lines = run
    .of('info|')
    .filter((text) => text.includes('not carried out'));
  expect(lines).toHaveLength(3);
});

it('reasons of writes that were not processed are all named', async () => {
  const replies = [
    rejection(429, 971, { 'retry-after': '60' }),
    noResponse({
      cause: 'network',
      message: 'no route',
      mayHaveBeenProcessed: false,
      isRetryable: true,
    }),
  ];
  const run = await playRun({
    env: TWO,
    cancelMs: 500,
    respond: ({ name }) => (name === POST ? replies.shift() : undefined),
  });
  expect(run.of('error|')[0]).toMatch(
    /; 2 last writes not processed: said \(code 971\), no route\. /,
  );
});

it('a removal of `exact` at a timeout says that it waited for the additions', async () => {
  const run = await playRun({
    env: { ...EXACT, INPUT_TIMEOUT: '20s' },
    respond: listing(record('r1', ACCOUNT, 'associating'), ...unlisted(2)),
  });
  expect(run.recipients[1].error).toContain(
    '; not removed, because the additions were not complete',
  );
  expect(run.of('summary|').join('')).toContain(
    'not removed, because the additions were not complete',
  );
});

it('a removed account with a later recipient says so in the summary', async () => {
  const run = await playRun({
    env: EXACT,
    respond: ({ name, atMs }) => {
      if (DELETE.test(name)) return ok({});
      if (name !== LIST) return undefined;
      return atMs === 0
        ? ok([THERE, ...unlisted(1)])
        : ok([
            THERE,
            record('x0', account(0), 'disassociated'),
            record('x9', account(0), 'associated'),
          ]);
    },
  });
  expect(run.of('summary|').join('')).toContain(
    '- removed, but another recipient appeared',
  );
});

it('writes that a response holds back have one line for each account', async () => {
  const ids = Array.from({ length: 9 }, (_, n) => account(n));
  let posts = 0;
  const run = await playRun({
    env: { 'INPUT_RECIPIENT-ACCOUNT-ID': ids.join(' '), INPUT_TIMEOUT: '40s' },
    respond: ({ name }) => {
      if (name !== POST) return undefined;
      posts++;
      const wait = { 'retry-after': '20', 'cf-ray': 'ray' };
      return posts === 2 ? rejection(525, 1, wait) : 'hang';
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
    respond: on('GET', reply),
  });
  expect(run.success).toBe(true);
  expect(run.of('info|The share')).toEqual([expect.stringMatching(line)]);
});

it('a share that is listed as active is not in doubt', async () => {
  const run = await playRun({
    respond: ({ name, atMs }) => {
      if (name === 'GET /shares') return ok([{ id: SHARE, name: 'Baseline' }]);
      if (name === 'GET') return undefined;
      return atMs === 0
        ? ok([record('r1', ACCOUNT, 'associating')])
        : rejection(404, 1004);
    },
  });
  expect(run.of('error|')[0]).toContain(
    'Cloudflare lists this share as active, so this may be temporary.',
  );
});

it('a write that was sent is not called "not attempted" when credentials fail for another', async () => {
  const run = await playRun({
    env: TWO,
    respond: (request) => {
      if (request.name !== POST) return undefined;
      return targetOf(request) === ACCOUNT
        ? rejection(502)
        : rejection(403, 10000);
    },
  });
  expect(run.recipients).toMatchObject([
    { cause: 'server', error: expect.not.stringContaining('not carried out') },
    { cause: 'authentication' },
  ]);
  expect(run.of('error|')).toHaveLength(2);
});

it('a share that cannot be read costs two seconds', async () => {
  const run = await playRun({
    respond: (request) =>
      request.name === 'GET' ? 'hang' : listing(THERE)(request),
  });
  expect(run).toMatchObject({ success: true, tookMs: 2_001 });
});

it('an organization is not gone while a record without an account may be its own', async () => {
  const run = await playRun({
    env: {
      INPUT_STATE: 'absent',
      'INPUT_RECIPIENT-ACCOUNT-ID': '',
      'INPUT_ORGANIZATION-ID': OTHER,
    },
    respond: listing(
      record('r1', OTHER, 'disassociated'),
      record('r2', null, 'associated'),
      record('r3', account(1), 'associated'),
    ),
  });
  expect(run).toMatchObject({ success: false, status: 'unknown' });
  expect(run.recipients[0].error).toMatch(/it may be r2 \(/);
  expect(run.requests.filter((name) => DELETE.test(name))).toEqual([]);
});

describe('pages', () => {
  const byPage = (first: object[], second: object[]) => (request: Request) => {
    if (request.name === POST) return ok(record('new', ACCOUNT, 'associating'));
    if (request.name === `${LIST}/new`)
      return ok(record('new', ACCOUNT, 'associated'));
    if (request.name !== LIST) return undefined;
    const shown = request.url.includes('page=2') ? second : first;
    return ok(shown, { result_info: { per_page: 2 } });
  };

  it('of different age show a record as it was changed last', async () => {
    const gone = { modified: '2026-01-02T00:00:00Z' };
    const old = { modified: '2026-01-01T00:00:00Z' };
    const run = await playRun({
      respond: byPage(
        [
          record('x1', account(1), 'associated'),
          record('r1', ACCOUNT, 'disassociated', gone),
        ],
        [record('r1', ACCOUNT, 'associated', old)],
      ),
    });
    expect(run.requests).toContain(POST);
  });

  it('fail the read where no record of a full one has an ID', async () => {
    const odd = [record('', account(1), 'x'), record('', account(2), 'x')];
    const run = await playRun({ respond: byPage(odd, []) });
    expect(run.success).toBe(false);
    expect(run.requests).not.toContain(POST);
  });

  it('go on after one that nobody can decode', async () => {
    const run = await playRun({
      respond: byPage(
        [record('x1', account(1), ''), record('x2', account(2), '')],
        [THERE],
      ),
    });
    expect(run.success).toBe(true);
    expect(run.requests).not.toContain(POST);
  });
});

it('an odd record of an account that is being removed fails the poll', async () => {
  let isDeleted = false;
  const run = await playRun({
    env: { ...EXACT, INPUT_TIMEOUT: '60s' },
    respond: ({ name }) => {
      if (DELETE.test(name)) isDeleted = true;
      if (name !== LIST) return undefined;
      const gone = record('x0', account(0), 'disassociated', { resources: 5 });
      const [there] = unlisted(1);
      return ok([THERE, isDeleted ? gone : there]);
    },
  });
  expect(run.requests.filter((name) => DELETE.test(name))).toHaveLength(1);
  expect(run.text).not.toContain('had no effect on this run');
  expect(run.recipients[1].error).toMatch(/`resources`/);
});

it('a request to wait past the end of the step stops all writes', async () => {
  const ids = Array.from({ length: 6 }, (_, n) => account(n));
  const run = await playRun({
    env: { 'INPUT_RECIPIENT-ACCOUNT-ID': ids.join(' ') },
    respond: on(
      POST,
      rejection(503, 1, { 'retry-after': '3600', 'cf-ray': 'ray' }),
    ),
  });
  expect(run.success).toBe(false);
  expect(run.tookMs).toBeLessThan(30_000);
  const causes = run.recipients.map(({ cause }: { cause: string }) => cause);
  expect(causes).toEqual([...Array(4).fill('server'), 'stopped', 'stopped']);
  expect(run.recipients[5].error).toMatch(/asks to wait 1 h/);
});

describe('resources that failed', () => {
  const gone = {
    resources: [{ resource_id: 'policy', error: 'no', terminal: true }],
  };

  it('are not said to be retried where the account is being removed', async () => {
    const run = await playRun({
      env: { INPUT_STATE: 'absent', INPUT_TIMEOUT: '30s' },
      respond: listing(record('r1', ACCOUNT, 'disassociating', gone)),
    });
    expect(run.recipients[0].cause).toBe('timeout');
    expect(run.text).not.toContain('Cloudflare is retrying');
  });

  it('of a former recipient are no reason for a warning', async () => {
    const former = { resources: [{ ...gone.resources[0], terminal: false }] };
    const run = await playRun({
      env: { INPUT_TIMEOUT: '30s' },
      respond: (request) =>
        request.name === POST
          ? 'hang'
          : listing(record('r1', ACCOUNT, 'disassociated', former))(request),
    });
    expect(run.of('warning|')).toEqual([]);
  });
});

describe('a timeout of several accounts', () => {
  it('says how many writes may have been carried out', async () => {
    const run = await playRun({
      env: { ...TWO, INPUT_TIMEOUT: '30s' },
      respond: on(POST, 'hang'),
    });
    expect(run.of('error|')).toEqual([
      expect.stringContaining(
        '; 2 last writes may have been carried out: no response before ',
      ),
    ]);
  });

  it('says why the last poll failed', async () => {
    const run = await playRun({
      env: { ...TWO, INPUT_TIMEOUT: '60s' },
      respond: ({ name, atMs }) => {
        if (name !== LIST) return undefined;
        if (atMs > 0) return rejection(503, 1, { 'cf-ray': 'ray' });
        const ids = [ACCOUNT, OTHER];
        return ok(ids.map((id, n) => record(`r${n}`, id, 'associating')));
      },
    });
    expect(run.of('error|')).toEqual([
      expect.stringMatching(/; the last poll failed: .*HTTP 503/),
    ]);
  });
});

describe('a plan that is rejected', () => {
  it('is not said to be too slow', async () => {
    const run = await playRun({
      env: { INPUT_STATE: 'exact', INPUT_TIMEOUT: '3s' },
      respond: listing(THERE, ...unlisted(1_500)),
    });
    expect(run.of('warning|')).toEqual([]);
  });

  it('because of the share has no advice about removals', async () => {
    const run = await playRun({
      env: EXACT,
      respond: on('GET', rejection(403, 5000)),
    });
    const [message] = run.of('error|');
    expect(message).toContain('Nothing was changed. The reason says why');
    expect(message).not.toContain('max-removals');
  });
});

it('a dry run that is cancelled after its plan does not say that anything was done', async () => {
  const run = await playRun({
    env: { 'INPUT_DRY-RUN': 'true' },
    cancelMs: 500,
    respond: on('GET', 'hang'),
  });
  expect(run.success).toBe(false);
  expect(run.of('error|')).toEqual([
    expect.stringMatching(
      /\|The plan is complete, but the share was not checked\./,
    ),
  ]);
});

it.each([429, 501])(
  'a %i that did not come from Cloudflare is not blamed on it',
  async (status) => {
    const headers = { 'content-type': 'text/html', 'retry-after': '3600' };
    const run = await playRun({
      respond: on(LIST, { status, headers, body: '<title>Proxy</title>' }),
    });
    const [message] = run.of('error|');
    expect(message).toMatch(/^error\|Request blocked before the API\|/);
    expect(message).not.toMatch(/Cloudflare asks|cloudflarestatus/);
  },
);

it('a removal that is not awaited is not logged as an association', async () => {
  const run = await playRun({
    env: { ...EXACT, INPUT_WAIT: 'false' },
    respond: (request) =>
      DELETE.test(request.name)
        ? ok({})
        : listing(THERE, ...unlisted(1))(request),
  });
  expect(run.text).toMatch(
    /: removal accepted, not awaited: still associated after /,
  );
});

describe('a list that cannot be read after a write', () => {
  const after = (reply: ReturnType<typeof rejection> | 'hang') =>
    playRun({
      respond: ({ name, atMs }) => {
        if (name === POST) return reply;
        return name === LIST && atMs > 0 ? rejection(403, 10000) : undefined;
      },
    });

  it('does not hide that the write was rejected', async () => {
    const run = await after(rejection(400, 1099));
    expect(run.recipients[0]).toMatchObject({
      cause: 'rejected',
      error: expect.stringMatching(/POST …\/recipients, HTTP 400/),
    });
  });

  it('does not hide that the write may have been carried out', async () => {
    const run = await after('hang');
    expect(run.recipients[0]).toMatchObject({
      cause: 'authentication',
      error: expect.stringMatching(
        /; the last write may have been carried out/,
      ),
    });
  });
});

describe('advice after the list was read', () => {
  const proxyFailure = noResponse({
    cause: 'proxy',
    message: 'rejected with HTTP 403',
    mayHaveBeenProcessed: false,
    isRetryable: false,
  });
  const later = (name: string, reply: Reply) =>
    playRun({
      env: TWO,
      respond: (request) => {
        if (request.name === LIST && request.atMs === 0)
          return ok([record('r1', OTHER, 'associating')]);
        return request.name === name ? reply : undefined;
      },
    });

  it.each<[string, string, Reply, RegExp]>([
    ['a wrong account', POST, rejection(400, 7003), /account-id and api-url/],
    [
      'a wrong share',
      LIST,
      rejection(404, 1004),
      /Check share-id, and that account-id owns/,
    ],
    ['a wrong proxy', LIST, proxyFailure, /Check the address/],
  ])('does not speak of %s', async (_, name, reply, advice) => {
    const run = await later(name, reply);
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
      respond: ({ name }) =>
        name === LIST ? ok([record('r1', ACCOUNT, status)]) : undefined,
    });
    expect(run.text).toContain(
      'Result: 1 account under way, would not be awaited;',
    );
  },
);

it('progress without waiting does not say that an account is associated', async () => {
  const run = await playRun({
    env: { ...TWO, INPUT_WAIT: 'false', INPUT_TIMEOUT: '30s' },
    respond: ({ name }) => {
      if (name === POST) return ok(record('r1', ACCOUNT, 'associating'));
      return name === LIST
        ? ok([record('r2', OTHER, 'disassociating')])
        : undefined;
    },
  });
  expect(run.of('info|1 of 2')).toEqual([
    expect.stringMatching(/^info\|1 of 2 added, \d+ s left$/),
  ]);
});

it('what held back several accounts is counted for each reason', async () => {
  const ids = Array.from({ length: 6 }, (_, n) => account(n));
  const run = await playRun({
    env: { 'INPUT_RECIPIENT-ACCOUNT-ID': ids.join(' '), INPUT_TIMEOUT: '9s' },
    cancelMs: 500,
    respond: ({ name }) =>
      name === POST ? rejection(429, 971, { 'retry-after': '4' }) : undefined,
  });
  const [message] = run.of('error|');
  expect(message).toMatch(/; 4 last writes not processed: /);
  expect(message).toMatch(/; 2 last writes held back for 4 s, as requested/);
});

it('a rejection that asks to wait past the end says so', async () => {
  const ids = Array.from({ length: 6 }, (_, n) => account(n));
  const run = await playRun({
    env: { 'INPUT_RECIPIENT-ACCOUNT-ID': ids.join(' ') },
    respond: ({ name }) =>
      name === POST ? rejection(400, 1, { 'retry-after': '3600' }) : undefined,
  });
  expect(run.recipients[5]).toMatchObject({
    cause: 'stopped',
    error: expect.stringMatching(/asks to wait 1 h, with 9 m 59 s left/),
  });
});

it('a write and a read with one code have advice of their own', async () => {
  const run = await playRun({
    env: TWO,
    respond: ({ name, atMs }) => {
      if (name !== LIST)
        return name === POST ? rejection(403, 10000) : undefined;
      return atMs === 0
        ? ok([record('r1', ACCOUNT, 'associating')])
        : rejection(403, 10000);
    },
  });
  const titles = run.of('error|').map((text) => text.split('|')[1]);
  expect(titles).toEqual([
    'Authentication failed',
    'Credentials can only read',
  ]);
});

it('a limit of something in between is not said to be that of Cloudflare', async () => {
  const limit = {
    status: 429,
    headers: { 'retry-after': '5' },
    body: '<title>Proxy</title>',
  };
  const run = await playRun({
    respond: ({ name, atMs }) => {
      if (name !== LIST) return undefined;
      return atMs < 5_000 ? limit : ok([record('r1', ACCOUNT, 'associated')]);
    },
  });
  expect(run).toMatchObject({ success: true, tookMs: 5_002 });
  expect(run.text).toMatch(
    /HTTP 429, not from Cloudflare .*; retrying in 5.0 s/,
  );
  expect(run.text).not.toContain('Rate limit reached');
});

it('a limit of something in between holds back every request', async () => {
  const limit = {
    status: 429,
    headers: { 'retry-after': '20' },
    body: '<title>Proxy</title>',
  };
  const times: number[] = [];
  await playRun({
    respond: ({ name, atMs }) => {
      times.push(atMs);
      return name === POST && atMs < 10_000 ? limit : undefined;
    },
  });
  const [limited = 0, next = 0] = times.slice(2);
  expect(next - limited).toBeGreaterThanOrEqual(20_000);
});

/** `exact` removes an account, and meanwhile another record appears. */
function removalBeside(late: object) {
  const mine = record('r1', ACCOUNT, 'associated');
  const gone = record('x0', account(0), 'disassociated');
  const share = { ...A_SHARE, organization_id: ORGANIZATION };
  return playRun({
    env: EXACT,
    respond: ({ name, atMs }) => {
      if (name === 'GET') return ok(share);
      if (DELETE.test(name)) return ok({});
      if (name !== LIST) return undefined;
      return ok(atMs === 0 ? [mine, ...unlisted(1)] : [mine, gone, late]);
    },
  });
}

it.each([
  ['without an account', null, 'new (account unknown)'],
  ['of the organization', ORGANIZATION, `new (account ${ORGANIZATION})`],
])(
  'a recipient %s that appears is not said to be removed next time',
  async (_, id, name) => {
    const run = await removalBeside(record('new', id, 'associated'));
    const [warning] = run.of('warning|');
    expect(warning).toContain(name);
    expect(warning).not.toContain('Run again');
  },
);

it('a lost reply is no news where the list shows what the write did', async () => {
  const run = await playRun({
    env: { ...TWO, INPUT_TIMEOUT: '30s' },
    respond: ({ name, atMs }) => {
      if (name === POST) return noResponse();
      if (name !== LIST || atMs === 0) return undefined;
      return ok([
        record('r1', ACCOUNT, 'associating'),
        record('r2', OTHER, 'associating'),
      ]);
    },
  });
  expect(run.recipients[0].cause).toBe('timeout');
  expect(run.of('error|')[0]).not.toContain('may have been carried out');
  expect(run.recipients[0].error).not.toContain('may have been carried out');
});

it('the reason of a server that ends with a period ends with one', async () => {
  const resources = [{ resource_id: 'p', error: 'No seat.', terminal: true }];
  const run = await playRun({
    respond: ({ name }) =>
      name === LIST
        ? ok([record('r1', ACCOUNT, 'associated', { resources })])
        : undefined,
  });
  expect(run.of('error|')[0]).toContain('|resource p: No seat. Fix the cause');
});

it('a timeout before an absence is confirmed says what is missing', async () => {
  for (const ids of [{}, TWO]) {
    const run = await playRun({
      env: { ...ids, INPUT_STATE: 'absent', INPUT_TIMEOUT: '5s' },
    });
    expect(run.of('error|')[0]).toMatch(
      /not a recipient for .*; a second list, ten seconds after the first, must confirm that\. /,
    );
  }
});

it('an account whose removal is over is not logged as associated', async () => {
  const run = await removalBeside(record('new', account(0), 'associated'));
  expect(run.text).toContain(
    ': removed, but recipient new, which appeared later, is associated after ',
  );
});

it('requests that were accepted without an effect are not called rejected', async () => {
  const run = await playRun({
    env: { INPUT_STATE: 'absent' },
    respond: ({ name }) => {
      if (DELETE.test(name)) return ok({});
      return name === LIST
        ? ok([record('r1', ACCOUNT, 'associated')])
        : undefined;
    },
  });
  expect(run.of('error|')).toEqual([
    expect.stringMatching(
      /^error\|Cloudflare API error\|recipient r1 is still /,
    ),
  ]);
});

it('the pace near the rate limit is not promised', async () => {
  let left = 50;
  const run = await playRun({
    respond: ({ name }) => {
      left = Math.max(2, left - 20);
      const headers = { 'cf-ray': 'r', ratelimit: `"default";r=${left};t=60` };
      if (name === POST)
        return { ...ok(record('r1', ACCOUNT, 'associating')), headers };
      if (name === `${LIST}/r1`) return ok(record('r1', ACCOUNT, 'associated'));
      return { ...ok([]), headers };
    },
  });
  expect(run.success).toBe(true);
  // More than the log could know when it spoke of the first pause.
  expect(run.tookMs).toBeGreaterThan(20_000);
  expect(run.text).not.toMatch(/waits up to/);
});

it.each([
  [409, 'met another change'],
  [404, 'met a rejection'],
])(
  'a timeout of several accounts says that writes met a %i',
  async (status, what) => {
    const ids = [ACCOUNT, OTHER];
    const run = await playRun({
      env: { ...TWO, INPUT_STATE: 'absent', INPUT_TIMEOUT: '8s' },
      respond: ({ name }) => {
        if (DELETE.test(name)) return rejection(status);
        return name === LIST
          ? ok(ids.map((id, n) => record(`r${n}`, id, 'associated')))
          : undefined;
      },
    });
    expect(run.of('error|')).toEqual([
      expect.stringContaining(`; 2 last writes ${what}: said (code 1). `),
    ]);
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
  const refusing =
    (respond: Respond, id: string): Respond =>
    (request) =>
      request.name === POST && targetOf(request) === id
        ? rejection(403, 10000)
        : respond(request);

  it('have not been read-only where a write was accepted before', async () => {
    const ids = Array.from({ length: 6 }, (_, n) => account(n));
    const run = await playRun({
      env: { 'INPUT_RECIPIENT-ACCOUNT-ID': ids.join('\n') },
      respond: refusing(addable('associated'), account(5)),
    });
    expect(run.of('error|')).toEqual([
      expect.stringMatching(
        /^error\|Authentication failed\|.*The credentials worked earlier in this run\./,
      ),
    ]);
  });

  it('are not waited for with what a POST has to follow', async () => {
    const removed = record('r2', OTHER, 'disassociating');
    const run = await playRun({
      env: TWO,
      respond: refusing(listing(removed), ACCOUNT),
    });
    expect(run.recipients).toMatchObject([
      { cause: 'authentication' },
      { cause: 'stopped' },
    ]);
    expect(run.tookMs).toBeLessThan(5_000);
  });
});

describe('resources that Cloudflare is retrying', () => {
  const retried = {
    resources: [{ resource_id: 'p', error: 'Temporary', terminal: false }],
  };
  const env = { INPUT_TIMEOUT: '40s' };

  it('are the reason of several accounts in progress and at the timeout', async () => {
    const run = await playRun({
      env: { ...TWO, ...env },
      respond: addable('associated', retried),
    });
    expect(run.of('info|')).toContainEqual(
      expect.stringMatching(
        /^info\|2 of 2 associated, \d+ s left; Cloudflare is retrying resources of 2 accounts$/,
      ),
    );
    expect(run.of('error|')).toEqual([
      expect.stringMatching(
        /Cloudflare is retrying resources of 2 accounts, such as resource p: Temporary/,
      ),
    ]);
  });

  it('are the reason of a single account in progress', async () => {
    const run = await playRun({ env, respond: addable('associated', retried) });
    expect(run.of('info|')).toContainEqual(
      expect.stringMatching(
        /^info\|still associated after \d+ s, \d+ s left; Cloudflare is retrying 1 resource$/,
      ),
    );
  });
});

it('resources that a record only counts are among those that Cloudflare is retrying', async () => {
  const resources = Array.from({ length: 25 }, (_, n) => ({
    resource_id: `p${n}`,
    error: 'Temporary',
    terminal: false,
  }));
  const there = record('r1', ACCOUNT, 'associated', { resources });
  const run = await playRun({
    env: { INPUT_TIMEOUT: '40s' },
    respond: ({ name }) => {
      if (name === LIST) return ok([there]);
      return name === `${LIST}/r1` ? ok(there) : undefined;
    },
  });
  const counted = run
    .of('info|')
    .filter((line) => line.includes('retrying 25 resources'));
  // In the plan, and in the progress.
  expect(counted.length).toBeGreaterThan(1);
});

it('a share that is not found any more is one for which shares are named, whatever the first target is', async () => {
  const shares = [{ ...A_SHARE, id: 's2', name: 'Extra' }];
  const run = await playRun({
    env: TWO,
    respond: ({ name, atMs }) => {
      if (name === 'GET /shares') return ok(shares);
      if (name === POST) return noResponse();
      if (name !== LIST) return undefined;
      return atMs === 0 ? ok([THERE]) : rejection(404, 1004);
    },
  });
  expect(run.recipients[0]).toMatchObject({ cause: null });
  expect(run.of('error|')[0]).toContain('Shares of this account: "Extra" (s2)');
});

it('a timeout says that one removal was rejected while it is not known what came of another', async () => {
  const run = await playRun({
    env: { INPUT_STATE: 'absent', INPUT_TIMEOUT: '20s' },
    respond: ({ name }) => {
      if (name === 'DELETE /recipients/r1') return rejection(404, 1004);
      if (DELETE.test(name)) return noResponse();
      if (name !== LIST) return undefined;
      return ok([THERE, record('r2', ACCOUNT, 'associated')]);
    },
  });
  const [error] = run.of('error|');
  expect(error).toContain('a removal may have been carried out: ');
  expect(error).toContain('; 1 removal met a rejection: said (code 1004)');
});

it('an account that has to be associated again counts in the progress', async () => {
  let lists = 0;
  const run = await playRun({
    env: { ...TWO, INPUT_TIMEOUT: '40s' },
    respond: ({ name }) => {
      const again = record('r1', ACCOUNT, 'associating');
      const other = record('r2', OTHER, 'associated');
      if (name === `${LIST}/r1`) return ok(again);
      if (name === `${LIST}/r2`) return ok(other);
      if (name !== LIST) return undefined;
      return ++lists === 1
        ? ok([THERE, record('r2', OTHER, 'associating')])
        : ok([again, other]);
    },
  });
  expect(run.of('info|')).toContainEqual(
    expect.stringMatching(/^info\|1 of 2 associated, \d+ s left$/),
  );
});

it('advice is that of its own reason, with the page that Cloudflare names', async () => {
  const page = 'https://developers.cloudflare.com/two';
  const errors = [{ code: 1000, message: 'said', documentation_url: page }];
  const run = await playRun({
    env: TWO,
    respond: (request) => {
      if (request.name !== POST) return undefined;
      return targetOf(request) === ACCOUNT
        ? rejection(401, 10001)
        : { status: 401, body: JSON.stringify({ success: false, errors }) };
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
    respond: on(LIST, noResponse()),
  });
  expect(run.requests).toHaveLength(2);
  expect(run.of('info|').at(-1)).toMatch(/, 2 requests$/);
});

it('a dry run that is cancelled has not planned anything', async () => {
  const run = await playRun({
    env: { 'INPUT_DRY-RUN': 'true' },
    cancelMs: 100,
    respond: on(LIST, 'hang'),
  });
  expect(run.of('summary|')[0]).toMatch(/not planned<\/td>/);
});

it('a removal that has not begun when a poll fails for good was not the reason', async () => {
  let lists = 0;
  const run = await playRun({
    env: EXACT,
    respond: (request) => {
      if (request.name === POST) {
        return ok(record('new', ACCOUNT, 'associating'));
      }
      if (request.name !== LIST) return undefined;
      if (++lists > 1) return rejection(403, 10000);
      return ok(unlisted(1));
    },
  });
  expect(run.recipients).toMatchObject([
    { desired: 'present', cause: 'authentication' },
    { desired: 'absent', cause: 'stopped' },
  ]);
  expect(run.of('error|')).toHaveLength(1);
});

it('a removal that Cloudflare did not process has begun', async () => {
  let lists = 0;
  const run = await playRun({
    env: { ...EXACT, 'INPUT_MAX-REMOVALS': '2' },
    respond: (request) => {
      if (request.name === LIST && ++lists > 1) return rejection(403, 10000);
      if (request.name === LIST) return ok([THERE, ...unlisted(2)]);
      if (request.name === 'DELETE /recipients/x1') return rejection(429, 971);
      if (request.name !== 'DELETE /recipients/x0') return undefined;
      return ok(record('x0', account(0), 'disassociating'));
    },
  });
  expect(run.recipients).toMatchObject([
    { desired: 'present', cause: null },
    { desired: 'absent', cause: 'authentication' },
    { desired: 'absent', cause: 'authentication' },
  ]);
});

it('a removal that was attempted has an annotation, although its next turn was held back', async () => {
  const run = await playRun({
    env: { ...EXACT, 'INPUT_MAX-REMOVALS': '2' },
    cancelMs: 20_000,
    respond: ({ name }) => {
      if (name === 'DELETE /recipients/x0') return rejection(400, 1099);
      if (DELETE.test(name))
        return rejection(525, 971, { 'retry-after': '60' });
      return name === LIST ? ok([THERE, ...unlisted(2)]) : undefined;
    },
  });
  expect(run.of('error|')).toHaveLength(2);
});

it('a cancellation, not the response that was on its way, leaves no time for the next writes', async () => {
  const ids = Array.from({ length: 6 }, (_, n) => account(n));
  const limited = rejection(429, 971, { 'retry-after': '5' });
  const run = await playRun({
    env: { 'INPUT_RECIPIENT-ACCOUNT-ID': ids.join('\n') },
    cancelMs: 500,
    delayMs: ({ name }) => (name === POST ? 700 : 1),
    respond: on(POST, limited),
  });
  const causes = run.recipients.map(({ cause }: { cause: string }) => cause);
  expect(causes).toEqual(ids.map(() => 'cancelled'));
  expect(run.of('error|')).toEqual([
    expect.stringContaining('4 last writes not processed'),
  ]);
});

describe('a list whose line breaks were removed', () => {
  const joined = (text: string) => ({
    'INPUT_RECIPIENT-ACCOUNT-ID': text.replaceAll('\n', ''),
  });

  it('is an error, so that `exact` does not remove what is in it', async () => {
    const env = joined(`${ACCOUNT} # since 20260801\n${OTHER}\n`);
    const run = await playRun({ env: { ...EXACT, ...env } });
    expect(run.success).toBe(false);
    expect(run.requests).toEqual([]);
    expect(run.text).toContain('expected no account ID in a comment');
  });

  it.each(['present', 'absent', 'exact'])(
    'in groups, as by `>` in YAML around a blank line, is an error with %s',
    async (state) => {
      const list = `${account(1)} ${account(2)}\n# Asia ${OTHER}\n`;
      const env = {
        'INPUT_RECIPIENT-ACCOUNT-ID': list,
        INPUT_STATE: state,
      };
      const run = await playRun({ env });
      expect(run.requests).toEqual([]);
      expect(run.of('error|')).toEqual([
        expect.stringContaining(
          `expected no account ID in a comment, got "${OTHER}" on line 2.`,
        ),
      ]);
    },
  );

  it('shows no part of a key that is in it', async () => {
    const key = '0123456789abcdef0123456789ABCDEF01234';
    const run = await playRun({
      env: {
        'INPUT_API-TOKEN': '',
        'INPUT_API-EMAIL': 'a@example.com',
        'INPUT_API-KEY': key,
        ...joined(`${ACCOUNT} # ${key}`),
      },
    });
    expect(run.text).toContain('expected no account ID in a comment');
    for (const part of [key.slice(-32), key.slice(0, 32)]) {
      expect(run.text.toLowerCase()).not.toContain(part.toLowerCase());
    }
  });
});

it('a share that was never listed was not "read before"', async () => {
  const run = await playRun({ respond: on(LIST, rejection(404, 1004)) });
  expect(run.text).not.toContain('has read its list before');
});

it('no percentage is advised where nothing listed has access', async () => {
  const run = await playRun({
    env: { INPUT_STATE: 'exact', 'INPUT_MAX-REMOVALS': '100%' },
    respond: on(LIST, ok([record('x1', OTHER, 'associated')])),
  });
  const [message] = run.of('error|');
  expect(message).toContain(
    'set max-removals to a number instead of a percentage',
  );
  expect(message).not.toContain('raise max-removals');
});

it('shares of the owner that are not named are counted', async () => {
  const shares = Array.from({ length: 9 }, (_, n) => ({
    id: `s${n}`,
    name: `S${n}`,
  }));
  const run = await playRun({
    respond: ({ name }) =>
      name === 'GET /shares' ? ok(shares) : rejection(404, 1004),
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
  const ids = Array.from({ length: 14 }, (_, n) => account(n));
  const records = ids.map((id, n) => record(`x${n}`, id, 'associated'));
  const headers = { 'cf-ray': 'ray', ratelimit: '"default";r=3;t=290' };
  const run = await playRun({
    env: { ...EXACT, 'INPUT_MAX-REMOVALS': '20' },
    cancelMs: 170_000,
    respond: ({ name }) => {
      if (DELETE.test(name)) return { ...rejection(400, 1234), headers };
      return name === LIST
        ? { ...ok([THERE, ...records]), headers }
        : undefined;
    },
  });
  const counts = run.seen.filter((line) => /^info\|\d+ accounts?: /.test(line));
  expect(counts[0]).toMatch(/^info\|1\d accounts: Run cancelled/);
});

describe('a block of the rate limit', () => {
  it('that each list leads to does not keep writes from being sent', async () => {
    const headers = { ratelimit: '"burst";r=0;t=1', 'cf-ray': 'ray' };
    const run = await playRun({
      respond: ({ name }) => {
        if (name === LIST) return { ...ok([]), headers };
        const status = name === POST ? 'associating' : 'associated';
        return name === 'GET'
          ? undefined
          : { ...ok(record('r1', ACCOUNT, status)), headers };
      },
    });
    expect(run.success).toBe(true);
  });

  it('is not waited for to name shares in an advice', async () => {
    const headers = { ratelimit: '"default";r=0;t=290', 'cf-ray': 'ray' };
    const run = await playRun({
      respond: on(LIST, { ...rejection(404, 1004), headers }),
    });
    expect(run.tookMs).toBeLessThan(5_000);
  });

  it('for the share does not hide that the list was rejected', async () => {
    const run = await playRun({
      env: EXACT,
      respond: ({ name }) => {
        if (name === LIST) return rejection(403, 10000);
        return name === 'GET'
          ? rejection(429, 971, { 'retry-after': '290' })
          : undefined;
      },
    });
    expect(run.tookMs).toBeLessThan(5_000);
    expect(run.recipients[0].cause).toBe('authentication');
  });
});
