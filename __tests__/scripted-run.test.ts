/** What people are told, and what was sent, after odd answers of the API. */
import { describe, expect, it } from 'vitest';
import { ACCOUNT, account, OTHER, TOKEN } from './builders.ts';
import { ok, rejection } from './cloudflare/scripted-api.ts';
import { playRun, type Request, record } from './scripted-run.ts';

const TWO = { 'INPUT_RECIPIENT-ACCOUNT-ID': `${ACCOUNT}\n${OTHER}` };
const EXACT = { INPUT_STATE: 'exact', 'INPUT_MAX-REMOVALS': '10' };
const POST = 'POST /recipients';
const LIST = 'GET /recipients';
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

/** The account that a POST names. */
const targetOf = ({ body }: Request): string =>
  JSON.parse(body ?? '{}').recipient_account_id;

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

it('a write that was sent is not called "not attempted" when credentials fail for another', async () => {
  const run = await playRun({
    env: TWO,
    respond: (one) => {
      if (one.name !== POST) return undefined;
      return targetOf(one) === ACCOUNT ? rejection(502) : rejection(403, 10000);
    },
  });
  expect(run.recipients).toMatchObject([
    { cause: 'server', error: expect.not.stringContaining('not attempted') },
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
  expect(run.recipients[0].error).toMatch(/it may be one of r2 \(/);
  expect(run.requests.filter((name) => DELETE.test(name))).toEqual([]);
});

describe('pages', () => {
  const byPage = (first: object[], second: object[]) => (one: Request) => {
    if (one.name === POST) return ok(record('new', ACCOUNT, 'associating'));
    if (one.name === `${LIST}/new`)
      return ok(record('new', ACCOUNT, 'associated'));
    if (one.name !== LIST) return undefined;
    const shown = one.url.includes('page=2') ? second : first;
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
      expect.stringContaining('; 2 last writes may have been carried out.'),
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
    expect(message).toContain('Nothing was changed. Run again when');
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
    expect.stringContaining('The plan is complete. '),
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
