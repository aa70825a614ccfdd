/**
 * Breaks the code on purpose where a promise lives, one break at a time, and shows that the tests notice.
 *
 *   npm run mutation                  all
 *   npm run mutation -- --only page   those with the word in their name
 *
 * Exits with 1 when a break goes unnoticed, or when a patch no longer fits the code.
 */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** In the same process, so that no bundle has to be built. */
const TESTS = ['model', 'cloudflare', 'report', 'inputs', 'plan', 'progress', 'rows', 'settle'];
const MODEL_RUNS = 800;
const LONGEST_MS = 120_000;

interface Mutant {
  readonly name: string;
  readonly file: string;
  /** Must be in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

const MUTANTS: readonly Mutant[] = [
  {
    name: 'a POST without an answer is retried blindly',
    file: 'src/cloudflare/http.ts',
    find: "error.why === 'rate-limit' && error.retryable",
    replace: 'error.retryable',
  },
  {
    name: 'the reply to the POST counts as settled',
    file: 'src/progress.ts',
    find: "begin(p, p.wait ? 'associate' : 'accepted', nowMs, known)",
    replace: "begin(p, p.wait ? 'settled' : 'accepted', nowMs, known)",
  },
  {
    name: 'terminal errors are waited out',
    file: 'src/settle.ts',
    find: 'row.resources.filter((resource) => resource.terminal)',
    replace: 'row.resources.filter(() => false)',
  },
  {
    name: 'associated is enough, whatever the resources say',
    file: 'src/settle.ts',
    find: "row.status === 'associated' && row.resources.length === 0",
    replace: "row.status === 'associated'",
  },
  {
    name: 'a recipient that somebody removes is waited for',
    file: 'src/settle.ts',
    find: "if (row.status === 'disassociating' || row.status === 'disassociated') {",
    replace: "if (row.status === 'never') {",
  },
  {
    name: 'the second page of the list is dropped',
    file: 'src/cloudflare/shares.ts',
    find: 'if (!isPromised && !(mayFollow && hasNew)) return',
    replace: 'if (page === 1 || !isPromised) return',
  },
  {
    name: 'pages that do not fit together are believed',
    file: 'src/cloudflare/shares.ts',
    find: 'if (isPromised && !hasNew) throw incomplete(request, rows.size, counted);',
    replace: 'if (isPromised && !hasNew) return [...rows.values()];',
  },
  {
    name: 'a POST names no target',
    file: 'src/cloudflare/shares.ts',
    find: "target.type === 'account' ? { recipient_account_id: target.id } : { organization_id: target.id };",
    replace: '{} as WireTarget;',
  },
  {
    name: 'an id from an answer may be anything',
    file: 'src/cloudflare/shares.ts',
    find: 'if (!isId(id)) throw',
    replace: 'if (id === undefined) throw',
  },
  {
    name: 'the list is asked without resources',
    file: 'src/cloudflare/shares.ts',
    find: '?include_resources=true&page=',
    replace: '?page=',
  },
  {
    name: 'one recipient is asked without resources',
    file: 'src/cloudflare/shares.ts',
    find: '{id}?include_resources=true',
    replace: '{id}',
  },
  {
    name: 'the timeout of the step is forgotten',
    file: 'src/main.ts',
    find: 'const endMs = startMs + inputs.timeoutMs;',
    replace: 'const endMs = startMs + 2 * inputs.timeoutMs;',
  },
  {
    name: 'the deadline of a request is forgotten',
    file: 'src/cloudflare/http.ts',
    find: 'Math.min(REQUEST_DEADLINE_MS, leftMs)',
    replace: 'leftMs',
  },
  {
    name: 'a cancel does not reach a hanging request',
    file: 'src/cloudflare/http.ts',
    find: "method === 'GET' ? reads : grace.signal",
    replace: 'new AbortController().signal',
  },
  {
    name: 'rows of the past are adopted',
    file: 'src/rows.ts',
    find: "return status !== 'disassociating' && status !== 'disassociated';",
    replace: "return status !== 'disassociating';",
  },
  {
    name: 'a row on its way out is not waited for',
    file: 'src/plan.ts',
    find: "return leaving ? { ...start, step: 'clear', id: leaving.id, row: leaving } : start;",
    replace: 'return start;',
  },
  {
    name: 'every live row is deleted',
    file: 'src/plan.ts',
    find: 'removals(start, own, nowMs);\n  if (due',
    replace: 'removals(start, rows, nowMs);\n  if (due',
  },
  {
    name: 'a removal counts as done when it is accepted',
    file: 'src/settle.ts',
    find: "row === null || row.status === 'disassociated'",
    replace: "row === null || row.status.startsWith('disassociat')",
  },
  {
    name: 'a new row may not be missing from answers',
    file: 'src/progress.ts',
    find: 'MISSING_TOLERATED_MS = 30_000',
    replace: 'MISSING_TOLERATED_MS = 0',
  },
  {
    name: 'an unanswered write is sent again at once',
    file: 'src/progress.ts',
    find: 'UNSURE_MS = LAG_MS',
    replace: 'UNSURE_MS = 0',
  },
  {
    name: 'a write that a 5xx answered counts as not carried out',
    file: 'src/cloudflare/http.ts',
    find: 'ambiguous: !final',
    replace: 'ambiguous: false',
  },
  {
    name: "a row that turns up after a lost reply counts as somebody else's",
    file: 'src/progress.ts',
    find: 'maybeWritten: true,',
    replace: 'maybeWritten: false,',
  },
  {
    name: 'a row that an answer does not show is forgotten',
    file: 'src/rows.ts',
    find: 'if (askedMs - missedMs >= LAG_MS)',
    replace: 'if (missedMs <= askedMs)',
  },
  {
    name: 'an answer that lags brings a row back',
    file: 'src/rows.ts',
    find: 'if (isPast(row, known, askedMs)) continue;',
    replace: '',
  },
  {
    name: 'a success is not looked at again',
    file: 'src/progress.ts',
    find: "if (p.want === 'present') return row ? lookedAt(p, row, look) : lookedInVain(p, look);",
    replace: "if (p.want === 'present') return p;",
  },
  {
    name: 'a success whose row is gone stays one',
    file: 'src/progress.ts',
    find: "if (p.want === 'present') return row ? lookedAt(p, row, look) : lookedInVain(p, look);",
    replace: "if (p.want === 'present') return row ? lookedAt(p, row, look) : p;",
  },
  {
    name: 'a row that was removed and is there again is left',
    file: 'src/progress.ts',
    find: "return row && isLive(row) && p.step === 'settled' ? begin(p, 'remove', nowMs, { row }) : p;",
    replace: 'return p;',
  },
  {
    name: 'a removal is not confirmed by the list',
    file: 'src/wait.ts',
    find: "const isOver = only.want === 'absent' && (!row || row.status === 'disassociated');",
    replace: 'const isOver = false;',
  },
  {
    name: 'a row that a DELETE does not know is gone at once',
    file: 'src/progress.ts',
    find: 'const GONE_MS = 3 * LAG_MS;',
    replace: 'const GONE_MS = 0;',
  },
  {
    name: 'the first new row is taken for that of the organization',
    file: 'src/progress.ts',
    find: 'if (!isLate) return p;\n  const fresh',
    replace: 'const fresh',
  },
  {
    name: 'the row of a member is taken for that of the organization',
    file: 'src/plan.ts',
    find: 'own.some((row) => isDoubtful(start.target, row)) ? [] : removals',
    replace: 'removals',
  },
  {
    name: 'the row of a member that turns up is removed with the organization',
    file: 'src/plan.ts',
    find: ' && !isDoubtful(target, row)',
    replace: '',
  },
  {
    name: 'a removal that was accepted is sent again for a lagging read',
    file: 'src/progress.ts',
    find: "isLive(row) && p.step === 'settled' ? ",
    replace: 'isLive(row) ? ',
  },
  {
    name: "a leaving row of somebody else's is taken for ours at once",
    file: 'src/progress.ts',
    find: 'isLate && !before.has(row.id)',
    replace: '!before.has(row.id)',
  },
  {
    name: 'a POST that the rate limit held back goes by an old look',
    file: 'src/cloudflare/http.ts',
    find: "if (method === 'POST' && pace.blockedUntilMs > sinceMs",
    replace: "if (method === 'POST' && sinceMs < 0",
  },
  {
    name: 'a write that the timeout cut short counts as not carried out',
    file: 'src/cloudflare/http.ts',
    find: 'clock.now() >= untilMs && isRead(error.request);',
    replace: 'clock.now() >= untilMs;',
  },
  {
    name: 'nobody looks shortly before the timeout',
    file: 'src/wait.ts',
    find: 'if (pauseMs > lastMs && lastMs > 2 * SHORTEST_LOOK_MS) return lastMs;',
    replace: '',
  },
  {
    name: 'a full page is the last where the server counts so',
    file: 'src/cloudflare/shares.ts',
    find: 'const mayFollow = isFull && count !== rows.size;',
    replace: "const mayFollow = isFull && typeof count !== 'number';",
  },
  {
    name: 'a success without a usable result is sent again',
    file: 'src/cloudflare/shares.ts',
    find: 'retryable: isRead(request),',
    replace: 'retryable: true,',
  },
  {
    name: 'a cancel may be a success',
    file: 'src/main.ts',
    find: 'const isCancelled = cancel.aborted;',
    replace: 'const isCancelled = false;',
  },
  {
    name: 'a proxy that cannot be used is gone past',
    file: 'src/inputs.ts',
    find: "|| isProxy(env[name] ?? '')) return;",
    replace: '|| env[name]) return;',
  },
  {
    name: 'an account in capitals is another one',
    file: 'src/inputs.ts',
    find: 'id.toLowerCase() : id;',
    replace: 'id : id;',
  },
  {
    name: 'the younger of two rows is used',
    file: 'src/progress.ts',
    find: 'all.find((row) => row === current || isPublished(row))',
    replace: 'all.find((row) => row === current)',
  },
  {
    name: 'a row that turns up during a removal is left',
    file: 'src/wait.ts',
    find: 'if (judge === looked) for (const p of newcomers(all, look)) all.push(p);',
    replace: '',
  },
  {
    name: 'other writes go on after a 403',
    file: 'src/cloudflare/http.ts',
    find: "if (status === 401 || status === 403) return fail(request, said, { cause: 'credentials', status });",
    replace: '',
  },
  {
    name: 'a final answer is tried again',
    file: 'src/cloudflare/http.ts',
    find: 'if (status === 408 || status >= 500) {',
    replace: 'if (status >= 400) {',
  },
  {
    name: 'Retry-After is ignored',
    file: 'src/cloudflare/errors.ts',
    find: 'return Number(text) * 1000;',
    replace: 'return null;',
  },
  {
    name: 'Retry-After: 0 is a reason to hurry',
    file: 'src/cloudflare/http.ts',
    find: 'Math.max(asked, backoffMs(tries, random()))',
    replace: '(error.retryAfterMs ?? backoffMs(tries, random()))',
  },
  {
    name: 'a long message is kept whole',
    file: 'src/cloudflare/errors.ts',
    find: 'if (text.length <= max) return text;',
    replace: 'return text;',
  },
  {
    name: 'where two secrets overlap, a rest remains',
    file: 'src/report/text.ts',
    find: 'done = Math.max(done, to);',
    replace: 'done = to;',
  },
  {
    name: 'the reply to a DELETE counts as removed',
    file: 'src/progress.ts',
    find: "begin(p, p.wait ? 'disassociate' : 'accepted', nowMs, { ...known, row: left })",
    replace: "leaving(begin(p, 'disassociate', nowMs, { ...known, row: left }), nowMs)",
  },
  {
    name: 'secrets are not taken out',
    file: 'src/report/text.ts',
    find: 'if (!any.test(text)) return text;',
    replace: 'return text;',
  },
  {
    name: 'secrets are not masked',
    file: 'src/report/report.ts',
    find: 'for (const secret of secrets) out.mask(secret);',
    replace: '',
  },
  {
    name: 'a line may begin with ::',
    file: 'src/report/text.ts',
    find: ".replace(/^(\\s*):(?=:)/, '$1: ')",
    replace: '',
  },
  {
    name: 'a line may hold ##[',
    file: 'src/report/text.ts',
    find: ".replace(/#(?=#\\[)/g, '# ')",
    replace: '',
  },
  {
    name: 'a message may have several lines',
    file: 'src/report/text.ts',
    find: ".replace(INVISIBLE, ' ')",
    replace: '',
  },
  {
    name: 'text in the summary is markup',
    file: 'src/report/text.ts',
    find: "/[!-'*+/:-@[-^`{-~]/g",
    replace: '/(?!)/g',
  },
  {
    name: 'a dry run writes',
    file: 'src/main.ts',
    find: 'if (inputs.dryRun) all =',
    replace: 'if (inputs.targets.length === 0) all =',
  },
  {
    name: 'the outputs of the end are not set',
    file: 'src/report/report.ts',
    find: 'const failed = setOutputs(result.all);',
    replace: 'const failed = null;',
  },
  {
    name: 'a failed target does not fail the step',
    file: 'src/main.ts',
    find: "all.every((p) => p.step !== 'failed' && ",
    replace: 'all.every((p) => true || ',
  },
];

function copy(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mutation-'));
  const left = new Set(['.git', '.build', 'node_modules', 'dist', 'e2e', 'coverage']);
  cpSync(ROOT, folder, { recursive: true, filter: (path) => !left.has(basename(path)) });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** Resolves with what the tests printed when they failed, null when they passed. */
function test(folder: string): Promise<string | null> {
  const names = TESTS.flatMap((name) => [name, `${name}.test.ts`]);
  const paths = names.map((name) => join('__tests__', name)).filter((path) => existsSync(join(folder, path)));
  const arguments_ = ['node_modules/vitest/vitest.mjs', 'run', '--bail=1', '--reporter=dot', ...paths];
  const env = { ...process.env, MODEL_RUNS: String(MODEL_RUNS), NO_COLOR: '1' };
  const child = spawn(process.execPath, arguments_, { cwd: folder, env, timeout: LONGEST_MS });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk));
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => resolve(code === 0 ? null : output || 'killed'));
  });
}

