import type { Row, StreamSpec } from '@etl/core';
import { expect, it, vi } from 'vitest';
import { resolveOptions } from '../src/clickhouse-destination.ts';
import { Database } from '../src/database.ts';
import { mergePartitions } from '../src/merge-partitions.ts';
import { openConnection } from '../src/open-connection.ts';
import { embeddedFixture, type ClickHouseFixture } from './clickhouse-fixture.ts';

const ORDERS: StreamSpec = {
  name: 'orders',
  columns: [
    { name: 'id', type: 'int64', nullable: false },
    { name: 'day', type: 'date', nullable: false },
  ],
  primaryKey: ['id'],
  writeDisposition: 'merge',
  scope: { keys: [], day: 'day' },
};

async function loadTwice(fixture: ClickHouseFixture): Promise<readonly unknown[] | undefined> {
  await using session = await fixture.destination.open('p');
  for (const ids of [
    [1, 2],
    [2, 3],
  ]) {
    await using load = await session.beginLoad();
    await load.prepare(ORDERS);
    await load.write(
      'orders',
      ids.flatMap((id): Row[] => [
        { id, day: '2026-11-01' },
        { id, day: '2026-12-01' },
      ]),
    );
    await load.commit([]);
  }
  return await session.optimize?.();
}

function parts(fixture: ClickHouseFixture, stream = 'orders'): Promise<readonly { readonly parts: number }[]> {
  return fixture.query(
    `SELECT toUInt32(count()) AS parts FROM system.parts WHERE database = '${fixture.options.database}' AND table = '_raw_shop___${stream}_g0' AND active GROUP BY partition_id`,
  );
}

it('leaves one part per touched partition at the end of a run that changed most of it', async () => {
  await using fixture = await embeddedFixture();
  expect(await loadTwice(fixture)).toMatchObject([
    { stream: 'orders', partitionsMerged: 2, partitionsSpared: 0, partitionsLeft: 0 },
  ]);
  expect(await parts(fixture)).toEqual([{ parts: 1 }, { parts: 1 }]);
  expect(await fixture.readRows('orders')).toHaveLength(6);
});

it('merges nothing beyond its budget, and says what it left', async () => {
  await using fixture = await embeddedFixture({ mergeBytes: 0 });
  expect(await loadTwice(fixture)).toMatchObject([
    { stream: 'orders', partitionsMerged: 0, partitionsSpared: 0, partitionsLeft: 2, bytes: 0 },
  ]);
  expect(await parts(fixture)).toEqual([{ parts: 2 }, { parts: 2 }]);
});

/** Five granules and a short one. */
const ROWS = 5 * 8192 + 1000;
/** Hard to compress, so that the table has the size from which on its index is looked at before it is merged. */
const nameOf = (id: number): string =>
  [2_654_435_761, 40_503_000_007, 97_300_000_043].map((factor) => (id * factor) % 4_294_967_291).join(' ');

/** A table of users, and what should be in it. */
class Users {
  readonly #fixture: ClickHouseFixture;
  readonly #expected = new Map<number, string>();
  readonly spec: StreamSpec;

  constructor(fixture: ClickHouseFixture, key = 'id') {
    this.#fixture = fixture;
    this.spec = {
      name: 'users',
      columns: [
        { name: key, type: 'int64', nullable: false },
        { name: 'text', type: 'string', nullable: true },
        { name: 'gone', type: 'boolean', nullable: false },
      ],
      primaryKey: [key],
      writeDisposition: 'merge',
      deletedColumn: 'gone',
    };
  }

  /** A run; a row without a name is gone. Returns what its merges were. */
  async run(
    loads: readonly (readonly number[])[],
    name: (id: number) => string | undefined = nameOf,
  ): Promise<unknown> {
    const [key = ''] = this.spec.primaryKey;
    await using session = await this.#fixture.destination.open('p');
    for (const ids of loads) {
      await using load = await session.beginLoad();
      await load.prepare(this.spec);
      const rows = ids.map((id): Row => {
        const value = name(id);
        if (value === undefined) this.#expected.delete(id);
        else this.#expected.set(id, value);
        return { [key]: id, text: value ?? null, gone: value === undefined };
      });
      await load.write('users', rows);
      await load.commit([]);
    }
    const [merge] = (await session.optimize?.()) ?? [];
    if (merge === undefined) return undefined;
    return { merged: merge.partitionsMerged, spared: merge.partitionsSpared, left: merge.partitionsLeft };
  }

  get raw(): string {
    return `\`${this.#fixture.options.database}\`.\`_raw_shop___users_g0\``;
  }

  /** What `etl verify` compares. */
  async content(): Promise<unknown> {
    await using session = await this.#fixture.destination.open('p');
    return await session.readContent?.().readBuckets(this.spec, 4);
  }

  /** Rows of the table that are not as they should be, and keys that are missing. */
  async differences(): Promise<readonly unknown[]> {
    const [key = ''] = this.spec.primaryKey;
    const missing = new Map(this.#expected);
    const wrong = (await this.#fixture.readRows('users')).filter((row) => {
      const id = Number(row[key]);
      const isRight = missing.get(id) === row['text'];
      return !missing.delete(id) || !isRight;
    });
    return [...wrong, ...missing.keys()];
  }
}

