/** Numbers into tables, and promises into checks. */
import { arch, cpus, loadavg, release, totalmem, type } from 'node:os';

/** A promise, and what was measured of it. */
export interface Limit {
  readonly what: string;
  readonly measured: number;
  readonly atMost: number;
  readonly unit: string;
  /** Counts are the same on every machine, so a run fails on them; times and memory are only told. */
  readonly kind: 'count' | 'time';
}

/** One part of the report. */
export interface Section {
  readonly title: string;
  /** Markdown. */
  readonly text: string;
  readonly limits: readonly Limit[];
}

/** The value that `share` (0 to 1) of the values do not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

/** The middle value; of an even number of values the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** A Markdown table; the first column is text, the others are numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, index) => (index === 0 ? '---' : '---:'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}

/** A number for a table; a dash where there is none. */
export function shown(value: number | null, digits = 0, unit = ''): string {
  if (value === null || Number.isNaN(value)) return '–';
  const text = value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return unit ? `${text} ${unit}` : text;
}

export const isMet = ({ measured, atMost }: Limit): boolean => measured <= atMost;

/** Every promise with its figure. */
export function limitsTable(limits: readonly Limit[]): string {
  const digits = ({ kind, atMost }: Limit) => (kind === 'count' ? 0 : atMost < 5 ? 2 : 1);
  return table(
    ['promise', 'measured', 'at most', 'met', 'decides'],
    limits.map((limit) => [
      limit.what,
      shown(limit.measured, digits(limit), limit.unit),
      shown(limit.atMost, digits(limit), limit.unit),
      isMet(limit) ? 'yes' : '**no**',
      limit.kind === 'count' ? 'yes' : 'no',
    ]),
  );
}

/** What the figures were measured on, in one line; the ratios of a busy machine are worse than those of an idle one. */
export function machine(): string {
  const [cpu] = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${cpu?.model.trim() ?? 'unknown processor'} × ${cpus().length}, ${memory}, ${type()} ${release()} ${arch()}, Node ${process.version}, load ${shown(loadavg()[0] ?? null, 1)}`;
}
