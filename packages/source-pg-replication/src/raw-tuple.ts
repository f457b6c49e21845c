import { byteAt } from './byte.ts';
import { ByteMemory } from './byte-memory.ts';
import { MalformedMessage } from './malformed-message.ts';

/**
 * Values of a row in the order of its relation's columns, as PostgreSQL's text: `null` is NULL,
 * `undefined` is a value that was left out because it did not change (TOAST).
 */
export type Tuple = readonly (string | null | undefined)[];

/** Stands for where a value begins that is NULL. */
export const NULL_VALUE = -1;
/** Stands for where a value begins that was left out because it did not change. */
export const UNCHANGED_VALUE = -2;

const FIRST_COLUMNS = 32;

/** Where the values of a row lie in the bytes that came, which are not copied. */
export class RawTuple {
  memory = ByteMemory.empty;
  count = 0;
  /** Where all of it lies. */
  start = 0;
  end = 0;
  /** Where each value begins; {@link NULL_VALUE} or {@link UNCHANGED_VALUE} when there is none. */
  starts = new Int32Array(FIRST_COLUMNS);
  ends = new Int32Array(FIRST_COLUMNS);

  /** Finds the values of the tuple at `from` and returns the place behind it, at most `end`. */
  read(memory: ByteMemory, from: number, end: number): number {
    const buffer = memory.bytes;
    if (from + 2 > end) throw new MalformedMessage('a message ends before its content');
    const count = (byteAt(buffer, from) << 8) | byteAt(buffer, from + 1);
    if (count > this.starts.length) {
      this.starts = new Int32Array(count);
      this.ends = new Int32Array(count);
    }
    const { starts, ends } = this;
    let at = from + 2;
    for (let index = 0; index < count; index += 1) {
      const kind = at < end ? byteAt(buffer, at) : 0;
      at += 1;
      if (kind === 0x74) {
        // t
        if (at + 4 > end) throw new MalformedMessage('a message ends before its content');
        const length =
          (byteAt(buffer, at) << 24) |
          (byteAt(buffer, at + 1) << 16) |
          (byteAt(buffer, at + 2) << 8) |
          byteAt(buffer, at + 3);
        starts[index] = at + 4;
        at += 4 + length;
        if (length < 0 || at > end) throw new MalformedMessage('a message ends before its content');
        ends[index] = at;
      } else if (kind === 0x6e) {
        // n
        starts[index] = NULL_VALUE;
      } else if (kind === 0x75) {
        // u
        starts[index] = UNCHANGED_VALUE;
      } else if (at > end) {
        throw new MalformedMessage('a message ends before its content');
      } else {
        throw new MalformedMessage(`unknown value kind ${kind}`);
      }
    }
    this.memory = memory;
    this.count = count;
    this.start = from;
    this.end = at;
    return at;
  }

  /** The value in a column, in memory of its own. */
  text(index: number): string | null | undefined {
    const start = index < this.count ? (this.starts[index] as number) : NULL_VALUE;
    if (start === NULL_VALUE) return null;
    if (start === UNCHANGED_VALUE) return undefined;
    return this.memory.bytes.toString('utf8', start, this.ends[index]);
  }

  /** All values, in memory of their own. */
  texts(): Tuple {
    return Array.from({ length: this.count }, (_, index) => this.text(index));
  }

  /** Whether both tuples have the same value in a column; NULL is equal to NULL. */
  isSame(index: number, other: RawTuple): boolean {
    const start = this.starts[index] as number;
    const from = other.starts[index] as number;
    if (start < 0 || from < 0) return start === from;
    const length = (this.ends[index] as number) - start;
    if ((other.ends[index] as number) - from !== length) return false;
    const { bytes } = this.memory;
    const otherBytes = other.memory.bytes;
    for (let at = 0; at < length; at += 1) {
      if (byteAt(bytes, start + at) !== byteAt(otherBytes, from + at)) return false;
    }
    return true;
  }
}
