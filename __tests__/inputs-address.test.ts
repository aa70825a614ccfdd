import { afterEach, describe, expect, it, vi } from 'vitest';
import { isSafeUrl, proxyFor, readInputs } from '../src/inputs.ts';
import { ENV } from './builders.ts';
import { inputsOf } from './read-inputs.ts';

afterEach(() => vi.unstubAllEnvs());

function errorsOf(change: Record<string, string>) {
  return readInputs({ ...ENV, ...change }).errors.map(
    ({ input, message }) => `${input}: ${message}`,
  );
}

const CLOUDFLARE = new URL('https://api.cloudflare.com/client/v4');

describe('the address of the API', () => {
  it.each([
    ['http://127.0.0.1:8080/client/v4/', 'http://127.0.0.1:8080/client/v4'],
    ['http://127.255.0.1', 'http://127.255.0.1'],
    ['http://[::1]:1/', 'http://[::1]:1'],
    ['http://localhost', 'http://localhost'],
    [
      'https://api.example.com/client/v4///',
      'https://api.example.com/client/v4',
    ],
    ['https://API.example.com:443/a//b', 'https://api.example.com/a//b'],
  ])('may be %s', (text, url) => {
    expect(inputsOf({ 'INPUT_API-URL': text }).apiUrl).toBe(url);
  });

  it.each([
    'http://api.example.com/v4',
    'http://127.0.0.1.evil.example',
    'http://evil.example.127.0.0.1.x',
    'http://localhost.evil.example',
    'http://notlocalhost',
    'https://user@example.com',
    'https://:hunter2@example.com',
    'https://example.com/v4?token=hunter2',
    'https://example.com/v4#hunter2',
    'ftp://example.com',
    'ftp://localhost',
    'api',
  ])(
    'may not be %s, which is not shown because it may hold a password',
    (text) => {
      expect(errorsOf({ 'INPUT_API-URL': text })).toEqual([
        'api-url: expected https (http only on loopback), no credentials, query or fragment, got something else. Correct this input.',
      ]);
    },
  );

  it('may get a token over https, or over http on this machine', () => {
    expect(isSafeUrl(new URL('https://example.com'))).toBe(true);
    expect(isSafeUrl(new URL('http://localhost:1'))).toBe(true);
    expect(isSafeUrl(new URL('http://example.com'))).toBe(false);
    expect(isSafeUrl(new URL('ws://localhost'))).toBe(false);
  });
});

describe('the proxy', () => {
  it.each([
    ['http://proxy.example:3128', 'http://proxy.example:3128/'],
    [' https://user:p%40ss@10.0.0.1 ', 'https://user:p%40ss@10.0.0.1/'],
    ['HTTP://proxy.example', 'http://proxy.example/'],
    ['10.0.0.1:3128', 'http://10.0.0.1:3128/'],
    ['proxy.example:3128', 'http://proxy.example:3128/'],
    ['user:word@proxy.example:3128', 'http://user:word@proxy.example:3128/'],
    ['http://[::1]:3128/', 'http://[::1]:3128/'],
  ])('may be %s', (address, url) => {
    for (const name of ['HTTPS_PROXY', 'https_proxy']) {
      expect(proxyFor(CLOUDFLARE, { [name]: address })?.href).toBe(url);
      expect(errorsOf({ [name]: address })).toEqual([]);
    }
  });

  it.each([
    'http://user:60@@@',
    'http://user:50%off@proxy.example:3128',
    'http://50%off:word@proxy.example:3128',
    'http://user:p@ss/word@proxy.example',
    'http://user:5?x@proxy.example',
    'http://user:5#x@proxy.example',
    'http://proxy.example/path',
    'http://proxy.example?query',
    'http://proxy.example#hash',
    'socks5://proxy.example:1080',
    'xhttp://proxy.example/',
    'httpx://proxy.example/',
    'http://proxy.example:99999',
  ])(
    'may not be %s, which is not shown because it may hold a password',
    (address) => {
      for (const name of ['HTTPS_PROXY', 'https_proxy']) {
        expect(errorsOf({ [name]: address })).toEqual([
          'HTTPS_PROXY: expected http://USERNAME:PASSWORD@HOST:PORT, got something else. URL-encode the password.',
        ]);
      }
      // It is not used for a server on this machine.
      expect(
        errorsOf({
          HTTPS_PROXY: address,
          'INPUT_API-URL': 'http://127.0.0.1:1',
        }),
      ).toEqual([]);
    },
  );

  it('is the one in lower case where both are set, and none where they are empty', () => {
    const both = { https_proxy: 'http://lower', HTTPS_PROXY: 'http://upper' };
    expect(proxyFor(CLOUDFLARE, both)?.host).toBe('lower');
    expect(proxyFor(CLOUDFLARE, { ...both, https_proxy: '' })?.host).toBe(
      'upper',
    );
    expect(proxyFor(CLOUDFLARE, { https_proxy: ' ' })).toBeNull();
    expect(
      proxyFor(CLOUDFLARE, {
        http_proxy: 'http://proxy',
        HTTP_PROXY: 'http://proxy',
      }),
    ).toBeNull();
  });

  it('is not used for http, for this machine, and for the hosts of NO_PROXY', () => {
    const env = { HTTPS_PROXY: 'http://proxy.example' };
    expect(proxyFor(new URL('http://api.example.com'), env)).toBeNull();
    expect(proxyFor(new URL('https://localhost:8443'), env)).toBeNull();
    expect(proxyFor(CLOUDFLARE, env)).not.toBeNull();
    vi.stubEnv('NO_PROXY', 'other.example, .cloudflare.com');
    expect(proxyFor(CLOUDFLARE, env)).toBeNull();
    expect(proxyFor(new URL('https://api.example.com'), env)).not.toBeNull();
  });
});
