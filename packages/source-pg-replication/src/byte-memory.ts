import { byteAt } from './byte.ts';

/** A piece of memory that is read and written by the byte and, where many lie side by side, by the word. */
export class ByteMemory {
  static readonly empty = new ByteMemory(Buffer.alloc(0));
  readonly bytes: Buffer;
  readonly view: DataView;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }
}

/** Beyond this many bytes one native call is cheaper than a loop over them. */
const LONG = 256;
export const HALF_WORD = 4;
const WORD = 8;

/**
 * Copies bytes to where there is room for them, not among themselves, and returns the place behind them. Most values
 * are a few bytes long, and a native call for each would cost more than they do.
 */
export function copyBytes(from: ByteMemory, start: number, end: number, to: ByteMemory, at: number): number {
  const length = end - start;
  if (length > LONG) return at + from.bytes.copy(to.bytes, at, start, end);
  // The last word is copied from the end on, over a part of the one before it: no bytes are left over.
  if (length >= WORD) {
    const last = end - WORD;
    for (let index = start, next = at; index < last; index += WORD, next += WORD) copyWord(from, index, to, next);
    copyWord(from, last, to, at + length - WORD);
  } else if (length >= HALF_WORD) {
    copyHalfWord(from, start, to, at);
    copyHalfWord(from, end - HALF_WORD, to, at + length - HALF_WORD);
  } else {
    for (let offset = 0; offset < length; offset += 1) to.bytes[at + offset] = byteAt(from.bytes, start + offset);
  }
  return at + length;
}

function copyWord(from: ByteMemory, index: number, to: ByteMemory, at: number): void {
  to.view.setBigInt64(at, from.view.getBigInt64(index, true), true);
}

function copyHalfWord(from: ByteMemory, index: number, to: ByteMemory, at: number): void {
  to.view.setInt32(at, from.view.getInt32(index, true), true);
}
