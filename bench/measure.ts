/** Numbers into tables, and promises into checks. */
import { arch, cpus, loadavg, release, totalmem, type } from 'node:os';

/** A promise, and what was measured of it. */
export interface Promised {
  readonly what: string;
  readonly measured: number;
  readonly atMost: number;
  readonly unit: string;
  /**
   * Only counts decide the exit code: they are the same on every machine. Times
   * and memory are reported.
   */
  readonly isCount: boolean;
}

/** One part of the report; `text` is Markdown. */
export interface Section {
  readonly title: string;
  readonly text: string;
  readonly promises: readonly Promised[];
}

export function countPromise(
  what: string,
  measured: number,
  atMost: number,
): Promised {
  return { what, measured, atMost, unit: '', isCount: true };
}

export function reportPromise(
  what: string,
  measured: number,
  atMost: number,
  unit: string,
): Promised {
  return { what, measured, atMost, unit, isCount: false };
}

/** The value that a part (0 to 1) of the values do not exceed. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (
    sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ??
    Number.NaN
  );
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** A Markdown table; the first column is text, the others are numbers. */
export function table(
  head: readonly string[],
  records: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, index) => (index === 0 ? '---' : '---:'));
  return [head, rule, ...records].map(line).join('\n');
}

/** A number for a table; a dash where there is none. */
export function format(value: number | null, digits = 0, unit = ''): string {
  if (value === null || Number.isNaN(value)) return '–';
  const text = value.toLocaleString('en', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return unit ? `${text} ${unit}` : text;
}

export function isKept({ measured, atMost }: Promised): boolean {
  return measured <= atMost;
}

export function promisesTable(promises: readonly Promised[]): string {
  const records = promises.map((promise) => {
    const { what, measured, atMost, unit, isCount } = promise;
    const digits = isCount ? 0 : atMost < 5 ? 2 : 1;
    const figures = [
      format(measured, digits, unit),
      format(atMost, digits, unit),
    ];
    return [
      what,
      ...figures,
      isKept(promise) ? 'yes' : '**no**',
      isCount ? 'yes' : 'no',
    ];
  });
  return table(['promise', 'measured', 'at most', 'kept', 'decides'], records);
}

/** What the figures were measured on, in one line. */
export function machine(): string {
  const [cpu] = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const load = format(loadavg()[0] ?? null, 1);
  const system = `${type()} ${release()} ${arch()}`;
  return `${cpu?.model.trim()} × ${cpus().length}, ${memory}, ${system}, Node ${process.version}, load ${load}`;
}
