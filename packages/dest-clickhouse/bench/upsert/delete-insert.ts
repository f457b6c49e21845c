import type { Connection } from '../../src/connection.ts';
import type { ClickHouseReader } from '../../src/index.ts';
import { readRows } from '../read-rows.ts';
import { CHILD_FIELDS, childExpressions, CHILDREN, loadedRows, ROOT_COLUMNS, rootExpressions } from './report.ts';

/**
 * The statements that dlt issues for `merge` into ClickHouse (strategy `delete-insert`, one nested
 * table, primary key): a table of the ids to delete, a lightweight DELETE per table, a table of the
 * ids to insert, an INSERT per table. Sorting keys as dlt gives them, types as in the table that it
 * is compared with.
 */
const ROOT = [...ROOT_COLUMNS.map(({ name }) => name), 'row_id'];
const CHILD = [...CHILD_FIELDS.map(({ name }) => name), 'row_id', 'root_id', 'list_idx'];
const KEY = ['account', 'day', 'ad'];
const CHUNK_ROWS = 20_000;

/** What a reader polls: the loaded days of the root table, and the child table. */
export function pollsOf(firstDay: string): readonly string[] {
  return [
    `SELECT count(), sum(batch) FROM dlt.root WHERE day >= '${firstDay}'`,
    'SELECT count(), sum(batch) FROM dlt.child',
  ];
}

/** Makes both tables with the same rows as `raw`, and empty staging tables. */
export async function fill(reader: ClickHouseReader, raw: string, rows: number): Promise<void> {
  await readRows(reader, 'DROP DATABASE IF EXISTS dlt SYNC');
  await readRows(reader, 'CREATE DATABASE dlt ENGINE = Atomic');
  const described = await readRows<{ name: string; type: string }>(reader, `DESCRIBE TABLE ${raw}`);
  const types = new Map(described.map(({ name, type }) => [name, type]));
  const columnsOf = (names: readonly string[]): string =>
    names
      .map(
        (name) =>
          `${name} ${types.get(name) ?? (name === 'list_idx' ? 'Int64' : (childType(types, name) ?? 'String'))}`,
      )
      .join(', ');
  for (const prefix of ['', 'staging_']) {
    await readRows(
      reader,
      `CREATE TABLE dlt.${prefix}root (${columnsOf(ROOT)}) ENGINE = MergeTree ORDER BY (${KEY.join(', ')})`,
    );
    await readRows(reader, `CREATE TABLE dlt.${prefix}child (${columnsOf(CHILD)}) ENGINE = MergeTree ORDER BY tuple()`);
  }
  const id = "concat('0-', toString(number))";
  const roots = [...rootExpressions(rows).values(), id].join(', ');
  await readRows(reader, `INSERT INTO dlt.root SELECT ${roots} FROM numbers(${rows})`);
  const children = [...childExpressions('item').values(), `concat(${id}, '-', toString(item))`, id, 'toInt64(item)'];
  await readRows(
    reader,
    `INSERT INTO dlt.child SELECT ${children.join(', ')} FROM numbers(${rows}) ARRAY JOIN range(${CHILDREN}) AS item`,
  );
}

function childType(types: ReadonlyMap<string, string>, name: string): string | undefined {
  return types.get(`actions.${name}`)?.replace(/^Array\((.*)\)$/, '$1');
}

/** Sends the rows into staging, over the same wire and in chunks as the destination's; checks nothing. */
export async function stage(
  connection: Connection,
  from: number,
  to: number,
  rows: number,
  batch: number,
): Promise<void> {
  const lines = { root: [] as string[], child: [] as string[] };
  const columns = { root: ROOT, child: CHILD };
  const send = async (name: 'root' | 'child'): Promise<void> => {
    const body = Buffer.from(lines[name].join(''));
    lines[name] = [];
    await connection.insert({ table: `dlt.staging_${name}`, columns: columns[name], token: '' }, body);
  };
  const add = async (name: 'root' | 'child', row: Readonly<Record<string, unknown>>): Promise<void> => {
    lines[name].push(`${JSON.stringify(columns[name].map((column) => row[column]))}\n`);
    if (lines[name].length >= CHUNK_ROWS) await send(name);
  };
  for (const name of ['root', 'child']) await connection.command(`TRUNCATE TABLE dlt.staging_${name}`);
  for (const row of loadedRows(from, to, rows, batch)) {
    // Every load gives new ids.
    const id = `${batch}-${String(row['ad'])}`;
    await add('root', { ...row, row_id: id });
    const children = row['actions'] as readonly Readonly<Record<string, unknown>>[];
    for (const [index, child] of children.entries())
      await add('child', { ...child, row_id: `${id}-${index}`, root_id: id, list_idx: index });
  }
  await send('root');
  await send('child');
}

export async function merge(connection: Connection): Promise<void> {
  const on = KEY.map((column) => `d.${column} = s.${column}`).join(' AND ');
  const numbered = (table: string, key: string, columns: string, condition: string): string =>
    `SELECT ${columns} FROM (SELECT ROW_NUMBER() OVER (partition BY ${key} ORDER BY (SELECT NULL)) AS _dlt_dedup_rn, ${columns} ` +
    `FROM dlt.staging_${table}) AS _dlt_dedup_numbered WHERE _dlt_dedup_rn = 1 AND (${condition})`;
  const root = ROOT.join(', ');
  const child = CHILD.join(', ');
  const statements = [
    'CREATE OR REPLACE TABLE dlt.delete_root ENGINE = MergeTree PRIMARY KEY row_id AS ' +
      `SELECT d.row_id FROM dlt.root AS d JOIN dlt.staging_root AS s ON ${on}`,
    'DELETE FROM dlt.child WHERE root_id IN (SELECT * FROM dlt.delete_root)',
    'DELETE FROM dlt.root WHERE row_id IN (SELECT * FROM dlt.delete_root)',
    `CREATE OR REPLACE TABLE dlt.insert_root ENGINE = MergeTree PRIMARY KEY row_id AS ${numbered('root', KEY.join(', '), 'row_id', '1 = 1')}`,
    `INSERT INTO dlt.root (${root}) SELECT ${root} FROM dlt.staging_root WHERE row_id IN (SELECT * FROM dlt.insert_root)`,
    `INSERT INTO dlt.child (${child}) ${numbered('child', 'row_id', child, 'root_id IN (SELECT * FROM dlt.insert_root)')}`,
  ];
  for (const statement of statements) await connection.command(statement);
}
