import { expect, test } from 'vitest';
import { usePostgres } from '../support/postgres.ts';
import { Replica, ROW_FORMS } from '../support/replica.ts';

const postgres = usePostgres();

/** Extension, type, and values as SQL. */
const TYPES: readonly (readonly [extension: string, type: string, values: readonly string[]])[] = [
  ['hstore', 'hstore', [String.raw`'a=>"1,2", b=>NULL, "c d"=>"\"q\""'`, "''"]],
  ['citext', 'citext', ["'Ab'", "''"]],
  ['ltree', 'ltree', ["'top.science'"]],
  ['cube', 'cube', ["'(1,2),(3,4)'"]],
  ['isn', 'isbn13', ["'978-0-393-04002-9'"]],
  [
    'postgis',
    'geometry',
    [
      "'POINT(1.5 -2)'",
      "'SRID=4326;POLYGON((0 0,0 1,1 1,0 0))'",
      "'POINT EMPTY'",
      "'LINESTRING Z (0 0 1,1e-9 0.1 2)'",
      "'GEOMETRYCOLLECTION(POINT(1 1),MULTIPOINT((0 0),(1 2)))'",
    ],
  ],
  ['postgis', 'geometry(Point, 4326)', ["'SRID=4326;POINT(30.5 50.4)'"]],
  ['postgis', 'geography', ["'POINT(30.5 50.4)'"]],
  ['postgis', 'geometry[]', ["ARRAY['POINT(1 1)'::geometry, NULL, 'POINT EMPTY']"]],
  ['postgis', 'box2d', ["'BOX(0 0,1 2)'"]],
  ['vector', 'vector', ["'[1,2.5,-3e-05]'"]],
  ['vector', 'vector(3)', ["'[0.1,-0,1e30]'"]],
  ['vector', 'vector[]', ["ARRAY['[1,2]'::vector, NULL]"]],
];

test.for([...new Set(TYPES.map(([extension]) => extension))])(
  'extension_types: those of %s are text, or arrays of text, the same from the snapshot and from the stream',
  async (extension, { skip }) => {
    await using database = await postgres.database();
    const available = await database.value(`SELECT count(*) FROM pg_available_extensions WHERE name = '${extension}'`);
    if (available === '0') skip(`the server has no ${extension}`);
    const columns = TYPES.filter(([name]) => name === extension);
    const insert = (from: number): string =>
      Array.from(
        { length: Math.max(...columns.map(([, , values]) => values.length)) },
        (_, index) =>
          `INSERT INTO things VALUES (${from + index}, ${columns.map(([, , values]) => values[index] ?? 'NULL').join(', ')})`,
      ).join('; ');
    const names = columns.map((_, index) => `c${index}`);
    await database.sql(
      `CREATE EXTENSION ${extension}; CREATE TABLE things (id int PRIMARY KEY, ${columns.map(([, type], index) => `c${index} ${type}`).join(', ')}); ${insert(0)}`,
    );
    for (const form of ROW_FORMS) {
      const slot = `${database.name}_${form}`;
      const replica = new Replica(database, { slot, tables: ['things'] }, { form });
      await database.sql(`DELETE FROM things WHERE id >= 100`);
      await replica.run();
      await database.sql(insert(100));
      await replica.run();
      const rows = new Map(replica.rows('things').map((row) => [Number(row['id']), row]));
      expect(rows.size).toBeGreaterThan(0);
      for (const [id, row] of rows) if (id >= 100) expect({ ...row, id: 0 }).toEqual({ ...rows.get(id - 100), id: 0 });
      const single = names.filter((_, index) => columns[index]?.[1].endsWith('[]') === false);
      expect(await replica.difference(database, 'things', ['id', ...single])).toEqual([]);
      await using content = await replica.source().openContent();
      expect((await content.readBuckets(content.streams[0]!, 4)).size).toBeGreaterThan(0);
    }
  },
);
