import { describe, expect, it } from 'vitest';
import {
  AUTHORITY,
  certificate,
  HOST,
  tls,
  withoutNameServer,
} from './certificate.ts';
import { runWithProxy } from './proxy-server.ts';
import { runScenario } from './scenario.ts';

const inputs = { timeout: '8s' };
const withProxy = (proxy: string) => ({
  HTTPS_PROXY: `http://${proxy}`,
  NODE_EXTRA_CA_CERTS: '',
});
/**
 * The simulator has a certificate for `localhost` too, so that no proxy is
 * necessary.
 */
const direct = { server: { tls }, host: 'localhost', inputs };

describe.concurrent('over TLS', () => {
  it('a host name that is unknown is named', async () => {
    const run = await runScenario({
      host: HOST,
      server: { tls },
      inputs,
      env: withoutNameServer,
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

  it.concurrent.each(['direct', 'through a proxy'])(
    'an authority that is not trusted fails the step, and the fix names NODE_EXTRA_CA_CERTS: %s',
    async (way) => {
      const run =
        way === 'direct'
          ? await runScenario(direct)
          : (await runWithProxy(withProxy, { inputs })).run;
      expect(run).toMatchObject({ exitCode: 1, requests: [] });
      expect(run.errors).toMatchObject([
        { title: 'TLS certificate not trusted' },
      ]);
      expect(run.errors[0]?.message).toMatch(
        /^unable to verify the first certificate.*NODE_EXTRA_CA_CERTS/,
      );
    },
  );

  it.concurrent.each(['direct', 'through a proxy'])(
    'NODE_TLS_REJECT_UNAUTHORIZED=0 does not send the token to an authority that is not trusted: %s',
    async (way) => {
      const ignored = { NODE_TLS_REJECT_UNAUTHORIZED: '0' };
      const run =
        way === 'direct'
          ? await runScenario({ ...direct, env: ignored })
          : (
              await runWithProxy(
                (proxy) => ({ ...withProxy(proxy), ...ignored }),
                { inputs },
              )
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
  ])(
    'a certificate that is %s fails the step, and the fix does not name NODE_EXTRA_CA_CERTS',
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
    },
  );

  it('a certificate for another name fails the step', async () => {
    const run = await runScenario({
      host: '127.0.0.2',
      server: { tls, host: '127.0.0.2' },
      env: { NODE_EXTRA_CA_CERTS: AUTHORITY },
      inputs,
    });
    expect(run).toMatchObject({ exitCode: 1, requests: [] });
    expect(run.errors).toMatchObject([{ title: 'TLS certificate not valid' }]);
    expect(run.errors[0]?.message).toContain(
      "IP: 127.0.0.2 is not in the cert's list",
    );
    expect(run.errors[0]?.message).not.toContain('NODE_EXTRA_CA_CERTS');
  });
});
