import { readFileSync } from 'node:fs';
import { platform } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { Fault, FaultRule } from '../../simulator/faults.ts';
import {
  ACCOUNT,
  liveRows,
  type Played,
  play,
  RECIPIENT,
  ROW,
  type Scene,
  SHARE,
  start,
  TIMED,
} from './stage.ts';

const LIST = /recipients\?/;
const POLL = /recipients\/./;
const envelope = (result: unknown) => JSON.stringify({ success: true, errors: [], messages: [], result });
const text = (body: string, status = 200): Fault => ({ kind: 'answer', status, body: { text: body } });
const says = (message: string): Fault => ({ kind: 'answer', status: 400, message });
const row = { id: ROW, account_id: RECIPIENT, association_status: 'associated', created: '', modified: '' };

/** Plays a run whose lists, or whatever `part` says, all meet one fault. */
function meet(
  fault: Fault,
  { part = LIST, times, ...scene }: Scene & { part?: RegExp; times?: number } = {},
) {
  const when = times === undefined ? { pathIncludes: part } : { pathIncludes: part, times };
  return play({ ...scene, api: { ...scene.api, faults: [{ when, do: fault }] } });
}

function expectOneRow(run: Played, posts = 1): void {
  expect(run).toMatchObject({ exitCode: 0, stderr: '', errors: [] });
  const rows = liveRows(run);
  expect(rows).toHaveLength(1);
  expect(run.outputs).toMatchObject({ 'recipient-id': rows[0]?.id, status: 'associated', changed: 'true' });
  expect(run.posts).toHaveLength(posts);
  for (const { body } of run.posts) expect(body).toEqual({ recipient_account_id: RECIPIENT });
  expect(run.deletes).toEqual([]);
}

/** Node gives the connection away, and the request with it. */
const UPGRADE: Fault = {
  kind: 'answer',
  status: 101,
  body: 'empty',
  headers: { connection: 'upgrade', upgrade: 'websocket' },
};
const RESET: Fault = { kind: 'reset', commit: true };
const LOST: Array<[string, Fault]> = [
  ['a reset', RESET],
  ['a 502', { kind: 'answer', status: 502, commit: true }],
  ['a page of HTML', { kind: 'unreadable' }],
  ['half of it', { kind: 'truncate' }],
  ['null', { kind: 'unreadable', text: 'null' }],
  ['a row without an id', { kind: 'unreadable', text: envelope({ ...row, id: 7 }) }],
  ['no row', { kind: 'unreadable', text: envelope(null) }],
  ['another row', { kind: 'unreadable', text: envelope({ ...row, account_id: ACCOUNT }) }],
  ['a change of protocol', { ...UPGRADE, commit: true }],
];

