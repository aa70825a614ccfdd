import { describe, expect, it } from 'vitest';
import { expectOutputs, expectSuccess } from './expectations.ts';
import {
  account,
  commands,
  faultOn,
  REJECTED,
  type Run,
  runScenario,
} from './scenario.ts';
import { rejectWith, scenariosWith } from './untrusted-text.ts';

// Each of these has done harm somewhere: commands of both kinds, line breaks,
// terminals, markup, links, mentions.
const EVIL = [
  'x\r::error title=pwned::pwned',
  '\n::set-output name=status::pwned',
  '\r\n   ::add-mask::pwned',
  '\u2028::warning title=pwned::pwned',
  '\u2029::stop-commands::pwned',
  '\u0085::notice title=pwned::pwned',
  '\n##[error]pwned ###[group]pwned \u200b##[add-mask]pwned #\u001b[0m#[warning]pwned',
  '\n:\u200b:error title=pwned::pwned',
  '\u001b[2K\u001b[31m\u009b1m\u001b]8;;https://evil.example\u0007pwned',
  '\nstatus=pwned\nstatus<<EOF\npwned\nEOF\nghadelimiter_x',
  '<img src=https://evil.example/x.png onerror=pwned()>',
  '</code></td></tr></table></details><h1>pwned</h1><!--',
  '\n\n# pwned\n\n- [pwned](https://evil.example) ![pwned](https://evil.example/x.png)\n',
  '| pwned | pwned |\n|---|---|\n',
  '`pwned` ```pwned``` **pwned** @octocat octo-org/policies#1 :tada: https://evil.example/pwned',
  '\u202epwned\u2066\u0000\ud800',
];
const ALL_EVIL = EVIL.join(' ');
/** The same as a variable of the environment can hold it. */
const EVIL_VARIABLE = ALL_EVIL.replaceAll('\u0000', '').toWellFormed();

const STATUS = /^(associat|disassociat)(ing|ed)$|^(mixed|unknown)$/;
/** The tags of the action, each of which is one with its attributes. */
const TAGS =
  /<br>|<td align="right">|<\/?(h3|p|sub|code|pre|table|thead|tbody|tr|th|td|ul|li|strong|a|details|summary)>|<a href="https:\/\/(github\.com\/octo-org\/share\/|dash\.cloudflare\.com\/)[\w./#-]*">/g;
/** The only address in the text of the action itself. */
const OWN_ADDRESS = 'https://www.cloudflarestatus.com';
/**
 * What GitHub makes a link or a mention of in text: an address, a user, an
 * issue.
 */
