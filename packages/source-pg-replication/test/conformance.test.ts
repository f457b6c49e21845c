import { describeReplicationSource, type ReplicationFixture, type UpstreamChange } from '@etl/testing';
import { pgReplication } from '../src/index.ts';
import { usePostgres } from './support/postgres.ts';

const postgres = usePostgres();

/** The hard values of every type; `values` has a column for each. */
const HARD = {
  b: ['boolean', 'true', 'false', 'NULL'],
  i: ['int8', '9223372036854775807', '-9223372036854775808', 'NULL'],
  s: ['int2', '32767', '-32768', 'NULL'],
  n: ['numeric(38, 10)', '0.1000000000', '-1234567890123456789012345678.0000000001', 'NULL'],
  f: ['float8', "'NaN'", '5e-324', "'-Infinity'"],
  t: ['text', String.raw`E'a\tb\n\\N "{,}"'`, "''", 'NULL'],
  j: ['jsonb', `'{"a": [1, "x\\n"], "n": 12345678901234567890.5}'`, "'null'", 'NULL'],
  u: ['uuid', "'8d8ac610-566d-4ef0-9c22-186b2a5ed793'", 'NULL', 'NULL'],
  d: ['date', "'1900-01-01'", "'2299-12-31'", 'NULL'],
  z: ['timestamptz', "'2026-03-29 02:30:00.123456+02'", "'1999-12-31 23:59:59.999999-11'", 'NULL'],
  w: ['timestamp', "'2026-10-25 02:30:00'", "'1900-01-01 00:00:00.000001'", 'NULL'],
  c: ['time', "'24:00:00'", "'00:00:00.000001'", 'NULL'],
  x: ['bytea', String.raw`'\x00ff5c0a09'`, String.raw`'\x'`, 'NULL'],
  a: ['text[]', String.raw`E'{"a,b",NULL,"NULL","","\\"",x}'`, "'{}'", 'NULL'],
  k: ['int8[]', "'{1,NULL,9007199254740993}'", "'{}'", 'NULL'],
  v: ['interval', "'1 mon -3 days 04:05:06.789'", "'0'", 'NULL'],
  r: ['int4range', "'[1,5)'", "'empty'", 'NULL'],
  m: ['text', "repeat('toast ', 3000)", "repeat('x', 9000)", 'NULL'],
} as const;
const COLUMNS = Object.entries(HARD);

const SCHEMA = `
  CREATE TABLE items (id int8 PRIMARY KEY, note text);
  CREATE TABLE lines (id int8 PRIMARY KEY, note text);
  CREATE TABLE values (id int8 PRIMARY KEY, ${COLUMNS.map(([name, [type]]) => `${name} ${type}`).join(', ')})`;

describeReplicationSource('PostgreSQL', async (): Promise<ReplicationFixture> => {
  const database = await postgres.database(SCHEMA.replace('TABLE values', 'TABLE "values"'));
  const { name: slot, url } = database;
  return {
    createSource: () => pgReplication({ connectionString: url, slot, pageRows: 10, slotWaitMs: 100 }),
    async transact(changes) {
      await database.sql(`BEGIN; ${changes.map(statementOf).join('; ')}; COMMIT`);
    },
    confirmed: async () => String(await database.confirmedLsn(slot)),
    connections: async () =>
      Number(
        await database.value(
          `SELECT count(*) FROM pg_stat_activity WHERE datname = '${slot}' AND application_name = 'etl'`,
        ),
      ),
    values: {
      stream: 'values',
      rows: 3,
      async write(first) {
        const rows = [1, 2, 3].map(
          (place) => `(${[first + place - 1, ...COLUMNS.map(([, values]) => values[place])].join(', ')})`,
        );
        await database.sql(`INSERT INTO "values" VALUES ${rows.join(', ')}`);
      },
    },
    async loseHistory() {
      await database.sql(`SELECT pg_drop_replication_slot('${slot}')`);
    },
    secrets: [new URL(url).password],
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
});

function statementOf(change: UpstreamChange): string {
  const { table } = change;
  switch (change.type) {
    case 'insert':
      return `INSERT INTO ${table} VALUES (${change.id}, ${textOf(change.note)})`;
    case 'update':
      return `UPDATE ${table} SET note = ${textOf(change.note)} WHERE id = ${change.id}`;
    case 'rekey':
      return `UPDATE ${table} SET id = ${change.newId} WHERE id = ${change.id}`;
    case 'delete':
      return `DELETE FROM ${table} WHERE id = ${change.id}`;
    case 'truncate':
      return `TRUNCATE ${table}`;
  }
}

function textOf(note: string | null): string {
  return note === null ? 'NULL' : `'${note}'`;
}