describe.concurrent('the reply to a POST is lost', () => {
  it('by a server that closes used connections without a word: from then on each request has its own', async () => {
    expectOneRow(await play({ server: { oneRequestEach: true } }));
  });

  it.concurrent.each(LOST)('instead of it comes %s: the row is found, not made twice', async (_, fault) => {
    expectOneRow(await play({ api: { faults: [{ when: { method: 'POST' }, do: fault }] } }));
  });

  it('and nothing comes until the deadline of the request', TIMED, async () => {
    const hang: Fault = { kind: 'hang', commit: true };
    const run = await play({ api: { faults: [{ when: { method: 'POST' }, do: hang }] } });
    expectOneRow(run);
    expect(run.ms).toBeLessThan(18_000);
  });

  it.concurrent.each([3000, 5000])('and reads lag writes by %i ms', async (listLagMs) => {
    expectOneRow(await play({ api: { listLagMs, faults: [{ when: { method: 'POST' }, do: RESET }] } }));
  });

  it('and the change becomes true only four seconds later', async () => {
    const late: Fault = { kind: 'reset', commit: true, commitAfterMs: 4000 };
    expectOneRow(await play({ api: { faults: [{ when: { method: 'POST' }, do: late }] } }));
  });

  it('and the first look after it fails too', async () => {
    const run = await play({
      api: {
        faults: [
          { when: { method: 'POST' }, do: RESET },
          { when: { method: 'GET', pathIncludes: LIST, nth: 2, times: 2 }, do: { kind: 'reset' } },
        ],
      },
    });
    expectOneRow(run);
  });

  it('before anything was made: it is sent again after looking, and again there is one row', async () => {
    const run = await play({
      api: { faults: [{ when: { method: 'POST', nth: 1 }, do: { kind: 'reset' } }] },
    });
    expectOneRow(run, 2);
    const [first, second] = run.posts;
    const between = run.lists.filter(({ at }) => at > (first?.at ?? 0) && at < (second?.at ?? 0));
    expect(between.length).toBeGreaterThan(2);
  });

  it('for good: the step fails and says that it may have been done', async () => {
    const run = await play({
      api: { faults: [{ when: { method: 'POST' }, do: { kind: 'answer', status: 502 } }] },
      inputs: { timeout: '3s' },
    });
    expect(run).toMatchObject({ exitCode: 1, outputs: { 'recipient-id': '', status: 'disassociated' } });
    expect(run.posts).toHaveLength(1);
    expect(run.errors[0]?.message).toMatch(/may have been carried out.*POST …\S+: HTTP 502/);
  });

  it('and somebody else was faster: the refusal is looked into and their row is used', async () => {
    // The list of the start is empty, as it was when both looked; the POST meets the row of the other.
    const run = await play({
      api: { faults: [{ when: { pathIncludes: LIST, nth: 1 }, do: text(envelope([])) }] },
      recipients: [{ accountId: RECIPIENT, id: ROW, status: 'associated' }],
    });
    expect(run).toMatchObject({ exitCode: 0, outputs: { 'recipient-id': ROW, changed: 'false' } });
    expect(run.posts.map(({ status }) => status)).toEqual([409]);
  });
});

describe.concurrent('the reply to a DELETE is lost', () => {
  const scene: Scene = {
    inputs: { state: 'absent' },
    recipients: [{ accountId: RECIPIENT, id: ROW, status: 'associated' }],
  };
  const expectGone = (run: Played, deletes = 1) => {
    expect(run).toMatchObject({
      exitCode: 0,
      errors: [],
      posts: [],
      outputs: { 'recipient-id': ROW, status: 'disassociated', changed: 'true' },
    });
    expect(run.deletes.map(({ path }) => path.split('/').at(-1))).toEqual(Array(deletes).fill(ROW));
    expect(liveRows(run)).toEqual([]);
  };

  it.concurrent.each(LOST.slice(0, 6))('instead of it comes %s', async (_, fault) => {
    expectGone(await play({ ...scene, api: { faults: [{ when: { method: 'DELETE' }, do: fault }] } }));
  });

  it('and reads lag writes by three seconds', async () => {
    const faults = [{ when: { method: 'DELETE' }, do: RESET }];
    expectGone(await play({ ...scene, api: { listLagMs: 3000, faults } }));
  });

  it('before anything was removed: it is sent again after looking', async () => {
    const faults = [{ when: { method: 'DELETE', nth: 1 }, do: { kind: 'reset' as const } }];
    expectGone(await play({ ...scene, api: { faults } }), 2);
  });
});

