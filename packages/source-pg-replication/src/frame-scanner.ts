const HEADER_BYTES = 5;
const EMPTY = Buffer.alloc(0);

/**
 * Cuts the byte stream of a PostgreSQL connection into messages without copying them: after
 * {@link next} returned true, the body is `buffer[start, end)` until the next {@link push}.
 */
export class FrameScanner {
  /** Bytes in which the current message lies. Reused: never keep a slice of it. */
  buffer: Buffer = EMPTY;
  /** Type of the current message, as its character code. */
  tag = 0;
  start = 0;
  end = 0;
  #at = 0;
  #used = 0;
  #isOwned = false;

  push(chunk: Buffer): void {
    const kept = this.#used - this.#at;
    if (kept === 0) {
      this.buffer = chunk;
      this.#used = chunk.length;
      this.#at = 0;
      this.#isOwned = false;
      return;
    }
    if (!this.#isOwned || this.buffer.length - this.#used < chunk.length) this.#grow(kept, chunk.length);
    chunk.copy(this.buffer, this.#used);
    this.#used += chunk.length;
  }

  /** Moves to the next whole message; false when more bytes are needed. */
  next(): boolean {
    const available = this.#used - this.#at;
    if (available < HEADER_BYTES) return false;
    const length = this.buffer.readUInt32BE(this.#at + 1);
    if (available < length + 1) return false;
    this.tag = this.buffer[this.#at] ?? 0;
    this.start = this.#at + HEADER_BYTES;
    this.end = this.#at + 1 + length;
    this.#at = this.end;
    return true;
  }

  // A message larger than one read gets a buffer of its own size, so that it is copied once.
  #grow(kept: number, added: number): void {
    const length = kept < HEADER_BYTES ? 0 : this.buffer.readUInt32BE(this.#at + 1) + 1;
    const room = Math.max(kept + added, Math.min(length + added, 2 ** 31 - 1));
    const grown = Buffer.allocUnsafe(room);
    this.buffer.copy(grown, 0, this.#at, this.#used);
    this.buffer = grown;
    this.#used = kept;
    this.#at = 0;
    this.#isOwned = true;
  }
}
