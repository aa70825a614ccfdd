import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ShareRecipient } from '../../src/cloudflare/shares.ts';
import type { Inputs, Target } from '../../src/inputs.ts';
import { duplicates, plan } from '../../src/plan.ts';
import { failed, foretold, type Progress } from '../../src/progress.ts';
import { outputsOf } from '../../src/report/outputs.ts';
import { headline, type Result } from '../../src/report/result.ts';
import { summaryOf } from '../../src/report/summary.ts';
import { sayer } from '../../src/report/text.ts';

const targets = (n: number): Target[] =>
  Array.from({ length: n }, (_, i) => ({ type: 'account', id: `account${String(i).padStart(25, '0')}` }));
const row = (target: Target, status = 'associated', more: Partial<ShareRecipient> = {}): ShareRecipient => ({
  id: `r${target.id.slice(1)}`,
  accountId: target.id,
  organizationId: null,
  status,
  created: '2026-01-01T00:00:00Z',
  modified: '2026-01-01T00:00:00Z',
  resources: [],
  ...more,
});

function resultOf(all: readonly Progress[], more: Partial<Inputs> = {}, name = 'Baseline policies'): Result {
  const inputs: Inputs = {
    accountId: 'owner',
    shareId: 'share',
    targets: [...new Set(all.map((p) => p.target))],
    repeated: [],
    credentials: { kind: 'token', token: 'x' },
    state: 'present',
    wait: true,
    timeoutMs: 600_000,
    dryRun: false,
    summary: true,
    githubToken: null,
    environment: 'cloudflare-share',
    apiUrl: 'https://api.cloudflare.com/client/v4',
    ...more,
  };
  const share = { name, status: 'active', targetType: 'account' };
  return {
    inputs,
    share,
    all,
    trigger: { event: 'release v1', actor: 'octocat' },
    requests: 3,
    tookMs: 1234,
    isCancelled: false,
  };
}

function planned(
  rows: ShareRecipient[],
  some: Target[],
  state: 'present' | 'absent' = 'present',
): Progress[] {
  return plan({ targets: some, state, wait: true }, { rows, share: null, nowMs: 0 });
}

const same = sayer((text) => text);

describe('the summary', () => {
  it('is one block of HTML that names share, recipient and status', () => {
    const some = targets(1);
    const text = summaryOf(
      resultOf(
        planned(
          some.map((target) => row(target)),
          some,
        ),
      ),
      [],
      same,
    );
    expect(text.trimEnd()).not.toMatch(/\n\s*\n/);
    for (const part of [
      '<h3>✅ 1 account has the share',
      'Baseline policies',
      some[0]?.id,
      'associated',
      'release v1',
      'octocat',
      'https://dash.cloudflare.com/owner',
    ])
      expect(text).toContain(part);
  });

  it('stays below its limit for a thousand failures with the worst reasons, and loses none', () => {
    const some = targets(1000);
    const message = '<script>{}&&||'.repeat(100);
    const all = planned([], some).map((p) => failed(p, { cause: 'refused', message }, 1));
    const text = summaryOf(resultOf(all), [], same);
    expect(Buffer.byteLength(text)).toBeLessThan(1_048_576);
    for (const { id } of some) expect(text).toContain(id);
    const recipients = outputsOf(all, 1, same).recipients as { error: string }[];
    expect(recipients).toHaveLength(1000);
    expect(recipients.every(({ error }) => error.startsWith('<script>'))).toBe(true);
    expect(JSON.stringify(recipients).length).toBeLessThan(1_000_000);
  });

  it('shows counts and failures first and folds the rest beyond fifty', () => {
    const some = targets(60);
    const all = planned(
      some.map((target) => row(target)),
      some,
    ).map((p, i) => (i < 3 ? failed(p, { cause: 'refused', message: 'no' }, 1) : p));
    const text = summaryOf(resultOf(all), [], same);
    expect(text).toContain('❌ 3 failed · ✅ 57 done, unchanged');
    expect(text.indexOf('❌ failed</td>')).toBeLessThan(text.indexOf('<details>'));
    expect(text.split('<details>')[1]?.match(/<tr>/g)).toHaveLength(58);
  });

  it('warns of duplicates', () => {
    const some = targets(1);
    const twice = [
      row(some[0] as Target),
      row(some[0] as Target, 'associating', { id: 'other', created: '2026-02-01T00:00:00Z' }),
    ];
    expect(summaryOf(resultOf(planned(twice, some)), duplicates(some, twice), same)).toContain(
      'also there: <code>other</code>',
    );
  });

  it('has no tag, link, mention or blank line that a server could have written', () => {
    const ours =
      /<\/?(h3|h4|p|code|table|thead|tbody|tr|th|td|details|summary|ul|li|strong)>|<br>|<a href="https:\/\/(dash\.cloudflare\.com\/owner|github\.com\/OWNER\/[\w#/-]+|developers\.cloudflare\.com\/[\w/]+)">|<\/a>/g;
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), fc.boolean(), (name, error, terminal) => {
        const hostile = `${error}<img src=x>@octocat [x](http://evil) \n\n# ${name}`;
        const some = targets(1);
        const rows = [
          row(some[0] as Target, hostile, {
            resources: [{ id: hostile, error: hostile, terminal, type: hostile }],
          }),
        ];
        const text = summaryOf(resultOf(planned(rows, some), {}, hostile), [], same);
        const rest = text.replace(ours, '');
        expect(rest).not.toMatch(/[<>@[\]]|:\/\/(?!www\.cloudflarestatus)/);
        expect(text.trimEnd()).not.toMatch(/\n\s*\n/);
      }),
    );
  });
});

