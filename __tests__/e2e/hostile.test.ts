import { describe, expect, it } from 'vitest';
import type { Fault } from '../../simulator/faults.ts';
import {
  account,
  commands,
  leaks,
  liveRows,
  type Played,
  POLICY,
  play,
  RECIPIENT,
  ROW,
  type Scene,
  SHARE,
  TOKEN,
} from './stage.ts';

const LIST = /recipients\?/;

// Each of these has done harm somewhere: commands of both kinds, line ends, terminals, markup, links, mentions.
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
].join(' ');
// What a header may hold: no line ends, but C1 controls, which some take for line ends or escapes.
const EVIL_HEADER =
  ' ::error title=pwned::pwned ##[error]pwned \u0085::pwned \u009b1m <b>pwned</b> @octocat `pwned`';

const envelope = (result: unknown) => JSON.stringify({ success: true, errors: [], messages: [], result });
const say = (status: number, message: string): Fault => ({
  kind: 'answer',
  status,
  headers: { 'cf-ray': EVIL_HEADER },
  body: {
    text: JSON.stringify({
      success: false,
      errors: [{ code: message, message, source: { pointer: message }, documentation_url: message }],
    }),
  },
});
const problem = (status: number, message: string): Fault => ({
  kind: 'answer',
  status,
  body: 'rfc9457',
  problem: { title: message, detail: message, error_code: message, retry_after: 0 },
});

/** Scenes in which a server says `text` wherever it can say something; every run prints its debug lines too. */
function scenes(text: string): Array<[string, Scene]> {
  const row = { id: ROW, account_id: RECIPIENT, created: text, modified: text };
  const seen = (more: object) =>
    ({ kind: 'answer', status: 200, body: { text: envelope([{ ...row, ...more }]) } }) as const;
  const list = (fault: Fault) => ({ api: { faults: [{ when: { pathIncludes: LIST }, do: fault }] } });
  const broken = { error: text, resource_id: POLICY, resource_version: 1 };
  return [
    [
      'the name and the resource types of the share',
      {
        share: { name: text, resources: [{ resourceId: POLICY, type: text }] },
        api: { timeline: { errors: [{ ...broken, terminal: true }] } },
      },
    ],
    ['dates of a row that is fine', list(seen({ association_status: 'associated' }))],
    ['a status, to the timeout', { ...list(seen({ association_status: text })), inputs: { timeout: '2s' } }],
    ['a status, in a plan', { ...list(seen({ association_status: text })), inputs: { 'dry-run': 'true' } }],
    [
      'a status that is not waited for',
      { ...list(seen({ association_status: text })), inputs: { wait: 'false' } },
    ],
    [
      'a terminal resource error',
      list(
        seen({
          association_status: 'associated',
          resources: [{ error: text, resource_id: text, terminal: true }],
        }),
      ),
    ],
    [
      'a resource error that is retried',
      {
        api: { timeline: { associateMs: 0, errors: [{ ...broken, resource_id: text, terminal: false }] } },
        inputs: { timeout: '2s' },
      },
    ],
    ['a refusal of the list', list(say(400, text))],
    ['a refusal of the credentials', list(say(403, text))],
    ['a refusal of the POST', { api: { faults: [{ when: { method: 'POST' }, do: say(400, text) }] } }],
    [
      'a refusal of the DELETE',
      {
        recipients: [{ accountId: RECIPIENT, id: ROW, status: 'associated' }],
        api: { faults: [{ when: { method: 'DELETE' }, do: say(409, text) }] },
        inputs: { state: 'absent' },
      },
    ],
    ['errors that are retried', { ...list(say(500, text)), inputs: { timeout: '2s' } }],
    ['a problem object', { ...list(problem(503, text)), inputs: { timeout: '2s' } }],
    [
      'a redirect',
      list({
        kind: 'redirect',
        to: `https://evil.example/${text.replace(/[^ -~]+/g, ' ')}${EVIL_HEADER}`,
      }),
    ],
    ['ids', list(seen({ id: text, association_status: 'associated' }))],
    ['no JSON', list({ kind: 'answer', status: 200, body: { text } })],
  ];
}

const TAGS =
  /<br>|<\/?(h3|h4|p|code|table|thead|tbody|tr|th|td|ul|li|strong|details|summary|a)>|<a href="https:\/\/(github\.com\/OWNER\/|developers\.cloudflare\.com\/|dash\.cloudflare\.com\/)[\w./#-]*">/g;
// Control, format and separator characters, and halves of a pair; only a line feed is fine.
const CONTROL = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

