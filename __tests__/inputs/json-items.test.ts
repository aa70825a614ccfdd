import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isJson, jsonItems } from '../../src/inputs/json-items.ts';

describe('the items of JSON', () => {
  const entry = (source: string) => ({ key: null, source });
  const member = (key: string, source: string) => ({ key, source });

  it.each([
    ['[]', []],
    ['{ }', []],
    ['[1, "a,b" ,null]', [entry('1'), entry('"a,b"'), entry('null')]],
    ['{"a":1,"a":2}', [member('a', '1'), member('a', '2')]],
    ['{"2":"x","1":"y"}', [member('2', '"x"'), member('1', '"y"')]],
    ['{"\\u0061":1}', [member('a', '1')]],
    ['{"a\\"b,c:{":1}', [member('a"b,c:{', '1')]],
    [
      '{"a\\\\":[1,{"b":2}],"c":{}}',
      [member('a\\', '[1,{"b":2}]'), member('c', '{}')],
    ],
    ['[[],{},[[]]]', [entry('[]'), entry('{}'), entry('[[]]')]],
    ['{"__proto__":1,"":2}', [member('__proto__', '1'), member('', '2')]],
  ])('%s', (json, items) => {
    expect(jsonItems(json)).toEqual(items);
  });

  it('are those of JSON.parse, for any array', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.nat(2), (values, indent) => {
        const items = jsonItems(JSON.stringify(values, null, indent));
        expect(items.map(({ source }) => JSON.parse(source))).toEqual(
          JSON.parse(JSON.stringify(values)),
        );
      }),
    );
  });

  it('are the members in the order given, for any object', () => {
    const anyMember = fc.tuple(fc.string(), fc.jsonValue());
    fc.assert(
      fc.property(fc.array(anyMember), (members) => {
        const json = members.map(
          ([key, value]) => `${JSON.stringify(key)} : ${JSON.stringify(value)}`,
        );
        const items = jsonItems(`{${json.join(' , ')}}`);
        expect(
          items.map(({ key, source }) => [key, JSON.parse(source)]),
        ).toEqual(JSON.parse(JSON.stringify(members)));
      }),
    );
  });

  it('may be large and deep', () => {
    const text = JSON.stringify('\\"'.repeat(2_000_000));
    expect(jsonItems(`[${text}]`)).toEqual([{ key: null, source: text }]);
    const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
    expect(jsonItems(`[${deep}]`)).toEqual([{ key: null, source: deep }]);
  });

  it('are not read of invalid JSON', () => {
    expect(isJson('[1]')).toBe(true);
    expect(isJson('[1,]')).toBe(false);
  });
});
