/** The workflows that act runs, and their expected results. */
import assert from 'node:assert/strict';
import { type Scenario, scenarios } from '../../simulator/scenarios.ts';
import { EMPTY_OUTPUTS } from '../builders.ts';
import type { Case, Run } from './play.ts';

/** The lines that the steps of a job print. */
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

/** The messages of annotations. */
function annotations(run: Run): string[] {
  return run.entries.flatMap(({ command, arg }) =>
    /^(error|warning|notice)$/.test(command ?? '') ? [arg ?? ''] : [],
  );
}

function writes(run: Run): string[] {
  return run.requests.flatMap(({ method, body }) =>
    method === 'GET' ? [] : [`${method} ${JSON.stringify(body)}`],
  );
}

const posted = (...accounts: string[]) =>
  accounts.map((id) => `POST {"recipient_account_id":"${id}"}`);
const deployed = (run: Run) =>
  printed(run, 'deploy').filter((line) => line.startsWith('deploy.sh'));

/** The variables and secrets of the examples, with the values of a scenario. */
function asExample({ inputs }: Scenario): Pick<Case, 'vars' | 'secrets'> {
  return {
    vars: {
      CLOUDFLARE_ACCOUNT_ID: inputs['account-id'] ?? '',
      CLOUDFLARE_SHARE_ID: inputs['share-id'] ?? '',
      CLOUDFLARE_RECIPIENT_ACCOUNT_IDS: inputs['recipient-account-id'] ?? '',
    },
    secrets: { CLOUDFLARE_API_TOKEN: inputs['api-token'] ?? '' },
  };
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
const REJECTED = Object.keys(fleet.api.rejectAccounts);

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

export const cases: Case[] = [
  {
    name: 'workflow_dispatch: vars, secrets and inputs; a later step and a matrix use the outputs',
    workflow: '__tests__/workflows/onboard.yml',
    event: 'workflow_dispatch',
    scenario: onboarding,
    inputs: { accounts: ONBOARDED.join(' '), state: 'present' },
    check(run) {
      assert.equal(run.exitCode, 0);
      assert.deepEqual(writes(run).sort(), posted(...ONBOARDED).sort());
      assert.ok(
        printed(run, 'share').includes(
          'later step associated, changed true, ids 3',
        ),
      );
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
    workflow: '__tests__/workflows/onboard.yml',
    event: 'workflow_dispatch',
    scenario: remove,
    inputs: { accounts: RECIPIENT, state: 'absent' },
    check(run) {
      assert.equal(run.exitCode, 0);
      assert.deepEqual(
        run.requests
          .filter(({ method }) => method !== 'GET')
          .map(({ method }) => method),
        ['DELETE'],
      );
      assert.deepEqual(printed(run, 'deploy'), [
        `later job ${RECIPIENT} disassociated, changed true`,
      ]);
    },
  },
  {
    name: 'dry-run as a boolean input',
    workflow: '__tests__/workflows/onboard.yml',
    event: 'workflow_dispatch',
    scenario: associate,
    inputs: { accounts: RECIPIENT, state: 'present', 'dry-run': 'true' },
    check(run) {
      assert.equal(run.exitCode, 0);
      assert.deepEqual(writes(run), []);
      assert.ok(
        printed(run, 'share').some(
          (line) =>
            line.startsWith('later step') && line.includes('changed true'),
        ),
      );
    },
  },
  {
    name: 'a missing secret: no request is sent',
    workflow: '__tests__/workflows/onboard.yml',
    event: 'workflow_dispatch',
    scenario: associate,
    secrets: {},
    inputs: { accounts: RECIPIENT, state: 'present' },
    check(run) {
      assert.equal(run.exitCode, 1);
      assert.equal(run.requests.length, 0);
      assert.equal(stepResult(run, 'share'), 'failure');
      assert.ok(
        annotations(run).some((text) =>
          text.startsWith(
            'api-token: expected a token, or `api-email` and `api-key`, got nothing.',
          ),
        ),
      );
      assert.deepEqual(outputs(run, 'share'), EMPTY_OUTPUTS);
    },
  },
  {
    name: 'a step that fails stops the jobs after it, and if: failure() reads its outputs',
    workflow: '__tests__/workflows/failing.yml',
    event: 'workflow_dispatch',
    scenario: terminal,
    check(run) {
      assert.equal(run.exitCode, 1);
      assert.equal(stepResult(run, 'share'), 'failure');
      assert.deepEqual(results(run, 'share'), ['failure']);
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
    workflow: '__tests__/workflows/tolerated.yml',
    event: 'workflow_dispatch',
    scenario: terminal,
    check(run) {
      assert.equal(run.exitCode, 0);
      assert.ok(
        printed(run, 'share').includes(
          'outcome failure, conclusion success, associating',
        ),
      );
      assert.deepEqual(printed(run, 'deploy'), []);
      assert.deepEqual(printed(run, 'report'), [
        'the later job shows the failure',
      ]);
    },
  },
  {
    name: 'a token from a variable is masked in later steps',
    workflow: '__tests__/workflows/masking.yml',
    event: 'workflow_dispatch',
    scenario: shared,
    secrets: {},
    vars: { NOT_SO_SECRET: TOKEN },
    check(run) {
      assert.equal(run.exitCode, 0);
      assert.equal(printed(run, 'share').at(-1), 'token <***>');
    },
  },
  {
    name: 'example release.yml: a release event on GitHub Enterprise Server, a deployment record, one job per account',
    workflow: 'examples/release.yml',
    event: 'release',
    payload: { action: 'published', release: { tag_name: 'v7.4.1' } },
    scenario: onboarding,
    args: ['--env', 'GITHUB_SERVER_URL=https://github.example.com'],
    ...asExample(onboarding),
    check(run) {
      assert.equal(run.exitCode, 0);
      assert.deepEqual(writes(run).sort(), posted(...ONBOARDED).sort());
      assert.deepEqual(
        deployed(run).sort(),
        ONBOARDED.map((id) => `deploy.sh ${id} v7.4.1`).sort(),
      );
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
    workflow: 'examples/dispatch.yml',
    event: 'workflow_dispatch',
    scenario: associate,
    ...asExample(associate),
    inputs: { account: RECIPIENT, timeout: '5m', 'dry-run': 'false' },
    check(run) {
      assert.equal(run.exitCode, 0);
      assert.deepEqual(writes(run), posted(RECIPIENT));
      assert.ok(printed(run, 'onboard').includes(`deploy.sh ${RECIPIENT}`));
      assert.equal(
        printed(run, 'onboard').at(-1),
        'The recipient is associated',
      );
    },
  },
  {
    name: 'example dispatch.yml, an account ID that is shell code',
    workflow: 'examples/dispatch.yml',
    event: 'workflow_dispatch',
    scenario: associate,
    ...asExample(associate),
    inputs: {
      account: `${RECIPIENT}"; env; "`,
      timeout: '5m',
      'dry-run': 'false',
    },
    check(run) {
      assert.equal(run.exitCode, 1);
      assert.equal(run.requests.length, 0);
      assert.deepEqual(
        printed(run, 'onboard').at(-1),
        'The recipient is unknown',
      );
    },
  },
  {
    name: 'example dispatch.yml, a step that fails',
    workflow: 'examples/dispatch.yml',
    event: 'workflow_dispatch',
    scenario: terminal,
    ...asExample(terminal),
    inputs: { account: RECIPIENT, timeout: '5m', 'dry-run': 'false' },
    check(run) {
      assert.equal(run.exitCode, 1);
      assert.ok(
        !printed(run, 'onboard').some((line) => line.startsWith('deploy.sh')),
      );
      assert.equal(
        printed(run, 'onboard').at(-1),
        'The recipient is associating',
      );
    },
  },
  {
    name: 'example pull-request-plan.yml',
    workflow: 'examples/pull-request-plan.yml',
    event: 'pull_request',
    payload: pullRequest('octo-org/policies'),
    scenario: plan,
    ...asExample(plan),
    secrets: { CLOUDFLARE_READ_TOKEN: plan.inputs['api-token'] },
    files: { 'accounts.txt': labeled(FLEET.slice(0, 4)) },
    standIns: { gh: GH_API },
    check(run) {
      assert.equal(run.exitCode, 0);
      assert.deepEqual(writes(run), []);
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
    workflow: 'examples/pull-request-plan.yml',
    event: 'pull_request',
    payload: pullRequest('octo-org/policies'),
    scenario: plan,
    ...asExample(plan),
    secrets: { CLOUDFLARE_READ_TOKEN: plan.inputs['api-token'] },
    files: { 'accounts.txt': `${FLEET[0]}\n` },
    standIns: { gh: GH_API },
    gitHub: { [COMMENTS]: commentsWith('<!-- cloudflare-share-plan -->') },
    check(run) {
      assert.equal(run.exitCode, 0);
      const [request, comment] = posts(run);
      assert.equal(request, `PATCH ${ISSUES}/comments/7`);
      assert.match(comment ?? '', /0 of 1 accounts would get access/);
    },
  },
  {
    name: 'example pull-request-plan.yml, a list with a line that is not an account ID',
    workflow: 'examples/pull-request-plan.yml',
    event: 'pull_request',
    payload: pullRequest('octo-org/policies'),
    scenario: plan,
    ...asExample(plan),
    secrets: { CLOUDFLARE_READ_TOKEN: plan.inputs['api-token'] },
    files: {
      'accounts.txt': `${FLEET[0]}\n${FLEET[1]} accounts=${FLEET[2]}\n`,
    },
    check(run) {
      assert.equal(run.exitCode, 1);
      assert.equal(run.requests.length, 0);
      assert.ok(
        annotations(run).some((text) =>
          text.startsWith('recipient-account-file: '),
        ),
      );
      assert.deepEqual(results(run, 'comment'), []);
    },
  },
  {
    name: 'example pull-request-plan.yml, from a fork',
    workflow: 'examples/pull-request-plan.yml',
    event: 'pull_request',
    payload: pullRequest('somebody/policies'),
    scenario: plan,
    ...asExample(plan),
    secrets: {},
    // act gives the expressions of a skipped job as its outputs, GitHub none:
    // the comment would not be skipped.
    args: ['--job', 'plan'],
    check(run) {
      assert.equal(run.exitCode, 0);
      assert.equal(run.requests.length, 0);
      assert.equal(stepResult(run, 'plan'), undefined);
    },
  },
  {
    name: 'example sync.yml, a pull request: the plan of exact as a comment, removals first',
    workflow: 'examples/sync.yml',
    event: 'pull_request',
    payload: pullRequest('octo-org/policies'),
    scenario: synced(5),
    ...asExample(plan),
    secrets: { CLOUDFLARE_READ_TOKEN: plan.inputs['api-token'] },
    files: {
      'accounts.txt': `${labeled(FLEET.slice(0, 4))}${FLEET[5]} # @octo|cat <b>\n`,
    },
    standIns: { gh: GH_API },
    check(run) {
      assert.equal(run.exitCode, 0);
      assert.deepEqual(writes(run), []);
      assert.deepEqual(results(run, 'sync'), []);
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
    workflow: 'examples/sync.yml',
    event: 'pull_request',
    payload: pullRequest('octo-org/policies'),
    scenario: synced(7, 'associating'),
    ...asExample(plan),
    secrets: { CLOUDFLARE_READ_TOKEN: plan.inputs['api-token'] },
    files: { 'accounts.txt': labeled(FLEET.slice(0, 1)) },
    standIns: { gh: GH_API },
    gitHub: { [COMMENTS]: commentsWith('<!-- cloudflare-share-sync -->') },
    check(run) {
      assert.equal(run.exitCode, 1);
      assert.deepEqual(writes(run), []);
      const [request, comment] = posts(run);
      assert.equal(request, `PATCH ${ISSUES}/comments/7`);
      assert.match(comment ?? '', /accounts to add: 0, to remove: 6\./);
      assert.match(comment ?? '', /CAUTION/);
    },
  },
  {
    name: 'example sync.yml, a pull request with more changes than a comment holds: cut with a count',
    workflow: 'examples/sync.yml',
    event: 'pull_request',
    payload: pullRequest('octo-org/policies'),
    scenario: synced(1),
    ...asExample(plan),
    secrets: { CLOUDFLARE_READ_TOKEN: plan.inputs['api-token'] },
    files: { 'accounts.txt': labeled([FLEET[0] as string, ...manyIds(1_200)]) },
    standIns: { gh: GH_API },
    check(run) {
      assert.equal(run.exitCode, 0);
      const [, comment = ''] = posts(run);
      assert.match(comment, /accounts to add: 1200, to remove: 0\./);
      assert.ok(comment.length > 60_000 && comment.length < 65_536);
      const shown = linesOf(comment, '+ add').length;
      assert.ok(
        comment.endsWith(`\nAt least ${1_200 - shown} more are in the log.`),
      );
    },
  },
  {
    name: 'example sync.yml, from a fork',
    workflow: 'examples/sync.yml',
    event: 'pull_request',
    payload: pullRequest('somebody/policies'),
    scenario: synced(5),
    ...asExample(plan),
    secrets: {},
    // act gives the expressions of a skipped job as its outputs, GitHub none.
    args: ['--job', 'plan'],
    check(run) {
      assert.equal(run.exitCode, 0);
      assert.equal(run.requests.length, 0);
      assert.equal(stepResult(run, 'plan'), undefined);
    },
  },
  {
    name: 'example sync.yml, a push to main: adds, then removes',
    workflow: 'examples/sync.yml',
    event: 'push',
    payload: { ref: 'refs/heads/main' },
    scenario: synced(5),
    ...asExample(plan),
    files: { 'accounts.txt': labeled([...FLEET.slice(0, 4), FLEET[5]]) },
    // As above: act would run the comment after a plan that was skipped.
    args: ['--job', 'sync'],
    check(run) {
      assert.equal(run.exitCode, 0);
      assert.deepEqual(results(run, 'sync'), ['success']);
      assert.deepEqual(
        run.requests
          .filter(({ method }) => method !== 'GET')
          .map(({ method }) => method),
        ['POST', 'DELETE'],
      );
    },
  },
  {
    name: 'example drift.yml: nothing would change',
    workflow: 'examples/drift.yml',
    event: 'schedule',
    scenario: synced(5),
    ...asExample(plan),
    secrets: { CLOUDFLARE_READ_TOKEN: plan.inputs['api-token'] },
    files: { 'accounts.txt': labeled(FLEET.slice(0, 5)) },
    standIns: { gh: GH_API },
    check(run) {
      assert.equal(run.exitCode, 0);
      assert.deepEqual(run.github, []);
    },
  },
  {
    name: 'example drift.yml: an account was added elsewhere; red, and an issue',
    workflow: 'examples/drift.yml',
    event: 'schedule',
    scenario: synced(5),
    ...asExample(plan),
    secrets: { CLOUDFLARE_READ_TOKEN: plan.inputs['api-token'] },
    files: { 'accounts.txt': labeled(FLEET.slice(0, 4)) },
    standIns: { gh: GH_API },
    check(run) {
      assert.equal(run.exitCode, 1);
      assert.deepEqual(writes(run), []);
      const [request, body] = posts(run);
      assert.equal(request, `POST ${ISSUES}`);
      assert.deepEqual(linesOf(body, '`'), [
        `| \`${FLEET[4]}\` |  | **- remove** |`,
      ]);
    },
  },
  {
    name: 'example drift.yml, again and with a plan that is rejected: the open issue is updated',
    workflow: 'examples/drift.yml',
    event: 'workflow_dispatch',
    scenario: synced(5),
    ...asExample(plan),
    secrets: { CLOUDFLARE_READ_TOKEN: plan.inputs['api-token'] },
    files: { 'accounts.txt': labeled(FLEET.slice(0, 1)) },
    standIns: { gh: GH_API },
    gitHub: { [ISSUES]: issuesWith('<!-- cloudflare-share-drift -->') },
    check(run) {
      assert.equal(run.exitCode, 1);
      const [request, body] = posts(run);
      assert.equal(request, `PATCH ${ISSUES}/7`);
      assert.match(body ?? '', /to add: 0, to remove: 4\./);
    },
  },
  {
    name: 'example drift.yml, a token that is not accepted: red, without an issue',
    workflow: 'examples/drift.yml',
    event: 'schedule',
    scenario: synced(5),
    ...asExample(plan),
    secrets: {
      CLOUDFLARE_READ_TOKEN: 'v1.0-not-accepted-6f1ed002ab5595859014',
    },
    files: { 'accounts.txt': labeled(FLEET.slice(0, 4)) },
    standIns: { gh: GH_API },
    check(run) {
      assert.equal(run.exitCode, 1);
      assert.deepEqual(run.github, []);
    },
  },
  {
    name: 'example several-shares.yml: one job per share, each with its own list',
    workflow: 'examples/several-shares.yml',
    event: 'push',
    payload: { ref: 'refs/heads/main' },
    scenario: severalShares(),
    ...asExample(plan),
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
    check(run) {
      assert.equal(run.exitCode, 0);
      assert.deepEqual(results(run, 'sync'), ['success', 'success']);
      const sent = run.requests
        .filter(({ method }) => method !== 'GET')
        .map(({ method, path }) => `${method} ${path.split('/')[4]}`);
      assert.deepEqual(
        sent.sort(),
        [`POST ${plan.inputs['share-id']}`, `DELETE ${SECOND_SHARE}`].sort(),
      );
    },
  },
  {
    name: 'example matrix.yml',
    workflow: 'examples/matrix.yml',
    event: 'workflow_dispatch',
    scenario: onboarding,
    ...asExample(onboarding),
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
    check(run) {
      assert.equal(run.exitCode, 0);
      assert.deepEqual(results(run, 'share'), ['success', 'success']);
      assert.deepEqual(writes(run).sort(), posted(...ONBOARDED).sort());
      const lines = printed(run, 'share').filter((line) =>
        line.startsWith('deploy.sh'),
      );
      assert.deepEqual(
        lines.sort(),
        ONBOARDED.map((id) => `deploy.sh ${id}`).sort(),
      );
    },
  },
  {
    name: 'example matrix.yml, without teams',
    workflow: 'examples/matrix.yml',
    event: 'workflow_dispatch',
    scenario: onboarding,
    ...asExample(onboarding),
    vars: { ...asExample(onboarding).vars, CLOUDFLARE_TEAMS: '[]' },
    check(run) {
      assert.equal(run.exitCode, 1);
      assert.equal(run.requests.length, 0);
      assert.deepEqual(results(run, 'teams'), ['failure']);
      assert.deepEqual(results(run, 'share'), []);
    },
  },
  {
    name: 'example terraform.yml: the accounts get access before Terraform configures the policies',
    workflow: 'examples/terraform.yml',
    event: 'push',
    payload: { ref: 'refs/heads/main' },
    scenario: onboarding,
    ...asExample(onboarding),
    standIns: {
      terraform: `case "$*" in *output*) echo '${JSON.stringify({ paris: ONBOARDED[0], oslo: ONBOARDED[1], tokyo: ONBOARDED[2] })}' ;; *) echo "terraform $*" ;; esac`,
    },
    check(run) {
      assert.equal(run.exitCode, 0);
      assert.deepEqual(writes(run).sort(), posted(...ONBOARDED).sort());
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
    workflow: 'examples/terraform.yml',
    event: 'push',
    payload: { ref: 'refs/heads/main' },
    scenario: terminal,
    ...asExample(terminal),
    standIns: {
      terraform: `case "$*" in *output*) echo '{"paris": "${RECIPIENT}"}' ;; *) echo "terraform $*" ;; esac`,
    },
    check(run) {
      assert.equal(run.exitCode, 1);
      assert.ok(
        !printed(run, 'apply').some((line) =>
          line.includes('terraform/policies'),
        ),
      );
    },
  },
  {
    name: 'example fleet.yml: one account is rejected, the others are deployed to',
    workflow: 'examples/fleet.yml',
    event: 'push',
    payload: { ref: 'refs/heads/main' },
    scenario: fleet,
    ...asExample(fleet),
    files: { 'accounts.txt': `# The fleet\n${labeled(FLEET)}` },
    check(run) {
      assert.equal(run.exitCode, 1);
      assert.deepEqual(results(run, 'share'), ['failure']);
      const ready = FLEET.filter((id) => !REJECTED.includes(id));
      assert.equal(ready.length, FLEET.length - 1);
      assert.deepEqual(
        deployed(run).sort(),
        ready.map((id) => `deploy.sh ${id}`).sort(),
      );
    },
  },
  {
    name: 'example offboard.yml',
    workflow: 'examples/offboard.yml',
    event: 'workflow_dispatch',
    scenario: remove,
    ...asExample(remove),
    inputs: { account: RECIPIENT, confirm: RECIPIENT },
    check(run) {
      assert.equal(run.exitCode, 0);
      assert.deepEqual(
        run.requests
          .filter(({ method }) => method !== 'GET')
          .map(({ method }) => method),
        ['DELETE'],
      );
      assert.ok(
        printed(run, 'offboard').includes('The recipient is disassociated'),
      );
    },
  },
  {
    name: 'example offboard.yml, not confirmed',
    workflow: 'examples/offboard.yml',
    event: 'workflow_dispatch',
    scenario: remove,
    ...asExample(remove),
    inputs: { account: RECIPIENT, confirm: ONBOARDED[0] ?? '' },
    check(run) {
      assert.equal(run.exitCode, 1);
      assert.equal(run.requests.length, 0);
    },
  },
  {
    name: 'example reusable.yml, called by another workflow',
    workflow: '__tests__/workflows/caller.yml',
    event: 'workflow_dispatch',
    scenario: onboarding,
    ...asExample(onboarding),
    check(run) {
      assert.equal(run.exitCode, 0);
      assert.deepEqual(writes(run).sort(), posted(...ONBOARDED).sort());
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
    check(run) {
      assert.equal(run.exitCode, 0);
      assert.deepEqual(results(run, 'action'), ['success']);
      assert.ok(printed(run, 'action').includes('failure associating true'));
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
      assert.equal(run.exitCode, 0);
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
    check(run) {
      assert.equal(run.exitCode, 1);
      assert.ok(
        run.entries.some(({ msg }) => msg?.includes('Unexpected file')),
      );
      assert.deepEqual(printed(run, 'commit'), []);
    },
  },
  {
    name: 'commit-dist.yml, from a fork',
    workflow: OWN.commitDist,
    event: 'workflow_run',
    payload: staleDist('somebody/policies'),
    scenario: associate,
    standIns: { gh: 'echo "gh $*"' },
    check(run) {
      assert.equal(run.exitCode, 0);
      assert.deepEqual(results(run, 'commit'), []);
    },
  },
  {
    name: 'release.yml: the newest release of its major version moves the major tag, whatever other tags there are',
    workflow: OWN.release,
    event: 'push',
    payload: { ref: 'refs/tags/v1.10.0' },
    scenario: associate,
    files: released('1.10.0'),
    standIns: {
      ...RELEASE_TOOLS,
      gh: gh('v1.9.3', 'v1.10.0-rc.1', 'v1.10.0', 'v1.x'),
    },
    check(run) {
      assert.equal(run.exitCode, 0);
      assert.deepEqual(
        printed(run, 'verify').filter((line) => line.startsWith('npm')),
        ['npm ci --ignore-scripts', 'npm run check', 'npm test'],
      );
      assert.ok(printed(run, 'verify').includes('node build/build.ts'));
      assert.ok(printed(run, 'verify').includes('sbom: node build/sbom.ts'));
      assert.ok(
        printed(run, 'verify').some((line) =>
          /^notes: .*What was wrong in 1\.10\.0\. *$/.test(line),
        ),
      );
      assert.match(
        printed(run, 'publish').at(-1) ?? '',
        /^gh release create v1\.10\.0 --verify-tag .*notes\.md .*sbom/,
      );
      assert.match(
        printed(run, 'major-tag').at(-1) ?? '',
        /^gh api --method PATCH \S+\/refs\/tags\/v1 --raw-field sha=[0-9a-f]{40} /,
      );
    },
  },
  {
    name: 'release.yml: a patch of an older version does not move the major tag',
    workflow: OWN.release,
    event: 'push',
    payload: { ref: 'refs/tags/v1.9.3' },
    scenario: associate,
    files: released('1.9.3'),
    standIns: { ...RELEASE_TOOLS, gh: gh('v1.9.3', 'v1.10.0') },
    check(run) {
      assert.equal(run.exitCode, 0);
      assert.ok(
        printed(run, 'verify').some((line) =>
          /^notes: .*What was wrong in 1\.9\.3\. *$/.test(line),
        ),
      );
      assert.ok(
        !printed(run, 'major-tag').some((line) => line.includes('--method')),
      );
      assert.ok(
        run.entries.some(({ msg }) => msg?.includes('v1 stays at v1.10.0')),
      );
    },
  },
  {
    name: 'release.yml: a tag that differs from package.json releases nothing',
    workflow: OWN.release,
    event: 'push',
    payload: { ref: 'refs/tags/v1.10.1' },
    scenario: associate,
    files: released('1.10.0'),
    standIns: { ...RELEASE_TOOLS, gh: gh('v1.10.1') },
    check(run) {
      assert.equal(run.exitCode, 1);
      assert.deepEqual(results(run, 'publish'), []);
      assert.deepEqual(results(run, 'major-tag'), []);
    },
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

/** A `gh` that prints its arguments and lists these tags. */
function gh(...tags: string[]): string {
  const refs = tags.map((tag) => `refs/tags/${tag}`).join(' ');
  return `case "$*" in *matching-refs*) printf '%s\\n' ${refs} ;; *) echo "gh $*" ;; esac`;
}
