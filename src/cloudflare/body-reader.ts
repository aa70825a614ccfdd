import { JSONParser } from '@streamparser/json';
import { asObject, type JsonObject } from './json.ts';

/** What a response has in its body. */
export interface Body {
  /**
   * The body as a JSON object; null if it is not one, or not UTF-8 (RFC 8259,
   * section 8.1). Texts are without U+FEFF, which the parser leaves out.
   */
  readonly json: JsonObject | null;
  /**
   * The beginning of the body, for messages about what is not JSON; bytes that
   * are not UTF-8, or a character that is cut, are U+FFFD.
   */
  readonly text: string;
}

/**
 * Takes an element of the list `result` as soon as it is parsed; of each list,
 * where the key is there twice. Must not throw.
 */
export type TakeItem = (item: unknown) => void;

/** A title further down is no title of a page that a person would see. */
const MAX_TEXT_BYTES = 16_384;

/**
 * Parses a body while it comes in, because a list of 100,000 records would fill
 * the memory as text, and again as objects.
 */
export class BodyReader {
  readonly #parser = new JSONParser({ paths: ['$', '$.result.*'] });
  #start = Buffer.alloc(0);
  #value: unknown = null;
  #isJson = true;

  /**
   * @param takeItem null keeps the elements; what it takes is not kept
   */
  constructor(takeItem: TakeItem | null) {
    this.#parser.onValue = ({ value, parent }) => {
      if (parent === undefined) {
        this.#value = value;
      } else if (takeItem && Array.isArray(parent)) {
        takeItem(value);
        parent.pop();
      }
    };
    this.#parser.onError = () => {
      this.#isJson = false;
    };
  }

  /** Takes the next piece; pieces may begin and end anywhere. */
  write(piece: Uint8Array): void {
    if (this.#start.length < MAX_TEXT_BYTES) {
      const start = Buffer.concat([this.#start, piece]);
      this.#start = start.subarray(0, MAX_TEXT_BYTES);
    }
    this.#parser.write(piece);
  }

  /** Call it once, after the last piece. */
  end(): Body {
    const json = this.#isJson ? asObject(this.#value) : null;
    return { json, text: new TextDecoder().decode(this.#start) };
  }
}
