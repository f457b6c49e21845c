import { byteAt, NINE, ZERO } from './byte.ts';
import type { TextBuffer } from './text-buffer.ts';

/**
 * Versions of one transaction's rows: epoch, LSN of the commit record, place in the transaction. The
 * LSN of a change alone is not unique, and a clock is not the same when a change is read again.
 */
export function versionBase(epoch: number, commitLsn: bigint): bigint {
  return (BigInt(epoch) << 112n) | (commitLsn << 48n);
}

/** Counts the changes of a transaction, those of tables that are not read included. */
export class RowVersion {
  #base = 0n;
  #ordinal = 0;
  /** Digits of a version, at the end; counted up in place, because big integers are slow to print. */
  readonly #digits = Buffer.alloc(MAX_DIGITS);
  #start = 0;
  /** The ordinal whose digits these are; -1 when they are of another transaction. */
  #written = -1;

  begin(epoch: number, commitLsn: bigint): void {
    this.#base = versionBase(epoch, commitLsn);
    this.#ordinal = 0;
    this.#written = -1;
  }

  next(): void {
    this.#ordinal += 1;
  }

  /** The version of the change that was counted last. */
  get value(): bigint {
    return this.#base | BigInt(this.#ordinal);
  }

  /** Writes it as decimal digits. */
  write(out: TextBuffer): void {
    if (this.#written === -1 || this.#ordinal - this.#written > MAX_STEPS) this.#print();
    // The base ends in 48 zero bits, so counting up and or-ing the ordinal are the same.
    for (; this.#written < this.#ordinal; this.#written += 1) this.#increment();
    out.write(this.#digits, this.#start, MAX_DIGITS);
  }

  #print(): void {
    const text = String(this.value);
    this.#start = MAX_DIGITS - text.length;
    this.#digits.write(text, this.#start, 'latin1');
    this.#written = this.#ordinal;
  }

  #increment(): void {
    const digits = this.#digits;
    let at = MAX_DIGITS - 1;
    for (; digits[at] === NINE; at -= 1) digits[at] = ZERO;
    digits[at] = at < this.#start ? ZERO + 1 : byteAt(digits, at) + 1;
    if (at < this.#start) this.#start = at;
  }
}

/** Digits of 2^128. */
const MAX_DIGITS = 39;
/** Beyond so many it is cheaper to print the number anew. */
const MAX_STEPS = 64;
