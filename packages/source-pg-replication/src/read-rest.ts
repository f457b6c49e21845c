/** As much as this comes only to a reader that is behind, and it reads on at once. */
const MUCH_BYTES = 128 * 1024;
const SHORTEST_MS = 1;
const LONGEST_MS = 10;
const LONGER = 1.5;
/** A rest that brings less a millisecond than this share of what the shortest brings holds the sender up. */
const FAIR_SHARE = 0.7;
/** Reads between two looks at what the shortest rest brings. */
const READS_BETWEEN_LOOKS = 64;
const READS_OF_A_LOOK = 4;

/**
 * How long a reader rests before it reads on. The server's walsender sends every change on its own, and a reader
 * that wakes up for each of them makes both sides slower. The longer it rests the more comes at once, until what
 * came fills the memory between the two, and the sender waits. How much that is differs with the kind of socket,
 * so it is found out again and again.
 */
export class ReadRest {
  #ms = SHORTEST_MS;
  #isBehind = true;
  /** Bytes a millisecond at the shortest rest. */
  #fullRate = 0;
  /** Reads that are left of a look at the shortest rest. */
  #looks = READS_OF_A_LOOK;
  #readsSinceLook = 0;

  /** Milliseconds until the next read. */
  get ms(): number {
    if (this.#isBehind) return 0;
    return this.#looks > 0 ? SHORTEST_MS : this.#ms;
  }

  /** So much has come, so long after what came before it. */
  read(bytes: number, elapsedMs: number): void {
    const wasBehind = this.#isBehind;
    this.#isBehind = bytes >= MUCH_BYTES;
    // Only what came during a rest says something of it.
    if (this.#isBehind || wasBehind) return;
    const rate = bytes / Math.max(elapsedMs, SHORTEST_MS);
    if (this.#looks > 0) {
      this.#looks -= 1;
      this.#fullRate = Math.max(this.#fullRate, rate);
      return;
    }
    this.#ms =
      rate < this.#fullRate * FAIR_SHARE
        ? Math.max(SHORTEST_MS, this.#ms / 2)
        : Math.min(LONGEST_MS, this.#ms * LONGER);
    this.#readsSinceLook += 1;
    if (this.#readsSinceLook < READS_BETWEEN_LOOKS) return;
    this.#readsSinceLook = 0;
    this.#fullRate = 0;
    this.#looks = READS_OF_A_LOOK;
  }
}
