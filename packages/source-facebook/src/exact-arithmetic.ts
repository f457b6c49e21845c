import { textOf } from './exact-text.ts';

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;

interface Units {
  readonly units: bigint;
  readonly scale: number;
}

/** Product of two decimal texts, rounded half up to `scale` fraction digits; exact without a scale. */
export function productOf(one: string, other: string, scale?: number): string {
  const [first, second] = [unitsOf(one), unitsOf(other)];
  const units = first.units * second.units;
  const own = first.scale + second.scale;
  if (scale === undefined) return textOf(units, own);
  return textOf(divided(units * 10n ** BigInt(scale), 10n ** BigInt(own)), scale);
}

/** Quotient of two decimal texts, the second of them positive, rounded half up to `scale` fraction digits. */
export function quotientOf(dividend: string, divisor: string, scale: number): string {
  const [first, second] = [unitsOf(dividend), unitsOf(divisor)];
  const units = first.units * 10n ** BigInt(scale + second.scale);
  return textOf(divided(units, second.units * 10n ** BigInt(first.scale)), scale);
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
