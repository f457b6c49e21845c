import { exactJson, microsecondsOf, momentText, numberText } from './exact-value.ts';

/** What an undeclared column is, as far as its values say. Joining is the same in any order of rows. */
export type DetectedType = 'boolean' | 'int64' | 'decimal' | 'wide-decimal' | 'timestamp' | 'json' | 'string';

const NUMBERS: readonly DetectedType[] = ['int64', 'decimal', 'wide-decimal'];
const FULL_TIMESTAMP = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[-+]\d\d(?::?\d\d)?)$/;

export function join(one: DetectedType | undefined, other: DetectedType | undefined): DetectedType | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  if (one === other) return one;
  const rank = Math.max(NUMBERS.indexOf(one), NUMBERS.indexOf(other));
  return NUMBERS.includes(one) && NUMBERS.includes(other) ? NUMBERS[rank] : 'string';
}

/** `undefined` for NULL, which says nothing. */
export function detect(value: unknown): DetectedType | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'string') return timestampText(value) === undefined ? 'string' : 'timestamp';
  const text = numberText(value);
  if (text !== undefined) return numberType(text);
  return 'json';
}

/** The value as its column holds it. */
export function encode(value: unknown, type: DetectedType): unknown {
  if (value === null || value === undefined) return null;
  switch (type) {
    case 'boolean':
      return value;
    case 'int64':
    case 'decimal':
    case 'wide-decimal':
      return numberText(value);
    case 'timestamp':
      return timestampText(value as string);
    case 'json':
      return exactJson(value);
    case 'string':
      return textOf(value);
  }
}

// What a column of numbers or moments became before it turned out to hold text has to be the same
// text that a later value of that kind becomes.
function textOf(value: unknown): string {
  if (typeof value === 'string') return timestampText(value)?.replace('T', ' ').replace('Z', '') ?? value;
  return typeof value === 'boolean' ? String(value) : (numberText(value) ?? exactJson(value));
}

function timestampText(text: string): string | undefined {
  if (!FULL_TIMESTAMP.test(text)) return undefined;
  const at = microsecondsOf(text);
  const moment = at === undefined ? undefined : momentText(at);
  return moment !== undefined && moment >= '1900-01-02' && moment < '2299-12-31' ? moment : undefined;
}

function numberType(text: string): DetectedType {
  const [whole = '', fraction = ''] = text.replace('-', '').split('.');
  if (fraction === '') {
    const value = BigInt(text);
    if (BigInt.asIntN(64, value) === value) return 'int64';
  }
  if (fraction.length <= 9 && whole.length <= 29) return 'decimal';
  return fraction.length <= 38 && whole.length <= 38 ? 'wide-decimal' : 'string';
}
