/** Bytes that mean something in PostgreSQL's texts. */
export const TAB = 0x09;
export const NEWLINE = 0x0a;
export const SPACE = 0x20;
export const PLUS = 0x2b;
export const MINUS = 0x2d;
export const ZERO = 0x30;
export const NINE = 0x39;
export const BACKSLASH = 0x5c;
export const UPPER_N = 0x4e;
export const OPENING_BRACE = 0x7b;

/** The byte at a place that is known to exist. */
export function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}
