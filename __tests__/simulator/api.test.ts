import { describe, expect, it } from 'vitest';
import {
  createSharesApi,
  type Reply,
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
  const record = (path = `${LIST}?include_resources=true`) =>
    JSON.parse(send('GET', path).body).result[0];
  return { api, clock, send, add, record };
}

const code = (reply: Reply): unknown => JSON.parse(reply.body).errors[0]?.code;

describe('timelines', () => {
  it('walks through the steps of an account, known or not', () => {
    const broken = {
      error: 'try again',
      resource_id: 'r',
      resource_version: 1,
      terminal: false,
    };
    const { clock, add, record } = open({
      timelines: {
        a: {
          steps: [
            { afterMs: 1000, status: 'validating', resources: [broken] },
            { afterMs: 2000, status: 'associated' },
            { afterMs: 3000, resources: null },
            { afterMs: 4000, status: 'associating', resources: [] },
          ],
        },
      },
    });
    add('a');
    const seen = [0, 1000, 1000, 1000, 1000, 1e9].map((ms) => {
      clock.ms += ms;
      const { association_status: status, resources } = record();
      return [status, resources];
    });
    expect(seen).toEqual([
      ['associating', []],
      ['validating', [broken]],
      ['associated', [broken]],
      ['associated', null],
      ['associating', []],
      ['associating', []],
    ]);
  });

  it('shows errors from when they appear until they clear', () => {
    const error = {
      error: 'retried',
      resource_id: 'r',
      resource_version: 0,
      terminal: false,
    };
    const { clock, add, record } = open({
      timeline: {
        associateMs: 100,
        errors: [{ ...error, afterMs: 50, clearsMs: 200 }],
      },
    });
    add('a');
    expect(record().resources).toEqual([]);
    clock.ms += 150;
    expect(record()).toMatchObject({
      association_status: 'associated',
      resources: [error],
    });
    clock.ms += 50;
    expect(record().resources).toEqual([]);
  });

  it('drops what was still to come when a recipient is removed', () => {
    const { api, clock, add, send, record } = open({
      timeline: { associateMs: 100, disassociateMs: 'never' },
    });
    const { id } = JSON.parse(add('a').body).result;
    expect(send('DELETE', `${LIST}/${id}`).status).toBe(200);
    clock.ms += 1e9;
    expect(record().association_status).toBe('disassociating');
    expect(send('DELETE', `${LIST}/${id}`).status).toBe(200);
    expect(api.records(SHARE)).toHaveLength(1);
  });

  it('changes records that are there from the start in their own time', () => {
    const { api, clock } = open();
    for (const status of [
      'associating',
      'disassociating',
      'associated',
      'novel',
    ]) {
      api.addRecipient(SHARE, {
        status,
        settle: { associateMs: 10, disassociateMs: 10 },
      });
    }
    api.addRecipient(SHARE, { status: 'novel' });
    clock.ms += 10;
    const statuses = api
      .records(SHARE)
      .map(({ association_status: status }) => status);
    expect(statuses).toEqual([
      'associated',
      'disassociated',
      'associated',
      'associated',
      'novel',
    ]);
  });

  it.each(['settle', 'timelines'] as const)(
    'never mixes the steps in %s with the time of all other records',
    (where) => {
      const own = { steps: [{ afterMs: 500, status: 'disassociated' }] };
      const { api, clock, record } = open({
        timeline: { associateMs: 250, disassociateMs: 70 },
        timelines: where === 'timelines' ? { a: own } : {},
      });
      api.addRecipient(SHARE, {
        accountId: 'a',
        status: 'associating',
        ...(where === 'settle' ? { settle: own } : {}),
      });
      const seen = [0, 250, 249, 1].map((ms) => {
        clock.ms += ms;
        return record().association_status;
      });
      expect(seen).toEqual([
        'associating',
        'associating',
        'associating',
        'disassociated',
      ]);
    },
  );

  it('keeps the time of all records for what its own timeline leaves open', () => {
    const { api, clock, send, record } = open({
      timeline: { associateMs: 250, disassociateMs: 70 },
    });
    const id = api.addRecipient(SHARE, {
      status: 'associating',
      settle: { associateMs: 10 },
    });
    clock.ms += 10;
    expect(record().association_status).toBe('associated');
    send('DELETE', `${LIST}/${id}`);
    clock.ms += 70;
    expect(record().association_status).toBe('disassociated');
  });

  it('moves a record on by reads, in the list or by ID, whatever the clock says', () => {
    const { clock, add, send, record } = open({
      timeline: {
        associateReads: 3,
        disassociateReads: 1,
        steps: [{ afterReads: 1, status: 'validating' }],
      },
    });
    const created = JSON.parse(add('a').body).result;
    expect(created.association_status).toBe('associating');
    const read = (): string => {
      clock.ms += 1e6;
      return record().association_status;
    };
    const readOne = (): string =>
      JSON.parse(send('GET', `${LIST}/${created.id}`).body).result
        .association_status;
    expect([read(), readOne(), read(), readOne(), readOne()]).toEqual([
      'associating',
      'validating',
      'validating',
      'associated',
      'associated',
    ]);
    send('DELETE', `${LIST}/${created.id}`);
    expect([readOne(), read(), read()]).toEqual([
      'disassociating',
      'disassociated',
      'disassociated',
    ]);
  });

  it('shows `associated` in the first read, but not in the reply, with no read before', () => {
    const { api, add, record } = open({ timeline: { associateReads: 0 } });
    const created = JSON.parse(add('a').body).result;
    expect(created.association_status).toBe('associating');
    expect(api.records(SHARE)[0]?.association_status).toBe('associating');
    expect(record().association_status).toBe('associated');
  });

  it('shows and clears errors after reads', () => {
    const error = { error: 'retried', resource_id: 'r', resource_version: 0 };
    const { add, record } = open({
      timeline: {
        associateReads: 0,
        errors: [{ ...error, afterReads: 1, clearsReads: 3 }],
      },
    });
    add('a');
    const seen = [1, 2, 3, 4].map(() => record().resources);
    expect(seen).toEqual([[], [error], [error], []]);
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
    const { clock, add, send, record } = open({
      timeline: { associateReads: 2 },
      staleMs: 1000,
      fault: (_, n) => faults[n as keyof typeof faults],
    });
    add('a');
    clock.ms += 1000;
    for (let n = 2; n < 7; n += 1) send('GET', LIST);
    const seen = [1, 2, 3].map(() => record().association_status);
    expect(seen).toEqual(['associating', 'associating', 'associated']);

    const stale = open({ timeline: { associateReads: 1 }, staleMs: 1000 });
    const { id } = JSON.parse(stale.add('a').body).result;
    expect(stale.send('GET', `${LIST}/${id}`).status).toBe(404);
    stale.clock.ms += 1000;
    expect(stale.record().association_status).toBe('associating');
    expect(stale.record().association_status).toBe('associated');
  });

  it('rejects a time together with a number of reads', () => {
    const { add } = open({ timeline: { associateMs: 1, associateReads: 1 } });
    expect(() => add('a')).toThrow('exclude each other');
  });

  it.each([
    ['the time', { disassociateMs: 70 }, { disassociateReads: 0 }],
    ['the reads', { disassociateReads: 5 }, { disassociateMs: 0 }],
  ])(
    'replaces %s of all records by the other kind in its own timeline',
    (_, timeline, settle) => {
      const { api, record } = open({ timeline });
      api.addRecipient(SHARE, { status: 'disassociating', settle });
      expect(record().association_status).toBe('disassociated');
    },
  );

  it('shows reads as they were some time ago', () => {
    const { api, clock, add, send } = open({
      staleMs: 3000,
      timeline: { associateMs: 1000 },
    });
    const { id } = JSON.parse(add('a').body).result;
    const total = (): number =>
      JSON.parse(send('GET', `${LIST}?page=1`).body).result_info.total_count;
    expect(total()).toBe(0);
    expect(send('GET', `${LIST}/${id}`).status).toBe(404);
    expect(api.records(SHARE)).toHaveLength(1);
    expect(add('a').status).toBe(409);
    clock.ms += 3000;
    expect(total()).toBe(1);
    expect(
      JSON.parse(send('GET', `${LIST}/${id}`).body).result.association_status,
    ).toBe('associating');
    clock.ms += 1000;
    expect(
      JSON.parse(send('GET', `${LIST}/${id}`).body).result.association_status,
    ).toBe('associated');
  });
});

