import { EtlError } from '@etl/core';

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;

/**
 * A number of the platform as decimal text with at most `scale` fraction digits. Digits beyond it are
 * rounded half up: they are what doubles leave behind (`149.97000000000003`). `undefined` when it is no number.
 */
export function decimalOf(value: unknown, scale: number): string | undefined {
  const text = typeof value === 'number' ? plain(value) : value;
  if (typeof text !== 'string') return undefined;
  const match = DECIMAL.exec(/e/i.test(text) ? plain(Number(text)) : text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = ''] = match;
  if (fraction.length <= scale) return `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}`;
  const up = (fraction[scale] ?? '0') >= '5' ? 1n : 0n;
  return textOf((sign === '-' ? -1n : 1n) * (BigInt(whole + fraction.slice(0, scale)) + up), scale);
}

/** Exact sum of decimal texts with at most ten fraction digits. */
export function sumOf(texts: Iterable<string>): string {
  let sum = 0n;
  for (const text of texts) sum += scaledOf(text, SUM_SCALE);
  return textOf(sum, SUM_SCALE);
}

/** A decimal text as an integer of units of 10⁻ˢᶜᵃˡᵉ. */
export function scaledOf(text: string, scale: number): bigint {
  const [, sign = '', whole = '0', fraction = ''] = DECIMAL.exec(text) ?? [];
  const digits = BigInt(whole + fraction.slice(0, scale).padEnd(scale, '0'));
  return sign === '-' ? -digits : digits;
}

/** The decimal text of so many units of 10⁻ˢᶜᵃˡᵉ, without trailing zeros. */
export function textOf(units: bigint, scale: number): string {
  const digits = String(units < 0n ? -units : units).padStart(scale + 1, '0');
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '');
  const whole = digits.slice(0, digits.length - scale);
  return `${units < 0n ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

const SUM_SCALE = 10;
const DOUBLE_DIGITS = 15;

function plain(value: number): string {
  if (!Number.isFinite(value)) return '';
  const text = String(value);
  // Numbers of the platform are text; a double with more digits than it holds may have been another number.
  if (text.replace(/e.*$/, '').replaceAll(/[-.]/g, '').length > DOUBLE_DIGITS) throw inexact();
  return text.includes('e') ? value.toFixed(20).replace(/\.?0+$/, '') : text;
}

function inexact(): EtlError {
  return new EtlError({
    code: 'FACEBOOK_NUMBER_INEXACT',
    kind: 'data',
    message: 'Facebook wrote a number of a report that is too long to be exact, and not as text.',
    hint: 'Report it: the API has changed how it writes numbers.',
  });
}
