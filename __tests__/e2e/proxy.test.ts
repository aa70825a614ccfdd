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

function busy(status: number): string {
  return `HTTP/1.1 ${status} Busy\r\nContent-Length: 0\r\n\r\n`;
}

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

// Addresses, responses to CONNECT, and TLS are in cloudflare/proxy.test.ts.
describe.concurrent('a proxy', () => {
  it('gets its user and password, which show nowhere', async () => {
    const { run, connects } = await runWithProxy((proxy) => ({
      ...withPassword(proxy),
      // The debug output of a library does not show them either.
      DEBUG: '*',
    }));
    expectAdded(run);
    // The list and the read of the share are sent together; everything after
    // them uses their connections.
    expect(connects.length).toBeGreaterThanOrEqual(1);
    expect(connects.length).toBeLessThanOrEqual(2);
    expect(run.connections).toBeLessThanOrEqual(2);
    for (const { target, authorization } of connects) {
      expect(target).toMatch(/^api\.share\.test:\d+$/);
      expect(authorization).toBe(BASIC);
    }
    for (const { headers } of run.requests)
      expect(headers).not.toHaveProperty('proxy-authorization');
    expect(leaks(run, [PASSWORD, TOKEN])).toEqual([]);
    expect(run.stdout).toContain(`::add-mask::${PASSWORD}\n`);
  });

  it('has a password that is masked, and a user that is not, because GitHub drops outputs with a mask', async () => {
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

  it('may be named in lower case and without http://, and opens a tunnel with any 2xx', async () => {
    const { run, connects } = await runWithProxy(
      (proxy) => ({ https_proxy: proxy.replace('127.0.0.1', 'localhost') }),
      { opened: '204 No Content' },
    );
    expectAdded(run);
    expect(connects.length).toBeGreaterThan(0);
    expect(run.stdout).not.toContain('rejected');
  });

  it('may speak https, with a certificate for its own name', async () => {
    const { run, connects } = await runWithProxy(
      overTls('localhost', 'proxy-name'),
      { certificate: 'proxy-name' },
    );
    expectAdded(run);
    expect(connects[0]?.authorization).toMatch(/^Basic /);
  });

  it('that speaks https gets no password with a certificate for another name', async () => {
    const { run, connects } = await runWithProxy(
      overTls('localhost', 'api-name'),
      { certificate: 'api-name' },
    );
    expect(run).toMatchObject({ exitCode: 1, requests: [], connections: 0 });
    expect(connects).toEqual([]);
    expect(run.errors).toMatchObject([
      {
        title: 'Certificate of the proxy not valid',
        message: expect.stringMatching(
          /^the certificate of the proxy localhost:\d+ \(HTTPS_PROXY\): .*Host: localhost.* the host in HTTPS_PROXY:/,
        ),
      },
    ]);
  });

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

  it('that rejects for a moment is asked again', async () => {
    const { run } = await runWithProxy(withoutPassword, {
      responses: [502, 503].map(busy),
    });
    expectAdded(run);
    expect(run.posts).toHaveLength(1);
  });

  it('that rejects a write for a moment has not sent it, and the write is sent once', async () => {
    // The list and the share have a connection each; four writes at a time need
    // two more.
    const { run, connects } = await runWithProxy(withoutPassword, {
      responses: [undefined, undefined, busy(502), busy(503)],
      inputs: { 'recipient-account-id': accounts(4).join(' ') },
    });
    expect(connects.length).toBeGreaterThanOrEqual(4);
    expect(run).toMatchObject({
      exitCode: 0,
      errors: [],
      outputs: { status: 'associated' },
    });
    expect(run.posts.map(accountIn).sort()).toEqual(accounts(4));
  });
});

describe.concurrent('a proxy that does not respond', () => {
  it('fails the step at its timeout, with outputs and summary', async () => {
    const { run } = await runWithProxy(withoutPassword, {
      response: null,
      inputs: { timeout: '10s' },
      killAfterMs: 40_000,
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
  it('with 407 is named, with what it offers and the form of an address', async () => {
    const { run, connects } = await runWithProxy(withPassword, {
      response:
        'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Negotiate, NTLM\r\nContent-Length: 0\r\n\r\n',
    });
    expect(run).toMatchObject({ exitCode: 1, requests: [], connections: 0 });
    expect(connects.length).toBeLessThanOrEqual(2);
    expect(run.errors).toMatchObject([
      { title: 'Connection through the proxy failed' },
    ]);
    const message = run.errors[0]?.message ?? '';
    expect(message).toContain(
      'HTTP 407; it offers Negotiate, NTLM, and the action supports only Basic. ',
    );
    expect(message).toContain('http://USERNAME:PASSWORD@HOST');
    expect(leaks(run, [PASSWORD, TOKEN])).toEqual([]);
  });

  it('with a header of a megabyte is not read', async () => {
    const { run } = await runWithProxy(withoutPassword, {
      response: `HTTP/1.1 200 OK\r\nx-filler: ${'x'.repeat(1_000_000)}`,
    });
    expect(run).toMatchObject({ exitCode: 1, requests: [], connections: 0 });
    expect(run.errors).toMatchObject([
      { message: expect.stringContaining('Header overflow') },
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

  it('does not make the log show its credentials, which it echoes in a line that is no header', async () => {
    const { run } = await runWithProxy(withPassword, {
      response: `HTTP/1.1 400 Bad\r\nrejected ${BASIC} ${PASSWORD}\r\n\r\n`,
    });
    expect(run.exitCode).toBe(1);
    expect(run.errors).toHaveLength(1);
    expect(leaks(run, [PASSWORD, BASIC])).toEqual([]);
  });
});

describe.concurrent('the address of a proxy', () => {
  it('that cannot be read ends the run before the first request, and is not shown', async () => {
    const { run, connects } = await runWithProxy((proxy) => ({
      HTTPS_PROXY: `http://ops:${PASSWORD}#@${proxy}`,
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
    expect(leaks(run, [PASSWORD])).toEqual([]);
  });

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

describe.concurrent('no proxy is used', () => {
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
    // Only the proxy knows the name, so that a direct connection ends at the
    // name server.
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
