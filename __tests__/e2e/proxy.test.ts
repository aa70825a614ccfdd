import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { leaks, liveRows, type Played, play, type Scene, TIMED, TOKEN } from './stage.ts';

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));
const AUTHORITY = fixture('authority.pem');
const tls = {
  key: readFileSync(fixture('server-key.pem'), 'utf8'),
  cert: readFileSync(fixture('server.pem'), 'utf8'),
};
const HOST = 'api.share.test';
const PASSWORD = 'Tn2Bv7/Xr5@Mc8Jd3Hf6';

interface Proxy {
  /** Without credentials. */
  address: string;
  /** What was asked of it: `host:port`, and the credentials. */
  connects: Array<{ target: string; authorization: string | undefined }>;
  close(): Promise<void>;
}

/** A proxy that knows one name, as one in a company would; with `answer` it gives that instead of a tunnel, or nothing. */
async function startProxy(answer?: string | null): Promise<Proxy> {
  const connects: Proxy['connects'] = [];
  const sockets = new Set<Socket>();
  const server = createServer((_, response) => response.writeHead(400).end());
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})));
  server.on('connect', ({ url = '', headers }, socket: Socket) => {
    connects.push({ target: url, authorization: headers['proxy-authorization'] });
    if (answer === null) return;
    if (answer !== undefined) {
      socket.end(answer);
      return;
    }
    const [name, port] = url.split(':');
    if (name !== HOST) {
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      return;
    }
    const there = connect(Number(port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      there.pipe(socket).pipe(there);
    });
    sockets.add(there.on('error', () => socket.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    connects,
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Plays a run against a simulator with a certificate, and with a proxy that `env` may name. */
async function through(
  env: (proxy: string) => Record<string, string>,
  { answer, ...scene }: Scene & { answer?: string | null } = {},
): Promise<{ run: Played; connects: Proxy['connects'] }> {
  const proxy = await startProxy(answer);
  try {
    const run = await play({
      host: HOST,
      server: { tls },
      ...scene,
      env: { NODE_EXTRA_CA_CERTS: AUTHORITY, ...env(proxy.address) },
    });
    return { run, connects: proxy.connects };
  } finally {
    await proxy.close();
  }
}

function expectShared(run: Played): void {
  expect(run).toMatchObject({ exitCode: 0, stderr: '', errors: [], outputs: { status: 'associated' } });
  expect(liveRows(run)).toHaveLength(1);
}

describe.concurrent('through a proxy', () => {
  it.concurrent.each(['HTTPS_PROXY', 'https_proxy'])('that %s names', async (name) => {
    const { run, connects } = await through((proxy) => ({ [name]: `http://${proxy}` }));
    expectShared(run);
    for (const { target } of connects) expect(target).toMatch(/^api\.share\.test:\d+$/);
    // The list and the read of the share go out together; everything after them uses what they opened.
    expect(connects.length).toBeGreaterThanOrEqual(1);
    expect(connects.length).toBeLessThanOrEqual(2);
    expect(run.connections).toBeLessThanOrEqual(2);
  });

  it('that is named without http://', async () => {
    const { run, connects } = await through((proxy) => ({ HTTPS_PROXY: proxy }));
    expectShared(run);
    expect(connects.length).toBeGreaterThan(0);
  });

  it('with its user and password', async () => {
    const { run, connects } = await through((proxy) => ({
      HTTPS_PROXY: `http://ops:${encodeURIComponent(PASSWORD)}@${proxy}`,
      RUNNER_DEBUG: '1',
    }));
    expectShared(run);
    const basic = `Basic ${Buffer.from(`ops:${PASSWORD}`).toString('base64')}`;
    for (const { authorization } of connects) expect(authorization).toBe(basic);
    for (const { headers } of run.requests) expect(headers).not.toHaveProperty('proxy-authorization');
    expect(leaks(run, [PASSWORD, TOKEN])).toEqual([]);
  });

  it('that never answers: the step ends at its timeout, with its outputs', TIMED, async () => {
    const env = (proxy: string) => ({ HTTPS_PROXY: `http://${proxy}` });
    const { run } = await through(env, { answer: null, inputs: { timeout: '3s' }, killAfterMs: 20_000 });
    expect(run).toMatchObject({ exitCode: 1, signal: null, stderr: '', outputs: { changed: 'false' } });
    expect(run.ms).toBeLessThan(8000);
    expect(run.errors).toMatchObject([{ title: 'The time was up' }]);
    expect(run.summary).toContain('The time was up');
  });

  it('that never answers: a cancel ends the step', TIMED, async () => {
    const env = (proxy: string) => ({ HTTPS_PROXY: `http://${proxy}` });
    const { run } = await through(env, { answer: null, signalAfter: { ms: 1500 } });
    expect(run).toMatchObject({ exitCode: 1, signal: null, stderr: '' });
    expect(run.ms).toBeLessThan(5000);
    expect(run.errors).toMatchObject([{ title: 'Cancelled' }]);
  });

  it.concurrent.each([
    ['its header', `Basic ${Buffer.from(`ops:${PASSWORD}`).toString('base64')}`],
    ['the password', PASSWORD],
  ])('that echoes %s in a line that is no header', async (_, echo) => {
    const { run } = await through(
      (proxy) => ({ HTTPS_PROXY: `http://ops:${encodeURIComponent(PASSWORD)}@${proxy}`, RUNNER_DEBUG: '1' }),
      { answer: `HTTP/1.1 400 Bad\r\nrejected ${echo}\r\n\r\n`, inputs: { timeout: '2s' } },
    );
    expect(run.exitCode).toBe(1);
    expect(run.errors[0]?.message).toContain('rejected');
    expect(leaks(run, [PASSWORD, echo])).toEqual([]);
  });

  it('whose password is not told by the debug output of a library either', async () => {
    const { run } = await through((proxy) => ({
      HTTPS_PROXY: `http://ops:${encodeURIComponent(PASSWORD)}@${proxy}`,
      DEBUG: '*',
    }));
    expectShared(run);
    expect(leaks(run, [PASSWORD, TOKEN])).toEqual([]);
  });

  it('that wants a password: 407 is named as the answer of the proxy', async () => {
    const { run, connects } = await through(
      (proxy) => ({ HTTPS_PROXY: `http://ops:${encodeURIComponent(PASSWORD)}@${proxy}` }),
      {
        answer:
          'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n',
      },
    );
    expect(run).toMatchObject({ exitCode: 1, requests: [], connections: 0 });
    expect(connects.length).toBeLessThanOrEqual(2);
    expect(run.errors).toMatchObject([{ title: expect.stringMatching(/^The proxy /) }]);
    expect(run.errors[0]?.message).toMatch(/the proxy wants credentials, HTTP 407.*HTTPS_PROXY/);
    expect(leaks(run, [PASSWORD, TOKEN])).toEqual([]);
  });

  it('that does not let it through: 403 is not taken for an answer of Cloudflare', async () => {
    const { run } = await through((proxy) => ({ HTTPS_PROXY: `http://${proxy}` }), {
      answer: 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n',
      inputs: { timeout: '5s' },
    });
    expect(run).toMatchObject({ exitCode: 1, requests: [], connections: 0 });
    expect(run.errors[0]?.title).not.toBe('Cloudflare refused the credentials');
    expect(run.errors[0]?.message).toMatch(/proxy.*HTTP 403/);
  });

  it('that answers in the place of Cloudflare: it is not believed, as nothing but TLS shows who answers', async () => {
    const rows = [
      { id: 'forged', account_id: 'a7b9c1d24e8f4063b5d7e9f1a3c5b7d9', association_status: 'associated' },
    ];
    const body = JSON.stringify({ success: true, errors: [], messages: [], result: rows });
    const { run } = await through((proxy) => ({ HTTPS_PROXY: `http://${proxy}` }), {
      answer: `HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      inputs: { timeout: '5s' },
    });
    expect(run).toMatchObject({ exitCode: 1, requests: [], outputs: { 'recipient-id': '' } });
  });

  it.concurrent.each([`http://ops:${PASSWORD}@`, `ops:${PASSWORD}@`, 'http://ops:12%@', 'http://ops:34#@'])(
    'that cannot be read: nothing goes past it, and it is not shown (%s)',
    async (credentials) => {
      const { run, connects } = await through((proxy) => ({
        HTTPS_PROXY: credentials + proxy,
        RUNNER_DEBUG: '1',
      }));
      expect(run).toMatchObject({ exitCode: 1, requests: [], outputs: { 'recipient-id': '' } });
      expect(connects).toEqual([]);
      expect(run.errors).toHaveLength(1);
      expect(run.errors[0]?.message).toContain('`HTTPS_PROXY` (environment variable)');
      expect(leaks(run, [PASSWORD, credentials])).toEqual([]);
    },
  );

  it('that is not there: the last cause is told, the password is not', async () => {
    const { run } = await through(
      () => ({ HTTPS_PROXY: `http://ops:${encodeURIComponent(PASSWORD)}@127.0.0.1:9`, RUNNER_DEBUG: '1' }),
      { inputs: { timeout: '3s' } },
    );
    expect(run).toMatchObject({ exitCode: 1, requests: [] });
    expect(run.errors[0]?.message).toContain('connect ECONNREFUSED 127.0.0.1:9');
    expect(leaks(run, [PASSWORD])).toEqual([]);
  });
});

// These ask the name server of the machine, which may lose a question.
describe.concurrent('past a proxy', TIMED, () => {
  it.concurrent.each([
    ['NO_PROXY', HOST],
    ['no_proxy', `localhost, ${HOST}`],
    ['NO_PROXY', '.share.test'],
  ])('where %s is %s', async (name, value) => {
    const { run, connects } = await through((proxy) => ({ HTTPS_PROXY: `http://${proxy}`, [name]: value }), {
      inputs: { timeout: '3s' },
    });
    // Only the proxy knows the name, so a direct way ends at the DNS.
    expect(connects).toEqual([]);
    expect(run).toMatchObject({ exitCode: 1, requests: [] });
    expect(run.errors[0]?.message).toMatch(/getaddrinfo (ENOTFOUND|EAI_AGAIN) api\.share\.test/);
  });

  it('on loopback', async () => {
    const { run, connects } = await through((proxy) => ({ HTTPS_PROXY: `http://${proxy}` }), {
      host: 'localhost',
    });
    expectShared(run);
    expect(connects).toEqual([]);
  });
});

describe.concurrent('a name or a certificate that is no good', TIMED, () => {
  const inputs = { timeout: '3s' };

  it('the name is not known', async () => {
    const { run } = await through(() => ({}), { inputs });
    expect(run.errors).toMatchObject([{ title: 'The host name could not be resolved' }]);
    expect(run.errors[0]?.message).toContain(HOST);
  });

  it('the authority is not trusted without NODE_EXTRA_CA_CERTS, and the error names that variable', async () => {
    const { run } = await through((proxy) => ({ HTTPS_PROXY: `http://${proxy}`, NODE_EXTRA_CA_CERTS: '' }), {
      inputs,
    });
    expect(run).toMatchObject({ exitCode: 1, requests: [] });
    expect(run.errors).toMatchObject([{ title: 'The certificate is not trusted' }]);
    expect(run.errors[0]?.message).toMatch(/unable to verify the first certificate.*NODE_EXTRA_CA_CERTS/);
  });

  it('the certificate is for another name', async () => {
    const { run } = await through(() => ({}), {
      host: '127.0.0.2',
      inputs,
      server: { tls, host: '127.0.0.2' },
    });
    expect(run).toMatchObject({ exitCode: 1, requests: [] });
    expect(run.errors).toMatchObject([{ title: 'The certificate is not trusted' }]);
    expect(run.errors[0]?.message).toContain("IP: 127.0.0.2 is not in the cert's list");
  });
});
