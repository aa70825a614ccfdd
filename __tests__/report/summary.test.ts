import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Inputs } from '../../src/domain.ts';
import type { TargetState } from '../../src/reconcile/target-state.ts';
import { createSanitizer } from '../../src/report/sanitizer.ts';
import { createInputSummary, createSummary } from '../../src/report/summary.ts';
import { account, resourceError, SHARE } from '../builders.ts';
import { hostileText } from '../hostile-text.ts';
import {
  added,
  failed,
  failureOf,
  organization,
  type RunCase,
  range,
  recordOf,
  requestFailure,
  resultOf,
  stateOf,
  unchanged,
  WAIT,
} from './results.ts';

const { html: toHtml } = createSanitizer([]);
const decode = (html: string) =>
  html.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
const rawOf = (states: readonly TargetState[], one?: RunCase) =>
  createSummary(resultOf(states, one), true, toHtml);
const summaryOf = (states: readonly TargetState[], one?: RunCase) =>
  decode(rawOf(states, one));

/** The cells of all tables of targets, without the tags in them. */
function cellsOf(html: string): string[][] {
  const tables = [...html.matchAll(/<table>.*?<\/table>/gs)].map(
    ([text]) => text,
  );
  const ofTargets = tables.filter((text) => text.includes('<th>Status</th>'));
  const lines = ofTargets.flatMap((text) => [
    ...text.matchAll(/<tr>(.*?)<\/tr>/g),
  ]);
  return lines.map(([, line = '']) =>
    [...line.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/g)].map(([, cell = '']) =>
      cell.replace(/<[^>]+>/g, ''),
    ),
  );
}

const failing = (n: number) => failed(n, failureOf('server'));

describe('the summary of a run', () => {
  it('has nothing of an event where none is known', () => {
    const { context } = resultOf([]);
    const html = rawOf([unchanged(0)], {
      result: { context: { ...context, event: '' } },
    });
    expect(html).toMatch(
      /<sub>cloudflare-share-recipient [\d.]+ · 1\.2 s · 3 requests<\/sub>/,
    );
  });

  it('names the share by its ID where its name could not be read', () => {
    expect(summaryOf([unchanged(0)], { observed: null })).toContain(
      `share <code>${SHARE}</code>:`,
    );
  });

  it('shows failed, changed, waiting and unchanged accounts, in this order', () => {
    const states = [
      unchanged(0),
      stateOf(1, { status: 'associating' }),
      added(2, { label: 'EMEA' }),
      failed(3, requestFailure('server', 'down'), { decidedMs: 90_000 }),
      stateOf(4),
      stateOf(5, { isUnlisted: true, status: 'disassociated', changed: true }),
    ];
    const waiting = { inputs: { wait: false } };
    const heads = ['Change', 'Account', 'Status'];
    expect(cellsOf(summaryOf(states, waiting))).toEqual([
      ['Account', 'Reason', 'Status', 'Duration'],
      [account(3), 'down', 'not a recipient', '90.0 s'],
      [...heads, 'Duration'],
      ['+ added without waiting', `${account(2)} EMEA`, 'associated', '4.0 s'],
      ['- removed without waiting', account(5), 'disassociated', ''],
      [...heads, 'Duration'],
      ['⏳ not awaited', account(1), 'associating', ''],
      heads,
      ['= no change', account(0), 'associated'],
      ['= no change', account(4), 'not a recipient'],
    ]);
  });

  it.each<[string, (n: number) => TargetState, Partial<Inputs>, string]>([
    ['changes', (n) => added(n), {}, '900 more changes'],
    ['failures', failing, {}, '900 more failures'],
    [
      'accounts that are not awaited',
      (n) => stateOf(n, { status: 'associating' }),
      { wait: false },
      '900 more accounts under way, not awaited',
    ],
    [
      'accounts that would be awaited',
      (n) => stateOf(n, { status: 'associating', next: WAIT }),
      { dryRun: true },
      '900 more accounts under way, would be awaited',
    ],
  ])(
    'shows a hundred %s, and folds more of them with a count',
    (_, toState, inputs, title) => {
      const html = rawOf(range(1, 1_000).map(toState), { inputs });
      const [before = '', folded = ''] = html.split('<details>');
      expect(cellsOf(before)).toHaveLength(1 + 100);
      expect(folded).toContain(`<summary>${title}</summary>`);
      expect(cellsOf(folded)).toHaveLength(1 + 900);
    },
  );

  it('counts what a long reason lacks', () => {
    const html = rawOf([failed(0, failureOf('server', 'x'.repeat(420)))]);
    const counts = html.match(/x{300}… \(and 120 more characters\)/g);
    expect(counts).toHaveLength(2);
  });

  it('links an account to its dashboard at Cloudflare, and no other text', () => {
    const link = `<a href="https://dash.cloudflare.com/${account(0)}">`;
    expect(rawOf([unchanged(0)])).toContain(link);
    const apiUrl = 'https://api.cloudflare.com.example/v4';
    expect(rawOf([unchanged(0)], { inputs: { apiUrl } })).not.toContain(
      'dash.',
    );
    expect(rawOf([organization()])).not.toContain('dash.');
    expect(cellsOf(rawOf([organization()]))[0]?.[1]).toBe('Organization');
  });

  it('of a cancelled run says so', () => {
    const html = rawOf([stateOf(0, { next: { do: 'create' } })], {
      outcome: { ending: { type: 'cancelled' } },
    });
    expect(html).toMatch(/^<h3>🚫 /);
    expect(cellsOf(html)[1]?.[1]).toMatch(/^cancelled&/);
  });
});

