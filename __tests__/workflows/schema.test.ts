/** What GitHub and other tools read: action.yml, its types, the examples and the workflows of this repository. */
import { readdirSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const OURS = 'OWNER/cloudflare-share-recipient@v1';

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
  inputs: Record<string, { description: string; required?: boolean; default?: string }>;
  outputs: Record<string, { description: string }>;
}

function readText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** Reads YAML 1.2 strictly: an error, a warning or a key that is there twice throws. */
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
const stepsOf = (path: string) => jobsOf(path).flatMap(([, job]) => job.steps ?? []);
const isOurs = ({ uses }: Step) => uses === './' || uses === OURS;

describe('action-types.yml', () => {
  const types = readYaml<{ inputs: Record<string, Typing>; outputs: Record<string, Typing> }>(
    'action-types.yml',
  );

  it('types every input and output of action.yml and no others, in the same order', () => {
    expect(Object.keys(types)).toEqual(['inputs', 'outputs']);
    expect(Object.keys(types.inputs)).toEqual(Object.keys(action.inputs));
    expect(Object.keys(types.outputs)).toEqual(Object.keys(action.outputs));
  });

  it('uses the types that its format knows', () => {
    for (const typing of [...Object.values(types.inputs), ...Object.values(types.outputs)]) {
      expect(['string', 'boolean', 'integer', 'float', 'enum', 'list']).toContain(typing.type);
      const keys = { list: ['type', 'separator', 'list-item'], enum: ['type', 'allowed-values'] }[
        typing.type
      ];
      expect(Object.keys(typing)).toEqual(keys ?? ['type']);
    }
  });

  it('agrees with the defaults', () => {
    for (const [name, { default: value }] of Object.entries(action.inputs)) {
      const typing = types.inputs[name];
      if (value === undefined) continue;
      expect(typeof value, name).toBe('string');
      if (typing?.type === 'enum') expect(typing['allowed-values']).toContain(value);
      expect(/^(true|false)$/.test(value), name).toBe(typing?.type === 'boolean');
    }
  });
});

