import { describe, expect, it } from 'vitest';
import { leaks } from './leaks.ts';
import {
  account,
  accounts,
  LIST,
  OWNER,
  runScenario,
  type Scenario,
  TOKEN,
} from './scenario.ts';
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
    `Bearer ${secret}`,
    JSON.stringify(secret),
  ];
  return `${forms.join(' ')} `.repeat(12);
}

function withToken(secret: string, scenario: Scenario): Scenario {
  return {
    ...scenario,
    api: { ...scenario.api, tokens: [secret] },
    inputs: { ...scenario.inputs, 'api-token': secret },
  };
}

function withKey(scenario: Scenario): Scenario {
  return {
    ...scenario,
    api: { ...scenario.api, tokens: [] },
    inputs: {
      ...scenario.inputs,
      'api-token': '',
      'api-email': EMAIL,
      'api-key': KEY,
    },
  };
}

describe.concurrent('a secret that the server echoes shows nowhere', () => {
  type Case = [
    place: string,
    secret: string,
    value: string,
    scenario: Scenario,
  ];
  const all = [
    ...scenariosWith(flood(TOKEN)).map(
      (one): Case => [one[0], 'the token', TOKEN, withToken(TOKEN, one[1])],
    ),
    ...scenariosWith(TOKEN).map(
      (one): Case => [
        one[0],
        'the token alone',
        TOKEN,
        withToken(TOKEN, one[1]),
      ],
    ),
    ...scenariosWith(flood(ODD)).map(
      (one): Case => [one[0], 'an odd token', ODD, withToken(ODD, one[1])],
    ),
    ...scenariosWith(flood(KEY)).map(
      (one): Case => [one[0], 'the key', KEY, withKey(one[1])],
    ),
  ];
  const isBroken = ([place, secret]: Case) =>
    /HTML page/.test(place) && secret !== 'the token alone';
  const cases = all.filter((one) => !isBroken(one));

  async function expectRedacted(
    secret: string,
    scenario: Scenario,
  ): Promise<void> {
    const run = await runScenario({ ...scenario, env: DEBUG });
    expect(run.requests.length).toBeGreaterThan(0);
    expect(leaks(run, [secret])).toEqual([]);
    // The masks come before anything else.
    const lines = run.stdout.split('\n');
    const mask = lines.indexOf(`::add-mask::${secret.replaceAll('%', '%25')}`);
    expect(mask).toBeGreaterThanOrEqual(0);
    expect(
      lines.slice(0, mask).filter((line) => !line.startsWith('::add-mask::')),
    ).toEqual([]);
  }

  it.concurrent.each(cases)('in %s: %s', (_place, _name, secret, scenario) =>
    expectRedacted(secret, scenario),
  );

  it.each(all.filter(isBroken))(
    'in %s: %s',
    (_place, _name, secret, scenario) => expectRedacted(secret, scenario),
  );

  it('as the error of a resource, cut at any length', async () => {
    const padded = Array.from(
      { length: 30 },
      (_, n) => `${'x'.repeat(n * 2)}${TOKEN}`,
    );
    const run = await runScenario({
      recipients: padded.map((error, n) => ({
        accountId: account(n),
        status: 'associated',
        // Texts are cut at 300 characters, so that some cuts go through the
        // token.
        resources: [
          {
            error: 'x'.repeat(240) + error,
            resource_id: error,
            resource_version: 1,
            terminal: true,
          },
        ],
      })),
      inputs: { 'recipient-account-id': accounts(30).join(',') },
      env: DEBUG,
    });
    expect(run.exitCode).toBe(1);
    expect(run.recipients).toHaveLength(30);
    expect(leaks(run, [TOKEN])).toEqual([]);
  });

  it('as the token of GitHub, in a response of GitHub', async () => {
    const run = await runScenario({
      inputs: { 'github-token': GITHUB_TOKEN },
      api: {
        faults: [
          {
            when: { pathIncludes: '/repos/' },
            do: rejectWith(403, flood(GITHUB_TOKEN)),
          },
        ],
      },
      env: (url) => ({ ...DEBUG, GITHUB_API_URL: url }),
    });
    expect(run).toMatchObject({
      exitCode: 0,
      outputs: { status: 'associated' },
    });
    expect(run.annotations).toMatchObject([
      { title: 'Deployment record could not be written' },
    ]);
    expect(leaks(run, [GITHUB_TOKEN, TOKEN])).toEqual([]);
  });

  it('from the variables of the job, which are secrets as well', async () => {
    const run = await runScenario({
      inputs: { 'api-token': '' },
      api: {
        faults: [
          {
            when: { pathIncludes: LIST },
            do: rejectWith(400, flood(TOKEN) + flood(KEY)),
          },
        ],
      },
      env: {
        ...DEBUG,
        CLOUDFLARE_API_TOKEN: TOKEN,
        CLOUDFLARE_API_KEY: KEY,
        CLOUDFLARE_EMAIL: EMAIL,
      },
    });
    expect(run.exitCode).toBe(1);
    expect(run.posts).toEqual([]);
    expect(run.lists[0]?.path).toContain(OWNER);
    expect(leaks(run, [TOKEN, KEY])).toEqual([]);
  });
});

describe.concurrent('secrets', () => {
  it.concurrent.each(['recipient', 'status', 'changed"'])(
    'that are words of the outputs leave these readable: %s',
    async (word) => {
      const run = await runScenario({
        env: {
          HTTPS_PROXY: `http://u:${encodeURIComponent(word)}@127.0.0.1:9`,
        },
      });
      expect(run).toMatchObject({
        exitCode: 0,
        outputs: { status: 'associated' },
      });
      expect(Object.keys(run.recipients[0] ?? {})).toContain('status');
    },
  );

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

  it('with a line break inside are invalid, and masked as a whole, of which the runner masks each line', async () => {
    const [one, two] = ['Xr5Mc8Jd3Hf6Lp1Gs0Ya', 'Zk4Wq9Tn2Bv7Qw8Er6Ty'];
    const run = await runScenario({
      inputs: { 'api-token': `${one}\n${two}` },
      env: DEBUG,
    });
    expect(run).toMatchObject({ exitCode: 1, connections: 0 });
    expect(run.stdout).toContain(`::add-mask::${one}%0A${two}\n`);
    expect(leaks(run, [one, two])).toEqual([]);
  });
});
