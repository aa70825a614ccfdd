import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { expectAdded, expectFailedRequest } from './expectations.ts';
import {
  account,
  accountIn,
  accounts,
  activeRecords,
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

// The members one by one are in cloudflare/records.test.ts.
describe.concurrent('a malformed list fails the step after three attempts', () => {
  it.concurrent.each<[string, string]>([
    ['a very deep list', '['.repeat(200_000)],
    ['an ID with a line break', bodyOf([{ ...record, id: `${RECORD}\nx` }])],
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

  it('may have a byte order mark, as the reply to a POST may', async () => {
    const run = await runScenario({
      api: {
        fault: ({ method, path }) =>
          path.includes('/recipients')
            ? respondWith(`\uFEFF${bodyOf(method === 'GET' ? [] : record)}`)
            : undefined,
      },
      inputs: { wait: 'false' },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: { 'recipient-id': RECORD },
    });
    expect(run.stdout).not.toContain('retrying');
  });
});

it.concurrent('a response that is not HTTP as specified is not mistaken for a lost connection', async ({
  expect,
  onTestFinished,
}) => {
  const server = createServer((socket) =>
    socket
      .on('error', () => {})
      .once('data', () =>
        socket.end(
          'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}',
        ),
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
      message: expect.stringMatching(/Content-Length/),
    },
  ]);
});

describe.concurrent('a malformed response to a poll', () => {
  it('never ends the wait before the timeout', async () => {
    const another = respondWith(bodyOf({ ...record, id: OTHER_RECORD }));
    const run = await runWithFault(another, {
      path: ONE_RECORD,
      api: { newId: () => RECORD },
      inputs: { timeout: '10s' },
    });
    expect(run).toMatchObject({
      exitCode: 1,
      stderr: '',
      outputs: {
        'recipient-id': RECORD,
        status: 'associating',
        changed: 'true',
      },
    });
    expect(run.errors).toMatchObject([
      {
        title: 'Timed out',
        message: expect.stringMatching(
          /the last poll failed: .*GET …\/recipients\//,
        ),
      },
    ]);
    expect(run.polls.length).toBeGreaterThan(1);
  });

  it('is followed by another poll, also after more than a read attempts', async () => {
    const run = await runWithFault(respondWith('<html>busy</html>'), {
      path: ONE_RECORD,
      times: 4,
    });
    expectAdded(run);
    expect(run.polls).toHaveLength(5);
  });
});

it.concurrent('a malformed share does not end the run', async () => {
  expectAdded(await runWithFault(respondWith('[]'), { path: SHARE_ONLY }));
});

it.concurrent('an error body with members of odd types is no internal error, and nothing of what was done is lost', async () => {
  const replies: Array<[number, string]> = [
    [503, '{"retry_after": {"toString": 1}}'],
    [
      400,
      '{"success": false, "errors": [{"code": {"toString": 1}, ' +
        '"message": {"toString": 1}, "error_chain": {"length": 3}, ' +
        '"source": [null]}, null, 7], "messages": {"0": 1}}',
    ],
    [
      500,
      '{"title": [], "detail": {"toJSON": 1}, "error_code": {"valueOf": 1}, ' +
        '"retryable": "no"}',
    ],
    [429, '{"success": false, "errors": [], "retry_after": {"toString": 1}}'],
  ];
  const ids = accounts(1 + replies.length);
  const run = await runScenario({
    api: {
      fault: ({ method, body }) => {
        const at = ids.slice(1).findIndex((id) => body.includes(id));
        const [status, text] = replies[at] ?? [];
        return method === 'POST' && text !== undefined
          ? respondWith(text, status)
          : undefined;
      },
    },
    inputs: { 'recipient-account-id': ids.join(), timeout: '10s' },
  });
  expect(run).toMatchObject({
    exitCode: 1,
    signal: null,
    stderr: '',
    outputs: { status: 'mixed', changed: 'true' },
  });
  expect(run.recipients).toMatchObject([
    {
      recipient_id: activeRecords(run, account(0))[0]?.id,
      status: 'associated',
      changed: true,
      error: null,
    },
    ...replies.map(() => ({
      recipient_id: null,
      changed: false,
      error: expect.any(String),
    })),
  ]);
  expect(run.stdout).not.toMatch(/Internal error|TypeError|\[object /);
  expect(new Set(run.posts.map(accountIn))).toEqual(new Set(ids));
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
        inputs: { timeout: '10s' },
      },
    ],
  ])('%s', async (_, scenario) => {
    const run = await runScenario({ ...scenario, killAfterMs: 30_000 });
    expect(run).toMatchObject({ exitCode: 1, signal: null, stderr: '' });
    expect(run.errors).toHaveLength(1);
    expect(run.errors[0]?.message.length).toBeLessThan(2000);
  });
});
