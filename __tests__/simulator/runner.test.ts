import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  parseOutputs,
  runAction,
  startAction,
} from '../../simulator/runner.ts';
import { createStepLog } from '../../simulator/step-log.ts';

const ACTION = `
inputs:
  share-id: { required: true }
  timeout: { default: 10m }
  dry-run: { default: 'false' }
  two words:
`;
const BUNDLE = `
import { appendFileSync } from 'node:fs';
const { GITHUB_OUTPUT, GITHUB_STEP_SUMMARY, ...env } = process.env;
appendFileSync(GITHUB_STEP_SUMMARY, '# Done');
appendFileSync(GITHUB_OUTPUT, 'env<<E\\n' + JSON.stringify(env) + '\\nE\\n');
console.error('on stderr');
if (process.env['INPUT_TWO_WORDS'] === 'wait') {
  process.on('SIGINT', () => {
    appendFileSync(GITHUB_OUTPUT, 'caught=SIGINT\\n');
    process.exit(3);
  });
  setInterval(() => {}, 1000);
}
// Last, so that whoever waits for it may signal.
console.log('ready');
`;

let folder: string;
let files: { actionFile: string; bundle: string };
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'runner-test-'));
  files = {
    actionFile: join(folder, 'action.yml'),
    bundle: join(folder, 'index.mjs'),
  };
  writeFileSync(files.actionFile, ACTION);
  writeFileSync(files.bundle, BUNDLE);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('the runner', () => {
  it('gives every declared input a variable, and nothing of its own environment', async () => {
    process.env['CLOUDFLARE_API_TOKEN'] = 'inherited';
    const inputs = { 'share-id': 'abc' };
    const result = await runAction({
      ...files,
      inputs,
      env: { RUNNER_OS: undefined, EXTRA: 'yes' },
    });
    delete process.env['CLOUDFLARE_API_TOKEN'];
    const env = JSON.parse(result.outputs['env'] ?? '');
    expect(env).toMatchObject({
      'INPUT_SHARE-ID': 'abc',
      INPUT_TIMEOUT: '10m',
      'INPUT_DRY-RUN': 'false',
      INPUT_TWO_WORDS: '',
      GITHUB_ACTIONS: 'true',
      GITHUB_EVENT_NAME: 'workflow_dispatch',
      EXTRA: 'yes',
    });
    expect(env).not.toHaveProperty('RUNNER_OS');
    expect(
      Object.keys(env).filter((name) => name.startsWith('CLOUDFLARE_')),
    ).toEqual([]);
    expect(result).toMatchObject({
      exitCode: 0,
      stdout: 'ready\n',
      stderr: 'on stderr\n',
      summary: '# Done',
    });
  });

  it('cancels with SIGINT', async () => {
    const inputs = { 'two words': 'wait' };
    const run = startAction({
      ...files,
      inputs,
      onOutput: (chunk) => chunk === 'ready\n' && run.cancel(),
    });
    const result = await run.finished;
    expect(result).toMatchObject({
      exitCode: 3,
      signal: null,
      outputs: { caught: 'SIGINT' },
    });
  });

  it('rejects an input that the action does not declare', () => {
    expect(() => startAction({ ...files, inputs: { nonsense: '1' } })).toThrow(
      'declares no input nonsense',
    );
  });

  it('reads outputs as the runner reads them', () => {
    const text = 'a<<X\none\n\ntwo<<b\nX\nb=c=d\na<<Y\nY\nd<<Z\nb=1\nZ\n';
    expect(parseOutputs(text)).toEqual({ a: '', b: 'c=d', d: 'b=1' });
    expect(parseOutputs('a<<X\none\n\ntwo\nX\n')).toEqual({ a: 'one\n\ntwo' });
    expect(() => parseOutputs('a<<X\none\n')).toThrow('has no end');
    expect(() => parseOutputs('nothing\n')).toThrow('not an output');
  });
});

describe('the step log', () => {
  it('shows what a person sees', () => {
    const show = createStepLog();
    const lines = [
      'before s3cret',
      '::add-mask::s3cret%0Ahunter2',
      'after s3cret and hunter2',
      '::group::Waiting',
      '::endgroup::',
      '::debug::inner life',
      '::error title=No%3A s3cret,file=x::50%25 of%0As3cret',
      '  ::warning::careful',
      '::notice::fyi',
      '::set-output name=a::b',
      'ratio 1::2',
      '::stop-commands::T0K',
      '::error::literal',
      '::T0K::',
      '::notice::again',
    ];
    expect(lines.flatMap(show)).toEqual([
      'before s3cret',
      'after *** and ***',
      '▼ Waiting',
      'Error: No: ***',
      '  50% of',
      '  ***',
      'Warning: careful',
      'Notice: fyi',
      'ratio 1::2',
      '::error::literal',
      '::T0K::',
      'Notice: again',
    ]);
    expect(createStepLog({ showDebug: true })('::debug::inner life')).toEqual([
      '##[debug]inner life',
    ]);
  });
});
