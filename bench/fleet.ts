/**
 * One to a thousand recipients, with the latency of a distant API and the
 * published rate limit.
 */
import {
  countPromise,
  format,
  type Promised,
  reportPromise,
  type Section,
  table,
} from './measure.ts';
import * as programs from './programs.ts';
import { type Seen, withService } from './service.ts';

const LATENCY_MS = 80;
/** Short, so that the program is measured and not the wait. */
const ASSOCIATE_MS = 1_000;
const MANY = 1_000;
const AT_MOST = { writers: 1.15, moreLines: 100, mebibytes: 130 };

interface Fleet extends Seen, programs.Ended {
  readonly program: programs.Program;
  readonly recipients: number;
}

function measure(
  program: programs.Program,
  recipients: number,
): Promise<Fleet> {
  return withService(
    { latencyMs: LATENCY_MS, associateMs: ASSOCIATE_MS },
    async (service) => {
      const options = {
        apiUrl: service.url,
        recipients: programs.accounts(recipients),
        probe: true,
      };
      const ended = await programs.runProgram(program, options);
      return { ...ended, ...service.seen(), program, recipients };
    },
  );
}

function promisesOf({
  recipients,
  requests,
  polls,
  lists,
  limited,
  lines,
}: Fleet): Promised[] {
  const who =
    recipients === 1 ? '1 recipient' : `${format(recipients)} recipients`;
  return [
    countPromise(
      `${who}: requests (each recipient, each poll, the share)`,
      requests,
      recipients + polls + 1,
    ),
    countPromise(`${who}: requests for the list (each poll)`, lists, polls),
    countPromise(`${who}: responses with status 429`, limited, 0),
    countPromise(
      `${who}: lines in the log`,
      lines,
      recipients + AT_MOST.moreLines,
    ),
  ];
}

/**
 * @param sizes numbers of recipients; if 1,000 is among them, other programs
 * are measured too
 */
export async function fleet(sizes: readonly number[]): Promise<Section> {
  const fleets: Fleet[] = [];
  for (const recipients of sizes)
    fleets.push(await measure(programs.ACTION, recipients));
  const promises = fleets.flatMap(promisesOf);
  const most = fleets.find(({ recipients }) => recipients === MANY);
  if (most) {
    const writers = await measure(programs.WRITERS, MANY);
    fleets.push(
      writers,
      await measure(programs.OFFICIAL, 1),
      await measure(programs.OFFICIAL, 100),
    );
    const who = `${format(MANY)} recipients`;
    const ratio = most.ms / writers.ms;
    promises.push(
      reportPromise(
        `${who}: time of 4 bare writers`,
        ratio,
        AT_MOST.writers,
        '×',
      ),
    );
    promises.push(
      reportPromise(
        `${who}: peak memory`,
        most.mebibytes,
        AT_MOST.mebibytes,
        'MiB',
      ),
    );
  }
  const records = fleets.map(
    ({ program, recipients, ms, requests, polls, lines, mebibytes }) => [
      program.name,
      format(recipients),
      format(ms / 1000, 1, 's'),
      format(requests),
      format(polls),
      format(lines),
      format(mebibytes, 0, 'MiB'),
    ],
  );
  const head = [
    'program',
    'recipients',
    'time',
    'requests',
    'polls',
    'lines in the log',
    'peak memory',
  ];
  return { title: 'Fleets and memory', text: table(head, records), promises };
}
