/** Puts one run of the bundle on a stage: a simulated Shares API of its own, the action, and what both of them saw. */
import { vi } from 'vitest';
import {
  createSharesApi,
  type LoggedRequest,
  type SharesApi,
  type SharesApiOptions,
} from '../../simulator/api.ts';
import { type RunOptions, type RunResult, type StartedRun, startAction } from '../../simulator/runner.ts';
import { type RunningServer, type ServerOptions, startServer } from '../../simulator/server.ts';

// A run mostly waits, so many fit beside each other; the bound is what two cores start without long queues.
vi.setConfig({ maxConcurrency: 10, testTimeout: 60_000 });

/** For tests of a promise about time: it is kept by a machine that has time, so a busy one gets another try. */
export const TIMED = { retry: 2 } as const;

export const ACCOUNT = '699d98642c564d2e855e9661899b7252';
export const SHARE = '3fd85f74b32742f1bff64a85009dda07';
export const RECIPIENT = 'a7b9c1d24e8f4063b5d7e9f1a3c5b7d9';
export const ORGANIZATION = '023e105f4ecef8ad9ca31a8372d0c353';
export const ROW = 'c41f0a9be3d24c7d8a6f5e2b1d0c9f83';
export const POLICY = 'f174e90afafe4643bbbc4a0ed4fc8415';
export const TOKEN = 'v1.0-3mNq8ZtXw5RbYc7Kd2Hs9Lf4Gj6Pv1Qa0';

type Seed = NonNullable<SharesApiOptions['shares']>[number];

export interface Scene extends Omit<RunOptions, 'inputs' | 'env'> {
  /** As for the runner, also made from the address of the simulator. */
  env?: RunOptions['env'] | ((url: string) => RunOptions['env']);
  /** The API beside its one share; associations take a quarter of a second unless `timeline` says otherwise. */
  api?: Partial<Omit<SharesApiOptions, 'now' | 'shares'>>;
  /** What differs in the one share that there is. */
  share?: Partial<Seed>;
  /** Rows that are in the share from the start. */
  recipients?: Seed['recipients'];
  /** As in `with:`, over a complete set for one account; an empty text takes one away. */
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
export interface Played extends RunResult {
  api: SharesApi;
  connections: number;
  requests: readonly LoggedRequest[];
  /** Reads of the whole list, of one row, and writes, in the order in which they came. */
  lists: LoggedRequest[];
  polls: LoggedRequest[];
  posts: LoggedRequest[];
  deletes: LoggedRequest[];
  annotations: Annotation[];
  errors: Annotation[];
  /** The output of that name, read as JSON. */
  recipients: Array<Record<string, unknown>>;
}

export interface Started extends Omit<StartedRun, 'finished'> {
  api: SharesApi;
  server: RunningServer;
  finished: Promise<Played>;
  /** Resolves when the API has seen so many requests of that kind. */
  saw(method: string, part: RegExp, times?: number): Promise<void>;
}

const LIST = /\/recipients$/;
const ONE = /\/recipients\/[^/]+$/;

function unescaped(text: string): string {
  const characters: Record<string, string> = { '0D': '\r', '0A': '\n', '3A': ':', '2C': ',', '25': '%' };
  return text.replace(/%(0D|0A|3A|2C|25)/g, (_, code: string) => characters[code] ?? '');
}

/** Every line of the raw output on which the runner would act, as `[command, rest]`; it splits at CR too. */
export function commands(text: string): Array<[string, string]> {
  return text.split(/\r\n|\r|\n/).flatMap((line): Array<[string, string]> => {
    const [, command, rest] = /^\s*::(.*?)::(.*)$/.exec(line) ?? [];
    if (command !== undefined) return [[command, rest ?? '']];
    const [old] = /##\[.*/.exec(line) ?? [];
    return old === undefined ? [] : [[old, '']];
  });
}

function annotationsOf(text: string): Annotation[] {
  return commands(text).flatMap(([command, rest]) => {
    const [, level, title = ''] = /^(error|warning|notice)(?: title=(.*))?$/.exec(command) ?? [];
    return level === undefined ? [] : [{ level, title: unescaped(title), message: unescaped(rest) }];
  });
}

/** Starts the committed bundle against a fresh API; `finished` also stops the server. */
export async function start(scene: Scene = {}): Promise<Started> {
  const { api: options, share, recipients, inputs, server: listen, host, env, ...run } = scene;
  const api = createSharesApi({
    now: Date.now,
    timeline: { associateMs: 250, disassociateMs: 250 },
    tokens: [TOKEN],
    ...options,
    shares: [
      {
        accountId: ACCOUNT,
        shareId: SHARE,
        name: 'Baseline policies',
        organizationId: ORGANIZATION,
        resources: [{ resourceId: POLICY, type: 'gateway-policy' }],
        ...(recipients === undefined ? {} : { recipients }),
        ...share,
      },
    ],
  });
  const server = await startServer(api, listen);
  const variables = typeof env === 'function' ? env(server.url) : env;
  const started = startAction({
    ...run,
    ...(variables === undefined ? {} : { env: variables }),
    inputs: {
      'account-id': ACCOUNT,
      'share-id': SHARE,
      'recipient-account-id': RECIPIENT,
      'api-token': TOKEN,
      'api-url': host === undefined ? server.url : server.url.replace('127.0.0.1', host),
      ...inputs,
    },
  });
  const finished = started.finished
    .then((result): Played => {
      const only = (method: string, path: RegExp) =>
        api.requests.filter((request) => request.method === method && path.test(request.path));
      const annotations = annotationsOf(result.stdout);
      return {
        ...result,
        api,
        connections: server.connections,
        requests: api.requests,
        lists: only('GET', LIST),
        polls: only('GET', ONE),
        posts: only('POST', LIST),
        deletes: only('DELETE', ONE),
        annotations,
        errors: annotations.filter(({ level }) => level === 'error'),
        recipients: JSON.parse(result.outputs['recipients'] || '[]'),
      };
    })
    .finally(() => server.close());
  return {
    ...started,
    api,
    server,
    finished,
    saw: (method, part, times = 1) =>
      vi.waitFor(
        () => {
          const seen = api.requests.filter((one) => one.method === method && part.test(one.path)).length;
          if (seen < times) throw new Error(`${method} ${part} was seen ${seen} times, not ${times}`);
        },
        { timeout: 20_000, interval: 10 },
      ),
  };
}

/** Runs the committed bundle to its end. */
export async function play(scene: Scene = {}): Promise<Played> {
  return (await start(scene)).finished;
}

/** The live rows that the API holds for an account, whatever its reads showed. */
export function liveRows({ api }: Pick<Played, 'api'>, account = RECIPIENT) {
  return api
    .rows(SHARE)
    .filter((row) => row.account_id === account && /^associat/.test(row.association_status));
}

/** Everything a person, a later step or the runner gets to see, the lines that only mask left out. */
export function sinks(run: RunResult): Record<string, string> {
  const shown = (text: string) =>
    text
      .split(/\r\n|\r|\n/)
      .filter((line) => !line.startsWith('::add-mask::'))
      .join('\n');
  const entity = (text: string) => text.replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)));
  return {
    stdout: unescaped(shown(run.stdout)),
    stderr: unescaped(shown(run.stderr)),
    summary: entity(run.summary),
    ...run.outputs,
  };
}

