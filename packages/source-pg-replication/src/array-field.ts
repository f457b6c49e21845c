import type { WriteBinary } from './binary-type.ts';
import type { ByteMemory } from './byte-memory.ts';
import { writeLength } from './length-prefix.ts';

const NULL_LENGTH = -1;
/** How many dimensions, whether there are NULLs, the type of the items; of each dimension its length and first index. */
const HEADER_BYTES = 12;
const DIMENSION_BYTES = 8;

/** Writes arrays: how many items, then each with a mark in front of it, 1 for NULL and 0 for a value. */
export class ArrayField {
  readonly #writeItem: WriteBinary;
  readonly #replaceItem: () => unknown;
  readonly #replace: () => unknown;

  /**
   * @param replaceItem Says that an item that cannot be held becomes NULL, or throws.
   * @param replace Says so of an array of more than one dimension.
   */
  constructor(writeItem: WriteBinary, replaceItem: () => unknown, replace: () => unknown) {
    this.#writeItem = writeItem;
    this.#replaceItem = replaceItem;
    this.#replace = replace;
  }

  /** An item takes at least four bytes for its length, and becomes at most three times as long. */
  static readonly extraRoom = (_from: ByteMemory, start: number, end: number): number => (end - start) * 3;

  /** @throws `ValueError` when it cannot be given. */
  write(from: ByteMemory, start: number, to: ByteMemory, at: number): number {
    const { view } = from;
    const dimensions = view.getInt32(start);
    if (dimensions > 1) this.#replace();
    const count = dimensions === 1 ? view.getInt32(start + HEADER_BYTES) : 0;
    let next = writeLength(count, to, at);
    let item = start + HEADER_BYTES + DIMENSION_BYTES;
    for (let index = 0; index < count; index += 1) {
      const length = view.getInt32(item);
      item += 4;
      let end = -1;
      if (length !== NULL_LENGTH) {
        end = this.#writeItem(from, item, item + length, to, next + 1);
        if (end === -1) this.#replaceItem();
        item += length;
      }
      to.bytes[next] = end === -1 ? 1 : 0;
      next = end === -1 ? next + 1 : end;
    }
    return next;
  }
}
