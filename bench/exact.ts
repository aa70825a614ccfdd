/**
 * `state: exact` and large lists, with the latency of a distant API and the
 * published rate limit.
 */
import type { RecipientSeed } from '../simulator/options.ts';
import {
  countPromise,
  format,
  type Promised,
  reportPromise,
  type Section,
  table,
} from './measure.ts';
import * as programs from './programs.ts';
import { type Seen, type ServiceOptions, withService } from './service.ts';

const LATENCY_MS = 80;
const MIB = 2 ** 20;
const AT_MOST = { mebibytes: 400, outputBytes: 900_000, summaryBytes: MIB };

interface Case {
  readonly name: string;
  readonly program: programs.Program;
  readonly service: Omit<ServiceOptions, 'latencyMs'>;
  readonly run: Omit<programs.RunOptions, 'apiUrl' | 'probe'>;
  /** The most requests for the list that are allowed; null for any number. */
  readonly atMostRequests: number | null;
}

interface Measured extends Seen, programs.Ended {
  readonly name: string;
}

/** A range of distinct accounts, always the same. */
function range(first: number, count: number): string[] {
  return programs.accounts(first + count).slice(first);
}

/** From 20 to 40 s, another time for each account. */
function slowly(accounts: readonly string[]) {
  return Object.fromEntries(
    accounts.map((id, index) => {
      const ms = 20_000 + ((index * 7_919) % 20_001);
      return [id, { associateMs: ms, disassociateMs: ms }];
    }),
  );
}

/**
 * The record that an account has from the start: its ID is that of the account.
 */
function seed(id: string, resources: RecipientSeed['resources'] = []) {
  return { accountId: id, id, status: 'associated', resources };
}

/** Healthy, as Cloudflare shows it. */
const SIX_RESOURCES = Array.from({ length: 6 }, (_, index) => ({
  error: '',
  resource_id: `f174e90afafe4643bbbc4a0ed4fc841${index}`,
  resource_version: 1,
  terminal: false,
}));

function labeled(accounts: readonly string[]): string {
  return accounts
    .map((id, index) => `${id} # Customer ${index + 1}\n`)
    .join('');
}

function exactly(
  accounts: readonly string[],
  inputs: Readonly<Record<string, string>> = {},
): Case['run'] {
  return {
    recipients: [],
    list: labeled(accounts),
    inputs: { state: 'exact', timeout: '30m', ...inputs },
  };
}

/** So many listed accounts, of which the last `added` have no access yet. */
function replacing(
  listed: number,
  added: number,
  removedCount: number,
  resources: RecipientSeed['resources'] = [],
) {
  const accounts = range(0, listed);
  const removed = range(listed, removedCount);
  const kept = accounts.slice(0, listed - added);
  const records = [...kept, ...removed].map((id) => seed(id, resources));
  const changing = [...accounts.slice(listed - added), ...removed];
  return { accounts, removed, records, changing };
}

/** 1,000 listed, 300 of them new, and 200 to remove. */
function sync(program: programs.Program): Case {
  const { accounts, removed, records, changing } = replacing(1_000, 300, 200);
  const isAction = program === programs.ACTION;
  const bare = {
    recipients: accounts.slice(-300),
    env: { REMOVE: removed.join('\n') },
  };
  return {
    name: '1,000 listed, 300 to add, 200 to remove, 20 to 40 s each',
    program,
    service: { associateMs: 0, records, timelines: slowly(changing) },
    run: isAction ? exactly(accounts, { 'max-removals': '200' }) : bare,
    atMostRequests: isAction ? 500 + 60 : null,
  };
}

/** A whole organization of 20,000 accounts. */
function organization(): Case {
  const all = replacing(20_000, 100, 60, SIX_RESOURCES);
  return {
    name: '20,000 listed, 100 to add, 60 to remove, 6 resources each',
    program: programs.ACTION,
    service: {
      associateMs: 0,
      records: all.records,
      timelines: slowly(all.changing),
    },
    run: exactly(all.accounts),
    atMostRequests: 160 + 60,
  };
}

