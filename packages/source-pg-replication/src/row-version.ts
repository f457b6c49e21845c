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
  #epoch = 0;
  #commitLsn = 0n;
  #ordinal = 0;
  /** The version before the first change, nine decimal digits each, the lowest first. */
  readonly #base = new Float64Array(LIMBS);
  readonly #limbs = new Float64Array(LIMBS);
  /** Digits of a version, at the end; counted up in place, because big integers are slow to print. */
  readonly #digits = Buffer.alloc(MAX_DIGITS);
  #start = 0;
  /** The ordinal whose digits these are; -1 when they are of another transaction. */
  #written = -1;

  begin(epoch: number, commitLsn: bigint): void {
    const step = commitLsn - this.#commitLsn;
    if (epoch === this.#epoch && step >= 0n && step <= MAX_STEP) this.#advance(Number(step));
    else this.#set(versionBase(epoch, commitLsn));
    this.#epoch = epoch;
    this.#commitLsn = commitLsn;
    this.#ordinal = 0;
    this.#written = -1;
  }

  next(): void {
    this.#ordinal += 1;
  }

  /** The version of the change that was counted last. */
  get value(): bigint {
    return versionBase(this.#epoch, this.#commitLsn) | BigInt(this.#ordinal);
  }

  /** Writes it as decimal digits. */
  write(out: TextBuffer): void {
    if (this.#written === -1 || this.#ordinal - this.#written > MAX_INCREMENTS) this.#print();
    for (; this.#written < this.#ordinal; this.#written += 1) this.#increment();
    out.write(this.#digits, this.#start, MAX_DIGITS);
  }

  #set(base: bigint): void {
    let rest = base;
    for (let index = 0; index < LIMBS; index += 1) {
      this.#base[index] = Number(rest % LIMB_BIG);
      rest /= LIMB_BIG;
    }
  }

  /** Adds a step of the log, which stands 48 bits to the left. */
  #advance(step: number): void {
    const base = this.#base;
    base[0] = (base[0] as number) + step * SHIFT_LOW;
    base[1] = (base[1] as number) + step * SHIFT_HIGH;
    carry(base);
  }

  #print(): void {
    const limbs = this.#limbs;
    limbs.set(this.#base);
    // The base ends in 48 zero bits, so to add the ordinal and to or it are the same.
    limbs[0] = (limbs[0] as number) + (this.#ordinal % LIMB);
    limbs[1] = (limbs[1] as number) + Math.floor(this.#ordinal / LIMB);
    carry(limbs);
    const digits = this.#digits;
    let at = MAX_DIGITS;
    for (let index = 0; index < LIMBS; index += 1) {
      let rest = limbs[index] as number;
      for (let count = 0; count < LIMB_DIGITS && at > 0; count += 1) {
        const tenth = Math.floor(rest / 10);
        at -= 1;
        digits[at] = ZERO + rest - tenth * 10;
        rest = tenth;
      }
    }
    this.#start = 0;
    while (this.#start < MAX_DIGITS - 1 && digits[this.#start] === ZERO) this.#start += 1;
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

function carry(limbs: Float64Array): void {
  for (let index = 0; index < LIMBS - 1; index += 1) {
    const over = Math.floor((limbs[index] as number) / LIMB);
    if (over === 0) continue;
    limbs[index] = (limbs[index] as number) - over * LIMB;
    limbs[index + 1] = (limbs[index + 1] as number) + over;
  }
}

/** Digits of 2^128. */
const MAX_DIGITS = 39;
/** Beyond so many it is cheaper to print the number anew. */
const MAX_INCREMENTS = 64;
const LIMB_DIGITS = 9;
const LIMB = 1e9;
const LIMB_BIG = 1_000_000_000n;
const LIMBS = Math.ceil(MAX_DIGITS / LIMB_DIGITS);
const SHIFT_LOW = 2 ** 48 % LIMB;
const SHIFT_HIGH = Math.floor(2 ** 48 / LIMB);
/** Times a limb it is a number that a double still holds exactly. */
const MAX_STEP = 2n ** 20n;