describe.concurrent('an organization whose POST got no answer', () => {
  const inputs = { 'recipient-account-id': '', 'organization-id': '023e105f4ecef8ad9ca31a8372d0c353' };
  const when = { method: 'POST' };

  it('is known by the one new id', async () => {
    const run = await play({
      api: { organizationRows: 'neither', faults: [{ when, do: RESET }] },
      inputs,
    });
    expect(run).toMatchObject({ exitCode: 0, outputs: { changed: 'true', status: 'associated' } });
    expect(run.posts).toHaveLength(1);
    expect(run.outputs['recipient-id']).toBe(run.api.rows(SHARE)[0]?.id);
  });

  it('is not posted again when no new id shows', async () => {
    const run = await play({ api: { faults: [{ when, do: { kind: 'reset' } }] }, inputs });
    expect(run).toMatchObject({ exitCode: 1, outputs: { 'recipient-id': '' } });
    expect(run.posts).toHaveLength(1);
    expect(run.errors[0]?.message).toMatch(/no new row, which does not tell/);
  });

  it('is not guessed among two new ids', async () => {
    const run = await start({
      api: {
        organizationRows: 'neither',
        faults: [{ when, do: { kind: 'reset', commit: true, delayMs: 300 } }],
      },
      inputs,
    });
    await run.saw('POST', /recipients$/);
    run.api.addRecipient(SHARE, { organizationId: 'another', status: 'associated' });
    const played = await run.finished;
    expect(played).toMatchObject({ exitCode: 1 });
    expect(played.posts).toHaveLength(1);
    expect(played.errors[0]?.message).toMatch(/2 new rows/);
  });
});

describe.concurrent('the rate limit', () => {
  const limited = (after: string): Fault => ({
    kind: 'answer',
    status: 429,
    code: 971,
    message: 'Please wait and consider throttling your request speed',
    headers: { 'retry-after': after },
  });

  it('says how many seconds: they are kept, and the connection too', async () => {
    const run = await meet(limited('6'), { times: 1 });
    expectOneRow(run);
    const [first, second] = run.lists;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(5900);
    expect(run.connections).toBeLessThanOrEqual(2);
    expect(run.stdout.match(/trying again/g)).toHaveLength(1);
  });

  it('says until when: it is waited for', async () => {
    const until = new Date(Date.now() + 3000).toUTCString();
    const run = await meet(limited(until), { times: 1 });
    expectOneRow(run);
    expect(run.lists[1]?.at).toBeGreaterThanOrEqual(Date.parse(until) - 50);
  });

  it.concurrent.each<[string, () => string]>([
    ['no time at all', () => '0'],
    ['a date that is over', () => new Date(Date.now() - 60_000).toUTCString()],
  ])('says %s: that is no reason to hurry', async (_, after) => {
    const run = await meet(limited(after()), { inputs: { timeout: '4s' } });
    expect(run).toMatchObject({ exitCode: 1, posts: [] });
    expect(run.lists.length).toBeLessThanOrEqual(6);
  });

  it('is given by the read of the share: nobody waits for its name', TIMED, async () => {
    const busy: Fault = { kind: 'answer', status: 503, headers: { 'retry-after': '25' } };
    const run = await meet(busy, { part: new RegExp(`${SHARE}(\\?|$)`) });
    expectOneRow(run);
    expect(run.ms).toBeLessThan(10_000);
    expect(run.stdout).not.toContain('trying again');
  });

  it('meets a POST: it is sent again, since nothing was made', async () => {
    const run = await play({ api: { faults: [{ when: { method: 'POST', nth: 1 }, do: limited('1') }] } });
    expectOneRow(run, 2);
    expect(run.lists).toHaveLength(1);
  });

  it.concurrent.each<[string, () => string]>([
    ['seconds', () => '600'],
    ['a date', () => new Date(Date.now() + 600_000).toUTCString()],
  ])('reaches past the timeout, in %s: the step fails at once and says so', TIMED, async (_, after) => {
    const run = await meet(limited(after()), { inputs: { timeout: '30s' } });
    expect(run).toMatchObject({ exitCode: 1, posts: [], outputs: { status: '', changed: 'false' } });
    expect(run.ms).toBeLessThan(8000);
    expect(run.lists).toHaveLength(1);
    expect(run.errors[0]?.message).toMatch(
      /HTTP 429, 971 Please wait.*asks to wait (600|59\d) s, and only \d+ s of the timeout are left/,
    );
  });
});

