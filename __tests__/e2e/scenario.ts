/**
 * Runs the committed bundle against a fresh simulator of the Shares API, and
 * collects what both of them saw.
 */
import { randomUUID } from 'node:crypto';
import { vi } from 'vitest';
import {
  createSharesApi,
  type LoggedRequest,
  type SharesApi,
  type SharesApiOptions,
} from '../../simulator/api.ts';
import type { Fault, FaultRule } from '../../simulator/faults.ts';
import {
  type RunOptions,
  type RunResult,
  type StartedRun,
  startAction,
} from '../../simulator/runner.ts';
import {
  type RunningServer,
  type ServerOptions,
  startServer,
} from '../../simulator/server.ts';

// A run mostly waits, so many can run at the same time.
vi.setConfig({ maxConcurrency: 14 });

/**
 * How many may start at the same time in one file. A start takes all of a core:
 * with more, they slow each other down, and runs with a timeout fail for that.
 */
const MAX_STARTING = 2;
let starting = 0;
const waiting: Array<() => void> = [];

/** Waits for a turn to start, and returns what ends it. */
async function takeTurn(): Promise<() => void> {
  if (starting >= MAX_STARTING)
    await new Promise<void>((resolve) => waiting.push(resolve));
  else starting += 1;

  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    const next = waiting.shift();
    if (next) next();
    else starting -= 1;
  };
}

/** The account that owns the share. */
export const OWNER = '699d98642c564d2e855e9661899b7252';
export const SHARE = '3fd85f74b32742f1bff64a85009dda07';
/** The account that gets access in a scenario with one target. */
export const RECIPIENT = 'a7b9c1d24e8f4063b5d7e9f1a3c5b7d9';
export const OTHER_ACCOUNT = 'd5a1c3e9b7f24860a2c4e6f80b1d3f57';
export const ORGANIZATION = '023e105f4ecef8ad9ca31a8372d0c353';
/** The ID of a record in the recipient list. */
export const RECORD = 'c41f0a9be3d24c7d8a6f5e2b1d0c9f83';
export const OTHER_RECORD = '8e2d4b6a0c1f49d7b3a5e7c9f1d20b64';
export const POLICY = 'f174e90afafe4643bbbc4a0ed4fc8415';
export const TOKEN = 'v1.0-3mNq8ZtXw5RbYc7Kd2Hs9Lf4Gj6Pv1Qa0';

/** Path and query of a request for the list, and for one record. */
export const LIST = /recipients\?/;
export const ONE_RECORD = /recipients\/./;
/** Path and query of a request for the share itself. */
export const SHARE_ONLY = new RegExp(`${SHARE}(\\?|$)`);
/** How the action asks for the list. */
export const LIST_QUERY = { include_resources: 'true' };

type Seed = NonNullable<SharesApiOptions['shares']>[number];
type RecipientSeed = NonNullable<Seed['recipients']>[number];

export interface Scenario extends Omit<RunOptions, 'inputs' | 'env'> {
  /**
   * Variables for the action, or a function of the simulator's address that
   * returns them.
   */
  env?: RunOptions['env'] | ((url: string) => RunOptions['env']);
  /**
   * The API without its share. The first read after a write shows its effect
   * unless `timeline` says otherwise.
   */
  api?: Partial<Omit<SharesApiOptions, 'now' | 'shares'>>;
  /** What differs in the one share. */
  share?: Partial<Seed>;
  /** How records change; see `api`. */
  timeline?: SharesApiOptions['timeline'];
  /** Which requests go wrong, and how; made with `faultOn`. */
  faults?: FaultRule[];
  /** Records that the share has from the start. */
  recipients?: RecipientSeed[];
  /** The accounts of the list; default `RECIPIENT`. */
  targets?: readonly string[];
  /**
   * As in `with:`, added to a complete set for one account; an empty text
   * removes one.
   */
  inputs?: Record<string, string>;
  server?: ServerOptions;
  /** The host name in `api-url`; default that of the simulator. */
  host?: string;
}

export interface Annotation {
  level: string;
  title: string;
  message: string;
}

/** A run that is over. */
export interface Run extends RunResult {
  api: SharesApi;
  connections: number;
  requests: readonly LoggedRequest[];
  /**
   * Requests for the list, for one record, and writes, each in the order in
   * which they arrived.
   */
  lists: LoggedRequest[];
  polls: LoggedRequest[];
  posts: LoggedRequest[];
  deletes: LoggedRequest[];
  /** All records that the API had at the end, whatever its responses showed. */
  records: ReturnType<SharesApi['records']>;
  annotations: Annotation[];
  /** The annotations of the level error. */
  errors: Annotation[];
  /** The output `recipients`, parsed. */
  recipients: Array<Record<string, unknown>>;
}

