import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TargetState } from '../../src/reconcile/target-state.ts';
import { TITLES } from '../../src/report/failure-guide.ts';
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

const exact = { inputs: { state: 'exact' } } as const;
const dryRun = { inputs: { dryRun: true } } as const;
const unlisted = { isUnlisted: true, status: 'associated' } as const;
const failing = (n: number) => failed(n, failureOf('server'));
const toAdd = (n: number) =>
  stateOf(n, { next: { do: 'create' }, changed: true });

describe('the summary of a run', () => {
  it('is one block of HTML without empty lines', () => {
    const html = rawOf([unchanged(0)]);
    expect(html).toMatch(/\n\n$/);
    expect(html.trimEnd()).not.toMatch(/\n\s*\n/);
  });

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

  it('counts others, but not where the list is the whole truth', () => {
    const observed = { others: { accounts: 12, withoutAccount: 0 } };
    const text = '12 other accounts have access.';
    expect(summaryOf([unchanged(0)], { observed })).toContain(text);
    expect(summaryOf([unchanged(0)], { observed, ...exact })).not.toContain(
      text,
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

  it.each<[string, TargetState[], number, string]>([
    ['changes', range(1, 1_000).map((n) => added(n)), 900, 'more changes'],
    ['failures', range(1, 101).map(failing), 1, 'more failure'],
    [
      'accounts that are not awaited',
      range(1, 1_000).map((n) => stateOf(n, { status: 'associating' })),
      900,
      'more accounts under way, not awaited',
    ],
  ])(
    'shows a hundred %s, and folds more of them with a count',
    (_, states, count, title) => {
      const [before = '', folded = ''] = rawOf(states, {
        inputs: { wait: false },
      }).split('<details>');
      expect(cellsOf(before)).toHaveLength(1 + 100);
      expect(folded).toContain(`<summary>${count} ${title}</summary>`);
      expect(cellsOf(folded)).toHaveLength(1 + count);
    },
  );

  it('of a dry run folds the accounts that would be awaited', () => {
    const waiting = { status: 'associating', next: WAIT } as const;
    const states = range(1, 101).map((n) => stateOf(n, waiting));
    expect(rawOf(states, dryRun)).toContain(
      '<summary>1 more account under way, would be awaited</summary>',
    );
  });

  it('counts what a long reason lacks', () => {
    const html = rawOf([failed(0, failureOf('server', 'x'.repeat(420)))]);
    const counts = html.match(/x{300}… \(and 120 more characters\)/g);
    expect(counts).toHaveLength(2);
  });

  it('of 1,000 accounts shows all of the 100 that changed, and folds only the others', () => {
    const states = [
      ...range(1, 900).map((n) => unchanged(n)),
      ...range(1_001, 1_100).map((n) => added(n)),
    ];
    const [before = '', ...folded] = rawOf(states).split('<details>');
    expect(before.match(/\+ added/g)).toHaveLength(100);
    expect(before).not.toContain('no change');
    expect(folded).toHaveLength(1);
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

describe('the plan in the summary', () => {
  it('of exact has + and - lines, even where it was rejected', () => {
    const refused = failureOf('refused', 'too many');
    const states = [failed(0, refused), failed(1, refused, unlisted)];
    const inputs = { dryRun: true, state: 'exact' } as const;
    const html = summaryOf(states, { inputs });
    expect(html).toMatch(/^<h3>❌ /);
    expect(cellsOf(html).map(([change]) => change)).toEqual([
      'Change',
      '+ add',
      '- remove',
    ]);
  });

  it('of a target that is not possible has its reason', () => {
    const states = [failed(0, failureOf('inconclusive', 'unclear')), toAdd(1)];
    expect(cellsOf(summaryOf(states, dryRun))[1]).toEqual([
      '! not possible',
      account(0),
      'unclear',
      'unknown',
    ]);
  });
});

describe('what failed', () => {
  const causes = (html: string) =>
    /<table><thead><tr><th>What failed.*?<\/table>/s.exec(html)?.[0] ?? '';

  it('is a table of causes, with what to do', () => {
    const page = 'https://developers.cloudflare.com/x';
    const states = [
      failed(0, requestFailure('conflict', 'one', { documentationUrl: page })),
      failed(1, requestFailure('conflict', 'two')),
      failed(2, failureOf('removed', 'away')),
    ];
    const table = causes(summaryOf(states));
    const lines = [...table.matchAll(/<tr>.*?<\/tr>/g)].map(([line]) => line);
    expect(lines).toHaveLength(3);
    expect(lines[0]).toContain('<th>Accounts</th>');
    expect(lines[1]).toContain(
      `<strong>${TITLES.conflict}</strong><br>one<br>two</td><td align="right">2</td>`,
    );
    expect(lines[1]).toContain(
      `<a href="${page}">Cloudflare documentation</a>`,
    );
    expect(lines[1]).toContain(
      'troubleshooting.md#another-change-under-way">Troubleshooting</a>',
    );
    expect(lines[2]).toContain('let only one workflow');
  });

  it('counts reasons beyond three', () => {
    const states = range(1, 5).map((n) =>
      failed(n, failureOf('server', `${n}x`)),
    );
    expect(causes(rawOf(states))).toContain('3x<br>and 2 more reasons</td>');
  });

  it('comes in the order of the causes', () => {
    const states = [
      failed(0, failureOf('server', 'rare')),
      failed(1, failureOf('removed', 'frequent')),
      failed(2, failureOf('removed', 'frequent')),
    ];
    expect(cellsOf(rawOf(states)).map(([who]) => who)).toEqual([
      'Account',
      account(1),
      account(2),
      account(0),
    ]);
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
