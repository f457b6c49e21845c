import { byteAt, isDigit, LOWER_E, MINUS, PLUS, POINT, UPPER_E, ZERO } from './ascii.ts';
import { ValueError } from './value-error.ts';
import type { WireBuffer } from './wire-buffer.ts';

/**
 * Checks the text that was written from `start` on, and brings it into the form that the wire needs.
 *
 * @throws {@link ValueError} when it would not arrive exactly.
 */
export type Settle = (out: WireBuffer, start: number) => void;

/** Decimal digits of an integer within a range: ClickHouse wraps what is outside. */
export function integerText(low: bigint, high: bigint): Settle {
  const digits = String(high).length;
  const isSigned = low < 0n;
  return (out, start) => {
    const { bytes, length } = out;
    const first = length > start && byteAt(bytes, start) === MINUS ? start + 1 : start;
    if (first === length) throw new ValueError('text that is not an integer');
    for (let at = first; at < length; at += 1) {
      if (!isDigit(byteAt(bytes, at))) throw new ValueError('text that is not an integer');
    }
    const isPlain = byteAt(bytes, first) !== ZERO || length - start === 1;
    if (isPlain && length - start < digits && (first === start || isSigned)) return;
    const value = BigInt(out.asciiFrom(start));
    if (value < low || value > high) throw new ValueError('an integer outside the range of its type');
    out.length = start;
    out.writeAscii(String(value));
  };
}

/** Decimal text that fits: ClickHouse cuts the digits that are too many. */
export function decimalText(precision: number, scale: number): Settle {
  const wholeDigits = precision - scale;
  return (out, start) => {
    const { bytes, length } = out;
    let at = length > start && byteAt(bytes, start) === MINUS ? start + 1 : start;
    const first = at;
    while (at < length && byteAt(bytes, at) === ZERO) at += 1;
    const whole = at;
    while (at < length && isDigit(byteAt(bytes, at))) at += 1;
    if (at === first) throw new ValueError('text that is not a decimal');
    if (at - whole > wholeDigits) throw tooLong(bytes, at, length, wholeDigits);
    if (at === length) return;
    if (byteAt(bytes, at) !== POINT) throw new ValueError('text that is not a decimal');
    const point = at;
    let last = point;
    for (at = point + 1; at < length; at += 1) {
      const byte = byteAt(bytes, at);
      if (!isDigit(byte)) throw new ValueError('text that is not a decimal');
      if (byte !== ZERO) last = at;
    }
    if (last - point > scale) throw new ValueError(`a decimal with more than ${scale} fraction digits`);
  };
}

function tooLong(bytes: Uint8Array, from: number, end: number, wholeDigits: number): ValueError {
  for (let at = from; at < end; at += 1) {
    const byte = byteAt(bytes, at);
    if (!isDigit(byte) && (byte !== POINT || at !== from)) return new ValueError('text that is not a decimal');
  }
  return new ValueError(`a decimal with more than ${wholeDigits} digits before the point`);
}

const DENORMAL: ReadonlyMap<string, string> = new Map([
  ['NaN', '"nan"'],
  ['Infinity', '"inf"'],
  ['-Infinity', '"-inf"'],
]);

/** No more digits than these are beyond the range of any float without an exponent. */
const SAFE_DIGITS = 38;

/** The text of a float. What is finite must not become infinite; other rounding is what floats do. */
export function floatText(isFinite: (value: number) => boolean): Settle {
  return (out, start) => {
    const { bytes, length } = out;
    let at = length > start && byteAt(bytes, start) === MINUS ? start + 1 : start;
    const whole = at;
    while (at < length && isDigit(byteAt(bytes, at))) at += 1;
    if (at === whole) return settleDenormal(out, start);
    let hasExponent = false;
    if (at < length && byteAt(bytes, at) === POINT) {
      const fraction = (at += 1);
      while (at < length && isDigit(byteAt(bytes, at))) at += 1;
      if (at === fraction) throw notANumber();
    }
    if (at < length && (byteAt(bytes, at) === LOWER_E || byteAt(bytes, at) === UPPER_E)) {
      hasExponent = true;
      at += 1;
      if (at < length && (byteAt(bytes, at) === MINUS || byteAt(bytes, at) === PLUS)) at += 1;
      const exponent = at;
      while (at < length && isDigit(byteAt(bytes, at))) at += 1;
      if (at === exponent) throw notANumber();
    }
    if (at !== length) throw notANumber();
    if ((hasExponent || length - start > SAFE_DIGITS) && !isFinite(Number(out.asciiFrom(start))))
      throw new ValueError('a number outside the range of its type');
  };
}

function settleDenormal(out: WireBuffer, start: number): void {
  const written = DENORMAL.get(out.asciiFrom(start));
  if (written === undefined) throw notANumber();
  out.length = start;
  out.writeAscii(written);
}

function notANumber(): ValueError {
  return new ValueError('text instead of a number');
}
