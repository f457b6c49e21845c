import { byteAt } from './byte.ts';
import type { TextBuffer } from './text-buffer.ts';

const FIRST_SLOTS = 1024;

/**
 * Finds lines by the bytes that they begin with. Open addressing over the lines themselves: a string
 * for each key would cost more than all that is done with its row.
 */
export class KeyIndex {
  readonly #text: TextBuffer;
  /** Line of each slot, plus one; 0 for none. */
  #slots = new Int32Array(FIRST_SLOTS);
  #used = 0;
  #starts = new Int32Array(FIRST_SLOTS / 2);
  #lengths = new Int32Array(FIRST_SLOTS / 2);
  #hashes = new Int32Array(FIRST_SLOTS / 2);

  constructor(text: TextBuffer) {
    this.#text = text;
  }

  /** The newest line whose key is the bytes from `start` to `end`; -1 for none. */
  find(start: number, end: number): number {
    return (this.#slots[this.#slotOf(start, end - start, this.#hash(start, end))] as number) - 1;
  }

  /** Makes `line` the one that is found for its key, and returns the one that was; -1 for none. */
  put(line: number, start: number, end: number): number {
    if (this.#used * 2 >= this.#slots.length) this.#growSlots();
    if (line >= this.#starts.length) this.#growLines(line);
    const hash = this.#hash(start, end);
    const slot = this.#slotOf(start, end - start, hash);
    const before = (this.#slots[slot] as number) - 1;
    if (before === -1) this.#used += 1;
    this.#starts[line] = start;
    this.#lengths[line] = end - start;
    this.#hashes[line] = hash;
    this.#slots[slot] = line + 1;
    return before;
  }

  clear(): void {
    if (this.#used === 0) return;
    this.#slots.fill(0);
    this.#used = 0;
  }

  #hash(start: number, end: number): number {
    const { bytes } = this.#text;
    let hash = 0x81_1c_9d_c5;
    for (let at = start; at < end; at += 1) hash = Math.imul(hash ^ byteAt(bytes, at), 0x01_00_01_93);
    // Keys that count up differ in their last byte only; the slot is taken from the low bits.
    return hash ^ (hash >>> 15);
  }

  #slotOf(start: number, length: number, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const line = (slots[slot] as number) - 1;
      if (line === -1 || (this.#hashes[line] === hash && this.#isSame(line, start, length))) return slot;
    }
  }

  #isSame(line: number, start: number, length: number): boolean {
    if (this.#lengths[line] !== length) return false;
    const { bytes } = this.#text;
    const from = this.#starts[line] as number;
    for (let at = 0; at < length; at += 1) {
      if (byteAt(bytes, from + at) !== byteAt(bytes, start + at)) return false;
    }
    return true;
  }

  #growSlots(): void {
    const old = this.#slots;
    this.#slots = new Int32Array(old.length * 2);
    const mask = this.#slots.length - 1;
    for (const entry of old) {
      if (entry === 0) continue;
      let slot = (this.#hashes[entry - 1] as number) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = entry;
    }
  }

  #growLines(line: number): void {
    this.#starts = grown(this.#starts, line);
    this.#lengths = grown(this.#lengths, line);
    this.#hashes = grown(this.#hashes, line);
  }
}

/** A copy that has room for `index`. */
export function grown(numbers: Int32Array, index: number): Int32Array<ArrayBuffer> {
  const copy = new Int32Array(Math.max(numbers.length * 2, index + 1));
  copy.set(numbers);
  return copy;
}
