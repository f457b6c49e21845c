import type { ColumnSpec, LoadSummary, Row, SchemaContract, StreamSpec } from '@etl/core';
import { describe, expect, it } from 'vitest';
import { embeddedFixture, type ClickHouseFixture } from './clickhouse-fixture.ts';

const AMOUNT: ColumnSpec = { name: 'amount', type: 'int64', nullable: true };
const NOTE: ColumnSpec = { name: 'note', type: 'string', nullable: true };

function specOf(columns: readonly ColumnSpec[], schemaContract: Partial<SchemaContract> = {}): StreamSpec {
  return {
    name: 'orders',
    columns: [{ name: 'id', type: 'int64', nullable: false }, ...columns],
    primaryKey: ['id'],
    writeDisposition: 'merge',
    schemaContract,
  };
}

async function load(fixture: ClickHouseFixture, spec: StreamSpec, rows: readonly Row[]): Promise<LoadSummary> {
  await using session = await fixture.destination.open('p');
  await using open = await session.beginLoad();
  await open.prepare(spec);
  await open.write(spec.name, rows);
  return await open.commit([]);
}

function read(fixture: ClickHouseFixture): Promise<readonly Record<string, unknown>[]> {
  return fixture.query(
    `SELECT * EXCEPT (_etl_load_id) FROM ${fixture.options.database}.shop___orders ORDER BY id SETTINGS output_format_json_quote_64bit_integers = 0`,
  );
}

function rejects(fixture: ClickHouseFixture): Promise<readonly Record<string, unknown>[]> {
  return fixture.query(`SELECT stream, reason, row FROM ${fixture.options.database}._etl_rejects ORDER BY position`);
}

describe('a new column', () => {
  it('stops the stream when the columns are frozen', async () => {
    await using fixture = await embeddedFixture();
    await load(fixture, specOf([AMOUNT]), [{ id: 1, amount: 1 }]);
    const frozen = specOf([AMOUNT, NOTE], { columns: 'freeze' });
    await expect(load(fixture, frozen, [{ id: 2, amount: 2, note: 'x' }])).rejects.toMatchObject({
      code: 'SCHEMA_FROZEN',
      kind: 'schema',
    });
    expect(await read(fixture)).toEqual([{ id: 1, amount: 1 }]);
  });

  it('is left out with discard-value', async () => {
    await using fixture = await embeddedFixture();
    await load(fixture, specOf([AMOUNT]), [{ id: 1, amount: 1 }]);
    await load(fixture, specOf([AMOUNT, NOTE], { columns: 'discard-value' }), [{ id: 2, amount: 2, note: 'x' }]);
    expect(await read(fixture)).toEqual([
      { id: 1, amount: 1 },
      { id: 2, amount: 2 },
    ]);
  });

  it('keeps rows out that have a value there with discard-row, and says which and why', async () => {
    await using fixture = await embeddedFixture();
    await load(fixture, specOf([AMOUNT]), [{ id: 1, amount: 1 }]);
    const summary = await load(fixture, specOf([AMOUNT, NOTE], { columns: 'discard-row' }), [
      { id: 2n, amount: 2, note: 'x' },
      { id: 3n, amount: 3 },
    ]);
    expect(summary).toMatchObject({ rowsWritten: { orders: 1 }, rowsRejected: { orders: 1 } });
    expect(await read(fixture)).toEqual([
      { id: 1, amount: 1 },
      { id: 3, amount: 3 },
    ]);
    expect(await rejects(fixture)).toEqual([
      {
        stream: 'orders',
        reason: 'a value in column note, which the table does not have',
        row: '{"id":"2","amount":2,"note":"x"}',
      },
    ]);
  });
});

describe('a value that does not fit its column', () => {
  const rows = [
    { id: 1, amount: 1 },
    { id: 2, amount: 'many' },
  ];

  it('fails the load unless the contract says otherwise', async () => {
    await using fixture = await embeddedFixture();
    await expect(load(fixture, specOf([AMOUNT]), rows)).rejects.toMatchObject({
      code: 'ROW_VALUE_INVALID',
      kind: 'data',
      context: { stream: 'orders', column: 'amount', row: 2 },
    });
  });

  it('becomes NULL with discard-value', async () => {
    await using fixture = await embeddedFixture();
    await load(fixture, specOf([AMOUNT], { dataType: 'discard-value' }), rows);
    expect(await read(fixture)).toEqual([
      { id: 1, amount: 1 },
      { id: 2, amount: null },
    ]);
  });

  it('keeps its row out with discard-row', async () => {
    await using fixture = await embeddedFixture();
    await load(fixture, specOf([AMOUNT], { dataType: 'discard-row' }), rows);
    expect(await read(fixture)).toEqual([{ id: 1, amount: 1 }]);
    expect(await rejects(fixture)).toEqual([
      { stream: 'orders', reason: 'text that is not an integer in column amount', row: '{"id":2,"amount":"many"}' },
    ]);
  });

  it('still fails the load where NULL may not stand', async () => {
    await using fixture = await embeddedFixture();
    const strict = specOf([{ ...AMOUNT, nullable: false }], { dataType: 'discard-value' });
    await expect(load(fixture, strict, rows)).rejects.toMatchObject({ code: 'ROW_VALUE_INVALID' });
  });
});

it('stops before a new table when the tables are frozen', async () => {
  await using fixture = await embeddedFixture();
  await expect(load(fixture, specOf([AMOUNT], { tables: 'freeze' }), [])).rejects.toMatchObject({
    code: 'SCHEMA_FROZEN',
  });
});

it('stops before another type when the data types are frozen', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, specOf([AMOUNT]), [{ id: 1, amount: 1 }]);
  const changed = specOf([{ ...AMOUNT, type: 'string' }], { dataType: 'freeze' });
  await expect(load(fixture, changed, [])).rejects.toMatchObject({ code: 'SCHEMA_FROZEN' });
});

it('keeps a record of what it changed', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, specOf([AMOUNT]), []);
  await load(fixture, specOf([AMOUNT, NOTE]), []);
  const changes = await fixture.query(
    `SELECT stream, table_name, change, detail FROM ${fixture.options.database}._etl_schema_changes ORDER BY load_number`,
  );
  expect(changes).toEqual([
    { stream: 'orders', table_name: 'shop___orders', change: 'table-created', detail: '{}' },
    {
      stream: 'orders',
      table_name: 'shop___orders',
      change: 'column-added',
      detail: '{"column":"note","dataType":"Nullable(String)"}',
    },
  ]);
});
