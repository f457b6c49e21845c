import type { ValueSpec } from '@etl/core';
import { columnType } from './column-type.ts';
import { literal } from './identifier.ts';

/** Plain text of a field, and the same value in JSON. */
type Same = readonly [plain: string, json: string];

/** For each type the forms that `plain-field` lets pass where they are least like each other, four of each. */
const SAMPLES: readonly (readonly [ValueSpec, Same, Same, Same, Same])[] = [
  [{ type: 'boolean', nullable: true }, ['t', 'true'], ['f', 'false'], ['\\N', 'null'], ['t', 'true']],
  [{ type: 'int16', nullable: true }, ['-32768', '-32768'], ['32767', '32767'], ['\\N', 'null'], ['-5', '-5']],
  [
    { type: 'int32', nullable: true },
    ['-2147483648', '-2147483648'],
    ['2147483647', '2147483647'],
    ['\\N', 'null'],
    ['0', '0'],
  ],
  [
    { type: 'int64', nullable: true },
    ['-9223372036854775808', '"-9223372036854775808"'],
    ['9223372036854775807', '"9223372036854775807"'],
    ['\\N', 'null'],
    ['10', '10'],
  ],
  [
    { type: 'uint32', nullable: true },
    ['4294967295', '4294967295'],
    ['0', '0'],
    ['\\N', 'null'],
    ['1000000000', '1000000000'],
  ],
  [
    { type: 'uint64', nullable: true },
    ['18446744073709551615', '"18446744073709551615"'],
    ['0', '0'],
    ['\\N', 'null'],
    ['9223372036854775808', '"9223372036854775808"'],
  ],
  [
    { type: 'float32', nullable: true },
    ['-1.17549435e-38', '-1.17549435e-38'],
    ['3.4028235e+38', '3.4028235e38'],
    ['\\N', 'null'],
    ['0.1', '0.1'],
  ],
  [
    { type: 'float64', nullable: true },
    ['5e-324', '5e-324'],
    ['-1.7976931348623157e+308', '-1.7976931348623157e308'],
    ['\\N', 'null'],
    ['0.30000000000000004', '0.30000000000000004'],
  ],
  [
    { type: 'decimal', precision: 18, scale: 6, nullable: true },
    ['-999999999999.999999', '"-999999999999.999999"'],
    ['1', '"1"'],
    ['\\N', 'null'],
    ['0.10', '"0.1"'],
  ],
  [
    { type: 'decimal', precision: 76, scale: 38, nullable: true },
    [`${'9'.repeat(38)}.${'9'.repeat(38)}`, `"${'9'.repeat(38)}.${'9'.repeat(38)}"`],
    ['-0.5', '"-0.5"'],
    ['\\N', 'null'],
    [`0.${'0'.repeat(37)}1`, `"0.${'0'.repeat(37)}1"`],
  ],
  [
    { type: 'string', nullable: true },
    ['\\b\\f\\n\\r\\t\\v\\\\', String.raw`"\b\f\n\r\t\u000b\\"`],
    ['', '""'],
    ['\\N', 'null'],
    ['\\\\N é "\'\u2028\u{1f600}', '"\\\\N é \\"\'\u2028\u{1f600}"'],
  ],
  [
    { type: 'string', lowCardinality: true, nullable: true },
    ['NULL', '"NULL"'],
    ['', '""'],
    ['\\N', 'null'],
    ['ᴺᵁᴸᴸ', '"ᴺᵁᴸᴸ"'],
  ],
  [
    { type: 'uuid', nullable: true },
    ['00112233-4455-6677-8899-aabbccddeeff', '"00112233-4455-6677-8899-aabbccddeeff"'],
    ['ffffffff-ffff-ffff-ffff-ffffffffffff', '"ffffffff-ffff-ffff-ffff-ffffffffffff"'],
    ['\\N', 'null'],
    ['00000000-0000-0000-0000-000000000000', '"00000000-0000-0000-0000-000000000000"'],
  ],
  [
    { type: 'date', nullable: true },
    ['1900-01-01', '"1900-01-01"'],
    ['2299-12-31', '"2299-12-31"'],
    ['\\N', 'null'],
    ['2024-02-29', '"2024-02-29"'],
  ],
  [
    { type: 'timestamp', nullable: true },
    ['1900-01-01 00:00:00.000001', '"1900-01-01 00:00:00.000001"'],
    ['2299-12-31 23:59:59.999999', '"2299-12-31 23:59:59.999999"'],
    ['\\N', 'null'],
    ['1969-12-31 23:59:59.5', '"1969-12-31 23:59:59.500000"'],
  ],
  // What a row that is gone has where there is no NULL.
  [{ type: 'int64', nullable: false }, ['\\N', '0'], ['7', '7'], ['-7', '-7'], ['0', '0']],
  [{ type: 'string', nullable: false }, ['\\N', '""'], ['', '""'], ['id', '"id"'], ['0', '"0"']],
];
/** The version of a row is a number that no stream can have. */
const VERSIONS: readonly Same[] = ['1', '340282366920938463463374607431768211455', '10', '9'.repeat(38)].map(
  (digits) => [digits, `"${digits}"`],
);

/**
 * Asks a server how many of the sample rows it reads from plain text as something else than from JSON, which says what
 * they are; `others` is '0' where text may be sent. To be asked with the settings that text is inserted with. Whoever may
 * create tables may ask it.
 */
export function plainProbe(): string {
  const types = [...SAMPLES.map(([spec]) => columnType(spec)), 'UInt128', 'UInt8'];
  const structure = literal(types.map((type, index) => `c${index} ${type}`).join(', '));
  const rows = VERSIONS.map((version, row): readonly Same[] => [
    ...SAMPLES.map((sample) => sample[row + 1] as Same),
    version,
    [String(row), String(row)],
  ]);
  const plain = rows.map((row) => `${row.map(([text]) => text).join('\t')}\n`).join('');
  const json = rows.map((row) => `[${row.map(([, value]) => value).join(',')}]\n`).join('');
  return (
    `SELECT toString(${rows.length} - count()) AS others FROM (` +
    `SELECT * FROM format(TabSeparated, ${structure}, ${literal(plain)}) INTERSECT ` +
    `SELECT * FROM format(JSONCompactEachRow, ${structure}, ${literal(json)}))`
  );
}
