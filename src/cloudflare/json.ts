/* Reads values of unknown type from a response. Nothing here throws. */

/** @returns the object, or null where the text is not a JSON object */
export function parseObject(text: string): Record<string, unknown> | null {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return null;
  }
}

/** @returns the value if it is an object and no array, otherwise null */
export function asObject(value: unknown): Record<string, unknown> | null {
  const isObject =
    typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as Record<string, unknown>) : null;
}

/** @returns the value if it is a string, otherwise an empty one */
export function toText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
