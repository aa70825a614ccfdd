import { describe, expect, it } from 'vitest';
import { expectSuccess } from './expectations.ts';
import { leaks } from './leaks.ts';
import { faultOn, LIST, type Run, runScenario, TOKEN } from './scenario.ts';
import { rejectWith, scenariosWith } from './untrusted-text.ts';

const KEY = 'c2547eb745079dac9320b638f5e225cf483cc5cfdda41';
const EMAIL = 'ops@example.com';
/** A token that looks different in JSON, in a URL and in HTML. */
const ODD = 'v1.0-Q"w\\e/r+t=y&u<i>o%p;A\'S|D{F}G~H`J';
const GITHUB_TOKEN = 'ghs_Zk4Wq9Tn2Bv7Xr5Mc8Jd3Hf6Lp1Gs0YaZk4W';
const DEBUG = { RUNNER_DEBUG: '1' };

/** A text so full of the secret that any cut goes through one of its forms. */
function flood(secret: string): string {
  const base64 = Buffer.from(secret).toString('base64');
  const forms = [
    secret,
    encodeURIComponent(secret),
    base64,
    base64.replace(/=+$/, ''),
    Buffer.from(secret).toString('base64url'),
    Buffer.from(`u:${secret}`).toString('base64'),
    `Bearer ${secret}`,
    JSON.stringify(secret),
  ];
  return `${forms.join(' ')} `.repeat(12);
}

/** The masks come before anything else. */
function expectMaskedFirst({ stdout }: Run, secret: string): void {
  const lines = stdout.split('\n');
  const mask = lines.indexOf(`::add-mask::${secret.replaceAll('%', '%25')}`);
  expect(mask).toBeGreaterThanOrEqual(0);
  expect(
    lines.slice(0, mask).filter((line) => !line.startsWith('::add-mask::')),
  ).toEqual([]);
}

/** One for each way to the outputs; all ways are in report/sink.test.ts. */
const PLACES = new Set([
  'the name and the resource types of the share',
  'a status, to the timeout',
  'a terminal resource error',
  'a rejection of the list',
  'a redirect',
]);

describe.concurrent('a secret that the server echoes shows nowhere', () => {
  // One odd token for each place; each form of it is in the text.
  it.concurrent.each(
    scenariosWith(flood(ODD)).filter(([place]) => PLACES.has(place)),
  )('in %s', async (_place, scenario) => {
    const run = await runScenario({
      ...scenario,
      api: { tokens: [ODD] },
      inputs: { ...scenario.inputs, 'api-token': ODD },
      env: DEBUG,
    });
    expect(run.requests.length).toBeGreaterThan(0);
    expect(leaks(run, [ODD])).toEqual([]);
    expectMaskedFirst(run, ODD);
  });

  it('as the token of GitHub, in a response of GitHub', async () => {
    const run = await runScenario({
      inputs: { 'github-token': GITHUB_TOKEN },
      faults: [faultOn(/\/repos\//, rejectWith(403, flood(GITHUB_TOKEN)))],
      env: (url) => ({ ...DEBUG, GITHUB_API_URL: url }),
    });
    expectSuccess(run, { status: 'associated' });
    expect(run.annotations).toMatchObject([
      {
        title: 'Deployment record could not be written',
        message: expect.stringContaining('***'),
      },
    ]);
    expect(leaks(run, [GITHUB_TOKEN, TOKEN])).toEqual([]);
  });

  it('from the variables of the job, which are secrets as well', async () => {
    const run = await runScenario({
      inputs: { 'api-token': '' },
      faults: [faultOn(LIST, rejectWith(400, flood(TOKEN) + flood(KEY)))],
      env: {
        ...DEBUG,
        CLOUDFLARE_API_TOKEN: TOKEN,
        CLOUDFLARE_API_KEY: KEY,
        CLOUDFLARE_EMAIL: EMAIL,
      },
    });
    expect(run.exitCode).toBe(1);
    expect(run.posts).toEqual([]);
    expect(leaks(run, [TOKEN, KEY])).toEqual([]);
  });
});

describe.concurrent('secrets', () => {
  it('that are words of the outputs leave these readable', async () => {
    const run = await runScenario({
      env: { HTTPS_PROXY: 'http://u:recipient@127.0.0.1:9' },
    });
    expectSuccess(run, { status: 'associated' });
    expect(Object.keys(run.recipients[0] ?? {})).toContain('recipient_id');
  });

  it('do not go to the other side: the token of GitHub to Cloudflare, or the one of Cloudflare to GitHub', async () => {
    const run = await runScenario({
      inputs: { 'github-token': GITHUB_TOKEN },
      env: (url) => ({ GITHUB_API_URL: url }),
    });
    expect(run.exitCode).toBe(0);
    expect(run.requests.some(({ path }) => path.startsWith('/repos/'))).toBe(
      true,
    );
    for (const { path, headers } of run.requests) {
      const [own, other] = path.startsWith('/repos/')
        ? [GITHUB_TOKEN, TOKEN]
        : [TOKEN, GITHUB_TOKEN];
      expect(headers['authorization']).toContain(own);
      expect(JSON.stringify(headers)).not.toContain(other);
    }
  });
});