describe.concurrent('an answer that another try cannot change is not asked for again', () => {
  it.concurrent.each<[string, Fault]>([
    ['400', { kind: 'answer', status: 400 }],
    ['401', { kind: 'answer', status: 401, code: 10000, message: 'Authentication error' }],
    ['403', { kind: 'answer', status: 403, code: 10000, message: 'Authentication error' }],
    ['404', { kind: 'answer', status: 404, code: 1004, message: 'Not found' }],
    ['501', { kind: 'answer', status: 501, body: 'json' }],
    ['505', { kind: 'answer', status: 505, body: 'json' }],
    ['525', { kind: 'answer', status: 525, body: 'html' }],
    ['526', { kind: 'answer', status: 526, body: 'rfc9457' }],
    [
      '503 that says retryable: false',
      { kind: 'answer', status: 503, body: 'rfc9457', problem: { retryable: false } },
    ],
    [
      '429 that says retryable: false',
      { kind: 'answer', status: 429, body: 'rfc9457', problem: { retryable: false } },
    ],
  ])('%s', async (name, fault) => {
    const run = await meet(fault);
    expect(run).toMatchObject({ exitCode: 1, posts: [], outputs: { 'recipient-id': '', changed: 'false' } });
    expect(run.lists).toHaveLength(1);
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.message).toContain('GET …/recipients: ');
    expect(run.errors[0]?.message).toContain(`HTTP ${name.slice(0, 3)}`);
    expect(run.errors[0]?.message).toMatch(/cf-ray 8f1e[0-9a-f]{12}-SIM/);
  });

  it('403 on the POST', async () => {
    const run = await play({
      api: { tokens: [], readOnlyTokens: ['v1.0-3mNq8ZtXw5RbYc7Kd2Hs9Lf4Gj6Pv1Qa0'] },
    });
    expect(run).toMatchObject({ exitCode: 1, outputs: { status: 'disassociated', changed: 'false' } });
    expect(run.posts).toHaveLength(1);
    expect(run.errors[0]).toMatchObject({
      title: 'Cloudflare refused the credentials',
      message: expect.stringContaining('HTTP 403, 10000 Authentication error'),
    });
  });

  it('501 on the POST', async () => {
    const fault: Fault = { kind: 'answer', status: 501 };
    const run = await play({ api: { faults: [{ when: { method: 'POST' }, do: fault }] } });
    expect(run.exitCode).toBe(1);
    expect(run.posts).toHaveLength(1);
  });

  it('a refusal of the POST', async () => {
    const refused = { status: 400, code: 1017, message: 'Recipient is not in the organization of the share' };
    const run = await play({ api: { refuseAccounts: { [RECIPIENT]: refused } } });
    expect(run).toMatchObject({ exitCode: 1, outputs: { status: 'disassociated', changed: 'false' } });
    expect(run.posts).toHaveLength(1);
    expect(run.errors[0]?.message).toContain(`HTTP 400, 1017 ${refused.message}`);
  });
});

