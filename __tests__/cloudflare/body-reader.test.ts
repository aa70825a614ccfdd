import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BodyReader, type TakeItem } from '../../src/cloudflare/body-reader.ts';

/** Reads a text, or its bytes, in pieces of this size. */
function read(
  body: string | Uint8Array,
  size = 7,
  takeItem: TakeItem | null = null,
) {
  const reader = new BodyReader(takeItem);
  const bytes = Buffer.from(body);
  for (let at = 0; at < bytes.length; at += size)
    reader.write(bytes.subarray(at, at + size));
  return reader.end();
}

/** What the runtime makes of a text. */
function parsed(text: string): unknown {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

const size = fc.integer({ min: 1, max: 40 });
/** `{` and a property around it make an object of any JSON. */
const object = fc
  .tuple(fc.constantFrom('result', 'errors', '__proto__'), fc.json())
  .map(([key, json]) => `{"${key}":${json}}`);

describe('a body', () => {
  it.each([
    ['{"a":1}', { a: 1 }],
    ['{}', {}],
    [' {} \r\n', {}],
    ['\ufeff{"a":1}', { a: 1 }],
    ['{"a":1,"a":2}', { a: 2 }],
    ['[]', null],
    ['null', null],
    ['"x"', null],
    ['1', null],
    ['', null],
    ['{', null],
    ['{"a":1', null],
    ['{"a":1}{}', null],
    ['{"a":1}x', null],
    ['<html>', null],
  ])('%j is an object or nothing', (text, value) => {
    for (const pieces of [1, 100]) {
      expect(read(text, pieces).json).toEqual(value);
    }
  });

  it('is what the runtime parses, wherever it is cut', () => {
    fc.assert(
      fc.property(object, size, (text, pieces) => {
        expect(read(text, pieces).json).toEqual(parsed(text));
      }),
    );
  });

  it('is an object only where the runtime says so, with any byte changed', () => {
    const ascii = fc.constantFrom(...'{}[]",:0123456789-+eE.\\u tfn/x\n\u0001');
    fc.assert(
      fc.property(object, size, fc.nat(), ascii, (text, pieces, n, other) => {
        const at = n % text.length;
        const bytes = Buffer.from(text);
        bytes[at] = other.charCodeAt(0);
        fc.pre(isUtf8(bytes));
        const changed = bytes.toString();
        expect(read(bytes, pieces).json).toEqual(parsed(changed));
      }),
    );
  });

  it('is no JSON where it is no UTF-8', () => {
    const bytes = Buffer.from('{"a":"ü"}', 'latin1');
    expect(read(bytes)).toEqual({ json: null, text: '{"a":"\ufffd"}' });
  });

  it('is shown as text up to 16 KiB', () => {
    const text = 'x'.repeat(16 * 1024);
    expect(read(text, 1_000).text).toBe(text);
    expect(read(`${text}y`, 1_000).text).toBe(text);
  });
});

describe('an element of `result`', () => {
  it('is taken in its order, and not kept', () => {
    const taken: unknown[] = [];
    const takeItem: TakeItem = (item) => taken.push(item);
    const result = [{ a: [1] }, 5, null, [{}]];
    const body = { errors: [1], result, x: { result: [2] } };
    expect(read(JSON.stringify(body), 3, takeItem).json).toEqual({
      ...body,
      result: [],
    });
    expect(taken).toEqual(result);
  });

  it.each([[{ a: 1 }], ['x'], [null], [{ result: [1] }]])(
    'is there only where it is a list: %j',
    (result) => {
      const taken: unknown[] = [];
      const { json } = read(JSON.stringify({ result }), 3, (item) =>
        taken.push(item),
      );
      expect([json, taken]).toEqual([{ result }, []]);
    },
  );

  it('is taken before the body is complete', () => {
    const taken: unknown[] = [];
    const reader = new BodyReader((item) => taken.push(item));
    reader.write(Buffer.from('{"result":[{"id":1},{"id":2},{"id'));
    expect(taken).toEqual([{ id: 1 }, { id: 2 }]);
    expect(reader.end().json).toBeNull();
  });
});