/** The first words of the failure, for the one line that is printed. */
function reason(output: string): string {
  const [, test = ''] = /FAIL {2}(?:__tests__\/)?(.*)/.exec(output) ?? [];
  const [, why = ''] = /^[+] *(?:"- |- )(.*)/m.exec(output) ?? [];
  return [test, why].filter(Boolean).join(': ').slice(0, 160);
}

async function judge({ name, file, find, replace }: Mutant, folder: string): Promise<boolean> {
  const path = join(folder, file);
  const text = readFileSync(path, 'utf8');
  const count = text.split(find).length - 1;
  if (count !== 1) {
    console.log(`UNFIT     ${name}: ${file} has ${count} times ${JSON.stringify(find)}`);
    return false;
  }
  writeFileSync(
    path,
    text.replace(find, () => replace),
  );
  const output = await test(folder);
  writeFileSync(path, text);
  console.log(output === null ? `SURVIVED  ${name}` : `caught    ${name} (${reason(output)})`);
  return output !== null;
}

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } });
const startMs = performance.now();
const due = MUTANTS.filter(({ name }) => name.includes(values.only));
const all = due.length;
const folders = Array.from({ length: Math.min(all, availableParallelism()) }, copy);
try {
  const broken = await test(folders[0] ?? ROOT);
  if (broken) throw new Error(`the tests fail before anything is broken:\n${broken}`);
  let caught = 0;
  const worker = async (folder: string) => {
    for (let mutant = due.shift(); mutant; mutant = due.shift()) if (await judge(mutant, folder)) caught++;
  };
  await Promise.all(folders.map(worker));
  const seconds = Math.round((performance.now() - startMs) / 1000);
  console.log(`${caught} of ${all} mutants caught, ${seconds} s`);
  if (caught < all) process.exitCode = 1;
} finally {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}