describe.concurrent('a read that fails for a while is asked again, and told once', () => {
  it.concurrent.each<[string, Fault]>([
    ['408', { kind: 'answer', status: 408 }],
    ['500', { kind: 'answer', status: 500, body: 'json' }],
    ['502 in HTML', { kind: 'answer', status: 502, body: 'html' }],
    [
      '520 as a problem object',
      { kind: 'answer', status: 520, body: 'rfc9457', problem: { retry_after: 1 } },
    ],
    ['503 without a body', { kind: 'answer', status: 503, body: 'empty' }],
    ['a reset', { kind: 'reset' }],
    ['a cut answer', { kind: 'truncate' }],
  ])('%s', async (_, fault) => {
    const run = await meet(fault, { times: 2 });
    expectOneRow(run);
    expect(run.lists).toHaveLength(3);
    expect(run.stdout.match(/trying again/g)).toHaveLength(1);
    expect(run.stdout.match(/Answered again/g)).toHaveLength(1);
    expect(run.stdout).not.toContain('<');
  });

  it.concurrent.each<[string, RegExp]>([
    ['the list', LIST],
    ['a poll', POLL],
  ])('a change of protocol, instead of %s', async (_, part) => {
    expectOneRow(await meet(UPGRADE, { part, times: 1 }));
  });

  it('a poll that fails for a while', async () => {
    const run = await meet({ kind: 'answer', status: 500, body: 'json' }, { part: POLL, times: 2 });
    expectOneRow(run);
    expect(run.stdout.match(/trying again/g)).toHaveLength(1);
  });

  it('a connection that is refused: the last cause is in the error', TIMED, async () => {
    const run = await play({ inputs: { 'api-url': 'http://127.0.0.1:9/client/v4', timeout: '3s' } });
    expect(run.exitCode).toBe(1);
    expect(run.ms).toBeLessThan(9000);
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.message).toContain('GET …/recipients: connect ECONNREFUSED 127.0.0.1:9');
    expect(run.stdout.match(/trying again/g)).toHaveLength(1);
    expect(run.outputs).toMatchObject({ 'recipient-id': '', status: '', changed: 'false' });
    expect(run.recipients).toMatchObject([
      { recipient: RECIPIENT, error: expect.stringContaining('ECONNREFUSED') },
    ]);
  });

  it('a list that hangs ends with the step', TIMED, async () => {
    const run = await meet({ kind: 'hang' }, { inputs: { timeout: '3s' } });
    expect(run).toMatchObject({ exitCode: 1, posts: [] });
    expect(run.ms).toBeLessThan(8000);
    expect(run.errors[0]?.message).toMatch(/no answer within \d\.\d s/);
  });

  it('polls that hang: the step ends at its timeout with the id in the outputs', TIMED, async () => {
    const run = await meet({ kind: 'hang' }, { part: POLL, inputs: { timeout: '3s' } });
    expect(run).toMatchObject({ exitCode: 1, outputs: { status: 'associating', changed: 'true' } });
    expect(run.outputs['recipient-id']).toBe(liveRows(run)[0]?.id);
    expect(run.ms).toBeLessThan(8000);
  });

  it('HTML to the end: the error has no markup', async () => {
    const run = await meet({ kind: 'answer', status: 502, body: 'html' }, { inputs: { timeout: '2s' } });
    expect(run.exitCode).toBe(1);
    expect(run.errors[0]?.message).toContain('HTTP 502');
    expect(run.stdout).not.toContain('<');
  });

  it('a problem object to the end: what it says is in the error', async () => {
    const run = await meet(
      { kind: 'answer', status: 504, body: 'rfc9457', problem: { retry_after: 0 } },
      { inputs: { timeout: '2s' } },
    );
    expect(run.exitCode).toBe(1);
    expect(run.errors[0]?.message).toContain('HTTP 504, 504 Error 504 The origin web server did not give');
  });
});

describe.concurrent('a redirect is not followed', () => {
  it.concurrent.each([301, 302, 303, 307, 308])('%i of a list', async (status) => {
    const run = await meet({ kind: 'redirect', status, to: '/client/v4/elsewhere' });
    expect(run).toMatchObject({ exitCode: 1, posts: [] });
    expect(run.lists).toHaveLength(1);
    expect(run.requests.filter(({ path }) => path.includes('elsewhere'))).toEqual([]);
    expect(run.errors[0]?.message).toContain('redirect to /client/v4/elsewhere');
  });

  it('307 of a POST', async () => {
    const fault: Fault = { kind: 'redirect', to: '/client/v4/elsewhere' };
    const run = await play({ api: { faults: [{ when: { method: 'POST' }, do: fault }] } });
    expect(run).toMatchObject({ exitCode: 1, outputs: { changed: 'false' } });
    expect(run.posts).toHaveLength(1);
    expect(run.requests.filter(({ path }) => path.includes('elsewhere'))).toEqual([]);
  });
});

