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
export const WORD = 8;

/**
 * Copies bytes to where there is room for them and for {@link WORD} more, whose content is lost, and returns the
 * place behind them. Most values are a few bytes long, and a native call for each would cost more than they do.
 */
export function copyBytes(from: ByteMemory, start: number, end: number, to: ByteMemory, at: number): number {
  const next = at + end - start;
  // Words that begin before the end are read whole.
  if (end - start > LONG || end + WORD > from.bytes.length) {
    from.bytes.copy(to.bytes, at, start, end);
    return next;
  }
  for (let index = start, into = at; index < end; index += WORD, into += WORD) {
    to.view.setBigInt64(into, from.view.getBigInt64(index, true), true);
  }
  return next;
}
