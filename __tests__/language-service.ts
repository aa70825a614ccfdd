/**
 * Validates workflows and action.yml with the language service that GitHub's
 * own editors use.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { parse } from 'yaml';
import { SLUG } from '../docs/build.ts';

// The package imports JSON without an import attribute, which Node rejects.
registerHooks({
  load(url, context, nextLoad) {
    if (!url.startsWith('file:') || !url.endsWith('.json'))
      return nextLoad(url, context);
    const source = `export default ${readFileSync(new URL(url), 'utf8')}`;
    return { format: 'module', shortCircuit: true, source };
  },
});
const { validate } = await import('@actions/languageservice');

const read = (path: string) =>
  readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const action = parse(read('action.yml'));
const config = {
  actionsMetadataProvider: {
    fetchActionMetadata: async ({
      owner,
      name,
    }: {
      owner: string;
      name: string;
    }) =>
      `${owner}/${name}` === SLUG
        ? action
        : { name: 'another action', description: '' },
  },
  fileProvider: {
    getFileContent: async () => ({
      name: 'reusable.yml',
      content: read('examples/reusable.yml'),
    }),
  },
} as unknown as Parameters<typeof validate>[1];
let documents = 0;

/**
 * Returns what is wrong with a text, with its lines. The service knows
 * action.yml by its name.
 */
export async function problemsOf(
  source: string,
  name = 'workflow.yml',
): Promise<string[]> {
  // A new address each time, because the service remembers what it has parsed
  // by its address.
  const uri = `file:///${documents++}/${name}`;
  const document = { uri, getText: () => source } as Parameters<
    typeof validate
  >[0];
  const found = await validate(document, config);
  return found.map(
    ({ message, range }) => `line ${range.start.line + 1}: ${message}`,
  );
}
