/** The workflows that act runs, and their expected results. */
import assert from 'node:assert/strict';
import type { ShareSeed } from '../../simulator/api.ts';
import { type Scenario, scenarios } from '../../simulator/scenarios.ts';
import { EMPTY_OUTPUTS } from '../builders.ts';
import type { Case, Run } from './play.ts';

/**
 * The lines that the steps of a job print. Of a step that fails, act may lose
 * the last ones: it does not wait for them.
 */
function printed(run: Run, job: string): string[] {
  return run.entries
    .filter((entry) => entry.raw_output && entry.jobID === job)
    .map((entry) => (entry.msg ?? '').trimEnd());
}

/**
 * The results of the jobs with an ID, one for each job of a matrix; empty if it
 * was skipped.
 */
function results(run: Run, job: string): string[] {
  return run.entries.flatMap((entry) =>
    entry.jobID === job && entry.jobResult ? [entry.jobResult] : [],
  );
}

function stepResult(run: Run, step: string): string | undefined {
  return run.entries.find(
    (entry) => entry.stepID?.[0] === step && entry.stepResult,
  )?.stepResult;
}

function outputs(run: Run, step: string): Record<string, string> {
  const set = run.entries.filter(
    (entry) => entry.command === 'set-output' && entry.stepID?.[0] === step,
  );
  return Object.fromEntries(set.map(({ name = '', arg = '' }) => [name, arg]));
}

/** Steps of a job may print a line late, so that it is not the last one. */
function assertPrinted(run: Run, job: string, line: string): void {
  const lines = printed(run, job);
  assert.ok(lines.includes(line), `"${line}" is not in ${lines.join('\n')}`);
}

const lastLine = (run: Run, job: string) => printed(run, job).at(-1) ?? '';

/** The requests that wrote to Cloudflare, in their order. */
function writes(run: Run): string[] {
  return run.requests.flatMap(({ method, body }) => {
    if (method === 'GET') return [];
    return method === 'DELETE' ? method : `${method} ${JSON.stringify(body)}`;
  });
}

const posted = (...accounts: (string | undefined)[]) =>
  accounts.map((id) => `POST {"recipient_account_id":"${id}"}`);

/** What deploy.sh was called with, in any job. */
function deployments(run: Run): string[] {
  return run.entries.flatMap(({ raw_output, msg = '' }) =>
    raw_output && msg.startsWith('deploy.sh ') ? msg.trimEnd() : [],
  );
}

/** Checks a run against all that its case expects. */
export function checkRun(run: Run, expected: Case): void {
  assert.equal(run.exitCode, expected.fails ? 1 : 0);
  for (const [job, expectedResults] of Object.entries(expected.jobs ?? {}))
    assert.deepEqual(results(run, job), expectedResults, job);
  if (expected.sendsNothing) assert.equal(run.requests.length, 0);
  assert.deepEqual(writes(run).sort(), (expected.writes ?? []).toSorted());
  const deploys = (expected.deploys ?? []).map((args) => `deploy.sh ${args}`);
  assert.deepEqual(deployments(run).sort(), deploys.sort());
  expected.check?.(run);
}

const COMMENTS = '/repos/octo-org/policies/issues/17/comments';
const SECOND_SHARE = '9c1e5f74b32742f1bff64a85009dda07';
const ISSUES = '/repos/octo-org/policies/issues';
const BOT = { login: 'github-actions[bot]' };

const {
  associate,
  fleet,
  onboarding,
  plan,
  remove,
  'already-shared': shared,
} = scenarios;
const terminal = scenarios['terminal-error'];
const RECIPIENT = associate.inputs['recipient-account-id'];
export const TOKEN = associate.inputs['api-token'];
const ONBOARDED = onboarding.inputs['recipient-account-id'].split('\n');
const FLEET = fleet.inputs['recipient-account-id'].split('\n');
const [REJECTED] = Object.keys(fleet.api.rejectAccounts);

/** Workflows of this repository, without changes. */
const OWN = {
  ci: '.github/workflows/ci.yml',
  commitDist: '.github/workflows/commit-dist.yml',
  release: '.github/workflows/release.yml',
} as const;
const HEAD = '5b3f9d2e8a7c41d6904e1f2a3b4c5d6e7f809a1b';
/**
 * The package's `node`, as in npm scripts, would be in node_modules/.bin; a
 * plain `node` is the one of setup-node.
 */
