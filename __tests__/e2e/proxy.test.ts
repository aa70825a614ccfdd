import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { HOST, trustedWith, withoutNameServer } from './certificate.ts';
import { expectAdded, expectFailure, expectSuccess } from './expectations.ts';
import { leaks } from './leaks.ts';
import { runWithProxy } from './proxy-server.ts';
import { accountIn, accounts, bodyOf, shown, TOKEN } from './scenario.ts';

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

const folder = mkdtempSync(join(tmpdir(), 'proxy-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A file for NODE_EXTRA_CA_CERTS: the simulator's authority, and this one. */
function trustFile(name: string): string {
  const file = join(folder, `${name}.pem`);
  writeFileSync(file, trustedWith(name));
  return file;
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
    // GitHub drops outputs with a mask, so the user is none.
    expect(run.stdout).not.toMatch(/^::add-mask::ops$/m);
  });

  it('may speak https, with a certificate for its own name', async () => {
    const { run, connects } = await runWithProxy(
      (proxy) => ({
        HTTPS_PROXY: `https://ops:pass-word@${proxy.replace('127.0.0.1', 'localhost')}`,
        NODE_EXTRA_CA_CERTS: trustFile('proxy-name'),
      }),
      { certificate: 'proxy-name' },
    );
    expectAdded(run);
    expect(connects[0]?.authorization).toMatch(/^Basic /);
  });

  it('that rejects a write for a moment has not sent it, and the write is sent once', async () => {
    // The list and the share have a connection each; four writes at a time need
    // two more.
    const { run, connects } = await runWithProxy(withoutPassword, {
      responses: [undefined, undefined, busy(502), busy(503)],
      targets: accounts(4),
    });
    expect(connects.length).toBeGreaterThanOrEqual(4);
    expectSuccess(run, { status: 'associated' });
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
    expectFailure(run, 'Timed out');
    expect(run).toMatchObject({ stderr: '', outputs: { changed: 'false' } });
    expect(run.summary).toContain('Timed out');
  });

  it('does not delay a cancellation', async () => {
    const { run } = await runWithProxy(withoutPassword, {
      response: null,
      cancelWhenAsked: true,
    });
    // Ten seconds after the first signal, the runner would have killed it.
    expectFailure(run, 'Run cancelled');
    expect(run).toMatchObject({ signal: null, stderr: '' });
  });
});

describe.concurrent('a proxy that rejects the connection', () => {
  it('with 407 is named, with what it offers and the form of an address', async () => {
    const { run, connects } = await runWithProxy(withPassword, {
      response:
        'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Negotiate, NTLM\r\nContent-Length: 0\r\n\r\n',
    });
    expectFailure(
      run,
      'Connection through the proxy failed',
      'HTTP 407; it offers Negotiate, NTLM, and the action supports only Basic. ',
      'http://USERNAME:PASSWORD@HOST',
    );
    expect(run).toMatchObject({ requests: [], connections: 0 });
    expect(connects.length).toBeLessThanOrEqual(2);
    expect(leaks(run, [PASSWORD, TOKEN])).toEqual([]);
  });

  it('with what looks like a response of Cloudflare is not trusted, because only TLS shows who responds', async () => {
    const body = bodyOf([shown({ id: 'forged' })]);
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

it.concurrent('the address of a proxy that cannot be read ends the run before the first request, and is not shown', async () => {
  const { run, connects } = await runWithProxy((proxy) => ({
    HTTPS_PROXY: `http://ops:${PASSWORD}#@${proxy}`,
  }));
  expectFailure(
    run,
    'Invalid inputs: no request was sent',
    /^HTTPS_PROXY: expected http:\/\/HOST:PORT or /,
  );
  expect(run).toMatchObject({ requests: [], outputs: { 'recipient-id': '' } });
  expect(connects).toEqual([]);
  expect(leaks(run, [PASSWORD])).toEqual([]);
});

it.concurrent('no proxy is used when NO_PROXY has the host, even if the address of the proxy cannot be used', async () => {
  const { run, connects } = await runWithProxy(
    () => ({
      ...withoutNameServer,
      HTTPS_PROXY: 'socks://[',
      NO_PROXY: HOST,
    }),
    { inputs: { timeout: '10s' } },
  );
  // Only the proxy knows the name, so that a direct connection ends at the
  // name server.
  expect(connects).toEqual([]);
  expectFailure(
    run,
    'Connection to Cloudflare failed',
    /getaddrinfo (ENOTFOUND|EAI_AGAIN) api\.share\.test/,
  );
});
