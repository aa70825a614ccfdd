import { describe, expect, it } from 'vitest';
import {
  createSharesApi,
  type Reply,
  type ShareSeed,
  type SharesApiOptions,
} from '../../simulator/api.ts';

const OWNER = '023e105f4ecef8ad9ca31a8372d0c353';
const SHARE = '3fd85f74b32742f1bff64a85009dda07';
const LIST = `/accounts/${OWNER}/shares/${SHARE}/recipients`;

/** The bare core on a clock that only a test moves, with ids that count. */
function open(options: Partial<SharesApiOptions> = {}) {
  const clock = { ms: Date.UTC(2026, 10, 23) };
  const ids = Array.from({ length: 20 }, (_, n) => String(n).padStart(32, '0'));
  const api = createSharesApi({
    shares: [{ accountId: OWNER, shareId: SHARE, name: 'Baseline' }],
    newId: () => ids.shift() ?? '',
    ...options,
    now: () => clock.ms,
  });
  const send = (
    method: string,
    path: string,
    body: unknown = '',
    headers: Record<string, string> = {},
  ): Reply =>
    api.respond({
      method,
      path,
      headers: { authorization: 'Bearer token', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const add = (id: string): Reply =>
    send('POST', LIST, { recipient_account_id: id });
  /** The one record, as the list or its own address shows it. */
  const record = (id = '') => {
    const path = id === '' ? '' : `/${id}`;
    const { body } = send('GET', `${LIST}${path}?include_resources=true`);
    const { result } = JSON.parse(body);
    return id === '' ? result[0] : result;
  };
  /** Its status and resources after each of these milliseconds. */
  const statesAfter = (...ms: number[]): [status: string, unknown][] =>
    ms.map((more) => {
      clock.ms += more;
      const { association_status: status, resources } = record();
      return [status, resources];
    });
  const statusesAfter = (...ms: number[]) =>
    statesAfter(...ms).map(([status]) => status);
  return { api, clock, send, add, record, statesAfter, statusesAfter };
}

const resultOf = (reply: Reply) => JSON.parse(reply.body).result;
const codeOf = (reply: Reply): unknown =>
  JSON.parse(reply.body).errors[0]?.code;

const RETRIED = {
  error: 'retried',
  resource_id: 'r',
  resource_version: 0,
  terminal: false,
};

describe('a timeline', () => {
  it('goes through the steps of an account, known or not', () => {
    const { add, statesAfter } = open({
      timelines: {
        a: {
          steps: [
            { afterMs: 1000, status: 'validating', resources: [RETRIED] },
            { afterMs: 2000, status: 'associated' },
            { afterMs: 3000, resources: null },
            { afterMs: 4000, status: 'associating', resources: [] },
          ],
        },
      },
    });
    add('a');
    expect(statesAfter(0, 1000, 1000, 1000, 1000, 1e9)).toEqual([
      ['associating', []],
      ['validating', [RETRIED]],
      ['associated', [RETRIED]],
      ['associated', null],
      ['associating', []],
      ['associating', []],
    ]);
  });

  const byTime = { ...RETRIED, afterMs: 50, clearsMs: 200 };
  const byReads = { ...RETRIED, afterReads: 1, clearsReads: 3 };
  it.each([
    ['time', { associateMs: 50, errors: [byTime] }],
    ['reads', { associateReads: 1, errors: [byReads] }],
  ])('shows errors until they clear, by %s', (_, timeline) => {
    const { add, statesAfter } = open({ timeline });
    add('a');
    expect(statesAfter(0, 50, 149, 1)).toEqual([
      ['associating', []],
      ['associated', [RETRIED]],
      ['associated', [RETRIED]],
      ['associated', []],
    ]);
  });

  it('drops what was still to come when a recipient is removed', () => {
    const { api, add, send, statusesAfter } = open({
      timeline: { associateMs: 100, disassociateMs: 'never' },
    });
    const { id } = resultOf(add('a'));
    expect(send('DELETE', `${LIST}/${id}`).status).toBe(200);
    expect(statusesAfter(0, 1e9)).toEqual(['disassociating', 'disassociating']);
    expect(send('DELETE', `${LIST}/${id}`).status).toBe(200);
    expect(api.records(SHARE)).toHaveLength(1);
  });

  const settle = { associateMs: 10, disassociateMs: 10 };
  it.each([
    ['associating', settle, 'associated'],
    ['disassociating', settle, 'disassociated'],
    ['associated', settle, 'associated'],
    ['novel', settle, 'associated'],
    ['novel', undefined, 'novel'],
  ])(
    'changes a record that is there from the start in its own time: %s, %j',
    (status, own, later) => {
      const { api, statusesAfter } = open();
      api.addRecipient(SHARE, { status, ...(own && { settle: own }) });
      expect(statusesAfter(9, 1)).toEqual([status, later]);
    },
  );

  it.each(['settle', 'timelines'] as const)(
    'never mixes the steps in %s with the time of all other records',
    (where) => {
      const own = { steps: [{ afterMs: 500, status: 'disassociated' }] };
      const { api, statusesAfter } = open({
        timeline: { associateMs: 250, disassociateMs: 70 },
        timelines: where === 'timelines' ? { a: own } : {},
      });
      api.addRecipient(SHARE, {
        accountId: 'a',
        status: 'associating',
        ...(where === 'settle' ? { settle: own } : {}),
      });
      expect(statusesAfter(0, 250, 249, 1)).toEqual([
        'associating',
        'associating',
        'associating',
        'disassociated',
      ]);
    },
  );

  it('keeps the time of all records for what its own timeline leaves open', () => {
    const { api, send, statusesAfter } = open({
      timeline: { associateMs: 250, disassociateMs: 70 },
    });
    const id = api.addRecipient(SHARE, {
      status: 'associating',
      settle: { associateMs: 10 },
    });
    expect(statusesAfter(10)).toEqual(['associated']);
    send('DELETE', `${LIST}/${id}`);
    expect(statusesAfter(70)).toEqual(['disassociated']);
  });

  it('moves a record on by reads, in the list or by ID, whatever the clock says', () => {
    const { add, send, record, statusesAfter } = open({
      timeline: {
        associateReads: 3,
        disassociateReads: 1,
        steps: [{ afterReads: 1, status: 'validating' }],
      },
    });
    const { id, association_status: atFirst } = resultOf(add('a'));
    const read = () => statusesAfter(1e6)[0];
    const readOne = () => record(id).association_status;
    expect([atFirst, read(), readOne(), read(), readOne(), readOne()]).toEqual([
      'associating',
      'associating',
      'validating',
      'validating',
      'associated',
      'associated',
    ]);
    send('DELETE', `${LIST}/${id}`);
    expect([readOne(), read(), read()]).toEqual([
      'disassociating',
      'disassociated',
      'disassociated',
    ]);
  });

  it('shows `associated` in the first read, but not in the reply, with no read before', () => {
    const { api, add, record } = open({ timeline: { associateReads: 0 } });
    expect(resultOf(add('a')).association_status).toBe('associating');
    expect(api.records(SHARE)[0]?.association_status).toBe('associating');
    expect(record().association_status).toBe('associated');
  });

  it('does not count reads before the change, nor responses that a fault spoils', () => {
    const faults = {
      2: { kind: 'response', status: 502, commit: true },
      3: { kind: 'truncate' },
      4: { kind: 'hang' },
      5: { kind: 'reset', commit: true },
      6: { kind: 'unreadable' },
      7: { kind: 'slow', delayMs: 5 },
    } as const;
    const spoiled = open({
      timeline: { associateReads: 2 },
      staleMs: 1000,
      fault: (_, n) => faults[n as keyof typeof faults],
    });
    spoiled.add('a');
    spoiled.clock.ms += 1000;
    for (let n = 2; n < 7; n += 1) spoiled.send('GET', LIST);
    expect(spoiled.statusesAfter(0, 0, 0)).toEqual([
      'associating',
      'associating',
      'associated',
    ]);

    const stale = open({ timeline: { associateReads: 1 }, staleMs: 1000 });
    const { id } = resultOf(stale.add('a'));
    expect(stale.send('GET', `${LIST}/${id}`).status).toBe(404);
    expect(stale.statusesAfter(1000, 0)).toEqual(['associating', 'associated']);
  });

  it('cannot have a time together with a number of reads', () => {
    const { add } = open({ timeline: { associateMs: 1, associateReads: 1 } });
    expect(() => add('a')).toThrow('exclude each other');
  });

  it.each([
    ['the time', { disassociateMs: 70 }, { disassociateReads: 0 }],
    ['the reads', { disassociateReads: 5 }, { disassociateMs: 0 }],
  ])('replaces %s of all records by the other kind', (_, timeline, own) => {
    const { api, record } = open({ timeline });
    api.addRecipient(SHARE, { status: 'disassociating', settle: own });
    expect(record().association_status).toBe('disassociated');
  });

  it('is shown as it was some time ago, but not to writes', () => {
    const { api, clock, add, send, record, statusesAfter } = open({
      staleMs: 3000,
      timeline: { associateMs: 1000 },
    });
    const { id } = resultOf(add('a'));
    expect(record()).toBeUndefined();
    expect(send('GET', `${LIST}/${id}`).status).toBe(404);
    expect(api.records(SHARE)).toHaveLength(1);
    expect(add('a').status).toBe(409);
    clock.ms += 3000;
    expect(record(id).association_status).toBe('associating');
    expect(statusesAfter(0, 1000)).toEqual(['associating', 'associated']);
    expect(record(id).association_status).toBe('associated');
  });
});

describe('what is not published', () => {
  it.each([
    [false, [2000, 7000]],
    [true, [0, 5000]],
  ])(
    'changes `modified` with every step, or only with a write: %j',
    (keepsModified, modifiedMs) => {
      const { clock, add, send, record } = open({
        timeline: { keepsModified },
      });
      const startMs = clock.ms;
      add('a');
      const seen = ['associated', 'disassociated'].map((status) => {
        clock.ms += 5000;
        const { id, association_status, modified } = record();
        expect(association_status).toBe(status);
        send('DELETE', `${LIST}/${id}`);
        return Date.parse(modified) - startMs;
      });
      expect(seen).toEqual(modifiedMs);
    },
  );

  it('shows earlier states of the records, and which record a POST made', () => {
    const { api, clock, add } = open();
    const startMs = clock.ms;
    add('a');
    clock.ms += 5000;
    expect(api.requests.at(-1)?.recipientId).toBe(api.records(SHARE)[0]?.id);
    const statuses = [startMs - 1, startMs, clock.ms].map((ms) =>
      api.records(SHARE, ms).map((record) => record.association_status),
    );
    expect(statuses).toEqual([[], ['associating'], ['associated']]);
  });
});

describe('the API', () => {
  it('rejects a live duplicate unless a test allows it, and takes a former recipient back', () => {
    const strict = open({ timeline: { disassociateMs: 0 } });
    const { id } = resultOf(strict.add('a'));
    expect(strict.add('a').status).toBe(409);
    strict.send('DELETE', `${LIST}/${id}`);
    expect(strict.add('a').status).toBe(201);
    expect(strict.api.records(SHARE)).toHaveLength(2);
    const lax = open({ duplicates: 'accept' });
    expect([lax.add('a').status, lax.add('a').status]).toEqual([201, 201]);
    expect(lax.api.records(SHARE)).toHaveLength(2);
  });

  it.each([
    [{ recipient_account_id: OWNER }],
    [{ recipient_account_id: 'a', organization_id: 'o' }],
    [{ recipient_account_id: 7 }],
    [{ organization_id: '??' }],
    ['[]'],
    ['"a"'],
    [''],
    ['recipient_account_id=a'],
  ])('rejects a POST of %j', (body) => {
    const { api, send } = open();
    expect(send('POST', LIST, body).status).toBe(400);
    expect(api.records(SHARE)).toEqual([]);
    expect(api.wholeOrganizationPosts).toEqual([]);
  });

  it('rejects accounts as a test says', () => {
    const error = { status: 422, code: 1234, message: 'not in it' };
    const { api, add } = open({ rejectAccounts: { foreign: error } });
    const reply = add('foreign');
    expect([reply.status, codeOf(reply)]).toEqual([422, 1234]);
    expect(api.records(SHARE)).toEqual([]);
  });

  it('takes an empty id for none at all, and the deprecated name for the account', () => {
    const { api, add, send } = open();
    expect(add('').status).toBe(201);
    expect(api.wholeOrganizationPosts).toHaveLength(1);
    const reply = send('POST', LIST, { account_id: 'old' });
    expect(resultOf(reply).account_id).toBe('old');
  });

  const organizational = { targetType: 'organization', organizationId: 'org' };
  it.each([
    [{ status: 'deleting' }, { recipient_account_id: 'a' }, 409],
    [organizational, { recipient_account_id: 'a' }, 400],
    [organizational, { organization_id: 'other' }, 400],
    [organizational, { organization_id: 'org' }, 201],
  ])('goes by the share, %j: a POST of %j gets %d', (more, body, status) => {
    const share = { accountId: OWNER, shareId: SHARE, name: 'x', ...more };
    const { send } = open({ shares: [share as ShareSeed] });
    expect(send('POST', LIST, body).status).toBe(status);
  });

  it('may reject the removal of what is still associating', () => {
    const { clock, add, send } = open({
      rejectDeleteWhileAssociating: true,
      timeline: { associateMs: 10 },
    });
    const { id } = resultOf(add('a'));
    expect(send('DELETE', `${LIST}/${id}`).status).toBe(409);
    clock.ms += 10;
    expect(send('DELETE', `${LIST}/${id}`).status).toBe(200);
  });

  it('knows its methods', () => {
    expect(open().send('PATCH', LIST)).toMatchObject({
      status: 405,
      headers: { allow: 'GET, POST' },
    });
  });

  it.each([
    [404, 7003, '/user'],
    [404, 7003, `/accounts/${'a'.repeat(33)}/shares/${SHARE}`],
    [400, 1003, `${LIST}?page=0`],
    [400, 1003, `${LIST}?page=1.5`],
    [400, 1003, `${LIST}?per_page=0`],
    [400, 1003, `${LIST}?per_page=x`],
  ])('responds with %d, code %d, to %s', (status, code, path) => {
    const reply = open().send('GET', path);
    expect([reply.status, codeOf(reply)]).toEqual([status, code]);
  });

  it.each([
    ['GET', 401],
    ['POST', 403],
  ])('asks for credentials: %s gets %d', (method, status) => {
    const nobody = { authorization: '' };
    const reply = open().send(method, LIST, {}, nobody);
    expect([reply.status, codeOf(reply)]).toEqual([status, 10000]);
  });

  it.each([
    ['account_id', { account_id: 'org' }],
    ['organization_id', { account_id: '', organization_id: 'org' }],
    ['neither', { account_id: expect.not.stringMatching(/^(org)?$/) }],
  ] as const)(
    'can name the organization of a record in %s',
    (organizationRecords, shape) => {
      const { api, send } = open({ organizationRecords });
      send('POST', LIST, { organization_id: 'org' });
      expect(api.records(SHARE)[0]).toMatchObject(shape);
      expect(send('POST', LIST, { organization_id: 'org' }).status).toBe(409);
    },
  );
});

describe('faults', () => {
  it('strike the requests they are meant for', () => {
    const second = {
      method: 'GET',
      pathIncludes: /per_page=1$/,
      nth: 2,
      times: 2,
    };
    const { add, send } = open({
      faults: [
        { when: second, do: { kind: 'response', status: 503 } },
        { when: { method: 'POST' }, do: { kind: 'hang' } },
      ],
      fault: (_, n) => (n === 1 ? { kind: 'reset' } : undefined),
    });
    expect(add('a').delivery).toBe('reset-before');
    expect(add('a').delivery).toBe('hang');
    const statuses = [1, 2, 3, 4].map(
      () => send('GET', `${LIST}?per_page=1`).status,
    );
    expect(statuses).toEqual([200, 503, 503, 200]);
    expect(send('GET', LIST).status).toBe(200);
  });

  it('leave the change undone unless it was committed', () => {
    const failing = { kind: 'response', status: 502 } as const;
    const late = { ...failing, commit: true, commitAfterMs: 4000 };
    const { api, add, clock } = open({
      timeline: { associateMs: 'never' },
      faults: [
        { when: { nth: 1 }, do: failing },
        { when: { nth: 2 }, do: late },
        { when: { nth: 3 }, do: { kind: 'unreadable' } },
      ],
    });
    const recorded = () =>
      api.records(SHARE).map((record) => record.account_id);
    expect([add('a').status, recorded()]).toEqual([502, []]);
    expect([add('b').status, recorded()]).toEqual([502, []]);
    clock.ms += 4000;
    expect(recorded()).toEqual(['b']);
    const unreadable = add('c');
    expect(unreadable.status).toBe(201);
    expect(() => JSON.parse(unreadable.body)).toThrow();
    expect(recorded()).toEqual(['b', 'c']);
  });

  it('respond as the edge does: a problem to those who accept JSON, a page to others', () => {
    const headers = { 'retry-after': '7' };
    const { send } = open({
      fault: () => ({ kind: 'response', status: 525, headers }),
    });
    const problem = send('GET', LIST, '', { accept: 'application/json' });
    expect(problem.headers).toMatchObject({
      'content-type': 'application/problem+json',
      'retry-after': '7',
    });
    expect(JSON.parse(problem.body)).toMatchObject({
      status: 525,
      retryable: false,
      cloudflare_error: true,
    });
    expect(send('GET', LIST).headers['content-type']).toContain('text/html');
  });

  // What they do to a socket, and when, is in peer.test.ts.
  it('redirect', () => {
    const to = 'https://elsewhere.example/';
    const { send } = open({ fault: () => ({ kind: 'redirect', to }) });
    expect(send('GET', LIST)).toMatchObject({
      status: 307,
      headers: { location: to },
    });
  });
});
