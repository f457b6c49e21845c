/** A column of PostgreSQL as the checksum needs it. */
export interface SourceColumn {
  readonly name: string;
  /** `typname` of the column or, for an array, of its items. */
  readonly type: string;
  readonly isArray: boolean;
}

/** Expressions of the same text for the same value, one in each engine's SQL. */
interface Canonical {
  readonly postgres: (value: string) => string;
  readonly clickHouse: (value: string) => string;
}

// Both engines print these alike.
const PLAIN: Canonical = {
  postgres: (value) => `${value}::text`,
  clickHouse: (value) => `toString(${value})`,
};

// A cast to text is not what PostgreSQL prints: it takes the padding away, and adds a mask.
const PRINTED: Canonical = {
  postgres: (value) => `CASE WHEN ${value} IS NOT NULL THEN concat(${value}) END`,
  clickHouse: PLAIN.clickHouse,
};

// PostgreSQL keeps trailing zeros, ClickHouse leaves them out.
const DECIMAL: Canonical = {
  postgres: (value) => `trim_scale(${value})::text`,
  clickHouse: (value) => `toString(${value})`,
};

// As microseconds since 1970, so that no format of a time can hide a difference.
const INSTANT: Canonical = {
  postgres: (value) => `(extract(epoch FROM ${value}) * 1000000)::bigint::text`,
  clickHouse: (value) => `toString(toUnixTimestamp64Micro(${value}))`,
};

// Bit by bit: the engines print floating point numbers differently.
const FLOAT: Readonly<Record<'float4' | 'float8', Canonical>> = {
  float4: {
    postgres: (value) => `encode(float4send(${value}), 'hex')`,
    clickHouse: (value) => `leftPad(lower(hex(reinterpretAsUInt32(${value}))), 8, '0')`,
  },
  float8: {
    postgres: (value) => `encode(float8send(${value}), 'hex')`,
    clickHouse: (value) => `leftPad(lower(hex(reinterpretAsUInt64(${value}))), 16, '0')`,
  },
};

const BYTES: Canonical = {
  postgres: (value) => `encode(${value}, 'hex')`,
  clickHouse: (value) => `lower(hex(${value}))`,
};

function canonicalOf(type: string): Canonical {
  switch (type) {
    case 'numeric':
      return DECIMAL;
    case 'timestamp':
    case 'timestamptz':
      return INSTANT;
    case 'float4':
    case 'float8':
      return FLOAT[type];
    case 'bytea':
      return BYTES;
    case 'bpchar':
    case 'inet':
      return PRINTED;
    default:
      return PLAIN;
  }
}

/** The value with its length in bytes in front, so that no two rows run together to the same text. */
function measured(engine: keyof Canonical, text: string): string {
  return engine === 'postgres'
    ? `coalesce(octet_length(${text})::text || ':' || ${text}, 'n')`
    : `ifNull(concat(toString(length(${text})), ':', ${text}), 'n')`;
}

/** One text per row in PostgreSQL: every column, in the order given. */
export function postgresRowText(columns: readonly SourceColumn[]): string {
  const parts = columns.map(({ name, type, isArray }) => {
    const column = `"${name.replaceAll('"', '""')}"`;
    const canonical = canonicalOf(type);
    if (!isArray) return measured('postgres', canonical.postgres(column));
    const item = measured('postgres', canonical.postgres('item'));
    // ClickHouse has no NULL arrays: they are empty there.
    return (
      `coalesce((SELECT cardinality(${column})::text || '[' || coalesce(string_agg(${item}, '' ORDER BY position), '') || ']' ` +
      `FROM unnest(${column}) WITH ORDINALITY AS items(item, position)), '0[]')`
    );
  });
  return parts.join(' || ');
}

/** The same text in ClickHouse. */
export function clickHouseRowText(columns: readonly SourceColumn[]): string {
  const parts = columns.map(({ name, type, isArray }) => {
    const column = `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
    const canonical = canonicalOf(type);
    if (!isArray) return measured('clickHouse', canonical.clickHouse(column));
    const item = measured('clickHouse', canonical.clickHouse('item'));
    return `concat(toString(length(${column})), '[', arrayStringConcat(arrayMap(item -> ${item}, ${column})), ']')`;
  });
  return parts.length === 1 ? parts.join() : `concat(${parts.join(', ')})`;
}
