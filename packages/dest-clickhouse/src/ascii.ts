/** Bytes that mean something in the texts of values. */
export const TAB = 0x09;
export const NEWLINE = 0x0a;
export const SPACE = 0x20;
export const QUOTE = 0x22;
export const PLUS = 0x2b;
export const COMMA = 0x2c;
export const MINUS = 0x2d;
export const POINT = 0x2e;
export const ZERO = 0x30;
export const COLON = 0x3a;
export const UPPER_E = 0x45;
export const UPPER_N = 0x4e;
export const UPPER_T = 0x54;
export const UPPER_Z = 0x5a;
export const OPENING_BRACKET = 0x5b;
export const BACKSLASH = 0x5c;
export const CLOSING_BRACKET = 0x5d;
export const LOWER_E = 0x65;
export const LOWER_F = 0x66;
export const LOWER_T = 0x74;
export const LOWER_U = 0x75;

/** The byte at a place that is known to exist. */
export function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}

export function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** The number that `count` digits from `at` on say; -1 when one of them is no digit. */
export function digitsAt(bytes: Uint8Array, at: number, count: number): number {
  let number = 0;
  for (let index = at; index < at + count; index += 1) {
    const digit = byteAt(bytes, index) - ZERO;
    if (!(digit >= 0 && digit <= 9)) return -1;
    number = number * 10 + digit;
  }
  return number;
}
