/** A number that a double would change, as it is written. */
export class ExactNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };

/** JSON text with every number as it was written. */
export function exactJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (part instanceof ExactNumber) return rawJSON(part.text);
    return typeof part === 'bigint' ? rawJSON(String(part)) : part;
  });
}

/** Plain decimal digits of a number, without exponent and trailing zeros; `undefined` when it is no number. */
export function numberText(value: unknown): string | undefined {
  if (typeof value === 'bigint') return String(value);
  const source = value instanceof ExactNumber ? value.text : typeof value === 'number' ? String(value) : undefined;
  return source === undefined ? undefined : plainDecimal(source);
}

export function plainDecimal(source: string): string | undefined {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([-+]?\d+))?$/.exec(source) ?? [];
  if (whole === '' || Math.abs(Number(exponent)) > 400) return undefined;
  const shift = Number(exponent);
  const digits = '0'.repeat(Math.max(0, -shift)) + whole + fraction + '0'.repeat(Math.max(0, shift));
  const point = Math.max(0, -shift) + whole.length + shift;
  const head = digits.slice(0, point).replace(/^0+(?=\d)/, '') || '0';
  const tail = digits.slice(point).replace(/0+$/, '');
  const text = tail === '' ? head : `${head}.${tail}`;
  return text === '0' ? '0' : sign + text;
}

const TIMESTAMP = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6})\d*)?(?:Z|([-+])(\d\d):?(\d\d)?)?$/;

/** Microseconds since 1970 of an ISO timestamp; without an offset it is UTC. */
export function microsecondsOf(text: string): bigint | undefined {
  const match = TIMESTAMP.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const [, , , , , , , fraction = '', sign, offsetHours = '0', offsetMinutes = '0'] = match;
  const at = Date.UTC(year, month - 1, day, hour, minute, second);
  // A date that does not exist would be another one: February 30 becomes March 2.
  const isReal = year > 99 && hour < 24 && minute < 60 && second < 60 && new Date(at).getUTCDate() === day;
  const hours = Number(offsetHours);
  const minutes = Number(offsetMinutes);
  if (!isReal || month < 1 || month > 12 || hours > 23 || minutes > 59) return undefined;
  const offset = (sign === '-' ? -1 : 1) * (hours * 60 + minutes) * 60_000;
  return BigInt(at - offset) * 1000n + BigInt(fraction.padEnd(6, '0'));
}

export function momentText(microseconds: bigint): string {
  const fraction = String(((microseconds % 1_000_000n) + 1_000_000n) % 1_000_000n).padStart(6, '0');
  const seconds = (microseconds - BigInt(fraction)) / 1000n;
  return new Date(Number(seconds)).toISOString().replace(/\.\d+Z$/, `.${fraction}Z`);
}