describe('what is not published', () => {
  it('changes `modified` with every step, or only with a write', () => {
    for (const keepsModified of [false, true]) {
      const { clock, add, send, record } = open({
        timeline: { keepsModified },
      });
      const startMs = clock.ms;
      add('a');
      const modifiedMs = () => Date.parse(record().modified) - startMs;
      clock.ms += 5000;
      expect([record().association_status, modifiedMs()]).toEqual([
        'associated',
        keepsModified ? 0 : 2000,
      ]);
      send('DELETE', `${LIST}/${record().id}`);
      clock.ms += 5000;
      expect([record().association_status, modifiedMs()]).toEqual([
        'disassociated',
        keepsModified ? 5000 : 7000,
      ]);
    }
  });

  it('shows earlier states of the records, and which record a POST made', () => {
    const { api, clock, add } = open();
    const startMs = clock.ms;
    add('a');
    clock.ms += 5000;
    expect(api.requests.at(-1)?.recipientId).toBe(api.records(SHARE)[0]?.id);
    const statuses = [startMs - 1, startMs, clock.ms].map((ms) => {
      return api.records(SHARE, ms).map((one) => one.association_status);
    });
    expect(statuses).toEqual([[], ['associating'], ['associated']]);
  });
});

describe('what the API rejects', () => {
  it('rejects a live duplicate unless a test allows it, and takes a former recipient back', () => {
    const strict = open({ timeline: { disassociateMs: 0 } });
    const { id } = JSON.parse(strict.add('a').body).result;
    expect(strict.add('a').status).toBe(409);
    strict.send('DELETE', `${LIST}/${id}`);
    expect(strict.add('a').status).toBe(201);
    expect(strict.api.records(SHARE)).toHaveLength(2);
    const lax = open({ duplicates: 'accept' });
    expect([lax.add('a').status, lax.add('a').status]).toEqual([201, 201]);
    expect(lax.api.records(SHARE)).toHaveLength(2);
  });

  it('rejects its owner, listed accounts, ambiguous and unreadable bodies', () => {
    const { api, add, send } = open({
      rejectAccounts: {
        foreign: {
          status: 422,
          code: 1234,
          message: 'not in your organization',
        },
      },
    });
    expect(add(OWNER).status).toBe(400);
    expect(add('foreign')).toMatchObject({
      status: 422,
      body: expect.stringContaining('"code":1234'),
    });
    for (const body of [
      '',
      'recipient_account_id=a',
      '[]',
      '"a"',
      { recipient_account_id: 7 },
      { organization_id: '??' },
    ]) {
      expect(send('POST', LIST, body).status).toBe(400);
    }
    expect(
      send('POST', LIST, { recipient_account_id: 'a', organization_id: 'o' })
        .status,
    ).toBe(400);
    expect(api.records(SHARE)).toEqual([]);
    expect(api.wholeOrganizationPosts).toEqual([]);
  });

  it('takes an empty id for none at all, and the deprecated name for the account', () => {
    const { api, add, send } = open();
    expect(add('').status).toBe(201);
    expect(api.wholeOrganizationPosts).toHaveLength(1);
    expect(
      JSON.parse(send('POST', LIST, { account_id: 'old' }).body).result
        .account_id,
    ).toBe('old');
  });

  it('rejects by the state and the kind of the share', () => {
    const shareOf = (more: object) => ({
      shares: [{ accountId: OWNER, shareId: SHARE, name: 'x', ...more }],
    });
    expect(open(shareOf({ status: 'deleting' })).add('a').status).toBe(409);
    const organizational = open(
      shareOf({ targetType: 'organization', organizationId: 'org' }),
    );
    expect(organizational.add('a').status).toBe(400);
    expect(
      organizational.send('POST', LIST, { organization_id: 'other' }).status,
    ).toBe(400);
    expect(
      organizational.send('POST', LIST, { organization_id: 'org' }).status,
    ).toBe(201);
  });

  it('may reject the removal of what is still associating', () => {
    const { clock, add, send } = open({
      rejectDeleteWhileAssociating: true,
      timeline: { associateMs: 10 },
    });
    const { id } = JSON.parse(add('a').body).result;
    expect(send('DELETE', `${LIST}/${id}`).status).toBe(409);
    clock.ms += 10;
    expect(send('DELETE', `${LIST}/${id}`).status).toBe(200);
  });

  it('knows its routes and methods', () => {
    const { send } = open();
    expect([send('GET', '/user').status, code(send('GET', '/user'))]).toEqual([
      404, 7003,
    ]);
    expect(
      code(send('GET', `/accounts/${'a'.repeat(33)}/shares/${SHARE}`)),
    ).toBe(7003);
    expect(send('PATCH', LIST)).toMatchObject({
      status: 405,
      headers: { allow: 'GET, POST' },
    });
    for (const query of ['page=0', 'page=1.5', 'per_page=0', 'per_page=x']) {
      expect(send('GET', `${LIST}?${query}`).status).toBe(400);
    }
  });

  it('asks for credentials', () => {
    const { send } = open({ tokens: ['token'] });
    const nobody = { authorization: '' };
    expect(send('GET', LIST, '', nobody).status).toBe(401);
    expect([
      send('POST', LIST, {}, nobody).status,
      code(send('POST', LIST, {}, nobody)),
    ]).toEqual([403, 10000]);
    expect(
      send('GET', LIST, '', { authorization: 'Bearer guess' }).status,
    ).toBe(403);
  });
});

