import { RequestError } from './cloudflare/errors.ts';
import type { Failure } from './failure.ts';
import { accepted, type Progress, sent, unanswered } from './progress.ts';
import type { Run } from './run.ts';

/** More would not be faster under the rate limit, and would make a fault in the middle harder to look up. */
const WRITERS = 4;

/**
 * Sends what is due: a POST for every `create`, a DELETE for every `remove`, at most four at a time, each once.
 * @param all every target; entries are replaced through `update` as they move
 * @returns why the run has to stop, when Cloudflare refused the credentials; else null
 */
export async function change(
  all: readonly Progress[],
  run: Run,
  update: (index: number, next: Progress) => void,
): Promise<Failure | null> {
  const due = all.flatMap((p, index) => (p.step === 'create' || p.step === 'remove' ? [index] : []));
  let stop: Failure | null = null;

  async function writer(): Promise<void> {
    for (let index = due.shift(); index !== undefined && !stop && !run.isOver(); index = due.shift()) {
      const p = sent(all[index] as Progress, run.clock.now());
      try {
        const row =
          p.step === 'create' ? await run.shares.create(p.target) : await run.shares.remove(p.id ?? '');
        update(index, accepted(p, row, run.clock.now()));
      } catch (error) {
        if (!(error instanceof RequestError)) throw error;
        update(index, unanswered(p, error, run.clock.now()));
        // All that is due was found by the same look; a new one comes first.
        if (error.stale) due.length = 0;
        if (error.why === 'credentials') {
          stop = {
            cause: 'stopped',
            message: `not finished, because Cloudflare refused another write: ${error.message}`,
          };
        }
      }
    }
  }

  await Promise.all(Array.from({ length: WRITERS }, writer));
  return stop;
}
