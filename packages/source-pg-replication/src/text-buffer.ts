import { ByteMemory, copyBytes, WORD } from './byte-memory.ts';

/** Buffers beyond this are not kept for the next page: one huge row must not stay in memory. */
const MAX_KEPT_BYTES = 64 * 1024 * 1024;
const FIRST_BYTES = 16 * 1024;

/** Bytes of a page while they are written. */
export class TextBuffer {
  /** Where it is written. What it grew out of stays as it was. */
  memory = ByteMemory.empty;
  /** How many bytes are written. Setting it back forgets what was written behind it. */
  length = 0;

  get bytes(): Buffer {
    return this.memory.bytes;
  }

  /** Makes room for `count` more bytes. Whoever writes to `memory` itself has to call it before. */
  reserve(count: number): void {
    if (this.bytes.length - this.length < count) this.#grow(count);
  }

  writeByte(byte: number): void {
    if (this.bytes.length === this.length) this.#grow(1);
    this.bytes[this.length] = byte;
    this.length += 1;
  }

  /** Writes bytes as they are. They may be those of its own memory: where it grows, `from` is still what it was. */
  write(from: ByteMemory, start: number, end: number): void {
    this.reserve(end - start + WORD);
    this.length = copyBytes(from, start, end, this.memory, this.length);
  }

  writeText(text: string): void {
    this.reserve(text.length * 3);
    this.length += this.bytes.write(text, this.length);
  }

  /** Forgets everything. What was written stays in place until something else is. */
  clear(): void {
    if (this.bytes.length > MAX_KEPT_BYTES) this.memory = ByteMemory.empty;
    this.length = 0;
  }

  #grow(count: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, this.bytes.length * 2, this.length + count));
    this.bytes.copy(grown, 0, 0, this.length);
    this.memory = new ByteMemory(grown);
  }
}
