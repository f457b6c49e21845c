import { byteAt, NINE, ZERO } from './byte.ts';
import { ByteMemory } from './byte-memory.ts';
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
  /** What stands in the digits; -1 where something else may. From transaction to transaction few limbs change. */
  readonly #printedLimbs = new Float64Array(LIMBS).fill(-1);
  /** Digits of a version, at the end; counted up in place, because big integers are slow to print. */
  readonly #digits = new ByteMemory(Buffer.alloc(MAX_DIGITS));
  #start = 0;
  /** The ordinal whose digits these are; -1 when they are of another transaction. */
  #printedOrdinal = -1;

  begin(epoch: number, commitLsn: bigint): void {
    const step = commitLsn - this.#commitLsn;
    if (epoch === this.#epoch && step >= 0n && step <= MAX_STEP) this.#advance(Number(step));
    else this.#set(versionBase(epoch, commitLsn));
    this.#epoch = epoch;
    this.#commitLsn = commitLsn;
    this.#ordinal = 0;
    this.#printedOrdinal = -1;
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
    if (this.#printedOrdinal === -1 || this.#ordinal - this.#printedOrdinal > MAX_INCREMENTS) this.#print();
    for (; this.#printedOrdinal < this.#ordinal; this.#printedOrdinal += 1) this.#increment();
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
    const digits = this.#digits.bytes;
    // The base ends in 48 zero bits, so to add the ordinal and to or it are the same.
    let added = this.#ordinal % LIMB;
    let next = this.#ordinal < LIMB ? 0 : Math.floor(this.#ordinal / LIMB);
    for (let index = 0; index < LIMBS; index += 1) {
      let limb = (this.#base[index] as number) + added;
      added = next;
      next = 0;
      if (limb >= LIMB) {
        limb -= LIMB;
        added += 1;
      }
      if (limb === this.#printedLimbs[index]) continue;
      this.#printedLimbs[index] = limb;
      printLimb(limb, digits, MAX_DIGITS - index * LIMB_DIGITS);
    }
    this.#start = 0;
    while (this.#start < MAX_DIGITS - 1 && digits[this.#start] === ZERO) this.#start += 1;
    this.#printedOrdinal = this.#ordinal;
  }

  #increment(): void {
    const digits = this.#digits.bytes;
    let at = MAX_DIGITS - 1;
    for (; digits[at] === NINE; at -= 1) digits[at] = ZERO;
    if (at >= MAX_DIGITS - LIMB_DIGITS) this.#printedLimbs[0] = -1;
    else this.#printedLimbs.fill(-1);
    digits[at] = at < this.#start ? ZERO + 1 : byteAt(digits, at) + 1;
    if (at < this.#start) this.#start = at;
  }
}

/** Writes nine digits, or as many as there is room for, in front of `end`. */
function printLimb(limb: number, digits: Buffer, end: number): void {
  let rest = limb | 0;
  for (let at = end; at > end - LIMB_DIGITS && at > 0; at -= 3) {
    const thousands = (rest / 1000) | 0;
    const last = (rest - thousands * 1000) * 3;
    digits[at - 3] = byteAt(TRIPLES, last);
    digits[at - 2] = byteAt(TRIPLES, last + 1);
    digits[at - 1] = byteAt(TRIPLES, last + 2);
    rest = thousands;
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
/** The digits of the numbers below a thousand. */
const TRIPLES = Buffer.from(Array.from({ length: 1000 }, (_, number) => String(number).padStart(3, '0')).join(''));
const LIMB = 1e9;
const LIMB_BIG = 1_000_000_000n;
const LIMBS = Math.ceil(MAX_DIGITS / LIMB_DIGITS);
const SHIFT_LOW = 2 ** 48 % LIMB;
const SHIFT_HIGH = Math.floor(2 ** 48 / LIMB);
/** Times a limb it is a number that a double still holds exactly. */
const MAX_STEP = 2n ** 20n;