export interface StartedScenario extends Omit<StartedRun, 'finished'> {
  api: SharesApi;
  server: RunningServer;
  finished: Promise<Run>;
  /** Resolves when the API has received this many requests of a kind. */
  waitForRequest(method: string, path: RegExp, times?: number): Promise<void>;
}

function unescapeData(text: string): string {
  const characters: Record<string, string> = {
    '0D': '\r',
    '0A': '\n',
    '3A': ':',
    '2C': ',',
    '25': '%',
  };
  return text.replace(
    /%(0D|0A|3A|2C|25)/g,
    (_, code: string) => characters[code] ?? '',
  );
}

/**
 * Every line of the raw output on which the runner would act, as `[command,
 * rest]`; it splits lines at CR too.
 */
export function commands(text: string): Array<[string, string]> {
  return text.split(/\r\n|\r|\n/).flatMap((line): Array<[string, string]> => {
    const [, command, rest] = /^\s*::(.*?)::(.*)$/.exec(line) ?? [];
    if (command !== undefined) return [[command, rest ?? '']];
    const [old] = /##\[.*/.exec(line) ?? [];
    return old === undefined ? [] : [[old, '']];
  });
}

function annotationsIn(text: string): Annotation[] {
  return commands(text).flatMap(([command, rest]) => {
    const [, level, title = ''] =
      /^(error|warning|notice)(?: title=(.*))?$/.exec(command) ?? [];
    return level === undefined
      ? []
      : [{ level, title: unescapeData(title), message: unescapeData(rest) }];
  });
}

function toRun(
  result: RunResult,
  api: SharesApi,
  { connections }: RunningServer,
): Run {
  const only = (method: string, path: RegExp) =>
    api.requests.filter(
      (request) => request.method === method && path.test(request.path),
    );
  const annotations = annotationsIn(result.stdout);
  return {
    ...result,
    api,
    connections,
    requests: api.requests,
    lists: only('GET', /\/recipients$/),
    polls: only('GET', /\/recipients\/[^/]+$/),
    posts: only('POST', /\/recipients$/),
    deletes: only('DELETE', /\/recipients\/[^/]+$/),
    records: api.records(SHARE),
    annotations,
    errors: annotations.filter(({ level }) => level === 'error'),
    recipients: JSON.parse(result.outputs['recipients'] || '[]'),
  };
}

/**
 * Starts the committed bundle against a fresh API. `finished` also stops the
 * server.
 */
export async function startScenario(
  scenario: Scenario = {},
): Promise<StartedScenario> {
  const {
    api: options,
    timeline = { associateReads: 0, disassociateReads: 0 },
    faults = [],
    share,
    recipients,
    targets = [RECIPIENT],
    inputs,
    server: listen,
    host,
    env,
    onOutput,
    ...run
  } = scenario;
  const endTurn = await takeTurn();
  const api = createSharesApi({
    now: Date.now,
    timeline,
    tokens: [TOKEN],
    faults,
    ...options,
    shares: [
      {
        accountId: OWNER,
        shareId: SHARE,
        name: 'Baseline policies',
        organizationId: ORGANIZATION,
        resources: [{ resourceId: POLICY, type: 'gateway-policy' }],
        ...(recipients === undefined ? {} : { recipients }),
        ...share,
      },
    ],
  });
  // A process of another test, or of another suite, may still know the port.
  const prefix = `/${randomUUID()}`;
  const server = await startServer(api, listen ?? { prefix });
  const variables = typeof env === 'function' ? env(server.url) : env;
  const started = startAction({
    ...run,
    onOutput: (chunk, stream) => {
      endTurn();
      onOutput?.(chunk, stream);
    },
    ...(variables === undefined ? {} : { env: variables }),
    inputs: {
      'account-id': OWNER,
      'share-id': SHARE,
      'recipient-account-id': targets.join('\n'),
      'api-token': TOKEN,
      'api-url':
        host === undefined ? server.url : server.url.replace('127.0.0.1', host),
      ...inputs,
    },
  });
  return {
    ...started,
    api,
    server,
    finished: started.finished
      .then((result) => toRun(result, api, server))
      .finally(() => {
        endTurn();
        return server.close();
      }),
    waitForRequest: (method, path, times = 1) =>
      vi.waitFor(
        () => {
          const all = api.requests.filter(
            (one) => one.method === method && path.test(one.path),
          );
          if (all.length < times)
            throw new Error(
              `${all.length} of ${times} ${method} ${path} arrived`,
            );
        },
        { timeout: 60_000, interval: 10 },
      ),
  };
}

