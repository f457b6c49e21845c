import type { ValueSpec } from '@etl/core';
import { arrayItems, arrayText } from './array-text.ts';
import { plainArray } from './plain-array.ts';
import { ValueError } from './value-error.ts';
import {
  dateInRange,
  dayOutOfRange,
  numericInRange,
  numericOutOfRange,
  timestampInRange,
  type RangeCheck,
} from './value-range.ts';

/**
 * Told of each value that no destination can hold and that becomes NULL instead. Absent where such a
 * value is an error: by default, and always in a key.
 */
export type Replace = () => void;

/** Makes the value of a row from PostgreSQL's text for it. Without `replace` it may throw {@link ValueError}. */
export type ParseValue = (text: string, replace?: Replace) => unknown;

/**
 * What a PostgreSQL type becomes. The snapshot and the stream share it, rows and text share it, so their
 * values are equal.
 */
export interface ValueType {
  readonly spec: Omit<ValueSpec, 'nullable'>;
  readonly parse: ParseValue;
  /**
   * Whether PostgreSQL's text is the field's text of a `TextBatch` as it stands, for a value that a
   * destination can hold. It may be asked of the bytes of COPY, escapes included, or of those of
   * `pgoutput`. Absent: always.
   */
  readonly fits?: RangeCheck;
  /**
   * The text of the `TextBatch` field where {@link ValueType.fits} says no, of the text without the escapes
   * of COPY; `null` is NULL. Throws as {@link ValueType.parse} does.
   */
  readonly rewrite: (text: string, replace?: Replace) => string | null;
}

/** A row of `pg_type`, as far as it matters here. */
export interface TypeRow {
  readonly oid: number;
  /** `d` domain, `e` enum, others as in `pg_type.typtype`. */
  readonly kind: string;
  /** The type of a domain's values; 0 for other types. */
  readonly base: number;
  readonly baseModifier: number;
  /** The type of an array's elements; 0 for other types. */
  readonly element: number;
  /** What separates the elements of an array of this type. */
  readonly delimiter: string;
}

const MAX_DECIMAL_DIGITS = 76;

/** How values of a type, with its modifier, are declared and read. */
export function valueType(oid: number, modifier: number, types: ReadonlyMap<number, TypeRow>): ValueType {
  const builtIn = BUILT_IN[oid];
  if (builtIn !== undefined) return builtIn;
  if (oid === NUMERIC) return numeric(modifier);
  const type = types.get(oid);
  if (type === undefined) return TEXT;
  if (type.kind === 'd') return valueType(type.base, type.baseModifier === -1 ? modifier : type.baseModifier, types);
  if (type.kind === 'e') return ENUM;
  if (type.element !== 0) return arrayOf(type.element, modifier, types);
  return TEXT;
}

function arrayOf(element: number, modifier: number, types: ReadonlyMap<number, TypeRow>): ValueType {
  const items = valueType(element, modifier, types);
  // An array of a domain over an array has no type here; its text says everything.
  if (items.spec.type === 'array') return TEXT;
  const delimiter = types.get(element)?.delimiter ?? ',';
  const itemsOf = (text: string, replace?: Replace): readonly (string | null)[] | null => {
    try {
      return arrayItems(text, delimiter);
    } catch (error) {
      return replaced(error, replace);
    }
  };
  const inRange = items.fits;
  const rewriteItem = (item: string | null, replace?: Replace): string | null => {
    if (item === null || inRange === undefined) return item;
    const bytes = Buffer.from(item);
    return inRange(bytes, 0, bytes.length) ? item : items.rewrite(item, replace);
  };
  return {
    spec: { type: 'array', items: { ...items.spec, nullable: true } },
    parse: (text, replace) =>
      itemsOf(text, replace)?.map((item) => (item === null ? null : items.parse(item, replace))) ?? null,
    fits: delimiter === ',' ? plainArray(inRange) : () => false,
    rewrite: (text, replace) => {
      const list = itemsOf(text, replace);
      return list === null ? null : arrayText(list.map((item) => rewriteItem(item, replace)));
    },
  };
}

/** NULL in the place of a value that cannot be held, where that is wanted. */
function replaced(error: unknown, replace: Replace | undefined): null {
  if (replace === undefined || !(error instanceof ValueError)) throw error;
  replace();
  return null;
}

/** A type of which every text is held as it stands. */
function plain(spec: ValueType['spec'], parse: ParseValue = same): ValueType {
  return { spec, parse, rewrite: same };
}

/** A type of which PostgreSQL has values that destinations have not. */
function ranged(
  spec: ValueType['spec'],
  inRange: RangeCheck,
  error: () => ValueError,
  parse: (text: string) => string,
): ValueType {
  return {
    spec,
    fits: inRange,
    parse: (text, replace) => {
      const bytes = Buffer.from(text);
      return inRange(bytes, 0, bytes.length) ? parse(text) : replaced(error(), replace);
    },
    rewrite: (_, replace) => replaced(error(), replace),
  };
}

const NUMERIC = 1700;
const same = (text: string): string => text;
const TEXT = plain({ type: 'string' });
const ENUM = plain({ type: 'string', lowCardinality: true });
const DATE = ranged({ type: 'date' }, dateInRange, () => dayOutOfRange('date'), same);
const TIMESTAMP = ranged({ type: 'timestamp' }, timestampInRange, () => dayOutOfRange('timestamp'), isoText);

const BUILT_IN: Readonly<Record<number, ValueType>> = {
  16: plain({ type: 'boolean' }, (text) => text === 't'),
  17: plain({ type: 'binary' }, (text) => Buffer.from(text.slice(2), 'hex')),
  20: plain({ type: 'int64' }),
  21: plain({ type: 'int16' }, Number),
  23: plain({ type: 'int32' }, Number),
  26: plain({ type: 'uint32' }, Number),
  114: plain({ type: 'json' }),
  700: plain({ type: 'float32' }, Number),
  701: plain({ type: 'float64' }, Number),
  1082: DATE,
  1083: plain({ type: 'time' }),
  1114: TIMESTAMP,
  1184: TIMESTAMP,
  2950: plain({ type: 'uuid' }),
  3802: plain({ type: 'json' }),
};

/** `numeric(p, s)` is exact; without a precision, or with too large a one, only text is. */
function numeric(modifier: number): ValueType {
  if (modifier < 4) return TEXT;
  const declared = ((modifier - 4) >> 16) & 0xffff;
  // Since PostgreSQL 15 the scale is eleven bits with a sign.
  const scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
  const precision = Math.max(declared - Math.min(scale, 0), scale);
  if (precision > MAX_DECIMAL_DIGITS) return TEXT;
  return ranged({ type: 'decimal', precision, scale: Math.max(scale, 0) }, numericInRange, numericOutOfRange, same);
}

function isoText(text: string): string {
  return `${text.slice(0, 10)}T${text.slice(11, text.endsWith('+00') ? -3 : undefined)}Z`;
}
