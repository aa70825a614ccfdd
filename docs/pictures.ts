/*
 * `npm run docs:pictures`: runs the bundle against the simulator and takes pictures of the job summaries it
 * wrote, in GitHub's light and dark theme, with headless Chromium. docs/summary.png is for the README; the
 * others, for people to look at after a change of the summary, go to a folder whose name is printed.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createSharesApi } from '../simulator/api.ts';
import { runAction } from '../simulator/runner.ts';
import { findScenario, type Scenario } from '../simulator/scenarios.ts';
import { startServer } from '../simulator/server.ts';

/** As wide as GitHub shows a job summary on a common laptop. */
const WIDTH_PX = 940;
const THEMES = ['light', 'dark'] as const;
const README_PICTURE = fileURLToPath(new URL('summary.png', import.meta.url));
const BROWSERS = [process.env['CHROMIUM'] ?? '', 'chromium', 'chromium-browser', 'google-chrome'];

type Given = Pick<Scenario, 'api' | 'inputs' | 'cancelAfterMs'>;

function scenario(name: string): Given {
  const found = findScenario(name);
  if (!found) throw new Error(`simulator/scenarios.ts has no scenario ${name}`);
  return found;
}

/** Ids that look like Cloudflare's and are the same in every run. */
function idOf(n: number): string {
  let x = n + 1;
  const digits = Array.from({ length: 32 }, () => {
    x = (Math.imul(x, 1_664_525) + 1_013_904_223) >>> 0;
    return (x >>> 28).toString(16);
  });
  return digits.join('');
}

/** `count` accounts: most are added, every seventh has the share, and some fail in two different ways. */
function mixed(count: number): Given {
  const { api, inputs } = scenario('associate');
  const ids = Array.from({ length: count }, (_, index) => idOf(index));
  const [share] = api.shares ?? [];
  if (!share) throw new Error('the scenario associate has no share');
  const had = ids.filter((_, index) => index % 7 === 1);
  const lacking = ids.filter((_, index) => index % 20 === 2);
  const foreign = ids.filter((_, index) => index % 20 === 15);
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
        lacking.map((id) => [id, { associateMs: 'never', errors: [entitlement] }]),
      ),
      refuseAccounts: Object.fromEntries(
        foreign.map((id) => [
          id,
          { status: 400, code: 1017, message: 'Recipient is not in the organization of the share' },
        ]),
      ),
      shares: [{ ...share, recipients: had.map((accountId) => ({ accountId, status: 'associated' })) }],
    },
    inputs: { ...inputs, 'recipient-account-id': ids.join('\n') },
  };
}

const PICTURES: Readonly<Record<string, Given>> = {
  summary: mixed(3),
  success: scenario('associate'),
  'terminal-error': scenario('terminal-error'),
  timeout: scenario('timeout'),
  fleet: mixed(60),
  plan: scenario('plan'),
  cancel: scenario('cancelled'),
};

/** Runs the bundle, and gives the HTML that it wrote for the job summary. */
async function summaryOf({ api, inputs, cancelAfterMs }: Given): Promise<string> {
  let rows = 0;
  const shares = createSharesApi({ ...api, newId: () => idOf(100_000 + rows++), now: Date.now });
  const server = await startServer(shares, { latencyMs: 40 });
  try {
    const { summary } = await runAction({
      inputs: { ...inputs, 'api-url': server.url },
      env: { GITHUB_EVENT_NAME: 'release', GITHUB_REF_NAME: 'v2.4.0', GITHUB_REF_TYPE: 'tag' },
      ...(cancelAfterMs === undefined ? {} : { signalAfter: { ms: cancelAfterMs } }),
    });
    if (!summary.trim()) throw new Error('the action wrote no summary');
    return summary;
  } finally {
    await server.close();
  }
}

/** A page that looks like the box of a job summary; the script tells the height that the picture needs. */
function page(summary: string, theme: (typeof THEMES)[number]): string {
  const css = fileURLToPath(
    theme === 'light'
      ? import.meta.resolve('github-markdown-css/github-markdown-light.css')
      : import.meta.resolve('github-markdown-css/github-markdown-dark.css'),
  );
  const [canvas, border] = theme === 'light' ? ['#ffffff', '#d1d9e0'] : ['#0d1117', '#3d444d'];
  return `<!doctype html><meta charset="utf-8"><style>${readFileSync(css, 'utf8')}
    body { margin: 0; padding: 16px; background: ${canvas}; }
    article { padding: 24px; border: 1px solid ${border}; border-radius: 6px; }
    .markdown-body { font-family: "Noto Sans", "Liberation Sans", Arial, "Noto Color Emoji", sans-serif; }
  </style><body><article class="markdown-body">${summary}</article>
  <script>document.title = 'height ' + Math.ceil(document.body.getBoundingClientRect().height)</script></body>`;
}

function findBrowser(): string {
  const found = BROWSERS.find((name) => name && spawnSync(name, ['--version']).status === 0);
  if (found) return found;
  throw new Error(
    'Chromium is needed to take the pictures. Install it (Debian, Ubuntu: sudo apt-get install chromium; ' +
      'macOS: brew install --cask chromium), or name the program in the variable CHROMIUM.',
  );
}

/** Takes a picture of a whole page; Chromium is asked for its height first. */
function photograph(browser: string, html: string, png: string, folder: string): void {
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
        '--force-device-scale-factor=1.25',
        `--user-data-dir=${join(folder, 'profile')}`,
        ...args,
        pathToFileURL(html).href,
      ],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 60_000 },
    );
  const height = /<title>height (\d+)<\/title>/.exec(run(`--window-size=${WIDTH_PX},800`, '--dump-dom'))?.[1];
  if (!height) throw new Error(`Chromium did not show ${html}`);
  run(`--window-size=${WIDTH_PX},${height}`, `--screenshot=${png}`);
}

async function main(): Promise<void> {
  const browser = findBrowser();
  const folder = mkdtempSync(join(tmpdir(), 'share-recipient-pictures-'));
  const scratch = join(folder, 'scratch');
  mkdirSync(scratch);
  for (const [name, given] of Object.entries(PICTURES)) {
    const summary = await summaryOf(given);
    for (const theme of THEMES) {
      const html = join(scratch, `${name}-${theme}.html`);
      writeFileSync(html, page(summary, theme));
      photograph(browser, html, join(folder, `${name}-${theme}.png`), scratch);
    }
    process.stdout.write(`${join(folder, name)}-{light,dark}.png\n`);
  }
  rmSync(scratch, { recursive: true });
  copyFileSync(join(folder, 'summary-light.png'), README_PICTURE);
  process.stdout.write(`${README_PICTURE}\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
