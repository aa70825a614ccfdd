import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/**
 * Finds a program that `npm ci` does not bring: on the PATH, or where
 * `.ci/tools.sh` installs it.
 * @param install the command that installs it, and what that needs
 */
export function findTool(name: string, install: string): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  for (const folder of [
    ...folders,
    join(cache, 'cloudflare-share-recipient-tools', 'bin'),
  ]) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not there: check the next folder.
    }
  }
  throw new Error(
    `${name} is not on the PATH and not installed: run ${install}.`,
  );
}