const RELEASE_TOOLS = {
  npm: 'echo "npm $*"',
  node: `case "$1" in build/*) echo "node $*" ;; *) exec ${process.execPath} "$@" ;; esac`,
  'actions/upload-artifact':
    'echo "notes: $(tr "\\n" " " < release/notes.md)"; echo "sbom: $(cat release/sbom.cdx.json)"',
};

/** A `gh api` that sends its requests to the stand-in for GitHub. */
const GH_API = `
shift
method=GET filter= body='{}'
while (( $# )); do
  case "$1" in
    --paginate | --silent) ;;
    --method) method=$2; shift ;;
    --jq) filter=$2; shift ;;
    --field | --raw-field)
      name=\${2%%=*} value=\${2#*=}
      if [[ "$1 $value" == '--field @'* ]]; then value=$(cat "\${value#@}"); fi
      body=$(jq --arg name "$name" --arg value "$value" '.[$name] = $value' <<< "$body")
      shift ;;
    *) path=$1 ;;
  esac
  shift
done
data=(--data-binary @-)
if [[ "$method" == GET ]]; then data=(); fi
reply=$(curl --silent --show-error --fail --request "$method" "\${data[@]}" "$GITHUB_API_URL/$path" <<< "$body")
if [[ -n "$filter" ]]; then jq --raw-output "$filter" <<< "$reply"; fi
`;

type Setup = Omit<Case, 'name'>;

/** A workflow of this folder, started with this form. */
const started = (
  name: string,
  scenario: Scenario,
  inputs: Record<string, string> = {},
): Setup => ({
  workflow: `__tests__/workflows/${name}.yml`,
  event: 'workflow_dispatch',
  scenario,
  inputs,
});

const PAYLOADS: Record<string, object> = {
  push: { ref: 'refs/heads/main' },
  pull_request: pullRequest('octo-org/policies'),
  release: { action: 'published', release: { tag_name: 'v7.4.1' } },
};

/** The variables and secrets of the examples, with the values of a scenario. */
function asExample({ inputs }: Scenario) {
  return {
    vars: {
      CLOUDFLARE_ACCOUNT_ID: inputs['account-id'] ?? '',
      CLOUDFLARE_SHARE_ID: inputs['share-id'] ?? '',
      CLOUDFLARE_RECIPIENT_ACCOUNT_IDS: inputs['recipient-account-id'] ?? '',
    },
    secrets: { CLOUDFLARE_API_TOKEN: inputs['api-token'] ?? '' },
  };
}

function example(name: string, event: string, scenario: Scenario) {
  return {
    workflow: `examples/${name}.yml`,
    event,
    payload: PAYLOADS[event],
    scenario,
    ...asExample(scenario),
  };
}

/** An example that plans this list, with a token that only reads. */
const planning = (
  name: string,
  event: string,
  scenario: Scenario,
  ids: readonly (string | undefined)[],
): Setup => ({
  ...example(name, event, scenario),
  secrets: { CLOUDFLARE_READ_TOKEN: plan.inputs['api-token'] },
  files: { 'accounts.txt': labeled(ids) },
  standIns: { gh: GH_API },
});

/** A pull request from a fork gets no secrets, and no plan. */
const fromFork = (name: string, scenario: Scenario): Case => ({
  name: `example ${name}.yml, from a fork`,
  ...example(name, 'pull_request', scenario),
  payload: pullRequest('somebody/policies'),
  secrets: {},
  // act gives the expressions of a skipped job as its outputs, GitHub none: the
  // comment would not be skipped.
  args: ['--job', 'plan'],
  sendsNothing: true,
  check(run) {
    assert.equal(stepResult(run, 'plan'), undefined);
  },
});

/** release.yml, after a push of this tag, which is one of `tags`. */
const releasing = (tag: string, version: string, tags: string[]): Setup => ({
  workflow: OWN.release,
  event: 'push',
  payload: { ref: `refs/tags/${tag}` },
  scenario: associate,
  files: released(version),
  standIns: { ...RELEASE_TOOLS, gh: gh(...tags) },
});