function expectHarmless(run: Played): void {
  for (const text of [run.stdout, run.stderr]) {
    expect(text).not.toMatch(/##\[/);
    expect(text).not.toMatch(CONTROL);
    for (const [command, rest] of commands(text)) {
      expect(command).toMatch(/^(add-mask|debug|(error|warning|notice) title=[^:,]*)$/);
      expect(command).not.toContain('pwned');
      expect(rest).not.toMatch(/^pwned|%0[AD]/);
    }
  }
  expect(Object.keys(run.outputs).sort()).toEqual(['changed', 'recipient-id', 'recipients', 'status']);
  expect(run.outputs['status']?.length).toBeLessThanOrEqual(64);
  for (const output of Object.values(run.outputs)) {
    expect(output).not.toMatch(CONTROL);
    expect(output).not.toMatch(/^\s*::|##\[/m);
  }
  for (const value of JSON.stringify(run.recipients).match(/\\[rntu]/g) ?? [])
    expect(value).toBe('no escape');

  const { summary } = run;
  expect(summary.trimEnd()).not.toMatch(/\n\s*\n/);
  expect(summary.replace(TAGS, '').replace(/&#\d+;/g, '')).not.toMatch(/[<>`[\]|@\\]/);
  // GitHub makes links and mentions of text as well, but not inside of `code`.
  expect(summary.replace(/<code>.*?<\/code>/g, '')).not.toMatch(/pwned|evil|octocat/);
}

describe.concurrent('hostile text does no harm', () => {
  it.concurrent.each(scenes(EVIL))('in %s', async (_, scene) => {
    const run = await play({ ...scene, env: { RUNNER_DEBUG: '1' } });
    expect(run.requests.length).toBeGreaterThan(0);
    expectHarmless(run);
  });

  it.concurrent.each(['true', 'false'])('in the statuses of a fleet, dry-run: %s', async (dryRun) => {
    const result = Array.from({ length: 60 }, (_, n) => ({
      id: `row${n}`,
      account_id: account(n),
      association_status: `${n % 2} ${EVIL}`,
    }));
    const all: Fault = { kind: 'answer', status: 200, body: { text: envelope(result) } };
    const run = await play({
      api: { faults: [{ when: { pathIncludes: LIST }, do: all }] },
      inputs: {
        'recipient-account-id': result.map((row) => row.account_id).join(),
        'dry-run': dryRun,
        timeout: '2s',
      },
      env: { RUNNER_DEBUG: '1' },
    });
    expect(run.recipients).toHaveLength(60);
    expectHarmless(run);
    // A text of a server takes no more room than ours.
    for (const line of run.stdout.split('\n')) expect(line.length).toBeLessThan(5000);
  });

  it('and what it said can still be read', async () => {
    const [, scene] = scenes(EVIL).find(([name]) => name === 'a refusal of the POST') as [string, Scene];
    const run = await play(scene);
    expect(run.errors[0]?.message).toContain('pwned');
    expect(run.recipients).toMatchObject([{ error: expect.stringContaining('pwned') }]);
    expect(run.summary).toContain('pwned');
  });

  it('also in the names that GitHub hands over', async () => {
    const evil = EVIL.replaceAll('\u0000', '').toWellFormed();
    const env = {
      GITHUB_EVENT_NAME: 'release',
      GITHUB_REF_NAME: evil,
      GITHUB_ACTOR: evil,
      GITHUB_REPOSITORY: evil,
    };
    const run = await play({ env: { ...env, RUNNER_DEBUG: '1' } });
    expect(run.exitCode).toBe(0);
    expectHarmless(run);
    expect(run.requests[0]?.headers['user-agent']).toMatch(
      /^cloudflare-share-recipient\/\S+ \([\w./-]+; run \d+\)$/,
    );
  });

  it('also in inputs', async () => {
    const evil = EVIL.replaceAll('\u0000', '').toWellFormed();
    const inputs = [
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
    const run = await play({
      inputs: Object.fromEntries(inputs.map((input) => [input, evil])),
      env: { RUNNER_DEBUG: '1' },
    });
    expect(run).toMatchObject({ exitCode: 1, connections: 0 });
    expectHarmless(run);
  });
});

const KEY = 'c2547eb745079dac9320b638f5e225cf483cc5cfdda41';
const EMAIL = 'ops@example.com';
const ODD = 'v1.0-Q"w\\e/r+t=y&u<i>o%p;A\'S|D{F}G~H`J';
const GITHUB = 'ghs_Zk4Wq9Tn2Bv7Xr5Mc8Jd3Hf6Lp1Gs0YaZk4W';
const base64 = (text: string) => Buffer.from(text).toString('base64');
const echoes = (secret: string) =>
  [secret, encodeURIComponent(secret), base64(secret), base64(`${EMAIL}:${secret}`), `Bearer ${secret}`].join(
    ' ',
  );

/** A text so full of the secret that any cut goes through the middle of one of its forms. */
const flood = (secret: string) => `${echoes(secret)} `.repeat(12);

describe.concurrent('a secret that the server echoes shows nowhere', () => {
  const token =
    (secret: string) =>
    (scene: Scene): Scene => ({
      ...scene,
      api: { ...scene.api, tokens: [secret] },
      inputs: { ...scene.inputs, 'api-token': secret },
    });
  const pair = (scene: Scene): Scene => ({
    ...scene,
    api: { ...scene.api, tokens: [] },
    inputs: { ...scene.inputs, 'api-token': '', 'api-email': EMAIL, 'api-key': KEY },
  });
  const cases = [
    ...scenes(flood(TOKEN)).map(([name, scene]) => [name, 'the token', TOKEN, token(TOKEN)(scene)] as const),
    ...scenes(TOKEN).map(([name, scene]) => [name, 'the token alone', TOKEN, token(TOKEN)(scene)] as const),
    ...scenes(flood(ODD)).map(([name, scene]) => [name, 'an odd token', ODD, token(ODD)(scene)] as const),
    ...scenes(flood(KEY)).map(([name, scene]) => [name, 'the key', KEY, pair(scene)] as const),
  ];

  it.concurrent.each(cases)('in %s: %s', async (_name, _which, secret, scene) => {
    const run = await play({ ...scene, env: { RUNNER_DEBUG: '1' } });
    expect(run.requests.length).toBeGreaterThan(0);
    expect(leaks(run, [secret])).toEqual([]);
    // The masks come before anything else.
    const lines = run.stdout.split('\n');
    const mask = lines.indexOf(`::add-mask::${secret.replaceAll('%', '%25')}`);
    expect(mask).toBeGreaterThanOrEqual(0);
    expect(lines.slice(0, mask).filter((line) => !line.startsWith('::add-mask::'))).toEqual([]);
  });

  it('as the error of a resource, in a cut of any length', async () => {
    const padded = Array.from({ length: 30 }, (_, n) => `${'x'.repeat(n * 2)}${TOKEN}`);
    const recipients = padded.map((error, n) => ({
      accountId: `account${n}`,
      status: 'associated',
      resources: [
        { error: 'x'.repeat(340) + error, resource_id: error, resource_version: 1, terminal: true },
      ],
    }));
    const run = await play({
      recipients,
      inputs: { 'recipient-account-id': recipients.map((one) => one.accountId).join(',') },
      env: { RUNNER_DEBUG: '1' },
    });
    expect(run.exitCode).toBe(1);
    expect(run.recipients).toHaveLength(30);
    expect(leaks(run, [TOKEN])).toEqual([]);
  });

  it('the token of GitHub, when GitHub echoes it', async () => {
    const run = await play({
      inputs: { 'github-token': GITHUB },
      api: { faults: [{ when: { pathIncludes: '/repos/' }, do: say(403, `${EVIL} ${flood(GITHUB)}`) }] },
      env: (url) => ({ RUNNER_DEBUG: '1', GITHUB_API_URL: url }),
    });
    expect(run).toMatchObject({ exitCode: 0, outputs: { status: 'associated' } });
    expect(run.requests.filter(({ path }) => path.startsWith('/repos/')).length).toBeGreaterThan(0);
    expectHarmless(run);
    expect(leaks(run, [GITHUB, TOKEN])).toEqual([]);
    expect(liveRows(run)).toHaveLength(1);
  });

  it.concurrent.each(['recipient', 'status', 'changed"'])(
    'a secret that is a word of the outputs leaves them readable: %s',
    async (word) => {
      const run = await play({ env: { HTTPS_PROXY: `http://u:${encodeURIComponent(word)}@127.0.0.1:9` } });
      expect(run).toMatchObject({ exitCode: 0, outputs: { status: 'associated' } });
      expect(Object.keys(run.recipients[0] ?? {})).toContain('status');
    },
  );

  it('neither token goes to the other side', async () => {
    const run = await play({
      inputs: { 'github-token': GITHUB },
      env: (url) => ({ GITHUB_API_URL: url }),
    });
    expect(run.exitCode).toBe(0);
    for (const { path, headers } of run.requests) {
      const [own, other] = path.startsWith('/repos/') ? [GITHUB, TOKEN] : [TOKEN, GITHUB];
      expect(headers['authorization']).toContain(own);
      expect(JSON.stringify(headers)).not.toContain(other);
    }
  });

  it('a token with a line break inside is refused, and both lines are masked', async () => {
    const [one, two] = ['Xr5Mc8Jd3Hf6Lp1Gs0Ya', 'Zk4Wq9Tn2Bv7Qw8Er6Ty'];
    const run = await play({ inputs: { 'api-token': `${one}\n${two}` }, env: { RUNNER_DEBUG: '1' } });
    expect(run).toMatchObject({ exitCode: 1, connections: 0 });
    expect(run.stdout).toContain(`::add-mask::${one}\n`);
    expect(run.stdout).toContain(`::add-mask::${two}\n`);
    expect(leaks(run, [one, two])).toEqual([]);
  });

  it('the variables of the job are secrets as well', async () => {
    const run = await play({
      inputs: { 'api-token': '' },
      api: { faults: [{ when: { pathIncludes: LIST }, do: say(400, flood(TOKEN) + flood(KEY)) }] },
      env: {
        CLOUDFLARE_API_TOKEN: TOKEN,
        CLOUDFLARE_API_KEY: KEY,
        CLOUDFLARE_EMAIL: EMAIL,
        RUNNER_DEBUG: '1',
      },
    });
    expect(run.exitCode).toBe(1);
    expect(run.posts).toEqual([]);
    expect(leaks(run, [TOKEN, KEY])).toEqual([]);
    expect(run.lists[0]?.path).toContain(SHARE);
  });
});
