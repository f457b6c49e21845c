import { expect, test } from 'vitest';
import { useReplicas } from './replica.ts';

const replicaOf = useReplicas();
const BIG = `repeat('big ', 3000)`;

test('toast_unchanged in staging, in the raw table, in both, after a TRUNCATE of the same load and after a move of the key', async () => {
  await using replica = await replicaOf(
    `CREATE TABLE docs (id int PRIMARY KEY, title text, body text, bytes bytea, list text[], doc jsonb); ALTER TABLE docs ALTER body SET STORAGE EXTERNAL, ALTER bytes SET STORAGE EXTERNAL, ALTER list SET STORAGE EXTERNAL, ALTER doc SET STORAGE EXTERNAL;
     INSERT INTO docs SELECT g, 't', g || ${BIG}, decode(repeat('ff00', 5000), 'hex'), ARRAY[${BIG}, NULL, '{"'], jsonb_build_object('n', 12345678901234567890.10, 't', ${BIG}) FROM generate_series(1, 6) g`,
  );
  await replica.run();
  await replica.sql(`UPDATE docs SET title = 'raw' WHERE id = 1; UPDATE docs SET title = 'a' WHERE id = 2; UPDATE docs SET id = 22 WHERE id = 2; UPDATE docs SET title = 'b' WHERE id = 22;
    BEGIN; INSERT INTO docs (id, title, body) VALUES (7, 'new', ${BIG}); UPDATE docs SET title = 'staged' WHERE id = 7; COMMIT; DELETE FROM docs WHERE id = 3; INSERT INTO docs VALUES (3, 'again'); UPDATE docs SET title = 'again!' WHERE id = 3`);
  await replica.run({ pageRows: 1 });
  expect(await replica.unequal()).toEqual([]);
  await replica.sql(
    `TRUNCATE docs; INSERT INTO docs (id, title, body) VALUES (1, 'fresh', 'other' || ${BIG}); UPDATE docs SET title = 'fresher' WHERE id = 1`,
  );
  await replica.run({ pageRows: 1 });
  expect(await replica.unequal()).toEqual([]);
});

const KEYS = [
  ['bigint', `9007199254740993`, '-1'],
  ['uuid', `'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'`, `'00000000-0000-0000-0000-000000000000'`],
  ['text', String.raw`E'it''s \\ "q" \t\n\x01😀\`'`, `''`],
  ['bytea', String.raw`'\xff00fe5c27'`, String.raw`'\x'`],
  ['timestamptz', `'2026-11-01 12:00:00.123456+02'`, `'1950-01-01'`],
  ['timestamp', `'2026-11-01 12:00:00.000001'`, `'2299-12-31 23:59:59.999999'`],
  ['date', `'1900-01-01'`, `'2299-12-31'`],
  ['numeric(30, 10)', `12345678901234567890.0123456789`, `-0.5`],
  ['numeric', `'NaN'`, `1.50`],
  ['float8', `0.1`, `'-Infinity'`],
  ['boolean', `true`, `false`],
  ['inet', `'10.0.0.1/8'`, `'::1'`],
  ['text[]', `ARRAY['a,b', '"']`, `ARRAY['a', 'b']`],
  ['time', `'24:00:00'`, `'00:00:00.000001'`],
  ['mood', `'sad'`, `'it''s'`],
  ['jsonb', `'{"a": 1.50}'`, `'null'`],
] as const;

