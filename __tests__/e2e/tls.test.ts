import { describe, expect, it } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import { AUTHORITY, certificate, tls } from './certificate.ts';
import { expectFailure, expectSuccess } from './expectations.ts';
import { runWithProxy } from './proxy-server.ts';
import { startRelay } from './relay.ts';
import {
  bodyOf,
  faultOn,
  LIST,
  respondWith,
  runScenario,
  SHARE_ONLY,
  startScenario,
} from './scenario.ts';

/**
 * The simulator has a certificate for `localhost` too, so that no proxy is
 * necessary.
 */
const direct = { server: { tls }, host: 'localhost' };

// Other certificates are in cloudflare/http-client-tls.test.ts.
describe.concurrent('over TLS', () => {
  it('an authority that is not trusted fails the step, and the fix names NODE_EXTRA_CA_CERTS', async () => {
    const run = await runScenario(direct);
    expectFailure(
      run,
      'TLS certificate not trusted',
      /^unable to verify the first certificate.*NODE_EXTRA_CA_CERTS/,
    );
    expect(run.requests).toEqual([]);
  });

  it.concurrent.each(['direct', 'through a proxy'])(
    'NODE_TLS_REJECT_UNAUTHORIZED=0 does not send the token to an authority that is not trusted: %s',
    async (way) => {
      const env = {
        NODE_EXTRA_CA_CERTS: '',
        NODE_TLS_REJECT_UNAUTHORIZED: '0',
      };
      const throughProxy = (proxy: string) => ({
        ...env,
        HTTPS_PROXY: `http://${proxy}`,
      });
      const run =
        way === 'direct'
          ? await runScenario({ ...direct, env })
          : (await runWithProxy(throughProxy)).run;
      expectFailure(run, 'TLS certificate not trusted');
      expect(run.requests).toEqual([]);
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
  ])(
    'a certificate that is %s fails the step at once, and the fix does not name NODE_EXTRA_CA_CERTS',
    async (name, reason) => {
      const { file, ...invalid } = certificate(name);
      const run = await runScenario({
        ...direct,
        server: { tls: invalid },
        env: { NODE_EXTRA_CA_CERTS: file },
      });
      expectFailure(
        run,
        'TLS certificate not valid',
        new RegExp(`^${reason}\\.`),
      );
      expect(run.errors[0]?.message).not.toMatch(
        /NODE_EXTRA_CA_CERTS|HTTPS_PROXY/,
      );
      expect(run.requests).toEqual([]);
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
    expectFailure(
      run,
      'TLS certificate not valid',
      "IP: 127.0.0.2 is not in the cert's list",
    );
    expect(run.errors[0]?.message).not.toContain('NODE_EXTRA_CA_CERTS');
    expect(run.requests).toEqual([]);
  });
});

/** The first response to this closes its connection. */
function closing(path: RegExp, status: number) {
  const response = {
    ...respondWith(bodyOf([]), status),
    headers: { connection: 'close' },
  } as Fault;
  return faultOn(path, response, { method: 'GET', nth: 1 });
}

it.concurrent('a POST whose connection is cut before its TLS handshake is complete was not sent, and is sent after one more list', async () => {
  // List and share close their connections, so that the POST needs the third.
  const relay = await startRelay((nth) => nth === 3);
  const started = await startScenario({
    env: { NODE_EXTRA_CA_CERTS: AUTHORITY },
    server: { tls },
    inputs: { 'api-url': relay.url },
    faults: [closing(LIST, 200), closing(SHARE_ONLY, 404)],
  });
  relay.forwardTo(started.server.url);
  const run = await started.finished.finally(relay.close);
  expectSuccess(run, { status: 'associated', changed: 'true' });
  expect(run.posts).toHaveLength(1);
  const before = run.requests.slice(
    0,
    run.requests.findIndex(({ method }) => method === 'POST'),
  );
  const lists = before.filter(({ path }) => path.endsWith('/recipients'));
  expect(lists).toHaveLength(2);
  expect(run.stdout).toContain(
    'held back until the next list: not processed: ',
  );
});
