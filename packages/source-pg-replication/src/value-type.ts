import { isDeepStrictEqual } from 'node:util';
import type { ValueSpec } from '@etl/core';
import { arrayItems } from './array-text.ts';
import type { BinaryType } from './binary-type.ts';
import { ValueError } from './value-error.ts';

/** Told of each value that no destination can hold and that becomes NULL instead. */
export type Replace = () => void;

/**
 * Makes the value of a row from PostgreSQL's text for it.
 *
 * @param replace Absent where a value that no destination can hold is an error: by default, and always in a key.
 * @throws {@link ValueError} without `replace`.
 */
export type ParseValue = (text: string, replace?: Replace) => unknown;

/** What a PostgreSQL type becomes. The snapshot and the stream share it, so their values are equal. */
export interface ValueType {
  readonly spec: Omit<ValueSpec, 'nullable'>;
  readonly parse: ParseValue;
  /** Whether commas separate the items of an array of this type, as they do for nearly all. */
  readonly hasCommas?: boolean;
  /** Whether a zone stands behind the values. */
  readonly isZoned?: boolean;
  /** How COPY gives the values in its binary format. Absent where only their text is read. */
  readonly binary?: BinaryType;
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

// The range of ClickHouse, which clamps silently beyond it.
const FIRST_DAY = '1900-01-01';
const LAST_DAY = '2299-12-31';
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

/** A type as a column has it. */
export interface TypeUse {
  readonly type: number;
  readonly modifier: number;
}

/**
 * Whether a column that changes from one type to the other keeps the values that its rows had. PostgreSQL may
 * leave the rows as they are and print them otherwise: a `cidr` 10.0.0.1/32 is an `inet` 10.0.0.1.
 */
export function areValuesAlike(one: TypeUse, other: TypeUse, types: ReadonlyMap<number, TypeRow>): boolean {
  const [before, after] = [one, other].map(({ type, modifier }) => valueType(type, modifier, types).spec);
  return isDeepStrictEqual(before, after) && printedAs(one.type, types) === printedAs(other.type, types);
}

/** The type that prints the values: of a domain its base, of an array its items. */
function printedAs(oid: number, types: ReadonlyMap<number, TypeRow>): number {
  const type = types.get(oid);
  if (type?.kind === 'd') return printedAs(type.base, types);
  if (type !== undefined && type.element !== 0) return printedAs(type.element, types);
  return oid === VARCHAR ? TEXT_OID : oid;
}

const TEXT_OID = 25;
const VARCHAR = 1043;

function arrayOf(element: number, modifier: number, types: ReadonlyMap<number, TypeRow>): ValueType {
  const items = valueType(element, modifier, types);
  // An array of a domain over an array has no type here; its text says everything.
  if (items.spec.type === 'array') return TEXT;
  const delimiter = types.get(element)?.delimiter ?? ',';
  const binary = typeof items.binary === 'string' ? { binary: { items: items.binary } } : {};
  return {
    ...binary,
    spec: { type: 'array', items: { ...items.spec, nullable: true } },
    parse: (text, replace) => {
      let texts;
      try {
        texts = arrayItems(text, delimiter);
      } catch (error) {
        return replaced(error, replace);
      }
      return texts.map((item) => (item === null ? null : items.parse(item, replace)));
    },
    hasCommas: delimiter === ',',
  };
}

/** NULL in the place of a value that cannot be held, where that is wanted. */
function replaced(error: unknown, replace: Replace | undefined): null {
  if (replace === undefined || !(error instanceof ValueError)) throw error;
  replace();
  return null;
}

const NUMERIC = 1700;
const same: ParseValue = (text) => text;
/** Whatever PostgreSQL says, as it says it. */
export const TEXT: ValueType = { spec: { type: 'string' }, parse: same };
/** Types that are text themselves. */
const PLAIN_TEXT: ValueType = { ...TEXT, binary: 'text' };
const NUMERIC_TEXT: ValueType = { ...TEXT, binary: 'numeric' };
const ENUM: ValueType = { spec: { type: 'string', lowCardinality: true }, parse: same, binary: 'text' };

const BUILT_IN: Readonly<Record<number, ValueType>> = {
  16: { spec: { type: 'boolean' }, parse: (text) => text === 't', binary: '1' },
  17: { spec: { type: 'binary' }, parse: parseBytes, binary: 'bytes' },
  20: { spec: { type: 'int64' }, parse: same, binary: '8' },
  21: { spec: { type: 'int16' }, parse: Number, binary: '2' },
  23: { spec: { type: 'int32' }, parse: Number, binary: '4' },
  25: PLAIN_TEXT,
  26: { spec: { type: 'uint32' }, parse: Number, binary: '4' },
  114: { spec: { type: 'json' }, parse: same, binary: 'text' },
  700: { spec: { type: 'float32' }, parse: Number, binary: 'float4' },
  701: { spec: { type: 'float64' }, parse: Number, binary: 'float8' },
  1042: PLAIN_TEXT,
  1043: PLAIN_TEXT,
  1082: { spec: { type: 'date' }, parse: parseDate, binary: 'date' },
  1083: { spec: { type: 'time' }, parse: same, binary: 'time' },
  1114: { spec: { type: 'timestamp' }, parse: parseTimestamp, binary: 'timestamp' },
  1184: { spec: { type: 'timestamp' }, parse: parseTimestamp, isZoned: true, binary: 'timestamp' },
  2950: { spec: { type: 'uuid' }, parse: same, binary: 'halves' },
  3802: { spec: { type: 'json' }, parse: same, binary: 'jsonb' },
};

/** `numeric(p, s)` is exact; without a precision, or with too large a one, only text is. */
function numeric(modifier: number): ValueType {
  if (modifier < 4) return NUMERIC_TEXT;
  const declared = ((modifier - 4) >> 16) & 0xffff;
  // Since PostgreSQL 15 the scale is eleven bits with a sign.
  const scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
  const precision = Math.max(declared - Math.min(scale, 0), scale);
  if (precision > MAX_DECIMAL_DIGITS) return NUMERIC_TEXT;
  return { spec: { type: 'decimal', precision, scale: Math.max(scale, 0) }, parse: parseDecimal, binary: 'numeric' };
}

function parseDecimal(text: string, replace?: Replace): string | null {
  const last = text.charCodeAt(text.length - 1);
  if (last >= 0x30 && last <= 0x39) return text;
  return replaced(
    new ValueError({
      code: 'PG_VALUE_OUT_OF_RANGE',
      message: 'a numeric that is NaN or infinite',
      hint: 'Correct the value, or drop the precision of the column, which is then read as text.',
      condition: (value) => `${value} IN ('NaN', 'Infinity', '-Infinity')`,
    }),
    replace,
  );
}

function parseDate(text: string, replace?: Replace): string | null {
  return text.length === 10 && text >= FIRST_DAY && text <= LAST_DAY
    ? text
    : replaced(outOfRange('date', FIRST_DAY, LAST_DAY), replace);
}

// PostgreSQL leaves the zone out where it is compared with a value that has none.
const FIRST_MOMENT = `${FIRST_DAY} 00:00:00+00`;
const LAST_MOMENT = `${LAST_DAY} 23:59:59.999999+00`;

function parseTimestamp(text: string, replace?: Replace): string | null {
  const day = text.slice(0, 10);
  const isHeld = text.charCodeAt(10) === 0x20 && day >= FIRST_DAY && day <= LAST_DAY && !text.endsWith('BC');
  if (!isHeld) return replaced(outOfRange('timestamp', FIRST_MOMENT, LAST_MOMENT), replace);
  return `${day}T${text.slice(11, text.endsWith('+00') ? -3 : undefined)}Z`;
}

function outOfRange(what: string, first: string, last: string): ValueError {
  return new ValueError({
    code: 'PG_VALUE_OUT_OF_RANGE',
    message: `a ${what} outside ${FIRST_DAY} … ${LAST_DAY}`,
    hint: 'Correct the value at the source.',
    condition: (value) => `${value} NOT BETWEEN '${first}' AND '${last}'`,
  });
}

function parseBytes(text: string): Uint8Array {
  return Buffer.from(text.slice(2), 'hex');
}