/** Runs the committed bundle to its end. */
export async function runScenario(scenario: Scenario = {}): Promise<Run> {
  return (await startScenario(scenario)).finished;
}

/**
 * Runs a scenario in which all requests for the list, or for `path`, or the
 * first `times` of them, meet a fault.
 */
export function runWithFault(
  fault: Fault,
  {
    path = LIST,
    times,
    ...scenario
  }: Scenario & { path?: RegExp; times?: number } = {},
): Promise<Run> {
  const which = times === undefined ? {} : { times };
  return runScenario({ ...scenario, faults: [faultOn(path, fault, which)] });
}

/**
 * Requests with this method, or with this in path and query, meet a fault: all
 * of them, or those that `more` says.
 */
export function faultOn(
  requests: 'POST' | 'DELETE' | RegExp,
  fault: Fault,
  more: FaultRule['when'] = {},
): FaultRule {
  const when =
    typeof requests === 'string'
      ? { method: requests }
      : { pathIncludes: requests };
  return { when: { ...when, ...more }, do: fault };
}

/** Responds with an error of the API. */
export function rejection(
  status: number,
  code: number,
  message = 'Rejected',
): Fault {
  return { kind: 'response', status, code, message };
}

/** Never responds. */
export const HANG: Fault = { kind: 'hang' };
/** The change is made, and the connection is reset before the reply. */
export const LOST_REPLY: Fault = { kind: 'reset', commit: true };

/** The body of a successful response. */
export function bodyOf(result: unknown, resultInfo?: object): string {
  const info = resultInfo && { result_info: resultInfo };
  return JSON.stringify({
    success: true,
    errors: [],
    messages: [],
    result,
    ...info,
  });
}

/** Responds with this text instead of what the API would say. */
export function respondWith(text: string, status = 200): Fault {
  return { kind: 'response', status, body: { text } };
}

/**
 * The active records that the API had for an account at the end, whatever its
 * responses showed.
 */
export function activeRecords(
  { records }: Pick<Run, 'records'>,
  id = RECIPIENT,
): Run['records'] {
  return records.filter(
    (one) => one.account_id === id && /^associat/.test(one.association_status),
  );
}

/** The account that a POST names. */
export function accountIn({ body }: LoggedRequest): unknown {
  return (body as Record<string, unknown>)['recipient_account_id'];
}

/** The record that a GET, or DELETE names. */
export function recordIn({ path }: LoggedRequest): string {
  return path.split('/').at(-1) ?? '';
}

/** 32 hexadecimal digits that stand for the `n`th account. */
export function account(n: number): string {
  return `ac${String(n).padStart(30, '0')}`;
}

/** The first accounts, each once. */
export function accounts(count: number): string[] {
  return Array.from({ length: count }, (_, n) => account(n));
}

/** The ID of the record that `seed` makes for the `n`th account. */
export function record(n: number): string {
  return `record${String(n).padStart(5, '0')}`;
}

/** A record of the `n`th account: `associated` unless `more` differs. */
export function seed(
  n: number,
  more: Partial<RecipientSeed> = {},
): RecipientSeed {
  return {
    accountId: account(n),
    id: record(n),
    status: 'associated',
    ...more,
  };
}

/** Records of the first accounts. */
export function seeds(count: number): RecipientSeed[] {
  return Array.from({ length: count }, (_, n) => seed(n));
}

/** The record of `RECIPIENT`: `associated` unless `more` differs. */
export function mine(more: Partial<RecipientSeed> = {}): RecipientSeed {
  return seed(0, { accountId: RECIPIENT, id: RECORD, ...more });
}

/** The record of `RECIPIENT` in a response. */
export function shown(more: Record<string, unknown> = {}): object {
  return {
    id: RECORD,
    account_id: RECIPIENT,
    association_status: 'associated',
    ...more,
  };
}

/** No write ever shows its effect. */
export const NEVER = {
  associateMs: 'never',
  disassociateMs: 'never',
} as const;

/** How Cloudflare rejects an account that is not the organization's. */
export const REJECTED = {
  status: 400,
  code: 1017,
  message: 'Recipient is not in the organization of the share',
};

/** Cloudflare's published example of a resource that it has given up on. */
export const ENTITLEMENT = {
  error: 'Recipient is missing necessary entitlement',
  resource_id: POLICY,
  resource_version: 0,
  terminal: true,
} as const;
