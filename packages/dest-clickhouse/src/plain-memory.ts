import type { PlainBody } from './plain-body.ts';

const PIECE_BYTES = 256 * 1024;
/** 32 MiB: what a table needs that is written as fast as it is read. Of more the next ones need not pay. */
const MOST_FREE = 128;

/** Memory that rows are kept in as they are until a server has taken them, used again and again. */
export class PlainMemory {
  readonly #free: Buffer[] = [];

  open(): PlainPieces {
    return new PlainPieces(this);
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES);
  }

  giveBack(pieces: readonly Buffer[]): void {
    this.#free.push(...pieces.slice(0, MOST_FREE - this.#free.length));
  }
}

/** The rows of one insert into a server. They stay as they are until the server has taken them: it may be asked twice. */
export class PlainPieces implements PlainBody {
  readonly #memory: PlainMemory;
  #pieces: Buffer[] = [];
  /** Free bytes of the last piece. */
  #room = 0;
  #attempts = 0;
  #isAnswered = false;
  length = 0;

  constructor(memory: PlainMemory) {
    this.#memory = memory;
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#room === 0) {
        this.#pieces.push(this.#memory.take());
        this.#room = PIECE_BYTES;
      }
      const part = bytes.subarray(at, at + this.#room);
      (this.#pieces.at(-1) as Buffer).set(part, PIECE_BYTES - this.#room);
      this.#room -= part.length;
      at += part.length;
    }
    this.length += bytes.length;
  }

  close(): void {
    // Nothing is open.
  }

  #written(): readonly Buffer[] {
    return this.#pieces.map((piece, index) =>
      index === this.#pieces.length - 1 ? piece.subarray(0, PIECE_BYTES - this.#room) : piece,
    );
  }

  /** Sends it. An attempt that counts as failed may still be under way. */
  async send(work: (pieces: readonly Buffer[]) => Promise<void>): Promise<void> {
    this.#attempts += 1;
    await work(this.#written());
    this.#isAnswered = true;
  }

  remove(): void {
    const isUnread = this.#attempts === 0 || (this.#attempts === 1 && this.#isAnswered);
    if (isUnread) this.#memory.giveBack(this.#pieces);
    this.#pieces = [];
    this.#room = 0;
  }
}
