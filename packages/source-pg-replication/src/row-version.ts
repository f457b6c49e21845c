import { byteAt, NINE, ZERO } from './byte.ts';
import { ByteMemory, WORD } from './byte-memory.ts';
import { joinLsn, type SplitLsn } from './lsn.ts';
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
  #commit: SplitLsn = { high: 0, low: 0 };
  #ordinal = 0;
  /** The version before the first change, eight decimal digits each, the lowest first. */
  readonly #base = new Float64Array(LIMBS);
  /** What stands in the digits; -1 where something else may. From transaction to transaction few limbs change. */
  readonly #printedLimbs = new Float64Array(LIMBS).fill(-1);
  /** Digits of a version, at the end; counted up in place, because big integers are slow to print. */
  readonly #digits = new ByteMemory(Buffer.alloc(MAX_DIGITS + WORD));
  #start = 0;
  /** The ordinal whose digits these are; -1 when they are of another transaction. */
  #printedOrdinal = -1;

  /** A transaction begins. Big integers would take longer than the rest of a small one. */
  begin(epoch: number, commit: SplitLsn): void {
    const step = (commit.high - this.#commit.high) * 2 ** 32 + (commit.low - this.#commit.low);
    if (epoch === this.#epoch && step >= 0 && step <= MAX_STEP) this.#advance(step);
    else this.#set(versionBase(epoch, joinLsn(commit)));
    this.#commit = commit;
    this.#epoch = epoch;
    this.#ordinal = 0;
    this.#printedOrdinal = -1;
  }

  next(): void {
    this.#ordinal += 1;
  }

  /** The version of the change that was counted last. */
  get value(): bigint {
    return versionBase(this.#epoch, joinLsn(this.#commit)) | BigInt(this.#ordinal);
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
      const at = MAX_DIGITS - (index + 1) * LIMB_DIGITS;
      printLimb(limb, this.#digits.view, at);
      if (at <= this.#start) this.#start = this.#firstDigit();
    }
    this.#printedOrdinal = this.#ordinal;
  }

  #firstDigit(): number {
    const digits = this.#digits.bytes;
    let at = 0;
    while (at < MAX_DIGITS - 1 && digits[at] === ZERO) at += 1;
    return at;
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

function printLimb(limb: number, digits: DataView, at: number): void {
  const rest = limb | 0;
  const upper = (rest / 10_000) | 0;
  digits.setUint32(at, FOUR_DIGITS[upper] as number);
  digits.setUint32(at + 4, FOUR_DIGITS[rest - upper * 10_000] as number);
}

/** Brings limbs to eight digits again, of which the two lowest were added to. */
function carry(limbs: Float64Array): void {
  for (let index = 0; index < LIMBS - 1; index += 1) {
    const over = Math.floor((limbs[index] as number) / LIMB);
    if (over > 0) {
      limbs[index] = (limbs[index] as number) - over * LIMB;
      limbs[index + 1] = (limbs[index + 1] as number) + over;
    } else if (index > 0) return;
  }
}

const LIMB_DIGITS = 8;
const LIMB = 1e8;
const LIMB_BIG = 100_000_000n;
/** As many as 2^128 needs. */
const LIMBS = 5;
const MAX_DIGITS = LIMBS * LIMB_DIGITS;
/** Beyond so many it is cheaper to print the number anew. */
const MAX_INCREMENTS = 64;
/** The digits of the numbers below ten thousand, as they lie in memory. */
const FOUR_DIGITS = Uint32Array.from({ length: 10_000 }, (_, number) =>
  Buffer.from(String(number).padStart(4, '0')).readUInt32BE(),
);
const SHIFT_LOW = 2 ** 48 % LIMB;
const SHIFT_HIGH = Math.floor(2 ** 48 / LIMB);
/** Times a limb it is a number that a double still holds exactly. */
const MAX_STEP = 2 ** 20;
