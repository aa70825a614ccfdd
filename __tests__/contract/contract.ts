/**
 * `npm run test:contract`: runs the committed bundle against Prism
 * (https://stoplight.io/open-source/prism), which responds with Cloudflare's
 * published examples and validates every request and response against
 * simulator/shares.openapi.json. Also runs it against the simulator with Prism
 * in between, so that the simulator's responses are validated too. Arguments
 * name the checks to run; default all of them.
 *
 * The variable CONTRACT_BUNDLE names another bundle.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createSharesApi } from '../../simulator/api.ts';
import { runAction } from '../../simulator/runner.ts';
import { type Scenario, scenarios } from '../../simulator/scenarios.ts';
import { startServer } from '../../simulator/server.ts';
import { CASES, type Case, INVALID, OWNER, SHARE } from './cases.ts';
import { type Peer, startPeer } from './peer.ts';

const bundle =
  process.env['CONTRACT_BUNDLE'] ??
  join(fileURLToPath(new URL('../..', import.meta.url)), 'dist/index.js');

async function runCase(
  { inputs, prefer, requests, check }: Case,
  peer: Peer,
): Promise<void> {
  Object.assign(peer, {
    requests: [],
    violations: [],
    prefer: structuredClone(prefer),
  });
  const token =
    'api-key' in inputs
      ? {}
      : { 'api-token': 'contract-6f1ed002ab5595859014ebf0951522d9' };
  const owner = { 'account-id': OWNER, 'share-id': SHARE, 'api-url': peer.url };
  const run = await runAction({
    inputs: { ...owner, ...token, ...inputs },
    bundle,
  });
  assert.deepEqual(peer.violations, []);
  const isForShare = (request: string) => request.startsWith('GET ?');
  assert.deepEqual(peer.requests.filter(isForShare), [
    'GET ?include_resources=true',
  ]);
  assert.deepEqual(
    peer.requests.filter((request) => !isForShare(request)),
    requests,
  );
  check({ ...run, recipients: JSON.parse(run.outputs['recipients'] ?? '[]') });
}

async function sendInvalid(
  { path, init }: (typeof INVALID)[string],
  peer: Peer,
): Promise<void> {
  Object.assign(peer, { requests: [], violations: [], prefer: {} });
  const headers = {
    authorization: 'Bearer token',
    'content-type': 'application/json',
    ...init?.headers,
  };
  await fetch(`${peer.url}/accounts/${OWNER}/shares/${SHARE}${path}`, {
    ...init,
    headers,
  });
  assert.equal(peer.violations.length, 1, 'no violation was found');
}

async function runScenario({ api, inputs, expect }: Scenario): Promise<void> {
  const simulator = await startServer(
    createSharesApi({ ...api, now: Date.now }),
  );
  const peer = await startPeer(simulator.url);
  try {
    const run = await runAction({
      inputs: { ...inputs, 'api-url': peer.url },
      bundle,
    });
    assert.deepEqual(peer.violations, []);
    assert.equal(run.exitCode, expect.fails ? 1 : 0, run.stdout);
    assert.ok(peer.requests.length > 1);
  } finally {
    peer.close();
    await simulator.close();
  }
}

async function main(words: readonly string[]): Promise<number> {
  const peer = await startPeer();
  const checks: Record<string, () => Promise<void>> = {};
  for (const testCase of CASES)
    checks[testCase.name] = () => runCase(testCase, peer);
  for (const [name, testCase] of Object.entries(INVALID))
    checks[`a violation is found: ${name}`] = () => sendInvalid(testCase, peer);
  for (const name of [
    'onboarding',
    'terminal-error',
    'remove',
    'plan',
  ] as const)
    checks[`the simulator complies with the description: ${name}`] = () =>
      runScenario(scenarios[name]);

  const counts = { passed: 0, failed: 0 };
  for (const [name, check] of Object.entries(checks)) {
    if (words.length > 0 && !words.some((word) => name.includes(word)))
      continue;
    try {
      await check();
      counts.passed += 1;
      process.stdout.write(`ok      ${name}\n`);
    } catch (error) {
      counts.failed += 1;
      process.stdout.write(
        `FAILED  ${name}\n${error instanceof Error ? error.message : error}\n`,
      );
    }
  }
  peer.close();
  process.stdout.write(`${counts.passed} passed, ${counts.failed} failed\n`);
  return counts.failed > 0 || counts.passed === 0 ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 2;
}
