import fc from 'fast-check';
import { PgoutputPlugin } from 'pg-logical-replication';
import { expect, test } from 'vitest';
import { FrameScanner } from '../src/frame-scanner.ts';
import { MalformedMessage } from '../src/malformed-message.ts';
import { PgoutputDecoder, type PgoutputMessage } from '../src/pgoutput.ts';
import { formatLsn } from '../src/lsn.ts';
import {
  beginMessage,
  commitMessage,
  deleteMessage,
  insertMessage,
  relationMessage,
  updateMessage,
  xlogFrame,
} from './support/pgoutput-message.ts';
import { usePostgres, type TestDatabase } from './support/postgres.ts';

const postgres = usePostgres();

/** The messages that the server makes of everything that happens in `work`. */
async function captured(database: TestDatabase, work: readonly string[]): Promise<Buffer[]> {
  const slot = database.name;
  await database.sql(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`);
  for (const sql of work) await database.sql(sql);
  const { rows } = await database.client.query<{ data: Buffer }>(
    `SELECT data FROM pg_logical_slot_peek_binary_changes('${slot}', NULL, NULL, 'proto_version', '1', 'publication_names', 'everything', 'messages', 'true')`,
  );
  return rows.map(({ data }) => data);
}

/** The package's own decoder with its value parsers off, in the shape of ours. */
class Oracle {
  readonly #plugin = new PgoutputPlugin({ protoVersion: 1, publicationNames: ['everything'], messages: true });
  readonly #columns = new Map<number, readonly string[]>();

  decode(data: Buffer): unknown {
    const message = this.#plugin.parse(data);
    const lsn = (text: string | null): string => formatLsn(BigInt(`0x${(text ?? '').replace('/', '')}`));
    const tuple = (relation: { relationOid: number }, row: Record<string, unknown> | null, isKey = false): unknown =>
      row === null
        ? undefined
        : this.#columns.get(relation.relationOid)?.map((name) => (isKey && !(name in row) ? null : row[name]));
    switch (message.tag) {
      case 'begin':
        return { type: 'begin', commitLsn: lsn(message.commitLsn), xid: message.xid };
      case 'commit':
        return { type: 'commit', commitLsn: lsn(message.commitLsn), endLsn: lsn(message.commitEndLsn) };
      case 'relation': {
        for (const column of message.columns) column.parser = (raw: unknown) => raw;
        this.#columns.set(
          message.relationOid,
          message.columns.map(({ name }) => name),
        );
        const { schema, name: table } = message;
        const columns = message.columns.map(({ name, flags, typeOid, typeMod }) => ({
          name,
          isKey: (flags & 1) === 1,
          typeOid,
          typeModifier: typeMod,
        }));
        return { type: 'relation', oid: message.relationOid, schema, table, columns };
      }
      case 'insert':
        return { type: 'insert', relation: message.relation.relationOid, row: tuple(message.relation, message.new) };
      case 'update': {
        const { relation, key, old } = message;
        return {
          type: 'update',
          relation: relation.relationOid,
          old: tuple(relation, old ?? key, old === null),
          oldIsWhole: old !== null,
          row: tuple(relation, message.new),
        };
      }
      case 'delete': {
        const { relation, key, old } = message;
        return {
          type: 'delete',
          relation: relation.relationOid,
          old: tuple(relation, old ?? key, old === null),
          oldIsWhole: old !== null,
        };
      }
      case 'truncate':
        return { type: 'truncate', relations: message.relations.map(({ relationOid }) => relationOid) };
      case 'message':
        return {
          type: 'message',
          isTransactional: message.transactional,
          prefix: message.prefix,
          content: Buffer.from(message.content).toString('utf8'),
        };
      default:
        return { type: message.tag };
    }
  }
}

function comparable(message: PgoutputMessage): unknown {
  // An unchanged value is simply absent for the oracle; with the whole old row it takes the old value.
  switch (message.type) {
    case 'begin':
      return { type: 'begin', commitLsn: formatLsn(message.commitLsn), xid: message.xid };
    case 'commit':
      return { type: 'commit', commitLsn: formatLsn(message.commitLsn), endLsn: formatLsn(message.endLsn) };
    case 'relation': {
      const { type, oid, schema, table, columns } = message;
      return { type, oid, schema, table, columns };
    }
    case 'message': {
      const { type, isTransactional, prefix, content } = message;
      return { type, isTransactional, prefix, content };
    }
    case 'insert':
      return { type: 'insert', relation: message.relation, row: message.row.texts() };
    case 'update': {
      const { type, relation, oldIsWhole } = message;
      const old = message.old?.texts();
      const row = message.row.texts().map((value, index) => (value === undefined && oldIsWhole ? old?.[index] : value));
      return { type, relation, old, oldIsWhole, row };
    }
    case 'delete': {
      const { type, relation, oldIsWhole } = message;
      return { type, relation, old: message.old?.texts(), oldIsWhole };
    }
    default:
      return message;
  }
}

test('decodes what the server sends as the npm package does when its value parsers are off', async () => {
  await using database = await postgres.database(
    `CREATE TYPE mood AS ENUM ('sad');
     CREATE TABLE a (id int PRIMARY KEY, n numeric, t text, j jsonb, ts timestamptz, m mood, big text, arr int[]); ALTER TABLE a ALTER big SET STORAGE EXTERNAL;
     CREATE TABLE f (id int PRIMARY KEY, v text, big text); ALTER TABLE f REPLICA IDENTITY FULL, ALTER big SET STORAGE EXTERNAL;
     CREATE PUBLICATION everything FOR ALL TABLES`,
  );
  const messages = await captured(database, [
    `INSERT INTO a SELECT g, g / 7.0, repeat('é😀' || chr(9), g), '{"a": 1}', now(), 'sad', repeat('x', 9000), ARRAY[g, NULL] FROM generate_series(1, 50) g`,
    `UPDATE a SET t = NULL WHERE id < 10; UPDATE a SET id = id + 1000 WHERE id BETWEEN 20 AND 25; DELETE FROM a WHERE id BETWEEN 30 AND 35`,
    `INSERT INTO f SELECT g, 'v', repeat('y', 9000) FROM generate_series(1, 5) g`,
    `UPDATE f SET v = NULL; UPDATE f SET id = 77 WHERE id = 1; DELETE FROM f WHERE id = 2`,
    `ALTER TABLE a ADD COLUMN late bool; INSERT INTO a (id, late) VALUES (5000, true)`,
    `SELECT pg_logical_emit_message(false, 'note', 'outside é'), pg_logical_emit_message(true, 'note', 'inside')`,
    `TRUNCATE a, f`,
  ]);
  const oracle = new Oracle();
  const decoder = new PgoutputDecoder();
  const kinds = new Set<string>();
  for (const data of messages) {
    const decoded = decoder.decode(data, 0, data.length);
    kinds.add(decoded.type);
    expect(comparable(decoded)).toEqual(oracle.decode(data));
  }
  expect([...kinds].sort()).toEqual([
    'begin',
    'commit',
    'delete',
    'insert',
    'message',
    'relation',
    'truncate',
    'type',
    'update',
  ]);
});

test('finds a message wherever it lies in a buffer', async () => {
  await using database = await postgres.database(
    `CREATE TABLE a (id int PRIMARY KEY, t text); CREATE PUBLICATION everything FOR ALL TABLES`,
  );
  for (const data of await captured(database, [`INSERT INTO a VALUES (1, 'text')`])) {
    const inside = Buffer.concat([Buffer.alloc(7, 0xff), data, Buffer.alloc(3, 0xff)]);
    const decoded = comparable(new PgoutputDecoder().decode(inside, 7, 7 + data.length));
    inside.fill(0);
    expect(decoded).toEqual(comparable(new PgoutputDecoder().decode(data, 0, data.length)));
  }
});

const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.constant('x'.repeat(5000)));
const value = fc.option(fc.oneof(text, fc.constant(undefined)), { freq: 4 });
const random = fc.integer({ min: 1, max: 40 }).chain((count) => {
  const columns = Array.from({ length: count }, (_, index) => ({
    name: `c${index}`,
    isKey: index === 0,
    typeOid: 25,
    typeModifier: -1,
  }));
  const whole = fc.array(fc.option(text), { minLength: count, maxLength: count });
  const row = fc
    .tuple(text, fc.array(value, { minLength: count - 1, maxLength: count - 1 }))
    .map(([id, rest]) => [id, ...rest]);
  const key = text.map((id) => [id, ...Array.from({ length: count - 1 }, () => null)]);
  const old = fc.oneof(
    key.map((tuple) => ({ kind: 'K' as const, tuple })),
    whole.map((tuple) => ({ kind: 'O' as const, tuple })),
  );
  const lsn = fc.bigInt({ min: 1n, max: 2n ** 63n });
  const message = fc.oneof(
    row.map((tuple) =>
      insertMessage(
        7,
        tuple.map((field) => field ?? null),
      ),
    ),
    fc.tuple(row, fc.option(old, { nil: undefined })).map(([tuple, before]) => updateMessage(7, tuple, before)),
    old.map((before) => deleteMessage(7, before)),
    fc.tuple(lsn, fc.nat()).map(([position, xid]) => beginMessage(position, xid)),
    fc.tuple(lsn, lsn).map(([position, end]) => commitMessage(position, end)),
  );
  return fc
    .array(message, { minLength: 1, maxLength: 8 })
    .map((messages) => [relationMessage(7, 'items', columns), ...messages]);
});

test('decodes any messages as the npm package does, wherever their frames are cut', () => {
  fc.assert(
    fc.property(random, fc.array(fc.nat({ max: 20_000 }), { maxLength: 12 }), (messages, cuts) => {
      const oracle = new Oracle();
      const decoder = new PgoutputDecoder();
      const scanner = new FrameScanner();
      const bytes = Buffer.concat(messages.map((message) => xlogFrame(message)));
      const places = [0, ...cuts.filter((cut) => cut < bytes.length).toSorted((a, b) => a - b), bytes.length];
      const expected = messages.map((message) => oracle.decode(message));
      const found: unknown[] = [];
      for (let index = 1; index < places.length; index += 1) {
        scanner.push(Buffer.from(bytes.subarray(places[index - 1], places[index])));
        while (scanner.next()) found.push(comparable(decoder.decode(scanner.buffer, scanner.start + 25, scanner.end)));
      }
      expect(found).toEqual(expected);
    }),
    { numRuns: 150 },
  );
});

test('a message that is cut off anywhere is refused, and never read beyond its end', () => {
  fc.assert(
    fc.property(random, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (messages, part) => {
      for (const message of messages) {
        const end = Math.floor(message.length * part);
        // What stands behind the end is the next message, which must not be taken for the rest of this one.
        const around = Buffer.concat([message.subarray(0, end), message.subarray(end)]);
        expect(() => new PgoutputDecoder().decode(around, 0, end)).toThrow(MalformedMessage);
      }
    }),
    { numRuns: 150 },
  );
});

test('a message and a value of an unknown type are refused', () => {
  expect(() => new PgoutputDecoder().decode(Buffer.from('!'), 0, 1)).toThrow('unknown message type 33');
  const insert = insertMessage(7, ['x']);
  insert[8] = 0x3f;
  expect(() => new PgoutputDecoder().decode(insert, 0, insert.length)).toThrow('unknown value kind 63');
});
