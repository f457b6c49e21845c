import { BACKSLASH, LOWER_U, QUOTE, SPACE, ZERO } from './ascii.ts';
import { ValueError } from './value-error.ts';
import { isLong, type WireBuffer } from './wire-buffer.ts';

/** For each ASCII character: 0 where it stands for itself, else what follows the backslash. */
export const ESCAPE = new Uint8Array(128);
ESCAPE.fill(LOWER_U, 0, 0x20);
for (const pair of ['\bb', '\tt', '\nn', '\ff', '\rr', '""', '\\\\']) ESCAPE[pair.charCodeAt(0)] = pair.charCodeAt(1);

/** Writes text as a JSON string, the same bytes as `JSON.stringify`. */
export function writeJsonText(text: string, out: WireBuffer): void {
  if (isLong(text)) return writeLongText(text, out);
  const count = text.length;
  out.reserve(count * 6 + 2);
  const { bytes } = out;
  let at = out.length;
  bytes[at] = QUOTE;
  at += 1;
  for (let index = 0; index < count; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x80) {
      const escape = ESCAPE[code];
      if (escape === 0) {
        bytes[at] = code;
        at += 1;
      } else {
        at = putEscape(bytes, at, code, escape as number);
      }
    } else if (code < 0x8_00) {
      bytes[at] = 0xc0 | (code >> 6);
      bytes[at + 1] = 0x80 | (code & 0x3f);
      at += 2;
    } else if (code < 0xd8_00 || code > 0xdf_ff) {
      bytes[at] = 0xe0 | (code >> 12);
      bytes[at + 1] = 0x80 | ((code >> 6) & 0x3f);
      bytes[at + 2] = 0x80 | (code & 0x3f);
      at += 3;
    } else {
      index += 1;
      const low = index < count ? text.charCodeAt(index) : 0;
      if (code > 0xdb_ff || low < 0xdc_00 || low > 0xdf_ff) throw notUnicode();
      const point = 0x1_00_00 + ((code - 0xd8_00) << 10) + (low - 0xdc_00);
      bytes[at] = 0xf0 | (point >> 18);
      bytes[at + 1] = 0x80 | ((point >> 12) & 0x3f);
      bytes[at + 2] = 0x80 | ((point >> 6) & 0x3f);
      bytes[at + 3] = 0x80 | (point & 0x3f);
      at += 4;
    }
  }
  bytes[at] = QUOTE;
  out.length = at + 1;
}

function writeLongText(text: string, out: WireBuffer): void {
  const start = out.length;
  out.writeByte(QUOTE);
  out.writeUtf8(text);
  const { bytes, length } = out;
  // What is not well-formed was replaced, by three bytes where one stood.
  if (length - start - 1 !== text.length && !text.isWellFormed()) throw notUnicode();
  for (let at = start + 1; at < length; at += 1) {
    const byte = bytes[at] as number;
    if (byte < SPACE || byte === QUOTE || byte === BACKSLASH) {
      out.length = start;
      out.writeUtf8(JSON.stringify(text));
      return;
    }
  }
  out.writeByte(QUOTE);
}

/** Writes a character that JSON escapes, and returns the place behind it. Six bytes at most. */
export function putEscape(bytes: Uint8Array, at: number, code: number, escape: number): number {
  bytes[at] = BACKSLASH;
  bytes[at + 1] = escape;
  if (escape !== LOWER_U) return at + 2;
  bytes[at + 2] = ZERO;
  bytes[at + 3] = ZERO;
  bytes[at + 4] = ZERO + (code >> 4);
  bytes[at + 5] = (code & 15) < 10 ? ZERO + (code & 15) : 0x57 + (code & 15);
  return at + 6;
}

export function notUnicode(): ValueError {
  return new ValueError('text that is not valid Unicode');
}
