import type { ColumnSpec, Row, StreamSpec } from '@etl/core';

type Typed = readonly [Omit<ColumnSpec, 'name' | 'nullable'>, readonly unknown[]];

/** Every type that has a form as text, with the values that are hard, as text gives them. */
const TYPES: readonly Typed[] = [
  [{ type: 'boolean' }, [true, false]],
  [{ type: 'int16' }, ['-32768', '32767', '0']],
  [{ type: 'int32' }, ['-2147483648', '2147483647']],
  [{ type: 'int64' }, ['-9223372036854775808', '9223372036854775807', '9007199254740993']],
  [{ type: 'uint32' }, ['0', '4294967295']],
  [{ type: 'uint64' }, ['0', '18446744073709551615']],
  [{ type: 'float32' }, [1.5, Number.NaN, Infinity, -Infinity]],
  [{ type: 'float64' }, [0.1, -1e300, 5e-324, Number.NaN, Infinity, -Infinity]],
  [{ type: 'decimal', precision: 18, scale: 6 }, ['-123456789012.123456', '0.000001', '7']],
  [{ type: 'decimal', precision: 76, scale: 10 }, [`${'9'.repeat(66)}.${'9'.repeat(10)}`]],
  [
    { type: 'string' },
    [
      '',
      'a\tb\nc\r\\N\\',
      String.raw`\N`,
      'NULL',
      '"quoted" \'and\'',
      'Zürich 東京 😀',
      '\b\f\v\u0001\u007f',
      'a'.repeat(20_000),
    ],
  ],
  [{ type: 'string' }, ['line\n\nDROP TABLE x', '{"a":1}', '[1]', ';']],
  [{ type: 'string', lowCardinality: true }, ['new', 'paid']],
  [{ type: 'uuid' }, ['8d8ac610-566d-4ef0-9c22-186b2a5ed793']],
  [{ type: 'date' }, ['1900-01-01', '2299-12-31', '2024-02-29']],
  [{ type: 'time' }, ['00:00:00', '24:00:00', '12:34:56.123456']],
  [{ type: 'timestamp' }, ['1900-01-01 00:00:00', '2299-12-31 23:59:59.999999', '2026-11-01 10:20:30.5']],
  [{ type: 'json' }, ['{"a": [1, "x\\n\\"y\\""]}', 'null']],
  [{ type: 'binary' }, [new Uint8Array([0, 255, 9, 10, 92]), new Uint8Array()]],
  [
    { type: 'array', items: { type: 'string', nullable: true } },
    [[], ['', 'NULL', null, 'a,b', '{x}', '"', '\\', '\t\n', 'é\u00a0']],
  ],
  [{ type: 'array', items: { type: 'int64', nullable: true } }, [['9223372036854775807', null]]],
  [{ type: 'array', items: { type: 'boolean', nullable: true } }, [[true, false, null]]],
  [{ type: 'array', items: { type: 'binary', nullable: true } }, [[new Uint8Array([1, 255]), null]]],
];

const COLUMNS: readonly ColumnSpec[] = TYPES.map(([spec], index) => ({
  ...spec,
  name: `c${index}`,
  nullable: spec.type !== 'array',
}));
export const ALL: StreamSpec = {
  name: 'as_rows',
  columns: [{ name: 'id', type: 'int64', nullable: false }, ...COLUMNS],
  primaryKey: ['id'],
  writeDisposition: 'merge',
};
/** Rows of {@link ALL}. The first has only NULLs; each other row has one value of every type. */
export const ROWS: readonly Row[] = Array.from({ length: 9 }, (_, place) => ({
  id: String(place),
  ...Object.fromEntries(
    TYPES.map(([spec, values], index) => {
      if (place === 0) return [`c${index}`, spec.type === 'array' ? [] : null];
      return [`c${index}`, values[(place - 1) % values.length]];
    }),
  ),
}));
