import type { ByteMemory } from './byte-memory.ts';

/**
 * A `numeric` of COPY's binary format says how many digits to the base of 10,000 it has, the power of the first of them,
 * its sign, and how many decimal digits are shown behind its point, then has the digits; each in two bytes. Zeros at
 * either end are left out.
 */
const BASE = 10_000;
const BASE_DIGITS = 4;
const HEADER_BYTES = 8;
const POSITIVE = 0;
const NEGATIVE = 0x40_00;
/** So many digits to the base are counted exactly by JavaScript, and one more in front of them below {@link SAFE_FIRST}. */
const SAFE_DIGITS = 3;
const SAFE_FIRST = 9000;
const TWO_WORDS = 2 ** 32;

/** Writes the numbers of a `numeric(precision, scale)` as whole numbers, their points left out. */
export class NumericBytes {
  /** Digits to the base that stand behind the point. */
  readonly #behind: number;
  /** By how much the last of them is too large. */
  readonly #excess: number;
  readonly #width: number;

  constructor(precision: number, scale: number) {
    this.#behind = Math.ceil(scale / BASE_DIGITS);
    this.#excess = 10 ** (this.#behind * BASE_DIGITS - scale);
    this.#width = precision <= 9 ? 4 : precision <= 18 ? 8 : precision <= 38 ? 16 : 32;
  }

  /** Returns the place behind the number; -1 when it is none: NaN, or infinite. */
  write({ view }: ByteMemory, start: number, to: ByteMemory, at: number): number {
    const sign = view.getUint16(start + 4);
    if (sign !== POSITIVE && sign !== NEGATIVE) return -1;
    const count = view.getInt16(start);
    const digits = count === 0 ? 0 : view.getInt16(start + 2) + 1 + this.#behind;
    if (digits < count) throw new RangeError('a numeric with more digits than its column');
    const isSafe =
      digits <= SAFE_DIGITS || (digits === SAFE_DIGITS + 1 && view.getInt16(start + HEADER_BYTES) < SAFE_FIRST);
    if (!isSafe) return this.#writeBig(view, start, digits, to, at);
    let number = 0;
    for (let digit = 0; digit < digits; digit += 1) {
      number = number * BASE + (digit < count ? view.getInt16(start + HEADER_BYTES + digit * 2) : 0);
    }
    number /= sign === NEGATIVE ? -this.#excess : this.#excess;
    to.view.setInt32(at, number, true);
    if (this.#width > 4) to.view.setInt32(at + 4, Math.floor(number / TWO_WORDS), true);
    for (let word = 8; word < this.#width; word += 4) to.view.setInt32(at + word, number < 0 ? -1 : 0, true);
    return at + this.#width;
  }

  #writeBig(view: DataView, start: number, digits: number, to: ByteMemory, at: number): number {
    const count = view.getInt16(start);
    let number = 0n;
    for (let digit = 0; digit < count; digit += 1) {
      number = number * BigInt(BASE) + BigInt(view.getInt16(start + HEADER_BYTES + digit * 2));
    }
    number = (number * BigInt(BASE) ** BigInt(digits - count)) / BigInt(this.#excess);
    if (view.getUint16(start + 4) === NEGATIVE) number = -number;
    for (let word = 0; word < this.#width; word += 4) {
      to.view.setInt32(at + word, Number(BigInt.asIntN(32, number)), true);
      number >>= 32n;
    }
    return at + this.#width;
  }
}

const WORDS: Readonly<Record<number, string>> = { 0xc0_00: 'NaN', 0xd0_00: 'Infinity', 0xf0_00: '-Infinity' };

/** What PostgreSQL prints of such a number. */
export function numericText({ view }: ByteMemory, start: number): string {
  const count = view.getInt16(start);
  const weight = view.getInt16(start + 2);
  const sign = view.getUint16(start + 4);
  const scale = view.getInt16(start + 6);
  const word = WORDS[sign];
  if (word !== undefined) return word;
  const digit = (index: number): string =>
    index < 0 || index >= count
      ? '0000'
      : String(view.getInt16(start + HEADER_BYTES + index * 2)).padStart(BASE_DIGITS, '0');
  let whole = '';
  for (let index = 0; index <= weight; index += 1) whole += digit(index);
  let part = '';
  for (let index = weight + 1; part.length < scale; index += 1) part += digit(index);
  const front = whole.replace(/^0+(?=\d)/, '') || '0';
  return `${sign === NEGATIVE ? '-' : ''}${front}${scale === 0 ? '' : `.${part.slice(0, scale)}`}`;
}
