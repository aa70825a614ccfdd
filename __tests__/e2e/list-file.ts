/** Lists of accounts in the workspace of a run. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Run, runScenario, type Scenario } from './scenario.ts';

export const LIST_FILE = 'accounts.txt';

/** Calls `use` with an empty folder that is removed afterwards. */
export async function inWorkspace<T>(
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'share-workspace-'));
  return use(folder).finally(() =>
    rmSync(folder, { recursive: true, force: true }),
  );
}

/** What a run needs to read a file of the folder. */
export function readingFile(
  folder: string,
  { inputs, env, ...more }: Scenario = {},
  path = LIST_FILE,
): Scenario {
  return {
    ...more,
    env: { ...(typeof env === 'object' ? env : {}), GITHUB_WORKSPACE: folder },
    inputs: {
      'recipient-account-id': '',
      'recipient-account-file': path,
      ...inputs,
    },
  };
}

/** Runs the bundle with this list in a file. */
export function runWithFile(
  list: string | Uint8Array,
  scenario: Scenario = {},
): Promise<Run> {
  return inWorkspace(async (folder) => {
    writeFileSync(join(folder, LIST_FILE), list);
    return await runScenario(readingFile(folder, scenario));
  });
}
