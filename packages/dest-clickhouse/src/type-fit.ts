/** A ClickHouse type, taken apart as far as widening has to know it. */
interface Taken {
  readonly base: string;
  readonly isNullable: boolean;
}

/**
 * Whether every value of one ClickHouse type can be stored in the other as the same value: 64-bit
 * integers do not fit into `Float64`.
 */
export function fits(from: string, to: string): boolean {
  const source = take(from);
  const target = take(to);
  if (source.isNullable && !target.isNullable) return false;
  return baseFits(source.base, target.base);
}

/** The narrowest type that both fit into: one of them, or text. */
export function widened(current: string, declared: string): string {
  const isNullable = take(current).isNullable || take(declared).isNullable;
  for (const type of [take(declared).base, take(current).base]) {
    const candidate = isNullable && !type.startsWith('Array(') ? `Nullable(${type})` : type;
    if (fits(current, candidate) && fits(declared, candidate)) return candidate;
  }
  const inner = [current, declared].map((type) => /^Array\((.*)\)$/.exec(type)?.[1]);
  if (inner[0] !== undefined && inner[1] !== undefined) return `Array(${widened(inner[0], inner[1])})`;
  return isNullable ? 'Nullable(String)' : 'String';
}

/** The type with NULL besides its values; `undefined` when it has that already. Arrays have no such type. */
export function nullableType(type: string): string | undefined {
  const { base, isNullable } = take(type);
  if (isNullable) return undefined;
  return type.startsWith('LowCardinality(') ? `LowCardinality(Nullable(${base}))` : `Nullable(${base})`;
}

/** What a variant of the type is called, as in the tables of dlt: `v_double`, `v_text`, `v_bigint`. */
export function variantSuffix(type: string): string {
  const { base } = take(/^Array\((.*)\)$/.exec(type)?.[1] ?? type);
  const known: Readonly<Record<string, string>> = {
    Float64: 'double',
    Int64: 'bigint',
    String: 'text',
    Bool: 'bool',
    Date32: 'date',
  };
  return `v_${
    known[base] ??
    base
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, '_')
      .replace(/_$/, '')
  }`;
}

function take(type: string): Taken {
  let base = type;
  let isNullable = false;
  for (;;) {
    const inner = /^(?:LowCardinality|Nullable)\((.*)\)$/.exec(base)?.[1];
    if (inner === undefined) return { base, isNullable };
    isNullable ||= base.startsWith('Nullable');
    base = inner;
  }
}

function baseFits(from: string, to: string): boolean {
  if (from === to || to === 'String') return true;
  const fromItems = /^Array\((.*)\)$/.exec(from)?.[1];
  const toItems = /^Array\((.*)\)$/.exec(to)?.[1];
  if (fromItems !== undefined && toItems !== undefined) return fits(fromItems, toItems);
  const integer = /^(U?)Int(\d+)$/.exec(from);
  if (integer !== null) return integerFits(integer[1] === 'U', Number(integer[2]), to);
  if (from === 'Float32') return to === 'Float64';
  const [digits, scale] = decimalOf(from) ?? [];
  const [toDigits, toScale] = decimalOf(to) ?? [];
  if (digits === undefined || scale === undefined || toDigits === undefined || toScale === undefined) return false;
  return toScale >= scale && toDigits - toScale >= digits - scale;
}

const DECIMAL_DIGITS: Readonly<Record<number, number>> = { 8: 3, 16: 5, 32: 10, 64: 20 };

function integerFits(isUnsigned: boolean, bits: number, to: string): boolean {
  if (to === 'Float64') return bits <= 32;
  const decimal = decimalOf(to);
  if (decimal !== undefined) return decimal[0] - decimal[1] >= (DECIMAL_DIGITS[bits] ?? 77);
  const target = /^(U?)Int(\d+)$/.exec(to);
  if (target === null) return false;
  const toBits = Number(target[2]);
  if (target[1] === 'U') return isUnsigned && toBits >= bits;
  return isUnsigned ? toBits > bits : toBits >= bits;
}

function decimalOf(type: string): readonly [number, number] | undefined {
  const match = /^Decimal\((\d+), (\d+)\)$/.exec(type);
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}
