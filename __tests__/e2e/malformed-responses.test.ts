import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { FaultRule } from '../../simulator/faults.ts';
import { expectAdded, expectFailedRequest } from './expectations.ts';
import {
  bodyOf,
  LIST,
  ONE_RECORD,
  OTHER_RECORD,
  RECIPIENT,
  RECORD,
  respondWith,
  runScenario,
  runWithFault,
  type Scenario,
  SHARE_ONLY,
} from './scenario.ts';

const record = {
  id: RECORD,
  account_id: RECIPIENT,
  association_status: 'associated',
  created: '',
  modified: '',
};
const listed = (value: unknown) => bodyOf([value]);

describe.concurrent('a malformed list fails the step after three attempts', () => {
  it.concurrent.each<[string, string]>([
    ['nothing', ''],
    ['null', 'null'],
    ['a list', '[]'],
    ['a text', '"success"'],
    ['no success', '{"result":[]}'],
    ['success as a text', '{"success":"true","result":[]}'],
    ['a very deep list', '['.repeat(200_000)],
    ['result as an object', bodyOf({})],
    ['result as a text', bodyOf('none')],
    ['a record that is null', listed(null)],
    ['a record that is a number', listed(7)],
    ['a record that is a list', listed([record])],
    ['an ID that is a number', listed({ ...record, id: 7 })],
    ['no ID', listed({ ...record, id: undefined })],
    ['an ID with a slash', listed({ ...record, id: '../../x' })],
    ['an ID with a line break', listed({ ...record, id: `${RECORD}\nx` })],
    ['an ID that ends with a line break', listed({ ...record, id: 'abc\n' })],
    [
      'an account with a line break',
      listed({ ...record, account_id: `${RECIPIENT}\n` }),
    ],
    ['an account that is a number', listed({ ...record, account_id: 7 })],
    ['a status that is a number', listed({ ...record, association_status: 1 })],
    ['no status', listed({ ...record, association_status: undefined })],
    ['resources as an object', listed({ ...record, resources: {} })],
    ['a resource that is null', listed({ ...record, resources: [null] })],
    [
      'an error that is a number',
      listed({ ...record, resources: [{ error: 7 }] }),
    ],
    [
      'terminal as a text',
      listed({ ...record, resources: [{ error: 'x', terminal: 'false' }] }),
    ],
  ])('%s', async (_, body) => {
    const run = await runWithFault(respondWith(body));
    expectFailedRequest(run, 'GET …/recipients');
    expect(run.posts).toEqual([]);
    expect(run.lists).toHaveLength(3);
  });
});

describe.concurrent('a list that is not malformed', () => {
  it('may have unknown members and no dates', async () => {
    const { created, modified, ...bare } = {
      ...record,
      brand: { new: [1] },
      resources: [{ error: '' }, {}],
    };
    const run = await runWithFault(respondWith(bodyOf([bare])));
    expect(run).toMatchObject({
      exitCode: 0,
      posts: [],
      outputs: { 'recipient-id': RECORD, changed: 'false' },
    });
    expect(run.recipients).toMatchObject([{ created: null, modified: null }]);
  });

  it('may have the result null, which is read once more and then means empty', async () => {
    const run = await runWithFault(respondWith(bodyOf(null)), {
      inputs: { 'dry-run': 'true' },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      errors: [],
      outputs: { status: 'disassociated', changed: 'true' },
    });
    expect(run.lists).toHaveLength(2);
  });

  it.concurrent.each(['GET', 'POST'])(
    'may have a byte order mark: %s',
    async (method) => {
      const run = await runScenario({
        api: {
          timeline: { associateMs: 0 },
          faults: [
            {
              when: { method, pathIncludes: '/recipients' },
              do: respondWith(
                `\uFEFF${bodyOf(method === 'GET' ? [record] : { ...record })}`,
              ),
            },
          ],
        },
        ...(method === 'POST' && { inputs: { wait: 'false' } }),
      });
      expect(run).toMatchObject({
        exitCode: 0,
        outputs: { 'recipient-id': RECORD },
      });
      expect(run.stdout).not.toContain('retrying');
    },
  );

  it('hides nobody when its result is null once', async () => {
    const run = await runWithFault(respondWith(bodyOf(null)), {
      times: 1,
      recipients: [{ accountId: RECIPIENT, id: RECORD, status: 'associated' }],
    });
    expect(run).toMatchObject({
      exitCode: 0,
      posts: [],
      outputs: { 'recipient-id': RECORD },
    });
  });
});