export const cases: Case[] = [
  {
    name: 'workflow_dispatch: vars, secrets and inputs; a later step and a matrix use the outputs',
    ...started('onboard', onboarding, {
      accounts: ONBOARDED.join(' '),
      state: 'present',
    }),
    writes: posted(...ONBOARDED),
    check(run) {
      assertPrinted(run, 'share', 'later step associated, changed true, ids 3');
      const expected = ONBOARDED.map(
        (id) => `later job ${id} associated, changed true`,
      );
      assert.deepEqual(printed(run, 'deploy').sort(), expected.sort());
      assert.deepEqual(
        Object.keys(outputs(run, 'share')).sort(),
        Object.keys(EMPTY_OUTPUTS).sort(),
      );
    },
  },
  {
    name: 'state: absent',
    ...started('onboard', remove, { accounts: RECIPIENT, state: 'absent' }),
    writes: ['DELETE'],
    check(run) {
      assert.deepEqual(printed(run, 'deploy'), [
        `later job ${RECIPIENT} disassociated, changed true`,
      ]);
    },
  },
  {
    name: 'dry-run as a boolean input',
    ...started('onboard', associate, {
      accounts: RECIPIENT,
      state: 'present',
      'dry-run': 'true',
    }),
    check(run) {
      const lines = printed(run, 'share');
      assert.match(lines.join('\n'), /^later step .*changed true/m);
    },
  },
  {
    name: 'a missing secret: no request is sent',
    ...started('onboard', associate, { accounts: RECIPIENT, state: 'present' }),
    secrets: {},
    fails: true,
    sendsNothing: true,
    check(run) {
      assert.equal(stepResult(run, 'share'), 'failure');
      assert.deepEqual(outputs(run, 'share'), EMPTY_OUTPUTS);
    },
  },
  {
    name: 'a step that fails stops the jobs after it, and if: failure() reads its outputs',
    ...started('failing', terminal),
    writes: posted(RECIPIENT),
    fails: true,
    jobs: { share: ['failure'] },
    check(run) {
      assert.equal(stepResult(run, 'share'), 'failure');
      const { 'recipient-id': id } = outputs(run, 'share');
      assert.match(id ?? '', /^[0-9a-f]{32}$/);
      const later = printed(run, 'share').filter((line) =>
        line.startsWith('on failure'),
      );
      assert.equal(later[0], `on failure: recipient ${id} is associating`);
      assert.match(
        later[1] ?? '',
        /Recipient is missing necessary entitlement/,
      );
      assert.ok(
        !run.entries.some(({ msg }) => msg?.trim() === 'the next step'),
      );
      assert.deepEqual(printed(run, 'deploy'), []);
      assert.deepEqual(printed(run, 'clean-up'), [
        `after the failure ${RECIPIENT} is associating`,
      ]);
    },
  },
  {
    name: 'continue-on-error: the job goes on with the outcome and the outputs',
    ...started('tolerated', terminal),
    writes: posted(RECIPIENT),
    check(run) {
      assertPrinted(
        run,
        'share',
        'outcome failure, conclusion success, associating',
      );
      assert.deepEqual(printed(run, 'deploy'), []);
      assert.deepEqual(printed(run, 'report'), [
        'the later job shows the failure',
      ]);
    },
  },
  {
    name: 'a token from a variable is masked in later steps',
    ...started('masking', shared),
    secrets: {},
    vars: { NOT_SO_SECRET: TOKEN },
    check(run) {
      assert.equal(lastLine(run, 'share'), 'token <***>');
    },
  },
  {
    name: 'example release.yml: a release event on GitHub Enterprise Server, a deployment record, one job per account',
    ...example('release', 'release', onboarding),
    args: ['--env', 'GITHUB_SERVER_URL=https://github.example.com'],
    writes: posted(...ONBOARDED),
    deploys: ONBOARDED.map((id) => `${id} v7.4.1`),
    check(run) {
      assert.ok(
        run.entries.some(({ content }) => content?.includes('release v7.4.1')),
      );
      assert.match(
        String(run.github[1]?.body['log_url']),
        /^https:\/\/github\.example\.com\/octo-org\/policies\//,
      );
      assert.deepEqual(
        run.github.map(
          ({ request, body }) =>
            `${request} ${body['state'] ?? body['environment']}`,
        ),
        [
          'POST /repos/octo-org/policies/deployments cloudflare-share',
          'POST /repos/octo-org/policies/deployments/1/statuses in_progress',
          'POST /repos/octo-org/policies/deployments/1/statuses success',
        ],
      );
    },
  },
  {
    name: 'example dispatch.yml',
    ...example('dispatch', 'workflow_dispatch', associate),
    inputs: { account: RECIPIENT, timeout: '5m', 'dry-run': 'false' },
    writes: posted(RECIPIENT),
    deploys: [RECIPIENT],
    check(run) {
      assert.equal(lastLine(run, 'onboard'), 'The recipient is associated');
    },
  },
  {
    name: 'example dispatch.yml, an account ID that is shell code',
    ...example('dispatch', 'workflow_dispatch', associate),
    inputs: {
      account: `${RECIPIENT}"; env; "`,
      timeout: '5m',
      'dry-run': 'false',
    },
    fails: true,
    sendsNothing: true,
  },
  {
    name: 'example dispatch.yml, two accounts where one is asked for',
    ...example('dispatch', 'workflow_dispatch', associate),
    inputs: {
      account: `${RECIPIENT} ${ONBOARDED[0]}`,
      timeout: '5m',
      'dry-run': 'false',
    },
    fails: true,
    sendsNothing: true,
  },
  {
    name: 'example dispatch.yml, a step that fails',
    ...example('dispatch', 'workflow_dispatch', terminal),
    inputs: { account: RECIPIENT, timeout: '5m', 'dry-run': 'false' },
    fails: true,
    writes: posted(RECIPIENT),
    check(run) {
      assert.equal(lastLine(run, 'onboard'), 'The recipient is associating');
    },
  },
  {
    name: 'example pull-request-plan.yml',
    ...planning('pull-request-plan', 'pull_request', plan, FLEET.slice(0, 4)),
    check(run) {
      const [request, comment] = posts(run);
      assert.equal(request, `POST ${COMMENTS}`);
      assert.match(comment ?? '', /2 of 4 accounts would get access/);
      assert.deepEqual(
        linesOf(comment, '+ add'),
        [2, 3].map(
          (n) => `| \`${FLEET[n]}\` | <code>Team ${n}</code> | + add |`,
        ),
      );
    },
  },
  {
    name: 'example pull-request-plan.yml, again: its own comment is updated, not an imitation',
    ...planning('pull-request-plan', 'pull_request', plan, [FLEET[0]]),
    gitHub: { [COMMENTS]: commentsWith('<!-- cloudflare-share-plan -->') },
    check(run) {
      const [request, comment] = posts(run);
      assert.equal(request, `PATCH ${ISSUES}/comments/7`);
      assert.match(comment ?? '', /0 of 1 accounts would get access/);
    },
  },
  {
    name: 'example pull-request-plan.yml, a list with a line that is not an account ID',
    ...planning('pull-request-plan', 'pull_request', plan, []),
    files: {
      'accounts.txt': `${FLEET[0]}\n${FLEET[1]} accounts=${FLEET[2]}\n`,
    },
    fails: true,
    sendsNothing: true,
    jobs: { comment: [] },
    check(run) {
      assert.deepEqual(outputs(run, 'plan'), EMPTY_OUTPUTS);
    },
  },
  fromFork('pull-request-plan', plan),
  {
    name: 'example sync.yml, a pull request: the plan of exact as a comment, removals first',
    ...planning('sync', 'pull_request', synced(5), []),
    files: {
      'accounts.txt': `${labeled(FLEET.slice(0, 4))}${FLEET[5]} # @octo|cat <b>\n`,
    },
    jobs: { sync: [] },
    check(run) {
      const [request, comment] = posts(run);
      assert.equal(request, `POST ${COMMENTS}`);
      assert.match(comment ?? '', /accounts to add: 1, to remove: 1\./);
      assert.doesNotMatch(comment ?? '', /CAUTION/);
      assert.deepEqual(linesOf(comment, '`'), [
        `| \`${FLEET[4]}\` |  | **- remove** |`,
        `| \`${FLEET[5]}\` | <code>&#64;octo&#124;cat &#60;b&#62;</code> | + add |`,
      ]);
    },
  },
  {
    name: 'example sync.yml, a pull request whose plan is rejected: red, and the comment shows it',
    ...planning('sync', 'pull_request', synced(7, 'associating'), [FLEET[0]]),
    gitHub: { [COMMENTS]: commentsWith('<!-- cloudflare-share-sync -->') },
    fails: true,
    check(run) {
      const [request, comment] = posts(run);
      assert.equal(request, `PATCH ${ISSUES}/comments/7`);
      assert.match(comment ?? '', /accounts to add: 0, to remove: 6\./);
      assert.match(comment ?? '', /CAUTION/);
    },
  },
  {
    name: 'example sync.yml, a pull request with more changes than a comment holds: cut with a count',
    ...planning('sync', 'pull_request', synced(1), [
      FLEET[0],
      ...manyIds(1_200),
    ]),
    check(run) {
      const [, comment = ''] = posts(run);
      assert.match(comment, /accounts to add: 1200, to remove: 0\./);
      assert.ok(comment.length > 60_000 && comment.length < 65_536);
      const shown = linesOf(comment, '+ add').length;
      assert.ok(
        comment.endsWith(`\nAt least ${1_200 - shown} more are in the log.`),
      );
    },
  },
  fromFork('sync', synced(5)),
  {
    name: 'example sync.yml, a push to main: adds, then removes',
    ...example('sync', 'push', synced(5)),
    files: { 'accounts.txt': labeled([...FLEET.slice(0, 4), FLEET[5]]) },
    // As above: act would run the comment after a plan that was skipped.
    args: ['--job', 'sync'],
    writes: [...posted(FLEET[5]), 'DELETE'],
    jobs: { sync: ['success'] },
    check(run) {
      assert.equal(writes(run).at(-1), 'DELETE');
    },
  },
  {
    name: 'example drift.yml: nothing would change',
    ...planning('drift', 'schedule', synced(5), FLEET.slice(0, 5)),
    check(run) {
      assert.deepEqual(run.github, []);
    },
  },
  {
    name: 'example drift.yml: an account was added elsewhere; red, and an issue',
    ...planning('drift', 'schedule', synced(5), FLEET.slice(0, 4)),
    fails: true,
    check(run) {
      const [request, body] = posts(run);
      assert.equal(request, `POST ${ISSUES}`);
      assert.deepEqual(linesOf(body, '`'), [
        `| \`${FLEET[4]}\` |  | **- remove** |`,
      ]);
    },
  },
  {
    name: 'example drift.yml, again and with a plan that is rejected: the open issue is updated',
    ...planning('drift', 'workflow_dispatch', synced(5), [FLEET[0]]),
    gitHub: { [ISSUES]: issuesWith('<!-- cloudflare-share-drift -->') },
    fails: true,
    check(run) {
      const [request, body] = posts(run);
      assert.equal(request, `PATCH ${ISSUES}/7`);
      assert.match(body ?? '', /to add: 0, to remove: 4\./);
    },
  },
  {
    name: 'example drift.yml, a plan that is rejected although nothing would change: red, without an issue',
    ...planning(
      'drift',
      'schedule',
      withShare(synced(5, 'associating'), { status: 'deleting' }),
      FLEET.slice(0, 5),
    ),
    fails: true,
    jobs: { issue: ['success'] },
    check(run) {
      assert.deepEqual(run.github, []);
    },
  },
  {
    name: 'example drift.yml, a token that is not accepted: red, without an issue',
    ...planning('drift', 'schedule', synced(5), FLEET.slice(0, 4)),
    secrets: {
      CLOUDFLARE_READ_TOKEN: 'v1.0-not-accepted-6f1ed002ab5595859014',
    },
    fails: true,
    check(run) {
      assert.deepEqual(run.github, []);
    },
  },
  {
    name: 'example several-shares.yml: one job per share, each with its own list',
    ...example('several-shares', 'push', severalShares()),
    vars: {
      ...asExample(plan).vars,
      CLOUDFLARE_SHARES: JSON.stringify([
        { name: 'gateway', id: plan.inputs['share-id'] },
        { name: 'waf', id: SECOND_SHARE },
      ]),
    },
    files: {
      'shares/gateway.txt': labeled([...FLEET.slice(0, 5), FLEET[6]]),
      'shares/waf.txt': labeled(FLEET.slice(0, 4)),
    },
    writes: [...posted(FLEET[6]), 'DELETE'],
    jobs: { sync: ['success', 'success'] },
    check(run) {
      const shares = run.requests.flatMap(({ method, path }) =>
        method === 'GET' ? [] : `${method} ${path.split('/')[4]}`,
      );
      assert.deepEqual(shares.sort(), [
        `DELETE ${SECOND_SHARE}`,
        `POST ${plan.inputs['share-id']}`,
      ]);
    },
  },
  {
    name: 'example matrix.yml',
    ...example('matrix', 'workflow_dispatch', onboarding),
    vars: {
      ...asExample(onboarding).vars,
      CLOUDFLARE_TEAMS: JSON.stringify([
        {
          name: 'emea',
          accounts: { Paris: ONBOARDED[0], Oslo: ONBOARDED[1] },
        },
        { name: 'apac', accounts: { Tokyo: ONBOARDED[2] } },
      ]),
    },
    writes: posted(...ONBOARDED),
    deploys: ONBOARDED,
    jobs: { share: ['success', 'success'] },
  },
  {
    name: 'example matrix.yml, without teams',
    ...example('matrix', 'workflow_dispatch', onboarding),
    vars: { ...asExample(onboarding).vars, CLOUDFLARE_TEAMS: '[]' },
    fails: true,
    sendsNothing: true,
    jobs: { teams: ['failure'], share: [] },
  },
  {
    name: 'example terraform.yml: the accounts get access before Terraform configures the policies',
    ...example('terraform', 'push', onboarding),
    standIns: {
      terraform: terraform({
        paris: ONBOARDED[0],
        oslo: ONBOARDED[1],
        tokyo: ONBOARDED[2],
      }),
    },
    writes: posted(...ONBOARDED),
    check(run) {
      const steps = printed(run, 'apply').filter((line) =>
        /^terraform .* apply |^Result: /.test(line),
      );
      assert.deepEqual(
        steps.map((line) => line.split(/ -input|;/)[0]),
        [
          'terraform -chdir=terraform/accounts apply',
          'Result: 3 accounts added',
          'terraform -chdir=terraform/policies apply',
        ],
      );
    },
  },
  {
    name: 'example terraform.yml, an account that is not ready: Terraform does not configure the policies',
    ...example('terraform', 'push', terminal),
    standIns: { terraform: terraform({ paris: RECIPIENT }) },
    fails: true,
    writes: posted(RECIPIENT),
    check(run) {
      assert.doesNotMatch(
        printed(run, 'apply').join('\n'),
        /terraform\/policies/,
      );
    },
  },
  {
    name: 'example fleet.yml: one account is rejected, the others are deployed to',
    ...example('fleet', 'push', fleet),
    files: { 'accounts.txt': `# The fleet\n${labeled(FLEET)}` },
    fails: true,
    // The fourth has access already.
    writes: posted(...FLEET.toSpliced(3, 1)),
    deploys: FLEET.filter((id) => id !== REJECTED),
    jobs: { share: ['failure'] },
  },
  {
    name: 'example offboard.yml',
    ...example('offboard', 'workflow_dispatch', remove),
    inputs: { account: RECIPIENT, confirm: RECIPIENT },
    writes: ['DELETE'],
    check(run) {
      assertPrinted(run, 'offboard', 'The recipient is disassociated');
    },
  },
  {
    name: 'example offboard.yml, two accounts where one is asked for',
    ...example('offboard', 'workflow_dispatch', remove),
    inputs: {
      account: `${RECIPIENT} ${ONBOARDED[0]}`,
      confirm: `${RECIPIENT} ${ONBOARDED[0]}`,
    },
    fails: true,
    sendsNothing: true,
  },
  {
    name: 'example offboard.yml, not confirmed',
    ...example('offboard', 'workflow_dispatch', remove),
    inputs: { account: RECIPIENT, confirm: ONBOARDED[0] ?? '' },
    fails: true,
    sendsNothing: true,
  },
  {
    name: 'example reusable.yml, called by another workflow',
    ...started('caller', onboarding),
    ...asExample(onboarding),
    writes: posted(...ONBOARDED),
    check(run) {
      assert.deepEqual(printed(run, 'deploy'), [
        `called, changed true, third ${ONBOARDED[2]}`,
      ]);
    },
  },
  {
    name: 'ci.yml: the job that uses the action',
    workflow: OWN.ci,
    event: 'push',
    scenario: associate,
    args: ['--job', 'action', '--matrix', 'os:ubuntu-latest'],
    jobs: { action: ['success'] },
    check(run) {
      assertPrinted(run, 'action', 'failure associating true');
    },
  },
  {
    name: 'commit-dist.yml commits the files of the artifact and nothing else',
    workflow: OWN.commitDist,
    event: 'workflow_run',
    payload: staleDist('octo-org/policies'),
    scenario: associate,
    standIns: {
      'actions/download-artifact':
        'mkdir -p "$INPUT_PATH" && cd "$INPUT_PATH" && printf new > index.js && printf "{}" > package.json',
      gh: 'case "$*" in *contents/dist*) echo \'[{"path":"dist/index.js"},{"path":"dist/181.index.js"}]\' ;; *) echo "gh $*"; jq --compact-output --monochrome-output . ;; esac',
    },
    check(run) {
      const [call, request = '{}'] = printed(run, 'commit');
      assert.equal(
        call,
        'gh api graphql --input - --jq .data.createCommitOnBranch.commit.url',
      );
      const { input } = (
        JSON.parse(request) as { variables: { input: object } }
      ).variables;
      assert.deepEqual(input, {
        branch: {
          repositoryNameWithOwner: 'octo-org/policies',
          branchName: 'dependabot/npm_and_yarn/bundled-1',
        },
        expectedHeadOid: HEAD,
        message: { headline: 'Rebuild dist' },
        fileChanges: {
          additions: [
            {
              path: 'dist/index.js',
              contents: Buffer.from('new').toString('base64'),
            },
            {
              path: 'dist/package.json',
              contents: Buffer.from('{}').toString('base64'),
            },
          ],
          deletions: [{ path: 'dist/181.index.js' }],
        },
      });
    },
  },
  {
    name: 'commit-dist.yml, an artifact with a symbolic link',
    workflow: OWN.commitDist,
    event: 'workflow_run',
    payload: staleDist('octo-org/policies'),
    scenario: associate,
    standIns: {
      'actions/download-artifact':
        'mkdir -p "$INPUT_PATH" && ln -s /etc/hostname "$INPUT_PATH/index.js"',
      gh: 'echo "gh $*"',
    },
    fails: true,
    jobs: { commit: ['failure'] },
    check(run) {
      assert.doesNotMatch(printed(run, 'commit').join('\n'), /^gh /m);
    },
  },
  {
    name: 'commit-dist.yml, from a fork',
    workflow: OWN.commitDist,
    event: 'workflow_run',
    payload: staleDist('somebody/policies'),
    scenario: associate,
    standIns: { gh: 'echo "gh $*"' },
    jobs: { commit: [] },
  },
  {
    name: 'release.yml: the newest release of its major version moves the major tag, whatever other tags there are',
    ...releasing('v1.10.0', '1.10.0', [
      'v1.9.3',
      'v1.10.0-rc.1',
      'v1.10.0',
      'v1.x',
    ]),
    check(run) {
      assert.deepEqual(
        printed(run, 'verify').filter((line) => line.startsWith('npm')),
        ['npm ci --ignore-scripts', 'npm run check', 'npm test'],
      );
      assertPrinted(run, 'verify', 'node build/build.ts');
      assertPrinted(run, 'verify', 'sbom: node build/sbom.ts');
      assert.match(
        printed(run, 'verify').join('\n'),
        /^notes: .*What was wrong in 1\.10\.0\. *$/m,
      );
      assert.match(
        lastLine(run, 'publish'),
        /^gh release create v1\.10\.0 --verify-tag .*notes\.md .*sbom/,
      );
      assert.match(
        lastLine(run, 'major-tag'),
        /^gh api --method PATCH \S+\/refs\/tags\/v1 --raw-field sha=[0-9a-f]{40} /,
      );
    },
  },
  {
    name: 'release.yml: a patch of an older version does not move the major tag',
    ...releasing('v1.9.3', '1.9.3', ['v1.9.3', 'v1.10.0']),
    check(run) {
      assert.match(
        printed(run, 'verify').join('\n'),
        /^notes: .*What was wrong in 1\.9\.3\. *$/m,
      );
      assert.doesNotMatch(printed(run, 'major-tag').join('\n'), /--method/);
      assert.ok(
        run.entries.some(({ msg }) => msg?.includes('v1 stays at v1.10.0')),
      );
    },
  },
  {
    name: 'release.yml: a tag that differs from package.json releases nothing',
    ...releasing('v1.10.1', '1.10.0', ['v1.10.1']),
    fails: true,
    jobs: { publish: [], 'major-tag': [] },
  },
];

