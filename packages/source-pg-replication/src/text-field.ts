import type { ValueSpec } from '@etl/core';
import { BACKSLASH, byteAt, MINUS, NINE, OPENING_BRACE, PLUS, SPACE, UPPER_N, ZERO } from './byte.ts';
import { copyValue } from './copy-text.ts';
import { ByteMemory, copyBytes, HALF_WORD, WORD } from './byte-memory.ts';
import type { TextBuffer } from './text-buffer.ts';
import { textOfValue } from './text-value.ts';
import type { ParseValue } from './value-type.ts';

/** A column whose values are given as text. */
export interface TextColumn {
  readonly spec: ValueSpec;
  readonly parse: ParseValue;
  /** See `ValueType.hasCommas`. */
  readonly hasCommas: boolean;
  /** See `ValueType.isZoned`. */
  readonly isZoned: boolean;
}

/** Says of bytes that they are a value's text as it is to be handed on, and plain; of any other, `parse` decides. */
type IsPlain = (bytes: Buffer, start: number, end: number) => boolean;

/** How the values of a column become fields of a `TextBatch`. */
export class TextField {
  readonly #column: TextColumn;
  readonly #isPlain: IsPlain | undefined;
  readonly #hasEscapes: boolean;
  readonly #isZoned: boolean;

  constructor(column: TextColumn) {
    this.#column = column;
    this.#isPlain = plainTest(column);
    this.#hasEscapes = ESCAPABLE.has(column.spec.type);
    this.#isZoned = column.isZoned;
  }

  /** Whether the values of the column have to be looked at. */
  get isChecked(): boolean {
    return this.#isPlain !== undefined;
  }

