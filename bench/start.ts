/** From process start to the first request, and a whole run that finds its recipient associated. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  ACTION,
  BARE,
  bundleOf,
  type Contestant,
  CURL,
  isInstalled,
  OFFICIAL,
  RUNTIME,
  runWell,
} from './contestants.ts';
import { median, type Section, shown, table } from './measure.ts';
import { startService } from './service.ts';
import { accounts, stepEnvironment } from './workload.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** The first runs fill the caches of the machine and are not counted. */
const WARM_UP = 2;
const AT_MOST = { first: 2.3, whole: 2.7 };

interface Sample {
  readonly ms: number;
  readonly firstMs: number | null;
}

/** Bundles as users do, in a folder where no `tsconfig.json` names a stand-in. */
function bundled(name: string, folder: string, entry: string): Contestant {
  const out = mkdtempSync(join(folder, 'dist-'));
  const ncc = join(ROOT, 'node_modules/@vercel/ncc/dist/ncc/cli.js');
  execFileSync(process.execPath, [ncc, 'build', entry, '--out', out, '--quiet'], { cwd: folder });
  return bundleOf(name, join(out, entry.endsWith('.mjs') ? 'index.mjs' : 'index.js'));
}

function rejectedBundles(folder: string): Contestant[] {
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'tsconfig.json'), '{}');
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const project = join(ROOT, 'tsconfig.build.json');
  execFileSync(process.execPath, [tsc, '--project', project, '--outDir', join(folder, 'src')]);
  copyFileSync(OFFICIAL.args[0] ?? '', join(folder, 'script.mjs'));
  return [
    bundled('the same sources, bundled without the stand-in', folder, join(folder, 'src', 'index.js')),
    bundled(`${OFFICIAL.name}, bundled`, folder, join(folder, 'script.mjs')),
  ];
}

/**
 * Runs every contestant in turn, in another order each round, so that what else the machine does hits all alike.
 * @param rounds how often each is counted
 * @param rejected make other bundles and measure them, too
 */
export async function start(rounds: number, { rejected = true } = {}): Promise<Section> {
  const folder = mkdtempSync(join(tmpdir(), 'share-bench-'));
  const recipients = accounts(1);
  const service = await startService({ latencyMs: 0, associateMs: 0, associated: recipients });
  const { env, dispose } = stepEnvironment(service.url, recipients);
  try {
    const hasCurl = isInstalled('curl', 'jq');
    const contestants = [
      RUNTIME,
      BARE,
      ACTION,
      ...(rejected ? rejectedBundles(folder) : []),
      OFFICIAL,
      ...(hasCurl ? [CURL] : []),
    ];
    const samples = new Map<Contestant, Sample[]>(contestants.map((contestant) => [contestant, []]));
    for (let round = 0; round < WARM_UP + rounds; round++) {
      const order = contestants.map(
        (_, turn) => contestants[(turn + round) % contestants.length] as Contestant,
      );
      for (const next of round % 2 ? order.reverse() : order) {
        const { startedNs, ms } = await runWell(next, env);
        const { firstNs } = await service.seen();
        const firstMs = firstNs === null ? null : Number(BigInt(firstNs) - startedNs) / 1e6;
        if (round >= WARM_UP) samples.get(next)?.push({ ms, firstMs });
      }
    }

    const runtimeMs = median((samples.get(RUNTIME) ?? []).map((sample) => sample.ms));
    const measured = contestants.map((contestant) => {
      const all = samples.get(contestant) ?? [];
      const firsts = all.flatMap(({ firstMs }) => (firstMs === null ? [] : [firstMs]));
      const [firstMs, ms] = [median(firsts), median(all.map((sample) => sample.ms))];
      return { contestant, firstMs, ms, first: firstMs / runtimeMs, whole: ms / runtimeMs };
    });
    const rows = measured.map(({ contestant, firstMs, ms, first, whole }) => [
      contestant.name,
      shown(firstMs, 1, 'ms'),
      shown(first, 2, '×'),
      shown(ms, 1, 'ms'),
      shown(whole, 2, '×'),
    ]);
    const own = measured.find(({ contestant }) => contestant === ACTION);
    const skipped = hasCurl ? '' : ' The `curl` + `jq` loop was skipped: both must be installed.';
    return {
      title: 'Start',
      text: `${table(['program', 'first request', 'ratio', 'whole run', 'ratio'], rows)}\n\nMedians of ${rounds} interleaved rounds; the recipient is associated already, the server answers at once.${skipped}`,
      limits: [
        {
          what: 'start to first request',
          measured: own?.first ?? Number.NaN,
          atMost: AT_MOST.first,
          unit: '×',
          kind: 'time',
        },
        {
          what: 'whole adopting run',
          measured: own?.whole ?? Number.NaN,
          atMost: AT_MOST.whole,
          unit: '×',
          kind: 'time',
        },
      ],
    };
  } finally {
    dispose();
    rmSync(folder, { recursive: true, force: true });
    await service.stop();
  }
}