/** So much of a secret in a row is no accident. */
const FRAGMENT = 12;

/**
 * Where a secret shows: as given, URL-encoded, in base64, and also only a part of it, since the runner's own mask
 * hides none but whole ones.
 * @returns `sink: text` for each place; empty when nothing leaked
 */
export function leaks(run: RunResult, secrets: readonly string[]): string[] {
  const forms = secrets.flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    JSON.stringify(secret).slice(1, -1),
  ]);
  const parts = new Set(
    forms.flatMap((form) =>
      Array.from({ length: Math.max(1, form.length - FRAGMENT + 1) }, (_, at) =>
        form.slice(at, at + FRAGMENT),
      ),
    ),
  );
  return Object.entries(sinks(run)).flatMap(([sink, text]) => {
    const part = [...parts].find((one) => text.includes(one));
    const at = part === undefined ? 0 : text.indexOf(part);
    return part === undefined ? [] : [`${sink}: …${text.slice(Math.max(0, at - 60), at + 60)}…`];
  });
}

/** 32 hex digits that stand for the `n`th account. */
export function account(n: number): string {
  return `ac${String(n).padStart(30, '0')}`;
}

/** The entitlement case that Cloudflare publishes: it has given up on this resource. */
export const ENTITLEMENT = {
  error: 'Recipient is missing necessary entitlement',
  resource_id: POLICY,
  resource_version: 0,
  terminal: true,
} as const;

/** A resource that Cloudflare is still retrying. */
export const RETRYING = {
  error: 'Resource could not be applied',
  resource_id: POLICY,
  resource_version: 1,
  terminal: false,
} as const;
