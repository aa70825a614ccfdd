import { describe, expect, it } from 'vitest';
import { errorsIn, inputsOf, messagesIn } from './environment.ts';

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
    ['http://api.example.com/v4', 'http on another host'],
    ['http://127.0.0.1.evil.example', 'http on another host'],
    ['http://localhost.evil.example', 'http on another host'],
    ['http://notlocalhost', 'http on another host'],
    ['https://user@example.com', 'credentials'],
    ['https://:hunter2@example.com', 'credentials'],
    ['https://example.com/v4?token=hunter2', 'a query'],
    ['https://example.com/v4#hunter2', 'a fragment'],
    [
      'http://hunter2@example.com?a#b',
      'http on another host and credentials and a query and a fragment',
    ],
    ['ftp://localhost', 'another protocol'],
    ['hunter2:secret', 'another protocol'],
    ['api', 'no URL'],
  ])(
    'cannot be %s, which is not shown: it may hold a password',
    (text, got) => {
      expect(messagesIn({ 'INPUT_API-URL': text })).toEqual([
        `api-url: expected https (http only on loopback), no credentials, query or fragment, got ${got}. Correct this input.`,
      ]);
    },
  );
});

describe('the proxy', () => {
  it.each(['http://proxy.example:3128', ' https://user:p%40ss@10.0.0.1 '])(
    'may be %s',
    (address) => {
      expect(errorsIn({ HTTPS_PROXY: address })).toEqual([]);
    },
  );

  it.each([
    'http://user:60@@@',
    'http://user:50%off@proxy.example:3128',
    'http://50%off:password@proxy.example:3128',
    'http://user:p@ss/word@proxy.example',
    'socks5://proxy.example:1080',
  ])('cannot be %s, which is not shown: it may hold a password', (address) => {
    for (const name of ['HTTPS_PROXY', 'https_proxy']) {
      expect(messagesIn({ [name]: address })).toEqual([
        `${name}: expected http://HOST:PORT or http://USERNAME:PASSWORD@HOST:PORT, got another form of address. Use http or https without a path, and URL-encode the username and the password.`,
      ]);
    }
    // It is not used for a server on this machine.
    const local = { 'INPUT_API-URL': 'http://127.0.0.1:1' };
    expect(errorsIn({ HTTPS_PROXY: address, ...local })).toEqual([]);
  });
});