const LINKS = [/:\/\//, /\bwww\./i, /@\w/, /#\w/];
// Control, format and separator characters, and halves of a surrogate pair.
// Only a line feed is allowed.
const CONTROL = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

function expectHarmless(run: Run): void {
  for (const text of [run.stdout, run.stderr]) {
    expect(text).not.toMatch(/##\[/);
    expect(text).not.toMatch(CONTROL);
    for (const [command, rest] of commands(text)) {
      expect(command).toMatch(
        /^(add-mask|debug|group|endgroup|(error|warning|notice) title=[^:,]*)$/,
      );
      expect(command).not.toContain('pwned');
      if (command === 'group') expect(rest).toMatch(/^All [\w ,-]+$/);
      // An annotation has lines of its own, but none that a server started.
      for (const line of rest.split('%0A'))
        expect(line).not.toMatch(/^\s*(pwned|::)|%0D/);
    }
  }
  expectOutputs(run);
  expect(run.outputs['status']).toMatch(STATUS);
  for (const { status } of run.recipients) expect(status).toMatch(STATUS);
  for (const output of Object.values(run.outputs)) {
    expect(output).not.toMatch(CONTROL);
    expect(output).not.toMatch(/^\s*::|##\[/m);
  }
  expect(JSON.stringify(run.recipients)).not.toMatch(/\\[rntu]/);

  const { summary } = run;
  expect(summary).not.toBe('');
  // An empty line would end the block of HTML, and what follows would be
  // Markdown.
  expect(summary.trimEnd()).not.toMatch(/\n\s*\n/);
  expect(summary.replace(TAGS, '').replace(/&#\d+;/g, '')).not.toMatch(
    /[<>`[\]|@\\]/,
  );
  const seen = textOfSummary(summary).replaceAll(OWN_ADDRESS, '');
  for (const link of LINKS) expect(seen).not.toMatch(link);
}

/**
 * The text in which GitHub looks for links and mentions, after it has decoded
 * it: all but that in `code`, `pre` and `a`.
 */
function textOfSummary(html: string): string {
  return html
    .replace(/<(code|pre|a)\b[^>]*>.*?<\/\1>/gs, '')
    .replace(TAGS, ' ')
    .replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
}

/**
 * With debug lines, and with the variables from which links to the
 * documentation are made.
 */
const env = {
  RUNNER_DEBUG: '1',
  GITHUB_ACTION_REPOSITORY: 'octo-org/share',
  GITHUB_ACTION_REF: 'v1',
};

describe.concurrent('hostile text does no harm', () => {
  it.concurrent.each(scenariosWith(ALL_EVIL))('in %s', async (_, scenario) => {
    const run = await runScenario({ ...scenario, env });
    expect(run.requests.length).toBeGreaterThan(0);
    expectHarmless(run);
  });

  it('of a rejected POST, and can still be read', async () => {
    const run = await runScenario({
      env,
      faults: [faultOn('POST', rejectWith(400, ALL_EVIL))],
    });
    expect(run.errors[0]?.message).toContain('pwned');
    expect(run.recipients).toMatchObject([
      { error: expect.stringContaining('pwned') },
    ]);
    expect(textOfSummary(run.summary)).toContain('pwned');
    expectHarmless(run);
  });

  // A label is cut at sixty characters, so that each text needs one.
  it('in the labels of accounts, with failures and without', async () => {
    const labels = EVIL.map((text, n) => [`${text} ${n}`, account(n)]);
    const rejected = EVIL.map((_, n) => account(n)).filter((_, n) => n % 2);
    const run = await runScenario({
      targets: [JSON.stringify(Object.fromEntries(labels))],
      api: {
        rejectAccounts: Object.fromEntries(
          rejected.map((id) => [id, REJECTED]),
        ),
      },
      env,
    });
    expect(run.posts).toHaveLength(EVIL.length);
    expect(JSON.stringify(run.requests)).not.toMatch(/pwned|evil|octocat/);
    expectHarmless(run);
  });

  it('in the response of GitHub to a deployment', async () => {
    const run = await runScenario({
      inputs: { 'github-token': 'ghs_Zk4Wq9Tn2Bv7Xr5Mc8Jd3Hf6Lp1Gs0YaZk4W' },
      faults: [faultOn(/\/repos\//, rejectWith(403, ALL_EVIL))],
      env: (url) => ({ ...env, GITHUB_API_URL: url }),
    });
    expectSuccess(run, { status: 'associated' });
    expect(run.annotations).toMatchObject([
      {
        level: 'warning',
        title: 'Deployment record could not be written',
        message: expect.stringContaining('pwned'),
      },
    ]);
    expectHarmless(run);
  });

  it('in the variables of GitHub', async () => {
    const names = [
      'GITHUB_REF_NAME',
      'GITHUB_ACTOR',
      'GITHUB_REPOSITORY',
      'GITHUB_SERVER_URL',
      'GITHUB_ACTION_REPOSITORY',
      'GITHUB_ACTION_REF',
    ];
    const run = await runScenario({
      inputs: { 'api-token': 'v1.0-another' },
      env: {
        ...env,
        GITHUB_EVENT_NAME: 'release',
        ...Object.fromEntries(names.map((name) => [name, EVIL_VARIABLE])),
      },
    });
    expectHarmless(run);
    expect(run.requests[0]?.headers['user-agent']).toMatch(
      /^cloudflare-share-recipient\/\S+ \([\w ./-]+; run \d+\)$/,
    );
  });

  it('in inputs', async () => {
    const names = [
      'account-id',
      'share-id',
      'recipient-account-id',
      'state',
      'wait',
      'timeout',
      'dry-run',
      'summary',
      'environment',
      'api-url',
    ];
    const run = await runScenario({
      inputs: Object.fromEntries(names.map((name) => [name, EVIL_VARIABLE])),
      env,
    });
    expect(run).toMatchObject({ exitCode: 1, connections: 0 });
    expectHarmless(run);
  });
});