/** A list with a label for each account. */
function labeled(ids: readonly (string | undefined)[]): string {
  return ids.map((id, n) => `${id} # Team ${n}\n`).join('');
}

function manyIds(count: number): string[] {
  return Array.from({ length: count }, (_, n) =>
    n.toString(16).padStart(32, '0'),
  );
}

/** The share of the plan, with the first accounts of the fleet. */
function synced(accounts: number, statusOfFirst = 'associated'): Scenario {
  const [share] = plan.api.shares;
  assert.ok(share);
  const recipients = FLEET.slice(0, accounts).map((accountId, index) => ({
    accountId,
    status: index === 0 ? statusOfFirst : 'associated',
  }));
  const isSettled = statusOfFirst === 'associated';
  const associateMs = isSettled ? 300 : 3_600_000;
  const timeline = { associateMs, disassociateMs: 300 };
  const shares = [{ ...share, recipients }];
  return { ...plan, api: { ...plan.api, timeline, shares } };
}

/** The same with another share. */
function withShare(scenario: Scenario, change: Partial<ShareSeed>): Scenario {
  const { shares: seeds = [] } = scenario.api;
  const shares = seeds.map((seed) => ({ ...seed, ...change }));
  return { ...scenario, api: { ...scenario.api, shares } };
}

