/**
 * Plays a whole run against an API that is a plain function, on a clock that
 * jumps: from the inputs to what people read.
 */
import type { HttpClient } from '../src/cloudflare/http-client.ts';
import { readGitHubContext } from '../src/github/context.ts';
import { workspaceFiles } from '../src/inputs/recipient-file.ts';
import { main, type World } from '../src/main.ts';
import {
  ACCOUNT,
  account,
  OTHER,
  OWNER,
  received,
  type SentResponse,
  SHARE,
} from './builders.ts';
import { hung, ok, type Reply } from './cloudflare/scripted-api.ts';
import { ENV } from './inputs/environment.ts';
import { recordingRunner } from './report/recording-runner.ts';
import { VirtualClock } from './virtual-clock.ts';

/** Inputs with the first accounts, with two others, and with `exact`. */
export const several = (count: number) => ({
  'INPUT_RECIPIENT-ACCOUNT-ID': idsOf(count).join('\n'),
});
export const TWO = { 'INPUT_RECIPIENT-ACCOUNT-ID': `${ACCOUNT}\n${OTHER}` };
export const EXACT = { INPUT_STATE: 'exact', 'INPUT_MAX-REMOVALS': '10' };

/** Names of requests. */
export const LIST = 'GET /recipients';
export const POST = 'POST /recipients';
export const readOf = (id: string) => `${LIST}/${id}`;
export const deleteOf = (id: string) => `DELETE /recipients/${id}`;

const START_MS = 1_000_000;

export interface Request {
  /** `GET` for the share, `GET /recipients`, `DELETE /recipients/r1`, … */
  readonly name: string;
  readonly url: string;
  readonly body: string | null;
  readonly atMs: number;
}

export type Respond = (request: Request) => Reply | undefined;

/** What is replied to the requests of a name; `DELETE` is for any record. */
type Replies = Readonly<Record<string, Reply | Respond>>;

/** The account that a POST names. */
export function targetOf({ body }: Request): string {
  return JSON.parse(body ?? '{}').recipient_account_id;
}

/** Replies to a POST by the account that it names. */
export function byTarget(replies: Readonly<Record<string, Reply>>): Respond {
  return (request) =>
    request.name === POST ? replies[targetOf(request)] : undefined;
}

export interface ScriptedRun {
  readonly env?: Record<string, string>;
  /** Undefined: the share is active, and its list is empty. */
  readonly respond?: Respond | Replies;
  /** How long a response takes; default one millisecond. */
  readonly delayMs?: (request: Request) => number;
  readonly cancelMs?: number;
  /** What GitHub's API responds with to every request. */
  readonly github?: Pick<SentResponse, 'status' | 'body'>;
  readonly failing?: Parameters<typeof recordingRunner>[0];
  /** Changes what is outside of the run. */
  readonly change?: (world: World) => Partial<World>;
}

const GITHUB_API = 'https://api.github.com/';
const JSON_TYPE = { 'content-type': 'application/json' };
const CREATED = { status: 201, body: JSON.stringify({ id: 77 }) };

/** The share that every run has. */
export const A_SHARE = {
  id: SHARE,
  name: 'Baseline',
  status: 'active',
  target_type: 'account',
  kind: 'sent',
  account_id: OWNER,
  organization_id: null,
  resources: [],
};

/** The IDs of the first accounts. */
export function idsOf(count: number): string[] {
  return Array.from({ length: count }, (_, n) => account(n));
}

/** A record as the API sends it. */
export function record(
  id: string,
  accountId: string | null,
  status: string,
  more: object = {},
) {
  return { id, account_id: accountId, association_status: status, ...more };
}

function nameOf(method: string, url: string): string {
  const path = url
    .replace(/\?.*/, '')
    .replace(/^.*\/shares(\/\w+)?/, (_, id) => (id ? '' : '/shares'));
  return `${method} ${path}`.trim();
}

function replyIn(
  respond: ScriptedRun['respond'],
  request: Request,
): Reply | undefined {
  if (typeof respond === 'function') return respond(request);
  const { name } = request;
  const isDelete = name.startsWith('DELETE');
  const reply = respond?.[name] ?? (isDelete ? respond?.['DELETE'] : undefined);
  return typeof reply === 'function' ? reply(request) : reply;
}

export async function playRun(run: ScriptedRun) {
  const { env, respond, cancelMs, failing, change, github = CREATED } = run;
  const { delayMs = () => 1 } = run;
  const clock = new VirtualClock(START_MS);
  const cancel = new AbortController();
  const recorder = recordingRunner(failing);
  const requests: string[] = [];
  const deployment: string[] = [];
  const http: HttpClient = async (sent) => {
    const { method, url, signal, timeoutMs, body, takeItem } = sent;
    if (url.startsWith(GITHUB_API)) {
      const { state, description } = JSON.parse(body ?? '');
      if (state) deployment.push(`${state}: ${description}`);
      return received({ type: 'response', headers: JSON_TYPE, ...github });
    }
    const name = nameOf(method, url);
    const atMs = clock.now() - START_MS;
    requests.push(name);
    const usual = name === 'GET' ? ok(A_SHARE) : ok([]);
    const request = { name, url, body, atMs };
    const reply = replyIn(respond, request) ?? usual;
    if (reply === 'hang') {
      await clock.sleep(timeoutMs, signal);
      return hung(sent);
    }
    await clock.sleep(delayMs(request), signal);
    if (reply.type === 'failure') return reply;
    const headers = { 'cf-ray': 'ray' };
    const response = { status: 200, headers, body: '', ...reply } as const;
    return received({ ...response, type: 'response' }, takeItem);
  };
  const world: World = {
    env: { ...ENV, ...env },
    context: readGitHubContext({ GITHUB_REPOSITORY: 'octo/policies' }),
    files: workspaceFiles,
    http,
    clock,
    random: () => 0.5,
    runner: recorder.runner,
    cancel: cancel.signal,
  };
  const running = main({ ...world, ...change?.(world) });
  if (cancelMs !== undefined)
    void clock.sleep(cancelMs).then(() => cancel.abort());
  const success = await clock.run(running);
  const outputs = recorder.outputs();
  const recipients = JSON.parse(outputs['recipients'] ?? '[]');
  return {
    success,
    requests,
    deletes: requests.filter((name) => name.startsWith('DELETE')),
    deployment,
    tookMs: clock.now() - START_MS,
    seen: recorder.seen,
    text: recorder.seen.filter((line) => !line.startsWith('mask|')).join('\n'),
    of: recorder.of,
    outputs: recorder.outputs,
    recipients,
    causes: recipients.map(({ cause }: { cause: string }) => cause),
    status: outputs['status'],
  };
}
