import type { Environment } from './inputs.ts';
import type { Trigger } from './report/result.ts';
import { plain } from './report/text.ts';
import { VERSION } from './version.ts';

/** What started the workflow, from the runner's default variables. */
export function readTrigger(env: Environment): Trigger {
  const name = env['GITHUB_EVENT_NAME'] ?? '';
  const event = name === 'release' ? `release ${env['GITHUB_REF_NAME'] ?? ''}`.trim() : name;
  return { event, actor: env['GITHUB_ACTOR'] ?? '' };
}

/**
 * Names the run to Cloudflare, whose audit log shows it: `cloudflare-share-recipient/1.0.0 (owner/repo; run 42)`.
 * What a header may not hold is left out.
 */
export function userAgent(env: Environment): string {
  const word = (text: string | undefined) => plain(text ?? '', 140).replace(/[^\w./-]/g, '');
  const repository = word(env['GITHUB_REPOSITORY']);
  const run = word(env['GITHUB_RUN_ID']);
  const parts = [repository, run && `run ${run}`].filter(Boolean).join('; ');
  return `cloudflare-share-recipient/${VERSION}${parts ? ` (${parts})` : ''}`;
}
