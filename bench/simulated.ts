/*
 * The action's own client and reconciler in simulated time, against a share
 * whose recipients take a known time to be associated. The same on every
 * machine.
 */
import { received } from '../__tests__/builders.ts';
import { VirtualClock } from '../__tests__/virtual-clock.ts';
import { startDeadline } from '../src/clock.ts';
import { CloudflareClient } from '../src/cloudflare/client.ts';
import type {
  HttpRequest,
  HttpResponse,
} from '../src/cloudflare/http-client.ts';
import { ShareApi } from '../src/cloudflare/share.ts';
import type { Inputs } from '../src/domain.ts';
import {
  firstObservations,
  type ShareReading,
} from '../src/reconcile/observations.ts';
import { planTargets } from '../src/reconcile/plan.ts';
import { Reconciler } from '../src/reconcile/reconciler.ts';
import { accounts } from './programs.ts';

export const ROUND_TRIP_MS = 80;

/** Only `exact` depends on the share, so it is not read. */
const SHARE: ShareReading = {
  type: 'failed',
  failure: { cause: 'not-found', reason: 'not read', request: null },
};
const LIMIT = { requests: 1_200, windowMs: 300_000 };

export interface Simulation {
  readonly recipients: number;
  /** From a POST, as it reaches the server, until it is associated. */
  readonly associateMs: () => number;
  readonly timeoutMs: number;
  /** A number from 0 to 1, for jitter. */
  readonly random: () => number;
}

export interface Simulated {
  /** When the last recipient was associated, from the start of the run. */
  readonly associatedMs: number;
  /** When the run ended. */
  readonly endMs: number;
  readonly polls: number;
}

/** A share, as the API shows it at a moment. */
class SimulatedShare {
  readonly #clock: VirtualClock;
  readonly #associateMs: () => number;
  /** When each account is associated. */
  readonly #associated = new Map<string, number>();
  #requests = 0;

  constructor(clock: VirtualClock, associateMs: () => number) {
    this.#clock = clock;
    this.#associateMs = associateMs;
  }

  get lastAssociatedMs(): number {
    return Math.max(...this.#associated.values());
  }

  readonly http = async (request: HttpRequest): Promise<HttpResponse> => {
    await this.#clock.sleep(ROUND_TRIP_MS / 2);
    const result = this.#serve(request);
    this.#requests++;
    const left = LIMIT.requests - this.#requests;
    const resetMs = LIMIT.windowMs - (this.#clock.now() % LIMIT.windowMs);
    await this.#clock.sleep(ROUND_TRIP_MS / 2);
    const body = { success: true, errors: [], messages: [], result };
    const response = {
      type: 'response',
      status: 200,
      headers: {
        'cf-ray': '8f1e',
        ratelimit: `"default";r=${left};t=${Math.ceil(resetMs / 1_000)}`,
        'ratelimit-policy': `"default";q=1200;w=300`,
      },
      body: JSON.stringify(body),
    } as const;
    return received(response, request.takeItem);
  };

  #serve({ method, url, body }: HttpRequest): object {
    if (method === 'POST') {
      const id: string = JSON.parse(body ?? '').recipient_account_id;
      this.#associated.set(id, this.#clock.now() + this.#associateMs());
      return this.#record(id);
    }
    const id = /\/recipients\/(\w+)/.exec(url)?.[1];
    if (id !== undefined) return this.#record(id);
    return [...this.#associated.keys()].map((key) => this.#record(key));
  }

  #record(id: string): object {
    const isDone = this.#clock.now() >= Number(this.#associated.get(id));
    const status = isDone ? 'associated' : 'associating';
    return { id, account_id: id, association_status: status, resources: [] };
  }
}

/** Adds recipients that are not there, and waits for them. */
export async function simulate(simulation: Simulation): Promise<Simulated> {
  const { recipients, associateMs, timeoutMs, random } = simulation;
  const clock = new VirtualClock();
  const service = new SimulatedShare(clock, associateMs);
  const never = new AbortController().signal;
  const deadline = startDeadline(clock, timeoutMs, never);
  const inputs = inputsFor(recipients);
  const client = new CloudflareClient({
    apiUrl: inputs.apiUrl,
    credentials: inputs.credentials,
    userAgent: 'bench',
    http: service.http,
    clock,
    deadline,
    random,
    clean: (text) => text,
    onDelay() {},
  });
  const share = new ShareApi(client, inputs, (text) => text);

  async function run(): Promise<Simulated> {
    const list = await share.listRecipients();
    const observed = firstObservations(list, SHARE);
    const plan = planTargets(inputs, observed);
    const progress = { changed() {}, polled() {} };
    const reconciler = new Reconciler({
      plan,
      observed,
      inputs,
      share,
      clock,
      deadline,
      random,
      progress,
    });
    const { polls } = await reconciler.run();
    return {
      associatedMs: service.lastAssociatedMs,
      endMs: clock.now(),
      polls: polls.polls,
    };
  }
  return clock.run(run());
}

function inputsFor(recipients: number): Inputs {
  return {
    accountId: 'f'.repeat(32),
    shareId: 'share',
    targets: accounts(recipients).map((id) => ({
      type: 'account',
      id,
      label: null,
    })),
    credentials: { type: 'token', token: 'bench' },
    state: 'present',
    maxRemovals: { unit: 'percent', percent: 25 },
    wait: true,
    timeout: '10m',
    timeoutMs: 600_000,
    dryRun: false,
    summary: false,
    githubToken: null,
    environment: '',
    apiUrl: 'https://api.test/client/v4',
  };
}
