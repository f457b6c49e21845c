import { textOf } from './exact-text.ts';

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;

/** Those that amounts and rates come with: making them takes longer than using them. */
const POWERS = Array.from({ length: 40 }, (_, exponent) => 10n ** BigInt(exponent));

interface Units {
  readonly units: bigint;
  readonly scale: number;
}

/** Product of two decimal texts, rounded half up to `scale` fraction digits; exact without a scale. */
export function productOf(one: string, other: string, scale?: number): string {
  return timesOf(other, scale)(one);
}

/** {@link productOf} for many numbers and one factor, which is looked at once. */
export function timesOf(factor: string, scale?: number): (text: string) => string {
  const second = unitsOf(factor);
  return (text) => {
    const first = unitsOf(text);
    const units = first.units * second.units;
    const surplus = first.scale + second.scale - (scale ?? Infinity);
    if (scale === undefined || surplus <= 0) return textOf(units, first.scale + second.scale);
    return textOf(divided(units, powerOfTen(surplus)), scale);
  };
}

/** Quotient of two decimal texts, the second of them positive, rounded half up to `scale` fraction digits. */
export function quotientOf(dividend: string, divisor: string, scale: number): string {
  const [first, second] = [unitsOf(dividend), unitsOf(divisor)];
  const units = first.units * powerOfTen(scale + second.scale);
  return textOf(divided(units, second.units * powerOfTen(first.scale)), scale);
}

function powerOfTen(exponent: number): bigint {
  return POWERS[exponent] ?? 10n ** BigInt(exponent);
}

function unitsOf(text: string): Units {
  const [, sign = '', whole = '0', fraction = ''] = DECIMAL.exec(text) ?? [];
  const units = BigInt(whole + fraction);
  return { units: sign === '-' ? -units : units, scale: fraction.length };
}

/** Half up means away from zero: a refund is rounded as what was charged. */
function divided(dividend: bigint, divisor: bigint): bigint {
  const [size, sign] = dividend < 0n ? [-dividend, -1n] : [dividend, 1n];
  return sign * ((2n * size + divisor) / (2n * divisor));
}
