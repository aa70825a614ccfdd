/** One element of a JSON array, or one member of a JSON object. */
export interface JsonItem {
  /** The name of a member, decoded; null for an element. */
  readonly key: string | null;
  /** The value as it is written. */
  readonly source: string;
}

/** A character that structures a document, and where it is. */
interface Mark {
  readonly character: string;
  readonly index: number;
}

/** An escaped character of a text, or one that may structure the document. */
const TOKEN = /\\.|["{}[\]:,]/g;

export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * The items at the top level of a JSON array or object, in the order given.
 * `JSON.parse` keeps only the last of two members with one name, and moves
 * names that are numbers to the front.
 * @param json a valid JSON array or object
 */
export function jsonItems(json: string): JsonItem[] {
  const items: JsonItem[] = [];
  let depth = 0;
  let start = 0;
  let key: string | null = null;
  for (const { character, index } of marksIn(json)) {
    const depthBefore = depth;
    depth += depthChange(character);

    if (depthBefore === 0) start = index + 1;
    if (depthBefore === 1 && character === ':') {
      key = JSON.parse(json.slice(start, index)) as string;
      start = index + 1;
    }
    if (depth === 0 || (depthBefore === 1 && character === ',')) {
      items.push({ key, source: json.slice(start, index).trim() });
      start = index + 1;
      key = null;
    }
  }
  // An empty array or object leaves one item without a source.
  return items.filter(({ source }) => source !== '');
}

/**
 * The brackets, colons and commas outside of texts. A pattern for a whole text
 * overflows the stack where the text is long.
 */
function* marksIn(json: string): Generator<Mark> {
  let isInText = false;
  for (const { 0: token, index } of json.matchAll(TOKEN)) {
    if (token === '"') isInText = !isInText;
    else if (!isInText) yield { character: token, index };
  }
}

function depthChange(character: string): number {
  if (character === '{' || character === '[') return 1;
  return character === '}' || character === ']' ? -1 : 0;
}
