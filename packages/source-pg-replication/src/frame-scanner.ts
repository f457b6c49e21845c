const HEADER_BYTES = 5;
const EMPTY = Buffer.alloc(0);
/** One huge message must not stay in memory. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024;

/**
 * Cuts the byte stream of a PostgreSQL connection into messages, most of them without copying: after
 * {@link next} returned true, the body is `buffer[start, end)` until the next {@link keep} or {@link push}.
 */
export class FrameScanner {
  /** Bytes in which the current message lies. Reused: never keep a slice of it. */
  buffer: Buffer = EMPTY;
  /** Type of the current message, as its character code. */
  tag = 0;
  start = 0;
  end = 0;
  /** Where messages are put together that did not come whole. */
  #own: Buffer = EMPTY;
  #at = 0;
  #used = 0;

  push(chunk: Buffer): void {
    const kept = this.#used - this.#at;
    if (kept === 0) {
      this.#take(chunk, 0, chunk.length);
      return;
    }
    this.#reserve(chunk.length);
    chunk.copy(this.#own, this.#used);
    this.#used += chunk.length;
  }

  /** Copies what is left of the last chunk, so that its memory can be used again. */
  keep(): void {
    if (this.#at === this.#used) this.#take(EMPTY, 0, 0);
    else if (this.buffer !== this.#own) this.#reserve(0);
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

  #take(buffer: Buffer, at: number, used: number): void {
    this.buffer = buffer;
    this.#at = at;
    this.#used = used;
    if (this.#own.length > MAX_KEPT_BYTES && buffer !== this.#own) this.#own = EMPTY;
  }

  /** Moves what is left into memory of its own, with room for `added` bytes behind it. */
  #reserve(added: number): void {
    const kept = this.#used - this.#at;
    if (this.buffer === this.#own && this.#own.length - this.#used >= added) return;
    // A message that is larger than what came gets room for all of it, so that it is copied once.
    const length = kept < HEADER_BYTES ? 0 : this.buffer.readUInt32BE(this.#at + 1) + 1;
    const room = Math.max(kept + added, Math.min(length + added, 2 ** 31 - 1));
    const own = this.#own.length >= room ? this.#own : Buffer.allocUnsafeSlow(Math.max(room, this.#own.length * 2));
    this.buffer.copy(own, 0, this.#at, this.#used);
    this.#own = own;
    this.#take(own, 0, kept);
  }
}
