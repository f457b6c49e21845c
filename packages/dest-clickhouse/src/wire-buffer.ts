const FIRST_BYTES = 16 * 1024;
const EMPTY = Buffer.alloc(0);

/** Beyond this many characters one native call is cheaper than a loop over them. */
const LONG_TEXT = 16;

/**
 * The bytes of one insert while they are written. It grows as it is filled, and what was taken from
 * it is not written to again unless it is given back: a client may still be sending it.
 */
export class WireBuffer {
  bytes: Buffer = EMPTY;
  /** How many bytes are written. Setting it back forgets what was written behind it. */
  length = 0;
  #firstBytes = FIRST_BYTES;
  #spare: Buffer = EMPTY;

  /** Makes room for `count` more bytes. Whoever writes to `bytes` itself has to call it before. */
  reserve(count: number): void {
    if (this.bytes.length - this.length < count) this.#grow(count);
  }

  #grow(count: number): void {
    if (this.length === 0 && this.#spare.length >= count) {
      this.bytes = this.#spare;
      this.#spare = EMPTY;
      return;
    }
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#firstBytes, this.bytes.length * 2, this.length + count));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  writeByte(byte: number): void {
    if (this.bytes.length === this.length) this.#grow(1);
    this.bytes[this.length] = byte;
    this.length += 1;
  }

  /** Writes ASCII text as it is. Any other character becomes a NUL, which no number, day or name contains. */
  writeAscii(text: string): void {
    const count = text.length;
    if (count > LONG_TEXT) {
      const start = this.length;
      this.writeUtf8(text);
      if (this.length - start !== count) this.bytes[start] = 0;
      return;
    }
    this.reserve(count);
    const { bytes } = this;
    let at = this.length;
    for (let index = 0; index < count; index += 1) {
      const code = text.charCodeAt(index);
      bytes[at] = code < 0x80 ? code : 0;
      at += 1;
    }
    this.length = at;
  }

  /** Writes a few bytes as they are. */
  writeBytes(from: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    const { bytes } = this;
    let at = this.length;
    for (let index = start; index < end; index += 1) {
      bytes[at] = from[index] as number;
      at += 1;
    }
    this.length = at;
  }

  /** Writes ASCII text that is known to be such, and no longer than an identifier. */
  writeShort(text: string): void {
    const count = text.length;
    this.reserve(count);
    const { bytes } = this;
    const start = this.length;
    for (let index = 0; index < count; index += 1) bytes[start + index] = text.charCodeAt(index);
    this.length = start + count;
  }

  /** Writes any well-formed text as UTF-8. */
  writeUtf8(text: string): void {
    this.reserve(text.length * 3);
    this.length += this.bytes.write(text, this.length);
  }

  /** The text from `start` on, which must be ASCII. */
  asciiFrom(start: number): string {
    return this.bytes.toString('latin1', start, this.length);
  }

  /** Takes bytes back that {@link take} handed over and nobody looks at any more, to write to them again. */
  giveBack(taken: Buffer): void {
    this.#spare = Buffer.from(taken.buffer);
  }

  /** Hands over what was written and begins anew with bytes of its own. */
  take(): Buffer {
    const taken = this.bytes.subarray(0, this.length);
    this.#firstBytes = Math.max(FIRST_BYTES, this.bytes.length);
    this.bytes = EMPTY;
    this.length = 0;
    return taken;
  }
}

export function isLong(text: string): boolean {
  return text.length > LONG_TEXT;
}
