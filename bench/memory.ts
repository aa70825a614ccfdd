/** Peak resident memory, as a ratio to the bare runtime. */
import { ACTION, BARE, type Contestant, OFFICIAL, RUNTIME, runWell } from './contestants.ts';
import { type Limit, median, type Section, shown, table } from './measure.ts';
import { startService } from './service.ts';
import { accounts, stepEnvironment } from './workload.ts';

const AT_MOST = { one: 1.5, fleet: 1.8 };

/**
 * @param rounds how often each is run
 * @param fleetSize recipients of the large run
 */
export async function memory(rounds: number, fleetSize: number): Promise<Section> {
  const cases: { name: string; contestant: Contestant; recipients: number; atMost: number | null }[] = [
    { name: RUNTIME.name, contestant: RUNTIME, recipients: 0, atMost: null },
    { name: BARE.name, contestant: BARE, recipients: 1, atMost: null },
    { name: `${ACTION.name}, 1 recipient`, contestant: ACTION, recipients: 1, atMost: AT_MOST.one },
    {
      name: `${ACTION.name}, ${shown(fleetSize)} recipients`,
      contestant: ACTION,
      recipients: fleetSize,
      atMost: AT_MOST.fleet,
    },
    { name: `${OFFICIAL.name}, 1 recipient`, contestant: OFFICIAL, recipients: 1, atMost: null },
  ];
  const peaks = new Map<string, number[]>(cases.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, contestant, recipients } of cases) {
      // The bare program only reads, so its recipient has to be there; the others add theirs.
      const associated = contestant === BARE ? accounts(recipients) : [];
      const service = await startService({ latencyMs: 0, associateMs: 500, associated });
      const { env, dispose } = stepEnvironment(service.url, accounts(recipients));
      const { peakKiB } = await runWell(contestant, env, { memory: true }).finally(dispose);
      await service.stop();
      peaks.get(name)?.push(peakKiB ?? Number.NaN);
    }
  }
  const of = (name: string) => median(peaks.get(name) ?? []);
  const runtime = of(RUNTIME.name);
  const limits = cases.flatMap(({ name, atMost }): Limit[] =>
    atMost === null
      ? []
      : [
          {
            what: `peak memory of ${name.replaceAll('*', '')}`,
            measured: of(name) / runtime,
            atMost,
            unit: '×',
            kind: 'time',
          },
        ],
  );
  const rows = cases.map(({ name }) => [
    name,
    shown(of(name) / 1024, 1, 'MiB'),
    shown(of(name) / runtime, 2, '×'),
  ]);
  return {
    title: 'Memory',
    text: `${table(['program', 'peak resident memory', 'ratio'], rows)}\n\nMedians of ${rounds} rounds; every recipient is added and waited for.`,
    limits,
  };
}
