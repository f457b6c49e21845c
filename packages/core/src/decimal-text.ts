interface Scaled {
  readonly digits: bigint;
  readonly scale: number;
}

/** Exact sum of decimals in text form, such as `-12.50`. */
export function sumDecimals(texts: Iterable<string>): string {
  const sum = new DecimalSum();
  for (const text of texts) sum.add(text);
  return sum.text;
}

/** Negative, zero or positive, as the first decimal is less than, equal to or greater than the second. */
export function compareDecimals(one: string, other: string): number {
  const difference = sumDecimals([one, other.startsWith('-') ? other.slice(1) : `-${other}`]);
  if (difference === '0') return 0;
  return difference.startsWith('-') ? -1 : 1;
}

/** Adds decimals up without ever rounding. */
export class DecimalSum {
  #digits = 0n;
  #scale = 0;

  /** @throws `RangeError` when the text is no decimal. */
  add(text: string): void {
    const { digits, scale } = scaled(text);
    if (scale > this.#scale) {
      this.#digits *= 10n ** BigInt(scale - this.#scale);
      this.#scale = scale;
    }
    this.#digits += digits * 10n ** BigInt(this.#scale - scale);
  }

  /** Without trailing zeros. */
  get text(): string {
    const negative = this.#digits < 0n;
    const digits = String(negative ? -this.#digits : this.#digits).padStart(this.#scale + 1, '0');
    const whole = digits.slice(0, digits.length - this.#scale);
    const fraction = digits.slice(digits.length - this.#scale).replace(/0+$/, '');
    return `${negative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
  }
}

function scaled(text: string): Scaled {
  const match = /^(-?\d+)(?:\.(\d*))?$/.exec(text);
  if (match === null) throw new RangeError('not a decimal');
  const fraction = match[2] ?? '';
  return { digits: BigInt(`${match[1]}${fraction}`), scale: fraction.length };
}