const TRACE = /TypeError|RangeError|SyntaxError|\bat \S.*:\d+:\d+|\[object |undefined/;

function expectNamed(run: Played, request: string, title = 'The answer is not one of the Shares API'): void {
  expect(run.exitCode).toBe(1);
  expect(run.errors).toHaveLength(1);
  expect(run.errors[0]?.title).toBe(title);
  expect(run.errors[0]?.message).toContain(request);
  expect(run.stdout).not.toMatch(TRACE);
  expect(run.stderr).toBe('');
  expect(Object.keys(run.outputs).sort()).toEqual(['changed', 'recipient-id', 'recipients', 'status']);
  expect(run.recipients).toMatchObject([{ recipient: RECIPIENT, error: expect.stringContaining(request) }]);
}

describe.concurrent('an answer of the wrong shape', () => {
  const listed = (value: unknown) => envelope([value]);

  it.concurrent.each<[string, string]>([
    ['nothing', ''],
    ['null', 'null'],
    ['a list', '[]'],
    ['a text', '"success"'],
    ['no success', '{"result":[]}'],
    ['success as a text', '{"success":"true","result":[]}'],
    ['a very deep list', '['.repeat(200_000)],
    ['result as an object', envelope({})],
    ['result as a text', envelope('none')],
    ['a row that is null', listed(null)],
    ['a row that is a number', listed(7)],
    ['a row that is a list', listed([row])],
    ['an id that is a number', listed({ ...row, id: 7 })],
    ['no id', listed({ ...row, id: undefined })],
    ['an id with a slash', listed({ ...row, id: '../../x' })],
    ['an id with a newline', listed({ ...row, id: `${ROW}\nx` })],
    ['an id of a newline', listed({ ...row, id: 'abc\n' })],
    ['an account with a newline', listed({ ...row, account_id: `${RECIPIENT}\n` })],
    ['an account that is a number', listed({ ...row, account_id: 7 })],
    ['a status that is a number', listed({ ...row, association_status: 1 })],
    ['no status', listed({ ...row, association_status: undefined })],
    ['resources as an object', listed({ ...row, resources: {} })],
    ['a resource that is null', listed({ ...row, resources: [null] })],
    ['an error that is a number', listed({ ...row, resources: [{ error: 7 }] })],
    ['terminal as a text', listed({ ...row, resources: [{ error: 'x', terminal: 'false' }] })],
  ])('to a list: %s', async (_, body) => {
    const run = await meet(text(body));
    expectNamed(run, 'GET …/recipients: ');
    expect(run.posts).toEqual([]);
  });

  it('to a list: unknown members and missing dates are fine', async () => {
    const { created, modified, ...bare } = { ...row, brand: { new: [1] }, resources: [{ error: '' }, {}] };
    const run = await meet(text(envelope([bare])));
    expect(run).toMatchObject({ exitCode: 0, posts: [], outputs: { 'recipient-id': ROW, changed: 'false' } });
    expect(run.recipients).toMatchObject([{ created: null, modified: null }]);
  });

  it.concurrent.each<[string, object, string]>([
    ['pages that never end', { total_pages: 1e9 }, 'more pages are announced, and 1 are shown'],
    ['more rows counted than shown', { total_count: 2 }, '2 recipients are counted, and 1 are shown'],
  ])('to a list: %s', async (_, resultInfo, said) => {
    const other = { ...row, account_id: ACCOUNT };
    const answer = { success: true, errors: [], messages: [], result: [other], result_info: resultInfo };
    const run = await meet(text(JSON.stringify(answer)));
    expectNamed(
      run,
      `GET …/recipients: the pages do not fit together: ${said}`,
      'The list of recipients is incomplete',
    );
    expect(run.lists.length).toBeLessThanOrEqual(12);
    expect(run.posts).toEqual([]);
    expect(run.stdout.match(/trying again/g)).toHaveLength(1);
  });

  it.concurrent.each<[string, string]>([
    ['null', 'null'],
    ['another row', envelope({ ...row, id: 'another' })],
    ['resources as a text', envelope({ ...row, resources: 'none' })],
  ])('to every poll: %s', async (_, body) => {
    const run = await meet(text(body), { part: POLL, api: { newId: () => ROW } });
    expectNamed(run, `GET …/recipients/${ROW}: `);
    expect(run.outputs).toMatchObject({ 'recipient-id': ROW, status: 'associating', changed: 'true' });
  });

  // No number is a deadline here: with what these answers once did, the run would have to be killed.
  it.concurrent.each<[string, Scene]>([
    [
      'a message of a million digits',
      { api: { faults: [{ when: { pathIncludes: LIST }, do: says('1'.repeat(1e6)) }] } },
    ],
    [
      'twenty thousand errors that are retried',
      {
        recipients: [
          {
            accountId: RECIPIENT,
            status: 'associated',
            resources: Array.from({ length: 20_000 }, (_, n) => ({
              error: 'x',
              resource_id: `r${n}`,
              resource_version: 1,
              terminal: false,
            })),
          },
        ],
        inputs: { timeout: '3s' },
      },
    ],
  ])('does not keep the run busy: %s', async (_, scene) => {
    const run = await play({ ...scene, killAfterMs: 30_000 });
    expect(run).toMatchObject({ exitCode: 1, signal: null, stderr: '' });
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.message.length).toBeLessThan(2000);
  });

  it('to a list: more rows than a share can have', async () => {
    const rows = Array.from({ length: 30_000 }, (_, n) => ({
      id: `r${n}`,
      account_id: `a${n}`,
      association_status: 'associated',
    }));
    const fault = (page: number): FaultRule => ({
      when: { pathIncludes: `page=${page}&` },
      do: text(
        JSON.stringify({
          success: true,
          result: rows.map((one) => ({ ...one, id: `${one.id}-${page}` })),
          result_info: { total_pages: 99 },
        }),
      ),
    });
    const run = await play({ api: { faults: [1, 2, 3, 4, 5].map(fault) } });
    expectNamed(run, 'GET …/recipients: ');
    expect(run.lists).toHaveLength(4);
  });

  it('to one poll is a hiccup', async () => {
    expectOneRow(await meet(text('<html>busy</html>'), { part: POLL, times: 1 }));
  });

  it('to the read of the share is nothing to stop for', async () => {
    expectOneRow(await meet(text('[]'), { part: new RegExp(`${SHARE}(\\?|$)`) }));
  });
});

