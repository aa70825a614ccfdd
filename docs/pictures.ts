/**
 * `npm run docs:pictures` runs the bundle against the simulator and takes
 * pictures of the job summaries it writes, in GitHub's light and dark theme,
 * with headless Chromium. Those in docs/pictures/ are for the docs. The others,
 * to check after a change of the summary, go to a folder whose name is printed,
 * and so does each picture on a narrow page.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createSharesApi } from '../simulator/api.ts';
import { runAction } from '../simulator/runner.ts';
import { findScenario, type Scenario } from '../simulator/scenarios.ts';
import { startServer } from '../simulator/server.ts';
import { SLUG } from './build.ts';

/** About as wide as GitHub shows a job summary on a screen of 1,440 pixels. */
const WIDTH_PX = 1040;
/** As on a small window. */
const NARROW_PX = 640;
/** A longer summary is cut: what a reader sees first. */
const MAX_HEIGHT_PX = 720;
const THEMES = ['light', 'dark'] as const;
const DOCS_FOLDER = fileURLToPath(new URL('pictures/', import.meta.url));
/** Optional: makes the pictures a third of the size. */
const COMPRESSOR = process.env['PNGQUANT'] ?? 'pngquant';
const BROWSERS = [
  process.env['CHROMIUM'] ?? '',
  'chromium',
  'chromium-browser',
  'google-chrome',
];

type Given = Pick<Scenario, 'api' | 'inputs' | 'cancelAfterMs'> & {
  /** What started the run; default a release. */
  event?: 'workflow_dispatch';
};

function scenario(name: string): Given {
  const found = findScenario(name);
  if (!found) throw new Error(`simulator/scenarios.ts has no scenario ${name}`);
  return found;
}

/** IDs that have the form of Cloudflare's and are the same in every run. */
function idOf(n: number): string {
  let x = n + 1;
  const digits = Array.from({ length: 32 }, () => {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    return (x >>> 28).toString(16);
  });
  return digits.join('');
}

/** How the accounts of `mixed` divide; the others are added. */
interface Counts {
  readonly all: number;
  readonly unchanged: number;
  /** They lack an entitlement. */
  readonly lacking: number;
  /** They are in another organization. */
  readonly foreign: number;
}

/** Accounts of which some have access already, and some fail in two ways. */
function mixed({ all, unchanged, lacking, foreign }: Counts): Given {
  const { api, inputs } = scenario('associate');
  const ids = Array.from({ length: all }, (_, index) => idOf(index));
  const [share] = api.shares ?? [];
  if (!share) throw new Error('the scenario associate has no share');
  const had = ids.slice(0, unchanged);
  const withoutEntitlement = ids.slice(unchanged, unchanged + lacking);
  const outside = ids.slice(unchanged + lacking).slice(0, foreign);
  const entitlement = {
    error: 'Recipient is missing necessary entitlement',
    resource_id: share.resources?.at(-1)?.resourceId ?? idOf(9000),
    resource_version: 0,
    terminal: true,
  };
  return {
    api: {
      ...api,
      timeline: { associateMs: 1500 },
      timelines: Object.fromEntries(
        withoutEntitlement.map((id) => [
          id,
          { associateMs: 'never', errors: [entitlement] },
        ]),
      ),
      rejectAccounts: Object.fromEntries(
        outside.map((id) => [
          id,
          {
            status: 400,
            code: 1017,
            message: 'Recipient is not in the organization of the share',
          },
        ]),
      ),
      shares: [
        {
          ...share,
          recipients: had.map((accountId) => ({
            accountId,
            status: 'associated',
          })),
        },
      ],
    },
    inputs: { ...inputs, 'recipient-account-id': ids.join('\n') },
  };
}

/** A dry run with `exact`: two are added, one is removed, two stay. */
function planOfExact(): Given {
  const { api, inputs } = scenario('plan');
  const [share] = api.shares ?? [];
  if (!share) throw new Error('the scenario plan has no share');
  const [emea, apac, latam, lab, former] = [0, 1, 2, 3, 4].map(idOf);
  const list = [
    `${emea} # EMEA`,
    `${apac} # APAC`,
    `${latam} # LATAM`,
    `${lab} # Lab`,
  ];
  const recipients = [emea, apac, former].map((accountId) => ({
    accountId: accountId ?? '',
    status: 'associated',
  }));
  return {
    api: { ...api, shares: [{ ...share, recipients }] },
    inputs: {
      ...inputs,
      'recipient-account-id': list.join('\n'),
      state: 'exact',
    },
  };
}

/** For the README and the examples. */
const PICTURES: Readonly<Record<string, Given>> = {
  failure: mixed({ all: 3, unchanged: 1, lacking: 1, foreign: 0 }),
  success: { ...scenario('associate'), event: 'workflow_dispatch' },
  plan: planOfExact(),
  fleet: mixed({ all: 1_000, unchanged: 50, lacking: 24, foreign: 15 }),
};
const invalid = {
  'api-token': '',
  timeout: '90',
  'recipient-account-id': 'emea-prod',
};
const OTHER_PICTURES: Readonly<Record<string, Given>> = {
  'terminal-error': scenario('terminal-error'),
  'invalid-inputs': {
    ...scenario('associate'),
    inputs: { ...scenario('associate').inputs, ...invalid },
  },
  timeout: scenario('timeout'),
  remove: scenario('remove'),
  cancel: scenario('cancelled'),
};

