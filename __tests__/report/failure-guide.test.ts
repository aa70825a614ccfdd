import { describe, expect, it } from 'vitest';
import type { Failure } from '../../src/domain.ts';
import {
  adviceFor,
  type Circumstances,
  helpUrl,
  OTHER_HINTS,
  RULES,
  slug,
  TITLES,
} from '../../src/report/failure-guide.ts';
import { DOCS, failureOf, requestFailure } from './results.ts';

const TOKEN: Circumstances = {
  listWasRead: true,
  credentials: 'token',
  refusedFor: 'removals',
};
const KEY: Circumstances = { ...TOKEN, credentials: 'key' };
const UNREAD: Circumstances = { ...TOKEN, listWasRead: false };

describe('the failure guide', () => {
  it.each(Object.values(TITLES))('has a short title: %s', (title) => {
    expect(title).toMatch(/^[A-Z]/);
    expect(title.split(' ').length).toBeLessThanOrEqual(6);
  });

  it('has no two titles alike', () => {
    const titles = Object.values(TITLES);
    expect(new Set(titles.map(slug)).size).toBe(titles.length);
  });

  it.each([...RULES.map(({ hint }) => hint), ...Object.values(OTHER_HINTS)])(
    'has a hint of whole sentences: %s',
    (hint) => {
      expect(hint).toMatch(/^[A-Z].*\.$/);
      // The summary shows it as it is.
      expect(hint).not.toMatch(/[<>&]|(?<!\w)@/);
    },
  );

  it('links to a section of the documentation, where its address is known', () => {
    const url = `${DOCS}#invalid-inputs-no-request-was-sent`;
    expect(helpUrl('inputs', DOCS.replace('/troubleshooting.md', ''))).toBe(
      url,
    );
    expect(helpUrl('inputs', null)).toBeNull();
  });

  it.each([
    ['Timed out', 'timed-out'],
    ['Cloudflare API error', 'cloudflare-api-error'],
    ['A: b, `c` & d-e_f', 'a-b-c--d-e_f'],
  ])('has the anchor that GitHub gives to %j', (heading, anchor) => {
    expect(slug(heading)).toBe(anchor);
  });
});

describe('the advice', () => {
  const request = (
    cause: Failure['cause'],
    kind: 'create' | 'delete' | 'list' | 'share' | 'recipient',
    code: number | null = null,
  ) => requestFailure(cause, 'no', { kind, code });

  it.each<[string, Failure, Circumstances, string, string | null]>([
    [
      'a token that can only read',
      request('authentication', 'create', 10000),
      TOKEN,
      'read-only',
      'can read this share but not change it. Use api-email and',
    ],
    [
      'a token that cannot remove either',
      request('authentication', 'delete', 10000),
      TOKEN,
      'read-only',
      'or a token with edit permission',
    ],
    [
      'a key whose user can only read',
      request('authentication', 'create', 10000),
      KEY,
      'read-only',
      'The user of the key can read this share',
    ],
    [
      'credentials that could not even read',
      request('authentication', 'list', 10000),
      UNREAD,
      'authentication',
      'Check that the secret reaches this job',
    ],
    [
      'credentials that were revoked during the run',
      request('authentication', 'recipient', 9109),
      TOKEN,
      'authentication',
      'worked when this run read the list',
    ],
    [
      'a kind of credentials that is not accepted',
      request('authentication', 'list', 1001),
      UNREAD,
      'authentication',
      'does not accept this kind of credentials',
    ],
    [
      'a key that is not accepted',
      request('authentication', 'create', 10405),
      KEY,
      'authentication',
      'Use an api-token.',
    ],
    [
      'a code that is often temporary',
      request('authentication', 'list', 10001),
      UNREAD,
      'authentication',
      'often temporary',
    ],
    [
      'authentication without a listed code',
      request('authentication', 'list'),
      UNREAD,
      'authentication',
      null,
    ],
    [
      'a wrong account or address',
      request('route', 'list', 7003),
      UNREAD,
      'route',
      'account-id and api-url',
    ],
    [
      'a share that is not there',
      request('not-found', 'list', 1004),
      UNREAD,
      'not-found',
      'share-id',
    ],
    [
      'a recipient that is not there',
      request('not-found', 'recipient', 1004),
      TOKEN,
      'not-found',
      null,
    ],
    [
      'a write that was rejected with a code that is not listed',
      request('rejected', 'create', 1017),
      TOKEN,
      'rejected',
      null,
    ],
    [
      'a read that was rejected',
      request('rejected', 'list', 1017),
      UNREAD,
      'rejected',
      null,
    ],
    [
      'a conflict',
      request('conflict', 'create'),
      TOKEN,
      'conflict',
      'Wait until the other change is complete',
    ],
    [
      'the rate limit',
      request('rate-limit', 'list'),
      TOKEN,
      'rate-limit',
      'The limit is per user',
    ],
    [
      'an incident at Cloudflare',
      request('server', 'list'),
      TOKEN,
      'server',
      'cloudflarestatus.com',
    ],
    [
      'a connection that worked before',
      request('network', 'list'),
      TOKEN,
      'network',
      'The connection worked before',
    ],
    [
      'a connection that never worked',
      request('network', 'list'),
      UNREAD,
      'network',
      'set HTTPS_PROXY',
    ],
    [
      'a certificate of the proxy',
      request('proxy-certificate-invalid', 'list'),
      UNREAD,
      'proxy-certificate-invalid',
      'the host in HTTPS_PROXY',
    ],
    [
      'a removal that was not attempted',
      failureOf('stopped'),
      TOKEN,
      'stopped',
      'Fix the other failure',
    ],
    ['a plan', failureOf('refused'), TOKEN, 'refused', 'Nothing was changed'],
  ])('fits %s', (_, failure, circumstances, topic, hint) => {
    const advice = adviceFor(failure, circumstances);
    expect(advice.topic).toBe(topic);
    if (hint === null) expect(advice.hint).toBeNull();
    else expect(advice.hint).toContain(hint);
  });

  it('does not send the reader to Cloudflare when something in between responded', () => {
    const { hint } = adviceFor(request('blocked', 'list'), TOKEN);
    expect(hint).not.toContain('status');
  });

  it('never doubts a secret that has just been used', () => {
    const causes = new Set(RULES.map(({ cause }) => cause));
    const codes = [null, 1001, 1004, 6003, 9109, 10000, 10001, 10405];
    for (const cause of causes) {
      for (const code of codes) {
        for (const kind of ['create', 'list'] as const) {
          const { hint } = adviceFor(request(cause, kind, code), TOKEN);
          expect(hint ?? '').not.toContain('reaches this job');
        }
      }
    }
  });
});