/** A table in one part whose further parts the server does not merge by itself. */
async function mergedUsers(fixture: ClickHouseFixture, key?: string): Promise<Users> {
  const users = new Users(fixture, key);
  await users.run([range(0, ROWS)]);
  await fixture.query(`ALTER TABLE ${users.raw} MODIFY SETTING min_parts_to_merge_at_once = 1000`);
  return users;
}

const MERGED = { merged: 1, spared: 0, left: 0 };
const SPARED = { merged: 0, spared: 1, left: 0 };

function range(start: number, end: number, step = 1): readonly number[] {
  return Array.from({ length: Math.ceil((end - start) / step) }, (_, index) => start + index * step);
}

it('merges the part that a table begins with, which would be searched for doubled keys at every reading', async () => {
  await using fixture = await embeddedFixture();
  const users = new Users(fixture);
  expect(await users.run([range(0, ROWS)])).toEqual(MERGED);
  expect(
    await fixture.query(
      `SELECT level > 0 AS merged FROM system.parts WHERE database = '${fixture.options.database}' AND table = '_raw_shop___users_g0' AND active`,
    ),
  ).toEqual([{ merged: 1 }]);
  expect(await users.differences()).toEqual([]);
});

it('leaves parts that hardly overlap, and what is gone stays hidden', async () => {
  await using fixture = await embeddedFixture();
  const users = await mergedUsers(fixture);
  expect(await users.run([range(ROWS, ROWS + 1000)])).toEqual(SPARED);
  expect(await users.run([range(ROWS - 500, ROWS)], (id) => (id % 2 === 0 ? undefined : `new ${id}`))).toEqual(SPARED);
  expect(await parts(fixture, 'users')).toEqual([{ parts: 3 }]);
  expect(await users.differences()).toEqual([]);
  const left = await users.content();
  await fixture.query(`OPTIMIZE TABLE ${users.raw} FINAL`);
  expect(await parts(fixture, 'users')).toEqual([{ parts: 1 }]);
  expect(await users.content()).toEqual(left);
  expect(await users.differences()).toEqual([]);
});

it('merges for a few changed rows that lie everywhere', async () => {
  await using fixture = await embeddedFixture();
  const users = await mergedUsers(fixture);
  expect(await users.run([range(0, ROWS, 1000)], (id) => `new ${id}`)).toEqual(MERGED);
  expect(await users.differences()).toEqual([]);
});

it('merges once there are many parts, whether they overlap or not', async () => {
  await using fixture = await embeddedFixture();
  const users = await mergedUsers(fixture);
  await fixture.query(
    `INSERT INTO ${users.raw} (id, _etl_version, _etl_deleted) SELECT ${2 * ROWS} + number, 1, 1 FROM numbers(28) ` +
      'SETTINGS max_block_size = 1, min_insert_block_size_rows = 1, min_insert_block_size_bytes = 0, max_threads = 1',
  );
  expect(await users.run([range(ROWS, ROWS + 10)])).toEqual(SPARED);
  expect(await parts(fixture, 'users')).toEqual([{ parts: 30 }]);
  expect(await users.run([range(ROWS + 10, ROWS + 20)])).toEqual(MERGED);
  expect(await parts(fixture, 'users')).toEqual([{ parts: 1 }]);
  expect(await users.differences()).toEqual([]);
});

it('merges some first where there are more parts than an engine merges column by column', async () => {
  await using fixture = await embeddedFixture();
  const users = await mergedUsers(fixture);
  await fixture.query(
    `INSERT INTO ${users.raw} (id, _etl_version, _etl_deleted) SELECT ${2 * ROWS} + number, 1, 1 FROM numbers(400) ` +
      'SETTINGS max_block_size = 1, min_insert_block_size_rows = 1, min_insert_block_size_bytes = 0, max_threads = 1',
  );
  const connection = await openConnection(resolveOptions(fixture.options));
  try {
    const database = new Database(connection, fixture.options.database);
    const statements = vi.spyOn(database, 'longCommand');
    const table = { stream: 'users', raw: '_raw_shop___users_g0', orderBy: ['id'] };
    await database.command(`ALTER TABLE ${users.raw} RESET SETTING min_parts_to_merge_at_once`);
    expect(await mergePartitions(database, table, 1e9, {})).toMatchObject({ partitionsMerged: 1, partitionsLeft: 0 });
    const isFinal = statements.mock.calls.map(([statement]) => / FINAL\b/.test(statement));
    expect(isFinal.length).toBeGreaterThan(5);
    expect(isFinal).toEqual(isFinal.map((_, index) => index === isFinal.length - 1));
  } finally {
    await connection.close();
  }
  expect(await parts(fixture, 'users')).toEqual([{ parts: 1 }]);
  expect(await users.differences()).toEqual([]);
});

it('merges where the server does not show the index', async () => {
  await using fixture = await embeddedFixture();
  // The index has a column of that name already, and is refused.
  const users = await mergedUsers(fixture, 'mark_number');
  expect(await users.run([range(ROWS, ROWS + 10)])).toEqual(MERGED);
  expect(await users.differences()).toEqual([]);
});

it('tells columns of the key from those of the list of parts', async () => {
  await using fixture = await embeddedFixture();
  const users = await mergedUsers(fixture, 'level');
  expect(await users.run([range(ROWS, ROWS + 10)])).toEqual(SPARED);
  expect(await users.differences()).toEqual([]);
});
