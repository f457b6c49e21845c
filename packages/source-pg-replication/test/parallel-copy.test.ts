import { setTimeout as delay } from 'node:timers/promises';
import { silentLogger, type Destination } from '@etl/core';
import { expect, test } from 'vitest';
import { readServerFacts } from '../src/catalog.ts';
import { Connector } from '../src/connector.ts';
import { pgReplication } from '../src/index.ts';
import { resolveOptions } from '../src/options.ts';
import { createSnapshotPoint } from '../src/snapshot-point.ts';
import { beginTableCopy } from '../src/table-copy.ts';
import { usePostgres, type TestDatabase } from './support/postgres.ts';
import { Replica, ROW_FORMS } from './support/replica.ts';

const postgres = usePostgres();
/** Some 4,000 pages, so that there are several ranges. */
const ROWS = 30_000;
const fill = (table: string, from = 1): string =>
  `INSERT INTO ${table} SELECT g, repeat(md5(g::text), 32) FROM generate_series(${from}, ${from + ROWS - 1}) g`;

/** The destination, which takes no rows before the promise resolves. */
function heldBack(destination: Destination, until: Promise<void>): Destination {
  return {
    ...destination,
    check: async () => undefined,
    open: async (...given) => {
      const session = await destination.open(...given);
      const beginLoad = session.beginLoad.bind(session);
      session.beginLoad = async (...options) => {
        const load = await beginLoad(...options);
        const write = load.write.bind(load);
        const [writeText, writeBinary] = [load.writeText?.bind(load), load.writeBinary?.bind(load)];
        load.write = async (...rows) => {
          await until;
          return write(...rows);
        };
        load.writeText = async (...text) => {
          await until;
          return writeText?.(...text);
        };
        load.writeBinary = async (...batch) => {
          await until;
          return writeBinary?.(...batch);
        };
        return load;
      };
      return session;
    },
  };
}

test.each(ROW_FORMS)(
  'a big table is copied by several sessions, each row once, while it grows and changes (%s)',
  async (form) => {
    await using database = await postgres.database(
      `CREATE TABLE items (id int PRIMARY KEY, name text); ALTER TABLE items ALTER name SET STORAGE PLAIN; ${fill('items')}`,
    );
    const replica = new Replica(database, { copyConnections: 3, pageRows: 500 }, { form });
    const sessions = new Set<string>();
    const isShared = Promise.withResolvers<void>();
    const over = new AbortController();
    const writing = (async () => {
      for (let id = ROWS + 1; !over.signal.aborted; id += 1) {
        await database.sql(
          `INSERT INTO items VALUES (${id}, 'late'); UPDATE items SET name = 'changed' WHERE id = ${id - ROWS}; DELETE FROM items WHERE id = ${id - ROWS + 1000}`,
        );
        const copying = await database.rows(
          `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY%ctid%'`,
        );
        for (const { pid } of copying) sessions.add(String(pid));
        if (sessions.size > 1) isShared.resolve();
      }
    })();
    // Nobody takes a page before all sessions were seen, however fast the copy or slow the look at it is.
    await replica.attempt({ destination: heldBack(replica.destination(), isShared.promise) });
    over.abort();
    await writing;
    await replica.run();
    expect(await replica.difference(database, 'items', ['id', 'name'])).toEqual([]);
  },
);

test('the partitions of a table are copied by ranges too, each row once', async () => {
  await using database = await postgres.database(
    `CREATE TABLE parts (id int PRIMARY KEY, name text) PARTITION BY RANGE (id);
     CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (MINVALUE) TO (25000) PARTITION BY RANGE (id);
     CREATE TABLE parts_lowest PARTITION OF parts_low FOR VALUES FROM (MINVALUE) TO (1000);
     CREATE TABLE parts_lower PARTITION OF parts_low FOR VALUES FROM (1000) TO (25000);
     CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (25000) TO (MAXVALUE);
     ALTER TABLE parts_lowest ALTER name SET STORAGE PLAIN; ALTER TABLE parts_lower ALTER name SET STORAGE PLAIN; ${fill('parts')}`,
  );
  const replica = new Replica(database, { copyConnections: 4 }, { form: 'bytes' });
  const report = await replica.run();
  expect(report.rows).toBe(ROWS);
  expect(await replica.difference(database, 'parts', ['id', 'name'])).toEqual([]);
});