/** Plays a run and takes its largest memory, in MiB, as Linux counts it. */
async function weigh(fault: Fault) {
  const run = await start({ api: { faults: [{ when: { pathIncludes: LIST }, do: fault }] } });
  let peak = 0;
  const timer = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${run.child.pid}/status`, 'utf8');
      peak = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? peak * 1024) / 1024;
    } catch {
      // it has ended; what it had before counts
    }
  }, 5);
  const played = await run.finished;
  clearInterval(timer);
  return { played, peak };
}

// One after the other: a machine that is busy with both would not be a fair scale.
describe.runIf(platform() === 'linux')('a body that is too large', () => {
  it.each<[string, Fault]>([
    ['300 MiB', { kind: 'huge', bytes: 300 * 1024 * 1024 }],
    ['without end', { kind: 'endless' }],
    [
      'that is small, but would not be when it is read',
      text(`{"success":true,"result":[${'{},'.repeat(1_300_000)}{}]}`),
    ],
    ['that is small, but deep', text(`{"success":true,"result":${'['.repeat(2e6)}${']'.repeat(2e6)}}`)],
  ])('%s', async (_, fault) => {
    const { played, peak } = await weigh(fault);
    expectNamed(played, 'GET …/recipients: ', 'The answer is too large');
    expect(played.errors[0]?.message).toContain('too large');
    expect(played.posts).toEqual([]);
    expect(peak).toBeGreaterThan(20);
    expect(peak).toBeLessThan(120);
  });
});
