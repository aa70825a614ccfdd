/* Reads values of unknown type from a response. Nothing here throws. */

/** An object of a response; its members may be anything. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** @returns the value if it is an object and no array, otherwise null */
export function asObject(value: unknown): JsonObject | null {
  const isObject =
    typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as JsonObject) : null;
}

/** @returns the value if it is a string, otherwise an empty one */
export function toText(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
