import { isUtf8 } from 'node:buffer';
import type { ValueSpec } from '@etl/core';
import { BACKSLASH, byteAt, LOWER_F, LOWER_T, QUOTE } from './ascii.ts';
import { arrayItems } from './array-text.ts';
import { encoderFor } from './encode-value.ts';
import { ESCAPE, notUnicode, putEscape } from './json-text.ts';
import { scalarText, type ScalarText } from './scalar-text.ts';
import { ValueError } from './value-error.ts';
import type { WireBuffer } from './wire-buffer.ts';

/** Writes the field that stands from `start` to `end`, which is not NULL; see `TextBatch` for its form. */
export type EncodeText = (bytes: Uint8Array, start: number, end: number, out: WireBuffer) => void;

/** Makes the JSON of a column's text. What {@link encoderFor} refuses of a value is refused of its text. */
export function textEncoderFor(spec: ValueSpec): EncodeText {
  const text = scalarText(spec);
  if (text !== undefined) return scalarEncoder(text);
  switch (spec.type) {
    case 'boolean':
      return encodeBoolean;
    case 'string':
    case 'json':
      return encodeString;
    default:
      return composedEncoder(spec);
  }
}

/** The text of a field, its escapes undone. @throws {@link ValueError} when an escape is none. */
export function fieldText(bytes: Uint8Array, start: number, end: number): string {
  const field = bytes.subarray(start, end);
  if (!isUtf8(field)) throw notUnicode();
  const text = Buffer.from(field.buffer, field.byteOffset, field.length).toString('utf8');
  return text.includes('\\') ? text.replaceAll(/\\([\s\S]?)/g, (_, letter: string) => unescaped(letter)) : text;
}

function unescaped(letter: string): string {
  const code = letter === '' ? undefined : UNESCAPED[letter.charCodeAt(0)];
  if (code === undefined || code === 0) throw wrongEscape();
  return String.fromCharCode(code);
}

/** For each letter behind a backslash the character that it stands for; 0 where it stands for none. */
export const UNESCAPED = new Uint8Array(256);
for (const pair of ['b\b', 't\t', 'n\n', 'v\v', 'f\f', 'r\r', '\\\\'])
  UNESCAPED[pair.charCodeAt(0)] = pair.charCodeAt(1);

function wrongEscape(): ValueError {
  return new ValueError('a backslash that escapes nothing');
}

function scalarEncoder({ settle, isQuoted }: ScalarText): EncodeText {
  return (bytes, from, end, out) => {
    out.reserve(end - from + 2);
    if (isQuoted) out.writeByte(QUOTE);
    const start = out.length;
    const to = out.bytes;
    let at = start;
    for (let index = from; index < end; index += 1) {
      to[at] = byteAt(bytes, index);
      at += 1;
    }
    out.length = at;
    settle(out, start);
    if (isQuoted) out.writeByte(QUOTE);
  };
}

const encodeBoolean: EncodeText = (bytes, start, end, out) => {
  const letter = end - start === 1 ? byteAt(bytes, start) : 0;
  if (letter === LOWER_T) out.writeShort('true');
  else if (letter === LOWER_F) out.writeShort('false');
  else throw new ValueError('text that is not a boolean');
};

/** Room is made for so many bytes at a time, because each of them could become six. */
const STEP = 8192;

const encodeString: EncodeText = (bytes, start, end, out) => {
  out.writeByte(QUOTE);
  let isAscii = true;
  for (let index = start; index < end;) {
    const stop = Math.min(end, index + STEP);
    // An escape may reach one byte beyond the step.
    out.reserve((stop - index) * 6 + 6);
    const to = out.bytes;
    let at = out.length;
    for (; index < stop; index += 1) {
      const byte = byteAt(bytes, index);
      if (byte > 0x7f) {
        isAscii = false;
        to[at] = byte;
        at += 1;
      } else if (ESCAPE[byte] === 0) {
        to[at] = byte;
        at += 1;
      } else if (byte === BACKSLASH) {
        index += 1;
        const code = index < end ? (UNESCAPED[byteAt(bytes, index)] as number) : 0;
        if (code === 0) throw wrongEscape();
        at = putEscape(to, at, code, ESCAPE[code] as number);
      } else {
        at = putEscape(to, at, byte, ESCAPE[byte] as number);
      }
    }
    out.length = at;
  }
  if (!isAscii && !isUtf8(bytes.subarray(start, end))) throw notUnicode();
  out.writeByte(QUOTE);
};

function composedEncoder(spec: ValueSpec): EncodeText {
  const encode = encoderFor({ ...spec, nullable: false });
  const valueOf = spec.type === 'array' ? arrayOf(spec.items ?? { type: 'string', nullable: true }) : itemOf(spec);
  return (bytes, start, end, out) => {
    encode(valueOf(fieldText(bytes, start, end)), out);
  };
}

function arrayOf(items: ValueSpec): (text: string) => unknown {
  const valueOf = itemOf(items);
  return (text) => arrayItems(text).map((item) => (item === null ? null : valueOf(item)));
}

/** The value of a text, for the types whose values are not text. */
function itemOf(spec: ValueSpec): (text: string) => unknown {
  if (spec.type === 'binary') return bytesOf;
  if (spec.type === 'boolean') return booleanOf;
  return (text) => text;
}

function booleanOf(text: string): boolean {
  if (text === 't' || text === 'f') return text === 't';
  throw new ValueError('text that is not a boolean');
}

function bytesOf(text: string): Uint8Array {
  const bytes = text.startsWith(String.raw`\x`) ? Buffer.from(text.slice(2), 'hex') : undefined;
  // Decoding ends without a word at the first character that is no hexadecimal digit.
  if (bytes === undefined || bytes.length * 2 + 2 !== text.length) throw new ValueError('text that is not bytes');
  return bytes;
}
