import fc from 'fast-check';

const SURROGATES = 0xd800;

/** Any character, NUL included. fast-check's own unit `binary` counts all of them first, which takes a second. */
export const anyCharacter = fc
  .integer({ min: 0, max: 0x10f7ff })
  .map((index) => String.fromCodePoint(index < SURROGATES ? index : index + 0x800));