describe.concurrent('a response that is not HTTP as specified', () => {
  it.concurrent.for<[string, string, RegExp]>([
    [
      'headers of more than 16 KiB',
      `x-filler: ${'x'.repeat(20_000)}\r\ncontent-length: 2`,
      /Header overflow/,
    ],
    ['two lengths', 'content-length: 2\r\ncontent-length: 3', /Content-Length/],
    ['no line end after a header', 'content-length 2', /Invalid header/],
  ])(
    'is not mistaken for a lost connection: %s',
    async ([, headers, reason], { expect, onTestFinished }) => {
      const server = createServer((socket) =>
        socket
          .on('error', () => {})
          .once('data', () =>
            socket.end(`HTTP/1.1 200 OK\r\n${headers}\r\n\r\n{}`),
          ),
      );
      onTestFinished(() => void server.close());
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const { port } = server.address() as AddressInfo;
      const run = await runScenario({
        inputs: { 'api-url': `http://127.0.0.1:${port}`, timeout: '10s' },
      });
      expect(run.exitCode).toBe(1);
      expect(run.errors).toMatchObject([
        {
          title: 'Unexpected response from the API',
          message: expect.stringMatching(reason),
        },
      ]);
    },
  );
});

describe.concurrent('a malformed response to a poll', () => {
  it.concurrent.each<[string, string]>([
    ['null', 'null'],
    ['another record', bodyOf({ ...record, id: OTHER_RECORD })],
    ['resources as a text', bodyOf({ ...record, resources: 'none' })],
  ])('fails the step after three attempts: %s', async (_, body) => {
    const run = await runWithFault(respondWith(body), {
      path: ONE_RECORD,
      api: { newId: () => RECORD },
    });
    expectFailedRequest(run, `GET …/recipients/${RECORD}`);
    expect(run.outputs).toMatchObject({
      'recipient-id': RECORD,
      status: 'associating',
      changed: 'true',
    });
    expect(run.polls).toHaveLength(3);
  });

  it('is retried', async () => {
    expectAdded(
      await runWithFault(respondWith('<html>busy</html>'), {
        path: ONE_RECORD,
        times: 2,
      }),
    );
  });
});

it('a malformed share does not end the run', async () => {
  expectAdded(await runWithFault(respondWith('[]'), { path: SHARE_ONLY }));
});

describe.concurrent('a large response does not keep the run busy', () => {
  // The numbers are no promise: the run would have to be killed if these took
  // longer the larger they are.
  it.concurrent.each<[string, Scenario]>([
    [
      'a message of a million digits',
      {
        api: {
          faults: [
            {
              when: { pathIncludes: LIST },
              do: { kind: 'response', status: 400, message: '1'.repeat(1e6) },
            },
          ],
        },
      },
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
        inputs: { timeout: '8s' },
      },
    ],
  ])('%s', async (_, scenario) => {
    const run = await runScenario({ ...scenario, killAfterMs: 30_000 });
    expect(run).toMatchObject({ exitCode: 1, signal: null, stderr: '' });
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.message.length).toBeLessThan(2000);
  });

  it('a list with more records than a share can have', async () => {
    const size = 30_000;
    const page = (number: number): FaultRule => {
      const records = Array.from({ length: size }, (_, n) => ({
        id: `r${n}-${number}`,
        account_id: `a${n}`,
        association_status: 'associated',
      }));
      const when = {
        pathIncludes:
          number === 1
            ? /recipients\?include_resources=true$/
            : `page=${number}&`,
      };
      return { when, do: respondWith(bodyOf(records, { per_page: size })) };
    };
    const run = await runScenario({
      api: { faults: [1, 2, 3, 4, 5].map(page) },
    });
    expectFailedRequest(run, 'GET …/recipients');
    expect(run.errors[0]?.message).toContain('the list does not end');
    // The fourth page has too many, three times.
    expect(run.lists.map(({ query }) => query['page'])).toEqual([
      undefined,
      '2',
      '3',
      '4',
      '4',
      '4',
    ]);
  });
});
