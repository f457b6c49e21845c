import type { ValueSpec } from '@etl/core';

/**
 * The ClickHouse type of a value. Times of day are text, because a time type does not exist on every
 * supported server; JSON is text, because the source's own text is the only exact form.
 */
export function columnType(value: ValueSpec, isKey = false): string {
  if (value.type === 'array') {
    return `Array(${value.items === undefined ? 'String' : columnType(value.items)})`;
  }
  const nullable = value.nullable && !isKey;
  const base = baseType(value);
  const type = nullable ? `Nullable(${base})` : base;
  return value.lowCardinality === true && base === 'String' ? `LowCardinality(${type})` : type;
}

function baseType(value: ValueSpec): string {
  switch (value.type) {
    case 'boolean':
      return 'Bool';
    case 'int16':
      return 'Int16';
    case 'int32':
      return 'Int32';
    case 'int64':
      return 'Int64';
    case 'uint32':
      return 'UInt32';
    case 'uint64':
      return 'UInt64';
    case 'float32':
      return 'Float32';
    case 'float64':
      return 'Float64';
    case 'decimal':
      return `Decimal(${value.precision ?? 38}, ${value.scale ?? 9})`;
    case 'uuid':
      return 'UUID';
    case 'date':
      return 'Date32';
    case 'timestamp':
      return "DateTime64(6, 'UTC')";
    case 'string':
    case 'time':
    case 'binary':
    case 'json':
    case 'array':
    case 'nested':
      return 'String';
  }
}

/** Whether the value travels as base64, because bytes have no place in JSON. */
export function isBinary(value: ValueSpec): boolean {
  return value.type === 'binary' || (value.type === 'array' && value.items !== undefined && isBinary(value.items));
}
