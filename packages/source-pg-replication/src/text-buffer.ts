/** Buffers beyond this are not kept for the next page: one huge row must not stay in memory. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;
const FIRST_BYTES = 16 * 1024;
/** Beyond this many bytes one native call is cheaper than a loop over them. */
const LONG = 64;
const EMPTY = Buffer.alloc(0);

/** Bytes of a page while they are written. */
export class TextBuffer {
  bytes: Buffer = EMPTY;
  /** How many bytes are written. Setting it back forgets what was written behind it. */
  length = 0;
  /** Makes room for `count` more bytes. Whoever writes to `bytes` itself has to call it before. */
  reserve(count: number): void {
    if (this.bytes.length - this.length < count) this.#grow(count);
  }

  writeByte(byte: number): void {
    if (this.bytes.length === this.length) this.#grow(1);
    this.bytes[this.length] = byte;
    this.length += 1;
  }

  /** Writes bytes as they are. They may be bytes of this very buffer: what it grew out of stays as it was. */
  write(from: Buffer, start: number, end: number): void {
    this.reserve(end - start);
    if (end - start > LONG) {
      this.length += from.copy(this.bytes, this.length, start, end);
      return;
    }
    const { bytes } = this;
    let at = this.length;
    for (let index = start; index < end; index += 1) {
      bytes[at] = from[index] as number;
      at += 1;
    }
    this.length = at;
  }

  writeText(text: string): void {
    this.reserve(text.length * 3);
    this.length += this.bytes.write(text, this.length);
  }

  /** Forgets everything. What was written stays in place until something else is. */
  clear(): void {
    if (this.bytes.length > MAX_KEPT_BYTES) this.bytes = EMPTY;
    this.length = 0;
  }

  #grow(count: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, this.bytes.length * 2, this.length + count));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }
}