describe.each(all)('%s', (path) => {
  const workflow = readYaml<Workflow>(path);

  it('gives no permission at the top, and says in each job which it needs', () => {
    expect(workflow.permissions).toEqual({});
    for (const [id, job] of Object.entries(workflow.jobs)) expect(job.permissions, id).toBeTypeOf('object');
  });

  it('names its jobs, and lets none run or race for ever', () => {
    expect(workflow.name).toBeTruthy();
    for (const [id, job] of Object.entries(workflow.jobs)) {
      expect(job.name, id).toBeTruthy();
      expect(job.uses ?? job['timeout-minutes'], id).toBeTruthy();
      expect(workflow.concurrency ?? job.concurrency, id).toBeTypeOf('object');
    }
  });

  it('pins the actions of others to a full SHA, with the version', () => {
    for (const line of readText(path).split('\n')) {
      const uses = /^\s*(?:- )?uses: (.+)$/.exec(line)?.[1];
      if (uses === undefined || uses === './' || uses.startsWith('./.github/')) continue;
      if (uses === OURS && examples.includes(path)) continue;
      expect(uses).toMatch(/^[\w.-]+(?:\/[\w.-]+)+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
    }
  });

  it('leaves no credentials in the work tree, and no expression in a script', () => {
    for (const { uses, with: inputs, run } of stepsOf(path)) {
      if (uses?.startsWith('actions/checkout@')) expect(inputs?.['persist-credentials']).toBe(false);
      expect(run ?? '').not.toContain('${{');
    }
  });

  it('uses inputs and outputs that this action has', () => {
    for (const step of stepsOf(path).filter(isOurs)) {
      const given = Object.keys(step.with ?? {});
      expect(Object.keys(action.inputs)).toEqual(expect.arrayContaining(given));
      for (const [name, { required }] of Object.entries(action.inputs))
        if (required) expect(given).toContain(name);
    }
    for (const [, job] of jobsOf(path)) {
      const ids = (job.steps ?? []).filter(isOurs).map(({ id }) => id);
      for (const [, id, output] of JSON.stringify(job).matchAll(/steps\.([\w-]+)\.outputs\.([\w-]+)/g)) {
        expect((job.steps ?? []).map((step) => step.id)).toContain(id);
        if (ids.includes(id)) expect(Object.keys(action.outputs)).toContain(output);
      }
    }
  });
});

it('pins each action to the same commit everywhere', () => {
  const pins = new Map<string, Set<string>>();
  for (const path of all) {
    for (const [, name = '', pin = ''] of readText(path).matchAll(/uses: ([^@\s]+)@([0-9a-f]{40} # .+)$/gm)) {
      pins.set(name, (pins.get(name) ?? new Set()).add(pin));
    }
  }
  expect(pins.size).toBeGreaterThan(5);
  for (const [name, found] of pins) expect([...found], name).toHaveLength(1);
});

describe('examples', () => {
  it.each(examples)('%s uses this action once, and never two runs at a time on one share', (path) => {
    const steps = stepsOf(path).filter(isOurs);
    expect(steps).toHaveLength(1);
    expect(steps[0]?.uses).toBe(OURS);
    if (steps[0]?.with?.['dry-run'] === true) return;
    const { concurrency, jobs } = readYaml<Workflow>(path);
    expect(concurrency ?? Object.values(jobs)[0]?.concurrency).toEqual({
      group: `cloudflare-share-\${{ vars.CLOUDFLARE_SHARE_ID }}`,
      'cancel-in-progress': false,
      queue: 'max',
    });
  });
});

describe("GitHub's own language service", () => {
  let problems: (path: string, text?: string) => Promise<string[]>;

  beforeAll(async () => {
    // The package imports JSON without saying so, which Node refuses.
    registerHooks({
      load(url, context, nextLoad) {
        if (!url.startsWith('file:') || !url.endsWith('.json')) return nextLoad(url, context);
        const source = `export default ${readFileSync(fileURLToPath(url), 'utf8')}`;
        return { format: 'module', shortCircuit: true, source };
      },
    });
    const { validate } = await import('@actions/languageservice');
    const fileProvider = {
      getFileContent: async () => ({ name: 'reusable.yml', content: readText('examples/reusable.yml') }),
    };
    const actionsMetadataProvider = {
      fetchActionMetadata: async ({ owner }: { owner: string }) =>
        owner === 'OWNER' ? action : { name: 'not looked up', description: '' },
    };
    let asked = 0;
    problems = async (path, text = readText(path)) => {
      asked += 1;
      // A new name each time: what was parsed is kept by it.
      const document = { uri: `file:///${asked}/${path}`, getText: () => text } as Parameters<
        typeof validate
      >[0];
      const config = { actionsMetadataProvider, fileProvider } as Parameters<typeof validate>[1];
      const found = await validate(document, config);
      return found.map(({ message, range }) => `${path}:${range.start.line + 1}: ${message}`);
    };
  });

  it.each(['action.yml', ...all])('has nothing to say about %s', async (path) => {
    expect(await problems(path)).toEqual([]);
  });

  it.each([
    ['action.yml', 'using: node24', 'using: node9'],
    ['examples/release.yml', 'share-id:', 'share:'],
    ['examples/release.yml', 'runs-on:', 'run-on:'],
    ['examples/release.yml', 'steps.share.outputs', 'steps.shared.outputs'],
    ['__tests__/workflows/caller.yml', 'recipients:', 'recipient:'],
  ])('would say so: in %s, %s becomes %s', async (path, right, wrong) => {
    const text = readText(path).replace(right, wrong);
    expect(await problems(path, text)).not.toEqual([]);
  });
});

describe('issue forms', () => {
  it.each(['bug', 'feature'])('%s.yml has what GitHub asks for', (name) => {
    const form = readYaml<{
      name: string;
      description: string;
      body: Array<{ type: string; id?: string; attributes: Record<string, unknown> }>;
    }>(`.github/ISSUE_TEMPLATE/${name}.yml`);
    expect(form.name && form.description).toBeTruthy();
    const ids = form.body.flatMap(({ id }) => id ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { type, attributes } of form.body) {
      expect(['markdown', 'input', 'textarea', 'dropdown', 'checkboxes']).toContain(type);
      expect(attributes[{ markdown: 'value', checkboxes: 'options' }[type] ?? 'label']).toBeTruthy();
    }
  });
});
