/** Every YAML block of the docs: a workflow, some jobs, or some steps. */
import { describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import { SLUG } from '../../docs/build.ts';
import { problemsOf } from '../language-service.ts';
import { blocks, PAGES, text } from './pages.ts';

const STEP = `- id: share
  uses: ${SLUG}@v1
  with: { share-id: x, recipient-account-id: x }`;

function indent(yaml: string, spaces: number): string {
  return yaml.replaceAll(/^(?=.)/gm, ' '.repeat(spaces));
}

/** Adds what a part of a workflow refers to. */
function toWorkflow(block: string): string {
  const content = parseDocument(block, { uniqueKeys: true });
  const [problem] = [...content.errors, ...content.warnings];
  if (problem) throw problem;
  const value: unknown = content.toJS();
  const keys = Object.keys(value as object);
  if (keys.includes('jobs')) return block;
  const start = `on: { workflow_dispatch: { inputs: { account: { type: string } } } }\njobs:\n`;
  const first = /^- id: share$/m.test(block) ? '' : `${indent(STEP, 6)}\n`;
  if (Array.isArray(value))
    return `${start}  job:\n    runs-on: ubuntu-latest\n    steps:\n${first}${indent(block, 6)}`;
  const outputs = ['recipients', 'accounts'].map(
    (name) => `${name}: "\${{ steps.share.outputs.recipients }}"`,
  );
  if (keys.includes('share')) return `${start}${indent(block, 2)}`;
  const share = `  share:\n    runs-on: ubuntu-latest\n    outputs: { ${outputs.join(', ')} }\n    steps:\n${indent(STEP, 6)}\n`;
  return `${start}${share}${indent(block, 2)}`;
}

const all = PAGES.flatMap((page) =>
  blocks(text(page), 'yaml').map((block, index) => ({
    page,
    block,
    number: index + 1,
  })),
);

it('the README has a workflow, and steps to copy', () => {
  const own = all.filter(({ page }) => page === 'README.md');
  expect(own.length).toBeGreaterThanOrEqual(6);
});

describe("GitHub's language service", () => {
  it.each(all)(
    'finds no problem in YAML block $number of $page',
    async ({ block }) => {
      expect(await problemsOf(toWorkflow(block))).toEqual([]);
    },
  );

  it.each([
    ['an input of this action', 'recipient-account-id:', 'recipient-account:'],
    ['a required input', 'share-id:', '# share-id:'],
    ['an output', 'steps.share.outputs.status', 'steps.shared.outputs.status'],
    ['a key of a job', 'runs-on:', 'run-on:'],
    ['a context', 'vars.', 'var.'],
  ])('would find a mistake in %s', async (_, right, wrong) => {
    const [block = ''] = blocks(text('README.md'), 'yaml');
    expect(block).toContain(right);
    expect(
      await problemsOf(toWorkflow(block.replace(right, wrong))),
    ).not.toEqual([]);
  });

  it.each([
    ['- uses: OURS@v1\n  with: { share: x }'],
    ['deploy:\n  needs: shared\n  runs-on: x\n  steps: [{ run: x }]'],
    [
      `deploy:\n  needs: share\n  runs-on: x\n  steps: [{ run: "\${{ needs.share.outputs.x }}" }]`,
    ],
  ])('would find a mistake in a part: %s', async (block) => {
    expect(
      await problemsOf(toWorkflow(block.replace('OURS', SLUG))),
    ).not.toEqual([]);
  });

  it('is not asked about what is no YAML', () => {
    expect(() => toWorkflow('- a: 1\n  a: 2')).toThrow(/unique/);
  });
});

it('no block is longer than 30 lines, or puts an expression into a script', () => {
  for (const { block, page, number } of all) {
    expect(block.split('\n').length, `${page} ${number}`).toBeLessThan(30);
    expect(
      block.match(/^\s*(?:- )?run: .*\$\{\{/gm),
      `${page} ${number}`,
    ).toBeNull();
  }
});

it('a step that fails makes the run red: no block or example has continue-on-error', () => {
  for (const { block } of all) expect(block).not.toMatch(/continue-on-error/);
});
