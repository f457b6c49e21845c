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
const LONG = 160;
const WORD = 4;

/**
 * Copies bytes to where there is room for them, and returns the place behind them. Most values are a few bytes long,
 * and a native call for each would cost more than they do.
 */
export function copyBytes(from: ByteMemory, start: number, end: number, to: ByteMemory, at: number): number {
  if (end - start > LONG) return at + from.bytes.copy(to.bytes, at, start, end);
  let index = start;
  let next = at;
  for (const last = end - WORD; index <= last; index += WORD) {
    to.view.setInt32(next, from.view.getInt32(index, true), true);
    next += WORD;
  }
  for (; index < end; index += 1) {
    to.bytes[next] = byteAt(from.bytes, index);
    next += 1;
  }
  return next;
}
