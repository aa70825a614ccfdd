import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FIXES, TITLES } from '../../src/report/failure-guide.ts';
import { createInputSummary, createSummary } from '../../src/report/summary.ts';
import { account, ORGANIZATION, resourceError, SHARE } from '../builders.ts';
import { hostileText } from '../hostile-text.ts';
import { failWith, type ResultCase, recordOf, resultOf } from './results.ts';

const decode = (html: string) =>
  html.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
const summaryOf = (one: ResultCase) => decode(createSummary(resultOf(one)));
const records = (...statuses: string[]) =>
  statuses.map((status, n) => recordOf(n, status));
const share = {
  name: 'Baseline policies',
  resourceTypes: new Map<string, string>(),
};

/** The cells of the table, without the tags in them. */
function table(html: string): string[][] {
  const rows = [...html.matchAll(/<tr>(.*?)<\/tr>/g)].map(
    (match) => match[1] ?? '',
  );
  return rows.map((row) =>
    [...row.matchAll(/<t[hd]>(.*?)<\/t[hd]>/g)].map((match) =>
      (match[1] ?? '').replace(/<[^>]+>/g, '').replaceAll('&nbsp;', ' '),
    ),
  );
}

describe('the summary of a run', () => {
  it('is one block of HTML that names the share, the result, and what started it', () => {
    const html = createSummary(
      resultOf({ records: records('associated'), share }),
    );
    expect(html).toMatch(/^<h3>✅ /);
    expect(html).toMatch(/\n\n$/);
    expect(html.trimEnd()).not.toMatch(/\n\s*\n/);
    const text = decode(html);
    expect(text).toContain(
      'Cloudflare share <code>"Baseline policies"</code>: 1 account unchanged</h3>',
    );
    expect(text).toContain(
      'triggered by <code>release v1</code> (<code>octocat</code>) · 1.2 s · 3 requests</sub></p>',
    );
  });

  it('has nothing of an event where none is known', () => {
    const result = resultOf({});
    const html = createSummary({
      ...result,
      context: { ...result.context, event: '' },
    });
    expect(html).toMatch(
      /<sub>cloudflare-share-recipient [\d.]+ · 1\.2 s · 3 requests<\/sub>/,
    );
  });

  it('names the share by its ID where its name could not be read', () => {
    expect(summaryOf({ records: records('associated') })).toContain(
      `<code>${SHARE}</code>`,
    );
  });

  it('shows each target on a line of its own', () => {
    const change = (_: unknown, index: number) =>
      [
        { changed: true, startedMs: 1_000, endedMs: 2_234 },
        {},
        failWith('rejected'),
        failWith('cancelled'),
        { changed: true, endedMs: null },
      ][index] ?? {};
    const one = {
      targets: 5,
      records: records('associated', 'associated', 'associated', 'odd'),
      change,
    };
    expect(table(summaryOf(one))).toEqual([
      ['Account', 'Result', 'Status', 'Recipient ID', 'Duration'],
      [account(2), '❌ Failed', 'associated', 'r2', ''],
      [account(3), '🚫 Cancelled', 'unknown', 'r3', ''],
      [account(0), '✅ Added', 'associated', 'r0', '1.2 s'],
      [account(1), '✅ No change', 'associated', 'r1', ''],
      [account(4), '✅ Added', 'disassociated', '', ''],
    ]);
  });

  it('says what was removed, and what nobody waited for', () => {
    const change = () => ({ changed: true });
    const result = (inputs: Record<string, string>) =>
      table(
        summaryOf({ records: records('associated'), change, inputs }),
      )[1]?.[1];
    expect(result({ INPUT_STATE: 'absent' })).toBe('✅ Removed');
    expect(result({ INPUT_WAIT: 'false' })).toBe('⏳ Not awaited');
  });

  it('links an account to its dashboard at Cloudflare, and no other text', () => {
    const link = `<a href="https://dash.cloudflare.com/${account(0)}">`;
    const organization = {
      'INPUT_RECIPIENT-ACCOUNT-ID': '',
      'INPUT_ORGANIZATION-ID': ORGANIZATION,
    };
    expect(summaryOf({})).toContain(link);
    expect(
      summaryOf({
        inputs: { 'INPUT_API-URL': 'https://api.cloudflare.com.example/v4' },
      }),
    ).not.toContain('dash.');
    expect(summaryOf({ inputs: organization })).not.toContain('dash.');
    expect(table(summaryOf({ inputs: organization }))[0]?.[0]).toBe(
      'Organization',
    );
  });

  it('of a dry run shows the plan', () => {
    const html = summaryOf({
      targets: 2,
      records: records('associated'),
      inputs: { 'INPUT_DRY-RUN': 'true' },
    });
    expect(html).toMatch(/^<h3>📋 /);
    expect(table(html)).toEqual([
      ['Action', 'Account', 'Current status'],
      ['= already associated: no change', account(0), 'associated'],
      ['+ add', account(1), 'disassociated'],
    ]);
  });

  it('of a cancelled run says so', () => {
    expect(
      summaryOf({ records: records('associated'), isCancelled: true }),
    ).toMatch(/^<h3>🚫 /);
  });

  it('shows how to fix each cause once, with its reasons and targets', () => {
    const failures = [
      failWith('rejected', '1017 no', 'HTTP 400'),
      failWith('rejected', 'other'),
      failWith('server', 'down'),
      failWith('rejected', '1017 no'),
    ];
    const html = summaryOf({
      records: records(...Array(4).fill('associated')),
      change: (_, index) => failures[index] ?? {},
    });
    expect(html).toMatch(/^<h3>❌ /);
    const items = html.match(/<li>.*<\/li>/g) ?? [];
    expect(items).toHaveLength(2);
    expect(items[0]).toContain(
      `<strong>${TITLES.rejected}.</strong> ${FIXES.rejected} `,
    );
    expect(items[0]).toContain(
      ' <a href="https://github.com/octo/share-recipient/blob/v1/docs/troubleshooting.md#request-rejected-by-cloudflare">Troubleshooting</a>' +
        `<br><code>1017 no (HTTP 400)</code> for <code>${account(0)}, ${account(3)}</code>` +
        `<br><code>other</code> for <code>${account(1)}</code></li>`,
    );
  });

  it('counts the reasons beyond ten, and the targets beyond three of a reason', () => {
    const all = { records: records(...Array(12).fill('associated')) };
    expect(
      summaryOf({
        ...all,
        change: (_, index) => failWith('server', `reason ${index}`),
      }),
    ).toContain('<br>and 2 more reasons, see the log</li>');
    expect(summaryOf({ ...all, change: () => failWith('server') })).toContain(
      `${account(2)} and 9 more</code></li>`,
    );
  });

  it('shows two hundred targets, the failed ones first', () => {
    const one = {
      records: records(...Array(203).fill('associated')),
      change: (_: unknown, index: number) =>
        index > 200 ? failWith('server') : {},
    };
    const rows = table(summaryOf(one));
    expect(rows).toHaveLength(201);
    expect(rows.slice(1, 4).map(([id]) => id)).toEqual([
      account(201),
      account(202),
      account(0),
    ]);
    expect(summaryOf(one)).toContain(
      '<p>And 3 more, see the output recipients.</p>',
    );
    expect(
      summaryOf({ records: records(...Array(200).fill('associated')) }),
    ).not.toContain('And ');
  });

  it('stays far below the limit of GitHub for a thousand failures with the worst reasons', () => {
    const change = (_: unknown, index: number) =>
      failWith('rejected', `${index}${'<script>{}&&||'.repeat(70)}`);
    const html = createSummary(
      resultOf({
        records: records(...Array(1_000).fill('associated')),
        change,
      }),
    );
    expect(Buffer.byteLength(html)).toBeLessThan(1_048_576 / 2);
  });

  it('has no tag, link, mention or empty line that a server could have written', () => {
    const ours =
      /<\/?(h3|p|sub|code|table|thead|tbody|tr|th|td|ul|li|strong)>|<br>|<a href="https:\/\/(dash\.cloudflare\.com\/\w+|github\.com\/octo\/[\w./#-]+)">|<\/a>/g;
    fc.assert(
      fc.property(
        hostileText,
        hostileText,
        fc.boolean(),
        (name, text, terminal) => {
          const hostile = `${text}<img src=x>@octocat [x](http://evil) \n\n# ${name}`;
          const errors = [
            { ...resourceError(terminal, hostile), resourceId: hostile },
          ];
          const one = {
            records: [recordOf(0, hostile, { errors })],
            share: {
              name: hostile,
              resourceTypes: new Map([[hostile, hostile]]),
            },
          };
          const html = createSummary(
            resultOf({
              ...one,
              ...(terminal
                ? {}
                : { change: () => failWith('server', hostile, hostile) }),
            }),
          );
          expect(html.replace(ours, '')).not.toMatch(
            /[<>@[\]]|:\/\/(?!www\.cloudflarestatus)/,
          );
          expect(html.trimEnd()).not.toMatch(/\n\s*\n/);
        },
      ),
    );
  });
});

describe('the summary of invalid inputs', () => {
  it('lists them, with what to do', () => {
    const errors = [
      {
        input: 'state',
        message: 'expected present or absent, got "<b>".',
        isEmpty: false,
      },
      {
        input: 'share-id',
        message: 'expected an ID, got nothing.',
        isEmpty: true,
      },
    ];
    expect(createInputSummary(errors, '')).toBe(
      '<h3>❌ Invalid inputs: no request was sent</h3>\n<ul>\n' +
        '<li><code>state</code>: <code>expected present or absent, got &#34;&#60;b&#62;&#34;.</code></li>\n' +
        '<li><code>share-id</code>: <code>expected an ID, got nothing.</code></li>\n' +
        '</ul>\n<p>Correct the inputs.</p>\n\n',
    );
    expect(createInputSummary(errors, 'Check it.')).toContain(
      '<p>Check it.</p>',
    );
  });
});
