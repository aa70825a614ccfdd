/**
 * Runs the reconciler against a share that is a plain list of records, on a
 * clock that jumps.
 */
import type { TargetState } from '../../src/reconcile/decide.ts';
import { createReconciler } from '../../src/reconcile/reconciler.ts';
import { ACCOUNT, INPUTS } from '../builders.ts';
import {
  ok,
  openApi,
  type Reply,
  rejection,
  type ScriptedOptions,
  type Sent,
} from '../cloudflare/scripted-api.ts';

export interface WireRecord {
  id: string;
  account_id: string;
  association_status: string;
  resources?: object[];
}

export const wire = (
  id: string,
  status: string,
  accountId = ACCOUNT,
): WireRecord => ({
  id,
  account_id: accountId,
  association_status: status,
});

export interface RunCase extends ScriptedOptions {
  /**
   * The share; changed by writes. A POST adds `new1`, `new2`, … that are
   * `associating`.
   */
  readonly records?: WireRecord[];
  /**
   * Responds in place of the share, and may change it; undefined lets the share
   * respond.
   */
  readonly respond?: (
    request: Sent,
    records: WireRecord[],
  ) => Reply | undefined;
}

/** What the share itself responds with. */
function serve({ method, path, body }: Sent, records: WireRecord[]): Reply {
  const id = /^\/(\w+)/.exec(path)?.[1];
  const record = records.find((one) => one.id === id);
  if (method === 'POST') {
    const number = records.filter((one) => one.id.startsWith('new')).length + 1;
    const added = wire(
      `new${number}`,
      'associating',
      JSON.parse(body ?? '').recipient_account_id,
    );
    records.push(added);
    return ok(added);
  }
  if (id && !record) return rejection(404);
  if (method === 'DELETE' && record)
    record.association_status = 'disassociating';
  return ok(record ?? records);
}

/** Opens the share and plans. Nothing is written yet. */
export async function plan({
  inputs: change = {},
  records = [],
  respond,
  ...options
}: RunCase) {
  const api = openApi(
    (request) => respond?.(request, records) ?? serve(request, records),
    {
      ...options,
      inputs: change,
    },
  );
  const inputs = {
    ...INPUTS,
    timeout: `${(options.timeoutMs ?? 600_000) / 1_000}s`,
    ...change,
  };
  const changes: string[] = [];
  const polls: number[] = [];
  const reconciler = createReconciler(
    await api.clock.run(api.shares.list()),
    null,
    {
      ...api,
      inputs,
      random: () => options.random ?? 0.5,
      onChange: (from: TargetState, to: TargetState) => {
        if (from.action !== to.action)
          changes.push(`${from.action} → ${to.action}`);
      },
      onPoll: () => polls.push(api.clock.now()),
    },
  );
  /**
   * `POST`, `DELETE /id`, `GET` for the list, `GET /id`, each with its time,
   * from the first write or poll on.
   */
  const traffic = () =>
    api.requests
      .slice(1)
      .map(({ method, path, atMs }) =>
        `${atMs} ${method} ${path.replace(/\?.*/, '')}`.trim(),
      );
  return { ...api, reconciler, records, changes, polls, traffic };
}

/** Runs a case to its end. */
export async function run(one: RunCase) {
  const opened = await plan(one);
  await opened.clock.run(opened.reconciler.run());
  const [state] = opened.reconciler.states as [TargetState];
  return { ...opened, state, states: opened.reconciler.states };
}

/** Responds with a share whose new records become `associated` at that time. */
export const associatedAt =
  (ms: number) =>
  ({ atMs }: { atMs: number }, records: WireRecord[]) => {
    for (const one of records) {
      if (atMs >= ms && one.association_status === 'associating')
        one.association_status = 'associated';
    }
    return undefined;
  };
