/** How many bytes a run loads, and how many are committed. */
import { copyFileSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { BUNDLE, bundleOf, runWell } from './contestants.ts';
import { type Section, shown, table } from './measure.ts';
import { startService } from './service.ts';
import { accounts, stepEnvironment } from './workload.ts';

const AT_MOST_KB = { loaded: 500, committed: 1800 };
/** What a run without proxy and deployment record needs; the run below has nothing else. */
const NEEDED = ['index.js', 'package.json'];

export async function size(): Promise<Section> {
  const dist = dirname(BUNDLE);
  const files = readdirSync(dist).map((name) => ({ name, bytes: statSync(join(dist, name)).size }));
  const folder = mkdtempSync(join(tmpdir(), 'share-bench-'));
  const recipients = accounts(1);
  const service = await startService({ latencyMs: 0, associateMs: 0 });
  const { env, dispose } = stepEnvironment(service.url, recipients);
  try {
    for (const name of NEEDED) copyFileSync(join(dist, name), join(folder, name));
    await runWell(bundleOf('the files that a run needs', join(folder, 'index.js')), env);
  } finally {
    dispose();
    rmSync(folder, { recursive: true, force: true });
    await service.stop();
  }
  const sum = (wanted: typeof files) => wanted.reduce((total, { bytes }) => total + bytes, 0) / 1000;
  const loaded = files.filter(({ name }) => NEEDED.includes(name));
  const rows = [
    ...files.map(({ name, bytes }) => [
      `\`dist/${name}\``,
      shown(bytes / 1000, 1, 'kB'),
      NEEDED.includes(name) ? 'yes' : 'no',
    ]),
    ['**all**', shown(sum(files), 1, 'kB'), ''],
  ];
  return {
    title: 'Size',
    text: `${table(['file', 'size', 'loaded by a normal run'], rows)}\n\nA run with only the loaded files in its folder has added a recipient and waited for it.`,
    limits: [
      {
        what: 'loaded by a normal run',
        measured: sum(loaded),
        atMost: AT_MOST_KB.loaded,
        unit: 'kB',
        kind: 'count',
      },
      { what: 'all of dist/', measured: sum(files), atMost: AT_MOST_KB.committed, unit: 'kB', kind: 'count' },
    ],
  };
}
