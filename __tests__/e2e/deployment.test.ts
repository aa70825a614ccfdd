import { expect, it } from 'vitest';
import { expectSuccess } from './expectations.ts';
import { faultOn, respondWith, runScenario, TOKEN } from './scenario.ts';

// How else a run ends is in main.test.ts, what else GitHub may respond in
// github/deployment.test.ts, hostile-text.test.ts and secrets.test.ts.
it('the deployment record is in progress, then a success with the run, without a word of an event whose file is missing', async () => {
  const run = await runScenario({
    inputs: { 'github-token': 'ghs_tokenOfTheDeploymentTest0123456789' },
    // The simulator is GitHub's API too.
    faults: [faultOn(/\/repos\//, respondWith('{"id":77}', 201))],
    env: (url) => ({
      GITHUB_API_URL: url,
      GITHUB_REPOSITORY: 'octo/policies',
      GITHUB_EVENT_PATH: '/nowhere\n::error title=pwned::pwned',
    }),
  });
  expectSuccess(run);
  const calls = run.requests.filter(({ path }) => path.includes('/repos/'));
  const deployment = '/repos/octo/policies/deployments';
  expect(calls).toMatchObject([
    { path: expect.stringMatching(`${deployment}$`) },
    {
      path: expect.stringMatching(`${deployment}/77/statuses$`),
      body: { state: 'in_progress' },
    },
    {
      path: expect.stringMatching(`${deployment}/77/statuses$`),
      body: { state: 'success' },
    },
  ]);
  expect(run.annotations).toEqual([]);
  expect(run.stdout).not.toMatch(/nowhere|pwned|does not exist/);
  expect(JSON.stringify(calls)).not.toContain(TOKEN);
});
