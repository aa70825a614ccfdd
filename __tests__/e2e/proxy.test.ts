import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { HOST, trustedWith, withoutNameServer } from './certificate.ts';
import { leaks } from './leaks.ts';
import { runWithProxy } from './proxy-server.ts';
import {
  accountIn,
  accounts,
  activeRecords,
  RECIPIENT,
  type Run,
  TOKEN,
} from './scenario.ts';

const PASSWORD = 'Tn2Bv7/Xr5@Mc8Jd3Hf6';
const BASIC = `Basic ${Buffer.from(`ops:${PASSWORD}`).toString('base64')}`;

const withoutPassword = (proxy: string) => ({ HTTPS_PROXY: `http://${proxy}` });
const withPassword = (proxy: string) => ({
  HTTPS_PROXY: `http://ops:${encodeURIComponent(PASSWORD)}@${proxy}`,
  RUNNER_DEBUG: '1',
});

/** A proxy that speaks https, whose certificate is trusted. */
const overTls = (host: string, certificate: string) => (proxy: string) => ({
  HTTPS_PROXY: `https://ops:pass-word@${proxy.replace('127.0.0.1', host)}`,
  NODE_EXTRA_CA_CERTS: trustFile(certificate),
});

const folder = mkdtempSync(join(tmpdir(), 'proxy-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A file for NODE_EXTRA_CA_CERTS: the simulator's authority, and this one. */
function trustFile(name: string): string {
  const file = join(folder, `${name}.pem`);
  writeFileSync(file, trustedWith(name));
  return file;
}

/** What the runner is to mask. */
function masksOf({ stdout }: Run): string[] {
  return [...stdout.matchAll(/^::add-mask::(.*)$/gm)].map(([, mask = '']) =>
    mask.replaceAll('%25', '%'),
  );
}

function expectAdded(run: Run): void {
  expect(run).toMatchObject({
    exitCode: 0,
    stderr: '',
    errors: [],
    outputs: { status: 'associated' },
  });
  expect(activeRecords(run)).toHaveLength(1);
}

describe.concurrent('a proxy', () => {
  it.concurrent.each(['HTTPS_PROXY', 'https_proxy'])(
    'is used when %s names it',
    async (name) => {
      const { run, connects } = await runWithProxy((proxy) => ({
        [name]: `http://${proxy}`,
      }));
      expectAdded(run);
      for (const { target } of connects)
        expect(target).toMatch(/^api\.share\.test:\d+$/);
      // The list and the read of the share are sent together; everything after
      // them uses their connections.
      expect(connects.length).toBeGreaterThanOrEqual(1);
      expect(connects.length).toBeLessThanOrEqual(2);
      expect(run.connections).toBeLessThanOrEqual(2);
    },
  );

  it.concurrent.each(['127.0.0.1', 'localhost'])(
    'is used when it is named without http://: %s',
    async (name) => {
      const { run, connects } = await runWithProxy((proxy) => ({
        HTTPS_PROXY: proxy.replace('127.0.0.1', name),
      }));
      expectAdded(run);
      expect(connects.length).toBeGreaterThan(0);
    },
  );

  it('gets its user and password, which show nowhere', async () => {
    const { run, connects } = await runWithProxy(withPassword);
    expectAdded(run);
    expect(connects.length).toBeGreaterThan(0);
    for (const { authorization } of connects) expect(authorization).toBe(BASIC);
    for (const { headers } of run.requests)
      expect(headers).not.toHaveProperty('proxy-authorization');
    expect(leaks(run, [PASSWORD, TOKEN])).toEqual([]);
    expect(run.stdout).toContain(`::add-mask::${PASSWORD}\n`);
  });

  it('has a password that is masked, and a user that is not, because GitHub drops outputs with a mask', async () => {
    const { run } = await runWithProxy((proxy) => ({
      HTTPS_PROXY: `http://ci:Zk4Wq9Tn2Bv7@${proxy}`,
    }));
    expectAdded(run);
    expect(masksOf(run)).toEqual([TOKEN, 'Zk4Wq9Tn2Bv7']);
  });

  it('has a user without a password that is not masked', async () => {
    const { run } = await runWithProxy((proxy) => ({
      HTTPS_PROXY: `http://ci@${proxy}`,
    }));
    expectAdded(run);
    expect(masksOf(run)).toEqual([TOKEN]);
  });

  it('has a password that is masked behind a user with an @', async () => {
    const { run, connects } = await runWithProxy((proxy) => ({
      HTTPS_PROXY: `http://user@corp:Zk4W@q9Tn2Bv7@${proxy}`,
    }));
    expectAdded(run);
    const credentials = Buffer.from('user@corp:Zk4W@q9Tn2Bv7');
    expect(connects[0]?.authorization).toBe(
      `Basic ${credentials.toString('base64')}`,
    );
    expect(masksOf(run)).toEqual([TOKEN, 'Zk4W@q9Tn2Bv7', 'Zk4W%40q9Tn2Bv7']);
  });

  it.concurrent.each(['204 No Content', '201 Created', '299 Fine'])(
    'opens a tunnel with any 2xx: %s',
    async (opened) => {
      const { run } = await runWithProxy(withoutPassword, { opened });
      expectAdded(run);
      expect(run.stdout).not.toContain('rejected');
    },
  );

  it.concurrent.each([
    ['localhost', 'proxy-name'],
    ['127.0.0.1', 'proxy-address'],
  ])(
    'may speak https, with a certificate for its own name: %s',
    async (host, certificate) => {
      const { run, connects } = await runWithProxy(overTls(host, certificate), {
        certificate,
      });
      expectAdded(run);
      expect(connects[0]?.authorization).toMatch(/^Basic /);
    },
  );

  it.concurrent.each([
    ['localhost', 'api-name', 'Host: localhost'],
    ['127.0.0.1', 'proxy-name', 'IP: 127.0.0.1'],
  ])(
    'that speaks https gets no password with a certificate for another name: %s, %s',
    async (host, certificate, reason) => {
      const { run, connects } = await runWithProxy(overTls(host, certificate), {
        certificate,
      });
      expect(run).toMatchObject({ exitCode: 1, requests: [], connections: 0 });
      expect(connects).toEqual([]);
      expect(run.errors).toMatchObject([
        {
          title: 'Certificate of the proxy not valid',
          message: expect.stringMatching(
            `^the certificate of the proxy ${host}:\\d+ \\(HTTPS_PROXY\\): .*${reason}.* the host in HTTPS_PROXY:`,
          ),
        },
      ]);
    },
  );

  it('that speaks no TLS, but has an address with https, gets advice', async () => {
    const { run } = await runWithProxy((proxy) => ({
      HTTPS_PROXY: `https://${proxy}`,
    }));
    expect(run).toMatchObject({ exitCode: 1, requests: [] });
    expect(run.errors).toHaveLength(1);
    expect(run.stdout).not.toContain('retrying');
    expect(run.errors[0]?.message).toMatch(
      /^HTTPS_PROXY says https:\/\/, but 127\.0\.0\.1:\d+ does not speak TLS; write http:\/\//,
    );
  });

  it('has a password that the debug output of a library does not show either', async () => {
    const { run } = await runWithProxy((proxy) => ({
      ...withPassword(proxy),
      DEBUG: '*',
      NODE_DEBUG: '',
    }));
    expectAdded(run);
    expect(leaks(run, [PASSWORD, TOKEN])).toEqual([]);
  });

  it.concurrent.each([502, 503])(
    'that responds with %i for a moment is asked again',
    async (status) => {
      const busy = `HTTP/1.1 ${status} Busy\r\nContent-Length: 0\r\n\r\n`;
      const { run } = await runWithProxy(withoutPassword, {
        responses: [busy, busy],
      });
      expectAdded(run);
      expect(run.posts).toHaveLength(1);
    },
  );
});

it.concurrent.each([502, 503])(
  'a write for which a proxy responds with %i for a moment was not sent, and is sent once',
  async (status) => {
    const busy = `HTTP/1.1 ${status} Busy\r\nContent-Length: 0\r\n\r\n`;
    // The list and the share have a connection each; four writes at a time need
    // two more.
    const { run, connects } = await runWithProxy(withoutPassword, {
      responses: [undefined, undefined, busy, busy],
      inputs: { 'recipient-account-id': accounts(4).join(' ') },
    });
    expect(connects.length).toBeGreaterThanOrEqual(4);
    expect(run).toMatchObject({
      exitCode: 0,
      errors: [],
      outputs: { status: 'associated' },
    });
    expect(run.posts.map(accountIn).sort()).toEqual(accounts(4));
  },
);

describe.concurrent('a proxy that does not respond', () => {
  it('fails the step at its timeout, with outputs and summary', async () => {
    const { run } = await runWithProxy(withoutPassword, {
      response: null,
      inputs: { timeout: '5s' },
      killAfterMs: 20_000,
    });
    expect(run).toMatchObject({
      exitCode: 1,
      signal: null,
      stderr: '',
      outputs: { changed: 'false' },
    });
    expect(run.errors).toMatchObject([{ title: 'Timed out' }]);
    expect(run.summary).toContain('Timed out');
  });

  it('does not delay a cancellation', async () => {
    const { run } = await runWithProxy(withoutPassword, {
      response: null,
      cancelWhenAsked: true,
    });
    // Ten seconds after the first signal, the runner would have killed it.
    expect(run).toMatchObject({ exitCode: 1, signal: null, stderr: '' });
    expect(run.errors).toMatchObject([{ title: 'Run cancelled' }]);
  });
});

describe.concurrent('a proxy that rejects the connection', () => {
  it.concurrent.each([
    ['Basic realm="corp"', 'it offers Basic'],
    [
      'Negotiate, NTLM',
      'it offers Negotiate, NTLM, and the action supports only Basic',
    ],
  ])(
    'with 407 is named, with what it offers and the form of an address: %s',
    async (offer, reason) => {
      const { run, connects } = await runWithProxy(withPassword, {
        response: `HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: ${offer}\r\nContent-Length: 0\r\n\r\n`,
      });
      expect(run).toMatchObject({ exitCode: 1, requests: [], connections: 0 });
      expect(connects.length).toBeLessThanOrEqual(2);
      expect(run.errors).toMatchObject([
        { title: 'Connection through the proxy failed' },
      ]);
      expect(run.errors[0]?.message).toContain(`HTTP 407; ${reason}. `);
      expect(run.errors[0]?.message).toContain('http://USERNAME:PASSWORD@HOST');
      expect(leaks(run, [PASSWORD, TOKEN])).toEqual([]);
    },
  );

  it.concurrent.each(['200 OK', '502 Bad Gateway'])(
    'with a header of a megabyte is not read: %s',
    async (line) => {
      const { run } = await runWithProxy(withoutPassword, {
        response: `HTTP/1.1 ${line}\r\nx-filler: ${'x'.repeat(1_000_000)}`,
      });
      expect(run).toMatchObject({ exitCode: 1, requests: [], connections: 0 });
      expect(run.errors).toMatchObject([
        { message: expect.stringContaining('Header overflow') },
      ]);
    },
  );

  it('with 403 is not mistaken for Cloudflare', async () => {
    const { run } = await runWithProxy(withoutPassword, {
      response: 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n',
    });
    expect(run).toMatchObject({ exitCode: 1, requests: [], connections: 0 });
    expect(run.errors).toMatchObject([
      {
        title: 'Connection through the proxy failed',
        message: expect.stringMatching(/proxy.*HTTP 403/),
      },
    ]);
  });

  it('with what looks like a response of Cloudflare is not trusted, because only TLS shows who responds', async () => {
    const records = [
      { id: 'forged', account_id: RECIPIENT, association_status: 'associated' },
    ];
    const body = JSON.stringify({
      success: true,
      errors: [],
      messages: [],
      result: records,
    });
    const { run } = await runWithProxy(withoutPassword, {
      response: `HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    });
    expect(run).toMatchObject({
      exitCode: 1,
      requests: [],
      outputs: { 'recipient-id': '' },
    });
  });

  it.concurrent.each([
    ['its header', BASIC],
    ['the password', PASSWORD],
  ])(
    'does not make the log show %s, which it echoes in a line that is no header',
    async (_, echo) => {
      const { run } = await runWithProxy(withPassword, {
        response: `HTTP/1.1 400 Bad\r\nrejected ${echo}\r\n\r\n`,
      });
      expect(run.exitCode).toBe(1);
      expect(run.errors).toHaveLength(1);
      expect(leaks(run, [PASSWORD, echo])).toEqual([]);
    },
  );
});

describe.concurrent('the address of a proxy', () => {
  it.concurrent.each([
    `http://ops:${PASSWORD}@`,
    `ops:${PASSWORD}@`,
    'http://ops:12%@',
    'http://ops:34#@',
  ])(
    'that cannot be read ends the run before the first request, and is not shown: %s',
    async (credentials) => {
      const { run, connects } = await runWithProxy((proxy) => ({
        HTTPS_PROXY: credentials + proxy,
        RUNNER_DEBUG: '1',
      }));
      expect(run).toMatchObject({
        exitCode: 1,
        requests: [],
        outputs: { 'recipient-id': '' },
      });
      expect(connects).toEqual([]);
      expect(run.errors).toMatchObject([
        {
          title: 'Invalid inputs: no request was sent',
          message: expect.stringMatching(
            /^HTTPS_PROXY: expected http:\/\/USERNAME:PASSWORD/,
          ),
        },
      ]);
      expect(leaks(run, [PASSWORD, credentials])).toEqual([]);
    },
  );

  it('at which nothing listens is named with the cause and without the password', async () => {
    const { run } = await runWithProxy(() => withPassword('127.0.0.1:9'), {
      inputs: { timeout: '10s' },
    });
    expect(run).toMatchObject({ exitCode: 1, requests: [] });
    expect(run.errors[0]?.title).toBe('Connection through the proxy failed');
    expect(run.errors[0]?.message).toContain(
      'the proxy 127.0.0.1:9 (HTTPS_PROXY) made no connection: connect ECONNREFUSED 127.0.0.1:9',
    );
    expect(leaks(run, [PASSWORD])).toEqual([]);
  });
});

// These ask the name server of the machine, which may lose a request.
describe.concurrent('no proxy is used', () => {
  it.concurrent.each([
    ['NO_PROXY', HOST],
    ['no_proxy', `localhost, ${HOST}`],
    ['NO_PROXY', '.share.test'],
  ])('when %s is %s', async (name, value) => {
    const { run, connects } = await runWithProxy(
      (proxy) => ({
        ...withoutPassword(proxy),
        ...withoutNameServer,
        [name]: value,
      }),
      {
        inputs: { timeout: '10s' },
      },
    );
    // Only the proxy knows the name, so that a direct connection ends at the
    // name server.
    expect(connects).toEqual([]);
    expect(run).toMatchObject({ exitCode: 1, requests: [] });
    expect(run.errors[0]?.message).toMatch(
      /getaddrinfo (ENOTFOUND|EAI_AGAIN) api\.share\.test/,
    );
  });

  it('when NO_PROXY has the host, even if the address of the proxy cannot be used', async () => {
    const { run, connects } = await runWithProxy(
      () => ({
        ...withoutNameServer,
        HTTPS_PROXY: 'socks://[',
        NO_PROXY: HOST,
      }),
      {
        inputs: { timeout: '10s' },
      },
    );
    expect(connects).toEqual([]);
    expect(run.errors[0]?.message).toMatch(
      /getaddrinfo (ENOTFOUND|EAI_AGAIN) api\.share\.test/,
    );
  });

  it('on loopback', async () => {
    const { run, connects } = await runWithProxy(withoutPassword, {
      host: 'localhost',
    });
    expectAdded(run);
    expect(connects).toEqual([]);
  });
});