  /**
   * Writes a value that stands in the log to `to`, which must have room for twice its length and {@link WORD} more
   * bytes, from `at` on.
   * Returns the place behind it; -1 when it has to be written by {@link writeParsed}.
   */
  writePlain(from: ByteMemory, start: number, end: number, to: ByteMemory, at: number): number {
    if (this.#hasEscapes) {
      if (this.#isPlain !== undefined && !this.#isPlain(from.bytes, start, end)) return -1;
      return escape(from, start, end, to, at);
    }
    const last = this.#isZoned && end - start > 3 && isUtc(from.bytes, end) ? end - 3 : end;
    if (this.#isPlain !== undefined && !this.#isPlain(from.bytes, start, last)) return -1;
    return copyBytes(from, start, last, to, at);
  }

  /**
   * Writes what becomes of a value.
   *
   * @throws `ValueError` when it cannot be given.
   */
  writeParsed(text: string, out: TextBuffer): void {
    const { parse, spec } = this.#column;
    const value = textOfValue(spec, parse(text));
    if (value === null) return writeNull(out);
    const field = Buffer.from(value, 'utf8');
    out.reserve(field.length * 2 + WORD);
    out.length = escape(new ByteMemory(field), 0, field.length, out.memory, out.length);
  }

  /** Whether a value of a copy may be handed on as it stands there, and is plain: see `TextBatch.isPlain`. */
  isPlain(bytes: Buffer, start: number, end: number): boolean {
    return this.#isPlain === undefined || this.#isPlain(bytes, start, end);
  }

  /**
   * Writes a field of a copy that may not be handed on as it stands there.
   *
   * @throws `ValueError` when its value cannot be given.
   */
  writeCopied(bytes: Buffer, start: number, end: number, out: TextBuffer): void {
    const text = copyValue(bytes.toString('utf8', start, end));
    if (text === null) writeNull(out);
    else this.writeParsed(text, out);
  }
}

export function writeNull(out: TextBuffer): void {
  out.writeByte(BACKSLASH);
  out.writeByte(UPPER_N);
}

/** Whether a field of a copy is NULL; what follows it is a tab or a newline. */
export function isNullField(bytes: Buffer, start: number, end: number): boolean {
  return end - start === 2 && byteAt(bytes, start) === BACKSLASH && byteAt(bytes, start + 1) === UPPER_N;
}

/** Types whose texts may hold what has to be escaped. */
const ESCAPABLE: ReadonlySet<ValueSpec['type']> = new Set(['string', 'json', 'binary', 'array']);

/** For each byte the letter that stands for it behind a backslash; 0 where it stands for itself. */
const ESCAPES = new Uint8Array(256);
for (const pair of ['\bb', '\tt', '\nn', '\vv', '\ff', '\rr', '\\\\']) ESCAPES[pair.charCodeAt(0)] = pair.charCodeAt(1);

function escape(from: ByteMemory, start: number, end: number, to: ByteMemory, at: number): number {
  const last = end - HALF_WORD;
  let index = copyUnescaped(from, start, last, to, at);
  if (index >= last && last >= start) {
    // The rest is copied from the end on, over a part of what was copied before it.
    const word = from.view.getInt32(last, true);
    if (!mayNeedEscapes(word)) {
      to.view.setInt32(at + last - start, word, true);
      return at + end - start;
    }
  }
  let next = at + index - start;
  while (index < end) {
    for (const stop = Math.min(index + HALF_WORD, end); index < stop; index += 1) {
      const byte = byteAt(from.bytes, index);
      const letter = ESCAPES[byte] as number;
      if (letter !== 0) {
        to.bytes[next] = BACKSLASH;
        next += 1;
      }
      to.bytes[next] = letter === 0 ? byte : letter;
      next += 1;
    }
    const stopped = copyUnescaped(from, index, last, to, next);
    next += stopped - index;
    index = stopped;
  }
  return next;
}

/** Copies by the word while none begins at `last` or behind it, and none may need escapes. Returns where it stopped. */
function copyUnescaped(from: ByteMemory, start: number, last: number, to: ByteMemory, at: number): number {
  let index = start;
  for (; index < last; index += HALF_WORD) {
    const word = from.view.getInt32(index, true);
    if (mayNeedEscapes(word)) break;
    to.view.setInt32(at + index - start, word, true);
  }
  return index;
}

/**
 * Whether one of four bytes is a control character or a backslash: all that have an escape are. Of each byte the
 * highest bit is what is left of a difference that went below zero.
 */
function mayNeedEscapes(word: number): boolean {
  const backslashes = word ^ FOUR_BACKSLASHES;
  const isControl = (word - FOUR_SPACES) & ~word;
  const isBackslash = (backslashes - FOUR_ONES) & ~backslashes;
  return ((isControl | isBackslash) & FOUR_HIGHEST_BITS) !== 0;
}

const FOUR_BACKSLASHES = 0x5c_5c_5c_5c;
const FOUR_SPACES = 0x20_20_20_20;
const FOUR_ONES = 0x01_01_01_01;
const FOUR_HIGHEST_BITS = 0x80_80_80_80 | 0;

/** Room that the text of `bytes` from `start` to `end` needs: never more than twice as much. */
export function escapedLength(bytes: Buffer, start: number, end: number): number {
  if (end - start < SHORT) return (end - start) * 2;
  let length = end - start;
  for (let at = start; at < end; at += 1) if (ESCAPES[byteAt(bytes, at)] !== 0) length += 1;
  return length;
}

/** Below it room is cheaper than counting. */
const SHORT = 64 * 1024;

function plainTest({ spec, hasCommas }: TextColumn): IsPlain | undefined {
  switch (spec.type) {
    case 'date':
      return isPlainDate;
    case 'timestamp':
      return isPlainTimestamp;
    case 'decimal':
    case 'float32':
    case 'float64':
      return isPlainNumber;
    case 'array': {
      const areItemsPlain = hasCommas && plainTest({ ...emptyColumn, spec: spec.items ?? spec }) === undefined;
      return areItemsPlain ? isPlainArray : () => false;
    }
    default:
      return undefined;
  }
}

const emptyColumn = { parse: String, hasCommas: false, isZoned: false };

/** A year that a destination can be expected to have, and a day of it. */
const isPlainDate: IsPlain = (bytes, start, end) =>
  end - start === 10 && isPlainYear(bytes, start) && byteAt(bytes, start + 4) === MINUS;

const isPlainTimestamp: IsPlain = (bytes, start, end) => {
  if (end - start < 19 || byteAt(bytes, start + 10) !== SPACE) return false;
  if (!isPlainYear(bytes, start) || byteAt(bytes, start + 4) !== MINUS) return false;
  // Behind a time comes nothing or a fraction; behind one of a year before Christ " BC".
  return isDigit(byteAt(bytes, end - 1)) && byteAt(bytes, end - 3) !== PLUS;
};

/** `NaN` and `Infinity` end in a letter. */
const isPlainNumber: IsPlain = (bytes, start, end) => end > start && isDigit(byteAt(bytes, end - 1));

// Of more than one dimension, or with bounds of its own, it begins otherwise; in items a brace is quoted.
const isPlainArray: IsPlain = (bytes, start, end) =>
  end - start >= 2 && byteAt(bytes, start) === OPENING_BRACE && byteAt(bytes, start + 1) !== OPENING_BRACE;

function isUtc(bytes: Buffer, end: number): boolean {
  return byteAt(bytes, end - 3) === PLUS && byteAt(bytes, end - 2) === ZERO && byteAt(bytes, end - 1) === ZERO;
}

function isPlainYear(bytes: Buffer, at: number): boolean {
  const first = byteAt(bytes, at);
  const second = byteAt(bytes, at + 1);
  const isCentury =
    (first === 0x31 && second === NINE) || (first === 0x32 && (second === ZERO || second === 0x31 || second === 0x32));
  return isCentury && isDigit(byteAt(bytes, at + 2)) && isDigit(byteAt(bytes, at + 3));
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}
