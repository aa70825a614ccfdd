/**
 * `npm run demo`: the bundled action against the simulator, shown as a person
 * would see it on GitHub.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs, stripVTControlCharacters } from 'node:util';
import { createSharesApi, type LoggedRequest } from './api.ts';
import { type RunResult, runAction } from './runner.ts';
import { findScenario, type Scenario, scenarios } from './scenarios.ts';
import { startServer } from './server.ts';
import { createStepLog } from './step-log.ts';
import { toSummaryText } from './summary-text.ts';

const BUNDLE = fileURLToPath(new URL('../dist/index.js', import.meta.url));
const NAMES = Object.keys(scenarios).join(', ');
const USAGE = `npm run demo                       runs the scenario "associate"
npm run demo -- --scenario NAME    runs another one
npm run demo -- --list             lists the scenarios`;

/**
 * What the runner says about an action that is used by its tag; help links are
 * built from it.
 */
function actionVariables(): Record<string, string> {
  const { repository } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  ) as {
    repository: string;
  };
  return {
    GITHUB_ACTION_REPOSITORY: new URL(repository).pathname.slice(1),
    GITHUB_ACTION_REF: 'v1',
  };
}

/**
 * Passes on each line when it is complete; the runner, too, ends a line at CR
 * as well as LF.
 */
function byLine(show: (line: string) => void): {
  push: (chunk: string) => void;
  end: () => void;
} {
  let rest = '';
  return {
    push(chunk) {
      const lines = (rest + chunk).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      for (const line of lines) show(line);
    },
    end() {
      if (rest !== '') show(rest);
    },
  };
}

/** `GET list 2, POST 1, GET recipient 3`, in the order of first appearance. */
function countRequests(requests: readonly LoggedRequest[]): string {
  const counts = new Map<string, number>();
  for (const { method, path } of requests) {
    const part = /\/shares\/[^/]+(?:\/(\w+)(\/.+)?)?$/.exec(path);
    const what = !part?.[1]
      ? 'share'
      : part[1] === 'resources'
        ? 'resources'
        : part[2]
          ? 'recipient'
          : 'list';
    const kind = method === 'GET' ? `GET ${what}` : method;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return (
    [...counts].map(([kind, count]) => `${kind} ${count}`).join(', ') || 'none'
  );
}

/** Every difference between the run and what the scenario promises. */
function differences(
  { expect }: Scenario,
  result: RunResult,
  requests: readonly LoggedRequest[],
): string[] {
  const found: string[] = [];
  const failed = result.exitCode !== 0;
  if (failed !== expect.fails)
    found.push(`the step should ${expect.fails ? 'fail' : 'succeed'}`);
  for (const [name, value] of Object.entries(expect.outputs)) {
    if (result.outputs[name] !== value)
      found.push(`output ${name} should be ${value}`);
  }
  for (const [method, expected] of [
    ['POST', expect.posts],
    ['DELETE', expect.deletes],
  ] as const) {
    const count = requests.filter(
      (request) => request.method === method,
    ).length;
    if (count !== expected)
      found.push(`${method} should be sent ${expected} times, not ${count}`);
  }
  return found;
}

async function play(name: string, scenario: Scenario): Promise<number> {
  const api = createSharesApi({ ...scenario.api, now: Date.now });
  const server = await startServer(api, { latencyMs: 40 });
  const show = createStepLog({
    showDebug: process.env['RUNNER_DEBUG'] === '1',
  });
  // Control characters would act on this terminal; GitHub's page shows none of
  // them either.
  const print = (line: string): void => {
    for (const text of show(line))
      console.log(`  ${stripVTControlCharacters(text)}`);
  };
  const streams = { stdout: byLine(print), stderr: byLine(print) };
  console.log(`Scenario ${name}: ${scenario.description}\n\nLog`);
  try {
    const { cancelAfterMs: ms } = scenario;
    const result = await runAction({
      inputs: { ...scenario.inputs, 'api-url': server.url },
      env: actionVariables(),
      onOutput: (chunk, stream) => streams[stream].push(chunk),
      ...(ms === undefined ? {} : { signalAfter: { ms } }),
    });
    for (const stream of Object.values(streams)) stream.end();
    console.log('\nOutputs');
    for (const [output, value] of Object.entries(result.outputs)) {
      const lines = value.split('\n');
      console.log(
        `  ${output}: ${lines.length === 1 ? value : lines.map((line) => `\n    ${line}`).join('')}`,
      );
    }
    const summary = toSummaryText(result.summary) || 'none';
    console.log(`\nJob summary\n${summary.replaceAll(/^(?=.)/gm, '  ')}`);
    const end =
      result.exitCode === null
        ? `ended by ${result.signal}`
        : `exit code ${result.exitCode}`;
    console.log(`\nStep: ${end} after ${(result.ms / 1000).toFixed(1)} s`);
    console.log(`Requests: ${countRequests(api.requests)}`);
    const wrong = differences(scenario, result, api.requests);
    const expected = scenario.expect.fails
      ? 'failed, as this scenario should'
      : 'succeeded';
    console.log(
      wrong.length === 0
        ? `Outcome: ${expected}`
        : `Outcome: NOT as expected: ${wrong.join('; ')}`,
    );
    console.log(`\n${USAGE}`);
    return wrong.length === 0 ? 0 : 1;
  } finally {
    await server.close();
  }
}

function readArguments(): { help: boolean; list: boolean; scenario: string } {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      scenario: { type: 'string', default: 'associate' },
    },
  });
  return values;
}

async function main(): Promise<number> {
  let name: string;
  try {
    const { help, list, scenario } = readArguments();
    if (help) {
      console.log(USAGE);
      return 0;
    }
    if (list) {
      const width = Math.max(
        ...Object.keys(scenarios).map((name) => name.length),
      );
      for (const [one, { description }] of Object.entries(scenarios)) {
        console.log(`${one.padEnd(width)}  ${description}`);
      }
      return 0;
    }
    name = scenario;
  } catch (error) {
    const reason =
      error instanceof Error ? error.message.split(/[.\n]/)[0] : error;
    console.error(`${reason}.\n${USAGE}`);
    return 2;
  }
  const scenario = findScenario(name);
  if (!scenario) {
    console.error(
      `--scenario: expected one of ${NAMES}, got ${JSON.stringify(name)}.`,
    );
    return 2;
  }
  if (!existsSync(BUNDLE)) {
    console.error('dist/index.js is missing. Run: npm run build');
    return 2;
  }
  return play(name, scenario);
}

process.exitCode = await main();