describe('the record of an organization', () => {
  it.each([
    ['account_id', { account_id: 'org' }],
    ['organization_id', { account_id: '', organization_id: 'org' }],
    ['neither', { account_id: expect.not.stringMatching(/^(org)?$/) }],
  ] as const)(
    'can carry the organization in %s',
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
    const { add, send } = open({
      faults: [
        {
          when: {
            method: 'GET',
            pathIncludes: /per_page=1$/,
            nth: 2,
            times: 2,
          },
          do: { kind: 'response', status: 503 },
        },
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
    const { api, add, clock } = open({
      timeline: { associateMs: 'never' },
      faults: [
        { when: { nth: 1 }, do: { kind: 'response', status: 502 } },
        {
          when: { nth: 2 },
          do: {
            kind: 'response',
            status: 502,
            commit: true,
            commitAfterMs: 4000,
          },
        },
        { when: { nth: 3 }, do: { kind: 'unreadable' } },
      ],
    });
    expect([add('a').status, api.records(SHARE).length]).toEqual([502, 0]);
    expect([add('b').status, api.records(SHARE).length]).toEqual([502, 0]);
    clock.ms += 4000;
    expect(api.records(SHARE).map((record) => record.account_id)).toEqual([
      'b',
    ]);
    const unreadable = add('c');
    expect(unreadable.status).toBe(201);
    expect(() => JSON.parse(unreadable.body)).toThrow();
    expect(api.records(SHARE)).toHaveLength(2);
  });

  it('respond as the edge does: a problem to those who accept JSON, a page to others', () => {
    const { send } = open({
      faults: [
        {
          when: {},
          do: {
            kind: 'response',
            status: 525,
            headers: { 'retry-after': '7' },
          },
        },
      ],
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

  it('spoil real responses', () => {
    const kinds = [
      { kind: 'truncate' },
      { kind: 'slow', delayMs: 900 },
      { kind: 'huge', bytes: 5000 },
      { kind: 'redirect', to: 'https://elsewhere.example/' },
    ] as const;
    const { send } = open({ fault: (_, n) => kinds[n - 1] });
    const [truncated, slow, huge, redirect] = kinds.map(() =>
      send('GET', LIST),
    );
    expect(Number(truncated?.headers['content-length'])).toBeGreaterThan(
      truncated?.body.length ?? 0,
    );
    expect(slow).toMatchObject({ status: 200, delayMs: 900 });
    expect(JSON.parse(huge?.body ?? '').success).toBe(true);
    expect(huge).toMatchObject({
      paddingBytes: 5000,
      headers: { 'content-length': String((huge?.body.length ?? 0) + 5000) },
    });
    expect(redirect).toMatchObject({
      status: 307,
      headers: { location: 'https://elsewhere.example/' },
    });
  });

  it('do not stop the count of requests, and a block is opened again', () => {
    const { clock, send } = open({
      rateLimit: { quota: 1, windowMs: 1000, blockMs: 5000 },
    });
    const statuses = [0, 0, 1000, 4000, 0].map((ms) => {
      clock.ms += ms;
      return send('GET', LIST).status;
    });
    expect(statuses).toEqual([200, 429, 429, 200, 429]);
  });
});