test('keys of every type: updates, unchanged TOAST, a move and a delete meet their row', async () => {
  const each = (sql: (table: string, key: (typeof KEYS)[number]) => string): string =>
    KEYS.map((key, index) => sql(`keyed_${index}`, key)).join(';');
  await using replica = await replicaOf(
    `CREATE TYPE mood AS ENUM ('sad', 'it''s'); ${each(
      (table, [type, one, other]) =>
        `CREATE TABLE ${table} (k ${type}, part int, v text, body text, PRIMARY KEY (part, k)); ALTER TABLE ${table} ALTER body SET STORAGE EXTERNAL;
         INSERT INTO ${table} VALUES (${one}, 1, 'a', ${BIG}), (${other}, 1, 'b', ${BIG}), (${one}, 2, 'c', ${BIG}), (${other}, 2, 'd', ${BIG})`,
    )}`,
  );
  await replica.run();
  await replica.sql(
    each(
      (table) =>
        `UPDATE ${table} SET v = 'changed' WHERE part = 1; DELETE FROM ${table} WHERE part = 2 AND v = 'c'; UPDATE ${table} SET part = 3 WHERE v = 'd'`,
    ),
  );
  await replica.run();
  expect(replica.warnings).toEqual([]);
  const content = `part, v, length(body) AS length`;
  for (const [index, [type]] of KEYS.entries()) {
    const there = await replica.there(`SELECT ${content} FROM keyed_${index} ORDER BY part, k::text COLLATE "C"`);
    const here = await replica.here(`SELECT ${content} FROM $shop___keyed_${index} ORDER BY part, toString(k)`);
    expect(there).toHaveLength(3);
    expect([type, here]).toEqual([type, there]);
  }
});

test('drop_and_recreate_table, type_change_incompatible, rename_column, drop_column, primary_key_changed: never a mutation, views as the source', async () => {
  await using replica = await replicaOf(
    `CREATE TABLE items (id int PRIMARY KEY, v int, w int, x int NOT NULL); INSERT INTO items SELECT g, g, g, g FROM generate_series(1, 20) g; CREATE TABLE other (id int PRIMARY KEY)`,
  );
  const types = async (): Promise<string[]> =>
    (
      await replica.here(
        `SELECT name || ' ' || type AS text FROM system.columns WHERE database = '${(await replica.there('SELECT current_database() AS name'))[0]?.['name']}' AND table = 'shop___items' ORDER BY position`,
      )
    ).map(({ text }) => text ?? '');
  await replica.run();
  for (const change of [
    `ALTER TABLE items ALTER v TYPE text USING 'n' || v; INSERT INTO items VALUES (100, 'text', 1, 1)`,
    `ALTER TABLE items ALTER w TYPE bigint; INSERT INTO items VALUES (101, 'x', 5000000000, 1)`,
    `ALTER TABLE items RENAME w TO width; UPDATE items SET width = 3 WHERE id < 4; INSERT INTO other VALUES (1)`,
    `ALTER TABLE items ALTER width TYPE timestamptz USING to_timestamp(width)`,
    `ALTER TABLE items DROP COLUMN v; UPDATE items SET x = 0 WHERE id = 5`,
    `ALTER TABLE items ADD COLUMN v numeric(10, 2) DEFAULT 1.25`,
    `ALTER TABLE items DROP CONSTRAINT items_pkey, ADD PRIMARY KEY (x, id); UPDATE items SET x = 77 WHERE id = 6; DELETE FROM items WHERE id = 7`,
    `DROP TABLE items; CREATE TABLE items (id uuid PRIMARY KEY, at timestamptz); INSERT INTO items VALUES (gen_random_uuid(), now())`,
    `DROP TABLE items; CREATE TABLE items (id int PRIMARY KEY, v boolean); INSERT INTO items VALUES (1, true)`,
  ]) {
    await replica.sql(change);
    await replica.run();
    expect([change, await replica.unequal()]).toEqual([change, []]);
  }
  expect(await types()).toContain('v Nullable(Bool)');
});