/** Two shares that the first five accounts of the fleet have access to. */
function severalShares(): Scenario {
  const { api, ...rest } = synced(5);
  const [share] = api.shares ?? [];
  assert.ok(share);
  const second = { ...share, shareId: SECOND_SHARE, name: 'Firewall' };
  return { ...rest, api: { ...api, shares: [share, second] } };
}

/** Comments, of which number 7 is ours. */
function commentsWith(mark: string): object[] {
  return [
    { id: 7, number: 7, user: BOT, body: `${mark}\nearlier` },
    { id: 8, number: 8, user: BOT, body: 'about something else' },
    { id: 9, number: 9, user: { login: 'somebody' }, body: `${mark}\nfake` },
  ];
}

/** Issues, of which number 7 is ours; pull requests are among them. */
function issuesWith(mark: string): object[] {
  return [
    ...commentsWith(mark),
    { number: 10, user: BOT, body: null },
    { number: 11, user: BOT, body: mark, pull_request: {} },
  ];
}

/** The one request that wrote to GitHub, and the text that it carried. */
function posts(run: Run): [request: string, body: string] {
  const written = run.github.filter(({ request }) => !/^GET /.test(request));
  assert.equal(written.length, 1, 'one request writes');
  const [comment] = written;
  assert.ok(comment);
  return [comment.request, String(comment.body['body']).trimEnd()];
}

