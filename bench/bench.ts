/**
 * `npm run bench`: measures the committed bundle against what users would write
 * instead, and prints Markdown. `-- --short` takes half a minute, for CI; `--
 * --only start,wait` runs some of the parts. The exit code is 1 if a promise on
 * a count (polls, requests, connections, lines) is broken. Times and memory
 * never decide.
 */
import { parseArgs } from 'node:util';
import { connections } from './connections.ts';
import { exact } from './exact.ts';
import { fleet } from './fleet.ts';
import {
  isKept,
  machine,
  type Promised,
  promisesTable,
  type Section,
} from './measure.ts';
import { start } from './start.ts';
import { wait } from './wait.ts';

const PARTS: Readonly<Record<string, (short: boolean) => Promise<Section>>> = {
  start: (short) => start(short ? 3 : 31),
  wait: (short) => wait(short ? 1_000 : 10_000),
  fleet: (short) => fleet(short ? [1, 100] : [1, 100, 1_000]),
  connections: (short) => connections({ slow: !short }),
  exact: (short) => (short ? exact(['rejected', 'history']) : exact()),
};

function readArguments(): { short: boolean; parts: string[] } {
  const options = {
    short: { type: 'boolean', default: false },
    only: { type: 'string' },
  } as const;
  const { values } = parseArgs({ options });
  const parts = values.only?.split(',') ?? Object.keys(PARTS);
  const unknown = parts.filter((part) => !Object.hasOwn(PARTS, part));
  if (unknown.length === 0) return { short: values.short, parts };
  throw new Error(
    `--only ${unknown.join(',')}: choose from ${Object.keys(PARTS).join(',')}`,
  );
}

async function main(): Promise<number> {
  const { short, parts } = readArguments();
  console.log(
    `Measured on ${machine()}${short ? '; short form, few rounds' : ''}.\n`,
  );
  const promises: Promised[] = [];
  for (const part of parts) {
    const section = await PARTS[part]?.(short);
    if (!section) continue;
    console.log(`## ${section.title}\n\n${section.text}\n`);
    promises.push(...section.promises);
  }
  console.log(`## Promises\n\n${promisesTable(promises)}`);
  const broken = promises.filter(
    (promise) => promise.isCount && !isKept(promise),
  );
  for (const { what } of broken) console.error(`Broken: ${what}`);
  return broken.length > 0 ? 1 : 0;
}

process.exitCode = await main().catch((error: Error) => {
  console.error(error.message);
  return 2;
});