test('truncate, resync_table by a new generation, add_table_live, remove_table, partitions: equal after each, nothing mutated', async () => {
  await using replica = await replicaOf(
    `CREATE TABLE items (id int PRIMARY KEY, v text); INSERT INTO items SELECT g, 'v' FROM generate_series(1, 500) g;
     CREATE TABLE parts (id int, day date, v text, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
     CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2026-01-01') TO ('2026-02-01'); CREATE TABLE parts_2 PARTITION OF parts DEFAULT;
     INSERT INTO parts SELECT g, date '2026-01-01' + g, 'x' FROM generate_series(1, 60) g`,
  );
  await replica.run();
  expect(await replica.unequal()).toEqual([]);
  await replica.sql(
    `INSERT INTO items VALUES (1000, 'gone'); TRUNCATE items; INSERT INTO items SELECT g, 'after' FROM generate_series(1, 5) g; UPDATE parts SET day = day + 40 WHERE id < 10; DELETE FROM parts WHERE id = 20`,
  );
  await replica.run();
  expect(await replica.unequal()).toEqual([]);
  await replica.sql(
    `UPDATE items SET v = 'u' WHERE id = 2; CREATE TABLE fresh (id int PRIMARY KEY); INSERT INTO fresh VALUES (1)`,
  );
  await replica.attempt({ fullRefresh: true, streams: ['items'] });
  await replica.sql('DELETE FROM items WHERE id = 3; TRUNCATE parts_1');
  await replica.run();
  expect(await replica.unequal()).toEqual([]);
  await replica.sql('DROP TABLE fresh');
  await replica.run();
  expect(await replica.here('SELECT count() AS n FROM $shop___fresh')).toEqual([{ n: '1' }]);
});

test('weird_identifiers: tables and columns whose names meet in ClickHouse are told apart or refused by name', async () => {
  await using replica = await replicaOf(
    `CREATE TABLE "Sel""ect 🚲?" ("Id" int PRIMARY KEY, "or'der" text, "a.b-c" int, "from" text, _version text, _deleted boolean);
     INSERT INTO "Sel""ect 🚲?" VALUES (1, 'x', 2, 'y', 'z', true), (2, 'gone', 2, 'y', 'z', true)`,
  );
  await replica.run();
  await replica.sql(`UPDATE "Sel""ect 🚲?" SET "or'der" = 'z'; DELETE FROM "Sel""ect 🚲?" WHERE "Id" = 2`);
  await replica.run();
  const [found] = await replica.here(
    `SELECT database || '.\`' || name || '\`' AS view FROM system.tables WHERE database LIKE 'scenario%' AND name LIKE 'shop___sel%'`,
  );
  const [row] = await replica.here(`SELECT * FROM ${found?.['view']}`);
  expect(Object.values(row ?? {}).slice(0, 6)).toEqual(['1', 'z', '2', 'y', 'z', 'true']);
});

test.each([
  [
    'columns',
    `CREATE TABLE items (id int PRIMARY KEY, "Name" int, name int); INSERT INTO items VALUES (1, 2, 3)`,
    'items',
  ],
  [
    'reserved columns and others',
    `CREATE TABLE items (id int PRIMARY KEY, "_etl_version" int); INSERT INTO items VALUES (1, 2)`,
    'items',
  ],
  [
    'tables',
    `CREATE TABLE "Items" (id int PRIMARY KEY); CREATE TABLE items (id int PRIMARY KEY); INSERT INTO items VALUES (1); INSERT INTO "Items" VALUES (2)`,
    'tems',
  ],
])('names of %s that would be one in ClickHouse are never mixed', async (_, sql, name) => {
  await using replica = await replicaOf(`${sql}; CREATE TABLE good (id int PRIMARY KEY); INSERT INTO good VALUES (1)`);
  const outcome = await replica.attempt().catch((error: unknown) => error);
  expect(JSON.stringify(outcome, ['message', 'failures', 'error', 'code', 'stream'])).toContain(name);
  expect(outcome).toMatchObject({ failures: [{ error: { kind: expect.stringMatching(/config|schema|data/) } }] });
  expect(await replica.here('SELECT id FROM $shop___good')).toEqual([{ id: '1' }]);
});
