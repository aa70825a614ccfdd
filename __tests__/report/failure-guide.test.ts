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
import { expectSentences } from '../sentences.ts';
import { DOCS, failureOf, requestFailure } from './results.ts';

const TOKEN: Circumstances = {
  wasRead: 'list',
  writeWasAccepted: false,
  credentials: 'token',
  refusedFor: 'removals',
  isShareListed: false,
  dryRun: false,
};
const KEY: Circumstances = { ...TOKEN, credentials: 'key' };
const DRY_RUN: Circumstances = { ...TOKEN, dryRun: true };
const UNREAD: Circumstances = {
  ...TOKEN,
  wasRead: 'nothing',
};

describe('the failure guide', () => {
  it.each(Object.values(TITLES))('has a short title: %s', (title) => {
    expect(title).toMatch(/^[A-Z]/);
    expect(title.split(' ').length).toBeLessThanOrEqual(6);
  });

  it('has a hint for each topic, but one', () => {
    const hinted = RULES.map(({ cause, topic }) => topic ?? cause);
    const others = Object.keys(OTHER_HINTS);
    const without = Object.keys(TITLES).filter(
      (topic) => ![...hinted, ...others].includes(topic),
    );
    // Nothing general is true of a rejection: its reason says what it is.
    expect(without).toEqual(['rejected']);
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

  const auth = (kind: Parameters<typeof request>[1], code: number | null) =>
    request('authentication', kind, code);

  const cases: Record<string, readonly [Failure, Circumstances]> = {
    'a token that can only read': [auth('create', 10000), TOKEN],
    'a token that cannot remove either': [auth('delete', 10000), TOKEN],
    'a key whose user can only read': [auth('create', 10000), KEY],
    'credentials that could not even read': [auth('list', 10000), UNREAD],
    'credentials that were revoked during the run': [
      auth('recipient', 9109),
      TOKEN,
    ],
    'a kind of credentials that is not accepted': [auth('list', 1001), UNREAD],
    'a key that is not accepted': [auth('create', 10405), KEY],
    'a code that is often temporary': [auth('list', 10001), UNREAD],
    'authentication without a listed code': [auth('list', null), UNREAD],
    'a wrong account or address': [request('route', 'list', 7003), UNREAD],
    'a share that is not there': [request('not-found', 'list', 1004), UNREAD],
    'a recipient that is not there': [
      request('not-found', 'recipient', 1004),
      TOKEN,
    ],
    'a write that was rejected with a code that is not listed': [
      request('rejected', 'create', 1017),
      TOKEN,
    ],
    'a read that was rejected': [request('rejected', 'list', 1017), UNREAD],
    'a conflict': [request('conflict', 'create'), TOKEN],
    'the rate limit': [request('rate-limit', 'list'), TOKEN],
    'an incident at Cloudflare': [request('server', 'list'), TOKEN],
    'a connection that worked before': [request('network', 'list'), TOKEN],
    'a connection that never worked': [request('network', 'list'), UNREAD],
    'a certificate of the proxy': [
      request('proxy-certificate-invalid', 'list'),
      UNREAD,
    ],
    // Not from Cloudflare, whose status says nothing about it.
    'a response of something in between': [request('blocked', 'list'), TOKEN],
    'a removal that was not attempted': [failureOf('stopped'), TOKEN],
    'a plan': [failureOf('refused'), TOKEN],
    // A dry run has changed nothing that could be kept or continued.
    'an incident, in a dry run': [request('server', 'list'), DRY_RUN],
    'the end of the time, in a dry run': [failureOf('timeout'), DRY_RUN],
    'a cancellation, in a dry run': [failureOf('cancelled'), DRY_RUN],
    'a removal that would not be attempted': [failureOf('stopped'), DRY_RUN],
    'a conflict, in a dry run': [request('conflict', 'create'), DRY_RUN],
  };

  it('fits the failure, its request and the circumstances', async () => {
    await expectSentences('advice', cases, ([failure, circumstances]) => {
      const { topic, hint } = adviceFor(failure, circumstances);
      return `${TITLES[topic]}. ${hint ?? '(no hint)'}`;
    });
  });

  it('never doubts a secret that has just been used', () => {
    const causes = new Set(RULES.map(({ cause }) => cause));
    const codes = [null, 1001, 1004, 6003, 9109, 10000, 10001, 10405];
    for (const cause of causes) {
      for (const code of codes) {
        for (const kind of ['create', 'list'] as const) {
          const { hint } = adviceFor(request(cause, kind, code), TOKEN);
          expect(hint ?? '').not.toMatch(/right one|reaches this job/);
        }
      }
    }
  });
});