describe('the headline', () => {
  const some = targets(3);
  const [a, b, c] = some as [Target, Target, Target];
  it.each([
    ['3 accounts have the share (3 had it before)', planned([row(a), row(b), row(c)], some), {}],
    ['Plan: 2 of 3 accounts would be added', planned([row(a)], some).map(foretold), { dryRun: true }],
    [
      'Plan: 1 of 3 accounts would be removed',
      planned([row(a)], some, 'absent').map(foretold),
      { dryRun: true, state: 'absent' as const },
    ],
    [
      'Failed for 1 of 3 accounts: a shared resource failed for good',
      planned(
        [
          row(a),
          row(b, 'associated', { resources: [{ id: 'x', error: 'no', terminal: true, type: null }] }),
          row(c),
        ],
        some,
      ),
      {},
    ],
    [
      '3 accounts no longer have the share (3 did not have it)',
      planned([], some, 'absent'),
      { state: 'absent' as const },
    ],
  ])('%s', (text, all, more) => {
    expect(headline(resultOf(all, more))).toBe(text);
  });
});

describe('the outputs', () => {
  it('keep the order, with an empty line where there is no id', () => {
    const some = targets(3);
    const outputs = outputsOf(planned([row(some[2] as Target), row(some[0] as Target)], some), 0, same);
    expect(outputs['recipient-id'].split('\n')).toEqual([
      row(some[0] as Target).id,
      '',
      row(some[2] as Target).id,
    ]);
    expect(outputs.status).toBe('mixed');
    expect(outputs.recipients.map((one) => (one as { recipient: string }).recipient)).toEqual(
      some.map(({ id }) => id),
    );
    expect(Object.keys(outputs.recipients[0] ?? {})).toEqual([
      'recipient',
      'type',
      'id',
      'status',
      'changed',
      'error',
      'resources',
      'created',
      'modified',
      'seconds',
    ]);
  });

  it('are set to nothing when nothing was looked at', () => {
    expect(outputsOf([], 0, same)).toEqual({
      'recipient-id': '',
      status: '',
      changed: 'false',
      recipients: [],
    });
  });

  it('tell a target with two rows as one', () => {
    const some = targets(1);
    const rows = [
      row(some[0] as Target, 'disassociating'),
      row(some[0] as Target),
      row(some[0] as Target, 'associating', { id: 'second' }),
    ];
    const outputs = outputsOf(planned(rows, some, 'absent'), 0, same);
    expect(outputs.recipients).toHaveLength(1);
    expect(outputs['recipient-id'].split('\n')).toHaveLength(1);
  });
});