/** The lines of a table that hold a text. */
function linesOf(markdown: string | undefined, text: string): string[] {
  const lines = (markdown ?? '').split('\n');
  return lines.filter((line) => line.startsWith('| `') && line.includes(text));
}

function pullRequest(headRepository: string): object {
  return {
    number: 17,
    pull_request: {
      number: 17,
      user: { login: 'octocat' },
      head: { ref: 'more-accounts', repo: { full_name: headRepository } },
      base: { ref: 'main', repo: { full_name: 'octo-org/policies' } },
    },
  };
}

/** The event after check-dist.yml has failed on a dependency update. */
function staleDist(headRepository: string): object {
  const workflow_run = {
    id: 42,
    conclusion: 'failure',
    event: 'pull_request',
    head_branch: 'dependabot/npm_and_yarn/bundled-1',
    head_sha: HEAD,
    head_repository: { full_name: headRepository },
  };
  return { action: 'completed', workflow_run };
}

function released(version: string): Record<string, string> {
  const section = (version: string) =>
    `## [${version}] - 2026-11-30\n\n### Fixed\n\n- What was wrong in ${version}.\n\n`;
  const links = '[1.10.0]: https://example.com/v1.10.0\n';
  return {
    'package.json': JSON.stringify({ version }),
    'CHANGELOG.md': `# Changelog\n\n## [Unreleased]\n\n${section('1.10.0')}${section('1.9.3')}${links}`,
  };
}

/** A `terraform` that prints its arguments, or this where it is asked for it. */
function terraform(output: object): string {
  return `case "$*" in *output*) echo '${JSON.stringify(output)}' ;; *) echo "terraform $*" ;; esac`;
}

/** A `gh` that prints its arguments and lists these tags. */
function gh(...tags: string[]): string {
  const refs = tags.map((tag) => `refs/tags/${tag}`).join(' ');
  return `case "$*" in *matching-refs*) printf '%s\\n' ${refs} ;; *) echo "gh $*" ;; esac`;
}
