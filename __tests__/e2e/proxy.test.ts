import { describe, expect, it } from 'vitest';
import { expectAdded, expectFailure } from './expectations.ts';
import { leaks } from './leaks.ts';
import { runWithProxy } from './proxy-server.ts';
import { bodyOf, shown, TOKEN } from './scenario.ts';

const PASSWORD = 'Tn2Bv7/Xr5@Mc8Jd3Hf6';
const BASIC = `Basic ${Buffer.from(`ops:${PASSWORD}`).toString('base64')}`;

const withoutPassword = (proxy: string) => ({ HTTPS_PROXY: `http://${proxy}` });
const withPassword = (proxy: string) => ({
  HTTPS_PROXY: `http://ops:${encodeURIComponent(PASSWORD)}@${proxy}`,
  RUNNER_DEBUG: '1',
});

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
});

describe.concurrent('a proxy that does not respond', () => {
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