async function copiedIds(database: TestDatabase, meanwhile: () => Promise<void>): Promise<number> {
  const options = resolveOptions(
    { connectionString: database.url, slot: database.name },
    (problem) => new Error(problem),
  );
  const connector = new Connector(options);
  const control = await connector.connect();
  await control.query(`CREATE PUBLICATION everything FOR ALL TABLES`);
  const point = await createSnapshotPoint(connector, { name: database.name, isTemporary: true });
  try {
    const oid = Number(await database.value(`SELECT 'items'::regclass::oid`));
    const copy = await beginTableCopy({
      ...options,
      connector,
      control,
      point,
      table: { oid },
      types: new Map(),
      serverVersion: (await readServerFacts(control)).version,
      publication: 'everything',
      epoch: 1,
      copyConnections: 3,
      replaced: undefined,
      acceptsText: true,
      acceptsBinary: true,
      logger: silentLogger,
    });
    if (typeof copy === 'string') throw new Error(copy);
    await meanwhile();
    let rows = 0;
    for await (const page of copy.pages()) rows += page.rowCount;
    return rows;
  } finally {
    await point.close();
    await connector.close(control);
    connector.destroyAll();
  }
}

test('a TRUNCATE that waits for the copy does not keep the other sessions waiting, and loses no row', async () => {
  await using database = await postgres.database(
    `CREATE TABLE items (id int PRIMARY KEY, name text); ALTER TABLE items ALTER name SET STORAGE PLAIN; ${fill('items')}`,
  );
  await using other = await database.connect();
  let truncation: Promise<unknown> | undefined;
  const rows = await copiedIds(database, async () => {
    truncation = other.query('TRUNCATE items');
    while ((await database.value(`SELECT count(*) FROM pg_locks WHERE NOT granted`)) === '0') await delay(20);
  });
  expect(rows).toBe(ROWS);
  await truncation;
  expect(await database.value('SELECT count(*) FROM items')).toBe('0');
});

test('rows are on their way while their table is announced, and nobody waits for those that nobody wants', async (context) => {
  await postgres.requireVersion(context, 15, 'row filters');
  await using database = await postgres.database(
    `CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items SELECT g, 'x' FROM generate_series(1, 5000) g;`,
  );
  const { name: slot, url } = database;
  // Some 10 ms for each row.
  await database.sql(`CREATE PUBLICATION slow FOR TABLE items WHERE (md5(repeat(name, 5000000)) <> '')`);
  await using source = pgReplication({ connectionString: url, slot, publication: 'slow' });
  const copying = (): Promise<string | null> =>
    database.value(`SELECT count(*) FROM pg_stat_activity WHERE datname = '${slot}' AND query LIKE 'COPY%'`);
  for await (const message of source.read({ acceptsText: true })) {
    expect(message.type).toBe('schema');
    await expect.poll(copying, { timeout: 10_000 }).toBe('1');
    break;
  }
  // The server notices when it has something to send.
  expect(await copying()).toBe('1');
});

test('a copy that is given up at its beginning leaves no session behind', async () => {
  await using database = await postgres.database(
    `CREATE TABLE items (id int PRIMARY KEY, name text); ALTER TABLE items ALTER name SET STORAGE PLAIN; ${fill('items')}`,
  );
  const { name: slot, url } = database;
  await using source = pgReplication({ connectionString: url, slot, copyConnections: 4 });
  for (const last of ['schema', 'truncate', 'binary-records']) {
    for await (const message of source.read({ acceptsBinary: true })) if (message.type === last) break;
  }
  const sessions = (): Promise<string | null> =>
    database.value(`SELECT count(*) FROM pg_stat_activity WHERE datname = '${slot}' AND application_name = 'etl'`);
  await expect.poll(sessions, { timeout: 10_000 }).toBe('0');
});