describe('the size of the summary', () => {
  it('stays below the limit of GitHub for 20,000 failures with the worst reasons, and counts the rest', () => {
    const states = range(1, 20_000).map((n) =>
      failed(n, failureOf('rejected', '<script>{}&&||'.repeat(70)), {
        label: 'ü'.repeat(60),
      }),
    );
    const html = rawOf(states);
    expect(Buffer.byteLength(html)).toBeLessThan(1_048_576);
    const shown = html.match(/not a recipient<\/td>/g)?.length ?? 0;
    expect(shown).toBeGreaterThan(300);
    expect(html).toContain(
      `<p>And ${(20_000 - shown).toLocaleString('en-US')} more, in the log.</p>`,
    );
  });

  it('keeps failed accounts before the others', () => {
    const states = [
      ...range(1, 9_000).map((n) => unchanged(n)),
      ...range(10_001, 11_000).map((n) => failed(n, failureOf('server'))),
      ...range(11_001, 12_000).map((n) => added(n)),
    ];
    const html = rawOf(states);
    const [failures = ''] = html.split('+ added');
    expect(failures.match(/not a recipient<\/td>/g)).toHaveLength(1_000);
    expect(html.match(/\+ added/g)).toHaveLength(1_000);
    expect(html).toMatch(/<p>And [\d,]+ more, in the log\.<\/p>\n<\/details>/);
    expect(Buffer.byteLength(html)).toBeLessThan(1_048_576);
  });
});

describe('text from outside', () => {
  it('adds no tag, link, mention or empty line', () => {
    const ours =
      /<\/?(h3|p|sub|code|table|thead|tbody|tr|th|td|ul|li|strong|details|summary|pre)>|<td align="right">|<br>|<a href="https:\/\/(dash\.cloudflare|github|developers\.cloudflare)\.com\/[\w./#-]+">|<\/a>|https:\/\/www\.cloudflarestatus\.com/g;
    fc.assert(
      fc.property(
        hostileText,
        hostileText,
        fc.boolean(),
        (name, text, isOff) => {
          const hostile = `${text}<img src=x>@octocat [x](http://evil) \n\n# ${name}`;
          const errors = [resourceError(true, hostile, hostile)];
          const recipient = recordOf(0, hostile, { errors });
          const failure = requestFailure('resource-error', hostile, {
            detail: hostile,
            documentationUrl: `https://developers.cloudflare.com/${isOff ? hostile : 'x'}`,
          });
          const states = [
            failed(0, failure, { label: hostile, recipient }),
            failed(1, { ...failure, cause: 'server' }),
            failed(2, failureOf('stopped'), {
              isUnlisted: true,
              label: hostile,
            }),
          ];
          const share = { name: hostile, resourceTypes: new Map() };
          const html = rawOf(states, {
            inputs: { shareId: hostile, dryRun: isOff },
            observed: { shareReading: { type: 'read', share } as never },
            result: { sharesOfOwner: [{ id: hostile, name: hostile }] },
          });
          expect(html.replace(ours, '')).not.toMatch(/[<>@[\]]|:\/\//);
          expect(html.trimEnd()).not.toMatch(/\n\s*\n/);
        },
      ),
    );
  });
});

describe('the summary of invalid inputs', () => {
  const errors = [
    {
      input: 'state',
      message: 'expected present or absent, got "<b>".',
      isEmpty: false,
      details: [],
    },
    {
      input: 'share-id',
      message: 'expected an ID, got nothing.',
      isEmpty: true,
      details: [],
    },
  ];

  it('lists them, with what to do', () => {
    expect(decode(createInputSummary(errors.slice(0, 1), toHtml))).toBe(
      '<h3>❌ Invalid inputs: no request was sent</h3>\n<ul>\n' +
        '<li><code>state</code>: expected present or absent, got "<b>".</li>\n' +
        '</ul>\n<p>Correct the inputs.</p>\n\n',
    );
    expect(createInputSummary(errors, toHtml)).toContain(
      'does not reach the job',
    );
  });

  it('counts what is too long, and stays below the limit of GitHub', () => {
    const [first] = errors as [(typeof errors)[0]];
    const long = { ...first, message: '<'.repeat(100_000) };
    const html = createInputSummary(Array(50).fill(long), toHtml);
    expect(Buffer.byteLength(html)).toBeLessThan(1_048_576);
    expect(html.match(/\(and 98,000 more characters\)/g)).toHaveLength(50);
  });
});
