import fc from 'fast-check';

const PARTS = [
  ...[
    '::',
    ':',
    '##[',
    '#',
    '[',
    ']',
    '##[error]',
    '::error::',
    'set-output name=x::',
  ],
  ...[
    '\n',
    '\r',
    ' ',
    '\t',
    '\u0085',
    '\u2028',
    '\u2029',
    '\ufeff',
    '\u200b',
    '\u202e',
    '\u001b[31m',
    '\u009b1m',
  ],
  ...['<', '&', '@', '`', '|', '"', '\ud800', '\udfff', 'error'],
];

/**
 * Also halves of characters. The unit `binary` of fast-check takes a second to
 * prepare.
 */
export const anyCharacter = fc
  .integer({ min: 0, max: 0x10ffff })
  .map((code) => String.fromCodePoint(code));

/** Text in which the characters that matter are frequent. */
export const hostileText = fc
  .array(
    fc.oneof(
      fc.constantFrom(...PARTS),
      fc.string({ maxLength: 3, unit: anyCharacter }),
    ),
    {
      maxLength: 20,
    },
  )
  .map((parts) => parts.join(''));
