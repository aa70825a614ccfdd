/** Validates a workflow with the language service that GitHub's own editors use. */
import { registerHooks } from 'node:module';
import { parse } from 'yaml';
import { SLUG } from '../../docs/build.ts';
import { text } from './pages.ts';

// The package imports JSON without an import attribute, which Node rejects.
registerHooks({
  load(url, context, nextLoad) {
    if (!url.startsWith('file:') || !url.endsWith('.json')) return nextLoad(url, context);
    const source = `export default ${text(url)}`;
    return { format: 'module', shortCircuit: true, source };
  },
});
const { validate } = await import('@actions/languageservice');

type Config = Parameters<typeof validate>[1];
const action = parse(text('action.yml'));
const config = {
  actionsMetadataProvider: {
    fetchActionMetadata: async ({ owner, name }: { owner: string; name: string }) =>
      `${owner}/${name}` === SLUG ? action : { name: 'another action', description: '' },
  },
} as unknown as Config;
let documents = 0;

/** Returns what is wrong with a workflow, with its lines. */
export async function problemsOf(workflow: string): Promise<string[]> {
  // A new name each time, because the service remembers what it has parsed by its name.
  const uri = `file:///${documents++}/workflow.yml`;
  const document = { uri, getText: () => workflow } as Parameters<typeof validate>[0];
  const found = await validate(document, config);
  return found.map(({ message, range }) => `line ${range.start.line + 1}: ${message}`);
}
