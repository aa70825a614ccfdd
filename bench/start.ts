/** A whole run that finds its recipient associated, over TLS. */
import {
  format,
  median,
  reportPromise,
  type Section,
  table,
} from './measure.ts';
import * as programs from './programs.ts';
import { withService } from './service.ts';

/** The first rounds fill the caches of the machine and are not counted. */
const WARM_UP = 2;
const AT_MOST = 1.8;

type Value = (run: programs.Ended) => number;

/** Each phase, as the probe sees it. */
const PHASES: Readonly<Record<string, Value>> = {
  'Node starts': ({ phases }) => phases['loaded'] ?? Number.NaN,
  'until the first request is made': ({ phases }) =>
    between(phases['loaded'], phases['request']),
  'until the last response begins': ({ phases }) =>
    between(phases['request'], phases['response']),
  'until nothing is left to do': ({ phases }) =>
    between(phases['response'], phases['exit']),
  'Node ends': ({ ms, phases }) => between(phases['exit'], ms),
};

function between(from = Number.NaN, to = Number.NaN): number {
  return to - from;
}

/**
 * Runs all programs in turn, in another order each round, so that what else the
 * machine does affects all alike.
 * @returns the median of a value over all runs of a program
 */
async function measure(
  all: readonly programs.Program[],
  rounds: number,
  options: programs.RunOptions,
) {
  const runs = new Map(
    all.map((program): [programs.Program, programs.Ended[]] => [program, []]),
  );
  for (let round = 0; round < WARM_UP + rounds; round++) {
    const first = round % all.length;
    const order = [...all.slice(first), ...all.slice(0, first)];
    for (const program of round % 2 ? order.reverse() : order) {
      const ended = await programs.runProgram(program, options);
      if (round >= WARM_UP) runs.get(program)?.push(ended);
    }
  }
  return (program: programs.Program, value: Value) =>
    median((runs.get(program) ?? []).map(value));
}

/** @param rounds how often each program is counted */
export function start(rounds: number): Promise<Section> {
  const recipients = programs.accounts(1);
  const { RUNTIME, BARE, ACTION } = programs;
  return programs.inFolder((folder) =>
    withService(
      { latencyMs: 0, associateMs: 0, associated: recipients },
      async ({ url: apiUrl }) => {
        const { onNodeFetch, withoutStandIn, official } =
          programs.bundleAlternatives(folder);
        const all = [
          RUNTIME,
          BARE,
          onNodeFetch,
          ACTION,
          withoutStandIn,
          official,
        ];
        const whole = await measure(all, rounds, { apiUrl, recipients });
        const wholeMs = (program: programs.Program) =>
          whole(program, ({ ms }) => ms);
        const ratio = (program: programs.Program) =>
          wholeMs(program) / wholeMs(BARE);
        const runs = all.map((program) => [
          program.name,
          format(wholeMs(program), 1, 'ms'),
          format(ratio(program), 2, '×'),
        ]);

        const probed = [BARE, onNodeFetch, ACTION];
        const phase = await measure(probed, rounds, {
          apiUrl,
          recipients,
          probe: true,
        });
        const phases = Object.entries(PHASES).map(([name, value]) => [
          name,
          ...probed.map((program) => format(phase(program, value), 1, 'ms')),
        ]);
        const tables = [
          table(['program', 'whole run', 'ratio'], runs),
          table(['phase', ...probed.map(({ name }) => name)], phases),
        ];
        const promises = [
          reportPromise('whole adopting run', ratio(ACTION), AT_MOST, '×'),
        ];
        return { title: 'Start', text: tables.join('\n\n'), promises };
      },
    ),
  );
}