/** More than two windows of the rate limit. */
function onboarding(): Case {
  return {
    name: '3,000 to add',
    program: programs.ACTION,
    service: { associateMs: 20_000 },
    run: exactly(range(0, 3_000)),
    atMostRequests: 3_000 + 150,
  };
}

/** Listed are 1,000 accounts, and 5,000 others would lose access. */
function rejected(): Case {
  const { accounts, records } = replacing(1_000, 100, 5_000);
  return {
    name: '1,000 listed, 5,000 others: rejected',
    program: programs.ACTION,
    service: { associateMs: 0, records },
    run: { ...exactly(accounts), fails: true },
    atMostRequests: 2,
  };
}

/** Listed are 1,000 accounts; 5,000 others have lost access before. */
function history(): Case {
  const { accounts, records } = replacing(1_000, 100, 100);
  const past = range(2_000, 5_000).map((id) => ({
    ...seed(id),
    status: 'disassociated',
  }));
  return {
    name: '1,000 listed, 5,000 past records, 100 to add, 100 to remove',
    program: programs.ACTION,
    service: { associateMs: 1_000, records: [...records, ...past] },
    run: exactly(accounts),
    atMostRequests: 200 + 30,
  };
}

function measure(exactCase: Case): Promise<Measured> {
  const { name, program, service, run } = exactCase;
  const options = { ...service, latencyMs: LATENCY_MS };
  return withService(options, async ({ url, seen }) => {
    const ended = await programs.runProgram(program, {
      ...run,
      apiUrl: url,
      probe: true,
    });
    const rest = program === programs.ACTION ? '' : `: ${program.name}`;
    return { ...ended, ...seen(), name: `${name}${rest}` };
  });
}

function promisesOf(exactCase: Case, measured: Measured): Promised[] {
  if (exactCase.program !== programs.ACTION) return [];
  const { name, requests, limited, mebibytes } = measured;
  const { outputBytes, summaryBytes } = measured;
  const most = exactCase.atMostRequests ?? Number.POSITIVE_INFINITY;
  return [
    countPromise(`${name}: requests`, requests, most),
    countPromise(`${name}: responses with status 429`, limited, 0),
    countPromise(`${name}: outputs in bytes`, outputBytes, AT_MOST.outputBytes),
    countPromise(
      `${name}: summary in bytes`,
      summaryBytes,
      AT_MOST.summaryBytes,
    ),
    reportPromise(`${name}: peak memory`, mebibytes, AT_MOST.mebibytes, 'MiB'),
  ];
}

const CASES: Readonly<Record<string, () => Case>> = {
  sync: () => sync(programs.ACTION),
  writers: () => sync(programs.WRITERS),
  organization,
  rejected,
  history,
  onboarding,
};

/** @param names which cases to measure */
export async function exact(
  names: readonly string[] = Object.keys(CASES),
): Promise<Section> {
  const promises: Promised[] = [];
  const records: string[][] = [];
  for (const name of names) {
    const exactCase = CASES[name]?.();
    if (!exactCase) throw new Error(`no case ${name}`);
    const measured = await measure(exactCase);
    promises.push(...promisesOf(exactCase, measured));
    records.push([
      measured.name,
      format(measured.ms / 1000, 1, 's'),
      format(measured.requests),
      format(measured.lists),
      format(measured.limited),
      format(measured.mebibytes, 0, 'MiB'),
      format(measured.outputBytes / 1000, 0, 'kB'),
      format(measured.summaryBytes / 1000, 0, 'kB'),
    ]);
  }
  const head = [
    'run',
    'time',
    'requests',
    'lists',
    '429',
    'peak memory',
    'outputs',
    'summary',
  ];
  return { title: 'Exact', text: table(head, records), promises };
}
