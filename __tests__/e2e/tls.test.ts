import { describe, expect, it } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import {
  AUTHORITY,
  certificate,
  HOST,
  tls,
  withoutNameServer,
} from './certificate.ts';
import { runWithProxy } from './proxy-server.ts';
import { type LostConnection, startRelay } from './relay.ts';
import {
  bodyOf,
  LIST,
  ORGANIZATION,
  respondWith,
  runScenario,
  SHARE_ONLY,
  startScenario,
} from './scenario.ts';

const withProxy = (proxy: string) => ({
  HTTPS_PROXY: `http://${proxy}`,
  NODE_EXTRA_CA_CERTS: '',
});
const organization = {
  'recipient-account-id': '',
  'organization-id': ORGANIZATION,
};
/**
 * The first responses close their connections, so that the first write needs
 * one of its own, the third.
 */
const CLOSING = [LIST, SHARE_ONLY].map((pathIncludes) => ({
  when: { method: 'GET', pathIncludes, nth: 1 },
  do: {
    ...respondWith(bodyOf([]), pathIncludes === LIST ? 200 : 404),
    headers: { connection: 'close' },
  } as Fault,
}));

/**
 * The simulator has a certificate for `localhost` too, so that no proxy is
 * necessary.
 */
const direct = { server: { tls }, host: 'localhost' };

describe.concurrent('over TLS', () => {
  it('a host name that is unknown is named', async () => {
    const run = await runScenario({
      host: HOST,
      server: { tls },
      env: withoutNameServer,
      // For one attempt on a busy machine.
      inputs: { timeout: '10s' },
    });
    expect(run.exitCode).toBe(1);
    expect(run.errors).toMatchObject([
      {
        title: 'Connection to Cloudflare failed',
        message: expect.stringContaining(`getaddrinfo`),
      },
    ]);
    expect(run.errors[0]?.message).toContain(HOST);
  });

  it('a certificate of an authority in NODE_EXTRA_CA_CERTS is trusted', async () => {
    const run = await runScenario({
      ...direct,
      env: { NODE_EXTRA_CA_CERTS: AUTHORITY },
    });
    expect(run).toMatchObject({
      exitCode: 0,
      annotations: [],
      outputs: { status: 'associated' },
    });
  });

  // Through a proxy, and with NODE_TLS_REJECT_UNAUTHORIZED, it is below.
  it('an authority that is not trusted fails the step, and the fix names NODE_EXTRA_CA_CERTS', async () => {
    const run = await runScenario(direct);
    expect(run).toMatchObject({ exitCode: 1, requests: [] });
    expect(run.errors).toMatchObject([
      { title: 'TLS certificate not trusted' },
    ]);
    expect(run.errors[0]?.message).toMatch(
      /^unable to verify the first certificate.*NODE_EXTRA_CA_CERTS/,
    );
  });

  it('a NODE_EXTRA_CA_CERTS that names a missing file is in the message', async () => {
    const run = await runScenario({
      ...direct,
      env: { NODE_EXTRA_CA_CERTS: '/no/such/file.pem' },
    });
    expect(run).toMatchObject({ exitCode: 1, requests: [] });
    expect(run.errors).toMatchObject([
      {
        title: 'TLS certificate not trusted',
        message: expect.stringMatching(
          /^unable to verify the first certificate; NODE_EXTRA_CA_CERTS names "\/no\/such\/file\.pem", which does not exist\./,
        ),
      },
    ]);
  });

  it.concurrent.each(['direct', 'through a proxy'])(
    'NODE_TLS_REJECT_UNAUTHORIZED=0 does not send the token to an authority that is not trusted: %s',
    async (way) => {
      const ignored = { NODE_TLS_REJECT_UNAUTHORIZED: '0' };
      const run =
        way === 'direct'
          ? await runScenario({ ...direct, env: ignored })
          : (
              await runWithProxy((proxy) => ({
                ...withProxy(proxy),
                ...ignored,
              }))
            ).run;
      expect(run).toMatchObject({ exitCode: 1, requests: [] });
      expect(run.errors).toMatchObject([
        { title: 'TLS certificate not trusted' },
      ]);
      expect(run.annotations).toContainEqual({
        level: 'warning',
        title: 'TLS verification stays on',
        message: expect.stringContaining(
          'NODE_TLS_REJECT_UNAUTHORIZED=0 is ignored',
        ),
      });
    },
  );

  it.concurrent.each([
    ['expired', 'certificate has expired'],
    ['not-yet-valid', 'certificate is not yet valid'],
    // Node has no code of its own for this.
    ['weak', 'EE certificate key too weak'],
  ])(
    'a certificate that is %s fails the step at once, and the fix does not name NODE_EXTRA_CA_CERTS',
    async (name, reason) => {
      const { file, ...own } = certificate(name);
      const run = await runScenario({
        ...direct,
        server: { tls: own },
        env: { NODE_EXTRA_CA_CERTS: file },
      });
      expect(run).toMatchObject({ exitCode: 1, requests: [] });
      expect(run.errors).toMatchObject([
        {
          title: 'TLS certificate not valid',
          message: expect.stringMatching(`^${reason}\\.`),
        },
      ]);
      expect(run.errors[0]?.message).not.toContain('NODE_EXTRA_CA_CERTS');
      expect(run.errors[0]?.message).not.toContain('HTTPS_PROXY');
      // One for the list, and one for the share.
      expect(run.connections).toBeLessThanOrEqual(2);
    },
  );

  it('a certificate for another name fails the step', async () => {
    const run = await runScenario({
      host: '127.0.0.2',
      server: { tls, host: '127.0.0.2' },
      env: { NODE_EXTRA_CA_CERTS: AUTHORITY },
    });
    expect(run).toMatchObject({ exitCode: 1, requests: [] });
    expect(run.errors).toMatchObject([{ title: 'TLS certificate not valid' }]);
    expect(run.errors[0]?.message).toContain(
      "IP: 127.0.0.2 is not in the cert's list",
    );
    expect(run.errors[0]?.message).not.toContain('NODE_EXTRA_CA_CERTS');
  });
});

describe.concurrent('a POST whose connection', () => {
  it.concurrent.each<[string, LostConnection, Record<string, string>]>([
    ['is cut', 'cut', {}],
    ['never answers', 'silent', organization],
  ])(
    '%s before its TLS handshake is complete was not sent, and is sent after one more list',
    async (_, lost, inputs) => {
      const relay = await startRelay((nth) => (nth === 3 ? lost : 'forward'));
      const started = await startScenario({
        env: { NODE_EXTRA_CA_CERTS: AUTHORITY },
        server: { tls },
        inputs: { 'api-url': relay.url, ...inputs },
        api: { faults: CLOSING },
      });
      relay.forwardTo(started.server.url);
      const run = await started.finished.finally(relay.close);
      expect(run).toMatchObject({
        exitCode: 0,
        errors: [],
        outputs: { status: 'associated', changed: 'true' },
      });
      expect(run.posts).toHaveLength(1);
      const [post] = run.posts;
      const before = run.requests.slice(0, run.requests.indexOf(post as never));
      const lists = before.filter(({ path }) => path.endsWith('/recipients'));
      expect(lists).toHaveLength(2);
      expect(run.stdout).toContain(
        'held back until the next list: not processed: ',
      );
    },
  );
});
