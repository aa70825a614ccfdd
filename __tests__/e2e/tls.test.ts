import { describe, expect, it } from 'vitest';
import { AUTHORITY, tls } from './certificate.ts';
import { expectFailure } from './expectations.ts';
import { runWithProxy } from './proxy-server.ts';
import { runScenario } from './scenario.ts';

/**
 * The simulator has a certificate for `localhost` too, so that no proxy is
 * necessary.
 */
const direct = { server: { tls }, host: 'localhost' };

// Other certificates are in cloudflare/http-client-tls.test.ts.
describe.concurrent('over TLS', () => {
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
      expectFailure(run, 'TLS certificate not trusted', 'NODE_EXTRA_CA_CERTS');
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
