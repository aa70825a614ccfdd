/** One response for a whole list, or one page of it. */
import type { SharesApiOptions } from './options.ts';
import { type ApiResponse, reject, success } from './protocol.ts';

const DEFAULT_SIZE = 20;
const LARGEST_SIZE = 100;

function isBetween(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && least <= value && value <= most;
}

/**
 * Published: `page` and `per_page` may both be left out for a response without
 * pages. `pageSize` is a server that divides the list all the same.
 */
export function listed(
  all: unknown[],
  query: URLSearchParams,
  { pageSize, totalCount = all.length }: SharesApiOptions,
): ApiResponse {
  const isWhole = !pageSize && !query.has('page') && !query.has('per_page');
  if (isWhole) return success(all);

  const page = Number(query.get('page') ?? 1);
  const asked = Number(query.get('per_page') ?? DEFAULT_SIZE);
  if (!isBetween(page, 1, Number.POSITIVE_INFINITY)) return reject('paging');
  if (!isBetween(asked, 1, LARGEST_SIZE)) return reject('paging');

  const size = query.has('per_page') ? asked : (pageSize ?? asked);

  const part = all.slice((page - 1) * size, page * size);
  return success(part, 200, {
    count: part.length,
    page,
    per_page: size,
    total_count: totalCount,
    total_pages: Math.ceil(totalCount / size),
  });
}
