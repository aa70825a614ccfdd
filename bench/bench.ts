/**
 * `npm run bench`: measures the committed bundle against what users would pick instead, and prints Markdown.
 * `-- --short` takes half a minute, for CI; `-- --only start,wait` runs some of the parts. The exit code is 1
 * when a promise on a count (requests, bytes, connections) is broken; times and memory never decide.
 */
import { parseArgs } from 'node:util';
import { connections } from './connections.ts';
import { fleet } from './fleet.ts';
import { isMet, type Limit, limitsTable, machine, type Section } from './measure.ts';
import { memory } from './memory.ts';
import { size } from './size.ts';
import { start } from './start.ts';
import { wait } from './wait.ts';

const PARTS: Readonly<Record<string, (short: boolean) => Promise<Section>>> = {
  start: (short) => (short ? start(5, { rejected: false }) : start(21)),
  size: () => size(),
  wait: (short) => wait(short ? 2_000 : 10_000),
  fleet: (short) => (short ? fleet([1, 10, 100], { alternatives: false }) : fleet([1, 10, 100, 1_000])),
  connections: (short) => connections({ slow: !short }),
  memory: (short) => (short ? memory(1, 100) : memory(5, 1_000)),
};

function readArguments(): { short: boolean; parts: string[] } {
  const { values } = parseArgs({
    options: { short: { type: 'boolean', default: false }, only: { type: 'string' } },
  });
  const parts = values.only?.split(',') ?? Object.keys(PARTS);
  const unknown = parts.filter((part) => !Object.hasOwn(PARTS, part));
  if (unknown.length > 0) {
    throw new Error(`--only ${unknown.join(',')}: choose from ${Object.keys(PARTS).join(',')}`);
  }
  return { short: values.short, parts };
}

async function main(): Promise<number> {
  let given: ReturnType<typeof readArguments>;
  try {
    given = readArguments();
  } catch (error) {
    console.error((error as Error).message.split('\n')[0]);
    return 2;
  }
  const { short, parts } = given;
  console.log(`Measured on ${machine()}${short ? '; short form, few rounds' : ''}.\n`);
  const limits: Limit[] = [];
  for (const part of parts) {
    const section = await PARTS[part]?.(short);
    if (!section) continue;
    console.log(`## ${section.title}\n\n${section.text}\n`);
    limits.push(...section.limits);
  }
  console.log(`## Promises\n\n${limitsTable(limits)}\n`);
  const broken = limits.filter((limit) => limit.kind === 'count' && !isMet(limit));
  for (const { what } of broken) console.error(`Broken: ${what}`);
  return broken.length > 0 ? 1 : 0;
}

process.exitCode = await main();
