import type { ValueSpec } from '@etl/core';
import { INTEGER_RANGES } from './rows/integer-ranges.ts';

/** Whether a field that is not NULL is what `TextBatch.isPlain` says of it, told as slowly and plainly as it is said there. */
export function isPlainField(spec: ValueSpec, text: string): boolean {
  const range = INTEGER_RANGES[spec.type];
  if (range !== undefined) {
    if (!/^(?:0|-?[1-9]\d*)$/.test(text)) return false;
    return BigInt(text) >= range[0] && BigInt(text) <= range[1];
  }
  switch (spec.type) {
    case 'boolean':
      return text === 't' || text === 'f';
    case 'decimal':
      return isPlainDecimal(spec, text);
    case 'float32':
    case 'float64':
      return (
        /^-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$/.test(text) &&
        Number.isFinite(spec.type === 'float32' ? Math.fround(Number(text)) : Number(text))
      );
    case 'date':
      return /^\d{4}-\d\d-\d\d$/.test(text) && isPlainDay(text);
    case 'timestamp':
      return (
        /^\d{4}-\d\d-\d\d (?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?$/.test(text) && isPlainDay(text.slice(0, 10))
      );
    case 'time':
      return /^(?:(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?|24:00:00)$/.test(text);
    default:
      return true;
  }
}

function isPlainDecimal({ precision = 38, scale = 9 }: ValueSpec, text: string): boolean {
  const found = /^-?(\d+)(?:\.(\d+))?$/.exec(text);
  if (found === null) return false;
  const [, whole = '', fraction = ''] = found;
  return fraction.length <= scale && whole.replace(/^0+/, '').length <= precision - scale;
}

function isPlainDay(day: string): boolean {
  const time = Date.parse(`${day}T00:00:00Z`);
  const year = Number(day.slice(0, 4));
  return year >= 1900 && year <= 2299 && !Number.isNaN(time) && new Date(time).toISOString().startsWith(day);
}
