import { expect, test } from 'vitest';
import { usePostgres } from '../support/postgres.ts';
import { Replica, ROW_FORMS } from '../support/replica.ts';
import { sameValues } from '../support/same-values.ts';

const postgres = usePostgres();

/** Column, type, and values as SQL: what is written, or looked at, in a way of its own where it is given as text. */
const COLUMNS: readonly (readonly [string, string, readonly string[]])[] = [
  ['we"ird "Name\'', 'later', ["'2024-01-01 00:00:00.123+05'", "'infinity'", "'2299-12-31 23:59:59.999Z'"]],
  ['select', 'timestamptz', ["'2024-01-01 00:00:00.123456+05'", "'0044-03-15 BC'", "'1900-01-01Z'", "'20000-01-01Z'"]],
  [
    'plain',
    'timestamp',
    ["'2024-01-01 00:00:00.1'", "'1899-12-31 23:59:59.999999'", "'12345-01-01'", "'1999-01-01 BC'"],
  ],
  ['moments', 'timestamptz[]', ["'{2024-01-01 00:00:00.1+03,NULL}'"]],
  ['laters', 'later[]', ["'{2024-01-01 00:00:00.1+03}'"]],
  ['day', 'date', ["'infinity'", "'2024-02-29'", "'0001-01-01'", "'5874897-12-31'"]],
  ['time', 'time', ["'24:00:00'", "'00:00:00.000001'"]],
  ['amount', 'amount', ["'NaN'", '-1.5', '9999999999.99']],
  ['small', 'numeric(5,5)', ['0.00123', '-0.99999']],
  ['free', 'numeric', ["'NaN'", '1e40', '-0.0001']],
  ['real', 'float4', ["'NaN'", "-'NaN'::float4", "'Infinity'", "'1e-45'", "'3.4028235e38'", "'-0'"]],
  ['double', 'float8', ["'NaN'", "'-Infinity'", "'5e-324'", "'1.7976931348623157e308'", '123456789012345680000']],
  ['mood', 'mood', [String.raw`E'ta\tb'`, String.raw`E'back\\slash'`, String.raw`E'\uFEFF'`]],
  ['text', 'text', [String.raw`E'\uFEFFx'`, String.raw`E'\\N'`, "''", String.raw`E'\r\n'`, String.raw`E'\\.'`]],
  ['json', 'json', [String.raw`E'{"a" :\n 1}'`]],
  ['number', 'oid', ['4294967295']],
];
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
/** JSON has neither `NaN` nor a negative zero. */
const exactNumber = (_: string, value: unknown): unknown =>
  typeof value === 'number' ? (Object.is(value, -0) ? '-0' : String(value)) : value;
const LONGEST = Math.max(...COLUMNS.map(([, , values]) => values.length));
const rows = (from: number): string =>
  Array.from({ length: LONGEST + 1 }, (_, index) => {
    const values = COLUMNS.map(([, , some]) => (index === LONGEST ? 'NULL' : (some[index % some.length] ?? 'NULL')));
    const key = [
      `E'\\uFEFF\\\\N\\t${from + index}'`,
      `'2024-06-01 12:00:00.5+02'::timestamptz + interval '${index} h'`,
    ];
    return `INSERT INTO zoo VALUES (${[...values, ...key].join(', ')})`;
  }).join(';');

test.each(['zoo', 'parts', 'heirs'])(
  'rows are the same in every form, in the snapshot and in the stream (%s)',
  async (table) => {
    await using database = await postgres.database(
      `CREATE DOMAIN late AS timestamptz(3); CREATE DOMAIN later AS late; CREATE DOMAIN amount AS numeric(12,2);
     CREATE TYPE mood AS ENUM (E'ta\\tb', E'back\\\\slash', E'\\uFEFF');
     CREATE TABLE zoo (${COLUMNS.map(([name, type]) => `${quoted(name)} ${type}`).join(', ')}, "key""" text, at later, PRIMARY KEY (at, "key"""));
     CREATE TABLE parts (id int PRIMARY KEY, at timestamptz) PARTITION BY RANGE (id);
     CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (10);
     CREATE TABLE parts_high (at timestamptz, id int NOT NULL); ALTER TABLE parts ATTACH PARTITION parts_high FOR VALUES FROM (10) TO (100);
     INSERT INTO parts SELECT g, '2024-01-01Z'::timestamptz + g * interval '1.5 s' FROM generate_series(1, 20) g;
     CREATE TABLE heirs (id int PRIMARY KEY, at timestamptz); CREATE TABLE heir (PRIMARY KEY (id)) INHERITS (heirs);
     INSERT INTO heirs VALUES (1, '2024-01-01'); INSERT INTO heir VALUES (1, '2025-01-01');
     ${rows(0)}`,
    );
    const replicas = ROW_FORMS.map((form) => {
      const names = { slot: `${database.name}_${form}`, publication: `of_${form}` };
      return new Replica(database, { ...names, outOfRange: 'null', tables: [table] }, { form });
    });
    const requireSame = async (): Promise<number> => {
      for (const replica of replicas) await replica.run();
      const [one, ...others] = replicas.map((replica) => {
        const spec = replica.store.specs.get(table);
        return spec === undefined
          ? []
          : replica
              .rows(table)
              .map((row) => JSON.stringify(sameValues(spec, row), exactNumber))
              .toSorted();
      });
      for (const other of others) expect(other).toEqual(one);
      return one?.length ?? 0;
    };
    const before = await requireSame();
    await database.sql(
      `${rows(100)}; UPDATE zoo SET text = 'changed', at = at + interval '1 ms' WHERE number IS NOT NULL; DELETE FROM zoo WHERE day IS NULL;
     INSERT INTO parts VALUES (21, '2024-01-01Z'); UPDATE parts SET at = at + interval '1 h' WHERE id < 15; INSERT INTO heirs VALUES (2, NULL)`,
    );
    const after = await requireSame();
    expect(after).toBeGreaterThan(before);
  },
);