/** Runs the bundle and returns the HTML that it wrote for the job summary. */
async function summaryOf({
  api,
  inputs,
  cancelAfterMs,
  event,
}: Given): Promise<string> {
  let records = 0;
  const shares = createSharesApi({
    ...api,
    newId: () => idOf(100_000 + records++),
    now: Date.now,
  });
  const server = await startServer(shares, { latencyMs: 40 });
  try {
    const { summary } = await runAction({
      inputs: { ...inputs, 'api-url': server.url },
      env: {
        ...(event
          ? { GITHUB_EVENT_NAME: event }
          : {
              GITHUB_EVENT_NAME: 'release',
              GITHUB_REF_NAME: 'v2.4.0',
              GITHUB_REF_TYPE: 'tag',
            }),
        GITHUB_ACTION_REPOSITORY: SLUG,
        GITHUB_ACTION_REF: 'v1',
      },
      ...(cancelAfterMs === undefined
        ? {}
        : { signalAfter: { ms: cancelAfterMs } }),
    });
    if (!summary.trim()) throw new Error('the action wrote no summary');
    return summary;
  } finally {
    await server.close();
  }
}

/**
 * A page like the box of a job summary; the script reports the height that the
 * picture needs.
 */
function page(summary: string, theme: (typeof THEMES)[number]): string {
  const css = fileURLToPath(
    theme === 'light'
      ? import.meta.resolve('github-markdown-css/github-markdown-light.css')
      : import.meta.resolve('github-markdown-css/github-markdown-dark.css'),
  );
  const [canvas, border] =
    theme === 'light' ? ['#ffffff', '#d1d9e0'] : ['#0d1117', '#3d444d'];
  return `<!doctype html><meta charset="utf-8"><style>${readFileSync(css, 'utf8')}
    body { margin: 0; padding: 16px; background: ${canvas}; }
    article { padding: 24px; border: 1px solid ${border}; border-radius: 6px; }
    .markdown-body { font-family: "Noto Sans", "Liberation Sans", Arial, "Noto Color Emoji", sans-serif; }
  </style><body><article class="markdown-body">${summary}</article>
  <script>document.title = 'height ' + Math.ceil(document.body.getBoundingClientRect().height)</script></body>`;
}

function findBrowser(): string {
  const found = BROWSERS.find(
    (name) => name && spawnSync(name, ['--version']).status === 0,
  );
  if (found) return found;
  throw new Error(
    'Chromium is needed to take the pictures. Install it (Debian, Ubuntu: sudo apt-get install chromium; ' +
      'macOS: brew install --cask chromium), or name the program in the variable CHROMIUM.',
  );
}

/** Takes a picture of a page, after Chromium has reported its height. */
function photograph(
  browser: string,
  html: string,
  png: string,
  folder: string,
  widthPx: number,
): void {
  const run = (...args: string[]): string =>
    execFileSync(
      browser,
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--hide-scrollbars',
        '--force-device-scale-factor=1.5',
        `--user-data-dir=${join(folder, 'profile')}`,
        ...args,
        pathToFileURL(html).href,
      ],
      {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
        timeout: 60_000,
      },
    );
  const height = /<title>height (\d+)<\/title>/.exec(
    run(`--window-size=${widthPx},800`, '--dump-dom'),
  )?.[1];
  if (!height) throw new Error(`Chromium did not show ${html}`);
  const heightPx = Math.min(Number(height), MAX_HEIGHT_PX);
  run(`--window-size=${widthPx},${heightPx}`, `--screenshot=${png}`);
  spawnSync(COMPRESSOR, [
    '--force',
    '--skip-if-larger',
    '--output',
    png,
    '64',
    png,
  ]);
}

async function main(): Promise<void> {
  const browser = findBrowser();
  const folder = mkdtempSync(join(tmpdir(), 'share-recipient-pictures-'));
  const scratch = join(folder, 'scratch');
  mkdirSync(scratch);
  mkdirSync(DOCS_FOLDER, { recursive: true });
  for (const [name, given] of Object.entries({
    ...PICTURES,
    ...OTHER_PICTURES,
  })) {
    const summary = await summaryOf(given);
    const target = join(name in PICTURES ? DOCS_FOLDER : folder, name);
    for (const theme of THEMES) {
      const html = join(scratch, `${name}-${theme}.html`);
      writeFileSync(html, page(summary, theme));
      photograph(browser, html, `${target}-${theme}.png`, scratch, WIDTH_PX);
      const narrow = join(folder, `${name}-${theme}-narrow.png`);
      photograph(browser, html, narrow, scratch, NARROW_PX);
    }
    process.stdout.write(`${target}-{light,dark}.png\n`);
  }
  rmSync(scratch, { recursive: true });
  process.stdout.write(`${folder}/*-narrow.png\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
